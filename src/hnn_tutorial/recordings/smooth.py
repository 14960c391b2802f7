r"""Velocities and accelerations from positions alone, with their noise and their bias.

A difference of neighbours divides their noise by the time between them, and a second difference by
its square: at 50 rows a second a noise of 0.01 rad becomes one of 60 rad/s². A *smoother* draws a
smooth curve through all rows and differentiates that. The more it smooths, the less noise is left
and the more of the motion is flattened with it, which is its bias.

All three smoothers here are linear in the positions once they have chosen how much to smooth,
:math:`\hat x = S y`, and so two numbers can be estimated for each:

.. math:: \hat\sigma^2 = \frac{\|y - S y\|^2}{T - \operatorname{tr} S}, \qquad
          \text{bias}^2 \approx \frac 1T \|S \hat x - \hat x\|^2 ,

the noise of the positions, and what smoothing the smooth curve once more takes from it.
"""

import itertools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from scipy.interpolate import make_smoothing_spline
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import minimize, minimize_scalar
from torch import Tensor

from hnn_tutorial._validate import as_number, check_type, lookup
from hnn_tutorial.data import Dataset, Trajectories
from hnn_tutorial.recordings.read import Observations, Track

FEWEST = 8
"""Rows of a trial that a smoother needs."""

BLOCK = 400
"""Rows that a Gaussian process treats at once; its work grows as their cube."""

Curves = np.ndarray
"""``(3, T)``: a smooth curve, its velocity and its acceleration."""
Linear = Callable[[np.ndarray], Curves]
"""A smoother that has chosen how much to smooth."""


