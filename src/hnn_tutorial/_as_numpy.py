"""Formulas of the package, evaluated by NumPy: fields and steps along them, gradients of losses.

For a few numbers PyTorch spends a microsecond or more on each operation, NumPy a fraction of it. So
that no formula is written twice, the operations of one evaluation in PyTorch are recorded and
written down as a NumPy function, anew for each call of ``integrate`` and each training. It is
compared with PyTorch before it is used. Where an evaluation asks whether something is wrong, as a
Lagrangian network does of its mass matrix, the function asks too, and PyTorch takes that step if it
is. A single number goes as one of Python's, whose operations take a tenth of NumPy's time; for some
Python has an error where PyTorch has inf or NaN, such as for 1 / 0, and then NumPy evaluates the
function. What cannot be recorded stays with PyTorch: any other value that decides what comes next,
an operation that the table here lacks, and code of others that may do more than compute, such as
count its calls (``_purity``).
"""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from hnn_tutorial._counted import Counted
from hnn_tutorial._purity import only_computes
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

FUNCTIONS_OF_OWN = (
    "hnn_tutorial.systems.",
    "hnn_tutorial.models.",
    "hnn_tutorial.own_recording.rivals.",
    "hnn_tutorial.control.machine.",
    "hnn_tutorial.flows.",
    "hnn_tutorial.training.trajectory.",
)
RESIDUALS_OF_OWN = "hnn_tutorial.training.losses"
TRAJECTORIES_OF_OWN = "hnn_tutorial.training.trajectory.TrajectoryResidual"

MOST_STEPS = 100
"""Of a rollout whose gradient is recorded, step by step. Recording takes as long as 10 to 15
gradients of PyTorch: 0.05 s for an HNN 2-32-32-1 over 4 steps, 0.8 s over 60. Each gradient then
takes a third to a half of the time: 7.5 and 3.1 ms, 86 and 31 ms."""

WRAPPERS = ("hnn_tutorial.models.own.", "hnn_tutorial.models.poisson_nn.")
"""Around a module or a function of a user's own."""

_FUNCTION = re.compile(r"\b(sin|cos|tan|tanh|exp|log|log1p|sqrt|power)\(")
_ITEM = re.compile(r"\.item\((-?\d+)\)")

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


def _part(x: Tensor, dim: int, index: str) -> str:
    before = ", ".join([":"] * (dim % x.ndim) + [index])
    return f"[{before}]"


def _gathered(name: Name, x: Tensor, dim: int, index: Any) -> str:
    return f"{name(x)}{_part(x, dim, name(index))}"


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


