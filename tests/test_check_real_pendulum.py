"""The checks of "A real pendulum": right answers pass, wrong ones get their message."""

import math

import duel_tools
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import real_pendulum as check

# 1


def growth(omega, step, share):
    return (2 * share - 1) * (torch.cos(omega * step) - 1) / step


def by_exponentials(omega, step, share):
    turn = torch.exp(1j * omega * step)
    forward, backward = (turn - 1) / step, (1 - 1 / turn) / step
    return (share * forward + (1 - share) * backward).real


def by_half_angles(omega, step, share):
    return (1 - 2 * share) * 2 * torch.sin(omega * step / 2) ** 2 / step


def by_two_terms(omega, step, share):
    damping = (1 - torch.cos(omega * step)) / step
    return -share * damping + (1 - share) * damping


GROWTH = Case(
    check.growth,
    growth,
    {
        "exponentials": by_exponentials,
        "half angles": by_half_angles,
        "two terms": by_two_terms,
    },
    {
        "first term": (
            lambda omega, step, share: -(2 * share - 1) * omega**2 * step / 2,
            "first term of the series",
        ),
        "friction": (
            lambda omega, step, share: -(2 * share - 1) * omega**2 * step,
            "twice the first term",
        ),
        "imaginary": (
            lambda omega, step, share: torch.sin(omega * step) / step,
            "the imaginary part",
        ),
        "imaginary, weighed": (
            lambda omega, step, share: (2 * share - 1) * torch.sin(omega * step) / step,
            "The growth is the real part",
        ),
        "no one": (
            lambda omega, step, share: (2 * share - 1) * torch.cos(omega * step) / step,
            "The 1 of",
        ),
        "forward alone": (
            lambda omega, step, share: (torch.cos(omega * step) - 1) / step,
            "`share` is not used",
        ),
        "forward part": (
            lambda omega, step, share: share * (torch.cos(omega * step) - 1) / step,
            "opposite sign",
        ),
        "exchanged": (lambda omega, step, share: growth(omega, step, 1 - share), "exchanged"),
        "not divided": (
            lambda omega, step, share: growth(omega, step, share) * step,
            "divided by the step",
        ),
        "math.cos": (
            lambda omega, step, share: (2 * share - 1) * (math.cos(omega * step) - 1) / step,
            "raised",
        ),
        "summed": (lambda *a: growth(*a).sum(), "shape"),
        "complex": (
            lambda omega, step, share: (torch.exp(1j * omega * step) - 1) / step,
            "complex",
        ),
    },
    spared={"q and p swapped": "the arguments are no states"},
)

# 2


def rates(times, angles):
    steps = times.diff()
    whole = steps < 1.5 * steps.median()
    kept = whole[1:] & whole[:-1]
    slopes = (angles[2:] - angles[:-2]) / (times[2:] - times[:-2])
    return slopes[kept]


def by_loop(times, angles):
    usual = times.diff().median()
    found = []
    for k in range(1, len(times) - 1):
        before, after = times[k] - times[k - 1], times[k + 1] - times[k]
        if max(before, after) < 1.4 * usual:
            found.append((angles[k + 1] - angles[k - 1]) / (before + after))
    return torch.stack(found)


def by_segments(times, angles):
    breaks = (times.diff() > 1.7 * times.diff().median()).nonzero().flatten() + 1
    pieces = zip(
        torch.tensor_split(times, breaks.tolist()),
        torch.tensor_split(angles, breaks.tolist()),
        strict=True,
    )
    return torch.cat([(q[2:] - q[:-2]) / (t[2:] - t[:-2]) for t, q in pieces if len(t) > 2])


def kept(times):
    whole = times.diff() < 1.5 * times.diff().median()
    return whole[1:] & whole[:-1]


def across(times, angles):
    return (angles[2:] - angles[:-2]) / (times[2:] - times[:-2])


