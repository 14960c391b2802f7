"""The checks on input that every floor of the package shares.

Each says what was given, what is expected and, where it can, what to do. Where the type is wrong
they raise ``TypeError``, where the value is, ``ValueError``.
"""

import contextlib
import difflib
import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

Entry = TypeVar("Entry")


def describe(value: Any) -> str:
    """Return a value in a few words, for a message: its type and, where it has one, its shape."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if value is None or isinstance(value, bool | int | float | complex | str | bytes):
        return repr(value) if len(repr(value)) <= 60 else f"{repr(value)[:57]}..."
    if callable(value):
        return f"the function {getattr(value, '__name__', type(value).__name__)}"
    return f"a {type(value).__name__}"


# Tensors


def as_tensor(x: Tensor | np.ndarray) -> Tensor:
    """Return a NumPy array as a tensor with numbers of its own; anything else as it is.

    What is no tensor then is for the check that follows to refuse.
    """
    return torch.tensor(x) if isinstance(x, np.ndarray) and x.dtype.kind in "fi" else x  # type: ignore[return-value]


def stacked(numbers: Sequence[Any]) -> Tensor:
    """Return numbers, some of them tensors that may want a gradient, as a tensor, float64."""
    return torch.stack([torch.as_tensor(number, dtype=torch.float64) for number in numbers])


def check_tensor(x: Any, name: str = "x") -> None:
    """Raise ``TypeError`` unless ``x`` is a tensor of a real floating-point dtype."""
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name} is a {type(x).__module__}.{type(x).__name__}; expected a torch.Tensor: "
            "convert it with torch.as_tensor(...)"
        )
    if not x.is_floating_point():
        raise TypeError(
            f"{name} has dtype {x.dtype}; expected float32 or float64: convert it with .double()"
        )


def check_state(x: Any, name: str = "state", degrees: int | None = None) -> int:
    """Return the degrees of freedom n of a state ``(..., 2n)``, or say what is wrong with it.

    Args:
        x: what should be a real floating-point tensor with an even last axis.
        name: what to call it in the error.
        degrees: n, where there is a choice no more.

    Returns:
        n, half the length of the last axis.

    Raises:
        TypeError: if ``x`` is not a tensor, or not of a real floating-point dtype.
        ValueError: if ``x`` has no axis, or an odd or empty last one, or another than 2n.
    """
    check_tensor(x, name)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; expected (..., 2n), such as [q, p]")
    if x.shape[-1] % 2:
        raise ValueError(
            f"{name} has {x.shape[-1]} components on its last axis; [q, p] needs an even number"
        )
    if degrees is not None and x.shape[-1] != 2 * degrees:
        raise ValueError(
            f"{name} has {x.shape[-1]} components on its last axis; expected {2 * degrees}, "
            f"of {degrees} degree{'s' if degrees > 1 else ''} of freedom"
        )
    return x.shape[-1] // 2


def check_vector(x: Any, name: str = "state", width: int | None = None) -> int:
    """Return the number of components d of a state ``(..., d)`` of any kind, even or odd.

    Args:
        x: what should be a real floating-point tensor.
        name: what to call it in the error.
        width: d, where there is a choice no more.

    Returns:
        d, the length of the last axis.

    Raises:
        TypeError: if ``x`` is not a tensor, or not of a real floating-point dtype.
        ValueError: if ``x`` has no axis, an empty last one, or another than d.
    """
    check_tensor(x, name)
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; expected (..., d)")
    if width is not None and x.shape[-1] != width:
        raise ValueError(f"{name} has {x.shape[-1]} components on its last axis; expected {width}")
    return x.shape[-1]


def check_input(x: Tensor, name: str, width: int, dtype: torch.dtype, axes: int = 1) -> None:
    """Raise unless ``x`` is what a network of this width and dtype takes, ``(..., width)``."""
    check_tensor(x, name)
    if x.ndim < axes or x.shape[-1] != width:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; expected (..., {width})")
    if x.dtype != dtype:
        raise TypeError(
            f"{name} has dtype {x.dtype}, the model has {dtype}; convert one with .to(dtype)"
        )


def check_output(value: Any, x: Tensor, shape: Sequence[int], what: str) -> None:
    """Raise unless a function of ``x`` returned a tensor of this shape, in the dtype of ``x``."""
    wanted = f"expected a tensor of shape {tuple(shape)} for states {tuple(x.shape)}"
    if not isinstance(value, Tensor):
        raise TypeError(f"{what} returned {describe(value)}; {wanted}")
    if value.shape != torch.Size(shape):
        raise ValueError(f"{what} returned shape {tuple(value.shape)}; {wanted}")
    if value.dtype != x.dtype:
        raise TypeError(
            f"{what} returned dtype {value.dtype}; expected {x.dtype}, as its input has"
        )


def checked_field(
    field: Callable[[Tensor], Tensor], name: str = "field"
) -> Callable[[Tensor], Tensor]:
    """Return a field whose every value is a tensor of the shape and dtype of the state."""
    check_callable(**{name: field})

    def call(x: Tensor) -> Tensor:
        value = field(x)
        check_output(value, x, x.shape, f"the {name.replace('_', ' ')}")
        return value

    return call


def checked_scalar(
    function: Callable[[Tensor], Tensor], name: str = "function"
) -> Callable[[Tensor], Tensor]:
    """Return a scalar function whose every value is a tensor with one number for each state."""
    check_callable(**{name: function})

    def call(x: Tensor) -> Tensor:
        value = function(x)
        check_output(value, x, x.shape[:-1], f"the scalar {name}")
        return value

    return call


def checked_bracket(bracket: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return a bracket whose every value is an antisymmetric matrix of the size of the state."""
    check_callable(bracket=bracket)

    def matrix(x: Tensor) -> Tensor:
        d = x.shape[-1]
        J = bracket(x)
        alike = isinstance(J, Tensor) and J.ndim == 2
        check_output(J, x, (d, d) if alike else (*x.shape, d), "the bracket")
        uneven = (J + J.mT).detach().abs().amax((-2, -1))
        # A matrix that is not finite belongs to a motion that has run away.
        if anywhere(uneven > 32 * torch.finfo(J.dtype).eps * J.detach().abs().amax((-2, -1))):
            raise ValueError(
                f"the bracket is not antisymmetric: |J + Jᵀ| is up to {float(uneven.max()):.3g}; "
                "expected J(x)ᵀ = −J(x) at every state, or energy is not conserved"
            )
        return J

    return matrix