@dataclass(frozen=True)
class Smoothed:
    """Positions, velocities and accelerations on smooth curves through a recording.

    Attributes:
        observations: what was smoothed.
        method: a key of ``SMOOTHERS``.
        trials: for each trial ``times (T,)`` and ``states (T, 1, 2n)``, that is ``[q, q̇]``.
        accelerations: for each trial ``(T, 1, n)``.
        noise: standard deviation of the noise of each position, in its unit (of each velocity,
            where there were no positions).
        bias: for each position three numbers, the root mean squares of what smoothing takes from
            the position, the velocity and the acceleration, in their units.
    """

    observations: Observations
    method: str
    trials: tuple[Trajectories, ...]
    accelerations: tuple[Tensor, ...]
    noise: tuple[float, ...]
    bias: tuple[tuple[float, float, float], ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.observations)

    def dataset(self, edge: float = 0.02) -> Dataset:
        """Return the states with their derivatives, for a derivative loss.

        Near its ends a curve has neighbours on one side only, and its acceleration there is
        several times as noisy.

        Args:
            edge: share of the rows of each trial that is left out at both of its ends.

        Returns:
            A dataset; its ``trajectory`` is the number of the trial.

        Raises:
            ValueError: for an edge that leaves nothing.
        """
        edge = as_number("edge", edge)
        if not 0 <= edge < 0.5:
            raise ValueError(f"edge = {edge}; expected a share from 0 to below 0.5")
        states, derivatives, number = [], [], []
        for k, (trial, acceleration) in enumerate(
            zip(self.trials, self.accelerations, strict=True)
        ):
            cut = math.ceil(edge * len(trial.times))
            kept = slice(cut, len(trial.times) - cut)
            x = trial.states[kept, 0]
            states.append(x)
            velocity = x[:, x.shape[-1] // 2 :]
            derivatives.append(torch.cat([velocity, acceleration[kept, 0]], dim=-1))
            number.append(torch.full((len(x),), k))
        return Dataset(torch.cat(states), torch.cat(derivatives), torch.cat(number))

    def __str__(self) -> str:
        lines = [f"{len(self)} rows smoothed by {SMOOTHERS[self.method].title}"]
        what = "position" if self.observations.tracks[0].positions is not None else "velocity"
        for name, unit, noise, bias in zip(
            self.observations.names, self.observations.units, self.noise, self.bias, strict=True
        ):
            unit = unit or "1"
            seen = unit if what == "position" else f"{unit}/s"
            lines.append(
                f"{name}: noise of the {what} {noise:.2g} {seen}; bias {bias[0]:.2g} {unit}, "
                f"{bias[1]:.2g} {unit}/s, {bias[2]:.2g} {unit}/s²"
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class Smoother:
    """A row of ``SMOOTHERS``.

    Attributes:
        title: what it is called.
        choose: ``(times, values) -> (linear smoother, trace of S)``.
    """

    title: str
    choose: Callable[[np.ndarray, np.ndarray], tuple[Linear, float]]


def smooth(observations: Observations, method: str = "gaussian_process") -> Smoothed:
    """Estimate the velocities and accelerations of a recording.

    How much to smooth is chosen from the data, for each trial and position. Gaps and uneven times
    need no care. Recorded velocities, where there are positions too, are not used: they are often
    scaled or late (those of the published pendulum are 4 % too small). Without positions, as of a
    gyroscope, the mean of the velocity is taken for the sensor's offset, and the position is the
    integral of the rest, with mean zero: right for a swing of three periods or more about its
    equilibrium. Both means fade in and out (Hann's window), so that half a period more at an end
    does not count.

    Args:
        observations: as ``read_csv`` returns them.
        method: a key of ``SMOOTHERS``: "gaussian_process", "spline" or "savitzky_golay". On a
            pendulum with a known answer (at 20, 50 and 200 rows a second, with noise and gaps) the
            first had the smallest errors of the acceleration.

    Returns:
        The smooth curves, with estimates of noise and bias.

    Raises:
        ValueError: for an unknown method, or a trial of fewer than 8 rows.
    """
    check_type(Observations, "what read_csv returns", observations=observations)
    smoother = lookup(SMOOTHERS, method, "smoother")
    trials, accelerations, noises, biases = [], [], [], []
    for track in observations.tracks:
        if len(track) < FEWEST:
            raise ValueError(
                f"trial {track.name!r} has {len(track)} rows; smoothing needs at least {FEWEST}"
            )
        curves, noise, bias = _smooth_track(track, smoother)
        states = torch.from_numpy(np.concatenate([curves[:, 0], curves[:, 1]]).T.copy())
        trials.append(Trajectories(track.times, states.unsqueeze(1)))
        accelerations.append(torch.from_numpy(curves[:, 2].T.copy()).unsqueeze(1))
        noises.append(noise)
        biases.append(bias)
    rows = np.array([len(track) for track in observations.tracks])
    noise = np.sqrt(np.average(np.square(noises), axis=0, weights=rows))
    bias = np.sqrt(np.average(np.square(biases), axis=0, weights=rows))
    return Smoothed(
        observations,
        method,
        tuple(trials),
        tuple(accelerations),
        tuple(noise.tolist()),
        tuple((b[0], b[1], b[2]) for b in bias.tolist()),
    )


def _smooth_track(track: Track, smoother: Smoother) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return curves ``(n, 3, T)``, noise ``(n,)`` and bias ``(n, 3)`` of a trial."""
    times = track.times.numpy() - float(track.times[0])
    seen = track.velocities if track.positions is None else track.positions
    assert seen is not None
    curves, noise, bias = [], [], []
    for values in seen.numpy().T:
        middle = values.mean()
        linear, trace = smoother.choose(times, values - middle)
        found = linear(values - middle)
        rest = values - middle - found[0]
        noise.append(math.sqrt(np.square(rest).sum() / max(len(values) - trace, 1.0)))
        twice = linear(found[0])
        if track.positions is None:
            found, twice = _integral(times, found), _integral(times, twice)
        else:
            twice = twice.copy()
            found = found.copy()
            found[0] += middle
            twice[0] += middle
        curves.append(found)
        bias.append(np.sqrt(np.square(twice - found).mean(-1)))
    return np.stack(curves), np.array(noise), np.stack(bias)


def _integral(times: np.ndarray, curves: Curves) -> Curves:
    """Return the curves one integral lower: position, velocity, acceleration of a velocity."""
    velocity, acceleration = curves[0] - _mean(times, curves[0], curves[1]), curves[1]
    position = np.concatenate([[0.0], _areas(times, velocity, acceleration).cumsum()])
    return np.stack([position - _mean(times, position, velocity), velocity, acceleration])


def _areas(times: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Return the integrals from each time to the next, by Hermite's rule."""
    # Of fourth order thanks to the slopes: a gap of a quarter of a swing hardly counts.
    gaps = np.diff(times)
    return gaps * (values[1:] + values[:-1]) / 2 + gaps**2 * (slopes[:-1] - slopes[1:]) / 12


def _mean(times: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> float:
    """Return a mean over time in which the ends fade out, by Hann's window."""
    length = times[-1] - times[0]
    turn = np.pi * (times - times[0]) / length
    weights, rises = np.sin(turn) ** 2, np.pi / length * np.sin(2 * turn)
    areas = _areas(times, weights * values, rises * values + weights * slopes)
    return float(areas.sum() / (length / 2))


# A smoothing spline


def _choose_spline(times: np.ndarray, values: np.ndarray) -> tuple[Linear, float]:
    """The cubic spline with the least of misfit and ∫ẍ², weighed by cross-validation."""
    unit = float(np.mean(np.diff(times)))
    clock = times / unit  # steps near 1 keep the equations well conditioned
    probes = np.random.default_rng(0).choice([-1.0, 1.0], (4, len(times)))

    def fitted(y: np.ndarray, weight: float) -> Callable[[np.ndarray], np.ndarray]:
        return make_smoothing_spline(clock, y, lam=math.exp(weight))

    def trace(weight: float) -> float:
        return float(np.mean([z @ fitted(z, weight)(clock) for z in probes]))

    def score(weight: float) -> float:
        rest = values - fitted(values, weight)(clock)
        return float(rest @ rest) / max(1 - trace(weight) / len(times), 1e-9) ** 2

    weights = np.linspace(-8, 22, 16)
    best = weights[int(np.argmin([score(w) for w in weights]))]
    best = float(minimize_scalar(score, bounds=(best - 2, best + 2), method="bounded").x)

    def linear(y: np.ndarray) -> Curves:
        spline = make_smoothing_spline(clock, y, lam=math.exp(best))
        return np.stack(
            [
                spline(clock),
                spline.derivative(1)(clock) / unit,
                spline.derivative(2)(clock) / unit**2,
            ]
        )

    return linear, trace(best)


# Savitzky and Golay


def _choose_savitzky_golay(times: np.ndarray, values: np.ndarray) -> tuple[Linear, float]:
    """A polynomial of degree 4 through the neighbours of each row, as many as serve best."""
    rows = len(times)
    widest = rows if rows % 2 else rows - 1
    widths = sorted({min(int(w) | 1, widest) for w in np.geomspace(7, min(widest, 301), 16)})

    def score(width: int) -> float:
        weights, index = _polynomials(times, width)
        rest = values - (weights[0] * values[index]).sum(-1)
        return float(rest @ rest) / (1 - _own_weight(weights[0], index).sum() / rows) ** 2

    best = min(widths, key=score)
    weights, index = _polynomials(times, best)

    def linear(y: np.ndarray) -> Curves:
        return (weights * y[index]).sum(-1)

    return linear, float(_own_weight(weights[0], index).sum())


def _polynomials(times: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return weights ``(3, T, width)`` of neighbours, and which rows ``(T, width)`` these are."""
    rows = len(times)
    starts = np.clip(np.arange(rows) - width // 2, 0, rows - width)
    index: np.ndarray = starts[:, None] + np.arange(width)
    away = times[index] - times[:, None]
    scale = np.abs(away).max(-1, keepdims=True)
    powers = (away / scale)[..., None] ** np.arange(5)
    inverse = np.linalg.pinv(powers)  # (T, 5, width)
    value, slope, bend = inverse[:, 0], inverse[:, 1] / scale, 2 * inverse[:, 2] / scale**2
    return np.stack([value, slope, bend]), index


def _own_weight(weights: np.ndarray, index: np.ndarray) -> np.ndarray:
    return weights[index == np.arange(len(index))[:, None]]


# A Gaussian process


def _choose_gaussian_process(times: np.ndarray, values: np.ndarray) -> tuple[Linear, float]:
    r"""The mean of a process with covariance exp(−d²/2l²), l and noise of greatest likelihood."""
    step = float(np.median(np.diff(times)))
    blocks = _blocks(len(times), BLOCK, 0)
    chosen = [slice(*blocks[k]) for k in sorted({0, len(blocks) // 2})]

    def score(parameters: np.ndarray) -> float:
        return sum(_unlikelihood(times[part], values[part], parameters) for part in chosen)

    tried = []
    for length in (4.0, 16.0, 64.0):
        guess = np.array([math.log(length * step), math.log(1e-3)])
        tried.append(
            minimize(score, guess, method="Nelder-Mead", options={"xatol": 0.03, "fatol": 0.03})
        )
    best = min(tried, key=lambda found: float(found.fun)).x
    length, noise = math.exp(best[0]), math.exp(best[1])
    overlap = min(BLOCK // 3, 10 + math.ceil(4 * length / step))
    parts = []
    trace = 0.0
    for start, stop in _blocks(len(times), BLOCK, overlap):
        clock = times[start:stop]
        kernel = _kernel(clock, length)
        inverse = cho_solve(_factor(kernel[0], noise), np.eye(len(clock)))
        # What overlaps is left to the block in whose middle it lies.
        low = start + (overlap // 2 if start else 0)
        high = stop - (overlap - overlap // 2 if stop < len(times) else 0)
        maps = kernel[:, low - start : high - start] @ inverse
        parts.append((start, stop, maps))
        trace += float(maps[0, np.arange(high - low), np.arange(low, high) - start].sum())

    def linear(y: np.ndarray) -> Curves:
        return np.concatenate([maps @ y[start:stop] for start, stop, maps in parts], axis=-1)

    return linear, trace


def _blocks(rows: int, size: int, overlap: int) -> list[tuple[int, int]]:
    """Return ``(start, stop)`` of blocks that share so many rows with their neighbours."""
    if rows <= size:
        return [(0, rows)]
    count = math.ceil((rows - overlap) / (size - overlap))
    ends = np.linspace(0, rows - overlap, count + 1).round().astype(int)
    return [(int(a), int(b) + overlap) for a, b in itertools.pairwise(ends)]


def _kernel(times: np.ndarray, length: float) -> np.ndarray:
    """Return the covariances ``(3, T, T)`` of position, velocity, acceleration with positions."""
    away = (times[:, None] - times) / length
    R = np.exp(-(away**2) / 2)
    return np.stack([R, -away * R / length, (away**2 - 1) * R / length**2])


def _factor(R: np.ndarray, noise: float) -> tuple[np.ndarray, bool]:
    # The floor keeps the matrix positive definite where there is no noise.
    return cho_factor(R + (noise + 1e-11) * np.eye(len(R)), lower=True)


def _unlikelihood(times: np.ndarray, values: np.ndarray, parameters: np.ndarray) -> float:
    """Return −ln likelihood, of the best amplitude, up to a constant."""
    length, noise = np.exp(np.clip(parameters, -30, 30))
    away = (times[:, None] - times) / length
    try:
        factor = _factor(np.exp(-(away**2) / 2), float(noise))
    except np.linalg.LinAlgError:
        return math.inf
    quadratic = float(values @ cho_solve(factor, values))
    rows = len(values)
    return rows / 2 * math.log(max(quadratic, 1e-300)) + float(np.log(np.diag(factor[0])).sum())


SMOOTHERS: Mapping[str, Smoother] = {
    "gaussian_process": Smoother("a Gaussian process", _choose_gaussian_process),
    "spline": Smoother("a cubic smoothing spline", _choose_spline),
    "savitzky_golay": Smoother("Savitzky and Golay's polynomials", _choose_savitzky_golay),
}
"""The smoothers, by name."""
