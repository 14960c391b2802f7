"""What the tests of all exercise checks share: cases, and the answers that every check must meet.

A chapter's ``tests/test_check_NAME.py`` states one `Case` for each exercise and gets its tests by

    class TestChecks(ChapterChecks):
        chapter = pendulum.chapter
        cases = (FIELD, PERIOD)

Each check meets three kinds of answers that are made from the solution, beside those that its case
names itself:

- `bad_answers`: wrong sign, q and p swapped, no return, ... . One that is right there, or cannot
  occur, is named in ``Case.spared`` with the reason.
- `other_types`: the solution's values as NumPy arrays, plain numbers, float32, ... . They must
  pass. Where gradients must flow (``Case.gradients``), those that lose them must be told so. One
  that cannot be right, such as float32 where differences are taken, is named in ``Case.spared``.
- `mutants`: the solution with one place changed. None may pass. One that is right too is named in
  ``Case.equivalent``, with the reason; the key is a part of its description, long enough to fit
  only mutants that pass. ``python tests/mutants.py NAME`` prints what survives.

The number of answers is tested too: at least 25 for each exercise, of which 5 are right, 12 wrong,
and 3 raise where it is a function. ``demanding = False`` puts this and the last two kinds off
while a chapter is written.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import mutants
import numpy as np
import pytest
import torch
from torch import Tensor

from hnn_tutorial.check import STUB, Chapter, Result
from hnn_tutorial.check.chapter import UNTOUCHED


def stub(*_: Any) -> Any:
    """What a learner finds in the notebook."""
    raise NotImplementedError(STUB)


@dataclass(eq=False)
class Case:
    """A check, and what it must say to whom."""

    check: Callable[[Any], Result]
    solution: Any
    right: dict[str, Any]
    wrong: dict[str, tuple[Any, str]]  # name -> (answer, part of the message it must get)
    blank: Any = field(default=stub)
    spared: dict[str, str] = field(default_factory=dict)  # name of a shared answer -> why
    equivalent: dict[str, str] = field(default_factory=dict)  # part of a mutant's name -> why
    words: Any = ()  # all words on offer, or for each key, where an answer is made of words
    dear: tuple[str, ...] = ()  # keys of which each change has everything measured again
    gradients: bool = False  # whether gradients must flow through the answer

    def __str__(self) -> str:
        return self.check.__name__


def pack(*components: Tensor) -> Tensor:
    """Components of a state along the last axis."""
    return torch.stack(components, dim=-1)


def autograd(H: Callable[[Tensor], Tensor], x: Tensor, create_graph: bool = True) -> Tensor:
    """The gradient of H as a learner would write it."""
    x = x.detach().requires_grad_()
    return torch.autograd.grad(H(x).sum(), x, create_graph=create_graph)[0]


# --- bad answers for every check -----------------------------------------------------------------


def bad_answers(case: Case) -> dict[str, tuple[Any, str]]:
    """Bad answers made from a solution: name -> (answer, part of the message it must get)."""
    if callable(case.solution):
        answers = _bad_functions(case.solution)
    elif isinstance(case.solution, dict):
        answers = _bad_tables(case.solution)
    else:
        answers = _bad_values(case.solution)
    unknown = set(case.spared) - set(answers) - set(other_types(case)) - {"other library"}
    assert not unknown, f"{case} spares unknown bad answers {unknown}"
    return {name: pair for name, pair in answers.items() if name not in case.spared}


def _bad_functions(solution: Callable) -> dict[str, tuple[Any, str]]:
    def after(change: Callable[[Tensor], Any]) -> Callable:
        return lambda *inputs: _mapped(solution(*inputs), change)

    def swapped(*inputs: Any) -> Any:
        return solution(*(_swap(value) for value in inputs))

    def failing(*inputs: Any) -> Any:
        return inputs[99]

    def misspelt(*inputs: Any) -> Any:
        return solutoin(*inputs)  # noqa: F821

    return {
        "wrong sign": (after(lambda value: -value), ""),
        "q and p swapped": (swapped, ""),
        "wrong shape": (after(lambda value: value[None]), "shape"),
        "exception": (failing, "Your code raised `IndexError`: tuple index out of range"),
        "misspelt name": (misspelt, "This name has no value here"),
        "no return": (lambda *inputs: None, "is a `return` missing?"),
        "no argument": (lambda: None, "Your function could not be called. `TypeError`"),
        "called already": (torch.zeros(2), "the function was called already"),
        "not a function": ("text", "wants a function"),
    }


def _bad_tables(solution: dict) -> dict[str, tuple[Any, str]]:
    keys, values = list(solution), list(solution.values())
    bad = {
        "not a dict": (values, "should be a dict"),
        "key missing": (dict(zip(keys[1:], values[1:], strict=True)), "has no answer yet for"),
        "unknown key": (solution | {"no such key": values[0]}, "unknown keys"),
        "values moved": (dict(zip(keys, values[1:] + values[:1], strict=True)), ""),
        "entry of another kind": (solution | {keys[0]: object()}, ""),
    }
    if all(isinstance(value, str) for value in values):
        return bad | {"unknown word": (solution | {keys[0]: "no such word"}, "choose one of")}
    numbers = {key: _mapped(value, lambda v: -v) for key, value in solution.items()}
    nothing = {key: _mapped(value, lambda v: v * np.nan) for key, value in solution.items()}
    return bad | {"wrong sign": (numbers, ""), "not a number": (nothing, "not a finite number")}


def _bad_values(solution: Any) -> dict[str, tuple[Any, str]]:
    return {
        "wrong sign": (_mapped(solution, lambda value: -value), ""),
        "not a number": (_mapped(solution, lambda value: value * np.nan), ""),
        "nothing": (None, ""),
        "text": ("text", ""),
    }


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with every tensor or number in it changed; words stay."""
    if isinstance(value, dict):
        return {key: _mapped(part, change) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_mapped(part, change) for part in value)
    return value if isinstance(value, str | bool) else change(value)


