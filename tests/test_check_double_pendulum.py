"""The checks of the double pendulum: right answers pass, wrong ones get their message."""

import numpy as np
import torch
from check_tools import Case, ChapterChecks, autograd, pack

from hnn_tutorial.check import double_pendulum as check
from hnn_tutorial.evaluation import lyapunov_exponent, valid_prediction_time
from hnn_tutorial.integrators import integrate
from hnn_tutorial.systems import DoublePendulum

# 1


def momenta(x, m, length):
    q1, q2, v1, v2 = x.unbind(dim=-1)
    c = (q1 - q2).cos()
    return pack(q1, q2, m * length**2 * (2 * v1 + c * v2), m * length**2 * (v2 + c * v1))


def changed(p1, p2):
    def answer(x, m, length):
        q1, q2, v1, v2 = x.unbind(dim=-1)
        size = m * length**2
        return pack(q1, q2, size * p1(v1, v2, q1, q2), size * p2(v1, v2, q1, q2))

    return answer


def system(m, length):
    return DoublePendulum(m, m, length, length, 3.3)


def by_autograd(x, m, length):
    slope = autograd(system(m, length).lagrangian, x, create_graph=False)
    return torch.cat([x[..., :2], slope[..., 2:]], dim=-1)


MOMENTA = Case(
    check.momenta,
    momenta,
    {"package": lambda x, m, length: system(m, length).momenta(x), "autograd": by_autograd},
    {
        "velocities": (lambda x, m, length: x + 0, "These are the velocities"),
        "scaled velocities": (
            changed(lambda v1, v2, *_: v1, lambda v1, v2, *_: v2),
            "These are the velocities, times m l²",
        ),
        "no mixing": (
            changed(lambda v1, v2, *_: 2 * v1, lambda v1, v2, *_: v2),
            "The mixed term is missing",
        ),
        "one bob": (
            changed(
                lambda v1, v2, q1, q2: v1 + v2 * (q1 - q2).cos(),
                lambda v1, v2, q1, q2: v2 + v1 * (q1 - q2).cos(),
            ),
            "carries both bobs",
        ),
        "half mixed": (
            changed(lambda v1, v2, q1, q2: 2 * v1 + v2 * (q1 - q2).cos(), lambda v1, v2, *_: v2),
            "p₂ lacks the mixed term",
        ),
        "sum of angles": (
            changed(
                lambda v1, v2, q1, q2: 2 * v1 + v2 * (q1 + q2).cos(),
                lambda v1, v2, q1, q2: v2 + v1 * (q1 + q2).cos(),
            ),
            "only the difference",
        ),
        "own velocity": (
            changed(
                lambda v1, v2, q1, q2: 2 * v1 + v1 * (q1 - q2).cos(),
                lambda v1, v2, q1, q2: v2 + v2 * (q1 - q2).cos(),
            ),
            "the other velocity",
        ),
        "exchanged": (lambda *a: momenta(*a)[..., [0, 1, 3, 2]], "exchanged"),
        "minus": (
            lambda *a: torch.cat([a[0][..., :2], -momenta(*a)[..., 2:]], dim=-1),
            "The sign of the momenta",
        ),
        "no mass": (lambda x, m, length: momenta(x, 1.0, length), "mass"),
        "length once": (lambda x, m, length: momenta(x, m, length**0.5), "length"),
        "one batch axis": (
            lambda x, m, length: momenta(x if x.ndim < 3 else x.flip(0), m, length),
            "(5, 3, 4)",
        ),
        "sine": (
            changed(
                lambda v1, v2, q1, q2: 2 * v1 + v2 * (q1 - q2).sin(),
                lambda v1, v2, q1, q2: v2 + v1 * (q1 - q2).sin(),
            ),
            "with p = ∂L/∂q̇. At x =",
        ),
    },
)

# 2


SYSTEM = DoublePendulum(gravity=1.0)


def exponent(field, x, neighbour, rounds, gap):
    distance, total = (neighbour - x).norm(), 0.0
    for _ in range(rounds):
        x, neighbour = integrate(field, torch.stack([x, neighbour]), [0, gap], "rk4", step=0.05)[-1]
        reached = (neighbour - x).norm()
        total = total + (reached / distance).log()
        neighbour = x + (neighbour - x) * distance / reached
    return total / (rounds * gap)


