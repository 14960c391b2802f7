"""A chain of masses and springs between two walls."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count
from hnn_tutorial.systems._system import System, linear_solution, parameter, sample_annulus


@dataclass(frozen=True)
class SpringChain(System):
    r"""N equal masses in a row, each held to its neighbours, and the outer ones to a wall.

    .. math:: H = \sum_{i=1}^N \frac{p_i^2}{2m} + \sum_{i=0}^N \frac k2 (q_{i+1} - q_i)^2,
              \qquad q_0 = q_{N+1} = 0

    .. math:: \dot q_i = \frac{p_i}{m}, \qquad \dot p_i = k\,(q_{i-1} - 2 q_i + q_{i+1})

    q is the displacement from rest. In its normal modes the chain is N independent oscillators of
    frequency :math:`\omega_j = 2\sqrt{k/m}\,\sin\frac{j\pi}{2(N+1)}`, each of which keeps its
    energy.

    Args:
        masses: N, how many.
        mass: m of each, in kg.
        stiffness: k of each of the N + 1 springs, in N/m.

    Raises:
        ValueError: if N is not a positive integer.
    """

    masses: int = parameter(3, "1", "number of masses")
    mass: float = parameter(1.0, "kg", "mass of each")
    stiffness: float = parameter(1.0, "N/m", "stiffness of each spring")

    name = "spring_chain"
    title = "chain of springs"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_count(masses=self.masses)

    @property
    def degrees(self) -> int:
        """The number of masses."""
        return self.masses

    @property
    def coordinates(self) -> tuple[tuple[str, str], ...]:
        """``(symbol, unit)`` of each component of the state."""
        numbers = range(1, self.masses + 1)
        return (*((f"q{i}", "m") for i in numbers), *((f"p{i}", "kg m/s") for i in numbers))

    @property
    def frequencies(self) -> tuple[float, ...]:
        """The angular frequencies of the normal modes, from the slowest, in rad/s."""
        scale = 2 * (self.stiffness / self.mass) ** 0.5
        return tuple(
            scale * math.sin(j * math.pi / (2 * (self.masses + 1)))
            for j in range(1, self.masses + 1)
        )

    def modes(self, x: Tensor) -> Tensor:
        """Return positions and momenta of the normal modes, ``[Q, P]``, the same shape.

        The map is orthogonal and its own inverse.
        """
        index = torch.arange(1, self.masses + 1, dtype=x.dtype, device=x.device)
        angle = torch.outer(index, index) * math.pi / (self.masses + 1)
        shapes = (2 / (self.masses + 1)) ** 0.5 * torch.sin(angle)
        return (x.unflatten(-1, (2, self.masses)) @ shapes).flatten(-2)

    def mode_energy(self, x: Tensor, mode: int) -> Tensor:
        """Return the energy of one normal mode, counted from 1, in J, ``(..., 2N) -> (...,)``."""
        check_count(mode=mode)
        if mode > self.masses:
            raise ValueError(f"mode = {mode}; there are {self.masses}, counted from 1")
        Q, P = (half[..., mode - 1] for half in self.modes(x).chunk(2, dim=-1))
        omega = self.frequencies[mode - 1]
        return P**2 / (2 * self.mass) + self.mass * omega**2 * Q**2 / 2

    def _potential(self, q: Tensor) -> Tensor:
        wall = torch.zeros_like(q[..., :1])
        stretch = torch.cat([wall, q, wall], dim=-1).diff(dim=-1)
        return self.stiffness * stretch.square().sum(-1) / 2

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy, in J."""
        q, p = x.chunk(2, dim=-1)
        return p.square().sum(-1) / (2 * self.mass) + self._potential(q)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return kinetic less potential energy of ``[q, q̇]``, in J."""
        q, velocity = x.chunk(2, dim=-1)
        return self.mass * velocity.square().sum(-1) / 2 - self._potential(q)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[p/m, k (q_{i−1} − 2 q_i + q_{i+1})]``."""
        q, p = x.chunk(2, dim=-1)
        wall = torch.zeros_like(q[..., :1])
        force = torch.cat([wall, q, wall], dim=-1).diff(n=2, dim=-1)
        return torch.cat([p / self.mass, self.stiffness * force], dim=-1)

    @property
    def invariants(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """The energy, and the energy of each normal mode."""
        energies = {
            f"energy of mode {mode}": partial(self.mode_energy, mode=mode)
            for mode in range(1, self.masses + 1)
        }
        return {"energy": self.hamiltonian, **energies}

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        radius: tuple[float, float] = (0.1, 1.0),
    ) -> Tensor:
        """Draw states whose distance from rest is uniform in ``radius``, in every direction."""
        return sample_annulus(count, seed, radius, self.masses)

    def solution(self, x0: Tensor, times: Tensor) -> Tensor:
        r"""Return :math:`x(t) = e^{At} x_0`, exact for this linear field.

        Args:
            x0: states at ``times[0]``, ``(..., 2N)``.
            times: ``(T,)``, in s.

        Returns:
            States, ``(T, ..., 2N)``.
        """
        return linear_solution(self.field, x0, times)
