"""Networks for H under another bracket, known or learned: at any weights, and trained."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import jvp

from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import (
    gradient,
    jacobi_defect,
    poisson_field,
    symplectic_form,
)
from hnn_tutorial.models import HNN, MODELS, LearnedBracketNN, PoissonNN, parameter_count
from hnn_tutorial.systems import LotkaVolterra, RigidBody
from hnn_tutorial.training import Adam, LevenbergMarquardt, fit, load_model, save_model
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.losses import derivative_residual

BODY, POPULATIONS = RigidBody(1.0, 2.2, 2.9), LotkaVolterra(1.3, 0.7, 0.4, 1.9)


def turned(x):
    """An antisymmetric matrix of any size, different at each state."""
    M = x.unsqueeze(-1) * torch.cos(x.roll(1, -1)).unsqueeze(-2)
    return M - M.mT


def known(d, *shape, **options):
    return PoissonNN(d, turned, *shape, **options)


MAKE = {"known": known, "learned": LearnedBracketNN}


def drawn(count, d, seed=0):
    return torch.randn(count, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def random_weights(model, seed, scale=0.5):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            draw = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(scale * draw)
    return model


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
@pytest.mark.parametrize("d", [2, 3, 5])
@given(st.integers(0, 1000), st.sampled_from([(), (0,), (1, 0)]))
def test_energy_stands_still_at_any_weights(make, d, seed, angles):
    model = random_weights(make(d, (8, 7), angles=angles), seed)
    x = 2 * drawn(10, d, seed)
    J = model.poisson_matrix(x)
    assert torch.equal(J, -J.mT)
    slope, motion = gradient(model.hamiltonian)(x), model.field(x)
    assert ((slope * motion).sum(-1).abs() <= 1e-13 * (1 + (slope * motion).abs().sum(-1))).all()
    expected = poisson_field(model.hamiltonian, model.poisson_matrix)(x)
    torch.testing.assert_close(motion, expected)
    assert motion.abs().max() > 1e-3


@given(st.integers(0, 1000))
def test_a_casimir_of_the_known_bracket_is_kept_at_any_weights(seed):
    """By the field; and by the implicit midpoint rule exactly, since |x|² is quadratic."""
    model = random_weights(PoissonNN(3, BODY.poisson_matrix, (8, 8)), seed)
    x = BODY.sample(10, seed)
    assert (x * model.field(x)).sum(-1).abs().max() < 1e-13
    times = torch.linspace(0, 0.25, 6, dtype=torch.float64)
    with torch.no_grad():
        path = integrate(model.field, x, times, "implicit_midpoint")
    sizes = BODY.squared_momentum(path)
    torch.testing.assert_close(sizes, sizes[:1].expand_as(sizes), rtol=1e-12, atol=1e-12)
    other = random_weights(LearnedBracketNN(3, (8, 8)), seed)
    assert (x * other.field(x)).sum(-1).abs().max() > 1e-3
    assert jacobi_defect(other.poisson_matrix)(x).max() > 1e-3


def test_with_the_canonical_bracket_it_is_an_hnn():
    def omega(x):
        return symplectic_form(2, dtype=x.dtype, device=x.device)

    model = random_weights(PoissonNN(4, omega, (7, 6), angles=(1,)), 0)
    hnn = HNN(2, (7, 6), angles=(1,))
    hnn.network.load_state_dict(model.network.state_dict())
    x = drawn(9, 4)
    torch.testing.assert_close(model.field(x), hnn.field(x))
    torch.testing.assert_close(model.hamiltonian(x), hnn.hamiltonian(x))
    assert model.poisson_matrix(x).shape == (9, 4, 4)


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_jacobian_that_levenberg_marquardt_sees(make):
    model = random_weights(make(3, (5, 4), angles=(2,)), 1)
    x = drawn(6, 3)
    problem = Problem(model, derivative_residual, {"states": x, "derivatives": 0 * x})
    w = problem.weights()
    with torch.no_grad():
        J, r = problem.jacobian(w, problem.data)
    torch.testing.assert_close(r, model.field(x).detach())
    direction = drawn(1, len(w), 2)[0]
    _, along = jvp(lambda v: problem.residuals(v, problem.data), (w,), (direction,))
    torch.testing.assert_close(J @ direction, along, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(steps=60), Adam(steps=300)])
def test_it_learns_a_body_that_turns_and_keeps_its_angular_momentum(optimizer):
    x, test = BODY.sample(200, 0), BODY.sample(500, 1)
    model = PoissonNN(3, BODY.poisson_matrix, (10,), seed=0)
    history = fit(model, Dataset(x, BODY.field(x)), optimizer, progress=False)
    assert history.final_loss < (1e-9 if optimizer.name == "levenberg_marquardt" else 0.3)
    if optimizer.name == "levenberg_marquardt":
        assert field_error(model.field, BODY.field, test) < 1e-7
        times = torch.linspace(0, 20, 201, dtype=torch.float64)
        with torch.no_grad():
            path = integrate(model.field, test[:20], times, "implicit_midpoint")
        assert (BODY.hamiltonian(path) / BODY.hamiltonian(path[0]) - 1).abs().max() < 1e-2


def test_a_bracket_is_learned_with_h_where_hamiltons_equations_have_no_answer():
    x = POPULATIONS.sample(200, 0, radius=(0.2, 1.0))
    data = Dataset(x, POPULATIONS.field(x))
    losses = [
        fit(model, data, LevenbergMarquardt(steps=60), progress=False).final_loss
        for model in (LearnedBracketNN(2, (7, 7), seed=0), HNN(1, (10, 10), seed=0))
    ]
    assert losses[0] < 1e-5
    assert losses[1] > 3e-4


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_batches_dtypes_angles_and_seeds(make):
    model = random_weights(make(3, (6, 5), "softplus", angles=(1,)), 0)
    x = drawn(6, 3)
    together = model.field(x)
    torch.testing.assert_close(model(x.reshape(2, 3, 3)).reshape(6, 3), together)
    torch.testing.assert_close(model.field(x[0]), together[0])
    if make is LearnedBracketNN:
        whole = model.field(x + 2 * torch.pi * torch.tensor([0, 1, 0]))
        torch.testing.assert_close(whole, together)
    single = make(3, (6, 5), seed=1, dtype=torch.float32)
    double = make(3, (6, 5), seed=1)
    close = single.field(x.float()).double()
    torch.testing.assert_close(close, double.field(x), rtol=1e-4, atol=1e-5)
    assert not torch.equal(make(3, (6, 5), seed=2).field(x), double.field(x))
    assert model.config == {
        "dimension": 3,
        "hidden": [6, 5],
        "activation": "softplus",
        "angles": [1],
    }


@pytest.mark.parametrize("make", MAKE.values(), ids=MAKE)
def test_files_and_pytorch_take_it(make, tmp_path):
    model = random_weights(make(3, (5, 4)), 2)
    x = drawn(4, 3)
    save_model(tmp_path / "model.safetensors", model)
    again = load_model(tmp_path / "model.safetensors", make(3, (5, 4), seed=9))
    assert torch.equal(again.field(x), model.field(x))
    with pytest.raises(ValueError, match="hand in the model that it is to become"):
        load_model(tmp_path / "model.safetensors")
    assert model.kind not in MODELS
    torch._dynamo.reset()
    for_any = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(model, (x,), dynamic_shapes=for_any).module()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    for changed in (exported, compiled):
        torch.testing.assert_close(changed(x[:3]), model(x[:3]))


def test_rivals_of_the_same_size_have_the_same_number_of_weights():
    assert parameter_count(PoissonNN(3, turned, (14, 14))) == 3 * 14 + 14 + 14 * 14 + 14 + 14 + 1
    # Three entries of J, from the same layers.
    both = parameter_count(LearnedBracketNN(3, (14, 14)))
    assert both == 2 * parameter_count(PoissonNN(3, turned, (14, 14))) + 2 * 14 + 2


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: PoissonNN(3, turned).field(drawn(1, 2)), ValueError, r"expected \(..., 3\)"),
        (lambda: PoissonNN(3, turned).field(drawn(1, 3).float()), TypeError, "float32"),
        (lambda: PoissonNN(3, None), TypeError, "bracket = None|bracket is None"),
        (lambda: PoissonNN(3, lambda x: x).field(drawn(1, 3)), ValueError, "the bracket returned"),
        (
            lambda: PoissonNN(2, lambda x: torch.eye(2).double()).field(drawn(1, 2)),
            ValueError,
            "the bracket is not antisymmetric",
        ),
        (lambda: LearnedBracketNN(1), ValueError, "one component alone"),
        (lambda: LearnedBracketNN(0), ValueError, "dimension = 0"),
        (lambda: LearnedBracketNN(3, angles=(3,)), ValueError, "from 0 to 2"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
