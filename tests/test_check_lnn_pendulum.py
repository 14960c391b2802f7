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


def bead_lagrangian(g):
    def L(x):
        q, v = x[..., 0], x[..., 1]
        return 0.7 * ((1 + q**2) * v**2 / 2 - g * q**2 / 2)

    return L


BEAD = Case(
    check.bead_acceleration,
    bead,
    {
        "factored": lambda x, g: -x[..., 0] * (x[..., 1] ** 2 + g) / (1 + x[..., 0] ** 2),
        "from L": lambda x, g: lagrangian_field(bead_lagrangian(g))(x)[..., 1],
    },
    {
        "wrong sign": (lambda x, g: -bead(x, g), "Both signs are reversed"),
        "one batch axis": (
            lambda x, g: -x[:, 0] * (x[:, 1] ** 2 + g) / (1 + x[:, 0] ** 2),
            "(4, 3)",
        ),
        "constant g": (lambda x, g: bead(x, 9.81), "(4, 3, 2)"),
        "slope for its square": (
            lambda x, g: bead(x, g) * (1 + x[..., 0] ** 2) / (1 + x[..., 0]),
            "the squared slope",
        ),
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


def divided(mass, force):
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
            with_parts(lambda f, m, M, v: divided(M, f)),
            "the mixed derivative times q̇ is missing",
        ),
        "mixed added": (
            with_parts(lambda f, m, M, v: divided(M, f + times(m, v))),
            "subtracted, not added",
        ),
        "no velocity": (
            with_parts(lambda f, m, M, v: divided(M, f - m.sum(-1))),
            "has to be multiplied with q̇",
        ),
        "transposed": (
            with_parts(lambda f, m, M, v: divided(M, f - times(m.mT, v))),
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
        "ridge": (
            with_parts(
                lambda f, m, M, v: divided(M + 1e-3 * torch.eye(len(v[0])), f - times(m, v))
            ),
            "if 0.001 times the identity is added",
        ),
        "small ridge": (
            with_parts(
                lambda f, m, M, v: divided(M + 1e-5 * torch.eye(len(v[0])), f - times(m, v))
            ),
            "if 1e-05 times the identity is added",
        ),
        "another ridge": (
            with_parts(
                lambda f, m, M, v: divided(M + 3e-4 * torch.eye(len(v[0])), f - times(m, v))
            ),
            "For a pendulum this is not q̈. At x =",
        ),
        "dot product": (
            with_parts(lambda f, m, M, v: divided(M, f - (m[..., 0, :] * v).sum(-1, keepdim=True))),
            "Right for one degree of freedom, and wrong for two. At x =",
        ),
    },
    gradients=True,
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
        "ten added": (
            lambda raw: positive(raw) + 10 * torch.eye(2, dtype=raw.dtype),
            "Among those that are not is [[3, 2], [2, 2]]",
        ),
        "a tenth added": (
            lambda raw: positive(raw) + torch.eye(2, dtype=raw.dtype) / 10,
            "what is added to the diagonal must be little",
        ),
        "bounded": (lambda raw: positive(3 * raw.tanh()), "not every positive definite matrix"),
        "small diagonal only": (
            lambda raw: (
                factor(raw.sigmoid() - 0.5) @ factor(raw.sigmoid() - 0.5).mT + identity(raw)
            ),
            "not every positive definite matrix",
        ),
        "weakly coupled": (
            lambda raw: by_entries(raw) * (0.6 + 0.4 * torch.eye(2, dtype=raw.dtype)),
            "not every positive definite matrix",
        ),
        "one batch axis": (
            lambda raw: positive(raw if raw.ndim < 3 else raw.flip(0)),
            "wrong for two",
        ),
    },
    spared={"q and p swapped": "three numbers are no state"},
    equivalent={
        "positive: return 2 *": "every matrix is within reach as before",
        "positive: return 0.5 *": "every matrix is within reach as before",
        "positive: return factor(raw).mT @ factor(raw)": "K'K reaches what KK' does",
        "factor: b, a, c": "the numbers may come in any order",
        "factor: return -torch": "KK' is the same for -K",
        "factor: return 2 *": "K may be any multiple",
        "factor: return 0.5 *": "K may be any multiple",
        "factor: return torch.stack([torch.zeros_like(a), a": "an upper K reaches the same",
        "identity: return 2 * (0.0001": "is as little",
        "identity: return 0.5 * (0.0001": "is as little",
        "identity: return 0.0002": "is as little",
    },
    gradients=True,
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
        "one off": (check.COUNTS | {"pendulum": 4}, "None of the usual slips"),
        "no mixed derivative": (
            check._counted((1, 0, 1)),
            "the mixed derivative left out, or with the mixed derivative with the wrong sign",
        ),
        "mixed with the wrong sign": (
            check._counted((1, -1, 1)),
            "the mixed derivative with the wrong sign",
        ),
        "force added": (check._counted((1, 1, -1)), "∂L/∂q added in place of subtracted"),
        "no force": (check._counted((1, 1, 0)), "∂L/∂q left out"),
        "no acceleration": (check._counted((0, 1, 1)), "the term with q̈ left out"),
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
    words=check.WORDS,
)

