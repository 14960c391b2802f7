"""Checks of the chapter "A smile is a distance"."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.finance import (
    MetricNetwork,
    Sabr,
    SabrMetric,
    metric_residual,
    realised_covariances,
    smile,
)
from hnn_tutorial.mechanics import action
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("smile")
exercise, progress = chapter.exercise, chapter.progress

# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "Hamilton's equations of price and volatility")
def rates(answer: Any) -> str:
    """Check ``rates(x, nu, rho)``: Hamilton's equations of the market with two coordinates."""
    value = function(answer, "rates(x, nu, rho)")
    nu, rho = 0.7, -0.35
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(4, 3, 4, generator=generator, dtype=torch.float64)
    x = x * torch.tensor([0.6, 0.5, 1.3, 0.9]) + torch.tensor([0.2, -0.8, 0.7, 0.4])

    def truth(x: Tensor, nu: float = nu, rho: float = rho) -> Tensor:
        p1, p2 = x[..., 2], x[..., 3]
        a = x[..., 1].exp()
        price = a**2 * p1 + rho * nu * a * p2
        level = rho * nu * a * p1 + nu**2 * p2
        return torch.stack([price, level, 0 * p1, -p1 * price], dim=-1)

    right = truth(x)
    p1, p2 = x[..., 2], x[..., 3]
    a = x[..., 1].exp()

    def with_force(force: Tensor) -> Tensor:
        return torch.cat([right[..., :3], force.unsqueeze(-1)], dim=-1)

    price = right[..., 0]
    by_a = a * p1**2 + rho * nu * p1 * p2
    b = x[..., 1]
    taken = b**2 * p1 + rho * nu * b * p2
    level = rho * nu * b * p1 + nu**2 * p2
    by_q = torch.stack([taken, level, 0 * p1, -p1 * taken], dim=-1)
    by_b = torch.stack([taken, level, 0 * p1, -b * p1**2 - rho * nu * p1 * p2], dim=-1)
    confused = "Here x[..., 1] was taken for a. It is ln a: a = exp(q₂)."
    mistakes = [
        (with_force(p1 * price), "ṗ₂ has the wrong sign: Hamilton's second equation carries a "
         "minus."),
        (with_force(-by_a), "This ṗ₂ is the derivative by a. The coordinate is q₂ = ln a, and "
         "da/dq₂ = a."),
        (with_force(-(a**2 * p1**2 / 2 + rho * nu * a * p1 * p2)), "In ṗ₂ a factor of two is lost: "
         "the derivative of a²/2 by ln a is a²."),
        (with_force(-(a**2) * p1**2), "In ṗ₂ the mixed term is missing: it contains a too."),
        (with_force(0 * p1), "ṗ₂ is not zero: the covariance contains a = exp(q₂)."),
        (torch.stack([price, right[..., 1], -p1 * price, 0 * p1], dim=-1), "ṗ₁ and ṗ₂ are "
         "exchanged: H does not contain the price."),
        (truth(x, nu, 0.0), "The correlation is missing: H has a mixed term, ρ ν a p₁ p₂."),
        (right / torch.tensor([1.0, 1.0, 1.0, 2.0]), "ṗ₂ is half of what it should be: p C p "
         "contains the mixed term twice, and a² has the derivative 2a² by ln a."),
        (by_q, confused),
        (by_b, confused),
    ]  # fmt: skip
    got = value(x, nu, rho, like=x)
    match(
        got,
        right,
        mistakes,
        "These are not Hamilton's equations of this H.",
        at=x,
        parameters={"nu": nu, "rho": rho},
        truth=truth,
    )
    one = value(x[2, 1], nu, rho, like=x[2, 1])
    match(one, right[2, 1], [], "Right for a batch, and wrong for a single state.")
    return (
        "Right. The price does not stand in H, so its momentum is conserved. The force on the "
        "volatility is −p₁ times the velocity of the price: what moves the price down or up pulls "
        "the volatility along."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "The volatility of a path")
