"""Recipes, their results on disk, and sweeps that can be stopped at any time."""

import functools
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.experiments import (
    RECIPES,
    TASKS,
    Recipe,
    Result,
    SweepError,
    TaskData,
    check_device,
    model_path,
    read_result,
    read_results,
    run_seed,
    sweep,
    table,
)
from hnn_tutorial.experiments import _results as storage
from hnn_tutorial.experiments._recipe import KINDS
from hnn_tutorial.models import parameter_count
from hnn_tutorial.systems import SYSTEMS, MassSpring
from hnn_tutorial.training import (
    Adam,
    LevenbergMarquardt,
    derivative_residual,
    load_model,
    save_model,
)

TESTS = Path(__file__).resolve().parent
SPRING = MassSpring(mass=2.0, stiffness=2.0)
CALLS = "HNN_TUTORIAL_TEST_CALLS"


@dataclass(frozen=True)
class TinySpring:
    """A spring seen at a few states, and a score for each kind of number there is."""

    true: MassSpring = SPRING
    states: int = 24
    name: str = "tiny"
    system: str = "mass_spring"
    velocities: bool = False

    def data(self, seed: int, *, velocities: bool) -> TaskData:
        x = self.true.sample(2 * self.states, seed)
        both = Dataset(x, self.true.field(x))
        return TaskData(both[: self.states], both[self.states :])

    def scores(self, learned, data: TaskData, *, velocities: bool) -> dict[str, float]:
        error = field_error(learned, self.true.field, data.test.states)
        return {"field_mse": error, "energy_mse": math.inf}


def counted(model, batch):
    """A derivative residual that notes each call in the file named by the environment."""
    with open(os.environ[CALLS], "a", encoding="utf-8") as file:
        file.write(".")
    return derivative_residual(model, batch)


def train_counted(job):
    job.fit(residual=counted)
    return job.model


def fail_on_one(job):
    if job.seed == 1:
        raise ArithmeticError("no luck with this one")
    job.fit()
    return job.model


def die_on_one(job):
    if job.seed == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    job.fit()
    return job.model


def train_two_stages(job):
    job.fit(stage="first")
    job.fit(optimizer=Adam(5), stage="second")
    return SimpleNamespace(field=job.model.field)


TINY = Recipe(
    name="tiny-ours",
    title="a spring, for tests",
    task=TinySpring(),
    degrees=1,
    models={"hnn": {"hidden": (8,)}, "mlp": {"hidden": (7,)}},
    optimizers={"levenberg_marquardt": LevenbergMarquardt(6), "adam": Adam(400, 1e-2)},
    seeds=2,
)
COUNTED = replace(TINY, train=train_counted, optimizers={"adam": Adam(500, 1e-2)})
FAILING = replace(TINY, train=fail_on_one, seeds=3)


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    theirs = b.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in a.state_dict().items())


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


@pytest.fixture
def done(tmp_path):
    """One result on disk."""
    (result,) = sweep([TINY], 1, out=tmp_path, jobs=1)
    return result


# The recipes of the package


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_well_formed(name):
    recipe = RECIPES[name]
    assert recipe.name == name
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name)
    assert recipe.task.system in SYSTEMS
    assert recipe.seeds >= 3
    # Both stand in the name of one folder, with a hyphen between them.
    for key in [*recipe.models, *recipe.optimizers]:
        assert re.fullmatch(r"[a-z_0-9]+", key)
    assert set(recipe.models) <= set(KINDS)
    own = next(iter(recipe.models)), next(iter(recipe.optimizers))
    settings = storage.settings_of(recipe, *own, "cpu")
    assert json.loads(json.dumps(settings, allow_nan=False)) == settings
    assert " at 0x" not in json.dumps(settings)


@pytest.mark.parametrize("name", RECIPES)
def test_the_models_of_a_recipe_are_of_matched_size(name):
    recipe = RECIPES[name]
    sizes = {}
    for kind in recipe.models:
        model = recipe.build(kind, seed=0)
        assert all(p.dtype == recipe.dtype for p in model.parameters())
        assert same(model, recipe.build(kind, seed=0))
        assert not same(model, recipe.build(kind, seed=1))
        sizes[kind] = parameter_count(model)
    if not name.endswith("-reference"):
        own = next(iter(sizes.values()))
        assert all(abs(size / own - 1) <= 0.15 for size in sizes.values()), sizes


