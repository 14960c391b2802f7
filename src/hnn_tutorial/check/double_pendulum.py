"""Checks of the chapter "The double pendulum"."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import (
    as_tensor,
    close,
    expect,
    function,
    match,
    number,
    score,
    table,
)
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.systems import DoublePendulum, Pendulum

chapter = Chapter("double_pendulum")
exercise, progress = chapter.exercise, chapter.progress

ERRORS = (1e-2, 1e-4, 1e-6, 1e-8)
"""Errors of the start in exercise 3, in rad."""

SCORES = ("field error", "valid prediction time", "energy error", "Lyapunov exponent")
"""The answers that exercise 5 offers."""

CASES: dict[str, tuple[str, str]] = {
    "display": (
        "valid prediction time",
        "it is the time for which a forecast can be used",
    ),
    "possible": (
        "energy error",
        "after many Lyapunov times no model knows where the pendulum is, but its energy is known",
    ),
    "controller": (
        "field error",
        "the controller asks for accelerations only, and follows no motion",
    ),
    "by hand": (
        "Lyapunov exponent",
        "how fast neighbours part is a property of the pendulum; no model is needed",
    ),
    "better start": (
        "Lyapunov exponent",
        "ten times better buys ln(10)/λ, whatever the model",
    ),
    "stars": (
        "energy error",
        "nobody knows the true positions after so long, but a wrong energy shows",
    ),
    "new data": (
        "field error",
        "it needs no motion, so chaos has no part in it",
    ),
}
"""The questions of exercise 5: the right score, and the reason."""

_ADVICE = {
    "display": "Which score is a time?",
    "possible": "After a hundred Lyapunov times, what do you still know of the true motion?",
    "controller": "Does the controller ever follow a motion of the model?",
    "by hand": "Which score needs no model?",
    "better start": "In t* = ln(|Δx|/|Δx₀|)/λ, what stands in front of the logarithm?",
    "stars": "What is known of the truth after so long a time?",
    "new data": "Which score needs no motion at all?",
}


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "Momenta that mix")
def momenta(answer: Any) -> str:
    """Check ``momenta(x, mass, length)``: [q, p] of [q, q̇], for equal bobs on equal rods."""
    convert = function(answer, "momenta(x, mass, length)")
    m, length = 0.7, 1.6
    x = states(20, degrees=2)
    q1, q2, v1, v2 = x.unbind(dim=-1)
    c, size = (q1 - q2).cos(), m * length**2

    def of(p1: Tensor, p2: Tensor) -> Tensor:
        return stack(q1, q2, size * p1, size * p2)

    def truth(y: Tensor, mass: float, length: float) -> Tensor:
        q1, q2, v1, v2 = y.unbind(dim=-1)
        c = (q1 - q2).cos()
        size = mass * length**2
        return stack(q1, q2, size * (2 * v1 + c * v2), size * (v2 + c * v1))

    right = truth(x, m, length)
    plus = (q1 + q2).cos()
    mistakes = [
        (x, "These are the velocities. A momentum is ∂L/∂q̇."),
        (of(v1, v2), "These are the velocities, times m l². A momentum is ∂L/∂q̇."),
        (
            of(2 * v1, v2),
            "The mixed term is missing: L contains q̇₁q̇₂ cos(q₁ - q₂), and both derivatives see it.",
        ),
        (
            of(v1 + c * v2, v2 + c * v1),
            "The upper rod carries both bobs: q̇₁² has the factor 1 in L, so its derivative has 2.",
        ),
        (
            of(2 * v1 + c * v2, v2),
            "p₂ lacks the mixed term: q̇₁q̇₂ cos(q₁ - q₂) depends on q̇₂ too.",
        ),
        (
            of(2 * v1 + plus * v2, v2 + plus * v1),
            "cos(q₁ + q₂): turned as a whole the pendulum has the same kinetic energy, so only the "
            "difference of the angles can enter.",
        ),
        (of(v2 + c * v1, 2 * v1 + c * v2), "The two momenta are exchanged."),
        (
            of(2 * v1 + c * v1, v2 + c * v2),
            "The derivative of q̇₁q̇₂ by q̇₁ is q̇₂, the other velocity.",
        ),
        (of(-2 * v1 - c * v2, -v2 - c * v1), "The sign of the momenta is wrong: p = +∂L/∂q̇."),
    ]
    otherwise = "The state is [q₁, q₂, p₁, p₂] with p = ∂L/∂q̇."
    match(
        convert(x, m, length, like=x),
        right,
        mistakes,
        otherwise,
        at=x,
        parameters={"mass": m, "length": length},
        truth=truth,
    )
    many = states(15, seed=2, degrees=2).reshape(5, 3, 4)
    otherwise = "Right for a list of states, and wrong for a batch of shape (5, 3, 4)."
    match(convert(many, 1.9, 0.6, like=many), truth(many, 1.9, 0.6), [], otherwise, at=many)
    return (
        "Right. In matrices p = A(q) q̇, and the determinant of A is (m l²)² (2 - cos²(q₁ - q₂)): "
        "never zero, so the velocities can always be found from the momenta."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "The Lyapunov exponent")
def exponent(answer: Any) -> str:
    """Check ``exponent(field, x, neighbour, rounds, gap)``: Benettin's mean growth rate."""
    rate = function(answer, "exponent(field, x, neighbour, rounds, gap)")
    like = torch.zeros((), dtype=torch.float64)
    distance, gap, rounds = 1e-5, 0.4, 26
    # The upright pendulum: a neighbour leaves at the rate ω₀, and is back after a turn.
    top = Pendulum(mass=1.0, length=1.0, gravity=2.25)
    x = torch.tensor([math.pi, 0.0], dtype=torch.float64)
    offset = distance * torch.tensor([0.6, 0.8], dtype=torch.float64)
    right = _benettin(1.5, gap, rounds)
    got = rate(top.field, x, x + offset, rounds, gap, like=like).item()

    def near(value: float, within: float = 0.02) -> bool:
        return abs(got - value) < within * max(1.0, abs(value))

    expect(not near(-right), "The sign is wrong: ln(reached/before) is positive for a growth.")
    expect(
        not near(right * gap),
        "Right for each round. The exponent is a rate: divide by the gap too.",
    )
    expect(not near(right * rounds * gap), "This is the sum. Divide by the time, rounds * gap.")
    expect(not near(right * rounds), "Divided by the gap alone: the mean over the rounds too.")
    expect(not near(right / math.log(10)), "This is in powers of ten: take the natural logarithm.")
    expect(not near(right / math.log(2)), "This is in powers of two: take the natural logarithm.")
    expect(
        near(right) or not near(_never_back(top.field, x, x + offset, rounds, gap)),
        "At the top of a pendulum with ω₀ = 1.5 rad/s neighbours leave at 1.5 per second, and you "
        f"find {got:.3g}, as two copies do that are never brought back: they cannot get farther "
        "apart than the pendulum is large. After each gap, bring the neighbour back to its first "
        "distance.",
    )
    expect(
        near(right),
        f"At the top of a pendulum with ω₀ = 1.5 rad/s the rate over {rounds * gap:g} s is "
        f"{right:.4f} per second, and yours is {got:.4f}.",
    )
    # A motion that moves: the answer is that of a fine integrator, round by round.
    double = DoublePendulum(1.3, 0.7, 1.1, 0.8, 1.4)
    start = torch.tensor([2.0, 1.6, 0.3, -0.2], dtype=torch.float64)
    near_start = start + 1e-6 * torch.tensor([0.1, -0.5, 0.7, 0.5], dtype=torch.float64)
    rounds, gap = 16, 0.4
    right = _follow(double.field, start, near_start, rounds, gap)
    got = rate(double.field, start, near_start, rounds, gap, like=like).item()
    if near(right, 0.01):
        return (
            "Right: the motion moves on, the neighbour stays near, and so its growth is that of "
            "an infinitesimal error."
        )
    slips = {
        "the motion itself never moves on, and only the neighbour does": {"moves": False},
        "the neighbour is put back near the first state of the motion": {"along": False},
        "the neighbour is put back in its first direction": {"turned": False},
        "the distance is never brought back": {"back": False},
    }
    for slip, change in slips.items():
        wrong = _follow(double.field, start, near_start, rounds, gap, **change)
        expect(
            not near(wrong, 0.01),
            f"Right where the motion stands still, and for a double pendulum {got:.4g} per second "
            f"in place of {right:.4g}. That is what comes out if {slip}.",
        )
    expect(
        False,
        "Right at the top of a pendulum, where the motion stands still. For a double pendulum "
        f"over {rounds} gaps of {gap} s the rate is {right:.4f} per second, and yours is "
        f"{got:.4f}. Is the step of the integrator as fine as 0.05 s?",
    )
    return ""


