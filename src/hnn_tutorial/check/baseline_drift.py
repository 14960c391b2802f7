"""Checks of the chapter "The baseline and its drift"."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import (
    Wrong,
    close,
    expect,
    function,
    gradient,
    match,
    numbers,
    table,
)
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import gradient as gradient_of
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems import MassSpring, Pendulum

chapter = Chapter("baseline_drift")
exercise, progress = chapter.exercise, chapter.progress

GAPS = (0.1, 0.2, 0.4)
"""Times between observations in exercise 4, in s."""

SIGMA = 0.3
"""Noise of exercise 4."""

FATES = {
    "closed": "every orbit closes, if on another curve or at another pace",
    "inward": "every orbit spirals to one point",
    "outward": "every orbit spirals away",
    "limit cycle": "orbits from inside and from outside end on one and the same closed curve",
}
"""The answers that exercise 5 offers, and what they mean."""

ERRORS: dict[str, tuple[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], str]] = {
    "(0.02 p, -0.02 q)": (
        "closed",
        lambda q, p: (0.02 * p, -0.02 * q),
        "this error points along the motion: the circles stay, and are run through 2 % faster",
    ),
    "(0, -0.02 p)": (
        "inward",
        lambda q, p: (0 * q, -0.02 * p),
        "a force against the velocity: friction, with a divergence of -0.02",
    ),
    "(0.02 q, 0)": (
        "outward",
        lambda q, p: (0.02 * q, 0 * p),
        "the divergence is +0.02 everywhere, so every area grows",
    ),
    "(0.02 q, -0.02 p)": (
        "closed",
        lambda q, p: (0.02 * q, -0.02 * p),
        "what q gains p loses: the divergence is zero, H = (q² + p²)/2 + 0.02 qp is conserved, "
        "and its contours are ellipses. An error may point across the circles and do no harm",
    ),
    "(0.02, 0)": (
        "closed",
        lambda q, p: (0.02 + 0 * q, 0 * p),
        "the centre moves to p = -0.02, and the circles with it",
    ),
    "(0, 0.02 (1 - q²) p)": (
        "limit cycle",
        lambda q, p: (0 * q, 0.02 * (1 - q**2) * p),
        "it pushes where |q| < 1 and rubs where |q| > 1. Small orbits grow and large ones shrink, "
        "until both balance over a turn: van der Pol's oscillator",
    ),
    "(0, -0.02 q³)": (
        "closed",
        lambda q, p: (0 * q, -0.02 * q**3),
        "a force that depends on q alone has a potential, whatever its form",
    ),
}
"""What exercise 5 adds to the field (p, -q): the right answer, the error, and the reason."""


def states(count: int, seed: int = 0) -> Tensor:
    """Random states with components between 0.4 and 1.5 in size."""
    generator = as_generator(seed)
    size = 0.4 + 1.1 * torch.rand(count, 2, generator=generator, dtype=torch.float64)
    sign = torch.randint(0, 2, size.shape, generator=generator, dtype=torch.float64) * 2 - 1
    return sign * size


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "How long a learned spring lasts")
def energy_left(answer: Any) -> str:
    """Check ``energy_left(a, d, t)``, the share of the energy that is left after a time."""
    left = function(answer, "energy_left(a, d, t)")
    a = torch.tensor([0.01, 0.03, 0.0, -0.02, 0.04], dtype=torch.float64)
    d = torch.tensor([0.02, 0.0, 0.01, -0.01, -0.04], dtype=torch.float64)
    t = torch.tensor([30.0, 20.0, 90.0, 25.0, 50.0], dtype=torch.float64)
    decay = (a + d) * t
    mistakes = [
        (torch.exp(decay), "The sign is wrong: with a, d > 0 both terms take energy away."),
        (
            torch.exp(-decay / 2),
            "This is the *amplitude*. The energy is quadratic in it and falls twice as fast.",
        ),
        (torch.exp(-2 * decay), "Twice too fast: average q² and p² over a turn, not their maxima."),
        (
            1 - decay,
            "Right to first order in t only: the rate is a share of the energy that is *left*, so "
            "the loss compounds.",
        ),
        (torch.exp(-d * t), "The term with a is missing: it moves q, and q carries energy too."),
        (torch.exp(-a * t), "The term with d is missing."),
        (torch.exp(-a * d * t), "a and d act one beside the other: their effects add."),
        (
            torch.exp(-(a - d) * t),
            "The two terms have the same sign. Write out dH/dt = ∂H/∂q q̇ + ∂H/∂p ṗ once more.",
        ),
        (-decay, "This is the exponent: the share that is left is its exponential."),
        (1 - torch.exp(-decay), "This is the share that is *lost*."),
        (a + d, "This is the rate. Asked for is what is left after the time t."),
    ]
    got = left(a, d, t, like=t)
    match(got, torch.exp(-decay), mistakes, "This is not the share that is left.", rtol=1e-4)
    return (
        "Right, for gains as for losses. Only a + d counts: with a = -d the orbits are closed, "
        "though every arrow is wrong."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "Along and across")
def split_error(answer: Any) -> str:
    """Check ``split_error(learned, true, H, x)``: signed parts of the error of a field."""
    split = function(answer, "split_error(learned, true, H, x)")
    x = states(8)
    pendulum = Pendulum(mass=1.0, length=1.0, gravity=3.0)
    for system in (MassSpring(mass=2.0, stiffness=3.0), pendulum):

        def learned(y: Tensor, system: Any = system) -> Tensor:
            return system.field(y) + 0.1 * torch.stack([y[..., 1] ** 2 + 0.3, y.sum(-1)], dim=-1)

        f, dH = system.field(x), gradient_of(system.hamiltonian)(x)
        delta = learned(x) - f
        dots = torch.stack([(delta * f).sum(-1), (delta * dH).sum(-1)], dim=-1)
        lengths = torch.stack([f.norm(dim=-1), dH.norm(dim=-1)], dim=-1)
        right = dots / lengths
        radial = torch.stack([right[..., 0], (delta * x).sum(-1) / x.norm(dim=-1)], dim=-1)
        own = learned(x)
        onward = torch.stack([(delta * own).sum(-1) / own.norm(dim=-1), right[..., 1]], dim=-1)
        whole = torch.stack(
            [(own * f).sum(-1) / lengths[..., 0], (own * dH).sum(-1) / lengths[..., 1]], dim=-1
        )
        mistakes = [
            (-right, "Both signs are wrong: the error is learned less true."),
            (right.flip(-1), "The two parts are in the wrong order: [along, across]."),
            (dots, "The directions are not unit vectors: divide by |f| and by |∇H|."),
            (dots / lengths**2, "Divide by the length once; you divided by its square."),
            (right.abs(), "The signs are lost. They tell early from late, gain from loss."),
            (right.square(), "These are the squares. Leave the parts signed."),
            (
                radial,
                "`across` is measured along x. That is outward only where the contours of H are "
                "circles; the direction across is that of ∇H.",
            ),
            (onward, "`along` is measured along the learned motion; take the true one."),
            (whole, "This splits the learned field itself. Subtract the true field first."),
        ]
        match(split(learned, system.field, system.hamiltonian, x, like=x), right, mistakes, at=x)
        batch = split(
            learned, system.field, system.hamiltonian, x.reshape(2, 4, 2), like=x.reshape(2, 4, 2)
        )
        expect(close(batch.reshape(8, 2), right), "Right for (8, 2), and wrong for (2, 4, 2).")
    return (
        "Right. With one degree of freedom the two parts are perpendicular, so their squares add "
        "up to the squared error: the loss sees the sum, the energy only the second."
    )


# --- 3 -------------------------------------------------------------------------------------------


class _Scaled:
    """A field with one parameter, θ times the spring's."""

    def __init__(self, theta: Tensor) -> None:
        self.theta = theta

    def __call__(self, x: Tensor) -> Tensor:
        return self.theta * MassSpring(2.0, 3.0).field(x)


