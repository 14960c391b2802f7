"""Formulas of the package in JAX, for what is compiled on a CPU.

The operations of PyTorch are written down (``_recorder``) for ``jax.numpy`` here. JAX is not needed
for anything else, and imported where it is asked for alone. A program goes by its text: weights,
data, and the numbers of a formula are its arguments, so that other ones compile nothing.
"""

import contextlib
import functools
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from hnn_tutorial._operations import NUMPY, NotRecordedError, aten
from hnn_tutorial._recorder import Recorder, made_of

MOST_KEPT = 64
"""Programs, and texts of fields; the one used longest ago goes first."""

_IN_PLACE = {aten.add_.Tensor: "{0} + {1}", aten.logical_and_.default: "{0} & {1}"}


def jax_is_installed() -> bool:
    """Return whether JAX can be imported."""
    return "jax" in sys.modules or importlib.util.find_spec("jax") is not None


class PureRecorder(Recorder):
    """Writes expressions alone, as JAX has it.

    An operation that is not known is no failure until the result needs it: a model that looks
    whether its mass matrix is regular cannot read the answer, as inside of ``vmap``, and goes on
    without.
    """

    numbers_apart = False

    def __init__(self, inputs: dict[str, Tensor]) -> None:
        super().__init__(inputs)
        self.unwritten: dict[int, str] = {}

    def name(self, given: Any) -> str:
        """Return what an argument is called in the function."""
        if id(given) in self.unwritten:
            raise NotRecordedError(self.unwritten[id(given)])
        return super().name(given)

    def _write(self, func: Any, args: tuple[Any, ...], kwargs: Any, own: Any) -> None:
        if func is aten._local_scalar_dense.default:
            raise RuntimeError("a value is read, which neither a program nor vmap can do")
        try:
            if func in _IN_PLACE and not kwargs:
                self._assign(own, _IN_PLACE[func].format(*map(self.name, args)))
            else:
                super()._write(func, args, kwargs, own)
        except NotRecordedError as error:
            if func._schema.is_mutable:
                raise
            for each in own if isinstance(own, (list, tuple)) else [own]:
                self.names[id(each)] = ""
                self.unwritten[id(each)] = str(error)

    def _write_joined(self, args: tuple[Any, ...], own: Tensor, keeps: bool) -> None:
        names = ", ".join(self.name(piece) for piece in args[0])
        dim = (args[1] if len(args) > 1 else 0) % own.ndim
        self._assign(own, f"{'concatenate' if keeps else 'stack'}(({names},), {dim})")


class Recording(NamedTuple):
    """A function as text, ``evaluate(*its inputs, *values)``."""

    text: str
    fixed: tuple[tuple[str, bytes, str, tuple[int, ...]], ...]
    """Indices and masks, which are part of the program: name, content, dtype, shape."""
    values: tuple[np.ndarray, ...]
    """Numbers of the formula, and what it reads elsewhere."""


def recorded_for_jax(
    function: Callable[..., Any],
    inputs: dict[str, Tensor],
    others: Sequence[Tensor],
    recorder: type[PureRecorder] = PureRecorder,
) -> Recording:
    """Record a function of tensors, and compare it with PyTorch at two places.

    Args:
        function: ``(*inputs) -> a tensor``, or a tuple of some.
        inputs: the tensors by name; those that it reads elsewhere may stand among them.
        others: such as they are, for a second look.
        recorder: that writes it down.

    Raises:
        NotRecordedError: where JAX cannot say it.
    """
    with torch.no_grad(), recorder(inputs) as record:
        found = function(*inputs.values())
    several = isinstance(found, tuple)
    tensors = found if several else [found]
    results = [record.name(each) if id(each) in record.names else None for each in tensors]
    if None in results:
        raise NotRecordedError("its values do not depend on what is given")
    numbers = {k: v for k, v in record.constants.items() if v.dtype.kind == "f"}
    fixed = {k: v for k, v in record.constants.items() if k not in numbers}
    text = record.text(", ".join([*inputs, *numbers]), ", ".join(map(str, results)))
    first = next(iter(inputs.values()))
    dtype = first.detach().numpy().dtype
    recording = Recording(
        text,
        tuple((k, v.tobytes(), v.dtype.str, v.shape) for k, v in fixed.items()),
        # In PyTorch a number takes the dtype of the array beside it; JAX would widen the array.
        tuple(v.astype(dtype) if v.ndim == 0 else v.copy() for v in numbers.values()),
    )
    evaluate = evaluation(recording.text, recording.fixed, NUMPY)
    tolerance = 50_000 * float(torch.finfo(first.dtype).eps)
    for given in (list(inputs.values()), others):
        with torch.no_grad(), np.errstate(all="ignore"):
            right = function(*given)
            ours = evaluate(*(each.detach().numpy() for each in given), *recording.values)
        for mine, its in zip(*((x if several else [x]) for x in (ours, right)), strict=True):
            its = its.numpy()
            largest = np.abs(its[np.isfinite(its)]).max(initial=1.0)
            if not np.allclose(mine, its, rtol=0, atol=tolerance * largest, equal_nan=True):
                raise NotRecordedError("its values do not follow from what is given alone")
    return recording


