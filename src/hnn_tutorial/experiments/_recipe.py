"""Recipes: a task, the models that may try it, and how they are trained."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import (
    as_device,
    as_path,
    check_dtype,
    check_seed,
    check_type,
    describe,
    lookup,
)
from hnn_tutorial.data import Dataset, Trajectories
from hnn_tutorial.experiments._own import build_own, is_own
from hnn_tutorial.mechanics import Field
from hnn_tutorial.models import (
    HGN,
    MAPS,
    MODELS,
    ConstrainedLNN,
    ForcedMLP,
    LatentODE,
    Model,
    TorqueMLP,
    UnitMassHNN,
    parameter_count,
)
from hnn_tutorial.random import as_generator
from hnn_tutorial.training import History, Optimizer, fit
from hnn_tutorial.training.losses import LearnableField

KINDS: dict[str, Callable[..., Any]] = {
    **MODELS,
    **MAPS,
    **{kind.kind: kind for kind in (ConstrainedLNN, ForcedMLP, TorqueMLP, UnitMassHNN)},
    **{kind.kind: kind for kind in (HGN, LatentODE)},
}
"""What a recipe may train: the models, the maps, and what takes rods, inputs or pictures."""


@dataclass(frozen=True)
class TaskData:
    """What one seed of a task gives a model to learn from.

    Attributes:
        train: states and derivatives to learn from, as the task's observer has them.
        test: held-out ones of the same kind, noise included.
        trajectories: the training trajectories as observed; None for a task that has only
            single states.
    """

    train: Dataset
    test: Dataset
    trajectories: Trajectories | None = None

    def to(self, *, device: torch.device | str, dtype: torch.dtype) -> "TaskData":
        """Return the data on another device and in another dtype."""
        device = as_device(device)
        check_dtype(dtype)
        moved = self.trajectories
        if moved is not None:
            moved = moved.to(device, dtype)
        return TaskData(
            self.train.to(device=device, dtype=dtype),
            self.test.to(device=device, dtype=dtype),
            moved,
        )

    @property
    def observed(self) -> Trajectories:
        """The training trajectories, for a recipe that cannot do without them.

        Raises:
            ValueError: if the task has only single states.
        """
        if self.trajectories is None:
            raise ValueError("this task has no trajectories; its recipes learn from single states")
        return self.trajectories


class Task(Protocol):
    """What is to be learned and how it is scored: the same for every model that tries.

    A task may say with ``asks`` which method of the trained model is scored: ``"map"`` or
    ``"inverse_dynamics"`` in place of the ``"field"``.
    """

    @property
    def name(self) -> str:
        """The task, a key such as ``"spring"``."""
        ...

    @property
    def system(self) -> str:
        """The ``name`` of the system that it is about."""
        ...

    @property
    def velocities(self) -> bool:
        """Whether a model with neither an H nor an L is given ``[q, q̇]``."""
        ...

    def data(self, seed: int, *, velocities: bool) -> TaskData:
        """Return the data of a seed, float64 on the CPU.

        Args:
            seed: draws initial states and noise.
            velocities: whether states are to be ``[q, q̇]`` rather than ``[q, p]``.
        """
        ...

    def scores(self, learned: Field, data: TaskData, *, velocities: bool) -> dict[str, float]:
        """Score the learned field by the true H over a fixed horizon.

        Args:
            learned: the field, or what the task asks for; takes and gives float64 tensors on the
                CPU, in the task's own units.
            data: of the same seed.
            velocities: whether its states are ``[q, q̇]``.
        """
        ...


@dataclass(frozen=True)
class Job:
    """One seed of a recipe, ready to be trained: what a recipe's ``train`` is given.

    Attributes:
        model: untrained, on the device; ``train`` may leave it aside and make others.
        data: on the device, in the model's dtype.
        optimizer: its settings.
        seed: of this run.
        folder: where checkpoints of unfinished stages go; None keeps none.
        progress: whether to show a bar.
        histories: of the stages so far, in their order.
    """

    model: Model
    data: TaskData
    optimizer: Optimizer
    seed: int
    folder: Path | None = None
    progress: bool = False
    histories: list[History] = field(default_factory=list)

    def fit(
        self,
        data: Any = None,
        optimizer: Optimizer | None = None,
        *,
        model: nn.Module | None = None,
        stage: str = "training",
        **options: Any,
    ) -> History:
        """Call ``training.fit`` with what this job knows; every stage has its own checkpoint.

        Args:
            data: None takes the task's training data.
            optimizer: None takes the recipe's.
            model: None takes the job's.
            stage: names the checkpoint; each call of one job needs its own.
            options: passed to ``fit``.
        """
        checkpoint = None if self.folder is None else self.folder / f"{stage}.safetensors"
        history = fit(
            self.model if model is None else model,
            self.data.train if data is None else data,
            self.optimizer if optimizer is None else optimizer,
            checkpoint=checkpoint,
            progress=self.progress,
            seed=self.seed,
            **options,
        )
        self.histories.append(history)
        return history


def train_on_derivatives(job: Job) -> LearnableField:
    """Fit the model's field to the derivatives: the plain recipe.

    Args:
        job: of a seed.

    Returns:
        The job's model.
    """
    check_type(Job, "a Job", job=job)
    job.fit()
    return job.model


@dataclass(frozen=True)
class Recipe:
    """A task with all settings of a run, and the choices that are left open.

    Attributes:
        name: key in ``RECIPES``: the task's name, then ``-reference``, ``-ours`` or what tells a
            variant from them.
        title: one line for ``hnn-tutorial list``.
        task: data and scores.
        degrees: n, the degrees of freedom of the models.
        models: the kinds that may run, each with the keywords its class is called with beside
            ``degrees``, ``seed`` and ``dtype``; the first is the recipe's own. A model that is made
            of its rods has ``rods`` among them, one of codes of pictures ``codes``.
        optimizers: their settings by name; the first is the recipe's own.
        train: trains a job and returns what is scored, such as a field: usually the model itself.
        dtype: in which to train. Scores are always taken in float64.
        initialize: ``(model, generator)`` draws other initial weights than the model's own.
        seeds: how many make a median; fewer where a run is long.
        source: whose settings these are.
    """

    name: str
    title: str
    task: Task
    degrees: int
    models: Mapping[str, Mapping[str, Any]]
    optimizers: Mapping[str, Optimizer]
    train: Callable[[Job], Any] = train_on_derivatives
    dtype: torch.dtype = torch.float64
    initialize: Callable[[Model, torch.Generator], None] | None = None
    seeds: int = 5
    source: str = "this course"

    def build(self, kind: str, seed: int) -> Any:
        """Return the untrained model of a seed.

        Args:
            kind: a key of ``models``; or ``module:Name`` for a class or function of one's own,
                which is called with ``degrees`` (and with ``seed``, if it takes one) and returns
                a module with a ``field``.
            seed: draws the initial weights.

        Raises:
            ValueError: for a kind that the recipe has no settings for; it lists those it has.
        """
        own = is_own(kind)
        settings = {} if own else lookup(self.models, kind, f"model of the recipe {self.name}")
        check_seed(seed)
        generator = as_generator(seed)
        if own:
            return build_own(kind, self.degrees, generator, self.dtype)
        given = dict(settings)
        made_of = given.pop("rods", given.pop("codes", self.degrees))
        model = KINDS[kind](made_of, **given, seed=generator, dtype=self.dtype)
        if self.initialize is not None:
            self.initialize(model, generator)
        return model


@dataclass(frozen=True)
class Result:
    """The outcome of one seed of a recipe.

    Attributes:
        recipe: what was run, by its name.
        model: the kind of model.
        optimizer: the name of its settings.
        seed: of the data and of the weights.
        device: where it was trained.
        parameters: trainable numbers of the model.
        seconds: wall time of the training, over all sittings if it was resumed.
        scores: by name; an infinity is a rollout that diverged.
    """

    recipe: str
    model: str
    optimizer: str
    seed: int
    device: str
    parameters: int
    seconds: float
    scores: Mapping[str, float] = field(default_factory=dict)


def uses_velocities(model: nn.Module, task: Task) -> bool:
    """Return whether a model's states are ``[q, q̇]``: what its scalar asks for decides.

    Args:
        model: one with a Lagrangian is always given them, one with a Hamiltonian never.
        task: decides for the others.

    Raises:
        TypeError: if either is something else.
    """
    check_type(nn.Module, "a model", model=model)
    if not hasattr(task, "velocities"):
        raise TypeError(f"task is {describe(task)}; expected a Task, such as recipe.task")
    if hasattr(model, "lagrangian"):
        return True
    return task.velocities and not hasattr(model, "hamiltonian")


def run_seed(
    recipe: Recipe,
    seed: int,
    *,
    model: str | None = None,
    optimizer: str | None = None,
    device: torch.device | str = "cpu",
    folder: Path | None = None,
    progress: bool = False,
) -> tuple[Result, LearnableField]:
    """Run one seed of a recipe: draw the data, train, score.

    Args:
        recipe: what to run.
        seed: draws data and initial weights.
        model: a key of ``recipe.models``, or ``module:Name`` as in ``Recipe.build``; None takes
            the first.
        optimizer: a key of ``recipe.optimizers``; None takes the first.
        device: where to train.
        folder: for checkpoints; an interrupted run continues from them.
        progress: whether to show a bar.

    Returns:
        The result, and the trained field.

    Raises:
        ValueError: for a model or an optimiser that the recipe does not have.
        TrainingDivergedError: if the loss is no longer finite.
    """
    check_type(Recipe, "a Recipe, such as RECIPES['spring-ours']", recipe=recipe)
    check_seed(seed)
    seed = int(seed)
    device = as_device(device)
    folder = None if folder is None else as_path(folder, "folder")
    kind = next(iter(recipe.models)) if model is None else model
    chosen = next(iter(recipe.optimizers)) if optimizer is None else optimizer
    settings = lookup(recipe.optimizers, chosen, f"optimizer of the recipe {recipe.name}")
    network = recipe.build(kind, seed).to(device)
    velocities = uses_velocities(network, recipe.task)
    data = recipe.task.data(seed, velocities=velocities)
    job = Job(network, data.to(device=device, dtype=recipe.dtype), settings, seed, folder, progress)
    learned = recipe.train(job)
    spent = sum(history.seconds for history in job.histories)

    asked = getattr(learned, getattr(recipe.task, "asks", "field"))

    def answer(x: Tensor, *more: Tensor) -> Tensor:
        moved = (each.to(device=device, dtype=recipe.dtype) for each in (x, *more))
        return asked(*moved).to(x)

    with torch.no_grad():
        scores = recipe.task.scores(answer, data, velocities=velocities)
    return (
        Result(
            recipe.name, kind, chosen, seed, str(device), parameter_count(network), spent, scores
        ),
        learned,
    )
