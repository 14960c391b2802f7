"""The trajectory loss: rollouts that are differentiated through, by either optimiser."""

import pytest
import torch
from strategies import MODEL_SHAPES
from torch.func import jvp

from hnn_tutorial.data import Trajectories, simulate
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.integrators import METHODS, UnsettledStepError, integrate, integrate_gaps
from hnn_tutorial.models import HNN, MODELS
from hnn_tutorial.systems import DampedPendulum, MassSpring, Pendulum
from hnn_tutorial.training import (
    Adam,
    FreeStarts,
    LevenbergMarquardt,
    TrajectoryResidual,
    cut,
    fit,
)
from hnn_tutorial.training._problem import Problem

FIXED = [name for name, method in METHODS.items() if not method.adaptive]
# A splitting method needs a separable model.
KIND_FOR = {name: "separable_hnn" if METHODS[name].needs_separable else "hnn" for name in FIXED}


def observe(system, seed, *, trajectories=4, points=9, span=1.6):
    times = torch.linspace(0, span, points, dtype=torch.float64)
    return simulate(system, system.sample(trajectories, seed), times)


@pytest.fixture
def swings():
    return observe(Pendulum(mass=1.0, length=1.0, gravity=1.0), 0)


# ---- gaps


@pytest.mark.parametrize("method", FIXED)
def test_gaps_of_its_own_move_each_state_as_integrate_does(method):
    system = Pendulum()
    x0 = system.sample(3, 1)
    gaps = 0.1 * torch.rand(5, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    found = integrate_gaps(system.field, x0, gaps, method, steps=2)
    for b in range(3):
        times = torch.cat([torch.zeros(1, dtype=torch.float64), gaps[:, b].cumsum(0)])
        for k in range(5):
            alone = integrate(
                system.field, found[k, b], times[k : k + 2], method, step=gaps[k, b].item() / 2
            )
            torch.testing.assert_close(found[k + 1, b], alone[-1], rtol=1e-12, atol=1e-12)


def test_gaps_refuse_what_they_cannot_use():
    system = Pendulum()
    x0, gaps = system.sample(3, 1), torch.full((5, 3), 0.1, dtype=torch.float64)
    with pytest.raises(ValueError, match="dop853 chooses its own steps; use one of: euler"):
        integrate_gaps(system.field, x0, gaps, "dop853")
    with pytest.raises(ValueError, match=r"gaps has shape \(5,\), x0 has \(3, 2\)"):
        integrate_gaps(system.field, x0, gaps[:, 0])
    with pytest.raises(ValueError, match="steps = 0"):
        integrate_gaps(system.field, x0, gaps, steps=0)
    with pytest.raises(ValueError, match="needs a separable Hamiltonian"):
        integrate_gaps(MODELS["hnn"](1, (4,)).field, x0, gaps, "leapfrog")


# ---- pieces


def test_pieces_hold_every_gap_and_overlap_by_one_observation(swings):
    batch = cut(swings, 3)
    assert batch["states"].shape == (4 * 4, 3, 2)
    assert batch["piece"].tolist() == list(range(16))
    # The pieces of a trajectory follow each other.
    first = batch["states"][:4]
    assert torch.equal(first[:-1, -1], first[1:, 0])
    assert torch.equal(first[0], swings.states[:3, 0])
    assert torch.equal(batch["states"][4], swings.states[:3, 1])


def test_last_piece_begins_earlier_where_it_would_be_too_short(swings):
    batch = cut(swings, 4)
    assert torch.equal(batch["states"][:3, 0], swings.states[[0, 3, 5], 0])


def test_gaps_are_those_of_uneven_times():
    times = torch.tensor([0.0, 0.1, 0.3, 0.35], dtype=torch.float64)
    states = torch.rand(4, 2, 2, dtype=torch.float64)
    batch = cut(Trajectories(times, states), 2, derivatives=2 * states)
    torch.testing.assert_close(
        batch["gaps"].squeeze(-1).tolist(), [0.1, 0.2, 0.05] * 2, rtol=1e-12, atol=0
    )
    assert torch.equal(batch["derivatives"], 2 * batch["states"])


@pytest.mark.parametrize("length", [1, 10, 2.0, True])
def test_impossible_length_is_refused(swings, length):
    with pytest.raises(ValueError, match="expected an integer from 2 to 9"):
        cut(swings, length)


def test_derivatives_of_another_shape_are_refused(swings):
    with pytest.raises(ValueError, match=r"derivatives has shape \(8, 4, 2\)"):
        cut(swings, 3, swings.states[1:])


@pytest.mark.parametrize("name", ["noise", "derivative_noise"])
def test_noise_must_be_positive(name):
    with pytest.raises(ValueError, match=f"{name} = 0"):
        TrajectoryResidual(**{name: 0.0})


# ---- residuals


@pytest.mark.parametrize("steps", [1, 3])
def test_the_true_field_leaves_the_error_of_the_integrator_alone(swings, steps):
    system = Pendulum(mass=1.0, length=1.0, gravity=1.0)
    r = TrajectoryResidual(steps=steps)(system, cut(swings))
    assert r.shape == (4, 16)  # the first observation is the start, and no residual
    # RK4 over gaps of 0.2, and of a third of that: an error 81 times smaller.
    bound = 1e-4 / steps**4
    assert 1e-3 * bound < r.abs().max() < bound


def test_free_starts_begin_at_the_observed_ones_and_are_residuals_too(swings):
    system = Pendulum(mass=1.0, length=1.0, gravity=1.0)
    batch = cut(swings)
    free = FreeStarts(system, batch)
    free.starts.data += 0.25
    r = TrajectoryResidual(noise=0.5)(free, batch)
    assert r.shape == (4, 18)
    torch.testing.assert_close(r[:, :2], torch.full_like(r[:, :2], 0.5))


def test_derivatives_are_compared_along_the_rollout(swings):
    system = Pendulum(mass=1.0, length=1.0, gravity=1.0)
    batch = cut(swings, 3, system.field(swings.states) + 0.3)
    r = TrajectoryResidual(derivative_noise=0.1)(system, batch)
    assert r.shape == (16, 4 + 6)
    torch.testing.assert_close(r[:, 4:], torch.full_like(r[:, 4:], -3.0), rtol=1e-3, atol=0)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("free", [False, True])
def test_jacobian_of_every_model_is_that_of_forward_mode(swings, kind, free):
    _check_jacobian(swings, kind, TrajectoryResidual(), free)


@pytest.mark.parametrize("derivative_noise", [None, 0.3])
@pytest.mark.parametrize("free", [False, True])
def test_jacobian_of_several_steps_and_of_derivatives_is_that_of_forward_mode(
    swings, free, derivative_noise
):
    residual = TrajectoryResidual(steps=2, noise=0.5, derivative_noise=derivative_noise)
    _check_jacobian(swings, "hnn", residual, free)


@pytest.mark.parametrize("method", FIXED)
def test_jacobian_through_every_integrator_is_that_of_forward_mode(swings, method):
    _check_jacobian(swings, KIND_FOR[method], TrajectoryResidual(method), True)


def _check_jacobian(swings, kind, residual, free):
    shape = MODEL_SHAPES.get(kind, {})
    if shape:  # two bodies on a line: the swings two by two, apart from each other
        one, other = swings.states[:, ::2], swings.states[:, 1::2] + torch.tensor([3.0, 0.0])
        q, p = torch.stack([one, other], dim=-1).unbind(-2)
        swings = Trajectories(swings.times, torch.cat([q, p], dim=-1))
    batch = cut(swings, 4, swings.states.cos())
    model = MODELS[kind](2 if shape else 1, (5,), "softplus", seed=3, **shape)
    module = FreeStarts(model, batch) if free else model
    problem = Problem(module, residual, batch)
    w = problem.weights()
    J, r = problem.jacobian(w, batch)
    torch.testing.assert_close(r, problem.residuals(w, batch), rtol=1e-10, atol=1e-12)
    direction = torch.randn(len(w), generator=torch.Generator().manual_seed(4), dtype=w.dtype)
    _, along = jvp(lambda v: problem.residuals(v, batch), (w,), (direction,))
    torch.testing.assert_close(J @ direction, along, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind not in MODEL_SHAPES])
