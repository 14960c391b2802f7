"""Rows about dreamed motion: an HGN and a latent acceleration of equal size, over five seeds."""

import math
import time
from collections.abc import Mapping

import torch
from harness import Row, make_row, medians, row
from torch import Tensor

from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import (
    HGN,
    DenseNetwork,
    LatentODE,
    MotionVAE,
    clip_windows,
    negative_elbo,
    parameter_count,
)
from hnn_tutorial.pixels import PrincipalComponents, pendulum_frames, principal_components
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import Adam, SampleLoss, fit

SEEDS = range(5)
RATES = (4e-3, 8e-3, 1.6e-2)
LESSONS = ((5, 400), (10, 400), (20, 800))
"""Pictures in a window, and steps of Adam on it: the last with a rate that falls to zero."""
PENDULUM = Pendulum(1.0, 1.0, 9.81)
DT = 0.1
NOISE = 0.05
SCORES = ("30 pictures", "backwards", "double speed", "quarter speed", "at 40 s", "swing")

PULL = 4.0
"""G m of one of two equal masses, in m³/s²."""
BODIES = 24
"""Principal components for two bodies, which move in a plane."""
LATE = 150


def swings(count: int, frames: int, seed: int, dt: float = DT) -> Tensor:
    """Return motions that swing and do not turn over, ``(count, frames, 2)``."""
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn(2 * count, 2, generator=generator, dtype=torch.float64)
    x = draw * torch.tensor([0.6, 1.8], dtype=torch.float64)
    x = x[PENDULUM.hamiltonian(x) < 13][:count]
    return PENDULUM.solution(x, dt * torch.arange(frames, dtype=torch.float64)).transpose(0, 1)


def film(motion: Tensor, noise: float = 0.0, seed: int = 0) -> Tensor:
    """Return pictures of motions, with noise on every pixel."""
    frames = pendulum_frames(motion[..., 0].float())
    generator = torch.Generator().manual_seed(seed)
    return frames + noise * torch.randn(frames.shape, generator=generator)


def trained(model: MotionVAE, codes: Tensor, rate: float, seed: int) -> float:
    """Train by lessons of longer and longer windows; return the seconds it took."""
    start = time.perf_counter()
    for frames, steps in LESSONS:
        schedule = "cosine" if frames == LESSONS[-1][0] else "constant"
        adam = Adam(steps, rate, batch_size=64, schedule=schedule)
        data = clip_windows(codes, frames, seed, degrees=model.degrees)
        fit(model, data, adam, residual=SampleLoss(negative_elbo), progress=False, seed=seed)
    return time.perf_counter() - start


@torch.no_grad()
def scores(model: MotionVAE, eyes: PrincipalComponents, seed: int) -> dict[str, float]:
    """Return errors on 100 fresh clips: mean squares of pixels, the median of the clips.

    ``swing`` is how far the swing of the last ten seconds of 40 is from what it should be, as a
    share, the worst of the clips.
    """
    truth = swings(100, 400, seed)
    codes = eyes.encode(film(truth[:, :45], NOISE, seed + 1))

    def error(path: Tensor, motion: Tensor) -> Tensor:
        told = eyes.decode(model.decode(path))
        return (told - film(motion).flatten(-2)).square().mean(2)

    x = model.state(model.posterior(codes)[0])
    path = model.rollout(x, 399)
    later = model.state(model.posterior(codes[:, 40:])[0])
    quarter = swings(100, 80, seed, DT / 4)
    found = {
        "30 pictures": error(path[:, :30], truth[:, :30]).mean(1),
        "backwards": error(model.rollout(later, 40, -DT), truth[:, :41].flip(1)).mean(1),
        "double speed": error(model.rollout(x, 20, 2 * DT), truth[:, :41:2]).mean(1),
        "quarter speed": error(model.rollout(x, 79, DT / 4), quarter).mean(1),
        "at 40 s": error(path[:, -10:], truth[:, -10:]).mean(1),
    }
    q, angle = path[..., 0].double(), truth[..., 0]
    swing = [q[:, part].std(1) / angle[:, part].std(1) for part in (slice(100), slice(-100, None))]
    return {name: value.median().item() for name, value in found.items()} | {
        "swing": (swing[1] / swing[0] - 1).abs().max().item()
    }


def run(
    kind: type[MotionVAE], seed: int, rate: float, codes: Tensor, eyes: PrincipalComponents
) -> dict[str, float]:
    """Return the scores of one training, its loss on fresh clips and its cost."""
    model = kind(codes.shape[-1], seed=seed, dtype=torch.float32)
    spent = trained(model, codes, rate, seed)
    fresh = eyes.encode(film(swings(100, 20, 900 + seed), NOISE, seed))
    with torch.no_grad():
        loss = negative_elbo(model, clip_windows(fresh, 20, seed)).mean().item()
    return {
        **scores(model, eyes, 500 + seed),
        "loss": loss,
        "seconds": spent,
        "weights": float(parameter_count(model)),
    }


