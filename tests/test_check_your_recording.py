"""Checks of the chapter "Your own recording": the answers that each must accept and refuse."""

import numpy as np
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import your_recording as check

# 1


def drift(offset, noise, rate, seconds):
    line = offset * seconds
    walk = noise * (seconds / rate) ** 0.5
    return (line**2 + walk**2) ** 0.5


def by_hypot(offset, noise, rate, seconds):
    return torch.hypot(offset * seconds, noise * (seconds / rate).sqrt())


def by_readings(offset, noise, rate, seconds):
    count = rate * seconds
    return torch.sqrt((count * offset / rate) ** 2 + count * (noise / rate) ** 2)


def by_numpy(*inputs):
    b, s, f, T = (x.numpy() for x in inputs)
    return np.sqrt((b * T) ** 2 + s**2 * T / f)


DRIFT = Case(
    check.drift,
    drift,
    {"hypot": by_hypot, "readings": by_readings, "numpy": by_numpy},
    {
        "offset alone": (lambda b, s, f, T: b * T, "offset alone"),
        "noise alone": (lambda b, s, f, T: s * (T / f) ** 0.5, "noise alone"),
        "added": (lambda b, s, f, T: b * T + s * (T / f) ** 0.5, "add their squares"),
        "mean square": (lambda *a: drift(*a) ** 2, "take its root"),
        "no step": (lambda b, s, f, T: torch.hypot(b * T, s * (T * f).sqrt()), "by the time betw"),
        "noise as an offset": (lambda b, s, f, T: torch.hypot(b * T, s * T), "like an offset"),
        "one second": (lambda b, s, f, T: torch.hypot(b * T, s / f.sqrt()), "grows with √T"),
        "one reading": (lambda b, s, f, T: torch.hypot(b * T, s / f), "one reading"),
        "any rate": (lambda b, s, f, T: torch.hypot(b * T, s * T.sqrt()), "More readings"),
        "offset as an angle": (lambda b, s, f, T: torch.hypot(b, s * (T / f).sqrt()), "is a rate"),
        "half": (lambda b, s, f, T: torch.hypot(b * T / 2, s * (T / f).sqrt()), "without a half"),
        "fixed rate": (
            lambda b, s, f, T: torch.hypot(b * T, s * (T / 40.0).sqrt()),
            "wrong for another",
        ),
    },
)

# 2


def angle(times, rates):
    steps = times.diff()
    areas = steps * (rates[1:] + rates[:-1]) / 2
    areas = areas - steps * areas.sum() / (times[-1] - times[0])
    return torch.cat([torch.zeros_like(rates[:1]), areas.cumsum(0)])


def mean_first(times, rates):
    mean = torch.trapezoid(rates, times) / (times[-1] - times[0])
    areas = torch.cumulative_trapezoid(rates - mean, times)
    return torch.cat([torch.zeros_like(areas[:1]), areas])


def line_off(times, rates):
    turned = torch.nn.functional.pad(torch.cumulative_trapezoid(rates, times), (1, 0))
    return turned - turned[-1] * (times - times[0]) / (times[-1] - times[0])


def by_loop(times, rates):
    t, v = times.tolist(), rates.tolist()
    areas = [(t[k + 1] - t[k]) * (v[k] + v[k + 1]) / 2 for k in range(len(t) - 1)]
    mean, found = sum(areas) / (t[-1] - t[0]), [0.0]
    for k, area in enumerate(areas):
        found.append(found[-1] + area - mean * (t[k + 1] - t[k]))
    return found


def trapezoids(times, rates):
    return torch.nn.functional.pad(torch.cumulative_trapezoid(rates, times), (1, 0))


def mean_of(times, rates):
    return torch.trapezoid(rates, times) / (times[-1] - times[0])


ANGLE = Case(
    check.angle,
    angle,
    {"mean first": mean_first, "a line taken off": line_off, "a loop": by_loop},
    {
        "offset left": (trapezoids, "The offset is still in it"),
        "mean of rows": (lambda t, v: trapezoids(t, v - v.mean()), "over the rows"),
        "left": (
            lambda t, v: torch.nn.functional.pad(
                (t.diff() * (v[:-1] - mean_of(t, v))).cumsum(0), (1, 0)
            ),
            "beginning of its step",
        ),
        "right": (
            lambda t, v: torch.nn.functional.pad(
                (t.diff() * (v[1:] - mean_of(t, v))).cumsum(0), (1, 0)
            ),
            "end of its step",
        ),
        "even times": (
            lambda t, v: torch.nn.functional.pad(
                ((v[1:] + v[:-1]) / 2 - mean_of(t, v)).cumsum(0) * (t[-1] - t[0]) / (len(t) - 1),
                (1, 0),
            ),
            "taken to be equal",
        ),
        "over the last time": (
            lambda t, v: trapezoids(t, v - torch.trapezoid(v, t) / t[-1]),
            "The first time is not zero",
        ),
        "mean angle zero": (lambda t, v: angle(t, v) - angle(t, v).mean(), "begin at zero"),
        "negative": (lambda t, v: -angle(t, v), "The sign is wrong"),
        "one short": (lambda t, v: angle(t, v)[1:], "shape"),
        "the mean rate": (lambda t, v: mean_of(t, v), "shape"),
        "degrees": (lambda t, v: angle(t, v).rad2deg(), ""),
        "rates": (lambda t, v: v - mean_of(t, v), ""),
        "without steps": (
            lambda t, v: torch.nn.functional.pad(((v[1:] + v[:-1]) / 2).cumsum(0), (1, 0)),
            "",
        ),
    },
    equivalent={"zeros_like(times[:1])": "times and rates have one dtype"},
)

