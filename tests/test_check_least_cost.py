"""The checks of "Least cost and most likely": right answers pass, wrong ones get their message."""

import duel_tools
import numpy as np
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import least_cost as check
from hnn_tutorial.finance import Execution, Vasicek, cheapest_schedule
from hnn_tutorial.mechanics import conjugate_momentum

# 1


def energy(x, eta, alpha, gain):
    q, v = x.unbind(-1)
    return eta * v**2 - alpha * q**2 + gain * q


def by_the_operator(x, eta, alpha, gain):
    def lagrangian(x):
        return eta * x[..., 1] ** 2 + alpha * x[..., 0] ** 2 - gain * x[..., 0]

    return x[..., 1] * conjugate_momentum(lagrangian)(x)[..., 1] - lagrangian(x)


def by_numpy(x, eta, alpha, gain):
    q, v = np.asarray(x)[..., 0], np.asarray(x)[..., 1]
    return eta * v**2 - alpha * q**2 + gain * q


def terms(a, b, c):
    """Other signs and factors of the three terms."""
    return lambda x, eta, alpha, gain: (
        a * eta * x[..., 1] ** 2 + b * alpha * x[..., 0] ** 2 + c * gain * x[..., 0]
    )


ENERGY = Case(
    check.energy,
    energy,
    {
        "by the operator": by_the_operator,
        "by numpy": by_numpy,
        "factored": lambda x, eta, alpha, gain: (
            eta * x[..., 1].square() + x[..., 0] * (gain - alpha * x[..., 0])
        ),
    },
    {
        "the Lagrangian": (terms(1, 1, -1), "This is the Lagrangian itself"),
        "gain's sign": (terms(1, -1, -1), "has the sign that it has in L"),
        "no gain": (terms(1, -1, 0), "The rising price is missing"),
        "velocity times momentum": (terms(2, 0, 0), "Subtract L"),
        "momentum alone": (
            lambda x, eta, alpha, gain: 2 * eta * x[..., 1] - terms(1, 1, -1)(x, eta, alpha, gain),
            "not yet multiplied",
        ),
        "sign": (terms(-1, 1, -1), "sign is reversed"),
        "twice": (terms(2, -2, 2), "times the right one"),
        "half": (terms(0.5, -1, 1), "This is not what"),
        "sum of all": (terms(1, 1, 1), "This is not what"),
        "only the impact": (terms(1, 0, 0), "This is not what"),
        "no square": (
            lambda x, eta, alpha, gain: eta * x[..., 1] ** 2 - alpha * x[..., 0] + gain * x[..., 0],
            "This is not what",
        ),
        "summed": (lambda *a: energy(*a).sum(), "shape"),
        "with an axis": (lambda *a: energy(*a)[..., None], "shape"),
        "matrix": (lambda x, eta, alpha, gain: x @ eta, "raised"),
        "index": (lambda x, eta, alpha, gain: x[..., 2], "raised"),
        "unknown": (lambda x, eta, alpha, gain: mu * x[..., 0], "raised"),  # noqa: F821
    },
)

# 2


def likely(start, end, kappa, level, times):
    last = times[-1]
    up = torch.sinh(kappa * times) / torch.sinh(kappa * last)
    down = torch.sinh(kappa * (last - times)) / torch.sinh(kappa * last)
    return level + (start - level) * down + (end - level) * up


def by_two_constants(start, end, kappa, level, times):
    growth = torch.exp(kappa * times[-1])
    A = torch.stack([torch.ones(2).double(), torch.stack([growth, 1 / growth])])
    c = torch.linalg.solve(A, torch.tensor([start - level, end - level]).double())
    return level + c[0] * torch.exp(kappa * times) + c[1] * torch.exp(-kappa * times)


def numpy_path(start, end, kappa, level, times):
    t = np.asarray(times)
    free = level + (start - level) * np.exp(-kappa * t)
    return free + (end - free[-1]) * np.sinh(kappa * t) / np.sinh(kappa * t[-1])


