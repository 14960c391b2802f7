"""Rows about tasks: a recipe of the paper's settings against ours, over seeds.

A row is one function, such as::

    @row
    def two_body(repeats: int) -> list[Row]:
        goals = {"test_loss": 1e-7, "energy_mse": 1e-6}
        return [recipe_row("two_body", REFERENCE, OURS, range(repeats), goals, faster=1.0)]
"""

from collections.abc import Iterable, Mapping

from harness import Row, make_row, medians

from hnn_tutorial.experiments import Recipe, run_seed


def recipe_row(
    name: str,
    reference: Recipe,
    ours: Recipe,
    seeds: Iterable[int],
    goals: Mapping[str, float],
    *,
    faster: float | None = None,
    limit: float | None = None,
) -> Row:
    """Run two recipes seed by seed in this process, and return their row.

    The ratio is that of the first score in ``goals``, reference over ours, seed by seed.

    Args:
        name: of the row.
        reference: the published settings.
        ours: what is to be better.
        seeds: both recipes run each of them.
        goals: the largest median of each score that counts as reached.
        faster: how many times less time the training is to take; None does not ask.
        limit: most seconds that a training of ours may take.
    """
    first = next(iter(goals))
    runs = []
    for seed in seeds:
        # Both sides of a seed one after the other: a machine that slows down slows both.
        results = {side: run_seed(recipe, seed)[0] for side, recipe in _sides(reference, ours)}
        runs.append({s: {"seconds": r.seconds, **r.scores} for s, r in results.items()})
    middle = {side: medians(run[side] for run in runs) for side in ("reference", "ours")}
    conditions = [
        (f"{score} <= {most:g}", middle["ours"][score] <= most) for score, most in goals.items()
    ]
    spent = middle["ours"]["seconds"]
    if faster is not None:
        conditions.append((f"{faster:g}x faster", middle["reference"]["seconds"] >= faster * spent))
    if limit is not None:
        conditions.append((f"<= {limit:g} s", spent <= limit))
    shown = ("seconds", *goals)
    return make_row(
        name,
        {k: middle["reference"][k] for k in shown if k in middle["reference"]},
        {k: middle["ours"][k] for k in shown},
        [_ratio(run["reference"][first], run["ours"][first]) for run in runs],
        ", ".join(text for text, _ in conditions),
        lambda _: all(met for _, met in conditions),
        runs=runs,
    )


def _sides(reference: Recipe, ours: Recipe) -> list[tuple[str, Recipe]]:
    return [("reference", reference), ("ours", ours)]


def _ratio(reference: float, ours: float) -> float:
    """Return how many times smaller ours is; nothing, where ours diverged."""
    if ours == float("inf"):
        return 0.0
    return reference / ours if ours else float("inf")
