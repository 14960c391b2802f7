"""Compiled training: the same weights, what it costs, and a clear word where it cannot be done."""

import functools
import shutil
import sys

import pytest
import torch

from hnn_tutorial import _as_jax
from hnn_tutorial.flows import DENSITIES, NEGATIVE_LOG_LIKELIHOOD, NeuralHamiltonianFlow, flow_data
from hnn_tutorial.models import HNN, LNN, StructuredLNN
from hnn_tutorial.systems import DoublePendulum, Pendulum
from hnn_tutorial.training import (
    Adam,
    LevenbergMarquardt,
    TorchOptimizer,
    TrainingDivergedError,
    _problem,
    acceleration_residual,
    derivative_residual,
    fit,
)

SYSTEM, DOUBLE = Pendulum(gravity=2.0), DoublePendulum()
X = SYSTEM.sample(50, 0)
FIELD = {"states": X, "derivatives": SYSTEM.field(X)}
Y = DOUBLE.velocities(DOUBLE.sample(30, 0))
ACCELERATIONS = {"states": Y, "derivatives": DOUBLE.second_order_field(Y)}
SGD = TorchOptimizer(functools.partial(torch.optim.SGD, lr=0.01, momentum=0.9), steps=20)


@pytest.fixture(autouse=True)
def without_a_compiler(monkeypatch):
    """PyTorch's own passes over the graph, but no C++."""
    torch._dynamo.reset()
    monkeypatch.setattr(_problem, "COMPILER", "aot_eager")


def trained(make, data, optimizer, residual, **options):
    model = make()
    history = fit(model, data, optimizer, residual=residual, progress=False, **options)
    return torch.cat([p.detach().flatten() for p in model.parameters()]), history


@pytest.fixture(params=["JAX", "PyTorch"])
def compiler(request, monkeypatch):
    """Who compiles; without JAX it is PyTorch."""
    asked = []
    if request.param == "PyTorch":
        monkeypatch.setattr(_as_jax, "jax_is_installed", lambda: False)
    else:
        pytest.importorskip("jax")
    by_torch = torch.compile
    monkeypatch.setattr(torch, "compile", lambda *a, **k: asked.append(1) or by_torch(*a, **k))
    yield request.param
    assert bool(asked) == (request.param == "PyTorch")


@pytest.mark.parametrize(
    "make, data, optimizer, residual",
    [
        (lambda: HNN(1, (6,), seed=1), FIELD, Adam(20, batch_size=20), derivative_residual),
        (lambda: HNN(1, (6,), seed=1), FIELD, SGD, derivative_residual),
        (lambda: StructuredLNN(2, (5,), seed=1), ACCELERATIONS, Adam(20), acceleration_residual),
        (lambda: LNN(2, (5,), "softplus", seed=1), ACCELERATIONS, Adam(5), acceleration_residual),
        (
            lambda: NeuralHamiltonianFlow(2, (6,), seed=1),
            flow_data(DENSITIES["moons"], 40, 0),
            Adam(5),
            NEGATIVE_LOG_LIKELIHOOD,
        ),
    ],
)
def test_a_compiled_training_ends_at_the_same_weights(make, data, optimizer, residual, compiler):
    plain, without = trained(make, data, optimizer, residual)
    weights, history = trained(make, data, optimizer, residual, compile=True)
    torch.testing.assert_close(weights, plain, rtol=1e-9, atol=1e-9)
    assert history.loss == pytest.approx(without.loss, rel=1e-9)
    assert 0 < history.compile_seconds < history.seconds
    assert f"{history.compile_seconds:.1f} s to compile" in repr(history)
    assert without.compile_seconds == 0
    assert "compile" not in repr(without)


def test_float32_stays_so(compiler):
    data = {name: value.float() for name, value in FIELD.items()}
    make = functools.partial(HNN, 1, (6,), seed=1, dtype=torch.float32)
    plain, _ = trained(make, data, Adam(20), derivative_residual)
    weights, _ = trained(make, data, Adam(20), derivative_residual, compile=True)
    assert weights.dtype == torch.float32
    torch.testing.assert_close(weights, plain, rtol=1e-4, atol=1e-5)


def test_what_is_not_the_packages_own_follows_its_own_mind():
    """A residual whose weight changes later, which a record of its first call would not see."""
    size = {"now": 1.0}

    def residual(model, batch):
        return size["now"] * derivative_residual(model, batch)

    make = functools.partial(HNN, 1, (6,), seed=1)
    plain, _ = trained(make, FIELD, Adam(20), residual)
    weights, _ = trained(make, FIELD, Adam(20), residual, compile=True)
    torch.testing.assert_close(weights, plain, rtol=1e-9, atol=1e-9)
    model, batch = make(), FIELD
    problem = _problem.Problem(model, residual, batch, compile=True)
    before = problem.gradient(problem.weights(), batch)[1]
    size["now"] = 2.0
    assert problem.gradient(problem.weights(), batch)[1] == pytest.approx(4 * before)


def test_a_compiled_training_that_runs_away_ends_as_another_does(compiler):
    huge = {name: 1e200 * value for name, value in FIELD.items()}
    with pytest.raises(TrainingDivergedError, match="the loss is (inf|nan)"):
        trained(functools.partial(HNN, 1, (6,)), huge, Adam(3), derivative_residual, compile=True)


def test_a_checkpoint_says_whether_its_training_was_compiled(tmp_path):
    file = tmp_path / "run.safetensors"
    make, optimizer = functools.partial(HNN, 1, (6,)), Adam(4)
    options = {"checkpoint": file, "compile": True}
    first, _ = trained(make, FIELD, optimizer, derivative_residual, **options)
    with pytest.raises(ValueError, match="with compile = True; this call has None"):
        trained(make, FIELD, optimizer, derivative_residual, checkpoint=file)
    again, _ = trained(make, FIELD, optimizer, derivative_residual, **options)
    assert torch.equal(first, again)


def test_what_cannot_be_compiled_says_so():
    make = functools.partial(HNN, 1, (6,))
    with pytest.raises(ValueError, match="compile=True is for Adam"):
        trained(make, FIELD, LevenbergMarquardt(), derivative_residual, compile=True)

    def leads(model, batch):
        r = derivative_residual(model, batch)
        return r if float(r.detach().abs().max()) > 1e9 else 2 * r

    with pytest.raises(ValueError, match=r"could not be compiled \(.*without compile=True"):
        trained(make, FIELD, Adam(2), leads, compile=True)
    with pytest.raises(TypeError, match="compile is 1; expected True or False"):
        trained(make, FIELD, Adam(2), derivative_residual, compile=1)


# As in test_models: what torch.compile calls for the CPU.
if sys.platform == "linux" and shutil.which("g++") and " " not in torch.__file__:

    def test_with_a_compiler_the_weights_are_the_same_too(monkeypatch, tmp_path):
        monkeypatch.setattr(_as_jax, "jax_is_installed", lambda: False)
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
        monkeypatch.setattr(_problem, "COMPILER", "inductor")
        make = functools.partial(HNN, 1, (6,), seed=1)
        plain, _ = trained(make, FIELD, Adam(20), derivative_residual)
        weights, _ = trained(make, FIELD, Adam(20), derivative_residual, compile=True)
        torch.testing.assert_close(weights, plain, rtol=1e-9, atol=1e-9)
