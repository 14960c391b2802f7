"""A task whose data are simulated trajectories, observed with or without noise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.data import Dataset, Trajectories, add_noise, simulate
from hnn_tutorial.evaluation import coordinate_error, energy_error, field_error
from hnn_tutorial.experiments._recipe import Job, Recipe, TaskData
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import Field, time_reversal
from hnn_tutorial.systems import System
from hnn_tutorial.training import (
    Adam,
    FreeStarts,
    LevenbergMarquardt,
    Optimizer,
    TrajectoryResidual,
    cut,
)
from hnn_tutorial.training.losses import LearnableField

# Starts of the rollouts to score: the same for every seed of the data, and from a seed that no
# data use.
FRESH = 1_000_000


@dataclass(frozen=True)
class ObservedTrajectories:
    """Learn a system's field from trajectories whose derivatives are known and states noisy.

    That is the protocol of Greydanus et al. 2019: derivatives are the true ones at the true
    states, noise is added to the states alone. The learned field is then followed from fresh
    starts and compared with the true motion.

    Attributes:
        name: of the task.
        true: the system.
        trajectories: how many are simulated.
        points: on each.
        span: in s, from 0.
        noise: standard deviation, of the states ``[q, p]``.
        draw: options of ``system.sample``.
        test_fraction: of the trajectories, held out.
        starts: how many rollouts are scored.
        horizon: their length, in s.
        step: of the fourth-order Runge–Kutta method that follows the learned field, in s. An
            adaptive method would take the rounding of a float32 network for structure, and ever
            shorter steps: 2 minutes for 15 rollouts of the published one.
        velocities: see ``Task``.
        instants: how many states of a rollout are scored, evenly spaced; no step is longer than
            the time between two of them.
    """

    name: str
    true: System
    trajectories: int
    points: int
    span: float
    noise: float
    draw: Mapping[str, Any] = field(default_factory=dict)
    test_fraction: float = 0.5
    starts: int = 15
    horizon: float = 20.0
    step: float = 0.005
    velocities: bool = False
    instants: int = 401

    @property
    def system(self) -> str:
        """The name of the system."""
        return self.true.name

    def data(self, seed: int, *, velocities: bool) -> TaskData:
        """Return the data of a seed; see ``Task``."""
        generator = torch.Generator().manual_seed(seed)
        times = torch.linspace(0, self.span, self.points, dtype=torch.float64)
        start = self.true.sample(self.trajectories, generator, **self.draw)
        clean = simulate(self.true, start, times).states
        seen = add_noise(clean, self.noise, generator)
        if velocities:
            derivatives = self.true.second_order_field(self.true.velocities(clean))
            seen = self.true.velocities(seen)
        else:
            derivatives = self.true.field(clean)
        held_out = round(self.test_fraction * self.trajectories)
        train, test = slice(held_out, None), slice(held_out)
        return TaskData(
            _dataset(seen[:, train], derivatives[:, train]),
            _dataset(seen[:, test], derivatives[:, test]),
            Trajectories(times, seen[:, train]),
        )

    def scores(self, learned: Field, data: TaskData, *, velocities: bool) -> dict[str, float]:
        """Return the scores of a learned field; see ``Task``.

        ``test_loss`` is the error on the held-out states with their noise, whose floor even the
        true field does not pass. ``field_mse`` is taken at the states of fresh true motions,
        which have none. Rollouts are scored in ``[q, p]``.
        """
        start = self.true.sample(self.starts, FRESH, **self.draw)
        times = torch.linspace(0, self.horizon, self.instants, dtype=torch.float64)
        motion = simulate(self.true, start, times).states
        true_field = self.true.second_order_field if velocities else self.true.field
        seen = self.true.velocities(motion) if velocities else motion
        rollout = self._follow(learned, start, times, velocities)
        energy = energy_error(rollout, self.true.hamiltonian, motion)
        coordinates = coordinate_error(rollout, motion)
        return {
            "test_loss": (learned(data.test.states) - data.test.derivatives).square().mean().item(),
            "field_mse": field_error(learned, true_field, seen),
            "energy_mse": energy.mean().item(),
            "energy_mse_median": energy.median().item(),
            "coordinate_mse": coordinates.mean().item(),
            "coordinate_mse_median": coordinates.median().item(),
        }

    def _follow(self, learned: Field, start: Tensor, times: Tensor, velocities: bool) -> Tensor:
        """Return rollouts from starts in ``[q, p]``, again in ``[q, p]``."""
        seen = self.true.velocities(start) if velocities else start
        rollout = integrate(learned, seen, times, "rk4", step=self.step)
        return self.true.momenta(rollout) if velocities else rollout


@dataclass(frozen=True)
class PublishedScores(ObservedTrajectories):
    r"""The same data, and rollouts scored as the published notebooks score them.

    They start elsewhere than the training data: position and momentum are uniform in
    :math:`[0.2, 1]` with either sign. That reaches past the spring's data, whose radius is at
    most 1, and lies nearly all inside the ring of the pendulum's, whose radius is at least 1.3.

    Attributes:
        stretch: factor of the models' time, which makes up for a slow clock. It is applied in
            place and hence again for each start: the k-th, k = 1, 2, ..., is followed for
            ``horizon * stretch ** (k + 1)``. 1 leaves the time as it is.
        energy: the function of states by which energies are scored; None takes the true H. Along
            a true motion any other function varies, so that it scores the time too.

    References:
        Greydanus et al. 2019, the notebooks of tasks 1 and 2.
    """

    stretch: float = 1.0
    energy: Callable[[Tensor], Tensor] | None = None

    def scores(self, learned: Field, data: TaskData, *, velocities: bool) -> dict[str, float]:
        """Return the scores of a learned field; see ``Task``."""
        start = published_starts(self.starts)
        times = torch.linspace(0, self.horizon, self.instants, dtype=torch.float64)
        turns = torch.arange(2, self.starts + 2, dtype=torch.float64)[:, None]
        rollout = self._follow(
            # A field that is so many times as fast is the same as a time so many times as long.
            lambda x: self.stretch**turns * learned(x),
            start,
            times,
            velocities,
        )
        motion = simulate(self.true, start, times).states
        energy = energy_error(rollout, self.energy or self.true.hamiltonian, motion)
        return {
            "test_loss": (learned(data.test.states) - data.test.derivatives).square().mean().item(),
            "energy_mse": energy.mean().item(),
            "energy_mse_median": energy.median().item(),
        }


def published_starts(count: int) -> Tensor:
    """Return states ``(count, 2)`` whose components are uniform in [0.2, 1], with either sign."""
    generator = torch.Generator().manual_seed(FRESH)
    drawn = 1.6 * torch.rand(count, 2, generator=generator, dtype=torch.float64) - 0.8
    return drawn + 0.2 * drawn.sign()


def squared_norm(x: Tensor) -> Tensor:
    """Return q² + p², the energy of the published spring, whatever moves."""
    return x.square().sum(-1)


def published_scores(task: ObservedTrajectories, **changes: Any) -> PublishedScores:
    """Return a task with the same data and the published scores.

    Args:
        task: whose data and sizes are taken over.
        changes: values of further attributes of ``PublishedScores``.
    """
    return PublishedScores(**{f.name: getattr(task, f.name) for f in fields(task)}, **changes)


def _dataset(states: Tensor, derivatives: Tensor) -> Dataset:
    """Return ``(T, B, 2n)`` observations as a dataset that remembers their trajectories."""
    number = torch.arange(states.shape[1]).repeat(len(states))
    return Dataset(states.flatten(0, 1), derivatives.flatten(0, 1), number)


@dataclass(frozen=True)
class TrainOnMotion:
    r"""Fit the derivatives at the noisy states, then the motion, with free initial states.

    The derivatives of these data are exact, and the states are not: a fit of one to the other
    takes noise for physics (errors in variables). In the second stage both are compared along
    rollouts whose starts are free, so that the field is no longer asked at noisy states. From
    random weights the second stage alone sticks.

    Exact derivatives leave but one thing to the noise, where the picture lies in phase space:
    a field and all starts may be shifted together. On the pendulum the starts of seeds 0 to 10
    were off, in the mean, by the mean of the noise to within 2e-4, and the energy MSE was 6e-6
    to 3.9e-4 accordingly. Each motion played backwards is a motion too (``time_reversal``); to
    fit both fixes the shift in p, and leaves the one in q.

    Attributes:
        noise: of the states; the residuals of the states are divided by it.
        derivative_noise: by which those of the derivatives are.
        optimizers: of the second stage, by the name of the first one's.
    """

    noise: float
    derivative_noise: float
    optimizers: Mapping[str, Optimizer] = field(
        default_factory=lambda: {
            LevenbergMarquardt.name: LevenbergMarquardt(steps=40, tolerance=1e-4),
            Adam.name: Adam(steps=1000),
        }
    )

    def __call__(self, job: Job) -> LearnableField:
        """Train the job's model."""
        job.fit(stage="derivatives")
        observed = job.data.observed
        derivatives = job.data.train.derivatives.view_as(observed.states)
        batch = cut(
            Trajectories(observed.times, _both_ways(observed.states, time_reversal)),
            derivatives=_both_ways(derivatives, lambda f: -time_reversal(f)),
        )
        residual = TrajectoryResidual(noise=self.noise, derivative_noise=self.derivative_noise)
        job.fit(
            batch,
            self.optimizers[job.optimizer.name],
            model=FreeStarts(job.model, batch),
            residual=residual,
            stage="motion",
        )
        return job.model


