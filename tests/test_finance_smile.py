"""Smiles: geodesics against closed distances, prices against published digits and simulation."""

import math
from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from hnn_tutorial.finance import (
    CoxIngersollRoss,
    FreeMetric,
    Heston,
    MetricNetwork,
    Sabr,
    SabrMetric,
    Vasicek,
    affine_exponent,
    black_scholes,
    bond_price,
    geodesics,
    implied_volatility,
    metric_hamiltonian,
    metric_lagrangian,
    metric_residual,
    realised_covariances,
    shoot_geodesics,
    smile,
)
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import action, conjugate_momentum, hamiltonian_field, legendre_transform
from hnn_tutorial.training import LevenbergMarquardt, fit

STRIKES = torch.tensor([-0.5, -0.2, 0.0, 0.1, 0.3], dtype=torch.float64)
SABRS = {
    "log-normal": Sabr(0.25, 0.8, -0.6),
    "half": Sabr(0.3, 0.6, 0.35, 0.5),
    "normal": Sabr(0.2, 0.5, -0.2, 0.0),
}
FLAT = torch.tensor([[0.04, 0.018], [0.018, 0.09]], dtype=torch.float64)
HESTON = Heston()
UNEQUAL = Heston(0.05, 1.1, 0.03, 0.4, 0.3)


def vector(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def flat(q):
    return FLAT.to(q).expand(*q.shape[:-1], 2, 2)


# Black and Scholes


@pytest.mark.parametrize("k, volatility, expiry", [(0.2, 0.3, 0.7), (-0.4, 0.15, 2.0), (0, 1, 1)])
def test_black_scholes_is_the_mean_of_the_payoff(k, volatility, expiry):
    s = volatility * math.sqrt(expiry)
    edge = (k + s * s / 2) / s
    mean = quad(
        lambda z: (math.exp(s * z - s * s / 2) - math.exp(k)) * norm.pdf(z), edge, edge + 40 * s + 9
    )[0]
    call = black_scholes(vector(k), volatility, expiry)
    assert call.item() == pytest.approx(mean, rel=1e-7, abs=1e-12)
    put = black_scholes(vector(k), volatility, expiry, put=True)
    assert (call - put).item() == pytest.approx(1 - math.exp(k), abs=1e-14)


@settings(deadline=None)
@given(
    k=st.floats(-1.5, 1.5),
    deviations=st.floats(-6, 6),
    expiry=st.floats(0.02, 20),
    put=st.booleans(),
)
def test_an_implied_volatility_gives_back_its_price(k, deviations, expiry, put):
    volatility = (abs(k) / max(abs(deviations), 0.2) + 0.01) / math.sqrt(expiry)
    strikes = vector(k)
    # Out of the money, where a price is known to all its digits.
    put = k < 0
    price = black_scholes(strikes, volatility, expiry, put=put)
    found = implied_volatility(price, strikes, expiry, put=put)
    assert found.item() == pytest.approx(volatility, rel=1e-8)


def test_prices_far_from_the_forward_keep_their_digits():
    """Twelve deviations away; the difference of two tails by their series is good to 1 %."""
    k, s = 0.3, 0.025
    price = black_scholes(vector(k), 0.25, 0.01)
    d = k / s - s / 2
    density = math.exp(-d * d / 2) / math.sqrt(2 * math.pi)
    assert price.item() == pytest.approx(density * s / d**2, rel=0.03)
    assert implied_volatility(price, vector(k), 0.01).item() == pytest.approx(0.25, rel=1e-9)


def test_implied_volatilities_broadcast_and_know_both_kinds():
    k = STRIKES
    volatility = torch.linspace(0.3, 0.6, 15, dtype=torch.float64).reshape(3, 5)
    call = black_scholes(k, volatility, 0.4)
    put = black_scholes(k, volatility, 0.4, put=True)
    assert call.shape == (3, 5)
    # In the money a price has lost digits to what the option is worth at once.
    torch.testing.assert_close(implied_volatility(call, k, 0.4), volatility, rtol=1e-5, atol=0)
    torch.testing.assert_close(
        implied_volatility(put, k, 0.4, put=True), volatility, rtol=1e-5, atol=0
    )


@pytest.mark.parametrize(
    "price, k, put",
    [
        (0.0, 0.1, False),
        (0.05, -0.1, False),
        (1.0, 0.3, False),
        (-0.1, 0, False),
        (0.0, -0.1, True),
        (0.09, 0.1, True),
        (1.2, 0.1, True),
    ],
)
def test_prices_outside_the_bounds_are_refused(price, k, put):
    with pytest.raises(ValueError, match="which no volatility gives; expected the price of a"):
        implied_volatility(vector(0.5 * (1 + math.expm1(k)), price), vector(k, k), 1.0, put=put)


def test_implied_volatilities_have_the_gradient_of_the_inverse():
    price, k = vector(0.03, 0.08), vector(0.12, -0.05)
    wanted = price.clone().requires_grad_(), k.clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda c, k: implied_volatility(c, k, 0.6), wanted)


