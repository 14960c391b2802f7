"""Run the notebooks with all their seeds shifted, and say how firm each claim is: `make seeds`.

    python tools/seeds.py                        # book/ and solutions/, five sets of seeds
    python tools/seeds.py --notebook pendulum    # only book/pendulum and solutions/pendulum
    python tools/seeds.py --notebook book/pendulum.ipynb --sets 2 --jobs 1
    python tools/seeds.py --stored --loose       # what fails or is loose in what has been run

The first set is the seeds that the notebooks have; the second has 1000 added to each, the third
2000, and so on. What is shifted is the seed of every generator that torch or NumPy makes while a
notebook runs: those that it names and those that the package names for it, each once. So it does
not matter how a seed gets there.

A claim is recorded instead of raised. The table shows its value at each set, its bound and its
margin, which is that of the worst set: for a bound on one side the factor between the value and
the bound, for two sides the share of the room that is used. The command exits with 1 if a claim
fails at some set or a notebook raises. A claim is *loose* if the margin is more than ten times
(less than a tenth of the room), unless its cell has a comment ``# wide: ...`` that says why. Bounds
of rounding errors, at most 1e-10, are never loose, and neither is a room on two sides of at most
5 % of what is expected.

What has been run is kept in ``_build/seeds``, and is run again only when the code of the notebook,
the code of the package that it loads, or the installed versions change. Text, comments, and bounds
and texts of claims that the code says in constants are no part of that, nor is what draws. A run
over all notebooks writes ``book/firmness.json``, which the page "How firm is each claim" shows.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import hashlib
import io
import json
import math
import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
STORE = ROOT / "_build" / "seeds"
TABLE = ROOT / "book" / "firmness.json"
PACKAGE = ROOT / "src" / "hnn_tutorial"
SETS, SHIFT = 5, 1000
LOOSE = 10.0
ROUNDING = 1e-10
NARROW = 0.05
DIGITS = 3
WIDE = re.compile(r"^\s*# wide: \S", re.MULTILINE)
# On what the numbers of a run depend beside the code: the packages that compute.
VERSIONS = ("torch", "numpy", "scipy")
# What shows numbers and computes none.
SHOWS = re.compile(r"src/hnn_tutorial/(palette|plotting|_html|_svg|widgets/.*)\.py")

Json = dict[str, Any]


# --- the notebooks -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """The code of one page: its name, and the cells' ids and sources."""

    name: str
    path: Path
    cells: tuple[tuple[str, str], ...]

    @property
    def digest(self) -> str:
        """What identifies the code that computes the values of the claims.

        The text of the page, comments, and what a claim says and asserts in plain numbers are no
        part of it: who makes a bound tighter need not run the notebook again.
        """
        return sha(json.dumps([(identity, without_bounds(text)) for identity, text in self.cells]))

    @property
    def raw(self) -> str:
        """What identifies the code to the letter."""
        return sha(json.dumps(self.cells))

    @property
    def makes_claims(self) -> bool:
        """Whether there is something to try."""
        return any(claim_calls(text) for _, text in self.cells)


def read_source(path: Path) -> Source:
    """Read the code cells of a notebook, or of a Markdown page with code cells."""
    name = path.resolve().relative_to(ROOT).with_suffix("").as_posix()
    if path.suffix == ".ipynb":
        notebook = json.loads(path.read_text(encoding="utf-8"))
    else:
        import jupytext

        notebook = jupytext.read(path)
    cells = []
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            text = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
            # A cell of a Markdown page has no id of its own.
            identity = cell["id"] if path.suffix == ".ipynb" else f"code-{len(cells) + 1}"
            cells.append((identity, text))
    return Source(name, path, tuple(cells))


