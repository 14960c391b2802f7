"""The checks of the ideal spring: right answers pass, wrong ones get their message."""

import math

import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import ideal_spring as ideal
from hnn_tutorial.data import Normalization
from hnn_tutorial.evaluation import energy_gain, mesh_error
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import divergence, hamiltonian_field
from hnn_tutorial.systems import MassSpring

NO_STATES = {"q and p swapped": "there are no states among its arguments"}


def pair(a, b):
    return torch.stack([a, b], dim=-1)


# 1

SCALED = Case(
    ideal.scaled_spring,
    lambda m, k, q, p, t: pair(m * q / (p * t), k * q * t / p),
    {
        "by the energy": lambda m, k, q, p, t: pair(
            1 / (t / (q * p) * p**2 / m), t / (q * p) * k * q**2
        ),
        "one by one": lambda m, k, q, p, t: torch.stack(
            [
                torch.stack([a * b / (c * d), e * b * d / c])
                for a, e, b, c, d in zip(m, k, q, p, t, strict=True)
            ]
        ),
        "by the equations": lambda m, k, q, p, t: pair(1 / (t / q * p / m), t / p * k * q),
    },
    {
        "order": (
            lambda m, k, q, p, t: pair(k * q * t / p, m * q / (p * t)),
            "in the wrong order",
        ),
        "H itself": (lambda m, k, q, p, t: pair(m / p**2, k * q**2), "left out the factor"),
        "no time": (lambda m, k, q, p, t: pair(m * q / p, k * q / p), "unit of time is missing"),
        "wrong power": (
            lambda m, k, q, p, t: pair(m * q * t / p, k * q / (p * t)),
            "has the wrong power",
        ),
        "exchanged": (
            lambda m, k, q, p, t: pair(m * p / (q * t), k * p * t / q),
            "q_s and p_s are exchanged",
        ),
        "inverse mass": (
            lambda m, k, q, p, t: pair(p * t / (m * q), k * q * t / p),
            "the mass that stands below p²",
        ),
        "backwards": (
            lambda m, k, q, p, t: pair(m * p * t / q, k * p / (q * t)),
            "This is the way back",
        ),
        "unchanged": (lambda m, k, q, p, t: pair(m, k), "not the spring in the new units"),
        "math": (lambda m, k, q, p, t: math.sqrt(m), "Your code raised"),
    },
    spared=NO_STATES,
)


def test_the_answer_of_exercise_1_is_that_of_the_package():
    m, k, q_s, p_s, t_s = (torch.tensor(v).double() for v in (2.0, 3.0, 5.0, 7.0, 0.3))
    mass, stiffness = SCALED.solution(m, k, q_s, p_s, t_s).tolist()
    units = Normalization(5.0, 7.0, 0.3)
    x = torch.tensor([[0.3, -0.7], [1.1, 0.2]], dtype=torch.float64)
    restored = units.restore_field(MassSpring(mass, stiffness).field)(x)
    assert torch.allclose(restored, MassSpring(2.0, 3.0).field(x))


# 2


def points_of(radius, points):
    axis = torch.linspace(-radius, radius, points, dtype=torch.float64)
    return torch.cartesian_prod(axis, axis)


def share(learned, true, radius, bound, points):
    x = points_of(radius, points)
    size = true(x).norm(dim=-1)
    relative = (learned(x) - true(x)).norm(dim=-1) / size
    return (relative[size > 1e-12] <= bound).double().mean()


def share_by_loop(learned, true, radius, bound, points):
    good, count = 0, 0
    for x in points_of(radius, points):
        if true(x).norm() > 1e-9:
            count += 1
            good += bool((learned(x) - true(x)).norm() / true(x).norm() <= bound)
    return torch.tensor(good / count, dtype=torch.float64)


def share_by_meshgrid(learned, true, radius, bound, points):
    axis = -radius + 2 * radius / (points - 1) * torch.arange(points, dtype=torch.float64)
    q, p = torch.meshgrid(axis, axis, indexing="xy")
    x = torch.stack([q, p], dim=-1)
    f = true(x)
    counted = f.norm(dim=-1) > 1e-10
    good = ((learned(x) - f).norm(dim=-1) <= bound * f.norm(dim=-1)) & counted
    return good.sum() / counted.sum()


