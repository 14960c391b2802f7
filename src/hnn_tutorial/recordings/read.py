"""Read a recording of one's own: a CSV file of any common form, or a DataFrame."""

import difflib
import itertools
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._angles import whole_turns
from hnn_tutorial._validate import as_file, as_number, check_type, describe
from hnn_tutorial.recordings._cells import DECIMALS, NUMBER, Cells, is_missing, read_cells
from hnn_tutorial.recordings._units import ANGLE, TIME, known_unit, split_name

TIME_NAMES = {"t", "time", "zeit", "temps", "tiempo", "tempo", "timestamp", "seconds", "elapsed"}
RESTART = "restart"

Column = str | int


@dataclass(frozen=True)
class Track:
    """One trial: what was seen, and when.

    Attributes:
        name: of the trial.
        times: ``(T,)``, strictly increasing, in s.
        positions: ``(T, n)``; None if the file has velocities alone.
        velocities: ``(T, n)``; None if the file has positions alone.
    """

    name: str
    times: Tensor
    positions: Tensor | None
    velocities: Tensor | None = None

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, part: slice) -> "Track":
        """Return the rows of a slice."""
        return replace(
            self,
            times=self.times[part],
            positions=None if self.positions is None else self.positions[part],
            velocities=None if self.velocities is None else self.velocities[part],
        )


