r"""Most likely paths: the action of Onsager and Machlup, for models of rates, spreads and firms.

A diffusion :math:`dq = b(q)\,dt + \sigma(q)\,dW` makes every path possible, and some more likely
than others. Where the noise is small, the density of a path falls as :math:`e^{-S}`, with the
action of

.. math:: L(q, \dot q) = \sum_i \frac{(\dot q_i - b_i(q))^2}{2 \sigma_i(q)^2} .
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.optimize import least_squares
from torch import Tensor

from hnn_tutorial._validate import (
    as_number,
    as_times,
    check_callable,
    check_count,
    check_finite,
    check_not_negative,
    check_output,
    check_positive,
    check_state,
    check_tensor,
    check_vector,
)
from hnn_tutorial.mechanics import jacobian
from hnn_tutorial.random import as_generator


class Diffusion(ABC):
    r"""A random motion :math:`dq = b(q)\,dt + \sigma(q)\,dW`, and its most likely paths.

    W is a Brownian motion for each coordinate, independent of the others. The functions of a
    state take batches.
    """

    dimension: int
    """The number of coordinates d."""

    @abstractmethod
    def drift(self, q: Tensor) -> Tensor:
        """Return b, ``(..., d) -> (..., d)``, per unit of time."""

    @abstractmethod
    def noise(self, q: Tensor) -> Tensor:
        r"""Return :math:`\sigma`, ``(..., d) -> (..., d)``, per root of a unit of time."""

    def lagrangian(self, x: Tensor) -> Tensor:
        r"""Return :math:`\sum_i (\dot q_i - b_i)^2 / (2\sigma_i^2)`.

        This is the part that counts where the noise is small. With constant noise and a linear
        drift the part that is left out is the same for all paths, so that the most likely path is
        exact at any noise.

        Args:
            x: ``[q, q̇]``, ``(..., 2d)``.

        Returns:
            Shape ``(...)``, per unit of time.
        """
        check_state(x, degrees=self.dimension)
        q, v = x.chunk(2, dim=-1)
        return ((v - self.drift(q)) / self.noise(q)).square().sum(-1) / 2

    def hamiltonian(self, x: Tensor) -> Tensor:
        r"""Return :math:`\sum_i \sigma_i^2 p_i^2/2 + p_i b_i`.

        The momentum :math:`p_i = (\dot q_i - b_i)/\sigma_i^2` is what the noise has to do. H is
        constant along a most likely path, and zero along a motion without noise.

        Args:
            x: ``[q, p]``, ``(..., 2d)``.

        Returns:
            Shape ``(...)``, per unit of time.
        """
        check_state(x, degrees=self.dimension)
        q, p = x.chunk(2, dim=-1)
        return ((self.noise(q) * p).square() / 2 + p * self.drift(q)).sum(-1)

    @torch.no_grad()
    def simulate(
        self, start: Tensor, times: Tensor, *, seed: int | torch.Generator, substeps: int = 1
    ) -> Tensor:
        r"""Return random paths by the method of Euler and Maruyama.

        Args:
            start: ``(paths, d)``.
            times: ``(T,)``, increasing.
            seed: integer or generator.
            substeps: steps of the method between two times; its error is of the order of the step.

        Returns:
            Paths, ``(T, paths, d)``.
        """
        self._check(start, "start")
        check_finite(start, "start")
        if start.ndim != 2:
            raise ValueError(f"start has shape {tuple(start.shape)}; expected (paths, d)")
        check_count(substeps=substeps)
        times = as_times(times, forwards=True).double()
        generator = as_generator(seed)
        q, path = start, [start]
        for step in (times.diff() / substeps).tolist():
            for _ in range(substeps):
                shock = torch.randn(q.shape, generator=generator, dtype=torch.float64)
                q = q + step * self.drift(q) + math.sqrt(step) * self.noise(q) * shock
            path.append(q)
        return torch.stack(path)

    def most_likely(
        self, start: Tensor, end: Tensor, times: Tensor, guess: Tensor | None = None
    ) -> Tensor:
        r"""Return the most likely path between two states, by relaxing the discrete action.

        It minimises ``mechanics.action`` of L, which is a sum of squares,
        :math:`\sqrt{\Delta t}\,(\dot q - b)/\sigma` at the middle of each step, by the
        Gauss–Newton steps of SciPy's ``least_squares``, 200 at most. With linear drift and constant
        noise there is one minimum; otherwise it is a local one, near the guess.

        Args:
            start: ``(d,)``.
            end: ``(d,)``.
            times: ``(T,)``, increasing.
            guess: a first path, ``(T, d)``; None takes the straight line.

        Returns:
            The path, ``(T, d)``, of order two in the step.

        Raises:
            ValueError: if drift or noise are not finite along the guess.
        """
        self._check(start, "start")
        self._check(end, "end")
        check_finite(start, "start")
        check_finite(end, "end")
        times = as_times(times, forwards=True).double()
        d, count = self.dimension, len(times)
        if start.shape != (d,) or end.shape != (d,) or count < 3:
            raise ValueError(
                f"start, end and times have shapes {tuple(start.shape)}, {tuple(end.shape)} and "
                f"{tuple(times.shape)}; expected ({d},), ({d},) and at least three times"
            )
        if guess is None:
            share = ((times - times[0]) / (times[-1] - times[0])).unsqueeze(-1)
            guess = start + (end - start) * share
        self._check(guess, "guess")
        if guess.shape != (count, d):
            raise ValueError(f"guess has shape {tuple(guess.shape)}; expected ({count}, {d})")
        steps = times.diff().unsqueeze(-1)

        def whole(free: np.ndarray) -> Tensor:
            inner = torch.as_tensor(free).reshape(count - 2, d)
            return torch.cat([start[None], inner, end[None]])

        def scaled(x: Tensor) -> Tensor:
            q, v = x.chunk(2, dim=-1)
            return (v - self.drift(q)) / self.noise(q)

        def states(path: Tensor) -> Tensor:
            return torch.cat([(path[1:] + path[:-1]) / 2, path.diff(dim=0) / steps], dim=-1)

        def residuals(free: np.ndarray) -> np.ndarray:
            with torch.no_grad():
                return (steps.sqrt() * scaled(states(whole(free)))).flatten().numpy()

        def slopes(free: np.ndarray) -> np.ndarray:
            """How each residual changes with the two ends of its step."""
            with torch.no_grad():
                by_state = jacobian(scaled)(states(whole(free)))
            by_q, by_v = by_state[..., :d] / 2, by_state[..., d:] / steps.unsqueeze(-1)
            J = torch.zeros(count - 1, d, count, d, dtype=torch.float64)
            each = torch.arange(count - 1)
            root = steps.sqrt().unsqueeze(-1)
            J[each, :, each] = root * (by_q - by_v)
            J[each, :, each + 1] = root * (by_q + by_v)
            return J[:, :, 1:-1].reshape((count - 1) * d, (count - 2) * d).numpy()

        first = guess[1:-1].flatten().numpy()
        if not np.isfinite(residuals(first)).all():
            raise ValueError("drift or noise are not finite along the guess, or the noise is zero")
        found = least_squares(
            residuals, first, slopes, xtol=1e-15, ftol=1e-15, gtol=1e-13, max_nfev=200
        )
        return whole(found.x)

    def _check(self, q: Tensor, name: str) -> None:
        check_vector(q, name, self.dimension)
        if q.dtype != torch.float64:
            raise TypeError(f"{name} has dtype {q.dtype}; expected torch.float64")


@dataclass(frozen=True)
class Vasicek(Diffusion):
    r"""A rate that is drawn to a level, with the same noise everywhere.

    .. math:: dq = \kappa (\bar q - q)\,dt + \sigma\,dW

    Args:
        reversion: :math:`\kappa`, per year, positive.
        level: :math:`\bar q`, per year.
        volatility: :math:`\sigma`, per year and root of a year, positive.

    References:
        Vasicek 1977; Onsager & Machlup 1953.
    """

    reversion: float = 0.3
    level: float = 0.04
    volatility: float = 0.012
    dimension: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        check_positive(reversion=self.reversion, volatility=self.volatility)
        as_number("level", self.level)

    def drift(self, q: Tensor) -> Tensor:
        r"""Return :math:`\kappa (\bar q - q)`, of the shape of q."""
        self._check(q, "q")
        return self.reversion * (self.level - q)

    def noise(self, q: Tensor) -> Tensor:
        r"""Return :math:`\sigma`, of the shape of q."""
        self._check(q, "q")
        return torch.full_like(q, self.volatility)

    def mean(self, start: float, time: float) -> float:
        """Return the mean of the rate after a time, in years, from a known one."""
        start, time = as_number("start", start), as_number("time", time)
        return self.level + (start - self.level) * math.exp(-self.reversion * time)

    def deviation(self, time: float) -> float:
        """Return the standard deviation of the rate after a time, in years."""
        check_positive(time=time)
        return self.volatility * math.sqrt(
            -math.expm1(-2 * self.reversion * time) / (2 * self.reversion)
        )

    def bond(self, rate: float, maturity: float) -> float:
        r"""Return the price today of one unit of money at maturity, :math:`e^{A - B r}`.

        .. math:: B = \frac{1 - e^{-\kappa T}}{\kappa}, \qquad
                  A = \left(\bar q - \frac{\sigma^2}{2 \kappa^2}\right) (B - T)
                      - \frac{\sigma^2 B^2}{4 \kappa}

        Args:
            rate: r today, per year.
            maturity: T, in years, positive.
        """
        rate = as_number("rate", rate)
        if not math.isfinite(rate):
            raise ValueError(f"rate = {rate}; expected a finite number")
        check_positive(maturity=maturity)
        B = -math.expm1(-self.reversion * maturity) / self.reversion
        spread = self.volatility**2 / self.reversion
        A = (self.level - spread / (2 * self.reversion)) * (B - maturity) - spread * B**2 / 4
        return math.exp(A - B * rate)

    def path(self, start: float, end: float, times: Tensor) -> Tensor:
        r"""Return the most likely path between two rates,
        :math:`q = b + c_1 e^{\kappa t} + c_2 e^{-\kappa t}`.

        Args:
            start: rate at the first time, per year.
            end: rate at the last time.
            times: ``(T,)``, increasing, in years.

        Returns:
            Rates, ``(T, 1)``.
        """
        start, end = as_number("start", start), as_number("end", end)
        times = _clock(times)
        up, down = _modes(self.reversion, times)
        return (self.level + (start - self.level) * down + (end - self.level) * up).unsqueeze(-1)


@dataclass(frozen=True)
class CoxIngersollRoss(Diffusion):
    r"""A rate that is drawn to a level, with a noise that vanishes where the rate does.

    .. math:: dq = \kappa (\bar q - q)\,dt + \sigma \sqrt q\,dW

    Args:
        reversion: :math:`\kappa`, per year, positive.
        level: :math:`\bar q`, per year, positive.
        volatility: :math:`\sigma`, per year, positive.

    References:
        Cox, Ingersoll & Ross 1985.
    """

    reversion: float = 0.3
    level: float = 0.04
    volatility: float = 0.06
    dimension: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        check_positive(reversion=self.reversion, level=self.level, volatility=self.volatility)

    def drift(self, q: Tensor) -> Tensor:
        r"""Return :math:`\kappa (\bar q - q)`, of the shape of q."""
        self._check(q, "q")
        return self.reversion * (self.level - q)

    def noise(self, q: Tensor) -> Tensor:
        r"""Return :math:`\sigma \sqrt q`, of the shape of q; zero where q is negative."""
        self._check(q, "q")
        return self.volatility * q.clamp_min(0).sqrt()

    def bond(self, rate: float, maturity: float) -> float:
        r"""Return the price today of one unit of money at maturity, :math:`e^{A - B r}`.

        .. math:: B = \frac{2 (e^{\gamma T} - 1)}{N}, \qquad
                  A = \frac{2 \kappa \bar q}{\sigma^2}
                      \ln \frac{2 \gamma\,e^{(\gamma + \kappa) T/2}}{N}, \qquad
                  N = (\gamma + \kappa)(e^{\gamma T} - 1) + 2 \gamma

        with :math:`\gamma^2 = \kappa^2 + 2 \sigma^2`.

        Args:
            rate: r today, per year, not negative.
            maturity: T, in years, positive.
        """
        check_not_negative(rate=rate)
        check_positive(maturity=maturity)
        k, gamma = self.reversion, math.hypot(self.reversion, math.sqrt(2) * self.volatility)
        # Both sides of each fraction times e^(-gamma T), so that long maturities do not overflow.
        fall = -math.expm1(-gamma * maturity)
        whole = (gamma + k) * fall + 2 * gamma * (1 - fall)
        A = math.log(2 * gamma / whole) - (gamma - k) * maturity / 2
        return math.exp(2 * k * self.level / self.volatility**2 * A - 2 * fall / whole * rate)

    def path(self, start: float, end: float, times: Tensor) -> Tensor:
        r"""Return the most likely path between two rates, where the noise is small.

        H is linear in q, so p has an equation of its own, and

        .. math:: q = a + c_1 e^{\kappa t} + c_2 e^{-\kappa t}, \qquad 4 c_1 c_2 = a^2 - \bar q^2 .

        The volatility is not in it. Vasicek's path has :math:`a = \bar q`.

        Args:
            start: rate at the first time, per year, positive.
            end: rate at the last time, positive.
            times: ``(T,)``, increasing, in years.

        Returns:
            Rates, ``(T, 1)``.
        """
        check_positive(start=start, end=end)
        times = _clock(times)
        span = self.reversion * float(times[-1] - times[0])
        if span > 300:
            raise ValueError(
                f"the times span {span:.3g} times 1/reversion; expected at most 300, for double "
                "precision"
            )
        growth = math.exp(span)
        # c1 and c2 are linear in a, and a solves a quadratic equation.
        wide = growth - 1 / growth
        first = np.array([-(1 - 1 / growth), end - start / growth]) / wide
        second = np.array([-(growth - 1), start * growth - end]) / wide
        square = 4 * np.polymul(first, second) - np.array([1.0, 0.0, -(self.level**2)])
        clock = self.reversion * (times - times[0])
        found = []
        for a in np.roots(square).real:
            c1, c2 = np.polyval(first, a), np.polyval(second, a)
            found.append(a + c1 * clock.exp() + c2 * (-clock).exp())
        # The other root belongs to a path that touches zero.
        return max(found, key=lambda q: float(q.min())).unsqueeze(-1)


@dataclass(frozen=True)
class LinearDiffusion(Diffusion):
    r"""A drift that is linear, with the same noise in all coordinates.

    .. math:: dq = \Gamma q\,dt + \sigma\,dW

    Args:
        matrix: :math:`\Gamma`, the derivative of the drift, ``(d, d)``, per unit of time.
        volatility: :math:`\sigma`, positive.
    """

    matrix: Tensor
    volatility: float = 1.0

    def __post_init__(self) -> None:
        check_tensor(self.matrix, "matrix")
        if self.matrix.ndim != 2 or len(set(self.matrix.shape)) != 1 or 0 in self.matrix.shape:
            raise ValueError(f"matrix has shape {tuple(self.matrix.shape)}; expected (d, d)")
        check_finite(self.matrix, "matrix")
        check_positive(volatility=self.volatility)

    @property
    def dimension(self) -> int:  # type: ignore[override]
        """The number of coordinates d."""
        return len(self.matrix)

    def drift(self, q: Tensor) -> Tensor:
        """Return the matrix times q, of the shape of q."""
        self._check(q, "q")
        return q @ self.matrix.to(q).mT

    def noise(self, q: Tensor) -> Tensor:
        r"""Return :math:`\sigma`, of the shape of q."""
        self._check(q, "q")
        return torch.full_like(q, self.volatility)


class LearnedDiffusion(Diffusion):
    r"""A drift that is any function of the state, such as a trained network.

    Args:
        field: b, ``(..., d) -> (..., d)``.
        dimension: d.
        volatility: :math:`\sigma`, the same in all coordinates, positive.
    """

    def __init__(
        self, field: Callable[[Tensor], Tensor], dimension: int, volatility: float = 1.0
    ) -> None:
        check_callable(field=field)
        check_count(dimension=dimension)
        check_positive(volatility=volatility)
        self.field, self.dimension, self.volatility = field, dimension, float(volatility)

    def drift(self, q: Tensor) -> Tensor:
        """Return the field at q, of the shape of q."""
        self._check(q, "q")
        value = self.field(q)
        check_output(value, q, q.shape, "the field")
        return value

    def noise(self, q: Tensor) -> Tensor:
        r"""Return :math:`\sigma`, of the shape of q."""
        self._check(q, "q")
        return torch.full_like(q, self.volatility)


@dataclass(frozen=True)
class Merton(Diffusion):
    r"""A firm whose value wanders, and which defaults if it is below the debt when that is due.

    With the value :math:`V_t` and the debt D, the state is :math:`q = \ln(V_t/D)`, and

    .. math:: dq = \left(\mu - \tfrac12 \sigma^2\right) dt + \sigma\,dW .

    Args:
        value: of the firm today, in currency, positive.
        debt: what is due, in currency, positive.
        growth: :math:`\mu`, expected rate of return of the value, per year.
        volatility: :math:`\sigma` of the value, per root of a year, positive.

    References:
        Merton 1974.
    """

    value: float = 140.0
    debt: float = 100.0
    growth: float = 0.05
    volatility: float = 0.2
    dimension: int = field(default=1, init=False)

    def __post_init__(self) -> None:
        check_positive(value=self.value, debt=self.debt, volatility=self.volatility)
        as_number("growth", self.growth)

    def drift(self, q: Tensor) -> Tensor:
        r"""Return :math:`\mu - \sigma^2/2`, of the shape of q."""
        self._check(q, "q")
        return torch.full_like(q, self.growth - self.volatility**2 / 2)

    def noise(self, q: Tensor) -> Tensor:
        r"""Return :math:`\sigma`, of the shape of q."""
        self._check(q, "q")
        return torch.full_like(q, self.volatility)

    def distance(self, horizon: float) -> float:
        r"""Return the distance to default: how many standard deviations the firm has to lose.

        .. math:: z = \frac{\ln(V_0/D) + (\mu - \sigma^2/2)\,t}{\sigma \sqrt t}

        Args:
            horizon: t, in years, positive.
        """
        check_positive(horizon=horizon)
        drift = self.growth - self.volatility**2 / 2
        safe = math.log(self.value / self.debt) + drift * horizon
        return safe / (self.volatility * math.sqrt(horizon))

    def default_probability(self, horizon: float) -> float:
        r"""Return the probability of default, the normal distribution at minus the distance.

        Args:
            horizon: in years, positive.
        """
        return math.erfc(self.distance(horizon) / math.sqrt(2)) / 2

    def path(self, times: Tensor) -> Tensor:
        r"""Return the most likely path to default, a straight line from :math:`\ln(V_0/D)` to 0.

        Args:
            times: ``(T,)``, increasing, in years, from today to when the debt is due.

        Returns:
            Logarithms of value over debt, ``(T, 1)``.
        """
        times = _clock(times)
        share = (times[-1] - times) / (times[-1] - times[0])
        return (math.log(self.value / self.debt) * share).unsqueeze(-1)


def _clock(times: Tensor) -> Tensor:
    times = as_times(times, forwards=True).double()
    if len(times) < 2:
        raise ValueError(f"times has shape {tuple(times.shape)}; expected (T,) with T ≥ 2")
    return times


def _modes(rate: float, times: Tensor) -> tuple[Tensor, Tensor]:
    """Return sinh(rate t)/sinh(rate T) and sinh(rate (T - t))/sinh(rate T), without overflow."""
    clock, horizon = times - times[0], float(times[-1] - times[0])
    whole = -math.expm1(-2 * rate * horizon)
    up = (torch.exp(rate * (clock - horizon)) - torch.exp(-rate * (clock + horizon))) / whole
    left = horizon - clock
    down = (torch.exp(rate * (left - horizon)) - torch.exp(-rate * (left + horizon))) / whole
    return up, down
