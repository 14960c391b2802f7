"""The spring and the pendulum of Greydanus et al. 2019: protocol, scores, and the cure."""

import math
from dataclasses import replace

import pytest
import torch

from hnn_tutorial.evaluation import energy_error, turning_rate
from hnn_tutorial.experiments import (
    RECIPES,
    _observed,
    run_seed,
    train_on_derivatives,
    uses_velocities,
)
from hnn_tutorial.experiments._observed import TrainOnMotion, published_scores, published_starts
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import jacobian
from hnn_tutorial.models import parameter_count
from hnn_tutorial.training import Adam, LevenbergMarquardt

OURS = [RECIPES["spring-ours"], RECIPES["pendulum-ours"]]
recipes = pytest.mark.parametrize("recipe", OURS, ids=lambda r: r.task.name)


@recipes
def test_data_are_those_of_the_paper(recipe):
    data = recipe.task.data(0, velocities=False)
    points = {"spring": 30, "pendulum": 45}[recipe.task.name]
    assert data.trajectories.states.shape == (points, 25, 2)
    assert len(data.train) == len(data.test) == 25 * points
    assert data.trajectories.times[-1] == 3
    # No state of a held-out trajectory is in the training data.
    assert not torch.isin(data.test.states, data.train.states).any()
    other = recipe.task.data(1, velocities=False)
    assert not torch.equal(other.train.states, data.train.states)


@recipes
def test_derivatives_are_exact_and_states_noisy(recipe):
    field = recipe.task.true.field
    noisy = recipe.task.data(0, velocities=False)
    clean = replace(recipe.task, noise=0.0).data(0, velocities=False)
    assert torch.equal(noisy.train.derivatives, clean.train.derivatives)
    torch.testing.assert_close(field(clean.train.states), clean.train.derivatives)
    noise = noisy.train.states - clean.train.states
    assert noise.std().item() == pytest.approx(0.1, rel=0.1)


@recipes
def test_the_noise_floor_is_what_the_paper_reports_as_test_loss(recipe):
    # Greydanus et al. 2019, table 1: 3.6e-2 for the spring and 3.5e-2 for the pendulum.
    scores = [
        recipe.task.scores(
            recipe.task.true.field, recipe.task.data(seed, velocities=False), velocities=False
        )
        for seed in range(3)
    ]
    assert 0.03 < sum(s["test_loss"] for s in scores) / 3 < 0.05
    for s in scores:
        assert s["field_mse"] == 0
        assert s["energy_mse"] < 1e-14
        assert s["coordinate_mse"] < 1e-14


@recipes
def test_velocities_describe_the_same_observations(recipe):
    # A field of another kind of state is another motion from the first step on.
    task = replace(recipe.task, horizon=1.0, instants=11)
    system = task.true
    canonical = task.data(0, velocities=False)
    seen = task.data(0, velocities=True)
    torch.testing.assert_close(system.momenta(seen.train.states), canonical.train.states)
    scores = task.scores(system.second_order_field, seen, velocities=True)
    assert scores["field_mse"] == 0
    assert scores["coordinate_mse"] < 1e-14


@recipes
def test_a_wrong_field_scores_badly(recipe):
    task = replace(recipe.task, horizon=10.0, instants=201)
    data = task.data(0, velocities=False)
    slow = task.scores(lambda x: 0.9 * task.true.field(x), data, velocities=False)
    assert slow["energy_mse"] < 1e-12  # slow, but on the right orbits
    assert slow["coordinate_mse"] > 0.1
    leaking = task.scores(lambda x: task.true.field(x) - 0.05 * x, data, velocities=False)
    assert leaking["energy_mse"] > 1e-2


@recipes
def test_models_are_of_matched_size_and_know_their_states(recipe):
    sizes = {kind: parameter_count(recipe.build(kind, 0)) for kind in recipe.models}
    assert max(sizes.values()) <= 1.15 * min(sizes.values()), sizes
    for kind in recipe.models:
        assert uses_velocities(recipe.build(kind, 0), recipe.task) == kind.endswith("lnn")


def test_a_rollout_takes_no_steps_beyond_those_it_is_scored_at():
    task = RECIPES["pendulum-ours"].task
    task = replace(task, trajectories=4, points=6, horizon=1.0, step=0.5, instants=3)
    asked = []

    def field(x):
        asked.append(tuple(x.shape))
        return task.true.field(x)

    task.scores(field, task.data(0, velocities=False), velocities=False)
    assert (3, task.starts, 2) in asked  # the field's error, at the instants
    assert asked.count((task.starts, 2)) == 2 * 4  # two steps of RK4


def test_free_starts_do_better_than_the_noisy_states():
    recipe = replace(
        RECIPES["spring-ours"],
        task=replace(RECIPES["spring-ours"].task, trajectories=20, horizon=5.0),
        models={"hnn": {"hidden": (8,)}},
        optimizers={"levenberg_marquardt": LevenbergMarquardt(steps=15, weight_decay=1e-4)},
    )
    naive, _ = run_seed(replace(recipe, train=train_on_derivatives), 0)
    cured, _ = run_seed(replace(recipe, train=TrainOnMotion(noise=0.1, derivative_noise=0.01)), 0)
    assert cured.scores["field_mse"] < naive.scores["field_mse"] / 2
    assert cured.scores["coordinate_mse"] < naive.scores["coordinate_mse"] / 2
    assert cured.seconds > naive.seconds