def test_every_task_has_its_reference_and_ours():
    for task in TASKS:
        stem = task.__name__.rsplit(".", 1)[1].replace("_", "-")
        for recipe, kind in ((task.REFERENCE, "reference"), (task.OURS, "ours")):
            assert (recipe.task.name, recipe.name) == (stem, f"{stem}-{kind}")
        assert all(v.name.startswith(f"{stem}-") for v in getattr(task, "VARIANTS", ()))
    count = sum(2 + len(getattr(task, "VARIANTS", ())) for task in TASKS)
    assert len(RECIPES) == count  # no two of one name


# Settings


def adder(amount):
    def add(job):
        return amount + job

    return add


def test_settings_name_what_differs():
    def found(**changes):
        settings = [
            storage.settings_of(recipe, "hnn", "adam", "cpu")
            for recipe in (TINY, replace(TINY, **changes))
        ]
        assert all(json.loads(json.dumps(s, allow_nan=False)) == s for s in settings)
        return storage.difference(*settings)

    assert found() is None
    # Titles and the number of seeds decide nothing.
    assert found(title="another", seeds=9, source="nobody") is None
    assert found(task=TinySpring(states=25)) == "task.states = 24, not 25"
    other = MassSpring(mass=2.0, stiffness=3.0)
    assert found(task=TinySpring(true=other)) == "task.true.stiffness = 2.0, not 3.0"
    assert found(models={"hnn": {"hidden": (9,)}}) == "model.hidden = [8], not [9]"
    assert found(optimizers={"adam": Adam(401, 1e-2)}) == "optimizer.steps = 400, not 401"
    assert found(dtype=torch.float32) == "dtype = 'torch.float64', not 'torch.float32'"
    assert found(train=train_two_stages).endswith("not 'test_experiments.train_two_stages'")
    assert "initialize = None, not 'test_experiments.adder'" in found(initialize=adder)


@pytest.mark.parametrize("make", [lambda n: functools.partial(adder, n), adder])
def test_settings_see_what_a_function_was_made_with(make):
    def settings(n):
        return storage.settings_of(replace(TINY, train=make(n)), "hnn", "adam", "cpu")

    assert settings(1) == settings(1)
    assert storage.difference(settings(1), settings(2)).startswith("train.")


def test_a_plain_object_is_described_by_its_class_and_values():
    class Task:
        def __init__(self, infinite):
            self.x = torch.arange(3.0)
            self.limit = math.inf if infinite else 1.0

    described = [storage._plain(Task(infinite)) for infinite in (True, True, False)]
    assert described[0] == described[1]
    assert storage.difference(described[0], described[2]) == "limit = 'inf', not 1.0"
    assert described[0]["class"].endswith("Task")


# Files


def test_a_result_comes_back_from_disk(tmp_path):
    expected, learned = run_seed(TINY, 0)
    (stored,) = sweep([TINY], 1, out=tmp_path, jobs=1)
    assert stored == read_result(stored.path)
    assert replace(stored.result, seconds=0.0) == replace(expected, seconds=0.0)
    assert stored.result.scores["energy_mse"] == math.inf
    assert same(load_model(model_path(stored.path)), learned)
    assert set(stored.versions) == {"hnn_tutorial", "torch", "numpy", "python", "processor"}
    folder = "tiny-ours/hnn-levenberg_marquardt"
    assert files(tmp_path) == [f"{folder}/seed-0.json", f"{folder}/seed-0.safetensors"]
    # Strict JSON, which knows no infinity.
    text = stored.path.read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail)["result"]["scores"]["energy_mse"] == "inf"


def test_a_field_that_is_no_model_leaves_no_model(tmp_path):
    (stored,) = sweep([replace(TINY, train=train_two_stages)], 1, out=tmp_path, jobs=1)
    assert stored.weights is None
    assert [Path(name).name for name in files(tmp_path)] == ["seed-0.json"]


def test_a_score_that_is_nan_is_refused(tmp_path):
    result = Result("r", "m", "o", 0, "cpu", 1, 0.1, {"field_mse": math.nan})
    with pytest.raises(ValueError, match="field_mse are NaN"):
        storage.write_result(tmp_path / "seed-0.json", result, {}, SimpleNamespace())
    assert files(tmp_path) == []


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch, moment):
    path = tmp_path / "file.json"
    storage.write_json(path, {"a": 1})

    def fail(*_):
        raise OSError("device gone")

    monkeypatch.setattr(storage.os, moment, fail)
    with pytest.raises(OSError, match="device gone"):
        storage.write_json(path, {"a": 2})
    assert files(tmp_path) == ["file.json"]
    assert json.loads(path.read_text()) == {"a": 1}


