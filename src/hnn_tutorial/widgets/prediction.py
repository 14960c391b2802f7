"""Predictions: the reader answers first, and the page then shows how near the answer was."""

import math
from collections.abc import Sequence
from html import escape
from typing import Any

import anywidget
import numpy as np
import torch
import traitlets
from torch import Tensor

from hnn_tutorial import palette
from hnn_tutorial._validate import as_number, check_type, describe, lookup
from hnn_tutorial.widgets._bundle import bundle, styles
from hnn_tutorial.widgets.quiz import Rich, markup_html, parse_markup

DRAWN = 65
"""Points of a curve that the reader draws, equally spaced along the axis."""

SHOWN = 4 * (DRAWN - 1) + 1
"""Points of the curve that answers it."""

# Heights in pixels, as prediction.css sets them: a line, a card with a title of no line, and what
# stands below a control in a narrow and in a wide card.
LINE, HEAD, FOOT = 22, 58, (100, 55)

Axis = tuple[str, float, float]


class Predictions:
    """The predictions of one chapter: each asks, waits for the reader's answer, and then tells.

    A prediction is made by ``choice``, ``number``, ``curve`` or ``point`` and shown as the last
    line of a cell. Its ``reveal`` is the last line of the cell that ends the answer. In the
    built page all that follows a question in its section, to the first subsection behind the
    answer, waits until the reader has answered, or reads on without an answer; a kernel shows
    the cells as they run, and only ``reveal`` waits::

        ask = Predictions("pendulum")
        period = ask.number("period at 179.9°, in small swings", 1, 20)
        period
        ...
        period.reveal(ratio)

    A label that is asked again, because its cell is run again, keeps the answer that it has.
    Labels and answers may hold the marks of ``Quiz``: ``*italics*``, ``_{lower}``, ``^{upper}``
    and ```code```.

    Args:
        chapter: the notebook's name without its ending; the reader's progress is kept under it.

    Raises:
        TypeError: if it is no text.
        ValueError: if it is empty.
    """

    def __init__(self, chapter: str) -> None:
        self._chapter = _text("chapter", chapter)
        self._asked: dict[str, Prediction] = {}
        self._cards: list[_Card] = []

    def choice(self, label: str, answers: Sequence[str]) -> "Choice":
        """Ask for one of several answers.

        ``reveal(right)`` takes the right answer, as text or as its place counted from 0, or a
        list of them if several are right.

        Args:
            label: what is asked, in a few words; no other prediction of the chapter has it.
            answers: two to eight, all different.

        Returns:
            The widget.

        Raises:
            TypeError: if something is no text.
            ValueError: for fewer than two answers, more than eight, or two that are the same.
        """
        check_type((list, tuple), "a list of texts", answers=answers)
        texts = [_text(f"answers[{i}]", answer) for i, answer in enumerate(answers)]
        if not 2 <= len(texts) <= 8 or len(set(texts)) < len(texts):
            raise ValueError(f"answers are {texts}; expected two to eight, all different")
        return self._keep(Choice(label, {"answers": [_rich("answers", t) for t in texts]}, texts))

    def number(
        self, label: str, low: float, high: float, *, log: bool = False, unit: str = ""
    ) -> "Number":
        """Ask for a number.

        ``reveal(value, within=None)`` takes the right number. Near enough is a quarter of it
        (``within=0.25``) or a twentieth of the axis, whichever is more; on a logarithmic axis, a
        factor of two (``within=2``).

        Args:
            label: what is asked, in a few words.
            low, high: the ends of the axis, in the unit.
            log: whether the axis is logarithmic.
            unit: such as ``"s"``.

        Returns:
            The widget.

        Raises:
            TypeError: if something is not of its kind.
            ValueError: if ``low`` is not below ``high``, or not positive on a logarithmic axis.
        """
        ends = _ends("low, high", low, high)
        check_type(bool, "True or False", log=log)
        check_type(str, "a text", unit=unit)
        if log and ends[0] <= 0:
            raise ValueError(f"low = {low}; expected more than 0 on a logarithmic axis")
        spec = {"low": ends[0], "high": ends[1], "log": log, "unit": unit.strip()}
        return self._keep(Number(label, spec))

    def curve(self, label: str, x: Axis, y: Axis) -> "Curve":
        """Ask for a curve, drawn over axes.

        ``reveal(times, values, role=None, within=0.15)`` takes the points of the right curve,
        ``(T,)`` each, and the role whose colour it has. Near enough is a root mean square
        distance of 0.15 of the upright axis.

        Args:
            label: what is asked, in a few words.
            x: ``(name, low, high)`` of the level axis, the name with its unit.
            y: the same of the upright axis.

        Returns:
            The widget.

        Raises:
            TypeError, ValueError: if an axis is not that.
        """
        return self._keep(Curve(label, {"x": _axis("x", x), "y": _axis("y", y)}))

    def point(self, label: str, x: Axis, y: Axis) -> "Point":
        """Ask for a point of a plane.

        ``reveal((x, y), within=0.1)`` takes the right one. Near enough is a tenth of the axes.

        Args:
            label: what is asked, in a few words.
            x: ``(name, low, high)`` of the level axis, the name with its unit.
            y: the same of the upright axis.

        Returns:
            The widget.

        Raises:
            TypeError, ValueError: if an axis is not that.
        """
        return self._keep(Point(label, {"x": _axis("x", x), "y": _axis("y", y)}))

    def score(self) -> "Score":
        """Return a line that says how many of the chapter's predictions were right."""
        card = Score(
            _chapter=self._chapter,
            _picture_alt="the score of this chapter's predictions",
            _heights=[HEAD + LINE, HEAD + LINE],
        )
        self._add(card)
        return card

    def _keep(self, made: Any) -> Any:
        made._chapter, made._owner = self._chapter, self
        before = self._asked.get(made._label)
        if before is not None and (before._kind, before._spec) == (made._kind, made._spec):
            made.guess, made.passed = before.guess, before.passed
        self._asked[made._label] = made
        made.observe(lambda _: self._mark(), ["guess", "passed", "right"])
        self._add(made)
        return made

    def _add(self, card: "_Card") -> None:
        self._cards.append(card)
        self._mark()

    def _mark(self) -> None:
        """Tell every card how each prediction of the chapter stands."""
        marks = {label: made._mark_of() for label, made in self._asked.items()}
        for card in self._cards:
            card._marks = marks


