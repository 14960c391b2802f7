"""The schedule lab: how a position is sold over time, drawn by the reader, beside the cheapest."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from hnn_tutorial._validate import check_count, check_positive, check_type, check_vector
from hnn_tutorial.finance import Execution
from hnn_tutorial.palette import ROLES
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._lab import Lab, as_levels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PIECES = 240
"""Of a path, about, as ``schedule_lab.js`` has them."""

MOST_KNOTS = 9

AVERSIONS = 30.0
"""How many times larger and smaller than at first the slider makes the aversion."""

HEIGHTS = (1404, 900)
"""Of the card, narrow and wide."""


class ScheduleLab(Lab):
    r"""A schedule of selling that the reader draws, its cost, and what the cheapest one conserves.

    The position is q(t), from all shares to none, the rate of selling :math:`v = -\dot q`, and the
    cost of a schedule

    .. math:: S[q] = \int \left( v\,h(v) + \alpha q^2 \right) dt,
              \qquad h(v) = \eta v^\beta, \quad \alpha = \text{aversion} \cdot \sigma^2

    by the midpoint rule. The reader moves what is left at a few equal times; between them the path
    is a cubic that rises nowhere but where they do. Along the cheapest path

    .. math:: E = \beta\,v\,h(v) - \alpha q^2

    is constant; the lab shows E along the reader's, and the cheapest path once the reader is within
    one percent of its cost, or asks. A slider changes the aversion to risk.

    Args:
        execution: η, β, the aversion and σ.
        shares: what is to be sold.
        horizon: the time for it, in days.
        knots: how many points of the schedule can be moved, from 2 to 9.
        levels: what is left at these times, ``(knots,)``; None sells evenly.
        task: what the lab asks its reader to do, one of ``TASKS``; "none" for nothing.

    Raises:
        TypeError, ValueError: for anything but an ``Execution``, or numbers that make no sense.

    Attributes:
        levels: what is left at the times of the points, two-way.
        aversion: to risk, two-way; ``execution`` is the execution with it.

    References:
        Almgren & Chriss 2000; Almgren 2003.
    """

    _esm = bundle("labs/schedule_lab.js")

    TASKS = ("near", "patient")

    # Nothing moves by itself here.
    state = None  # type: ignore[assignment]

    _cost = traitlets.Dict().tag(sync=True)
    levels = traitlets.List(traitlets.Float(), help="shares left at the times").tag(sync=True)
    aversion = traitlets.Float(1.0, help="the price of variance").tag(sync=True)

    def __init__(
        self,
        execution: Execution,
        shares: float = 1.0,
        horizon: float = 1.0,
        *,
        knots: int = 5,
        levels: Sequence[float] | Tensor | None = None,
        task: str = "",
    ) -> None:
        check_type(Execution, "a finance.Execution", execution=execution)
        check_positive(shares=shares, horizon=horizon)
        check_count(knots=knots)
        if not 2 <= knots <= MOST_KNOTS:
            raise ValueError(f"knots = {knots}; expected from 2 to {MOST_KNOTS}")
        self._first = execution
        self.shares, self.horizon = float(shares), float(horizon)
        aversion = float(execution.aversion)
        super().__init__(
            _cost={
                "impact": float(execution.impact),
                "exponent": float(execution.exponent),
                "volatility": float(execution.volatility),
                "shares": self.shares,
                "horizon": self.horizon,
                "knots": int(knots),
                "aversions": [aversion / AVERSIONS, aversion * AVERSIONS],
            },
            levels=self._evenly(knots) if levels is None else as_levels(levels),
            aversion=aversion,
            task=task,
        )

    def _evenly(self, knots: int) -> list[float]:
        return [round(self.shares * (1 - (j + 1) / (knots + 1)), 6) for j in range(knots)]

    @property
    def execution(self) -> Execution:
        """The execution, with the aversion that the slider shows."""
        return replace(self._first, aversion=self.aversion)

    @property
    def times(self) -> Tensor:
        """The times of a path, in days, ``(T,)``."""
        pieces = self._cost["knots"] + 1
        count = pieces * math.ceil(PIECES / pieces)
        return torch.linspace(0, self.horizon, count + 1, dtype=torch.float64)

    @property
    def schedule(self) -> Tensor:
        """What is left to sell at ``times``, by the reader's schedule, in shares, ``(T,)``."""
        points = [self.shares, *self.levels, 0.0]
        at = torch.linspace(0, self.horizon, len(points), dtype=torch.float64)
        return torch.as_tensor(PchipInterpolator(at, points)(self.times.numpy()))

    def cost(self, path: Tensor) -> Tensor:
        """Return the cost of a path at ``times``, by the midpoint rule.

        Args:
            path: what is left to sell, ``(..., T)``, in shares.

        Returns:
            ``(...)``, in currency.

        Raises:
            TypeError, ValueError: for a path that has not one number for each of the times.
        """
        check_vector(path, "path", len(self.times))
        execution, step = self.execution, self.times.diff().to(path)
        rates = -path.diff(dim=-1) / step
        middles = (path[..., 1:] + path[..., :-1]) / 2
        rate_of_cost = execution.impact_cost(rates) + execution.risk * middles.square()
        return (step * rate_of_cost).sum(-1)

    @traitlets.default("_constants")
    def _default_constants(self) -> str:
        cost = self._cost
        return f"η = {cost['impact']:.6g}, β = {cost['exponent']:.6g}, σ = {cost['volatility']:.6g}"

    @traitlets.validate("levels")
    def _check_levels(self, proposal: dict[str, Any]) -> list[float]:
        levels = proposal["value"]
        count = self._cost["knots"]
        if len(levels) != count or not all(0 <= level <= self.shares for level in levels):
            raise ValueError(
                f"levels = {levels}; expected {count} numbers from 0 to {self.shares:.6g}"
            )
        return levels

    @traitlets.validate("aversion")
    def _check_aversion(self, proposal: dict[str, Any]) -> float:
        low, high = self._cost["aversions"]
        # The slider's ends are rounded on their way.
        if not low * (1 - 1e-9) <= proposal["value"] <= high * (1 + 1e-9):
            raise ValueError(f"aversion = {proposal['value']}; it is from {low:.4g} to {high:.4g}")
        return proposal["value"]

    def _card_heights(self) -> tuple[int, int]:
        return HEIGHTS

    def draw_picture(self, figure: "Figure") -> str:
        """Draw both schedules, and E along them."""
        from hnn_tutorial.plotting import line_style

        left, right = figure.subplots(1, 2)
        times, best = self.times, self.execution.path(self.shares, self.times)
        middles = (times[1:] + times[:-1]) / 2
        mine = {"color": ROLES["highlight"].figure, "label": "your schedule"}
        for path, style in (
            (best, line_style("truth") | {"label": "cheapest path"}),
            (self.schedule, mine),
        ):
            rates = path.diff() / times.diff()
            states = torch.stack([(path[1:] + path[:-1]) / 2, rates], dim=-1)
            left.plot(times, path, **style)
            right.plot(middles, self.execution.energy(states), **style)
        left.set(xlabel="time (days)", ylabel="left to sell $q$ (shares)")
        left.legend()
        right.set(xlabel="time (days)", ylabel="$E$ (currency per day)")
        excess = float(self.cost(self.schedule) / self.cost(best) - 1)
        return (
            f"A schedule of selling that costs {100 * excess:.3g} % more than the cheapest, and E, "
            "which is constant along the cheapest alone"
        )
