"""An explorer: one picture for each choice of a few values, drawn when the cell runs."""

import io
import math
import re
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from itertools import product
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import anywidget
import traitlets

from hnn_tutorial.widgets._bundle import bundle, styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Usual widths of a narrow column and of a wide one, and sizes in pixels, as lab.css sets them: what
# is around all, a row of choices, between groups and between segments, the least of a segment and
# what is around its letters, a letter, what is around printed lines, one of them, between panels.
COLUMNS = (358, 696)
AROUND, ROW, GROUPS, SEGMENTS, LEAST, PADDING, LETTER = 45.2, 66.2, 25.6, 6.4, 44.0, 27.6, 8.5
PRINTED, LINE, PANELS = 9.6, 20.4, 9.6
PIXEL = 4 / 3  # of a point

Value = bool | int | float | str

MOST_COMBINATIONS = 12
"""Pictures of one explorer: each is in the page, and was drawn while the reader waited."""


def explore(draw: Callable[..., Any], /, **values: Sequence[Value]) -> "Explorer":
    r"""Show what a function draws for every combination of a few values.

    The function is called once for each of the :math:`\prod_i n_i` combinations when the cell
    runs, so that the reader can switch between the pictures without a kernel. With one, another
    number can be typed, and the function is called for it.

    Args:
        draw: called as ``draw(name=value, ...)``; it draws with matplotlib, and what it prints is
            shown too. A text that it returns is the picture's alternative text.
        values: for each argument of the function the values to choose from: numbers, words or
            truth values. The first of each is shown first.

    Returns:
        The explorer, which a notebook shows as the last value of a cell.

    Raises:
        TypeError: for anything but a function, sequences and plain values.
        ValueError: without values, for a value given twice, for more than 12 combinations, or if
            the function draws nothing.
    """
    if not callable(draw):
        raise TypeError(f"draw is a {type(draw).__name__}; expected a function that draws")
    if not values:
        raise ValueError("no values to choose from; write explore(draw, sigma=(0.0, 0.1))")
    choices = {name: _choices(name, given) for name, given in values.items()}
    count = math.prod(len(each) for each in choices.values())
    if count > MOST_COMBINATIONS:
        raise ValueError(
            f"these values make {count} combinations, each a picture; an explorer shows at most "
            f"{MOST_COMBINATIONS}"
        )
    return Explorer(draw, choices)


class Explorer(anywidget.AnyWidget):
    """Pictures by the values that they belong to; made by ``explore``.

    Attributes:
        chosen: the value of each argument that is shown, two-way.
    """

    _esm = bundle("questions/explorer.js")
    _css = styles("lab.css")

    _heights = traitlets.List(traitlets.Int()).tag(sync=True)
    _choices = traitlets.Dict().tag(sync=True)
    _pictures = traitlets.List(traitlets.Dict()).tag(sync=True)
    _trouble = traitlets.Unicode("").tag(sync=True)
    chosen = traitlets.Dict().tag(sync=True)

    def __init__(self, draw: Callable[..., Any], choices: dict[str, list[Value]]) -> None:
        self._draw = draw
        combinations = [
            dict(zip(choices, each, strict=True)) for each in product(*choices.values())
        ]
        pictures = [picture(draw, values) for values in combinations]
        super().__init__(
            _choices=choices,
            _pictures=pictures,
            _heights=[explorer_height(choices, pictures, column) for column in COLUMNS],
            chosen=combinations[0],
        )

    @traitlets.validate("chosen")
    def _check_chosen(self, proposal: dict[str, Any]) -> dict[str, Value]:
        chosen = proposal["value"]
        if list(chosen) != list(self._choices):
            raise ValueError(f"chosen has {', '.join(chosen)}; expected {', '.join(self._choices)}")
        return {name: _plain(name, value) for name, value in chosen.items()}

    @traitlets.observe("chosen")
    def _follow(self, change: dict[str, Any]) -> None:
        """Draw what is not drawn yet; what goes wrong is told beside the controls."""
        chosen = change["new"]
        if any(made["values"] == chosen for made in self._pictures):
            self._trouble = ""
            return
        try:
            made = picture(self._draw, chosen)
        except Exception as error:
            # Any error of the reader's own function: shown, as a cell would show it.
            self._trouble = f"{type(error).__name__}: {error}"
            return
        self._trouble = ""
        self._pictures = [*self._pictures, made]


