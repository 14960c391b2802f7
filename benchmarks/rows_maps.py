"""Rows about maps: one large step of a pendulum, learned from pairs of states alone."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from harness import Row, make_row, medians, row
from torch import Tensor, nn

from hnn_tutorial.data import simulate
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import (
    HNN,
    HenonNet,
    MLPMap,
    SeparableHNN,
    SympNet,
    parameter_count,
)
from hnn_tutorial.systems import DrivenPendulum, Pendulum
from hnn_tutorial.training import (
    FreeStarts,
    LevenbergMarquardt,
    TrajectoryResidual,
    cut,
    derivative_residual,
    fit,
    map_residual,
)
from hnn_tutorial.training.losses import Batch

SEEDS = range(5)
PENDULUM = Pendulum(1.0, 1.0, 1.0)
DRIVEN = DrivenPendulum(PENDULUM, drive=0.3, rate=2.0)
FRESH = 999

Step = Callable[[Tensor], Tensor]
"""One step of a trained map."""


def swings(count: int, seed: int) -> Tensor:
    """Return states with less than four fifths of the energy of the upright rod."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(8 * count, 2, generator=generator, dtype=torch.float64)
    x = (2 * draw - 1) * torch.tensor([2.6, 2.0], dtype=torch.float64)
    return x[PENDULUM.hamiltonian(x) < 1.6][:count]


def step_of(model: nn.Module, h: float, method: str = "implicit_midpoint", parts: int = 1) -> Step:
    """Return a map's step, or that of a field followed for a time h in so many parts."""
    if hasattr(model, "map"):
        return model.map

    def step(x: Tensor) -> Tensor:
        return integrate(model.field, x, [0.0, h], method, step=h / parts)[-1]

    return step


def step_residual(model: nn.Module, batch: Batch, *, h: float, parts: int) -> Tensor:
    """Return predicted minus true states one step later, by leapfrog."""
    return step_of(model, h, "leapfrog", parts)(batch["states"]) - batch["images"]


def root_mean_square(error: Tensor) -> float:
    """Return the root of the mean square, infinite for an error that is no number."""
    return error.square().mean().sqrt().nan_to_num(nan=torch.inf).item()


def worst_energy(step: Step, starts: Tensor, steps: int) -> float:
    """Return the largest error of the energy over the steps, the median of the starts."""
    x, energy = starts, PENDULUM.hamiltonian(starts)
    worst = torch.zeros_like(energy)
    for _ in range(steps):
        x = step(x)
        worst = torch.maximum(worst, (PENDULUM.hamiltonian(x) - energy).abs())
    return worst.median().item()


def trained(
    model: nn.Module, data: Any, residual: Any, step: Step, steps: int = 100, **options: float
) -> tuple[Step, dict[str, float]]:
    """Train a model; return its step, and what it has cost."""
    start = time.perf_counter()
    optimizer = LevenbergMarquardt(steps=steps, **options)
    fit(model, data, optimizer, residual=residual, progress=False)
    return step, {
        "seconds": time.perf_counter() - start,
        "weights": float(parameter_count(model)),
    }


@row
def maps_step(repeats: int) -> list[Row]:
    """One second of a pendulum from 300 pairs, by five kinds of map, over five seeds.

    The error of one step at 500 fresh states, and of the energy within 400 steps.
    """
    h = 1.0
    test, starts = swings(500, FRESH), swings(12, FRESH)
    images = PENDULUM.solution(test, [0.0, h])[1]
    records: dict[str, list[dict[str, float]]] = {}
    for seed in SEEDS:
        x = swings(300, seed)
        seen = simulate(PENDULUM, x, [0.0, h], rtol=1e-11, atol=1e-11)
        maps = {
            "MLP map": MLPMap(1, (14, 14), seed=seed),
            "SympNet": SympNet(1, (8,) * 10, seed=seed),
            "HénonNet": HenonNet(1, (20,) * 4, seed=seed),
        }
        runs = {
            name: trained(model, seen.pairs(), map_residual, model.map)
            for name, model in maps.items()
        }
        separable = SeparableHNN(1, (10, 10), seed=seed)
        runs["leapfrog x4"] = trained(
            separable,
            seen.pairs(),
            partial(step_residual, h=h, parts=4),
            step_of(separable, h, "leapfrog", 4),
        )
        hnn = HNN(1, (10, 10, 10), seed=seed)
        runs["HNN"] = trained(hnn, seen.midpoints(), derivative_residual, step_of(hnn, h))
        for name, (step, cost) in runs.items():
            with torch.no_grad():
                scores = {
                    "one step": root_mean_square(step(test) - images),
                    "energy": worst_energy(step, starts, 400),
                }
            records.setdefault(name, []).append(cost | scores)
    ours = records.pop("HNN")
    return [
        make_row(
            f"maps_step: {name}",
            medians(each),
            medians(ours),
            [a["one step"] / b["one step"] for a, b in zip(each, ours, strict=True)],
            "HNN on midpoints: error of one step <= 1e-6 in the median, ratio > 10",
            lambda ratio: medians(ours)["one step"] <= 1e-6 and ratio > 10,
            runs=[{"reference": a, "ours": b} for a, b in zip(each, ours, strict=True)],
        )
        for name, each in records.items()
    ]


