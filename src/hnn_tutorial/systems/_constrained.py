"""Masses on rods, in Cartesian coordinates."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    check_count,
    check_not_negative,
    check_positive,
    describe,
    stacked,
)
from hnn_tutorial.constraints import ConstrainedField, Rods, point_masses, times
from hnn_tutorial.mechanics import jacobian
from hnn_tutorial.systems._system import System, parameter


@dataclass(frozen=True)
class ConstrainedSystem(System):
    r"""Points in a plane that rods hold, under gravity; the state is Cartesian.

    .. math:: H = \tfrac12 p^\top M^{-1} p + \sum_i w_i\, y_i, \qquad g(q) = 0

    .. math:: \dot q = M^{-1} p, \qquad \dot p = -\nabla V + G^\top \lambda

    Positions are ``[x1, y1, x2, y2, ...]``, with y upwards, so ``degrees`` counts the positions; of
    these the rods leave fewer to move. H and L are those without the rods, and ``field`` has the
    forces of the rods besides, so it is not the motion of H alone. It is that of H under
    ``poisson_matrix``, Dirac's bracket, in which the rods are Casimirs.

    One's own is a frozen dataclass with ``constraints``, ``masses_between`` and ``weights``.
    """

    @property
    def constraints(self) -> Rods:
        """The rods."""
        raise NotImplementedError(f"{type(self).__name__} has no constraints; return Rods(...)")

    @property
    def masses_between(self) -> Tensor:
        """M between the points, in kg, ``(n, n)``."""
        raise NotImplementedError(f"{type(self).__name__} has no masses_between")

    @property
    def weights(self) -> Tensor:
        """w, what gravity pulls each point down with, in N, ``(n,)``."""
        raise NotImplementedError(f"{type(self).__name__} has no weights")

    @property
    def degrees(self) -> int:
        """How many positions there are, two for each point."""
        return self.constraints.size

    @property
    def coordinates(self) -> tuple[tuple[str, str], ...]:
        """``(symbol, unit)`` of each component of the state."""
        numbers = range(1, self.constraints.points + 1)
        positions = [(f"{axis}{i}", "m") for i in numbers for axis in "xy"]
        return (*positions, *((f"p{symbol}", "kg m/s") for symbol, _ in positions))

    @property
    def constrained_field(self) -> ConstrainedField:
        """The motion of ``[q, p]`` with its parts, as RATTLE takes it."""
        weights = self.weights

        def force(q: Tensor) -> Tensor:
            down = -weights.to(q)
            return torch.stack([torch.zeros_like(down), down], dim=-1).flatten().expand(q.shape)

        return ConstrainedField(force, self.masses_between, self.constraints)

    def potential(self, x: Tensor) -> Tensor:
        """Return V, in J, zero at the height of the origin, ``(..., 2d) -> (...,)``."""
        return (x[..., 1 : self.degrees : 2] * self.weights.to(x)).sum(-1)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy ½ pᵀM⁻¹p + V, in J."""
        p = x[..., self.degrees :]
        return (p * self._velocity(p)).sum(-1) / 2 + self.potential(x)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return ½ q̇ᵀMq̇ − V of ``[q, q̇]``, in J."""
        velocity = x[..., self.degrees :]
        momentum = times(self.masses_between.to(x), velocity, 2)
        return (velocity * momentum).sum(-1) / 2 - self.potential(x)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[M⁻¹p, −∇V + Gᵀλ]``."""
        return self.constrained_field(x)

    def multipliers(self, x: Tensor) -> Tensor:
        """Return λ of each rod, in N/m, ``(..., 2d) -> (..., m)``; negative under tension."""
        return self.constrained_field.multipliers(x)

    def velocities(self, x: Tensor) -> Tensor:
        """Return ``[q, q̇]`` of a state ``[q, p]``."""
        q, p = x.chunk(2, dim=-1)
        return torch.cat([q, self._velocity(p)], dim=-1)

    def momenta(self, x: Tensor) -> Tensor:
        """Return ``[q, p]`` of a state ``[q, q̇]``."""
        q, velocity = x.chunk(2, dim=-1)
        return torch.cat([q, times(self.masses_between.to(x), velocity, 2)], dim=-1)

    def second_order_field(self, x: Tensor) -> Tensor:
        """Return ``[q̇, q̈]`` of ``[q, q̇]``."""
        return self.velocities(self.field(self.momenta(x)))

    def poisson_matrix(self, x: Tensor) -> Tensor:
        r"""Return Dirac's bracket, ``(..., 2d) -> (..., 2d, 2d)``.

        .. math:: \Omega - \Omega\, C^\top (C\, \Omega\, C^\top)^{-1} C\, \Omega, \qquad
                  C = \frac{\partial (g,\, G M^{-1} p)}{\partial x}

        It is antisymmetric everywhere, and no H moves g or its rate under it.

        References:
            Dirac 1950.
        """
        rods, n = self.constraints, self.degrees

        def held(y: Tensor) -> Tensor:
            q, velocity = self.velocities(y).chunk(2, dim=-1)
            return torch.cat([rods.values(q), rods.rates(q, velocity)], dim=-1)

        C = jacobian(held)(x)
        # Ω Cᵀ, by its two halves.
        turned = torch.cat([C[..., n:], -C[..., :n]], dim=-1).mT
        inner, _ = torch.linalg.inv_ex(C @ turned)
        J = super().poisson_matrix(x) + turned @ inner @ turned.mT
        return (J - J.mT) / 2

    def project(self, x: Tensor) -> Tensor:
        """Return the states ``[q, p]`` on the rods near given ones, as ``Rods.project`` does."""
        return self.momenta(self.constraints.project(self.velocities(x), self.masses_between))

    @property
    def invariants(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """The energy, and of each rod half its square less that of its length."""
        numbers = range(1, self.constraints.count + 1)
        rods = {f"rod {k}": partial(self.excess, rod=k) for k in numbers}
        return {"energy": self.hamiltonian, **rods}

    def excess(self, x: Tensor, rod: int) -> Tensor:
        """Return the g of a rod, counted from 1, in m², ``(..., 2d) -> (...,)``."""
        check_count(rod=rod)
        rods = self.constraints
        if rod > rods.count:
            raise ValueError(f"rod = {rod}; there are {rods.count}, counted from 1")
        return rods.values(x[..., : self.degrees])[..., rod - 1]

    def _velocity(self, p: Tensor) -> Tensor:
        inverse, _ = torch.linalg.inv_ex(self.masses_between)
        return times(inverse.to(p), p, 2)


@dataclass(frozen=True)
class LinksOnRods(System):
    """What a chain of links is made of, in Cartesian coordinates or in angles."""

    links: int = parameter(2, "1", "number of links")
    masses: tuple[float, ...] | float = field(
        default=1.0, metadata={"unit": "kg", "meaning": "masses of the points"}
    )
    lengths: tuple[float, ...] | float = field(
        default=1.0, metadata={"unit": "m", "meaning": "lengths of the rods"}
    )
    rod_masses: tuple[float, ...] | float = field(
        default=0.0, metadata={"unit": "kg", "meaning": "masses of the rods"}
    )
    gravity: float = parameter(9.81, "m/s²", "acceleration of free fall")

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count(links=self.links)
        for name in ("masses", "lengths", "rod_masses"):
            given = getattr(self, name)
            numbers = each(name, given, self.links, may_be_zero=name == "rod_masses")
            object.__setattr__(self, name, numbers)


def each(name: str, given: Any, count: int, *, may_be_zero: bool = False) -> tuple[Any, ...]:
    """Return one number for each of ``count`` things: given so, or one number for all."""
    check = check_not_negative if may_be_zero else check_positive
    alone = isinstance(given, Tensor) and given.ndim == 0
    if isinstance(given, str) or not isinstance(given, Sequence | Tensor) or alone:
        check(**{name: given})
        return (given,) * count
    if len(given) != count:
        raise ValueError(f"{name} = {describe(given)}; expected {count}, or one number for all")
    for k, value in enumerate(given, 1):
        check(**{f"number {k} of {name}": value})
    return tuple(given)


def masses_with_rods(rods: Rods, masses: Sequence[Any], rod_masses: Sequence[Any]) -> Tensor:
    """Return M of points and uniform rods between them, ``(n, n)``.

    A rod of mass μ has the kinetic energy μ(|u|² + u·v + |v|²)/6, where u and v are the velocities
    of its ends; an anchor has none.
    """
    B = rods.incidence
    ends = B.abs()
    mu = stacked(rod_masses)
    # Σ_k μ_k/6 (e_i e_i + e_j e_j + (e_i + e_j)(e_i + e_j)), where e_i picks point i.
    added = torch.diag(ends.mT @ mu) + ends.mT @ (mu.unsqueeze(-1) * ends)
    return point_masses(torch.diag(stacked(masses)) + added / 6, rods.points)


def weights_with_rods(
    rods: Rods, masses: Sequence[Any], rod_masses: Sequence[Any], gravity: Any
) -> Tensor:
    """Return what gravity pulls each point down with: half a rod hangs on each of its ends."""
    return gravity * (stacked(masses) + rods.incidence.abs().mT @ stacked(rod_masses) / 2)
