"""Rows about growth: by which power of a size time goes up, memory beside its bound, the import."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from harness import Row, make_row, medians, row
from rows_rivals import LEAST_REPEATS, PENDULUM, cpu_seconds, pendulum_data, step_seconds

from hnn_tutorial.data import Dataset
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import lagrangian_field
from hnn_tutorial.models import HNN, LNN, PairwiseHNN, parameter_count
from hnn_tutorial.systems import NBody, SpringChain
from hnn_tutorial.training import LevenbergMarquardt, acceleration_residual, fit


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """Return the power of the size by which the time grows, by least squares of logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def growth_row(
    name: str, cases: dict[int, Callable[[], float]], most: float, repeats: int, unit: str
) -> Row:
    """Measure each size once in each repetition, and fit the power over its larger half.

    Args:
        name: of the row.
        cases: size -> what measures its seconds.
        most: the power that counting operations gives.
        repeats: at least ``LEAST_REPEATS`` are made.
        unit: what a size counts.
    """
    next(iter(cases.values()))()
    runs = [
        {f"{size:,} {unit}": measure() for size, measure in cases.items()}
        for _ in range(max(LEAST_REPEATS, repeats))
    ]
    sizes = list(cases)
    upper = len(sizes) // 2
    found = [exponent(sizes[upper:], list(run.values())[upper:]) for run in runs]
    return make_row(
        name,
        {"exponent by counting": most},
        {"exponent": float(np.median(found)), "seconds": medians(runs)},
        [most / power for power in found],
        "exponent no more than a fifth above counting",
        lambda ratio: ratio >= 1 / 1.2,
        sizes=sizes,
        unit=unit,
        exponents=found,
        runs=runs,
        clock="CPU seconds of the process",
    )


def lm_step(width: int, points: int, steps: int = 3) -> tuple[int, Callable[[], float]]:
    """Return the weights of an HNN of two layers, and what measures its step's CPU seconds."""
    data = pendulum_data(points)

    def measure() -> float:
        model = HNN(1, (width, width), seed=0)
        settings = LevenbergMarquardt(steps=steps)
        return step_seconds(steps, lambda: fit(model, data, settings, progress=False))

    return parameter_count(HNN(1, (width, width))), measure


@row
def cost_lm_weights(repeats: int) -> list[Row]:
    """CPU seconds of a step of Levenberg-Marquardt on 2,000 states by the number of weights."""
    cases = dict(lm_step(width, 2_000) for width in (8, 16, 24, 32, 48))
    return [growth_row("cost_lm_weights", cases, 3.0, repeats, "weights")]


@row
def cost_lm_points(repeats: int) -> list[Row]:
    """CPU seconds of a step of an HNN of 337 weights by the number of states."""
    cases = {n: lm_step(16, n)[1] for n in (100, 500, 2_000, 8_000, 40_000)}
    return [growth_row("cost_lm_points", cases, 1.0, repeats, "points")]


@row
def cost_rollout(repeats: int) -> list[Row]:
    """CPU seconds of 200 steps of RK4 by the number of true pendulums."""
    times = torch.linspace(0, 10, 201, dtype=torch.float64)
    cases: dict[int, Callable[[], float]] = {}
    for number in (1, 10, 100, 1_000, 10_000, 100_000):
        starts = PENDULUM.sample(number, 1)
        work = partial(integrate, PENDULUM.field, starts, times)
        cases[number] = partial(cpu_seconds, work)
    return [growth_row("cost_rollout", cases, 1.0, repeats, "pendulums")]


@row
def cost_lnn(repeats: int) -> list[Row]:
    """CPU seconds of a step of Levenberg-Marquardt of an LNN by its degrees of freedom.

    On 200 states of a chain of springs, with two layers of 16.
    """
    cases: dict[int, Callable[[], float]] = {}
    for n in (1, 2, 4, 8, 16):
        system = SpringChain(n)
        states = system.sample(200, 1)
        data = Dataset(states, lagrangian_field(system.lagrangian)(states).detach())

        def measure(n: int = n, data: Dataset = data) -> float:
            model = LNN(n, (16, 16), seed=0)
            return step_seconds(
                3,
                lambda: fit(
                    model,
                    data,
                    LevenbergMarquardt(steps=3),
                    residual=acceleration_residual,
                    progress=False,
                ),
            )

        cases[n] = measure
    return [growth_row("cost_lnn", cases, 2.0, repeats, "degrees")]


