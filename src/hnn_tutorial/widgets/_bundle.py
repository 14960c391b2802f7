"""Join the labs' JavaScript: many small files to read, one ES module without imports to run."""

import posixpath
import re
from functools import cache
from pathlib import Path

from rjsmin import jsmin

from hnn_tutorial import palette

SOURCES = Path(__file__).parent / "js"

_IMPORT = re.compile(r'^import \{[^}]*\} from "(\.\.?/[\w./]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)
# What starts a declaration in the first column goes on to the next such start.
_DECLARATION = re.compile(
    r"^(?=(?:async )?(?:function\*?|class|const|let) |export default )", re.MULTILINE
)
_DECLARED = re.compile(r"(?:async )?(?:function\*?|class|const|let) ([\w$]+|[\[{][^=]*)")
# The minifier would take the spaces out of the inner one.
_NESTED_TEMPLATE = re.compile(r"`[^`]*\$\{[^`}]*`")
_WORD = re.compile(r"[\w$]+")

# `palette.js` is no file: it is the figures' palette, so that a colour is stated once.
_GENERATED = {"palette.js": lambda: f"export const PALETTE = {palette.to_json()};\n"}


@cache
def styles(name: str) -> str:
    """Return a style sheet of this folder, behind the rules that all of them share."""
    folder = SOURCES.parent
    return "".join((folder / each).read_text(encoding="utf-8") for each in ("button.css", name))


@cache
def bundle(entry: str, exports: str = "") -> str:
    """Return an entry file with all that it needs, as one small ES module without imports.

    Files import each other by ``import { a, b } from "./file.js";`` (or ``"../file.js"``, from a
    folder) and export declarations. All of them share one scope, so that no two may declare one
    name. A declaration starts in the first column; one whose name nothing uses is left out. So
    are comments, and spaces that no engine needs.

    Args:
        entry: a file below ``widgets/js`` that ends in ``export default widget(SomeLab);``.
        exports: names to export besides, separated by commas, for tests.

    Returns:
        The module's text.

    Raises:
        FileNotFoundError: if a file that is imported does not exist.
        ValueError: for an import of any other form, which would be left in the module, a name
            that is declared twice, or a template literal inside another one.
    """
    sources: dict[str, str] = {}

    def include(name: str) -> None:
        if name in sources:
            return
        sources[name] = ""
        make = _GENERATED.get(name)
        text = make() if make else (SOURCES / name).read_text(encoding="utf-8")
        for needed in _IMPORT.findall(text):
            include(posixpath.normpath(posixpath.join(posixpath.dirname(name), needed)))
        text = _EXPORT.sub("", _IMPORT.sub("", text))
        if re.search(r"^\s*import\b", text, re.MULTILINE) or "import(" in text:
            raise ValueError(
                f'{name} has an import that cannot be joined; write import {{ a }} from "./b.js";'
            )
        if found := _NESTED_TEMPLATE.search(text):
            raise ValueError(f"{name} has a template literal inside another one: {found[0]!r}")
        # Files that others need come first.
        del sources[name]
        sources[name] = text

    include(entry)
    roots = set(_WORD.findall(exports))
    module = "".join(_used(sources, roots))
    return module + (f"export{{{','.join(sorted(roots))}}};\n" if roots else "")


def _used(sources: dict[str, str], roots: set[str]) -> list[str]:
    """Return the declarations that the default export, or one of the roots, leads to."""
    split = (piece for text in sources.values() for piece in _DECLARATION.split(text))
    pieces = [piece for piece in split if jsmin(piece)]
    owners: dict[str, int] = {}
    for at, piece in enumerate(pieces):
        found = _DECLARED.match(piece)
        for name in _WORD.findall(found[1]) if found else ():
            if name in owners:
                raise ValueError(f"{name} is declared twice among {', '.join(sources)}")
            owners[name] = at
    kept = {at for at, piece in enumerate(pieces) if not _DECLARED.match(piece)}
    waiting = [*kept, *(owners[name] for name in roots)]
    while waiting:
        at = waiting.pop()
        kept.add(at)
        needed = {owners[word] for word in set(_WORD.findall(pieces[at])) if word in owners}
        waiting.extend(needed - kept)
        kept |= needed
    return [jsmin(piece) + "\n" for at, piece in enumerate(pieces) if at in kept]
