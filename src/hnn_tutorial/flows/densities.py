"""Densities of the plane that are known exactly, to learn and to compare with."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_tensor,
    check_count,
    check_finite,
    check_input,
    check_positive,
    check_tensor,
)
from hnn_tutorial.random import as_generator


@dataclass(frozen=True)
class GaussianMixture:
    r"""Equal round Gaussians about several centres.

    .. math:: \rho(x) = \frac 1m \sum_{k=1}^m \frac{1}{(2\pi\sigma^2)^{d/2}}\,
              e^{-|x - c_k|^2 / (2\sigma^2)}

    Args:
        centres: :math:`c_k`, ``(m, d)``.
        width: σ.

    Raises:
        TypeError, ValueError: if the centres are no such tensor, or the width is not positive.
    """

    centres: Tensor
    width: float

    def __post_init__(self) -> None:
        check_tensor(as_tensor(self.centres), "centres")
        object.__setattr__(self, "centres", as_tensor(self.centres).double())
        if self.centres.ndim != 2 or 0 in self.centres.shape:
            raise ValueError(f"centres has shape {tuple(self.centres.shape)}; expected (m, d)")
        check_finite(self.centres, "centres")
        check_positive(width=self.width)

    @property
    def dimension(self) -> int:
        """d, of the space that the density is on."""
        return self.centres.shape[1]

    def sample(self, count: int, seed: int | torch.Generator) -> Tensor:
        """Draw from the density, ``(count, d)`` in float64.

        Args:
            count: how many.
            seed: integer or generator.
        """
        check_count(count=count)
        generator = as_generator(seed)
        which = torch.randint(len(self.centres), (count,), generator=generator)
        noise = torch.randn(count, self.dimension, generator=generator, dtype=torch.float64)
        return self.centres[which] + self.width * noise

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln ρ, ``(..., d) -> (...,)``."""
        away = self._apart(x).square().sum(-1) / (2 * self.width**2)
        size = math.log(len(self.centres)) + self.dimension * math.log(
            self.width * math.sqrt(2 * math.pi)
        )
        return torch.logsumexp(-away, dim=-1) - size

    def potential(self, x: Tensor) -> Tensor:
        """Return U = −ln ρ, ``(..., d) -> (...,)``."""
        return -self.log_prob(x)

    def score(self, x: Tensor) -> Tensor:
        """Return the gradient of ln ρ, ``(..., d) -> (..., d)``: the force of U = −ln ρ."""
        apart = self._apart(x)
        share = torch.softmax(-apart.square().sum(-1) / (2 * self.width**2), dim=-1)
        return -(share.unsqueeze(-1) * apart).sum(-2) / self.width**2

    def _apart(self, x: Tensor) -> Tensor:
        check_tensor(x)
        check_input(x, "x", self.dimension, x.dtype)
        return x.unsqueeze(-2) - self.centres.to(x)


def _circle(count: int, turn: float) -> Tensor:
    angle = turn * (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def _moons() -> Tensor:
    upper = _circle(200, math.pi) - torch.tensor([0.5, 0.25])
    return 1.2 * torch.cat([upper, -upper])


DENSITIES: dict[str, GaussianMixture] = {
    "two_gaussians": GaussianMixture(torch.tensor([[-1.2, 0.0], [1.2, 0.0]]), 0.25),
    "eight_gaussians": GaussianMixture(1.5 * _circle(8, 2 * math.pi), 0.15),
    # So many centres that they are a blurred line.
    "moons": GaussianMixture(_moons(), 0.12),
    "rings": GaussianMixture(
        torch.cat([0.7 * _circle(200, 2 * math.pi), 1.7 * _circle(200, 2 * math.pi)]), 0.12
    ),
}
"""Densities of the plane by name, each of about unit size."""
