"""The checks of "Swing-up": right answers pass, wrong ones get their message."""

import math

import duel_tools
import numpy as np
import pytest
import torch
from check_tools import Case, ChapterChecks
from scipy.optimize import brentq

from hnn_tutorial.check import swing_up as check
from hnn_tutorial.control import (
    Machine,
    energy_swing_up,
    input_for,
    linearise,
    lqr,
    regulator,
    simulate,
    switch,
    within,
)
from hnn_tutorial.systems import CartPole

# 1


def power(x, a, mass, length):
    q, v = x.unbind(-1)
    return -mass * length * a * torch.sin(q) * v


def from_the_motion(x, a, mass, length):
    q, v = x[..., 0], x[..., 1]
    turning = -(9.81 + a) / length * q.sin()
    return mass * length**2 * v * turning + mass * 9.81 * length * q.sin() * v


def by_the_height(x, a, mass, length):
    height, rate = torch.func.jvp(lambda q: -length * torch.cos(q), (x[..., 0],), (x[..., 1],))
    return -mass * a * rate + 0 * height


def by_numpy(x, a, mass, length):
    x, a = np.asarray(x), np.asarray(a)
    return -mass * length * a * np.sin(x[..., 0]) * x[..., 1]


def without(*, torque=lambda q: q.sin(), v=lambda v: v, m=1, l=1):  # noqa: E741
    """Something else in place of the parts of the power."""
    return lambda x, a, mass, length: -(mass**m) * length**l * a * torque(x[..., 0]) * v(x[..., 1])


POWER = Case(
    check.power,
    power,
    {
        "from the motion": from_the_motion,
        "by the height": by_the_height,
        "by numpy": by_numpy,
        "last axis": lambda x, a, m, l: -m * l * a * x.select(-1, 0).sin() * x.select(-1, 1),  # noqa: E741
    },
    {
        "sideways": (without(torque=lambda q: q.cos()), "moves sideways"),
        "torque": (without(v=torch.ones_like), "This is the torque"),
        "no length": (without(l=0), "The length is missing"),
        "length squared": (without(l=2), "The length is squared"),
        "with gravity": (lambda x, a, m, l: power(x, 9.81 + a, m, l), "Gravity is in it"),  # noqa: E741
        "no mass": (without(m=0), "times the right one"),
        "mass squared": (without(m=2), "times the right one"),
        "sign": (lambda *a: -power(*a), "sign is reversed"),
        "twice": (lambda *a: 2 * power(*a), "times the right one"),
        "small angles": (without(torque=lambda q: q), "This is not the rate"),
        "velocity squared": (without(v=torch.square), "This is not the rate"),
        "speed": (without(v=torch.abs), "This is not the rate"),
        "summed": (lambda *a: power(*a).sum(), "shape"),
        "with an axis": (lambda *a: power(*a)[..., None], "shape"),
        "first index": (lambda x, a, m, l: -m * l * a * x[0].sin() * x[1], ""),  # noqa: E741
        "matrix": (lambda x, a, m, l: x @ a, "raised"),  # noqa: E741
        "math": (lambda x, a, m, l: -m * l * a * math.sin(x[..., 0]), "raised"),  # noqa: E741
    },
)

# 2


def pushes(torque):
    angles = torch.linspace(0, math.pi, 20_001, dtype=torch.float64)
    turned = 0.0
    for count in range(1, 100):
        work = torque * (turned + angles)
        left = work - (math.cos(turned) - angles.cos())
        stopped = angles[(left < 0) & (angles > turned)]
        if len(stopped) == 0:
            return count
        turned = float(stopped[0])


def by_roots(torque):
    turned, count = 0.0, 1
    while True:

        def left(q, turned=turned):
            return torque * (turned + q) - math.cos(turned) + math.cos(q)

        grid = np.linspace(turned, math.pi, 2001)[1:]
        below = np.nonzero([left(q) < 0 for q in grid])[0]
        if len(below) == 0:
            return count
        k = below[0]
        turned = brentq(left, grid[k - 1] if k else turned, grid[k])
        count += 1


def by_motion(torque):
    """With steps along the motion, in place of energies."""
    q, v, count, h, side = 0.0, 1e-9, 1, 4e-3, 1
    while abs(q) < math.pi:
        v += h * (torque * side - math.sin(q))
        q += h * v
        if v * side < 0:
            side, count = -side, count + 1
    return count


