"""The checks of "A real double pendulum": right answers pass, wrong ones get their message."""

import math

import pytest
import torch
from check_tools import Case, ChapterChecks, pack

from hnn_tutorial.check import real_double_pendulum as check
from hnn_tutorial.evaluation import valid_prediction_time

# 1


def friction(v, upper, lower):
    u, w = v[..., 0], v[..., 1]
    joint = lower * (w - u)
    return torch.stack([joint - upper * u, -joint], dim=-1)


def by_matrix(v, upper, lower):
    C = torch.tensor([[upper + lower, -lower], [-lower, lower]], dtype=v.dtype)
    return -v @ C


def by_dissipation(v, upper, lower):
    v = v.detach().requires_grad_()
    u, w = v.unbind(-1)
    D = upper * u**2 / 2 + lower * (w - u) ** 2 / 2
    return -torch.autograd.grad(D.sum(), v)[0]


def in_place(v, upper, lower):
    Q = torch.zeros_like(v)
    Q[..., 0] -= upper * v[..., 0]
    torque = lower * (v[..., 1] - v[..., 0])
    Q[..., 0] += torque
    Q[..., 1] -= torque
    return Q


def joints(v, upper, lower):
    return upper * v[..., 0], lower * (v[..., 1] - v[..., 0])


def packed(make):
    """A wrong answer from the torques of both joints and the two velocities."""
    return lambda v, c, d: pack(*make(*joints(v, c, d), v[..., 0], v[..., 1]))


FRICTION = Case(
    check.friction,
    friction,
    {"by a matrix": by_matrix, "by the dissipation": by_dissipation, "in place": in_place},
    {
        "driving": (lambda *a: -friction(*a), "drives the pendulum"),
        "against the room": (
            lambda v, c, d: pack(-c * v[..., 0], -d * v[..., 1]),
            "not against the room",
        ),
        "one side": (packed(lambda a, b, u, w: (-a, -b)), "a joint has two sides"),
        "same way": (packed(lambda a, b, u, w: (-b - a, -b)), "both rods the same way"),
        "same way, other sign": (packed(lambda a, b, u, w: (b - a, b)), "both rods the same way"),
        "lower sign": (packed(lambda a, b, u, w: (-b - a, b)), "its sign is wrong"),
        "exchanged": (lambda *a: friction(*a).flip(-1), "exchanged"),
        "upper forgotten": (packed(lambda a, b, u, w: (b, -b)), "The upper joint has friction"),
        "lower forgotten": (packed(lambda a, b, u, w: (-a, 0 * b)), "The lower joint has friction"),
        "upper on the lower rod": (
            lambda v, c, d: friction(v, c, d) - pack(0 * v[..., 0], c * v[..., 1]),
            "does not touch the lower rod",
        ),
        "dissipation": (
            lambda v, c, d: pack(
                -c * v[..., 0] ** 2 / 2 - d * (v[..., 1] - v[..., 0]) ** 2 / 2, 0 * v[..., 0]
            ),
            "dissipation function",
        ),
        "coefficients exchanged": (lambda v, c, d: friction(v, d, c), ""),
        "quadratic": (lambda v, c, d: friction(v * v.abs(), c, d), ""),
        "constant": (lambda v, c, d: friction(v, c, d) - 0.1, ""),
        "first index": (lambda v, c, d: friction(v.mT, c, d).mT, ""),
        "batches only": (lambda v, c, d: friction(v, c, d) * (v.ndim > 1), "wrong for a single"),
        "a sum": (lambda *a: friction(*a).sum(-1), "shape"),
        "dry": (lambda v, c, d: friction(torch.sign(v), c, d), ""),
        "float of a batch": (lambda v, c, d: float(v) * c, "raised"),
    },
)

# 2


def valid_time(error, times, threshold):
    beyond = ~(error <= threshold)
    first = beyond.to(torch.int8).argmax(0)
    row = torch.where(beyond.any(0), first, len(times) - 1)
    return times[row] - times[0]


