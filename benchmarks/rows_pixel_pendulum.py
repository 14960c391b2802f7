"""Rows about a pendulum seen by a camera: the published setting, followed by two rules."""

import math
import statistics
import time
from collections.abc import Mapping
from typing import Any

import torch
from harness import Row, make_row, medians, row
from torch import Tensor, nn

from hnn_tutorial.experiments.pixel_pendulum import PixelModel
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import HNN, MLP, DenseNetwork, LatentCoordinate, Model, UnitMassHNN
from hnn_tutorial.pixels import (
    consecutive,
    farthest_pair,
    pendulum_frames,
    principal_components,
)
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import Adam, LevenbergMarquardt, fit

SEEDS = range(5)
STEPS = 2000
PUBLISHED_STEPS = 10_000
GAP = 0.05
PULL = 15.0
"""g/l · 3/2 of a rod of mass 1 and length 1 under g = 10: q̈ = −15 sin q near hanging."""
TESTS = 40
ROLLOUT = 100


def swings(seed: int, count: int = 200, length: int = 103) -> Tensor:
    """Return angles by the symplectic Euler method, from rest or nearly, ``(count, length)``."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(2, count, generator=generator, dtype=torch.float64)
    angle, rate = math.pi / 6 * (2 * draw[0] - 1), 2 * draw[1] - 1
    angles = []
    for _ in range(length):
        angles.append(angle)
        rate = rate - GAP * PULL * angle.sin()
        angle = angle + GAP * rate
    return torch.stack(angles, 1)


def published_model(law: Model, seed: int) -> PixelModel:
    """Return the published model of pictures, with weights drawn from PyTorch's own generator."""
    model = PixelModel(law, 784, ROLLOUT, 200, seed)
    torch.manual_seed(seed)
    for stack in (model.encoder, model.decoder):
        for layer in stack.layers:
            layer.reset_parameters()
        for layer in stack.layers:
            nn.init.orthogonal_(layer.weight)
    return model


def symplectic(law: Model, z: Tensor, steps: int) -> Tensor:
    """Drift, then kick where that led: the step that made the pictures, ``(steps, B, 2)``."""
    path = [z]
    for _ in range(steps - 1):
        q, p = path[-1].split(1, dim=1)
        q = q + law.field(path[-1])[:, :1]
        p = p + law.field(torch.cat([q, p], dim=1))[:, 1:]
        path.append(torch.cat([q, p], dim=1))
    return torch.stack(path)


def trained(law: Model, seed: int, steps: int = STEPS) -> dict[str, float]:
    """Train by the published recipe; return how large the swing is at the end of a rollout.

    The energy is the true one, of the angle and its change that a straight line reads off the
    latent numbers; its drift compares the means of the last and of the first third.
    """
    angles = swings(seed)
    frames = pendulum_frames(angles).float().flatten(2)
    seen = torch.cat([frames[:, 1:], frames.diff(dim=1)], dim=-1)
    now, later = seen[:, :-1], seen[:, 1:]
    model = published_model(law, seed)
    batch = {"now": now[TESTS:].flatten(0, 1), "later": later[TESTS:].flatten(0, 1)}
    start = time.perf_counter()
    fit(
        model,
        batch,
        Adam(steps, batch_size=200, learning_rate=1e-3, weight_decay=1e-5),
        residual=PixelModel.residual,
        progress=False,
        seed=seed,
    )
    spent = time.perf_counter() - start
    with torch.no_grad():
        z, after = model.encoder(now[:TESTS]), model.encoder(later[:TESTS])
        missed = (after - z - law.field(z)).square().mean() / (after - z).square().mean()
        lost = (model.decoder(z) - now[:TESTS]).square().mean().item()
        centre = z.mean((0, 1))[0]
        true = torch.stack([angles[:TESTS, 1:-1], angles[:TESTS].diff(dim=1)[:, 1:]], dim=-1)
        ones = torch.ones_like(z[..., :1])
        line = torch.linalg.lstsq(
            torch.cat([z, ones], -1).flatten(0, 1).double(), true.flatten(0, 1)
        ).solution

        def energy(z: Tensor) -> Tensor:
            angle, change = (z.double() @ line[:2] + line[2]).unbind(-1)
            return change.square() / 2 + PULL * GAP**2 * (1 - angle.cos())

        times = torch.arange(ROLLOUT, dtype=torch.float32)
        paths = {
            rule: integrate(law.field, z[:, 0], times, rule, step=1.0) for rule in ("rk4", "euler")
        } | {"symplectic": symplectic(law, z[:, 0], ROLLOUT)}
        figures = {}
        third = ROLLOUT // 3
        for rule, path in paths.items():
            swing = (path[..., 0] - centre).square()
            ratio = swing[-third:].mean(0) / swing[:third].mean(0)
            shown = model.decoder(path[-1]) - now[:TESTS, ROLLOUT - 1]
            drift = energy(path[-third:]).mean(0) / energy(path[:third]).mean(0) - 1
            figures |= {
                f"swing kept by {rule}": ratio.sqrt().median().item(),
                f"pixel error by {rule}": shown.square().mean(1).median().item(),
                f"energy drift by {rule}": drift.abs().median().item(),
            }
    return figures | {"law missed": missed.item(), "reconstruction": lost, "seconds": spent}