def all_sources(root: Path = ROOT) -> list[Source]:
    """The pages with claims, in the order of the book: the front page, chapters, solutions."""
    import yaml

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [
        chapter["file"].removeprefix("book/")
        for part in toc["parts"]
        for chapter in part["chapters"]
        if (root / f"{chapter['file']}.ipynb").is_file()
    ]
    paths = [root / f"{toc['root']}.md"]
    paths += [
        root / folder / f"{name}.ipynb" for folder in ("book", "solutions") for name in chapters
    ]
    return [read_source(path) for path in paths if path.is_file()]


def parsed(text: str) -> ast.Module | None:
    """A cell without its magics as a tree; None if it is not Python."""
    try:
        return ast.parse(re.sub(r"^(\s*)[%!].*$", r"\1pass", text, flags=re.MULTILINE))
    except SyntaxError:
        return None


def claim_calls(cell: str | ast.Module | None) -> list[ast.Call]:
    """The calls of `claim` in a cell, in the order of its lines."""
    tree = parsed(cell) if isinstance(cell, str) else cell
    found = [
        node
        for node in ast.walk(tree or ast.Module([], []))
        if isinstance(node, ast.Call)
        and (getattr(node.func, "id", "") or getattr(node.func, "attr", "")) == "claim"
    ]
    return sorted(found, key=lambda call: (call.lineno, call.col_offset))


def is_plain(node: ast.AST) -> bool:
    """Whether an expression holds nothing but constants, as -1 or 2 / 3."""
    kinds = ast.Constant | ast.UnaryOp | ast.BinOp | ast.operator | ast.unaryop
    return all(isinstance(part, kinds) for part in ast.walk(node))


def said_by(call: ast.Call) -> tuple[str | None, Json]:
    """The text of a claim and its bounds, where the cell says them in constants."""
    text = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    bounds = {
        str(word.arg): eval(compile(ast.Expression(word.value), "bound", "eval"))
        for word in call.keywords
        if is_plain(word.value)
    }
    return text, bounds


def without_bounds(text: str) -> str:
    """A cell without comments, and without what its claims say in constants."""
    tree = parsed(text)
    if tree is None:
        return text
    for call in claim_calls(tree):
        said, bounds = said_by(call)
        if said is not None:
            call.args[0] = ast.Constant("")
        for word in call.keywords:
            if word.arg in bounds:
                word.value = ast.Constant(0)
    magics = re.findall(r"^\s*[%!].*$", text, flags=re.MULTILINE)
    return "\n".join([ast.dump(tree), *magics])


def statements(source: Source) -> dict[str, str]:
    """For each cell with claims a digest of what they state: their texts and bounds."""
    found = {}
    for identity, text in source.cells:
        said = []
        for call in claim_calls(text):
            bounds = (f"{word.arg}={ast.unparse(word.value)}" for word in call.keywords)
            said.append([*map(ast.unparse, call.args[:1]), *sorted(bounds)])
        if said:
            found[identity] = sha(json.dumps([said, bool(WIDE.search(text))]))[:8]
    return found


