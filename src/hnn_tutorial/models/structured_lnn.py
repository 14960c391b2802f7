"""A Lagrangian whose mass matrix is positive definite by construction."""

import torch
from torch import Tensor

from hnn_tutorial._validate import check_input
from hnn_tutorial.models._lagrangian import LagrangianNetwork, inverse_times
from hnn_tutorial.models._linearised import Linearised
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
        K, force = self._equation(x)
        return inverse_times(self._mass(K), force)[0]

    def acceleration_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how q̈ changes with the weights, ``(B, n, P)``, and q̈ ``(B, n)``."""
        K, force = self._equation(x)
        acceleration, inverse = inverse_times(self._mass(K), force)
        q, velocity = x.chunk(2, dim=-1)
        walk = Linearised(
            self.network,
            self.embedding(q),
            along=self.embedding.push_forward(q, inverse),
            shared=self.embedding.push_forward(q, velocity.unsqueeze(-2)).squeeze(-2),
        )
        by_numbers, by_rise, by_drift = self._factor_gradients(
            walk.values[..., :-1],
            walk.along[..., :-1],
            walk.shared[..., :-1],
            velocity,
            acceleration,
            inverse,
        )
        nothing = torch.zeros_like(by_numbers[..., :1])
        J = walk.jacobian(
            values=torch.cat([by_numbers, nothing], dim=-1),
            along=torch.cat([by_rise, nothing[..., 0, :] - 1], dim=-1),
            shared=torch.cat([by_drift, nothing], dim=-1),
        )
        return J, acceleration

    def _factor_gradients(
        self,
        numbers: Tensor,
        rise: Tensor,
        drift: Tensor,
        velocity: Tensor,
        acceleration: Tensor,
        inverse: Tensor,
    ) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return how each component of q̈ changes with the numbers of K and their slopes.

        With λ a row of :math:`A^{-1}`, a component of q̈ changes as

        .. math:: \lambda \cdot (F - A \ddot q) = u \cdot K_\lambda^\top \dot q - V_\lambda
                  - \lambda \cdot \bigl(\dot K u + K \dot K^\top \dot q + K K^\top \ddot q
                  + \varepsilon\, \ddot q\bigr), \qquad u = K^\top \dot q,

        does at fixed λ and q̈. So it takes the slopes of K in two directions, λ and q̇, where the
        force takes all n.

        Args:
            numbers: that K is made of, ``(..., m)``.
            rise: their slopes along each λ, ``(..., n, m)``.
            drift: their slopes along q̇, ``(..., m)``.
            velocity: q̇.
            acceleration: q̈.
            inverse: :math:`A^{-1}`, ``(..., n, n)``.

        Returns:
            By the numbers ``(..., n, m)``, by ``rise`` ``(..., m)``, by ``drift`` ``(..., n, m)``.
        """
        drift = drift.unsqueeze(-2)
        K = self.factor(numbers).unsqueeze(-3)
        K_along, K_dot = self.factor.tangents(numbers, rise), self.factor.tangents(numbers, drift)
        # Columns, with an axis before them for the rows λ.
        row, v, a = (
            inverse.unsqueeze(-1),
            velocity[..., None, :, None],
            acceleration[..., None, :, None],
        )
        u, seen = K.mT @ v, K.mT @ row
        by_K_along = self.factor.picked(v @ u.mT)
        by_K_dot = self.factor.picked(-row @ u.mT - v @ seen.mT)
        by_K = self.factor.picked(
            v @ (K_along.mT @ v - K_dot.mT @ row).mT
            - row @ (K_dot.mT @ v + K.mT @ a).mT
            - a @ seen.mT
        )
        slope, bend = (d.unsqueeze(-2) for d in self.factor.slopes(numbers))
        by_numbers = slope * by_K + bend * (rise * by_K_along + drift * by_K_dot)
        return by_numbers, (slope * by_K_along).squeeze(-2), slope * by_K_dot

    def _equation(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return K and what the mass matrix is multiplied with q̈ to give."""
        n = self.degrees
        q, velocity = x.chunk(2, dim=-1)
        basis = torch.eye(n, dtype=x.dtype, device=x.device).expand(*q.shape, n)
        outputs, slopes = self.network.value_and_tangents(
            self.embedding(q), self.embedding.push_forward(q, basis)
        )
        K = self.factor(outputs[..., :-1])
        dK = self.factor.tangents(outputs[..., :-1], slopes[..., :-1])  # dK[..., k, :, :] = ∂K/∂q_k
        return K, self._force(K, dK, slopes[..., -1], velocity)

    @staticmethod
    def _force(K: Tensor, dK: Tensor, dV: Tensor, velocity: Tensor) -> Tensor:
        """Return ``½ ∇(q̇ᵀAq̇) − Ȧq̇ − ∇V``, of the derivatives of K and V by each position."""
        v = velocity.unsqueeze(-1)
        u = K.mT @ v
        # Along the motion K changes at the rate dK/dt = Σ v_k ∂K/∂q_k.
        rate = (velocity[..., None, None] * dK).sum(dim=-3)
        u_by_q = (dK.mT @ v.unsqueeze(-3)).squeeze(-1)  # ∂u/∂q_k at fixed velocity
        # T = |u|²/2, and M q̇ = K u: so ∂T/∂q_k = u · ∂u/∂q_k and Ṁ q̇ = K̇ u + K K̇ᵀ q̇.
        return (u_by_q @ u).squeeze(-1) - dV - (rate @ u + K @ (rate.mT @ v)).squeeze(-1)

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
