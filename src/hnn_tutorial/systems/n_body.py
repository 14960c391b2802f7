"""Any number of bodies in a plane under gravity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    check_count,
    check_interval,
    check_not_negative,
    check_positive,
    describe,
)
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._gravity import GravitatingBodies, plane_coordinates, quarter_turn
from hnn_tutorial.systems._system import parameter, uniform


@dataclass(frozen=True)
class NBody(GravitatingBodies):
    r"""N bodies that attract each other, in a plane.

    .. math:: H = \sum_{i=1}^N \frac{|p_i|^2}{2 m_i} - \sum_{i<j} \frac{G m_i m_j}{|q_i - q_j|}

    For two and three bodies it is ``TwoBody`` and ``ThreeBody``. The force on each body is a sum
    over all others, so the cost grows with N². The N(N − 1)/2 pairs are one tensor operation.

    Args:
        masses: of the bodies, in kg; two or more. A tensor ``(N,)`` will do.
        gravitational_constant: G, in m³/(kg s²).

    Raises:
        TypeError, ValueError: if there are fewer than two masses, or one is not a positive number.
    """

    # A plain field with a unit: ``parameter`` is for single numbers.
    masses: tuple[float, ...] = field(
        default=(1.0,) * 5, metadata={"unit": "kg", "meaning": "masses of the bodies"}
    )
    gravitational_constant: float = parameter(1.0, "m³/(kg s²)", "gravitational constant")

    name = "n_body"
    title = "n-body problem"

    def __post_init__(self) -> None:
        super().__post_init__()
        given: Any = self.masses
        if not isinstance(given, Sequence | Tensor) or isinstance(given, str):
            raise TypeError(f"masses = {describe(given)}; expected one for each body: (1.0, 2.0)")
        if (isinstance(given, Tensor) and given.ndim != 1) or len(given) < 2:
            raise ValueError(f"masses = {describe(given)}; expected those of two bodies or more")
        for number, mass in enumerate(given, 1):
            check_positive(**{f"mass of body {number}": mass})
        if not isinstance(given, Tensor):
            object.__setattr__(self, "masses", tuple(given))

    @property
    def degrees(self) -> int:
        """Two for each body."""
        return 2 * len(self.masses)

    @property
    def coordinates(self) -> tuple[tuple[str, str], ...]:
        """``(symbol, unit)`` of each component of the state."""
        return plane_coordinates(len(self.masses))

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        distance: tuple[float, float] = (2.0, 3.0),
        spread: float = 0.1,
    ) -> Tensor:
        r"""Draw bodies evenly spaced on a circle that turns about the origin, disturbed.

        Neighbours on the circle are at a distance uniform in ``distance``, so no two are nearer.
        The circle turns counterclockwise at the rate ω at which the kinetic energy is half of what
        would set the bodies free,

        .. math:: \omega^2 = \frac{-V}{\sum_i m_i |q_i|^2},

        and each component of a momentum is multiplied by ``1 + spread · U(−1, 1)``. For equal
        masses and no spread the bodies stay on the circle, as those of ``TwoBody`` and
        ``ThreeBody`` do; the smallest disturbance grows. The centre of mass is the origin.

        References:
            Maxwell 1859 (rings of bodies).
        """
        check_count(count=count)
        check_interval(distance=distance)
        check_positive(largest=distance[1])  # bodies in one place have no motion
        check_not_negative(spread=spread)
        generator = as_generator(seed)
        bodies = len(self.masses)
        apart = uniform((count, 1, 1), distance, generator)
        first = uniform((count, 1), (0.0, 2 * math.pi), generator)
        angle = first + 2 * math.pi / bodies * torch.arange(bodies, dtype=torch.float64)
        q = torch.stack([torch.cos(angle), torch.sin(angle)], dim=-1)
        q = apart / (2 * math.sin(math.pi / bodies)) * q
        masses = self._masses(q).unsqueeze(-1)
        q = q - (masses * q).sum(-2, keepdim=True) / masses.sum()
        inertia = (masses * q.square()).sum((-2, -1))
        turning = (-self._potential(q) / inertia).sqrt()[:, None, None]
        disturbed = 1 + spread * uniform((count, bodies, 2), (-1.0, 1.0), generator)
        p = masses * turning * quarter_turn(q) * disturbed
        return torch.cat([q.flatten(-2), p.flatten(-2)], dim=-1)
