"""Rows beside what a user would take instead: SciPy on NumPy, torchdiffeq, diffrax, jitted JAX.

They need the extra ``bench``. Each runs on one thread of one core, the sides of a repetition one
after another, and counts the CPU time of the process, so that other work on the machine costs
little. What is compiled is compiled before it is timed; compile times stand apart, as wall time.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import rivals
import torch
from harness import Row, make_row, medians, row
from rows_training import SPRING, spring_data
from torch import Tensor

from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import over_seeds
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import hamiltonian_field, lagrangian_field
from hnn_tutorial.models import HNN, LNN
from hnn_tutorial.systems import DoublePendulum, Pendulum
from hnn_tutorial.training import (
    Adam,
    LevenbergMarquardt,
    acceleration_residual,
    derivative_residual,
    fit,
)
from hnn_tutorial.training.fit import Run

LEAST_REPEATS = 5
Calls = dict[str, Callable[[], Any]]


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and the threads that JAX starts in it, to one core and to float64."""
    before = os.sched_getaffinity(0)
    # The highest: whoever pins without choosing has the lowest.
    os.sched_setaffinity(0, {max(before)})
    try:
        rivals.let_jax_keep_float64()
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_seconds(work: Callable[[], Any], least: float = 0.05) -> float:
    """Return the CPU time of some work, the mean over as many calls as take ``least``."""
    calls, start = 0, time.process_time()
    while calls == 0 or time.process_time() - start < least:
        work()
        calls += 1
    return (time.process_time() - start) / calls


def interleaved(calls: Calls, repeats: int) -> list[dict[str, float]]:
    """Return the CPU seconds of each call, all of them in each repetition."""
    return [
        {name: cpu_seconds(work) for name, work in calls.items()}
        for _ in range(max(LEAST_REPEATS, repeats))
    ]


def against(
    name: str,
    records: list[dict[str, float]],
    ours: Sequence[str],
    target: str,
    reached: Callable[[float], bool],
    **more: Any,
) -> Row:
    """Return a row whose ratio is that of the fastest of the others to the fastest of ours."""
    middle = medians(records)
    others = [key for key in middle if key not in ours]
    rival, mine = (min(keys, key=middle.__getitem__) for keys in (others, ours))
    return make_row(
        name,
        {key: middle[key] for key in others},
        {key: middle[key] for key in ours},
        [record[rival] / record[mine] for record in records],
        target,
        reached,
        runs=records,
        fastest={"rival": rival, "ours": mine},
        clock="CPU seconds of the process",
        **more,
    )


# --- Motion --------------------------------------------------------------------------------------

# H = p² + 3 (1 − cos q).
PENDULUM = Pendulum(mass=0.5, length=1.0, gravity=6.0)
TIMES = torch.linspace(0, 20, 401, dtype=torch.float64)
NUMBERS = (1, 100, 1_000, 10_000)
NUMBERS_LEARNED = NUMBERS
MOST_ERROR = 1e-6
FEW = 100
"""States whose motion is known to 1e-12, for an error of a network's motion."""
TOLERANCES = [10 ** (-k / 2) for k in range(13, 25)]
SUBSTEPS = range(3, 13)


def pendulum_data(points: int) -> Dataset:
    """Return so many states of the pendulum."""
    states = PENDULUM.sample(points, 1, radius=(0.0, 2.5))
    return Dataset(states, PENDULUM.field(states))


def learned_pendulum() -> HNN:
    """Return an HNN 2-32-32-1 that has learned the pendulum."""
    model = HNN(1, (32, 32), seed=0)
    fit(model, pendulum_data(500), LevenbergMarquardt(steps=30), progress=False)
    return model


