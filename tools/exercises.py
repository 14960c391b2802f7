"""Derive the exercise notebooks from the solution notebooks.

    python tools/exercises.py            # write exercises/*.ipynb
    python tools/exercises.py --check    # compare byte for byte, write nothing

In a solution notebook, a code cell holds the answer between two comment lines::

    def field(x):
        ### BEGIN SOLUTION
        q, p = x[..., 0], x[..., 1]
        return torch.stack([p, -q], dim=-1)
        ### END SOLUTION

In the exercise the region becomes, inside a function, ``raise NotImplementedError("your answer
here")``; elsewhere one line ``target = ...  # your answer`` for everything that the region assigns
to. Cells tagged ``solution-only`` are dropped; one that draws a figure leaves its picture behind,
folded, as what to expect. Outputs are stripped, cell ids are kept, a title ``# Solutions: X``
becomes ``# Exercises: X`` followed by a link to the solutions, and so does the last hint of each
exercise.

The start page, ``exercises/start_here.ipynb``, is ``tools/start_here.md`` with the chapters of
``_toc.yml``; its metadata hold their names and titles for `hnn_tutorial.check.progress`.

A learner's work is never overwritten: a derived notebook carries a hash of its cells, and one
whose cells have been changed since is left alone, with the new version written beside it as
``X.new.ipynb``.
"""

from __future__ import annotations

import argparse
import ast
import copy
import hashlib
import io
import json
import os
import posixpath
import re
import sys
import tempfile
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jupytext
import nbformat
import yaml
from check_notebooks import KERNEL, NEW_VERSION, first_cell

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = 'raise NotImplementedError("your answer here")'
LOOKS_LIKE_MARKER = re.compile(r"#+\s*(BEGIN|END)[\s_-]*SOLUTION", re.IGNORECASE)
START_PAGE = "start_here.ipynb"  # the package knows it by this name (check/notes.py)
START_TEXT = "tools/start_here.md"
TITLE = re.compile(r"# Solutions: (.*)\n*")
LAST_HINT = re.compile(r"<details><summary>Hint 3</summary>.*?</details>", re.DOTALL)

Notebook = dict[str, Any]


class ExerciseError(ValueError):
    """A solution notebook from which no exercise can be derived; says where and why."""


# --- one cell ------------------------------------------------------------------------------------


def regions(source: str) -> list[tuple[int, int]]:
    """Line numbers (from 1) of each pair of markers in a code cell.

    Args:
        source: The cell's source.

    Returns:
        Pairs (line of BEGIN, line of END), in order.

    Raises:
        ExerciseError: If markers are unbalanced, nested, misspelt or not alone on their line.
    """
    if not LOOKS_LIKE_MARKER.search(source):
        return []
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        raise ExerciseError(f"is not plain Python: {error}") from None
    found, begin = [], None
    for token in tokens:
        if token.type != tokenize.COMMENT or not LOOKS_LIKE_MARKER.search(token.string):
            continue
        row = token.start[0]
        if token.line.strip() not in (BEGIN, END):
            raise ExerciseError(
                f"line {row}: {token.line.strip()!r} is not a marker; write {BEGIN!r} or {END!r}, "
                "alone on its line"
            )
        if token.string == BEGIN:
            if begin is not None:
                raise ExerciseError(f"line {row}: BEGIN inside the region that line {begin} opens")
            begin = row
        elif begin is None:
            raise ExerciseError(f"line {row}: END without BEGIN")
        else:
            found.append((begin, row))
            begin = None
    if begin is not None:
        raise ExerciseError(f"line {begin}: BEGIN without END")
    return found


def stub(source: str) -> str:
    """Replace the solution regions of a code cell by stubs.

    Args:
        source: The cell's source.

    Returns:
        The exercise's source; `source` itself where there is no region.

    Raises:
        ExerciseError: If the markers are wrong, or a region cuts a statement in two.
    """
    found = regions(source)
    if not found:
        return source
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ExerciseError(f"is not plain Python: {error}") from None
    lines = source.split("\n")
    for begin, end in reversed(found):  # backwards, so that the line numbers before stay true
        inside = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.stmt) and begin < node.lineno and node.end_lineno < end
        ]
        if not inside:
            raise ExerciseError(f"line {begin}: no whole statement in this region")
        if not _one_block(tree, inside):
            raise ExerciseError(f"line {begin}: this region cuts a statement in two")
        indent = lines[begin - 1][: -len(BEGIN)] if lines[begin - 1] != BEGIN else ""
        in_function = any(
            node.lineno < begin and end <= node.end_lineno + 1
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        )
        new = [STUB] if in_function else _assignments(inside, source)
        lines[begin - 1 : end] = [indent + line for line in new]
    result = "\n".join(lines)
    try:
        ast.parse(result)
    except SyntaxError:
        raise ExerciseError("a region cuts a statement in two") from None
    return result


