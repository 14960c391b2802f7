"""Implicit symplectic methods, for any Hamiltonian, separable or not.

Both are collocation methods at Gauss points. Their equations are solved down to rounding, because
the method is symplectic only as far as its equations are solved: by fixed-point iteration, and by
Newton's method where the step is too long for that.
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._validate import anywhere
from hnn_tutorial.integrators._method import Field, Method
from hnn_tutorial.mechanics import jacobian

MAX_ITERATIONS = 100
BLIND_ITERATIONS = 30
NEAR = 1e-2
STALLED = 2
"""Iterations that come no nearer before a small change counts as one of rounding."""

WATCHED = 20
"""Iterations after which a change must have halved within ten, else Newton's method takes over."""

NEWTON_ITERATIONS = 30
HALVINGS = 8
"""Of a Newton step that comes no nearer."""

STAGES = (4, 16)
"""Parts in which Newton's method lengthens the step, from the previous part's slopes."""


class UnsettledStepError(ValueError):
    """The equations of an implicit step were not solved: it is too long for the field."""


_FIXED_POINT_ONLY: ContextVar[bool] = ContextVar("fixed_point_only", default=False)


@contextlib.contextmanager
def fixed_point_only() -> Iterator[None]:
    """Refuse a step that the fixed-point iteration does not solve.

    The Jacobian of a training is taken inside ``vmap``, where no value can be read and Newton's
    method is not tried; weights whose steps need it then have no loss either.
    """
    token = _FIXED_POINT_ONLY.set(True)
    try:
        yield
    finally:
        _FIXED_POINT_ONLY.reset(token)


Slopes = Callable[[Tensor, float], Tensor]
"""``(k, h) -> k``: the slopes at the points that slopes k and a step h lead to, ``(..., s d)``."""


def _norm(k: Any) -> Any:
    """Return the norms of slopes, ``(..., s d) -> (...,)``."""
    if isinstance(k, np.ndarray):
        return np.sqrt(np.add.reduce(k * k, axis=-1))
    return torch.linalg.vector_norm(k, dim=-1)


class _Watch:
    """Which states have come to rest.

    Each is judged by its norm. It is settled when the change is below 8 rounding errors, or when
    it is small (below ``eps ** (2/3)``) and has not fallen in two iterations: rounding can keep an
    iteration in a cycle some fifty errors wide. A state that has run away before the step (its
    first slope is not finite) stays so; one that overflows within the iteration is no solution.
    """

    def __init__(self, start: Any) -> None:
        # Tensors and arrays have what is asked here by the same names.
        self.of = np if isinstance(start, np.ndarray) else torch
        start = start if self.of is np else start.detach()
        self.eps = self.of.finfo(start.dtype).eps
        self.settled: Any = ~self.of.isfinite(start).all(-1)
        self.least: Any = self.of.full_like(start[..., 0], self.of.inf)
        self.stalled: Any = self.of.zeros_like(self.least)
        self.change = self.size = self.least
        self.small: Any = self.of.zeros_like(self.settled)

    def see(self, k: Any, change: Any) -> None:
        """Judge by the newest slopes, and how far they are from those before."""
        self.size = _norm(k)
        scale = 1 + self.size
        self.stalled = self.stalled + (change >= self.least)
        self.small = change <= self.eps ** (2 / 3) * scale
        # An infinite change is none of rounding, and NaN compares as false.
        at_rest = (change <= 8 * self.eps * scale) | (self.small & (self.stalled >= STALLED))
        self.settled = self.settled | (self.of.isfinite(scale) & at_rest)
        self.least = self.of.minimum(self.least, change)
        self.change = change