def with_numpy(torque):
    angles, turned = np.linspace(0, math.pi, 50_001), 0.0
    for count in range(1, 100):
        left = torque * (turned + angles) - np.cos(turned) + np.cos(angles)
        stopped = angles[(left < 0) & (angles > turned)]
        if not stopped.size:
            return np.int64(count)
        turned = stopped[0]
    raise RuntimeError("too many")


def climbing(work, start=1):
    """The staircase with another work of the motor."""

    def count_of(torque):
        angles = torch.linspace(0, math.pi, 20_001, dtype=torch.float64)
        turned, count = 0.0, start
        for _ in range(60):
            left = work(torque, turned, angles) - (math.cos(turned) - angles.cos())
            stopped = angles[(left < 0) & (angles > turned)]
            if len(stopped) == 0:
                return count
            turned, count = float(stopped[0]), count + 1
        return count

    return count_of


def usual(torque, turned, angles):
    return torque * (turned + angles)


PUSHES = Case(
    check.pushes,
    pushes,
    {"by roots": by_roots, "by motion": by_motion, "numpy": with_numpy, "own": check.count_pushes},
    {
        "one too few": (climbing(usual, start=0), "The last one, which goes over".lower()),
        "average": (lambda u: max(1, math.ceil(2 / (math.pi * u))), "the work of the whole way"),
        "not from the other side": (
            climbing(lambda u, turned, angles: u * angles),
            "The numbers of pushes differ",
        ),
        "from the turning point": (
            climbing(lambda u, turned, angles: u * (angles - turned)),
            "The numbers of pushes differ",
        ),
        "twice the work": (
            climbing(lambda u, turned, angles: 2 * u * (turned + angles)),
            "The numbers of pushes differ",
        ),
        "one too many": (climbing(usual, start=2), "The numbers of pushes differ"),
        "static": (lambda u: math.ceil(1 / u), "The numbers of pushes differ"),
        "rounded down": (lambda u: int(1 / u), "The numbers of pushes differ"),
        "always two": (lambda u: 2, "The numbers of pushes differ"),
        "a fraction": (lambda u: 1 / u, "The numbers of pushes differ"),
        "angle": (lambda u: math.asin(u), "The numbers of pushes differ"),
        "a list": (lambda u: [1, 2], "shape"),
        "batch": (lambda u: u.shape, "raised"),
        "index": (lambda u: [3, 2, 1][int(10 * u)], "raised"),
        "unknown": (lambda u: mass * u, "raised"),  # noqa: F821
    },
    spared={"q and p swapped": "there is one number, and nothing to swap"},
    equivalent={
        "angles = torch.linspace(0, math.pi, 20002": "another table of angles",
        "angles = torch.linspace(0, math.pi, 40002": "another table of angles",
        "for count in range(1, 101)": "the bound is never reached",
        "for count in range(1, 200)": "the bound is never reached",
        "turned = stopped[0]": "a tensor of one number is as good",
        "turned = float(stopped[1])": "the next angle of a fine table",
    },
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}

