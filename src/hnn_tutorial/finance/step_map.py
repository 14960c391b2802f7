"""Whether a series can have an energy: its best linear step, and its reversal in time."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_tensor,
    check_callable,
    check_count,
    check_finite,
    check_state,
    check_tensor,
)
from hnn_tutorial.random import as_generator

MOST_REPEATS = 100_000


@dataclass(frozen=True)
class StepMap:
    r"""The linear map that predicts the state of a series best, some steps ahead.

    .. math:: x_{t+k} \approx \Gamma\, x_t + b, \qquad x_t = (q_t,\; q_t - q_{t-1})

    Attributes:
        matrix: Γ, ``(2, 2)``.
        shift: b, ``(2,)``.
        share: how much of the variance of :math:`q_{t+k}` the map predicts, from 0 to 1.
        share_of_change: how much of the variance of :math:`q_{t+k} - q_t` it predicts.
    """

    matrix: Tensor
    shift: Tensor
    share: float
    share_of_change: float

    @property
    def determinant(self) -> float:
        """By which factor the map changes areas; 1 for each linear Hamiltonian motion."""
        return float(torch.linalg.det(self.matrix))

    def map(self, x: Tensor) -> Tensor:
        """Return the predicted states, ``(..., 2) -> (..., 2)``."""
        check_state(x, degrees=1)
        return x @ self.matrix.mT + self.shift


def lagged_states(values: Tensor) -> Tensor:
    r"""Return the states :math:`(q_t,\; q_t - q_{t-1})` of a series.

    Args:
        values: the series, ``(T,)``.

    Returns:
        Shape ``(T - 1, 2)``.

    Raises:
        TypeError: if ``values`` is no floating-point tensor.
        ValueError: if it is no series of at least 2 finite numbers.
    """
    pieces = as_tensor(values)
    check_tensor(pieces, "values")
    if pieces.ndim != 1 or len(pieces) < 2:
        raise ValueError(
            f"values has shape {tuple(pieces.shape)}; expected a series of at least 2 numbers, (T,)"
        )
    check_finite(pieces, "values")
    return torch.stack([pieces[1:], pieces.diff()], dim=-1)


def step_map(values: Tensor, steps: int = 1) -> StepMap:
    """Fit the best linear map of a series' states, by least squares.

    Args:
        values: the series, ``(T,)``, or pieces of it, ``(N, steps + 2)``, as `resampled` draws.
        steps: k, how far ahead.

    Returns:
        The map.

    Raises:
        TypeError: if ``values`` is no floating-point tensor.
        ValueError: if there are fewer than 10 pieces, if the values are all the same or not finite,
            or if ``steps`` is no positive integer.
    """
    check_count(steps=steps)
    pieces = _pieces(values, int(steps) + 2, least=10)
    scale = pieces.abs().max()  # so that no square is too small or too large
    pieces = pieces / scale
    x = torch.stack([pieces[:, 1], pieces[:, 1] - pieces[:, 0]], dim=-1)
    y = torch.stack([pieces[:, -1], pieces[:, -1] - pieces[:, -2]], dim=-1)
    design = torch.cat([x, torch.ones_like(x[:, :1])], dim=-1)
    weights = torch.linalg.lstsq(design, y, driver="gelsd").solution
    missed = (y - design @ weights)[:, 0].var(correction=0)
    share = 1 - missed / y[:, 0].var(correction=0)
    of_change = 1 - missed / (y[:, 0] - x[:, 0]).var(correction=0)
    return StepMap(weights[:2].mT, weights[2] * scale, float(share), float(of_change))


def reversal(values: Tensor) -> float:
    r"""Return how lopsided the changes of a series are; zero if time could run backwards.

    .. math:: \frac{\langle \Delta^3 \rangle}{\langle \Delta^2 \rangle^{3/2}},
              \qquad \Delta = q_{t+1} - q_t

    Read backwards, each change has the other sign. So a stationary process that looks the same in
    both directions has changes that are as often up as down by the same amount. Zero proves
    nothing: other things may differ between the directions.

    Args:
        values: the series, ``(T,)``, or pairs of neighbours from it, ``(N, 2)``.

    Returns:
        The skewness, without the mean taken off.

    Raises:
        TypeError: if ``values`` is no floating-point tensor.
        ValueError: if it is no series of at least 3 finite numbers, or they are all the same.
    """
    change = _pieces(values, 2, least=2).diff().squeeze(-1)
    change = change / change.abs().max()  # so that no cube is too small or too large
    return float(change.pow(3).mean() / change.square().mean() ** 1.5)


def resampled(
    statistic: Callable[[Tensor], float],
    values: Tensor,
    seed: int | torch.Generator,
    *,
    length: int = 3,
    block: int = 52,
    repeats: int = 200,
) -> tuple[float, float]:
    """Return the range of a statistic, if long parts of the series are drawn again.

    The series is cut into all its pieces of a few neighbouring values. Each repeat draws as many
    pieces as there are, with replacement, in runs of ``block`` that begin one value after the other
    (a moving-block bootstrap). So what is correlated in time stays together, and no piece holds a
    step that the series never made.

    Args:
        statistic: ``pieces (N, length) -> number``, such as ``reversal``.
        values: the series, ``(T,)``.
        seed: of the draws.
        length: values in a piece; `step_map` needs ``steps + 2``, and `reversal` 2.
        block: pieces in a run; much longer than the series remembers is best.
        repeats: how often to draw.

    Returns:
        The quantiles at 2.5 % and 97.5 %.

    Raises:
        TypeError: if ``values`` is no floating-point tensor, or ``statistic`` no function.
        ValueError: if the series is shorter than a run, if its values are all the same or not
            finite, or if a number is no positive integer.

    References:
        Künsch 1989.
    """
    check_callable(statistic=statistic)
    check_count(length=length, block=block, repeats=repeats)
    if repeats > MOST_REPEATS:
        raise ValueError(f"repeats = {repeats}; expected at most {MOST_REPEATS}")
    values = as_tensor(values)
    check_tensor(values, "values")
    if values.ndim != 1:
        raise ValueError(f"values has shape {tuple(values.shape)}; expected a series, (T,)")
    pieces = _pieces(values, int(length), least=int(block))
    generator = as_generator(seed)
    runs, starts = -(-len(pieces) // block), len(pieces) - block + 1
    found = []
    for _ in range(repeats):
        first = torch.randint(starts, (runs, 1), generator=generator)
        rows = (first + torch.arange(block)).flatten()[: len(pieces)]
        found.append(float(statistic(pieces[rows])))
    ends = torch.tensor([0.025, 0.975], dtype=torch.float64)
    low, high = torch.tensor(found, dtype=torch.float64).quantile(ends).tolist()
    return low, high


def _pieces(values: Tensor, length: int, least: int) -> Tensor:
    """All pieces of a series, ``(N, length)``, or the pieces that were given."""
    values = as_tensor(values)
    check_tensor(values, "values")
    if values.ndim == 1 and len(values) >= length + least - 1:
        values = values.unfold(0, length, 1)
    elif values.ndim != 2 or values.shape[1] != length or len(values) < least:
        raise ValueError(
            f"values has shape {tuple(values.shape)}; expected a series of at least "
            f"{length + least - 1} numbers, (T,)"
        )
    check_finite(values, "values")
    if values.max() == values.min():
        raise ValueError("values are all the same; a constant series has no steps to judge")
    return values
