"""The seeds of every notebook can be shifted, and the table of what came out is up to date."""

import json
import re
import sys
from pathlib import Path

import pytest
import seeds
from bs4 import BeautifulSoup
from seeds import Row, Source, claim_calls, margin_text, outdated, read_source, rows, statements

ROOT = Path(__file__).resolve().parents[1]


def page(*cells: str, name: str = "book/made_up") -> Source:
    pairs = tuple((f"cell-{number}", text) for number, text in enumerate(cells))
    return Source(name, ROOT / f"{name}.ipynb", pairs)


# --- the table in the repository -----------------------------------------------------------------


def test_the_table_belongs_to_the_notebooks():
    """If this fails, claims were changed since: run `make seeds` and commit book/firmness.json."""
    sources = [source for source in seeds.all_sources() if source.makes_claims]
    assert list(outdated(sources)) == []


def test_a_changed_claim_is_noticed_and_a_changed_value_is_not(tmp_path):
    table = tmp_path / "firmness.json"
    before = page("claim('small', error, below=0.1)", "claim('sign', x, above=0)")
    table.write_text(
        json.dumps({"sets": 5, "pages": {before.name: {"statements": statements(before)}}}), "utf-8"
    )
    assert list(outdated([before], table)) == []
    other = page("claim('small', worst(errors), below=0.1)", "claim('sign', x, above=0)")
    assert list(outdated([other], table)) == []
    for text in ("claim('small', error, below=0.2)", "claim('tiny', error, below=0.1)", "pass"):
        (said,) = outdated([page(text, "claim('sign', x, above=0)")], table)
        assert "book/made_up have changed: run `make seeds`" in said
    (said,) = outdated([], table)
    assert "no page with claims any more" in said


def test_the_page_shows_every_claim(html):
    page = BeautifulSoup((html / "book" / "firmness.html").read_text("utf-8"), "html.parser")
    tables = page.select("article details")
    pages = json.loads(seeds.TABLE.read_text("utf-8"))["pages"]
    assert len(tables) == len(pages)
    for table, (name, kept) in zip(tables, pages.items(), strict=True):
        assert table.a["href"].endswith(f"{name.split('/')[1]}.html")
        shown = [[cell.get_text() for cell in row("td")] for row in table.tbody("tr")]
        # Sphinx sets quotes and dashes.
        letters = [re.sub(r"[^\w]", "", row[0]) for row in shown]
        assert letters == [re.sub(r"[^\w]", "", claim["text"]) for claim in kept["claims"]]
        assert [row[3] for row in shown] == [claim["bound"] for claim in kept["claims"]]
        assert f"({len(shown)} claim" in table.summary.get_text()


# --- one run -------------------------------------------------------------------------------------

FIRST = """\
import sys
%matplotlib inline
if "google.colab" in sys.modules:
    %pip install -q something"""
DRAWS = """\
import numpy as np
import torch
from hnn_tutorial.data import add_noise
from hnn_tutorial.models import MLP
from hnn_tutorial.notebook import claim, setup
from hnn_tutorial.systems import MassSpring

setup()

def own(seed):
    return torch.rand(1, generator=torch.Generator().manual_seed(seed)).item()

by_name, by_place = own(seed=3), own(3)
direct = torch.rand(1, generator=torch.Generator().manual_seed(3)).item()
state = MassSpring().sample(1, seed=3)[0, 0].item()
weight = next(MLP(1, (2,)).parameters())[0, 0].item()
zero = torch.zeros(1, dtype=torch.float64)
noise = add_noise(zero, 1.0, 3).item()
kept = torch.Generator().manual_seed(3)
passed = add_noise(zero, 1.0, kept).item()
torch.manual_seed(3)
hidden = torch.rand(1).item()
numpy = np.random.default_rng(3).random()"""
NAMES = ("by_name", "by_place", "direct", "state", "weight", "noise", "passed", "hidden", "numpy")
CLAIMS = "\n".join(f"claim('{name}', {name}, below=0.0)" for name in NAMES)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[int, dict]:
    """The made-up page, run as the tool runs it with two sets of seeds."""
    store = tmp_path_factory.mktemp("seeds")
    source = page(FIRST, DRAWS, CLAIMS, "claim('after', 1, equals=1)\nclaim('last', 2, below=1)")
    patch = pytest.MonkeyPatch()
    patch.setattr(seeds, "STORE", store)
    found = {}
    with patch.context():
        for shift in (0, 1000, 1003):
            found[shift] = in_a_process(source, shift)
    patch.undo()
    return found


def in_a_process(source: Source, shift: int) -> dict:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    # Nothing of the package is loaded in it: what the page itself loads is written down.
    context = get_context("forkserver" if sys.platform == "linux" else "spawn")
    if sys.platform == "linux":
        context.set_forkserver_preload(["torch", "scipy.optimize", "matplotlib.figure"])
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(seeds.run_cells, source, shift).result()


