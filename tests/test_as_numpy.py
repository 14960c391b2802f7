"""Fields and steps as NumPy functions: the same numbers, and PyTorch wherever more is wanted."""

import math
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import MODEL_SHAPES
from torch.nn.functional import softplus

from hnn_tutorial import _as_numpy, _operations
from hnn_tutorial._as_numpy import as_numpy, compact
from hnn_tutorial.integrators import (
    METHODS,
    UnsettledStepError,
    implicit,
    integrate,
    integrate_gaps,
)
from hnn_tutorial.integrators.implicit import IMPLICIT
from hnn_tutorial.mechanics import hamiltonian_field, jacobian, lagrangian_field
from hnn_tutorial.models import HNN, LNN, MAPS, MODELS, HamiltonianModel
from hnn_tutorial.systems import SYSTEMS, MassSpring, Pendulum
from hnn_tutorial.training import (
    Adam,
    FreeStarts,
    TrainingDivergedError,
    TrajectoryResidual,
    _problem,
    acceleration_residual,
    derivative_residual,
    fit,
    map_residual,
)
from hnn_tutorial.training._problem import Problem

TIMES = torch.linspace(0, 6, 61, dtype=torch.float64)
EXPLICIT = [m.name for m in METHODS.values() if m.step and "implicit" not in m.name]
EXPLICIT.remove("gauss_legendre4")


def without(monkeypatch, name="as_numpy"):
    """Leave everything to PyTorch."""
    for module in ("hnn_tutorial.integrators", "hnn_tutorial.integrators.adaptive"):
        monkeypatch.setattr(f"{module}.{name}", lambda *_: None)


