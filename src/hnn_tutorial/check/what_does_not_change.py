"""Checks of the chapter "What does not change"."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from math import cos, exp, log
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import (
    Wrong,
    as_tensor,
    choices,
    close,
    conform,
    expect,
    function,
    gradient,
    match,
    numbers,
    score,
    table,
)
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.check.slips import recognise
from hnn_tutorial.integrators import integrate
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
    "kinetic energy": (
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


def _keeps_the_batch(F: Callable[..., Tensor], x: Tensor, value: Tensor, parameters: Any) -> None:
    """Expect the same values for a batch of batches and for a single state."""
    batch = x.reshape(3, 4, 2, 2)
    match(
        F(batch, *parameters, like=batch, shape=(3, 4, 2)),
        value.reshape(3, 4, 2),
        otherwise="Right for states of shape (24, 2), and wrong for shape (3, 4, 2, 2): index the "
        "last axis with `x[..., 0]`.",
    )
    match(
        F(x[0], *parameters, like=x[0], shape=()),
        value[0],
        otherwise="Right for states of shape (24, 2), and wrong for a single one of shape (2,).",
    )


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
            lambda u, v, a, b, c, d: d * u - c * u.log10() + b * v - a * v.log10(),
            "`log10` stands in place of the natural logarithm: the integral of 1/u is ln u.",
        ),
        (
            lambda u, v, a, b, c, d: d * u - c * u.log(),
            "This is the part of the hares. The part of the foxes, b v - a ln v, is missing.",
        ),
        (
            lambda u, v, a, b, c, d: b * v - a * v.log(),
            "This is the part of the foxes. The part of the hares, d u - c ln u, is missing.",
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
        x = states(24).abs().requires_grad_()
        value = F(x, *parameters, like=x.detach(), shape=(24,))
        dF = gradient(value, x, "`kept`", name="its input")
        expect(
            dF.norm(dim=-1).min() > 1e-6,
            "This is constant somewhere, if not everywhere: a constant is an invariant of every "
            "motion. Wanted is one whose gradient does not vanish away from the point of balance.",
        )
        f = predator_prey(x.detach(), *parameters)
        rate = (dF * f).sum(-1)
        if rate.abs().max() < 1e-8 * (dF.norm(dim=-1) * f.norm(dim=-1)).max():
            _keeps_the_batch(F, x.detach(), value.detach(), parameters)
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


def unpacked(message: str) -> str:
    """The message for an error, with the true cause where a tuple was used like a tensor."""
    if not any(words in message for words in ("converted to an index", "tuple indices must be")):
        return message
    return (
        f"{message.rpartition(chr(10))[0]}\nA tuple stands here where a tensor is needed. "
        "`torch.autograd.grad` returns a tuple: write `(slope,) = torch.autograd.grad(...)`, with "
        "a comma, or take its first entry by `[0]`."
    )


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
    try:
        got = rate(_bumpy, _drift, x, like=x, shape=(6,))
    except Wrong as reason:
        raise Wrong(unpacked(str(reason))) from None
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
        ("the spring in small states", quadratic, spring.field, 1, 1, "a multiple of the energy"),
        ("the spring and linear features", linear, spring.field, 1, 0, "none"),
        ("two coupled masses", quadratic, chain.field, 2, 2, "the energy of each normal mode"),
        ("two free masses", linear, _free, 2, 2, "the two momenta"),
    )
    for name, features, field, degrees, count, which in cases:
        x = states(60, degrees=degrees) * (3e-6 if "small" in name else 1)
        A = _rates(features, x, field(x))
        C = find(features, x, field(x))
        if isinstance(C, list | tuple) and (whole := as_tensor(C)) is not None:
            C = whole
        shape = tuple(getattr(C, "shape", ()))
        expect(
            isinstance(C, Tensor) and len(shape) == 2,
            "`invariants` should return one matrix of shape (m, r), a column of m coefficients "
            f"for each of r invariants; this is a {type(C).__name__}"
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
        C = conform(C, A, f"For {name} `invariants`", (m, r))
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


_SLIPS = {
    -1.0: "The orbits grow by as much as they should shrink. Either the sign of the logarithm is "
    "wrong, or each difference was taken at the *later* state: those are backward differences.",
    2.0: "Twice what theory gives: the energy goes with the *square* of the size of the orbit, so "
    "halve the logarithm.",
    10.0: "Ten times what theory gives: divide the logarithm by the whole time, 10 s.",
    20.0: "Twenty times what theory gives: divide the logarithm by twice the time, 2 · 10 s.",
    1 / log(10): "These are the right rates divided by ln 10: `log10` in place of the natural "
    "`log`.",
    2 / log(10): "These are 2/ln 10 of the right rates: `log10` was taken in place of the natural "
    "`log`, and not halved.",
}
"""Factors that the rates of exercise 4 may be off by, and what each of them means."""


@exercise(4, "experiment", "The friction that forward differences invent")
def false_friction(answer: Any) -> str:
    """Check ``shrinking``: for each interval, rates of shrinking (1/s) for several seeds."""
    values = numbers(answer, INTERVALS, "shrinking", "rate for each seed")
    omega = 2.0
    middle = {interval: median(row) for interval, row in values.items()}
    theory = {interval: (1 - cos(omega * interval)) / interval for interval in INTERVALS}
    shown = ", ".join(f"{v:.3f} at {i:g} s" for i, v in middle.items())

    def follows(factor: float) -> bool:
        return all(close(middle[i], factor * theory[i], rtol=0.08) for i in INTERVALS)

    got, right = (torch.tensor([row[i] for i in INTERVALS]) for row in (middle, theory))
    if not follows(1):
        for factor, message in _SLIPS.items():
            expect(not follows(factor), message)
        slips = recognise(got.double(), right.double(), rtol=0.02, atol=1e-3)
        expect(not slips, f"The medians are {shown}. {' Or: '.join(slips[:2])}")
    expect(
        not all(close(middle[i], exp(-20 * theory[i]), rtol=0.3) for i in INTERVALS),
        f"These are the shares of the energy that are left ({shown}). The rate is -ln of the "
        "share, divided by twice the time.",
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
    for interval, rate in middle.items():
        expect(
            close(rate, theory[interval], rtol=0.08),
            f"At an interval of {interval:g} s the median rate is {rate:.3f} per second; the chord "
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
        "kinetic energy": "Think of a circle, and of a long ellipse.",
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


# --- 6 -------------------------------------------------------------------------------------------

CONTROL = MassSpring(mass=0.8, stiffness=2.1)
"""The spring of exercise 6 without friction."""

DURATION = 20.0
"""How long each motion of exercise 6 is followed, in s."""

CAUSES = ("the device", "the integrator", "both")
"""What may lose the energy in exercise 6."""

FRICTIONS = ("proportional to the speed", "growing faster than the speed")
"""The friction that the device of exercise 6 may have."""

STUDY = ("prediction", "starts", "steps", "losses", "control", "conclusion", "friction")
"""The keys of exercise 6."""


def device(x: Tensor) -> Tensor:
    """The field of an unknown device: `CONTROL`, with some friction that is hardly visible."""
    velocity = x[..., 1] / CONTROL.mass
    return CONTROL.field(x) - stack(0 * velocity, 2e-5 * velocity**3)


def loss(field: Callable[[Tensor], Tensor], starts: Tensor, step: float) -> Tensor:
    """The share of the energy that RK4 with this step has lost after `DURATION`, (B,)."""
    count = round(DURATION / step)
    times = torch.linspace(0, DURATION, count + 1, dtype=torch.float64)
    end = integrate(field, starts, times, "rk4")[-1]
    return 1 - CONTROL.hamiltonian(end) / CONTROL.hamiltonian(starts)


def _word(study: dict[Any, Any], key: str, words: tuple[str, ...]) -> str:
    value = study[key]
    plain = {word.casefold(): word for word in words}
    word = plain.get(value.strip().casefold()) if isinstance(value, str) else None
    offered = ", ".join(map(repr, words))
    expect(word is not None, f'`study["{key}"]` is {value!r}; choose one of: {offered}.')
    return str(word)


def _array(study: dict[Any, Any], key: str, shape: tuple[int | None, ...], words: str) -> Tensor:
    values = as_tensor(study[key])
    fits = (
        values is not None
        and values.ndim == len(shape)
        and all(want in (None, got) for got, want in zip(values.shape, shape, strict=True))
    )
    expect(fits, f'`study["{key}"]` should hold {words}.')
    values = torch.as_tensor(values, dtype=torch.float64).detach()
    expect(torch.isfinite(values).all(), f'An entry of `study["{key}"]` is not a finite number.')
    return values


def _remeasure(field: Any, given: Tensor, starts: Tensor, steps: list[float], key: str) -> None:
    right = torch.stack([loss(field, starts, step) for step in steps], dim=-1)
    if close(given, right, 0.05, 2e-8):
        return
    expect(
        not close(given, -right, 0.05, 2e-8),
        f'`study["{key}"]`: these are gains. A loss is 1 - E(end)/E(start).',
    )
    expect(
        not close(given, 100 * right, 0.05, 2e-6),
        f'`study["{key}"]`: these are per cent. Write shares: 1 - E(end)/E(start).',
    )
    expect(
        not close(given, right * CONTROL.hamiltonian(starts)[:, None], 0.05, 2e-8),
        f'`study["{key}"]`: these are losses in J. Divide by the energy of the start.',
    )
    off = (given - right).abs() / (right.abs() + 1e-8)
    i, j = (int(k) for k in torch.unravel_index(off.argmax(), off.shape))
    expect(
        False,
        f'`study["{key}"]`: from the start {[round(v, 4) for v in starts[i].tolist()]} with the '
        f"step {steps[j]:g} s you have {float(given[i, j]):.4g}; measured again, the loss is "
        f"{float(right[i, j]):.4g}. A row for each start, a column for each step; RK4, "
        f"{DURATION:g} s, and the energy of `check.CONTROL`.",
    )


@exercise(6, "experiment", "An open question: what loses the energy?")
def losses(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    prediction = _word(study, "prediction", CAUSES)
    conclusion, friction = _word(study, "conclusion", CAUSES), _word(study, "friction", FRICTIONS)
    starts = _array(study, "starts", (None, 2), "states [q, p], one for each motion")
    steps = _array(study, "steps", (None,), "steps in s, one for each run").tolist()
    energies = CONTROL.hamiltonian(starts)
    expect((energies > 1e-6).all(), "One of the starts is at rest: it has no energy to lose.")
    expect(
        all(1e-3 <= step <= 1 for step in steps),
        "A step is outside of 0.001 s to 1 s: smaller ones take too long here, and with larger "
        "ones RK4 is no longer near the motion.",
    )
    expect(
        all(abs(DURATION / step - round(DURATION / step)) < 1e-6 for step in steps),
        f"A step does not divide {DURATION:g} s, so the last one would be shorter than the rest.",
    )
    shape = (len(starts), len(steps))
    words = f"numbers of shape {shape}: a row for each start, a column for each step"
    lost, control = (_array(study, key, shape, words) for key in ("losses", "control"))
    _remeasure(device, lost, starts, steps, "losses")
    _remeasure(CONTROL.field, control, starts, steps, "control")

    share = control.abs() / lost.abs().clamp_min(1e-12)
    coarse, fine = steps.index(max(steps)), steps.index(min(steps))
    sizes = energies.sqrt()
    supported = {
        "the device": bool((share[:, coarse] < 0.1).all()),
        "the integrator": bool((share[:, fine] > 0.9).all()),
        "both": bool((share[:, fine] < 0.1).all() and (share[:, coarse] > 0.1).any()),
    }
    order = sizes.argsort()
    grows = bool(lost[order[-1], fine] > 1.2 * lost[order[0], fine])
    rubric = [
        (
            len(set(steps)) >= 3 and max(steps) >= 4 * min(steps),
            "three or more steps, the largest at least four times the smallest",
        ),
        (
            float(sizes.max() / sizes.min()) > 1.8,
            "two starts of which one is nearly twice as large as the other or more (√E counts)",
        ),
        (
            bool((share[:, coarse] > 0.1).any()),
            "a step so large that the integrator's own loss shows in the control",
        ),
        (
            bool((share[:, fine] < 0.02).all()),
            "a step so small that the control loses less than a fiftieth of what the device loses",
        ),
        (supported[conclusion], "a conclusion that your own numbers support"),
        (
            friction == FRICTIONS[grows],
            "a statement on the friction that your numbers support (compare the starts at the "
            "smallest step)",
        ),
    ]
    score(rubric, of="experiment")
    came = "came true" if prediction == conclusion else "did not come true; that is what an "
    came += "" if prediction == conclusion else "experiment is for"
    return (
        f"All {len(rubric)} points, and every number measured again. Your prediction {came}. The "
        "device has a friction that grows with the cube of the speed. With large steps RK4 loses "
        "as much by itself; a control without friction and a smaller step tell the two apart."
    )
