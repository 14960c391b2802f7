"""The checks of "A pendulum seen by a camera": right answers pass, wrong ones get their message."""

import cmath
import math

import duel_tools
import numpy as np
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import pixel_pendulum as check
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import UnitMassHNN
from hnn_tutorial.pixels import pendulum_frames, principal_components

# 1


def kept(omega, step, count):
    return torch.exp(-count * (1 - torch.cos(omega * step)))


def by_eigenvalue(omega, step, count):
    value = (torch.exp(1j * omega * step) - 1) / step
    return torch.exp(value * step * count).abs()


def by_half_angle(omega, step, count):
    return torch.exp(-2 * count * torch.sin(omega * step / 2) ** 2)


def by_numbers(omega, step, count):
    def one(w):
        return abs(cmath.exp(count * (cmath.exp(1j * w * step) - 1)))

    return np.vectorize(one)(np.asarray(omega))


def with_exponent(of_turn):
    """Another exponent in place of the right one, from the turn of a step and the count."""
    return lambda omega, step, count: torch.exp(of_turn(omega * step, count))


KEPT = Case(
    check.kept,
    kept,
    {
        "by the eigenvalue": by_eigenvalue,
        "by half the angle": by_half_angle,
        "by numbers": by_numbers,
        "a power": lambda w, h, n: (torch.cos(w * h) - 1).exp() ** n,
    },
    {
        "leading order": (with_exponent(lambda t, n: -(t**2) * n / 2), "the leading order"),
        "growth": (with_exponent(lambda t, n: n * (1 - t.cos())), "grows here"),
        "one step": (with_exponent(lambda t, n: t.cos() - 1), "This is one step"),
        "per second": (
            lambda w, h, n: torch.exp(-n * (1 - torch.cos(w * h)) / h),
            "is a rate",
        ),
        "time": (lambda w, h, n: torch.exp(-n * h * (1 - torch.cos(w * h))), "the two cancel"),
        "cosine": (lambda w, h, n: torch.cos(w * h) ** n, "to a power"),
        "sine": (with_exponent(lambda t, n: -n * t.sin()), "the imaginary part"),
        "exponent": (lambda w, h, n: n * (torch.cos(w * h) - 1), "the logarithm"),
        "twice": (lambda *a: 2 * kept(*a), "times the right one"),
        "lost": (lambda *a: 1 - kept(*a), "not the part of the swing"),
        "energy": (lambda *a: kept(*a) ** 2, "not the part of the swing"),
        "without the step": (lambda w, h, n: torch.exp(-n * (1 - w.cos())), "not the part"),
        "euler": (lambda w, h, n: torch.ones_like(w), "not the part"),
        "summed": (lambda *a: kept(*a).sum(), "shape"),
        "with an axis": (lambda *a: kept(*a)[..., None], "shape"),
        "math": (lambda w, h, n: math.exp(-n * (1 - math.cos(w * h))), "raised"),
        "matrix": (lambda w, h, n: w @ w, "raised"),
        "unknown": (lambda w, h, n: omega0 * n, "raised"),  # noqa: F821
    },
    spared={"q and p swapped": "there is no state, and nothing to swap"},
)

# 2


def missed(z, step, slope):
    before, now, after = z[..., :-2], z[..., 1:-1], z[..., 2:]
    bend = (after - 2 * now + before) / step**2
    return bend + slope((after + 2 * now + before) / 4)


def by_states(z, step, slope):
    mean, rate = (z[..., 1:] + z[..., :-1]) / 2, z.diff(dim=-1) / step
    middle = (mean[..., 1:] + mean[..., :-1]) / 2
    return rate.diff(dim=-1) / step + slope(middle)


def by_windows(z, step, slope):
    triples = z.unfold(-1, 3, 1)
    bend = triples @ torch.tensor([1.0, -2, 1]).double() / step**2
    return bend + slope(triples @ torch.tensor([0.25, 0.5, 0.25]).double())


