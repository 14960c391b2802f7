"""Checks of the chapter "A flow that is a motion"."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.flows import (
    NEGATIVE_LOG_LIKELIHOOD,
    GaussianMixture,
    NeuralHamiltonianFlow,
    RealNVP,
    flow_data,
    kl_to_truth,
)
from hnn_tutorial.training import Adam, fit

chapter = Chapter("flows")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "The width of a swinging cloud")
def width(answer: Any) -> str:
    """Check ``width(omega, t)``: of q, where q and p were standard normal at first."""
    given = function(answer, "width(omega, t)")
    omega = torch.tensor([0.4, 0.7, 1.9, 2.6, 3.3], dtype=torch.float64)
    for t in (1.3, 0.35):
        c, s = torch.cos(omega * t), torch.sin(omega * t)
        right = (c**2 + (s / omega) ** 2).sqrt()
        mistakes = [
            (right**2, "This is the variance. The width is its root."),
            (c.abs() + s.abs() / omega, "Widths are added. For independent numbers the variances "
             "add, and the width is the root of the sum."),
            ((c + s / omega).abs(), "This adds the two parts before it squares them. q and p are "
             "independent, so the mixed term has the mean zero."),
            (torch.ones_like(omega), "This is c² + s² = 1. The momentum's part carries 1/omega."),
            ((c**2 + s**2 / omega).sqrt(), "The factor 1/omega stands in the width of the "
             "momentum's part, so its square stands in the variance."),
            ((c**2 + (s * omega) ** 2).sqrt(), "This is the width of p, or has omega where "
             "1/omega belongs: a stiff spring makes the cloud of q narrow."),
            ((s**2 + (c * omega) ** 2).sqrt(), "Cosine and sine are exchanged: at t = 0 the width "
             "is 1."),
            ((s**2 + (c / omega) ** 2).sqrt(), "Cosine and sine are exchanged: at t = 0 the width "
             "is 1."),
            (1 / omega, "This is the width after a quarter of a period. It is asked for any time."),
        ]  # fmt: skip
        got = given(omega, t, like=omega, shape=(5,))
        match(got, right, mistakes, f"This is not the width of the positions (t = {t}).",
              parameters={"t": t})  # fmt: skip
    got = given(omega[3], 0.35, like=omega, shape=())
    match(got, right[3], [], "Right for several springs, and wrong for a single one.")
    return (
        "Right for any time: 1 at the start, 1/omega after a quarter of a period, and 1 again "
        "after half a period. The cloud is in focus for a moment only."
    )


# --- 2 -------------------------------------------------------------------------------------------


def log_normal(x: Tensor) -> Tensor:
    """The logarithm of the standard normal density, ``(..., d) -> (...)``."""
    return -x.square().sum(-1) / 2 - x.shape[-1] / 2 * math.log(2 * math.pi)


def _back(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
    """A kick and a drift backwards, by which exercise 2 tries a bound."""
    q = q - 0.7 * p
    return q, p + torch.sin(2 * q)


@exercise(2, "code", "A bound from one momentum")
def bound(answer: Any) -> str:
    """Check ``bound(x, noise, mean, log_width, backwards)``: the ELBO by one draw."""
    given = function(answer, "bound(x, noise, mean, log_width, backwards)")
    x, noise = (states(20, seed=seed, degrees=3).reshape(4, 5, 6)[..., :3] for seed in (2, 3))
    mean, log_width = 0.4 * torch.sin(3 * x), 0.3 * torch.cos(2 * x) + 0.25

    def elbo(
        *,
        sign: float = -1,
        size: float = 1,
        start: float = 1,
        volume: float = 1,
        undone: bool = True,
    ) -> Tensor:
        p = mean + log_width.exp() * noise
        q0, p0 = _back(x, p) if undone else (x, p)
        log_f = log_normal(noise) - volume * log_width.sum(-1)
        return log_normal(q0) + start * log_normal(p0) + sign * size * log_f

    right = elbo()
    half = 1.5 * math.log(2 * math.pi)
    thin = mean + log_width * noise
    mistakes = [
        (elbo(sign=1), "ln f has the wrong sign: the bound divides by f."),
        (elbo(size=0), "ln f is missing: the bound divides by the density of the momentum that was "
         "drawn."),
        (elbo(volume=0), "This is ln f of the noise. p is wider than the noise by exp(log_width), "
         "so its density is smaller: subtract the sum of log_width."),
        (elbo(volume=-1), "The widths enter ln f with the wrong sign: the density of a wide "
         "Gaussian is small."),
        (elbo(start=0), "The density of the momentum at the start is missing: the Gaussian is one "
         "of positions and momenta."),
        (elbo(undone=False), "The Gaussian's density is taken at the end of the motion. Go back to "
         "its start by `backwards`."),
        (-right, "This is minus the bound, what is minimised in training."),
        (right + half, "A constant is missing, or counted twice: each of the three Gaussians has "
         "-d/2 ln(2π)."),
        (right - half, "A constant is missing, or counted twice: each of the three Gaussians has "
         "-d/2 ln(2π)."),
        (log_normal(_back(x, thin)[0]) + log_normal(_back(x, thin)[1]) - log_normal(noise)
         + log_width.sum(-1), "The width is exp(log_width), not log_width."),
    ]  # fmt: skip
    got = given(x, noise, mean, log_width, _back, like=x, shape=(4, 5))
    match(got, right, mistakes, "This is not the bound.")
    single = [part[1, 2] for part in (x, noise, mean, log_width)]
    got = given(*single, _back, like=x, shape=())
    match(got, right[1, 2], [], "Right for a batch, and wrong for one position of shape (3,).")
    return (
        "Right. The motion keeps volume, so no determinant stands in the bound; the widths of the "
        "encoder are all that is left of one."
    )


# --- 3 -------------------------------------------------------------------------------------------

KEPT = ("exact", "bound", "neither")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "RealNVP, 2 coordinates": (
        "exact",
        "Can its inverse and its determinant be written down? Are there momenta?",
        "its layers are undone one by one, and the determinant is the exponential of a sum",
    ),
    "leapfrog of p²/2 + V(q), positions alone": (
        "bound",
        "Whose density does the formula give: that of the positions, or of positions and momenta?",
        "the momenta have to be integrated out, and no formula does it",
    ),
    "leapfrog of p²/2 + V(q), positions and momenta": (
        "exact",
        "Which part of the bound is there for the momenta that nobody saw?",
        "with all coordinates at hand it is the Gaussian's density at the start, and no more",
    ),
    "the quarter swing of a spring, positions alone": (
        "exact",
        "What is p after the quarter period, if q is known? Is that a Gaussian?",
        "the integral over p is one of a Gaussian",
    ),
    "V that changes with time, positions alone": (
        "bound",
        "Does the proof that volume is kept ask whether H depends on the time? And the momenta?",
        "volume is kept as before, and the momenta stay unknown as before",
    ),
    "leapfrog with V(q, p), taken to keep volume": (
        "neither",
        "What is the determinant of a kick whose size depends on p itself?",
        "a kick by a V that depends on p changes volume, so what is computed is no density",
    ),
    "the mean of ln(ρ(q, p)/f) over draws of f": (
        "bound",
        "On which side of the logarithm is the mean?",
        "this is the evidence lower bound itself",
    ),
}
"""The cases of exercise 3: what they give, a question for those who err, and the reason."""


@exercise(3, "think", "Likelihood or bound?")
def given(answer: Any) -> str:
    """Check ``given``: for each of `CASES` one of `KEPT`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, KEPT, advice, "given")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------

