r"""Residuals: what a model gets wrong, number by number. A loss is the mean of their squares.

Both optimisers take a *residual function* ``residual(model, batch) -> (B, m)`` and minimise

.. math:: \mathcal L(\theta) = \frac{1}{Bm} \sum_{b=1}^{B} \sum_{j=1}^{m} r_{bj}(\theta)^2 .

A *batch* is a dictionary of tensors that share their first axis, one entry per sample; row b
of the residual may depend on sample b alone. Whatever else is to be optimised with the
weights (such as the initial states of a trajectory loss) is a parameter of the module that
is passed as the model.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from hnn_tutorial._validate import (
    as_tensor,
    check_callable,
    check_output,
    check_state,
    check_tensor,
    check_type,
    describe,
)
from hnn_tutorial.data import Dataset

Batch = Mapping[str, Tensor]
Residual = Callable[[Any, Batch], Tensor]
"""A map ``(model, batch) -> (B, m)``; what the model must have is for it to say."""


@dataclass(frozen=True, repr=False)
class SampleLoss:
    r"""A loss that is a mean over samples, and no sum of squares: for Adam and its like.

    .. math:: \mathcal L(\theta) = \frac1B \sum_{b=1}^B \ell_b(\theta)

    Such is a negative log-likelihood. It stands where a residual function stands, and what is
    random in it belongs to the data, as one more tensor: so a training that is interrupted goes on
    as if it had not been.

    Args:
        function: ``(model, batch) -> (B,)``, a loss for each sample; entry b may depend on
            sample b alone.

    Raises:
        ValueError: (when called) if the function does not give one loss for each sample.
    """

    function: Callable[[Any, Batch], Tensor]

    def __post_init__(self) -> None:
        check_callable(function=self.function)

    def __call__(self, model: Any, batch: Batch) -> Tensor:
        """Return the losses of a batch, as a column ``(B, 1)``."""
        value = self.function(model, batch)
        if not isinstance(value, Tensor) or value.ndim != 1:
            shape = tuple(value.shape) if isinstance(value, Tensor) else describe(value)
            raise ValueError(f"{self} gave {shape}; expected one loss for each sample, (B,)")
        return value.unsqueeze(-1)

    def __repr__(self) -> str:
        named = getattr(self.function, "__qualname__", type(self.function).__qualname__)
        return f"SampleLoss({named})"


class LearnableField(Protocol):
    """Anything with a ``field``: the models of this package, or a learner's own."""

    def field(self, x: Tensor) -> Tensor:
        """Return the time derivative at the states, ``(..., 2n) -> (..., 2n)``."""
        ...


def derivative_residual(model: LearnableField, batch: Batch) -> Tensor:
    r"""Return predicted minus true time derivative, one number for each component.

    .. math:: r_b = f_\theta(x_b) - \dot x_b, \qquad
              \|r_b\|^2 = \|\dot q_\theta - \dot q\|^2 + \|\dot p_\theta - \dot p\|^2

    For an HNN this is the loss of Greydanus et al.: the sum of two squared norms. The squared
    norm of the sum of both residuals is another function, which is zero wherever they cancel.

    Args:
        model: its ``field`` is compared.
        batch: ``states`` and ``derivatives``, each ``(B, 2n)``.

    Returns:
        Residuals, ``(B, 2n)``.

    Raises:
        ValueError: if the field does not return a derivative for each component.

    References:
        Greydanus, Dzamba & Yosinski 2019, eq. 3.
    """
    check_field_of(model)
    check_batch(batch, "states", "derivatives")
    predicted = model.field(batch["states"])
    check_output(predicted, batch["states"], batch["derivatives"].shape, "the model's field")
    return predicted - batch["derivatives"]


def acceleration_residual(model: nn.Module, batch: Batch) -> Tensor:
    r"""Return predicted minus true acceleration, for a model with a Lagrangian.

    .. math:: r_b = \ddot q_\theta(x_b) - \ddot q_b, \qquad x_b = [q_b, \dot q_b]

    It is the second half of ``derivative_residual``. The first half is the velocity, which such
    a model reads off the state: zero at any weights, and half of the work.

    Args:
        model: its ``acceleration`` is compared.
        batch: ``states`` ``[q, q̇]`` and ``derivatives`` ``[q̇, q̈]``, each ``(B, 2n)``.

    Returns:
        Residuals, ``(B, n)``.

    Raises:
        TypeError: if the model has no ``acceleration``.

    References:
        Cranmer et al. 2020.
    """
    acceleration = getattr(model, "acceleration", None)
    if acceleration is None or isinstance(model, type):
        raise TypeError(
            f"{describe(model)} has no acceleration; this residual is for models with a "
            "Lagrangian, such as LNN, and derivative_residual is for any"
        )
    check_batch(batch, "states", "derivatives")
    n = check_state(batch["states"])
    check_state(batch["derivatives"], "derivatives", n)
    return acceleration(batch["states"]) - batch["derivatives"][..., n:]


