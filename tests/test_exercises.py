"""The exercises are derived from the solutions, and a learner's work survives it."""

import ast
import builtins
import json
import re
import signal
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import build_book
import check_notebooks
import downloads
import nbformat
import pytest
import yaml
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from traitlets.config import Config
from warm_kernels import Warm

import exercises
from hnn_tutorial.check import progress

ROOT = Path(exercises.__file__).resolve().parents[1]
NAMES = sorted(path.name for path in (ROOT / "solutions").glob("*.ipynb"))


def notebook(*sources, **tags):
    """A notebook with cells c0, c1, ...; markdown where the source starts with '# ' or '*'."""
    cells = []
    for number, source in enumerate(sources):
        name = f"c{number}"
        prose = source.startswith(("# ", "*"))
        cell = {
            "cell_type": "markdown" if prose else "code",
            "id": name,
            "metadata": {"tags": tags[name]} if name in tags else {},
            "source": source,
        }
        if not prose:
            cell |= {"execution_count": 3, "outputs": [{"output_type": "stream"}]}
        cells.append(cell)
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def store(path: Path, content: dict) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


ANSWER = """def field(x):
    \"\"\"The field.\"\"\"
    ### BEGIN SOLUTION
    return x * 2
    ### END SOLUTION"""


@pytest.fixture
def project(tmp_path):
    store(tmp_path / "solutions" / "a.ipynb", notebook("# Solutions: A", ANSWER, "check(field)"))
    return tmp_path


# --- stubs ---------------------------------------------------------------------------------------


def region(*lines: str, indent: str = "") -> str:
    return "\n".join(indent + line for line in ("### BEGIN SOLUTION", *lines, "### END SOLUTION"))


@pytest.mark.parametrize(
    "source, want",
    [
        ("x = 1", "x = 1"),
        (
            ANSWER,
            'def field(x):\n    """The field."""\n'
            '    raise NotImplementedError("your answer here")',
        ),
        (region("a = 1", "b, (c, *d) = f()"), "\n".join(
            f"{name} = ...  # your answer" for name in "abcd"
        )),
        (region("answers['H + 5'] = 'same'", 'answers["2 * H"] = "x"'),
         "answers['H + 5'] = ...  # your answer\nanswers[\"2 * H\"] = ...  # your answer"),
        (region("total = 0", "for i in range(3):", "    total += i"), "total = ...  # your answer"),
        (region("def g(x):", "    inner = 2", "    return inner", "y = g(1)"),
         "g = ...  # your answer\ny = ...  # your answer"),
        (region("print(1)"), "...  # your answer"),
        (region("x: float = 2.0"), "x = ...  # your answer"),
        ("for i in range(2):\n" + region("y = i", indent="    ") + "\n    print(y)",
         "for i in range(2):\n    y = ...  # your answer\n    print(y)"),
        ("class A:\n    def f(self):\n        a = 1\n" + region("return a", indent=" " * 8),
         'class A:\n    def f(self):\n        a = 1\n        '
         'raise NotImplementedError("your answer here")'),
        ("class A:\n" + region("def f(self):", "    return 1", indent="    "),
         "class A:\n    f = ...  # your answer"),
        # two regions in one function, and given code after a region
        ("def f(x):\n" + region("y = x", indent="    ") + "\n    y = y + 1\n"
         + region("return y", indent="    "),
         'def f(x):\n    raise NotImplementedError("your answer here")\n    y = y + 1\n'
         '    raise NotImplementedError("your answer here")'),
        # a marker in a string is no marker
        ('text = "### BEGIN SOLUTION"', 'text = "### BEGIN SOLUTION"'),
        # a function defined before the region does not make the region a function body
        ("def f():\n    return 1\n" + region("x = f()"),
         "def f():\n    return 1\nx = ...  # your answer"),
    ],
)  # fmt: skip
def test_stub(source, want):
    assert exercises.stub(source) == want
    ast.parse(want)


