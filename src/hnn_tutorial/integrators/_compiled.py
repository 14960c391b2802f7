"""Rollouts as one compiled program, by JAX: all steps of all states in a single call.

What ``_as_numpy`` records of a step in PyTorch is written down for ``jax.numpy`` instead, put into
a loop over the steps, and compiled by XLA. It is recorded for one state; a batch is the same
program over a last axis, so that each component lies together in memory.

Two things are kept between calls: a program, which goes by its text, and the text of a field of the
package, which goes by all that its owner holds but the values of its tensors. So it is recorded
once.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._as_jax import (
    PureRecorder,
    Recording,
    float64_on_the_cpu,
    inventory,
    jax_is_installed,
    keep,
    program,
    recorded_for_jax,
)
from hnn_tutorial._as_numpy import elsewhere
from hnn_tutorial._operations import NotRecordedError
from hnn_tutorial._own import own_owner
from hnn_tutorial._validate import checked_field
from hnn_tutorial.integrators._method import Method


class _StepRecorder(PureRecorder):
    """Takes the numbers of a formula for arguments, so that one program serves other values too."""

    def name(self, given: Any) -> str:
        """Return what an argument is called in the function."""
        return self._constant(np.array(given)) if type(given) is float else super().name(given)


_known: dict[Any, Recording] = {}


def solve_compiled(
    field: Any, x0: Tensor, counts: np.ndarray, lengths: np.ndarray, method: Method
) -> Tensor:
    """Make the steps of a fixed-step method in one compiled call.

    Args:
        field: f(x), states ``(..., d) -> (..., d)``.
        x0: initial states, ``(..., d)``.
        counts: of each interval, into how many steps it is divided, ``(T,)``.
        lengths: of these steps, ``(T,)``.
        method: one of fixed step.

    Returns:
        States, ``(T + 1, ..., d)``.

    Raises:
        ModuleNotFoundError: where JAX is not installed.
        ValueError: where a gradient is wanted, or the field cannot be recorded.
    """
    if not jax_is_installed():
        raise ModuleNotFoundError(
            "compile=True makes the steps by JAX, which is not installed: pip install "
            "'hnn-tutorial[jax]'; or call integrate without compile=True",
            name="jax",
        )
    if x0.device.type != "cpu":
        raise ValueError(
            f"compile=True runs on the CPU, and x0 is on {x0.device}; move it, and the model, with "
            ".to('cpu'), or call integrate without compile=True"
        )
    if x0.numel() == 0:
        return x0.detach().expand(len(lengths) + 1, *x0.shape).clone()
    owner = own_owner(field)
    held = None if owner is None else inventory(owner)
    key, tensors = held or ((), [])
    if torch.is_grad_enabled() and (
        x0.requires_grad
        or (any(t.requires_grad for t in tensors) if held else field(x0).requires_grad)
    ):
        raise ValueError(
            "compile=True carries no gradient, and one is wanted of x0 or of the field's weights; "
            "call integrate inside torch.no_grad(), or without compile=True"
        )
    try:
        start = x0.detach().numpy()  # refused inside of `vmap` and `grad`
        key = (
            key,
            type(owner),
            getattr(field, "__name__", ""),
            method.name,
            x0.shape[-1],
            x0.dtype,
        )
        recording = _known.pop(key, None) if held else None
        if recording is None:
            one = x0.detach().reshape(-1, x0.shape[-1])[0]
            recording = _record(field, one, float(lengths[0]), method, tensors)
            with float64_on_the_cpu():  # the numbers of the formula stay where JAX has its arrays
                recording = recording._replace(values=_jax().device_put(recording.values))
    except (NotRecordedError, RuntimeError) as error:
        raise ValueError(
            f"compile=True cannot write this field down as a program ({error}): it has to be made "
            "of PyTorch's operations on the states alone, of which none decides what comes next; "
            "call integrate without compile=True"
        ) from error
    if held:
        keep(_known, key, recording)
    # A batch of one is its state, of which no axis has to be moved.
    alone = start.size == start.shape[-1]
    flat = start.reshape(-1) if alone else start.reshape(-1, start.shape[-1])
    path = np.empty((len(lengths) + 1, *flat.shape), flat.dtype)
    path[0] = flat
    with float64_on_the_cpu():
        solve = program(_loop, recording.text, recording.fixed)
        schedule = _schedule(counts.tobytes(), lengths.tobytes(), flat.dtype.str)
        values = [*(t.detach().numpy() for t in tensors), *recording.values]
        moved = np.asarray(solve(flat.T, *schedule, values))
        path[1:] = moved if alone else moved.swapaxes(1, 2)
    return torch.from_numpy(path.reshape(len(path), *start.shape))


def _jax() -> Any:
    return importlib.import_module("jax")


@functools.lru_cache(maxsize=8)
def _schedule(counts: bytes, lengths: bytes, dtype: str) -> tuple[Any, Any]:
    """Return the lengths of steps and their counts where JAX has its arrays."""
    long = np.frombuffer(lengths).astype(dtype, copy=False)
    return _jax().device_put((long, np.frombuffer(counts, np.int64).astype(np.int32)))


def _record(field: Any, x: Tensor, h: float, method: Method, tensors: list[Tensor]) -> Recording:
    """Record a step from one state, with the tensors that the field reads as inputs."""
    step, still = method.step, checked_field(field)
    assert step is not None
    read = {f"w{k}": t for k, t in enumerate(tensors)}
    inputs = {"x": x.clone(), "h": torch.tensor(h, dtype=x.dtype), **read}
    _, *rest = inputs.values()
    return recorded_for_jax(
        lambda x, h, *_: step(still, x, h), inputs, [elsewhere(x), *rest], _StepRecorder
    )


def _loop(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``(x (d, ...), h (T,), counts (T,), values) -> (T, d, ...)``, for JAX."""
    jax = _jax()
    lax = jax.lax

    def solve(x: Any, lengths: Any, counts: Any, values: Any) -> Any:
        def step(x: Any, h: Any) -> Any:
            return evaluate(x, h, *values).astype(x.dtype)

        advance = step if x.ndim == 1 else jax.vmap(step, in_axes=(1, None), out_axes=1)

        def interval(x: Any, given: Any) -> Any:
            h, count = given
            x = lax.fori_loop(0, count, lambda _, x: advance(x, h), x)
            return x, x

        return lax.scan(interval, x, (lengths, counts))[1]

    return solve