def forced_residual(model: Any, batch: Batch) -> Tensor:
    r"""Return predicted minus true acceleration under inputs.

    .. math:: r_b = \ddot q_\theta(x_b, u_b) - \ddot q_b, \qquad x_b = [q_b, \dot q_b]

    Args:
        model: its ``field(x, u)`` is compared, such as that of a ``control.Machine``.
        batch: ``states`` ``[q, q̇]`` and ``derivatives`` ``[q̇, q̈]``, each ``(B, 2n)``, and
            ``inputs``, ``(B, m)``.

    Returns:
        Residuals, ``(B, n)``.

    Raises:
        TypeError: if the model has no ``field``.
        ValueError: if the field does not return a derivative for each component.
    """
    check_field_of(model)
    check_batch(batch, "states", "derivatives", "inputs")
    states, n = batch["states"], check_state(batch["states"])
    predicted = model.field(states, batch["inputs"])
    check_output(predicted, states, batch["derivatives"].shape, "the model's field")
    return (predicted - batch["derivatives"])[..., n:]


def torque_residual(model: Any, batch: Batch) -> Tensor:
    r"""Return predicted minus true torques: inverse dynamics, learned from what motors did.

    .. math:: r_b = \tau_\theta(q_b, \dot q_b, \ddot q_b) - u_b

    Args:
        model: its ``inverse_dynamics(x, acceleration)`` is compared, such as that of a
            ``control.Machine``, or a network of one's own.
        batch: ``states`` ``[q, q̇]`` and ``derivatives`` ``[q̇, q̈]``, each ``(B, 2n)``, and
            ``inputs``, ``(B, n)``.

    Returns:
        Residuals, ``(B, n)``.

    Raises:
        TypeError: if the model has no ``inverse_dynamics``.
        ValueError: if it does not return a torque for each.

    References:
        Lutter, Ritter & Peters 2019.
    """
    if isinstance(model, type) or not callable(getattr(model, "inverse_dynamics", None)):
        raise TypeError(
            f"the model is {describe(model)}, without an inverse_dynamics(x, acceleration); "
            "expected a control.Machine, or a network that has one"
        )
    check_batch(batch, "states", "derivatives", "inputs")
    n = check_state(batch["states"])
    check_state(batch["derivatives"], "derivatives", n)
    predicted = model.inverse_dynamics(batch["states"], batch["derivatives"][..., n:])
    check_output(predicted, batch["states"], batch["inputs"].shape, "the inverse dynamics")
    return predicted - batch["inputs"]


def map_residual(model: Any, batch: Batch) -> Tensor:
    r"""Return predicted minus true states one step later, for a map.

    .. math:: r_b = \Phi_\theta(x_b) - y_b

    Args:
        model: its ``map`` is compared, such as that of a ``SympNet``.
        batch: ``states`` and ``images``, each ``(B, 2n)``, as ``Trajectories.pairs`` gives them.

    Returns:
        Residuals, ``(B, 2n)``.

    Raises:
        TypeError: if the model has no ``map``.
        ValueError: if the map does not return a state for each.
    """
    if isinstance(model, type) or not callable(getattr(model, "map", None)):
        raise TypeError(f"the model is {describe(model)}, without a map(x); expected one of MAPS")
    check_batch(batch, "states", "images")
    predicted = model.map(batch["states"])
    check_output(predicted, batch["states"], batch["images"].shape, "the model's map")
    return predicted - batch["images"]


def check_field_of(model: Any) -> None:
    """Raise ``TypeError`` unless a model has a field."""
    if isinstance(model, type) or not callable(getattr(model, "field", None)):
        raise TypeError(
            f"the model is {describe(model)}, without a field(x); expected one of MODELS"
        )


def check_batch(batch: Batch, *names: str) -> None:
    """Raise unless a batch holds tensors of these names, with one entry for each sample."""
    check_type(Mapping, f"a mapping of tensors {', '.join(names)}", batch=batch)
    for name in names:
        if name not in batch:
            raise ValueError(f"the batch has no {name!r}; it holds {', '.join(batch) or 'nothing'}")
        check_tensor(batch[name], f"batch[{name!r}]")
    sizes = {name: tuple(batch[name].shape) for name in names}
    if len({size[:1] for size in sizes.values()}) > 1 or () in sizes.values():
        raise ValueError(f"the batch has shapes {sizes}; expected one entry for each sample")


def as_batch(data: Dataset | Batch) -> dict[str, Tensor]:
    """Return the tensors of a dataset by name; of a mapping, with NumPy's arrays as tensors."""
    check_type((Dataset, Mapping), "a Dataset or a mapping of tensors", data=data)
    if isinstance(data, Mapping):
        return {key: as_tensor(value) for key, value in data.items()}
    return {"states": data.states, "derivatives": data.derivatives}