def sha(text: str | bytes) -> str:
    """A digest of a text."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


# --- one run, in a process of its own ------------------------------------------------------------


def shift_seeds(shift: int) -> list[int]:
    """Add `shift` to the seed of every generator that this process makes from now on.

    Returns:
        A list that grows by each seed that was asked for.
    """
    import numpy as np
    import torch

    asked: list[int] = []

    def shifted(seed: Any) -> Any:
        # NumPy takes sequences and its own generators too, and None for "any".
        if isinstance(seed, int | np.integer):
            asked.append(int(seed))
            return int(seed) + shift
        return [shifted(each) for each in seed] if isinstance(seed, list | tuple) else seed

    plain = torch.Generator

    class Generator(plain):  # type: ignore[misc, valid-type]
        def manual_seed(self, seed: int) -> torch.Generator:
            return super().manual_seed(shifted(seed))

    def wrap(owner: Any, name: str) -> None:
        made = getattr(owner, name)

        def with_shift(seed: Any = None, *args: Any, **options: Any) -> Any:
            return made(shifted(seed), *args, **options)

        setattr(owner, name, with_shift)

    torch.Generator = Generator  # type: ignore[misc]
    wrap(torch, "manual_seed")
    wrap(np.random, "default_rng")
    wrap(np.random, "seed")
    return asked


class Recorder:
    """Stands in for `claim`: does all that it does, but writes down instead of raising."""

    def __init__(self, module: Any) -> None:
        self.real, self.module = module.claim, module
        self.claims: list[Json] = []
        self.cell, self.order = "", 0
        self.calls: list[ast.Call] = []
        module.claim = self

    def enter(self, cell: str, text: str) -> None:
        """Count the claims of another cell from now on."""
        self.cell, self.order, self.calls = cell, 0, claim_calls(text)

    def place(self, frame: Any) -> int | None:
        """Which of the cell's calls of `claim` a frame is at; None if it is another cell's."""
        if frame.f_code.co_name != "<module>":
            return None
        line = frame.f_lineno
        at = [n for n, call in enumerate(self.calls) if call.lineno <= line <= call.end_lineno]
        return at[0] if len(at) == 1 else None

    def __call__(self, text: str, value: Any, **bounds: Any) -> None:
        """Check and record one claim; what is no claim at all raises, as ever."""
        holds = True
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                self.real(text, value, **bounds)
        except self.module.ClaimError:
            holds = False
        number = self.module._number
        self.claims.append(
            {
                "cell": self.cell,
                "order": self.order,
                "call": self.place(sys._getframe(1)),
                "text": text,
                "value": plain(number(value, "value")),
                "bounds": {k: plain(number(v, k)) for k, v in bounds.items() if v is not None},
                "holds": holds,
            }
        )
        self.order += 1


def plain(number: Any) -> Any:
    """A number as strict JSON has it: not finite ones as text."""
    return number if isinstance(number, int) or math.isfinite(number) else repr(float(number))


def run_cells(source: Source, shift: int) -> Json:
    """Run the cells of a page in this process, which must be a fresh one; return what came out."""
    begin, clock = time.process_time(), time.time()
    os.chdir(source.path.parent)
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    asked = shift_seeds(shift)
    import matplotlib as mpl

    mpl.use("agg")
    from IPython.core.interactiveshell import InteractiveShell
    from matplotlib import pyplot as plt

    from hnn_tutorial import notebook

    class Shell(InteractiveShell):
        def enable_matplotlib(self, gui: Any = None) -> tuple[Any, str]:
            """Draw nowhere, whatever a magic asks for."""
            return None, "agg"

    recorder = Recorder(notebook)
    shell = Shell.instance(colors="nocolor", history_length=0)
    shell.history_manager.enabled = False
    hidden: list[str] = []
    # What ipywidgets does with an exception in a callback, before it goes on.
    shell.showtraceback = lambda *_, **__: hidden.append(repr(sys.exc_info()[1]))
    failure = None
    for identity, text in source.cells:
        recorder.enter(identity, text)
        outcome = shell.run_cell(text, silent=True)  # silent: nothing is shown
        plt.close("all")
        error = outcome.error_before_exec or outcome.error_in_exec
        if error is not None or hidden:
            said = f"{type(error).__name__}: {error}" if error is not None else hidden[0]
            failure = f"cell {identity}: {said}"
            break
    return {
        "claims": recorder.claims,
        "failure": failure,
        "draws": len(asked),
        "seconds": round(time.process_time() - begin, 1),
        "files": loaded_files(clock),
    }


def loaded_files(since: float) -> dict[str, str]:
    """The files of the package that this process has loaded, and the digest of each.

    That of a file which was changed after `since` is left out: nobody knows what was loaded.
    """
    paths = {
        Path(module.__file__).resolve()
        for name, module in list(sys.modules.items())
        if name.split(".")[0] == "hnn_tutorial" and getattr(module, "__file__", None)
    }
    paths |= set((PACKAGE / "checkpoints").glob("*"))
    inside = sorted(path for path in paths if path.is_relative_to(ROOT))
    return {
        path.relative_to(ROOT).as_posix(): file_digest(path) if path.stat().st_mtime < since else ""
        for path in inside
    }


@cache
def file_digest(path: Path) -> str:
    """The digest of a file; of a Python file, without its comments and docstrings."""
    if not path.is_file():
        return ""
    if path.suffix != ".py":
        return sha(path.read_bytes())
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and body
            and isinstance(body[0], ast.Expr)
            and isinstance(body[0].value, ast.Constant)
            and isinstance(body[0].value.value, str)
        ):
            body[0] = ast.Pass()
    return sha(ast.dump(tree))


# --- many runs -----------------------------------------------------------------------------------


def versions() -> dict[str, str]:
    """The versions that the numbers depend on."""
    found = {name: metadata.version(name) for name in VERSIONS}
    return {"python": ".".join(map(str, sys.version_info[:2])), **found}


def stored(source: Source, shift: int) -> Json | None:
    """The outcome of an earlier run of the same code, if there is one."""
    for number in {shift, 0}:
        path = STORE / f"{source.name.replace('/', '-')}-{number}.json"
        try:
            outcome = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if (
            "raw" in outcome  # an older version of this tool did not keep it
            and outcome["failure"] is None  # what stopped it may not have been the notebook
            and outcome["code"] == source.digest
            and outcome["versions"] == versions()
            and all(
                file_digest(ROOT / name) == was
                for name, was in outcome["files"].items()
                if not SHOWS.fullmatch(name)
            )
            # Without a draw, all sets are the same.
            and (number == shift or outcome["draws"] == 0)
        ):
            return judged_anew(source, outcome)
    return None


def judged_anew(source: Source, outcome: Json) -> Json | None:
    """The outcome with the texts and bounds that the page has now; None if it must be run."""
    from hnn_tutorial.notebook import ClaimError, claim

    calls = {identity: claim_calls(text) for identity, text in source.cells}
    claims = []
    for was in outcome["claims"]:
        if was["call"] is None:
            if outcome["raw"] != source.raw:
                return None
            claims.append(was)
            continue
        text, plain_bounds = said_by(calls[was["cell"]][was["call"]])
        now = {**was, "text": was["text"] if text is None else text, "holds": True}
        now["bounds"] = {**was["bounds"], **plain_bounds}
        exact = isinstance(was["value"], int)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                claim(now["text"], was["value"] if exact else float(was["value"]), **now["bounds"])
        except ClaimError:
            now["holds"] = False
        except (TypeError, ValueError):
            return None
        claims.append(now)
    return {**outcome, "claims": claims}


def run_and_store(source: Source, shift: int) -> Json:
    """Run a page and keep the outcome; write the file whole or not at all."""
    outcome = run_cells(source, shift)
    outcome |= {"code": source.digest, "raw": source.raw, "versions": versions()}
    STORE.mkdir(parents=True, exist_ok=True)
    path = STORE / f"{source.name.replace('/', '-')}-{shift}.json"
    part = path.with_suffix(f".{os.getpid()}.part")
    part.write_text(json.dumps(outcome), encoding="utf-8")
    part.replace(path)
    return outcome


def run_all(sources: list[Source], shifts: list[int], jobs: int) -> dict[tuple[str, int], Json]:
    """Run what is not stored yet, the pages' own seeds first; return every outcome."""
    done: dict[tuple[str, int], Json] = {}
    for own in (True, False):  # a page that turns out to draw nothing is run once
        waiting = []
        for shift in [shift for shift in shifts if (shift == 0) is own]:
            for source in sources:
                outcome = stored(source, shift)
                if outcome is None:
                    waiting.append((source, shift))
                else:
                    done[source.name, shift] = outcome
        if waiting:
            done |= _run(waiting, jobs)
    return done


