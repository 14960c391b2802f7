"""The command: what it prints where, its exit codes, and errors without tracebacks."""

import json
import math
import os
import re
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import entry_points, version

import pytest
import torch
from test_experiments import FAILING, TINY

import hnn_tutorial
from hnn_tutorial import _doctor, cli, experiments
from hnn_tutorial.experiments import RECIPES, _sweep, read_results
from hnn_tutorial.models import MAPS, MODELS
from hnn_tutorial.recordings import FOLDER_VARIABLE, RECORDINGS
from hnn_tutorial.systems import SYSTEMS


@pytest.fixture(autouse=True)
def _tiny(monkeypatch, tmp_path):
    """Put tiny recipes beside those of the package, in a folder of their own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(RECIPES, "tiny-ours", TINY)
    monkeypatch.setitem(RECIPES, "failing-ours", replace(FAILING, name="failing-ours"))
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)


@pytest.fixture
def command(capsys):
    """Run the command in this process; return its exit code and what it wrote."""

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            code = cli.main(arguments)
        except SystemExit as stop:
            code = stop.code
        written = capsys.readouterr()
        return code, written.out, written.err

    return run


def test_the_command_is_installed():
    (entry,) = entry_points(group="console_scripts", name="hnn-tutorial")
    assert entry.load() is cli.main


def python(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_the_command_tells_its_version(command):
    assert command("--version") == (0, f"hnn-tutorial {hnn_tutorial.__version__}\n", "")


def test_help_does_not_wait_for_torch():
    code = (
        "import sys; from hnn_tutorial import cli\n"
        "try: cli.main(['run', '--help'])\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "print([name for name in ('torch', 'numpy', 'scipy', 'joblib') if name in sys.modules])"
    )
    result = python("-c", code)
    assert result.stdout.splitlines()[-1] == "[]", result.stderr
    for option in ("--model", "--optimizer", "--seeds", "--device", "--out", "--cluster", "--json"):
        assert option in result.stdout


def test_the_command_runs_as_a_program_and_its_reader_may_leave():
    program = [sys.executable, "-m", "hnn_tutorial.cli", "list"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.wait() == 0
        assert process.stderr.read() == b""


def test_the_folder_of_results_has_one_default():
    assert cli.OUT == _sweep.OUT == "results"


# list


def test_list_shows_all_there_is(command):
    code, out, err = command("list")
    assert (code, err) == (0, "")
    shown = {line.split()[0] for line in out.splitlines() if line.startswith("  ")}
    assert shown >= {*SYSTEMS, *MODELS, *RECIPES}
    assert "models: hnn, mlp" in out
    assert ":math:" not in out


def test_list_as_json(command):
    listed = json.loads(command("list", "--json")[1])
    assert [entry["name"] for entry in listed["systems"]] == list(SYSTEMS)
    assert [entry["name"] for entry in listed["models"]] == list(MODELS)
    assert [entry["name"] for entry in listed["maps"]] == list(MAPS)
    (tiny,) = [entry for entry in listed["recipes"] if entry["name"] == "tiny-ours"]
    assert tiny["models"] == ["hnn", "mlp"]
    assert tiny["optimizers"] == ["levenberg_marquardt", "adam"]
    assert (tiny["seeds"], tiny["system"]) == (2, "mass_spring")


# run


def test_run_keeps_results_and_shows_scores(command, tmp_path):
    run = ("run", "tiny-ours", "--jobs", "1")
    code, out, err = command(*run, "--json", "scores.json")
    assert code == 0
    assert [line.split(": ")[0] for line in err.splitlines()] == [
        f"[{k}/2] tiny-ours hnn levenberg_marquardt seed {k - 1}" for k in (1, 2)
    ]
    stored = read_results("results")
    assert [s.result.seed for s in stored] == [0, 1]
    low, high = sorted(s.result.scores["field_mse"] for s in stored)
    assert f"{(low + high) / 2:.3g} [{low:.3g}, {high:.3g}]" in out
    assert "inf [inf, inf]" in out

    text = (tmp_path / "scores.json").read_text()
    (row,) = json.loads(text, parse_constant=pytest.fail)
    assert (row["recipe"], row["model"], row["seeds"]) == ("tiny-ours", "hnn", [0, 1])
    assert row["scores"]["field_mse"]["median"] == (low + high) / 2
    assert row["scores"]["energy_mse"]["high"] == "inf"

    again = command(*run)
    assert again[:2] == (0, out)
    assert again[2] == "2 of 2 runs are done already\n"


def test_run_takes_model_optimizer_seeds_and_folder(command):
    options = ("--model", "mlp", "--optimizer", "adam", "--seeds", "1", "--out", "a/b")
    assert command("run", "tiny-ours", *options)[0] == 0
    (stored,) = read_results("a/b")
    assert (stored.result.model, stored.result.optimizer, stored.result.seed) == ("mlp", "adam", 0)


def test_a_failed_seed_is_named_and_counted(command):
    code, out, err = command("run", "failing-ours", "--jobs", "1")
    assert (code, out) == (1, "")
    assert "1 of 3 runs did not finish" in err
    assert "failing-ours hnn levenberg_marquardt seed 1: ArithmeticError: no luck" in err
    assert "Traceback" not in err
    assert "2 + 1 failed" in command("table")[1]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("run", "tiny"), "unknown recipe 'tiny'; choose one of: .*tiny-ours"),
        (("run", "tiny-ours", "--model", "gru"), "unknown model .*'gru'; choose one of: hnn, mlp"),
        (("run", "tiny-ours", "--optimizer", "sgd"), "'sgd'; .*: levenberg_marquardt, adam"),
        (("run", "tiny-ours", "--device", "tpu"), "unknown device 'tpu'; choose one of: cpu"),
        (("run", "tiny-ours", "--seeds", "0"), "--seeds: '0'; expected a positive integer"),
        (("run", "tiny-ours", "--seeds", "-1"), "--seeds: '-1'; expected a positive integer"),
        (("run", "tiny-ours", "--jobs", "two"), "--jobs: 'two'; expected a positive integer"),
        (("run", "tiny-ours", "--jobs", "2", "--cluster", "tcp://a:1"), "not allowed with"),
        (("run", "tiny-ours", "--out", "file/x"), "cannot write to the folder .*file/x: Not a dir"),
        (("run", "tiny-ours", "--json", "no/file"), "--json no/file: expected the name of a file"),
        (("run",), "the following arguments are required: RECIPE"),
        (("table", "nowhere"), "nowhere: there is no such folder"),
        (("table", "."), "holds no results; make some with `hnn-tutorial run`"),
        (("table", "--format", "latex"), "choose from '?text'?, '?markdown'?, '?json'?"),
        (("walk",), "choose from '?list'?, '?run'?, '?fit'?, '?table'?, '?progress'?, '?doctor'?"),
        ((), "required: COMMAND"),
    ],
)
def test_what_makes_no_sense_is_told_without_a_traceback(command, tmp_path, arguments, message):
    (tmp_path / "file").write_text("")
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert re.search(message, err), err
    assert os.listdir(tmp_path) == ["file"]


def test_results_of_other_settings_are_not_overwritten(command, monkeypatch):
    assert command("run", "tiny-ours", "--seeds", "1")[0] == 0
    monkeypatch.setitem(RECIPES, "tiny-ours", replace(TINY, dtype=torch.float32))
    code, _, err = command("run", "tiny-ours", "--seeds", "1")
    assert code == 2
    assert "dtype = 'torch.float64', not 'torch.float32'. Use another folder" in err


def test_an_interruption_says_how_to_go_on(command, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiments, "sweep", interrupted)
    code, _, err = command("run", "tiny-ours")
    assert code == 130
    assert "the same command goes on from here" in err


# table


def test_table_in_every_format(command):
    for options in (("--model", "mlp"), ("--optimizer", "adam"), ()):
        assert command("run", "tiny-ours", "--seeds", "1", "--jobs", "1", *options)[0] == 0
    order = [("hnn", "adam"), ("hnn", "levenberg_marquardt"), ("mlp", "levenberg_marquardt")]

    code, text, _ = command("table", "results")
    assert code == 0
    header, *lines = text.split("\n\n")[0].splitlines()
    assert header.split()[-2:] == ["field_mse", "energy_mse"]
    assert [tuple(line.split()[1:3]) for line in lines] == order

    _, markdown, _ = command("table", "--format", "markdown")
    lines = markdown.split("\n\n")[0].splitlines()
    assert {line.count("|") for line in lines} == {10}
    assert [tuple(line.split(" | ")[1:3]) for line in lines[2:]] == order

    rows = json.loads(command("table", "--format", "json")[1], parse_constant=pytest.fail)
    assert [(row["model"], row["optimizer"]) for row in rows] == order
    assert all(math.isfinite(row["scores"]["field_mse"]["median"]) for row in rows)


def test_recipes_with_other_scores_stand_in_a_table_of_their_own(command):
    assert command("run", "tiny-ours", "--seeds", "1")[0] == 0
    (stored,) = read_results("results")
    rows = experiments.table([stored])
    other = replace(rows[0], recipe="other-ours", scores={"distance": rows[0].seconds})
    text = cli._as_text([*rows, other])
    assert "distance" not in text.split("\n\n")[0]
    assert "field_mse" not in text.split("\n\n")[1]


# doctor


def test_doctor_finds_this_environment_whole(command, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    code, out, _ = command("doctor")
    assert code == 0
    assert out.startswith(f"hnn-tutorial {hnn_tutorial.__version__}\n")
    # As installed: a CUDA build of PyPI calls itself 2.13.0+cu130 only once it is imported.
    assert f"torch        {version('torch')}\n" in out
    assert {name for name, _, extra in _doctor.requirements() if not extra} >= {"torch", "joblib"}
    assert "OMP_NUM_THREADS: 1\n" in out
    assert "pytest -m gpu" in out
    assert f"recordings ({FOLDER_VARIABLE})\n  not set" in out
    assert "all that is required is there" in out


def test_doctor_names_what_is_missing(command, monkeypatch):
    there = _doctor._found
    found = {"scipy": None, "torch": "1.13.1", "distributed": None}
    monkeypatch.setattr(_doctor, "_found", lambda name: found.get(name, there(name)))
    monkeypatch.setattr(_doctor.shutil, "which", lambda name: None)
    code, out, _ = command("doctor")
    assert code == 1
    assert "scipy        missing  <- expected 1.11 or newer" in out
    assert "torch        1.13.1  <- expected 2.2 or newer" in out
    assert "missing or too old: scipy, torch" in out
    assert "distributed missing: pip install 'hnn-tutorial[cluster]'" in out
    assert "chromium missing" in out


def test_what_is_only_optional_is_no_failure(command, monkeypatch):
    there = _doctor._found
    monkeypatch.setattr(_doctor, "_found", lambda name: None if name == "jupytext" else there(name))
    code, out, _ = command("doctor")
    assert code == 0
    assert "jupytext missing: pip install 'hnn-tutorial[lab]'" in out


def test_doctor_looks_for_the_recordings(command, monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    assert "nowhere: there is no such folder" in command("doctor")[1]
    first, *others = RECORDINGS.values()
    (tmp_path / first.file).write_text("")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    out = command("doctor")[1]
    assert f"{first.file}\n" in out
    assert all(f"{source.file}, not in {tmp_path}" in out for source in others)


def test_doctor_tries_each_device(command, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda k: "a device")
    monkeypatch.setattr(_doctor, "_try_device", lambda device: f"tried {device}")
    assert "cuda:0  a device: tried cuda:0" in command("doctor")[1]


def test_a_device_is_tried_by_a_product():
    assert _doctor._try_device("cpu") == "float64 products agree with the CPU's"
    # A device without numbers: nothing can be read back from it.
    assert _doctor._try_device("meta").startswith("not usable: ")


@pytest.mark.gpu
def test_doctor_finds_the_gpu_good(command):
    code, out, _ = command("doctor")
    assert code == 0
    assert "cuda:0" in out
    assert "not usable" not in out


def test_versions_are_compared_as_numbers():
    assert _doctor._numbers("2.13.0+cpu") > _doctor._numbers("2.2")
    assert hnn_tutorial.__version__ == _doctor._found("hnn-tutorial")


# progress


@pytest.fixture
def exercise_folder(tmp_path):
    """A learner's folder, in which one exercise of the chapter on pendulums is solved."""
    (tmp_path / "exercises" / ".progress" / "pendulum").mkdir(parents=True)
    (tmp_path / "exercises" / ".progress" / "pendulum" / "1").touch()
    (tmp_path / "exercises" / "start_here.ipynb").write_text("{}")
    return tmp_path / "exercises"