LIKELY = Case(
    check.likely,
    likely,
    {
        "two constants": by_two_constants,
        "free motion and a push": numpy_path,
        "the package": lambda a, b, k, m, t: Vasicek(k, m, 1.0).path(a, b, t)[:, 0],
    },
    {
        "straight": (lambda a, b, k, m, t: a + (b - a) * t / t[-1], "This is the straight line"),
        "no level": (lambda a, b, k, m, t: likely(a, b, k, 0.0, t), "The level is missing"),
        "no noise": (
            lambda a, b, k, m, t: m + (a - m) * torch.exp(-k * t),
            "It does not arrive",
        ),
        "one part": (
            lambda a, b, k, m, t: m + (b - m) * torch.sinh(k * t) / torch.sinh(k * t[-1]),
            "begins at the level",
        ),
        "ends exchanged": (
            lambda a, b, k, m, t: likely(b, a, k, m, t),
            "This is not the most likely path",
        ),
        "kappa squared": (
            lambda a, b, k, m, t: likely(a, b, k**2, m, t),
            "This is not the most likely path",
        ),
        "cosine": (
            lambda a, b, k, m, t: m + (a - m) * torch.cosh(k * t),
            "This is not the most likely path",
        ),
        "sine": (
            lambda a, b, k, m, t: m + (a - m) * torch.sin(k * (t[-1] - t)) / torch.sin(k * t[-1]),
            "This is not the most likely path",
        ),
        "level twice": (
            lambda a, b, k, m, t: m + likely(a, b, k, m, t),
            "This is not the most likely path",
        ),
        "only the end": (lambda *a: likely(*a)[-1], "shape"),
        "a column": (lambda *a: likely(*a)[:, None], "shape"),
        "a list of two": (lambda a, b, k, m, t: [a, b], "shape"),
        "index": (lambda a, b, k, m, t: t[99], "raised"),
        "math": (lambda a, b, k, m, t: a.sinh(), "raised"),
        "unknown": (lambda a, b, k, m, t: sigma * t, "raised"),  # noqa: F821
    },
    spared={
        "q and p swapped": "the inputs are numbers and times, and nothing can be swapped",
        "float32": "single precision is not the path to the digits that are compared",
    },
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}


def with_word(case, word):
    return WORDS | {case: word}


