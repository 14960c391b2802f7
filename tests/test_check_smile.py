"""The checks of "A smile is a distance": right answers pass, wrong ones get their message."""

import math

import duel_tools
import numpy as np
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import smile as check
from hnn_tutorial.finance import Sabr, metric_lagrangian, smile
from hnn_tutorial.mechanics import action, hamiltonian_field

# 1


def rates(x, nu, rho):
    _, q2, p1, p2 = x.unbind(-1)
    a = q2.exp()
    price = a**2 * p1 + rho * nu * a * p2
    level = rho * nu * a * p1 + nu**2 * p2
    return torch.stack([price, level, 0 * p1, -p1 * price], dim=-1)


def by_the_operator(x, nu, rho):
    return hamiltonian_field(Sabr(1.0, nu, rho).hamiltonian)(x)


def by_numpy(x, nu, rho):
    _, q2, p1, p2 = np.moveaxis(np.asarray(x), -1, 0)
    a = np.exp(q2)
    price = a * (a * p1 + rho * nu * p2)
    level = nu * (rho * a * p1 + nu * p2)
    return np.stack([price, level, np.zeros_like(a), -p1 * price], -1)


def by_the_matrix(x, nu, rho):
    q, p = x.chunk(2, dim=-1)
    v = (Sabr(1.0, nu, rho).covariance(q) @ p.unsqueeze(-1)).squeeze(-1)
    zero = torch.zeros_like(v[..., 0])
    return torch.cat([v, torch.stack([zero, -p[..., 0] * v[..., 0]], -1)], -1)


def with_rate(index, rate):
    """The right rates with one replaced by another function of ``(x, nu, rho)``."""

    def answer(x, nu, rho):
        found = list(rates(x, nu, rho).unbind(-1))
        found[index] = rate(x, nu, rho)
        return torch.stack(found, dim=-1)

    return answer


def logged(x):
    """States whose second coordinate is the logarithm of what it was, for negative ones too."""
    return torch.cat([x[..., :1], x[..., 1:2].to(torch.complex128).log(), x[..., 2:]], dim=-1)


def price_of(x, nu, rho):
    return rates(x, nu, rho)[..., 0]


RATES = Case(
    check.rates,
    rates,
    {"by the operator": by_the_operator, "by numpy": by_numpy, "by the matrix": by_the_matrix},
    {
        "sign": (with_rate(3, lambda x, n, r: x[..., 2] * price_of(x, n, r)), "wrong sign"),
        "by a": (
            with_rate(3, lambda x, n, r: -x[..., 2] * price_of(x, n, r) / x[..., 1].exp()),
            "derivative by a",
        ),
        "half of a²": (
            with_rate(
                3,
                lambda x, n, r: (
                    -(x[..., 1].exp() ** 2) * x[..., 2] ** 2 / 2
                    - r * n * x[..., 1].exp() * x[..., 2] * x[..., 3]
                ),
            ),
            "a factor of two is lost",
        ),
        "no mixed term in the force": (
            with_rate(3, lambda x, n, r: -(x[..., 1].exp() ** 2) * x[..., 2] ** 2),
            "the mixed term is missing",
        ),
        "no force": (with_rate(3, lambda x, n, r: 0 * x[..., 0]), "ṗ₂ is not zero"),
        "half the force": (
            with_rate(3, lambda x, n, r: -x[..., 2] * price_of(x, n, r) / 2),
            "ṗ₂ is half",
        ),
        "momenta exchanged": (lambda x, n, r: rates(x, n, r)[..., [0, 1, 3, 2]], "are exchanged"),
        "no correlation": (lambda x, n, r: rates(x, n, 0.0), "The correlation is missing"),
        "a is x[..., 1]": (lambda x, n, r: rates(logged(x), n, r).real, "was taken for a"),
        "all reversed": (lambda x, n, r: -rates(x, n, r), "sign"),
        "covariance with 2": (lambda x, n, r: rates(x, n, 2 * r), "rho"),
        "only two rates": (lambda x, n, r: rates(x, n, r)[..., :2], "shape"),
        "a matrix": (lambda x, n, r: x @ n, "raised"),
        "five coordinates": (lambda x, n, r: x[..., 4], "raised"),
        "unknown": (lambda x, n, r: mu * x, "raised"),  # noqa: F821
    },
    equivalent={"0 / p1": "zero over a momentum is zero, as zero times it is"},
)