# Metrics


@pytest.mark.parametrize("model", [*SABRS.values(), MetricNetwork((4,), seed=3)])
def test_lagrangian_and_hamiltonian_are_of_one_another(model):
    x = 0.5 * draw(3, 5, 4)
    p = conjugate_momentum(model.lagrangian)(x)
    expected = legendre_transform(model.lagrangian)(p)
    torch.testing.assert_close(model.hamiltonian(p), expected, rtol=1e-8, atol=1e-9)
    torch.testing.assert_close(model.hamiltonian(p), model.lagrangian(x), rtol=1e-8, atol=1e-9)
    q, v = x.chunk(2, -1)
    inverse = torch.linalg.inv(model.covariance(q))
    torch.testing.assert_close(
        model.lagrangian(x), torch.einsum("...i,...ij,...j", v, inverse, v) / 2
    )


@pytest.mark.parametrize("name", SABRS)
def test_a_covariance_is_that_of_simulated_changes(name):
    """From the equations of the price itself, one short step of each."""
    model, dt = SABRS[name], 1e-6
    x, y = 0.3, math.log(0.4)
    dW = draw(200_000, 2) * math.sqrt(dt)
    second = model.correlation * dW[:, 0] + math.sqrt(1 - model.correlation**2) * dW[:, 1]
    F = math.exp(x) + 0.4 * math.exp(model.exponent * x) * dW[:, 0]
    a = 0.4 + model.vol_of_vol * 0.4 * second
    seen = torch.cov(torch.stack([F.log() - x, a.log() - y])) / dt
    torch.testing.assert_close(model.covariance(vector(x, y)), seen, rtol=0.02, atol=2e-3)


def test_what_is_not_positive_definite_has_no_distance():
    with pytest.raises(ValueError, match="not positive definite at 2 of 2 states"):
        metric_lagrangian(lambda q: -flat(q))(draw(2, 4))
    with pytest.raises(ValueError, match="not positive definite at the start"):
        smile(lambda q: -flat(q), vector(0, 0), STRIKES)


@pytest.mark.parametrize("name", SABRS)
def test_a_smile_is_the_closed_distance_of_order_two_and_four(name):
    model = SABRS[name]
    exact = model.short_volatility(STRIKES)
    torch.testing.assert_close(exact * model.distance(STRIKES), STRIKES.abs())

    def error(steps, **options):
        found = smile(model.covariance, model.start, STRIKES, steps, **options)
        return (found / exact - 1).abs().max().item()

    assert error(24) < 2e-4
    assert error(12) / error(24) == pytest.approx(4, rel=0.1)
    fine = [error(n, extrapolate=True) for n in (8, 16)]
    assert fine[1] < 1e-6
    assert fine[0] / fine[1] == pytest.approx(16, rel=0.3)


def test_a_smile_at_the_forward_is_the_volatility_and_its_slope_the_skew():
    for model in SABRS.values():
        k = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        found = smile(model.covariance, model.start, k)
        assert found.item() == pytest.approx(model.volatility, rel=1e-14)
        skew = model.correlation * model.vol_of_vol / 2
        skew -= (1 - model.exponent) * model.volatility / 2
        (slope,) = torch.autograd.grad(found.sum(), k)
        assert slope.item() == pytest.approx(skew, rel=1e-10)
        (closed,) = torch.autograd.grad(model.short_volatility(k).sum(), k)
        assert closed.item() == pytest.approx(skew, rel=1e-10)
    tiny = smile(SABRS["half"].covariance, SABRS["half"].start, vector(1e-200, -1e-12))
    torch.testing.assert_close(tiny, vector(0.3, 0.3), rtol=1e-10, atol=0)