class _Card(anywidget.AnyWidget):
    """What the parts of a prediction share."""

    _esm = bundle("questions/prediction.js")
    _css = styles("prediction.css")

    _part = traitlets.Unicode().tag(sync=True)
    _picture = traitlets.Unicode().tag(sync=True)
    _picture_alt = traitlets.Unicode().tag(sync=True)
    _chapter = traitlets.Unicode().tag(sync=True)
    _marks = traitlets.Dict().tag(sync=True)
    _heights = traitlets.List(traitlets.Int()).tag(sync=True)


class Score(_Card):
    """How many of a chapter's predictions were right; made by ``Predictions.score``."""

    _part = traitlets.Unicode("score").tag(sync=True)


class _Asked(_Card):
    """What question and outcome share.

    Attributes:
        guess: the reader's answer, None until there is one; two-way.
        passed: whether the reader reads on without an answer; two-way.
        right: whether the answer was near enough, None until both are known.
    """

    _label = traitlets.Unicode().tag(sync=True)
    _words = traitlets.List(traitlets.Any()).tag(sync=True)
    _kind = traitlets.Unicode().tag(sync=True)
    _spec = traitlets.Dict().tag(sync=True)
    _truth = traitlets.Any(None, allow_none=True).tag(sync=True)
    guess = traitlets.Any(None, allow_none=True).tag(sync=True)
    passed = traitlets.Bool(False).tag(sync=True)
    right = traitlets.Bool(None, allow_none=True).tag(sync=True)


class Outcome(_Asked):
    """The reader's answer beside the right one; made by ``reveal``."""

    _part = traitlets.Unicode("answer").tag(sync=True)