@pytest.mark.parametrize("name", SYSTEMS)
@given(seed=st.integers(0, 2**31))
def test_a_systems_field_has_the_same_values(name, seed):
    system = SYSTEMS[name]()
    starts, others = system.sample(7, seed), system.sample(7, seed + 1)
    for x, other in ((starts, others), (starts[0], others[0])):
        evaluate = as_numpy(system.field, x)
        assert evaluate is not None
        found = torch.from_numpy(np.asarray(evaluate(other.numpy())))
        torch.testing.assert_close(found, system.field(other), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("batch", [(), (5,), (3, 2)])
def test_a_models_field_has_the_same_values(name, batch):
    degrees = 2
    model = MODELS[name](degrees, (6, 5), seed=3, **MODEL_SHAPES.get(name, {}))
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        x, other = torch.randn(2, *batch, 2 * degrees, generator=generator, dtype=torch.float64)
        evaluate = as_numpy(model.field, x)
        assert evaluate is not None
        found = torch.from_numpy(np.asarray(evaluate(other.numpy())))
        torch.testing.assert_close(found, model.field(other), rtol=1e-11, atol=1e-11)
        # The weights of the next call are read anew.
        for weight in model.parameters():
            weight.mul_(1.3)
        again = torch.from_numpy(np.asarray(as_numpy(model.field, x)(other.numpy())))
        torch.testing.assert_close(again, model.field(other), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", [*EXPLICIT, *IMPLICIT, "rk45", "dop853"])
@pytest.mark.parametrize("batch", [(), (4,)])
def test_a_motion_is_the_same_with_and_without(name, batch, monkeypatch):
    pendulum = Pendulum(mass=0.7, length=1.3, gravity=2.1)
    x0 = 0.8 * torch.ones(*batch, 2, dtype=torch.float64)
    calls = []
    record = _as_numpy.recorded
    monkeypatch.setattr(_as_numpy, "recorded", lambda *a: calls.append(1) or record(*a))
    fast = integrate(pendulum.field, x0, TIMES, name)
    assert calls == [1]
    back = integrate(pendulum.field, fast[-1], TIMES.flip(0), name)
    assert len(calls) == 2
    without(monkeypatch)
    torch.testing.assert_close(fast, integrate(pendulum.field, x0, TIMES, name), rtol=0, atol=1e-11)
    slow = integrate(pendulum.field, fast[-1], TIMES.flip(0), name)
    torch.testing.assert_close(back, slow, rtol=0, atol=1e-11)


@pytest.mark.parametrize("name, h", [("implicit_midpoint", 1.2), ("gauss_legendre4", 2.3)])
@pytest.mark.parametrize("batch", [(), (4,)])
def test_a_long_implicit_step_is_left_to_newtons_method(name, h, batch, monkeypatch):
    pendulum = Pendulum(mass=0.7, length=1.3, gravity=2.1)
    x0 = torch.linspace(0.8, 1.4, math.prod(batch)).double().reshape(*batch, 1).expand(*batch, 2)
    asked = []
    newton = implicit._solve_newton
    monkeypatch.setattr(implicit, "_solve_newton", lambda *a: asked.append(1) or newton(*a))
    times = h * torch.arange(61, dtype=torch.float64)
    fast = integrate(pendulum.field, x0, times, name)
    assert 0 < len(asked) < 60, "some of the steps"
    with monkeypatch.context() as patch:
        without(patch)
        slow = integrate(pendulum.field, x0, times, name)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-7)
    monkeypatch.setattr(implicit, "NEWTON_ITERATIONS", 0)
    with pytest.raises(UnsettledStepError, match=rf"implicit step of {h} were not solved"):
        integrate(pendulum.field, x0, times, name)


class Braked(MassSpring):
    """A field of a user's own, which counts its calls."""

    calls = 0

    def field(self, x):
        Braked.calls += 1
        return super().field(x) - 0.1 * x


def test_what_does_more_than_compute_and_wanted_gradients_stay_with_pytorch():
    x = torch.tensor([0.3, 0.4], dtype=torch.float64)
    hnn = HNN(1, (4,), seed=0)
    layers = torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)
    own = HamiltonianModel(torch.nn.Sequential(*layers).double())
    for model in (hnn, own):
        assert as_numpy(model.field, x) is None, "its weights want a gradient"
    with torch.no_grad():
        for model in (hnn, own):
            assert as_numpy(model.field, compact(model.field, x)) is not None
        calls = []
        hnn.network.layers[0].register_forward_hook(lambda *_: calls.append(1))
        assert as_numpy(hnn.field, x) is None, "a hook that counts"
        assert not calls
    assert as_numpy(Pendulum().field, x.float()) is None
    assert as_numpy(Pendulum().field, x.clone().requires_grad_()) is None
    mass = torch.nn.Parameter(torch.tensor(2.0, dtype=torch.float64))
    assert as_numpy(MassSpring(mass=mass).field, x) is None
    with torch.no_grad():
        assert as_numpy(MassSpring(mass=mass).field, x) is not None
    Braked.calls = 0
    integrate(Braked().field, x, TIMES)
    assert Braked.calls == 4 * 60


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("single", [True, False])
def test_fields_of_others_are_followed_by_numpy_to_the_same_motion(method, single, monkeypatch):
    system = Pendulum(mass=0.7, length=1.2, gravity=3.0)
    x0 = system.sample(3, seed=1)
    x0 = x0[0] if single else x0

    def written(x):
        q, p = x.unbind(-1)
        inertia = 0.7 * 1.2**2
        return torch.stack([p / inertia, -0.7 * 3.0 * 1.2 * torch.sin(q)], dim=-1)

    for field in (written, hamiltonian_field(system.hamiltonian)):
        assert as_numpy(field, x0) is not None
        fast = integrate(field, x0, TIMES, method)
        with monkeypatch.context() as patch:
            without(patch)
            slow = integrate(field, x0, TIMES, method)
        torch.testing.assert_close(fast, slow, rtol=0, atol=1e-9)
        ours = integrate(system.field, x0, TIMES, method)
        torch.testing.assert_close(fast, ours, rtol=0, atol=1e-9)


def test_a_field_of_others_of_the_wrong_shape_is_told():
    x0 = torch.tensor([0.3, 0.4], dtype=torch.float64)
    with pytest.raises(ValueError, match=r"the field returned .*\(1,\).*expected|shape"):
        integrate(lambda x: -x[..., :1], x0, TIMES)