def _follow(
    field: Any,
    x: Tensor,
    neighbour: Tensor,
    rounds: int,
    gap: float,
    *,
    moves: bool = True,
    along: bool = True,
    turned: bool = True,
    back: bool = True,
) -> float:
    """Benettin's rate by a fine integrator, or that of an answer with one of four slips."""
    from hnn_tutorial.integrators import integrate

    first, distance = neighbour - x, (neighbour - x).norm()
    start, total = x, 0.0
    for _ in range(rounds):
        ends = integrate(field, torch.stack([x, neighbour]), [0, gap], "rk4", step=0.02)[-1]
        x, neighbour = (ends[0] if moves else x), ends[1]
        reached = (neighbour - x).norm()
        total += float((reached / distance).log())
        step = (neighbour - x) * distance / reached if turned else first
        if back:
            neighbour = (x if along else start) + step
    if not back:
        total = float((reached / distance).log())
    return total / (rounds * gap)


def _never_back(field: Any, x: Tensor, neighbour: Tensor, rounds: int, gap: float) -> float:
    return _follow(field, x, neighbour, rounds, gap, back=False)


def _benettin(frequency: float, gap: float, rounds: int) -> float:
    """The mean growth rate of (0.6, 0.8) under q̈ = ω²q, of ``[q, q̇]``, up to nonlinear terms."""
    c, s = math.cosh(frequency * gap * rounds), math.sinh(frequency * gap * rounds)
    q, v = 0.6 * c + 0.8 * s / frequency, 0.6 * frequency * s + 0.8 * c
    return math.log(math.hypot(q, v)) / (gap * rounds)


