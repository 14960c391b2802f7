"""Checks of the chapter "The arm"."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.control import Machine, computed_torque, pd, simulate
from hnn_tutorial.systems import TwoLinkArm

chapter = Chapter("arm")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


def _elbow(x: Tensor, acceleration: Tensor, a2: float, a3: float, g2: float) -> Tensor:
    """The torque of the elbow of two links."""
    q1, q2, v1, _ = x.unbind(-1)
    b1, b2 = acceleration.unbind(-1)
    inertia = (a3 + a2 * q2.cos()) * b1 + a3 * b2
    return inertia + a2 * q2.sin() * v1**2 + g2 * (q1 + q2).sin()


@exercise(1, "derive", "The torque of the elbow")
def elbow_torque(answer: Any) -> str:
    """Check ``elbow_torque(x, acceleration, a2, a3, g2)`` of two links."""
    torque = function(answer, "elbow_torque(x, acceleration, a2, a3, g2)")
    numbers = {"a2": 0.37, "a3": 0.61, "g2": 2.3}
    a2, a3, g2 = numbers.values()
    x = states(24, degrees=2).reshape(4, 6, 4)
    b = states(24, seed=1).reshape(4, 6, 2)
    q1, q2, v1, v2 = x.unbind(-1)
    b1 = b[..., 0]
    right = _elbow(x, b, **numbers)
    got = torque(x, b, *numbers.values(), like=right)
    whirl, weight = a2 * q2.sin(), g2 * (q1 + q2).sin()
    match(
        got,
        right,
        [
            (right - 2 * whirl * v1**2, "The sign of the centrifugal term is reversed: "
             "−∂T/∂q₂ is positive, since ∂ cos q₂/∂q₂ = −sin q₂."),
            (right - whirl * v1**2, "The centrifugal term is missing: T depends on q₂, so ∂T/∂q₂ "
             "belongs to the equation."),
            (right - whirl * v1 * v2, "The terms with q̇₁q̇₂ do not cancel here: d/dt of A₁₂ and "
             "∂T/∂q₂ both contain them, with opposite signs."),
            (right + whirl * v1 * v2, "The terms with q̇₁q̇₂ should cancel: ∂T/∂q₂ contains "
             "−a₂ sin q₂ q̇₁q̇₂ as well."),
            (right - weight, "Gravity is missing: add ∂V/∂q₂."),
            (right - 2 * weight, "The sign of gravity is reversed: holding a raised link takes a "
             "positive torque, +∂V/∂q₂."),
            (right - weight + g2 * q2.sin(), "Gravity pulls at the angle of the second link from "
             "hanging down, which is q₁ + q₂ and not q₂."),
            (right - (a3 + a2 * q2.cos()) * b1 + a3 * b1, "A₁₂ is a₃ + a₂ cos q₂: the elbow feels "
             "the shoulder's acceleration by both parts."),
            (right - (a3 + a2 * q2.cos()) * b1, "The shoulder's acceleration is missing: A₁₂ q̈₁."),
        ],
        "This is not d/dt ∂L/∂q̇₂ − ∂L/∂q₂.",
        at=x,
        parameters=numbers,
        truth=lambda x, **numbers: _elbow(x, b, **numbers),
    )  # fmt: skip
    return (
        "Right, at random states and accelerations. The terms with q̇₁q̇₂ cancel: the elbow feels "
        "how fast the upper link turns, and the shoulder feels both."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "Computed torque")
def command(answer: Any) -> str:
    """Check ``command(tau, x, wanted, stiffness, damping)``: the torques of computed torque."""
    law = function(answer, "command(tau, x, wanted, stiffness, damping)")
    machine = Machine(TwoLinkArm(), damping=[0.3, 0.17])
    tau = machine.inverse_dynamics
    x, wanted = states(21, degrees=2).reshape(7, 3, 4), []
    for seed in (1, 2, 3):
        wanted.append(states(21, seed=seed).reshape(7, 3, 2))
    q, v = x[..., :2], x[..., 2:]
    goal, speed, acceleration = wanted
    for kp, kd in ((25.0, 10.0), (7.0, 3.0)):
        spring, brake = kp * (goal - q), kd * (speed - v)
        right = tau(x, acceleration + brake + spring)
        got = law(tau, x, tuple(wanted), kp, kd, like=right)
        on_goal = torch.cat([goal, speed], -1)
        match(
            got,
            right,
            [
                (tau(x, acceleration - brake - spring), "The feedback has the wrong sign: it "
                 "should pull towards the wanted motion, q* − q."),
                (tau(x, acceleration - brake + spring), "The brake has the wrong sign: q̇* − q̇."),
                (tau(x, acceleration + brake - spring), "The spring has the wrong sign: q* − q."),
                (tau(x, acceleration), "There is no feedback: the first error stays for ever."),
                (tau(x, acceleration + spring), "The brake is missing, so the arm swings."),
                (tau(x, acceleration + brake), "The spring is missing: the speed is corrected, and "
                 "the place is not."),
                (tau(x, brake + spring), "The wanted acceleration is missing."),
                (tau(x, acceleration) + brake + spring, "The feedback stands outside τ: there it "
                 "is a torque, and not an acceleration that the masses turn into one."),
                (tau(on_goal, acceleration + brake + spring), "τ is asked at the wanted state; "
                 "the arm is at x."),
                (tau(x, acceleration + kd * (goal - q) + kp * (speed - v)), "Stiffness and "
                 "damping are exchanged."),
                (acceleration + brake + spring, "This is the acceleration; ask τ for its torques."),
            ],
            "These are not the torques that the corrected acceleration takes.",
            at=x,
            parameters={"stiffness": kp, "damping": kd},
        )  # fmt: skip
    return (
        "Right: put into the true arm, these torques give the acceleration that was asked for, so "
        "the error obeys a linear equation at any speed."
    )


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "code", "Work and energy")
def imbalance(answer: Any) -> str:
    """Check ``imbalance(energy, x, inputs, damping, step)``: energy gained less work."""
    balance = function(answer, "imbalance(energy, x, inputs, damping, step)")
    machine = Machine(TwoLinkArm())
    x = states(7 * 3, degrees=2).reshape(7, 3, 4)
    inputs, damping, step = states(7 * 3, seed=1).reshape(7, 3, 2), torch.tensor([0.3, 0.17]), 0.07
    damping = damping.double()
    v, E = x[..., 2:], machine.energy(x)
    gained = E[-1] - E[0]

    def work(force: Tensor) -> Tensor:
        return torch.trapezoid((v * force).sum(-1), dx=step, dim=0)

    right = gained - work(inputs - damping * v)
    got = balance(machine.energy, x, inputs, damping, step, like=right)
    motors, lost = work(inputs), work(damping * v)
    match(
        got,
        right,
        [
            (gained - motors, "Friction is missing: it takes q̇ · D q̇."),
            (gained - motors - lost, "Friction has the wrong sign: it takes energy."),
            (gained, "This is the energy gained alone; subtract the work."),
            (motors - lost, "This is the work alone; subtract it from the energy gained."),
            (-right, "The sign is reversed: energy gained minus work."),
            (-gained - motors + lost, "The energy gained is the last minus the first."),
            (gained - (motors - lost) / step, "The step is missing in the integral."),
            (gained - step * (v * (inputs - damping * v)).sum((0, -1)), "The integral counts both "
             "ends in full; the trapezoidal rule takes half of them."),
            (gained - work(inputs - damping), "Friction is D q̇, not D."),
        ],
        "This is not the energy gained less the work of motors and friction.",
    )  # fmt: skip
    return (
        "Right, for several motions at once. On a true motion it vanishes up to the error of the "
        "trapezoidal rule; on a learned energy it shows what the torques left unlearned."
    )


# --- 4 -------------------------------------------------------------------------------------------

MODELS = ("seven numbers", "Lagrangian network", "plain network", "no model", "none")
"""The answers that exercise 4 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "two rigid links": (
        "seven numbers",
        "Is the form of the equations known?",
        "the form is known, and least squares is then the most exact",
    ),
    "unknown linkage": (
        "Lagrangian network",
        "Is there an energy? Must the model be right at a speed that it never saw?",
        "the form is not known, there is an energy, and the task runs faster than the recording",
    ),
    "slow and stiff": (
        "no model",
        "How large is the error of a spring and a brake at this speed, and what is allowed?",
        "at such a speed a spring and a brake are exact enough",
    ),
    "cable in a drum": (
        "plain network",
        "Does the torque come from an energy and viscous friction? Are the tests like the data?",
        "dry friction and play come from no energy, and the task stays within dense data",
    ),
    "leg in a video": (
        "none",
        "Was a torque measured?",
        "no torque was measured, so nothing learned from these data has a scale",
    ),
    "heavier tool": (
        "seven numbers",
        "Which numbers change when the tool does, and how few motions tell them?",
        "the form is as before, and a few motions tell the numbers again",
    ),
}
"""The cases of exercise 4: the answer, a question for whoever errs, and why."""