@exercise(3, "code", "The loss of a Neural ODE")
def trajectory_loss(answer: Any) -> str:
    """Check ``trajectory_loss(field, observed, times)``, the mean squared error of a motion."""
    loss = function(answer, "trajectory_loss(field, observed, times)")
    spring = MassSpring(2.0, 3.0)
    times = torch.linspace(0, 0.9, 7, dtype=torch.float64)
    x0 = states(5)
    observed = spring.solution(x0, times)
    theta = torch.tensor(1.2, dtype=torch.float64, requires_grad=True)
    field = _Scaled(theta)
    path = integrate(field, observed[0], times)
    missed = path - observed
    with torch.no_grad():
        forced = torch.stack(
            [
                integrate(field, a, times[k : k + 2])[1] - b
                for k, (a, b) in enumerate(pairwise(observed))
            ]
        )
    right = missed[1:].square().mean()
    mistakes = [
        (
            missed.square().mean(),
            "The first time is counted too. There the prediction starts at the observation, so it "
            "is no error, and the mean comes out too small by 6/7.",
        ),
        (
            forced.square().mean(),
            "The prediction starts anew at every observation. Start at the first one only, so that "
            "errors have time to add up.",
        ),
        (missed[1:].square().sum(-1).mean(), "Twice the value: mean over the components as well."),
        (missed[1:].square().sum(), "The sum was taken in place of the mean."),
        (missed[1:].square().mean().sqrt(), "The root: leave the mean of the squares as it is."),
        (missed[1:].abs().mean(), "Absolute values were taken in place of squares."),
        (missed[-1].square().mean(), "Only the last time is compared; compare all but the first."),
        (
            missed[1:].norm(dim=-1).mean(),
            "The mean of the distances was taken; square them first.",
        ),
        (missed[1:].mean(), "The differences are not squared: positive and negative ones cancel."),
        (
            (field(observed) - spring.field(observed)).square().mean(),
            "This is the derivative loss. A trajectory loss follows the field and compares states.",
        ),
    ]
    got = loss(field, observed, times, like=observed, shape=())
    match(got, right, mistakes, "This is not the mean squared error of the motion.", rtol=1e-3)
    slope = gradient(got, theta, "the loss", name="the field's parameters")
    want = torch.autograd.grad(right, theta)[0]
    match(slope, want, otherwise="The loss is right, but its gradient is not.", rtol=1e-3)
    exact = loss(spring.field, observed, times, like=observed, shape=())
    expect(exact < 1e-6, f"For the true field the loss must vanish; yours is {exact:.2g}.")
    single = loss(field, observed[:, 0], times, like=observed, shape=())
    expect(
        close(single, missed[1:, 0].square().mean(), rtol=1e-3),
        "Right for a batch of motions, and wrong for a single one, of shape (7, 2).",
    )
    return "Right: it follows the field from the first observation, and its gradient trains it."


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "experiment", "Look often, spiral fast")
def inward_rates(answer: Any) -> str:
    """Check ``rates``: for each gap, rates at which a learned spring's amplitude falls."""
    values = numbers(answer, GAPS, "rates", "rate for each seed")
    middle = {gap: median(row) for gap, row in values.items()}
    shown = ", ".join(f"{rate:.3f} at Δt = {gap:g}" for gap, rate in middle.items())
    law = {gap: torch.log1p(torch.tensor(SIGMA**2)).item() / gap for gap in GAPS}

    def near(factor: Callable[[float], float]) -> bool:
        wanted = {gap: factor(gap) for gap in GAPS}
        return all(abs(middle[g] - wanted[g]) < 0.15 * abs(wanted[g]) for g in GAPS)

    expect(
        all(abs(rate) > 0.02 for rate in middle.values()),
        f"Nothing spirals ({shown}). Is the noise on the *first* state of each pair too? Noise on "
        "what is to be predicted averages out.",
    )
    expect(
        all(rate > 0 for rate in middle.values()),
        f"These rates are negative ({shown}): the amplitude *falls*, and its rate of falling is "
        "asked for, -ln(|x(t)|/|x(0)|)/t.",
    )
    expect(
        not near(lambda gap: 2 * law[gap]),
        f"Twice the right rates ({shown}): is this the energy? Asked for is the amplitude.",
    )
    expect(
        not near(lambda gap: law[gap] * gap),
        f"The rate is the same for every gap ({shown}): this is the loss in one *step*. Divide by "
        "the time that it takes.",
    )
    expect(
        all(max(row) - min(row) > 1e-9 for row in values.values()),
        "Different seeds gave exactly the same rate: use `seed` for the states and the noise.",
    )
    expect(
        middle[GAPS[0]] > middle[GAPS[-1]],
        f"The rate grows with the gap ({shown}). Each step costs the same share; how many steps "
        "are there in a second?",
    )
    for gap, rate in middle.items():
        expect(
            abs(rate - law[gap]) < 0.15 * law[gap],
            f"At Δt = {gap:g} the median rate is {rate:.3f}; theory gives {law[gap]:.3f}. Are the "
            f"clean states drawn with standard deviation 1, is σ = {SIGMA}, and has the training "
            "converged?",
        )
    return (
        f"Right: {shown}. That is ln(1 + σ²)/Δt. Looking twice as often makes the learned spring "
        "stop twice as soon."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "Seven errors, four fates")
