"""A structured LNN that knows: turned as a whole, rods keep their kinetic energy."""

import pytest
import torch
from torch.func import grad, hessian

from hnn_tutorial.data import Dataset
from hnn_tutorial.models import RelativeLNN
from hnn_tutorial.systems import DoublePendulum
from hnn_tutorial.training import LevenbergMarquardt, fit


def model(degrees=2, seed=0):
    return RelativeLNN(degrees, (6,), "tanh", angles=tuple(range(degrees)), seed=seed)


def states(degrees, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(7, 2 * degrees, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("degrees", [2, 3])
def test_its_acceleration_solves_the_euler_lagrange_equation(degrees):
    """Against second derivatives of L by autograd, with an error that rounding explains."""
    net, n = model(degrees), degrees
    for x in states(degrees):
        second = hessian(net.lagrangian)(x)
        force = grad(net.lagrangian)(x)[:n] - second[n:, :n] @ x[n:]
        assert torch.allclose(net.acceleration(x), torch.linalg.solve(second[n:, n:], force))
        assert torch.allclose(net.mass_matrix(x), second[n:, n:])


@pytest.mark.parametrize("degrees", [2, 3])
def test_turned_as_a_whole_the_mass_matrix_stays_and_the_potential_does_not(degrees):
    net, x = model(degrees), states(degrees)
    turned = x + torch.cat([torch.full((degrees,), 0.7), torch.zeros(degrees)]).double()
    assert torch.allclose(net.mass_matrix(turned), net.mass_matrix(x))
    q = x[:, :degrees]
    assert (net.potential(q + 0.7) - net.potential(q)).abs().max() > 0.01


def test_it_keeps_its_energy_at_random_weights():
    net = model()
    for x in states(2):
        slope, rate = grad(net.energy)(x).detach(), net.field(x).detach()
        assert abs(slope @ rate) < 1e-10 * slope.norm() * rate.norm()


def test_it_learns_a_double_pendulum():
    """A double pendulum has this form, so states that were not learned from come out right too."""
    system = DoublePendulum(1.0, 0.8, 1.0, 0.7, gravity=0.5)
    x = system.velocities(system.sample(300, seed=0, angle=2.0, speed=1.0))
    net = model()
    rows = Dataset(x, system.second_order_field(x))
    fit(net, rows, LevenbergMarquardt(steps=40, weight_decay=1e-8), progress=False)
    later = system.velocities(system.sample(300, seed=1, angle=2.0, speed=1.0))
    exact = system.second_order_field(later)
    with torch.no_grad():
        assert (net.field(later) - exact).norm() / exact.norm() < 0.05


@pytest.mark.parametrize("degrees, angles", [(2, (0,)), (2, ()), (1, (0,))])
def test_it_refuses_coordinates_that_are_no_angles(degrees, angles):
    with pytest.raises(ValueError, match="all of them angles"):
        RelativeLNN(degrees, (6,), "tanh", angles=angles, seed=0)
