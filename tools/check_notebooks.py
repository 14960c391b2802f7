"""Check the notebooks against the course's rules for them, and say what to do about each breach.

    python tools/check_notebooks.py                       # book/, solutions/ and exercises/
    python tools/check_notebooks.py book/pendulum.ipynb   # only this one
    python tools/check_notebooks.py --first-cell          # print the first cell that all must have
    python tools/check_notebooks.py --fold book           # fold the cells that only show something

It exits with 1 if there is a breach. A notebook's folder decides which rules it must obey: those of
``CHAPTER_RULES`` hold for ``book/`` alone, those of ``PROSE_RULES`` for it and ``solutions/``, and
those of ``RULES`` everywhere.
"""

from __future__ import annotations

import argparse
import ast
import copy
import inspect
import io
import json
import re
import statistics
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import nbformat

from hnn_tutorial.notebook import colab_cell

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("book", "solutions", "exercises")
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}

MEDIAN_LINES, MOST_LINES = 5, 12
ALL_LINES, FOLDED_LINES = 30, 45
WIDTH = 76
DEFINITIONS = 2
CLAIMS = 3
FIRST_LAB = 12
BYTES = 200_000
NEW_VERSION = re.compile(r"\.new\d*\.ipynb$")

Cell = dict[str, Any]


@dataclass(frozen=True)
class Breach:
    """One breach of a rule: in which file, in which cell (empty: the whole file), what to do."""

    path: str
    cell: str
    message: str

    def __str__(self) -> str:
        where = f", cell {self.cell}" if self.cell else ""
        return f"{self.path}{where}: {self.message}"


Finding = tuple[Cell | None, str]


# --- what the rules are written with -------------------------------------------------------------


class Notebook:
    """A notebook as the rules read it."""

    def __init__(self, content: dict[str, Any], size: int | None = None) -> None:
        self.content = content
        self.size = len(json.dumps(content)) if size is None else size
        self.cells: list[Cell] = content.get("cells", [])
        self.metadata: dict[str, Any] = content.get("metadata", {})

    @property
    def code(self) -> list[Cell]:
        """The code cells after the first, which has a rule of its own."""
        return [cell for cell in self.cells if cell.get("cell_type") == "code"][1:]

    @property
    def markdown(self) -> list[Cell]:
        """The Markdown cells."""
        return [cell for cell in self.cells if cell.get("cell_type") == "markdown"]

    def headings(self) -> Iterator[tuple[int, Cell, int, str]]:
        """Yield position of the cell, the cell, level and text of every heading."""
        for position, cell in enumerate(self.cells):
            if cell.get("cell_type") == "markdown":
                for level, text in _headings(source(cell)):
                    yield position, cell, level, text


def source(cell: Cell) -> str:
    """Return the text of a cell, which a file holds as one string or as a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(text)


def tree_of(cell: Cell) -> ast.Module:
    """Parse a code cell; one that is not Python counts as empty, and `python` reports it."""
    return parse(cell) or ast.Module([], [])


def parse(cell: Cell) -> ast.Module | None:
    """Parse a code cell without its IPython magics; None if it is not Python.

    Each rule reads the trees; none may change one.
    """
    return _parsed(source(cell))


@cache
def _parsed(text: str) -> ast.Module | None:
    text = re.sub(r"^(\s*)(?:[%!?].*|[\w.]+\?{1,2})$", r"\1pass", text, flags=re.MULTILINE)
    try:
        return ast.parse(text)
    except SyntaxError:
        return None


def calls(tree: ast.AST, *, inside: bool = True) -> Iterator[tuple[str, str]]:
    """Yield ``(root, name)`` of every call: ``plt.close()`` gives ("plt", "close").

    Args:
        tree: what to search.
        inside: also the bodies of functions, which run only when they are called.
    """
    pending = [tree]
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.Call):
            root = node.func
            name = root.attr if isinstance(root, ast.Attribute) else getattr(root, "id", "")
            while isinstance(root, ast.Attribute):
                root = root.value
            yield getattr(root, "id", ""), name
        if inside or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(node))


@cache
def first_cell() -> str:
    """Return the first cell that every notebook must have."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return colab_cell(project["urls"]["Repository"])