def anywhere(mask: Tensor | np.ndarray) -> bool | None:
    """Return whether a mask is true anywhere; None where no value can be read.

    That is inside ``vmap``, in which Levenberg–Marquardt's Jacobian and ensembles call models and
    integrators, and while ``torch.compile`` or ``torch.export`` follows a model.
    """
    if torch.compiler.is_compiling():
        return None
    try:
        return bool(mask.any())
    except RuntimeError as error:
        # PyTorch has no public way to ask beforehand.
        if "vmap" not in str(error):
            raise
        return None


def _readable(x: Tensor) -> Tensor | np.ndarray:
    """Return what NumPy reads of a tensor, in a third of PyTorch's time; the tensor if nothing."""
    if torch.compiler.is_compiling() or x.device.type != "cpu":
        return x
    try:
        return x.detach().numpy()
    except (RuntimeError, TypeError):  # inside of `vmap`; a dtype that NumPy lacks
        return x


def check_finite(x: Tensor, name: str = "state") -> None:
    """Raise ``ValueError`` if ``x`` holds a NaN or an infinity, and say how many and where.

    Inside ``vmap`` nothing is checked.
    """
    readable = _readable(x)
    if isinstance(readable, np.ndarray) and np.isfinite(readable).all():
        return
    bad = ~torch.isfinite(x.detach())
    if anywhere(bad):
        where = tuple(bad.nonzero()[0].tolist())
        raise ValueError(
            f"{name} holds {int(bad.sum())} NaN or infinite value(s), the first at index {where}; "
            "every value must be finite"
        )


def as_times(
    times: Tensor | Sequence[float], like: Tensor | None = None, *, forwards: bool = False
) -> Tensor:
    """Return times as a tensor ``(T,)``, or say what is wrong with them.

    Args:
        times: numbers in any form, finite and strictly monotone.
        like: whose dtype and device the result has; None takes float64 on the CPU.
        forwards: whether they must increase.

    Raises:
        TypeError, ValueError: if they are not that.
    """
    try:
        # By way of NumPy, whose floats keep their 64 bits; torch would make 32 of them.
        given = times if isinstance(times, Tensor) else torch.as_tensor(np.asarray(times))
    except (TypeError, ValueError, RuntimeError):
        given = torch.zeros(0, dtype=torch.bool)
    if given.is_complex() or given.dtype == torch.bool:
        raise TypeError(f"times is {describe(times)}; expected a sequence of real numbers (T,)")
    if given.ndim != 1 or len(given) == 0:
        raise ValueError(f"times has shape {tuple(given.shape)}; expected (T,) with T ≥ 1")
    clock = given.to(torch.float64)
    check_finite(clock, "times")
    readable = _readable(clock)
    gaps = readable[1:] - readable[:-1]
    if anywhere(gaps <= 0) and (forwards or anywhere(gaps >= 0)):
        backwards = "" if forwards else ", or strictly decrease to run backwards"
        raise ValueError(f"times must strictly increase{backwards}")
    return clock.detach().cpu() if like is None else given.to(like)


def as_clock(times: Tensor | Sequence[float]) -> np.ndarray:
    """Return times as ``as_times`` does, for NumPy."""
    clock = as_times(times)
    found = _readable(clock)
    return found if isinstance(found, np.ndarray) else np.array(clock.tolist())


# Numbers


def as_number(name: str, value: Any, expected: str = "a real number") -> float:
    """Return a real number of any kind, or a tensor of one and no axes, as a float.

    Raises:
        TypeError: for anything else, text above all.
    """
    if type(value) is float:
        return value
    alone = isinstance(value, Tensor) and value.ndim == 0 and not value.is_complex()
    if isinstance(value, Real) or alone:
        with contextlib.suppress(RuntimeError, OverflowError):
            return float(value.detach() if isinstance(value, Tensor) else value)
    raise TypeError(f"{name} = {describe(value)}; expected {expected}")