class Prediction(_Asked):
    """A question that waits for the reader's answer; ``Predictions`` makes it."""

    _part = traitlets.Unicode("ask").tag(sync=True)
    _owner: Predictions

    def __init__(self, label: str, spec: dict[str, Any]) -> None:
        label = _text("label", label)
        words = _rich("label", label)
        super().__init__(
            _label=label,
            _words=words,
            _kind=type(self).__name__.lower(),
            _spec=spec,
            _picture=_sheet([f"Your prediction: {markup_html(words)}", *self._offer(spec)]),
            _picture_alt=f"a question: {label}",
            _heights=[_head(label, wide) + self._room(wide) + FOOT[wide] for wide in (False, True)],
        )

    def _room(self, wide: bool) -> int:
        """How high the control is, in pixels, in a card that is narrow or wide."""
        return 300 if wide else 230

    def _offer(self, spec: dict[str, Any]) -> list[str]:
        """What can be answered, as lines for paper."""
        return [f"{escape(name)}, from {low:g} to {high:g}" for name, low, high in spec.values()]

    def _fits(self, guess: Any) -> bool:
        """Whether a value can be an answer."""
        raise NotImplementedError

    def _reveal(self, truth: dict[str, Any], picture: str, said: str) -> Outcome:
        self._truth = truth
        same = ("_chapter", "_label", "_words", "_kind", "_spec", "guess", "passed")
        outcome = Outcome(
            **{name: getattr(self, name) for name in same},
            _truth=truth,
            _picture=picture,
            _picture_alt=f"{self._label}: {said}",
            _heights=[
                _head(self._label, wide) + self._told(wide) + (2 if wide else 3) * LINE
                for wide in (False, True)
            ],
        )
        for name in ("guess", "passed", "right"):
            traitlets.link((self, name), (outcome, name))
        self._owner._add(outcome)
        return outcome

    def _told(self, wide: bool) -> int:
        """How high the picture of the outcome is, in pixels."""
        return self._room(wide) + LINE + 10

    def _mark_of(self) -> str:
        if self.guess is None:
            return "passed" if self.passed else "open"
        return {None: "answered", True: "right", False: "wrong"}[self.right]

    @traitlets.validate("guess")
    def _check_guess(self, proposal: dict[str, Any]) -> Any:
        guess = proposal["value"]
        if guess is not None and not self._fits(guess):
            raise ValueError(
                f"guess is {describe(guess)}, which is no answer to {self._label!r}; expected "
                f"None or {self._wanted}"
            )
        return guess

    _wanted = ""


class Choice(Prediction):
    """A choice of answers; see ``Predictions.choice``."""

    _wanted = "the place of an answer, counted from 0"

    def __init__(self, label: str, spec: dict[str, Any], texts: list[str]) -> None:
        self._texts = texts
        super().__init__(label, spec)

    def reveal(self, right: int | str | Sequence[int | str]) -> Outcome:
        """Return what shows which answers are right: texts, or places counted from 0.

        Raises:
            TypeError, ValueError: if there is no such answer.
        """
        given = list(right) if isinstance(right, list | tuple) else [right]
        if not given:
            raise ValueError("right is empty; expected an answer, or a list of answers")
        places = sorted({self._place(answer) for answer in given})
        said = "; ".join(self._texts[place] for place in places)
        written = "; ".join(markup_html(self._spec["answers"][place]) for place in places)
        return self._reveal({"right": places}, _sheet([f"Answer: {written}"]), said)

    def _place(self, answer: Any) -> int:
        check_type((int, str), "an answer's text, or its place counted from 0", right=answer)
        if isinstance(answer, bool):
            raise TypeError(f"right is {answer}; expected an answer's text, or its place")
        if isinstance(answer, int):
            answer = dict(enumerate(self._texts)).get(answer, answer)
        return lookup({text: i for i, text in enumerate(self._texts)}, answer, "answer")

    def _offer(self, spec: dict[str, Any]) -> list[str]:
        return [f"– {markup_html(answer)}" for answer in spec["answers"]]

    def _room(self, wide: bool) -> int:
        lines = [_lines(text, 72 if wide else 34) for text in self._texts]
        return sum(max(44, LINE * n + 15) + 6 for n in lines) - 6

    def _told(self, wide: bool) -> int:
        return self._room(wide)

    def _fits(self, guess: Any) -> bool:
        return type(guess) is int and 0 <= guess < len(self._texts)


