"""A page with widgets and the book's host script, built without building the book."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ipywidgets.embed import dependency_state, embed_data

ASSETS = Path(__file__).resolve().parents[1] / "book" / "assets"

PAGE = """<!doctype html>
<html lang="en"{html}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>widgets</title>
<link rel="icon" href="data:,">
<style>
:root {{ --page: #ffffff; --text: #222832; }}
html[data-theme="dark"] {{ --page: #121212; --text: #ced6dd; }}
body {{ margin: 0 auto; padding: 16px; max-width: 820px; background: var(--page);
  color: var(--text); font: 16px/1.6 system-ui, sans-serif; }}
</style>
<link rel="stylesheet" href="book.css">
<script defer src="static-widgets.js"></script>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
</head>
<body>
<main>
<h1>widgets</h1>
{before}
{views}
{after}
</main>
</body>
</html>
"""


def write_page(
    folder: Path,
    widgets: Sequence[Any],
    *,
    html: str = "",
    before: str = "",
    after: str = "",
    change: Any = None,
) -> Path:
    """Write a page that shows widgets as MyST-NB does, and return its path.

    Args:
        folder: where to; the host script and the style sheet are put beside it.
        widgets: the widgets, in the order of the page.
        html: attributes of the page's `html` element, such as ` data-theme="dark"`.
        before, after: markup around the widgets.
        change: a function that gets the saved states (model id -> record) and may spoil them.
    """
    # Defaults too: anywidget keeps a module as a default, and nbclient saves all of the state.
    # Only these widgets, not all that the session has made.
    state = dependency_state(list(widgets), drop_defaults=False)
    data = embed_data(views=list(widgets), state=state)
    states = data["manager_state"]["state"]
    if change is not None:
        change(states)
    for name in ("static-widgets.js", "book.css"):
        shutil.copy(ASSETS / name, folder / name)

    def embedded(value: Any) -> str:
        return json.dumps(value).replace("</", "<\\/")

    views = "\n".join(
        f'<div class="cell_output docutils container"><div class="output">'
        f'<script type="application/vnd.jupyter.widget-view+json">{embedded(view)}</script>'
        "</div></div>"
        for view in data["view_specs"]
    )
    page = folder / "index.html"
    page.write_text(
        PAGE.format(
            html=html,
            state=embedded(data["manager_state"]),
            before=before,
            views=views,
            after=after,
        ),
        encoding="utf-8",
    )
    return page
