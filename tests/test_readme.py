"""The README's figures from long runs are those of the stored rows."""

import re
from pathlib import Path

from hnn_tutorial.experiments import stored_rows

ROOT = Path(__file__).parents[1]


def test_the_readme_says_what_was_measured_on_a_gpu() -> None:
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    members, low, high = map(
        int,
        re.search(
            r"(\d+) members of an ensemble trained together (\d+) to (\d+) times", text
        ).groups(),
    )
    ratios = [
        row["ratio"]
        for name, row in stored_rows("ensemble: ").items()
        if re.match(rf"{members} members.*, cuda$", name)
    ]
    assert len(ratios) >= 2
    assert (round(min(ratios)), round(max(ratios))) == (low, high)


def test_the_readme_names_the_two_commands_side_by_side() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^\| \| `make book` \| `make test` \|$", text, re.MULTILINE)
    for target in re.findall(r"`make (\w+)`", text):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