# 6

MASS_OF, DEPTH = check.PENDULUM.inertia, check.PENDULUM.torque
# The Lagrangian of the energy H²/2: μ²q̇⁴/24 + μVq̇²/2 - V²/2 with V = mgl(1 - cos q).
OTHER = [MASS_OF * DEPTH / 2, DEPTH**2, 0.0, MASS_OF**2 / 24, -MASS_OF * DEPTH / 2]
OTHER.append(-(DEPTH**2) / 2)
PLACES = [[0.4 * k - 2.0, (-1) ** k * (0.5 + 0.1 * k)] for k in range(11)]


def coefficients(true=0.0, derivative=0.0, other=0.0):
    plain = [MASS_OF / 2, DEPTH, 0.0, 0.0, 0.0, 0.0]
    found = [true * a + other * b for a, b in zip(plain, OTHER, strict=True)]
    found[2] = derivative
    return found


def designed(numbers, places=PLACES, prediction=1, conclusion=0):
    """A study as a learner would measure it: by the package's functions."""
    x = torch.tensor(places, dtype=torch.float64)
    found = []
    for L in (check.made_of(numbers), check.PENDULUM.lagrangian):
        p = gradient(L)(x)[:, 1]
        mass = gradient(lambda y, L=L: gradient(L)(y)[..., 1])(x)[:, 1]
        found.append([lagrangian_field(L)(x)[:, 1], p, x[:, 1] * p - L(x), mass])
    return {
        "coefficients": numbers,
        "states": places,
        "prediction": check.FILMS[prediction],
        "differences": torch.stack([a - b for a, b in zip(*found, strict=True)], dim=-1).tolist(),
        "conclusion": check.FILMS[conclusion],
    }


STUDY = designed(coefficients(2.0, 0.7, 1.0))
FALSE = designed([MASS_OF, 2 * DEPTH, 0.0, 0.3, 0.0, 0.0], conclusion=1)

DISGUISE = Case(
    check.disguise,
    STUDY,
    {
        "the other alone": designed(coefficients(0.0, 0.3, 1.0)),
        "a mixture": designed(coefficients(0.6, -1.1, 0.2), prediction=0),
        "negative": designed(coefficients(-1.0, 2.0, -0.5)),
        "more states": designed(coefficients(1.5, 0.5, 0.8), [*PLACES, [1.2, 1.0], [-2.5, -2.0]]),
        "a tensor": STUDY | {"states": torch.tensor(PLACES, dtype=torch.float64)},
    },
    {
        "another motion": (
            FALSE | {"conclusion": check.FILMS[0]},
            "it lacks the pendulum's motions",
        ),
        "another motion, honest": (FALSE, "4 of 5 points; it lacks the pendulum's motions"),
        "the true one": (designed(coefficients(1.0)), "a disguise in all three"),
        "a factor": (designed(coefficients(3.0, 0.4)), "more than a factor and a time derivative"),
        "a time derivative": (designed(coefficients(1.0, 2.0)), "a disguise in all three"),
        "few states": (designed(STUDY["coefficients"], PLACES[:4]), "states that could have shown"),
        "one way": (
            designed(STUDY["coefficients"], [[q, abs(v)] for q, v in PLACES]),
            "states that could have shown",
        ),
        "near the bottom": (
            designed(STUDY["coefficients"], [[q / 3, v] for q, v in PLACES]),
            "states that could have shown",
        ),
        "conclusion": (STUDY | {"conclusion": check.FILMS[1]}, "your own numbers support"),
        "differences moved": (
            STUDY | {"differences": [row[1:] + row[:1] for row in STUDY["differences"]]},
            "The order is acceleration, momentum, energy, mass matrix. At x =",
        ),
        "differences turned": (
            STUDY | {"differences": [[-v for v in row] for row in STUDY["differences"]]},
            "yours less the true one",
        ),
        "three differences": (
            STUDY | {"differences": [row[:3] for row in STUDY["differences"]]},
            "of shape (N, 4)",
        ),
        "one row too few": (
            STUDY | {"differences": STUDY["differences"][1:]},
            "10 rows for 11 states",
        ),
        "no word": (STUDY | {"conclusion": "yes"}, "choose one of"),
        "a number for a word": (STUDY | {"prediction": 1}, "choose one of"),
        "no mass": (
            STUDY | {"coefficients": [0.0, 1.0, 1.0, 0.0, 0.0, 0.0]},
            "mass matrix is zero",
        ),
        "not finite": (STUDY | {"states": [*PLACES[:-1], [0.0, float("nan")]]}, "not a finite"),
        "states of three": (STUDY | {"states": [[0.1, 0.2, 0.3]]}, "of shape (N, 2)"),
    },
    blank=dict.fromkeys(STUDY, ...),
    words={"prediction": check.FILMS, "conclusion": check.FILMS},
    equivalent={"['prediction'] = ": "any prediction may be made"},
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks get."""

    chapter = check.chapter
    cases = (BEAD, ACCELERATION, MASS, SOLUTIONS, THINK, DISGUISE)
    demanding = True
