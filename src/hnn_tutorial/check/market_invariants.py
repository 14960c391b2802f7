"""Checks of the chapter "What a market does not conserve"."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.random import as_generator

chapter = Chapter("market_invariants")
exercise, progress = chapter.exercise, chapter.progress

# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "When is an estimate worth more than a guess?")
def years(answer: Any) -> str:
    """Check ``years(mu, sigma, gamma, share)``: 1/(γ² σ² (w - w*)²)."""
    needed = function(answer, "years(mu, sigma, gamma, share)")
    mu = torch.tensor([[0.031, 0.052, 0.077], [0.113, -0.024, 0.148]], dtype=torch.float64)
    sigma, gamma, share = 0.23, 3.7, 0.6

    def truth(
        mu: Tensor = mu, sigma: float = sigma, gamma: float = gamma, share: float = share
    ) -> Tensor:
        return 1 / (gamma * sigma * (share - mu / (gamma * sigma**2))) ** 2

    best, off = mu / (gamma * sigma**2), share - mu / (gamma * sigma**2)
    mistakes = [
        (1 / (gamma * sigma**2 * off**2), "This takes 1/(2Y) for the loss of the estimate. It is "
         "1/(2γY)."),
        (1 / (gamma * sigma * (share - mu / sigma**2)) ** 2, "The best share lacks the risk "
         "aversion: it is μ/(γσ²)."),
        (1 / (gamma * sigma * (share - mu / (gamma * sigma))) ** 2, "The best share divides by "
         "the variance, σ², and not by σ."),
        (1 / (gamma * sigma * best) ** 2, "This compares with holding nothing. The fixed share "
         "loses γσ²/2 (w - w*)²."),
        ((gamma * sigma * off) ** 2, "This is one over the number of years."),
    ]  # fmt: skip
    got = needed(mu, sigma, gamma, share, like=mu, shape=(2, 3))
    match(
        got,
        truth(),
        mistakes,
        "This is not the time at which both losses are equal.",
        parameters={"sigma": sigma, "gamma": gamma, "share": share},
    )
    one = needed(mu[1, 2], sigma, gamma, share, like=mu, shape=())
    match(one, truth()[1, 2], [], "Right for a batch, and wrong for a single drift.")
    return (
        "Right: near the best share the estimate needs more years than there are prices until it "
        "is as good. The loss of a share falls with the square of its distance from the best, and "
        "that of the estimate with the years alone."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _records(count: int, length: int, seed: int) -> Tensor:
    """Noisy oscillations about a level far from zero, ``(count, length)``."""
    generator = as_generator(seed)
    noise = torch.randn(count, length, generator=generator, dtype=torch.float64)
    rate = torch.linspace(0.4, 1.7, count, dtype=torch.float64).unsqueeze(-1)
    t = torch.arange(length, dtype=torch.float64)
    return 5.3 + 1.4 * torch.cos(rate * t + 0.3) * torch.exp(-0.01 * t) + 0.4 * noise


def _weights(values: Tensor) -> Tensor:
    """The weights of the last value, of the one before and of 1, ``(..., 3)``."""
    columns = [values[..., 1:-1], values[..., :-2], torch.ones_like(values[..., 2:])]
    design = torch.stack(columns, dim=-1)
    return torch.linalg.lstsq(design, values[..., 2:, None]).solution[..., 0]


@exercise(2, "code", "The determinant of a series")
def determinant(answer: Any) -> str:
    """Check ``determinant(values)``: that of the best linear step of (value, change)."""
    found = function(answer, "determinant(values)")
    values = _records(6, 40, seed=1).reshape(2, 3, 40)
    weights = _weights(values)
    right = -weights[..., 1]
    centred = values - values.mean(-1, keepdim=True)
    design = torch.stack([values[..., 1:-1], values[..., :-2]], dim=-1)
    through_zero = torch.linalg.lstsq(design, values[..., 2:, None]).solution[..., 1, 0]
    step, ahead = centred[..., :-1], centred[..., 1:]
    neighbours = (step * ahead).sum(-1) / step.square().sum(-1)
    mistakes = [
        (weights[..., 1], "This is the weight of the value before the last; the determinant is "
         "*minus* that."),
        (weights[..., 0], "This is the weight of the last value."),
        (-through_zero, "The step has no constant: these series swing about a level that is not "
         "zero."),
        (neighbours, "This is the weight of a step that sees the last value alone."),
    ]  # fmt: skip
    match(
        found(values, like=values, shape=(2, 3)),
        right,
        mistakes,
        "This is not the determinant of the best linear step.",
    )
    one = found(values[1, 2], like=values, shape=())
    match(one, right[1, 2], [], "Right for a batch, and wrong for a single series.")
    clean = torch.cos(0.7 * torch.arange(30, dtype=torch.float64)) + 2
    match(
        found(clean, like=clean, shape=()),
        torch.ones((), dtype=torch.float64),
        [],
        "A clean oscillation should have the determinant 1.",
    )
    return (
        "Right, and it needs no plane: minus the weight of the value before is the determinant, "
        "whatever two coordinates an invertible linear map makes of the two values."
    )


# --- 3 -------------------------------------------------------------------------------------------

KINDS = ("energy", "energy, seen with noise", "friction", "no energy")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "1.00 at 1 step, 1.00 at 12": (
        "energy",
        "What does a determinant of one say that stays?",
        "areas are kept at each step",
    ),
    "0.46 at 1 step, 0.60 at 12": (
        "energy, seen with noise",
        "Does the loss add up with the steps?",
        "the loss is paid once, so it is in the measurement",
    ),
    "0.95 at 1 step, 0.54 at 12, R² 1.00 at both": (
        "friction",
        "What is 0.95 to the power of 12? And can shocks leave an R² of 1?",
        "each step takes the same share, and nothing is left unexplained",
    ),
    "-0.20 at 1 step, 0.00 at 12": (
        "no energy",
        "Can a motion turn its areas over in a short step?",
        "the value before has a positive weight, the opposite of inertia",
    ),
    "0.25 at 1 step, 0.00 at 2, monthly means": (
        "no energy",
        "What do means do to a walk without memory?",
        "a mean contains old days, which fakes a quarter",
    ),
    "0.00 at 1 step, R² of the value 0.999": (
        "no energy",
        "How much of the *change* does such a step explain?",
        "a slow walk has a large R² of the value, and forgets how it came",
    ),
    "0.01 at 1 step, the same read backwards": (
        "no energy",
        "Is everything that may be read backwards a motion with an energy?",
        "a process that returns to its mean looks the same in both directions",
    ),
}
"""The cases of exercise 3: the kind, a question for those who err, and the reason."""


@exercise(3, "think", "What is behind the record?")
def behind(answer: Any) -> str:
    """Check ``behind``: for each of `CASES` one of `KINDS`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, KINDS, advice, "behind")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "code", "Within the budget")
