"""Checks of the chapter "An LNN from scratch"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import close, conform, expect, function, match, number, table
from hnn_tutorial.check.answers import gradient as slope_of
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.mechanics import gradient, jacobian
from hnn_tutorial.systems import DoublePendulum, Pendulum

chapter = Chapter("lnn_pendulum")
exercise, progress = chapter.exercise, chapter.progress


@dataclass(frozen=True)
class Family:
    """A motion of one degree of freedom, and terms from which its Lagrangian may be made."""

    acceleration: Callable[[Tensor], Tensor]
    """q̈ of ``[q, q̇]``, ``(N, 2) -> (N,)``."""
    terms: tuple[Callable[[Tensor], Tensor], ...]
    """Functions of ``[q, q̇]``, ``(..., 2) -> (...,)``."""


def _monomials(degree: int) -> tuple[Callable[[Tensor], Tensor], ...]:
    """All products of powers of q and q̇ up to a degree."""
    powers = [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i)]
    return tuple(lambda x, i=i, j=j: x[..., 0] ** i * x[..., 1] ** j for i, j in powers)


FAMILIES: dict[str, Family] = {
    "spring": Family(lambda x: -x[..., 0], _monomials(2)),
    "spring with friction": Family(lambda x: -x[..., 0] - x[..., 1] / 2, _monomials(2)),
    "pendulum": Family(
        lambda x: -x[..., 0].sin(),
        (
            lambda x: 1 + 0 * x[..., 0],
            lambda x: x[..., 0].cos(),
            lambda x: x[..., 1],
            lambda x: x[..., 0].cos() * x[..., 1],
            lambda x: x[..., 0].sin() * x[..., 1],
            lambda x: x[..., 1] ** 2,
            lambda x: x[..., 0].cos() * x[..., 1] ** 2,
        ),
    ),
    "spring, degree 4": Family(lambda x: -x[..., 0], _monomials(4)),
}
"""The motions of exercise 4, and the terms to make a Lagrangian from."""

COUNTS = {"spring": 4, "spring with friction": 3, "pendulum": 5, "spring, degree 4": 7}
"""How many independent Lagrangians each of `FAMILIES` holds."""

WORDS = ("must agree", "may differ")
"""The answers that exercise 5 offers."""

QUANTITIES: dict[str, tuple[str, str]] = {
    "acceleration": ("must agree", "it is what both predict rightly"),
    "momentum": ("may differ", "L + F'(q)·q̇ has the same motions, and p + F'(q)"),
    "period": ("must agree", "it is read off the motion with a clock"),
    "energy": ("may differ", "2L has twice the E, and L + 5 has E - 5"),
    "equal energy": (
        "must agree",
        "E is constant along a motion whatever the gauge, and one swing is one motion",
    ),
    "sign of the mass": ("may differ", "-L has the same motions and the opposite mass matrix"),
    "L": ("may differ", "a constant, a factor and a time derivative are free"),
}
"""The quantities of exercise 5: the right word, and the reason."""

_ADVICE = {
    "acceleration": "What does it mean that both predict every motion rightly?",
    "momentum": "What happens to ∂L/∂q̇ when q·q̇ is added to L?",
    "period": "Could you measure it with a clock?",
    "energy": "What is E of 2L?",
    "equal energy": "If E takes one value all along a motion, which states share it?",
    "sign of the mass": "Which motions has -L?",
    "L": "What changes in the motion if 5 J is added to L?",
}


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "A bead on a parabola")
def bead_acceleration(answer: Any) -> str:
    """Check ``bead_acceleration(x, gravity)``: q̈ of a bead on the wire y = q²/2."""
    bead = function(answer, "bead_acceleration(x, gravity)")
    g = 9.81
    x = states(8)
    q, v = x[..., 0], x[..., 1]
    mass, pull, whirl = 1 + q**2, -g * q, q * v**2
    right = (pull - whirl) / mass
    mistakes = [
        (-right, "Both signs are reversed: the bead is pulled back to q = 0, and so must q̈ be."),
        (pull, "This is a spring. The mass matrix is 1 + q², and it changes along the motion."),
        (pull / mass, "The terms with q̇² are missing: ∂L/∂q has one, and the mixed derivative "
         "times q̇ is another."),
        ((pull + whirl) / mass, "This is ∂L/∂q over the mass matrix. The mixed derivative, "
         "2q·q̇·q̇, has to be taken off before dividing."),
        ((pull + 3 * whirl) / mass, "The mixed derivative times q̇ is subtracted, not added."),
        ((pull - 2 * whirl) / mass, "∂L/∂q has a term from the kinetic energy too: + q·q̇²."),
        (pull - whirl, "This is the force. Divide by the mass matrix, 1 + q²."),
        ((pull - whirl) * mass, "Multiplied by the mass matrix instead of divided by it."),
        ((pull - whirl) / (1 + q), "The mass matrix is 1 + q², the squared slope."),
        ((-whirl) / mass, "Gravity is missing: V = m·g·q²/2."),
    ]  # fmt: skip
    got = bead(x, g, like=x, shape=(8,))
    match(got, right, mistakes, "This is not the acceleration that L gives.", at=x)
    conform(bead(x.reshape(4, 2, 2), g), x, "`bead_acceleration`", (4, 2))
    return (
        "Right: q̈ = -q(q̇² + g)/(1 + q²). The mass has cancelled, as any factor of L does, and the "
        "term with q̇² is the wire's bend, which nobody had to think of."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _parts(L: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """∂L/∂q, the mixed derivative and the mass matrix."""
    n = x.shape[-1] // 2
    second = jacobian(lambda y: gradient(L)(y)[..., n:])(x)
    return gradient(L)(x)[..., :n], second[..., :n], second[..., n:]


def _solve(mass: Tensor, force: Tensor) -> Tensor:
    return torch.linalg.solve(mass, force.unsqueeze(-1)).squeeze(-1)


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


@exercise(2, "code", "The acceleration of any Lagrangian")
def acceleration(answer: Any) -> str:
    """Check ``acceleration(L, x)``: Euler–Lagrange solved for q̈, for any L and n."""
    solve = function(answer, "acceleration(L, x)")
    pendulum = Pendulum(0.7, 1.6, 3.1)
    x = states(6)
    v = x[..., 1:]
    right = -(pendulum.gravity / pendulum.length) * x[..., :1].sin()
    got = solve(pendulum.lagrangian, x)
    expect(
        getattr(got, "shape", None) != x.shape,
        "This is the whole field [q̇, q̈], or something of its size. Asked for is q̈ alone, (..., n).",
    )
    conform(got, x, "`acceleration`", (6, 1))
    inertia = pendulum.inertia
    match(
        got,
        right,
        [
            (-right, "The sign is reversed: q̈ = +(...)⁻¹(∂L/∂q - ...)."),
            (right * inertia, "This is the force ∂L/∂q: solve with the mass matrix."),
            (right * inertia**2, "Multiplied by the mass matrix instead of solved with it."),
        ],
        "For a pendulum this is not q̈.",
        at=x,
    )

    def shifted(y: Tensor) -> Tensor:
        return pendulum.lagrangian(y) + y[..., 0].sin() * y[..., 1]

    force, mixed, mass = (part.detach() for part in _parts(shifted, x))
    match(
        solve(shifted, x, like=right),
        right,
        [
            (_solve(mass, force), "Right for a pendulum, and wrong when sin q · q̇ is added to L: "
             "the mixed derivative times q̇ is missing. (That term changes no motion.)"),
            (_solve(mass, force + _times(mixed, v)), "The mixed derivative times q̇ has to be "
             "subtracted, not added."),
            (_solve(mass, force - mixed[..., 0]), "The mixed derivative has to be multiplied "
             "with q̇."),
        ],
        "Right for a pendulum, and wrong when sin q · q̇ is added to L, which changes no motion.",
    )  # fmt: skip

    double = DoublePendulum()
    x = states(5, degrees=2)
    v = x[..., 2:]
    force, mixed, mass = (part.detach() for part in _parts(double.lagrangian, x))
    right = _solve(mass, force - _times(mixed, v))
    diagonal = mass.diagonal(dim1=-2, dim2=-1)
    mistakes = [
        (_solve(mass, force - _times(mixed.mT, v)), "Right for one degree of freedom. For two, the "
         "mixed derivative is transposed: its rows belong to the velocities q̇ᵢ by which L is "
         "differentiated first, and it acts on q̇ⱼ through qⱼ."),
        ((force - _times(mixed, v)) / diagonal, "Right for one degree of freedom. For two, the "
         "mass matrix has entries off the diagonal: solve, do not divide."),
    ]  # fmt: skip
    got = solve(double.lagrangian, x, like=right)
    match(got, right, mistakes, "Right for one degree of freedom, and wrong for two.", at=x)
    one = solve(double.lagrangian, x[0], like=right[0])
    expect(close(one, right[0]), "Right for a batch, and wrong for a single state, shape (4,).")

    w = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    x = states(4)
    value = solve(lambda y: y[..., 1] ** 2 / 2 + w * y[..., 0].cos(), x)
    slope = slope_of(value, w, "the acceleration", name="a weight inside L")
    expect(
        close(slope, -x[:, 0].sin().sum()),
        "The values are right, but the gradient with respect to a weight inside L is not.",
    )
    try:
        nothing = answer(lambda y: y[..., 0] * y[..., 1], x)
    except Exception:  # of any kind: an error is what is wanted here
        nothing = torch.tensor(torch.nan)
    expect(
        not torch.isfinite(torch.as_tensor(nothing)).any(),
        "L = q·q̇ has the mass matrix 0 and fixes no acceleration, and yours returns ordinary "
        "numbers. The pseudo-inverse, or a little something added to the diagonal, hides that: "
        "use `torch.linalg.solve`.",
    )
    return (
        "Right, for one and two degrees of freedom, in any gauge, and differentiable. A singular "
        "mass matrix is not hidden. With a network for L this is an LNN."
    )


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "code", "A mass matrix that cannot vanish")
def mass_matrix(answer: Any) -> str:
    """Check ``mass_matrix(raw)``: positive definite for any three numbers."""
    build = function(answer, "mass_matrix(raw)")
    generator = torch.Generator().manual_seed(0)
    raw = 1.5 * torch.randn(300, 3, generator=generator, dtype=torch.float64)
    M = build(raw, like=raw, shape=(300, 2, 2)).detach()
    expect(
        close(M, M.mT),
        "This is not symmetric. A mass matrix is a second derivative: is it K itself, without Kᵀ?",
    )
    least, most = torch.linalg.eigvalsh(M).unbind(-1)
    expect(
        (most > 0).any(),
        "All eigenvalues are negative, so that every kinetic energy is: the sign is reversed.",
    )
    bad = int((least <= 0).sum())
    expect(
        bad == 0,
        f"For {bad} of 300 inputs an eigenvalue is zero or negative; the smallest is "
        f"{float(least.min()):.2g}. Positive entries are not enough, and neither is K + Kᵀ: take "
        "K Kᵀ, which is |Kᵀv|² ≥ 0 for every v.",
    )
    off = M[:, 0, 1] / (M[:, 0, 0] * M[:, 1, 1]).sqrt()
    expect(
        off.abs().max() > 1e-6,
        "The entries off the diagonal are always zero, so that no two coordinates can be coupled. "
        "Is the product `K @ K.mT`, of matrices, and not `K * K`, entry by entry?",
    )
    expect(
        off.min() < -0.1 and off.max() > 0.1,
        "The entries off the diagonal have one sign only. Coordinates may be coupled either way: "
        "the entry of K below its diagonal must be free.",
    )
    at = raw[:1].clone()
    entries = lambda r: build(r).flatten(-2)[..., [0, 1, 3]]  # noqa: E731
    rank = torch.linalg.matrix_rank(jacobian(entries)(at)[0], rtol=1e-8)
    expect(
        rank == 3,
        f"Only {int(rank)} of the three numbers matter independently; the three entries of a "
        "symmetric matrix need all of them.",
    )
    zero = build(torch.zeros(3, dtype=torch.float64), like=raw, shape=(2, 2)).detach()
    expect(
        torch.linalg.eigvalsh(zero)[0] > 1e-10,
        "Right almost everywhere; but for the input 0 an eigenvalue vanishes, and the acceleration "
        "with it has a pole. Add a little multiple of the identity.",
    )
    many = build(raw.reshape(3, 100, 3), like=raw, shape=(3, 100, 2, 2))
    expect(close(many.reshape(300, 2, 2), M), "Right for one batch axis, and wrong for two.")
    return (
        "Right: symmetric and positive definite whatever the network says, and no positive "
        f"definite matrix is out of reach. The least eigenvalue met was {float(least.min()):.1g}."
    )


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "experiment", "How many Lagrangians has a motion?")
def solutions(answer: Any) -> str:
    """Check ``solutions``: the number of independent L for each of `FAMILIES`."""
    found = table(answer, FAMILIES, "solutions")
    counts = {name: number(n, f'`solutions["{name}"]`') for name, n in found.items()}
    for name, count in counts.items():
        size = len(FAMILIES[name].terms)
        expect(
            count == int(count) and 0 <= count <= size,
            f'`solutions["{name}"]` is {count:g}; a family of {size} terms has a whole number of '
            f"independent solutions, from 0 to {size}.",
        )
    expect(
        counts != {name: len(FAMILIES[name].terms) - n for name, n in COUNTS.items()},
        "These are the ranks. The solutions are what the matrix sends to zero: the number of terms "
        "less the rank.",
    )
    expect(
        counts != {name: n - 1 for name, n in COUNTS.items()},
        "One too few each: does the constant count? It solves the equation, that is the trouble "
        "with it.",
    )
    expect(
        any(counts.values()),
        "You find no solution at all, but the constant is one. Singular values are never exactly "
        "zero: count those below 1e-9 of the largest.",
    )
    expect(
        counts["spring with friction"] != counts["spring"],
        "With friction you find as many as without. Was the family's own acceleration used? No "
        "term here is a Lagrangian of the spring with friction.",
    )
    for name, count in counts.items():
        right = COUNTS[name]
        kind = "few" if count < right else "many"
        expect(
            count == right,
            f'`solutions["{name}"]` is {count:g}, too {kind}. Has the residual all three terms, '
            "with the right signs, and is it taken at more states than there are terms?",
        )
    return (
        "Right. One of the four of the spring is the spring's own; the others hold for every "
        "motion. With friction only those are left. With more terms a second Lagrangian of the "
        "same motion appears, whose mass matrix is the energy."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "What can a learned L tell?")
def agreement(answer: Any) -> str:
    """Check ``agreement``: for each of `QUANTITIES` one of `WORDS`."""
    right = {name: word for name, (word, _) in QUANTITIES.items()}
    match_words(answer, right, WORDS, _ADVICE, "agreement")
    return "\n".join(["All right:", *(f"`{n}`: {why}." for n, (_, why) in QUANTITIES.items())])