@pytest.mark.parametrize("free", [False, True])
def test_a_step_recorded_once_serves_other_weights_and_states(swings, kind, free, monkeypatch):
    """Trial losses go by NumPy: at weights that were not known when the step was recorded."""
    batch = cut(swings, 4, swings.states.cos())
    model = MODELS[kind](1, (5,), "softplus", seed=3)
    residual = TrajectoryResidual(steps=2, noise=0.5, derivative_noise=0.3)
    problem = Problem(FreeStarts(model, batch) if free else model, residual, batch)
    w = problem.weights()
    problem.loss(w, batch)
    (move,) = problem.known.values()
    assert move is not None
    generator = torch.Generator().manual_seed(5)
    others = [
        w + scale * torch.randn(len(w), generator=generator, dtype=w.dtype) for scale in (0.1, 0.5)
    ]
    right = [problem.residuals(weights, batch).detach() for weights in others]
    few = {name: value[:2] for name, value in batch.items()}
    torch.testing.assert_close(problem.values(w, few), problem.values(w, batch)[:2])
    assert len(problem.known) == 2  # pieces of another number are recorded anew

    monkeypatch.setattr(TrajectoryResidual, "_path", None)  # PyTorch is asked no more
    for weights, wanted in zip(others, right, strict=True):
        torch.testing.assert_close(problem.values(weights, batch), wanted, rtol=1e-10, atol=1e-12)


