"""Checks of the chapter "A pendulum seen by a camera"."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import LatentCoordinate, LatentMotion, SecondOrderMLP, UnitMassHNN
from hnn_tutorial.pixels import consecutive, farthest_pair, pendulum_frames, principal_components
from hnn_tutorial.systems import DampedPendulum
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("pixel_pendulum")
exercise, progress = chapter.exercise, chapter.progress

# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "What a forward difference takes")
def kept(answer: Any) -> str:
    """Check ``kept(omega, step, count)``: the part of a swing that is left of its learned field."""
    part = function(answer, "kept(omega, step, count)")
    omega = torch.linspace(0.4, 9.3, 12, dtype=torch.float64).reshape(4, 3)
    step, count = 0.13, 17
    turn = omega * step
    right = torch.exp(-count * (1 - turn.cos()))
    mistakes = [
        (torch.exp(-(turn**2) * count / 2), "This is the leading order of the chapter. The exact "
         "part contains a cosine."),
        (torch.exp(count * (1 - turn.cos())), "The swing grows here. What is the sign of the real "
         "part, and of cos ωh − 1?"),
        (torch.exp(-(1 - turn.cos())), "This is one step. There are `count` of them."),
        (torch.exp(-count * (1 - turn.cos()) / step), "The real part of the eigenvalue is a rate, "
         "per second. It acts for `count` steps of length `step`."),
        (torch.exp(-count * step * (1 - turn.cos())), "The real part of the eigenvalue has a "
         "division by `step`, and the time is count · step: the two cancel."),
        (turn.cos() ** count, "This is the real part of one step, to a power: a step *of* the "
         "Euler method is a whole turn, of size 1. The exact solution takes an exponential."),
        (torch.exp(-count * turn.sin()), "That is the imaginary part, which turns the state. The "
         "size follows from the real part."),
        (count * (turn.cos() - 1), "This is the exponent, the logarithm of the part that is left."),
    ]  # fmt: skip
    got = part(omega, step, count, like=omega, shape=(4, 3))
    match(got, right, mistakes, "This is not the part of the swing that is left.")
    one = part(omega[2, 1], step, count, like=omega, shape=())
    match(one, right[2, 1], [], "Right for a batch, and wrong for a single number.")
    longer = part(omega, 0.05, 230, like=omega, shape=(4, 3))
    wanted = torch.exp(-230 * (1 - (0.05 * omega).cos()))
    match(longer, wanted, [], "Right for one step and number of steps, and wrong for others.")
    return (
        "Right, and exact for a linear swing. To the leading order it is the chapter's "
        "exp(−(ωh)² N/2): halve the step over the same time, and half of the damping is left."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "How far a law is missed")
def missed(answer: Any) -> str:
    """Check ``missed(z, step, slope)``: the residual of three pictures in a row."""
    residual = function(answer, "missed(z, step, slope)")
    generator = torch.Generator().manual_seed(4)
    z = torch.randn(3, 7, generator=generator, dtype=torch.float64)
    h = 0.3

    def slope(z: Tensor) -> Tensor:
        return torch.sin(1.7 * z) + 0.4 * z**2

    before, now, after = z[:, :-2], z[:, 1:-1], z[:, 2:]
    bend = (after - 2 * now + before) / h**2
    middle = (after + 2 * now + before) / 4
    right = bend + slope(middle)
    mistakes = [
        (bend + slope(now), "The slope is taken at the picture in the middle. The rule takes it at "
         "the mean of the two states, which has a part of all three."),
        (bend + slope((after + now + before) / 3), "All three pictures have the same share here. "
         "The one in the middle belongs to both states, and counts twice."),
        (bend + slope((after + before) / 2), "The picture in the middle is missing from the place "
         "of the slope: it belongs to both states."),
        (bend + (slope((after + now) / 2) + slope((now + before) / 2)) / 2, "This is the mean of "
         "two slopes. The midpoint rule takes one slope, at the mean of the two states."),
        (bend - slope(middle), "The force is −V′: on the other side of the equation its sign "
         "changes."),
        (bend, "The slope of the potential is missing."),
        (bend * h + slope(middle), "The velocity is a difference over h, and the acceleration a "
         "difference of velocities over h: divide by h twice."),
        (bend * h**2 + slope(middle), "The second difference is not divided by h²."),
        (bend / 2 + slope(middle), "The second difference is halved."),
        ((after - before) / (2 * h) + slope(middle), "This is the velocity plus the slope. The law "
         "is about the acceleration."),
    ]  # fmt: skip
    got = residual(z, h, slope, like=z, shape=(3, 5))
    match(got, right, mistakes, "The law is not missed by this much.")
    one = residual(z[1], h, slope, like=z, shape=(5,))
    match(one, right[1], [], "Right for several films, and wrong for a single one.")
    short = residual(z[:, :3], 0.11, slope, like=z, shape=(3, 1))
    wanted = ((after - 2 * now + before) / 0.11**2 + slope(middle))[:, :1]
    match(short, wanted, [], "Right for long films, and wrong for another step or three pictures.")
    return (
        "Right: this is the second component of the residual of the chapter; the first is zero, "
        "as the momentum is a difference."
    )


# --- 3 -------------------------------------------------------------------------------------------

ANSWERS = ("has one", "has none")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "1 − 2q": (
        "has one",
        "What is z″(q)?",
        "a straight line, with the scale −2 and another origin",
    ),
    "sin q, how far to the right the tip is": (
        "has none",
        "Compare a slow and a fast passage at the same angle.",
        "its acceleration contains −sin q q̇²",
    ),
    "the first principal component": (
        "has none",
        "Is it a straight line over the angle?",
        "it bends, and even turns around",
    ),
    "q²": (
        "has none",
        "What is z″(q)?",
        "z″ = 2, so its acceleration contains 2 q̇²",
    ),
    "q in degrees": (
        "has one",
        "A change of units is what kind of function?",
        "another unit is a factor",
    ),
    "q, while the joint has friction": (
        "has none",
        "The same angle, on the way up and on the way down: the same acceleration?",
        "friction depends on the velocity, whatever the coordinate",
    ),
    "q, of a pendulum with a spring in its joint": (
        "has one",
        "What does the torque depend on?",
        "the spring adds to the potential, and V was free",
    ),
}
"""The cases of exercise 3: the answer, a question for those who err, and the reason."""


@exercise(3, "think", "Which numbers have a law?")
def laws(answer: Any) -> str:
    """Check ``laws``: for each of `CASES` one of `ANSWERS`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, ANSWERS, advice, "laws")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------

