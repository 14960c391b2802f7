"""Checks of the chapter "Hamiltonian mechanics"."""

from __future__ import annotations

from math import exp, log
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial.check.answers import (
    Wrong,
    as_tensor,
    choices,
    close,
    expect,
    function,
    match,
    numbers,
    score,
    table,
)
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.check.slips import recognise
from hnn_tutorial.check.what_does_not_change import unpacked
from hnn_tutorial.evaluation import time_reversal_error
from hnn_tutorial.mechanics import divergence as true_divergence
from hnn_tutorial.mechanics import gradient, hamiltonian_field, jacobian, symplectic_form
from hnn_tutorial.mechanics import poisson_bracket as true_bracket
from hnn_tutorial.mechanics import symplectic_defect as true_defect
from hnn_tutorial.systems import DampedPendulum

chapter = Chapter("hamiltonian_mechanics")
exercise, progress = chapter.exercise, chapter.progress

DAMPINGS = (0.0, 0.2, 0.4, 0.8)
"""Damping coefficients of exercise 4, in kg m²/s."""

PENDULUM = {"mass": 0.7, "length": 1.5, "gravity": 9.81}
"""The pendulum of exercise 4, in SI units."""

ANSWERS = {
    "both": "it keeps a function of the state, and the volume of phase space",
    "function": "it keeps a function of the state that is not constant, but not the volume",
    "volume": "it keeps the volume, but no function of the state",
    "neither": "it keeps neither",
}
"""The answers that exercise 5 offers, and what they mean."""

KEEPS: dict[str, tuple[str, str]] = {
    "a pendulum": (
        "both",
        "it is Hamiltonian: the motion runs along the contours of H, and mixed derivatives agree",
    ),
    "a pendulum with friction": (
        "neither",
        "all its motions end at rest, so a continuous function that they keep is constant, and a "
        "cloud of states shrinks to a point",
    ),
    "a charge in a magnetic field": (
        "both",
        "it is Hamiltonian too; it is not reversible, but that is another question",
    ),
    "the symplectic gradient of a network with random weights": (
        "both",
        "no training is needed: the form is enough",
    ),
    "a spring whose field is multiplied by 1 + q²": (
        "function",
        "the orbits stay the circles that they were, but the pace now changes along each, so the "
        "states crowd where it is slow",
    ),
    "a spring that is driven by a force cos(√2 t)": (
        "volume",
        "its H depends on time, and the motion goes through every energy; at each instant the "
        "field is still a symplectic gradient, so that no area changes",
    ),
    "hares and foxes, in u and v": (
        "function",
        "exercise 1 of chapter 1 finds what they keep; the divergence a - b v + d u - c is not "
        "zero",
    ),
    "hares and foxes, in ln u and ln v": (
        "both",
        "d/dt ln u = a - b v and d/dt ln v = d u - c: each depends on the other variable alone, so "
        "there is no divergence. Coordinates decide what a volume is",
    ),
}
"""Motions of exercise 5: the right answer and the reason."""


# --- 1 -------------------------------------------------------------------------------------------


def magnetic_hamiltonian(x: Tensor, m: float, B: float) -> Tensor:
    """The energy of a unit charge in a plane, across which stands a magnetic field B."""
    q1, q2, p1, p2 = x.unbind(-1)
    return ((p1 + B * q2 / 2) ** 2 + (p2 - B * q1 / 2) ** 2) / (2 * m)


