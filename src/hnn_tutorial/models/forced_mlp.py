"""A plain network of a motion under inputs: the rival of a learned Lagrangian with motors."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial._angles import check_angles
from hnn_tutorial._validate import check_count, check_dtype, check_input, check_type
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.models.embedding import Embedding
from hnn_tutorial.random import as_generator


class ForcedMLP(nn.Module):
    r"""Accelerations as a network of the state, plus inputs times a network of the positions.

    .. math:: \ddot q = a_\theta(q, \dot q) + b_\theta(q)\, u

    Every machine without a loop has this form; nothing here makes it come from an energy. It is no
    row of ``MODELS``, as its field has an input: ``control.simulate``, ``control.linearise`` and
    ``training.forced_residual`` take it as it is.

    Args:
        degrees: n.
        hidden: widths of the hidden layers of a.
        gain_hidden: widths of the hidden layers of b.
        inputs: m, the number of motors.
        activation: a key of ``ACTIVATIONS``.
        angles: indices of the positions that are angles.
        seed: draws the initial weights.
        dtype: of the weights.

    References:
        Zhong, Dey & Chakraborty 2020 (the same form for the inputs, their baseline).
    """

    kind = "forced_mlp"

    def __init__(
        self,
        degrees: int,
        hidden: Sequence[int] = (32, 32),
        gain_hidden: Sequence[int] = (8,),
        *,
        inputs: int = 1,
        activation: str = "tanh",
        angles: Sequence[int] = (),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        check_count(degrees=degrees, inputs=inputs)
        check_type(
            (list, tuple),
            "the widths of hidden layers, such as (32, 32)",
            hidden=hidden,
            gain_hidden=gain_hidden,
        )
        check_dtype(dtype)
        self.degrees, self.inputs = int(degrees), int(inputs)
        self.hidden, self.gain_hidden = tuple(hidden), tuple(gain_hidden)
        self.activation, self.dtype = activation, dtype
        self.angles = check_angles(angles, self.degrees)
        generator, n = as_generator(seed), self.degrees
        self.state = Embedding(2 * n, self.angles, dtype)
        self.place = Embedding(n, self.angles, dtype)
        sizes = (self.state.size, *self.hidden, n)
        self.free = DenseNetwork(sizes, activation, seed=generator, dtype=dtype)
        sizes = (self.place.size, *self.gain_hidden, n * self.inputs)
        self.gain = DenseNetwork(sizes, activation, seed=generator, dtype=dtype)

    @property
    def config(self) -> dict[str, Any]:
        """The shape of the model, as plain JSON values."""
        return {
            "degrees": self.degrees,
            "hidden": list(self.hidden),
            "gain_hidden": list(self.gain_hidden),
            "inputs": self.inputs,
            "activation": self.activation,
            "angles": list(self.angles),
        }

    def field(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the motion ``[q̇, q̈]`` under inputs, ``(..., 2n), (..., m) -> (..., 2n)``.

        Args:
            x: states ``[q, q̇]``, ``(..., 2n)``.
            u: inputs, ``(..., m)``.
        """
        n = self.degrees
        check_input(x, "x", 2 * n, self.dtype)
        check_input(u, "u", self.inputs, self.dtype)
        if x.shape[:-1] != u.shape[:-1]:
            raise ValueError(
                f"x has shape {tuple(x.shape)} and u {tuple(u.shape)}; expected the same batch"
            )
        gain = self.gain(self.place(x[..., :n])).unflatten(-1, (n, self.inputs))
        acceleration = self.free(self.state(x)) + (gain @ u.unsqueeze(-1)).squeeze(-1)
        return torch.cat([x[..., n:], acceleration], dim=-1)

    def forward(self, x: Tensor, u: Tensor) -> Tensor:
        """Return ``field(x, u)``."""
        return self.field(x, u)