def _run(waiting: list[tuple[Source, int]], jobs: int) -> dict[tuple[str, int], Json]:
    print(f"running {len(waiting)} notebook(s), {min(jobs, len(waiting))} at a time", flush=True)
    done = {}
    # A fresh process for each: nothing that one set leaves behind, a cached result least of all,
    # may reach the next.
    with ProcessPoolExecutor(
        min(jobs, len(waiting)), mp_context=get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        tasks = {pool.submit(run_and_store, *task): task for task in waiting}
        for task in as_completed(tasks):
            source, shift = tasks[task]
            try:
                outcome = task.result()
            except BrokenProcessPool:
                raise SystemExit(
                    f"a process died while {source.name} ran (out of memory?); what was finished "
                    "is kept: run the command again, perhaps with --jobs 1"
                ) from None
            done[source.name, shift] = outcome
            said = outcome["failure"] or f"{len(outcome['claims'])} claims"
            print(f"  {source.name} +{shift}: {outcome['seconds']:.0f} s, {said}", flush=True)
    return done


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# --- the table -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One claim over the sets.

    Attributes:
        cell: the cell that makes it.
        text: the claim, at the notebook's own seeds.
        values: the value at each set; None where the claim was not reached.
        bounds: the bounds at each set.
        fails: the numbers of the sets at which it does not hold.
        wide: whether its cell says why the bound is wide.
    """

    cell: str
    text: str
    values: tuple[Any, ...]
    bounds: tuple[dict[str, Any], ...]
    fails: tuple[int, ...]
    wide: bool

    @property
    def two_sided(self) -> bool:
        """Whether the bounds leave a room between them."""
        return "within" in self.bounds[0] or {"above", "below"} <= set(self.bounds[0])

    @property
    def margin(self) -> float | None:
        """How far the worst set is from its bound; None where there is no such number."""
        pairs = [
            (value, bounds)
            for value, bounds in zip(self.values, self.bounds, strict=True)
            if value is not None
        ]
        found = [_margin(value, bounds) for value, bounds in pairs]
        known = [each for each in found if each is not None]
        if not known:
            return None
        return max(known) if self.two_sided else min(known)

    @property
    def loose(self) -> bool:
        """Whether the bound says little and nothing says why."""
        margin, edges = self.margin, [abs(edge) for edge in self.bounds[0].values()]
        if margin is None or self.wide or self.fails:
            return False
        if self.two_sided:
            bounds = self.bounds[0]
            if "within" in bounds:
                room, middle = bounds["within"], bounds["equals"]
            else:
                room = (bounds["below"] - bounds["above"]) / 2
                middle = (bounds["below"] + bounds["above"]) / 2
            narrow = room <= max(ROUNDING, (NARROW + 1e-9) * abs(middle))
            return not narrow and margin < 1 / LOOSE
        return max(edges) > ROUNDING and margin > LOOSE


def _margin(value: Any, bounds: dict[str, Any]) -> float | None:
    value = float(value)
    if "within" in bounds:
        room, away = bounds["within"], abs(value - bounds["equals"])
        return away / room if room else None
    if "equals" in bounds:
        return None
    if len(bounds) == 2:
        low, high = bounds["above"], bounds["below"]
        if high > 3 * low > 0:  # a room of factors
            if value <= 0:
                return math.inf
            low, value, high = math.log(low), math.log(value), math.log(high)
        middle = (low + high) / 2
        return abs(value - middle) / (high - middle)
    ((side, bound),) = bounds.items()
    if bound == 0:
        return None  # says which is larger, and not by how much
    small, large = (value, bound) if side == "below" else (bound, value)
    if bound < 0:
        small, large = -large, -small
    if large <= 0:
        return 0.0
    return large / small if small > 0 else math.inf


def rows(source: Source, outcomes: list[Json]) -> list[Row]:
    """The claims of a page over the sets, in the order in which it makes them."""
    wide = {identity for identity, text in source.cells if WIDE.search(text)}
    found: dict[tuple[str, int], list[Json | None]] = {}
    for number, outcome in enumerate(outcomes):
        for claim in outcome["claims"]:
            key = claim["cell"], claim["order"]
            found.setdefault(key, [None] * len(outcomes))[number] = claim
    # A later set may have made a claim that the first did not; each stands with its cell.
    places = {identity: place for place, (identity, _) in enumerate(source.cells)}
    made = []
    for (cell, _), claims in sorted(
        found.items(), key=lambda item: (places[item[0][0]], item[0][1])
    ):
        first = next(claim for claim in claims if claim is not None)
        made.append(
            Row(
                cell,
                first["text"],
                tuple(None if claim is None else claim["value"] for claim in claims),
                tuple((claim or first)["bounds"] for claim in claims),
                tuple(
                    number
                    for number, (claim, outcome) in enumerate(zip(claims, outcomes, strict=True))
                    if (claim is None and not outcome["failure"])
                    or (claim is not None and not claim["holds"])
                ),
                cell in wide,
            )
        )
    return made


def short(number: Any, digits: int = DIGITS) -> str:
    """A number with three digits; a truth value or a whole number as it is."""
    if number is None:
        return "-"
    if isinstance(number, str | int):
        return str(number)
    text = f"{number:.{digits}g}"
    return re.sub(r"e([+-])0*(?=\d)", lambda found: f"e{found[1].strip('+')}", text)


def bound_text(bounds: dict[str, Any]) -> str:
    """The bounds of a claim, as the table shows them."""
    if "equals" in bounds:
        room = f" ± {short(bounds['within'])}" if "within" in bounds else ""
        return f"= {short(bounds['equals'])}{room}"
    if len(bounds) == 2:
        return f"{short(bounds['above'])} to {short(bounds['below'])}"
    ((side, bound),) = bounds.items()
    return f"{'<' if side == 'below' else '>'} {short(bound)}"


def margin_text(row: Row) -> str:
    """The margin of a claim, as the table shows it."""
    if row.margin is None:
        return "exact" if set(row.bounds[0]) == {"equals"} else "sign"
    if row.two_sided:
        return f"{100 * row.margin:.0f} % used"
    if math.isinf(row.margin):
        return "any"
    return f"{short(row.margin, 2 if row.margin < 10 else 3)} ×"


def print_rows(name: str, made: list[Row]) -> None:
    """Print the table of one page."""
    print(f"\n{name}")
    for row in made:
        marks = [f"FAILS at set {', '.join(str(n + 1) for n in row.fails)}"] if row.fails else []
        marks += ["loose"] if row.loose else []
        marks += ["wide"] if row.wide else []
        values = row.values[:1] if len(set(row.values)) == 1 else row.values
        numbers = "  ".join(map(short, values))
        print(f"  {row.cell}: {row.text}")
        print(
            f"      {numbers}   {bound_text(row.bounds[0])}   {margin_text(row)}  {' '.join(marks)}"
        )


def table_of(source: Source, made: list[Row]) -> Json:
    """What the repository keeps of a page's claims."""
    claims = []
    for row in made:
        values = [value for value in row.values if value is not None]
        numbers = [float(value) for value in values]
        claims.append(
            {
                "cell": row.cell,
                "text": row.text,
                "value": short(row.values[0]),
                "range": ""
                if len(set(numbers)) < 2
                else f"{short_of(min, values)} to {short_of(max, values)}",
                "bound": bound_text(row.bounds[0]),
                "margin": margin_text(row),
                **({"wide": True} if row.wide else {}),
            }
        )
    return {"statements": statements(source), "claims": claims}


def short_of(pick: Any, values: Iterable[Any]) -> str:
    """The smallest or the largest of some values, short."""
    return short(pick(values, key=float))


def write_table(tables: dict[str, Json], sets: int, order: list[str]) -> None:
    """Put the tables of some pages into ``book/firmness.json``, and leave those of the others."""
    kept: Json = {}
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(TABLE.read_text(encoding="utf-8"))["pages"]
    merged = {**kept, **tables}
    pages = {name: merged[name] for name in order if name in merged}
    made = {"sets": sets, "shift": SHIFT, "versions": versions(), "pages": pages}
    text = json.dumps(made, indent=1, ensure_ascii=False)
    TABLE.write_text(text + "\n", encoding="utf-8")


def outdated(sources: Iterable[Source], path: Path = TABLE) -> Iterator[str]:
    """Say which pages' claims are no longer those of the table."""
    pages = json.loads(path.read_text(encoding="utf-8"))["pages"]
    known = {}
    for source in sources:
        known[source.name] = source
        if statements(source) != pages.get(source.name, {}).get("statements", {}):
            yield f"the claims of {source.name} have changed: run `make seeds`"
    for name in sorted(set(pages) - set(known)):
        yield f"{name} is no page with claims any more: run `make seeds`"


# --- the command ---------------------------------------------------------------------------------


def chosen(sources: list[Source], wanted: list[str]) -> list[Source]:
    """The pages that were asked for, by path or by the name of a chapter."""
    picked = []
    for text in wanted:
        name = text.removeprefix(f"{ROOT.as_posix()}/").removesuffix(".ipynb").removesuffix(".md")
        found = [source for source in sources if name in (source.name, source.name.split("/")[-1])]
        if not found:
            names = ", ".join(source.name for source in sources)
            raise SystemExit(f"{text} is no page with code; there are {names}")
        picked += [source for source in found if source not in picked]
    return picked


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(
        description="Run the notebooks with all their seeds shifted, and show how firm claims are."
    )
    parser.add_argument("--sets", type=int, default=SETS, help=f"sets of seeds (default {SETS})")
    parser.add_argument(
        "--notebook", action="append", default=[], help="only this one; may be given several times"
    )
    parser.add_argument("--jobs", type=int, default=cores(), help="processes (default: all cores)")
    parser.add_argument(
        "--loose", action="store_true", help="show only claims that fail or are loose"
    )
    parser.add_argument(
        "--stored", action="store_true", help="run nothing: show and write what has been run"
    )
    options = parser.parse_args(arguments)
    if options.sets < 1 or options.jobs < 1:
        parser.error("--sets and --jobs are positive numbers")
    every = [source for source in all_sources() if source.makes_claims]
    sources = chosen(every, options.notebook) if options.notebook else every
    shifts = [SHIFT * number for number in range(options.sets)]
    if options.stored:
        outcomes = {(s.name, n): kept for s in sources for n in shifts if (kept := stored(s, n))}
        waiting = [s.name for s in sources if any((s.name, n) not in outcomes for n in shifts)]
        sources = [source for source in sources if source.name not in waiting]
        print(f"not all sets have been run: {', '.join(waiting) or 'none'}")
    else:
        outcomes = run_all(sources, shifts, options.jobs)

    tables, failing, loose, count, failures = {}, 0, 0, 0, []
    for source in sources:
        of_page = [outcomes[source.name, shift] for shift in shifts]
        made = rows(source, of_page)
        print_rows(source.name, [r for r in made if r.fails or r.loose or not options.loose])
        for shift, outcome in zip(shifts, of_page, strict=True):
            if outcome["failure"]:
                failures.append(f"{source.name} raised with seeds +{shift}, {outcome['failure']}")
        count, failing = count + len(made), failing + sum(bool(row.fails) for row in made)
        loose += sum(row.loose for row in made)
        if made and not any(outcome["failure"] for outcome in of_page):
            tables[source.name] = table_of(source, made)
    if options.sets == SETS and not options.notebook:
        write_table(tables, options.sets, [source.name for source in every])
    print()
    print("\n".join(failures), end="\n" if failures else "")
    spent = sum(outcome["seconds"] for outcome in outcomes.values())
    print(
        f"{count} claims in {len(sources)} notebook(s), {options.sets} set(s) of seeds: "
        f"{failing} fail, {loose} are loose, {len(failures)} run(s) raised; {spent:.0f} CPU seconds"
    )
    return 1 if failing or failures else 0


if __name__ == "__main__":
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "HNN_TUTORIAL_THREADS"):
        os.environ[variable] = "1"
    sys.exit(main())
