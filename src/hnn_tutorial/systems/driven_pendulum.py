"""A pendulum that something drives: a Hamiltonian that depends on the time."""

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_number,
    check_count,
    check_not_negative,
    check_positive,
    check_type,
)
from hnn_tutorial.integrators.splitting import FOREST_RUTH_FRACTIONS
from hnn_tutorial.systems.pendulum import Pendulum


@dataclass(frozen=True)
class DrivenPendulum:
    r"""A pendulum whose pivot is shaken up and down, so that its weight comes and goes.

    .. math:: H(t, q, p) = \frac{p^2}{2 m l^2} + m g l\,(1 + \varepsilon \cos\omega t)
              (1 - \cos q)

    .. math:: \dot q = \frac{p}{m l^2}, \qquad
              \dot p = -m g l\,(1 + \varepsilon \cos\omega t) \sin q

    A pivot at the height :math:`(\varepsilon g/\omega^2) \cos\omega t` below its mean does this. H
    is not conserved: :math:`\dot H = -\varepsilon\omega\, m g l \sin\omega t\,(1 - \cos q)`. What
    takes a state over one period of the drive, the *period map*, is the same at every period, and
    symplectic. No H of [q, p] alone has it as its motion, unless ε = 0: it has chaotic orbits.

    It is no ``System``, and has no row in ``SYSTEMS``: whatever reads a system takes its H and its
    field for functions of the state. ``integrate`` takes ``field`` as it is.

    Args:
        pendulum: what is driven.
        drive: ε, the part of the weight that comes and goes.
        rate: ω, its angular frequency, in rad/s.

    References:
        Arnold 1989, sec. 25 (the map of a period, and parametric resonance).
    """

    pendulum: Pendulum = field(default_factory=Pendulum)
    drive: float = 0.3
    rate: float = 2.0

    def __post_init__(self) -> None:
        check_type(Pendulum, "a Pendulum", pendulum=self.pendulum)
        check_not_negative(drive=self.drive)
        check_positive(rate=self.rate)

    @property
    def period(self) -> float:
        """2π/ω, in s."""
        return 2 * math.pi / self.rate

    def weight(self, t: float) -> float:
        """Return 1 + ε cos ωt, the weight at a time in s, in units of its mean."""
        t = as_number("t", t)
        if not math.isfinite(t):
            raise ValueError(f"t = {t}; expected a finite time")
        return 1 + self.drive * math.cos(self.rate * t)

    def hamiltonian(self, t: float, x: Tensor) -> Tensor:
        """Return H at a time in s, in J, shape ``(..., 2) -> (...,)``."""
        self.pendulum.check(x)
        still = self.pendulum.hamiltonian(x)
        lift = self.pendulum.torque * (1 - torch.cos(x[..., 0]))
        return still + (self.weight(t) - 1) * lift

    def field(self, t: float, x: Tensor) -> Tensor:
        """Return the motion ``[q̇, ṗ]`` at a time in s, shape ``(..., 2) -> (..., 2)``."""
        self.pendulum.check(x)
        q, p = x.unbind(-1)
        torque = self.weight(t) * self.pendulum.torque
        return torch.stack([p / self.pendulum.inertia, -torque * torch.sin(q)], dim=-1)

    def period_map(self, x: Tensor, *, steps: int = 100) -> Tensor:
        """Return states at t = 0 one period later, ``(..., 2) -> (..., 2)``.

        By Forest and Ruth's method with the clock going on in the drifts, which makes the map
        symplectic to rounding, and undone by a step backwards.

        Args:
            x: states ``[q, p]`` at a whole number of periods, ``(..., 2)``.
            steps: of the method, in a period. With a hundred of them the error is below 1e-6 for a
                pendulum with ω₀ = 1 rad/s, ε = 0.3 and ω = 2 rad/s, and falls with their fourth
                power.
        """
        self.pendulum.check(x)
        check_count(steps=steps)
        inertia, torque = self.pendulum.inertia, self.pendulum.torque
        h = self.period / steps
        q, p = x.unbind(-1)
        for step in range(steps):
            t = step * h
            for part in FOREST_RUTH_FRACTIONS:
                half = part * h / 2
                q = q + half / inertia * p
                p = p - 2 * half * torque * self.weight(t + half) * torch.sin(q)
                q = q + half / inertia * p
                t += 2 * half
        return torch.stack([q, p], dim=-1)

    def iterate(self, x: Tensor, periods: int, *, steps: int = 100) -> Tensor:
        """Return states after 0, 1, 2, ... periods, as ``FlowMap.iterate`` does.

        Args:
            x: states at t = 0, ``(..., 2)``.
            periods: how many.
            steps: as in ``period_map``.

        Returns:
            States, ``(periods + 1, ..., 2)``; the first is ``x``.
        """
        check_count(periods=periods)
        states = [x]
        for _ in range(periods):
            states.append(self.period_map(states[-1], steps=steps))
        return torch.stack(states)

    def sample(
        self, count: int, seed: int | torch.Generator, *, radius: tuple[float, float] = (1.3, 2.3)
    ) -> Tensor:
        """Draw states as the pendulum does, ``(count, 2)``."""
        return self.pendulum.sample(count, seed, radius=radius)