def by_numpy(z, step, slope):
    z = np.asarray(z)
    middle = (z[..., 2:] + 2 * z[..., 1:-1] + z[..., :-2]) / 4
    return np.diff(z, 2, axis=-1) / step**2 + slope(torch.as_tensor(middle)).numpy()


def parts(combine):
    """Something else made of the second difference, the three pictures and the slope."""

    def answer(z, step, slope):
        before, now, after = z[..., :-2], z[..., 1:-1], z[..., 2:]
        return combine(after - 2 * now + before, before, now, after, step, slope)

    return answer


MISSED = Case(
    check.missed,
    missed,
    {"by states": by_states, "by windows": by_windows, "numpy": by_numpy},
    {
        "at now": (parts(lambda d, b, n, a, h, s: d / h**2 + s(n)), "at the picture in the middle"),
        "thirds": (
            parts(lambda d, b, n, a, h, s: d / h**2 + s((a + n + b) / 3)),
            "counts twice",
        ),
        "ends": (parts(lambda d, b, n, a, h, s: d / h**2 + s((a + b) / 2)), "is missing from"),
        "two slopes": (
            parts(lambda d, b, n, a, h, s: d / h**2 + (s((a + n) / 2) + s((n + b) / 2)) / 2),
            "mean of two slopes",
        ),
        "sign": (
            parts(lambda d, b, n, a, h, s: d / h**2 - s((a + 2 * n + b) / 4)),
            "its sign changes",
        ),
        "no slope": (parts(lambda d, b, n, a, h, s: d / h**2), "slope of the potential is missing"),
        "h once": (
            parts(lambda d, b, n, a, h, s: d / h + s((a + 2 * n + b) / 4)),
            "divide by h twice",
        ),
        "no h": (parts(lambda d, b, n, a, h, s: d + s((a + 2 * n + b) / 4)), "not divided by h²"),
        "halved": (
            parts(lambda d, b, n, a, h, s: d / 2 / h**2 + s((a + 2 * n + b) / 4)),
            "is halved",
        ),
        "velocity": (
            parts(lambda d, b, n, a, h, s: (a - b) / 2 / h + s((a + 2 * n + b) / 4)),
            "This is the velocity",
        ),
        "reversed": (lambda *a: -missed(*a), "sign is reversed"),
        "squared": (lambda *a: missed(*a) ** 2, "not missed by this much"),
        "sum of three": (
            parts(lambda d, b, n, a, h, s: d / h**2 + s(a + 2 * n + b)),
            "not missed by this much",
        ),
        "all pictures": (lambda z, h, s: s(z), "shape"),
        "a mean": (lambda *a: missed(*a).mean(), "shape"),
        "first axis": (lambda z, h, s: (z[2:] - 2 * z[1:-1] + z[:-2]) / h**2 + s(z[1:-1]), ""),
        "unequal": (lambda z, h, s: z[..., 1:] - z[..., :-2], "raised"),
        "no function": (lambda z, h, s: s * z, "raised"),
        "item": (lambda z, h, s: z.item(), "raised"),
    },
    spared={"q and p swapped": "there is no state, and nothing to swap"},
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}
NAMES = list(WORDS)
TURNED = dict(zip(check.ANSWERS, check.ANSWERS[::-1], strict=True))