RIVALS = ("energy", "second order")
"""The two laws of exercise 4."""

USUAL = {"noise": 0.01, "friction": 0.05}
"""The settings of exercise 4 that are not varied."""

LIMITS = {"noise": (0.0, 0.05), "friction": (0.0, 0.5)}
"""The smallest and the largest settings of exercise 4."""

FILMS = 16
"""For one training of exercise 4."""

STEP = 0.08


def measure(law: str, noise: float = 0.01, friction: float = 0.05, seed: int = 0) -> float:
    r"""Learn a coordinate and its law from small pictures, and follow ten new films.

    16 films of 25 pictures of 12 × 12 pixels, 0.08 s apart, of swings up to 1.5 rad; ten codes; an
    encoder of six hidden units; 15 steps of Levenberg–Marquardt. The laws have 25 and 26 weights.

    Args:
        law: one of `RIVALS`: an energy ż²/2 + V(z), or a network of z and ż for the acceleration.
        noise: standard deviation in each pixel of the films for the training.
        friction: of the joint, in all films, in kg m²/s.
        seed: of films, noise and first weights.

    Returns:
        By how much the logarithm of the swing in the last 40 of 80 pictures over that in the first
        40 differs from the true one: the median of ten new films, with the friction, without noise.
    """
    if law not in RIVALS:
        raise ValueError(f"law is {law!r}; choose one of {RIVALS}")
    return _measured(law, float(noise), float(friction), int(seed))


def _film(
    count: int, length: int, most: float, friction: float, generator: torch.Generator
) -> Tensor:
    draw = torch.rand(count, generator=generator, dtype=torch.float64)
    angle = 0.2 + (most - 0.2) * draw
    times = STEP * torch.arange(length, dtype=torch.float64)
    start = torch.stack([angle, 0 * angle], dim=-1)
    pendulum = DampedPendulum(1.0, 1.0, 9.81, damping=friction)
    angles = integrate(pendulum.field, start, times, "rk4", step=STEP / 4)[..., 0].mT
    return pendulum_frames(angles, 12, softness=0.1)


@cache
def _measured(law: str, noise: float, friction: float, seed: int) -> float:
    generator = torch.Generator().manual_seed(seed)
    seen = _film(FILMS, 25, 1.5, friction, generator)
    grain = torch.randn(seen.shape, generator=generator, dtype=torch.float64)
    seen = seen + noise * grain
    components = principal_components(seen, 10)
    codes = components.encode(seen)
    energy = law == "energy"
    net = UnitMassHNN(1, (8,), seed=seed) if energy else SecondOrderMLP(1, (6,), seed=seed)
    model = LatentCoordinate(farthest_pair(codes), net, STEP, (6,), seed=seed)
    optimizer = LevenbergMarquardt(steps=15)
    residual = LatentMotion.residual
    fit(model, consecutive(codes), optimizer, residual=residual, progress=False)
    generator.manual_seed(1000 + seed)
    fresh = components.encode(_film(10, 81, 1.4, friction, generator))
    path = model.rollout(fresh[:, 0], fresh[:, 1], 79)
    with torch.no_grad():
        shown, true = model.coordinates(path).T, model.coordinate(fresh)[:, 1:, 0]
    lasting = [(z[:, -40:].std(1) / z[:, :40].std(1)).log() for z in (shown, true)]
    return float((lasting[0] - lasting[1]).abs().median())


def verdict(energy: list[float], second: list[float]) -> str:
    """Which law wins by the rule of exercise 4: smaller errors at four of five seeds at least."""
    return study.winner(energy, second, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    study.within(1.5),
    (study.ROOTS, study.SQUARED, study.LOGARITHMS, study.NEGATED),
    study.smaller("the energy"),
    ": where the energy is better and where it is not, or where it is undecided",
    sides="laws",
    label=lambda law: f"the law {law!r}",
)


@exercise(4, "experiment", "An open question: when does an energy pay?")
def pays(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "An energy leaves no room for a damping. That helps where noise would be taken for one, "
        "and hurts where there is one: an assumption should be true, or smaller than the noise.",
    )
