"""What holds for every model at random weights, before any training."""

import json
import shutil
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import MODEL_SHAPES, states

from hnn_tutorial.data import Dataset
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import (
    divergence,
    gradient,
    hamiltonian_field,
    jacobian,
    lagrangian_field,
)
from hnn_tutorial.models import (
    ACTIVATIONS,
    HNN,
    LNN,
    MLP,
    MODELS,
    DenseNetwork,
    DissipativeHNN,
    PairwiseHNN,
    SecondOrderMLP,
    SeparableHNN,
    StructuredLNN,
    build_model,
    parameter_count,
)
from hnn_tutorial.systems import DampedPendulum, DoublePendulum, Pendulum, TwoBody
from hnn_tutorial.training import Adam, LevenbergMarquardt, fit
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.losses import derivative_residual

seeds = st.integers(0, 10_000)
activations = st.sampled_from(list(ACTIVATIONS))
embedded = st.sampled_from([(), (1,), (0, 1)])
lagrangian_models = st.sampled_from([LNN, StructuredLNN])
# Distances between angles are none.
TURNING = [kind for kind in MODELS.values() if kind is not PairwiseHNN]
WITH_ANGLES = [(k, a) for k in MODELS.values() for a in ((), (0, 1)) if k in TURNING or not a]


def made(kind, degrees, *shape, **options):
    """A model of any kind; where bodies have a dimension, they are so many on a line."""
    return kind(degrees, *shape, **MODEL_SHAPES.get(kind.kind, {}), **options)