CHANGES = Case(
    check.changes,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals by hand": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "risk": (with_word("price of risk doubled", "the same"), "What does waiting cost now"),
        "impact": (with_word("impact doubled", "faster at first"), "What does a high rate cost"),
        "both": (with_word("impact and price of risk doubled", "slower at first"), "twice L"),
        "product": (
            with_word("volatility doubled, price of variance a quarter", "faster at first"),
            "Which product",
        ),
        "what stays": (
            with_word("a linear impact that stays is added", "slower at first"),
            "the integral of",
        ),
        "half": (with_word("half the shares, linear impact", "faster at first"), "each of the two"),
        "power": (with_word("half the shares, power 3/5", "the same"), "Which falls more"),
        "all the same": (dict.fromkeys(WORDS, "the same"), "4 of 7 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.CHANGES,
)

# 4


def scenario(mean, covariance, exposure, loss):
    spread = covariance @ exposure
    missing = loss - mean @ exposure
    return mean + spread * missing / (exposure @ spread)


def by_multipliers(mean, covariance, exposure, loss):
    n = len(mean)
    A = torch.zeros(n + 1, n + 1, dtype=torch.float64)
    A[:n, :n], A[:n, n], A[n, :n] = torch.linalg.inv(covariance), exposure, exposure
    right = torch.cat([torch.linalg.solve(covariance, mean), torch.tensor([loss]).double()])
    return torch.linalg.solve(A, right)[:n]


def whitened(mean, covariance, exposure, loss):
    """In the coordinates in which the covariance is one, the nearest point is the likeliest."""
    factor = torch.linalg.cholesky(covariance)
    side = factor.mT @ exposure
    return mean + factor @ (side * (loss - mean @ exposure) / (side @ side))


def numpy_scenario(mean, covariance, exposure, loss):
    mean, covariance, exposure = map(np.asarray, (mean, covariance, exposure))
    spread = covariance.dot(exposure)
    return mean + spread * (loss - mean.dot(exposure)) / exposure.dot(spread)


SCENARIO = Case(
    check.scenario,
    scenario,
    {"multipliers": by_multipliers, "whitened": whitened, "numpy": numpy_scenario},
    {
        "nearest": (
            lambda m, C, c, loss: scenario(m, torch.eye(len(m)).double(), c, loss),
            "lies nearest to the mean",
        ),
        "mean of zero": (
            lambda m, C, c, loss: scenario(0 * m, C, c, loss),
            "right for a mean of zero",
        ),
        "whole loss added": (
            lambda m, C, c, loss: m + scenario(0 * m, C, c, loss),
            "The mean has a loss of its own",
        ),
        "step alone": (lambda m, C, c, loss: scenario(m, C, c, loss) - m, "the step from the mean"),
        "inverse": (
            lambda m, C, c, loss: scenario(m, torch.linalg.inv(C), c, loss),
            "by the inverse of the covariance",
        ),
        "variances alone": (
            lambda m, C, c, loss: scenario(m, C.diagonal().diag(), c, loss),
            "There is a likelier end",
        ),
        "not divided": (
            lambda m, C, c, loss: m + C @ c * (loss - m @ c),
            "There is a likelier end",
        ),
        "other sign": (
            lambda m, C, c, loss: scenario(m, C, c, -loss),
            "There is a likelier end",
        ),
        "first factor alone": (
            lambda m, C, c, loss: torch.cat([((loss - m[1:] @ c[1:]) / c[0])[None], m[1:]]),
            "There is a likelier end",
        ),
        "the mean": (lambda m, C, c, loss: m, "There is a likelier end"),
        "a number": (lambda *a: scenario(*a).sum(), "shape"),
        "a matrix": (lambda m, C, c, loss: C, "shape"),
        "wrong way round": (lambda m, C, c, loss: C @ loss, "raised"),
        "index": (lambda m, C, c, loss: m[99], "raised"),
        "unknown": (lambda m, C, c, loss: spread * loss, "raised"),  # noqa: F821
    },
    spared={"q and p swapped": "mean and exposure swapped alike are right with their covariance"},
    equivalent={
        "spread = exposure @ covariance": "the covariance is symmetric",
        "missing = loss - exposure @ mean": "a product of two vectors has no order",
        "(spread @ exposure)": "a product of two vectors has no order",
    },
)

# 5

VALUES, SEEDS = [0.0, 0.3, 5.0], list(range(5))
POWER, CONVEX = check.RIVALS


def experiment(values=VALUES, seeds=SEEDS, varied="noise", prediction=CONVEX):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


STUDIES = Case(
    check.rivals,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "the bend": experiment([0.0, 0.1, 0.3], varied="bend"),
        "rounded": with_row(POWER, 0.3, [round(v, 1) for v in STUDY[POWER][0.3]]),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.3), "three settings or more"),
        "narrow": (experiment([0.25, 0.3, 0.35]), "a wide range"),
        "all the same answer": (duel_tools.without(STUDY, 5.0), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, CONVEX)},
            "At noise = 5 the power law has the smaller error for",
        ),
        "models exchanged": (STUDY | {POWER: STUDY[CONVEX], CONVEX: STUDY[POWER]}, "are those of"),
        "settings exchanged": (with_row(CONVEX, 5.0, STUDY[CONVEX][0.3]), "are those of 0.3"),
        "too few numbers": (with_row(POWER, 0.3, STUDY[POWER][0.3][:4]), "4 numbers for 5 seeds"),
        "invented": (with_row(CONVEX, 5.0, [11, 12, 13, 14, 15]), "are not what `check.measure`"),
        "shares": (
            with_row(CONVEX, 5.0, [v / 1e4 for v in STUDY[CONVEX][5.0]]),
            "shares in place of basis points",
        ),
        "no list": (with_row(POWER, 0.3, 3), "one number for each seed"),
        "too much": (STUDY | {"values": [0.0, 0.3, 9.0]}, "is outside 0 to 5"),
        "another thing": (STUDY | {"varied": "trades"}, "choose one of: 'bend', 'noise'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.3: "network"}},
            "choose one of: 'power'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.0: POWER}}, "has no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (ENERGY, LIKELY, CHANGES, SCENARIO, STUDIES)
    demanding = True


@pytest.mark.parametrize(
    "case, other",
    [
        ("price of risk doubled", Execution(aversion=2.0)),
        ("impact doubled", Execution(impact=2.0)),
        ("impact and price of risk doubled", Execution(impact=2.0, aversion=2.0)),
        ("volatility doubled, price of variance a quarter", Execution(1.0, 1.0, 0.25, 4.0)),
    ],
)
def test_what_exercise_3_says_of_a_change_is_what_happens(case, other):
    times = torch.linspace(0, 1, 21, dtype=torch.float64)
    shift = (other.path(1.0, times) - Execution().path(1.0, times))[10]
    assert compared(shift) == WORDS[case]


@pytest.mark.parametrize("exponent, kind", [(1.0, "linear impact"), (0.6, "power 3/5")])
def test_what_exercise_3_says_of_half_the_shares_is_what_happens(exponent, kind):
    times = torch.linspace(0, 1, 21, dtype=torch.float64)
    model = Execution(exponent=exponent)
    shift = (model.path(0.5, times) / 0.5 - model.path(1.0, times))[10]
    assert compared(shift) == WORDS[f"half the shares, {kind}"]


def compared(shift):
    """What it means that so much more is left at half the time."""
    if abs(shift) < 1e-9:
        return "the same"
    return "faster at first" if shift < 0 else "slower at first"


def test_a_linear_impact_that_stays_costs_the_same_for_every_schedule():
    times = torch.linspace(0, 1, 2001, dtype=torch.float64)
    costs = []
    for aversion in (0.1, 10.0):
        q = Execution(aversion=aversion).path(1.0, times)
        costs.append((0.7 * (1 - (q[1:] + q[:-1]) / 2) * -q.diff()).sum())
    torch.testing.assert_close(costs[0], torch.tensor(0.35, dtype=torch.float64), rtol=1e-9, atol=0)
    torch.testing.assert_close(costs[1], costs[0], rtol=1e-9, atol=0)


def test_the_instrument_is_never_below_the_least_cost():
    """And the cost of exercise 5 is the chapter's where it does not bend."""
    times = torch.linspace(0, 1, 41, dtype=torch.float64)
    market = Execution(exponent=0.6)
    rate = torch.linspace(0, 3, 7, dtype=torch.float64)
    torch.testing.assert_close(check.true_cost(rate, 0.0), market.impact_cost(rate))
    best = cheapest_schedule(market.impact_cost, check.RISK, 1.0, times)
    assert check._least(0.0) == pytest.approx(check._cost(best, times, 0.0))
    assert check.measure(POWER, bend=0.0, noise=0.0) < 0.1


def test_the_instrument_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("free")
