"""Compiled training: the same weights, what it costs, and a clear word where it cannot be done."""

import functools
import importlib.util
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
    _at_once,
    _problem,
    acceleration_residual,
    derivative_residual,
    fit,
)

fit_module = sys.modules[fit.__module__]
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
        monkeypatch.setattr(_problem, "jax_is_installed", lambda: False)
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


LM = functools.partial(LevenbergMarquardt, steps=12)
LEAPS = [
    (lambda: HNN(1, (6,), seed=1), FIELD, Adam(200, 0.01), derivative_residual),
    (
        lambda: HNN(1, (6, 5), "sin", seed=1),
        FIELD,
        Adam(150, 0.01, batch_size=15, schedule="cosine", weight_decay=0.01),
        derivative_residual,
    ),
    (lambda: HNN(1, (6,), seed=1), FIELD, LM(), derivative_residual),
    (lambda: HNN(1, (6,), seed=1), FIELD, LM(batch_size=20), derivative_residual),
    (lambda: HNN(1, (8, 8), seed=1), FIELD, LM(weight_decay=1e-3), derivative_residual),
    (lambda: HNN(1, (3,), seed=1), FIELD, LM(weight_decay=1e-3), derivative_residual),
    (lambda: LNN(2, (5,), "softplus", seed=1), ACCELERATIONS, LM(steps=8), acceleration_residual),
    (lambda: StructuredLNN(2, (5,), seed=1), ACCELERATIONS, LM(steps=8), acceleration_residual),
]


def in_calls_of(seconds, monkeypatch):
    """Count the calls of a leap; each makes as many steps as take so long."""
    monkeypatch.setattr(_at_once, "AT_ONCE", seconds)
    calls, leap = [], fit_module.Run._leap

    def counted(run, most):
        before = run.history.steps
        made = leap(run, most)
        calls.append(run.history.steps - before)
        return made

    monkeypatch.setattr(fit_module.Run, "_leap", counted)
    return calls


class Slower(dict):
    """Of a program that is taken for quick at its first call, and for slow from then on."""

    asked = 0

    def get(self, key):
        self.asked += 1
        return _at_once.AT_ONCE / (1000.0 if self.asked == 1 else 2.5)