def by_loop(error, times, threshold):
    flat = error.reshape(len(times), -1)
    found = []
    for column in flat.unbind(1):
        held = [k for k in range(len(times)) if not column[k] <= threshold]
        found.append(times[held[0] if held else -1] - times[0])
    return torch.stack(found).reshape(error.shape[1:])


def by_cumulation(error, times, threshold):
    kept = (error <= threshold).to(torch.int64).cumprod(0).sum(0)
    return times[kept.clamp(max=len(times) - 1)] - times[0]


def by_minimum(error, times, threshold):
    shaped = times.reshape(-1, *[1] * (error.ndim - 1)).expand_as(error)
    lost = torch.where(error <= threshold, math.inf, shaped).amin(0)
    return lost.clamp(max=times[-1]) - times[0]


def naive(error, times, threshold):
    lost = error > threshold
    row = torch.where(lost.any(0), lost.to(torch.int8).argmax(0), len(times) - 1)
    return times[row] - times[0]


def row_of(error, threshold):
    return (~(error <= threshold)).to(torch.int8).argmax(0)


VALID = Case(
    check.valid_time,
    valid_time,
    {"a loop": by_loop, "cumulated": by_cumulation, "smallest": by_minimum},
    {
        "on the clock": (lambda e, t, s: valid_time(e, t, s) + t[0], "subtract the first time"),
        "never is zero": (lambda e, t, s: t[row_of(e, s)] - t[0], "gets 0"),
        "NaN passes": (naive, "A NaN passes"),
        "one row early": (
            lambda e, t, s: t[(row_of(e, s) - 1).clamp(min=0)] - t[0],
            "the last time at which",
        ),
        "counted": (
            lambda e, t, s: t[((e <= s).sum(0) - 1).clamp(min=0)] - t[0],
            "counts the times within",
        ),
        "at the threshold": (
            lambda e, t, s: valid_time(torch.where(e == s, 2 * s, e), t, s),
            "equals the threshold",
        ),
        "rows": (lambda e, t, s: row_of(e, s).double(), "numbers of rows"),
        "rows to the end": (
            lambda e, t, s: torch.where((~(e <= s)).any(0), row_of(e, s), len(t) - 1).double(),
            "numbers of rows",
        ),
        "infinity": (
            lambda e, t, s: torch.where((~(e <= s)).any(0), valid_time(e, t, s), math.inf),
            "",
        ),
        "threshold fixed": (lambda e, t, s: valid_time(e, t, 0.5), "use the argument"),
        "even times": (
            lambda e, t, s: valid_time(e, torch.linspace(t[0], t[-1], len(t)).double(), s),
            "",
        ),
        "median": (lambda e, t, s: valid_time(e, t, s).median(), "shape"),
        "one axis only": (
            lambda e, t, s: valid_time(e.flatten(1), t, s)[: e.shape[1]],
            "shape",
        ),
        "last crossing": (
            lambda e, t, s: t[len(t) - 1 - (~(e <= s)).to(torch.int8).flip(0).argmax(0)] - t[0],
            "",
        ),
        "a Python if": (lambda e, t, s: t[-1] if e > s else t[0], "raised"),
        "argmax of booleans and floats": (lambda e, t, s: t[e.mean(0)], "raised"),
    },
    spared={"q and p swapped": "no state goes in"},
    equivalent={
        "torch.where(beyond.any(0), first, -1)": "the last row, counted from the end",
        "first, len(error) - 1)": "there are as many errors as times",
    },
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}

