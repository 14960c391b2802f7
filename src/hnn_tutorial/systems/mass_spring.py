"""The mass on a spring, without and with friction."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial.systems._system import System, linear_solution, parameter, sample_annulus


@dataclass(frozen=True)
class MassSpring(System):
    r"""A mass m on a spring of stiffness k: the harmonic oscillator.

    .. math:: H(q, p) = \frac{p^2}{2m} + \frac{k q^2}{2}, \qquad
              L(q, \dot q) = \frac{m \dot q^2}{2} - \frac{k q^2}{2}

    .. math:: \dot q = \frac{p}{m}, \qquad \dot p = -k q

    Its orbit is an ellipse in the (q, p) plane. The angular frequency is :math:`\omega_0 =
    \sqrt{k/m}` whatever the amplitude.

    Args:
        mass: m, in kg.
        stiffness: k, in N/m.
    """

    mass: float = parameter(1.0, "kg", "mass")
    stiffness: float = parameter(1.0, "N/m", "stiffness of the spring")

    name = "mass_spring"
    title = "mass on a spring"
    degrees = 1
    coordinates = (("q", "m"), ("p", "kg m/s"))

    @property
    def frequency(self) -> float:
        """The angular frequency without friction, √(k/m), in rad/s."""
        return (self.stiffness / self.mass) ** 0.5

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy p²/(2m) + k q²/2, in J."""
        q, p = x[..., 0], x[..., 1]
        return p**2 / (2 * self.mass) + self.stiffness * q**2 / 2

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return m q̇²/2 − k q²/2 of ``[q, q̇]``, in J."""
        q, velocity = x[..., 0], x[..., 1]
        return self.mass * velocity**2 / 2 - self.stiffness * q**2 / 2

    def field(self, x: Tensor) -> Tensor:
        """Return ``[p/m, −k q]``."""
        q, p = x[..., 0], x[..., 1]
        return torch.stack([p / self.mass, -self.stiffness * q], dim=-1)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        radius: tuple[float, float] = (0.1, 1.0),
    ) -> Tensor:
        """Draw states with √(q² + p²) uniform in ``radius``, in every direction alike.

        References:
            Greydanus et al. 2019 (the same interval).
        """
        return sample_annulus(count, seed, radius)

    def solution(self, x0: Tensor, times: Tensor) -> Tensor:
        r"""Return :math:`x(t) = e^{At} x_0`, exact for this linear field.

        Args:
            x0: states at ``times[0]``, ``(..., 2)``.
            times: ``(T,)``, in s.

        Returns:
            States, ``(T, ..., 2)``.
        """
        return linear_solution(self.field, x0, times)


@dataclass(frozen=True)
class DampedMassSpring(MassSpring):
    r"""A mass on a spring with friction proportional to its velocity.

    .. math:: \dot q = \frac{p}{m}, \qquad \dot p = -k q - c \dot q, \qquad
              \dot H = -c \dot q^2 \le 0

    H is the energy of the spring without friction; it is no invariant here, and the motion is
    not Hamiltonian.

    Args:
        mass: m, in kg.
        stiffness: k, in N/m.
        damping: c, in kg/s.
    """

    damping: float = parameter(0.1, "kg/s", "damping coefficient", may_be_zero=True)

    name = "damped_mass_spring"
    title = "mass on a spring with friction"

    def field(self, x: Tensor) -> Tensor:
        """Return ``[p/m, −k q − c p/m]``."""
        q, p = x[..., 0], x[..., 1]
        velocity = p / self.mass
        return torch.stack([velocity, -self.stiffness * q - self.damping * velocity], dim=-1)

    @property
    def invariants(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """Empty, since friction leaves nothing unchanged."""
        return {}