def test_a_value_that_decides_is_not_recorded(monkeypatch):
    def field(self, x):
        return torch.stack([x[..., 1], -x[..., 0] if bool(x[..., 0] > 0) else x[..., 0]], -1)

    def copied(self, x):
        return torch.stack([x[..., 1], torch.from_numpy(x.numpy()[..., 0] * -2.0)], -1)

    x = torch.tensor([0.3, 0.4], dtype=torch.float64)
    for other in (field, copied):
        monkeypatch.setattr(MassSpring, "field", other)
        assert as_numpy(MassSpring().field, x) is None
    # Where the question is answered by no, it is asked at every state.
    monkeypatch.setattr(MassSpring, "field", field)
    evaluate = as_numpy(MassSpring().field, -x)
    for state in (x, -x, 2 * x):
        right = MassSpring().field(state).numpy()
        np.testing.assert_allclose(evaluate(state.numpy()), right, rtol=1e-14)


def test_a_mass_matrix_that_becomes_singular_on_the_way_is_told():
    """L = q̇²/2 + sin q̇ has the mass 1 − sin q̇, which is nothing at q̇ = π/2."""
    model = LNN(1, (1,), "sin")
    with torch.no_grad():
        for layer, weight in zip(model.network.layers, ([[0.0, 1.0]], [[1.0]]), strict=True):
            layer.weight.copy_(torch.tensor(weight))
        x = torch.tensor([[0.0, 0.3], [0.2, 0.4]], dtype=torch.float64)
        evaluate = as_numpy(model.field, x)
    with pytest.raises(ValueError, match="singular at 1 of 2 states.* use a StructuredLNN"):
        evaluate(np.array([[0.0, 0.3], [0.2, np.pi / 2]]))
    lost = evaluate(np.array([[0.0, 0.3], [np.nan, np.nan]]))
    assert np.isfinite(lost[0]).all()
    assert np.isnan(lost[1]).all(), "a trajectory that has run away is not a singular matrix"


@pytest.mark.parametrize("name", EXPLICIT)
@pytest.mark.parametrize("batch", [(), (3,), (3, 2)])
def test_gaps_of_each_state_are_the_same_with_and_without(name, batch, monkeypatch):
    pendulum = Pendulum(mass=0.7, length=1.3, gravity=2.1)
    generator = torch.Generator().manual_seed(7)
    x0 = torch.rand(*batch, 2, generator=generator, dtype=torch.float64)
    gaps = 0.3 * torch.rand(20, *batch, generator=generator, dtype=torch.float64)
    calls = []
    record = _as_numpy.recorded
    monkeypatch.setattr(_as_numpy, "recorded", lambda *a: calls.append(1) or record(*a))
    fast = integrate_gaps(pendulum.field, x0, gaps, name, steps=3)
    assert calls == [1]
    wanted = integrate_gaps(pendulum.field, x0, gaps.requires_grad_(), name, steps=3)
    assert calls == [1], "a gradient is wanted"
    assert wanted.requires_grad
    without(monkeypatch)
    slow = integrate_gaps(pendulum.field, x0, gaps.detach(), name, steps=3)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)
    torch.testing.assert_close(wanted.detach(), slow, rtol=0, atol=1e-12)


def test_derivatives_by_transforms_of_functions_go_through():
    pendulum, times = Pendulum(gravity=1.7), TIMES
    x = torch.tensor([[0.3, 0.4], [-0.9, 0.2]], dtype=torch.float64)
    slopes = jacobian(lambda x: integrate(pendulum.field, x, times)[-1])(x)
    h = 1e-6
    for i in range(2):
        step = h * torch.eye(2, dtype=torch.float64)[i]
        ends = [integrate(pendulum.field, x + s * step, times)[-1] for s in (1, -1)]
        torch.testing.assert_close(slopes[..., i], (ends[0] - ends[1]) / (2 * h), rtol=0, atol=1e-8)
    together = torch.vmap(lambda x: integrate(pendulum.field, x, times)[-1])(x)
    torch.testing.assert_close(together, integrate(pendulum.field, x, times)[-1])


def test_a_motion_that_runs_away_ends_in_no_number_and_without_a_warning(recwarn):
    away = SYSTEMS["henon_heiles"]()
    x0 = torch.tensor([0.0, 3.0, 0.0, 2.0], dtype=torch.float64)
    end = integrate(away.field, x0, torch.linspace(0, 40, 201, dtype=torch.float64))[-1]
    assert not torch.isfinite(end).all()
    assert not recwarn.list


