"""Every system against its own statements: field, H, L, invariants, solution, sampling."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import conservative, damped, positive, states

from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import gradient, hamiltonian_field, lagrangian_field, poisson_bracket
from hnn_tutorial.systems import SYSTEMS, DampedMassSpring, DampedPendulum, MassSpring, Pendulum

TIMES = torch.linspace(0, 6, 25, dtype=torch.float64)


@given(conservative, states())
def test_field_is_the_motion_of_h(system, x):
    torch.testing.assert_close(system.field(x), hamiltonian_field(system.hamiltonian)(x))


@given(conservative, states())
def test_lagrangian_gives_the_same_acceleration(system, x):
    inertia = getattr(system, "inertia", system.mass)
    velocity = torch.stack([x[..., 0], x[..., 1] / inertia], dim=-1)
    acceleration = lagrangian_field(system.lagrangian)(velocity)[..., 1]
    torch.testing.assert_close(acceleration, system.field(x)[..., 1] / inertia)


@given(damped, states())
def test_friction_takes_exactly_the_power_that_it_says(system, x):
    """dH/dt = −c q̇², and never positive."""
    rate = (gradient(system.hamiltonian)(x) * system.field(x)).sum(-1)
    velocity = system.field(x)[..., 0]
    torch.testing.assert_close(rate, -system.damping * velocity**2)
    assert (rate <= 0).all()


@given(conservative, states())
def test_every_invariant_commutes_with_h(system, x):
    assert system.invariants
    for invariant in system.invariants.values():
        assert poisson_bracket(invariant, system.hamiltonian)(x).abs().max() < 1e-12


@pytest.mark.parametrize("kind", SYSTEMS.values())
def test_invariants_are_constant_along_the_motion(kind):
    system = kind()
    path = integrate(
        system.field, system.sample(5, seed=1), TIMES, "dop853", rtol=1e-12, atol=1e-12
    )
    for invariant in system.invariants.values():
        values = invariant(path)
        torch.testing.assert_close(values, values[:1].expand_as(values), rtol=1e-9, atol=1e-9)


@given(conservative | st.builds(DampedMassSpring, positive, positive, positive), states(size=4.0))
def test_exact_solution_is_the_integrated_motion(system, x):
    numerical = integrate(system.field, x, TIMES, "dop853", rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(system.solution(x, TIMES), numerical, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "state",
    [
        [0.0, 0.0],  # at rest
        [torch.pi, 0.0],  # balanced upright
        [-torch.pi, 0.0],
        [3.1, 0.0],  # almost upright
        [0.0, 2 * 9.81**0.5],  # on the separatrix
        [0.5, 30.0],  # turning over, fast
        [0.5, -30.0],  # and the other way
        [-7.0, 1.0],  # swinging, whole turns away
    ],
)
def test_pendulum_solution_in_every_regime(state):
    system = Pendulum()
    x0 = torch.tensor(state, dtype=torch.float64)
    times = TIMES[:9]
    numerical = integrate(system.field, x0, times, "dop853", rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(system.solution(x0, times), numerical, rtol=1e-7, atol=1e-7)


def test_pendulum_period_is_the_complete_elliptic_integral():
    """At 90 degrees the period is 1.180340599016096 times that of small swings."""
    system = Pendulum()
    period = 1.180340599016096 * 2 * torch.pi / system.frequency
    x0 = torch.tensor([torch.pi / 2, 0.0], dtype=torch.float64)
    end = system.solution(x0, torch.tensor([0.0, period], dtype=torch.float64))[-1]
    torch.testing.assert_close(end, x0, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("damping", [0.1, 2.0, 5.0])
def test_damped_spring_in_all_three_regimes(damping):
    """Against the textbook solutions, under-, critically and over-damped, at k = m = 1."""
    system = DampedMassSpring(damping=damping)
    q = system.solution(torch.tensor([1.0, 0.0], dtype=torch.float64), TIMES)[:, 0]
    rate = damping / 2
    root = abs(1 - rate**2) ** 0.5
    if damping < 2:
        exact = torch.exp(-rate * TIMES) * (
            torch.cos(root * TIMES) + rate / root * torch.sin(root * TIMES)
        )
    elif damping == 2:
        exact = torch.exp(-TIMES) * (1 + TIMES)
    else:
        exact = torch.exp(-rate * TIMES) * (
            torch.cosh(root * TIMES) + rate / root * torch.sinh(root * TIMES)
        )
    torch.testing.assert_close(q, exact)


def test_no_solution_is_said_and_not_made_up():
    with pytest.raises(NotImplementedError, match="pendulum with friction has no closed-form"):
        DampedPendulum().solution(torch.ones(2), TIMES)


@pytest.mark.parametrize("kind", SYSTEMS.values())
def test_samples_are_reproducible_and_within_their_radius(kind):
    system = kind()
    x = system.sample(500, seed=3, radius=(0.5, 0.8))
    assert x.shape == (500, 2 * kind.degrees)
    assert torch.equal(x, system.sample(500, seed=3, radius=(0.5, 0.8)))
    radius = x.norm(dim=-1)
    assert radius.min() >= 0.5
    assert radius.max() <= 0.8
    assert abs(float(x.mean())) < 0.1
    with pytest.raises(ValueError, match="radius"):
        system.sample(5, seed=0, radius=(2.0, 1.0))
    with pytest.raises(ValueError, match="count = 0"):
        system.sample(0, seed=0)


@pytest.mark.parametrize("kind", SYSTEMS.values())
def test_systems_state_their_parameters(kind):
    system = kind()
    assert SYSTEMS[system.name] is kind
    assert len(system.coordinates) == 2 * system.degrees
    for parameter in system.parameters:
        assert parameter.unit
        assert parameter.meaning
        assert parameter.value == getattr(system, parameter.name)
    with pytest.raises(ValueError, match="mass = -1"):
        kind(mass=-1)


def test_dtype_follows_the_state():
    for kind in (MassSpring, Pendulum):
        x = torch.ones(3, 2, dtype=torch.float32)
        assert kind().field(x).dtype == torch.float32
        assert kind().solution(x, TIMES).dtype == torch.float32
