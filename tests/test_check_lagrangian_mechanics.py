"""The checks of Lagrangian mechanics: right answers pass, wrong ones get their message."""

import math

import pytest
import torch
from check_tools import Case, ChapterChecks, pack

from hnn_tutorial.check import lagrangian_mechanics as check
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import (
    action,
    conjugate_momentum,
    gradient,
    lagrangian_field,
    legendre_transform,
)
from hnn_tutorial.systems import MassSpring

# 1


def kinetic(x, m):
    rho, _, drho, dq = x.unbind(-1)
    return m * (drho**2 + rho**2 * dq**2) / 2


def potential(x, m, k, length, g):
    rho, q = x[..., 0], x[..., 1]
    return -m * g * rho * torch.cos(q) + k * (rho - length) ** 2 / 2


def spring_pendulum(x, m, k, length, g):
    rho, q, drho, dq = x.unbind(-1)
    T = m / 2 * (drho**2 + rho**2 * dq**2)
    V = -m * g * rho * torch.cos(q) + k / 2 * (rho - length) ** 2
    return T - V


def by_cartesian(x, m, k, length, g):
    def place(polar):
        rho, q = polar[..., 0], polar[..., 1]
        return pack(rho * torch.sin(q), -rho * torch.cos(q))

    position, velocity = torch.func.jvp(place, (x[..., :2],), (x[..., 2:],))
    stretch = position.norm(dim=-1) - length
    height = position[..., 1]
    return m * velocity.square().sum(-1) / 2 - m * g * height - k * stretch**2 / 2


SPRING = Case(
    check.spring_pendulum,
    spring_pendulum,
    {
        "Cartesian": by_cartesian,
        "another zero of height": lambda x, m, k, l, g: spring_pendulum(x, m, k, l, g) - m * g * l,  # noqa: E741
    },
    {
        "energy": (
            lambda x, m, *rest: kinetic(x, m) + potential(x, m, *rest),
            "This is T + V, the energy",
        ),
        "wrong sign": (lambda x, *rest: -spring_pendulum(x, *rest), "This is V - T"),
        "speed without r": (
            lambda x, m, *rest: m * x[..., 2:].square().sum(-1) / 2 - potential(x, m, *rest),
            "with the speed ρ·q̇, not q̇",
        ),
        "rigid rod": (
            lambda x, m, k, l, g: (  # noqa: E741
                m * (x[..., 2] ** 2 + l**2 * x[..., 3] ** 2) / 2 - potential(x, m, k, l, g)
            ),
            "The arm has the length ρ at this moment",
        ),
        "no motion along": (
            lambda x, m, *rest: spring_pendulum(x, m, *rest) - m * x[..., 2] ** 2 / 2,
            "The motion along the spring",
        ),
        "gravity upwards": (
            lambda x, m, k, l, g: spring_pendulum(x, m, k, l, -g),  # noqa: E741
            "Gravity has the wrong sign",
        ),
        "relaxed at zero": (
            lambda x, m, k, l, g: spring_pendulum(x, m, k, 0.0, g),  # noqa: E741
            "its stretch is ρ - l",
        ),
        "no spring": (
            lambda x, m, k, l, g: spring_pendulum(x, m, 0.0, l, g),  # noqa: E741
            "The energy of the spring is missing",
        ),
        "no weight": (
            lambda x, m, k, l, g: spring_pendulum(x, m, k, l, 0.0),  # noqa: E741
            "The energy of the weight is missing",
        ),
        "speeds added": (
            lambda x, m, *rest: (
                m * (x[..., 2] + x[..., 0] * x[..., 3]) ** 2 / 2 - potential(x, m, *rest)
            ),
            "at right angles",
        ),
        "T without 1/2": (
            lambda x, m, *rest: 2 * kinetic(x, m) - potential(x, m, *rest),
            "T is twice as large",
        ),
        "spring without 1/2": (
            lambda x, m, k, l, g: spring_pendulum(x, m, 2 * k, l, g),  # noqa: E741
            "k/2 times the square of its stretch",
        ),
        "stretch not squared": (
            lambda x, m, k, l, g: (  # noqa: E741
                spring_pendulum(x, m, 0.0, l, g) - k / 2 * (x[..., 0] - l)
            ),
            "The stretch goes in squared",
        ),
        "velocities exchanged": (
            lambda x, *rest: spring_pendulum(x[..., [0, 1, 3, 2]], *rest),
            "This reads the state as [ρ, q, q̇, dρ/dt]",
        ),
        "interleaved": (
            lambda x, *rest: spring_pendulum(x[..., [0, 2, 1, 3]], *rest),
            "This reads the state as [ρ, dρ/dt, q, q̇]",
        ),
        "T alone": (lambda x, m, *_: kinetic(x, m), "V is missing"),
        "mass forgotten": (
            lambda x, m, k, l, g: spring_pendulum(x, 1.0, k, l, g),  # noqa: E741
            "m is missing: these are the values for m = 1",
        ),
        "k and g exchanged": (
            lambda x, m, k, l, g: spring_pendulum(x, m, g, l, k),  # noqa: E741
            "k and g are exchanged",
        ),
        "degrees": (
            lambda x, *rest: spring_pendulum(
                pack(x[..., 0], torch.deg2rad(x[..., 1]), x[..., 2], x[..., 3]), *rest
            ),
            "At x = [",
        ),
        "one batch axis": (
            lambda x, *rest: spring_pendulum(x.reshape(-1, 4), *rest),
            "shape",
        ),
        "NumPy's cosine": (
            lambda x, *rest: spring_pendulum(x.requires_grad_(), *rest) + math.cos(x),
            "Your code raised",
        ),
        "rows taken for components": (
            lambda x, *rest: spring_pendulum(pack(*x), *rest),
            "Your code raised",
        ),
        "something else": (lambda x, *_: x[..., 0] ** 3, "This is not T - V"),
        "no batch": (lambda x, *rest: spring_pendulum(x, *rest).sum(), "keep the batch axes"),
    },
)