def share_where_not_zero(learned, true, radius, bound, points):
    x = points_of(radius, points)
    x = x[true(x).norm(dim=-1) > 0]
    return ((learned(x) - true(x)).norm(dim=-1) / true(x).norm(dim=-1) <= bound).double().mean()


def absolute(f, t, radius, bound, points):
    x = points_of(radius, points)
    return ((f(x) - t(x)).norm(dim=-1) <= bound).double().mean()


def of_the_largest(f, t, radius, bound, points):
    x = points_of(radius, points)
    return ((f(x) - t(x)).norm(dim=-1) <= bound * t(x).norm(dim=-1).max()).double().mean()


def by_component(f, t, radius, bound, points):
    x = points_of(radius, points)
    return ((f(x) - t(x)).abs() <= bound * t(x).abs()).all(-1).double().mean()


def with_origin(f, t, radius, bound, points):
    x = points_of(radius, points)
    return ((f(x) - t(x)).norm(dim=-1) / t(x).norm(dim=-1) <= bound).double().mean()


def origin_right(f, t, radius, bound, points):
    x = points_of(radius, points)
    return (
        ((f(x) - t(x)).norm(dim=-1) / t(x).norm(dim=-1) <= bound)
        .logical_or(t(x).norm(dim=-1) == 0)
        .double()
        .mean()
    )


def origin_out(f, t, radius, bound, points):
    x = points_of(radius, points)
    x = x[x.norm(dim=-1) > 0]
    return ((f(x) - t(x)).norm(dim=-1) <= bound * t(x).norm(dim=-1)).double().mean()


def mean_error(f, t, radius, bound, points):
    x = points_of(radius, points)
    size = t(x).norm(dim=-1)
    return ((f(x) - t(x)).norm(dim=-1) / size)[size > 0].mean()


SHARE = Case(
    ideal.share_within,
    share,
    {
        "loop": share_by_loop,
        "exactly zero": share_where_not_zero,
        "meshgrid": share_by_meshgrid,
        "package": lambda f, t, r, b, n: mesh_error(f, t, r, n).fraction_below(b),
    },
    {
        "origin fails": (with_origin, "is counted, as a failure"),
        "origin succeeds": (origin_right, "is counted, as a success"),
        "origin always": (origin_out, "The origin is left out"),
        "count": (
            lambda f, t, r, b, n: (
                share(f, t, r, b, n) * (t(points_of(r, n)).norm(dim=-1) > 0).sum()
            ),
            "the number of points",
        ),
        "of the learned": (lambda f, t, *a: share(t, f, *a), ""),
        "outside": (lambda *a: 1 - share(*a), "*outside* of the bound"),
        "per cent": (lambda *a: 100 * share(*a), "in per cent"),
        "absolute": (absolute, "This is the absolute error"),
        "relative to the largest": (of_the_largest, "divided by the largest length"),
        "by component": (by_component, "Compare the vectors' lengths"),
        "mean error": (mean_error, "This is the mean error"),
        "a sum": (lambda *a: share(*a).sum(dim=1), "Your code raised"),
        "something else": (lambda *a: 0 * share(*a) + 0.123, "the share is wrong"),
    },
    spared=NO_STATES,
    equivalent={
        "size > 0.0": "where the field vanishes, it does so exactly",
        "2e-12": "no field is as small as that but where it vanishes",
        "torch.linspace(radius, -radius": "the same mesh from the other end",
        "-torch.cartesian_prod": "the mesh is symmetric",
    },
)

# 3


def gap_by_bisection(bound, omega):
    low, high = torch.zeros_like(bound), torch.ones_like(bound)
    for _ in range(60):
        z = (low + high) / 2
        fine = 1 - torch.sin(z) / z <= bound
        low, high = torch.where(fine, z, low), torch.where(fine, high, z)
    return low / omega