@pytest.mark.parametrize(
    "source, message",
    [
        ("### BEGIN SOLUTION\nx = 1", "line 1: BEGIN without END"),
        ("x = 1\n### END SOLUTION", "line 2: END without BEGIN"),
        (
            "### BEGIN SOLUTION\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION",
            "line 2: BEGIN inside the region that line 1 opens",
        ),
        ("### BEGIN SOLUTION\n### END SOLUTION", "no whole statement"),
        ("### BEGIN SOLUTION\n# only words\n### END SOLUTION", "no whole statement"),
        ("## BEGIN SOLUTION\nx = 1\n### END SOLUTION", "line 1: '## BEGIN SOLUTION' is not a mark"),
        ("### Begin Solution\nx = 1\n### END SOLUTION", "is not a marker"),
        ("### BEGIN SOLUTIONS\nx = 1\n### END SOLUTION", "is not a marker"),
        ("x = 1  ### BEGIN SOLUTION\ny = 1\n### END SOLUTION", "alone on its line"),
        ("%matplotlib inline\n### BEGIN SOLUTION\nx = 1\n### END SOLUTION", "not plain Python"),
        (
            "if a:\n    ### BEGIN SOLUTION\n    x = 1\nelse:\n    x = 2\n    ### END SOLUTION",
            "cuts a statement in two",
        ),
    ],
)
def test_wrong_markers_are_refused(source, message):
    with pytest.raises(exercises.ExerciseError, match=re.escape(message)):
        exercises.stub(source)


def test_an_error_names_file_and_cell_on_one_line(project, capsys):
    store(project / "solutions" / "b.ipynb", notebook("# Solutions: B", "### END SOLUTION"))
    assert exercises.main([], root=project) == 1
    error = capsys.readouterr().err
    assert error == "error: solutions/b.ipynb, cell 'c1': line 1: END without BEGIN\n"
    assert not (project / "exercises").exists(), "a.ipynb must not be written when b.ipynb fails"


@pytest.mark.parametrize(
    "content, message",
    [
        ("{", "not a notebook"),
        ("[]", "not a notebook"),
        ('{"nbformat": 4, "nbformat_minor": 4, "cells": []}', "format 4.4; 4.5 or newer"),
        (
            json.dumps(notebook("x = 1", "y = 1")).replace('"c1"', '"c0"'),
            "two cells have the id 'c0'",
        ),
        (json.dumps(notebook("x = 1")).replace('"c0"', '""'), "cell 1 has no id"),
        (json.dumps(notebook("x = 1")).replace('"code"', '"mode"'), "solutions/bad.ipynb"),
    ],
)
def test_a_bad_solution_is_one_line(project, capsys, content, message):
    (project / "solutions" / "bad.ipynb").write_text(content, encoding="utf-8")
    assert exercises.main(["--check"], root=project) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert error.startswith("error: ")


def test_no_solutions_at_all(tmp_path, capsys):
    assert exercises.main([], root=tmp_path) == 1
    assert "no notebooks" in capsys.readouterr().err


def test_markers_in_markdown_are_refused(project):
    bad = notebook("# Title\n### BEGIN SOLUTION")
    with pytest.raises(exercises.ExerciseError, match="cell 'c0': a marker outside of a code cell"):
        exercises.derive(bad, "a.ipynb")


# --- notebooks -----------------------------------------------------------------------------------


def test_derivation_strips_drops_and_keeps():
    solution = notebook(
        "# Solutions: A\n\nText.", ANSWER, "# The answer, discussed", "x", c2=["solution-only"]
    )
    derived = exercises.derive(solution, "a.ipynb")
    assert [cell["id"] for cell in derived["cells"]] == ["c0", "c1", "c3"]
    title = derived["cells"][0]["source"]
    assert title.startswith("# Exercises: A\n\n*Worked solutions: [solutions/a.ipynb](../solutions")
    assert title.endswith("\n\nText.")
    assert derived["cells"][1]["outputs"] == []
    assert derived["cells"][1]["execution_count"] is None
    assert exercises.to_text(derived) == exercises.to_text(exercises.derive(solution, "a.ipynb"))


