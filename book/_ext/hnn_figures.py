"""Figures of the pages: SVGs that follow the theme, and whose panels a phone shows in a column.

A figure that `hnn_tutorial` drew is put into the page itself, where the style sheet that is written
here sets its colours. Panels that stand side by side are named in it (`hnn_tutorial._svg`); each
becomes a window on the same drawing, and a narrow page shows the windows instead of the whole.
"""

from __future__ import annotations

import hashlib
import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from hnn_tutorial.palette import (
    DARK_BACKGROUND,
    LIGHT_BACKGROUND,
    METHOD_KINDS,
    NEUTRAL,
    ROLES,
    contrast,
)

STYLE = "palette.css"
SMALLEST = 11.0  # pixels, of letters on a phone
PIXELS = 4 / 3  # of a point
PHONE = 380.0  # pixels that a figure has there
GAP = 8.0  # pixels between panels, as in type.css


# --- colours -------------------------------------------------------------------------------------


def legible(colour: str, background: str, ratio: float = 4.6) -> str:
    """A colour as text on a page: itself, or as little darker or lighter as its contrast needs."""
    goal = 0 if background == LIGHT_BACKGROUND else 255
    parts = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    for step in range(101):
        mixed = [round(part + (goal - part) * step / 100) for part in parts]
        found = "#" + "".join(f"{part:02x}" for part in mixed)
        if contrast(found, background) >= ratio:
            return found
    raise ValueError(f"no shade of {colour} is legible on {background}")


def palette() -> str:
    """The colours of figures and of words that name a role, in both themes."""
    rules = []
    for theme, background in (("light", LIGHT_BACKGROUND), ("dark", DARK_BACKGROUND)):
        ink, field = {"light": ("#4a4f55", "#9aa0a6"), "dark": ("#b9c0c8", "#6b727a")}[theme]
        colours = {"ink": ink, "field": field}
        for name, role in (METHOD_KINDS | ROLES).items():
            if role.figure != NEUTRAL:
                colours[name.replace(" ", "-")] = getattr(role, theme)
        lines = [f"  --hnn-fig-{name}: {value};" for name, value in colours.items()]
        lines += [
            f"  --hnn-text-{name}: {legible(value, background)};"
            for name, value in colours.items()
            if name != "field"
        ]
        selector = f'html[data-theme="{theme}"]'
        rules.append("\n".join([f"{selector} {{", *lines, "}"]))
    return "\n".join(rules) + "\n"


def write_palette(app: Sphinx, exception: Exception | None) -> None:
    """Write the style sheet of the colours."""
    if exception is None and app.builder.format == "html":
        Path(app.outdir, "_static", STYLE).write_text(palette(), encoding="utf-8")


# --- figures -------------------------------------------------------------------------------------


def inline(text: str, says: str, mark: str) -> str:
    """A figure's SVG as a part of a page.

    Args:
        text: the SVG.
        says: what one sees in it.
        mark: what tells its ids from those of other figures of the page; empty for nothing.
    """
    start, drawing = re.fullmatch(r"<svg([^>]*)>(.*)</svg>\s*(?:<!--.*)?", text, re.DOTALL).groups()
    width, height = map(float, re.search(r'viewBox="0 0 (\S+) (\S+)"', start).groups())
    letters = float(re.search(r'data-hnn-letters="(\S+)"', start)[1])
    panels = re.search(r'data-hnn-panels="([^"]+)"', start)
    if mark:
        drawing = re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{mark}", drawing)
    drawing = drawing.replace("xlink:href", "href")
    # At this width the smallest letters are as small as they may be.
    least = width * SMALLEST / letters
    style = f"--hnn-width: {width * PIXELS:.0f}px; --hnn-least: {least:.0f}px"
    lines = 'stroke-linejoin="round" stroke-linecap="butt"'
    whole = (
        f'<svg class="hnn-whole" role="img" aria-label="{escape(says)}" {lines} '
        f'viewBox="0 0 {width:g} {height:g}">'
    )
    if panels is None:
        scrolls = ' tabindex="0"' if least > PHONE else ""
        return f'<div class="hnn-figure"{scrolls} style="{style}">{whole}{drawing}</svg></div>'
    name = f"{mark}f{hashlib.sha256(drawing.encode()).hexdigest()[:8]}-all"
    boxes = [each.strip() for each in panels[1].split(";")]
    widest = max(float(box.split()[2]) for box in boxes)
    # So many stand beside each other on a phone, all on one scale.
    columns = int((PHONE + GAP) // (widest * SMALLEST / letters + GAP))
    windows = ""
    for box in boxes:
        wide = float(box.split()[2])
        size = f"{wide * PIXELS:.0f}px"
        if columns > 1:
            room = f"(100% - {GAP * (columns - 1):g}px)"
            size = f"min({size}, {room} * {wide / widest / columns:.4f})"
        windows += (
            f'<svg class="hnn-window" aria-hidden="true" {lines} viewBox="{box}" '
            f'style="width: {size}; min-width: {wide * SMALLEST / letters:.0f}px">'
            f'<use href="#{name}"/></svg>'
        )
    return (
        f'<div class="hnn-figure hnn-panels" style="{style}">{whole}<g id="{name}">{drawing}</g>'
        f"</svg>{windows}</div>"
    )


def put_figures_in(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Replace the images of figures by the figures themselves."""
    if app.builder.format != "html":
        return
    seen: set[str] = set()
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.srcdir, image["uri"])
        if path.suffix != ".svg" or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8")
        if not text.startswith("<svg data-hnn-"):
            continue
        mark = f"again{len(seen)}-" if text in seen else ""
        seen.add(text)
        html = inline(text, image.get("alt", ""), mark)
        image.replace_self(nodes.raw("", html, format="html", classes=["hnn-drawn"]))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_css_file(STYLE)
    # After MyST-NB has put the outputs in, and before the theme looks for images.
    app.connect("doctree-resolved", put_figures_in, priority=800)
    app.connect("build-finished", write_palette)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
