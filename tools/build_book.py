"""Build the book: execute every notebook for real, in parallel, then render the pages.

The results go to `_build/html`. Execution fills Jupyter Book's own cache, which is keyed by a
notebook's code alone; so it is dropped here when anything else that the code depends on changes.

    python tools/build_book.py            # --pdf: and print the book into one file
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import uuid
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import downloads
import nbformat
import yaml
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from myst_nb.core.read import is_myst_markdown_notebook, myst_nb_reader_plugin
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbclient.output_widget import OutputWidget
from nbformat import NotebookNode
from sphinx_external_toc.parsing import parse_toc_yaml
from traitlets.config import Config

import exercises

ROOT = Path(__file__).resolve().parents[1]

# What a notebook's results depend on besides its own code.
EXECUTION_INPUTS = ("src/**/*", "book/data/**/*", "constraints.txt")
# What a page depends on besides its source; Sphinx does not see these change.
RENDERING_INPUTS = ("_config.yml", "_toc.yml", "book/_ext/**/*", "book/assets/**/*")

ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


def own_sockets() -> dict[str, str]:
    """Return options of a kernel manager by which no other process can take the kernel's places.

    By TCP its five ports are chosen before it binds them, and another process may take one
    between. Sockets in the file system have names of their own; Windows has none of them.
    """
    if sys.platform == "win32":
        return {}
    return {"transport": "ipc", "ip": f"{tempfile.gettempdir()}/kernel-{uuid.uuid4().hex}"}


@dataclass(frozen=True)
class Layout:
    """Where the parts of one book lie."""

    root: Path

    @property
    def build(self) -> Path:
        """The folder of everything that is built."""
        return self.root / "_build"

    @property
    def html(self) -> Path:
        """The pages."""
        return self.build / "html"

    @property
    def cache(self) -> Path:
        """The executed notebooks, where Jupyter Book looks for them."""
        return self.build / ".jupyter_cache"

    @property
    def doctrees(self) -> Path:
        """What Sphinx has read."""
        return self.build / ".doctrees"

    @property
    def unfinished(self) -> Path:
        """Is there while pages are written, and so after a build that was killed meanwhile."""
        return self.build / ".unfinished"


@dataclass(frozen=True)
class Run:
    """One executed notebook: what came out, how long it took, and where it failed."""

    path: Path
    notebook: NotebookNode
    seconds: float
    failure: str | None = None


def pages(root: Path) -> list[Path]:
    """The source files of all pages in the order of `_toc.yml`."""
    found = []
    for name in parse_toc_yaml(root / "_toc.yml"):
        candidates = [root / f"{name}{suffix}" for suffix in ("", ".ipynb", ".md")]
        path = next((path for path in candidates if path.is_file()), None)
        if path is None:
            raise SystemExit(f"_toc.yml names {name}, but there is no {name}.ipynb or {name}.md")
        found.append(path)
    return found


def holds_code(path: Path) -> bool:
    """Whether a page is a notebook, rather than text alone."""
    if path.suffix == ".md":
        return bool(is_myst_markdown_notebook(path.read_text(encoding="utf-8")))
    return path.suffix == ".ipynb"


def read_notebook(path: Path) -> NotebookNode | None:
    """A page as a notebook, or None for a page of text alone."""
    if not holds_code(path):
        return None
    if path.suffix == ".ipynb":
        return nbformat.read(path, nbformat.NO_CONVERT)
    return myst_nb_reader_plugin(str(path))


def executed_pages(root: Path) -> list[Path]:
    """The pages that hold code and are not excluded from execution in `_config.yml`."""
    excluded = _execution_config(root).get("exclude_patterns", [])
    return [
        path
        for path in pages(root)
        if not any(path.relative_to(root).match(pattern) for pattern in excluded)
        and holds_code(path)
    ]


def fingerprint(root: Path, patterns: Iterable[str]) -> str:
    """A digest of the names and contents of all files that match."""
    digest = hashlib.sha256(sys.version.encode())
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def drop_outdated(layout: Layout) -> None:
    """Remove executed notebooks and pages that were made from something that has changed since."""
    rendered = (layout.doctrees, layout.html, layout.build / "jupyter_execute")
    if layout.unfinished.exists():
        # Sphinx would take a page of which half is there for one that is up to date.
        for folder in rendered:
            _remove(folder)
        layout.unfinished.unlink()
    for name, patterns, made in (
        ("execution", EXECUTION_INPUTS, (layout.cache, *rendered)),
        ("rendering", RENDERING_INPUTS, rendered),
    ):
        stamp = layout.build / f".{name}-inputs"
        digest = fingerprint(layout.root, patterns)
        if stamp.is_file() and stamp.read_text() == digest:
            continue
        for folder in made:
            _remove(folder)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(digest)


class SilentOutput(OutputWidget):
    """What an ipywidgets Output has captured, kept for the page and not sent back to the kernel.

    nbclient's own class (`ipywidgets.interact` makes one) sends on the shell channel while another
    task waits there for the cell's reply. The sending can swallow the one signal that the reply
    has come, and the cell then seems to run until its time limit: so did 3 of 25 runs of a
    notebook with eight controls, and none of 40 with this class.
    """

    def sync_state(self) -> None:
        """Send nothing; nbclient keeps the outputs for the page itself."""


class Client(NotebookClient):
    """nbclient's executor with the `Output` widgets that send nothing back."""

    def __init__(self, notebook: NotebookNode, **options: Any) -> None:
        # Times written into the cells would change the key under which the cache knows them.
        super().__init__(notebook, record_timing=False, **options)
        self.widget_registry = {"@jupyter-widgets/output": {"OutputModel": SilentOutput}}


