"""Tasks of other publications: their data, their scores on what is known, and recipes in brief."""

import math
from dataclasses import replace
from functools import partial

import pytest
import torch

from hnn_tutorial.control import Machine
from hnn_tutorial.experiments import (
    arm_torques,
    one_orbit,
    pushed_pendulum,
    rod_chain,
    run_seed,
)
from hnn_tutorial.models import parameter_count
from hnn_tutorial.training import Adam, LevenbergMarquardt, TorchOptimizer

TASKS = (one_orbit, pushed_pendulum, rod_chain, arm_torques)
SMALL = {
    one_orbit: {"ahead": 5},
    pushed_pendulum: {"trajectories": 2, "starts": 2},
    rod_chain: {"pieces": 8, "starts": 2, "points": 6},
    arm_torques: {"points": 20},
}


def brief(recipe, steps: int):
    """The recipe with so many steps of Levenberg–Marquardt."""
    return replace(recipe, optimizers={"lm": LevenbergMarquardt(steps=steps)})


@pytest.mark.parametrize("module", TASKS, ids=lambda module: module.TASK.name)
def test_a_seed_decides_the_data_and_none_of_them_is_tested_on(module) -> None:
    task = replace(module.OURS.task, **SMALL[module])
    one, same, other = (task.data(seed, velocities=True) for seed in (0, 0, 1))
    assert torch.equal(one.observed.states, same.observed.states)
    if module is one_orbit:
        # One orbit, from the state that the publication begins at.
        assert torch.equal(one.observed.states, other.observed.states)
        assert one.observed.states[0, 0].tolist() == [1.0, 0.0]
        assert torch.equal(one.test.states[0], one.train.states[-1])
    else:
        assert not torch.equal(one.observed.states, other.observed.states)
        assert torch.cdist(one.test.states, one.train.states).min() > 0


# What is true scores (nearly) nothing, and a known error scores what it must


def test_the_true_step_has_no_error_and_a_late_one_is_late() -> None:
    task = one_orbit.TASK
    data = task.data(0, velocities=False)

    def late(x, by):
        return task.true.solution(x, [0.0, task.step + by])[1]

    exact = task.scores(partial(late, by=0.0), data, velocities=False)
    assert max(exact.values()) < 1e-8
    slow = task.scores(partial(late, by=1e-6), data, velocities=False)
    # A thousand steps too late by 1e-6 s: off by 1e-3 s of the motion, at no other energy.
    end = task.orbit(task.pairs + task.ahead).states[-1]
    moved = 1e-3 * task.true.field(end).norm().item()
    assert slow["distance"] == pytest.approx(moved, rel=0.01)
    assert slow["energy_error"] < 1e-8


def test_a_push_that_is_too_weak_is_seen_where_there_is_one() -> None:
    task = replace(pushed_pendulum.TASK, trajectories=2, starts=2)
    data = task.data(0, velocities=True)
    assert data.observed.states.shape == (20, 10, 3)
    assert data.observed.states[..., 2].unique().tolist() == [-2, -1, 0, 1, 2]

    def scores(strength):
        def field(x):
            return task.field(x * torch.tensor([1.0, 1.0, strength]))

        return task.scores(field, data, velocities=True)

    exact, weak = scores(1.0), scores(0.9)
    assert max(exact.values()) < 1e-12
    assert weak["prediction_error"] == exact["prediction_error"]
    assert weak["test_error"] > 1e-2
    # A rod of 1 kg and 1 m: 15 sin θ and three times the torque, as the published environment has.
    x = torch.tensor([[0.5, 0.0, 2.0]], dtype=torch.float64)
    rate = task.field(x)
    assert torch.allclose(rate, pushed_pendulum.Pushed(Machine(task.true), 1).field(x))
    assert rate[0, 1].item() == pytest.approx(6 - 15 * math.sin(0.5))


def test_the_true_chain_has_no_error_and_a_lighter_one_has() -> None:
    chain = rod_chain.TASK.true
    starts = rod_chain.starts_of(chain, 4, torch.Generator().manual_seed(0))
    chain.constraints.check(starts)
    times = rod_chain.CLOCK[:21]
    own = rod_chain.motion_error(chain, chain.second_order_field, starts, times)
    lighter = replace(chain, masses=(1.0, 0.7, 1.2))
    off = rod_chain.motion_error(chain, lighter.second_order_field, starts, times)
    assert off.min() > 1e-3
    assert own.max() < 1e-2 * off.min()


def test_pieces_are_five_states_of_a_motion() -> None:
    chain = rod_chain.TASK.true
    pieces = rod_chain.pieces_of(chain, 6, torch.Generator().manual_seed(1), rod_chain.CLOCK[:21])
    assert pieces.states.shape == (5, 6, 12)
    assert pieces.times.diff().allclose(torch.tensor(0.1, dtype=torch.float64))
    energy = chain.hamiltonian(chain.momenta(pieces.states))
    assert (energy - energy[0]).abs().max() < 1e-4