GAP = Case(
    ideal.largest_gap,
    lambda e, w: (6 * e).sqrt() / w,
    {
        "bisection": gap_by_bisection,
        "power": lambda e, w: 6**0.5 * e**0.5 / w,
        "logarithms": lambda e, w: ((6 * e).log() / 2 - w.log()).exp(),
    },
    {
        "no frequency": (lambda e, w: (6 * e).sqrt(), "The frequency is missing"),
        "times": (lambda e, w: (6 * e).sqrt() * w, "need *shorter* gaps"),
        "no root": (lambda e, w: 6 * e / w, "The root is missing"),
        "squared": (lambda e, w: (6 * e).sqrt() / w**2, "divide by ω once"),
        "one-sided": (lambda e, w: 2 * e / w, "the one-sided difference"),
        "cosine": (lambda e, w: (2 * e).sqrt() / w, "belongs to the cosine"),
        "span": (lambda e, w: 2 * (6 * e).sqrt() / w, "Twice too long"),
        "half": (lambda e, w: (6 * e).sqrt() / w / 2, "Twice too short"),
        "rate": (lambda e, w: w / (6 * e).sqrt(), "observations a second"),
        "math": (lambda e, w: math.sqrt(6 * e) / w, "take plain numbers"),
        "something else": (lambda e, w: 0 * e + 7, "not the largest gap"),
    },
    spared=NO_STATES,
)

# 4


def jacobian(residual, theta):
    return torch.func.jacrev(residual)(theta)


def step(residual, theta, mu):
    J, r = jacobian(residual, theta), residual(theta)
    A = J.T @ J + mu * torch.eye(len(theta), dtype=theta.dtype)
    return theta - torch.linalg.solve(A, J.T @ r)


def step_by_stacking(residual, theta, mu):
    """The same as a least-squares problem: [J; √μ I] s = [-r; 0]."""
    J, r = torch.autograd.functional.jacobian(residual, theta), residual(theta)
    J = torch.cat([J, mu**0.5 * torch.eye(len(theta), dtype=theta.dtype)])
    return theta + torch.linalg.lstsq(J, torch.cat([-r, 0 * theta])).solution


def step_by_differences(residual, theta, mu):
    steps = 1e-6 * torch.eye(len(theta), dtype=theta.dtype)
    J = torch.stack([(residual(theta + h) - residual(theta - h)) / 2e-6 for h in steps], dim=-1)
    A = J.T @ J + mu * torch.eye(len(theta), dtype=theta.dtype)
    return theta - torch.linalg.inv(A) @ J.T @ residual(theta)


def marquardt(residual, theta, mu):
    J, r = jacobian(residual, theta), residual(theta)
    A = J.T @ J
    return theta - torch.linalg.solve(A + mu * torch.diag(A.diagonal()), J.T @ r)


def everywhere(residual, theta, mu):
    J, r = jacobian(residual, theta), residual(theta)
    return theta - torch.linalg.solve(J.T @ J + mu, J.T @ r)


def downhill(residual, theta, mu):
    return theta - mu * jacobian(residual, theta).T @ residual(theta)


STEP = Case(
    ideal.lm_step,
    step,
    {"stacking": step_by_stacking, "differences": step_by_differences},
    {
        "uphill": (lambda f, w, mu: 2 * w - step(f, w, mu), "The step goes uphill"),
        "step alone": (lambda f, w, mu: step(f, w, mu) - w, "asked for is where it leads"),
        "no damping": (lambda f, w, mu: step(f, w, 0.0), "The damping w is missing"),
        "Marquardt": (marquardt, "Marquardt's own variant"),
        "gradient": (downhill, "a step along the gradient"),
        "subtracted": (lambda f, w, mu: step(f, w, -mu), "is *added* to JᵀJ"),
        "every entry": (everywhere, "added to every entry"),
        "damping squared": (lambda f, w, mu: step(f, w, mu**2), "not the damped step"),
        "no transpose": (
            lambda f, w, mu: w - torch.linalg.solve(jacobian(f, w), f(w)),
            "Your code raised",
        ),
    },
)

# 5

ERRORS_FOUND = {
    width: [ideal.largest_error(width, seed) for seed in range(3)] for width in ideal.WIDTHS
}


def errors(change):
    return {width: [change(v) for v in row] for width, row in ERRORS_FOUND.items()}


def by_width(change):
    return {width: change(row) for width, row in ERRORS_FOUND.items()}


