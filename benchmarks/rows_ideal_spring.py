"""Rows about the ideal spring: a search over the settings of Adam, and the study's own training.

All runs learn the same task as the chapter: k = m = 2, 100 motions of 50 states from starts within
a radius of 100, in normalised units. They are independent and go over the cores by joblib. Figures
are medians over the seeds, of shares of the mesh and of the median relative error on it.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from harness import Row, make_row, medians, row
from joblib import Parallel, delayed

from hnn_tutorial.evaluation import mesh_error
from hnn_tutorial.experiments import ideal_spring
from hnn_tutorial.models import HNN, parameter_count
from hnn_tutorial.training import Adam, LevenbergMarquardt, fit

SEEDS = range(5)
RATES = (3e-3, 1e-2, 3e-2)
BOUNDS = (1e-2, 1e-3, 5e-4, 1e-5)
# `comparison` counts 4.1e4 multiplications in the matrix products of an Adam step on a batch of 64,
# and 3.6e7 in those of a Levenberg-Marquardt step on a batch of 250, of which there are 40.
EQUAL_STEPS = 35_000


@dataclass(frozen=True)
class Setting:
    """A network and its training."""

    optimizer: Adam | LevenbergMarquardt
    hidden: tuple[int, ...] = (64,)
    activation: str = "tanh"


def task(seed: int) -> tuple[Any, Any]:
    """Return the units of a seed's data, and the data in them."""
    data = ideal_spring.TASK.data(seed, velocities=False)
    units = ideal_spring.Normalization.to_unit_box(data.train.states)
    return units, units.normalize_dataset(data.train)


def scores(field: Any) -> dict[str, float]:
    """Return the shares of the mesh within each bound, and the median error on it."""
    error = mesh_error(field, ideal_spring.TASK.true.field, ideal_spring.TASK.radius)
    relative = error.relative[~error.singular]
    shares = {f"within_{bound:g}": error.fraction_below(bound) for bound in BOUNDS}
    return {"median_error": relative.median().item(), **shares}


def run(setting: Setting, seed: int) -> dict[str, float]:
    """Train one model; return its scores, and the seconds that it took."""
    torch.set_num_threads(1)
    units, data = task(seed)
    model = HNN(1, setting.hidden, activation=setting.activation, seed=seed)
    history = fit(model, data, setting.optimizer, progress=False, seed=seed)
    return {**scores(units.restore_field(model.field)), "seconds": history.seconds}


def over_seeds(settings: list[Setting]) -> list[list[dict[str, float]]]:
    """Return the records of each setting, one for each seed."""
    jobs = [(setting, seed) for setting in settings for seed in SEEDS]
    found = Parallel(n_jobs=-1)(delayed(run)(*job) for job in jobs)
    return [found[k : k + len(SEEDS)] for k in range(0, len(found), len(SEEDS))]


def adam(rate: float, batch: int = 64, hidden: tuple[int, ...] = (64,), steps: int = 6000) -> Adam:
    """Return Adam with the work of `steps` steps on batches of 64 and the chapter's network."""
    share = parameter_count(HNN(1, hidden)) / parameter_count(HNN(1, (64,))) * batch / 64
    return Adam(round(steps / share), rate, batch_size=batch, schedule="cosine")


def variants() -> dict[str, list[Setting]]:
    """Return what the search tries: one thing changed at a time, each with its learning rates."""

    def tried(batch: int = 64, hidden: tuple[int, ...] = (64,), activation: str = "tanh"):
        return [Setting(adam(rate, batch, hidden), hidden, activation) for rate in RATES]

    return {
        "64 tanh, batch 64": tried(),
        **{f"activation {name}": tried(activation=name) for name in ("softplus", "sin")},
        **{f"rate {rate:g}": [Setting(adam(rate))] for rate in (1e-3, *RATES, 1e-1)},
        **{f"batch {size}": tried(batch=size) for size in (16, 256, 1024)},
        **{f"width {width}": tried(hidden=(width,)) for width in (16, 256)},
        **{
            f"depth {len(hidden)}, {hidden[0]} units": tried(hidden=hidden)
            for hidden in ((15, 15), (10, 10, 10))
        },
    }