@pytest.mark.parametrize(
    "of_numbers",
    [
        lambda a, b: 1 / a + b,
        lambda a, b: a.log() * b.log1p(),
        lambda a, b: a.sqrt() + b.rsqrt(),
        lambda a, b: (800 * a).exp() - (-800 * b).exp(),
        lambda a, b: a**2.5 + b**-1.5 + a**-1 + b**0.5,
        lambda a, b: a.sin() * b.cos() + a.tan() * b.tanh() + (1e200 * a) * (1e200 * b),
        lambda a, b: torch.where(~(a > 0.1) & (b < 3), a.abs(), -b).clamp(-0.5, 0.5),
        lambda a, b: torch.sigmoid(a) * softplus(b) + torch.maximum(a, b) * a.reshape(1).sum(),
        lambda a, b: a.expand(3).sum() + torch.stack([a, b]).sum() + b.unsqueeze(0).mean(),
        lambda a, b: torch.where((~(a > 0)).any(), a, b),
    ],
)
def test_single_numbers_are_pythons_and_end_in_inf_or_nan_where_pytorchs_do(of_numbers, recwarn):
    def function(x):
        a, b = x.unbind()
        value = of_numbers(a, b)
        return torch.stack([value, x[1] * value, torch.dot(x, x)])

    evaluate = _as_numpy.recorded(function, {"x": torch.tensor([0.7, 0.4]).double()})
    for values in ([0.3, 0.6], [0.0, 2.0], [-0.4, 0.0], [1e308, -1e308], [math.inf, -math.nan]):
        x = torch.tensor(values, dtype=torch.float64)
        with np.errstate(all="ignore"):
            found = torch.from_numpy(evaluate(x.numpy()))
        torch.testing.assert_close(found, function(x), rtol=1e-12, atol=1e-12, equal_nan=True)
    assert not recwarn.list


@pytest.mark.parametrize("method", ["rk4", "dop853"])
def test_a_batch_of_one_goes_as_its_state_does(method):
    field, x = Pendulum(mass=0.7, length=1.3, gravity=2.1).field, torch.tensor([0.4, 0.9]).double()
    alone = integrate(field, x, TIMES, method)
    for batch in ((1,), (1, 1)):
        path = integrate(field, x.reshape(*batch, 2), TIMES, method)
        assert path.shape == (len(TIMES), *batch, 2)
        assert torch.equal(path.reshape(alone.shape), alone)


@pytest.mark.parametrize("batch", [(2300,), (3, 701)])
@pytest.mark.parametrize("method", ["rk4", "dop853"])
def test_a_network_with_tanh_goes_in_blocks(batch, method, monkeypatch):
    model = HNN(1, (6, 5), seed=3)
    generator = torch.Generator().manual_seed(4)
    x = torch.randn(*batch, 2, generator=generator, dtype=torch.float64)
    x.reshape(-1, 2)[-1] = 1e300  # in the last, shorter block; its field is zero
    times = torch.linspace(0, 1, 51 if method == "rk4" else 3, dtype=torch.float64)
    evaluated = []
    compared = _as_numpy._compared
    monkeypatch.setattr(
        _as_numpy,
        "_compared",
        lambda f, g, *a, **k: evaluated.append(g["x"]) or compared(f, g, *a, **k),
    )
    with torch.no_grad():
        fast = integrate(model.field, x, times, method)
        count = x.numel() // 2
        assert [len(part) for part in evaluated] == [_as_numpy.BLOCK, count % _as_numpy.BLOCK]
        without(monkeypatch)
        slow = integrate(model.field, x, times, method)
    torch.testing.assert_close(fast, slow, rtol=1e-9, atol=1e-9)


def test_what_pytorch_does_as_fast_stays_with_it_for_many_states():
    many = torch.full((2000, 4), 0.3, dtype=torch.float64)
    with torch.no_grad():
        assert as_numpy(SYSTEMS["double_pendulum"]().field, many) is None
        assert as_numpy(HNN(2, (4,), "softplus").field, many) is None
        assert as_numpy(LNN(2, (4,), "tanh", seed=1).field, many) is None
        assert as_numpy(HNN(2, (4,)).field, many) is not None


# Gradients of losses