def execute(path: Path, timeout: int, kernel: str = "") -> Run:
    """Execute one notebook in its own folder, with its own kernel unless one is named.

    A failure names the cell.
    """
    notebook = read_notebook(path)
    assert notebook is not None
    started = [0]

    def remember(cell: NotebookNode, cell_index: int) -> None:
        started[0] = cell_index

    client = Client(
        notebook,
        timeout=timeout,
        kernel_name=kernel,
        config=Config(KernelManager=own_sockets()),
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=remember,
        # The kernel's own remarks on its connection say nothing about the notebook.
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
    )
    begin = time.perf_counter()
    failure = None
    try:
        client.execute()
        failure = hidden_error(notebook)
    except Exception as error:
        # Not CellExecutionError alone: a cell can also time out or take its kernel down with it.
        failure = _describe(notebook, started[0], error)
    return Run(path, notebook, time.perf_counter() - begin, failure)


def hidden_error(notebook: NotebookNode) -> str | None:
    """What went wrong inside a widget: `ipywidgets.interact` shows an exception, and goes on."""
    saved = notebook.metadata.get("widgets", {}).get(
        "application/vnd.jupyter.widget-state+json", {}
    )
    for model in saved.get("state", {}).values():
        for output in model.get("state", {}).get("outputs", ()):
            if output.get("output_type") == "error":
                said = ANSI.sub("", "\n".join(output.get("traceback", ())))
                return f"in a widget: {output.get('ename')}: {output.get('evalue')}\n{said}"
    return None


def execute_all(root: Path) -> list[Run]:
    """Execute the notebooks that the cache does not hold yet, one on each core."""
    layout = Layout(root)
    cache = get_cache(layout.cache)
    timeout = int(_execution_config(root).get("timeout", 300))
    waiting = [path for path in executed_pages(root) if not _is_cached(cache, path)]
    if not waiting:
        return []

    runs = []
    workers = min(len(waiting), available_cores())
    print(f"executing {len(waiting)} notebook(s), {workers} at a time", flush=True)
    with ProcessPoolExecutor(workers) as pool:
        jobs = [pool.submit(execute, path, timeout) for path in waiting]
        for job in as_completed(jobs):
            run = job.result()
            runs.append(run)
            verdict = "failed after" if run.failure else "done in"
            print(f"  {run.path.relative_to(root)}: {verdict} {run.seconds:.1f} s", flush=True)
            if not run.failure:
                keep(layout, run)
    return runs


