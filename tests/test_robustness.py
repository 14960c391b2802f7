"""Kill -9 at any moment, strange environments, little memory, hostile files and hostile texts."""

import ast
import concurrent.futures
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import build_book
import nbformat
import pytest
import test_experiments
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_checkpoint import DATA, same, train
from test_exercises import ANSWER, notebook, store
from test_experiments import TINY
from widget_page import open_widgets

import exercises
import hnn_tutorial
from hnn_tutorial import check, cli
from hnn_tutorial.check.progress import Overview, Row
from hnn_tutorial.comparison import compare
from hnn_tutorial.data import Dataset
from hnn_tutorial.experiments import _results as results
from hnn_tutorial.experiments import read_results, sweep
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import Adam, LevenbergMarquardt, fit, load_model, save_model
from hnn_tutorial.training import checkpoint as storage
from hnn_tutorial.widgets import LearnedLab

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = Path(hnn_tutorial.__file__).parent


# Kills


def kill_during(work: Callable[[], object], after: float | None) -> bool:
    """Do some work in a child process, and kill -9 it; return whether it was done before.

    Args:
        work: what to do.
        after: seconds until the kill; None leaves it to the work.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        # The child never comes back into pytest, whatever happens.
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "the work failed by itself"
    return True


def kill_until_done(work: Callable[[], object], look: Callable[[], object], seed: int) -> int:
    """Begin some work again and again, kill it at random moments; return how often it was killed.

    Each attempt is given longer than the last, so that it ends on any machine. After each kill
    ``look`` looks at what is left.
    """
    moments = random.Random(seed)
    for kills in range(100):
        if kill_during(work, moments.uniform(0.02, 0.1) * 1.15**kills):
            return kills
        look()
    raise AssertionError("never done")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(module: object, name: str, call: int = 1, half: bool = False) -> None:
    """Let the given call of a module's function kill the process; ``half`` after it was done."""
    real, calls = getattr(module, name), []

    def function(*arguments, **options):
        calls.append(1)
        if len(calls) == call:
            if half:
                real(*arguments, **options)
            die()
        return real(*arguments, **options)

    setattr(module, name, function)