@exercise(4, "think", "Which model?")
def models(answer: Any) -> str:
    """Check ``models``: for each of `CASES` one of `MODELS`."""
    right = {case: model for case, (model, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, MODELS, advice, "models")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("computed torque", "no model")
"""The two controllers of exercise 5."""

USUAL = {"wrong": 0.6, "speed": 2.0}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"wrong": (0.0, 2.0), "speed": (0.2, 4.0)}
"""The smallest and the largest settings of exercise 5."""


def measure(controller: str, wrong: float = 0.6, speed: float = 2.0, seed: int = 0) -> float:
    """Steer the arm of exercise 5 along one motion, and return how far it was from it.

    The arm is that of the chapter. Computed torque uses its equations
    with each of the five numbers and two frictions multiplied by its own ``1 + wrong * z``, z drawn
    between −1 and 1, and gains of 25/s² and 10/s. The controller without a model has a
    spring and a brake in each joint: 18 and 8 N m, 7 and 3 N m s. No torque exceeds 60 N m.

    Args:
        controller: one of `RIVALS`.
        wrong: how wrong the numbers are, as a share.
        speed: of the motion; at speed 1 it turns at 0.3 to 1.3 rad/s.
        seed: of the motion and of the numbers.

    Returns:
        The root-mean-square distance of the two angles from the wanted ones, in rad.
    """
    if controller not in RIVALS:
        raise ValueError(f"controller is {controller!r}; choose one of {RIVALS}")
    wrong = float(wrong) if controller == RIVALS[0] else 0.0
    return _measured(controller, wrong, float(speed), int(seed))


