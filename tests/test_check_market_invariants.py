"""The checks of "What a market does not conserve": right answers pass, wrong ones get theirs."""

import math

import duel_tools
import numpy as np
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import market_invariants as check
from hnn_tutorial.finance import step_map

# 1


def years(mu, sigma, gamma, share):
    best = mu / (gamma * sigma**2)
    return 1 / (gamma * sigma * (share - best)) ** 2


def by_losses(mu, sigma, gamma, share):
    def worth(w):
        return w * mu - gamma / 2 * w**2 * sigma**2

    return 1 / (2 * gamma * (worth(mu / (gamma * sigma**2)) - worth(share)))


def by_numpy(mu, sigma, gamma, share):
    off = share - np.asarray(mu) / gamma / sigma**2
    return 1 / (gamma**2 * sigma**2 * off**2)


def expanded(mu, sigma, gamma, share):
    return sigma**2 / (share * gamma * sigma**2 - mu) ** 2


def altered(*, best=lambda mu, s, g: mu / (g * s**2), scale=lambda s, g: (g * s) ** 2):
    """The years with other parts in place of the right ones."""
    return lambda mu, s, g, w: 1 / (scale(s, g) * (w - best(mu, s, g)) ** 2)


YEARS = Case(
    check.years,
    years,
    {"by losses": by_losses, "by numpy": by_numpy, "expanded": expanded},
    {
        "one over Y": (altered(scale=lambda s, g: g * s**2), "This takes 1/(2Y) for the loss"),
        "no aversion": (altered(best=lambda mu, s, g: mu / s**2), "lacks the risk aversion"),
        "by sigma": (altered(best=lambda mu, s, g: mu / (g * s)), "divides by the variance"),
        "against nothing": (lambda mu, s, g, w: (s / mu) ** 2, "compares with holding nothing"),
        "upside down": (lambda *a: 1 / years(*a), "one over the number"),
        "twice": (lambda *a: 2 * years(*a), "times the right one"),
        "half": (lambda *a: years(*a) / 2, "times the right one"),
        "not squared": (lambda *a: years(*a).sqrt(), "not the time at which"),
        "no volatility": (altered(scale=lambda s, g: g**2), "times the right one"),
        "sum of shares": (altered(best=lambda mu, s, g: -mu / (g * s**2)), "not the time at which"),
        "one number": (lambda *a: years(*a).mean(), "shape"),
        "with an axis": (lambda *a: years(*a)[..., None], "shape"),
        "first index": (lambda mu, s, g, w: years(mu[0], s, g, w), ""),
        "math": (lambda mu, s, g, w: math.sqrt(mu), "raised"),
        "matrix": (lambda mu, s, g, w: mu @ mu, "raised"),
    },
    spared={"q and p swapped": "there is no state"},
)

# 2


def determinant(values):
    now, before, after = values[..., 1:-1], values[..., :-2], values[..., 2:]
    design = torch.stack([now, before, torch.ones_like(now)], dim=-1)
    weights = torch.linalg.lstsq(design, after[..., None]).solution
    return -weights[..., 1, 0]


def in_the_plane(values):
    flat = values.reshape(-1, values.shape[-1])
    found = [step_map(each).determinant for each in flat]
    return torch.tensor(found, dtype=values.dtype).reshape(values.shape[:-1])


def by_covariances(values):
    now, before, after = values[..., 1:-1], values[..., :-2], values[..., 2:]
    now, before, after = (v - v.mean(-1, keepdim=True) for v in (now, before, after))

    def dot(a, b):
        return (a * b).sum(-1)

    top = dot(after, before) * dot(now, now) - dot(after, now) * dot(now, before)
    return -top / (dot(now, now) * dot(before, before) - dot(now, before) ** 2)


def by_numpy_alone(values):
    values = np.asarray(values)
    flat = values.reshape(-1, values.shape[-1])
    found = []
    for q in flat:
        design = np.stack([q[1:-1], q[:-2], np.ones(len(q) - 2)], axis=1)
        found.append(-np.linalg.lstsq(design, q[2:], rcond=None)[0][1])
    return np.reshape(found, values.shape[:-1])


def fitted(values, *columns):
    design = torch.stack(columns, dim=-1)
    return torch.linalg.lstsq(design, values[..., 2:, None]).solution[..., 0]


def first_weight(values):
    now = values[..., 1:-1]
    return fitted(values, now, values[..., :-2], torch.ones_like(now))[..., 0]