OPTIMIZERS = {
    "adam": Adam(240, 1e-2, batch_size=7),
    "levenberg-marquardt": LevenbergMarquardt(200, tolerance=0),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_survives_kills_at_any_moment(tmp_path, name):
    torch.set_num_threads(1)
    path, straight = tmp_path / "run.safetensors", HNN(1, (5,), seed=0)
    expected = train(straight, None, OPTIMIZERS[name])
    steps = [0]

    def look():
        if path.exists():
            tensors, _ = storage.read(path, storage.TRAINING_FORMAT)
            steps.append(int(tensors["state/step"]))

    def work():
        train(HNN(1, (5,), seed=0), path, OPTIMIZERS[name], checkpoint_every=1)

    kills = kill_until_done(work, look, seed=1)
    assert kills > 1
    assert steps == sorted(steps), "a step that was done is never lost"
    resumed = HNN(1, (5,), seed=8)
    assert train(resumed, path, OPTIMIZERS[name]).loss == expected.loss
    assert same(resumed, straight)


def write_half(path: Path) -> None:
    """Write half of a model's file, then die."""
    real = open

    def opened(name, mode):
        file = real(name, mode)
        write = file.write

        def part(content):
            write(content[: len(content) // 2])
            file.flush()
            die()

        return SimpleNamespace(
            __enter__=lambda: None, write=part, flush=file.flush, fileno=file.fileno
        )

    class Half:
        def __init__(self, *arguments):
            self.file = opened(*arguments)

        def __enter__(self):
            return self.file

        def __exit__(self, *_):
            pass

    storage.open = Half  # type: ignore[attr-defined]
    save_model(path, HNN(1, (4,), seed=2))


@pytest.mark.parametrize(
    "moment",
    ["mkdir", "open", "half", "fsync", "after fsync", "replace", "after replace", "folder"],
)
@pytest.mark.parametrize("there", [True, False], ids=["over an old file", "as a new file"])
def test_a_save_that_is_killed_leaves_the_old_file_or_the_new_one(tmp_path, moment, there):
    path = tmp_path / "model.safetensors"
    old, new = HNN(1, (4,), seed=1), HNN(1, (4,), seed=2)
    if there:
        save_model(path, old)

    def work():
        if moment == "half":
            write_half(path)
        where = {"mkdir": (Path, "mkdir"), "folder": (storage, "_sync_folder")}
        name = moment.removeprefix("after ")
        if moment == "open":
            storage.open = lambda *_: die()  # type: ignore[attr-defined]
        else:
            die_at(*where.get(name, (storage.os, name)), half=moment.startswith("after"))
        save_model(path, new)

    assert not kill_during(work, None)
    if moment in ("after replace", "folder"):
        assert same(load_model(path), new)
    elif there:
        assert same(load_model(path), old)
    else:
        assert not path.exists()
    save_model(path, new)
    assert same(load_model(path), new)
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_the_command_survives_kills_at_any_moment(tmp_path, monkeypatch, capsys):
    recipe = test_experiments.replace(TINY, optimizers={"adam": Adam(3000, 1e-2)}, seeds=2)
    monkeypatch.setattr("hnn_tutorial.experiments.RECIPES", {recipe.name: recipe})
    out, scores = tmp_path / "out", tmp_path / "scores.json"
    done = [0]

    def work():
        arguments = ["run", recipe.name, "--out", str(out), "--jobs", "1", "--json", str(scores)]
        assert cli.main(arguments) == 0

    def look():
        done.append(len(read_results(out)) if out.is_dir() else 0)
        if scores.exists():
            json.loads(scores.read_text())

    kills = kill_until_done(work, look, seed=2)
    assert kills > 1
    assert done == sorted(done), "a seed that was done is never lost"
    whole = sweep([recipe], out=tmp_path / "whole", jobs=1)
    results = read_results(out)
    assert [r.weights for r in results] == [r.weights for r in whole]
    assert [r.result.scores for r in results] == [r.result.scores for r in whole]
    names = {path.name for path in out.rglob("*") if path.is_file()}
    assert names == {f"seed-{k}.{end}" for k in (0, 1) for end in ("json", "safetensors")}
    (row,) = json.loads(scores.read_text())
    assert row["seeds"] == [0, 1]


@pytest.fixture
def project(tmp_path):
    """A project of two solutions; a learner has worked in one of its exercises."""
    for name in "ab":
        store(tmp_path / "solutions" / f"{name}.ipynb", notebook("# Solutions: A", ANSWER, "f(1)"))
    exercises.write(tmp_path)
    path = tmp_path / "exercises" / "a.ipynb"
    path.write_text(path.read_text().replace("raise NotImplementedError", "return 2 * x  #"))
    for name in "ab":
        store(tmp_path / "solutions" / f"{name}.ipynb", notebook("# Solutions: B", ANSWER, "f(2)"))
    return tmp_path


@pytest.mark.parametrize("call", [1, 2])
@pytest.mark.parametrize("moment", ["mkstemp", "fdopen", "chmod", "replace", "after replace"])
def test_deriving_the_exercises_survives_a_kill(project, moment, call):
    folder = project / "exercises"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def work():
        module = exercises.tempfile if moment == "mkstemp" else exercises.os
        die_at(module, moment.removeprefix("after "), call, half=moment.startswith("after"))
        exercises.main([], root=project)

    assert not kill_during(work, None)
    for path in folder.glob("*.ipynb"):
        nbformat.validate(nbformat.read(path, 4))
    assert (folder / "a.ipynb").read_bytes() == before["a.ipynb"], "a learner's work"
    assert exercises.main([], root=project) == 0
    derived = exercises.derive_all(project)
    assert (folder / "b.ipynb").read_text() == exercises.to_text(derived[folder / "b.ipynb"])
    assert (folder / "a.new.ipynb").read_text() == exercises.to_text(derived[folder / "a.ipynb"])
    assert (folder / "a.ipynb").read_bytes() == before["a.ipynb"]
    assert {path.name for path in folder.glob("[!.]*")} == {"a.ipynb", "a.new.ipynb", "b.ipynb"}


CONFIG = """
title: A tiny book
repository: {url: "https://github.com/a/book"}
only_build_toc_files: true
execute: {execute_notebooks: cache, timeout: 60}
"""


def tiny_book(root: Path) -> Path:
    """Write a book of two notebooks, and a solution to derive an exercise from."""
    store(root / "solutions" / "first.ipynb", notebook("# Solutions: A", ANSWER, "f(1)"))
    cell = nbformat.v4.new_code_cell
    for name, text in (("first", "print(6 * 7)"), ("second", "print(7 * 8)")):
        written = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell(f"# The {name} page"), cell(text)],
            metadata={"kernelspec": {"display_name": "Python 3", "name": "python3"}},
        )
        (root / "book").mkdir(parents=True, exist_ok=True)
        nbformat.write(written, root / "book" / f"{name}.ipynb")
    (root / "_config.yml").write_text(CONFIG)
    (root / "_toc.yml").write_text(
        "format: jb-book\nroot: book/first\nchapters:\n- file: book/second\n"
    )
    return root


def assert_built(root: Path) -> None:
    """A tiny book is there with the results of its cells."""
    for name, result in (("first", "42"), ("second", "56")):
        page = (root / "_build" / "html" / "book" / f"{name}.html").read_text(encoding="utf-8")
        assert page.rstrip().endswith("</html>")
        assert result in page
    assert (root / "_build" / "html" / "index.html").is_file()


BUILD = "import sys, build_book, pathlib; sys.exit(build_book.build(pathlib.Path(sys.argv[1])))"


def start_build(root: Path) -> subprocess.Popen:
    """Build a book in a process group of its own, with its kernels and Jupyter Book."""
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, str(root)],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tools")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )


