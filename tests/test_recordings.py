"""Recordings: read as they are, refused where they are not what they should be; and the twins.

The real files are not in the project. Twins written in the same format, with checksums of
their own, take their place; where HNN_TUTORIAL_DATA names the real ones, they are tested too.
"""

import hashlib
import math
import os
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hnn_tutorial import recordings
from hnn_tutorial.data import Trajectories, central_differences
from hnn_tutorial.recordings import (
    FOLDER_VARIABLE,
    RECORDINGS,
    Recording,
    load_recording,
    read_recording,
    synthetic_twin,
)
from hnn_tutorial.systems import DoublePendulum

NAMES = list(RECORDINGS)
# Decided when the tests are collected: what is not there is no test, and so no skipped one.
REAL = os.environ.get(FOLDER_VARIABLE)
KINDS = ["twin", "real"] if REAL else ["twin"]
PENDULUM = RECORDINGS["real_pendulum"]


@pytest.fixture(scope="module")
def twins():
    return {name: synthetic_twin(name, seed=0) for name in NAMES}


def table(recording):
    """Return the rows of a recording as its file would hold them."""
    source, rows = recording.source, []
    for number, trial in enumerate(recording.trials):
        block = torch.zeros(len(trial.times), len(source.columns), dtype=torch.float64)
        block[:, 0], block[:, 1] = number, trial.times
        block[:, [*source.positions, *source.velocities]] = trial.states[:, 0]
        rows.append(block)
    return torch.cat(rows)


def text(rows, end="\r\n"):
    lines = ["% a comment", *(" ".join(f"{value:.16e}" for value in row) for row in rows.tolist())]
    return end.join(lines) + end


@pytest.fixture
def folder(tmp_path, twins, monkeypatch):
    """A folder with a twin of each recording; the table holds their checksums and sizes."""
    for name, twin in twins.items():
        content = text(table(twin)).encode()
        (tmp_path / RECORDINGS[name].file).write_bytes(content)
        checksum = hashlib.md5(content).hexdigest()
        monkeypatch.setitem(
            recordings.RECORDINGS, name, replace(RECORDINGS[name], md5=checksum, rows=len(twin))
        )
    return tmp_path


def assert_same(one: Recording, other: Recording):
    assert len(one.trials) == len(other.trials)
    for a, b in zip(one.trials, other.trials, strict=True):
        assert torch.equal(a.times, b.times)
        assert torch.equal(a.states, b.states)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_to_the_last_digit(name, folder, twins):
    assert_same(load_recording(name, folder), twins[name])
    assert_same(load_recording(name, str(folder)), twins[name])


def test_the_folder_may_come_from_the_environment(folder, twins, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    assert_same(load_recording("real_pendulum"), twins["real_pendulum"])
    # An argument counts more than the environment.
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder / "elsewhere"))
    assert_same(load_recording("real_pendulum", folder), twins["real_pendulum"])


def test_without_the_file_the_error_says_all_there_is_to_know(tmp_path, monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    needed = ["real_pendulum.txt", "Schmidt & Lipson 2009", FOLDER_VARIABLE, "no licence"]
    needed.append("synthetic_twin('real_pendulum', seed)")
    for given_folder, start in ((None, "no folder was named"), (tmp_path, "there is no file")):
        with pytest.raises(FileNotFoundError, match=start) as error:
            load_recording("real_pendulum", given_folder)
        assert all(part in str(error.value) for part in needed)
    with pytest.raises(ValueError, match="unknown recording 'pendulum'; choose one of: real_"):
        load_recording("pendulum", tmp_path)


def test_a_file_with_another_checksum_is_refused(folder):
    path = folder / PENDULUM.file
    content = path.read_bytes()
    expected = hashlib.md5(content).hexdigest()
    for wrong in (content[:-100], content.replace(b"1", b"2", 1), content + b"\n"):
        path.write_bytes(wrong)
        found = hashlib.md5(wrong).hexdigest()
        with pytest.raises(ValueError, match=f"MD5 is {found}, .*{expected}.*Schmidt & Lipson"):
            load_recording("real_pendulum", folder)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda rows: rows[:100], "holds 100 rows of numbers; expected 556"),
        (lambda rows: rows[:0], "holds 0 rows of numbers; expected 556"),
        (lambda rows: rows[:, :3], "line 2: 3 columns; expected 4: trial, t, θ, ω"),
        (lambda rows: rows[:, [0, 1, 2, 3, 3]], "line 2: 5 columns; expected 4"),
        (lambda rows: rows.index_fill(1, torch.tensor(3), torch.nan), "line 2: ω is nan; expected"),
        (lambda rows: rows.index_fill(1, torch.tensor(2), torch.inf), "line 2: θ is inf; expected"),
        (lambda rows: rows[[*range(9, -1, -1)]], "line 3: the time .* is not after the one before"),
        (lambda rows: rows[[0, 1, 1]], "line 4: the time"),
    ],
)
def test_bad_numbers_are_named_with_their_line(tmp_path, twins, change, message):
    path = tmp_path / "bad.txt"
    path.write_text(text(change(table(twins["real_pendulum"]))), encoding="utf-8")
    source = replace(PENDULUM, rows=None if "time" in message else 556)
    with pytest.raises(ValueError, match=message):
        read_recording(path, source)


