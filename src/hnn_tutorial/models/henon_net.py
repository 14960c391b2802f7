"""A symplectic map made of Hénon maps."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hnn_tutorial.models._flow_map import FlowMap
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.models.embedding import Embedding


class HenonNet(FlowMap):
    r"""Layers of Hénon maps, each with a network for its potential.

    .. math:: (q, p) \mapsto \left(p + \eta,\; \nabla V_\theta(p) - q\right)

    A layer applies its map four times, since four times is the identity where V = 0 and η = 0. The
    map is symplectic at any weights: it exchanges q and p, and shears. Its inverse is
    :math:`(q, p) \mapsto (\nabla V_\theta(q - \eta) - p,\; q - \eta)`.

    Args:
        degrees: n, the degrees of freedom; the state has 2n components.
        hidden: the number of hidden units of each layer's V.
        activation: a key of ``ACTIVATIONS``.
        angles: none, since a layer puts momenta where positions were.
        seed: draws the initial weights.
        dtype: of the weights.

    Raises:
        ValueError: if there are angles.

    References:
        Burby, Tang & Maulik 2020.
    """

    kind = "henon_net"

    potentials: Sequence[DenseNetwork]

    ROUNDS = 4

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the networks of the layers."""
        if self.angles:
            raise ValueError(
                f"angles = {self.angles}; a HenonNet exchanges positions and momenta, so none of "
                "them can be an angle: use a SympNet"
            )
        if not self.hidden:
            raise ValueError("hidden = (); expected the number of units of each layer: (16, 16)")
        n = self.degrees
        self.embedding = Embedding(n, (), dtype)
        self.potentials = nn.ModuleList(  # type: ignore[assignment]  # it forgets what it holds
            DenseNetwork((n, width, 1), self.activation, seed=generator, dtype=dtype)
            for width in self.hidden
        )
        self.shifts = nn.Parameter(torch.zeros(len(self.hidden), n, dtype=dtype))

    def map(self, x: Tensor) -> Tensor:
        """Return the states one step later, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        q, p = x.chunk(2, dim=-1)
        for potential, shift in zip(self.potentials, self.shifts, strict=True):
            for _ in range(self.ROUNDS):
                q, p = p + shift, potential.input_gradient(p) - q
        return torch.cat([q, p], dim=-1)

    def inverse(self, x: Tensor) -> Tensor:
        """Return the states one step earlier, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        q, p = x.chunk(2, dim=-1)
        for potential, shift in reversed(list(zip(self.potentials, self.shifts, strict=True))):
            for _ in range(self.ROUNDS):
                q, p = potential.input_gradient(q - shift) - p, q - shift
        return torch.cat([q, p], dim=-1)

    @staticmethod
    def fewest_weights(degrees: int, hidden: tuple[int, ...]) -> int:
        """Return the number of weights of its matrices."""
        return sum((degrees + 1) * width for width in hidden)
