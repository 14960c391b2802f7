"""Checks of the chapter "The map instead of the field"."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.integrators import UnsettledStepError, integrate
from hnn_tutorial.models import HNN, SympNet
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import LevenbergMarquardt, derivative_residual, fit, map_residual

chapter = Chapter("flow_maps")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "The generating function of a spring")
def factor(answer: Any) -> str:
    """Check ``factor(omega, h)``: S/H of the step h of a spring, tan(ωh/2)/(ωh/2)."""
    ratio = function(answer, "factor(omega, h)")
    omega = torch.tensor([0.23, 0.7, 1.4, 2.6, 3.3], dtype=torch.float64)
    for h in (0.37, 0.85):
        half = omega * h / 2
        right = torch.tan(half) / half
        mistakes = [
            (torch.tan(half), "This is tan(ωh/2). Divide by what it is for a short step, ωh/2."),
            (half / torch.tan(half), "This is one over the factor: the rule turns too slowly, so S "
             "must be larger than H."),
            (torch.tan(2 * half) / (2 * half), "The angle is that of the whole step. The rule's "
             "turn is 2 arctan(...), so half of the angle stands in the tangent."),
            (torch.atan(half) / half, "This is the turn of the rule with S = H, in units of ωh. "
             "The factor is what makes that turn right."),
            (torch.sin(half) / half, "The rule turns by 2 arctan(f ωh/2), not by 2 arcsin."),
            (torch.tan(half) / (omega * h), "The denominator is ωh/2, the same as in the tangent."),
            (torch.tan(half) / omega, "This has the unit of a time; the factor is a pure number."),
            (1 + half**2 / 3, "These are the first two terms of the series in h, and the factor "
             "for any h is wanted."),
        ]  # fmt: skip
        got = ratio(omega, h, like=omega, shape=(5,))
        match(got, right, mistakes, f"This factor does not make the step right (h = {h} s).",
              parameters={"h": h})  # fmt: skip
    got = ratio(omega[3], 0.85, like=omega, shape=())
    match(got, right[3], [], "Right for several springs, and wrong for a single one.")
    return (
        "Right: tan(ωh/2)/(ωh/2), which is 1 + (ωh)²/12 for short steps and infinite at half a "
        "period, where no S exists."
    )


# --- 2 -------------------------------------------------------------------------------------------

Layer = Callable[[Tensor], Tensor]
"""What a kick adds to p, as a function of q; or a drift to q, as a function of p."""


def forwards(x: Tensor, layers: Sequence[Layer]) -> Tensor:
    """Kicks and drifts in turn, the first a kick, as exercise 2 has them."""
    q, p = x.chunk(2, dim=-1)
    for k, layer in enumerate(layers):
        if k % 2 == 0:
            p = p + layer(q)
        else:
            q = q + layer(p)
    return torch.cat([q, p], dim=-1)


def _back(
    x: Tensor, layers: Sequence[Layer], *, order: int = -1, sign: int = -1, first: int = 0
) -> Tensor:
    """The layers with a sign and an order; ``first`` is 0 if even ones are kicks."""
    q, p = x.chunk(2, dim=-1)
    for k, layer in list(enumerate(layers))[::order]:
        if k % 2 == first:
            p = p + sign * layer(q)
        else:
            q = q + sign * layer(p)
    return torch.cat([q, p], dim=-1)


def _bent(seed: int) -> Layer:
    """A layer for three degrees of freedom, the gradient of a ridge."""
    a = torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return lambda s: torch.tanh(s @ a.mT + 0.3) @ a


@exercise(2, "code", "Undo kicks and drifts")
def undone(answer: Any) -> str:
    """Check ``undone(x, layers)``: the inverse of kicks and drifts in turn."""
    inverse = function(answer, "undone(x, layers)")
    for count in (3, 4):
        layers = [_bent(seed) for seed in range(count)]
        x = states(20, seed=count, degrees=3).reshape(4, 5, 6)
        y = forwards(x, layers)
        mistakes = [
            (forwards(y, layers), "These are the layers forwards once more."),
            (_back(y, layers, sign=1), "The order is reversed. Each layer must also be taken back: "
             "what was added is subtracted."),
            (_back(y, layers, order=1), "Each layer is subtracted, and in the order in which they "
             "were added. What was done last must be undone first."),
            (_back(y, layers, first=1), "Kicks and drifts are exchanged: the layer of index 0 is a "
             "kick, and changes p."),
        ]  # fmt: skip
        got = inverse(y, layers, like=x, shape=(4, 5, 6))
        match(got, x, mistakes, f"This does not lead back to the start ({count} layers).")
    got = inverse(y[1, 2], layers, like=x, shape=(6,))
    match(got, x[1, 2], [], "Right for a batch, and wrong for one state of shape (6,).")
    return (
        "Right, for odd and even numbers of layers. No equation was solved, and no layer was "
        "inverted: a kick is undone by its opposite, whatever function it adds."
    )


# --- 3 -------------------------------------------------------------------------------------------

KEPT = ("areas and energy", "areas", "energy", "neither")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "true step": (
        "areas and energy",
        "What does the flow of H keep, at any h?",
        "the flow of an H that does not depend on the time keeps both",
    ),
    "MLP map": (
        "neither",
        "What in an MLP would keep an area?",
        "nothing in it keeps anything, however small its error is",
    ),
    "untrained SympNet": (
        "areas",
        "Is it made of kicks and drifts? Does it know the pendulum?",
        "kicks and drifts keep areas at any weights; the pendulum has to be learned",
    ),
    "midpoint rule, H itself": (
        "areas",
        "Which function's step does the rule with h = 1 s take: H's, or one that is near it?",
        "the rule is symplectic, and the energy that it keeps is not quite H",
    ),
    "exact S, midpoint rule, h": (
        "areas and energy",
        "To which state does this take x?",
        "this is the true step, by the definition of S",
    ),
    "exact S, midpoint rule, h/2 twice": (
        "areas",
        "Is S the generating function of the step h/2?",
        "the rule is symplectic for any function, and S belongs to another step",
    ),
    "projected MLP map": (
        "energy",
        "After the step p is changed so that H is what it was. What happens to an area?",
        "its energy is right by force, and areas may still change",
    ),
    "driven pendulum, one period": (
        "areas",
        "H depends on the time here. Which of the two proofs needs that it does not?",
        "areas need no conserved energy",
    ),
}
"""The cases of exercise 3: what is kept, a question for those who err, and the reason."""


@exercise(3, "think", "What does the map keep?")
def kept(answer: Any) -> str:
    """Check ``kept``: for each of `CASES` one of `KEPT`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, KEPT, advice, "kept")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------


