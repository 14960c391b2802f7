"""Formulas of the package, evaluated by NumPy: fields and steps along them, gradients of losses.

For a few numbers PyTorch spends a microsecond or more on each operation, NumPy a fraction of it. So
that no formula is written twice, the operations of one evaluation in PyTorch are recorded and
written down as a NumPy function, anew for each call of ``integrate`` and each training. It is
compared with PyTorch before it is used. Where an evaluation asks whether something is wrong, as a
Lagrangian network does of its mass matrix, the function asks too, and PyTorch takes that step if it
is. A single number goes as one of Python's, whose operations take a tenth of NumPy's time; for some
Python has an error where PyTorch has inf or NaN, such as for 1 / 0, and then NumPy evaluates the
function. What cannot be recorded stays with PyTorch: any other value that decides what comes next,
an operation that the table (``_operations``) lacks, and code of others that may do more than
compute, such as count its calls (``_purity``).
"""

import itertools
import math
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hnn_tutorial._counted import Counted
from hnn_tutorial._operations import NotRecordedError
from hnn_tutorial._own import is_all_own, is_of_own, own_owner, wants_gradient
from hnn_tutorial._purity import only_computes
from hnn_tutorial._recorder import arrays_of, recorded
from hnn_tutorial._validate import checked_field

MOST_NUMBERS = 2000
"""In a batch of states; PyTorch's own loops are as fast from there on, but for tanh."""

BLOCK = 1000
"""States of a larger batch that NumPy evaluates at a time, where a network has tanh. NumPy's tanh
takes a fifth of PyTorch's time, and the numbers of a block stay in a processor's cache: the field
of an HNN 2-32-32-1 at 10,000 states took PyTorch 5 to 10 ms, NumPy 9 ms as one array, 2.1 ms so."""

MOST_IN_ARRAY = 60000
"""In the largest array on the way to a gradient. A step of Adam on one thread, with PyTorch and
with NumPy: an HNN 2-32-32-1 on 50 samples 0.36 and 0.11 ms; an LNN 4-32-32-1 on 500 (48,000
numbers) 3.4 and 2.1; an HNN 2-200-200-1 on 500 samples (100,000) 7.5 and 8.7."""

ROUNDING = 1e-11
"""How far what NumPy gives may be from what PyTorch gives, relative and absolute."""

RESIDUALS_OF_OWN = "hnn_tutorial.training.losses"
TRAJECTORIES_OF_OWN = "hnn_tutorial.training.trajectory.TrajectoryResidual"

MOST_STEPS = 100
"""Of a rollout whose gradient is recorded, step by step. Recording takes as long as 10 to 15
gradients of PyTorch: 0.05 s for an HNN 2-32-32-1 over 4 steps, 0.8 s over 60. Each gradient then
takes a third to a half of the time: 7.5 and 3.1 ms, 86 and 31 ms."""


def is_plain(x: Tensor) -> bool:
    """Return whether NumPy has the same numbers as a tensor."""
    return type(x) is Tensor and x.dtype == torch.float64 and x.device.type == "cpu"


def _may_be_recorded(field: Any, x: Tensor) -> bool:
    """Return whether a field is a method of the package's own, and only its values are wanted."""
    owner = own_owner(field)
    if owner is None or not is_plain(x):
        return False
    if torch.compiler.is_compiling():
        return False
    return not torch.is_grad_enabled() or not (x.requires_grad or wants_gradient(owner))


def _only_computes(function: Callable[..., Any], inputs: dict[str, Tensor]) -> bool:
    """Return whether a function of somebody's may be recorded, and only its values are wanted."""
    if torch.compiler.is_compiling():
        return False
    value = only_computes(function, *inputs.values())
    return isinstance(value, Tensor) and not value.requires_grad


def compact(field: Any, x: Tensor) -> Tensor:
    """Return states in the shape in which ``as_numpy`` is fastest.

    A single one is a row for a network, whose layers would make one of it; else it has no batch,
    so that its numbers may go as Python's.
    """
    if x.numel() != x.shape[-1]:
        return x
    field = _plain(field)
    owner = getattr(field, "__self__", None)
    if isinstance(owner, nn.Module) and type(owner).__module__.startswith("hnn_tutorial."):
        return x.reshape(1, -1)
    # Who wrote another field knows its shapes.
    return x if own_owner(field) is None else x.reshape(-1)