LIMITS = Case(
    check.limits,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
    },
    {
        "the camera": (
            WORDS | {"better camera, no gain": "the start"},
            "The start became ten times better",
        ),
        "one forecast": (
            WORDS | {"one start, one forecast": "the model"},
            "Which of the two was changed",
        ),
        "all the start": (dict.fromkeys(WORDS, "the start"), "3 of 6 are right"),
        "all the model": (dict.fromkeys(WORDS, "the model"), "2 of 6 are right"),
        "exchanged": (
            {
                case: {"the start": "the model", "the model": "the start"}.get(word, word)
                for case, word in WORDS.items()
            },
            "1 of 6 are right",
        ),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.LIMITS,
)

# 4


def holds(noise, seed):
    times, predicted, true = check.forecast(noise, seed)
    return valid_prediction_time(predicted, true, times).median().item()


HELD = {noise: [holds(noise, seed) for seed in range(5)] for noise in check.NOISES}


def changed(change):
    return {noise: [change(noise, t) for t in row] for noise, row in HELD.items()}


HOLDS = Case(
    check.holds,
    HELD,
    {
        "other seeds": {noise: [holds(noise, seed) for seed in (11, 12, 13)] for noise in HELD},
        "by seed": {noise: dict(enumerate(row)) for noise, row in HELD.items()},
        "rounded": changed(lambda _, t: round(t, 1) + 1e-3 * t),
    },
    {
        "rows": (changed(lambda _, t: t / 0.05), "numbers of rows"),
        "seconds twice": (changed(lambda _, t: t * 0.05), "a twentieth"),
        "what is left": (changed(lambda _, t: check.HORIZON - t), "times that are left"),
        "other order": (dict(zip(HELD, reversed(HELD.values()), strict=True)), "right order"),
        "one seed": ({noise: row[:1] for noise, row in HELD.items()}, "at least 3"),
        "same seed": ({noise: row[:1] * 3 for noise, row in HELD.items()}, "pass `seed` on"),
        "the same noise": (dict.fromkeys(HELD, HELD[1e-3]), "should hold near"),
        "half": (changed(lambda _, t: t / 2), "threshold of"),
        "one far off": (HELD | {1e-3: [*HELD[1e-3][:4], 1.0]}, "far from the others"),
        "nothing held": (changed(lambda _, t: 1e-3 * t), "should hold near"),
    },
    blank=dict.fromkeys(check.NOISES, ...),
)

# 5

VALUES, SEEDS = [1e-3, 0.1, 0.3], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="noise", prediction="the start"):
    """A study, measured and concluded as the exercise asks for."""
    settings = {value: check.USUAL | {varied: value} for value in values}
    study = {"varied": varied, "values": list(values), "seeds": list(seeds)}
    study["prediction"] = dict.fromkeys(values, prediction)
    for error in check.ERRORS:
        study[error] = {
            value: [check.measure(error, **settings[value], seed=seed) for seed in seeds]
            for value in values
        }
    study["conclusion"] = {
        value: check.verdict(*(study[error][value] for error in check.ERRORS)) for value in values
    }
    return study


STUDY = experiment()
START, MODEL = check.ERRORS


def with_row(error, value, row):
    return STUDY | {error: STUDY[error] | {value: row}}


def without(value):
    """The study without one of its settings."""
    left = [v for v in VALUES if v != value]
    parts = ("prediction", "conclusion", *check.ERRORS)
    return STUDY | {"values": left} | {p: {v: STUDY[p][v] for v in left} for p in parts}


