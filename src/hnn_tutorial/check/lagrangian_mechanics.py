"""Checks of the chapter "Lagrangian mechanics: one number for a whole path"."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import close, conform, expect, function, match, number, table
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.mechanics import gradient
from hnn_tutorial.systems import RelativisticParticle, TwoBody

chapter = Chapter("lagrangian_mechanics")
exercise, progress = chapter.exercise, chapter.progress

HALF_PERIODS = (0.5, 1.5, 2.5, 3.5)
"""Durations of exercise 4, in half periods of the spring."""

EFFECTS = ("same", "other momentum", "other motion")
"""The answers that exercise 5 offers."""

CHANGES: dict[str, tuple[str, Callable[[Tensor, Tensor], Tensor], str]] = {
    "L + 5": (
        "same",
        lambda q, v: v**2 / 2 - q**2 / 2 + 5,
        "a constant has no derivatives. It adds 5 J for each second to every path's action",
    ),
    "2 * L": (
        "other momentum",
        lambda q, v: v**2 - q**2,
        "a factor goes through Euler–Lagrange, and doubles p. A learned L is free by a factor",
    ),
    "-L": (
        "other momentum",
        lambda q, v: q**2 / 2 - v**2 / 2,
        "stationary paths stay stationary when S changes its sign; only least becomes greatest, "
        "and p becomes -p",
    ),
    "L + q * v": (
        "other momentum",
        lambda q, v: v**2 / 2 - q**2 / 2 + q * v,
        "q·q̇ is the time derivative of q²/2: every path between the same ends gains the same. "
        "But p = q̇ + q",
    ),
    "L + q": (
        "other motion",
        lambda q, v: v**2 / 2 - q**2 / 2 + q,
        "q is no time derivative: it is a constant force, q̈ = -q + 1",
    ),
    "L + q**2 * v": (
        "other momentum",
        lambda q, v: v**2 / 2 - q**2 / 2 + q**2 * v,
        "this is the time derivative of q³/3, however much it looks like a new force",
    ),
    "T + V": (
        "other motion",
        lambda q, v: v**2 / 2 + q**2 / 2,
        "with the plus the spring pushes: q̈ = +q. The energy is no Lagrangian",
    ),
}
"""What exercise 5 does to L = (q̇² - q²)/2: the right answer, the new L, and the reason."""

_ADVICE = {
    "L + 5": "What is the gradient of a constant?",
    "2 * L": "Divide Euler–Lagrange by 2. And what is ∂L/∂q̇?",
    "-L": "Which paths are stationary for -S? And what is ∂L/∂q̇?",
    "L + q * v": "Write Euler–Lagrange out: what do d/dt(∂/∂q̇) and ∂/∂q of the new term give?",
    "L + q": "What does ∂L/∂q gain?",
    "L + q**2 * v": "Is the new term the time derivative of some function of q?",
    "T + V": "What does Euler–Lagrange say now: does the spring pull or push?",
}


def _level(values: Tensor) -> Tensor:
    """The values less their mean: what is left when a constant does not matter."""
    return values - values.mean()


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "A pendulum on a spring")
def spring_pendulum(answer: Any) -> str:
    """Check ``spring_pendulum(x, mass, stiffness, length, gravity)``, L of [r, q, ṙ, q̇]."""
    L = function(answer, "spring_pendulum(x, mass, stiffness, length, gravity)")
    m, k, l, g = 1.7, 3.1, 0.8, 9.81  # noqa: E741
    r, q, dr, dq = states(12, degrees=2).unbind(-1)
    r = r.abs()  # a length
    x = stack(r, q, dr, dq)
    along, around = m * dr**2 / 2, m * r**2 * dq**2 / 2
    weight, spring = -m * g * r * torch.cos(q), k * (r - l) ** 2 / 2
    T, V = along + around, weight + spring
    got = L(x, m, k, l, g, like=x, shape=(12,))
    mistakes = [
        (T + V, "This is T + V, the energy. The Lagrangian is the difference."),
        (V - T, "This is V - T. It gives the same motion, but the momenta have the wrong sign: "
         "L = T - V."),
        (along + m * dq**2 / 2 - V, "The mass moves around the pivot with the speed r·q̇, not q̇: "
         "the second term of T needs r²."),
        (along + m * l**2 * dq**2 / 2 - V, "The arm has the length r at this moment, not the "
         "length l of the unstretched spring."),
        (along + m * r * dq**2 / 2 - V, "The speed r·q̇ goes in squared: r²."),
        (around - V, "The motion along the spring, with the speed ṙ, is missing in T."),
        (along - V, "The motion around the pivot, with the speed r·q̇, is missing in T."),
        (T + weight - spring, "Gravity has the wrong sign: the mass hangs below the pivot, at the "
         "height -r cos q."),
        (T - weight + spring, "The spring's energy has the wrong sign in L = T - V."),
        (T + m * g * r * torch.sin(q) - spring, "The height is -r cos q: q is measured from "
         "hanging down."),
        (T - weight - k * r**2 / 2, "The spring is relaxed at the length l: its stretch is r - l."),
        (T - weight - k * (r - l) ** 2, "The spring's energy is k/2 times the square of its "
         "stretch."),
        (T - weight, "The energy of the spring is missing."),
        (T - spring, "The energy of the weight is missing."),
    ]  # fmt: skip
    mistakes = [(_level(values), message) for values, message in mistakes]
    match(_level(got), _level(T - V), mistakes, "This is not T - V (up to a constant).")
    conform(L(x.reshape(4, 3, 4), m, k, l, g), x, "`spring_pendulum`", (4, 3))
    return (
        "Right. Nothing more is needed: `lagrangian_field` of this moves it, with the centrifugal "
        "force (from the r² in T) and the Coriolis force that you never wrote down."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "What a symmetry conserves")
def noether(answer: Any) -> str:
    """Check ``noether(L, xi, x)``: p·ξ(q) for any L, any shift and any number of degrees."""
    charge = function(answer, "noether(L, xi, x)")
    particle = RelativisticParticle()
    x = states(6) / 2
    p = particle.momenta(x)[..., 1]

    def xi(q: Tensor) -> Tensor:
        return q**2 + 1

    shift = xi(x[..., :1])[..., 0]
    force = gradient(particle.lagrangian)(x)[..., 0]
    mistakes = [
        (x[..., 1] * shift, "This takes the velocity for the momentum. For this L, a fast "
         "particle's, p = ∂L/∂q̇ is not q̇: differentiate L."),
        (force * shift, "This is ∂L/∂q · ξ, the force along the shift. The momentum is ∂L/∂q̇, the "
         "second half of the gradient."),
        (p, "This is p alone. It is conserved if L does not depend on q; for another symmetry it "
         "is p·ξ(q)."),
        (-p * shift, "The sign is wrong: p·ξ, with p = ∂L/∂q̇."),
        (p * xi(x[..., 1:])[..., 0], "ξ is a function of the position, and was given the "
         "velocity."),
        (p * x[..., 0], "This is p·q: the shift ξ(q) was not used."),
        (p + shift, "p and ξ are multiplied, not added."),
    ]  # fmt: skip
    got = charge(particle.lagrangian, xi, x)
    expect(
        getattr(got, "shape", None) != (6, 1),
        "One number for each state is wanted, shape (6,): sum p·ξ over the last axis.",
    )
    conform(got, x, "`noether`", (6,))
    match(got, p * shift, mistakes, "This is not p·ξ.", at=x)

    plane = TwoBody(mass1=1.3, mass2=0.7)
    x = states(5, degrees=4)

    def turned(q: Tensor) -> Tensor:
        q = q.unflatten(-1, (2, 2))
        return torch.stack([-q[..., 1], q[..., 0]], dim=-1).flatten(-2)

    canonical = plane.momenta(x)
    right = (canonical[..., 4:] * turned(canonical[..., :4])).sum(-1)
    got = charge(plane.lagrangian, turned, x, like=x, shape=(5,))
    match(got, right, [], "Right for one degree of freedom, and wrong for four: the first half of "
          "the state is q, the second half q̇.")  # fmt: skip
    got = charge(plane.lagrangian, turned, x[0], like=x, shape=())
    expect(close(got, right[0]), "Right for a batch, and wrong for a single state of shape (8,).")
    return (
        "Right, also where p is not m·q̇. For two bodies and a common turn it is the total angular "
        "momentum, and for ξ = 1 in one direction the total momentum."
    )


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "derive", "From L to H: a bead on a parabola")
def bead_hamiltonian(answer: Any) -> str:
    """Check ``bead_hamiltonian(x, mass, gravity)``: H of a bead on the wire y = q²/2."""
    H = function(answer, "bead_hamiltonian(x, mass, gravity)")
    m, g = 1.7, 9.81
    x = states(8)
    q, p = x[..., 0], x[..., 1]
    V, stretch = m * g * q**2 / 2, 1 + q**2
    right = p**2 / (2 * m * stretch) + V
    mistakes = [
        (p**2 / (2 * m) + V, "This takes m·q̇ for the momentum. The bead also moves upwards: T = "
         "m(1 + q²)q̇²/2, so p = m(1 + q²)q̇."),
        (m * stretch * p**2 / 2 + V, "This is the energy of [q, q̇], with the letter p in place of "
         "q̇. Put in q̇ = p/(m(1 + q²))."),
        (p**2 * stretch / (2 * m) + V, "The factor 1 + q² belongs below the fraction line: q̇ = "
         "p/(m(1 + q²))."),
        (p**2 / (2 * m * stretch) - V, "This is T - V written with p: the Lagrangian, not the "
         "Hamiltonian p·q̇ - L."),
        (V - p**2 / (2 * m * stretch), "The kinetic energy has the wrong sign: H = p·q̇ - L."),
        (p**2 / (m * stretch) + V, "p·q̇ is twice the kinetic energy; take L off it."),
        (p**2 / (2 * m * stretch**2) + V, "One factor 1 + q² cancels: T = m(1 + q²)q̇²/2 with q̇ = "
         "p/(m(1 + q²))."),
        (p**2 / (2 * m * stretch.sqrt()) + V, "The factor in T is the squared speed along the "
         "wire, 1 + (dy/dq)² = 1 + q², without a root."),
        (p**2 / (2 * m * (1 + q)) + V, "The slope goes in squared: 1 + (dy/dq)² with dy/dq = q."),
        (p**2 / (2 * stretch) + V, "The mass is missing in the kinetic energy."),
        (p**2 / (2 * m * stretch) + m * g * q, "The height is y = q²/2."),
        (p**2 / (2 * m * stretch) + m * g * q**2, "The height is y = q²/2: a factor 1/2."),
    ]  # fmt: skip
    got = H(x, m, g, like=x, shape=(8,))
    mistakes = [(_level(values), message) for values, message in mistakes]
    match(_level(got), _level(right), mistakes, "This is not H (up to a constant).")
    conform(H(x.reshape(4, 2, 2), m, g), x, "`bead_hamiltonian`", (4, 2))
    return (
        "Right. Its kinetic energy depends on q, so ṗ holds more than the weight's force, and H "
        "does not split into T(p) + V(q): kicks and drifts will not do for this bead."
    )


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "experiment", "Least, and less than least")
def negatives(answer: Any) -> str:
    """Check ``negatives``: in how many directions S falls, for each of `HALF_PERIODS`."""
    counts = table(answer, HALF_PERIODS, "negatives")
    found = {t: number(n, f"`negatives[{t}]`") for t, n in counts.items()}
    for t, n in found.items():
        expect(
            n >= 0 and n == int(n),
            f"`negatives[{t}]` is {n:g}; wanted is how many eigenvalues are negative, a whole "
            "number.",
        )
    numbers = list(found.values())
    expect(
        any(numbers),
        "You find none at any duration. For longer than half a period there are some: does the "
        "second derivative hold the potential energy, and is the duration t·π, not t?",
    )
    expect(
        numbers != [1, 3, 5, 7] and numbers != [1, 2, 4, 6] and numbers != [0, 2, 4, 6],
        "There are about twice as many as there should be: the durations are *half* periods, π "
        "seconds each.",
    )
    expect(
        min(numbers) < 20,
        "These are the *positive* ones: short wiggles always cost action. Count the negative.",
    )
    expect(
        numbers != [1, 2, 3, 4],
        "One too many each: are the two ends held, so that only the points between them move?",
    )
    right = [int(t) for t in HALF_PERIODS]
    shown = ", ".join(f"{n:g} at {t}" for t, n in found.items())
    expect(
        numbers == right,
        f"You find {shown}. What one finds is a new one whenever the duration passes another half "
        "period. Is the time cut into enough steps, 60 or more, and are the ends held?",
    )
    return (
        f"Right: {shown}. The wave with j half waves costs m(jπ/t)² - k for each unit of its "
        "square, which is negative for j < t/π. Only in the first half period is the true path "
        "the least."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "Which changes of L can be seen?")
def changes_of_L(answer: Any) -> str:
    """Check ``effects``: for each change of L one of `EFFECTS`."""
    right = {change: effect for change, (effect, _, _) in CHANGES.items()}
    match_words(answer, right, EFFECTS, _ADVICE, "effects")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (_, _, why) in CHANGES.items())])