def as_numpy(
    field: Any,
    x: Tensor,
    step: Callable[..., Tensor] | None = None,
    h: float | Tensor = 0.0,
    rounding: float = ROUNDING,
    others: bool = True,
) -> Callable[..., np.ndarray] | None:
    """Return what NumPy evaluates in the place of a field, or of a step along it; None if nothing.

    Args:
        field: f(x), states ``(..., d) -> (..., d)``.
        x: states, whose shape is that of all that follow.
        step: ``(field, x, h) -> x``, of a fixed-step method; without it the field itself.
        h: a step such as those that follow; a tensor where each state has its own.
        rounding: how far values may be from PyTorch's; more where differences are divided.
        others: whether the field may be one of a user's, if it only computes. Not where a user's
            function runs between its evaluations, which may change what the field reads.

    Returns:
        ``x -> ẋ``, or ``(x, h) -> x``, for arrays of this shape.
    """
    if isinstance(field, Counted):
        return _counting(field, x, step, h, rounding, others)
    of_others = own_owner(field) is None
    if of_others and not (others and callable(field) and is_plain(x) and x.numel() <= MOST_NUMBERS):
        return None
    if not of_others and not _may_be_recorded(field, x):
        return None
    inputs = {"x": x}
    evaluated = checked_field(field) if of_others else field
    function: Callable[..., Tensor] = evaluated
    if step is not None:
        inputs["h"] = torch.as_tensor(h, dtype=x.dtype)
        function = lambda x, h: step(evaluated, x, h)  # noqa: E731
    if of_others and not _only_computes(function, inputs):
        return None
    if x.numel() <= MOST_NUMBERS:
        return _compared(function, inputs, rounding)
    return None if isinstance(h, Tensor) else _in_blocks(function, inputs, rounding)


def _plain(field: Any) -> Any:
    return _plain(field.field) if isinstance(field, Counted) else field


def _counting(
    counted: Counted, x: Tensor, step: Callable[..., Tensor] | None, *given: Any
) -> Callable[..., np.ndarray] | None:
    evaluate = as_numpy(counted.field, x, step, *given)
    if evaluate is None:
        return None
    of_one = Counted(_plain(counted))
    with torch.no_grad():
        of_one(x) if step is None else step(of_one, x, given[0])

    def evaluate_and_count(*arrays: Any) -> np.ndarray:
        counted.calls += of_one.calls
        return evaluate(*arrays)

    return evaluate_and_count


def _in_blocks(
    function: Callable[..., Any], inputs: dict[str, Tensor], rounding: float
) -> Callable[..., np.ndarray] | None:
    """Return what NumPy evaluates for a large batch, or None where PyTorch is as fast."""
    flat = inputs["x"].reshape(-1, inputs["x"].shape[-1])
    ends = [*range(0, len(flat), BLOCK), len(flat)]
    parts = [slice(*pair) for pair in itertools.pairwise(ends)]
    of_size: dict[int, Callable[..., np.ndarray]] = {}
    for part in (parts[0], parts[-1]):
        given = {**inputs, "x": flat[part]}
        evaluate = _compared(function, given, rounding, of_tanh=True)
        if evaluate is None:
            return None
        of_size[len(given["x"])] = evaluate

    def evaluate_blocks(x: np.ndarray, *h: float) -> np.ndarray:
        states = x.reshape(flat.shape)
        values = np.empty_like(states)
        for part in parts:
            block = states[part]
            values[part] = of_size[len(block)](block, *h)
        return values.reshape(x.shape)

    return evaluate_blocks


def step_as_numpy(
    field: Any, step: Callable[..., Tensor], x: Tensor, h: Tensor, weights: Tensor
) -> Callable[..., np.ndarray] | None:
    """Return what NumPy evaluates in the place of a step at any weights; None if nothing.

    Args:
        field: of the model that has the weights; it says whether the step may be recorded.
        step: ``(x, h, weights) -> x``.
        x: states, whose shape is that of all that follow.
        h: the length of the step of each state, likewise.
        weights: of the model, in one vector.

    Returns:
        ``(x, h, weights) -> x``, for arrays of these shapes.
    """
    with torch.no_grad():
        if x.numel() > MOST_NUMBERS or not _may_be_recorded(field, x):
            return None
    return _compared(step, {"x": x, "h": h, "weights": weights})


