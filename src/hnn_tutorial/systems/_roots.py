"""Roots of increasing functions, for the exact solutions that are given as time of place."""

from collections.abc import Callable

import numpy as np

MAX_ITERATIONS = 200


def solve_increasing(
    function: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    target: np.ndarray,
    scale: np.ndarray,
) -> np.ndarray:
    """Solve f(s) = target for functions that increase from −∞ to ∞, with f(0) = 0.

    The root is enclosed by doubling, then found by Newton's method, which falls back on
    bisection where it would leave the enclosure or gains too little.

    Args:
        function: ``s -> (f, f')``, elementwise, with f' ≥ 0.
        target: any shape.
        scale: positive, of the same shape: the first width of the enclosure.

    Returns:
        s, of the same shape.
    """
    sign = np.where(target < 0, -1.0, 1.0)
    low, high = np.zeros_like(target), scale * np.ones_like(target)
    for _ in range(MAX_ITERATIONS):
        short = sign * function(sign * high)[0] < sign * target
        if not short.any():
            break
        low, high = np.where(short, high, low), np.where(short, 2 * high, high)
    s = (low + high) / 2
    for _ in range(MAX_ITERATIONS):
        value, slope = function(sign * s)
        error = sign * (value - target)
        high, low = np.where(error > 0, s, high), np.where(error > 0, low, s)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = s - error / slope
        inside = (newton >= low) & (newton <= high)
        new = np.where(inside, newton, (low + high) / 2)
        near = np.abs(new - s) <= 1e-6 * (np.abs(s) + 1e-6 * scale)
        s = new
        if near.all():
            break
    # Each Newton step doubles the number of right digits.
    for _ in range(2):
        value, slope = function(sign * s)
        s = s - sign * (value - target) / slope
    return sign * s
