"""Checks of the chapter "An LNN from scratch"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
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
    worst,
)
from hnn_tutorial.check.answers import choices as match_words
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
    "spring": Family(lambda x: -1.7 * x[..., 0], _monomials(2)),
    "spring with friction": Family(lambda x: -1.7 * x[..., 0] - 0.6 * x[..., 1], _monomials(2)),
    "pendulum": Family(
        lambda x: -2.3 * x[..., 0].sin(),
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
    "spring, degree 4": Family(lambda x: -1.7 * x[..., 0], _monomials(4)),
}
"""The motions of exercise 4, and the terms to make a Lagrangian from."""

COUNTS = {"spring": 4, "spring with friction": 3, "pendulum": 5, "spring, degree 4": 7}
"""How many independent Lagrangians there are in each of `FAMILIES`."""

WORDS = ("must agree", "may differ")
"""The answers that exercise 5 offers."""

QUANTITIES: dict[str, tuple[str, str]] = {
    "acceleration": ("must agree", "both predict the right motions, and it is a part of them"),
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
    "acceleration": "Both predict the right motions. What is the second derivative of a motion?",
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

    def truth(y: Tensor, g: float) -> Tensor:
        return -y[..., 0] * (y[..., 1] ** 2 + g) / (1 + y[..., 0] ** 2)

    got = bead(x, g, like=x, shape=(8,))
    otherwise = "This is not the acceleration that L gives."
    match(got, right, mistakes, otherwise, at=x, parameters={"g": g}, truth=truth)
    many = states(12, seed=1).reshape(4, 3, 2)
    otherwise = "Right for a list of states, and wrong for a batch of shape (4, 3, 2)."
    match(bead(many, 3.7, like=many, shape=(4, 3)), truth(many, 3.7), [], otherwise, at=many)
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


def _ridges(L: Callable[[Tensor], Tensor], x: Tensor) -> list[tuple[Tensor, str]]:
    """What comes out where something was added to the mass matrix, and what to say of it."""
    force, mixed, mass = (part.detach() for part in _parts(L, x))
    force = force - _times(mixed, x[..., x.shape[-1] // 2 :])
    eye = torch.eye(mass.shape[-1], dtype=mass.dtype)
    return [
        (
            _solve(mass + size * eye, force),
            f"This is what comes out if {size:g} times the identity is added to the mass matrix. "
            "It changes each acceleration, and it only moves the poles: solve with the mass "
            "matrix itself.",
        )
        for size in (10.0**-k for k in range(6))
    ]


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
    got = solve(pendulum.lagrangian, x, like=right)
    inertia = pendulum.inertia
    match(
        got,
        right,
        [
            (-right, "The sign is reversed: q̈ = +(...)⁻¹(∂L/∂q - ...)."),
            (right * inertia, "This is the force ∂L/∂q: solve with the mass matrix."),
            (right * inertia**2, "Multiplied by the mass matrix instead of solved with it."),
            *_ridges(pendulum.lagrangian, x),
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

    double = DoublePendulum(1.3, 0.8, 0.9, 1.2, 4.1)
    x = states(6, degrees=2)
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
    many = x[:6].reshape(3, 2, 4)
    otherwise = "Right for a list of states, and wrong for a batch of shape (3, 2, 4)."
    match(solve(double.lagrangian, many, like=many[..., :2]), right.reshape(3, 2, 2), [],
          otherwise, at=many)  # fmt: skip

    w = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    x = states(4)
    value = solve(lambda y: y[..., 1] ** 2 / 2 + w * y[..., 0].cos(), x)
    slope = slope_of(value, w, "the acceleration", name="a weight inside L")
    expect(
        close(slope, -x[:, 0].sin().sum()),
        "The values are right, but the gradient with respect to a weight inside L is not.",
    )
    try:
        nothing = as_tensor(answer(lambda y: y[..., 0] * y[..., 1], x.clone()))
    except Exception:  # of any kind: an error is what is wanted here
        nothing = None
    expect(
        nothing is None or not torch.isfinite(nothing).any(),
        "L = q·q̇ has the mass matrix 0 and fixes no acceleration, and yours returns ordinary "
        "numbers. The pseudo-inverse, or a little something added to the diagonal, hides that: "
        "use `torch.linalg.solve`.",
    )
    return (
        "Right, for one and two degrees of freedom, in any gauge, and differentiable. A singular "
        "mass matrix is not hidden. With a network for L this is an LNN."
    )


# --- 3 -------------------------------------------------------------------------------------------


TARGETS = (
    ((3.0, 2.0), (2.0, 2.0)),
    ((60.0, -40.0), (-40.0, 30.0)),
    ((0.05, 0.02), (0.02, 40.0)),
    ((20.0, -0.1), (-0.1, 0.04)),
    ((0.04, -0.01), (-0.01, 0.03)),
)
"""Positive definite matrices, large and small, that exercise 3 must be able to make."""


def _reaches(entries: Callable[[Tensor], Tensor]) -> None:
    """Expect that every one of `TARGETS` comes out for some three numbers.

    Damped Gauss–Newton steps look for the numbers, from many starts at once.
    """
    generator = torch.Generator().manual_seed(1)
    starts = 2 * torch.randn(60, 3, generator=generator, dtype=torch.float64)
    for target in TARGETS:
        (a, b), (_, c) = target
        right = torch.tensor([a, b, c], dtype=torch.float64)
        size = torch.tensor([a, (a * c) ** 0.5, c], dtype=torch.float64)
        raw, damping = starts.clone(), torch.full((60,), 1e-2, dtype=torch.float64)
        off = (entries(raw).detach() - right) / size
        for _ in range(80):
            J = jacobian(entries)(raw).detach() / size[:, None]
            A = J.mT @ J + damping[:, None, None] * torch.eye(3, dtype=torch.float64)
            trial = raw - torch.linalg.solve(A, (J.mT @ off.unsqueeze(-1)).squeeze(-1))
            trial = trial.clamp(-40, 40)
            there = (entries(trial).detach() - right) / size
            better = there.norm(dim=-1) < off.norm(dim=-1)
            raw = torch.where(better[:, None], trial, raw)
            off = torch.where(better[:, None], there, off)
            damping = torch.where(better, damping / 5, damping * 4).clamp(1e-12, 1e12)
            if off.norm(dim=-1).min() < 0.02:
                break
        else:
            best = entries(raw[off.norm(dim=-1).argmin()][None])[0].detach()
            x, y, z = (f"{float(v):.3g}" for v in best)
            expect(
                False,
                f"Always positive definite, but not every positive definite matrix is within "
                f"reach. Among those that are not is [[{a:g}, {b:g}], [{b:g}, {c:g}]]; the nearest "
                f"that was found is [[{x}, {y}], [{y}, {z}]]. The entries of K must be free to be "
                "large and small, and what is added to the diagonal must be little.",
            )


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

    def entries(r: Tensor) -> Tensor:
        return build(r, like=r, shape=(*r.shape[:-1], 2, 2)).flatten(-2)[..., [0, 1, 3]]

    one = raw[:1].clone().requires_grad_()
    slope_of(entries(one), one, "the matrix", name="the numbers of the network")
    rank = torch.linalg.matrix_rank(jacobian(entries)(at)[0], rtol=1e-8)
    expect(
        rank == 3,
        f"Only {int(rank)} of the three numbers matter independently; the three entries of a "
        "symmetric matrix need all of them.",
    )
    _reaches(entries)
    zero = build(torch.zeros(3, dtype=torch.float64), like=raw, shape=(2, 2)).detach()
    expect(
        torch.linalg.eigvalsh(zero)[0] > 1e-10,
        "Right almost everywhere; but for the input 0 an eigenvalue vanishes, and the acceleration "
        "with it has a pole. Add a little multiple of the identity.",
    )
    many = build(raw.reshape(4, 75, 3), like=raw, shape=(4, 75, 2, 2))
    expect(close(many.reshape(300, 2, 2), M), "Right for one batch axis, and wrong for two.")
    return (
        "Right: symmetric and positive definite whatever the network says, and no positive "
        f"definite matrix is out of reach. The least eigenvalue met was {float(least.min()):.1g}."
    )


# --- 4 -------------------------------------------------------------------------------------------


_VARIANTS = {
    (1, 0, 1): "the mixed derivative left out",
    (1, -1, 1): "the mixed derivative with the wrong sign",
    (1, 1, -1): "∂L/∂q added in place of subtracted",
    (1, 1, 0): "∂L/∂q left out",
    (0, 1, 1): "the term with q̈ left out",
}
"""Signs of the three terms of a wrong residual of exercise 4, and what the mistake is called."""


@cache
def _count(name: str, signs: tuple[int, int, int]) -> int:
    family = FAMILIES[name]
    x = states(40, seed=5)
    columns = []
    for term in family.terms:
        force, mixed, mass = _parts(term, x)
        push, drift, pull = signs
        columns.append(
            push * mass[:, 0, 0] * family.acceleration(x)
            + drift * mixed[:, 0, 0] * x[:, 1]
            - pull * force[:, 0]
        )
    matrix = torch.stack(columns, dim=-1)
    return len(family.terms) - int(torch.linalg.matrix_rank(matrix, rtol=1e-9))


def _counted(signs: tuple[int, int, int]) -> dict[str, float]:
    """The numbers of exercise 4 that a residual with these signs gives."""
    return {name: float(_count(name, signs)) for name in FAMILIES}


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
    if counts != COUNTS:
        slips = [name for change, name in _VARIANTS.items() if counts == _counted(change)]
        expect(
            not slips,
            f"These four numbers come out of a residual with {', or with '.join(slips)}. It is "
            "(∂²L/∂q̇²)·q̈ + (∂²L/∂q∂q̇)·q̇ - ∂L/∂q.",
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
            f'`solutions["{name}"]` is {count:g}, too {kind}. None of the usual slips gives your '
            "four numbers. Test your residual: it must vanish for the true L of the spring, and "
            "for q·q̇. And it must be taken at more states than there are terms.",
        )
    return (
        "Right. One of the four of the spring is the spring's own; the others solve the equation "
        "for every motion. With friction only those are left. With more terms a second Lagrangian "
        "of the same motion appears, whose mass matrix is a multiple of the energy."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "What can a learned L tell?")
def agreement(answer: Any) -> str:
    """Check ``agreement``: for each of `QUANTITIES` one of `WORDS`."""
    right = {name: word for name, (word, _) in QUANTITIES.items()}
    match_words(answer, right, WORDS, _ADVICE, "agreement")
    return "\n".join(["All right:", *(f"`{n}`: {why}." for n, (_, why) in QUANTITIES.items())])


# --- 6 -------------------------------------------------------------------------------------------

PENDULUM = Pendulum(mass=0.7, length=1.5, gravity=3.2)
"""The pendulum of exercise 6."""

TERMS: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
    ("q̇²", lambda x: x[..., 1] ** 2),
    ("cos q", lambda x: x[..., 0].cos()),
    ("q̇ sin q", lambda x: x[..., 1] * x[..., 0].sin()),
    ("q̇⁴", lambda x: x[..., 1] ** 4),
    ("q̇² cos q", lambda x: x[..., 1] ** 2 * x[..., 0].cos()),
    ("cos² q", lambda x: x[..., 0].cos() ** 2),
)
"""The terms of exercise 6: their names, and functions of ``[q, q̇]``."""

FILMS = ("a film cannot tell them apart", "a film can tell them apart")
"""The predictions and conclusions that exercise 6 offers."""

STUDY = ("coefficients", "states", "prediction", "differences", "conclusion")
"""The keys of exercise 6."""


def made_of(coefficients: Any) -> Callable[[Tensor], Tensor]:
    """Return the Lagrangian with these coefficients of `TERMS`, a function of ``[q, q̇]``."""
    values = [float(value) for value in coefficients]
    return lambda x: sum(c * term(x) for c, (_, term) in zip(values, TERMS, strict=True))  # type: ignore[return-value]


def _row(value: Any, key: str, shape: tuple[int, ...]) -> Tensor:
    values = as_tensor(value)
    fits = values is not None and values.ndim == len(shape)
    fits = fits and all(n in (-1, m) for n, m in zip(shape, values.shape, strict=True))  # type: ignore[union-attr]
    shown = ", ".join("N" if n < 0 else str(n) for n in shape)
    expect(fits, f'`study["{key}"]` should hold numbers of shape ({shown}).')
    values = torch.as_tensor(values, dtype=torch.float64).detach()
    expect(torch.isfinite(values).all(), f'An entry of `study["{key}"]` is not a finite number.')
    return values


def _film(value: Any, key: str) -> str:
    plain = {word.casefold(): word for word in FILMS}
    word = plain.get(value.strip().casefold()) if isinstance(value, str) else None
    expect(
        word is not None,
        f'`study["{key}"]` is {value!r}; choose one of: {", ".join(map(repr, FILMS))}.',
    )
    return str(word)


def _quantities(L: Callable[[Tensor], Tensor], x: Tensor) -> dict[str, Tensor]:
    force, mixed, mass = (part.detach() for part in _parts(L, x))
    p = gradient(L)(x)[..., 1].detach()
    return {
        "acceleration": (force - _times(mixed, x[..., 1:]))[..., 0] / mass[..., 0, 0],
        "momentum": p,
        "energy": x[..., 1] * p - L(x).detach(),
        "mass": mass[..., 0, 0],
    }


@exercise(6, "experiment", "An open question: a Lagrangian in disguise")
def disguise(answer: Any) -> str:
    """Check ``study``: a designed Lagrangian, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    prediction = _film(study["prediction"], "prediction")
    conclusion = _film(study["conclusion"], "conclusion")
    coefficients = _row(study["coefficients"], "coefficients", (len(TERMS),))
    x = _row(study["states"], "states", (-1, 2))
    given = _row(study["differences"], "differences", (-1, 4))
    expect(
        len(given) == len(x),
        f'`study["differences"]` has {len(given)} rows for {len(x)} states; one row for each.',
    )
    mine = _quantities(made_of(coefficients), x)
    true = _quantities(PENDULUM.lagrangian, x)
    flat = mine["mass"].abs() < 1e-9
    expect(
        not flat.any(),
        f"At the state {[round(v, 4) for v in x[int(flat.double().argmax())].tolist()]} your mass "
        "matrix is zero, so your L fixes no acceleration there. Choose other states, or another L.",
    )
    right = torch.stack([mine[key] - true[key] for key in true], dim=-1)
    if not close(given, right, 0.01, 1e-6):
        turned = close(-given, right, 0.01, 1e-6)
        expect(not turned, "The differences have the wrong sign: yours less the true one.")
        expect(
            False,
            "The differences, yours less the true one, are not those of your coefficients at your "
            "states. The order is acceleration, momentum, energy, mass matrix. "
            + worst(given, right, at=x),
        )
    largest = right.abs().amax(dim=0)
    everywhere = states(40, seed=7)
    size = _quantities(made_of(coefficients), everywhere)["acceleration"]
    goal = _quantities(PENDULUM.lagrangian, everywhere)["acceleration"]
    same = close(size, goal, 1e-5, 1e-7)
    spread = (mine["mass"].max() - mine["mass"].min()) / mine["mass"].abs().max()
    rubric = [
        (same, "the pendulum's motions: at other states than yours the acceleration differs. "
         + ("" if same else worst(size, goal, at=everywhere))),
        (bool((largest[1:] > 0.01).all()), "a disguise in all three: momentum, energy and mass "
         "matrix each differ from the true ones by more than 0.01 somewhere"),
        (bool(spread > 0.01), "a disguise that is more than a factor and a time derivative: your "
         "mass matrix is the same at all your states"),
        (len(x) >= 10 and bool((x[:, 1] > 0.1).any()) and bool((x[:, 1] < -0.1).any())
         and bool((x[:, 0].abs() > 1).any()), "states that could have shown a difference: ten or "
         "more, moving both ways, some of them farther than 1 rad from the bottom"),
        ((conclusion == FILMS[0]) == bool(largest[0] < 1e-6), "a conclusion that your own numbers "
         "support: a film shows accelerations, and nothing else of the four"),
    ]  # fmt: skip
    score(rubric)
    came = "came true" if prediction == conclusion else "did not come true"
    return (
        f"All {len(rubric)} points of the rubric, and every number measured again. Your prediction "
        f"{came}. Momentum, energy and mass of your L are not the pendulum's, and no film of "
        "any length could show it. So no training on films can find the true ones, either."
    )