LOG = errors(math.log10)
ERRORS = Case(
    ideal.small_networks,
    ERRORS_FOUND,
    {
        "a fourth seed": by_width(lambda row: [*row, 1.1 * row[0]]),
        "by the seed": by_width(lambda row: dict(enumerate(row))),
    },
    {
        "logarithms": (LOG, "not its logarithm"),
        "raw": (errors(lambda v: 9.0 + v), "Were the data normalised"),
        "reversed": (
            dict(zip(ideal.WIDTHS, reversed(ERRORS_FOUND.values()), strict=True)),
            "",
        ),
        "per cent": (errors(lambda v: 100 * v), ""),
        "squares": (errors(lambda v: v**2), "These are squares"),
        "sorted": (by_width(sorted), "These are sorted"),
        "medians": (errors(lambda v: v / 50), "run again, gives"),
        "one off": (
            ERRORS_FOUND | {8: [*ERRORS_FOUND[8][:2], 0.0123]},
            "With 8 units and seed 2 you have 1.23e-02",
        ),
        "other seeds": (by_width(lambda row: [*row[1:], row[0]]), "run again, gives"),
        "one seed": (by_width(lambda row: [row[0]] * 3), "Different seeds gave exactly the same"),
        "one value": ({width: [1e-3] for width in ideal.WIDTHS}, "at least 3 of them"),
        "numbers": (dict.fromkeys(ideal.WIDTHS, 1e-3), "one error for each seed"),
    },
    blank=dict.fromkeys(ideal.WIDTHS, ...),
)

# 6

ANSWERS = {name: scaling for name, (scaling, _) in ideal.QUANTITIES.items()}
THINK = Case(
    ideal.scalings,
    ANSWERS,
    {"other order": dict(reversed(ANSWERS.items())), "copied": dict(ANSWERS)},
    {
        "energy": (
            ANSWERS | {"energy of a state": "a hundredth"},
            "7 of 8 are right.\n`energy of a state`: not 'a hundredth'. What is H'",
        ),
        "period": (ANSWERS | {"period": "a hundredth"}, "Has the unit of time changed?"),
        "area": (ANSWERS | {"area inside an orbit": "same"}, "an area in the phase plane"),
        "unknown": (ANSWERS | {"loss": "smaller"}, "is 'smaller'; choose one of: 'same'"),
        "open": (ANSWERS | {"loss": ...}, "has no answer yet for ['loss']"),
    },
    blank=dict.fromkeys(ANSWERS, ...),
    words=ideal.SCALINGS,
)

OLD, NEW = MassSpring(2.0, 3.0), MassSpring(2.0, 3.0)
UNITS = Normalization(100.0, 100.0, 1.0)


def learned(x):
    """A wrong field in physical units."""
    return OLD.field(x) + torch.stack([0.01 * x[..., 0], 0.1 + 0 * x[..., 0]], dim=-1)


def learned_new(x):
    return UNITS.normalize(learned(UNITS.restore(x))) * UNITS.time_scale


def measure(quantity, true, field, x):
    """A quantity in one of the two sets of units, from what is true and learned in them."""
    H = true.hamiltonian
    period = 2 * math.pi / true.frequency
    if quantity == "energy of a state":
        return H(x).item()
    if quantity == "length of an arrow of the field":
        return true.field(x).norm().item()
    if quantity == "loss":
        return (field(x) - true.field(x)).square().mean().item()
    if quantity == "relative error of the field":
        return ((field(x) - true.field(x)).norm() / true.field(x).norm()).item()
    if quantity == "period":
        return (integrate(true.field, x, [0.0, period], step=0.01)[-1] - x).norm().item() + period
    if quantity == "divergence of the field":
        return divergence(field)(x).item()
    if quantity == "area inside an orbit":
        path = integrate(true.field, x, torch.linspace(0, period, 2001, dtype=torch.float64))
        q, p = path.unbind(-1)
        return abs((q[:-1] * p.diff() - p[:-1] * q.diff()).sum().item()) / 2
    return energy_gain(field, H, x, period).item()


@pytest.mark.parametrize("quantity, entry", ideal.QUANTITIES.items())
def test_the_answers_of_exercise_6_are_true(quantity, entry):
    x = torch.tensor([30.0, -50.0], dtype=torch.float64)
    # With equal scales and t_s = 1 the spring of the new units has the old mass and stiffness.
    K = torch.func.grad(lambda y: OLD.hamiltonian(UNITS.restore(y)) / UNITS.energy_scale)
    scaled = UNITS.normalize(x)
    torch.testing.assert_close(K(scaled), torch.func.grad(NEW.hamiltonian)(scaled))
    torch.testing.assert_close(
        hamiltonian_field(NEW.hamiltonian)(scaled), UNITS.normalize(OLD.field(x))
    )
    before = measure(quantity, OLD, learned, x)
    after = measure(quantity, NEW, learned_new, scaled)
    factor = {"same": 1, "a hundredth": 1e-2, "a ten-thousandth": 1e-4}[entry[0]]
    assert after == pytest.approx(factor * before, rel=1e-5)


