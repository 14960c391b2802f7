"""What every physical system states about itself."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_times,
    check_count,
    check_interval,
    check_not_negative,
    check_positive,
    check_state,
)
from hnn_tutorial.mechanics import conjugate_momentum, jacobian
from hnn_tutorial.random import as_generator


@dataclass(frozen=True)
class Parameter:
    """A parameter of a system.

    Attributes:
        name: that of the constructor's argument.
        value: in the unit.
        unit: such as ``"kg"``; ``"1"`` for a pure number.
        meaning: in a few words.
    """

    name: str
    value: float
    unit: str
    meaning: str


def parameter(default: float, unit: str, meaning: str, *, may_be_zero: bool = False) -> Any:
    """Declare a field of a system with its unit and meaning; it must be positive (or zero).

    The type is Any, as ``dataclasses.field`` has it: the field's own annotation states it.
    """
    metadata = {"unit": unit, "meaning": meaning, "may_be_zero": may_be_zero}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class System:
    """A physical system: H, L, its field, invariants, parameters, initial states, a solution.

    A new system is a frozen dataclass in a file of its own that states these, and a row in
    ``SYSTEMS``. Formulas act on the last axis and take any batch shape; dtype and device
    follow the state. The closed-form ``field`` is held by a test to
    ``hamiltonian_field(hamiltonian)`` less its friction. That ``x`` or ``x0`` is a state of the
    system is checked before each public formula of it, so that formulas need not.
    """

    name: ClassVar[str]
    title: ClassVar[str]

    @property
    def degrees(self) -> int:
        """n, the degrees of freedom; a class states it as a plain attribute."""
        raise NotImplementedError

    @property
    def coordinates(self) -> tuple[tuple[str, str], ...]:
        """``(symbol, unit)`` of each component of the state ``[q, p]``; likewise."""
        raise NotImplementedError

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name, method in list(vars(cls).items()):
            own = inspect.isfunction(method) and method not in vars(System).values()
            if own and not name.startswith("_"):
                setattr(cls, name, _of_a_state(method))

    def __post_init__(self) -> None:
        for declared in fields(self):
            value = {declared.name: getattr(self, declared.name)}
            if declared.metadata["may_be_zero"]:
                check_not_negative(**value)
            else:
                check_positive(**value)

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters with their units, in the order of the constructor."""
        return [
            Parameter(f.name, getattr(self, f.name), f.metadata["unit"], f.metadata["meaning"])
            for f in fields(self)
        ]

    @property
    def angles(self) -> tuple[int, ...]:
        """The indices of the positions that are angles, what a model takes as ``angles``."""
        positions = self.coordinates[: self.degrees]
        return tuple(i for i, (_, unit) in enumerate(positions) if unit == "rad")

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return H of ``[q, p]``, shape ``(..., 2n) -> (...,)``."""
        raise NotImplementedError

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return L of ``[q, q̇]``, shape ``(..., 2n) -> (...,)``."""
        raise NotImplementedError

    def field(self, x: Tensor) -> Tensor:
        """Return the motion ``[q̇, ṗ]`` at ``[q, p]``, shape ``(..., 2n) -> (..., 2n)``."""
        raise NotImplementedError

    def velocities(self, x: Tensor) -> Tensor:
        """Return ``[q, q̇]`` of a state ``[q, p]``, the same shape."""
        check_state(x, degrees=self.degrees)
        return torch.cat([x[..., : self.degrees], self.field(x)[..., : self.degrees]], dim=-1)

    def momenta(self, x: Tensor) -> Tensor:
        """Return ``[q, p]`` of a state ``[q, q̇]``, with p = ∂L/∂q̇, the same shape."""
        check_state(x, degrees=self.degrees)
        return conjugate_momentum(self.lagrangian)(x)

    def second_order_field(self, x: Tensor) -> Tensor:
        """Return the motion ``[q̇, q̈]`` at ``[q, q̇]``, friction included, the same shape.

        It is what ``field`` says of ``[q, p]``, said of velocities: the derivative of
        ``velocities`` along ``field``.
        """
        canonical = self.momenta(x)
        motion = self.field(canonical).unsqueeze(-1)
        return (jacobian(self.velocities)(canonical) @ motion).squeeze(-1)

    @property
    def invariants(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """The scalar functions of ``[q, p]`` that the motion leaves unchanged, by name."""
        return {"energy": self.hamiltonian}

    def sample(self, count: int, seed: int | torch.Generator) -> Tensor:
        """Draw initial states; most systems have options of their own.

        Args:
            count: how many.
            seed: integer or generator.

        Returns:
            States ``[q, p]``, shape ``(count, 2n)``, float64.
        """
        raise NotImplementedError

    def solution(self, x0: Tensor, times: Tensor) -> Tensor:
        """Return the exact motion.

        Args:
            x0: states at ``times[0]``, ``(..., 2n)``.
            times: ``(T,)``, in s.

        Returns:
            States, ``(T, ..., 2n)``.

        Raises:
            NotImplementedError: if the system has no closed-form solution.
        """
        raise NotImplementedError(
            f"the {self.title} has no closed-form solution; "
            "use integrate(system.field, x0, times, method='dop853')"
        )


def _of_a_state(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method that checks its first argument, if that is a state."""
    name = next(iter([*inspect.signature(method).parameters][1:]), "")
    if name not in ("x", "x0"):
        return method

    @functools.wraps(method)
    def checked(self: System, *given: Any, **named: Any) -> Any:
        check_state(given[0] if given else named.get(name), name, self.degrees)
        return method(self, *given, **named)

    return checked


def sample_annulus(
    count: int, seed: int | torch.Generator, radius: tuple[float, float], n: int = 1
) -> Tensor:
    """Draw states of random direction whose distance from the origin is uniform in an interval.

    Args:
        count: how many.
        seed: integer or generator.
        radius: ``(smallest, largest)`` norm of ``[q, p]``.
        n: degrees of freedom.

    Returns:
        States, shape ``(count, 2n)``, float64.

    Raises:
        ValueError: for a count below 1, or radii that are negative or out of order.
    """
    check_count(count=count)
    check_interval(radius=radius)
    generator = as_generator(seed)
    direction = torch.randn(count, 2 * n, generator=generator, dtype=torch.float64)
    direction = direction / direction.norm(dim=-1, keepdim=True)
    return uniform((count, 1), radius, generator) * direction


def uniform(
    shape: tuple[int, ...], interval: tuple[float, float], generator: torch.Generator
) -> Tensor:
    """Draw numbers uniform in an interval, float64."""
    low, high = interval
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)


def linear_solution(field: Callable[[Tensor], Tensor], x0: Tensor, times: Tensor) -> Tensor:
    r"""Return the exact motion of a linear field :math:`f(x) = Ax`: :math:`x(t) = e^{At} x_0`.

    Args:
        field: linear, ``(..., d) -> (..., d)``.
        x0: states at ``times[0]``, ``(..., d)``.
        times: ``(T,)``, in s.

    Returns:
        States, ``(T, ..., d)``.
    """
    times = as_times(times, x0)
    A = field(torch.eye(x0.shape[-1], dtype=x0.dtype, device=x0.device)).mT
    flow = torch.matrix_exp(A * (times - times[0]).reshape(-1, 1, 1))
    return torch.einsum("tij,...j->t...i", flow, x0)
