"""The checks of "Rods and loops": right answers pass, wrong ones get their message."""

from itertools import combinations

import duel_tools
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import rods_and_loops as check

# 1


def kinetic(v1, v2, rod, bead, share):
    ends = (v1 * v1).sum(-1) + (v1 * v2).sum(-1) + (v2 * v2).sum(-1)
    at_bead = (1 - share) * v1 + share * v2
    return rod * ends / 6 + bead * (at_bead * at_bead).sum(-1) / 2


def by_matrix(v1, v2, rod, bead, share):
    beside = rod / 6 + bead * share * (1 - share)
    first, second = rod / 3 + bead * (1 - share) ** 2, rod / 3 + bead * share**2
    square = first * v1.square().sum(-1) + second * v2.square().sum(-1)
    return square / 2 + beside * (v1 * v2).sum(-1)


def by_middle(v1, v2, rod, bead, share):
    """The middle's motion, and the turning about it."""
    middle, across = (v1 + v2) / 2, v2 - v1
    energy = rod * (middle.square().sum(-1) / 2 + across.square().sum(-1) / 24)
    return energy + bead * torch.linalg.vector_norm(v1 + share * across, dim=-1) ** 2 / 2


def by_integral(v1, v2, rod, bead, share):
    """Simpson's rule, which is exact for the square of a mixture."""
    middle = ((v1 + v2) / 2).square().sum(-1)
    mean = (v1.square().sum(-1) + 4 * middle + v2.square().sum(-1)) / 6
    return rod * mean / 2 + bead * ((1 - share) * v1 + share * v2).square().sum(-1) / 2


def parts(v1, v2):
    return v1.square().sum(-1), (v1 * v2).sum(-1), v2.square().sum(-1)


def bead_alone(v1, v2, rod, bead, share):
    return kinetic(v1, v2, 0.0, bead, share)


KINETIC = Case(
    check.kinetic,
    kinetic,
    {"by matrix": by_matrix, "by its middle": by_middle, "by Simpson": by_integral},
    {
        "no bead": (lambda u, v, m, M, s: kinetic(u, v, m, 0.0, s), "without its bead"),
        "no rod": (bead_alone, "without its rod"),
        "other side": (lambda u, v, m, M, s: kinetic(u, v, m, M, 1 - s), "wrong side"),
        "energies mixed": (
            lambda u, v, m, M, s: (
                kinetic(u, v, m, 0.0, s)
                + M * ((1 - s) * u.square().sum(-1) + s * v.square().sum(-1)) / 2
            ),
            "Mix the velocities, then square",
        ),
        "no product": (
            lambda u, v, m, M, s: kinetic(u, v, m, M, s) - m * (u * v).sum(-1) / 6,
            "The product of the two velocities is missing",
        ),
        "minus the product": (
            lambda u, v, m, M, s: kinetic(u, v, m, M, s) - m * (u * v).sum(-1) / 3,
            "has the wrong sign in the energy of the rod",
        ),
        "twice the product": (
            lambda u, v, m, M, s: kinetic(u, v, m, M, s) + m * (u * v).sum(-1) / 6,
            "counts twice in the energy of the rod",
        ),
        "halves at the ends": (
            lambda u, v, m, M, s: (
                m * (parts(u, v)[0] + parts(u, v)[2]) / 4 + bead_alone(u, v, m, M, s)
            ),
            "Half of the rod sits at each of its ends",
        ),
        "all in the middle": (
            lambda u, v, m, M, s: kinetic(u, v, 0.0, m, 0.5) + bead_alone(u, v, m, M, s),
            "sits in its middle",
        ),
        "bead twice": (
            lambda u, v, m, M, s: kinetic(u, v, m, 2 * M, s),
            "The bead has the energy of half",
        ),
        "rod twice": (lambda u, v, m, M, s: kinetic(u, v, 2 * m, M, s), "The rod counts twice"),
        "all twice": (lambda *a: 2 * kinetic(*a), "times the right one"),
        "ends exchanged": (lambda u, v, m, M, s: kinetic(v, u, m, M, s), "wrong side"),
        "for each component": (lambda u, v, m, M, s: m * (u * u + u * v + v * v) / 6, "shape"),
        "summed over the batch": (lambda *a: kinetic(*a).sum(), "shape"),
        "first axis": (lambda u, v, m, M, s: m * (u[0] * v[0]).sum(), "shape"),
        "in the plane": (
            lambda u, v, m, M, s: kinetic(u[..., :2], v[..., :2], m, M, s),
            "in 3 dimensions",
        ),
        "cross": (lambda u, v, m, M, s: torch.linalg.cross(u, v).sum(-1), "raised"),
        "matmul": (lambda u, v, m, M, s: m * (u @ v), "raised"),
        "an axis too many": (lambda u, v, m, M, s: m * (u * v).sum(2).sum(-1), ""),
    },
    spared={"q and p swapped": "an exchange of x and y in both velocities keeps the energy"},
)


