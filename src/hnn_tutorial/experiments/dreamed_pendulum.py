"""Films of a pendulum, and a network that goes on with them: Toth et al. 2020, on our camera.

The data of the task are the motions; what learns from them films them first, with noise on every
pixel. The published networks are convolutions over 32 × 32 pixels in colour, with whole arrays of
positions, trained to a constraint on the error (GECO); ours are dense, of principal components of
grey pictures, with one position, and the plain bound. ``dreamed-pendulum-reference`` takes the
pendulum, the number of films, and the steps, batches and rate of the published reproduction.

References:
    Toth et al. 2020; Balsells-Rodas, Canal & Taschin 2021.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.data import Trajectories
from hnn_tutorial.experiments._recipe import Job, Recipe, TaskData
from hnn_tutorial.experiments.pixel_pendulum import filmed, rod_angle, swing_kept
from hnn_tutorial.mechanics import Field
from hnn_tutorial.models import MotionVAE, clip_windows, negative_elbo
from hnn_tutorial.pixels import PrincipalComponents, principal_components
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import Adam, SampleLoss


@dataclass(frozen=True)
class DreamedPendulum:
    """Learn from films of swings, and go on with new ones that were seen for five pictures.

    Attributes:
        name: of the task.
        true: the pendulum.
        spread: standard deviations of ``[q, p]`` at the start.
        highest: energy that no motion reaches, in J; below that of the top.
        films: to learn from.
        pictures: in each.
        gap: time between two, in s.
        size: pixels on a side.
        noise: standard deviation, of each pixel.
        fresh: films that are scored.
        ahead: pictures that are drawn of each.
        velocities: see ``Task``.
    """

    name: str = "dreamed-pendulum"
    true: Pendulum = Pendulum(1.0, 1.0, 9.81)  # noqa: RUF009 (frozen)
    spread: tuple[float, float] = (0.6, 1.8)
    highest: float = 13.0
    films: int = 200
    pictures: int = 40
    gap: float = 0.1
    size: int = 28
    noise: float = 0.05
    fresh: int = 100
    ahead: int = 400
    velocities: bool = False

    asks = "draw"
    SEEN = 5

    @property
    def system(self) -> str:
        """The name of the system."""
        return self.true.name

    def motions(self, count: int, pictures: int, seed: int) -> Trajectories:
        """Return motions that swing and do not turn over."""
        generator = torch.Generator().manual_seed(seed)
        spread = torch.tensor(self.spread, dtype=torch.float64)
        start = spread[:0].reshape(0, 2)
        while len(start) < count:
            draw = spread * torch.randn(2 * count, 2, generator=generator, dtype=torch.float64)
            start = torch.cat([start, draw[self.true.hamiltonian(draw) < self.highest]])
        times = self.gap * torch.arange(pictures, dtype=torch.float64)
        return Trajectories(times, self.true.solution(start[:count], times))

    def data(self, seed: int, *, velocities: bool) -> TaskData:
        """Return the motions of a seed; see ``Task``. The test motions are as long as is drawn."""
        observed = self.motions(self.films, self.pictures, seed)
        fresh = self.motions(self.fresh, self.ahead, 1_000_000 + seed)
        return TaskData(observed.dataset(), fresh.dataset(), observed)

    def scores(self, learned: Field, data: TaskData, *, velocities: bool) -> dict[str, float]:
        """Return the scores of the pictures that are drawn; see ``Task``. Medians of the films.

        - ``pixel_mse``: over 30 pictures, clean ones.
        - ``pixel_mse_late``: over the last ten.
        - ``swing``: of the last third over that of the first, as the pictures show it, over the
          same of the truth; ``swing_worst`` is its largest logarithm.
        """
        angles = data.test.states[:, 0].unflatten(0, (-1, self.fresh))
        true = filmed(angles.mT, self.size).transpose(0, 1)
        generator = torch.Generator().manual_seed(self.fresh)
        first = true[: self.SEEN]
        noise = torch.randn(first.shape, generator=generator, dtype=first.dtype)
        drawn = learned(first + self.noise * noise)
        error = (drawn - true).square().mean(-1)
        swing = swing_kept(rod_angle(drawn)) / swing_kept(rod_angle(true))
        return {
            "pixel_mse": _median(error[:30].mean(0)),
            "pixel_mse_late": _median(error[-10:].mean(0)),
            "swing": _median(swing),
            "swing_worst": swing.log().abs().nan_to_num(nan=torch.inf).max().item(),
        }


def _median(values: Tensor) -> float:
    return values.nan_to_num(nan=torch.inf).median().item()


@dataclass(frozen=True)
class Dreamer:
    """A trained model with the components of its pictures.

    Attributes:
        model: the network.
        eyes: codes of pictures.
        size: pixels on a side.
        ahead: pictures to draw.
    """

    model: MotionVAE
    eyes: PrincipalComponents
    size: int
    ahead: int

    @torch.no_grad()
    def draw(self, first: Tensor) -> Tensor:
        """Return the pictures from the first on, ``(5, B, pixels) -> (ahead, B, pixels)``."""
        clip = first.unflatten(-1, (self.size, self.size)).transpose(0, 1)
        start = self.model.state(self.model.posterior(self.eyes.encode(clip))[0])
        path = self.model.rollout(start, self.ahead - 1)
        return self.eyes.decode(self.model.decode(path)).transpose(0, 1)


@dataclass(frozen=True)
class TrainOnFilms:
    """Film the motions, and raise the bound on clips that grow longer.

    Attributes:
        task: what the camera and the noise are.
        lessons: pictures in a clip, and the share of the optimiser's steps on them; the learning
            rate of the last falls to zero.
        components: of the pictures, from ``films`` of them.
        films: for the components.
    """

    task: DreamedPendulum
    lessons: tuple[tuple[int, float], ...] = ((5, 0.25), (10, 0.25), (20, 0.5))
    films: int = 200

    def __call__(self, job: Job) -> Dreamer:
        """Train, and return what draws."""
        model: Any = job.model
        angles = job.data.observed.states[..., 0].mT
        generator = torch.Generator().manual_seed(job.seed)

        def look(part: Tensor) -> Tensor:
            clean = filmed(part, self.task.size)
            grain = torch.randn(clean.shape, generator=generator, dtype=torch.float64)
            seen = clean + self.task.noise * grain.to(clean)
            return seen.unflatten(-1, (self.task.size, self.task.size))

        # A part of the films at a time: all pictures of 50,000 take gigabytes, their codes do not.
        parts = angles.split(self.films)
        first = look(parts[0])
        eyes = principal_components(first[:, ::4], model.codes)
        codes = torch.cat([eyes.encode(first), *(eyes.encode(look(part)) for part in parts[1:])])
        for k, (length, share) in enumerate(self.lessons):
            adam: Any = job.optimizer
            last = k == len(self.lessons) - 1
            adam = Adam(
                max(1, round(share * adam.steps)),
                adam.learning_rate,
                batch_size=adam.batch_size,
                schedule="cosine" if last else "constant",
            )
            clips = clip_windows(codes, length, job.seed)
            loss = SampleLoss(negative_elbo)
            job.fit(clips, adam, model=model, residual=loss, stage=f"clips-of-{length}")
        return Dreamer(model, eyes, self.task.size, self.task.ahead)


TASK = DreamedPendulum()

# A pendulum of 0.5 kg and 1 m at 3 m/s², 0.125 s between pictures of 32 × 32: those of the
# reproduction. Its energy at the top is 3 J.
LARGE = DreamedPendulum(
    true=Pendulum(0.5, 1.0, 3.0),
    spread=(0.6, 0.5),
    highest=2.6,
    films=50_000,
    pictures=30,
    gap=0.125,
    size=32,
)

REFERENCE = Recipe(
    name="dreamed-pendulum-reference",
    title="dreamed pendulum: films and steps as many as published, 200 × 200 tanh of 32 components",
    task=LARGE,
    degrees=1,
    models={
        kind: {
            "codes": 32,
            "dt": LARGE.gap,
            "look": (200, 200),
            "decoder": (200, 200),
            "hidden": (200, 200),
        }
        for kind in ("hgn", "latent_ode")
    },
    # 5 × 50,000 films in batches of 16.
    optimizers={"adam": Adam(15_625, batch_size=16, learning_rate=1.5e-4)},
    train=TrainOnFilms(LARGE),
    dtype=torch.float32,
    source="Balsells-Rodas, Canal & Taschin 2021",
)

OURS = Recipe(
    name="dreamed-pendulum-ours",
    title="dreamed pendulum: a small HGN of 16 components, on 200 films",
    task=TASK,
    degrees=1,
    models={kind: {"codes": 16} for kind in ("hgn", "latent_ode")},
    optimizers={"adam": Adam(1600, batch_size=64, learning_rate=8e-3)},
    train=TrainOnFilms(TASK),
    dtype=torch.float32,
)