@settings(deadline=None)
@given(
    z=st.floats(-1.2, 1.2),
    nu=st.floats(0.2, 1.5),
    rho=st.floats(-0.95, 0.95),
    beta=st.sampled_from([1.0, 0.7, 0.0]),
)
def test_the_closed_volatility_is_one_function_on_all_its_branches(z, nu, rho, beta):
    """Against the formula as it is published, in the form that loses digits near zero."""
    model, k = Sabr(0.25, nu, rho, beta), z if abs(z) > 1e-3 else 0.01
    F, K = 1.0, math.exp(k)
    inside = math.log(F / K) if beta == 1 else (F - K ** (1 - beta)) / (1 - beta)
    zeta = nu / 0.25 * inside
    x = math.log((math.sqrt(1 - 2 * rho * zeta + zeta**2) + zeta - rho) / (1 - rho))
    expected = nu * math.log(F / K) / x
    assert model.short_volatility(vector(k)).item() == pytest.approx(expected, rel=1e-7)
    # Its branches meet: a step of 1e-9 of k moves it by no more than its slope says.
    for edge in (1e-3, 1.0):
        at = vector(-edge * 0.25 / nu * (1 - 1e-9), -edge * 0.25 / nu * (1 + 1e-9))
        if beta == 1:
            assert model.short_volatility(at).diff().abs().item() < 1e-8


def test_hagan_is_the_distance_for_exponent_one_and_near_it_otherwise():
    one, half = SABRS["log-normal"], SABRS["half"]
    torch.testing.assert_close(one.hagan(STRIKES), one.short_volatility(STRIKES))
    off = (half.hagan(STRIKES) / half.short_volatility(STRIKES) - 1).abs()
    assert off[2] < 1e-15
    assert 1e-5 < off.max() < 1e-3
    # At the forward the formula is short: a [1 + (...) T].
    a, nu, rho, g = 0.3, 0.6, 0.35, 0.5
    rate = g**2 * a**2 / 24 + rho * 0.5 * nu * a / 4 + (2 - 3 * rho**2) / 24 * nu**2
    assert half.hagan(vector(0.0), 2.0).item() == pytest.approx(a * (1 + 2 * rate), rel=1e-14)


def test_hagan_is_the_black_volatility_without_volatility_of_volatility():
    """A square-root price: published digits of no table, but a density that is known.

    A CEV price of exponent 1/2 is a square of a Bessel process; its calls are noncentral
    chi-squared.
    """
    from scipy.stats import ncx2

    a, T = 0.2, 0.5
    model = Sabr(a, 1e-4, 0.0, 0.5)
    for k in (-0.2, 0.0, 0.2):
        K, c = math.exp(k), 4 / (a**2 * T)
        call = ncx2.sf(c * K, 4, c) - K * ncx2.cdf(c, 2, c * K)
        found = implied_volatility(vector(call), vector(k), T).item()
        assert model.hagan(vector(k), T).item() == pytest.approx(found, rel=2e-5)


# Geodesics


@pytest.mark.parametrize("name", SABRS)
def test_shot_geodesics_arrive_and_keep_their_energy(name):
    model = SABRS[name]
    x = shoot_geodesics(model.covariance, model.start, STRIKES, 24)
    assert x.shape == (25, 5, 4)
    torch.testing.assert_close(x[0, :, :2], model.start.expand(5, 2), rtol=0, atol=1e-14)
    torch.testing.assert_close(x[-1, :, 0], STRIKES, rtol=0, atol=1e-9)
    assert x[-1, :, 3].abs().max() < 1e-9
    H = model.hamiltonian(x)
    torch.testing.assert_close(H, H[:1].expand_as(H), rtol=1e-6, atol=1e-15)
    torch.testing.assert_close((2 * H[0]).sqrt(), model.distance(STRIKES), rtol=1e-6, atol=1e-12)
    # They are motions of the course's own operator.
    times = torch.linspace(0, 1, 25, dtype=torch.float64)
    again = integrate(hamiltonian_field(model.hamiltonian), x[0], times)
    torch.testing.assert_close(again, x, rtol=1e-9, atol=1e-11)
    relaxed = geodesics(model.covariance, model.start, STRIKES, 24)
    torch.testing.assert_close(relaxed, x[..., :2], rtol=0, atol=2e-4)


@pytest.mark.parametrize("name", SABRS)
def test_relaxed_geodesics_have_even_speed_and_the_least_action(name):
    model, times = SABRS[name], torch.linspace(0, 1, 33, dtype=torch.float64)
    path = geodesics(model.covariance, model.start, STRIKES)
    assert path.shape == (33, 5, 2)
    torch.testing.assert_close(path[-1, :, 0], STRIKES)
    middles = torch.cat([(path[1:] + path[:-1]) / 2, 32 * path.diff(dim=0)], -1)
    L = model.lagrangian(middles)
    torch.testing.assert_close(L, L.mean(0).expand_as(L), rtol=3e-3, atol=1e-15)
    least = action(model.lagrangian, path, times)
    torch.testing.assert_close(
        (2 * least).sqrt() * smile(model.covariance, model.start, STRIKES), STRIKES.abs()
    )
    for seed in range(4):
        bump = torch.sin(math.pi * times * (seed + 1)).reshape(-1, 1, 1) * draw(5, 2, seed=seed)
        assert (action(model.lagrangian, path + 1e-3 * bump, times) > least).all()
        free = path.clone()
        free[..., 1] += 0.01 * (seed - 1.5) * times.reshape(-1, 1)
        assert (action(model.lagrangian, free, times) > least).all()