def _one_block(tree: ast.Module, statements: list[ast.stmt]) -> bool:
    """Whether the outermost of these statements all stand in one block."""
    nested = {id(child) for s in statements for child in ast.walk(s) if child is not s}
    outermost = {id(s) for s in statements} - nested
    blocks = (
        {id(item) for item in value}
        for node in ast.walk(tree)
        for _, value in ast.iter_fields(node)
        if isinstance(value, list)
    )
    return any(outermost <= block for block in blocks)


def _assignments(statements: list[ast.stmt], source: str) -> list[str]:
    """One ``target = ...`` for everything these statements assign to, in order."""
    hidden = {  # what functions and classes defined here assign to is their own business
        id(child)
        for node in statements
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        for child in ast.walk(node)
        if child is not node
    }
    names: list[str] = []
    for node in sorted(statements, key=lambda node: (node.lineno, node.col_offset)):
        if id(node) in hidden:
            continue
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = list(node.targets)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        while targets:
            target = targets.pop(0)
            if isinstance(target, ast.Tuple | ast.List):
                targets[:0] = target.elts
            elif isinstance(target, ast.Starred):
                targets.insert(0, target.value)
            else:
                names.append(ast.get_source_segment(source, target))
    return [f"{name} = ...  # your answer" for name in dict.fromkeys(names)] or [
        "...  # your answer"
    ]


# --- one notebook --------------------------------------------------------------------------------


def read(path: Path) -> Notebook:
    """Read a notebook as it stands in its file.

    Args:
        path: The file.

    Returns:
        The notebook, sources joined into strings.

    Raises:
        ExerciseError: If the file is no notebook of format 4.5 with unique cell ids.
    """
    try:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        form = (notebook["nbformat"], notebook["nbformat_minor"])
        for cell in notebook["cells"]:
            cell["source"] = "".join(cell["source"])
    except (ValueError, KeyError, TypeError) as error:
        raise ExerciseError(f"{path}: not a notebook ({type(error).__name__}: {error})") from None
    if form < (4, 5) or form >= (5, 0):
        raise ExerciseError(f"{path}: notebook format {form[0]}.{form[1]}; 4.5 or newer is needed")
    ids = [cell.get("id") for cell in notebook["cells"]]
    for position, name in enumerate(ids):
        if not name:
            raise ExerciseError(f"{path}: cell {position + 1} has no id")
        if name in ids[:position]:
            raise ExerciseError(f"{path}: two cells have the id {name!r}")
    return notebook


def derive(solution: Notebook, name: str) -> Notebook:
    """Derive the exercise notebook from its solution.

    Args:
        solution: The solution notebook.
        name: Its file name, for the link and for messages.

    Returns:
        The exercise notebook; its metadata hold the hash of its cells.

    Raises:
        ExerciseError: If a cell cannot be derived; names the cell.
    """
    cells = []
    for given in solution["cells"]:
        try:
            if given["cell_type"] != "code" and LOOKS_LIKE_MARKER.search(given["source"]):
                raise ExerciseError("a marker outside of a code cell")
            source = stub(given["source"]) if given["cell_type"] == "code" else given["source"]
        except ExerciseError as error:
            raise ExerciseError(f"solutions/{name}, cell {given['id']!r}: {error}") from None
        tags = given["metadata"].get("tags", [])
        if "solution-only" in tags:
            if "figure" in given["metadata"].get("mystnb", {}):
                cells.append(_expected(given, name))
            continue
        cell = {
            "cell_type": given["cell_type"],
            "id": given["id"],
            "metadata": copy.deepcopy(given["metadata"]),
            "source": source,
        }
        if cell["cell_type"] == "code":
            cell |= {"execution_count": None, "outputs": []}
        if cell["cell_type"] == "markdown":
            cell["source"] = _led_on(_titled(cell["source"], name), name)
        cells.append(cell)
    # The accelerator asks Colab for a GPU.
    kept = {key: value for key, value in solution["metadata"].items() if key == "accelerator"}
    return _notebook(cells, kept)


