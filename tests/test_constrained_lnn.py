"""A Lagrangian network in Cartesian coordinates under rods: at any weights, and trained."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_constraints import CHAIN, LINKAGE, drawn
from test_poisson_nn import random_weights
from torch.func import jvp

from hnn_tutorial.constraints import Rods, constrained_field
from hnn_tutorial.data import Dataset
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import gradient, lagrangian_field
from hnn_tutorial.models import MODELS, ConstrainedLNN, parameter_count
from hnn_tutorial.systems import FourBar, LinkChain
from hnn_tutorial.training import (
    LevenbergMarquardt,
    acceleration_residual,
    fit,
    load_model,
    save_model,
)
from hnn_tutorial.training._problem import Problem

POINTS = LinkChain(2, (1.0, 0.7), (1.0, 0.8), gravity=1.0)
HEAVY = LinkChain(2, (0.2, 0.1), (1.0, 0.8), (1.0, 0.7), gravity=1.0)


def data(chain, count, seed):
    y = chain.velocities(chain.sample(count, seed))
    return Dataset(y, chain.second_order_field(y))


def error(model, truth, y):
    """The root mean square error of the accelerations, over their own size."""
    n = truth.degrees
    with torch.no_grad():
        expected = truth.second_order_field(y)[..., n:]
        missed = model.acceleration(y) - expected
    return float((missed.square().mean() / expected.square().mean()).sqrt())


@given(st.integers(0, 1000), st.booleans(), st.sampled_from([CHAIN, LINKAGE]))
def test_rods_and_energy_are_kept_at_any_weights(seed, couplings, system):
    rods = system.constraints
    model = random_weights(ConstrainedLNN(rods, (8, 7), couplings=couplings), seed)
    y = system.velocities(system.sample(6, seed))
    q, velocity = y.chunk(2, dim=-1)
    acceleration = model.acceleration(y)
    held = (rods.jacobian(q) @ acceleration.unsqueeze(-1)).squeeze(-1) + rods.curvature(velocity)
    assert held.abs().max() < 1e-9 * (1 + acceleration.abs().max())
    work = gradient(model.energy)(y) * model.field(y)
    assert (work.sum(-1).abs() <= 1e-10 * (1 + work.abs().sum(-1))).all()
    assert torch.linalg.eigvalsh(model.mass_matrix(y)).min() > 0


@settings(max_examples=20)
@given(st.integers(0, 1000), st.booleans())
def test_pulled_back_to_angles_it_is_the_same_motion(seed, couplings):
    """It is not the multipliers that make it better: the Lagrangian of the angles has them not."""
    model = random_weights(ConstrainedLNN(CHAIN.constraints, (8,), couplings=couplings), seed, 0.3)

    def reduced(a):
        return model.lagrangian(CHAIN.from_angles(a))

    twin = CHAIN.in_angles()
    a = twin.velocities(twin.sample(5, seed))
    y = CHAIN.from_angles(a)
    found = CHAIN.rates_to_angles(y, model.field(y))
    torch.testing.assert_close(found, lagrangian_field(reduced)(a), rtol=1e-8, atol=1e-8)


def test_its_closed_forms_are_those_of_its_lagrangian():
    model = random_weights(ConstrainedLNN(CHAIN.constraints, (8, 7)), 0)
    y = CHAIN.velocities(CHAIN.sample(5, 0))
    known = constrained_field(model.potential, model.masses, model.rods, momenta=False)
    torch.testing.assert_close(model.field(y), known(y))
    torch.testing.assert_close(model.multipliers(y), known.multipliers(y))
    momentum = gradient(model.lagrangian)(y)[:, 6:]
    expected = (model.mass_matrix(y) @ y[:, 6:].unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(momentum, expected)
    energy = (y[:, 6:] * momentum).sum(-1) - model.lagrangian(y)
    torch.testing.assert_close(model.energy(y), energy)


@pytest.mark.parametrize("couplings", [True, False])
def test_jacobian_that_levenberg_marquardt_sees(couplings):
    model = random_weights(ConstrainedLNN(CHAIN.constraints, (5,), couplings=couplings), 1)
    y = CHAIN.velocities(CHAIN.sample(6, 0))
    problem = Problem(model, acceleration_residual, {"states": y, "derivatives": 0 * y})
    w = problem.weights()
    with torch.no_grad():
        J, r = problem.jacobian(w, problem.data)
    torch.testing.assert_close(r, model.acceleration(y).detach())
    direction = drawn(len(w), seed=2)
    _, along = jvp(lambda v: problem.residuals(v, problem.data), (w,), (direction,))
    torch.testing.assert_close(J @ direction, along, rtol=1e-9, atol=1e-11)


def test_it_learns_a_chain_and_its_masses_and_predicts_the_closed_loop():
    """From the open chain alone: with one rod more, the motion of a linkage that it never saw."""
    linkage = FourBar(1.0, 0.8, 1.0, 1.3, POINTS.masses, gravity=1.0)
    model = ConstrainedLNN(POINTS.constraints, (12,), seed=0)
    optimizer = LevenbergMarquardt(steps=60)
    fit(model, data(POINTS, 200, 1), optimizer, residual=acceleration_residual, progress=False)
    assert error(model, POINTS, data(POINTS, 500, 99).states) < 1e-7
    M = model.masses.detach()
    torch.testing.assert_close(M / M[0, 0], POINTS.masses_between, rtol=1e-6, atol=1e-6)
    closed = model.with_constraints(linkage.constraints)
    assert torch.equal(closed.masses, model.masses)
    assert model.rods == POINTS.constraints
    x = linkage.sample(5, 0, speed=0.5)
    times = torch.linspace(0, 2, 21, dtype=torch.float64)
    with torch.no_grad():
        path = integrate(closed.field, linkage.velocities(x), times, "rattle", step=0.01)
    known = linkage.velocities(integrate(linkage.field, x, times, "rattle", step=0.01))
    torch.testing.assert_close(path, known, rtol=1e-4, atol=1e-4)
    assert linkage.constraints.values(path[..., :4]).abs().max() < 1e-14


def test_heavy_rods_need_masses_between_the_points():
    errors = []
    for couplings in (True, False):
        model = ConstrainedLNN(HEAVY.constraints, (12,), couplings=couplings, seed=0)
        optimizer = LevenbergMarquardt(steps=60)
        fit(model, data(HEAVY, 200, 1), optimizer, residual=acceleration_residual, progress=False)
        errors.append(error(model, HEAVY, data(HEAVY, 500, 99).states))
    assert errors[0] < 1e-5
    assert errors[1] > 0.02


def test_batches_dtypes_seeds_and_sizes():
    rods = POINTS.constraints
    model = random_weights(ConstrainedLNN(rods, (6, 5), "softplus"), 0)
    y = POINTS.velocities(POINTS.sample(6, 0))
    together = model.field(y)
    torch.testing.assert_close(model(y.reshape(2, 3, 8)).reshape(6, 8), together)
    torch.testing.assert_close(model.field(y[0]), together[0])
    single = ConstrainedLNN(rods, (6, 5), seed=1, dtype=torch.float32)
    double = ConstrainedLNN(rods, (6, 5), seed=1)
    close = single.field(y.float()).double()
    torch.testing.assert_close(close, double.field(y), rtol=1e-4, atol=1e-4)
    assert not torch.equal(ConstrainedLNN(rods, (6, 5), seed=2).field(y), double.field(y))
    assert parameter_count(ConstrainedLNN(rods, ())) == 5 + 3
    assert parameter_count(ConstrainedLNN(rods, (), couplings=False)) == 5 + 2


def test_files_and_pytorch_take_it(tmp_path):
    model = random_weights(ConstrainedLNN(POINTS.constraints, (5, 4)), 2)
    y = POINTS.velocities(POINTS.sample(4, 0))
    save_model(tmp_path / "model.safetensors", model)
    same = ConstrainedLNN(POINTS.constraints, (5, 4), seed=9)
    again = load_model(tmp_path / "model.safetensors", same)
    assert torch.equal(again.field(y), model.field(y))
    with pytest.raises(ValueError, match="hand in the model that it is to become"):
        load_model(tmp_path / "model.safetensors")
    described = model.config["rods"]
    assert Rods(**described) == Rods(((-1, 0), (0, 1)), (1.0, 0.8)) == model.rods
    assert model.kind not in MODELS
    torch._dynamo.reset()
    for_any = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(model, (y,), dynamic_shapes=for_any).module()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    for changed in (exported, compiled):
        torch.testing.assert_close(changed(y[:3]), model(y[:3]))


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: ConstrainedLNN("rods"), TypeError, "expected rods"),
        (lambda: ConstrainedLNN(CHAIN.constraints, couplings=1), TypeError, "True or False"),
        (lambda: ConstrainedLNN(CHAIN.constraints).field(drawn(3, 8)), ValueError, "made for 12"),
        (
            lambda: ConstrainedLNN(CHAIN.constraints).with_constraints(POINTS.constraints),
            ValueError,
            "hold 2 points in 2 dimensions; this model knows 3",
        ),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
