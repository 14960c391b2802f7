"""A body thrown straight up, in the uniform gravity near the ground."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import as_times
from hnn_tutorial.systems._system import System, parameter, sample_annulus


@dataclass(frozen=True)
class Projectile(System):
    r"""A mass m that rises and falls under gravity g; q is its height.

    .. math:: H(q, p) = \frac{p^2}{2m} + m g q, \qquad
              L(q, \dot q) = \frac{m \dot q^2}{2} - m g q

    .. math:: \dot q = \frac{p}{m}, \qquad \dot p = -m g

    Nothing bounds the energy from below, and the ground is not part of the system. L is linear in
    q, so between given ends the action has exactly one stationary path, and that is its minimum.

    Args:
        mass: m, in kg.
        gravity: g, in m/s².
    """

    mass: float = parameter(1.0, "kg", "mass")
    gravity: float = parameter(9.81, "m/s²", "acceleration of free fall")

    name = "projectile"
    title = "projectile"
    degrees = 1
    coordinates = (("q", "m"), ("p", "kg m/s"))

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy p²/(2m) + m g q, in J; negative below the height 0."""
        q, p = x[..., 0], x[..., 1]
        return p**2 / (2 * self.mass) + self.mass * self.gravity * q

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return m q̇²/2 − m g q of ``[q, q̇]``, in J."""
        q, velocity = x[..., 0], x[..., 1]
        return self.mass * velocity**2 / 2 - self.mass * self.gravity * q

    def field(self, x: Tensor) -> Tensor:
        """Return ``[p/m, −m g]``."""
        p = x[..., 1]
        return torch.stack([p / self.mass, -self.mass * self.gravity * torch.ones_like(p)], dim=-1)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        radius: tuple[float, float] = (0.1, 1.0),
    ) -> Tensor:
        """Draw states with √(q² + p²) uniform in ``radius``, in every direction alike."""
        return sample_annulus(count, seed, radius)

    def solution(self, x0: Tensor, times: Tensor) -> Tensor:
        r"""Return the parabola :math:`q = q_0 + p_0 t/m - g t^2/2`, :math:`p = p_0 - m g t`.

        Args:
            x0: states at ``times[0]``, ``(..., 2)``.
            times: ``(T,)``, in s.

        Returns:
            States, ``(T, ..., 2)``.
        """
        times = as_times(times)
        t = (times - times[0]).to(x0).reshape(-1, *[1] * (x0.ndim - 1))
        q0, p0 = x0[..., 0], x0[..., 1]
        q = q0 + p0 / self.mass * t - self.gravity * t**2 / 2
        return torch.stack([q, p0 - self.mass * self.gravity * t], dim=-1)
