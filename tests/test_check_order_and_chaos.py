"""The checks of "Order and chaos": right answers pass, wrong ones get their message."""

import pytest
import torch
from check_tools import Case, ChapterChecks, pack

from hnn_tutorial.check import order_and_chaos as check
from hnn_tutorial.systems import HenonHeiles

# 1


def variation(x, v, coupling):
    q1, q2 = x[..., 0], x[..., 1]
    d1, d2, e1, e2 = v.unbind(-1)
    first = -d1 - 2 * coupling * (q2 * d1 + q1 * d2)
    second = -d2 - 2 * coupling * (q1 * d1 - q2 * d2)
    return torch.stack([e1, e2, first, second], dim=-1)


def by_matrix(x, v, coupling):
    q1, q2 = x[..., 0], x[..., 1]
    zero, one = torch.zeros_like(q1), torch.ones_like(q1)
    J = torch.stack(
        [
            pack(zero, zero, one, zero),
            pack(zero, zero, zero, one),
            pack(-1 - 2 * coupling * q2, -2 * coupling * q1, zero, zero),
            pack(-2 * coupling * q1, -1 + 2 * coupling * q2, zero, zero),
        ],
        dim=-2,
    )
    return (J @ v.unsqueeze(-1)).squeeze(-1)


def by_jvp(x, v, coupling):
    return torch.func.jvp(HenonHeiles(coupling).field, (x,), (v,))[1]


def by_differences(x, v, coupling):
    field, h = HenonHeiles(coupling).field, 1e-4
    return (field(x + h * v) - field(x - h * v)) / (2 * h)


def by_polarisation(x, v, coupling):
    """The field has terms up to the second order, so one difference is exact."""
    field = HenonHeiles(coupling).field
    return (field(x + v) - field(x - v)) / 2


def varied(x, v, c, cross=2.0, even=2.0, sign=-1.0):
    d1, d2 = v[..., 0], v[..., 1]
    first = sign * (d1 + cross * c * (x[..., 1] * d1 + x[..., 0] * d2))
    second = sign * (d2 + even * c * (x[..., 0] * d1 - x[..., 1] * d2))
    return pack(v[..., 2], v[..., 3], first, second)


VARIATION = Case(
    check.variation,
    variation,
    {
        "by its matrix": by_matrix,
        "jvp": by_jvp,
        "differences": by_differences,
        "one long difference": by_polarisation,
    },
    {
        "the field of v": (lambda x, v, c: HenonHeiles(c).field(v), "as if a deviation were"),
        "the motion": (lambda x, v, c: HenonHeiles(c).field(x), "the motion of the star itself"),
        "one-sided": (
            lambda x, v, c: HenonHeiles(c).field(x + v) - HenonHeiles(c).field(x),
            "terms with v² must go",
        ),
        "springs": (lambda x, v, c: varied(x, v, 0.0), "cubic terms of the potential are missing"),
        "no coupling": (lambda x, v, c: varied(x, v, 1.0), "The coupling κ is missing"),
        "halves": (lambda x, v, c: varied(x, v, c, 1.0, 1.0), "half of what they should be"),
        "half a square": (lambda x, v, c: varied(x, v, c, 2.0, 1.0), "d(x²) = 2x dx"),
        "other coupling": (lambda x, v, c: varied(x, v, -c), "have the wrong sign"),
        "force outward": (lambda x, v, c: varied(x, v, c, sign=1.0), "minus the derivative of V"),
        "the deviation": (lambda x, v, c: v, ""),
        "arguments exchanged": (lambda x, v, c: variation(v, x, c), ""),
        "positions alone": (lambda x, v, c: variation(x, v, c)[..., :2], "shape"),
        "summed": (lambda x, v, c: variation(x, v, c).sum(-1), "shape"),
        "both of jvp": (
            lambda x, v, c: torch.func.jvp(HenonHeiles(c).field, (x,), (v,)),
            "shape",
        ),
        "unpacked": (lambda x, v, c: pack(*x, *v), ""),
        "no tuple": (lambda x, v, c: torch.func.jvp(HenonHeiles(c).field, x, v)[1], "raised"),
        "matrix times row": (lambda x, v, c: by_matrix(x, v.unsqueeze(-3), c), ""),
    },
)

# 2


def alignment(first, second):
    one = first / first.norm(dim=-1, keepdim=True)
    two = second / second.norm(dim=-1, keepdim=True)
    return torch.minimum((one + two).norm(dim=-1), (one - two).norm(dim=-1))


