"""What NumPy writes for each operation of PyTorch, and the functions that such a text calls."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

aten = torch.ops.aten
Name = Callable[[Any], str]


class NotRecordedError(Exception):
    """An evaluation does what a NumPy function cannot say."""


def _elementwise(text: str) -> Callable[..., str]:
    """Return a writer of an expression with the arguments in the place of {0}, {1}, ..."""

    def write(name: Name, *given: Any, alpha: float = 1) -> str:
        if alpha != 1:
            raise NotRecordedError("a scaled sum")
        return text.format(*map(name, given))

    return write


def _power(name: Name, x: Any, exponent: float) -> str:
    whole = {1: "{0}", 2: "{0} * {0}", 3: "{0} * {0} * {0}", 0.5: "sqrt({0})", -1: "1 / {0}"}
    return whole.get(exponent, f"power({{0}}, {exponent!r})").format(name(x))


def _softplus(name: Name, x: Any, beta: float = 1, threshold: float = 20) -> str:
    if beta != 1:
        raise NotRecordedError("softplus with beta")
    return f"softplus({name(x)}, {threshold!r})"


def _clamp(name: Name, x: Any, low: Any = None, high: Any = None) -> str:
    text = name(x)
    text = text if low is None else f"maximum({text}, {low!r})"
    return text if high is None else f"minimum({text}, {high!r})"


def _matrix_sum(name: Name, bias: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> str:
    if beta != 1 or alpha != 1:
        raise NotRecordedError("a scaled product")
    return f"{name(a)} @ {name(b)} + {name(bias)}"


def _crossed(name: Name, a: Tensor, b: Tensor, *, dim: int = -1) -> str:
    if dim % a.ndim != a.ndim - 1:
        raise NotRecordedError("a cross product along another axis")
    return f"cross({name(a)}, {name(b)})"


def _mean(name: Name, x: Tensor, **_: Any) -> str:
    return f"total({name(x)}, axis=None) / {x.numel()}"


def _selected_backward(name: Name, g: Any, shape: Sequence[int], dim: int, index: int) -> str:
    where = (slice(None),) * (dim % len(shape)) + (index,)
    return f"placed({name(g)}, {tuple(shape)!r}, {where!r})"


def _sliced_backward(
    name: Name, g: Any, shape: Sequence[int], dim: int, start: int, end: int, step: int
) -> str:
    where = (slice(None),) * (dim % len(shape)) + (slice(start, end, step),)
    return f"placed({name(g)}, {tuple(shape)!r}, {where!r})"


def _softplus_backward(name: Name, g: Any, x: Any, beta: float, threshold: float) -> str:
    if beta != 1:
        raise NotRecordedError("softplus with beta")
    return f"{name(g)} * where({name(x)} > {threshold!r}, 1, sigmoid({name(x)}))"


def _reduction(function: str) -> Callable[..., str]:
    def write(name: Name, x: Any, dims: Any = None, keepdim: bool = False, **_: Any) -> str:
        axis = None if not dims else tuple(dims)
        return f"{function}({name(x)}, axis={axis!r}, keepdims={keepdim!r})"

    return write


def _to_float(name: Name, x: Any, *, dtype: Any = None, **_: Any) -> str:
    if dtype is not torch.float64 or x.dtype not in (torch.bool, dtype):
        raise NotRecordedError("another dtype")
    return f"{name(x)} * 1.0" if x.dtype == torch.bool else name(x)


def _norm(
    name: Name, x: Any, order: float = 2, dims: Any = None, keepdim: bool = False, **_: Any
) -> str:
    if order != 2:
        raise NotRecordedError("a norm of another order")
    given = name(x)
    axis = None if not dims else tuple(dims)
    return f"sqrt(total({given} * {given}, axis={axis!r}, keepdims={keepdim!r}))"


def _swapped(name: Name, x: Tensor, first: int = 0, second: int = 1) -> str:
    return name(x) if x.ndim < 2 else f"{name(x)}.swapaxes({first}, {second})"


def part_of(x: Tensor, dim: int, index: str) -> str:
    """Return how a text takes an index, or a slice, along an axis."""
    before = ", ".join([":"] * (dim % x.ndim) + [index])
    return f"[{before}]"


def _gathered(name: Name, x: Tensor, dim: int, index: Any) -> str:
    return f"{name(x)}{part_of(x, dim, name(index))}"


def _indexed(name: Name, x: Tensor, indices: Sequence[Any]) -> str:
    return f"{name(x)}[{', '.join(':' if i is None else name(i) for i in indices)}]"


def _put(name: Name, x: Tensor, indices: Sequence[Any], values: Any, add: bool = False) -> str:
    if not add:
        raise NotRecordedError("an assignment to places")
    where = ", ".join("slice(None)" if i is None else name(i) for i in indices)
    return f"sum_at_places({name(x)}, ({where},), {name(values)})"


def _sum_at(name: Name, x: Tensor, dim: int, index: Any, source: Any, *, alpha: float = 1) -> str:
    if alpha != 1:
        raise NotRecordedError("a scaled sum")
    moved = f"{name(x)}, {dim % x.ndim}, {name(index)}, {name(source)}"
    return f"sum_at({moved})"


EXPRESSIONS: dict[Any, Callable[..., str]] = {
    **dict.fromkeys(
        (aten.add.Tensor, aten.add.Scalar, aten.add_.Tensor), _elementwise("{0} + {1}")
    ),
    **dict.fromkeys((aten.sub.Tensor, aten.sub.Scalar), _elementwise("{0} - {1}")),
    **dict.fromkeys((aten.rsub.Tensor, aten.rsub.Scalar), _elementwise("{1} - {0}")),
    **dict.fromkeys((aten.mul.Tensor, aten.mul.Scalar), _elementwise("{0} * {1}")),
    **dict.fromkeys((aten.div.Tensor, aten.div.Scalar), _elementwise("{0} / {1}")),
    **dict.fromkeys((aten.gt.Scalar, aten.gt.Tensor), _elementwise("{0} > {1}")),
    **dict.fromkeys((aten.lt.Scalar, aten.lt.Tensor), _elementwise("{0} < {1}")),
    **dict.fromkeys((aten.ge.Scalar, aten.ge.Tensor), _elementwise("{0} >= {1}")),
    **dict.fromkeys((aten.le.Scalar, aten.le.Tensor), _elementwise("{0} <= {1}")),
    **dict.fromkeys((aten.eq.Scalar, aten.eq.Tensor), _elementwise("{0} == {1}")),
    **dict.fromkeys((aten.ne.Scalar, aten.ne.Tensor), _elementwise("{0} != {1}")),
    aten.bitwise_and.Tensor: _elementwise("{0} & {1}"),
    aten.bitwise_not.default: _elementwise("~{0}"),
    aten.any.default: _elementwise("{0}.any()"),
    aten.any.dim: lambda name, x, dim, keepdim=False: (
        f"{name(x)}.any(axis={dim}, keepdims={keepdim})"
    ),
    aten.maximum.default: _elementwise("maximum({0}, {1})"),
    aten.minimum.default: _elementwise("minimum({0}, {1})"),
    aten.where.self: _elementwise("where({0}, {1}, {2})"),
    aten.neg.default: _elementwise("-{0}"),
    aten.reciprocal.default: _elementwise("1 / {0}"),
    aten.rsqrt.default: _elementwise("1 / sqrt({0})"),
    aten.pow.Tensor_Scalar: _power,
    **{
        getattr(aten, name).default: _elementwise(f"{name}({{0}})")
        for name in ("abs", "sin", "cos", "tan", "tanh", "exp", "log", "log1p", "sqrt", "sigmoid")
    },
    aten.softplus.default: _softplus,
    aten.sigmoid_backward.default: _elementwise("{0} * (1 - {1}) * {1}"),
    aten.softplus_backward.default: _softplus_backward,
    aten.select_backward.default: _selected_backward,
    aten.slice_backward.default: _sliced_backward,
    aten.clamp.default: _clamp,
    **dict.fromkeys(
        (aten.mm.default, aten.bmm.default, aten.mv.default), _elementwise("{0} @ {1}")
    ),
    aten.dot.default: _elementwise("{0} @ {1}"),
    aten.addmm.default: _matrix_sum,
    aten.linalg_cross.default: _crossed,
    aten.copy_.default: lambda name, x, source, *_: f"expanded({name(source)}, {tuple(x.shape)!r})",
    aten.linalg_vector_norm.default: _norm,
    aten._to_copy.default: _to_float,
    **dict.fromkeys(
        (aten.masked_fill.Scalar, aten.masked_fill_.Scalar), _elementwise("where({1}, {2}, {0})")
    ),
    aten.sum.default: _reduction("total"),
    aten.sum.dim_IntList: _reduction("total"),
    aten.mean.default: _mean,
    aten.mean.dim: _reduction("mean"),
    aten.amax.default: _reduction("amax"),
    aten.t.default: _swapped,
    aten.transpose.int: _swapped,
    aten.permute.default: lambda name, x, dims: f"{name(x)}.transpose({tuple(dims)!r})",
    aten.select.int: lambda name, x, dim, i: name(x) + part_of(x, dim, f"{i}"),
    aten.index_select.default: _gathered,
    aten.index.Tensor: _indexed,
    aten.index_add.default: _sum_at,
    aten.index_put.default: _put,
    **{
        getattr(aten, op).default: lambda name, x, *_, **__: name(x)
        for op in ("clone", "detach", "alias", "lift_fresh_copy", "contiguous")
    },
}
"""What NumPy writes for an operation whose result is one array. One that writes to its array gives
another here; where somebody knows the old one by a view, what comes is wrong and is not used."""

OF_NUMBERS: dict[Any, Callable[..., str]] = {
    aten.select.int: lambda name, x, _, i: f"{name(x)}.item({i})",
    aten.bitwise_not.default: _elementwise("not {0}"),
    aten.any.default: lambda name, x: name(x) if x.ndim == 0 else f"{name(x)}.any()",
}
"""What is written in its place where the result is a single number."""

RESHAPED = {
    aten.view.default,
    aten._unsafe_view.default,
    aten.reshape.default,
    aten.unsqueeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.squeeze.default,
    aten.squeeze_.dim,
    aten.unsqueeze_.default,
}
OF_SHAPES = {aten.is_same_size.default, aten._has_same_storage_numel.default}
SHAPED = RESHAPED | {aten.expand.default}
CONSTANT = {
    getattr(aten, name).default
    for name in (
        *("ones_like", "zeros_like", "full_like", "new_zeros", "new_ones", "new_full"),
        "_new_zeros_with_same_feature_meta",
    )
}
"""Made after the shape of a state, with values that do not depend on it."""


def _expanded(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    # For a few numbers a sixth of the time of NumPy's broadcast_to.
    result = np.empty(shape, getattr(x, "dtype", float))
    result[...] = x
    return result


def _placed_in_zeros(g: np.ndarray, shape: tuple[int, ...], where: tuple[Any, ...]) -> np.ndarray:
    result = np.zeros(shape, getattr(g, "dtype", float))
    result[where] = g
    return result


def _sum_at_index(x: np.ndarray, dim: int, index: np.ndarray, source: np.ndarray) -> np.ndarray:
    result = x.copy()
    np.add.at(np.moveaxis(result, dim, 0), index, np.moveaxis(source, dim, 0))
    return result


def _sum_at_places(x: np.ndarray, where: tuple[Any, ...], values: np.ndarray) -> np.ndarray:
    result = x.copy()
    np.add.at(result, where, values)
    return result


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return a × b along the last axis; NumPy's own takes ten times as long for one vector."""
    a1, a2, a3 = (a[..., i] for i in range(3))
    b1, b2, b3 = (b[..., i] for i in range(3))
    result = np.empty(np.broadcast_shapes(a.shape, b.shape))
    result[..., 0] = a2 * b3 - a3 * b2
    result[..., 1] = a3 * b1 - a1 * b3
    result[..., 2] = a1 * b2 - a2 * b1
    return result


