"""Checks of the chapter "A model that dreams motion"."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.systems import MassSpring, Pendulum

chapter = Chapter("dreamed_motion")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "How far from the prior?")
def divergence(answer: Any) -> str:
    """Check ``divergence(mean, log_width, prior)``: KL from a Gaussian to N(0, prior²)."""
    given = function(answer, "divergence(mean, log_width, prior)")
    mean = states(12, seed=1).reshape(3, 4, 2)
    log_width = states(12, seed=2).reshape(3, 4, 2)
    for prior in (0.7, 2.3):
        var, s, log = prior**2, log_width, math.log(prior)
        square = mean.square() + (2 * s).exp()
        each = log - s + square / (2 * var) - 0.5
        right = each.sum(-1)
        wide = (mean.square() + var) / (2 * (2 * s).exp())
        mistakes = [
            ((s - log + wide - 0.5).sum(-1), "This is the divergence the other way round, from the "
             "prior to r."),
            ((square / 2 - s - 0.5).sum(-1), "This is for a prior of width 1."),
            (right - 2 * log, "The logarithm of the prior's width is missing: ln(prior)."),
            (right + 1, "A half is missing for each component: r equal to the prior must give 0."),
            ((log - s + square / (2 * prior) - 0.5).sum(-1), "The width of the prior enters by its "
             "square."),
            ((log - s + (mean.square() + s.exp()) / (2 * var) - 0.5).sum(-1), "The width of r "
             "enters by its square, e^(2 log_width)."),
            ((log - s + (mean.square() + s.square()) / (2 * var) - 0.5).sum(-1), "`log_width` is "
             "the logarithm of the width: e^(2 log_width) is the square of the width."),
            ((log - s + (2 * s).exp() / (2 * var) - 0.5).sum(-1), "The means are missing."),
            (each.mean(-1), "A sum over the two components, not their mean."),
            ((log + s + square / (2 * var) - 0.5).sum(-1), "A narrow r is far from the prior: the "
             "logarithm of its width enters with a minus."),
        ]  # fmt: skip
        got = given(mean, log_width, prior, like=mean, shape=(3, 4))
        match(got, right, mistakes, f"This is not the divergence (prior = {prior}).")
    got = given(mean[1, 2], log_width[1, 2], prior, like=mean, shape=())
    match(got, right[1, 2], [], "Right for a batch, and wrong for one clip of shape (2,).")
    return "Right. It is zero for r equal to the prior, and grows without bound for a sharp r."


# --- 2 -------------------------------------------------------------------------------------------

Step = Callable[[Tensor, float], Tensor]
"""One step of an integrator: a state and a time to the state after it."""


def steps_of(system: MassSpring) -> dict[str, Step]:
    """Integrators of exercise 2 for a spring, right ones and two that are not what they say."""

    def parts(x: Tensor) -> tuple[Tensor, Tensor]:
        return x[..., :1], x[..., 1:]

    def euler(x: Tensor, h: float) -> Tensor:
        return x + h * system.field(x)

    def leapfrog(x: Tensor, h: float, mass: float = system.mass) -> Tensor:
        q, p = parts(x)
        q = q + h / 2 * p / mass
        p = p - h * system.stiffness * q
        return torch.cat([q + h / 2 * p / mass, p], dim=-1)

    def runge_kutta(x: Tensor, h: float, last: float = 1.0) -> Tensor:
        a = system.field(x)
        b = system.field(x + h / 2 * a)
        c = system.field(x + h / 2 * b)
        d = system.field(x + last * h * c)
        return x + h / 6 * (a + 2 * b + 2 * c + d)

    return {
        "Euler": euler,
        "leapfrog": leapfrog,
        "RK4": runge_kutta,
        "leapfrog, q by p h": lambda x, h: leapfrog(x, h, mass=1.0),
        "RK4, half a step in its last stage": lambda x, h: runge_kutta(x, h, last=0.5),
    }


def _end(step: Step, x: Tensor, t: float, count: int) -> Tensor:
    for _ in range(count):
        x = step(x, t / count)
    return x


@exercise(2, "code", "Which integrator is not what it says?")
def order(answer: Any) -> str:
    """Check ``order(step, x0, exact, t, n)``: log2 of the errors of n and of 2n steps."""
    given = function(answer, "order(step, x0, exact, t, n)")
    system = MassSpring(mass=0.6, stiffness=1.7)
    x0, t, n = states(5, seed=3), 1.3, 16
    exact = system.solution(x0, torch.tensor([0.0, t], dtype=torch.float64))[1]
    steps = steps_of(system)
    ratios = []
    for step in steps.values():
        coarse, fine = ((_end(step, x0, t, k) - exact).norm() for k in (n, 2 * n))
        ratios.append(coarse / fine)
    ratio = torch.stack(ratios)
    right = torch.log2(ratio)
    mistakes = [
        (-right, "The sign is reversed: the coarse error over the fine one."),
        (ratio, "This is the ratio of the errors. The order is its logarithm to base 2."),
        (torch.log(ratio), "This is the natural logarithm. Base 2, since the step is halved."),
        (torch.log10(ratio), "This is the logarithm to base 10. Base 2, since the step is halved."),
    ]
    got = torch.stack([given(step, x0, exact, t, n, like=x0, shape=()) for step in steps.values()])
    names = ", ".join(steps)
    match(got, right, mistakes, f"These are not the orders of {names}.", rtol=0.03, atol=0.08)
    listed = "; ".join(f"{name}: {value:.2f}" for name, value in zip(steps, right, strict=True))
    return f"Right. {listed}. Two of them are not what their names say."


# --- 3 -------------------------------------------------------------------------------------------

PARTS = ("inference", "motion", "decoder", "prior")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "blurred at every time": (
        "decoder",
        "Would a wrong state blur a picture, or show another sharp one?",
        "a wrong state gives another picture, but a sharp one; the decoder draws it",
    ),
    "wrong amplitude from the start": (
        "inference",
        "Which part tells how large the momentum is?",
        "the energy is kept from the first picture on, so it was told wrongly",
    ),
    "behind by more and more": (
        "motion",
        "The first seconds are right. What could make the period wrong?",
        "a start and pictures that are right leave only the force",
    ),
    "dreams swing too far": (
        "prior",
        "Films are reproduced well. Where do the starts of dreams come from?",
        "starts read off films are good, and those drawn from N(0, 1) are not such starts",
    ),
    "every film the same": (
        "inference",
        "Which part should tell the films apart?",
        "a narrow width is far from the prior, so no pull of the prior made the states the same",
    ),
    "double speed out of step": (
        "motion",
        "One step of 0.2 s in place of two of 0.1 s: what is different?",
        "the learned force and the step of leapfrog belong together",
    ),
    "no film told from its reverse": (
        "inference",
        "What must be seen of a film to know its direction?",
        "one picture is the same for both directions, so more must be looked at",
    ),
    "two rods beyond 2.5 rad": (
        "decoder",
        "The state goes where no film went. Which part turns it into a picture?",
        "it was never told what to draw there",
    ),
}
"""The cases of exercise 3: the part, a question for those who err, and the reason."""


@exercise(3, "think", "Which part is to blame?")
def blamed(answer: Any) -> str:
    """Check ``blamed``: for each of `CASES` one of `PARTS`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, PARTS, advice, "blamed")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------


