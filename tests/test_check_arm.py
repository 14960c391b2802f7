"""The checks of "The arm": right answers pass, wrong ones get their message."""

import duel_tools
import pytest
import torch
from check_tools import Case, ChapterChecks, pack

from hnn_tutorial.check import arm as check
from hnn_tutorial.mechanics import gradient, jacobian

# 1


def elbow_torque(x, acceleration, a2, a3, g2):
    q1, q2, v1 = x[..., 0], x[..., 1], x[..., 2]
    inertia = (a3 + a2 * torch.cos(q2)) * acceleration[..., 0] + a3 * acceleration[..., 1]
    return inertia + a2 * torch.sin(q2) * v1**2 + g2 * torch.sin(q1 + q2)


def by_autograd(x, acceleration, a2, a3, g2):
    def L(y):
        q1, q2, v1, v2 = y.unbind(-1)
        bend = a2 * q2.cos()
        kinetic = bend * v1**2 + a3 * v2**2 / 2 + (a3 + bend) * v1 * v2
        return kinetic + g2 * (q1 + q2).cos()

    slopes, second = gradient(L)(x), jacobian(gradient(L))(x)
    along = torch.cat([x[..., 2:], acceleration], -1)
    return (second[..., 3, :] * along).sum(-1) - slopes[..., 1]


def elbow(change):
    """The solution with something added: change(x, acceleration, a2, a3, g2)."""
    return lambda *args: elbow_torque(*args) + change(*args)


ELBOW = Case(
    check.elbow_torque,
    elbow_torque,
    {
        "by autograd": by_autograd,
        "unpacked": lambda x, b, a2, a3, g2: (
            a3 * b.sum(-1)
            + a2 * (x[..., 1].cos() * b[..., 0] + x[..., 1].sin() * x[..., 2].square())
            + g2 * x[..., :2].sum(-1).sin()
        ),
        "by a product": lambda x, b, a2, a3, g2: (
            (pack(a3 + a2 * x[..., 1].cos(), a3 + 0 * x[..., 1]) * b).sum(-1)
            + a2 * x[..., 1].sin() * x[..., 2] ** 2
            + g2 * (x[..., 0] + x[..., 1]).sin()
        ),
    },
    {
        "centrifugal reversed": (
            elbow(lambda x, b, a2, *_: -2 * a2 * x[..., 1].sin() * x[..., 2] ** 2),
            "centrifugal term is reversed",
        ),
        "no centrifugal": (
            elbow(lambda x, b, a2, *_: -a2 * x[..., 1].sin() * x[..., 2] ** 2),
            "centrifugal term is missing",
        ),
        "cross term": (
            elbow(lambda x, b, a2, *_: -a2 * x[..., 1].sin() * x[..., 2] * x[..., 3]),
            "do not cancel here",
        ),
        "other cross term": (
            elbow(lambda x, b, a2, *_: a2 * x[..., 1].sin() * x[..., 2] * x[..., 3]),
            "should cancel",
        ),
        "no gravity": (
            elbow(lambda x, b, a2, a3, g2: -g2 * (x[..., 0] + x[..., 1]).sin()),
            "Gravity is missing",
        ),
        "gravity reversed": (
            elbow(lambda x, b, a2, a3, g2: -2 * g2 * (x[..., 0] + x[..., 1]).sin()),
            "sign of gravity",
        ),
        "gravity at the joint's angle": (
            elbow(lambda x, b, a2, a3, g2: g2 * (x[..., 1].sin() - (x[..., 0] + x[..., 1]).sin())),
            "and not q₂",
        ),
        "A₁₂ = a₃": (
            elbow(lambda x, b, a2, *_: -a2 * x[..., 1].cos() * b[..., 0]),
            "A₁₂ is a₃",
        ),
        "no coupling": (
            elbow(lambda x, b, a2, a3, _: -(a3 + a2 * x[..., 1].cos()) * b[..., 0]),
            "shoulder's acceleration is missing",
        ),
        "raises": (lambda x, b, a2, a3: 0 * x[..., 0], "could not be called"),
        "numpy alone": (lambda x, b, *_: x.nothing, "raised"),
    },
)

# 2


def command(tau, x, wanted, stiffness, damping):
    n = x.shape[-1] // 2
    q, velocity, acceleration = wanted
    spring = stiffness * (q - x[..., :n])
    brake = damping * (velocity - x[..., n:])
    return tau(x, acceleration + brake + spring)


def parts(x, wanted, kp, kd):
    q, v, a = wanted
    return kp * (q - x[..., :2]), kd * (v - x[..., 2:]), a


