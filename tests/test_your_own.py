"""The page of short code runs: all its Python in order, and its commands name what exists."""

import re
import shlex
from pathlib import Path

import pytest

from hnn_tutorial.cli import main, make_parser
from hnn_tutorial.experiments import RECIPES
from hnn_tutorial.models import HamiltonianModel
from hnn_tutorial.recordings import read_csv, sample_path

PAGE = Path(__file__).parents[1] / "book" / "your_own.md"
TEXT = PAGE.read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What the names on the page stand for after all blocks, and the folder they ran in."""
    folder, names = tmp_path_factory.mktemp("page"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for number, code in enumerate(blocks("python"), 1):
            exec(compile(code, f"block {number} of your_own.md", "exec"), names)
    return folder, names


def test_every_block_runs_and_learns(ran):
    folder, names = ran
    x = names["starts"]
    true = names["hamiltonian_field"](names["hamiltonian"])
    assert names["field_error"](names["energy"].field, true, x) < 1e-3
    for own in (names["action"], names["plain"]):
        assert names["field_error"](own.field, true, x) < 0.01
    assert isinstance(names["again"], HamiltonianModel)
    assert names["again"].field(x).allclose(names["energy"].field(x), rtol=0, atol=0)
    # A loop of one's own: worse than second order, and far better than nothing.
    assert names["loss"].item() < 0.1 * float(names["rates"].square().mean())
    assert float(names["data"].derivatives[:, 0].abs().max()) < 4  # no jump of a turn is left
    assert len(names["both"]) == len(names["data"]) + len(names["known"])
    assert names["forecast"].abs().max() < 6
    assert names["forecast"].isfinite().all()
    assert len(names["swings"].tracks) == 2
    assert (folder / "swing" / "report.html").is_file()
    for lab in (names["phase"], names["side"]):
        assert lab._system["error"] < 1e-5
        assert lab._system["title"] == "hard spring"
    hard = names["hard"]
    assert names["field_error"](names["learned"].field, hard.field, x) < 1e-3


def test_its_commands_are_commands(ran, monkeypatch, capsys):
    folder, _ = ran
    lines = [line for block in blocks("bash") for line in block.splitlines()]
    words = [shlex.split(line, comments=True) for line in lines]
    assert [line[1] for line in words] == ["fit", "list", "run", "table"]
    monkeypatch.chdir(folder)
    for name, *rest in words:
        assert name == "hnn-tutorial"
        options = make_parser().parse_args(rest)
        if rest[0] == "run":
            assert set(options.recipes) <= set(RECIPES)
            # What the page wrote is found, and called with the degrees of freedom.
            recipe = RECIPES[options.recipes[0]]
            assert isinstance(recipe.build(options.model, 0), HamiltonianModel)
        if rest[0] == "fit":
            read_csv(sample_path(), velocities=options.velocities, angles=options.angles)
    assert main(["list"]) == 0


SAID = {
    "no column is called time": "clock,angle\n0,1\n1,2\n2,3\n",
    "which columns are positions?": "t,a,b\n0,1,2\n1,2,3\n2,3,4\n",
    "the time goes back": "t,a\n" + "".join(f"{k % 5},{k}\n" for k in range(10)),
}


@pytest.mark.parametrize("message", SAID)
def test_a_message_of_the_table_is_what_is_said(message, tmp_path):
    assert f"| `{message}` |" in TEXT
    path = tmp_path / "bad.csv"
    path.write_text(SAID[message], encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape(message)):
        read_csv(path)


def test_the_other_messages_of_the_table_stand_in_the_package():
    source = "\n".join(
        re.sub(r'"\s*\n\s*f?"', "", path.read_text(encoding="utf-8"))
        for path in (PAGE.parents[1] / "src" / "hnn_tutorial").rglob("*.py")
    )
    quoted = re.findall(r"^\| `([^`]+)`", TEXT, re.MULTILINE)
    assert len(quoted) >= 7
    for message in set(quoted) - set(SAID):
        if message.startswith("state has dtype"):
            message = "state has dtype"
        if message.startswith("misses the field"):
            message = "misses the field of the "
        if message == "has no unit, and it is an angle":
            message = ", and it is an angle"
        assert message.removesuffix(" in the report") in source, message
