"""The checks of the pendulum: right answers pass, wrong ones get their message."""

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
        "constant": (lambda q, m, r, g: 0 * q + 1, "H is not 2mgl"),
    },
    spared=NO_STATE,
)

# 2


def turns(x, m, r, g):
    q, p = x.unbind(dim=-1)
    energy = p**2 / (2 * m * r**2) + m * g * r * (1 - q.cos())
    return torch.where(energy > 2 * m * g * r, p.sign(), 0 * p)


TURNS = Case(
    check.turns,
    turns,
    {
        "package": lambda x, m, r, g: (
            x[..., 1].sign() * (Pendulum(m, r, g).hamiltonian(x) > 2 * m * g * r)
        ),
        "separatrix": lambda x, m, r, g: (
            x[..., 1].sign()
            * (x[..., 1].abs() > 2 * m * r**2 * (g / r) ** 0.5 * (x[..., 0] / 2).cos().abs())
        ),
    },
    {
        "no direction": (lambda *a: turns(*a).abs(), "The direction is missing"),
        "moves": (lambda x, *_: x[..., 1].sign(), "just now"),
        "wrong sign": (lambda *a: -turns(*a), "The directions are exchanged"),
        "horizontal": (
            lambda x, m, r, g: x[..., 1].sign() * (Pendulum(m, r, g).hamiltonian(x) > m * g * r),
            "enough for the horizontal",
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
    },
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
            (integrate(f, s, t, "gauss_legendre4") - y) / sigma
        ),
    },
    {
        "no sigma": (lambda *a: misfit(*a) * a[-1], "divide by sigma"),
        "sigma twice": (lambda *a: misfit(*a) / a[-1], "twice"),
        "times sigma": (lambda *a: misfit(*a) * a[-1] ** 2, "instead of divided"),
        "squares": (lambda *a: misfit(*a).square(), "These are squares"),
        "first reading": (lambda f, s, y, *a: misfit(f, y[0], y, *a), "with all its noise"),
        "no motion": (lambda f, s, y, t, sigma: (s - y) / sigma, "The start itself"),
        "wrong sign": (lambda *a: -misfit(*a), "Right up to the sign"),
        "SciPy": (
            lambda f, s, y, t, sigma: (integrate(f, s, t, "dop853") - y) / sigma,
            "carries no gradients",
        ),
        "detached": (lambda f, s, *a: misfit(f, s.detach(), *a), "No gradient flows"),
    },
)

# 4

RIGHT = {sigma: 1 / (1 + sigma**2) for sigma in check.SIGMAS}


def measured(count, seed=0):
    g = torch.Generator().manual_seed(seed)
    q = torch.randn(count, generator=g, dtype=torch.float64)
    noise = torch.randn(count, generator=g, dtype=torch.float64)
    readings = {sigma: q + sigma * noise for sigma in check.SIGMAS}
    return {s: ((y * q).mean() / y.square().mean()).item() for s, y in readings.items()}


SLOPES = Case(
    check.slopes,
    measured(100_000),
    {"theory": RIGHT, "tensors": {s: torch.tensor(v) for s, v in measured(50_000, 1).items()}},
    {
        "force": ({s: -v for s, v in RIGHT.items()}, "slopes of the force"),
        "no noise": (dict.fromkeys(check.SIGMAS, 1.0), "No reading"),
        "other way round": ({s: 1 + s**2 for s in check.SIGMAS}, "against the force"),
        "correlation": ({s: v**0.5 for s, v in RIGHT.items()}, "a correlation"),
        "variance": ({s: 1 / (1 + s) for s in check.SIGMAS}, "as a variance"),
        "one off": (RIGHT | {0.5: 0.9}, "At sigma = 0.5"),
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
    },
    blank=dict.fromkeys(REMEDIES, ...),
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks get."""

    chapter = check.chapter
    cases = (SEPARATRIX, TURNS, MISFIT, SLOPES, THINK)
