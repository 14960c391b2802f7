"""What holds for every model at random weights, before any training."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import states

from hnn_tutorial.mechanics import divergence, gradient, hamiltonian_field
from hnn_tutorial.models import (
    ACTIVATIONS,
    HNN,
    MLP,
    MODELS,
    DenseNetwork,
    SecondOrderMLP,
    build_model,
    parameter_count,
)

seeds = st.integers(0, 10_000)
activations = st.sampled_from(list(ACTIVATIONS))


@given(seeds, activations, states(n=2))
def test_hnn_conserves_its_own_energy_to_rounding(seed, activation, x):
    model = HNN(2, (16, 16), activation, seed=seed)
    rate = (gradient(model.hamiltonian)(x) * model.field(x)).sum(-1)
    scale = model.field(x).square().sum(-1)
    assert (rate.abs() <= 1e-14 * (1 + scale)).all()


@given(seeds, activations, states(n=2))
def test_hnn_field_is_the_operator_on_its_hamiltonian(seed, activation, x):
    model = HNN(2, (16, 8), activation, seed=seed)
    torch.testing.assert_close(model.field(x), hamiltonian_field(model.hamiltonian)(x))


@given(seeds, states(n=2))
def test_hnn_has_no_divergence_and_an_mlp_has(seed, x):
    assert divergence(HNN(2, (16, 16), seed=seed).field)(x).abs().max() < 1e-12
    assert divergence(MLP(2, (16, 16), seed=seed).field)(x).abs().max() > 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_stated_derivatives_of_activations_are_right(activation):
    value, derivative, _ = ACTIVATIONS[activation]
    z = torch.linspace(-4, 4, 101, dtype=torch.float64)
    expected = (value(z + 1e-6) - value(z - 1e-6)) / 2e-6
    torch.testing.assert_close(derivative(z), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", MODELS.values())
def test_models_train_through_their_field(kind):
    """The gradient of a loss on the field with respect to one weight, by finite differences."""
    model = kind(1, (8, 8), seed=1)
    x = torch.randn(10, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weight = model.network.layers[0].weight

    def loss():
        return (model.field(x) ** 2).mean()

    loss().backward()
    with torch.no_grad():
        weight[0, 0] += 1e-6
        above = loss()
        weight[0, 0] -= 2e-6
        below = loss()
    torch.testing.assert_close(weight.grad[0, 0], (above - below) / 2e-6, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("kind", MODELS.values())
def test_seeds_decide_the_weights_and_nothing_else_does(kind):
    before = torch.random.get_rng_state()
    a, b, c = kind(2, seed=5), kind(2, seed=5), kind(2, seed=6)
    assert torch.equal(before, torch.random.get_rng_state())
    for one, same, other in zip(a.parameters(), b.parameters(), c.parameters(), strict=True):
        assert torch.equal(one, same)
        assert other.ndim < 2 or not torch.equal(one, other)


@pytest.mark.parametrize("kind", MODELS.values())
def test_a_model_is_rebuilt_from_its_config(kind):
    model = kind(2, (8, 4), "softplus", seed=3)
    rebuilt = build_model(model.kind, model.config)
    rebuilt.load_state_dict(model.state_dict())
    x = torch.ones(3, 4, dtype=torch.float64)
    assert torch.equal(model.field(x), rebuilt.field(x))
    assert MODELS[model.kind] is kind


def test_second_order_model_ties_velocity_to_momentum():
    model = SecondOrderMLP(2, seed=0)
    with torch.no_grad():
        model.log_mass.copy_(torch.log(torch.tensor([2.0, 4.0])))
    x = torch.tensor([9.0, 9.0, 2.0, 4.0], dtype=torch.float64)
    torch.testing.assert_close(model.field(x)[:2], torch.ones(2, dtype=torch.float64))


def test_parameter_count_is_that_of_the_facts():
    assert parameter_count(HNN(1, (16, 16))) == 2 * 16 + 16 + 16 * 16 + 16 + 16 + 1


def test_float32_models_agree_with_float64():
    double = HNN(1, (16, 16), seed=0)
    single = HNN(1, (16, 16), seed=0, dtype=torch.float32)
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(
        single.field(x.float()).double(), double.field(x), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: HNN(0), ValueError, "degrees = 0"),
        (lambda: HNN(1, (16, 0)), ValueError, "positive integers from input to output"),
        (lambda: HNN(1, activation="relu"), ValueError, "unknown activation 'relu'; choose one of"),
        (lambda: build_model("gnn", {}), ValueError, "unknown model 'gnn'; choose one of: mlp"),
        (lambda: build_model("hnn", {"depth": 3}), ValueError, "does not describe a model"),
        (lambda: DenseNetwork((2,)), ValueError, "expected positive integers"),
        (lambda: HNN(1).field(torch.ones(4).double()), ValueError, "was made for 2"),
        (lambda: HNN(1).field(torch.ones(2)), TypeError, "float32, the model has torch.float64"),
        (lambda: MLP(1, seed=0.5), TypeError, "seed is 0.5"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
