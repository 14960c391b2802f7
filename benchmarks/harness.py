"""What all rows share: the table of them, their form, timing, and the file of results."""

import json
import math
import os
import platform
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from hnn_tutorial.evaluation import over_seeds

# In the package, so that chapters have them wherever they run.
RESULTS = Path(__file__).parents[1] / "src" / "hnn_tutorial" / "experiments" / "stored.json"
COLUMNS = ("name", "reference", "ours", "ratio", "spread", "target", "reached", "seconds")

Row = dict[str, Any]
ROWS: dict[str, Callable[[int], list[Row]]] = {}
"""Functions ``repeats -> rows`` by name; one that gives several names them ``name: variant``."""


def row(run: Callable[[int], list[Row]]) -> Callable[[int], list[Row]]:
    """Enter a function in ``ROWS`` under its name."""
    ROWS[run.__name__] = run
    return run


def make_row(
    name: str,
    reference: Any,
    ours: Any,
    ratios: Iterable[float],
    target: str,
    reached: Callable[[float], bool],
    **more: Any,
) -> Row:
    """Return a row.

    Args:
        name: of the row.
        reference: figures of the other side: a number, or numbers by name.
        ours: figures of ours.
        ratios: how many times better ours is, one for each repeat; the row has their median,
            and as spread the smallest and the largest.
        target: what is to be reached, in words.
        reached: tells from the median ratio whether it is.
        more: kept in the file, not shown.
    """
    ratio = over_seeds(ratios)
    return {
        "name": name,
        "reference": reference,
        "ours": ours,
        "ratio": ratio.median,
        "spread": [ratio.low, ratio.high],
        "target": target,
        "reached": bool(reached(ratio.median)),
        **more,
    }


def seconds(work: Callable[[], Any]) -> float:
    """Return the wall time that some work takes, on a GPU until it is done."""
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def medians(records: Iterable[Mapping[str, float | None]]) -> dict[str, float]:
    """Return the median of each figure that no record lacks."""
    records = list(records)
    return {
        name: over_seeds(r[name] for r in records).median
        for name in records[0]
        if all(r.get(name) is not None for r in records)
    }


def machine(threads: int, device: str = "cpu") -> dict[str, Any]:
    """Return what the timings depend on; on a GPU, the card's name as well."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": threads,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        **({"card": torch.cuda.get_device_name(device)} if device.startswith("cuda") else {}),
    }


def store(name: str, rows: list[Row], here: dict[str, Any]) -> list[Row]:
    """Put the rows of one function into the file of results, and return all that it then holds.

    Each row says on which machine it was measured. It replaces what the function gave on this
    machine before, and any row of its name; rows that belong to no function any more go. The
    file is replaced whole, so an interruption leaves it as it was.
    """
    old = json.loads(RESULTS.read_text())["rows"] if RESULTS.exists() else []
    names = {entry["name"] for entry in rows}
    every = [
        entry
        for entry in old
        if entry["name"] not in names
        and not (_function(entry) == name and entry["machine"] == here)
    ]
    every += [{**entry, "machine": here} for entry in rows]
    order = list(ROWS)
    every = sorted(
        (entry for entry in every if _function(entry) in order),
        key=lambda entry: order.index(_function(entry)),
    )
    partial = RESULTS.with_suffix(".partial")
    partial.write_text(json.dumps(_plain({"rows": every}), indent=2, allow_nan=False) + "\n")
    os.replace(partial, RESULTS)
    return every


def _function(entry: Row) -> str:
    return str(entry["name"]).split(":")[0]


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, where there is no infinity: null."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def table(rows: list[Row]) -> str:
    """Return rows as a Markdown table."""
    lines = [list(COLUMNS), *([_shown(r[c]) for c in COLUMNS] for r in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(COLUMNS))]
    text = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(text)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if value is None:
        return "inf"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return "–".join(_shown(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{k} {_shown(v)}" for k, v in value.items())
    return str(value)