def test_every_seed_is_shifted_once_however_it_gets_there(outcomes):
    import numpy as np
    import torch

    values = {
        shift: {claim["text"]: claim["value"] for claim in outcome["claims"]}
        for shift, outcome in outcomes.items()
    }
    drawn = torch.rand(1, generator=torch.Generator().manual_seed(1003)).item()
    for name in ("by_name", "by_place", "direct", "hidden"):
        assert values[1000][name] == drawn
    assert values[1000]["numpy"] == np.random.default_rng(1003).random()
    for name in NAMES:
        assert len({values[shift][name] for shift in values}) == 3, name
    assert values[1000]["noise"] == values[1000]["passed"]


def test_claims_that_fail_are_recorded_and_the_notebook_goes_on(outcomes):
    claims = outcomes[0]["claims"]
    assert outcomes[0]["failure"] is None
    assert [claim["text"] for claim in claims] == [*NAMES, "after", "last"]
    assert claims[-1] == {
        "cell": "cell-3",
        "order": 1,
        "call": 1,
        "text": "last",
        "value": 2,
        "bounds": {"below": 1},
        "holds": False,
    }
    assert claims[-2]["holds"]
    assert outcomes[0]["draws"] > 5


def test_what_it_depends_on_is_written_down(outcomes):
    files = outcomes[0]["files"]
    assert {"src/hnn_tutorial/data.py", "src/hnn_tutorial/notebook.py"} <= set(files)
    assert not any("/check/" in name for name in files), "no more than it loads"


def test_a_cell_that_raises_is_named():
    outcome = in_a_process(page("x = 1", "raise ValueError('broken')", "y = 2"), 0)
    assert outcome["failure"] == "cell cell-1: ValueError: broken"
    outcome = in_a_process(
        page("from hnn_tutorial.notebook import claim", "claim('a', 'b', below=1)"), 0
    )
    assert outcome["failure"].startswith("cell cell-1: TypeError: ")


# --- what is kept --------------------------------------------------------------------------------


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A folder for outcomes, and a run that takes no time."""
    ran = []

    def run(source, shift):
        ran.append((source.name, shift))
        return {
            "claims": [],
            "failure": "cell x: broken" if "broken" in source.cells[0][1] else None,
            "draws": 0 if "still" in source.cells[0][1] else 1,
            "seconds": 0.1,
            "files": {
                "src/hnn_tutorial/data.py": seeds.file_digest(seeds.PACKAGE / "data.py"),
                "src/hnn_tutorial/plotting.py": "of another day",
                "src/hnn_tutorial/widgets/quiz.py": "of another day",
            },
        }

    monkeypatch.setattr(seeds, "STORE", tmp_path)
    monkeypatch.setattr(seeds, "run_cells", run)
    monkeypatch.setattr(
        seeds,
        "_run",
        lambda waiting, jobs: {(s.name, n): seeds.run_and_store(s, n) for s, n in waiting},
    )
    return ran


def test_nothing_is_run_twice(store, monkeypatch):
    source = page("x = 1")
    seeds.run_all([source], [0, 1000], 1)
    seeds.run_all([source], [0, 1000], 1)
    assert store == [("book/made_up", 0), ("book/made_up", 1000)]
    seeds.run_all([source], [0, 1000, 2000], 1)
    assert store[2:] == [("book/made_up", 2000)]
    seeds.run_all([page("x = 2")], [0], 1)
    assert len(store) == 4, "other code is run"
    monkeypatch.setattr(seeds, "file_digest", lambda path: "another")
    seeds.run_all([page("x = 2")], [0], 1)
    assert len(store) == 5, "and so is the same code on another package"


def test_a_page_that_draws_nothing_is_run_once(store):
    outcomes = seeds.run_all([page("still = 1")], [0, 1000, 2000], 1)
    assert store == [("book/made_up", 0)]
    assert len(outcomes) == 3


BEFORE = """\
x = train(seed=1)
for name in ("a", "b"):
    claim(f"the error of {name}", x, below=0.1)