def test_progress_is_found_from_the_project_and_from_the_exercises(
    command, exercise_folder, monkeypatch
):
    code, out, err = command("progress")
    assert (code, err) == (0, "")
    assert out.startswith("1 of ")
    assert "Go on with exercises/pendulum.ipynb: Exercise 2 (" in out
    monkeypatch.chdir(exercise_folder)
    assert command("progress") == (0, out, "")
    monkeypatch.chdir("/")
    assert command("progress", "--folder", str(exercise_folder)) == (0, out, "")


def test_progress_of_a_chapter_and_its_reset(command, exercise_folder):
    assert command("progress", "integrators", "--reset")[1].startswith("0 of 6 ")
    assert command("progress", "pendulum")[1].startswith("1 of 6 exercises solved.\n")
    assert command("progress", "--reset")[1].startswith("0 of ")
    assert command("progress", "pendulum")[1].startswith("0 of 6 ")


def test_progress_without_exercises_or_of_an_unknown_chapter(command, exercise_folder, monkeypatch):
    code, out, err = command("progress", "pendulums")
    assert (code, out) == (2, "")
    assert "unknown chapter 'pendulums'" in err
    assert err.count("\n") == 1
    code, out, err = command("progress", "--folder", "results", "--reset")
    assert (code, out) == (2, "")
    assert err.endswith("results is no folder of exercises: it has no start_here.ipynb\n")


