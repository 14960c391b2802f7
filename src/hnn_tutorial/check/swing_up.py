"""Checks of the chapter "Swing-up: the learned energy is the controller"."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import expect, function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.control import lqr, simulate, within
from hnn_tutorial.systems import CartPole

chapter = Chapter("swing_up")
exercise, progress = chapter.exercise, chapter.progress

# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "A support that moves up and down")
def power(answer: Any) -> str:
    """Check ``power(x, a, mass, length)``: the rate of the energy of a pumped pendulum."""
    rate = function(answer, "power(x, a, mass, length)")
    m, l = 1.7, 0.6  # noqa: E741

    def truth(x: Tensor, m: float = m, l: float = l) -> Tensor:  # noqa: E741
        return -m * l * a.reshape(x.shape[:-1]) * torch.sin(x[..., 0]) * x[..., 1]

    x = states(12, seed=1).reshape(4, 3, 2)
    a = torch.linspace(-2.3, 3.1, 12, dtype=torch.float64).reshape(4, 3)
    q, v = x.unbind(-1)
    mistakes = [
        (-m * l * a * torch.cos(q) * v, "This is the rate for a support that moves sideways. "
         "Which component of a force across the rod has an upright acceleration?"),
        (-m * l * a * torch.sin(q), "This is the torque. The power is the torque times the "
         "velocity."),
        (-m * a * torch.sin(q) * v, "The length is missing: the torque is a force times l."),
        (-m * l**2 * a * torch.sin(q) * v, "The length is squared. The torque is the force "
         "m a sin q times l."),
        (-m * l * (9.81 + a) * torch.sin(q) * v, "Gravity is in it. The energy contains the "
         "potential of gravity, so that only the support changes it."),
    ]  # fmt: skip
    got = rate(x, a, m, l, like=x, shape=(4, 3))
    match(
        got,
        truth(x),
        mistakes,
        "This is not the rate of the energy.",
        at=x,
        parameters={"m": m, "l": l},
    )
    one = rate(x[2, 1], a[2, 1], m, l, like=x, shape=())
    match(one, truth(x)[2, 1], [], "Right for a batch, and wrong for a single state.")
    return (
        "Right: torque times velocity again. The rate has the sign of -a sin q q̇, so the support "
        "has to accelerate downwards while the pendulum swings out, and upwards while it comes "
        "back."
    )


# --- 2 -------------------------------------------------------------------------------------------


@cache
def count_pushes(torque: float) -> int:
    """How often a motor that pushes along the motion pushes until the pole is up; m = l = g = 1.

    Args:
        torque: of the motor, in units of m g l, positive.
    """
    angles = torch.linspace(0, math.pi, 200_001, dtype=torch.float64)
    turned, pushes = 0.0, 0
    while True:
        pushes += 1
        # Kinetic energy on the way from one side to the other.
        left = torque * (turned + angles) - (math.cos(turned) - angles.cos())
        stopped = (left < 0) & (angles > turned)
        if not stopped.any():
            return pushes
        turned = float(angles[int(stopped.double().argmax())])


@exercise(2, "code", "The staircase")
def pushes(answer: Any) -> str:
    """Check ``pushes(torque)``: the number of pushes from rest to the top."""
    count = function(answer, "pushes(torque)")
    like = torch.zeros((), dtype=torch.float64)
    torques = [0.9, 0.74, 0.71, 0.55, 0.4, 0.33, 0.27, 0.19, 0.13, 0.104]
    got = torch.stack([count(torque, like=like, shape=()) for torque in torques])
    right = torch.tensor([float(count_pushes(torque)) for torque in torques]).double()
    average = torch.tensor([max(1.0, math.ceil(2 / (math.pi * t))) for t in torques]).double()
    mistakes = [
        (right - 1, "One push is missing: the last one, which goes over the top, counts too."),
        (average, "This takes the work of the whole way, 2 m g l. On the way the pole has to pass "
         "angles where the work is not yet enough."),
    ]  # fmt: skip
    match(got, right, mistakes, "The numbers of pushes differ.", at=torch.tensor(torques).double())
    return (
        "Right: each turning point follows from the one before by one equation of the energy. The "
        "last push has to be the strong one, since the way is long and nothing comes after it."
    )


# --- 3 -------------------------------------------------------------------------------------------

ENDS = ("stands", "stops below the top", "turns over", "hangs")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "all energies 5 J too large": (
        "stands",
        "Which energies does the law compare?",
        "only the difference to the top enters the law",
    ),
    "top 30 % too low": (
        "stops below the top",
        "At which energy does the law stop to push?",
        "the law reaches the energy that it believes in, and keeps it",
    ),
    "top twice too high": (
        "turns over",
        "What does a pole do that has more energy than the top?",
        "a pole with twice the energy runs through the top, too fast for the regulator",
    ),
    "coupling of the wrong sign": (
        "stops below the top",
        "Does the motor then push along the motion, or against it?",
        "the law takes out of the pole what it should put in, and it settles below the top",
    ),
    "coupling twice as large": (
        "stands",
        "It multiplies the gain. Does the sign of the rate change?",
        "it is a larger gain, and the bound of the acceleration holds",
    ),
    "start hanging at rest": (
        "hangs",
        "What is the power of any force at velocity zero, and what does the law ask for?",
        "the law is zero where the pole does not move; it needs a first push",
    ),
    "joint friction 0.03, goal at the top": (
        "stops below the top",
        "Near the goal the law pushes little. What does the friction take?",
        "below the top the friction takes what the ever weaker pushes give",
    ),
}
"""The cases of exercise 3: how it ends, a question for those who err, and the reason."""


@exercise(3, "think", "What does a wrong model do?")
def ends(answer: Any) -> str:
    """Check ``ends``: for each of `CASES` one of `ENDS`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, ENDS, advice, "ends")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "code", "The force for the pole")