RIVALS = ("motion", "RealNVP")
"""The two flows of exercise 4."""

USUAL = {"modes": 4, "width": 0.15, "steps": 200}
"""The settings of exercise 4 that are not varied."""

LIMITS = {"modes": (1, 8), "width": (0.1, 1.0), "steps": (50, 400)}
"""The smallest and the largest settings of exercise 4."""


def measure(
    flow: str, modes: int = 4, width: float = 0.15, steps: int = 200, seed: int = 0
) -> float:
    """Train one flow of exercise 4, and return how far it is from the truth.

    The truth is a mixture of round Gaussians on a circle of radius 1.2; a single one stands in its
    middle. Both flows have about 460 weights and pass 128 samples through in a step: the motion 32
    points with 4 momenta each.

    Args:
        flow: one of `RIVALS`.
        modes: how many Gaussians.
        width: their standard deviation.
        steps: of Adam.
        seed: of the data and the weights.

    Returns:
        The KL divergence from the truth to the flow, estimated at 500 points; at least 0.001.
    """
    if flow not in RIVALS:
        raise ValueError(f"flow is {flow!r}; choose one of {RIVALS}")
    return _measured(flow, int(modes), float(width), int(steps), int(seed))


@cache
def _measured(flow: str, modes: int, width: float, steps: int, seed: int) -> float:
    angle = 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes
    radius = 1.2 if modes > 1 else 0.0
    truth = GaussianMixture(radius * torch.stack([angle.cos(), angle.sin()], dim=-1), width)
    draws = 4 if flow == "motion" else 1
    learned: nn.Module
    if flow == "motion":
        learned = NeuralHamiltonianFlow(
            2, (16, 16), steps=2, encoder=(16,), seed=seed, dtype=torch.float32
        )
    else:
        learned = RealNVP(2, (11,), 10, seed=seed, dtype=torch.float32)
    data = flow_data(truth, 4000, seed, draws=draws, dtype=torch.float32)
    adam = Adam(steps, 2e-2, batch_size=128 // draws, schedule="cosine")
    fit(learned, data, adam, residual=NEGATIVE_LOG_LIKELIHOOD, progress=False, seed=seed)
    return max(1e-3, kl_to_truth(learned, truth, 99, count=500, draws=100))


def verdict(motion: list[float], other: list[float]) -> str:
    """Who wins by the rule of exercise 4: at four of five seeds at least."""
    return study.winner(motion, other, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    study.within(1.5),
    (study.ROOTS, study.SQUARED, study.LOGARITHMS, study.NEGATED),
    study.smaller("the motion"),
    ": where the motion is nearer to the truth and where it is not, or where it is undecided",
    again="trains all flows again",
    sides="flows",
    times=3,
    whole=("modes", "steps"),
    noun="divergence",
)


@exercise(4, "experiment", "An open question: how many modes does a motion need?")
def contest(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "A map of the plane alone has to stretch one cloud over all modes, and leaves bridges; the "
        "extra dimension costs a bound.",
    )
