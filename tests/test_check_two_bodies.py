"""The checks of "Two bodies": right answers pass, wrong ones get their message."""

from itertools import combinations

import duel_tools
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import two_bodies as check

# 1


def by_body(x):
    return (half.unflatten(-1, (-1, 2)) for half in x.chunk(2, dim=-1))


def cross(a, b):
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def conserved(x, centre):
    q, p = (half.unflatten(-1, (-1, 2)) for half in x.chunk(2, dim=-1))
    arm = q - centre
    return (arm[..., 0] * p[..., 1] - arm[..., 1] * p[..., 0]).sum(-1)


def by_total(x, centre):
    q, p = by_body(x)
    return cross(q, p).sum(-1) - cross(centre, p.sum(-2))


def by_slices(x, centre):
    n = x.shape[-1] // 2
    q, p = x[..., :n], x[..., n:]
    return sum(
        (q[..., i] - centre[0]) * p[..., i + 1] - (q[..., i + 1] - centre[1]) * p[..., i]
        for i in range(0, n, 2)
    )


def by_determinant(x, centre):
    q, p = by_body(x)
    return torch.linalg.det(torch.stack([q - centre, p], dim=-2)).sum(-1)


CONSERVED = Case(
    check.conserved,
    conserved,
    {"by total": by_total, "by slices": by_slices, "by determinant": by_determinant},
    {
        "about the origin": (lambda x, c: cross(*by_body(x)).sum(-1), "about the origin"),
        "wrong side": (lambda x, c: conserved(x, -c), "The centre has the wrong sign"),
        "first body alone": (
            lambda x, c: conserved(x, 0 * c) - cross(c, x.chunk(2, -1)[1][..., :2]),
            "for the first body alone",
        ),
        "scalar product": (
            lambda x, c: sum((a * b).sum((-2, -1)) for a, b in [moved(x, c)]),
            "cross product is wanted",
        ),
        "c · P": (
            lambda x, c: conserved(x, 0 * c) - (c * list(by_body(x))[1].sum(-2)).sum(-1),
            "c × P, not c · P",
        ),
        "momentum": (lambda x, c: list(by_body(x))[1].sum((-2, -1)), "This is not conserved"),
        "for each body": (lambda x, c: cross(*moved(x, c)), "shape"),
        "a vector": (lambda x, c: list(by_body(x))[1].sum(-2), "shape"),
        "summed over the batch": (lambda x, c: conserved(x, c).sum(), "shape"),
        "two bodies only": (
            lambda x, c: cross(x[..., :2] - c, x[..., 4:6]) + cross(x[..., 2:4] - c, x[..., 6:]),
            "",
        ),
        "first index": (lambda x, c: cross(x[:2] - c, x[4:6]), ""),
        "torch.cross": (lambda x, c: torch.cross(*by_body(x), dim=-1).sum(-1), "raised"),
        "unequal bodies": (lambda x, c: torch.linalg.cross(x, c), "raised"),
        "p first": (
            lambda x, c: conserved(torch.cat(x.chunk(2, -1)[::-1], -1), c),
            "",
        ),
        "reversed": (lambda x, c: -conserved(x, c), "sign is reversed"),
    },
)


def moved(x, c):
    q, p = by_body(x)
    return q - c, p


# 2


def pair_energy(q, masses, potential):
    i, j = torch.triu_indices(q.shape[-2], q.shape[-2], 1)
    rho = (q[..., i, :] - q[..., j, :]).norm(dim=-1)
    return (masses[i] * masses[j] * potential(rho)).sum(-1)


def by_loop(q, masses, potential):
    total = 0.0
    for i, j in combinations(range(q.shape[-2]), 2):
        rho = (q[..., i, :] - q[..., j, :]).square().sum(-1).sqrt()
        total = total + masses[i] * masses[j] * potential(rho)
    return total


def both_ways(q, masses, potential):
    i, j = (~torch.eye(q.shape[-2], dtype=torch.bool)).nonzero().T
    rho = torch.linalg.vector_norm(q[..., i, :] - q[..., j, :], dim=-1)
    return (masses[i] * masses[j] * potential(rho)).sum(-1) / 2


def safe_table(q, masses, potential):
    own = torch.eye(q.shape[-2], dtype=q.dtype)
    square = (q.unsqueeze(-3) - q.unsqueeze(-2)).square().sum(-1) + own
    table = masses[:, None] * masses * potential(square.sqrt()) * (1 - own)
    return table.sum((-2, -1)) / 2


def table(q, masses, potential, own=True, half=True):
    rho = (q.unsqueeze(-3) - q.unsqueeze(-2)).square().sum(-1).sqrt()
    values = masses[:, None] * masses * potential(rho)
    if not own:
        values = values * (1 - torch.eye(q.shape[-2], dtype=q.dtype))
    return values.sum((-2, -1)) / (2 if half else 1)