def _expected(given: dict[str, Any], name: str) -> dict[str, Any]:
    """The cell that shows, folded, what a cell of the solution drew."""
    drawn = given["metadata"]["mystnb"]
    picture = f"![{drawn['image']['alt']}](pictures/{picture_name(name, given['id'])})"
    text = f"{picture}\n\n*{drawn['figure']['caption']}*"
    return {
        "cell_type": "markdown",
        "id": f"{given['id']}-expected",
        "metadata": {},
        "source": f"<details><summary>Expected picture</summary>\n\n{text}\n\n</details>",
    }


def picture_name(name: str, cell: str) -> str:
    """File name of the picture that a cell of ``solutions/{name}`` draws."""
    return f"{Path(name).stem}-{cell}.svg"


def pictures(solution: Notebook, name: str) -> dict[str, str]:
    """Return the file name of each expected picture, and the mark it must end with.

    The mark is a hash of the code up to the cell that draws it: of a solution that was changed
    since, a picture is not what to expect.
    """
    code, marks = hashlib.sha256(), {}
    for cell in solution["cells"]:
        if cell["cell_type"] == "code":
            code.update(cell["source"].encode())
            if "figure" in cell["metadata"].get("mystnb", {}):
                marks[picture_name(name, cell["id"])] = f"<!-- of {code.hexdigest()} -->"
    return marks


def _notebook(
    cells: list[dict[str, Any]], metadata: dict[str, Any] | None = None, **facts: Any
) -> Notebook:
    """The notebook of these cells, which knows by their hash whether they have been changed."""
    own = {"derived": fingerprint(cells), **facts}
    metadata = {**(metadata or {}), "kernelspec": KERNEL, "hnn_tutorial": own}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def _titled(source: str, name: str) -> str:
    """Turn the title of the solutions into the exercises', with a link back."""
    title = TITLE.match(source)
    if title is None:
        return source
    link = (
        f"*Worked solutions: [solutions/{name}](../solutions/{name}). Derived from them by "
        "`make exercises`, which never overwrites a notebook that you have changed.*"
    )
    rest = source[title.end() :]
    return f"# Exercises: {title[1]}\n\n{link}" + (f"\n\n{rest}" if rest else "")


def _led_on(source: str, name: str) -> str:
    """Put a link to the solution below the last hint."""
    link = f"[the worked solutions](../solutions/{name})"
    fold = f"<details><summary>Solution</summary>\n\nIt is in {link}.\n\n</details>"
    return LAST_HINT.sub(lambda found: f"{found[0]}\n{fold}", source)


def fingerprint(cells: list[dict[str, Any]]) -> str:
    """Hash of what a learner can change: the cells' kinds, ids and sources (not outputs)."""
    content = [[cell["cell_type"], cell.get("id"), cell["source"]] for cell in cells]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def splice(exercise: Notebook, solution: Notebook, name: str = "notebook") -> Notebook:
    """Put the solution regions back into the stubs of a derived exercise.

    Args:
        exercise: A notebook that `derive` made.
        solution: The solution it was made from.
        name: File name of the solution, as given to `derive`.

    Returns:
        The exercise with its answers filled in, and still without the solution-only cells.

    Raises:
        ExerciseError: If a cell of the exercise is not what its solution's cell becomes.
    """
    derived = {cell["id"]: cell for cell in derive(solution, name)["cells"]}
    answers = {cell["id"]: cell for cell in solution["cells"]}
    result = copy.deepcopy(exercise)
    for cell in result["cells"]:
        known = derived.get(cell.get("id"))
        if known is None or known["source"] != cell["source"]:
            raise ExerciseError(f"cell {cell.get('id')!r} is not derived from solutions/{name}")
        if cell["cell_type"] == "code":
            cell["source"] = answers[cell["id"]]["source"]
    return result


def start_page(root: Path, solutions: dict[str, Notebook]) -> Notebook:
    """Make the page on which JupyterLab opens: its text, and the chapters of the contents.

    Args:
        root: The project's root.
        solutions: The solution notebooks by the names of their chapters.

    Returns:
        The notebook; its metadata hold the chapters' names and titles too.
    """
    titles = {
        name: found[1]
        for name, solution in solutions.items()
        for cell in solution["cells"]
        if (found := TITLE.match(cell["source"]))
    }
    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    chapters, lines = [], []
    for part in toc["parts"]:
        names = [posixpath.basename(chapter["file"]) for chapter in part["chapters"]]
        taught = [(name, titles[name]) for name in names if name in titles]
        if taught:
            lines += ["", f"| {part['caption']} | | |", "|---|---|---|"]
        for name, title in taught:
            lines.append(
                f"| [{title}](../book/{name}.ipynb) | [exercises]({name}.ipynb) "
                f"| [solutions](../solutions/{name}.ipynb) |"
            )
        chapters += taught
    text = (root / START_TEXT).read_text(encoding="utf-8")
    text = text.replace("{{ chapters }}", "\n".join(lines).strip())
    text = text.replace("{{ first cell }}", first_cell())
    cells = [
        {**cell, "id": f"start-{number}"}
        for number, cell in enumerate(jupytext.reads(text, fmt="md:myst")["cells"])
    ]
    return _notebook(cells, chapters=chapters)


