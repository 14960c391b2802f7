"""The checks of the baseline's chapter: right answers pass, wrong ones get their message."""

import functools
import math

import pytest
import torch
from check_tools import Case, ChapterChecks, autograd, pack

from hnn_tutorial.check import baseline_drift as drift
from hnn_tutorial.data import Trajectories
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import divergence, gradient
from hnn_tutorial.models import MLP
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import Adam, TrajectoryResidual, cut, fit

NO_STATES = {"q and p swapped": "there are no states among its arguments"}

# 1


def left_by_steps(a, d, t):
    """Compound the loss over many short times."""
    return (1 - (a + d) * t / 1_000_000) ** 1_000_000


LEFT = Case(
    drift.energy_left,
    lambda a, d, t: torch.exp(-(a + d) * t),
    {
        "powers": lambda a, d, t: math.e ** (-a * t) * math.e ** (-d * t),
        "squared amplitude": lambda a, d, t: torch.exp(-(a + d) / 2 * t) ** 2,
        "step by step": left_by_steps,
    },
    {
        "grows": (lambda a, d, t: torch.exp((a + d) * t), "The sign is wrong"),
        "amplitude": (lambda a, d, t: torch.exp(-(a + d) * t / 2), "This is the *amplitude*"),
        "not averaged": (lambda a, d, t: torch.exp(-2 * (a + d) * t), "average q² and p²"),
        "first order": (lambda a, d, t: 1 - (a + d) * t, "the loss compounds"),
        "no a": (lambda a, d, t: torch.exp(-d * t), "The term with a is missing"),
        "no d": (lambda a, d, t: torch.exp(-a * t), "The term with d is missing"),
        "product": (lambda a, d, t: torch.exp(-a * d * t), "their effects add"),
        "difference": (lambda a, d, t: torch.exp(-(a - d) * t), "have the same sign"),
        "exponent": (lambda a, d, t: -(a + d) * t, "This is the exponent"),
        "lost": (lambda a, d, t: 1 - torch.exp(-(a + d) * t), "the share that is *lost*"),
        "rate": (lambda a, d, t: a + d, "This is the rate"),
        "something else": (lambda a, d, t: 0 * t + 7, "t = 30 20 90 25 50 this is not the share"),
        "math": (lambda a, d, t: math.exp(-(a + d) * t), "Your code raised"),
    },
    spared=NO_STATES,
)


def test_the_answer_of_exercise_1_is_what_integration_gives():
    m, k, a, d = 2.0, 3.0, 0.03, -0.01

    def field(x):
        return pack(x[..., 1] / m - a * x[..., 0], -k * x[..., 0] - d * x[..., 1])

    H = MassSpring(m, k).hamiltonian
    times = torch.linspace(0, 60, 2401, dtype=torch.float64)
    energy = H(integrate(field, torch.tensor([1.0, 0.0], dtype=torch.float64), times))
    solution = LEFT.solution(a, d, times)
    assert (energy / energy[0] / solution - 1).abs().max() < 0.03


# 2


def dot(a, b):
    return (a * b).sum(-1)


def unit(a):
    return a / a.norm(dim=-1, keepdim=True)


def split(learned, true, H, x):
    delta = learned(x) - true(x)
    return pack(dot(delta, unit(true(x))), dot(delta, unit(autograd(H, x))))


def split_by_quarter_turn(learned, true, H, x):
    """In the plane ∇H is the field turned by a quarter."""
    onward = unit(true(x))
    delta = learned(x) - true(x)
    outward = pack(-onward[..., 1], onward[..., 0])
    return pack(dot(delta, onward), dot(delta, outward))


def split_by_matrix(learned, true, H, x):
    frame = torch.stack([unit(true(x)), unit(gradient(H)(x))], dim=-2)
    return (frame @ (learned(x) - true(x)).unsqueeze(-1)).squeeze(-1)


SPLIT = Case(
    drift.split_error,
    split,
    {"matrix": split_by_matrix, "quarter turn": split_by_quarter_turn},
    {
        "true less learned": (lambda f, t, H, x: -split(f, t, H, x), "learned less true"),
        "order": (lambda f, t, H, x: split(f, t, H, x).flip(-1), "in the wrong order"),
        "no unit vectors": (
            lambda f, t, H, x: pack(dot(f(x) - t(x), t(x)), dot(f(x) - t(x), autograd(H, x))),
            "are not unit vectors",
        ),
        "absolute": (lambda f, t, H, x: split(f, t, H, x).abs(), "The signs are lost"),
        "squares": (lambda f, t, H, x: split(f, t, H, x) ** 2, "These are the squares"),
        "radial": (
            lambda f, t, H, x: pack(dot(f(x) - t(x), unit(t(x))), dot(f(x) - t(x), unit(x))),
            "only where the contours of H are circles",
        ),
        "along the learned": (
            lambda f, t, H, x: pack(dot(f(x) - t(x), unit(f(x))), split(f, t, H, x)[..., 1]),
            "along the learned motion",
        ),
        "not subtracted": (
            lambda f, t, H, x: pack(dot(f(x), unit(t(x))), dot(f(x), unit(autograd(H, x)))),
            "Subtract the true field first",
        ),
        "a tuple": (
            lambda f, t, H, x: tuple(split(f, t, H, x).unbind(-1)),
            "torch.stack([...], dim=-1)",
        ),
        "something else": (lambda f, t, H, x: x, "yours gives"),
    },
    equivalent={
        "dot(unit(true(x)), delta)": "a scalar product is symmetric",
        "dot(unit(autograd(H, x)), delta)": "a scalar product is symmetric",
    },
)

