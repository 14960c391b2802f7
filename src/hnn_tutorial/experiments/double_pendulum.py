"""The chaotic double pendulum, learned from single states: Cranmer et al. 2020."""

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import energy_error, field_error, valid_prediction_time
from hnn_tutorial.experiments._recipe import Job, Recipe, TaskData
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import Field, ScalarFunction
from hnn_tutorial.models import LagrangianNetwork, Model
from hnn_tutorial.systems import DoublePendulum
from hnn_tutorial.training import (
    Adam,
    LevenbergMarquardt,
    acceleration_residual,
    derivative_residual,
)
from hnn_tutorial.training.losses import Batch, LearnableField

# Starts of the scored motions are drawn from seeds that no data use.
FRESH = 1_000_000

# Levenberg–Marquardt's steps on the first batch alone.
STEADY_STEPS = 50

_CHUNK = 65536


@dataclass(frozen=True)
class ChaoticMotion:
    """Learn the motion at single states, and follow it for long from near rest.

    Training states have both angles uniform on the circle and both angular velocities uniform up
    to ``speed``; scored motions start at any two angles and almost at rest. Both are as Cranmer
    et al. 2020 drew them. From the highest starts the lower bob comes to 15 rad/s, which lies
    outside the training states: for one velocity in a hundred.

    Attributes:
        name: of the task.
        true: the system.
        time_unit: of the system, in s. With g = 1 beside m = l = 1 it is √(l/g).
        states: to train on.
        test_states: held out.
        speed: largest angular velocity of a training state, in rad/s.
        start_speed: the same of a start, in rad/s.
        starts: how many rollouts are scored.
        horizon: length of a rollout, in s.
        step: of the fourth-order Runge–Kutta method that follows the learned field, in s. It is
            fixed, so that a field that runs away ends in infinities and not in ever smaller
            steps. With 0.005 s and the true field the energies at 100 s are off by 1.5e-5 of
            29.4 J in the mean, 9e-5 at most.
        velocities: whether a model with neither an H nor an L is given ``[q, q̇]``.
    """

    name: str
    true: DoublePendulum
    states: int
    time_unit: float = 1.0
    test_states: int = 2000
    speed: float = 10.0
    start_speed: float = 0.1
    starts: int = 40
    horizon: float = 100.0
    step: float = 0.005
    velocities: bool = True

    KNOWN: ClassVar[float] = 20.0
    """How long the true motion is followed, in s. Chaos makes a later one the integrator's own."""

    @property
    def system(self) -> str:
        """The name of the system."""
        return self.true.name

    def data(self, seed: int, *, velocities: bool) -> TaskData:
        """Return the data of a seed; see ``Task``."""
        generator = torch.Generator().manual_seed(seed)
        train = self._sample(self.states, generator, self.speed)
        test = self._sample(self.test_states, generator, self.speed)
        return TaskData(self._seen(train, velocities), self._seen(test, velocities))

    def scores(self, learned: Field, data: TaskData, *, velocities: bool) -> dict[str, float]:
        """Return the scores of a learned field; see ``Task``.

        ``end_energy`` is the error of the true energy at the end of a rollout, as a fraction
        of half the potential energy of a pendulum turned upright: 29.4 J for m = l = 1 and
        g = 9.8. ``highest_energy`` is the largest such error at any time of any rollout. A
        ``valid_time``, in s, ends where the directions of the two rods are no longer those of the
        true motion, and counts no more than 20 s. There is no error of the coordinates: after
        100 s of chaos it says nothing about a model.
        """

        def motion(x: Tensor) -> Tensor:
            return learned(_wrapped(x))

        exact = self.true.second_order_field if velocities else self.true.field
        test = data.test
        loss = field_error(motion, exact, test.states)
        x0 = self._sample(self.starts, torch.Generator().manual_seed(FRESH), self.start_speed)
        start = self.true.velocities(x0) if velocities else x0
        # Ten observations a second, as they have.
        seconds = torch.arange(round(10 * self.horizon) + 1, dtype=torch.float64) / 10
        times = seconds / self.time_unit
        # The allowance keeps rounding in another unit of time from halving the steps.
        step = self.step / self.time_unit * (1 + 1e-9)
        predicted = _followed(motion, start, times, step)
        if velocities:
            predicted = self.true.momenta(predicted)
        # A true motion keeps its first energy.
        still = x0.expand_as(predicted)
        energy = energy_error(predicted, self.true.hamiltonian, still)
        ever = _energy_gaps(predicted, self.true.hamiltonian, still) / self._energy_unit()
        end = ever[-1]
        known = seconds <= self.KNOWN
        true = integrate(self.true.field, x0, times[known], "dop853")
        valid = valid_prediction_time(_rods(predicted[known]), _rods(true), seconds[known])
        return {
            "test_loss": loss,
            "field_mse": loss,
            "relative_mse": _relative_error(motion, test),
            "end_energy": end.mean().item(),
            "end_energy_median": end.median().item(),
            "end_energy_largest": end.max().item(),
            "highest_energy": ever.max().item(),
            "energy_mse": energy.mean().item(),
            "energy_mse_median": energy.median().item(),
            "valid_time": valid.mean().item(),
            "valid_time_median": valid.median().item(),
        }

    def _sample(self, count: int, generator: torch.Generator, speed: float) -> Tensor:
        return self.true.sample(count, generator, speed=speed * self.time_unit)

    def _seen(self, x: Tensor, velocities: bool) -> Dataset:
        if not velocities:
            return Dataset(x, self.true.field(x))
        states = self.true.velocities(x)
        # In parts: each state takes a Jacobian.
        rates = [self.true.second_order_field(part) for part in states.split(_CHUNK)]
        return Dataset(states, torch.cat(rates))

    def _energy_unit(self) -> float:
        upright = torch.tensor([math.pi, math.pi, 0, 0], dtype=torch.float64)
        return self.true.potential(upright).item() / 2


