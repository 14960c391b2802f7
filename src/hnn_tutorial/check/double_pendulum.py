"""Checks of the chapter "The double pendulum"."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import expect, function, match, number, table
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.systems import DoublePendulum, MassSpring, Pendulum

chapter = Chapter("double_pendulum")
exercise, progress = chapter.exercise, chapter.progress

ERRORS = (1e-2, 1e-4, 1e-6, 1e-8)
"""Errors of the start in exercise 3, in rad."""

BASELINE = {"starts": 44, "mean": 7.4, "largest": 229.0}
"""The published baseline of exercise 4: number of starts, mean and largest error in per cent."""

SCORES = ("field error", "valid prediction time", "energy error", "Lyapunov exponent")
"""The answers that exercise 5 offers."""

CASES: dict[str, tuple[str, str]] = {
    "forecast": (
        "valid prediction time",
        "how long a forecast can be used is what it measures",
    ),
    "possible": (
        "energy error",
        "after many Lyapunov times no model knows where the pendulum is, but its energy is known",
    ),
    "training": (
        "field error",
        "at states that were not trained on it says how well the model has learned, and chaos has "
        "no part in it",
    ),
    "truth alone": (
        "Lyapunov exponent",
        "how fast neighbours part is a property of the pendulum, before there is any model",
    ),
}
"""The questions of exercise 5: the right score, and the reason."""

_ADVICE = {
    "forecast": "Which score is a time?",
    "possible": "After a hundred Lyapunov times, what does one still know of the true motion?",
    "training": "Which score needs no motion at all, and so no chaos?",
    "truth alone": "Three of the four scores compare a model with the truth. Which does not?",
}


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "Momenta that mix")
def momenta(answer: Any) -> str:
    """Check ``momenta(x)``: [q, p] of [q, q̇] for a double pendulum with m = l = 1."""
    convert = function(answer, "momenta(x)")
    x = states(20, degrees=2)
    q1, q2, v1, v2 = x.unbind(dim=-1)
    c = (q1 - q2).cos()

    def of(p1: Tensor, p2: Tensor) -> Tensor:
        return stack(q1, q2, p1, p2)

    right = of(2 * v1 + c * v2, v2 + c * v1)
    plus = (q1 + q2).cos()
    mistakes = [
        (x, "These are the velocities. A momentum is ∂L/∂q̇."),
        (
            of(2 * v1, v2),
            "The mixed term is missing: L holds q̇₁q̇₂ cos(q₁ − q₂), which both derivatives see.",
        ),
        (
            of(v1 + c * v2, v2 + c * v1),
            "The upper rod carries both bobs: q̇₁² has the factor 1 in L, so its derivative has 2.",
        ),
        (
            of(2 * v1 + c * v2, v2),
            "p₂ lacks the mixed term: q̇₁q̇₂ cos(q₁ − q₂) depends on q̇₂ too.",
        ),
        (
            of(2 * v1 + plus * v2, v2 + plus * v1),
            "cos(q₁ + q₂): turned as a whole the pendulum has the same kinetic energy, so only the "
            "difference of the angles can enter.",
        ),
        (
            of(v2 + c * v1, 2 * v1 + c * v2),
            "The two momenta are exchanged.",
        ),
        (
            of(2 * v1 + c * v1, v2 + c * v2),
            "The derivative of q̇₁q̇₂ by q̇₁ is q̇₂, the *other* velocity.",
        ),
        (
            of(-right[..., 2], -right[..., 3]),
            "The sign of the momenta is wrong: p = +∂L/∂q̇.",
        ),
    ]
    match(
        convert(x, like=x),
        right,
        mistakes,
        "The state is [q₁, q₂, p₁, p₂] with p = ∂L/∂q̇.",
        at=x,
    )
    return (
        "Right. In matrices p = A(q) q̇, A = [[2, c], [c, 1]], c = cos(q₁ − q₂). Its determinant "
        "2 − c² is at least 1, so that the velocities can always be had back."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "The Lyapunov exponent")
def exponent(answer: Any) -> str:
    """Check ``exponent(field, x, neighbour, rounds, gap)``: Benettin's mean growth rate."""
    rate = function(answer, "exponent(field, x, neighbour, rounds, gap)")
    like = torch.zeros((), dtype=torch.float64)
    distance, gap, rounds = 1e-5, 0.5, 20
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
        abs(got) > 0.93 * right,
        "At the top of a pendulum with ω₀ = 1.5 rad/s neighbours leave at 1.5 per second, and you "
        f"find {got:.3g}. Two copies that are never brought back cannot get farther apart than the "
        "pendulum is large: bring the neighbour back to its first distance after each gap.",
    )
    expect(
        near(right),
        f"At the top of a pendulum with ω₀ = 1.5 rad/s the rate over 10 s is {right:.4f} per "
        f"second, and yours is {got:.4f}.",
    )
    spring = MassSpring(mass=1.0, stiffness=1.0)
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)
    still = rate(spring.field, start, start + offset, rounds, gap, like=like).item()
    expect(
        abs(still) < 0.01,
        f"Two springs stay as near as they were: the rate is 0, and yours is {still:.3g}. Do "
        "both, the motion and its neighbour, move on in each round?",
    )
    return "Right: the neighbour stays near, so that its growth is that of an infinitesimal error."


