"""The smile lab: the way to a strike in the plane of price and volatility, and the smile."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from scipy.interpolate import PchipInterpolator
from torch import Tensor

from hnn_tutorial._validate import (
    as_number,
    check_callable,
    check_finite,
    check_type,
    check_vector,
    describe,
)
from hnn_tutorial.finance import Sabr, geodesics, smile
from hnn_tutorial.palette import ROLES
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._lab import Lab, as_levels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = 120
"""Of a path, as ``smile_lab.js`` has them."""

KNOTS = 3

TABLE = (41, 16)
"""Strikes at which a learned metric is asked, and steps of its geodesics."""

RANGES = {"volatility": (0.02, 1.0), "vol_of_vol": (0.02, 2.0), "correlation": (-0.95, 0.95)}
"""Of the sliders."""

LEVELS = (0.05, 20.0)
"""Of the own path, in units of today's volatility."""

REACHES = (0.05, 2.0)

HEIGHTS = ((1042, 690), (1114, 720))
"""Of the card without and with a learned metric, narrow and wide."""


class SmileLab(Lab):
    r"""The geodesic to a strike in the plane of price and volatility, and the smile that it gives.

    The state is :math:`q = [\ln F, \ln a]`, the price in units of today's forward and its
    volatility. The inverse of the covariance :math:`\Sigma(q)` of ``Sabr`` is a metric; the length
    of a path is

    .. math:: \ell = \int \sqrt{\dot q^\top \Sigma(q)^{-1} \dot q}\,dt

    by the midpoint rule. The shortest path from today's state to the line :math:`\ln F = k` ends
    where it likes; its length is the distance, and :math:`|k|/\ell` the implied volatility of short
    options at that strike. One plane shows the price and the volatility, with states at the same
    distance from today's, the geodesic, the path of constant volatility and one of the reader's
    own; the other the smile. The reader drags the strike, and the own path at three places.

    Args:
        sabr: the true market, with the exponent 1.
        metric: a learned one, with a ``covariance`` such as that of ``MetricNetwork``; or None. Its
            geodesics and its smile travel as tables, and the market's parameters then stay.
        strike: the logarithm k of the first strike over the forward.
        reach: strikes go from -reach to reach.
        levels: the volatility of the own path at the thirds of the way, in units of today's,
            ``(3,)``; None keeps it constant.
        task: what the lab asks its reader to do, one of ``TASKS``; "none" for nothing.

    Raises:
        TypeError, ValueError: for a market, a metric or numbers that the lab cannot show.

    Attributes:
        strike: k, two-way.
        levels: of the own path, two-way.
        volatility: a today, two-way; ``sabr`` is the market with this and the next two.
        vol_of_vol: ν, two-way.
        correlation: ρ, two-way.

    References:
        Hagan, Lesniewski & Woodward 2005; Berestycki, Busca & Florent 2004.
    """

    _esm = bundle("labs/smile_lab.js")

    TASKS = ("near", "flat", "mirror")

    # Nothing moves by itself here.
    state = None  # type: ignore[assignment]

    _market = traitlets.Dict().tag(sync=True)
    _learned = traitlets.Bytes(b"").tag(sync=True)
    strike = traitlets.Float(-0.3, help="logarithm of strike over forward").tag(sync=True)
    levels = traitlets.List(traitlets.Float(), help="volatilities of the own path").tag(sync=True)
    volatility = traitlets.Float(0.25, help="of the price today").tag(sync=True)
    vol_of_vol = traitlets.Float(0.8, help="volatility of the volatility").tag(sync=True)
    correlation = traitlets.Float(-0.6, help="of price and volatility").tag(sync=True)

    def __init__(
        self,
        sabr: Sabr | None = None,
        metric: Any = None,
        *,
        strike: float = -0.3,
        reach: float = 0.5,
        levels: Sequence[float] | Tensor | None = None,
        task: str = "",
    ) -> None:
        sabr = Sabr() if sabr is None else sabr
        check_type(Sabr, "a finance.Sabr", sabr=sabr)
        if sabr.exponent != 1:
            raise ValueError(f"exponent = {sabr.exponent}; the lab shows a market with exponent 1")
        low, high = REACHES
        if not low <= as_number("reach", reach) <= high:
            raise ValueError(f"reach = {reach}; expected from {low} to {high}")
        self.metric, self._first = metric, sabr
        reach = float(reach)
        learned = b"" if metric is None else _table(metric, sabr.start, reach)
        ranges = {name: list(ends) for name, ends in RANGES.items()}
        super().__init__(
            _market={"reach": reach, "ranges": ranges},
            _learned=learned,
            strike=as_number("strike", strike),
            levels=[1.0] * KNOTS if levels is None else as_levels(levels),
            **{name: float(getattr(sabr, name)) for name in RANGES},
            task=task,
        )

    @property
    def sabr(self) -> Sabr:
        """The market, with what the sliders show."""
        return replace(Sabr(), **{name: getattr(self, name) for name in RANGES})

    @property
    def path(self) -> Tensor:
        """The reader's path to the strike, ``[ln F, ln a]`` at equal steps of the price, (T, 2)."""
        part = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64)
        at = torch.linspace(0, 1, KNOTS + 1, dtype=torch.float64)
        level = torch.as_tensor(PchipInterpolator(at, [1.0, *self.levels])(part.numpy()))
        return torch.stack([self.strike * part, (self.volatility * level).log()], dim=-1)

    def length(self, path: Tensor) -> Tensor:
        r"""Return the length of a path, by the midpoint rule.

        .. math:: \ell = \sum_i \sqrt{\Delta q_i^\top \Sigma(\bar q_i)^{-1} \Delta q_i}

        Args:
            path: states ``[ln F, ln a]``, ``(T, 2)``.

        Returns:
            A number, in roots of a year.

        Raises:
            TypeError, ValueError: for a path that is not that.
        """
        check_vector(path, "path", 2)
        check_finite(path, "path")
        if path.ndim != 2 or len(path) < 2:
            raise ValueError(
                f"path has shape {tuple(path.shape)}; expected (T, 2), two states at least"
            )
        middles = (path[1:] + path[:-1]) / 2
        each = self.sabr.lagrangian(torch.cat([middles, path.diff(dim=0)], dim=-1))
        return (2 * each).sqrt().sum()

    @traitlets.default("_constants")
    def _default_constants(self) -> str:
        if not self._learned:
            return ""
        return f"a = {self.volatility:.6g}, ν = {self.vol_of_vol:.6g}, ρ = {self.correlation:.6g}"

    @traitlets.validate("strike")
    def _check_strike(self, proposal: dict[str, Any]) -> float:
        reach = self._market["reach"]
        if not -reach <= proposal["value"] <= reach:
            raise ValueError(f"strike = {proposal['value']}; it is from {-reach:g} to {reach:g}")
        return proposal["value"]

    @traitlets.validate("levels")
    def _check_levels(self, proposal: dict[str, Any]) -> list[float]:
        levels, (low, high) = proposal["value"], LEVELS
        if len(levels) != KNOTS or not all(low <= level <= high for level in levels):
            raise ValueError(f"levels = {levels}; expected {KNOTS} numbers from {low} to {high:g}")
        return levels

    @traitlets.validate(*RANGES)
    def _check_range(self, proposal: dict[str, Any]) -> float:
        name = proposal["trait"].name
        low, high = RANGES[name]
        if not low <= proposal["value"] <= high:
            raise ValueError(f"{name} = {proposal['value']}; the lab goes from {low} to {high}")
        if self.metric is not None and proposal["value"] != getattr(self._first, name):
            raise ValueError(f"{name} stays: the learned metric was asked for {self._first}")
        return proposal["value"]

    def _card_heights(self) -> tuple[int, int]:
        return HEIGHTS[bool(self._learned)]

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the geodesic to the strike and the reader's path, and the smile."""
        from hnn_tutorial.plotting import line_style

        left, right = figure.subplots(1, 2)
        sabr, k, reach = self.sabr, self.strike, self._market["reach"]
        strikes = torch.linspace(-reach, reach, 121, dtype=torch.float64)
        volatilities = sabr.short_volatility(strikes)
        here = torch.tensor([k], dtype=torch.float64)
        paths = {"geodesic": geodesics(sabr.covariance, sabr.start, here, 24)[:, 0]}
        styles = {"geodesic": line_style("truth")}
        if self.metric is not None:
            with torch.no_grad():
                learned = _of(self.metric)
                paths["learned"] = geodesics(learned, sabr.start, here, 24)[:, 0]
                styles["learned"] = line_style("hnn")
                right.plot(
                    strikes[::6], smile(learned, sabr.start, strikes[::6]), **styles["learned"]
                )
        mine, length = self.path, float(self.length(self.path))
        left.plot([0, k], [self.volatility] * 2, **line_style("formula") | {"label": "constant"})
        for name, path in paths.items():
            left.plot(path[:, 0], path[:, 1].exp(), **styles[name] | {"label": name})
        colour = ROLES["highlight"].figure
        left.plot(mine[:, 0], mine[:, 1].exp(), color=colour, label="your path")
        left.axvline(k, color=ROLES["data"].figure, linewidth=0.8)
        left.set(xlabel=r"log price $\ln F$", ylabel="volatility $a$", ylim=(0, None))
        left.legend()
        right.plot(strikes, volatilities, **line_style("truth"))
        right.axhline(self.volatility, **line_style("formula"))
        if length:
            right.plot([k], [abs(k) / length], "o", color=colour)
        right.set(xlabel="log strike $k$", ylabel=r"implied volatility $|k|/\ell$")
        right.set_ylim(0, 1.15 * max(self.volatility, float(volatilities.max())))
        distance, found = float(sabr.distance(here)), float(sabr.short_volatility(here))
        return (
            f"The geodesic to the log strike {k:.3g}, of length {distance:.3g}, in the plane of "
            f"log price and volatility; and the smile, which is {found:.3g} there"
        )


def _of(metric: Any) -> Any:
    """Return the covariance of a metric, or say that it has none."""
    covariance = getattr(metric, "covariance", None)
    if covariance is None:
        raise TypeError(f"metric is {describe(metric)}; expected one with a covariance")
    check_callable(covariance=covariance)
    return covariance


def _table(metric: Any, start: Tensor, reach: float) -> bytes:
    """Return, for each strike of the table, the learned volatility and its geodesic's states."""
    count, steps = TABLE
    strikes = torch.linspace(-reach, reach, count, dtype=torch.float64)
    with torch.no_grad():
        volatilities = smile(_of(metric), start, strikes, steps, extrapolate=True)
        paths = geodesics(_of(metric), start, strikes, steps)
    rows = torch.cat([volatilities[:, None], paths.transpose(0, 1).flatten(1)], dim=-1)
    check_finite(rows.float(), "what the metric gives")
    return rows.numpy().astype("<f4").tobytes()
