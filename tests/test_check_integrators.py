"""The checks of the integrators: right answers pass, wrong ones get their message."""

import pytest
import torch
from check_tools import Case, ChapterChecks, pack

from hnn_tutorial.check import integrators as check
from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.systems import MassSpring

# 1


def growth(h, m, k):
    return 1 + k / m * h**2


def growth_measured(h, m, k):
    spring, x = MassSpring(m, k), torch.tensor([0.3, 0.7], dtype=h.dtype)
    after = torch.stack([METHODS["euler"].step(spring.field, x, s) for s in h])
    return spring.hamiltonian(after) / spring.hamiltonian(x)


GROWTH = Case(
    check.euler_growth,
    growth,
    {
        "one Euler step": growth_measured,
        "determinant": lambda h, m, k: torch.linalg.det(
            torch.eye(2, dtype=h.dtype)
            + h[:, None, None] * torch.tensor([[0, 1 / m], [-k, 0]], dtype=h.dtype)
        ),
        "frequency": lambda h, m, k: 1 + ((k / m) ** 0.5 * h).square(),
    },
    {
        "nothing": (lambda h, m, k: 0 * h + 1, "This says that Euler's method keeps the energy"),
        "increase": (lambda h, m, k: k / m * h**2, "Asked for is the factor"),
        "falls": (lambda h, m, k: 1 - k / m * h**2, "The sign is wrong"),
        "amplitude": (lambda h, m, k: growth(h, m, k).sqrt(), "the factor of the amplitude"),
        "first power": (lambda h, m, k: 1 + (k / m) ** 0.5 * h, "In the first power of Δt"),
        "parameters swapped": (lambda h, m, k: 1 + m / k * h**2, "are exchanged"),
        "no parameters": (lambda h, m, k: 1 + h**2, "lacks ω₀²"),
        "exponential": (lambda h, m, k: torch.exp(k / m * h**2), "An exponential"),
        "half": (lambda h, m, k: 1 + k / m * h**2 / 2, "twice as large"),
        "something else": (lambda h, m, k: h, "This is not H(q', p')/H(q, p)"),
    },
    spared={"q and p swapped": "it takes no state"},
)


# 2


def halves(field, x):
    return (*x.chunk(2, dim=-1), *field(x).chunk(2, dim=-1))


def drift(f, x, h):
    q, p, dq, _ = halves(f, x)
    return torch.cat([q + h * dq, p], dim=-1)


def kick(f, x, h):
    q, p, _, dp = halves(f, x)
    return torch.cat([q, p + h * dp], dim=-1)


def leap(f, x, h):
    return drift(f, kick(f, drift(f, x, h / 2), h), h / 2)


def first_degree_only(f, x, h):
    moved = leap(f, x, h)
    return torch.cat([moved[..., :2], x[..., 2:]], dim=-1) if x.shape[-1] > 2 else moved


def heun(f, x, h):
    return x + h / 2 * (f(x) + f(x + h * f(x)))


LEAP = Case(
    check.leapfrog,
    leap,
    {
        "kick, drift, kick": lambda f, x, h: kick(f, drift(f, kick(f, x, h / 2), h), h / 2),
        "package": lambda f, x, h: METHODS["leapfrog"].step(f, x, h),
        "two Eulers": lambda f, x, h: kick(
            f, drift(f, drift(f, kick(f, x, h / 2), h / 2), h / 2), h / 2
        ),
    },
    {
        "Euler": (lambda f, x, h: x + h * f(x), "This is Euler's method"),
        "symplectic Euler": (lambda f, x, h: drift(f, kick(f, x, h), h), "a whole kick and"),
        "the other one": (lambda f, x, h: kick(f, drift(f, x, h), h), "a whole drift and"),
        "whole drifts": (
            lambda f, x, h: drift(f, kick(f, drift(f, x, h), h), h),
            "Both drifts are whole ones",
        ),
        "whole kicks": (
            lambda f, x, h: kick(f, drift(f, kick(f, x, h), h), h),
            "Both kicks are whole ones",
        ),
        "midpoint": (
            lambda f, x, h: x + h * f(x + h / 2 * f(x)),
            "This is the explicit midpoint method",
        ),
        "RK4": (lambda f, x, h: METHODS["rk4"].step(f, x, h), "This is RK4"),
        "Heun": (heun, "The step is not symplectic: it changes areas"),
        "half the step": (lambda f, x, h: leap(f, x, h / 2), "does not follow the field"),
        "backwards": (lambda f, x, h: leap(f, x, -h), "Time runs backwards"),
        "one third first": (
            lambda f, x, h: drift(f, kick(f, drift(f, x, h / 3), h), 2 * h / 3),
            "The measured order is 1",
        ),
        "unchanged": (lambda f, x, h: x + 0, "comes back unchanged"),
        "first degree only": (first_degree_only, "wrong for two"),
    },
)


# 3


def energy(x, m, k):
    return MassSpring(m, k).hamiltonian(x)


def mixed(x, m, k):
    return x[..., 1] / m * k * x[..., 0]


def shadow(x, h, m, k):
    return energy(x, m, k) + h / 2 * mixed(x, m, k)


def completed_square(x, h, m, k):
    q, p = x[..., 0], x[..., 1]
    return (p + h * k * q / 2) ** 2 / (2 * m) + k * q**2 / 2 * (1 - k / m * h**2 / 4)


