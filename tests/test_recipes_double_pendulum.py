"""The double pendulum's recipes: their data, their scores, their settings; and their residuals."""

import math
from dataclasses import replace

import pytest
import torch

from hnn_tutorial.experiments._recipe import Job, run_seed
from hnn_tutorial.experiments.double_pendulum import (
    OURS,
    REFERENCE,
    STEADY_STEPS,
    absolute_residual,
    widening,
)
from hnn_tutorial.models import HNN, LNN, MODELS, parameter_count
from hnn_tutorial.systems import DoublePendulum
from hnn_tutorial.training import (
    LevenbergMarquardt,
    acceleration_residual,
    derivative_residual,
    fit,
)
from hnn_tutorial.training.losses import as_batch

FEW = replace(OURS.task, states=60, test_states=40, starts=4, horizon=1.0, step=0.02)
IN_SI = replace(FEW, true=DoublePendulum(gravity=9.8), time_unit=1.0)
QUICK = replace(
    OURS,
    task=FEW,
    optimizers={"levenberg_marquardt": LevenbergMarquardt(steps=2, batch_size=30)},
)


def exact(task, velocities: bool):
    return task.true.second_order_field if velocities else task.true.field


# Residuals


@pytest.mark.parametrize("kind", ["lnn", "structured_lnn"])
def test_the_acceleration_residual_is_the_other_half_of_the_derivative_residual(kind):
    model = MODELS[kind](2, (6,), angles=(0, 1), seed=0)
    batch = as_batch(FEW.data(0, velocities=True).train)
    whole = derivative_residual(model, batch)
    assert whole[:, :2].abs().max() < 1e-14
    torch.testing.assert_close(acceleration_residual(model, batch), whole[:, 2:])


def test_the_acceleration_residual_needs_an_acceleration():
    batch = as_batch(FEW.data(0, velocities=False).train)
    with pytest.raises(TypeError, match="HNN has no acceleration; .* derivative_residual"):
        acceleration_residual(HNN(2, (4,), seed=0), batch)


def test_the_acceleration_residual_trains():
    data = FEW.data(0, velocities=True).train
    model = LNN(2, (8,), "softplus", angles=(0, 1), seed=0)
    history = fit(
        model, data, LevenbergMarquardt(5), residual=acceleration_residual, progress=False
    )
    assert history.final_loss < 0.9 * history.loss[0]


@pytest.mark.parametrize("kind", ["lnn", "mlp"])
def test_the_absolute_residual_is_an_absolute_loss_with_a_finite_gradient(kind):
    model = MODELS[kind](2, (6,), "softplus", seed=0)
    data = FEW.data(0, velocities=True).train
    loss = absolute_residual(model, as_batch(data)).square().mean()
    error = (model.field(data.states) - data.derivatives).abs().mean()
    torch.testing.assert_close(loss, error)
    gradients = torch.autograd.grad(loss, list(model.parameters()), allow_unused=True)
    assert all(torch.isfinite(g).all() for g in gradients if g is not None)


# Data


def test_the_data_are_as_published():
    task = REFERENCE.task
    pendulum = task.true
    assert [p.value for p in pendulum.parameters] == [1.0, 1.0, 1.0, 1.0, 9.8]
    assert (task.speed, task.start_speed, task.starts, task.horizon) == (10.0, 0.1, 40, 100.0)
    assert 300 * task.states == pytest.approx(3.07e8, rel=1e-3)
    states = IN_SI.data(0, velocities=True).train.states
    assert states[:, :2].abs().max() <= math.pi
    assert 9 < states[:, 2:].abs().max() <= 10


def test_ours_are_few_states_of_the_same_pendulum_in_its_own_units():
    assert OURS.task.states <= 10_000
    unit = OURS.task.time_unit
    for velocities in (True, False):
        own = FEW.data(0, velocities=velocities).train
        seen = IN_SI.data(0, velocities=velocities).train
        scale = torch.tensor([1, 1, unit, unit], dtype=torch.float64)
        torch.testing.assert_close(own.states, seen.states * scale)
        torch.testing.assert_close(own.derivatives, seen.derivatives * scale * unit)


