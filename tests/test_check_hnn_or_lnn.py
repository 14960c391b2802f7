"""The checks of "HNN or LNN?": right answers pass, wrong ones get their message."""

import torch
from check_tools import Case, ChapterChecks, pack

from hnn_tutorial import mechanics
from hnn_tutorial.check import hnn_or_lnn as check

# 1


def lagrangian(x, t, m, k, c, rate=1.0):
    return torch.exp(rate * c * t / m) * (m * x[..., 1] ** 2 - k * x[..., 0] ** 2) / 2


def energy(x, t, m, k, c, rate=1.0):
    return torch.exp(rate * c * t / m) * (m * x[..., 1] ** 2 + k * x[..., 0] ** 2) / 2


LAGRANGIAN = Case(
    check.lagrangian,
    lagrangian,
    {
        "another scale": lambda *a: -7 * lagrangian(*a),
        "with a total derivative": lambda x, *a: lagrangian(x, *a) + 3 * x[..., 0] ** 2 * x[..., 1],
        "a later clock": lambda x, t, *a: lagrangian(x, t + 1, *a),
    },
    {
        "no friction": (lambda *a: lagrangian(*a, rate=0.0), "without friction"),
        "growing": (lambda *a: lagrangian(*a, rate=-1.0), "driven, not damped"),
        "amplitude": (lambda *a: lagrangian(*a, rate=0.5), "half of what"),
        "twice": (lambda *a: lagrangian(*a, rate=2.0), "twice too large"),
        "no mass": (
            lambda x, t, m, k, c: lagrangian(x, t * m, m, k, c),
            "wrong by a factor m",
        ),
        "T + V": (energy, "T - V, not T + V"),
        "T + V, growing": (lambda *a: energy(*a, rate=-1.0), "T + V in place"),
        "power of friction": (
            lambda x, t, m, k, c: lagrangian(x, 0 * t, m, k, c) - c * x[..., 0] * x[..., 1],
            "without friction",
        ),
        "no velocity": (lambda x, t, m, k, c: -k * x[..., 0] ** 2 / 2, "∂²L/∂q̇² vanishes"),
        "Rayleigh": (
            lambda x, t, m, k, c: lagrangian(x, 0 * t, m, k, c) - c * x[..., 1] ** 2 / 2,
            "another q̈",
        ),
        "detached": (lambda x, *a: lagrangian(x.detach(), *a), "No gradient flows"),
        "batches only": (
            lambda x, *a: lagrangian(x, *a) * (x.ndim > 1),
            "for a batch only",
        ),
    },
    spared={"wrong sign": "minus L has the same motions"},
)

# 2


