"""The cost of selling over time: exact paths, what they conserve, and schedules of any cost."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hnn_tutorial.finance import (
    ConvexCost,
    Execution,
    FreeCost,
    PowerCost,
    cheapest_schedule,
    cost_residual,
)
from hnn_tutorial.mechanics import action, conjugate_momentum
from hnn_tutorial.training import LevenbergMarquardt, fit

positive = st.floats(0.2, 5.0)
executions = st.builds(
    Execution,
    impact=positive,
    exponent=st.one_of(st.just(1.0), st.floats(0.3, 1.0)),
    aversion=positive,
    volatility=st.floats(0.3, 3.0),
)


def clock(horizon, steps):
    return torch.linspace(0, horizon, steps + 1, dtype=torch.float64)


def middles(q, times):
    """States [q, q̇] at the middles of the steps of a path."""
    return torch.stack([(q[1:] + q[:-1]) / 2, q.diff() / times.diff()], dim=-1)


@given(model=executions, q=positive, v=positive)
def test_the_energy_is_that_of_the_lagrangian(model, q, v):
    x = torch.tensor([[q, -v], [q, v]], dtype=torch.float64)
    p = conjugate_momentum(model.lagrangian)(x)[..., 1]
    torch.testing.assert_close(model.energy(x), x[..., 1] * p - model.lagrangian(x))


@given(model=executions, shares=positive, horizon=st.floats(0.3, 3.0))
def test_the_path_has_its_ends_its_energy_and_its_cost(model, shares, horizon):
    """To the error of the midpoint rule, which falls with the square of the step."""
    times = clock(horizon, 2000)
    q = model.path(shares, times)
    assert abs(q[0] / shares - 1) < 1e-8
    assert abs(q[-1]) < 1e-9 * shares
    assert (q.diff() < 0).all()
    energy = model.energy(middles(q, times))
    size = model.lagrangian(middles(q, times)).max()
    # The last steps of a steep path are the coarsest.
    assert (energy - energy[0]).abs().max() < 2e-3 * size
    cost = action(model.lagrangian, q[:, None], times)
    assert cost == pytest.approx(model.least_cost(shares, horizon), rel=2e-3)


def test_linear_impact_is_the_sinh_of_almgren_and_chriss():
    model = Execution(impact=1.7, aversion=0.6, volatility=1.3)
    rate = math.sqrt(0.6 * 1.3**2 / 1.7)
    times = clock(2.3, 40)
    expected = 3.1 * torch.sinh(rate * (2.3 - times)) / math.sinh(rate * 2.3)
    torch.testing.assert_close(model.path(3.1, times), expected, rtol=1e-12, atol=1e-13)
    cost = 1.7 * rate * 3.1**2 / math.tanh(rate * 2.3)
    assert model.least_cost(3.1, 2.3) == pytest.approx(cost, rel=1e-10)


def test_the_power_law_becomes_the_linear_one():
    times = clock(1.0, 30)
    near, linear = Execution(exponent=1 - 1e-7), Execution()
    torch.testing.assert_close(near.path(1, times), linear.path(1, times), rtol=1e-5, atol=1e-6)


def test_a_long_horizon_is_no_overflow():
    q = Execution().path(1.0, clock(800.0, 10))
    assert torch.isfinite(q).all()
    assert q[0] == 1


@given(model=executions, bend=st.floats(-0.2, 0.2), k=st.integers(1, 4))
def test_no_other_path_is_cheaper(model, bend, k):
    times = clock(1.0, 400)
    q = model.path(1.0, times)
    other = q + bend * torch.sin(k * math.pi * times)
    cost = [action(model.lagrangian, path[:, None], times) for path in (q, other)]
    assert cost[0] < cost[1] + 1e-3 * cost[0]


@pytest.mark.parametrize("exponent", [1.0, 0.6])
def test_the_relaxed_schedule_is_the_exact_path(exponent):
    model = Execution(exponent=exponent)
    times = clock(1.0, 60)
    q = cheapest_schedule(model.impact_cost, model.risk, 2.0, times)
    assert q[0] == 2
    assert q[-1] == 0
    torch.testing.assert_close(q, model.path(2.0, times), rtol=0, atol=1e-3)
    cost = [action(model.lagrangian, path[:, None], times) for path in (q, model.path(2.0, times))]
    assert cost[0] <= cost[1] * (1 + 1e-9)


def test_without_risk_it_sells_evenly():
    times = torch.tensor([0.0, 0.1, 0.4, 1.0], dtype=torch.float64)
    q = cheapest_schedule(lambda v: v**2, 0.0, 1.0, times)
    torch.testing.assert_close(q, 1 - times, rtol=0, atol=1e-6)


def test_trades_have_the_cost_and_the_noise_that_they_say():
    model = Execution(impact=0.8, exponent=0.6)
    exact = model.trades(50, 0.0, seed=1)
    torch.testing.assert_close(exact["costs"], 0.8 * exact["rates"] ** 0.6)
    many = model.trades(20_000, 0.5, fastest=2.0, seed=2)
    left = many["costs"] - 0.8 * many["rates"] ** 0.6
    assert left.std() == pytest.approx(0.5, rel=0.03)
    assert many["rates"].min() > 0
    assert many["rates"].max() <= 2


def test_a_power_law_learns_its_two_numbers():
    model = PowerCost()
    data = Execution(impact=0.7, exponent=0.6).trades(200, 0.0, seed=0)
    fit(model, data, LevenbergMarquardt(steps=40), residual=cost_residual, progress=False)
    assert model.log_impact.exp().item() == pytest.approx(0.7, rel=1e-6)
    assert model.log_exponent.exp().item() == pytest.approx(0.6, rel=1e-6)


def test_a_known_exponent_is_no_weight():
    linear = PowerCost(1.0)
    assert sum(w.numel() for w in linear.parameters()) == 1
    rate = torch.tensor([-2.0, 0.0, 3.0], dtype=torch.float64)
    torch.testing.assert_close(linear(rate), rate**2)


@pytest.mark.parametrize("kind", [FreeCost, ConvexCost])
def test_networks_cost_nothing_at_rest_and_the_same_for_both_sides(kind):
    model = kind((5,), seed=3)
    rate = torch.linspace(-3, 3, 31, dtype=torch.float64)
    torch.testing.assert_close(model(rate), model(-rate))
    assert model(torch.zeros(1).double()).abs() < 1e-14


def test_a_convex_cost_makes_even_selling_the_cheapest_without_risk():
    """Whatever its weights: that is what convexity is for."""
    for seed in range(5):
        model = ConvexCost((6,), seed=seed).requires_grad_(False)
        times = clock(1.0, 12)
        even, sold = 1 - times, cheapest_schedule(model, 0.0, 1.0, times)
        cost = [(model(-q.diff() * 12) / 12).sum() for q in (even, sold)]
        assert cost[0] <= cost[1] * (1 + 1e-9)


def test_an_exponent_above_one_is_refused():
    with pytest.raises(ValueError, match=r"exponent = 1\.5"):
        Execution(exponent=1.5)


def test_the_excess_is_zero_for_the_cheapest_schedule_and_known_for_the_even_one():
    model, times = Execution(), clock(1.0, 50)
    best = cheapest_schedule(model.impact_cost, model.risk, 2.0, times)
    assert abs(model.excess(best, times)) < 1e-6
    # Even selling costs eta + alpha/3 for each square of the shares, the sinh 2/tanh(2).
    expected = 1e4 * ((1 + 4 / 3) / (2 / math.tanh(2)) - 1)
    assert model.excess(2 * (1 - times), times) == pytest.approx(expected, rel=5e-3)


def test_groups_of_trades_have_less_noise_and_the_same_mean():
    model = Execution(exponent=0.6)
    grouped = model.trades(20_000, 0.5, group=100, seed=0)
    left = grouped["costs"] - grouped["rates"] ** 0.6
    assert len(left) == 200
    assert left.std() == pytest.approx(0.05, rel=0.2)
    assert abs(left.mean()) < 0.02
    with pytest.raises(ValueError, match="does not divide"):
        model.trades(10, 0.1, group=3, seed=0)