def solve_fixed_point(slopes: Slopes, start: Tensor, h: float) -> Tensor:
    """Solve ``k = slopes(k, h)`` down to rounding, see ``_Watch``.

    The iterations stay in the autograd graph. Derivatives settle a little after the values, so two
    more are made at the end; where the values took long, Newton's method gives the derivatives.
    Inside ``vmap``, where no value can be read, ``BLIND_ITERATIONS`` are made, enough for rounding
    where each gains half a digit; slopes that still change by ``NEAR`` then are NaN. Elsewhere
    Newton's method takes over where the iteration does not contract.

    Args:
        slopes: of slopes and the step.
        start: first guess, ``(..., s d)``.
        h: the step.

    Returns:
        The slopes, of ``start``'s shape.

    Raises:
        UnsettledStepError: (a ``ValueError``) if neither settles.
    """
    k = start
    watch = _Watch(start)
    earlier: list[Tensor] = []
    for done in range(1, MAX_ITERATIONS + 1):
        previous, k = k, slopes(k, h)
        with torch.no_grad():
            watch.see(k, _norm(k - previous))
            moving = anywhere(~watch.settled)
        if moving is False:
            if done <= WATCHED or _FIXED_POINT_ONLY.get():
                return slopes(slopes(k, h), h)
            return _with_derivatives(slopes, k.detach(), h)
        if moving is None:
            if done == BLIND_ITERATIONS:
                near = watch.settled | (watch.change <= NEAR * (1 + watch.size))
                return torch.where(near.unsqueeze(-1), slopes(slopes(k, h), h), torch.nan)
            continue
        earlier.append(watch.change)
        if done >= WATCHED and not _FIXED_POINT_ONLY.get():
            slow = ~(watch.change <= earlier[-11] / 2) & ~watch.settled & ~watch.small
            if slow.any():
                break
    if not _FIXED_POINT_ONLY.get():
        return _solve_newton(slopes, start, h)
    raise _unsettled(h, watch.settled)


def _settle(slopes: Callable[[Any, float], Any], start: Any, h: float) -> Any:
    """Solve as ``solve_fixed_point`` does where it contracts well, for arrays; None elsewhere."""
    k, watch = start, _Watch(start)
    for _ in range(WATCHED):
        previous, k = k, slopes(k, h)
        watch.see(k, _norm(k - previous))
        if watch.settled.all():
            return slopes(slopes(k, h), h)
    return None


def by_numpy(
    step: Callable[..., Any], field: Field, evaluate: Callable[[np.ndarray], np.ndarray]
) -> Callable[[np.ndarray, float], np.ndarray]:
    """Return an implicit step ``(x, h) -> x`` for arrays.

    Args:
        step: of the method.
        field: f(x), for the steps that the fixed-point iteration does not solve.
        evaluate: the same field for arrays.
    """

    def advance(x: np.ndarray, h: float) -> np.ndarray:
        moved: np.ndarray | None = step(evaluate, x, h, _settle)
        if moved is None:
            with torch.no_grad():
                moved = step(field, torch.from_numpy(x), h).numpy()
        return moved

    return advance


def _unsettled(h: float, settled: Tensor) -> UnsettledStepError:
    where = "" if settled.ndim == 0 else f" for {int((~settled).sum())} of {settled.numel()} states"
    return UnsettledStepError(
        f"the equations of the implicit step of {h:.3g} were not solved{where}: it is too long for "
        "this field; pass a smaller step=..."
    )


def _newton_step(slopes: Slopes, k: Tensor, h: float) -> tuple[Tensor, Tensor]:
    """Return Newton's step for ``k - slopes(k, h)``, which is to be taken away, and that residual.

    Where its matrix is singular the step is not finite.
    """

    def residual(k: Tensor) -> Tensor:
        return k - slopes(k, h)

    r = residual(k)
    step, _ = torch.linalg.solve_ex(jacobian(residual)(k), r.unsqueeze(-1))
    return step.squeeze(-1), r


