"""The two-body and three-body recipes: their data, their scores, their settings."""

import math
from dataclasses import replace

import pytest
import torch

from hnn_tutorial.experiments import three_body, two_body
from hnn_tutorial.experiments._recipe import run_seed
from hnn_tutorial.models import parameter_count
from hnn_tutorial.systems import ThreeBody, TwoBody
from hnn_tutorial.training import LevenbergMarquardt, derivative_residual

FEW = {
    "two-body": replace(two_body.TASK, trajectories=20, starts=4, horizon=1.0, instants=11),
    "three-body": replace(
        three_body.TASK, trajectories=20, span=2.0, starts=4, horizon=1.0, instants=11
    ),
}
UNEQUAL = {
    "two-body": replace(FEW["two-body"], true=TwoBody(mass1=2.0, mass2=0.5)),
    "three-body": replace(FEW["three-body"], true=ThreeBody(mass1=2.0, mass3=0.5)),
}
COMPARED = (two_body.OURS, three_body.OURS, two_body.PAIRWISE, three_body.PAIRWISE)
RECIPES = (two_body.REFERENCE, two_body.OURS, three_body.REFERENCE, three_body.OURS)


def test_the_data_are_as_published():
    two, three = two_body.TASK, three_body.TASK
    assert (two.trajectories, two.points, two.span, two.horizon) == (1000, 50, 20.0, 25.0)
    assert (three.trajectories, three.points, three.span, three.horizon) == (5000, 20, 5.0, 3.0)
    assert two.test_fraction == three.test_fraction == 0.2


@pytest.mark.parametrize("name", FEW)
def test_whole_orbits_are_held_out_and_nothing_is_noisy(name):
    task = FEW[name]
    data = task.data(3, velocities=False)
    held_out = set(data.test.trajectory.tolist())
    assert len(held_out) == 4
    assert not held_out & set(data.train.trajectory.tolist())
    assert len(data.train) + len(data.test) == 20 * task.points
    for part in (data.train, data.test):
        assert torch.equal(part.derivatives, task.true.field(part.states))


@pytest.mark.parametrize("name", FEW)
def test_a_seed_fixes_the_data(name):
    task = FEW[name]
    first, again, other = (task.data(seed, velocities=False).train for seed in (0, 0, 1))
    assert torch.equal(first.states, again.states)
    assert not torch.equal(first.states, other.states)


@pytest.mark.parametrize("name", FEW)
def test_scored_orbits_are_the_same_for_every_seed_and_in_no_data(name):
    task = FEW[name]
    n = task.true.degrees
    asked = []

    def learned(x):
        asked.append(x)
        return task.true.field(x)

    starts = []
    for seed in (0, 1):
        data = task.data(seed, velocities=False)
        asked.clear()
        task.scores(learned, data, velocities=False)
        starts.append(next(x for x in asked if len(x) == task.starts))
        assert torch.cdist(starts[-1][:, :n], data.train.states[:, :n]).min() > 1e-6
    assert torch.equal(*starts)


@pytest.mark.parametrize("name", UNEQUAL)
def test_velocities_are_those_of_the_momenta(name):
    task = UNEQUAL[name]
    canonical = task.data(2, velocities=False)
    given = task.data(2, velocities=True)
    torch.testing.assert_close(given.train.states, task.true.velocities(canonical.train.states))
    torch.testing.assert_close(task.true.momenta(given.test.states), canonical.test.states)
    torch.testing.assert_close(
        given.train.derivatives, task.true.second_order_field(given.train.states)
    )


@pytest.mark.parametrize("velocities", [False, True])
@pytest.mark.parametrize("name", UNEQUAL)
def test_the_true_field_scores_zero(name, velocities):
    task = UNEQUAL[name]

    def field(x):
        if not velocities:
            return task.true.field(x)
        # Masses are constant: what turns [q, p] into [q, q̇] turns [q̇, ṗ] into [q̇, q̈].
        return task.true.velocities(task.true.field(task.true.momenta(x)))

    data = task.data(0, velocities=velocities)
    scores = task.scores(field, data, velocities=velocities)
    assert max(scores.values()) < 1e-11


@pytest.mark.parametrize("name", FEW)
def test_a_known_error_scores_what_it_is(name):
    task = FEW[name]
    n = task.true.degrees

    def drifting(x):
        """The true motion, seen from a frame that leaves at the speed c of axis x."""
        c = torch.zeros_like(x)
        c[..., 0:n:2] = 0.3
        return task.true.field(x) + c

    scores = task.scores(drifting, task.data(0, velocities=False), velocities=False)
    # Half of the positions are off by ct, whose mean square over the scored times is known.
    t = torch.linspace(0, task.horizon, 11, dtype=torch.float64)
    assert scores["test_loss"] == scores["field_mse"] == pytest.approx(0.3**2 / 4)
    assert scores["coordinate_mse"] == pytest.approx(0.3**2 / 4 * t.square().mean().item())
    assert scores["energy_mse"] < 1e-12


