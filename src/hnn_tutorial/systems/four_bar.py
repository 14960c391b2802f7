"""A four-bar linkage: two cranks on the ground, joined by a coupler."""

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_number,
    check_count,
    check_not_negative,
    check_tensor,
    describe,
)
from hnn_tutorial.constraints import Rods
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._constrained import (
    ConstrainedSystem,
    each,
    masses_with_rods,
    weights_with_rods,
)
from hnn_tutorial.systems._system import parameter, uniform
from hnn_tutorial.systems.link_chain import LinkChain

DEAD_CENTRE = 0.98
"""Where the cosine between coupler and rocker is larger, the crank hardly fixes the rest."""


@dataclass(frozen=True)
class FourBar(ConstrainedSystem):
    r"""Two points on three rods between two anchors, in Cartesian coordinates.

    .. math:: |x_1| = l_1, \qquad |x_2 - x_1| = l_2, \qquad |x_2 - d| = l_3, \qquad d = (l_4, 0)

    The crank :math:`l_1`, the coupler :math:`l_2` and the rocker :math:`l_3`, with the ground
    :math:`l_4` as the fourth bar. One degree of freedom is left of four positions. It is
    ``open_chain`` with one rod more. So what has learned the chain's masses and potential knows the
    linkage, if its rocker has no mass: ``model.with_constraints(linkage.constraints)``.

    Args:
        crank: l₁, from the anchor at the origin to the first point, in m.
        coupler: l₂, between the points, in m.
        rocker: l₃, from the second point to the second anchor, in m.
        ground: l₄, between the anchors, in m.
        masses: of the points, in kg; one number for both, or two.
        rod_masses: of crank, coupler and rocker, in kg; one number for all, or three.
        gravity: g, in m/s².

    Raises:
        TypeError, ValueError: if these are no positive numbers, or the bars do not reach.
    """

    crank: float = parameter(0.5, "m", "length of the crank")
    coupler: float = parameter(1.2, "m", "length of the coupler")
    rocker: float = parameter(1.0, "m", "length of the rocker")
    ground: float = parameter(1.3, "m", "distance of the anchors")
    masses: tuple[float, ...] | float = field(
        default=1.0, metadata={"unit": "kg", "meaning": "masses of the points"}
    )
    rod_masses: tuple[float, ...] | float = field(
        default=0.0, metadata={"unit": "kg", "meaning": "masses of the rods"}
    )
    gravity: float = parameter(9.81, "m/s²", "acceleration of free fall")

    name = "four_bar"
    title = "four-bar linkage"
    degrees = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "masses", each("masses", self.masses, 2))
        bars = each("rod_masses", self.rod_masses, 3, may_be_zero=True)
        object.__setattr__(self, "rod_masses", bars)
        lengths = [as_number("length", length) for length in self._lengths]
        longest = max(lengths)
        if 2 * longest >= sum(lengths):
            raise ValueError(
                f"a bar of {longest:.6g} m does not close with the three others of "
                f"{sum(lengths) - longest:.6g} m together"
            )

    @property
    def _lengths(self) -> tuple[float, ...]:
        return self.crank, self.coupler, self.rocker, self.ground

    @property
    def constraints(self) -> Rods:
        """Crank, coupler and rocker."""
        return self.open_chain.constraints.with_rod((1, -2), self.rocker, anchor=(self.ground, 0.0))

    @property
    def open_chain(self) -> LinkChain:
        """The linkage without its rocker: crank and coupler, with their masses."""
        heavy: Any = self.rod_masses
        return LinkChain(2, self.masses, (self.crank, self.coupler), tuple(heavy[:2]), self.gravity)

    @property
    def masses_between(self) -> Tensor:
        """M between the points, in kg, ``(2, 2)``."""
        return masses_with_rods(self.constraints, self.masses, self.rod_masses)  # type: ignore[arg-type]

    @property
    def weights(self) -> Tensor:
        """What gravity pulls each point down with, in N, ``(2,)``."""
        return weights_with_rods(self.constraints, self.masses, self.rod_masses, self.gravity)  # type: ignore[arg-type]

    def assemble(self, angle: Tensor, elbow: int = 1) -> Tensor:
        """Return the positions at angles of the crank.

        Args:
            angle: of the crank from hanging down, in rad, ``(...)``.
            elbow: 1 or −1, on which side of the line from the crank's end to the second anchor the
                other point lies: left, or right.

        Returns:
            Positions ``[x1, y1, x2, y2]``, ``(..., 4)``.

        Raises:
            ValueError: where coupler and rocker do not reach each other, or for another elbow.
        """
        check_tensor(angle, "angle")
        if type(elbow) is not int or elbow not in (1, -1):
            raise ValueError(f"elbow = {describe(elbow)}; expected 1 or -1")
        first, gap, bend = self._closing(angle)
        if not (bend.detach().abs() <= 1).all():
            worst = float(angle.detach()[bend.detach().abs().reshape(angle.shape) > 1].flatten()[0])
            raise ValueError(
                f"at a crank angle of {worst:.4g} rad coupler and rocker do not reach each other; "
                "sample() draws angles at which they do"
            )
        distance = gap.norm(dim=-1)
        along = (distance**2 + self.coupler**2 - self.rocker**2) / (2 * distance)
        height = (self.coupler**2 - along.square()).clamp_min(0).sqrt()
        unit = gap / distance.unsqueeze(-1)
        left = torch.stack([-unit[..., 1], unit[..., 0]], dim=-1)
        second = first + along.unsqueeze(-1) * unit + elbow * height.unsqueeze(-1) * left
        return torch.cat([first, second], dim=-1)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        speed: float = 1.5,
        elbow: int = 1,
    ) -> Tensor:
        """Draw states with the angle and the angular velocity of the crank uniform, as ``[q, p]``.

        Angles at which coupler and rocker do not reach each other, or lie almost in one line, are
        drawn again.

        Args:
            count: how many.
            seed: integer or generator.
            speed: the largest angular velocity of the crank, in rad/s.
            elbow: as in ``assemble``.

        Returns:
            States on the rods, ``(count, 8)``.
        """
        check_count(count=count)
        check_not_negative(speed=speed)
        generator = as_generator(seed)
        angles: list[Tensor] = []
        while sum(map(len, angles)) < count:
            drawn = uniform((count,), (-math.pi, math.pi), generator)
            angles.append(drawn[self._closing(drawn)[2].detach().abs() < DEAD_CENTRE])
        q = self.assemble(torch.cat(angles)[:count], elbow)
        turning = uniform((count, 1), (-speed, speed), generator)
        first = turning * torch.stack([-q[:, 1], q[:, 0]], dim=-1)
        # The second point moves so that coupler and rocker keep their lengths.
        _, coupler, rocker = self.constraints.vectors(q).unbind(-2)
        wanted = torch.stack([(coupler * first).sum(-1), torch.zeros_like(first[:, 0])], dim=-1)
        second = torch.linalg.solve(torch.stack([coupler, rocker], dim=-2), wanted.unsqueeze(-1))
        return self.momenta(torch.cat([q, first, second.squeeze(-1)], dim=-1))

    def _closing(self, angle: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the crank's end, the gap to the second anchor, and the cosine that closes it."""
        first = self.crank * torch.stack([torch.sin(angle), -torch.cos(angle)], dim=-1)
        zero = torch.zeros_like(angle)
        gap = torch.stack([zero + self.ground, zero], dim=-1) - first
        bend = self.coupler**2 + self.rocker**2 - gap.square().sum(-1)
        return first, gap, bend / (2 * self.coupler * self.rocker)
