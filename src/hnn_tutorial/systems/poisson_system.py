"""Systems whose states are no pairs of positions and momenta."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from hnn_tutorial._validate import check_vector
from hnn_tutorial.mechanics import poisson_field
from hnn_tutorial.systems._system import System


@dataclass(frozen=True)
class PoissonSystem(System):
    r"""A system that a Hamiltonian moves by a bracket other than the canonical one.

    .. math:: \dot x = J(x)\, \nabla H(x), \qquad J(x)^\top = -J(x)

    The state x has any number of components, even or odd. H is conserved, as :math:`\nabla H^\top
    J\, \nabla H = 0`, and so is every *Casimir* C, a function with :math:`J \nabla C = 0`, whatever
    H is.

    One's own is a frozen dataclass with ``dimension``, ``hamiltonian`` and ``poisson_matrix``, and
    with ``casimirs`` where there are some; the field follows. What asks for q and p, the
    Lagrangian, momenta and velocities, it does not have.
    """

    canonical: ClassVar[bool] = False

    @property
    def dimension(self) -> int:
        """d, the number of components of a state; a class states it as an attribute."""
        raise NotImplementedError(
            f"{type(self).__name__} has no dimension; state it as an attribute: dimension = 3"
        )

    @property
    def degrees(self) -> int:
        """There are none: the components are no pairs."""
        raise AttributeError(
            f"the {self.title} has no degrees of freedom [q, p]; its states have "
            f"{self.dimension} components (dimension)"
        )

    @property
    def coordinates(self) -> tuple[tuple[str, str], ...]:
        """``(symbol, unit)`` of each component of the state; x1, x2, ... if not stated."""
        return tuple((f"x{i + 1}", "") for i in range(self.dimension))

    @property
    def angles(self) -> tuple[int, ...]:
        """The indices of the components that are angles."""
        return tuple(i for i, (_, unit) in enumerate(self.coordinates) if unit == "rad")

    def poisson_matrix(self, x: Tensor) -> Tensor:
        """Return J of a state, antisymmetric, shape ``(..., d) -> (..., d, d)``."""
        raise self._lacks("poisson_matrix")

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return H of a state, shape ``(..., d) -> (...,)``."""
        raise self._lacks("hamiltonian")

    def field(self, x: Tensor) -> Tensor:
        """Return the motion J ∇H at a state, shape ``(..., d) -> (..., d)``."""
        return poisson_field(self.hamiltonian, self.poisson_matrix)(x)

    @property
    def casimirs(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """The scalar functions of the state that every H of this bracket conserves, by name."""
        return {}

    @property
    def invariants(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """The scalar functions of the state that the motion leaves unchanged, by name."""
        return {"energy": self.hamiltonian, **self.casimirs}

    def lagrangian(self, x: Tensor) -> Tensor:
        """Raise: a Lagrangian is a function of ``[q, q̇]``."""
        raise self._without_pairs("lagrangian")

    def velocities(self, x: Tensor) -> Tensor:
        """Raise, likewise; the rate of a state is its ``field``."""
        raise self._without_pairs("velocities")

    def momenta(self, x: Tensor) -> Tensor:
        """Raise, likewise."""
        raise self._without_pairs("momenta")

    def second_order_field(self, x: Tensor) -> Tensor:
        """Raise, likewise."""
        raise self._without_pairs("second-order field")

    def check(self, value: Any, name: str = "x") -> None:
        """Raise unless a value is a state of this system, or a batch of them."""
        check_vector(value, name, self.dimension)

    def _lacks(self, part: str) -> NotImplementedError:
        return NotImplementedError(
            f"{type(self).__name__} has no {part}(self, x); a Poisson system needs a hamiltonian "
            "and a poisson_matrix"
        )

    def _without_pairs(self, part: str) -> NotImplementedError:
        return NotImplementedError(
            f"the {self.title} has no {part}: its state is not [q, p]; use its field, "
            "hamiltonian and poisson_matrix"
        )
