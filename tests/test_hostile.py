"""Hostile input to every public function: a right answer, or an error in words of our own."""

import contextlib
import copy
import dataclasses
import inspect
import io
import re
import signal
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import torch
from hostile import BAD, CALLS, LEFT_OUT, SPRING, TIMES, X, public
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from traitlets import TraitError

import hnn_tutorial
from hnn_tutorial.check import NotAttempted, Wrong
from hnn_tutorial.experiments import SweepError
from hnn_tutorial.integrators import METHODS, integrate

PACKAGE = str(Path(hnn_tutorial.__file__).parent)
LONGEST = 20
"""Seconds that a call may take before it counts as one that never ends."""

OWN = (
    ValueError,
    TypeError,
    OSError,
    Wrong,
    NotAttempted,
    SweepError,
    AssertionError,
    RuntimeError,
)
# What Python says of a call with the wrong number of arguments is clear enough.
BINDING = re.compile(r"positional argument|unexpected keyword argument")


def is_clear(error: BaseException) -> bool:
    """Whether an error was raised on purpose: by a ``raise`` of the package, with a message."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    if isinstance(error, TraitError | SystemExit | Wrong | NotAttempted) or BINDING.search(
        str(error)
    ):
        return True
    if Path(last.filename).name in ("hostile.py", "test_hostile.py"):
        return True  # raised by the hostile function itself
    raised = (last.line or "").lstrip().startswith("raise ")
    return (
        isinstance(error, OWN)
        and last.filename.startswith(PACKAGE)
        and raised
        and len(str(error)) > 15
    )


def call(name: str, /, **changes: Any) -> Any:
    """Call a public function with its valid arguments, but for these."""
    run, arguments = CALLS[name]
    given = {key: argument.valid for key, argument in arguments.items()} | changes
    # What is trained or written to is a copy.
    given = {
        key: copy.deepcopy(value) if isinstance(value, torch.nn.Module) else value
        for key, value in given.items()
    }
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        return run(**given)


class NeverEndsError(BaseException):
    """A call took longer than any should."""


@pytest.fixture(autouse=True)
def _an_end(tmp_path, monkeypatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)  # any text is the name of a file to some

    def stop(*_: Any) -> None:
        raise NeverEndsError

    before = signal.signal(signal.SIGALRM, stop)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    plt.close("all")


def is_plain(value: Any) -> bool:
    """Whether a class is an exception, a protocol, or data without checks of its own."""
    return inspect.isclass(value) and (
        issubclass(value, BaseException)
        or getattr(value, "_is_protocol", False)
        or (dataclasses.is_dataclass(value) and not {"__post_init__"} & set(vars(value)))
    )


def test_no_public_function_is_left_out():
    named = {name.partition("[")[0].partition(",")[0].removesuffix("()") for name in CALLS}
    found = public()
    missing = [name for name, value in found.items() if name not in named and not is_plain(value)]
    excused = {name: [p for p in LEFT_OUT if re.fullmatch(p, name)] for name in missing}
    assert [name for name, patterns in excused.items() if not patterns] == []
    assert {p for patterns in excused.values() for p in patterns} == set(LEFT_OUT)
    assert named - set(found) - {n for n in named if n.count(".") > 1} == set()


def test_there_are_thousands_of_hostile_calls():
    count = sum(len(a.bad()) for _, arguments in CALLS.values() for a in arguments.values())
    assert count > 5000


@pytest.mark.parametrize("name", CALLS)
def test_hostile_values_are_refused_in_clear_words(name):
    arguments = CALLS[name][1]
    if not any(argument.valid_fails for argument in arguments.values()):
        call(name)
    faults = []
    for key, argument in arguments.items():
        for label, value in argument.bad().items():
            where = f"{key} = {label}"
            signal.setitimer(signal.ITIMER_REAL, LONGEST)
            try:
                faults.append(f"{where}: accepted, gave {call(name, **{key: value})!r:.80}")
            except NeverEndsError:
                faults.append(f"{where}: never ends")
            except BaseException as error:
                if not is_clear(error):
                    faults.append(f"{where}: {type(error).__name__}: {str(error)[:120]}")
            plt.close("all")
    assert not faults, "\n".join(faults)


NUMBERS = st.one_of(
    st.integers(-3, 9),
    st.floats(-10, 10),
    st.sampled_from([1e-300, 1e300, -1e300, float("nan"), float("inf"), 1 + 2j]),
)
SHAPES = st.lists(st.integers(0, 4), max_size=3)
TENSORS = st.builds(
    lambda shape, dtype, factor: (factor * torch.ones(shape)).to(dtype),
    SHAPES,
    st.sampled_from([torch.float64, torch.float32, torch.int64, torch.bool, torch.complex128]),
    st.sampled_from([1.0, 0.0, -0.3, float("nan")]),
)
ANYTHING = st.one_of(
    NUMBERS,
    TENSORS,
    TENSORS.map(lambda x: x.numpy()),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(NUMBERS, max_size=4),
    st.dictionaries(st.text(max_size=3), NUMBERS, max_size=2),
    st.sampled_from([value for values in BAD.values() for value in values.values()]),
)
SLOW = (
    "recordings.synthetic_twin",
    "experiments.sweep",
    "own_recording.",
    "widgets.",
    "plotting.",
    "cli.main",
)


@pytest.mark.parametrize("name", CALLS)
def test_random_input_gives_an_answer_or_a_clear_error(name):
    checked = [key for key, argument in CALLS[name][1].items() if argument.bad()]

    @settings(
        max_examples=2 if name.startswith(SLOW) else 8,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def run(data):
        # One to all of the arguments are anything; the others are valid.
        names = data.draw(st.lists(st.sampled_from(checked), min_size=1, unique=True))
        changes = {key: data.draw(ANYTHING, label=key) for key in names}
        signal.setitimer(signal.ITIMER_REAL, LONGEST)
        try:
            call(name, **changes)
        except (Exception, SystemExit) as error:
            if not is_clear(error):
                raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            plt.close("all")

    if checked:
        run()


@pytest.mark.parametrize("batch", [(), (0,), (2, 3)])
@pytest.mark.parametrize("method", METHODS)
def test_states_of_every_batch_shape_come_back_in_it(method, batch):
    x0 = X[0].expand(*batch, 2)
    path = integrate(SPRING.field, x0, TIMES, method)
    assert path.shape == (len(TIMES), *batch, 2)
    torch.testing.assert_close(
        path,
        integrate(SPRING.field, X[0], TIMES, method)
        .reshape(-1, *[1] * len(batch), 2)
        .expand_as(path),
    )