def best(settings: list[Setting], records: list[list[dict[str, float]]]) -> tuple[Setting, list]:
    """Return the setting with the smallest median error over the seeds, and its records."""
    return min(
        zip(settings, records, strict=True), key=lambda pair: medians(pair[1])["median_error"]
    )


@row
def ideal_spring_search(repeats: int) -> list[Row]:
    """Adam's activation, rate, batch, width and depth, at equal work; each the best of its rates.

    The work is that of 6,000 steps with batches of 64 on 64 units.
    """
    settings = variants()
    flat = over_seeds([setting for tried in settings.values() for setting in tried])
    return as_rows(
        "ideal_spring_search",
        settings,
        flat,
        "how many times smaller the median error is than with 64 tanh and batches of 64",
    )


@row
def ideal_spring_equal_work(repeats: int) -> list[Row]:
    """Adam with the multiplications of 40 Levenberg-Marquardt steps, at the best of three rates."""
    settings = {
        "Adam": [Setting(adam(rate, steps=EQUAL_STEPS)) for rate in (1e-2, 3e-2, 1e-1)],
        "Levenberg-Marquardt": [Setting(LevenbergMarquardt(steps=40, batch_size=250))],
    }
    flat = over_seeds([setting for tried in settings.values() for setting in tried])
    return as_rows(
        "ideal_spring_equal_work",
        settings,
        flat,
        "how many times smaller the median error is than Adam's",
    )


def as_rows(
    function: str,
    settings: dict[str, list[Setting]],
    flat: list[list[dict[str, float]]],
    target: str,
) -> list[Row]:
    """Return a row for the best setting of each name; all are set against the first name's."""
    chosen = {}
    for name, tried in settings.items():
        chosen[name] = best(tried, flat[: len(tried)])
        flat = flat[len(tried) :]
    base = medians(next(iter(chosen.values()))[1])
    return [
        make_row(
            f"{function}: {name}",
            base,
            medians(records),
            [base["median_error"] / record["median_error"] for record in records],
            target,
            lambda ratio: True,
            rate=getattr(setting.optimizer, "learning_rate", None),
            steps=setting.optimizer.steps,
            rates_tried=len(settings[name]),
            runs=records,
        )
        for name, (setting, records) in chosen.items()
    ]


def published(seed: int) -> list[dict[str, float]]:
    """Train as the study did; return scores after the first steps, and after three ways to go on.

    The three: its own 2,000 steps at a rate of 1e-7; as many at 1e-3, as before; and as many with
    a rate that falls from 1e-3 to zero.
    """
    torch.set_num_threads(1)
    recipe = ideal_spring.REFERENCE
    units, data = task(seed)
    data = data.to(dtype=torch.float32)
    model = HNN(1, recipe.models["hnn"]["hidden"], seed=seed, dtype=torch.float32)

    def scored(one: HNN) -> dict[str, float]:
        return scores(units.restore_field(lambda x: one.field(x.float()).double()))

    history = fit(model, data, recipe.optimizers["adam"], progress=False, seed=seed)
    found = [{**scored(model), "seconds": history.seconds}]
    last = ideal_spring.LAST_STEPS
    for optimizer in (
        last,
        Adam(last.steps, 1e-3, batch_size=64),
        Adam(last.steps, 1e-3, batch_size=64, schedule="cosine"),
    ):
        later = copy.deepcopy(model)
        history = fit(later, data, optimizer, progress=False, seed=seed + 1)
        found.append({**scored(later), "seconds": history.seconds})
    return found


@row
def ideal_spring_published(repeats: int) -> list[Row]:
    """The study's training, with its last 2,000 steps isolated."""
    runs = Parallel(n_jobs=-1)(delayed(published)(seed) for seed in SEEDS)
    stages = ("10,000 steps at 1e-3", "then 2,000 at 1e-7", "then 2,000 at 1e-3", "then 2,000 to 0")
    first = medians([each[0] for each in runs])
    return [
        make_row(
            f"ideal_spring_published: {stage}",
            first,
            medians([each[k] for each in runs]),
            [each[0]["median_error"] / each[k]["median_error"] for each in runs],
            "how many times smaller the median error is than after the first 10,000 steps",
            lambda ratio: True,
            runs=[each[k] for each in runs],
        )
        for k, stage in enumerate(stages)
    ]