DECIDES = Case(
    check.decides,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other seeds": experiment(seeds=[7, 3, 2, 1, 0]),
        "rows": experiment([20, 100, 400], varied="rows"),
        "a control at zero": experiment([0.0, 0.2, 0.5]),
        "by seed": STUDY
        | {
            e: {v: dict(zip(SEEDS, STUDY[e][v], strict=True)) for v in VALUES} for e in check.ERRORS
        },
        "rounded": STUDY
        | {e: {v: [round(t, 2) for t in STUDY[e][v]] for v in VALUES} for e in check.ERRORS},
    },
    {
        "three seeds": (experiment(seeds=[0, 1, 2]), "five seeds or more"),
        "two settings": (without(0.1), "three settings or more"),
        "all the same answer": (experiment([1e-4, 1e-3, 1e-2]), "answers differ"),
        "narrow": (experiment([0.1, 0.2, 0.5]), "a wide range"),
        "against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "the start")},
            "At noise = 0.001 the forecasts from noisy starts are the shorter ones for 0 of 5",
        ),
        "errors exchanged": (
            STUDY | {START: STUDY[MODEL], MODEL: STUDY[START]},
            'are those of "model"',
        ),
        "settings exchanged": (with_row(START, 0.1, STUDY[START][0.3]), "are those of 0.3"),
        "sorted": (with_row(MODEL, 0.3, sorted(STUDY[MODEL][0.3])), "another order"),
        "units of the lab": (
            with_row(START, 0.1, [t / 0.08 for t in STUDY[START][0.1]]),
            "in units of 0.08 s",
        ),
        "milliseconds": (
            with_row(START, 0.1, [1000 * t for t in STUDY[START][0.1]]),
            "in milliseconds",
        ),
        "what is left": (
            with_row(MODEL, 0.1, [check.SPAN - t for t in STUDY[MODEL][0.1]]),
            "is left of the 4 s",
        ),
        "negative": (with_row(MODEL, 0.1, [-t for t in STUDY[MODEL][0.1]]), "wrong sign"),
        "too few times": (with_row(START, 0.1, STUDY[START][0.1][:4]), "4 times for 5"),
        "invented": (with_row(MODEL, 0.1, [2.0] * 5), "are not what `check.measure` gives"),
        "no list": (with_row(MODEL, 0.1, 0.7), "one time for each seed"),
        "a seed twice": (STUDY | {"seeds": [0, 1, 2, 3, 3]}, "A seed stands twice"),
        "too much noise": (STUDY | {"values": [1e-3, 0.1, 2.0]}, "is outside 0 to 1"),
        "half a row": (STUDY | {"varied": "rows", "values": [20.5, 80, 400]}, "whole numbers"),
        "nine settings": (
            STUDY | {"values": [0.1 * k for k in range(1, 10)]},
            "Eight settings are enough",
        ),
        "another thing": (STUDY | {"varied": "mass"}, "choose one of: 'noise', 'rows'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.1: "noise"}},
            "choose one of: 'the start'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.1: "the start"}}, "no answer yet"),
        "eleven seeds": (STUDY | {"seeds": list(range(11))}, "Ten seeds are enough"),
    },
    blank=dict.fromkeys(check.STUDY, ...),
    dear=("seeds",),
    equivalent={"['prediction'][": "a prediction may be wrong"},
    words={**dict.fromkeys(VALUES, check.VERDICTS), "varied": tuple(check.USUAL)},
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (FRICTION, VALID, LIMITS, HOLDS, DECIDES)
    demanding = True


def test_a_better_start_adds_the_same_time_for_each_digit():
    """What exercise 4 teaches is true of its instrument."""
    coarse, fine, finest = (sorted(row)[2] for row in HELD.values())
    assert 0.5 < (finest - fine) / (fine - coarse) < 2


def test_noise_crosses_from_the_model_to_the_start():
    """What exercise 5 teaches is true of its instrument, with a clear answer at both ends."""
    conclusion = STUDY["conclusion"]
    assert (conclusion[1e-3], conclusion[0.3]) == ("the model", "the start")
    rows = experiment([20, 400], varied="rows")["conclusion"]
    assert rows == {20: "the model", 400: "the start"}


def test_a_tie_is_undecided():
    """Forecasts that all hold to the end name no limit."""
    assert check.verdict([4.0] * 5, [4.0] * 5) == "undecided"
    assert check.verdict([1.0] * 4 + [4.0], [4.0] * 5) == "the start"


def test_the_instrument_refuses_an_unknown_error():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("noise")
