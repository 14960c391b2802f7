"""The quiz at the end of a chapter: questions whose every answer is explained, right or wrong."""

import re
import textwrap
import tomllib
from html import escape
from pathlib import Path
from typing import Any, NoReturn

import anywidget
import traitlets

from hnn_tutorial import palette
from hnn_tutorial._validate import lookup
from hnn_tutorial.widgets._bundle import bundle, styles

QUIZZES = Path(__file__).parents[1] / "quizzes"

# Text with simple markup, as a tree: strings, and [tag, children] for what the tag surrounds.
Rich = list[Any]

_MARKUP = re.compile(r"`([^`]+)`|_\{([^{}]+)\}|\^\{([^{}]+)\}|\*([^*]+)\*")
_TAGS = ("code", "sub", "sup", "em")
_LEFT_OVER = re.compile(r"[`*$\\]|[_^]\{")

# Letters of a line of a question and of an answer, in a narrow card and in a wide one, and heights
# in pixels, as lab.css sets them: a line, what stands around a question, around an answer's text,
# the least of an answer, and of the card without questions.
LETTERS = ((37, 35), (82, 79))
LINE, QUESTION, ANSWER, LEAST, CARD = 22.5, 17.6, 27.4, 49.6, 116.5


class Quiz(anywidget.AnyWidget):
    r"""Three to five questions on a chapter; each answer shows its explanation when pressed.

    What has been tried is kept while the page is open, also when the cell is run again or the
    view is closed: the page keeps it by the quiz's name and questions. Nothing here needs a
    kernel or the network.

    The questions stand in ``quizzes/NAME.toml`` of the package::

        title = "Hamiltonian mechanics"

        [[question]]
        text = "What is *q̇* for *H*(*q*, *p*) = *p*^{2}/(2*m*)?"

        [[question.answer]]
        text = "*p*/*m*"
        right = true
        why = "It is ∂*H*/∂*p*."

        [[question.answer]]
        text = "0, since *H* does not depend on *q*"
        why = "That makes *ṗ* zero; *q̇* is ∂*H*/∂*p*."

    Formulas are Unicode with ``*italics*``, ``_{lower}``, ``^{upper}`` and ```code```.

    Args:
        name: the file's name without its ending.

    Raises:
        ValueError: for a name without a file, or a file that is not as above: exactly one right
            answer, an explanation for each, no other keys. The message says where.

    Attributes:
        answers: for each question, the answers that were tried, in their order, counted from 0;
            two-way. Empty lists begin the quiz anew.
    """

    _esm = bundle("questions/quiz.js")
    _css = styles("lab.css")

    _picture = traitlets.Unicode().tag(sync=True)
    _picture_alt = traitlets.Unicode().tag(sync=True)
    _heights = traitlets.List(traitlets.Int()).tag(sync=True)
    _name = traitlets.Unicode().tag(sync=True)
    _title = traitlets.Unicode().tag(sync=True)
    _questions = traitlets.List(traitlets.Dict()).tag(sync=True)
    answers = traitlets.List(traitlets.List(traitlets.Int())).tag(sync=True)

    def __init__(self, name: str) -> None:
        known = {file.stem: file for file in sorted(QUIZZES.glob("*.toml"))}
        title, questions = read_quiz(lookup(known, name, "quiz"))
        super().__init__(
            _picture=quiz_picture(questions),
            _picture_alt=f"the questions of the quiz: {title}",
            _heights=[round(card_height(questions, letters)) for letters in LETTERS],
            _name=name,
            _title=title,
            _questions=questions,
            answers=[[] for _ in questions],
        )

    @traitlets.validate("answers")
    def _check_answers(self, proposal: dict[str, Any]) -> list[list[int]]:
        tried = proposal["value"]
        counts = [len(question["answers"]) for question in self._questions]
        if len(tried) != len(counts) or not all(
            len(set(some)) == len(some) and set(some) <= set(range(count))
            for some, count in zip(tried, counts, strict=True)
        ):
            raise ValueError(
                f"answers are {tried}; expected for each of the {len(counts)} questions a list of "
                f"answers, counted from 0, none twice; the questions have {counts} answers"
            )
        return tried