def turned(field, x):
    omega = mechanics.symplectic_form(x.shape[-1] // 2, dtype=x.dtype, device=x.device)
    return omega @ mechanics.jacobian(field)(x)


def defect(field, x):
    matrix = turned(field, x)
    return (matrix - matrix.mT).abs().amax(dim=(-2, -1))


def behind(field, x):
    n = x.shape[-1] // 2
    matrix = mechanics.jacobian(field)(x) @ mechanics.symplectic_form(
        n, dtype=x.dtype, device=x.device
    )
    return (matrix - matrix.mT).abs().amax(dim=(-2, -1))


def by_blocks(field, x):
    n = x.shape[-1] // 2
    J = mechanics.jacobian(field)(x)
    A, B, C, D = J[..., :n, :n], J[..., :n, n:], J[..., n:, :n], J[..., n:, n:]
    parts = [(A + D.mT), B - B.mT, C - C.mT]
    return torch.stack([part.abs().amax((-2, -1)) for part in parts]).amax(0)


DEFECT = Case(
    check.defect,
    defect,
    {
        "by blocks": by_blocks,
        "Ω behind": behind,
        "other sign of Ω": lambda f, x: (turned(f, x).mT - turned(f, x)).abs().flatten(-2).amax(-1),
    },
    {
        "no Ω": (
            lambda f, x: (
                (mechanics.jacobian(f)(x) - mechanics.jacobian(f)(x).mT).abs().amax((-2, -1))
            ),
            "as for a gradient field",
        ),
        "divergence": (lambda f, x: mechanics.divergence(f)(x), "This is the divergence"),
        "absolute divergence": (
            lambda f, x: mechanics.divergence(f)(x).abs(),
            "This is the divergence",
        ),
        "no transpose": (lambda f, x: turned(f, x).abs().amax((-2, -1)), "This is ΩJ itself"),
        "plus": (
            lambda f, x: (turned(f, x) + turned(f, x).mT).abs().amax((-2, -1)),
            "Subtract the transpose",
        ),
        "sum": (
            lambda f, x: (turned(f, x) - turned(f, x).mT).abs().sum((-2, -1)),
            "the sum of all entries",
        ),
        "mean": (
            lambda f, x: (turned(f, x) - turned(f, x).mT).abs().mean((-2, -1)),
            "the mean of all entries",
        ),
        "one number": (lambda f, x: defect(f, x).max(), "shape"),
    },
)

# 3


def canonical_rates(L, field, x):
    return torch.func.jvp(mechanics.conjugate_momentum(L), (x,), (field(x),))[1]


def by_jacobian(L, field, x):
    J = mechanics.jacobian(mechanics.conjugate_momentum(L))(x)
    return (J @ field(x).unsqueeze(-1)).squeeze(-1)


def by_differences(L, field, x):
    momenta, h = mechanics.conjugate_momentum(L), 1e-5
    return (momenta(x + h * field(x)) - momenta(x - h * field(x))) / (2 * h)


def euler_lagrange(L, field, x):
    n = x.shape[-1] // 2
    return torch.cat([x[..., n:], mechanics.gradient(L)(x)[..., :n]], dim=-1)


RATES = Case(
    check.canonical_rates,
    canonical_rates,
    {"jacobian": by_jacobian, "differences": by_differences},
    {
        "Euler-Lagrange": (euler_lagrange, "holds only for a motion that obeys"),
        "accelerations": (lambda L, f, x: f(x), "The second half should be ṗ"),
        "momenta": (lambda L, f, x: mechanics.conjugate_momentum(L)(x), "Asked for are their"),
        "p for the first half": (
            lambda L, f, x: torch.cat(
                [
                    mechanics.gradient(L)(x).chunk(2, -1)[1],
                    canonical_rates(L, f, x).chunk(2, -1)[1],
                ],
                dim=-1,
            ),
            "The first half is p",
        ),
        "halves exchanged": (
            lambda L, f, x: canonical_rates(L, f, x).roll(x.shape[-1] // 2, -1),
            "exchanged",
        ),
        "mass at rest": (
            lambda L, f, x: pack(f(x)[..., 0], 0.7 * 1.6**2 * f(x)[..., 1]),
            "Right where the mass is constant",
        ),
        "wrong sign": (lambda *a: -canonical_rates(*a), "not against it"),
    },
)

# 4

RIGHT = {1.0: [0.11, 0.12, 0.115], 2.0: [0.020, 0.021, 0.022], 4.0: [0.0050, 0.0051, 0.0049]}


def changed(change):
    return {light: [change(light, error) for error in row] for light, row in RIGHT.items()}


MISLED = Case(
    check.misled,
    RIGHT,
    {
        "tensors": {light: torch.tensor(row) for light, row in RIGHT.items()},
        "five seeds": {light: [*row, row[0] * 1.1, row[1] * 0.9] for light, row in RIGHT.items()},
    },
    {
        "squares": (changed(lambda _, error: error**2), "take the root"),
        "one seed": ({light: row[:1] for light, row in RIGHT.items()}, "at least 3"),
        "same seed": ({light: row[:1] * 3 for light, row in RIGHT.items()}, "pass `seed` on"),
        "other order": (dict(zip(RIGHT, reversed(RIGHT.values()), strict=True)), "right order"),
        "logarithms": (changed(lambda _, error: -error), "zero or negative"),
        "not divided": (changed(lambda _, error: error * 20), "divided by the norm"),
        "right momenta": (changed(lambda light, _: 1e-6 / light + 1e-9 * _), "near 4"),
    },
    blank=dict.fromkeys(check.LIGHTS, ...),
)

# 5

MODELS = {case: model for case, (model, _) in check.CASES.items()}

THINK = Case(
    check.models,
    MODELS,
    {"other order": dict(reversed(MODELS.items())), "copy": dict(MODELS)},
    {
        "HNN for joints": (MODELS | {"robot arm": "HNN"}, "Is the momentum of a joint known?"),
        "HNN for friction": (MODELS | {"swing": "HNN"}, "Does it keep its energy?"),
        "physics for an epidemic": (
            MODELS | {"epidemic": "second-order network"},
            "Is there an acceleration",
        ),
        "a model for a picture": (MODELS | {"one photograph": "HNN"}, "determined by the data"),
    },
    blank=dict.fromkeys(MODELS, ...),
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks get."""

    chapter = check.chapter
    cases = (LAGRANGIAN, DEFECT, RATES, MISLED, THINK)
