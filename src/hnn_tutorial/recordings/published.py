"""Two published recordings, of a pendulum and of a double pendulum, and their simulated twins.

A recording has gaps, where frames were lost, and uneven steps. Derivatives are therefore
estimated within unbroken *segments* only, never across a gap or from one trial to the next.
"""

import hashlib
import itertools
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_file,
    as_path,
    check_not_negative,
    check_number,
    check_type,
    lookup,
)
from hnn_tutorial.data import Dataset, Trajectories, add_noise, central_differences, simulate
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems import DampedPendulum, DoublePendulum

FOLDER_VARIABLE = "HNN_TUTORIAL_DATA"
"""The environment variable that names the folder of the recordings."""

ORIGIN = (
    "the data sets in the supplementary material of Schmidt & Lipson 2009, 'Distilling Free-Form "
    "Natural Laws from Experimental Data', Science 324, 81-85, doi:10.1126/science.1165893"
)


@dataclass(frozen=True)
class Source:
    """A recording's file, and what is in it.

    Attributes:
        name: key in ``RECORDINGS``.
        title: what was recorded.
        file: its name.
        md5: its checksum; None accepts any file.
        rows: how many it holds; None accepts any number.
        columns: what they are, from left to right; the first two are the trial and the time.
        positions: which columns are the positions, in rad.
        velocities: which columns are their velocities, in rad/s.
        step: the usual time between two rows, in s. Where it is longer by half, the next row
            begins a new segment.
        noise: standard deviations of the twin's noise, of positions and of velocities.
        motion: draws the motion of the twin: ``generator -> trials``, states ``[q, q̇]``.
        origin: where the file comes from.
    """

    name: str
    title: str
    file: str
    md5: str | None
    rows: int | None
    columns: tuple[str, ...]
    positions: tuple[int, ...]
    velocities: tuple[int, ...]
    step: float
    noise: tuple[float, float]
    motion: Callable[[torch.Generator], list[Trajectories]]
    origin: str = ORIGIN


@dataclass(frozen=True)
class Recording:
    """A recording, real or synthetic.

    Attributes:
        source: what it is a recording of.
        trials: each as ``times (T,)``, in s, and ``states (T, 1, 2n)``, that is ``[q, q̇]`` in
            rad and rad/s. The times have gaps.
    """

    source: Source
    trials: tuple[Trajectories, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(len(trial.times) for trial in self.trials)

    @property
    def segments(self) -> tuple[Trajectories, ...]:
        """The trials, cut at every gap."""
        pieces = []
        for trial in self.trials:
            gaps = trial.times.diff() > 1.5 * self.source.step
            ends = [0, *(gaps.nonzero().flatten() + 1).tolist(), len(trial.times)]
            pieces += [_part(trial, i, j) for i, j in itertools.pairwise(ends)]
        return tuple(pieces)

    def dataset(self) -> Dataset:
        """Return states with derivatives estimated from their neighbours on both sides.

        The two ends of a segment have a neighbour on one side only; there a difference would
        carry 3.6 times the noise, so they are left out.

        Returns:
            A dataset; its ``trajectory`` is the number of the segment.

        Raises:
            ValueError: if no segment has three rows.
        """
        states, derivatives, number = [], [], []
        for k, segment in enumerate(self.segments):
            if len(segment.times) < 3:
                continue
            middle = segment.states[1:-1, 0]
            states.append(middle)
            derivatives.append(central_differences(segment.states, segment.times)[1:-1, 0])
            number.append(torch.full((len(middle),), k, device=middle.device))
        if not states:
            raise ValueError(
                f"no segment of these {len(self)} rows has 3 of them, which a central difference "
                "needs"
            )
        return Dataset(torch.cat(states), torch.cat(derivatives), torch.cat(number))

    def split(self, fraction: float) -> tuple["Recording", "Recording"]:
        """Split in time, so that the second part is later than all of the first.

        No derivative is taken across the split either.

        Args:
            fraction: share of the rows in the first part, rounded down to whole rows.

        Returns:
            ``(earlier, later)``.

        Raises:
            ValueError: if either part would be empty.
        """
        # The small allowance keeps 0.29 of 100 rows at 29 in spite of rounding.
        check_number(fraction=fraction)
        rows = math.floor(fraction * len(self) + 1e-9) if math.isfinite(fraction) else 0
        if not 0 < rows < len(self):
            raise ValueError(
                f"fraction = {fraction} of {len(self)} rows leaves one part empty; expected a "
                "share between 0 and 1"
            )
        earlier, later = [], []
        for trial in self.trials:
            cut = min(max(rows, 0), len(trial.times))
            rows -= len(trial.times)
            if cut:
                earlier.append(_part(trial, 0, cut))
            if cut < len(trial.times):
                later.append(_part(trial, cut, len(trial.times)))
        return Recording(self.source, tuple(earlier)), Recording(self.source, tuple(later))


def _part(trial: Trajectories, start: int, stop: int) -> Trajectories:
    return Trajectories(trial.times[start:stop], trial.states[start:stop])


def load_recording(name: str, folder: str | os.PathLike[str] | None = None) -> Recording:
    """Read a recording from a folder, and verify that it is the one meant.

    Args:
        name: a key of ``RECORDINGS``.
        folder: where the file is; None takes the environment variable ``HNN_TUTORIAL_DATA``.

    Returns:
        The recording, float64.

    Raises:
        FileNotFoundError: if no folder is named, or the file is not in it; it says which file,
            where it comes from, and what can be used instead.
        ValueError: for an unknown name, a file with another checksum, or one that is not what
            the table says.
    """
    source = lookup(RECORDINGS, name, "recording")
    named = os.environ.get(FOLDER_VARIABLE, "") if folder is None else as_path(folder, "folder")
    if not named:
        raise FileNotFoundError(f"no folder was named for the {source.title}. {_advice(source)}")
    path = Path(named) / source.file
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}. {_advice(source)}")
    if source.md5 is not None:
        found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        if found != source.md5:
            raise ValueError(
                f"{path} is not the file expected: its MD5 is {found}, that of the {source.title} "
                f"{source.md5}. It is damaged, or was edited. It comes from {source.origin}"
            )
    return read_recording(path, source)


