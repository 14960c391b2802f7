"""Rows about dreamed motion: an HGN and a latent acceleration of equal size, over five seeds."""

import time

import torch
from harness import Row, make_row, medians, row
from torch import Tensor

from hnn_tutorial.models import (
    HGN,
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
        data = clip_windows(codes, frames, seed)
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
