"""Figures as SVG for any page: small, with unique ids, and with colours that a page may set.

The colours of the course become CSS variables with the usual colour as their fallback:
``var(--hnn-fig-baseline, #d55e00)`` for lines and marks, ``var(--hnn-text-baseline, #d55e00)`` for
letters. A page that sets none of them, JupyterLab and Colab among them, shows the fallbacks.

The root names what a narrow page needs: ``data-hnn-panels`` has the boxes of panels that stand side
by side, "x y width height" in points, so that a page can show one below the other; and
``data-hnn-letters`` is the size of the smallest text in points.
"""

import base64
import hashlib
import io
import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from hnn_tutorial.palette import FIELD, METHOD_KINDS, NEUTRAL, ROLES

# The variable of each colour of a figure.
COLOURS = {NEUTRAL.lower(): "ink", FIELD: "field"} | {
    role.figure.lower(): name.replace(" ", "-")
    for name, role in reversed((ROLES | METHOD_KINDS).items())
    if role.figure != NEUTRAL
}
_PADDING = 0.05  # inches around a figure, and around a panel


def to_svg(figure: Figure) -> str | None:
    """Return a figure as the text of an SVG, cropped to what it shows; None if that is nothing.

    Args:
        figure: as it is to be shown; a layout engine that it has is run.
    """
    if not (figure.axes or figure.lines or figure.texts):
        return None
    figure.draw_without_rendering()
    # What is placed stays there: another run of the layout would move it by a hair, in a fifth of
    # the time that all of this takes.
    layout = figure.get_layout_engine()
    figure.set_layout_engine("none")
    try:
        crop = figure.get_tightbbox().padded(_PADDING)
        panels = [_in_points(box, crop) for box in _panels(figure)]
        file = io.StringIO()
        figure.savefig(file, format="svg", bbox_inches=crop, metadata={"Date": None})
    finally:
        figure.set_layout_engine(layout or "none")
    text = _shorten(file.getvalue())
    text = _with_variables(text)
    sizes = [float(size) for size in re.findall(r"scale\((0\.\d+) -\1\)", text)]
    known = {
        "data-hnn-panels": "; ".join(panels) if len(panels) > 1 else "",
        "data-hnn-letters": f"{100 * min(sizes):g}" if sizes else "",
    }
    attributes = "".join(f' {name}="{value}"' for name, value in known.items() if value)
    return _with_own_ids(text.replace("<svg ", f"<svg{attributes} ", 1))


def _panels(figure: Figure) -> list[Bbox]:
    """The boxes in inches of what stands side by side, from left to right."""
    # A colour bar belongs to what it explains.
    groups: list[set[Axes]] = []
    for ax in figure.axes:
        if not ax.get_visible():
            continue
        parents = getattr(ax, "_colorbar_info", {}).get("parents", ())
        group = {ax, *parents}
        for other in [one for one in groups if one & group]:
            groups.remove(other)
            group |= other
        groups.append(group)
    boxes = []
    for group in groups:
        found = [ax.get_tightbbox() for ax in group]
        boxes.append(Bbox.union([box for box in found if box is not None and box.width > 0]))
    boxes += [legend.get_window_extent() for legend in figure.legends]
    columns: list[Bbox] = []
    for box in sorted(boxes, key=lambda box: box.x0):
        middle = (box.x0 + box.x1) / 2
        # Neighbours' labels may overlap by a little; panels of one column share their middle.
        if columns and (middle < columns[-1].x1 or columns[-1].x1 - box.x0 > 0.2 * box.width):
            columns[-1] = Bbox.union([columns[-1], box])
        else:
            columns.append(box)
    return [Bbox(np.array(box.get_points()) / figure.dpi).padded(_PADDING) for box in columns]


def _in_points(box: Bbox, crop: Bbox) -> str:
    corner = (box.x0 - crop.x0, crop.y1 - box.y1)
    return " ".join(f"{72 * length:.1f}" for length in (*corner, box.width, box.height))


def _shorten(text: str) -> str:
    """Leave out of matplotlib's SVG what no reader sees."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", text, flags=re.DOTALL)
    # Rules for "*" would hold for the whole page that an SVG is part of.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, count=1, flags=re.DOTALL)
    text = text.replace("<svg ", '<svg stroke-linejoin="round" stroke-linecap="butt" ', 1)
    text = re.sub(r'(?<= d=")[^"]*', lambda path: _short_path(path[0]), text)
    text = re.sub(r'(?<= [xy]=")-?\d+\.\d{3,}(?=")', _hundredth, text)
    text = re.sub(r'(?<="data:image/png;base64,)[^"]+', _fewer_bytes, text)
    return re.sub(r">\s+<", "><", text).strip()


def _short_path(path: str) -> str:
    """Write a path to a tenth of a point, and a letter only where it changes."""
    words, last = [], ""
    for word in re.sub(r"-?\d+\.\d{2,}", _tenth, path).split():
        if word != last:
            words.append(word)
        if word.isalpha():
            # Behind M numbers mean lines; a repeated M or Z is one more path.
            last = word if word in "LQC" else ""
    return " ".join(words)


def _fewer_bytes(found: re.Match[str]) -> str:
    """Write an image of at most 256 colours with a palette: the same pixels in half the bytes."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(found[0]))).convert("RGBA"))
    colours, places = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256:
        return found[0]
    image = Image.fromarray(places.reshape(pixels.shape[:2]).astype(np.uint8))
    image.putpalette(colours.tobytes(), "RGBA")
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True, transparency=colours[:, 3].tobytes())
    return base64.b64encode(file.getvalue()).decode()


def _tenth(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")


def _hundredth(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}".rstrip("0").rstrip(".")


def _with_variables(text: str) -> str:
    """Put a variable where a colour of the course stands."""
    colour = "|".join(COLOURS)
    text = re.sub(
        rf'(<g id="text_\d+"><g style="fill: )({colour})',
        lambda found: f"{found[1]}var(--hnn-text-{COLOURS[found[2]]}, {found[2].upper()})",
        text,
    )
    return re.sub(
        rf"((?:fill|stroke): )({colour})\b",
        lambda found: f"{found[1]}var(--hnn-fig-{COLOURS[found[2]]}, {found[2].upper()})",
        text,
    )


def _with_own_ids(text: str) -> str:
    """Keep the ids that the SVG itself uses, and make them unlike those of other figures."""
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', text))
    mark = "f" + hashlib.sha256(text.encode()).hexdigest()[:8]

    def named(found: re.Match[str]) -> str:
        return f' id="{mark}-{found[1]}"' if found[1] in used else ""

    text = re.sub(r' id="([^"]+)"', named, text)
    return re.sub(r'(href="#|url\(#)([^")]+)', rf"\1{mark}-\2", text)
