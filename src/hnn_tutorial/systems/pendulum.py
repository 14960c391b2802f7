"""The pendulum, without and with friction."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ellipj, ellipkinc
from torch import Tensor

from hnn_tutorial._validate import as_times
from hnn_tutorial.systems._system import System, parameter, sample_annulus


@dataclass(frozen=True)
class Pendulum(System):
    r"""A mass m on a rod of length l under gravity g; q is the angle from hanging down.

    .. math:: H(q, p) = \frac{p^2}{2 m l^2} + m g l (1 - \cos q), \qquad
              L(q, \dot q) = \frac{m l^2 \dot q^2}{2} - m g l (1 - \cos q)

    .. math:: \dot q = \frac{p}{m l^2}, \qquad \dot p = -m g l \sin q

    Below the energy 2 m g l of the upright rod it swings (libration), above it turns over
    (rotation); the curve between the two in the (q, p) plane is the separatrix.

    Args:
        mass: m, in kg.
        length: l, in m.
        gravity: g, in m/s².
    """

    mass: float = parameter(1.0, "kg", "mass of the bob")
    length: float = parameter(1.0, "m", "length of the rod")
    gravity: float = parameter(9.81, "m/s²", "acceleration of free fall")

    name = "pendulum"
    title = "pendulum"
    degrees = 1
    coordinates = (("q", "rad"), ("p", "kg m²/s"))

    @property
    def inertia(self) -> float:
        """The moment of inertia m l², in kg m²."""
        return self.mass * self.length**2

    @property
    def torque(self) -> float:
        """The largest torque of gravity, m g l, in J."""
        return self.mass * self.gravity * self.length

    @property
    def frequency(self) -> float:
        """The angular frequency of small swings, √(g/l), in rad/s."""
        return (self.gravity / self.length) ** 0.5

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy p²/(2ml²) + mgl(1 − cos q), in J; zero at rest."""
        q, p = x[..., 0], x[..., 1]
        return p**2 / (2 * self.inertia) + self.torque * (1 - torch.cos(q))

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return ml²q̇²/2 − mgl(1 − cos q) of ``[q, q̇]``, in J."""
        q, velocity = x[..., 0], x[..., 1]
        return self.inertia * velocity**2 / 2 - self.torque * (1 - torch.cos(q))

    def field(self, x: Tensor) -> Tensor:
        """Return ``[p/(ml²), −mgl sin q]``."""
        q, p = x[..., 0], x[..., 1]
        return torch.stack([p / self.inertia, -self.torque * torch.sin(q)], dim=-1)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        radius: tuple[float, float] = (1.3, 2.3),
    ) -> Tensor:
        """Draw states with √(q² + p²) uniform in ``radius``, in every direction alike.

        References:
            Greydanus et al. 2019 (the same interval, for m l² = 1/2 and m g l = 3).
        """
        return sample_annulus(count, seed, radius)

    def solution(self, x0: Tensor, times: Tensor) -> Tensor:
        r"""Return the exact motion by Jacobi's elliptic functions.

        With the modulus :math:`\kappa = \sqrt{H/(2mgl)}`, swinging is
        :math:`\sin(q/2) = \kappa\,\mathrm{sn}(\omega_0 t + \varphi, \kappa)` and turning over is
        :math:`q/2 = \pm\mathrm{am}(\kappa\omega_0 t + \varphi, 1/\kappa)`. Computed by SciPy in
        float64, without gradients.

        Args:
            x0: states at ``times[0]``, ``(..., 2)``.
            times: ``(T,)``, in s.

        Returns:
            States, ``(T, ..., 2)``; the angle is continuous, not wrapped.

        References:
            NIST Digital Library of Mathematical Functions, §22.19(i).
        """
        self = self._in_numbers()
        start = x0.detach().double().cpu().numpy().reshape(-1, 2)
        clock = as_times(times).numpy()
        q0, rate0 = start[:, 0], start[:, 1] / self.inertia
        # Angles are measured from the nearest hanging position; whole turns come back last.
        turns = 2 * np.pi * np.round(q0 / (2 * np.pi))
        half = (q0 - turns) / 2
        modulus2 = np.sin(half) ** 2 + (rate0 / (2 * self.frequency)) ** 2
        t = self.frequency * (clock - clock[0])[:, None]
        swings = modulus2 <= 1
        swing = _libration(half, rate0 / (2 * self.frequency), np.minimum(modulus2, 1), t)
        turn = _rotation(half, np.sign(rate0), np.maximum(modulus2, 1), t)
        half_angle = np.where(swings, swing[0], turn[0])
        half_rate = np.where(swings, swing[1], turn[1])
        q = 2 * half_angle + turns
        p = 2 * self.frequency * half_rate * self.inertia
        states = torch.as_tensor(np.stack([q, p], axis=-1), dtype=x0.dtype, device=x0.device)
        return states.reshape(len(clock), *x0.shape)


def _libration(
    half: np.ndarray, half_rate: np.ndarray, m: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return q/2 and its rate d(q/2)/d(ω₀t) of a swing with parameter m = κ² ≤ 1."""
    kappa = np.sqrt(m)
    # At rest κ is zero and sn/κ is free; the phase then does not matter.
    phase = ellipkinc(np.arctan2(np.sin(half), half_rate), m)
    sn, cn, _, _ = ellipj(t + phase, m)
    # Balanced upright the phase is infinite, and the rod stays there.
    sn = np.where(np.isinf(phase), np.sign(half), sn)
    cn = np.where(np.isinf(phase), 0.0, cn)
    return np.arcsin(np.clip(kappa * sn, -1, 1)), kappa * cn


def _rotation(
    half: np.ndarray, sign: np.ndarray, m: np.ndarray, t: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return q/2 and its rate d(q/2)/d(ω₀t) of a turn with parameter m = κ² ≥ 1."""
    kappa = np.sqrt(m)
    phase = ellipkinc(sign * half, 1 / m)
    _, _, dn, amplitude = ellipj(kappa * t + phase, 1 / m)
    return sign * amplitude, sign * kappa * dn


@dataclass(frozen=True)
class DampedPendulum(Pendulum):
    r"""A pendulum with friction proportional to its angular velocity.

    .. math:: \dot q = \frac{p}{m l^2}, \qquad \dot p = -m g l \sin q - c \dot q, \qquad
              \dot H = -c \dot q^2 \le 0

    H is the energy of the pendulum without friction; it is no invariant here, and the motion
    is not Hamiltonian. There is no closed-form solution.

    Args:
        mass: m, in kg.
        length: l, in m.
        gravity: g, in m/s².
        damping: c, in kg m²/s.
    """

    damping: float = parameter(0.1, "kg m²/s", "damping coefficient", may_be_zero=True)

    name = "damped_pendulum"
    title = "pendulum with friction"

    def field(self, x: Tensor) -> Tensor:
        """Return ``[p/(ml²), −mgl sin q − c p/(ml²)]``."""
        q, p = x[..., 0], x[..., 1]
        velocity = p / self.inertia
        force = -self.torque * torch.sin(q) - self.damping * velocity
        return torch.stack([velocity, force], dim=-1)

    @property
    def invariants(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """Empty, since friction leaves nothing unchanged."""
        return {}

    solution = System.solution
