"""Keep the pages light: MathJax only where there is a formula, the index of the search only on its
page, only the icons that are used, and each widget's module once.

The theme's script draws icons from all of Font Awesome, 540 KB compressed. Its style sheet can draw
them too, from fonts; and the few icons that the pages hold fit into a style sheet. An icon that was
not found here still appears: the browser then loads the theme's font.
"""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx

STYLE = "icons.css"
# The font files of the theme, by what its style sheet calls them.
FONTS = {
    "fa-solid-900": ("Font Awesome 6 Free", 900),
    "fa-regular-400": ("Font Awesome 6 Free", 400),
    "fa-brands-400": ("Font Awesome 6 Brands", 400),
}
SCRIPT = re.compile(r"<script[^>]*/fontawesome\.js[^>]*></script>")
# For a search that shows results on any page, while one types; ours has a page for them.
SEARCH = re.compile(
    r"\s*<script[^>]*/?(?:searchtools|language_data|searchindex)\.js[^>]*></script>"
)


def add_filter(app: Sphinx) -> None:
    """Give `templates/layout.html` the filters that leave scripts out."""
    if app.builder.format == "html":
        filters = app.builder.templates.environment.filters
        filters["without_icon_script"] = lambda head: SCRIPT.sub("", head)
        filters["without_search_index"] = lambda head: SEARCH.sub("", head)


def drop_mathjax(app: Sphinx, name: str, template: str, context: dict, doctree: Any) -> None:
    """Leave MathJax out of a page without formulas; Sphinx asks the pages below it as well."""
    if app.env.get_domain("math").data["has_equations"].get(name):
        return
    path = app.config.mathjax_path
    context["script_files"] = [
        script
        for script in context["script_files"]
        if path not in str(script.filename) and "MathJax" not in script.attributes.get("body", "")
    ]


def share_modules(app: Sphinx, name: str, template: str, context: dict, doctree: Any) -> None:
    """Keep each text of a module or a style sheet once in the widgets' states of a page.

    ``static-widgets.js`` looks it up again: ``_same`` says which other state has it.
    """
    for script in context["script_files"]:
        attributes = getattr(script, "attributes", {})
        if attributes.get("type") != "application/vnd.jupyter.widget-state+json":
            continue
        content = json.loads(attributes["body"])
        first: dict[str, str] = {}
        for key, record in content["state"].items():
            for part in ("_esm", "_css"):
                text = record["state"].get(part)
                if text and first.setdefault(text, key) != key:
                    del record["state"][part]
                    record.setdefault("_same", {})[part] = first[text]
        attributes["body"] = json.dumps(content).replace("</", "<\\/")


def write_icons(app: Sphinx, exception: Exception | None) -> None:
    """Write a style sheet with those icons of the theme that the built pages use."""
    if exception is not None or app.builder.format != "html":
        return
    root = Path(app.outdir)
    static = root / "_static"
    sources = [*root.rglob("*.html"), *(static / "scripts").glob("*-theme.js")]
    names = {
        name for path in sources for name in re.findall(r"\bfa-[a-z0-9-]+", path.read_text("utf-8"))
    }
    theme = (static / "styles" / "pydata-sphinx-theme.css").read_text("utf-8")
    letters = {
        int(code[1:], 16) if code[0] == "\\" else ord(code)
        for selectors, code in re.findall(r'([^{}]+)\{content:"(\\[0-9a-f]+|[^"\\])"\}', theme)
        if names & set(re.findall(r"\.(fa-[a-z0-9-]+):before", selectors))
    }
    faces = [
        _face(static / "vendor" / "fontawesome" / "webfonts" / f"{file}.ttf", letters, *font)
        for file, font in FONTS.items()
    ]
    (static / STYLE).write_text("".join(faces), "utf-8")


def _face(path: Path, letters: set[int], family: str, weight: int) -> str:
    """A font face of some letters of a font; it is asked before the theme's."""
    with TTFont(path) as font:
        maker = subset.Subsetter(subset.Options(notdef_outline=False, hinting=False))
        maker.populate(unicodes=letters)
        maker.subset(font)
        font.flavor = "woff"
        file = io.BytesIO()
        font.save(file)
    data = base64.b64encode(file.getvalue()).decode()
    return (
        f'@font-face {{ font-family: "{family}"; font-weight: {weight}; font-display: block;\n'
        f'  src: url("data:font/woff;base64,{data}") format("woff"); }}\n'
    )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", add_filter)
    app.add_css_file(STYLE)
    app.connect("html-page-context", drop_mathjax, priority=900)
    app.connect("html-page-context", share_modules, priority=900)
    app.connect("build-finished", write_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