@pytest.mark.parametrize(
    "line, message",
    [
        ("0 5 one 2", "line 1: θ is 'one'; expected a number"),
        ("0 5 1.0", "line 1: 3 columns"),
        ("0,5,1,2", "line 1: 1 columns; expected 4"),
        ("0 5 1 \N{REPLACEMENT CHARACTER}", "line 1: ω is"),
        ("", "holds 0 rows of numbers; expected at least one"),
    ],
)
def test_bad_text_is_named_with_its_line(tmp_path, line, message):
    path = tmp_path / "bad.txt"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_recording(path, replace(PENDULUM, rows=None))


def test_a_binary_file_is_an_error_not_a_crash(tmp_path):
    path = tmp_path / "bad.bin"
    path.write_bytes(bytes(range(256)) * 4)
    with pytest.raises(ValueError, match="expected 4"):
        read_recording(path, PENDULUM)


def recording(times, states, step=1.0):
    """Return a recording of one trial with the given times and [q, q̇]."""
    times = torch.as_tensor(times, dtype=torch.float64)
    return Recording(replace(PENDULUM, step=step), (Trajectories(times, states.unsqueeze(1)),))


def test_derivatives_are_exact_on_parabolas_and_never_cross_a_gap():
    # Two parabolas, with a gap between them, at uneven times; a difference across the gap would
    # see the jump from one to the other.
    times = torch.tensor([0.0, 1.0, 2.1, 3.0, 6.0, 7.0, 8.2, 9.0, 12.0, 13.0], dtype=torch.float64)

    def parabola(t):
        return torch.stack([t**2 - t, 3 - 2 * t**2], dim=-1)

    first = times < 5
    states = torch.where(first.unsqueeze(-1), parabola(times), 1000 - parabola(times))
    seen = recording(times, states)
    assert [len(s.times) for s in seen.segments] == [4, 4, 2]
    data = seen.dataset()
    inner = torch.tensor([1, 2, 5, 6])
    slope = torch.stack([2 * times - 1, -4 * times], dim=-1)
    slope = torch.where(first.unsqueeze(-1), slope, -slope)
    assert torch.equal(data.states, states[inner])
    torch.testing.assert_close(data.derivatives, slope[inner])
    assert data.trajectory.tolist() == [0, 0, 1, 1]


def test_trials_are_not_joined():
    one = recording([0, 1, 2], torch.ones(3, 2, dtype=torch.float64))
    both = Recording(
        one.source, (*one.trials, Trajectories(one.trials[0].times + 3, one.trials[0].states))
    )
    assert len(both.segments) == 2
    assert len(both.dataset()) == 2
    with pytest.raises(ValueError, match="no segment of these 2 rows"):
        recording([0, 1], torch.ones(2, 2, dtype=torch.float64)).dataset()