def within_budget(answer: Any) -> str:
    """Check ``within_budget(wanted, wealth)``: the nearest amounts that add up to the wealth."""
    nearest = function(answer, "within_budget(wanted, wealth)")
    generator = as_generator(4)
    wanted = 1 + torch.randn(4, 3, 5, generator=generator, dtype=torch.float64)
    wealth = torch.linspace(2.3, 9.1, 12, dtype=torch.float64).reshape(4, 3)
    total = wanted.sum(-1)
    gap = (wealth - total).unsqueeze(-1)
    right = wanted + gap / 5
    first = torch.cat([wanted[..., :1] + gap, wanted[..., 1:]], dim=-1)
    last = torch.cat([wanted[..., :-1], wanted[..., -1:] + gap], dim=-1)
    mistakes = [
        (wanted * (wealth / total).unsqueeze(-1), "All amounts are scaled by one factor. They add "
         "up, but others that add up are nearer."),
        (wanted - gap / 5, "The correction has the wrong sign: the amounts move away from the "
         "budget."),
        (wanted + gap, "The whole gap is added to *each* amount: divide it among them."),
        (first, "The first amount alone is changed. They add up, but others that add up are "
         "nearer."),
        (last, "The last amount alone is changed. They add up, but others that add up are nearer."),
        (wanted + gap / 3, "The gap is divided by the number of another axis."),
    ]  # fmt: skip
    match(
        nearest(wanted, wealth, like=wanted, shape=(4, 3, 5)),
        right,
        mistakes,
        "These are not the nearest amounts that add up to the wealth.",
    )
    one = nearest(wanted[2, 1], wealth[2, 1], like=wanted, shape=(5,))
    match(one, right[2, 1], [], "Right for a batch, and wrong for a single portfolio.")
    return (
        "Right: a linear constraint is met by a projection, at one moment and whatever the prices "
        "do later. There is no motion in it, and nothing that an energy could add."
    )


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("area kept", "free")
"""The two linear rules of exercise 5."""