def published(kind: type[Model], seed: int, steps: int = STEPS) -> dict[str, float]:
    """Return the figures of a law of the published size."""
    return trained(kind(1, (200, 200), seed=seed, dtype=torch.float32), seed, steps)


def shrunk() -> float:
    """Return the part of a swing that exact motion by the forward differences keeps."""
    # The mean of the first and of the last third are so many frames apart.
    apart = ROLLOUT - ROLLOUT // 3
    return math.exp(-PULL * GAP**2 / 2 * apart)


@row
def pixels_mlp(repeats: int) -> list[Row]:
    """The published baseline, a plain network for the change of two latent numbers; five seeds.

    It is trained for a fifth of the published steps, on pictures of our camera.
    """
    runs = [published(MLP, seed) for seed in SEEDS]
    figures = medians(runs)
    return [
        make_row(
            "pixels_mlp",
            {"swing kept by rk4": figures["swing kept by rk4"], "predicted": shrunk()},
            figures,
            [run["swing kept by euler"] / run["swing kept by rk4"] for run in runs],
            "the rule of the training keeps more of the swing than RK4 does",
            lambda ratio: ratio > 1,
            runs=runs,
            seeds=list(SEEDS),
            command="python benchmarks/run.py --row pixels_mlp",
            steps=STEPS,
            published_steps=PUBLISHED_STEPS,
            seconds=statistics.mean(run["seconds"] for run in runs),
        )
    ]


def away(record: Mapping[str, float], rule: str) -> float:
    """Return how far a swing is from being kept, as a logarithm."""
    return abs(math.log(record[f"swing kept by {rule}"]))


@row
def pixels_hnn(repeats: int) -> list[Row]:
    """The published HNN of two latent numbers, as ``pixels_mlp`` has the baseline; three seeds."""
    seeds = SEEDS[:3]
    runs = [published(HNN, seed) for seed in seeds]
    return [
        make_row(
            "pixels_hnn",
            {"swing kept by euler": 1 / shrunk()},
            medians(runs),
            [away(run, "euler") / away(run, "rk4") for run in runs],
            "RK4 keeps more of the swing than the rule of the training does",
            lambda ratio: ratio > 1,
            runs=runs,
            seeds=list(seeds),
            command="python benchmarks/run.py --row pixels_hnn",
            steps=STEPS,
            published_steps=PUBLISHED_STEPS,
            seconds=statistics.mean(run["seconds"] for run in runs),
        )
    ]


@row
def pixels_all_steps(repeats: int) -> list[Row]:
    """The same HNN, by all the published steps; one seed."""
    run = published(HNN, SEEDS[0], PUBLISHED_STEPS)
    return [
        make_row(
            "pixels_all_steps",
            {"swing kept by euler": 1 / shrunk()},
            run,
            [away(run, "euler") / away(run, "rk4")],
            "RK4 keeps more of the swing than the rule of the training does",
            lambda ratio: ratio > 1,
            runs=[run],
            seeds=[SEEDS[0]],
            command="python benchmarks/run.py --row pixels_all_steps",
            steps=PUBLISHED_STEPS,
            seconds=run["seconds"],
        )
    ]