# 7


GAPS = [0.02 * 1.4**k for k in range(13)]
NOISES = [1e-3, 8e-3]


def study(gaps=GAPS, noises=NOISES, said=ideal.BEST_GAP[1], change=lambda v: v, **more):
    """An experiment with these settings, whose errors were changed."""
    return {
        "prediction": ideal.BEST_GAP[2],
        "noises": list(noises),
        "gaps": list(gaps),
        "errors": [[change(ideal.difference_error(g, n)) for g in gaps] for n in noises],
        "conclusion": said,
    } | more


def simulated(gaps=GAPS, noises=NOISES):
    """The same from random instants, as a learner measures it."""
    g = torch.Generator().manual_seed(1)
    phase, a, b = torch.randn(3, 20_000, generator=g, dtype=torch.float64)
    phase = torch.pi * (1 + torch.erf(phase / 2**0.5))
    w, A = ideal.OMEGA, ideal.AMPLITUDE
    velocity = -w * A * phase.sin()
    rows = []
    for noise in noises:
        rows.append([])
        for gap in gaps:
            after = A * (phase + w * gap).cos() + noise * a
            before = A * (phase - w * gap).cos() + noise * b
            off = (after - before) / (2 * gap) - velocity
            rows[-1].append((off.square().mean() / velocity.square().mean()).sqrt().item())
    return study(errors=rows)


GRAINY = Case(
    ideal.grainy,
    study(),
    {
        "measured": simulated(),
        "three noises": study(noises=[1e-3, 4e-3, 3.2e-2]),
        "other gaps": study([0.015 * 1.3**k for k in range(16)], noises=[2e-3, 2e-2]),
        "came true": study(prediction=ideal.BEST_GAP[1]),
        "no order": study(GAPS[::-1], noises=NOISES[::-1]),
    },
    {
        "per cent": (study(change=lambda v: 100 * v), "in per cent"),
        "squares": (study(change=lambda v: v**2), "squares of the errors"),
        "m/s": (
            study(change=lambda v: v * ideal.OMEGA * ideal.AMPLITUDE / 2**0.5),
            "These are errors in m/s",
        ),
        "amplitude": (study(change=lambda v: v / 2**0.5), "ωA/√2"),
        "no noise": (
            study(errors=[[ideal.difference_error(g, 1e-12) for g in GAPS] for _ in NOISES]),
            "There is no noise in these",
        ),
        "wrong by a third": (study(change=lambda v: 1.35 * v), "measured again it is"),
        "near noises": (study(noises=[1e-3, 3e-3]), "two noises that are far enough apart"),
        "too short": (study(GAPS[:7]), "gaps on both sides of the best one"),
        "too coarse": (study([0.01, 0.05, 0.25, 1.2]), "gaps close enough"),
        "no control": (study([0.03 * 1.2**k for k in range(11)], [1e-3, 8e-3]), ""),
        "stays": (study(said=ideal.BEST_GAP[0]), "a conclusion that your own numbers support"),
        "an eighth": (study(said=ideal.BEST_GAP[2]), "a conclusion that your own numbers support"),
        "twice": (study(said=ideal.BEST_GAP[3]), "a conclusion that your own numbers support"),
        "transposed": (
            study() | {"errors": list(map(list, zip(*study()["errors"], strict=True)))},
            "a row for each noise",
        ),
        "half a turn": (study([*GAPS, 1.9]), "longer than half a turn"),
        "one gap": (study() | {"gaps": 0.1}, "a list of two or more numbers"),
        "another word": (study() | {"conclusion": "it shrinks"}, "choose one of"),
    },
    blank=dict.fromkeys(ideal.STUDY, ...),
    words={"prediction": ideal.BEST_GAP, "conclusion": ideal.BEST_GAP},
    equivalent={"['prediction'] = ": "any prediction may be made"},
)


class TestChecks(ChapterChecks):
    chapter = ideal.chapter
    cases = (SCALED, SHARE, GAP, STEP, ERRORS, THINK, GRAINY)
    demanding = True
