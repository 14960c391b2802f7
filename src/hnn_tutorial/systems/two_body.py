"""Two bodies in a plane under gravity: the Kepler problem."""

from dataclasses import dataclass
from math import factorial

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_times,
    check_count,
    check_interval,
    check_not_negative,
    check_positive,
)
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._gravity import GravitatingBodies, plane_coordinates, quarter_turn
from hnn_tutorial.systems._roots import solve_increasing
from hnn_tutorial.systems._system import parameter, uniform


@dataclass(frozen=True)
class TwoBody(GravitatingBodies):
    r"""Two bodies that attract each other, in a plane.

    .. math:: H = \frac{|p_1|^2}{2 m_1} + \frac{|p_2|^2}{2 m_2} - \frac{G m_1 m_2}{|q_1 - q_2|}

    Their centre of mass moves in a straight line. Around it each body follows an ellipse, a
    parabola or a hyperbola.

    Args:
        mass1: of the first body, in kg.
        mass2: of the second, in kg.
        gravitational_constant: G, in m³/(kg s²).
    """

    mass1: float = parameter(1.0, "kg", "mass of the first body")
    mass2: float = parameter(1.0, "kg", "mass of the second body")
    gravitational_constant: float = parameter(1.0, "m³/(kg s²)", "gravitational constant")

    name = "two_body"
    title = "two-body problem"
    degrees = 4
    coordinates = plane_coordinates(2)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        position: tuple[float, float] = (0.5, 1.5),
        spread: float = 0.05,
    ) -> Tensor:
        """Draw bodies on nearly circular orbits about a centre of mass at rest in the origin.

        Half of the vector between the bodies has components uniform in ``position`` (for equal
        masses, this is where the first body stands). They move counterclockwise at the speed of a
        circular orbit times ``1 + spread · N(0, 1)``.

        References:
            Greydanus et al. 2019 (the same draws, for G = m = 1; their state has another
            order).
        """
        check_count(count=count)
        check_interval(position=position)
        check_positive(largest=position[1])  # bodies in one place have no motion
        check_not_negative(spread=spread)
        generator = as_generator(seed)
        apart = 2 * uniform((count, 2), position, generator)
        distance = apart.norm(dim=-1, keepdim=True)
        factor = 1 + spread * torch.randn(count, 1, generator=generator, dtype=torch.float64)
        total = self.mass1 + self.mass2
        circular = (self.gravitational_constant * total / distance) ** 0.5
        momentum = self._reduced_mass * factor * circular * quarter_turn(apart / distance)
        first, second = self.mass2 / total * apart, -self.mass1 / total * apart
        return torch.cat([first, second, momentum, -momentum], dim=-1)

    def laplace_vector(self, x: Tensor) -> Tensor:
        r"""Return the vector that keeps the ellipse from turning, ``(..., 8) -> (..., 2)``.

        .. math:: e = \frac{v \times (r \times v)}{G(m_1 + m_2)} - \frac{r}{|r|}, \qquad
                  r = q_1 - q_2, \quad v = \dot q_1 - \dot q_2

        It points from the second body to where the first comes nearest to it. Its length is the
        eccentricity of the orbit: 0 for a circle, below 1 for an ellipse, 1 for a parabola, more
        for a hyperbola. The motion leaves it unchanged because the force falls with exactly the
        second power of the distance; energy, momentum and angular momentum do not ask for that. It
        is the Laplace–Runge–Lenz vector, without unit.

        References:
            Goldstein, Poole & Safko 2002, sec. 3.9.
        """
        q, p = self._by_body(x)
        velocity = p / self._masses(x).unsqueeze(-1)
        apart, rate = (part[..., 0, :] - part[..., 1, :] for part in (q, velocity))
        spin = (apart[..., :1] * rate[..., 1:]) - (apart[..., 1:] * rate[..., :1])
        total = self.gravitational_constant * (self.mass1 + self.mass2)
        # In the plane v × (r × v) is the velocity, turned to the right, times |r × v|.
        return -spin * quarter_turn(rate) / total - apart / apart.norm(dim=-1, keepdim=True)

    @property
    def _reduced_mass(self) -> float:
        return self.mass1 * self.mass2 / (self.mass1 + self.mass2)

    def solution(self, x0: Tensor, times: Tensor) -> Tensor:
        r"""Return the exact motion, bound or unbound, from Kepler's equation in one form for all.

        With r and v the position and velocity of one body as seen from the other,
        :math:`\mu = G(m_1 + m_2)`, :math:`\beta = 2\mu/r_0 - v_0^2` (positive for an ellipse)
        and the functions :math:`G_k(s) = s^k c_k(\beta s^2)`, the time is

        .. math:: t = r_0 G_1(s) + (r_0 \cdot v_0) G_2(s) + \mu G_3(s),

        which is solved for s; then :math:`r(t) = (1 - \mu G_2/r_0)\, r_0 + (t - \mu G_3)\, v_0`.
        Computed by NumPy in float64, without gradients. Bodies that fall straight into each
        other rebound.

        Args:
            x0: states at ``times[0]``, ``(..., 8)``.
            times: ``(T,)``, in s.

        Returns:
            States, ``(T, ..., 8)``.

        References:
            Stumpff 1959; Battin 1999, sec. 4.5 (universal variables).
        """
        self = self._in_numbers()
        start = x0.detach().double().cpu().numpy().reshape(-1, 4, 2)
        clock = as_times(times).numpy()
        t = (clock - clock[0]).reshape(-1, 1)
        q1, q2, p1, p2 = (start[:, i] for i in range(4))
        total = self.mass1 + self.mass2
        centre = (self.mass1 * q1 + self.mass2 * q2) / total
        centre = centre + t[..., None] * (p1 + p2) / total
        apart, rate = _relative_motion(
            q1 - q2, p1 / self.mass1 - p2 / self.mass2, self.gravitational_constant * total, t
        )
        momentum = self._reduced_mass * rate
        first = centre + self.mass2 / total * apart
        second = centre - self.mass1 / total * apart
        states = np.concatenate(
            [
                first,
                second,
                self.mass1 / total * (p1 + p2) + momentum,
                self.mass2 / total * (p1 + p2) - momentum,
            ],
            axis=-1,
        )
        return torch.as_tensor(states, dtype=x0.dtype, device=x0.device).reshape(
            len(clock), *x0.shape
        )