def pairs(q):
    i, j = torch.triu_indices(q.shape[-2], q.shape[-2], 1)
    return i, j, (q[..., i, :] - q[..., j, :]).norm(dim=-1)


def weighed(weigh):
    """With something else in place of the product of the masses."""

    def energy(q, masses, potential):
        i, j, rho = pairs(q)
        return (weigh(masses[i], masses[j]) * potential(rho)).sum(-1)

    return energy


PAIRS = Case(
    check.pair_energy,
    pair_energy,
    {
        "by loop": by_loop,
        "both ways, halved": both_ways,
        "a table without roots of zero": safe_table,
    },
    {
        "twice": (lambda *a: 2 * pair_energy(*a), "counted twice"),
        "with itself": (table, "paired with itself"),
        "twice and with itself": (
            lambda *a: table(*a, half=False),
            "each pair twice, and each body with itself",
        ),
        "gradient NaN": (lambda *a: table(*a, own=False), "its gradient is NaN"),
        "no masses": (weighed(lambda a, b: 1.0), "The masses are missing"),
        "root": (weighed(lambda a, b: (a * b).sqrt()), "The root of the product"),
        "sum of masses": (weighed(lambda a, b: a + b), "not the sum over all pairs"),
        "one mass": (weighed(lambda a, b: b), "not the sum over all pairs"),
        "squares": (
            lambda q, m, V: pair_energy(q, m, lambda r: V(r**2)),
            "square of the distance",
        ),
        "in the plane": (lambda q, m, V: pair_energy(q[..., :2], m, V), "Right in the plane"),
        "neighbours": (
            lambda q, m, V: (m[1:] * m[:-1] * V((q[..., 1:, :] - q[..., :-1, :]).norm(dim=-1))).sum(
                -1
            ),
            "not the sum over all pairs",
        ),
        "summed over the batch": (lambda *a: pair_energy(*a).sum(), "shape"),
        "each pair": (
            lambda q, m, V: m[pairs(q)[0]] * m[pairs(q)[1]] * V(pairs(q)[2]),
            "shape",
        ),
        "pdist": (lambda q, m, V: V(torch.pdist(q)).sum(), "raised"),
        "norm of all": (
            lambda q, m, V: (m * V(q.norm())).sum(),
            "shape",
        ),
        "first index": (lambda q, m, V: m[0] * m[1] * V((q[0] - q[1]).norm(dim=-1)), ""),
        "four bodies": (
            lambda q, m, V: sum(
                m[i] * m[j] * V((q[..., i, :] - q[..., j, :]).norm(dim=-1))
                for i, j in combinations(range(4), 2)
            ),
            "raised",
        ),
        "detached": (lambda q, m, V: pair_energy(q.detach(), m, V), "No gradient flows"),
    },
    equivalent={"j, i = torch.triu_indices(q.shape[-2]": "a pair has no order"},
    gradients=True,
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}

