"""A pendulum seen by a camera: Greydanus et al. 2019, task 5.

A film is 103 pictures of a rod that starts near hanging, 0.05 s apart. A model is given a picture
and its change since the one before, and goes on from there for 100 pictures. It is asked twice:
by RK4, which follows the learned field as it is, and by the rule that it was trained for.

The data of the task are the motions; what learns from them films them first (``filmed``). Angles
are read off the pictures that a model draws (``rod_angle``), so that no score depends on what the
hidden numbers mean.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial.data import Trajectories
from hnn_tutorial.experiments._published import LEARNING_RATE, orthogonal
from hnn_tutorial.experiments._recipe import Job, Recipe, TaskData
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import Field
from hnn_tutorial.models import LatentCoordinate, LatentMotion, Model
from hnn_tutorial.pixels import (
    PrincipalComponents,
    consecutive,
    cosine_decoder,
    farthest_pair,
    pendulum_frames,
    principal_components,
)
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import Adam, LevenbergMarquardt

SIZE = 28
VIEW = 1.2


def filmed(angles: Tensor, size: int = SIZE) -> Tensor:
    """Return the pictures of angles, flat, ``(...) -> (..., size²)``, a film at a time."""
    films = angles.reshape(-1, angles.shape[-1])
    return torch.stack([pendulum_frames(film, size).flatten(1) for film in films]).reshape(
        *angles.shape, size**2
    )


def rod_angle(pictures: Tensor) -> Tensor:
    r"""Return the angle of the rod in flat pictures, ``(..., size²) -> (...)``.

    .. math:: \theta = \operatorname{atan2}\Big(\sum g x,\ -\sum g y\Big)

    over the pixels at (x, y) with grey values g: the rod hangs from the origin, so its middle lies
    in its direction.

    Args:
        pictures: grey values, the top row first.
    """
    size = math.isqrt(pictures.shape[-1])
    side = (2 * torch.arange(size).to(pictures) + 1) / size - 1
    y, x = (part.flatten() for part in torch.meshgrid(-side, side, indexing="ij"))
    return torch.atan2(pictures @ x, -(pictures @ y))


def swing_kept(angles: Tensor) -> Tensor:
    """Return the swing of the last third over that of the first, ``(T, B) -> (B,)``."""
    third = len(angles) // 3
    return (angles[-third:].square().mean(0) / angles[:third].square().mean(0)).sqrt()


@dataclass(frozen=True)
class FilmedPendulum:
    """Learn the motion of a rod from films, and draw what comes after two pictures.

    Attributes:
        name: of the task.
        films: how many there are, held-out ones included.
        held_out: films that are scored.
        pictures: in a film.
        gap: time between two, in s.
        ahead: pictures that are drawn.
        true: the pendulum, whose q̈ = −15 sin q is that of a rod of 1 m under 10 m/s².
        velocities: see ``Task``.
    """

    name: str = "pixel-pendulum"
    films: int = 200
    held_out: int = 40
    pictures: int = 103
    gap: float = 0.05
    ahead: int = 100
    true: Pendulum = Pendulum(1.0, 1.0, 15.0)  # noqa: RUF009 (frozen)
    velocities: bool = False

    asks = "draw"

    @property
    def system(self) -> str:
        """The name of the system."""
        return self.true.name

    def data(self, seed: int, *, velocities: bool) -> TaskData:
        """Return the motions of a seed, ``[q, p]``; see ``Task``.

        They are steps of the symplectic Euler method, as the published simulator takes them.
        """
        generator = torch.Generator().manual_seed(seed)
        draw = torch.rand(2, self.films, generator=generator, dtype=torch.float64)
        start = torch.stack([math.pi / 6 * (2 * draw[0] - 1), 2 * draw[1] - 1], dim=-1)
        times = self.gap * torch.arange(self.pictures, dtype=torch.float64)
        states = integrate(self.true.field, start, times, "symplectic_euler", step=self.gap)
        seen, kept = states[:, self.held_out :], states[:, : self.held_out]
        observed = Trajectories(times, seen)
        return TaskData(observed.dataset(), Trajectories(times, kept).dataset(), observed)

    def scores(self, learned: Field, data: TaskData, *, velocities: bool) -> dict[str, float]:
        """Return the scores of the pictures that are drawn; see ``Task``. Medians of the films.

        - ``swing_rk4``, ``swing_own``: part of the swing that is left, by RK4 and by the rule of
          the training; 1 is right.
        - ``pixel_mse_rk4``, ``pixel_mse_own``: of the last picture.
        """
        angles = data.test.states[:, 0].unflatten(0, (-1, self.held_out))
        true = filmed(angles[: self.ahead + 1].mT).transpose(0, 1)
        drawn = learned(true[:2])
        scores = {}
        for rule, film in zip(("rk4", "own"), drawn, strict=True):
            kept = swing_kept(rod_angle(film)) / swing_kept(rod_angle(true[1 : len(film) + 1]))
            miss = (film[-1] - true[len(film)]).square().mean(-1)
            scores[f"swing_{rule}"] = _number(kept)
            scores[f"pixel_mse_{rule}"] = _number(miss)
        return scores


def _number(values: Tensor) -> float:
    return values.nan_to_num(nan=torch.inf).median().item()


class Stack(nn.Module):
    """Four layers of rectifiers, the middle two added to what they were given.

    Args:
        inputs: numbers in.
        outputs: numbers out.
        width: of the three hidden layers.
        generator: draws orthogonal weights, and biases as ``nn.Linear`` does.
    """

    def __init__(
        self, inputs: int, outputs: int, width: int, generator: torch.Generator, dtype: torch.dtype
    ) -> None:
        super().__init__()
        sizes = ((inputs, width), (width, width), (width, width), (width, outputs))
        self.layers = nn.ModuleList(nn.Linear(*size, dtype=dtype) for size in sizes)
        orthogonal(self, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, ``(..., inputs) -> (..., outputs)``."""
        first, second, third, last = self.layers
        x = torch.relu(first(x))
        x = x + torch.relu(second(x))
        x = x + torch.relu(third(x))
        value: Tensor = last(x)
        return value