# 2


def noether(L, xi, x):
    x = x.detach().requires_grad_()
    (dL,) = torch.autograd.grad(L(x).sum(), x)
    n = x.shape[-1] // 2
    return (dL[..., n:] * xi(x[..., :n])).sum(-1).detach()


def noether_by_momenta(L, xi, x):
    q, p = conjugate_momentum(L)(x).chunk(2, dim=-1)
    return (p * xi(q)).sum(-1)


def noether_by_backward(L, xi, x):
    x.requires_grad_()
    L(x).sum().backward()
    n = x.shape[-1] // 2
    return torch.einsum("...i,...i->...", x.grad[..., n:], xi(x[..., :n]))


def halves(x):
    return x.chunk(2, dim=-1)


NOETHER = Case(
    check.noether,
    noether,
    {
        "conjugate_momentum": noether_by_momenta,
        "jvp": lambda L, xi, x: torch.func.jvp(
            L, (x,), (torch.cat([0 * halves(x)[0], xi(halves(x)[0])], dim=-1),)
        )[1],
        "backward": noether_by_backward,
    },
    {
        "velocity": (
            lambda L, xi, x: (halves(x)[1] * xi(halves(x)[0])).sum(-1),
            "takes the velocity for the momentum",
        ),
        "mass times velocity": (
            lambda L, xi, x: 1.7 * (halves(x)[1] * xi(halves(x)[0])).sum(-1),
            "takes m·q̇ for the momentum",
        ),
        "energy": (
            lambda L, xi, x: (halves(gradient(L)(x))[1] * halves(x)[1]).sum(-1) - L(x),
            "This is the energy p·q̇ - L",
        ),
        "shift alone": (lambda L, xi, x: xi(halves(x)[0]).sum(-1), "This is ξ(q) alone"),
        "sum": (
            lambda L, xi, x: (halves(gradient(L)(x))[1] + xi(halves(x)[0])).sum(-1),
            "multiplied, not added",
        ),
        "mean over the degrees": (
            lambda L, xi, x: noether(L, xi, x) / (x.shape[-1] // 2),
            "a mean in place of a sum",
        ),
        "sums multiplied": (
            lambda L, xi, x: halves(gradient(L)(x))[1].sum(-1) * xi(halves(x)[0]).sum(-1),
            "Multiply first, then sum",
        ),
        "shift of the whole state": (
            lambda L, xi, x: (halves(gradient(L)(x))[1] * xi(x)[..., : x.shape[-1] // 2]).sum(-1),
            "ξ takes positions (..., 4), and was given (30, 8)",
        ),
        "tuple not unpacked": (
            lambda L, xi, x: torch.autograd.grad(L(x.requires_grad_()).sum(), x)[..., 1],
            "Your code raised `TypeError`",
        ),
        "not summed over the batch": (
            lambda L, xi, x: torch.autograd.grad(L(x.requires_grad_()), x)[0].sum(-1),
            "one number: sum over the batch",
        ),
        "force": (
            lambda L, xi, x: (halves(gradient(L)(x))[0] * xi(halves(x)[0])).sum(-1),
            "the force along the shift",
        ),
        "p alone": (
            lambda L, xi, x: halves(gradient(L)(x))[1].sum(-1),
            "This is p alone",
        ),
        "wrong sign": (lambda L, xi, x: -noether(L, xi, x), "The sign is wrong"),
        "shift of the velocity": (
            lambda L, xi, x: (halves(gradient(L)(x))[1] * xi(halves(x)[1])).sum(-1),
            "was given the velocity",
        ),
        "not summed": (
            lambda L, xi, x: halves(gradient(L)(x))[1] * xi(halves(x)[0]),
            "One number for each state",
        ),
        "first degree only": (
            lambda L, xi, x: gradient(L)(x)[..., x.shape[-1] // 2] * xi(halves(x)[0])[..., 0],
            "Only the first degree",
        ),
        "no single state": (
            lambda L, xi, x: noether(L, xi, x) if x.ndim > 1 else noether(L, xi, x).unsqueeze(0),
            "shape",
        ),
        "one batch axis": (
            lambda L, xi, x: noether(L, xi, x) if x.ndim < 3 else noether(L, xi, x.flip(0)),
            "wrong for (5, 3, 2, 8)",
        ),
        "unmarked": (
            lambda L, xi, x: torch.autograd.grad(L(x).sum(), x)[0].sum(-1),
            "requires_grad_()",
        ),
    },
)


# 3


def bead(x, m, g):
    q, p = x[..., 0], x[..., 1]
    return p**2 / (2 * m * (1 + q**2)) + m * g * q**2 / 2


def bead_lagrangian(m, g):
    return lambda x: m * (1 + x[..., 0] ** 2) * x[..., 1] ** 2 / 2 - m * g * x[..., 0] ** 2 / 2


def bead_by_hand(x, m, g):
    q, p = x.unbind(-1)
    rate = p / (m * (1 + q**2))
    return p * rate - bead_lagrangian(m, g)(pack(q, rate))


def weight(x, m, g):
    return m * g * x[..., 0] ** 2 / 2


BEAD = Case(
    check.bead_hamiltonian,
    bead,
    {
        "Legendre": lambda x, m, g: legendre_transform(bead_lagrangian(m, g))(x),
        "plus a constant": lambda x, m, g: bead(x, m, g) + 3,
        "p q̇ - L": bead_by_hand,
    },
    {
        "p = m q̇": (
            lambda x, m, g: x[..., 1] ** 2 / (2 * m) + weight(x, m, g),
            "takes m·q̇ for the momentum",
        ),
        "energy of [q, q̇]": (
            lambda x, m, g: m * (1 + x[..., 0] ** 2) * x[..., 1] ** 2 / 2 + weight(x, m, g),
            "with the letter p in place of q̇",
        ),
        "factor above": (
            lambda x, m, g: (1 + x[..., 0] ** 2) * x[..., 1] ** 2 / (2 * m) + weight(x, m, g),
            "belongs below the fraction line",
        ),
        "Lagrangian": (
            lambda x, m, g: bead(x, m, g) - 2 * weight(x, m, g),
            "This is T - V written with p",
        ),
        "L forgotten": (
            lambda x, m, g: 2 * bead(x, m, g) - weight(x, m, g),
            "p·q̇ is twice the kinetic energy",
        ),
        "height": (
            lambda x, m, g: bead(x, m, g) - weight(x, m, g) + m * g * x[..., 0],
            "The height is y = q²/2.",
        ),
        "p q̇ - V": (
            lambda x, m, g: 2 * bead(x, m, g) - 3 * weight(x, m, g),
            "Take off all of L",
        ),
        "y in place of its slope": (
            lambda x, m, g: x[..., 1] ** 2 / (2 * m * (1 + x[..., 0] ** 4 / 4)) + weight(x, m, g),
            "not 1 + y²",
        ),
        "only upwards": (
            lambda x, m, g: x[..., 1] ** 2 / (2 * m * x[..., 0] ** 2) + weight(x, m, g),
            "also moves sideways",
        ),
        "root": (
            lambda x, m, g: (
                x[..., 1] ** 2 / (2 * m * (1 + x[..., 0] ** 2).sqrt()) + weight(x, m, g)
            ),
            "without a root",
        ),
        "no weight": (
            lambda x, m, g: bead(x, m, g) - weight(x, m, g),
            "The energy of the weight is missing",
        ),
        "mass forgotten": (
            lambda x, m, g: bead(x, m, g) - weight(x, m, g) + weight(x, 1.0, g),
            "The mass is missing in the energy of the weight",
        ),
        "slope 2q": (
            lambda x, m, g: x[..., 1] ** 2 / (2 * m * (1 + 4 * x[..., 0] ** 2)) + weight(x, m, g),
            "is q, not 2q",
        ),
        "not squared": (
            lambda x, m, g: x[..., 1] / (2 * m * (1 + x[..., 0] ** 2)) + weight(x, m, g),
            "The momentum goes in squared",
        ),
        "no gravity": (lambda x, m, g: bead(x, m, 1.0), "g is missing"),
        "parameters exchanged": (lambda x, m, g: bead(x, g, m), "m and g are exchanged"),
        "one batch axis": (
            lambda x, m, g: bead(x, m, g) if x.ndim < 3 else bead(x.flip(0), m, g),
            "wrong for (5, 3, 2n)",
        ),
        "something else": (lambda x, m, g: x[..., 0] ** 3, "This is not H"),
        "no batch": (lambda x, m, g: bead(x, m, g).sum(), "keep the batch axes"),
    },
)


# 4

COUNTS = {t: int(t) for t in check.HALF_PERIODS}


def counts(change):
    return {t: change(n) for t, n in COUNTS.items()}


NEGATIVES = Case(
    check.negatives,
    COUNTS,
    {
        "floats": counts(float),
        "tensors": counts(torch.tensor),
    },
    {
        "none": (counts(lambda n: 0), "You find none at any duration"),
        "whole periods": (dict(zip(COUNTS, (1, 3, 5, 7), strict=True)), "*half* periods"),
        "seconds": (dict(zip(COUNTS, (0, 0, 0, 1), strict=True)), "a half period is π seconds"),
        "positive": (counts(lambda n: 59 - n), "the *positive* ones"),
        "free ends": (counts(lambda n: n + 1), "Are the two ends held"),
        "any": (dict(zip(COUNTS, (0, 1, 1, 1), strict=True)), "say whether there are any"),
        "one wrong": (dict(zip(COUNTS, (0, 1, 3, 3), strict=True)), "At 2.5 half periods 3 is"),
        "a fraction": (counts(lambda n: n + 0.5), "a whole number"),
    },
    blank=dict.fromkeys(COUNTS, ...),
    equivalent={
        "[0.5] times 1/2": "half of none is none",
        "[1.5] inverted": "one over 1 is 1",
    },
)


# 5

EFFECTS = {change: effect for change, (effect, _, _) in check.CHANGES.items()}
THINK = Case(
    check.changes_of_L,
    EFFECTS,
    {
        "other order": dict(reversed(EFFECTS.items())),
        "copied": {key: str(value) for key, value in EFFECTS.items()},
    },
    {
        "minus": (EFFECTS | {"-L": "other motion"}, "Which paths are stationary for -S?"),
        "new force": (
            EFFECTS | {"L + q**2 * v": "other motion"},
            "6 of 7 are right.\n`L + q**2 * v`: not 'other motion'. Is the new term the time",
        ),
        "energy": (EFFECTS | {"T + V": "same"}, "does the spring pull or push"),
        "two": (EFFECTS | {"L + 5": "other motion", "2 * L": "same"}, "5 of 7 are right"),
    },
    blank=dict.fromkeys(EFFECTS, ...),
    words=check.EFFECTS,
)


# 6


def swings(amplitude, places, sign=1.0):
    """States of one swing, at these angles."""
    q = torch.tensor(places, dtype=torch.float64)
    scale = 2 * check.PENDULUM.inertia * check.PENDULUM.torque
    p = sign * (scale * (torch.cos(q) - math.cos(amplitude)).clamp(min=0)).sqrt()
    return torch.stack([q, p], dim=-1)


def measured(starts, **changes):
    """A study of these starts by the two functions of the check."""
    return {
        "prediction": check.MEETINGS[0],
        "starts": starts.tolist(),
        "half periods": [check.half_period(start) for start in starts],
        "meetings": [check.meeting(start) for start in starts],
        "conclusion": check.MEETINGS[1],
    } | changes


def by_steps(start):
    """Half period and meeting from a run of RK4, as a learner may measure them."""
    times = torch.linspace(0, 4, 4001, dtype=torch.float64)
    near = start + torch.tensor([[0.0, -1e-4], [0.0, 0.0], [0.0, 1e-4]], dtype=torch.float64)
    q, p = integrate(check.PENDULUM.field, near, times, "rk4").unbind(-1)
    turns = times[1:-1][p[2:, 1] * p[1:-1, 1] < 0]
    gap = q[1:, 2] - q[1:, 0]
    return float(turns[1] - turns[0]), float(times[1:-1][gap[1:] * gap[:-1] < 0][0])


SMALL = swings(0.1, [0.1])
WIDE = swings(2.0, [2.0, 0.0, 1.0, -1.0])
STARTS = torch.cat([SMALL, WIDE])
STUDY = measured(STARTS)
COARSE = [by_steps(start) for start in STARTS]
TWICE = [2 * v for v in STUDY["half periods"]]

CONJUGATE = Case(
    check.conjugate,
    STUDY,
    {
        "a right prediction": measured(STARTS, prediction=check.MEETINGS[1]),
        "states as a tensor": STUDY | {"starts": STARTS},
        "by RK4": STUDY
        | {"half periods": [a for a, _ in COARSE], "meetings": [b for _, b in COARSE]},
        "other swings": measured(
            torch.cat([swings(0.2, [0.05]), swings(2.5, [-2.5, 0.3, 2.0]), swings(1.7, [0.0])])
        ),
        "inwards": measured(torch.cat([SMALL, WIDE[:1], swings(2.0, [0.0, 0.5, 1.5], sign=-1.0)])),
    },
    {
        "whole periods": (STUDY | {"half periods": TWICE}, "These are whole periods"),
        "no prediction": (STUDY | {"prediction": "soon"}, "choose one of"),
        "a number for a word": (STUDY | {"conclusion": 2}, "choose one of"),
        "half periods for meetings": (
            STUDY | {"meetings": STUDY["half periods"]},
            "find when their difference in q is zero again",
        ),
        "one meeting off": (
            STUDY | {"meetings": [*STUDY["meetings"][:-1], 1.5]},
            "from the start [-1.0, 4.02",
        ),
        "too few meetings": (STUDY | {"meetings": STUDY["meetings"][:-1]}, "one entry for each"),
        "no states": (STUDY | {"starts": [0.1, 2.0, 1.0, 0.5, 0.2]}, "should hold states [q, p]"),
        "a number not finite": (
            STUDY | {"meetings": [*STUDY["meetings"][:-1], math.inf]},
            "not a finite number",
        ),
        "a rotation": (
            STUDY | {"starts": [*STUDY["starts"][:-1], [0.0, 9.0]]},
            "turns over",
        ),
        "at rest at the bottom": (
            STUDY | {"starts": [*STUDY["starts"][:-1], [0.0, 0.0]]},
            "rests at the bottom",
        ),
        "no control": (measured(WIDE), "4 of 5 points; it lacks a control where theory"),
        "only small swings": (
            measured(swings(0.1, [0.1, 0.0, 0.05]), conclusion=check.MEETINGS[0]),
            "it lacks a case where an effect is large",
        ),
        "all changed at once": (
            measured(torch.cat([SMALL, swings(2.0, [2.0]), swings(2.4, [0.0, 1.0])])),
            "it lacks one change at a time",
        ),
        "one place": (measured(STARTS[:3]), "it lacks more than one case"),
        "the prediction kept": (
            STUDY | {"conclusion": check.MEETINGS[0]},
            "it lacks a conclusion that your own numbers support",
        ),
        "earlier": (STUDY | {"conclusion": check.MEETINGS[2]}, "a conclusion that your own"),
        "never": (STUDY | {"conclusion": check.MEETINGS[3]}, "a conclusion that your own"),
    },
    blank=dict.fromkeys(STUDY, ...),
    words={"prediction": check.MEETINGS, "conclusion": check.MEETINGS},
    equivalent={
        "['prediction'] = ": "any prediction may be made",
        **{
            f"['starts'][0] {change}": "small swings of any size have one half period, to 1 %"
            for change in ("times 2", "times 1/2", "times -1", "squared")
        },
        **{
            f"['starts'][{i}] times -1": "the mirror image of a swing has the same times"
            for i in range(1, 5)
        },
    },
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks must pass."""

    chapter = check.chapter
    cases = (SPRING, NOETHER, BEAD, NEGATIVES, THINK, CONJUGATE)
    demanding = True


@pytest.mark.parametrize("change, entry", check.CHANGES.items())
def test_the_answers_of_exercise_5_are_true(change, entry):
    """Classify each changed L by its motion and its momentum."""
    effect, L, _ = entry
    x = check.states(30)

    def new(y):
        return L(y[..., 0], y[..., 1])

    true = MassSpring().lagrangian
    moves = torch.allclose(lagrangian_field(new)(x), lagrangian_field(true)(x))
    same = torch.allclose(conjugate_momentum(new)(x), conjugate_momentum(true)(x))
    found = ("same" if same else "other momentum") if moves else "other motion"
    assert found == effect, change


@pytest.mark.parametrize("half_periods", check.HALF_PERIODS)
def test_the_numbers_of_exercise_4_are_those_of_the_second_derivative(half_periods):
    times = torch.linspace(0, half_periods * math.pi, 61, dtype=torch.float64)
    ends = torch.zeros(1, 1, dtype=torch.float64)

    def S(inside):
        path = torch.cat([ends, inside.unsqueeze(-1), ends])
        return action(MassSpring().lagrangian, path, times)

    second = torch.func.hessian(S)(torch.zeros(59, dtype=torch.float64))
    assert (torch.linalg.eigvalsh(second) < 0).sum() == COUNTS[half_periods]


def test_the_bead_of_exercise_3_slides_on_the_parabola():
    """Its L is T - V of a mass at (q, q²/2)."""
    x, m, g = check.states(10), 1.7, 9.81
    velocity = pack(x[..., 1], x[..., 0] * x[..., 1])
    right = m * velocity.square().sum(-1) / 2 - m * g * x[..., 0] ** 2 / 2
    assert torch.allclose(bead_lagrangian(m, g)(x), right)


@pytest.mark.parametrize("amplitude", [0.1, 1.0, 2.5])
def test_from_rest_neighbours_meet_after_half_a_period_and_later_from_elsewhere(amplitude):
    from_rest, bottom = swings(amplitude, [amplitude, 0.0])
    assert check.meeting(from_rest) == pytest.approx(check.half_period(from_rest), rel=1e-4)
    assert check.meeting(bottom) > check.half_period(bottom)


def test_half_periods_and_meetings_are_those_of_a_run_by_small_steps():
    half, meets = by_steps(WIDE[2])
    assert half == pytest.approx(check.half_period(WIDE[2]), rel=2e-3)
    assert meets == pytest.approx(check.meeting(WIDE[2]), rel=2e-3)