RATES = Case(
    check.rates,
    rates,
    {"a loop": by_loop, "by segments": by_segments},
    {
        "across gaps": (across, "it crosses the gaps"),
        "neighbours": (
            lambda t, q: (q.diff() / t.diff())[t.diff() < 1.5 * t.diff().median()],
            "differences of neighbours",
        ),
        "torch.gradient": (
            lambda t, q: torch.gradient(q, spacing=(t,))[0],
            "the two ends and those beside the gaps",
        ),
        "forward": (lambda t, q: (q.diff() / t.diff())[1:][kept(t)], "forward differences"),
        "backward": (lambda t, q: (q.diff() / t.diff())[:-1][kept(t)], "backward differences"),
        "one step for all": (
            lambda t, q: (q[2:] - q[:-2])[kept(t)] / (2 * t.diff().median()),
            "The steps are not equal",
        ),
        "not divided": (lambda t, q: (q[2:] - q[:-2])[kept(t)], "A difference is divided"),
        "one step below": (
            lambda t, q: 2 * across(t, q)[kept(t)],
            "Twice too large",
        ),
        "mean of slopes": (
            lambda t, q: ((q.diff() / t.diff())[1:] + (q.diff() / t.diff())[:-1])[kept(t)] / 2,
            "only where both steps are equal",
        ),
        "a mask of another size": (lambda t, q: across(t, q)[kept(t)[1:]], "raised"),
        "a fixed step": (
            lambda t, q: across(t, q)[(t[2:] - t[:-2]) < 0.4],
            "it should be (7,)",
        ),
        "zeros": (lambda t, q: 0 * rates(t, q), ""),
    },
    spared={
        "q and p swapped": "times and angles are no states",
        "float32": "differences of neighbours lose the digits",
    },
)

# 3


def friction(times, states, squared):
    q, v = states[..., 0], states[..., 1]
    energy = v**2 / 2 + squared * (1 - torch.cos(q))
    return (energy[0] - energy[-1]) / torch.trapezoid(v**2, times, dim=0)


def by_rectangles(times, states, squared):
    q, v = states.unbind(-1)
    energy = v.square() / 2 + 2 * squared * torch.sin(q / 2) ** 2
    middle = (v[1:] ** 2 + v[:-1] ** 2) / 2
    steps = times.diff().reshape(-1, *[1] * (v.ndim - 1))
    return -(energy[-1] - energy[0]) / (middle * steps).sum(0)


def by_least_squares(times, states, squared):
    """The friction that fits the whole fall of the energy best."""
    q, v = states.unbind(-1)
    energy = v.square() / 2 - squared * torch.cos(q)
    work = torch.cumulative_trapezoid(v.square(), times, dim=0)
    lost = (energy[0] - energy)[1:]
    return (work * lost).sum(0) / work.square().sum(0)


def with_energy(times, states, squared, kinetic=0.5, potential=lambda q: 1 - torch.cos(q)):
    q, v = states.unbind(-1)
    energy = kinetic * v**2 + squared * potential(q)
    return (energy[0] - energy[-1]) / torch.trapezoid(v**2, times, dim=0)


def loss(states, squared):
    q, v = states.unbind(-1)
    energy = v**2 / 2 + squared * (1 - torch.cos(q))
    return energy[0] - energy[-1]


FRICTION = Case(
    check.friction,
    friction,
    {
        "rectangles": by_rectangles,
        "least squares": by_least_squares,
        "potential from the top": lambda t, x, s: with_energy(t, x, s, 0.5, lambda q: -q.cos()),
    },
    {
        "half": (lambda *a: friction(*a) / 2, "the amplitude falls"),
        "per second": (
            lambda t, x, s: loss(x, s) / (t[-1] - t[0]),
            "energy lost in a second",
        ),
        "not divided": (lambda t, x, s: loss(x, s), "Divide it by the integral"),
        "no frequency": (lambda t, x, s: with_energy(t, x, 1.0), "needs its factor"),
        "spring": (
            lambda t, x, s: with_energy(t, x, s, 0.5, lambda q: q**2 / 2),
            "that of a spring",
        ),
        "upside down": (lambda t, x, s: with_energy(t, x, s, 0.5, torch.cos), "wrong sign"),
        "no half": (lambda t, x, s: with_energy(t, x, s, 1.0), "v²/2"),
        "kinetic alone": (
            lambda t, x, s: with_energy(t, x, s, 0.5, torch.zeros_like),
            "Add the potential energy",
        ),
        "sum for integral": (
            lambda t, x, s: loss(x, s) / (x[..., 1] ** 2).sum(0),
            "multiply by the step",
        ),
        "speed": (
            lambda t, x, s: loss(x, s) / torch.trapezoid(x[..., 1].abs(), t, dim=0),
            "square the velocity",
        ),
        "of the angle": (
            lambda t, x, s: loss(x, s) / torch.trapezoid(x[..., 0] ** 2, t, dim=0),
            "not of q²",
        ),
        "even steps": (
            lambda t, x, s: loss(x, s) / (x[..., 1] ** 2).mean(0) / (t[-1] - t[0]),
            "with uneven ones",
        ),
        "along the last axis": (
            lambda t, x, s: loss(x, s) / torch.trapezoid(x[..., 1] ** 2, t, dim=-1),
            "",
        ),
        "one motion": (
            lambda t, x, s: friction(t, x if x.ndim > 2 else x[:, None], s),
            "shape",
        ),
    },
    spared={"float32": "the energies nearly cancel"},
    equivalent=dict.fromkeys(
        (
            "squared * -torch.cos(q)",
            "squared * (2 - torch.cos(q))",
            "squared * (0 - torch.cos(q))",
        ),
        "a constant energy does not count",
    ),
)

