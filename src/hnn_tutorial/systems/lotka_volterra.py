"""The predators and their prey of Lotka and Volterra."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial.systems._system import parameter, sample_shell
from hnn_tutorial.systems.poisson_system import PoissonSystem


@dataclass(frozen=True)
class LotkaVolterra(PoissonSystem):
    r"""Prey x that predators y eat, both counted in any unit.

    .. math:: \dot x = x\,(\alpha - \beta y), \qquad \dot y = y\,(\delta x - \gamma)

    .. math:: H(x, y) = \alpha \ln y - \beta y + \gamma \ln x - \delta x, \qquad
              J = x y \begin{pmatrix} 0 & 1 \\ -1 & 0 \end{pmatrix}

    x and y are no position and momentum: areas of the (x, y) plane are not conserved, those
    measured by dx dy/(xy) are. So [ln x, ln y] are canonical. H is greatest at the equilibrium
    (γ/δ, α/β), round which every motion with x, y > 0 is periodic. Elsewhere H is NaN.

    Args:
        growth: α, at which prey multiply without predators, in 1/yr.
        predation: β, at which a predator eats, in 1/yr.
        death: γ, at which predators die out without prey, in 1/yr.
        reproduction: δ, at which predators multiply for each prey, in 1/yr.

    References:
        Hairer, Lubich & Wanner 2006, sec. VII.2.
    """

    growth: float = parameter(1.0, "1/yr", "growth of the prey")
    predation: float = parameter(1.0, "1/yr", "prey eaten, for each predator")
    death: float = parameter(1.0, "1/yr", "death of the predators")
    reproduction: float = parameter(1.0, "1/yr", "growth of the predators, for each prey")

    name = "lotka_volterra"
    title = "Lotka–Volterra model"
    dimension = 2
    coordinates = (("x", "1"), ("y", "1"))

    @property
    def equilibrium(self) -> tuple[float, float]:
        """The populations (γ/δ, α/β) that stay as they are."""
        return self.death / self.reproduction, self.growth / self.predation

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return α ln y − βy + γ ln x − δx, in 1/yr."""
        prey, predators = x.unbind(-1)
        of_predators = self.growth * torch.log(predators) - self.predation * predators
        return of_predators + self.death * torch.log(prey) - self.reproduction * prey

    def poisson_matrix(self, x: Tensor) -> Tensor:
        """Return xy Ω, shape ``(..., 2) -> (..., 2, 2)``."""
        area = x.prod(-1)
        zero = torch.zeros_like(area)
        return torch.stack([zero, area, -area, zero], dim=-1).unflatten(-1, (2, 2))

    def field(self, x: Tensor) -> Tensor:
        """Return ``[x(α − βy), y(δx − γ)]``."""
        prey, predators = x.unbind(-1)
        more = prey * (self.growth - self.predation * predators)
        fed = predators * (self.reproduction * prey - self.death)
        return torch.stack([more, fed], dim=-1)

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        radius: tuple[float, float] = (0.1, 1.0),
    ) -> Tensor:
        """Draw populations round the equilibrium (x*, y*), in every direction alike.

        The distance that is uniform in ``radius`` is that of the logarithms,
        √(ln²(x/x*) + ln²(y/y*)).

        Args:
            count: how many.
            seed: integer or generator.
            radius: smallest and largest distance.

        Returns:
            States, ``(count, 2)``.
        """
        drawn = torch.exp(sample_shell(count, seed, radius, 2))
        return torch.stack(
            [n * column for n, column in zip(self.equilibrium, drawn.T, strict=True)], -1
        )