@row
def maps_one_orbit(repeats: int) -> list[Row]:
    """Jin et al.'s setting: one orbit from (1, 0), 40 pairs at 0.1 s, then 1000 steps.

    Theirs was a SympNet with linear modules too, trained by 50,000 steps of Adam.
    """
    h, seen, ahead = 0.1, 40, 1000
    clock = h * torch.arange(seen + ahead + 1, dtype=torch.float64)
    start = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    orbit = simulate(PENDULUM, start, clock, rtol=1e-12, atol=1e-12)
    truth = orbit.states[:, 0]
    first = simulate(PENDULUM, start, clock[: seen + 1], rtol=1e-12, atol=1e-12)
    records: dict[str, list[dict[str, float]]] = {}
    for seed in SEEDS:
        mlp, symplectic = MLPMap(1, (10, 10), seed=seed), SympNet(1, (10,) * 6, seed=seed)
        hnn = HNN(1, (10, 10), seed=seed)
        runs = {
            "MLP map": trained(mlp, first.pairs(), map_residual, mlp.map),
            "SympNet": trained(symplectic, first.pairs(), map_residual, symplectic.map),
            "HNN": trained(hnn, first.midpoints(), derivative_residual, step_of(hnn, h)),
        }
        for name, (step, cost) in runs.items():
            x = truth[seen : seen + 1]
            with torch.no_grad():
                for _ in range(ahead):
                    x = step(x)
            off = (x[0] - truth[-1]).norm().nan_to_num(nan=torch.inf).item()
            records.setdefault(name, []).append(cost | {"after 1000": off})
    ours = records.pop("HNN")
    return [
        make_row(
            f"maps_one_orbit: {name}",
            medians(each),
            medians(ours),
            [a["after 1000"] / b["after 1000"] for a, b in zip(each, ours, strict=True)],
            "the HNN on midpoints within 0.1 after 1000 steps in the median",
            lambda ratio: medians(ours)["after 1000"] <= 0.1,
            runs=[{"reference": a, "ours": b} for a, b in zip(each, ours, strict=True)],
        )
        for name, each in records.items()
    ]


def kicked(count: int, seed: int) -> dict[str, Tensor]:
    """Return uniform states of the driven pendulum, with their images one period later."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(count, 2, generator=generator, dtype=torch.float64)
    x = (2 * draw - 1) * torch.tensor([math.pi, 2.5], dtype=torch.float64)
    return {"states": x, "images": DRIVEN.period_map(x)}


@row
def maps_driven(repeats: int) -> list[Row]:
    """The driven pendulum once a period: an energy of the state alone against a SympNet."""
    test, h = kicked(1000, FRESH), DRIVEN.period
    records: dict[str, list[dict[str, float]]] = {"HNN": [], "SympNet": []}
    for seed in SEEDS:
        data = kicked(300, seed)
        hnn = SeparableHNN(1, (13, 13), angles=(0,), seed=seed)
        symplectic = SympNet(1, (10,) * 12, angles=(0,), seed=seed)
        runs = {
            "HNN": trained(
                hnn,
                data,
                partial(step_residual, h=h, parts=12),
                step_of(hnn, h, "leapfrog", 12),
                steps=60,
            ),
            "SympNet": trained(symplectic, data, map_residual, symplectic.map, steps=60),
        }
        for name, (step, cost) in runs.items():
            with torch.no_grad():
                off = root_mean_square(step(test["states"]) - test["images"])
            records[name].append(cost | {"one step": off})
    both = list(zip(records["HNN"], records["SympNet"], strict=True))
    return [
        make_row(
            "maps_driven",
            medians(records["HNN"]),
            medians(records["SympNet"]),
            [a["one step"] / b["one step"] for a, b in both],
            "an energy of the state cannot have this map: ratio > 30",
            lambda ratio: ratio > 30,
            runs=[{"reference": a, "ours": b} for a, b in both],
        )
    ]


@row
def maps_noise(repeats: int) -> list[Row]:
    """An HNN on the middles of noisy states, and the same with the starts as unknowns.

    Thirty swings of eleven states, one second apart, with noise of 0.1. Both are followed by
    implicit midpoint; the second goes on from the first.
    """
    h, noise = 1.0, 0.1
    test = swings(500, FRESH)
    images = PENDULUM.solution(test, [0.0, h])[1]
    clock = h * torch.arange(11, dtype=torch.float64)
    whole = TrajectoryResidual("implicit_midpoint", noise=noise)
    both = []
    for seed in SEEDS:
        seen = simulate(PENDULUM, swings(30, seed), clock).noisy(noise, seed=100 + seed)
        model = HNN(1, (8, 8), seed=seed)
        step, cost = trained(
            model,
            seen.midpoints(),
            derivative_residual,
            step_of(model, h),
            steps=40,
            weight_decay=1e-3,
        )
        record = {}
        for name in ("reference", "ours"):
            if name == "ours":
                free = FreeStarts(model, cut(seen))
                _, cost = trained(free, cut(seen), whole, step, steps=10, weight_decay=1e-3)
            with torch.no_grad():
                record[name] = cost | {"one step": root_mean_square(step(test) - images)}
        both.append(record)
    return [
        make_row(
            "maps_noise",
            medians(record["reference"] for record in both),
            medians(record["ours"] for record in both),
            [record["reference"]["one step"] / record["ours"]["one step"] for record in both],
            "free starts take a quarter of the error: ratio > 1.3",
            lambda ratio: ratio > 1.3,
            runs=both,
        )
    ]
