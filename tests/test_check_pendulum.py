"""The checks of the pendulum: right answers pass, wrong ones get their message."""

import math

import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import pendulum as check
from hnn_tutorial.integrators import integrate
from hnn_tutorial.systems import Pendulum

NO_STATE = {"q and p swapped": "it takes no state"}

# 1


def separatrix(q, m, r, g):
    return 2 * m * r**2 * (g / r) ** 0.5 * (q / 2).cos()


SEPARATRIX = Case(
    check.separatrix,
    separatrix,
    {
        "root": lambda q, m, r, g: (2 * m**2 * g * r**3 * (1 + q.cos())).sqrt(),
        "half angle": lambda q, m, r, g: (
            2 * m * (g * r**3) ** 0.5 * (1 - (q / 2).sin() ** 2).sqrt()
        ),
        "from H": lambda q, m, r, g: (
            2 * m * r**2 * (2 * m * g * r - m * g * r * (1 - q.cos()))
        ).sqrt(),
    },
    {
        "velocity": (
            lambda q, m, r, g: separatrix(q, m, r, g) / (m * r**2),
            "This is the velocity",
        ),
        "square": (lambda q, m, r, g: separatrix(q, m, r, g) ** 2, "the root is missing"),
        "factor": (lambda q, m, r, g: separatrix(q, m, r, g) / 2**0.5, "A factor √2"),
        "upside down": (
            lambda q, m, r, g: (2 * m**2 * g * r**3 * (1 - q.cos())).sqrt(),
            "fastest at the bottom",
        ),
        "horizontal": (
            lambda q, m, r, g: (2 * m**2 * g * r**3 * q.cos().clamp(min=0)).sqrt(),
            "the curve of energy mgl",
        ),
        "mass for inertia": (
            lambda q, m, r, g: separatrix(q, m, r, g) / r,
            "The moment of inertia",
        ),
        "lower half": (lambda q, m, r, g: -separatrix(q, m, r, g), "the lower half"),
        "twice": (lambda q, m, r, g: 2 * separatrix(q, m, r, g), "2"),
        "gravity forgotten": (lambda q, m, r, g: separatrix(q, m, r, g) / g**0.5, "g"),
        "a float": (lambda q, m, r, g: 1.0, ""),
        "math": (lambda q, m, r, g: math.sqrt(q), "Your code raised"),
        "constant": (lambda q, m, r, g: 0 * q + 1, "H is not 2mgl"),
    },
    spared=NO_STATE,
)

# 2


def turns(x, m, r, g):
    q, p = x.unbind(dim=-1)
    energy = p**2 / (2 * m * r**2) + m * g * r * (1 - q.cos())
    return torch.where(energy > 2 * m * g * r, p.sign(), 0 * p)


def with_threshold(factor):
    return lambda x, m, r, g: (
        x[..., 1].sign() * (Pendulum(m, r, g).hamiltonian(x) > factor * m * g * r)
    )


def with_potential(potential, factor=2):
    def answer(x, m, r, g):
        q, p = x.unbind(dim=-1)
        energy = p**2 / (2 * m * r**2) + m * g * r * potential(q)
        return torch.where(energy > factor * m * g * r, p.sign(), 0 * p)

    return answer


def by_rows(x, m, r, g):
    """One state at a time, in plain Python."""
    if x.ndim == 1:
        q, p = x.tolist()
        enough = p * p / (2 * m * r * r) > m * g * r * (1 + math.cos(q))
        return torch.tensor(math.copysign(enough, p), dtype=x.dtype)
    return torch.stack([by_rows(row, m, r, g) for row in x])


TURNS = Case(
    check.turns,
    turns,
    {
        "package": with_threshold(2),
        "separatrix": lambda x, m, r, g: (
            x[..., 1].sign()
            * (x[..., 1].abs() > 2 * m * r**2 * (g / r) ** 0.5 * (x[..., 0] / 2).cos().abs())
        ),
        "zero at the horizontal": with_potential(lambda q: -q.cos(), 1),
        "zero at the top": with_potential(lambda q: -1 - q.cos(), 0),
        "rows": by_rows,
        "integers": lambda *a: turns(*a).int(),
    },
    {
        "no direction": (lambda *a: turns(*a).abs(), "The direction is missing"),
        "moves": (lambda x, *_: x[..., 1].sign(), "just now"),
        "wrong sign": (lambda *a: -turns(*a), "The directions are exchanged"),
        "horizontal": (with_threshold(1), "enough for the horizontal"),
        "zero of V": (with_potential(lambda q: -q.cos()), "its zero is at the horizontal"),
        "2.1": (with_threshold(2.1), "At least one state is wrong"),
        "1.9": (with_threshold(1.9), "At least one state is wrong"),
        "3": (with_threshold(3), "These have more than 3mgl"),
        "V with the wrong sign": (
            with_potential(lambda q: q.cos() - 1),
            "At least one state is wrong",
        ),
        "high now": (
            lambda x, *_: torch.where(
                x[..., 0].abs() > torch.pi / 2, x[..., 1].sign(), 0 * x[..., 0]
            ),
            "Where it is now",
        ),
        "kinds exchanged": (
            lambda x, *a: torch.where(turns(x, *a) != 0, 0 * x[..., 1], x[..., 1].sign()),
            "The two kinds are exchanged",
        ),
        "batches only": (
            lambda x, *a: turns(x, *a) if x.ndim > 1 else 0 * turns(x, *a),
            "wrong for a single state",
        ),
        "rows only": (
            lambda x, *a: turns(x, *a) if x.ndim < 3 else turns(x, *a).flip(0),
            "wrong for a batch of shape (3, 5, 2)",
        ),
        "first column": (lambda x, *a: turns(x, *a) + 0 * x[:, 0], "Your code raised"),
    },
    equivalent={"p.sign(), 0)": "torch.where takes a number as well"},
)