COMMAND = Case(
    check.command,
    command,
    {
        "chunks": lambda tau, x, w, kp, kd: tau(
            x, w[2] + kd * (w[1] - x.chunk(2, -1)[1]) + kp * (w[0] - x.chunk(2, -1)[0])
        ),
        "sum of parts": lambda tau, x, w, kp, kd: tau(x, sum(parts(x, w, kp, kd))),
        "errors first": lambda tau, x, w, kp, kd: tau(
            x, w[2] - kd * (x[..., 2:] - w[1]) - kp * (x[..., :2] - w[0])
        ),
    },
    {
        "reversed": (
            lambda tau, x, w, kp, kd: tau(x, w[2] + sum(parts(x, w, -kp, -kd)[:2])),
            "feedback has the wrong sign",
        ),
        "brake reversed": (
            lambda tau, x, w, kp, kd: tau(x, sum(parts(x, w, kp, -kd))),
            "brake has the wrong sign",
        ),
        "spring reversed": (
            lambda tau, x, w, kp, kd: tau(x, sum(parts(x, w, -kp, kd))),
            "spring has the wrong sign",
        ),
        "no feedback": (lambda tau, x, w, kp, kd: tau(x, w[2]), "There is no feedback"),
        "no brake": (
            lambda tau, x, w, kp, kd: tau(x, sum(parts(x, w, kp, 0.0))),
            "brake is missing",
        ),
        "no spring": (
            lambda tau, x, w, kp, kd: tau(x, sum(parts(x, w, 0.0, kd))),
            "spring is missing",
        ),
        "no acceleration": (
            lambda tau, x, w, kp, kd: tau(x, sum(parts(x, w, kp, kd)[:2])),
            "wanted acceleration is missing",
        ),
        "feedback outside": (
            lambda tau, x, w, kp, kd: tau(x, w[2]) + sum(parts(x, w, kp, kd)[:2]),
            "outside τ",
        ),
        "at the wanted state": (
            lambda tau, x, w, kp, kd: tau(torch.cat(w[:2], -1), sum(parts(x, w, kp, kd))),
            "wanted state",
        ),
        "gains exchanged": (
            lambda tau, x, w, kp, kd: command(tau, x, w, kd, kp),
            "exchanged",
        ),
        "an acceleration": (
            lambda tau, x, w, kp, kd: sum(parts(x, w, kp, kd)),
            "ask τ",
        ),
        "raises": (lambda tau, x, w, kp: tau(x, w[2]), "could not be called"),
        "wrong halves": (lambda tau, x, w, kp, kd: tau(x[..., :2], w[2]), "raised"),
    },
)

# 3