STEP = 0.08
CODES = 24
WEIGHTS = (0.1, 1.0, 10.0)
"""Of the law beside the pictures, in mean squares and for one step, as the published losses are."""


class Unpinned(LatentCoordinate):
    """A coordinate that nothing pins, so that its unit is free."""

    def coordinate(self, codes: Tensor) -> Tensor:
        """Return the number of pictures, ``(..., k) -> (..., 1)``."""
        return self.encoder(codes)


class Joint(nn.Module):
    """A coordinate, its law and a decoder of the codes, trained together."""

    def __init__(self, coder: LatentCoordinate, weight: float, seed: int) -> None:
        super().__init__()
        self.coder, self.activation = coder, coder.activation
        self.decoder = DenseNetwork((1, 16, CODES), seed=seed)
        # Sums of squares weigh 24 codes and 2 numbers of a law whose rates are per second.
        self.weight = weight * CODES / 2 * STEP**2

    def residual(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return what is given back minus what was given, and by how much the law is missed."""
        back = self.decoder(self.coder.coordinate(batch["now"])) - batch["now"]
        return torch.cat([back, self.weight**0.5 * self.coder.residual(batch)], dim=1)


def filmed(seed: int) -> Tensor:
    """Return the films of the chapter: 30 swings from rest, 30 pictures each."""
    generator = torch.Generator().manual_seed(seed)
    angle = 0.2 + 1.8 * torch.rand(30, generator=generator, dtype=torch.float64)
    start = torch.stack([angle, 0 * angle], dim=-1)
    times = STEP * torch.arange(30, dtype=torch.float64)
    motion = Pendulum(1.0, 1.0, 9.81).solution(start, times).transpose(0, 1)
    return pendulum_frames(motion[..., 0])


def unexplained(kind: type[LatentCoordinate], weight: float | None, seed: int) -> dict[str, float]:
    """Return the share of the learned number that no line in the angle gives, and the cost.

    Args:
        kind: pinned or not.
        weight: of the law; None trains it alone, without a decoder.
        seed: of the films and of the weights.
    """
    eyes = principal_components(filmed(100), CODES)
    codes = eyes.encode(filmed(seed))
    runs = {name: part[::4] for name, part in consecutive(codes).items()}
    coder = kind(farthest_pair(codes), UnitMassHNN(1, (12,), seed=seed), STEP, seed=seed)
    model: Any = coder if weight is None else Joint(coder, weight, seed)
    start = time.perf_counter()
    way = LevenbergMarquardt(steps=40)
    fit(model, runs, way, residual=type(model).residual, progress=False)
    spent = time.perf_counter() - start
    grid = torch.linspace(-1.9, 1.9, 381, dtype=torch.float64)
    with torch.no_grad():
        z = coder.coordinate(eyes.encode(pendulum_frames(grid)))[:, 0]
    tied = torch.corrcoef(torch.stack([grid, z]))[0, 1]
    return {
        "unexplained": 1 - tied.square().item(),
        "span": (z.max() - z.min()).item(),
        "turns": float((z.diff()[1:] * z.diff()[:-1] < 0).sum()),
        "seconds": spent,
    }


@row
def pixels_joint(repeats: int) -> list[Row]:
    """Law and autoencoder trained together, pinned or not, beside the law alone; three seeds."""
    seeds = SEEDS[:3]
    alone = [unexplained(LatentCoordinate, None, seed) for seed in seeds]
    rows = []
    for kind, name in ((LatentCoordinate, "pinned"), (Unpinned, "free")):
        for weight in WEIGHTS:
            runs = [unexplained(kind, weight, seed) for seed in seeds]
            rows.append(
                make_row(
                    f"pixels_joint: {name}, weight {weight:g}",
                    medians(runs),
                    medians(alone),
                    [b["unexplained"] / a["unexplained"] for a, b in zip(alone, runs, strict=True)],
                    "> 1: the law alone is nearer to the angle",
                    lambda ratio: ratio > 1,
                    runs=[{"reference": b, "ours": a} for a, b in zip(alone, runs, strict=True)],
                    seeds=list(seeds),
                    command="python benchmarks/run.py --row pixels_joint",
                )
            )
    return rows
