"""The plain network of a motion under inputs: affine in them, periodic in angles, trained."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import jvp

from hnn_tutorial.control import Machine, input_for
from hnn_tutorial.models import MODELS, ForcedMLP, parameter_count
from hnn_tutorial.systems import CartPole
from hnn_tutorial.training import LevenbergMarquardt, fit, forced_residual, load_model, save_model
from hnn_tutorial.training._problem import Problem


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("n, m", [(1, 1), (2, 1), (2, 2), (3, 2)])
@given(st.integers(0, 1000))
def test_it_is_affine_in_the_inputs_and_the_gain_sees_no_velocity(n, m, seed):
    model = ForcedMLP(n, (7, 6), (5,), inputs=m, seed=seed)
    x, u, w = drawn(4, 3, 2 * n, seed=seed), drawn(4, 3, m, seed=1), drawn(4, 3, m, seed=2)
    free = model.field(x, 0 * u)
    torch.testing.assert_close(free[..., :n], x[..., n:])
    change = model.field(x, u) - free
    torch.testing.assert_close(model.field(x, u + 2 * w) - free - change, 2 * (model(x, w) - free))
    faster = torch.cat([x[..., :n], 3 + x[..., n:]], dim=-1)
    moved = model.field(faster, u) - model.field(faster, 0 * u)
    torch.testing.assert_close(moved, change)
    assert change[..., n:].abs().max() > 1e-3
    one = model.field(x[1, 2], u[1, 2])
    torch.testing.assert_close(one, model.field(x, u)[1, 2])


def test_a_turned_angle_is_the_same_angle():
    model = ForcedMLP(2, (8,), angles=(1,), seed=3)
    x, u = drawn(9, 4), drawn(9, 1)
    turned, shifted = x.clone(), x.clone()
    turned[:, 1] += 2 * torch.pi
    shifted[:, 0] += 2 * torch.pi
    torch.testing.assert_close(model.field(turned, u), model.field(x, u))
    assert (model.field(shifted, u) - model.field(x, u)).abs().max() > 1e-2


def test_jacobian_that_levenberg_marquardt_sees():
    model = ForcedMLP(2, (5, 4), (3,), angles=(1,), seed=1)
    x, u = drawn(6, 4), drawn(6, 1)
    batch = {"states": x, "derivatives": 0 * x, "inputs": u}
    problem = Problem(model, forced_residual, batch)
    w = problem.weights()
    with torch.no_grad():
        J, _ = problem.jacobian(w, problem.data)
    direction = drawn(1, len(w), seed=2)[0]
    _, along = jvp(lambda v: problem.residuals(v, problem.data), (w,), (direction,))
    torch.testing.assert_close(J @ direction, along, rtol=1e-9, atol=1e-11)


def test_it_learns_a_cart_with_a_pole_and_steers_it():
    cart = CartPole()
    machine = Machine(cart)
    x, u = cart.velocities(cart.sample(400, seed=0)), 2 * drawn(400, 1)
    batch = {"states": x, "derivatives": machine.field(x, u), "inputs": u}
    model = ForcedMLP(2, (10, 10), (6,), angles=(1,), seed=0)
    fit(model, batch, LevenbergMarquardt(steps=60), residual=forced_residual, progress=False)
    y, w = cart.velocities(cart.sample(200, seed=9)), drawn(200, 1, seed=9)
    with torch.no_grad():
        off = (model.field(y, w) - machine.field(y, w)).square().mean().sqrt()
        assert off < 0.02
        wanted = drawn(200, 1, seed=4)
        push = input_for(model.field, y, wanted, (0,))
        torch.testing.assert_close(model.field(y, push)[:, 2:3], wanted)
        got = machine.field(y, push)[:, 2:3]
    assert (got - wanted).abs().median() < 0.02


def test_size_config_and_file(tmp_path):
    model = ForcedMLP(2, (7, 7), (4,), angles=(1,), seed=5)
    # a: 5-7-7-2; b: 3-4-2, of cos, sin and the place on the track.
    assert parameter_count(model) == (5 * 7 + 7 + 49 + 7 + 14 + 2) + (3 * 4 + 4 + 8 + 2)
    path = tmp_path / "model.safetensors"
    save_model(path, model)
    other = ForcedMLP(**model.config, seed=6)
    x, u = drawn(5, 4), drawn(5, 1)
    assert not torch.equal(other.field(x, u), model.field(x, u))
    load_model(path, other)
    assert torch.equal(other.field(x, u), model.field(x, u))
    assert "forced_mlp" not in MODELS


@pytest.mark.parametrize(
    "call, error, message",
    [
        (lambda m: m.field(drawn(3, 5), drawn(3, 1)), ValueError, r"expected \(..., 4\)"),
        (lambda m: m.field(drawn(3, 4), drawn(3, 2)), ValueError, r"expected \(..., 1\)"),
        (lambda m: m.field(drawn(3, 4), drawn(1, 1)), ValueError, "the same batch"),
        (lambda m: m.field(drawn(3, 4).float(), drawn(3, 1)), TypeError, "float32"),
        (lambda m: ForcedMLP(2, inputs=0), ValueError, "inputs"),
        (lambda m: ForcedMLP(2, angles=(2,)), ValueError, "angle"),
        (lambda m: ForcedMLP(2, 8), TypeError, "hidden"),
    ],
)
def test_bad_input_is_told(call, error, message):
    with pytest.raises(error, match=message):
        call(ForcedMLP(2, (4,), angles=(1,)))
