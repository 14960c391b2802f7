"""What a learner hands in for an open task: settings, seeds, words and errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from hnn_tutorial.check.answers import Wrong, as_tensor, expect, number, table


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
    value: Any, key: str, values: Iterable[float], seeds: Sequence[int]
) -> dict[float, list[float]]:
    """An error for each setting and seed, or the message which is missing or no number.

    Args:
        value: a learner's dict of lists.
        key: its name in `study`.
        values: the settings.
        seeds: of the errors of a setting.
    """
    found = {}
    for setting, row in table(value, values, f'study["{key}"]').items():
        what = f'`study["{key}"][{setting:g}]`'
        row = list(row.values()) if isinstance(row, Mapping) else row
        expect(
            isinstance(row, list | tuple) or getattr(row, "ndim", 0) == 1,
            f"{what} should be a list with one error for each seed.",
        )
        expect(
            len(row) == len(seeds),
            f"{what} has {len(row)} errors for {len(seeds)} seeds: give one for each seed.",
        )
        found[setting] = [number(entry, f"An entry of {what}") for entry in row]
    return found


def refuse(
    got: list[float],
    right: Mapping[float, list[float]],
    value: float,
    where: str,
    *,
    agrees: Callable[[list[float], list[float]], bool],
    cures: Iterable[tuple[Callable[[float], float], str]],
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
        expect(not agrees([cure(v) for v in got], wanted), f"{where} are {name}.")
    k = max(range(len(wanted)), key=lambda i: off(got[i], wanted[i]))
    raise Wrong(
        f"{where} are not what `check.measure` gives: yours are "
        f"{', '.join(f'{v:.3g}' for v in got)}; the worst is {got[k]:.3g}, where it gives "
        f"{wanted[k]:.3g}."
    )