def wait_for(
    condition: Callable[[], bool], process: subprocess.Popen, seconds: float = 120
) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.002)


ODD = "Übungen & Köpfe, 'mit Leerzeichen' 解"


def test_a_build_of_the_book_survives_kills_in_a_path_of_any_letters(tmp_path):
    (tmp_path / ODD).mkdir()
    root = tiny_book(tmp_path / ODD)
    layout = build_book.Layout(root)
    page = layout.html / "book" / "first.html"
    process = start_build(root)
    wait_for(page.is_file, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # As a page looks that was being written just then, to Sphinx newer than its source.
    page.write_text("<!doctype html><html><bo")
    (layout.html / ".buildinfo").touch()
    process = start_build(root)
    _, said = process.communicate()
    assert process.returncode == 0, said
    assert_built(root)
    assert not layout.unfinished.exists()


@pytest.mark.parametrize("moment", ["no folder", "no file", "half a file"])
def test_a_notebook_that_was_being_stored_is_executed_again(tmp_path, moment, monkeypatch):
    root = tiny_book(tmp_path)
    path = root / "book" / "first.ipynb"
    notebook = nbformat.read(path, 4)
    run = build_book.Run(path, notebook, 1.0)
    monkeypatch.setattr(build_book, "executed_pages", lambda root: [path])
    monkeypatch.setattr(build_book, "execute", lambda *_: run)
    monkeypatch.setattr(build_book, "ProcessPoolExecutor", concurrent.futures.ThreadPoolExecutor)

    def work():
        if moment == "no folder":
            die_at(Path, "mkdir", call=2)
        else:
            real = Path.write_text

            def write(path, text, **options):
                if path.name == "base.ipynb":
                    if moment == "half a file":
                        real(path, text[:30], **options)
                    die()
                return real(path, text, **options)

            Path.write_text = write
        build_book.execute_all(root)

    assert not kill_during(work, None)
    assert [run.path.name for run in build_book.execute_all(root)] == ["first.ipynb"]
    assert build_book.execute_all(root) == []


# Environments

JOURNEY = """
import json, sys, warnings
from pathlib import Path
out = Path(sys.argv[1])

def offline(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise RuntimeError(f"the network is asked for: {arguments}")

sys.addaudithook(offline)
import torch
from hnn_tutorial import cli, notebook
from hnn_tutorial.models import HNN
from hnn_tutorial.plotting import phase_portrait
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import load_model, save_model
from hnn_tutorial.widgets import PhaseLab, Quiz
from test_experiments import TINY
import hnn_tutorial.experiments as experiments

print(notebook.setup())
phase_portrait(Pendulum()).figure.savefig(out / "portrait.svg")
save_model(out / "model.safetensors", HNN(1, (4,)))
load_model(out / "model.safetensors")
assert "<svg" in PhaseLab(Pendulum())._picture
Quiz("hnn_mass_spring")
experiments.RECIPES = {TINY.name: TINY}
assert cli.main(["run", TINY.name, "--seeds", "1", "--jobs", "1", "--out", str(out)]) == 0
assert cli.main(["table", str(out), "--format", "json"]) == 0
"""
PLAIN = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT / 'src'}:{ROOT / 'tests'}"}
ENVIRONMENTS = {
    "a home that is a file": {"HOME": "/dev/null"},
    "another language, a home that cannot be written": {
        "LANG": "C",
        "LC_ALL": "C",
        "HOME": "/proc",
    },
}


