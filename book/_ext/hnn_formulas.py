r"""Room for formulas: a page says how large each will be, so that little moves when it is drawn.

MathJax draws formulas after the page is shown, and until then their TeX stands there, which is two
or three times as wide. The sizes are estimates from the letters of the formula, in units of the
text's own size. What is left of a mistake is less than a letter in most formulas.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from sphinx.application import Sphinx

INLINE = re.compile(r'<span class="math notranslate nohighlight">(\\\(.*?\\\))</span>', re.DOTALL)
DISPLAY = re.compile(r'<div class="math notranslate nohighlight"([^>]*)>(.*?)</div>', re.DOTALL)

HALVES = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}|(\w))\s*(?:\{([^{}]*)\}|(\w))")
WORDS = re.compile(r"\\(?:text|mathrm|operatorname|mathbf)\s*\{([^{}]*)\}")
NOTHING = re.compile(
    r"\\(?:left|right|[bB]igg?[lr]?|d?dot|hat|tilde|bar|boldsymbol|mathcal|mathbb)(?![a-zA-Z])"
    r"|\\[,;:! ]|\\(?:begin|end)\{\w+\}"
)
SCRIPT = re.compile(r"[\^_]\s*(?:\{([^{}]*)\}|\\[a-zA-Z]+|[^\s])")
NAMED = re.compile(r"\\(?:cos|sin|tan|log|ln|exp|max|min|det)(?![a-zA-Z])")
SIGN = re.compile(
    r"\\(?:approx|leq?|geq?|neq?|to|mapsto|in|equiv|propto|ll|gg|sim|times|cdot|pm|rightarrow)"
    r"(?![a-zA-Z])|[=<>+]|(?<=[\w})])\s*-"
)
LETTERS = {
    **dict.fromkeys(".,[]|'", 0.3),
    **dict.fromkeys("()", 0.4),
    **dict.fromkeys("lijt", 0.38),
    "m": 0.9,
    "-": 0.8,
}
USUAL = 1.06  # what is left out here: the small spaces between the parts


def _letters(text: str) -> list[str]:
    return list(re.sub(r"[{}\s&\\]", "", re.sub(r"\\[a-zA-Z]+", "x", text)))


def width(tex: str) -> float:
    """About how wide a formula in a line is, in the size of its text."""
    text = re.sub(r"^\\\(|\\\)$", "", tex.strip())
    if "\\\\" in text:  # a matrix: its widest row, between brackets
        return max(map(width, text.split("\\\\"))) + 1.5
    for _ in range(3):
        text = HALVES.sub(
            lambda m: max(m[1] or m[2], m[3] or m[4], key=lambda half: len(_letters(half))), text
        )
    text = WORDS.sub(r"\1", text)
    found = 2.0 * text.count("\\qquad") + text.count("\\quad") + 0.8 * text.count("\\sqrt")
    text = NOTHING.sub("", re.sub(r"\\q?quad|\\sqrt", "", text))
    text = text.replace("\\{", "(").replace("\\}", ")")
    for script in SCRIPT.finditer(text):
        found += 0.37 * len(_letters(script[1] or "x"))
    text = SCRIPT.sub("", text)
    found += 1.4 * len(NAMED.findall(text)) + 1.25 * len(SIGN.findall(NAMED.sub("", text)))
    for letter in _letters(SIGN.sub("", NAMED.sub("", text))):
        found += LETTERS.get(letter, 0.76 if letter.isupper() else 0.53)
    return USUAL * found


# What makes a row of a formula high, with the height that MathJax gives it.
ROWS = (
    (re.compile(r"\\sum_(?:\{[^{}]*\}|\\?\w)\^"), 3.35),
    (re.compile(r"\\frac\{(?:[^{}]|\{[^{}]*\})*\}\{\\sqrt\{(?:\\frac|\w/\()"), 3.8),
    (re.compile(r"\\left\(\\frac\{.*?\\right\)\^"), 3.0),
    (re.compile(r"\\sum"), 2.95),
    (re.compile(r"\\o?i?int"), 2.75),
    (re.compile(r"\\d?frac\{[^{}]*\\partial|\\d?frac\{[^{}]*\^|\\d?frac\{[^{}]*\("), 2.65),
    (re.compile(r"\\d?frac"), 2.4),
)
PLAIN_ROW = 1.4
MARGINS = 2.1  # MathJax leaves half of it above and half below
MATRIX = re.compile(r"\\begin\{([bpv]?matrix|cases)\}(.*?)\\end\{\1\}", re.DOTALL)


def _row(tex: str) -> float:
    return next((high for sign, high in ROWS if sign.search(tex)), PLAIN_ROW)


def height(tex: str) -> float:
    """About how high a formula of its own line is, with MathJax's margins."""
    matrices = [1.38 * len(found[2].split("\\\\")) for found in MATRIX.finditer(tex)]
    rows = [_row(row) for row in MATRIX.sub("", tex).split("\\\\")]
    return MARGINS + max([sum(rows) + 0.2 * (len(rows) - 1), *matrices])


def make_room(app: Sphinx, name: str, template: str, context: dict, doctree: Any) -> None:
    """Write the sizes into a page; `type.css` keeps the room."""
    if "body" not in context:
        return
    context["body"] = INLINE.sub(
        lambda m: m[0].replace('">', f'" style="--hnn-room: {width(unescape(m[1])):.1f}em">', 1),
        context["body"],
    )
    context["body"] = DISPLAY.sub(
        lambda m: m[0].replace('">', f'" style="--hnn-room: {height(unescape(m[2])):.1f}em">', 1),
        context["body"],
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", make_room)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
