"""What all candidates share: what is learned from, what is held out, scores, and units."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import pad

from hnn_tutorial.data import Dataset, Trajectories
from hnn_tutorial.evaluation import coordinate_error, valid_prediction_time
from hnn_tutorial.integrators import integrate_gaps
from hnn_tutorial.recordings import Observations, Smoothed, smooth
from hnn_tutorial.training import cut

Field = Callable[[Tensor], Tensor]
Forecast = Callable[["Start"], Tensor]
"""Positions ``(T, n)`` at the times of a start's ``later`` part, in units of order one."""

LEARNED = 0.8
"""The share of each trial that is learned from; the rest is held out."""
STEP = 0.15
"""The longest step of a rollout, in units of the time scale; a period is about 2π of them."""
WINDOW = 12.0
"""The rows that fix the start of a forecast: so many time scales before it, about two periods."""
MOST_ROWS = 4000
"""Rows to learn from; more are thinned."""
STARTS = 8
"""Forecasts for the horizon."""
THRESHOLD = 0.4
"""A forecast is lost when its error passes this share of the size of the motion."""


@dataclass(frozen=True)
class Start:
    """Where one forecast begins.

    Attributes:
        trial: the number of the trial.
        before: times ``(W,)`` and positions (or velocities) ``(W, n)`` that fix the start.
        guess: the smooth state ``(2n,)`` at the first of them.
        later: times ``(T,)`` and what was seen then ``(T, n)``.
    """

    trial: int
    before: tuple[Tensor, Tensor]
    guess: Tensor
    later: tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Task:
    """A recording in units of order one, divided into what is learned from and what is held out.

    With the centre :math:`c`, the size :math:`s` and the time :math:`\\tau`, the models see
    :math:`q' = (q - c)/s`, :math:`t' = t/\\tau` and :math:`v' = dq'/dt'`.

    Attributes:
        observations: all of the recording.
        learned: the smooth curves through the training part.
        whole: the smooth curves through all of it, for pictures and for later starts alone.
        centre: c, ``(n,)``; zero for angles.
        size: s; one where a position is an angle.
        seconds: τ.
        offset: of a sensor of velocities, ``(n,)``, estimated from the training part; else zero.
    """

    observations: Observations
    learned: Smoothed
    whole: Smoothed
    centre: Tensor
    size: float
    seconds: float
    offset: Tensor

    @property
    def degrees(self) -> int:
        """The number of positions."""
        return len(self.observations.names)

    @property
    def angles(self) -> tuple[int, ...]:
        """Which positions are angles."""
        return self.observations.angles

    @property
    def by_velocity(self) -> bool:
        """Whether velocities were recorded, and no positions."""
        return self.observations.tracks[0].positions is None

    @property
    def noise(self) -> float:
        """The noise of what was recorded, in units of order one; not less than 1e-3."""
        noise = max(self.learned.noise) / self.size
        return max(noise * (self.seconds if self.by_velocity else 1.0), 1e-3)

    @property
    def visible(self) -> slice:
        """Which components of a state were recorded."""
        n = self.degrees
        return slice(n, 2 * n) if self.by_velocity else slice(0, n)

    def scaled(self, states: Tensor) -> Tensor:
        """Return states ``[q, q̇]`` in units of order one."""
        q, v = states.chunk(2, dim=-1)
        return torch.cat([(q - self.centre) / self.size, v * (self.seconds / self.size)], dim=-1)

    def restored(self, states: Tensor) -> Tensor:
        """Return states of order one in the units of the recording."""
        q, v = states.chunk(2, dim=-1)
        return torch.cat([self.centre + self.size * q, v * (self.size / self.seconds)], dim=-1)

    # To learn from

    def dataset(self) -> Dataset:
        """Return smooth states and derivatives of the training part."""
        data = self.learned.dataset()
        derivatives = torch.cat(
            [
                self.scaled(data.states)[:, self.degrees :],
                data.derivatives[:, self.degrees :] * (self.seconds**2 / self.size),
            ],
            dim=-1,
        )
        thin = math.ceil(len(data) / MOST_ROWS)
        return Dataset(self.scaled(data.states), derivatives, data.trajectory)[::thin]

    def pieces(self, span: float) -> tuple[dict[str, Tensor], dict[str, Tensor], int]:
        """Return the training part in pieces for a trajectory loss.

        Rows closer than a step of the rollout are dealt out to several interleaved trajectories.
        Where the recording is interrupted for long, a trajectory ends.

        Args:
            span: of a piece, in units of the time scale.

        Returns:
            The pieces as recorded (what was not, is smooth), the same with smooth states, and the
            number of steps between two rows.
        """
        usual = self.observations.step / self.seconds
        stride = max(1, int(STEP / usual))
        between = stride * usual
        length = max(3, round(span / between) + 1)
        seen: list[dict[str, Tensor]] = []
        smooth_ones: list[dict[str, Tensor]] = []
        longest = 0.0
        for track, trial in zip(self.learned.observations.tracks, self.learned.trials, strict=True):
            states = self.scaled(trial.states)
            clock = (trial.times - trial.times[0]) / self.seconds
            as_seen = states.clone()
            as_seen[:, 0, self.visible] = self._seen(track.positions, track.velocities)
            for first in range(stride):
                times = clock[first::stride]
                breaks = (times.diff() > 4 * max(between, STEP)).nonzero().flatten() + 1
                ends = [0, *breaks.tolist(), len(times)]
                for a, b in itertools.pairwise(ends):
                    if b - a < 3:
                        continue
                    most = min(length, b - a)
                    if most < length and seen:
                        continue  # pieces of one batch are equally long
                    longest = max(longest, float(times[a:b].diff().max()))
                    for found, values in ((seen, as_seen), (smooth_ones, states)):
                        part = Trajectories(times[a:b], values[first::stride][a:b])
                        found.append(cut(part, most))
        length = max(batch["states"].shape[1] for batch in seen)
        steps = max(1, math.ceil(longest / STEP))
        return _joined(seen, length), _joined(smooth_ones, length), steps

    def _seen(self, positions: Tensor | None, velocities: Tensor | None) -> Tensor:
        """Return what was recorded in units of order one."""
        if positions is None:
            assert velocities is not None
            return (velocities - self.offset) * (self.seconds / self.size)
        return (positions - self.centre) / self.size

    # To be judged by

    def starts(self, count: int = STARTS) -> list[Start]:
        """Return where forecasts begin: each trial's split first, then later ones.

        Args:
            count: for each trial; they lie evenly in the first half of the held-out end.
        """
        found = []
        for k, (track, trial) in enumerate(
            zip(self.observations.tracks, self.whole.trials, strict=True)
        ):
            clock = (trial.times - trial.times[0]) / self.seconds
            seen = self._seen(track.positions, track.velocities)
            rows = len(clock)
            split = len(self.learned.trials[k].times)
            window = min(self._window(), split)
            later = torch.linspace(split, split + (rows - split) // 2, count).round().int().tolist()
            for row in dict.fromkeys(later):
                first = row - window
                # The first start may know nothing of what is held out, not by smoothing either.
                known = self.learned.trials[k] if row == split else trial
                guess = self.scaled(known.states[first, 0])
                before = (clock[first:row], seen[first:row])
                found.append(Start(k, before, guess, (clock[row:], seen[row:])))
        return found

    def _window(self) -> int:
        """Return how many rows fix the start of a forecast."""
        return max(8, round(WINDOW * self.seconds / self.observations.step))

    def rollouts(self, field: Field, starts: Sequence[Start]) -> list[Tensor]:
        """Return the forecast states of a field, ``(T, 2n)`` for each start.

        A start is the state from which the field's own motion fits the rows before it best, in the
        sense of least squares: the same for all fields.

        Args:
            field: in units of order one.
            starts: where to begin.
        """
        before = max(len(start.before[0]) for start in starts)
        most = max(len(start.later[0]) for start in starts)
        gaps, seen, weights = [], [], []
        for start in starts:
            # Shorter ones wait at their beginning, and at their end.
            early = before - len(start.before[0])
            clock = torch.cat([start.before[0], start.later[0]]).diff()
            gaps.append(pad(clock, (early, most - len(start.later[0]))))
            seen.append(pad(start.before[1], (0, 0, early, 0)))
            weights.append(pad(torch.ones(len(start.before[0])), (early, 0)))
        motion = torch.stack(gaps, dim=1)
        steps = max(1, math.ceil(float(motion.max()) / STEP))
        x = fitted_starts(
            field,
            torch.stack([start.guess for start in starts]),
            motion[: before - 1],
            torch.stack(seen, dim=1),
            torch.stack(weights, dim=1),
            self.visible,
            steps,
        )
        with torch.no_grad():
            path = integrate_gaps(field, x, motion, steps=steps)[before:]
        return [path[: len(start.later[0]), k] for k, start in enumerate(starts)]

    def comparable(self, seen: Tensor) -> Tensor:
        """Return positions as they are compared, with an even number of components.

        An angle that turns over is compared as its cosine and sine, since a whole turn is no error.
        """
        parts = []
        for k in range(self.degrees):
            column = seen[..., k : k + 1]
            if self.turns(k):
                parts += [torch.cos(column), torch.sin(column)]
            else:
                parts += [column - self._mean(k), torch.zeros_like(column)]
        return torch.cat(parts, dim=-1)

    def turns(self, k: int) -> bool:
        """Whether a position is an angle that makes whole turns."""
        if k not in self.angles or self.by_velocity:
            return False
        every = torch.cat([trial.states[:, 0, k] for trial in self.whole.trials])
        return float(every.max() - every.min()) > 2 * math.pi

    def _mean(self, k: int) -> float:
        """The mean of the training part; zero of a velocity."""
        if self.by_velocity:
            return 0.0
        rows = torch.cat([trial.states[:, 0] for trial in self.learned.trials])
        return float(((rows[:, k] - self.centre[k]) / self.size).mean())

    def error(self, start: Start, forecast: Tensor) -> float:
        r"""Return the error of a forecast, relative to the size of the motion.

        .. math:: \sqrt{\sum_k \|\hat q_k - q_k\|^2 / \sum_k \|q_k - \bar q\|^2}

        One is as bad as saying the mean all the time.
        """
        true, said = self.comparable(start.later[1]), self.comparable(forecast)
        scale = coordinate_error(torch.zeros_like(true), true)
        return float((coordinate_error(said, true) / scale).sqrt())

    def horizon(self, start: Start, forecast: Tensor) -> float:
        """Return how long a forecast holds, in s: to an error of 0.4 times the motion's size."""
        true, said = self.comparable(start.later[1]), self.comparable(forecast)
        held = valid_prediction_time(said, true, start.later[0], THRESHOLD)
        return float(held) * self.seconds

    def horizon_limit(self) -> float:
        """Return the median over the starts of the time that is left to the end, in s."""
        left = [float(start.later[0][-1] - start.later[0][0]) for start in self.starts()]
        return float(torch.tensor(left).median()) * self.seconds


def _joined(batches: list[dict[str, Tensor]], length: int) -> dict[str, Tensor]:
    kept = [batch for batch in batches if batch["states"].shape[1] == length]
    joined = {key: torch.cat([batch[key] for batch in kept]) for key in ("states", "gaps")}
    thin = math.ceil(joined["states"].shape[0] * length / MOST_ROWS)
    joined = {key: value[::thin] for key, value in joined.items()}
    return {**joined, "piece": torch.arange(len(joined["states"]))}


def prepare(observations: Observations, smoother: str = "gaussian_process") -> Task:
    """Return the task that a recording makes.

    Args:
        observations: as ``read_csv`` returns them.
        smoother: a key of ``recordings.SMOOTHERS``.
    """
    earlier, _ = observations.split(LEARNED)
    learned = smooth(earlier, smoother)
    states = torch.cat([trial.states[:, 0] for trial in learned.trials])
    accelerations = torch.cat([a[:, 0] for a in learned.accelerations])
    n = len(observations.names)
    turning = torch.tensor([k in observations.angles for k in range(n)])
    centre = torch.where(turning, 0.0, states[:, :n].mean(0))
    size = 1.0 if observations.angles else float((states[:, :n] - centre).square().mean().sqrt())
    if not size > 0:
        raise ValueError("the positions do not change, so there is no motion to learn")
    seconds = float((states[:, n:].square().mean() / accelerations.square().mean()).sqrt())
    offset = torch.zeros(n, dtype=torch.float64)
    if earlier.tracks[0].velocities is not None and earlier.tracks[0].positions is None:
        # A smooth velocity is free of it; what was recorded is not.
        seen = torch.cat(
            [track.velocities for track in earlier.tracks if track.velocities is not None]
        )
        offset = (seen - states[:, n:]).mean(0)
    whole = smooth(observations, smoother)
    if earlier.tracks[0].positions is None:
        whole = _integrated_alike(whole, learned)
    return Task(observations, learned, whole, centre, size, seconds, offset)


def _integrated_alike(whole: Smoothed, learned: Smoothed) -> Smoothed:
    """Return the curves through all of a recording with the constants of the training part.

    A position that is the integral of a velocity has two that each smoothing chooses anew: where
    it begins, and the offset of the sensor, which is a slope.
    """
    trials = []
    for trial, known in zip(whole.trials, learned.trials, strict=True):
        n, rows = trial.states.shape[-1] // 2, len(known.times)
        clock = torch.stack([torch.ones_like(trial.times), trial.times - trial.times[0]], dim=-1)
        apart = trial.states[:rows, 0, :n] - known.states[:, 0, :n]
        line = torch.linalg.lstsq(clock[:rows], apart).solution
        states = trial.states[:, 0] - torch.cat([clock @ line, line[1:].expand(len(clock), n)], -1)
        trials.append(Trajectories(trial.times, states[:, None], angles=None))
    return replace(whole, trials=tuple(trials))


def fitted_starts(
    field: Field,
    guess: Tensor,
    gaps: Tensor,
    seen: Tensor,
    weights: Tensor,
    visible: slice,
    steps: int,
    rounds: int = 10,
) -> Tensor:
    """Return the states from which the motion of a field fits what was seen, by least squares.

    Levenberg and Marquardt's steps with differences for derivatives: all states and their
    neighbours are one batch.

    Args:
        field: to follow.
        guess: near the states at the first time, ``(S, 2n)``.
        gaps: between the times, ``(W − 1, S)``.
        seen: ``(W, S, m)``.
        weights: of what was seen, ``(W, S)``.
        visible: which components of a state were seen.
        steps: of the rollout in each gap.
        rounds: the most steps of the search.
    """
    count, width = guess.shape
    eye = torch.eye(width, dtype=guess.dtype)
    away = torch.cat([torch.zeros_like(eye[:1]), 1e-5 * eye])  # the state, and its neighbours

    def missed(x: Tensor) -> Tensor:
        """Return ``(S, 1 + 2n, W m)``."""
        batch = x.unsqueeze(1) + away
        each = gaps.unsqueeze(-1).expand(*gaps.shape, width + 1)
        with torch.no_grad():
            path = integrate_gaps(field, batch, each, steps=steps)[..., visible]
        off = (path - seen.unsqueeze(2)) * weights[..., None, None]
        return off.movedim(0, 2).flatten(2)

    x, damping, every = guess, torch.full((count,), 1e-3, dtype=guess.dtype), missed(guess)
    for _ in range(rounds):
        r, J = every[:, 0], (every[:, 1:] - every[:, :1]).mT / 1e-5
        J = torch.where(torch.isfinite(J).all((1, 2))[:, None, None], J, 0.0)
        before = r.square().sum(-1)
        A, g = J.mT @ J, (J.mT @ torch.nan_to_num(r).unsqueeze(-1)).squeeze(-1)
        size = damping * (A.diagonal(dim1=1, dim2=2).sum(-1) + 1e-12)
        moved = x - torch.linalg.solve(A + size[:, None, None] * eye, g)
        trial = missed(moved)
        after = trial[:, 0].square().sum(-1)
        better = after < before
        x = torch.where(better[:, None], moved, x)
        every = torch.where(better[:, None, None], trial, every)
        damping = torch.where(better, damping / 10, damping * 10)
        if bool((~better | (before - after < 1e-4 * before)).all()):
            break
    return x
