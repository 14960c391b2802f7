"""Join the labs' JavaScript: many small files to read, one ES module without imports to run."""

import re
from functools import cache
from pathlib import Path

from hnn_tutorial import palette

SOURCES = Path(__file__).parent / "js"

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([\w.]+)";\n', re.MULTILINE)
# Comments and indentation are for the readers of ``js/``; they would be a third of the module.
# Only comments that start a line are taken, so that nothing inside a string is touched.
_COMMENT = re.compile(r"^[ \t]*(?:/\*.*?\*/|//[^\n]*)\n", re.MULTILINE | re.DOTALL)
_INDENT = re.compile(r"^[ \t]+", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const|let)\b)", re.MULTILINE)

# `palette.js` is no file: it is the figures' palette, so that a colour is stated once.
_GENERATED = {"palette.js": lambda: f"export const PALETTE = {palette.to_json()};\n"}


@cache
def bundle(entry: str) -> str:
    """Return an entry file with everything that it imports, as one ES module without imports.

    Files import each other by ``import { a, b } from "./file.js";`` and export declarations. A
    file is included once, after the files that it needs. Only ``export default`` is kept.

    Args:
        entry: a file of ``widgets/js`` that ends in ``export default { render };``.

    Returns:
        The module's text.

    Raises:
        FileNotFoundError: if a file that is imported does not exist.
        ValueError: for an import of any other form, which would be left in the module.
    """
    parts: list[str] = []
    seen: set[str] = set()

    def include(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        make = _GENERATED.get(name)
        text = make() if make else (SOURCES / name).read_text(encoding="utf-8")
        for needed in _IMPORT.findall(text):
            include(needed)
        text = _EXPORT.sub("", _IMPORT.sub("", text))
        if re.search(r"^\s*import\b", text, re.MULTILINE) or "import(" in text:
            raise ValueError(
                f'{name} has an import that cannot be joined; write import {{ a }} from "./b.js";'
            )
        parts.append(f"// {name}\n{_INDENT.sub('', _COMMENT.sub('', text))}")

    include(entry)
    return "".join(parts)
