"""Recordings of one's own: every common form of a file, and the line that a bad one gets."""

import csv
import io
import math
import zipfile
from types import SimpleNamespace

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from hnn_tutorial.recordings import read_csv

PLAIN = "t (s),x (m)\n0.0,1.5\n0.1,2.5\n0.2,3.5\n0.3,4.0\n"


@pytest.fixture
def read(tmp_path):
    """Write a text or bytes to a file, and read it."""

    def read_text(content, name="swing.csv", **options):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_csv(path, **options)

    return read_text


def seen(observations):
    """Return the first trial's times and first position as lists."""
    track = observations.tracks[0]
    return track.times.tolist(), track.positions[:, 0].tolist()


@pytest.mark.parametrize(
    "content, options",
    {
        "comma": (PLAIN, {}),
        "semicolon": (PLAIN.replace(",", ";"), {}),
        "tab": (PLAIN.replace(",", "\t"), {}),
        "decimal comma": (PLAIN.replace(",", ";").replace(".", ","), {}),
        "decimal comma, tab": (PLAIN.replace(",", "\t").replace(".", ","), {}),
        "decimal comma in quotes": (
            PLAIN.split("\n", 1)[0] + '\n"0,0","1,5"\n"0,1","2,5"\n"0,2","3,5"\n"0,3","4,0"\n',
            {},
        ),
        "quoted": ('"t (s)","x (m)"\n"0.0","1.5"\n"0.1","2.5"\n"0.2","3.5"\n"0.3","4.0"\n', {}),
        "spaces": ("t[s] x[m]\n" + PLAIN.split("\n", 1)[1].replace(",", "  "), {}),
        "byte order mark": ("\ufeff" + PLAIN, {}),
        "UTF-16": (PLAIN.encode("utf-16"), {}),
        "Windows lines": (PLAIN.replace("\n", "\r\n"), {}),
        "old Mac lines": (PLAIN.replace("\n", "\r"), {}),
        "comments": ("# a swing\n% of mine\n" + PLAIN.replace("\n0.2", "\n# jolt\n\n0.2"), {}),
        "names in a comment": (
            "# t x\n" + PLAIN.split("\n", 1)[1].replace(",", " "),
            {"units": "m"},
        ),
        "two lines of header": ("t,x\ns,m\n" + PLAIN.split("\n", 1)[1], {}),
        "sep=": ("sep=;\n" + PLAIN.replace(",", ";"), {}),
        "no header": (PLAIN.split("\n", 1)[1], {"time": 1, "positions": 2, "units": "m"}),
        "empty columns": (PLAIN.replace("\n", ",,\n"), {}),
        "empty rows": (PLAIN.replace("\n0.2", "\n,\n0.2"), {}),
        "unsorted": ("t (s),x (m)\n0.2,3.5\n0.0,1.5\n0.3,4.0\n0.1,2.5\n", {}),
        "newest first": ("t (s),x (m)\n0.3,4.0\n0.2,3.5\n0.1,2.5\n0.0,1.5\n", {}),
        "a row twice": (PLAIN.replace("0.2,3.5\n", "0.2,3.5\n0.2,3.5\n"), {}),
        "a time twice": (PLAIN.replace("0.2,3.5\n", "0.2,3.0\n0.2,4.0\n"), {}),
        "an empty cell": (PLAIN.replace("0.2,3.5\n", "0.15,\n0.2,3.5\n"), {}),
        "NaN": (PLAIN.replace("0.2,3.5\n", "0.15,NaN\n0.2,3.5\n"), {}),
        "milliseconds": ("t (ms),x (cm)\n0,150\n100,250\n200,350\n300,400\n", {}),
        "dates": (
            "time,x\n"
            + "".join(f"2026-05-01T12:00:00.{k},{x}\n" for k, x in enumerate((1.5, 2.5, 3.5, 4.0))),
            {"units": "m"},
        ),
        "many columns": (
            "n,t (s),x (m),y (m)\n1,0.0,1.5,0\n2,0.1,2.5,0\n3,0.2,3.5,0\n4,0.3,4.0,0\n",
            {"positions": "x"},
        ),
    }.values(),
    ids=lambda value: None if isinstance(value, dict) else value[:20].strip() or None,
)
def test_one_table_in_every_form(read, content, options):
    found = read(content, **options)
    times, x = seen(found)
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3], abs=1e-12)
    assert x == pytest.approx([1.5, 2.5, 3.5, 4.0], abs=1e-12)
    assert found.units == ("m",)
    assert len(found) == 4


