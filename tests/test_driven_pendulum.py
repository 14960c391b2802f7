"""The driven pendulum: a field of (t, x), and a symplectic map that no H of the state has."""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import positive, states

from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import gradient, hamiltonian_field, symplectic_defect
from hnn_tutorial.systems import SYSTEMS, DrivenPendulum, Pendulum

pendulums = st.builds(Pendulum, positive, positive, positive)
driven_pendulums = st.builds(DrivenPendulum, pendulums, st.floats(0.1, 2.0), st.floats(1.0, 9.0))
times = st.floats(-20.0, 20.0)
UNIT = DrivenPendulum(Pendulum(1.0, 1.0, 1.0))


@given(driven_pendulums, times, states())
def test_field_is_the_motion_of_h_at_each_time(driven, t, x):
    expected = hamiltonian_field(lambda x: driven.hamiltonian(t, x))(x)
    torch.testing.assert_close(driven.field(t, x), expected)


@given(driven_pendulums, st.floats(0.0, 6.0), states(size=2.0))
def test_energy_changes_by_what_the_drive_does(driven, t, x):
    """Along the motion dH/dt is ∂H/∂t = −ε ω mgl sin ωt (1 − cos q), as its docstring says."""
    along = (gradient(lambda x: driven.hamiltonian(t, x))(x) * driven.field(t, x)).sum(-1)
    assert (along.abs() <= 1e-12 * (1 + driven.field(t, x).square().sum(-1))).all()
    h = 1e-5
    slope = (driven.hamiltonian(t + h, x) - driven.hamiltonian(t - h, x)) / (2 * h)
    torque, rate = driven.pendulum.torque, driven.rate
    lift = torque * (1 - torch.cos(x[..., 0]))
    expected = -driven.drive * rate * math.sin(rate * t) * lift
    torch.testing.assert_close(slope, expected, rtol=1e-6, atol=1e-6 * torque)


@given(pendulums, st.floats(1.0, 9.0), states(size=2.0))
def test_without_a_drive_it_is_the_pendulum(pendulum, rate, x):
    driven = DrivenPendulum(pendulum, 0.0, rate)
    for t in (0.0, 1.3):
        torch.testing.assert_close(driven.field(t, x), pendulum.field(x))
        torch.testing.assert_close(driven.hamiltonian(t, x), pendulum.hamiltonian(x))
    exact = pendulum.solution(x, [0.0, driven.period])[-1]
    torch.testing.assert_close(driven.period_map(x, steps=600), exact, rtol=1e-4, atol=1e-4)


def test_period_map_is_the_integrated_motion_at_order_four_and_any_period():
    x = UNIT.sample(20, 0)
    exact = integrate(UNIT.field, x, [0.0, UNIT.period], "dop853", rtol=1e-12, atol=1e-12)[-1]
    errors = [(UNIT.period_map(x, steps=n) - exact).abs().max().item() for n in (40, 80, 160)]
    assert errors[1] < 3e-5
    for coarse, fine in itertools.pairwise(errors):
        assert abs(math.log2(coarse / fine) - 4) < 0.3
    # The same map at every period: two of them are two periods of the motion.
    twice = integrate(UNIT.field, x, [0.0, 2 * UNIT.period], "dop853", rtol=1e-12, atol=1e-12)
    path = UNIT.iterate(x, 2, steps=400)
    torch.testing.assert_close(path[0], x)
    torch.testing.assert_close(path[2], twice[-1], rtol=1e-6, atol=1e-6)


@given(driven_pendulums, st.integers(0, 100))
def test_period_map_is_symplectic_and_odd_and_turns_with_the_rod(driven, seed):
    x = driven.sample(4, seed)
    y = driven.period_map(x, steps=60)
    size = torch.func.vmap(torch.func.jacrev(driven.period_map))(x).abs().amax((-2, -1))
    assert (symplectic_defect(driven.period_map)(x) <= 1e-11 * (1 + size**2)).all()
    torch.testing.assert_close(driven.period_map(-x, steps=60), -y)
    turn = x.new_tensor([2 * math.pi, 0.0])
    torch.testing.assert_close(
        driven.period_map(x + turn, steps=60), y + turn, rtol=1e-5, atol=1e-5
    )


def test_energy_is_not_kept_and_the_lower_rest_is_unstable_at_twice_its_frequency():
    near = torch.tensor([[0.01, 0.0], [0.02, -0.01]], dtype=torch.float64)
    path = UNIT.iterate(near, 40)
    energy = UNIT.hamiltonian(0.0, path)
    assert (energy.amax(0) / energy[0] > 1e3).all()
    # Away from the resonance it stays.
    calm = DrivenPendulum(UNIT.pendulum, 0.3, 3.0).iterate(near, 40)
    assert calm.abs().max() < 0.1


def test_it_is_no_system_and_integrate_takes_its_field():
    assert DrivenPendulum not in SYSTEMS.values()
    path = integrate(UNIT.field, UNIT.sample(3, 1), [0.0, 1.0, 2.0], "rk4", step=0.1)
    assert path.shape == (3, 3, 2)
    assert UNIT.field(0.3, torch.ones(2)).dtype == torch.float32


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: DrivenPendulum(1.0), TypeError, "pendulum"),
        (lambda: DrivenPendulum(drive=-0.1), ValueError, "drive = -0.1"),
        (lambda: DrivenPendulum(rate=0.0), ValueError, "rate = 0.0"),
        (lambda: UNIT.field(math.inf, torch.ones(2)), ValueError, "t = inf"),
        (lambda: UNIT.field(0.0, torch.ones(3)), ValueError, "3 components"),
        (lambda: UNIT.period_map(torch.ones(4)), ValueError, "4 components"),
        (lambda: UNIT.period_map(torch.ones(2), steps=0), ValueError, "steps = 0"),
        (lambda: UNIT.iterate(torch.ones(2), 0), ValueError, "periods = 0"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
