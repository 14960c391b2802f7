"""The plain network of torques: periodic in angles alone, trained, and refused where it must be."""

import pytest
import torch

from hnn_tutorial.control import Machine
from hnn_tutorial.models import MODELS, TorqueMLP
from hnn_tutorial.systems import TwoLinkArm
from hnn_tutorial.training import LevenbergMarquardt, fit, torque_residual


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_turned_angle_is_the_same_angle_and_nothing_else_is_periodic():
    model = TorqueMLP(2, (8,), angles=(1,), seed=3)
    x, a = drawn(5, 3, 4), drawn(5, 3, 2, seed=1)
    torques = model.inverse_dynamics(x, a)
    assert torques.shape == (5, 3, 2)
    torch.testing.assert_close(model(x[2, 1], a[2, 1]), torques[2, 1])
    for k in range(4):
        turned = x.clone()
        turned[..., k] += 2 * torch.pi
        moved = (model.inverse_dynamics(turned, a) - torques).abs().max()
        assert moved < 1e-12 if k == 1 else moved > 1e-2
    assert (model.inverse_dynamics(x, a + 2 * torch.pi) - torques).abs().max() > 1e-2


def test_it_learns_the_torques_of_an_arm():
    arm = Machine(TwoLinkArm(), damping=[0.3, 0.1])
    x, a = drawn(400, 4), 3 * drawn(400, 2, seed=1)
    data = {
        "states": x,
        "derivatives": torch.cat([x[:, 2:], a], -1),
        "inputs": arm.inverse_dynamics(x, a),
    }
    model = TorqueMLP(2, (16,), angles=(0, 1), seed=0)
    fit(model, data, LevenbergMarquardt(steps=40), residual=torque_residual, progress=False)
    with torch.no_grad():
        left = torque_residual(model, data).square().mean() / data["inputs"].var()
    assert left < 0.02


def test_its_shape_makes_another_and_it_is_no_row_of_models():
    model = TorqueMLP(2, (5, 4), "softplus", angles=(0,), seed=5)
    other = TorqueMLP(**model.config, seed=5)
    x, a = drawn(7, 4), drawn(7, 2)
    torch.testing.assert_close(other(x, a), model(x, a))
    assert model.kind not in MODELS


@pytest.mark.parametrize(
    "x, a, message",
    [((3, 4), (2, 2), "same batch"), ((3, 5), (3, 2), "x"), ((3, 4), (3, 1), "acceleration")],
)
def test_what_does_not_fit_is_refused(x, a, message):
    with pytest.raises(ValueError, match=message):
        TorqueMLP(2, (3,)).inverse_dynamics(drawn(*x), drawn(*a))
