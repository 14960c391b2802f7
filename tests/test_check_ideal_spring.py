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
        "a tuple": (lambda m, k, q, p, t: (m, k), "torch.stack([...], dim=-1)"),
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


def mean_error(f, t, radius, bound, points):
    x = points_of(radius, points)
    size = t(x).norm(dim=-1)
    return ((f(x) - t(x)).norm(dim=-1) / size)[size > 0].mean()


SHARE = Case(
    ideal.share_within,
    share,
    {
        "loop": share_by_loop,
        "package": lambda f, t, r, b, n: torch.tensor(
            mesh_error(f, t, r, n).fraction_below(b), dtype=torch.float64
        ),
    },
    {
        "origin fails": (with_origin, "The origin is counted, as a failure"),
        "outside": (lambda *a: 1 - share(*a), "*outside* of the bound"),
        "per cent": (lambda *a: 100 * share(*a), "in per cent"),
        "absolute": (absolute, "This is the absolute error"),
        "relative to the largest": (of_the_largest, "divided by the largest length"),
        "by component": (by_component, "Compare the vectors' lengths"),
        "mean error": (mean_error, "This is the mean error"),
        "a float": (lambda *a: share(*a).item(), "not a torch tensor"),
        "something else": (lambda *a: 0 * share(*a) + 0.123, "the share is wrong"),
    },
    spared=NO_STATES,
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
        "no damping": (lambda f, w, mu: step(f, w, 0.0), "The damping μ is missing"),
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


def errors(values, spread=0.1):
    return {
        width: [value * (1 + spread * i) for i in (-1, 0, 1)]
        for width, value in zip(ideal.WIDTHS, values, strict=True)
    }


GOOD = (4e-3, 3e-3, 2e-4, 5e-6)
ERRORS = Case(
    ideal.small_networks,
    errors(GOOD),
    {
        "tensors": {width: torch.tensor(row) for width, row in errors(GOOD, 0.5).items()},
        "not monotone": errors((4e-3, 5e-3, 2e-3, 1e-4)),
    },
    {
        "logarithms": (errors((-2.4, -2.5, -3.7, -5.3)), "not its logarithm"),
        "raw": (errors((9.0, 5.0, 3.0, 1.0)), "Were the data normalised"),
        "reversed": (errors(GOOD[::-1]), "The smallest network comes out best"),
        "not converged": (errors((0.3, 0.2, 0.1, 0.02)), "Has the training converged"),
        "all alike": (errors((2e-4, 2e-4, 2e-4, 1e-4)), "at least a factor of ten"),
        "mean": (errors((9e-6, 5e-6, 1e-6, 1e-8)), "the *largest* relative error"),
        "one seed": (errors(GOOD, 0), "Different seeds gave exactly the same error"),
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
            "7 of 8 are right.\n`energy of a state`: not 'a hundredth'. What is K",
        ),
        "period": (ANSWERS | {"period": "a hundredth"}, "Has the unit of time changed?"),
        "area": (ANSWERS | {"area inside an orbit": "same"}, "an area in the phase plane"),
        "unknown": (ANSWERS | {"loss": "smaller"}, "is 'smaller'; choose one of: 'same'"),
        "open": (ANSWERS | {"loss": ...}, "has no answer yet for ['loss']"),
    },
    blank=dict.fromkeys(ANSWERS, ...),
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


class TestChecks(ChapterChecks):
    chapter = ideal.chapter
    cases = (SCALED, SHARE, GAP, STEP, ERRORS, THINK)
