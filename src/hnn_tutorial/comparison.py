r"""Fair comparisons: several models, the same data, several seeds, and what each of them spent.

`compare` trains every rival on the same data over the same seeds, tries every optimiser it is
given and keeps, for each rival, the one that serves it best. The result shows medians and ranges,
the cost of every rival, and in words whatever is *not* equal between them.
"""

import copy
import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from hnn_tutorial._html import numbers, table
from hnn_tutorial._validate import as_number, check_callable, check_seed, check_type, describe
from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import Spread, over_seeds
from hnn_tutorial.models import parameter_count
from hnn_tutorial.training import TrainingDivergedError, derivative_residual, fit
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.fit import Optimizer, check_optimizer, plain_settings
from hnn_tutorial.training.losses import Residual, as_batch

__all__ = [
    "Comparison",
    "Spent",
    "compare",
]

Build = Callable[[int], nn.Module]
Score = Callable[[Any], Any]
Optimizers = Optimizer | Sequence[Optimizer]

# What counts as equal: weights within ten per cent of a common value, work within a factor.
MOST_WEIGHTS = 1.1 / 0.9
MOST_WORK = 1.5
LEAST_SEEDS = 5
LEAST_RATES = 3


@dataclass(frozen=True)
class Spent:
    """What one rival of a comparison cost, per seed where nothing else is said.

    Attributes:
        weights: trainable numbers.
        activation: of its hidden layers; empty if the model states none.
        optimizer: the settings that were kept.
        tried: how many optimisers were tried for it.
        steps: optimiser steps, the median over the seeds.
        multiplications: floating-point multiplications in matrix products, over all steps; an
            estimate, counted in the first step of the first seed.
        seconds: wall time of training, the median over the seeds.
        seconds_in_all: wall time of all its trainings, the rejected optimisers included.
    """

    weights: int
    activation: str
    optimizer: Optimizer
    tried: int
    steps: int
    multiplications: float
    seconds: float
    seconds_in_all: float


