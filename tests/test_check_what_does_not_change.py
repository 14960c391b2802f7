"""The checks of "What does not change": right answers pass, wrong ones get their message."""

from math import cos, exp, log, pi

import numpy as np
import pytest
import torch
from check_tools import Case, ChapterChecks, autograd

from hnn_tutorial.check import what_does_not_change as check
from hnn_tutorial.integrators import integrate
from hnn_tutorial.systems import MassSpring, TwoBody

# 1


def kept(x, a, b, c, d):
    u, v = x[..., 0], x[..., 1]
    return d * u - c * u.log() + b * v - a * v.log()


def kept_of(change):
    """A wrong invariant, from a function of u, v, a, b, c, d."""
    return lambda x, *parameters: change(x[..., 0], x[..., 1], *parameters)


def kept_in_numpy(x, a, b, c, d):
    u, v = np.moveaxis(x.detach().numpy(), -1, 0)
    return torch.from_numpy(d * u - c * np.log(u) + b * v - a * np.log(v))


KEPT = Case(
    check.kept,
    kept,
    {
        "its exponential": lambda x, *p: kept(x, *p).exp(),
        "its negative, less a constant": lambda x, *p: 3 - 2 * kept(x, *p),
        "one logarithm": lambda x, a, b, c, d: (
            x @ torch.tensor([d, b], dtype=x.dtype) - (x[..., 0] ** c * x[..., 1] ** a).log()
        ),
    },
    {
        "log10": (
            kept_of(lambda u, v, a, b, c, d: d * u - c * u.log10() + b * v - a * v.log10()),
            "in place of the natural logarithm",
        ),
        "hares only": (kept_of(lambda u, v, a, b, c, d: d * u - c * u.log()), "part of the foxes,"),
        "foxes only": (kept_of(lambda u, v, a, b, c, d: b * v - a * v.log()), "part of the hares,"),
        "constant": (lambda x, *p: 7 + 0 * x[..., 0], "a constant is an invariant of every"),
        "number of animals": (kept_of(lambda u, v, *p: u + v), "number of animals is not"),
        "no logarithms": (kept_of(lambda u, v, a, b, c, d: d * u + b * v), "are missing"),
        "only logarithms": (
            kept_of(lambda u, v, a, b, c, d: c * u.log() + a * v.log()),
            "Only the logarithms",
        ),
        "sign of one part": (
            kept_of(lambda u, v, a, b, c, d: d * u - c * u.log() - b * v + a * v.log()),
            "the wrong sign: both sides of the separated equation",
        ),
        "sign of the logarithms": (
            kept_of(lambda u, v, a, b, c, d: d * u + c * u.log() + b * v + a * v.log()),
            "The logarithms have the wrong sign",
        ),
        "a and c": (
            kept_of(lambda u, v, a, b, c, d: d * u - a * u.log() + b * v - c * v.log()),
            "a and c are exchanged",
        ),
        "b and d": (
            kept_of(lambda u, v, a, b, c, d: b * u - c * u.log() + d * v - a * v.log()),
            "b and d are exchanged",
        ),
        "a = b = c = d = 1 only": (
            kept_of(lambda u, v, *p: u - u.log() + v - v.log()),
            "With (a, b, c, d) = (1.1, 0.4, 0.6, 0.3) it is not conserved: at u =",
        ),
        "q and p swapped": (
            lambda x, *p: kept(x.flip(-1), *p),
            "u and v are exchanged",
        ),
        "something else": (kept_of(lambda u, v, *p: u * v**2), "dF/dt = ∂F/∂u u̇ + ∂F/∂v v̇"),
        "detached": (lambda x, *p: kept(x.detach(), *p), "No gradient flows from `kept`"),
        "NumPy inside": (kept_in_numpy, "No gradient flows"),
        "no batch": (lambda x, *p: kept(x, *p).sum(), "keep the batch axes"),
        "second axis for the last": (
            lambda x, *p: kept(torch.stack([x[:, 0], x[:, 1]], -1) if x.ndim > 2 else x, *p),
            "give",
        ),
        "first two rows": (
            lambda x, a, b, c, d: d * x[0] - c * x[0].log() + b * x[1] - a * x[1].log(),
            "for this input it should be (24,)",
        ),
    },
    spared={"wrong sign": "the negative of an invariant is one"},
    gradients=True,
    equivalent={
        "return -(d * u - c": "the negative of an invariant is one",
        "return 2 * (d * u": "twice an invariant is one",
        "return 0.5 * (d * u": "half an invariant is one",
    },
)