def _forwards(x: Tensor) -> Tensor:
    """A step of leapfrog of a bent potential with three positions, as exercise 4 gets it."""
    q, p = x.chunk(2, dim=-1)
    q = q + 0.15 * p
    p = p - 0.3 * (torch.sin(q + 0.5) + 0.4 * q.flip(-1) * q.square().sum(-1, keepdim=True))
    return torch.cat([q + 0.15 * p, p], dim=-1)


def _run(x: Tensor, count: int) -> Tensor:
    for _ in range(count):
        x = _forwards(x)
    return x


def _flipped(x: Tensor, half: int = 1) -> Tensor:
    parts = list(x.chunk(2, dim=-1))
    parts[half] = -parts[half]
    return torch.cat(parts, dim=-1)


@exercise(4, "code", "Backwards with a step that only goes forwards")
def rewound(answer: Any) -> str:
    """Check ``rewound(step, x, count)``: the states so many steps before, by turning momenta."""
    given = function(answer, "rewound(step, x, count)")
    for count in (1, 7):
        x = 0.5 * states(12, seed=4, degrees=3).reshape(3, 4, 6)
        end = _run(x, count)
        mistakes = [
            (_run(end, count), "This goes on forwards."),
            (_run(_flipped(end), count), "The momenta are turned before the steps, and not "
             "turned back."),
            (_flipped(_run(end, count)), "The momenta are turned after the steps, and not before."),
            (_flipped(_run(_flipped(end, 0), count), 0), "The positions are turned. Time reversal "
             "turns the momenta, the second half of the state."),
            (-_run(-end, count), "Both halves are turned. Time reversal turns the momenta alone."),
            (_flipped(_run(_flipped(end), count - 1)), "This is one step short."),
            (_flipped(_run(_flipped(end), count + 1)), "This is one step too far."),
        ]  # fmt: skip
        got = given(_forwards, end, count, like=x, shape=(3, 4, 6))
        match(got, x, mistakes, f"This is not where the motion was {count} steps before.")
    got = given(_forwards, end[1, 2], count, like=x, shape=(6,))
    match(got, x[1, 2], [], "Right for a batch, and wrong for one state of shape (6,).")
    return (
        "Right. Leapfrog of any p²/2 + V(q) can be run backwards like this, learned or not. Such a "
        "film is a film of the same system: nothing in it tells its direction."
    )


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("three pictures", "nine pictures")
"""The two rules of exercise 5."""

