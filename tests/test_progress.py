"""What is solved is noted where the exercises lie, survives what can happen, and is shown."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from test_check import Text

import exercises
from hnn_tutorial import check
from hnn_tutorial.check import Chapter, expect
from hnn_tutorial.check.notes import FOLDER, START_PAGE, is_kept, note
from hnn_tutorial.check.progress import Overview, Row, overview, reset

ROOT = Path(exercises.__file__).resolve().parents[1]
NAMES = [path.stem for path in sorted((ROOT / "solutions").glob("*.ipynb"))]


def a_chapter(count: int = 3) -> Chapter:
    """A chapter as a kernel that has just started knows it; the right answers are the numbers."""
    chapter = Chapter("test")
    for number in range(1, count + 1):

        def ask(answer, number=number):
            expect(answer == number, "That is not the number.")

        ask.__name__ = f"ask_{number}"
        setattr(chapter, ask.__name__, chapter.exercise(number, "think", f"number {number}")(ask))
    return chapter


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of exercises, in which the notebook runs."""
    (tmp_path / START_PAGE).write_bytes((ROOT / "exercises" / START_PAGE).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noted(folder: Path) -> set[str]:
    return {path.relative_to(folder / FOLDER).as_posix() for path in folder.glob(".progress/*/*")}


# --- noting --------------------------------------------------------------------------------------


def test_a_pass_is_noted_and_known_to_the_next_kernel(folder):
    chapter = a_chapter()
    assert chapter.ask_2(2).note == "1 of 3 solved in this chapter."
    assert chapter.ask_2(2).note == "1 of 3 solved in this chapter."
    assert chapter.ask_1(7).note == chapter.ask_1(...).note == ""
    assert noted(folder) == {"test/2"}
    again = a_chapter()
    assert [status for _, status in again.progress().rows] == [None, "passed earlier", None]
    assert again.progress().solved == 1
    assert "Passed earlier" in repr(again.progress())
    again.ask_2(0)
    assert [status for _, status in again.progress().rows] == [None, "wrong", None]
    assert noted(folder) == {"test/2"}, "what was solved once is solved"


def test_the_note_stands_below_the_message(folder):
    result = a_chapter().ask_1(1)
    assert repr(result).endswith("All tests passed.\n1 of 3 solved in this chapter.")
    assert Text(result._repr_html_()).text.endswith(
        "All tests passed.1 of 3 solved in this chapter."
    )


def test_nothing_is_noted_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = a_chapter().ask_1(1)
    assert result
    assert result.note == ""
    assert list(tmp_path.iterdir()) == []


def test_only_the_exercises_note(folder):
    folders = ("book", "exercises", "solutions", "src", "tests", ".")
    assert [name for name in folders if is_kept(ROOT / name)] == ["exercises"]


def test_no_home_is_needed(folder, monkeypatch):
    for name in ("HOME", "XDG_DATA_HOME", "APPDATA", "USERPROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert a_chapter().ask_1(1).note == "1 of 3 solved in this chapter."


def test_a_working_folder_that_is_gone_fails_no_check(folder):
    gone = folder / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    assert a_chapter().ask_1(1)


def as_file(folder):
    (folder / FOLDER).write_text("not a folder")


def as_broken_link(folder):
    (folder / FOLDER).symlink_to(folder / "nowhere" / "at all")


def as_others_folder(folder):
    (folder / FOLDER).mkdir(mode=0o555)


@pytest.mark.parametrize("spoil", [as_file, as_broken_link, as_others_folder])
def test_what_cannot_be_noted_is_said_and_fails_no_check(folder, spoil):
    spoil(folder)
    assert repr(overview()).startswith("0 of "), "and imports what another user may not read"
    folder.chmod(0o755)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)  # the administrator may write everywhere
    try:
        result = a_chapter().ask_1(1)
        rows = a_chapter().progress().rows
        left = overview()
    finally:
        os.seteuid(user)
    assert result
    assert result.note.startswith("Your progress could not be noted: ")
    assert f"`{FOLDER}" in result.note
    assert {status for _, status in rows} == {None}
    assert repr(left).startswith("0 of ")


WRITER = """
import sys
from test_progress import a_chapter
chapter = a_chapter(400)
sys.stdin.readline()
for number in range(int(sys.argv[1]), 401, 2):
    assert "could not" not in getattr(chapter, f"ask_{number}")(number).note
    print(number, flush=True)
"""


def test_two_kernels_at_once_lose_nothing_nor_does_a_kill(folder):
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT / "tools"), *filter(None, sys.path)])
    first, second = (
        subprocess.Popen(
            [sys.executable, "-c", WRITER, start],
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for start in "12"
    )
    for kernel in (first, second):  # both go on together: neither finds the folder there
        kernel.stdin.write("go\n")
        kernel.stdin.flush()
    told = [first.stdout.readline().strip() for _ in range(40)]
    first.send_signal(signal.SIGKILL)
    told += first.stdout.read().split()
    told += second.communicate()[0].split()
    assert first.wait() == -signal.SIGKILL
    assert second.returncode == 0
    assert {*map(str, range(2, 401, 2)), "1", "79"} <= set(told)
    assert {f"test/{number}" for number in told} <= noted(folder)
    assert len(noted(folder)) - len(told) <= 1, "at most one was noted and not told any more"
    chapter = a_chapter(400)
    assert chapter.progress().solved == len(noted(folder))


# --- the overview --------------------------------------------------------------------------------


def test_the_overview_shows_every_chapter_in_the_order_of_the_start_page(folder):
    rows = overview().rows
    listed = exercises.read(folder / START_PAGE)["metadata"]["hnn_tutorial"]["chapters"]
    assert [[row.name, row.title] for row in rows] == listed
    assert sorted(row.name for row in rows) == NAMES
    for row in rows:
        cells = exercises.read(ROOT / "exercises" / f"{row.name}.ipynb")["cells"]
        assert row.total == sum(cell["source"].startswith("## Exercise ") for cell in cells)
        assert row.next.startswith("Exercise 1 (")


def test_the_overview_moves_with_what_is_solved(folder):
    chapter = check_module("pendulum").chapter
    for number in (1, 3):
        note(chapter.name, number, chapter.numbers.values())
    (row,) = overview("pendulum").rows
    assert (row.solved, row.total) == (2, len(chapter.exercises))
    assert row.next.startswith("Exercise 2 (")
    assert "Go on with exercises/pendulum.ipynb: Exercise 2 (" in repr(overview())
    for number in chapter.numbers.values():
        note(chapter.name, number, chapter.numbers.values())
    assert repr(overview("pendulum")).endswith("complete")
    assert "Go on with" not in repr(overview("pendulum"))
    assert "Go on with exercises/pendulum" not in repr(overview())


def test_nothing_that_a_chapter_needs_needs_the_chapters():
    """A chapter can be imported by itself; the overview imports all of them."""
    code = (
        "import sys, hnn_tutorial.check.chapter; "
        "assert 'hnn_tutorial.check.progress' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def check_module(name: str):
    __import__(f"{check.__name__}.{name}")
    return getattr(check, name)


def test_reset_forgets_one_chapter_or_all_and_removes_nothing_else(folder):
    for name in NAMES[:3]:
        note(name, 1, check_module(name).chapter.numbers.values())
    (folder / FOLDER / NAMES[0] / "mine.txt").write_text("a learner's")
    reset(NAMES[0])
    assert noted(folder) == {f"{NAMES[0]}/mine.txt", f"{NAMES[1]}/1", f"{NAMES[2]}/1"}
    reset()
    assert noted(folder) == {f"{NAMES[0]}/mine.txt"}
    with pytest.raises(ValueError, match="unknown chapter 'no such'"):
        reset("no such")


def test_strange_notes_are_no_solved_exercises(folder):
    place = folder / FOLDER / "test"
    for name in ("99", "-1", "1.0", "<b>2", "one"):
        (place / name).mkdir(parents=True) if name == "one" else touched(place / name)
    (place / "3").mkdir()
    assert a_chapter().progress().solved == 0
    assert a_chapter().ask_1(1).note == "1 of 3 solved in this chapter."


def touched(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe{",
        b"[" * 100_000,
        b"[]",
        b'{"metadata": null}',
        b'{"metadata": {"hnn_tutorial": {"chapters": 5}}}',
        b'{"metadata": {"hnn_tutorial": {"chapters": [["pendulum"], {}, 7]}}}',
        b'{"metadata": {"hnn_tutorial": {"chapters": {"pendulum": ["x"]}}}}',
        b"cos\nsystem\n(S'touch hacked'\ntR.",  # a pickle that would run a command
    ],
)
def test_a_start_page_beyond_recognition_costs_titles_and_order_alone(folder, content):
    (folder / START_PAGE).write_bytes(content)
    rows = overview().rows
    assert [row.name for row in rows] == [row.title for row in rows] == NAMES
    assert a_chapter().ask_1(1).note == "1 of 3 solved in this chapter."
    assert not (folder / "hacked").exists()


def test_the_overview_escapes_what_it_is_given(folder):
    hostile = '"><script>alert(1)</script><b onclick="x">'
    page = {"metadata": {"hnn_tutorial": {"chapters": [["pendulum", hostile], [hostile, "x"]]}}}
    (folder / START_PAGE).write_text(json.dumps(page))
    shown = Text(overview()._repr_html_())
    assert hostile in shown.text
    row = Row(hostile, hostile, 1, 2, hostile)
    shown = Text(Overview((row,))._repr_html_())
    assert {tag for tag, _ in shown.tags} <= {
        *["div", "strong", "a", "table", "thead", "tbody", "tr", "th", "td", "span"]
    }
    assert {name for _, attributes in shown.tags for name in attributes} <= {
        *("class", "style", "scope", "href", "aria-hidden")
    }
    assert shown.text.count(hostile) == 4


def test_without_a_start_page_the_overview_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert repr(overview()).startswith("No progress is kept here: ")
    assert "No progress is kept here" in Text(overview()._repr_html_()).text