def loosest(
    run: Callable[[Any], Any], choices: Sequence[Any], true: np.ndarray
) -> tuple[Any, float]:
    """Return the first of some settings whose motion errs by less than 1e-6, and that error.

    The error is the largest of any component at any of the times, of the states that are known.
    """
    for choice in choices:
        error = np.abs(np.asarray(run(choice))[:, : true.shape[1]] - true).max()
        if error < MOST_ERROR:
            return choice, float(error)
    raise RuntimeError(f"no setting comes below an error of {MOST_ERROR:g}")


class Rollouts:
    """The sides of a rollout by name, and for each the setting that it is as accurate with."""

    def __init__(self, model: HNN | None, number: int, known: dict[str, Any]) -> None:
        self.model, self.number = model, number
        self.starts = PENDULUM.sample(number, 7, radius=(0.0, 2.0))
        self.field = PENDULUM.field if model is None else model.field
        self.true = self._true()
        array, times = self.starts.numpy(), TIMES.numpy()
        columns = np.ascontiguousarray(array.T)
        layers = None if model is None else rivals.layers_of(model)
        in_jax = rivals.jax_field(model)
        diffrax = rivals.diffrax_rollout(in_jax, array, times)
        in_scan: dict[int, Callable[[], Any]] = {}

        def jax_call(substeps: int) -> Callable[[], Any]:
            if substeps not in in_scan:
                in_scan[substeps] = rivals.jax_rollout(in_jax, columns, times, substeps)
            return in_scan[substeps]

        def jax_path(substeps: int) -> Any:
            path = np.asarray(jax_call(substeps)()).transpose(0, 2, 1)
            return np.concatenate([array[None], path])

        torchs = partial(rivals.torchdiffeq_rollout, self.field, self.starts, TIMES)
        sides: dict[str, tuple[Callable[[Any], Any], Sequence[Any]]] = {
            "package": (self._adaptive, TOLERANCES),
            "package, compiled": (self._compiled, SUBSTEPS),
            "SciPy": (partial(rivals.scipy_rollout, layers, array, times), TOLERANCES),
            "torchdiffeq": (lambda e: torchs(e, "dopri8"), TOLERANCES),
            "diffrax": (diffrax, TOLERANCES),
            "JAX": (jax_path, SUBSTEPS),
        }
        self.calls: Calls = {}
        self.settings: dict[str, Any] = {}
        self.errors: dict[str, float] = {}
        for name, (run, choices) in sides.items():
            # More states need no looser setting than fewer: the search goes on from there.
            rest = list(choices)
            rest = rest[rest.index(known[name]) :] if name in known else rest
            chosen, self.errors[name] = loosest(run, rest, self.true)
            self.settings[name] = chosen
            # Into NumPy and into another order: the path of JAX need not go there.
            self.calls[name] = jax_call(chosen) if name == "JAX" else partial(run, chosen)

    def _true(self) -> np.ndarray:
        if self.model is None:
            return PENDULUM.solution(self.starts, TIMES).numpy()
        few = self.starts[:FEW]
        with torch.no_grad():
            path = integrate(self.field, few, TIMES, "dop853", rtol=1e-12, atol=1e-12)
        return path.numpy()

    def _adaptive(self, tolerance: float) -> Tensor:
        with torch.no_grad():
            return integrate(
                self.field, self.starts, TIMES, "dop853", rtol=tolerance, atol=tolerance
            )

    def _compiled(self, substeps: int) -> Tensor:
        step = float(TIMES[1] - TIMES[0]) / substeps
        with torch.no_grad():
            return integrate(self.field, self.starts, TIMES, "rk4", step=step, compile=True)


def rollout_rows(name: str, model: HNN | None, numbers: Sequence[int], repeats: int) -> list[Row]:
    """Compare the sides at each number of states, at an error of 1e-6 each."""
    rows, known = [], {}
    for number in numbers:
        begin = time.perf_counter()
        sides = Rollouts(model, number, known)
        known = sides.settings
        rows.append(
            against(
                f"{name}: {number:,}",
                interleaved(sides.calls, repeats),
                ("package", "package, compiled"),
                "at most twice the time of the fastest",
                lambda ratio: ratio >= 0.5,
                settings=sides.settings,
                errors=sides.errors,
            )
        )
        print(f"  {number}: {rows[-1]['reference']} {rows[-1]['ours']} {sides.settings}")
        print(f"  {time.perf_counter() - begin:.0f} s", flush=True)
    return rows