def model_states(model, count):
    generator = torch.Generator().manual_seed(5)
    return torch.randn(count, 2 * model.degrees, generator=generator, dtype=torch.float64)


def residuals_of(name):
    if name in MAPS:
        return [map_residual]
    return [derivative_residual, *([acceleration_residual] if name in LAGRANGIAN else [])]


LAGRANGIAN = ("lnn", "structured_lnn")
EVERY = [(name, residual) for name in [*MODELS, *MAPS] for residual in residuals_of(name)]


@pytest.mark.parametrize("activation", ["tanh", "softplus", "sin"])
@pytest.mark.parametrize("name, residual", EVERY)
def test_the_gradient_of_a_loss_has_the_same_values(name, residual, activation):
    kind = MODELS.get(name) or MAPS[name]
    model = kind(2, (6, 5), activation, seed=3, **MODEL_SHAPES.get(name, {}))
    states = model_states(model, 9)
    batch = {key: torch.sin(states) for key in ("derivatives", "images")}
    problem = Problem(model, residual, {"states": states, **batch})
    weights = problem.weights()
    evaluate = problem.recorded(problem.gradient_by_autograd, weights, problem.data)
    assert evaluate is not None
    # At other weights and on other data than those that were recorded.
    generator = torch.Generator().manual_seed(6)
    weights = weights + 0.1 * torch.randn(weights.shape, generator=generator, dtype=torch.float64)
    data = {key: value.flip(0) * 0.9 for key, value in problem.data.items()}
    g, loss = evaluate(weights, data)
    expected, value = problem.gradient_by_autograd(weights, data)
    scale = expected.abs().max().item()
    torch.testing.assert_close(g, expected, rtol=0, atol=1e-12 * scale)
    assert float(loss) == pytest.approx(value.item(), rel=1e-12)


def pieces_of(degrees, length, count=4):
    generator = torch.Generator().manual_seed(7)
    states = torch.randn(count, length, 2 * degrees, generator=generator, dtype=torch.float64)
    gaps = 0.1 + 0.2 * torch.rand(count, length - 1, generator=generator, dtype=torch.float64)
    return {"states": states, "gaps": gaps, "piece": torch.arange(count)}


