"""The activation functions of the dense networks, with their derivatives."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus


class Activation(NamedTuple):
    """An activation function, its first three derivatives, and the gain of its initial weights.

    Each derivative is given what is already known, so that no tanh is computed twice.
    """

    value: Callable[[Tensor], Tensor]
    """``z -> σ(z)``"""
    derivative: Callable[[Tensor, Tensor], Tensor]
    """``(z, σ) -> σ'``"""
    times_derivative: Callable[[Tensor, Tensor, Tensor], Tensor]
    """``(g, z, σ) -> g σ'``"""
    second_derivative: Callable[[Tensor, Tensor], Tensor]
    """``(σ, σ') -> σ''``"""
    third_derivative: Callable[[Tensor, Tensor, Tensor], Tensor]
    """``(σ, σ', σ'') -> σ'''``"""
    gain: float


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(
        torch.tanh,
        lambda z, a: 1 - a * a,
        # One pass over the memory for g (1 − σ²), and one for each of its derivatives.
        lambda g, z, a: torch.ops.aten.tanh_backward(g, a),
        lambda a, s: -2 * a * s,
        lambda a, s, b: s * (4 - 6 * s),
        5 / 3,
    ),
    "softplus": Activation(
        softplus,
        lambda z, a: torch.sigmoid(z),
        lambda g, z, a: g * torch.sigmoid(z),
        lambda a, s: s * (1 - s),
        lambda a, s, b: b * (1 - 2 * s),
        2**0.5,
    ),
    "sin": Activation(
        torch.sin,
        lambda z, a: torch.cos(z),
        lambda g, z, a: g * torch.cos(z),
        lambda a, s: -a,
        lambda a, s, b: -s,
        1.0,
    ),
}
"""The activation functions by name.

All are smooth, since a field is a derivative of the network, and training needs one more. The
second derivative of a ReLU network is zero almost everywhere."""
