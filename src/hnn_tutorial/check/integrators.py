"""Checks of the chapter "Integrators: from a field to a motion"."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import inf, log2, log10
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import (
    as_tensor,
    close,
    expect,
    function,
    match,
    number,
    score,
    table,
)
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import worst as worst_of
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.integrators import METHODS, Counted, integrate
from hnn_tutorial.integrators.explicit import rk4_step
from hnn_tutorial.integrators.splitting import leapfrog_step
from hnn_tutorial.mechanics import symplectic_form
from hnn_tutorial.systems import MassSpring, Pendulum, TwoBody

chapter = Chapter("integrators")
exercise, progress = chapter.exercise, chapter.progress

TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10)
"""Tolerances of exercise 4."""

SECONDS = 50.0
"""Length of the motion of exercise 4."""

PENDULUM = Pendulum(mass=1.3, length=0.8, gravity=2.1)
"""The pendulum of exercise 6, and of the check of exercise 2."""

FACTORS = (2, 4, 8, 16, 32)
"""The answers that exercise 6 offers."""

METHOD_CHOICES = ("leapfrog", "gauss_legendre4", "rk4", "dop853")
"""The answers that exercise 5 offers."""

TASKS: dict[str, tuple[str, str]] = {
    "planets": (
        "leapfrog",
        "in ten million years any drift becomes large, nearly circular orbits need no adaptive "
        "step, and T(p) + V(q) needs no implicit method",
    ),
    "comet": (
        "dop853",
        "two turns, ten digits, and a motion that is fast at one place only: long steps far out, "
        "short ones near the sun",
    ),
    "double pendulum": (
        "gauss_legendre4",
        "its H does not split into T(p) + V(q), so kicks and drifts are out, and a million "
        "seconds need a symplectic method",
    ),
    "training": (
        "rk4",
        "gradients must flow through every step, and SciPy's methods make theirs twice for them; "
        "the field is not Hamiltonian, so a symplectic method has nothing to keep; and a few steps "
        "do not drift",
    ),
    "reference": (
        "dop853",
        "twelve digits over a short time are cheapest by a high order with a tight tolerance",
    ),
    "friction": (
        "rk4",
        "the true energy is lost, the field is not Hamiltonian, and a fixed grid of steps to a few "
        "digits is all that is asked for",
    ),
}
"""The tasks of exercise 5: the right method, and the reason."""

_ADVICE = {
    "planets": "How long is it followed, and does its energy split into T(p) + V(q)?",
    "comet": "Is it followed for long? Where on its orbit does the time go?",
    "double pendulum": "Does its energy split into T(p) + V(q)? And how long is it followed?",
    "training": "Which make just the few steps that you ask for, and ask nothing of the field?",
    "reference": "Which method gives twelve digits with the fewest calls?",
    "friction": "Is there an energy to keep? What is the least that serves?",
}


def big_start() -> Tensor:
    """The start of exercise 4: the ideal-spring study's energy, 3633.23687533 J, at rest."""
    return torch.tensor([3633.23687533**0.5, 0.0], dtype=torch.float64)


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "What backward Euler does to the energy")
def backward_euler(answer: Any) -> str:
    """Check ``backward_euler(step, mass, stiffness)``: H after a backward step over H before."""
    growth = function(answer, "backward_euler(step, mass, stiffness)")
    m, k = 1.6, 3.0
    h = torch.tensor([0.05, 0.1, 0.2, 0.5, 0.9], dtype=torch.float64)
    z = k / m * h**2
    right = 1 / (1 + z)
    mistakes = [
        (torch.ones_like(h), "This says that the method keeps the energy. Only the terms with q·p "
         "cancel; the squares of Δt do not."),
        (1 + z, "This is the factor of the chapter's Euler method, which uses the *old* state. "
         "Here q' and p' stand on the right: it is that step run backwards."),
        (1 - z, "These are the first two terms of the series. The factor is exact: solve the two "
         "equations for q and p and put those into H."),
        (1 - z + z**2, "These are the first three terms of the series. The factor is exact: solve "
         "the two equations for q and p and put those into H."),
        (torch.exp(-z), "An exponential is what many short steps give together. One step is a "
         "fraction in Δt²."),
        (1 / (1 - z), "The sign is wrong: solved for the old state, both squares of Δt come with a "
         "plus."),
        (right.sqrt(), "This is the factor of the amplitude. Energy goes as its square."),
        (right**2, "The square of the right factor: the energy itself was asked for."),
        (right - 1, "This is the change of the energy over the energy. Asked for is the factor."),
        (-z, "This is the change of the energy, to second order. Asked for is the exact factor."),
        (1 / (1 + z / 2), "The second term is twice as large: p²/2m and kq²/2 both contribute."),
        (1 / (1 + 2 * z), "The second term is half as large: it is a share of H, not of p²/2m."),
        (1 / (1 + (k / m) ** 0.5 * h), "In the first power of Δt the energy is unchanged: the "
         "terms with q·p cancel."),
        (1 / (1 + (k / m) ** 0.5 * h**2), "The frequency goes in squared: ω₀² = k/m."),
        (1 / (1 + h**2), "This lacks ω₀² = k/m; it is right only for a spring with k = m."),
    ]  # fmt: skip
    got = growth(h, m, k, like=h)
    match(
        got,
        right,
        mistakes,
        "This is not H(q', p')/H(q, p).",
        parameters={"m": m, "k": k},
        truth=lambda m, k: 1 / (1 + k / m * h**2),
    )
    square = growth(h[:4].reshape(2, 2, 1), m, k, like=h, shape=(2, 2, 1))
    expect(close(square, right[:4].reshape(2, 2, 1)), "Right for steps of shape (5,), and wrong "
           "for (2, 2, 1): the step may have any shape.")  # fmt: skip
    return (
        "Right, and the same for every state. Backward Euler takes away what Euler's method adds: "
        "one is the other run backwards in time, so the two factors at ±Δt are inverse."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _jacobian(step: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Jacobian of a map by central differences, which ask nothing of the learner's code."""
    h = 1e-5
    columns = [(step(x + e) - step(x - e)) / (2 * h) for e in h * torch.eye(x.shape[-1]).to(x)]
    return torch.stack(columns, dim=-1)


def _slips(field: Callable[[Tensor], Tensor], x: Tensor, h: float) -> list[tuple[Tensor, str]]:
    """What a step of leapfrog becomes by the mistakes that are made with it."""

    def rates(q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        dq, dp = field(torch.cat([q, p], dim=-1)).chunk(2, dim=-1)
        return dq, dp

    def joined(q: Tensor, p: Tensor) -> Tensor:
        return torch.cat([q, p], dim=-1)

    q, p = x.chunk(2, dim=-1)
    dq, dp = rates(q, p)
    middle = q + h / 2 * dq  # drift, kick, drift
    kicked = p + h * rates(middle, p)[1]
    half = p + h / 2 * dp  # kick, drift, kick
    moved = q + h * rates(q, half)[0]
    euler = "This is symplectic Euler, a whole {} and a whole {}: order 1. Cut one of the two in "
    euler += "half, and put a half on either side."
    stale = "The rate for the {} was computed before the {}. Ask the field again at the new state."
    old_force = "The rate ṗ of a kick was computed before the positions moved. Ask the field again "
    old_force += "at the new state."
    return [
        (x, "The state comes back unchanged."),
        (x + h * field(x), "This is Euler's method: positions and momenta both move with the rates "
         "of the old state. Ask the field again after each part of the step."),
        (joined(q + h * rates(q, p + h * dp)[0], p + h * dp), euler.format("kick", "drift")),
        (joined(q + h * dq, p + h * rates(q + h * dq, p)[1]), euler.format("drift", "kick")),
        (joined(middle + h / 2 * rates(middle, p + h * dp)[0], p + h * dp),
         old_force),
        (joined(middle + h / 2 * dq, kicked), stale.format("second half drift", "kick")),
        (joined(moved, half + h / 2 * dp), old_force),
        (joined(q + h * dq, half + h / 2 * rates(q + h * dq, half)[1]),
         stale.format("drift", "first half kick")),
        (joined(middle, kicked), "The second half drift is missing."),
        (joined(q + h / 2 * rates(q, p + h * dp)[0], p + h * dp), "The first half drift is "
         "missing."),
        (joined(moved, half), "The second half kick is missing."),
        (joined(q + h * dq, p + h / 2 * rates(q + h * dq, p)[1]), "The first half kick is "
         "missing."),
        (joined(q + h / 2 * p + h / 2 * (p + h * rates(q + h / 2 * p, p)[1]),
                p + h * rates(q + h / 2 * p, p)[1]),
         "The drifts use the momentum p in place of the velocity q̇. They differ where the mass is "
         "not 1: take q̇ from the first half of `field(x)`."),
        (joined(q + h * half, half + h / 2 * rates(q + h * half, half)[1]),
         "The drift uses the momentum p in place of the velocity q̇. They differ where the mass is "
         "not 1: take q̇ from the first half of `field(x)`."),
        (joined(q + h * dq + h * rates(q, p + h * rates(q + h * dq, p)[1])[0],
                p + h * rates(q + h * dq, p)[1]),
         "Both drifts are whole ones, so that the position moves twice as far as it should: take "
         "half a step before the kick and half a step after it."),
        (joined(q + h * rates(q, p + h * dp)[0],
                p + h * dp + h * rates(q + h * rates(q, p + h * dp)[0], p)[1]),
         "Both kicks are whole ones: take half of each."),
        (joined(middle + h / 2 * rates(q, p + h / 2 * rates(middle, p)[1])[0],
                p + h / 2 * rates(middle, p)[1]),
         "The kick is only half a step long."),
        (joined(q + h / 2 * rates(q, half)[0],
                half + h / 2 * rates(q + h / 2 * rates(q, half)[0], half)[1]),
         "The drift is only half a step long."),
        (x + h * field(x + h / 2 * field(x)), "This is the explicit midpoint method: order 2, but "
         "not symplectic. Change positions and momenta in turn, never both at once."),
        (x + h / 2 * (field(x) + field(x + h * field(x))), "This is Heun's method: order 2, but "
         "not symplectic. Change positions and momenta in turn, never both at once."),
        (rk4_step(field, x, h), "This is RK4. It is more exact, and not symplectic."),
        (leapfrog_step(field, x, -h), "Time runs backwards: this is the step for -Δt."),
        (joined(middle + h / 2 * rates(middle, p - h * rates(middle, p)[1])[0],
                p - h * rates(middle, p)[1]),
         "The sign of the kick is wrong: add Δt times ṗ, as the field gives it."),
        (joined(middle + h * rates(middle, kicked)[0], kicked), "The second drift is a whole one: "
         "take half a step before the kick and half a step after it."),
        (leapfrog_step(field, x, h / 2), "This is the step for Δt/2: is the step cut in half once "
         "too often?"),
        (leapfrog_step(field, x, 2 * h), "This is the step for 2 Δt."),
        (leapfrog_step(field, x, h).roll(x.shape[-1] // 2, dims=-1), "The two halves of the result "
         "are exchanged: a state is [q, p]."),
        (leapfrog_step(field, x, h) - x, "This is what the step adds. Return the new state."),
    ]  # fmt: skip


@exercise(2, "code", "A leapfrog step")
def leapfrog(answer: Any) -> str:
    """Check ``leapfrog(field, x, step)``: order 2, symplectic, reversible, any batch and n."""
    leap = function(answer, "leapfrog(field, x, step)")
    field = PENDULUM.field
    x, h = states(15), 0.3
    got = leap(field, x, h, like=x)
    for values, message in _slips(field, x, h):
        expect(not close(got, values, 1e-9, 1e-12), message)

    errors = []
    true = integrate(field, x, [0.0, 2.0], "dop853", rtol=1e-11, atol=1e-11)[-1]
    for count in (20, 40):
        y = x
        for _ in range(count):
            y = leap(field, y, 2.0 / count, like=x)
        errors.append(float((y - true).norm()))
    expect(
        errors[1] < 0.5,
        "The step does not follow the field: after 2 s of short steps the pendulum is "
        f"{errors[1]:.2g} away from where it should be. For one step of {h} s: "
        f"{worst_of(got, leapfrog_step(field, x, h), at=x)}",
    )
    order = log2(errors[0] / errors[1]) if min(errors) > 0 else 0.0
    expect(
        order > 1.7,
        f"The measured order is {order:.1f}; leapfrog's is 2: half the step, a quarter of the "
        f"error. For one step of {h} s: {worst_of(got, leapfrog_step(field, x, h), at=x)}",
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
        "A step forwards and a step backwards do not lead back to the start: "
        f"{worst_of(back, x, at=x)} The sequence must be symmetric: half, whole, half.",
    )
    bodies = TwoBody(mass1=1.3, mass2=0.7)
    y = states(30, degrees=4)
    y[..., 2:4] += 4 * y[..., 2:4].sign()  # bodies far from each other
    y = y.reshape(5, 3, 2, 8)
    got = leap(bodies.field, y, 0.02, like=y)
    right = integrate(bodies.field, y, [0.0, 0.02], "dop853", rtol=1e-12, atol=1e-12)[-1]
    moved = right.clone()
    moved[..., [1, 2, 3, 5, 6, 7]] = y[..., [1, 2, 3, 5, 6, 7]]
    slips = [
        (moved, "Only the first degree of freedom moves."),
        (torch.cat([y[..., :4], right[..., 4:]], dim=-1), "Only the momenta move."),
    ]
    for values, message in slips:
        expect(not close(got, values, 1e-4, 1e-5), f"Right for one degree of freedom. {message}")
    expect(
        close(got, right, 1e-4, 1e-5),
        "Right for one degree of freedom and one batch axis, and wrong for states of shape "
        "(5, 3, 2, 8): the state is [q1, ..., q4, p1, ..., p4] along the last axis; cut it in "
        f"halves with `x.chunk(2, dim=-1)`. {worst_of(got, right)}",
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
    x = states(15)
    q, p = x[..., 0], x[..., 1]
    H, mixed = spring.hamiltonian(x), p / m * k * q
    got = energy(x, h, m, k, like=x, shape=(15,))
    mistakes = [
        (H, "This is H itself, which wobbles along the steps."),
        (H - h / 2 * mixed, "This is the chapter's shadow, of the method that kicks first. Here "
         "the drift comes first: what does that change in the bracket?"),
        (h / 2 * mixed, "This is the correction alone. Add it to H."),
        (H + h / 2 * p / (k * m) * q, "The correction goes as k/m: k stands on the wrong side of "
         "the fraction line."),
        (H + h / 2 * p * m * k * q, "The correction goes as k/m: m stands on the wrong side of the "
         "fraction line."),
        (H + h / 2 * m / k * q * p, "Mass and stiffness are exchanged in the correction: it goes "
         "as k/m."),
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
        kept.append(energy(y, h, m, k, like=x, shape=(15,)))
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
    small = energy(x, 1e-7, m, k, like=x, shape=(15,))
    expect(
        close(small, H, 1e-5),
        "It is conserved, but for short steps it does not become H. Which multiple or which "
        "function of it does?",
    )
    batch = energy(x.reshape(5, 3, 2), h, m, k, like=x, shape=(5, 3))
    expect(
        close(batch, got.reshape(5, 3)),
        "Right for states of shape (15, 2), and wrong for (5, 3, 2): index the last axis, "
        "`x[..., 0]`.",
    )
    return (
        f"Right: it changes by {float(change.max()):.0e} of the energy in 40 steps of 0.6 s, while "
        "H wobbles. The two symplectic Eulers have mirror-image shadows, which "
        "is why putting them together, as leapfrog does, removes the first power of Δt."
    )


# --- 4 -------------------------------------------------------------------------------------------


@lru_cache(maxsize=32)
def _calls(method: str, tolerance: float) -> int:
    """Calls of the spring's field, for the reference of exercise 4."""
    field = Counted(MassSpring(2.0, 2.0).field)
    integrate(field, big_start(), [0.0, SECONDS], method, rtol=tolerance, atol=tolerance)
    return field.calls


@exercise(4, "experiment", "The price of a digit")
def price(answer: Any) -> str:
    """Check ``calls``: for rk45 and dop853 the calls of the field at each of `TOLERANCES`."""
    calls = table(answer, ("rk45", "dop853"), "calls")
    values: dict[str, list[float]] = {}
    for name, row in calls.items():
        what = f'`calls["{name}"]`'
        if isinstance(row, dict):  # a number for each tolerance, by the tolerance
            row = [row.get(tolerance) for tolerance in TOLERANCES]
        found = as_tensor(row)
        expect(
            found is not None and tuple(found.shape) == (len(TOLERANCES),),
            f"{what} should hold one number of calls for each of {TOLERANCES}, in that order.",
        )
        values[name] = [number(v, f"An entry of {what}") for v in torch.as_tensor(found)]
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
        total = torch.tensor(right[name], dtype=torch.float64).cumsum(0)
        expect(
            not close(torch.tensor(values[name], dtype=torch.float64), total, 0.2, 1.0),
            f"{name}: each count includes those of the runs before it. Start with a new, empty "
            "list for each run.",
        )
        errors = [abs(log10(ratio)) for ratio in ratios]
        worst = errors.index(max(errors))
        expect(
            abs(ratios[worst] - 1) < 0.2,
            f"At the tolerance {TOLERANCES[worst]:g} {name} calls the field "
            f"{right[name][worst]} times in {SECONDS:g} s; you have {values[name][worst]:g}. It is "
            "the spring with k = m = 2, from `check.big_start()`, in one run from 0 to "
            "`check.SECONDS`, with the tolerance as `rtol` and as `atol`.",
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


# --- 6 -------------------------------------------------------------------------------------------

STUDY = ("prediction", "leapfrog steps", "rk4 steps", "crossings", "conclusion")
"""The keys of exercise 6."""

_MOST_STEPS = 20_000


def swing_start() -> Tensor:
    """The start of exercise 6: at rest at 2 rad."""
    return torch.tensor([2.0, 0.0], dtype=torch.float64)


def _energy_error(method: str, step: float, count: int) -> Tensor:
    times = step * torch.arange(count + 1, dtype=torch.float64)
    H = PENDULUM.hamiltonian(integrate(PENDULUM.field, swing_start(), times, method))
    return (H / H[0] - 1).abs()


@lru_cache(maxsize=256)
def crossing(leapfrog_step: float, rk4_step: float) -> float:
    """When RK4's relative error of energy first exceeds the largest one of leapfrog, in s."""
    wobble = float(_energy_error("leapfrog", leapfrog_step, 40 + int(60 / leapfrog_step)).max())
    count = 256
    while count <= _MOST_STEPS:
        beyond = _energy_error("rk4", rk4_step, count) > wobble
        if beyond.any():
            return rk4_step * int(beyond.double().argmax())
        count *= 4
    return inf


@exercise(6, "experiment", "An open question: when does a symplectic method pay?")
def when_it_pays(answer: Any) -> str:
    """Check ``study``: a designed comparison, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    words = {}
    for key in ("prediction", "conclusion"):
        words[key] = number(study[key], f'`study["{key}"]`')
        expect(
            words[key] in FACTORS,
            f'`study["{key}"]` is {words[key]:g}; choose one of {FACTORS}.',
        )
    columns = {}
    for key in ("leapfrog steps", "rk4 steps", "crossings"):
        values = as_tensor(study[key])
        expect(
            values is not None and values.ndim == 1 and len(values) >= 2,
            f'`study["{key}"]` should hold one number for each setting, at least 2 of them.',
        )
        column = torch.as_tensor(values, dtype=torch.float64)
        expect(
            torch.isfinite(column).all() and (column > 0).all(),
            f'An entry of `study["{key}"]` is not a finite number above 0.',
        )
        columns[key] = column
    leaps, steps, crossings = columns.values()
    expect(
        len(leaps) == len(steps) == len(crossings),
        f"The three lists have {len(leaps)}, {len(steps)} and {len(crossings)} entries; each "
        "setting has one in each.",
    )
    expect(
        (leaps * PENDULUM.frequency < 1.9).all() and (steps * PENDULUM.frequency < 1.9).all(),
        "One of the steps is so long that the method breaks down: ω₀Δt must stay well below 2, and "
        f"ω₀ is {PENDULUM.frequency:.3g} rad/s.",
    )
    expect(
        (steps > 0.1).all() and (leaps > 0.02).all(),
        "One of the steps is so short that the crossing comes after many thousands of steps. "
        "Steps of RK4 between 0.1 s and 0.5 s are enough for this question.",
    )
    right = [crossing(float(a), float(b)) for a, b in zip(leaps, steps, strict=True)]
    for i, (given, true) in enumerate(zip(crossings.tolist(), right, strict=True)):
        expect(
            true < inf,
            f"With steps of {leaps[i]:g} s (leapfrog) and {steps[i]:g} s (RK4) RK4 does not cross "
            f"within {_MOST_STEPS:,} steps.",
        )
        expect(
            abs(given - true) < max(0.1 * true, 3.0),
            f"With steps of {leaps[i]:g} s (leapfrog) and {steps[i]:g} s (RK4) you have a crossing "
            f"at {given:.4g} s, and the right value is {true:.4g} s: the first time at which "
            "|H/H(0) - 1| of RK4 exceeds the largest value that leapfrog has in its run. Is the "
            "start `check.swing_start()`?",
        )
    calls = METHODS["leapfrog"].evaluations / leaps
    other = METHODS["rk4"].evaluations / steps
    fair = bool(((other / calls - 1).abs() < 0.05).all())
    wide = float(calls.max() / calls.min())
    x, y = calls.log2(), crossings.log2()
    x = x - x.mean()
    slope = float((x * y).sum() / x.square().sum().clamp(min=1e-12))
    factor = 2.0**slope
    nearest = min(FACTORS, key=lambda f: abs(log2(f) - slope))
    rubric = [
        (fair, "equal work: in each setting both methods should call the field equally often (to "
         f"5 %), and a step of leapfrog takes {METHODS['leapfrog'].evaluations} calls here, one of "
         f"RK4 {METHODS['rk4'].evaluations}"),
        (len(leaps) >= 3, "three settings or more: two points always lie on a line"),
        (wide > 1.9, f"a range of budgets: yours differ by a factor {wide:.2g}; take 2 or more"),
        (words["conclusion"] == nearest, "a conclusion that your own numbers support: on average "
         f"the time grows by {factor:.2g} when the calls are doubled"),
    ]  # fmt: skip
    score(rubric, "crossings")
    came = words["prediction"] == words["conclusion"]
    return (
        f"All {len(rubric)} points of the rubric, and every crossing measured again. Your "
        f"prediction {'came true' if came else 'did not come true, which is what one learns from'}"
        f". Your times grow by {factor:.2g} with each doubling; for short steps theory says 8. "
        "Leapfrog's wobble goes as Δt², RK4's loss in each second as Δt⁵: their ratio goes as "
        "1/Δt³. So the more calls you can pay for, the longer RK4 stays ahead."
    )