def test_what_cannot_be_recorded_is_followed_by_pytorch(swings):
    batch = cut(swings, 4)

    class Own(HNN):
        def field(self, x):
            return 2 * super().field(x)

    class Halved(TrajectoryResidual):
        def __call__(self, model, batch):
            return super().__call__(model, batch) / 2

    frozen = HNN(1, (5,), seed=3)
    frozen.requires_grad_(False)
    next(frozen.parameters()).requires_grad_(True)
    for model, residual, recorded in (
        (Own(1, (5,), seed=3), TrajectoryResidual(), False),
        (HNN(1, (5,), seed=3), Halved(), None),
        (HNN(1, (5,), seed=3).float(), TrajectoryResidual(), False),
        (HNN(1, (5,), seed=3), TrajectoryResidual("implicit_midpoint"), False),
        (frozen, TrajectoryResidual(), True),
    ):
        dtype = next(model.parameters()).dtype
        data = {k: v.to(dtype) if v.is_floating_point() else v for k, v in batch.items()}
        problem = Problem(model, residual, data)
        w = problem.weights()
        torch.testing.assert_close(problem.values(w, data), problem.residuals(w, data).detach())
        kept = [move is not None for move in problem.known.values()]
        assert kept == ([] if recorded is None else [recorded])


# ---- training


@pytest.mark.parametrize(
    "optimizer, bound",
    [(LevenbergMarquardt(steps=25), 1e-5), (Adam(steps=300, learning_rate=1e-2), 2e-2)],
    ids=["levenberg_marquardt", "adam"],
)
def test_motion_alone_teaches_the_field(optimizer, bound):
    system = MassSpring(mass=1.0, stiffness=1.0)
    batch = cut(observe(system, 5, trajectories=12), 3)
    model = MODELS["hnn"](1, (8,), seed=0)
    fit(model, batch, optimizer, residual=TrajectoryResidual(), progress=False)
    assert field_error(model.field, system.field, system.sample(200, 6)) < bound


def test_motion_alone_teaches_friction_to_a_neural_ode():
    system = DampedPendulum(mass=1.0, length=1.0, gravity=1.0, damping=0.3)
    batch = cut(observe(system, 5, trajectories=20), 3)
    model = MODELS["mlp"](1, (8,), seed=0)
    optimizer = LevenbergMarquardt(steps=30)
    fit(model, batch, optimizer, residual=TrajectoryResidual(), progress=False)
    seen = batch["states"].flatten(0, 1)
    assert field_error(model.field, system.field, seen) < 1e-4


def test_free_starts_cure_errors_in_variables():
    system = MassSpring(mass=1.0, stiffness=1.0)
    clean = observe(system, 7, trajectories=15, points=21, span=4.0)
    seen = clean.noisy(0.15, 8)
    derivatives = system.field(clean.states)
    fresh = system.sample(200, 9)
    model = MODELS["hnn"](1, (6,), seed=0)
    naive = {"states": seen.states.flatten(0, 1), "derivatives": derivatives.flatten(0, 1)}
    fit(model, naive, LevenbergMarquardt(steps=30, weight_decay=1e-4), progress=False)
    before = field_error(model.field, system.field, fresh)
    batch = cut(seen, 11, derivatives)
    free = FreeStarts(model, batch)
    residual = TrajectoryResidual(noise=0.15, derivative_noise=0.15)
    fit(free, batch, LevenbergMarquardt(steps=10), residual=residual, progress=False)
    assert field_error(model.field, system.field, fresh) < before / 4
    # The starts have moved from the observed states towards the true ones.
    true = cut(clean, 11)["states"][:, 0]
    observed = batch["states"][:, 0]
    assert (free.starts - true).square().mean() < 0.5 * (observed - true).square().mean()


def test_weights_whose_implicit_step_cannot_be_solved_are_infinitely_wrong(swings):
    batch = cut(swings, 3)
    model = MODELS["hnn"](1, (8,), seed=0)
    problem = Problem(model, TrajectoryResidual(method="implicit_midpoint"), batch)
    weights = problem.weights()
    assert problem.loss(weights, batch) < 10
    with pytest.raises(UnsettledStepError, match="too long for this field"):
        problem.residuals(30 * weights, batch)
    assert problem.loss(30 * weights, batch) == float("inf")


def test_training_with_other_settings_of_the_residual_is_not_gone_on_from(swings, tmp_path):
    batch = cut(swings, 3)
    options = {"checkpoint": tmp_path / "run.safetensors", "progress": False}
    model, settings = MODELS["hnn"](1, (4,)), LevenbergMarquardt(steps=2)
    fit(model, batch, settings, residual=TrajectoryResidual(), **options)
    fit(model, batch, settings, residual=TrajectoryResidual(), **options)
    with pytest.raises(ValueError, match="was made with residual = .*method='rk4'"):
        fit(model, batch, settings, residual=TrajectoryResidual(method="euler"), **options)
