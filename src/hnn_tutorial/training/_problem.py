"""What an optimiser sees: residuals as a function of one flat vector of weights."""

import math
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from types import FunctionType
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad_and_value, jacrev, vmap

from hnn_tutorial._as_jax import (
    Recording,
    float64_on_the_cpu,
    inventory,
    jax_is_installed,
    keep,
    program,
    recorded_for_jax,
)
from hnn_tutorial._as_numpy import MOST_IN_ARRAY, elsewhere, of_tensors, training_as_numpy
from hnn_tutorial._operations import NotRecordedError
from hnn_tutorial._own import is_all_own, is_own
from hnn_tutorial._validate import check_finite
from hnn_tutorial.integrators import UnsettledStepError
from hnn_tutorial.integrators.implicit import fixed_point_only
from hnn_tutorial.models import LagrangianNetwork
from hnn_tutorial.training.losses import (
    Batch,
    Residual,
    SampleLoss,
    acceleration_residual,
    derivative_residual,
)

LOSS_BLOCK = 16384
"""Samples of which the loss is evaluated at a time. In blocks of 1,000 it took a quarter to nine
tenths of the time, on 40,000 samples; but a step of Levenberg–Marquardt for 337 weights, with
Jacobians between, then took 0.35 s in place of 0.30."""

GRADIENT_BLOCK = 500
"""The same of a gradient of the loss on a CPU, where a batch has more than twice as many: their
numbers stay in its cache, and NumPy may be used. Of HNNs 2-32-32-1 and 2-200-200-1 on 40,000
samples it took 61 and 1,089 ms as a whole, and 26 and 560 ms so; of an LNN 4-32-32-1 343 and 136.
Blocks of 1,000 are a tenth faster for small networks, and the LNN's twice as slow."""

MOST_IN_JACOBIAN = 1_000_000
"""Numbers in a Jacobian that NumPy evaluates. On one thread, of two residuals of a network
2-16-16-1 on 200 and 500 samples it took PyTorch 1.5 and 2.9 ms, and NumPy 0.4 and 1.0 ms."""

COMPILER = "inductor"
"""Of ``torch.compile``; on a CPU it calls a C++ compiler."""

RATES = ((derivative_residual, "field"), (acceleration_residual, "acceleration"))
"""Residuals, and what of a model they compare."""

Worked = TypeVar("Worked")
Gradient = Callable[[Tensor, Batch], tuple[Tensor, Tensor]]
"""``(weights, batch) -> (gradient of the loss, loss)``."""


class TrainingDivergedError(FloatingPointError):
    """The loss became NaN or infinite; the model was put back to its last finite state."""


_recordings: dict[Any, Recording] = {}
"""What is known of models of the package, their residuals and batches, for JAX."""


