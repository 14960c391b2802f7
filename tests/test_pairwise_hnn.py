"""The pairwise HNN: what its form conserves at any weights, and any number of bodies."""

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_models import random_weights

from hnn_tutorial.data import Dataset
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import gradient, hamiltonian_field
from hnn_tutorial.models import ACTIVATIONS, PairwiseHNN, build_model, parameter_count
from hnn_tutorial.systems import TwoBody
from hnn_tutorial.training import LevenbergMarquardt, fit, load_model, save_model
from hnn_tutorial.training.checkpoint import MODEL_FORMAT, read, write

TIMES = torch.linspace(0, 0.5, 11, dtype=torch.float64)


def by_body(x, model):
    return (half.unflatten(-1, (model.bodies, model.dimension)) for half in x.chunk(2, dim=-1))


def momentum(x, model):
    """The total momentum, ``(..., dimension)``."""
    return list(by_body(x, model))[1].sum(-2)


def angular_momentum(x, model):
    """Of each pair of axes, ``(..., dimension, dimension)``; antisymmetric."""
    q, p = by_body(x, model)
    return (q.unsqueeze(-1) * p.unsqueeze(-2) - p.unsqueeze(-1) * q.unsqueeze(-2)).sum(-3)


@st.composite
def models_with_states(draw, dimensions=(2, 3)):
    """A model at random weights, and states of its bodies."""
    dimension, bodies = draw(st.sampled_from(dimensions)), draw(st.integers(2, 5))
    masses = draw(st.none() | st.lists(st.floats(0.3, 3.0), min_size=bodies, max_size=bodies))
    model = PairwiseHNN(
        bodies * dimension,
        draw(st.sampled_from([(6,), (5, 4)])),
        draw(st.sampled_from(list(ACTIVATIONS))),
        dimension=dimension,
        masses=masses,
        couplings=draw(st.sampled_from([None, "masses"])),
    )
    seed = draw(st.integers(0, 10_000))
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(7, 2 * model.degrees, generator=generator, dtype=torch.float64)
    return random_weights(model, seed), x


@given(models_with_states((1, 2, 3)))
def test_the_field_is_the_operator_on_the_hamiltonian(drawn):
    model, x = drawn
    torch.testing.assert_close(model.field(x), hamiltonian_field(model.hamiltonian)(x))


@given(models_with_states())
def test_momentum_angular_momentum_and_energy_are_conserved_at_any_weights(drawn):
    """Their rates along the field vanish to the rounding of the terms that they are sums of."""
    model, x = drawn
    motion = model.field(x)
    conserved = [lambda y, k=k: momentum(y, model)[..., k] for k in range(model.dimension)]
    conserved += [
        lambda y, i=i, j=j: angular_momentum(y, model)[..., i, j]
        for i in range(model.dimension)
        for j in range(i)
    ]
    for function in [*conserved, model.hamiltonian]:
        terms = gradient(function)(x) * motion
        assert (terms.sum(-1).abs() <= 1e-13 * (1 + terms.abs().sum(-1))).all()


@given(models_with_states())
def test_a_single_body_keeps_neither(drawn):
    """Or the sums above would vanish for another reason."""
    model, x = drawn
    alone = model.field(x)[..., model.degrees : model.degrees + model.dimension]
    assert (alone.abs().sum(-1) > 1e-6).any()


@given(models_with_states(), st.sampled_from(["implicit_midpoint", "rk4", "leapfrog"]))
def test_a_rollout_keeps_momentum_to_rounding_and_angular_momentum_as_its_method_does(
    drawn, method
):
    """Leapfrog and the implicit midpoint keep both to rounding, rk4 the momentum."""
    model, x = drawn
    with torch.no_grad():
        path = integrate(model.field, x[:2], TIMES, method, step=0.01)
    size = 1 + path.abs().amax().item() ** 2
    assert (momentum(path, model) - momentum(x[:2], model)).abs().max() <= 1e-12 * size
    turned = (angular_momentum(path, model) - angular_momentum(x[:2], model)).abs().max()
    assert turned <= (2.5e-5 if method == "rk4" else 1e-11) * size


