"""Three bodies in a plane under gravity."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count, check_interval, check_not_negative, check_positive
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._gravity import GravitatingBodies, plane_coordinates, quarter_turn
from hnn_tutorial.systems._system import parameter, uniform


@dataclass(frozen=True)
class ThreeBody(GravitatingBodies):
    r"""Three bodies that attract each other, in a plane.

    .. math:: H = \sum_{i=1}^3 \frac{|p_i|^2}{2 m_i}
              - \sum_{i<j} \frac{G m_i m_j}{|q_i - q_j|}

    Beyond energy, momentum and angular momentum nothing is conserved; most motions are
    chaotic and there is no closed-form solution. Masses at the corners of an equilateral triangle
    can circle their centre of mass (Lagrange), but if the masses are nearly equal, the smallest
    disturbance destroys that motion.

    Args:
        mass1: of the first body, in kg.
        mass2: of the second, in kg.
        mass3: of the third, in kg.
        gravitational_constant: G, in m³/(kg s²).
    """

    mass1: float = parameter(1.0, "kg", "mass of the first body")
    mass2: float = parameter(1.0, "kg", "mass of the second body")
    mass3: float = parameter(1.0, "kg", "mass of the third body")
    gravitational_constant: float = parameter(1.0, "m³/(kg s²)", "gravitational constant")

    name = "three_body"
    title = "three-body problem"
    degrees = 6
    coordinates = plane_coordinates(3)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        radius: tuple[float, float] = (0.9, 1.2),
        spread: float = 0.2,
    ) -> Tensor:
        """Draw bodies at the corners of an equilateral triangle, on disturbed circular orbits.

        The first corner lies in the direction of a point uniform in a square about the centre
        of the triangle, at a distance uniform in ``radius``. With these velocities the triangle
        would rotate counterclockwise as a whole about its centre of mass, which is the origin; each
        component is then multiplied by ``1 + spread · U(−1, 1)``.

        References:
            Greydanus et al. 2019 (the same draws, for G = m = 1; their state has another
            order).
        """
        check_count(count=count)
        check_interval(radius=radius)
        check_positive(largest=radius[1])  # bodies in one place have no motion
        check_not_negative(spread=spread)
        generator = as_generator(seed)
        corner = uniform((count, 2), (-1.0, 1.0), generator)
        corner = corner / corner.norm(dim=-1, keepdim=True)
        size = uniform((count, 1, 1), radius, generator)
        ways = [
            math.cos(turn) * corner + math.sin(turn) * quarter_turn(corner)
            for turn in (0.0, 2 * math.pi / 3, 4 * math.pi / 3)
        ]
        q = size * torch.stack(ways, dim=-2)
        masses = self._masses(q).unsqueeze(-1)
        q = q - (masses * q).sum(-2, keepdim=True) / masses.sum()
        side = 3**0.5 * size
        turning = (self.gravitational_constant * masses.sum() / side**3) ** 0.5
        disturbed = 1 + spread * uniform((count, 3, 2), (-1.0, 1.0), generator)
        p = masses * turning * quarter_turn(q) * disturbed
        return torch.cat([q.flatten(-2), p.flatten(-2)], dim=-1)
