"""Checks of the chapter "Integrators: from a field to a motion"."""

from __future__ import annotations

from collections.abc import Callable
from math import log2, log10
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import close, expect, function, match, number, table
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.integrators.explicit import rk4_step
from hnn_tutorial.integrators.splitting import leapfrog_step
from hnn_tutorial.mechanics import symplectic_form
from hnn_tutorial.systems import HenonHeiles, MassSpring, Pendulum

chapter = Chapter("integrators")
exercise, progress = chapter.exercise, chapter.progress

TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10)
"""Tolerances of exercise 4."""

SECONDS = 50.0
"""Length of the motion of exercise 4."""

METHOD_CHOICES = ("leapfrog", "gauss_legendre4", "rk4", "dop853")
"""The answers that exercise 5 offers."""

TASKS: dict[str, tuple[str, str]] = {
    "planets": (
        "leapfrog",
        "ten million years leave time for any drift, nearly circular orbits need no adaptive "
        "step, and T(p) + V(q) needs no implicit one",
    ),
    "comet": (
        "dop853",
        "two turns, ten digits, and all the haste at one place: long steps far out, short ones "
        "near the sun",
    ),
    "double pendulum": (
        "gauss_legendre4",
        "its H does not split into T(p) + V(q), so kicks and drifts are out, and a million "
        "seconds need a symplectic method",
    ),
    "training": (
        "rk4",
        "gradients must flow through every step, which SciPy's methods do not carry; the field is "
        "no Hamiltonian one, so nothing symplectic is to be had; and a few steps do not drift",
    ),
    "reference": (
        "dop853",
        "twelve digits over a short time are cheapest by a high order with a tight tolerance",
    ),
    "friction": (
        "rk4",
        "the energy is lost in truth, q̇ and ṗ are not those of a Hamiltonian, and a fixed grid "
        "of steps to a few digits is all that is asked for",
    ),
}
"""The tasks of exercise 5: the right method, and the reason."""

_ADVICE = {
    "planets": "How long is it followed, and does its energy split into T(p) + V(q)?",
    "comet": "Is it followed for long? Where on its orbit does the time go?",
    "double pendulum": "Does its energy split into T(p) + V(q)? And how long is it followed?",
    "training": "Through which of the four can gradients flow, and which ask nothing of the field?",
    "reference": "Which method gives twelve digits with the fewest calls?",
    "friction": "Is there an energy to keep? What is the least that serves?",
}