# 3


def misfit(field, starts, readings, times, sigma):
    return (integrate(field, starts, times, "rk4", step=0.02) - readings) / sigma


def by_hand(field, starts, readings, times, sigma):
    x, path = starts, [starts]
    for gap in times.diff():
        for _ in range(40):
            k = field(x)
            x = x + gap / 40 * field(x + gap / 80 * k)
        path.append(x)
    return torch.stack([(x - seen) / sigma for x, seen in zip(path, readings, strict=True)])


MISFIT = Case(
    check.misfit,
    misfit,
    {
        "midpoint by hand": by_hand,
        "Gauss-Legendre": lambda f, s, y, t, sigma: (
            (integrate(f, s, t, "gauss_legendre4", step=0.1) - y) / sigma
        ),
        "SciPy's": lambda f, s, y, t, sigma: (integrate(f, s, t, "dop853") - y) / sigma,
        "leapfrog of small steps": lambda f, s, y, t, sigma: (
            (integrate(f, s, t, "implicit_midpoint", step=0.01) - y) / sigma
        ),
        "one motion at a time": lambda f, s, y, t, sigma: torch.stack(
            [
                (integrate(f, one, t, step=0.05) - seen) / sigma
                for one, seen in zip(s, y.unbind(1), strict=True)
            ],
            dim=1,
        ),
    },
    {
        "no sigma": (lambda *a: misfit(*a) * a[-1], "divide by sigma"),
        "sigma twice": (lambda *a: misfit(*a) / a[-1], "twice"),
        "times sigma": (lambda *a: misfit(*a) * a[-1] ** 2, "instead of divided"),
        "squares": (lambda *a: misfit(*a).square(), "These are squares"),
        "first reading": (lambda f, s, y, *a: misfit(f, y[0], y, *a), "with all its noise"),
        "no motion": (lambda f, s, y, t, sigma: (s - y) / sigma, "The start itself"),
        "readings alone": (lambda f, s, y, t, sigma: (y[0] - y) / sigma, "with the first of them"),
        "wrong sign": (lambda *a: -misfit(*a), "Right up to the sign"),
        "too coarse": (
            lambda f, s, y, t, sigma: (integrate(f, s, t, "rk4") - y) / sigma,
            "Too coarse: the same code with smaller gaps",
        ),
        "Euler": (
            lambda f, s, y, t, sigma: (integrate(f, s, t, "euler") - y) / sigma,
            "predicted less observed",
        ),
        "backwards": (
            lambda f, s, y, t, sigma: (integrate(f, s, -t, "rk4", step=0.05) - y) / sigma,
            "predicted less observed",
        ),
        "detached": (lambda f, s, *a: misfit(f, s.detach(), *a), "No gradient flows"),
        "transposed": (lambda *a: misfit(*a).transpose(0, 1), "shape"),
    },
    equivalent={
        "integrate(field, starts, times, step=0.02)": "rk4 is what integrate takes by itself",
        "step=0.04": "fine enough as well",
    },
    gradients=True,
)

# 4

RIGHT = {
    sigma: check.STIFFNESS * check.SPREAD**2 / (check.SPREAD**2 + sigma**2)
    for sigma in check.SIGMAS
}


def measured(count, seed=0):
    g = torch.Generator().manual_seed(seed)
    q = check.SPREAD * torch.randn(count, generator=g, dtype=torch.float64)
    noise = torch.randn(count, generator=g, dtype=torch.float64)
    readings = {sigma: q + sigma * noise for sigma in check.SIGMAS}
    return {
        s: (check.STIFFNESS * (y * q).mean() / y.square().mean()).item()
        for s, y in readings.items()
    }


