"""Checks of the chapter "What does not change"."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import cos
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import (
    Wrong,
    choices,
    close,
    conform,
    expect,
    function,
    gradient,
    match,
    numbers,
)
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.mechanics import gradient as gradient_of
from hnn_tutorial.systems import DampedMassSpring, MassSpring, SpringChain, TwoBody

chapter = Chapter("what_does_not_change")
exercise, progress = chapter.exercise, chapter.progress

INTERVALS = (0.05, 0.1, 0.2)
"""Intervals of the recordings of exercise 4, in s."""

ANSWERS = {
    "always": "it keeps its value in every motion",
    "sometimes": "it keeps its value in some motions, and changes in others",
    "never": "it changes in every motion",
}
"""The answers that exercise 5 offers, and what they mean."""

Quantity = Callable[[Tensor], Tensor]


def _relative(x: Tensor) -> Tensor:
    """Where the second star is, as seen from the first."""
    return x[..., 2:4] - x[..., 0:2]


def _centre(x: Tensor) -> Tensor:
    """The centre of mass of two equal stars."""
    return (x[..., 0:2] + x[..., 2:4]) / 2


def _areal_speed(x: Tensor) -> Tensor:
    apart, velocity = _relative(x), x[..., 6:8] - x[..., 4:6]
    return (apart[..., 0] * velocity[..., 1] - apart[..., 1] * velocity[..., 0]) / 2


QUANTITIES: dict[str, tuple[str, Quantity, str]] = {
    "energy of the motion": (
        "sometimes",
        lambda x: x[..., 4:].square().sum(-1) / 2,
        "on circles the distance stays, and with it both kinds of energy; on any other orbit they "
        "are exchanged",
    ),
    "total energy, squared": (
        "always",
        lambda x: TwoBody().hamiltonian(x) ** 2,
        "every function of an invariant is one",
    ),
    "momentum of the first star": (
        "never",
        lambda x: x[..., 4:6],
        "the other star pulls on it all the time, and a force is a change of momentum",
    ),
    "total momentum": (
        "always",
        lambda x: x[..., 4:6] + x[..., 6:8],
        "what one star gains the other loses, for the two forces are opposite",
    ),
    "position of the centre of mass": (
        "sometimes",
        _centre,
        "it moves in a straight line with the total momentum, and rests if that is zero",
    ),
    "distance of the stars": (
        "sometimes",
        lambda x: _relative(x).norm(dim=-1),
        "only on circles",
    ),
    "area that the line between the stars sweeps in a second": (
        "always",
        _areal_speed,
        "this is Kepler's second law: the area is half of the angular momentum of the relative "
        "motion, divided by a mass",
    ),
    "the number 7": (
        "always",
        lambda x: 7 + 0 * x[..., 0],
        "a constant is an invariant of every motion, and tells nothing about any",
    ),
}
"""Two equal stars, exercise 5: the right answer, the quantity, and the reason."""


# --- 1 -------------------------------------------------------------------------------------------


def predator_prey(x: Tensor, a: float, b: float, c: float, d: float) -> Tensor:
    """The field of prey u and predators v: u̇ = u (a − b v), v̇ = v (d u − c)."""
    u, v = x[..., 0], x[..., 1]
    return stack(u * (a - b * v), v * (d * u - c))


def _parallel(g: Tensor, h: Tensor) -> bool:
    """Whether two gradients of the plane point along one line at every state."""
    cross = g[..., 0] * h[..., 1] - g[..., 1] * h[..., 0]
    return bool((cross.abs() <= 1e-7 * g.norm(dim=-1) * h.norm(dim=-1)).all())


@exercise(1, "derive", "What stays among foxes and hares")
def kept(answer: Any) -> str:
    """Check ``kept(x, a, b, c, d)``: any invariant of predator and prey that is not constant."""
    F = function(answer, "kept(x, a, b, c, d)")
    mistakes: list[tuple[Callable[..., Tensor], str]] = [
        (
            lambda u, v, a, b, c, d: u + v,
            "The number of animals is not conserved: hares are born, and foxes die.",
        ),
        (
            lambda u, v, a, b, c, d: d * u + b * v,
            "The two logarithms are missing: separate the variables, and du/u gives a logarithm.",
        ),
        (
            lambda u, v, a, b, c, d: c * u.log() + a * v.log(),
            "Only the logarithms are there: (d u - c)/u = d - c/u, and the first term gives d u.",
        ),
        (
            lambda u, v, a, b, c, d: d * u - c * u.log() - b * v + a * v.log(),
            "The part of the foxes has the wrong sign: both sides of the separated equation belong "
            "on one side, and F is a sum of a valley in u and a valley in v.",
        ),
        (
            lambda u, v, a, b, c, d: d * u + c * u.log() + b * v + a * v.log(),
            "The logarithms have the wrong sign.",
        ),
        (
            lambda u, v, a, b, c, d: d * u - a * u.log() + b * v - c * v.log(),
            "a and c are exchanged: the logarithm of the hares carries the foxes' rate c, because "
            "dF/dt multiplies it by u̇/u = a - b v.",
        ),
        (
            lambda u, v, a, b, c, d: b * u - c * u.log() + d * v - a * v.log(),
            "b and d are exchanged: d u comes from the foxes' equation.",
        ),
        (
            lambda u, v, a, b, c, d: d * v - c * v.log() + b * u - a * u.log(),
            "u and v are exchanged: the state is [u, v], so the hares are `x[..., 0]`.",
        ),
    ]
    for parameters in ((1.1, 0.4, 0.6, 0.3), (0.7, 1.3, 0.9, 0.5)):
        x = states(8).abs().requires_grad_()
        F(x.detach().reshape(4, 2, 2), *parameters, like=x.detach(), shape=(4, 2))
        value = F(x, *parameters, like=x.detach(), shape=(8,))
        dF = gradient(value, x, "`kept`", name="its input")
        expect(
            dF.norm(dim=-1).min() > 1e-6,
            "This is constant somewhere, if not everywhere: a constant is an invariant of every "
            "motion. Wanted is one whose gradient does not vanish away from the point of balance.",
        )
        f = predator_prey(x.detach(), *parameters)
        rate = (dF * f).sum(-1)
        if rate.abs().max() < 1e-8 * (dF.norm(dim=-1) * f.norm(dim=-1)).max():
            continue
        for wrong, message in mistakes:
            y = x.detach().requires_grad_()
            slope = torch.autograd.grad(wrong(*y.unbind(-1), *parameters).sum(), y)[0]
            if _parallel(dF, slope):
                raise Wrong(message)
        at = rate.abs().argmax()
        u, v = x.detach()[at].tolist()
        raise Wrong(
            f"With (a, b, c, d) = {parameters} it is not conserved: at u = {u:.3g}, v = {v:.3g} "
            f"it changes at the rate {rate[at]:.3g}. The chain rule gives dF/dt = ∂F/∂u u̇ + "
            "∂F/∂v v̇, and this has to vanish for all u and v."
        )
    return (
        "Right: F keeps its value, so the numbers of foxes and hares run around closed curves, "
        "without end. Invariants are not a privilege of mechanics."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _bumpy(x: Tensor) -> Tensor:
    """A scalar function without symmetry, for states of any size."""
    weight = 1 + torch.arange(x.shape[-1], dtype=x.dtype)
    return torch.sin(x * weight).sum(-1) + x[..., 0] * x[..., -1] ** 2


def _drift(x: Tensor) -> Tensor:
    """A field that conserves nothing in particular, for states of any size."""
    return x.roll(1, dims=-1) - 0.3 * x + 0.2 * x**2


@exercise(2, "code", "How fast any function of the state changes")
def rate_of_change(answer: Any) -> str:
    """Check ``rate_of_change(F, field, x)``: the derivative of F along the motion, ∇F · f."""
    rate = function(answer, "rate_of_change(F, field, x)")
    x = states(6)
    dF, f = gradient_of(_bumpy)(x), _drift(x)
    right = (dF * f).sum(-1)
    mistakes = [
        (-right, "The sign is wrong: this is the rate with time run backwards."),
        (right / 6, "Everything is divided by the number of states: sum over the batch, no mean."),
        (right / 2, "The mean over the components was taken; a scalar product is a sum."),
        (
            right / f.norm(dim=-1),
            "The field was made a unit vector: this is the change per length of the path. Per time "
            "the field counts as it is.",
        ),
        (
            right / (dF.norm(dim=-1) * f.norm(dim=-1)),
            "This is the cosine of the angle between slope and field, as in the chapter's loss. "
            "The rate of change is the product itself.",
        ),
        (right.abs(), "The absolute value hides whether F grows or falls."),
        (
            (gradient_of(_bumpy)(x.flip(-1)) * _drift(x.flip(-1))).sum(-1),
            "q and p are exchanged: slope and field are those of the state [p, q].",
        ),
        (_bumpy(f), "F was evaluated at the field: a rate of change is no state."),
        (dF.norm(dim=-1), "This is the steepness of F; the field does not occur in it."),
        (dF.sum(-1), "This is the sum of ∂F/∂q and ∂F/∂p: each is to be multiplied by the field."),
        (
            dF[..., 0] * f[..., 1] - dF[..., 1] * f[..., 0],
            "The two were multiplied crosswise: q̇ belongs to ∂F/∂q, ṗ to ∂F/∂p.",
        ),
    ]
    got = rate(_bumpy, _drift, x, like=x, shape=(6,))
    match(got, right, mistakes, "This is not ∇F · f.", at=x, rtol=1e-5, atol=1e-6)
    for y in (states(1)[0], states(12, degrees=3).reshape(4, 3, 6)):
        match(
            rate(_bumpy, _drift, y, like=y, shape=tuple(y.shape[:-1])),
            (gradient_of(_bumpy)(y) * _drift(y)).sum(-1),
            otherwise=f"Right for states of shape (6, 2), and wrong for shape {tuple(y.shape)}.",
            rtol=1e-5,
            atol=1e-6,
        )
    spring = MassSpring(2.0, 3.0)
    energy = rate(spring.hamiltonian, spring.field, x, like=x, shape=(6,))
    expect(energy.abs().max() < 1e-6, "For the spring's energy the rate must vanish.")
    return (
        "Right: for any function, any field, any batch. Where this is zero at every state, F is an "
        "invariant, and no motion had to be followed to know it."
    )


# --- 3 -------------------------------------------------------------------------------------------


def quadratic(x: Tensor) -> Tensor:
    """All products of the components of a state, and the components, ``(N, d) -> (N, m)``."""
    i, j = torch.triu_indices(x.shape[-1], x.shape[-1]).unbind()
    return torch.cat([x, x[..., i] * x[..., j]], dim=-1)


def linear(x: Tensor) -> Tensor:
    """The components of a state, ``(N, d) -> (N, d)``."""
    return x


def _free(x: Tensor) -> Tensor:
    """The field of masses of 2 kg without forces."""
    q, p = x.chunk(2, dim=-1)
    return torch.cat([p / 2, 0 * q], dim=-1)


def _rates(features: Callable[[Tensor], Tensor], x: Tensor, dx: Tensor) -> Tensor:
    return torch.func.jvp(features, (x,), (dx,))[1]


@exercise(3, "code", "How many invariants are there?")
def invariants(answer: Any) -> str:
    """Check ``invariants(features, x, dx)``: coefficients (m, r) of r independent invariants."""
    find = function(answer, "invariants(features, x, dx)")
    spring, chain = MassSpring(2.0, 3.0), SpringChain(masses=2, mass=2.0, stiffness=3.0)
    cases = (
        ("the spring", quadratic, spring.field, 1, 1, "a multiple of the energy"),
        ("the spring with friction", quadratic, DampedMassSpring(2.0, 3.0).field, 1, 0, "none"),
        ("the spring and linear features", linear, spring.field, 1, 0, "none"),
        ("two coupled masses", quadratic, chain.field, 2, 2, "the energy of each normal mode"),
        ("two free masses", linear, _free, 2, 2, "the two momenta"),
    )
    for name, features, field, degrees, count, which in cases:
        x = states(60, degrees=degrees)
        A = _rates(features, x, field(x))
        C = find(features, x, field(x))
        shape = tuple(getattr(C, "shape", ()))
        expect(
            isinstance(C, Tensor) and len(shape) == 2,
            "`invariants` should return one torch tensor of shape (m, r), a column of m "
            f"coefficients for each of r invariants; this is a {type(C).__name__}"
            + (f" of shape {shape}." if shape else "."),
        )
        m, r = A.shape[1], C.shape[1]
        if C.shape[0] != m:
            transposed = C.shape[1] == m
            raise Wrong(
                f"For {name} the shape is {tuple(C.shape)}; there are {m} features, so it should "
                f"be ({m}, r)."
                + (" The invariants are rows here: transpose." if transposed else "")
            )
        conform(C, A, f"For {name} `invariants`", (m, r))
        scale = A.norm() * max(float(C.norm()), 1e-300)
        worst = float((A @ C).norm() / scale) if r else 0.0
        known = which if count else "none at all"
        advice = ""
        if r and count == 0:
            advice = " Is a column returned however small or large its singular value is?"
        expect(
            worst < 1e-7,
            f"For {name}, {r} invariant(s) are returned, and their rate of change at the states is "
            f"not zero (relative size {worst:.1g}); there is {count}: {known}.{advice}",
        )
        rank = int(torch.linalg.matrix_rank(C)) if r else 0
        expect(rank == r, f"For {name} the columns are not independent: {r} columns, rank {rank}.")
        expect(
            r == count,
            f"For {name} {r} invariant(s) are found, and there are {count}: {known}. A singular "
            "value counts as zero if it is below about 1e-9 times the largest one.",
        )
    return (
        "Right: one for the spring, none with friction, none that is linear in q and p, and two "
        "for the coupled masses, one for each normal mode. All from states and rates of change."
    )


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "experiment", "The friction that forward differences invent")
def false_friction(answer: Any) -> str:
    """Check ``shrinking``: for each interval, rates of shrinking (1/s) for several seeds."""
    values = numbers(answer, INTERVALS, "shrinking", "rate for each seed")
    omega = 2.0
    middle = {interval: median(row) for interval, row in values.items()}
    theory = {interval: (1 - cos(omega * interval)) / interval for interval in INTERVALS}
    shown = ", ".join(f"{v:.3f} at {i:g} s" for i, v in middle.items())

    def follows(factor: float) -> bool:
        return all(close(middle[i], factor * theory[i], rtol=0.15) for i in INTERVALS)

    expect(
        not follows(-1),
        "The orbits grow by as much as they should shrink. Either the sign of the logarithm is "
        "wrong, or each difference was taken at the *later* state: those are backward differences.",
    )
    expect(
        not follows(2),
        "Twice what theory gives: the energy goes with the *square* of the size of the orbit, so "
        "halve the logarithm.",
    )
    expect(
        not all(abs(middle[i]) < 0.2 * theory[i] for i in INTERVALS),
        f"The orbits hardly shrink ({shown}): were the rates exact, or central differences?",
    )
    expect(
        all(max(row) - min(row) > 1e-9 for row in values.values()),
        "Different seeds gave exactly the same rate: use `seed` for the network.",
    )
    medians = list(middle.values())
    expect(
        all(a < b for a, b in pairwise(medians)),
        f"The rate should grow with the interval; the medians are {shown}.",
    )
    for interval, got in middle.items():
        expect(
            close(got, theory[interval], rtol=0.15),
            f"At an interval of {interval:g} s the median rate is {got:.3f} per second; the chord "
            f"argument gives {theory[interval]:.3f}. Are the states and differences paired as "
            "x(t) with (x(t + Δt) - x(t))/Δt, and is the logarithm divided by the whole time?",
        )
    return (
        f"Right: the median rates are {shown}, as the chord argument predicts: proportional to the "
        "interval, and the same for every network."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "What two stars keep")
def two_stars(answer: Any) -> str:
    """Check ``answers``: for each quantity one of the words in `ANSWERS`."""
    advice = {
        "energy of the motion": "Think of a circle, and of a long ellipse.",
        "total energy, squared": "What does a function of an unchanging number do?",
        "momentum of the first star": "Which force acts on it, and is that force ever zero?",
        "total momentum": "Add both forces.",
        "position of the centre of mass": "How fast does it move, in terms of the total momentum?",
        "distance of the stars": "Think of a circle, and of a long ellipse.",
        "area that the line between the stars sweeps in a second": "What did Kepler find?",
        "the number 7": "Read the definition once more.",
    }
    right = {quantity: word for quantity, (word, _, _) in QUANTITIES.items()}
    choices(answer, right, ANSWERS, advice, "answers")
    reasons = [f"`{quantity}`: {why}." for quantity, (_, _, why) in QUANTITIES.items()]
    return "\n".join(["All right:", *reasons])
