"""The reference of the package: its docstrings as pages, and links to them from the chapters."""

from __future__ import annotations

import functools
import re
from pkgutil import walk_packages
from textwrap import indent
from typing import Any

from docutils import nodes
from hnn_book import inside
from sphinx.addnodes import desc, desc_signature
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.domains.python import PyObject
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.inspect import signature, stringify_signature
from traitlets import HasTraits

import hnn_tutorial
from hnn_tutorial import cli

PACKAGE = "hnn_tutorial"
PAGES = "book/reference/"


def configure(app: Sphinx, config: Config) -> None:
    """Say how docstrings become text, and how that looks."""
    app.add_css_file("reference.css")
    config.autodoc_default_options = {"members": True, "member-order": "bysource", "no-value": True}
    # Types stand with the arguments, and signatures fit a narrow page.
    config.autodoc_typehints = "description"
    config.autodoc_typehints_description_target = "documented"
    config.autodoc_typehints_format = "short"
    config.autodoc_preserve_defaults = True
    config.napoleon_use_ivar = True
    config.python_use_unqualified_type_names = True
    config.add_module_names = False
    config.toc_object_entries_show_parents = "hide"
    config.default_role = "code"
    for kind in PyObject.doc_field_types:
        if kind.name == "variable":
            kind.label = "Attributes"
    # Names of other packages have no page here; those of this one must have theirs, but for a
    # variable that stands for a type.
    config.nitpick_ignore_regex = [
        ("py:.*", rf"(?!{PACKAGE}\b).*"),
        ("py:class", rf"{PACKAGE}\.training\._problem\.Worked"),
    ]


# --- docstrings ----------------------------------------------------------------------------------


@functools.cache
def comments() -> dict[str, list[str]]:
    """The text below each constant of the package, by the constant's name."""
    found: dict[str, list[str]] = {}
    for module in walk_packages(hnn_tutorial.__path__, f"{PACKAGE}."):
        attributes = ModuleAnalyzer.for_module(module.name).find_attr_docs()
        found |= {name: lines for (owner, name), lines in attributes.items() if not owner}
    return found


