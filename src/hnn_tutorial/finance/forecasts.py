"""Forecasts of a series: by a map of its states, and the classical one of a volatility."""

from collections.abc import Callable

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_tensor,
    check_callable,
    check_count,
    check_finite,
    check_output,
    check_tensor,
)
from hnn_tutorial.finance.step_map import lagged_states


def map_forecast(
    step: Callable[[Tensor], Tensor], values: Tensor, steps: int, train: int
) -> tuple[Tensor, Tensor]:
    """Forecast a series by a map of its states, which is applied once for each step.

    Args:
        step: the map of states ``[q, change of q]``, ``(N, 2) -> (N, 2)``, such as that of a
            `StepMap` or of a learned flow map.
        values: the series, ``(T,)``.
        steps: k, how far ahead.
        train: how many values the map has seen; they are not forecast.

    Returns:
        Forecasts and what came, each ``(T - train - k + 1,)``: the forecasts are made at the times
        t ≥ ``train`` - 1, from values up to t.

    Raises:
        TypeError: if ``values`` is no floating-point tensor, or ``step`` no function.
        ValueError: if there is nothing to forecast, or if the map returns another shape.
    """
    check_callable(step=step)
    check_count(steps=steps, train=train)
    values = _checked(values)
    if train < 2 or len(values) < train + steps:
        raise ValueError(
            f"{len(values)} values, of which {train} to train on, leave none to forecast {steps} "
            "steps ahead; at least 2 to train on are needed"
        )
    states = lagged_states(values)[train - 2 : len(values) - 1 - steps]
    with torch.no_grad():
        for _ in range(steps):
            mapped = step(states)
            check_output(mapped, states, states.shape, "step(x)")
            states = mapped
    return states[:, 0], values[train - 1 + steps :]


def har_forecast(
    values: Tensor, steps: int, train: int, *, windows: tuple[int, ...] = (1, 4, 13)
) -> tuple[Tensor, Tensor]:
    r"""Forecast a series from its recent means, by least squares (HAR).

    .. math:: q_{t+k} \approx b_0 + \sum_j b_j\, \bar q_t^{(w_j)}

    where :math:`\bar q_t^{(w)}` is the mean of the last w values up to t. The weights are fitted
    for this one k on the first values alone.

    Args:
        values: the series, ``(T,)``.
        steps: k, how far ahead.
        train: how many values the weights may see.
        windows: lengths of the means, in steps; weekly values have week, month and quarter.

    Returns:
        Forecasts and what came, each ``(T - train - k + 1,)``: the forecasts are made at the times
        t ≥ ``train`` - 1, from values up to t.

    Raises:
        TypeError: if ``values`` is no floating-point tensor, or ``windows`` are no integers.
        ValueError: if there are too few values to train on or to forecast, or if ``steps`` is no
            positive integer.

    References:
        Corsi 2009.
    """
    check_count(steps=steps, train=train)
    values = _checked(values)
    if not isinstance(windows, tuple | list) or not windows:
        raise TypeError("windows are the lengths of the means, such as (1, 4, 13)")
    for window in windows:
        check_count(window=window)
    longest = max(windows)
    first = longest - 1
    if train < longest + steps + len(windows) + 1 or len(values) < train + steps:
        raise ValueError(
            f"{len(values)} values, of which {train} to train on, are too few for means over "
            f"{longest} and {steps} steps ahead"
        )
    scale = values.abs().max().clamp(min=torch.finfo(values.dtype).tiny)
    scaled = values / scale  # so that no sum is too large
    total = torch.cat([torch.zeros_like(scaled[:1]), scaled.cumsum(0)])
    means = [(total[w:] - total[:-w])[longest - w :] / w for w in windows]
    design = torch.stack([torch.ones_like(means[0]), *means], dim=-1)  # row i: time first + i
    seen = train - steps - first  # what came is among the first values
    weights = torch.linalg.lstsq(
        design[:seen], scaled[first + steps : train].unsqueeze(-1), driver="gelsd"
    ).solution[:, 0]
    forecast = design[train - 1 - first : len(values) - steps - first] @ weights * scale
    return forecast, values[train - 1 + steps :]


def forecast_error(forecast: Tensor, came: Tensor) -> float:
    r"""Return the mean squared error of a forecast, over that of always forecasting zero.

    .. math:: \langle (\hat q - q)^2 \rangle / \langle q^2 \rangle

    For a series from which the mean of its training part was taken off, zero is that mean. So an
    error of 1 is that of the forecast that all will be as it was on average.

    Args:
        forecast: what was forecast, ``(N,)``.
        came: what came, ``(N,)``.

    Returns:
        The error.

    Raises:
        TypeError: if one of them is no floating-point tensor.
        ValueError: if they differ in shape, are empty or not finite, or if all that came is zero.
    """
    forecast, came = _checked(forecast), _checked(came)
    if forecast.shape != came.shape or not came.any():
        raise ValueError(
            f"forecast and came have the shapes {tuple(forecast.shape)} and {tuple(came.shape)}; "
            "expected two series of one length, of which the second is not all zero"
        )
    scale = came.abs().max()  # so that no square is too small or too large
    missed = (forecast / scale - came / scale).square().mean()
    return float(missed / (came / scale).square().mean())


def _checked(values: Tensor) -> Tensor:
    values = as_tensor(values)
    check_tensor(values, "values")
    if values.ndim != 1:
        raise ValueError(f"values has shape {tuple(values.shape)}; expected a series, (T,)")
    check_finite(values, "values")
    return values