def _advice(source: Source) -> str:
    return (
        f"The recording is the file {source.file}, from {source.origin}; it states no licence, so "
        "this package does not contain it. Put it in a folder, and name the folder as an argument "
        f"or in the environment variable {FOLDER_VARIABLE}. Without it, "
        f"synthetic_twin({source.name!r}, seed) is a simulated recording with the same interface"
    )


def read_recording(path: str | os.PathLike[str], source: Source) -> Recording:
    """Read any file of numbers in columns, as ``source`` describes it, without a checksum.

    Lines that begin with % are comments.

    Args:
        path: the file.
        source: its columns.

    Returns:
        The recording, float64.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a line with another number of columns, an entry that is not a finite number,
            a missing row, or times that do not increase; it names the line.
    """
    path = as_file(path)
    check_type(Source, "a Source, such as RECORDINGS['real_pendulum']", source=source)
    table, lines = [], []
    text = path.read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("%"):
            continue
        table.append(_numbers(line, f"{path}, line {number}", source.columns))
        lines.append(number)
    if not table or (source.rows is not None and len(table) != source.rows):
        expected = "at least one" if source.rows is None else source.rows
        raise ValueError(f"{path} holds {len(table)} rows of numbers; expected {expected}")
    values = torch.tensor(table, dtype=torch.float64)
    trial, times = values[:, 0], values[:, 1]
    states = values[:, [*source.positions, *source.velocities]].unsqueeze(1)
    starts = (trial.diff() != 0).nonzero().flatten() + 1
    backwards = ((trial.diff() == 0) & (times.diff() <= 0)).nonzero().flatten() + 1
    if len(backwards):
        row = int(backwards[0])
        raise ValueError(
            f"{path}, line {lines[row]}: the time {times[row]:g} s is not after the one before, "
            f"{times[row - 1]:g} s"
        )
    ends = [0, *starts.tolist(), len(values)]
    trials = [Trajectories(times[i:j], states[i:j]) for i, j in itertools.pairwise(ends)]
    return Recording(source, tuple(trials))