# --- 3 -------------------------------------------------------------------------------------------


@cache
def forecasts(
    error: float, start: tuple[float, float] = (2.0, 2.0)
) -> tuple[Tensor, Tensor, Tensor]:
    """Return times and the directions of the rods: of a true motion and of a forecast of it.

    Args:
        error: of q₁ at the start, in rad.
        start: both angles from which the pendulum is released, in rad.

    Returns:
        Times, ``(801,)``, in s; the true directions and the forecast ones, each ``(801, 4)``.
    """
    from hnn_tutorial.integrators import integrate

    system = DoublePendulum(gravity=1.0)
    x = torch.tensor([[*start, 0.0, 0.0]], dtype=torch.float64).repeat(2, 1)
    x[1, 0] += error
    times = torch.linspace(0, 80, 801, dtype=torch.float64)
    q = integrate(system.field, x, times, "rk4", step=0.05)[..., :2]
    rods = torch.cat([q.cos(), q.sin()], dim=-1)
    return times, rods[:, 0], rods[:, 1]


@exercise(3, "experiment", "What does a digit buy?")
def lasting(answer: Any) -> str:
    """Check ``lasting``: for each of `ERRORS` the valid prediction time, in s."""
    found = table(answer, ERRORS, "lasting")
    values = {e: number(v, f"`lasting[{e}]`") for e, v in found.items()}
    right = {error: _until(error) for error in ERRORS}
    given = [values[e] for e in ERRORS]
    if any(abs(values[error] - right[error]) > 0.45 for error in ERRORS):
        slips: dict[str, dict[str, Any]] = {
            "a threshold of 0.4 itself: it is 0.4 of the root mean square length of the true one":
                {"scaled": False},
            "the squared distance": {"squared": True},
            "the first rod alone": {"rods": (0, 2)},
            "the second rod alone": {"rods": (1, 3)},
            "the last time at which the two are near": {"last": True},
        }  # fmt: skip
        for slip, change in slips.items():
            wrong = {error: _until(error, **change) for error in ERRORS}
            expect(
                any(abs(values[error] - wrong[error]) > 0.25 for error in ERRORS),
                f"These are the times for {slip}.",
            )
    expect(min(given) > 0, "A valid prediction time is a time from the start: it is positive.")
    expect(
        not all(79.85 < value < 80.15 for value in given),
        "All four are the whole span, as for a forecast that is compared with itself.",
    )
    expect(
        not all(abs(v * 10 - right[e]) < 2 for e, v in values.items())
        and not all(abs(v / 10 - right[e]) < 2 for e, v in values.items()),
        "These are numbers of observations, or a factor ten off. Times are 0.1 s apart.",
    )
    expect(max(given) < 80.15, "The whole span is 80 s, and one of these is longer.")
    expect(
        given == sorted(given),
        "A better start is valid for longer, and your times do not grow that way. Are they at the "
        "right errors?",
    )
    if any(abs(values[error] - right[error]) > 0.45 for error in ERRORS):
        error = max(ERRORS, key=lambda e: abs(values[e] - right[e]))
        expect(
            False,
            f"For an error of {error:g} rad the forecast is of use for {right[error]:.1f} s, and "
            f"you have {values[error]:.1f} s. Wanted is the first time at which the distance is "
            "more than 0.4 of the root mean square length of the true one.",
        )
    per_digit = (given[-1] - given[0]) / 6
    return (
        f"Right: {per_digit:.1f} s for each digit, where theory says ln(10)/λ, about 5 s. A "
        "million times better is worth half a minute."
    )