@pytest.mark.parametrize("velocities", [True, False])
def test_a_seed_fixes_the_data_and_no_state_is_on_both_sides(velocities):
    first, again, other = (FEW.data(seed, velocities=velocities) for seed in (0, 0, 1))
    assert torch.equal(first.train.states, again.train.states)
    assert torch.cdist(first.train.states, other.train.states).min() > 1e-6
    assert torch.cdist(first.train.states, first.test.states).min() > 1e-6
    rates = exact(FEW, velocities)(first.train.states)
    torch.testing.assert_close(first.train.derivatives, rates)


def test_many_states_are_differentiated_in_parts(monkeypatch):
    whole = FEW.data(0, velocities=True).train.derivatives
    monkeypatch.setattr("hnn_tutorial.experiments.double_pendulum._CHUNK", 7)
    torch.testing.assert_close(FEW.data(0, velocities=True).train.derivatives, whole)


# Scores


@pytest.mark.parametrize("task", [FEW, IN_SI])
@pytest.mark.parametrize("velocities", [True, False])
def test_the_true_field_scores_nothing_but_the_integrators_error(task, velocities):
    scores = task.scores(
        exact(task, velocities), task.data(0, velocities=velocities), velocities=velocities
    )
    assert scores["test_loss"] == scores["field_mse"] < 1e-20
    assert scores["relative_mse"] < 1e-20
    assert scores["end_energy_median"] <= scores["end_energy_largest"] < 1e-4
    assert scores["end_energy_largest"] <= scores["highest_energy"] < 1e-4
    assert scores["valid_time"] == scores["valid_time_median"] == 1.0


@pytest.mark.parametrize("task", [FEW, IN_SI])
def test_both_kinds_of_state_and_both_units_score_one_wrong_motion_alike(task):
    """With a weaker gravity than the true one the energy is wrong by a known amount."""
    weak = replace(task, true=replace(task.true, gravity=0.5 * task.true.gravity))
    scores = [
        task.scores(exact(weak, v), task.data(0, velocities=v), velocities=v) for v in (True, False)
    ]
    for name in ("end_energy", "end_energy_largest", "highest_energy", "valid_time"):
        values = [s[name] for s in scores]
        assert values[0] == pytest.approx(values[1], rel=1e-3)
    reference = IN_SI.scores(
        exact(replace(IN_SI, true=DoublePendulum(gravity=4.9)), False),
        IN_SI.data(0, velocities=False),
        velocities=False,
    )
    assert scores[1]["end_energy"] == pytest.approx(reference["end_energy"], rel=1e-6)
    assert scores[1]["valid_time"] == pytest.approx(reference["valid_time"])
    assert 0.01 < reference["end_energy"] < 1
    assert reference["valid_time"] < 1


def test_the_energy_is_measured_in_units_of_29_4_joules():
    """A field that only turns the lower rod at a known rate takes a known energy."""

    def turn(x):
        return torch.tensor([0.0, 1.0, 0.0, 0.0], dtype=torch.float64).expand_as(x)

    at_rest = replace(IN_SI, start_speed=0.0, starts=3)
    scores = at_rest.scores(turn, at_rest.data(0, velocities=True), velocities=True)
    x0 = at_rest.true.sample(3, torch.Generator().manual_seed(1_000_000), speed=0.0)
    before, after = x0[:, 1], x0[:, 1] + 1
    gaps = (9.8 * (before.cos() - after.cos())).abs() / 29.4
    assert scores["end_energy"] == pytest.approx(gaps.mean().item())
    assert scores["end_energy_median"] == pytest.approx(gaps.median().item())
    assert scores["end_energy_largest"] == pytest.approx(gaps.max().item())


def test_a_motion_that_runs_away_scores_infinity():
    data = FEW.data(0, velocities=True)
    scores = FEW.scores(lambda x: 1e3 * x.square() + 1e4, data, velocities=True)
    assert scores["end_energy_median"] == scores["highest_energy"] == math.inf
    assert scores["energy_mse"] == math.inf
    assert not any(math.isnan(value) for value in scores.values())


