"""Checks of the chapter "Least cost and most likely: Lagrangians that are true in finance"."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import expect, function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.finance import (
    ConvexCost,
    Execution,
    PowerCost,
    Vasicek,
    cheapest_schedule,
    cost_residual,
)
from hnn_tutorial.mechanics import action
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("least_cost")
exercise, progress = chapter.exercise, chapter.progress

# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "A price that rises")
def energy(answer: Any) -> str:
    """Check ``energy(x, eta, alpha, gain)``: what a schedule keeps if the price is rising."""
    value = function(answer, "energy(x, eta, alpha, gain)")
    eta, alpha, gain = 1.7, 0.6, 2.3
    generator = torch.Generator().manual_seed(1)
    x = torch.rand(12, 2, generator=generator, dtype=torch.float64) * torch.tensor([2.0, -3.0])
    x = (x + torch.tensor([0.1, 0.4])).reshape(4, 3, 2)

    def truth(x: Tensor, eta: float = eta, alpha: float = alpha, gain: float = gain) -> Tensor:
        q, v = x.unbind(-1)
        return eta * v**2 - alpha * q**2 + gain * q

    q, v = x.unbind(-1)
    mistakes = [
        (eta * v**2 + alpha * q**2 - gain * q, "This is the Lagrangian itself. What is conserved "
         "is q̇ ∂L/∂q̇ − L."),
        (eta * v**2 - alpha * q**2 - gain * q, "The term of the rising price has the sign that it "
         "has in L. In E it is subtracted once more."),
        (eta * v**2 - alpha * q**2, "The rising price is missing: it is a part of L, and E "
         "contains −L."),
        (2 * eta * v**2, "This is q̇ ∂L/∂q̇. Subtract L."),
        (2 * eta * v - eta * v**2 - alpha * q**2 + gain * q, "∂L/∂q̇ is not yet multiplied by q̇."),
    ]  # fmt: skip
    got = value(x, eta, alpha, gain, like=x, shape=(4, 3))
    match(
        got,
        truth(x),
        mistakes,
        "This is not what the cheapest schedule keeps.",
        at=x,
        parameters={"eta": eta, "alpha": alpha, "gain": gain},
        truth=truth,
    )
    one = value(x[2, 1], eta, alpha, gain, like=x, shape=())
    match(one, truth(x)[2, 1], [], "Right for a batch, and wrong for a single state.")
    return (
        "Right: the term of the impact keeps its sign, since it is quadratic in the rate; the "
        "others, which contain no rate, change theirs. A rising price moves the top of the hill "
        "from 0 to gain/(2 alpha)."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "The most likely path of a rate")
def likely(answer: Any) -> str:
    """Check ``likely(start, end, kappa, level, times)``: Vasicek's most likely path."""
    path = function(answer, "likely(start, end, kappa, level, times)")
    for start, end, kappa, level, horizon in (
        (0.031, 0.083, 0.37, 0.044, 2.3),
        (0.052, 0.017, 0.9, 0.061, 4.1),
    ):
        times = torch.linspace(0, horizon, 14, dtype=torch.float64)
        right = Vasicek(kappa, level, 0.01).path(start, end, times)[:, 0]
        share = times / horizon
        none = Vasicek(kappa, 0.0, 0.01).path(start, end, times)[:, 0]
        free = level + (start - level) * torch.exp(-kappa * times)
        bare = level + (end - level) * torch.sinh(kappa * times) / torch.sinh(kappa * times[-1])
        mistakes = [
            (start + (end - start) * share, "This is the straight line, the most likely path "
             "without a pull."),
            (none, "The level is missing: the pull goes to the level, not to zero."),
            (free, "This is the motion without noise. It does not arrive at `end`."),
            (bare, "This part alone begins at the level. The start needs its own sinh, of the "
             "time that is left."),
        ]  # fmt: skip
        got = path(start, end, kappa, level, times, like=times, shape=(14,))
        match(got, right, mistakes, "This is not the most likely path.", times=times)
    return (
        "Right: two exponentials about the level, fixed by the two ends. The volatility is not in "
        "it: it says how likely the path is, and not which one it is."
    )


# --- 3 -------------------------------------------------------------------------------------------

CHANGES = ("faster at first", "slower at first", "the same")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "price of risk doubled": (
        "faster at first",
        "What does waiting cost now?",
        "waiting is dearer, and kappa grows",
    ),
    "impact doubled": (
        "slower at first",
        "What does a high rate cost now?",
        "haste is dearer, and the schedule becomes more even",
    ),
    "impact and price of risk doubled": (
        "the same",
        "What is twice L?",
        "L is doubled, and twice a cost has the same minimum",
    ),
    "volatility doubled, price of variance a quarter": (
        "the same",
        "Which product of the two enters L?",
        "alpha is their product, price times the square of the volatility",
    ),
    "a linear impact that stays is added": (
        "the same",
        "Its cost is the integral of c·(q0 − q)·v over the time. Compute it for any schedule.",
        "its cost is c·q0²/2 for every schedule",
    ),
    "half the shares, linear impact": (
        "the same",
        "How does each of the two terms change with q?",
        "both terms are quadratic, and become a quarter",
    ),
    "half the shares, power 3/5": (
        "slower at first",
        "The impact goes as q to the power 1.6, the risk as q². Which falls more?",
        "the risk falls more than the impact, so that haste is worth less",
    ),
}
"""The cases of exercise 3: how the schedule changes, a question for those who err, the reason."""