def test_motions_played_backwards_are_motions_and_fix_the_shift_in_p(monkeypatch):
    """A shift of all states by the mean of the noise is what exact derivatives cannot tell."""
    task = replace(RECIPES["pendulum-ours"].task, trajectories=20, noise=0.2, horizon=5.0)
    recipe = replace(
        RECIPES["pendulum-ours"],
        task=task,
        models={"hnn": {"hidden": (8,)}},
        optimizers={"levenberg_marquardt": LevenbergMarquardt(steps=15, weight_decay=1e-4)},
        train=TrainOnMotion(noise=0.2, derivative_noise=0.02),
    )
    seen = task.data(0, velocities=False).trajectories.states
    clean = replace(task, noise=0.0).data(0, velocities=False).trajectories.states
    _, shift = (seen - clean).mean((0, 1)).tolist()

    def rest(model):
        """Return the momentum at which the learned pendulum is at rest."""
        x = torch.zeros(2, dtype=torch.float64)
        for _ in range(20):
            x = x - torch.linalg.solve(jacobian(model.field)(x), model.field(x).detach())
        return x[1].item()

    both = rest(run_seed(recipe, 0)[1])
    monkeypatch.setattr(_observed, "_both_ways", lambda values, turned: values)
    one_way = rest(run_seed(recipe, 0)[1])
    assert abs(shift) > 5e-3
    assert one_way == pytest.approx(shift, abs=1e-3)
    assert abs(both) < 1e-3


def test_second_stage_takes_the_optimiser_of_the_first():
    recipe = replace(
        RECIPES["spring-ours"],
        task=replace(RECIPES["spring-ours"].task, trajectories=4, points=6, horizon=1.0),
        optimizers={"adam": Adam(steps=2)},
        train=TrainOnMotion(0.1, 0.01, optimizers={"adam": Adam(steps=3)}),
    )
    result, _ = run_seed(recipe, 0, model="second_order_mlp")
    assert result.optimizer == "adam"
    assert all(map(math.isfinite, result.scores.values()))


@pytest.mark.parametrize("name", ["spring", "pendulum"])
@pytest.mark.parametrize("variant", ["published-starts", "published-scores"])
def test_what_is_scored_differently_is_trained_alike(name, variant):
    """Else the steps between the two scores would not be one thing each."""
    reference, other = RECIPES[f"{name}-reference"], RECIPES[f"{name}-{variant}"]
    same = {"name": reference.name, "title": reference.title, "task": reference.task}
    assert replace(other, **same) == reference
    one, two = (r.task.data(2, velocities=False) for r in (reference, other))
    assert torch.equal(one.train.states, two.train.states)
    assert torch.equal(one.test.derivatives, two.test.derivatives)


def test_published_starts_leave_the_data_of_the_spring():
    starts = published_starts(2000)
    size, radius = starts.abs(), starts.norm(dim=-1)
    assert 0.2 <= size.min() < 0.21
    assert 0.99 < size.max() <= 1.0
    assert (starts > 0).double().mean(0).sub(0.5).abs().max() < 0.05
    assert 0.2 < (radius > 1.0).double().mean() < 0.4  # where the spring has no data
    assert (radius < 1.3).double().mean() > 0.95  # where the pendulum has none


def test_each_start_is_followed_for_longer_than_the_one_before():
    task = replace(RECIPES["spring-reference"].task, trajectories=4, starts=3, horizon=1.0)
    data = task.data(0, velocities=False)

    def leaking(x):
        return task.true.field(x) - 0.3 * x

    wanted = []
    for k, start in enumerate(published_starts(3), 1):
        times = torch.linspace(0, 1.5 ** (k + 1), task.instants, dtype=torch.float64)
        path = integrate(leaking, start, times, "dop853")
        still = start.expand_as(path)  # its energy is that of the whole true orbit
        wanted.append(energy_error(path, task.true.hamiltonian, still))
    scores = published_scores(task, stretch=1.5).scores(leaking, data, velocities=False)
    assert scores["energy_mse"] == pytest.approx(torch.stack(wanted).mean().item(), rel=1e-6)
    assert scores["energy_mse_median"] == pytest.approx(
        torch.stack(wanted).median().item(), rel=1e-6
    )
    assert published_scores(task).scores(leaking, data, velocities=False) != scores


def test_the_published_energy_of_the_pendulum_scores_the_time():
    """A clock that is slow keeps H, and only H."""
    data = RECIPES["pendulum-reference"].task.data(0, velocities=False)
    right, published = (
        replace(RECIPES[f"pendulum-published-{x}"].task, horizon=10.0, instants=201)
        for x in ("starts", "scores")
    )

    def energy(task, speed):
        scores = task.scores(lambda x: speed * task.true.field(x), data, velocities=False)
        return scores["energy_mse"]

    assert energy(right, 0.95) < 1e-12
    assert energy(published, 0.95) > 1e-2
    # So right motions score zero by either, and cannot show which one was taken.
    assert max(energy(right, 1.0), energy(published, 1.0)) < 1e-12
    assert RECIPES["spring-published-scores"].task.energy is None  # q² + p² is its H


@pytest.mark.parametrize("kind", ["hnn", "mlp"])
def test_the_best_loss_belongs_to_a_clock_that_is_slow(kind):
    """Noisy states reward a field that is smaller than the true one."""
    recipe = RECIPES["spring-quick"]
    task = replace(recipe.task, horizon=1.0, instants=11)
    result, model = run_seed(replace(recipe, task=task), 0, model=kind)
    data = task.data(0, velocities=False)
    truth = task.scores(task.true.field, data, velocities=False)
    assert result.scores["test_loss"] < truth["test_loss"]
    times = torch.linspace(0, 20, 401, dtype=torch.float64)
    path = integrate(model.field, torch.tensor([1.0, 0.0], dtype=torch.float64), times, "rk4")
    assert 1.6 < turning_rate(path.detach(), times) < 1.97  # the true one is 2
