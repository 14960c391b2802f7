"""What the checks feed to a learner's functions."""

from __future__ import annotations

import torch
from torch import Tensor

from hnn_tutorial.random import as_generator


def states(count: int, seed: int = 0, degrees: int = 1) -> Tensor:
    """Random states with components between -1.5 and 1.5, none of them near zero."""
    generator = as_generator(seed)
    size = 0.4 + 1.1 * torch.rand(count, 2 * degrees, generator=generator, dtype=torch.float64)
    sign = torch.randint(0, 2, size.shape, generator=generator, dtype=torch.float64) * 2 - 1
    return sign * size


def stack(*components: Tensor) -> Tensor:
    """Components of a state along the last axis."""
    return torch.stack(components, dim=-1)
