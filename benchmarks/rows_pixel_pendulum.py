"""Rows about a pendulum seen by a camera: the published setting, followed by two rules."""

import math
import statistics
import time
from collections.abc import Mapping

import torch
from harness import Row, make_row, medians, row
from torch import Tensor, nn

from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import MLP, Model
from hnn_tutorial.pixels import pendulum_frames
from hnn_tutorial.training import Adam, fit

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


class Stack(nn.Module):
    """Four layers of rectifiers, the middle two added to what they were given."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        sizes = ((inputs, 200), (200, 200), (200, 200), (200, outputs))
        self.layers = nn.ModuleList(nn.Linear(*size) for size in sizes)
        for layer in self.layers:
            nn.init.orthogonal_(layer.get_parameter("weight"))

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, ``(B, inputs) -> (B, outputs)``."""
        first, second, third, last = self.layers
        x = torch.relu(first(x))
        x = x + torch.relu(second(x))
        x = x + torch.relu(third(x))
        return last(x)


class PixelModel(nn.Module):
    """An autoencoder of a frame and its change, and a law of the two numbers between."""

    def __init__(self, law: Model) -> None:
        super().__init__()
        self.encoder, self.decoder, self.law = Stack(2 * 784, 2), Stack(2, 2 * 784), law

    def residual(self, batch: Mapping[str, Tensor]) -> Tensor:
        """The three published losses, as one sum of squares with the same weights."""
        now, later = batch["now"], batch["later"]
        z, after = self.encoder(now), self.encoder(later)
        seen = self.decoder(z) - now
        law = after - z - self.law.field(z)
        canonical = z[:, 1:] - (after - z)[:, :1]
        pixels = now.shape[1]
        return torch.cat([seen, pixels**0.5 * canonical, (0.1 * pixels / 2) ** 0.5 * law], dim=1)


def trained(law: Model, seed: int) -> dict[str, float]:
    """Train by the published recipe; return how large the swing is at the end of a rollout."""
    torch.manual_seed(seed)
    frames = pendulum_frames(swings(seed)).float().flatten(2)
    seen = torch.cat([frames[:, 1:], frames.diff(dim=1)], dim=-1)
    now, later = seen[:, :-1], seen[:, 1:]
    model = PixelModel(law)
    batch = {"now": now[TESTS:].flatten(0, 1), "later": later[TESTS:].flatten(0, 1)}
    start = time.perf_counter()
    fit(
        model,
        batch,
        Adam(STEPS, batch_size=200, learning_rate=1e-3, weight_decay=1e-5),
        residual=PixelModel.residual,
        progress=False,
        seed=seed,
    )
    spent = time.perf_counter() - start
    with torch.no_grad():
        z = model.encoder(now[:TESTS, 0])
        centre = model.encoder(now[:TESTS]).mean((0, 1))[0]
        steps = torch.arange(ROLLOUT, dtype=torch.float32)
        paths = {rule: integrate(law.field, z, steps, rule, step=1.0) for rule in ("rk4", "euler")}
        kept, error = {}, {}
        third = ROLLOUT // 3
        for rule, path in paths.items():
            swing = (path[..., 0] - centre).square()
            ratio = swing[-third:].mean(0) / swing[:third].mean(0)
            kept[rule] = ratio.sqrt().median().item()
            shown = model.decoder(path[-1]) - now[:TESTS, ROLLOUT - 1]
            error[rule] = shown.square().mean(1).median().item()
        lost = (model.decoder(model.encoder(now[:TESTS])) - now[:TESTS]).square().mean().item()
    return {
        "swing kept by rk4": kept["rk4"],
        "swing kept by euler": kept["euler"],
        "pixel error by rk4": error["rk4"],
        "pixel error by euler": error["euler"],
        "reconstruction": lost,
        "seconds": spent,
    }


@row
def pixels_mlp(repeats: int) -> list[Row]:
    """The published baseline, a plain network for the change of two latent numbers; five seeds.

    It is trained for a fifth of the published steps, on pictures of our camera.
    """
    runs = [trained(MLP(1, (200, 200), seed=s, dtype=torch.float32), s) for s in SEEDS]
    figures = medians(runs)
    # The mean of the first and of the last third are so many frames apart.
    apart = ROLLOUT - ROLLOUT // 3
    predicted = math.exp(-PULL * GAP**2 / 2 * apart)
    return [
        make_row(
            "pixels_mlp",
            {"swing kept by rk4": figures["swing kept by rk4"], "predicted": predicted},
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
