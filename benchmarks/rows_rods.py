"""Rows about chains of rods: learned in Cartesian coordinates with the rods known, or in angles.

Each number of links is a row: ``python benchmarks/run.py --row rods_5``; ``--row chnn_5`` puts ours
beside what was published, on the starts and by the score of the publication.
"""

import math
from functools import cache, partial
from typing import Any

import torch
from harness import ROWS, Row, make_row, medians
from torch import Tensor, nn

from hnn_tutorial.data import Dataset
from hnn_tutorial.experiments.rod_chain import motion_error, pieces_of, starts_of
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import (
    ConstrainedLNN,
    SecondOrderMLP,
    StructuredLNN,
    parameter_count,
)
from hnn_tutorial.systems import LinkChain
from hnn_tutorial.training import (
    LevenbergMarquardt,
    TrajectoryResidual,
    acceleration_residual,
    cut,
    fit,
)
from hnn_tutorial.training.losses import Batch

SEEDS = range(5)
MASSES = (1.0, 0.7, 1.3, 0.5, 0.9) * 2
LENGTHS = (1.0, 0.8, 0.6, 0.9, 0.7) * 2
STATES, FRESH = 200, 999
STEPS = {"constrained_lnn": 150}
"""At ten links, where a step of the others takes three to six times as long; else all take 60."""


@cache
def chain_of(links: int) -> LinkChain:
    """Return a chain of unequal links."""
    return LinkChain(links, MASSES[:links], LENGTHS[:links], gravity=1.0)


def force_residual(model: nn.Module, batch: Batch) -> Tensor:
    """Return the error of the second half of the field; the first is the velocity itself."""
    n = batch["states"].shape[-1] // 2
    return (model.field(batch["states"]) - batch["derivatives"])[..., n:]


def made(kind: str, chain: LinkChain, seed: int) -> tuple[nn.Module, Any]:
    """Return a model and what it is fitted by."""
    n = chain.links
    if kind == "constrained_lnn":
        model = ConstrainedLNN(chain.constraints, (12,), couplings=False, seed=seed)
        return model, acceleration_residual
    if kind == "structured_lnn":
        return StructuredLNN(n, (16, 16), angles=range(n), seed=seed), acceleration_residual
    model = SecondOrderMLP(n, (16, 16), angles=tuple(range(n)), seed=seed)
    model.log_mass.requires_grad_(False)  # its states are [θ, θ̇], not momenta
    return model, force_residual


@cache
def tests_of(chain: LinkChain) -> dict[str, Tensor]:
    """Return what is scored: states and slow starts in angles, the truth in points."""
    twin = chain.in_angles()
    states = twin.velocities(twin.sample(500, FRESH))
    starts = twin.velocities(twin.sample(10, FRESH, speed=0.5))
    times = torch.linspace(0, 10, 101, dtype=torch.float64)
    path = integrate(chain.second_order_field, chain.from_angles(starts), times, step=0.02)
    rates = chain.second_order_field(chain.from_angles(states))
    return {"states": states, "starts": starts, "times": times, "path": path, "rates": rates}


def scored(kind: str, links: int, seed: int) -> dict[str, float]:
    """Train a model on accelerations, and return its errors, both in Cartesian coordinates.

    The error of the accelerations is the root of their mean square over that of the truth. That of
    the motion is the geometric mean over 10 s of the distance from the true positions over the sum
    of both norms; a motion that ran away counts as one; the median of ten slow starts.
    """
    chain = chain_of(links)
    twin, n = chain.in_angles(), chain.degrees
    angles = twin.velocities(twin.sample(STATES, seed))
    cartesian = kind == "constrained_lnn"
    x, truth = (chain.from_angles(angles), chain) if cartesian else (angles, twin)
    model, residual = made(kind, chain, seed)
    steps = STEPS.get(kind, 60) if links == 10 else 60
    optimizer = LevenbergMarquardt(steps=steps)
    data = Dataset(x, truth.second_order_field(x))
    history = fit(model, data, optimizer, residual=residual, progress=False)

    test = tests_of(chain)
    states, starts, times = test["states"], test["starts"], test["times"]
    with torch.no_grad():
        if cartesian:
            found = model.field(chain.from_angles(states))
            path = integrate(model.field, chain.from_angles(starts), times, step=0.02)
        else:
            found = chain.rates_from_angles(states, model.field(states))
            path = chain.from_angles(integrate(model.field, starts, times, step=0.02))
    expected = test["rates"][..., n:]
    missed = (found[..., n:] - expected).square().mean() / expected.square().mean()
    return {
        "acceleration": missed.sqrt().nan_to_num(nan=math.inf).item(),
        "motion": geometric_mean(path[..., :n], test["path"][..., :n]).median().item(),
        "weights": float(parameter_count(model)),
        "seconds": history.seconds,
    }


