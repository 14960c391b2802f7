"""Where a motion crosses a surface: signs watched step by step, each change located to rounding."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from hnn_tutorial.integrators._method import Clocked
from hnn_tutorial.integrators.adaptive import SOLVERS, repeated, scipy_slope, tolerances_for

LOOKS = 8
"""Times at which the event is looked at in one step of an adaptive method, which may be long."""


@dataclass(frozen=True)
class Crossings:
    """Where the states of a batch crossed a surface: state by state, each in the motion's order.

    Attributes:
        times: of the crossings, ``(K,)``, float64, in the unit of the times given.
        states: at the crossings, ``(K, d)``, in the dtype of ``x0``.
        members: which state of ``x0.reshape(-1, d)`` crossed, ``(K,)``, int64.
        lost: which of them could not be followed to the end, ``(L,)``, int64; their crossings are
            those before.
    """

    times: Tensor
    states: Tensor
    members: Tensor
    lost: Tensor

    def __len__(self) -> int:
        """Return the number of crossings, K."""
        return len(self.times)


class Stretch(NamedTuple):
    """A piece of the motion of a batch: its two times, the states at the last, and at any time."""

    begin: float
    end: float
    last: Tensor
    at: Callable[[float], Tensor]


class MotionEndedError(RuntimeError):
    """SciPy gave up."""


def adaptive_stretches(
    field: Clocked,
    x0: Tensor,
    times: list[float],
    scipy_name: str,
    accepted: list[float],
    **tolerances: float,
) -> Iterator[Stretch]:
    """Yield the parts of SciPy's steps, with the states from the method's own interpolation.

    Args:
        field: to follow.
        x0: states at the start, ``(..., d)``.
        times: the first and the last count.
        scipy_name: of the method.
        accepted: gets the times of the accepted steps.
        tolerances: ``rtol`` and ``atol``.

    Raises:
        MotionEndedError: if SciPy gives up.
    """
    slope, needs = scipy_slope(field, x0, times[0], scipy_name)
    solver = SOLVERS[scipy_name](
        slope,
        times[0],
        x0.double().cpu().numpy().ravel(),
        times[-1],
        **tolerances_for(x0, **tolerances),
        **needs,
    )
    accepted.append(times[0])
    while solver.status == "running":
        reason = solver.step()
        if solver.status == "failed":
            raise MotionEndedError(
                f"{scipy_name} stopped after t = {solver.t:.6g} of {times[-1]:.6g}: {reason}"
            )
        accepted.append(float(solver.t))
        inside = solver.dense_output()

        def at(t: float, inside: Callable[[float], np.ndarray] = inside) -> Tensor:
            flat = torch.as_tensor(inside(t), dtype=x0.dtype, device=x0.device)
            return flat.reshape(x0.shape)

        ends = np.linspace(solver.t_old, solver.t, LOOKS + 1).tolist()
        for begin, end in itertools.pairwise(ends):
            yield Stretch(begin, end, at(end), at)


class Row(NamedTuple):
    """One crossing: which state of the batch, when (with a gradient if wanted), and where."""

    member: int
    time: Tensor
    state: Tensor


class Found(NamedTuple):
    """Crossings of a batch, which of its states were lost, and why an adaptive method gave up."""

    rows: list[Row]
    lost: list[int]
    reason: str


Path = Callable[[float], Tensor]
"""The states of the batch at any time near a crossing."""
Refine = Callable[[int, float, Path], Row]
"""From a state of the batch, the time at which it crosses, and the batch near that time."""


def find_crossings(
    stretches: Iterator[Stretch],
    x0: Tensor,
    start: float,
    event: Clocked,
    direction: int,
    done: Tensor | None,
    refine: Refine,
) -> Found:
    """Watch the sign of an event over stretches of a motion, and locate each change.

    A change is located by Brent's method on the event along the stretch, down to rounding.

    Args:
        stretches: of the motion, one after the other.
        x0: states at the start, ``(..., d)``.
        start: their time.
        event: ``(t, x) -> g``, shape ``(...,)``.
        direction: sign of the changes that count; 0 for both.
        done: ``(...,)``, false, to watch for the first crossing of each state only; it becomes true
            where a state has crossed. None watches to the end.
        refine: makes what is returned of a crossing.
    """
    rows: list[Row] = []
    last, reason = x0.detach(), ""
    sign = _sign(event, start, last)
    try:
        for begin, end, after, at in stretches:
            last = after.detach()
            new = _sign(event, end, last)
            # To arrive at zero is to cross; to leave it is not, else a crossing would count twice.
            hit = (sign * new <= 0) & (sign != 0) & torch.isfinite(last).all(-1).reshape(-1)
            if direction:
                hit &= sign == -direction
            if done is not None:
                hit &= ~done.reshape(-1)
            for k in hit.nonzero().ravel().tolist():

                def value(t: float, k: int = k, at: Callable[[float], Tensor] = at) -> float:
                    return event(t, at(t)).reshape(-1)[k].item()

                with torch.no_grad():
                    t = _root(value, begin, end)
                rows.append(refine(k, t, at))
            if done is not None:
                done |= hit.reshape(done.shape)
                if bool(done.all()):
                    break
            sign = new
    except MotionEndedError as error:
        reason = str(error)
    gone = ~torch.isfinite(last).all(-1).reshape(-1)
    if reason and len(gone) == 1:
        gone[0] = True
    return Found(rows, gone.nonzero().ravel().tolist(), reason)


def _sign(event: Clocked, t: float, x: Tensor) -> Tensor:
    with torch.no_grad():
        return event(t, x).sign().reshape(-1)


def as_found(k: int, t: float, at: Path) -> Row:
    """Return a crossing without a gradient."""
    time, x = torch.tensor(t, dtype=torch.float64), at(t)
    return Row(k, time, x.detach().reshape(-1, x.shape[-1])[k].clone())


def with_gradient(field: Clocked, event: Clocked, timed: bool) -> Refine:
    r"""Return what gives a crossing the gradient of its time and its state.

    The surface moves along with the motion: from :math:`g(t, x(t)) = 0` with weights θ,

    .. math:: \frac{dt}{d\theta} = -\frac{1}{\dot g}\left.\frac{dg}{d\theta}\right|_t,
              \qquad \frac{dx}{d\theta} = \left.\frac{dx}{d\theta}\right|_t
              + \dot x\,\frac{dt}{d\theta},
              \qquad \dot g = \frac{\partial g}{\partial t} + \nabla g \cdot \dot x

    One step of Newton's method from the time that was found has these derivatives. The rates
    :math:`\dot x` along the path that a method makes, which is not quite the field's, and
    :math:`\partial g/\partial t` are difference quotients.

    Args:
        field: of the motion, which says how fast it is.
        event: g.
        timed: whether g depends on t.
    """

    def refine(k: int, t: float, at: Path) -> Row:
        x = at(t)
        width = x.shape[-1]
        still = x.detach().requires_grad_()
        value = event(t, still).reshape(-1)[k]
        slope = torch.zeros_like(still)
        if value.requires_grad:
            (slope,) = torch.autograd.grad(value, still, materialize_grads=True)
        with torch.no_grad():
            speed = float(field(t, x).reshape(-1, width)[k].norm()) or 1.0
            h = torch.finfo(x.dtype).eps ** (1 / 3) * (1 + float(x.reshape(-1, width)[k].norm()))
            h /= speed
            ahead, behind = (at(t + s).reshape(-1, width)[k] for s in (h, -h))
            motion = (ahead - behind) / (2 * h)
            rate = (slope.reshape(-1, width)[k] * motion).sum().double().cpu()
            if timed:
                later, earlier = (event(t + s, x).reshape(-1)[k].double() for s in (h, -h))
                rate = rate + (later - earlier).cpu() / (2 * h)
        if not rate.abs() > 0:
            raise ValueError(
                f"the crossing of state {k} at t = {t:.6g} has no gradient: g does not change "
                "along the motion there, or is not computed by PyTorch; call crossings inside "
                "torch.no_grad()"
            )
        missed = event(t, x).reshape(-1)[k].double().cpu() / rate
        state = x.reshape(-1, width)[k] - missed.to(x) * motion
        once: Any = _Once
        return Row(k, *once.apply(torch.tensor(t, dtype=torch.float64) - missed, state))

    return refine


class _Once(torch.autograd.Function):
    """The identity, whose gradient refuses to be differentiated: the rate above is held fixed."""

    @staticmethod
    def forward(ctx: Any, *given: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(*given)
        return tuple(each.clone() for each in given)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, ...]:
        refusing: Any = _Refusing
        return tuple(map(refusing.apply, slopes, ctx.saved_tensors))


class _Refusing(torch.autograd.Function):
    """A gradient, which depends on where it was taken, but not by a derivative known here."""

    @staticmethod
    def forward(ctx: Any, slope: Tensor, given: Tensor) -> Tensor:
        return slope.clone()

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, ...]:
        raise RuntimeError("crossings carry first derivatives only, and a second one is wanted")


def repeat_to_crossings(
    field: Clocked,
    x0: Tensor,
    accepted: Sequence[float],
    rows: Sequence[Row],
    scipy_name: str,
    first: bool,
    refine: Refine,
) -> list[Row]:
    """Return the crossings with gradients: the accepted steps are made once more in torch.

    Args:
        field: of the motion.
        x0: states at the start.
        accepted: the times of the accepted steps.
        rows: the crossings.
        scipy_name: of the method.
        first: whether each state stops at its crossing.
        refine: gives a crossing its gradient.
    """
    backwards = accepted[-1] < accepted[0]
    at = [float(row.time) for row in rows]
    latest = (min if backwards else max)(at, default=accepted[0])
    ends = sorted({*accepted, *at}, reverse=backwards)
    ends = ends[: ends.index(latest) + 1]
    stops = torch.full(x0.shape[:-1], -torch.inf if backwards else torch.inf, dtype=torch.float64)
    if first:
        for row, t in zip(rows, at, strict=True):
            stops.view(-1)[row.member] = t

    def moves(t: float) -> Tensor:
        return (stops < t if backwards else stops > t).unsqueeze(-1).to(x0.device)

    path = {ends[0]: x0} | dict(repeated(field, x0, ends, scipy_name, moves, set(at)))

    def near(middle: float) -> Path:
        """Return the path near a crossing: the states at it, and a straight line beside."""
        x = path[middle]
        with torch.no_grad():
            rate = field(middle, x)
        return lambda t: x if t == middle else x + (t - middle) * rate

    return [refine(row.member, t, near(t)) for row, t in zip(rows, at, strict=True)]


def collected(found: Found, x0: Tensor) -> Crossings:
    """Return the crossings of a batch, state by state."""
    rows = sorted(found.rows, key=lambda row: row.member)  # stable: the motion's order stays
    return Crossings(
        torch.stack([row.time for row in rows]) if rows else torch.zeros(0, dtype=torch.float64),
        torch.stack([row.state for row in rows]) if rows else x0.new_zeros(0, x0.shape[-1]),
        torch.tensor([row.member for row in rows], dtype=torch.int64),
        torch.tensor(sorted(found.lost), dtype=torch.int64),
    )


def _root(value: Callable[[float], float], begin: float, end: float) -> float:
    first, last = value(begin), value(end)
    if first * last > 0:  # rounding moved an end across the surface: the crossing is there
        return begin if abs(first) < abs(last) else end
    eps = float(np.finfo(np.float64).eps)
    found = optimize.brentq(
        value, begin, end, xtol=4 * eps * abs(end - begin), rtol=4 * eps, maxiter=500
    )
    return float(found)
