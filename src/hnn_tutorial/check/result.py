"""What a check hands back: a result, or a chapter's progress, that displays itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Literal

Status = Literal["passed", "wrong", "not attempted"]
Standing = Literal[Status, "passed earlier"] | None  # of an exercise, in a chapter's progress

# Word and sign carry the meaning; the colour only repeats it. Each of the three colours has a
# contrast of at least 3:1 against white and against the dark theme's #121212.
_LABEL: dict[str, tuple[str, str, str]] = {
    "passed": ("✓", "Passed", "#009E73"),
    "passed earlier": ("✓", "Passed earlier", "#009E73"),
    "wrong": ("✗", "Not yet right", "#D55E00"),
    "not attempted": ("○", "Not attempted yet", "#7a7a7a"),
}


def _prose(text: str) -> str:
    """Escape text for HTML; what stands between backticks becomes code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", escape(text))


@dataclass(frozen=True)
class Result:
    """The outcome of one check, true exactly when the check was passed.

    Args:
        exercise: Title of the exercise, for example ``"Exercise 2 (code): ..."``.
        status: ``"passed"``, ``"wrong"`` or ``"not attempted"``.
        message: What was found, in words for the learner. Backticks mark code.
        note: What this changes in the learner's progress, or nothing.
    """

    exercise: str
    status: Status
    message: str
    note: str = ""

    def __bool__(self) -> bool:
        return self.status == "passed"

    def __repr__(self) -> str:
        sign, word, _ = _LABEL[self.status]
        return f"{sign} {word}: {self.exercise}\n{self.message}\n{self.note}".rstrip()

    def _repr_html_(self) -> str:
        sign, word, colour = _LABEL[self.status]
        note = f'<div style="opacity: 0.8">{_prose(self.note)}</div>' if self.note else ""
        return (
            f'<div class="hnn-check" style="border-left: 5px solid {colour}; '
            'padding: 0.3em 0.8em; margin: 0.3em 0; color: inherit; background: none">'
            f'<div><span aria-hidden="true">{sign}</span> <strong>{word}</strong>: '
            f"{_prose(self.exercise)}</div>"
            f'<div style="white-space: pre-wrap">{_prose(self.message)}</div>{note}</div>'
        )


@dataclass(frozen=True)
class Progress:
    """Where a learner stands in one notebook: one row per exercise, in order.

    Args:
        rows: Pairs of the exercise's title and its last status, or ``None`` where its check has
            not run yet.
    """

    rows: tuple[tuple[str, Standing], ...]

    @property
    def solved(self) -> int:
        """Number of exercises whose last check was passed."""
        return sum(status in ("passed", "passed earlier") for _, status in self.rows)

    @property
    def complete(self) -> bool:
        """Whether every exercise was passed."""
        return self.solved == len(self.rows)

    def __bool__(self) -> bool:
        return self.complete

    def _lines(self) -> list[tuple[str, str, str]]:
        unseen = ("·", "Check not run yet", "#7a7a7a")
        return [
            (*(unseen if status is None else _LABEL[status])[:2], title)
            for title, status in self.rows
        ]

    def __repr__(self) -> str:
        width = max((len(word) for _, word, _ in self._lines()), default=0)
        lines = [f"{self.solved} of {len(self.rows)} exercises solved"]
        lines += [f"  {sign} {word:<{width}}  {title}" for sign, word, title in self._lines()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        cell = 'style="text-align: left; padding: 0.1em 0.8em 0.1em 0; background: none"'
        whole = cell.replace("background", "white-space: nowrap; background")
        rows = "".join(
            f'<tr style="background: none"><td {whole}><span aria-hidden="true">{sign}</span> '
            f"{word}</td><td {cell}>{_prose(title)}</td></tr>"
            for sign, word, title in self._lines()
        )
        return (
            '<div class="hnn-check" style="color: inherit; background: none">'
            f"<strong>{self.solved} of {len(self.rows)} exercises solved</strong>"
            '<table style="color: inherit; border: none; margin-left: 0"><thead><tr>'
            f'<th scope="col" {cell}>Check</th><th scope="col" {cell}>Exercise</th></tr></thead>'
            f"<tbody>{rows}</tbody></table></div>"
        )
