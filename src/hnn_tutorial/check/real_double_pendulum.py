"""Checks of the chapter "A real double pendulum"."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study as study_of
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import expect, function, match, score, table
from hnn_tutorial.check.answers import numbers as rows_of
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack
from hnn_tutorial.data import Dataset, add_noise
from hnn_tutorial.evaluation import valid_prediction_time
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import StructuredLNN
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems import DoublePendulum
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("real_double_pendulum")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "Friction in two joints")
def friction(answer: Any) -> str:
    """Check ``friction(v, upper, lower)``: the forces of both joints on the two angles."""
    force = function(answer, "friction(v, upper, lower)")
    generator = as_generator(4)
    v = torch.randn(4, 3, 2, generator=generator, dtype=torch.float64)
    upper, lower = 0.7, 1.9
    u, w = v.unbind(-1)
    joint = lower * (w - u)
    right = stack(joint - upper * u, -joint)
    mistakes = [
        (-right, "This friction drives the pendulum: each joint pushes against the velocity in "
         "it."),
        (stack(-upper * u, -lower * w), "The lower joint feels the velocity of the lower rod "
         "against the upper one, not against the room."),
        (stack(-upper * u, -joint), "The lower joint pushes the upper rod too, the other way: a "
         "joint has two sides."),
        (stack(-joint - upper * u, -joint), "The lower joint pushes both rods the same way. By "
         "Newton's third law it pushes them against each other."),
        (stack(joint - upper * u, joint), "The lower joint pushes both rods the same way. By "
         "Newton's third law it pushes them against each other."),
        (stack(-joint - upper * u, joint), "The lower joint speeds up the turn of one rod against "
         "the other: its sign is wrong."),
        (right.flip(-1), "The two forces are exchanged."),
        (stack(joint, -joint), "The upper joint has friction, too."),
        (stack(-upper * u, 0 * w), "The lower joint has friction, too."),
        (stack(-upper * u.square() / 2 - lower * (w - u).square() / 2, 0 * w), "This is minus the "
         "dissipation function. Its derivatives by the velocities are the forces."),
        (stack(lower * (w - u) - upper * u, -lower * (w - u) - upper * w), "The upper joint does "
         "not touch the lower rod: as an angle from the vertical, its velocity is no velocity in "
         "a joint."),
    ]  # fmt: skip
    got = force(v, upper, lower, like=v)
    match(
        got,
        right,
        mistakes,
        "These are not the forces of the two joints.",
        at=v,
        parameters={"c1": upper, "c2": lower},
    )
    one = force(v[2, 1], upper, lower, like=v[2, 1])
    match(one, right[2, 1], [], "Right for a batch, and wrong for a single state, shape (2,).")
    still = force(v, 0.0, 0.0, like=v)
    match(still, 0 * v, [], "Without friction in the joints there is still a force.", at=v)
    power = (got * v).sum(-1)
    expect(bool((power <= 1e-12).all()), "This friction adds energy somewhere: Q · v is positive.")
    return (
        "Right, and Q · v = -c1 u² - c2 (w - u)² is never positive. Half of it, with the other "
        "sign, is Rayleigh's dissipation function: its derivatives by the velocities are these "
        "forces."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _errors() -> tuple[Tensor, Tensor]:
    """Errors ``(T, B)`` with all cases that matter, and uneven times."""
    times = torch.tensor([3.0, 3.2, 3.7, 3.9, 4.6, 5.0, 6.3], dtype=torch.float64)
    nan = math.nan
    error = [
        [0.1, 0.2, 0.6, 0.9, 1.1, 1.2, 1.3],  # lost at the third time
        [0.0, 0.7, 0.1, 0.2, 0.3, 0.8, 0.9],  # comes back, and that does not count
        [0.0, 0.1, 0.2, 0.3, 0.4, 0.45, 0.49],  # never lost
        [0.1, 0.2, 0.3, nan, nan, nan, nan],  # ran away
        [0.9, 0.1, 0.1, 0.1, 0.2, 0.2, 0.3],  # lost from the beginning
        [0.1, 0.1, 0.5, 0.5, 0.5, 0.9, 0.9],  # at the threshold, not beyond it
    ]
    return times, torch.tensor(error, dtype=torch.float64).mT


@exercise(2, "code", "How long a forecast holds")
def valid_time(answer: Any) -> str:
    """Check ``valid_time(error, times, threshold)``: when each error first passes it."""
    measure = function(answer, "valid_time(error, times, threshold)")
    times, error = _errors()
    threshold, start = 0.5, 3.0
    right = torch.tensor([0.7, 0.2, 3.3, 0.9, 0.0, 2.0], dtype=torch.float64)
    beyond = ~(error <= threshold)
    step = beyond.to(torch.int8).argmax(0)
    kept = (~beyond).sum(0)
    last = times[(kept - 1).clamp(min=0)] - start
    back = len(times) - 1 - (~beyond).to(torch.int8).flip(0).argmax(0)
    blind = (error > threshold).to(torch.int8).argmax(0)
    free = torch.where((error > threshold).any(0), times[blind], times[-1]) - start
    unlost = torch.where(beyond.any(0), times[step] - start, 0.0)
    edge = (error >= threshold) | error.isnan()
    first = edge.to(torch.int8).argmax(0)
    mistakes = [
        (right + start, "These are times on the clock. Asked for is how long: subtract the first "
         "time."),
        (unlost, "A forecast that is never lost gets 0. It holds to the end, which is the whole "
         "span."),
        (free, "A NaN passes here: `nan > threshold` is false. A forecast that ran away is lost."),
        (times[(step - 1).clamp(min=0)] - start, "This is the last time at which the forecast "
         "held. Asked for is the first at which it does not."),
        (last, "This counts the times within the threshold. A forecast that comes back by chance "
         "does not count as valid again."),
        (times[back] - start, "This is the last time within the threshold. Asked for is the first "
         "beyond it."),
        (times[edge.to(torch.int8).argmax(0)] - start, "An error that equals the threshold still "
         "counts as valid."),
        (torch.where(edge.any(0), times[first], times[-1]) - start, "An error that equals the "
         "threshold still counts as valid."),
        (step.double(), "These are numbers of rows. Asked for are times, and the rows are not "
         "evenly spaced."),
        (torch.where(beyond.any(0), step, len(times) - 1).double(), "These are numbers of rows. "
         "Asked for are times, and the rows are not evenly spaced."),
        (torch.where(beyond.any(0), right, math.inf), "A forecast that is never lost gets "
         "infinity. All one knows is that it holds to the end: give the whole span."),
    ]  # fmt: skip
    got = measure(error, times, threshold, like=error, shape=(6,))
    match(got, right, mistakes, "These are not the times at which the errors first pass 0.5.")
    low = torch.tensor([0.7, 0.2, 0.9, 0.7, 0.0, 0.7], dtype=torch.float64)
    got = measure(error, times, 0.25, like=error, shape=(6,))
    match(got, low, [(right, "This is the answer for a threshold of 0.5: use the argument.")],
          "Right for a threshold of 0.5, and wrong for 0.25.")  # fmt: skip
    wide = error.reshape(7, 3, 2)
    got = measure(wide, times, threshold, like=error, shape=(3, 2))
    match(got, right.reshape(3, 2), [], "Right for (T, B), and wrong for (T, 3, 2).")
    return (
        "Right: uneven times, errors that come back, forecasts that ran away and such that were "
        "never lost. The last kind is a lower bound, so report medians over starts, not means."
    )


# --- 3 -------------------------------------------------------------------------------------------

LIMITS = ("the start", "the model", "cannot be told")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "better camera, no gain": (
        "the model",
        "The start became ten times better, and nothing changed. What was it that limited?",
        "the start was not the larger error, or a better one would have helped",
    ),
    "more rows, no gain": (
        "the start",
        "The model became better, and nothing changed. What is left?",
        "the model was not the larger error; the time is that of the start's noise",
    ),
    "each digit buys the same": (
        "the start",
        "What does the formula t = ln(limit/noise)/rate say about a digit of the noise?",
        "a digit buys ln 10 Lyapunov times for as long as the start is the larger error",
    ),
    "equal from everywhere": (
        "the model",
        "How long does a forecast hold whose start has no error at all?",
        "from starts without noise only the model is left to be wrong",
    ),
    "one start, one forecast": (
        "cannot be told",
        "Which of the two was changed, with the other one kept?",
        "one forecast that is lost does not say which error grew",
    ),
    "only the true one": (
        "the start",
        "Can the equations be wrong in a simulation that made the recording by them?",
        "the equations that made the recording are right, so the start is all there is",
    ),
}
"""The cases of exercise 3: what limits, a question for those who err, and the reason."""


@exercise(3, "think", "The start, or the model?")
def limits(answer: Any) -> str:
    """Check ``limits``: for each of `CASES` one of `LIMITS`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, LIMITS, advice, "limits")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------