KEPT = Case(
    check.kept,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "a bowl without middle": (WORDS | {"round bowl": "both"}, "The bowl has a middle"),
        "a striped turn": (WORDS | {"striped force": "both"}, "The energy depends on"),
        "friction takes all": (
            WORDS | {"friction between them": "neither"},
            "There is no H. But",
        ),
        "training is needed": (
            WORDS | {"untrained pairwise HNN": "neither"},
            "Did the proof ask",
        ),
        "all the same": (dict.fromkeys(WORDS, "both"), "3 of 8 are right"),
        "oval": (WORDS | {"oval bowl": "angular momentum"}, "Turn the stars and leave the bowl"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.KEPT,
)

# 4


def forces(q, masses, attraction):
    total = torch.zeros_like(q)
    for i in range(q.shape[-2]):
        for j in range(q.shape[-2]):
            if i != j:
                apart = q[..., j, :] - q[..., i, :]
                rho = apart.norm(dim=-1, keepdim=True)
                size = masses[i] * masses[j] * attraction(rho)
                total[..., i, :] += size * apart / rho
    return total


def at_once(q, masses, attraction):
    apart = q.unsqueeze(-3) - q.unsqueeze(-2)
    rho = apart.norm(dim=-1) + torch.eye(q.shape[-2], dtype=q.dtype)
    size = masses[:, None] * masses * attraction(rho) / rho
    return (size.unsqueeze(-1) * apart).sum(-2)


def each_pair_once(q, masses, attraction):
    parts = [torch.zeros_like(q[..., 0, :]) for _ in range(q.shape[-2])]
    for i, j in combinations(range(q.shape[-2]), 2):
        apart = q[..., j, :] - q[..., i, :]
        rho = apart.norm(dim=-1, keepdim=True)
        pull = masses[i] * masses[j] * attraction(rho) * apart / rho
        parts[i], parts[j] = parts[i] + pull, parts[j] - pull
    return torch.stack(parts, dim=-2)


def with_angles(q, masses, attraction):
    apart = q.unsqueeze(-3) - q.unsqueeze(-2)
    angle = torch.atan2(apart[..., 1], apart[..., 0])
    rho = apart.norm(dim=-1) + torch.eye(q.shape[-2], dtype=q.dtype)
    size = masses[:, None] * masses * attraction(rho) * (1 - torch.eye(q.shape[-2]))
    return torch.stack([(size * angle.cos()).sum(-1), (size * angle.sin()).sum(-1)], dim=-1)


FORCES = Case(
    check.forces,
    forces,
    {"at once": at_once, "each pair once": each_pair_once, "angles": with_angles},
    {
        "as given": (check.faulty_forces, "Both faults are still there"),
        "direction alone": (
            lambda *a: check.faulty_forces(*a, direction=True),
            "The direction is mended",
        ),
        "masses alone": (
            lambda *a: check.faulty_forces(*a, weights=True),
            "The masses are mended",
        ),
        "no masses": (
            lambda q, m, f: forces(q, torch.ones_like(m), f),
            "The masses are missing now",
        ),
        "accelerations": (
            lambda q, m, f: forces(q, m, f) / m[:, None],
            "as if they were accelerations",
        ),
        "not of length one": (
            lambda q, m, f: forces(q, m, lambda r: r * f(r)),
            "its direction has the length 1",
        ),
        "divided twice": (
            lambda q, m, f: forces(q, m, lambda r: f(r) / r),
            "once too often",
        ),
        "repulsive": (lambda *a: -forces(*a), "Every sign is reversed"),
        "twice": (lambda *a: 2 * forces(*a), "times the right one"),
        "one body": (lambda *a: forces(*a)[..., 0, :], "shape"),
        "sum": (lambda *a: forces(*a).sum(-2), "shape"),
        "flat": (lambda *a: forces(*a).flatten(-2), "shape"),
        "first axis": (lambda q, m, f: f((q[0] - q[1]).norm()) * (q[1] - q[0]), "shape"),
        "itself too": (
            lambda q, m, f: (q.unsqueeze(-3) - q.unsqueeze(-2)) @ m,
            "raised",
        ),
        "three bodies": (
            lambda q, m, f: forces(q, m, f) * torch.ones(3, 1, dtype=q.dtype),
            "",
        ),
        "by gradient": (lambda q, m, f: torch.autograd.grad(f(q).sum(), q)[0], "raised"),
    },
)

# 5

VALUES, SEEDS = [0.02, 0.1, 0.4], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="bowl", prediction="HNN"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()
PAIRWISE, FREE = check.RIVALS


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


SYMMETRY = Case(
    check.symmetry,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other seeds": experiment(seeds=[7, 3, 2, 1, 0]),
        "rounded": duel_tools.rounded(check.DUEL, STUDY),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
        "arrays": duel_tools.arrays(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.1), "three settings or more"),
        "narrow and all the same": (experiment([0.01, 0.02, 0.03]), "a wide range"),
        "all the same answer": (experiment([0.0, 0.01, 0.02]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "HNN")},
            "At bowl = 0.02 the pairwise HNN has the smaller error for",
        ),
        "models exchanged": (
            STUDY | {PAIRWISE: STUDY[FREE], FREE: STUDY[PAIRWISE]},
            "are those of the",
        ),
        "settings exchanged": (with_row(PAIRWISE, 0.4, STUDY[PAIRWISE][0.02]), "are those of 0.02"),
        "too few errors": (with_row(FREE, 0.4, STUDY[FREE][0.4][:4]), "has 4 errors for 5 seeds"),
        "invented": (with_row(FREE, 0.02, [0.1] * 5), "are not what `check.measure` gives"),
        "roots": (
            with_row(PAIRWISE, 0.4, [e**0.5 for e in STUDY[PAIRWISE][0.4]]),
            "are the roots of the right ones",
        ),
        "no list": (with_row(FREE, 0.4, 0.01), "one error for each seed"),
        "too stiff": (STUDY | {"values": [0.02, 0.1, 0.9]}, "is outside 0 to 0.5"),
        "half a pair": (STUDY | {"varied": "pairs", "values": [2.5, 8, 20]}, "whole numbers"),
        "another thing": (STUDY | {"varied": "masses"}, "choose one of: 'bowl', 'pairs'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.1: "LNN"}},
            "choose one of: 'pairwise HNN'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.02: "HNN"}}, "has no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (CONSERVED, PAIRS, KEPT, FORCES, SYMMETRY)
    demanding = True


def test_no_word_is_found_by_elimination():
    """Some words are the answer twice, so the last one does not follow from the others."""
    given = list(WORDS.values())
    assert len(given) > len(set(given)) == len(check.KEPT)


def test_the_pairwise_error_is_what_the_symmetry_forbids():
    """The floor of exercise 5 grows as the square of the stiffness, whatever the weights."""
    low, high = (check.measure(PAIRWISE, bowl=k, seed=11) for k in (0.05, 0.2))
    assert high / low == pytest.approx(16, rel=0.02)


def test_the_instrument_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("LNN")