def test_torques_are_the_arms_and_noisy_ones_are_off_by_the_noise() -> None:
    task = arm_torques.TASK
    data = task.data(0, velocities=True)
    true = task.torques(data.train)
    noise = data.observed.states.flatten(0, 1)[:, 4:] - true
    assert torch.equal(data.observed.states.flatten(0, 1)[:, :4], data.train.states)
    ratio = noise.std(0) / true.std(0)
    assert torch.allclose(ratio, torch.full_like(ratio, 0.05), atol=0.005)
    arm = Machine(task.true, damping=torch.tensor(task.friction, dtype=torch.float64))
    exact = task.scores(arm.inverse_dynamics, data, velocities=True)
    assert max(exact.values()) < 1e-25
    without = Machine(task.true).inverse_dynamics
    scores = task.scores(without, data, velocities=True)
    assert 1e-4 < scores["relative_3"] < scores["relative_1"] < 0.1


def test_faster_motions_are_the_same_paths() -> None:
    slow, fast = (
        arm_torques.TASK._moves(torch.Generator().manual_seed(3), speed) for speed in (1, 3)
    )
    # The clock's first state has phase alone: the same place, three times the speed.
    assert torch.allclose(fast.states[:10, :2], slow.states[:10, :2])
    assert torch.allclose(fast.states[:10, 2:], 3 * slow.states[:10, 2:])
    assert torch.allclose(fast.derivatives[:10, 2:], 9 * slow.derivatives[:10, 2:])
    # And the rates are those of the states.
    change = (slow.states[10:20] - slow.states[:10]) / (10 / 99)
    mean = (slow.derivatives[10:20] + slow.derivatives[:10]) / 2
    assert (change - mean).abs().max() < 0.01


# Recipes


def test_the_settings_of_the_references_are_the_published_ones() -> None:
    orbit, push, chain, arm = (module.REFERENCE for module in TASKS)
    assert orbit.models["sympnet"]["hidden"] == (30,) * 5
    assert orbit.optimizers["adam"] == Adam(steps=50_000, learning_rate=1e-3)
    assert push.optimizers["adam"] == Adam(5000, 1e-3, batch_size=1024, weight_decay=1e-4)
    assert push.task.trajectories * 16 == 1024  # a batch: all pieces of one torque
    assert parameter_count(push.build("structured_lnn", 0)) == pytest.approx(92_000, rel=0.01)
    assert chain.task.pieces * 2000 == 200 * chain.optimizers["adamw"].steps
    assert parameter_count(chain.build("constrained_lnn", 0)) == pytest.approx(82_000, rel=0.01)
    assert "amsgrad=True" in arm.optimizers["adam"].described
    assert all(recipe.dtype == torch.float32 for recipe in (orbit, push, chain, arm))


@pytest.mark.parametrize("module", TASKS, ids=lambda module: module.TASK.name)
def test_a_reference_runs_in_brief(module) -> None:
    recipe = module.REFERENCE
    hidden = {"hidden": (6,) * len(next(iter(recipe.models.values()))["hidden"])}
    (name,) = recipe.optimizers
    short = replace(
        recipe,
        task=replace(recipe.task, **SMALL[module]),
        models={kind: {**given, **hidden} for kind, given in recipe.models.items()},
        optimizers={name: replace(recipe.optimizers[name], steps=3, batch_size=8)},
    )
    result, _ = run_seed(short, 0)
    assert all(score >= 0 for score in result.scores.values())
    assert isinstance(recipe.optimizers[name], Adam | TorchOptimizer)


def test_an_hnn_on_middles_goes_on_along_its_orbit() -> None:
    recipe = replace(brief(one_orbit.OURS, 40), task=replace(one_orbit.TASK, ahead=100))
    result, learned = run_seed(recipe, 0)
    assert result.scores["one_step_mse"] < 1e-6
    assert result.scores["distance"] < 0.1
    x = torch.tensor([[0.9, -0.3]], dtype=torch.float64)
    middle = (learned.map(x) + x) / 2
    assert torch.allclose(learned.map(x) - x, 0.1 * learned.field(middle), atol=1e-10)
    still = run_seed(brief(one_orbit.OURS, 1), 0)[0]
    assert still.scores["one_step_mse"] > 10 * result.scores["one_step_mse"]


def test_a_lagrangian_finds_the_strength_of_the_motor() -> None:
    recipe = replace(
        brief(pushed_pendulum.OURS, 12),
        task=replace(pushed_pendulum.TASK, trajectories=3, starts=3),
    )
    result, learned = run_seed(recipe, 0)
    assert result.scores["prediction_error"] < 0.0948  # what is published
    x = torch.zeros(1, 2, dtype=torch.float64)
    strength = learned.machine.actuation / learned.machine.mass_matrix(x)
    assert strength.item() == pytest.approx(3, rel=0.05)


def test_torques_teach_a_lagrangian_more_than_a_network() -> None:
    scores = {
        kind: run_seed(brief(arm_torques.OURS, 25), 0, model=kind)[0].scores["relative_3"]
        for kind in ("structured_lnn", "torque_mlp")
    }
    assert scores["structured_lnn"] < 0.05 < scores["torque_mlp"]


def test_a_chain_is_learned_from_a_few_pieces() -> None:
    recipe = replace(
        brief(rod_chain.OURS, 6),
        task=replace(rod_chain.OURS.task, pieces=12, starts=3, points=11),
    )
    result, learned = run_seed(recipe, 0)
    assert result.scores["motion_error"] < 0.2
    rods = rod_chain.TASK.true.constraints
    assert torch.equal(learned.rods.incidence, rods.incidence)
