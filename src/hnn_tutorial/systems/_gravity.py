"""Bodies in a plane that attract each other, for any number of them."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from hnn_tutorial._validate import check_state
from hnn_tutorial.systems._system import System


class GravitatingBodies(System):
    r"""Point masses in a plane under Newton's gravity.

    .. math:: H = \sum_i \frac{|p_i|^2}{2 m_i} - \sum_{i<j} \frac{G m_i m_j}{|q_i - q_j|},
              \qquad
              L = \sum_i \frac{m_i |\dot q_i|^2}{2} + \sum_{i<j} \frac{G m_i m_j}{|q_i - q_j|}

    .. math:: \dot q_i = \frac{p_i}{m_i}, \qquad
              \dot p_i = \sum_{j \ne i} G m_i m_j \frac{q_j - q_i}{|q_j - q_i|^3}

    The state is ``[q1x, q1y, q2x, q2y, …, p1x, p1y, …]``. Unchanged by the motion are the
    energy, the two components of the total momentum and the angular momentum. Where two
    bodies meet, H is −∞. A subclass declares ``mass1``, ``mass2``, … or ``masses``, and the
    constant.
    """

    gravitational_constant: float

    @property
    def masses(self) -> tuple[float, ...]:
        """The masses of the bodies, in kg."""
        return tuple(p.value for p in self.parameters if p.name.startswith("mass"))

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy, in J: negative for bodies that cannot all part."""
        q, p = self._by_body(x)
        return (p.square().sum(-1) / (2 * self._masses(x))).sum(-1) + self._potential(q)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return kinetic less potential energy of ``[q, q̇]``, in J."""
        q, velocity = self._by_body(x)
        return (velocity.square().sum(-1) * self._masses(x) / 2).sum(-1) - self._potential(q)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[p_i/m_i, Σ_j G m_i m_j (q_j − q_i)/|q_j − q_i|³]``."""
        q, p = self._by_body(x)
        first, second, apart, strength = self._pairs(q)
        square = apart.square().sum(-1, keepdim=True)
        pull = strength.unsqueeze(-1) * apart / (square * square.sqrt())
        force = torch.zeros_like(q).index_add(-2, first, pull).index_add(-2, second, -pull)
        velocity = p / self._masses(x).unsqueeze(-1)
        return torch.cat([velocity.flatten(-2), force.flatten(-2)], dim=-1)

    @property
    def invariants(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """The energy, the total momentum and the angular momentum about the origin."""
        return {
            "energy": self.hamiltonian,
            "momentum x": partial(self._momentum, axis=0),
            "momentum y": partial(self._momentum, axis=1),
            "angular momentum": self._angular_momentum,
        }

    def _momentum(self, x: Tensor, axis: int) -> Tensor:
        return self._by_body(x)[1][..., axis].sum(-1)

    def _angular_momentum(self, x: Tensor) -> Tensor:
        q, p = self._by_body(x)
        return (q[..., 0] * p[..., 1] - q[..., 1] * p[..., 0]).sum(-1)

    def _potential(self, q: Tensor) -> Tensor:
        _, _, apart, strength = self._pairs(q)
        return -(strength / apart.square().sum(-1).sqrt()).sum(-1)

    def _pairs(self, q: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return of each pair its bodies i < j, ``q_j − q_i`` and ``G m_i m_j``."""
        n, masses = len(self.masses), self._masses(q)
        first, second = torch.triu_indices(n, n, 1, device=q.device)
        apart = q.index_select(-2, second) - q.index_select(-2, first)
        return first, second, apart, self.gravitational_constant * masses[first] * masses[second]

    def _by_body(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two halves of a state as ``(..., bodies, 2)``."""
        check_state(x, degrees=self.degrees)
        first, second = x.chunk(2, dim=-1)
        shape = (len(self.masses), 2)
        return first.unflatten(-1, shape), second.unflatten(-1, shape)

    def _masses(self, x: Tensor) -> Tensor:
        # Not torch.tensor of them all, which would cut off the gradient of a learned mass.
        return torch.stack(
            [torch.as_tensor(m, dtype=x.dtype, device=x.device) for m in self.masses]
        )


def plane_coordinates(bodies: int) -> tuple[tuple[str, str], ...]:
    """Return ``(symbol, unit)`` of each component of the state of so many bodies."""
    numbers = range(1, bodies + 1)
    q = tuple((f"q{i}{axis}", "m") for i in numbers for axis in "xy")
    p = tuple((f"p{i}{axis}", "kg m/s") for i in numbers for axis in "xy")
    return q + p


def quarter_turn(v: Tensor) -> Tensor:
    """Return vectors of the plane turned by 90° to the left, ``(..., 2) -> (..., 2)``."""
    return torch.stack([-v[..., 1], v[..., 0]], dim=-1)