def apart(field, x, neighbour, rounds, gap):
    distance, growth = (neighbour - x).norm(), []
    for _ in range(rounds):
        x = integrate(field, x, [0, gap], "dop853")[-1]
        neighbour = integrate(field, neighbour, [0, gap], "dop853")[-1]
        growth.append((neighbour - x).norm())
        neighbour = x + distance * (neighbour - x) / growth[-1]
    return (torch.stack(growth) / distance).log().mean() / gap


def never_back(field, x, neighbour, rounds, gap):
    ends = integrate(field, torch.stack([x, neighbour]), [0, rounds * gap], step=0.05)[-1]
    return ((ends[1] - ends[0]).norm() / (neighbour - x).norm()).log() / (rounds * gap)


def motion_stands(field, x, neighbour, rounds, gap):
    distance, total = (neighbour - x).norm(), 0.0
    for _ in range(rounds):
        neighbour = integrate(field, neighbour, [0, gap], step=0.05)[-1]
        reached = (neighbour - x).norm()
        total = total + (reached / distance).log()
        neighbour = x + (neighbour - x) * distance / reached
    return total / (rounds * gap)


def slipped(**slip):
    return lambda f, x, y, n, gap: check._follow(f, x, y, n, gap, **slip)


def coarse(field, x, neighbour, rounds, gap):
    distance, total = (neighbour - x).norm(), 0.0
    for _ in range(rounds):
        x, neighbour = integrate(field, torch.stack([x, neighbour]), [0, gap], "euler", step=0.05)[
            -1
        ]
        total = total + ((neighbour - x).norm() / distance).log()
        neighbour = x + (neighbour - x) * distance / (neighbour - x).norm()
    return total / (rounds * gap)


EXPONENT = Case(
    check.exponent,
    exponent,
    {"one by one": apart, "finer": lambda f, x, y, n, gap: exponent(f, x, y, 2 * n, gap / 2)},
    {
        "never back": (never_back, "bring the neighbour back"),
        "per round": (lambda *a: exponent(*a) * a[-1], "divide by the gap too"),
        "sum": (lambda *a: exponent(*a) * a[-1] * a[-2], "This is the sum"),
        "gap alone": (lambda *a: exponent(*a) * a[-2], "the mean over the rounds too"),
        "log10": (lambda *a: exponent(*a) / 2.302585, "powers of ten"),
        "log2": (lambda *a: exponent(*a) / 0.693147, "powers of two"),
        "wrong sign": (lambda *a: -exponent(*a), "The sign is wrong"),
        "motion stands": (motion_stands, "the motion itself never moves on"),
        "put back at the first state": (slipped(along=False), "near the first state of the motion"),
        "first direction": (slipped(turned=False), "yours is"),
        "coarse": (coarse, "yours is"),
        "half": (lambda *a: exponent(*a) / 2, "yours is"),
    },
    equivalent={
        "neighbour = x - (neighbour - x)": "on the other side of the motion errors grow alike",
        "step=0.1)": "a step of 0.1 s is fine enough",
        "[0, gap], step=0.05)[-1]": "RK4 is what `integrate` takes by itself",
    },
    spared={"float32": "differences of 1e-6 have no digits left"},
)

# 3


def measured(threshold=0.4):
    found = {}
    for error in check.ERRORS:
        times, true, predicted = check.forecasts(error)
        scale = true.square().sum(-1).mean().sqrt()
        beyond = (predicted - true).norm(dim=-1) > threshold * scale
        found[error] = times[beyond.int().argmax()].item()
    return found


TIMES = measured()


def slip(**change):
    return {error: check._until(error, **change) for error in check.ERRORS}