def force_for(answer: Any) -> str:
    """Check ``force_for(A, free, wanted)``: the cart's force that accelerates the pole."""
    force = function(answer, "force_for(A, free, wanted)")
    x = states(12, seed=3, degrees=2)
    x[:, 1] = 0.9 * torch.tanh(x[:, 1])
    cart = CartPole(1.9, 0.7, 0.6, 2.3)
    A = cart.mass_matrix(x).reshape(3, 4, 2, 2)
    free = cart.second_order_field(x)[:, 2:].reshape(3, 4, 2)
    wanted = torch.linspace(-1.7, 2.9, 12, dtype=torch.float64).reshape(3, 4)
    inverse = torch.linalg.inv(A)
    lacking = wanted - free[..., 1]
    right = lacking / inverse[..., 1, 0]
    mistakes = [
        ((wanted - free[..., 0]) / inverse[..., 0, 0], "This force gives the *cart* the wanted "
         "acceleration. The pole is the second coordinate."),
        (wanted / inverse[..., 1, 0], "The pole accelerates also without the motor: take `free` "
         "off first."),
        (lacking * A[..., 1, 0], "This multiplies by the entry of the mass matrix. A force changes "
         "the accelerations by the *inverse* of the matrix."),
        (lacking / A[..., 1, 0], "This divides by the entry of A. The entry of its inverse is "
         "wanted."),
        (lacking / inverse[..., 1, 1], "This is the torque of a motor on the pole. The motor "
         "pushes the cart: its column of the inverse is the first."),
        ((wanted + free[..., 1]) / inverse[..., 1, 0], "The free acceleration has the wrong sign."),
    ]  # fmt: skip
    got = force(A, free, wanted, like=A, shape=(3, 4))
    match(got, right, mistakes, "The pole does not get this acceleration.", parameters=None)
    one = force(A[1, 2], free[1, 2], wanted[1, 2], like=A, shape=())
    match(one, right[1, 2], [], "Right for a batch, and wrong for one state.")
    return (
        "Right: the cart's motor can steer the pole as well, where the entry of the inverse is not "
        "zero. With the pole level it is zero, and the force infinite."
    )


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("at the top", "above")
"""The two goals of exercise 5."""

USUAL = {"friction": 0.01, "gain": 13.0}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"friction": (0.0, 0.05), "gain": (3.0, 60.0)}
"""The smallest and the largest settings of exercise 5."""

STARTS = 16
"""Of one number of exercise 5."""


def measure(goal: str, friction: float = 0.01, gain: float = 13.0, seed: int = 0) -> float:
    r"""Swing up a known cart-pole from random starts, and count where the pole stands.

    It is the machine of the chapter, with a motor of 1 N and friction in the joint that the
    controller does not know. The starts have angles up to 1.5 rad and are at rest.

    Args:
        goal: one of `RIVALS`: the energy of the top, or 0.03 J above.
        friction: of the joint, in kg m²/s.
        gain: of the energy law.
        seed: of the starts.

    Returns:
        How many of 16 poles stand 25 s later, for 2 s at least.
    """
    if goal not in RIVALS:
        raise ValueError(f"goal is {goal!r}; choose one of {RIVALS}")
    return _measured(goal, float(friction), float(gain), int(seed))


