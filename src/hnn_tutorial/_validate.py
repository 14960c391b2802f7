"""The checks on input that every floor of the package shares."""

from collections.abc import Mapping
from typing import TypeVar

import torch
from torch import Tensor

Entry = TypeVar("Entry")


def check_state(x: Tensor, name: str = "state") -> int:
    """Return the degrees of freedom n of a state ``(..., 2n)``, or say what is wrong with it.

    Args:
        x: what should be a real floating-point tensor with an even last axis.
        name: what to call it in the error.

    Returns:
        n, half the length of the last axis.

    Raises:
        TypeError: if ``x`` is not a tensor, or not of a real floating-point dtype.
        ValueError: if ``x`` has no axis, or an odd or empty last one.
    """
    if not isinstance(x, Tensor):
        raise TypeError(
            f"{name} is a {type(x).__module__}.{type(x).__name__}; expected a torch.Tensor: "
            "convert it with torch.as_tensor(...)"
        )
    if not x.is_floating_point():
        raise TypeError(
            f"{name} has dtype {x.dtype}; expected float32 or float64: convert it with .double()"
        )
    if x.ndim == 0 or x.shape[-1] == 0:
        raise ValueError(f"{name} has shape {tuple(x.shape)}; expected (..., 2n), such as [q, p]")
    if x.shape[-1] % 2:
        raise ValueError(
            f"{name} has {x.shape[-1]} components on its last axis; [q, p] needs an even number"
        )
    return x.shape[-1] // 2


def anywhere(mask: Tensor) -> bool | None:
    """Return whether a mask is true anywhere; None inside ``vmap``, where no value can be read.

    Levenberg–Marquardt's Jacobian and ensembles call models and integrators inside ``vmap``.
    """
    try:
        return bool(mask.any())
    except RuntimeError as error:
        # PyTorch has no public way to ask beforehand.
        if "vmap" not in str(error):
            raise
        return None


def check_finite(x: Tensor, name: str = "state") -> None:
    """Raise ``ValueError`` if ``x`` holds a NaN or an infinity, and say how many and where.

    Inside ``vmap`` nothing is checked.
    """
    bad = ~torch.isfinite(x.detach())
    if anywhere(bad):
        where = tuple(bad.nonzero()[0].tolist())
        raise ValueError(
            f"{name} holds {int(bad.sum())} NaN or infinite value(s), the first at index {where}; "
            "every value must be finite"
        )


def check_positive(**values: float) -> None:
    """Raise ``ValueError`` for the first keyword whose value is not a positive finite number."""
    for name, value in values.items():
        if not (0 < value < float("inf")):
            raise ValueError(f"{name} = {value}; expected a positive finite number")


def check_not_negative(**values: float) -> None:
    """Raise ``ValueError`` for the first keyword whose value is negative or not finite."""
    for name, value in values.items():
        if not (0 <= value < float("inf")):
            raise ValueError(f"{name} = {value}; expected zero or a positive finite number")


def check_count(**values: int) -> None:
    """Raise ``ValueError`` for the first keyword whose value is not a positive integer."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} = {value!r}; expected a positive integer")


def lookup(table: Mapping[str, Entry], name: str, kind: str) -> Entry:
    """Return ``table[name]``, or raise a ``ValueError`` that lists the names there are."""
    try:
        return table[name]
    except (KeyError, TypeError):
        raise ValueError(f"unknown {kind} {name!r}; choose one of: {', '.join(table)}") from None
