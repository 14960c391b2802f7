"""The double pendulum: a pendulum that hangs from a pendulum."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count, check_not_negative
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._system import System, parameter, uniform


@dataclass(frozen=True)
class DoublePendulum(System):
    r"""Two masses on massless rods, one below the other; both angles are measured from hanging
    down.

    .. math:: L = \tfrac12 \dot\theta^\top A(\theta)\, \dot\theta - V(\theta), \qquad
              H = \tfrac12 p^\top A(\theta)^{-1} p + V(\theta)

    .. math:: A = \begin{pmatrix} (m_1 + m_2) l_1^2 & m_2 l_1 l_2 \cos(\theta_1 - \theta_2) \\
                                  m_2 l_1 l_2 \cos(\theta_1 - \theta_2) & m_2 l_2^2
                  \end{pmatrix}

    .. math:: V = (m_1 + m_2)\, g l_1 (1 - \cos\theta_1) + m_2\, g l_2 (1 - \cos\theta_2)

    .. math:: \dot\theta = A^{-1} p

    .. math:: \dot p_1 = -m_2 l_1 l_2 \dot\theta_1 \dot\theta_2 \sin(\theta_1 - \theta_2)
                         - (m_1 + m_2)\, g l_1 \sin\theta_1

    .. math:: \dot p_2 = m_2 l_1 l_2 \dot\theta_1 \dot\theta_2 \sin(\theta_1 - \theta_2)
                         - m_2\, g l_2 \sin\theta_2

    Since A depends on the angles, H is not separable and each momentum mixes both velocities. Large
    swings are chaotic; only the energy is conserved.

    Args:
        mass1: m₁, of the upper bob, in kg.
        mass2: m₂, of the lower bob, in kg.
        length1: l₁, of the upper rod, in m.
        length2: l₂, of the lower rod, in m.
        gravity: g, in m/s².
    """

    mass1: float = parameter(1.0, "kg", "mass of the upper bob")
    mass2: float = parameter(1.0, "kg", "mass of the lower bob")
    length1: float = parameter(1.0, "m", "length of the upper rod")
    length2: float = parameter(1.0, "m", "length of the lower rod")
    gravity: float = parameter(9.81, "m/s²", "acceleration of free fall")

    name = "double_pendulum"
    title = "double pendulum"
    degrees = 2
    coordinates = (("θ1", "rad"), ("θ2", "rad"), ("p1", "kg m²/s"), ("p2", "kg m²/s"))

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return A, in kg m², ``(..., 4) -> (..., 2, 2)``; it depends on the angles alone."""
        upper, lower, coupling = self._inertias(x)
        diagonal = torch.diag_embed(torch.stack([upper, lower], dim=-1))
        off = torch.stack([coupling, torch.zeros_like(coupling)], dim=-1)
        off = torch.diag_embed(off[..., :1], offset=1)
        return diagonal + off + off.mT

    def potential(self, x: Tensor) -> Tensor:
        """Return V, in J, zero at rest, ``(..., 4) -> (...,)``."""
        w1, w2 = self._torques
        return w1 * (1 - torch.cos(x[..., 0])) + w2 * (1 - torch.cos(x[..., 1]))

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy ½ pᵀM⁻¹p + V, in J; zero at rest."""
        return (x[..., 2:] * self._velocity(x)).sum(-1) / 2 + self.potential(x)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return ½ θ̇ᵀMθ̇ − V of ``[θ, θ̇]``, in J."""
        upper, lower, coupling = self._inertias(x)
        v1, v2 = x[..., 2], x[..., 3]
        kinetic = upper * v1**2 / 2 + lower * v2**2 / 2 + coupling * v1 * v2
        return kinetic - self.potential(x)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[θ̇, ṗ]`` in the closed form above."""
        q1, q2 = x[..., 0], x[..., 1]
        velocity = self._velocity(x)
        w1, w2 = self._torques
        arm = self.mass2 * self.length1 * self.length2
        whirl = arm * velocity[..., 0] * velocity[..., 1] * torch.sin(q1 - q2)
        force = [-whirl - w1 * torch.sin(q1), whirl - w2 * torch.sin(q2)]
        return torch.cat([velocity, torch.stack(force, dim=-1)], dim=-1)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        angle: float = math.pi,
        speed: float = 10.0,
    ) -> Tensor:
        """Draw states with both angles and both angular velocities uniform, as ``[θ, p]``.

        Args:
            count: how many.
            seed: integer or generator.
            angle: the largest, in rad; π draws from the full circle.
            speed: the largest angular velocity, in rad/s.

        Returns:
            States, ``(count, 4)``; ``velocities`` gives them as ``[θ, θ̇]``.

        References:
            Cranmer et al. 2020 (the same intervals for their training states, for
            m = l = 1 and g = 9.8; they test from near rest, speed 0.1).
        """
        check_count(count=count)
        check_not_negative(angle=angle, speed=speed)
        generator = as_generator(seed)
        q = uniform((count, 2), (-angle, angle), generator)
        velocity = uniform((count, 2), (-speed, speed), generator)
        return self.momenta(torch.cat([q, velocity], dim=-1))

    @property
    def _torques(self) -> tuple[float, float]:
        """The largest torque of gravity about each joint, in J."""
        upper = (self.mass1 + self.mass2) * self.gravity * self.length1
        return upper, self.mass2 * self.gravity * self.length2

    def _inertias(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return M₁₁, M₂₂ and M₁₂."""
        coupling = self.mass2 * self.length1 * self.length2 * torch.cos(x[..., 0] - x[..., 1])
        upper = (self.mass1 + self.mass2) * self.length1**2 * torch.ones_like(coupling)
        lower = self.mass2 * self.length2**2 * torch.ones_like(coupling)
        return upper, lower, coupling

    def _velocity(self, x: Tensor) -> Tensor:
        upper, lower, coupling = self._inertias(x)
        p1, p2 = x[..., 2], x[..., 3]
        determinant = upper * lower - coupling**2
        solved = torch.stack([lower * p1 - coupling * p2, upper * p2 - coupling * p1], dim=-1)
        return solved / determinant.unsqueeze(-1)