def complete(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Take the text of a constant from the module that defines it, and add the command's help."""
    if what == "data":
        lines[:] = [*comments()[name.rpartition(".")[2]], ""]
    elif name == f"{PACKAGE}.cli":
        usage = indent(cli.make_parser().format_help(), "   ")
        lines += [".. code-block:: none", "", *usage.splitlines(), ""]


def sign_widget(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, arguments: str, result: str
) -> tuple[str, str] | None:
    """Show what the constructor of a widget takes; traitlets' metaclass hides it."""
    if what != "class" or not issubclass(obj, HasTraits):
        return None
    shown = signature(obj.__init__, bound_method=True)
    return stringify_signature(shown, show_annotation=False, show_return_annotation=False), ""


def drop_empty_lists(app: Sphinx, doctree: nodes.document) -> None:
    """Take away the lists of arguments that autodoc leaves empty, and the gaps that they make."""
    for fields in [found for found in doctree.findall(nodes.field_list) if not found.children]:
        fields.parent.remove(fields)


# --- links ---------------------------------------------------------------------------------------

# Where nothing is linked: in what is a link or a heading already.
NO_LINKS = (nodes.reference, nodes.title, desc_signature)

IMPORT = re.compile(rf"^from ({PACKAGE}[.\w]*) import (?:\(([^)]*)\)|([^(\n]+))$", re.MULTILINE)
NAME = re.compile(r"([A-Za-z][\w.]*)(?:\(.*\))?")


def entries(app: Sphinx) -> dict[str, tuple[str, str]]:
    """The page and the anchor of everything that the reference describes, by its full name."""
    objects = app.env.get_domain("py").objects.items()
    return {name: (found.docname, found.node_id) for name, found in objects}


def imported(doctree: nodes.document) -> dict[str, str]:
    """The full names of what the code of a page imports from the package, by their names there."""
    found = {}
    for block in doctree.findall(nodes.literal_block):
        for module, several, one in IMPORT.findall(block.astext()):
            for name in (several or one).split(","):
                whole, _, other = name.strip().partition(" as ")
                found[other or whole] = f"{module}.{whole}"
    return found


def public_names(app: Sphinx, page: str) -> dict[str, str]:
    """What the docstrings of a page call by short names: those of its module, then all others."""
    module = f"{PACKAGE}.{page.removeprefix(PAGES)}."
    short: dict[str, str] = {}
    # The checks' helpers have everyday names, which mean something else on other pages.
    known = [name for name in entries(app) if not name.startswith(f"{PACKAGE}.check.")]
    for name in [*known, *(name for name in entries(app) if name.startswith(module))]:
        short[".".join(name.split(".")[2:])] = name
    return short


def uri(app: Sphinx, page: str, target: tuple[str, str]) -> str:
    """The address of an entry, as seen from a page."""
    return f"{app.builder.get_relative_uri(page, target[0])}#{target[1]}"


def link_names(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link names in the text: on a chapter the first use of what it imports, in docstrings all."""
    if page.startswith(PAGES):
        names, once = public_names(app, page), False
    else:
        names, once = imported(doctree), True
    known = entries(app)
    for literal in list(doctree.findall(nodes.literal)):
        match = NAME.fullmatch(literal.astext())
        target = known.get(names.get(match[1], "")) if match else None
        if match is None or target is None or inside(literal, NO_LINKS):
            continue
        if not once and target[1] in described_around(literal):
            continue
        link = nodes.reference("", "", refuri=uri(app, page, target), internal=True)
        literal.replace_self(link)
        link += literal
        if once:
            del names[match[1]]


def link_code(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """Link in the code of a chapter each name of the package where it stands first."""
    if doctree is None or page.startswith(PAGES):
        return
    known = entries(app)
    for name, whole in imported(doctree).items():
        if whole in known:
            token = f'<span class="n">{name}</span>'
            link = f'<a class="hnn-name" href="{uri(app, page, known[whole])}">{token}</a>'
            context["body"] = context["body"].replace(token, link, 1)


def described_around(node: nodes.Node) -> set[str]:
    """The anchors of the descriptions that a node is part of."""
    found: set[str] = set()
    while node is not None:
        if isinstance(node, desc):
            found |= {anchor for part in node.findall(desc_signature) for anchor in part["ids"]}
        node = node.parent
    return found


# --- citations -----------------------------------------------------------------------------------


def link_citations(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Link "Hairer, Lubich & Wanner 2006" in a docstring to its entry in the bibliography."""
    if not page.startswith(PAGES):
        return
    domain: Any = app.env.get_domain("cite")
    homes = {
        key: place.docname
        for place, bibliography in domain.bibliographies.items()
        for key in bibliography.citation_nodes
    }
    works: dict[tuple[str, str], list[str]] = {}
    for key, entry in domain.bibdata.data.entries.items():
        first = (entry.persons.get("author") or entry.persons["editor"])[0]
        name = " ".join(first.prelast_names + first.last_names)
        works.setdefault((name, entry.fields["year"]), []).append(key)
    names = "|".join(re.escape(name) for name in sorted({name for name, _ in works}))
    cited = re.compile(rf"\b({names})\b(?: et al\.)?[^.;:()\d]* (\d{{4}})\b")
    for text in list(doctree.findall(nodes.Text)):
        if inside(text, (*NO_LINKS, nodes.literal, nodes.math, nodes.math_block)):
            continue
        parts: list[nodes.Node] = []
        done = 0
        for found in cited.finditer(text):
            keys = works.get((found[1], found[2]), [])
            if len(keys) == 1:
                address = uri(app, page, (homes[keys[0]], keys[0]))
                parts.append(nodes.Text(text[done : found.start()]))
                parts.append(nodes.reference("", found[0], refuri=address, internal=True))
                done = found.end()
        if parts:
            text.parent.replace(text, [*parts, nodes.Text(text[done:])])


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.setup_extension("sphinx.ext.napoleon")
    app.connect("config-inited", configure)
    # Before napoleon reads the text.
    app.connect("autodoc-process-docstring", complete, priority=400)
    app.connect("autodoc-process-signature", sign_widget)
    app.connect("doctree-read", drop_empty_lists)
    app.connect("doctree-resolved", link_names)
    app.connect("doctree-resolved", link_citations)
    app.connect("html-page-context", link_code)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
