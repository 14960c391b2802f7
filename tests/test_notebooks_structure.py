"""The project's notebooks obey the rules, and every rule notices a notebook that does not."""

import copy
import json
from pathlib import Path

import check_notebooks
import nbformat
import pytest
from check_notebooks import FOLDERS, KERNEL, ROOT, check_notebook, check_paths, first_cell, main

from hnn_tutorial import plotting, sketches

NOTEBOOKS = check_notebooks.notebooks([ROOT / folder for folder in FOLDERS])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_notebook_obeys_the_rules(path):
    breaches = check_paths([path])
    assert not breaches, "\n".join(map(str, breaches))


def test_notebooks_do_not_take_each_other_s_names():
    breaches = check_paths([ROOT / folder for folder in FOLDERS])
    assert not breaches, "\n".join(map(str, breaches))


# --- a made-up chapter that obeys every rule -----------------------------------------------------

FIGURE = {
    "mystnb": {
        "figure": {"caption": "The energy over time.", "name": "fig-energy"},
        "image": {"alt": "Two curves; the baseline falls, the other stays level."},
    }
}


FOLDED = ["hide-input"]
THREE_CLAIMS = "claim('a', 1, below=2)\nclaim('b', 1, below=2)\nclaim('c', 1, below=2)"


OTHER_FIGURE = {
    "figure": {"caption": "Another.", "name": "fig-other"},
    "image": {"alt": "One curve."},
}


def code(source: str, identity: str, **metadata) -> dict:
    return nbformat.v4.new_code_cell(source, id=identity, metadata=metadata)


def text(source: str, identity: str) -> dict:
    return nbformat.v4.new_markdown_cell(source, id=identity)


def chapter() -> dict:
    cells = [
        code(first_cell(), "first", tags=["remove-cell"]),
        text("# A chapter\n\n**What stays, and why?**", "title"),
        code("from hnn_tutorial.notebook import setup, claim; setup()", "setup", tags=FOLDED),
        code("OrbitLab(pendulum)", "hero", tags=FOLDED),
        text("**What you will learn**: to test.\n\n**What you need**: a", "strip"),
        text("little patience, and about 20 minutes.", "opening"),
        text("## One\n\n### Deeper\n\n```python\n# no heading\n```", "one"),
        code("%matplotlib inline\nenergy_plot(times, energies);", "draw", tags=FOLDED, **FIGURE),
        code(THREE_CLAIMS, "claims", tags=FOLDED),
        code("def field(x):\n    def inner(y):\n        return y\n    return inner(x)", "define"),
        text("## Recap\n\n...\n\n## What to try\n\n...", "recap"),
        text("## Go further\n\nGreydanus et al. 2019.", "further"),
    ]
    book = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": KERNEL, "accelerator": "GPU"}
    )
    return json.loads(nbformat.writes(book))


def messages(content: dict, *, is_chapter: bool = True, size: int | None = None) -> list[str]:
    return [str(breach) for breach in check_notebook(content, "x", chapter=is_chapter, size=size)]


def cell(content: dict, identity: str) -> dict:
    return next(item for item in content["cells"] if item["id"] == identity)


def put(identity: str, source: str):
    def change(content):
        cell(content, identity)["source"] = source

    return change


def set_metadata(identity: str, *keys, value):
    def change(content):
        holder = cell(content, identity)["metadata"]
        for key in keys[:-1]:
            holder = holder[key]
        holder[keys[-1]] = value

    return change


def several(*changes):
    def change(content):
        for each in changes:
            each(content)

    return change


def add(*cells):
    def change(content):
        content["cells"][-2:-2] = [json.loads(json.dumps(item)) for item in cells]

    return change


def lines(count: int) -> str:
    return "\n".join(f"x = {number}" for number in range(count))


def test_the_made_up_chapter_obeys_every_rule():
    assert messages(chapter()) == []


