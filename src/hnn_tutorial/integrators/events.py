"""Where a motion crosses a surface: signs watched step by step, each change located to rounding."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from scipy import optimize
from torch import Tensor

from hnn_tutorial.integrators._method import Clocked
from hnn_tutorial.integrators.adaptive import SOLVERS, scipy_slope, tolerances_for

LOOKS = 8
"""Times at which the event is looked at in one step of an adaptive method, which may be long."""


@dataclass(frozen=True)
class Crossings:
    """Where the states of a batch crossed a surface: state by state, each in the motion's order.

    Attributes:
        times: of the crossings, ``(K,)``, float64, in the unit of the times given.
        states: at the crossings, ``(K, d)``, in the dtype of ``x0``, without a gradient.
        members: which state of ``x0.reshape(-1, d)`` crossed, ``(K,)``, int64.
    """

    times: Tensor
    states: Tensor
    members: Tensor

    def __len__(self) -> int:
        """Return the number of crossings, K."""
        return len(self.times)


class Stretch(NamedTuple):
    """A piece of the motion of a batch: its two times, the states at the last, and at any time."""

    begin: float
    end: float
    last: Tensor
    at: Callable[[float], Tensor]


def adaptive_stretches(
    field: Clocked, x0: Tensor, times: list[float], scipy_name: str, **tolerances: float
) -> Iterator[Stretch]:
    """Yield the parts of SciPy's steps, with the states from the method's own interpolation.

    Raises:
        RuntimeError: if SciPy gives up.
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
    while solver.status == "running":
        reason = solver.step()
        if solver.status == "failed":
            raise RuntimeError(
                f"{scipy_name} stopped after t = {solver.t:.6g} of {times[-1]:.6g}: {reason}"
            )
        inside = solver.dense_output()

        def at(t: float, inside: Callable[[float], np.ndarray] = inside) -> Tensor:
            flat = torch.as_tensor(inside(t), dtype=x0.dtype, device=x0.device)
            return flat.reshape(x0.shape)

        ends = np.linspace(solver.t_old, solver.t, LOOKS + 1).tolist()
        for begin, end in itertools.pairwise(ends):
            yield Stretch(begin, end, at(end), at)


def find_crossings(
    stretches: Iterator[Stretch],
    x0: Tensor,
    start: float,
    event: Clocked,
    direction: int,
    done: Tensor | None,
) -> Crossings:
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
    """
    found: list[tuple[int, float, Tensor]] = []
    width = x0.shape[-1]
    sign = event(start, x0).sign().reshape(-1)
    for begin, end, last, at in stretches:
        new = event(end, last).sign().reshape(-1)
        # To arrive at zero is to cross; to leave it is not, else a crossing would count twice.
        hit = (sign * new <= 0) & (sign != 0)
        if direction:
            hit &= sign == -direction
        if done is not None:
            hit &= ~done.reshape(-1)
        for k in hit.nonzero().ravel().tolist():

            def value(t: float, k: int = k, at: Callable[[float], Tensor] = at) -> float:
                return event(t, at(t)).reshape(-1)[k].item()

            t = _root(value, begin, end)
            found.append((k, t, at(t).reshape(-1, width)[k].clone()))
        if done is not None:
            done |= hit.reshape(done.shape)
            if bool(done.all()):
                break
        sign = new
    found.sort(key=lambda crossing: crossing[0])  # stable: the motion's order stays
    return Crossings(
        torch.tensor([t for _, t, _ in found], dtype=torch.float64),
        torch.stack([x for _, _, x in found]) if found else x0.new_zeros(0, width),
        torch.tensor([k for k, _, _ in found], dtype=torch.int64),
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