def _both_ways(values: Tensor, turned: Field) -> Tensor:
    """Return trajectories ``(T, B, 2n)``, evenly timed, beside the same played backwards."""
    return torch.cat([values, turned(values).flip(0)], dim=1)


def quick(task: ObservedTrajectories, subject: str) -> Recipe:
    """Return a recipe that learns as the published one does, with small networks in seconds."""
    return Recipe(
        name=f"{task.name}-quick",
        title=f"{subject}, noisy states: small networks on the derivatives alone, in seconds",
        task=task,
        degrees=1,
        models={"hnn": {"hidden": (8, 8)}, "mlp": {"hidden": (8, 8)}},
        optimizers={"levenberg_marquardt": LevenbergMarquardt(steps=30, weight_decay=1e-4)},
    )


def small_networks(task: ObservedTrajectories, subject: str) -> Recipe:
    """Return this course's recipe for a system of one degree of freedom that is seen with noise."""
    return Recipe(
        name=f"{task.name}-ours",
        title=f"{subject}, noisy states: small networks, free starts, Levenberg–Marquardt",
        task=task,
        degrees=1,
        models={
            "hnn": {"hidden": (16, 16)},
            "mlp": {"hidden": (16, 16)},
            "second_order_mlp": {"hidden": (16, 16)},
            "separable_hnn": {"hidden": (11, 11)},
            "lnn": {"hidden": (16, 16), "activation": "softplus"},
            "structured_lnn": {"hidden": (16, 16)},
        },
        optimizers={
            "levenberg_marquardt": LevenbergMarquardt(steps=60, weight_decay=1e-5),
            "adam": Adam(steps=4000, weight_decay=1e-5),
        },
        train=TrainOnMotion(noise=task.noise, derivative_noise=0.1 * task.noise),
    )