if importlib.util.find_spec("jax"):  # Not with the lowest versions; it needs a newer NumPy.

    @pytest.mark.parametrize("make, data, optimizer, residual", LEAPS)
    def test_steps_in_one_call_are_those_one_by_one(make, data, optimizer, residual, monkeypatch):
        plain, without = trained(make, data, optimizer, residual)
        several = in_calls_of(10.0, monkeypatch)
        weights, history = trained(make, data, optimizer, residual, compile=True)
        assert history.loss == pytest.approx(without.loss, rel=1e-7)
        torch.testing.assert_close(weights, plain, rtol=1e-6, atol=1e-6)
        assert history.final_loss == pytest.approx(without.final_loss, rel=1e-7)
        assert (history.steps, history.reason) == (without.steps, without.reason)
        assert len(several) < history.steps / 2
        one_by_one = in_calls_of(0.0, monkeypatch)
        again, other = trained(make, data, optimizer, residual, compile=True)
        assert set(one_by_one) <= {0, 1}
        assert torch.equal(again, weights), "the same bits, however many steps a call makes"
        assert other.loss == history.loss

    def test_a_call_ends_where_something_else_is_due(monkeypatch):
        held_out = {"states": X[:9] * 1.1, "derivatives": SYSTEM.field(X[:9] * 1.1)}
        make = functools.partial(HNN, 1, (6,), seed=1)
        options = {"validation": held_out, "validation_every": 7, "patience": 10}
        given = (make, FIELD, Adam(150, 0.3), derivative_residual)
        plain, without = trained(*given, **options)
        assert "no lower validation loss in 10 steps" in without.reason
        in_calls_of(10.0, monkeypatch)
        weights, history = trained(*given, compile=True, **options)
        torch.testing.assert_close(weights, plain, rtol=1e-7, atol=1e-7)
        assert history.validation_steps == without.validation_steps
        assert history.validation_loss == pytest.approx(without.validation_loss, rel=1e-7)
        assert (history.steps, history.best_step) == (without.steps, without.best_step)

    def test_lm_converges_at_the_same_step(monkeypatch):
        in_calls_of(10.0, monkeypatch)
        noisy = {**FIELD, "derivatives": FIELD["derivatives"] + 0.1 * torch.cos(9 * X)}
        given = (functools.partial(HNN, 1, (3,), seed=1), noisy, LevenbergMarquardt(tolerance=1e-3))
        _, without = trained(*given, derivative_residual)
        _, history = trained(*given, derivative_residual, compile=True)
        assert "converged" in without.reason
        assert (history.steps, history.reason) == (without.steps, without.reason)

    @pytest.mark.parametrize("optimizer", [Adam(90, batch_size=10), LM(steps=90, batch_size=10)])
    @pytest.mark.parametrize("samples, seed", [(300, 0), (300, 1), (30, 0), (30, 1), (30, 2)])
    def test_what_runs_away_within_a_call_ends_as_it_does_step_by_step(
        optimizer, samples, seed, monkeypatch
    ):
        x = SYSTEM.sample(samples, 0)
        data = {"states": x, "derivatives": SYSTEM.field(x)}
        data["derivatives"][0] = 1e200  # whose square is not finite, wherever its batch comes
        model = functools.partial(HNN, 1, (6,), seed=1)
        ends = []
        in_calls_of(10.0, monkeypatch)
        for compiled in (False, True, True):
            if len(ends) == 2:  # many steps, and what is made once more in calls of two
                monkeypatch.setattr(_at_once, "_paces", Slower())
            made = model()
            with pytest.raises(TrainingDivergedError) as error:
                fit(made, data, optimizer, seed=seed, progress=False, compile=compiled)
            ends.append(
                (str(error.value), torch.cat([p.detach().ravel() for p in made.parameters()]))
            )
        (plain, before), (found, weights), again = ends
        assert found == plain
        torch.testing.assert_close(weights, before, rtol=1e-7, atol=1e-7)
        assert again[0] == found
        assert torch.equal(again[1], weights)

    def test_an_interruption_between_calls_loses_nothing(tmp_path, monkeypatch):
        given = (functools.partial(HNN, 1, (6,), seed=1), FIELD, Adam(300, batch_size=20))
        whole, _ = trained(*given, derivative_residual, compile=True)
        file, leap = tmp_path / "run.safetensors", fit_module.Run._leap

        def interrupted(run, *rest):
            made = leap(run, *rest)
            if run.history.steps > 120:
                raise KeyboardInterrupt
            return made

        options = {"compile": True, "checkpoint": file, "checkpoint_every": 1000}
        with monkeypatch.context() as patch:
            patch.setattr(fit_module.Run, "_leap", interrupted)
            with pytest.raises(KeyboardInterrupt):
                trained(*given, derivative_residual, **options)
        resumed, history = trained(*given, derivative_residual, **options)
        assert torch.equal(resumed, whole)
        assert history.steps == 300

    def test_a_checkpoint_has_the_state_before_the_newest_step(tmp_path, monkeypatch):
        stored, save = [], fit_module.Keeper.save

        def noted(keeper, run):
            stored.append(int(run.good()["step"]))
            save(keeper, run)

        monkeypatch.setattr(fit_module.Keeper, "save", noted)
        options = {"checkpoint": tmp_path / "run.safetensors", "checkpoint_every": 10}
        make = functools.partial(HNN, 1, (6,), seed=1)
        trained(make, FIELD, Adam(35), derivative_residual, compile=True, **options)
        assert stored == [9, 19, 29, 35]

    def test_a_second_training_compiles_nothing():
        for optimizer, another in ((Adam(30), Adam(50, 0.1)), (LM(), LM(steps=7, tolerance=0))):
            trained(
                lambda: HNN(1, (6,), seed=1), FIELD, optimizer, derivative_residual, compile=True
            )
            before = _as_jax.program.cache_info().misses
            data = {name: 1.1 * value for name, value in FIELD.items()}
            make = functools.partial(HNN, 1, (6,), seed=2)
            plain, _ = trained(make, data, another, derivative_residual)
            weights, _ = trained(make, data, another, derivative_residual, compile=True)
            torch.testing.assert_close(weights, plain, rtol=1e-7, atol=1e-7)
            assert _as_jax.program.cache_info().misses == before

    def test_a_second_training_knows_the_pace(monkeypatch):
        given = (lambda: HNN(1, (32, 32), seed=1), FIELD, Adam(1000), derivative_residual)
        _, first = trained(*given, compile=True)
        calls = in_calls_of(60.0, monkeypatch)
        _, second = trained(*given, compile=True)
        assert calls == [1000]
        assert second.loss == first.loss
        # What the steps took is not taken for compiling.
        assert second.compile_seconds < 0.5 * second.seconds

    # The mean squares of the two residuals below differ by a factor, which the decay tells.
    DECAYING = Adam(3, 0.1, batch_size=1, weight_decay=0.1)

    def test_no_training_is_taken_for_another():
        make = functools.partial(StructuredLNN, 1, (5,), seed=1)
        for residual in (derivative_residual, acceleration_residual):
            for optimizer in (DECAYING, LM(steps=3, weight_decay=0.1)):
                plain, _ = trained(make, FIELD, optimizer, residual)
                weights, _ = trained(make, FIELD, optimizer, residual, compile=True)
                torch.testing.assert_close(weights, plain, rtol=1e-7, atol=1e-7)

    def test_frozen_weights_are_no_part_of_the_program():
        def make(scale):
            model = HNN(1, (6,), seed=1)
            with torch.no_grad():
                model.network.layers[0].weight.mul_(scale)
            model.network.layers[0].weight.requires_grad_(False)
            return model

        for scale in (1.0, 2.0):
            given = (functools.partial(make, scale), FIELD, LM(), derivative_residual)
            plain, _ = trained(*given)
            weights, _ = trained(*given, compile=True)
            torch.testing.assert_close(weights, plain, rtol=1e-6, atol=1e-6)


def test_what_cannot_be_compiled_says_so(monkeypatch):
    make = functools.partial(HNN, 1, (6,))
    with pytest.raises(ValueError, match="batches of at most chunk = 40 samples, and here are 50"):
        trained(make, FIELD, LM(chunk=40), derivative_residual, compile=True)
    by_jax = "LevenbergMarquardt by JAX .*without compile=True"
    with pytest.raises(ValueError, match=by_jax):
        trained(make, FIELD, LM(), lambda m, b: derivative_residual(m, b), compile=True)
    with monkeypatch.context() as patch:
        patch.setattr(_problem, "jax_is_installed", lambda: False)
        with pytest.raises(ValueError, match=by_jax):
            trained(make, FIELD, LM(), derivative_residual, compile=True)

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
        monkeypatch.setattr(_problem, "jax_is_installed", lambda: False)
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
        monkeypatch.setattr(_problem, "COMPILER", "inductor")
        make = functools.partial(HNN, 1, (6,), seed=1)
        plain, _ = trained(make, FIELD, Adam(20), derivative_residual)
        weights, _ = trained(make, FIELD, Adam(20), derivative_residual, compile=True)
        torch.testing.assert_close(weights, plain, rtol=1e-9, atol=1e-9)
