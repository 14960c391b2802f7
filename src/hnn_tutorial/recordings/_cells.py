"""From a file to a table of texts: encoding, delimiter, decimal sign, header, comments.

What can be read in two ways is refused, with a line that says how to state which is meant.
"""

import csv
import io
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hnn_tutorial.recordings._units import known_unit

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", " ": "space"}
DECIMALS = (".", ",")
MISSING = {"", "-", "--", "na", "n/a", "nan", "null", "none", "#n/a"}
COMMENT = re.compile(r"\s*(#|%|//)")
DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
NUMBER = {
    ".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"),
    ",": re.compile(r"[+-]?(\d+,?\d*|,\d+)([eE][+-]?\d+)?"),
}
GROUPED = {sign: re.compile(rf"[+-]?[1-9]\d{{0,2}}(\{sign}\d{{3}})+") for sign in DECIMALS}


@dataclass(frozen=True)
class Cells:
    """A table of texts.

    Attributes:
        where: the file, for messages.
        names: of the columns; "1", "2", ... in a file without a header.
        units: that a second line of the header states, or empty texts.
        rows: the cells, as many in each row as there are names.
        lines: of the file, one for each row.
        decimal: the decimal sign, a point or a comma.
        notes: what was decided here, for the reader to see.
    """

    where: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    decimal: str
    notes: tuple[str, ...] = ()


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no value."""
    return cell.lower() in MISSING


def read_text(path: Path, member: str | None) -> tuple[str, str, list[str]]:
    """Return the text of a file, or of one in a zip; how messages call it; and notes."""
    content, where = path.read_bytes(), str(path)
    if content[:4] == b"PK\x03\x04":
        content, where = _unzip(path, content, member)
    elif member is not None:
        raise ValueError(f"{path} is no zip file; member = {member!r} is for those alone")
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encoding = "utf-16"
    elif b"\0" in content:
        raise ValueError(f"{where}: holds zero bytes, so it is no text; export it as CSV")
    else:
        encoding = "utf-8-sig"
    try:
        return content.decode(encoding), where, []
    except UnicodeDecodeError:
        # What spreadsheets on Windows wrote before; every byte is some letter of it.
        note = "the file is not UTF-8; its letters were read as Windows-1252"
        return content.decode("cp1252", errors="replace"), where, [note]


def _unzip(path: Path, content: bytes, member: str | None) -> tuple[bytes, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if any(name.startswith("xl/") for name in names):
                raise ValueError(f"{path} is a spreadsheet; save its sheet as CSV")
            # phyphox keeps what it knows of the telephone beside the data.
            tables = [
                name
                for name in names
                if name.lower().endswith((".csv", ".txt", ".tsv")) and not name.startswith("meta/")
            ]
            wanted = tables if member is None else [name for name in names if name == member]
            if len(wanted) != 1:
                listed = ", ".join(map(repr, tables)) or "no table"
                raise ValueError(
                    f"{path} is a zip file that holds {listed}; say which one to read: "
                    "member='NAME' (in the command: --member NAME)"
                )
            return archive.read(wanted[0]), f"{path}, {wanted[0]}"
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is a damaged zip file ({error})") from None


def read_cells(path: Path, delimiter: str | None, decimal: str | None, member: str | None) -> Cells:
    """Return the table that a file holds.

    Args:
        path: the file.
        delimiter: between two cells; None finds it out.
        decimal: the decimal sign; None finds it out.
        member: of a zip file.

    Raises:
        ValueError: if there is no table, or it can be read in two ways.
    """
    text, where, notes = read_text(path, member)
    # Not splitlines, which divides at signs that no editor counts as the end of a line.
    lines = re.split(r"\r\n|\n|\r", text)
    if lines and re.fullmatch("sep=.", lines[0].strip(), re.IGNORECASE):
        # A spreadsheet's own way to state it.
        delimiter, lines[0] = delimiter or lines[0].strip()[-1], ""
    kept = [(k, line) for k, line in enumerate(lines, 1) if line.strip()]
    comments = [(k, line) for k, line in kept if COMMENT.match(line)]
    kept = [(k, line) for k, line in kept if not COMMENT.match(line)]
    if not kept:
        raise ValueError(f"{where}: holds no line of numbers; expected a table with a time column")
    if delimiter is None:
        delimiter = _find_delimiter(kept, where)
    table = [(k, _split(line, delimiter, f"{where}, line {k}")) for k, line in kept]
    table = [(k, cells) for k, cells in table if any(cells)]
    first = _first_row(table)
    if first is None:
        raise ValueError(
            f"{where}: no line holds two numbers between {DELIMITERS.get(delimiter, delimiter)}s; "
            "expected a table with a time column (delimiter=... states another sign)"
        )
    rows = [cells for _, cells in table[first:]]
    numbers = [k for k, _ in table[first:]]
    heads = [cells for _, cells in table[:first]]
    if not heads:
        heads = _commented_head(comments, numbers[0], len(rows[0]), delimiter)
    names, units, header = _header(heads, rows)
    rows, width = _same_width(rows, numbers, names, header, delimiter, where)
    names, units = names[:width], units[:width]
    if decimal is None:
        decimal, note = _find_decimal(rows, numbers, names, delimiter, where)
        notes += [note] if note else []
    if delimiter == decimal and not any(decimal in cell for row in rows for cell in row):
        raise ValueError(
            f"{where}: {DELIMITERS[delimiter]}s divide its columns, so numbers with decimal commas "
            "must stand in quotes, and none does"
        )
    return Cells(where, names, units, rows, numbers, decimal, tuple(notes))


def _split(line: str, delimiter: str, where: str) -> list[str]:
    if delimiter == " ":
        cells = [a or b for a, b in re.findall(r'"([^"]*)"|(\S+)', line)]
    else:
        try:
            cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        except csv.Error as error:
            raise ValueError(f"{where}: no row of a CSV file ({error})") from None
    return [cell.strip().strip("'\"").strip() for cell in cells]


def _is_number(cell: str) -> bool:
    return any(pattern.fullmatch(cell) for pattern in NUMBER.values())


def _is_value(cell: str) -> bool:
    return _is_number(cell) or DATE.fullmatch(cell) is not None


def _is_row(cells: Sequence[str]) -> bool:
    """Whether these are values, not names: two numbers at least, as many as there are words."""
    numbers = sum(map(_is_value, cells))
    words = sum(not is_missing(cell) and not _is_value(cell) for cell in cells)
    return numbers >= 2 and numbers >= words


def _find_delimiter(lines: Sequence[tuple[int, str]], where: str) -> str:
    """Return the sign by which most cells are numbers; two equally good ones are an error."""
    scores = {}
    sample = lines[:2000]
    for delimiter in DELIMITERS:
        good = total = rows = 0
        for number, line in sample:
            if delimiter not in line and not (delimiter == " " and "\t" in line):
                continue
            cells = _split(line, delimiter, f"{where}, line {number}")
            numbers = sum(map(_is_value, cells))
            if numbers >= 2:
                good, rows = good + numbers + sum(map(is_missing, cells)), rows + 1
            total += len(cells) if rows else 0  # not of the lines above the first row
        if rows >= max(1, len(sample) // 3):
            scores[delimiter] = good / total
    if not scores:
        raise ValueError(
            f"{where}: no comma, semicolon, tab or space divides its lines into numbers; expected "
            "a table with a time column"
        )
    best = max(scores.values())
    # Spaces are common beside other signs, so they count only where these do much worse.
    if max((score for sign, score in scores.items() if sign != " "), default=0) > 0.9 * best:
        scores.pop(" ", None)
        best = max(scores.values())
    winners = [delimiter for delimiter, score in scores.items() if score > best - 0.02]
    if len(winners) > 1:
        signs = " or ".join(DELIMITERS[delimiter] for delimiter in winners)
        choice = " or ".join(f"delimiter={delimiter!r}" for delimiter in winners)
        raise ValueError(f"{where}: its columns may be divided by {signs}; say which: {choice}")
    return winners[0]


def _commented_head(
    comments: Sequence[tuple[int, str]], first: int, width: int, delimiter: str
) -> list[list[str]]:
    """Return the names that stand in a comment above the numbers, as NumPy writes them."""
    above = [line for number, line in comments if number < first]
    if not above:
        return []
    text = COMMENT.sub("", above[-1]).strip()
    for sign in (delimiter, ",", " "):
        cells = _split(text, sign, "") if text else []
        if len(cells) == width and not any(map(_is_number, cells)):
            return [cells]
    return []


def _first_row(table: Sequence[tuple[int, list[str]]]) -> int | None:
    return next((k for k, (_, cells) in enumerate(table) if _is_row(cells)), None)


def _header(
    heads: Sequence[list[str]], rows: Sequence[list[str]]
) -> tuple[tuple[str, ...], tuple[str, ...], bool]:
    """Return names and units of the columns, and whether there is a header."""
    width = max(map(len, rows))
    if not heads:
        return tuple(str(k + 1) for k in range(width)), ("",) * width, False
    names, units = heads[-1], [""] * len(heads[-1])
    filled = [cell.strip("[]() ") for cell in names]
    named = [cell for cell in filled if cell]
    if len(heads) > 1 and named and all(known_unit(cell) for cell in named):
        names, units = heads[-2], filled
    units += [""] * (len(names) - len(units))
    return tuple(names), tuple(units[: len(names)]), True


def _same_width(
    rows: list[list[str]],
    lines: Sequence[int],
    names: Sequence[str],
    header: bool,
    delimiter: str,
    where: str,
) -> tuple[list[list[str]], int]:
    """Return rows that are all as wide as the header, without empty columns at the end."""
    width = len(names)
    while header and width > 1 and not names[width - 1] and _empty_from(rows, width - 1):
        width -= 1
    if not header:
        _check_not_decimal(rows, lines, delimiter, where)
        counts = [len(row) for row in rows]
        width = max(set(counts), key=counts.count)
    for line, row in zip(lines, rows, strict=True):
        if len(row) == width or (len(row) > width and not any(row[width:])):
            continue
        if header and delimiter == "," and len(row) == 2 * width and all(map(_is_number, row)):
            raise ValueError(
                f"{where}, line {line}: {len(row)} numbers below {width} names; the commas seem "
                "to stand both between columns and in numbers. Export with semicolons, or with "
                "decimal points"
            )
        # Spreadsheets leave out empty cells at the end of a row. A short last line is a file that
        # was cut off.
        cut_off = line == lines[-1] or not all(map(_is_value, row))
        if header and 2 <= len(row) < width and delimiter != " " and not cut_off:
            continue
        found = "1 cell" if len(row) == 1 else f"{len(row)} cells"
        raise ValueError(
            f"{where}, line {line}: {found}; expected {width}: {', '.join(names[:width])}"
        )
    return [(row + [""] * width)[:width] for row in rows], width


def _check_not_decimal(
    rows: Sequence[list[str]], lines: Sequence[int], delimiter: str, where: str
) -> None:
    """Raise where whole numbers between commas look like halves of numbers: 0,05,1,20."""
    if delimiter != "," or any("." in cell for row in rows for cell in row):
        return
    for line, row in zip(lines, rows, strict=True):
        if half := next((cell for cell in row if re.fullmatch(r"0\d+", cell)), None):
            raise ValueError(
                f"{where}, line {line}: {half!r} looks like the second half of a number with a "
                "decimal comma. Export with semicolons, or with decimal points"
            )


def _empty_from(rows: Sequence[list[str]], column: int) -> bool:
    return not any(any(row[column:]) for row in rows)


def _find_decimal(
    rows: Sequence[list[str]],
    lines: Sequence[int],
    names: Sequence[str],
    delimiter: str,
    where: str,
) -> tuple[str, str]:
    """Return the decimal sign, and a note; both signs, or a doubtful one, are an error."""
    found: dict[str, list[tuple[int, str, str]]] = {".": [], ",": []}
    for line, row in zip(lines, rows, strict=True):
        for name, cell in zip(names, row, strict=True):
            for sign in DECIMALS:
                if sign in cell and NUMBER[sign].fullmatch(cell):
                    found[sign].append((line, name, cell))
    if found["."] and found[","]:
        (a, name, point), (b, other, comma) = found["."][0], found[","][0]
        raise ValueError(
            f"{where}: {name!r} in line {a} is {point!r}, {other!r} in line {b} is {comma!r}; "
            "expected one decimal sign in all of the file. Export it anew, or say decimal='.' or "
            "decimal=','"
        )
    sign = "," if found[","] else "."
    doubtful = sign == "," or delimiter == ";"
    if doubtful and found[sign] and all(GROUPED[sign].fullmatch(c) for *_, c in found[sign]):
        line, name, cell = found[sign][0]
        raise ValueError(
            f"{where}, line {line}: {name!r} is {cell!r}, which may be "
            f"{cell.replace(sign, '.')} or {cell.replace(sign, '')}; say decimal={sign!r} if it is "
            "the former, and export without signs between thousands if it is the latter"
        )
    return sign, "commas were read as decimal signs" if sign == "," else ""