def quadratic_form(x, h, m, k):
    A = torch.tensor([[k, h * k / (2 * m)], [h * k / (2 * m), 1 / m]], dtype=x.dtype)
    return torch.einsum("...i,ij,...j->...", x, A, x) / 2


SHADOW = Case(
    check.shadow,
    shadow,
    {"completed square": completed_square, "quadratic form": quadratic_form},
    {
        "H": (lambda x, h, m, k: energy(x, m, k), "This is H itself"),
        "kick first": (lambda x, h, m, k: shadow(x, -h, m, k), "This is the chapter's shadow"),
        "twice": (lambda x, h, m, k: shadow(x, 2 * h, m, k), "Twice the right correction"),
        "half": (lambda x, h, m, k: shadow(x, h / 2, m, k), "Half of the right correction"),
        "no k/m": (
            lambda x, h, m, k: energy(x, m, k) + h / 2 * x[..., 0] * x[..., 1],
            "lacks k/m",
        ),
        "no mass": (
            lambda x, h, m, k: energy(x, m, k) + h / 2 * k * x[..., 0] * x[..., 1],
            "lacks the mass",
        ),
        "square of the step": (
            lambda x, h, m, k: energy(x, m, k) + h**2 / 2 * mixed(x, m, k),
            "of the first power",
        ),
        "constant": (lambda x, h, m, k: 0 * x[..., 0] + 1, "the same number everywhere"),
        "another multiple": (lambda x, h, m, k: 2 * shadow(x, h, m, k), "does not become H"),
        "something else": (lambda x, h, m, k: x[..., 0] ** 4, "Along 40 steps it changes"),
        "no batch": (lambda x, h, m, k: shadow(x, h, m, k).sum(), "keep the batch axes"),
    },
)


# 4

COUNTED = {
    name: [check._calls(name, tolerance) for tolerance in check.TOLERANCES]
    for name in ("rk45", "dop853")
}


def counted(change):
    return {name: [change(name, v) for v in row] for name, row in COUNTED.items()}


PRICE = Case(
    check.price,
    COUNTED,
    {
        "tensors": {name: torch.tensor(row) for name, row in COUNTED.items()},
        "a few more calls": counted(lambda _, v: v + 12),
        "tuples of floats": {name: tuple(map(float, row)) for name, row in COUNTED.items()},
    },
    {
        "tolerance not passed": (
            {name: [row[2]] * 4 for name, row in COUNTED.items()},
            "Is the tolerance passed on",
        ),
        "reversed": ({n: row[::-1] for n, row in COUNTED.items()}, "a tighter tolerance must"),
        "steps": (counted(lambda n, v: v / METHODS[n].evaluations), "these are numbers of steps"),
        "values moved": (dict(zip(COUNTED, [*COUNTED.values()][::-1], strict=True)), "exchanged"),
        "never reset": (
            {n: torch.tensor(row).cumsum(0).tolist() for n, row in COUNTED.items()},
            "Does the count start anew",
        ),
        "too few": ({n: row[:2] for n, row in COUNTED.items()}, "one number of calls for each"),
        "a number": (dict.fromkeys(COUNTED, 100), "one number of calls for each"),
    },
    blank=dict.fromkeys(COUNTED, ...),
)


# 5

CHOICES = {task: choice for task, (choice, _) in check.TASKS.items()}
THINK = Case(
    check.choices,
    CHOICES,
    {
        "other order": dict(reversed(CHOICES.items())),
        "copied": {key: str(value) for key, value in CHOICES.items()},
    },
    {
        "adaptive for ever": (CHOICES | {"planets": "dop853"}, "How long is it followed"),
        "leapfrog where it cannot": (
            CHOICES | {"double pendulum": "leapfrog"},
            "5 of 6 are right.\n`double pendulum`: not 'leapfrog'. Does its energy split",
        ),
        "no gradients": (CHOICES | {"training": "dop853"}, "can gradients flow"),
        "nothing to keep": (CHOICES | {"friction": "gauss_legendre4"}, "Is there an energy"),
        "two": (CHOICES | {"comet": "leapfrog", "reference": "rk4"}, "4 of 6 are right"),
    },
    blank=dict.fromkeys(CHOICES, ...),
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks must pass."""

    chapter = check.chapter
    cases = (GROWTH, LEAP, SHADOW, PRICE, THINK)


def test_the_powers_of_exercise_4_are_those_of_the_orders():
    for name, order in (("rk45", 5), ("dop853", 8)):
        factor = COUNTED[name][3] / COUNTED[name][1]
        assert factor == pytest.approx(10 ** (4 / order), rel=0.25)


def test_the_methods_of_exercise_5_can_do_their_task():
    """Refused are leapfrog on a field that does not split, and gradients through SciPy."""
    from hnn_tutorial.systems import DampedPendulum, DoublePendulum

    both = DoublePendulum()
    start = both.sample(1, seed=0)
    with pytest.raises(ValueError, match="separable"):
        integrate(both.field, start, [0.0, 0.1], "leapfrog")
    assert METHODS[CHOICES["double pendulum"]].symplectic
    x = pack(torch.tensor(1.0), torch.tensor(0.0)).double().requires_grad_()
    with pytest.raises(ValueError, match="no gradients"):
        integrate(DampedPendulum().field, x, [0.0, 0.1], "dop853")
    assert integrate(DampedPendulum().field, x, [0.0, 0.1], CHOICES["training"]).requires_grad