def test_distances_are_symmetric_and_obey_the_triangle_inequality():
    """From point to point in the half plane, by the closed form of its metric."""
    model = SABRS["log-normal"]

    def distance(a, b):
        # In z = (x - rho y'/nu, sqrt(1 - rho²) y'/nu), y' = exp y, it is the half plane.
        rho, nu = model.correlation, model.vol_of_vol

        def flat(q):
            v = q[..., 1].exp()
            return torch.stack([q[..., 0] - rho * v / nu, math.sqrt(1 - rho**2) * v / nu], -1)

        u, w = flat(a), flat(b)
        gap = (u - w).square().sum(-1) / (2 * u[..., 1] * w[..., 1])
        return torch.acosh(1 + gap) / nu

    path = geodesics(model.covariance, model.start, STRIKES, 48)
    ends = distance(model.start, path[-1])
    torch.testing.assert_close(ends, model.distance(STRIKES), rtol=1e-4, atol=1e-12)
    halves = distance(model.start, path[24]) + distance(path[24], path[-1])
    torch.testing.assert_close(halves, ends, rtol=1e-4, atol=1e-9)
    # Back from where a geodesic ends, and round by another place.
    for i in (0, 4):
        back = smile(model.covariance, path[-1, i], -STRIKES[[i]], 48, extrapolate=True)
        assert STRIKES[i].abs() / back < ends[i] + 1e-6
    other = path[24] + 0.2
    round_ = distance(model.start, other) + distance(other, path[-1])
    assert (round_ > ends).all()


