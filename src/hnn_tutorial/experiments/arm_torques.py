"""The torques of an arm's motors: inverse dynamics, after Lutter et al. 2019.

Their recordings of an arm that writes letters are files of their own. These are simulated: the arm
of the chapter on arms, whose joints move by sums of sines, with friction and noisy torques. The
figures of their repository, a mean squared error of 4.3e-4 (N m)² over both joints, are of another
arm and other motions.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial.control import Machine
from hnn_tutorial.data import Dataset, Trajectories, add_noise
from hnn_tutorial.experiments._recipe import Job, Recipe, TaskData
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems import TwoLinkArm
from hnn_tutorial.training import LevenbergMarquardt, TorchOptimizer, torque_residual

FRESH = 1_000_000


@dataclass(frozen=True)
class ArmTorques:
    """Learn the torques that motions of an arm took, and tell those of fresh and faster motions.

    Attributes:
        name: of the task.
        true: the arm.
        friction: of each joint, in N m s.
        motions: to learn from, and as many to be scored at each speed.
        points: states on each.
        span: in s.
        noise: of the torques, as a share of their standard deviation.
        speeds: of the scored motions, in multiples of that of the others.
        velocities: see ``Task``.
    """

    name: str = "arm-torques"
    true: TwoLinkArm = TwoLinkArm(  # noqa: RUF009 (frozen)
        mass1=1.0,
        length1=1.0,
        centre1=1.0,
        inertia1=0.0,
        mass2=0.8,
        length2=0.7,
        centre2=0.7,
        inertia2=0.0,
        gravity=1.0,
    )
    friction: tuple[float, float] = (0.10, 0.06)
    motions: int = 10
    points: int = 100
    span: float = 10.0
    noise: float = 0.05
    speeds: tuple[float, ...] = (1.0, 2.0, 3.0)
    velocities: bool = True

    asks = "inverse_dynamics"

    @property
    def system(self) -> str:
        """The name of the system."""
        return self.true.name

    def torques(self, data: Dataset) -> Tensor:
        """Return the true torques of states and their derivatives, ``(N, 2)``."""
        friction = torch.tensor(self.friction, dtype=torch.float64)
        arm = Machine(self.true, damping=friction)
        return arm.inverse_dynamics(data.states, data.derivatives[..., 2:])

    def data(self, seed: int, *, velocities: bool) -> TaskData:
        """Return the data of a seed; see ``Task``. The observed states are ``[q, q̇, u]``."""
        generator = as_generator(seed)
        seen = self._moves(generator)
        u = self.torques(seen)
        noisy = torch.stack(
            [add_noise(one, self.noise * float(one.std()), generator) for one in u.unbind(-1)], -1
        )
        states = torch.cat([seen.states, noisy], -1).unflatten(0, (self.points, self.motions))
        test = self._moves(as_generator(FRESH + seed))
        return TaskData(seen, test, Trajectories(self._clock(), states, None))

    def scores(self, learned: Any, data: TaskData, *, velocities: bool) -> dict[str, float]:
        """Return the scores of learned inverse dynamics; see ``Task``.

        ``torque_mse`` is the mean over states of the squared error, summed over the joints, as
        published, in (N m)², at the speed that was learned from; ``relative_1``, ``relative_2``,
        ... is the mean squared error over the torques' variance at each speed.
        """
        scores = {}
        for speed in self.speeds:
            test = self._moves(as_generator(FRESH), speed)
            u = self.torques(test)
            missed = (learned(test.states, test.derivatives[..., 2:]) - u).square()
            scores[f"relative_{speed:g}"] = (missed.mean() / u.var(0).mean()).item()
            if speed == 1:
                scores["torque_mse"] = missed.sum(-1).mean().item()
        return scores

    def _clock(self) -> Tensor:
        return torch.linspace(0, self.span, self.points, dtype=torch.float64)

    def _moves(self, generator: torch.Generator, speed: float = 1.0) -> Dataset:
        """Return states and derivatives of motions, each joint a sum of three sines."""
        shape = (4, self.motions, 3, 2)
        size, rate, phase, centre = torch.rand(shape, generator=generator, dtype=torch.float64)
        size, rate = 1.6 * size - 0.8, (0.3 + rate) * speed
        turn = rate * self._clock()[:, None, None, None] + 2 * math.pi * phase
        q = 2 * centre[:, 0] - 1 + (size * turn.sin()).sum(-2)
        velocity = (size * rate * turn.cos()).sum(-2)
        acceleration = -(size * rate**2 * turn.sin()).sum(-2)
        states = torch.cat([q, velocity], -1).flatten(0, 1)
        return Dataset(states, torch.cat([velocity, acceleration], -1).flatten(0, 1))


def train_on_torques(job: Job) -> nn.Module:
    """Fit the torques. A Lagrangian becomes a machine with friction to be learned."""
    model: nn.Module = job.model
    if hasattr(model, "lagrangian"):
        friction = torch.zeros(job.model.degrees).to(next(model.parameters()))
        model = Machine(model, damping=nn.Parameter(friction))
    train, observed = job.data.train, job.data.observed.states.flatten(0, 1)
    batch = {
        "states": train.states,
        "derivatives": train.derivatives,
        "inputs": observed[:, train.states.shape[-1] :],
    }
    job.fit(batch, model=model, residual=torque_residual)
    return model


TASK = ArmTorques()

# Their PyTorch example: 10,000 rounds of batches of 512, which are two of these data's 1,000
# states; their least eigenvalue of a mass matrix is 1e-2, and their motions have no friction.
REFERENCE = Recipe(
    name="arm-torques-reference",
    title="arm, torques to motion, as published: 20,000 steps of Adam on 2 × 64 softplus",
    task=TASK,
    degrees=TASK.true.degrees,
    models={"structured_lnn": {"hidden": (64, 64), "activation": "softplus"}},
    optimizers={
        "adam": TorchOptimizer(
            partial(torch.optim.Adam, lr=5e-4, weight_decay=1e-5, amsgrad=True),
            steps=20_000,
            batch_size=512,
        )
    },
    train=train_on_torques,
    dtype=torch.float32,
    seeds=3,
    source="Lutter, Ritter & Peters 2019",
)

OURS = Recipe(
    name="arm-torques-ours",
    title="arm, torques to motion: Levenberg–Marquardt on 12 tanh of the angles' turns",
    task=TASK,
    degrees=TASK.true.degrees,
    models={
        "structured_lnn": {"hidden": (12,), "angles": (0, 1)},
        "torque_mlp": {"hidden": (11,), "angles": (0, 1)},
    },
    optimizers={"levenberg_marquardt": LevenbergMarquardt(steps=40, weight_decay=1e-4)},
    train=train_on_torques,
)