def random_weights(model, seed, scale=0.4):
    """Give every number of a model a random value, biases and last layers included."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            draw = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(scale * draw)
    return model


def random_states(count, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2 * n, generator=generator, dtype=torch.float64)


@given(st.sampled_from([HNN, SeparableHNN]), seeds, activations, embedded, states(n=2))
def test_hnn_conserves_its_own_energy_to_rounding(kind, seed, activation, angles, x):
    model = kind(2, (16, 16), activation, angles=angles, seed=seed)
    rate = (gradient(model.hamiltonian)(x) * model.field(x)).sum(-1)
    scale = model.field(x).square().sum(-1)
    assert (rate.abs() <= 1e-14 * (1 + scale)).all()


@given(st.sampled_from([HNN, SeparableHNN]), seeds, activations, embedded, states(n=2))
def test_hnn_field_is_the_operator_on_its_hamiltonian(kind, seed, activation, angles, x):
    model = kind(2, (16, 8), activation, angles=angles, seed=seed)
    torch.testing.assert_close(model.field(x), hamiltonian_field(model.hamiltonian)(x))


@given(seeds, states(n=2))
def test_hnn_has_no_divergence_and_an_mlp_has(seed, x):
    assert divergence(HNN(2, (16, 16), seed=seed).field)(x).abs().max() < 1e-12
    assert divergence(MLP(2, (16, 16), seed=seed).field)(x).abs().max() > 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_stated_derivatives_of_activations_are_right(activation):
    value, derivative, times_derivative, second, third, _ = ACTIVATIONS[activation]
    z = torch.linspace(-4, 4, 101, dtype=torch.float64)

    def slope(z):
        return derivative(z, value(z))

    expected = (value(z + 1e-6) - value(z - 1e-6)) / 2e-6
    torch.testing.assert_close(slope(z), expected, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(times_derivative(3 * z, z, value(z)), 3 * z * slope(z))

    def bend(z):
        return second(value(z), slope(z))

    expected = (slope(z + 1e-6) - slope(z - 1e-6)) / 2e-6
    torch.testing.assert_close(bend(z), expected, rtol=1e-8, atol=1e-8)
    expected = (bend(z + 1e-6) - bend(z - 1e-6)) / 2e-6
    torch.testing.assert_close(third(value(z), slope(z), bend(z)), expected, rtol=1e-8, atol=1e-8)


@given(seeds, activations)
def test_derivatives_of_networks_written_by_hand(seed, activation):
    """Against autograd: tangents of several outputs, curvature of one."""
    x, directions = random_states(5, 2, seed), random_states(15, 2, seed + 1).reshape(5, 3, 4)
    many = random_weights(DenseNetwork((4, 7, 6, 3), activation), seed)
    outputs, tangents = many.value_and_tangents(x, directions)
    torch.testing.assert_close(outputs, many(x))
    torch.testing.assert_close(tangents, directions @ jacobian(many)(x).mT)
    one = random_weights(DenseNetwork((4, 7, 6, 1), activation), seed)
    g, curvature = one.gradient_and_curvature(x, directions)
    scalar = gradient(lambda y: one(y).squeeze(-1))
    torch.testing.assert_close(g, scalar(x))
    torch.testing.assert_close(one.input_gradient(x), scalar(x))
    torch.testing.assert_close(curvature, directions @ jacobian(scalar)(x) @ directions.mT)


@given(lagrangian_models, seeds, activations, embedded, states(n=2))
def test_lagrangian_field_by_hand_is_the_operator_on_l(kind, seed, activation, angles, x):
    model = kind(2, (9, 8), activation, angles=angles, seed=seed)
    expected = lagrangian_field(model.lagrangian)(x)
    torch.testing.assert_close(model.field(x), expected, rtol=1e-8, atol=1e-10)


@given(lagrangian_models, seeds, activations, embedded, states(n=2))
def test_lagrangian_models_conserve_their_own_energy(kind, seed, activation, angles, x):
    model = kind(2, (9, 8), activation, angles=angles, seed=seed)
    dL = gradient(model.lagrangian)(x)[..., 2:]
    energy = (x[..., 2:] * dL).sum(-1) - model.lagrangian(x)
    torch.testing.assert_close(model.energy(x), energy)
    slope, motion = gradient(model.energy)(x), model.field(x)
    assert ((slope * motion).sum(-1).abs() <= 1e-12 * (1 + (slope * motion).abs().sum(-1))).all()


@pytest.mark.parametrize("kind", [LNN, StructuredLNN])
@pytest.mark.parametrize("angles", [(), (0, 1)])
def test_second_derivatives_of_l_against_eager_autograd(kind, angles):
    """The acceleration, and the gradient of a loss on it, by plain autograd, state by state."""
    model = kind(2, (6, 5), "tanh", angles=angles, seed=2)
    x = random_states(4, 2)

    def eager(state):
        state = state.clone().requires_grad_()
        dL = torch.autograd.grad(model.lagrangian(state), state, create_graph=True)[0]
        second = torch.stack(
            [torch.autograd.grad(dL[i], state, create_graph=True)[0] for i in (2, 3)]
        )
        force = dL[:2] - second[:, :2] @ state[2:]
        return torch.linalg.solve(second[:, 2:], force), second[:, 2:]

    expected, mass = (torch.stack(part) for part in zip(*map(eager, x), strict=True))
    torch.testing.assert_close(model.acceleration(x), expected)
    torch.testing.assert_close(model.mass_matrix(x), mass)
    weights = [p for p in model.parameters() if p is not model.network.layers[-1].bias]
    by_hand = torch.autograd.grad(model.acceleration(x).square().sum(), weights)
    for one, other in zip(
        by_hand, torch.autograd.grad(expected.square().sum(), weights), strict=True
    ):
        torch.testing.assert_close(one, other)


@given(seeds, activations, embedded, states(n=3, size=5.0))
def test_structured_mass_matrix_is_positive_at_any_weights(seed, activation, angles, x):
    model = random_weights(StructuredLNN(3, (8, 8), activation, angles=angles), seed, scale=1.0)
    M = model.mass_matrix(x)
    assert torch.equal(M, M.mT)
    assert torch.linalg.eigvalsh(M).min() >= 0.99 * StructuredLNN.FLOOR
    assert torch.isfinite(model.field(x)).all()
    elsewhere = torch.cat([x[..., :3], 2 * x[..., 3:] + 1], dim=-1)
    assert torch.equal(M, model.mass_matrix(elsewhere))


@given(st.sampled_from([StructuredLNN, DissipativeHNN]), seeds)
def test_a_cholesky_factor_never_changes_sign(kind, seed):
    """Or D would be nothing along a line that training cannot remove."""
    factor = kind(3, (8,)).factor
    entries = 5 * random_states(20, factor.size // 2, seed)
    K = factor(entries)
    assert (torch.diagonal(K, dim1=-2, dim2=-1) > 0).all()
    assert torch.equal(K, K.tril())
    lower = torch.tril_indices(3, 3)
    off = lower[0] != lower[1]
    assert torch.equal(K[..., lower[0], lower[1]][..., off], entries[..., off])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(8,), (32, 32), (128, 128, 128)])
@pytest.mark.parametrize("n", [1, 2, 4])
def test_untrained_lnn_has_a_regular_mass_matrix(activation, hidden, n):
    for seed in range(5):
        x = 10 ** (seed / 4) * random_states(50, n, seed)
        smallest = torch.linalg.eigvalsh(LNN(n, hidden, activation, seed=seed).mass_matrix(x)).min()
        assert smallest > 0.4


def test_singular_mass_matrix_of_an_lnn_is_named():
    """L = q̇²/2 + sin q̇ has the mass 1 − sin q̇, which is nothing at q̇ = π/2."""
    model = LNN(1, (1,), "sin")
    with torch.no_grad():
        for layer, weight in zip(model.network.layers, ([[0.0, 1.0]], [[1.0]]), strict=True):
            layer.weight.copy_(torch.tensor(weight))
    x = torch.tensor([[0.0, 0.3], [0.2, torch.pi / 2]], dtype=torch.float64)
    torch.testing.assert_close(model.mass_matrix(x[0]), 1 - torch.sin(x[:1, 1:]))
    with pytest.raises(ValueError, match="singular at 1 of 2 states.* use a StructuredLNN"):
        model.field(x)
    assert torch.isfinite(model.field(x[0])).all()
    # A trajectory that has run away is not a singular matrix.
    assert torch.isnan(model.field(x.new_full((2,), float("nan")))[1])


@given(seeds, activations, embedded, states(n=2))
def test_dissipative_energy_falls_by_the_power_of_the_friction(seed, activation, angles, x):
    """At any weights dH/dt = −q̇ᵀ D q̇ ≤ 0, and friction leaves q̇ = ∂H/∂p alone."""
    model = random_weights(DissipativeHNN(2, (8, 8), activation, angles=angles), seed)
    dH, motion = gradient(model.hamiltonian)(x), model.field(x)
    velocity = motion[..., :2]
    torch.testing.assert_close(velocity, dH[..., 2:])
    D = model.friction_matrix(x)
    assert torch.linalg.eigvalsh(D).min() >= -1e-12 * (1 + D.abs().max())
    power = (velocity * (D @ velocity.unsqueeze(-1)).squeeze(-1)).sum(-1)
    rate = (dH * motion).sum(-1)
    torch.testing.assert_close(rate, -power, rtol=1e-9, atol=1e-12)
    assert (rate <= 1e-13 * (dH * motion).abs().sum(-1)).all()
    assert rate.min() < 0


def test_dissipative_rollout_never_gains_energy():
    model = random_weights(DissipativeHNN(1, (8,)), seed=1)
    path = integrate(model.field, random_states(10, 1), torch.linspace(0, 5, 101), "rk4")
    energy = model.hamiltonian(path)
    assert (energy.diff(dim=0) <= 1e-9).all()
    assert (energy[-1] < energy[0]).all()
    assert (energy[-1] < energy[0] - 0.01).any()


def test_leapfrog_takes_a_separable_hnn_and_no_other():
    x = random_states(5, 2)
    times = torch.linspace(0, 20, 201)
    model = random_weights(SeparableHNN(2, (8, 8), angles=(0,)), seed=0)
    energy = model.hamiltonian(integrate(model.field, x, times, "leapfrog"))
    assert (energy - energy[0]).abs().max() < 1e-2
    with pytest.raises(ValueError, match="needs a separable Hamiltonian"):
        integrate(HNN(2, (8, 8)).field, x, times, "leapfrog")


@pytest.mark.parametrize("kind", TURNING)
def test_an_embedded_angle_knows_no_full_turns(kind):
    model = random_weights(kind(3, (8, 8), angles=(2, 0)), seed=3)
    x = random_states(4, 3)
    turned = x + 2 * torch.pi * x.new_tensor([1, 0, -3, 0, 0, 0])
    torch.testing.assert_close(model.field(x), model.field(turned))
    other = x + 2 * torch.pi * x.new_tensor([0, 1, 0, 0, 0, 0])
    assert (model.field(x) - model.field(other)).abs().max() > 1e-3
    assert model.config["angles"] == [0, 2]


@pytest.mark.parametrize("kind", MODELS.values())
def test_a_plain_model_has_a_plain_config_and_no_more_weights(kind):
    plain = made(kind, 2, (8, 4))
    turning = kind(2, (8, 4), angles=(0,)) if kind in TURNING else plain
    shape = MODEL_SHAPES.get(kind.kind, {})
    assert plain.config == {"degrees": 2, "hidden": [8, 4], "activation": "tanh", **shape}
    names = [name for name, _ in plain.named_parameters()]
    assert sorted(plain.state_dict()) == sorted(names) == sorted(turning.state_dict())


@pytest.mark.parametrize("kind, angles", WITH_ANGLES)
def test_jacobian_that_levenberg_marquardt_sees(kind, angles):
    """Of the residuals with respect to every weight, by finite differences.

    Computed with gradients switched off around it, as the optimiser does: there the
    derivative of ``torch.linalg.solve`` is wrong (PyTorch 2.13).
    """
    model = random_weights(made(kind, 2, (5, 4), angles=angles), seed=1)
    x = random_states(6, 2)
    problem = Problem(model, derivative_residual, {"states": x, "derivatives": 0 * x})
    weights = problem.weights()
    with torch.no_grad():
        J, r = problem.jacobian(weights, problem.data)
        torch.testing.assert_close(r, model.field(x))
        for k, step in enumerate(1e-6 * torch.eye(len(weights), dtype=torch.float64)):
            above = problem.residuals(weights + step, problem.data)
            below = problem.residuals(weights - step, problem.data)
            torch.testing.assert_close(J[..., k], (above - below) / 2e-6, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", MODELS.values())
def test_models_train_through_their_field(kind):
    """The gradient of a loss on the field with respect to one weight of each tensor."""
    degrees = 2 if kind is PairwiseHNN else 1
    model = random_weights(made(kind, degrees, (8, 8)), seed=1)
    x = random_states(10, degrees)

    def loss():
        return (model.field(x) ** 2).mean()

    parameters = dict(model.named_parameters())
    slopes = torch.autograd.grad(loss(), parameters.values(), allow_unused=True)
    for (name, parameter), slope in zip(parameters.items(), slopes, strict=True):
        first = (0,) * parameter.ndim
        with torch.no_grad():
            parameter[first] += 1e-6
            above = loss()
            parameter[first] -= 2e-6
            below = loss()
            parameter[first] += 1e-6
        found = torch.zeros_like(parameter) if slope is None else slope
        torch.testing.assert_close(
            found[first], (above - below) / 2e-6, rtol=1e-6, atol=1e-8, msg=name
        )


@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(steps=25), Adam(steps=60)])
@pytest.mark.parametrize("kind", MODELS.values())
def test_every_model_trains_with_either_optimiser(kind, optimizer):
    own = {DissipativeHNN: DampedPendulum(gravity=2.0), PairwiseHNN: TwoBody()}
    system = own.get(kind, Pendulum(gravity=2.0))
    x = system.sample(150, seed=0)
    data = Dataset(x, system.field(x))
    if hasattr(kind, "lagrangian"):
        y = system.velocities(x)
        data = Dataset(y, system.second_order_field(y))
    model = kind(system.degrees, (12,), angles=system.angles, seed=0)
    history = fit(model, data, optimizer, progress=False)
    fraction = 1e-2 if isinstance(optimizer, LevenbergMarquardt) else 0.8
    assert history.final_loss < fraction * history.loss[0]


def test_structured_lnn_learns_a_double_pendulum():
    """In a second, to a relative error of about one per cent (root mean square)."""
    system = DoublePendulum()

    def drawn(count, seed):
        y = system.velocities(system.sample(count, seed, speed=2.0))
        return Dataset(y, system.second_order_field(y))

    train, test = drawn(500, 0), drawn(1000, 1)
    model = StructuredLNN(2, (14, 14), angles=system.angles, seed=0)
    fit(model, train, LevenbergMarquardt(steps=40), progress=False)
    error = (model.field(test.states) - test.derivatives).square().sum()
    assert error < 1e-3 * test.derivatives[:, 2:].square().sum()


@pytest.mark.parametrize("kind", MODELS.values())
def test_seeds_decide_the_weights_and_nothing_else_does(kind):
    before = torch.random.get_rng_state()
    a, b, c = (made(kind, 2, seed=seed) for seed in (5, 5, 6))
    assert torch.equal(before, torch.random.get_rng_state())
    for one, same, other in zip(a.parameters(), b.parameters(), c.parameters(), strict=True):
        assert torch.equal(one, same)
        assert other.ndim < 2 or not torch.equal(one, other)
    # Two networks of one shape do not start alike.
    matrices = [p for p in made(kind, 2, (4, 4)).parameters() if p.ndim == 2]
    assert len({m.sum().item() for m in matrices}) == len(matrices)


@pytest.mark.parametrize("kind", MODELS.values())
def test_a_model_is_rebuilt_from_its_config(kind):
    for angles in ((), (1,)) if kind in TURNING else ((),):
        model = made(kind, 2, (8, 4), "softplus", angles=angles, seed=3)
        rebuilt = build_model(model.kind, json.loads(json.dumps(model.config)))
        rebuilt.load_state_dict(model.state_dict())
        x = random_states(3, 2)
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


@pytest.mark.parametrize("kind, angles", WITH_ANGLES)
def test_float32_models_agree_with_float64(kind, angles):
    double = made(kind, 2, (16, 16), angles=angles, seed=0)
    single = made(kind, 2, (16, 16), angles=angles, seed=0, dtype=torch.float32)
    converted = made(kind, 2, (16, 16), angles=angles, seed=0).to(torch.float32)
    x = random_states(50, 2)
    torch.testing.assert_close(
        single.field(x.float()).double(), double.field(x), rtol=1e-4, atol=1e-5
    )
    torch.testing.assert_close(single.field(x.float()), converted.field(x.float()))


@pytest.mark.parametrize("kind", MODELS.values())
def test_the_batch_shape_does_not_matter(kind):
    model = made(kind, 2, (8, 8), angles=(0,) if kind in TURNING else (), seed=0)
    x = random_states(6, 2)
    together = model.field(x)
    torch.testing.assert_close(model.field(x.reshape(2, 3, 4)).reshape(6, 4), together)
    torch.testing.assert_close(model.field(x[0]), together[0])
    with torch.no_grad():
        torch.testing.assert_close(model.field(x), together)


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
        (lambda: HNN(2, angles=(2,)), ValueError, "each from 0 to 1"),
        (lambda: LNN(2, angles=(0, 0)), ValueError, "named once"),
        (lambda: LNN(2, angles=(True, False)), ValueError, "expected the indices"),
        (lambda: SeparableHNN(1).field(torch.ones(4).double()), ValueError, "was made for 2"),
        (lambda: LNN(1).field(torch.ones(2)), TypeError, "float32, the model has torch.float64"),
        (lambda: StructuredLNN(1).lagrangian(torch.ones(3)), ValueError, "has 3 components"),
        (lambda: DissipativeHNN(1).field(torch.ones(4).double()), ValueError, "was made for 2"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("kind", MODELS.values())
def test_pytorch_saves_compiles_and_exports_it(kind, tmp_path):
    """Whole: a value that decides what is computed next would break the graph of an LNN."""
    angles = (0,) if kind in TURNING else ()
    model = random_weights(made(kind, 2, (5,), "softplus", angles=angles), 3, 0.2)
    x = random_states(4, 2)
    torch.save(model, tmp_path / "model.pt")
    again = torch.load(tmp_path / "model.pt", weights_only=False)
    torch.testing.assert_close(again(x), model(x), rtol=0, atol=0)
    torch._dynamo.reset()
    for_any = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(model, (x,), dynamic_shapes=for_any).module()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    for changed in (exported, compiled):
        torch.testing.assert_close(changed(x[:3]), model(x[:3]))


# What torch.compile calls for the CPU; it does not quote the folder of PyTorch's libraries.
if sys.platform == "linux" and shutil.which("g++") and " " not in torch.__file__:

    def test_a_compiled_lnn_computes_the_same(tmp_path, monkeypatch):
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
        model = random_weights(LNN(2, (5,), "softplus", angles=(0,)), 3, 0.2)
        torch._dynamo.reset()
        x = random_states(4, 2)
        torch.testing.assert_close(torch.compile(model, fullgraph=True)(x), model(x))
