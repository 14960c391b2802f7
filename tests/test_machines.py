"""The arm and the cart-pole: what their formulas say beyond what every system's tests ask."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import cart_poles, positive, systems_with_states, two_link_arms

from hnn_tutorial.systems import CartPole, DoublePendulum, TwoLinkArm


@given(positive, positive, positive, positive, positive, st.integers(0, 100))
def test_an_arm_of_points_is_a_double_pendulum(m1, m2, l1, l2, g, seed):
    """Whose second angle is measured from hanging down: θ₁ + θ₂."""
    arm = TwoLinkArm(m1, m2, l1, l2, l1, l2, 0.0, 0.0, g)
    x = arm.velocities(arm.sample(5, seed))
    turned = x.clone()
    turned[:, [1, 3]] += x[:, [0, 2]]
    expected = DoublePendulum(m1, m2, l1, l2, g).second_order_field(turned)
    expected[:, 3] -= expected[:, 2]
    torch.testing.assert_close(arm.second_order_field(x)[:, 2:], expected[:, 2:])
    torch.testing.assert_close(
        arm.lagrangian(x), DoublePendulum(m1, m2, l1, l2, g).lagrangian(turned)
    )


@given(systems_with_states(two_link_arms), st.integers(0, 100))
def test_the_torques_of_an_arm_are_linear_in_five_numbers(drawn, seed):
    arm, x = drawn
    x = arm.velocities(x)
    generator = torch.Generator().manual_seed(seed)
    acceleration = torch.rand(*x.shape[:-1], 2, generator=generator, dtype=torch.float64) - 0.5
    needed = acceleration - arm.second_order_field(x)[..., 2:]
    torque = (arm.mass_matrix(x) @ needed.unsqueeze(-1)).squeeze(-1)
    linear = arm.regressor(x, acceleration) @ arm.base_parameters
    torch.testing.assert_close(linear, torque, rtol=1e-8, atol=1e-8)


def test_the_hand_does_not_matter_and_a_wrong_acceleration_is_named():
    near, far = TwoLinkArm(length2=0.3), TwoLinkArm(length2=3.0)
    x = near.sample(4, 0)
    assert torch.equal(near.field(x), far.field(x))
    with pytest.raises(ValueError, match="acceleration has shape"):
        near.regressor(x, x)


@given(cart_poles, st.floats(-3.0, 3.0))
def test_a_pole_stands_upright_and_falls_at_its_own_rate(system, place):
    """Linear theory: δ̈ = (M + m) g / (M l) δ about the top, and ω² = the same below."""
    rate = (system.cart_mass + system.pole_mass) * system.gravity
    rate = rate / (system.cart_mass * system.length)
    for angle, sign in ((math.pi, 1.0), (0.0, -1.0)):
        still = torch.tensor([place, angle, 0.0, 0.0], dtype=torch.float64)
        assert system.field(still).abs().max() < 1e-14 * (1 + rate) * (1 + system.pole_mass * 9)
        near = still + torch.tensor([0.0, 1e-5, 0.0, 0.0], dtype=torch.float64)
        assert math.isclose(
            float(system.second_order_field(near)[3]), sign * 1e-5 * rate, rel_tol=1e-6
        )


def test_a_heavy_cart_hardly_moves():
    """With M → ∞ the pole is a pendulum on a fixed pivot."""
    x = CartPole(pole_mass=0.5).sample(6, 0)
    y = CartPole(1e9, 0.5, 0.7, 2.0).second_order_field(x)
    torch.testing.assert_close(y[:, 3], -2.0 / 0.7 * torch.sin(x[:, 1]), rtol=1e-6, atol=1e-6)