def _until(
    error: float,
    start: tuple[float, float] = (2.0, 2.0),
    *,
    scaled: bool = True,
    squared: bool = False,
    rods: tuple[int, ...] = (0, 1, 2, 3),
    last: bool = False,
) -> float:
    """The valid prediction time of exercise 3, or that of an answer with a slip."""
    times, true, predicted = forecasts(error, start)
    distance = (predicted - true)[:, list(rods)].norm(dim=-1)
    if squared:
        distance = distance.square()
    size = true[:, list(rods)].square().sum(-1).mean().sqrt() if scaled else 1.0
    beyond = distance > 0.4 * size
    if last:
        near = (~beyond).nonzero()
        return float(times[near[-1, 0]])
    return float(times[beyond.int().argmax() if beyond.any() else -1])


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "code", "What a loop that stopped can tell")
def bounds(answer: Any) -> str:
    """Check ``bounds(errors, planned)``: the smallest and the largest median there may be."""
    between = function(answer, "bounds(errors, planned)")
    generator = torch.Generator().manual_seed(3)
    errors = (1.3 * torch.randn(29, generator=generator, dtype=torch.float64)).exp()
    like = errors[:2]
    everything = between(errors, 29, like=like)
    match(
        everything,
        errors.median().expand(2),
        [(errors.mean().expand(2), "This is the mean. Its bounds are another question.")],
        "No start is missing here, 29 of 29: both numbers are the median of the known errors.",
    )
    planned = 37
    got = between(errors, planned, like=like)
    low = torch.cat([errors, torch.zeros(8, dtype=torch.float64)]).median()
    high = torch.cat([errors, torch.full((8,), torch.inf, dtype=torch.float64)]).median()
    right = torch.stack([low, high])
    known = errors.median()
    ranked = errors.sort().values
    largest = torch.cat([errors, errors.max().expand(8)]).mean()
    mistakes = [
        (known.expand(2), "The missing starts are left out. They belong to the planned ones, and "
         "nobody knows their errors."),
        (right.flip(0), "The two are exchanged: the smallest median first."),
        (torch.stack([known, high]), "The missing errors may also be small: then the median of all "
         "is smaller than that of the known ones."),
        (torch.stack([low, known]), "The missing errors may also be large: then the median of all "
         "is larger than that of the known ones."),
        (torch.stack([low, low]), "Twice the same: with the missing errors small, and with the "
         "missing errors large."),
        (torch.stack([high, high]), "Twice the same: with the missing errors small, and with the "
         "missing errors large."),
        (torch.stack([ranked[0], ranked[-1]]), "These are the smallest and the largest error."),
        (torch.stack([errors.sum() / planned, largest]), "These are means. Asked for is the "
         "median, which has a bound however large the missing errors are."),
        (torch.stack([errors[10], errors[18]]), "Are the errors sorted before the middle one is "
         "taken?"),
    ]  # fmt: skip
    otherwise = (
        f"29 errors of {planned} are known, 8 are missing. The median of all is smallest if the 8 "
        "are zero, and largest if they are larger than all others."
    )
    match(got, right, mistakes, otherwise)
    few = errors[:18]
    last = as_tensor(between(few, 41))
    expect(
        last is not None and tuple(last.shape) == (2,),
        "Two numbers are wanted for 18 errors of 41, too.",
    )
    assert last is not None
    expect(
        last[0] == 0 and last[1] == math.inf,
        "18 errors of 41 are known, fewer than half. If all others are zero, the median is 0; if "
        "all others are larger than any number, it is infinite (`torch.inf`). Yours gives "
        f"{float(last[0]):.4g} and {float(last[1]):.4g}.",
    )
    return (
        "Right. The missing starts widen the bounds, and once they are the majority the known "
        "ones say nothing about the median of all: 44 of 100 is such a case. A mean has no upper "
        "bound as soon as one start is missing."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "Which score answers which question?")