# 3


def motion_loss(field, observed, times):
    path = integrate(field, observed[0], times)
    return (path[1:] - observed[1:]).square().mean()


def motion_loss_by_hand(field, observed, times):
    x, total = observed[0], 0.0
    for k, h in enumerate(times.diff().tolist()):
        a = field(x)
        b = field(x + h / 2 * a)
        c = field(x + h / 2 * b)
        d = field(x + h * c)
        x = x + h / 6 * (a + 2 * b + 2 * c + d)
        total = total + (x - observed[k + 1]).square().mean()
    return total / (len(times) - 1)


def restarted(field, observed, times):
    total = 0.0
    for k in range(len(times) - 1):
        end = integrate(field, observed[k], times[k : k + 2])[1]
        total = total + (end - observed[k + 1]).square().mean()
    return total / (len(times) - 1)


def without_gradient(field, observed, times):
    with torch.no_grad():
        return motion_loss(field, observed, times)


def euler(field, observed, times):
    path = integrate(field, observed[0], times, "euler")
    return (path[1:] - observed[1:]).square().mean()


LOSS = Case(
    drift.trajectory_loss,
    motion_loss,
    {
        "by hand": motion_loss_by_hand,
        "finer steps": lambda f, y, t: (
            (integrate(f, y[0], t, step=0.05) - y)[1:].square().flatten().mean()
        ),
        "leapfrog": lambda f, y, t: (
            (integrate(f, y[0], t, "leapfrog", step=0.002) - y)[1:].square().mean()
        ),
    },
    {
        "from all observations": (
            lambda f, y, t: (integrate(f, y, t)[1:] - y[1:]).square().mean(),
            "starts from *all* observations at once. It has one start",
        ),
        "from all, broadcast": (
            lambda f, y, t: (integrate(f, y, t) - y).square().mean(),
            "the first of them: `observed[0]`",
        ),
        "last start": (
            lambda f, y, t: (integrate(f, y[-1], t) - y)[1:].square().mean(),
            "not the mean squared error of the motion. Yours gives",
        ),
        "first counted": (
            lambda f, y, t: (integrate(f, y[0], t) - y).square().mean(),
            "The first time is counted too",
        ),
        "restarted": (restarted, "starts anew at every observation"),
        "sum over components": (lambda f, y, t: 2 * motion_loss(f, y, t), "Twice the value"),
        "sum": (
            lambda f, y, t: (integrate(f, y[0], t) - y).square().sum(),
            "The sum was taken",
        ),
        "root": (lambda f, y, t: motion_loss(f, y, t).sqrt(), "The root"),
        "absolute": (
            lambda f, y, t: (integrate(f, y[0], t) - y)[1:].abs().mean(),
            "Absolute values",
        ),
        "end only": (
            lambda f, y, t: (integrate(f, y[0], t) - y)[-1].square().mean(),
            "Only the last time",
        ),
        "distances": (
            lambda f, y, t: (integrate(f, y[0], t) - y)[1:].norm(dim=-1).mean(),
            "mean of the distances",
        ),
        "not squared": (
            lambda f, y, t: (integrate(f, y[0], t) - y)[1:].mean(),
            "are not squared",
        ),
        "derivatives": (
            lambda f, y, t: (f(y) - drift.SWING.field(y)).square().mean(),
            "This is the derivative loss",
        ),
        "no gradient": (without_gradient, "No gradient flows from the loss"),
        "Euler": (euler, "not the mean squared error of the motion"),
        "one per motion": (
            lambda f, y, t: (integrate(f, y[0], t) - y)[1:].square().mean((0, -1)),
            "One number is wanted",
        ),
    },
    gradients=True,
)

# 4

LAW = {gap: math.log1p(drift.SIGMA**2) / gap for gap in drift.GAPS}


def rates(law, spread=0.01):
    return {gap: [law(gap) * (1 + spread * i) for i in (-1, 0, 1)] for gap in drift.GAPS}