class Number(Prediction):
    """A number on an axis; see ``Predictions.number``."""

    _wanted = "a number on the axis"

    def reveal(self, value: float, within: float | None = None) -> Outcome:
        """Return what shows the right number, and how near the reader's was.

        Args:
            value: the right number, in the unit of the axis.
            within: how near is near enough: a share of the right number, 0.25 if None; on a
                logarithmic axis a factor, 2 if None.

        Raises:
            TypeError, ValueError: if one is no finite number, or ``within`` is too small, or
                ``value`` not positive on a logarithmic axis.
        """
        log = self._spec["log"]
        number = _finite("value", value)
        if log and number <= 0:
            raise ValueError(f"value = {number}; expected more than 0 on a logarithmic axis")
        within = (2.0 if log else 0.25) if within is None else within
        near = _more_than("within", within, 1 if log else 0, "a factor of " if log else "")
        said = f"{number:.3g} {self._spec['unit']}".strip()
        truth = {"value": number, "within": near}
        return self._reveal(truth, _sheet([f"Answer: {escape(said)}"]), said)

    def _offer(self, spec: dict[str, Any]) -> list[str]:
        return [f"a number from {spec['low']:g} to {spec['high']:g} {escape(spec['unit'])}"]

    def _room(self, wide: bool) -> int:
        return 56 if wide else 107

    def _told(self, wide: bool) -> int:
        return 96

    def _fits(self, guess: Any) -> bool:
        number = isinstance(guess, int | float) and not isinstance(guess, bool)
        return number and self._spec["low"] <= guess <= self._spec["high"]


class Curve(Prediction):
    """A curve over axes; see ``Predictions.curve``."""

    _wanted = f"the {DRAWN} heights of a curve"

    def reveal(
        self,
        times: Tensor | Sequence[float],
        values: Tensor | Sequence[float],
        role: str | None = None,
        within: float = 0.15,
    ) -> Outcome:
        """Return what shows the right curve, and how near the reader's was.

        Args:
            times: where on the level axis, ``(T,)``, increasing.
            values: how high, ``(T,)``.
            role: a role of ``plotting.line_style``, for the colour; None for that of the truth.
            within: the root mean square distance that is near enough, as a share of the upright
                axis.

        Raises:
            TypeError, ValueError: if something is not that.
        """
        x, y = _row("times", times), _row("values", values)
        if len(x) != len(y) or len(x) < 2 or (np.diff(x) <= 0).any():
            raise ValueError(
                f"times and values have lengths {len(x)} and {len(y)}; expected at least two "
                "points, the same number of each, with times that increase"
            )
        near = _more_than("within", within, 0)
        if role is not None:
            lookup(palette.ROLES, role, "role")
        _, low, high = self._spec["x"]
        places = np.linspace(low, high, SHOWN)
        there = (places >= x[0]) & (places <= x[-1])
        if not there.any():
            raise ValueError(
                f"times run from {x[0]:g} to {x[-1]:g}; the axis runs from {low:g} to {high:g}"
            )
        heights = np.interp(places, x, y)
        shown = [
            float(f"{h:.5g}") if inside else None for h, inside in zip(heights, there, strict=True)
        ]
        truth = {"values": shown, "within": near, "role": role or "truth"}
        colour = palette.ROLES[role or "truth"].figure
        points = [(p, h) for p, h in zip(places, shown, strict=True) if h is not None]
        first, last = points[0], points[-1]
        said = f"from {first[1]:.3g} at {first[0]:g} to {last[1]:.3g} at {last[0]:g}"
        return self._reveal(truth, _plane_picture(self._spec, points, colour), said)

    def _fits(self, guess: Any) -> bool:
        return _numbers(guess, DRAWN)


class Point(Prediction):
    """A point of a plane; see ``Predictions.point``."""

    _wanted = "the two coordinates of a point"

    def reveal(
        self, point: Tensor | Sequence[float] | tuple[float, float], within: float = 0.1
    ) -> Outcome:
        """Return what shows the right point, and how near the reader's was.

        Args:
            point: ``(2,)``, in the units of the axes.
            within: the distance that is near enough, as a share of the axes.

        Raises:
            TypeError, ValueError: if something is not that.
        """
        at = _row("point", point)
        if len(at) != 2:
            raise ValueError(f"point has {len(at)} numbers; expected two, (x, y)")
        near = _more_than("within", within, 0)
        x, y = (float(f"{value:.5g}") for value in at)
        colour = palette.ROLES["truth"].figure
        picture = _plane_picture(self._spec, [(x, y)], colour)
        return self._reveal({"at": [x, y], "within": near}, picture, f"({x:.3g}, {y:.3g})")

    def _fits(self, guess: Any) -> bool:
        return _numbers(guess, 2)


# --- what is checked ------------------------------------------------------------------------------