def path_volatility(answer: Any) -> str:
    """Check ``path_volatility(lagrangian, path, times)``: what a path's action implies."""
    value = function(answer, "path_volatility(lagrangian, path, times)")
    market = Sabr(0.31, 0.7, -0.35)
    generator = torch.Generator().manual_seed(2)
    for first, last in ((0.0, 0.37), (0.2, 2.9)):
        times = torch.linspace(first, last, 12, dtype=torch.float64)
        share = ((times - first) / (last - first)).unsqueeze(-1)
        k = torch.tensor([-0.42, -0.13, 0.28, 0.51, 0.9], dtype=torch.float64)
        bends = torch.randn(2, 5, generator=generator, dtype=torch.float64) * 0.1
        path = torch.stack(
            [
                0.17 + k * share + bends[0] * share * (1 - share),
                market.start[1] + bends[1] * share.square(),
            ],
            dim=-1,
        )
        S, span = action(market.lagrangian, path, times), last - first
        right = k.abs() / (2 * S * span).sqrt()
        end = path[-1, :, 0].abs()
        mistakes = [
            (k.abs() / (2 * S).sqrt(), "The horizon is missing: S = ℓ²/2τ, so ℓ² = 2 S τ."),
            (k.abs() / (2 * S / span).sqrt(), "The horizon stands on the wrong side: S = ℓ²/2τ, "
             "so ℓ² = 2 S τ."),
            (k.abs() / (S * span).sqrt(), "A factor of two is lost: ℓ² = 2 S τ."),
            (k.abs() / (2 * S * span), "This divides by ℓ². The length is its root."),
            (k / (2 * S * span).sqrt(), "The sign of k is left: a volatility is positive. Take the "
             "absolute value."),
            (end / (2 * S * span).sqrt(), "This takes the last price for the way. Subtract the "
             "first one: k is how far the price went."),
            ((2 * S * span).sqrt(), "This is the length ℓ. Divide the way in the price by it."),
            ((2 * S * span).sqrt() / k.abs(), "This is upside down: |k| over ℓ."),
            (k.abs() / (2 * S * last).sqrt(), "The last time was taken for the horizon. The first "
             "one need not be zero."),
        ]  # fmt: skip
        got = value(market.lagrangian, path, times, like=k)
        match(got, right, mistakes, "This is not |k| over the length.")
    return (
        "Right: any path has such a number, and the shortest one has the largest. So each path is "
        "a lower bound of the short implied volatility."
    )


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "code", "One coordinate: the harmonic mean")
def short_smile(answer: Any) -> str:
    """Check ``short_smile(noise, k)``: the short smile of a local volatility."""
    value = function(answer, "short_smile(noise, k)")
    k = torch.tensor([-0.7, -0.25, 0.15, 0.6, 0.9], dtype=torch.float64)

    def rising(x: Tensor) -> Tensor:
        return 0.2 * torch.exp(-1.4 * x)

    def bowl(x: Tensor) -> Tensor:
        return 0.15 + 0.8 * (x - 0.1).square()

    for noise in (rising, bowl):
        share = torch.linspace(0, 1, 20_001, dtype=torch.float64)
        x = k.unsqueeze(-1) * share

        def mean(values: Tensor) -> Tensor:
            return torch.trapezoid(values, dx=1 / 20_000, dim=-1)

        right = 1 / mean(1 / noise(x))
        mistakes = [
            (mean(noise(x)), "This is the mean of the noise. The length is the integral of its "
             "reciprocal: what is slow to cross counts more."),
            (noise(k / 2), "This is the noise in the middle of the way. It is near, and the "
             "integral is asked for."),
            (noise(k), "This is the noise at the strike. The path has to come there from today."),
            (noise(torch.zeros_like(k)), "This is the noise today. It holds only at the forward."),
            (k * mean(1 / noise(x)), "This is the length. Divide k by it."),
            (mean(1 / noise(x)), "This is upside down: the way over the length."),
            (mean(noise(x).square()).sqrt(), "This is the root of the mean variance, which belongs "
             "to a noise that changes in time. Here it changes with the price."),
            (k.abs() * right, "Divide the *way* |k| by the length; k stands twice here."),
            (k.sign() * right, "The sign of k is left: a volatility is positive. Take |k|, or "
             "integrate over the share of the way."),
        ]  # fmt: skip
        got = value(noise, k, like=k)
        match(
            got,
            right,
            mistakes,
            "This is not the way over the length; or the sum has too few points.",
            rtol=5e-4,
        )
    return (
        "Right: the implied volatility is the harmonic mean of the local one between today and the "
        "strike. At the forward its slope is half of the slope of the local volatility."
    )


# --- 4 -------------------------------------------------------------------------------------------

