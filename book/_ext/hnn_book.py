"""Sphinx glue of the book: local MathJax, a bibliography by author and year, small repairs."""

from __future__ import annotations

import functools
import importlib.util
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sphinxcontrib.bibtex.plugin
from bs4 import BeautifulSoup
from docutils import nodes
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.sorting.author_year_title import SortingStyle
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective
from sphinxcontrib.bibtex.style.referencing import BracketStyle
from sphinxcontrib.bibtex.style.referencing.author_year import (
    AuthorYearReferenceStyle,
)

# --- MathJax -------------------------------------------------------------------------------------

# What pages of this book can ask MathJax for: the TeX input with its loadable extensions
# (\boldsymbol, \cancel, ...) and the CommonHTML output with its fonts.
MATHJAX_FILES = (
    "tex-chtml.js",
    "input/tex/extensions",
    "output/chtml/fonts/woff-v2",
)


def use_local_mathjax(app: Sphinx, config: Config) -> None:
    """Point the pages at the copy that `copy_mathjax` makes, not at an outside host."""
    config.mathjax_path = "mathjax/tex-chtml.js"


def copy_mathjax(app: Sphinx, exception: Exception | None) -> None:
    """Copy MathJax from the package sphinx-mathjax-offline into the built book."""
    if exception is not None or app.builder.format != "html":
        return
    # The package's name holds hyphens, so that no statement can import it; and its own extension
    # copies 17 MB, of which the pages need 2.
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise RuntimeError("sphinx-mathjax-offline is missing: run `make book`, which installs it")
    source = Path(spec.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for name in MATHJAX_FILES:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, dirs_exist_ok=True)
        else:
            shutil.copy2(source / name, target / name)


# --- Bibliography --------------------------------------------------------------------------------


class AuthorYearLabels(BaseLabelStyle):
    """Label an entry as the text cites it: "Chen et al. 2018"; twins get a, b after the year."""

    def format_labels(self, sorted_entries: list[Any]) -> Iterator[str]:
        """Yield one label for each entry, in their order."""
        labels = [self._label(entry) for entry in sorted_entries]
        for index, label in enumerate(labels):
            twins = labels.count(label) > 1
            yield label + (chr(ord("a") + labels[:index].count(label)) if twins else "")

    @staticmethod
    def _label(entry: Any) -> str:
        people = entry.persons.get("author") or entry.persons.get("editor") or []
        names = [" ".join(person.prelast_names + person.last_names) for person in people]
        who = f"{names[0]} et al." if len(names) > 2 else " and ".join(names) or entry.key
        return f"{who} {entry.fields.get('year', 'n.d.')}"


class AuthorYearEntries(PlainStyle):
    """Pybtex's plain entries, sorted by author and year and labelled by them."""

    default_label_style = AuthorYearLabels
    default_sorting_style = SortingStyle


def _round() -> BracketStyle:
    return BracketStyle(left="(", right=")")


@dataclass
class RoundAuthorYear(AuthorYearReferenceStyle):
    """Citations in the text with round brackets: Chen et al. (2018), or (Chen et al., 2018)."""

    bracket_textual: BracketStyle = field(default_factory=_round)
    bracket_parenthetical: BracketStyle = field(default_factory=_round)


def make_entries_linkable(app: Sphinx, env: BuildEnvironment) -> None:
    """Let plain Markdown links name an entry: `[...](bibliography.md#chen2018neural)`.

    Notebooks cite in this way, because JupyterLab and Colab know no citation roles. The name of an
    entry is its key in `references.bib` (`bibtex_cite_id` in `_config.yml`).
    """
    domain: Any = env.get_domain("cite")
    for key, bibliography in domain.bibliographies.items():
        slugs = env.metadata[key.docname].setdefault("myst_slugs", {})
        for name in bibliography.citation_nodes:
            slugs[name] = (0, name, name)


def visit_citation(translator: Any, node: nodes.Element) -> None:
    """Write a bibliography entry as an item of a list; docutils gives it a deprecated role."""
    if not isinstance(node.previous_sibling(), type(node)):
        translator.body.append('<div role="list" class="citation-list">\n')
    translator.body.append(translator.starttag(node, "div", classes=["citation"], role="listitem"))


def depart_citation(translator: Any, node: nodes.Element) -> None:
    """Close an entry, and the list after its last one."""
    translator.body.append("</div>\n")
    if not isinstance(node.next_node(descend=False, siblings=True), type(node)):
        translator.body.append("</div>\n")


# --- Glossary ------------------------------------------------------------------------------------

# Where a term is not linked: in what is a link, a name, a formula or code already.
NO_LINKS = (nodes.reference, nodes.title, nodes.literal, nodes.math, nodes.raw, nodes.caption)
# Pages that are made of titles of works.
NO_TERMS = ("book/bibliography", "book/cite", "book/firmness")


