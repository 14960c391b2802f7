"""The checks of "An LNN from scratch": right answers pass, wrong ones get their message."""

import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import lnn_pendulum as check
from hnn_tutorial.mechanics import gradient, jacobian, lagrangian_field

# 1


def bead(x, g):
    q, v = x[..., 0], x[..., 1]
    return -(q * v**2 + g * q) / (1 + q**2)


def bead_with(whirl, pull=1.0):
    """A wrong bead: other multiples of q·q̇² and of g·q."""

    def answer(x, g):
        q, v = x[..., 0], x[..., 1]
        return (whirl * q * v**2 - pull * g * q) / (1 + q**2)

    return answer


def bead_lagrangian(x):
    q, v = x[..., 0], x[..., 1]
    return (1 + q**2) * v**2 / 2 - 9.81 * q**2 / 2


BEAD = Case(
    check.bead_acceleration,
    bead,
    {
        "factored": lambda x, g: -x[..., 0] * (x[..., 1] ** 2 + g) / (1 + x[..., 0] ** 2),
        "from L": lambda x, g: lagrangian_field(bead_lagrangian)(x)[..., 1],
    },
    {
        "wrong sign": (lambda x, g: -bead(x, g), "Both signs are reversed"),
        "spring": (lambda x, g: -g * x[..., 0], "This is a spring"),
        "no velocity": (bead_with(0), "The terms with q̇² are missing"),
        "no mixed derivative": (bead_with(1), "The mixed derivative, 2q"),
        "mixed added": (bead_with(3), "subtracted, not added"),
        "only mixed": (bead_with(-2), "from the kinetic energy too"),
        "force": (lambda x, g: bead(x, g) * (1 + x[..., 0] ** 2), "This is the force"),
        "multiplied": (
            lambda x, g: bead(x, g) * (1 + x[..., 0] ** 2) ** 2,
            "instead of divided",
        ),
        "no gravity": (bead_with(-1, 0.0), "Gravity is missing"),
        "constant": (lambda x, g: 0 * x[..., 0] + 1, "not the acceleration that L gives"),
    },
)

# 2


def parts(L, x):
    n = x.shape[-1] // 2
    second = jacobian(lambda y: gradient(L)(y)[..., n:])(x)
    return gradient(L)(x)[..., :n], second[..., :n], second[..., n:], x[..., n:]


def times(matrix, vector):
    return (matrix @ vector.unsqueeze(-1)).squeeze(-1)


def acceleration(L, x):
    force, mixed, mass, v = parts(L, x)
    return torch.linalg.solve(mass, (force - times(mixed, v)).unsqueeze(-1)).squeeze(-1)


def by_inverse(L, x):
    force, mixed, mass, v = parts(L, x)
    return times(torch.linalg.inv(mass), force - times(mixed, v))