def picture(draw: Callable[..., Any], values: dict[str, Value]) -> dict[str, Any]:
    """Call a function, and return what it drew and printed.

    Args:
        draw: the function.
        values: its arguments.

    Returns:
        ``values``, ``svgs`` (a text for each figure), ``alt`` and ``text``.

    Raises:
        ValueError: if it draws nothing.
    """
    import matplotlib as mpl
    from matplotlib import pyplot as plt

    from hnn_tutorial._svg import to_svg
    from hnn_tutorial.plotting import use_style

    before = set(plt.get_fignums())
    printed = io.StringIO()
    # A figure that is shown stays open here, so that it can be taken.
    with mpl.rc_context(), patch.object(plt, "show"), redirect_stdout(printed), plt.ioff():
        use_style()
        try:
            said = draw(**values)
        finally:
            figures = [plt.figure(n) for n in plt.get_fignums() if n not in before]
            for figure in figures:
                plt.close(figure)
        svgs = [svg for svg in map(to_svg, figures) if svg]
    if not svgs:
        raise ValueError(
            f"{getattr(draw, '__name__', 'the function')}({_words(values)}) draws nothing; it "
            "must draw with matplotlib"
        )
    alt = said if isinstance(said, str) else f"With {_words(values)}: {_what(figures)}"
    return {"values": values, "svgs": svgs, "alt": alt, "text": printed.getvalue().strip()}


def explorer_height(
    choices: dict[str, list[Value]], pictures: list[dict[str, Any]], column: float
) -> int:
    """Return about how high all is with the highest picture, in a column of so many pixels."""
    return round(choices_height(choices, column) + max(shown_height(p, column) for p in pictures))


def choices_height(choices: dict[str, list[Value]], column: float) -> float:
    """Return about how high an explorer is without its picture, in a column of so many pixels."""
    rows, free = 0, 0.0
    for name, values in choices.items():
        segments = [max(LEAST, PADDING + LETTER * len(f"{value}")) + SEGMENTS for value in values]
        width = max(sum(segments) - SEGMENTS, 7 * len(name))
        if width > free:
            # Segments that do not fit stand below each other.
            rows += math.ceil(width / column)
            free = column
        free -= width + GROUPS
    return AROUND + ROW * rows


def shown_height(made: dict[str, Any], column: float) -> float:
    """Return how high what ``picture`` returns is, in a column of so many pixels."""
    height = 0.0
    for svg in made["svgs"]:
        head = svg[: svg.index(">")]
        panels = re.search(r'data-hnn-panels="([^"]*)"', head)
        if panels and column < 560:
            sizes = [[float(part) for part in box.split()[2:]] for box in panels[1].split("; ")]
            height += PANELS * len(sizes)
        else:
            sizes = [[float(size) for size in re.findall(r' (?:width|height)="([\d.]+)', head)]]
        for wide, high in sizes:
            height += PIXEL * high * min(1.0, column / (PIXEL * wide))
    if made["text"]:
        height += PRINTED + LINE * len(made["text"].splitlines())
    return height


def _choices(name: str, given: Sequence[Value]) -> list[Value]:
    """Return the values of an argument as a list, or say what is wrong with them."""
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"{name} is a {type(given).__name__}; expected a sequence of values")
    values = [_plain(name, value) for value in given]
    if not values:
        raise ValueError(f"{name} has no values to choose from")
    if len({repr(value) for value in values}) < len(values):
        raise ValueError(f"{name} has a value twice: {values}")
    return values


def _plain(name: str, value: Any) -> Value:
    if not isinstance(value, bool | int | float | str):
        raise TypeError(f"{name} has a {type(value).__name__}; expected numbers or words")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} has {value}; expected finite numbers")
    return value


def _words(values: dict[str, Value]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _what(figures: "list[Figure]") -> str:
    """Say what figures show, from their labels."""
    parts = []
    for figure in figures:
        for ax in figure.axes:
            axes = " over ".join(text for text in (ax.get_ylabel(), ax.get_xlabel()) if text)
            lines = [line.get_label() for line in ax.lines]
            named = ", ".join(str(label) for label in lines if not str(label).startswith("_"))
            parts.append(" of ".join(text for text in (axes, named) if text))
    return "; ".join(part for part in parts if part) or "a picture"
