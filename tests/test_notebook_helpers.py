"""`setup`, `claim` and the first cell: what every notebook of the course stands on."""

import contextlib
import importlib.util
import io
import json
import re
import subprocess
import sys
import types

import nbformat
import numpy as np
import pytest
import torch
from build_book import own_sockets
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from traitlets.config import Config

from hnn_tutorial import _html, notebook
from hnn_tutorial.notebook import ClaimError, claim, colab_cell, setup

# --- claim ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value, bounds, printed",
    [
        (3.14159e-4, {"below": 1e-2}, "0.000314 < 0.01"),
        (2e-16, {"below": 1e-12}, "2e-16 < 1e-12"),
        (5, {"above": 3}, "5 > 3"),
        (0.5, {"above": 0.1, "below": 1}, "0.1 < 0.5 < 1"),
        (3, {"equals": 3}, "3 = 3"),
        (2.03, {"equals": 2, "within": 0.05}, "2.03 = 2 ± 0.05"),
        (True, {"equals": True}, "True = True"),
        (np.bool_(True), {"equals": True}, "True = True"),
        (np.float32(0.25), {"below": 0.5}, "0.25 < 0.5"),
        (np.int64(4), {"equals": 4}, "4 = 4"),
        (np.array([0.25]), {"below": np.array(0.5)}, "0.25 < 0.5"),
        (torch.tensor(0.25), {"below": torch.tensor(0.5)}, "0.25 < 0.5"),
        (torch.tensor([0.25], requires_grad=True), {"above": 0}, "0.25 > 0"),
        (torch.tensor(True), {"equals": True}, "True = True"),
    ],
)
def test_a_claim_that_holds_is_printed_with_value_and_bound(value, bounds, printed, capsys):
    assert claim("what the text says", value, **bounds) is None
    assert capsys.readouterr().out == f"claim holds: what the text says: {printed}\n"


@pytest.mark.parametrize(
    "value, bounds, printed",
    [
        (0.31, {"below": 0.01}, "0.31 is not < 0.01"),
        (0.01, {"below": 0.01}, "0.01 is not < 0.01"),
        (0.01, {"above": 0.01}, "0.01 is not > 0.01"),
        (2, {"above": 0, "below": 1}, "2 is not between 0 and 1"),
        (-1, {"above": 0, "below": 1}, "-1 is not between 0 and 1"),
        (4, {"equals": 3}, "4 is not = 3"),
        (1.9, {"equals": 2, "within": 0.05}, "1.9 is not = 2 ± 0.05"),
        (False, {"equals": True}, "False is not = True"),
        (float("inf"), {"below": 10}, "inf is not < 10"),
    ],
)
def test_a_claim_that_fails_raises_with_text_value_and_bound(value, bounds, printed, capsys):
    with pytest.raises(ClaimError) as caught:
        claim("what the text says", value, **bounds)
    assert isinstance(caught.value, AssertionError)
    assert str(caught.value) == f"claim fails: what the text says: {printed}"
    assert (caught.value.text, caught.value.value) == ("what the text says", value)
    assert caught.value.bounds == bounds
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("nan", [float("nan"), np.float64("nan"), torch.tensor(float("nan"))])
@pytest.mark.parametrize(
    "bounds",
    [
        {"below": 1},
        {"above": 0},
        {"equals": 0},
        {"equals": 0, "within": 9},
        {"above": 0, "below": 9},
    ],
)
def test_a_nan_never_passes(nan, bounds):
    with pytest.raises(ClaimError, match="nan is not"):
        claim("anything", nan, **bounds)


@pytest.mark.parametrize(
    "value, bounds, printed",
    [
        (0.0099996, {"below": 0.01}, "0.0099996 < 0.01"),
        (0.1236, {"below": 0.12365}, "0.1236 < 0.12365"),
        (1.00000001, {"above": 1.0}, "1.00000001 > 1"),
    ],
)
def test_rounding_never_shows_a_value_on_the_wrong_side(value, bounds, printed, capsys):
    claim("close", value, **bounds)
    assert printed in capsys.readouterr().out


@given(st.floats(-1e3, 1e3), st.floats(-1e-6, 1e-6))
def test_the_printed_numbers_are_in_the_order_of_the_claim(bound, difference):
    value = bound + difference * abs(bound)
    below = value < bound
    with contextlib.redirect_stdout(io.StringIO()) as out:
        try:
            claim("close", value, below=bound)
        except ClaimError as error:
            print(error)
    shown, limit = re.fullmatch(r".*: (\S+) (?:is not )?< (\S+)\n", out.getvalue()).groups()
    assert (float(shown) < float(limit)) == below