def _softplus_of(x: np.ndarray, threshold: float) -> np.ndarray:
    # PyTorch's, which is the argument itself from the threshold on.
    return np.where(x > threshold, x, np.log1p(np.exp(np.minimum(x, threshold))))


def _inverse(matrix: np.ndarray) -> np.ndarray:
    if matrix.shape[-1] == 1 and matrix.all():
        return 1 / matrix
    try:
        return np.linalg.inv(matrix)
    except np.linalg.LinAlgError:  # where PyTorch has no error either
        return np.full_like(matrix, np.nan)


def _solution(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    several = vectors.ndim == matrix.ndim
    return np.linalg.solve(matrix, vectors if several else vectors[..., None]).reshape(
        vectors.shape
    )


OF_A_NUMBER = ("sin", "cos", "tan", "tanh", "exp", "log", "log1p", "sqrt", "power")
"""Functions that Python has too."""

FEW = 200
"""Numbers; PyTorch's sine and cosine of more are faster than NumPy's, in the end three times."""


def _by_torch_if_many(name: str) -> Callable[[Any], Any]:
    of_few, of_many = getattr(np, name), getattr(torch, name)

    def function(x: Any) -> Any:
        return of_few(x) if x.size < FEW else of_many(torch.from_numpy(x)).numpy()

    return function


NUMPY = {
    name: getattr(np, name)
    for name in (
        *("abs", "where", "maximum", "minimum", "mean", "empty", "stack", "concatenate"),
        *("asarray", *OF_A_NUMBER),
    )
} | {
    "sin": _by_torch_if_many("sin"),
    "cos": _by_torch_if_many("cos"),
    "inf": np.inf,
    "nan": np.nan,
    "total": np.add.reduce,
    "amax": np.maximum.reduce,
    "cross": _cross,
    "softplus": _softplus_of,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "sum_at": _sum_at_index,
    "sum_at_places": _sum_at_places,
    "expanded": _expanded,
    "placed": _placed_in_zeros,
    "inverse": _inverse,
    "solution": _solution,
}


PYTHON = {f"{name}_of_number": getattr(math, name.replace("power", "pow")) for name in OF_A_NUMBER}