def travel(out: Path, **variables: str) -> subprocess.CompletedProcess:
    out.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [sys.executable, "-c", JOURNEY, str(out)],
        env={**PLAIN, **variables},
        cwd=out,
        capture_output=True,
        text=True,
        check=False,
        # One core.
        preexec_fn=lambda: os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}),
    )


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_package_works_in(tmp_path, name):
    done = travel(tmp_path / "out", **ENVIRONMENTS[name])
    assert done.returncode == 0, done.stderr
    assert "tiny-ours" in done.stdout
    assert "Traceback" not in done.stderr


def test_the_package_works_in_a_path_of_any_letters(tmp_path):
    """Without a home, a display or the network too."""
    source = tmp_path / ODD / "src"
    shutil.copytree(PACKAGE, source / "hnn_tutorial")
    done = travel(tmp_path / ODD / "out", PYTHONPATH=f"{source}:{ROOT / 'tests'}")
    assert done.returncode == 0, done.stderr
    assert "tiny-ours" in done.stdout
    assert "Traceback" not in done.stderr


def test_exercises_are_derived_in_a_path_of_any_letters(tmp_path, capsys):
    root = tmp_path / ODD
    root.mkdir()
    store(root / "solutions" / "a.ipynb", notebook("# Solutions: A", ANSWER))
    assert exercises.main([], root=root) == 0
    assert exercises.main(["--check"], root=root) == 0
    assert (root / "exercises" / "a.ipynb").is_file()


# Memory

LOW_MEMORY = """
import resource, sys, torch
from hnn_tutorial.data import Dataset
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import LevenbergMarquardt, fit
torch.set_num_threads(1)
spring = MassSpring()
x = spring.sample(40_000, 0)
data = Dataset(x, spring.field(x))
optimizer = LevenbergMarquardt(1, chunk=40_000)
fit(HNN(1, (4,)), data[:10], optimizer, progress=False)  # what torch needs once
# A block of all samples takes 0.5 GB with 64 units; with 2000 the linear system takes 2 GB.
most = resource.getrlimit(resource.RLIMIT_AS)[1]
# With 4,000 residuals in place of 80,000 it is their matrix, and that of all derivatives.
for room, width, samples in ((200, 64, 40_000), (300, 2000, 40_000), (100, 2000, 2000)):
    model = HNN(1, (width,))
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + room * 2**20, most))
    try:
        history = fit(model, data[:samples], optimizer, progress=False)
        print("fell" if history.final_loss < history.loss[0] else "rose")
    except MemoryError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
"""


