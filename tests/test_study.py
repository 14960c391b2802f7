"""What the checks of open tasks share: how little is measured before a wrong number is told."""

from functools import cache

import duel_tools
import pytest

from hnn_tutorial.check.answers import Wrong
from hnn_tutorial.check.study import Duel, Measured, smaller, winner, within

RIVALS, VALUES, SEEDS = ("fox", "hare"), [1, 2, 4], [0, 1, 2, 3, 4]
asked: list[tuple[str, float, int]] = []


@cache
def measure(rival: str, speed: float, seed: int) -> float:
    """The fox is ahead below the speed 2; no two numbers are near each other."""
    asked.append((rival, speed, seed))
    return (1 + seed / 3) * (speed if rival == "fox" else 3.7 / speed)


@pytest.fixture
def duel():
    measure.cache_clear()
    return Duel(
        measure,
        RIVALS,
        {"speed": 1},
        {"speed": (0.1, 10)},
        lambda a, b: winner(a, b, RIVALS),
        within(1.05),
        (),
        smaller("the fox"),
    )


@pytest.fixture
def study(duel):
    found = duel_tools.experiment(duel, VALUES, SEEDS, "speed", "fox")
    measure.cache_clear()
    asked.clear()
    return found


def test_a_right_study_is_measured_whole(duel, study):
    assert "Lesson." in duel.mark(study, "Lesson.")
    assert len(asked) == len(set(asked)) == 2 * 3 * 5


@pytest.mark.parametrize(
    "rival, value, factor, before",
    [("fox", 1, 1.3, 0), ("hare", 1, 1.3, 15), ("hare", 4, 1.3, 25)],
)
def test_a_wrong_row_is_told_before_all_is_measured(duel, study, rival, value, factor, before):
    wrong = duel_tools.with_row(study, rival, value, [factor * v for v in study[rival][value]])
    with pytest.raises(Wrong, match=rf"At speed = {value} the numbers of the {rival} are not what"):
        duel.mark(wrong, "")
    # Its own row; of the other rival and of other settings, only so much as shows that it is not
    # theirs.
    missing = [m for m in asked if m[0] == rival and m[1] == value]
    assert len(missing) == len(SEEDS)
    assert len(asked) <= before + 8


def test_numbers_of_other_seeds_are_refused_by_the_first_row(duel, study):
    with pytest.raises(Wrong, match="not what `check.measure` gives"):
        duel.mark(study | {"seeds": [2 * seed for seed in SEEDS]}, "")
    assert len(asked) <= 9


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda s: s | {"fox": s["hare"], "hare": s["fox"]}, "are those of the hare"),
        (lambda s: duel_tools.with_row(s, "fox", 1, s["fox"][4]), "are those of 4"),
        (lambda s: duel_tools.with_row(s, "hare", 2, s["hare"][2][::-1]), "in another order than"),
    ],
)
def test_what_was_exchanged_is_named(duel, study, change, message):
    with pytest.raises(Wrong, match=message):
        duel.mark(change(study), "")


def test_a_row_is_a_sequence():
    row = Measured(lambda seed: 10 * seed, [3, 1, 2])
    assert len(row) == 3
    assert list(row) == [30, 10, 20]
    assert row[1] == row[-2] == 10
    assert row[1:] == [10, 20]
    assert sorted(row) == [10, 20, 30]
    with pytest.raises(IndexError):
        row[3]
