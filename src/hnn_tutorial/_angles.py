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


def whole_turns(states: Tensor, angles: Sequence[int]) -> Tensor:
    """Return how many turns each component lies off where it would be if it never jumped.

    From one time to the next an angle is taken to have gone the shorter way round; what is no angle
    has none.

    Args:
        states: ``(T, ..., d)``, in time order, angles in rad.
        angles: indices of the components that are angles.

    Returns:
        Whole numbers to be added, in the states' dtype and shape; zero at the first time.
    """
    turns = torch.zeros_like(states)
    chosen = list(angles)
    if chosen and len(states):
        turns[1:, ..., chosen] = -(states[..., chosen].diff(dim=0) / math.tau).round().cumsum(0)
    return turns