def unit(v):
    return v / v.norm(dim=-1, keepdim=True)


def by_stack(first, second):
    both = torch.stack([unit(first) + unit(second), unit(first) - unit(second)])
    return both.square().sum(-1).sqrt().amin(0)


def by_cosine(first, second):
    cosine = torch.nn.functional.cosine_similarity(first, second, dim=-1)
    return (2 - 2 * cosine.abs()).clamp(min=0).sqrt()


def by_sign(first, second):
    one, two = unit(first), unit(second)
    toward = (one * two).sum(-1, keepdim=True) >= 0
    return torch.where(toward, one - two, one + two).norm(dim=-1)


def by_normalize(first, second):
    one, two = (torch.nn.functional.normalize(v, dim=-1) for v in (first, second))
    return torch.min(torch.linalg.norm(one + two, dim=-1), torch.linalg.norm(one - two, dim=-1))


def raw(first, second):
    return torch.minimum((first + second).norm(dim=-1), (first - second).norm(dim=-1))


ALIGNMENT = Case(
    check.alignment,
    alignment,
    {"stacked": by_stack, "cosine": by_cosine, "by sign": by_sign, "normalize": by_normalize},
    {
        "not of length one": (raw, "divide each by its own norm"),
        "difference": (lambda a, b: (unit(a) - unit(b)).norm(dim=-1), "lie on one line too"),
        "sum": (lambda a, b: (unit(a) + unit(b)).norm(dim=-1), "the norm of the sum"),
        "larger": (
            lambda a, b: torch.maximum(
                (unit(a) + unit(b)).norm(dim=-1), (unit(a) - unit(b)).norm(dim=-1)
            ),
            "the larger of the two",
        ),
        "square": (lambda a, b: alignment(a, b) ** 2, "a root is missing"),
        "cosine": (lambda a, b: (unit(a) * unit(b)).sum(-1), "the cosine of the angle"),
        "absolute cosine": (
            lambda a, b: (unit(a) * unit(b)).sum(-1).abs(),
            "the cosine of the angle",
        ),
        "sine": (
            lambda a, b: (1 - (unit(a) * unit(b)).sum(-1) ** 2).clamp(min=0).sqrt(),
            "the sine of the angle",
        ),
        "absolute values": (
            lambda a, b: torch.minimum(
                (unit(a) + unit(b)).abs().sum(-1), (unit(a) - unit(b)).abs().sum(-1)
            ),
            "a sum of absolute values",
        ),
        "one norm for all": (
            lambda a, b: raw(a / a.norm(), b / b.norm()),
            "",
        ),
        "half": (lambda a, b: alignment(a, b) / 2, ""),
        "logarithm": (lambda a, b: alignment(a, b).log(), ""),
        "one number": (lambda a, b: alignment(a, b).min(), "shape"),
        "kept axis": (lambda a, b: alignment(a, b).unsqueeze(-1), "shape"),
        "four components": (
            lambda a, b: alignment(a.reshape(-1, 4), b.reshape(-1, 4)).reshape(a.shape[:-1]),
            "",
        ),
        "no axis": (lambda a, b: (a / a.norm(-1, keepdim=True)) @ b, ""),
        "no keepdim": (lambda a, b: raw(a / a.norm(dim=-1), b / b.norm(dim=-1)), "raised"),
    },
    spared={"q and p swapped": "both deviations swap, and their angle stays"},
    equivalent={
        "return torch.minimum((one - two).norm(dim=-1), (one + two)": "the smaller in another order"
    },
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}

CAUSES = Case(
    check.causes,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "upper case": {case: word.upper() for case, word in WORDS.items()},
        "with blanks": {case: f" {word} " for case, word in WORDS.items()},
        "as titles": {case: word.title() for case, word in WORDS.items()},
    },
    {
        "rounding for the step": (
            WORDS | {"smaller step": "rounding"},
            "What does a smaller step change",
        ),
        "field for negative time": (
            WORDS | {"negative time": "learned field"},
            "retraces any field's motion",
        ),
        "field for the drift": (
            WORDS | {"energy drifts": "learned field"},
            "conserves its own energy for any weights",
        ),
        "all the same": (dict.fromkeys(WORDS, "rounding"), "2 of 6 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.CAUSES,
)

# 4

VALUES, SEEDS = [0.04, 0.1, 0.125], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="energy", prediction="HNN"):
    """A study, measured and concluded as the exercise asks for."""
    settings = {value: check.USUAL | {varied: value} for value in values}
    study = {"varied": varied, "values": list(values), "seeds": list(seeds)}
    study["prediction"] = dict.fromkeys(values, prediction)
    for model in check.RIVALS:
        study[model] = {
            value: [check.measure(model, **settings[value], seed=seed) for seed in seeds]
            for value in values
        }
    study["conclusion"] = {
        value: check.verdict(*(study[model][value] for model in check.RIVALS)) for value in values
    }
    return study