# 2


def rate(F, f, x):
    return (autograd(F, x) * f(x)).sum(-1)


def rate_by_differences(F, f, x):
    h = 1e-5
    return (F(x + h * f(x)) - F(x - h * f(x))) / (2 * h)


def rate_of_sums(F, f, x):
    return autograd(F, x).sum(-1)


RATE = Case(
    check.rate_of_change,
    rate,
    {
        "directional derivative": lambda F, f, x: torch.func.jvp(F, (x,), (f(x),))[1],
        "finite differences": rate_by_differences,
        "einsum": lambda F, f, x: torch.einsum("...i,...i->...", autograd(F, x), f(x)),
    },
    {
        "wrong sign": (lambda F, f, x: -rate(F, f, x), "time run backwards"),
        "a tuple not unpacked": (
            lambda F, f, x: (torch.autograd.grad(F(y := x.requires_grad_()).sum(), y) * f(x)).sum(
                -1
            ),
            "tuple",
        ),
        "twice": (lambda F, f, x: 2 * rate(F, f, x), "Every value is 2 times the right one"),
        "mean over the batch": (
            lambda F, f, x: (autograd(lambda y: F(y).mean(), x) * f(x)).sum(-1),
            "divided by the number of states",
        ),
        "mean over components": (lambda F, f, x: rate(F, f, x) / 2, "a scalar product is a sum"),
        "unit field": (
            lambda F, f, x: rate(F, f, x) / f(x).norm(dim=-1),
            "this is the change per length",
        ),
        "cosine": (
            lambda F, f, x: torch.cosine_similarity(autograd(F, x), f(x), dim=-1),
            "the cosine of the angle",
        ),
        "absolute": (lambda F, f, x: rate(F, f, x).abs(), "hides whether F grows or falls"),
        "composition": (lambda F, f, x: F(f(x)), "a rate of change is no state"),
        "gradient only": (lambda F, f, x: autograd(F, x).norm(dim=-1), "the field does not occur"),
        "sum of the gradient": (rate_of_sums, "each is to be multiplied by the field"),
        "crosswise": (
            lambda F, f, x: (
                autograd(F, x)[..., 0] * f(x)[..., 1] - autograd(F, x)[..., 1] * f(x)[..., 0]
            ),
            "multiplied crosswise",
        ),
        "product without the sum": (lambda F, f, x: autograd(F, x) * f(x), "sum over it with"),
        "two components only": (
            lambda F, f, x: (
                autograd(F, x)[..., 0] * f(x)[..., 0] + autograd(F, x)[..., 1] * f(x)[..., 1]
            ),
            "wrong for shape (4, 3, 6)",
        ),
        "no sum over the batch": (
            lambda F, f, x: (torch.autograd.grad(F(x.requires_grad_()), x)[0] * f(x)).sum(-1),
            "sum over the batch first",
        ),
        "something else": (lambda F, f, x: F(x), "This is not ∇F · f"),
    },
)


# 3


def matrix(features, x, dx):
    return torch.func.jvp(features, (x,), (dx,))[1]


def by_svd(features, x, dx, tolerance=1e-9):
    _, size, Vh = torch.linalg.svd(matrix(features, x, dx))
    return Vh[size < tolerance * size[0]].mT


def by_absolute(features, x, dx):
    _, size, Vh = torch.linalg.svd(matrix(features, x, dx))
    return Vh[size < 1e-9].mT


def by_eigh(features, x, dx):
    A = matrix(features, x, dx)
    size, V = torch.linalg.eigh(A.mT @ A)
    return V[:, size < 1e-12 * size[-1]]


