"""Rows about recorded series of markets; with ``pip install 'hnn-tutorial[market]'``.

They need the files of two packages: ``python benchmarks/run.py --row market_forecast`` says what is
missing. The chapter that shows these rows runs the same on simulated series.
"""

import math
from functools import partial

import torch
from harness import Row, make_row, row
from torch import Tensor

from hnn_tutorial.evaluation import over_seeds
from hnn_tutorial.finance import (
    Vasicek,
    forecast_error,
    har_forecast,
    lagged_states,
    load_series,
    map_forecast,
    resampled,
    reversal,
    step_map,
)
from hnn_tutorial.models import FlowMap, MLPMap, SympNet
from hnn_tutorial.training import LevenbergMarquardt, fit, map_residual

SEEDS = range(5)
SERIES = ("log_volatility", "log_price", "log_spread", "bill_rate")
AHEAD = {
    "log_volatility": (1, 4, 12),
    "log_price": (1, 5, 21),
    "log_spread": (1, 3, 12),
    "bill_rate": (1, 2, 4),
}
STEPS = (1, 2, 4, 12)
AVERSION = 3.0
NO_CHANGE = torch.tensor([1.0, 0.0], dtype=torch.float64)


@row
def market_step_map(repeats: int) -> list[Row]:
    """Fit the best linear map of each series, with ranges from 400 draws of long parts."""
    rows = []
    for name in SERIES:
        values = load_series(name).values
        block = min(52, len(values) // 8)
        maps = {k: step_map(values, k) for k in STEPS}
        draw = partial(resampled, values=values, seed=0, block=block, repeats=400)
        reversed_range = draw(reversal, length=2)
        rows.append(
            make_row(
                f"market_step_map: {name}",
                {"a Hamiltonian motion": 1.0},
                {f"determinant, {k} steps": each.determinant for k, each in maps.items()},
                [maps[1].determinant],
                "a determinant of 1",
                lambda ratio: ratio > 0.99,
                command="python benchmarks/run.py --row market_step_map",
                range=draw(lambda v: step_map(v).determinant),
                share={str(k): each.share for k, each in maps.items()},
                share_of_change={str(k): each.share_of_change for k, each in maps.items()},
                reversal=reversal(values),
                reversal_range=reversed_range,
                values=len(values),
            )
        )
    return rows


def standardised(name: str) -> tuple[Tensor, int]:
    """Return a series in units of its first three fifths, and how many values these are."""
    values = load_series(name).values
    train = 3 * len(values) // 5
    return (values - values[:train].mean()) / values[:train].std(), train


def trained(model: FlowMap, values: Tensor, train: int) -> FlowMap:
    """Return a map that has learned the steps of the first values."""
    states = lagged_states(values[:train])
    batch = {"states": states[:-1], "images": states[1:]}
    optimizer = LevenbergMarquardt(steps=40, weight_decay=1e-4)
    fit(model, batch, optimizer, residual=map_residual, progress=False)
    return model


@row
def market_forecast(repeats: int) -> list[Row]:
    """Forecast the later two fifths of each series from what the first three fifths teach."""
    rows = []
    for name, ahead in AHEAD.items():
        q, train = standardised(name)
        linear = step_map(q[:train])
        errors = {
            "no change": [
                forecast_error(*map_forecast(lambda x: x * NO_CHANGE, q, k, train)) for k in ahead
            ],
            "VAR": [forecast_error(*map_forecast(linear.map, q, k, train)) for k in ahead],
            "HAR": [forecast_error(*har_forecast(q, k, train)) for k in ahead],
        }
        runs = []
        for seed in SEEDS if name == "log_volatility" else ():
            nets = {"MLP": MLPMap(1, (6,), seed=seed), "SympNet": SympNet(1, (4,) * 3, seed=seed)}
            runs.append(
                {
                    kind: [
                        forecast_error(*map_forecast(trained(net, q, train).map, q, k, train))
                        for k in ahead
                    ]
                    for kind, net in nets.items()
                }
            )
        if runs:
            for kind in ("MLP", "SympNet"):
                errors[kind] = [
                    over_seeds(run[kind][i] for run in runs).median for i in range(len(ahead))
                ]
            ratios = [errors["HAR"][-1] / run["SympNet"][-1] for run in runs]
            target = "SympNet's error below HAR's at the longest horizon"
        else:
            ratios = [errors["no change"][0] / errors["VAR"][0]]
            target = "the linear map's error below that of no change, one step ahead, by 10 %"
        rows.append(
            make_row(
                f"market_forecast: {name}",
                {key: each for key, each in errors.items() if key != "SympNet"},
                errors.get("SympNet", errors["VAR"]),
                ratios,
                target,
                lambda ratio, least=1.0 if runs else 1.1: ratio > least,
                command="python benchmarks/run.py --row market_forecast",
                ahead=list(ahead),
                errors=errors,
                runs=runs,
            )
        )
    return rows


@row
def market_allocation(repeats: int) -> list[Row]:
    """Hold a share estimated from the last 20 or 10 years, or a constant one, since 1946."""
    excess = load_series("excess_return").values
    riskless = load_series("riskless_return").values
    months = 240

    def estimated(window: int) -> Tensor:
        past = excess.unfold(0, window, 1)[months - window : -1]
        return (past.mean(1) / (AVERSION * past.var(1))).clamp(-1, 3)

    count = len(excess) - months
    rules = {
        "estimated from 20 years": estimated(240),
        "estimated from 10 years": estimated(120),
        "always 60 %": torch.full((count,), 0.6, dtype=torch.float64),
        "always 100 %": torch.ones(count, dtype=torch.float64),
    }
    found = {}
    for name, share in rules.items():
        gross = 1 + share * excess[months:] + riskless[months:]
        certain = gross.pow(1 - AVERSION).mean().pow(1 / (1 - AVERSION)) - 1
        found[name] = 12 * float(certain)
    return [
        make_row(
            "market_allocation",
            {name: value for name, value in found.items() if name.startswith("always")},
            {name: value for name, value in found.items() if name.startswith("estimated")},
            [found["estimated from 20 years"] / found["always 60 %"]],
            "estimated shares ahead of a constant one",
            lambda ratio: ratio > 1,
            command="python benchmarks/run.py --row market_allocation",
            deviation={name: float(share.std()) for name, share in rules.items()},
            mean={name: float(share.mean()) for name, share in rules.items()},
            drift=12 * float(excess.mean()),
            volatility=12**0.5 * float(excess.std()),
            aversion=AVERSION,
            years=count / 12,
        )
    ]


@row
def market_spread_2008(repeats: int) -> list[Row]:
    """Set the spread of 2008 beside the most likely way there, of a model fitted until 2006."""
    values = load_series("log_spread").values
    known = values[: 12 * (2007 - 1919)]  # months until December 2006
    before, after = known[:-1], known[1:]
    slope = float(torch.cov(torch.stack([before, after]))[0, 1] / before.var())
    shocks = after - after.mean() - slope * (before - before.mean())
    level = float(after.mean() - slope * before.mean()) / (1 - slope)
    reversion = -12 * math.log(slope)  # per year
    monthly = float(shocks.std())
    volatility = monthly / math.sqrt((1 - slope**2) / (2 * reversion))
    model = Vasicek(reversion, level, volatility)
    june = 12 * (2008 - 1919) + 5
    true = values[june : june + 7]
    times = torch.arange(7, dtype=torch.float64) / 12
    start, end = float(true[0]), float(true[-1])
    likely = model.path(start, end, times)[:, 0]
    z = (end - model.mean(start, 0.5)) / model.deviation(0.5)
    # How unlikely each month was, given the one before it.
    steps = torch.tensor([model.mean(float(q), 1 / 12) for q in true[:-1]], dtype=torch.float64)
    each = (true[1:] - steps) / model.deviation(1 / 12)
    share = {
        name: float((path.diff() / (end - start)).max())
        for name, path in {"recorded": true, "most likely": likely}.items()
    }
    return [
        make_row(
            "market_spread_2008",
            true.exp().tolist(),
            likely.exp().tolist(),
            [share["recorded"] / share["most likely"]],
            "the recorded rise as even as the most likely one, to 50 %",
            lambda ratio: ratio < 1.5,
            command="python benchmarks/run.py --row market_spread_2008",
            months="June to December 2008",
            deviations=z,
            action=z**2 / 2,
            action_recorded=float(each.square().sum()) / 2,
            deviations_by_month=each.tolist(),
            largest_month=share,
            half_life_months=math.log(0.5) / math.log(slope),
            shock=monthly,
            kurtosis=float((shocks / shocks.std()).pow(4).mean()),
        )
    ]