def drawing(name="c2"):
    """A solution whose last cell draws, and the same executed."""
    solution = notebook("# Solutions: A", ANSWER, "draw(field)", **{name: ["solution-only"]})
    solution["cells"][2]["metadata"]["mystnb"] = {
        "figure": {"caption": "What it draws.", "name": "fig-a"},
        "image": {"alt": "A line."},
    }
    executed = json.loads(json.dumps(solution))
    executed["cells"][2]["outputs"] = [{"data": {"image/svg+xml": "<svg></svg>"}}]
    return solution, executed


def test_a_figure_of_the_solution_leaves_its_picture_behind():
    derived = exercises.derive(drawing()[0], "a.ipynb")
    assert [cell["id"] for cell in derived["cells"]] == ["c0", "c1", "c2-expected"]
    assert derived["cells"][2]["source"] == (
        "<details><summary>Expected picture</summary>\n\n![A line.](pictures/a-c2.svg)\n\n"
        "*What it draws.*\n\n</details>"
    )


def test_expected_pictures_follow_the_code_that_draws_them(project):
    solution, executed = drawing()
    store(project / "solutions" / "a.ipynb", solution)
    exercises.write(project)
    folder = project / "exercises" / "pictures"
    missing = ["exercises/pictures/a-c2.svg is missing or outdated: run make book"]
    assert exercises.differences(project) == missing

    exercises.draw_pictures(project, {"a.ipynb": executed})
    assert exercises.differences(project) == []
    first = (folder / "a-c2.svg").read_text()
    assert first.startswith("<svg></svg>")

    # Another run may draw other digits; a picture of the same code stays as it is.
    executed["cells"][2]["outputs"][0]["data"]["image/svg+xml"] = "<svg>1</svg>"
    exercises.draw_pictures(project, {"a.ipynb": executed})
    assert (folder / "a-c2.svg").read_text() == first

    solution["cells"][1]["source"] = ANSWER.replace("x * 2", "2 * x")
    store(project / "solutions" / "a.ipynb", solution)
    assert exercises.differences(project) == missing
    exercises.draw_pictures(project, {"a.ipynb": executed})
    assert exercises.differences(project) == []
    assert (folder / "a-c2.svg").read_text().startswith("<svg>1</svg>")


def test_a_picture_of_no_solution_goes_and_a_cell_that_draws_nothing_is_named(project):
    solution, executed = drawing()
    store(project / "solutions" / "a.ipynb", solution)
    folder = project / "exercises" / "pictures"
    folder.mkdir(parents=True)
    (folder / "b-c2.svg").write_text("<svg></svg>")
    executed["cells"][2]["outputs"] = []
    with pytest.raises(exercises.ExerciseError, match=r"a\.ipynb, cell 'c2': it has drawn no SVG"):
        exercises.draw_pictures(project, {"a.ipynb": executed})
    exercises.draw_pictures(project, {})
    assert list(folder.iterdir()) == []


def test_the_last_hint_is_followed_by_the_way_to_the_solution():
    hints = "".join(f"<details><summary>Hint {k}</summary>\n\nx\n\n</details>\n" for k in (1, 2, 3))
    derived = exercises.derive(notebook("# Solutions: A", f"# One\n{hints}", "x"), "a.ipynb")
    assert derived["cells"][1]["source"] == (
        f"# One\n{hints}<details><summary>Solution</summary>\n\n"
        "It is in [the worked solutions](../solutions/a.ipynb).\n\n</details>\n"
    )


def test_what_asks_colab_for_a_gpu_is_kept():
    solution = notebook("# Solutions: A", "x")
    solution["metadata"] = {"accelerator": "GPU", "language_info": {"name": "python"}}
    derived = exercises.derive(solution, "a.ipynb")
    assert set(derived["metadata"]) == {"accelerator", "kernelspec", "hnn_tutorial"}
    assert derived["metadata"]["accelerator"] == "GPU"


def test_splice_restores_the_answers():
    solution = notebook("# Solutions: A", ANSWER, "assert field(1) == 2", c2=["solution-only"])
    derived = exercises.derive(solution, "a.ipynb")
    spliced = exercises.splice(derived, solution, "a.ipynb")
    assert [cell["source"] for cell in spliced["cells"][1:]] == [ANSWER]
    derived["cells"][1]["source"] += "\n"
    with pytest.raises(exercises.ExerciseError, match="cell 'c1' is not derived from solutions/a"):
        exercises.splice(derived, solution, "a.ipynb")