def evaluation(text: str, fixed: Any, functions: dict[str, Any]) -> Callable[..., Any]:
    """Return what a recording says, made of these functions."""
    indices = {
        name: np.frombuffer(content, dtype).reshape(shape) for name, content, dtype, shape in fixed
    }
    return made_of(text, {**functions, **indices})


@functools.lru_cache(maxsize=MOST_KEPT)
def program(make: Callable[..., Any], text: str, fixed: Any) -> Callable[..., Any]:
    """Return what is made of a recording's function, compiled by XLA; the same for the same text.

    Args:
        make: of ``evaluate(*inputs, *values)`` the function to compile.
        text: of the recording.
        fixed: likewise.
    """
    jax: Any = importlib.import_module("jax")
    return jax.jit(make(evaluation(text, fixed, functions_of_jax())))


def keep(known: dict[Any, Any], key: Any, value: Any) -> None:
    """Put something to what is known, and forget what was put there longest ago."""
    known[key] = value
    while len(known) > MOST_KEPT:
        del known[next(iter(known))]


_OF_MODULES = vars(nn.Module()).keys() - {"_parameters", "_buffers", "_modules", "training"}
"""What PyTorch keeps in each module; ``own_owner`` has looked for hooks."""


def inventory(owner: Any) -> tuple[Any, list[Tensor]] | None:
    """Return what an owner's formulas can depend on but the values of its tensors, and these.

    None where it holds something else than plain values and tensors.
    """
    plain: list[Any] = []
    tensors: list[Tensor] = []
    for part in owner.modules() if isinstance(owner, nn.Module) else [owner]:
        plain.append(type(part))
        for name, value in vars(part).items():
            if name in _OF_MODULES and isinstance(part, nn.Module):
                continue
            if name in ("_parameters", "_buffers"):
                own = value.items()
            elif name == "_modules":
                plain.append(tuple(value))
                continue
            elif isinstance(value, Tensor) or _is_plain(value):
                own = [(name, value)]
            else:
                return None
            for known, each in own:
                if isinstance(each, Tensor):
                    tensors.append(each)
                    each = (each.shape, each.dtype)
                plain.append((known, each))
    return tuple(plain), tensors


def _is_plain(value: Any) -> bool:
    if type(value) is tuple:
        return all(map(_is_plain, value))
    return value is None or type(value) in (bool, int, float, str, torch.dtype)


@contextlib.contextmanager
def float64_on_the_cpu() -> Iterator[None]:
    """Let JAX compute in float64 and on the CPU here, and leave its settings elsewhere alone."""
    enable, on, cpu = _settings()
    with enable(True), on(cpu):
        yield


@functools.cache
def _settings() -> tuple[Any, Any, Any]:
    jax: Any = importlib.import_module("jax")
    # Older versions have it elsewhere.
    newer = hasattr(jax, "enable_x64")
    enable: Any = (jax if newer else importlib.import_module("jax.experimental")).enable_x64
    return enable, jax.default_device, jax.devices("cpu")[0]


def functions_of_jax() -> dict[str, Any]:
    """Return what a text is made of; the same names as ``NUMPY``."""
    jax: Any = importlib.import_module("jax")
    jnp: Any = importlib.import_module("jax.numpy")

    def sum_at(x: Any, dim: int, index: Any, source: Any) -> Any:
        moved = jnp.moveaxis(x, dim, 0).at[index].add(jnp.moveaxis(source, dim, 0))
        return jnp.moveaxis(moved, 0, dim)

    def solution(matrix: Any, vectors: Any) -> Any:
        several = vectors.ndim == matrix.ndim
        columns = vectors if several else vectors[..., None]
        return jnp.linalg.solve(matrix, columns).reshape(vectors.shape)

    def softplus(x: Any, threshold: float) -> Any:
        return jnp.where(x > threshold, x, jnp.log1p(jnp.exp(jnp.minimum(x, threshold))))

    own = {
        "expanded": jnp.broadcast_to,
        "placed": lambda g, shape, where: jnp.zeros(shape, g.dtype).at[where].set(g),
        "sum_at_places": lambda x, where, values: x.at[where].add(values),
        "total": jnp.sum,
        "softplus": softplus,
        "sigmoid": jax.nn.sigmoid,
        "sum_at": sum_at,
        "inverse": jnp.linalg.inv,
        "solution": solution,
    }
    return {name: own.get(name) or getattr(jnp, name) for name in NUMPY}