def turned(x: Tensor, angle: float) -> Tensor:
    """States ``[q, p]`` turned the way a spring with ω = 1 goes, from q towards −p."""
    q, p = x.unbind(-1)
    c, s = math.cos(angle), math.sin(angle)
    return torch.stack([c * q + s * p, c * p - s * q], dim=-1)


@exercise(4, "code", "Middles after a turn")
def middles(answer: Any) -> str:
    """Check ``middles(x, y, h, angle)``: middles and mean rates, once x is turned."""
    given = function(answer, "middles(x, y, h, angle)")
    h, angle = 2.7, 1.9
    x = states(20, seed=6, degrees=1).reshape(4, 5, 2)
    y = turned(x, 2.3) + 0.1 * torch.sin(3 * x)

    def pair(z: Tensor, end: Tensor, h: float = h, factor: float = 0.5) -> Tensor:
        return torch.stack([factor * (z + end), (end - z) / h])

    z = turned(x, angle)
    right = pair(z, y)
    mistakes = [
        (pair(x, y), "The states are not turned."),
        (pair(turned(x, -angle), y), "The turn goes the wrong way: with Ω = [[0, 1], [-1, 0]] a "
         "small turn adds angle · Ω x, and takes q towards -p."),
        (pair(z, turned(y, angle)), "Both are turned. The images stay where they are: the network "
         "learns the way from the turned state to them."),
        (pair(x, turned(y, -angle)), "The images are turned back, and the states are left. That is "
         "a split too, turn last; this exercise asks for the turn first."),
        (pair(y, z), "The rates have the wrong sign: end minus start."),
        (pair(z, y, factor=1.0), "The middles are twice as far: (z + y)/2."),
        (pair(z, y, h=1.0), "The rates are not divided by h."),
        (torch.stack([(z + y) / 2, (y - x) / h]), "The middles are those of the turned states, and "
         "the rates begin at the unturned ones."),
        (torch.stack([(x + y) / 2, (y - z) / h]), "The rates are those of the turned states, and "
         "the middles begin at the unturned ones."),
        (torch.stack([z, (y - z) / h]), "The rates belong to the middles, and these are starts."),
        (right.flip(0), "Middles come first, then rates."),
        (pair(turned(x, math.radians(angle)), y), "The angle is in radians already."),
    ]  # fmt: skip
    got = given(x, y, h, angle, like=x, shape=(2, 4, 5, 2))
    match(got, right, mistakes, "These are not the middles and rates after the turn.")
    got = given(x, turned(x, angle), h, angle, like=x, shape=(2, 4, 5, 2))
    match(got, pair(z, z), [], "If the step is the turn itself, no rate is left.")
    got = given(x[1, 2], y[1, 2], h, angle, like=x, shape=(2, 2))
    match(got, right[:, 1, 2], [], "Right for a batch, and wrong for one state of shape (2,).")
    return "Right. If the step is the turn itself, nothing is left to learn: all rates are zero."


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("HNN on middles", "SympNet")
"""The two models of exercise 5."""

