"""The checks of "What the famous table measures": right answers pass, wrong ones are told."""

import math

import duel_tools
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import published_table as check
from hnn_tutorial.experiments import RECIPES

# 1


def learned_rate(omega, smallest, largest, noise):
    square = (smallest**2 + smallest * largest + largest**2) / 3
    return omega * (square / 2) / (square / 2 + noise**2)


def by_cubes(omega, smallest, largest, noise):
    square = (largest**3 - smallest**3) / (3 * (largest - smallest))
    return omega / (1 + 2 * noise**2 / square)


def by_moments(omega, smallest, largest, noise):
    """Mean of r² from the mean and the variance of a uniform number."""
    mean, variance = (smallest + largest) / 2, (largest - smallest) ** 2 / 12
    signal = (mean**2 + variance) / 2
    return omega - omega * noise**2 / (signal + noise**2)


def with_variance(omega, variance, noise):
    return omega * variance / (variance + noise**2)


LEARNED_RATE = Case(
    check.learned_rate,
    learned_rate,
    {"cubes": by_cubes, "moments": by_moments},
    {
        "both components": (
            lambda w, a, b, s: with_variance(w, (a * a + a * b + b * b) / 3, s),
            "each has half of it",
        ),
        "mean radius": (
            lambda w, a, b, s: with_variance(w, ((a + b) / 2) ** 2 / 2, s),
            "not the mean of its square",
        ),
        "evenly over the ring": (
            lambda w, a, b, s: with_variance(w, (a**2 + b**2) / 4, s),
            "spread evenly over the ring",
        ),
        "largest alone": (
            lambda w, a, b, s: with_variance(w, b**2 / 2, s),
            "not always the largest",
        ),
        "from zero": (lambda w, a, b, s: with_variance(w, b**2 / 6, s), "taken from 0"),
        "of the radius": (
            lambda w, a, b, s: with_variance(w, (b - a) ** 2 / 12, s),
            "variance of the radius",
        ),
        "σ": (lambda w, a, b, s: learned_rate(w, a, b, s.sqrt()), "enters as its variance"),
        "root": (
            lambda w, a, b, s: w * (learned_rate(w, a, b, s) / w).sqrt(),
            "The factor itself",
        ),
        "two noises": (
            lambda w, a, b, s: learned_rate(w, a, b, 2**0.5 * s),
            "and not 2σ²",
        ),
        "upside down": (
            lambda w, a, b, s: w**2 / learned_rate(w, a, b, s),
            "upside down",
        ),
        "the rest": (lambda w, a, b, s: w - learned_rate(w, a, b, s), "Subtract it from"),
        "the factor": (lambda w, a, b, s: learned_rate(w, a, b, s) / w, "Multiply by ω"),
        "deviations": (
            lambda w, a, b, s: w * b_dev(a, b) / (b_dev(a, b) + s),
            "Variances add up",
        ),
        "math.sqrt": (
            lambda w, a, b, s: w * math.sqrt(a) / (math.sqrt(a) + s),
            "raised",
        ),
        "summed": (lambda *args: learned_rate(*args).sum(), "shape"),
    },
    spared={"q and p swapped": "the arguments are no states"},
)


def b_dev(smallest, largest):
    """Standard deviation of a component."""
    return ((smallest**2 + smallest * largest + largest**2) / 6).sqrt()


# 2


def floor(field, states, noise):
    missed = field(states + noise) - field(states)
    return missed.square().mean()


def by_loop(field, states, noise):
    losses = [((field(states + e) - field(states)) ** 2).mean() for e in noise]
    return sum(losses) / len(losses)


def by_norm(field, states, noise):
    missed = field(states[None] + noise) - field(states)[None]
    return torch.linalg.vector_norm(missed, dim=-1).pow(2).mean() / states.shape[-1]


def by_variance(field, states, noise):
    """Bias squared plus variance, state by state."""
    missed = field(states + noise) - field(states)
    return (missed.mean(0).square() + missed.var(0, correction=0)).mean()