@exercise(1, "derive", "A charge in a magnetic field")
def magnetic_field(answer: Any) -> str:
    """Check ``magnetic_field(x, m, B)``: Hamilton's equations where p is not m times velocity."""
    field = function(answer, "magnetic_field(x, m, B)")
    m, B = 1.7, 2.3
    x = states(6, degrees=2)
    q1, q2, p1, p2 = x.unbind(-1)
    v1, v2 = (p1 + B * q2 / 2) / m, (p2 - B * q1 / 2) / m
    right = stack(v1, v2, B * v2 / 2, -B * v1 / 2)
    mistakes = [
        (-right, "All signs are reversed: this is the motion run backwards in time."),
        (
            stack(v1, v2, -B * v2 / 2, B * v1 / 2),
            "dp/dt has the wrong sign: Hamilton's second equation carries a minus, and the chain "
            "rule gives another one for q1.",
        ),
        (
            stack(v1, v2, B * v2 / 2, B * v1 / 2),
            "dp2/dt has the wrong sign: ∂H/∂q2 is + B/2 times the first velocity, and the equation "
            "carries a minus.",
        ),
        (
            stack(v1, v2, -B * v2 / 2, -B * v1 / 2),
            "dp1/dt has the wrong sign: ∂H/∂q1 is -B/2 times the second velocity, and the equation "
            "carries another minus.",
        ),
        (
            stack(p1 / m, p2 / m, B * v2 / 2, -B * v1 / 2),
            "dq/dt is ∂H/∂p, and that is not p/m here: the magnetic terms stand in the bracket "
            "that is squared.",
        ),
        (
            stack(p1 / m, p2 / m, 0 * q1, 0 * q2),
            "This is a free particle: B does not occur.",
        ),
        (
            stack(v1, v2, 0 * q1, 0 * q2),
            "dp/dt is not zero: H depends on q through the magnetic terms, also if no potential "
            "is written.",
        ),
        (
            stack(v1, v2, B * v2, -B * v1),
            "This is the force, m times the acceleration: p is not m times velocity here, so dp/dt "
            "is not the force. Differentiate H by q: a factor 1/2 stands there.",
        ),
        (
            hamiltonian_field(lambda y: magnetic_hamiltonian(y, 1.0, B))(x),
            "The mass is missing: H is divided by 2m.",
        ),
        (
            right / 2,
            "Half of the right field: the derivative of a square is twice the bracket.",
        ),
        (
            stack(
                *hamiltonian_field(lambda y: magnetic_hamiltonian(y, m, B))(x.roll(2, -1)).unbind(
                    -1
                )
            ),
            "q and p are exchanged: the state is [q1, q2, p1, p2].",
        ),
        (
            stack(v1, B * v2 / 2, v2, -B * v1 / 2),
            "The components are in the order [q1, p1, q2, p2]; the state is [q1, q2, p1, p2].",
        ),
        (gradient(lambda y: magnetic_hamiltonian(y, m, B))(x), "This is the gradient of H."),
    ]
    got = field(x, m, B, like=x)
    match(
        got,
        right,
        mistakes,
        "This is not the symplectic gradient of H.",
        at=x,
        parameters={"m": m, "B": B},
        truth=lambda y, m, B: hamiltonian_field(lambda z: magnetic_hamiltonian(z, m, B))(y),
    )
    for shape in ((4,), (3, 2, 4)):
        x = states(6, degrees=2)[0] if shape == (4,) else states(6, degrees=2).reshape(shape)
        match(
            field(x, m, B, like=x),
            hamiltonian_field(lambda y: magnetic_hamiltonian(y, m, B))(x),
            otherwise=f"Right for states of shape (6, 4), and wrong for shape {shape}.",
        )
    return (
        "Right. Note that dq/dt is not p/m: momentum is what ∂H/∂p says, not always mass times "
        "velocity. Differentiate once more: m q̈1 = B q̇2 and m q̈2 = -B q̇1, Lorentz's force."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _first(x: Tensor) -> Tensor:
    """A scalar function without symmetry, any degrees of freedom."""
    q, p = x.chunk(2, dim=-1)
    return (torch.sin(q) * p**2).sum(-1) + q[..., 0] ** 2 * p[..., -1]


def _second(x: Tensor) -> Tensor:
    """Another one."""
    q, p = x.chunk(2, dim=-1)
    return (p**2).sum(-1) / 2 + torch.cos(q).sum(-1) + q[..., -1] * p[..., 0]


@exercise(2, "code", "The Poisson bracket")
def poisson_bracket(answer: Any) -> str:
    """Check ``poisson_bracket(F, G, x)``: {F, G} for any functions and any degrees of freedom."""
    bracket = function(answer, "poisson_bracket(F, G, x)")
    x = states(6, degrees=2)
    right = true_bracket(_first, _second)(x)
    dF, dG = gradient(_first)(x), gradient(_second)(x)
    mistakes = [
        (
            -right,
            "The sign is wrong: this is {G, F}. With {F, G} = ∂F/∂q ∂G/∂p - ∂F/∂p ∂G/∂q, "
            "{q, p} is +1.",
        ),
        (
            (dF[..., :2] * dG[..., 2:] + dF[..., 2:] * dG[..., :2]).sum(-1),
            "The two terms were added: the second one carries a minus.",
        ),
        (
            (dF[..., :2] * dG[..., 2:]).sum(-1),
            "Only the first term is there: ∂F/∂p ∂G/∂q is missing.",
        ),
        (
            (dF * dG).sum(-1),
            "This is ∇F · ∇G: in the bracket ∂F/∂q meets ∂G/∂p, and ∂F/∂p meets ∂G/∂q.",
        ),
        (
            dF[..., 0] * dG[..., 2] - dF[..., 2] * dG[..., 0],
            "Only the first degree of freedom is there: sum over all of them.",
        ),
        (
            dF[..., 0] * dG[..., 1] - dF[..., 1] * dG[..., 0],
            "For two degrees of freedom the state is [q1, q2, p1, p2]: split the gradients into "
            "halves, `dF.chunk(2, dim=-1)`.",
        ),
        (right / 2, "The mean over the degrees of freedom was taken; the bracket is a sum."),
        (right / 6, "Everything is divided by the number of states: differentiate the sum."),
        (
            true_bracket(_first, _second)(x.roll(2, -1)),
            "q and p are exchanged: the state is [q1, q2, p1, p2].",
        ),
    ]
    try:
        got = bracket(_first, _second, x, like=x, shape=(6,))
    except Wrong as reason:
        raise Wrong(unpacked(str(reason))) from None
    match(got, right, mistakes, "This is not {F, G}.", at=x)
    for y in (states(1)[0], states(12, degrees=3).reshape(4, 3, 6)):
        match(
            bracket(_first, _second, y, like=y, shape=tuple(y.shape[:-1])),
            true_bracket(_first, _second)(y),
            otherwise=f"Right for states of shape (6, 4), and wrong for shape {tuple(y.shape)}.",
        )

    def third(y: Tensor) -> Tensor:
        return (y**3).sum(-1) / 3

    want = true_bracket(_first, true_bracket(_second, third))(x)
    try:
        nested = bracket(_first, lambda y: bracket(_second, third, y), x, like=x, shape=(6,))
    except Wrong as reason:
        raise Wrong(
            "The single bracket is right, and {F, {G, H}} is not: gradients must flow through the "
            f"inner one. {reason}"
        ) from None
    match(
        nested,
        want,
        [
            (
                0 * want,
                "The single bracket is right, and a bracket of a bracket comes out zero: no "
                "gradient flows through the inner one. Look for `.detach()`, or a "
                "`torch.autograd.grad(...)` without `create_graph=True`.",
            )
        ],
        "The single bracket is right, and {F, {G, H}} is not.",
        at=x,
    )
    return (
        "Right: for any functions and degrees of freedom, and it can be nested. Try Jacobi's "
        "identity: {F, {G, H}} + {G, {H, F}} + {H, {F, G}} = 0."
    )


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "code", "Is this map symplectic?")
def symplectic_defect(answer: Any) -> str:
    """Check ``symplectic_defect(J)``: the largest entry of |JᵀΩJ - Ω| of each Jacobian."""
    defect = function(answer, "symplectic_defect(J)")
    J = torch.randn(
        5, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    ) + torch.eye(4, dtype=torch.float64)
    omega = symplectic_form(2, dtype=J.dtype, device=J.device)
    interleaved = torch.block_diag(*[symplectic_form(1, dtype=J.dtype, device=J.device)] * 2)

    def size(M: Tensor) -> Tensor:
        return M.abs().amax(dim=(-2, -1))

    right = size(J.mT @ omega @ J - omega)
    mistakes = [
        (-right, "The sign is wrong: the defect is the largest *absolute* value."),
        (
            (torch.linalg.det(J) - 1).abs(),
            "This is |det J - 1|: it tests the volume. For two degrees of freedom a map can keep "
            "the volume and not be symplectic.",
        ),
        (
            torch.linalg.det(J) - 1,
            "This is det J - 1: it tests the volume. For two degrees of freedom a map can keep "
            "the volume and not be symplectic.",
        ),
        (
            (J.mT @ omega @ J - omega).norm(dim=(-2, -1)),
            "This is the root of the sum of all squares; wanted is the largest entry: `.abs()`, "
            "then `.amax(dim=(-2, -1))`.",
        ),
        (size(J.mT @ J - torch.eye(4)), "Ω is missing: this tests whether J is a rotation."),
        (
            size(J @ omega @ J.mT - omega),
            "J and its transpose are exchanged: JᵀΩJ. (Both vanish for the same maps; the size is "
            "another one.)",
        ),
        (size(J.mT @ omega @ J), "Ω was not subtracted."),
        (size(J.mT @ omega @ J + omega), "Ω was added: subtract it."),
        (size(J @ omega @ J - omega), "One J has to be transposed: `J.mT`."),
        (
            size(J.mT @ interleaved @ J - interleaved),
            "This Ω is for states [q1, p1, q2, p2]; here they are [q1, q2, p1, p2], so Ω has the "
            "unit matrix in its upper right quarter.",
        ),
        (
            size(J.mT @ omega.abs() @ J - omega.abs()),
            "One half of Ω carries a minus: [[0, I], [-I, 0]].",
        ),
        ((J.mT @ omega @ J - omega).mean(dim=(-2, -1)).abs(), "The mean can cancel: take the max."),
    ]
    got = defect(J, like=J, shape=(5,))
    match(got, right, mistakes, "This is not the largest entry of |JᵀΩJ - Ω|.")
    for n, shape in ((1, ()), (3, (2, 3))):
        matrix = torch.randn(
            *shape, 2 * n, 2 * n, generator=torch.Generator().manual_seed(1), dtype=torch.float64
        )
        w = symplectic_form(n, dtype=J.dtype, device=J.device)
        match(
            defect(matrix, like=matrix, shape=shape),
            size(matrix.mT @ w @ matrix - w),
            otherwise=f"Right for shape (5, 4, 4), and wrong for shape {tuple(matrix.shape)}.",
        )
    x = states(4, degrees=2)
    shear = jacobian(lambda y: torch.cat([y[..., :2], y[..., 2:] - y[..., :2] ** 3], -1))(x)
    expect(
        defect(shear).max() < 1e-12 and true_defect(lambda y: 2 * y)(x).min() > 1,
        "The map (q, p) → (q, p - q³) is symplectic, and your defect of it does not vanish.",
    )
    return (
        "Right, for one, two and three degrees of freedom. For one of them the defect is "
        "|det J - 1|: there, and only there, symplectic means that areas are kept."
    )


