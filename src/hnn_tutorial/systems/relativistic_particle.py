"""A relativistic particle in a quadratic potential: where momentum is not mass times velocity."""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ellipeinc, ellipkinc
from torch import Tensor

from hnn_tutorial._validate import as_times
from hnn_tutorial.systems._roots import solve_increasing
from hnn_tutorial.systems._system import System, parameter, sample_annulus


@dataclass(frozen=True)
class RelativisticParticle(System):
    r"""A particle of mass m on a spring of stiffness k, at speeds near the speed of light c.

    .. math:: H(q, p) = c\sqrt{p^2 + m^2 c^2} + \frac{k q^2}{2}, \qquad
              L(q, \dot q) = -m c^2 \sqrt{1 - \dot q^2/c^2} - \frac{k q^2}{2}

    .. math:: \dot q = \frac{c\,p}{\sqrt{p^2 + m^2 c^2}}, \qquad \dot p = -k q

    The momentum that belongs to q is :math:`p = \partial L/\partial \dot q = \gamma m \dot q`
    with :math:`\gamma = 1/\sqrt{1 - \dot q^2/c^2}`. The product :math:`m \dot q` is easier to
    measure, but it is not that momentum: in :math:`(q, m\dot q)` the same motion has a divergence,
    so no H(q, m q̇) generates it and no HNN can learn it. An LNN can, from :math:`(q, \dot q)`.

    Args:
        mass: m, in kg.
        stiffness: k, in N/m.
        speed_of_light: c, in m/s.

    References:
        Cranmer et al. 2020 (the lesson; their potential is linear).
    """

    mass: float = parameter(1.0, "kg", "rest mass")
    stiffness: float = parameter(1.0, "N/m", "stiffness of the potential")
    speed_of_light: float = parameter(1.0, "m/s", "speed of light")

    name = "relativistic_particle"
    title = "relativistic particle"
    degrees = 1
    coordinates = (("q", "m"), ("p", "kg m/s"))

    @property
    def rest_energy(self) -> float:
        """The energy m c² of the particle at rest, in J."""
        return self.mass * self.speed_of_light**2

    def _root(self, p: Tensor) -> Tensor:
        """Return √(p² + m²c²)."""
        return torch.sqrt(p**2 + (self.mass * self.speed_of_light) ** 2)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy c√(p² + m²c²) + k q²/2, in J; m c² at rest."""
        q, p = x[..., 0], x[..., 1]
        return self.speed_of_light * self._root(p) + self.stiffness * q**2 / 2

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return −mc²√(1 − q̇²/c²) − k q²/2 of ``[q, q̇]``, in J; NaN from c on."""
        q, velocity = x[..., 0], x[..., 1]
        slowing = torch.sqrt(1 - (velocity / self.speed_of_light) ** 2)
        return -self.rest_energy * slowing - self.stiffness * q**2 / 2

    def field(self, x: Tensor) -> Tensor:
        """Return ``[c p/√(p² + m²c²), −k q]``."""
        q, p = x[..., 0], x[..., 1]
        return torch.stack([self.speed_of_light * p / self._root(p), -self.stiffness * q], dim=-1)

    def non_canonical(self, x: Tensor) -> Tensor:
        """Return ``[q, m q̇]`` of a state ``[q, p]``: the wrong momentum, on purpose."""
        return torch.stack([x[..., 0], self.mass * self.field(x)[..., 0]], dim=-1)

    def non_canonical_field(self, x: Tensor) -> Tensor:
        r"""Return the true motion of ``[q, m q̇]``, which no Hamiltonian causes.

        .. math:: \frac{d(m\dot q)}{dt} = -k q \left(1 - \dot q^2/c^2\right)^{3/2}
        """
        q, velocity = x[..., 0], x[..., 1] / self.mass
        slowing = (1 - (velocity / self.speed_of_light) ** 2) ** 1.5
        return torch.stack([velocity, -self.stiffness * q * slowing], dim=-1)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        radius: tuple[float, float] = (0.1, 2.0),
    ) -> Tensor:
        """Draw states with √(q² + p²) uniform in ``radius``, in every direction alike.

        With m = c = 1 the largest momenta belong to 0.9 of the speed of light.
        """
        return sample_annulus(count, seed, radius)

    def solution(self, x0: Tensor, times: Tensor) -> Tensor:
        r"""Return the exact motion, by elliptic integrals of the phase.

        With the amplitude A, the phase φ in :math:`q = A \sin\varphi`,
        :math:`a = k/(2mc^2)`, :math:`b = 2 + aA^2` and :math:`\kappa^2 = aA^2/b`, the energy
        gives

        .. math:: p = mc \sqrt a A \cos\varphi \sqrt{2 + a A^2 \cos^2\varphi}

        .. math:: c\sqrt{ab}\; t = b\,E(\varphi, \kappa) - F(\varphi, \kappa) + \text{const}

        with Legendre's integrals F and E of the first and second kind; the right-hand side
        increases with φ, and is solved for it. Computed by SciPy in float64, without
        gradients.

        Args:
            x0: states at ``times[0]``, ``(..., 2)``.
            times: ``(T,)``, in s.

        Returns:
            States, ``(T, ..., 2)``.

        References:
            NIST Digital Library of Mathematical Functions, §19.2(ii).
        """
        self = self._in_numbers()
        start = x0.detach().double().cpu().numpy().reshape(-1, 2)
        clock = as_times(times).numpy()
        q0, p0 = start[:, 0], start[:, 1]
        c, momentum_unit = self.speed_of_light, self.mass * self.speed_of_light
        a = self.stiffness / (2 * self.rest_energy)
        # γ − 1 without the loss of digits that √(1 + p²) − 1 has at low speed.
        u2 = (p0 / momentum_unit) ** 2
        excess = u2 / (np.sqrt(1 + u2) + 1)
        m = a * q0**2 + excess  # = aA²
        b = 2 + m
        phase0 = np.arctan2(np.sqrt(a) * q0, np.sign(p0) * np.sqrt(excess))

        def time(phase: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            clock_of = b * ellipeinc(phase, m / b) - ellipkinc(phase, m / b)
            slope = (1 + m * np.cos(phase) ** 2) / np.sqrt(b - m * np.sin(phase) ** 2)
            return clock_of / (c * np.sqrt(a * b)), slope / (c * np.sqrt(a))

        target = time(phase0)[0] + (clock - clock[0])[:, None]
        phase = solve_increasing(time, target, np.ones_like(target))
        q = np.sqrt(m / a) * np.sin(phase)
        cos = np.cos(phase)
        p = momentum_unit * np.sqrt(m) * cos * np.sqrt(2 + m * cos**2)
        states = torch.as_tensor(np.stack([q, p], axis=-1), dtype=x0.dtype, device=x0.device)
        return states.reshape(len(clock), *x0.shape)