def test_check_names_notebook_and_cell(project, capsys):
    assert exercises.main(["--check"], root=project) == 1
    assert "exercises/a.ipynb is missing" in capsys.readouterr().err
    assert exercises.main([], root=project) == 0
    assert exercises.main(["--check"], root=project) == 0

    path = project / "exercises" / "a.ipynb"
    good = path.read_text(encoding="utf-8")
    path.write_text(good.replace("check(field)", "check(field) "), encoding="utf-8")
    assert exercises.differences(project) == [
        "exercises/a.ipynb differs from solutions/a.ipynb: cell 'c2', source"
    ]
    path.write_text(good + "\n", encoding="utf-8")
    assert "metadata or layout" in exercises.differences(project)[0]
    content = json.loads(good)
    content["cells"].pop()
    store(path, content)
    assert "cell 'c2' is missing" in exercises.differences(project)[0]
    path.write_text(good, encoding="utf-8")
    (project / "solutions" / "a.ipynb").rename(project / "solutions" / "b.ipynb")
    assert "exercises/a.ipynb has no solution" in " ".join(exercises.differences(project))


# --- a learner's work ----------------------------------------------------------------------------


def edit(path: Path, old: str, new: str) -> bytes:
    path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    return path.read_bytes()


def test_an_untouched_exercise_follows_its_solution(project):
    assert exercises.write(project) == ["exercises/a.ipynb: written"]
    assert exercises.write(project) == []
    path = project / "exercises" / "a.ipynb"
    executed = json.loads(path.read_text(encoding="utf-8"))
    executed["cells"][2]["execution_count"] = 7  # run, but nothing written into it
    store(path, executed)
    edit(project / "solutions" / "a.ipynb", "check(field)", "check(field, 1)")
    assert exercises.write(project) == ["exercises/a.ipynb: written"]
    assert exercises.differences(project) == []
    assert list((project / "exercises").iterdir()) == [path]


def test_work_on_the_current_exercise_is_kept(project):
    exercises.write(project)
    path = project / "exercises" / "a.ipynb"
    mine = edit(path, "raise NotImplementedError", "return 2 * x # ")
    assert exercises.write(project) == [
        "exercises/a.ipynb: holds your work on the current exercises, kept"
    ]
    assert path.read_bytes() == mine
    assert list((project / "exercises").iterdir()) == [path]


def test_work_on_an_old_exercise_is_kept_and_the_new_one_stands_beside(project):
    exercises.write(project)
    path = project / "exercises" / "a.ipynb"
    mine = edit(path, "raise NotImplementedError", "return 2 * x # ")
    for round_, name in ((1, "a.new.ipynb"), (2, "a.new.ipynb"), (3, "a.new2.ipynb")):
        edit(project / "solutions" / "a.ipynb", "check(field", f"check({round_}, field")
        if round_ == 3:  # by now the learner works in the new one too
            theirs = edit(path.with_name("a.new.ipynb"), "raise NotImpl", "return x # ")
        messages = exercises.write(project)
        assert messages == [
            f"exercises/a.ipynb: holds your work, kept; the new version is exercises/{name}"
        ]
        assert path.read_bytes() == mine
    assert path.with_name("a.new.ipynb").read_bytes() == theirs


@pytest.mark.parametrize("content", [b"", b"{broken", b"\xff\xfe"])
def test_an_unreadable_exercise_is_kept(project, content):
    path = project / "exercises" / "a.ipynb"
    path.parent.mkdir()
    path.write_bytes(content)
    exercises.write(project)
    assert path.read_bytes() == content
    assert path.with_name("a.new.ipynb").exists()


