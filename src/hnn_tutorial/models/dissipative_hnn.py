"""A Hamiltonian neural network with friction that can only remove energy."""

import torch
from torch import Tensor

from hnn_tutorial.mechanics import symplectic_form
from hnn_tutorial.models._linearised import Linearised
from hnn_tutorial.models.cholesky import CholeskyFactor, start_near
from hnn_tutorial.models.hnn import HNN


class DissipativeHNN(HNN):
    r"""A network for H, and one for the friction.

    .. math:: \dot x = (J - R(x)) \nabla H_\theta, \qquad
              R = \begin{pmatrix} 0 & 0 \\ 0 & D_\theta(q, p) \end{pmatrix}, \qquad
              D_\theta = K_\theta K_\theta^\top \succeq 0

    .. math:: \dot q = \frac{\partial H_\theta}{\partial p}, \qquad
              \dot p = -\frac{\partial H_\theta}{\partial q}
                       - D_\theta \frac{\partial H_\theta}{\partial p}, \qquad
              \dot H_\theta = -\left|K_\theta^\top \dot q\right|^2 \le 0

    So at any weights its energy never rises. A second network gives the lower triangular K,
    which starts small.
    Friction is a force, and a force moves p alone: a block of R on the positions would make the
    velocity differ from ∂H/∂p. D may depend on all of the state, which admits air drag, :math:`D
    \propto |\dot q|`, besides linear friction.

    This is the port-Hamiltonian form without its ports, as in Zhong, Dey & Chakraborty 2020,
    who let D depend on q alone. Sosanya & Greydanus 2022 add the gradient of a second scalar
    instead, :math:`\dot x = J \nabla H + \nabla D`; that splits any field in two, and nothing
    keeps its energy from rising.

    References:
        Zhong, Dey & Chakraborty 2020 (Dissipative SymODEN); van der Schaft & Jeltsema 2014.
    """

    kind = "dissipative_hnn"

    FIRST = 0.1
    """The diagonal of K before training."""

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the networks of H and of K."""
        super().build(generator, dtype)
        self.factor = CholeskyFactor(self.degrees, dtype)
        self.friction = self.dense(self.embedding.size, self.factor.size, generator, dtype)
        start_near(self.friction.layers[-1], self.factor, self.FIRST)

    def friction_matrix(self, x: Tensor) -> Tensor:
        """Return D, positive semi-definite, ``(..., 2n) -> (..., n, n)``."""
        self._check(x)
        K = self._factor(x)
        return K @ K.mT

    def field(self, x: Tensor) -> Tensor:
        """Return ``(J − R) ∇H``, ``(..., 2n) -> (..., 2n)``."""
        velocity, force = super().field(x).chunk(2, dim=-1)
        K = self._factor(x)
        drag = K @ (K.mT @ velocity.unsqueeze(-1))
        return torch.cat([velocity, force - drag.squeeze(-1)], dim=-1)

    def field_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how the field changes with the weights, ``(B, 2n, P)``, and the field."""
        n = self.degrees
        features = self.embedding(x)
        walk = Linearised(self.friction, features)
        K = self.factor(walk.values)
        # Each component of (J − R)∇H is the slope of H along a row of J − R.
        rows = symplectic_form(n, dtype=x.dtype, device=x.device).repeat(len(x), 1, 1)
        rows[:, n:, n:] -= K @ K.mT
        by_energy, field = self.network.slope_jacobian(
            features, self.embedding.push_forward(x, rows)
        )
        # And −K Kᵀ q̇ changes with K, by the rows e of the unit matrix.
        K, v = K.unsqueeze(-3), field[..., None, :n, None]
        each = torch.eye(n, dtype=x.dtype, device=x.device).unsqueeze(-1)
        by_K = self.factor.picked(-each @ (K.mT @ v).mT - v @ (K.mT @ each).mT)
        slope, _ = self.factor.slopes(walk.values)
        by_friction = walk.jacobian(values=slope.unsqueeze(-2) * by_K)
        free = torch.zeros_like(by_friction)
        return torch.cat([by_energy, torch.cat([free, by_friction], dim=1)], dim=-1), field

    def _factor(self, x: Tensor) -> Tensor:
        return self.factor(self.friction(self.embedding(x)))
