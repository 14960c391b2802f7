"""Rows about flows: a motion, and rivals of its size, on four densities of the plane."""

import time
from collections.abc import Callable
from typing import Any

import torch
from harness import Row, make_row, medians, row
from torch import nn

from hnn_tutorial.flows import (
    DENSITIES,
    NEGATIVE_LOG_LIKELIHOOD,
    AugmentedNVP,
    DrivenHamiltonianFlow,
    NeuralHamiltonianFlow,
    RealNVP,
    flow_data,
    kl_to_truth,
    share_astray,
)
from hnn_tutorial.models import parameter_count
from hnn_tutorial.training import Adam, TrainingDivergedError, fit

SEEDS = range(5)
TRIAL, FRESH = 100, 999
RATES = (3e-3, 1e-2, 2e-2)
STEPS = 1500
SAMPLES = 512
"""Points times momenta in a batch, the same for all."""
SINGLE: dict[str, Any] = {"dtype": torch.float32}

RIVALS: dict[str, tuple[Callable[[int], nn.Module], int]] = {
    "NHF": (lambda seed: NeuralHamiltonianFlow(seed=seed, **SINGLE), 8),
    "NHF, one draw": (lambda seed: NeuralHamiltonianFlow(seed=seed, **SINGLE), 1),
    "NHF, one step": (lambda seed: NeuralHamiltonianFlow(steps=1, seed=seed, **SINGLE), 8),
    "NHF, driven": (lambda seed: DrivenHamiltonianFlow(seed=seed, **SINGLE), 8),
    "RealNVP": (lambda seed: RealNVP(seed=seed, **SINGLE), 1),
    "augmented NVP": (lambda seed: AugmentedNVP(seed=seed, **SINGLE), 8),
    "augmented NICE": (lambda seed: AugmentedNVP(2, (30,), stretch=False, seed=seed, **SINGLE), 8),
}
"""Each rival, and how many momenta it draws for a point of a batch."""


def record(
    target: str, build: Callable[[int], nn.Module], draws: int, seed: int, rate: float
) -> dict[str, float]:
    """Train a flow, and return its scores and what it has cost."""
    density = DENSITIES[target]
    data = flow_data(density, 20_000, seed, draws=draws, dtype=torch.float32)
    flow = build(seed)
    adam = Adam(STEPS, rate, batch_size=SAMPLES // draws, schedule="cosine")
    start = time.process_time()
    try:
        fit(flow, data, adam, residual=NEGATIVE_LOG_LIKELIHOOD, progress=False, seed=seed)
    except TrainingDivergedError:
        return {"KL": float("inf"), "rate": rate}
    spent = time.process_time() - start
    samples = flow.sample(4000, seed).double()  # type: ignore[operator]
    near = (samples.unsqueeze(1) - density.centres).square().sum(-1).argmin(1)
    counts = torch.bincount(near, minlength=len(density.centres))
    return {
        "KL": kl_to_truth(flow, density, FRESH),
        "astray": share_astray(samples, density, FRESH),
        # How full the emptiest mode is; a curve is made of too many centres to ask.
        "least mode": float(counts.min()) * len(counts) / 4000 if len(counts) < 10 else None,
        "rate": rate,
        "seconds": spent,
        "weights": float(parameter_count(flow)),
    }


def records(target: str, rival: str) -> list[dict[str, float]]:
    """Return a record for each seed, with the rate that was best at a seed of its own.

    RealNVP, which the goals name, has the rate with the best median of the five seeds.
    """
    build, draws = RIVALS[rival]
    if rival == "RealNVP":
        runs = [[record(target, build, draws, seed, rate) for seed in SEEDS] for rate in RATES]
        return min(runs, key=lambda each: medians(each)["KL"])
    trials = {rate: record(target, build, draws, TRIAL, rate)["KL"] for rate in RATES}
    best = min(RATES, key=trials.__getitem__)
    return [record(target, build, draws, seed, best) for seed in SEEDS]


def contest(target: str, goal: str, reached: Callable[[dict[str, float]], bool]) -> list[Row]:
    """Return a row for each rival of the Neural Hamiltonian Flow on one density."""
    every = {rival: records(target, rival) for rival in RIVALS}
    ours = every.pop("NHF")
    middle = {rival: medians(each)["KL"] for rival, each in every.items()}
    return [
        make_row(
            f"flows_{target}: {rival}",
            medians(each),
            medians(ours),
            [max(a["KL"], 1e-3) / max(b["KL"], 1e-3) for a, b in zip(each, ours, strict=True)],
            goal,
            lambda ratio: reached(middle | {"NHF": medians(ours)["KL"]}),
            runs=[{"reference": a, "ours": b} for a, b in zip(each, ours, strict=True)],
        )
        for rival, each in every.items()
    ]


@row
def flows_two_gaussians(repeats: int) -> list[Row]:
    """Two modes: seven flows, five seeds, the best of three rates for each."""
    return contest("two_gaussians", "NHF: KL <= 0.05", lambda kl: kl["NHF"] <= 0.05)


@row
def flows_eight_gaussians(repeats: int) -> list[Row]:
    """Eight modes on a circle."""
    return contest("eight_gaussians", "NHF <= RealNVP", lambda kl: kl["NHF"] <= kl["RealNVP"])


@row
def flows_moons(repeats: int) -> list[Row]:
    """Two half-moons, thin and bent."""
    return contest("moons", "NHF <= RealNVP", lambda kl: kl["NHF"] <= kl["RealNVP"])


@row
def flows_rings(repeats: int) -> list[Row]:
    """Two rings, each around a hole."""
    return contest("rings", "NHF <= RealNVP", lambda kl: kl["NHF"] <= kl["RealNVP"])


def at(target: str, steps: int, draws: int, driven: bool = False) -> list[dict[str, float]]:
    """Return a record for each seed of a flow of so many steps, trained with so many momenta."""
    kind = DrivenHamiltonianFlow if driven else NeuralHamiltonianFlow

    def build(seed: int) -> nn.Module:
        return kind(steps=steps, seed=seed, **SINGLE)

    return [record(target, build, draws, seed, 1e-2) for seed in SEEDS]


@row
def flows_price(repeats: int) -> list[Row]:
    """What steps and momenta are worth: the KL divergence at each, over the one at 4 and 8."""
    rows = []
    for target in ("moons", "rings"):
        usual = at(target, 4, 8)
        for steps, draws in ((1, 8), (2, 8), (8, 8), (4, 1)):
            other = at(target, steps, draws)
            rows.append(
                make_row(
                    f"flows_price: {target}, {steps} steps, {draws} draws",
                    medians(other),
                    medians(usual),
                    [a["KL"] / b["KL"] for a, b in zip(other, usual, strict=True)],
                    "none: a curve",
                    lambda ratio: True,
                    runs=[{"reference": a, "ours": b} for a, b in zip(other, usual, strict=True)],
                )
            )
    return rows