@given(st.floats(0.05, 0.95), st.sampled_from([0.5, 1.0, 3.0]))
def test_a_split_in_time_loses_nothing_and_shares_nothing(fraction, step):
    times = torch.tensor([0, 1, 2, 3, 5, 6, 7, 8, 9, 10.5], dtype=torch.float64)
    states = torch.stack([times, times**2], dim=-1)
    one = recording(times, states, step)
    both = Recording(one.source, (*one.trials, Trajectories(times + 20, one.trials[0].states)))
    earlier, later = both.split(fraction)
    assert len(earlier) == math.floor(20 * fraction + 1e-9)
    joined = torch.cat([trial.times for trial in (*earlier.trials, *later.trials)])
    assert torch.equal(joined, torch.cat([times, times + 20]))
    assert max(t.times[-1] for t in earlier.trials) < min(t.times[0] for t in later.trials)
    pieces = earlier.segments + later.segments
    assert all((piece.times.diff() <= 1.5 * step).all() for piece in pieces)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, 2.0, 1e-6, float("nan")])
def test_a_split_that_leaves_nothing_is_refused(fraction, twins):
    with pytest.raises(ValueError, match="leaves one part empty"):
        twins["real_pendulum"].split(fraction)


@pytest.mark.parametrize("name, gaps", [("real_pendulum", 10), ("real_double_pendulum", 85)])
def test_a_twin_is_as_long_and_as_broken_as_the_real_one(name, gaps, twins):
    twin, source = twins[name], RECORDINGS[name]
    assert twin.source == source
    assert len(twin) == source.rows
    assert len(twin.segments) - len(twin.trials) == pytest.approx(gaps, rel=0.1)
    steps = torch.cat([s.times.diff() for s in twin.segments])
    assert steps.mean() == pytest.approx(source.step, rel=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_a_twin_is_its_own_motion_with_the_noise_that_was_asked(name, twins):
    clean = synthetic_twin(name, seed=0, noise=0.0)
    source = RECORDINGS[name]
    n = len(source.positions)
    for seen, true in zip(twins[name].trials, clean.trials, strict=True):
        assert torch.equal(seen.times, true.times)
        noise = (seen.states - true.states)[:, 0]
        assert noise[:, :n].std() == pytest.approx(source.noise[0], rel=0.1)
        assert noise[:, n:].std() == pytest.approx(source.noise[1], rel=0.1)
    if name == "real_pendulum":
        # The rest of the promise is the equation that the noise-free motion obeys.
        data = clean.dataset()
        q, velocity = data.states.unbind(-1)
        true = torch.stack([velocity, -1.283 * torch.sin(q) - 0.0092 * velocity], dim=-1)
        # Central differences 1/6 s apart shrink a swing of 1.13 rad/s by 0.6 %.
        assert (data.derivatives - true).abs().max() < 0.02
    other = synthetic_twin("real_pendulum", seed=1)
    assert not torch.equal(other.trials[0].states[:5], twins["real_pendulum"].trials[0].states[:5])
    with pytest.raises(ValueError, match="noise = -1"):
        synthetic_twin("real_pendulum", 0, noise=-1.0)


def test_the_twin_of_the_double_pendulum_keeps_its_energy(twins):
    clean = synthetic_twin("real_double_pendulum", seed=0, noise=0.0)
    system = DoublePendulum(1.08, 1.0, 0.166, 0.135)
    for trial in clean.trials:
        energy = system.hamiltonian(system.momenta(trial.states))
        assert (energy - energy[0]).abs().max() < 1e-4 * energy[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_columns_are_what_they_are_said_to_be(kind, name, request):
    seen = load_recording(name, REAL if kind == "real" else request.getfixturevalue("folder"))
    source = RECORDINGS[name]
    assert len(seen) == source.rows
    steps = torch.cat([s.times.diff() for s in seen.segments])
    assert steps.mean() == pytest.approx(source.step, rel=1e-3)
    segments, trials = {"real_pendulum": (11, 1), "real_double_pendulum": (87, 2)}[name]
    assert len(seen.trials) == trials
    assert len(seen.segments) == pytest.approx(segments, rel=0.0 if kind == "real" else 0.1)
    # Velocities are the derivatives of the positions.
    n = len(source.positions)
    data = seen.dataset()
    slope, velocity = data.derivatives[:, :n], data.states[:, n:]
    assert (slope - velocity).std() < 0.2 * velocity.std()


def test_no_derivative_of_a_segment_differs_from_central_differences(twins):
    for twin in twins.values():
        data = twin.dataset()
        for k in data.trajectory.unique().tolist():
            segment = twin.segments[k]
            every = central_differences(segment.states, segment.times)[1:-1, 0]
            assert torch.equal(data.derivatives[data.trajectory == k], every)