def test_an_interrupted_write_leaves_the_old_file(project, monkeypatch):
    exercises.write(project)
    path = project / "exercises" / "a.ipynb"
    before = path.read_bytes()
    edit(project / "solutions" / "a.ipynb", "check(field)", "check(field, 1)")

    def fail(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(exercises.os, "replace", fail)
    assert exercises.main([], root=project) == 1
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_kill_while_writing_leaves_the_old_file_and_the_next_run_goes_on(project):
    exercises.write(project)
    path = project / "exercises" / "a.ipynb"
    before = path.read_bytes()
    edit(project / "solutions" / "a.ipynb", "check(field)", "check(field, 1)")
    killed = (
        "import os, pathlib, signal, exercises\n"
        "os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"exercises.write(pathlib.Path({str(project)!r}))"
    )
    process = subprocess.run([sys.executable, "-c", killed], cwd=ROOT / "tools", check=False)
    assert process.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    (left,) = set(path.parent.iterdir()) - {path}
    assert ignored_by_git(f"exercises/{left.name}")
    assert exercises.write(project) == ["exercises/a.ipynb: written"]
    assert exercises.differences(project) == []


def ignored_by_git(name: str) -> bool:
    return (
        subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT, check=False).returncode == 0
    )


def test_new_versions_and_notes_are_no_files_of_the_project(project):
    exercises.write(project)
    path = project / "exercises" / "a.ipynb"
    edit(path, "raise NotImplementedError", "return 2 * x # ")
    for name in ("a.new.ipynb", "a.new2.ipynb"):
        path.with_name(name).write_bytes(path.read_bytes())
        assert ignored_by_git(f"exercises/{name}")
    assert ignored_by_git("exercises/.progress/pendulum/1")
    assert not ignored_by_git("exercises/pendulum.ipynb")
    assert check_notebooks.notebooks([project / "exercises"]) == [path]
    (line,) = exercises.differences(project)
    assert line.startswith("exercises/a.ipynb differs from solutions/a.ipynb")


def test_make_format_leaves_the_exercises_alone():
    command = ["make", "--no-print-directory", "-n", "format", "lint", "STAMP="]
    lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    strip, verify = (line for line in lines.splitlines() if "nbstripout" in line)
    for line in (strip, verify):
        assert "solutions/pendulum.ipynb" in line
        assert "exercises/" not in line
    ruff = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["ruff"]
    assert "exercises" in ruff["extend-exclude"]


def test_the_book_shows_the_exercise_and_not_what_a_learner_made_of_it(project, capfd):
    (project / "_toc.yml").write_text("format: jb-book\nroot: solutions/a\nchapters:\n"
                                      "  - file: exercises/a\n")  # fmt: skip
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    (project / "_config.yml").write_text(
        yaml.safe_dump({
            "title": "A book",
            "execute": {"execute_notebooks": "off"},
            "sphinx": {"local_extensions": {"exercises": str(ROOT / "tools")}},
        })
    )  # fmt: skip
    assert config["sphinx"]["local_extensions"]["exercises"] == "tools"
    assert "exercises" in config["sphinx"]["config"]["extensions"]
    solution = exercises.read(project / "solutions" / "a.ipynb")
    solution["metadata"] = {"kernelspec": exercises.KERNEL, "language_info": {"name": "python"}}
    for cell in solution["cells"][1:]:
        cell["outputs"] = []
    store(project / "solutions" / "a.ipynb", solution)
    exercises.write(project)
    path = project / "exercises" / "a.ipynb"
    work = json.loads(edit(path, "raise NotImplementedError", "return 'my own work' # "))
    note = "### a heading that jumps\n\n[nowhere](nowhere.ipynb) {role}`none`"
    work["cells"] += [{"cell_type": "markdown", "id": "mine", "metadata": {}, "source": note}]
    strange = {"output_type": "display_data", "metadata": {}, "data": {"application/x-mine": {}}}
    work["cells"][1] |= {"execution_count": 1, "outputs": [strange]}
    store(path, work)
    # Left by an earlier build, of a chapter that is no more.
    earlier = project / "_build" / "html" / "_sources" / "exercises" / "gone.ipynb"
    earlier.parent.mkdir(parents=True)
    store(earlier, work)
    assert build_book.render(build_book.Layout(project)) == 0, capfd.readouterr().err
    page = (project / "_build" / "html" / "exercises" / "a.html").read_text(encoding="utf-8")
    assert "your answer here" in page
    assert "my own work" not in page
    assert "jumps" not in page
    offered = project / "_build" / "html" / "_sources" / "exercises" / "a.ipynb"
    assert offered.read_text(encoding="utf-8") == exercises.to_text(
        exercises.derive_all(project)[path]
    )
    assert "my own work" in path.read_text(encoding="utf-8")