LASTING = Case(
    check.lasting,
    TIMES,
    {
        "tensors": {e: torch.tensor(v) for e, v in TIMES.items()},
        "one step early": {e: v - 0.1 for e, v in TIMES.items()},
        "rounded": {e: round(v * 2) / 2 for e, v in TIMES.items()},
    },
    {
        "steps": ({e: v * 10 for e, v in TIMES.items()}, "a factor ten off"),
        "tenths": ({e: v / 10 for e, v in TIMES.items()}, "a factor ten off"),
        "with itself": (dict.fromkeys(check.ERRORS, 80.0), "compared with itself"),
        "other order": (
            dict(zip(check.ERRORS, reversed(TIMES.values()), strict=True)),
            "A better start",
        ),
        "tight": (measured(0.05), "For an error of"),
        "not scaled": (slip(scaled=False), "These are the times for a threshold of 0.4 itself"),
        "squared": (slip(squared=True), "the squared distance"),
        "second rod": (slip(rods=(1, 3)), "the second rod alone"),
        "last time": (slip(last=True), "the last time at which the two are near"),
        "one off": (TIMES | {1e-4: TIMES[1e-4] + 2}, "For an error of 0.0001 rad"),
    },
    blank=dict.fromkeys(check.ERRORS, ...),
)

# 4


def bounds(errors, planned):
    missing = planned - len(errors)
    low = torch.cat([errors, errors.new_zeros(missing)]).median()
    high = torch.cat([errors, errors.new_full((missing,), torch.inf)]).median()
    return torch.stack([low, high])


def by_ranks(errors, planned):
    ranked = errors.sort().values.tolist()
    missing, middle = planned - len(ranked), planned // 2
    low = ranked[middle - missing] if middle >= missing else 0.0
    return [low, ranked[middle] if middle < len(ranked) else float("inf")]


def by_numpy(errors, planned):
    missing = planned - len(errors)
    return np.array(
        [np.median(np.append(errors.numpy(), np.full(missing, value))) for value in (0.0, np.inf)]
    )