@dataclass(frozen=True)
class Observations:
    """What a file holds, in SI units where these are known.

    Attributes:
        names: of the n positions (or of the velocities, where there are no positions).
        units: of the positions, such as "rad" or "m".
        angles: which positions are angles; they are continuous, not wrapped.
        tracks: the trials.
        notes: a sentence for each decision that the reader made.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    angles: tuple[int, ...]
    tracks: tuple[Track, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(map(len, self.tracks))

    @property
    def step(self) -> float:
        """The usual time between two rows, in s: the median."""
        return float(torch.cat([track.times.diff() for track in self.tracks]).median())

    def split(self, fraction: float) -> tuple["Observations", "Observations"]:
        """Split each trial in time, so that its second part is later than its first.

        Args:
            fraction: share of the rows of each trial in the first part.

        Returns:
            ``(earlier, later)``.

        Raises:
            ValueError: if a part of a trial would be empty.
        """
        fraction = as_number("fraction", fraction)
        earlier, later = [], []
        for track in self.tracks:
            rows = math.floor(fraction * len(track) + 1e-9) if math.isfinite(fraction) else 0
            if not 0 < rows < len(track):
                raise ValueError(
                    f"fraction = {fraction} of the {len(track)} rows of trial {track.name!r} "
                    "leaves one part empty; expected a share between 0 and 1"
                )
            earlier.append(track[:rows])
            later.append(track[rows:])
        return replace(self, tracks=tuple(earlier)), replace(self, tracks=tuple(later))


def read_csv(
    path: Any,
    time: Column | None = None,
    positions: Column | Sequence[Column] | None = None,
    velocities: Column | Sequence[Column] | None = None,
    *,
    units: str | Mapping[str, str] | None = None,
    angles: Column | Sequence[Column] = (),
    trial: Column | None = None,
    delimiter: str | None = None,
    decimal: str | None = None,
    member: str | None = None,
) -> Observations:
    """Read a recording from a file of columns, or from a DataFrame.

    Comma, semicolon, tab or spaces between the columns; decimal points or commas; with or without
    a header; comments after ``#``, ``%`` or ``//``; exports of phyphox (CSV, or the zip),
    Tracker and spreadsheets. What the file leaves open, and only the reader could guess, is an
    error that says how to state it.

    A row without one of the values is a gap. Rows out of order are sorted. Equal rows count once,
    and rows with one time and different values are averaged. ``notes`` says what was done.

    Args:
        path: a file; or anything with ``columns`` whose columns are read by ``table[name]``, such
            as a pandas DataFrame.
        time: the column of times: its name, or its number counted from 1. None takes the one that
            is called "t" or "time".
        positions: the columns of the n positions. None takes what is left, if that is one column.
        velocities: those of their velocities, in the same order; None if there are none. With
            velocities and no positions, as a gyroscope gives them, ``smooth`` integrates.
        units: of columns, by name, such as ``{"theta": "deg"}``; a text holds for all positions.
            None takes those in the header, and seconds for the time. A velocity is in the
            position's unit per second, unless it has its own.
        angles: those of the positions (or velocities) that are angles. They must have a unit, and a
            jump of more than half a turn is taken for a turn.
        trial: a column that says which trial a row is of; or "restart", if each begins where the
            time goes back. None: all is one trial.
        delimiter: the sign between columns; None finds it out.
        decimal: "." or ","; None finds it out.
        member: which file of a zip to read.

    Returns:
        The observations, float64.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file or an argument that cannot be used, with line and column.
    """
    _check_signs(delimiter, decimal)
    if hasattr(path, "columns") and hasattr(path, "__getitem__"):
        cells = _from_frame(path)
    else:
        check_type((str, type(None)), "the name of a file in the zip", member=member)
        check_type((str, os.PathLike), "the name of a file, or a DataFrame", path=path)
        cells = read_cells(as_file(path), delimiter, decimal, member)
    table = _Table(cells, units)
    clock = table.time(time)
    marked = None if trial is None or trial == RESTART else table.find(trial, "trial")
    q = table.choose(positions, "positions")
    v = table.choose(velocities, "velocities")
    if not q and not v:
        q = table.what_is_left({clock, marked})
    if q and v and len(q) != len(v):
        raise ValueError(
            f"{len(q)} positions and {len(v)} velocities; expected one velocity for each position, "
            "in the same order"
        )
    main = q or v
    table.check_apart([clock, *([] if marked is None else [marked]), *q, *v])
    turning = table.angles(angles, main)
    table.note_units(positions=q, velocities=v, clock=clock, turning=turning)
    # A gyroscope's angular velocity does not wrap.
    wrapping = turning if q else ()
    blocks = table.blocks(clock, q + v, marked, wrapping, restarts=trial == RESTART)
    tracks = []
    for name, times, values in blocks:
        seen = values[:, : len(q)] if q else None
        tracks.append(Track(name, times, seen, values[:, len(q) :] if v else None))
    names = tuple(split_name(cells.names[k])[0] for k in main)
    # Without a header a column is called by its number.
    names = tuple(f"column {name}" if name.isdecimal() else name for name in names)
    return Observations(names, table.position_units(q, v), turning, tuple(tracks), table.told())


def _check_signs(delimiter: Any, decimal: Any) -> None:
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise ValueError(
            f"delimiter = {describe(delimiter)}; expected one sign, such as ';' or '\\t'"
        )
    if delimiter is not None and (delimiter.isalnum() or delimiter in "\"'.+-\n\r"):
        raise ValueError(f"delimiter = {delimiter!r} may stand in a number; expected ',' or ';'")
    if decimal is not None and not (isinstance(decimal, str) and decimal in DECIMALS):
        raise ValueError(f"decimal = {describe(decimal)}; expected '.' or ','")


def _from_frame(frame: Any) -> Cells:
    names = [str(name) for name in frame.columns]
    columns = [[_written(value) for value in frame[name]] for name in frame.columns]
    rows = [list(row) for row in zip(*columns, strict=True)]
    if not rows:
        raise ValueError("the table holds no rows; expected a time and positions in each")
    lines = list(range(1, len(rows) + 1))
    return Cells("the table", tuple(names), ("",) * len(names), rows, lines, ".")


def _written(value: Any) -> str:
    if value is None:
        return ""
    if hasattr(value, "isoformat"):
        return str(value.isoformat())
    return str(value).strip()


class _Table:
    """Columns found by name, and read as numbers in SI units; collects notes."""

    def __init__(self, cells: Cells, units: Any) -> None:
        self.cells = cells
        self.heads = [split_name(name) for name in cells.names]
        self.notes = list(cells.notes)
        check_type((str, Mapping, type(None)), "units by column, {'theta': 'deg'}", units=units)
        self.general = units if isinstance(units, str) else None
        self.stated: dict[int, str] = {}
        for name, unit in units.items() if isinstance(units, Mapping) else ():
            check_type(str, "a unit, such as 'deg'", **{f"units[{name!r}]": unit})
            self.stated[self.find(name, "units")] = unit
        self.scales: dict[int, float] = {}
        self.si: dict[int, str] = {}

    # Which columns

    def find(self, column: Any, what: str) -> int:
        """Return the index of a column, or say which there are."""
        if isinstance(column, bool) or not isinstance(column, str | int):
            raise TypeError(f"{what} is {describe(column)}; expected a column's name or number")
        names = self.cells.names
        for known in (
            [name == column for name in names],
            [short == column for short, _ in self.heads],
            [short.lower() == str(column).lower() for short, _ in self.heads],
        ):
            if sum(known) == 1:
                return known.index(True)
            if sum(known) > 1:
                numbers = " and ".join(str(k + 1) for k, same in enumerate(known) if same)
                raise ValueError(
                    f"{self.cells.where}: {what} = {column!r}, and columns {numbers} are called "
                    "that; give the number"
                )
        text = str(column)
        if text.isdecimal() and 1 <= int(text) <= len(names):
            return int(text) - 1
        close = difflib.get_close_matches(text, names, 1)
        hint = f"; did you mean {close[0]!r}" if close else ""
        raise ValueError(
            f"{self.cells.where}: {what} = {column!r} is no column{hint}. There are: {self._all()}"
        )

    def _all(self) -> str:
        return ", ".join(f"{k} {name!r}" for k, name in enumerate(self.cells.names, 1))

    def time(self, column: Any) -> int:
        """Return the column of times."""
        if column is not None:
            return self.find(column, "time")
        found = [k for k, (short, _) in enumerate(self.heads) if short.lower() in TIME_NAMES]
        if len(found) == 1:
            return found[0]
        raise ValueError(
            f"{self.cells.where}: {'no' if not found else 'more than one'} column is called time; "
            f"say which it is: time=... There are: {self._all()}"
        )

    def choose(self, columns: Any, what: str) -> list[int]:
        """Return columns that were named."""
        if columns is None:
            return []
        if isinstance(columns, str | int):
            columns = [columns]
        check_type((list, tuple), "a column's name or number, or a list of them", **{what: columns})
        if not columns:
            raise ValueError(f"{what} is empty; expected at least one column")
        return [self.find(column, what) for column in columns]

    def what_is_left(self, taken: set[int | None]) -> list[int]:
        """Return the only other column."""
        left = [k for k in range(len(self.cells.names)) if k not in taken]
        if len(left) != 1:
            raise ValueError(
                f"{self.cells.where}: which columns are positions? Say positions=[...] (or "
                f"velocities=[...] for a gyroscope). There are: {self._all()}"
            )
        return left

    def check_apart(self, chosen: Sequence[int]) -> None:
        """Raise if one column was given two meanings."""
        for k in chosen:
            if chosen.count(k) > 1:
                raise ValueError(
                    f"{self.cells.where}: the column {self.cells.names[k]!r} is given two meanings"
                )

    def angles(self, columns: Any, main: Sequence[int]) -> tuple[int, ...]:
        """Return which of the positions are angles."""
        if not isinstance(columns, str | int):
            check_type((list, tuple), "a list of columns that are angles", angles=columns)
        chosen = [columns] if isinstance(columns, str | int) else list(columns)
        found = [self.find(column, "angles") for column in chosen]
        for k in found:
            if k not in main:
                raise ValueError(
                    f"{self.cells.where}: angles name {self.cells.names[k]!r}, which is none of "
                    f"the positions {[self.cells.names[j] for j in main]}"
                )
        return tuple(sorted({list(main).index(k) for k in found}))

    # Units

    def note_units(
        self, *, positions: list[int], velocities: list[int], clock: int, turning: tuple[int, ...]
    ) -> None:
        """Find the unit of each column, and what turns it into SI."""
        self.positions = positions
        self._unit(clock, TIME, self.stated.get(clock) or self._written(clock), must=True)
        self.untold_clock = not (self.stated.get(clock) or self._written(clock))
        if self.untold_clock:
            self.notes.append("no unit of the time is stated; it was taken for seconds")
        for place, k in enumerate(positions):
            unit = self.stated.get(k) or self.general or self._written(k)
            self._unit(k, ANGLE if place in turning else "", unit, must=place in turning)
        for place, k in enumerate(velocities):
            unit = self.stated.get(k) or self._written(k)
            if not unit and not positions and self.general:
                unit = self.general
            angle = f"{ANGLE}/s" if place in turning else ""
            if unit or not positions:
                self._unit(k, angle, unit, must=bool(angle))
            else:
                self.scales[k], self.si[k] = self.scales[positions[place]], ""
            if positions and self.si[k] not in ("", f"{self.si[positions[place]]}/s"):
                raise ValueError(
                    f"{self.cells.where}: {self.cells.names[k]!r} is in {unit}, the position "
                    f"{self.cells.names[positions[place]]!r} in "
                    f"{self.si[positions[place]] or 'no unit'}; state both units: units={...}"
                )

    def _written(self, k: int) -> str:
        return self.heads[k][1] or self.cells.units[k]

    def _unit(self, k: int, wanted: str, unit: str, *, must: bool) -> None:
        name = self.cells.names[k]
        example = {TIME: "'s' or 'ms'", ANGLE: "'deg' or 'rad'", f"{ANGLE}/s": "'deg/s' or 'rad/s'"}
        known = known_unit(unit) if unit else None
        if known is None and wanted == TIME and not unit:
            known = (1.0, TIME)
        if must and (known is None or known[1] != wanted):
            said = f"has the unit {unit!r}" if unit else "has no unit"
            said += {TIME: ", which is no time"}.get(wanted, ", and it is an angle")
            raise ValueError(
                f"{self.cells.where}: {name!r} {said}; say which: units={{{name!r}: ...}}, "
                f"{example[wanted]}"
            )
        if known is None:
            self.scales[k], self.si[k] = 1.0, unit
            return
        self.scales[k], self.si[k] = known
        if known[0] != 1.0:
            self.notes.append(f"{name!r} was turned from {unit} into {known[1]}")

    def position_units(self, positions: list[int], velocities: list[int]) -> tuple[str, ...]:
        """Return the units of the positions."""
        if positions:
            return tuple(self.si[k] for k in positions)
        return tuple(self.si[k].removesuffix("/s") for k in velocities)

    # Values

    def _number(self, row: list[str], line: int, k: int) -> float:
        cell, decimal = row[k], self.cells.decimal
        if is_missing(cell):
            return math.nan
        if not NUMBER[decimal].fullmatch(cell):
            other = DECIMALS[1 - DECIMALS.index(decimal)]
            kind = "a number" if decimal == "." else "a number with a decimal comma"
            hint = f" (decimal={other!r} reads it)" if NUMBER[other].fullmatch(cell) else ""
            raise ValueError(
                f"{self.cells.where}, line {line}, column {self.cells.names[k]!r}: {cell!r}; "
                f"expected {kind}{hint}"
            )
        value = float(cell.replace(",", "."))
        if not math.isfinite(value * self.scales[k]):
            raise ValueError(
                f"{self.cells.where}, line {line}, column {self.cells.names[k]!r}: {cell!r} is too "
                "large; expected a finite number"
            )
        return value * self.scales[k]

    def _clock(self, k: int) -> list[float]:
        first = next((row[k] for row in self.cells.rows if not is_missing(row[k])), "")
        as_date = not NUMBER[self.cells.decimal].fullmatch(first) and _date(first) is not None
        start = _date(first)
        times = []
        for row, line in zip(self.cells.rows, self.cells.lines, strict=True):
            value = _seconds(row[k], start) if as_date else self._number(row, line, k)
            if value is None or math.isnan(value):
                kind = "a date and time like the first one" if as_date else "a time"
                raise ValueError(
                    f"{self.cells.where}, line {line}, column {self.cells.names[k]!r}: {row[k]!r}; "
                    f"expected {kind}"
                )
            times.append(value)
        if as_date:
            self.notes.append("dates and times were turned into seconds since the first row")
            return times
        if self.untold_clock and abs(times[0]) > 1e10:
            raise ValueError(
                f"{self.cells.where}, line {self.cells.lines[0]}, column {self.cells.names[k]!r}: "
                f"{times[0]:.0f} is no number of seconds since 1970; say its unit: "
                f"units={{{self.cells.names[k]!r}: 'ms'}}"
            )
        return times

    def blocks(
        self,
        clock: int,
        columns: list[int],
        marked: int | None,
        wrapping: tuple[int, ...],
        *,
        restarts: bool,
    ) -> list[tuple[str, Tensor, Tensor]]:
        """Return the trials as ``(name, times, values)``, in order and without gaps in the rows."""
        times = self._clock(clock)
        trials: dict[str, list[tuple[float, int, list[float]]]] = {}
        missing, number = 0, 1
        for k, (row, line, now) in enumerate(
            zip(self.cells.rows, self.cells.lines, times, strict=True)
        ):
            if restarts and k and now < times[k - 1]:
                number += 1
            name = str(number) if marked is None else row[marked]
            if is_missing(name):
                raise ValueError(
                    f"{self.cells.where}, line {line}, column {self.cells.names[marked or 0]!r}: "
                    f"{name!r}; expected the name of a trial"
                )
            values = [self._number(row, line, column) for column in columns]
            if any(map(math.isnan, values)):
                missing += 1
                continue
            trials.setdefault(name, []).append((now, line, values))
        if missing:
            rows = (
                "row lacks a value and is a gap"
                if missing == 1
                else ("rows lack a value and are gaps")
            )
            self.notes.append(f"{missing} {rows}")
        if not trials:
            raise ValueError(
                f"{self.cells.where}: no row has all of the values that were asked for"
            )
        return [(name, *self._in_order(name, rows, wrapping)) for name, rows in trials.items()]

    def _in_order(
        self, name: str, rows: list[tuple[float, int, list[float]]], wrapping: tuple[int, ...]
    ) -> tuple[Tensor, Tensor]:
        starts = [0, *(k for k in range(1, len(rows)) if rows[k][0] < rows[k - 1][0]), len(rows)]
        runs = [rows[i:j] for i, j in itertools.pairwise(starts)]
        long = sorted((run for run in runs if len(run) > 3), key=lambda run: run[0][0])
        for one, other in itertools.pairwise(long):
            if one[-1][0] > other[0][0]:
                late = max(one, other, key=lambda run: run[0][1])[0]
                before = rows[next(k for k, row in enumerate(rows) if row[1] == late[1]) - 1]
                raise ValueError(
                    f"{self.cells.where}, line {late[1]}: the time goes back from {before[0]:g} s "
                    f"to {late[0]:g} s, among times that were there. If another trial begins "
                    "there, say trial='restart', or name the column that tells the trials apart: "
                    "trial=..."
                )
        if len(runs) > 1:
            self.notes.append("the rows were not in the order of their times; they were sorted")
        rows = sorted(rows, key=lambda row: row[0])
        # Before rows of one time are averaged: the mean of π and −π would be 0.
        self._unwrap([values for _, _, values in rows], wrapping, name)
        self._warn_of_turns([values for _, _, values in rows], wrapping)
        merged, repeated, averaged = [], 0, 0
        for now, group in itertools.groupby(rows, key=lambda row: row[0]):
            same = [values for _, _, values in group]
            different = [v for k, v in enumerate(same) if v not in same[:k]]
            repeated += len(same) - len(different)
            averaged += len(different) > 1
            merged.append((now, [sum(v) / len(v) for v in zip(*different, strict=True)]))
        if repeated:
            self.notes.append(f"{repeated} equal row{'s' * (repeated > 1)} counted once")
        if averaged:
            self.notes.append(
                f"{averaged} time{'s' * (averaged > 1)} had several rows, which were averaged"
            )
        if len(merged) < 3:
            raise ValueError(
                f"{self.cells.where}: trial {name!r} has {len(merged)} different times; expected "
                "at least 3"
            )
        times = torch.tensor([now for now, _ in merged], dtype=torch.float64)
        return times, torch.tensor([values for _, values in merged], dtype=torch.float64)

    def _unwrap(self, rows: list[list[float]], wrapping: tuple[int, ...], trial: str) -> None:
        """Let angles pass through half a turn without a jump, in place."""
        turns = whole_turns(torch.tensor(rows, dtype=torch.float64), wrapping)
        for row, off in zip(rows, turns.tolist(), strict=True):
            row[:] = [value + math.tau * n for value, n in zip(row, off, strict=True)]
        for k in wrapping:
            count = int((turns[:, k].diff() != 0).sum())
            if count:
                self.notes.append(
                    f"{count} jump{'s' * (count > 1)} of an angle by more than half a turn "
                    f"{'were' if count > 1 else 'was'} taken for turns (trial {trial!r})"
                )

    def _warn_of_turns(self, rows: list[list[float]], wrapping: tuple[int, ...]) -> None:
        """Note positions that jump like an angle that was not said to be one."""
        for place, k in enumerate(self.positions):
            if place in wrapping or self.si[k] not in ("", ANGLE):
                continue
            column = [row[place] for row in rows]
            jump = max((abs(b - a) for a, b in itertools.pairwise(column)), default=0.0)
            extent = max(column) - min(column)
            whole = next((w for w in (2 * math.pi, 360.0) if w / 2 < extent <= 1.001 * w), None)
            if whole and jump > 0.75 * whole:
                self.notes.append(
                    f"{self.cells.names[k]!r} jumps by {jump:.3g}, nearly a whole turn; if it is "
                    f"an angle, say angles=[{self.cells.names[k]!r}]"
                )

    def told(self) -> tuple[str, ...]:
        """Return the notes, each once."""
        return tuple(dict.fromkeys(self.notes))


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _seconds(text: str, start: datetime | None) -> float | None:
    """Return the seconds since a start; None if it is no date like that one."""
    date = _date(text)
    # A date with a time zone and one without cannot be compared.
    if date is None or start is None or (date.tzinfo is None) != (start.tzinfo is None):
        return None
    return (date - start).total_seconds()