def through_zero(values):
    return -fitted(values, values[..., 1:-1], values[..., :-2])[..., 1]


def last_alone(values):
    centred = values - values.mean(-1, keepdim=True)
    return (centred[..., 1:] * centred[..., :-1]).sum(-1) / centred[..., :-1].square().sum(-1)


DETERMINANT = Case(
    check.determinant,
    determinant,
    {
        "in the plane": in_the_plane,
        "by covariances": by_covariances,
        "by numpy": by_numpy_alone,
    },
    {
        "weight itself": (lambda v: -determinant(v), "*minus* that"),
        "weight of the last": (first_weight, "weight of the last value"),
        "through zero": (through_zero, "The step has no constant"),
        "last alone": (last_alone, "sees the last value alone"),
        "squared": (lambda v: determinant(v) ** 2, "not the determinant"),
        "of two steps": (lambda v: determinant(v[..., ::2]), "not the determinant"),
        "of changes": (lambda v: determinant(v.diff()), "not the determinant"),
        "always one": (lambda v: torch.ones(v.shape[:-1]).double(), "not the determinant"),
        "twice": (lambda v: 2 * determinant(v), "times the right one"),
        "one number": (lambda v: determinant(v).mean(), "shape"),
        "with an axis": (lambda v: determinant(v)[..., None], "shape"),
        "first axis": (lambda v: determinant(v.mT), ""),
        "no target": (lambda v: torch.linalg.lstsq(v), "raised"),
        "index": (lambda v: v[99], "raised"),
    },
    spared={"q and p swapped": "there is no state"},
    equivalent={"return -weights[..., 1, -1]": "that axis has one entry"},
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}


def but(case, word):
    return WORDS | {case: word}