@pytest.mark.parametrize(
    "value, bounds, error, message",
    [
        (1, {}, ValueError, "needs a bound: below=, above= or equals="),
        (1, {"within": 0.1}, ValueError, "within= is a distance from equals="),
        (1, {"equals": 1, "below": 2}, ValueError, "equals= needs no below="),
        (1, {"equals": 1, "within": -0.1}, ValueError, "within=-0.1 is negative"),
        (1, {"below": float("nan")}, ValueError, "below= is NaN, which no value satisfies"),
        (1, {"above": 2, "below": 1}, ValueError, "nothing is above 2 and below 1"),
        (True, {"below": 2}, ValueError, "below= orders numbers, not truth values"),
        (1.0, {"equals": True}, ValueError, "compares a number with a truth value"),
        (torch.ones(3), {"below": 2}, ValueError, r"the value has shape \(3,\); .* one number"),
        (1, {"below": np.ones((2, 2))}, ValueError, r"below= has shape \(2, 2\)"),
        (torch.ones(0), {"below": 2}, ValueError, r"shape \(0,\)"),
        ("1", {"below": 2}, TypeError, "the value is '1'; a claim compares numbers"),
        (None, {"below": 2}, TypeError, "the value is None"),
        ([1.0], {"below": 2}, TypeError, "is a list; a claim compares real numbers"),
        (1j, {"below": 2}, TypeError, "is a complex"),
    ],
)
def test_misuse_is_an_error_of_its_own_and_not_a_failed_claim(value, bounds, error, message):
    with pytest.raises(error, match=message) as caught:
        claim("anything", value, **bounds)
    assert not isinstance(caught.value, ClaimError)


# --- setup ---------------------------------------------------------------------------------------


@pytest.fixture
def threads(monkeypatch):
    """Torch's thread count is set back afterwards; no variable asks for one."""
    monkeypatch.delenv(notebook.THREADS_VARIABLE, raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    yield monkeypatch
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    "variables, count",
    [
        ({}, 1),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "2,1"}, 2),
        ({"OMP_NUM_THREADS": "2", "HNN_TUTORIAL_THREADS": "3"}, 3),
    ],
)
def test_setup_uses_one_thread_unless_the_environment_says_otherwise(threads, variables, count):
    for name, value in variables.items():
        threads.setenv(name, value)
    session = setup()
    assert torch.get_num_threads() == count
    assert f"({count} thread" in repr(session)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5"])
def test_a_bad_thread_count_is_an_error(threads, value):
    threads.setenv("HNN_TUTORIAL_THREADS", value)
    with pytest.raises(ValueError, match="HNN_TUTORIAL_THREADS is .* expected a positive integer"):
        setup()


@pytest.mark.usefixtures("threads")
def test_setup_leaves_the_default_dtype_and_the_random_state_alone():
    state, dtype = torch.random.get_rng_state(), torch.get_default_dtype()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 (the global state is the point)
    session = setup(seed=3)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.get_default_dtype() == dtype
    assert (np.random.get_state()[1] == numpy_state).all()  # noqa: NPY002
    draws = [torch.rand(3, generator=session.generator()) for _ in range(2)]
    assert torch.equal(*draws)
    assert not torch.equal(draws[0], torch.rand(3, generator=setup(seed=4).generator()))


@pytest.mark.usefixtures("threads")
def test_setup_says_versions_and_device_in_one_line_and_the_same_each_time():
    first, second = setup(device="cpu"), setup(device="cpu")
    line = repr(first)
    assert line == repr(second)
    assert "\n" not in line
    assert f"torch {torch.__version__}" in line
    assert line.startswith("hnn_tutorial ")
    assert first.device == torch.device("cpu")


