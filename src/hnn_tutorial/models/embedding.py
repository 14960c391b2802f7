"""Angles as points on a circle."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Embedding(nn.Module):
    r"""Replace each angle θ of a state by cos θ, and append sin θ; leave the rest as it is.

    A function of these is periodic in θ by construction, and a state that has turned over is
    the same to it as one that has not:

    .. math:: (\theta, q, p) \mapsto (\cos\theta, q, p, \sin\theta)

    Gradients with respect to the features come back to the state by the chain rule, in
    ``pull_back``; directions of the state go to the features in ``push_forward``. Without
    angles all three return what they are given.

    Args:
        width: components of the state.
        angles: which of them are angles.
        dtype: of the states.
    """

    choose: Tensor
    is_angle: Tensor

    def __init__(self, width: int, angles: Sequence[int], dtype: torch.dtype) -> None:
        super().__init__()
        self.angles = tuple(angles)
        self.size = width + len(self.angles)
        # Constants, not weights: they follow the model to a device, and no file holds them.
        choose = torch.eye(width, dtype=dtype)[:, list(self.angles)]
        self.register_buffer("choose", choose, persistent=False)
        self.register_buffer("is_angle", choose.sum(dim=-1) > 0, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the features, ``(..., width) -> (..., size)``."""
        if not self.angles:
            return x
        kept = torch.where(self.is_angle, torch.cos(x), x)
        return torch.cat([kept, torch.sin(x @ self.choose)], dim=-1)

    def push_forward(self, x: Tensor, directions: Tensor) -> Tensor:
        """Return how the features change along directions, ``(..., k, width) -> (..., k, size)``.

        Args:
            x: states, ``(..., width)``.
            directions: ``(..., k, width)``.
        """
        if not self.angles:
            return directions
        slope, appended = self._slopes(x)
        kept = slope.unsqueeze(-2) * directions
        return torch.cat([kept, appended.unsqueeze(-2) * (directions @ self.choose)], dim=-1)

    def pull_back(self, x: Tensor, g: Tensor) -> Tensor:
        """Return the gradient with respect to the state, ``(..., size) -> (..., width)``.

        Args:
            x: states, ``(..., width)``.
            g: gradient with respect to the features.
        """
        if not self.angles:
            return g
        slope, appended = self._slopes(x)
        width = x.shape[-1]
        return slope * g[..., :width] + (appended * g[..., width:]) @ self.choose.mT

    def _slopes(self, x: Tensor) -> tuple[Tensor, Tensor]:
        slope = torch.where(self.is_angle, -torch.sin(x), torch.ones_like(x))
        return slope, torch.cos(x @ self.choose)