def _benettin(frequency: float, gap: float, rounds: int) -> float:
    """The mean growth rate of (0.6, 0.8) under q̈ = ω²q, of ``[q, q̇]``, up to nonlinear terms."""
    c, s = math.cosh(frequency * gap * rounds), math.sinh(frequency * gap * rounds)
    q, v = 0.6 * c + 0.8 * s / frequency, 0.6 * frequency * s + 0.8 * c
    return math.log(math.hypot(q, v)) / (gap * rounds)


# --- 3 -------------------------------------------------------------------------------------------


@cache
def forecasts(error: float) -> tuple[Tensor, Tensor, Tensor]:
    """Return times and the directions of the rods: of a true motion and of a forecast of it.

    Args:
        error: of q₁ at the start, in rad.

    Returns:
        Times, ``(801,)``, in s; the true directions and the forecast ones, each ``(801, 4)``.
    """
    from hnn_tutorial.integrators import integrate

    system = DoublePendulum(gravity=1.0)
    x = torch.tensor([[2.0, 2.0, 0.0, 0.0]], dtype=torch.float64).repeat(2, 1)
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
    right = {}
    for error in ERRORS:
        times, true, predicted = forecasts(error)
        far = (predicted - true).norm(dim=-1) > 0.4 * true.square().sum(-1).mean().sqrt()
        right[error] = times[far.int().argmax()].item()
    given = [values[e] for e in ERRORS]
    expect(min(given) > 0, "A valid prediction time is a time from the start: it is positive.")
    expect(
        max(given) < 80,
        "One of these is the whole span of 80 s, or more: was the forecast compared with itself?",
    )
    expect(
        not all(abs(v * 10 - right[e]) < 2 for e, v in values.items())
        and not all(abs(v / 10 - right[e]) < 2 for e, v in values.items()),
        "These are numbers of observations, or a factor ten off. Times are 0.1 s apart.",
    )
    expect(
        given == sorted(given),
        "A better start should be valid for longer. Are the times at the right errors?",
    )
    for error in ERRORS:
        expect(
            abs(values[error] - right[error]) < 3,
            f"For an error of {error:g} rad the forecast is of use for about {right[error]:.0f} s, "
            f"and yours says {values[error]:.1f} s. Is the threshold 0.4 of the root mean square "
            "of the true motion?",
        )
    per_digit = (given[-1] - given[0]) / 6
    return (
        f"Right: {per_digit:.1f} s for each digit, where theory says ln(10)/λ = 4.9 s. A million "
        "times better is worth half a minute."
    )


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "derive", "The mean of the others")
def others(answer: Any) -> str:
    """Check ``others``: the mean of the published baseline without its largest error, in %."""
    value = number(answer, "`others`")
    n, mean, largest = BASELINE["starts"], BASELINE["mean"], BASELINE["largest"]
    right = (n * mean - largest) / (n - 1)
    mistakes = [
        (-right, "The sign: an error of the energy is counted without one."),
        (right / 100, "This is a share. Asked for is a number of per cent."),
        ((n * mean - largest) / n, "There are only 43 starts left to divide by."),
        (mean - largest / (n - 1), "The sum of all 44 errors is 44 times their mean."),
        (mean - largest, "A mean is a sum over 44: undo the division before you take one away."),
        (mean * n / (n - 1), "The largest error is still in the sum."),
        (mean, "This is the mean with the largest error in it."),
        (1.0, "This is the median of the table, not a mean."),
    ]
    for wrong, message in mistakes:
        expect(abs(value - wrong) > 0.005 * abs(wrong), message)
    expect(
        abs(value - right) < 0.03,
        f"44 errors have the mean 7.4 %, which fixes their sum. Without 229 % the mean of the "
        f"other 43 is {right:.2f} %, and yours is {value:.4g} %.",
    )
    return (
        "Right: 2.25 %, less than a third of 7.4 %. Against the LNN's 0.43 % that is a factor 5, "
        "not 17."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "Which score answers which question?")
def scores(answer: Any) -> str:
    """Check ``scores``: for each of `CASES` one of `SCORES`."""
    right = {case: score for case, (score, _) in CASES.items()}
    match_words(answer, right, SCORES, _ADVICE, "scores")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (_, why) in CASES.items())])
