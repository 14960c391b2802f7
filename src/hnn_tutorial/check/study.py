"""What a learner hands in for an open task: settings, seeds, words and errors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from hnn_tutorial.check.answers import Wrong, as_tensor, expect, number, score, table

Cure = tuple[Callable[[float], float], str]
"""What makes a number right that was written in another way, and the way's name."""

Agrees = Callable[[Sequence[float], Sequence[float]], bool]
"""Whether numbers are near enough to those that the check measured, asked for one by one."""

SQUARED: Cure = (lambda v: abs(v) ** 0.5, "the squares of the right ones")
ROOTS: Cure = (lambda v: v**2, "the roots of the right ones")
LOGARITHMS: Cure = (lambda v: 10**v, "the logarithms of the right ones")
NEGATED: Cure = (lambda v: -v, "the right ones with the wrong sign")


def choice(value: Any, key: str, choices: Iterable[str]) -> str:
    """What was chosen, or the message what may be.

    Args:
        value: a learner's word, in any case.
        key: its name in `study`.
        choices: the words.
    """
    word = value.strip().casefold() if isinstance(value, str) else value
    expect(
        isinstance(word, str) and word in choices,
        f'`study["{key}"]` is {word!r}; choose one of: {", ".join(map(repr, choices))}.',
    )
    return word


def settings(value: Any, varied: str, limits: tuple[float, float]) -> list[float]:
    """The settings that were tried, or the message what is wrong with them.

    Args:
        value: a learner's list of numbers.
        varied: what is set.
        limits: the least and the largest that is allowed.
    """
    values = as_tensor(value)
    expect(
        values is not None and values.ndim == 1 and len(values) >= 1,
        '`study["values"]` should be a list of numbers, the settings that you tried.',
    )
    found = [number(v, 'An entry of `study["values"]`') for v in values]  # type: ignore[union-attr]
    low, high = limits
    expect(
        all(low <= v <= high for v in found),
        f"A setting of {varied} is outside {low:g} to {high:g}: {found}.",
    )
    expect(len(set(found)) == len(found), "A setting stands twice in `values`.")
    return found


def seeds(value: Any, again: str) -> list[int]:
    """The seeds that were tried, or the message what is wrong with them.

    Args:
        value: a learner's list of whole numbers.
        again: what the check does for each of them, such as "fits everything again".
    """
    values = as_tensor(value)
    expect(
        values is not None
        and values.ndim == 1
        and len(values) >= 1
        and all(float(v).is_integer() and v >= 0 for v in values),
        '`study["seeds"]` should be a list of whole numbers.',
    )
    found = [int(v) for v in values]  # type: ignore[union-attr]
    expect(
        len(set(found)) == len(found),
        "A seed stands twice in `seeds`, and the same seed gives the same numbers.",
    )
    expect(len(found) <= 10, f"Ten seeds are enough; the check {again}.")
    return found


def words(
    value: Any, key: str, values: Iterable[float], verdicts: Iterable[str]
) -> dict[float, str]:
    """One of the verdicts for each setting, or the message which is none.

    Args:
        value: a learner's dict.
        key: its name in `study`.
        values: the settings.
        verdicts: what may be said, in any case.
    """
    plain = {word.casefold(): word for word in verdicts}
    given = table(value, values, f'study["{key}"]')
    for setting, word in given.items():
        expect(
            isinstance(word, str) and word.strip().casefold() in plain,
            f'`study["{key}"][{setting:g}]` is {word!r}; choose one of: '
            f"{', '.join(map(repr, plain.values()))}.",
        )
    return {setting: plain[word.strip().casefold()] for setting, word in given.items()}


def errors(
    value: Any, key: str, values: Iterable[float], seeds: Sequence[int], noun: str = "error"
) -> dict[float, list[float]]:
    """An error for each setting and seed, or the message which is missing or no number.

    Args:
        value: a learner's dict of lists.
        key: its name in `study`.
        values: the settings.
        seeds: of the errors of a setting.
        noun: what they are, where they are no errors.
    """
    found = {}
    for setting, row in table(value, values, f'study["{key}"]').items():
        what = f'`study["{key}"][{setting:g}]`'
        row = list(row.values()) if isinstance(row, Mapping) else row
        expect(
            isinstance(row, list | tuple) or getattr(row, "ndim", 0) == 1,
            f"{what} should be a list with one {noun} for each seed.",
        )
        expect(
            len(row) == len(seeds),
            f"{what} has {len(row)} {noun}s for {len(seeds)} seeds: give one for each seed.",
        )
        found[setting] = [number(entry, f"An entry of {what}") for entry in row]
    return found


