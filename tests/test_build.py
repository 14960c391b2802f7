"""The build itself: failing cells, the execution cache, and facts that stand in two places."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import browser_tools
import build_book
import downloads
import nbformat
import pytest
from jupyter_cache import get_cache
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pybtex.database import parse_file
from pypdf import PdfReader

ROOT = Path(__file__).resolve().parents[1]


def write_notebook(path: Path, *sources: str) -> None:
    cells = [new_markdown_cell("# A page"), *map(new_code_cell, sources)]
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "name": "python3"}
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A made-up book of one page."""
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/page\n")
    (tmp_path / "_config.yml").write_text("execute: {timeout: 60}\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "code.py").write_text("x = 1\n")
    write_notebook(tmp_path / "book" / "page.ipynb", "x = 1", "print(x + 1)")
    return tmp_path


def test_failing_cell_stops_the_build_and_is_named(
    book: Path, capfd: pytest.CaptureFixture
) -> None:
    write_notebook(book / "book" / "page.ipynb", "x = 1", "y = 2\nundefined_name + x")
    assert build_book.build(book) == 1
    message = capfd.readouterr().err
    assert "book/page.ipynb, cell 3 of 3" in message
    assert "NameError: name 'undefined_name' is not defined" in message
    assert not (book / "_build" / "html").exists()


def test_an_error_inside_a_widget_stops_the_build_too(
    book: Path, capfd: pytest.CaptureFixture
) -> None:
    control = (
        "import ipywidgets\n\n\ndef show(a=1):\n    1 / (a - 1)\n\n\nipywidgets.interact(show);"
    )
    write_notebook(book / "book" / "page.ipynb", control)
    assert build_book.build(book) == 1
    message = capfd.readouterr().err
    assert "book/page.ipynb, in a widget: ZeroDivisionError: division by zero" in message


def test_notebook_is_executed_once_and_again_when_the_package_changes(book: Path) -> None:
    def executed() -> list[str]:
        build_book.drop_outdated(build_book.Layout(book))
        return [run.path.name for run in build_book.execute_all(book)]

    assert executed() == ["page.ipynb"]
    assert executed() == []
    (book / "src" / "code.py").write_text("x = 2\n")
    assert executed() == ["page.ipynb"]
    assert executed() == []
    write_notebook(book / "book" / "page.ipynb", "x = 3")
    assert executed() == ["page.ipynb"]


def test_a_change_of_style_renders_anew_but_executes_nothing(book: Path) -> None:
    layout = build_book.Layout(book)
    build_book.drop_outdated(layout)
    build_book.execute_all(book)
    layout.doctrees.mkdir()
    (book / "book" / "assets").mkdir()
    (book / "book" / "assets" / "book.css").write_text("p { color: inherit }\n")
    build_book.drop_outdated(layout)
    assert not layout.doctrees.exists()
    assert build_book.execute_all(book) == []


def test_cached_results_are_those_of_the_notebook(book: Path) -> None:
    build_book.execute_all(book)
    cache = get_cache(build_book.Layout(book).cache)
    record = cache.match_cache_notebook(build_book.read_notebook(book / "book" / "page.ipynb"))
    cells = cache.get_cache_bundle(record.pk).nb.cells
    assert cells[-1].outputs[0].text == "2\n"


ALL_KINDS_OF_OUTPUT = (
    "import ipywidgets\n\n\ndef show(a=1):\n    print('inside', a)\n\n\nipywidgets.interact(show);",
    "print('one', flush=True)",
    "1 + 1;",
    "import matplotlib.pyplot as plt\n\nplt.plot([1, 3, 2]);",
    "{'a': 2}",
)


def run_nbval(root: Path, *options: str) -> str:
    """Run the cells of a book as tests, keeping the outputs; return what pytest says."""
    (root / "pytest.ini").touch()
    (root / "conftest.py").write_text(
        "import pathlib\n\nfrom nbval_recording import Recorder\n\n\n"
        "def pytest_configure(config):\n"
        "    config.pluginmanager.register(Recorder(config.rootpath, first=True))\n"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tools")}
    command = [sys.executable, "-m", "pytest", "book", "--nbval-lax", "--nbval-current-env"]
    return subprocess.run(
        [*command, *options], cwd=root, env=environment, capture_output=True, text=True, check=False
    ).stdout


def without_names(notebook: NotebookNode) -> list[str]:
    """All outputs and the states of all widgets, without the random names of the latter."""
    outputs = [cell.outputs for cell in notebook.cells if cell.cell_type == "code"]
    widgets = notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    texts = [json.dumps(outputs, sort_keys=True)]
    texts += [json.dumps(state, sort_keys=True) for state in widgets.values()]
    return sorted(re.sub(r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}\w*", "", t) for t in texts)


def test_what_nbval_runs_is_kept_as_if_the_build_had_run_it(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MPLBACKEND")
    page = book / "book" / "page.ipynb"
    write_notebook(page, *ALL_KINDS_OF_OUTPUT)
    assert "5 passed" in run_nbval(book)
    cache = get_cache(build_book.Layout(book).cache)
    kept = cache.get_cache_bundle(cache.match_cache_notebook(build_book.read_notebook(page)).pk).nb
    built = build_book.execute(page, timeout=60).notebook
    assert "image/png" in kept.cells[3].outputs[0].data
    assert "inside 1" in json.dumps(kept.metadata.widgets)
    assert without_names(kept) == without_names(built)
    assert build_book.execute_all(book) == []


def test_a_notebook_of_which_a_cell_fails_or_is_left_out_is_not_kept(book: Path) -> None:
    inside_a_widget = ALL_KINDS_OF_OUTPUT[0].replace("print('inside', a)", "1 / (a - 1)")
    write_notebook(book / "book" / "page.ipynb", inside_a_widget, "x = 1")
    write_notebook(book / "book" / "other.ipynb", "x = 1", "x + undefined_name", "x + 1")
    write_notebook(book / "book" / "partial.ipynb", "x = 1", "x = 2", "x = 3")
    write_notebook(book / "book" / "sound.ipynb", "x = 1")
    said = run_nbval(book, "--deselect", "book/partial.ipynb::Cell 1")
    assert "other.ipynb::Cell 1" in said
    assert "page.ipynb::Cell 0" in said
    assert "2 failed" in said
    cache = get_cache(build_book.Layout(book).cache)
    assert [Path(record.uri).name for record in cache.list_cache_records()] == ["sound.ipynb"]


def test_no_cell_waits_for_its_time_limit_after_a_control_was_shown(book: Path) -> None:
    """One control in ten stalled its cell; nbclient had missed the kernel's reply."""
    first = "import ipywidgets\ndef show(a=1):\n    for _ in range(6): print(a, flush=True)"
    page = book / "book" / "page.ipynb"
    write_notebook(page, first, *["ipywidgets.interact(show);"] * 40)
    run = build_book.execute(page, timeout=90)
    assert run.failure is None
    assert run.seconds < 90


# Here and not in test_pages.py: while that file's browser is open, no other can be started.
def test_pages_are_printed_into_one_file_that_leads_within_itself(
    html: Path, tmp_path: Path
) -> None:
    browser_tools.require_chromium()
    names = ["book/intro", "book/pendulum", "book/lnn_pendulum"]
    downloads.write_pdf(html, names, tmp_path / "some.pdf")
    paper = PdfReader(tmp_path / "some.pdf")
    titles = [entry.title for entry in paper.outline if not isinstance(entry, list)]
    assert titles == [
        "Hamiltonian and Lagrangian neural networks",
        "8. The pendulum",
        "9. An LNN from scratch",
    ]
    links = [
        annotation.get_object()
        for leaf in paper.pages
        for annotation in leaf.get("/Annots", [])
        if annotation.get_object()["/Subtype"] == "/Link"
    ]
    inside = [link["/Dest"] for link in links if "/Dest" in link]
    assert {"/book/lnn_pendulum", "/book/pendulum"} <= set(inside)
    outside = {link["/A"]["/URI"] for link in links if "/URI" in link.get("/A", {})}
    assert not [link for link in outside if not link.startswith("https://")]
    # What answers a hand on the screen is a picture on paper, without its controls.
    text = " ".join(leaf.extract_text() for leaf in paper.pages)
    assert "Three pendulums start where you let go" in text
    assert "distance in q" not in " ".join(text.split())


def test_missing_page_is_named(book: Path) -> None:
    (book / "_toc.yml").write_text("format: jb-book\nroot: book/nowhere\n")
    with pytest.raises(SystemExit, match="_toc.yml names book/nowhere"):
        build_book.pages(book)


def test_every_notebook_is_a_page() -> None:
    """A chapter that is not in `_toc.yml` would silently be left out of the book."""
    pages = set(build_book.pages(ROOT))
    notebooks = {
        path for folder in ("book", "solutions") for path in (ROOT / folder).glob("*.ipynb")
    }
    notebooks |= {ROOT / "exercises" / path.name for path in (ROOT / "solutions").glob("*.ipynb")}
    assert {str(path.relative_to(ROOT)) for path in notebooks - pages} == set()


def test_what_the_package_cites_is_in_the_bibliography() -> None:
    entries = parse_file(ROOT / "book" / "references.bib").entries.values()
    known = set()
    for entry in entries:
        first = (entry.persons.get("author") or entry.persons["editor"])[0]
        name = " ".join(first.prelast_names + first.last_names)
        known.add((name, entry.fields["year"]))

    cited = set()
    for path in (ROOT / "src").rglob("*.py"):
        for block in re.findall(r"References:\n((?:[ ]+\S.*\n)+)", path.read_text()):
            # "Hairer, Lubich & Wanner 2006, sec. II.1; Kutta 1901 (who ...)"
            cited |= set(
                re.findall(r"(?:^|; )\s*((?:van der )?[A-Z][\w-]+)[^;\d]*? (\d{4})\b", block, re.M)
            )
    assert cited
    assert cited - known == set()


def test_names_on_the_notation_page_exist() -> None:
    text = (ROOT / "book" / "notation.md").read_text()
    names = re.findall(r"`(mechanics|evaluation|data)\.(\w+)", text)
    assert names
    for module, name in names:
        assert hasattr(importlib.import_module(f"hnn_tutorial.{module}"), name), f"{module}.{name}"


def test_make_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = re.search(r"^\.PHONY: (.*)$", makefile, re.M).group(1).split()
    # Without the settings of a make that may have started these tests.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    text = subprocess.run(
        ["make"], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert [line.split()[0] for line in text.splitlines()[1:]] == targets


def test_pages_whose_ranges_changed_are_written_anew(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "book/_ext")
    import hnn_reading

    def renewed(**ranges):
        claims = {f"book/{page}": {"claims": [{"range": r}]} for page, r in ranges.items()}
        (tmp_path / hnn_reading.FIRMNESS).write_text(json.dumps({"sets": 5, "pages": claims}))
        return hnn_reading.rewrite_ranges(app, env)

    (tmp_path / "book").mkdir()
    app = SimpleNamespace(srcdir=tmp_path)
    env = SimpleNamespace(found_docs={"book/a", "book/b"})
    assert renewed(a="1 to 2", b="3 to 4", gone="5") == ["book/a", "book/b"]
    assert renewed(a="1 to 2", b="3 to 4", gone="6") == []
    assert renewed(a="1 to 2", b="3 to 9", gone="6") == ["book/b"]
