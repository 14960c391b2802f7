"""Checks of the chapter "Your own recording"."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study as study_of
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import (
    expect,
    function,
    match,
    score,
    table,
)
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.own_recording.rivals import PendulumFormula
from hnn_tutorial.recordings import Observations, Track, phone_swing, smooth
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("your_recording")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


def _drift(offset: Tensor, noise: Tensor, rate: Tensor, seconds: Tensor) -> Tensor:
    return ((offset * seconds) ** 2 + noise**2 * seconds / rate).sqrt()


@exercise(1, "derive", "How far does an angle drift?")
def drift(answer: Any) -> str:
    """Check ``drift(offset, noise, rate, seconds)``: the root of the mean squared error."""
    of = function(answer, "drift(offset, noise, rate, seconds)")
    b = torch.tensor([[0.05], [0.003], [0.0]], dtype=torch.float64)
    s = torch.tensor([0.03, 0.2, 0.7, 0.0], dtype=torch.float64)
    f, T = (torch.full((3, 4), value, dtype=torch.float64) for value in (40.0, 90.0))
    b, s = b.expand(3, 4).clone(), s.expand(3, 4).clone()
    b[2, 3] = 0.01
    walk, line = s * (T / f).sqrt(), b * T
    mistakes = [
        (line, "This is the offset alone. Each reading adds the noise σ over the rate, too."),
        (walk, "This is the noise alone. The offset adds b T."),
        (line + walk, "The two errors were added. They are independent, so add their squares."),
        (_drift(b, s, f, T) ** 2, "This is the mean square: take its root."),
        ((line**2 + s**2 * T * f).sqrt(), "Each reading is turned into an angle by the time "
         "between two readings, 1/rate: the noise of one is σ/rate."),
        ((line**2 + (s * T) ** 2).sqrt(), "The noise was treated like an offset. Errors of "
         "different readings are independent, so N of them add up to √N times one."),
        ((line**2 + s**2 / f).sqrt(), "There are rate · T readings: the noise grows with √T."),
        ((line**2 + (s / f) ** 2).sqrt(), "This has the noise of one reading, σ/rate. There are "
         "rate · T of them."),
        ((line**2 + s**2 * T).sqrt(), "More readings in a second make the noise of the angle "
         "smaller: the variance is rate · T times (σ/rate)²."),
        ((b**2 + s**2 * T / f).sqrt(), "The offset is a rate, and becomes the angle b T."),
        (((line / 2) ** 2 + s**2 * T / f).sqrt(), "The offset is constant, so its angle is b T, "
         "without a half."),
    ]  # fmt: skip
    got = of(b, s, f, T, like=b)
    match(
        got,
        _drift(b, s, f, T),
        mistakes,
        "This is not the root of the mean squared error.",
        at=torch.stack([b, s], dim=-1),
    )
    one = [torch.tensor(v, dtype=torch.float64) for v in (0.02, 0.4, 25.0, 8.0)]
    got = of(*one, like=one[0])
    match(got, _drift(*one), [], "Right for one rate and duration, and wrong for another.")
    return (
        "Right. The offset grows with T, the noise with √T: after a while the offset is all. That "
        "is why `smooth` takes it off, and why noise alone is no reason for a better sensor."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _angle(t: Tensor, v: Tensor) -> Tensor:
    h = t.diff()
    steps = h * (v[1:] + v[:-1]) / 2
    turned = torch.cat([torch.zeros_like(v[:1]), steps.cumsum(0)])
    return turned - turned[-1] / (t[-1] - t[0]) * (t - t[0])


@exercise(2, "code", "From a rate to an angle")
def angle(answer: Any) -> str:
    """Check ``angle(times, rates)``: the integral of a rate without its mean over time."""
    of = function(answer, "angle(times, rates)")
    generator = torch.Generator().manual_seed(4)
    h = 0.05 + 0.2 * torch.rand(30, generator=generator, dtype=torch.float64)
    t = 3.1 + h.cumsum(0)
    v = 1.7 * torch.cos(2 * t) + 0.4
    right, step = _angle(t, v), t.diff()
    zero = torch.zeros(1, dtype=torch.float64)

    def added(steps: Tensor) -> Tensor:
        return torch.cat([zero, steps.cumsum(0)])

    trapezoid = step * (v[1:] + v[:-1]) / 2
    length = t[-1] - t[0]
    mean = trapezoid.sum() / length
    even = length / (len(t) - 1)
    mistakes = [
        (added(trapezoid), "The offset is still in it: take the mean rate off first."),
        (_angle_with(t, v - v.mean()), "The mean was taken over the rows. The rows are not evenly "
         "spaced: take it over the time, by the same trapezoids."),
        (added(step * (v[:-1] - mean)), "This takes each rate at the beginning of its step. Take "
         "the mean of both ends."),
        (added(step * (v[1:] - mean)), "This takes each rate at the end of its step. Take the "
         "mean of both ends."),
        (added((v[1:] + v[:-1]) / 2 * even - even * mean), "The steps of time were taken to be "
         "equal. They are `times.diff()`."),
        (_angle_with(t, v - trapezoid.sum() / t[-1]), "The mean over the time is the integral over "
         "the duration, `times[-1] - times[0]`. The first time is not zero."),
        (right - right.mean(), "The angle should begin at zero."),
        (-right, "The sign is wrong: where the rate is positive, the angle grows."),
    ]  # fmt: skip
    got = of(t, v, like=t)
    match(got, right, mistakes, "This is not the angle.", times=t)
    t = torch.tensor([0.0, 0.1, 0.9, 1.0], dtype=torch.float64)
    v = torch.tensor([1.0, 2.0, -1.0, 0.5], dtype=torch.float64)
    got = of(t, v, like=t)
    match(got, _angle(t, v), [], "Right for thirty rows, and wrong for four of them.", times=t)
    return (
        "Right. It ends where it began, which is true only of whole swings: `smooth` lets the ends "
        "of the recording count less for this reason, and crosses gaps on a curve."
    )


def _angle_with(t: Tensor, v: Tensor) -> Tensor:
    """The trapezoids of a rate."""
    steps = t.diff() * (v[1:] + v[:-1]) / 2
    return torch.cat([torch.zeros_like(v[:1]), steps.cumsum(0)])


# --- 3 -------------------------------------------------------------------------------------------

CAUSES = (
    "unit",
    "offset",
    "wrapped angle",
    "differences",
    "random split",
    "no friction",
    "too few swings",
)
"""The answers that exercise 3 offers."""

SYMPTOMS: dict[str, tuple[str, str, str]] = {
    "the fitted string is an eighth too long": (
        "unit",
        "The period was measured well. What else decides the length, and goes in through the sine?",
        "the period is right and the size of the swing is not",
    ),
    "the angle leaves along a straight line": (
        "offset",
        "Which error of a rate becomes a straight line, when it is added up?",
        "a constant rate, added up, is a straight line",
    ),
    "a rate of 360 rad/s between two rows": (
        "wrapped angle",
        "By how much did the angle change in these 17 ms?",
        "a whole turn in one step is a jump of the scale, not of the telephone",
    ),
    "the acceleration's error doubles at twice the rows a second": (
        "differences",
        "What stands below the fraction bar, and becomes smaller?",
        "the noise is divided by the step of time",
    ),
    "test error of 1 %, and the first forecast is lost": (
        "random split",
        "How far are the test rows from those that were learned from?",
        "each test row had neighbours in training, and the forecast has none",
    ),
    "forecast swings stay wide, the recorded ones shrink": (
        "no friction",
        "What does the model keep, whatever its weights?",
        "an HNN keeps an energy that the telephone loses",
    ),
    "the mean rate of two seconds is far from the sensor's offset": (
        "too few swings",
        "When is the mean rate of a swing zero?",
        "the mean of a part of a swing is not zero",
    ),
    "period right, all angles 57 times too small": (
        "unit",
        "Which number is 57?",
        "a radian is 57 degrees",
    ),
}
"""The symptoms of exercise 3: the cause, a question for those who err, and the reason."""


@exercise(3, "think", "What went wrong?")
def causes(answer: Any) -> str:
    """Check ``causes``: for each of `SYMPTOMS` one of `CAUSES`."""
    right = {symptom: cause for symptom, (cause, *_) in SYMPTOMS.items()}
    advice = {symptom: question for symptom, (_, question, _) in SYMPTOMS.items()}
    match_words(answer, right, CAUSES, advice, "causes")
    return "\n".join(["All right:", *(f"`{s}`: {why}." for s, (*_, why) in SYMPTOMS.items())])


# --- 4 -------------------------------------------------------------------------------------------

VERDICTS = ("good", "poor", "undecided")
"""The words of exercise 4."""

STUDY = ("varied", "values", "seeds", "prediction", "errors", "conclusion")
"""The keys of exercise 4."""

USUAL = {"seconds": 8.0, "noise": 0.03}
"""The settings of exercise 4 that are not varied."""

LIMITS = {"seconds": (1.0, 20.0), "noise": (0.0, 1.0)}
"""The smallest and the largest settings of exercise 4."""

GOOD = 0.01
"""The relative error of g/l up to which a recording of exercise 4 is good."""


def measure(seconds: float = 8.0, noise: float = 0.03, seed: int = 0) -> float:
    """Record a telephone's swing once, fit the formula, and return the error of its g/l.

    Args:
        seconds: how long the recording is.
        noise: standard deviation of the gyroscope's noise, in rad/s.
        seed: of the noise.

    Returns:
        |fitted g/l − true g/l| over the true one.
    """
    return _measured(float(seconds), float(noise), int(seed))


_TRUTH = 9.81 / 0.6


@cache
def _swing(noise: float, seed: int) -> tuple[Tensor, Tensor]:
    swing = phone_swing(seed, noise=noise)
    rows = [line.split(",")[:2] for line in swing.text.splitlines()[1:]]
    times, rates = torch.tensor([[float(a), float(b)] for a, b in rows], dtype=torch.float64).T
    return times, rates


@cache
def _measured(seconds: float, noise: float, seed: int) -> float:
    times, rates = _swing(noise, seed)
    kept = times <= seconds
    track = Track("1", times[kept], None, rates[kept, None])
    data = smooth(Observations(("q",), ("rad",), (0,), (track,))).dataset()
    formula = PendulumFormula()
    fit(formula, data, LevenbergMarquardt(steps=30, weight_decay=1e-9), progress=False)
    return abs(formula.constants[0].item() - _TRUTH) / _TRUTH


def verdict(errors: list[float]) -> str:
    """What recordings are by the rule of exercise 4: good at four of five seeds at least."""
    wins = sum(error <= GOOD for error in errors)
    if wins >= 0.8 * len(errors):
        return "good"
    return "poor" if wins <= 0.2 * len(errors) else "undecided"


@exercise(4, "experiment", "An open question: what makes a recording good enough?")
def enough(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    varied = study_of.choice(study["varied"], "varied", USUAL)
    values, seeds = (
        _settings(study["values"], varied),
        study_of.seeds(study["seeds"], "measures all of them again"),
    )
    prediction = study_of.words(study["prediction"], "prediction", values, VERDICTS)
    conclusion = study_of.words(study["conclusion"], "conclusion", values, VERDICTS)
    errors = study_of.errors(study["errors"], "errors", values, seeds)
    usual: dict[str, Any] = dict(USUAL)
    right = {
        value: study_of.Measured(partial(measure, **{**usual, varied: value}), seeds)
        for value in values
    }
    for value in values:
        _compare(errors[value], right, value, varied)
    rule = {value: verdict(errors[value]) for value in values}
    low, high = min(values), max(values)
    rubric = [
        (len(seeds) >= 5, "five seeds or more"),
        (len(values) >= 3, "three settings or more of the one thing that is varied"),
        (low == 0 or high >= 4 * low, "a wide range: the largest setting at least four times the "
         "smallest, or a control at zero"),
        (len(set(rule.values())) > 1, "two settings at which the answers differ: where a recording "
         "is good enough and where it is not"),
        (conclusion == rule, "conclusions that follow from your numbers by the rule (four of five "
         "seeds)"),
    ]  # fmt: skip
    differ = [v for v in values if conclusion[v] != rule[v]]
    hint = ""
    if differ:
        wins = sum(error <= GOOD for error in errors[differ[0]])
        hint = (
            f" At {varied} = {differ[0]:g} the error is at most 1 % for {wins} of {len(seeds)} "
            f"seeds, and you conclude {conclusion[differ[0]]!r}."
        )
    score(rubric, hint=hint)
    guessed = sum(prediction[v] == rule[v] for v in values)
    return (
        f"All {len(rubric)} points of the rubric, and every number measured again. {guessed} of "
        f"your {len(values)} predictions came true. A short recording is spoilt by the offset, "
        "which its mean does not show, before noise matters."
    )


def _settings(value: Any, varied: str) -> list[float]:
    found = study_of.settings(value, varied, LIMITS[varied])
    expect(len(found) <= 8, "Eight settings are enough; the check measures all of them again.")
    return found


def _compare(
    got: list[float], right: Mapping[float, Sequence[float]], value: float, varied: str
) -> None:
    """Expect what was measured here, to a few per mille: another machine may round differently."""

    def agrees(given: Sequence[float], wanted: Sequence[float]) -> bool:
        return all(abs(a - b) <= 2e-4 + 0.05 * abs(b) for a, b in zip(given, wanted, strict=True))

    wanted = right[value]
    if agrees(got, wanted):
        return
    where = f"At {varied} = {value:g} the errors"
    cures: list[tuple[Callable[[float], float], str]] = [
        (lambda v: v / 100, "in per cent: give the ratio itself"),
        (lambda v: -v, "the right ones with the wrong sign"),
        (lambda v: abs(v) ** 0.5, "the squares of the right ones"),
        (lambda v: v**2, "the roots of the right ones"),
        (lambda v: v / _TRUTH, "not divided by the true g/l"),
        (lambda v: v - 1, "ratios: take one off"),
    ]
    study_of.refuse(
        got, right, value, where, agrees=agrees, cures=cures, off=lambda a, b: abs(a - b)
    )