# --- 4 -------------------------------------------------------------------------------------------


_SLIPS = {
    1.0: "The area seems to grow: the sign is that of ln(area at the end / area at the start).",
    -0.5: "Half of the right rates: this is how the *size* of a small swing shrinks, "
    "exp(-ct/2ml²). An area is a size times a size.",
    -10.0: "Ten times the right rates: divide by the time, 10 s.",
    -1 / log(10): "The right rates divided by ln 10: `log10` in place of the natural `log`.",
    -10 / log(10): "The right rates times 10/ln 10: `log10` was taken in place of the natural "
    "`log`, and not divided by the time, 10 s.",
}
"""Factors of c/(m l²) that the rates of exercise 4 may have, and what each of them means."""


@exercise(4, "experiment", "How fast friction shrinks phase space")
def area_rates(answer: Any) -> str:
    """Check ``rates``: for each damping the rate d(ln area)/dt of three clouds, in 1/s."""
    values = numbers(answer, DAMPINGS, "rates", "rate for each start")
    inertia = DampedPendulum(**PENDULUM).inertia
    middle = {damping: median(row) for damping, row in values.items()}
    shown = ", ".join(f"{v:z.3f} at c = {c:g}" for c, v in middle.items())

    def follows(factor: float) -> bool:
        return all(close(middle[c], factor * c / inertia, rtol=0.02, atol=2e-3) for c in DAMPINGS)

    expect(
        not all(close(middle[c], exp(-10 * c / inertia), rtol=0.02, atol=1e-3) for c in DAMPINGS),
        f"These are the ratios of the areas ({shown}). The rate is ln of the ratio, divided by the "
        "time, 10 s.",
    )
    expect(
        abs(middle[0.0]) < 2e-3,
        f"Without friction the area should stay, and its rate is {middle[0.0]:.3g}. Are there "
        "enough states on the edge of the cloud, and is the step small enough?",
    )
    for factor, message in _SLIPS.items():
        expect(not follows(factor), message)
    expect(
        not follows(-inertia),
        f"The rates are -c. That is the answer for m l² = 1; here m l² = {inertia:.4g} kg m², and "
        "the friction acts on dp/dt as -c dq/dt = -c p/(m l²). Was the right pendulum used?",
    )
    if not follows(-1):
        got, right = (
            torch.tensor(list(v), dtype=torch.float64)
            for v in (middle.values(), (-c / inertia for c in DAMPINGS))
        )
        names = {"m": PENDULUM["mass"], "l": PENDULUM["length"], "g": PENDULUM["gravity"]}
        slips = recognise(got, right, parameters=names, rtol=0.02, atol=2e-3)
        expect(not slips, f"The rates are {shown}. {' Or: '.join(slips[:2])}")
    for damping, row in values.items():
        want = -damping / inertia
        expect(
            all(close(value, want, rtol=0.02, atol=2e-3) for value in row),
            f"At c = {damping:g} the rates are {', '.join(f'{v:.3f}' for v in row)}; they should "
            "be the same for every cloud, and proportional to c. What is the divergence of the "
            f"field? (Medians: {shown}.)",
        )
    return (
        f"Right: {shown}, that is -c/(m l²), for every cloud alike. The energy is lost at a rate "
        "that depends on the motion; the area is not."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "What is kept, and what is not")
