"""What a learner has solved: noted beside the start page of the exercises, and shown there.

In the start page, or any notebook beside it::

    from hnn_tutorial.check.progress import overview

    overview()  # per chapter: how many exercises are solved, and which is next
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path

from hnn_tutorial._validate import lookup
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.notes import FOLDER, HERE, START_PAGE, is_kept, solved


@dataclass(frozen=True)
class Row:
    """One chapter of an overview.

    Args:
        name: Name of the chapter's notebook, without suffix.
        title: What it is called.
        solved: Number of exercises solved.
        total: Number of exercises.
        next: Title of the first exercise that is not solved; empty if there is none.
    """

    name: str
    title: str
    solved: int
    total: int
    next: str


@dataclass(frozen=True)
class Overview:
    """How far a learner has come in some chapters; displays itself as text or as a table.

    Args:
        rows: The chapters.
        kept: Whether progress is noted in the folder that was looked at.
    """

    rows: tuple[Row, ...]
    kept: bool = True

    def _headline(self) -> str:
        if not self.kept:
            return f"No progress is kept here: it is kept in the folder with {START_PAGE}."
        done, total = sum(row.solved for row in self.rows), sum(row.total for row in self.rows)
        return f"{done} of {total} exercises solved."

    def _next(self) -> Row | None:
        """The chapter to go on with: one that is begun, else the first that is not."""
        left = [row for row in self.rows if row.next]
        return next((row for row in left if row.solved), left[0] if left else None)

    def __repr__(self) -> str:
        width = max((len(row.title) for row in self.rows), default=0)
        lines = [
            f"  {row.title:<{width}}  {row.solved} of {row.total}  {row.next or 'complete'}"
            for row in self.rows
        ]
        upcoming = self._next()
        if upcoming:
            lines.append(f"Go on with exercises/{upcoming.name}.ipynb: {upcoming.next}")
        return "\n".join([self._headline(), *lines])

    def _repr_html_(self) -> str:
        cell = 'style="text-align: left; padding: 0.2em 1em 0.2em 0; background: none"'

        def link(row: Row) -> str:
            return f'<a href="{escape(row.name)}.ipynb">{escape(row.title)}</a>'

        def dots(row: Row) -> str:
            signs = "●" * row.solved + "○" * (row.total - row.solved)
            return f'<span aria-hidden="true">{signs}</span> {row.solved} of {row.total}'

        body = "".join(
            f'<tr style="background: none"><td {cell}>{link(row)}</td>'
            f"<td {cell.replace('background', 'white-space: nowrap; background')}>{dots(row)}</td>"
            f"<td {cell}>{escape(row.next or 'Complete')}</td></tr>"
            for row in self.rows
        )
        head = "".join(f'<th scope="col" {cell}>{h}</th>' for h in ("Exercises", "Solved", "Next"))
        upcoming = self._next()
        go_on = f" Go on with {link(upcoming)}: {escape(upcoming.next)}." if upcoming else ""
        return (
            '<div class="hnn-check" style="color: inherit; background: none">'
            f"<div><strong>{self._headline()}</strong>{go_on}</div>"
            f'<table style="color: inherit; border: none"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )


def overview(*names: str, folder: Path = HERE) -> Overview:
    """How many exercises are solved, and which is next, for each chapter.

    Args:
        *names: The chapters to show; all if there is none.
        folder: The folder of the exercises; the working folder unless given.

    Returns:
        The overview, in the order of the start page.

    Raises:
        ValueError: If there is no such chapter.
    """
    titles = _titles(folder)
    rows = []
    for chapter in _chapters(names):
        done = solved(chapter.name, chapter.numbers.values(), folder)
        titled = zip(chapter.numbers.values(), chapter.exercises.values(), strict=True)
        left = [title for number, title in sorted(titled) if number not in done]
        title = titles.get(chapter.name, chapter.name)
        row = Row(chapter.name, title, len(done), len(chapter.numbers), left[0] if left else "")
        rows.append(row)
    order = [*titles, *(row.name for row in rows)]
    return Overview(tuple(sorted(rows, key=lambda row: order.index(row.name))), is_kept(folder))


def reset(*names: str, folder: Path = HERE) -> None:
    """Forget what was solved.

    Args:
        *names: The chapters to forget; all if there is none.
        folder: The folder of the exercises; the working folder unless given.

    Raises:
        ValueError: If there is no such chapter.
        OSError: If a note cannot be removed.
    """
    for chapter in _chapters(names):
        for number in solved(chapter.name, chapter.numbers.values(), folder):
            (folder / FOLDER / chapter.name / str(number)).unlink(missing_ok=True)


def _chapters(names: Iterable[str]) -> list[Chapter]:
    """The chapters of these names; all if there is none."""
    modules = [
        importlib.import_module(f"{__package__}.{found.name}")
        for found in pkgutil.iter_modules([str(Path(__file__).parent)])
    ]
    every = {module.chapter.name: module.chapter for module in modules if "chapter" in vars(module)}
    return [lookup(every, name, "chapter") for name in names or every]


def _titles(folder: Path) -> dict[str, str]:
    """Titles of the chapters in the course's order, as the start page's metadata hold them.

    Without a start page that can be read, titles and order are missing, and nothing else.
    """
    try:
        page = json.loads((folder / START_PAGE).read_bytes())
        listed = page["metadata"]["hnn_tutorial"]["chapters"]
        return {str(name): str(title) for name, title in listed}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}
