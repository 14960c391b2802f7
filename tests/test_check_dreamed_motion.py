"""The checks of "A model that dreams motion": right answers pass, wrong ones get a message."""

import math

import duel_tools
import numpy as np
import pytest
import torch
from check_tools import Case, ChapterChecks
from torch.distributions import Normal, kl_divergence

from hnn_tutorial.check import dreamed_motion as check

# 1


def divergence(mean, log_width, prior):
    square = mean.square() + (2 * log_width).exp()
    ratio = torch.log(torch.as_tensor(prior)) - log_width
    return (ratio + square / (2 * prior**2) - 0.5).sum(-1)


def by_torch(mean, log_width, prior):
    told = Normal(mean, log_width.exp())
    return kl_divergence(told, Normal(torch.zeros_like(mean), prior)).sum(-1)


def by_component(mean, log_width, prior):
    total = 0
    for k in range(2):
        s = log_width[..., k].exp()
        total = total + torch.log(prior / s) + (mean[..., k] ** 2 + s**2) / (2 * prior**2) - 0.5
    return total


def in_units_of_the_prior(mean, log_width, prior):
    mean, log_width = mean / prior, log_width - math.log(prior)
    return ((mean**2 + torch.exp(2 * log_width) - 1) / 2 - log_width).sum(-1)


def reversed_divergence(mean, log_width, prior):
    s = log_width.exp()
    return (torch.log(s / prior) + (prior**2 + mean**2) / (2 * s**2) - 0.5).sum(-1)


DIVERGENCE = Case(
    check.divergence,
    divergence,
    {
        "PyTorch's": by_torch,
        "by component": by_component,
        "in units of the prior": in_units_of_the_prior,
    },
    {
        "reversed": (reversed_divergence, "the other way round"),
        "prior of 1": (lambda m, s, t: divergence(m, s, 1.0), "a prior of width 1"),
        "no logarithm of the prior": (
            lambda m, s, t: divergence(m, s, t) - 2 * math.log(t),
            "logarithm of the prior's width is missing",
        ),
        "no half": (lambda m, s, t: divergence(m, s, t) + 1, "A half is missing"),
        "prior not squared": (
            lambda m, s, t: (math.log(t) - s + (m.square() + (2 * s).exp()) / (2 * t) - 0.5).sum(
                -1
            ),
            "enters by its square",
        ),
        "width not squared": (
            lambda m, s, t: (math.log(t) - s + (m.square() + s.exp()) / (2 * t**2) - 0.5).sum(-1),
            "The width of r enters by its square",
        ),
        "log as width": (
            lambda m, s, t: (math.log(t) - s + (m**2 + s**2) / (2 * t**2) - 0.5).sum(-1),
            "is the logarithm of the width",
        ),
        "no means": (lambda m, s, t: divergence(0 * m, s, t), "The means are missing"),
        "mean of both": (lambda m, s, t: divergence(m, s, t) / 2, "not their mean"),
        "wrong sign of s": (
            lambda m, s, t: divergence(m, s, t) + 2 * s.sum(-1),
            "enters with a minus",
        ),
        "each": (lambda m, s, t: math.log(t) - s + m, "shape"),
        "zero": (lambda m, s, t: 0 * m.sum(-1), "not the divergence"),
        "the first clip": (lambda m, s, t: divergence(m[0, 0], s[0, 0], t), "shape"),
        "math of a tensor": (lambda m, s, t: math.exp(s) + m, "raised"),
        "too many axes": (lambda m, s, t: m.sum(5), "raised"),
        "wrong name": (lambda m, s, t: m.squared(), "raised"),
    },
    spared={"q and p swapped": "both components enter alike"},
)

# 2


def order(step, x0, exact, t, n):
    errors = []
    for count in (n, 2 * n):
        x = x0
        for _ in range(count):
            x = step(x, t / count)
        errors.append((x - exact).norm())
    return torch.log2(errors[0] / errors[1])


def error(step, x, exact, t, n):
    for _ in range(n):
        x = step(x, t / n)
    return (x - exact).square().mean().sqrt()


def by_means(step, x0, exact, t, n):
    return math.log2(error(step, x0, exact, t, n) / error(step, x0, exact, t, 2 * n))