def big_start() -> Tensor:
    """The start of exercise 4: the ideal-spring study's energy, 3633.23687533 J, at rest."""
    return torch.tensor([3633.23687533**0.5, 0.0], dtype=torch.float64)


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "How fast Euler's energy grows")
def euler_growth(answer: Any) -> str:
    """Check ``euler_growth(step, mass, stiffness)``: H after one Euler step over H before."""
    growth = function(answer, "euler_growth(step, mass, stiffness)")
    m, k = 1.6, 3.0
    h = torch.tensor([0.05, 0.1, 0.2, 0.5, 0.9], dtype=torch.float64)
    squared = k / m * h**2
    right = 1 + squared
    mistakes = [
        (torch.ones_like(h), "This says that Euler's method keeps the energy. Multiply out H(q', "
         "p'): the squares of Δt do not cancel."),
        (squared, "This is the relative *increase*, H'/H - 1. Asked for is the factor H'/H."),
        (1 - squared, "The sign is wrong: with Δt² both squares in H come with a plus."),
        (1 + squared / 2, "The second term is twice as large: p²/2m and kq²/2 both contribute it."),
        (1 + 2 * squared, "The second term is half as large: it is a share of H, not of p²/2m."),
        (right.sqrt(), "This is the factor of the amplitude, √(1 + ω₀²Δt²). Energy goes as its "
         "square."),
        (right**2, "The square of the right factor: the energy itself was asked for."),
        (1 + (k / m) ** 0.5 * h, "In the first power of Δt the energy is unchanged: the terms with "
         "q·p cancel."),
        (1 + (k / m) ** 0.5 * h**2, "The frequency goes in squared: ω₀² = k/m."),
        (1 + m / k * h**2, "Mass and stiffness are exchanged: ω₀² = k/m."),
        (1 + h**2, "This lacks ω₀² = k/m; it has the wrong units for any other spring."),
        (1 + k * h**2, "This lacks the mass: ω₀² = k/m."),
        (torch.exp(squared), "An exponential is what many short steps give together. One step is a "
         "polynomial in Δt."),
    ]  # fmt: skip
    got = growth(h, m, k, like=h)
    match(got, right, mistakes, "This is not H(q', p')/H(q, p).")
    return (
        "Right, and the same for every state: it is no accident of the start. After time t the "
        "energy has grown by about exp(ω₀² Δt t)."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _jacobian(step: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Jacobian of a map by central differences, which ask nothing of the learner's code."""
    h = 1e-5
    columns = [(step(x + e) - step(x - e)) / (2 * h) for e in h * torch.eye(x.shape[-1]).to(x)]
    return torch.stack(columns, dim=-1)


@exercise(2, "code", "A leapfrog step")
def leapfrog(answer: Any) -> str:
    """Check ``leapfrog(field, x, step)``: order 2, symplectic, reversible, any batch and n."""
    leap = function(answer, "leapfrog(field, x, step)")
    field = Pendulum(1.0, 1.0, 1.0).field
    x, h = states(6), 0.3

    def kick(x: Tensor, h: float) -> Tensor:
        return x + h * field(x) * torch.tensor([0.0, 1.0]).to(x)

    def drift(x: Tensor, h: float) -> Tensor:
        return x + h * field(x) * torch.tensor([1.0, 0.0]).to(x)

    mistakes = [
        (x, "The state comes back unchanged."),
        (x + h * field(x), "This is Euler's method: positions and momenta both move with the old "
         "state."),
        (drift(kick(x, h), h), "This is symplectic Euler, a whole kick and a whole drift: order 1. "
         "Cut one of the two in half, and put a half on either side."),
        (kick(drift(x, h), h), "This is symplectic Euler, a whole drift and a whole kick: order 1. "
         "Cut one of the two in half, and put a half on either side."),
        (drift(kick(drift(x, h), h), h), "Both drifts are whole ones, so that the position moves "
         "twice as far as it should: take half a step before the kick and half a step after it."),
        (kick(drift(kick(x, h), h), h), "Both kicks are whole ones: take half of each."),
        (drift(kick(drift(x, h / 2), h / 2), h / 2), "The kick is only half a step long."),
        (x + h * field(x + h / 2 * field(x)), "This is the explicit midpoint method: order 2, but "
         "not symplectic. Change positions and momenta in turn, never both at once."),
        (rk4_step(field, x, h), "This is RK4. It is more exact, and not symplectic."),
        (leapfrog_step(field, x, -h), "Time runs backwards: this is the step for -Δt."),
    ]  # fmt: skip
    got = leap(field, x, h, like=x)
    for values, message in mistakes:
        expect(not close(got, values, 1e-9, 1e-12), message)

    errors = []
    for count in (20, 40):
        y = x
        for _ in range(count):
            y = leap(field, y, 2.0 / count, like=x)
        true = integrate(field, x, [0.0, 2.0], "dop853", rtol=1e-11, atol=1e-11)[-1]
        errors.append(float((y - true).norm()))
    expect(
        errors[1] < 0.5,
        f"After 2 s of steps the pendulum is {errors[1]:.2g} away from where it should be: the "
        "step does not follow the field. Does each half step have its half?",
    )
    order = log2(errors[0] / errors[1]) if min(errors) > 0 else 0.0
    expect(
        order > 1.7,
        f"The measured order is {order:.1f}; leapfrog's is 2: half the step, a quarter of the "
        "error. The sequence must read the same forwards and backwards.",
    )
    omega = symplectic_form(1, dtype=x.dtype, device=x.device)
    J = _jacobian(lambda y: leap(field, y, h, like=x), x)
    defect = float((J.mT @ omega @ J - omega).abs().max())
    expect(
        defect < 1e-8,
        f"The step is not symplectic: it changes areas, by a share of {defect:.1e}. Move positions "
        "while the momenta rest, then momenta while the positions rest: each is a shear.",
    )
    back = leap(field, got, -h, like=x)
    expect(
        close(back, x, 1e-9, 1e-10),
        "A step forwards and a step backwards do not lead back. The sequence must be symmetric: "
        "half, whole, half.",
    )
    plane = HenonHeiles()
    y = 0.3 * states(4, degrees=2)
    got = leap(plane.field, y, 0.02, like=y)
    right = integrate(plane.field, y, [0.0, 0.02], "dop853", rtol=1e-12, atol=1e-12)[-1]
    expect(
        close(got, right, 1e-4, 1e-5),
        "Right for one degree of freedom, and wrong for two: the state is [q1, q2, p1, p2]; cut it "
        "in halves with `x.chunk(2, dim=-1)`.",
    )
    return (
        f"Right: order {order:.2f}, areas kept to {defect:.0e}, and it can be run backwards step "
        "by step."
    )


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "derive", "The shadow of the other symplectic Euler")
def shadow(answer: Any) -> str:
    """Check ``shadow(x, step, mass, stiffness)``, kept exactly by drift-then-kick on a spring."""
    energy = function(answer, "shadow(x, step, mass, stiffness)")
    m, k, h = 1.6, 3.0, 0.6
    spring = MassSpring(m, k)
    x = states(8)
    q, p = x[..., 0], x[..., 1]
    H, mixed = spring.hamiltonian(x), p / m * k * q
    got = energy(x, h, m, k, like=x, shape=(8,))
    mistakes = [
        (H, "This is H itself, which wobbles along the steps."),
        (H - h / 2 * mixed, "This is the chapter's shadow, of the method that kicks first. Here "
         "the drift comes first: what does that change in the bracket?"),
        (H + h * mixed, "Twice the right correction: it is Δt/2."),
        (H - h * mixed, "The correction is Δt/2, and its sign is that of the chapter's method, "
         "which kicks first."),
        (H + h / 4 * mixed, "Half of the right correction: it is Δt/2."),
        (H + h / 2 * q * p, "The correction lacks k/m: compare its unit with that of an energy."),
        (H + h / 2 * k * q * p, "The correction lacks the mass: p/m is the velocity."),
        (H + h**2 / 2 * mixed, "The correction is of the first power of Δt."),
    ]  # fmt: skip
    for values, message in mistakes:
        expect(not close(got, values, 1e-9), message)
    y = x
    kept = [got]
    for _ in range(40):
        q = y[..., 0] + h * y[..., 1] / m
        y = torch.stack([q, y[..., 1] - h * k * q], dim=-1)
        kept.append(energy(y, h, m, k, like=x, shape=(8,)))
    change = (torch.stack(kept) - got).abs().amax(0) / H
    expect(
        change.max() < 1e-9,
        f"Along 40 steps it changes by up to {float(change.max()):.2g} of the energy; a shadow "
        "does not change at all. Put q' = q + Δt p/m, p' = p - Δt k q' into H + a·qp and ask for "
        "which a nothing is left over.",
    )
    expect(
        float((got - got.mean()).abs().max()) > 1e-6,
        "It is conserved because it is the same number everywhere. The shadow is near H.",
    )
    small = energy(x, 1e-7, m, k, like=x, shape=(8,))
    expect(
        close(small, H, 1e-5),
        "It is conserved, but for short steps it does not become H. Which multiple or which "
        "function of it does?",
    )
    return (
        f"Right: it changes by {float(change.max()):.0e} of the energy in 40 steps of 0.6 s, while "
        "H wobbles. The two symplectic Eulers have mirror-image shadows, which "
        "is why putting them together, as leapfrog does, removes the first power of Δt."
    )


# --- 4 -------------------------------------------------------------------------------------------


def _calls(method: str, tolerance: float) -> int:
    """Calls of the spring's field, for the reference of exercise 4."""
    spring, count = MassSpring(2.0, 2.0), 0

    def field(x: Tensor) -> Tensor:
        nonlocal count
        count += 1
        return spring.field(x)

    integrate(field, big_start(), [0.0, SECONDS], method, rtol=tolerance, atol=tolerance)
    return count


@exercise(4, "experiment", "The price of a digit")
def price(answer: Any) -> str:
    """Check ``calls``: for rk45 and dop853 the calls of the field at each of `TOLERANCES`."""
    calls = table(answer, ("rk45", "dop853"), "calls")
    values: dict[str, list[float]] = {}
    for name, row in calls.items():
        what = f'`calls["{name}"]`'
        expect(
            isinstance(row, list | tuple | Tensor) and len(row) == len(TOLERANCES),
            f"{what} should hold one number of calls for each of {TOLERANCES}, in that order.",
        )
        values[name] = [number(v, f"An entry of {what}") for v in row]
        expect(all(v > 0 for v in values[name]), f"{what} holds a number of calls below 1.")
    right = {name: [_calls(name, t) for t in TOLERANCES] for name in values}
    for name, row in values.items():
        expect(
            max(row) > min(row),
            f"{name} needs {row[0]:g} calls at every tolerance. Is the tolerance passed on, as "
            "`rtol=tolerance, atol=tolerance`?",
        )
        expect(row[-1] > row[0], f"{name}: a tighter tolerance must cost more. Is the order "
               "of the tolerances reversed?")  # fmt: skip
    near = {
        name: [v / w for v, w in zip(row, right[name], strict=True)] for name, row in values.items()
    }
    crossed = [v / w for v, w in zip(values["rk45"], right["dop853"], strict=True)]
    expect(any(abs(r - 1) > 0.2 for r in crossed), "The two methods are exchanged.")
    for name, ratios in near.items():
        stages = METHODS[name].evaluations
        expect(
            any(abs(stages * r - 1) > 0.3 for r in ratios),
            f"{name}: these are numbers of steps. Each asks the field {stages} times: count the "
            "calls.",
        )
        errors = [abs(log10(ratio)) for ratio in ratios]
        worst = errors.index(max(errors))
        expect(
            abs(ratios[worst] - 1) < 0.2,
            f"At the tolerance {TOLERANCES[worst]:g} {name} calls the field "
            f"{right[name][worst]} times in {SECONDS:g} s; you have {values[name][worst]:g}. Does "
            "the count start anew for each motion, and is the start `check.big_start()`?",
        )
    power = {
        name: log10(row[-1] / row[1]) / log10(TOLERANCES[1] / TOLERANCES[-1])
        for name, row in values.items()
    }
    return (
        "Right: the calls grow as the tolerance falls, to the power "
        f"{power['rk45']:.2f} for RK45, near 1/5, and {power['dop853']:.2f} for DOP853, near 1/8. "
        "One more digit costs RK45 "
        f"{10 ** power['rk45'] - 1:.0%} more calls and DOP853 {10 ** power['dop853'] - 1:.0%}."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "Which method for which task?")
def choices(answer: Any) -> str:
    """Check ``choices``: for each of `TASKS` one of `METHOD_CHOICES`."""
    right = {task: choice for task, (choice, _) in TASKS.items()}
    match_words(answer, right, METHOD_CHOICES, _ADVICE, "choices")
    return "\n".join(["All right:", *(f"`{t}`: {why}." for t, (_, why) in TASKS.items())])