@cache
def _regulator() -> Tensor:
    """The gains of the regulator near the top of the chapter's machine, by its closed form."""
    J, b = torch.zeros(4, 4).double(), torch.zeros(4, 1).double()
    J[0, 2] = J[1, 3] = 1
    J[2, 1], J[3, 1] = 0.3, 1.3
    b[2, 0], b[3, 0] = 1, 1
    return lqr(J, b, [1.0, 10.0, 1.0, 1.0], [1.0])[0]


@cache
def _measured(goal: str, friction: float, gain: float, seed: int) -> float:
    # By formulas: the package's Machine takes three times as long, and this runs in a check.
    cart, above = CartPole(), 0.03 * (goal == "above")

    def field(x: Tensor, u: Tensor) -> Tensor:
        free = cart.second_order_field(x)
        cos, sin = torch.cos(x[..., 1]), torch.sin(x[..., 1])
        heavy = 1 + 0.3 * sin**2
        force, torque = u[..., 0], -friction * x[..., 3]
        one = (force - torque * cos) / heavy
        two = (torque * 1.3 / 0.3 - force * cos) / heavy
        return free + torch.stack([0 * one, 0 * one, one, two], dim=-1)

    upright = torch.tensor([0.0, math.pi, 0.0, 0.0], dtype=torch.float64)
    gains = _regulator()

    def control(x: Tensor) -> Tensor:
        cos, sin = torch.cos(x[..., 1]), torch.sin(x[..., 1])
        excess = 0.15 * x[..., 3] ** 2 + 0.3 * (1 - cos) - 0.6 - above
        a = gain * excess * 0.3 * cos * x[..., 3] - 0.2 * (x[..., 0] + x[..., 2])
        free = 0.3 * sin * (x[..., 3] ** 2 + cos) / (1 + 0.3 * sin**2)
        push = (a.clamp(-0.8, 0.8) - free) * (1 + 0.3 * sin**2)
        off = x - upright
        off[..., 1] = torch.remainder(off[..., 1] + math.pi, 2 * math.pi) - math.pi
        near = (off[..., 1].abs() < 0.5) & (off[..., 3].abs() < 1)
        return torch.where(near, -(off * gains).sum(-1), push).unsqueeze(-1)

    generator = torch.Generator().manual_seed(seed)
    start = torch.zeros(STARTS, 4, dtype=torch.float64)
    start[:, 1] = 3 * torch.rand(STARTS, generator=generator, dtype=torch.float64) - 1.5
    run = simulate(field, control, start, torch.linspace(0, 25, 251).double(), limit=1.0)
    stands = within(upright, (0.7, 0.15, 0.3, 0.3), angles=(1,))
    return float(run.since(stands, hold=2).isfinite().sum())


def verdict(top: list[float], above: list[float]) -> str:
    """Which goal wins by the rule of exercise 5: more poles at four of five seeds at least."""
    if sum(a < b for a, b in zip(top, above, strict=True)) >= 0.8 * len(top):
        return "above"
    wins = sum(a > b for a, b in zip(top, above, strict=True))
    return "at the top" if wins >= 0.8 * len(top) else "undecided"


def poles(rows: Sequence[tuple[float, float]]) -> str:
    """How often the higher goal has more poles up, and how often fewer."""
    more, fewer = sum(b > a for a, b in rows), sum(b < a for a, b in rows)
    return (
        f"the higher goal has more poles up for {more} of {len(rows)} seeds and fewer for {fewer}"
    )


def alike(given: Sequence[float], wanted: Sequence[float]) -> bool:
    """Whether numbers are the same but for one pole, which may fall on another machine."""
    return all(abs(a - b) <= 1 for a, b in zip(given, wanted, strict=True))


def no_shares(got: Sequence[float], wanted: Sequence[float], where: str) -> None:
    """Refuse shares first: they are all near the zero poles of some other settings."""
    expect(
        max(got) > 1 or not alike([STARTS * v for v in got], wanted),
        f"{where} are shares of {STARTS} in place of numbers.",
    )


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    alike,
    (
        (lambda v: STARTS - v, "the poles that do not stand"),
        (lambda v: STARTS * v / 100, "per cent in place of numbers"),
    ),
    poles,
    again="swings up all poles again",
    sides="goals",
    times=3,
    noun="number",
    label=lambda goal: f"the goal {goal!r}",
    off=lambda a, b: abs(a - b),
    before=no_shares,
)


@exercise(5, "experiment", "An open question: how high should one aim?")
def aim(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "The higher goal pays what the friction takes on the last way up; a goal that is too high "
        "brings a pole that is too fast.",
    )