def scores(answer: Any) -> str:
    """Check ``scores``: for each of `CASES` one of `SCORES`."""
    right = {case: score for case, (score, _) in CASES.items()}
    match_words(answer, right, SCORES, _ADVICE, "scores")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (_, why) in CASES.items())])


# --- 6 -------------------------------------------------------------------------------------------

LAW = ("the law holds to a quarter", "the law fails by more than a quarter")
"""The conclusions that exercise 6 offers."""

STUDY = ("start", "prediction", "errors", "times", "conclusion")
"""The keys of exercise 6."""


@cache
def _exponent_from(start: tuple[float, float]) -> float:
    from hnn_tutorial.evaluation import lyapunov_exponent

    x = torch.tensor([*start, 0.0, 0.0], dtype=torch.float64)
    return float(lyapunov_exponent(DoublePendulum(gravity=1.0).field, x, 300, step=0.1))


def _numbers(value: Any, key: str) -> Tensor:
    values = as_tensor(value)
    expect(
        values is not None and values.ndim == 1 and len(values) >= 2,
        f'`study["{key}"]` should hold two numbers or more.',
    )
    values = torch.as_tensor(values, dtype=torch.float64).detach()
    expect(torch.isfinite(values).all(), f'An entry of `study["{key}"]` is not a finite number.')
    return values


@exercise(6, "experiment", "An open question: does the law of digits hold elsewhere?")
def digits(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    plain = {word.casefold(): word for word in LAW}
    word = study["conclusion"]
    word = plain.get(word.strip().casefold()) if isinstance(word, str) else None
    expect(
        word is not None,
        f'`study["conclusion"]` is {study["conclusion"]!r}; choose one of: '
        f"{', '.join(map(repr, LAW))}.",
    )
    start = _numbers(study["start"], "start")
    expect(
        len(start) == 2 and start.abs().max() <= 3.2,
        '`study["start"]` should hold two angles in rad, from -3.2 to 3.2.',
    )
    prediction = number(study["prediction"], '`study["prediction"]`')
    errors, times = _numbers(study["errors"], "errors"), _numbers(study["times"], "times")
    expect(
        len(errors) == len(times),
        f"{len(times)} times for {len(errors)} errors of the start; one time for each is wanted.",
    )
    expect(
        bool((errors > 0).all() and (errors < 0.3).all() and (errors > 1e-13).all()),
        "Errors of the start are positive, less than 0.3 rad, and more than 1e-13, where rounding "
        "begins.",
    )
    place = (float(start[0]), float(start[1]))
    right = torch.tensor([_until(float(e), place) for e in errors], dtype=torch.float64)
    if not close(times, right, 0.0, 0.45):
        k = int((times - right).abs().argmax())
        expect(
            False,
            f"For the error {float(errors[k]):g} rad the valid time from your start is "
            f"{float(right[k]):.1f} s, and you have {float(times[k]):.1f} s. It is measured as in "
            "exercise 3, with `check.forecasts(error, start)`.",
        )
    rate = _exponent_from(place)
    theory = math.log(10) / rate if rate > 0 else math.inf
    number_of_digits = -errors.log10()
    span = float(number_of_digits.max() - number_of_digits.min())
    centred = number_of_digits - number_of_digits.mean()
    slope = float((centred * times).sum() / centred.square().sum()) if span > 0 else math.nan
    holds = abs(slope / theory - 1) < 0.25
    rubric = [
        (rate > 0.15, f"a chaotic motion: over 300 s the exponent from your start is {rate:.2f} "
         "per second"),
        (max(abs(place[0] - 2), abs(place[1] - 2)) > 0.2, "another motion than that of exercise 3: "
         "change an angle by more than 0.2 rad"),
        (len(set(errors.tolist())) >= 4 and span >= 5, "four errors of the start or more, over "
         "five digits or more"),
        (bool((right < 79.9).all()), "a span long enough: one of your forecasts is valid to the "
         "end, so its time is only a lower bound"),
        (abs(prediction / theory - 1) < 0.2, "a prediction by the law, ln(10)/λ seconds for each "
         "digit, with λ measured for your start over 300 s"),
        ((word == LAW[0]) == holds, "a conclusion that your own numbers support: the slope of "
         f"your times is {slope:.2f} s for each digit"),
    ]  # fmt: skip
    score(rubric, "times")
    return (
        f"All {len(rubric)} points of the rubric, and every time measured again: {slope:.2f} s for "
        f"each digit, where the law says {theory:.2f} s. λ is a mean over a long time. A forecast "
        "sees only the first part of the motion, which may part its neighbours faster or slower."
    )
