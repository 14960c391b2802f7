"""The checks of "The map instead of the field": right answers pass, wrong ones get a message."""

import math

import duel_tools
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import flow_maps as check

# 1


def factor(omega, h):
    half = omega * h / 2
    return torch.tan(half) / half


FACTOR = Case(
    check.factor,
    factor,
    {
        "by sine and cosine": lambda w, h: (
            2 * torch.sin(w * h / 2) / torch.cos(w * h / 2) / (w * h)
        ),
        "by the whole angle": lambda w, h: 2 * (1 - torch.cos(w * h)) / torch.sin(w * h) / (w * h),
        "one by one": lambda w, h: torch.stack(
            [torch.tan(v * h / 2) / (v * h / 2) for v in w.reshape(-1)]
        ).reshape(w.shape),
    },
    {
        "not divided": (lambda w, h: torch.tan(w * h / 2), "Divide by what it is"),
        "inverse": (lambda w, h: 1 / factor(w, h), "one over the factor"),
        "whole step": (lambda w, h: torch.tan(w * h) / (w * h), "half of the angle stands"),
        "the rule's own turn": (
            lambda w, h: torch.atan(w * h / 2) / (w * h / 2),
            "the turn of the rule with S = H",
        ),
        "sine": (lambda w, h: torch.sin(w * h / 2) / (w * h / 2), "not by 2 arcsin"),
        "half": (lambda w, h: factor(w, h) / 2, "The denominator is ωh/2"),
        "a time": (lambda w, h: torch.tan(w * h / 2) / w, "unit of a time"),
        "series": (lambda w, h: 1 + (w * h) ** 2 / 12, "first two terms of the series"),
        "negative": (lambda w, h: -factor(w, h), "Every sign is reversed"),
        "one": (lambda w, h: torch.ones_like(w), "does not make the step right"),
        "no step": (lambda w, h: torch.tan(w / 2) / (w / 2), "does not make the step right"),
        "sum": (lambda w, h: factor(w, h).sum(), "shape"),
        "a list": (lambda w, h: [math.tan(v * h / 2) for v in w], ""),
        "of a number": (lambda w, h: math.tan(w * h / 2) / (w * h / 2), "raised"),
        "wrong name": (lambda w, h: torch.tan(w.half * h), "raised"),
        "five springs": (
            lambda w, h: torch.stack([factor(w, h)[k] for k in range(5)]),
            "raised",
        ),
    },
    spared={"q and p swapped": "frequencies are no states, and are left as they are"},
)

# 2


def undone(x, layers):
    q, p = x.chunk(2, dim=-1)
    for k in reversed(range(len(layers))):
        if k % 2 == 0:
            p = p - layers[k](q)
        else:
            q = q - layers[k](p)
    return torch.cat([q, p], dim=-1)


def recursive(x, layers):
    if not layers:
        return x
    q, p = x.chunk(2, dim=-1)
    last = layers[-1]
    if len(layers) % 2 == 1:
        p = p - last(q)
    else:
        q = q - last(p)
    return recursive(torch.cat([q, p], dim=-1), layers[:-1])


def by_list(x, layers):
    parts = list(x.chunk(2, dim=-1))
    for k, layer in list(enumerate(layers))[::-1]:
        changed = 1 - k % 2
        parts[changed] = parts[changed] - layer(parts[1 - changed])
    return torch.cat(parts, dim=-1)


def by_slices(x, layers):
    n = x.shape[-1] // 2
    y = x.clone()
    for k in range(len(layers) - 1, -1, -1):
        if k % 2:
            y[..., :n] -= layers[k](y[..., n:].clone())
        else:
            y[..., n:] -= layers[k](y[..., :n].clone())
    return y


