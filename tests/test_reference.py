"""The reference: every public name on one page, described, and linked where chapters use it."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
import re
from collections import Counter
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import build_book
import pytest
from bs4 import BeautifulSoup

import hnn_tutorial

ROOT = Path(__file__).resolve().parents[1]
MODULES = [
    module
    for info in walk_packages(hnn_tutorial.__path__, "hnn_tutorial.")
    if hasattr(module := importlib.import_module(info.name), "__all__")
]
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in MODULES
    for name in module.__all__
}
FUNCTIONS = [name for name, value in PUBLIC.items() if inspect.isfunction(value)]
DATACLASSES = [
    name
    for name, value in PUBLIC.items()
    if inspect.isclass(value) and dataclasses.is_dataclass(value)
]
PAGES = {path.relative_to(ROOT).with_suffix("").as_posix(): path for path in build_book.pages(ROOT)}
REFERENCE = [name for name in PAGES if name.startswith("book/reference/")]
CHAPTERS = [
    path.relative_to(ROOT).with_suffix("").as_posix()
    for path in build_book.executed_pages(ROOT)
    if path.suffix == ".ipynb"
]


def read(html: Path, name: str) -> BeautifulSoup:
    """A built page."""
    return BeautifulSoup((html / f"{name}.html").read_text(encoding="utf-8"), "html.parser")


# What public functions return and nobody makes: its methods have to stand somewhere.
RETURNED = {
    "hnn_tutorial.models.activations.Activation",
    "hnn_tutorial.own_recording.task.Start",
    "hnn_tutorial.own_recording.task.Task",
    "hnn_tutorial.widgets.explorer.Explorer",
    "hnn_tutorial.widgets.recording_lab.SwingNetwork",
    *(
        f"hnn_tutorial.widgets.prediction.{name}"
        for name in ("Choice", "Number", "Curve", "Point", "Outcome", "Score")
    ),
}


def test_every_public_name_stands_on_one_page(html: Path) -> None:
    described = Counter(
        entry["id"]
        for name in REFERENCE
        for entry in read(html, name).select("article dl.py > dt[id]")
    )
    assert {name: described[name] for name in PUBLIC} == dict.fromkeys(PUBLIC, 1)
    # Nor does a page hold what is not public: a name, or a class with what belongs to it.
    classes = {name for name, value in PUBLIC.items() if inspect.isclass(value)} | RETURNED
    owners = tuple(f"{name}." for name in classes)
    known = {*PUBLIC, *RETURNED}
    strangers = [name for name in described if name not in known and not name.startswith(owners)]
    assert strangers == []


def test_the_overview_leads_to_every_page(html: Path) -> None:
    links = read(html, "book/reference/index").select("article table td:nth-child(2) a")
    shown = {f"book/reference/{link['href'].removesuffix('.html')}" for link in links}
    assert {*shown, "book/reference/index"} == set(REFERENCE)


def arguments(value: Any) -> list[str]:
    """The names of a callable's arguments."""
    return [name for name in inspect.signature(value).parameters if name != "self"]


@pytest.mark.parametrize("name", [*FUNCTIONS, *DATACLASSES])
def test_every_argument_is_described(name: str) -> None:
    text = inspect.getdoc(PUBLIC[name]) or ""
    entries = re.findall(r"^    ([\w, ]+): ", text, flags=re.MULTILINE)
    described = {word for entry in entries for word in entry.split(", ")}
    assert set(arguments(PUBLIC[name])) <= described


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_a_function_returns_and_raises_is_described(name: str) -> None:
    function = PUBLIC[name]
    text = inspect.getdoc(function) or ""
    if inspect.signature(function).return_annotation not in (None, "None"):
        assert re.search(r"^Returns:$|\AReturn |\AWhether ", text, flags=re.MULTILINE)
    tree = ast.parse(inspect.getsource(function))
    if any(isinstance(node, ast.Raise) and node.exc for node in ast.walk(tree)):
        assert "\nRaises:\n" in text


def imports(path: Path) -> dict[str, str]:
    """What the cells of a notebook import from the package: full names by their names there."""
    notebook = build_book.read_notebook(path)
    assert notebook is not None
    found = {}
    for cell in notebook.cells:
        if cell.cell_type != "code" or "remove-cell" in cell.metadata.get("tags", ()):
            continue
        lines = [line for line in cell.source.splitlines() if not line.lstrip().startswith("%")]
        for node in ast.walk(ast.parse("\n".join(lines))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hnn_tutorial"):
                for alias in node.names:
                    found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


@pytest.mark.parametrize("name", CHAPTERS)
def test_code_leads_to_the_reference_where_it_names_the_package_first(
    html: Path, name: str
) -> None:
    page = read(html, name)
    links = page.select("article a.hnn-name")
    linked = {link.get_text(): link["href"].partition("#")[2] for link in links}
    assert len(linked) == len(links), "a name is linked twice"
    wanted = {word: whole for word, whole in imports(PAGES[name]).items() if whole in PUBLIC}
    assert {word: linked.get(word) for word in wanted} == wanted
    # The first place is the import itself.
    for link in links:
        line = link.find_parent("pre").get_text()
        assert re.search(rf"import [^;]*\b{link.get_text()}\b", line)


def test_docstrings_lead_to_the_bibliography_and_to_each_other(html: Path) -> None:
    page = read(html, "book/reference/mechanics")
    cited = page.find("a", string="Hairer, Lubich & Wanner 2006")
    assert cited["href"] == "../bibliography.html#hairer2006geometric"
    page = read(html, "book/reference/training")
    assert page.select('article a[href="#hnn_tutorial.training.fit"] > code')