def test_levenberg_marquardt_makes_do_with_little_memory():
    done = subprocess.run(
        [sys.executable, "-c", LOW_MEMORY],
        env=PLAIN,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first == "fell"
    assert "the linear system of 8,001 weights takes 2 GB" in second
    assert "the linear system of 4,000 residuals and 8,001 weights takes 0.77 GB" in third


def test_a_sample_that_does_not_fit_is_told(monkeypatch):
    def short(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")

    monkeypatch.setattr("hnn_tutorial.training._problem.Problem.jacobian", short)
    with pytest.raises(MemoryError, match="not even the Jacobian of one sample, by 21 weights"):
        fit(HNN(1, (5,)), DATA, LevenbergMarquardt(2), progress=False)


def test_blocks_are_halved_and_the_sums_stay_the_same(monkeypatch):
    from hnn_tutorial.training._problem import Problem

    real, sizes = Problem.jacobian, []

    def narrow(self, weights, batch):
        samples = len(batch["states"])
        if samples > 8:
            raise RuntimeError("CUDA out of memory")
        sizes.append(samples)
        return real(self, weights, batch)

    one, other = HNN(1, (5,), seed=0), HNN(1, (5,), seed=0)
    fit(one, DATA, LevenbergMarquardt(3), progress=False)
    monkeypatch.setattr(Problem, "jacobian", narrow)
    fit(other, DATA, LevenbergMarquardt(3), progress=False)
    assert max(sizes) == 8
    for a, b in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-8)


# Files that somebody has tampered with


@given(data=st.data())
def test_a_flipped_byte_or_a_cut_is_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("flipped")
    path, model = folder / "model.safetensors", HNN(1, (4,), seed=1)
    save_model(path, model)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        load_model(path)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"hidden": [10**9]}, "need more than the"),
        ({"hidden": [4] * 10_000}, "need more than the"),
        ({"degrees": 10**9}, "need more than the"),
        ({"hidden": [-4]}, "is unusable"),
        ({"hidden": "../../secret"}, "is unusable"),
        ({"activation": "__import__"}, "unknown activation"),
        ({"seed": "os.system"}, "is unusable"),
        ({"dtype": "torch.float64"}, "is unusable"),
    ],
)
def test_a_signed_description_of_something_else_is_refused(tmp_path, change, message):
    path, model = tmp_path / "model.safetensors", HNN(1, (4,))
    metadata = {"kind": "hnn", "config": {**model.config, **change}}
    storage.write(path, storage.MODEL_FORMAT, model.state_dict(), metadata)
    with pytest.raises(ValueError, match=message):
        load_model(path)


def test_weights_that_are_not_finite_are_neither_written_nor_read(tmp_path):
    path, model = tmp_path / "model.safetensors", HNN(1, (4,))
    with torch.no_grad():
        model.network.layers[0].bias[1] = float("nan")
    with pytest.raises(ValueError, match="layers.0.bias holds 1 NaN"):
        save_model(path, model)
    metadata = {"kind": "hnn", "config": model.config}
    storage.write(path, storage.MODEL_FORMAT, model.state_dict(), metadata)
    with pytest.raises(ValueError, match="layers.0.bias holds 1 NaN"):
        load_model(path)


