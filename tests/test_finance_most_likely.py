"""Most likely paths: closed forms against relaxation, simulation and known densities."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ncx2, norm

from hnn_tutorial.finance import (
    CoxIngersollRoss,
    LearnedDiffusion,
    LinearDiffusion,
    Merton,
    Vasicek,
)
from hnn_tutorial.mechanics import action, conjugate_momentum, legendre_transform

MODELS = {
    "vasicek": Vasicek(0.5, 0.03, 0.02),
    "cir": CoxIngersollRoss(0.5, 0.03, 0.08),
    "linear": LinearDiffusion(torch.tensor([[-1.0, 1.5], [-0.7, -0.5]]).double(), 0.6),
    "merton": Merton(130, 90, 0.07, 0.3),
    "learned": LearnedDiffusion(torch.sin, 2, 0.8),
}


def clock(horizon, steps):
    return torch.linspace(0, horizon, steps + 1, dtype=torch.float64)


def vector(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def middles(path, times):
    """States [q, q̇] at the middles of the steps of a path."""
    velocity = path.diff(dim=0) / times.diff().unsqueeze(-1)
    return torch.cat([(path[1:] + path[:-1]) / 2, velocity], dim=-1)


def energies(model, path, times):
    x = middles(path, times)
    return model.hamiltonian(conjugate_momentum(model.lagrangian)(x))


@pytest.mark.parametrize("name", MODELS)
def test_lagrangian_and_hamiltonian_are_of_one_another(name):
    model = MODELS[name]
    generator = torch.Generator().manual_seed(0)
    q = 0.02 + 0.1 * torch.rand(6, model.dimension, generator=generator).double()
    v = torch.randn(6, model.dimension, generator=generator).double()
    x = torch.cat([q, v], dim=-1)
    p = conjugate_momentum(model.lagrangian)(x)
    expected = legendre_transform(model.lagrangian)(p)
    torch.testing.assert_close(model.hamiltonian(p), expected, rtol=1e-9, atol=1e-9)
    down = torch.cat([q, model.drift(q)], dim=-1)
    assert model.lagrangian(down).abs().max() < 1e-14
    assert model.hamiltonian(torch.cat([q, 0 * q], dim=-1)).abs().max() < 1e-14


@given(
    start=st.floats(0.005, 0.1),
    end=st.floats(0.005, 0.1),
    horizon=st.floats(0.3, 6.0),
    kind=st.sampled_from([Vasicek, CoxIngersollRoss]),
)
def test_closed_paths_have_their_ends_and_keep_their_energy(start, end, horizon, kind):
    model = kind(0.4, 0.04, 0.05)
    times = clock(horizon, 2000)
    path = model.path(start, end, times)
    torch.testing.assert_close(path[[0, -1], 0], vector(start, end), rtol=1e-9, atol=1e-12)
    assert (path > 0).all()
    energy = energies(model, path, times)
    # The kinetic part p²σ²/2 is what the two parts of H are large against.
    size = (energy.abs() + model.lagrangian(middles(path, times))).max() + 1e-9
    assert (energy - energy.mean()).abs().max() < 1e-3 * size


@pytest.mark.parametrize("name, bound", [("vasicek", 2e-6), ("cir", 2e-6)])
def test_relaxed_paths_are_the_closed_ones_of_order_two(name, bound):
    model, ends = MODELS[name], (0.02, 0.07)
    errors = []
    for steps in (40, 80):
        times = clock(3.0, steps)
        path = model.most_likely(vector(ends[0]), vector(ends[1]), times)
        errors.append((path - model.path(*ends, times)).abs().max().item())
    assert errors[1] < bound
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.4)


def test_the_action_of_vasicek_is_half_the_square_of_a_normal_number():
    model = MODELS["vasicek"]
    times = clock(2.0, 4000)
    cost = action(model.lagrangian, model.path(0.02, 0.07, times), times)
    z = (0.07 - model.mean(0.02, 2.0)) / model.deviation(2.0)
    assert cost == pytest.approx(z**2 / 2, rel=1e-5)


def test_the_action_of_cir_is_the_exponent_of_its_density():
    """The noncentral chi-squared density: its logarithm is −S where the noise is small."""
    gaps = []
    for volatility in (0.01, 0.005):
        model = CoxIngersollRoss(0.3, 0.04, volatility)
        times = clock(2.0, 2000)
        S = action(model.lagrangian, model.path(0.03, 0.08, times), times).item()
        c = 2 * 0.3 / (volatility**2 * -math.expm1(-0.6))
        density = ncx2.logpdf(
            2 * c * 0.08, 4 * 0.3 * 0.04 / volatility**2, 2 * c * 0.03 * math.exp(-0.6)
        )
        gaps.append(1 + (density + math.log(2 * c)) / S)
    # What is left of the exponent is smaller by the square of the noise.
    assert 0 < gaps[1] < gaps[0] < 0.1
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.5)


def test_simulated_paths_have_mean_and_deviation():
    model = MODELS["vasicek"]
    paths = model.simulate(vector(0.02).expand(20_000, 1), clock(2.0, 4), seed=0, substeps=20)
    assert paths.shape == (5, 20_000, 1)
    assert paths[-1].mean() == pytest.approx(model.mean(0.02, 2.0), abs=6e-4)
    assert paths[-1].std() == pytest.approx(model.deviation(2.0), rel=0.03)
    again = model.simulate(vector(0.02).expand(3, 1), clock(2.0, 4), seed=1)
    assert torch.equal(again, model.simulate(vector(0.02).expand(3, 1), clock(2.0, 4), seed=1))


def test_paths_that_arrive_are_near_the_most_likely_one():
    """The mean of those of a linear model that end near a point is the most likely path."""
    model = LinearDiffusion(torch.tensor([[-1.0, 1.5], [-1.5, -1.0]]).double(), 0.5)
    times, goal = clock(3.0, 30), vector(0.6, 0.0)
    paths = model.simulate(torch.zeros(60_000, 2).double(), times, seed=0, substeps=4)
    arrived = (paths[-1] - goal).norm(dim=-1) < 0.12
    assert arrived.sum() > 200
    most_likely = model.most_likely(vector(0.0, 0.0), goal, times)
    assert (paths[:, arrived].mean(1) - most_likely).norm(dim=-1).max() < 0.1


def test_a_rotating_drift_is_climbed_the_other_way_round():
    turn = torch.tensor([[0.0, 1.5], [-1.5, 0.0]]).double()
    eye = torch.eye(2).double()
    model = LinearDiffusion(turn - eye)
    times, goal = clock(6.0, 240), vector(1.0, 0.0)
    path = model.most_likely(vector(0.0, 0.0), goal, times)
    before = (times - 6).reshape(-1, 1, 1)
    up = torch.matrix_exp((turn + eye) * before) @ goal
    reversed_ = torch.matrix_exp((turn - eye) * -before) @ goal
    assert (path - up).norm(dim=-1).max() < 4e-3
    assert (path - reversed_).norm(dim=-1).max() > 0.5
    # |q|² is the exponent of the density at rest, for noise 1.
    assert action(model.lagrangian, path, times) == pytest.approx(1, rel=1e-3)


def test_a_learned_drift_that_is_right_has_the_right_path():
    model = MODELS["linear"]
    learned = LearnedDiffusion(model.drift, 2, 0.6)
    ends = vector(0.1, 0.0), vector(0.5, -0.4)
    times = clock(2.0, 30)
    torch.testing.assert_close(learned.most_likely(*ends, times), model.most_likely(*ends, times))


def test_a_double_well_is_crossed_through_its_top_if_the_guess_goes_there():
    """A drift that is not linear, where Gauss–Newton takes several steps."""
    model = LearnedDiffusion(lambda q: q - q**3, 1, 0.5)
    times = clock(10.0, 200)
    path = model.most_likely(vector(-1.0), vector(1.0), times)
    # Twice the height of the barrier, 1/4, over the square of the noise.
    assert action(model.lagrangian, path, times) == pytest.approx(2, rel=0.05)
    energy = energies(model, path, times)
    assert (energy - energy.mean()).abs().max() < 0.02


@given(
    value=st.floats(60, 300), growth=st.floats(-0.1, 0.2), sigma=st.floats(0.05, 0.6),
    horizon=st.floats(0.3, 10.0),
)  # fmt: skip
def test_merton_is_a_straight_line_with_the_distance_as_its_action(value, growth, sigma, horizon):
    firm = Merton(value, 100, growth, sigma)
    times = clock(horizon, 7)
    z = firm.distance(horizon)
    cost = action(firm.lagrangian, firm.path(times), times)
    assert cost == pytest.approx(z**2 / 2, rel=1e-9, abs=1e-12)
    start, end = vector(math.log(value / 100)), vector(0.0)
    relaxed = firm.most_likely(start, end, times)
    torch.testing.assert_close(relaxed, firm.path(times), rtol=1e-6, atol=1e-7)
    assert firm.default_probability(horizon) == pytest.approx(norm.cdf(-z), rel=1e-9, abs=1e-300)


def test_a_guess_where_the_noise_vanishes_is_refused():
    with pytest.raises(ValueError, match="the noise is zero"):
        MODELS["cir"].most_likely(
            vector(0.03), vector(0.05), clock(1.0, 4), vector(0.03, 0, -0.01, 0, 0.05)[:, None]
        )