# 3

WORDS = {symptom: cause for symptom, (cause, *_) in check.SYMPTOMS.items()}

CAUSES = Case(
    check.causes,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "upper case": {symptom: word.upper() for symptom, word in WORDS.items()},
    },
    {
        "offset for the unit": (
            WORDS | {"period right, all angles 57 times too small": "offset"},
            "Which number is 57?",
        ),
        "friction for the split": (
            WORDS | {"test error of 1 %, and the first forecast is lost": "no friction"},
            "7 of 8 are right",
        ),
        "all the same": (dict.fromkeys(WORDS, "offset"), "1 of 8 are right"),
        "another word": (dict.fromkeys(WORDS, "noise"), "choose one of"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.CAUSES,
)

# 4

VALUES, SEEDS = [2.0, 4.0, 8.0], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="seconds", prediction="good"):
    """A study, measured and concluded as the exercise asks for."""
    errors = {value: [check.measure(**{varied: value}, seed=seed) for seed in seeds]
              for value in values}  # fmt: skip
    return {
        "varied": varied,
        "values": list(values),
        "seeds": list(seeds),
        "prediction": dict.fromkeys(values, prediction),
        "errors": errors,
        "conclusion": {value: check.verdict(errors[value]) for value in values},
    }


STUDY = experiment()


def changed(change):
    """The study with other errors."""
    rows = {value: [change(error) for error in row] for value, row in STUDY["errors"].items()}
    return STUDY | {"errors": rows}


def with_row(value, row):
    return STUDY | {"errors": STUDY["errors"] | {value: row}}


def without(value):
    kept = [v for v in VALUES if v != value]
    parts = ("prediction", "errors", "conclusion")
    return STUDY | {"values": kept} | {p: {v: STUDY[p][v] for v in kept} for p in parts}


ENOUGH = Case(
    check.enough,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "noise": experiment([0.03, 0.1, 1.0], varied="noise"),
        "other seeds": experiment(seeds=[7, 3, 2, 1, 0]),
        "rounded": changed(lambda error: float(f"{error:.3g}")),
        "by seed": STUDY
        | {"errors": {v: dict(zip(SEEDS, STUDY["errors"][v], strict=True)) for v in VALUES}},
    },
    {
        "three seeds": (experiment(seeds=[0, 1, 2]), "five seeds or more"),
        "two settings": (without(4.0), "three settings or more"),
        "narrow": (experiment([3.0, 4.0, 6.0]), "a wide range"),
        "all the same answer": (experiment([1.5, 2.0, 3.0]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "good")},
            "At seconds = 2 the error is at most 1 % for 0 of 5",
        ),
        "per cent": (changed(lambda error: 100 * error), "in per cent"),
        "squares": (changed(lambda error: error**2), "are the squares"),
        "roots": (changed(lambda error: error**0.5), "are the roots"),
        "not divided": (changed(lambda error: error * 9.81 / 0.6), "not divided by the true"),
        "ratios": (changed(lambda error: 1 + error), "take one off"),
        "settings exchanged": (with_row(4.0, STUDY["errors"][2.0]), "are those of 2"),
        "sorted": (with_row(2.0, sorted(STUDY["errors"][2.0])), "in another order than the seeds"),
        "too few errors": (with_row(2.0, STUDY["errors"][2.0][:4]), "has 4 errors for 5 seeds"),
        "invented": (with_row(2.0, [0.5, 0.4, 0.3, 0.2, 0.1]), "are not what `check.measure`"),
        "no list": (with_row(2.0, 0.01), "one error for each seed"),
        "a seed twice": (STUDY | {"seeds": [0, 1, 2, 3, 3]}, "A seed stands twice"),
        "too long": (STUDY | {"values": [2.0, 4.0, 80.0]}, "is outside 1 to 20"),
        "another thing": (STUDY | {"varied": "length"}, "choose one of: 'seconds', 'noise'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {2.0: "bad"}},
            "choose one of: 'good'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {2.0: "good"}}, "has no answer yet"),
        "eleven seeds": (STUDY | {"seeds": list(range(11))}, "Ten seeds are enough"),
    },
    blank=dict.fromkeys(check.STUDY, ...),
    dear=("seeds",),
    equivalent={"['prediction'][": "a prediction may be wrong"},
    words={**dict.fromkeys(VALUES, check.VERDICTS), "varied": tuple(check.USUAL)},
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (DRIFT, ANGLE, CAUSES, ENOUGH)
    demanding = True


def test_a_cause_stands_twice():
    """So the last one does not follow from the others."""
    given = list(WORDS.values())
    assert len(given) > len(set(given))


@pytest.mark.parametrize("seed", range(3))
def test_a_recording_without_an_end_is_measured_as_the_chapter_does(tmp_path, seed):
    """The instrument is what a reader would do with the file."""
    from hnn_tutorial.own_recording.rivals import PendulumFormula
    from hnn_tutorial.recordings import phone_swing, read_csv, smooth
    from hnn_tutorial.training import LevenbergMarquardt, fit

    path = tmp_path / "swing.csv"
    path.write_text(phone_swing(seed).text, encoding="utf-8")
    seen = read_csv(path, velocities="Gyroscope x", angles="Gyroscope x")
    formula = PendulumFormula()
    optimizer = LevenbergMarquardt(steps=30, weight_decay=1e-9)
    fit(formula, smooth(seen).dataset(), optimizer, progress=False)
    error = abs(formula.constants[0].item() / (9.81 / 0.6) - 1)
    assert check.measure(seconds=20.0, seed=seed) == pytest.approx(error, rel=1e-6)