SHAPES = ("the same", "higher everywhere", "mirrored", "flat")
"""The answers that exercise 4 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "the price gets a drift": (
        "the same",
        "How large is a drift beside the noise, in a very short time?",
        "a drift moves by Δt, the noise by its root; in the limit the drift does not count",
    ),
    "the volatility is drawn to a level": (
        "the same",
        "Is the pull to a level a part of the covariance?",
        "a pull is a drift too, and is not in the covariance",
    ),
    "the correlation changes its sign": (
        "mirrored",
        "Put -k and -rho into the formula of the distance. What changes?",
        "a reflection of the plane, q1 to -q1, is an isometry",
    ),
    "the volatility of the volatility goes to zero": (
        "flat",
        "Can the path still choose its volatility?",
        "one coordinate stands still, and what is left is a line",
    ),
    "all covariances become four times as large": (
        "higher everywhere",
        "What happens to the length of a path?",
        "each length is halved, and each volatility is doubled",
    ),
    "the expiry is halved": (
        "the same",
        "Does the distance contain the expiry?",
        "the distance is that of the limit; only its corrections shrink",
    ),
    "forward and strike are both doubled": (
        "the same",
        "Which number of the two enters, and does the covariance contain the price?",
        "k is the logarithm of their quotient, and the covariance does not contain the price",
    ),
}
"""The cases of exercise 4: what becomes of the smile, a question for those who err, the reason."""


@exercise(4, "think", "What becomes of the smile?")
def shapes(answer: Any) -> str:
    """Check ``shapes``: for each of `CASES` one of `SHAPES`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, SHAPES, advice, "shapes")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("numbers", "network")
"""The two models of the covariance in exercise 5."""

USUAL = {"bend": 0.4, "increments": 100}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"bend": (0.0, 0.8), "increments": (2, 2000)}
"""The smallest and the largest settings of exercise 5."""


def measure(model: str, bend: float = 0.4, increments: int = 100, seed: int = 0) -> float:
    """Learn a covariance, measure its distances, and return how wrong the smile is.

    Args:
        model: one of `RIVALS`: the two numbers of SABR with the exponent 1, or a network whose
            covariance is positive at any weights.
        bend: how far the true exponent is below 1.
        increments: how many changes are seen at each of 300 states.
        seed: of the states, the changes and the network.

    Returns:
        The median error of the implied volatility over five strikes, in per cent.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(bend), int(increments), int(seed))


@cache
def _measured(name: str, bend: float, increments: int, seed: int) -> float:
    market = Sabr(exponent=1 - bend)
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(300, 2, generator=generator, dtype=torch.float64) - 0.5
    states = market.start + u * torch.tensor([1.4, 2.4], dtype=torch.float64)
    data = {
        "states": states,
        "covariances": realised_covariances(market.covariance, states, increments, seed=generator),
        "scales": torch.stack([states[:, 1].exp(), torch.ones(300).double()], dim=-1),
    }
    model = SabrMetric() if name == "numbers" else MetricNetwork((6,), seed=seed)
    decay = 0.0 if name == "numbers" else 1e-4
    optimizer = LevenbergMarquardt(steps=25, weight_decay=decay)
    fit(model, data, optimizer, residual=metric_residual, progress=False)
    model.requires_grad_(False)
    k = torch.tensor([-0.4, -0.2, -0.05, 0.1, 0.25], dtype=torch.float64)
    learned = smile(model.covariance, market.start, k, 8, extrapolate=True)
    return 100 * float((learned / market.short_volatility(k) - 1).abs().median())


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    lambda numbers, network: study.winner(numbers, network, RIVALS),
    study.within(1.2, 0.02),
    (
        study.LOGARITHMS,
        (lambda v: 100 * v, "shares in place of per cent"),
        study.NEGATED,
    ),
    study.smaller("the model of two numbers"),
    differ=": one where the two numbers win and one where they do not",
    again="learns all covariances again",
    whole=("increments",),
    times=3,
    label=lambda name: "the two numbers" if name == "numbers" else "the network",
    off=lambda a, b: abs(a - b) / (b + 0.01),
)


@exercise(5, "experiment", "An open question: two numbers or a network?")
def rivals(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "A wrong form has an error that no number of changes removes. A network has little of it, "
        "and an error of noise that falls with their root. The bend says where the two meet.",
    )
