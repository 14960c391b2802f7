"""What inputs, controllers and references are, and how they are checked."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._as_numpy import as_numpy
from hnn_tutorial._validate import (
    check_callable,
    check_finite,
    check_output,
    check_tensor,
    describe,
)
from hnn_tutorial.integrators.explicit import rk4_step

ForcedField = Callable[[Tensor, Tensor], Tensor]
"""A motion under inputs: ``[q, q̇]`` ``(..., 2n)`` and u ``(..., m)`` to ``[q̇, q̈]``."""

Controller = Callable[..., Tensor]
"""``c(x)`` or ``c(t, x)``: the input ``(..., m)`` at states ``(..., 2n)`` and a time in s."""

Reference = Callable[[float], tuple[Tensor, Tensor, Tensor]]
"""The motion that is wanted at a time in s: q, q̇ and q̈, each ``(..., n)``."""


def as_numbers(value: Any, name: str, axes: int, *, finite: bool = True) -> Tensor:
    """Return a tensor of floats; rows of numbers become one in float64."""
    if not isinstance(value, Tensor):
        try:
            value = torch.tensor(value, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError):
            shape = "(n, m)" if axes == 2 else "(n,)"
            raise TypeError(f"{name} is {describe(value)}; expected numbers {shape}") from None
    check_tensor(value, name)
    if finite:
        check_finite(value, name)
    numbers: Tensor = value
    return numbers


def check_batch(x: Tensor, value: Tensor, name: str) -> None:
    try:
        fits = torch.broadcast_shapes(x.shape[:-1], value.shape[:-1]) == x.shape[:-1]
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} has shape {tuple(value.shape)} for states {tuple(x.shape)}; expected "
            f"{(*x.shape[:-1], value.shape[-1])}"
        )


def as_limit(limit: Any, width: int, x: Tensor) -> Tensor | None:
    if limit is None:
        return None
    given = as_numbers(limit, "limit", 1).to(x)
    if given.ndim > 1 or given.numel() not in (1, width) or not (given > 0).all():
        raise ValueError(f"limit = {limit}; expected a positive number, or one for each input")
    return given.expand(width) if given.ndim == 0 else given.clone().expand(width)


def as_gain(value: Any, name: str) -> Tensor:
    given = as_numbers(value, name, 1)
    if given.ndim > 1 or (given < 0).any():
        raise ValueError(f"{name} = {value}; expected one number or (n,), none of them negative")
    return given


def answers_of(inside: Any, x: Tensor) -> Tensor:
    """Return for each state whether it is inside, or say what is wrong with the answer."""
    check_callable(inside=inside)
    there = inside(x)
    if not isinstance(there, Tensor) or there.dtype != torch.bool:
        raise TypeError(f"inside gave {describe(there)}; expected a tensor of True and False")
    if there.shape != x.shape[:-1]:
        raise ValueError(
            f"inside gave shape {tuple(there.shape)} for states {tuple(x.shape)}; expected "
            f"{tuple(x.shape[:-1])}"
        )
    return there


HeldStep = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""``(x, [u, h]) -> x`` one step h of RK4 later, by NumPy."""


def numpy_step(field: ForcedField, x: Tensor, u: Tensor, h: float) -> HeldStep | None:
    """Return what makes a step of a machine of the package's own by NumPy, or None."""

    def step(field: ForcedField, x: Tensor, given: Tensor) -> Tensor:
        return rk4_step(lambda y: field(y, given[..., :-1]), x, given[..., -1:])

    return as_numpy(field, x, step, _with_length(u, h), others=False)


@dataclass(frozen=True)
class MachineLaw:
    """A controller c(x) of the package's own, which asks nothing but a machine."""

    field: ForcedField
    law: Callable[[Tensor], Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        return self.law(x)

    def as_it_is(self, x: Tensor) -> Controller:
        """Return the controller of the machine as it is now, for states of the shape of x."""
        evaluate = as_numpy(self.field, x, lambda field, x, _: self.law(x), others=False)
        if evaluate is None:
            return self

        def control(x: Tensor) -> Tensor:
            with np.errstate(all="ignore"):
                return torch.from_numpy(evaluate(x.numpy(), 0.0))

        return control


def as_it_is(controller: Controller, x: Tensor) -> Controller:
    """Return a controller whose machine does not change while a motion is followed."""
    known = getattr(type(controller), "as_it_is", None)
    return controller if known is None else known(controller, x)


def held(
    field: ForcedField,
    x: Tensor,
    u: Tensor,
    duration: float,
    longest: float | None,
    by_numpy: HeldStep | None = None,
) -> Tensor:
    """Follow a field with a held input."""

    def motion(y: Tensor) -> Tensor:
        value = field(y, u)
        check_output(value, y, y.shape, "the field")
        return value

    count = 1 if longest is None else max(1, math.ceil(duration / longest - 1e-9))
    if by_numpy is not None:
        y, given = x.numpy(), _with_length(u, duration / count).numpy()
        with np.errstate(all="ignore"):  # as PyTorch, which has no word for what is not finite
            for _ in range(count):
                y = by_numpy(y, given)
        return torch.from_numpy(y)
    for _ in range(count):
        x = rk4_step(motion, x, duration / count)
    return x


def _with_length(u: Tensor, h: float) -> Tensor:
    return torch.cat([u, torch.full_like(u[..., :1], h)], dim=-1)
