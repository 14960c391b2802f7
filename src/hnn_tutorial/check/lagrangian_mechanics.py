"""Checks of the chapter "Lagrangian mechanics: one number for a whole path"."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from scipy.special import ellipk
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
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.mechanics import gradient
from hnn_tutorial.systems import Pendulum, RelativisticParticle, TwoBody

chapter = Chapter("lagrangian_mechanics")
exercise, progress = chapter.exercise, chapter.progress

HALF_PERIODS = (0.5, 1.5, 2.5, 3.5)
"""Durations of exercise 4, in half periods of the spring."""

EFFECTS = ("same", "other momentum", "other motion")
"""The answers that exercise 5 offers."""

PENDULUM = Pendulum(mass=1.3, length=0.8, gravity=9.81)
"""The pendulum of exercise 6."""

MEETINGS = (
    "always at half a period",
    "from rest at half a period, from elsewhere later",
    "from rest at half a period, from elsewhere earlier",
    "never at half a period",
)
"""The words of exercise 6: when motions that start together meet again."""

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


def _match_level(
    got: Tensor,
    truth: Callable[..., Tensor],
    mistakes: Iterable[tuple[Tensor, str]],
    name: str,
    at: Tensor,
    parameters: dict[str, float],
) -> None:
    """Expect values that are right up to one constant, for states (N, 2n)."""
    right = truth(at, **parameters)
    match(
        _level(got),
        _level(right),
        [(_level(values), message) for values, message in mistakes],
        f"This is not {name}. A constant does not matter, so the mean over the states is taken off "
        "before values are compared.",
        at=at,
        parameters=parameters,
        truth=lambda x, **changed: _level(truth(x, **changed)),
    )


def _match_batch(got: Tensor, right: Tensor, name: str) -> None:
    """Expect for states in two batch axes what was right for one, up to the constant."""
    expect(
        close(_level(got), _level(right)),
        f"`{name}` is right for states of shape (N, 2n) and wrong for (5, 3, 2n), where two axes "
        "stand before the components: index the last axis, `x[..., 0]`.",
    )


# --- 1 -------------------------------------------------------------------------------------------


def _spring_pendulum(x: Tensor, m: float, k: float, l: float, g: float) -> Tensor:  # noqa: E741
    rho, q, drho, dq = x.unbind(-1)
    T = m * (drho**2 + rho**2 * dq**2) / 2
    return T + m * g * rho * torch.cos(q) - k * (rho - l) ** 2 / 2


@exercise(1, "derive", "A pendulum on a spring")
def spring_pendulum(answer: Any) -> str:
    """Check ``spring_pendulum(x, mass, stiffness, length, gravity)``, L of [ρ, q, dρ/dt, q̇]."""
    L = function(answer, "spring_pendulum(x, mass, stiffness, length, gravity)")
    given = {"m": 1.7, "k": 3.1, "l": 0.8, "g": 9.81}
    m, k, l, g = given.values()  # noqa: E741
    x = states(15, degrees=2)
    x = stack(x[..., 0].abs(), *x[..., 1:].unbind(-1))  # a distance is positive
    rho, q, drho, dq = x.unbind(-1)
    along, around = m * drho**2 / 2, m * rho**2 * dq**2 / 2
    weight, spring = -m * g * rho * torch.cos(q), k * (rho - l) ** 2 / 2
    T, V = along + around, weight + spring
    got = L(x, m, k, l, g, like=x, shape=(15,))
    mistakes = [
        (T + V, "This is T + V, the energy. The Lagrangian is the difference."),
        (V - T, "This is V - T. It gives the same motion, but the momenta have the wrong sign: "
         "L = T - V."),
        (along + m * dq**2 / 2 - V, "The mass moves around the pivot with the speed ρ·q̇, not q̇: "
         "the second term of T needs ρ²."),
        (along + m * l**2 * dq**2 / 2 - V, "The arm has the length ρ at this moment, not the "
         "length l of the unstretched spring."),
        (along + m * rho * dq**2 / 2 - V, "The speed ρ·q̇ goes in squared: ρ²."),
        (m * (drho + rho * dq) ** 2 / 2 - V, "The two speeds dρ/dt and ρ·q̇ are at right angles: "
         "add their squares, not the speeds."),
        (2 * T - V, "T is twice as large as it should be: m/2 times the squared speed."),
        (along * 2 + around - V, "The motion along the spring counts twice: m/2 times (dρ/dt)²."),
        (along + around * 2 - V, "The motion around the pivot counts twice: m/2 times (ρ·q̇)²."),
        (around - V, "The motion along the spring, with the speed dρ/dt, is missing in T."),
        (along - V, "The motion around the pivot, with the speed ρ·q̇, is missing in T."),
        (-V, "The kinetic energy T is missing."),
        (T + weight - spring, "Gravity has the wrong sign: the mass hangs below the pivot, at the "
         "height -ρ cos q."),
        (T - weight + spring, "The spring's energy has the wrong sign in L = T - V."),
        (T + m * g * rho * torch.sin(q) - spring, "The height is -ρ cos q: q is measured from "
         "hanging down."),
        (T + m * g * l * torch.cos(q) - spring, "The mass is at the height -ρ cos q: the arm has "
         "the length ρ at this moment, not l."),
        (T - weight - k * rho**2 / 2, "The spring is relaxed at the length l: its stretch is "
         "ρ - l."),
        (T - weight - k * (rho + l) ** 2 / 2, "The stretch is ρ - l: a sign is wrong."),
        (T - weight - 2 * spring, "The spring's energy is k/2 times the square of its stretch."),
        (T - weight - k * (rho - l) / 2, "The stretch goes in squared: k/2 (ρ - l)²."),
        (T - weight, "The energy of the spring is missing."),
        (T - spring, "The energy of the weight is missing."),
        (T, "The potential energy V is missing."),
        *(
            (_spring_pendulum(x[..., order], **given), f"This reads the state as {words}; it is "
             "[ρ, q, dρ/dt, q̇].")
            for order, words in (
                ([1, 0, 3, 2], "[q, ρ, q̇, dρ/dt]"),
                ([1, 0, 2, 3], "[q, ρ, dρ/dt, q̇]"),
                ([0, 1, 3, 2], "[ρ, q, q̇, dρ/dt]"),
                ([0, 2, 1, 3], "[ρ, dρ/dt, q, q̇]"),
            )
        ),
    ]  # fmt: skip
    _match_level(got, _spring_pendulum, mistakes, "T - V", x, given)
    got = L(x.reshape(5, 3, 4), m, k, l, g, like=x, shape=(5, 3))
    _match_batch(got, (T - V).reshape(5, 3), "spring_pendulum")
    return (
        "Right. Nothing more is needed: `lagrangian_field` of this moves it, with the centrifugal "
        "force (from the ρ² in T) and the Coriolis force that you never wrote down."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "What a symmetry conserves")
def noether(answer: Any) -> str:
    """Check ``noether(L, xi, x)``: p·ξ(q) for any L, any shift and any number of degrees."""
    charge = function(answer, "noether(L, xi, x)")
    m = 1.7
    particle = RelativisticParticle(mass=m, stiffness=0.6, speed_of_light=2.3)
    x = states(6)
    q, v = x[..., 0], x[..., 1]
    p = particle.momenta(x)[..., 1]

    def xi(q: Tensor) -> Tensor:
        return q**2 + q + 1

    shift = xi(x[..., :1])[..., 0]
    force = gradient(particle.lagrangian)(x)[..., 0]
    mistakes = [
        (m * v * shift, "This takes m·q̇ for the momentum. For this L, a fast particle's, "
         "p = ∂L/∂q̇ is not m·q̇: differentiate L."),
        (v * shift, "This takes the velocity for the momentum. For this L, a fast particle's, "
         "p = ∂L/∂q̇ is not q̇: differentiate L."),
        (force * shift, "This is ∂L/∂q · ξ, the force along the shift. The momentum is ∂L/∂q̇, the "
         "second half of the gradient."),
        (p, "This is p alone. It is conserved if L does not depend on q; for another symmetry it "
         "is p·ξ(q)."),
        (shift, "This is ξ(q) alone; the momentum p = ∂L/∂q̇ is missing."),
        (-p * shift, "The sign is wrong: p·ξ, with p = ∂L/∂q̇."),
        (p * xi(x[..., 1:])[..., 0], "ξ is a function of the position, and was given the "
         "velocity."),
        (p * q, "This is p·q: the shift ξ(q) was not used."),
        (p + shift, "p and ξ are multiplied, not added."),
        (p - shift, "p and ξ are multiplied, not subtracted."),
        (p / shift, "p and ξ are multiplied, not divided."),
        (p * v - particle.lagrangian(x), "This is the energy p·q̇ - L. It belongs to a shift in "
         "time; here the shift is ξ(q)."),
    ]  # fmt: skip
    got = charge(particle.lagrangian, xi, x)
    got = as_tensor(got) if as_tensor(got) is not None else got
    expect(
        getattr(got, "shape", None) != (6, 1),
        "One number for each state is wanted, shape (6,): sum p·ξ over the last axis.",
    )
    got = charge(particle.lagrangian, xi, x, like=x, shape=(6,))
    match(got, p * shift, mistakes, "This is not p·ξ.", at=x)

    plane = TwoBody(mass1=1.3, mass2=0.7)
    x = states(30, degrees=4)

    def turned(q: Tensor) -> Tensor:
        if q.shape[-1] != 4:
            raise ValueError(f"ξ takes positions (..., 4), and was given {tuple(q.shape)}")
        q = q.unflatten(-1, (2, 2))
        return torch.stack([-q[..., 1], q[..., 0]], dim=-1).flatten(-2)

    canonical = plane.momenta(x)
    q, p = canonical.chunk(2, dim=-1)
    right = (p * turned(q)).sum(-1)
    mistakes = [
        (p[..., 0] * turned(q)[..., 0], "Only the first degree of freedom was counted: p·ξ is a "
         "sum over all of them."),
        (p[..., -1] * turned(q)[..., -1], "Only the last degree of freedom was counted: p·ξ is a "
         "sum over all of them."),
        (canonical[..., 1] * turned(q)[..., 0], "The first half of the state is q, the second half "
         "q̇: with n degrees of freedom the momenta are `dL[..., n:]`."),
        (p.sum(-1) * turned(q).sum(-1), "Multiply first, then sum: p·ξ is the sum of the products, "
         "not the product of the sums."),
    ]  # fmt: skip
    words = "Right for one degree of freedom, and wrong for four."
    got = charge(plane.lagrangian, turned, x, like=x, shape=(30,))
    match(got, right, mistakes, words, at=x, counts={"the number of degrees of freedom": 4})
    batch = charge(plane.lagrangian, turned, x.reshape(5, 3, 2, 8), like=x, shape=(5, 3, 2))
    expect(
        close(batch, right.reshape(5, 3, 2)),
        "Right for states of shape (30, 8), and wrong for (5, 3, 2, 8): index the last axis.",
    )
    got = charge(plane.lagrangian, turned, x[0], like=x, shape=())
    expect(close(got, right[0]), "Right for a batch, and wrong for a single state of shape (8,).")
    return (
        "Right, also where p is not m·q̇. For two bodies and a common turn it is the total angular "
        "momentum, and for ξ = 1 in one direction the total momentum."
    )


# --- 3 -------------------------------------------------------------------------------------------


def _bead(x: Tensor, m: float, g: float) -> Tensor:
    q, p = x[..., 0], x[..., 1]
    return p**2 / (2 * m * (1 + q**2)) + m * g * q**2 / 2


@exercise(3, "derive", "From L to H: a bead on a parabola")
def bead_hamiltonian(answer: Any) -> str:
    """Check ``bead_hamiltonian(x, mass, gravity)``: H of a bead on the wire y = q²/2."""
    H = function(answer, "bead_hamiltonian(x, mass, gravity)")
    given = {"m": 1.7, "g": 9.81}
    m, g = given.values()
    x = states(15)
    q, p = x[..., 0], x[..., 1]
    V, stretch = m * g * q**2 / 2, 1 + q**2
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
        (p**2 / (m * stretch) - V, "This is p·q̇ - V. Take off all of L = T - V: H = p·q̇ - T + V."),
        (p**2 / (2 * m * stretch**2) + V, "One factor 1 + q² cancels: T = m(1 + q²)q̇²/2 with q̇ = "
         "p/(m(1 + q²))."),
        (p**2 / (2 * m * stretch.sqrt()) + V, "The factor in T is the squared speed along the "
         "wire, 1 + (dy/dq)² = 1 + q², without a root."),
        (p**2 / (2 * m * (1 + q)) + V, "The slope goes in squared: 1 + (dy/dq)² with dy/dq = q."),
        (p**2 / (2 * m * (1 + q**4 / 4)) + V, "The bead's upward speed is dy/dt = q·q̇, the slope "
         "times q̇: the factor is 1 + q², not 1 + y²."),
        (p**2 / (2 * m * (1 + 4 * q**2)) + V, "The slope of y = q²/2 is q, not 2q."),
        (p**2 / (2 * m * (1 - q**2)) + V, "The squares of both speeds add up: 1 + q²."),
        (p**2 / (2 * m * stretch) + g * q**2 / 2, "The mass is missing in the energy of the "
         "weight."),
        (p / (2 * m * stretch) + V, "The momentum goes in squared."),
        (p**2 / (2 * m * q**2) + V, "The bead also moves sideways, with the speed q̇: the factor "
         "is 1 + q²."),
        (p**2 / (2 * stretch) + V, "The mass is missing in the kinetic energy."),
        (p**2 / (2 * m * stretch), "The energy of the weight is missing."),
        (V, "The kinetic energy is missing."),
        (p**2 / (2 * m * stretch) + m * g * q, "The height is y = q²/2."),
        (p**2 / (2 * m * stretch) + m * g * q**2, "The height is y = q²/2: a factor 1/2."),
    ]  # fmt: skip
    got = H(x, m, g, like=x, shape=(15,))
    _match_level(got, _bead, mistakes, "H", x, given)
    batch = H(x.reshape(5, 3, 2), m, g, like=x, shape=(5, 3))
    _match_batch(batch, _bead(x, m, g).reshape(5, 3), "bead_hamiltonian")
    return (
        "Right. Its kinetic energy depends on q, so ṗ contains more than the weight's force, and H "
        "does not split into T(p) + V(q): this bead cannot be moved by kicks and drifts."
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
            f"`negatives[{t}]` is {n:g}. The number of negative eigenvalues is wanted, a whole "
            "number.",
        )
    numbers = [int(n) for n in found.values()]
    right = [int(t) for t in HALF_PERIODS]
    mistakes = [
        ([0] * 4, "You find none at any duration, and beyond half a period there are some. Two "
         "mistakes give this: the potential energy is missing in S, or the sign is turned when "
         "the eigenvalues are counted."),
        ([int(2 * t) for t in HALF_PERIODS], "These are the counts for twice as long: the "
         "durations are *half* periods, π seconds each, not 2π."),
        ([int(t / math.pi) for t in HALF_PERIODS], "These are the counts for `half_periods` "
         "seconds: a half period is π seconds."),
        ([int(t / 2) for t in HALF_PERIODS], "These are the counts for half as long."),
        ([n + 1 for n in right], "One too many each: with free ends one more bend lowers S. Are "
         "the two ends held, so that only the points between them move?"),
        ([n - 1 for n in right], "One too few each."),
        ([1 if n else 0 for n in right], "These say whether there are any. Count them."),
    ]  # fmt: skip
    for values, message in mistakes:
        expect(numbers != values or numbers == right, message)
    expect(
        min(numbers) < 20,
        "These are the *positive* ones: short wiggles always cost action. Count the negative.",
    )
    shown = ", ".join(f"{n:g} at {t}" for t, n in found.items())
    wrong = [t for t, n, r in zip(HALF_PERIODS, numbers, right, strict=True) if n != r]
    if wrong:
        t = wrong[0]
        expect(
            False,
            f"You find {shown}. At {t} half periods {found[t]:g} is wrong: there the right number "
            f"is {int(t)}. Is the time cut into 60 steps, are the ends held, and is the duration "
            "t·π seconds?",
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


# --- 6 -------------------------------------------------------------------------------------------

STUDY = ("prediction", "starts", "half periods", "meetings", "conclusion")
"""The keys of exercise 6."""


def half_period(start: Tensor) -> float:
    """Half a period of a swing of `PENDULUM` through this state, in s."""
    share = float(PENDULUM.hamiltonian(start)) / (2 * PENDULUM.torque)
    return 2 / PENDULUM.frequency * float(ellipk(share))


def meeting(start: Tensor) -> float:
    """When swings that leave the place of `start` with nearly its momentum meet again, in s."""
    half = half_period(start)
    times = torch.linspace(0, 4 * half, 4001, dtype=torch.float64)
    size = 1e-5 * math.sqrt(PENDULUM.inertia * PENDULUM.torque)
    near = start + size * torch.tensor([[0.0, -1.0], [0.0, 1.0]], dtype=torch.float64)
    less, more = PENDULUM.solution(near, times)[..., 0].unbind(-1)
    gap = (more - less)[1:]
    k = int((gap[1:] * gap[:-1] < 0).double().argmax())
    return float(times[k + 1] + (times[1] - times[0]) * gap[k] / (gap[k] - gap[k + 1]))


def _word(value: Any, key: str) -> str:
    plain = {word.casefold(): word for word in MEETINGS}
    word = plain.get(value.strip().casefold()) if isinstance(value, str) else None
    expect(
        word is not None,
        f'`study["{key}"]` is {value!r}; choose one of: {", ".join(map(repr, MEETINGS))}.',
    )
    return str(word)


def _numbers(value: Any, key: str, shape: tuple[int, ...]) -> Tensor:
    values = as_tensor(value)
    expect(
        values is not None and tuple(values.shape) == shape,
        f'`study["{key}"]` should hold numbers of shape {shape}: one entry for each start.',
    )
    values = torch.as_tensor(values, dtype=torch.float64)
    expect(torch.isfinite(values).all(), f'An entry of `study["{key}"]` is not a finite number.')
    return values


def _compare(values: Tensor, right: Tensor, starts: Tensor, key: str, advice: str) -> None:
    off = (values / right - 1).abs()
    worst = int(off.argmax())
    expect(
        off[worst] < 0.01,
        f'`study["{key}"]`: from the start {[round(v, 4) for v in starts[worst].tolist()]} you '
        f"have {float(values[worst]):.4g} s, and the right value is {float(right[worst]):.4g} s. "
        f"{advice}",
    )


@exercise(6, "experiment", "An open question: when do neighbours meet again?")
def conjugate(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    prediction = _word(study["prediction"], "prediction")
    conclusion = _word(study["conclusion"], "conclusion")
    starts = as_tensor(study["starts"])
    expect(
        starts is not None and starts.ndim == 2 and starts.shape[1] == 2 and len(starts) >= 2,
        '`study["starts"]` should hold states [q, p], one for each motion.',
    )
    starts = torch.as_tensor(starts, dtype=torch.float64)
    expect(torch.isfinite(starts).all(), 'An entry of `study["starts"]` is not a finite number.')
    energies = PENDULUM.hamiltonian(starts)
    amplitudes = torch.arccos((1 - energies / PENDULUM.torque).clamp(-1, 1))
    expect(
        (energies < 1.99 * PENDULUM.torque).all() and (starts[:, 0].abs() < math.pi).all(),
        "One of the starts turns over, or comes within a hair of the top: only swings have half "
        "periods. p is in kg m²/s; the largest that swings from q = 0 is "
        f"{2 * math.sqrt(PENDULUM.inertia * PENDULUM.torque):.2f}.",
    )
    expect((energies > 0).all(), "One of the starts rests at the bottom, and does not move.")
    halves = _numbers(study["half periods"], "half periods", (len(starts),))
    meetings = _numbers(study["meetings"], "meetings", (len(starts),))
    right = torch.tensor([half_period(start) for start in starts], dtype=torch.float64)
    if close(halves, 2 * right, 0.01):
        expect(False, "These are whole periods. Half a period is from one turning point to the "
               "next.")  # fmt: skip
    _compare(halves, right, starts, "half periods", "Half a period is the time between two turning "
             "points.")  # fmt: skip
    right = torch.tensor([meeting(start) for start in starts], dtype=torch.float64)
    _compare(meetings, right, starts, "meetings", "Let two motions start at the same q with "
             "nearly the same p, and find when their difference in q is zero again for the first "
             "time.")  # fmt: skip

    largest = torch.sqrt(2 * PENDULUM.inertia * energies)
    from_rest = starts[:, 1].abs() < 0.01 * largest
    wide = amplitudes > 1.5
    same = (energies[:, None] / energies - 1).abs() < 0.02
    pairs = (same & from_rest[:, None] & ~from_rest & wide).any()
    places = len({round(float(q), 2) for q in (starts[:, 0] / amplitudes)[~from_rest & wide]})
    later = meetings / halves - 1
    agree = {
        MEETINGS[0]: bool((later.abs() < 0.01).all()),
        MEETINGS[1]: bool((later[from_rest].abs() < 0.01).all() and (later > -0.01).all()
                          and (later > 0.01).any()),
        MEETINGS[2]: bool((later < -0.01).any() and (later < 0.01).all()),
        MEETINGS[3]: bool((later.abs() > 0.01).all()),
    }  # fmt: skip
    rubric = [
        (bool((amplitudes < 0.25).any()), "a control where theory knows the answer: a swing of "
         "less than 0.25 rad, which is nearly a spring"),
        (bool(wide.any()), "a case where an effect is large: a swing of more than 1.5 rad"),
        (bool(pairs), "one change at a time: two wide swings of the same energy (to 2 %), one "
         "started at rest and one not"),
        (places >= 2, "more than one case: wide swings from two or more places that are not "
         "turning points"),
        (agree[conclusion], "a conclusion that your own numbers support, all of them (to 1 %)"),
    ]  # fmt: skip
    score(rubric)
    came = "came true" if prediction == conclusion else "did not come true, which is what an "
    came += "" if prediction == conclusion else "experiment is for"
    return (
        f"All {len(rubric)} points of the rubric, and every number measured again. Your prediction "
        f"{came}. From rest the meeting is at half a period exactly: to first order the "
        "neighbour is the same swing, a little earlier or later, and the two agree where both "
        "turn. From elsewhere the neighbour has another energy and another period, so the "
        "wider one comes late: the meeting is later, by "
        f"{float(later.max()):.0%} in your data."
    )