class Measured(Sequence[float]):
    """A number for each seed, measured when it is asked for.

    Args:
        measure: ``(seed=...) -> number``; it remembers what it measured.
        seeds: of the numbers.
    """

    def __init__(self, measure: Callable[..., float], seeds: Sequence[int]) -> None:
        self._measure, self._seeds = measure, seeds

    def __len__(self) -> int:
        return len(self._seeds)

    def __getitem__(self, k: Any) -> Any:
        seeds = self._seeds[k]
        if isinstance(seeds, int):
            return self._measure(seed=seeds)
        return [self._measure(seed=seed) for seed in seeds]


def measured(
    measure: Callable[..., float],
    rivals: Iterable[str],
    usual: Mapping[str, Any],
    varied: str,
    values: Sequence[float],
    seeds: Sequence[int],
) -> dict[str, dict[float, Sequence[float]]]:
    """What the check measures itself: for each rival, at each setting, a number for each seed.

    A number is measured when it is asked for, so a wrong one is told before all are measured.

    Args:
        measure: ``(rival, **settings, seed=...) -> number``; it remembers what it measured.
        rivals: what is compared.
        usual: the settings that are not varied.
        varied: the one that is.
        values: what it is set to.
        seeds: of the numbers of a setting.
    """
    return {
        rival: {
            value: Measured(partial(measure, rival, **{**usual, varied: value}), seeds)
            for value in values
        }
        for rival in rivals
    }


def refuse(
    got: Sequence[float],
    right: Mapping[float, Sequence[float]],
    value: float,
    where: str,
    *,
    agrees: Agrees,
    cures: Iterable[Cure],
    off: Callable[[float, float], float],
) -> None:
    """Say why errors are not those that the check measured.

    Args:
        got: a learner's errors at a setting.
        right: those that were measured, at every setting.
        value: the setting.
        where: how a message begins.
        agrees: whether errors are near enough to others.
        cures: what makes errors right that were written in another way, and the way's name.
        off: how far an error is from the right one; the worst is shown.

    Raises:
        Wrong: always.
    """
    wanted = right[value]
    for setting, row in right.items():
        expect(not agrees(got, row), f"{where} are those of {setting:g}.")
    expect(not agrees(sorted(got), sorted(wanted)), f"{where} are in another order than the seeds.")
    for cure, name in cures:
        expect(not agrees([_cured(cure, v) for v in got], wanted), f"{where} are {name}.")
    k = max(range(len(wanted)), key=lambda i: off(got[i], wanted[i]))
    raise Wrong(
        f"{where} are not what `check.measure` gives: yours are "
        f"{', '.join(f'{v:.3g}' for v in got)}; the worst is {got[k]:.3g}, where it gives "
        f"{wanted[k]:.3g}."
    )


def _cured(cure: Callable[[float], float], v: float) -> float:
    try:
        return cure(v)
    except OverflowError:
        return math.inf


def winner(first: Sequence[float], second: Sequence[float], rivals: Sequence[str]) -> str:
    """Which of two rivals is smaller at four of five seeds at least, or "undecided".

    Args:
        first: a number of the first rival for each seed.
        second: likewise.
        rivals: the two.
    """
    wins = sum(a < b for a, b in zip(first, second, strict=True))
    if wins >= 0.8 * len(first):
        return rivals[0]
    return rivals[1] if wins <= 0.2 * len(first) else "undecided"


def smaller(who: str) -> Callable[[Sequence[tuple[float, float]]], str]:
    """How often the first rival has the smaller error, in words."""

    def said(rows: Sequence[tuple[float, float]]) -> str:
        wins = sum(a < b for a, b in rows)
        return f"{who} has the smaller error for {wins} of {len(rows)} seeds"

    return said


def within(factor: float, rounding: float = 0.0) -> Agrees:
    """Numbers that agree to a factor, or are both below what training or rounding leaves."""

    def agrees(given: Sequence[float], wanted: Sequence[float]) -> bool:
        return all(
            b / factor <= a <= factor * b or (0 <= a < rounding and b < rounding)
            for a, b in zip(given, wanted, strict=True)
        )

    return agrees