@pytest.mark.parametrize(
    "name, value, message",
    [
        ("state/weights", torch.full((21,), float("nan")).double(), "holds 21 NaN"),
        ("state/step", torch.tensor(99), "step 99 of 3"),
        ("state/step", torch.tensor(-1), "step -1 of 3"),
        ("state/batch_order", torch.full((60,), 10**6), "order of its mini-batches"),
        ("state/batch_position", torch.tensor(-7), "order of its mini-batches"),
        ("state/batch_generator", torch.full((5056,), 255, dtype=torch.uint8), "generator"),
        ("state/batch_order", torch.zeros(60).double(), "expected tensors"),
    ],
)
def test_a_signed_training_state_that_cannot_be_is_refused(tmp_path, name, value, message):
    path, optimizer = tmp_path / "run.safetensors", Adam(3, batch_size=7)
    train(HNN(1, (5,)), path, optimizer)
    tensors, metadata = storage.read(path, storage.TRAINING_FORMAT)
    storage.write(
        path, storage.TRAINING_FORMAT, {**tensors, name: value}, {**metadata, "reason": ""}
    )
    with pytest.raises(ValueError, match=message):
        train(HNN(1, (5,)), path, optimizer)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": "0; import os"},
        {"extra": 1},
        {"recipe": None},
        {"scores": {"field_mse": "nan"}},
        {"scores": {"field_mse": "os.system('x')"}},
        {"scores": [1]},
        {"seconds": -1.0},
        {"parameters": 0.5},
        None,
    ],
)
def test_a_signed_result_of_other_content_is_refused(tmp_path, change):
    (done,) = sweep([TINY], 1, out=tmp_path, jobs=1)
    content = json.loads(done.path.read_text())
    header = {name: content.pop(name) for name in ("format", "version", "sha256")}
    if change is None:
        del content["settings"]
    else:
        content["result"] |= change
    header["sha256"] = results._digest(content)
    done.path.write_text(json.dumps({**header, **content}))
    with pytest.raises(ValueError, match="its content is not that of a result") as caught:
        read_results(tmp_path)
    assert str(done.path) in str(caught.value)


def test_nothing_in_the_package_executes_what_it_reads():
    banned = {"eval", "exec", "compile", "__import__"}
    # It writes a function from operations that PyTorch has done; no text comes from outside.
    writes_its_own = PACKAGE / "_recorder.py"
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {"pickle", "marshal", "shelve", "dill"} & set(names), path
            if isinstance(node, ast.Call):
                called = ast.unparse(node.func)
                allowed = {"exec", "compile"} if path == writes_its_own else set()
                assert called not in banned - allowed, f"{path}:{node.lineno}"
                assert called not in ("torch.load", "joblib.load", "np.load", "os.system"), path


# Texts that are hostile

HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\"'&`${1}"


def test_html_of_checks_and_progress_holds_no_markup_of_a_learner():
    shown = check.Result(HOSTILE, "wrong", HOSTILE)._repr_html_()
    shown += check.Progress(((HOSTILE, "passed"), (HOSTILE, None)))._repr_html_()
    shown += Overview((Row(HOSTILE, HOSTILE, 0, 1, HOSTILE),))._repr_html_()
    assert "<img" not in shown
    assert "<script" not in shown
    assert shown.count("&lt;img") == 10


def test_html_of_a_comparison_holds_no_markup_of_its_names():
    rivals = {name: lambda seed: HNN(1, (2,), seed=seed) for name in (HOSTILE, "b")}
    states = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    scores = {HOSTILE: lambda model: 1.0}
    result = compare(rivals, Dataset(states, -states), Adam(1), scores, seeds=[0, 1])
    shown = result._repr_html_()
    assert "<img" not in shown
    assert "<script" not in shown
    assert shown.count("&lt;img") >= 3


def test_every_html_output_of_the_package_is_known():
    # A new one needs a test above. That of fit.py shows numbers.
    found = {
        path.name
        for path in PACKAGE.rglob("*.py")
        if re.search(r"_repr_html_|_repr_mimebundle_|display\.HTML", path.read_text())
    }
    assert found == {"comparison.py", "fit.py", "progress.py", "result.py"}


def test_no_script_of_a_lab_writes_markup():
    scripts = [*(PACKAGE / "widgets" / "js").rglob("*.js"), *(ROOT / "book/assets").glob("*.js")]
    assert scripts
    for path in scripts:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\b(inner|outer)HTML|insertAdjacentHTML|document\.write", text), path


def test_labels_stay_text_in_a_page(browser, tmp_path):
    lab = LearnedLab(MassSpring(), {HOSTILE: HNN(1, (4,))}, horizon=2.0)
    ElementTree.fromstring(lab._picture)
    with open_widgets(browser, tmp_path, lab) as (page, _):
        page.set_default_timeout(30_000)
        assert page.get_by_text("<img src=x").first.is_visible()
        assert page.locator("img[src='x']").count() == 0
        assert page.locator(".hnn-lab script").count() == 0
