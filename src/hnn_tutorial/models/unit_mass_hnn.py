"""A Hamiltonian whose kinetic energy is known: only the potential is a network."""

import torch
from torch import Tensor

from hnn_tutorial.models._model import Model
from hnn_tutorial.models.embedding import Embedding


class UnitMassHNN(Model):
    r"""A network for the potential of coordinates whose momenta are their velocities.

    .. math:: H_\theta(q, p) = \tfrac12 |p|^2 + V_\theta(q), \qquad \dot q = p, \qquad
              \dot p = -\nabla V_\theta(q)

    The least that a Hamiltonian can leave open. For coordinates that are themselves learned that
    is a help: they must become such that this energy is right. For given ones it is an assumption,
    so the class stands beside ``MODELS``.

    References:
        Toth et al. 2020 (whose networks for pictures take this form too).
    """

    kind = "unit_mass_hnn"

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the network of V."""
        self.embedding = Embedding(self.degrees, self.angles, dtype)
        self.network = self.dense(self.embedding.size, 1, generator, dtype)

    def potential(self, q: Tensor) -> Tensor:
        """Return V, ``(..., n) -> (...,)``; right up to a constant."""
        return self.network(self.embedding(q)).squeeze(-1)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the learned energy, ``(..., 2n) -> (...,)``; right up to a constant."""
        self._check(x)
        q, p = x.chunk(2, dim=-1)
        return p.square().sum(-1) / 2 + self.potential(q)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[p, −∇V(q)]``, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        q, p = x.chunk(2, dim=-1)
        slope = self.embedding.pull_back(q, self.network.input_gradient(self.embedding(q)))
        return torch.cat([p, -slope], dim=-1)