def by_differences(features, x, dx):
    h = 1e-4
    A = (features(x + h * dx) - features(x - h * dx)) / (2 * h)
    _, size, Vh = torch.linalg.svd(A)
    return Vh[size < 1e-9 * size[0]].mT


def of_values(features, x, dx):
    _, size, Vh = torch.linalg.svd(features(x))
    return Vh[size < 1e-9 * size[0]].mT


def along_states(features, x, dx):
    return torch.linalg.svd(matrix(features, x, x))[2][-1:].mT


COUNT = Case(
    check.invariants,
    by_svd,
    {
        "eigenvectors": by_eigh,
        "finite differences": by_differences,
        "not normed": lambda *a: 5 * by_svd(*a),
        "loose tolerance": lambda *a: by_svd(*a, tolerance=1e-6),
    },
    {
        "absolute tolerance": (by_absolute, "For the spring in small states"),
        "smallest one always": (
            lambda *a: torch.linalg.svd(matrix(*a))[2][-1:].mT,
            "For the spring with friction, 1 invariant(s) are returned",
        ),
        "largest instead": (
            lambda *a: torch.linalg.svd(matrix(*a))[2][:1].mT,
            "their rate of change at the states is not zero",
        ),
        "rows": (lambda *a: by_svd(*a).mT, "The invariants are rows here: transpose"),
        "one at most": (
            lambda *a: by_svd(*a)[:, :1],
            "For two coupled masses 1 invariant(s) are found, and there are 2",
        ),
        "all of them": (
            lambda *a: torch.linalg.svd(matrix(*a))[2].mT,
            "For the spring, 5 invariant(s) are returned",
        ),
        "twice the same": (
            lambda *a: by_svd(*a).repeat(1, 2),
            "not independent: 2 columns, rank 1",
        ),
        "of the values": (of_values, "For the spring 0 invariant(s) are found, and there are 1"),
        "along the states": (along_states, "and their rate of change at the states is not zero"),
        "too strict": (
            lambda *a: by_svd(*a, tolerance=1e-30),
            "A singular value counts as zero if it is below about",
        ),
        "singular values": (
            lambda *a: torch.linalg.svdvals(matrix(*a)),
            "should return one matrix",
        ),
        "no matrix": (lambda *a: by_svd(*a)[:, 0], "should return one matrix"),
    },
    spared={
        "wrong sign": "the negative of an invariant is one",
        "float32": "seven digits do not tell small singular values from zero",
        "plain numbers": "an empty list has no shape",
    },
    equivalent={
        "return -Vh": "the negative of an invariant is one",
        "return 2 * Vh": "twice an invariant is one",
        "return 0.5 * Vh": "half an invariant is one",
        "size[1]": "relative to the second singular value is relative too",
        "return -torch.func.jvp": "singular values have no sign",
        "return 2 * torch.func.jvp": "relative sizes do not change",
        "return 0.5 * torch.func.jvp": "relative sizes do not change",
    },
)


# 4


def shrinking(function, spread=0.003):
    return {i: [function(i) + spread * k for k in (-1, 0, 1)] for i in check.INTERVALS}


def theory(interval):
    return (1 - cos(2 * interval)) / interval


FALSE_FRICTION = Case(
    check.false_friction,
    shrinking(theory),
    {
        "tensors": {i: torch.tensor(row) for i, row in shrinking(theory).items()},
        "leading order": shrinking(lambda i: 2 * i),
        "one outlier": {i: [*row, row[1] + 1e-3, 9.0] for i, row in shrinking(theory).items()},
    },
    {
        "backward differences": (shrinking(lambda i: -theory(i)), "those are backward differences"),
        "energy": (shrinking(lambda i: 2 * theory(i)), "so halve the logarithm"),
        "exact rates": (shrinking(lambda i: 0.001), "The orbits hardly shrink"),
        "one seed": (shrinking(theory, spread=0), "Different seeds gave exactly the same"),
        "upside down": (shrinking(lambda i: theory(0.25 - i)), "should grow with the interval"),
        "not divided by the time": (shrinking(lambda i: 20 * theory(i)), "divide the logarithm by"),
        "halved, not divided by the time": (
            shrinking(lambda i: 10 * theory(i)),
            "by the whole time, 10 s",
        ),
        "log10": (shrinking(lambda i: theory(i) / log(10), 0.001), "`log10` in place of"),
        "log10 of the energy": (shrinking(lambda i: 2 * theory(i) / log(10)), "and not halved"),
        "shares": (
            shrinking(lambda i: exp(-20 * theory(i)), 1e-6),
            "shares of the energy that are",
        ),
        "pi": (shrinking(lambda i: pi * theory(i)), "pi times the right one"),
        "shifted": (
            shrinking(lambda i: theory(i) + 0.2 * i**2 + 0.01),
            "the chord argument gives",
        ),
        "one value": ({i: [1.0] for i in check.INTERVALS}, "at least 3 of them"),
        "strings": ({i: ["1"] * 3 for i in check.INTERVALS}, "should be one number"),
    },
    blank=dict.fromkeys(check.INTERVALS, ...),
)


