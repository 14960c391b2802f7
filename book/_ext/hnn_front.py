"""What a reader sees of the book before reading: the contents with times, and its card elsewhere.

The contents of the landing page follow `_toc.yml`; a chapter's time and what it needs are those of
its own first cell. What is said of a page there is also what a search engine or a message with a
link to it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

LOGGER = logging.getLogger(__name__)

CARD = "_static/card.png"
CARD_SIZE = (1200, 630)
CARD_ALT = (
    "A pendulum's phase plane: an orbit that closes on a level of the energy, and one that "
    "leaves it in a spiral."
)
DESCRIPTION_LENGTH = 200


# --- the contents --------------------------------------------------------------------------------


class chapters(nodes.General, nodes.Element):
    """The place of the contents, until all pages have been read."""


class Chapters(SphinxDirective):
    """List the pages of `_toc.yml` by parts.

    The body is a definition list: the name of a page, and what it does.
    """

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Remember what is said of each page, and mark the place."""
        said = nodes.container()
        self.state.nested_parse(self.content, self.content_offset, said)
        place = chapters(said={})
        for item in said.findall(nodes.definition_list_item):
            page = f"book/{item[0].astext()}"
            if page not in self.env.found_docs:
                LOGGER.warning("%s is no page of the book", page, location=item)
            place["said"][page] = item[1][0]
        self.env.metadata[self.env.docname]["said"] = {
            page: text.astext() for page, text in place["said"].items()
        }
        return [place]


class FillChapters(SphinxPostTransform):
    """Put the contents in their place, before references are resolved (priority 9)."""

    default_priority = 5

    def run(self, **options: Any) -> None:
        """Replace the mark by one group for each part of `_toc.yml`."""
        for place in list(self.document.findall(chapters)):
            parts = [
                self._part(tree.caption, tree.files(), place["said"])
                for tree in self.config.external_site_map.root.subtrees
            ]
            place.replace_self([self._hours(), *parts])

    def _hours(self) -> nodes.paragraph:
        """How long all chapters take, and all exercises."""
        site = self.config.external_site_map
        pages = [_docname(name) for part in site.root.subtrees for name in part.files()]
        chapters = [page for page in pages if self.env.doc2path(page).endswith(".ipynb")]
        below = [_docname(name) for page in chapters for name in site[page].child_files()]
        exercises = [page for page in below if page.startswith("exercises/")]
        reading, working = (
            round(sum(_minutes(self._time(page)) for page in kind) / 60)
            for kind in (chapters, exercises)
        )
        line = f"The chapters take about {reading} hours to read and try, the exercises {working}."
        return nodes.paragraph("", line, classes=["hnn-facts"])

    def _part(self, caption: str, pages: list[str], said: dict[str, nodes.Node]) -> nodes.Node:
        items = [
            nodes.list_item("", *self._page(page, said.get(page)), classes=["hnn-chapter"])
            for page in map(_docname, pages)
        ]
        return nodes.container(
            "", nodes.rubric("", caption), nodes.bullet_list("", *items), classes=["hnn-part"]
        )

    def _page(self, page: str, said: nodes.Node | None) -> Iterator[nodes.Node]:
        numbers = self.env.toc_secnumbers.get(page, {}).get("", ())
        number = "".join(f"{part}. " for part in numbers)
        title = [child.deepcopy() for child in self.env.titles[page].children]
        yield nodes.paragraph("", "", self._link(page, nodes.Text(number), *title))
        if said is not None:
            yield nodes.paragraph("", "", *(child.deepcopy() for child in said.children))
        if self.env.doc2path(page).endswith(".ipynb"):
            yield self._times(page)
            needs = [nodes.Text("Needs "), *self._needs(page)]
            yield nodes.paragraph("", "", *needs, classes=["hnn-facts"])

    def _times(self, page: str) -> nodes.paragraph:
        """How long a chapter takes, and the pages below it."""
        line = nodes.paragraph("", f"Takes {self._time(page)}. ", classes=["hnn-facts"])
        below = self.config.external_site_map[page].child_files()
        for number, name in enumerate(map(_docname, below)):
            title = self.config.external_site_map[name].title or self.env.titles[name].astext()
            line += [nodes.Text(" · " if number else ""), self._link(name, nodes.Text(title))]
            if name.startswith("exercises/"):
                line += nodes.Text(f" ({self._time(name)})")
        return line

    def _time(self, page: str) -> str:
        """What a notebook's first cell says of its time, up to the first stop."""
        for block in self.env.get_doctree(page).findall(nodes.paragraph):
            found = re.match(r"(?:How long it takes:|It takes)\s+([^;.]+)", block.astext())
            if found:
                return found[1].removesuffix(" to read and try")
        LOGGER.warning("the first cell does not say how long it takes", location=page)
        return "an unknown time"

    def _needs(self, page: str) -> list[nodes.Node]:
        """What a notebook's first cell says that it needs, without where the symbols stand."""
        for block in self.env.get_doctree(page).findall(nodes.paragraph):
            if not block.astext().startswith("What you need:"):
                continue
            name = next(block.findall(nodes.strong))
            needs = [child.deepcopy() for child in block.children[block.index(name) + 1 :]]
            needs[0] = nodes.Text(needs[0].astext().removeprefix(":").lstrip())
            for position, child in enumerate(needs):
                before, *symbols = re.split(r"\s*Symbols are\b", child.astext())
                if symbols:
                    return [*needs[:position], nodes.Text(before)]
            return needs
        LOGGER.warning("the first cell does not say what one needs", location=page)
        return []

    def _link(self, page: str, *text: nodes.Node) -> nodes.reference:
        uri = self.app.builder.get_relative_uri(self.env.docname, page)
        return nodes.reference("", "", *text, refuri=uri, internal=True)