@given(models_with_states())
def test_moved_turned_and_exchanged_bodies_move_alike(drawn):
    model, x = drawn
    d = model.dimension
    turn, _ = torch.linalg.qr(torch.randn(d, d, dtype=torch.float64, generator=seeded(0)))
    q, p = by_body(x, model)
    elsewhere = torch.cat([(q @ turn + 1.7).flatten(-2), (p @ turn).flatten(-2)], dim=-1)
    rates = [half @ turn for half in by_body(model.field(x), model)]
    for found, expected in zip(by_body(model.field(elsewhere), model), rates, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-10)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def test_other_numbers_of_bodies_share_the_potential():
    """Two bodies far from a third move as if it were not there; and it is one network."""
    two = PairwiseHNN(4, (6,), masses=1.0, seed=1)
    three = two.for_bodies(3)
    assert three.network is two.network
    assert three.config == {**two.config, "degrees": 6, "masses": [1.0, 1.0, 1.0]}
    r = torch.tensor([1.0, 2.0, 5.0], dtype=torch.float64)
    x = torch.tensor([0.0, 0, 3, 0, 0, 4, 1, 2, 3, 4, 5, 6], dtype=torch.float64)
    phi = two.potential(torch.tensor([3.0, 4.0, 5.0], dtype=torch.float64)).sum()
    torch.testing.assert_close(three.hamiltonian(x), 91 / 2 + phi)
    pull = two.attraction(r)
    torch.testing.assert_close(pull, gradient(lambda y: two.potential(y).sum(-1))(r))
    with torch.no_grad():
        two.network.layers[-1].weight.mul_(2.0)
    torch.testing.assert_close(three.attraction(r), 2 * pull)
    ten = PairwiseHNN(9, (6,), dimension=3).for_bodies(10, masses=range_of(10))
    assert (ten.bodies, ten.degrees, ten.dimension) == (10, 30, 3)
    assert ten.masses.tolist() == range_of(10)


def range_of(bodies):
    return [1.0 + k for k in range(bodies)]


def test_forces_as_the_product_of_the_masses():
    equal = PairwiseHNN(6, (6,), masses=[1.0, 1.0, 1.0], seed=3)
    unequal = PairwiseHNN(6, (6,), masses=[2.0, 1.0, 3.0], couplings="masses", seed=3)
    generator = seeded(0)
    q = torch.randn(6, generator=generator, dtype=torch.float64)
    x = torch.cat([q, torch.zeros(6, dtype=torch.float64)])
    first = torch.zeros_like(x)
    # Of the pairs (1, 2), (1, 3), (2, 3), whose products are 2, 6, 3.
    for (i, j), product in {(0, 1): 2.0, (0, 2): 6.0, (1, 2): 3.0}.items():
        apart = q[2 * j : 2 * j + 2] - q[2 * i : 2 * i + 2]
        pull = product * equal.attraction(apart.norm()) * apart / apart.norm()
        first[6 + 2 * i : 8 + 2 * i] += pull
        first[6 + 2 * j : 8 + 2 * j] -= pull
    torch.testing.assert_close(unequal.field(x), first)


def test_learned_masses_count_as_weights_and_known_ones_do_not():
    learned, known = PairwiseHNN(6, (5,)), PairwiseHNN(6, (5,), masses=2.0)
    assert parameter_count(learned) - parameter_count(known) == 3
    assert learned.masses.tolist() == [1.0, 1.0, 1.0]
    x = torch.ones(12, dtype=torch.float64)
    assert known.field(x)[:6].tolist() == [0.5] * 6


def test_unequal_masses_and_the_law_of_force_are_learned():
    """From the motion of two bodies; the exponent of the force is read off inside the data."""
    system = TwoBody(mass1=2.0, mass2=0.5)
    x = system.sample(300, seed=0)
    model = PairwiseHNN(4, (12,), couplings="masses", seed=0)
    fit(model, Dataset(x, system.field(x)), LevenbergMarquardt(steps=40), progress=False)
    masses = torch.tensor([2.0, 0.5], dtype=torch.float64)
    torch.testing.assert_close(model.masses, masses, rtol=1e-6, atol=0)
    apart = (x[:, :2] - x[:, 2:4]).norm(dim=-1)
    r = torch.linspace(*apart.quantile(torch.tensor([0.01, 0.99]).double()).tolist(), 50)
    pull = model.attraction(r.double())
    slope = torch.log(pull).diff() / torch.log(r.double()).diff()
    assert (slope + 2).abs().max() < 1e-2
    torch.testing.assert_close(pull, r.double() ** -2, rtol=1e-3, atol=0)


