"""What every model shares: its shape, and a plain description to rebuild it from."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import check_state
from hnn_tutorial.models.dense import DenseNetwork


class Model(nn.Module):
    """A learnable field of states ``[q, p]``.

    A new model is a subclass in a file of its own, with ``field`` and, where it has one,
    ``hamiltonian`` or ``lagrangian``; and a row in ``MODELS``.

    Args:
        degrees: n, the degrees of freedom; the state has 2n components.
        hidden: widths of the hidden layers.
        activation: a key of ``ACTIVATIONS``.
        seed: draws the initial weights.
        dtype: of the weights.
    """

    kind: ClassVar[str]

    def __init__(
        self,
        degrees: int,
        hidden: Sequence[int] = (32, 32),
        activation: str = "tanh",
        *,
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        if not isinstance(degrees, int) or degrees < 1:
            raise ValueError(f"degrees = {degrees!r}; expected a positive integer")
        self.degrees = degrees
        self.hidden = tuple(hidden)
        self.activation = activation
        sizes = (2 * degrees, *self.hidden, self.outputs(degrees))
        self.network = DenseNetwork(sizes, activation, seed=seed, dtype=dtype)

    @staticmethod
    def outputs(degrees: int) -> int:
        """Return how many outputs the network has."""
        raise NotImplementedError

    def field(self, x: Tensor) -> Tensor:
        """Return the learned time derivative ``[q̇, ṗ]``, ``(..., 2n) -> (..., 2n)``."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Return ``field(x)``."""
        return self.field(x)

    @property
    def config(self) -> dict:
        """What ``build_model`` needs to make a model of this shape, as plain JSON values."""
        return {
            "degrees": self.degrees,
            "hidden": list(self.hidden),
            "activation": self.activation,
        }

    def _check(self, x: Tensor) -> None:
        n = check_state(x)
        if n != self.degrees:
            raise ValueError(
                f"state has {2 * n} components on its last axis; this model was made for "
                f"{2 * self.degrees} (degrees = {self.degrees})"
            )
        weights = self.network.layers[0].weight
        if x.dtype != weights.dtype:
            raise TypeError(
                f"state has dtype {x.dtype}, the model has {weights.dtype}; convert one with "
                ".to(dtype)"
            )


def parameter_count(model: nn.Module) -> int:
    """Return the number of trainable numbers in a model."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