@pytest.mark.parametrize("velocities", [False, True])
@pytest.mark.parametrize("name", FEW)
def test_a_field_that_runs_away_scores_infinity(name, velocities):
    task = FEW[name]
    data = task.data(0, velocities=velocities)
    scores = task.scores(lambda x: 1e6 * x**3, data, velocities=velocities)
    assert scores["energy_mse"] == scores["coordinate_mse_median"] == math.inf
    scores = task.scores(lambda x: x / 0, data, velocities=velocities)
    assert set(scores.values()) == {math.inf}


def test_close_encounters_weigh_little():
    sizes = torch.tensor([0.0, 1.0, 2.0, 3.0, 1e3], dtype=torch.float64)
    derivatives = torch.zeros(5, 12, dtype=torch.float64)
    derivatives[:, 7] = sizes
    weight = three_body.encounter_weight(derivatives)
    expected = 1 / (1 + sizes**2 / 4)
    torch.testing.assert_close(weight, expected.unsqueeze(-1))
    # What is left of the greatest is less than what the usual one brings.
    assert (weight.squeeze(-1) * sizes).argmax() == 2


def test_weights_multiply_the_residual():
    task = FEW["three-body"]
    model = three_body.OURS.build("hnn", 0)
    data = task.data(0, velocities=False).train
    batch = {"states": data.states, "derivatives": data.derivatives}
    weight = torch.arange(float(len(data)), dtype=torch.float64).unsqueeze(-1)
    weighted = three_body.weighted_residual(model, {**batch, "weight": weight})
    torch.testing.assert_close(weighted, derivative_residual(model, batch) * weight)


def test_the_references_are_as_published():
    for recipe, batch, decay in ((two_body.REFERENCE, 200, 0), (three_body.REFERENCE, 600, 1e-4)):
        (adam,) = recipe.optimizers.values()
        assert (adam.steps, adam.learning_rate, adam.batch_size) == (10_000, 1e-3, batch)
        assert (adam.weight_decay, adam.schedule) == (decay, "constant")
        model = recipe.build("hnn", 0)
        assert (model.hidden, model.activation) == ((200, 200), "tanh")
        weight = model.network.layers[1].weight
        assert weight.dtype == torch.float32
        torch.testing.assert_close(weight @ weight.mT, torch.eye(200), atol=1e-5, rtol=0)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_recipe_is_named_after_its_task_and_begins_with_the_hnn(recipe):
    side = "reference" if recipe.source == "Greydanus et al. 2019" else "ours"
    assert recipe.name == f"{recipe.task.name}-{side}"
    assert recipe.degrees == recipe.task.true.degrees
    assert next(iter(recipe.models)) == "hnn"
    assert {"mlp", "second_order_mlp"} <= set(recipe.models)


@pytest.mark.parametrize("recipe", COMPARED, ids=lambda recipe: recipe.name)
def test_models_that_are_compared_are_of_a_size(recipe):
    own = parameter_count(recipe.build(next(iter(recipe.models)), 0))
    for kind in recipe.models:
        assert parameter_count(recipe.build(kind, 0)) == pytest.approx(own, rel=0.15), kind


@pytest.mark.parametrize(
    "own, kind", [(own, kind) for own in (two_body.OURS, two_body.PAIRWISE) for kind in own.models]
)
def test_every_model_of_two_bodies_learns(own, kind):
    short = {"levenberg_marquardt": LevenbergMarquardt(2, batch_size=100)}
    recipe = replace(own, task=FEW["two-body"], optimizers=short)
    untrained = replace(recipe, train=lambda job: job.model)
    before, _ = run_seed(untrained, 0, model=kind)
    after, _ = run_seed(recipe, 0, model=kind)
    assert after.scores["test_loss"] < before.scores["test_loss"]


def test_three_bodies_are_learned_in_two_stages_that_can_be_taken_up_again(tmp_path):
    short = {"levenberg_marquardt": LevenbergMarquardt(4, batch_size=50)}
    recipe = replace(three_body.OURS, task=FEW["three-body"], optimizers=short)
    first, model = run_seed(recipe, 0, model="separable_hnn", folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    again, same = run_seed(recipe, 0, model="separable_hnn", folder=tmp_path)
    assert again == first
    assert all(
        torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True)
    )


def test_half_of_the_steps_bring_two_bodies_past_the_reference():
    short = {"levenberg_marquardt": LevenbergMarquardt(20, batch_size=400)}
    result, _ = run_seed(replace(two_body.OURS, optimizers=short), 0)
    assert result.scores["test_loss"] < 4.4e-6
    assert result.scores["energy_mse"] < 2.4e-5


def test_a_potential_of_the_distance_learns_both_from_little():
    """From 16 orbits of two bodies, the motion of two bodies and of three."""
    short = {"levenberg_marquardt": LevenbergMarquardt(20, batch_size=200)}
    recipe = replace(two_body.PAIRWISE, task=FEW["two-body"], optimizers=short)
    result, model = run_seed(recipe, 0)
    assert result.parameters <= 200
    assert result.scores["field_mse_median"] < 1e-10
    # The same network, with three bodies: as good where no two are nearer than those two were.
    three = model.for_bodies(3, masses=model.masses.mean())
    x = FEW["three-body"].true.sample(50, 0, radius=(1.2, 1.6))
    error = (three.field(x) - FEW["three-body"].true.field(x)).square().mean()
    assert error < 1e-9