def read_quiz(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """Read a quiz and check it.

    Args:
        path: a TOML file as ``Quiz`` describes it.

    Returns:
        The title, and the questions ``{"text": tree, "answers": [{"text": tree, "right": bool,
        "why": tree}]}``, with texts as ``parse_markup`` returns them.

    Raises:
        ValueError: if the file is not such a quiz.
    """

    def fail(where: str, problem: str) -> NoReturn:
        raise ValueError(f"{path.name}{where}: {problem}")

    def read(table: Any, where: str, texts: tuple[str, ...], others: tuple[str, ...]) -> Rich:
        if not isinstance(table, dict):
            fail(where, f"is {table!r}; expected a table")
        if unknown := sorted(set(table) - {*texts, *others}):
            fail(where, f"unknown key {unknown[0]!r}; there are {', '.join(texts + others)}")
        for key in texts:
            if key not in table:
                fail(where, f"{key!r} is missing")
            if not isinstance(table[key], str) or not table[key].strip():
                fail(where, f"{key!r} is {table[key]!r}; expected some text")
        try:
            return [parse_markup(" ".join(table[key].split())) for key in texts]
        except ValueError as error:
            fail(where, str(error))

    def rows(
        table: dict[str, Any], key: str, where: str, fewest: int, most: int
    ) -> list[dict[str, Any]]:
        found = table.get(key, [])
        if not isinstance(found, list) or not fewest <= len(found) <= most:
            count = len(found) if isinstance(found, list) else found
            fail(where, f"has {count} of [[{key}]]; expected {fewest} to {most}")
        return found

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        fail("", f"is no TOML: {error}")
    read(content, "", ("title",), ("question",))
    questions = []
    for i, question in enumerate(rows(content, "question", "", 3, 5), start=1):
        where = f", question {i}"
        [text] = read(question, where, ("text",), ("answer",))
        answers = []
        for j, answer in enumerate(rows(question, "answer", where, 2, 6), start=1):
            here = f"{where}, answer {j}"
            words, why = read(answer, here, ("text", "why"), ("right",))
            if not isinstance(right := answer.get("right", False), bool):
                fail(here, f"'right' is {right!r}; expected true or false")
            answers.append({"text": words, "right": right, "why": why})
        if (count := sum(answer["right"] for answer in answers)) != 1:
            fail(where, f"{count} answers have right = true; expected exactly one")
        questions.append({"text": text, "answers": answers})
    return content["title"].strip(), questions


def card_height(questions: list[dict[str, Any]], letters: tuple[int, int]) -> float:
    """Return about how high the card is before an answer is pressed, in pixels.

    Args:
        questions: as ``read_quiz`` returns them.
        letters: of a line of a question, and of a line of an answer.
    """
    height = CARD
    for question in questions:
        height += QUESTION + LINE * count_lines(question["text"], letters[0])
        for answer in question["answers"]:
            height += max(LEAST, ANSWER + LINE * count_lines(answer["text"], letters[1]))
    return height


def count_lines(tree: Rich, letters: int) -> int:
    """Return about how many lines a text takes, with so many letters on each."""
    return len(textwrap.wrap(plain_text(tree), letters))


def plain_text(tree: Rich) -> str:
    """Return the letters of a text as ``parse_markup`` gives it."""
    return "".join(part if isinstance(part, str) else plain_text(part[1]) for part in tree)


def quiz_picture(questions: list[dict[str, Any]]) -> str:
    """Return the questions and answers as a plain list, SVG text: for where no module runs."""

    items = "".join(
        f"<li>{markup_html(question['text'])}<ol type='a'>"
        + "".join(f"<li>{markup_html(answer['text'])}</li>" for answer in question["answers"])
        + "</ol></li>"
        for question in questions
    )
    # Long texts take about 80 characters a line; a line too many only adds to the margin.
    texts = [part["text"] for q in questions for part in (q, *q["answers"])]
    height = 24 * sum(1 + len(markup_html(text)) // 80 for text in texts) + 24
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="740" height="{height}">'
        f'<foreignObject width="740" height="{height}"><ol xmlns="http://www.w3.org/1999/xhtml" '
        f'style="color: {palette.NEUTRAL}; font: 15px/24px sans-serif">{items}</ol>'
        "</foreignObject></svg>"
    )


def markup_html(tree: Rich) -> str:
    """Return what ``parse_markup`` gives as HTML."""
    return "".join(
        escape(part) if isinstance(part, str) else f"<{part[0]}>{markup_html(part[1])}</{part[0]}>"
        for part in tree
    )


def parse_markup(text: str) -> Rich:
    r"""Turn a text with simple markup into a tree that a page can show without HTML.

    ``*italics*``, ``_{lower}``, ``^{upper}`` and ```code``` may hold each other, except that
    code holds plain text. All else is plain text: ``<`` and ``&`` mean themselves.

    Args:
        text: such as ``"*e*^{−*t*}"``.

    Returns:
        Strings and pairs ``[tag, tree]``, such as ``[["em", ["e"]], ["sup", ["−", ...]]]``.

    Raises:
        ValueError: for a mark that is not closed, or LaTeX, which the quiz does not show.
    """
    tree: Rich = []

    def plain(part: str) -> None:
        if found := _LEFT_OVER.search(part):
            raise ValueError(
                f"{found[0]!r} in {text!r} is not part of a mark; write *italics*, _{{lower}}, "
                "^{upper} and `code`, formulas in Unicode without $ and \\, and × for a product"
            )
        if part:
            tree.append(part)

    end = 0
    for match in _MARKUP.finditer(text):
        plain(text[end : match.start()])
        kind, inside = next((k, part) for k, part in enumerate(match.groups()) if part is not None)
        tree.append([_TAGS[kind], [inside] if _TAGS[kind] == "code" else parse_markup(inside)])
        end = match.end()
    plain(text[end:])
    return tree
