"""A pole that swings from a cart: two degrees of freedom and one motor."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count, check_not_negative
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems._system import System, parameter, uniform


@dataclass(frozen=True)
class CartPole(System):
    r"""A cart on a straight track, and a bob on a massless rod that turns about the cart.

    The angle θ is measured from hanging down; upright is θ = π.

    .. math:: L = \tfrac12 (M + m)\, \dot s^2 + m l\, \dot s\, \dot\theta \cos\theta
                  + \tfrac12 m l^2\, \dot\theta^2 - m g l\, (1 - \cos\theta)

    .. math:: H = \frac{m l^2 p_s^2 - 2 m l\, p_s\, p_\theta \cos\theta + (M + m)\, p_\theta^2}
                  {2 m l^2 (M + m \sin^2\theta)} + m g l\, (1 - \cos\theta)

    .. math:: \dot p_s = 0, \qquad
              \dot p_\theta = -m l \sin\theta\, (\dot s\, \dot\theta + g)

    Energy and the momentum along the track are conserved. A motor that pushes the cart
    (``control.Machine``) changes both; no motor turns the pole.

    Args:
        cart_mass: M, in kg.
        pole_mass: m, of the bob, in kg.
        length: l, of the rod, in m.
        gravity: g, in m/s².

    References:
        Tedrake 2023, ch. 3 (the same angle; l and masses as here).
    """

    cart_mass: float = parameter(1.0, "kg", "mass of the cart")
    pole_mass: float = parameter(0.3, "kg", "mass of the bob")
    length: float = parameter(1.0, "m", "length of the rod")
    gravity: float = parameter(1.0, "m/s²", "gravitational acceleration")

    name = "cart_pole"
    title = "cart with a pole"
    degrees = 2
    coordinates = (("s", "m"), ("θ", "rad"), ("ps", "kg m/s"), ("pθ", "kg m²/s"))
    actuation: ClassVar[tuple[tuple[float, ...], ...]] = ((1.0,), (0.0,))
    """What the one input does to each coordinate: it pushes the cart."""

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return the mass matrix of ``[ṡ, θ̇]``, ``(..., 4) -> (..., 2, 2)``."""
        coupling = self._lever * torch.cos(x[..., 1])
        total = (self.cart_mass + self.pole_mass) * torch.ones_like(coupling)
        turning = self._lever * self.length * torch.ones_like(coupling)
        rows = [torch.stack(row, dim=-1) for row in ((total, coupling), (coupling, turning))]
        return torch.stack(rows, dim=-2)

    def potential(self, x: Tensor) -> Tensor:
        """Return V, in J, zero where the pole hangs, ``(..., 4) -> (...,)``."""
        return self._lever * self.gravity * (1 - torch.cos(x[..., 1]))

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the energy, in J."""
        return (x[..., 2:] * self._velocity(x)).sum(-1) / 2 + self.potential(x)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return L of ``[q, q̇]``, in J."""
        v1, v2 = x[..., 2], x[..., 3]
        track = (self.cart_mass + self.pole_mass) * v1**2 / 2
        both = self._lever * v1 * v2 * torch.cos(x[..., 1])
        return track + both + self._lever * self.length * v2**2 / 2 - self.potential(x)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[q̇, ṗ]`` in the closed form above."""
        velocity = self._velocity(x)
        pull = velocity[..., 0] * velocity[..., 1] + self.gravity
        force = [torch.zeros_like(pull), -self._lever * torch.sin(x[..., 1]) * pull]
        return torch.cat([velocity, torch.stack(force, dim=-1)], dim=-1)

    def momenta(self, x: Tensor) -> Tensor:
        """Return ``[q, p]`` of a state ``[q, q̇]``, with p = A q̇."""
        momentum = (self.mass_matrix(x) @ x[..., 2:].unsqueeze(-1)).squeeze(-1)
        return torch.cat([x[..., :2], momentum], dim=-1)

    def second_order_field(self, x: Tensor) -> Tensor:
        """Return ``[q̇, q̈]`` at ``[q, q̇]``, in closed form."""
        cos, sin = torch.cos(x[..., 1]), torch.sin(x[..., 1])
        m, l, g = self.pole_mass, self.length, self.gravity  # noqa: E741
        cart = m * sin * (l * x[..., 3] ** 2 + g * cos) / (self.cart_mass + m * sin**2)
        pole = -(g * sin + cart * cos) / l
        return torch.cat([x[..., 2:], torch.stack([cart, pole], dim=-1)], dim=-1)

    @property
    def invariants(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """The energy, and the momentum along the track."""
        return {"energy": self.hamiltonian, "momentum": self.momentum}

    def momentum(self, x: Tensor) -> Tensor:
        """Return the momentum along the track, in kg m/s, ``(..., 4) -> (...,)``."""
        return x[..., 2]

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        track: float = 2.0,
        angle: float = math.pi,
        speed: float = 2.0,
    ) -> Tensor:
        """Draw states whose coordinates and velocities are uniform, as ``[q, p]``.

        Args:
            count: how many.
            seed: integer or generator.
            track: the farthest from the middle of the track, in m.
            angle: the largest, in rad; π draws from the full circle.
            speed: the largest of ṡ in m/s and of θ̇ in rad/s.

        Returns:
            States, ``(count, 4)``; ``velocities`` gives them as ``[q, q̇]``.
        """
        check_count(count=count)
        check_not_negative(track=track, angle=angle, speed=speed)
        generator = as_generator(seed)
        size = torch.tensor([track, angle, speed, speed], dtype=torch.float64)
        return self.momenta(size * uniform((count, 4), (-1.0, 1.0), generator))

    @property
    def _lever(self) -> float:
        return self.pole_mass * self.length

    def _velocity(self, x: Tensor) -> Tensor:
        cos, sin = torch.cos(x[..., 1]), torch.sin(x[..., 1])
        p1, p2 = x[..., 2], x[..., 3]
        total = self.cart_mass + self.pole_mass
        determinant = self._lever * self.length * (self.cart_mass + self.pole_mass * sin**2)
        cart = self._lever * self.length * p1 - self._lever * cos * p2
        pole = total * p2 - self._lever * cos * p1
        return torch.stack([cart, pole], dim=-1) / determinant.unsqueeze(-1)