@row
def cost_pairwise(repeats: int) -> list[Row]:
    """CPU seconds of the field of 32 states of bodies that act in pairs, by their number."""
    two = PairwiseHNN(4, (11, 11), masses=1.0, seed=0)
    cases: dict[int, Callable[[], float]] = {}
    for bodies in (2, 5, 10, 20, 50, 100, 200):
        x = NBody((1.0,) * bodies).sample(32, 0)

        def work(model: PairwiseHNN, x: torch.Tensor) -> None:
            with torch.no_grad():
                model.field(x)

        cases[bodies] = partial(cpu_seconds, partial(work, two.for_bodies(bodies), x))
    return [growth_row("cost_pairwise", cases, 2.0, repeats, "bodies")]


PEAK = """
import re, sys
from pathlib import Path
import torch
from hnn_tutorial.models import HNN, parameter_count
from hnn_tutorial.training import LevenbergMarquardt, fit
sys.path.insert(0, {folder!r})
from rows_rivals import pendulum_data
torch.set_num_threads(1)
def peak():
    # Not getrusage, whose peak is that of the process that began this one, if that was higher.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])
settings = LevenbergMarquardt(steps=2)
fit(HNN(1, (4, 4)), pendulum_data(50), settings, progress=False)
data, model = pendulum_data({points}), HNN(1, ({width}, {width}), seed=0)
before = peak()
fit(model, data, settings, progress=False)
P = parameter_count(model)
samples = min(settings.chunk, {points})
M = 2 * {points}
system = 8 * M * P + 4 * 8 * M**2 if M < P else 4 * 8 * P**2
print(peak() - before, 3 * 8 * samples * 2 * P + system)
"""


@row
def cost_memory(repeats: int) -> list[Row]:
    """Bytes by which a process grows in a training by Levenberg-Marquardt, beside the bound.

    The bound is that of ``LevenbergMarquardt``'s description. Each run is a process of its own.
    """
    rows = []
    for width, points in ((32, 500), (68, 500), (32, 40_000)):
        code = PEAK.format(folder=str(Path(__file__).parent), width=width, points=points)
        runs = []
        for _ in range(max(LEAST_REPEATS, repeats)):
            said = subprocess.run(
                [sys.executable, "-c", code], capture_output=True, text=True, check=True
            )
            grown, bound = map(int, said.stdout.split())
            runs.append({"bytes": grown, "bound": bound})
        middle = medians(runs)
        rows.append(
            make_row(
                f"cost_memory: {parameter_count(HNN(1, (width, width))):,} weights, "
                f"{points:,} points",
                {"bound in bytes": middle["bound"]},
                {"bytes": middle["bytes"]},
                [run["bound"] / run["bytes"] for run in runs],
                "no more than the bound",
                lambda ratio: ratio >= 1,
                runs=runs,
            )
        )
    return rows


IMPORT = """
import time
begin = time.process_time()
import torch
middle = time.process_time()
import hnn_tutorial.models, hnn_tutorial.systems, hnn_tutorial.training
print(middle - begin, time.process_time() - middle)
"""


@row
def cost_import(repeats: int) -> list[Row]:
    """CPU seconds of importing systems, models and training, beside those of torch itself."""
    runs = []
    for _ in range(max(LEAST_REPEATS, repeats)):
        said = subprocess.run(
            [sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True
        )
        torchs, ours = map(float, said.stdout.split())
        runs.append({"torch": torchs, "beyond it": ours})
    middle = medians(runs)
    return [
        make_row(
            "cost_import",
            {"torch": middle["torch"]},
            {"beyond it": middle["beyond it"]},
            [run["torch"] / run["beyond it"] for run in runs],
            "at most 1 s beyond torch's own",
            lambda _: middle["beyond it"] <= 1,
            runs=runs,
            clock="CPU seconds of the process",
        )
    ]