def test_a_motion_without_a_field_is_infinite_and_spares_the_others():
    """As an LNN does, this field refuses a batch in which one state is beyond it."""
    starts = FEW.true.sample(4, torch.Generator().manual_seed(1_000_000), speed=0.0)
    bound = starts[:, 0].sort().values[2]

    def learned(x):
        if x.shape[0] <= 4 and (x[:, 0] > bound + 1e-3).any():
            raise ValueError("singular")
        return torch.zeros_like(x)

    still = replace(FEW, start_speed=0.0)
    scores = still.scores(learned, still.data(0, velocities=True), velocities=True)
    assert scores["end_energy_median"] == 0
    assert scores["end_energy"] == scores["end_energy_largest"] == math.inf


def test_a_model_is_asked_about_wrapped_angles_alone():
    asked = []

    def watch(x):
        asked.append(x[..., :2].abs().max().item())
        return torch.tensor([9.0, -9.0, 0.0, 0.0], dtype=torch.float64).expand_as(x)

    FEW.scores(watch, FEW.data(0, velocities=True), velocities=True)
    assert max(asked) <= math.pi


# Recipes


def test_the_reference_has_the_published_settings():
    model = REFERENCE.build("lnn", 0)
    assert model.hidden == (600, 600, 600)
    assert model.activation == "softplus"
    adam = REFERENCE.optimizers["adam"]
    assert (adam.steps, adam.batch_size, adam.learning_rate) == (600_000, 512, 1e-5)
    assert "takes days" in REFERENCE.title


def test_initial_weights_spread_as_published():
    model = LNN(2, (600, 600, 600), "softplus", seed=0)
    widening(model, torch.Generator().manual_seed(0))
    spreads = [layer.weight.std().item() * 600**0.5 for layer in model.network.layers]
    assert spreads == pytest.approx([2.2, 0.58, 1.16, 600], rel=0.1)
    assert all((layer.bias == 0).all() for layer in model.network.layers)


def test_models_of_ours_are_of_matched_size():
    sizes = {kind: parameter_count(OURS.build(kind, 0)) for kind in OURS.models}
    own = next(iter(sizes.values()))
    assert all(abs(size / own - 1) < 0.15 for size in sizes.values()), sizes


@pytest.mark.parametrize("kind", OURS.models)
def test_every_model_runs_and_is_scored(kind, monkeypatch):
    # How many first steps there are is held by a test of its own.
    monkeypatch.setattr("hnn_tutorial.experiments.double_pendulum.STEADY_STEPS", 2)
    result, model = run_seed(QUICK, 0, model=kind)
    assert result.model == model.kind == kind
    # Sixty states teach nothing; the errors are errors all the same.
    assert not any(math.isnan(value) for value in result.scores.values())
    assert math.isfinite(result.scores["relative_mse"])


def test_a_small_lnn_learns_the_accelerations():
    small = replace(
        OURS,
        task=replace(OURS.task, states=1000, test_states=200, starts=2, horizon=1.0),
        models={"lnn": {"hidden": (12, 12), "activation": "softplus", "angles": (0, 1)}},
        optimizers={"levenberg_marquardt": LevenbergMarquardt(steps=20, batch_size=500)},
    )
    result, _ = run_seed(small, 0)
    assert result.scores["relative_mse"] < 0.1  # 0.0009 to 0.02 over three seeds


def test_the_first_steps_are_on_one_batch(monkeypatch):
    calls = []

    def note(self, data=None, optimizer=None, **options):
        calls.append((data, optimizer, options["residual"]))

    monkeypatch.setattr(Job, "fit", note)
    data = FEW.data(0, velocities=True)
    optimizer = QUICK.optimizers["levenberg_marquardt"]
    OURS.train(Job(OURS.build("lnn", 0), data, optimizer, 0))
    (states, steady, residual), (rest, same, _) = calls
    assert len(states) == 30
    assert (steady.steps, steady.batch_size) == (STEADY_STEPS, None)
    assert residual is acceleration_residual
    assert (rest, same) == (None, None)
    calls.clear()
    OURS.train(Job(OURS.build("hnn", 0), data, OURS.optimizers["adam"], 0))
    ((_, _, residual),) = calls
    assert residual is derivative_residual
