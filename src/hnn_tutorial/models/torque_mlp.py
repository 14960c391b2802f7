"""A plain network for the torques of a machine: the rival of a learned Lagrangian."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial._angles import check_angles
from hnn_tutorial._validate import check_count, check_dtype, check_input, check_type
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.models.embedding import Embedding
from hnn_tutorial.random import as_generator


class TorqueMLP(nn.Module):
    r"""Torques as a network of the state and of the acceleration that is wanted.

    .. math:: u = \tau_\theta(q, \dot q, \ddot q)

    Nothing makes it linear in the acceleration, or come from an energy. It is no row of
    ``MODELS``, as it has no field: ``training.torque_residual`` and ``control.computed_torque``
    take its ``inverse_dynamics``.

    Args:
        degrees: n.
        hidden: widths of the hidden layers.
        activation: a key of ``ACTIVATIONS``.
        angles: indices of the positions that are angles.
        seed: draws the initial weights.
        dtype: of the weights.

    References:
        Lutter, Ritter & Peters 2019 (a rival of theirs is such a network).
    """

    kind = "torque_mlp"

    def __init__(
        self,
        degrees: int,
        hidden: Sequence[int] = (32, 32),
        activation: str = "tanh",
        *,
        angles: Sequence[int] = (),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        check_count(degrees=degrees)
        check_type((list, tuple), "the widths of hidden layers, such as (32, 32)", hidden=hidden)
        check_dtype(dtype)
        self.degrees, self.hidden = int(degrees), tuple(hidden)
        self.activation, self.dtype = activation, dtype
        self.angles = check_angles(angles, self.degrees)
        self.embedding = Embedding(3 * self.degrees, self.angles, dtype)
        sizes = (self.embedding.size, *self.hidden, self.degrees)
        self.network = DenseNetwork(sizes, activation, seed=as_generator(seed), dtype=dtype)

    @property
    def config(self) -> dict[str, Any]:
        """The shape of the model, as plain JSON values."""
        return {
            "degrees": self.degrees,
            "hidden": list(self.hidden),
            "activation": self.activation,
            "angles": list(self.angles),
        }

    def inverse_dynamics(self, x: Tensor, acceleration: Tensor) -> Tensor:
        """Return the torques that an acceleration takes.

        Args:
            x: states ``[q, q̇]``, ``(..., 2n)``.
            acceleration: q̈ that is wanted, ``(..., n)``.

        Returns:
            u, ``(..., n)``.

        Raises:
            TypeError, ValueError: if the two do not fit the model or each other.
        """
        check_input(x, "x", 2 * self.degrees, self.dtype)
        check_input(acceleration, "acceleration", self.degrees, self.dtype)
        if x.shape[:-1] != acceleration.shape[:-1]:
            raise ValueError(
                f"x has shape {tuple(x.shape)} and acceleration {tuple(acceleration.shape)}; "
                "expected the same batch"
            )
        seen = torch.cat([x, acceleration], dim=-1)
        value: Tensor = self.network(self.embedding(seen))
        return value

    def forward(self, x: Tensor, acceleration: Tensor) -> Tensor:
        """Return ``inverse_dynamics(x, acceleration)``."""
        return self.inverse_dynamics(x, acceleration)