def link_first_uses(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Link each term of the glossary where a chapter uses it first.

    Notebooks are plain Markdown, so the links are made here and not written there. A term that
    ends in brackets is an everyday word with a second meaning; it is left alone.
    """
    terms: Any = app.env.get_domain("std")
    homes = {
        term: (page, anchor)
        for (kind, term), (page, anchor) in terms.objects.items()
        if kind == "term" and not term.endswith(")")
    }
    if not name.startswith("book/") or any(page == name for page, _ in homes.values()):
        return
    if name in NO_TERMS:
        return
    for term in sorted(homes, key=len, reverse=True):
        page, anchor = homes[term]
        uri = f"{app.builder.get_relative_uri(name, page)}#{anchor}"
        _link_first_use(doctree, term, uri)


def _link_first_use(doctree: nodes.document, term: str, uri: str) -> None:
    pattern = re.compile(rf"\b{re.escape(term)}s?\b", re.IGNORECASE)
    for paragraph in doctree.findall(nodes.paragraph):
        for text in list(paragraph.findall(nodes.Text)):
            found = pattern.search(text)
            if found is None or inside(text, NO_LINKS) or _in_title(paragraph, text):
                continue
            before, after = text[: found.start()], text[found.end() :]
            link = nodes.reference("", found[0], refuri=uri, internal=True, classes=["glossary"])
            parts = [nodes.Text(before), link, nodes.Text(after)]
            text.parent.replace(text, [part for part in parts if part.astext()])
            return


def _in_title(paragraph: nodes.paragraph, text: nodes.Text) -> bool:
    """Whether a text is the title of a work that the paragraph begins by citing."""
    return isinstance(paragraph[0], nodes.reference) and inside(text, (nodes.emphasis,))


def inside(node: nodes.Node, kinds: tuple[type[nodes.Node], ...]) -> bool:
    """Whether a node is part of one of these kinds."""
    while node is not None:
        if isinstance(node, kinds):
            return True
        node = node.parent
    return False


def name_status(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Say in words how a notebook's run ended, in the table of runs."""
    for text in list(doctree.findall(nodes.Text)):
        if text in ("\N{WHITE HEAVY CHECK MARK}", "\N{CROSS MARK}"):
            ended = "to its end" if text == "\N{WHITE HEAVY CHECK MARK}" else "with an error"
            text.parent.replace(text, nodes.Text(ended))


# --- How firm is each claim ----------------------------------------------------------------------

FIRMNESS = "book/firmness.json"
COLUMNS = {"text": "claim", "value": "value", "range": "over the seeds", "bound": "bound"}


class folded(nodes.General, nodes.Element):
    """A part of a page below a line that opens it."""


def visit_folded(translator: Any, node: folded) -> None:
    """Open what can be folded."""
    said = translator.encode(node["said"])
    translator.body.append(f"<details>\n<summary>{said}</summary>\n")


def depart_folded(translator: Any, node: folded) -> None:
    """Close what can be folded."""
    translator.body.append("</details>\n")


class Firmness(SphinxDirective):
    """Show ``book/firmness.json``, which `make seeds` writes: one folded table for each page."""

    def run(self) -> list[nodes.Node]:
        """Return a sentence on the whole, and the tables."""
        root = Path(self.env.srcdir)
        self.env.note_dependency(str(root / FIRMNESS))
        made = json.loads((root / FIRMNESS).read_text(encoding="utf-8"))
        claims = [claim for page in made["pages"].values() for claim in page["claims"]]
        versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
        whole = (
            f"The tables have {len(claims)} claims, each at {made['sets']} sets of seeds. They "
            f"were made with {versions}."
        )
        parts = [self._page(name, page) for name, page in made["pages"].items()]
        return [nodes.paragraph("", whole), *parts]

    def _page(self, name: str, page: dict[str, Any]) -> folded:
        number = len(page["claims"])
        title = self._title(name)
        part = folded(said=f"{title} ({number} claim{'s' if number != 1 else ''})")
        link = pending_xref(
            "",
            nodes.inline("", "The page of these claims"),
            refdomain="std",
            reftype="doc",
            reftarget=f"/{name}",
            refexplicit=True,
            refwarn=True,
            refdoc=self.env.docname,
        )
        # Inside of what is folded, so that a link to it opens it.
        part += nodes.paragraph("", "", link, ids=[f"claims-{name.replace('/', '-')}"])
        part += self._table(page["claims"])
        return part

    def _title(self, name: str) -> str:
        """The first heading of a page."""
        for suffix in (".ipynb", ".md"):
            path = Path(self.env.srcdir) / f"{name}{suffix}"
            if path.is_file():
                self.env.note_dependency(str(path))
                text = path.read_text(encoding="utf-8")
                if suffix == ".ipynb":
                    cells = json.loads(text)["cells"]
                    marked = [cell for cell in cells if cell["cell_type"] == "markdown"]
                    text = "\n".join("".join(cell["source"]) for cell in marked)
                found = re.search(r"^# (.*)$", text, flags=re.MULTILINE)
                return found[1] if found else name
        return name

    @staticmethod
    def _table(claims: list[dict[str, Any]]) -> nodes.table:
        heads = [*COLUMNS.values(), "margin"]
        group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in heads), cols=len(heads))
        group += nodes.thead("", _row(heads))
        body = nodes.tbody()
        for claim in claims:
            wide = ", wide on purpose" if claim.get("wide") else ""
            body += _row([*(claim[key] for key in COLUMNS), claim["margin"] + wide])
        group += body
        return nodes.table("", group, classes=["hnn-firmness"])