# 2


def path_volatility(lagrangian, path, times):
    S = action(lagrangian, path, times)
    length = (2 * S * (times[-1] - times[0])).sqrt()
    return (path[-1, :, 0] - path[0, :, 0]).abs() / length


def by_a_sum(lagrangian, path, times):
    total = torch.zeros(path.shape[1], dtype=torch.float64)
    for i in range(len(times) - 1):
        step = times[i + 1] - times[i]
        x = torch.cat([(path[i] + path[i + 1]) / 2, (path[i + 1] - path[i]) / step], -1)
        total = total + step * lagrangian(x)
    return (path[-1] - path[0])[:, 0].abs() / (2 * total * (times[-1] - times[0])) ** 0.5


def one_path_at_a_time(lagrangian, path, times):
    return torch.stack(
        [path_volatility(lagrangian, path[:, i : i + 1], times)[0] for i in range(path.shape[1])]
    )


def span(times):
    return times[-1] - times[0]


def S_of(lagrangian, path, times):
    return action(lagrangian, path, times)


def way(path):
    return (path[-1, :, 0] - path[0, :, 0]).abs()


PATH = Case(
    check.path_volatility,
    path_volatility,
    {
        "a sum": by_a_sum,
        "one by one": one_path_at_a_time,
        "numpy": lambda L, q, t: np.asarray(path_volatility(L, q, t)),
    },
    {
        "no horizon": (lambda L, q, t: way(q) / (2 * S_of(L, q, t)).sqrt(), "horizon is missing"),
        "divided by the horizon": (
            lambda L, q, t: way(q) / (2 * S_of(L, q, t) / span(t)).sqrt(),
            "stands on the wrong side",
        ),
        "no two": (lambda L, q, t: way(q) / (S_of(L, q, t) * span(t)).sqrt(), "A factor of two"),
        "no root": (lambda L, q, t: way(q) / (2 * S_of(L, q, t) * span(t)), "divides by ℓ²"),
        "signed": (
            lambda L, q, t: (q[-1, :, 0] - q[0, :, 0]) / (2 * S_of(L, q, t) * span(t)).sqrt(),
            "The sign of k is left",
        ),
        "last price": (
            lambda L, q, t: q[-1, :, 0].abs() / (2 * S_of(L, q, t) * span(t)).sqrt(),
            "takes the last price",
        ),
        "the length": (lambda L, q, t: (2 * S_of(L, q, t) * span(t)).sqrt(), "This is the length"),
        "upside down": (lambda L, q, t: 1 / path_volatility(L, q, t), "upside down"),
        "last time": (
            lambda L, q, t: way(q) / (2 * S_of(L, q, t) * t[-1]).sqrt(),
            "The last time was taken",
        ),
        "Euclid": (
            lambda L, q, t: way(q) / q.diff(dim=0).norm(dim=-1).sum(0),
            "This is not |k| over the length",
        ),
        "second coordinate": (
            lambda L, q, t: (q[-1, :, 1] - q[0, :, 1]).abs() / (2 * S_of(L, q, t) * span(t)).sqrt(),
            "This is not |k| over the length",
        ),
        "one number": (lambda L, q, t: path_volatility(L, q, t).sum(), "shape"),
        "a column": (lambda L, q, t: path_volatility(L, q, t)[:, None], "shape"),
        "index": (lambda L, q, t: q[99], "raised"),
        "L of a path": (lambda L, q, t: L(q[0, 0]), "raised"),
        "unknown": (lambda L, q, t: S * q, "raised"),  # noqa: F821
    },
    spared={"q and p swapped": "swapping price and volatility of a path makes another path"},
)

# 3


def short_smile(noise, k):
    share = torch.linspace(0, 1, 1001, dtype=torch.float64)
    slow = 1 / noise(k[:, None] * share)
    return 1 / torch.trapezoid(slow, dx=1 / 1000, dim=-1)


def by_gauss(noise, k):
    points, weights = (torch.as_tensor(v) for v in np.polynomial.legendre.leggauss(30))
    slow = 1 / noise(k[:, None] * (points + 1) / 2)
    return 1 / (slow * weights / 2).sum(-1)