def _followed(learned: Field, x0: Tensor, times: Tensor, step: float) -> Tensor:
    """Return the motions of a learned field; NaN for one on which it has no value.

    An ``LNN`` raises a ``ValueError`` for a whole batch if one mass matrix in it is singular.
    """
    try:
        return integrate(learned, x0, times, "rk4", step=step)
    except ValueError:
        if len(x0) == 1:
            return torch.full((len(times), *x0.shape), torch.nan, dtype=x0.dtype)
        halves = x0.tensor_split(2)
        return torch.cat([_followed(learned, half, times, step) for half in halves], dim=1)


def _wrapped(x: Tensor) -> Tensor:
    """Return states with their angles in [−π, π), where the training states are."""
    q, rest = x.chunk(2, dim=-1)
    return torch.cat([torch.remainder(q + math.pi, 2 * math.pi) - math.pi, rest], dim=-1)


def _rods(x: Tensor) -> Tensor:
    """Return the directions of both rods, unit vectors, ``(..., 4) -> (..., 4)``."""
    q, _ = x.chunk(2, dim=-1)
    return torch.cat([q.cos(), q.sin()], dim=-1)


def _energy_gaps(states: Tensor, hamiltonian: ScalarFunction, reference: Tensor) -> Tensor:
    gaps = (hamiltonian(states) - hamiltonian(reference)).abs()
    return torch.where(torch.isfinite(gaps), gaps, torch.inf)


def _relative_error(learned: Field, data: Dataset) -> float:
    """Return the squared error of q̈, or ṗ, over that of the answer zero."""
    n = data.states.shape[-1] // 2
    true = data.derivatives[:, n:]
    return ((learned(data.states)[:, n:] - true).square().mean() / true.square().mean()).item()


def train_on_accelerations(job: Job) -> LearnableField:
    """Fit accelerations where the model has a Lagrangian, and derivatives where it has none.

    Levenberg–Marquardt first takes some steps on one batch alone, each of which lowers the loss
    on it. On a new batch at each step the general LNN is lost in one seed of three: a step that
    is good for its batch may leave a mass matrix singular near a state of the next one.
    """
    lagrangian = isinstance(job.model, LagrangianNetwork)
    residual = acceleration_residual if lagrangian else derivative_residual
    if isinstance(job.optimizer, LevenbergMarquardt):
        first = job.data.train[: job.optimizer.batch_size]
        steady = replace(job.optimizer, steps=STEADY_STEPS, batch_size=None)
        job.fit(first, steady, residual=residual, stage="one batch")
    job.fit(residual=residual)
    return job.model