def _row(texts: list[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", text)) for text in texts))


def style_firmness(app: Sphinx, name: str, template: str, context: dict, doctree: Any) -> None:
    """Give the page of these tables its style sheet, and no other page."""
    if doctree is not None and any(doctree.findall(folded)):
        app.add_css_file("firmness.css")


# --- Formulas ------------------------------------------------------------------------------------

OPENING = re.compile(r"[(\[]+$")
CLOSING = re.compile(r"^[.,;:!?)\]]+")


def keep_together(app: Sphinx, doctree: nodes.document, name: str) -> None:
    """Keep brackets and marks beside a formula on its line.

    A formula is a box to the browser, which may break the line at either side of it.
    """
    for formula in list(doctree.findall(nodes.math)):
        # By position: equal texts are equal nodes to docutils.
        parent, first = formula.parent, formula.parent.index(formula)
        last = first + 1
        together = nodes.inline("", "", classes=["hnn-together"])
        left: list[nodes.Node] = []
        right: list[nodes.Node] = []
        before = parent[first - 1] if first > 0 else None
        if isinstance(before, nodes.Text) and (found := OPENING.search(before)):
            first -= 1
            left = [nodes.Text(before[: found.start()])]
            together += nodes.Text(found[0])
        together += formula.deepcopy()
        after = parent[last] if last < len(parent) else None
        if isinstance(after, nodes.Text) and (found := CLOSING.search(after)):
            last += 1
            right = [nodes.Text(after[found.end() :])]
            together += nodes.Text(found[0])
        if left or right:
            parent[first:last] = [part for part in (*left, together, *right) if part.astext()]


# --- Repairs of the theme ------------------------------------------------------------------------


def repair_page(app: Sphinx, name: str, template: str, context: dict, doctree: Any) -> None:
    """Name the side bar's folding marks, and offer Colab only what it can open."""
    make_tree = context.get("generate_toctree_html")
    if make_tree is not None:

        @functools.wraps(make_tree)
        def make_named_tree(*args: Any, **options: Any) -> Any:
            return name_folding_marks(make_tree(*args, **options))

        context["generate_toctree_html"] = make_named_tree

    if name.startswith("exercises/"):
        _edit_the_solutions(context["header_buttons"])
    if doctree is not None and app.env.doc2path(name).endswith(".md"):
        context["header_buttons"] = [
            button
            for button in context.get("header_buttons", [])
            if button.get("label") != "launch-buttons"
        ]


def _edit_the_solutions(buttons: list[dict[str, Any]]) -> None:
    """Let an exercise's edit button name the file that it is derived from."""
    for button in buttons:
        _edit_the_solutions(button.get("buttons", []))
        if button.get("label") == "source-edit-button":
            button["url"] = button["url"].replace("/exercises/", "/solutions/")


def name_folding_marks(tree: Any) -> Any:
    """Give each folding mark of a navigation tree the name of the page whose pages it shows."""
    if not isinstance(tree, BeautifulSoup):
        return tree
    for summary in tree.select("li > details > summary"):
        link = summary.find_parent("li").find("a", recursive=False)
        if link is not None:
            summary["aria-label"] = f"Pages of {link.get_text(strip=True)}"
    return tree


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("config-inited", use_local_mathjax)
    app.connect("build-finished", copy_mathjax)

    register_plugin("pybtex.style.formatting", "hnn_author_year", AuthorYearEntries)
    sphinxcontrib.bibtex.plugin.register_plugin(
        "sphinxcontrib.bibtex.style.referencing",
        "hnn_author_year",
        RoundAuthorYear,
    )
    app.connect("env-updated", make_entries_linkable)
    app.add_node(nodes.citation, override=True, html=(visit_citation, depart_citation))

    app.add_directive("firmness", Firmness)
    app.add_node(folded, html=(visit_folded, depart_folded))
    app.connect("html-page-context", style_firmness)

    app.connect("doctree-resolved", link_first_uses)
    app.connect("doctree-resolved", keep_together)
    # After MyST-NB has put the table in.
    app.connect("doctree-resolved", name_status, priority=900)

    # After the theme's own functions (priority 500 and 501) have put the page together.
    app.connect("html-page-context", repair_page, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
