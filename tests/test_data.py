"""Trajectories, derivatives, noise, normalisation and splits."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import conservative, positive, states

from hnn_tutorial.data import (
    Dataset,
    Normalization,
    Trajectories,
    add_noise,
    central_differences,
    simulate,
)
from hnn_tutorial.mechanics import hamiltonian_field
from hnn_tutorial.systems import MassSpring

TIMES = torch.linspace(0, 3, 30, dtype=torch.float64)


def uneven_times(count, seed):
    return torch.rand(count, generator=torch.Generator().manual_seed(seed)).double().cumsum(0)


@given(st.integers(3, 12), st.integers(0, 1000))
def test_central_differences_are_exact_for_parabolas_at_uneven_times(count, seed):
    t = uneven_times(count, seed) + torch.arange(count) * 0.05
    states = torch.stack([3 * t**2 - t + 1, 5 - 2 * t], dim=-1)
    expected = torch.stack([6 * t - 1, torch.full_like(t, -2.0)], dim=-1)
    torch.testing.assert_close(central_differences(states, t), expected, rtol=1e-8, atol=1e-8)


def test_central_differences_converge_with_second_order():
    def error(count):
        t = torch.linspace(0, 1, count, dtype=torch.float64)
        return (central_differences(torch.sin(3 * t), t) - 3 * torch.cos(3 * t)).abs().max()

    assert error(101) / error(201) == pytest.approx(4, abs=0.2)


def test_a_dataset_remembers_its_trajectories():
    system = MassSpring()
    observed = simulate(system, system.sample(7, seed=0), TIMES)
    data = observed.dataset(system.field)
    assert len(data) == 210
    for number in range(7):
        assert torch.equal(data.states[data.trajectory == number], observed.states[:, number])
    torch.testing.assert_close(data.derivatives, system.field(data.states))
    estimated = observed.dataset()
    assert 0 < (estimated.derivatives - data.derivatives).abs().max() < 0.03


def test_the_split_keeps_trajectories_whole():
    system = MassSpring()
    data = simulate(system, system.sample(10, seed=0), TIMES).dataset(system.field)
    train, test = data.split(0.3, seed=4)
    assert set(train.trajectory.tolist()).isdisjoint(test.trajectory.tolist())
    assert len(test.trajectory.unique()) == 3
    assert len(train) + len(test) == len(data)
    with pytest.raises(ValueError, match="leaves one side empty"):
        data.split(0.01, seed=0)


def test_noise_has_the_spread_that_was_asked_and_its_own_seed():
    x = torch.zeros(20000, 2, dtype=torch.float64)
    noisy = add_noise(x, 0.3, seed=1)
    assert noisy.std() == pytest.approx(0.3, rel=0.02)
    assert torch.equal(noisy, add_noise(x, 0.3, seed=1))
    assert torch.equal(add_noise(x, 0.0, seed=1), x)
    before = torch.random.get_rng_state()
    add_noise(x, 0.3, seed=1)
    assert torch.equal(before, torch.random.get_rng_state())
    with pytest.raises(ValueError, match="sigma = -0.1"):
        add_noise(x, -0.1, seed=1)


@given(conservative, states(), positive, positive, positive)
def test_normalised_dynamics_are_hamiltonian_and_restore_to_the_true_ones(system, x, a, b, c):
    units = Normalization(a, b, c)

    def scaled_energy(y):
        return system.hamiltonian(units.restore(y)) / units.energy_scale

    field = units.restore_field(hamiltonian_field(scaled_energy))
    torch.testing.assert_close(field(x), system.field(x), rtol=1e-9, atol=1e-9)
    energy = units.restore_hamiltonian(scaled_energy)(x)
    torch.testing.assert_close(energy, system.hamiltonian(x))
    torch.testing.assert_close(units.restore(units.normalize(x)), x)


def test_normalised_data_fit_in_the_unit_box_and_obey_the_scaled_hamiltonian():
    system = MassSpring(2.0, 2.0)
    data = simulate(system, system.sample(5, 0, radius=(50, 100)), TIMES).dataset(system.field)
    units = Normalization.to_unit_box(data.states, time_scale=0.5)
    scaled = units.normalize_dataset(data)
    assert scaled.states.abs().amax(0).tolist() == pytest.approx([1, 1])

    def scaled_energy(y):
        return system.hamiltonian(units.restore(y)) / units.energy_scale

    torch.testing.assert_close(hamiltonian_field(scaled_energy)(scaled.states), scaled.derivatives)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Dataset(torch.ones(0, 2), torch.ones(0, 2)), "the dataset is empty"),
        (lambda: Dataset(torch.ones(3, 2), torch.ones(4, 2)), "they must be equal"),
        (lambda: Dataset(torch.ones(3, 0), torch.ones(3, 0)), r"states has shape \(3, 0\)"),
        (lambda: Dataset(torch.ones(2), torch.ones(2)), "expected \\(N, d\\)"),
        (lambda: Dataset(torch.ones(3, 2) / 0, torch.ones(3, 2)), "states holds 6 NaN or infinite"),
        (lambda: Dataset(torch.ones(3, 2), torch.ones(3, 2), torch.ones(2)), "one number for each"),
        (lambda: Trajectories(torch.ones(3), torch.ones(4, 1, 2)), "expected \\(T,\\) and"),
        (lambda: central_differences(torch.ones(2, 2), [0, 1]), "at least 3"),
        (lambda: central_differences(torch.ones(3, 2), [0, 2, 1]), "strictly increase"),
        (lambda: central_differences(torch.ones(3, 2), [0, 2]), "must match"),
        (lambda: Normalization(q_scale=0.0), "q_scale = 0.0; expected a positive"),
    ],
)
def test_bad_data_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()