FLOOR = Case(
    check.floor,
    floor,
    {"a loop": by_loop, "norms": by_norm, "bias and variance": by_variance},
    {
        "components summed": (
            lambda f, x, e: (f(x + e) - f(x)).square().sum(-1).mean(),
            "components of a state are summed",
        ),
        "summed": (lambda f, x, e: (f(x + e) - f(x)).square().sum(), "the loss is a mean"),
        "root": (lambda f, x, e: floor(f, x, e).sqrt(), "root of the loss"),
        "absolute": (lambda f, x, e: (f(x + e) - f(x)).abs().mean(), "squared before the mean"),
        "mean first": (
            lambda f, x, e: (f(x + e).mean(0) - f(x)).square().mean(),
            "the noise cancels",
        ),
        "no square": (lambda f, x, e: (f(x + e) - f(x)).mean(), "or they cancel"),
        "the noise alone": (lambda f, x, e: f(e).square().mean(), "at the noise alone"),
        "no rate": (lambda f, x, e: f(x + e).square().mean(), "Subtract the true rate"),
        "states": (
            lambda f, x, e: (x + e - f(x)).square().mean(),
            "Compare rates with rates",
        ),
        "variance of the noise": (lambda f, x, e: e.square().mean(), "variance of the noise"),
        "half": (lambda f, x, e: floor(f, x, e) / 2, "no half"),
        "one draw": (lambda f, x, e: floor(f, x, e[:1]), "Only the first draw"),
        "two components": (
            lambda f, x, e: (f(x + e) - f(x)).square().sum(-1).mean() / 4,
            "the published spring gives",
        ),
        "by state": (lambda f, x, e: (f(x + e) - f(x)).square().mean(-1), "shape"),
        "a letter": (lambda f, x, e: f(x + noise), "raised"),  # noqa: F821
    },
    spared={
        "q and p swapped": "the arguments are not all states",
        "float32": "the field is asked in the dtype that it is given",
    },
)

# 3


def variation(energy, motion):
    values = energy(motion)
    return (values.amax(0) - values.amin(0)) / values.mean(0).abs()


def by_max(energy, motion):
    values = energy(motion)
    size = values.sum(0).abs() / len(values)
    return (values.max(dim=0).values - values.min(dim=0).values) / size


def by_sorting(energy, motion):
    ordered = energy(motion).sort(dim=0).values
    return (ordered[-1] - ordered[0]) / torch.sqrt(ordered.mean(dim=0) ** 2)


def by_aminmax(energy, motion):
    values = energy(motion)
    low, high = torch.aminmax(values, dim=0)
    return ((high - low) / values.mean(0)).abs()


VARIATION = Case(
    check.variation,
    variation,
    {"max": by_max, "sorting": by_sorting, "aminmax": by_aminmax},
    {
        "negative": (
            lambda h, x: (h(x).amax(0) - h(x).amin(0)) / h(x).mean(0),
            "Divide by the size of the mean",
        ),
        "not divided": (lambda h, x: h(x).amax(0) - h(x).amin(0), "units do not matter"),
        "drift": (
            lambda h, x: ((h(x) - h(x)[0]).abs().amax(0) / h(x)[0]).abs(),
            "drift from the first value",
        ),
        "from the first": (
            lambda h, x: (h(x) - h(x)[0]).abs().amax(0) / h(x).mean(0).abs(),
            "largest distance from the first value",
        ),
        "over the first": (
            lambda h, x: (h(x).amax(0) - h(x).amin(0)) / h(x)[0].abs(),
            "not by the first value",
        ),
        "over the largest": (
            lambda h, x: (h(x).amax(0) - h(x).amin(0)) / h(x).abs().amax(0),
            "not by the largest",
        ),
        "deviation": (lambda h, x: h(x).std(0) / h(x).mean(0).abs(), "standard deviation"),
        "steps": (
            lambda h, x: h(x).diff(dim=0).abs().amax(0) / h(x).mean(0).abs(),
            "from one time to the next",
        ),
        "ends": (
            lambda h, x: (h(x)[-1] - h(x)[0]).abs() / h(x).mean(0).abs(),
            "First and last value alone",
        ),
        "all motions": (
            lambda h, x: (h(x).max() - h(x).min()).expand(h(x).shape[1:]) / h(x).mean().abs(),
            "along the time alone",
        ),
        "one mean": (
            lambda h, x: (h(x).amax(0) - h(x).amin(0)) / h(x).mean().abs(),
            "by its own mean",
        ),
        "last axis": (lambda h, x: h(x).amax(-1) - h(x).amin(-1), "shape"),
        "two axes": (
            lambda h, x: (h(x).amax(0) - h(x).amin(0)) / h(x).mean((0, 1)).abs(),
            "by its own mean",
        ),
        "a letter": (lambda h, x: h(motion), "raised"),  # noqa: F821
    },
)