@row
def rivals_rollout_true(repeats: int) -> list[Row]:
    """CPU seconds for 400 outputs over 20 s of true pendulums, each side's error below 1e-6."""
    with one_core():
        return rollout_rows("rivals_rollout_true", None, NUMBERS, repeats)


@row
def rivals_rollout_learned(repeats: int) -> list[Row]:
    """The same for an HNN 2-32-32-1 that has learned the pendulum."""
    with one_core():
        return rollout_rows("rivals_rollout_learned", learned_pendulum(), NUMBERS_LEARNED, repeats)


class Called:
    """A field that PyTorch evaluates at each call, as it counts them."""

    def __init__(self, field: Callable[[Tensor], Tensor]) -> None:
        self.field, self.calls = field, 0

    def __call__(self, x: Tensor) -> Tensor:
        """Return the field's value."""
        self.calls += 1
        return self.field(x)


def own_field(x: Tensor) -> Tensor:
    """The pendulum's field as a user writes it."""
    q, p = x.unbind(-1)
    return torch.stack([2 * p, -3 * torch.sin(q)], dim=-1)


def own_hamiltonian(x: Tensor) -> Tensor:
    """Its Hamiltonian, likewise."""
    return x[..., 1] ** 2 + 3 * (1 - torch.cos(x[..., 0]))


@row
def rivals_rollout_own(repeats: int) -> list[Row]:
    """The same motions from functions of a user's, by NumPy and by PyTorch at each call."""
    rows = []
    fields = {"field": own_field, "Hamiltonian": hamiltonian_field(own_hamiltonian)}
    with one_core():
        for number in (1, 100):
            starts = PENDULUM.sample(number, 7, radius=(0.0, 2.0))
            true = PENDULUM.solution(starts, TIMES).numpy()

            def follow(field: Any, tolerance: float, starts: Tensor = starts) -> Tensor:
                with torch.no_grad():
                    return integrate(field, starts, TIMES, "dop853", rtol=tolerance, atol=tolerance)

            sides: dict[str, Callable[[Any], Any]] = {}
            for name, field in fields.items():
                sides[f"{name} of one's own"] = partial(follow, field)
                sides[f"{name}, called by PyTorch"] = partial(follow, Called(field))
            sides["SciPy"] = partial(rivals.scipy_rollout, None, starts.numpy(), TIMES.numpy())
            chosen = {name: loosest(run, TOLERANCES, true) for name, run in sides.items()}
            calls = {name: partial(run, chosen[name][0]) for name, run in sides.items()}
            rows.append(
                against(
                    f"rivals_rollout_own: {number}",
                    interleaved(calls, repeats),
                    [f"{name} of one's own" for name in fields],
                    "at most three times the time of SciPy",
                    lambda ratio: ratio >= 1 / 3,
                    settings={name: setting for name, (setting, _) in chosen.items()},
                    errors={name: error for name, (_, error) in chosen.items()},
                )
            )
    return rows


# --- Steps of training ---------------------------------------------------------------------------


def step_seconds(steps: int, train: Callable[[], Any]) -> float:
    """Return the CPU time of a step: the mean over all steps of ``fit``.

    Without the first, where that is made by itself: it may compile or record something.
    """
    clock: list[tuple[float, int]] = []
    advance = Run.advance

    def timed(run: Run, *given: Any) -> float:
        if not clock:
            clock.append((time.process_time(), run.history.steps))
        loss = advance(run, *given)
        clock.append((time.process_time(), run.history.steps))
        return loss

    Run.advance = timed
    try:
        train()
    finally:
        Run.advance = advance
    (begin, first), (end, last) = clock[1 if clock[1][1] == 1 else 0], clock[-1]
    if last != steps:
        raise RuntimeError(f"{last} steps were made, where {steps} were asked for")
    return (end - begin) / (last - first)


