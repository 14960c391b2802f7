"""The machinery of the exercise checks: calling, messages, progress, display."""

from html.parser import HTMLParser

import numpy as np
import pytest
import torch

from hnn_tutorial import check as machinery
from hnn_tutorial.check import Chapter, Progress, Result, expect, function, match, number, table
from hnn_tutorial.palette import DARK_BACKGROUND, LIGHT_BACKGROUND, contrast

# --- machinery -----------------------------------------------------------------------------------


def a_check(body):
    return Chapter("test").exercise(1, "code", "a test")(body)


def test_an_exception_inside_is_told_with_line_and_shape():
    def answer(x):
        y = x * 2
        return y @ y

    result = a_check(lambda a: function(a, "answer(x)")(torch.zeros(4, 2)))(answer)
    line = answer.__code__.co_firstlineno + 2
    assert result.status == "wrong"
    assert "Your code raised `RuntimeError`" in result.message
    assert f"in line {line}: `return y @ y`" in result.message
    assert "`answer(x)` was called with a tensor of shape (4, 2)." in result.message


def test_a_bug_of_ours_is_raised():
    def check(answer):
        function(answer, "answer(x)")(torch.zeros(1))
        raise ZeroDivisionError("our bug")

    with pytest.raises(ZeroDivisionError, match="our bug"):
        a_check(check)(lambda x: x)
    with pytest.raises(TypeError):
        a_check(lambda answer: 1 + answer)("not called through function()")


