"""Operations of PyTorch, written down as the text of a function of arrays as they are done."""

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from hnn_tutorial._operations import (
    CONSTANT,
    EXPRESSIONS,
    NUMPY,
    OF_A_NUMBER,
    OF_NUMBERS,
    OF_SHAPES,
    PYTHON,
    RESHAPED,
    SHAPED,
    NotRecordedError,
    aten,
    part_of,
)

_FUNCTION = re.compile(rf"\b({'|'.join(OF_A_NUMBER)})\(")
_ITEM = re.compile(r"\.item\((-?\d+)\)")


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
        if func not in CONSTANT and any(self._depends(given) for given in args):
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
        if self.numbers_apart and isinstance(own, Tensor) and own.ndim == 0 and func in OF_NUMBERS:
            self._assign(own, OF_NUMBERS[func](self.name, *args, **kwargs))
        elif func in EXPRESSIONS:
            text = EXPRESSIONS[func](self.name, *args, **kwargs)
            if self.numbers_apart and own.ndim == 0:
                text = _FUNCTION.sub(r"\1_of_number(", text)
            self._assign(own, text)
        elif func is aten.tanh_backward.default:
            g, value = map(self.name, args)
            # Often wanted again: a gradient comes past each tanh several times.
            self._assign(own, f"{g} * {self._line(f'1 - {value} * {value}')}")
        elif func in SHAPED and own is not args[0] and own.shape == args[0].shape:
            self._assign(own, self.name(args[0]))
        elif func in RESHAPED:
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
            self._assign(own, self.name(x) + part_of(x, dim, cut))
        elif func in (aten.stack.default, aten.cat.default):
            self._write_joined(args, own, keeps=func is aten.cat.default)
        elif func is aten._linalg_solve_ex.default:
            self._assign(own[0], f"solution({self.name(args[0])}, {self.name(args[1])})")
        elif func is aten.linalg_inv_ex.default:
            self._assign(own[0], f"inverse({self.name(args[0])})")
        elif func in OF_SHAPES:
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
            self._assign(piece, name + (f".item({begin})" if number else part_of(x, dim, index)))
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
            self.lines.append(f"{name}{part_of(own, dim, index)} = {given}")
            begin += size


def recorded(
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
            return arrays_of(function(*tensors))

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


def arrays_of(value: Any) -> Any:
    """Return a tensor, or each of a tuple of tensors, as an array."""
    return tuple(each.numpy() for each in value) if isinstance(value, tuple) else value.numpy()


def made_of(text: str, scope: dict[str, Any]) -> Callable[..., Any]:
    """Return the function that a recorder's text says, with the names of a scope."""
    exec(compile(text, "<a recorded function>", "exec"), scope)
    evaluate: Callable[..., Any] = scope["evaluate"]
    return evaluate