USUAL = {"friction": 0.0, "noise": 0.2, "length": 60}
"""The settings of exercise 5 that are not varied."""

LIMITS: dict[str, tuple[float, float]] = {
    "friction": (0.0, 0.5),
    "noise": (0.05, 1.0),
    "length": (20, 1000),
}
"""The smallest and the largest settings of exercise 5."""

AHEAD, RATE, LATER = 6, 0.5, 2000


def measure(
    rule: str, friction: float = 0.0, noise: float = 0.2, length: int = 60, seed: int = 0
) -> float:
    r"""Fit a linear rule to the record of an oscillation, and forecast six steps of a later one.

    The oscillation turns by 0.5 rad a step and has the variance 1. With friction it dies out, and
    shocks keep it going; without, there are none.

    Args:
        rule: one of `RIVALS`: :math:`q_{t+1} = a q_t + b q_{t-1}`, with b = -1 or with b fitted.
        friction: the share of the amplitude that is lost in a step.
        noise: of the record, as a standard deviation.
        length: of the record.
        seed: of the oscillation and the noise.

    Returns:
        The mean squared error of the forecasts, made from a noisy record of 2,000 steps, of the
        oscillation itself.
    """
    if rule not in RIVALS:
        raise ValueError(f"rule is {rule!r}; choose one of {RIVALS}")
    return _measured(float(friction), float(noise), int(length), int(seed))[RIVALS.index(rule)]


@cache
def _oscillation(friction: float, seed: int) -> Tensor:
    """An oscillation of variance 1, with shocks if it has friction."""
    generator = as_generator(seed)
    steps = 1000 + LATER
    if friction == 0:
        phase = torch.rand((), generator=generator, dtype=torch.float64) * math.tau
        return math.sqrt(2) * torch.cos(RATE * torch.arange(steps, dtype=torch.float64) + phase)
    keep = 1 - friction
    one, two = 2 * keep * math.cos(RATE), -(keep**2)
    variance = (1 - two) / ((1 + two) * ((1 - two) ** 2 - one**2))
    shocks = torch.randn(steps + 500, generator=generator, dtype=torch.float64)
    path = [0.0, 0.0]
    for shock in (shocks / math.sqrt(variance)).tolist():
        path.append(one * path[-1] + two * path[-2] + shock)
    return torch.tensor(path[-steps:], dtype=torch.float64)


@cache
def _measured(friction: float, noise: float, length: int, seed: int) -> tuple[float, float]:
    true = _oscillation(friction, seed)
    error = torch.randn(len(true), generator=as_generator(seed + 10_000), dtype=torch.float64)
    seen = true + noise * error
    record, later = seen[1000 - length : 1000], seen[1000:]
    now, before, after = record[1:-1], record[:-2], record[2:]
    kept = float((now * (after + before)).sum() / now.square().sum())
    pair = torch.stack([now, before], dim=-1)
    a, b = torch.linalg.lstsq(pair, after.unsqueeze(-1), driver="gelsd").solution[:, 0].tolist()
    found = []
    for one, two in ((kept, -1.0), (a, b)):
        old, new = later[:-AHEAD][:-1], later[:-AHEAD][1:]
        for _ in range(AHEAD):
            old, new = new, one * new + two * old
        found.append(float((new - true[1000 + 1 + AHEAD :]).square().mean()))
    return found[0], found[1]


def verdict(kept: list[float], free: list[float]) -> str:
    """Which rule wins by the rule of exercise 5: the smaller error at four of five seeds."""
    return study.winner(kept, free, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    study.within(1.01, rounding=1e-12),
    (
        (lambda v: math.copysign(math.sqrt(abs(v)), v), "squared again"),
        (lambda v: v**2, "roots of the errors"),
        (math.exp, "logarithms"),
        (lambda v: v / 100, "in per cent"),
    ),
    study.smaller("the rule that keeps areas"),
    again="fits all rules again",
    sides="rules",
    whole=("length",),
    label=lambda rule: f"the rule {rule!r}",
)


@exercise(5, "experiment", "An open question: when does the right structure pay?")
def contest(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "A constraint that is true helps where the noise is moderate. Under more noise the best "
        "forecast is the mean, which the constraint forbids; with friction it is false.",
    )