@dataclass(frozen=True)
class Duel:
    """An open task: two rivals, measured at several settings of one thing.

    Attributes:
        measure: ``(rival, **settings, seed=...) -> number``.
        rivals: the two, by the words that a learner writes.
        usual: what settings there are, and the values of those that are not varied.
        limits: of each setting, the least and the largest.
        verdict: from the two rivals' numbers for each seed to a rival or "undecided".
        agrees: another machine may round differently.
        cures: ways in which numbers are often written.
        outcome: from the pairs of numbers at a setting to how often which rival is ahead, in words.
        differ: how the rubric goes on after "two settings at which the answers differ".
        again: what the check does for each seed, such as "trains all networks again".
        sides: what the rivals are, in the plural.
        times: how many times the smallest setting the largest has to be.
        whole: settings that are whole numbers.
        noun: what the numbers are.
        label: how a message names a rival.
        off: how far a number is from the right one.
        before: refuses numbers before other settings are compared: ``(got, wanted, where)``.
    """

    measure: Callable[..., float]
    rivals: tuple[str, str]
    usual: Mapping[str, Any]
    limits: Mapping[str, tuple[float, float]]
    verdict: Callable[[list[float], list[float]], str]
    agrees: Agrees
    cures: tuple[Cure, ...]
    outcome: Callable[[Sequence[tuple[float, float]]], str]
    differ: str = ""
    again: str = "trains all networks again"
    sides: str = "models"
    times: int = 4
    whole: tuple[str, ...] = ()
    noun: str = "error"
    label: Callable[[str], str] = "the {}".format
    off: Callable[[float, float], float] = lambda a, b: abs(a - b) / b
    before: Callable[[Sequence[float], Sequence[float], str], None] | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """What a learner hands in."""
        return ("varied", "values", "seeds", "prediction", *self.rivals, "conclusion")

    @property
    def verdicts(self) -> tuple[str, ...]:
        """The words for each setting."""
        return (*self.rivals, "undecided")

    def mark(self, answer: Any, lesson: str) -> str:
        """Measure a learner's study again and score it by the rubric; what to say if it is right.

        Args:
            answer: the learner's dict.
            lesson: what the message ends with.
        """
        study = table(answer, self.keys, "study")
        varied = choice(study["varied"], "varied", self.usual)
        values = settings(study["values"], varied, self.limits[varied])
        if varied in self.whole:
            expect(all(v == int(v) for v in values), f"Numbers of {varied} are whole numbers.")
            values = [int(v) for v in values]
        tried = seeds(study["seeds"], self.again)
        prediction = words(study["prediction"], "prediction", values, self.verdicts)
        conclusion = words(study["conclusion"], "conclusion", values, self.verdicts)
        given = {r: errors(study[r], r, values, tried, self.noun) for r in self.rivals}
        right = measured(self.measure, self.rivals, self.usual, varied, values, tried)
        for rival in self.rivals:
            for value in values:
                self._compare(given[rival][value], right, rival, value, varied)

        rule = {v: self.verdict(*(given[rival][v] for rival in self.rivals)) for v in values}
        low, high = min(values), max(values)
        rubric = [
            (len(tried) >= 5, f"five seeds or more, the same for both {self.sides}"),
            (len(values) >= 3, "three settings or more of the one thing that is varied"),
            (low == 0 or high >= self.times * low, "a wide range: the largest setting at least "
             f"{('three', 'four')[self.times - 3]} times the smallest, or a control at zero"),
            (len(set(rule.values())) > 1, f"two settings at which the answers differ{self.differ}"),
            (conclusion == rule, "conclusions that follow from your numbers by the rule (four of "
             "five seeds)"),
        ]  # fmt: skip
        hint = ""
        for value in [v for v in values if conclusion[v] != rule[v]][:1]:
            rows = list(zip(*(given[rival][value] for rival in self.rivals), strict=True))
            hint = (
                f" At {varied} = {value:g} {self.outcome(rows)}, and you conclude "
                f"{conclusion[value]!r}."
            )
        score(rubric, hint=hint)
        guessed = sum(prediction[v] == rule[v] for v in values)
        return (
            f"All {len(rubric)} points of the rubric, and every number measured again. {guessed} "
            f"of your {len(values)} predictions came true. {lesson}"
        )

    def _compare(
        self,
        got: list[float],
        right: Mapping[str, Mapping[float, Sequence[float]]],
        rival: str,
        value: float,
        varied: str,
    ) -> None:
        """Expect what was measured here."""
        wanted = right[rival][value]
        if self.agrees(got, wanted):
            return
        other = self.rivals[1 - self.rivals.index(rival)]
        where = f"At {varied} = {value:g} the numbers of {self.label(rival)}"
        swapped = self.agrees(got, right[other][value])
        expect(not swapped, f"{where} are those of {self.label(other)}.")
        if self.before:
            self.before(got, wanted, where)
        refuse(
            got,
            right[rival],
            value,
            where,
            agrees=self.agrees,
            cures=self.cures,
            off=self.off,
        )