@pytest.mark.parametrize("free", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_the_gradient_along_a_motion_has_the_same_values(name, free):
    model = MODELS[name](2, (5, 4), seed=3, **MODEL_SHAPES.get(name, {}))
    pieces = pieces_of(2, 4)
    residual = TrajectoryResidual("rk4", steps=2, noise=0.3)
    problem = Problem(FreeStarts(model, pieces) if free else model, residual, pieces)
    weights = problem.weights()
    evaluate = problem.recorded(problem.gradient_by_autograd, weights, pieces)
    assert evaluate is not None
    generator = torch.Generator().manual_seed(8)
    weights = weights + 0.1 * torch.randn(weights.shape, generator=generator, dtype=torch.float64)
    # Of each piece the start of another: what is read from a table has to be read anew.
    data = {key: value.flip(0) for key, value in pieces.items()}
    g, loss = evaluate(weights, data)
    expected, value = problem.gradient_by_autograd(weights, data)
    scale = expected.abs().max().item()
    torch.testing.assert_close(g, expected, rtol=0, atol=1e-11 * scale)
    assert float(loss) == pytest.approx(value.item(), rel=1e-11)


class OwnTrajectories(TrajectoryResidual):
    """A residual of a user's."""

    def __call__(self, model, batch):
        return 2 * super().__call__(model, batch)


@pytest.mark.parametrize(
    "length, residual, recorded",
    [
        (11, TrajectoryResidual(steps=10), True),
        (12, TrajectoryResidual(steps=10), False),  # longer than recording is worth
        (4, TrajectoryResidual("implicit_midpoint"), False),
        (4, OwnTrajectories(), True),
    ],
)
def test_which_gradients_along_a_motion_are_recorded(length, residual, recorded):
    pieces = pieces_of(1, length)
    problem = Problem(HNN(1, (3,), seed=0), residual, pieces)
    evaluate = problem.recorded(problem.gradient_by_autograd, problem.weights(), pieces)
    assert (evaluate is not None) == recorded


def test_training_by_numpy_and_by_pytorch_end_alike(monkeypatch):
    recorded = []
    for by_numpy in (True, False):
        model = HNN(1, (6, 5), seed=0)
        if not by_numpy:
            monkeypatch.setattr(_problem, "training_as_numpy", lambda *_: None)
        states = model_states(model, 20)
        batch = {"states": states, "derivatives": torch.sin(states)}
        history = fit(model, batch, Adam(300, 0.01, batch_size=6), progress=False)
        recorded.append((history.loss, [p.detach().clone() for p in model.parameters()]))
    (losses, weights), (others, expected) = recorded
    assert losses[-1] < 0.5 * losses[0]
    np.testing.assert_allclose(losses, others, rtol=1e-9)
    torch.testing.assert_close(weights, expected, rtol=1e-8, atol=1e-10)


CALLS = []


class Counting(HNN):
    """A subclass of a user's, which counts its calls."""

    def field(self, x):
        CALLS.append(1)
        return super().field(x)


class Halved(HNN):
    """A subclass of a user's, which only computes."""

    def field(self, x):
        return super().field(x) / 2


def hooked(model, hook):
    model.network.layers[0].register_forward_hook(hook)
    return model


def of_own(model, batch):
    """A residual of a user's: squares of slopes, and how far a motion is from a right angle."""
    slope = model.field(batch["states"])
    along = (slope * batch["derivatives"]).sum(dim=-1) / slope.norm(dim=-1)
    return torch.stack([along, slope.square().sum(dim=-1)], dim=-1)


OF_OTHERS = {
    "subclass": (lambda: Halved(1, (4,), seed=0), derivative_residual),
    "hook": (lambda: hooked(HNN(1, (4,), seed=0), lambda *_: None), derivative_residual),
    "residual": (lambda: HNN(1, (4,), seed=0), of_own),
    "lambda": (
        lambda: LNN(1, (4,), seed=0),
        lambda model, batch: acceleration_residual(model, batch) * 2.0,
    ),
    "module": (
        lambda: HamiltonianModel(
            torch.nn.Sequential(
                torch.nn.Linear(2, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)
            ).double()
        ),
        derivative_residual,
    ),
}


@pytest.mark.parametrize("name", OF_OTHERS)
def test_what_others_wrote_is_trained_by_numpy_to_the_same_weights(name, monkeypatch):
    make, residual = OF_OTHERS[name]
    model = make()
    generator = torch.Generator().manual_seed(5)
    states = torch.randn(30, 2, generator=generator, dtype=torch.float64)
    batch = {"states": states, "derivatives": torch.sin(states) + 0.2}
    problem = Problem(model, residual, batch)
    weights = problem.weights()
    with monkeypatch.context() as patch:
        patch.setattr(_problem, "training_as_numpy", lambda *_: None)
        slow = Problem(model, residual, batch)
        J, r = slow.jacobian(weights, batch)
        loss = slow.loss(weights, batch)
        g, _ = slow.gradient(weights, batch)
    torch.testing.assert_close(problem.jacobian(weights, batch), (J, r), rtol=1e-11, atol=1e-13)
    assert problem.loss(weights, batch) == pytest.approx(loss, rel=1e-12)
    torch.testing.assert_close(problem.gradient(weights, batch)[0], g, rtol=1e-11, atol=1e-13)
    assert [found is not None for found in problem.known.values()] == [True] * 3


@pytest.mark.parametrize(
    "make, residual",
    [
        (lambda: Counting(1, (4,)), derivative_residual),
        (lambda: hooked(HNN(1, (4,)), lambda *_: CALLS.append(1)), derivative_residual),
        (
            lambda: HNN(1, (4,)),
            lambda model, batch: CALLS.append(1) or derivative_residual(model, batch),
        ),
        (lambda: HNN(1, (4,), dtype=torch.float32), derivative_residual),
        # 600 samples of 120 numbers: PyTorch is as fast.
        (lambda: HNN(1, (120,)), derivative_residual),
    ],
)
def test_gradients_that_stay_with_pytorch(make, residual):
    model = make()
    states = model_states(model, 600).to(next(model.parameters()).dtype)
    problem = Problem(model, residual, {"states": states, "derivatives": torch.sin(states)})
    weights = problem.weights()
    calls = len(CALLS)
    assert problem.recorded(problem.gradient_by_autograd, weights, problem.data) is None
    assert len(CALLS) == calls, "nothing was called to find out"


def test_a_gradient_that_is_not_finite_ends_the_training_as_with_pytorch():
    model = HNN(1, (4,))
    states = 1e200 * model_states(model, 5)
    problem = Problem(model, derivative_residual, {"states": states, "derivatives": states})
    with pytest.raises(TrainingDivergedError, match="the loss is inf"):
        problem.gradient(problem.weights(), problem.data)


def test_a_singular_mass_matrix_is_named_in_a_training_by_numpy():
    model = LNN(1, (1,), seed=0)
    states = torch.tensor([[0.3, 0.0], [0.2, 0.0]], dtype=torch.float64)
    problem = Problem(model, derivative_residual, {"states": states, "derivatives": states})
    weights = problem.weights()
    assert problem.recorded(problem.gradient_by_autograd, weights, problem.data) is not None
    # L = q̇²/2 + c tanh(q̇ + 1/2): at rest the second term takes off what the first one has.
    a = math.tanh(0.5)
    c = 1 / (2 * a * (1 - a * a))
    singular = torch.tensor([0.0, 1.0, 0.5, c, 0.0], dtype=torch.float64)
    with pytest.raises(ValueError, match="singular at 2 of 2 states"):
        problem.gradient(singular, problem.data)


def test_derivatives_of_parts_are_put_where_they_belong():
    """Of slices with a step and from the end, of one place, of places chosen twice."""

    def slope(x):
        x = x.detach().requires_grad_()
        with torch.enable_grad():
            table = x.view(3, 4)
            parts = table[:, 1:4:2], table[-1], table[1, :-1], table[:, torch.tensor([0, 2, 2])]
            total = sum(k * part.pow(3).sum() for k, part in enumerate(parts, start=1))
            (g,) = torch.autograd.grad(total + softplus(30 * x).square().mean(), x)
        return g

    x = torch.linspace(-1, 1, 12, dtype=torch.float64)
    evaluate = _as_numpy.recorded(slope, {"x": x})
    other = torch.linspace(2, -1, 12, dtype=torch.float64)
    torch.testing.assert_close(torch.from_numpy(evaluate(other.numpy())), slope(other))


def test_a_lagrangian_that_is_made_of_a_place_is_followed_by_numpy(monkeypatch):
    """Its velocity is a derivative along a direction."""

    def lagrangian(x):
        q, rate = x[..., :1], x[..., 1:]
        position, velocity = torch.func.jvp(
            lambda q: torch.cat([q + torch.sin(q), -torch.cos(q)], dim=-1), (q,), (rate,)
        )
        return 0.7 * velocity.square().sum(dim=-1) / 2 - 0.7 * 3.0 * position[..., 1]

    x0 = torch.tensor([[0.5, 0.0], [2.5, 0.1], [1.5, -0.3]], dtype=torch.float64)
    field = lagrangian_field(lagrangian)
    assert as_numpy(field, x0) is not None
    fast = integrate(field, x0, TIMES)
    without(monkeypatch)
    torch.testing.assert_close(fast, integrate(field, x0, TIMES), rtol=0, atol=1e-12)


def test_a_mass_of_nothing_has_no_inverse_and_no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = _operations.NUMPY["inverse"](np.array([[[2.0]], [[0.0]]]))
    assert np.isnan(found).all()
    np.testing.assert_array_equal(_operations.NUMPY["inverse"](np.array([[[2.0]]])), [[[0.5]]])


@pytest.mark.parametrize("order", [2, 1, 3])
def test_norms_are_recorded_where_they_are_that_of_euclid(order):
    x = torch.tensor([[0.3, -0.4], [1.0, 2.0]], dtype=torch.float64)

    def field(x):
        return -x / x.norm(p=order, dim=-1, keepdim=True)

    evaluate = as_numpy(field, x)
    assert (evaluate is not None) == (order == 2)
    if evaluate:
        other = 2 * x - 0.3
        np.testing.assert_allclose(evaluate(other.numpy()), field(other), rtol=1e-14)