@cache
def _measured(controller: str, wrong: float, speed: float, seed: int) -> float:
    system = TwoLinkArm(
        mass1=1.0,
        length1=1.0,
        centre1=1.0,
        inertia1=0.0,
        mass2=0.8,
        length2=0.7,
        centre2=0.7,
        inertia2=0.0,
        gravity=1.0,
    )
    friction = torch.tensor([0.10, 0.06], dtype=torch.float64)
    draw = torch.rand(5, 3, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    size, rate, phase = 0.8 * draw[0] - 0.4, (0.3 + draw[1]) * speed, 2 * torch.pi * draw[2]
    share = 1 + wrong * (2 * draw[3:].flatten()[:7] - 1)
    base, brakes = system.base_parameters * share[:5], friction * share[5:]

    def reference(t: float) -> tuple[Tensor, Tensor, Tensor]:
        turn = rate * t + phase
        return (
            (size * turn.sin()).sum(0),
            (size * rate * turn.cos()).sum(0),
            -(size * rate**2 * turn.sin()).sum(0),
        )

    def torques(x: Tensor, acceleration: Tensor) -> Tensor:
        return system.regressor(x, acceleration) @ base + brakes * x[..., 2:]

    law = (
        computed_torque(torques, reference, 25.0, 10.0)
        if controller == "computed torque"
        else pd(reference, torch.tensor([18.0, 8.0]).double(), torch.tensor([7.0, 3.0]).double())
    )
    times = torch.linspace(0, 2, 81, dtype=torch.float64)
    start = torch.cat(reference(0.0)[:2])
    arm = Machine(system, damping=friction)
    found = simulate(arm.field, law, start, times, limit=60.0).states[20:, :2]
    goal = torch.stack([reference(t)[0] for t in times[20:].tolist()])
    return (found - goal).square().sum(-1).mean().sqrt().item()


def verdict(computed: list[float], other: list[float]) -> str:
    """Who wins by the rule of exercise 5: at four of five seeds at least."""
    return study.winner(computed, other, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    lambda given, wanted: all(abs(a - b) <= 0.06 * b for a, b in zip(given, wanted, strict=True)),
    (
        study.SQUARED,
        study.ROOTS,
        study.NEGATED,
        (lambda v: v * torch.pi / 180, "in degrees"),
    ),
    study.smaller("computed torque"),
    ": where it pays and where it does not, or where it is undecided",
    again="steers the arm again",
    sides="controllers",
    label=repr,
)


@exercise(5, "experiment", "An open question: how wrong may a model be?")
def pays(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "A model need not be exact to beat none: the spring and the brake around it correct a part "
        "of its error.",
    )
