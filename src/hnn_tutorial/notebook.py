"""What a notebook of the course starts with: `setup`, and `claim` for each statement it proves."""

import math
import os
import re
import sys
from dataclasses import dataclass
from html import escape
from numbers import Real
from typing import Any

from hnn_tutorial._html import numbers

__all__ = ["ClaimError", "Session", "claim", "colab_cell", "setup"]

THREADS_VARIABLE = "HNN_TUTORIAL_THREADS"
_FIRST_WORD = re.compile(r"(?:[A-Za-z][a-z'’-]+|[Aa])(?=[\s,;:]|$)")
"""A word that a sentence may begin with; "k", "mgl/ml²" and "Model.field" are none."""


def colab_cell(repository: str) -> str:
    """Return the source of the first cell of every notebook: it installs the package on Colab.

    The package's lower bounds leave Colab's own torch, numpy and ipywidgets as they are. On any
    other machine, and where the package is already there, the cell does nothing.

    Args:
        repository: address of the Git repository, as ``pyproject.toml`` states it.

    Raises:
        ValueError: if it is no address.
    """
    if not isinstance(repository, str) or not re.fullmatch(r"[\w:/.@~+-]+", repository):
        raise ValueError(f"repository is {repository!r}; expected the address of a Git repository")
    return f"""\
# On Colab, this installs the course's package; elsewhere it does nothing.
import sys
from importlib.util import find_spec

if "google.colab" in sys.modules and find_spec("hnn_tutorial") is None:
    %pip install -q "hnn-tutorial @ git+{repository}\""""


@dataclass(frozen=True)
class Session:
    """What `setup` found and chose; a notebook's last line shows it in one line.

    Args:
        device: where large networks may run; nothing is moved there by itself.
        seed: the seed that the notebook was set up with.
        summary: the line.
    """

    device: Any
    seed: int
    summary: str

    def generator(self) -> Any:
        """Return a new ``torch.Generator`` with the session's seed: the same draws every time."""
        from hnn_tutorial.random import as_generator

        return as_generator(self.seed)

    def __repr__(self) -> str:
        return self.summary


def setup(seed: int = 0, device: str | None = None) -> Session:
    """Prepare a notebook: figure style, figure format, one torch thread; say what it runs on.

    It sets the style of `plotting`, SVG as the format of figures, and the number of torch's
    threads: that of the environment variable ``HNN_TUTORIAL_THREADS``, else ``OMP_NUM_THREADS``,
    else one. One thread suits notebooks that are executed side by side, and keeps sums in one
    order, so that the last digits do not depend on the number of cores. Nothing else is touched:
    neither torch's default dtype nor its global random state. Randomness and devices are
    arguments everywhere in this package.

    The small float64 networks of the course stay on the CPU, also where there is a GPU: a step of
    their training is shorter than the starting of its kernels, and most GPUs are slow at float64.
    ``setup().device`` is for networks that are large enough to gain: ``model.to(session.device)``.

    Args:
        seed: the seed of ``Session.generator()``.
        device: ``"cpu"``, ``"cuda"``, ...; if None, ``"cuda"`` where there is one, else ``"cpu"``.

    Returns:
        The session; as the last line of a cell it shows versions and device.

    Raises:
        ValueError: if the device is unknown or not there, or a thread count is not a positive
            integer.
    """
    import torch

    from hnn_tutorial import __version__, plotting
    from hnn_tutorial._validate import check_seed

    check_seed(seed)
    chosen = _device(device)
    threads = _threads()
    torch.set_num_threads(threads)
    plotting.use_style()
    _use_svg()
    cpu = f"cpu ({threads} thread{'s' if threads > 1 else ''})"
    place = cpu
    if chosen.type == "cuda":
        place = f"small networks: {cpu} | large ones: {torch.cuda.get_device_name(chosen)}"
    elif chosen.type != "cpu":
        place = f"small networks: {cpu} | large ones: {chosen}"
    summary = f"hnn_tutorial {__version__} | torch {torch.__version__} | {place}"
    return Session(chosen, seed, summary)


