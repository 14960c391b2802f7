"""What the tests of all exercise checks share: a check's cases, and the bad answers all must meet.

A chapter's ``tests/test_check_NAME.py`` states one `Case` for each exercise and gets its tests by

    class TestChecks(ChapterChecks):
        chapter = pendulum.chapter
        cases = (FIELD, PERIOD)

Beside the wrong answers that a case names itself, each check meets those of `bad_answers`, which
are made from its solution. One of them that is right there, or cannot occur, is named in
``Case.spared``, with the reason.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial.check import STUB, Chapter, Result


def stub(*_: Any) -> Any:
    """What a learner finds in the notebook."""
    raise NotImplementedError(STUB)


@dataclass
class Case:
    """A check, and what it must say to whom."""

    check: Callable[[Any], Result]
    solution: Any
    right: dict[str, Any]
    wrong: dict[str, tuple[Any, str]]  # name -> (answer, part of the message it must get)
    blank: Any = field(default=stub)
    spared: dict[str, str] = field(default_factory=dict)  # name in bad_answers -> why

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
    unknown = set(case.spared) - set(answers)
    assert not unknown, f"{case} spares unknown bad answers {unknown}"
    return {name: pair for name, pair in answers.items() if name not in case.spared}


def _bad_functions(solution: Callable) -> dict[str, tuple[Any, str]]:
    def after(change: Callable[[Tensor], Any]) -> Callable:
        return lambda *inputs: _mapped(solution(*inputs), change)

    def swapped(*inputs: Any) -> Any:
        return solution(*(_swap(value) for value in inputs))

    def failing(*inputs: Any) -> Any:
        return inputs[99]

    return {
        "wrong sign": (after(lambda value: -value), ""),
        "q and p swapped": (swapped, ""),
        "wrong shape": (after(lambda value: value[None]), "shape"),
        "other library": (after(_other_library), "is needed"),
        "exception": (failing, "Your code raised `IndexError`: tuple index out of range"),
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
    """The value with every tensor or number in its tuples and lists changed."""
    if isinstance(value, tuple | list):
        return type(value)(_mapped(part, change) for part in value)
    return change(value)


def _swap(value: Any) -> Any:
    """A state with positions and momenta exchanged; anything else as it is."""
    state = isinstance(value, Tensor) and value.ndim and value.shape[-1] % 2 == 0
    return value.roll(value.shape[-1] // 2, dims=-1) if state else value


def _other_library(value: Any) -> Any:
    return value.detach().numpy() if isinstance(value, Tensor) else torch.as_tensor(value)


# --- the tests of a chapter's checks -------------------------------------------------------------


class ChapterChecks:
    """Tests of one chapter's checks; a subclass names the chapter and its cases."""

    chapter: Chapter
    cases: tuple[Case, ...]

    def pytest_generate_tests(self, metafunc: Any) -> None:
        """Give each test its answers, named by check and answer."""

        def rows() -> Iterator[tuple[str, tuple]]:
            for case in self.cases:
                if "right" in metafunc.fixturenames:
                    for key, answer in {"solution": case.solution, **case.right}.items():
                        yield f"{case}-{key}", (case, answer)
                elif "wrong" in metafunc.fixturenames:
                    named = {**bad_answers(case), **case.wrong}
                    for key, (answer, message) in named.items():
                        yield f"{case}-{key}", (case, answer, message)
                else:
                    yield str(case), (case,)

        names = [n for n in ("case", "right", "wrong", "message") if n in metafunc.fixturenames]
        if names:
            found = dict(rows())
            metafunc.parametrize(names, list(found.values()), ids=list(found))

    def test_a_right_answer_passes(self, case: Case, right: Any) -> None:
        result = case.check(right)
        assert result, repr(result)
        assert result.status == "passed"

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
            assert (
                result.message
                == "Replace the stub by your answer, run its cell without an error, then this."
            )
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