NOISES = (1e-2, 1e-3, 1e-4)
"""Noise of the starts of exercise 4, in rad and rad/s."""

PENDULUM = DoublePendulum(gravity=9.8)
"""The pendulum of exercise 4."""

HORIZON = 12.0
"""How long a forecast of exercise 4 is followed, in s."""


def forecast(noise: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return forecasts from noisy starts of a true double pendulum, for exercise 4.

    Args:
        noise: standard deviation on the angles, in rad, and on the velocities, in rad/s.
        seed: of the starts and of their noise.

    Returns:
        Times ``(T,)`` in s, the directions of both rods ``(T, B, 4)`` as they are forecast, and
        as they are.
    """
    times, said, true = _forecast(float(noise), int(seed))
    return times.clone(), said.clone(), true.clone()


@cache
def _forecast(noise: float, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = as_generator(seed)
    start = PENDULUM.velocities(PENDULUM.sample(20, generator, angle=3.0, speed=4.0))
    both = torch.stack([add_noise(start, noise, generator), start])
    times = torch.linspace(0, HORIZON, 241, dtype=torch.float64)
    # In [q, p] the field has a closed form, which is much faster.
    path = integrate(PENDULUM.field, PENDULUM.momenta(both), times, "rk4", step=0.025)
    angles = path[..., :2]
    rods = torch.cat([angles.cos(), angles.sin()], dim=-1)
    return times, rods[:, 0], rods[:, 1]


@cache
def _holds(noise: float, seed: int) -> float:
    times, said, true = _forecast(noise, seed)
    return valid_prediction_time(said, true, times).median().item()


@exercise(4, "experiment", "What a better start is worth")
def holds(answer: Any) -> str:
    """Check ``held``: for each of `NOISES` median valid prediction times for several seeds."""
    values = rows_of(answer, NOISES, "held", "time for each seed")
    middle = {noise: median(row) for noise, row in values.items()}
    shown = ", ".join(f"{seconds:.2g} s at {noise:g}" for noise, seconds in middle.items())
    expect(
        all(max(row) - min(row) > 0 for row in values.values()),
        "Different seeds gave exactly the same time: pass `seed` on.",
    )
    wanted = {noise: median(_holds(noise, seed) for seed in range(5)) for noise in NOISES}
    cures: list[tuple[Callable[[float], float], str]] = [
        (lambda t: t / 0.05, "Every time is a twentieth of the right one: those of `forecast` are "
         "seconds already."),
        (lambda t: t * 0.05, "These are numbers of rows: a row is 0.05 s."),
        (lambda t: -t, "Every time has the wrong sign."),
        (lambda t: HORIZON - t, "These are the times that are left after the forecast was lost."),
    ]  # fmt: skip
    if not _fits(middle, wanted):
        swapped = dict(zip(middle, reversed(middle.values()), strict=True))
        expect(not _fits(swapped, wanted), "A better start gives a shorter time here: are the keys "
               "in the right order?")  # fmt: skip
        for cure, message in cures:
            expect(not _fits({n: cure(t) for n, t in middle.items()}, wanted), message)
    for noise, seconds in middle.items():
        expect(
            _fits({noise: seconds}, wanted),
            f"With a noise of {noise:g} the forecasts should hold near {wanted[noise]:.2g} s, and "
            f"yours {seconds:.2g} s. Asked for is the median over the starts, at a threshold of "
            "0.4.",
        )
    for noise, row in values.items():
        for seconds in row:
            expect(
                _fits({noise: seconds}, wanted, 1.8),
                f"One time at a noise of {noise:g} is {seconds:.2g} s, far from the others.",
            )
    gain = (middle[NOISES[-1]] - middle[NOISES[0]]) / 2
    return (
        f"Right: {shown}. Each digit buys about {gain:.1g} s, the first as much as the next: the "
        "start is the only error of these forecasts."
    )


def _fits(times: Mapping[float, float], wanted: Mapping[float, float], by: float = 1.35) -> bool:
    return all(1 / by < seconds / wanted[noise] < by for noise, seconds in times.items())


# --- 5 -------------------------------------------------------------------------------------------

ERRORS = ("start", "model")
"""The two errors of exercise 5: a forecast has the one or the other."""

VERDICTS = ("the start", "the model", "undecided")
"""The words of exercise 5."""

STUDY = ("varied", "values", "seeds", "prediction", *ERRORS, "conclusion")
"""The keys of exercise 5."""

USUAL = {"noise": 0.1, "rows": 100}
"""The settings of exercise 5 that are not varied."""

RANGES = {"noise": (0.0, 1.0), "rows": (10, 1000)}
"""The smallest and the largest settings of exercise 5."""

SPAN = 4.0
"""How long a forecast of exercise 5 is followed, in s."""

_UNIT = 0.08  # s, as in the chapter: velocities in it are of order one
_TWIN = DoublePendulum(1.08, 1.0, 1.0, 0.135 / 0.166, gravity=9.81 / 0.166 * _UNIT**2)


def measure(error: str, noise: float = 0.1, rows: int = 100, seed: int = 0) -> float:
    """Return how long forecasts of the chapter's pendulum hold that have one error alone.

    With ``"start"`` the true equations begin at states with noise. With ``"model"`` a structured
    LNN begins at the true states; it has learned from exact states and accelerations of other
    motions. Both are followed from the same 20 states at rest, with angles up to 2.5 rad.

    Args:
        error: one of `ERRORS`.
        noise: standard deviation on the angles, in rad, and on the velocities, in rad per 0.08 s.
        rows: how many states the network learns from; 25 of a motion, 0.08 s apart.
        seed: of the starts, their noise, the rows and the weights.

    Returns:
        The median over the starts of the valid prediction time, in s; 4 at most.
    """
    if error not in ERRORS:
        raise ValueError(f"error is {error!r}; choose one of {ERRORS}")
    seed = int(seed)
    return _with_noise(float(noise), seed) if error == "start" else _learned(int(rows), seed)


@cache
def _motions(seed: int) -> tuple[Tensor, Tensor]:
    """Starts ``[q, v]``, and the true directions of the rods from there."""
    start = _TWIN.sample(20, as_generator(seed), angle=2.5, speed=0.0)
    return _TWIN.velocities(start), _directions(_followed(start))


_CLOCK = torch.arange(0, SPAN / _UNIT + 1e-9, 0.25, dtype=torch.float64)


def _followed(momenta: Tensor) -> Tensor:
    # In [q, p] the field has a closed form, which is much faster.
    return integrate(_TWIN.field, momenta, _CLOCK, "rk4", step=0.25)


def _directions(path: Tensor) -> Tensor:
    return torch.cat([path[..., :2].cos(), path[..., :2].sin()], dim=-1)


def _lasts(path: Tensor, true: Tensor) -> float:
    return valid_prediction_time(_directions(path), true, _CLOCK * _UNIT).median().item()


@cache
def _with_noise(noise: float, seed: int) -> float:
    start, true = _motions(seed)
    noisy = add_noise(start, noise, as_generator(seed + 1000))
    return _lasts(_followed(_TWIN.momenta(noisy)), true)


@cache
def _learned(rows: int, seed: int) -> float:
    start, true = _motions(seed)
    begun = _TWIN.sample(-(-rows // 25), as_generator(seed + 2000), angle=2.5, speed=0.0)
    motion = integrate(_TWIN.field, begun, torch.arange(25, dtype=torch.float64), "rk4", step=0.25)
    x = _TWIN.velocities(motion.transpose(0, 1).reshape(-1, 4)[:rows])
    model = StructuredLNN(2, (12,), "tanh", angles=(0, 1), seed=seed)
    exact = LevenbergMarquardt(steps=15, weight_decay=1e-7)
    fit(model, Dataset(x, _TWIN.second_order_field(x)), exact, progress=False)
    with torch.no_grad():
        return _lasts(integrate(model.field, start, _CLOCK, "rk4", step=0.25), true)


def verdict(start: list[float], model: list[float]) -> str:
    """What limits by the rule of exercise 5: the error that is shorter-lived at 4 of 5 seeds."""
    shorter = sum(a < b for a, b in zip(start, model, strict=True))
    longer = sum(a > b for a, b in zip(start, model, strict=True))
    if shorter >= 0.8 * len(start):
        return "the start"
    return "the model" if longer >= 0.8 * len(start) else "undecided"


@exercise(5, "experiment", "An open question: from where on is it the start?")
def decides(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    varied = study_of.choice(study["varied"], "varied", USUAL)
    values = _settings(study["values"], varied)
    seeds = study_of.seeds(study["seeds"], "measures everything again")
    prediction = study_of.words(study["prediction"], "prediction", values, VERDICTS)
    conclusion = study_of.words(study["conclusion"], "conclusion", values, VERDICTS)
    times = {error: study_of.errors(study[error], error, values, seeds, "time") for error in ERRORS}
    right = study_of.measured(measure, ERRORS, USUAL, varied, values, seeds)
    for error in ERRORS:
        for value in values:
            _compare(times[error][value], right, error, value, varied)
    rule = {v: verdict(times["start"][v], times["model"][v]) for v in values}
    low, high = min(values), max(values)
    rubric = [
        (len(seeds) >= 5, "five seeds or more, the same for both errors"),
        (len(values) >= 3, "three settings or more of the one thing that is varied"),
        (low == 0 or high >= 10 * low, "a wide range: the largest setting at least ten times the "
         "smallest, or a control at zero"),
        (len(set(rule.values())) > 1, "two settings at which the answers differ"),
        (conclusion == rule, "conclusions that follow from your numbers by the rule (four of five "
         "seeds)"),
    ]  # fmt: skip
    hint = ""
    if differ := [v for v in values if conclusion[v] != rule[v]]:
        value = differ[0]
        pairs = zip(times["start"][value], times["model"][value], strict=True)
        shorter = sum(a < b for a, b in pairs)
        hint = (
            f" At {varied} = {value:g} the forecasts from noisy starts are the shorter ones for "
            f"{shorter} of {len(seeds)} seeds, and you conclude {conclusion[value]!r}."
        )
    score(rubric, hint=hint)
    came_true = sum(prediction[v] == rule[v] for v in values)
    return (
        f"All {len(rubric)} points of the rubric, and every number measured again. {came_true} of "
        f"your {len(values)} predictions came true. The larger error decides: on one side of the "
        "crossing only a better start helps, on the other only a better model."
    )


def _settings(value: Any, varied: str) -> list[float]:
    found = study_of.settings(value, varied, RANGES[varied])
    expect(len(found) <= 8, "Eight settings are enough; the check measures all of them again.")
    if varied == "rows":
        expect(all(v == int(v) for v in found), "Numbers of rows are whole numbers.")
        return [int(v) for v in found]
    return found


def _compare(
    got: list[float],
    right: Mapping[str, Mapping[float, Sequence[float]]],
    error: str,
    value: float,
    varied: str,
) -> None:
    """Expect what was measured here, nearly: chaos tells machines apart that round differently."""

    def agrees(given: Sequence[float], wanted: Sequence[float]) -> bool:
        return all(abs(a - b) <= 0.006 + 0.1 * abs(b) for a, b in zip(given, wanted, strict=True))

    wanted = right[error][value]
    if agrees(got, wanted):
        return
    other = ERRORS[1 - ERRORS.index(error)]
    where = f'At {varied} = {value:g} the times of "{error}"'
    expect(not agrees(got, right[other][value]), f'{where} are those of "{other}".')
    cures: list[tuple[Callable[[float], float], str]] = [
        (lambda t: t * _UNIT, "in units of 0.08 s: give seconds, as they come"),
        (lambda t: t / 1000, "in milliseconds: give seconds"),
        (lambda t: SPAN - t, "what is left of the 4 s: give how long the forecasts hold"),
        (lambda t: -t, "the right ones with the wrong sign"),
    ]
    study_of.refuse(
        got, right[error], value, where, agrees=agrees, cures=cures, off=lambda a, b: abs(a - b)
    )