BAD = {
    "old format": (lambda b: b.update(nbformat_minor=4), "older than 4.5"),
    "no id": (lambda b: b["cells"][4].pop("id"), "cell number 5: it has no id"),
    "same id": (
        lambda b: b["cells"][4].update(id="title"),
        "cell title: another cell has the same",
    ),
    "invalid": (lambda b: cell(b, "claims").pop("outputs"), "not a valid notebook"),
    "kernel": (
        lambda b: b["metadata"]["kernelspec"].update(name="conda-env"),
        "its kernelspec must",
    ),
    "no kernel": (lambda b: b["metadata"].clear(), "its kernelspec must"),
    "no accelerator": (
        lambda b: b["metadata"].pop("accelerator"),
        'its metadata must have "accelerator": "GPU"',
    ),
    "outputs": (
        lambda b: cell(b, "claims")["outputs"].append(
            {"output_type": "stream", "name": "stdout", "text": "1"}
        ),
        "cell claims: it holds outputs; run nbstripout",
    ),
    "count": (
        lambda b: cell(b, "claims").update(execution_count=3),
        "cell claims: it holds an execution count",
    ),
    "first cell": (
        put("first", first_cell() + "\n"),
        "cell first: the first code cell must be what",
    ),
    "first tag": (
        set_metadata("first", "tags", value=["hide-input"]),
        "cell first: it needs the tag remove-cell",
    ),
    "first is missing": (lambda b: b["cells"].pop(0), "cell setup: the first code cell must be"),
    "first is third": (
        several(
            lambda b: b["cells"].insert(1, b["cells"].pop(5)),
            lambda b: b["cells"].insert(2, b["cells"].pop(0)),
        ),
        "cell first: the cell that installs the package stands first, or right below the title",
    ),
    "median": (
        several(*(put(i, lines(6)) for i in ("setup", "claims", "define"))),
        "the median code cell has",
    ),
    "a tenth": (put("define", lines(13)), "1 of 5 code cells have more than 12 statements"),
    "too long": (put("define", lines(31)), "cell define: it has 31 lines; at most 30"),
    "not python": (put("define", "x ="), "cell define: it is not valid Python"),
    "path": (
        put("define", "import sys\nsys.path.append('..')"),
        "cell define: it changes sys.path",
    ),
    "glue": (put("define", "from myst_nb import glue"), "cell define: it uses glue"),
    "glue role": (put("one", "## One\n\n{glue:}`x`"), "cell one: it uses glue"),
    "lost backslash": (
        put("one", "## One\n\nthe time $\tau$"),
        "cell one: it holds '\\t' before 'au$'; a formula lost its backslash there",
    ),
    "directive": (
        put("one", "## One\n\n```{note}\nx\n```"),
        "cell one: it uses the Sphinx directive {note}",
    ),
    "colons": (
        put("one", "## One\n\n:::{tip}\nx\n:::"),
        "cell one: it uses the Sphinx directive {tip}",
    ),
    "caption": (
        set_metadata("draw", "mystnb", "figure", "caption", value=" "),
        "cell draw: it draws but has no caption",
    ),
    "no metadata": (
        set_metadata("draw", "mystnb", value={}),
        "cell draw: it draws but has no alt text",
    ),
    "figure name": (
        set_metadata("draw", "mystnb", "figure", "name", value="energy"),
        "cell draw: its figure's name is 'energy'; set mystnb.figure.name to fig-",
    ),
    "alt": (
        set_metadata("draw", "mystnb", "image", value={}),
        "cell draw: it draws but has no alt",
    ),
    "alt is caption": (
        set_metadata("draw", "mystnb", "image", "alt", value="The energy over time."),
        "cell draw: its alt text repeats the caption",
    ),
    "pyplot": (add(code("plt.plot(x)", "more")), "cell more: it draws but has no caption"),
    "method of a module": (
        add(code("plotting.phase_portrait(x)", "more")),
        "cell more: it draws but has no caption",
    ),
    "own function": (
        several(put("define", "def field(x):\n    plt.plot(x)"), add(code("field(x)", "more"))),
        "cell more: it draws but has no caption",
    ),
    "same figure": (
        add(code("loss_plot(x)", "more", **FIGURE)),
        "cell more: the figure name 'fig-energy' is taken",
    ),
    "skipped level": (
        put("one", "## One\n\n#### Deeper"),
        "'Deeper' jumps from level 2 to 4; use 3",
    ),
    "second title": (put("one", "# One"), "cell one: 'One' is a second title"),
    "no title": (
        put("title", "## A chapter\n\nWhat you will learn, what you need"),
        "the title has one #",
    ),
    "large": (lambda b: cell(b, "one").update(source="x" * 200_001), "bytes; at most 200,000"),
}
BAD_CHAPTER = {
    "definitions": (
        put(
            "claims", "def a(): pass\nclass B:\n    def c(self): pass\nclaim(1); claim(2); claim(3)"
        ),
        "cell define: the notebook defines 3 functions and classes (a, B, field); at most 2",
    ),
    "objectives": (
        put("strip", "What you need"),
        "does not say 'what you will learn'",
    ),
    "prerequisites": (put("strip", "What you will learn"), "'what you need'"),
    "time": (put("opening", "little patience"), "its opening does not say 'minutes'"),
    "late opening": (
        lambda b: b["cells"].append(b["cells"].pop(5)),
        "its opening does not say 'minutes'",
    ),
    "no question": (
        put("title", "# A chapter\n\nThis chapter is on what stays."),
        "cell title: below the title stands one question in bold",
    ),
    "no hero": (
        lambda b: b["cells"].pop(3),
        "no lab and no figure stands before its first section",
    ),
    "late hero": (
        lambda b: b["cells"].insert(5, b["cells"].pop(3)),
        "cell hero: it stands below what one will learn; put it above",
    ),
    "late lab": (
        several(
            put("hero", "energy_plot(t, e)"),
            set_metadata("hero", "mystnb", value=OTHER_FIGURE),
            add(
                *(code("x = 1", f"short-{number}") for number in range(6)),
                code("OrbitLab(x)", "lab", tags=FOLDED),
            ),
        ),
        "cell lab: the first lab is cell 17; at most 12",
    ),
    "open": (
        set_metadata("draw", "tags", value=[]),
        "cell draw: it only shows something; run `python tools/check_notebooks.py --fold`",
    ),
    "recap": (put("recap", "## What to try"), "no heading with 'recap'"),
    "try": (put("recap", "## Recap"), "no heading with 'try'"),
    "further": (put("further", "The end."), "no heading with 'go further'"),
    "uncited": (put("further", "## Go further\n\nRead on."), "'Go further' cites nothing"),
    "code at the end": (
        lambda b: b["cells"].append(b["cells"].pop(9)),
        "cell define: it comes after 'Go further'",
    ),
    "claims": (
        put("claims", "claim('a', 1, below=2)\nclaim('b', 1, below=2)"),
        "it calls claim(...) 2 times; at least 3",
    ),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("is_chapter", [True, False])
def test_every_rule_notices_its_breach(name, is_chapter):
    change, message = BAD[name]
    content = chapter()
    change(content)
    found = messages(content, is_chapter=is_chapter)
    assert any(message in line for line in found), found


@pytest.mark.parametrize("name", BAD_CHAPTER)
def test_rules_for_chapters_hold_for_chapters_alone(name):
    change, message = BAD_CHAPTER[name]
    content = chapter()
    change(content)
    found = messages(content)
    assert any(message in line for line in found), found
    assert messages(content, is_chapter=False) == []


QUESTION = [
    code("from hnn_tutorial.widgets import Predictions\nguess = Predictions('x')", "made"),
    text("## Asked\n\n**Predict.** Which?", "predict"),
    code("which.label", "early", tags=FOLDED),
    code("which = guess.choice('which?', ['a', 'b'])\nwhich", "asked", tags=FOLDED),
    text("The answer.", "answer"),
    code("which.reveal('a')", "revealed", tags=FOLDED),
    code("guess.score()", "score", tags=FOLDED),
]


@pytest.mark.parametrize(
    "identity, instead, message",
    [
        ("asked", "1 + 1", "cell predict: no prediction asks what it asks"),
        ("revealed", "1 + 1", "cell asked: its section reveals 'which' 0 times"),
        ("revealed", "which.reveal('a'); which.reveal('b')", "reveals 'which' 2 times"),
        ("early", "which.reveal('a')", "cell early: it reveals 'which' before its section asks"),
        ("answer", "## Elsewhere", "cell asked: its section reveals 'which' 0 times"),
        ("score", "guess.curve('which?', x, y)", "cell score: the label 'which?' is taken"),
        ("score", "1 + 1", "never shows the score"),
    ],
)
def test_a_question_is_asked_revealed_and_counted(identity, instead, message):
    content = chapter()
    add(*QUESTION)(content)
    assert messages(content) == []
    put(identity, instead)(content)
    found = messages(content)
    assert any(message in line for line in found), found


@pytest.mark.parametrize(
    "change",
    [
        put("draw", "x = 1\nplt.close('all')"),
        put("define", "def field(x):\n    energy_plot(x)\n    plt.show()\ninteract(field)"),
        lambda b: b["cells"].insert(1, b["cells"].pop(0)),
        set_metadata("draw", "tags", value=["remove-output"]),
        put("claims", "claim(1); claim(2); claim(3)\n%timeit f()\n!ls\nfield?\nx = [1]  # why?"),
        put("one", "## One\n\n~~~\n# no heading\n```\n# none either\n~~~"),
        lambda b: b.update(metadata={"kernelspec": KERNEL, "hnn_tutorial": {"derived": "..."}}),
        put("define", "### BEGIN SOLUTION\n" + lines(12) + "\n### END SOLUTION\n\n"),
    ],
)
def test_what_is_allowed_is_not_reported(change):
    content = chapter()
    change(content)
    # Twenty short cells more, so that one of twelve lines is less than one in ten.
    add(*(code("x = 1", f"short-{number}") for number in range(20)))(content)
    if "BEGIN" not in cell(content, "define")["source"]:
        assert messages(content) == []
    else:
        assert not any("lines" in line for line in messages(content))


def test_a_source_is_read_as_one_string_or_as_lines():
    content = chapter()
    assert isinstance(cell(content, "claims")["source"], list)
    for item in content["cells"]:
        item["source"] = check_notebooks.source(item)
    assert messages(content) == []


def test_every_function_that_draws_is_known():
    drawn = {*plotting.__all__, *sketches.__all__}
    assert check_notebooks.drawing_functions() <= drawn
    assert {
        "phase_portrait",
        "energy_plot",
        "mesh_error_map",
    } <= check_notebooks.drawing_functions()


# --- what the text says --------------------------------------------------------------------------


def prose(*cells: dict) -> list[str]:
    """What the rules for the text find in a chapter that ends in these cells."""
    content = chapter()
    content["cells"] += [json.loads(json.dumps(item)) for item in cells]
    return [
        str(breach)
        for breach in check_notebook(content, "x", chapter=False, prose=True)
        if breach.cell.startswith("said")
    ]


SAID = [
    "The error is 12 % of it.",
    "It falls to 30 per cent.",
    "LM is 40 times better.",
    "It is off by 3 orders of magnitude.",
    "The period is 17 s.",
    "The swing goes to 120° and back.",
    "After 64 turns it has gone.",
    "It gains 5900 J, or 5,900 J.",
    "The median is 0.278.",
    "The median is $0.278$.",
    "It lies between 1.4 and 1.8e-4.",
    "- 0.81 J\n- seen in [Chen 2018](bibliography.md#chen2018neural)",
]


@pytest.mark.parametrize("sentence", SAID)
def test_a_number_that_no_cell_has_is_noticed(sentence):
    (found, *_) = prose(text(sentence, "said"))
    assert "stands in no code above or in its section" in found
    assert prose(code(sentence.replace(".", " .").replace(" .2", ".2"), "numbers")) == []


@pytest.mark.parametrize(
    "cells",
    [
        [code("claim('a', error, below=0.12)", "c"), text("The error is 12 % of it.", "said")],
        [text("The period is 17 s.", "said"), code("claim('a', t, equals=17, within=1)", "c")],
        [code("x = 2_000", "c"), text("After 2,000 turns, 2 km away.", "said")],
        [text("It is 12 % ([Chen 2018](bibliography.md#chen2018neural)).", "said")],
        [text("<!-- given: the moon's surface -->\nIt weighs 12 kg there.", "said")],
        [text("**Predict.** Let go at 115°.", "said")],
        [text("How far is it after 17 s?", "said")],
        [text("A swing takes $2\\pi\\sqrt{l/g} = 2.57$ s.", "said")],
        [text("### Exercise 1 (think): It weighs 12 kg.\n\nHow much is 5 % of it?", "said-1")],
        [text("```python\nx = 0.278\n```\nas in `0.278 s`, of chapter 7.", "said")],
        [text("See [Figure 2.17 of chapter 3.1](x.ipynb).", "title")],
    ],
)
def test_a_number_that_is_computed_given_or_cited_is_not(cells):
    assert prose(*cells) == []


SWEEPS = [
    "The HNN always wins.",
    "The energy never falls.",
    "The two are exactly alike.",
    "It is a tie.",
    "Every seed agrees.",
    "All networks fail.",
    "No network learns it.",
    "It helps all of the models.",
]


@pytest.mark.parametrize("sentence", SWEEPS)
def test_a_word_for_all_cases_needs_a_claim_in_its_section(sentence):
    (found,) = prose(text("## New", "n"), text(sentence, "said"), code("print(x)", "c"))
    assert "speaks of all cases, and no claim stands in its section" in found
    proved = code("claim('all', worst, below=1)", "c")
    assert prose(text("## New", "n"), text(sentence, "said"), proved) == []
    assert prose(text("## New", "n"), proved, text(sentence, "said")) == []
    assert prose(text("## New", "n"), text(sentence, "said"), code("check.f(g)", "c")) == []
    later = prose(text("## New", "n"), text(sentence, "said"), text("## Next", "m"), proved)
    assert len(later) == 1
    given = f"{sentence} <!-- given: a theorem -->"
    assert prose(text("## New", "n"), text(given, "said")) == []
    asked = sentence.replace(".", "?")
    assert prose(text("## New", "n"), text(asked, "said")) == []


@pytest.mark.parametrize(
    "line, name",
    [
        ("states = pendulum.sample(20, 1)", "sample(...) takes '1'"),
        ("noisy = observed.noisy(0.1, seed + 100)", "noisy(...) takes 'seed + 100'"),
        ("run_seed(recipe, 0)", "run_seed(...) takes '0'"),
        ("setup(3)", "setup(...) takes '3'"),
    ],
)
def test_a_seed_has_its_name(line, name):
    (found,) = prose(code(line, "said"))
    assert f"{name} as its seed; write seed=" in found


def test_a_seed_is_told_from_other_arguments():
    fine = "sample(20, seed=1)\nf(x, 1)\n'a b'.split(' ', 1)\nadd_noise(x, 1, generator)\nfit(*all)"
    assert prose(code(fine, "said")) == []
    own = "def sample(count, kind):\n    return count\nsample(20, 1)"
    assert prose(code(own, "said")) == []


def test_code_is_as_wide_as_the_page():
    line = "x = " + "1" * 73
    (found,) = prose(code(line, "said"))
    assert "a line has 77 characters, the page shows 76" in found
    assert prose(code(line[:-1], "said")) == []


def test_a_folded_cell_may_be_longer_and_is_not_endless():
    content = chapter()
    cell = next(cell for cell in content["cells"] if cell.get("id") == "define")
    cell["source"] = "\n".join(f"x{i} = (\n    {i}\n)" for i in range(11))
    found = check_notebook(content, "x", chapter=True)
    assert any("it has 33 lines; at most 30" in breach.message for breach in found)
    cell["metadata"]["tags"] = ["hide-input"]
    assert not any(
        "lines; at most" in b.message for b in check_notebook(content, "x", chapter=True)
    )
    cell["source"] = "\n".join(f"x{i} = (\n    {i}\n)" for i in range(16))
    found = check_notebook(content, "x", chapter=True)
    assert any("it has 48 lines; at most 45" in breach.message for breach in found)


# --- files ---------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("book", "exercises"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.ipynb").write_text(json.dumps(chapter()), encoding="utf-8")
    return tmp_path


def test_the_folder_decides_the_rules(folder, capsys):
    content = chapter()
    put("claims", "claim('a', 1, below=2)")(content)
    for name in ("book", "exercises"):
        (folder / name / "a.ipynb").write_text(json.dumps(content), encoding="utf-8")
    assert main([str(folder)]) == 1
    output = capsys.readouterr().out
    assert "book/a.ipynb: it calls claim(...) 1 times" in output
    assert "exercises/a.ipynb" not in output
    assert "2 notebook(s) checked, 1 breach(es)" in output


def test_the_text_of_chapters_is_checked_and_that_of_derived_exercises_is_not(folder):
    content = chapter()
    put("recap", "## Recap\n\nThe HNN always wins.\n\n## What to try\n\n...")(content)
    for name in ("book", "exercises"):
        (folder / name / "a.ipynb").write_text(json.dumps(content), encoding="utf-8")
    (breach,) = check_paths([folder])
    assert (Path(breach.path).parent.name, breach.cell) == ("book", "recap")
    assert "speaks of all cases" in breach.message


def test_a_figure_name_is_used_by_one_notebook(folder):
    assert check_paths([folder]) == []
    content = chapter()
    (folder / "book" / "b.ipynb").write_text(json.dumps(content), encoding="utf-8")
    (breach,) = check_paths([folder])
    assert "the figure name 'fig-energy' is taken by" in str(breach)
    assert breach.path.endswith("b.ipynb")


def test_checkpoints_are_not_checked_and_broken_files_are_reported(folder, capsys):
    hidden = folder / "book" / ".ipynb_checkpoints"
    hidden.mkdir()
    (hidden / "a-checkpoint.ipynb").write_text("{}", encoding="utf-8")
    assert main([str(folder)]) == 0
    (folder / "book" / "broken.ipynb").write_text("{", encoding="utf-8")
    (folder / "book" / "empty.ipynb").write_text("{}", encoding="utf-8")
    assert main([str(folder)]) == 1
    output = capsys.readouterr().out
    assert "broken.ipynb: it is not JSON" in output
    assert "empty.ipynb: it has no code cells" in output


def test_the_command_line_prints_the_first_cell_and_refuses_missing_paths(capsys):
    assert main(["--first-cell"]) == 0
    assert capsys.readouterr().out == first_cell() + "\n"
    with pytest.raises(SystemExit) as stopped:
        main(["nowhere.ipynb"])
    assert stopped.value.code == 2


def test_checking_changes_nothing():
    content = chapter()
    before = copy.deepcopy(content)
    messages(content)
    assert content == before


# --- folding -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source, is_folded",
    [
        ("import torch\nfrom x import y", True),
        ("from hnn_tutorial.notebook import setup\n\nask = Predictions('a')\nsetup()", True),
        ("claim('a', 1, below=2)", True),
        ("for name in ('a', 'b'):\n    claim(name, 1, below=2)", True),
        ("error = f(model)\nclaim('a', error, below=2)", True),
        ("paths = [p(t) for t in clock]\nfig, ax = plt.subplots()\nax.plot(paths);", True),
        ("print(f'{x:.2f}')", True),
        ("period = ask.number('period', 1, 20)\nperiod", True),
        ("period.reveal(17.0)", True),
        ("lab = OrbitLab(pendulum)\nlab", True),
        ("Quiz('pendulum')", True),
        ("result", True),
        ("kept = f(model)\nclaim('a', kept, below=2)", False),
        ("kept = 1\nplt.plot([kept])", False),
        ("data.kept[0] += 1\nprint(data)", False),
        ("pendulum = Pendulum()", False),
        ("def draw(x):\n    plt.plot(x)\ndraw(1)", False),
        ("history = fit(model, data)\nprint(history)", False),
    ],
)
def test_cells_that_only_show_are_folded(source, is_folded, tmp_path, monkeypatch):
    content = chapter()
    uses = "kept = kept + 1\nkept\nperiod\nlab\npaths = data\n[error for error in paths]"
    asked = code("from w import Predictions\nask = Predictions('a')\nx = 1", "asked")
    add(asked, code(source, "shown"), code(uses, "later"))(content)
    book = tmp_path / "book"
    book.mkdir()
    (book / "a.ipynb").write_text(json.dumps(content))
    monkeypatch.setattr(check_notebooks, "ROOT", tmp_path)
    assert main(["--fold", str(book)]) == 0
    after = json.loads((book / "a.ipynb").read_text())
    assert check_notebooks.folded(cell(after, "shown")) == is_folded
    assert not check_notebooks.folded(cell(after, "define"))
    # All that is asked for is done.
    noticed = list(check_notebooks.folds(check_notebooks.Notebook(after)))
    assert noticed == []
    found = list(check_notebooks.folds(check_notebooks.Notebook(content)))
    assert ("shown" in {cell["id"] for cell, _ in found}) == is_folded


def test_a_cell_that_is_to_stay_open_is_not_folded():
    content = chapter()
    kept = code("plt.plot(x)", "kept", tags=["show-input"])
    add(kept)(content)
    found = check_notebooks.only_shows(check_notebooks.Notebook(content))
    assert "kept" not in {cell["id"] for cell in found}
    assert "draw" in {cell["id"] for cell in found}
