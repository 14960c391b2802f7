"""What makes a chapter readable: its opening, the words of its roles, its claims, its previews.

Notebooks are plain Markdown and plain outputs, which JupyterLab and Colab show as they are. Here
the pages get what only they can show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from hnn_book import FIRMNESS, inside
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from hnn_tutorial._html import numbers
from hnn_tutorial.integrators import METHODS

# --- the opening ---------------------------------------------------------------------------------

STRIP = ("What you will learn", "What you need", "How long it takes")


def open_chapter(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Set a chapter's question large, and what one learns, needs and spends in one strip."""
    if not page.startswith("book/") or not is_notebook(app, page):
        return
    title = next(iter(doctree.findall(nodes.title)), None)
    first = title and title.next_node(descend=False, siblings=True)
    if isinstance(first, nodes.paragraph) and list(map(type, _full(first))) == [nodes.strong]:
        first["classes"].append("hnn-question")
    parts = []
    for name in STRIP:
        start = next((p for p in doctree.findall(nodes.paragraph) if _begins(p, name)), None)
        if start is None:
            return
        following = start.next_node(descend=False, siblings=True)
        items = [following] if isinstance(following, nodes.bullet_list) else []
        parts.append((start, items))
    strip = nodes.container(classes=["hnn-strip"])
    parts[0][0].parent.insert(parts[0][0].parent.index(parts[0][0]), strip)
    for start, items in parts:
        head, *rest = _full(start)
        if rest and isinstance(rest[0], nodes.Text):
            rest[0] = nodes.Text(re.sub(r"^:?\s*", "", rest[0]))
        start.children = []
        start += rest
        column = nodes.container("", nodes.paragraph("", "", head, classes=["hnn-strip-head"]))
        for node in (start, *items):
            node.parent.remove(node)
            if node.astext():
                column += node
        strip += column


def _begins(paragraph: nodes.paragraph, name: str) -> bool:
    head = next(iter(_full(paragraph)), None)
    return isinstance(head, nodes.strong) and head.astext() == name


def _full(paragraph: nodes.paragraph) -> list[nodes.Node]:
    """The parts of a paragraph that say something; the parser leaves empty ones between them."""
    return [part for part in paragraph if part.astext()]


def _in_strip(node: nodes.Node) -> bool:
    while node is not None and "hnn-strip" not in getattr(node, "attributes", {}).get(
        "classes", ()
    ):
        node = node.parent
    return node is not None


def is_notebook(app: Sphinx, page: str) -> bool:
    """Whether a page is made of a notebook."""
    return app.env.doc2path(page).endswith(".ipynb")


# --- the words of the roles ----------------------------------------------------------------------

FRONT = "book/intro"
ROLE_WORDS = {
    "baseline": r"baselines?",
    "pairwise": r"pairwise HNNs?",
    "hnn": r"HNNs?",
    "lnn": r"LNNs?",
    "second-order": r"second[- ]order (?:MLPs?|networks?|models?)|second order",
    "truth": r"truth",
}
ROLE_WORD = re.compile("|".join(rf"\b(?P<r{k}>{v})\b" for k, v in enumerate(ROLE_WORDS.values())))
PLAIN = (nodes.reference, nodes.title, nodes.rubric, nodes.literal, nodes.math, nodes.raw)
PLAIN = (*PLAIN, nodes.literal_block, nodes.table)


