"""Quizzes: what their files may hold, what is refused and how, and what travels to the page."""

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from hnn_tutorial.widgets import Quiz
from hnn_tutorial.widgets import quiz as module
from hnn_tutorial.widgets.quiz import QUIZZES, parse_markup, read_quiz

ROOT = Path(__file__).parents[1]
FILES = sorted(QUIZZES.glob("*.toml"))


def test_there_is_a_quiz_for_the_first_slice():
    assert "hnn_mass_spring" in [file.stem for file in FILES]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_quiz_of_the_package_is_sound(file):
    quiz = Quiz(file.stem)
    assert 3 <= len(quiz._questions) <= 5
    assert quiz.answers == [[] for _ in quiz._questions]
    right = [
        [answer["right"] for answer in question["answers"]].index(True)
        for question in quiz._questions
    ]
    assert len(set(right)) > 1, "the right answer always stands in the same place"
    for question in tomllib.loads(file.read_text(encoding="utf-8"))["question"]:
        texts = [answer["text"] for answer in question["answer"]]
        assert len(set(texts)) == len(texts)
        for answer in question["answer"]:
            # The page says which it is.
            assert not re.match(r"(right|wrong|no|yes|correct)\b[.,:!]", answer["why"], re.I)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_quiz_belongs_to_a_chapter(file):
    assert (ROOT / "book" / f"{file.stem}.ipynb").is_file()


def test_the_wheel_carries_the_quizzes():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["hnn_tutorial"]
    for file in FILES:
        relative = file.relative_to(ROOT / "src" / "hnn_tutorial").as_posix()
        assert any(fnmatch(relative, pattern) for pattern in patterns)


# --- markup ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, tree",
    [
        ("plain <b> & 'more'", ["plain <b> & 'more'"]),
        ("*q̇*", [["em", ["q̇"]]]),
        ("H_{0} = *p*^{2}", ["H", ["sub", ["0"]], " = ", ["em", ["p"]], ["sup", ["2"]]]),
        ("e^{−*t*}", ["e", ["sup", ["−", ["em", ["t"]]]]]),
        ("*x_{0}*", [["em", ["x", ["sub", ["0"]]]]]),
        ("`a * b_{c} $`", [["code", ["a * b_{c} $"]]]),
        ("a_b and {c}", ["a_b and {c}"]),
    ],
)
def test_markup(text, tree):
    assert parse_markup(text) == tree


@pytest.mark.parametrize("text", ["*q", "2 * 3", "`code", "x_{0", "x^{}", "$x$", r"\dot q"])
def test_marks_left_open_and_latex_are_refused(text):
    with pytest.raises(ValueError, match="is not part of a mark; write"):
        parse_markup(text)


# --- files ----------------------------------------------------------------------------------------


def quiz_text(**changes):
    """A good quiz of three questions, with parts of the first question replaced."""
    parts = {
        "head": 'title = "t"\n',
        "text": 'text = "which?"\n',
        "first": 'text = "this"\nright = true\nwhy = "because"\n',
        "second": 'text = "that"\nwhy = "it is not"\n',
        "more": "",
        "rest": 2,
    } | changes
    answer = "[[question.answer]]\n"
    good = f'[[question]]\ntext = "?"\n{answer}text = "a"\nright = true\nwhy = "b"\n' + (
        f'{answer}text = "c"\nwhy = "d"\n'
    )
    first = f"[[question]]\n{parts['text']}{answer}{parts['first']}{answer}{parts['second']}"
    return parts["head"] + first + parts["more"] + parts["rest"] * good


def test_a_good_file(tmp_path):
    path = tmp_path / "good.toml"
    path.write_text(quiz_text(text='text = """\nwhich\n  one?"""\n'), encoding="utf-8")
    title, questions = read_quiz(path)
    assert title == "t"
    assert len(questions) == 3
    assert questions[0] == {
        "text": ["which one?"],
        "answers": [
            {"text": ["this"], "right": True, "why": ["because"]},
            {"text": ["that"], "right": False, "why": ["it is not"]},
        ],
    }


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"second": 'text = "that"\n'}, "bad.toml, question 1, answer 2: 'why' is missing"),
        ({"second": 'text = "that"\nwhy = " "\n'}, "question 1, answer 2: 'why' is ' '"),
        ({"first": 'text = "this"\nwhy = "x"\n'}, "question 1: 0 answers have right = true"),
        (
            {"second": 'text = "that"\nright = true\nwhy = "x"\n'},
            "question 1: 2 answers have right = true",
        ),
        (
            {"second": 'text = "that"\nwhy = "x"\nhint = "y"\n'},
            "answer 2: unknown key 'hint'; there are text, why, right",
        ),
        ({"second": 'text = "that"\nright = 1\nwhy = "x"\n'}, "'right' is 1; expected true or"),
        ({"second": 'text = "that"\nwhy = "$x$"\n'}, "answer 2: '$' in '$x$' is not part"),
        ({"text": "text = 3\n"}, "question 1: 'text' is 3; expected some text"),
        ({"text": ""}, "question 1: 'text' is missing"),
        ({"head": ""}, "bad.toml: 'title' is missing"),
        ({"head": 'title = "t"\nlevel = 2\n'}, "bad.toml: unknown key 'level'"),
        ({"rest": 1}, r"has 2 of \[\[question\]\]; expected 3 to 5"),
        ({"rest": 5}, r"has 6 of \[\[question\]\]"),
        (
            {"more": '[[question]]\ntext = "?"\n'},
            r"question 2: has 0 of \[\[answer\]\]; expected 2 to 6",
        ),
        ({"head": "title = \n"}, "bad.toml: is no TOML: "),
        ({"text": 'text = "which?"\nanswer = 3\n'}, "is no TOML"),
    ],
)
def test_bad_files_say_where_and_what(tmp_path, changes, message):
    path = tmp_path / "bad.toml"
    path.write_text(quiz_text(**changes), encoding="utf-8")
    with pytest.raises(ValueError, match=message.replace("$", r"\$")):
        read_quiz(path)


@pytest.mark.parametrize(
    "text, message",
    [
        ('title = "t"\nquestion = 3\n', r"has 3 of \[\[question\]\]"),
        ('title = "t"\nquestion = [1, 2, 3]\n', "question 1: is 1; expected a table"),
    ],
)
def test_other_shapes_are_refused(tmp_path, text, message):
    path = tmp_path / "bad.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_quiz(path)


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(
        ValueError, match="unknown quiz 'nothing'; choose one of: .*hnn_mass_spring"
    ):
        Quiz("nothing")


# --- the widget -----------------------------------------------------------------------------------


@pytest.fixture
def quiz(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "QUIZZES", tmp_path)
    (tmp_path / "small.toml").write_text(quiz_text(), encoding="utf-8")
    return Quiz("small")


def test_answers_can_be_read_set_and_observed(quiz):
    heard = []
    quiz.observe(lambda change: heard.append(change["new"]), "answers")
    quiz.set_state({"answers": [[1, 0], [], []]})
    assert quiz.answers == [[1, 0], [], []]
    quiz.answers = [[], [], []]
    assert heard == [[[1, 0], [], []], [[], [], []]]


@pytest.mark.parametrize("bad", [[[0]], [[2], [], []], [[-1], [], []], [[0, 0], [], []], []])
def test_answers_that_there_are_not_are_refused(quiz, bad):
    with pytest.raises(ValueError, match=r"expected for each of the 3 questions"):
        quiz.answers = bad
    assert quiz.answers == [[], [], []]