def by_hessian(L, x):
    def one(y):
        n = len(y) // 2
        H = torch.func.hessian(L)(y)
        right = torch.func.grad(L)(y)[:n] - H[n:, :n] @ y[n:]
        return torch.linalg.solve(H[n:, n:], right)

    shape = (*x.shape[:-1], x.shape[-1] // 2)
    return torch.stack([one(y) for y in x.reshape(-1, x.shape[-1])]).reshape(shape)


def with_parts(formula):
    return lambda L, x: formula(*parts(L, x))


def solve(mass, force):
    return torch.linalg.solve(mass, force.unsqueeze(-1)).squeeze(-1)


ACCELERATION = Case(
    check.acceleration,
    acceleration,
    {
        "inverse": by_inverse,
        "Hessian, one by one": by_hessian,
        "package": lambda L, x: lagrangian_field(L)(x)[..., x.shape[-1] // 2 :],
    },
    {
        "no mixed": (
            with_parts(lambda f, m, M, v: solve(M, f)),
            "the mixed derivative times q̇ is missing",
        ),
        "mixed added": (
            with_parts(lambda f, m, M, v: solve(M, f + times(m, v))),
            "subtracted, not added",
        ),
        "no velocity": (
            with_parts(lambda f, m, M, v: solve(M, f - m.sum(-1))),
            "has to be multiplied with q̇",
        ),
        "transposed": (
            with_parts(lambda f, m, M, v: solve(M, f - times(m.mT, v))),
            "is transposed",
        ),
        "diagonal": (
            with_parts(lambda f, m, M, v: (f - times(m, v)) / M.diagonal(dim1=-2, dim2=-1)),
            "solve, do not divide",
        ),
        "force": (with_parts(lambda f, m, M, v: f - times(m, v)), "This is the force"),
        "multiplied": (with_parts(lambda f, m, M, v: times(M, f - times(m, v))), "Multiplied"),
        "wrong sign": (lambda L, x: -acceleration(L, x), "The sign is reversed"),
        "whole field": (lambda L, x: lagrangian_field(L)(x), "the whole field"),
        "pseudo-inverse": (
            with_parts(lambda f, m, M, v: times(torch.linalg.pinv(M), f - times(m, v))),
            "fixes no acceleration",
        ),
        "detached": (lambda L, x: acceleration(L, x).detach(), "No gradient flows"),
    },
)

# 3


def factor(raw):
    a, b, c = raw.unbind(-1)
    return torch.stack([a, torch.zeros_like(a), b, c], dim=-1).unflatten(-1, (2, 2))


def identity(raw):
    return 1e-4 * torch.eye(2, dtype=raw.dtype)


def positive(raw):
    return factor(raw) @ factor(raw).mT + identity(raw)


def by_exponential(raw):
    symmetric = factor(raw) + factor(raw).mT
    return torch.linalg.matrix_exp(symmetric / 3) + identity(raw)


def by_entries(raw):
    a, b, c = raw.unbind(-1)
    one, two, off = a.exp(), b.exp(), c.tanh()
    off = 0.99 * off * (one * two).sqrt()
    return torch.stack([one, off, off, two], dim=-1).unflatten(-1, (2, 2))


def entries(raw):
    a, b, c = raw.abs().unbind(-1)
    return torch.stack([a, b, b, c], dim=-1).unflatten(-1, (2, 2))


MASS = Case(
    check.mass_matrix,
    positive,
    {
        "other order": lambda raw: factor(raw).mT @ factor(raw) + identity(raw),
        "exponential": by_exponential,
        "entries": by_entries,
    },
    {
        "K": (factor, "not symmetric"),
        "K + transpose": (lambda raw: factor(raw) + factor(raw).mT, "neither is K + Kᵀ"),
        "positive entries": (entries, "Positive entries are not enough"),
        "no epsilon": (lambda raw: factor(raw) @ factor(raw).mT, "Add a little multiple"),
        "entry by entry": (
            lambda raw: factor(raw) * factor(raw).mT + identity(raw),
            "not `K * K`",
        ),
        "one sign": (lambda raw: positive(raw.abs()), "one sign only"),
        "two numbers": (
            lambda raw: positive(raw[..., [0, 1, 0]]),
            "matter independently",
        ),
        "wrong sign": (lambda raw: -positive(raw), "the sign is reversed"),
    },
    spared={"q and p swapped": "three numbers are no state"},
)

# 4

RANKS = {name: len(check.FAMILIES[name].terms) - n for name, n in check.COUNTS.items()}


def measured(rtol, count=60):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(count, 2, generator=generator, dtype=torch.float64)
    found = {}
    for name, family in check.FAMILIES.items():
        columns = []
        for term in family.terms:
            f, m, M, v = parts(term, x)
            columns.append(M[:, 0, 0] * family.acceleration(x) + m[:, 0, 0] * v[:, 0] - f[:, 0])
        sizes = torch.linalg.svdvals(torch.stack(columns, dim=-1))
        found[name] = int((sizes < rtol * sizes[0]).sum())
    return found


SOLUTIONS = Case(
    check.solutions,
    dict(check.COUNTS),
    {
        "measured": measured(1e-9),
        "tensors": {name: torch.tensor(n) for name, n in measured(1e-8, 300).items()},
    },
    {
        "ranks": (RANKS, "These are the ranks"),
        "no constant": ({name: n - 1 for name, n in check.COUNTS.items()}, "the constant"),
        "no friction": (check.COUNTS | {"spring with friction": 4}, "With friction"),
        "none": (dict.fromkeys(check.COUNTS, 0), "never exactly"),
        "one off": (check.COUNTS | {"pendulum": 4}, "too few"),
        "too many": (check.COUNTS | {"spring, degree 4": 8}, "too many"),
        "fraction": (check.COUNTS | {"pendulum": 4.5}, "a whole number"),
    },
    blank=dict.fromkeys(check.COUNTS, ...),
)

# 5

AGREEMENT = {name: word for name, (word, _) in check.QUANTITIES.items()}

THINK = Case(
    check.agreement,
    AGREEMENT,
    {"other order": dict(reversed(AGREEMENT.items())), "copy": dict(AGREEMENT)},
    {
        "mass is positive": (AGREEMENT | {"sign of the mass": "must agree"}, "Which motions"),
        "energy is energy": (AGREEMENT | {"energy": "must agree"}, "What is E of 2L?"),
        "nothing agrees": (AGREEMENT | {"equal energy": "may differ"}, "all along a motion"),
    },
    blank=dict.fromkeys(AGREEMENT, ...),
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks get."""

    chapter = check.chapter
    cases = (BEAD, ACCELERATION, MASS, SOLUTIONS, THINK)