def by_differences(step, x0, exact, t, n):
    logs = [error(step, x0, exact, t, k).log() for k in (2 * n, n)]
    return (logs[1] - logs[0]) / math.log(2)


def by_a_fit(step, x0, exact, t, n):
    counts = [n, 2 * n]
    errors = [float(error(step, x0, exact, t, k)) for k in counts]
    return -np.polyfit(np.log(counts), np.log(errors), 1)[0]


ORDER = Case(
    check.order,
    order,
    {"mean squares": by_means, "difference of logs": by_differences, "a fit": by_a_fit},
    {
        "negative": (lambda *a: -order(*a), "The sign is reversed"),
        "ratio": (lambda *a: 2 ** order(*a), "its logarithm to base 2"),
        "natural": (lambda *a: order(*a) * math.log(2), "natural logarithm"),
        "to base 10": (lambda *a: order(*a) * math.log10(2), "to base 10"),
        "four times": (
            lambda s, x, e, t, n: torch.log2(error(s, x, e, t, n) / error(s, x, e, t, 4 * n)),
            "not the orders of",
        ),
        "one step": (
            lambda s, x, e, t, n: torch.log2(
                (s(x, t / n) - e).norm() / (s(x, t / n / 2) - e).norm()
            ),
            "not the orders of",
        ),
        "same steps": (
            lambda s, x, e, t, n: torch.log2(error(s, x, e, t, n) / error(s, x, e, t, n)),
            "not the orders of",
        ),
        "always two": (lambda *a: 2.0, "not the orders of"),
        "error": (lambda s, x, e, t, n: error(s, x, e, t, n), "not the orders of"),
        "each state": (lambda s, x, e, t, n: (s(x, t) - e).norm(dim=-1), "shape"),
        "a word": (lambda *a: "two", ""),
        "whole time each": (lambda s, x, e, t, n: order(lambda y, h: s(y, t), x, e, t, n), ""),
        "divided by nothing": (lambda s, x, e, t, n: 1 / (n - 16), "raised"),
        "no step": (lambda s, x, e, t, n: s(x), "raised"),
        "half a step": (lambda s, x, e, t, n: range(n / 2), "raised"),
    },
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}