_EXPRESSIONS: dict[Any, Callable[..., str]] = {
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
    aten.select.int: lambda name, x, dim, i: name(x) + _part(x, dim, f"{i}"),
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

_OF_NUMBERS: dict[Any, Callable[..., str]] = {
    aten.select.int: lambda name, x, _, i: f"{name(x)}.item({i})",
    aten.bitwise_not.default: _elementwise("not {0}"),
    aten.any.default: lambda name, x: name(x) if x.ndim == 0 else f"{name(x)}.any()",
}
"""What is written in its place where the result is a single number."""

_RESHAPED = {
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
_OF_SHAPES = {aten.is_same_size.default, aten._has_same_storage_numel.default}
_SHAPED = _RESHAPED | {aten.expand.default}
_CONSTANT = {
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


class Recorder(TorchDispatchMode):
    """Writes down the operations that depend on given tensors, in the order of their execution.

    Args:
        inputs: the tensors by name.
        largest: numbers in an array; a larger one ends it.
    """

    numbers_apart = True
    """Whether single numbers are written as Python's."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Else PyTorch imports its whole compiler first, which takes a second.
        return False

    def __init__(self, inputs: dict[str, Tensor], largest: float = math.inf) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.largest = largest
        self.given = ", ".join(inputs)
        self.names = {id(tensor): name for name, tensor in inputs.items()}
        # An id is a tensor's own only as long as that lives.
        self.alive: list[Any] = list(inputs.values())
        self.constants: dict[str, np.ndarray] = {}
        self.constant_names: dict[int, str] = {}
        self.lines: list[str] = []
        self.known: dict[str, str] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        own = func(*args, **kwargs)
        self.alive.append(own)
        if isinstance(own, Tensor) and own.numel() > self.largest:
            raise NotRecordedError("an array for which PyTorch is faster")
        if func not in _CONSTANT and any(self._depends(given) for given in args):
            self._write(func, args, kwargs, own)
        return own

    def _depends(self, given: Any) -> bool:
        several = given if isinstance(given, (list, tuple)) else [given]
        return any(isinstance(each, Tensor) and id(each) in self.names for each in several)

    def text(self, given: str, result: str) -> str:
        """Return the function of what was written down: its arguments, and what it returns."""
        lines = [f"def evaluate({given}):", *self.lines, f"return {result}"]
        return "\n    ".join(lines)

    def name(self, given: Any) -> str:
        """Return what an argument is called in the function."""
        if not isinstance(given, Tensor):
            return repr(given)
        if id(given) in self.names:
            return self.names[id(given)]
        if id(given) not in self.constant_names:
            self.alive.append(given)
            self.constant_names[id(given)] = self._constant(given.detach().numpy())
        return self.constant_names[id(given)]

    def _constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = value
        return name

    def _assign(self, tensor: Tensor, text: str) -> str:
        self.names[id(tensor)] = name = self._line(text)
        return name

    def _line(self, text: str) -> str:
        """Write a line, unless there is one like it, and return what its value is called."""
        if text.isidentifier():
            return text
        if text in self.known:
            return self.known[text]
        name = f"t{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        if not text.startswith("empty("):  # which is filled afterwards
            self.known[text] = name
        return name

    def _write(self, func: Any, args: tuple[Any, ...], kwargs: Any, own: Any) -> None:
        if self.numbers_apart and isinstance(own, Tensor) and own.ndim == 0 and func in _OF_NUMBERS:
            self._assign(own, _OF_NUMBERS[func](self.name, *args, **kwargs))
        elif func in _EXPRESSIONS:
            text = _EXPRESSIONS[func](self.name, *args, **kwargs)
            if self.numbers_apart and own.ndim == 0:
                text = _FUNCTION.sub(r"\1_of_number(", text)
            self._assign(own, text)
        elif func is aten.tanh_backward.default:
            g, value = map(self.name, args)
            # Often wanted again: a gradient comes past each tanh several times.
            self._assign(own, f"{g} * {self._line(f'1 - {value} * {value}')}")
        elif func in _SHAPED and own is not args[0] and own.shape == args[0].shape:
            self._assign(own, self.name(args[0]))
        elif func in _RESHAPED:
            given = self.name(args[0])
            if self.numbers_apart and args[0].ndim == 0:
                given = f"asarray({given})"
            self._assign(own, f"{given}.reshape({tuple(own.shape)!r})")
        elif func is aten.expand.default:
            self._assign(own, f"expanded({self.name(args[0])}, {tuple(own.shape)!r})")
        elif func in (aten.unbind.int, aten.split.Tensor, aten.split_with_sizes.default):
            self._write_parts(args, own, keeps=func is not aten.unbind.int)
        elif func is aten.slice.Tensor:
            x, dim, start, end, step = args + (0, None, None, 1)[len(args) - 1 :]
            cut = ":".join("" if part is None else str(part) for part in (start, end, step))
            self._assign(own, self.name(x) + _part(x, dim, cut))
        elif func in (aten.stack.default, aten.cat.default):
            self._write_joined(args, own, keeps=func is aten.cat.default)
        elif func is aten._linalg_solve_ex.default:
            self._assign(own[0], f"solution({self.name(args[0])}, {self.name(args[1])})")
        elif func is aten.linalg_inv_ex.default:
            self._assign(own[0], f"inverse({self.name(args[0])})")
        elif func in _OF_SHAPES:
            return  # the same at all states
        elif func is aten._local_scalar_dense.default and own is False:
            self.lines.append(f"if {self.name(args[0])}: return with_torch({self.given})")
        else:
            raise NotRecordedError(str(func))

    def _write_parts(self, args: tuple[Any, ...], own: Sequence[Tensor], keeps: bool) -> None:
        x, name = args[0], self.name(args[0])
        dim = args[-1] if len(args) == (3 if keeps else 2) else 0
        begin = 0
        for piece in own:
            size = piece.shape[dim] if keeps else 1
            index = f"{begin}:{begin + size}" if keeps else f"{begin}"
            number = self.numbers_apart and piece.ndim == 0
            self._assign(piece, name + (f".item({begin})" if number else _part(x, dim, index)))
            begin += size

    def _write_joined(self, args: tuple[Any, ...], own: Tensor, keeps: bool) -> None:
        # Many times faster than NumPy's own function, for arrays of a few numbers.
        pieces = [(piece, self.name(piece)) for piece in args[0]]
        dim = (args[1] if len(args) > 1 else 0) % own.ndim
        name = self._assign(own, f"empty({tuple(own.shape)!r})")
        begin = 0
        for piece, given in pieces:
            size = piece.shape[dim] if keeps else 1
            index = f"{begin}:{begin + size}" if keeps else f"{begin}"
            self.lines.append(f"{name}{_part(own, dim, index)} = {given}")
            begin += size


def _recorded(
    function: Callable[..., Any],
    inputs: dict[str, Tensor],
    largest: float = math.inf,
    of_tanh: bool = False,
) -> Callable[..., Any]:
    """Return a function of tensors as one of arrays, and of numbers where a tensor is 0-d.

    With ``of_tanh`` only where tanh takes much of its time.
    """
    with torch.no_grad(), Recorder(inputs, largest) as recorder:
        value = function(*inputs.values())
    several = isinstance(value, tuple)
    results = [recorder.names.get(id(each)) for each in (value if several else [value])]
    if None in results:  # the value does not depend on what is given
        raise NotRecordedError("a constant")

    def with_torch(*arrays: Any) -> Any:
        with torch.no_grad():
            tensors = [torch.as_tensor(each, dtype=torch.float64) for each in arrays]
            return _arrays(function(*tensors))

    scope: dict[str, Any] = {**NUMPY, **PYTHON, **recorder.constants, "with_torch": with_torch}
    text = recorder.text(recorder.given, ", ".join(map(str, results)))
    # Who is asked to look for a fault counts the states, of all blocks.
    if of_tanh and ("tanh(" not in text or "with_torch(" in text):
        raise NotRecordedError("PyTorch is as fast")
    plain = _ITEM.sub(r"[\1]", text.replace("_of_number(", "("))
    if plain == text:
        return made_of(text, scope)
    scope["with_numpy"] = made_of(plain, dict(scope))
    return made_of(_guarded(text, recorder.given), scope)


def _guarded(text: str, given: str) -> str:
    """Return the text of a function that NumPy evaluates where Python's numbers have an error."""
    first, *lines = text.split("\n    ")
    inner = "\n        ".join(["    try:", *lines])
    errors = "    except (ArithmeticError, ValueError):"
    return "\n".join([first, inner, errors, f"        return with_numpy({given})"])


def _arrays(value: Any) -> Any:
    return tuple(each.numpy() for each in value) if isinstance(value, tuple) else value.numpy()


def made_of(text: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """Return the function that a recorder's text says, with the names of a scope."""
    exec(compile(text, "<a recorded function>", "exec"), scope)
    evaluate: Callable[..., Any] = scope["evaluate"]
    return evaluate


def is_own(part: nn.Module) -> bool:
    """Return whether a module is of the package, or a layer of its networks, as it was made."""
    name = type(part).__module__ + "."
    own = name.startswith(FUNCTIONS_OF_OWN) and not name.startswith(WRAPPERS)
    plain = own or type(part) in (nn.Linear, nn.ModuleList)
    replaced = any(callable(v) and hasattr(type(part), k) for k, v in vars(part).items())
    return plain and not replaced and not part._forward_hooks and not part._forward_pre_hooks


def _wants_gradient(owner: Any) -> bool:
    if isinstance(owner, nn.Module):
        return any(weight.requires_grad for weight in owner.parameters())
    values = [getattr(owner, each.name) for each in fields(owner)]
    return any(isinstance(value, Tensor) and value.requires_grad for value in values)


def _is_all_own(owner: Any) -> bool:
    if not isinstance(owner, nn.Module):
        return is_dataclass(owner) and (type(owner).__module__ + ".").startswith(FUNCTIONS_OF_OWN)
    # A machine may be one of a system, or of a Lagrangian function of somebody's.
    inner = getattr(owner, "model", owner)
    own = all(is_own(part) for part in owner.modules())
    return own and (isinstance(inner, nn.Module) or _is_all_own(inner))


def is_all_own(model: nn.Module, residual: Any) -> bool:
    """Return whether a model and the residual that it is trained by are the package's own.

    Those of others may do more than compute, such as count their calls, or follow a number that
    changes; what was recorded of them once would not.
    """
    return _is_all_own(model) and _is_of_own(residual)


def _is_of_own(residual: Any) -> bool:
    function = getattr(residual, "function", residual)  # that of a SampleLoss
    named = function.__module__ if isinstance(function, FunctionType) else type(function).__module__
    return (named + ".").startswith("hnn_tutorial.")


def own_owner(field: Any) -> Any:
    """Return the system or model of which a field is a method of the package's own, or None."""
    owner = getattr(field, "__self__", None)
    own = _is_all_own(owner)
    # A method that was put in the place of the class's is somebody's own.
    own = own and getattr(type(owner), field.__name__, None) is getattr(field, "__func__", None)
    return owner if own else None


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
    return not torch.is_grad_enabled() or not (x.requires_grad or _wants_gradient(owner))


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
    if _is_of_own(residual) and not _is_short(residual, batch):
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
        evaluate = _recorded(function, given, largest, of_tanh)
        others = {name: elsewhere(given[name]) for name in given if name != "h"}
        for values in (given, given | others):
            with torch.no_grad(), np.errstate(all="ignore"):
                right = _arrays(function(*values.values()))
                found = evaluate(*(value.numpy() for value in values.values()))
            pairs = zip(found, right, strict=True) if isinstance(right, tuple) else [(found, right)]
            if not all(np.allclose(*pair, rounding, rounding, equal_nan=True) for pair in pairs):
                return None
    except (NotRecordedError, RuntimeError, ValueError):
        return None  # PyTorch will say what is wrong, if anything is
    return evaluate