def adam_row(
    name: str,
    make: Callable[[], torch.nn.Module],
    data: Dataset,
    residual: Any,
    options: dict[str, Any],
    steps: int,
    repeats: int,
) -> Row:
    """Compare a step of Adam on all of the data: ours, ours compiled, and a scan in JAX."""
    weights, train = rivals.jax_weights(make()), rivals.jax_adam(residual)
    arrays = data.states.numpy(), data.derivatives.numpy()
    train(weights, arrays, 2, 1e-3)

    def ours(compiled: bool) -> float:
        settings = Adam(steps)
        return step_seconds(
            steps,
            lambda: fit(make(), data, settings, progress=False, compile=compiled, **options),
        )

    ours(True)
    records = [
        {
            "package": ours(False),
            "package, compiled": ours(True),
            "JAX": cpu_seconds(lambda: train(weights, arrays, steps, 1e-3)) / steps,
        }
        for _ in range(max(LEAST_REPEATS, repeats))
    ]
    return against(
        name,
        records,
        ("package", "package, compiled"),
        "compiled at most 1.3 times the time of JAX",
        lambda ratio: ratio >= 1 / 1.3,
    )


@row
def rivals_adam(repeats: int) -> list[Row]:
    """CPU seconds of a step of Adam: HNNs of two sizes on two batches, and an LNN."""
    rows = []
    with one_core():
        for width in (32, 200):
            for points in (50, 750):
                data = pendulum_data(points)
                rows.append(
                    adam_row(
                        f"rivals_adam: HNN 2-{width}-{width}-1, {points} points",
                        partial(HNN, 1, (width, width), seed=0),
                        data,
                        rivals.hnn_residual,
                        {},
                        2_000 if width == 32 else 200,
                        repeats,
                    )
                )
        system = DoublePendulum()
        data = double_pendulum_data(512, 1)
        rows.append(
            adam_row(
                "rivals_adam: LNN 4-64-64-1, 512 points",
                partial(LNN, system.degrees, (64, 64), "softplus", seed=0),
                data,
                rivals.lnn_residual,
                {"residual": acceleration_residual},
                200,
                repeats,
            )
        )
    return rows


def double_pendulum_data(points: int, seed: int) -> Dataset:
    """Return states [θ, θ̇] of a double pendulum of moderate swings, and their derivatives."""
    system = DoublePendulum(gravity=1.0)
    generator = torch.Generator().manual_seed(seed)
    states = 2 * torch.rand(points, 4, generator=generator, dtype=torch.float64) - 1
    return Dataset(states, lagrangian_field(system.lagrangian)(states).detach())


@row
def rivals_lm(repeats: int) -> list[Row]:
    """CPU seconds of a step of Levenberg-Marquardt, ten steps from the same weights."""
    rows, steps = [], 10
    with one_core():
        for width, points in ((16, 500), (24, 800)):
            data = pendulum_data(points)
            arrays = data.states.numpy(), data.derivatives.numpy()
            make = partial(HNN, 1, (width, width), seed=0)
            weights, residual = rivals.jax_weights(make()), rivals.hnn_residual
            own = rivals.jax_lm(residual)
            calls: Calls = {
                "JAX, by hand": partial(own, weights, arrays, steps),
                "Optimistix": rivals.optimistix_lm(residual, weights, arrays, steps),
                "JAXopt": rivals.jaxopt_lm(residual, weights, arrays, steps),
            }
            for work in calls.values():
                work()

            def ours(make: Any = make, data: Dataset = data) -> float:
                settings = LevenbergMarquardt(steps=steps)
                return step_seconds(steps, lambda: fit(make(), data, settings, progress=False))

            ours()
            records = [
                {
                    "package": ours(),
                    **{name: cpu_seconds(work) / steps for name, work in calls.items()},
                }
                for _ in range(max(LEAST_REPEATS, repeats))
            ]
            count = sum(p.numel() for p in make().parameters())
            rows.append(
                against(
                    f"rivals_lm: {count} weights, {points} points",
                    records,
                    ("package",),
                    "no slower than any",
                    lambda ratio: ratio >= 1,
                )
            )
    return rows