class PixelModel(nn.Module):
    """An autoencoder of a picture and its change, and a law of the two numbers between.

    Args:
        law: their change in one step, as a field.
        pixels: of a picture.
        ahead: pictures to draw.
        width: of the hidden layers of encoder and decoder.
        seed: draws their weights.

    References:
        Greydanus, Dzamba & Yosinski 2019.
    """

    def __init__(self, law: Model, pixels: int, ahead: int, width: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        dtype = next(law.parameters()).dtype
        self.encoder = Stack(2 * pixels, 2, width, generator, dtype)
        self.decoder = Stack(2, 2 * pixels, width, generator, dtype)
        self.law = law
        self.pixels, self.ahead = pixels, ahead

    def residual(self, batch: Mapping[str, Tensor], weight: float = 0.1) -> Tensor:
        """Return the three published losses, as one sum of squares with their weights.

        Args:
            batch: pictures with their changes, ``now`` and a step ``later``, ``(B, 2 pixels)``.
            weight: of the law; 1 belongs to the pixels.
        """
        now, later = batch["now"], batch["later"]
        z, after = self.encoder(now), self.encoder(later)
        seen = self.decoder(z) - now
        law = after - z - self.law.field(z)
        canonical = z[:, 1:] - (after - z)[:, :1]
        pixels = now.shape[1]
        return torch.cat([seen, pixels**0.5 * canonical, (weight * pixels / 2) ** 0.5 * law], dim=1)

    @torch.no_grad()
    def draw(self, two: Tensor) -> Tensor:
        """Return the pictures from the second of two on, by RK4 and by the Euler method.

        Args:
            two: pictures, ``(2, B, pixels)``.

        Returns:
            ``(2, ahead, B, pixels)``.
        """
        z = self.encoder(torch.cat([two[1], two[1] - two[0]], dim=-1))
        steps = torch.arange(self.ahead, dtype=z.dtype)  # times stay on the CPU
        paths = [integrate(self.law.field, z, steps, rule, step=1.0) for rule in ("rk4", "euler")]
        drawn: Tensor = self.decoder(torch.stack(paths))[..., : self.pixels]
        return drawn


@dataclass(frozen=True)
class TrainOnPixels:
    """Film the motions, and train autoencoder and law together.

    Attributes:
        ahead: pictures to draw.
        width: of the hidden layers of the autoencoder.
    """

    ahead: int = FilmedPendulum.ahead
    width: int = 200

    def __call__(self, job: Job) -> PixelModel:
        """Train, and return what draws."""
        pictures = filmed(job.data.observed.states[..., 0].mT)
        seen = torch.cat([pictures[:, 1:], pictures.diff(dim=1)], dim=-1)
        model = PixelModel(job.model, pictures.shape[-1], self.ahead, self.width, job.seed)
        batch = {"now": seen[:, :-1].flatten(0, 1), "later": seen[:, 1:].flatten(0, 1)}
        job.fit(batch, model=model.to(pictures.device), residual=PixelModel.residual)
        return model


@dataclass(frozen=True)
class Watcher:
    """A learned coordinate of codes, and what draws pictures of it.

    Attributes:
        motion: the coordinate and its law.
        eyes: codes of pictures.
        decoder: pictures of the coordinate.
        ahead: pictures to draw.
    """

    motion: LatentMotion
    eyes: PrincipalComponents
    decoder: Any
    ahead: int

    @torch.no_grad()
    def draw(self, two: Tensor) -> Tensor:
        """Return the pictures from the second of two on, by RK4 and by the midpoint rule."""
        codes = self.eyes.encode(two.unflatten(-1, (SIZE, SIZE)))
        start, h = self.motion.states(codes[0], codes[1]), self.motion.step
        times = h * torch.arange(self.ahead, dtype=start.dtype)
        paths = [
            integrate(self.motion.law.field, start, times, rule, step=h)
            for rule in ("rk4", "implicit_midpoint")
        ]
        q = self.motion.coordinates(torch.stack(paths))  # type: ignore[operator]
        return self.decoder.decode(q).flatten(-2)


@dataclass(frozen=True)
class TrainOnLaw:
    """Film the motions, and ask one number of a picture for a law; a decoder comes afterwards.

    Attributes:
        ahead: pictures to draw.
        codes: principal components.
        runs: of three pictures, to learn from.
    """

    ahead: int = FilmedPendulum.ahead
    codes: int = 24
    runs: int = 800

    def __call__(self, job: Job) -> Watcher:
        """Train, and return what draws."""
        motions = job.data.observed
        frames = filmed(motions.states[..., 0].mT).unflatten(-1, (SIZE, SIZE))
        few = frames[:, :: max(1, frames.shape[1] // 15)]
        eyes = principal_components(few, self.codes)
        codes = eyes.encode(frames)
        batch = consecutive(codes)
        every = max(1, len(batch["now"]) // self.runs)
        batch = {name: part[::every] for name, part in batch.items()}
        step = float(motions.times.diff().mean())
        coder = LatentCoordinate(farthest_pair(codes[:, ::10]), job.model, step, seed=job.seed)
        coder = coder.to(frames.device)
        job.fit(batch, model=coder, residual=LatentMotion.residual)
        with torch.no_grad():
            q = coder.coordinate(eyes.encode(few))[..., 0]
        return Watcher(coder, eyes, cosine_decoder(q, few, 32), self.ahead)


TASK = FilmedPendulum()

REFERENCE = Recipe(
    name="pixel-pendulum-reference",
    title="pendulum in pictures, as published: autoencoder, 200 × 200 tanh, 10,000 steps of Adam",
    task=TASK,
    degrees=1,
    models={kind: {"hidden": (200, 200)} for kind in ("hnn", "mlp")},
    optimizers={
        "adam": Adam(10_000, batch_size=200, learning_rate=LEARNING_RATE, weight_decay=1e-5)
    },
    train=TrainOnPixels(),
    dtype=torch.float32,
    initialize=orthogonal,
    source="Greydanus et al. 2019",
)

OURS = Recipe(
    name="pixel-pendulum-ours",
    title="pendulum in pictures: one number that obeys a law, without a decoder in training",
    task=TASK,
    degrees=1,
    models={
        "unit_mass_hnn": {"hidden": (12,)},
        "second_order_mlp": {"hidden": (9,)},
        "mlp": {"hidden": (7,)},
    },
    optimizers={"levenberg_marquardt": LevenbergMarquardt(steps=40)},
    train=TrainOnLaw(),
)
