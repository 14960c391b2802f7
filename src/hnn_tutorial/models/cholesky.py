"""Positive definite matrices from the outputs of a network."""

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


class CholeskyFactor(nn.Module):
    r"""Make n(n+1)/2 numbers a lower triangular matrix K with a positive diagonal.

    The numbers are placed row by row, those on the diagonal through softplus. So each positive
    definite matrix is :math:`K K^\top` for exactly one K. If the diagonal could have either sign
    there would be :math:`2^n` of them, and a network that chose different signs in different places
    would have a singular matrix in between, which training cannot repair.

    Args:
        n: rows and columns.
        dtype: of the numbers.
    """

    place: Tensor
    on_diagonal: Tensor

    def __init__(self, n: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.n = n
        rows, columns = torch.tril_indices(n, n)
        self.size = len(rows)
        # A product with zeros and ones, unlike an assignment, works under every transform of
        # torch.func, and has a derivative.
        place = torch.zeros(self.size, n * n, dtype=dtype)
        place[torch.arange(self.size), rows * n + columns] = 1
        self.register_buffer("place", place, persistent=False)
        self.register_buffer("on_diagonal", rows == columns, persistent=False)

    def forward(self, entries: Tensor) -> Tensor:
        """Return K, ``(..., n(n+1)/2) -> (..., n, n)``."""
        return self._placed(torch.where(self.on_diagonal, softplus(entries), entries))

    def tangents(self, entries: Tensor, tangents: Tensor) -> Tensor:
        """Return how K changes with the numbers.

        Args:
            entries: ``(..., n(n+1)/2)``.
            tangents: how the numbers change along k directions, ``(..., k, n(n+1)/2)``.

        Returns:
            ``(..., k, n, n)``.
        """
        return self._placed(self.slopes(entries)[0].unsqueeze(-2) * tangents)

    def slopes(self, entries: Tensor) -> tuple[Tensor, Tensor]:
        """Return the first and the second derivative of each entry of K by its number."""
        slope = torch.sigmoid(entries)
        first = torch.where(self.on_diagonal, slope, torch.ones_like(entries))
        return first, torch.where(self.on_diagonal, slope * (1 - slope), torch.zeros_like(entries))

    def picked(self, matrix: Tensor) -> Tensor:
        """Return the entries of the lower triangle, ``(..., n, n) -> (..., n(n+1)/2)``."""
        return matrix.flatten(-2) @ self.place.mT

    def _placed(self, entries: Tensor) -> Tensor:
        return (entries @ self.place).unflatten(-1, (self.n, self.n))


@torch.no_grad()
def start_near(layer: nn.Linear, factor: CholeskyFactor, diagonal: float) -> None:
    """Set a layer so that its first outputs give a K near ``diagonal`` times the identity.

    Args:
        layer: whose first outputs are the numbers of K; their weights shrink to a tenth.
        factor: makes K of them.
        diagonal: positive.
    """
    layer.weight[: factor.size].mul_(0.1)
    value = torch.tensor(diagonal, dtype=torch.float64)
    layer.bias[: factor.size][factor.on_diagonal] = value.expm1().log().to(layer.bias)
