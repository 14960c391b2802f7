"""Run the notebooks against the package as its users install it, in an environment of its own.

    python tools/check_wheel.py                     # the wheel, with the pins of constraints.txt
    python tools/check_wheel.py --colab             # among Colab's packages, by its first cell
    python tools/check_wheel.py book/pendulum.ipynb # only this one

The source distribution and from it the wheel are built, and the notebooks copied, in a folder
outside of the checkout, of which nothing is within reach: a cell that is put at the end of each
notebook asserts it. The exit status is 1 if a notebook fails.

With ``--colab``, the environment holds the versions of ``colab-versions.txt`` and a module
``google.colab``, so that the first cell of a notebook takes its branch. Its address is replaced by
the wheel, and nothing else. It must not change a package that was there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import nbformat
from build_book import ROOT, Run, available_cores, execute

COLAB_VERSIONS = Path(__file__).with_name("colab-versions.txt")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME = PROJECT["name"]
KERNEL = "clean"
TIMEOUT = 600

# What Colab has loaded before the first cell: `google.colab.output`, of which anywidget calls this.
GOOGLE_COLAB = "def enable_custom_widget_manager():\n    pass\n"


# --- the distributions ---------------------------------------------------------------------------


def build(folder: Path) -> tuple[Path, Path]:
    """Build the distributions from a copy of the sources, which no earlier build has touched.

    Args:
        folder: where they go, and the copy too.

    Returns:
        The source distribution, and the wheel that was made from it.
    """
    copy = folder / "source"
    junk = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", copy / "src", ignore=junk)
    for name in ("pyproject.toml", PROJECT["readme"], *PROJECT["license-files"]):
        shutil.copy(ROOT / name, copy)
    made = folder / "dist"
    _call(sys.executable, "-m", "build", "--outdir", made, copy)
    (source,), (wheel,) = made.glob("*.tar.gz"), made.glob("*.whl")
    return source, wheel


def sources() -> set[str]:
    """Return the files of the package in the checkout, as a wheel names them."""
    return {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "hnn_tutorial").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def contents(wheel: Path) -> set[str]:
    """Return the files of the package in a wheel, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


# --- the environment -----------------------------------------------------------------------------