USUAL = {"noise": 0.02, "gap": 0.1, "amplitude": 1.0}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"noise": (0.0, 0.3), "gap": (0.01, 0.2), "amplitude": (0.05, 2.0)}
"""The smallest and the largest settings of exercise 5."""


def measure(
    rule: str, noise: float = 0.02, gap: float = 0.1, amplitude: float = 1.0, seed: int = 0
) -> float:
    """Read the momentum at the middle of nine pictures of a swing; return the error.

    A pendulum of 1 kg and 1 m on Earth, 200 swings at a random phase. Each picture gives the angle
    with noise. Three pictures: the difference of the two beside the middle. Nine: the slope of the
    straight line that fits all of them best.

    Args:
        rule: one of `RIVALS`.
        noise: standard deviation of an angle, in rad.
        gap: between two pictures, in s.
        amplitude: of the swings, in rad.
        seed: of phases and noise.

    Returns:
        The root mean square error of the momentum, in kg m²/s.
    """
    if rule not in RIVALS:
        raise ValueError(f"rule is {rule!r}; choose one of {RIVALS}")
    return _measured(rule, float(noise), float(gap), float(amplitude), int(seed))


@cache
def _measured(rule: str, noise: float, gap: float, amplitude: float, seed: int) -> float:
    pendulum = Pendulum(1.0, 1.0, 9.81)
    generator = torch.Generator().manual_seed(seed)
    phase = 2 * math.pi * torch.rand(200, generator=generator, dtype=torch.float64)
    start = torch.tensor([[amplitude, 0.0]], dtype=torch.float64)
    period = 2 * math.pi / pendulum.frequency
    once = torch.cat([torch.zeros(1, dtype=torch.float64), period * phase.sort().values])
    x = pendulum.solution(start, once)[1:, 0]
    seen = pendulum.solution(x, gap * torch.arange(9, dtype=torch.float64))
    angle = seen[..., 0]
    angle = angle + noise * torch.randn(angle.shape, generator=generator, dtype=torch.float64)
    if rule == "three pictures":
        told = (angle[5] - angle[3]) / (2 * gap)
    else:
        away = torch.arange(-4, 5, dtype=torch.float64)
        told = away @ angle / (gap * away.square().sum())
    return (told - seen[4, :, 1]).square().mean().sqrt().item()


def verdict(three: list[float], nine: list[float]) -> str:
    """Who wins by the rule of exercise 5: at four of five seeds at least."""
    return study.winner(three, nine, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    study.within(1.02),
    (study.ROOTS, study.SQUARED, study.LOGARITHMS, study.NEGATED),
    study.smaller("the rule of three pictures"),
    ": where three are better and where nine are",
    again="measures everything again",
    sides="rules",
)


@exercise(5, "experiment", "An open question: how many pictures does a momentum need?")
def contest(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "Nine pictures average the noise, and bend the truth where the swing turns within them; "
        "three do neither. A learned inference network has to find its own way between the two.",
    )