def by_length(noise, k):
    length = []
    for end in k:
        x = torch.linspace(0, 1, 4001, dtype=torch.float64) * end
        length.append(torch.trapezoid(1 / noise(x), x).abs())
    return k.abs() / torch.stack(length)


def by_middles(noise, k):
    share = (torch.arange(2000, dtype=torch.float64) + 0.5) / 2000
    return 1 / (1 / noise(k[:, None] * share)).mean(-1)


def along(noise, k):
    return noise(k[:, None] * torch.linspace(0, 1, 2001, dtype=torch.float64))


SHORT = Case(
    check.short_smile,
    short_smile,
    {
        "Gauss": by_gauss,
        "by the length": by_length,
        "middles": by_middles,
        "mean with both ends": lambda s, k: 1 / (1 / along(s, k)).mean(-1),
    },
    {
        "arithmetic with both ends": (lambda s, k: along(s, k).mean(-1), "the mean of the noise"),
        "points miscounted": (lambda s, k: short_smile(s, k) * 1.001, "too few points"),
        "arithmetic": (
            lambda s, k: torch.trapezoid(along(s, k), dx=1 / 2000, dim=-1),
            "This is the mean of the noise",
        ),
        "middle": (lambda s, k: s(k / 2), "in the middle of the way"),
        "strike": (lambda s, k: s(k), "at the strike"),
        "today": (lambda s, k: s(0 * k), "the noise today"),
        "length": (lambda s, k: k / short_smile(s, k), "This is the length"),
        "upside down": (lambda s, k: 1 / short_smile(s, k), "upside down"),
        "variance": (
            lambda s, k: torch.trapezoid(along(s, k) ** 2, dx=1 / 2000, dim=-1).sqrt(),
            "root of the mean variance",
        ),
        "k twice": (lambda s, k: k.abs() * short_smile(s, k), "k stands twice"),
        "too coarse": (
            lambda s, k: 1 / (1 / along(s, k)[:, ::500]).mean(-1),
            "too few points",
        ),
        "two ends": (lambda s, k: (s(k) + s(0 * k)) / 2, "This is not the way"),
        "other side": (lambda s, k: short_smile(s, -k), "This is not the way"),
        "signed": (lambda s, k: short_smile(s, k) * k.sign(), "The sign of k is left"),
        "one number": (lambda s, k: short_smile(s, k).mean(), "shape"),
        "a column": (lambda s, k: short_smile(s, k)[:, None], "shape"),
        "index": (lambda s, k: k[99], "raised"),
        "no function": (lambda s, k: s * k, "raised"),
        "unknown": (lambda s, k: share * k, "raised"),  # noqa: F821
    },
    spared={"q and p swapped": "an odd number of strikes has no halves"},
    equivalent={
        "linspace(1, 0": "the mean along the way has no direction",
        "dx=1 / 1000)": "the last axis is the one that is meant by itself",
    },
)

# 4

WORDS = {case: word for case, (word, *_) in check.CASES.items()}


def with_word(case, word):
    return WORDS | {case: word}