@cache
def drawing_functions() -> frozenset[str]:
    """Return ``sketch`` and the names in ``plotting.__all__``, read without matplotlib."""
    tree = ast.parse((ROOT / "src/hnn_tutorial/plotting.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return frozenset([*ast.literal_eval(node.value), "sketch"]) - {
                "line_style",
                "method_style",
                "use_style",
            }
    raise LookupError("src/hnn_tutorial/plotting.py has no __all__")


def drawing_cells(notebook: Notebook) -> list[Cell]:
    """Return the cells that make a figure which the page shows, when they are run."""

    def draws(found: Iterator[tuple[str, str]]) -> bool:
        return any(
            name in known or (root == "plt" and name not in {"close", "rc", "switch_backend"})
            for root, name in found
        )

    known = set(drawing_functions())
    drawing = []
    for cell in notebook.code:
        tree = tree_of(cell)
        if draws(calls(tree, inside=False)):
            drawing.append(cell)
        # A function of the notebook that draws is one more drawing function from here on.
        known |= {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and draws(calls(n))}
    hidden = {"remove-cell", "remove-output"}
    return [cell for cell in drawing if not hidden & set(cell.get("metadata", {}).get("tags", []))]


def _headings(text: str) -> Iterator[tuple[int, str]]:
    fence = ""
    for line in text.splitlines():
        opening = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if opening and not fence:
            fence = opening[1]
        elif fence and line.strip().startswith(fence):
            fence = ""
        elif not fence and (found := re.match(r" {0,3}(#{1,6})\s+(.*)", line)):
            yield len(found[1]), found[2].strip(" #")


def _statements(cell: Cell) -> int:
    """Return how many lines a cell would have if none were folded; comments do not count."""
    text = source(cell)
    if parse(cell) is None:
        return sum(bool(line.strip()) for line in text.splitlines())
    magic = re.sub(r"^(\s*)[%!?].*$", r"\1pass", text, flags=re.MULTILINE)
    words = tokenize.generate_tokens(io.StringIO(magic).readline)
    return sum(word.type == tokenize.NEWLINE for word in words)


def _lines(cell: Cell) -> int:
    """Return how many lines of a cell hold something; the markers of a solution do not count."""
    lines = source(cell).splitlines()
    return sum(bool(line.strip()) and not line.strip().startswith("### ") for line in lines)


def folded(cell: Cell) -> bool:
    """Whether the page folds the code of a cell behind one line."""
    return "hide-input" in cell.get("metadata", {}).get("tags", [])


# --- which cells the page folds ------------------------------------------------------------------

# What a reader should see done: these make data, motions and models.
WORK = {"backward", "compare", "fit", "joint_fit", "run_seed", "simulate"}
# What a cell shows with, beside `drawing_functions` and what matplotlib's objects do.
SHOWS = {"claim", "display", "explore", "interact", "print", "reveal", "score", "setup", "show"}
LAB = re.compile(r"[A-Z]\w*Lab")
ASKS_READER = {"choice", "curve", "number", "point"}


def _uses(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield the names of a cell's own scope in the order of their use, and whether they are set."""
    if isinstance(node, ast.Name):
        yield node.id, not isinstance(node.ctx, ast.Load)
    elif isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, False
        if node.value is not None:
            yield from _uses(node.value)
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            yield from _uses(target)
    elif isinstance(node, ast.For):
        for part in (node.iter, node.target, *node.body, *node.orelse):
            yield from _uses(part)
    elif isinstance(node, ast.Lambda | ast.FunctionDef | ast.comprehension) or hasattr(
        node, "generators"
    ):
        # A scope of its own: what it sets stays inside.
        inner = [use for part in ast.iter_child_nodes(node) for use in _uses(part)]
        own = {name for name, is_set in inner if is_set}
        own |= {part.arg for part in ast.walk(node) if isinstance(part, ast.arg)}
        if isinstance(node, ast.comprehension):
            yield from inner
        else:
            yield from ((name, False) for name, _ in inner if name not in own)
        if isinstance(node, ast.FunctionDef):
            yield node.name, True
    else:
        for part in ast.iter_child_nodes(node):
            yield from _uses(part)
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            # What is changed in part is set too.
            root: ast.AST = node
            while isinstance(root, ast.Attribute | ast.Subscript):
                root = root.value
            if isinstance(root, ast.Name):
                yield root.id, True


def _stored_and_needed(tree: ast.AST) -> tuple[set[str], set[str]]:
    """The names that a cell sets, and those that it reads from the cells before it."""
    stored: set[str] = set()
    needed: set[str] = set()
    for name, is_set in _uses(tree):
        if is_set:
            stored.add(name)
        elif name not in stored:
            needed.add(name)
    return stored, needed


def only_shows(notebook: Notebook) -> list[Cell]:
    """Return the code cells that only show something, which the page folds behind one line.

    Such a cell

    - calls `setup()`, or holds nothing but imports; or
    - draws (with `plotting`, matplotlib, or a function of the notebook that does), prints, claims,
      reveals a prediction, asks for one, explores, or shows a lab, a quiz or a value; and defines
      no function or class, calls nothing of `WORK`, and assigns no name that a later cell reads,
      except a lab or a prediction.

    A cell with the tag ``show-input`` is left open: it draws or prints, and how it does so is
    what it teaches.
    """
    drawn = {id(cell) for cell in drawing_cells(notebook)}
    trees = [tree_of(cell) for cell in notebook.code]
    asking = _asking(trees)
    used = [_stored_and_needed(tree) for tree in trees]
    found = []
    for position, (cell, tree) in enumerate(zip(notebook.code, trees, strict=True)):
        tags = cell.get("metadata", {}).get("tags", [])
        if not tree.body or {"remove-cell", "remove-input", "show-input"} & set(tags):
            continue
        if all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body):
            found.append(cell)
            continue
        names = {name for _, name in calls(tree)}
        kinds = ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef
        if "setup" in names:
            found.append(cell)
            continue
        if names & WORK or any(isinstance(node, kinds) for node in ast.walk(tree)):
            continue
        exempt = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign) and _presents(node.value, asking)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        last = tree.body[-1]
        shows = (
            id(cell) in drawn
            or bool(names & SHOWS)
            or any(_presents(node, asking) for node in ast.walk(tree))
            or (isinstance(last, ast.Expr) and isinstance(last.value, ast.Name | ast.Attribute))
        )
        stored = used[position][0] - exempt
        for again, needed in used[position + 1 :]:
            if stored & needed:
                shows = False
            stored -= again
        if shows:
            found.append(cell)
    return found