class ClaimError(AssertionError):
    """A claim of a notebook that its own computation contradicts.

    Args:
        text: the claim.
        value: the value that was computed.
        bounds: the bounds that the claim was given, by name.
        message: the whole, in one line.
    """

    def __init__(self, text: str, value: Any, bounds: dict[str, Any], message: str) -> None:
        super().__init__(message)
        self.text, self.value, self.bounds = text, value, bounds


def claim(
    text: str,
    value: Any,
    *,
    below: Any = None,
    above: Any = None,
    equals: Any = None,
    within: Any = None,
) -> None:
    """Check a statement of the text against a computed value, and show both.

    ``claim("the HNN's energy drifts by less than 1 % in 20 s", drift, below=0.01)`` prints
    ``claim holds: the HNN's energy drifts by less than 1 % in 20 s: 0.00031 < 0.01``; a notebook
    shows the same as a result, with a mark. A NaN never passes.

    Args:
        text: the statement, as the notebook makes it.
        value: one number or truth value: Python's, NumPy's, or a tensor with one element.
        below: the value must be smaller than this.
        above: the value must be larger than this; with ``below`` it must lie between them.
        equals: the value must equal this exactly, or to ``within``.
        within: the largest allowed distance from ``equals``.

    Raises:
        ClaimError: if the claim does not hold; it names text, value and bounds.
        TypeError: if the value or a bound is not a number.
        ValueError: if there is no bound, ``within`` without ``equals``, a NaN as a bound, a value
            with several elements, or bounds that nothing satisfies.
    """
    if not isinstance(text, str):
        raise TypeError(f"the claim is {text!r}; expected its text")
    given = {"below": below, "above": above, "equals": equals, "within": within}
    bounds = {
        name: _number(bound, f"{name}=") for name, bound in given.items() if bound is not None
    }
    number = _number(value, "the value")
    _check_bounds(number, bounds)

    holds = True
    if "below" in bounds:
        holds &= number < bounds["below"]
    if "above" in bounds:
        holds &= number > bounds["above"]
    if "equals" in bounds:
        if "within" in bounds:
            holds &= abs(number - bounds["equals"]) <= bounds["within"]
        else:
            holds &= number == bounds["equals"]
    comparison = _comparison(number, bounds, holds)
    if not holds:
        raise ClaimError(text, number, bounds, f"claim fails: {text}: {comparison}")
    _show(text, comparison)


def _show(text: str, comparison: str) -> None:
    """Print a claim that holds; a notebook shows it as a result instead."""
    line = f"claim holds: {text}: {comparison}"
    shell = sys.modules.get("IPython")
    if shell is None or shell.get_ipython() is None:
        print(line)
        return
    from IPython.display import display

    # The page begins it with a capital, but "(a)", a symbol and a name of code stay as they are.
    as_written = "" if _FIRST_WORD.match(text) else " data-as-written"
    html = (
        '<div class="hnn-claim"><span class="hnn-claim-mark" style="color: #1a7f4b" role="img" '
        'aria-label="claim holds">✓</span> '
        f'<span class="hnn-claim-text"{as_written}>{escape(text)}</span> '
        f'<span class="hnn-claim-value"><b>{numbers(comparison)}</b></span></div>'
    )
    display({"text/plain": line, "text/html": html}, raw=True)  # type: ignore[no-untyped-call]


def _device(name: str | None) -> Any:
    import torch

    from hnn_tutorial._validate import as_device

    if name is None and torch.cuda.is_available():
        return torch.device("cuda")
    return as_device(name)


def _threads() -> int:
    for variable in (THREADS_VARIABLE, "OMP_NUM_THREADS"):
        # OpenMP allows a list, one count for each level of nesting; the first one is ours.
        text = os.environ.get(variable, "").split(",")[0].strip()
        if text:
            if not text.isdecimal() or int(text) < 1:
                raise ValueError(f"{variable} is {text!r}; expected a positive integer")
            return int(text)
    return 1