# 5

WORDS = {quantity: word for quantity, (word, _, _) in check.QUANTITIES.items()}
STARS = Case(
    check.two_stars,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "copied": {key: str(value) for key, value in WORDS.items()},
    },
    {
        "one momentum": (
            WORDS | {"momentum of the first star": "always"},
            "7 of 8 are right.\n`momentum of the first star`: not 'always'. Which force",
        ),
        "centre": (WORDS | {"position of the centre of mass": "always"}, "How fast does it move"),
        "seven": (WORDS | {"the number 7": "never"}, "Read the definition once more"),
        "two": (
            WORDS | {"the number 7": "never", "total momentum": "never"},
            "6 of 8 are right",
        ),
        "open": (WORDS | {"total momentum": ...}, "has no answer yet for ['total momentum']"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=tuple(check.ANSWERS),
)


# 6


def measured(starts, steps, **changes):
    """A study of the device with these starts and steps."""
    starts = torch.tensor(starts, dtype=torch.float64)
    tables = {
        key: torch.stack([check.loss(field, starts, step) for step in steps], dim=-1).tolist()
        for key, field in (("losses", check.device), ("control", check.CONTROL.field))
    }
    return {
        "prediction": "the integrator",
        "starts": starts.tolist(),
        "steps": list(steps),
        **tables,
        "conclusion": "both",
        "friction": check.FRICTIONS[1],
    } | changes


def scaled(study, factor, keys=("losses", "control")):
    return study | {k: [[factor * v for v in row] for row in study[k]] for k in keys}


STARTS, STEPS = [[1.0, 0.0], [0.0, -3.0]], [0.4, 0.1, 0.05]
STUDY = measured(STARTS, STEPS)
IN_JOULE = {
    key: [
        [v * float(check.CONTROL.hamiltonian(torch.tensor(x))) for v in row]
        for x, row in zip(STARTS, STUDY[key], strict=True)
    ]
    for key in ("losses", "control")
}

LOSSES = Case(
    check.losses,
    STUDY,
    {
        "another prediction": STUDY | {"prediction": "both"},
        "three starts": measured([[0.5, 0.5], [1.5, 1.0], [-2.0, 0.4]], STEPS),
        "other steps": measured(STARTS, [0.05, 0.2, 0.25]),
        "capitals": STUDY | {"conclusion": "Both "},
        "tensors": STUDY
        | {"starts": torch.tensor(STARTS), "losses": torch.tensor(STUDY["losses"])},
    },
    {
        "gains": (scaled(STUDY, -1), "these are gains"),
        "per cent": (scaled(STUDY, 100), "these are per cent"),
        "in J": (STUDY | IN_JOULE, "these are losses in J"),
        "transposed": (
            STUDY | {"losses": torch.tensor(STUDY["losses"]).T.tolist()},
            "a row for each start, a column for each step",
        ),
        "one number made up": (
            STUDY | {"losses": [STUDY["losses"][0], [0.05, 0.05, 0.05]]},
            "from the start [0.0, -3.0]",
        ),
        "the device for the control": (
            STUDY | {"control": STUDY["losses"]},
            '`study["control"]`: from the start',
        ),
        "one size": (
            measured([[1.0, 0.0], [1.1, 0.0]], STEPS),
            "it lacks two starts of which one",
        ),
        "two steps": (measured(STARTS, [0.4, 0.05]), "it lacks three or more steps"),
        "small steps only": (
            measured(STARTS, [0.1, 0.05, 0.02], conclusion="the device"),
            "it lacks a step so large",
        ),
        "large steps only": (
            measured(STARTS, [1.0, 0.5, 0.25], conclusion="the integrator"),
            "a step so small that the control",
        ),
        "the device alone": (
            STUDY | {"conclusion": "the device"},
            "it lacks a conclusion that your own numbers support",
        ),
        "linear friction": (
            STUDY | {"friction": check.FRICTIONS[0]},
            "it lacks a statement on the friction",
        ),
        "a step that does not divide": (
            STUDY | {"steps": [0.4, 0.3, 0.05]},
            "does not divide 20 s",
        ),
        "tiny steps": (STUDY | {"steps": [0.4, 0.1, 1e-4]}, "A step is outside of"),
        "at rest": (STUDY | {"starts": [[0.0, 0.0], [0.0, -3.0]]}, "at rest"),
        "an unknown word": (STUDY | {"prediction": "friction"}, "choose one of"),
        "not a number": (
            STUDY | {"losses": [[float("nan")] * 3] * 2},
            "not a finite number",
        ),
    },
    blank=dict.fromkeys(STUDY, ...),
    words={
        "prediction": check.CAUSES,
        "conclusion": check.CAUSES,
        "friction": check.FRICTIONS,
    },
    equivalent={
        "['prediction'] = ": "any prediction may be made",
        "['starts'][0] times -1": "the mirror image of a motion loses as much",
        "['starts'][1] times -1": "the mirror image of a motion loses as much",
    },
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (KEPT, RATE, COUNT, FALSE_FRICTION, STARS, LOSSES)
    demanding = True


# --- the truth behind the checks -----------------------------------------------------------------


def two_stars(speed, drift):
    """Two equal stars 2 m apart, each at this speed across, and their centre drifting."""
    momenta = [drift, speed, drift, -speed]
    return torch.tensor([1.0, 0.0, -1.0, 0.0, *momenta], dtype=torch.float64)


@pytest.mark.parametrize("quantity, entry", check.QUANTITIES.items())
def test_the_answers_of_exercise_5_are_true(quantity, entry):
    """Follow circles and ellipses, at rest and drifting, and see in which the quantity stays."""
    times = torch.linspace(0, 12, 200, dtype=torch.float64)
    word, value, _ = entry
    stays = []
    for speed in (0.5, 0.35):  # 0.5 is that of the circle
        for drift in (0.0, 0.2):
            motion = integrate(TwoBody().field, two_stars(speed, drift), times, "dop853")
            values = value(motion)
            stays.append(float((values - values[0]).abs().max()) < 1e-6)
    found = "always" if all(stays) else "sometimes" if any(stays) else "never"
    assert found == word


def test_the_invariant_of_exercise_1_is_one():
    parameters = (1.1, 0.4, 0.6, 0.3)
    times = torch.linspace(0, 30, 300, dtype=torch.float64)
    start = torch.tensor([3.0, 1.0], dtype=torch.float64)
    motion = integrate(lambda x: check.predator_prey(x, *parameters), start, times, "dop853")
    values = kept(motion, *parameters)
    assert float((values - values[0]).abs().max()) < 1e-7
    assert float(motion.amax(0).sum() - motion.amin(0).sum()) > 1, "they move"


def test_the_chord_argument_of_exercise_4():
    """The field of forward differences on a spring, exactly: it shrinks as theory says."""
    spring = MassSpring(0.5, 2.0)
    for interval in check.INTERVALS:
        times = torch.tensor([0.0, interval], dtype=torch.float64)
        turn = spring.solution(torch.eye(2, dtype=torch.float64), times)[-1].mT
        field = (turn - torch.eye(2)) / interval
        shrink = -float(torch.linalg.eigvals(field).real[0])
        assert shrink == pytest.approx(theory(interval), rel=1e-9)