USUAL = {"step": 1.0, "noise": 0.0, "pairs": 100}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"step": (0.2, 2.5), "noise": (0.0, 0.05), "pairs": (10, 300)}
"""The smallest and the largest settings of exercise 5."""


def measure(
    model: str, step: float = 1.0, noise: float = 0.0, pairs: int = 100, seed: int = 0
) -> float:
    """Train one network of exercise 5 on pairs of a pendulum, and return the error of one step.

    Mass, length and gravity are 1. Both have about 110 weights and take 30 steps of
    Levenberg–Marquardt, with a weight decay of a hundredth of the square of the noise.

    Args:
        model: one of `RIVALS`.
        step: h, in s.
        noise: standard deviation on every component of both states of a pair.
        pairs: how many.
        seed: of the data, the noise and the weights.

    Returns:
        The root mean square error at 100 fresh states without noise; 1 if that is larger, or if
        the implicit step of a state has no solution.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(step), float(noise), int(pairs), int(seed))


@cache
def _measured(model: str, h: float, noise: float, pairs: int, seed: int) -> float:
    pendulum = Pendulum(1.0, 1.0, 1.0)

    def seen(count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        draw = torch.rand(8 * count, 2, generator=generator, dtype=torch.float64)
        x = (2 * draw - 1) * torch.tensor([2.6, 2.0], dtype=torch.float64)
        x = x[pendulum.hamiltonian(x) < 1.6][:count]
        return x, pendulum.solution(x, torch.tensor([0.0, h], dtype=torch.float64))[1]

    generator = torch.Generator().manual_seed(seed)
    x, y = (
        part + noise * torch.randn(part.shape, generator=generator, dtype=torch.float64)
        for part in seen(pairs, generator)
    )
    start, end = seen(100, torch.Generator().manual_seed(99))
    optimizer = LevenbergMarquardt(steps=30, weight_decay=noise**2 / 100)
    if model == "SympNet":
        network = SympNet(1, (6,) * 6, seed=seed)
        batch = {"states": x, "images": y}
        fit(network, batch, optimizer, residual=map_residual, progress=False)
        with torch.no_grad():
            error = (network.map(start) - end).square().mean().sqrt()
        return min(1.0, error.item())
    learned = HNN(1, (8, 8), seed=seed)
    batch = {"states": (x + y) / 2, "derivatives": (y - x) / h}
    fit(learned, batch, optimizer, residual=derivative_residual, progress=False)
    try:
        with torch.no_grad():
            there = integrate(learned.field, start, [0.0, h], "implicit_midpoint", step=h)[1]
    except UnsettledStepError:
        return 1.0
    return min(1.0, (there - end).square().mean().sqrt().item())


def verdict(middle: list[float], other: list[float]) -> str:
    """Who wins by the rule of exercise 5: at four of five seeds at least."""
    return study.winner(middle, other, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    study.within(1.5),
    (study.ROOTS, study.SQUARED, study.LOGARITHMS, study.NEGATED),
    study.smaller("the HNN on middles"),
    ": where the middle is better and where it is not, or where it is undecided",
    times=3,
    whole=("pairs",),
)


@exercise(5, "experiment", "An open question: when is the middle the better place?")
def contest(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "The middle is the better place while it tells the ends of a step apart: for clean pairs "
        "and steps well below half a period.",
    )