def to_text(notebook: Notebook) -> str:
    """A notebook as the text of its file: sorted keys, one line of source per line."""
    return nbformat.writes(nbformat.from_dict(notebook)) + "\n"


# --- the folders ---------------------------------------------------------------------------------


def derive_all(root: Path) -> dict[Path, Notebook]:
    """Derive every notebook of ``exercises/`` without writing anything.

    Args:
        root: The project's root.

    Returns:
        Path of each exercise notebook and its content, in the order of their names.

    Raises:
        ExerciseError: If there is no solution, or one cannot be derived.
    """
    found = sorted((root / "solutions").glob("*.ipynb"))
    if not found:
        raise ExerciseError(f"no notebooks in {root / 'solutions'}")
    derived, solutions = {}, {path.stem: read(path) for path in found}
    for name, solution in solutions.items():
        notebook = derive(solution, f"{name}.ipynb")
        try:
            nbformat.validate(nbformat.from_dict(notebook))
        except nbformat.ValidationError as error:
            raise ExerciseError(f"solutions/{name}.ipynb: {error.message}") from None
        derived[root / "exercises" / f"{name}.ipynb"] = notebook
    if (root / START_TEXT).exists():
        derived[root / "exercises" / START_PAGE] = start_page(root, solutions)
    return derived


def differences(root: Path) -> list[str]:
    """Where ``exercises/`` is not byte for byte what ``solutions/`` gives.

    Args:
        root: The project's root.

    Returns:
        One line per difference, naming notebook and cell; empty if there is none.

    Raises:
        ExerciseError: If a solution cannot be derived.
    """
    found = []
    derived = derive_all(root)
    for path, notebook in derived.items():
        shown = f"exercises/{path.name}"
        if not path.exists():
            found.append(f"{shown} is missing")
        elif path.read_bytes() != to_text(notebook).encode():
            source = START_TEXT if path.name == START_PAGE else f"solutions/{path.name}"
            found.append(f"{shown} differs from {source}: {_where(path, notebook)}")
    for file, mark in _wanted_pictures(root).items():
        if not file.exists() or not file.read_text(encoding="utf-8").endswith(mark):
            found.append(f"exercises/pictures/{file.name} is missing or outdated: run make book")
    for path in sorted((root / "exercises").glob("*.ipynb")):
        if path not in derived and _stored(path) and not NEW_VERSION.search(path.name):
            found.append(f"exercises/{path.name} has no solution: delete it, or restore the source")
    return found


def _wanted_pictures(root: Path) -> dict[Path, str]:
    return {
        root / "exercises" / "pictures" / picture: mark
        for path in sorted((root / "solutions").glob("*.ipynb"))
        for picture, mark in pictures(read(path), path.name).items()
    }


def draw_pictures(root: Path, executed: dict[str, Notebook]) -> None:
    """Write the expected pictures that are missing or outdated; remove those of no solution.

    Args:
        root: The project's root.
        executed: The executed solution notebooks by file name.

    Raises:
        ExerciseError: If a cell drew no SVG.
    """
    wanted = _wanted_pictures(root)
    for name, notebook in executed.items():
        for cell in notebook["cells"]:
            path = root / "exercises" / "pictures" / picture_name(name, cell["id"])
            mark = wanted.get(path, "")
            if not mark or (path.exists() and path.read_text(encoding="utf-8").endswith(mark)):
                continue
            drawn = [
                output["data"]["image/svg+xml"]
                for output in cell["outputs"]
                if "image/svg+xml" in output.get("data", {})
            ]
            if not drawn:
                raise ExerciseError(f"solutions/{name}, cell {cell['id']!r}: it has drawn no SVG")
            _replace(path, "".join(drawn[-1]) + mark)
    for path in (root / "exercises" / "pictures").glob("*.svg"):
        if path not in wanted:
            path.unlink()