def fates(answer: Any) -> str:
    """Check ``fates``: for each error of the field one of the answers in `FATES`."""
    chosen = table(answer, ERRORS, "fates")
    for error, fate in chosen.items():
        expect(
            isinstance(fate, str) and fate in FATES,
            f'`fates["{error}"]` is {fate!r}; choose one of: {", ".join(map(repr, FATES))}.',
        )
    wrong = [error for error, fate in chosen.items() if fate != ERRORS[error][0]]
    if wrong:
        advice = {
            "(0.02 p, -0.02 q)": "Compare it with the field (p, -q) itself.",
            "(0, -0.02 p)": "Which force is opposite to the velocity?",
            "(0.02 q, 0)": "What is its divergence?",
            "(0.02 q, -0.02 p)": "What is its divergence? Is there an H that gives it?",
            "(0.02, 0)": "Where does the whole field vanish now?",
            "(0, 0.02 (1 - q²) p)": "What does it do while |q| is small, and while it is large?",
            "(0, -0.02 q³)": "Does this force have a potential?",
        }
        lines = [f"`{error}`: not {chosen[error]!r}. {advice[error]}" for error in wrong]
        right = len(chosen) - len(wrong)
        raise Wrong("\n".join([f"{right} of {len(chosen)} are right.", *lines]))
    return "\n".join(["All right:", *(f"`{e}`: {why}." for e, (_, _, why) in ERRORS.items())])