UNDONE = Case(
    check.undone,
    undone,
    {"recursive": recursive, "by a list": by_list, "by slices": by_slices},
    {
        "forwards": (check.forwards, "forwards once more"),
        "added": (lambda x, a: check._back(x, a, sign=1), "Each layer must also be taken back"),
        "same order": (lambda x, a: check._back(x, a, order=1), "undone first"),
        "exchanged": (lambda x, a: check._back(x, a, first=1), "Kicks and drifts are exchanged"),
        "reversed list": (
            lambda x, a: check._back(x, a[::-1], order=1),
            "Kicks and drifts are exchanged",
        ),
        "nothing": (lambda x, a: x, "does not lead back"),
        "last alone": (lambda x, a: undone(x, a[-1:]), "does not lead back"),
        "three layers": (lambda x, a: undone(x, a[:3]), "does not lead back"),
        "negated": (lambda x, a: -undone(x, a), "Every sign is reversed"),
        "p first": (
            lambda x, a: torch.cat(undone(x, a).chunk(2, -1)[::-1], -1),
            "",
        ),
        "positions": (lambda x, a: undone(x, a)[..., :2], "shape"),
        "sum": (lambda x, a: undone(x, a).sum(-1), "shape"),
        "first axis": (lambda x, a: torch.cat([x[:3], x[3:] - a[0](x[:3])]), ""),
        "divided": (lambda x, a: x / a[0](x), "raised"),
        "called without a state": (lambda x, a: a[0](), "raised"),
        "too many": (lambda x, a: undone(x, [*a, None]), "raised"),
    },
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
        "a good MLP": (WORDS | {"MLP map": "areas"}, "What in an MLP"),
        "S at half a step": (
            WORDS | {"exact S, midpoint rule, h/2 twice": "areas and energy"},
            "Is S the generating function",
        ),
        "the rule keeps H": (
            WORDS | {"midpoint rule, H itself": "areas and energy"},
            "Which function's step",
        ),
        "no energy, no areas": (
            WORDS | {"driven pendulum, one period": "neither"},
            "H depends on the time here",
        ),
        "all the same": (dict.fromkeys(WORDS, "areas"), "4 of 8 are right"),
        "projected": (WORDS | {"projected MLP map": "areas and energy"}, "What happens to an area"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.KEPT,
)

# 4


def middles(x, y, h, angle):
    omega = torch.tensor([[0, 1], [-1, 0]], dtype=x.dtype)
    z = x @ torch.linalg.matrix_exp(angle * omega).mT
    return torch.stack([(z + y) / 2, (y - z) / h])


def pair(z, y, h):
    return torch.stack([(z + y) / 2, (y - z) / h])


def by_columns(x, y, h, angle):
    c, s = math.cos(angle), math.sin(angle)
    z = torch.stack([c * x[..., 0] + s * x[..., 1], c * x[..., 1] - s * x[..., 0]], dim=-1)
    return torch.stack([z + (y - z) / 2, (y - z) / h])


def by_complex(x, y, h, angle):
    z = torch.view_as_complex(x.contiguous()) * complex(math.cos(angle), -math.sin(angle))
    return pair(torch.view_as_real(z), y, h)


def by_einsum(x, y, h, angle):
    omega = torch.tensor([[0.0, 1.0], [-1.0, 0.0]], dtype=x.dtype)
    R = torch.eye(2, dtype=x.dtype) * math.cos(angle) + omega * math.sin(angle)
    return pair(torch.einsum("ij,...j->...i", R, x), y, h)


MIDDLES = Case(
    check.middles,
    middles,
    {
        "by columns": by_columns,
        "complex": by_complex,
        "einsum": by_einsum,
        "a tuple": lambda *given: tuple(middles(*given)),
    },
    {
        "not turned": (lambda x, y, h, a: pair(x, y, h), "The states are not turned"),
        "wrong way": (lambda x, y, h, a: middles(x, y, h, -a), "The turn goes the wrong way"),
        "both": (
            lambda x, y, h, a: pair(check.turned(x, a), check.turned(y, a), h),
            "Both are turned",
        ),
        "images back": (
            lambda x, y, h, a: pair(x, check.turned(y, -a), h),
            "The images are turned back",
        ),
        "start minus end": (
            lambda x, y, h, a: pair(y, check.turned(x, a), h),
            "The rates have the wrong sign",
        ),
        "sum": (
            lambda x, y, h, a: (
                middles(x, y, h, a) * torch.tensor([2.0, 1]).reshape(2, *[1] * x.ndim)
            ),
            "The middles are twice as far",
        ),
        "not by h": (lambda x, y, h, a: middles(x, y, 1.0, a), "not divided by h"),
        "old rates": (
            lambda x, y, h, a: torch.stack([middles(x, y, h, a)[0], (y - x) / h]),
            "the rates begin at the unturned ones",
        ),
        "old middles": (
            lambda x, y, h, a: torch.stack([(x + y) / 2, middles(x, y, h, a)[1]]),
            "the middles begin at the unturned ones",
        ),
        "starts": (
            lambda x, y, h, a: torch.stack([check.turned(x, a), middles(x, y, h, a)[1]]),
            "these are starts",
        ),
        "rates first": (lambda *given: middles(*given).flip(0), "Middles come first"),
        "degrees": (
            lambda x, y, h, a: middles(x, y, h, math.radians(a)),
            "in radians already",
        ),
        "middles alone": (lambda *given: middles(*given)[0], "shape"),
        "side by side": (lambda *given: torch.cat([*middles(*given)], -1), "shape"),
        "matrix of the wrong side": (
            lambda x, y, h, a: pair(torch.eye(3).double() @ x, y, h),
            "raised",
        ),
        "first index": (lambda x, y, h, a: pair(x[0] * math.cos(a), y, h), ""),
        "strings": (lambda x, y, h, a: pair(x, y, "h"), "raised"),
        "cosine of a list": (lambda x, y, h, a: pair(x * math.cos([a]), y, h), "raised"),
    },
    equivalent={"dtype=y.dtype": "x and y have the same"},
)

# 5

VALUES, SEEDS = [0.0, 0.005, 0.02], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="noise", prediction="SympNet"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()
MIDDLE, KICKS = check.RIVALS


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


CONTEST = Case(
    check.contest,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other seeds": experiment(seeds=[4, 3, 2, 1, 0]),
        "rounded": duel_tools.rounded(check.DUEL, STUDY),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
        "arrays": duel_tools.arrays(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.005), "three settings or more"),
        "narrow": (experiment([0.005, 0.006, 0.007], seeds=[0, 1]), "a wide range"),
        "all the same answer": (experiment([0.005, 0.01, 0.02], seeds=[0, 1]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, KICKS)},
            "At noise = 0 the HNN on middles has the smaller error for",
        ),
        "models exchanged": (
            STUDY | {MIDDLE: STUDY[KICKS], KICKS: STUDY[MIDDLE]},
            "are those of the",
        ),
        "settings exchanged": (with_row(MIDDLE, 0.02, STUDY[MIDDLE][0.0]), "are those of 0"),
        "too few errors": (with_row(KICKS, 0.02, STUDY[KICKS][0.02][:4]), "has 4 errors for 5"),
        "invented": (with_row(KICKS, 0.0, [0.4] * 5), "are not what `check.measure` gives"),
        "roots": (
            with_row(MIDDLE, 0.02, [e**0.5 for e in STUDY[MIDDLE][0.02]]),
            "are the roots of the right ones",
        ),
        "no list": (with_row(KICKS, 0.0, 0.01), "one error for each seed"),
        "too noisy": (STUDY | {"values": [0.0, 0.005, 0.9]}, "is outside 0 to 0.05"),
        "half a pair": (STUDY | {"varied": "pairs", "values": [12.5, 30, 100]}, "whole numbers"),
        "another thing": (STUDY | {"varied": "weights"}, "choose one of: 'step', 'noise', 'pairs'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.005: "MLP"}},
            "choose one of: 'HNN on middles'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.0: KICKS}}, "has no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (FACTOR, UNDONE, KEPT, MIDDLES, CONTEST)
    demanding = True


def test_no_word_is_found_by_elimination():
    """Some words are the answer twice, so the last one does not follow from the others."""
    given = list(WORDS.values())
    assert len(given) > len(set(given)) == len(check.KEPT)


def test_the_middle_wins_on_clean_pairs_and_suffers_near_half_a_period():
    errors = [[check.measure(m, seed=s) for s in range(10, 15)] for m in check.RIVALS]
    assert check.verdict(*errors) == MIDDLE
    late = [[check.measure(m, step=2.5, seed=s) for s in range(5)] for m in check.RIVALS]
    assert sorted(late[0])[2] > 30 * sorted(errors[0])[2]


def test_the_instrument_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("LNN")
