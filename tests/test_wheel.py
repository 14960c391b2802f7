"""What `pip install` gives is the whole package, and the tool that proves it can fail."""

import tarfile
from pathlib import Path

import check_wheel
import nbformat
import pytest
from build_book import ROOT, Run
from check_notebooks import first_cell
from check_wheel import Environment, copy_notebook

import hnn_tutorial

CHAPTER = ROOT / "book" / "pendulum.ipynb"


@pytest.fixture(scope="module")
def distributions(tmp_path_factory) -> tuple[Path, Path]:
    return check_wheel.build(tmp_path_factory.mktemp("build"))


def test_the_wheel_holds_what_the_package_holds(distributions):
    """Else `package-data` in pyproject.toml lacks a kind of file."""
    _, wheel = distributions
    assert check_wheel.contents(wheel) == check_wheel.sources()


def test_so_does_the_source_distribution(distributions):
    source, wheel = distributions
    with tarfile.open(source) as archive:
        names = {name.partition("/src/")[2] for name in archive.getnames()}
    assert check_wheel.contents(wheel) <= names


def test_the_sources_are_of_every_kind():
    kinds = {Path(name).suffix for name in check_wheel.sources()}
    assert kinds >= {".py", ".js", ".css", ".toml"}


# --- copies of notebooks -------------------------------------------------------------------------


def last_cell(copy: Path) -> str:
    return nbformat.read(copy, nbformat.NO_CONVERT).cells[-1].source


def test_a_copy_installs_the_wheel_and_is_otherwise_the_same(tmp_path):
    wheel = tmp_path / "a wheel.whl"
    copy = copy_notebook(CHAPTER, tmp_path, tmp_path, wheel)
    assert copy == tmp_path / "book" / CHAPTER.name
    before, after = (nbformat.read(p, nbformat.NO_CONVERT).cells for p in (CHAPTER, copy))
    changed = [new for old, new in zip(before, after, strict=False) if old != new]
    assert len(changed) == 1
    assert len(after) == len(before) + 1
    address = f"git+{check_wheel.PROJECT['urls']['Repository']}"
    assert changed[0].source == first_cell().replace(address, f"{tmp_path.as_uri()}/a%20wheel.whl")


def test_a_notebook_that_installs_something_else_is_refused(tmp_path):
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("%pip install hnn-tutorial")])
    nbformat.write(book, tmp_path / "other.ipynb")
    with pytest.raises(SystemExit, match="the first cell does not install git"):
        copy_notebook(tmp_path / "other.ipynb", tmp_path, tmp_path, tmp_path / "a.whl")


def test_its_last_cell_notices_another_package(tmp_path):
    with pytest.raises(AssertionError, match=r"__init__\.py"):
        exec(last_cell(copy_notebook(CHAPTER, tmp_path, tmp_path / "environment", None)), {})


def test_its_last_cell_notices_that_the_checkout_is_within_reach(tmp_path, monkeypatch):
    cell = last_cell(copy_notebook(CHAPTER, tmp_path, Path(hnn_tutorial.__file__).parent, None))
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    exec(cell, {})
    monkeypatch.setattr("sys.path", [str(tmp_path), str(ROOT / "tools" / ".." / "src")])
    with pytest.raises(AssertionError, match="src"):
        exec(cell, {})


# --- as on Colab ---------------------------------------------------------------------------------


class Machine(Environment):
    """An environment in which executing a notebook installs some packages."""

    def __init__(self, installs: dict[str, str]) -> None:
        self.installed = dict.fromkeys(("torch", "numpy", "scipy", "matplotlib"), "1")
        self.installed |= {"ipywidgets": "7.7.1", "anywidget": "0.9"}
        self.installs = installs

    def version(self) -> str:
        return "3.12"

    def packages(self) -> dict[str, str]:
        return dict(self.installed)

    def pip(self, *arguments: object) -> None:
        assert arguments[:2] == ("uninstall", "-y")
        for name in arguments[2:]:
            del self.installed[name]


def run_on(machine: Machine, monkeypatch) -> list[Run]:
    def execute(path: Path, timeout: int, kernel: str) -> Run:
        assert "hnn-tutorial" not in machine.installed
        machine.installed |= machine.installs
        return Run(path, None, 1.0)

    monkeypatch.setattr(check_wheel, "execute", execute)
    return list(check_wheel.run_as_colab(machine, [Path("a.ipynb"), Path("b.ipynb")]))


def test_each_notebook_starts_without_the_package(monkeypatch, capsys):
    machine = Machine({"hnn-tutorial": "0.1", "rjsmin": "1.2"})
    assert len(run_on(machine, monkeypatch)) == 2
    assert machine.installed == Machine({}).installed
    assert "has added hnn-tutorial 0.1, rjsmin 1.2, and changed nothing" in capsys.readouterr().out


def test_a_package_of_colab_that_was_replaced_stops_the_run(monkeypatch):
    machine = Machine({"hnn-tutorial": "0.1", "numpy": "2"})
    with pytest.raises(SystemExit, match=r"first cell of a\.ipynb has changed numpy"):
        run_on(machine, monkeypatch)