BEHIND = Case(
    check.behind,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "clean": (but("1.00 at 1 step, 1.00 at 12", "friction"), "a determinant of one say"),
        "noise": (but("0.46 at 1 step, 0.60 at 12", "friction"), "Does the loss add up"),
        "honey": (
            but("0.95 at 1 step, 0.54 at 12, R² 1.00 at both", "energy, seen with noise"),
            "to the power of 12",
        ),
        "volatility": (but("-0.20 at 1 step, 0.00 at 12", "energy"), "turn its areas over"),
        "means": (
            but("0.25 at 1 step, 0.00 at 2, monthly means", "friction"),
            "What do means do",
        ),
        "price": (but("0.00 at 1 step, R² of the value 0.999", "energy"), "How much of the"),
        "reversed": (
            but("0.01 at 1 step, the same read backwards", "energy"),
            "may be read backwards",
        ),
        "all the same": (dict.fromkeys(WORDS, "no energy"), "4 of 7 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.KINDS,
)

# 4


def within_budget(wanted, wealth):
    gap = wealth - wanted.sum(-1)
    return wanted + gap[..., None] / wanted.shape[-1]


def by_a_matrix(wanted, wealth):
    d = wanted.shape[-1]
    off = torch.eye(d, dtype=wanted.dtype) - torch.ones(d, d, dtype=wanted.dtype) / d
    return wanted @ off + wealth[..., None] / d


def by_means(wanted, wealth):
    return wanted - wanted.mean(-1, keepdim=True) + wealth.unsqueeze(-1) / wanted.shape[-1]


def in_numpy(wanted, wealth):
    wanted, wealth = np.asarray(wanted), np.asarray(wealth)
    return wanted + (wealth - wanted.sum(-1))[..., None] / wanted.shape[-1]


def gap_of(wanted, wealth):
    return (wealth - wanted.sum(-1))[..., None]


def on_one(place):
    def moved(wanted, wealth):
        found = wanted.clone()
        found[..., place] = found[..., place] + gap_of(wanted, wealth)[..., 0]
        return found

    return moved


BUDGET = Case(
    check.within_budget,
    within_budget,
    {"by a matrix": by_a_matrix, "by means": by_means, "by numpy": in_numpy},
    {
        "scaled": (lambda x, w: x * (w / x.sum(-1))[..., None], "scaled by one factor"),
        "sign": (lambda x, w: x - gap_of(x, w) / 5, "wrong sign"),
        "whole gap": (lambda x, w: x + gap_of(x, w), "added to *each*"),
        "first": (on_one(0), "The first amount alone"),
        "last": (on_one(-1), "The last amount alone"),
        "another axis": (lambda x, w: x + gap_of(x, w) / 3, "of another axis"),
        "equal": (lambda x, w: 0 * x + w[..., None] / 5, "not the nearest"),
        "softmax": (lambda x, w: w[..., None] * x.softmax(-1), "not the nearest"),
        "untouched": (lambda x, w: x, "not the nearest"),
        "positive": (lambda x, w: within_budget(x, w).clamp(min=0), "not the nearest"),
        "to one": (lambda x, w: within_budget(x, 1 + 0 * w), "not the nearest"),
        "the gap": (lambda x, w: gap_of(x, w)[..., 0], "shape"),
        "all together": (lambda x, w: x + (w.sum() - x.sum()) / x.numel(), "not the nearest"),
        "no axis": (lambda x, w: x + (w - x.sum(-1)) / 5, ""),
        "index": (lambda x, w: x[..., 7], "raised"),
        "matrix": (lambda x, w: x @ w, "raised"),
    },
    spared={"q and p swapped": "there is no state"},
)

# 5

VALUES, SEEDS = [0.0, 0.1, 0.3], list(range(5))
KEPT, FREE = check.RIVALS


def experiment(values=VALUES, seeds=SEEDS, varied="friction", prediction="free"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()


def with_row(rule, value, row):
    return duel_tools.with_row(STUDY, rule, value, row)


CONTEST = Case(
    check.contest,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "the noise": experiment([0.05, 0.2, 1.0], varied="noise"),
        "arrays": duel_tools.arrays(check.DUEL, STUDY),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.1), "three settings or more"),
        "narrow": (experiment([0.2, 0.25, 0.3]), "a wide range"),
        "all the same answer": (experiment([0.1, 0.3, 0.5]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "free")},
            "At friction = 0 the rule that keeps areas has the smaller error for 5 of 5",
        ),
        "rules exchanged": (STUDY | {KEPT: STUDY[FREE], FREE: STUDY[KEPT]}, "are those of the"),
        "settings exchanged": (with_row(KEPT, 0.3, STUDY[KEPT][0.0]), "are those of 0"),
        "too few numbers": (with_row(KEPT, 0.1, STUDY[KEPT][0.1][:4]), "4 errors for 5 seeds"),
        "invented": (
            with_row(FREE, 0.0, [0.4, 0.5, 0.3, 0.6, 0.7]),
            "are not what `check.measure`",
        ),
        "another order": (
            with_row(FREE, 0.0, STUDY[FREE][0.0][::-1]),
            "in another order than the seeds",
        ),
        "roots": (with_row(FREE, 0.1, [math.sqrt(v) for v in STUDY[FREE][0.1]]), "are roots"),
        "per cent": (with_row(FREE, 0.1, [100 * v for v in STUDY[FREE][0.1]]), "in per cent"),
        "no list": (with_row(KEPT, 0.1, 0.3), "one error for each seed"),
        "too much": (STUDY | {"values": [0.0, 0.1, 0.9]}, "is outside 0 to 0.5"),
        "another thing": (STUDY | {"varied": "ahead"}, "choose one of: 'friction', 'noise'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.1: "shrinking"}},
            "choose one of: 'area kept'",
        ),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (YEARS, DETERMINANT, BEHIND, BUDGET, CONTEST)
    demanding = True


def test_the_cases_of_exercise_3_are_what_such_records_give():
    """A clean swing, a noisy one, one with friction, and a walk of monthly means."""
    t = torch.arange(2000, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)

    def kept(values):
        return step_map(values).determinant, step_map(values, 12).determinant

    noise = torch.randn(len(t), generator=generator, dtype=torch.float64)
    clean = torch.cos(0.5 * t)
    assert all(abs(d - 1) < 1e-6 for d in kept(clean))
    one, twelve = kept(clean + 0.25 * noise)
    assert 0.3 < one < 0.9
    assert one < twelve < 0.95
    one, twelve = kept((clean * torch.exp(0.5 * math.log(0.95) * t))[:100])
    assert abs(one - 0.95) < 1e-3
    assert abs(twelve - 0.54) < 1e-2


def test_the_better_rule_depends_on_noise_and_friction():
    def wins(**settings):
        pairs = [[check.measure(r, seed=s, **settings) for r in check.RIVALS] for s in range(5)]
        return sum(kept < free for kept, free in pairs)

    assert wins() == 5
    assert wins(friction=0.3) == 0
    assert wins(noise=1.0) == 0