def _use_svg() -> None:
    """Show figures as SVG: sharp at any size, small, and in colours that a page may set."""
    try:
        from IPython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None:
        from matplotlib.figure import Figure

        from hnn_tutorial._svg import to_svg

        set_matplotlib_formats("svg")
        shell.display_formatter.formatters["image/svg+xml"].for_type(Figure, to_svg)


def _number(value: Any, what: str) -> bool | int | float:
    """Return a Python number or truth value for anything that holds exactly one."""
    if isinstance(value, (str, bytes)) or value is None:
        raise TypeError(f"{what} is {value!r}; a claim compares numbers")
    shape = getattr(value, "shape", ())
    if math.prod(shape) != 1:
        raise ValueError(
            f"{what} has shape {tuple(shape)}; a claim compares one number: "
            "take its .max(), .mean() or one entry"
        )
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, int | float):
        return value
    if isinstance(value, Real):
        return float(value)
    raise TypeError(f"{what} is a {type(value).__name__}; a claim compares real numbers")


def _check_bounds(value: Any, bounds: dict[str, Any]) -> None:
    if not bounds:
        raise ValueError("a claim needs a bound: below=, above= or equals=")
    if "within" in bounds and "equals" not in bounds:
        raise ValueError("within= is a distance from equals=; give both, or below= and above=")
    if "equals" in bounds and ("below" in bounds or "above" in bounds):
        raise ValueError("equals= needs no below= or above= beside it")
    for name, bound in bounds.items():
        if math.isnan(bound):
            raise ValueError(f"{name}= is NaN, which no value satisfies")
        if (isinstance(value, bool) or isinstance(bound, bool)) and name != "equals":
            raise ValueError(
                f"{name}= orders numbers, not truth values; claim the number itself, "
                "or use equals=True"
            )
    if bounds.get("within", 0) < 0:
        raise ValueError(f"within={bounds['within']} is negative; a distance is not")
    if "equals" in bounds and isinstance(value, bool) != isinstance(bounds["equals"], bool):
        raise ValueError("equals= compares a number with a truth value; claim one of the two")
    if "below" in bounds and "above" in bounds and bounds["above"] >= bounds["below"]:
        raise ValueError(f"nothing is above {bounds['above']} and below {bounds['below']}")


def _comparison(value: Any, bounds: dict[str, Any], holds: bool) -> str:
    """Return such as ``0.00031 < 0.01``, or ``0.31 is not < 0.01`` where it does not hold."""
    shown, limit = _readable(value, bounds)
    is_not = "" if holds else "is not "
    if "equals" in bounds:
        margin = f" ± {limit['within']}" if "within" in bounds else ""
        return f"{shown} {is_not}= {limit['equals']}{margin}"
    if len(bounds) == 2:
        if holds:
            return f"{limit['above']} < {shown} < {limit['below']}"
        return f"{shown} is not between {limit['above']} and {limit['below']}"
    (name,) = bounds
    return f"{shown} {is_not}{'<' if name == 'below' else '>'} {limit[name]}"


def _readable(value: Any, bounds: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """Return value and bounds with as few digits as keep the value on its side of every bound.

    The value has at least three significant digits, the bounds six.
    """
    for digits in range(3, 18):
        shown = _text(value, digits)
        limit = {name: _text(bound, max(digits, 6)) for name, bound in bounds.items()}
        rounded = {name: float(_text(bound, max(digits, 6))) for name, bound in bounds.items()}
        exact, printed = _edges(bounds), _edges(rounded)
        if all(
            (value > edge, value < edge) == (float(shown) > near, float(shown) < near)
            for edge, near in zip(exact, printed, strict=True)
        ):
            break
    return str(value) if isinstance(value, bool) else shown, {
        name: str(bound) if isinstance(bound, bool) else limit[name]
        for name, bound in bounds.items()
    }


def _edges(bounds: dict[str, Any]) -> list[float]:
    if "within" in bounds:
        return [bounds["equals"] - bounds["within"], bounds["equals"] + bounds["within"]]
    return list(bounds.values())


def _text(number: Any, digits: int) -> str:
    return str(int(number)) if isinstance(number, int) else f"{number:.{digits}g}"