BOUNDS = Case(
    check.bounds,
    bounds,
    {"by ranks": by_ranks, "NumPy": by_numpy, "tuple": lambda *a: tuple(bounds(*a).tolist())},
    {
        "known alone": (lambda e, n: e.median().expand(2), "The missing starts are left out"),
        "exchanged": (lambda *a: bounds(*a).flip(0), "The two are exchanged"),
        "never small": (lambda e, n: pack(e.median(), bounds(e, n)[1]), "may also be small"),
        "never large": (lambda e, n: pack(bounds(e, n)[0], e.median()), "may also be large"),
        "low twice": (lambda *a: bounds(*a)[0].expand(2), "Twice the same"),
        "high twice": (lambda *a: bounds(*a)[1].expand(2), "Twice the same"),
        "range": (
            lambda e, n: bounds(e, n) if n == len(e) else pack(e.min(), e.max()),
            "the smallest and the largest error",
        ),
        "means": (
            lambda e, n: (
                bounds(e, n)
                if n == len(e)
                else pack(e.sum() / n, torch.cat([e, e.max().expand(n - len(e))]).mean())
            ),
            "These are means",
        ),
        "mean of the known": (lambda e, n: e.mean().expand(2), "This is the mean"),
        "unsorted": (
            lambda e, n: (
                bounds(e, n)
                if n == len(e)
                else pack(e[n // 2 - n + len(e)], e[n // 2 if n // 2 < len(e) else -1])
            ),
            "Are the errors sorted",
        ),
        "largest known": (
            lambda e, n: pack(bounds(e, n)[0], torch.cat([e, e.max().expand(n - len(e))]).median()),
            "fewer than half",
        ),
        "smallest known": (
            lambda e, n: pack(torch.cat([e, e.min().expand(n - len(e))]).median(), bounds(e, n)[1]),
            "fewer than half",
        ),
        "one number": (lambda e, n: bounds(e, n)[0], "shape"),
    },
    spared={
        "q and p swapped": "a row of errors is no state",
    },
    equivalent={
        "torch.cat([errors.new_zeros(missing), errors])": "a median knows no order",
        "torch.cat([errors.new_full((missing,), torch.inf), errors])": "a median knows no order",
    },
)

# 5

SCORES = {case: score for case, (score, _) in check.CASES.items()}

THINK = Case(
    check.scores,
    SCORES,
    {"other order": dict(reversed(SCORES.items())), "copy": dict(SCORES)},
    {
        "energy as forecast": (SCORES | {"display": "energy error"}, "Which score is a time"),
        "forecast after all": (
            SCORES | {"possible": "valid prediction time"},
            "After a hundred Lyapunov times",
        ),
        "model in the truth": (SCORES | {"by hand": "field error"}, "needs no model"),
        "each once": (
            dict(zip(SCORES, (*check.SCORES, *check.SCORES[:3]), strict=True)),
            "are right",
        ),
    },
    blank=dict.fromkeys(SCORES, ...),
    words=check.SCORES,
)

# 6


def designed(start, errors=(1e-2, 1e-4, 1e-6, 1e-8), conclusion=None):
    """A study as a learner would measure it: by the package's functions."""
    x = torch.tensor([*start, 0.0, 0.0], dtype=torch.float64)
    prediction = 2.302585 / float(lyapunov_exponent(SYSTEM.field, x, 300))
    times = []
    for error in errors:
        clock, true, predicted = check.forecasts(error, tuple(start))
        times.append(float(valid_prediction_time(predicted, true, clock)))
    digits = -torch.tensor(errors, dtype=torch.float64).log10()
    line = torch.stack([digits, torch.ones_like(digits)], dim=-1)
    slope = torch.linalg.lstsq(line, torch.tensor(times, dtype=torch.float64)[:, None]).solution[0]
    holds = abs(float(slope) / prediction - 1) < 0.25
    word = check.LAW[0 if holds else 1] if conclusion is None else check.LAW[conclusion]
    return {
        "start": list(start),
        "prediction": prediction,
        "errors": list(errors),
        "times": times,
        "conclusion": word,
    }


STUDY = designed((2.4, 1.7))
OPPOSITE = check.LAW[1 - check.LAW.index(STUDY["conclusion"])]

DIGITS = Case(
    check.digits,
    STUDY,
    {
        "another start": designed((1.7, 2.5)),
        "more errors": designed((2.4, 1.7), (3e-2, 1e-3, 1e-5, 1e-7, 1e-9)),
        "another word": STUDY | {"conclusion": STUDY["conclusion"].upper()},
    },
    {
        "not chaotic": (designed((0.3, 0.2)), "it lacks a chaotic motion"),
        "that of exercise 3": (designed((2.0, 2.0)), "another motion than that of exercise 3"),
        "two errors": (designed((2.4, 1.7), (1e-2, 1e-8)), "four errors of the start or more"),
        "near errors": (
            designed((2.4, 1.7), (1e-2, 2e-3, 1e-3, 1e-4)),
            "over five digits or more",
        ),
        "no law": (STUDY | {"prediction": 25.0}, "a prediction by the law"),
        "Lyapunov time": (STUDY | {"prediction": STUDY["prediction"] / 2.302585}, "by the law"),
        "conclusion": (STUDY | {"conclusion": OPPOSITE}, "your own numbers support"),
        "no word": (STUDY | {"conclusion": "perhaps"}, "choose one of"),
        "one time off": (
            STUDY | {"times": [*STUDY["times"][:-1], STUDY["times"][-1] + 5]},
            "For the error 1e-08 rad",
        ),
        "a time too few": (STUDY | {"times": STUDY["times"][1:]}, "3 times for 4 errors"),
        "degrees": (STUDY | {"start": [137.0, 97.0]}, "two angles in rad"),
        "four angles": (STUDY | {"start": [2.4, 1.7, 0.0, 0.0]}, "two angles in rad"),
        "no error": (STUDY | {"errors": [0.0, *STUDY["errors"][1:]]}, "are positive"),
        "errors as digits": (STUDY | {"errors": [2.0, 4.0, 6.0, 8.0]}, "less than 0.3 rad"),
        "not finite": (STUDY | {"times": [*STUDY["times"][:-1], float("inf")]}, "not a finite"),
        "prediction in words": (STUDY | {"prediction": "5 s"}, "should be one number"),
    },
    blank=dict.fromkeys(STUDY, ...),
    words={"conclusion": check.LAW},
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks get."""

    chapter = check.chapter
    cases = (MOMENTA, EXPONENT, LASTING, BOUNDS, THINK, DIGITS)
    demanding = True