RATES = Case(
    drift.inward_rates,
    rates(LAW.get),
    {
        "tensors": {gap: torch.tensor(row) for gap, row in rates(LAW.get).items()},
        "an outlier": {gap: [*row, 9.0] for gap, row in rates(LAW.get, 0.03).items()},
    },
    {
        "nothing": (rates(lambda gap: 0.001), "Is the noise on the *first* state"),
        "negative": (rates(lambda gap: -LAW[gap]), "the amplitude *falls*"),
        "areas": (rates(lambda gap: 2 * LAW[gap]), "Areas and the energy fall twice as fast"),
        "not converged, slow": (rates(lambda gap: 0.3 * LAW[gap]), "theory gives"),
        "half a step": (rates(lambda gap: LAW[gap] * gap / 2), "does not depend on the gap"),
        "half": (
            rates(lambda gap: LAW[gap] / 2),
            "Two mistakes give this: noise on one of the two",
        ),
        "sigma squared": (
            rates(lambda gap: math.log1p(drift.SIGMA**4) / gap),
            "noise of standard deviation σ²",
        ),
        "per step": (rates(lambda gap: LAW[gap] * gap), "this is the loss in one *step*"),
        "grows": (rates(lambda gap: gap), "The rate grows with the gap"),
        "one seed": (rates(LAW.get, spread=0), "Different seeds gave exactly the same rate"),
        "variance": (
            rates(lambda gap: math.log1p(drift.SIGMA) / gap),
            "noise of variance σ",
        ),
        "not converged": (rates(lambda gap: 0.8 * LAW[gap]), "theory gives"),
        "one value": ({gap: [1.0] for gap in drift.GAPS}, "at least 3 of them"),
        "numbers": (dict.fromkeys(drift.GAPS, 1.0), "one rate for each seed"),
    },
    blank=dict.fromkeys(drift.GAPS, ...),
    equivalent={"[0.1] squared": "0.86 squared is within the 15 % that five seeds need"},
)


