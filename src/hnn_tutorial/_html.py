"""What objects show of themselves in a notebook: numbers as people write them, and tables."""

import math
import re
from collections.abc import Sequence
from html import escape


def numbers(text: str) -> str:
    """Return a text as HTML, its numbers as they are printed: ``-2e-05`` as −2 × 10⁻⁵."""

    def written(found: re.Match[str]) -> str:
        mantissa, exponent = found[1], int(found[2])
        sign = "−" if exponent < 0 else ""
        factor = "" if mantissa == "1" else f"{mantissa}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}"
        return f"{factor}10<sup>{sign}{abs(exponent)}</sup>"

    text = escape(text, quote=False)
    text = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-]?\d+)(?!\w)", written, text)
    return re.sub(r"(?<![\w)])-(?=[\d.])", "−", text)


def table(rows: Sequence[Sequence[str]], caption: str = "") -> str:
    """Return a table whose first row and first column are heads.

    Args:
        rows: texts, all rows of one length.
        caption: what it shows; empty for none.
    """
    # A corner without a word is no head: a screen reader would announce nothing.
    head = "".join(
        f'<th scope="col">{numbers(cell)}</th>' if cell else "<td></td>" for cell in rows[0]
    )
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{numbers(cell)}</td>" for cell in rest)
        + "</tr>"
        for first, *rest in rows[1:]
    )
    said = f"<caption>{escape(caption)}</caption>" if caption else ""
    head = f"<thead><tr>{head}</tr></thead>"
    return f'<table class="hnn-result">{said}{head}<tbody>{body}</tbody></table>'


def curve(values: Sequence[float], width: int = 150, height: int = 34) -> str:
    """Return a small picture of positive numbers in their order, on a logarithmic axis.

    Args:
        values: what is not positive and finite is left out.
        width: in pixels; so many values at most are shown, the last one among them.
        height: in pixels.
    """
    step = max(1, math.ceil(len(values) / width))
    chosen = [*range(0, len(values) - 1, step), len(values) - 1]
    heights = [
        (k, math.log(values[k])) for k in chosen if values[k] > 0 and math.isfinite(values[k])
    ]
    if len(heights) < 2:
        return ""
    low, high = min(h for _, h in heights), max(h for _, h in heights)
    wide, tall = (width - 4) / (len(values) - 1), (height - 4) / (high - low or 1)
    points = " ".join(f"{2 + k * wide:.1f},{2 + (high - h) * tall:.1f}" for k, h in heights)
    return (
        f'<svg class="hnn-curve" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'aria-hidden="true"><polyline points="{points}" fill="none" stroke="currentColor" '
        'stroke-width="1.5" stroke-linejoin="round"/></svg>'
    )
