"""The checks of Lagrangian mechanics: right answers pass, wrong ones get their message."""

import math

import pytest
import torch
from check_tools import Case, ChapterChecks, pack

from hnn_tutorial.check import lagrangian_mechanics as check
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
    r, _, dr, dq = x.unbind(-1)
    return m * (dr**2 + r**2 * dq**2) / 2


def potential(x, m, k, length, g):
    r, q = x[..., 0], x[..., 1]
    return -m * g * r * torch.cos(q) + k * (r - length) ** 2 / 2


def spring_pendulum(x, m, k, length, g):
    return kinetic(x, m) - potential(x, m, k, length, g)


def by_cartesian(x, m, k, length, g):
    def place(polar):
        r, q = polar[..., 0], polar[..., 1]
        return pack(r * torch.sin(q), -r * torch.cos(q))

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
            "with the speed r·q̇, not q̇",
        ),
        "rigid rod": (
            lambda x, m, k, l, g: (  # noqa: E741
                m * (x[..., 2] ** 2 + l**2 * x[..., 3] ** 2) / 2 - potential(x, m, k, l, g)
            ),
            "The arm has the length r at this moment",
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
            "its stretch is r - l",
        ),
        "no spring": (
            lambda x, m, k, l, g: spring_pendulum(x, m, 0.0, l, g),  # noqa: E741
            "The energy of the spring is missing",
        ),
        "no weight": (
            lambda x, m, k, l, g: spring_pendulum(x, m, k, l, 0.0),  # noqa: E741
            "The energy of the weight is missing",
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
    },
    {
        "velocity": (
            lambda L, xi, x: (halves(x)[1] * xi(halves(x)[0])).sum(-1),
            "takes the velocity for the momentum",
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
            "wrong for four",
        ),
        "one batch axis": (
            lambda L, xi, x: noether(L, xi, x) if x.ndim > 1 else noether(L, xi, x).unsqueeze(0),
            "shape",
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


def weight(x, m, g):
    return m * g * x[..., 0] ** 2 / 2


BEAD = Case(
    check.bead_hamiltonian,
    bead,
    {
        "Legendre": lambda x, m, g: legendre_transform(bead_lagrangian(m, g))(x),
        "plus a constant": lambda x, m, g: bead(x, m, g) + 3,
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
        "positive": (counts(lambda n: 59 - n), "the *positive* ones"),
        "free ends": (counts(lambda n: n + 1), "are the two ends held"),
        "something else": (dict(zip(COUNTS, (0, 1, 1, 1), strict=True)), "cut into enough steps"),
        "a fraction": (counts(lambda n: n + 0.5), "a whole number"),
    },
    blank=dict.fromkeys(COUNTS, ...),
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
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks must pass."""

    chapter = check.chapter
    cases = (SPRING, NOETHER, BEAD, NEGATIVES, THINK)


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
