"""The ideal spring's task, its scores on fields whose error is known, and its recipes in brief."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from hnn_tutorial.experiments import Job, ideal_spring, run_seed
from hnn_tutorial.experiments.ideal_spring import (
    OURS,
    OURS_DIFFERENCES,
    OURS_LARGE,
    OURS_OBSERVED,
    RAW,
    REFERENCE,
    TASK,
    VARIANTS,
)
from hnn_tutorial.models import MODELS, parameter_count
from hnn_tutorial.training import Adam, LevenbergMarquardt

SPRING = TASK.true
RECIPES = (REFERENCE, OURS, *VARIANTS)


def brief(recipe, steps: int = 80):
    """The recipe with fewer steps on smaller batches, and a smaller network."""
    return replace(
        recipe,
        models={**recipe.models, "hnn": {"hidden": (32,)}},
        optimizers={"lm": LevenbergMarquardt(steps=steps, batch_size=500)},
    )


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_trajectories_are_the_springs_and_start_within_the_radius(recipe) -> None:
    task = recipe.task
    data = task.data(3, velocities=False)
    states = data.trajectories.states
    assert states.shape == (50, 100, 2)
    assert len(data.train) == 5000
    radius = states[0].norm(dim=-1) / task.radius
    assert radius.max() <= 1
    # Uniform in the radius: its quartiles, to four standard errors of 100 draws.
    quartiles = radius.quantile(torch.tensor([0.25, 0.5, 0.75], dtype=torch.float64))
    assert torch.allclose(quartiles, torch.tensor([0.25, 0.5, 0.75]).double(), atol=0.2)
    t = data.trajectories.times.unsqueeze(-1)
    q, p = states[0].unbind(-1)
    exact = torch.stack([q * t.cos() + p / 2 * t.sin(), p * t.cos() - 2 * q * t.sin()], dim=-1)
    assert torch.allclose(states, exact, rtol=0, atol=1e-12 * task.radius)
    assert t.diff(dim=0).mean().item() == pytest.approx(0.1)


def test_a_seed_decides_the_data_and_none_of_them_is_tested_on() -> None:
    one, same, other = (TASK.data(seed, velocities=False) for seed in (0, 0, 1))
    assert torch.equal(one.train.states, same.train.states)
    assert not torch.equal(one.train.states, other.train.states)
    nearest = torch.cdist(one.test.states[:25], one.train.states).min(dim=1).values
    assert nearest.min() > 0


def test_what_is_observed_has_no_true_derivatives() -> None:
    task = OURS_OBSERVED.task
    data = task.data(0, velocities=False)
    true = TASK.data(0, velocities=False)
    assert torch.equal(data.train.states, true.train.states)
    assert torch.equal(true.train.derivatives, SPRING.field(true.train.states))
    relative = (data.train.derivatives - true.train.derivatives).norm(dim=-1)
    relative = relative / true.train.derivatives.norm(dim=-1)
    # sin(Δt)/Δt falls short of 1 by Δt²/6 inside; at both ends the error is twice that.
    inside = 1 - math.sin(0.1) / 0.1
    assert relative.min().item() == pytest.approx(inside, rel=1e-6)
    assert relative.max().item() == pytest.approx(2 * inside, rel=0.1)
    scores = task.scores(SPRING.field, data, velocities=False)
    assert scores["difference_error"] == pytest.approx(inside, rel=1e-6)
    assert "difference_error" not in TASK.scores(SPRING.field, true, velocities=False)


@pytest.mark.parametrize("velocities", [False, True])
@pytest.mark.parametrize("recipe", [OURS, OURS_LARGE], ids=lambda recipe: recipe.name)
def test_scores_of_a_field_whose_relative_error_is_known(recipe, velocities: bool) -> None:
    task = recipe.task
    field = SPRING.second_order_field if velocities else SPRING.field
    data = task.data(0, velocities=velocities)
    exact = task.scores(field, data, velocities=velocities)
    assert exact["mesh_within_1e-5"] == 1
    assert exact["mesh_largest"] < 1e-14
    assert exact["field_mse"] < 1e-28
    off = task.scores(lambda x: 1.0007 * field(x), data, velocities=velocities)
    assert (off["mesh_within_1e-3"], off["mesh_within_5e-4"], off["mesh_within_1e-5"]) == (1, 0, 0)
    assert off["mesh_largest"] == pytest.approx(7e-4)
    size = data.test.derivatives.square().mean().item() / task.radius**2
    assert off["field_mse"] == pytest.approx(7e-4**2 * size)


def test_the_mesh_is_the_same_for_momenta_and_velocities() -> None:
    # An error in the force alone, for states beyond q = R/2: a fifth of it in ṗ everywhere.
    def wrong(x: Tensor, field) -> Tensor:
        right = field(x)
        bend = 0.2 * (x[..., 0] > 50)
        return torch.stack([right[..., 0], right[..., 1] * (1 + bend)], dim=-1)

    scores = [
        TASK.scores(
            lambda x, field=field: wrong(x, field),
            TASK.data(0, velocities=velocities),
            velocities=velocities,
        )
        for velocities, field in ((False, SPRING.field), (True, SPRING.second_order_field))
    ]
    for name in ("mesh_within_1e-3", "mesh_largest", "mesh_beyond_data"):
        assert scores[0][name] == pytest.approx(scores[1][name], rel=1e-9)
    # 151 of 201 columns stand at q ≤ 50, the origin among their points.
    assert scores[0]["mesh_within_1e-3"] == pytest.approx((151 * 201 - 1) / (201 * 201 - 1))
    assert scores[0]["mesh_largest"] == pytest.approx(0.2, rel=0.02)


def test_mesh_beyond_data_is_the_area_outside_the_largest_ellipse() -> None:
    data = TASK.data(0, velocities=False)
    beyond = TASK.scores(SPRING.field, data, velocities=False)["mesh_beyond_data"]
    highest = SPRING.hamiltonian(data.train.states).max().item()
    points = 100 * (2 * torch.rand(200_000, 2, dtype=torch.float64) - 1)
    area = (SPRING.hamiltonian(points) > highest).double().mean().item()
    assert beyond == pytest.approx(area, abs=0.01)
    assert 0.01 < beyond < 0.3


def test_ours_learns_both_radii_alike() -> None:
    results = [run_seed(brief(recipe), 0)[0] for recipe in (OURS, OURS_LARGE)]
    for result in results:
        assert result.parameters == 129
        assert result.scores["mesh_within_5e-4"] == 1
        assert result.scores["mesh_largest"] < 5e-4


def test_without_normalisation_nothing_is_learned() -> None:
    scores = run_seed(brief(RAW, steps=40), 0)[0].scores
    assert scores["mesh_within_1e-3"] < 0.01


def test_observations_alone_teach_more_than_their_differences() -> None:
    # So few steps leave the corners, beyond the data, a little worse than the recipe itself does.
    observed = run_seed(brief(OURS_OBSERVED), 0)[0].scores
    assert observed["mesh_within_1e-3"] > 0.9
    differences = run_seed(brief(OURS_DIFFERENCES), 0)[0].scores
    assert differences["mesh_within_1e-3"] < 0.5


def test_a_lagrangian_keeps_velocities_the_rate_of_positions() -> None:
    recipe = replace(
        OURS,
        models={"structured_lnn": {"hidden": (16,)}},
        optimizers={"lm": LevenbergMarquardt(steps=40, batch_size=500)},
    )
    result, learned = run_seed(recipe, 0)
    units = learned.units
    assert units.q_scale / units.p_scale == pytest.approx(units.time_scale)
    assert result.scores["mesh_within_1e-3"] > 0.9


def test_the_reference_is_as_large_as_published_and_ends_with_small_steps(monkeypatch) -> None:
    assert parameter_count(REFERENCE.build("hnn", 0)) == pytest.approx(805_000, rel=0.01)
    first = REFERENCE.optimizers["adam"]
    assert first == Adam(steps=10_000, learning_rate=1e-3, batch_size=64)
    last = ideal_spring.LAST_STEPS
    assert last == Adam(steps=2_000, learning_rate=1e-7, batch_size=64)
    monkeypatch.setattr(ideal_spring, "LAST_STEPS", replace(last, steps=3))
    small = replace(
        REFERENCE,
        models={"hnn": {"hidden": (8, 8)}},
        optimizers={"adam": replace(first, steps=5)},
    )
    model = small.build("hnn", 0)
    data = small.task.data(0, velocities=False).to(device="cpu", dtype=small.dtype)
    job = Job(model, data, small.optimizers["adam"], seed=0)
    learned = small.train(job)
    assert [history.steps for history in job.histories] == [5, 3]
    # The last steps barely move the weights, so the loss is that of the first ones.
    assert job.histories[1].final_loss == pytest.approx(job.histories[0].final_loss, rel=1e-3)
    x = job.data.train.states[:4]
    restored = learned.units.restore(model.field(learned.units.normalize(x)))
    assert torch.equal(learned.field(x), restored)


def test_models_to_compare_are_of_matched_size() -> None:
    sizes = {
        kind: parameter_count(MODELS[kind](1, **settings)) for kind, settings in OURS.models.items()
    }
    assert sizes["hnn"] < 1000
    for size in sizes.values():
        assert abs(size / sizes["hnn"] - 1) < 0.15
    assert len({recipe.name for recipe in RECIPES}) == len(RECIPES)
