"""Rows about tasks: a recipe of the published settings against ours, over seeds."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache

from harness import Row, make_row, medians, row

from hnn_tutorial.experiments import (
    Recipe,
    double_pendulum,
    ideal_spring,
    pendulum,
    real_pendulum,
    run_seed,
    spring,
    three_body,
    two_body,
)

Side = Callable[[int], dict[str, float]]

SEEDS = range(5)
FEW_SEEDS = range(3)


def run(recipe: Recipe, model: str | None = None) -> Side:
    """Return a side of a row: it trains a recipe's model from a seed, and returns its figures."""

    def side(seed: int) -> dict[str, float]:
        result, _ = run_seed(recipe, seed, model=model)
        return {"seconds": result.seconds, "parameters": result.parameters, **result.scores}

    return side


def extrapolated(recipe: Recipe, steps: int, total: int) -> Side:
    """Return the side of a recipe that is too long to run: its time, from some of its steps.

    Args:
        recipe: with Adam alone.
        steps: how many are timed.
        total: how many the whole recipe takes.
    """
    (optimizer,) = recipe.optimizers.values()
    short = replace(recipe, optimizers={optimizer.name: replace(optimizer, steps=steps)})

    def side(seed: int) -> dict[str, float]:
        result, _ = run_seed(short, seed)
        return {"seconds": result.seconds * total / steps, "parameters": result.parameters}

    return side


def recipe_row(
    name: str,
    reference: Side,
    ours: Side,
    seeds: Iterable[int],
    most: Mapping[str, float],
    *,
    least: Mapping[str, float] | None = None,
    ratio: str | None = None,
    better: float | None = None,
    faster: float | None = None,
    limit: float | None = None,
) -> Row:
    """Run two sides seed by seed in this process, and return their row.

    Args:
        name: of the row.
        reference: what ours is compared with.
        ours: what is to be better.
        seeds: both sides run each of them.
        most: the largest median of each figure of ours that counts as reached.
        least: the smallest.
        ratio: of which figure the ratio is taken, reference over ours, seed by seed; None takes
            the first of ``most``.
        better: the least median of the ratio; None does not ask.
        faster: how many times less time the training is to take; None does not ask.
        limit: most seconds that a training of ours may take.
    """
    least = least or {}
    ratio = ratio or next(iter(most))
    runs = []
    for seed in seeds:
        # Both sides of a seed one after the other: a machine that slows down slows both.
        runs.append({"reference": reference(seed), "ours": ours(seed)})
    middle = {side: medians(run[side] for run in runs) for side in ("reference", "ours")}
    conditions = [
        (f"{key} <= {bound:g}", middle["ours"][key] <= bound) for key, bound in most.items()
    ]
    conditions += [
        (f"{key} >= {bound:g}", middle["ours"][key] >= bound) for key, bound in least.items()
    ]
    spent = middle["ours"]["seconds"]
    if faster is not None:
        conditions.append((f"{faster:g}x faster", middle["reference"]["seconds"] >= faster * spent))
    if limit is not None:
        conditions.append((f"<= {limit:g} s", spent <= limit))
    if better is not None:
        conditions.append((f"ratio >= {better:g}", None))
    shown = ("seconds", *most, *least)
    return make_row(
        name,
        {k: middle["reference"][k] for k in shown if k in middle["reference"]},
        {k: middle["ours"][k] for k in shown},
        [_ratio(run["reference"][ratio], run["ours"][ratio]) for run in runs],
        ", ".join(text for text, _ in conditions),
        lambda found: all(found >= better if met is None else met for _, met in conditions),
        runs=runs,
    )


def _ratio(reference: float, ours: float) -> float:
    """Return how many times smaller ours is; nothing, where ours diverged."""
    if ours == float("inf"):
        return 0.0
    return reference / ours if ours else float("inf")


@row
def spring_noisy(repeats: int) -> list[Row]:
    """The paper's noisy spring: energy and coordinates over T = 20."""
    goals = {"energy_mse": 1e-4, "coordinate_mse": 0.02}
    sides = run(spring.REFERENCE), run(spring.OURS)
    return [recipe_row("spring_noisy", *sides, SEEDS, goals)]