SHAPES = Case(
    check.shapes,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals by hand": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "drift": (with_word("the price gets a drift", "higher everywhere"), "How large is a drift"),
        "level": (
            with_word("the volatility is drawn to a level", "flat"),
            "a part of the covariance",
        ),
        "sign": (with_word("the correlation changes its sign", "the same"), "Put -k and -rho"),
        "no vol of vol": (
            with_word("the volatility of the volatility goes to zero", "the same"),
            "still choose its volatility",
        ),
        "all": (
            with_word("all covariances become four times as large", "the same"),
            "length of a path",
        ),
        "expiry": (
            with_word("the expiry is halved", "higher everywhere"),
            "Does the distance contain",
        ),
        "doubled": (
            with_word("forward and strike are both doubled", "higher everywhere"),
            "Which number of the two enters",
        ),
        "all the same": (dict.fromkeys(WORDS, "the same"), "4 of 7 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.SHAPES,
)

# 5

VALUES, SEEDS = [0.0, 0.4, 0.8], list(range(5))
NUMBERS, NETWORK = check.RIVALS


def experiment(values=VALUES, seeds=SEEDS, varied="bend", prediction=NETWORK):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


STUDIES = Case(
    check.rivals,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "the increments": experiment([2, 100, 2000], varied="increments"),
        "rounded": with_row(NUMBERS, 0.4, [round(v, 2) for v in STUDY[NUMBERS][0.4]]),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.8), "three settings or more"),
        "narrow": (experiment([0.3, 0.4, 0.5]), "a wide range"),
        "all the same answer": (duel_tools.without(STUDY, 0.0), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, NUMBERS)},
            "At bend = 0.4 the model of two numbers has the smaller error for",
        ),
        "models exchanged": (
            STUDY | {NUMBERS: STUDY[NETWORK], NETWORK: STUDY[NUMBERS]},
            "are those of",
        ),
        "settings exchanged": (with_row(NUMBERS, 0.8, STUDY[NUMBERS][0.4]), "are those of 0.4"),
        "too few numbers": (
            with_row(NUMBERS, 0.4, STUDY[NUMBERS][0.4][:4]),
            "4 errors for 5 seeds",
        ),
        "invented": (with_row(NETWORK, 0.4, [11, 12, 13, 14, 15]), "are not what `check.measure`"),
        "shares": (
            with_row(NUMBERS, 0.4, [v / 100 for v in STUDY[NUMBERS][0.4]]),
            "shares in place of per cent",
        ),
        "no list": (with_row(NUMBERS, 0.4, 3), "one error for each seed"),
        "too much": (STUDY | {"values": [0.0, 0.4, 0.9]}, "is outside 0 to 0.8"),
        "another thing": (STUDY | {"varied": "states"}, "choose one of: 'bend', 'increments'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.4: "sabr"}},
            "choose one of: 'numbers'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.0: NUMBERS}}, "has no answer yet"),
        "half an increment": (
            STUDY | {"varied": "increments", "values": [2.5, 10, 100]},
            "whole numbers",
        ),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (RATES, PATH, SHORT, SHAPES, STUDIES)
    demanding = True


STRIKES = torch.tensor([-0.3, -0.1, 0.2], dtype=torch.float64)
MARKET = Sabr(0.3, 0.7, -0.5)
BEFORE = smile(MARKET.covariance, MARKET.start, STRIKES)


def test_what_exercise_4_says_of_the_correlation_is_what_happens():
    other = Sabr(0.3, 0.7, 0.5)
    torch.testing.assert_close(smile(other.covariance, other.start, -STRIKES), BEFORE)
    assert WORDS["the correlation changes its sign"] == "mirrored"


def test_what_exercise_4_says_of_the_volatility_of_the_volatility_is_what_happens():
    other = Sabr(0.3, 1e-4, -0.5)
    found = smile(other.covariance, other.start, STRIKES)
    torch.testing.assert_close(found, torch.full_like(found, 0.3), rtol=1e-3, atol=0)
    assert WORDS["the volatility of the volatility goes to zero"] == "flat"


def test_what_exercise_4_says_of_larger_covariances_is_what_happens():
    found = smile(lambda q: 4 * MARKET.covariance(q), MARKET.start, STRIKES)
    torch.testing.assert_close(found, 2 * BEFORE)
    assert WORDS["all covariances become four times as large"] == "higher everywhere"


def test_what_exercise_4_says_of_another_forward_is_what_happens():
    there = MARKET.start + torch.tensor([math.log(2), 0.0], dtype=torch.float64)
    torch.testing.assert_close(smile(MARKET.covariance, there, STRIKES), BEFORE)
    assert WORDS["forward and strike are both doubled"] == "the same"


def test_the_harmonic_mean_of_exercise_3_is_the_distance_of_the_chapter():
    def noise(x):
        return 0.15 + 0.8 * (x - 0.1).square()

    found = smile(
        lambda q: noise(q)[..., None] ** 2, torch.zeros(1).double(), STRIKES, extrapolate=True
    )
    torch.testing.assert_close(found, short_smile(noise, STRIKES), rtol=1e-4, atol=0)


def test_the_lagrangian_of_exercise_2_is_that_of_the_covariance():
    x = torch.tensor([0.1, -1.2, 0.4, 0.3], dtype=torch.float64)
    torch.testing.assert_close(metric_lagrangian(MARKET.covariance)(x), MARKET.lagrangian(x))


def test_the_instrument_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("free")