# 2


def acceleration(G, A, force, bend):
    free = torch.linalg.solve(A, force.unsqueeze(-1))
    answers = torch.linalg.solve(A, G.mT)
    wanted = -bend.unsqueeze(-1) - G @ free
    multipliers = torch.linalg.solve(G @ answers, wanted)
    return (free + answers @ multipliers).squeeze(-1)


def by_inverse(G, A, force, bend):
    W = torch.linalg.inv(A)
    inner = torch.linalg.inv(G @ W @ G.mT)
    pull = (inner @ (bend + (G @ W @ force.unsqueeze(-1)).squeeze(-1)).unsqueeze(-1)).squeeze(-1)
    return (force - (G.mT @ pull.unsqueeze(-1)).squeeze(-1)) @ W


def one_system(G, A, force, bend):
    d, m = G.shape[-1], G.shape[-2]
    K = torch.zeros(*G.shape[:-2], d + m, d + m, dtype=G.dtype)
    K[..., :d, :d], K[..., :d, d:], K[..., d:, :d] = A, G.mT, G
    wanted = torch.cat([force, -bend], dim=-1)
    return torch.linalg.solve(K, wanted.unsqueeze(-1))[..., :d, 0]


def by_einsum(G, A, force, bend):
    W = torch.linalg.inv(A)
    free = torch.einsum("ij,...j->...i", W, force)
    inner = torch.einsum("...ki,ij,...lj->...kl", G, W, G)
    missing = -bend - torch.einsum("...ki,...i->...k", G, free)
    pull = torch.linalg.solve(inner, missing.unsqueeze(-1)).squeeze(-1)
    return free + torch.einsum("ij,...kj,...k->...i", W, G, pull)


ACCELERATION = Case(
    check.acceleration,
    acceleration,
    {"by inverse": by_inverse, "one system": one_system, "einsum": by_einsum},
    {
        "free fall": (
            lambda G, A, F, b: torch.linalg.solve(A, F.unsqueeze(-1)).squeeze(-1),
            "as if all points fell freely",
        ),
        "b reversed": (lambda G, A, F, b: acceleration(G, A, F, -b), "the wrong sign: G q̈ = -b"),
        "no velocity": (lambda G, A, F, b: acceleration(G, A, F, 0 * b), "right at rest"),
        "F reversed": (lambda G, A, F, b: acceleration(G, A, -F, b), "forces have the wrong sign"),
        "no masses": (
            lambda G, A, F, b: acceleration(G, torch.eye(len(A), dtype=A.dtype), F, b),
            "The mass matrix is missing",
        ),
        "diagonal": (
            lambda G, A, F, b: acceleration(G, torch.diag(torch.diagonal(A)), F, b),
            "Only the diagonal",
        ),
        "A for its inverse": (
            lambda G, A, F, b: acceleration(G, torch.linalg.inv(A), F, b),
            "where its inverse should stand",
        ),
        "rods reversed": (
            lambda G, A, F, b: (
                2 * torch.linalg.solve(A, F.unsqueeze(-1)).squeeze(-1) - acceleration(G, A, F, b)
            ),
            "forces of the rods have the wrong sign",
        ),
        "no forces": (lambda G, A, F, b: acceleration(G, A, 0 * F, b), "The forces F are missing"),
        "half the rods": (
            lambda G, A, F, b: acceleration(G[..., :1, :], A, F, b[..., :1]),
            "do not fulfil both",
        ),
        "forces, not accelerations": (
            lambda G, A, F, b: acceleration(G, A, F, b) @ A,
            "do not fulfil both",
        ),
        "multipliers": (lambda G, A, F, b: torch.zeros_like(b), "shape"),
        "a column": (lambda *a: acceleration(*a).unsqueeze(-1), "shape"),
        "summed": (lambda *a: acceleration(*a).sum(0), "shape"),
        "G.T": (lambda G, A, F, b: F @ torch.linalg.inv(A) + b @ G.t(), "raised"),
        "no column": (lambda G, A, F, b: torch.linalg.solve(A, F + G @ b), "raised"),
        "outer": (lambda G, A, F, b: G @ A @ G, "raised"),
        "unused": (lambda G, A, F, b: F @ G, "raised"),
    },
)