def test_the_law_of_exercise_4_is_what_training_gives():
    gap = 0.2
    clean = torch.randn(8000, 2, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    times = torch.tensor([0.0, gap], dtype=torch.float64)
    noisy = Trajectories(times, MassSpring().solution(clean, times)).noisy(drift.SIGMA, seed=6)
    model = MLP(1, hidden=(), seed=0)
    fit(model, cut(noisy), Adam(300, 0.02), residual=TrajectoryResidual(), progress=False)
    rate = -divergence(model.field)(torch.zeros(1, 2, dtype=torch.float64)) / 2
    assert rate.item() == pytest.approx(LAW[gap], rel=0.1)


# 5

ANSWERS = {error: fate for error, (fate, _, _) in drift.ERRORS.items()}
THINK = Case(
    drift.fates,
    ANSWERS,
    {"other order": dict(reversed(ANSWERS.items())), "copied": dict(ANSWERS)},
    {
        "saddle": (
            ANSWERS | {"(0.02 q, -0.02 p)": "outward"},
            "6 of 7 are right.\n`(0.02 q, -0.02 p)`: not 'outward'. What is its divergence?",
        ),
        "van der Pol": (
            ANSWERS | {"(0, 0.02 (1 - q²) p)": "outward"},
            "while |q| is small",
        ),
        "potential": (ANSWERS | {"(0, -0.02 q³)": "inward"}, "Does this force have a potential?"),
        "unknown": (ANSWERS | {"(0.02, 0)": "moves"}, "is 'moves'; choose one of: 'closed'"),
        "open": (ANSWERS | {"(0.02, 0)": ...}, "has no answer yet for ['(0.02, 0)']"),
    },
    blank=dict.fromkeys(ANSWERS, ...),
    words=drift.FATES,
)


@functools.cache
def followed() -> torch.Tensor:
    """The motions of all errors from a small and a large start, over 500 s, ``(T, 7, 2, 2)``."""

    def field(x):
        parts = [
            pack(*delta(*of_one.unbind(-1)))
            for of_one, (_, delta, _) in zip(x.unbind(0), drift.ERRORS.values(), strict=True)
        ]
        return MassSpring().field(x) + torch.stack(parts)

    starts = torch.tensor([[0.5, 0.0], [3.5, 0.0]], dtype=torch.float64)
    times = torch.linspace(0, 500, 5001, dtype=torch.float64)
    # Such steps of 0.1 change the size of a circle by less than 1e-4 in these 500 s.
    return integrate(field, starts.repeat(len(drift.ERRORS), 1, 1), times, "rk4")


@pytest.mark.parametrize("number, error", enumerate(drift.ERRORS))
def test_the_answers_of_exercise_5_are_true(number, error):
    """Compare early turns with late ones, from a small and a large start."""
    fate = drift.ERRORS[error][0]
    q = followed()[:, number, :, 0]
    late, early = q[-200:].amax(0), q[:200].amax(0)
    if torch.allclose(late, early, rtol=0.01):
        found = "closed"
    elif (late < 0.01 * early).all():
        found = "inward"
    elif (late > 10 * early).all():
        found = "outward"
    else:
        assert torch.allclose(late, late.flip(0), rtol=0.01), (q.amax(0), q.amin(0))
        found = "limit cycle"
    assert found == fate, error


# 6


def measured(setting="units", values=(8, 32), seeds=range(5), part=1, change=float):
    return [[change(drift._parts(drift.train(setting, v, s))[part]) for s in seeds] for v in values]


STUDY = {
    "setting": "units",
    "values": [8, 32],
    "seeds": [0, 1, 2, 3, 4],
    "prediction": "smaller",
    "error": measured(part=0),
    "net": measured(),
    "conclusion": "mixed",
}
OTHER = {
    "values": [16, 32],
    "error": measured(values=(16, 32), part=0),
    "net": measured(values=(16, 32)),
}
FEW = {"seeds": [3], "error": measured(seeds=[3], part=0), "net": measured(seeds=[3])}
NEAR = {
    "values": [28, 32],
    "error": measured(values=(28, 32), part=0),
    "net": measured(values=(28, 32)),
}
SMALL = {
    "values": [8, 16],
    "error": measured(values=(8, 16), part=0),
    "net": measured(values=(8, 16)),
}


def verdict(rows):
    """What the numbers say about the larger value."""
    less = sum(b < a for a, b in zip(*rows, strict=True))
    return {len(rows[0]): "smaller", 0: "larger"}.get(less, "mixed")


REMEDY = Case(
    drift.remedy,
    STUDY,
    {
        "right guess": STUDY | {"prediction": "mixed"},
        "capitals": STUDY | {"setting": " Units ", "conclusion": "Mixed"},
        "tensors": STUDY | {"net": torch.tensor(STUDY["net"]), "values": torch.tensor([8, 32])},
        "another design": STUDY | OTHER | {"conclusion": verdict(OTHER["net"])},
        "rounded": STUDY | {"error": measured(part=0, change=lambda v: float(f"{v:.3g}"))},
    },
    {
        "unknown setting": (STUDY | {"setting": "rate"}, "choose one of: 'motions'"),
        "unknown word": (STUDY | {"conclusion": "better"}, "choose one of: 'smaller'"),
        "overstated": (STUDY | {"conclusion": "smaller"}, "a conclusion that your own numbers"),
        "one seed": (STUDY | FEW | {"conclusion": verdict(FEW["net"])}, "at least five seeds"),
        "small change": (STUDY | NEAR | {"conclusion": verdict(NEAR["net"])}, "a factor of two"),
        "no control": (STUDY | SMALL | {"conclusion": verdict(SMALL["net"])}, "a control"),
        "exchanged": (
            STUDY | {"error": STUDY["net"], "net": STUDY["error"]},
            "error and net part are exchanged",
        ),
        "no root": (STUDY | {"net": measured(change=lambda v: v**2)}, "take its root"),
        "per component": (
            STUDY | {"error": measured(part=0, change=lambda v: v / 2**0.5)},
            "sum over the two",
        ),
        "rows exchanged": (STUDY | {"net": STUDY["net"][::-1]}, "for the other value"),
        "rows exchanged, error": (STUDY | {"error": STUDY["error"][::-1]}, "for the other value"),
        "made up": (STUDY | {"net": [[0.01] * 5, [0.001] * 5]}, "`check.train` gives has"),
        "larger first": (STUDY | {"values": [32, 8]}, "the smaller first"),
        "three values": (STUDY | {"values": [8, 16, 32]}, "two values are wanted"),
        "too large": (STUDY | {"values": [32, 512]}, "at most 64"),
        "same seed": (STUDY | {"seeds": [1] * 5}, "different numbers"),
        "half a seed": (STUDY | {"seeds": [0.5, 1, 2, 3, 4]}, "a list of whole numbers"),
        "negative seed": (STUDY | {"seeds": [-1, 1, 2, 3, 4]}, "a negative number"),
        "one row": (STUDY | {"net": STUDY["net"][0]}, "a row for each value"),
    },
    blank=dict.fromkeys(STUDY, ...),
    equivalent={"['prediction'] = ": "any prediction may be made"},
    words={
        "prediction": drift.OUTCOMES,
        "conclusion": drift.OUTCOMES,
        "setting": drift.USUAL,
    },
)


class TestChecks(ChapterChecks):
    chapter = drift.chapter
    cases = (LEFT, SPLIT, LOSS, RATES, THINK, REMEDY)
    demanding = True
