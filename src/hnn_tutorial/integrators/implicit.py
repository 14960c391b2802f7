"""Implicit symplectic methods, for any Hamiltonian, separable or not.

Both are collocation methods at Gauss points. Their equations are solved by fixed-point
iteration down to rounding, because the method is symplectic only as far as its equations are
solved.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from hnn_tutorial._validate import anywhere
from hnn_tutorial.integrators._method import Field, Method

MAX_ITERATIONS = 100
BLIND_ITERATIONS = 30
STALLED = 2
"""Iterations that come no nearer before a small change counts as one of rounding."""


class UnsettledStepError(ValueError):
    """The equations of an implicit step were not solved: it is too long for the field."""


def solve_fixed_point(iterate: Callable[[Tensor], Tensor], start: Tensor, h: float) -> Tensor:
    """Iterate ``k = iterate(k)`` until it no longer changes beyond rounding.

    Each state is judged by its norm. It is settled when the change is below 8 rounding errors, or
    when it is small (below ``eps ** (2/3)``) and has not fallen in two iterations: rounding can
    keep an iteration in a cycle some fifty errors wide. A state that has run away before the step
    (its first slope is not finite) stays so; one that overflows within the iteration is refused.

    The iterations stay in the autograd graph. Derivatives settle one iteration after the
    values, so two more are made at the end. Inside ``vmap``, where no value can be read,
    ``BLIND_ITERATIONS`` are made: enough for rounding where each gains half a digit.

    Args:
        iterate: the contraction, slopes to slopes.
        start: first guess.
        h: the step, for the error message.

    Returns:
        The fixed point, of ``start``'s shape.

    Raises:
        UnsettledStepError: (a ``ValueError``) if it does not settle.
    """
    k = start
    eps = torch.finfo(start.dtype).eps
    settled = ~torch.isfinite(start.detach()).all(-1)
    least = torch.full_like(start.detach()[..., 0], torch.inf)
    stalled = torch.zeros_like(least)
    for done in range(1, MAX_ITERATIONS + 1):
        previous, k = k, iterate(k)
        with torch.no_grad():
            change = torch.linalg.vector_norm(k - previous, dim=-1)
            scale = 1 + torch.linalg.vector_norm(k, dim=-1)
            stalled = stalled + (change >= least)
            small = (stalled >= STALLED) & (change <= eps ** (2 / 3) * scale)
            # An infinite change is none of rounding, and NaN compares as false.
            near = torch.isfinite(scale) & ((change <= 8 * eps * scale) | small)
            settled = settled | near
            least = torch.minimum(least, change)
            moving = anywhere(~settled)
        if moving is False or (moving is None and done == BLIND_ITERATIONS):
            return iterate(iterate(k))
    where = "" if settled.ndim == 0 else f" for {int((~settled).sum())} of {settled.numel()} slopes"
    raise UnsettledStepError(
        f"the implicit step of {h:.3g} did not settle in {MAX_ITERATIONS} iterations{where}: it is "
        "too long for this field; pass a smaller step=..."
    )


def implicit_midpoint_step(field: Field, x: Tensor, h: float) -> Tensor:
    r"""The slope at the middle of the step: :math:`x_{k+1} = x_k + h f((x_k + x_{k+1})/2)`.

    Raises:
        UnsettledStepError: if the step is too long for the fixed-point iteration.

    References:
        Hairer, Lubich & Wanner 2006, sec. II.1.
    """
    return x + h * solve_fixed_point(lambda k: field(x + h / 2 * k), field(x), h)


_ROOT = math.sqrt(3) / 6
_A = ((1 / 4, 1 / 4 - _ROOT), (1 / 4 + _ROOT, 1 / 4))


def gauss_legendre4_step(field: Field, x: Tensor, h: float) -> Tensor:
    r"""Two slopes at the Gauss points :math:`1/2 \mp \sqrt 3/6` of the step: order 4.

    Raises:
        UnsettledStepError: if the step is too long for the fixed-point iteration.

    References:
        Hairer, Lubich & Wanner 2006, sec. II.1, table 1.1.
    """

    def iterate(k: Tensor) -> Tensor:
        k1, k2 = k
        return torch.stack([field(x + h * (a1 * k1 + a2 * k2)) for a1, a2 in _A])

    start = field(x)
    k1, k2 = solve_fixed_point(iterate, torch.stack([start, start]), h)
    return x + h / 2 * (k1 + k2)


IMPLICIT_MIDPOINT = Method(
    "implicit_midpoint", "implicit midpoint", 2, True, False, False, 1, implicit_midpoint_step
)
GAUSS_LEGENDRE4 = Method(
    "gauss_legendre4", "Gauss–Legendre 4", 4, True, False, False, 2, gauss_legendre4_step
)
