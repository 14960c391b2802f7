r"""Selling a large position: the rate of its cost is a Lagrangian.

The position q(t) is what is still to be sold, and :math:`v = -\dot q` the rate of selling. Whoever
sells at the rate v gets h(v) less for each share, and what is not yet sold is at risk.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq, minimize
from torch import Tensor, nn

from hnn_tutorial._validate import (
    as_times,
    as_widths,
    check_callable,
    check_count,
    check_finite,
    check_not_negative,
    check_output,
    check_positive,
    check_state,
    check_tensor,
)
from hnn_tutorial.mechanics import action
from hnn_tutorial.models import ConvexNetwork, DenseNetwork
from hnn_tutorial.random import as_generator
from hnn_tutorial.training.losses import check_batch

CostRate = Callable[[Tensor], Tensor]
"""From rates of selling to the cost for each unit of time, of the same shape."""


@dataclass(frozen=True)
class Execution:
    r"""The cost of selling a position over time, with an impact that is a power of the rate.

    .. math:: L(q, \dot q) = |\dot q|\,h(|\dot q|) + \alpha q^2, \qquad h(v) = \eta v^\beta

    The first term is what the market takes: impact on the price for each share, times the shares.
    The second is the price of waiting: the variance of the value in a unit of time,
    :math:`\sigma^2 q^2`, times the aversion to it. The first is convex in the rate, so there is one
    cheapest path between two ends. L does not depend on time; so the cheapest path conserves

    .. math:: E = \dot q\,\frac{\partial L}{\partial \dot q} - L
              = \beta\,|\dot q|\,h(|\dot q|) - \alpha q^2 .

    Impact that stays after the trade is left out: if it is linear it adds the same cost to every
    path.

    Args:
        impact: :math:`\eta`, loss of price at a rate of 1, in currency per share over
            (shares per day) to the power :math:`\beta`.
        exponent: :math:`\beta`, between 0 (exclusive) and 1 (inclusive). 1 is the linear impact of
            Almgren and Chriss 2000; Almgren et al. 2005 measured 3/5.
        aversion: price of variance, in 1/currency; the usual letter is :math:`\lambda`.
        volatility: :math:`\sigma`, of the price, in currency per share over the root of a day.

    Raises:
        ValueError: if a parameter is not positive, or the exponent is above 1.

    References:
        Almgren & Chriss 2000; Almgren 2003; Almgren et al. 2005.
    """

    impact: float = 1.0
    exponent: float = 1.0
    aversion: float = 1.0
    volatility: float = 2.0

    def __post_init__(self) -> None:
        check_positive(
            impact=self.impact,
            exponent=self.exponent,
            aversion=self.aversion,
            volatility=self.volatility,
        )
        if self.exponent > 1:
            raise ValueError(f"exponent = {self.exponent}; expected a number in (0, 1]")

    @cached_property
    def risk(self) -> float:
        r"""The price of risk :math:`\alpha`: aversion times variance, in currency/(shares² day)."""
        return self.aversion * self.volatility**2

    def impact_cost(self, rate: Tensor) -> Tensor:
        r"""Return :math:`|v|\,h(|v|)`, in currency per day.

        Args:
            rate: of selling, in shares per day, any shape.
        """
        check_tensor(rate, "rate")
        return self.impact * rate.abs() ** (1 + self.exponent)

    def lagrangian(self, x: Tensor) -> Tensor:
        r"""Return the rate of the cost, in currency per day.

        Args:
            x: ``[q, q̇]``, ``(..., 2)``, in shares and shares per day.

        Returns:
            Shape ``(...)``.
        """
        check_state(x, degrees=1)
        return self.impact_cost(x[..., 1]) + self.risk * x[..., 0] ** 2

    def energy(self, x: Tensor) -> Tensor:
        r"""Return :math:`E = \beta |\dot q| h(|\dot q|) - \alpha q^2`, which a cheapest path keeps.

        Args:
            x: ``[q, q̇]``, ``(..., 2)``.

        Returns:
            Shape ``(...)``, in currency per day.
        """
        check_state(x, degrees=1)
        return self.exponent * self.impact_cost(x[..., 1]) - self.risk * x[..., 0] ** 2

    def path(self, shares: float, times: Tensor) -> Tensor:
        r"""Return the cheapest path from a position at the first time to none at the last.

        With linear impact it is
        :math:`q = q_0 \sinh(\kappa(t_\text{end} - t))/\sinh(\kappa t_\text{end})` with
        :math:`\kappa = \sqrt{\alpha/\eta}`. Otherwise E follows from the time that the path takes,
        and :math:`\dot q` from E.

        Args:
            shares: :math:`q_0`, positive.
            times: ``(T,)``, increasing, in days.

        Returns:
            Positions, ``(T,)``, to about nine digits.
        """
        check_positive(shares=shares)
        times = _clock(times)
        horizon = float(times[-1] - times[0])
        left = times[-1] - times
        if self.exponent == 1:
            rate = math.sqrt(self.risk / self.impact)
            # sinh(a)/sinh(b) without overflow.
            high = torch.exp(rate * (left - horizon)) - torch.exp(-rate * (left + horizon))
            return shares * high / -math.expm1(-2 * rate * horizon)
        energy = self._energy_of(shares, horizon)
        # Backwards from the end, where the path is steep enough to be told from its neighbours.
        run = solve_ivp(
            lambda _, q: self._rate(q, energy),
            (0.0, horizon),
            [0.0],
            method="DOP853",
            t_eval=np.clip(left.numpy()[::-1], 0.0, horizon),
            rtol=1e-12,
            atol=1e-13 * shares,
        )
        return torch.as_tensor(run.y[0][::-1].copy()).to(times)

    def least_cost(self, shares: float, horizon: float) -> float:
        r"""Return the cost of the cheapest path, :math:`\int p\,dq - E t_\text{end}` along it.

        Args:
            shares: :math:`q_0`, positive.
            horizon: :math:`t_\text{end}`, in days.

        Returns:
            The cost, in currency.
        """
        check_positive(shares=shares, horizon=horizon)
        energy = self._energy_of(shares, horizon)
        slope = lambda q: (  # noqa: E731
            (1 + self.exponent) * self.impact * self._rate(q, energy) ** self.exponent
        )
        return quad(slope, 0, shares, epsabs=0, epsrel=1e-12, limit=200)[0] - energy * horizon

    def excess(self, schedule: Tensor, times: Tensor) -> float:
        r"""Return how much more a schedule costs than the cheapest one of as many steps.

        Args:
            schedule: positions, ``(T,)``, from what is to be sold to zero.
            times: ``(T,)``, increasing, in days.

        Returns:
            In basis points, hundredths of a per cent, of the least cost.

        Raises:
            ValueError: if schedule and times do not fit, or there is nothing to sell.
        """
        times = _clock(times)
        check_tensor(schedule, "schedule")
        if schedule.shape != times.shape:
            raise ValueError(
                f"schedule has shape {tuple(schedule.shape)}; expected {tuple(times.shape)}, "
                "one position for each time"
            )
        check_finite(schedule, "schedule")
        schedule = schedule.double()
        if not schedule[0] > 0:
            raise ValueError(
                f"the schedule begins at {float(schedule[0])}; expected shares to sell"
            )
        best = cheapest_schedule(self.impact_cost, self.risk, float(schedule[0]), times)
        costs = [action(self.lagrangian, q.unsqueeze(-1), times) for q in (schedule, best)]
        return 1e4 * (float(costs[0] / costs[1]) - 1)

    def trades(
        self,
        count: int,
        noise: float,
        *,
        fastest: float = 4.0,
        group: int = 1,
        seed: int | torch.Generator,
    ) -> dict[str, Tensor]:
        r"""Return simulated trades at known rates, with noisy costs.

        The price moves while one trades, whatever one does; so the cost of each share is
        :math:`h(v)` plus noise, which is usually much larger than h.

        Args:
            count: number of trades.
            noise: standard deviation of the cost of a share, in currency.
            fastest: largest rate, in shares per day; slow trades are more frequent than fast ones.
            group: how many trades of nearly the same rate are averaged; it divides the count.
            seed: integer or generator.

        Returns:
            ``rates`` v and ``costs``, what a share cost, each ``(count/group,)``.
        """
        check_count(count=count, group=group)
        if count % group:
            raise ValueError(f"group = {group} does not divide count = {count}")
        check_not_negative(noise=noise)
        check_positive(fastest=fastest)
        generator = as_generator(seed)
        draw = torch.rand(count, generator=generator, dtype=torch.float64)
        rates = fastest * (0.01 + 0.99 * draw**1.5)
        shake = noise * torch.randn(count, generator=generator, dtype=torch.float64)
        costs = self.impact * rates**self.exponent + shake
        if group == 1:
            return {"rates": rates, "costs": costs}
        order = rates.argsort()
        return {
            "rates": rates[order].reshape(-1, group).mean(-1),
            "costs": costs[order].reshape(-1, group).mean(-1),
        }

    def _rate(self, q: Any, energy: float) -> Any:
        """Return the rate at which a path of this energy sells where q is left."""
        b = self.exponent
        return ((energy + self.risk * q * q) / (b * self.impact)) ** (1 / (1 + b))

    def _energy_of(self, shares: float, horizon: float) -> float:
        """Return the energy of the path that takes this time."""

        def duration(log_energy: float) -> float:
            energy = np.exp(log_energy)
            # In the unit of q at which both terms are equal, the integrand is smooth.
            unit = np.sqrt(energy / self.risk)
            inside = lambda s: (  # noqa: E731
                unit * np.cosh(s) / self._rate(unit * np.sinh(s), energy)
            )
            return quad(inside, 0, np.arcsinh(shares / unit), epsabs=0, epsrel=1e-12)[0]

        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # said below, in words of this problem
            # A path without risk sells evenly; risk makes it faster at first, so its E is smaller.
            high = math.log(self.exponent * self.impact)
            high += (1 + self.exponent) * (math.log(shares) - math.log(horizon))
            for gap in (1.0, 4.0, 16.0, 64.0, 256.0):
                if duration(high - gap) >= horizon >= duration(high) * (1 - 1e-9):
                    break
            else:
                raise ValueError(
                    f"the path of {horizon} days from {shares} shares is out of the range of "
                    "double precision; expected a shorter horizon, or other units"
                )
            root = brentq(
                lambda s: duration(s) - horizon, high - gap, high + 1e-6, xtol=1e-14, rtol=1e-14
            )
        return math.exp(root)


class PowerCost(nn.Module):
    r"""A learned cost rate :math:`\eta\,v^{1 + \beta}`, of one number or two.

    Args:
        exponent: :math:`\beta`, if it is known, such as 1 for linear impact; None learns it too.

    Raises:
        ValueError: if the exponent is not positive.
    """

    def __init__(self, exponent: float | None = None) -> None:
        super().__init__()
        self.log_impact = nn.Parameter(torch.zeros((), dtype=torch.float64))
        if exponent is None:
            self.log_exponent = nn.Parameter(torch.zeros((), dtype=torch.float64))
        else:
            check_positive(exponent=exponent)
            known = torch.tensor(math.log(exponent), dtype=torch.float64)
            self.register_buffer("log_exponent", known)

    def forward(self, rate: Tensor) -> Tensor:
        """Return the cost for each unit of time, of the shape of ``rate``."""
        _check_rate(rate)
        # The logarithm of zero has no gradient; the cost at 1e-300 is zero in double precision.
        speed = rate.abs().clamp_min(1e-300)
        return torch.exp(self.log_impact + (1 + self.log_exponent.exp()) * speed.log())


class FreeCost(nn.Module):
    r"""A learned cost rate :math:`|v|\,h_\theta(|v|)` with a free network for the impact.

    Args:
        hidden: widths of the hidden layers of :math:`h_\theta`, with tanh.
        seed: draws the initial weights.
    """

    def __init__(self, hidden: tuple[int, ...] = (6,), *, seed: int | torch.Generator = 0) -> None:
        super().__init__()
        self.network = DenseNetwork((1, *as_widths(hidden), 1), "tanh", seed=seed)

    def forward(self, rate: Tensor) -> Tensor:
        """Return the cost for each unit of time, of the shape of ``rate``."""
        _check_rate(rate)
        speed = rate.abs()
        return speed * self.network(speed.unsqueeze(-1)).squeeze(-1)


class ConvexCost(nn.Module):
    r"""A learned cost rate that is even and convex in the rate, and zero at rest.

    It is a ``ConvexNetwork`` with ``even=True``. Convexity is what makes one schedule the cheapest:
    selling faster and slower by turns then costs more than selling evenly.

    Args:
        hidden: widths of the hidden layers.
        seed: draws the initial weights.
    """

    def __init__(self, hidden: tuple[int, ...] = (6,), *, seed: int | torch.Generator = 0) -> None:
        super().__init__()
        self.network = ConvexNetwork((1, *as_widths(hidden), 1), even=True, seed=seed)

    def forward(self, rate: Tensor) -> Tensor:
        """Return the cost for each unit of time, of the shape of ``rate``."""
        _check_rate(rate)
        return self.network(rate.unsqueeze(-1))


def cost_residual(model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    r"""Return the error of a learned cost *per share*, for ``fit``.

    .. math:: d = \frac{K_\theta(v)}{v} - c

    with the learned cost rate :math:`K_\theta` and the cost c of a share. The noise of a share is
    the same at all rates, that of the rate of the cost is not.

    Args:
        model: from rates ``(N,)`` to cost rates ``(N,)``.
        batch: ``rates`` and ``costs`` as of ``Execution.trades``.

    Returns:
        d for each trade, ``(N, 1)``, in currency per share.

    Raises:
        TypeError, ValueError: if the model is no function, or the batch lacks rates or costs.
    """
    check_callable(model=model)
    check_batch(batch, "rates", "costs")
    rates = batch["rates"]
    return (model(rates) / rates - batch["costs"]).unsqueeze(-1)


def cheapest_schedule(cost: CostRate, risk: float, shares: float, times: Tensor) -> Tensor:
    r"""Return the schedule that is cheapest for any cost rate, by relaxing the discrete action.

    .. math:: S = \sum_k \Delta t_k \left[ K\!\left(\frac{q_k - q_{k+1}}{\Delta t_k}\right)
              + \alpha \left(\frac{q_k + q_{k+1}}{2}\right)^2 \right]

    It only sells: the shares of the steps are a softmax, which L-BFGS (SciPy) moves, from even
    shares on. If K is convex this finds the one minimum; if it is not, a local one.

    Args:
        cost: K, from rates to cost rates, differentiable by PyTorch, such as a trained model.
        risk: :math:`\alpha`, as of ``Execution.risk``.
        shares: :math:`q_0`, positive.
        times: ``(T,)``, increasing, in days.

    Returns:
        Positions, ``(T,)``, from ``shares`` to zero.

    Raises:
        ValueError: if the cost of selling evenly is not finite.
    """
    check_callable(cost=cost)
    check_not_negative(risk=risk)
    check_positive(shares=shares)
    times = _clock(times)
    steps = times.diff()

    def positions(z: Tensor) -> Tensor:
        sold = torch.softmax(z, 0).cumsum(0)
        # The sum of a softmax is 1 but for rounding.
        return shares * torch.cat([sold.new_ones(1), 1 - sold[:-1], sold.new_zeros(1)])

    def value(start: np.ndarray) -> tuple[float, np.ndarray]:
        z = torch.tensor(start, requires_grad=True)
        q = positions(z)
        rates = -q.diff() / steps
        spent = cost(rates)
        check_output(spent, rates, rates.shape, "the cost")
        total = (steps * (spent + risk * ((q[1:] + q[:-1]) / 2) ** 2)).sum()
        (slope,) = torch.autograd.grad(total, z)
        return total.item(), slope.numpy()

    even = steps.log().numpy()
    if not np.isfinite(value(even)[0]):
        raise ValueError("the cost of selling evenly is not finite; expected a finite cost rate")
    found = minimize(
        value,
        even,
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "maxfun": 3000, "ftol": 1e-14, "gtol": 1e-9, "maxcor": 20},
    )
    return positions(torch.as_tensor(found.x)).detach()


def _clock(times: Tensor) -> Tensor:
    times = as_times(times, forwards=True).double()
    if len(times) < 2:
        raise ValueError(f"times has shape {tuple(times.shape)}; expected (T,) with T ≥ 2")
    return times


def _check_rate(rate: Any) -> None:
    check_tensor(rate, "rate")
    if rate.dtype != torch.float64:
        raise TypeError(f"rate has dtype {rate.dtype}, the model has torch.float64; use .double()")
