"""Which components of a state are angles, and the shorter way round."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def check_angles(angles: Sequence[int], degrees: int) -> tuple[int, ...]:
    """Return the indices of the angles among the positions in ascending order.

    Raises:
        ValueError: if they are not distinct integers from 0 to degrees − 1.
    """
    chosen = tuple(angles) if isinstance(angles, Sequence) else ()
    whole = isinstance(angles, Sequence) and all(type(i) is int for i in chosen)
    if not whole or len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(degrees)):
        raise ValueError(
            f"angles = {angles!r}; expected the indices of the positions that are angles, each "
            f"from 0 to {degrees - 1} and named once, such as angles=(0,)"
        )
    return tuple(sorted(chosen))


def shorter_way(difference: Tensor, angles: Sequence[int]) -> Tensor:
    """Return differences of states whose angles differ by at most half a turn."""
    chosen = check_angles(angles, difference.shape[-1])
    if not chosen:
        return difference
    turns = torch.zeros_like(difference)
    turns[..., list(chosen)] = (difference[..., list(chosen)] / math.tau).round()
    return difference - math.tau * turns
