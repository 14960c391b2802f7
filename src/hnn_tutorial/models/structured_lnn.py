"""A Lagrangian whose mass matrix is positive definite by construction."""

import torch
from torch import Tensor

from hnn_tutorial._validate import check_input
from hnn_tutorial.models._lagrangian import LagrangianNetwork, inverse_times
from hnn_tutorial.models.cholesky import CholeskyFactor, start_near
from hnn_tutorial.models.embedding import Embedding


class StructuredLNN(LagrangianNetwork):
    r"""A network for the mass matrix and the potential, both functions of q alone.

    .. math:: L_\theta(q, \dot q) = \tfrac12 \dot q^\top A_\theta(q)\, \dot q - V_\theta(q),
              \qquad A_\theta = K_\theta K_\theta^\top + \varepsilon I \succ 0

    .. math:: A_\theta \ddot q = \tfrac12 \nabla_q\!\left(\dot q^\top A_\theta \dot q\right)
              - \dot A_\theta \dot q - \nabla V_\theta

    One network of q gives the lower triangular K and V; K starts near the identity. So the
    acceleration always exists, and only first derivatives of the network are needed. Every
    mechanical system with time-independent coordinates and a potential V(q) has this form. A
    relativistic particle and a charge in a magnetic field do not; they need the ``LNN``.

    References:
        Lutter, Ritter & Peters 2019 (Deep Lagrangian Networks).
    """

    kind = "structured_lnn"

    FLOOR = 1e-4
    """ε, the least eigenvalue of a mass matrix."""

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the network of K and V."""
        n = self.degrees
        self.embedding = Embedding(n, self.angles, dtype)
        self.factor = CholeskyFactor(n, dtype)
        self.network = self.dense(self.embedding.size, self.factor.size + 1, generator, dtype)
        start_near(self.network.layers[-1], self.factor, 1.0)

    def potential(self, q: Tensor) -> Tensor:
        """Return V of the positions, ``(..., n) -> (...,)``; right up to a constant."""
        check_input(q, "q", self.degrees, self.embedding.choose.dtype)
        return self.network(self.embedding(q))[..., -1]

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return the learned L of ``[q, q̇]``, ``(..., 2n) -> (...,)``."""
        kinetic, potential = self._energies(x)
        return kinetic - potential

    def energy(self, x: Tensor) -> Tensor:
        """Return ``½ q̇ᵀAq̇ + V``, constant along the model's own motion at any weights."""
        kinetic, potential = self._energies(x)
        return kinetic + potential

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return M, positive definite, ``(..., 2n) -> (..., n, n)``."""
        self._check(x)
        return self._mass(self._factor_and_potential(x[..., : self.degrees])[0])

    def acceleration(self, x: Tensor) -> Tensor:
        """Return q̈, ``(..., 2n) -> (..., n)``."""
        self._check(x)
        n = self.degrees
        q, velocity = x.chunk(2, dim=-1)
        basis = torch.eye(n, dtype=x.dtype, device=x.device).expand(*q.shape, n)
        outputs, slopes = self.network.value_and_tangents(
            self.embedding(q), self.embedding.push_forward(q, basis)
        )
        K = self.factor(outputs[..., :-1])
        dK = self.factor.tangents(outputs[..., :-1], slopes[..., :-1])  # dK[..., k, :, :] = ∂K/∂q_k
        dV = slopes[..., -1]
        v = velocity.unsqueeze(-1)
        u = K.mT @ v
        # Along the motion K changes at the rate dK/dt = Σ v_k ∂K/∂q_k.
        rate = (velocity[..., None, None] * dK).sum(dim=-3)
        u_by_q = (dK.mT @ v.unsqueeze(-3)).squeeze(-1)  # ∂u/∂q_k at fixed velocity
        # T = |u|²/2, and M q̇ = K u: so ∂T/∂q_k = u · ∂u/∂q_k and Ṁ q̇ = K̇ u + K K̇ᵀ q̇.
        force = (u_by_q @ u).squeeze(-1) - dV - (rate @ u + K @ (rate.mT @ v)).squeeze(-1)
        return inverse_times(self._mass(K), force)[0]

    def _energies(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self._check(x)
        q, velocity = x.chunk(2, dim=-1)
        K, potential = self._factor_and_potential(q)
        u = (K.mT @ velocity.unsqueeze(-1)).squeeze(-1)
        kinetic = (u.square().sum(-1) + self.FLOOR * velocity.square().sum(-1)) / 2
        return kinetic, potential

    def _factor_and_potential(self, q: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.network(self.embedding(q))
        return self.factor(outputs[..., :-1]), outputs[..., -1]

    def _mass(self, K: Tensor) -> Tensor:
        identity = torch.eye(self.degrees, dtype=K.dtype, device=K.device)
        return K @ K.mT + self.FLOOR * identity