def colour_roles(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Give words that name a role the colour of its curves, where a paragraph has them first."""
    if not page.startswith("book/") or not (is_notebook(app, page) or page == FRONT):
        return
    for block in [*doctree.findall(nodes.paragraph), *doctree.findall(nodes.caption)]:
        if _in_strip(block):
            continue
        seen: set[str] = set()
        for text in list(block.findall(nodes.Text)):
            if inside(text, PLAIN):
                continue
            parts: list[nodes.Node] = []
            done = 0
            for found in ROLE_WORD.finditer(text):
                role = list(ROLE_WORDS)[int(str(found.lastgroup)[1:])]
                if role in seen:
                    continue
                seen.add(role)
                word = nodes.inline("", found[0], classes=["hnn-role", f"hnn-role-{role}"])
                parts += [nodes.Text(text[done : found.start()]), word]
                done = found.end()
            if parts:
                parts.append(nodes.Text(text[done:]))
                text.parent.replace(text, [part for part in parts if part.astext()])


# --- claims --------------------------------------------------------------------------------------

CLAIM = re.compile(
    r'<div class="hnn-claim">(?P<mark>.*?)<span class="hnn-claim-text"[^>]*>(?P<text>.*?)'
    r"</span>(?P<space>.*?)<b>(?P<shown>.*?)</b></span></div>",
    re.DOTALL,
)
# The parts of what a claim compares: 0.8 < 1.2 < 2, or 0.3 > 0.1, or 2.01 = 2 ± 0.1.
BETWEEN = re.compile(r"(?P<before>.+? &lt; )(?P<value>.+?)(?P<after> &lt; .+)")
AGAINST = re.compile(r"(?P<before>)(?P<value>.+?)(?P<after> (?:&lt;|&gt;|=) .+)")
# What code calls a model or a method, and what people call it.
NAMES = {kind: kind.upper() for kind in ("hnn", "lnn")} | {
    name: method.title for name, method in METHODS.items()
}
WORD = re.compile(r"(?:a|[A-Za-z][a-zé]+)(?:[\s,:;'’–-]|$)", re.IGNORECASE)
NAME = re.compile(rf"\b(?:{'|'.join(sorted(NAMES, key=len, reverse=True))})\b")


def by_name(text: str) -> str:
    """A text in which methods and models have their names in place of what code calls them."""
    return NAME.sub(lambda found: NAMES[found[0]], text)


def add_ranges(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Set the claims of a page as results, with their ranges over the seeds.

    The value stands out from its bound, and what has a name is called by it. A claim that the
    table of all claims does not have, or whose value does not depend on the seeds, has no range.
    """
    made = json.loads((Path(app.srcdir) / FIRMNESS).read_text(encoding="utf-8"))
    known = iter(made["pages"].get(page, {}).get("claims", ()))
    link = f"{app.builder.get_relative_uri(page, 'book/firmness')}#claims-{page.replace('/', '-')}"

    def as_result(found: re.Match[str]) -> str:
        claim = next(known, None)
        over = ""
        if claim and claim["text"] == unescape(found["text"]) and claim["range"]:
            over = (
                f' <a class="hnn-claim-range" href="{link}">{numbers(claim["range"])}'
                f'<span class="hnn-claim-over"> over {made["sets"]} sets of seeds</span></a>'
            )
        text = numbers(by_name(unescape(found["text"])))
        # A sentence begins with a capital, and a symbol keeps its letter.
        kind = "" if WORD.match(text) else " data-as-written"
        shown = BETWEEN.fullmatch(found["shown"]) or AGAINST.fullmatch(found["shown"])
        value = found["shown"]
        if shown:
            value = f"{shown['before']}<b>{shown['value']}</b>{shown['after']}"
        return (
            f'<div class="hnn-claim">{found["mark"]}<span class="hnn-claim-text"{kind}>'
            f"{text}</span>{found['space']}{value}</span>{over}</div>"
        )

    for raw in doctree.findall(nodes.raw):
        if "hnn-claim" in raw.astext():
            text = CLAIM.sub(as_result, raw.astext())
            raw.rawsource, raw.children = text, [nodes.Text(text)]


def rewrite_ranges(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the pages anew whose ranges have changed: they stand in no source of the page."""
    made = json.loads((Path(app.srcdir) / FIRMNESS).read_text(encoding="utf-8"))
    now = {page: table["claims"] for page, table in made["pages"].items()}
    before = getattr(env, "hnn_ranges", {})
    env.hnn_ranges = now  # type: ignore[attr-defined]  # kept with the environment
    changed = [page for page in now if now[page] != before.get(page)]
    return [page for page in changed if page in env.found_docs]


SPREAD = re.compile(r"<td>([^<]*?(?:<sup>[^<]*</sup>)?) (\[.*?\])</td>")
HEAD = re.compile(r'(<th scope="row">)(\w+)(?=</th>)')
NOTES = re.compile(r"<ul>(.*?)</ul>", re.DOTALL)
OPTIMIZERS = {"levenberg marquardt": "Levenberg–Marquardt", "adam": "Adam"}


def _notes(found: re.Match[str]) -> str:
    """The notes of a comparison; rivals that were trained alike share one."""
    alike: dict[str, list[str]] = {}
    unequal = []
    for note in re.findall(r"<li>(.*?)</li>", found[1]):
        rival, _, settings = note.partition(": ")
        if rival == "not equal":
            unequal.append(note)
        else:
            name, comma, rest = settings.partition(",")
            training = OPTIMIZERS.get(name, name) + comma + rest
            alike.setdefault(training, []).append(by_name(rival))
    if len(alike) == 1:
        alike = {training: ["all of them"] for training in alike}
    notes = [f"{', '.join(rivals)}: {training}" for training, rivals in alike.items()]
    return f"<ul>{''.join(f'<li>{note}</li>' for note in (*notes, *unequal))}</ul>"


def set_tables(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Set a comparison's medians above their ranges, and call its rivals by their names."""
    for raw in doctree.findall(nodes.raw):
        if "hnn-comparison" in raw.astext():
            text = SPREAD.sub(r'<td>\1 <span class="hnn-spread">\2</span></td>', raw.astext())
            text = HEAD.sub(lambda head: head[1] + by_name(head[2]), text)
            text = NOTES.sub(_notes, text)
            raw.rawsource, raw.children = text, [nodes.Text(text)]


COLUMNS = re.compile(r"\S  +\S")


def keep_columns(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Mark what is printed in columns, which a narrow page scrolls; it wraps sentences."""
    for block in doctree.findall(nodes.literal_block):
        lines = block.astext().splitlines()
        printed = {"stream", "text_plain"} & set(block.get("classes", ()))
        if printed and sum(bool(COLUMNS.search(line)) for line in lines) > 1:
            block["classes"].append("hnn-columns")


# --- what is no part of the story ----------------------------------------------------------------

VERSIONS = re.compile(r"hnn_tutorial \S+ \| torch ")


def drop_versions(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Leave out the line of versions that `setup()` shows."""
    for block in list(doctree.findall(nodes.literal_block)):
        if VERSIONS.match(block.astext()) and inside(block, (nodes.container,)):
            output = block.parent
            while "cell_output" not in output.get("classes", ()):
                output = output.parent
            output.parent.remove(output)


MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n?", re.MULTILINE)


def drop_machinery(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Leave out how exercises are made: the marks in the code, and the note on the file.

    In its place an exercise says where it runs, for the page does not.
    """
    if not page.startswith(("exercises/", "solutions/")):
        return
    for block in doctree.findall(nodes.literal_block):
        if MARKER.search(block.astext()):
            text = MARKER.sub("", block.astext())
            block.rawsource, block.children = text, [nodes.Text(text)]
    if page.startswith("exercises/"):
        note = next(p for p in doctree.findall(nodes.paragraph) if "make exercises" in p.astext())
        note.replace_self(_where_it_runs(app, page))


def _where_it_runs(app: Sphinx, page: str) -> nodes.paragraph:
    options = app.config.html_theme_options
    owner = options["repository_url"].removeprefix("https://github.com/")
    colab = options["launch_buttons"]["colab_url"]
    url = f"{colab}/github/{owner}/blob/{options['repository_branch']}/{page}.ipynb"
    here = nodes.paragraph(classes=["hnn-where"])
    here += nodes.Text("You can read the exercises here. To work in them, open them ")
    here += nodes.reference("", "on Colab", refuri=url)
    here += nodes.Text(", or in JupyterLab with ")
    here += nodes.literal("", "make lab")
    here += nodes.Text("; there every cell runs and every check answers.")
    return here


# --- previews ------------------------------------------------------------------------------------

PREVIEWS = "previews.js"


def write_previews(app: Sphinx, exception: Exception | None) -> None:
    """Write what a link to the glossary or to the bibliography shows before one follows it."""
    if exception is not None or app.builder.format != "html":
        return
    shown = dict(_terms(app)) | dict(_works(app))
    script = f"globalThis.hnnPreviews = {json.dumps(shown, ensure_ascii=False)};\n"
    Path(app.outdir, "_static", PREVIEWS).write_text(script, encoding="utf-8")


def _page(app: Sphinx, name: str) -> BeautifulSoup | None:
    path = Path(app.outdir, f"{name}.html")
    return BeautifulSoup(path.read_text("utf-8"), "html.parser") if path.is_file() else None


def _terms(app: Sphinx) -> Iterator[tuple[str, str]]:
    page = _page(app, "book/glossary")
    for term in page.select("dl.glossary dt[id]") if page else ():
        meaning = term.find_next("dd")
        if meaning is not None:
            yield f"glossary.html#{term['id']}", _plain(meaning)


def _works(app: Sphinx) -> Iterator[tuple[str, str]]:
    page = _page(app, "book/bibliography")
    for entry in page.select("div.citation[id]") if page else ():
        yield f"bibliography.html#{entry['id']}", _plain(entry.p or entry)


def _plain(tag: Tag) -> str:
    """The inside of a tag without links, whose addresses hold on its own page alone."""
    copy = BeautifulSoup(str(tag), "html.parser")
    for link in copy("a"):
        link.unwrap()
    for part in copy(id=True):
        del part["id"]
    return next(copy.children).decode_contents().strip()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("doctree-resolved", open_chapter, priority=400)
    # After the terms of the glossary are linked.
    app.connect("doctree-resolved", colour_roles, priority=700)
    app.connect("doctree-resolved", drop_versions)
    app.connect("doctree-resolved", drop_machinery)
    app.connect("env-updated", rewrite_ranges)
    app.connect("doctree-resolved", add_ranges, priority=800)
    app.connect("doctree-resolved", set_tables, priority=800)
    app.connect("doctree-resolved", keep_columns, priority=800)
    app.connect("build-finished", write_previews)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