@row
def pendulum_noisy(repeats: int) -> list[Row]:
    """The paper's noisy pendulum: energy and coordinates over T = 20."""
    goals = {"energy_mse": 1.5e-4, "coordinate_mse": 0.02}
    sides = run(pendulum.REFERENCE), run(pendulum.OURS)
    return [recipe_row("pendulum_noisy", *sides, SEEDS, goals)]


@row
def two_bodies(repeats: int) -> list[Row]:
    """The paper's two bodies: test loss, and energy over T = 25, in less time."""
    goals = {"test_loss": 1e-7, "energy_mse": 1e-6}
    sides = run(two_body.REFERENCE), run(two_body.OURS)
    return [recipe_row("two_bodies", *sides, SEEDS, goals, faster=1.0)]


@row
def three_bodies(repeats: int) -> list[Row]:
    """The paper's three bodies: energy at T = 3, the median over orbits."""
    sides = run(three_body.REFERENCE), run(three_body.OURS)
    return [recipe_row("three_bodies", *sides, FEW_SEEDS, {"energy_mse_median": 4e-4})]


@row
def recorded_pendulum(repeats: int) -> list[Row]:
    """The real pendulum, or without the recording its twin: against an MLP, and the paper's HNN."""
    try:
        real_pendulum.TASK.recording()
    except FileNotFoundError:
        name, ours = "recorded_pendulum: twin", real_pendulum.TWIN
        reference = replace(real_pendulum.REFERENCE, task=ours.task)
    else:
        name, ours = "recorded_pendulum: real", real_pendulum.OURS
        reference = real_pendulum.REFERENCE
    goals = {"energy_mse": 5e-4}
    own = run(ours, "dissipative_hnn")
    return [
        recipe_row(f"{name}, against its MLP", run(ours, "mlp"), own, SEEDS, goals, better=1.0),
        recipe_row(
            f"{name}, against the HNN", run(reference, "hnn"), own, SEEDS, goals, better=1.0
        ),
    ]


@row
def chaotic_double_pendulum(repeats: int) -> list[Row]:
    """The LNN's double pendulum: end energies at 100 s, from 10,000 states.

    The published recipe would take days here: its time is that of three of its steps, 200,000
    times. Its published end energies are 4.3e-3 in the mean and 1.1e-3 in the median.
    """
    task = replace(
        double_pendulum.REFERENCE.task, states=2048, test_states=8, starts=1, horizon=0.1
    )
    short = replace(double_pendulum.REFERENCE, task=task)
    return [
        recipe_row(
            "chaotic_double_pendulum",
            extrapolated(short, steps=3, total=600_000),
            run(double_pendulum.OURS),
            FEW_SEEDS,
            {"end_energy": 4e-3, "end_energy_median": 1e-3},
            ratio="seconds",
            limit=600,
        )
    ]


@row
def ideal_spring_study(repeats: int) -> list[Row]:
    """The study of the ideal spring: shares of the mesh within a relative error.

    The published recipe would take 20 minutes here: its time is that of 20 of its 12,000 steps.
    """
    cases = {
        "R = 100": (ideal_spring.OURS, {"mesh_within_5e-4": 1.0, "mesh_within_1e-5": 0.99}),
        "R = 10,000": (
            ideal_spring.OURS_LARGE,
            {"mesh_within_5e-4": 1.0, "mesh_within_1e-5": 0.99},
        ),
        "observed": (ideal_spring.OURS_OBSERVED, {"mesh_within_1e-3": 1.0}),
    }
    # The same for all three cases.
    reference = cache(extrapolated(ideal_spring.REFERENCE, steps=20, total=12_000))
    return [
        recipe_row(
            f"ideal_spring_study: {case}",
            reference,
            run(ours),
            SEEDS,
            {"parameters": 1000},
            least=least,
            ratio="seconds",
            limit=60,
        )
        for case, (ours, least) in cases.items()
    ]