def absolute_residual(model: LearnableField, batch: Batch) -> Tensor:
    r"""Return the roots of the absolute errors: the mean of their squares is the loss |error|.

    .. math:: r_{bj}^2 = |f_\theta(x_b)_j - \dot x_{bj}|

    Args:
        model: its ``field`` is compared.
        batch: ``states`` and ``derivatives``, each ``(B, 2n)``.

    Returns:
        Residuals, ``(B, 2n)``.
    """
    error = (model.field(batch["states"]) - batch["derivatives"]).abs()
    # The root has no derivative at zero, where a Lagrangian model's velocities always are.
    return (error + 1e-12).sqrt()


def train_on_absolute_errors(job: Job) -> LearnableField:
    """Fit the derivatives in the mean of the absolute errors."""
    job.fit(residual=absolute_residual)
    return job.model


@torch.no_grad()
def widening(model: Model, generator: torch.Generator) -> None:
    r"""Draw weights as Cranmer et al. 2020 do, normal with a spread by layer; biases are zero.

    .. math:: \sigma = \frac{1}{\sqrt n} \begin{cases} 2.2 & \text{first} \\
              0.58\, i & \text{hidden layer } i \\ n & \text{last} \end{cases}

    with n the larger side of the layer's matrix.
    """
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    for i, layer in enumerate(layers):
        n = max(layer.weight.shape)
        scale = 2.2 if i == 0 else n if i == len(layers) - 1 else 0.58 * i
        draw = torch.randn(layer.weight.shape, generator=generator, dtype=torch.float64)
        layer.weight.copy_(scale / n**0.5 * draw)
        layer.bias.zero_()


# Their 3.1e8 states are 300 draws of this many, each seen once; here one draw is seen 300 times.
# Their learning rate rises to its 1e-5 within the first third, and falls to nothing from there;
# their weight decay, 4e-12 in the sense of ``Adam``, is left out.
REFERENCE = Recipe(
    name="double-pendulum-reference",
    title="double pendulum, as published: takes days (600,000 steps of Adam on 3 × 600 softplus)",
    task=ChaoticMotion("double-pendulum", DoublePendulum(gravity=9.8), states=2000 * 512),
    degrees=DoublePendulum.degrees,
    models={kind: {"hidden": (600, 600, 600), "activation": "softplus"} for kind in ("lnn", "mlp")},
    optimizers={"adam": Adam(steps=600_000, learning_rate=1e-5, batch_size=512, schedule="cosine")},
    train=train_on_absolute_errors,
    dtype=torch.float32,
    initialize=widening,
    seeds=3,
    source="Cranmer et al. 2020",
)

# In the pendulum's own units m = l = g = 1 the unit of time is 0.32 s, and velocities of 10 rad/s
# are 3.2. That matters most for the training of the general LNN: with the same network, states and
# steps one run had the relative error 6.3e-2 in SI units and 6.2e-5 in these.
SOFTPLUS = {"activation": "softplus", "angles": (0, 1)}
TANH = {"activation": "tanh", "angles": (0, 1)}

# 1313 weights, and as near to that as the others come.
OURS = Recipe(
    name="double-pendulum-ours",
    title="double pendulum: Levenberg–Marquardt on 2 × 32 softplus",
    task=ChaoticMotion(
        "double-pendulum", DoublePendulum(gravity=1.0), states=10_000, time_unit=9.8**-0.5
    ),
    degrees=DoublePendulum.degrees,
    models={
        "lnn": {"hidden": (32, 32), **SOFTPLUS},
        "structured_lnn": {"hidden": (32, 32), **TANH},
        "hnn": {"hidden": (32, 32), **SOFTPLUS},
        "dissipative_hnn": {"hidden": (21, 21), **SOFTPLUS},
        "mlp": {"hidden": (31, 31), **TANH},
        "second_order_mlp": {"hidden": (32, 32), **TANH},
    },
    optimizers={
        "levenberg_marquardt": LevenbergMarquardt(steps=150, batch_size=2500, chunk=500),
        "adam": Adam(steps=10_000, learning_rate=3e-3, batch_size=500, schedule="cosine"),
    },
    train=train_on_accelerations,
    seeds=3,
)