# 3


def find_rods(q, tolerance):
    found = []
    for i in range(q.shape[1]):
        for j in range(i + 1, q.shape[1]):
            length = (q[:, i] - q[:, j]).norm(dim=-1)
            if length.max() - length.min() < tolerance:
                found.append((i, j))
    return found


def by_cdist(q, tolerance):
    lengths = torch.cdist(q, q, compute_mode="donot_use_mm_for_euclid_dist")
    same = lengths.amax(0) - lengths.amin(0) < tolerance
    return [tuple(pair) for pair in torch.triu(same, 1).nonzero().tolist()]


def as_tensor(q, tolerance):
    return torch.tensor(find_rods(q, tolerance)).reshape(-1, 2)


def by_first(q, tolerance):
    """Against the first state, with room on both sides."""
    pairs = combinations(range(q.shape[1]), 2)
    length = {(i, j): torch.linalg.norm(q[:, i] - q[:, j], dim=-1) for i, j in pairs}
    return {p for p, away in length.items() if (away - away[0]).abs().max() < tolerance}


def reversed_list(q, tolerance):
    return find_rods(q, tolerance)[::-1]


def judged(spread):
    """With another measure of a change."""

    def find(q, tolerance):
        pairs = combinations(range(q.shape[1]), 2)
        return [(i, j) for i, j in pairs if spread((q[:, i] - q[:, j]).norm(dim=-1)) < tolerance]

    return find


FIND = Case(
    check.find_rods,
    find_rods,
    {
        "cdist": by_cdist,
        "a tensor": as_tensor,
        "against the first": by_first,
        "other order": reversed_list,
        "lists": lambda q, t: [list(pair) for pair in find_rods(q, t)],
        "tuples": lambda q, t: tuple(find_rods(q, t)),
        "frozenset": lambda q, t: frozenset(find_rods(q, t)),
    },
    {
        "neighbours": (lambda q, t: [(i, i + 1) for i in range(q.shape[1] - 1)], "other order"),
        "all pairs": (lambda q, t: list(combinations(range(q.shape[1]), 2)), "is no rod"),
        "none": (lambda q, t: [], "is missing: the distance changes by"),
        "larger first": (lambda q, t: [(j, i) for i, j in find_rods(q, t)], "smaller number first"),
        "from one": (
            lambda q, t: [(i + 1, j + 1) for i, j in find_rods(q, t)],
            "names a point that is not in the film",
        ),
        "both ways": (
            lambda q, t: [p for i, j in find_rods(q, t) for p in ((i, j), (i, j))],
            "a pair stands twice",
        ),
        "with itself": (lambda q, t: [(0, 0), *find_rods(q, t)], "joins a point with itself"),
        "a lengths' list": (lambda q, t: [(0, 0.5)], "two whole numbers"),
        "three ends": (lambda q, t: [(0, 1, 2)], "a pair such as (0, 1)"),
        "numbers": (lambda q, t: [0, 1], "a pair such as (0, 1)"),
        "a number": (lambda q, t: len(find_rods(q, t)), "should give a list of pairs"),
        "exact": (lambda q, t: find_rods(q, 1e-9), "is missing"),
        "too wide": (lambda q, t: find_rods(q, 10 * t + 0.5), "is no rod"),
        "first and last": (judged(lambda length: 0 * length[0]), "is no rod"),
        "words": (lambda q, t: "0-1", "should give a list of pairs"),
        "three points": (
            lambda q, t: find_rods(q[:, :3], t),
            "is missing",
        ),
        "in the plane": (lambda q, t: find_rods(q[..., :2], t), "is missing"),
        "a component": (judged(lambda length: length.max() - length.min() + 1), "is missing"),
        "too many points": (
            lambda q, t: [(0, 3)] if (q[:, 0] - q[:, 4]).norm() > t else [],
            "raised",
        ),
        "other axis": (lambda q, t: [*find_rods(q.mT @ q, t), q[0, 0, 5]], "raised"),
        "truth of a tensor": (
            lambda q, t: [(0, 1)] if (q[:, 0] - q[:, 1]).norm(dim=-1) < t else [],
            "raised",
        ),
    },
    equivalent={"range(q.shape[1] - 1)": "the last point has no partner behind it"},
    spared={
        "wrong sign": "a list of pairs has no sign",
        "wrong shape": "a list of pairs has no shape",
        "q and p swapped": "an exchange of the components keeps all distances",
        "another layout": "it is no tensor",
        "detached": "it is no tensor",
        "NumPy": "it is no tensor",
        "plain numbers": "it is no tensor",
        "float32": "it is no tensor",
    },
)