# A model of one's own

MINE = """
import torch
from hnn_tutorial.models import MLP, HamiltonianModel

class Mine(torch.nn.Module):
    def __init__(self, degrees):
        super().__init__()
        self.layer = torch.nn.Linear(2 * degrees, 2 * degrees)

    def field(self, x):
        return self.layer(x)

def energy(degrees):
    layers = torch.nn.Linear(2 * degrees, 5), torch.nn.Tanh(), torch.nn.Linear(5, 1)
    return HamiltonianModel(torch.nn.Sequential(*layers))

class Seeded(MLP):
    kind = "seeded"

class NoField(torch.nn.Linear):
    def __init__(self, degrees):
        super().__init__(2, 2)

number = 3
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """The name of a module in the working directory, which nothing has imported."""
    name = f"mine_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(MINE)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield name
    sys.modules.pop(name, None)


def test_a_model_of_ones_own_is_scored_beside_the_recipe_s(command, mine):
    """The spring's field is linear: a linear model learns it, and gets what the others get."""
    names = [f"{mine}:{name}" for name in ("Mine", "energy", "Seeded")]
    run = ("run", "tiny-ours", "--seeds", "2", "--jobs", "1")
    code, _, err = command(*run, "--model", ",".join(["hnn", *names]))
    assert code == 0, err
    assert f"tiny-ours: {names[0]} has 6 weights, hnn has 33; data, seeds, optimizer" in err
    rows = {row.model: row for row in experiments.table(read_results("results"))}
    assert set(rows) == {"hnn", *names}
    assert rows[names[0]].parameters == 6
    assert max(rows[names[0]].scores["field_mse"].values) < 1e-8
    for name in names[1:]:
        first, second = rows[name].scores["field_mse"].values
        assert first != second
    assert command("table")[1].count(mine) == 3
    stored = next(s for s in read_results("results") if s.result.model == names[1])
    assert stored.weights is not None  # load_model(path, HamiltonianModel(network)) reads them
    assert command(*run, "--model", names[0])[2].endswith("2 of 2 runs are done already\n")


def test_a_changed_model_of_ones_own_is_another(command, mine, tmp_path):
    run = ("run", "tiny-ours", "--seeds", "1", "--model", f"{mine}:Mine")
    assert command(*run)[0] == 0
    (tmp_path / f"{mine}.py").write_text(MINE + "# changed\n")
    code, _, err = command(*run)
    assert code == 2
    assert "made with other settings: model.source" in err


@pytest.mark.parametrize(
    "kind, message",
    [
        ("nowhere_at_all:Mine", "expected module:Name, such as mymodels:MyModel"),
        ("MINE:Absent", "expected module:Name"),
        ("MINE:", "expected module:Name"),
        (":Mine", "expected module:Name"),
        ("MINE:number", "expected a class or a function"),
        ("MINE:NoField", r"without a field\(x\); wrap a network that is an H in HamiltonianModel"),
        ("math:cos", "without a field"),
        ("MINE:torch.nn.Linear", "expected module:Name"),
    ],
)
def test_what_is_no_model_of_ones_own_is_told(command, mine, kind, message):
    code, out, err = command("run", "tiny-ours", "--model", kind.replace("MINE", mine))
    assert (code, out) == (2, "")
    assert re.search(message, err), err
    assert "Traceback" not in err
