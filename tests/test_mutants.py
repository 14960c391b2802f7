"""The mutation engine: what it changes, that it finds holes, and that it stops what hangs."""

import time
from pathlib import Path

import pytest
import torch
from check_tools import Case, ChapterChecks, answers_of, other_types
from mutants import TooLong, at_most, data_mutants, main, run, source_mutants

from hnn_tutorial.check import Chapter, choices, expect, function, gradient, match, number, table
from hnn_tutorial.check.inputs import states


def half(v):
    return v.square().sum(dim=-1) / 2


def solution(x, m, k):
    """A docstring is no part of the answer."""
    q, p = x[..., :2], x[..., 2:4]
    total = half(p) / m
    total += k * half(q) - m
    return total


lambdas = {"first": lambda a: a + 1, "second": lambda b: b - 2}


def made(factor):
    def inner(x):
        return factor * x

    return inner


def check_of(body):
    return Chapter("test").exercise(1, "code", "a test")(body)


@check_of
def strict(answer):
    f = function(answer, "solution(x, m, k)")
    for x in (states(7, degrees=2), states(12, degrees=2).reshape(4, 3, 4)):
        match(f(x, 1.7, 0.6, like=x, shape=x.shape[:-1]), solution(x, 1.7, 0.6))
    return "Right."


@check_of
def with_holes(answer):
    """All parameters are one, the batch has one shape, and only the size is looked at."""
    f = function(answer, "solution(x, m, k)")
    x = states(7, degrees=2)
    expect(f(x, 1.0, 1.0, like=x, shape=(7,)).abs().max() < 20, "It is too large.")
    return "Right."


def test_what_is_changed():
    found = set(source_mutants(solution))
    for description in (
        "half: return v.square().sum(dim=-1) * 2",
        "half: return v.square().sum(dim=-1)",
        "half: return v.square().mean(dim=-1) / 2",
        "half: return v.sum(dim=-1) / 2",
        "half: return v.square().sum(dim=0) / 2",
        "half: return v.square().sum(dim=-1) / 3",
        "half: return -(v.square().sum(dim=-1) / 2)",
        "solution: p, q = (x[..., :2], x[..., 2:4])",
        "solution: q, p = (x[:, :2], x[..., 2:4])",
        "solution: q, p = (x[..., 2:], x[..., 2:4])",
        "solution: q, p = (x[..., :2], x[..., 4:])",
        "solution: total = half(p) * m",
        "solution: total = half(p) / k",
        "solution: total = m / half(p)",
        "solution: total = half(p)",
        "solution: total += k * half(q) + m",
        "solution: total += k * half(q)",
        "solution: total -= k * half(q) - m",
        "solution: without `total += k * half(q) - m`",
        "solution: return 2 * total",
    ):
        assert description in found, description
    assert not any("docstring" in name for name in found)


def test_mutants_are_single_different_and_run():
    found = source_mutants(solution)
    x = states(5, degrees=2)
    values = {}
    for name, mutant in found.items():
        try:
            values[name] = mutant(x, 1.7, 0.6)
        except Exception:  # an error is one way not to pass
            continue
    right = solution(x, 1.7, 0.6)
    same = {
        name
        for name, value in values.items()
        if isinstance(value, torch.Tensor) and torch.equal(value, right)
    }
    assert same == {  # these are right for batches with one axis
        "solution: q, p = (x[:, :2], x[..., 2:4])",
        "solution: q, p = (x[..., :2], x[:, 2:4])",
    }
    assert len(values) > 30


def test_a_function_is_found_however_it_was_made():
    assert "<lambda>: lambda b: b + 2" in source_mutants(lambdas["second"])
    assert "<lambda>: lambda a: a - 1" in source_mutants(lambdas["first"])
    found = source_mutants(made(3.0))
    assert found["inner: return -(factor * x)"](2.0) == -6.0
    assert source_mutants(eval("lambda x: x")) == {}, "without a source there are none"


def test_a_check_without_holes_refuses_all():
    score = run(Case(strict, solution, {}, {}))
    assert score.mended, str(score)
    assert score.total > 40
    assert score.raised
    assert set(score.raised) <= set(score.killed)


def test_holes_are_found_and_equivalents_need_an_exact_name():
    score = run(Case(with_holes, solution, {}, {}))
    assert "solution: total = half(p) * m" in score.survived
    assert "These mutants pass the check:" in str(score)
    named = Case(with_holes, solution, {}, {}, equivalent={"total = half(p) * m": "a hole"})
    score = run(named)
    assert score.equivalent == {"solution: total = half(p) * m": "a hole"}
    assert not score.broad
    score = run(Case(with_holes, solution, {}, {}, equivalent={"return": "too much"}))
    assert score.broad == ["return"]
    score = run(Case(with_holes, solution, {}, {}, equivalent={"no such mutant": "gone"}))
    assert score.unused == ["no such mutant"]
    assert not score.mended


def test_a_check_that_raises_is_told():
    def body(answer):
        value = function(answer, "f(x)")(2.0)
        return {5.0: "Right."}[value]

    def plus_three(x):
        return x + 3

    score = run(Case(check_of(body), plus_three, {}, {}))
    assert any("KeyError" in reason for reason in score.broken.values())
    assert not score.mended