# 4

WORDS = {case: word for case, (word, *_) in check.CASES.items()}

NEEDED = Case(
    check.needed,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "loop by records": (WORDS | {"second pivot": "new records"}, "Do the masses of the points"),
        "friction learned": (WORDS | {"friction": "new records"}, "What does the model conserve"),
        "speed": (WORDS | {"faster": "new records"}, "Where does the velocity enter"),
        "spring": (WORDS | {"spring": "another form"}, "energy of the spring"),
        "rods": (WORDS | {"heavy rods": "other rods"}, "mass matrix of uniform rods"),
        "all the same": (dict.fromkeys(WORDS, "new records"), "3 of 8 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.NEEDED,
)

# 5

VALUES, SEEDS = [0.05, 0.3, 2.0], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="rod_mass", prediction="angles"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()
DIAGONAL, ANGLES = check.RIVALS


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


FORM = Case(
    check.form,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other order of seeds": experiment(seeds=[4, 3, 2, 1, 0]),
        "rounded": duel_tools.rounded(check.DUEL, STUDY),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
        "arrays": duel_tools.arrays(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.3), "three settings or more"),
        "all the same answer": (duel_tools.without(STUDY, 2.0), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "angles")},
            "At rod_mass = 0.05 the diagonal model has the smaller error for 5 of 5",
        ),
        "models exchanged": (
            STUDY | {DIAGONAL: STUDY[ANGLES], ANGLES: STUDY[DIAGONAL]},
            "are those of 'angles'",
        ),
        "settings exchanged": (with_row(DIAGONAL, 2.0, STUDY[DIAGONAL][0.3]), "are those of 0.3"),
        "too few errors": (with_row(ANGLES, 2.0, STUDY[ANGLES][2.0][:4]), "has 4 errors for 5"),
        "invented": (with_row(ANGLES, 0.3, [0.5] * 5), "are not what `check.measure` gives"),
        "roots": (
            with_row(DIAGONAL, 2.0, [e**0.5 for e in STUDY[DIAGONAL][2.0]]),
            "are the roots of the right ones",
        ),
        "per cent": (
            with_row(DIAGONAL, 2.0, [100 * e for e in STUDY[DIAGONAL][2.0]]),
            "as if they were per cents",
        ),
        "no list": (with_row(ANGLES, 2.0, 0.01), "one error for each seed"),
        "too heavy": (STUDY | {"values": [0.0, 0.1, 9.0]}, "is outside 0 to 2"),
        "half a state": (STUDY | {"varied": "states", "values": [50.5, 80, 200]}, "whole numbers"),
        "another thing": (STUDY | {"varied": "links"}, "choose one of: 'rod_mass', 'states'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.3: "LNN"}},
            "choose one of: 'diagonal'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.3: "angles"}}, "no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (KINETIC, ACCELERATION, FIND, NEEDED, FORM)
    demanding = True


def test_no_word_is_found_by_elimination():
    """Some words are the answer twice, so the last one does not follow from the others."""
    given = list(WORDS.values())
    assert len(given) > len(set(given)) == len(check.NEEDED)


def test_the_error_of_the_diagonal_model_is_what_it_leaves_out():
    """In exercise 5 it doubles with a small mass of the rods, and more states do not lower it."""
    light, double = (check.measure(DIAGONAL, rod_mass=m, seed=11) for m in (0.04, 0.08))
    assert double / light == pytest.approx(2, rel=0.2)
    more = check.measure(DIAGONAL, rod_mass=0.08, states=600, seed=11)
    assert more > 0.6 * double


def test_the_instrument_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("LNN")