def _text(name: str, value: Any) -> str:
    """Return a text on one line, or say that it is none."""
    check_type(str, "a text", **{name: value})
    if not value.strip():
        raise ValueError(f"{name} is empty; expected some text")
    return " ".join(value.split())


def _lines(text: str, width: int) -> int:
    """About how many lines a text takes."""
    return -(-len(text) // width)


def _head(label: str, wide: bool) -> int:
    """How high a card is with nothing below its title."""
    return HEAD + LINE * _lines(label, 80 if wide else 36)


def _rich(name: str, text: str) -> Rich:
    try:
        return parse_markup(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _finite(name: str, value: Any) -> float:
    number = as_number(name, value, "a finite number")
    if not math.isfinite(number):
        raise ValueError(f"{name} = {number}; expected a finite number")
    return number


def _more_than(name: str, value: Any, least: float, kind: str = "") -> float:
    number = _finite(name, value)
    if number <= least:
        raise ValueError(f"{name} = {number}; expected {kind}more than {least:g}")
    return number


def _ends(name: str, low: Any, high: Any) -> tuple[float, float]:
    ends = _finite(name, low), _finite(name, high)
    if not ends[0] < ends[1]:
        raise ValueError(f"{name} = {ends[0]:g}, {ends[1]:g}; expected the lower end first")
    return ends


def _axis(name: str, axis: Any) -> list[Any]:
    if not isinstance(axis, list | tuple) or len(axis) != 3:
        raise TypeError(f"{name} is {describe(axis)}; expected (name with its unit, low, high)")
    title, low, high = axis
    return [_text(f"{name}[0]", title), *_ends(f"{name}[1], {name}[2]", low, high)]


def _row(name: str, values: Any) -> np.ndarray:
    """Return numbers in any form as an array with one axis, or say what is wrong with them."""
    if isinstance(values, Tensor):
        values = values.detach().to("cpu", torch.float64) if not values.is_complex() else None
    try:
        row = np.asarray(values)
    except (TypeError, ValueError):
        row = np.asarray(None)
    if row.dtype.kind not in "fiu" or row.ndim != 1:
        raise TypeError(f"{name} is {describe(values)}; expected a row of real numbers")
    row = row.astype(np.float64)
    if not np.isfinite(row).all():
        raise ValueError(f"{name} holds NaN or infinite values; every value must be finite")
    return row


def _numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == count
        and all(type(part) in (int, float) and math.isfinite(part) for part in value)
    )


# --- pictures, for paper and for where no module runs ---------------------------------------------


def _sheet(lines: list[str]) -> str:
    """Return lines of escaped text as SVG text."""
    height = 24 * sum(1 + len(line) // 80 for line in lines) + 8
    rows = "".join(f"<div>{line}</div>" for line in lines)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="740" height="{height}">'
        f'<foreignObject width="740" height="{height}"><div xmlns="http://www.w3.org/1999/xhtml" '
        f'style="color: {palette.NEUTRAL}; font: 15px/24px sans-serif">{rows}</div>'
        "</foreignObject></svg>"
    )


def _plane_picture(
    spec: dict[str, list[Any]], points: list[tuple[float, float]], colour: str
) -> str:
    """Return a frame with a curve, or with one point, as SVG text."""
    (x_name, left, right), (y_name, low, high) = spec["x"], spec["y"]

    def place(x: float, y: float) -> str:
        across = 60 + 420 * (x - left) / (right - left)
        height = min(max((y - low) / (high - low), 0.0), 1.0)
        return f"{across:.1f},{210 - 190 * height:.1f}"

    if len(points) == 1:
        across, down = place(*points[0]).split(",")
        drawn = f'<circle cx="{across}" cy="{down}" r="6" fill="{colour}"/>'
    else:
        path = " ".join(place(x, y) for x, y in points)
        drawn = f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    texts = [
        (60, 228, "middle", f"{left:g}"),
        (480, 228, "middle", f"{right:g}"),
        (270, 228, "middle", x_name),
        (54, 210, "end", f"{low:g}"),
        (54, 26, "end", f"{high:g}"),
        (60, 12, "start", y_name),
    ]
    written = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
        for x, y, anchor, text in texts
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="500" height="236" font-size="13" '
        f'font-family="sans-serif" fill="{palette.NEUTRAL}">'
        f'<rect x="60" y="20" width="420" height="190" fill="none" stroke="{palette.NEUTRAL}"/>'
        f"{drawn}{written}</svg>"
    )