class Environment:
    """A virtual environment in a folder, made with some Python if it is not there."""

    def __init__(self, folder: Path, python: str = sys.executable) -> None:
        if not (folder / "pyvenv.cfg").exists():
            _call(python, "-m", "venv", folder)
        self.folder = folder
        self.python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def pip(self, *arguments: object) -> None:
        """Run pip in the environment."""
        _call(self.python, "-m", "pip", "--disable-pip-version-check", "-q", *arguments)

    def packages(self) -> dict[str, str]:
        """Return the version of each package that is installed."""
        text = self._output("-m", "pip", "--disable-pip-version-check", "list", "--format=json")
        return {entry["name"]: entry["version"] for entry in json.loads(text)}

    def version(self) -> str:
        """Return the version of Python, without its last number."""
        return self._output("-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()

    def pretend_colab(self) -> None:
        """Have every process load a module ``google.colab`` when it starts, as Colab does."""
        text = self._output("-c", "import sysconfig; print(sysconfig.get_path('purelib'))")
        site = Path(text.strip())
        package = site / "google" / "colab"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").touch()
        (package / "output.py").write_text(GOOGLE_COLAB, encoding="utf-8")
        (site / "colab.pth").write_text("import google.colab.output\n", encoding="utf-8")

    def offer_kernel(self, folder: Path) -> None:
        """Let notebooks that are executed from here on run in this environment."""
        command = [str(self.python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = folder / "kernels" / KERNEL / "kernel.json"
        spec.parent.mkdir(parents=True)
        # Else the debugger has a remark on each start of a Python newer than 3.11.
        quiet = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        content = {"argv": command, "display_name": KERNEL, "language": "python", "env": quiet}
        spec.write_text(json.dumps(content), encoding="utf-8")
        os.environ["JUPYTER_PATH"] = str(folder)

    def _output(self, *arguments: str) -> str:
        return subprocess.check_output([self.python, *arguments], text=True)


# --- the notebooks -------------------------------------------------------------------------------


def copy_notebook(path: Path, folder: Path, environment: Path, wheel: Path | None) -> Path:
    """Copy a notebook, and end it with a cell that asserts where the package comes from.

    Args:
        path: the notebook.
        folder: gets the copy, in a folder named like that of the notebook.
        environment: the folder that the package must be in.
        wheel: what its first cell installs in place of the repository; None leaves it as it is.
    """
    notebook = nbformat.read(path, nbformat.NO_CONVERT)
    if wheel is not None:
        cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
        address = f"git+{PROJECT['urls']['Repository']}"
        if cell.source.count(address) != 1:
            raise SystemExit(f"{path}: the first cell does not install {address}")
        cell.source = cell.source.replace(address, wheel.as_uri())
    source = f"""\
import sys
from pathlib import Path

import hnn_tutorial

assert Path(hnn_tutorial.__file__).is_relative_to({str(environment)!r}), hnn_tutorial.__file__
reachable = {{str(Path(entry).resolve()) for entry in sys.path}}
assert reachable.isdisjoint([{str(ROOT)!r}, {str(ROOT / "src")!r}]), sys.path"""
    notebook.cells.append(nbformat.v4.new_code_cell(source, id="where-from"))
    copy = folder / path.parent.name / path.name
    copy.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, copy)
    return copy


def run_as_colab(environment: Environment, copies: list[Path]) -> Iterator[Run]:
    """Execute notebooks one after another, each where the package is absent.

    Raises:
        SystemExit: if installing the package has changed another one.
    """
    before = environment.packages()
    print(f"Python {environment.version()}, {_named(before)}", flush=True)
    for copy in copies:
        yield execute(copy, TIMEOUT, KERNEL)
        after = environment.packages()
        changed = [name for name in before if after.get(name) != before[name]]
        if changed:
            raise SystemExit(f"the first cell of {copy.name} has changed {', '.join(changed)}")
        added = {name: version for name, version in after.items() if name not in before}
        if copy == copies[0]:
            print(f"the first cell has added {_listed(added)}, and changed nothing", flush=True)
        if added:
            environment.pip("uninstall", "-y", *added)


def run_all(environment: Environment, copies: list[Path]) -> Iterator[Run]:
    """Execute notebooks, one on each core."""
    print(f"Python {environment.version()}, {_named(environment.packages())}", flush=True)
    with ProcessPoolExecutor(available_cores()) as pool:
        yield from pool.map(partial(execute, timeout=TIMEOUT, kernel=KERNEL), copies)


# --- the command ---------------------------------------------------------------------------------


def check(notebooks: list[Path], folder: Path, clean: Environment, *, colab: bool) -> int:
    """Build, install, execute and report; return the exit status.

    Args:
        notebooks: what to execute.
        folder: gets the distributions and the copies.
        clean: the environment.
        colab: whether to do as on Colab.
    """
    for name in ("PYTHONPATH", "HNN_TUTORIAL_DATA"):
        os.environ.pop(name, None)
    begin = time.perf_counter()
    source, wheel = build(folder)
    missing = sources() - contents(wheel)
    if missing:
        raise SystemExit(f"not in the wheel: {', '.join(sorted(missing))}")
    print(f"{source.name}, {source.stat().st_size / 1e3:.0f} kB")
    print(f"{wheel.name}, {wheel.stat().st_size / 1e3:.0f} kB, {_since(begin)}", flush=True)

    begin = time.perf_counter()
    if colab:
        wanted = re.search(r"^# Python (\S+)$", COLAB_VERSIONS.read_text(), re.MULTILINE)[1]
        if clean.version() != wanted:
            print(f"Colab has Python {wanted}; this is {clean.version()}")
        clean.pip("install", "-r", COLAB_VERSIONS)
        clean.pretend_colab()
    else:
        clean.pip("install", "-c", ROOT / "constraints.txt", f"{NAME}[lab] @ {wheel.as_uri()}")
    clean.offer_kernel(folder / "jupyter")
    print(f"the packages, {_since(begin)}", flush=True)

    begin = time.perf_counter()
    installs = wheel if colab else None
    copies = [copy_notebook(path, folder, clean.folder, installs) for path in notebooks]
    runs = []
    for run in (run_as_colab if colab else run_all)(clean, copies):
        runs.append(run)
        verdict = "FAILED after" if run.failure else "done in"
        print(f"  {run.path.relative_to(folder)}: {verdict} {run.seconds:.1f} s", flush=True)
    failures = [run for run in runs if run.failure]
    for run in failures:
        print(f"\nFAILED: {run.path.relative_to(folder)}, {run.failure}", file=sys.stderr)
    alone = sum(run.seconds for run in runs)
    print(f"{len(runs)} notebook(s), {len(failures)} failed, {alone:.0f} s in all, {_since(begin)}")
    return 1 if failures else 0


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: book/ and solutions/")
    parser.add_argument("--colab", action="store_true", help="as on Colab")
    parser.add_argument("--python", default=sys.executable, help="makes the environment")
    parser.add_argument("--environment", type=Path, help="a folder where the environment stays")
    options = parser.parse_args(arguments)
    folders = [ROOT / "book", ROOT / "solutions"]
    every = [path for folder in folders for path in sorted(folder.glob("*.ipynb"))]
    with tempfile.TemporaryDirectory(prefix="hnn-tutorial-") as name:
        folder = Path(name).resolve()
        place = (options.environment or folder / "environment").resolve()
        clean = Environment(place, options.python)
        return check(options.notebooks or every, folder, clean, colab=options.colab)


def _call(*command: object) -> None:
    """Run a command, which is shown with what it printed if it fails."""
    result = subprocess.run(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if result.returncode:
        raise SystemExit(f"{result.stdout}\nfailed: {' '.join(map(str, command))}")


def _since(begin: float) -> str:
    return f"{time.perf_counter() - begin:.0f} s"


def _listed(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def _named(packages: dict[str, str]) -> str:
    """Return the versions of the packages that ours builds on."""
    names = ("torch", "numpy", "scipy", "matplotlib", "ipywidgets", "anywidget")
    return _listed({name: packages[name] for name in names})


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
