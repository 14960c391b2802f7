"""Tell the page "Your progress" how many predictions each chapter asks for.

The saved states of the widgets say it; so the page lists a chapter before the reader has opened it.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hnn_predictions import widget_states
from sphinx.application import Sphinx

PAGE = "book/progress"


def count(app: Sphinx, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Put the number of questions of each chapter into the page, for ``progress.js``."""
    if name != PAGE:
        return
    states = [state for page in app.env.found_docs for state in widget_states(app, page).values()]
    asked = Counter(state["_chapter"] for state in states if state.get("_part") == "ask")
    # Names of chapters are names of files: there is nothing to escape.
    data = json.dumps(asked, sort_keys=True)
    # Room for the list before it is written: a row for each chapter, and the head.
    rows = f'<div id="hnn-progress" style="--hnn-rows: {len(asked) + 1}">'
    context["body"] = context["body"].replace('<div id="hnn-progress">', rows)
    context["body"] += f'<script type="application/json" id="hnn-progress-asked">{data}</script>\n'


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("html-page-context", count)
    # Written anew with each build: a chapter may have another question.
    app.connect("env-updated", lambda app, env: [PAGE] if PAGE in env.found_docs else [])
    return {"parallel_read_safe": True, "parallel_write_safe": True}
