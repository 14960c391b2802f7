"""A Hamiltonian of two networks, one of the momenta and one of the positions."""

import torch
from torch import Tensor

from hnn_tutorial.models._model import Model
from hnn_tutorial.models.embedding import Embedding


class SeparableHNN(Model):
    r"""Two networks, for the kinetic and the potential energy.

    .. math:: H_\theta(q, p) = T_\theta(p) + V_\theta(q), \qquad
              \dot q = \frac{\partial T_\theta}{\partial p}, \qquad
              \dot p = -\frac{\partial V_\theta}{\partial q}

    It cannot represent an H that mixes positions and momenta, such as the double pendulum's. In
    return, leapfrog and the other splitting methods apply to it: its rollouts are symplectic at the
    cost of an explicit method. Both networks have the given hidden layers.

    References:
        Chen et al. 2020 (Symplectic Recurrent Neural Networks).
    """

    kind = "separable_hnn"

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the networks of T and V."""
        self.embedding = Embedding(self.degrees, self.angles, dtype)
        self.kinetic = self.dense(self.degrees, 1, generator, dtype)
        self.potential = self.dense(self.embedding.size, 1, generator, dtype)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the learned energy, ``(..., 2n) -> (...,)``; right up to a constant."""
        self._check(x)
        q, p = x.chunk(2, dim=-1)
        return (self.kinetic(p) + self.potential(self.embedding(q))).squeeze(-1)

    def field(self, x: Tensor) -> Tensor:
        """Return ``hamiltonian_field(self.hamiltonian)(x)``, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        q, p = x.chunk(2, dim=-1)
        dV = self.embedding.pull_back(q, self.potential.input_gradient(self.embedding(q)))
        return torch.cat([self.kinetic.input_gradient(p), -dV], dim=-1)

    def field_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how the field changes with the weights, ``(B, 2n, P)``, and the field."""
        q, p = x.chunk(2, dim=-1)
        each = torch.eye(self.degrees, dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
        by_kinetic, velocity = self.kinetic.slope_jacobian(p, each)
        directions = self.embedding.push_forward(q, -each)
        by_potential, force = self.potential.slope_jacobian(self.embedding(q), directions)
        J = torch.cat(
            [
                torch.cat([by_kinetic, torch.zeros_like(by_kinetic)], dim=1),
                torch.cat([torch.zeros_like(by_potential), by_potential], dim=1),
            ],
            dim=-1,
        )
        return J, torch.cat([velocity, force], dim=-1)