def test_what_was_decided_is_said(read):
    text = "t;angle (deg)\n0,0;170\n0,1;179\n0,2;-171\n0,2;-171\n0,4;\n0,3;-160\n0,5;-150\n"
    found = read(text, angles="angle")
    assert found.notes == (
        "commas were read as decimal signs",
        "no unit of the time is stated; it was taken for seconds",
        "'angle (deg)' was turned from deg into rad",
        "1 row lacks a value and is a gap",
        "1 jump of an angle by more than half a turn was taken for turns (trial '1')",
        "1 equal row counted once",
    )
    assert found.tracks[0].positions[:, 0].rad2deg().tolist() == pytest.approx(
        [170, 179, 189, 200, 210]
    )
    assert found.tracks[0].times.tolist() == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.5])
    # Not said to be an angle, it is left alone, and the jump is pointed at.
    (*_, last) = read("t,x\n0,170\n1,179\n2,-171\n3,-160\n").notes
    assert last == "'x' jumps by 350, nearly a whole turn; if it is an angle, say angles=['x']"


@example(0.0, [3.1] * 5)
@given(st.floats(-20, 20), st.lists(st.floats(-3.1, 3.1), min_size=3, max_size=30))
def test_an_angle_in_any_branch_is_the_same_motion(first, jumps):
    motion = [first]
    for jump in jumps:
        motion.append(motion[-1] + jump)
    wrapped = [math.remainder(angle, 2 * math.pi) for angle in motion]
    frame = Frame({"t": range(len(motion)), "a": wrapped})
    a = read_csv(frame, units={"a": "rad"}, angles="a").tracks[0].positions[:, 0]
    moved = torch.tensor(motion, dtype=torch.float64)
    torch.testing.assert_close(a - a[0], moved - moved[0], rtol=0, atol=1e-9)


class Frame(dict):
    """What a pandas DataFrame has of what is asked for."""

    @property
    def columns(self):
        return list(self)


def test_a_data_frame_is_read_as_a_file_is(read):
    frame = Frame({"t (s)": [0.0, 0.1, 0.2, 0.3], "x (m)": [1.5, 2.5, 3.5, 4.0]})
    assert seen(read_csv(frame)) == seen(read(PLAIN))
    frame["x (m)"] = [1.5, None, math.nan, 4.0]
    frame["t (s)"] = [0.0, 0.1, 0.2, 0.3]
    with pytest.raises(ValueError, match="the table: trial '1' has 2 different times"):
        read_csv(frame)


def test_several_trials(read):
    text = "run,t,x\n" + "".join(
        f"{run},{t},{t + 10 * k}\n" for k, run in enumerate("ab") for t in range(4)
    )
    found = read(text, positions="x", trial="run")
    assert [track.name for track in found.tracks] == ["a", "b"]
    assert [track.positions[0, 0].item() for track in found.tracks] == [0, 10]
    # Without the column, each begins where the time goes back.
    again = read(text, positions="x", trial="restart")
    for one, other in zip(found.tracks, again.tracks, strict=True):
        assert torch.equal(one.positions, other.positions)
    earlier, later = found.split(0.75)
    assert [len(track) for track in (*earlier.tracks, *later.tracks)] == [3, 3, 1, 1]
    with pytest.raises(ValueError, match="leaves one part empty"):
        found.split(1.0)


# As these programs export, in small.