@pytest.mark.parametrize(
    "edit, message",
    [
        (lambda text: text[: len(text) // 2], "not a result; it may be truncated"),
        (lambda text: "", "not a result; it may be truncated"),
        (lambda text: "[1, 2]", "not a result"),
        (lambda text: text.replace('"inf"', "Infinity"), "Infinity is not JSON"),
        (lambda text: text.replace('"inf"', "1e-9"), "damaged or edited"),
        (lambda text: text.replace('"seed": 0', '"seed": 1'), "damaged or edited"),
        (lambda text: text.replace('"states": 24', '"states": 25'), "damaged or edited"),
        (lambda text: '{"some": "file"}', "expected a file of format 'hnn_tutorial result'"),
        (lambda text: text.replace('"version": 1', '"version": 2'), "format version 2"),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_refused(tmp_path, done, edit, message):
    text = done.path.read_text()
    assert edit(text) != text
    done.path.write_text(edit(text))
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        read_results(tmp_path)
    assert str(done.path) in str(caught.value)
    with pytest.raises(ValueError, match=re.escape(message)):
        sweep([TINY], 1, out=tmp_path, jobs=1)


@pytest.mark.parametrize(
    "place", ["hnn-levenberg_marquardt/seed-1.json", "mlp-levenberg_marquardt/seed-0.json"]
)
def test_a_result_copied_elsewhere_is_refused(tmp_path, done, place):
    # Or one seed would count twice, or for another model.
    copy = tmp_path / "tiny-ours" / place
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(done.path.read_bytes())
    with pytest.raises(ValueError, match="it is the result of .*seed-0.json, and was moved"):
        read_results(tmp_path)


def test_the_trained_model_is_verified_too(done):
    path = model_path(done.path)
    weights = path.read_bytes()
    path.write_bytes(weights[:-1] + b"?")
    with pytest.raises(ValueError, match="checksum does not match"):
        read_result(done.path)
    save_model(path, TINY.build("hnn", seed=7))
    with pytest.raises(ValueError, match="not the model of seed-0.json"):
        read_result(done.path)
    path.unlink()
    with pytest.raises(ValueError, match="its trained model is missing"):
        read_result(done.path)


def test_a_folder_that_is_not_there_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no such folder"):
        read_results(tmp_path / "nowhere")


# Sweeps


def test_a_finished_seed_is_not_run_again(tmp_path, monkeypatch):
    monkeypatch.setenv(CALLS, str(tmp_path / "calls"))
    recipe = replace(COUNTED, optimizers={"adam": Adam(5)})
    out = tmp_path / "out"
    first = sweep([recipe], 1, out=out, jobs=1)
    calls = os.path.getsize(tmp_path / "calls")
    left = storage.work_folder(first[0].path)
    left.mkdir()
    lines = []
    assert sweep([recipe], 1, out=out, jobs=1, report=lines.append) == first
    assert os.path.getsize(tmp_path / "calls") == calls > 0
    assert lines == ["1 of 1 runs are done already"]
    assert not left.exists()
    sweep([recipe], 2, out=out, jobs=1)
    assert os.path.getsize(tmp_path / "calls") == 2 * calls


def test_results_of_other_settings_are_not_taken_for_these(tmp_path, done):
    changed = replace(TINY, optimizers={"levenberg_marquardt": LevenbergMarquardt(7)}, seeds=1)
    with pytest.raises(ValueError, match=r"optimizer.steps = 6, not 7"):
        sweep([changed], out=tmp_path, jobs=1)


def test_checkpoints_of_other_settings_are_not_gone_on_from(tmp_path):
    with pytest.raises(SweepError):
        sweep([FAILING], 2, out=tmp_path, jobs=1)
    changed = replace(FAILING, task=TinySpring(states=30))
    (tmp_path / "tiny-ours/hnn-levenberg_marquardt/seed-0.json").unlink()
    with pytest.raises(SweepError, match=r"other settings: task.states = 24, not 30. Delete"):
        sweep([changed], 2, out=tmp_path, jobs=1)


def test_processes_and_one_process_come_to_the_same(tmp_path):
    lines = []
    alone = sweep([TINY], 3, models=["mlp", "hnn"], out=tmp_path / "1", jobs=1)
    both = sweep([TINY], 3, models=["mlp", "hnn"], out=tmp_path / "2", jobs=2, report=lines.append)
    order = [(kind, seed) for kind in ("mlp", "hnn") for seed in range(3)]
    for results in (alone, both):
        assert [(s.result.model, s.result.seed) for s in results] == order
    assert [s.result.scores for s in alone] == [s.result.scores for s in both]
    assert [s.weights for s in alone] == [s.weights for s in both]
    assert sorted(line.split("]")[0] for line in lines) == [f"[{k}/6" for k in range(1, 7)]


def note_threads(job):
    assert torch.get_num_threads() == 1
    return train_two_stages(job)


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_run_has_one_thread(tmp_path, jobs):
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        assert len(sweep([replace(TINY, train=note_threads)], 2, out=tmp_path, jobs=jobs)) == 2
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_seed_that_fails_does_not_lose_the_others(tmp_path, jobs):
    with pytest.raises(SweepError) as caught:
        sweep([FAILING], out=tmp_path, jobs=jobs)
    message = str(caught.value)
    assert message.startswith("1 of 3 runs did not finish")
    assert "tiny-ours hnn levenberg_marquardt seed 1: ArithmeticError: no luck" in message
    assert {s.result.seed for s in read_results(tmp_path)} == {0, 2}
    trace = tmp_path / "tiny-ours/hnn-levenberg_marquardt/seed-1/error.txt"
    assert "fail_on_one" in trace.read_text()
    (row,) = table(read_results(tmp_path))
    assert (row.seeds, row.failed) == ((0, 2), (1,))


def test_a_worker_that_is_killed_does_not_lose_what_is_done(tmp_path):
    dying = replace(TINY, train=die_on_one)
    sweep([dying], 1, out=tmp_path, jobs=1)
    with pytest.raises(SweepError) as caught:
        sweep([dying], 3, out=tmp_path, jobs=2)
    assert "the workers stopped: TerminatedWorkerError" in str(caught.value)
    assert "tiny-ours hnn levenberg_marquardt seed 1" in str(caught.value)
    assert 0 in {s.result.seed for s in read_results(tmp_path)}


def test_a_run_that_another_process_is_at_is_waited_for(tmp_path, capsys):
    fcntl = pytest.importorskip("fcntl")
    (done,) = sweep([TINY], 1, out=tmp_path / "other", jobs=1)
    path = storage.result_path(tmp_path / "out", "tiny-ours", "hnn", "levenberg_marquardt", 0)
    storage.work_folder(path).mkdir(parents=True)

    with open(storage.work_folder(path) / "lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        def finish():
            for suffix in (".safetensors", ".json"):
                path.with_suffix(suffix).write_bytes(done.path.with_suffix(suffix).read_bytes())
            fcntl.flock(file, fcntl.LOCK_UN)

        threading.Timer(0.5, finish).start()
        (found,) = sweep([TINY], 1, out=tmp_path / "out", jobs=1)
    assert found.result == done.result  # to the time it took: it was not run again
    assert "waiting for the process that is at work in" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, message",
    [
        ({"models": ["gru"]}, "unknown model of the recipe tiny-ours 'gru'.*hnn, mlp"),
        ({"optimizer": "sgd"}, "unknown optimizer of .*'sgd'.*levenberg_marquardt, adam"),
        ({"device": "tpu"}, "unknown device 'tpu'; choose one of: cpu"),
        ({"device": "cuda:77"}, "unknown device 'cuda:77'"),
        ({"seeds": 0}, "seeds = 0; expected a positive integer"),
        ({"jobs": -1}, "jobs = -1; expected a positive integer"),
    ],
)
def test_a_sweep_that_makes_no_sense_is_refused_before_it_runs(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        sweep([TINY, FAILING], out=tmp_path, **options)
    assert files(tmp_path) == []


def test_the_first_device_has_its_number():
    assert check_device("cuda", here=False) == "cuda:0"
    with pytest.raises(ValueError, match="unknown device 'gpu'"):
        check_device("gpu", here=False)


def test_a_folder_that_cannot_be_written_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="cannot write to the folder .*Not a directory"):
        sweep([TINY], out=tmp_path / "file" / "out")


COMMAND = """
import sys
import test_experiments as here
here.sweep([here.COUNTED], 1, out=sys.argv[1], jobs=1)
"""


def start(out: Path, calls: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, str(out)],
        env={**os.environ, CALLS: str(calls), "PYTHONPATH": str(TESTS)},
    )


def test_a_sweep_that_is_killed_goes_on_from_its_checkpoint(tmp_path, monkeypatch):
    out, calls = tmp_path / "killed", tmp_path / "calls"
    process = start(out, calls)
    work = out / "tiny-ours/hnn-adam/seed-0"
    deadline = time.monotonic() + 120
    while not (work / "training.safetensors").is_file():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not work.with_suffix(".json").exists()
    assert not work.with_suffix(".safetensors").exists()
    assert calls.stat().st_size < COUNTED.optimizers["adam"].steps
    assert read_results(out) == []

    monkeypatch.setenv(CALLS, str(tmp_path / "whole"))
    (whole,) = sweep([COUNTED], 1, out=tmp_path / "whole out", jobs=1)
    monkeypatch.setenv(CALLS, str(tmp_path / "rest"))
    (resumed,) = sweep([COUNTED], 1, out=out, jobs=1)
    # It did not start afresh, and came to the same, bit for bit.
    assert os.path.getsize(tmp_path / "rest") <= os.path.getsize(tmp_path / "whole") - 90
    assert resumed.weights == whole.weights
    assert resumed.result.scores == whole.result.scores
    assert not work.exists()


def fail_on_one_of_the_cluster(job):
    from distributed import get_worker

    get_worker()  # raises outside the workers of a cluster
    return fail_on_one(job)


def test_a_cluster_comes_to_the_same(tmp_path):
    distributed = pytest.importorskip("distributed")
    (alone,) = sweep([FAILING], 1, out=tmp_path / "alone", jobs=1)
    recipe = replace(FAILING, train=fail_on_one_of_the_cluster)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        (there,) = sweep([recipe], 1, out=tmp_path / "cluster", cluster=address)
        assert there.weights == alone.weights
        assert there.result.scores == alone.result.scores
        with pytest.raises(SweepError, match="seed 1: ArithmeticError: no luck"):
            sweep([recipe], out=tmp_path / "cluster", cluster=address)
    assert {s.result.seed for s in read_results(tmp_path / "cluster")} == {0, 2}


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("hnn_tutorial.experiments._sweep.SECONDS_TO_CONNECT", 0.5)
    with pytest.raises(ConnectionError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        sweep([TINY], out=tmp_path, cluster="tcp://127.0.0.1:9")


def test_a_cluster_without_its_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'hnn-tutorial\[cluster\]'"):
        sweep([TINY], out=tmp_path, cluster="tcp://127.0.0.1:9")


@pytest.mark.gpu
def test_a_gpu_comes_to_nearly_the_same(tmp_path):
    (host,) = sweep([TINY], 1, out=tmp_path / "cpu", jobs=1)
    (device,) = sweep([TINY], 1, device="cuda", out=tmp_path / "gpu", jobs=1)
    assert device.result.device == "cuda:0"
    assert math.isclose(
        device.result.scores["field_mse"], host.result.scores["field_mse"], rel_tol=1e-3
    )
    # Checkpoints and models are on the CPU whatever the device.
    assert load_model(model_path(device.path)).field(torch.ones(2).double()).device.type == "cpu"


# The table


def stored(seed: int, model: str = "hnn", settings=None, **scores: float):
    result = Result("tiny-ours", model, "adam", seed, "cpu", 33, 1.0 + seed, scores)
    path = storage.result_path("nowhere", "tiny-ours", model, "adam", seed)
    return storage.StoredResult(path, result, settings or {}, {}, None)


def test_a_row_holds_median_and_range_over_its_seeds():
    rows = table(
        [stored(2, a=math.inf), stored(0, a=1.0), stored(0, "mlp", a=4.0), stored(1, a=3.0)]
    )
    assert [(row.model, row.seeds) for row in rows] == [("hnn", (0, 1, 2)), ("mlp", (0,))]
    spread = rows[0].scores["a"]
    assert (spread.median, spread.low, spread.high) == (3.0, 1.0, math.inf)
    assert rows[0].seconds.median == 2.0
    written = json.loads(json.dumps(rows[0].to_json(), allow_nan=False))
    assert written["scores"]["a"] == {
        "median": 3.0,
        "low": 1.0,
        "high": "inf",
        "values": [1.0, 3.0, "inf"],
    }
    assert written["seeds"] == [0, 1, 2]


def test_seeds_that_have_no_common_median_are_refused():
    with pytest.raises(ValueError, match=r"seed-1.json .* other settings .*\(x = 2, not 1\)"):
        table([stored(0, settings={"x": 1}, a=1.0), stored(1, settings={"x": 2}, a=1.0)])
    with pytest.raises(ValueError, match="other scores"):
        table([stored(0, a=1.0), stored(1, b=1.0)])
