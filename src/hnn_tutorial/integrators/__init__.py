"""From a field to a trajectory: one function, ``integrate``, and one table, ``METHODS``."""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_times,
    check_count,
    check_finite,
    check_positive,
    check_state,
    check_tensor,
    checked_field,
    lookup,
)
from hnn_tutorial.integrators._method import Field, Method, Step
from hnn_tutorial.integrators.adaptive import DOP853, RK45, solve_adaptive
from hnn_tutorial.integrators.explicit import EULER, RK4
from hnn_tutorial.integrators.implicit import GAUSS_LEGENDRE4, IMPLICIT_MIDPOINT, UnsettledStepError
from hnn_tutorial.integrators.splitting import (
    FOREST_RUTH,
    LEAPFROG,
    SYMPLECTIC_EULER,
    coupled_parts,
)

__all__ = ["METHODS", "Method", "UnsettledStepError", "integrate", "integrate_gaps"]

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        EULER,
        RK4,
        SYMPLECTIC_EULER,
        LEAPFROG,
        FOREST_RUTH,
        IMPLICIT_MIDPOINT,
        GAUSS_LEGENDRE4,
        RK45,
        DOP853,
    )
}
"""The integrators by name; each states its order, and whether it is symplectic or adaptive."""

MOST_STEPS = 1e8
"""In one interval of the times; more would take hours, and are a slip of a unit."""


def integrate(
    field: Field,
    x0: Tensor,
    times: Tensor | Sequence[float],
    method: str = "rk4",
    *,
    step: float | None = None,
    **options: float,
) -> Tensor:
    r"""Follow a field from initial states through the given times: solve :math:`\dot x = f(x)`.

    A batch of states is one call. Through the fixed-step methods gradients flow to ``x0`` and
    to the parameters of the field. A trajectory that runs away ends in inf or NaN, which is
    returned, not hidden.

    Args:
        field: the field, ``(..., 2n) -> (..., 2n)``, such as ``hamiltonian_field(H)``,
            ``system.field`` or ``model.field``.
        x0: initial states, ``(..., 2n)``, at ``times[0]``.
        times: strictly increasing, or strictly decreasing to run backwards; shape ``(T,)``.
        method: a key of ``METHODS``.
        step: longest internal step of a fixed-step method; each interval of ``times`` is
            divided evenly into steps no longer than this. None makes one step per interval.
        options: ``rtol`` and ``atol`` of the adaptive methods (default 1e-9 each; every state of a
            batch meets them).

    Returns:
        The states at the times, ``(T, ..., 2n)``; the first is ``x0``.

    Raises:
        ValueError: for an unknown method (the right names are listed), times that are not
            strictly monotone, states that are not finite, an odd last axis, a splitting
            method on a field that is not separable, or an option that the method lacks.
        TypeError: if ``x0`` is not a floating-point tensor.
        RuntimeError: if an adaptive method gives up.
    """
    chosen = lookup(METHODS, method, "method")
    check_state(x0, "x0")
    check_finite(x0, "x0")
    clock = as_times(times).tolist()
    field = checked_field(field)
    if chosen.needs_separable:
        _check_separable(field, x0, chosen)
    if chosen.step is None:  # an adaptive method
        if step is not None:
            raise ValueError(f"{method} chooses its own steps; set rtol= and atol=, not step=")
        if unknown := set(options) - {"rtol", "atol"}:
            raise ValueError(f"{method} has no option {sorted(unknown)}; it takes rtol and atol")
        check_positive(**options)
        if len(clock) == 1:
            return x0.unsqueeze(0)
        return solve_adaptive(field, x0, clock, method.upper(), **options)
    if options:
        raise ValueError(f"{method} has no option {sorted(options)}; it takes step=... only")
    if step is not None:
        check_positive(step=step)
    return _solve_fixed(field, x0, clock, chosen.step, step)


def _solve_fixed(
    field: Field, x0: Tensor, clock: list[float], advance: Step, longest: float | None
) -> Tensor:
    x, states = x0, [x0]
    for before, after in itertools.pairwise(clock):
        interval = after - before
        # The small allowance keeps an interval of 0.3 at one step of 0.3 in spite of rounding.
        needed = 1.0 if longest is None else abs(interval) / longest - 1e-9
        if needed > MOST_STEPS:
            raise ValueError(
                f"step = {longest:g} makes {needed:.3g} steps of an interval of {abs(interval):g}; "
                f"expected at most {MOST_STEPS:g}"
            )
        count = max(1, math.ceil(needed))
        for _ in range(count):
            x = advance(field, x, interval / count)
        states.append(x)
    return torch.stack(states)


def integrate_gaps(
    field: Field, x0: Tensor, gaps: Tensor, method: str = "rk4", *, steps: int = 1
) -> Tensor:
    r"""Follow each state of a batch over its own time gaps.

    With :math:`t = t_k + g_k s` the motion over the gap :math:`g_k` is that of the field
    :math:`g_k f` over :math:`0 \le s \le 1`, so one call can follow trajectories observed at
    different and uneven times. It works inside ``vmap`` as well, and gradients flow through it.

    Args:
        field: the field, ``(..., 2n) -> (..., 2n)``; it may not depend on the time.
        x0: initial states, ``(..., 2n)``.
        gaps: times between the states wanted, ``(K, ...)``.
        method: a fixed-step key of ``METHODS``.
        steps: of the method, in each gap.

    Returns:
        States, ``(K + 1, ..., 2n)``; the first is ``x0``. One that ran away is inf or NaN.

    Raises:
        ValueError: for an unknown or adaptive method, gaps that do not match the states, or a
            splitting method on a field that is not separable.
    """
    chosen, advance = fixed_step(method)
    check_state(x0, "x0")
    check_tensor(gaps, "gaps")
    check_count(steps=steps)
    field = checked_field(field)
    if gaps.ndim == 0 or gaps.shape[1:] != x0.shape[:-1]:
        raise ValueError(
            f"gaps has shape {tuple(gaps.shape)}, x0 has {tuple(x0.shape)}; expected (K, ...) "
            "and (..., 2n)"
        )
    if chosen.needs_separable:
        _check_separable(field, x0, chosen)
    x, states = x0, [x0]
    for gap in gaps.unsqueeze(-1):
        scaled = _scaled(field, gap)
        for _ in range(steps):
            x = advance(scaled, x, 1 / steps)
        states.append(x)
    return torch.stack(states)


def fixed_step(name: str) -> tuple[Method, Step]:
    """Return a fixed-step method, and its step function.

    Raises:
        ValueError: for any other name.
    """
    chosen = lookup(METHODS, name, "method")
    if chosen.step is None:
        fixed = [m.name for m in METHODS.values() if not m.adaptive]
        raise ValueError(f"{name} chooses its own steps; use one of: {', '.join(fixed)}")
    return chosen, chosen.step


def _scaled(field: Field, factor: Tensor) -> Field:
    return lambda x: factor * field(x)


def _check_separable(field: Field, x0: Tensor, method: Method) -> None:
    reason = coupled_parts(field, x0)
    if reason:
        others = [m.name for m in METHODS.values() if m.symplectic and not m.needs_separable]
        raise ValueError(
            f"{method.title} needs a separable Hamiltonian, H = T(p) + V(q), but here {reason}; "
            f"use {' or '.join(others)} (symplectic for any H), or rk4"
        )