def test_a_flat_space_has_straight_geodesics_and_no_smile():
    path = geodesics(flat, vector(0.3, -1), STRIKES, 7)
    times = torch.linspace(0, 1, 8, dtype=torch.float64).reshape(-1, 1)
    for i, factor in enumerate((1.0, 0.018 / 0.04)):
        expected = vector(0.3, -1)[i] + factor * times * STRIKES
        torch.testing.assert_close(path[..., i], expected, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(smile(flat, vector(0.3, -1), STRIKES, 7), 0 * STRIKES + 0.2)
    # Alone, a price of constant volatility has one coordinate; one of local volatility a smile.
    one = lambda q: torch.full_like(q, 0.09).unsqueeze(-1)  # noqa: E731
    torch.testing.assert_close(smile(one, vector(0.0), STRIKES), 0 * STRIKES + 0.3)
    local = lambda q: (0.04 * torch.exp(q)).unsqueeze(-1)  # noqa: E731
    mean = STRIKES / (2 / 0.2 * -torch.expm1(-STRIKES / 2))
    found = smile(local, vector(0.0), STRIKES, extrapolate=True)
    keep = STRIKES != 0
    torch.testing.assert_close(found[keep], mean[keep], rtol=1e-6, atol=0)


def test_a_distance_does_not_depend_on_the_coordinates():
    """The volatility itself in the place of its logarithm, and then a shifted one."""
    model = SABRS["half"]

    def changed(q):
        x, a = q.unbind(-1)
        C = model.covariance(torch.stack([x, (a - 3).log()], -1))
        slope = torch.stack([torch.ones_like(a), a - 3], -1)
        return C * slope.unsqueeze(-1) * slope.unsqueeze(-2)

    found = smile(changed, vector(0, 3 + model.volatility), STRIKES, 32, extrapolate=True)
    torch.testing.assert_close(found, model.short_volatility(STRIKES), rtol=1e-5, atol=0)
    # The unit of time.
    slow = smile(lambda q: model.covariance(q) / 4, model.start, STRIKES, extrapolate=True)
    torch.testing.assert_close(slow, model.short_volatility(STRIKES) / 2, rtol=1e-5, atol=0)


def test_three_coordinates_and_far_strikes():
    model = SABRS["log-normal"]

    def wide(q):
        C = torch.zeros(*q.shape[:-1], 3, 3, dtype=q.dtype)
        block = torch.block_diag(torch.ones(2, 2), torch.zeros(1, 1)).to(q)
        C = C + torch.nn.functional.pad(model.covariance(q[..., :2]), (0, 1, 0, 1)) * block
        return C + torch.diag(vector(0, 0, 0.5)).to(q)

    start = torch.cat([model.start, vector(2.0)])
    found = smile(wide, start, STRIKES, extrapolate=True)
    torch.testing.assert_close(found, model.short_volatility(STRIKES), rtol=1e-6, atol=0)
    far = vector(-3, 2.5)
    found = smile(model.covariance, model.start, far, 48, extrapolate=True)
    torch.testing.assert_close(found, model.short_volatility(far), rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", SABRS)
@pytest.mark.parametrize("what", ["smile", "short", "hagan", "start"])
def test_gradients_are_difference_quotients(name, what):
    model, k = SABRS[name], vector(-0.4, 0.15)
    weights = vector(0.7, 1.3)

    def number(moved, k=k):
        if what == "smile":
            found = smile(moved.covariance, moved.start, k, 10)
        elif what == "short":
            found = moved.short_volatility(k)
        elif what == "hagan":
            found = moved.hagan(k, 0.8)
        else:
            found = smile(model.covariance, moved.start + vector(0.1, 0.2), k, 6)
        return (weights * found).sum()

    for declared in fields(model):
        value = getattr(model, declared.name)
        if not 0 < abs(value) < 1 and declared.name == "exponent":
            continue
        learned = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        result = number(replace(model, **{declared.name: learned}))
        slope = 0.0
        if result.requires_grad:
            (found,) = torch.autograd.grad(result, learned, allow_unused=True)
            slope = 0.0 if found is None else found.item()
        h = 1e-5
        up, down = (number(replace(model, **{declared.name: value + s * h})) for s in (1, -1))
        assert slope == pytest.approx(((up - down) / (2 * h)).item(), rel=1e-6, abs=1e-8)


def test_a_metric_in_single_precision_and_batches_of_other_axes():
    model = SABRS["half"]
    q = draw(2, 3, 5, 2)
    assert model.covariance(q).shape == (2, 3, 5, 2, 2)
    torch.testing.assert_close(model.covariance(q)[1, 2, 4], model.covariance(q[1, 2, 4]))
    low = model.covariance(q.float())
    assert low.dtype == torch.float32
    torch.testing.assert_close(low.double(), model.covariance(q), rtol=1e-5, atol=1e-6)
    x = draw(3, 5, 4)
    for part in (model.lagrangian, model.hamiltonian):
        assert part(x).shape == (3, 5)
        torch.testing.assert_close(part(x.float()).double(), part(x), rtol=1e-3, atol=1e-4)
    with pytest.raises(TypeError, match=r"start has dtype torch\.float32"):
        smile(model.covariance, model.start.float(), STRIKES)
    with pytest.raises(TypeError, match=r"log_strikes has dtype torch\.float32"):
        model.hagan(STRIKES.float())
    for shape in ((), (2, 3)):
        k = 0.1 + 0 * draw(*shape)
        for part in (model.short_volatility, model.hagan, model.distance):
            assert part(k).shape == shape


# Simulation


def test_monte_carlo_is_a_plain_simulation_of_the_price():
    model, T, n, count = Sabr(0.25, 0.6, -0.5), 0.5, 200, 60_000
    found = model.monte_carlo(vector(-0.2, 0.0, 0.2), T, seed=0)
    dt, generator = T / n, torch.Generator().manual_seed(1)
    x, a = torch.zeros(count).double(), torch.full((count,), 0.25).double()
    for _ in range(n):
        e = torch.randn(2, count, generator=generator, dtype=torch.float64)
        w = -0.5 * e[0] + math.sqrt(0.75) * e[1]
        x = x + a * math.sqrt(dt) * e[0] - a * a * dt / 2
        a = a * torch.exp(0.6 * math.sqrt(dt) * w - 0.18 * dt)
    pay = (x.exp().unsqueeze(-1) - vector(-0.2, 0.0, 0.2).exp()).clamp_min(0)
    error = (found.price_error**2 + pay.var(0) / count).sqrt()
    assert ((found.price - pay.mean(0)) / error).abs().max() < 4
    assert (found.price_error < pay.std(0) / math.sqrt(20_000)).all()


def test_the_smile_of_short_options_is_the_distance():
    model = SABRS["log-normal"]
    gaps = []
    for T in (0.4, 0.1, 0.025):
        k = vector(-0.6, 0.0, 0.4) * math.sqrt(T)
        found = model.monte_carlo(k, T, paths=100_000, seed=3)
        corrected = (found.volatility - model.hagan(k, T)) / found.volatility_error
        gaps.append((found.volatility / model.short_volatility(k) - 1).abs().max().item())
        if T == 0.025:
            assert corrected.abs().max() < 4
    assert gaps[2] < gaps[1] < gaps[0]
    assert gaps[2] < 5e-3


def test_monte_carlo_knows_its_error():
    model, k = Sabr(0.3, 0.9, -0.4), vector(-0.3, 0.1)
    runs = [model.monte_carlo(k, 0.5, paths=1000, steps=10, seed=s) for s in range(200)]
    for value, error in (("price", "price_error"), ("volatility", "volatility_error")):
        spread = torch.stack([getattr(r, value) for r in runs]).std(0)
        said = torch.stack([getattr(r, error) for r in runs]).mean(0)
        torch.testing.assert_close(said, spread, rtol=0.2, atol=0)
    far = model.monte_carlo(vector(0.0, 3.0), 0.001, paths=100, steps=3, seed=0)
    assert far.volatility[0] == pytest.approx(0.3, rel=0.05)
    assert far.price[1] == 0
    assert far.volatility[1].isnan()


@pytest.mark.parametrize(
    "change, message",
    [({"exponent": 0.5}, "exponent = 0.5; expected 1"), ({"paths": 11}, "paths = 11; expected")],
)
def test_monte_carlo_refuses_what_it_cannot_do(change, message):
    model = Sabr(exponent=change.pop("exponent", 1.0))
    with pytest.raises(ValueError, match=message):
        model.monte_carlo(STRIKES, 1.0, seed=0, **change)


# Learned metrics


def realised(model, count, seed):
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand(count, 2, generator=generator, dtype=torch.float64)
    q = model.start + (u - 0.5) * vector(1.6, 2.6)
    return {
        "states": q,
        "covariances": realised_covariances(model.covariance, q, seed=generator),
        "scales": torch.stack([q[:, 1].exp(), torch.ones(count).double()], -1),
    }


def test_realised_covariances_are_right_on_average_and_noisy():
    model = SABRS["half"]
    q = vector(0.2, -1.1).expand(40_000, 2)
    seen = realised_covariances(model.covariance, q, 3, seed=0)
    true = model.covariance(q[0])
    torch.testing.assert_close(seen.mean(0), true, rtol=0.02, atol=1e-4)
    assert seen[:, 0, 0].std() / true[0, 0] == pytest.approx(math.sqrt(2 / 3), rel=0.03)
    assert torch.linalg.matrix_rank(seen[0]) == 2
    torch.testing.assert_close(seen, seen.mT)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_a_metric_network_is_positive_definite_at_any_weights(dimension):
    q = 5 * draw(4, 7, dimension)
    model = MetricNetwork((5,), dimension, seed=2)
    for p in model.parameters():
        p.data += draw(*p.shape, seed=7)
    C = model.covariance(q)
    assert C.shape == (4, 7, dimension, dimension)
    assert (torch.linalg.eigvalsh(C) > 0).all()
    free = FreeMetric((5,), dimension, seed=2).covariance(q)
    assert free.shape == C.shape
    torch.testing.assert_close(free, free.mT)
    assert (torch.linalg.eigvalsh(free) < 0).any()


def test_the_residual_is_the_lower_triangle_in_units_of_the_state():
    model, b = MetricNetwork((3,), seed=1), realised(SABRS["log-normal"], 6, 0)
    found = metric_residual(model, b)
    assert found.shape == (6, 3)
    gap = (model.covariance(b["states"]) - b["covariances"])[4]
    s = b["scales"][4]
    wanted = torch.stack([gap[0, 0] / s[0] ** 2, gap[1, 0] / s[0] / s[1], gap[1, 1] / s[1] ** 2])
    torch.testing.assert_close(found[4], wanted)


def test_two_numbers_are_learned_from_realised_covariances():
    true, model = SABRS["log-normal"], SabrMetric()
    fit(
        model,
        realised(true, 4000, 1),
        LevenbergMarquardt(steps=30),
        residual=metric_residual,
        progress=False,
    )
    assert model.vol_of_vol.item() == pytest.approx(0.8, rel=0.02)
    assert model.correlation.item() == pytest.approx(-0.6, abs=0.02)
    with torch.no_grad():
        found = smile(model.covariance, true.start, STRIKES, extrapolate=True)
    torch.testing.assert_close(found, true.short_volatility(STRIKES), rtol=5e-3, atol=0)
    exact = Sabr(0.25, model.vol_of_vol.item(), model.correlation.item())
    torch.testing.assert_close(found, exact.short_volatility(STRIKES), rtol=1e-6, atol=0)


def test_a_network_learns_the_smile_and_gives_it_a_gradient():
    true, model = SABRS["log-normal"], MetricNetwork((6,), seed=0)
    fit(
        model,
        realised(true, 4000, 1),
        LevenbergMarquardt(steps=25, weight_decay=1e-6),
        residual=metric_residual,
        progress=False,
    )
    found = smile(model.covariance, true.start, STRIKES)
    off = (found / true.short_volatility(STRIKES) - 1).abs()
    assert off.max() < 0.1
    found.sum().backward()
    assert all(p.grad.isfinite().all() and p.grad.abs().max() > 0 for p in model.parameters())
    with torch.no_grad():
        weight = model.network.layers[0].weight
        slope, h = weight.grad[1, 1].item(), 1e-5
        values = []
        for step in (h, -2 * h):
            weight[1, 1] += step
            values.append(smile(model.covariance, true.start, STRIKES).sum().item())
    assert slope == pytest.approx((values[0] - values[1]) / (2 * h), rel=1e-4, abs=1e-7)


# Heston, bonds


@pytest.mark.parametrize(
    "expiry, published, more, within",
    # The first published value is right to 2e-8: others have computed 30 digits of it.
    [(1.0, 5.785155450, 5.785155434376, 2e-8), (10.0, 22.318945791, 22.31894579115, 1e-9)],
)
def test_heston_has_the_published_prices(expiry, published, more, within):
    found = 100 * HESTON.call(vector(0.0), expiry).item()
    assert found == pytest.approx(published, abs=within)
    assert found == pytest.approx(more, abs=1e-10)
    flow = 100 * HESTON.call(vector(0.0), expiry, 400).item()
    assert flow == pytest.approx(found, abs=1e-8)


@pytest.mark.parametrize("model", [HESTON, UNEQUAL])
def test_the_characteristic_function_is_the_exponential_of_an_action(model):
    u = torch.complex(4 * draw(2, 3), 0.3 * draw(2, 3, seed=1))
    for expiry in (0.2, 1.7):
        flow = model.flow_characteristic(u, expiry, 400)
        torch.testing.assert_close(flow, model.characteristic(u, expiry), rtol=1e-8, atol=1e-12)
    errors = [
        (model.flow_characteristic(u, 1.7, n) - model.characteristic(u, 1.7)).abs().max().item()
        for n in (20, 40)
    ]
    assert errors[0] / errors[1] == pytest.approx(16, rel=0.5)
    # Of a forward: its mean is 1, and all probabilities add up to 1.
    ends = model.characteristic(torch.tensor([0, -1j]), 3.0)
    torch.testing.assert_close(ends, torch.ones_like(ends), rtol=1e-12, atol=1e-12)


def test_real_momenta_follow_the_course_s_own_operator_backwards():
    p = vector(0.5, 0.0)
    got, A = affine_exponent(UNEQUAL.hamiltonian, p, 0.9)
    x = torch.cat([UNEQUAL.start, p])
    # dA/dτ is H at q = 0; Hamilton's equations give p, whatever q is.
    times = torch.linspace(0, -0.9, 401, dtype=torch.float64)
    path = integrate(hamiltonian_field(UNEQUAL.hamiltonian), x, times)
    torch.testing.assert_close(path[-1, 2:], got, rtol=1e-9, atol=1e-12)
    root = torch.exp(A + got @ UNEQUAL.start)
    closed = UNEQUAL.characteristic(torch.tensor(-0.5j, dtype=torch.complex128), 0.9)
    torch.testing.assert_close(root, closed.real, rtol=1e-10, atol=0)
    both = affine_exponent(UNEQUAL.hamiltonian, torch.stack([p, 0 * p, 2 * p]), 0.9)
    torch.testing.assert_close(both[0][0], got)
    assert both[1].shape == (3,)
    torch.testing.assert_close(both[1][1:], torch.zeros(2).double(), rtol=0, atol=1e-14)
    with pytest.raises(ValueError, match="not affine in q"):
        affine_exponent(lambda x: x[..., 0] ** 2 * x[..., 1] + x[..., 0] ** 2, vector(0.5), 1.0)


def test_the_generator_of_heston_acts_on_exponentials():
    """H is exp(-pq) times the generator applied to exp(pq); here by autograd."""
    q, p = vector(0.2, 0.07), vector(0.8, -1.3)
    f = lambda q: torch.exp(p @ q)  # noqa: E731
    slope = torch.func.grad(f)(q)
    bend = torch.func.hessian(f)(q)
    drift = torch.stack([-q[1] / 2, UNEQUAL.reversion * (UNEQUAL.level - q[1])])
    applied = drift @ slope + (UNEQUAL.covariance(q) * bend).sum() / 2
    torch.testing.assert_close(UNEQUAL.hamiltonian(torch.cat([q, p])), applied / f(q))


def test_calls_of_heston_are_convex_and_have_bounds_and_parity():
    K = torch.linspace(0.6, 1.6, 21, dtype=torch.float64)
    for model, expiry in ((HESTON, 0.1), (UNEQUAL, 2.0)):
        call = model.call(K.log().reshape(3, 7), expiry)
        assert call.shape == (3, 7)
        call = call.flatten()
        slopes = call.diff() / K.diff()
        assert (slopes < 0).all()
        assert (slopes > -1 - 1e-9).all()
        assert (slopes.diff() > -1e-9).all()
        assert (implied_volatility(call[8:13], K[8:13].log(), expiry) > 0).all()
    # A deterministic variance is Black and Scholes', of its mean.
    still = Heston(0.04, 1.5, 0.09, 1e-4, 0.0)
    mean = 0.09 + (0.04 - 0.09) * -math.expm1(-1.5 * 2) / 3
    expected = black_scholes(K.log(), math.sqrt(mean), 2.0)
    torch.testing.assert_close(still.call(K.log(), 2.0), expected, rtol=0, atol=1e-6)


def test_short_calls_of_heston_have_the_volatility_of_its_distance():
    expiry = 0.004
    k = vector(-0.02, 0.0, 0.015)
    found = implied_volatility(UNEQUAL.call(k, expiry), k, expiry)
    short = smile(UNEQUAL.covariance, UNEQUAL.start, k, extrapolate=True)
    torch.testing.assert_close(found, short, rtol=5e-3, atol=0)
    assert short[2] - short[0] > 0.004


def test_an_expiry_too_short_for_frequencies_is_refused():
    with pytest.raises(ValueError, match="too short for an integral"):
        HESTON.call(STRIKES, 1e-9)


@pytest.mark.parametrize(
    "model", [CoxIngersollRoss(0.4, 0.05, 0.11), Vasicek(0.4, 0.05, 0.02), CoxIngersollRoss()]
)
def test_bonds_are_flows(model):
    for rate, maturity in ((0.03, 0.5), (0.08, 5.0), (0.0, 20.0)):
        closed = model.bond(rate, maturity)
        assert bond_price(model, rate, maturity) == pytest.approx(closed, rel=1e-10)
    # A short bond earns the rate, a long one the rate that is nearly the level.
    assert -math.log(model.bond(0.07, 1e-4)) / 1e-4 == pytest.approx(0.07, rel=1e-3)
    long = -math.log(model.bond(0.07, 2000.0)) / 2000
    assert 0.03 < long < 0.05


def test_bonds_are_means_over_simulated_rates():
    for model in (CoxIngersollRoss(0.4, 0.05, 0.11), Vasicek(0.4, 0.05, 0.02)):
        times = torch.linspace(0, 3, 61, dtype=torch.float64)
        paths = model.simulate(vector(0.03).expand(20_000, 1), times, seed=0, substeps=2)[..., 0]
        each = torch.exp(-torch.trapezoid(paths, times, dim=0))
        error = each.std() / math.sqrt(20_000)
        assert abs(each.mean() - model.bond(0.03, 3.0)) < 4 * error + 1e-4


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Sabr(correlation=1.0), r"correlation = 1.0; expected a number in \(-1, 1\)"),
        (lambda: Sabr(exponent=1.1), r"exponent = 1.1; expected a number in \[0, 1\]"),
        (lambda: Heston(correlation=-1.0), r"correlation = -1.0; expected"),
        (lambda: Heston(level=0.0), "level = 0.0; expected a positive"),
        (
            lambda: smile(flat, vector(0, 0), STRIKES, 5, extrapolate=True),
            "expected an even number",
        ),
        (lambda: smile(flat, vector(0, 0), STRIKES[None]), "expected one axis, not empty"),
        (lambda: metric_hamiltonian(lambda q: q)(draw(2, 4)), "the covariance returned shape"),
        (lambda: CoxIngersollRoss().bond(-0.01, 1.0), "rate = -0.01"),
        (lambda: implied_volatility(vector(1, 2, 3), STRIKES, 1.0), "shapes that broadcast"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
