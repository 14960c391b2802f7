"""Rows about the real double pendulum: how long forecasts hold, for formulas and for networks.

    HNN_TUTORIAL_DATA=FOLDER python benchmarks/run.py --row real_double_pendulum

As in the chapter of that name: the first four fifths of the rows are learned from, a forecast
starts at a recorded state of the rest, and the time until the rods' directions are off by 0.4 of
their size is its score. The figure of a run is the median over the starts. Each network is trained
in two stages that are the same for all: on central differences, then on the motion over eight rows.
"""

from collections.abc import Callable
from typing import Any

import torch
from harness import Row, make_row, row
from joblib import Parallel, delayed
from torch import Tensor, nn

from hnn_tutorial.data import Dataset, Trajectories
from hnn_tutorial.evaluation import lyapunov_exponent, over_seeds, valid_prediction_time
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import (
    LNN,
    RelativeLNN,
    SecondOrderMLP,
    StructuredLNN,
    parameter_count,
)
from hnn_tutorial.own_recording.rivals import DoublePendulumFormula
from hnn_tutorial.recordings import Recording, load_recording, synthetic_twin
from hnn_tutorial.training import LevenbergMarquardt, TrajectoryResidual, cut, fit

NAME = "real_double_pendulum"
SEEDS = range(5)
UNIT = 0.08
"""Of time, in s: velocities in it are of order one."""
SCALE = torch.tensor([1, 1, UNIT, UNIT], dtype=torch.float64)
SPAN = 200
"""Frames of a forecast: 2 s."""
TARGET = "forecasts hold at least 1/1.5 as long as those of the best fitted formula"


class RigidRods(nn.Module):
    r"""Two rods of any shape: one number more than point masses have.

    .. math:: A = \begin{pmatrix} 1 & b\cos(q_1 - q_2) \\ b\cos(q_1 - q_2) & c \end{pmatrix},
              \qquad V = -w_1 \cos q_1 - w_2 \cos q_2

    with friction in both joints, and angles of rest. With point masses
    :math:`w_2 = w_1 b`.
    """

    def __init__(self) -> None:
        super().__init__()
        first = [0.45, 0.35, 0.8, 0.35, 0.0, 0.0, 0.0, 0.0]
        self.constants = nn.Parameter(torch.tensor(first, dtype=torch.float64))

    def field(self, x: Tensor) -> Tensor:
        """Return ``[v, a]``."""
        b, c, w1, w2, upper, lower = self.constants[:6]
        q, v = x.chunk(2, dim=-1)
        (q1, q2), (u, w) = (q - self.constants[6:]).unbind(-1), v.unbind(-1)
        off, whirl = b * torch.cos(q1 - q2), b * torch.sin(q1 - q2)
        joint = lower * (w - u)
        first = -whirl * w**2 - w1 * torch.sin(q1) - upper * u + joint
        second = whirl * u**2 - w2 * torch.sin(q2) - joint
        turned = torch.stack([c * first - off * second, second - off * first], dim=-1)
        return torch.cat([v, turned / (c - off**2).unsqueeze(-1)], dim=-1)


class WithFriction(nn.Module):
    """A Lagrangian model, and friction in both joints; as in the chapter."""

    def __init__(self, lagrangian: Any) -> None:
        super().__init__()
        self.lagrangian = lagrangian
        self.friction = nn.Parameter(torch.zeros(2, dtype=torch.float64))

    def field(self, x: Tensor) -> Tensor:
        """Return ``[v, a]``."""
        upper, lower = self.friction
        u, w = x[..., 2], x[..., 3]
        joint = lower * (w - u)
        force = torch.stack([joint - upper * u, -joint], dim=-1)
        inverse, _ = torch.linalg.inv_ex(self.lagrangian.mass_matrix(x))
        slowed = (inverse @ force.unsqueeze(-1)).squeeze(-1)
        field: Tensor = self.lagrangian.field(x)
        return field + torch.cat([torch.zeros_like(slowed), slowed], dim=-1)


FORM: dict[str, Any] = {"activation": "tanh", "angles": (0, 1)}
NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "structured LNN with friction": lambda seed: WithFriction(
        StructuredLNN(2, (16,), seed=seed, **FORM)
    ),
    "structured LNN": lambda seed: StructuredLNN(2, (16,), seed=seed, **FORM),
    "LNN that knows the symmetry": lambda seed: WithFriction(
        RelativeLNN(2, (8,), seed=seed, **FORM)
    ),
    "LNN": lambda seed: LNN(2, (20,), "softplus", angles=(0, 1), seed=seed),
    "second order": lambda seed: SecondOrderMLP(2, (17,), seed=seed, **FORM),
}
FORMULAS: dict[str, tuple[type[nn.Module], int]] = {
    "rigid rods, fitted over 16 rows": (RigidRods, 16),
    "point masses, fitted over 16 rows": (DoublePendulumFormula, 16),
    "point masses, fitted over 8 rows": (DoublePendulumFormula, 8),
}