def keep(layout: Layout, run: Run) -> None:
    """Store an executed notebook, so that it is not executed again until something changes."""
    bundle = CacheBundleIn(run.notebook, str(run.path), data={"execution_seconds": run.seconds})
    get_cache(layout.cache).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def draw_expected_pictures(root: Path) -> None:
    """Write what the solutions have drawn beside the exercises, which show it."""
    cache = get_cache(Layout(root).cache)
    executed = {
        path.name: cache.get_cache_bundle(cache.match_cache_notebook(read_notebook(path)).pk).nb
        for path in executed_pages(root)
        if path.parent.name == "solutions"
    }
    exercises.draw_pictures(root, executed)


def render(layout: Layout) -> int:
    """Let Jupyter Book build the pages; a warning is an error."""
    layout.build.mkdir(exist_ok=True)
    layout.unfinished.touch()
    program = Path(sysconfig.get_path("scripts")) / "jupyter-book"
    command = [str(program), "build", ".", "-n", "-W", "--keep-going", "-q"]
    # Warnings and errors go to stderr; what is left on stdout is Jupyter Book's own farewell.
    result = subprocess.run(
        command, cwd=layout.root, stdout=subprocess.DEVNULL, check=False
    ).returncode
    if result != 0:
        # Sphinx would not read these pages again, so that the next run would be free of warnings.
        _remove(layout.doctrees)
    layout.unfinished.unlink()
    return result


def available_cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def build(root: Path, *, pdf: bool = False) -> int:
    """Build the book below `root`, and its PDF if asked to; return the exit status."""
    layout = Layout(root)
    begin = time.perf_counter()
    drop_outdated(layout)

    failures = [run for run in execute_all(root) if run.failure]
    for run in failures:
        print(f"\nFAILED: {run.path.relative_to(root)}, {run.failure}", file=sys.stderr)
    if failures:
        names = ", ".join(str(run.path.relative_to(root)) for run in failures)
        print(f"\nThe book was not built: a cell failed in {names}", file=sys.stderr)
        return 1

    draw_expected_pictures(root)
    status = render(layout)
    if status != 0:
        print("\nThe book was not built without warnings; see above.", file=sys.stderr)
        return status
    names = [path.relative_to(root).with_suffix("").as_posix() for path in pages(root)]
    downloads.offer(root, layout.html, names, printing=pdf)
    print(f"\nThe book is ready after {time.perf_counter() - begin:.0f} s. Open")
    print(f"  {(layout.html / 'index.html').as_uri()}")
    print("or run `make serve`, with which its search also shows summaries.")
    return 0


def _describe(notebook: NotebookNode, index: int, error: Exception) -> str:
    cell = notebook.cells[index]
    name = f"cell {index + 1} of {len(notebook.cells)}"
    if "id" in cell:
        name += f" (id {cell.id})"
    if isinstance(error, CellExecutionError):
        # Its traceback shows the cell too.
        return ANSI.sub("", f"{name}: {error.ename}: {error.evalue}\n{error.traceback}").rstrip()
    source = "\n".join(f"    {line}" for line in cell.source.splitlines())
    return f"{name}: {type(error).__name__}: {error}\n{source}"


def _is_cached(cache: JupyterCacheAbstract, path: Path) -> bool:
    try:
        record = cache.match_cache_notebook(read_notebook(path))
    except KeyError:
        return False
    try:
        cache.get_cache_bundle(record.pk)
    except (KeyError, ValueError):
        # A build was killed while it stored this one: the record is there, the file is not whole.
        shutil.rmtree(Path(cache.path) / "executed" / record.hashkey, ignore_errors=True)
        return False
    return True


def _execution_config(root: Path) -> dict:
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8")).get("execute", {})


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


if __name__ == "__main__":
    # One thread for each kernel: they already share the cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(build(ROOT, pdf="--pdf" in sys.argv[1:]))