def geometric_mean(path: Tensor, known: Tensor) -> Tensor:
    """Return the geometric mean over time of the relative error, ``(T, B, d) -> (B,)``."""
    size = path.norm(dim=-1) + known.norm(dim=-1)
    error = ((path - known).norm(dim=-1) / size).nan_to_num(nan=1.0).clamp(1e-12, 1.0)
    return error[1:].log().mean(0).exp()


def compared(links: int, repeats: int) -> list[Row]:
    """Return the row of a chain: 200 states with accelerations, Levenberg–Marquardt for all."""
    rivals = ("structured_lnn", "second_order_mlp")
    runs = [{kind: scored(kind, links, s) for kind in ("constrained_lnn", *rivals)} for s in SEEDS]
    ours = medians(run["constrained_lnn"] for run in runs)
    ratios = [
        min(run[kind]["acceleration"] for kind in rivals) / run["constrained_lnn"]["acceleration"]
        for run in runs
    ]
    return [
        make_row(
            f"rods_{links}",
            {kind: medians(run[kind] for run in runs) for kind in rivals},
            ours,
            ratios,
            "errors <= 1e-3" + ("; better than both in angles" if links > 1 else ""),
            lambda ratio: (
                max(ours["acceleration"], ours["motion"]) <= 1e-3 and (links == 1 or ratio > 1)
            ),
            runs=runs,
        )
    ]


PUBLISHED = {
    1: {"CHNN": 6e-5, "HNN": 1.1e-4, "Neural ODE": 2.8e-4},
    2: {"CHNN": 9e-5, "HNN": 1.1e-3, "Neural ODE": 4.6e-2},
    3: {"CHNN": 2.5e-4, "HNN": 6.1e-2, "Neural ODE": 0.28},
    5: {"CHNN": 9e-4, "HNN": 0.34, "Neural ODE": 0.44},
}
"""Medians over starts of the geometric mean of the relative error over 10 s: Finzi et al. 2020,
from the table in their repository, to two digits. Each of their models has 3 layers of 200 units,
and takes 2,000 epochs of Adam on 800 pieces of five states, 0.1 s apart; their HNN and Neural ODE
work in angles."""

PIECES = {1: 50, 2: 50, 3: 50, 5: 200}


def their_score(links: int, seed: int) -> dict[str, float]:
    """Train on pieces of motions, without accelerations, and return the error on their test.

    Each seed has a chain of its own, with masses and lengths between 0.6 and 1.4.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = 0.6 + 0.8 * torch.rand(2, links, generator=generator, dtype=torch.float64)
    chain = LinkChain(links, sizes[0].tolist(), sizes[1].tolist(), gravity=1.0)
    pieces = pieces_of(chain, PIECES[links], generator)
    model = ConstrainedLNN(chain.constraints, (12,), couplings=False, seed=seed)
    optimizer = LevenbergMarquardt(steps=40 if links < 5 else 80)
    residual = TrajectoryResidual("rk4", steps=2)
    history = fit(model, cut(pieces), optimizer, residual=residual, progress=False)
    error = motion_error(chain, model.field, starts_of(chain, 100, generator))
    return {
        "motion": error.median().item(),
        "pieces": float(PIECES[links]),
        "weights": float(parameter_count(model)),
        "seconds": history.seconds,
    }


def beside_published(links: int, repeats: int) -> list[Row]:
    """Return the row of a chain beside the published medians."""
    runs = [their_score(links, seed) for seed in SEEDS]
    published = PUBLISHED[links]
    return [
        make_row(
            f"chnn_{links}",
            published,
            medians(runs),
            [published["CHNN"] / run["motion"] for run in runs],
            "an error below that of the CHNN",
            lambda ratio: ratio > 1,
            runs=runs,
        )
    ]


for number in (1, 2, 3, 5, 10):
    ROWS[f"rods_{number}"] = partial(compared, number)
for number in PUBLISHED:
    ROWS[f"chnn_{number}"] = partial(beside_published, number)