def training_as_numpy(
    model: nn.Module,
    residual: Any,
    function: Callable[..., Any],
    weights: Tensor,
    batch: Mapping[str, Tensor],
    largest: float = MOST_IN_ARRAY,
    of_tanh: bool = False,
) -> Callable[..., Any] | None:
    """Return what NumPy evaluates in the place of residuals or derivatives of them, or None.

    Args:
        model: whose residuals they are.
        residual: of the model.
        function: ``(weights, batch) -> tensors``, of one member or of several.
        weights: of the model, in one vector.
        batch: whose shapes are those of all that follow.
        largest: numbers in an array on the way, from which on PyTorch is as fast.
        of_tanh: whether only where tanh takes much of the time.

    Returns:
        ``(weights, *values of the batch) -> arrays``, for arrays of these shapes.
    """
    numbers = [value for value in batch.values() if value.dtype != torch.int64]
    if not all(map(is_plain, [weights, *numbers])) or torch.compiler.is_compiling():
        return None
    if is_of_own(residual) and not _is_short(residual, batch):
        return None
    of_tensors_alone, inputs = of_tensors(function, weights, batch)
    own = is_all_own(model, residual)
    if not own and only_computes(of_tensors_alone, *inputs.values()) is None:
        return None
    return _compared(of_tensors_alone, inputs, largest=largest, of_tanh=of_tanh)


def _is_short(residual: Any, batch: Mapping[str, Tensor]) -> bool:
    """Return whether one of the package's residuals is worth recording.

    A likelihood may be longer than it is worth.
    """
    if isinstance(residual, FunctionType):
        return residual.__module__ == RESIDUALS_OF_OWN
    kind = type(residual)
    if f"{kind.__module__}.{kind.__qualname__}" != TRAJECTORIES_OF_OWN:
        return False
    return batch["gaps"].shape[-1] * int(residual.steps) <= MOST_STEPS


def of_tensors(
    gradient: Callable[..., tuple[Tensor, Tensor]], weights: Tensor, batch: Mapping[str, Tensor]
) -> tuple[Callable[..., tuple[Tensor, Tensor]], dict[str, Tensor]]:
    """Return a gradient as a function of tensors alone, and what these are, by name."""

    def function(weights: Tensor, *data: Tensor) -> tuple[Tensor, Tensor]:
        return gradient(weights, dict(zip(batch, data, strict=True)))

    return function, {"weights": weights} | {f"d{k}": v for k, v in enumerate(batch.values())}


def elsewhere(tensor: Tensor) -> Tensor:
    """Return other numbers, for a second look: a value that was read would be right at one only."""
    return tensor * 1.01 + 0.01 if tensor.is_floating_point() else tensor


def _compared(
    function: Callable[..., Any],
    inputs: dict[str, Tensor],
    rounding: float = ROUNDING,
    largest: float = math.inf,
    of_tanh: bool = False,
) -> Callable[..., Any] | None:
    """Return a recorded function whose values are PyTorch's, or None."""
    try:
        given = {name: tensor.detach().clone() for name, tensor in inputs.items()}
        for tensor in given.values():
            tensor.numpy()  # refused inside of `vmap` and `grad`
        evaluate = recorded(function, given, largest, of_tanh)
        others = {name: elsewhere(given[name]) for name in given if name != "h"}
        for values in (given, given | others):
            with torch.no_grad(), np.errstate(all="ignore"):
                right = arrays_of(function(*values.values()))
                found = evaluate(*(value.numpy() for value in values.values()))
            pairs = zip(found, right, strict=True) if isinstance(right, tuple) else [(found, right)]
            if not all(np.allclose(*pair, rounding, rounding, equal_nan=True) for pair in pairs):
                return None
    except (NotRecordedError, RuntimeError, ValueError):
        return None  # PyTorch will say what is wrong, if anything is
    return evaluate