def pieces(recording: Recording, length: int) -> dict[str, Tensor]:
    """Return the recording without its gaps, in pieces of so many rows."""
    segments = [
        Trajectories(part.times / UNIT, part.states * SCALE, None)
        for part in recording.segments
        if len(part.times) >= length
    ]
    return cut(segments, length)


def begin(later: Trajectories) -> list[int]:
    """Return the rows from which forecasts start."""
    return ((later.times - later.times[0]) < 1.5).nonzero()[::4, 0].tolist()


def valid_time(field: Callable[[Tensor], Tensor], later: Trajectories) -> float:
    """Return how long forecasts hold, in s: the median over the starts."""
    starts = begin(later)
    frames = torch.arange(SPAN + 1, dtype=torch.float64) * 0.01
    x0 = later.states[starts, 0] * SCALE
    with torch.no_grad():
        path = integrate(field, x0, frames / UNIT, "rk4", step=0.125)
    found = []
    for k, first in enumerate(starts):
        clock = later.times[first:] - later.times[first]
        frame = (clock / 0.01).round().long()
        frame = frame[frame <= SPAN]
        seen = later.states[first : first + len(frame), 0]
        angles = torch.stack([path[frame, k], seen])[..., :2]
        said, true = torch.cat([angles.cos(), angles.sin()], dim=-1)
        found.append(valid_prediction_time(said, true, clock[: len(frame)]).item())
    return over_seeds(found).median


def trained(kind: str, seed: int, earlier: Recording) -> nn.Module:
    """Return a network, trained on the differences and then on the motion."""
    torch.set_num_threads(1)
    rows, model = earlier.dataset(), NETWORKS[kind](seed)
    data = Dataset(rows.states * SCALE, rows.derivatives * SCALE * UNIT)
    fit(model, data, LevenbergMarquardt(25, weight_decay=1e-4), progress=False)
    last = LevenbergMarquardt(5, weight_decay=1e-6)
    fit(model, pieces(earlier, 8), last, residual=TrajectoryResidual(), progress=False)
    return model


def rows_of(function: str, recording: Recording) -> list[Row]:
    """Return a row for each formula, and one for each kind of network over five seeds."""
    earlier, held_out = recording.split(0.8)
    later = held_out.trials[0]
    fields = {}
    for name, (kind, length) in FORMULAS.items():
        fields[name] = kind()
        last = LevenbergMarquardt(30)
        batch = pieces(earlier, length)
        fit(fields[name], batch, last, residual=TrajectoryResidual(), progress=False)
    times = {name: [valid_time(model.field, later)] for name, model in fields.items()}
    best = max(fields, key=lambda name: times[name][0])
    starts = later.states[begin(later), 0] * SCALE
    rate = lyapunov_exponent(fields[best].field, starts, 25, step=0.1).median() / UNIT
    jobs = [(kind, seed) for kind in NETWORKS for seed in SEEDS]
    models = Parallel(n_jobs=-1)(delayed(trained)(*job, earlier) for job in jobs)
    weights = {name: parameter_count(model) for name, model in fields.items()}
    for (name, _), model in zip(jobs, models, strict=True):
        times.setdefault(name, []).append(valid_time(model.field, later))
        weights[name] = parameter_count(model)
    reference = {"valid_time": times[best][0]}
    return [
        make_row(
            f"{function}: {name}",
            reference,
            {"valid_time": over_seeds(found).median},
            [time / reference["valid_time"] for time in found],
            TARGET,
            lambda ratio: ratio >= 1 / 1.5,
            runs=[{"valid_time": time} for time in found],
            best_formula=best,
            lyapunov_time=1 / rate.item(),
            weights=weights[name],
            starts=len(starts),
        )
        for name, found in times.items()
    ]


@row
def real_double_pendulum(repeats: int) -> list[Row]:
    """The recording of Schmidt & Lipson 2009; it is read from the folder HNN_TUTORIAL_DATA."""
    return rows_of("real_double_pendulum", load_recording(NAME))


@row
def twin_double_pendulum(repeats: int) -> list[Row]:
    """The same with the simulated twin, for everyone."""
    return rows_of("twin_double_pendulum", synthetic_twin(NAME, 0))
