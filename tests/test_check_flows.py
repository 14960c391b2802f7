"""The checks of "A flow that is a motion": right answers pass, wrong ones get a message."""

import math

import duel_tools
import pytest
import torch
from check_tools import Case, ChapterChecks
from torch.distributions import Normal

from hnn_tutorial.check import flows as check

# 1


def width(omega, t):
    return (torch.cos(omega * t) ** 2 + (torch.sin(omega * t) / omega) ** 2).sqrt()


WIDTH = Case(
    check.width,
    width,
    {
        "by hypot": lambda w, t: torch.hypot(torch.cos(w * t), torch.sin(w * t) / w),
        "by the double angle": lambda w, t: torch.sqrt(
            (1 + torch.cos(2 * w * t)) / 2 + (1 - torch.cos(2 * w * t)) / (2 * w**2)
        ),
        "by a norm": lambda w, t: torch.stack([torch.cos(w * t), torch.sin(w * t) / w]).norm(dim=0),
        "one by one": lambda w, t: torch.stack(
            [torch.tensor(math.hypot(math.cos(v * t), math.sin(v * t) / v)) for v in w.reshape(-1)]
        ).reshape(w.shape),
    },
    {
        "variance": (lambda w, t: width(w, t) ** 2, "This is the variance"),
        "widths added": (
            lambda w, t: torch.cos(w * t).abs() + torch.sin(w * t).abs() / w,
            "Widths are added",
        ),
        "mixed term": (
            lambda w, t: (torch.cos(w * t) + torch.sin(w * t) / w).abs(),
            "so the mixed term has the mean zero",
        ),
        "one": (lambda w, t: torch.ones_like(w), "carries 1/omega"),
        "one omega": (
            lambda w, t: (torch.cos(w * t) ** 2 + torch.sin(w * t) ** 2 / w).sqrt(),
            "its square stands in the variance",
        ),
        "of p": (
            lambda w, t: (torch.cos(w * t) ** 2 + (torch.sin(w * t) * w) ** 2).sqrt(),
            "This is the width of p",
        ),
        "exchanged": (
            lambda w, t: (torch.sin(w * t) ** 2 + (torch.cos(w * t) / w) ** 2).sqrt(),
            "Cosine and sine are exchanged",
        ),
        "a quarter": (lambda w, t: 1 / w, "the width after a quarter of a period"),
        "negative": (lambda w, t: -width(w, t), "Every sign is reversed"),
        "no time": (lambda w, t: width(w, 1.0), "This is not the width"),
        "half": (lambda w, t: width(w, t / 2), "This is not the width"),
        "sum": (lambda w, t: width(w, t).sum(), "shape"),
        "of a number": (lambda w, t: math.cos(w * t), "raised"),
        "wrong name": (lambda w, t: torch.cos(w.angle_of * t), "raised"),
        "five springs": (lambda w, t: torch.stack([width(w, t)[k] for k in range(5)]), "raised"),
    },
    spared={"q and p swapped": "frequencies are no states, and are left as they are"},
)

# 2


def bound(x, noise, mean, log_width, backwards):
    p = mean + log_width.exp() * noise
    q0, p0 = backwards(x, p)
    log_f = check.log_normal(noise) - log_width.sum(-1)
    return check.log_normal(q0) + check.log_normal(p0) - log_f


def by_distributions(x, noise, mean, log_width, backwards):
    f = Normal(mean, log_width.exp())
    p = mean + log_width.exp() * noise
    start = torch.cat(backwards(x, p), dim=-1)
    ones = Normal(torch.zeros_like(start), torch.ones_like(start))
    return ones.log_prob(start).sum(-1) - f.log_prob(p).sum(-1)


def by_squares(x, noise, mean, log_width, backwards):
    q0, p0 = backwards(x, mean + torch.exp(log_width) * noise)
    squares = noise**2 - q0**2 - p0**2
    return (squares / 2 + log_width - math.log(2 * math.pi) / 2).sum(-1)


def by_loop(x, noise, mean, log_width, backwards):
    q0, p0 = backwards(x, mean + torch.exp(log_width) * noise)
    total = 0
    for k in range(x.shape[-1]):
        total = total + (noise[..., k] ** 2 - q0[..., k] ** 2 - p0[..., k] ** 2) / 2
        total = total + log_width[..., k] - math.log(2 * math.pi) / 2
    return total


def log_f(noise, log_width):
    return check.log_normal(noise) - log_width.sum(-1)