# 4

WORDS = {case: model for case, (model, *_) in check.CASES.items()}

MODELS = Case(
    check.models,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "lower case": {case: word.lower() for case, word in WORDS.items()},
    },
    {
        "an HNN for the joint": (WORDS | {"unknown joint": "HNN"}, "beside a forecast"),
        "a dissipative HNN for the motor": (
            WORDS | {"driven by a motor": "dissipative HNN"},
            "can gain energy",
        ),
        "a network for the swing": (
            WORDS | {"playground swing": "second-order network"},
            "6 of 7 are right",
        ),
        "two frames are enough": (
            WORDS | {"two frames a swing": "fitted formula"},
            "told from another one",
        ),
        "all the same": (dict.fromkeys(WORDS, "HNN"), "1 of 7 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.MODELS,
)

# 5

VALUES, SEEDS = [0.0, 0.02, 0.3], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="drag", prediction="formula"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()
FORMULA, NETWORK = check.RIVALS


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


PAYS = Case(
    check.pays,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other seeds": experiment(seeds=[7, 3, 2, 1, 0]),
        "rows": experiment([12, 50, 200], varied="rows"),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.02), "three settings or more"),
        "all the same answer": (experiment([0.1, 0.2, 0.4]), "answers differ"),
        "narrow": (experiment([0.2, 0.25, 0.3]), "a wide range"),
        "against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "network")},
            "At drag = 0 the formula has the smaller error for",
        ),
        "models exchanged": (
            STUDY | {FORMULA: STUDY[NETWORK], NETWORK: STUDY[FORMULA]},
            "are those of the network",
        ),
        "settings exchanged": (with_row(FORMULA, 0.02, STUDY[FORMULA][0.3]), "are those of 0.3"),
        "sorted": (with_row(NETWORK, 0.3, sorted(STUDY[NETWORK][0.3])), "another order"),
        "per cent": (
            with_row(FORMULA, 0.3, [100 * e for e in STUDY[FORMULA][0.3]]),
            "in per cent",
        ),
        "squares": (
            with_row(FORMULA, 0.3, [e**2 for e in STUDY[FORMULA][0.3]]),
            "are the squares of the right ones",
        ),
        "too few errors": (with_row(FORMULA, 0.3, STUDY[FORMULA][0.3][:4]), "4 errors for 5"),
        "invented": (with_row(NETWORK, 0.3, [0.5] * 5), "are not what `check.measure` gives"),
        "no list": (with_row(NETWORK, 0.3, 0.01), "one error for each seed"),
        "too much drag": (STUDY | {"values": [0.0, 0.02, 0.9]}, "is outside 0 to 0.5"),
        "half a row": (STUDY | {"varied": "rows", "values": [20.5, 80, 200]}, "whole numbers"),
        "another thing": (STUDY | {"varied": "length"}, "choose one of: 'drag', 'rows'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.0: "HNN"}},
            "choose one of: 'formula'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.0: "formula"}}, "no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (GROWTH, RATES, FRICTION, MODELS, PAYS)
    demanding = True


def test_no_word_is_found_by_elimination():
    """Some words are the answer twice, so the last one does not follow from the others."""
    given = list(WORDS.values())
    assert len(given) > len(set(given))


def test_the_instrument_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("HNN")


def test_differences_of_a_turning_state_grow_as_the_first_exercise_says():
    """The law that the check holds answers to, against the differences themselves."""
    omega, step = 1.3, 0.4
    clock = torch.arange(6, dtype=torch.float64) * step
    turn = torch.stack([torch.cos(omega * clock), -torch.sin(omega * clock)], -1)
    quotient = turn.diff(dim=0) / step
    along = (quotient * turn[:-1]).sum(-1)  # |x| = 1, so this is the rate of |x|
    law = growth(*(torch.tensor(v, dtype=torch.float64) for v in (omega, step, 1.0)))
    assert torch.allclose(along, law.expand(5))
