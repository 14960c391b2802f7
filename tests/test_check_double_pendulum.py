"""The checks of the double pendulum: right answers pass, wrong ones get their message."""

import torch
from check_tools import Case, ChapterChecks, autograd, pack

from hnn_tutorial.check import double_pendulum as check
from hnn_tutorial.integrators import integrate
from hnn_tutorial.systems import DoublePendulum

# 1

SYSTEM = DoublePendulum(gravity=1.0)


def momenta(x):
    q1, q2, v1, v2 = x.unbind(dim=-1)
    c = (q1 - q2).cos()
    return pack(q1, q2, 2 * v1 + c * v2, v2 + c * v1)


def changed(p1, p2):
    def answer(x):
        q1, q2, v1, v2 = x.unbind(dim=-1)
        return pack(q1, q2, p1(v1, v2, q1, q2), p2(v1, v2, q1, q2))

    return answer


def by_autograd(x):
    slope = autograd(SYSTEM.lagrangian, x, create_graph=False)
    return torch.cat([x[..., :2], slope[..., 2:]], dim=-1)


MOMENTA = Case(
    check.momenta,
    momenta,
    {"package": SYSTEM.momenta, "autograd": by_autograd},
    {
        "velocities": (lambda x: x + 0, "These are the velocities"),
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
            "the *other* velocity",
        ),
        "exchanged": (lambda x: momenta(x)[..., [0, 1, 3, 2]], "exchanged"),
        "minus": (
            lambda x: torch.cat([x[..., :2], -momenta(x)[..., 2:]], dim=-1),
            "The sign of the momenta",
        ),
    },
)

# 2


def exponent(field, x, neighbour, rounds, gap):
    distance, total = (neighbour - x).norm(), 0.0
    for _ in range(rounds):
        x, neighbour = integrate(field, torch.stack([x, neighbour]), [0, gap], step=0.05)[-1]
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
        "motion stands": (motion_stands, "Do both"),
    },
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

LASTING = Case(
    check.lasting,
    TIMES,
    {
        "tensors": {e: torch.tensor(v) for e, v in TIMES.items()},
        "one step early": {e: v - 0.1 for e, v in TIMES.items()},
    },
    {
        "steps": ({e: v * 10 for e, v in TIMES.items()}, "80 s, or more"),
        "tenths": ({e: v / 10 for e, v in TIMES.items()}, "a factor ten off"),
        "with itself": (dict.fromkeys(check.ERRORS, 80.0), "compared with itself"),
        "other order": (
            dict(zip(check.ERRORS, reversed(TIMES.values()), strict=True)),
            "A better start",
        ),
        "tight": (measured(0.05), "For an error of"),
    },
    blank=dict.fromkeys(check.ERRORS, ...),
)

# 4

OTHERS = Case(
    check.others,
    (44 * 7.4 - 229) / 43,
    {"rounded": 2.25, "tensor": torch.tensor(2.2465)},
    {
        "share": (0.022465, "a number of per cent"),
        "by 44": (2.195, "43 starts left"),
        "not undone": (7.4 - 229 / 43, "44 times their mean"),
        "taken from the mean": (-221.6, "undo the division"),
        "still in": (7.4 * 44 / 43, "still in the sum"),
        "untouched": (7.4, "with the largest error in it"),
        "median": (1.0, "the median"),
        "something": (3.0, "fixes their sum"),
    },
    blank=...,
)

# 5

SCORES = {case: score for case, (score, _) in check.CASES.items()}

THINK = Case(
    check.scores,
    SCORES,
    {"other order": dict(reversed(SCORES.items())), "copy": dict(SCORES)},
    {
        "energy as forecast": (SCORES | {"forecast": "energy error"}, "Which score is a time"),
        "forecast after all": (
            SCORES | {"possible": "valid prediction time"},
            "After a hundred Lyapunov times",
        ),
        "model in the truth": (SCORES | {"truth alone": "field error"}, "Which does not"),
    },
    blank=dict.fromkeys(SCORES, ...),
)


class TestChecks(ChapterChecks):
    """The tests that every chapter's checks get."""

    chapter = check.chapter
    cases = (MOMENTA, EXPONENT, LASTING, OTHERS, THINK)