PHYPHOX = (
    '"Time (s)","Gyroscope x (rad/s)","Gyroscope y (rad/s)","Gyroscope z (rad/s)",'
    '"Absolute (rad/s)"\n'
    + "".join(
        f"{0.01 * k:.9E},{0.1 * k:.9E},{1e-3:.9E},{-2e-3:.9E},{0.1 * k:.9E}\n" for k in range(5)
    )
)
TRACKER = "mass A\t\t\nt\tx\ty\n" + "".join(
    f"{k / 25:.6E}\t{0.1 * k:.6E}\t\n"
    if k == 2
    else f"{k / 25:.6E}\t{0.1 * k:.6E}\t{-0.2 * k:.6E}\n"
    for k in range(5)
)
SPREADSHEET = "Zeit [s];Winkel [°];;\n" + "".join(
    f"{0.04 * k:.2f};{10.5 * k};;\n".replace(".", ",") for k in range(5)
)


def test_an_export_of_phyphox(read):
    found = read(PHYPHOX, velocities="Gyroscope x", angles="Gyroscope x")
    (track,) = found.tracks
    assert track.positions is None
    assert found.units == ("rad",)
    torch.testing.assert_close(track.velocities[:, 0], torch.arange(5).double() / 10)
    # The zip holds what is known of the telephone beside the data.
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("Raw Data.csv", PHYPHOX)
        archive.writestr("meta/device.csv", '"property","value"\n"version","1"\n')
    found = read(content.getvalue(), "swing.zip", velocities=2, angles=2)
    torch.testing.assert_close(found.tracks[0].velocities, track.velocities)
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("Accelerometer.csv", PHYPHOX)
    with pytest.raises(ValueError, match="'Raw Data.csv', 'Accelerometer.csv'; say which one"):
        read(content.getvalue(), "swing.zip", velocities=2)
    found = read(content.getvalue(), "swing.zip", velocities=2, angles=2, member="Raw Data.csv")
    assert len(found) == 5


def test_an_export_of_tracker(read):
    found = read(TRACKER, positions=["x", "y"], units="m")
    (track,) = found.tracks
    # The third frame has no y.
    assert track.times.tolist() == pytest.approx([0, 0.04, 0.12, 0.16])
    assert track.positions[:, 1].tolist() == pytest.approx([0, -0.2, -0.6, -0.8])


def test_a_spreadsheet(read):
    found = read(SPREADSHEET.encode("cp1252"), angles="Winkel")
    assert found.tracks[0].positions[:, 0].rad2deg().tolist() == pytest.approx(
        [0, 10.5, 21, 31.5, 42]
    )
    assert found.notes[0] == "the file is not UTF-8; its letters were read as Windows-1252"