@row
def dreamed_motion(repeats: int) -> list[Row]:
    """An HGN and its rival on 200 clips of 40 noisy pictures, over five seeds.

    Each takes the one of three rates whose loss on fresh clips is the smallest for the first seed.
    """
    clips = {}
    for seed in SEEDS:
        frames = film(swings(200, 40, seed), NOISE, seed)
        eyes = principal_components(frames[:, ::4], 16)
        clips[seed] = eyes.encode(frames), eyes
    rates, records = {}, {}
    for kind in (HGN, LatentODE):
        first = {rate: run(kind, SEEDS[0], rate, *clips[SEEDS[0]]) for rate in RATES}
        rates[kind] = min(first, key=lambda rate: first[rate]["loss"])
        records[kind] = [first[rates[kind]]] + [
            run(kind, seed, rates[kind], *clips[seed]) for seed in SEEDS[1:]
        ]
    ours, rival = records[HGN], records[LatentODE]
    return [
        make_row(
            f"dreamed_motion: {score}",
            medians(rival)[score],
            medians(ours)[score],
            [b[score] / a[score] for a, b in zip(ours, rival, strict=True)],
            "> 1",
            lambda ratio: ratio > 1,
            command="python benchmarks/run.py --row dreamed_motion",
            training={"reference": medians(rival)["seconds"], "ours": medians(ours)["seconds"]},
            runs=[
                {"reference": b[score], "ours": a[score]} for a, b in zip(ours, rival, strict=True)
            ],
            rates={"reference": rates[LatentODE], "ours": rates[HGN]},
            weights={"reference": rival[0]["weights"], "ours": ours[0]["weights"]},
            losses={"reference": medians(rival)["loss"], "ours": medians(ours)["loss"]},
        )
        for score in SCORES
    ]


def orbits(count: int, frames: int, seed: int) -> Tensor:
    """Return motions of the first of two equal bodies about their centre, ``(count, frames, 4)``.

    The other is opposite. Distances from the centre are 0.5 to 1 at the start, speeds within a
    tenth of those of a circle.
    """
    generator = torch.Generator().manual_seed(seed)
    draw = torch.rand(4, count, generator=generator, dtype=torch.float64)
    radius, angle = 0.5 + 0.5 * draw[0], 2 * math.pi * draw[1]
    speed = (PULL / 4 / radius).sqrt() * (0.9 + 0.2 * draw[2]) * (1 - 2 * draw[3].round())
    out = torch.stack([angle.cos(), angle.sin()], dim=-1)
    along = torch.stack([-angle.sin(), angle.cos()], dim=-1)
    start = torch.cat([radius[:, None] * out, speed[:, None] * along], dim=-1)

    def field(x: Tensor) -> Tensor:
        q, v = x.chunk(2, dim=-1)
        return torch.cat([v, -PULL / 4 * q / q.norm(dim=-1, keepdim=True) ** 3], dim=-1)

    times = DT * torch.arange(frames, dtype=torch.float64)
    return integrate(field, start, times, "rk4", step=DT / 10).transpose(0, 1)


def film_bodies(motion: Tensor, noise: float = 0.0, seed: int = 0) -> Tensor:
    """Return pictures of two discs of different size, 28 × 28, with noise on every pixel."""
    side = 1.4 * (2 * (torch.arange(56) + 0.5) / 56 - 1)
    y, x = torch.meshgrid(-side, side, indexing="ij")

    def discs(q: Tensor) -> Tensor:
        grey = torch.zeros(())
        for sign, radius in ((1, 0.3), (-1, 0.2)):
            across, up = x - sign * q[:, 0, None, None], y - sign * q[:, 1, None, None]
            grey = grey + torch.sigmoid((radius - torch.hypot(across, up)) / 0.04)
        return grey.unflatten(-2, (28, 2)).unflatten(-1, (28, 2)).mean((-3, -1))

    frames = torch.stack([discs(q) for q in motion[..., :2].float()])
    generator = torch.Generator().manual_seed(seed)
    return frames + noise * torch.randn(frames.shape, generator=generator)


