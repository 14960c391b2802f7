"""Randomness that is always passed by hand, never taken from a hidden global state."""

import torch

from hnn_tutorial._validate import check_seed

__all__ = [
    "as_generator",
]


def as_generator(seed: int | torch.Generator) -> torch.Generator:
    """Return a CPU generator: the one given, or a fresh one seeded with an integer.

    Draws are made on the CPU and then moved, so that one seed means the same numbers on
    every device.

    Args:
        seed: an integer, or a ``torch.Generator`` to continue with.

    Returns:
        A ``torch.Generator`` on the CPU.

    Raises:
        TypeError: if ``seed`` is neither.
        ValueError: if it is an integer too large for a generator.
    """
    if isinstance(seed, torch.Generator):
        return seed
    check_seed(seed)
    return torch.Generator().manual_seed(int(seed))