def what_is_kept(answer: Any) -> str:
    """Check ``kept``: for each motion one of the words in `ANSWERS`."""
    advice = {
        "a pendulum": "Is it Hamiltonian?",
        "a pendulum with friction": "Where do all its motions end?",
        "a charge in a magnetic field": "Is it Hamiltonian? Is that a question of reversibility?",
        "the symplectic gradient of a network with random weights": "What did the proofs use of H?",
        "a spring whose field is multiplied by 1 + q²": "Which curves does it follow? And what is "
        "the divergence of g f, where g is a function and f has none?",
        "a spring that is driven by a force cos(√2 t)": "Is the divergence zero at each instant? "
        "Does the mass come back to the same energy at the same place?",
        "hares and foxes, in u and v": "Chapter 1 has an exercise on the one, and the divergence "
        "tells the other.",
        "hares and foxes, in ln u and ln v": "Write both equations in the new variables. On what "
        "does each right side depend?",
    }
    choices(answer, {key: word for key, (word, _) in KEEPS.items()}, ANSWERS, advice, "kept")
    return "\n".join(["All right:", *(f"`{key}`: {why}." for key, (_, why) in KEEPS.items())])


# --- 6 -------------------------------------------------------------------------------------------

_MASS, _TORQUE = 0.8, 0.9