BOUND = Case(
    check.bound,
    bound,
    {"distributions": by_distributions, "squares": by_squares, "a loop": by_loop},
    {
        "added": (
            lambda x, e, m, w, b: bound(x, e, m, w, b) + 2 * log_f(e, w),
            "ln f has the wrong sign",
        ),
        "no f": (lambda x, e, m, w, b: bound(x, e, m, w, b) + log_f(e, w), "ln f is missing"),
        "f of the noise": (
            lambda x, e, m, w, b: bound(x, e, m, w, b) - w.sum(-1),
            "This is ln f of the noise",
        ),
        "widths' sign": (
            lambda x, e, m, w, b: bound(x, e, m, w, b) - 2 * w.sum(-1),
            "the density of a wide Gaussian is small",
        ),
        "positions alone": (
            lambda x, e, m, w, b: check.log_normal(b(x, m + w.exp() * e)[0]) - log_f(e, w),
            "The density of the momentum at the start is missing",
        ),
        "at the end": (
            lambda x, e, m, w, b: bound(x, e, m, w, lambda q, p: (q, p)),
            "Go back to its start",
        ),
        "loss": (lambda *given: -bound(*given), "what is minimised in training"),
        "no constant": (
            lambda x, e, m, w, b: bound(x, e, m, w, b) + 1.5 * math.log(2 * math.pi),
            "A constant is missing",
        ),
        "log of the width": (
            lambda x, e, m, w, b: (
                check.log_normal(b(x, m + w * e)[0])
                + check.log_normal(b(x, m + w * e)[1])
                - log_f(e, w)
            ),
            "The width is exp(log_width)",
        ),
        "no mean": (lambda x, e, m, w, b: bound(x, e, 0 * m, w, b), "This is not the bound"),
        "no noise": (lambda x, e, m, w, b: bound(x, 0 * e, m, w, b), "This is not the bound"),
        "a mean": (lambda *given: bound(*given).mean(), "shape"),
        "not summed": (lambda x, e, m, w, b: e + w, "shape"),
        "first axis": (lambda x, e, m, w, b: bound(x, e, m, w, b)[:, 0], ""),
        "one argument": (lambda x, e, m, w, b: b(x), "raised"),
        "three parts": (lambda x, e, m, w, b: sum(b(x, e)[k] for k in range(3)), "raised"),
        "strings": (lambda x, e, m, w, b: bound(x, "e", m, w, b), "raised"),
    },
    spared={
        "q and p swapped": "positions alone have no halves to be swapped",
    },
    equivalent={"p0, q0 = backwards(x, p)": "the Gaussian of the start is round"},
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}

GIVEN = Case(
    check.given,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "NVP bound": (WORDS | {"RealNVP, 2 coordinates": "bound"}, "Can its inverse"),
        "positions exact": (
            WORDS | {"leapfrog of p²/2 + V(q), positions alone": "exact"},
            "Whose density",
        ),
        "both bound": (
            WORDS | {"leapfrog of p²/2 + V(q), positions and momenta": "bound"},
            "nobody saw",
        ),
        "quarter swing": (
            WORDS | {"the quarter swing of a spring, positions alone": "bound"},
            "after the quarter period",
        ),
        "driven": (
            WORDS | {"V that changes with time, positions alone": "neither"},
            "whether H depends on the time",
        ),
        "all the same": (dict.fromkeys(WORDS, "bound"), "3 of 7 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.KEPT,
)

# 4

VALUES, SEEDS = [1, 2, 4], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="modes", prediction="motion"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()
MOTION, NVP = check.RIVALS


def with_row(flow, value, row):
    return duel_tools.with_row(STUDY, flow, value, row)


CONTEST = Case(
    check.contest,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other seeds": experiment(seeds=[4, 3, 2, 1, 0]),
        "rounded": duel_tools.rounded(check.DUEL, STUDY),
        "arrays": duel_tools.arrays(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 4), "three settings or more"),
        "narrow": (experiment([3, 4, 5], seeds=[0, 1]), "a wide range"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, MOTION)},
            "the motion has the smaller error for",
        ),
        "flows exchanged": (STUDY | {MOTION: STUDY[NVP], NVP: STUDY[MOTION]}, "are those of the"),
        "settings exchanged": (with_row(MOTION, 4, STUDY[MOTION][1]), "are those of 1"),
        "too few": (with_row(NVP, 4, STUDY[NVP][4][:4]), "has 4 divergences for 5"),
        "invented": (with_row(NVP, 4, [7.0] * 5), "are not what `check.measure` gives"),
        "no list": (with_row(NVP, 1, 0.01), "one divergence for each seed"),
        "too many modes": (STUDY | {"values": [1, 2, 40]}, "is outside 1 to 8"),
        "half a mode": (STUDY | {"values": [1, 2.5, 4]}, "whole numbers"),
        "another thing": (STUDY | {"varied": "weights"}, "choose one of: 'modes', 'width'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {4: "MLP"}},
            "choose one of: 'motion'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {1: NVP}}, "has no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (WIDTH, BOUND, GIVEN, CONTEST)
    demanding = True


def test_the_motion_wins_for_many_modes_and_not_for_two():
    many, two = (
        [[check.measure(flow, modes=modes, seed=seed) for seed in SEEDS] for flow in check.RIVALS]
        for modes in (4, 2)
    )
    assert check.verdict(*many) == MOTION
    assert check.verdict(*two) == NVP


def test_the_instrument_refuses_an_unknown_flow():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("NICE")
