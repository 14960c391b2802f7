"""An arm of two rigid links with a motor in each joint."""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count, check_input, check_not_negative
from hnn_tutorial.mechanics import solve_mass_matrix
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._system import System, parameter, uniform


@dataclass(frozen=True)
class TwoLinkArm(System):
    r"""Two rigid links in a vertical plane: a shoulder that is fixed, and an elbow.

    θ₁ is the angle of the first link from hanging down, θ₂ that of the second from the first: the
    angles that a robot measures at its joints. Five numbers say all that the motion depends on,

    .. math:: a_1 = I_1 + I_2 + m_1 c_1^2 + m_2 (l_1^2 + c_2^2), \quad
              a_2 = m_2 l_1 c_2, \quad a_3 = I_2 + m_2 c_2^2

    .. math:: g_1 = (m_1 c_1 + m_2 l_1)\, g, \qquad g_2 = m_2 c_2\, g

    and with them

    .. math:: A = \begin{pmatrix} a_1 + 2 a_2 \cos\theta_2 & a_3 + a_2 \cos\theta_2 \\
                                  a_3 + a_2 \cos\theta_2 & a_3 \end{pmatrix}, \qquad
              V = g_1 (1 - \cos\theta_1) + g_2 (1 - \cos(\theta_1 + \theta_2))

    .. math:: L = \tfrac12 \dot\theta^\top A\, \dot\theta - V, \qquad
              H = \tfrac12 p^\top A^{-1} p + V

    .. math:: \dot p_1 = -g_1 \sin\theta_1 - g_2 \sin(\theta_1 + \theta_2), \qquad
              \dot p_2 = -a_2 \sin\theta_2\, \dot\theta_1 (\dot\theta_1 + \dot\theta_2)
                         - g_2 \sin(\theta_1 + \theta_2)

    ``field`` is the motion without motors; ``control.Machine`` adds their torques. With two points
    at the ends of massless links, ``centre = length`` and ``inertia = 0``, it is a
    ``DoublePendulum``.

    Args:
        mass1: m₁, of the upper link, in kg.
        mass2: m₂, of the lower link, in kg.
        length1: l₁, from shoulder to elbow, in m.
        length2: l₂, from elbow to hand, in m; the motion does not depend on it.
        centre1: c₁, from the shoulder to the centre of mass of the upper link, in m.
        centre2: c₂, from the elbow to that of the lower link, in m.
        inertia1: I₁, of the upper link about its centre of mass, in kg m².
        inertia2: I₂, of the lower link about its centre of mass, in kg m².
        gravity: g, in m/s²; zero for an arm on a table.

    References:
        Spong, Hutchinson & Vidyasagar 2006, sec. 7.4 (a planar elbow manipulator).
    """

    mass1: float = parameter(2.0, "kg", "mass of the upper link")
    mass2: float = parameter(1.5, "kg", "mass of the lower link")
    length1: float = parameter(0.5, "m", "from shoulder to elbow")
    length2: float = parameter(0.4, "m", "from elbow to hand")
    centre1: float = parameter(0.22, "m", "from the shoulder to the upper link's centre")
    centre2: float = parameter(0.18, "m", "from the elbow to the lower link's centre")
    inertia1: float = parameter(0.045, "kg m²", "of the upper link about it", may_be_zero=True)
    inertia2: float = parameter(0.022, "kg m²", "of the lower link about it", may_be_zero=True)
    gravity: float = parameter(9.81, "m/s²", "gravitational acceleration", may_be_zero=True)

    name = "two_link_arm"
    title = "arm of two links"
    degrees = 2
    coordinates = (("θ1", "rad"), ("θ2", "rad"), ("p1", "kg m²/s"), ("p2", "kg m²/s"))
    actuation: ClassVar[tuple[tuple[float, ...], ...]] = ((1.0, 0.0), (0.0, 1.0))
    """What each input does to each coordinate: a motor in each joint."""

    @property
    def base_parameters(self) -> Tensor:
        """The five numbers a₁, a₂, a₃ in kg m² and g₁, g₂ in J, which a motion can tell."""
        m1, m2, l1, c1, c2 = self.mass1, self.mass2, self.length1, self.centre1, self.centre2
        values = (
            self.inertia1 + self.inertia2 + m1 * c1**2 + m2 * (l1**2 + c2**2),
            m2 * l1 * c2,
            self.inertia2 + m2 * c2**2,
            (m1 * c1 + m2 * l1) * self.gravity,
            m2 * c2 * self.gravity,
        )
        return torch.stack([torch.as_tensor(v, dtype=torch.float64) for v in values])

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return A, in kg m², ``(..., 4) -> (..., 2, 2)``; it depends on θ₂ alone."""
        upper, lower, coupling = self._inertias(x)
        rows = [torch.stack(row, dim=-1) for row in ((upper, coupling), (coupling, lower))]
        return torch.stack(rows, dim=-2)

    def potential(self, x: Tensor) -> Tensor:
        """Return V, in J, zero at rest, ``(..., 4) -> (...,)``."""
        *_, g1, g2 = self.base_parameters.to(x).unbind()
        q1, q2 = x[..., 0], x[..., 1]
        return g1 * (1 - torch.cos(q1)) + g2 * (1 - torch.cos(q1 + q2))

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy ½ pᵀA⁻¹p + V, in J; zero at rest."""
        return (x[..., 2:] * self._velocity(x)).sum(-1) / 2 + self.potential(x)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return ½ θ̇ᵀAθ̇ − V of ``[θ, θ̇]``, in J."""
        upper, lower, coupling = self._inertias(x)
        v1, v2 = x[..., 2], x[..., 3]
        kinetic = upper * v1**2 / 2 + lower * v2**2 / 2 + coupling * v1 * v2
        return kinetic - self.potential(x)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[θ̇, ṗ]`` in the closed form above."""
        velocity = self._velocity(x)
        shoulder, elbow = self._weights(x)
        _, a2, *_ = self.base_parameters.to(x).unbind()
        v1, v2 = velocity.unbind(-1)
        force = [-shoulder, -a2 * torch.sin(x[..., 1]) * v1 * (v1 + v2) - elbow]
        return torch.cat([velocity, torch.stack(force, dim=-1)], dim=-1)

    def second_order_field(self, x: Tensor) -> Tensor:
        """Return ``[θ̇, θ̈]`` at ``[θ, θ̇]``, in closed form."""
        v1, v2 = x[..., 2], x[..., 3]
        shoulder, elbow = self._weights(x)
        _, a2, *_ = self.base_parameters.to(x).unbind()
        whirl = a2 * torch.sin(x[..., 1])
        force = [whirl * v2 * (2 * v1 + v2) - shoulder, -whirl * v1**2 - elbow]
        solved = solve_mass_matrix(self.mass_matrix(x), torch.stack(force, dim=-1))
        return torch.cat([x[..., 2:], solved], dim=-1)

    def regressor(self, x: Tensor, acceleration: Tensor) -> Tensor:
        r"""Return what the torques are linear in: :math:`\tau = Y(\theta, \dot\theta,
        \ddot\theta)\, (a_1, a_2, a_3, g_1, g_2)`.

        So least squares finds the five numbers from torques (``control.identify``). It depends on
        no parameter of the arm.

        Args:
            x: states ``[θ, θ̇]``, ``(..., 4)``.
            acceleration: θ̈, ``(..., 2)``.

        Returns:
            Y, ``(..., 2, 5)``.

        Raises:
            TypeError, ValueError: if the two do not fit together.

        References:
            Spong, Hutchinson & Vidyasagar 2006, sec. 7.5 (linearity in the parameters).
        """
        check_input(acceleration, "acceleration", 2, x.dtype)
        q1, q2, v1, v2 = x.unbind(-1)
        b1, b2 = acceleration.unbind(-1)
        cos, sin, zero = torch.cos(q2), torch.sin(q2), torch.zeros_like(q1 + b1)
        shoulder = (
            b1 + zero,
            cos * (2 * b1 + b2) - sin * v2 * (2 * v1 + v2),
            b2 + zero,
            torch.sin(q1) + zero,
            torch.sin(q1 + q2) + zero,
        )
        elbow = (zero, cos * b1 + sin * v1**2, b1 + b2 + zero, zero, torch.sin(q1 + q2) + zero)
        return torch.stack([torch.stack(shoulder, -1), torch.stack(elbow, -1)], -2)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        angle: float = math.pi,
        speed: float = 4.0,
    ) -> Tensor:
        """Draw states with both angles and both angular velocities uniform, as ``[θ, p]``.

        Args:
            count: how many.
            seed: integer or generator.
            angle: the largest, in rad; π draws from the full circle.
            speed: the largest angular velocity, in rad/s.

        Returns:
            States, ``(count, 4)``; ``velocities`` gives them as ``[θ, θ̇]``.
        """
        check_count(count=count)
        check_not_negative(angle=angle, speed=speed)
        generator = as_generator(seed)
        q = uniform((count, 2), (-angle, angle), generator)
        velocity = uniform((count, 2), (-speed, speed), generator)
        return self.momenta(torch.cat([q, velocity], dim=-1))

    def _inertias(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return A₁₁, A₂₂ and A₁₂."""
        a1, a2, a3, *_ = self.base_parameters.to(x).unbind()
        bend = a2 * torch.cos(x[..., 1])
        return a1 + 2 * bend, a3.expand_as(bend), a3 + bend

    def _weights(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the torques that hold the links against gravity, in J."""
        *_, g1, g2 = self.base_parameters.to(x).unbind()
        elbow = g2 * torch.sin(x[..., 0] + x[..., 1])
        return g1 * torch.sin(x[..., 0]) + elbow, elbow

    def _velocity(self, x: Tensor) -> Tensor:
        upper, lower, coupling = self._inertias(x)
        p1, p2 = x[..., 2], x[..., 3]
        determinant = upper * lower - coupling**2
        solved = torch.stack([lower * p1 - coupling * p2, upper * p2 - coupling * p1], dim=-1)
        return solved / determinant.unsqueeze(-1)