# --- Time to an accuracy -------------------------------------------------------------------------

WIDTHS, RATES, BATCHES = (16, 32), (3e-3, 1e-2, 3e-2), (64, None)
BUDGETS = (125, 250, 500, 1_000, 2_000, 5_000)
"""Of Adam: units in each of two layers, rates, samples in a batch, steps."""

WIDTHS_OF_LM, BATCHES_OF_LM = (8, 12, 16), (50, 100, 150, 300, None)
STEPS_OF_LM = (6, 9, 11, 13, 16, 20, 26, 34, 50, 75, 100)
WIDTHS_OF_LBFGS, POINTS_OF_LBFGS = (8, 16, 32), (150, None)
STEPS_OF_LBFGS = (25, 50, 100, 150, 200, 300, 400, 600, 1_000, 2_000)

TUNING_SEEDS = (100, 101, 102)
OURS = "package, Levenberg-Marquardt"
Setting = tuple[int, ...]
"""Width, and what else is chosen; its last entry is the number of steps."""
Train = Callable[[Setting, int], tuple[float, float]]
"""A training of a setting on the data of a seed: its CPU seconds, and the error it comes to."""
Point = tuple[float, float]
"""CPU seconds of a training from its start, and the error that it comes to."""
Arrays = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Race:
    """What the sides learn, and to which errors.

    Args:
        name: of the rows.
        targets: errors, from large to small.
        make: a model of a width and a seed.
        data: what it learns from, by seed.
        residual: of our trainings.
        in_jax: the same residual, ``(layers, states, rates) -> residuals``.
        error: of the layers of a trained network, on states that it was not trained on.
    """

    name: str
    targets: Sequence[float]
    make: Callable[[int, int], torch.nn.Module]
    data: Callable[[int], Dataset]
    residual: Any
    in_jax: Any
    error: Callable[[rivals.Layers], float]

    def weights(self, width: int, seed: int) -> Any:
        """Return the first weights for JAX."""
        return rivals.jax_weights(self.make(width, seed))

    def arrays(self, seed: int) -> Arrays:
        """Return the states and derivatives that are learned from."""
        data = self.data(seed)
        return data.states.numpy(), data.derivatives.numpy()


def finite(error: float) -> float:
    """Return an error, and infinity for one that is not finite."""
    return error if np.isfinite(error) else float("inf")