def counting(n):
    i = 0
    while i < n:
        i += 1
    return i


@check_of
def counts(answer):
    expect(function(answer, "counting(n)")(3) == 3, "It should count to 3.")
    return "Right."


def test_a_mutant_that_loops_for_ever_is_stopped():
    start = time.monotonic()
    score = run(Case(counts, counting, {}, {}), seconds=0.2)
    assert score.slow
    assert set(score.slow) <= set(score.killed)
    assert time.monotonic() - start < 0.3 * len(score.killed) + 5


def test_what_hangs_elsewhere_is_stopped_where_there_are_timers():
    import signal

    if not hasattr(signal, "setitimer"):
        pytest.skip("this system has no timers")
    start = time.monotonic()
    with pytest.raises(TooLong), at_most(0.1):
        time.sleep(5)
    assert time.monotonic() - start < 3
    time.sleep(0.15)  # nor is anything stopped afterwards


def test_mutants_of_data():
    found = data_mutants({"a": [1.0, 2.0], "b": 0.5, "c": True})
    assert found["all times 2"] == {"a": [2.0, 4.0], "b": 1.0, "c": True}
    assert found["['b'] times -1"] == {"a": [1.0, 2.0], "b": -0.5, "c": True}
    assert found["['a'] times 10"] == {"a": [10.0, 20.0], "b": 0.5, "c": True}
    assert found["['c'] = False"] == {"a": [1.0, 2.0], "b": 0.5, "c": False}
    assert found["['a'] and ['b'] exchanged"] == {"a": 0.5, "b": [1.0, 2.0], "c": True}
    words = data_mutants({"x": "yes", "y": "no"}, words=("yes", "no", "maybe"))
    assert words["['x'] = 'maybe'"] == {"x": "maybe", "y": "no"}
    assert len(words) == 5
    own = data_mutants({"x": "yes", "y": "up"}, words={"x": ("yes", "no"), "y": ("up", "down")})
    assert set(own) == {"['x'] = 'no'", "['y'] = 'down'", "['x'] and ['y'] exchanged"}
    assert data_mutants(3.0)["all squared"] == 9.0
    dear = data_mutants({"a": [1, 2], "b": 0.5}, dear=("a",))
    assert [name for name in dear if name.startswith("['a'] t")] == ["['a'] times 2"]
    assert "['b'] times 10" in dear


WORDS = {"x": "yes", "y": "no"}


@check_of
def think(answer):
    choices(answer, WORDS, ("yes", "no", "maybe"), {"x": "Think.", "y": "Think."}, "answer")
    return "Right."


@check_of
def measure(answer):
    value = table(answer, [0.1, 0.2], "rates")
    for key in value:
        match(torch.tensor(number(value[key], "It")), torch.tensor(2 * key), rtol=1e-4)
    return "Right."


@check_of
def learned(answer):
    f = function(answer, "f(x)")
    x = states(4).requires_grad_()
    y = f(x, like=x.detach())
    slope = gradient(y, x, "`f`", name="its input")
    match(slope, 2 * x.detach())
    return "Right."


@pytest.mark.parametrize(
    "case",
    [
        Case(strict, solution, {}, {}),
        Case(think, WORDS, {}, {}),
        Case(measure, {0.1: 0.2, 0.2: 0.4}, {}, {}),
    ],
    ids=str,
)
def test_right_answers_of_other_types_pass(case):
    kinds = other_types(case)
    assert len(kinds) >= 5
    for name, answer in kinds.items():
        assert case.check(answer), f"{name}: {case.check(answer)!r}"


def test_answers_that_lose_gradients_are_told_so():
    case = Case(learned, lambda x: x.square(), {}, {}, gradients=True)
    for name, answer in other_types(case).items():
        result = case.check(answer)
        if name in ("detached", "NumPy", "plain numbers"):
            assert "No gradient flows from `f`" in result.message, f"{name}: {result!r}"
        else:
            assert result, f"{name}: {result!r}"
    assert "a NumPy array of shape (4, 2)" in case.check(other_types(case)["NumPy"]).message


def test_answers_are_counted():
    case = Case(strict, solution, {"again": solution}, {"zero": (lambda x, m, k: 0, "shape")})
    count = answers_of(case)
    assert count["right"] == 1 + 1 + len(other_types(case))
    assert count["all"] == count["right"] + count["wrong"] + count["raising"]
    assert count["raising"] >= 3


def test_the_command_prints_a_score(capsys, monkeypatch, tmp_path):
    import sys

    path = tmp_path / "test_check_made_up.py"
    path.write_text(
        "from check_tools import Case, ChapterChecks\n"
        "from test_mutants import strict, solution, with_holes\n"
        "class TestChecks(ChapterChecks):\n"
        "    cases = (Case(strict, solution, {}, {}), Case(with_holes, solution, {}, {}))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["made_up"]) == 1
    sys.modules.pop("test_check_made_up")
    printed = capsys.readouterr().out
    assert "made_up: " in printed
    assert "mutants are refused" in printed
    assert "strict " in printed
    assert "These mutants pass the check:" in printed


def test_every_chapter_is_tested_in_full():
    assert ChapterChecks.demanding
    here = Path(__file__).parent
    assert [
        p.name for p in here.glob("test_check_*.py") if "demanding = False" in p.read_text()
    ] == []