def _pendulum(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Velocity and force of a pendulum, and a column of zeros."""
    q, p = x[..., 0], x[..., 1]
    return p / _MASS, -_TORQUE * torch.sin(q), 0 * q


def _box_a(x: Tensor) -> Tensor:
    velocity, force, _ = _pendulum(x)
    q, p = x[..., 0], x[..., 1]
    return stack(velocity + 0.4 * (1 - torch.cos(q)), force - 0.4 * p * torch.sin(q))


def _box_b(x: Tensor) -> Tensor:
    velocity, force, _ = _pendulum(x)
    return stack(velocity, force + 0.3 * (1 - torch.cos(x[..., 1])))


def _box_c(x: Tensor) -> Tensor:
    velocity, force, _ = _pendulum(x)
    return stack(velocity, force)


def _box_d(x: Tensor) -> Tensor:
    velocity, force, _ = _pendulum(x)
    return stack(velocity, force - 0.05 * velocity)


BOXES = {"A": _box_a, "B": _box_b, "C": _box_c, "D": _box_d}
"""Four fields of one degree of freedom, exercise 6."""

KINDS = ("both", "area only", "reversible only", "neither")
"""What a box of exercise 6 may have: it keeps areas and is reversible, one of them, or none."""

PREDICTIONS = ("always together", "independent")
"""What may be predicted of the two properties in exercise 6."""

STUDY = ("prediction", "states", "divergence", "reversal", "kinds", "conclusion")
"""The keys of exercise 6."""

REVERSED_AFTER = 3.0
"""How long a motion of exercise 6 runs before it is reversed, in s."""


def _word(value: Any, key: str, words: tuple[str, ...]) -> str:
    plain = {word.casefold(): word for word in words}
    word = plain.get(value.strip().casefold()) if isinstance(value, str) else None
    offered = ", ".join(map(repr, words))
    expect(word is not None, f"`study{key}` is {value!r}; choose one of: {offered}.")
    return str(word)


def _rows(value: Any, key: str, count: int) -> Tensor:
    rows = as_tensor(value)
    expect(
        rows is not None and tuple(rows.shape) == (len(BOXES), count),
        f'`study["{key}"]` should hold numbers of shape {(len(BOXES), count)}: a row for each box, '
        "a column for each of your states.",
    )
    rows = torch.as_tensor(rows, dtype=torch.float64).detach()
    expect(torch.isfinite(rows).all(), f'An entry of `study["{key}"]` is not a finite number.')
    return rows


def reversal(field: Any, x: Tensor) -> Tensor:
    """How far from home a box's motions end that were reversed after `REVERSED_AFTER`."""
    times = torch.linspace(0, REVERSED_AFTER, 301, dtype=torch.float64)
    return time_reversal_error(field, x, times)


@exercise(6, "experiment", "An open question: is what keeps areas reversible?")
def boxes(answer: Any) -> str:
    """Check ``study``: a designed experiment on four unknown fields, scored by a rubric."""
    study = table(answer, STUDY, "study")
    prediction = _word(study["prediction"], '["prediction"]', PREDICTIONS)
    conclusion = _word(study["conclusion"], '["conclusion"]', PREDICTIONS)
    x = as_tensor(study["states"])
    expect(
        x is not None and x.ndim == 2 and x.shape[1] == 2,
        '`study["states"]` should hold states [q, p], shape (N, 2).',
    )
    x = torch.as_tensor(x, dtype=torch.float64).detach()
    expect(
        torch.isfinite(x).all() and (x.abs() <= 2).all(),
        "The states should be finite, with components between -2 and 2.",
    )
    spread = _rows(study["divergence"], "divergence", len(x))
    distances = _rows(study["reversal"], "reversal", len(x))
    words = study["kinds"]
    expect(
        isinstance(words, list | tuple | np.ndarray) and len(words) == len(BOXES),
        f'`study["kinds"]` should be a list of {len(BOXES)} words, one for each box.',
    )
    kinds = {k: _word(v, f'["kinds"], box {k},', KINDS) for k, v in zip(BOXES, words, strict=True)}
    for row, (name, field) in zip(spread, BOXES.items(), strict=True):
        match(
            row,
            true_divergence(field)(x),
            otherwise=f"Box {name}: this is not the divergence at your states.",
            at=x,
            rtol=1e-3,
            atol=1e-4,
        )
    for row, (name, field) in zip(distances, BOXES.items(), strict=True):
        match(
            row,
            reversal(field, x),
            otherwise=f"Box {name}: this is not how far from home your motions end. Run for "
            f"{REVERSED_AFTER:g} s, reverse p, run as long again, reverse p, and take the distance "
            "from the start.",
            at=x,
            rtol=1e-2,
            atol=1e-4,
        )
    size = x.norm(dim=-1)
    flat, home = (spread.abs() < 1e-3).all(dim=1).tolist(), (distances < 1e-3).all(dim=1).tolist()
    names = {(True, True): KINDS[0], (True, False): KINDS[1], (False, True): KINDS[2]}
    found = [names.get(pair, KINDS[3]) for pair in zip(flat, home, strict=True)]
    right = dict(zip(BOXES, found, strict=True))
    wrong = [k for k in BOXES if kinds[k] != right[k]]
    rubric = [
        (len(x) >= 10, "ten states or more: a property holds at every state"),
        (
            bool((x[:, 1] > 0.3).any() and (x[:, 1] < -0.3).any()),
            "states with p above 0.3 and states with p below -0.3",
        ),
        (
            bool((x[:, 0] > 0.3).any() and (x[:, 0] < -0.3).any()),
            "states with q above 0.3 and states with q below -0.3",
        ),
        (
            bool((size < 0.2).any() and (size > 1).any()),
            "small states (|x| below 0.2) and large ones (above 1), to see which effect grows",
        ),
        (
            not wrong,
            "kinds that your own numbers support, at box "
            + ", ".join(wrong)
            + " (zero means below 0.001 at every state)",
        ),
        (
            conclusion == PREDICTIONS[1] if {"area only", "reversible only"} & set(right.values())
            else conclusion == PREDICTIONS[0],
            "a conclusion that the kinds support",
        ),
    ]  # fmt: skip
    score(rubric, of="experiment")
    came = "came true" if prediction == conclusion else "did not come true; that is what an "
    came += "" if prediction == conclusion else "experiment is for"
    return (
        f"All {len(rubric)} points, and every number measured again. Your prediction {came}. A has "
        "a Hamiltonian with a term that is odd in p: it keeps areas and is not reversible. B has a "
        "force that is even in p: it is reversible and keeps no areas. C is a pendulum, and D is "
        "one with friction."
    )
