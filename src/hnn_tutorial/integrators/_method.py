"""What an integrator states about itself."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

Field = Callable[[Tensor], Tensor]
Clocked = Callable[[float, Tensor], Tensor]
Step = Callable[[Field, Tensor, float], Tensor]


@dataclass(frozen=True)
class Method:
    """One integrator: its step function, and the properties that the tests check.

    Attributes:
        name: the key in ``METHODS``.
        title: the name to print.
        order: the error at a fixed time falls as ``step ** order``.
        symplectic: whether one step is a symplectic map when the field is Hamiltonian.
        adaptive: whether the method chooses its own steps (SciPy's).
        needs_separable: whether q̇ must depend on p alone and ṗ on q alone.
        evaluations: calls of the field per step (for implicit methods, per iteration; for
            adaptive ones, per attempted step).
        step: ``(field, x, h) -> x`` one step ``h`` later; None for an adaptive method.
        needs_constraints: whether the field must know its constraints, as ``constrained_field``
            makes it.
    """

    name: str
    title: str
    order: int
    symplectic: bool
    adaptive: bool
    needs_separable: bool
    evaluations: int
    step: Step | None
    needs_constraints: bool = False