# What cannot be read, and the whole of what is said of it.
BAD = {
    "empty": ("", {}, ": holds no line of numbers; expected a table with a time column"),
    "words": (
        "a swing\nof mine\n",
        {},
        ": no comma, semicolon, tab or space divides its lines into numbers; expected a table with "
        "a time column",
    ),
    "one column": (
        "x\n1\n2\n3\n",
        {},
        ": no comma, semicolon, tab or space divides its lines into numbers; expected a table with "
        "a time column",
    ),
    "zero bytes": (b"t,x\n0,\x001\n", {}, ": holds zero bytes, so it is no text; export it as CSV"),
    "a word": (
        PLAIN.replace("3.5", "three"),
        {},
        ", line 4, column 'x (m)': 'three'; expected a number",
    ),
    "infinity": (
        PLAIN.replace("3.5", "inf"),
        {},
        ", line 4, column 'x (m)': 'inf'; expected a number",
    ),
    "too large": (
        PLAIN.replace("3.5", "1e999"),
        {},
        ", line 4, column 'x (m)': '1e999' is too large; expected a finite number",
    ),
    "cut off": (PLAIN + "0.4", {}, ", line 6: 1 cell; expected 2: t (s), x (m)"),
    "a cell too many": (
        PLAIN.replace("3.5", "3.5,9"),
        {},
        ", line 4: 3 cells; expected 2: t (s), x (m)",
    ),
    "no time in a row": (
        PLAIN.replace("0.2,", "NA,"),
        {},
        ", line 4, column 't (s)': 'NA'; expected a time",
    ),
    "commas everywhere": (
        "t,x\n0,00,1,50\n0,10,2,50\n0,20,3,00\n",
        {},
        ", line 2: 4 numbers below 2 names; the commas seem to stand both between columns and in "
        "numbers. Export with semicolons, or with decimal points",
    ),
    "commas everywhere, no header": (
        "0,00,1,50\n0,10,2,50\n0,20,3,00\n",
        {"time": 1},
        ", line 1: '00' looks like the second half of a number with a decimal comma. Export with "
        "semicolons, or with decimal points",
    ),
    "thousands": (
        "t;x\n1,234;5,678\n2,345;6,789\n3,456;7,123\n",
        {},
        ", line 2: 't' is '1,234', which may be 1.234 or 1234; say decimal=',' if it is the "
        "former, and export without signs between thousands if it is the latter",
    ),
    "points between thousands": (
        "t;x\n1.234;5.678\n2.345;6.789\n3.456;7.123\n",
        {},
        ", line 2: 't' is '1.234', which may be 1.234 or 1234; say decimal='.' if it is the "
        "former, and export without signs between thousands if it is the latter",
    ),
    "both signs": (
        "t;x\n0.1;1.5\n0.2;2,5\n0.3;3.5\n",
        {},
        ": 't' in line 2 is '0.1', 'x' in line 3 is '2,5'; expected one decimal sign in all of the "
        "file. Export it anew, or say decimal='.' or decimal=','",
    ),
    "the wrong sign": (
        "t;x\n0.1;1.5\n0.2;2.5\n0.3;3.5\n",
        {"decimal": ","},
        ", line 2, column 't': '0.1'; expected a number with a decimal comma (decimal='.' reads "
        "it)",
    ),
    "two delimiters": (
        "1,2,x;4;5\n5,6,x;8;9\n",
        {},
        ": its columns may be divided by comma or semicolon; say which: delimiter=',' or "
        "delimiter=';'",
    ),
    "another delimiter": (
        PLAIN,
        {"delimiter": ";"},
        ": no line holds two numbers between semicolons; expected a table with a time column "
        "(delimiter=... states another sign)",
    ),
    "no time": (
        "a,b\n1,2\n2,3\n3,4\n",
        {},
        ": no column is called time; say which it is: time=... There are: 1 'a', 2 'b'",
    ),
    "two times": (
        "t,time,x\n1,1,2\n2,2,3\n3,3,4\n",
        {},
        ": more than one column is called time; say which it is: time=... There are: 1 't', "
        "2 'time', 3 'x'",
    ),
    "which positions": (
        "t,x,y\n1,1,2\n2,2,3\n3,3,4\n",
        {},
        ": which columns are positions? Say positions=[...] (or velocities=[...] for a gyroscope). "
        "There are: 1 't', 2 'x', 3 'y'",
    ),
    "misspelt": (
        "t,angle\n1,1\n2,2\n3,3\n",
        {"positions": "angel"},
        ": positions = 'angel' is no column; did you mean 'angle'. There are: 1 't', 2 'angle'",
    ),
    "a name twice": (
        "t,x,x\n1,1,1\n2,2,2\n3,3,3\n",
        {"positions": "x"},
        ": positions = 'x', and columns 2 and 3 are called that; give the number",
    ),
    "beyond": (
        PLAIN,
        {"positions": 3},
        ": positions = 3 is no column. There are: 1 't (s)', 2 'x (m)'",
    ),
    "two meanings": (
        PLAIN,
        {"positions": "t"},
        ": the column 't (s)' is given two meanings",
    ),
    "an angle without unit": (
        "t,a\n1,1\n2,2\n3,3\n",
        {"angles": "a"},
        ": 'a' has no unit, and it is an angle; say which: units={'a': ...}, 'deg' or 'rad'",
    ),
    "an angle in metres": (
        PLAIN,
        {"angles": "x"},
        ": 'x (m)' has the unit 'm', and it is an angle; say which: units={'x (m)': ...}, 'deg' or "
        "'rad'",
    ),
    "a time in metres": (
        PLAIN,
        {"units": {"t": "m"}},
        ": 't (s)' has the unit 'm', which is no time; say which: units={'t (s)': ...}, 's' or "
        "'ms'",
    ),
    "gons": (
        "t,a\n1,1\n2,2\n3,3\n",
        {"angles": "a", "units": {"a": "grad"}},
        ": 'a' has the unit 'grad', and it is an angle; say which: units={'a': ...}, 'deg' or "
        "'rad'",
    ),
    "epoch in ms": (
        "t,x\n1700000000000,1\n1700000000020,2\n1700000000040,3\n",
        {},
        ", line 2, column 't': 1700000000000 is no number of seconds since 1970; say its unit: "
        "units={'t': 'ms'}",
    ),
    "two trials": (
        "t,x\n" + 2 * "0,1\n1,2\n2,3\n3,4\n",
        {},
        ", line 6: the time goes back from 3 s to 0 s, among times that were there. If another "
        "trial begins there, say trial='restart', or name the column that tells the trials apart: "
        "trial=...",
    ),
    "no name of a trial": (
        "run,t,x\n1,0,1\n,1,2\n1,2,3\n",
        {"positions": "x", "trial": "run"},
        ", line 3, column 'run': ''; expected the name of a trial",
    ),
    "too short": ("t,x\n0,1\n1,2\n", {}, ": trial '1' has 2 different times; expected at least 3"),
    "all gaps": (
        "t,x,y\n0,,1\n1,,2\n2,,3\n",
        {"positions": "x"},
        ": no row has all of the values that were asked for",
    ),
    "other counts": (
        "t,x,v,w\n0,1,1,1\n1,2,1,1\n2,3,1,1\n",
        {"positions": "x", "velocities": ["v", "w"]},
        "1 positions and 2 velocities; expected one velocity for each position, in the same order",
    ),
    "no zip": (
        PLAIN,
        {"member": "a.csv"},
        " is no zip file; member = 'a.csv' is for those alone",
    ),
    "a spreadsheet": (
        b"PK\x03\x04 and then nothing",
        {},
        " is a damaged zip file (File is not a zip file)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_a_reader_of_a_bad_file_reads(read, tmp_path, name):
    content, options, message = BAD[name]
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the whole message is compared)
        read(content, **options)
    said = str(error.value)
    assert "\n" not in said
    assert said == f"{tmp_path / 'swing.csv'}{message}" if message[0] in ":, " else message


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.csv: there is no such file"):
        read_csv(tmp_path / "nothing.csv")
    with pytest.raises(TypeError, match="expected the name of a file, or a DataFrame"):
        read_csv(SimpleNamespace(columns=["t"]))


def written(value, digits, decimal):
    return f"{value:.{digits}f}".replace(".", decimal)


@given(
    st.lists(st.floats(-1e4, 1e4), min_size=3, max_size=40),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([".", ","]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.integers(1, 6),
)
def test_a_written_table_is_read_back_or_refused(values, delimiter, decimal, header, end, digits):
    times = [k / 50 for k in range(len(values))]
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end)
    if header:
        writer.writerow(["t [s]", "x"])
    for t, x in zip(times, values, strict=True):
        writer.writerow([written(t, digits, decimal), written(x, digits, decimal)])
    path = PLACE / "table.csv"
    path.write_bytes(text.getvalue().encode())
    wanted = [float(written(t, digits, ".")) for t in times]
    if len(set(wanted)) < len(wanted):
        return  # too few digits for the times to be apart
    found = read_csv(path, time=1, positions=2)
    x = torch.tensor([float(written(x, digits, ".")) for x in values], dtype=torch.float64)
    torch.testing.assert_close(found.tracks[0].times.tolist(), wanted, rtol=0, atol=0)
    assert torch.equal(found.tracks[0].positions[:, 0], x)


@pytest.fixture(autouse=True, scope="module")
def _place(tmp_path_factory):
    global PLACE
    PLACE = tmp_path_factory.mktemp("tables")


def test_a_hundred_thousand_rows(read):
    rows = "".join(f"{k / 1000:.3f},{math.sin(k / 100):.6f}\n" for k in range(100_000))
    found = read("t,x\n" + rows)
    assert len(found) == 100_000
    assert found.step == pytest.approx(1e-3)