def _solve_newton(slopes: Slopes, start: Tensor, h: float) -> Tensor:
    """Solve ``k = slopes(k, h)`` by Newton's method, with steps that are halved where they miss.

    The equations of a long step have many solutions. That which goes over into the slope of a short
    one is looked for: at a quarter of the step first, from there at a half, and so on.
    """
    with torch.no_grad():
        first = start.detach()
        found, settled = first, ~torch.isfinite(first).all(-1)
        for parts in STAGES:
            k, solved = first, torch.ones_like(settled)
            for part in range(1, parts + 1):
                # A part without a solution ends the branch; what follows would be another's.
                k, this = _damped_newton(slopes, k, h * part / parts)
                solved = solved & this
            found = torch.where(settled.unsqueeze(-1), found, k)
            settled = settled | solved
            if settled.all():
                break
        else:
            raise _unsettled(h, settled)
    return _with_derivatives(slopes, found, h)


def _with_derivatives(slopes: Slopes, k: Tensor, h: float) -> Tensor:
    """Return solved slopes and their derivatives: each Newton step doubles the right ones."""
    for _ in range(2 if torch.is_grad_enabled() else 0):
        k = k - _newton_step(slopes, k, h)[0]
    return k


def _damped_newton(slopes: Slopes, k: Tensor, h: float) -> tuple[Tensor, Tensor]:
    """Return slopes, and which of them are solved."""
    watch = _Watch(k)
    for _ in range(NEWTON_ITERATIONS):
        step, r = _newton_step(slopes, k, h)
        step = torch.where(torch.isfinite(step), step, 0)
        error = torch.linalg.vector_norm(r, dim=-1)
        watch.see(k, torch.maximum(torch.linalg.vector_norm(step, dim=-1), watch.eps * error))
        if watch.settled.all():
            break
        length = torch.ones_like(error)
        for _ in range(HALVINGS):
            trial = k - length.unsqueeze(-1) * step
            worse = torch.linalg.vector_norm(trial - slopes(trial, h), dim=-1) >= error
            worse = worse & ~watch.small
            if not worse.any():
                break
            length = torch.where(worse, length / 2, length)
        k = k - length.unsqueeze(-1) * step
    return k, watch.settled


def implicit_midpoint_step(
    field: Field, x: Any, h: float, solve: Callable[..., Any] = solve_fixed_point
) -> Any:
    r"""The slope at the middle of the step: :math:`x_{k+1} = x_k + h f((x_k + x_{k+1})/2)`.

    Raises:
        UnsettledStepError: if the step is too long for its equation to be solved.

    References:
        Hairer, Lubich & Wanner 2006, sec. II.1.
    """
    k = solve(lambda k, h: field(x + h / 2 * k), field(x), h)
    return None if k is None else x + h * k


_ROOT = math.sqrt(3) / 6
_A = ((1 / 4, 1 / 4 - _ROOT), (1 / 4 + _ROOT, 1 / 4))


def gauss_legendre4_step(
    field: Field, x: Any, h: float, solve: Callable[..., Any] = solve_fixed_point
) -> Any:
    r"""Two slopes at the Gauss points :math:`1/2 \mp \sqrt 3/6` of the step: order 4.

    Raises:
        UnsettledStepError: if the step is too long for its equation to be solved.

    References:
        Hairer, Lubich & Wanner 2006, sec. II.1, table 1.1.
    """
    d = x.shape[-1]
    joined: Any = np.concatenate if isinstance(x, np.ndarray) else torch.cat

    def slopes(k: Any, h: float) -> Any:
        k1, k2 = k[..., :d], k[..., d:]
        return joined([field(x + h * (a1 * k1 + a2 * k2)) for a1, a2 in _A], axis=-1)

    start = field(x)
    k = solve(slopes, joined([start, start], axis=-1), h)
    return None if k is None else x + h / 2 * (k[..., :d] + k[..., d:])


IMPLICIT = ("implicit_midpoint", "gauss_legendre4")

IMPLICIT_MIDPOINT = Method(
    "implicit_midpoint", "implicit midpoint", 2, True, False, False, 1, implicit_midpoint_step
)
GAUSS_LEGENDRE4 = Method(
    "gauss_legendre4", "Gauss–Legendre 4", 4, True, False, False, 2, gauss_legendre4_step
)