@dataclass(frozen=True, repr=False)
class Comparison:
    """The outcome of `compare`; printed, it is a table with its costs below.

    Attributes:
        models: the trained models of each rival, one for each seed.
        values: the scores, ``values[rival][score]``, one number for each seed.
        spent: what each rival cost.
        seeds: the seeds.
        unequal: what is not equal between the rivals, a sentence each; empty if the comparison
            is fair.
    """

    models: dict[str, list[nn.Module]]
    values: dict[str, dict[str, list[float]]]
    spent: dict[str, Spent]
    seeds: tuple[int, ...]
    unequal: tuple[str, ...] = ()

    def spread(self, rival: str, score: str) -> Spread:
        """Return median and range of a score over the seeds.

        Args:
            rival: its name.
            score: its name.

        Raises:
            ValueError: if there is no such rival or score.
        """
        return over_seeds(self._values(rival, score))

    def wins(self, rival: str, other: str, score: str) -> int:
        """Return for how many seeds a rival has the smaller score of two.

        Args:
            rival: the one that may have won.
            other: the one it is compared with.
            score: the score's name.

        Raises:
            ValueError: if there is no such rival or score.
        """
        pairs = zip(self._values(rival, score), self._values(other, score), strict=True)
        return sum(mine < theirs for mine, theirs in pairs)

    def ratio(self, rival: str, other: str, score: str) -> Spread:
        """Return the score of one rival in units of another's, seed by seed.

        Args:
            rival: whose score stands above the line.
            other: whose score stands below it.
            score: the score's name.

        Raises:
            ValueError: if there is no such rival or score, or if both scores of a seed are zero
                or both infinite.
        """
        ratios = []
        for seed, above, below in zip(
            self.seeds, self._values(rival, score), self._values(other, score), strict=True
        ):
            if above == below and (above == 0 or math.isinf(above)):
                raise ValueError(f"seed {seed}: {score!r} is {above} for both; no ratio exists")
            ratios.append(above / below if below else math.inf)
        return over_seeds(ratios)

    def _values(self, rival: str, score: str) -> list[float]:
        for name, names, kind in (
            (rival, self.values, "rival"),
            (score, next(iter(self.values.values())), "score"),
        ):
            if not isinstance(name, str) or name not in names:
                raise ValueError(
                    f"unknown {kind} {describe(name)}; choose one of: {', '.join(names)}"
                )
        return self.values[rival][score]

    def __repr__(self) -> str:
        lines = [
            f"median [range] over {len(self.seeds)} seeds",
            *_columns(self._scores()),
            "",
            *_columns(self._costs()),
            *self._notes(),
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        notes = "".join(f"<li>{numbers(note)}</li>" for note in self._notes())
        return (
            '<div class="hnn-comparison">'
            + table(self._scores(), f"Median and range over {len(self.seeds)} seeds.")
            + table(self._costs(), "What each of them spent.")
            + f"<ul>{notes}</ul></div>"
        )

    def _scores(self) -> list[list[str]]:
        scores = list(next(iter(self.values.values())))
        rows = [
            [rival, *(str(self.spread(rival, score)) for score in scores)] for rival in self.values
        ]
        return [["", *scores], *rows]

    def _costs(self) -> list[list[str]]:
        costs = [["spent by", "weights", "activation", "steps", "multiplications", "seconds"]]
        for rival, cost in self.spent.items():
            row = [rival, str(cost.weights), cost.activation or "-", str(cost.steps)]
            costs.append([*row, f"{cost.multiplications:.1e}", f"{cost.seconds:.2g}"])
        return costs

    def _notes(self) -> list[str]:
        return [
            *(
                f"{rival}: {_settings(cost.optimizer)}"
                + (f", the best of {cost.tried}" if cost.tried > 1 else "")
                for rival, cost in self.spent.items()
            ),
            *(f"not equal: {sentence}" for sentence in self.unequal),
        ]


def compare(
    rivals: Mapping[str, Build],
    data: Dataset | Callable[[int], Dataset],
    optimizers: Optimizers | Mapping[str, Optimizers],
    scores: Mapping[str, Score],
    *,
    seeds: Iterable[int] = range(5),
    residual: Residual | Mapping[str, Residual] = derivative_residual,
) -> Comparison:
    """Train rivals on the same data over the same seeds; score them, and say what they spent.

    Args:
        rivals: ``{name: build}``, where ``build(seed)`` returns an untrained model.
        data: what all are trained on; or a function of the seed, for data that change with it.
        optimizers: one for all, or several, of which each rival keeps the one with the smallest
            median of the first score; or ``{name: one or several}``.
        scores: ``{name: score}``, where ``score(model)`` is a number, the smaller the better. A
            model whose training diverged scores infinity. One that rolls out is several times
            faster under ``torch.no_grad()``.
        seeds: of weights, data and mini-batches; each is used for every rival.
        residual: what is trained on; or ``{name: residual}``.

    Returns:
        Models, scores and costs, and what is not equal: numbers of weights that are not within
        10 % of a common value, activations, work that differs by more than 1.5 times, fewer
        than five seeds, a rival of gradient descent that had fewer than three learning rates.

    Raises:
        TypeError, ValueError: if an argument is not what it should be, or a score is NaN.
    """
    check_type(Mapping, "a mapping from names to functions of a seed", rivals=rivals)
    check_type(Mapping, "a mapping from names to functions of a model", scores=scores)
    if len(rivals) < 2 or not scores:
        raise ValueError("a comparison needs at least two rivals and one score")
    check_type(Iterable, "seeds, such as range(5)", seeds=seeds)
    if getattr(seeds, "ndim", 1) == 0:
        raise TypeError(f"seeds = {describe(seeds)}; expected several, such as range(5)")
    seeds = tuple(seeds)
    for seed in seeds:
        check_seed(seed)
    if not seeds or len(set(seeds)) != len(seeds):
        raise ValueError(f"seeds = {describe(seeds)}; expected different seeds, at least one")
    for kind, functions in (("rivals", rivals), ("scores", scores)):
        for name, function in functions.items():
            check_type(str, "a name", **{f"a name in {kind}": name})
            check_callable(**{f"{kind}[{name!r}]": function})
    choices = {name: _choices(optimizers, name) for name in rivals}
    residuals = {
        name: residual.get(name, derivative_residual) if isinstance(residual, Mapping) else residual
        for name in rivals
    }
    for name, each in residuals.items():
        check_callable(**{f"the residual of {name!r}": each})
    by_seed = {seed: data(seed) if callable(data) else data for seed in seeds}
    for batch in by_seed.values():
        check_type((Dataset, Mapping), "a Dataset, or a function of the seed", data=batch)

    models, values, spent = {}, {}, {}
    for name, build in rivals.items():
        trained = [_train(build, by_seed, c, residuals[name], scores, name) for c in choices[name]]
        # An infinite median loses; the first of equals is kept.
        best = min(trained, key=lambda result: statistics.median(next(iter(result[1].values()))))
        models[name], values[name], cost = best
        spent[name] = Spent(
            **cost,
            tried=len(trained),
            seconds_in_all=sum(result[2]["seconds"] for result in trained) * len(seeds),
        )
    return Comparison(models, values, spent, seeds, _unequal(spent, choices, seeds))


def _choices(optimizers: Any, name: str) -> list[Optimizer]:
    if isinstance(optimizers, Mapping):
        if name not in optimizers:
            raise ValueError(f"optimizers has no entry for {name!r}; it has {list(optimizers)}")
        optimizers = optimizers[name]
    several = list(optimizers) if isinstance(optimizers, list | tuple) else [optimizers]
    if not several:
        raise ValueError(f"there is no optimiser for {name!r}; expected one or several")
    for optimizer in several:
        check_optimizer(optimizer)
    return several


def _train(
    build: Build,
    data: Mapping[int, Dataset],
    optimizer: Optimizer,
    residual: Residual,
    scores: Mapping[str, Score],
    name: str,
) -> tuple[list[nn.Module], dict[str, list[float]], dict[str, Any]]:
    """Return the trained models, their scores, and what the training cost."""
    models: list[nn.Module] = []
    values: dict[str, list[float]] = {score: [] for score in scores}
    steps, seconds = [], []
    products = 0.0
    for seed, batch in data.items():
        model = build(seed)
        check_type(nn.Module, "a model", **{f"rivals[{name!r}]({seed})": model})
        try:
            products = products or _products_in_a_step(model, batch, optimizer, residual)
            history = fit(model, batch, optimizer, residual=residual, progress=False, seed=seed)
        except TrainingDivergedError:
            for missed in values.values():
                missed.append(math.inf)
        else:
            steps.append(history.steps)
            seconds.append(history.seconds)
            for score, function in scores.items():
                value = as_number(f"score {score!r}", function(model))
                if math.isnan(value):
                    raise ValueError(f"score {score!r} of {name!r}, seed {seed}, is NaN")
                values[score].append(value)
        models.append(model)
    done = int(statistics.median(steps)) if steps else 0
    cost = {
        "weights": parameter_count(models[0]),
        "activation": str(getattr(models[0], "activation", "")),
        "optimizer": optimizer,
        "steps": done,
        "multiplications": products * done,
        "seconds": statistics.median(seconds) if seconds else 0.0,
    }
    return models, values, cost


def _addmm_operations(sum_: Any, first: Any, second: Any, *_: Any, **__: Any) -> int:
    """Return the operations of a matrix product that is added to a matrix in place."""
    return int(2 * first[0] * first[1] * second[1])


def _cholesky_operations(matrix: Any, *_: Any, **__: Any) -> int:
    """Return the operations of a Cholesky factorisation, n³/3 to the leading order."""
    return int(matrix[-1] ** 3 // 3)


# Levenberg–Marquardt's own products, which PyTorch's counter does not know.
_MORE_PRODUCTS = {
    torch.ops.aten.addmm_: _addmm_operations,
    torch.ops.aten.linalg_cholesky_ex: _cholesky_operations,
}


def _products_in_a_step(
    model: nn.Module, data: Dataset, optimizer: Optimizer, residual: Residual
) -> float:
    """Return the multiplications in the matrix products of an optimiser's first step."""
    problem = Problem(copy.deepcopy(model), residual, as_batch(data))
    problem.may_record = False
    state = optimizer.start(problem, 0)
    counter = FlopCounterMode(display=False, custom_mapping=_MORE_PRODUCTS)
    with counter:
        optimizer.step(problem, state)
    # The counter takes a multiplication and an addition for two operations.
    return counter.get_total_flops() / 2


def _unequal(
    spent: Mapping[str, Spent], choices: Mapping[str, list[Optimizer]], seeds: Sequence[int]
) -> tuple[str, ...]:
    """Return what is not equal between the rivals, a sentence each."""
    found = []
    weights = {name: cost.weights for name, cost in spent.items()}
    if max(weights.values()) > MOST_WEIGHTS * min(weights.values()):
        found.append("weights, " + _listed(weights))
    activations = {name: cost.activation for name, cost in spent.items() if cost.activation}
    if len(set(activations.values())) > 1:
        found.append("activations, " + _listed(activations))
    work = {name: cost.multiplications for name, cost in spent.items()}
    if max(work.values()) > MOST_WORK * min(work.values()):
        found.append("work, " + _listed({name: f"{value:.1e}" for name, value in work.items()}))
    if len(seeds) < LEAST_SEEDS:
        found.append(f"there are {len(seeds)} seeds; {LEAST_SEEDS} say more")
    for name, tried in choices.items():
        rates = {getattr(o, "learning_rate", None) for o in tried}
        if None not in rates and len(rates) < LEAST_RATES:
            number = "one learning rate" if len(rates) == 1 else f"{len(rates)} learning rates"
            found.append(f"{name} was trained with {number}; the best of {LEAST_RATES} says more")
    return tuple(found)


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{value} ({name})" for name, value in values.items())


def _settings(optimizer: Optimizer) -> str:
    """Return an optimiser's name and the settings in which it is not the usual one."""
    usual = plain_settings(type(optimizer)())
    changed = [
        f"{key} {value:g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in plain_settings(optimizer).items()
        if value != usual[key]
    ]
    kind = optimizer.name.replace("_", " ")
    return ", ".join([kind, *changed]).replace("_", " ")


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows of text as lines of aligned columns, the first to the left."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
