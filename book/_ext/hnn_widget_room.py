"""Write the room that a lab will take into the page, so that nothing moves when the lab starts.

A lab's saved state says how high its card is, in a narrow column and in a wide one. Beside the tag
that MyST-NB writes for a widget stands an empty element of that height from the beginning;
`static-widgets.js` starts the lab in it.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from hnn_predictions import VIEW, views, widget_states
from sphinx.application import Sphinx


def room(heights: list[int]) -> str:
    """The element that is kept free: ``[narrow, wide]`` in pixels."""
    narrow, wide = heights
    style = f"--hnn-narrow: {narrow}px; --hnn-wide: {wide}px"
    return (
        f'<div class="hnn-widget-place" style="{style}">'
        '<div class="hnn-widget-waiting" aria-busy="true"></div></div>'
    )


def keep_room(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Put the room behind the tag of each lab that says how high it is."""
    states = widget_states(app, name)
    for raw in list(doctree.findall(nodes.raw)):
        ids = views(raw)
        heights = states.get(ids[0], {}).get("_heights") if ids else None
        if heights:
            tag = VIEW.search(raw.astext())
            assert tag is not None
            text = tag.string[: tag.end()] + room(heights) + tag.string[tag.end() :]
            raw.children = [nodes.Text(text)]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", keep_room, priority=800)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