claim("it is small", x, above=-1, below=1 / 2)
claim(
    "it is three",
    3 * x, equals=3,
    within=limit)"""


def recorded(*claims: tuple) -> list[dict]:
    keys = ("cell", "order", "call", "text", "value", "bounds", "holds")
    return [dict(zip(keys, claim, strict=True)) for claim in claims]


def test_texts_and_bounds_in_constants_can_change_without_a_run():
    now = BEFORE.replace("below=0.1)", "below=0.02)  # tighter").replace("it is small", "small")
    now = f"# wide: why\n{now}".replace("1 / 2", "0.6").replace("equals=3", "equals=4")
    assert page(now).digest == page(BEFORE).digest
    assert page(now).raw != page(BEFORE).raw
    claims = recorded(
        ("cell-0", 0, 0, "the error of a", 0.01, {"below": 0.1}, True),
        ("cell-0", 1, 0, "the error of b", 0.05, {"below": 0.1}, True),
        ("cell-0", 2, 1, "it is small", 0.55, {"above": -1, "below": 0.5}, False),
        ("cell-0", 3, 2, "it is three", 3.1, {"equals": 3, "within": 0.2}, True),
    )
    again = seeds.judged_anew(page(now), {"claims": claims, "raw": page(BEFORE).raw})["claims"]
    assert again == recorded(
        ("cell-0", 0, 0, "the error of a", 0.01, {"below": 0.02}, True),
        ("cell-0", 1, 0, "the error of b", 0.05, {"below": 0.02}, False),
        ("cell-0", 2, 1, "small", 0.55, {"above": -1, "below": 0.6}, True),
        ("cell-0", 3, 2, "it is three", 3.1, {"equals": 4, "within": 0.2}, False),
    )


@pytest.mark.parametrize(
    "was, now",
    [
        ("seed=1", "seed=2"),
        ("the error of {name}", "error of {name}"),
        ("within=limit", "within=2 * limit"),
        ("above=-1, below=1 / 2", "above=-1"),
        ("3 * x", "4 * x"),
        ('claim("it', 'claim("a", x, below=1)\nclaim("it'),
    ],
)
def test_everything_else_needs_one(was, now):
    assert was in BEFORE
    assert page(BEFORE.replace(was, now)).digest != page(BEFORE).digest


def test_a_claim_made_elsewhere_needs_the_very_same_code():
    claims = recorded(("cell-0", 0, None, "inside", 1, {"below": 2}, True))
    source = page("def f():\n    claim('inside', 1, below=2)\nf()")
    kept = {"claims": claims, "raw": source.raw}
    assert seeds.judged_anew(source, kept)["claims"] == claims
    assert seeds.judged_anew(page(source.cells[0][1] + "  # f"), kept) is None


def test_what_raised_is_run_again(store):
    for _ in range(2):
        seeds.run_all([page("broken")], [0], 1)
    assert len(store) == 2


def test_comments_and_docstrings_are_no_code(tmp_path):
    def digest(text):
        path = tmp_path / f"{abs(hash(text))}.py"
        path.write_text(text, encoding="utf-8")
        return seeds.file_digest(path)

    plain = digest('def f(x):\n    """One."""\n    return x\n')
    assert digest('def f(x):\n    """Another."""\n    # why\n    return x\n') == plain
    assert digest('def f(x):\n    """One."""\n    return -x\n') != plain


# --- margins -------------------------------------------------------------------------------------


def row(values, wide=False, fails=(), **bounds) -> Row:
    return Row("cell", "text", tuple(values), (bounds,) * len(values), tuple(fails), wide)


@pytest.mark.parametrize(
    "made, margin, loose",
    [
        (row([0.01, 0.002], below=0.05), "5 ×", False),
        (row([0.001, 0.004], below=0.05), "12.5 ×", True),
        (row([0.001, 0.004], below=0.05, wide=True), "12.5 ×", False),
        (row([8.0, 6.0], above=3), "2 ×", False),
        (row([80.0, 60.0], above=3), "20 ×", True),
        (row([-8.0, -6.0], below=-3), "2 ×", False),
        (row([-2.0, -1.0], above=-3), "1.5 ×", False),
        (row([0.5], above=0), "sign", False),
        (row([-0.5], below=0.1), "any", True),
        (row([0.0], below=1e-12), "any", False),
        (row([1e-15], below=1e-12), "1e3 ×", False),
        (row([1.0, 1.2], equals=1, within=0.5), "40 % used", False),
        (row([1.0, 1.02], equals=1, within=0.5), "4 % used", True),
        (row([2.0, 2.001], equals=2, within=0.1), "1 % used", False),
        (row([2.0, 2.001], equals=2, within=0.2), "0 % used", True),
        (row([2.0, 2.001], above=1.9, below=2.1), "1 % used", False),
        (row([2.0, 2.01], above=1.5, below=2.5), "2 % used", True),
        (row([1.0, 1.0], equals=1, within=1e-12), "0 % used", False),
        (row([3.0, 4.5], above=2, below=5), "67 % used", False),
        (row([1.0, 10.0], above=0.01, below=100), "50 % used", False),
        (row([1.0, -1.0], fails=[1], above=0.01, below=100), "inf % used", False),
        (row([5, 5], equals=5), "exact", False),
        (row([True, True], equals=True), "exact", False),
        (row([0.0], fails=[0], above=1), "0 ×", False),
        (row([None, 0.5], below=1), "2 ×", False),
    ],
)
def test_margins(made, margin, loose):
    assert margin_text(made) == margin
    assert made.loose is loose


def outcome(*values, holds=True, failure=None):
    claims = [
        {
            "cell": "cell-0",
            "order": n,
            "text": "a",
            "value": v,
            "bounds": {"below": 1},
            "holds": holds,
        }
        for n, v in enumerate(values)
    ]
    return {"claims": claims, "failure": failure, "draws": 1, "seconds": 1.0, "files": {}}


def test_a_claim_that_a_set_does_not_reach_fails_there():
    first, second = rows(page("# wide: it is"), [outcome(0.1, 0.2), outcome(0.3)])
    assert (first.values, first.fails, first.wide) == ((0.1, 0.3), (), True)
    assert (second.values, second.fails) == ((0.2, None), (1,))
    _, second = rows(page("x"), [outcome(0.1, 0.2), outcome(0.3, failure="cell x: broken")])
    assert second.fails == (), "what raised is reported once, by itself"


# --- the command ---------------------------------------------------------------------------------


def run_main(monkeypatch, tmp_path, made: dict, *arguments: str) -> int:
    source = page("claim('a', 1, below=2)")
    monkeypatch.setattr(seeds, "all_sources", lambda: [source])
    monkeypatch.setattr(seeds, "TABLE", tmp_path / "firmness.json")
    monkeypatch.setattr(
        seeds, "run_all", lambda sources, shifts, jobs: {(source.name, s): made(s) for s in shifts}
    )
    return seeds.main(list(arguments))


def test_the_command_fails_with_a_claim_or_a_notebook_and_only_then(monkeypatch, tmp_path, capsys):
    assert run_main(monkeypatch, tmp_path, lambda s: outcome(0.5 + s / 1e6)) == 0
    text = capsys.readouterr().out
    assert (
        "1 claims in 1 notebook(s), 5 set(s) of seeds: 0 fail, 0 are loose, 0 run(s) raised" in text
    )
    (kept,) = json.loads((tmp_path / "firmness.json").read_text("utf-8"))["pages"].values()
    assert kept["claims"] == [
        {
            "cell": "cell-0",
            "text": "a",
            "value": "0.5",
            "range": "0.5 to 0.504",
            "bound": "< 1",
            "margin": "2 ×",
        }
    ]
    assert run_main(monkeypatch, tmp_path, lambda s: outcome(0.5, holds=s < 3000)) == 1
    assert "FAILS at set 4, 5" in capsys.readouterr().out
    broken = run_main(monkeypatch, tmp_path, lambda s: outcome(failure="cell x: broken"))
    assert broken == 1
    assert "book/made_up raised with seeds +4000, cell x: broken" in capsys.readouterr().out


def test_a_part_of_the_notebooks_does_not_write_the_table(monkeypatch, tmp_path):
    run_main(monkeypatch, tmp_path, lambda s: outcome(0.5), "--notebook", "made_up")
    run_main(monkeypatch, tmp_path, lambda s: outcome(0.5), "--sets", "2")
    assert not (tmp_path / "firmness.json").exists()


def test_what_is_there_can_be_shown_without_a_run(store, monkeypatch, tmp_path, capsys):
    sources = [page("x = 1", name="book/whole"), page("x = 1", name="book/half")]
    seeds.run_all(sources, [0], 1)
    seeds.run_all(sources[:1], [1000], 1)
    monkeypatch.setattr(seeds.Source, "makes_claims", True)
    monkeypatch.setattr(seeds, "all_sources", lambda: sources)
    monkeypatch.setattr(seeds, "TABLE", tmp_path / "firmness.json")
    ran = len(store)
    assert seeds.main(["--stored", "--sets", "2"]) == 0
    assert len(store) == ran
    assert "not all sets have been run: book/half\n\nbook/whole" in capsys.readouterr().out


def test_wrong_arguments_are_refused(monkeypatch, tmp_path):
    with pytest.raises(SystemExit, match="nowhere is no page with code; there are book/made_up"):
        run_main(monkeypatch, tmp_path, outcome, "--notebook", "nowhere")
    with pytest.raises(SystemExit):
        run_main(monkeypatch, tmp_path, outcome, "--sets", "0")


def test_all_pages_of_the_book_are_read():
    names = [source.name for source in seeds.all_sources()]
    assert names[0] == "book/intro"
    notebooks = {
        path.relative_to(ROOT).with_suffix("").as_posix()
        for folder in ("book", "solutions")
        for path in (ROOT / folder).glob("*.ipynb")
    }
    assert set(names[1:]) == notebooks
    front = read_source(ROOT / "book/intro.md")
    assert sum(len(claim_calls(text)) for _, text in front.cells) >= 3
