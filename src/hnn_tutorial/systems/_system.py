"""What every physical system states about itself."""

import functools
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar, TypeVar

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
from hnn_tutorial.mechanics import (
    conjugate_momentum,
    hamiltonian_field,
    jacobian,
    legendre_transform,
    symplectic_form,
)
from hnn_tutorial.random import as_generator

Own = TypeVar("Own", bound="System")


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
    """Return a field of a system's dataclass, with its unit and meaning; it must be positive.

    It is written like ``dataclasses.field``: ``mass: float = parameter(1.0, "kg", "mass")``.

    Args:
        default: its value where none is given.
        unit: such as ``"kg"``; ``"1"`` for a pure number.
        meaning: in a few words.
        may_be_zero: whether zero is allowed too.
    """
    metadata = {"unit": unit, "meaning": meaning, "may_be_zero": may_be_zero}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class System:
    """A physical system: H, L, its field, invariants, parameters, initial states, a solution.

    A system of one's own is a frozen dataclass with a ``hamiltonian`` or a ``lagrangian``, and
    ``degrees`` where there are more than one. The rest follows: the one function from the other
    by the Legendre transform, the field by Hamilton's equations, ``q`` and ``p`` as coordinates,
    the name from that of the class. ``parameter`` declares a field with its unit; a plain field
    will do. A parameter may be a tensor that wants a gradient, such as an ``nn.Parameter``: H, L
    and the motion then carry it.

    A new system of the package states all of these, and has a row in ``SYSTEMS``. Formulas act
    on the last axis and take any batch shape; dtype and device follow the state. The closed-form
    ``field`` is held by a test to ``hamiltonian_field(hamiltonian)`` less its friction. That
    ``x`` or ``x0`` is a state of the system is checked before each public formula of it, so that
    formulas need not.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    canonical: ClassVar[bool] = True
    """Whether the state is ``[q, p]``; that of a ``PoissonSystem`` is not."""

    @property
    def degrees(self) -> int:
        """n, the degrees of freedom; a class with more than one states it as an attribute."""
        return 1

    @property
    def dimension(self) -> int:
        """The number of components of a state, 2n."""
        return 2 * self.degrees

    @property
    def coordinates(self) -> tuple[tuple[str, str], ...]:
        """``(symbol, unit)`` of each component of the state ``[q, p]``; likewise."""
        ends = [""] if self.degrees == 1 else [str(i + 1) for i in range(self.degrees)]
        return tuple((f"{letter}{end}", "") for letter in "qp" for end in ends)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", cls.__name__).lower()
        if "name" not in vars(cls):
            cls.name = words.replace(" ", "_")
        if "title" not in vars(cls):
            cls.title = words.replace("_", " ")
        for name, method in list(vars(cls).items()):
            own = inspect.isfunction(method) and method not in vars(System).values()
            if own and not name.startswith("_"):
                setattr(cls, name, _of_a_state(method))

    def __post_init__(self) -> None:
        for declared in fields(self):
            value = {declared.name: getattr(self, declared.name)}
            if "may_be_zero" not in declared.metadata:
                continue  # a plain field; what it may be is for its class to say
            if declared.metadata["may_be_zero"]:
                check_not_negative(**value)
            else:
                check_positive(**value)

    @property
    def parameters(self) -> list[Parameter]:
        """The parameters with their units, in the order of the constructor."""
        return [
            Parameter(
                f.name,
                getattr(self, f.name),
                f.metadata.get("unit", ""),
                f.metadata.get("meaning", f.name.replace("_", " ")),
            )
            for f in fields(self)
        ]

    def _in_numbers(self: Own) -> Own:
        """Return the system with its parameters as numbers, for a solution without gradients.

        Raises:
            ValueError: if a parameter wants a gradient, which would be lost.
        """
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        tensors = {name: value for name, value in given.items() if isinstance(value, Tensor)}
        wanting = [name for name, value in tensors.items() if value.requires_grad]
        if wanting and torch.is_grad_enabled():
            raise ValueError(
                f"the exact solution of the {self.title} carries no gradient to "
                f"{', '.join(wanting)}; use integrate(system.field, x0, times), or torch.no_grad()"
            )
        return replace(self, **{name: value.item() for name, value in tensors.items()})

    @property
    def angles(self) -> tuple[int, ...]:
        """The indices of the positions that are angles, what a model takes as ``angles``."""
        positions = self.coordinates[: self.degrees]
        return tuple(i for i, (_, unit) in enumerate(positions) if unit == "rad")

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return H of ``[q, p]``, shape ``(..., 2n) -> (...,)``; by default from L."""
        check_state(x, degrees=self.degrees)
        if type(self).lagrangian is System.lagrangian:
            raise self._without_motion()
        return legendre_transform(self.lagrangian)(x)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return L of ``[q, q̇]``, shape ``(..., 2n) -> (...,)``; by default from H."""
        check_state(x, degrees=self.degrees)
        if type(self).hamiltonian is System.hamiltonian:
            raise self._without_motion()
        # The transform is its own inverse: L = p·q̇ − H, where q̇ = ∂H/∂p.
        return legendre_transform(self.hamiltonian)(x)

    def _without_motion(self) -> NotImplementedError:
        return NotImplementedError(
            f"{type(self).__name__} has neither a hamiltonian(self, x) nor a lagrangian(self, x); "
            "a system needs one of them"
        )

    def field(self, x: Tensor) -> Tensor:
        """Return the motion ``[q̇, ṗ]`` at ``[q, p]``, shape ``(..., 2n) -> (..., 2n)``.

        By default it is that of H; a class with friction has a field of its own.
        """
        check_state(x, degrees=self.degrees)
        return hamiltonian_field(self.hamiltonian)(x)

    def poisson_matrix(self, x: Tensor) -> Tensor:
        """Return the J of ``field = J ∇H``, here Ω everywhere, ``(..., 2n) -> (..., 2n, 2n)``."""
        n = check_state(x, degrees=self.degrees)
        return symplectic_form(n, dtype=x.dtype, device=x.device).expand(*x.shape, 2 * n)

    def check(self, value: Any, name: str = "x") -> None:
        """Raise unless a value is a state of this system, or a batch of them.

        Args:
            value: the value.
            name: what to call it in the error.

        Raises:
            TypeError, ValueError: if it is none.
        """
        check_state(value, name, self.degrees)

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

        Raises:
            NotImplementedError: if the class does not say where its states are drawn from.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no sample(self, count, seed); write one, or pass initial "
            "states of your own"
        )

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
        self.check(given[0] if given else named.get(name), name)
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
    return sample_shell(count, seed, radius, 2 * n)


def sample_shell(
    count: int, seed: int | torch.Generator, radius: tuple[float, float], components: int
) -> Tensor:
    """Draw vectors of random direction whose length is uniform in an interval.

    Args:
        count: how many.
        seed: integer or generator.
        radius: ``(smallest, largest)`` length.
        components: of each.

    Returns:
        Vectors, shape ``(count, components)``, float64.

    Raises:
        ValueError: for a count below 1, or radii that are negative or out of order.
    """
    check_count(count=count)
    check_interval(radius=radius)
    generator = as_generator(seed)
    direction = torch.randn(count, components, generator=generator, dtype=torch.float64)
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
    times = as_times(times)
    A = field(torch.eye(x0.shape[-1], dtype=x0.dtype, device=x0.device)).mT
    flow = torch.matrix_exp(A * (times - times[0]).to(x0).reshape(-1, 1, 1))
    return torch.einsum("tij,...j->t...i", flow, x0)
