"""One orbit of a pendulum, and no other: Jin et al. 2020, the first experiment on SympNets.

Forty pairs of states 0.1 s apart, without noise and without derivatives; then the map is applied a
thousand times more.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.data import Trajectories, simulate
from hnn_tutorial.experiments._recipe import Job, Recipe, TaskData
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import Field
from hnn_tutorial.models import Model
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import Adam, LevenbergMarquardt, map_residual


@dataclass(frozen=True)
class OneOrbit:
    """Learn one step of a pendulum from a piece of one orbit, and go on along it.

    A seed draws initial weights alone.

    Attributes:
        name: of the task.
        true: the pendulum.
        start: ``[q, p]`` of the first state.
        step: h, in s.
        pairs: how many to learn from.
        held_out: further pairs, for ``one_step_mse``.
        ahead: steps from the last state that was learned from.
        velocities: see ``Task``.
    """

    name: str = "one-orbit"
    true: Pendulum = Pendulum(1.0, 1.0, 1.0)  # noqa: RUF009 (frozen)
    start: tuple[float, float] = (1.0, 0.0)
    step: float = 0.1
    pairs: int = 40
    held_out: int = 100
    ahead: int = 1000
    velocities: bool = False

    asks = "map"

    @property
    def system(self) -> str:
        """The name of the system."""
        return self.true.name

    def orbit(self, steps: int) -> Trajectories:
        """Return the true states from the start on, after 0, 1, ... steps."""
        times = self.step * torch.arange(steps + 1, dtype=torch.float64)
        start = torch.tensor([self.start], dtype=torch.float64)
        return simulate(self.true, start, times, rtol=1e-12, atol=1e-12)

    def data(self, seed: int, *, velocities: bool) -> TaskData:
        """Return the data; see ``Task``. Derivatives are differences of the states."""
        states = self.orbit(self.pairs + self.held_out).states
        times = self.step * torch.arange(len(states), dtype=torch.float64)
        seen, later = slice(self.pairs + 1), slice(self.pairs, None)
        observed = Trajectories(times[seen], states[seen])
        test = Trajectories(times[later], states[later])
        return TaskData(observed.dataset(), test.dataset(), observed)

    def scores(self, learned: Field, data: TaskData, *, velocities: bool) -> dict[str, float]:
        """Return the scores of a learned step; see ``Task``.

        - ``one_step_mse``: mean squared error of one step from each of the held-out states, the
          publication's test loss.
        - ``distance``: from the true state after ``ahead`` steps.
        - ``energy_error``: the largest on the way there, in J.
        """
        truth = self.orbit(self.pairs + self.ahead).states[self.pairs :]
        path = [truth[0]]
        for _ in range(self.ahead):
            path.append(learned(path[-1]))
        found = torch.stack(path)
        energy = self.true.hamiltonian(found) - self.true.hamiltonian(truth)
        test = data.test.states
        return {
            "one_step_mse": (learned(test[:-1]) - test[1:]).square().mean().item(),
            "distance": _number((found[-1] - truth[-1]).norm()),
            "energy_error": _number(energy.abs().max()),
        }


def _number(value: Tensor) -> float:
    return value.nan_to_num(nan=torch.inf).item()


@dataclass(frozen=True)
class MidpointStep:
    """A field as a map: one step of the implicit midpoint rule.

    Attributes:
        model: with the field.
        step: h, in s.
    """

    model: Any
    step: float

    def map(self, x: Tensor) -> Tensor:
        """Return the states one step later, the same shape."""
        times = torch.tensor([0.0, self.step], dtype=torch.float64)
        return integrate(self.model.field, x, times, "implicit_midpoint", step=self.step)[-1]

    def field(self, x: Tensor) -> Tensor:
        """Return the model's field."""
        value: Tensor = self.model.field(x)
        return value


def train_step(job: Job) -> Model | MidpointStep:
    """Fit a map to the pairs; a field to the middles and mean rates of the pairs."""
    if hasattr(job.model, "map"):
        job.fit(job.data.observed.pairs(), residual=map_residual)
        return job.model
    job.fit(job.data.observed.midpoints())
    return MidpointStep(job.model, float(job.data.observed.times.diff().mean()))


TASK = OneOrbit()

# As their script has it, with two differences: their gradient modules have a sigmoid, which is a
# tanh but for a constant shift of each module, and smaller initial weights.
REFERENCE = Recipe(
    name="one-orbit-reference",
    title="one orbit of a pendulum, as published: 50,000 steps of Adam on 5 modules of 30 units",
    task=TASK,
    degrees=TASK.true.degrees,
    models={"sympnet": {"hidden": (30,) * 5}},
    optimizers={"adam": Adam(steps=50_000, learning_rate=1e-3)},
    train=train_step,
    dtype=torch.float32,
    source="Jin et al. 2020",
)

OURS = Recipe(
    name="one-orbit-ours",
    title="one orbit of a pendulum: an HNN on the middles of the pairs",
    task=TASK,
    degrees=TASK.true.degrees,
    models={
        "hnn": {"hidden": (10, 10)},
        "sympnet": {"hidden": (10,) * 5},
        "henon_net": {"hidden": (10,) * 5},
        "mlp_map": {"hidden": (10, 10)},
    },
    optimizers={"levenberg_marquardt": LevenbergMarquardt(steps=100)},
    train=train_step,
)