@torch.no_grad()
def missed(model: MotionVAE, eyes: PrincipalComponents, seed: int) -> dict[str, float]:
    """Return the shares of the variance of 100 fresh films that a model misses.

    ``q unexplained`` is the share of its positions that no affine function of the true ones gives.
    """
    truth = orbits(100, LATE, seed)
    clean = film_bodies(truth).flatten(-2)
    posterior = model.posterior(eyes.encode(film_bodies(truth[:, :5], NOISE, seed + 1)))
    path = model.rollout(model.state(posterior[0]), LATE - 1)
    error = (eyes.decode(model.decode(path)) - clean).square().mean((0, 2))
    error = error / clean.var((0, 1)).mean()
    q = path[:, :30, : model.degrees].double().flatten(0, 1)
    true = truth[:, :30, :2].flatten(0, 1)
    known = torch.cat([true, torch.ones_like(true[:, :1])], dim=-1)
    rest = q - known @ torch.linalg.lstsq(known, q).solution
    return {
        "first picture": error[0].item(),
        "30 pictures": error[:30].mean().item(),
        "at 15 s": error[-10:].mean().item(),
        "q unexplained": (rest.square().sum() / (q - q.mean(0)).square().sum()).item(),
        "nats told": model.divergence(*posterior).mean().item(),
    }


def bodies_run(
    kind: type[MotionVAE],
    degrees: int,
    seed: int,
    rate: float,
    codes: Tensor,
    eyes: PrincipalComponents,
) -> dict[str, float]:
    """Return what one training misses, its loss on fresh clips and its cost."""
    model = kind(codes.shape[-1], dt=DT, degrees=degrees, seed=seed, dtype=torch.float32)
    spent = trained(model, codes, rate, seed)
    fresh = eyes.encode(film_bodies(orbits(20, 40, 900 + seed), NOISE, seed))
    with torch.no_grad():
        clips = clip_windows(fresh, 20, seed, degrees=degrees)
        loss = negative_elbo(model, clips).mean().item()
    return {
        **missed(model, eyes, 500 + seed),
        "loss": loss,
        "seconds": spent,
        "weights": float(parameter_count(model)),
    }


def told_positions(codes: Tensor, motion: Tensor, eyes: PrincipalComponents, seed: int) -> float:
    """Return what a decoder of the same size misses that is trained on the true positions."""
    shape = (2, 32, 32, codes.shape[-1])
    decoder = DenseNetwork(shape, seed=seed, dtype=torch.float32)

    def residual(decoder: DenseNetwork, batch: Mapping[str, Tensor]) -> Tensor:
        return decoder(batch["q"]) - batch["codes"]

    batch = {"q": motion[..., :2].float().flatten(0, 1), "codes": codes.flatten(0, 1)}
    adam = Adam(1600, RATES[1], batch_size=64, schedule="cosine")
    fit(decoder, batch, adam, residual=residual, progress=False, seed=seed)
    truth = orbits(100, 30, 500 + seed)
    clean = film_bodies(truth).flatten(-2)
    with torch.no_grad():
        told = eyes.decode(decoder(truth[..., :2].float()))
    return ((told - clean).square().mean() / clean.var((0, 1)).mean()).item()


@row
def dreamed_bodies(repeats: int) -> list[Row]:
    """An HGN and its rival on films of two bodies, with two positions each; three seeds.

    All as in ``dreamed_motion`` but for 24 codes, two rates that are tried, and three seeds. Beside
    them stand an HGN with one position, and a decoder that is told the true positions.
    """
    seeds = SEEDS[:3]
    worlds = {}
    for seed in seeds:
        motion = orbits(200, 40, seed)
        frames = film_bodies(motion, NOISE, seed)
        eyes = principal_components(frames[:, ::4], BODIES)
        worlds[seed] = eyes.encode(frames), eyes, motion
    rates, records = {}, {}
    for kind in (HGN, LatentODE):
        first = {rate: bodies_run(kind, 2, 0, rate, *worlds[0][:2]) for rate in RATES[:2]}
        rates[kind] = min(first, key=lambda rate: first[rate]["loss"])
        records[kind] = [first[rates[kind]]] + [
            bodies_run(kind, 2, seed, rates[kind], *worlds[seed][:2]) for seed in seeds[1:]
        ]
    ours, rival = records[HGN], records[LatentODE]
    one = [bodies_run(HGN, 1, seed, rates[HGN], *worlds[seed][:2]) for seed in seeds]
    told = [told_positions(worlds[s][0], worlds[s][2], worlds[s][1], s) for s in seeds]
    return [
        make_row(
            "dreamed_bodies",
            medians(rival),
            medians(ours),
            [b["30 pictures"] / a["30 pictures"] for a, b in zip(ours, rival, strict=True)],
            "> 1",
            lambda ratio: ratio > 1,
            command="python benchmarks/run.py --row dreamed_bodies",
            runs=[
                {"reference": b, "ours": a, "one position": c, "told positions": d}
                for a, b, c, d in zip(ours, rival, one, told, strict=True)
            ],
            rates={"reference": rates[LatentODE], "ours": rates[HGN]},
            seeds=list(seeds),
        )
    ]
