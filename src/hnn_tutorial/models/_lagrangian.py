"""What the models with a Lagrangian share."""

import torch
from torch import Tensor

from hnn_tutorial.models._model import Model


def inverse_times(matrix: Tensor, vector: Tensor) -> tuple[Tensor, Tensor]:
    """Return ``matrix⁻¹ @ vector``, and the inverse, without a check for singular matrices.

    By the inverse rather than ``torch.linalg.solve``, whose derivative is wrong inside
    ``vmap`` when gradients are switched off around it (PyTorch 2.13): that is how
    Levenberg–Marquardt calls a model. The matrices are small, and a test holds the Jacobian.

    Args:
        matrix: ``(..., n, n)``.
        vector: ``(..., n)``.
    """
    inverse, _ = torch.linalg.inv_ex(matrix)
    return (inverse @ vector.unsqueeze(-1)).squeeze(-1), inverse


class LagrangianNetwork(Model):
    """A learnable field of states ``[q, q̇]`` that is derived from a Lagrangian.

    A dataset for it holds ``[q, q̇]`` and ``[q̇, q̈]``, as ``system.velocities`` and
    ``system.second_order_field`` give them. The first half of ``field`` is the input itself,
    so a residual of ``acceleration`` alone carries the same information at half the cost.
    """

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return L of ``[q, q̇]``, ``(..., 2n) -> (...,)``."""
        raise NotImplementedError

    def energy(self, x: Tensor) -> Tensor:
        """Return ``q̇ · ∂L/∂q̇ − L`` of ``[q, q̇]``, ``(..., 2n) -> (...,)``."""
        raise NotImplementedError

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return ``∂²L/∂q̇²``, ``(..., 2n) -> (..., n, n)``."""
        raise NotImplementedError

    def acceleration(self, x: Tensor) -> Tensor:
        """Return q̈ by the Euler–Lagrange equation, ``(..., 2n) -> (..., n)``."""
        raise NotImplementedError

    def field(self, x: Tensor) -> Tensor:
        """Return ``[q̇, q̈]``, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        return torch.cat([x[..., self.degrees :], self.acceleration(x)], dim=-1)

    def acceleration_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how q̈ changes with the weights, ``(B, n, P)``, and q̈ ``(B, n)``."""
        raise NotImplementedError

    def field_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how the field changes with the weights, ``(B, 2n, P)``, and the field."""
        J, acceleration = self.acceleration_jacobian(x)
        field = torch.cat([x[..., self.degrees :], acceleration], dim=-1)
        return torch.cat([torch.zeros_like(J), J], dim=1), field
