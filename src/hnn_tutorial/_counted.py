"""A field that counts how often it is called."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from hnn_tutorial._validate import check_callable


class Counted:
    """A field that counts its calls: what a method costs, on any machine.

    Pass it in place of the field. The package's own fields are still evaluated by NumPy, and a step
    that NumPy makes adds the calls that the method makes in that step. All calls count, also the
    few by which a splitting method finds out whether a field is separable, and those of the steps
    that an adaptive method rejects.

    >>> import torch
    >>> from hnn_tutorial.integrators import integrate
    >>> from hnn_tutorial.systems import Pendulum
    >>> field = Counted(Pendulum().field)
    >>> end = integrate(field, torch.tensor([1.0, 0.0]).double(), [0.0, 10.0], step=0.1)[-1]
    >>> field.calls
    400

    Args:
        field: f(x) or f(t, x), as ``integrate`` takes it.

    Attributes:
        field: the same.
        calls: how often it was called so far; one call may be for a batch of states.

    Raises:
        TypeError: if the field cannot be called.
    """

    def __init__(self, field: Callable[..., Tensor]) -> None:
        check_callable(field=field)
        self.field = field
        self.calls = 0
        # By this `inspect` and `integrate` find the arguments of the field.
        self.__wrapped__ = field

    def __call__(self, *given: Any) -> Tensor:
        """Return the field's value, and count."""
        self.calls += 1
        return self.field(*given)

    def __repr__(self) -> str:
        return f"Counted({self.field!r}), {self.calls} calls"