def _relative_motion(
    r0: np.ndarray, v0: np.ndarray, mu: float, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return position and velocity ``(T, B, 2)`` at ``t``, from those at t = 0, ``(B, 2)``."""
    distance = np.linalg.norm(r0, axis=-1)
    outward = (r0 * v0).sum(-1)
    beta = 2 * mu / distance - (v0**2).sum(-1)
    # A bound orbit repeats itself. Whole periods are left out: their many turns cost digits.
    with np.errstate(divide="ignore", invalid="ignore"):
        period = 2 * np.pi * mu / np.abs(beta) ** 1.5
        t = np.where(beta > 0, t - period * np.round(t / period), t)

    def time_and_distance(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        g0, g1, g2, g3 = _universal_functions(beta, s)
        return distance * g1 + outward * g2 + mu * g3, distance * g0 + outward * g1 + mu * g2

    with np.errstate(over="ignore", invalid="ignore"):
        s = solve_increasing(time_and_distance, t, np.broadcast_to((distance / mu) ** 0.5, t.shape))
    g0, g1, g2, _ = _universal_functions(beta, s)
    now = time_and_distance(s)[1]
    # Lagrange's coefficients: r = f r₀ + g v₀, and v likewise with their rates.
    f, g = 1 - mu * g2 / distance, distance * g1 + outward * g2
    f_rate, g_rate = -mu * g1 / (now * distance), (distance * g0 + outward * g1) / now
    return (
        f[..., None] * r0 + g[..., None] * v0,
        f_rate[..., None] * r0 + g_rate[..., None] * v0,
    )


def _universal_functions(
    beta: np.ndarray, s: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return G0 to G3: of z = βs², G0 is cos √z where z is positive, cosh √−z where negative."""
    z = beta * s**2
    # Near zero the closed forms cancel, and ten terms of their series are exact to rounding.
    small = np.abs(z) < 1
    w, z_far = np.where(small, z, 0.0), np.where(small, 1.0, z)
    root = np.sqrt(np.abs(z_far))
    c2 = np.where(z > 0, 2 * np.sin(root / 2) ** 2, -2 * np.sinh(root / 2) ** 2) / z_far
    c3 = np.where(z > 0, root - np.sin(root), np.sinh(root) - root) / root**3
    c2 = np.where(small, _series(w, 2), c2)
    c3 = np.where(small, _series(w, 3), c3)
    return 1 - z * c2, s * (1 - z * c3), s**2 * c2, s**3 * c3


def _series(w: np.ndarray, k: int) -> np.ndarray:
    """Return Σ (−w)ⁱ/(k + 2i)!, to the tenth term, from the last to the first."""
    total = np.ones_like(w)
    for i in range(k + 18, k, -2):
        total = 1 - w / (i * (i - 1)) * total
    return total / factorial(k)