def _swap(value: Any) -> Any:
    """A state with positions and momenta exchanged; anything else as it is."""
    state = isinstance(value, Tensor) and value.ndim and value.shape[-1] % 2 == 0
    return value.roll(value.shape[-1] // 2, dims=-1) if state else value


# --- right answers of other types ----------------------------------------------------------------


def other_types(case: Case) -> dict[str, Any]:
    """Right answers made from a solution, which differ from it in their types only."""
    if callable(case.solution):
        return _functions_of_other_types(case.solution)
    solution = case.solution
    changes: dict[str, Callable[[Any], Any]] = {
        "NumPy numbers": lambda v: np.float64(v) if isinstance(v, int | float) else _numpy(v),
        "tensors": lambda v: torch.as_tensor(v, dtype=torch.float64),
        "NumPy arrays": lambda v: np.asarray(_numpy(v), dtype=float),
    }
    answers = {name: _changed(solution, change) for name, change in changes.items()}
    if isinstance(solution, dict):
        answers["another order"] = dict(reversed(solution.items()))
        answers["read only"] = MappingProxyType(solution)
        answers["ordered dict"] = OrderedDict(solution)
        if any(isinstance(value, list) for value in solution.values()):
            answers["tuples"] = _lists_as(tuple, solution)
            answers["arrays"] = _lists_as(np.asarray, solution)
        if any(isinstance(value, str) for value in solution.values()):
            answers["capitals"] = _changed_words(solution, str.capitalize)
            answers["blanks"] = _changed_words(solution, lambda word: f" {word} ")
    return answers


def _functions_of_other_types(solution: Callable) -> dict[str, Any]:
    def after(change: Callable[[Tensor], Any]) -> Callable:
        def answer(*inputs: Any) -> Any:
            value = solution(*inputs)
            return change(value) if isinstance(value, Tensor) else value

        return answer

    class Answer:
        def __call__(self, *inputs: Any) -> Any:
            return solution(*inputs)

    return {
        "a callable object": Answer(),
        "another layout": after(lambda v: torch.stack([v, v], dim=-1)[..., 0]),
        "detached": after(Tensor.detach),
        "NumPy": after(_numpy),
        "plain numbers": after(Tensor.tolist),
        "float32": after(Tensor.float),
    }


LOSES_GRADIENTS = ("detached", "NumPy", "plain numbers", "float32")


def _numpy(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, Tensor) else value


def _changed(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with every number in it changed."""
    if isinstance(value, dict):
        return {key: _changed(part, change) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_changed(part, change) for part in value)
    return value if isinstance(value, str | bool | None) else change(value)


def _changed_words(solution: dict, change: Callable[[str], str]) -> dict:
    return {k: change(v) if isinstance(v, str) else v for k, v in solution.items()}


def _lists_as(kind: Callable[[list], Any], solution: dict) -> dict:
    return {k: kind(v) if isinstance(v, list) else v for k, v in solution.items()}


@functools.cache
def _score(case: Case) -> mutants.Score:
    return mutants.run(case)


def answers_of(case: Case) -> dict[str, int]:
    """How many answers the tests of a case try: all, right, wrong, and those that raise."""
    score = _score(case)
    shared = [name for name in other_types(case) if name not in case.spared]
    lost = [name for name in shared if case.gradients and name in LOSES_GRADIENTS[:3]]
    right = 1 + len(case.right) + len(shared) - len(lost) + len(score.equivalent)
    bad = bad_answers(case)
    raising = len(score.raised) + sum(
        name in bad for name in ("exception", "misspelt name", "no argument")
    )
    raising += sum("raised" in message for _, message in case.wrong.values())
    wrong = len(bad) + len(case.wrong) + len(lost) + len(score.killed)
    return {"all": right + wrong, "right": right, "wrong": wrong - raising, "raising": raising}


# --- the tests of a chapter's checks -------------------------------------------------------------


class ChapterChecks:
    """Tests of one chapter's checks; a subclass names the chapter and its cases."""

    chapter: Chapter
    cases: tuple[Case, ...]
    demanding = True  # False while a chapter is written: no mutants, types and numbers of answers

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Give each test its answers, named by check and answer."""

        def rows() -> Iterator[tuple[str, tuple]]:
            for case in self.cases:
                if "right" in metafunc.fixturenames:
                    for key, answer in {"solution": case.solution, **case.right}.items():
                        yield f"{case}-{key}", (case, answer)
                elif "style" in metafunc.fixturenames:
                    for key in other_types(case):
                        if key not in case.spared:
                            yield f"{case}-{key}", (case, key)
                elif "wrong" in metafunc.fixturenames:
                    named = {**bad_answers(case), **case.wrong}
                    for key, (answer, message) in named.items():
                        yield f"{case}-{key}", (case, answer, message)
                else:
                    yield str(case), (case,)

        names = [
            n for n in ("case", "right", "style", "wrong", "message") if n in metafunc.fixturenames
        ]
        if names:
            found = dict(rows())
            metafunc.parametrize(names, list(found.values()), ids=list(found))

    def test_a_right_answer_passes(self, case: Case, right: Any) -> None:
        result = case.check(right)
        assert result, repr(result)
        assert result.status == "passed"

    def test_a_right_answer_of_another_type_passes(self, case: Case, style: str) -> None:
        """Or is told that gradients must flow, if they must."""
        if not self.demanding:
            pytest.skip("the chapter is not demanding yet")
        result = case.check(other_types(case)[style])
        if case.gradients and style in LOSES_GRADIENTS[:3]:
            assert result.status == "wrong", repr(result)
            assert "gradient" in result.message.lower(), repr(result)
        else:
            assert result, repr(result)

    def test_no_mutant_passes(self, case: Case) -> None:
        if not self.demanding:
            pytest.skip("the chapter is not demanding yet")
        score = _score(case)
        assert score.total, "no mutant could be made: is the solution a function of this file?"
        assert score.mended, f"{len(score.killed)} of {score.total} are refused.\n{score}"

    def test_there_are_answers_enough(self, case: Case) -> None:
        """At least 25 answers: 5 right ones, 12 wrong ones, 3 that raise if it is a function."""
        if not self.demanding:
            pytest.skip("the chapter is not demanding yet")
        count = answers_of(case)
        assert count["all"] >= 25, count
        assert count["right"] >= 5, count
        assert count["wrong"] >= 12, count
        assert count["raising"] >= 3 or not callable(case.solution), count

    def test_a_wrong_answer_gets_its_message(self, case: Case, wrong: Any, message: str) -> None:
        result = case.check(wrong)
        assert result.status == "wrong", repr(result)
        assert message in result.message, repr(result)
        assert len(result.message) > 20, "a message says what was found"
        assert "Traceback" not in repr(result)
        assert "/hnn_tutorial/" not in repr(result)

    def test_an_untouched_stub_is_not_attempted(self, case: Case) -> None:
        for answer in (case.blank, ...):
            result = case.check(answer)
            assert result.status == "not attempted", repr(result)
            assert result.message == UNTOUCHED
            assert not result

    def test_the_case_holds_answers_enough(self, case: Case) -> None:
        assert len(case.right) >= 2
        assert len(case.wrong) >= 3

    def test_every_exercise_has_a_case(self) -> None:
        assert [str(case) for case in self.cases] == list(self.chapter.exercises)

    def test_there_are_four_exercises_of_different_kinds(self) -> None:
        kinds = {title.partition("(")[2].partition(")")[0] for title in self._titles()}
        assert len(self.cases) >= 4
        assert len(kinds) >= 3

    def _titles(self) -> list[str]:
        return list(self.chapter.exercises.values())
