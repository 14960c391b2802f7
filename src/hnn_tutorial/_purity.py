"""Whether a function of a user's does nothing but compute, so that it may be recorded.

What is recorded is not called again: a count that it keeps, or a number that it moves on, would
stand still. Python tells a profiler of each function that is about to run, and of each function of
C's that one calls. So one call is watched here, and ended before the first that is not known to be
harmless: nothing has happened then.
"""

import dis
import functools
import gc
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import torch
from torch import Tensor

_HERE = Path(__file__).parent
_OWN = tuple(
    str(_HERE / part)
    for part in (
        *("_angles.py", "_as_numpy.py", "_operations.py", "_own.py", "_purity.py", "_recorder.py"),
        *("_validate.py", "constraints.py", "control", "flows", "integrators", "mechanics.py"),
        *("models", "own_recording/rivals.py", "systems", "training"),
    )
)
"""The parts of this package that may change things, such as weights that stand in a model for a
call, and leave them as they were. Others are looked at like a user's: ``Counted`` keeps a count."""

_TORCH = str(Path(torch.__file__).parent)
_CHANCE = str(Path(torch.random.__file__))
_LIBRARIES = tuple({sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")})

_HARMLESS = {"contextlib", "functools", "math", "operator", "_operator", "typing"}
"""Modules of Python's whose functions only compute."""

_FUNCTIONS = {
    *("abs", "all", "any", "callable", "divmod", "getattr", "hasattr", "isinstance", "issubclass"),
    *("len", "max", "min", "pow", "round", "sorted", "sum"),
}
"""Built-in functions that only compute."""

_METHODS: dict[type, set[str]] = {
    dict: {"get", "items", "keys", "values"},
    tuple: {"count", "index"},
    str: {"format", "join", "startswith"},
}
"""Methods that only look."""

_VALUES = {"item", "numpy", "tolist", "__array__", "data_ptr", "untyped_storage", "storage"}
"""Methods that give the numbers of a tensor, which may decide what comes next, or its memory."""

_COMPILED = "compile_wrapper"
"""What runs where ``torch.compile`` has made a function; it may compile, and is fast by itself."""

_NAMES = {*_VALUES, "__dict__", "__setattr__", "__setitem__", "data", "exec", "eval", "setattr"}

_DRAWS = ("rand", "bernoulli", "choice", "normal", "uniform", "multinomial", "dropout", "seed")
"""In the names of functions that draw numbers. Of NumPy's a profiler is not told."""


class _MayDoMoreError(BaseException):
    """What is about to run may do more than compute; no ``except Exception`` keeps it."""


def only_computes(function: Callable[..., Any], *given: Any) -> Any:
    """Return the value of a function, or None where it may do more than compute.

    Also None where it ends in an error, or another profiler watches; who calls it again sees why.
    """
    if sys.getprofile() is not None:
        return None
    watch, collecting = _Watch(), gc.isenabled()
    gc.disable()  # what others leave may have to be put away by code that does more
    sys.setprofile(watch)
    try:
        value = function(*given)
    except (Exception, _MayDoMoreError):
        return None
    finally:
        sys.setprofile(None)
        if collecting:
            gc.enable()
    # Somebody may have kept the error.
    return value if watch.harmless else None


class _Watch:
    """A profiler that ends a call before it does more than compute."""

    def __init__(self) -> None:
        self.importing: FrameType | None = None
        self.harmless = True

    def __call__(self, frame: FrameType, event: str, given: Any) -> None:
        # What is imported does more, once, and may not be left half done.
        if self.importing is not None:
            if event == "return" and frame is self.importing:
                self.importing = None
        elif event == "call":
            if frame.f_code.co_filename == "<frozen importlib._bootstrap>":
                self.importing = frame
            else:
                self.harmless = _may_run(frame)
        elif event == "c_call":
            self.harmless = _may_be_called(given, _kind(frame.f_code) == "user")
        if not self.harmless:
            raise _MayDoMoreError


@functools.lru_cache(maxsize=4096)
def _kind(code: CodeType) -> str:
    """Return whose code it is: ``own`` for PyTorch's and most of this package's."""
    file = code.co_filename
    if file == _CHANCE:
        return "user"
    if file.startswith((*_OWN, _TORCH)):
        return "own"
    if file.startswith(str(_HERE)):
        return "user"
    return "library" if file.startswith((*_LIBRARIES, "<frozen")) else "user"


def _may_run(frame: FrameType) -> bool:
    code = frame.f_code
    kind = _kind(code)
    if kind == "user":
        return _leaves_all_as_it_is(code)
    if kind == "own" and (code.co_name in _VALUES or code.co_name == _COMPILED):
        return False
    caller = frame.f_back
    if kind == "own" or caller is None or _kind(caller.f_code) != "user":
        return True
    return frame.f_globals.get("__name__") in _HARMLESS


@functools.lru_cache(maxsize=4096)
def _leaves_all_as_it_is(code: CodeType) -> bool:
    """Return whether code stores values under local names alone."""
    for instruction in dis.get_instructions(code):
        name, value = instruction.opname, instruction.argval
        if name in ("STORE_DEREF", "DELETE_DEREF"):
            if value not in code.co_cellvars:
                return False
        elif name.startswith(("STORE_", "DELETE_")):
            if not name.startswith(("STORE_FAST", "DELETE_FAST")):
                return False
        elif name == "BINARY_OP" and instruction.argrepr.endswith("="):
            return False  # it may change a list that others know
        elif name.startswith(("IMPORT_", "SEND")):
            return False
    return not any(name in _NAMES or _draws(name) for name in code.co_names)


def _draws(name: str) -> bool:
    return any(part in name for part in _DRAWS)


def _may_be_called(function: Any, by_user: bool) -> bool:
    """Return whether one of C's functions only computes."""
    name, owner = function.__name__, getattr(function, "__self__", None)
    if _draws(name):
        return False
    if not by_user or name == "__new__":
        return True
    if isinstance(owner, Tensor):
        return name not in _VALUES and (name.startswith("__") or not name.endswith("_"))
    module: str = getattr(function, "__module__", None) or getattr(owner, "__name__", None) or ""
    if module.partition(".")[0] == "torch":
        return not name.endswith("_") and not name.startswith("set_")
    if module == "builtins":
        return name in _FUNCTIONS
    return module in _HARMLESS or name in _METHODS.get(type(owner), ())