LAWS = Case(
    check.laws,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        **{
            case: (WORDS | {case: TURNED[word]}, check.CASES[case][1])
            for case, word in WORDS.items()
        },
        "all have one": (dict.fromkeys(WORDS, "has one"), "3 of 7 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.ANSWERS,
)

# 4

VALUES, SEEDS = [0.0, 0.05, 0.4], list(range(5))
ENERGY, SECOND = check.RIVALS


def experiment(values=VALUES, seeds=SEEDS, varied="friction", prediction=ENERGY):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()


def with_row(law, value, row):
    return duel_tools.with_row(STUDY, law, value, row)


PAYS = Case(
    check.pays,
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
        "two settings": (duel_tools.without(STUDY, 0.05), "three settings or more"),
        "narrow": (experiment([0.3, 0.35, 0.4], seeds=[0, 1]), "a wide range"),
        "all the same answer": (experiment([0.1, 0.3, 0.4], seeds=[0, 1]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, ENERGY)},
            "the energy has the smaller error for",
        ),
        "laws exchanged": (
            STUDY | {ENERGY: STUDY[SECOND], SECOND: STUDY[ENERGY]},
            "are those of the law",
        ),
        "too few errors": (with_row(SECOND, 0.05, STUDY[SECOND][0.05][:4]), "has 4 errors for 5"),
        "invented": (with_row(SECOND, 0.0, [0.7] * 5), "are not what `check.measure` gives"),
        "roots": (
            with_row(ENERGY, 0.05, [e**0.5 for e in STUDY[ENERGY][0.05]]),
            "are the roots of the right ones",
        ),
        "no list": (with_row(SECOND, 0.0, 0.01), "one error for each seed"),
        "too much": (STUDY | {"values": [0.0, 0.05, 0.9]}, "is outside 0 to 0.5"),
        "another thing": (STUDY | {"varied": "weights"}, "choose one of: 'noise', 'friction'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.05: "HNN"}},
            "choose one of: 'energy'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.0: ENERGY}}, "has no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (KEPT, MISSED, LAWS, PAYS)
    demanding = True


def test_a_linear_swing_shrinks_as_exercise_1_says():
    """The exact flow of the forward-difference field of a rotation."""
    omega, step, count = 2.3, 0.21, 14
    turn = torch.tensor(omega * step, dtype=torch.float64)
    rotation = torch.stack([turn.cos(), turn.sin(), -turn.sin(), turn.cos()]).reshape(2, 2)
    field = (rotation - torch.eye(2).double()) / step
    times = torch.tensor([0, step * count], dtype=torch.float64)
    start = torch.tensor([0.6, -0.8], dtype=torch.float64)
    end = integrate(lambda x: x @ field.T, start, times, "rk4", step=step / 50)[-1]
    expected = kept(torch.tensor(omega, dtype=torch.float64), step, count)
    assert float(end.norm()) == pytest.approx(float(expected), rel=1e-6)


def test_a_film_that_obeys_the_law_is_missed_by_nothing():
    law = UnitMassHNN(1, (4,), seed=2)
    times = 0.1 * torch.arange(12, dtype=torch.float64)
    start = torch.tensor([0.5, 0.3], dtype=torch.float64)
    path = integrate(law.field, start, times, "implicit_midpoint", step=0.1)
    z = torch.cat([path[:1, 0] - 0.05 * path[:1, 1], path[:, 0] + 0.05 * path[:, 1]])

    def slope(z):
        return -law.field(torch.stack([z, 0 * z], -1))[..., 1]

    with torch.no_grad():
        assert float(missed(z, 0.1, slope).abs().max()) < 1e-9


@pytest.mark.parametrize("case, bends", [(NAMES[1], True), (NAMES[2], True), (NAMES[0], False)])
def test_which_numbers_are_straight(case, bends):
    """z″ of three cases of exercise 3, by differences."""
    q = torch.linspace(-1.5, 1.5, 61, dtype=torch.float64)
    frames = pendulum_frames(q)
    values = {
        NAMES[0]: 1 - 2 * q,
        NAMES[1]: q.sin(),
        NAMES[2]: principal_components(frames, 1).encode(frames)[:, 0],
    }[case]
    second = values.diff(n=2).abs().max() / values.diff().abs().max()
    assert (float(second) > 0.01) == bends
    assert (WORDS[case] == "has none") == bends


def test_the_instrument_refuses_an_unknown_law():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("HNN")