@pytest.mark.usefixtures("threads")
def test_setup_names_a_gpu_and_says_what_it_is_for(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Some GPU")
    session = setup()
    assert session.device.type == "cuda"
    assert repr(session).endswith("small networks: cpu (1 thread) | large ones: Some GPU")


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta:x"])
def test_a_device_that_is_not_there_is_an_error(device):
    with pytest.raises(ValueError, match=f"device '{device}' is unknown or not available here"):
        setup(device=device)


def test_importing_the_module_loads_neither_torch_nor_matplotlib():
    code = (
        "import sys, hnn_tutorial.notebook, hnn_tutorial.palette; "
        "print([name for name in ('torch', 'matplotlib', 'ipywidgets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def execute(book: nbformat.NotebookNode) -> None:
    """Run a notebook in the kernel of this very environment, whatever kernels the machine has."""
    own = Config(KernelManager=own_sockets())
    NotebookClient(book, kernel_name="python3", timeout=120, config=own).execute()


def test_a_notebook_shows_the_line_and_sharp_figures_that_do_not_change(monkeypatch):
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel chooses its inline backend
    draw = "from hnn_tutorial.plotting import loss_plot\nloss_plot({'hnn': [1.0, 0.1]});"
    cells = ["from hnn_tutorial.notebook import setup, claim; setup()", draw, draw]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    execute(book)
    line, first, second = (cell["outputs"] for cell in book["cells"])
    assert [output["output_type"] for output in line] == ["execute_result"]
    assert line[0]["data"]["text/plain"].startswith("hnn_tutorial ")
    assert len(first) == len(second) == 1
    assert "image/svg+xml" in first[0]["data"]
    assert "image/png" not in first[0]["data"]
    assert first[0]["data"] == second[0]["data"]


def run(*cells: str) -> list[list[dict]]:
    """The outputs of the cells, in a kernel of this environment."""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    execute(book)
    return [cell["outputs"] for cell in book["cells"]]


def test_a_notebook_shows_a_claim_as_a_result_and_a_failed_one_as_an_error():
    claims = "print('a')\nclaim('it <stays>', 2e-5, below=1e-2)\nclaim('(a) x', 1, above=0)"
    symbols = "claim('mgl/ml² of k', 1, above=0)\nclaim('k, the farthest', 1, above=0)"
    _, shown, as_written, failed = run(
        "from hnn_tutorial.notebook import claim, ClaimError",
        claims,
        symbols,
        "try:\n    claim('y', 2, below=1)\nexcept ClaimError as e:\n    print(e)",
    )
    assert [output["output_type"] for output in shown] == ["stream", *["display_data"] * 2]
    data = shown[1]["data"]
    assert data["text/plain"] == "claim holds: it <stays>: 2e-05 < 0.01"
    html = data["text/html"]
    assert '<span class="hnn-claim-text">it &lt;stays&gt;</span>' in html
    assert "2\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10<sup>−5</sup> &lt; 0.01" in html
    assert 'aria-label="claim holds"' in html
    assert "data-as-written>(a) x<" in shown[2]["data"]["text/html"]
    assert all("data-as-written" in one["data"]["text/html"] for one in as_written)
    assert [output["text"] for output in failed] == ["claim fails: y: 2 is not < 1\n"]


@pytest.mark.parametrize(
    "text, shown",
    [
        ("3.1e-05 < 0.01", "3.1 × 10<sup>−5</sup> &lt; 0.01"),
        ("1e+06 [-2, -0.5]", "10<sup>6</sup> [−2, −0.5]"),
        ("seed-3 of x1e-4y", "seed-3 of x1e-4y"),
        ("5-3", "5-3"),
    ],
)
def test_numbers_are_written_as_in_print(text, shown):
    assert _html.numbers(text).replace("\N{NO-BREAK SPACE}", " ") == shown


# --- the first cell ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "on_colab, installed, installs",
    [(False, False, False), (False, True, False), (True, True, False), (True, False, True)],
)
def test_the_first_cell_installs_only_on_colab_and_only_once(
    on_colab, installed, installs, monkeypatch
):
    if on_colab:
        monkeypatch.setitem(sys.modules, "google.colab", types.ModuleType("google.colab"))
    spec = importlib.util.find_spec("json")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec if installed else None)
    ran = []
    shell = InteractiveShell()
    shell.register_magic_function(ran.append, magic_name="pip")
    shell.run_cell(colab_cell("https://example.org/course")).raise_error()
    wanted = ['install -q "hnn-tutorial @ git+https://example.org/course"']
    assert ran == (wanted if installs else [])


def test_the_first_cell_names_no_package_that_colab_has():
    cell = json.dumps(colab_cell("https://example.org/course"))
    assert not any(name in cell for name in ("torch", "numpy", "ipywidgets", "--upgrade", "-U "))
