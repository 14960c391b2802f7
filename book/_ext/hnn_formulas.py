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


def height(tex: str) -> float:
    """About how high a formula of its own line is with the space around it."""
    rows = tex.count("\\\\") + 1
    tall = re.search(r"\\(d?frac|int|sum|begin)", tex)
    return (4.75 if tall else 3.35) + (rows - 1) * (3.0 if "frac" in tex else 1.5)


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
