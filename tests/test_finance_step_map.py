"""The best linear step of a series: what it is for motions whose answer is known."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hnn_tutorial.finance import (
    forecast_error,
    har_forecast,
    lagged_states,
    map_forecast,
    resampled,
    reversal,
    step_map,
)


def noise(count, seed):
    return torch.randn(count, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def second_order(one, two, count=4000, seed=0, shock=1.0):
    """q' = one q + two q₋ + noise."""
    path = [0.0, 1.0]
    for each in (shock * noise(count, seed)).tolist():
        path.append(one * path[-1] + two * path[-2] + each)
    return torch.tensor(path, dtype=torch.float64)


@given(
    omega=st.floats(0.2, 2.9),
    damping=st.floats(0, 0.05),
    steps=st.integers(1, 6),
    scale=st.floats(0.01, 100),
    shift=st.floats(-10, 10),
)
def test_a_damped_oscillation_loses_the_area_that_it_should(omega, damping, steps, scale, shift):
    t = torch.arange(60, dtype=torch.float64)
    values = shift + scale * torch.exp(-damping * t) * torch.cos(omega * t + 0.3)
    found = step_map(values, steps)
    assert found.determinant == pytest.approx(math.exp(-2 * damping * steps), abs=1e-5)
    assert found.share == pytest.approx(1, abs=1e-8)
    x = lagged_states(values)
    torch.testing.assert_close(found.map(x[:-steps]), x[steps:], rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize("one, two", [(0.9, 0.0), (0.5, 0.3), (1.2, -0.5), (0.6, -0.3)])
def test_the_determinant_is_minus_the_weight_of_the_value_before(one, two):
    values = second_order(one, two)
    found = step_map(values)
    assert found.determinant == pytest.approx(-two, abs=0.06)
    assert found.matrix.sum(1)[0] - found.matrix[0, 1] == pytest.approx(one + two, abs=0.06)
    low, high = resampled(lambda v: step_map(v).determinant, values, 1, block=100, repeats=50)
    assert low < found.determinant < high
    assert 0.01 < high - low < 0.12


def test_the_area_is_what_the_shocks_leave_of_it():
    r"""det Γ² = det(C - N)/det C, for shocks with the covariance N."""
    values = second_order(1.2, -0.5, count=20_000)
    x = lagged_states(values)
    C = torch.cov(x.mT)
    N = torch.ones(2, 2, dtype=torch.float64)
    expected = torch.linalg.det(C - N) / torch.linalg.det(C)
    assert step_map(values).determinant ** 2 == pytest.approx(expected.item(), abs=0.03)


def test_measurement_noise_takes_area_at_one_step_and_no_more_at_many():
    t = torch.arange(3000, dtype=torch.float64)
    seen = torch.cos(0.5 * t) + 0.2 * noise(3000, 3)
    kept = [step_map(seen, steps).determinant for steps in (2, 8, 32)]
    assert max(kept) - min(kept) < 0.05
    assert 0.3 < kept[0] < 0.9
    # Shocks to the motion itself add up.
    shaken = second_order(2 * math.cos(0.5) * 0.95, -(0.95**2), seed=4)
    assert abs(step_map(shaken, 32).determinant) < 0.2


def test_reversal_sees_which_way_a_series_runs():
    sawtooth = torch.arange(300, dtype=torch.float64) % 7
    assert reversal(sawtooth) < -1.5
    assert reversal(sawtooth.flip(0)) == pytest.approx(-reversal(sawtooth))
    first_order = second_order(0.9, 0.0)
    low, high = resampled(reversal, first_order, 0, length=2, block=100)
    assert low < 0 < high
    low, high = resampled(reversal, sawtooth, 0, length=2, block=100)
    assert high < -1.5


def test_pieces_of_a_series_give_what_the_series_gives():
    values = second_order(0.7, 0.2, count=100)
    pieces = values.unfold(0, 5, 1)
    torch.testing.assert_close(step_map(pieces, 3).matrix, step_map(values, 3).matrix)
    assert reversal(values.unfold(0, 2, 1)) == pytest.approx(reversal(values))


def test_forecasts_stand_beside_what_came():
    """A map that is exact, of a series without noise."""
    values = torch.cos(0.4 * torch.arange(100, dtype=torch.float64))
    for steps in (1, 4):
        forecast, came = map_forecast(step_map(values).map, values, steps, 60)
        assert len(forecast) == len(came) == 100 - 60 - steps + 1
        torch.testing.assert_close(came, values[59 + steps :])
        torch.testing.assert_close(forecast, came, rtol=0, atol=1e-9)
        forecast, came = map_forecast(lambda x: x * torch.tensor([1.0, 0.0]), values, steps, 60)
        torch.testing.assert_close(forecast, values[59 : 100 - steps])


@pytest.mark.parametrize("steps", [1, 5])
def test_har_finds_the_weights_of_its_means_and_sees_no_future(steps):
    generator = torch.Generator().manual_seed(0)
    values = list(torch.randn(13, generator=generator, dtype=torch.float64))
    for _ in range(300):
        recent = torch.stack(values[-13:])
        step = 0.3 + 0.4 * recent[-1] + 0.2 * recent[-4:].mean() + 0.3 * recent.mean()
        values.append(step + 0.1 * torch.randn((), generator=generator, dtype=torch.float64))
    series = torch.stack(values)
    forecast, came = har_forecast(series, steps, 200)
    torch.testing.assert_close(came, series[199 + steps :])
    assert len(forecast) == len(came)
    if steps == 1:
        exact = torch.stack(
            [
                0.3
                + 0.4 * series[t]
                + 0.2 * series[t - 3 : t + 1].mean()
                + 0.3 * series[t - 12 : t + 1].mean()
                for t in range(199, len(series) - 1)
            ]
        )
        assert (forecast - exact).abs().max() < 0.1
        assert (forecast - came).std() < 0.13
    # Other values later change neither the weights nor the forecasts made before.
    changed = series.clone()
    changed[250:] += 5
    torch.testing.assert_close(har_forecast(changed, steps, 200)[0][:50], forecast[:50])


def test_the_error_of_a_forecast_is_that_of_the_mean_where_it_forecasts_the_mean():
    came = noise(50, 2)
    assert forecast_error(torch.zeros_like(came), came) == pytest.approx(1)
    assert forecast_error(came, came) == 0
    expected = (((came.roll(1) - came) ** 2).sum() / (came**2).sum()).item()
    assert forecast_error(1e-200 * came.roll(1), 1e-200 * came) == pytest.approx(expected)
    with pytest.raises(ValueError, match="two series of one length"):
        forecast_error(came[1:], came)


def test_too_little_to_train_on_or_to_forecast_is_said():
    values = noise(100, 0)
    with pytest.raises(ValueError, match="too few for means over 13"):
        har_forecast(values, 3, 16)
    with pytest.raises(ValueError, match="leave none to forecast"):
        map_forecast(lambda x: x, values, 3, 98)
    with pytest.raises(ValueError, match="all the same"):
        step_map(torch.ones(50))
    with pytest.raises(ValueError, match="at most"):
        resampled(reversal, values, 0, length=2, repeats=10**6)