def _numbers(line: str, where: str, columns: tuple[str, ...]) -> list[float]:
    """Return the numbers of one line, or say what is wrong with it."""
    words = line.split()
    if len(words) != len(columns):
        raise ValueError(
            f"{where}: {len(words)} columns; expected {len(columns)}: {', '.join(columns)}"
        )
    numbers = []
    for word, column in zip(words, columns, strict=True):
        try:
            numbers.append(float(word))
        except ValueError:
            raise ValueError(f"{where}: {column} is {word!r}; expected a number") from None
        if not math.isfinite(numbers[-1]):
            raise ValueError(f"{where}: {column} is {word}; expected a finite number")
    return numbers


def synthetic_twin(name: str, seed: int | torch.Generator, *, noise: float = 1.0) -> Recording:
    """Simulate a recording with the interface, length, steps and gaps of a real one.

    Args:
        name: a key of ``RECORDINGS``.
        seed: draws the motion, the gaps and then the noise.
        noise: how many times the noise of ``source.noise`` is added. With zero the same seed
            gives the same motion at the same times, free of noise.

    Returns:
        The recording, float64.

    Raises:
        ValueError: for an unknown name, or a negative noise.
    """
    source = lookup(RECORDINGS, name, "recording")
    check_not_negative(noise=noise)
    generator = as_generator(seed)
    trials = []
    for trial in source.motion(generator):
        q, velocity = trial.states.chunk(2, dim=-1)
        seen = [
            add_noise(part, noise * sigma, generator)
            for part, sigma in zip((q, velocity), source.noise, strict=True)
        ]
        trials.append(Trajectories(trial.times, torch.cat(seen, dim=-1)))
    return Recording(source, tuple(trials))


def _frames(points: int, gaps: int, lost: int, generator: torch.Generator) -> Tensor:
    """Return which of a number of frames were not lost, of which some are in each of the gaps."""
    room = points // (2 * gaps)
    start = torch.randperm(points // room - 1, generator=generator)[:gaps] * room + room // 2
    length = 1 + torch.randint(gaps, (lost - gaps,), generator=generator).bincount(minlength=gaps)
    frames = torch.arange(points).unsqueeze(-1)
    missing = (frames >= start) & (frames < start + length)
    return frames[~missing.any(-1), 0].double()


def _pendulum(generator: torch.Generator) -> list[Trajectories]:
    # Mass and length 1 make the momentum the velocity, and θ̈ = −1.283 sin θ − 0.0092 θ̇.
    system = DampedPendulum(1.0, 1.0, gravity=1.283, damping=0.0092)
    times = 5 + _frames(568, gaps=10, lost=12, generator=generator) / 6
    return [simulate(system, system.sample(1, generator, radius=(1.4, 1.5)), times)]


def _double_pendulum(generator: torch.Generator) -> list[Trajectories]:
    # Lengths and the ratio of masses that fit the first trial; the real one also has friction.
    system = DoublePendulum(1.08, 1.0, 0.166, 0.135)
    trials = []
    for start, points, gaps, lost, angle, speed in (
        (0.0, 887, 32, 68, 1.4, 6.0),
        (23.194, 845, 53, 144, math.pi, 20.0),
    ):
        times = start + _frames(points, gaps, lost, generator) / 100
        times = times + 2e-6 * torch.randn(len(times), generator=generator, dtype=torch.float64)
        x0 = system.sample(1, generator, angle=angle, speed=speed)
        motion = simulate(system, x0, times, rtol=1e-7, atol=1e-7)
        trials.append(Trajectories(motion.times, system.velocities(motion.states)))
    return trials


RECORDINGS: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            name="real_pendulum",
            title="recording of a real pendulum",
            file="real_pendulum.txt",
            md5="2e86084bbfa33b5727e1228edf65c365",
            rows=556,
            columns=("trial", "t", "θ", "ω"),
            positions=(2,),
            velocities=(3,),
            step=1 / 6,
            noise=(0.03, 0.03),
            motion=_pendulum,
        ),
        Source(
            name="real_double_pendulum",
            title="recording of a real double pendulum",
            file="real_double_pendulum.txt",
            md5="d0f8234b42302822c32c0493b5b969a3",
            rows=1520,
            # The velocities stand there twice, alike in every digit.
            columns=("trial", "t", "θ1", "θ2", "ω1", "ω2", "ω1", "ω2", "α1", "α2"),
            positions=(2, 3),
            velocities=(4, 5),
            step=0.01,
            noise=(0.001, 0.05),
            motion=_double_pendulum,
        ),
    )
}
"""What is known of the recordings, by their names."""