SLOPES = Case(
    check.slopes,
    measured(100_000),
    {
        "theory": RIGHT,
        "tensors by hand": {s: torch.tensor(v) for s, v in measured(100_000, 1).items()},
    },
    {
        "force": ({s: -v for s, v in RIGHT.items()}, "slopes of the force"),
        "no noise": (dict.fromkeys(check.SIGMAS, check.STIFFNESS), "No reading"),
        "other way round": ({s: 1 / v for s, v in RIGHT.items()}, "against the force"),
        "turned over": (
            {s: check.STIFFNESS**2 / v for s, v in RIGHT.items()},
            "turned over",
        ),
        "root": ({s: (check.STIFFNESS * v) ** 0.5 for s, v in RIGHT.items()}, "by a root"),
        "correlation": ({s: (v / check.STIFFNESS) ** 0.5 for s, v in RIGHT.items()}, "correlation"),
        "variance": (
            {s: check.STIFFNESS * 0.64 / (0.64 + s) for s in check.SIGMAS},
            "as a variance",
        ),
        "no force": ({s: v / check.STIFFNESS for s, v in RIGHT.items()}, "The force is missing"),
        "reversed": (dict(zip(RIGHT, reversed(RIGHT.values()), strict=True)), "wrong order"),
        "one off": (RIGHT | {0.5: 0.9}, "At sigma = 0.5"),
        "variance 1": (
            {s: check.STIFFNESS / (1 + s**2) for s in check.SIGMAS},
            "Are the positions those of `draw()`",
        ),
    },
    blank=dict.fromkeys(check.SIGMAS, ...),
)

# 5

REMEDIES = {case: remedy for case, (remedy, _) in check.CASES.items()}

THINK = Case(
    check.remedies,
    REMEDIES,
    {"other order": dict(reversed(REMEDIES.items())), "copy": dict(REMEDIES)},
    {
        "more data for the clock": (REMEDIES | {"runs late": "more data"}, "ten times the data"),
        "Hamiltonian for friction": (
            REMEDIES | {"comes to rest": "a Hamiltonian"},
            "Is the energy of this system kept?",
        ),
        "data for the turn": (REMEDIES | {"turns over": "more data"}, "q = 0 and q = 2π"),
        "data for softness": (REMEDIES | {"too soft": "more data"}, "or on its inputs?"),
        "a Hamiltonian for the integrator": (
            REMEDIES | {"creeps": "a Hamiltonian"},
            "under the same integrator",
        ),
    },
    blank=dict.fromkeys(REMEDIES, ...),
    words=check.REMEDIES,
)

# 6


DISTANCES = [0.99, 1e-2, 1e-3, 1e-4, 1e-5]


def study(distances=DISTANCES, factor=1.0, said=check.GROWTH[1], hoped=check.GROWTH[0]):
    """An experiment with these distances, whose periods are wrong by a factor."""
    periods = [factor * check.period(d) for d in distances]
    return {
        "prediction": hoped,
        "distances": list(distances),
        "periods": periods,
        "conclusion": said,
    }


GROW = Case(
    check.growth,
    study(),
    {
        "halves": study([0.98, *(0.016 / 2**k for k in range(12))]),
        "no order": study([1e-4, 0.99, 1e-2, 1e-5, 1e-3]),
        "came true": study(hoped=check.GROWTH[1]),
        "more": study([0.999, 0.5, 0.1, 1e-2, 1e-3, 1e-4, 1e-5]),
    },
    {
        "half periods": (study(factor=0.5), "These are half periods"),
        "quarters": (study(factor=0.25), "These are quarter periods"),
        "twice": (study(factor=2), "These are twice"),
        "phases": (study(factor=check.SWING.frequency), "These are phases"),
        "a little off": (study(factor=1.02), "measured again it is"),
        "factor": (study(said=check.GROWTH[0]), "a conclusion that your own numbers support"),
        "limit": (study(said=check.GROWTH[2]), "a conclusion that your own numbers support"),
        "no control": (study(DISTANCES[1:]), "a control where theory knows the answer"),
        "few": (study([0.99, 1e-2, 1e-4, 1e-6]), "four or more distances"),
        "narrow": (study([0.99, 0.016, 0.008, 0.004, 0.002]), "a wide range"),
        "irregular": (study([0.99, 1e-2, 2e-3, 1e-4, 1e-5]), "a regular design"),
        "at the separatrix": (study() | {"distances": [0.99, 1e-2, 1e-3, 1e-4, 0.0]}, "A distance"),
        "one short": (study() | {"periods": study()["periods"][1:]}, "one period for each"),
        "no list": (study() | {"periods": 4.5}, "should be a list of numbers"),
        "another word": (study() | {"conclusion": "slowly"}, "choose one of"),
    },
    blank=dict.fromkeys(check.STUDY, ...),
    words={"prediction": check.GROWTH, "conclusion": check.GROWTH},
    equivalent={"['prediction'] = ": "any prediction may be made"},
)


def test_the_periods_of_exercise_6_are_those_of_the_package():
    x = torch.tensor([2.0, 0.0], dtype=torch.float64)
    distance = 1 - check.SWING.hamiltonian(x).item() / (2 * check.SWING.torque)
    end = integrate(check.SWING.field, x, [0.0, check.period(distance)], step=0.001)[-1]
    torch.testing.assert_close(end, x, rtol=0, atol=1e-6)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks get."""

    chapter = check.chapter
    cases = (SEPARATRIX, TURNS, MISFIT, SLOPES, THINK, GROW)
    demanding = True
