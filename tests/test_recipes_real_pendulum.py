"""The real pendulum's recipes. Without the recording, a twin written as its file stands in."""

import hashlib
from dataclasses import replace

import pytest
import torch

from hnn_tutorial import recordings
from hnn_tutorial.evaluation import energy_error
from hnn_tutorial.experiments import run_seed
from hnn_tutorial.experiments.real_pendulum import (
    FORWARD,
    OURS,
    REFERENCE,
    TASK,
    TWIN,
    TWIN_FORWARD,
    TWIN_REFERENCE,
    TrainOnPieces,
    linear_friction,
)
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import MODELS, parameter_count
from hnn_tutorial.recordings import FOLDER_VARIABLE, RECORDINGS, synthetic_twin
from hnn_tutorial.systems import DampedPendulum
from hnn_tutorial.training import Adam, LevenbergMarquardt

TRUE = DampedPendulum(1.0, 1.0, gravity=1.283, damping=0.0092)
FAST = {
    "train": TrainOnPieces(
        pieces=(12,), optimizers={"levenberg_marquardt": LevenbergMarquardt(steps=4)}
    ),
    "optimizers": {"levenberg_marquardt": LevenbergMarquardt(steps=8, weight_decay=1e-6)},
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with the twin of seed 3 in place of the recording, under the recording's name."""
    twin = synthetic_twin("real_pendulum", 3)
    source = RECORDINGS["real_pendulum"]
    (trial,) = twin.trials
    rows = torch.cat([torch.zeros(len(twin), 1), trial.times[:, None], trial.states[:, 0]], dim=1)
    lines = [" ".join(f"{value:.16e}" for value in row) for row in rows.tolist()]
    content = "\n".join(["% a twin", *lines]).encode()
    (tmp_path / source.file).write_bytes(content)
    checksum = hashlib.md5(content).hexdigest()
    monkeypatch.setitem(recordings.RECORDINGS, source.name, replace(source, md5=checksum))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def test_the_task_learns_from_what_is_earlier_and_is_tested_on_what_is_later(folder):
    data = TASK.data(0, velocities=False)
    later = TASK.later()
    assert len(data.trajectories.times) == 444  # 80 % of 556, rounded down
    assert len(later.times) == 112
    assert data.trajectories.times[-1] < later.times[0]
    seen = data.trajectories.states[:, 0]
    assert torch.isin(data.train.states, seen).all()
    assert not torch.isin(data.test.states, seen).any()
    # Differences are central ones, within the segments: 2 states less for each of them.
    pieces = TASK.recording().split(0.8)[0].segments
    assert len(data.train) == sum(len(s.times) - 2 for s in pieces)
    # There is one recording.
    other = TASK.data(1, velocities=True)
    assert torch.equal(other.train.states, data.train.states)


def test_the_energy_is_the_published_one():
    x = torch.tensor([[0.0, 2.0], [torch.pi, 0.0], [torch.pi / 2, 1.0]], dtype=torch.float64)
    torch.testing.assert_close(TASK.energy(x), x.new_tensor([4.0, 4.8, 3.4]))
    # That of the twin is twice its energy.
    torch.testing.assert_close(TWIN.task.energy(x), 2 * TRUE.hamiltonian(x))


def test_scores_are_those_of_rollouts(folder):
    data, later = TASK.data(0, velocities=False), TASK.later()
    scores = TASK.scores(TRUE.field, data, velocities=False)
    path = integrate(TRUE.field, later.states[0], later.times, "dop853")
    energy = energy_error(path, TASK.energy, later.states).item()
    assert scores["energy_mse"] == pytest.approx(energy, rel=1e-4)
    rows = len(later.times) - TASK.starts
    errors = []
    for first in range(TASK.starts):
        part = slice(first, first + rows)
        path = integrate(TRUE.field, later.states[first], later.times[part], "dop853")
        errors.append(energy_error(path, TASK.energy, later.states[part]).item())
    assert scores["energy_mse_starts"] == pytest.approx(sum(errors) / len(errors), rel=1e-4)


def test_the_true_field_of_the_twin_has_no_error_and_worse_ones_have():
    task = TWIN.task
    data = task.data(0, velocities=False)
    scores = task.scores(TRUE.field, data, velocities=False)
    assert scores["field_mse"] == 0
    assert max(scores["energy_mse"], scores["energy_mse_starts"]) < 1e-9
    # The test loss is against noisy differences.
    assert 1e-3 < scores["test_loss"] < 1e-1
    ideal = replace(TRUE, damping=0.0)
    worse = task.scores(ideal.field, data, velocities=False)
    assert worse["energy_mse"] > 1e-3
    away = task.scores(lambda x: 1e3 * x, data, velocities=False)
    assert away["energy_mse"] == float("inf")
    assert away["energy_mse_starts"] == float("inf")


@pytest.mark.parametrize("recipe", [OURS, REFERENCE], ids=lambda recipe: recipe.name)
def test_without_the_recording_the_recipe_says_what_to_do(recipe, monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    with pytest.raises(FileNotFoundError) as error:
        run_seed(recipe, 0)
    for part in ("real_pendulum.txt", "Schmidt & Lipson 2009", FOLDER_VARIABLE, TWIN.name):
        assert part in str(error.value)


def test_linear_friction_is_the_same_everywhere_and_one_number():
    kind = "dissipative_hnn"
    model = OURS.build(kind, 0)
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    friction = model.friction_matrix(x)
    torch.testing.assert_close(friction, friction[:1].expand_as(friction))
    assert friction[0].item() == pytest.approx(model.FIRST**2)
    energy_alone = MODELS["hnn"](1, **OURS.models[kind])
    assert parameter_count(model) == parameter_count(energy_alone) + 1
    untouched = MODELS["mlp"](1, (4,))
    linear_friction(untouched, torch.Generator())
    assert parameter_count(untouched) == parameter_count(MODELS["mlp"](1, (4,)))


def test_the_settings_of_the_reference_are_the_published_ones():
    adam = REFERENCE.optimizers["adam"]
    assert adam == Adam(steps=2000, learning_rate=1e-3, weight_decay=1e-5)
    assert REFERENCE.dtype == torch.float32
    assert all(settings["hidden"] == (200, 200) for settings in REFERENCE.models.values())


def test_the_recipe_finds_the_friction_that_is_in_the_data_and_an_hnn_cannot():
    recipe = replace(TWIN, **FAST)
    found = {kind: run_seed(recipe, 0, model=kind) for kind in ("dissipative_hnn", "hnn")}
    result, model = found["dissipative_hnn"]
    # True friction 0.0092; the noise of this twin leaves it this uncertain.
    friction = model.friction_matrix(torch.zeros(1, 2, dtype=torch.float64)).item()
    assert friction == pytest.approx(0.0092, abs=0.002)
    assert result.scores["energy_mse"] < 5e-4
    assert found["hnn"][0].scores["energy_mse"] > 10 * result.scores["energy_mse"]


def test_the_recipe_runs_on_a_file_and_goes_on_where_it_was_stopped(folder, tmp_path):
    recipe = replace(OURS, **FAST)
    whole, model = run_seed(recipe, 0)
    run_seed(recipe, 0, folder=tmp_path / "work")
    files = {path.name for path in (tmp_path / "work").iterdir()}
    assert files == {"differences.safetensors", "pieces-of-12.safetensors"}
    again, same = run_seed(recipe, 0, folder=tmp_path / "work")
    assert again.scores == whole.scores
    for a, b in zip(model.parameters(), same.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    "forward, central",
    [(FORWARD, REFERENCE), (TWIN_FORWARD, TWIN_REFERENCE)],
    ids=lambda recipe: recipe.name,
)
def test_forward_differences_are_the_one_thing_that_differs(folder, forward, central):
    task = replace(forward.task, forward=False)
    assert replace(forward, name=central.name, title=central.title, task=task) == central
    data = forward.task.data(0, velocities=False)
    pieces = forward.task.recording().split(0.8)[0].segments
    assert len(data.train) == sum(len(piece.times) - 1 for piece in pieces)
    first = pieces[1]
    at = (data.train.states == first.states[0]).all(-1).nonzero().item()
    step = first.times[1] - first.times[0]
    rate = (first.states[1, 0] - first.states[0, 0]) / step
    torch.testing.assert_close(data.train.derivatives[at], rate)


def test_forward_differences_fake_a_damping_that_central_ones_do_not():
    """Least squares of the rates on the states: a divergence is what no HNN can have."""
    divergence = {}
    for recipe in (TWIN_FORWARD, TWIN_REFERENCE):
        train = recipe.task.data(0, velocities=False).train
        matrix = torch.linalg.lstsq(train.states, train.derivatives).solution
        divergence[recipe.name] = matrix.trace().item()
    # Theory for small swings: the rate ω²Δt/2 twice, ω² = 1.283 1/s²; the swing is wide.
    assert -0.23 < divergence[TWIN_FORWARD.name] < -0.12
    assert abs(divergence[TWIN_REFERENCE.name]) < 0.03