def test_keyboard_interrupt_is_not_swallowed():
    def answer(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        a_check(lambda a: function(a, "answer(x)")(1))(answer)


def test_a_stub_called_by_another_answer_is_named():
    def first(x):
        raise NotImplementedError("your answer here")

    def second(x):
        return first(x) + 1

    result = a_check(lambda a: function(a, "second(x)")(1))(second)
    assert result.status == "not attempted"
    assert "`first` still holds its stub." in result.message


def test_an_answer_that_calls_another_answer_passes_its_message_on():
    def check(answers):
        inner = function(answers[0], "inner(x)")
        function(answers[1], "outer(f, x)")(lambda x: inner(x, like=x), torch.zeros(2))

    result = a_check(check)([lambda x: None, lambda f, x: f(x)])
    assert result.message == "`inner` returns None: is a `return` missing?"
    assert a_check(check)([lambda x: ..., lambda f, x: f(x)]).status == "not attempted"


def test_torchs_own_not_implemented_error_is_no_stub():
    def answer(x):
        return torch.func.jacfwd(torch.linalg.eigvals)(x, 1, 2, 3)

    def raising(x):
        error = NotImplementedError("'eig' not implemented for 'Half'")
        return (_ for _ in ()).throw(error)

    result = a_check(lambda a: function(a, "answer(x)")(torch.zeros(2, 2)))(raising)
    assert result.status == "wrong"
    assert a_check(lambda a: function(a, "answer(x)")(torch.zeros(2)))(answer).status == "wrong"


def test_an_exception_with_a_broken_message_and_recursion():
    def endless(x):
        return endless(x)

    result = a_check(lambda a: function(a, "endless(x)")(1))(endless)
    assert "`RecursionError`" in result.message


def test_an_answer_that_returns_ellipsis_is_not_attempted():
    assert a_check(lambda a: function(a, "f(x)")(1))(lambda x: ...).status == "not attempted"


def test_right_numbers_are_right_in_every_type():
    given = {}

    def check(answer):
        got = function(answer, "f(x)")(torch.zeros(2).double(), like=torch.zeros(2).double())
        assert isinstance(got, torch.Tensor)
        assert got.dtype == torch.float64
        match(got, torch.tensor([1.0, 2.0]).double())

    given = {
        "NumPy": np.array([1.0, 2.0]),
        "reversed NumPy": np.array([2.0, 1.0])[::-1],
        "list": [1.0, 2.0],
        "tuple of tensors": (torch.tensor(1.0), torch.tensor(2.0)),
        "mixed list": [1, torch.tensor(2.0)],
        "view of a dict": {"q": 1.0, "p": 2.0}.values(),
        "integers": torch.tensor([1, 2]),
        "float32": torch.tensor([1.0, 2.0 + 1e-6]),
        "range": range(1, 3),
    }
    for name, value in given.items():
        result = a_check(check)(lambda x, value=value: value)
        assert result, f"{name}: {result!r}"
    scalar = a_check(lambda a: str(float(function(a, "f(x)")(1, like=torch.zeros(()).double()))))
    for value in (3.0, 3, np.float32(3), np.array(3.0), torch.tensor(3)):
        assert scalar(lambda x, value=value: value).message == "3.0"
    array = a_check(lambda a: type(function(a, "f(x)")(1, like=np.zeros(2))).__name__)
    assert array(lambda x: torch.zeros(2)).message == "ndarray"


@pytest.mark.parametrize(
    "value, message",
    [
        (torch.zeros(2).bool(), "gives True and False"),
        (torch.zeros(2).cfloat(), "gives complex numbers"),
        (torch.zeros(2).half(), "about three digits"),
        ((torch.zeros(2),), "gives a tuple with one tensor in it"),
        ((torch.zeros(2), torch.zeros(2)), "gives a tuple of 2 tensors of the shape"),
        ([torch.zeros(2), torch.zeros(3)], "Its parts do not fit together"),
        (torch.tensor([1.0, np.nan]), "gives NaN or infinity in 1 of 2 numbers"),
        ({"q": 1.0, "p": 2.0}, "gives a dict, not a torch tensor of numbers"),
        ("12", "gives `'12'`, not a torch tensor of numbers"),
    ],
)
def test_what_is_no_answer_in_any_type(value, message):
    result = a_check(lambda a: str(function(a, "f(x)")(1, like=torch.zeros(2))))(lambda x: value)
    assert result.status == "wrong"
    assert message in result.message


def test_number_and_table():
    assert number(np.float64(2.0), "x") == number(torch.tensor(2.0), "x") == number(2, "x") == 2.0
    for bad in ("2", None, True, [1.0], torch.zeros(2), float("inf")):
        with pytest.raises(machinery.Wrong):
            number(bad, "x")
    assert list(table({"b": 1, "a": 2}, ["a", "b"], "t")) == ["a", "b"]


def test_match_shows_the_worst_state():
    x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    with pytest.raises(machinery.Wrong, match=r"No\. At x = \[3, 4\] yours gives 9, the right"):
        match(torch.tensor([1.0, 9.0]), torch.tensor([1.0, 2.0]), otherwise="No.", at=x)


def test_a_check_must_be_registered_well():
    chapter = Chapter("test")

    def check(answer):
        expect(answer == 1, "It is one.")

    chapter.exercise(1, "think", "one")(check)
    with pytest.raises(ValueError, match="unknown kind 'guess'; choose one of: derive, code"):
        chapter.exercise(2, "guess", "two")
    with pytest.raises(ValueError, match="registered twice"):
        chapter.exercise(2, "think", "two")(check)


def test_progress_follows_the_last_run():
    chapter = Chapter("test")

    @chapter.exercise(1, "code", "first")
    def first(answer):
        expect(answer == 1, "It is one.")

    @chapter.exercise(2, "think", "second")
    def second(answer):
        expect(answer == 2, "It is two.")

    assert repr(chapter.progress()).startswith("0 of 2 exercises solved")
    first(1)
    second(3)
    assert [status for _, status in chapter.progress().rows] == ["passed", "wrong"]
    assert not chapter.progress()
    second(2)
    assert chapter.progress().complete
    first(...)
    assert chapter.progress().solved == 1
    chapter.reset()
    assert chapter.progress().solved == 0


# --- display -------------------------------------------------------------------------------------


class Text(HTMLParser):
    """Collects tags and text, and holds every tag against its end tag."""

    def __init__(self, source):
        super().__init__()
        self.open, self.tags, self.text = [], [], ""
        self.feed(source)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("status", ["passed", "wrong", "not attempted"])
def test_a_result_shows_its_words_and_escapes(status):
    result = Result("Exercise 1 (code): <b>&</b>", status, "`a < b` <script>x</script>")
    page = Text(result._repr_html_())
    assert not {"script", "b"} & {tag for tag, _ in page.tags}
    assert "<script>x</script>" in page.text
    assert ("code", {}) in page.tags
    word = {"passed": "Passed", "wrong": "Not yet right", "not attempted": "Not attempted yet"}
    assert word[status] in page.text, "never colour alone"
    assert word[status] in repr(result)
    assert bool(result) == (status == "passed")


def test_colours_are_seen_on_both_backgrounds_and_text_inherits():
    for status in ("passed", "wrong", "not attempted"):
        style = Text(Result("e", status, "m")._repr_html_()).tags[0][1]["style"]
        colour = style.split("solid ")[1][:7]
        assert contrast(colour, LIGHT_BACKGROUND) >= 3
        assert contrast(colour, DARK_BACKGROUND) >= 3
        assert "color: inherit" in style


def test_progress_shows_words_and_escapes():
    progress = Progress((("Exercise 1: <i>", "passed"), ("Exercise 2", "wrong"), ("3", None)))
    page = Text(progress._repr_html_())
    for words in ("1 of 3 exercises solved", "Exercise 1: <i>", "Passed", "Check not run yet"):
        assert words in page.text
        assert words in repr(progress)