def test_the_zip_of_the_notebooks_holds_the_exercise_and_not_what_a_learner_made_of_it(project):
    exercises.write(project)
    path = project / "exercises" / "a.ipynb"
    derived = path.read_bytes()
    edit(path, "raise NotImplementedError", "return 2 * x # [notes](not_there.md)")
    path.with_name("a.new.ipynb").write_bytes(derived)
    (project / "_config.yml").write_bytes((ROOT / "_config.yml").read_bytes())
    with zipfile.ZipFile(downloads.write_zip(project, project / "all.zip")) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
        assert names == {"README.md", "exercises/a.ipynb", "solutions/a.ipynb"}
        assert archive.read(f"{downloads.NAME}/exercises/a.ipynb") == derived


# --- the start page ------------------------------------------------------------------------------


def test_the_start_page_leads_to_every_chapter_in_the_order_of_the_contents():
    page = exercises.read(ROOT / "exercises" / exercises.START_PAGE)
    assert [name for name, _ in page["metadata"]["hnn_tutorial"]["chapters"]] == [
        Path(line.split("/")[-1]).stem
        for line in (ROOT / "_toc.yml").read_text(encoding="utf-8").splitlines()
        if "file: exercises/" in line
    ]
    text = "\n".join(cell["source"] for cell in page["cells"])
    for name in NAMES:
        for link in (f"(../book/{name})", f"({name})", f"(../solutions/{name})"):
            assert text.count(link) == 1
    for link in re.findall(r"\]\(([^)]*)\)", text):
        assert (ROOT / "exercises" / link).is_file(), link
    for folder in re.findall(r"^\| (.*?) \|", text.split("| folder |")[1], re.MULTILINE):
        assert all((ROOT / name).is_dir() for name in re.findall("`(.*?)`", folder)), folder


def test_the_start_page_is_no_exercise_and_jupyterlab_opens_on_it():
    assert exercises.START_PAGE == progress.START_PAGE not in NAMES
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (address,) = re.findall(r"default_url=/lab/tree/(\S+)", makefile)
    assert address == f"exercises/{exercises.START_PAGE}"
    assert (ROOT / address).is_file()


def test_the_start_page_runs_wherever_it_is():
    page = exercises.read(ROOT / "exercises" / exercises.START_PAGE)
    (shown,) = run(page)  # in the project's root, where no progress is kept
    assert shown.startswith("No progress is kept here")


def test_a_stale_start_page_is_named(project):
    (project / "tools").mkdir()
    (project / "_toc.yml").write_text(
        "parts:\n- caption: One\n  chapters: [{file: book/a}, {file: book/words}]\n"
    )
    text = project / exercises.START_TEXT
    text.write_text("# Start\n\n{{ chapters }}\n\n```{code-cell}\n{{ first cell }}\n```\n")
    assert exercises.write(project)[-1] == f"exercises/{exercises.START_PAGE}: written"
    page = exercises.read(project / "exercises" / exercises.START_PAGE)
    assert page["metadata"]["hnn_tutorial"]["chapters"] == [["a", "A"]]
    assert "| [A](../book/a.ipynb) | [exercises](a.ipynb) |" in page["cells"][0]["source"]
    assert page["cells"][1]["source"] == check_notebooks.first_cell()
    text.write_text(text.read_text().replace("# Start", "# Begin"))
    assert exercises.differences(project) == [
        "exercises/start_here.ipynb differs from tools/start_here.md: cell 'start-0', source"
    ]


# --- the project's own notebooks -----------------------------------------------------------------


def test_exercises_are_current():
    assert NAMES
    assert exercises.differences(ROOT) == []


