"""The Hénon–Heiles system: where order ends and chaos begins."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count, check_number
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._system import System, parameter, uniform


@dataclass(frozen=True)
class HenonHeiles(System):
    r"""A star in the plane potential of Hénon and Heiles, in dimensionless units.

    .. math:: H = \tfrac12\left(p_x^2 + p_y^2\right) + \tfrac12\left(x^2 + y^2\right)
                  + \lambda\left(x^2 y - \tfrac13 y^3\right)

    .. math:: \dot x = p_x, \qquad \dot y = p_y, \qquad
              \dot p_x = -x - 2\lambda x y, \qquad
              \dot p_y = -y - \lambda\left(x^2 - y^2\right)

    Low energies move almost regularly; with λ = 1, chaos fills part of phase space at
    H = 1/8 and nearly all at 1/6. There the well opens, in three corners: from above
    :math:`1/(6\lambda^2)` the star can escape.

    Args:
        coupling: λ, without dimension.

    References:
        Hénon & Heiles 1964.
    """

    coupling: float = parameter(1.0, "1", "strength of the cubic terms", may_be_zero=True)

    name = "henon_heiles"
    title = "Hénon–Heiles system"
    degrees = 2
    coordinates = (("x", "1"), ("y", "1"), ("px", "1"), ("py", "1"))

    @property
    def escape_energy(self) -> float:
        """The energy at which the well opens, 1/(6λ²); infinite without coupling."""
        square = self.coupling**2  # may be zero for a coupling that is not
        return 1 / (6 * square) if square else float("inf")

    def potential(self, x: Tensor) -> Tensor:
        """Return ½(x² + y²) + λ(x²y − y³/3), ``(..., 4) -> (...,)``."""
        q1, q2 = x[..., 0], x[..., 1]
        return (q1**2 + q2**2) / 2 + self.coupling * (q1**2 * q2 - q2**3 / 3)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy."""
        return x[..., 2:].square().sum(-1) / 2 + self.potential(x)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return kinetic less potential energy of ``[q, q̇]``."""
        return x[..., 2:].square().sum(-1) / 2 - self.potential(x)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[px, py, −x − 2λxy, −y − λ(x² − y²)]``."""
        q1, q2, p1, p2 = x.unbind(-1)
        force = [-q1 - 2 * self.coupling * q1 * q2, -q2 - self.coupling * (q1**2 - q2**2)]
        return torch.stack([p1, p2, *force], dim=-1)

    def sample(self, count: int, seed: int | torch.Generator, *, energy: float = 1 / 12) -> Tensor:
        """Draw states of one energy on the section x = 0, p_x > 0, uniform over its (y, p_y).

        Args:
            count: how many.
            seed: integer or generator.
            energy: H of every state.

        Returns:
            States, ``(count, 4)``.

        Raises:
            ValueError: if the energy is not between zero and that of escape.

        References:
            Hénon & Heiles 1964 (the section, and the energies 1/12, 1/8 and 1/6).
        """
        check_count(count=count)
        check_number(energy=energy)
        # A little above the opening, in rounding only, is still 1/6.
        if not 0 < energy <= self.escape_energy * (1 + 1e-12):
            raise ValueError(
                f"energy = {energy}; expected above 0 and at most {self.escape_energy:.6g}, where "
                "the well opens and stars escape"
            )
        generator = as_generator(seed)
        # The well at x = 0 ends where y reaches the saddle, 1/λ. Up to there V ≥ y²/6.
        reach = (2 * energy) ** 0.5
        highest = (6 * energy) ** 0.5
        if self.coupling:
            highest = min(highest, 1 / self.coupling)
        found = torch.empty(0, 4, dtype=torch.float64)
        while len(found) < count:
            y = uniform((count,), (-reach, highest), generator)
            py = uniform((count,), (-reach, reach), generator)
            zero = torch.zeros_like(y)
            rest = 2 * (energy - self.hamiltonian(torch.stack([zero, y, zero, py], dim=-1)))
            drawn = torch.stack([zero, y, rest.clamp(min=0).sqrt(), py], dim=-1)
            found = torch.cat([found, drawn[rest > 0]])
        return found[:count]
