"""A chain of links that hangs from a point: a pendulum of any number of parts."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count, check_not_negative, check_state, stacked
from hnn_tutorial.constraints import Rods
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._constrained import (
    ConstrainedSystem,
    LinksOnRods,
    masses_with_rods,
    weights_with_rods,
)
from hnn_tutorial.systems._system import uniform
from hnn_tutorial.systems.pendulum_chain import PendulumChain


@dataclass(frozen=True)
class LinkChain(LinksOnRods, ConstrainedSystem):
    r"""N points on rods, one below the other, in Cartesian coordinates.

    .. math:: L = \tfrac12 \sum_{ij} M_{ij}\, \dot x_i \cdot \dot x_j - \sum_i w_i\, y_i, \qquad
              g_k = \tfrac12 \left(|x_k - x_{k-1}|^2 - l_k^2\right), \qquad x_0 = 0

    M is constant, and V is linear: all that is not simple about the motion is in the rods, whose
    equations are known. For massless rods M is diagonal. A uniform rod of mass μ adds μ/3 to each
    of its ends on the diagonal, and μ/6 between them.

    The same motion in angles is ``in_angles()``, a system of its own with a mass matrix that
    depends on the angles. ``from_angles`` and ``to_angles`` lead there and back.

    Args:
        links: N.
        masses: of the points, in kg; one number for all, or one for each.
        lengths: of the rods, in m; likewise.
        rod_masses: of the rods, in kg; likewise.
        gravity: g, in m/s².

    Raises:
        TypeError, ValueError: if these are no positive numbers, as many as there are links.
    """

    name = "link_chain"
    title = "chain of links"

    @property
    def constraints(self) -> Rods:
        """The rods, the first from the anchor at the origin."""
        return Rods([(k - 1, k) for k in range(self.links)], self.lengths)  # type: ignore[arg-type]

    @property
    def degrees(self) -> int:
        """How many positions there are, two for each point."""
        return 2 * self.links

    @property
    def masses_between(self) -> Tensor:
        """M between the points, in kg, ``(n, n)``."""
        return masses_with_rods(self.constraints, self.masses, self.rod_masses)  # type: ignore[arg-type]

    @property
    def weights(self) -> Tensor:
        """What gravity pulls each point down with, in N, ``(n,)``."""
        return weights_with_rods(self.constraints, self.masses, self.rod_masses, self.gravity)  # type: ignore[arg-type]

    def in_angles(self) -> PendulumChain:
        """Return the same chain as a system whose state is ``[θ, p]``, angles from hanging down."""
        return PendulumChain(self.links, self.masses, self.lengths, self.rod_masses, self.gravity)

    def from_angles(self, y: Tensor) -> Tensor:
        """Return ``[q, q̇]`` of angles and their rates, ``[θ, θ̇]``, ``(..., 2N) -> (..., 4N)``."""
        check_state(y, "angles", self.links)
        angle, rate = y.chunk(2, dim=-1)
        along, across = self._rods(angle)
        links = torch.cat([along, rate.unsqueeze(-1) * across], dim=-1)
        q, velocity = links.cumsum(-2).chunk(2, dim=-1)
        return torch.cat([q.flatten(-2), velocity.flatten(-2)], dim=-1)

    def to_angles(self, y: Tensor) -> Tensor:
        """Return ``[θ, θ̇]`` of ``[q, q̇]``, ``(..., 4N) -> (..., 2N)``; θ within ±π."""
        links, turning = self._links(y)
        angle = torch.atan2(links[..., 0], -links[..., 1])
        _, across = self._rods(angle)
        return torch.cat([angle, self._share(turning, across)], dim=-1)

    def rates_from_angles(self, y: Tensor, rates: Tensor) -> Tensor:
        """Return ``[q̇, q̈]`` of ``[θ, θ̇]`` and ``[θ̇, θ̈]``, ``(..., 2N), (..., 2N) -> (..., 4N)``."""
        check_state(y, "angles", self.links)
        check_state(rates, "rates", self.links)
        angle, rate = y.chunk(2, dim=-1)
        along, across = self._rods(angle)
        second = rates[..., self.links :].unsqueeze(-1) * across
        second = second - rate.square().unsqueeze(-1) * along
        acceleration = second.cumsum(-2).flatten(-2)
        return torch.cat([self.from_angles(y)[..., self.degrees :], acceleration], dim=-1)

    def rates_to_angles(self, y: Tensor, rates: Tensor) -> Tensor:
        """Return ``[θ̇, θ̈]`` of ``[q, q̇]`` and ``[q̇, q̈]``, ``(..., 4N), (..., 4N) -> (..., 2N)``."""
        check_state(rates, "rates", self.degrees)
        angles = self.to_angles(y)
        _, across = self._rods(angles[..., : self.links])
        _, second = self._links(rates)
        return torch.cat([angles[..., self.links :], self._share(second, across)], dim=-1)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        angle: float = math.pi,
        speed: float = 1.5,
    ) -> Tensor:
        """Draw states with all angles and angular velocities uniform, as ``[q, p]``.

        Args:
            count: how many.
            seed: integer or generator.
            angle: the largest, from hanging down, in rad; π draws from the full circle.
            speed: the largest angular velocity, in rad/s.

        Returns:
            States on the rods, ``(count, 4N)``.
        """
        check_count(count=count)
        check_not_negative(angle=angle, speed=speed)
        generator = as_generator(seed)
        angles = uniform((count, self.links), (-angle, angle), generator)
        rates = uniform((count, self.links), (-speed, speed), generator)
        return self.momenta(self.from_angles(torch.cat([angles, rates], dim=-1)))

    def _rods(self, angle: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vector along each rod, and its derivative by the angle."""
        length = stacked(self.lengths).to(angle).unsqueeze(-1)  # type: ignore[arg-type]
        sin, cos = torch.sin(angle), torch.cos(angle)
        along, across = torch.stack([sin, -cos], -1), torch.stack([cos, sin], -1)
        return length * along, length * across

    def _links(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return what positions and velocities are along each rod, ``(..., N, 2)`` both."""
        check_state(y, "state", self.degrees)
        points = y.unflatten(-1, (2, self.links, 2))
        first = torch.zeros_like(points[..., :1, :])
        links, turning = torch.cat([first, points], dim=-2).diff(dim=-2).unbind(-3)
        return links, turning

    def _share(self, vectors: Tensor, across: Tensor) -> Tensor:
        return (vectors * across).sum(-1) / stacked(self.lengths).to(vectors).square()  # type: ignore[arg-type]