def imbalance(energy, x, inputs, damping, step):
    velocity = x[..., x.shape[-1] // 2 :]
    power = (velocity * (inputs - damping * velocity)).sum(-1)
    E = energy(x)
    return E[-1] - E[0] - torch.trapezoid(power, dx=step, dim=0)


def by_hand(energy, x, inputs, damping, step):
    v = x[..., 2:]
    power = (v * inputs).sum(-1) - (damping * v**2).sum(-1)
    work = (power[1:] + power[:-1]).sum(0) * step / 2
    return energy(x[-1]) - energy(x[0]) - work


def balanced(change):
    """The solution with something added: change(power of motors, of friction, energy, step)."""

    def answer(energy, x, inputs, damping, step):
        v = x[..., 2:]
        powers = (v * inputs).sum(-1), (damping * v**2).sum(-1)
        return imbalance(energy, x, inputs, damping, step) + change(*powers, energy(x), step)

    return answer


def integral(power, step):
    return torch.trapezoid(power, dx=step, dim=0)


IMBALANCE = Case(
    check.imbalance,
    imbalance,
    {
        "by hand": by_hand,
        "cumulative": lambda energy, x, u, d, step: (
            energy(x).diff(dim=0).sum(0)
            - torch.cumulative_trapezoid(
                ((u - d * x[..., 2:]) * x[..., 2:]).sum(-1), dx=step, dim=0
            )[-1]
        ),
        "two integrals": lambda energy, x, u, d, step: (
            energy(x)[-1]
            - energy(x)[0]
            - integral((u * x[..., 2:]).sum(-1), step)
            + integral((d * x[..., 2:] ** 2).sum(-1), step)
        ),
    },
    {
        "no friction": (balanced(lambda m, f, E, h: -integral(f, h)), "Friction is missing"),
        "friction helps": (balanced(lambda m, f, E, h: -2 * integral(f, h)), "wrong sign"),
        "energy alone": (balanced(lambda m, f, E, h: integral(m - f, h)), "energy gained alone"),
        "work alone": (
            balanced(lambda m, f, E, h: 2 * integral(m - f, h) - (E[-1] - E[0])),
            "work alone",
        ),
        "reversed": (lambda *args: -imbalance(*args), "reversed"),
        "first minus last": (balanced(lambda m, f, E, h: 2 * (E[0] - E[-1])), "last minus"),
        "no step": (
            balanced(lambda m, f, E, h: integral(m - f, h) * (1 - 1 / h)),
            "step is missing",
        ),
        "plain sum": (
            balanced(lambda m, f, E, h: integral(m - f, h) - h * (m - f).sum(0)),
            "both ends",
        ),
        "friction without speed": (
            lambda energy, x, u, d, h: (
                energy(x)[-1] - energy(x)[0] - integral((x[..., 2:] * (u - d)).sum(-1), h)
            ),
            "D q̇, not D",
        ),
        "one number": (lambda *args: imbalance(*args).sum(), "shape"),
        "raises": (lambda energy, x, u, d: energy(x)[-1], "could not be called"),
        "energy of halves": (lambda energy, x, *_: energy(x[..., :2])[-1], "raised"),
    },
)

# 4

WORDS = {case: model for case, (model, *_) in check.CASES.items()}

MODELS = Case(
    check.models,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "upper case": {case: word.upper() for case, word in WORDS.items()},
    },
    {
        "a network where the form is known": (
            WORDS | {"two rigid links": "Lagrangian network"},
            "Is the form of the equations known",
        ),
        "a network of a video": (
            WORDS | {"leg in a video": "Lagrangian network"},
            "Was a torque measured",
        ),
        "an energy for a drum": (WORDS | {"cable in a drum": "Lagrangian network"}, "5 of 6"),
        "all the same": (dict.fromkeys(WORDS, "plain network"), "1 of 6 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.MODELS,
)

# 5

VALUES, SEEDS = [0.0, 0.6, 1.0], list(range(5))
FIRST, SECOND = check.RIVALS


def experiment(values=VALUES, seeds=SEEDS, varied="wrong", prediction=FIRST):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()


def with_row(rival, value, row):
    return duel_tools.with_row(STUDY, rival, value, row)


PAYS = Case(
    check.pays,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "speed": experiment([0.2, 1.0, 4.0], varied="speed"),
        "other order of seeds": experiment(seeds=[4, 3, 2, 1, 0]),
        "rounded": duel_tools.rounded(check.DUEL, STUDY),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.6), "three settings or more"),
        "all the same answer": (duel_tools.without(STUDY, 1.0), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, SECOND)},
            "At wrong = 0 computed torque has the smaller error for",
        ),
        "rivals exchanged": (
            STUDY | {FIRST: STUDY[SECOND], SECOND: STUDY[FIRST]},
            "are those of 'no model'",
        ),
        "settings exchanged": (with_row(FIRST, 0.6, STUDY[FIRST][1.0]), "are those of 1"),
        "sorted": (with_row(FIRST, 0.6, sorted(STUDY[FIRST][0.6])), "in another order"),
        "too few errors": (with_row(FIRST, 0.6, STUDY[FIRST][0.6][:4]), "has 4 errors for 5 seeds"),
        "invented": (with_row(SECOND, 0.6, [0.1] * 5), "are not what `check.measure` gives"),
        "squares": (
            with_row(FIRST, 0.6, [e**2 for e in STUDY[FIRST][0.6]]),
            "are the squares of the right ones",
        ),
        "degrees": (
            with_row(FIRST, 0.6, [e * 180 / torch.pi for e in STUDY[FIRST][0.6]]),
            "in degrees",
        ),
        "no list": (with_row(FIRST, 0.6, 0.01), "one error for each seed"),
        "too wrong": (STUDY | {"values": [0.0, 0.6, 3.0]}, "is outside 0 to 2"),
        "another thing": (STUDY | {"varied": "length"}, "choose one of: 'wrong', 'speed'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.0: "MLP"}},
            "choose one of: 'computed torque'",
        ),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (ELBOW, COMMAND, IMBALANCE, MODELS, PAYS)
    demanding = True


def test_no_word_is_found_by_elimination():
    """Some words are the answer twice, so the last one does not follow from the others."""
    given = list(WORDS.values())
    assert len(given) > len(set(given))


def test_the_instrument_refuses_an_unknown_controller():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("MLP")
