"""A pendulum that hangs from a pendulum, and so on, in angles."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count, check_not_negative, stacked
from hnn_tutorial.constraints import Rods
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._constrained import (
    LinksOnRods,
    masses_with_rods,
    weights_with_rods,
)
from hnn_tutorial.systems._system import uniform


@dataclass(frozen=True)
class PendulumChain(LinksOnRods):
    r"""N points on rods, one below the other, described by the angle of each rod from hanging down.

    .. math:: L = \tfrac12 \sum_{ij} c_{ij} \cos(\theta_i - \theta_j)\, \dot\theta_i \dot\theta_j
                  + \sum_i b_i \cos\theta_i

    .. math:: \dot p_i = -\dot\theta_i \sum_j c_{ij} \sin(\theta_i - \theta_j)\, \dot\theta_j
                         - b_i \sin\theta_i

    Here :math:`c_{ij} = l_i l_j \sum_{a \ge i,\, b \ge j} M_{ab}` and
    :math:`b_i = l_i \sum_{a \ge i} w_a`, with M and w those of ``LinkChain``, which is the same
    chain in Cartesian coordinates. With two links it is the ``DoublePendulum``.

    Args:
        links: N.
        masses: of the points, in kg; one number for all, or one for each.
        lengths: of the rods, in m; likewise.
        rod_masses: of the rods, in kg; likewise.
        gravity: g, in m/s².

    Raises:
        TypeError, ValueError: if these are no positive numbers, as many as there are links.
    """

    name = "pendulum_chain"
    title = "chain of pendulums"

    @property
    def degrees(self) -> int:
        """The number of links."""
        return self.links

    @property
    def coordinates(self) -> tuple[tuple[str, str], ...]:
        """``(symbol, unit)`` of each component of the state."""
        numbers = range(1, self.links + 1)
        return (*((f"θ{i}", "rad") for i in numbers), *((f"p{i}", "kg m²/s") for i in numbers))

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return A, in kg m², ``(..., 2N) -> (..., N, N)``; it depends on the angles alone."""
        c, apart = self._shape(x)
        return c * torch.cos(apart)

    def potential(self, x: Tensor) -> Tensor:
        """Return V, in J, zero at the height of the anchor, ``(..., 2N) -> (...,)``."""
        return -(self._torques(x) * torch.cos(x[..., : self.links])).sum(-1)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy ½ pᵀA⁻¹p + V, in J."""
        return (x[..., self.links :] * self._velocity(x)).sum(-1) / 2 + self.potential(x)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return ½ θ̇ᵀAθ̇ − V of ``[θ, θ̇]``, in J."""
        return (x[..., self.links :] * self._momentum(x)).sum(-1) / 2 - self.potential(x)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[θ̇, ṗ]`` in the closed form above."""
        velocity = self._velocity(x)
        return torch.cat([velocity, self._pull(x, velocity)], dim=-1)

    def momenta(self, x: Tensor) -> Tensor:
        """Return ``[θ, p]`` of a state ``[θ, θ̇]``."""
        return torch.cat([x[..., : self.links], self._momentum(x)], dim=-1)

    def velocities(self, x: Tensor) -> Tensor:
        """Return ``[θ, θ̇]`` of a state ``[θ, p]``."""
        return torch.cat([x[..., : self.links], self._velocity(x)], dim=-1)

    def second_order_field(self, x: Tensor) -> Tensor:
        r"""Return ``[θ̇, θ̈]`` of ``[θ, θ̇]``, by
        :math:`\sum_j c_{ij} (\cos(\theta_i - \theta_j)\, \ddot\theta_j
        + \sin(\theta_i - \theta_j)\, \dot\theta_j^2) = -b_i \sin\theta_i`.
        """
        c, apart = self._shape(x)
        angle, velocity = x.chunk(2, dim=-1)
        whirl = (c * torch.sin(apart) @ velocity.square().unsqueeze(-1)).squeeze(-1)
        force = -whirl - self._torques(x) * torch.sin(angle)
        second = torch.linalg.solve(c * torch.cos(apart), force.unsqueeze(-1)).squeeze(-1)
        return torch.cat([velocity, second], dim=-1)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        angle: float = math.pi,
        speed: float = 1.5,
    ) -> Tensor:
        """Draw states with all angles and angular velocities uniform, as ``[θ, p]``.

        The same seed draws the same motions as ``LinkChain.sample``.

        Args:
            count: how many.
            seed: integer or generator.
            angle: the largest, in rad; π draws from the full circle.
            speed: the largest angular velocity, in rad/s.

        Returns:
            States, ``(count, 2N)``.
        """
        check_count(count=count)
        check_not_negative(angle=angle, speed=speed)
        generator = as_generator(seed)
        angles = uniform((count, self.links), (-angle, angle), generator)
        rates = uniform((count, self.links), (-speed, speed), generator)
        return self.momenta(torch.cat([angles, rates], dim=-1))

    def _shape(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return c, and the differences of the angles, ``(..., N, N)``."""
        rods = Rods([(k - 1, k) for k in range(self.links)], (1.0,) * self.links)
        M = masses_with_rods(rods, self.masses, self.rod_masses)  # type: ignore[arg-type]
        length = stacked(self.lengths)  # type: ignore[arg-type]
        # Sums over all points below, by rows and by columns.
        below = M.flip(0, 1).cumsum(0).cumsum(1).flip(0, 1)
        c = (length.unsqueeze(-1) * length * below).to(x)
        angle = x[..., : self.links]
        return c, angle.unsqueeze(-1) - angle.unsqueeze(-2)

    def _torques(self, x: Tensor) -> Tensor:
        """Return b, the largest torque of gravity about each joint, in J."""
        rods = Rods([(k - 1, k) for k in range(self.links)], (1.0,) * self.links)
        weights = weights_with_rods(rods, self.masses, self.rod_masses, self.gravity)  # type: ignore[arg-type]
        return (stacked(self.lengths) * weights.flip(0).cumsum(0).flip(0)).to(x)  # type: ignore[arg-type]

    def _momentum(self, x: Tensor) -> Tensor:
        return (self.mass_matrix(x) @ x[..., self.links :].unsqueeze(-1)).squeeze(-1)

    def _velocity(self, x: Tensor) -> Tensor:
        p = x[..., self.links :].unsqueeze(-1)
        return torch.linalg.solve(self.mass_matrix(x), p).squeeze(-1)

    def _pull(self, x: Tensor, velocity: Tensor) -> Tensor:
        c, apart = self._shape(x)
        whirl = velocity * (c * torch.sin(apart) @ velocity.unsqueeze(-1)).squeeze(-1)
        return -whirl - self._torques(x) * torch.sin(x[..., : self.links])