@pytest.mark.parametrize("name", NAMES)
def test_solutions_are_stripped_and_have_four_kinds(name):
    solution = exercises.read(ROOT / "solutions" / name)
    assert not any(cell.get("outputs") for cell in solution["cells"])
    text = "\n".join(c["source"] for c in solution["cells"] if c["cell_type"] == "markdown")
    titles = re.findall(r"^## Exercise (\d+) \((\w+)\): ", text, re.MULTILINE)
    assert [int(number) for number, _ in titles] == list(range(1, len(titles) + 1))
    assert {kind for _, kind in titles} == {"derive", "code", "experiment", "think"}
    assert text.count("<summary>") == 3 * len(titles), "three hints for each exercise"


class WarmKernelManager(Warm, AsyncKernelManager):
    """As nbclient's own, with kernels that need no imports."""


def run(content: dict) -> list[str]:
    """Execute a notebook, which must not raise, and return the text that its cells display."""
    node = nbformat.from_dict(content)
    NotebookClient(
        node,
        timeout=600,
        kernel_manager_class=WarmKernelManager,
        resources={"metadata": {"path": str(ROOT)}},
        config=Config(KernelManager=build_book.own_sockets()),
    ).execute()
    return [
        output["data"]["text/plain"]
        for cell in node.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type in ("execute_result", "display_data")
    ]


@pytest.mark.parametrize("name", NAMES)
def test_the_untouched_exercise_runs_and_reports_nothing_attempted(name):
    exercise = exercises.read(ROOT / "exercises" / name)
    shown = [text for text in run(exercise) if ": Exercise" in text]
    checks = [text for text in code(exercise) if re.match(r"check\.(?!progress\b)\w+\(", text)]
    assert len(shown) == len(checks) > 0
    assert all(text.startswith("○ Not attempted yet") for text in shown)


def names_that_are_missing(sources: list[str]) -> set[str]:
    """Names that cells read, run in this order, and that none of them has made by then."""
    made, missing = set(dir(builtins)), set()
    for source in sources:
        tree = ast.parse(re.sub(r"^(\s*)%.*$", r"\1pass", source, flags=re.M))
        read = set()
        for node in ast.walk(tree):
            match node:
                case ast.Name(id=name, ctx=ast.Load()):
                    read.add(name)
                case ast.Name(id=name) | ast.arg(arg=name) | ast.ExceptHandler(name=str(name)):
                    made.add(name)
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                    made.add(name)
                case ast.Import(names=names) | ast.ImportFrom(names=names):
                    made |= {each.asname or each.name.split(".")[0] for each in names}
        missing |= read - made
    return missing


def code(content: dict) -> list[str]:
    return [cell["source"] for cell in content["cells"] if cell["cell_type"] == "code"]


def test_a_name_that_only_the_solution_makes_is_found():
    cells = [
        "import torch as t, os.path",
        "def f(a):\n    return g(a) + t.pi",
        "x = f(y)",
        "y = os",
    ]
    assert names_that_are_missing(cells) == {"g", "y"}
    assert names_that_are_missing(["g = y = 1", *cells]) == set()


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_with_its_answers_needs_nothing_of_the_solutions_own_cells(name):
    """Its cells are the solution's, which nbval runs; test_pages.py reads what its checks say."""
    exercise, solution = (exercises.read(ROOT / d / name) for d in ("exercises", "solutions"))
    spliced = code(exercises.splice(exercise, solution, name))
    assert [source for source in code(solution) if source in spliced] == spliced
    assert names_that_are_missing(spliced) == set()


@pytest.mark.parametrize("name", ["hamiltonian_mechanics.ipynb", "pendulum.ipynb"])
def test_the_spliced_exercise_passes_all_checks(name):
    exercise = exercises.read(ROOT / "exercises" / name)
    spliced = exercises.splice(exercise, exercises.read(ROOT / "solutions" / name), name)
    shown = run(spliced)
    count = sum(": Exercise" in text for text in shown)
    assert count > 0
    assert sum(text.startswith("✓ Passed") for text in shown) == count
    assert shown[-1].startswith(f"{count} of {count} exercises solved")
