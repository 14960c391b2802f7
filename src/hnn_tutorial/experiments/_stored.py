"""What took longer than a chapter may, as ``benchmarks/`` measured it."""

import functools
import json
from importlib import resources
from typing import Any

from hnn_tutorial._validate import check_type

FILE = resources.files("hnn_tutorial.experiments") / "stored.json"


@functools.cache
def _content() -> str:
    return FILE.read_text(encoding="utf-8")


def stored_rows(prefix: str = "") -> dict[str, dict[str, Any]]:
    """Return the rows of the course's benchmarks, which ship with the package.

    ``python benchmarks/run.py --row ROW`` makes them anew in a copy of the repository; a row's name
    is that of its function there, with a colon and more where the function makes several.

    >>> list(stored_rows("pairwise_cost"))
    ['']

    Args:
        prefix: how the names begin, such as ``"real_pendulum: "``; all rows for an empty one.

    Returns:
        What follows the prefix in a row's name -> the row: a dictionary of plain values, with its
        ``command``, ``machine`` and ``runs``, one for each seed or repeat.

    Raises:
        TypeError: if the prefix is no string.
        ValueError: if no row's name begins like that.
    """
    check_type(str, "how the names of rows begin", prefix=prefix)
    rows = json.loads(_content())["rows"]
    found = {
        row["name"].removeprefix(prefix): row for row in rows if row["name"].startswith(prefix)
    }
    if not found:
        known = ", ".join(sorted({row["name"].split(":")[0] for row in rows}))
        raise ValueError(f"no stored row begins with {prefix!r}; they begin with {known}")
    return found
