"""The page on speed: every table and sentence comes from the stored rows, and its claims hold."""

import copy
import re
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest

from hnn_tutorial import experiments
from hnn_tutorial.notebook import ClaimError

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "book" / "how_fast.md").read_text(encoding="utf-8")
CELLS = re.findall(
    r"^```\{code-cell\} ipython3\n(?:---\n.*?\n---\n|:tags:[^\n]*\n)(.*?)^```$",
    PAGE,
    flags=re.MULTILINE | re.DOTALL,
)


def run(monkeypatch, change=lambda rows: None):
    """Execute the page's cells on the stored rows, changed or not; return what they show."""
    matplotlib.use("agg")
    shown = []
    rows = copy.deepcopy(experiments.stored_rows())
    change(rows)

    def stored(prefix=""):
        return {n.removeprefix(prefix): r for n, r in rows.items() if n.startswith(prefix)}

    monkeypatch.setattr(experiments, "stored_rows", stored)
    monkeypatch.setattr("IPython.display.display", lambda made: shown.append(made.data))
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    scope = {}
    for cell in CELLS:
        exec(compile(cell, "how_fast.md", "exec"), scope)
    return "\n\n".join(shown)


def test_every_number_of_the_text_comes_from_the_stored_rows():
    """Outside its cells the page names no time and no factor."""
    text = re.sub(r"^```.*?^```$", "", PAGE.split("---\n", 2)[2], flags=re.MULTILINE | re.DOTALL)
    assert not re.findall(r"\d+(?:\.\d+)? ?(?:×|ms|µs|times|%)", text)
    assert len(CELLS) == PAGE.count("```{code-cell}")


def test_the_tables_have_every_side_and_case(monkeypatch):
    shown = run(monkeypatch)
    for prefix in ("rivals_rollout_true: ", "rivals_adam: ", "rivals_lm: "):
        for case, row in experiments.stored_rows(prefix).items():
            assert re.search(rf"\| {re.escape(case)} \|", shown), case
            for side in row["runs"][0]:
                assert f"\n| {side} | " in shown, side
            assert len(row["runs"]) >= 5
    assert "nan" not in shown
    assert {"NVIDIA H100 80GB HBM3", "NVIDIA H200"} <= set(
        re.findall(r"\| (NVIDIA[^|]+) \|", shown)
    )


@pytest.mark.parametrize("factor", [0.1, 10.0])
@pytest.mark.parametrize(
    "prefix",
    ["rivals_rollout_true: 1", "rivals_lm: 697", "rivals_spring: 1e-10", "rivals_adam: LNN"],
)
def test_a_claim_fails_where_the_figures_are_others(monkeypatch, prefix, factor):
    def change(rows):
        for name, row in rows.items():
            if name.startswith(prefix):
                for record in row["runs"]:
                    for side in record:
                        if side.startswith("package") and record[side]:
                            record[side] *= factor

    with pytest.raises(ClaimError):
        run(monkeypatch, change)