def check_number(**values: Any) -> None:
    """Raise ``TypeError`` for the first keyword whose value is not a real number."""
    for name, value in values.items():
        as_number(name, value, "a real number")


def check_positive(**values: float) -> None:
    """Raise for the first keyword whose value is not a positive finite number."""
    for name, value in values.items():
        if not (0 < as_number(name, value, "a positive finite number") < float("inf")):
            raise ValueError(f"{name} = {value}; expected a positive finite number")


def check_not_negative(**values: float) -> None:
    """Raise for the first keyword whose value is negative or not finite."""
    for name, value in values.items():
        if not (0 <= as_number(name, value, "zero or a positive finite number") < float("inf")):
            raise ValueError(f"{name} = {value}; expected zero or a positive finite number")


def check_count(**values: Any) -> None:
    """Raise ``ValueError`` for the first keyword whose value is not a positive integer."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Integral) or not 0 < int(value) < 2**63:
            raise ValueError(f"{name} = {describe(value)}; expected a positive integer")


def check_seed(seed: Any) -> None:
    """Raise unless ``seed`` is an integer that a generator takes."""
    if isinstance(seed, bool) or not isinstance(seed, Integral):
        raise TypeError(f"seed is {seed!r}; expected an integer or a torch.Generator")
    if not -(2**63) <= int(seed) < 2**64:
        raise ValueError(f"seed is {seed}; expected an integer of 64 bits")


def check_interval(**intervals: Any) -> None:
    """Raise for the first keyword that is no interval of numbers ≥ 0."""
    for name, interval in intervals.items():
        wanted = "(smallest, largest) with 0 ≤ smallest"
        if not isinstance(interval, list | tuple) or len(interval) != 2:
            raise TypeError(f"{name} = {describe(interval)}; expected {wanted}")
        low, high = (as_number(name, value, wanted) for value in interval)
        if not 0 <= low <= high < float("inf"):
            raise ValueError(f"{name} = {low, high}; expected {wanted}")


# Everything else


def check_type(kind: type | tuple[type, ...], expected: str, **values: Any) -> None:
    """Raise ``TypeError`` for the first keyword whose value is not of a kind."""
    for name, value in values.items():
        if not isinstance(value, kind):
            raise TypeError(f"{name} is {describe(value)}; expected {expected}")


def check_callable(**functions: Any) -> None:
    """Raise ``TypeError`` for the first keyword whose value cannot be called."""
    for name, value in functions.items():
        if not callable(value):
            advice = f" such as its .{name}" if callable(getattr(value, name, None)) else ""
            raise TypeError(f"{name} is {describe(value)}; expected a function{advice}")


def check_dtype(dtype: Any) -> None:
    """Raise unless ``dtype`` is a real floating-point one."""
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise TypeError(f"dtype is {dtype!r}; expected torch.float32 or torch.float64")


def as_device(device: torch.device | str | None) -> torch.device:
    """Return a device that is there; None is the CPU.

    Raises:
        ValueError: if it is unknown or not there.
    """
    try:
        chosen = torch.device("cpu" if device is None else device)
        torch.empty(0, device=chosen)
    except (RuntimeError, AssertionError, NotImplementedError, TypeError, ValueError):
        raise ValueError(
            f"device {device!r} is unknown or not available here; use 'cpu', or leave it out"
        ) from None
    return chosen


def as_path(path: str | os.PathLike[str], name: str = "path") -> Path:
    """Return a path as a ``Path``.

    Raises:
        TypeError, ValueError: if it is none, or empty.
    """
    check_type((str, os.PathLike), "the name of a file or folder", **{name: path})
    if path == "":
        raise ValueError(f"{name} is empty; expected the name of a file or folder")
    return Path(path)


def as_file(path: str | os.PathLike[str]) -> Path:
    """Return the path of a file that is there, or raise ``FileNotFoundError``."""
    found = as_path(path)
    if not found.is_file():
        raise FileNotFoundError(f"{found}: there is no such file")
    return found


def lookup(table: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """Return ``table[name]``, or raise a ``ValueError`` that lists the names there are."""
    try:
        return table[name]
    except (KeyError, TypeError):
        close = difflib.get_close_matches(name, table, 1) if isinstance(name, str) else []
        meant = f" (did you mean {close[0]!r}?)" if close else ""
        raise ValueError(
            f"unknown {kind} {describe(name)}; choose one of: {', '.join(table)}{meant}"
        ) from None


def as_widths(hidden: Any) -> tuple[int, ...]:
    """Return the widths of hidden layers as a tuple; at least one, all positive whole numbers."""
    whole = isinstance(hidden, tuple | list) and all(type(w) is int and w > 0 for w in hidden)
    if not whole or not hidden:
        raise ValueError(f"hidden = {hidden!r}; expected widths of hidden layers, such as (6,)")
    return tuple(hidden)
