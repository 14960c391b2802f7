"""Hold back what follows a prediction in its section until the reader has answered.

The widgets' states say which cell asks and which one answers. The text behind an answer tells it
too. So all that follows the question, up to the first subsection behind the answer or to the end
of the section, is put into an element that the style sheet hides from readers with scripts before
the page is drawn; `static-widgets.js` opens it. A second question of the section stands in what
waits for the first. On paper and without scripts all is as any other part of the page.

The code that only asks teaches nothing, and the page leaves it out; the notebook has it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import escape
from itertools import groupby
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx

VIEW = re.compile(r'<script type="application/vnd\.jupyter\.widget-view\+json">(.*?)</script>')
QUESTION = re.compile(r"Predict\b")
REVEALS = 2  # lines of a cell that only reveals; a longer one works something out


# Opens, before it is drawn, a part whose questions this browser has settled, and gives each of them
# the room that it then has: `static-widgets.js` comes later and finds it so.
REMEMBER = """<script>(() => {
  const part = document.currentScript.parentElement;
  let kept = null;
  try {
    kept = JSON.parse(localStorage.getItem("hnn-tutorial.predictions"));
  } catch {}
  const tags = [...document.querySelectorAll('script[type$="widget-view+json"]')];
  let waits = false;
  for (const [id, chapter, label] of JSON.parse(part.dataset.questions)) {
    const entry = kept?.chapters?.[chapter]?.[label];
    const answered = (entry?.guess ?? null) !== null;
    const passed = !answered && entry?.passed === true;
    const tag = tags.find((each) => each.textContent.includes(id));
    const place = tag?.nextElementSibling?.firstElementChild;
    if (place && answered) place.classList.add("hnn-answered");
    if (place && passed) place.classList.add("hnn-read-past");
    waits ||= !answered && !passed;
  }
  if (waits && kept?.open !== true) return;
  part.dataset.ready = "";
  part.previousElementSibling.hidden = true;
})()</script>
"""


class withheld(nodes.General, nodes.Element):
    """A part of a page that waits for answers.

    ``asks`` are the ids of their widgets, ``questions`` the id, chapter and label of each.
    """


def visit_withheld(translator: Any, node: withheld) -> None:
    """Open the part, after the line that a reader opens it with."""
    later = " hidden" if node["later"] else ""
    asks, questions = (escape(json.dumps(node[name])) for name in ("asks", "questions"))
    translator.body.append(
        f'<p class="hnn-read-on"{later}>What follows waits until you have answered. '
        '<button type="button" class="hnn-read-on-button">Read on without an answer</button></p>\n'
        f'<div class="hnn-withheld" tabindex="-1" data-asks="{asks}" '
        f'data-questions="{questions}">\n{REMEMBER}'
    )


def depart_withheld(translator: Any, node: withheld) -> None:
    """Close the part."""
    translator.body.append("</div>\n")


def widget_states(app: Sphinx, name: str) -> dict[str, dict[str, Any]]:
    """The saved states of a page's widgets by their ids."""
    files = NbMetadataCollector.get_js_files(app.env, name)
    _, options = files.get("ipywidgets_state", ("", {"body": '{"state": {}}'}))
    found = json.loads(options["body"])["state"]
    return {key: record["state"] for key, record in found.items()}


def hold_back(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Wrap what follows each prediction in its section."""
    states = widget_states(app, name)
    leave_out_code(doctree, states)
    if not any(state.get("_part") == "ask" for state in states.values()):
        return
    for section in list(doctree.findall(nodes.section)):
        _hold_back_in(section, states)


def leave_out_code(doctree: nodes.document, states: dict[str, dict[str, Any]]) -> None:
    """Take the code out of cells that ask or score, and of those that only reveal."""
    for cell in list(doctree.findall(nodes.container)):
        if cell.get("nb_element") != "cell_code":
            continue
        shown = [states.get(key, {}) for key in views(cell)]
        for place in list(cell.children):
            code = next(_sources(place), None)
            if code is None:
                continue
            short = len(code.astext().splitlines()) <= REVEALS
            if any(
                state.get("_part") in ("ask", "score") or (short and state.get("_part") == "answer")
                for state in shown
            ):
                cell.remove(place)


def _sources(part: nodes.Node) -> Iterator[nodes.Element]:
    return part.findall(
        lambda node: (
            isinstance(node, nodes.container) and node.get("nb_element") == "cell_code_source"
        )
    )


def _hold_back_in(section: nodes.section, states: dict[str, dict[str, Any]]) -> None:
    parts = list(section.children)
    asks: list[tuple[int, str]] = []
    outcomes: dict[tuple[str, str], int] = {}
    for at, part in enumerate(parts):
        for key in views(part):
            state = states.get(key, {})
            if state.get("_part") == "ask":
                asks.append((at, key))
            elif state.get("_part") == "answer":
                outcomes[state["_chapter"], state["_label"]] = at
    asking = {at for at, _ in asks}
    holders: dict[int, list[str]] = {}
    for at, key in asks:
        outcome = outcomes.get((states[key]["_chapter"], states[key]["_label"]))
        if outcome is None:
            continue
        end = _end(parts, outcome, states)
        # Questions that follow each other are all in sight.
        first = after = at + 1
        while after < end and (after in asking or _is_question(parts[after])):
            after += 1
            first = after if after - 1 in asking else first
        for place in range(first, end):
            holders.setdefault(place, []).append(key)
    before = -1
    # Neighbours that wait for the same answers are one part.
    for (keys, _), group in groupby(
        enumerate(sorted(holders)),
        key=lambda pair: (tuple(holders[pair[1]]), pair[1] - pair[0]),
    ):
        places = [place for _, place in group]
        questions = [[key, states[key]["_chapter"], states[key]["_label"]] for key in keys]
        held = withheld(asks=list(keys), questions=questions, later=before == places[0] - 1)
        section.insert(section.index(parts[places[0]]), held)
        for place in places:
            section.remove(parts[place])
            held += parts[place]
        before = places[-1]


def _end(parts: list[nodes.Node], outcome: int, states: dict[str, dict[str, Any]]) -> int:
    """Where what waits for an answer ends: before a subsection, or before the chapter's score."""
    end = outcome + 1
    while end < len(parts) and not (
        isinstance(parts[end], nodes.section)
        or any(states.get(key, {}).get("_part") == "score" for key in views(parts[end]))
    ):
        end += 1
    # The label of a subsection stands before it.
    while isinstance(parts[end - 1], nodes.target):
        end -= 1
    return end


def views(part: nodes.Node) -> list[str]:
    """The ids of the widgets that a part of a page shows."""
    scripts = [found for raw in part.findall(nodes.raw) for found in VIEW.findall(raw.astext())]
    return [json.loads(script)["model_id"] for script in scripts]


def _is_question(part: nodes.Node) -> bool:
    # MyST begins a paragraph with an empty text where it begins with a mark.
    written = (child for child in part.children if child.astext().strip())
    first = next(written, None) if isinstance(part, nodes.paragraph) else None
    return isinstance(first, nodes.strong) and bool(QUESTION.match(first.astext()))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_node(withheld, html=(visit_withheld, depart_withheld))
    app.connect("doctree-resolved", hold_back, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
