"""Rows about the table of Greydanus et al. 2019: trained as published, scored as published and not.

Each row holds one task and one way to score it, a baseline and an HNN over the same seeds. The
trainings are those of `hnn-tutorial run RECIPE --model mlp,hnn`: what stands in the folder
``results``, or in that of the environment variable ``HNN_TUTORIAL_RESULTS``, is not trained again.

    python benchmarks/run.py --row published_table
    python benchmarks/run.py --row published_table_orbits
    python benchmarks/run.py --row published_table_recorded

Without the file of the real pendulum in the folder that ``HNN_TUTORIAL_DATA`` names, its rows
are of the twin alone.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from harness import Row, make_row, row
from torch import Tensor

from hnn_tutorial.data import simulate
from hnn_tutorial.evaluation import energy_error, over_seeds
from hnn_tutorial.experiments import RECIPES, Recipe, TaskData, model_path, sweep
from hnn_tutorial.experiments._observed import FRESH
from hnn_tutorial.experiments.two_body import Orbits
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import Field
from hnn_tutorial.recordings import FOLDER_VARIABLE
from hnn_tutorial.training import load_model

FOLDER = os.environ.get("HNN_TUTORIAL_RESULTS", "results")
KINDS = ("mlp", "hnn")


@dataclass(frozen=True)
class Trained:
    """One seed of a recipe and its learned field, which takes and gives float64."""

    seed: int
    field: Field


def train(recipe: Recipe) -> dict[str, list[Trained]]:
    """Return the trained fields of a recipe, by kind of model, over the recipe's seeds."""
    done = sweep([recipe], models=KINDS, out=FOLDER, jobs=1, report=print)
    found: dict[str, list[Trained]] = {kind: [] for kind in KINDS}
    for stored in done:
        model = load_model(model_path(stored.path))

        def field(x: Tensor, model: Any = model) -> Tensor:
            with torch.no_grad():
                return model.field(x.to(recipe.dtype)).to(x)

        found[stored.result.model].append(Trained(stored.result.seed, field))
    return found


def task_scores(recipe: Recipe) -> Callable[[Trained], dict[str, Any]]:
    """Return a function that scores a field as the recipe's task does."""

    @cache
    def data_of(seed: int) -> TaskData:
        return recipe.task.data(seed, velocities=False)

    def scores(trained: Trained) -> dict[str, Any]:
        data = data_of(trained.seed)
        found = recipe.task.scores(trained.field, data, velocities=False)
        error = (trained.field(data.test.states) - data.test.derivatives).square()
        # As published: over all components of all held-out states of one seed.
        found["test_loss_error"] = error.std().item() / error.numel() ** 0.5
        truth = getattr(recipe.task, "true", None)
        if truth is not None:
            floor = truth.field(data.test.states) - data.test.derivatives
            found["test_loss_of_the_truth"] = floor.square().mean().item()
        return found

    return scores


def with_orbits(recipe: Recipe) -> Callable[[Trained], dict[str, Any]]:
    """Return a function that adds the energy error of each orbit to the scores of the task."""
    task = recipe.task
    assert isinstance(task, Orbits)
    plain = task_scores(recipe)

    def scores(trained: Trained) -> dict[str, Any]:
        start = task.true.sample(task.starts, FRESH)
        times = torch.linspace(0, task.horizon, task.instants, dtype=torch.float64)
        path = integrate(trained.field, start, times, "rk4", step=task.step)
        motion = simulate(task.true, start, times).states
        errors = energy_error(path, task.true.hamiltonian, motion)
        return plain(trained) | {"energy_of_each_orbit": errors.tolist()}

    return scores


def table_row(
    row_name: str,
    name: str,
    trained: dict[str, list[Trained]],
    scores: Callable[[Trained], dict[str, Any]],
    recipe: Recipe,
) -> Row:
    """Return a row: the energy errors of baseline and HNN, and all scores of all seeds."""
    runs = {kind: [{"seed": t.seed, **scores(t)} for t in trained[kind]] for kind in KINDS}
    energy = {kind: [run["energy_mse"] for run in runs[kind]] for kind in KINDS}
    return make_row(
        f"{row_name}: {name}",
        over_seeds(energy["mlp"]).median,
        over_seeds(energy["hnn"]).median,
        [one / other for one, other in zip(energy["mlp"], energy["hnn"], strict=True)],
        "HNN's energy error below the baseline's",
        lambda ratio: ratio > 1,
        runs=runs,
        command=f"hnn-tutorial run {recipe.name} --model {','.join(KINDS)}",
    )


def steps(row_name: str, recipes: Sequence[str]) -> list[Row]:
    """Return rows of one training, scored by one recipe after the other."""
    trained = train(RECIPES[recipes[0]])
    return [
        table_row(
            row_name, name.replace("-", " "), trained, task_scores(RECIPES[name]), RECIPES[name]
        )
        for name in recipes
    ]


@row
def published_table(repeats: int) -> list[Row]:
    """Spring and pendulum: one training, and three ways to score it."""
    scored = ("reference", "published-starts", "published-scores")
    return [
        made
        for task in ("spring", "pendulum")
        for made in steps("published_table", [f"{task}-{each}" for each in scored])
    ]


@row
def published_table_orbits(repeats: int) -> list[Row]:
    """Two and three bodies, with the energy error of every orbit."""
    rows = []
    for name in ("two-body-reference", "three-body-reference"):
        recipe = RECIPES[name]
        rows.append(
            table_row(
                "published_table_orbits",
                name.replace("-", " "),
                train(recipe),
                with_orbits(recipe),
                recipe,
            )
        )
    return rows


@row
def published_table_recorded(repeats: int) -> list[Row]:
    """The real pendulum and its twin, from central and from forward differences."""
    names = ["real-pendulum-twin-reference", "real-pendulum-twin-forward"]
    if os.environ.get(FOLDER_VARIABLE):
        names += ["real-pendulum-reference", "real-pendulum-forward"]
    return [made for name in names for made in steps("published_table_recorded", [name])]