def _as_it_is(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    return lambda weights, data, values: evaluate(weights, *data, *values)


def _as_arrays(given: Any) -> Any:
    if isinstance(given, Tensor):
        return given.numpy()
    return [*map(_as_arrays, given)] if isinstance(given, list) else given


class _Callable(nn.Module):
    """A model as a module that ``functional_call`` can call with any function of it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, work: Callable[..., Any], *inputs: Any) -> Any:
        return work(self.model, *inputs)


class Problem:
    """Residuals of a model on data, as a function of its trainable weights in one vector.

    The model itself is only read until ``assign`` writes to it: an optimiser that is stopped
    in the middle of a step leaves it whole.

    Args:
        model: the module to train.
        residual: ``(model, batch) -> (B, m)``.
        batch: tensors that share their first axis.
        compile: whether the gradient of the loss, or a step by it, is compiled at its first use: on
            a CPU by JAX, where that is installed and model and residual are the package's own,
            else by PyTorch.

    Attributes:
        compile_seconds: what that took.
        may_record: False leaves every gradient and every linear system to PyTorch, as who counts
            its operations wants it.

    Raises:
        TypeError, ValueError: if model and data do not fit together; each says how.
    """

    compile = False
    compile_seconds = 0.0
    may_record = True

    def __init__(
        self, model: nn.Module, residual: Residual, batch: Batch, *, compile: bool = False
    ) -> None:
        self.compile = compile
        self._by_torch: Callable[..., Any] | None = None
        self.module = _Callable(model)
        self.residual = residual
        self.parameters = {name: p for name, p in self.module.named_parameters() if p.requires_grad}
        if not self.parameters:
            raise ValueError("the model has no trainable parameters")
        kinds = {(p.dtype, p.device) for p in self.parameters.values()}
        if len(kinds) > 1:
            raise ValueError(
                f"the model's parameters are of several dtypes or devices: {kinds}; convert it "
                "with model.to(...)"
            )
        self.dtype, self.device = kinds.pop()
        # Where each weight stands: in several places where it is shared.
        found = [
            (part._parameters, key, p)
            for part in model.modules()
            for key, p in part._parameters.items()
        ]
        self._places: list[list[tuple[dict[str, Any], str]]] = [
            [(holder, key) for holder, key, p in found if p is own]
            for own in self.parameters.values()
        ]
        self.shapes = [p.shape for p in self.parameters.values()]
        self.sizes = [p.numel() for p in self.parameters.values()]
        self.data = dict(batch)
        self.samples = self.check_batch(self.data, "data")
        self.components = self._check_residual()
        self.known: dict[Any, Any] = {}  # what has been written down for NumPy and JAX
        self.rooms: dict[str, Tensor] = {}  # large matrices, to be filled again

    def check_batch(self, batch: Batch, name: str) -> int:
        """Return the number of samples of a batch, or say why the model cannot use it."""
        if not batch:
            raise ValueError(f"{name} holds no tensors")
        lengths = {}
        for key, value in batch.items():
            if not isinstance(value, Tensor) or value.ndim == 0:
                raise TypeError(f"{name}[{key!r}] must be a tensor with one entry per sample")
            lengths[key] = len(value)
            if value.device != self.device:
                raise ValueError(
                    f"{name}[{key!r}] is on {value.device}, the model on {self.device}; "
                    "move one with .to(device=...)"
                )
            if not value.is_floating_point():
                continue
            if value.dtype != self.dtype:
                raise TypeError(
                    f"{name}[{key!r}] has dtype {value.dtype}, the model has {self.dtype}; "
                    "convert one with .to(dtype=...)"
                )
            check_finite(value, f"{name}[{key!r}]")
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{name} must have one entry per sample everywhere, has {lengths}")
        samples = next(iter(lengths.values()))
        if samples == 0:
            raise ValueError(f"{name} is empty; expected at least one sample")
        return samples

    def _check_residual(self) -> int:
        few = {key: value[:2] for key, value in self.data.items()}
        with torch.no_grad():
            value = self.module(self.residual, few)
        count = len(next(iter(few.values())))
        if not isinstance(value, Tensor) or value.ndim != 2 or len(value) != count:
            shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(
                f"the residual of {count} samples is {shape}; expected a tensor ({count}, m)"
            )
        return value.shape[1]

    def weights(self) -> Tensor:
        """Return a copy of the model's trainable weights, shape ``(P,)``."""
        return torch.cat([p.detach().reshape(-1) for p in self.parameters.values()])

    def assign(self, weights: Tensor) -> None:
        """Write weights ``(P,)`` into the model."""
        with torch.no_grad():
            pieces = weights.split(self.sizes)
            for p, piece in zip(self.parameters.values(), pieces, strict=True):
                p.copy_(piece.view(p.shape))

    def call(self, weights: Tensor, work: Callable[..., Worked], *inputs: Any) -> Worked:
        """Return ``work(model, *inputs)`` with these weights in the model; differentiable.

        As ``functional_call``, which looks for the places of the weights in each call: that took
        0.1 of the 0.6 ms of a loss of an HNN 2-16-16-1 on 500 samples.
        """
        pieces = zip(weights.split(self.sizes), self.shapes, self._places, strict=True)
        before = [(holder, key, holder[key]) for places in self._places for holder, key in places]
        try:
            for piece, shape, places in pieces:
                value = piece.view(shape)
                for holder, key in places:
                    holder[key] = value
            with fixed_point_only():
                return work(self.module.model, *inputs)
        finally:
            for holder, key, value in before:
                holder[key] = value

    def _call_compiled(self, weights: Tensor, work: Callable[..., Worked], *inputs: Any) -> Worked:
        """Return the same in a form that ``torch.compile`` understands."""
        pieces = zip(self.parameters, weights.split(self.sizes), self.shapes, strict=True)
        named = {name: piece.view(shape) for name, piece, shape in pieces}
        return functional_call(self.module, named, (work, *inputs))

    def residuals(self, weights: Tensor, batch: Batch) -> Tensor:
        """Return the residuals at the given weights, ``(B, m)``; differentiable."""
        return self.call(weights, self.residual, batch)

    def values(self, weights: Tensor, batch: Batch, *, once: bool = False) -> Tensor:
        """Return the residuals where no gradient is wanted, ``(B, m)``.

        A residual that has ``values(problem, weights, batch)`` of its own is asked for it. For a
        single call recording takes longer than it saves.
        """
        own = getattr(self.residual, "values", None)
        if own is not None:
            return own(self, weights, batch)
        if once:
            return self.residuals(weights, batch)
        # Of other own ways PyTorch is as fast.
        evaluate = self.recorded(self.residuals, weights, batch, of_tanh=self._rate is not None)
        return (evaluate or self.residuals)(weights, batch)

    def summands(self, residuals: Tensor) -> Tensor:
        """Return what the loss is the mean of: squares, or the losses of a ``SampleLoss``."""
        return residuals if isinstance(self.residual, SampleLoss) else residuals.square()

    def loss(self, weights: Tensor, batch: Batch, *, once: bool = False) -> float:
        """Return the loss on a batch, computed in blocks without a graph.

        Weights at which an implicit step cannot be solved have an infinite loss, as have those
        at which an explicit one runs away.
        """
        total, count = 0.0, 0
        with torch.no_grad():
            for part in chunks(batch, LOSS_BLOCK):
                try:
                    r = self.values(weights, part, once=once)
                except UnsettledStepError:
                    return math.inf
                total += self.summands(r).sum(dtype=torch.float64).item()
                count += r.numel()
        return total / count

    def gradient(self, weights: Tensor, batch: Batch) -> tuple[Tensor, float]:
        """Return the gradient of the loss on a batch, ``(P,)``, and the loss.

        Raises:
            TrainingDivergedError: if either is not finite.
        """
        if self.compile:
            g, loss = self._compiled_gradient(weights.detach(), batch)
        else:
            g, loss = self._gradient(weights, batch)
        value = require_finite(loss.item(), "the loss")
        require_finite(g.abs().max().item(), "the gradient")
        return g, value

    def _gradient(self, weights: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the same whatever it is; of a long batch on a CPU as the mean over blocks."""
        samples = len(next(iter(batch.values())))
        if samples <= 2 * GRADIENT_BLOCK or self.device.type != "cpu":
            evaluate = self.recorded(self.gradient_by_autograd, weights, batch)
            return (evaluate or self.gradient_by_autograd)(weights, batch)
        g, loss = torch.zeros_like(weights), weights.new_zeros(())
        for part in chunks(batch, GRADIENT_BLOCK):
            share = len(next(iter(part.values()))) / samples
            of_part, loss_of_part = self._gradient(weights, part)
            g.add_(of_part, alpha=share)
            loss.add_(loss_of_part, alpha=share)
        return g, loss

    def gradient_by_autograd(self, weights: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the gradient of the loss on a batch and the loss, whatever they are."""
        weights = weights.detach().requires_grad_()
        with torch.enable_grad():
            loss = self.summands(self.residuals(weights, batch)).mean()
            (g,) = torch.autograd.grad(loss, weights)
        return g, loss.detach()

    def recorded(
        self,
        function: Callable[[Tensor, Batch], Worked],
        weights: Tensor,
        batch: Batch,
        *,
        largest: float = MOST_IN_ARRAY,
        of_tanh: bool = False,
    ) -> Callable[[Tensor, Batch], Worked] | None:
        """Return what gives the same by NumPy, for weights and batches of these shapes, or None.

        Args:
            function: ``(weights, batch) -> tensors``, of this model and residual.
            weights: such as those that follow.
            batch: likewise.
            largest: numbers in an array on the way, from which on PyTorch is as fast.
            of_tanh: whether only where tanh takes much of the time.
        """
        if not self.may_record:
            return None
        shapes = [value.shape for value in batch.values()]
        key = (function.__name__, weights.shape, *shapes)
        if key not in self.known:
            self.known[key] = training_as_numpy(
                self.module.model, self.residual, function, weights, batch, largest, of_tanh
            )
        found = self.known[key]
        if found is None:
            return None

        def evaluate(weights: Tensor, batch: Batch) -> Any:
            with np.errstate(all="ignore"):  # the caller looks at what comes
                value = found(weights.numpy(), *(value.numpy() for value in batch.values()))
            if isinstance(value, tuple):
                return tuple(torch.from_numpy(np.asarray(each)) for each in value)
            return torch.from_numpy(value)

        return evaluate

    def by_jax(
        self,
        make: Callable[..., Any],
        function: Callable[[Tensor, Batch], Any],
        batch: Batch,
        *given: Any,
        **more: Any,
    ) -> list[np.ndarray] | None:
        """Call what is made of a function of weights and a batch, compiled; None without JAX.

        Args:
            make: of ``evaluate(weights, *the batch's values, *values)`` the function to compile,
                ``(*given, values=..., **more) -> arrays``; one that outlives this call.
            function: a method of this problem, or one that is kept likewise.
            batch: of the shapes that it is recorded for.
            given: tensors and arrays, some in lists, or None.
            more: numbers, by name.
        """
        begin = time.perf_counter()
        recording = self.recorded_for_jax(function, batch)
        if recording is None:
            return None
        with float64_on_the_cpu():
            run = program(make, recording.text, recording.fixed)
            # A copy: what is JAX's own may not be written to.
            arrays = map(_as_arrays, given)
            found = [np.array(x) for x in run(*arrays, values=recording.values, **more)]
        # With the first steps; where another training compiled the same, it is these alone.
        self.compile_seconds = self.compile_seconds or time.perf_counter() - begin
        return found

    def recorded_for_jax(self, function: Callable[..., Any], batch: Batch) -> Recording | None:
        """Return a function of weights and a batch of these shapes as text; None without JAX."""
        key = ("JAX", function, *(value.shape for value in batch.values()))
        if key not in self.known:
            self.known[key] = self._recorded_for_jax(function, batch)
        return self.known[key]

    def _recorded_for_jax(self, function: Callable[..., Any], batch: Batch) -> Recording | None:
        weights = self.weights()
        tensors = [weights, *batch.values()]
        if not jax_is_installed() or any(each.device.type != "cpu" for each in tensors):
            return None
        if not is_all_own(self.module.model, self.residual):
            return None
        # What such a model was recorded as before holds for other weights, but no other constants.
        held = inventory(self.module.model) if isinstance(self.residual, FunctionType) else None
        plain, read = held or ((), [])
        trained = set(map(id, self.parameters.values()))
        constants = [t.detach().numpy().tobytes() for t in read if id(t) not in trained]
        forms = tuple((name, value.shape, value.dtype) for name, value in batch.items())
        key = (plain, *constants, self.residual, function.__name__, forms)
        if held and key in _recordings:
            return _recordings[key]
        of_these, inputs = of_tensors(function, weights, batch)
        inputs = {name: tensor.detach().clone() for name, tensor in inputs.items()}
        try:
            found = recorded_for_jax(of_these, inputs, [*map(elsewhere, inputs.values())])
        except (NotRecordedError, RuntimeError, ValueError):
            return None  # PyTorch knows more operations, and says what is wrong
        if held:
            keep(_recordings, key, found)
        return found

    def _compiled_gradient(self, weights: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        found = self.by_jax(_as_it_is, self.gradient_by_autograd, batch, weights, [*batch.values()])
        if found is not None:
            g, loss = map(torch.from_numpy, found)
            return g, loss
        g, loss = self.by_torch(lambda gradient: gradient, weights, batch)
        return g, loss

    def by_torch(self, make: Callable[[Gradient], Callable[..., Any]], *given: Any) -> Any:
        """Call what is made of the gradient of the loss, as one function that PyTorch compiled.

        Args:
            make: of ``(weights, batch) -> (gradient, loss)`` a function of what is given; the same
                at every call.
            given: tensors, and a batch.
        """
        if self._by_torch is not None:
            return self._by_torch(*given)
        begin = time.perf_counter()

        def loss(weights: Tensor, batch: Batch) -> Tensor:
            return self.summands(self._call_compiled(weights, self.residual, batch)).mean()

        made = make(grad_and_value(loss))
        compiled = torch.compile(made, fullgraph=True, dynamic=False, backend=COMPILER)
        try:
            with fixed_point_only():
                found = compiled(*given)
        except RuntimeError as error:  # what is thrown by a compiler is one, of many kinds
            first = str(error).strip().splitlines()[0]
            raise ValueError(
                f"the training could not be compiled ({type(error).__name__}: {first}). On a CPU "
                "that takes JAX or a C++ compiler, and it takes a model and a residual that no "
                "value leads; call fit without compile=True"
            ) from error
        self.compile_seconds = time.perf_counter() - begin
        self._by_torch = compiled
        return found

    def jacobian(self, weights: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the Jacobian of the residuals, ``(B, m, P)``, and the residuals ``(B, m)``.

        A residual that has a ``jacobian(problem, weights, batch)`` of its own, because it knows a
        shorter way, is asked for it; so is a model for that of its field or its acceleration, by
        ``field_jacobian`` and ``acceleration_jacobian``. For others it takes one reverse pass for
        each of the m components, vectorised over the samples. For an HNN 2-16-16-1 and 500 samples
        on one thread that took 3 ms, its own way 0.7 ms; forward mode, one pass for each weight, 90
        ms and more; per-sample copies of the weights in eager mode 5 ms. For an LNN and a
        structured LNN of two degrees, 16 and 16 units, it took 7 and 5 ms, their own ways 2.1 and
        2.5 ms; for the latter of 16 degrees 1,650 and 230 ms.
        """
        own = getattr(self.residual, "jacobian", None)
        if own is not None:
            return own(self, weights, batch)
        if self._rate is not None:
            with torch.no_grad():
                J, rates = self.call(weights, jacobian_of, self._rate, batch["states"])
            return J, rates - batch["derivatives"][..., -rates.shape[-1] :]

        def one(weights: Tensor, sample: Batch) -> tuple[Tensor, Tensor]:
            r = self.residuals(weights, as_batch(sample)).squeeze(0)
            return r, r

        def jacobian_by_autograd(weights: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
            J, r = vmap(jacrev(one, has_aux=True), in_dims=(None, 0))(weights, batch)
            return J.detach(), r.detach()

        evaluate = self.recorded(jacobian_by_autograd, weights, batch, largest=MOST_IN_JACOBIAN)
        return (evaluate or jacobian_by_autograd)(weights, batch)

    @cached_property
    def _rate(self) -> str | None:
        """What of the model the residual compares, where the model gives its Jacobian."""
        rate = next((rate for residual, rate in RATES if residual is self.residual), None)
        return rate if rate and gives_jacobian(self.module.model, rate) else None


def gives_jacobian(model: nn.Module, rate: str) -> bool:
    """Return whether a model gives the Jacobian of its field or its acceleration.

    Only a model that is the package's own to its last part does: a method that was replaced, a
    subclass, a hook or a frozen weight would change the rate and not its Jacobian.

    Args:
        model: the module.
        rate: ``field`` or ``acceleration``.
    """
    # A field that is made of an acceleration has its Jacobian only where that one has.
    made_of = ["acceleration"] if isinstance(model, LagrangianNetwork) else []
    return (
        all(_defines_jacobian(model, name) for name in {rate, *made_of})
        and all(p.requires_grad for p in model.parameters())
        and all(is_own(part) for part in model.modules())
    )


def jacobian_of(model: nn.Module, rate: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the Jacobian of a rate by all weights of a model, ``(B, m, P)``, and the rate."""
    J, value = getattr(model, f"{rate}_jacobian")(x)
    return J, value


def _defines_jacobian(model: nn.Module, rate: str) -> bool:
    """Return whether the class that defines a rate defines its Jacobian beside it."""
    return rate not in vars(model) and f"{rate}_jacobian" in vars(_definer(type(model), rate))


def _definer(kind: type, name: str) -> type:
    """Return the class, of a class and those it inherits from, that defines a method."""
    return next((base for base in kind.__mro__ if name in vars(base)), object)


def as_batch(sample: Batch) -> Batch:
    """Return one sample as a batch of one."""
    return {key: value.unsqueeze(0) for key, value in sample.items()}


def chunks(batch: Batch, size: int) -> Iterator[Batch]:
    """Yield a batch in parts of at most ``size`` samples."""
    samples = len(next(iter(batch.values())))
    for start in range(0, samples, size):
        yield {key: value[start : start + size] for key, value in batch.items()}


def require_finite(value: float, what: str) -> float:
    """Return ``value``, or raise ``TrainingDivergedError`` naming ``what`` is not finite."""
    if not math.isfinite(value):
        raise TrainingDivergedError(f"{what} is {value}")
    return value