STUDY = experiment()
HNN, SECOND = check.RIVALS


def without(study, value):
    """The study without one of its settings."""
    kept = [v for v in study["values"] if v != value]
    parts = ("prediction", "conclusion", *check.RIVALS)
    return study | {"values": kept} | {p: {v: study[p][v] for v in kept} for p in parts}


def with_row(model, value, row):
    return STUDY | {model: STUDY[model] | {value: row}}


FINDS = Case(
    check.finds,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other seeds": experiment(seeds=[4, 3, 2, 1, 0]),
        "another order": experiment(values=VALUES[::-1]),
        "as integers": STUDY
        | {m: {v: [int(n) for n in STUDY[m][v]] for v in VALUES} for m in check.RIVALS},
        "by seed": STUDY
        | {
            m: {v: dict(zip(SEEDS, STUDY[m][v], strict=True)) for v in VALUES} for m in check.RIVALS
        },
    },
    {
        "three seeds": (experiment(seeds=[0, 1, 2]), "five seeds or more"),
        "two settings": (without(STUDY, 0.1), "three settings or more"),
        "narrow": (experiment([0.1, 0.11, 0.125]), "a wide range"),
        "all the same answer": (experiment([0.04, 0.05, 0.1]), "the answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "HNN")},
            "conclusions that follow",
        ),
        "models exchanged": (
            STUDY | {HNN: STUDY[SECOND], SECOND: STUDY[HNN]},
            "are those of the second-order network",
        ),
        "settings exchanged": (
            STUDY | {HNN: STUDY[HNN] | {0.125: STUDY[HNN][0.04]}},
            "are those of 0.04",
        ),
        "sorted": (with_row(HNN, 0.125, sorted(STUDY[HNN][0.125])), "in another order"),
        "shares": (
            with_row(HNN, 0.125, [n / 40 for n in STUDY[HNN][0.125]]),
            "not which share",
        ),
        "those that are right": (
            with_row(SECOND, 0.125, [40 - n for n in STUDY[SECOND][0.125]]),
            "give those that are wrong",
        ),
        "too few": (with_row(HNN, 0.1, STUDY[HNN][0.1][:4]), "has 4 numbers for 5 seeds"),
        "invented": (with_row(SECOND, 0.125, [20.0] * 5), "are not what `check.measure` gives"),
        "no list": (with_row(HNN, 0.1, 3.0), "one number for each seed"),
        "a seed twice": (STUDY | {"seeds": [0, 1, 2, 3, 3]}, "A seed stands twice"),
        "above escape": (STUDY | {"values": [0.04, 0.1, 0.2]}, "is outside 0.02 to 0.166"),
        "half a state": (
            STUDY | {"varied": "states", "values": [60.5, 210, 500]},
            "whole numbers",
        ),
        "another thing": (STUDY | {"varied": "time"}, "choose one of: 'energy', 'states'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.04: "MLP"}},
            "choose one of: 'HNN'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.04: "HNN"}}, "has no answer yet"),
        "eleven seeds": (STUDY | {"seeds": list(range(11))}, "Ten seeds are enough"),
    },
    blank=dict.fromkeys(check.STUDY, ...),
    dear=("seeds",),
    equivalent={"['prediction'][": "a prediction may be wrong"},
    words={
        **dict.fromkeys(VALUES, check.VERDICTS),
        "varied": tuple(check.USUAL),
    },
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (VARIATION, ALIGNMENT, CAUSES, FINDS)
    demanding = True


def test_a_motion_that_was_lost_is_of_neither_class():

    def escaping(x):
        return 5 * x**3

    lost = check._chaotic(escaping, 0.125)
    assert (lost == 2).any()


def test_no_word_is_found_by_elimination():
    given = list(WORDS.values())
    assert len(given) > len(set(given))


def test_the_instrument_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("LNN")
