"""The scores, held to made-up motions whose scores are known."""

import math

import pytest
import torch

from hnn_tutorial import evaluation
from hnn_tutorial._as_numpy import as_numpy
from hnn_tutorial.evaluation import (
    Spread,
    alignment_index,
    coordinate_error,
    energy_drift,
    energy_error,
    energy_gain,
    field_error,
    lyapunov_exponent,
    mesh_error,
    over_seeds,
    phase_volume_change,
    time_reversal_error,
    turning_rate,
    valid_prediction_time,
)
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import hamiltonian_field
from hnn_tutorial.models import HNN, SeparableHNN
from hnn_tutorial.systems import (
    DampedMassSpring,
    DoublePendulum,
    HenonHeiles,
    MassSpring,
    Pendulum,
)

SPRING = MassSpring(mass=1.0, stiffness=1.0)
TIMES = torch.linspace(0, 10, 101, dtype=torch.float64)
NAN, INF = float("nan"), float("inf")


def circle(radius: float = 1.0, frequency: float = 1.0) -> torch.Tensor:
    angle = frequency * TIMES
    return radius * torch.stack([angle.cos(), -angle.sin()], dim=-1)


def batch_with_one_lost(value: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Two perfect predictions of the circle; the second is lost from t = 5 on."""
    true = torch.stack([circle(), circle()], dim=1)
    predicted = true.clone()
    predicted[50:, 1] = value
    return predicted, true


def test_field_error_of_a_constant_offset():
    states = SPRING.sample(50, 0)
    offset = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert field_error(SPRING.field, SPRING.field, states) == 0
    error = field_error(lambda x: SPRING.field(x) + offset, SPRING.field, states)
    assert error == pytest.approx(25 / 2)


@pytest.mark.parametrize("value", [NAN, INF])
def test_field_error_of_a_field_that_breaks_down_is_infinite(value):
    def broken(x):
        return torch.where(x[..., :1] > 0.5, value, SPRING.field(x))

    assert field_error(broken, SPRING.field, SPRING.sample(50, 0)) == INF


def test_field_error_needs_states_and_a_finite_truth():
    with pytest.raises(ValueError, match="at least one state"):
        field_error(SPRING.field, SPRING.field, torch.zeros(0, 2))
    with pytest.raises(ValueError, match="the true field holds"):
        field_error(SPRING.field, lambda x: x / 0, torch.zeros(3, 2))


def test_energy_error_of_a_wider_circle():
    # H = r²/2: the circle of radius 2 has 2 J, the true one 1/2 J.
    predicted = torch.stack([circle(2.0), circle(1.0)], dim=1)
    reference = torch.stack([circle(1.0), circle(1.0)], dim=1)
    error = energy_error(predicted, SPRING.hamiltonian, reference)
    torch.testing.assert_close(error, torch.tensor([2.25, 0.0], dtype=torch.float64))


def test_energy_error_ignores_the_phase_and_coordinate_error_does_not():
    late = circle(frequency=0.9)
    assert energy_error(late, SPRING.hamiltonian, circle()) < 1e-30
    assert coordinate_error(late, circle()) > 0.05


def test_coordinate_error_of_an_offset():
    predicted = circle() + torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert coordinate_error(predicted, circle()).item() == pytest.approx(25 / 2)


def test_energy_drift_is_the_largest_relative_change():
    growing = circle() * (1 + 0.1 * TIMES / 10).unsqueeze(-1)
    assert energy_drift(growing, SPRING.hamiltonian).item() == pytest.approx(1.1**2 - 1)
    there_and_back = torch.cat([growing, growing.flip(0)])
    assert energy_drift(there_and_back, SPRING.hamiltonian).item() == pytest.approx(0.21)


def test_energy_drift_from_zero_energy():
    rest = torch.zeros(5, 2, dtype=torch.float64)
    assert energy_drift(rest, SPRING.hamiltonian) == 0
    kicked = rest.clone()
    kicked[3, 1] = 1e-9
    assert energy_drift(kicked, SPRING.hamiltonian) == INF


@pytest.mark.parametrize("value", [NAN, INF, -INF, 1e200])
def test_a_lost_trajectory_scores_infinity_and_spares_its_neighbour(value):
    predicted, true = batch_with_one_lost(value)
    for score in (
        energy_error(predicted, SPRING.hamiltonian, true),
        energy_drift(predicted, SPRING.hamiltonian),
        coordinate_error(predicted, true),
    ):
        assert score[0] < 1e-14
        # 1e200 is still a number; its energy, 1e400, is none in float64.
        assert score[1] == INF


def test_a_lost_trajectory_whose_energy_stays_finite_scores_infinity():
    # This H does not see the q that was lost.
    predicted, true = batch_with_one_lost(1.0)
    predicted[50:, 1, 0] = NAN
    error = energy_error(predicted, lambda x: x[..., 1] ** 2 / 2, true)
    assert error[1] == INF


@pytest.mark.parametrize("score", [coordinate_error, valid_prediction_time])
def test_the_truth_must_be_finite_and_of_the_same_shape(score):
    arguments = (TIMES,) if score is valid_prediction_time else ()
    predicted, true = batch_with_one_lost(0.0)
    lost, _ = batch_with_one_lost(NAN)
    with pytest.raises(ValueError, match="the true motion holds 102 NaN"):
        score(true, lost, *arguments)
    with pytest.raises(ValueError, match=r"expected both \(T, ..., 2n\)"):
        score(predicted[:-1], true, *arguments)


def test_valid_prediction_time_of_a_growing_error():
    # The true state has norm 1 at all times, so the normalised error is 0.1 t; 0.4 itself is
    # still within the threshold.
    true = torch.zeros(101, 3, 2, dtype=torch.float64)
    true[..., 0] = 1
    predicted = true.clone()
    predicted[:, 0, 1] = 0.1 * TIMES
    predicted[:, 1, 1] = 0.039 * TIMES
    predicted[20:40, 2, 1] = 1.0
    valid = valid_prediction_time(predicted, true, TIMES, threshold=0.405)
    # The second never exceeds it: the whole span. The third returns, too late.
    expected = torch.tensor([4.1, 10.0, 2.0], dtype=torch.float64)
    torch.testing.assert_close(valid, expected)


def test_valid_prediction_time_is_counted_from_the_first_time_and_scaled():
    true = 50 * circle()
    predicted = true + torch.stack([5 * TIMES, 0 * TIMES], dim=-1)
    later = TIMES + 7
    assert valid_prediction_time(predicted, true, later, threshold=0.405).item() == (
        pytest.approx(4.1)
    )


@pytest.mark.parametrize("value", [NAN, INF])
def test_valid_prediction_time_ends_where_the_prediction_is_lost(value):
    predicted, true = batch_with_one_lost(value)
    valid = valid_prediction_time(predicted, true, TIMES)
    torch.testing.assert_close(valid, torch.tensor([10.0, 5.0], dtype=torch.float64))


def test_valid_prediction_time_at_rest_in_the_origin():
    rest = torch.zeros(101, 2, 2, dtype=torch.float64)
    predicted = rest.clone()
    predicted[30:, 1] = 1e-12
    valid = valid_prediction_time(predicted, rest, TIMES)
    torch.testing.assert_close(valid, torch.tensor([10.0, 3.0], dtype=torch.float64))


def test_mesh_error_of_a_field_that_is_too_fast():
    score = mesh_error(lambda x: 1.001 * SPRING.field(x), SPRING.field, 100.0, 21)
    assert score.relative.shape == (21, 21)
    assert score.singular.nonzero().tolist() == [[10, 10]]
    assert score.relative[10, 10] == INF
    rest = score.relative[~score.singular]
    torch.testing.assert_close(rest, torch.full_like(rest, 1e-3))
    assert score.fraction_below(1.1e-3) == 1.0
    assert score.fraction_below(0.9e-3) == 0.0
    assert score.largest == pytest.approx(1e-3)


def test_mesh_error_has_its_axes_in_place_and_counts_points():
    # Wrong only where p > 0.5: rows, not columns.
    def wrong_above(x):
        return torch.where(x[..., 1:] > 0.5, 2.0, 1.0) * SPRING.field(x)

    score = mesh_error(wrong_above, SPRING.field, 1.0, 20)
    assert not score.singular.any()
    assert (score.relative[score.p > 0.5] == 1).all()
    assert (score.relative[score.p <= 0.5] == 0).all()
    assert score.fraction_below(0.5) == pytest.approx((score.p <= 0.5).double().mean().item())


def test_mesh_error_counts_what_broke_down():
    def broken(x):
        return torch.where(x[..., :1] > 0, NAN, SPRING.field(x))

    score = mesh_error(broken, SPRING.field, 1.0, 20)
    assert not score.relative.isnan().any()
    assert score.fraction_below(1e9) == pytest.approx(0.5)
    assert score.largest == INF


def test_mesh_error_finds_both_equilibria_of_the_pendulum():
    pendulum = Pendulum()
    score = mesh_error(pendulum.field, pendulum.field, math.pi, 21)
    # q = 0 and q = ±π, at p = 0.
    assert score.singular.nonzero().tolist() == [[10, 0], [10, 10], [10, 20]]
    assert score.largest == 0


def test_phase_volume_is_kept_by_a_hamiltonian_and_shrinks_by_friction():
    x0 = SPRING.sample(4, 1)
    times = torch.linspace(0, 2, 21, dtype=torch.float64)
    model = HNN(1, (8, 8), seed=2)
    kept = phase_volume_change(model.field, x0, times, "gauss_legendre4")
    assert kept.shape == (21, 4)
    assert kept.abs().max() < 1e-12
    damped = DampedMassSpring(mass=2.0, stiffness=1.0, damping=0.6)
    lost = phase_volume_change(damped.field, x0, times, step=0.01)
    expected = (-0.3 * times).unsqueeze(-1).expand(-1, 4)
    torch.testing.assert_close(lost, expected, rtol=1e-8, atol=1e-12)


def test_phase_volume_of_a_coupled_field_in_four_dimensions():
    A = torch.randn(4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    times = torch.tensor([0.0, 0.5, 0.7], dtype=torch.float64)
    x0 = torch.ones(2, 3, 4, dtype=torch.float64)
    change = phase_volume_change(lambda x: x @ A.mT, x0, times, step=0.005)
    expected = (A.trace() * times).reshape(3, 1, 1).expand(3, 2, 3)
    torch.testing.assert_close(change, expected, rtol=1e-7, atol=1e-12)


def test_phase_volume_sees_the_integrator():
    # One Euler step of the spring has the determinant 1 + h².
    x0 = SPRING.sample(1, 0)
    change = phase_volume_change(SPRING.field, x0, [0.0, 0.1, 0.2], "euler")
    expected = torch.log1p(torch.tensor([0.0, 0.01, 0.0], dtype=torch.float64))
    expected[2] = 2 * expected[1]
    torch.testing.assert_close(change[:, 0], expected)


def test_phase_volume_of_a_lost_trajectory_is_infinite_and_spares_its_neighbour():
    # From p = 1 the momentum p' = p² reaches infinity at t = 1.
    def explosive(x):
        return torch.stack([x[..., 1], x[..., 1] ** 2], dim=-1)

    x0 = torch.tensor([[0.0, 1.0], [0.0, -0.1]], dtype=torch.float64)
    change = phase_volume_change(explosive, x0, torch.arange(0.0, 8.0), "euler", step=0.1)
    assert not change.isnan().any()
    assert change[0, 0] == 0
    assert change[-1, 0] == INF
    assert change[-1, 1].isfinite()


def test_time_reversal_holds_for_the_pendulum_and_not_for_friction():
    times = torch.linspace(0, 3, 301, dtype=torch.float64)
    x0 = Pendulum().sample(5, 0)
    assert time_reversal_error(Pendulum().field, x0, times).max() < 1e-7
    damped = DampedMassSpring(damping=0.5)
    start = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    assert time_reversal_error(damped.field, start, times).item() > 0.5
    # Negative time brings the damped spring back all the same: another test altogether.
    end = integrate(damped.field, start, times)[-1]
    back = integrate(damped.field, end, times.flip(0))[-1]
    assert (back - start).norm() < 1e-8


def test_time_reversal_of_a_free_fall_with_wind_is_known():
    # ṗ = 0, q̇ = p + w, H = p²/2 + wp: odd in p. There and back drifts by w each way: 2wt.
    def windy(x):
        return torch.stack([x[..., 1] + 0.25, torch.zeros_like(x[..., 1])], dim=-1)

    x0 = torch.tensor([[0.3, 2.0]], dtype=torch.float64)
    error = time_reversal_error(windy, x0, [1.0, 2.0, 4.0])
    assert error.item() == pytest.approx(2 * 0.25 * 3)


def test_time_reversal_goes_back_through_uneven_times():
    # With leapfrog, itself reversible, the way back retraces uneven steps to rounding.
    times = [0.0, 0.5, 0.6, 1.4]
    x0 = Pendulum(1, 1, 1).sample(3, 0)
    assert time_reversal_error(Pendulum(1, 1, 1).field, x0, times, "leapfrog").max() < 1e-13


def test_time_reversal_of_a_lost_trajectory_is_infinite():
    field = hamiltonian_field(lambda x: x[..., 1] ** 2 / 2 - x[..., 0] ** 4)
    x0 = torch.tensor([[3.0, 3.0], [0.0, 0.0]], dtype=torch.float64)
    error = time_reversal_error(field, x0, torch.linspace(0, 20, 41))
    assert error.tolist() == [INF, 0.0]


def test_time_reversal_remembers_what_was_lost_on_the_way_out():
    # ṗ = p² explodes from p = 1 and comes to rest from p = −1.
    def explosive(x):
        return torch.stack([x[..., 1], x[..., 1] ** 2], dim=-1)

    x0 = torch.tensor([[0.0, 1.0]], dtype=torch.float64)
    assert time_reversal_error(explosive, x0, torch.arange(0.0, 12.0), "euler") == INF


def test_over_seeds():
    spread = over_seeds([3.0, 1.0, 2.0])
    assert spread == Spread(2.0, 1.0, 3.0, (3.0, 1.0, 2.0))
    assert str(spread) == "2 [1, 3]"
    assert over_seeds(torch.tensor([1.0, 2.0])).median == 1.5


def test_over_seeds_counts_a_diverged_seed():
    assert over_seeds([1.0, INF, 2.0]) == Spread(2.0, 1.0, INF, (1.0, INF, 2.0))
    assert over_seeds([1.0, INF, INF]).median == INF
    assert over_seeds([1.0, INF]).median == INF
    with pytest.raises(ValueError, match="should score inf"):
        over_seeds([1.0, NAN])
    with pytest.raises(ValueError, match="no values"):
        over_seeds([])


def test_turning_rate_is_the_angular_frequency_of_a_circle_and_counts_turns():
    times = torch.linspace(0, 50, 501, dtype=torch.float64)
    rates = torch.tensor([0.3, 2.0, -1.5, 20.0], dtype=torch.float64)
    angle = 0.7 + times[:, None] * rates
    states = 3 * torch.stack([torch.cos(angle), -torch.sin(angle)], dim=-1)
    torch.testing.assert_close(turning_rate(states, times), rates)
    states[200:, 1] = torch.nan
    assert turning_rate(states, times).tolist()[1] == torch.inf
    with pytest.raises(ValueError, match="expected \\(T, ..., 2\\)"):
        turning_rate(torch.ones(5, 4), times[:5])


def test_energy_gain_is_what_friction_takes_and_keeps_the_batch():
    damped = DampedMassSpring(damping=0.1)
    x0 = SPRING.sample(6, 0).reshape(2, 3, 2)
    gain = energy_gain(damped.field, damped.hamiltonian, x0, 2 * math.pi, step=0.01)
    exact = damped.solution(x0, torch.tensor([0.0, 2 * math.pi], dtype=torch.float64))[-1]
    torch.testing.assert_close(gain, damped.hamiltonian(exact) / damped.hamiltonian(x0) - 1)
    assert gain.shape == (2, 3)
    assert gain.max() < -0.3
    assert energy_gain(SPRING.field, SPRING.hamiltonian, x0, 5.0, step=0.01).abs().max() < 1e-8
    assert (energy_gain(lambda x: 1e300 * x, SPRING.hamiltonian, x0, 1.0) == INF).all()
    with pytest.raises(ValueError, match="duration"):
        energy_gain(SPRING.field, SPRING.hamiltonian, x0, 0.0)


@pytest.mark.parametrize("angle", [math.pi, -math.pi])
def test_lyapunov_exponent_on_top_of_the_pendulum_is_its_frequency(angle):
    """There q̈ = ω²(q − π): every neighbour turns to the direction that grows as exp(ωt)."""
    pendulum = Pendulum(mass=1.0, length=1.0, gravity=2.25)
    x0 = torch.tensor([angle, 0.0], dtype=torch.float64)
    # Doubling the time halves what is left of the first direction.
    short, long = (lyapunov_exponent(pendulum.field, x0, t, gap=0.5) for t in (10, 20))
    assert long.item() == pytest.approx(1.5, abs=0.05)
    assert (long - 1.5).abs() < (short - 1.5).abs()


def test_lyapunov_exponent_of_springs_is_minus_half_the_damping():
    """All neighbours approach at the rate c/2m, and none departs without friction."""
    x0 = MassSpring().sample(3, seed=0)
    assert lyapunov_exponent(SPRING.field, x0, 20).abs().max() < 1e-3
    damped = DampedMassSpring(mass=1.0, stiffness=1.0, damping=0.2)
    rates = lyapunov_exponent(damped.field, x0, 62.8, seed=1)
    assert rates.shape == (3,)
    torch.testing.assert_close(rates, torch.full_like(rates, -0.1), atol=5e-3, rtol=0)


def test_lyapunov_exponent_of_a_double_pendulum_is_positive_for_large_swings_alone():
    x0 = torch.tensor([[2.0, 2.0, 0, 0], [0.1, 0.1, 0, 0]], dtype=torch.float64)
    large, small = lyapunov_exponent(DoublePendulum(gravity=1.0).field, x0, 60)
    assert large > 0.2
    assert small.abs() < 0.1


def test_lyapunov_exponent_of_a_lost_motion_is_infinite():
    x0 = torch.tensor([[1.0, 0.0], [0.0, 1.0]], dtype=torch.float64)

    def field(x):
        return torch.stack([x[..., 0] ** 3 * 10, -x[..., 1]], dim=-1)

    lost, kept = lyapunov_exponent(field, x0, 5)
    assert lost == INF
    assert math.isfinite(kept)


def test_lyapunov_exponent_needs_one_gap():
    with pytest.raises(ValueError, match="0.5 gaps of 2.0 s; expected from 1"):
        lyapunov_exponent(SPRING.field, torch.zeros(2), 1.0, gap=2.0)


def test_alignment_index_falls_at_the_difference_of_the_two_largest_exponents():
    """A linear flow of three rates, in a state that is not made of pairs."""
    rates = torch.tensor([0.2, -0.9, 0.7], dtype=torch.float64)
    times = torch.arange(0.0, 31.0)
    x0 = torch.ones(4, 3, dtype=torch.float64)
    index = alignment_index(lambda x: rates * x, x0, times, step=0.05)
    assert index.shape == (31, 4)
    torch.testing.assert_close(index[0], torch.full_like(index[0], 2**0.5))
    slopes = (index[25].log() - index[15].log()) / 10
    torch.testing.assert_close(slopes, torch.full_like(slopes, -0.5), rtol=0, atol=2e-3)


def test_alignment_index_of_regular_motions_of_one_degree():
    """A spring turns both deviations alike; a pendulum shears them, and the index falls as 1/t²."""
    times = torch.linspace(0, 400, 401, dtype=torch.float64)
    spring = alignment_index(SPRING.field, SPRING.sample(3, 0), times, step=0.05)
    torch.testing.assert_close(spring, torch.full_like(spring, 2**0.5), rtol=0, atol=1e-4)
    pendulum = Pendulum(mass=1.0, length=1.0, gravity=1.0)
    x0 = torch.tensor([[1.5, 0.0], [2.0, 0.3]], dtype=torch.float64)
    index = alignment_index(pendulum.field, x0, times, "leapfrog", step=0.1)
    early, late = (index[k - 20 : k + 20].log().mean(0) for k in (95, 380))
    torch.testing.assert_close(
        (late - early) / math.log(4), torch.full((2,), -2.0).double(), rtol=0.05, atol=0
    )


def test_alignment_index_tells_order_from_chaos_in_the_henon_heiles_system():
    system, times = HenonHeiles(), torch.arange(0.0, 501.0)
    chaotic = {}
    for energy in (1 / 12, 1 / 8, 1 / 6):
        x0 = system.sample(60, seed=1, energy=energy)
        index = alignment_index(system.field, x0, times, step=0.25)
        chaotic[energy] = (index[-1] < 1e-4).double().mean()
    assert chaotic[1 / 12] < 0.05
    assert 0.25 < chaotic[1 / 8] < 0.65
    assert chaotic[1 / 6] > 0.8


@pytest.mark.parametrize("method", ["rk4", "leapfrog"])
@pytest.mark.parametrize("learned", [True, False])
def test_alignment_index_by_numpy_is_that_by_pytorch(monkeypatch, learned, method):
    system = HenonHeiles()
    owner = SeparableHNN(2, (8, 8), seed=3) if learned else system
    made = []

    def record(*given):
        made.append(as_numpy(*given))
        return made[-1]

    monkeypatch.setattr(evaluation, "as_numpy", record)
    x0, times = system.sample(3, seed=2, energy=0.1), torch.tensor([0.0, 1.5, 3.2, 6.0]).double()
    got = alignment_index(owner.field, x0, times, method, step=0.25)
    calls = []
    # What counts its calls is not recorded.
    own = alignment_index(lambda x: calls.append(1) or owner.field(x), x0, times, method, step=0.25)
    assert [step is None for step in made] == [False, True]
    torch.testing.assert_close(got, own, rtol=0, atol=1e-8)
    assert got.std() > 0.1


@pytest.mark.parametrize("method", ["leapfrog", "forest_ruth", "implicit_midpoint"])
def test_alignment_index_is_the_same_by_any_method(method):
    system, times = HenonHeiles(), torch.arange(0.0, 6.0)
    x0 = system.sample(3, seed=0, energy=1 / 8)
    expected = alignment_index(system.field, x0, times, step=0.02)
    index = alignment_index(system.field, x0, times, method, step=0.01)
    torch.testing.assert_close(index, expected, rtol=1e-3, atol=1e-5)


def test_alignment_index_of_a_lost_motion_is_nan_and_spares_its_neighbour():
    system, times = HenonHeiles(), torch.arange(0.0, 61.0)
    kept = system.sample(3, seed=0, energy=1 / 8)
    mixed = kept.clone()
    mixed[1] = torch.tensor([0.0, 0.0, 0.3, 0.9])  # above the energy of escape
    expected = alignment_index(system.field, kept, times, step=0.1)
    index = alignment_index(system.field, mixed, times, step=0.1)
    assert index[0, 1] == pytest.approx(2**0.5)
    assert index[-1, 1].isnan()
    torch.testing.assert_close(index[:, ::2], expected[:, ::2])


def test_alignment_index_needs_a_method_that_suits_the_field():
    x0 = DoublePendulum().sample(2, 0)
    with pytest.raises(ValueError, match="separable"):
        alignment_index(DoublePendulum().field, x0, [0.0, 1.0], "leapfrog", step=0.1)
    with pytest.raises(ValueError, match="two deviations need at least two"):
        alignment_index(lambda x: x, torch.ones(1), [0.0, 1.0])