IN_WORDS = {"an": 1.0, "one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0}
HALF = " and a half"


def _minutes(time: str) -> float:
    """Return the minutes of a time such as "about two and a half hours", or "50 minutes"."""
    found = re.fullmatch(rf"(?:about )?(\w+)({HALF})? (hour|minute)s?", time)
    if found is None:
        raise ValueError(f'"{time}" is no time such as "about 50 minutes" or "about two hours"')
    number, half, unit = found.groups()
    amount = IN_WORDS[number] if number in IN_WORDS else float(number)
    return (amount + (0.5 if half else 0.0)) * (60 if unit == "hour" else 1)


def _docname(name: str) -> str:
    return re.sub(r"\.(md|ipynb)$", "", name)


def rewrite_front(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the landing page anew in every build: it shows what stands in other pages."""
    return [env.config.root_doc]


# --- what a link to a page shows elsewhere -------------------------------------------------------


def find_site(app: Sphinx, config: Config) -> None:
    """The book's own address, on GitHub's pages of the repository that `_config.yml` names."""
    owner, name = config.html_theme_options["repository_url"].rstrip("/").split("/")[-2:]
    config.html_baseurl = f"https://{owner}.github.io/{name}/"


def describe(app: Sphinx, name: str, template: str, context: dict, doctree: Any) -> None:
    """Add a page's description and its open-graph card to its head."""
    said = app.env.metadata[app.config.root_doc].get("said", {}).get(name)
    if said is None and doctree is not None and name != app.config.root_doc:
        # An exercise begins with a note on its file, in italics.
        blocks = doctree.findall(nodes.paragraph)
        said = next((b.astext() for b in blocks if not isinstance(b[0], nodes.emphasis)), None)
    title = re.sub("<[^>]+>", "", context.get("title") or "") or app.config.html_title
    context["metatags"] = (
        context.get("metatags", "") + "\n" + card(app, title, said, f"{name}.html")
    )


def card(app: Sphinx, title: str, description: str | None, address: str) -> str:
    """The tags that describe a page: for search engines, and open graph for messages."""
    text = " ".join((description or app.config.hnn_description).split())
    if len(text) > DESCRIPTION_LENGTH:
        text = text[:DESCRIPTION_LENGTH].rsplit(" ", 1)[0].rstrip(",;:") + " …"
    base = app.config.html_baseurl
    properties = {
        "og:type": "website",
        "og:site_name": app.config.html_title,
        "og:title": title,
        "og:description": text,
        "og:url": base + address,
        "og:image": base + CARD,
        "og:image:width": CARD_SIZE[0],
        "og:image:height": CARD_SIZE[1],
        "og:image:alt": CARD_ALT,
    }
    tags = [
        f'<meta property="{key}" content="{escape(str(v))}" />' for key, v in properties.items()
    ]
    tags.append(f'<meta name="description" content="{escape(text)}" />')
    tags.append('<meta name="twitter:card" content="summary_large_image" />')
    return "\n".join([*tags, ""])


def write_index(app: Sphinx, exception: Exception | None) -> None:
    """Lead from the book's folder to its landing page, with the card of the book."""
    if exception is not None or app.builder.format != "html":
        return
    target = f"{app.config.root_doc}.html"
    title = app.config.html_title
    Path(app.outdir, "index.html").write_text(
        f"""<!DOCTYPE html>
<html lang="{app.config.language}">
<head>
<meta charset="utf-8" />
<title>{escape(title)}</title>
<meta http-equiv="refresh" content="0; url={target}" />
<link rel="canonical" href="{app.config.html_baseurl}{target}" />
{card(app, title, None, target)}</head>
<body><p><a href="{target}">{escape(title)}</a></p></body>
</html>
""",
        encoding="utf-8",
    )


def write_not_found(app: Sphinx, exception: Exception | None) -> None:
    """Write the page that a host shows for an address without one (GitHub's pages: 404.html).

    It is shown at any address, so its links are whole and its style is its own.
    """
    if exception is not None or app.builder.format != "html":
        return
    title = escape(app.config.html_title)
    front = f"{app.config.html_baseurl}{app.config.root_doc}.html"
    search = f"{app.config.html_baseurl}search.html"
    Path(app.outdir, "404.html").write_text(
        f"""<!DOCTYPE html>
<html lang="{app.config.language}">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<meta name="robots" content="noindex" />
<link rel="icon" href="data:," />
<title>No such page. {title}</title>
<style>
:root {{ color-scheme: light dark; --text: #23282e; --ground: #fff; --line: #5a636d; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --text: #d8dde2; --ground: #121212; --line: #9aa4ae; }}
}}
body {{ margin: 0 auto; padding: 18vh 1.5rem 0; max-width: 34rem; }}
body {{ background: var(--ground); color: var(--text); font: 1.15rem/1.6 Georgia, serif; }}
h1 {{ font-size: 2rem; font-weight: 600; line-height: 1.2; }}
a {{ color: inherit; }}
form {{ display: flex; gap: 0.6rem; }}
input, button {{ box-sizing: border-box; min-height: 44px; padding: 0.3em 0.9em; font: inherit; }}
input, button {{ border: 1px solid var(--line); border-radius: 8px; }}
input {{ flex: 1; min-width: 0; background: none; color: inherit; }}
button {{ background: var(--text); color: var(--ground); cursor: pointer; }}
</style>
</head>
<body>
<main>
<h1>There is no page at this address</h1>
<p>It may have moved. Search for it, or begin at
<a href="{front}">the first page of the book</a>.</p>
<form action="{search}"><input type="search" name="q" aria-label="Search the book" />
<button>Search</button></form>
</main>
</body>
</html>
""",
        encoding="utf-8",
    )


def draw_card(app: Sphinx, exception: Exception | None) -> None:
    """Draw the picture of the card: motions computed by the package, in its colours."""
    target = Path(app.outdir, CARD)
    if exception is not None or app.builder.format != "html" or target.exists():
        return
    import torch
    from matplotlib.figure import Figure

    from hnn_tutorial.integrators import integrate
    from hnn_tutorial.palette import DARK_BACKGROUND, ROLES
    from hnn_tutorial.systems import Pendulum

    pendulum = Pendulum(mass=1.0, length=1.0, gravity=1.0)
    start = torch.tensor([1.9, 0.0], dtype=torch.float64)
    figure = Figure(figsize=(12, 6.3), dpi=100, facecolor=DARK_BACKGROUND)
    plane = figure.add_axes((0.48, 0.0, 0.52, 1.0))
    q, p = torch.meshgrid(torch.linspace(-4, 4, 241), torch.linspace(-3, 3, 181), indexing="xy")
    energy = pendulum.hamiltonian(torch.stack([q, p], dim=-1))
    plane.contour(q, p, energy, levels=12, colors=ROLES["truth"].dark, linewidths=0.8, alpha=0.35)
    for method, role, step, end in (
        ("euler", "baseline", 0.06, 26.0),
        ("leapfrog", "hnn", 0.06, 9.0),
    ):
        times = torch.arange(0, end, step, dtype=torch.float64)
        orbit = integrate(pendulum.field, start, times, method=method)
        look = ROLES[role]
        plane.plot(*orbit.T, color=look.dark, lw=2.2 * look.width, zorder=look.order)
    plane.plot(*start, "o", color=ROLES["highlight"].dark, ms=17, zorder=9)
    plane.set(xlim=(-3.6, 3.6), ylim=(-2.6, 2.6))
    plane.axis("off")
    words = {"color": ROLES["truth"].dark, "ha": "left", "transform": figure.transFigure}
    lines = app.config.html_title.replace(" neural", "\nneural").replace("and ", "and\n")
    figure.text(0.06, 0.6, lines, size=34, weight="bold", va="center", linespacing=1.25, **words)
    figure.text(0.06, 0.3, "A course that runs", size=24, va="center", **words)
    figure.savefig(target)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_config_value("hnn_description", "", "html", str)
    app.add_node(chapters)
    app.add_directive("chapters", Chapters)
    app.add_post_transform(FillChapters)
    app.connect("env-updated", rewrite_front)
    # After Jupyter Book's configuration, before sphinx-external-toc writes an index of its own.
    app.connect("config-inited", find_site)
    app.connect("html-page-context", describe, priority=900)
    app.connect("build-finished", write_index, priority=100)
    app.connect("build-finished", write_not_found)
    app.connect("build-finished", draw_card)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