@exercise(3, "think", "What changes the schedule?")
def changes(answer: Any) -> str:
    """Check ``changes``: for each of `CASES` one of `CHANGES`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, CHANGES, advice, "changes")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "code", "The likeliest way to lose")
def scenario(answer: Any) -> str:
    """Check ``scenario(mean, covariance, exposure, loss)``: the likeliest end with a given loss."""
    worst = function(answer, "scenario(mean, covariance, exposure, loss)")
    generator = torch.Generator().manual_seed(4)
    for size, loss in ((2, 1.9), (3, -2.7)):
        factor = torch.randn(size, size, generator=generator, dtype=torch.float64)
        covariance = factor @ factor.mT + 0.3 * torch.eye(size, dtype=torch.float64)
        mean = torch.randn(size, generator=generator, dtype=torch.float64)
        exposure = torch.randn(size, generator=generator, dtype=torch.float64)
        missing = loss - mean @ exposure
        spread = covariance @ exposure
        right = mean + spread * missing / (exposure @ spread)
        inverse = torch.linalg.solve(covariance, exposure)
        mistakes = [
            (mean + exposure * missing / (exposure @ exposure), "This is the point of the line "
             "that lies nearest to the mean. The likeliest one takes the covariance into account."),
            (spread * loss / (exposure @ spread), "This is right for a mean of zero. Only what "
             "the mean lacks of the loss has to be added to it."),
            (mean + spread * loss / (exposure @ spread), "The mean has a loss of its own: only "
             "what is missing has to be added."),
            (spread * missing / (exposure @ spread), "This is the step from the mean. Add the "
             "mean."),
            (mean + inverse * missing / (exposure @ inverse), "This multiplies by the inverse of "
             "the covariance. What varies much has to move much."),
        ]  # fmt: skip
        got = worst(mean, covariance, exposure, loss, like=mean, shape=(size,))
        match(got, right, mistakes, "There is a likelier end with this loss.")
        short = float(got @ exposure)
        expect(abs(short - loss) < 1e-6, f"Its loss is {short:.4f}, and should be {loss}.")
    return (
        "Right: from the mean along the covariance times the exposure. Each factor moves with how "
        "much it varies together with the loss."
    )


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("power", "convex")
"""The two models of the cost in exercise 5."""

USUAL = {"bend": 0.3, "noise": 0.3}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"bend": (0.0, 1.0), "noise": (0.0, 5.0)}
"""The smallest and the largest settings of exercise 5."""

RISK = 4.0


def true_cost(rate: Tensor, bend: float) -> Tensor:
    r"""The cost rate of exercise 5, :math:`v^{1.6} (1 + \text{bend}\,v^2)`.

    Args:
        rate: of selling, any shape.
        bend: 0 for a power law; more for a market that is thin at high rates.
    """
    return rate.abs() ** 1.6 * (1 + bend * rate**2)


def measure(model: str, bend: float = 0.3, noise: float = 0.3, seed: int = 0) -> float:
    """Learn a cost from 1,000 trades, sell by it, and return what it costs too much.

    Args:
        model: one of `RIVALS`: a power law with two numbers, or a convex network.
        bend: how far the true cost is from a power law.
        noise: standard deviation of the cost of a share.
        seed: of the trades and the network.

    Returns:
        The cost of its schedule above the least one, in basis points.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(bend), float(noise), int(seed))


@cache
def _least(bend: float) -> float:
    times = torch.linspace(0, 1, 41, dtype=torch.float64)
    best = cheapest_schedule(lambda v: true_cost(v, bend), RISK, 1.0, times)
    return _cost(best, times, bend)


def _cost(q: Tensor, times: Tensor, bend: float) -> float:
    def rate(x: Tensor) -> Tensor:
        return true_cost(x[..., 1], bend) + RISK * x[..., 0] ** 2

    return float(action(rate, q[:, None], times))


@cache
def _measured(name: str, bend: float, noise: float, seed: int) -> float:
    times = torch.linspace(0, 1, 41, dtype=torch.float64)
    data = Execution(exponent=0.6).trades(1000, noise, seed=seed)
    rates = data["rates"]
    data["costs"] = data["costs"] - rates**0.6 + true_cost(rates, bend) / rates
    model = PowerCost() if name == "power" else ConvexCost((6,), seed=seed)
    decay = 0.0 if name == "power" else 1e-5
    optimizer = LevenbergMarquardt(steps=40, weight_decay=decay)
    fit(model, data, optimizer, residual=cost_residual, progress=False)
    model.requires_grad_(False)
    q = cheapest_schedule(model, RISK, 1.0, times)
    # The schedule that the optimiser calls the best may be beaten in its last digits.
    return max(1e4 * (_cost(q, times, bend) / _least(bend) - 1), 1e-3)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    lambda power, convex: study.winner(power, convex, RIVALS),
    study.within(1.2, 0.1),
    (study.LOGARITHMS, (lambda v: 1e4 * v, "shares in place of basis points"), study.NEGATED),
    study.smaller("the power law"),
    differ=": one where the power law wins and one where it does not",
    again="learns all costs again",
    times=3,
    noun="number",
    label="the {} model".format,
    off=lambda a, b: abs(a - b) / (b + 0.1),
)


@exercise(5, "experiment", "An open question: two numbers or a network?")
def rivals(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "Two numbers win where they are the right ones. Where the form is wrong more trades do not "
        "help them; a network that knows only that the cost is convex then wins, if the noise lets "
        "it.",
    )