def _called(node: ast.AST) -> str:
    """The name of what an expression calls; empty if it is no call."""
    if not isinstance(node, ast.Call):
        return ""
    return getattr(node.func, "attr", "") or getattr(node.func, "id", "")


def _asking(trees: Iterable[ast.AST]) -> set[str]:
    """The names of a chapter's ``Predictions``, ``ask`` as a rule."""
    return {
        target.id
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _called(node.value) == "Predictions"
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _presents(node: ast.AST, asking: set[str]) -> bool:
    """Whether an expression makes a lab, a quiz, or asks a prediction of one of these names."""
    name = _called(node)
    if name in ASKS_READER and isinstance(node, ast.Call):
        root = getattr(node.func, "value", None)
        return isinstance(root, ast.Name) and root.id in asking
    return name == "Quiz" or bool(LAB.fullmatch(name))


def fold(path: Path) -> int:
    """Give the tag ``hide-input`` to those cells of a chapter's file that only show something.

    Returns:
        How many cells have it now that had it not.
    """
    content = json.loads(path.read_text(encoding="utf-8"))
    changed = [cell for cell in only_shows(Notebook(content)) if not folded(cell)]
    for cell in changed:
        cell["metadata"].setdefault("tags", []).append("hide-input")
    if changed:
        text = json.dumps(content, indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")
    return len(changed)


# --- rules for every notebook --------------------------------------------------------------------


def valid(notebook: Notebook) -> Iterator[Finding]:
    """The file is a notebook of format 4.5, whose cells have ids."""
    content = notebook.content
    if (content.get("nbformat"), content.get("nbformat_minor", 0) >= 5) != (4, True):
        yield None, "its format is older than 4.5; save it with `jupytext --update` or JupyterLab"
        return
    seen: set[str] = set()
    for cell in notebook.cells:
        if not cell.get("id"):
            yield cell, "it has no id; convert it with jupytext, which gives every cell one"
        elif cell["id"] in seen:
            yield cell, "another cell has the same id; give one of them a new one"
        seen.add(cell.get("id", ""))
    if "" in seen or len(seen) < len(notebook.cells):
        return  # nbformat would give the cells other ids and go on
    try:
        nbformat.validate(copy.deepcopy(content))
    except nbformat.ValidationError as error:
        yield None, f"it is not a valid notebook: {str(error).splitlines()[0]}"


def kernel(notebook: Notebook) -> Iterator[Finding]:
    """The kernel is any Python 3."""
    if notebook.metadata.get("kernelspec") != KERNEL:
        yield None, f"its kernelspec must be {json.dumps(KERNEL)}, which every machine has"


def asks_for_a_gpu(notebook: Notebook) -> Iterator[Finding]:
    """Colab opens it on a machine with a GPU; what is derived has what its source has."""
    derived = "derived" in notebook.metadata.get("hnn_tutorial", {})
    if not derived and notebook.metadata.get("accelerator") != "GPU":
        yield None, 'its metadata must have "accelerator": "GPU", which asks Colab for one'


def stripped(notebook: Notebook) -> Iterator[Finding]:
    """Outputs are not stored."""
    for cell in notebook.cells:
        if cell.get("outputs"):
            yield cell, "it holds outputs; run nbstripout on the notebook"
        elif cell.get("execution_count") is not None:
            yield cell, "it holds an execution count; run nbstripout on the notebook"


def small(notebook: Notebook) -> Iterator[Finding]:
    """The file is small."""
    if notebook.size > BYTES:
        yield None, f"it has {notebook.size:,} bytes; at most {BYTES:,}: move pictures out of it"


def starts_alike(notebook: Notebook) -> Iterator[Finding]:
    """The first code cell installs the package on Colab, and the book does not show it."""
    code = [cell for cell in notebook.cells if cell.get("cell_type") == "code"]
    if not code:
        yield None, "it has no code cells"
        return
    if source(code[0]) != first_cell():
        yield (
            code[0],
            "the first code cell must be what `tools/check_notebooks.py --first-cell` prints",
        )
    elif code[0] not in notebook.cells[:2]:
        yield code[0], "the cell that installs the package stands first, or right below the title"
    if "remove-cell" not in code[0].get("metadata", {}).get("tags", []):
        yield code[0], "it needs the tag remove-cell, so that the book does not show it"


def short_cells(notebook: Notebook) -> Iterator[Finding]:
    """Code cells are short: few statements, and what the page leaves open fits on a screen."""
    lengths = [_statements(cell) for cell in notebook.code]
    if not lengths:
        return
    median = statistics.median(lengths)
    if median > MEDIAN_LINES:
        yield (
            None,
            f"the median code cell has {median:g} statements; at most {MEDIAN_LINES}: split some",
        )
    long = sum(length > MOST_LINES for length in lengths)
    if long > 0.1 * len(lengths):
        yield (
            None,
            f"{long} of {len(lengths)} code cells have more than {MOST_LINES} statements; "
            "at most one in ten may: split them, or move code into the package",
        )
    for cell in notebook.code:
        most = FOLDED_LINES if folded(cell) else ALL_LINES
        if (lines := _lines(cell)) > most:
            yield cell, f"it has {lines} lines; at most {most}: split it"


def narrow(notebook: Notebook) -> Iterator[Finding]:
    """No line of code is longer than the page is wide. (Exercises are derived.)"""
    for cell in notebook.cells:
        if cell.get("cell_type") != "code" or source(cell) == first_cell():
            continue
        for line in source(cell).splitlines():
            if len(line) > WIDTH:
                yield (
                    cell,
                    f"a line has {len(line)} characters, the page shows {WIDTH}: {line.strip()!r}",
                )


def python(notebook: Notebook) -> Iterator[Finding]:
    """Code cells are Python that reaches for nothing outside the package."""
    for cell in notebook.code:
        if parse(cell) is None:
            yield cell, "it is not valid Python"
        if "sys.path" in source(cell):
            yield cell, "it changes sys.path; import from the installed package"
        if re.search(r"\bglue\b", source(cell)):
            yield (
                cell,
                "it uses glue; print the value or claim(...) it, so that it shows everywhere",
            )


def figures(notebook: Notebook) -> Iterator[Finding]:
    """Every figure has a numbered caption, a name and a text for those who do not see it."""
    names: set[str] = set()
    drawing = [id(cell) for cell in drawing_cells(notebook)]
    for cell in notebook.cells:
        mystnb = cell.get("metadata", {}).get("mystnb", {})
        figure, alt = mystnb.get("figure", {}), mystnb.get("image", {}).get("alt", "")
        name = figure.get("name", "")
        if id(cell) in drawing:
            if not figure.get("caption", "").strip():
                yield cell, "it draws but has no caption; set metadata mystnb.figure.caption"
            if not re.fullmatch(r"fig-[a-z0-9-]+", name):
                yield (
                    cell,
                    f"its figure's name is {name!r}; set mystnb.figure.name to fig-..., in lower "
                    "case with hyphens",
                )
            if not alt.strip():
                yield cell, "it draws but has no alt text; set metadata mystnb.image.alt"
            elif alt.strip() == figure.get("caption", "").strip():
                yield cell, "its alt text repeats the caption; say what one should see instead"
        if name and name in names:
            yield cell, f"the figure name {name!r} is taken; give this figure another"
        names.add(name)


def plain_markdown(notebook: Notebook) -> Iterator[Finding]:
    """The text reads well in JupyterLab and Colab, which know no Sphinx."""
    for cell in notebook.markdown:
        directive = re.search(
            r"^\s*(?:`{3,}|~{3,}|:{3,})\s*\{([^}]*)\}", source(cell), flags=re.MULTILINE
        )
        if directive:
            yield (
                cell,
                f"it uses the Sphinx directive {{{directive[1]}}}; write plain Markdown, or move "
                "it to an .md page",
            )
        if "{glue" in source(cell):
            yield cell, "it uses glue; let a code cell print the value"
        lost = re.search(r"[\x00-\x09\x0b-\x1f]", source(cell))
        if lost:
            after = source(cell)[lost.end() :][:6]
            yield cell, f"it holds {lost[0]!r} before {after!r}; a formula lost its backslash there"


def heading_levels(notebook: Notebook) -> Iterator[Finding]:
    """One title, and no level left out below it."""
    last = 0
    for _, cell, level, text in notebook.headings():
        if last == 0 and level != 1:
            yield cell, f"the first heading, {text!r}, has level {level}; the title has one #"
        elif last and level == 1:
            yield cell, f"{text!r} is a second title; give it two #"
        elif last and level > last + 1:
            yield cell, f"the heading {text!r} jumps from level {last} to {level}; use {last + 1}"
        last = level
    if last == 0:
        yield None, "it has no heading; begin with a title"


# --- rules for chapters --------------------------------------------------------------------------


def few_definitions(notebook: Notebook) -> Iterator[Finding]:
    """A notebook tells a story; code lives in the package."""
    defined = []
    for cell in notebook.code:
        pending: list[ast.AST] = [tree_of(cell)]
        while pending:
            node = pending.pop(0)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                # What is inside belongs to it: a class with three methods is one definition.
                defined.append((cell, node.name))
            else:
                pending.extend(ast.iter_child_nodes(node))
    if len(defined) > DEFINITIONS:
        names = ", ".join(name for _, name in defined)
        yield (
            defined[DEFINITIONS][0],
            f"the notebook defines {len(defined)} functions and classes ({names}); at most "
            f"{DEFINITIONS}: import the others from the package",
        )


def opening(notebook: Notebook) -> Iterator[Finding]:
    """It opens with what one will learn, what one needs and how long it takes."""
    start = [source(cell) for cell in _before_sections(notebook) if cell["cell_type"] == "markdown"]
    text = " ".join("\n".join(start).split()).lower()
    for phrase in ("what you will learn", "what you need", "minutes"):
        if phrase not in text:
            yield None, f"its opening does not say {phrase!r}; add it before the first section"


def _before_sections(notebook: Notebook) -> list[Cell]:
    """The cells before the first heading below the title."""
    below = [position for position, _, level, _ in notebook.headings() if level > 1]
    return notebook.cells[: below[0] if below else None]


def question(notebook: Notebook) -> Iterator[Finding]:
    """Below the title stands one question in bold, and then what it asks about: a lab or figure."""
    start = _before_sections(notebook)
    title = next((cell for cell in start if cell["cell_type"] == "markdown"), None)
    if title is None:
        return  # `heading_levels` reports it
    asked = re.sub(r"^#[^\n]*", "", source(title).strip(), count=1).strip().split("\n\n")[0]
    if not re.fullmatch(r"\*\*[^*]+\?\*\*", " ".join(asked.split())):
        yield title, "below the title stands one question in bold: **Why does ...?**"
    shown = {id(cell) for cell in drawing_cells(notebook)}
    heroes = [cell for cell in start if id(cell) in shown or _has_lab(cell)]
    if not heroes:
        yield None, "no lab and no figure stands before its first section"
    elif any(
        "what you will learn" in source(cell).lower() for cell in start[: start.index(heroes[0])]
    ):
        yield heroes[0], "it stands below what one will learn; put it above"


def _has_lab(cell: Cell) -> bool:
    """Whether a code cell makes a lab."""
    names = (name for _, name in calls(tree_of(cell)))
    return cell.get("cell_type") == "code" and any(map(LAB.fullmatch, names))


def lab_early(notebook: Notebook) -> Iterator[Finding]:
    """A lab stands near its beginning."""
    labs = [position for position, cell in enumerate(notebook.cells) if _has_lab(cell)]
    if labs and labs[0] >= FIRST_LAB:
        yield notebook.cells[labs[0]], f"the first lab is cell {labs[0] + 1}; at most {FIRST_LAB}"


def folds(notebook: Notebook) -> Iterator[Finding]:
    """The page folds what only shows something."""
    for cell in only_shows(notebook):
        if not folded(cell):
            yield cell, "it only shows something; run `python tools/check_notebooks.py --fold`"


def ending(notebook: Notebook) -> Iterator[Finding]:
    """It ends with a recap, what to try, and where to go further, with references."""
    found = [(position, text.lower()) for position, _, _, text in notebook.headings()]
    last = -1
    for word in ("recap", "try", "go further"):
        after = [position for position, text in found if word in text and position >= last]
        if not after:
            yield None, f"its ending has no heading with {word!r}: recap, what to try, go further"
            return
        last = after[0] if word == "recap" else after[-1]
    rest = notebook.cells[last:]
    for cell in rest:
        if cell.get("cell_type") == "code":
            yield cell, "it comes after 'Go further', which should be the end"
    if not re.search(r"\b(1[6-9]|20)\d\d|\{cite|\]\(", "".join(map(source, rest))):
        yield None, "'Go further' cites nothing; give authors and year, or a link"


def asks_first(notebook: Notebook) -> Iterator[Finding]:
    """What **Predict** asks is asked by a prediction, revealed once, behind it in its section."""
    asking = _asking(map(tree_of, notebook.code))
    labels: set[str] = set()
    scored = False
    questions = {
        ast.unparse(target)
        for cell in notebook.code
        for node in ast.walk(tree_of(cell))
        if isinstance(node, ast.Assign) and _asks(node.value, asking)
        for target in node.targets
    }
    for section in _sections(notebook):
        asked: dict[str, Cell] = {}
        revealed: list[str] = []
        waiting: Cell | None = None
        for cell in section:
            if cell.get("cell_type") != "code":
                waiting = cell if "**Predict" in source(cell) else waiting
                continue
            for node in ast.walk(tree_of(cell)):
                if isinstance(node, ast.Assign) and _asks(node.value, asking):
                    asked |= {ast.unparse(target): cell for target in node.targets}
                if not isinstance(node, ast.Call):
                    continue
                if _asks(node, asking):
                    waiting = None
                    label = ast.unparse(node.args[0]) if node.args else ""
                    if label in labels:
                        yield cell, f"the label {label} is taken; give this prediction another"
                    labels.add(label)
                elif isinstance(node.func, ast.Attribute) and node.func.attr == "reveal":
                    name = ast.unparse(node.func.value)
                    revealed.append(name)
                    if name not in asked and name in questions:
                        yield cell, f"it reveals {name!r} before its section asks; ask first"
                scored |= _called(node) == "score"
        if waiting is not None:
            yield (
                waiting,
                "no prediction asks what it asks; see `Predictions` in hnn_tutorial.widgets",
            )
        for name, cell in asked.items():
            if (count := revealed.count(name)) != 1:
                yield cell, f"its section reveals {name!r} {count} times; reveal it there, once"
    if labels and not scored:
        yield None, "it asks predictions and never shows the score; end with ask.score()"


def _asks(node: ast.AST, asking: set[str]) -> bool:
    """Whether an expression asks a prediction of one of these names."""
    return _called(node) in ASKS_READER and _presents(node, asking)


def enough_claims(notebook: Notebook) -> Iterator[Finding]:
    """What the text says is computed and asserted."""
    count = sum(name == "claim" for cell in notebook.code for _, name in calls(tree_of(cell)))
    if count < CLAIMS:
        yield (
            None,
            f"it calls claim(...) {count} times; at least {CLAIMS}: prove what the text says",
        )


# --- rules for what the text says ----------------------------------------------------------------

# Behind a number these make it a result, or a given constant.
UNITS = (
    r"%|per\s+cent|times\b|fold\b|-fold\b|°|degrees?\b|orders?\sof\smagnitude|turns?\b|"
    r"(?:kilo|milli)?(?:seconds?|joules?|met(?:er|re)s?|radians?)\b|"
    r"(?<=[\s,])(?:[mµk]?(?:s|m|J|N|W|Hz|g)|cm|kg|rad)(?!\w)"
)
NUMBER = r"(?<![\w.,^/−\[(#-])(\d+(?:,\d{3})*(?:\.\d+)?(?:e-?\d+)?)"
MEASURED = re.compile(NUMBER + rf"(?:\s|\\,|-)?\$?(?:{UNITS})")
DECIMAL = re.compile(r"(?<![\w.,^/−\[#-])(\d+\.\d+(?:e-?\d+)?)(?![\w.]*\w)")
SWEEPING = re.compile(
    r"\b(always|never|exactly|a tie|in (?:all|every) cases?|"
    r"(?:all|every|each) (?:of the )?seeds?|(?:all|every|no) (?:of the )?(?:networks?|models?))\b",
    re.IGNORECASE,
)
GIVEN = re.compile(r"<!--\s*given:\s*\S.*?-->", re.DOTALL)
# What asks, or says what an exercise gives, states no result.
ASKS = re.compile(r"\W*(Predict|Checked|Do|Think|Hint)\b")


def paragraphs(cell: Cell) -> Iterator[str]:
    """Yield the paragraphs of a Markdown cell that state something, without code and links.

    One that cites a work is left out, for its numbers are the work's; one that holds a comment
    ``<!-- given: ... -->``, for it says where they come from; and one that asks.
    """
    text = re.sub(r"(?ms)^```.*?^```|^#+ [^\n]*$", "", source(cell))
    # An item of a list is a paragraph.
    for paragraph in re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)", text):
        if GIVEN.search(paragraph) or "bibliography.md#" in paragraph or ASKS.match(paragraph):
            continue
        plain = re.sub(r"`[^`]*`|\]\([^)]*\)|<[^>]*>", " ", paragraph)
        # A question states nothing.
        yield re.sub(r"[^.!?\n]*\?(?=\s|$)", " ", plain)


def _numbers(text: str) -> set[float]:
    found = re.findall(r"(?<![\w.])\d[\d_]*(?:\.\d*)?(?:e[-+]?\d+)?", text)
    return {float(number.replace("_", "")) for number in found}


def _follows_by_formula(paragraph: str, position: int) -> bool:
    """Whether a number stands in a formula behind ``... =`` with a number or function before it."""
    if paragraph[:position].count("$") % 2 == 0:
        return False
    before = paragraph[paragraph.rindex("$", 0, position) + 1 : position]
    return bool(re.search(r"[\d\\].*(?:=|\\approx)[\s~]*$", before, flags=re.DOTALL))


def _sections(notebook: Notebook) -> list[list[Cell]]:
    """The cells from each heading to the next."""
    sections: list[list[Cell]] = [[]]
    for cell in notebook.cells:
        if cell.get("cell_type") == "markdown" and any(_headings(source(cell))):
            sections.append([])
        sections[-1].append(cell)
    return sections


def _exercise(section: list[Cell]) -> Cell | None:
    """The cell that says what an exercise gives and asks, if the section is one."""
    return section[0] if section and re.match(r"#+ Exercise", source(section[0])) else None


def computed_numbers(notebook: Notebook) -> Iterator[Finding]:
    """A number of the text stands in the code above it, or in that of its section."""
    known: set[float] = set()
    cells_before = 0
    for section in _sections(notebook):
        code = [cell for cell in section if cell.get("cell_type") == "code"]
        here = known.union(*(_numbers(source(cell)) for cell in code))
        given = _exercise(section)
        if given:
            here |= _numbers(source(given))
        for cell in section:
            cells_before += cell.get("cell_type") == "code"
            if cell.get("cell_type") != "markdown" or cells_before < 2 or cell is given:
                continue
            for paragraph in paragraphs(cell):
                for found in (*MEASURED.finditer(paragraph), *DECIMAL.finditer(paragraph)):
                    value = float(found[1].replace(",", ""))
                    same = {value, value / 100, value / 1000, value * 1000}
                    if not same & here and not _follows_by_formula(paragraph, found.start()):
                        here = here | {value}  # once is enough
                        yield (
                            cell,
                            f"{found[0].strip()!r} stands in no code above or in its section; "
                            "print or claim it, cite where it comes from, or say so in "
                            "<!-- given: ... -->",
                        )
        known = here


def claimed_words(notebook: Notebook) -> Iterator[Finding]:
    """Words that speak of all cases stand in a section with a claim."""
    cells_before = 0
    for section in _sections(notebook):
        code = [cell for cell in section if cell.get("cell_type") == "code"]
        # In an exercise the check is the claim.
        claims = any(
            name == "claim" or root == "check"
            for cell in code
            for root, name in calls(tree_of(cell))
        )
        for cell in section:
            cells_before += cell.get("cell_type") == "code"
            if claims or cell.get("cell_type") != "markdown" or cells_before < 2:
                continue
            for paragraph in paragraphs(cell):
                for found in SWEEPING.finditer(paragraph):
                    around = paragraph[max(0, found.start() - 30) : found.end() + 30]
                    yield (
                        cell,
                        f"{' '.join(around.split())!r} speaks of all cases, and no claim stands in "
                        "its section; claim it, say less, or say why in <!-- given: ... -->",
                    )


@cache
def _seed_places() -> dict[str, int]:
    """At which place the public functions and methods of the package take a seed, by name."""
    import hnn_tutorial

    places: dict[str, int] = {}

    def look(owner: Any, name: str) -> None:
        value = inspect.getattr_static(owner, name)
        bound = isinstance(value, staticmethod | classmethod)
        if not (bound or inspect.isfunction(value) or inspect.isclass(value)):
            return
        method = inspect.isclass(owner) and not bound
        try:
            parameters = inspect.signature(getattr(owner, name)).parameters
        except (TypeError, ValueError):
            return
        # One that can only be passed by its name has no place.
        placed = [word for word, one in parameters.items() if one.kind is not one.KEYWORD_ONLY]
        for word in {"seed", "seeds"} & set(placed):
            place = placed.index(word) - method
            places[name] = min(place, places.get(name, place))

    for module in walk_packages(hnn_tutorial.__path__, "hnn_tutorial."):
        if any(part.startswith("_") for part in module.name.split(".")):
            continue
        loaded = import_module(module.name)
        for name in getattr(loaded, "__all__", ()):
            look(loaded, name)
            if inspect.isclass(found := getattr(loaded, name)):
                for method in dir(found):
                    if not method.startswith("_"):
                        look(found, method)
    return places


def seeds_by_name(notebook: Notebook) -> Iterator[Finding]:
    """A seed is passed by its name, so that one sees what it is."""
    own = {
        node.name
        for cell in notebook.code
        for node in ast.walk(tree_of(cell))
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    for cell in notebook.code:
        for node in ast.walk(tree_of(cell)):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", "") or getattr(node.func, "id", "")
            place = _seed_places().get(name)
            if (
                name in own
                or place is None
                or isinstance(getattr(node.func, "value", 0), ast.Constant)
            ):
                continue
            if len(node.args) > place and not any(isinstance(a, ast.Starred) for a in node.args):
                given = ast.unparse(node.args[place])
                if given == "generator":
                    continue  # it is none, and one sees it
                yield cell, f"{name}(...) takes {given!r} as its seed; write seed={given}"


Rule = Callable[[Notebook], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    valid,
    kernel,
    asks_for_a_gpu,
    stripped,
    small,
    starts_alike,
    short_cells,
    python,
    figures,
    plain_markdown,
    heading_levels,
)
CHAPTER_RULES: tuple[Rule, ...] = (
    few_definitions,
    opening,
    question,
    lab_early,
    folds,
    ending,
    asks_first,
    enough_claims,
)
PROSE_RULES: tuple[Rule, ...] = (narrow, computed_numbers, claimed_words, seeds_by_name)


# --- files ---------------------------------------------------------------------------------------


def check_notebook(
    content: dict[str, Any],
    path: str = "notebook",
    *,
    chapter: bool,
    prose: bool = False,
    size: int | None = None,
) -> list[Breach]:
    """Return every breach in a notebook.

    Args:
        content: the notebook, as JSON gives it.
        path: what to call it.
        chapter: whether the rules for chapters hold too.
        prose: whether the rules for what the text says hold too.
        size: the file's size in bytes; None for that of ``content`` written as JSON.
    """
    notebook = Notebook(content, size)
    breaches = []
    for rule in RULES + (CHAPTER_RULES if chapter else ()) + (PROSE_RULES if prose else ()):
        for cell, message in rule(notebook):
            name = (
                "" if cell is None else cell.get("id") or f"number {notebook.cells.index(cell) + 1}"
            )
            breaches.append(Breach(path, name, message))
    return breaches


def notebooks(paths: list[Path]) -> list[Path]:
    """Return the notebooks among and below the paths, without checkpoints and hidden folders.

    Nor is ``X.new.ipynb`` among them, which tools/exercises.py writes beside a learner's work.
    """
    found = []
    for path in paths:
        below = sorted(path.rglob("*.ipynb")) if path.is_dir() else [path]
        found += [
            file
            for file in below
            if not any(part.startswith((".", "_")) for part in file.relative_to(path).parts[:-1])
            and not NEW_VERSION.search(file.name)
        ]
    return found


def check_paths(paths: list[Path]) -> list[Breach]:
    """Return every breach in the notebooks among and below the paths."""
    breaches, owners = [], {}
    for path in notebooks(paths):
        resolved = path.resolve()
        inside = resolved.is_relative_to(ROOT)
        name = resolved.relative_to(ROOT).as_posix() if inside else str(path)
        folder = name.split("/")[0] if inside else resolved.parent.name
        data = path.read_bytes()
        try:
            content = json.loads(data)
        except ValueError as error:
            breaches.append(Breach(name, "", f"it is not JSON ({error}); restore it"))
            continue
        breaches += check_notebook(
            content,
            name,
            chapter=folder == "book",
            prose=folder in ("book", "solutions"),
            size=len(data),
        )
        if folder == "exercises":
            continue  # derived from solutions, with the same figures
        for cell in content.get("cells", []):
            figure = cell.get("metadata", {}).get("mystnb", {}).get("figure", {}).get("name")
            if figure and owners.setdefault(figure, name) != name:
                message = f"the figure name {figure!r} is taken by {owners[figure]}; use another"
                breaches.append(Breach(name, cell.get("id", ""), message))
    return breaches


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description="Check the notebooks against the course's rules.")
    parser.add_argument("paths", nargs="*", type=Path, help="notebooks or folders")
    parser.add_argument("--first-cell", action="store_true", help="print the first cell and stop")
    parser.add_argument("--fold", action="store_true", help="fold cells that only show something")
    options = parser.parse_args(arguments)
    if options.first_cell:
        print(first_cell())
        return 0
    paths = options.paths or [ROOT / folder for folder in FOLDERS]
    for path in paths:
        if not path.exists():
            parser.error(f"{path} does not exist")
    if options.fold:
        for path in notebooks(paths):
            if path.resolve().parent == ROOT / "book":
                print(f"{path}: {fold(path)} cell(s) folded")
        return 0
    breaches = check_paths(paths)
    for breach in breaches:
        print(breach)
    count = len(notebooks(paths))
    print(f"{count} notebook(s) checked, {len(breaches)} breach(es)")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
