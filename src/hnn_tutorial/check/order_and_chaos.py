"""Checks of the chapter "Order and chaos"."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study as study_of
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import expect, function, match, score, table
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import alignment_index
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import HNN, SecondOrderMLP
from hnn_tutorial.systems import HenonHeiles
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("order_and_chaos")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


def _rates(x: Tensor, v: Tensor, c: float, cross: float = 2.0, even: float = 2.0) -> Tensor:
    """The variational equation of the Hénon–Heiles system, with two factors that may be wrong."""
    q1, q2, d1, d2 = x[..., 0], x[..., 1], v[..., 0], v[..., 1]
    first = -d1 - cross * c * (q2 * d1 + q1 * d2)
    second = -d2 - even * c * (q1 * d1 - q2 * d2)
    return torch.stack([v[..., 2], v[..., 3], first, second], dim=-1)


@exercise(1, "derive", "The motion of a small deviation")
def variation(answer: Any) -> str:
    """Check ``variation(x, v, coupling)``: the variational equation of Hénon–Heiles."""
    rate = function(answer, "variation(x, v, coupling)")
    c = 0.7
    x = states(6, degrees=2).reshape(2, 3, 4)
    v = states(6, seed=1, degrees=2).reshape(2, 3, 4)
    field = HenonHeiles(c).field
    right = torch.func.jvp(field, (x,), (v,))[1]
    halves = right.chunk(2, dim=-1)
    mistakes = [
        (field(v), "This is the field at v, as if a deviation were a state. The equation of a "
         "deviation is linear in v, and its coefficients depend on x."),
        (field(x), "This is the motion of the star itself. Asked for is the derivative of that "
         "along v."),
        (field(x + v) - field(x), "This is right for a small v only: terms with v² must go."),
        (_rates(x, v, 0.0), "The cubic terms of the potential are missing: these are the "
         "deviations of two springs."),
        (_rates(x, v, 1.0), "The coupling κ is missing before the products."),
        (_rates(x, v, c, 1.0, 1.0), "The products of the deviation are half of what they should "
         "be: each of the two factors of κ 2xy, and of κ(x² - y²), varies."),
        (_rates(x, v, c, 2.0, 1.0), "In the last component a square varies twice as fast as its "
         "root: d(x²) = 2x dx."),
        (_rates(x, v, -c), "The cubic terms have the wrong sign."),
        (torch.cat([halves[0], -halves[1]], dim=-1), "Force and deviation have opposite signs "
         "here: ṗ is minus the derivative of V."),
    ]  # fmt: skip
    got = rate(x, v, c, like=x)
    match(got, right, mistakes, "This is not Df(x) v.", at=torch.cat([x, v], dim=-1))
    got = rate(x[1, 2], v[1, 2], c, like=x[1, 2])
    match(got, right[1, 2], [], "Right for a batch, and wrong for a single state of shape (4,).")
    return (
        "Right: linear in the deviation, with coefficients that the motion brings along. Where "
        "these let it grow exponentially in the mean, the motion is chaotic."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "The alignment index")
def alignment(answer: Any) -> str:
    """Check ``alignment(first, second)``: the smaller alignment index of two deviations."""
    index = function(answer, "alignment(first, second)")
    first = states(12, degrees=2).reshape(3, 4, 4)
    second = 3 * states(12, seed=1, degrees=2).reshape(3, 4, 4)
    second[0] = 2 * first[0] + 0.03 * second[0]
    second[1] = -5 * first[1] + 0.02 * second[1]
    one, two = (v / v.norm(dim=-1, keepdim=True) for v in (first, second))
    plus, minus = (one + two).norm(dim=-1), (one - two).norm(dim=-1)
    right = torch.minimum(plus, minus)
    raw = torch.minimum((first + second).norm(dim=-1), (first - second).norm(dim=-1))
    product = (one * two).sum(-1)
    mistakes = [
        (raw, "The deviations are not of length 1: divide each by its own norm first. Their "
         "lengths grow, and only the directions count."),
        (minus, "This is the distance of the two directions. Deviations of opposite directions "
         "lie on one line too: take the smaller of difference and sum."),
        (plus, "This is the norm of the sum. Take the smaller of sum and difference."),
        (torch.maximum(plus, minus), "This is the larger of the two norms."),
        (right**2, "This is the square of the index: a root is missing."),
        (product, "This is the cosine of the angle. The index is 0, not 1, where both agree."),
        (product.abs(), "This is the cosine of the angle. The index is 0, not 1, where both "
         "agree."),
        ((1 - product**2).clamp(min=0).sqrt(), "This is the sine of the angle, which for small "
         "angles agrees with the index, and here it does not."),
        ((one + two).abs().sum(-1).minimum((one - two).abs().sum(-1)), "This is a sum of absolute "
         "values: the norm is the root of the sum of squares."),
    ]  # fmt: skip
    match(index(first, second, like=right), right, mistakes, "These are other numbers than the "
          "index.")  # fmt: skip
    got = index(second, first, like=right)
    match(got, right, [], "The index depends on which deviation comes first.")
    got = index(first[1, 2], second[1, 2], like=right[1, 2])
    match(got, right[1, 2], [], "Right for a batch, and wrong for two vectors of shape (4,).")
    odd = index(first[..., :3], second[..., :3], like=right)
    one, two = (v / v.norm(dim=-1, keepdim=True) for v in (first[..., :3], second[..., :3]))
    want = torch.minimum((one + two).norm(dim=-1), (one - two).norm(dim=-1))
    match(odd, want, [], "Right for four components, and wrong for three.")
    return (
        "Right. Both deviations obey the same linear equation. In chaos each turns to the one "
        "direction that grows fastest, along it or against it."
    )


# --- 3 -------------------------------------------------------------------------------------------

CAUSES = ("rounding", "integrator", "learned field", "none")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "smaller step": (
        "integrator",
        "What does a smaller step change: the field, the number of digits, or neither?",
        "a smaller step changes only the integrator's own error",
    ),
    "more digits": (
        "rounding",
        "Leapfrog is reversible for every step. What is left of the error in float64?",
        "leapfrog undoes its own steps but for rounding, and chaos amplifies that",
    ),
    "negative time": (
        "none",
        "Integrating a field with negative time retraces any field's motion. Is this a test of the "
        "field?",
        "with negative time every field retraces its motion, so a return says nothing of the field",
    ),
    "odd in p": (
        "learned field",
        "What must H(q, -p) be, for a motion played backwards to be a motion?",
        "only an H that is even in p has motions that can be played backwards",
    ),
    "energy drifts": (
        "integrator",
        "An HNN conserves its own energy for any weights. Who lets it drift?",
        "a learned H is conserved by its own exact motion, so its drift is the integrator's",
    ),
    "sea and island": (
        "rounding",
        "Both starts have the same field, step and method. What do they amplify differently?",
        "with one exact field and a reversible method only rounding is left to be amplified",
    ),
}
"""The cases of exercise 3: the right word, a question for those who err, and the reason."""


@exercise(3, "think", "Who is to blame?")
def causes(answer: Any) -> str:
    """Check ``causes``: for each of `CASES` one of `CAUSES`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, CAUSES, advice, "causes")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------