# 4

WORDS = {case: cause for case, (cause, *_) in check.CASES.items()}

CAUSES = Case(
    check.causes,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "upper case": {case: word.upper() for case, word in WORDS.items()},
    },
    {
        "below by a slow clock": (
            WORDS | {"below the truth": "slow clock"},
            "the true field at the same noisy states",
        ),
        "opposite by energy": (WORDS | {"opposite": "wrong energy"}, "7 of 8 are right"),
        "stretched by damping": (
            WORDS | {"stretched": "false damping"},
            "one factor on the time axis",
        ),
        "orbits by seeds": (WORDS | {"ten orbits more": "one seed"}, "multiply a mean"),
        "all the same": (dict.fromkeys(WORDS, "noise floor"), "2 of 8 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.CAUSES,
)

# 5

VALUES, SEEDS = [0.0, 0.1, 0.2], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="noise", prediction="hnn"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()
BASELINE, HNN = check.RIVALS


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


PROTOCOL = Case(
    check.protocol,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other order of seeds": experiment(seeds=[4, 2, 0, 1, 3]),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.1), "three settings or more"),
        "narrow": (experiment([0.1, 0.15, 0.2]), "a wide range"),
        "all the same answer": (experiment([0.1, 0.15, 0.2]), "answers differ"),
        "against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "baseline")},
            "At noise = 0 the baseline has the smaller error for 0 of 5",
        ),
        "models exchanged": (
            STUDY | {BASELINE: STUDY[HNN], HNN: STUDY[BASELINE]},
            "are those of the hnn",
        ),
        "settings exchanged": (with_row(HNN, 0.1, STUDY[HNN][0.0]), "are those of 0"),
        "sorted": (with_row(BASELINE, 0.0, sorted(STUDY[BASELINE][0.0])), "another order"),
        "per cent": (with_row(HNN, 0.0, [100 * e for e in STUDY[HNN][0.0]]), "in per cent"),
        "squares": (
            with_row(HNN, 0.0, [e**2 for e in STUDY[HNN][0.0]]),
            "are the squares of the right ones",
        ),
        "too few errors": (with_row(HNN, 0.1, STUDY[HNN][0.1][:4]), "4 errors for 5"),
        "invented": (with_row(HNN, 0.0, [0.5] * 5), "are not what `check.measure` gives"),
        "no list": (with_row(HNN, 0.0, 0.01), "one error for each seed"),
        "too much noise": (STUDY | {"values": [0.0, 0.1, 0.9]}, "is outside 0 to 0.3"),
        "another thing": (STUDY | {"varied": "width"}, "choose one of: 'noise', 'horizon'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.0: "MLP"}},
            "choose one of: 'baseline'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.0: "hnn"}}, "no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (LEARNED_RATE, FLOOR, VARIATION, CAUSES, PROTOCOL)
    demanding = True


def test_no_word_is_found_by_elimination():
    given = list(WORDS.values())
    assert len(given) > len(set(given))
    assert set(given) == set(check.CAUSES)


def test_the_instrument_refuses_an_unknown_network():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("formula")


def test_a_linear_fit_of_the_published_data_is_as_slow_as_the_first_exercise_says():
    """The law that the check holds answers to, against least squares on 30,000 noisy states."""
    task = RECIPES["spring-quick"].task
    data = [task.data(seed, velocities=False).train for seed in range(40)]
    states = torch.cat([each.states for each in data])
    matrix = torch.linalg.lstsq(states, torch.cat([each.derivatives for each in data])).solution
    law = learned_rate(*torch.tensor([2.0, 0.1, 1.0, 0.1], dtype=torch.float64))
    assert (matrix[1, 0] - matrix[0, 1]) / 2 == pytest.approx(law.item(), rel=0.01)
