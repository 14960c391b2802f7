"""Whose code a function is: what of the package may be recorded without a look at what it does."""

from dataclasses import fields, is_dataclass
from types import FunctionType
from typing import Any

from torch import Tensor, nn

PARTS = (
    "hnn_tutorial.systems.",
    "hnn_tutorial.models.",
    "hnn_tutorial.own_recording.rivals.",
    "hnn_tutorial.control.machine.",
    "hnn_tutorial.flows.",
    "hnn_tutorial.training.trajectory.",
)
"""Of the package, those whose functions compute and do nothing else."""

WRAPPERS = ("hnn_tutorial.models.own.", "hnn_tutorial.models.poisson_nn.")
"""Around a module or a function of a user's own."""


def is_own(part: nn.Module) -> bool:
    """Return whether a module is of the package, or a layer of its networks, as it was made."""
    name = type(part).__module__ + "."
    own = name.startswith(PARTS) and not name.startswith(WRAPPERS)
    plain = own or type(part) in (nn.Linear, nn.ModuleList)
    replaced = any(callable(v) and hasattr(type(part), k) for k, v in vars(part).items())
    return plain and not replaced and not part._forward_hooks and not part._forward_pre_hooks


def wants_gradient(owner: Any) -> bool:
    """Return whether a weight of a model or a parameter of a system wants a gradient."""
    if isinstance(owner, nn.Module):
        return any(weight.requires_grad for weight in owner.parameters())
    values = [getattr(owner, each.name) for each in fields(owner)]
    return any(isinstance(value, Tensor) and value.requires_grad for value in values)


def _is_all_own(owner: Any) -> bool:
    if not isinstance(owner, nn.Module):
        return is_dataclass(owner) and (type(owner).__module__ + ".").startswith(PARTS)
    # A machine may be one of a system, or of a Lagrangian function of somebody's.
    inner = getattr(owner, "model", owner)
    own = all(is_own(part) for part in owner.modules())
    return own and (isinstance(inner, nn.Module) or _is_all_own(inner))


def is_all_own(model: nn.Module, residual: Any) -> bool:
    """Return whether a model and the residual that it is trained by are the package's own.

    Those of others may do more than compute, such as count their calls, or follow a number that
    changes; what was recorded of them once would not.
    """
    return _is_all_own(model) and is_of_own(residual)


def is_of_own(residual: Any) -> bool:
    """Return whether a residual is the package's own."""
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