def test_a_checkpoint_knows_dimension_masses_and_couplings(tmp_path):
    model = PairwiseHNN(6, (5,), dimension=3, masses=[1.0, 2.5], couplings="masses", seed=4)
    save_model(tmp_path / "bodies.safetensors", model)
    again = load_model(tmp_path / "bodies.safetensors")
    assert again.config == json.loads(json.dumps(model.config))
    x = torch.randn(3, 12, generator=seeded(0), dtype=torch.float64)
    assert torch.equal(again.field(x), model.field(x))
    more = model.for_bodies(4, masses=[1.0, 2.0, 3.0, 4.0])
    rebuilt = build_model(more.kind, more.config)
    rebuilt.load_state_dict(more.state_dict())
    x = torch.randn(3, 24, generator=seeded(0), dtype=torch.float64)
    assert torch.equal(rebuilt.field(x), more.field(x))


@pytest.mark.parametrize("masses", [None, 1.0, [1.0, 1.0]])
def test_a_file_cannot_ask_for_more_bodies_than_it_has_masses(tmp_path, masses):
    """Their pairs would fill the memory before a weight was read."""
    path = tmp_path / "edited.safetensors"
    save_model(path, PairwiseHNN(4, (5,)))
    tensors, metadata = read(path, MODEL_FORMAT)
    metadata["config"] |= {"degrees": 10**8, "masses": masses}
    write(path, MODEL_FORMAT, tensors, metadata)
    with pytest.raises(ValueError, match="description of the model is unusable"):
        load_model(path)


def test_coinciding_bodies_harm_no_other_state():
    model = PairwiseHNN(6, (5,), seed=0)
    x = torch.randn(3, 12, generator=seeded(0), dtype=torch.float64)
    x[1, 2:4] = x[1, 0:2]
    together, alone = model.field(x), model.field(x[[0, 2]])
    assert together[1].isnan().any()
    torch.testing.assert_close(together[[0, 2]], alone)
    assert torch.isfinite(model.hamiltonian(x)).all()


def test_float32_and_vmap_give_the_same():
    model = PairwiseHNN(15, (5,), dimension=3, seed=0)
    x = torch.randn(4, 30, generator=seeded(0), dtype=torch.float64)
    torch.testing.assert_close(torch.func.vmap(model.field)(x), model.field(x))
    single = PairwiseHNN(15, (5,), dimension=3, seed=0, dtype=torch.float32)
    few = single.for_bodies(2, masses=1.0)
    assert few.field(x[:, :12].float()).dtype == torch.float32


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: PairwiseHNN(5), ValueError, "degrees = 5 in dimension = 2; expected bodies × dim"),
        (lambda: PairwiseHNN(2), ValueError, "such as 4 for two"),
        (lambda: PairwiseHNN(4, dimension=0), ValueError, "dimension = 0"),
        (lambda: PairwiseHNN(4, masses=[1.0]), ValueError, "expected 2, one for each body"),
        (lambda: PairwiseHNN(4, masses=[1.0, -1.0]), ValueError, "mass of body 2 = -1.0"),
        (lambda: PairwiseHNN(4, masses="heavy"), TypeError, "masses = 'heavy'"),
        (lambda: PairwiseHNN(4, couplings="charges"), ValueError, "expected None or 'masses'"),
        (lambda: PairwiseHNN(4, angles=(0,)), ValueError, "none of these may be an angle"),
        (lambda: PairwiseHNN(4).for_bodies(3), ValueError, "learned masses; say those of the 3"),
        (lambda: PairwiseHNN(4, masses=[1.0, 2.0]).for_bodies(3), ValueError, "say those of the 3"),
        (lambda: PairwiseHNN(4, masses=1.0).for_bodies(1), ValueError, "two bodies or more"),
        (
            lambda: PairwiseHNN(4).field(torch.ones(12).double()),
            ValueError,
            "was made for 8",
        ),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