BLAMED = Case(
    check.blamed,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "blur by a state": (WORDS | {"blurred at every time": "inference"}, "blur a picture"),
        "amplitude by the force": (
            WORDS | {"wrong amplitude from the start": "motion"},
            "how large the momentum is",
        ),
        "late by the start": (WORDS | {"behind by more and more": "inference"}, "period wrong"),
        "dreams by the decoder": (WORDS | {"dreams swing too far": "decoder"}, "starts of dreams"),
        "collapse by the prior": (WORDS | {"every film the same": "prior"}, "tell the films apart"),
        "all the same": (dict.fromkeys(WORDS, "motion"), "2 of 8 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.PARTS,
)

# 4


def flip(x):
    q, p = x.chunk(2, dim=-1)
    return torch.cat([q, -p], dim=-1)


def rewound(step, x, count):
    q, p = x.chunk(2, dim=-1)
    x = torch.cat([q, -p], dim=-1)
    for _ in range(count):
        x = step(x)
    q, p = x.chunk(2, dim=-1)
    return torch.cat([q, -p], dim=-1)


def one_by_one(step, x, count):
    for _ in range(count):
        x = flip(step(flip(x)))
    return x


def by_signs(step, x, count):
    n = x.shape[-1] // 2
    sign = torch.cat([torch.ones(n), -torch.ones(n)]).to(x)
    y = x * sign
    for _ in range(count):
        y = step(y)
    return y * sign


def recursive(step, x, count):
    return x if count == 0 else recursive(step, flip(step(flip(x))), count - 1)


def on(step, x, count):
    for _ in range(count):
        x = step(x)
    return x


def flip_q(x):
    q, p = x.chunk(2, dim=-1)
    return torch.cat([-q, p], dim=-1)


REWOUND = Case(
    check.rewound,
    rewound,
    {"one by one": one_by_one, "by signs": by_signs, "recursive": recursive},
    {
        "forwards": (on, "goes on forwards"),
        "not back": (lambda s, x, n: on(s, flip(x), n), "and not turned back"),
        "only after": (lambda s, x, n: flip(on(s, x, n)), "after the steps, and not before"),
        "positions": (lambda s, x, n: flip_q(on(s, flip_q(x), n)), "The positions are turned"),
        "both": (lambda s, x, n: -on(s, -x, n), "Both halves are turned"),
        "short": (lambda s, x, n: rewound(s, x, n - 1), "one step short"),
        "too far": (lambda s, x, n: rewound(s, x, n + 1), "one step too far"),
        "nothing": (lambda s, x, n: x, "one step short"),
        "one step": (lambda s, x, n: rewound(s, x, 1), "not where the motion was"),
        "minus the change": (lambda s, x, n: 2 * x - on(s, x, n), "not where the motion was"),
        "positions alone": (lambda s, x, n: rewound(s, x, n)[..., :3], "shape"),
        "all states": (lambda s, x, n: torch.stack([x, rewound(s, x, n)]), "shape"),
        "negative count": (lambda s, x, n: on(s, x, range(-n)[0]), "raised"),
        "a time": (lambda s, x, n: s(x, -0.3), "raised"),
        "wrong half": (lambda s, x, n: s(x[..., :1]) + x @ x, "raised"),
    },
)

# 5

VALUES, SEEDS = [0.0, 0.02, 0.1, 0.3], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="noise", prediction="nine pictures"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()
THREE, NINE = check.RIVALS


def with_row(rule, value, row):
    return duel_tools.with_row(STUDY, rule, value, row)


CONTEST = Case(
    check.contest,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other seeds": experiment(seeds=[4, 3, 2, 1, 0]),
        "the gap": experiment([0.01, 0.05, 0.2], varied="gap"),
        "the amplitude": experiment([0.05, 0.5, 2.0], varied="amplitude"),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
        "arrays": duel_tools.arrays(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (experiment([0.0, 0.1]), "three settings or more"),
        "narrow": (experiment([0.02, 0.04, 0.06]), "a wide range"),
        "all the same answer": (experiment([0.0, 0.005, 0.02]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, NINE)},
            "At noise = 0 the rule of three pictures has the smaller error for",
        ),
        "rules exchanged": (STUDY | {THREE: STUDY[NINE], NINE: STUDY[THREE]}, "are those of the"),
        "settings exchanged": (with_row(THREE, 0.1, STUDY[THREE][0.0]), "are those of 0"),
        "too few errors": (with_row(NINE, 0.1, STUDY[NINE][0.1][:4]), "has 4 errors for 5"),
        "invented": (with_row(NINE, 0.0, [0.4] * 5), "are not what `check.measure` gives"),
        "roots": (
            with_row(THREE, 0.1, [e**0.5 for e in STUDY[THREE][0.1]]),
            "are the roots of the right ones",
        ),
        "no list": (with_row(NINE, 0.0, 0.01), "one error for each seed"),
        "too noisy": (STUDY | {"values": [0.0, 0.02, 0.1, 0.9]}, "is outside 0 to 0.3"),
        "another thing": (
            STUDY | {"varied": "pictures"},
            "choose one of: 'noise', 'gap', 'amplitude'",
        ),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.1: "both"}},
            "choose one of: 'three pictures'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.0: THREE}}, "has no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (DIVERGENCE, ORDER, BLAMED, REWOUND, CONTEST)
    demanding = True


def test_no_word_is_found_by_elimination():
    """Some words are the answer twice, so the last one does not follow from the others."""
    given = list(WORDS.values())
    assert len(given) > len(set(given)) == len(check.PARTS)


def test_both_of_the_reproduction_are_found():
    """The leapfrog is right for a mass of 1 alone, the RK4 of first order for any."""
    for mass, expected in ((1.0, 2), (0.6, 0)):
        spring = check.MassSpring(mass=mass, stiffness=1.7)
        x0 = spring.sample(5, seed=0)
        exact = spring.solution(x0, torch.tensor([0.0, 1.3], dtype=torch.float64))[1]
        steps = check.steps_of(spring)
        found = {name: float(order(step, x0, exact, 1.3, 16)) for name, step in steps.items()}
        assert found["leapfrog, q by p h"] == pytest.approx(expected, abs=0.2)
        assert found["RK4, half a step in its last stage"] == pytest.approx(1, abs=0.2)
        assert found["RK4"] == pytest.approx(4, abs=0.2)


def test_the_instrument_refuses_an_unknown_rule():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("five pictures")
