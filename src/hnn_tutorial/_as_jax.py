"""Formulas of the package in JAX, for what is compiled on a CPU.

What ``_as_numpy`` records in PyTorch is written down for ``jax.numpy`` instead. JAX is not needed
for anything else, and imported where it is asked for alone.
"""

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._as_numpy import NUMPY, NotRecordedError, Recorder, elsewhere, made_of, of_tensors

aten = torch.ops.aten
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


def compiled_in_jax(
    make: Callable[..., Callable[..., Any]],
    gradient: Callable[..., tuple[Tensor, Tensor]],
    *given: Any,
) -> Callable[..., tuple[Tensor, ...]] | None:
    """Return what XLA makes of a step of training, or None where JAX cannot say it.

    Args:
        make: of ``(weights, batch) -> (gradient, loss)``, for tensors as for arrays, a function of
            what is given.
        gradient: of the loss, ``(weights, batch) -> (gradient, loss)``.
        given: tensors, the weights first, and the batch.
    """
    *first, batch = given
    tensors = [first[0], *batch.values()]
    if not jax_is_installed() or any(each.device.type != "cpu" for each in tensors):
        return None
    try:
        text, constants = _recorded_gradient(gradient, first[0], batch)
    except (NotRecordedError, RuntimeError, ValueError):
        return None  # torch.compile knows more operations, and says what is wrong
    jax: Any = importlib.import_module("jax")
    evaluate = made_of(text, {**functions_of_jax(), **constants})
    # By name: JAX sorts a mapping.
    names = list(batch)
    step = jax.jit(make(lambda weights, batch: evaluate(weights, *(batch[k] for k in names))))

    def call(*given: Any) -> tuple[Tensor, ...]:
        *first, batch = given
        arrays = [each.detach().numpy() for each in first]
        with float64_on_the_cpu():
            found = step(*arrays, {name: value.numpy() for name, value in batch.items()})
            # A copy: what is JAX's own may not be written to.
            return tuple(torch.from_numpy(np.array(each)) for each in found)

    return call


def _recorded_gradient(
    gradient: Callable[..., tuple[Tensor, Tensor]], weights: Tensor, batch: Mapping[str, Tensor]
) -> tuple[str, dict[str, np.ndarray]]:
    """Return a gradient as text and constants, compared with PyTorch."""
    function, tensors = of_tensors(gradient, weights, batch)
    given = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    with torch.no_grad(), PureRecorder(given) as recorder:
        values = function(*given.values())
    results = [recorder.name(value) if id(value) in recorder.names else None for value in values]
    if None in results:
        raise NotRecordedError("its values do not depend on the weights")
    text = recorder.text(recorder.given, ", ".join(map(str, results)))
    evaluate = made_of(text, {**NUMPY, **recorder.constants})
    tolerance = 50_000 * float(torch.finfo(weights.dtype).eps)
    for each in (given, {name: elsewhere(tensor) for name, tensor in given.items()}):
        with torch.no_grad(), np.errstate(all="ignore"):
            right = [value.numpy() for value in function(*each.values())]
            found = evaluate(*(value.numpy() for value in each.values()))
        for ours, theirs in zip(found, right, strict=True):
            largest = np.abs(theirs[np.isfinite(theirs)]).max(initial=1.0)
            if not np.allclose(ours, theirs, rtol=0, atol=tolerance * largest, equal_nan=True):
                raise NotRecordedError("its values do not follow from the weights alone")
    return text, recorder.constants


@contextlib.contextmanager
def float64_on_the_cpu() -> Iterator[None]:
    """Let JAX compute in float64 and on the CPU here, and leave its settings elsewhere alone."""
    jax: Any = importlib.import_module("jax")
    # Older versions have it elsewhere.
    newer = hasattr(jax, "enable_x64")
    enable: Any = (jax if newer else importlib.import_module("jax.experimental")).enable_x64
    with enable(True), jax.default_device(jax.devices("cpu")[0]):
        yield


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