RIVALS = ("HNN", "second-order network")
"""The two models of exercise 4."""

VERDICTS = ("HNN", "second-order network", "undecided")
"""The words of exercise 4."""

STUDY = ("varied", "values", "seeds", "prediction", *RIVALS, "conclusion")
"""The keys of exercise 4."""

USUAL = {"energy": 0.125, "states": 210}
"""The settings of exercise 4 that are not varied."""

LIMITS = {"energy": (0.02, 0.166), "states": (60, 600)}
"""The smallest and the largest settings of exercise 4."""

_STARTS, _DURATION, _BOUND = 40, 200.0, 1e-2


def measure(model: str, energy: float = 0.125, states: int = 210, seed: int = 0) -> float:
    """Train one network of exercise 4, and return how many starts it classifies wrong.

    Forty starts of one energy are followed for 200 units of time. A start is called chaotic where
    the alignment index has fallen below 0.01; it is wrong where the true field says otherwise.

    Args:
        model: one of `RIVALS`.
        energy: of the starts.
        states: how many recorded states the network learns, with energies up to 1/6.
        seed: of the data and of the weights.

    Returns:
        The number of starts out of forty.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(energy), int(states), int(seed))


@cache
def _measured(model: str, energy: float, states: int, seed: int) -> float:
    classes = _chaotic(_trained(model, states, seed).field, energy)
    return float((classes != _true_classes(energy)).sum())


@cache
def _trained(model: str, count: int, seed: int) -> HNN | SecondOrderMLP:
    system, generator = HenonHeiles(), torch.Generator().manual_seed(seed)
    energies = torch.rand(30, generator=generator, dtype=torch.float64) / 6
    starts = torch.cat([system.sample(1, generator, energy=e) for e in energies.tolist()])
    times = torch.linspace(0, 30, 21, dtype=torch.float64)
    seen = integrate(system.field, starts, times, step=0.1).flatten(0, 1)
    chosen = seen[torch.randperm(len(seen), generator=generator)[:count]]
    network = (HNN if model == "HNN" else SecondOrderMLP)(2, (12, 12), seed=seed)
    data = Dataset(chosen, system.field(chosen))
    fit(network, data, LevenbergMarquardt(steps=20, weight_decay=1e-9), progress=False)
    return network


def _chaotic(field: Any, energy: float) -> Tensor:
    starts = HenonHeiles().sample(_STARTS, seed=0, energy=energy)
    times = torch.arange(0.0, _DURATION + 1, 4.0, dtype=torch.float64)
    index = alignment_index(field, starts, times, step=0.25)[-1]
    # A motion that was lost is neither: it never counts as right.
    return torch.where(index.isnan(), 2, (index < _BOUND).to(torch.int64))


@cache
def _true_classes(energy: float) -> Tensor:
    return _chaotic(HenonHeiles().field, energy)


def verdict(hnn: list[float], other: list[float]) -> str:
    """Who wins by the rule of exercise 4: fewer wrong at four of five seeds at least."""
    pairs = list(zip(hnn, other, strict=True))
    if sum(a < b for a, b in pairs) >= 0.8 * len(pairs):
        return "HNN"
    wins = sum(b < a for a, b in pairs)
    return "second-order network" if wins >= 0.8 * len(pairs) else "undecided"


@exercise(4, "experiment", "An open question: when does a learned energy find the chaos?")
def finds(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    varied = study_of.choice(study["varied"], "varied", USUAL)
    values = study_of.settings(study["values"], varied, LIMITS[varied])
    if varied == "states":
        expect(all(v == int(v) for v in values), "Numbers of states are whole numbers.")
    seeds = study_of.seeds(study["seeds"], "trains all networks again")
    prediction = study_of.words(study["prediction"], "prediction", values, VERDICTS)
    conclusion = study_of.words(study["conclusion"], "conclusion", values, VERDICTS)
    counts = {
        model: study_of.errors(study[model], model, values, seeds, "number") for model in RIVALS
    }
    right = study_of.measured(measure, RIVALS, USUAL, varied, values, seeds)
    for model in RIVALS:
        for value in values:
            _compare(counts[model][value], right, model, value, varied)

    rule = {v: verdict(counts["HNN"][v], counts["second-order network"][v]) for v in values}
    low, high = min(values), max(values)
    rubric = [
        (len(seeds) >= 5, "five seeds or more, the same for both models"),
        (len(values) >= 3, "three settings or more of the one thing that is varied"),
        (high >= 2 * low, "a wide range: the largest setting at least twice the smallest"),
        (len(set(rule.values())) > 1, "two settings at which the answers differ: where one model "
         "wins and where it is undecided, or the other does"),
        (conclusion == rule, "conclusions that follow from your numbers by the rule (four of five "
         "seeds)"),
    ]  # fmt: skip
    score(rubric)
    right_guesses = sum(prediction[v] == rule[v] for v in values)
    return (
        f"All {len(rubric)} points of the rubric, and every number measured again. "
        f"{right_guesses} of your {len(values)} predictions came true. Where all starts are "
        "regular there is nothing to find, and both models are right."
    )


def _compare(
    got: list[float],
    right: Mapping[str, Mapping[float, Sequence[float]]],
    model: str,
    value: float,
    varied: str,
) -> None:
    """Expect what was measured here, nearly: another machine may round differently."""

    def agrees(given: Sequence[float], wanted: Sequence[float]) -> bool:
        return all(abs(a - b) <= 1.5 + 0.2 * b for a, b in zip(given, wanted, strict=True))

    wanted = right[model][value]
    where = f"At {varied} = {value:g} the numbers of the {model}"
    expect(
        all(n == int(n) and 0 <= n <= _STARTS for n in got),
        f"{where} are not whole numbers from 0 to {_STARTS}: give how many starts are wrong, not "
        "which share.",
    )
    if agrees(got, wanted):
        return
    other = RIVALS[1 - RIVALS.index(model)]
    expect(not agrees(got, right[other][value]), f"{where} are those of the {other}.")
    study_of.refuse(
        got,
        right[model],
        value,
        where,
        agrees=agrees,
        cures=[(lambda v: _STARTS - v, "those that are right: give those that are wrong")],
        off=lambda a, b: abs(a - b),
    )