def _where(path: Path, wanted: Notebook) -> str:
    """The first cell in which a file differs from the notebook it should hold."""
    try:
        cells = read(path)["cells"]
    except ExerciseError:
        return "it is not a readable notebook"
    for cell, want in zip(cells, wanted["cells"], strict=False):
        if cell["id"] != want["id"]:
            return f"cell {cell['id']!r} stands where {want['id']!r} belongs"
        for key in ("source", "cell_type", "metadata", "outputs", "execution_count"):
            if cell.get(key) != want.get(key):
                return f"cell {cell['id']!r}, {key}"
    if len(cells) != len(wanted["cells"]):
        longer = max(cells, wanted["cells"], key=len)
        extra = longer[min(len(cells), len(wanted["cells"]))]["id"]
        return f"cell {extra!r} is {'missing' if longer is wanted['cells'] else 'one too many'}"
    return "notebook metadata or layout"


def _stored(path: Path) -> str | None:
    """The fingerprint that a derived notebook carries, or None if it is not one."""
    try:
        value = read(path)["metadata"]["hnn_tutorial"]["derived"]
    except (ExerciseError, KeyError, TypeError):
        return None
    return value if isinstance(value, str) else None


def _untouched(path: Path) -> bool:
    """Whether a file is a derived notebook in whose cells nobody has written."""
    stored = _stored(path)
    return stored is not None and stored == fingerprint(read(path)["cells"])


def _beside(path: Path) -> Iterator[Path]:
    """Names for the new version of a notebook that must be kept: X.new.ipynb, X.new2.ipynb, ..."""
    yield path.with_suffix(".new.ipynb")
    number = 2
    while True:
        yield path.with_suffix(f".new{number}.ipynb")
        number += 1


def write(root: Path) -> list[str]:
    """Write ``exercises/``, keeping every notebook that somebody has worked in.

    Args:
        root: The project's root.

    Returns:
        One line for each notebook written or kept; none for what was up to date.

    Raises:
        ExerciseError: If a solution cannot be derived; then nothing has been written.
    """
    messages = []
    for path, notebook in derive_all(root).items():
        text, shown = to_text(notebook), f"exercises/{path.name}"
        if path.exists() and path.read_bytes() == text.encode():
            continue
        if not path.exists() or _untouched(path):
            _replace(path, text)
            messages.append(f"{shown}: written")
        elif _stored(path) == notebook["metadata"]["hnn_tutorial"]["derived"]:
            messages.append(f"{shown}: holds your work on the current exercises, kept")
        else:
            new = next(p for p in _beside(path) if not p.exists() or _untouched(p))
            _replace(new, text)
            messages.append(
                f"{shown}: holds your work, kept; the new version is exercises/{new.name}"
            )
    return messages


def _replace(path: Path, text: str) -> None:
    """Write a file in one step, so that an interruption leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, 0o644)  # mkstemp gives 0600
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Command line: 0 if all is well, 1 with one line per difference or error."""
    parser = argparse.ArgumentParser(description="Derive exercises/ from solutions/.")
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    options = parser.parse_args(arguments)
    try:
        if not options.check:
            print("\n".join(write(root) or ["exercises/ is up to date"]))
            return 0
        found = differences(root)
    except (ExerciseError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for line in found:
        print(line, file=sys.stderr)
    if found:
        print("run: make exercises; it keeps what somebody has worked in", file=sys.stderr)
    return 1 if found else 0


# --- the book ------------------------------------------------------------------------------------


def show_derived(app: Sphinx, page: str, source: list[str]) -> None:
    """Let the book show an exercise as it is derived, not what a learner has made of it."""
    folder, _, name = page.rpartition("/")
    if folder == "exercises":
        solution = Path(app.srcdir) / "solutions" / f"{name}.ipynb"
        app.env.note_dependency(str(solution))
        source[0] = _derived(solution)


def offer_derived(app: Sphinx, error: Exception | None) -> None:
    """Let the page's download be the exercise as it is derived, too."""
    for path in (Path(app.outdir) / "_sources" / "exercises").glob("*.ipynb"):
        solution = Path(app.srcdir) / "solutions" / path.name
        if solution.exists():  # else the page is of an earlier build, and no longer in the book
            path.write_text(_derived(solution), encoding="utf-8")


def _derived(solution: Path) -> str:
    return to_text(derive(read(solution), solution.name))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx: `_config.yml` names this file as an extension of the book."""
    app.connect("source-read", show_derived)
    app.connect("build-finished", offer_derived)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    sys.exit(main())