def timed(train: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of a training, and what it returns."""
    start = time.process_time()
    found = train()
    return time.process_time() - start, found


def compiling(make: Callable[[], Callable[..., Any]], *given: Any) -> tuple[Any, float]:
    """Return a compiled function, and the CPU seconds of its first call beyond a second's."""
    run = make()
    first, second = (timed(lambda: run(*given))[0] for _ in range(2))
    return run, first - second


class Sides:
    """The ways to train, each of any setting; what JAX compiles is compiled before it is timed."""

    def __init__(self, race: Race) -> None:
        self.race = race
        self.compile_seconds: dict[str, list[float]] = {}
        self._known: dict[Any, Any] = {}
        self.trains: dict[str, Train] = {
            OURS: partial(self._package, False),
            f"{OURS}, compiled": partial(self._package, True),
            "package, Adam": partial(self._package, False),
            "package, Adam, compiled": partial(self._package, True),
            "JAX, Levenberg-Marquardt": self._jax_lm,
            "JAX, L-BFGS": self._jax_lbfgs,
            "JAX, Adam": self._jax_adam,
        }
        of_lm = list(itertools.product(WIDTHS_OF_LM, BATCHES_OF_LM, STEPS_OF_LM))
        of_lbfgs = list(itertools.product(WIDTHS_OF_LBFGS, POINTS_OF_LBFGS, STEPS_OF_LBFGS))
        of_adam = list(itertools.product(WIDTHS, RATES, BATCHES, BUDGETS))
        self.choices = {
            OURS: of_lm,
            # `fit` compiles no more than one block of samples.
            f"{OURS}, compiled": [each for each in of_lm if each[1] is not None],
            "JAX, Levenberg-Marquardt": of_lm,
            "JAX, L-BFGS": of_lbfgs,
            "JAX, Adam": of_adam,
        }

    def _package(self, compiled: bool, setting: Setting, seed: int) -> Point:
        width, *chosen, steps = setting
        if len(chosen) == 1:
            optimizer: Any = LevenbergMarquardt(steps, chosen[0], tolerance=0)
        else:
            rate, batch = chosen
            optimizer = Adam(steps, rate, batch, schedule="cosine")
        race, data = self.race, self.race.data(seed)

        def train(model: torch.nn.Module) -> None:
            fit(
                model,
                data,
                optimizer,
                residual=race.residual,
                progress=False,
                seed=seed,
                compile=compiled,
            )

        if compiled and (width, *chosen) not in self._known:
            self._known[width, *chosen] = train(race.make(width, seed))
        model = race.make(width, seed)
        spent, _ = timed(partial(train, model))
        return spent, race.error(rivals.layers_of(model))

    def _jax(self, name: str, key: Any, make: Any, width: int, seed: int, *given: Any) -> Point:
        """Train by a function of the weights and what is given, compiled once for each key."""
        weights = self.race.weights(width, seed)
        if (name, key) not in self._known:
            self._known[name, key], seconds = compiling(make, weights, *given)
            self.compile_seconds.setdefault(name, []).append(seconds)
        spent, found = timed(partial(self._known[name, key], weights, *given))
        return spent, self.race.error(found)

    def _jax_lm(self, setting: Setting, seed: int) -> Point:
        width, batch, steps = setting
        make = partial(rivals.jax_lm, self.race.in_jax, batch)
        arrays = self.race.arrays(seed)
        return self._jax(
            "JAX, Levenberg-Marquardt", (width, batch), make, width, seed, arrays, steps
        )

    def _jax_lbfgs(self, setting: Setting, seed: int) -> Point:
        width, points, steps = setting
        make = partial(rivals.jax_lbfgs, self.race.in_jax)
        states, rates = self.race.arrays(seed)
        part = states[:points], rates[:points]
        return self._jax("JAX, L-BFGS", (width, points), make, width, seed, part, steps)

    def _jax_adam(self, setting: Setting, seed: int) -> Point:
        width, rate, batch, steps = setting
        make = partial(rivals.jax_adam, self.race.in_jax, batch)
        arrays = self.race.arrays(seed)
        return self._jax("JAX, Adam", (width, batch), make, width, seed, arrays, steps, rate)


def tuned(train: Train, choices: Sequence[Setting]) -> list[Setting]:
    """Return the settings whose error no quicker one reaches, by medians on data of their own."""
    tried = [
        (*np.median([train(setting, seed) for seed in TUNING_SEEDS], axis=0), setting)
        for setting in choices
    ]
    best: list[Setting] = []
    least = float("inf")
    for _, error, setting in sorted(tried, key=lambda each: each[:2]):
        if error < least:
            least = error
            best.append(setting)
    return best


def seconds_to(curve: list[Point], target: float) -> float:
    """Return the CPU seconds of the quickest training that came to an error; infinity if none."""
    return min((spent for spent, error in curve if error <= target), default=float("inf"))


def over(rival: float, ours: float) -> float:
    """Return the ratio of two times; 1 where neither side came to the error."""
    return 1.0 if np.isinf(rival) and np.isinf(ours) else rival / ours


def race_rows(race: Race, repeats: int) -> list[Row]:
    """Compare the times to each of the errors.

    Each point is a training of its own from the start. The settings of each side were chosen on
    other data. Compile times are stored beside; the second ratio counts them, and is of our
    training that is not compiled.
    """
    seeds = range(max(LEAST_REPEATS, repeats))
    with one_core():
        sides = Sides(race)
        settings: dict[str, list[Setting]] = {}
        for name, choices in sides.choices.items():
            settings[name] = tuned(sides.trains[name], choices)
            print(f"  {name}: {settings[name]}", flush=True)
        for name in ("package, Adam", "package, Adam, compiled"):
            settings[name] = settings["JAX, Adam"]
            for setting in settings[name]:
                sides.trains[name](setting, TUNING_SEEDS[0])
        runs = [
            {
                name: [train(setting, seed) for setting in settings[name]]
                for name, train in sides.trains.items()
            }
            for seed in seeds
        ]
    names = list(runs[0])
    compiled = {n: float(np.median(v)) for n, v in sides.compile_seconds.items()}
    middle = {
        name: [
            [float(np.median(values)) for values in zip(*points, strict=True)]
            for points in zip(*(curves[name] for curves in runs), strict=True)
        ]
        for name in names
    }
    rows = []
    for target in race.targets:
        records = [{n: seconds_to(c[n], target) for n in names} for c in runs]
        found = medians(records)
        others = [n for n in names if n.startswith("JAX")]
        ours = [n for n in names if n not in others]

        def with_compiling(record: dict[str, float], others: list[str] = others) -> float:
            return min(record[n] + compiled[n] for n in others)

        rows.append(
            make_row(
                f"{race.name}: {target:g}",
                {n: found[n] for n in others},
                {n: found[n] for n in names if n not in others},
                [over(min(r[n] for n in others), min(r[n] for n in ours)) for r in records],
                "no slower than any, compiling apart",
                lambda ratio: ratio >= 1,
                runs=records,
                compile_seconds=compiled,
                ratio_with_compiling=over_seeds(
                    over(with_compiling(r), r[OURS]) for r in records
                ).median,
                **({"curves": middle, "settings": settings} if target == race.targets[0] else {}),
                clock="CPU seconds of the process",
            )
        )
    return rows


@row
def rivals_spring(repeats: int) -> list[Row]:
    """CPU seconds to a field error on the ideal spring: ours by both optimisers, JAX by three."""
    fresh = SPRING.sample(2000, 12345)
    columns, true = fresh.numpy().T.ravel(), SPRING.field(fresh).numpy()

    def error(layers: rivals.Layers) -> float:
        found = rivals.numpy_field(layers, len(fresh))(0.0, columns).reshape(2, -1).T
        return finite(float(np.mean((found - true) ** 2)))

    # The first error is what the HNN paper's recipe comes to.
    race = Race(
        "rivals_spring",
        (3.4e-5, 1e-6, 1e-10),
        lambda width, seed: HNN(1, (width, width), seed=seed),
        spring_data,
        derivative_residual,
        rivals.hnn_residual,
        error,
    )
    return race_rows(race, repeats)


@row
def rivals_double_pendulum(repeats: int) -> list[Row]:
    """CPU seconds to a relative error of an LNN's accelerations on the double pendulum."""
    fresh = double_pendulum_data(2000, 12345)

    def error(layers: rivals.Layers) -> float:
        residuals = rivals.lnn_residual(layers, fresh.states.numpy(), fresh.derivatives.numpy())
        true = fresh.derivatives[:, 2:].numpy()
        return finite(float(np.mean(np.asarray(residuals) ** 2) / np.mean(true**2)))

    race = Race(
        "rivals_double_pendulum",
        (1e-4, 3e-5),
        lambda width, seed: LNN(2, (width, width), "softplus", seed=seed),
        partial(double_pendulum_data, 512),
        acceleration_residual,
        rivals.lnn_residual,
        error,
    )
    return race_rows(race, repeats)
