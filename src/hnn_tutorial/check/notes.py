"""Notes of what a learner has solved: an empty file for each exercise, beside the start page.

A solved exercise is the file ``.progress/CHAPTER/NUMBER``. The file system makes such a file in a
single step, so kernels that run side by side lose nothing, a kernel that is killed leaves no half
of a note, and there is no content that could be damaged. Files are made only in the folder of the
exercises, beside the start page; the solutions, the book and Colab note nothing.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

START_PAGE = "start_here.ipynb"  # made by tools/exercises.py
FOLDER = ".progress"
HERE = Path()  # of the notebook: relative, since the working folder may even be gone


def is_kept(folder: Path = HERE) -> bool:
    """Whether a folder is one of exercises, in which progress is noted."""
    return os.path.isfile(folder / START_PAGE)


def solved(chapter: str, numbers: Collection[int], folder: Path = HERE) -> set[int]:
    """Those of a chapter's numbers whose exercise has once passed its check."""
    place = folder / FOLDER / chapter
    # What cannot be read counts as not there; Path.is_file would raise.
    return {number for number in numbers if os.path.isfile(place / str(number))}


def note(chapter: str, number: int, numbers: Collection[int], folder: Path = HERE) -> str:
    """Note that an exercise is solved.

    Args:
        chapter: Name of the exercise's chapter.
        number: The exercise's number.
        numbers: Those of all exercises of the chapter.
        folder: The folder of the exercises.

    Returns:
        How far the chapter is solved, or why that could not be noted, as one sentence for the
        learner; empty where no progress is kept.
    """
    if not is_kept(folder):
        return ""
    place = folder / FOLDER / chapter
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / str(number)).touch()
    except OSError as error:
        return f"Your progress could not be noted: {error.strerror}: `{error.filename}`."
    return f"{len(solved(chapter, numbers, folder))} of {len(numbers)} solved in this chapter."