ENDS = Case(
    check.ends,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "the constant": (
            WORDS | {"all energies 5 J too large": "turns over"},
            "Which energies does the law compare",
        ),
        "low": (WORDS | {"top 30 % too low": "stands"}, "At which energy does the law stop"),
        "high": (WORDS | {"top twice too high": "stands"}, "more energy than the top"),
        "sign": (
            WORDS | {"coupling of the wrong sign": "stands"},
            "along the motion, or against it",
        ),
        "size": (WORDS | {"coupling twice as large": "turns over"}, "It multiplies the gain"),
        "rest": (WORDS | {"start hanging at rest": "stands"}, "at velocity zero"),
        "friction": (
            WORDS | {"joint friction 0.03, goal at the top": "stands"},
            "What does the friction take",
        ),
        "all the same": (dict.fromkeys(WORDS, "stands"), "2 of 7 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.ENDS,
)

# 4


def force_for(A, free, wanted):
    return (wanted - free[..., 1]) / torch.linalg.inv(A)[..., 1, 0]


def by_solving(A, free, wanted):
    unit = torch.zeros_like(free)
    unit[..., 0] = 1
    change = torch.linalg.solve(A, unit)
    return (wanted - free[..., 1]) / change[..., 1]


def by_determinant(A, free, wanted):
    det = A[..., 0, 0] * A[..., 1, 1] - A[..., 0, 1] * A[..., 1, 0]
    return -(wanted - free[..., 1]) * det / A[..., 1, 0]


def from_the_lower_row(A, free, wanted):
    """The pole's equation first gives the acceleration of the cart, the cart's the force."""
    more = wanted - free[..., 1]
    cart = -A[..., 1, 1] * more / A[..., 1, 0]
    return A[..., 0, 0] * cart + A[..., 0, 1] * more


def inverse(A, i, j):
    return torch.linalg.inv(A)[..., i, j]


FORCE = Case(
    check.force_for,
    force_for,
    {
        "by solving": by_solving,
        "by determinant": by_determinant,
        "from the lower row": from_the_lower_row,
        "symmetric": lambda A, f, w: (w - f[..., 1]) / inverse(A, 0, 1),
    },
    {
        "the cart": (
            lambda A, f, w: (w - f[..., 0]) / inverse(A, 0, 0),
            "gives the *cart* the wanted acceleration",
        ),
        "free forgotten": (lambda A, f, w: w / inverse(A, 1, 0), "take `free` off first"),
        "times A": (lambda A, f, w: (w - f[..., 1]) * A[..., 1, 0], "multiplies by the entry"),
        "over A": (lambda A, f, w: (w - f[..., 1]) / A[..., 1, 0], "divides by the entry of A"),
        "own motor": (
            lambda A, f, w: (w - f[..., 1]) / inverse(A, 1, 1),
            "the torque of a motor on the pole",
        ),
        "free added": (
            lambda A, f, w: (w + f[..., 1]) / inverse(A, 1, 0),
            "free acceleration has the wrong sign",
        ),
        "sign": (lambda *a: -force_for(*a), "sign is reversed"),
        "twice": (lambda *a: 2 * force_for(*a), "times the right one"),
        "times the inverse": (
            lambda A, f, w: (w - f[..., 1]) * inverse(A, 1, 0),
            "The pole does not get",
        ),
        "cart's free": (
            lambda A, f, w: (w - f[..., 0]) / inverse(A, 1, 0),
            "The pole does not get",
        ),
        "both": (lambda A, f, w: (w[..., None] - f) / inverse(A, 1, 0)[..., None], "shape"),
        "one number": (lambda *a: force_for(*a).mean(), "shape"),
        "with an axis": (lambda *a: force_for(*a)[..., None], "shape"),
        "matrix": (lambda A, f, w: torch.linalg.solve(A, w), "raised"),
        "first index": (lambda A, f, w: (w - f[1]) / torch.linalg.inv(A)[1, 0], ""),
        "item": (lambda A, f, w: (w - f[..., 1]).item() / 2, "raised"),
    },
)

# 5

VALUES, SEEDS = [0.0, 0.01, 0.05], list(range(5))
TOP, ABOVE = check.RIVALS


def experiment(values=VALUES, seeds=SEEDS, varied="friction", prediction="above"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()


def with_row(goal, value, row):
    return duel_tools.with_row(STUDY, goal, value, row)


AIM = Case(
    check.aim,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "the gain": experiment([6, 13, 60], varied="gain"),
        "one pole more": with_row(ABOVE, 0.01, [v + 1 for v in STUDY[ABOVE][0.01]]),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
        "arrays": duel_tools.arrays(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.05), "three settings or more"),
        "narrow": (experiment([0.009, 0.01, 0.011]), "a wide range"),
        "all the same answer": (experiment([0.0, 0.045, 0.05]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "above")},
            "At friction = 0 the higher goal has more poles up for",
        ),
        "goals exchanged": (STUDY | {TOP: STUDY[ABOVE], ABOVE: STUDY[TOP]}, "are those of the"),
        "settings exchanged": (with_row(ABOVE, 0.05, STUDY[ABOVE][0.0]), "are those of 0"),
        "too few numbers": (with_row(TOP, 0.01, STUDY[TOP][0.01][:4]), "4 numbers for 5 seeds"),
        "invented": (with_row(TOP, 0.0, [4, 8, 5, 3, 7]), "are not what `check.measure` gives"),
        "shares": (
            with_row(ABOVE, 0.01, [v / 16 for v in STUDY[ABOVE][0.01]]),
            "shares of 16 in place of numbers",
        ),
        "fallen": (
            with_row(ABOVE, 0.05, [16 - v for v in STUDY[ABOVE][0.05]]),
            "the poles that do not stand",
        ),
        "no list": (with_row(TOP, 0.01, 3), "one number for each seed"),
        "too much": (STUDY | {"values": [0.0, 0.01, 0.2]}, "is outside 0 to 0.05"),
        "another thing": (STUDY | {"varied": "limit"}, "choose one of: 'friction', 'gain'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.01: "higher"}},
            "choose one of: 'at the top'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.0: "above"}}, "has no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (POWER, PUSHES, ENDS, FORCE, AIM)
    demanding = True


UP = torch.tensor([0.0, math.pi, 0.0, 0.0], dtype=torch.float64)


def followed(shift=0.0, height=1.0, coupling=1.0, angle=0.4, friction=0.0, above=0.03):
    """How a swing-up with one fault ends, in a word of exercise 3."""
    known = Machine(CartPole())
    true = Machine(CartPole(), damping=[0.0, friction])
    J, b = linearise(known.field, UP, torch.zeros(1, dtype=torch.float64))
    catch = regulator(lqr(J, b, [1.0, 10, 1, 1], [1.0]), UP, angles=(1,))
    goal = height * known.energy(UP) + shift + above

    def far(x):
        pole = x * torch.tensor([0.0, 1.0, 0.0, 1.0])
        excess = known.energy(pole) + shift - goal
        wanted = 13 * excess * coupling * known.mass_matrix(x)[..., 0, 1] * x[..., 3]
        wanted = (wanted - 0.2 * (x[..., 0] + x[..., 2])).clamp(-0.8, 0.8)
        return input_for(known.field, x, wanted.unsqueeze(-1), (0,))

    near = within(UP, (math.inf, 0.5, math.inf, 1.0), angles=(1,))
    times = torch.linspace(0, 40, 401, dtype=torch.float64)
    start = torch.tensor([0.0, angle, 0.0, 0.0], dtype=torch.float64)
    run = simulate(true.field, switch(near, catch, far), start, times, limit=1.0)
    stands = within(UP, (0.5, 0.1, 0.3, 0.3), angles=(1,))
    if run.since(stands, hold=3).isfinite():
        return "stands"
    late = run.states[250:, 1]
    if late.amax() - late.amin() > 2 * math.pi:
        return "turns over"
    return "hangs" if late.abs().max() < 0.1 else "stops below the top"


@pytest.mark.parametrize(
    "case, fault",
    [
        ("all energies 5 J too large", {"shift": 5.0}),
        ("top 30 % too low", {"height": 0.7}),
        ("top twice too high", {"height": 2.0}),
        ("coupling of the wrong sign", {"coupling": -1.0}),
        ("coupling twice as large", {"coupling": 2.0}),
        ("start hanging at rest", {"angle": 0.0}),
        ("joint friction 0.03, goal at the top", {"friction": 0.03, "above": 0.0}),
    ],
)
def test_what_exercise_3_says_is_what_happens(case, fault):
    assert followed(**fault) == WORDS[case]


def test_the_instrument_is_the_package_s_machine_and_law():
    """Its formulas against Machine, linearise and energy_swing_up, at the same start."""
    J, b = linearise(Machine(CartPole()).field, UP, torch.zeros(1, dtype=torch.float64))
    gain = lqr(J, b, [1.0, 10, 1, 1], [1.0])
    torch.testing.assert_close(check._regulator(), gain[0], rtol=1e-9, atol=1e-9)
    plant = Machine(CartPole(), damping=[0.0, 0.01])
    law = energy_swing_up(
        Machine(CartPole()), UP, gain=13.0, centre=(0.2, 0.2), most=0.8, above=0.03
    )
    near = within(UP, (math.inf, 0.5, math.inf, 1.0), angles=(1,))
    control = switch(near, regulator(gain, UP, angles=(1,)), law)
    start = torch.zeros(16, 4, dtype=torch.float64)
    generator = torch.Generator().manual_seed(3)
    start[:, 1] = 3 * torch.rand(16, generator=generator, dtype=torch.float64) - 1.5
    times = torch.linspace(0, 25, 251, dtype=torch.float64)
    run = simulate(plant.field, control, start, times, limit=1.0)
    stands = within(UP, (0.7, 0.15, 0.3, 0.3), angles=(1,))
    number = run.since(stands, hold=2).isfinite().sum()
    assert abs(check.measure(ABOVE, friction=0.01, seed=3) - number) <= 1


def test_the_instrument_refuses_an_unknown_goal():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("higher")
