"""The checks of the integrators: right answers pass, wrong ones get their message."""

import math

import pytest
import torch
from check_tools import Case, ChapterChecks, pack

from hnn_tutorial.check import integrators as check
from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.systems import MassSpring

# 1


def backward(h, m, k):
    return 1 / (1 + k / m * h**2)


def backward_solved(h, m, k):
    """The equations for the new state solved, for one state."""
    h = torch.as_tensor(h)
    one = torch.ones_like(h)
    rows = [torch.stack([one, -h / m], -1), torch.stack([k * h, one], -1)]
    x = torch.tensor([0.3, 0.7], dtype=h.dtype)
    after = torch.linalg.solve(torch.stack(rows, -2), x.expand(*h.shape, 2).unsqueeze(-1))
    spring = MassSpring(m, k)
    return spring.hamiltonian(after[..., 0]) / spring.hamiltonian(x)


BACKWARD = Case(
    check.backward_euler,
    backward,
    {
        "equations solved": backward_solved,
        "determinant": lambda h, m, k: 1 / (1 + ((k / m) ** 0.5 * h).square()),
        "one fraction": lambda h, m, k: m / (m + k * h * h),
        "Euler backwards": lambda h, m, k: (
            MassSpring(m, k).hamiltonian(pack(0 * h + 1, 0 * h))
            / MassSpring(m, k).hamiltonian(pack(0 * h + 1, k * h))
        ),
    },
    {
        "nothing": (lambda h, m, k: 0 * h + 1, "This says that the method keeps the energy"),
        "forward": (lambda h, m, k: 1 + k / m * h**2, "of the chapter's Euler method"),
        "two terms": (lambda h, m, k: 1 - k / m * h**2, "the first two terms of the series"),
        "change": (lambda h, m, k: backward(h, m, k) - 1, "Asked for is the factor"),
        "sign": (lambda h, m, k: 1 / (1 - k / m * h**2), "The sign is wrong"),
        "amplitude": (lambda h, m, k: backward(h, m, k).sqrt(), "the factor of the amplitude"),
        "first power": (
            lambda h, m, k: 1 / (1 + (k / m) ** 0.5 * h),
            "In the first power of Δt the energy is unchanged",
        ),
        "parameters swapped": (lambda h, m, k: 1 / (1 + m / k * h**2), "m and k are exchanged"),
        "no parameters": (lambda h, m, k: 1 / (1 + h**2), "lacks ω₀²"),
        "no mass": (lambda h, m, k: 1 / (1 + k * h**2), "m is missing"),
        "exponential": (lambda h, m, k: torch.exp(-k / m * h**2), "An exponential"),
        "half": (lambda h, m, k: 1 / (1 + k / m * h**2 / 2), "twice as large"),
        "one number": (lambda h, m, k: backward(h, m, k).mean(), "shape"),
        "not any shape": (
            lambda h, m, k: backward(h, m, k) if h.ndim == 1 else backward(h.flip(0), m, k),
            "the step may have any shape",
        ),
        "something else": (lambda h, m, k: h, "This is not H(q', p')/H(q, p)"),
        "math": (
            lambda h, m, k: 1 / (1 + math.sqrt(k / m) * math.pow(h, 2)),
            "Your code raised",
        ),
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
    n = x.shape[-1] // 2
    q, p = x[..., :n], x[..., n:]
    q = q + h / 2 * f(x)[..., :n]
    p = p + h * f(torch.cat([q, p], dim=-1))[..., n:]
    q = q + h / 2 * f(torch.cat([q, p], dim=-1))[..., :n]
    return torch.cat([q, p], dim=-1)


def by_momentum(f, x, h):
    q, p = x.chunk(2, dim=-1)
    q = q + h / 2 * p
    p = p + h * f(torch.cat([q, p], dim=-1)).chunk(2, dim=-1)[1]
    return torch.cat([q + h / 2 * p, p], dim=-1)


def stale_kick(f, x, h):
    q, p, dq, dp = halves(f, x)
    q, p = q + h / 2 * dq, p + h * dp
    dq = f(torch.cat([q, p], dim=-1)).chunk(2, dim=-1)[0]
    return torch.cat([q + h / 2 * dq, p], dim=-1)


def stale_drift(f, x, h):
    q, p, dq, _ = halves(f, x)
    q = q + h / 2 * dq
    p = p + h * f(torch.cat([q, p], dim=-1)).chunk(2, dim=-1)[1]
    return torch.cat([q + h / 2 * dq, p], dim=-1)


def stale_second_kick(f, x, h):
    q, p, _, dp = halves(f, x)
    p = p + h / 2 * dp
    q = q + h * f(torch.cat([q, p], dim=-1)).chunk(2, dim=-1)[0]
    return torch.cat([q, p + h / 2 * dp], dim=-1)


def in_place(f, x, h):
    n = x.shape[-1] // 2
    x[..., :n] += h / 2 * f(x)[..., :n]
    x[..., n:] += h * f(x)[..., n:]
    x[..., :n] += h / 2 * f(x)[..., :n]
    return x


def on_a_copy(f, x, h):
    return in_place(f, x.clone(), h)


def by_masks(f, x, h):
    n = x.shape[-1] // 2
    first = torch.cat([torch.ones(n), torch.zeros(n)]).to(x)
    x = x + h / 2 * first * f(x)
    x = x + h * (1 - first) * f(x)
    return x + h / 2 * first * f(x)


def first_degree_only(f, x, h):
    moved = leap(f, x, h)
    n = x.shape[-1] // 2
    rest = torch.cat([moved[..., :1], x[..., 1:n], moved[..., n : n + 1], x[..., n + 1 :]], dim=-1)
    return rest if n > 1 else moved


def heun(f, x, h):
    return x + h / 2 * (f(x) + f(x + h * f(x)))


LEAP = Case(
    check.leapfrog,
    leap,
    {
        "kick, drift, kick": lambda f, x, h: kick(f, drift(f, kick(f, x, h / 2), h), h / 2),
        "package": lambda f, x, h: METHODS["leapfrog"].step(f, x, h),
        "drift, kick, drift": lambda f, x, h: drift(f, kick(f, drift(f, x, h / 2), h), h / 2),
        "on a copy": on_a_copy,
        "masks": by_masks,
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
        "Heun": (heun, "This is Heun's method"),
        "Ralston": (
            lambda f, x, h: x + h / 4 * (f(x) + 3 * f(x + 2 * h / 3 * f(x))),
            "The step is not symplectic: it changes areas",
        ),
        "momentum for velocity": (by_momentum, "use the momentum p in place of the velocity"),
        "stale kick": (stale_kick, "computed before the positions moved"),
        "stale drift": (stale_drift, "second half drift was computed before the kick"),
        "stale second kick": (stale_second_kick, "computed before the positions moved"),
        "no second drift": (
            lambda f, x, h: kick(f, drift(f, x, h / 2), h),
            "The second half drift is missing",
        ),
        "no first drift": (
            lambda f, x, h: drift(f, kick(f, x, h), h / 2),
            "The first half drift is missing",
        ),
        "no second kick": (
            lambda f, x, h: drift(f, kick(f, x, h / 2), h),
            "The second half kick is missing",
        ),
        "kick of the wrong sign": (
            lambda f, x, h: drift(f, kick(f, drift(f, x, h / 2), -h), h / 2),
            "The sign of the kick is wrong",
        ),
        "second drift whole": (
            lambda f, x, h: drift(f, kick(f, drift(f, x, h / 2), h), h),
            "The second drift is a whole one",
        ),
        "only the change": (lambda f, x, h: leap(f, x, h) - x, "Return the new state"),
        "halves exchanged": (
            lambda f, x, h: leap(f, x, h).roll(x.shape[-1] // 2, dims=-1),
            "The two halves of the result are exchanged",
        ),
        "in place": (in_place, "changes its input in place"),
        "rows for halves": (lambda f, x, h: pack(*leap(f, x, h).unbind(0)), "shape"),
        "first rows": (
            lambda f, x, h: torch.cat([x[:2] + h * f(x)[:2], x[2:] + h * f(x)[2:]], dim=-1),
            "Your code raised",
        ),
        "one batch axis": (
            lambda f, x, h: leap(f, x, h) if x.ndim < 3 else leap(f, x.flip(0), h),
            "wrong for states of shape (5, 3, 2, 8)",
        ),
        "half the step": (lambda f, x, h: leap(f, x, h / 2), "the step cut in half once too often"),
        "three times the step": (lambda f, x, h: leap(f, x, 3 * h), "does not follow the field"),
        "backwards": (lambda f, x, h: leap(f, x, -h), "Time runs backwards"),
        "one third first": (
            lambda f, x, h: drift(f, kick(f, drift(f, x, h / 3), h), 2 * h / 3),
            "The measured order is 1",
        ),
        "unchanged": (lambda f, x, h: x + 0, "comes back unchanged"),
        "first degree only": (first_degree_only, "Right for one degree of freedom"),
    },
    spared={"float32": "small differences are taken to see whether it is symplectic"},
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
    {
        "completed square": completed_square,
        "quadratic form": quadratic_form,
        "velocity": lambda x, h, m, k: energy(x, m, k) + h * (x[..., 1] / m) * (k * x[..., 0]) / 2,
    },
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
        "correction alone": (
            lambda x, h, m, k: h / 2 * mixed(x, m, k),
            "This is the correction alone",
        ),
        "m and k exchanged": (
            lambda x, h, m, k: energy(x, m, k) + h / 2 * m / k * x[..., 0] * x[..., 1],
            "Mass and stiffness are exchanged in the correction",
        ),
        "one batch axis": (
            lambda x, h, m, k: shadow(x, h, m, k) if x.ndim < 3 else shadow(x.flip(0), h, m, k),
            "wrong for (5, 3, 2)",
        ),
        "unpacked": (lambda x, h, m, k: shadow(pack(*x), h, m, k) + x[0][99], "Your code raised"),
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
            "each count includes those of the runs before",
        ),
        "too many calls": (
            counted(lambda n, v: v * 1.3),
            "with the tolerance as `rtol` and as `atol`",
        ),
        "one entry wrong": (
            COUNTED | {"rk45": [*COUNTED["rk45"][:3], 2 * COUNTED["rk45"][3]]},
            "At the tolerance 1e-10 rk45 calls the field",
        ),
        "zero": (counted(lambda n, v: 0), "below 1"),
        "texts": (counted(lambda n, v: str(v)), "one number of calls for each"),
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
        "an adaptive one": (CHOICES | {"training": "dop853"}, "just the few steps"),
        "nothing to keep": (CHOICES | {"friction": "gauss_legendre4"}, "Is there an energy"),
        "two": (CHOICES | {"comet": "leapfrog", "reference": "rk4"}, "4 of 6 are right"),
    },
    blank=dict.fromkeys(CHOICES, ...),
    words=check.METHOD_CHOICES,
)


# 6


def compared(budgets, conclusion=8, **changes):
    """A study at so many calls per second, by the function of the check."""
    leaps = [METHODS["leapfrog"].evaluations / calls for calls in budgets]
    steps = [METHODS["rk4"].evaluations / calls for calls in budgets]
    return {
        "prediction": 4,
        "leapfrog steps": leaps,
        "rk4 steps": steps,
        "crossings": [check.crossing(*pair) for pair in zip(leaps, steps, strict=True)],
        "conclusion": conclusion,
    } | changes


def equal_steps(steps):
    return {
        "prediction": 8,
        "leapfrog steps": steps,
        "rk4 steps": steps,
        "crossings": [check.crossing(h, h) for h in steps],
        "conclusion": 8,
    }


BUDGETS = (8, 12, 16, 24)
STUDY = compared(BUDGETS)
TIMES = STUDY["crossings"]

PAYS = Case(
    check.when_it_pays,
    STUDY,
    {
        "a right prediction": STUDY | {"prediction": 8},
        "other budgets": compared((10, 14, 20)),
        "tensors": {key: torch.tensor(value) for key, value in STUDY.items()},
        "shuffled": compared((16, 8, 24, 12)),
        "rounded": STUDY | {"crossings": [round(t) for t in TIMES]},
    },
    {
        "no such factor": (STUDY | {"prediction": 7}, "choose one of (2, 4, 8, 16, 32)"),
        "a word": (STUDY | {"conclusion": "eight"}, "should be one number"),
        "equal steps": (equal_steps([0.5, 0.35, 0.25, 0.2]), "it lacks equal work"),
        "two settings": (compared((8, 20)), "it lacks three settings or more"),
        "a narrow range": (compared((10, 12, 14)), "it lacks a range of budgets"),
        "conclusion of the orders": (STUDY | {"conclusion": 4}, "it lacks a conclusion"),
        "too large a conclusion": (STUDY | {"conclusion": 32}, "it lacks a conclusion"),
        "crossings twice": (
            STUDY | {"crossings": [2 * t for t in TIMES]},
            "the right value is",
        ),
        "steps for seconds": (
            STUDY | {"crossings": [t / h for t, h in zip(TIMES, STUDY["rk4 steps"], strict=True)]},
            "the right value is",
        ),
        "one crossing off": (
            STUDY | {"crossings": [*TIMES[:-1], 200.0]},
            "With steps of 0.125 s (leapfrog)",
        ),
        "methods exchanged": (
            STUDY | {"leapfrog steps": STUDY["rk4 steps"], "rk4 steps": STUDY["leapfrog steps"]},
            "the right value is",
        ),
        "lists of different lengths": (STUDY | {"crossings": TIMES[:3]}, "4, 4 and 3 entries"),
        "one setting": (STUDY | {"crossings": TIMES[:1]}, "at least 2 of them"),
        "too long": (
            STUDY | {"rk4 steps": [1.5, *STUDY["rk4 steps"][1:]]},
            "so long that the method breaks down",
        ),
        "too short": (
            STUDY | {"rk4 steps": [*STUDY["rk4 steps"][:3], 0.01]},
            "so short that the crossing",
        ),
    },
    blank=dict.fromkeys(STUDY, ...),
    equivalent={
        f"['prediction'] {change}": "any prediction on offer may be made"
        for change in ("times 2", "times 1/2", "squared")
    },
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks must pass."""

    chapter = check.chapter
    cases = (BACKWARD, LEAP, SHADOW, PRICE, THINK, PAYS)
    demanding = True


def test_the_powers_of_exercise_4_are_those_of_the_orders():
    for name, order in (("rk45", 5), ("dop853", 8)):
        factor = COUNTED[name][3] / COUNTED[name][1]
        assert factor == pytest.approx(10 ** (4 / order), rel=0.25)


def test_the_methods_of_exercise_5_can_do_their_task():
    """Leapfrog is refused on a field that does not split; gradients through SciPy cost more."""
    from hnn_tutorial.systems import DampedPendulum, DoublePendulum

    both = DoublePendulum()
    start = both.sample(1, seed=0)
    with pytest.raises(ValueError, match="separable"):
        integrate(both.field, start, [0.0, 0.1], "leapfrog")
    assert METHODS[CHOICES["double pendulum"]].symplectic
    x = pack(torch.tensor(1.0), torch.tensor(0.0)).double().requires_grad_()
    calls = []

    def field(x):
        calls.append(x)
        return DampedPendulum().field(x)

    def cost(method):
        calls.clear()
        assert integrate(field, x, [0.0, 0.1], method).requires_grad
        return len(calls)

    assert cost("dop853") > 3 * cost(CHOICES["training"])


def test_the_crossing_of_exercise_6_goes_as_the_third_power_of_the_calls():
    early, late = compared((12, 24))["crossings"]
    assert late / early == pytest.approx(8, rel=0.15)
