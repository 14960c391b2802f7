"""From a field to a trajectory: ``integrate``, and one table, ``METHODS``.

``crossings`` follows a field likewise, to where its motion crosses a surface.
"""

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._as_numpy import as_numpy, compact
from hnn_tutorial._counted import Counted
from hnn_tutorial._validate import (
    anywhere,
    as_clock,
    as_number,
    check_callable,
    check_count,
    check_finite,
    check_output,
    check_positive,
    check_tensor,
    check_type,
    check_vector,
    checked_field,
    lookup,
)
from hnn_tutorial.constraints import parts
from hnn_tutorial.integrators._compiled import solve_compiled
from hnn_tutorial.integrators._method import Clocked, Field, Method, Step
from hnn_tutorial.integrators.adaptive import (
    DOP853,
    RADAU,
    RK45,
    solve_adaptive,
    warn_of_lost,
)
from hnn_tutorial.integrators.events import (
    Crossings,
    Found,
    Stretch,
    adaptive_stretches,
    as_found,
    collected,
    find_crossings,
    repeat_to_crossings,
    with_gradient,
)
from hnn_tutorial.integrators.explicit import EULER, RK4
from hnn_tutorial.integrators.implicit import (
    GAUSS_LEGENDRE4,
    IMPLICIT,
    IMPLICIT_MIDPOINT,
    UnsettledStepError,
    by_numpy,
)
from hnn_tutorial.integrators.rattle import RATTLE, constrained
from hnn_tutorial.integrators.splitting import (
    FOREST_RUTH,
    LEAPFROG,
    SYMPLECTIC_EULER,
    coupled_parts,
)

__all__ = [
    "METHODS",
    "Counted",
    "Crossings",
    "Method",
    "UnsettledStepError",
    "crossings",
    "integrate",
    "integrate_gaps",
]

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

_ALL = METHODS | {method.name: method for method in (RADAU, RATTLE)}
"""With two that ``integrate`` knows too and that stand apart: Radau, as it carries no gradient, and
RATTLE, as it takes only a field that knows its constraints."""

COMPILED = [m.name for m in (EULER, RK4, SYMPLECTIC_EULER, LEAPFROG, FOREST_RUTH)]
"""The methods whose step is the same operations at every state."""

WORTH_RECORDING = 50
"""Steps of a fixed-step method; for fewer, recording one for NumPy takes longer than it saves."""

MOST_STEPS = 1e8
"""In one interval of the times; more would take hours, and are a slip of a unit."""


def integrate(
    field: Callable[..., Tensor],
    x0: Tensor | np.ndarray,
    times: Tensor | Sequence[float],
    method: str = "rk4",
    *,
    step: float | None = None,
    compile: bool = False,
    **options: float,
) -> Tensor:
    r"""Follow a field from initial states through the given times: solve :math:`\dot x = f(t, x)`.

    A batch of states is one call. Through every method of ``METHODS`` gradients flow to ``x0`` and
    to the weights that the field uses; an adaptive method repeats its accepted steps for that. A
    trajectory that runs away ends in inf or NaN, which is returned, not hidden.

    Where no gradient is wanted, the field's operations are recorded once in a call and made by
    NumPy; but for rounding this changes nothing. It is done for the package's systems and models,
    and for a field of your own that only computes. One that counts its calls, draws numbers, looks
    at a value or changes anything is called at each step. ``Counted`` counts any field's calls.

    With ``compile=True`` all steps of all states are one program, compiled by XLA through JAX (the
    extra ``jax``), with the same numbers to rounding. Compiling takes 0.1 to 5 s on the first call,
    and nothing on later ones that differ in starts, times or weights, but not in their number. The
    field is not called at each step: its operations are recorded from one. So it has to be made of
    PyTorch's operations on the states alone, and what a model checks on the way, such as whether a
    mass matrix is singular, is not checked.

    A field of one argument is f(x). One whose first of two required arguments is named ``t`` is
    f(t, x), with t a float64 number; so an input u(t) stands in the field itself:

    >>> import math
    >>> def pushed(t, x):  # a pendulum pushed by u(t) = 0.3 sin 2t
    ...     q, p = x.unbind(-1)
    ...     return torch.stack([p, 0.3 * math.sin(2 * t) - torch.sin(q)], -1)
    >>> integrate(pushed, torch.zeros(2).double(), [0, 1, 2], step=0.01).shape
    torch.Size([3, 2])

    Args:
        field: f(x) or f(t, x), states ``(..., d) -> (..., d)``, such as ``hamiltonian_field(H)``,
            ``system.field`` or ``model.field``.
        x0: initial states, ``(..., d)``, at ``times[0]``; a tensor or a NumPy array. Methods that
            split a state into [q, p] need an even d.
        times: strictly increasing, or strictly decreasing to run backwards; shape ``(T,)``. They
            stay float64 whatever the states are.
        method: a key of ``METHODS``; or ``"radau"``, SciPy's implicit adaptive method of order 5
            (Hairer & Wanner 1996, sec. IV.8), for stiff fields: those with motions that die out far
            faster than the rest changes. It takes the field's Jacobian from autograd, and carries
            no gradient itself. Or ``"rattle"``, the symplectic method of order 2 for masses on
            rods, which holds the rods to rounding (Andersen 1983): for a ``constrained_field``, and
            the ``field`` of a system or model that has one.
        step: longest internal step of a fixed-step method; each interval of ``times`` is
            divided evenly into steps no longer than this. None makes one step per interval. Where
            that is a single step from start to end, and two steps of half the length end more than
            a tenth of the state and its way elsewhere, a step is asked for.
        compile: see above; for euler, rk4, symplectic_euler, leapfrog and forest_ruth, for fields
            f(x), on the CPU, and where no gradient is wanted.
        options: ``rtol`` and ``atol`` of the adaptive methods (default 1e-9 each; every state of a
            batch meets them; never below 32 rounding errors of the states' dtype).

    Returns:
        The states at the times, ``(T, ..., d)``; the first is ``x0``. States that an adaptive
        method lost from a batch are NaN, and a ``RuntimeWarning`` names them.

    Raises:
        ValueError: for an unknown method (the right names are listed), times that are not
            strictly monotone, states that are not finite, a splitting method on an odd last axis
            or a field that is not separable or depends on t, a single step that is far too long,
            a gradient wanted of radau, or an option that the method lacks; for rattle on a field
            without constraints, or a start that is off them; for what ``compile=True`` cannot do.
        TypeError: if ``x0`` is not of a floating-point dtype, or a field of two arguments does not
            take t first.
        RuntimeError: if an adaptive method gives up on all states.
        ModuleNotFoundError: for ``compile=True`` where JAX is not installed.
    """
    check_type(bool, "True or False", compile=compile)
    chosen, start, ends, clocked, step = _checked(field, x0, times, method, step, options)
    if compile:
        _check_compiled(field, chosen, clocked)
    if len(ends) == 1:
        return start.unsqueeze(0)
    if chosen.step is None:
        still = checked_field(field)
        return solve_adaptive(
            clocked or (lambda _, x: still(x)),
            start,
            ends.tolist(),
            method.upper(),
            plain=None if clocked else field,
            **options,
        )
    advance = _advance(field, clocked, chosen)
    if step is None and len(ends) == 2:
        _check_single_step(advance, start, ends.tolist(), method)
    counts, lengths = _steps(ends, step)
    if compile:
        return solve_compiled(field, start, counts, lengths, chosen)
    if counts.sum() >= WORTH_RECORDING and not clocked and not chosen.needs_constraints:
        states = compact(field, start)
        if chosen.name in IMPLICIT:
            slope = as_numpy(field, states)
            evaluate = slope and by_numpy(chosen.step, checked_field(field), slope)
        else:
            evaluate = as_numpy(field, states, chosen.step, float(lengths[0]))
        if evaluate:
            path = _solve_numpy(evaluate, states, counts, lengths)
            return path.reshape(-1, *start.shape)
    return _solve_fixed(advance, start, ends.tolist(), counts, lengths)


def crossings(
    field: Callable[..., Tensor],
    x0: Tensor | np.ndarray,
    times: Tensor | Sequence[float],
    event: Callable[..., Tensor],
    method: str = "dop853",
    *,
    direction: int = 0,
    first: bool = False,
    step: float | None = None,
    **options: float,
) -> Crossings:
    r"""Find where the motion of :math:`\dot x = f(t, x)` crosses the surface :math:`g(t, x) = 0`.

    With all crossings this makes a Poincaré section; with ``first`` it follows each state to its
    first crossing, such as an impact, and stops it there. Where the sign of g changes within a
    step, a fixed-step method is stepped again from the step's start to the time of the crossing,
    which keeps its order; an adaptive one is read from its own interpolation. The time is located
    by Brent's method down to rounding.

    A start on the surface is no crossing, and an arrival on it is one: so a ball that bounced is
    followed on from the ground. A start that rounding has put just behind the surface crosses it
    again; a ``direction`` leaves that out. Two crossings within one step of a fixed-step method, or
    an eighth of a step of an adaptive one, cancel and are missed, and so is a surface that is only
    touched: a smaller step, or an event that is the derivative of g, finds these.

    >>> def thrown(x):  # upwards, in m and m/s
    ...     return torch.stack([x[..., 1], torch.full_like(x[..., 1], -9.81)], dim=-1)
    >>> up = torch.tensor([0.0, 9.81]).double()
    >>> impact = crossings(thrown, up, [0, 5], lambda x: x[..., 0], first=True)
    >>> impact.times
    tensor([2.0000], dtype=torch.float64)

    Args:
        field: f(x) or f(t, x), as in ``integrate``.
        x0: initial states, ``(..., d)``, at ``times[0]``; a tensor or a NumPy array.
        times: as in ``integrate``, ``(T,)``; the motion is watched from the first to the last.
        event: g(x) or g(t, x), states ``(..., d) -> (...,)``; t is a float64 number.
        method: as in ``integrate``.
        direction: 1 counts the crossings at which g rises as the motion is followed, -1 those at
            which it falls, 0 both.
        first: whether each state stops at its first crossing.
        step: as in ``integrate``.
        options: ``rtol`` and ``atol`` of the adaptive methods.

    Returns:
        The crossings of all states; none, if none of them crosses. Times and states carry first
        derivatives by ``x0`` and by the weights of field and event; where these are wanted twice,
        PyTorch refuses. States that could not be followed to the end, by an adaptive method that
        gave up or to a number that is not finite, are in ``lost``, and a ``RuntimeWarning`` names
        them.

    Raises:
        ValueError: as ``integrate`` does; for a direction that is not -1, 0 or 1, an event that
            gives another shape than one number for each state, and a gradient that is wanted where
            g does not change along the motion.
        TypeError: as ``integrate`` does; if the event gives no tensor of the states' dtype.
        RuntimeError: if an adaptive method gives up on all of the states.
    """
    check_type(bool, "True or False", first=first)
    if as_number("direction", direction) not in (-1, 0, 1):
        raise ValueError(f"direction = {direction}; expected -1, 0 or 1")
    chosen, start, ends, clocked, step = _checked(field, x0, times, method, step, options)
    clock = ends.tolist()
    if chosen.needs_constraints:
        raise ValueError(f"crossings cannot follow {method}; use dop853 or a fixed-step method")
    timed = takes_time(event, "event")

    def watched(t: float, x: Tensor) -> Tensor:
        value = timed(t, x) if timed else event(x)
        check_output(value, x, x.shape[:-1], "the event")
        return value

    still = checked_field(field)

    def motion(t: float, x: Tensor) -> Tensor:
        return clocked(t, x) if clocked else still(x)

    wanted = torch.is_grad_enabled() and (
        start.requires_grad
        or motion(clock[0], start).requires_grad
        or watched(clock[0], start).requires_grad
    )
    if wanted and method == "radau":
        raise ValueError(
            "radau carries no gradient, and one is wanted of x0, or of the weights of the field or "
            "the event; call crossings inside torch.no_grad(), or use dop853 or a fixed-step method"
        )
    refine = with_gradient(motion, watched, timed is not None) if wanted else as_found

    def follow(x0: Tensor) -> Found:
        done = torch.zeros(x0.shape[:-1], dtype=torch.bool, device=x0.device)

        def moving(t: float, x: Tensor) -> Tensor:
            rate = motion(t, x)
            return torch.where(done.clone().unsqueeze(-1), 0, rate) if first else rate

        stops = done if first else None
        search = (clock[0], watched, int(direction), stops)
        if len(clock) == 1:
            return find_crossings(iter(()), x0, *search, refine)
        if chosen.step is None:
            accepted: list[float] = []
            with torch.no_grad():
                stretches = adaptive_stretches(
                    moving, x0.detach(), clock, method.upper(), accepted, **options
                )
                found = find_crossings(stretches, x0, *search, as_found)
            if wanted and (not found.reason or found.lost):
                rows = repeat_to_crossings(
                    motion, x0, accepted, found.rows, method.upper(), first, refine
                )
                found = found._replace(rows=rows)
            return found
        advance = _advance(lambda x: moving(0.0, x), clocked and moving, chosen)
        if step is None and len(clock) == 2:
            _check_single_step(advance, x0, clock, method)
        return find_crossings(_fixed_stretches(advance, x0, clock, step), x0, *search, refine)

    with torch.set_grad_enabled(wanted):
        start = start if wanted else start.detach()
        found = follow(start)
        if found.reason and not found.lost:
            # SciPy gave up on the batch: its halves are followed apart, down to single states.
            flat = start.reshape(-1, start.shape[-1])
            found = _followed_apart(follow, flat)
        lost, count = found.lost, max(1, start[..., 0].numel())
        if found.reason and len(lost) == count:
            raise RuntimeError(found.reason)
        if lost:
            text = "were lost, with the crossings after that: {}. " + found.reason
            warn_of_lost(lost, start.shape[:-1], text.rstrip(), floors=1)
        return collected(found, start)


def _followed_apart(follow: Callable[[Tensor], Found], flat: Tensor) -> Found:
    """Follow the halves of a batch apart, until those that an adaptive method loses stand alone."""
    whole = Found([], [], "")
    waiting = [half for half in torch.arange(len(flat)).tensor_split(2) if len(half)]
    while waiting:
        group = waiting.pop()
        found = follow(flat[group])
        if found.reason and len(group) > 1:
            waiting.extend(group.tensor_split(2))
            continue
        members = group.tolist()
        whole.rows.extend(row._replace(member=members[row.member]) for row in found.rows)
        whole.lost.extend(members[k] for k in found.lost)
        whole = whole._replace(reason=found.reason or whole.reason)
    return whole


def _checked(
    field: Any, x0: Any, times: Any, method: str, step: Any, options: dict[str, float]
) -> tuple[Method, Tensor, np.ndarray, Clocked | None, float | None]:
    """Return the method, the start, the times, a field f(t, x) or None, and the step."""
    chosen = lookup(_ALL, method, "method")
    given = isinstance(x0, np.ndarray) and x0.dtype.kind == "f"
    start: Tensor = torch.as_tensor(x0) if given else x0
    check_tensor(start, "x0")
    if start.ndim == 0 or start.shape[-1] == 0:
        raise ValueError(f"x0 has shape {tuple(start.shape)}; expected (..., d), such as [q, p]")
    check_finite(start, "x0")
    clock = as_clock(times)
    clocked = _clocked(field)
    if chosen.needs_separable:
        if clocked is not None:
            raise ValueError(f"{chosen.title} takes fields f(x) only; use rk4 for f(t, x)")
        _check_pairs(start, chosen)
        _check_separable(checked_field(field), start, chosen)
    if chosen.needs_constraints:
        _check_constrained(field, start, chosen)
    if chosen.step is None:  # an adaptive method
        if step is not None:
            raise ValueError(f"{method} chooses its own steps; set rtol= and atol=, not step=")
        if unknown := set(options) - {"rtol", "atol"}:
            raise ValueError(f"{method} has no option {sorted(unknown)}; it takes rtol and atol")
        check_positive(**options)
        return chosen, start, clock, clocked, None
    if options:
        raise ValueError(f"{method} has no option {sorted(options)}; it takes step=... only")
    if step is not None:
        check_positive(step=step)
        step = as_number("step", step)
    return chosen, start, clock, clocked, step


def takes_time(function: Any, name: str) -> Callable[[float, Tensor], Any] | None:
    """Return a function of (t, x), or None for one of x."""
    check_callable(**{name: function})
    needed = _needed(function)
    if len(needed) != 2:
        return None
    if needed[0] not in ("t", "time"):
        raise TypeError(
            f"the {name} takes ({', '.join(needed)}); expected f(x), or f(t, x) with the time "
            "first, named t"
        )
    called: Callable[[float, Tensor], Any] = function
    return called


def _needed(function: Any) -> Sequence[str]:
    """Return the names of the arguments that a function has to be given; none if it tells none."""
    bound, inner = hasattr(function, "__self__"), function
    while hasattr(inner, "__wrapped__") and not hasattr(inner, "__signature__"):
        inner = inner.__wrapped__
        bound = bound or hasattr(inner, "__self__")
    code = getattr(inner, "__code__", None)
    if code and not hasattr(inner, "__signature__"):
        # As the signature of a plain function or method has them, in a tenth of its time.
        return code.co_varnames[bound : code.co_argcount - len(inner.__defaults__ or ())]
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-in functions tell nothing
        return ()
    return [
        p.name
        for p in parameters
        if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
    ]


def _clocked(field: Any) -> Clocked | None:
    """Return a field f(t, x), checked at every call, or None for a field f(x)."""
    timed = takes_time(field, "field")
    if timed is None:
        return None

    def call(t: float, x: Tensor) -> Tensor:
        value: Tensor = timed(t, x)
        check_output(value, x, x.shape, "the field")
        return value

    return call


Advance = Callable[[Tensor, float, float], Tensor]
"""``(x, t, h) -> x`` one step h later."""


def _advance(field: Any, timed: Clocked | None, method: Method) -> Advance:
    step = method.step
    assert step is not None
    if timed is None:
        # What knows its constraints checks its values itself.
        still = field if method.needs_constraints else checked_field(field)
        return lambda x, t, h: step(still, x, h)

    def advance(x: Tensor, t: float, h: float) -> Tensor:
        # The step sees the time since its beginning as one more component, which is exact enough
        # in any dtype; the field gets the whole time, in float64.
        def augmented(z: Tensor) -> Tensor:
            now = t + (z.detach()[..., -1].reshape(-1)[0].item() if z.numel() else 0.0)
            rate = timed(now, z[..., :-1])
            return torch.cat([rate, torch.ones_like(z[..., -1:])], dim=-1)

        begin = torch.cat([x, torch.zeros_like(x[..., :1])], dim=-1)
        return step(augmented, begin, h)[..., :-1]

    return advance


def _check_single_step(advance: Advance, x0: Tensor, clock: list[float], method: str) -> None:
    """Raise where one step from start to end is far from two of half the length."""
    (t, end), x = clock, x0.detach()
    h = end - t
    with torch.no_grad():
        one = advance(x, t, h)
        two = advance(advance(x, t, h / 2), t + h / 2, h / 2)
        apart = torch.linalg.vector_norm(one - two, dim=-1)
        way = torch.linalg.vector_norm(x, dim=-1) + torch.linalg.vector_norm(two - x, dim=-1)
        if anywhere(apart > 0.1 * way):
            worst = float((apart / way).max())
            raise ValueError(
                f"one step of {method} over {abs(h):g} ends {worst:.0%} of the state and its way "
                "from where two of half the length end; pass step=... or more times"
            )


def _steps(ends: np.ndarray, longest: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return into how many steps each interval is divided, and their length, ``(T - 1,)`` each."""
    intervals = ends[1:] - ends[:-1]
    # The small allowance keeps an interval of 0.3 at one step of 0.3 in spite of rounding.
    needed = np.ones_like(intervals) if longest is None else np.abs(intervals) / longest - 1e-9
    if needed.max() > MOST_STEPS:
        k = int(needed.argmax())
        raise ValueError(
            f"step = {longest:g} makes {needed[k]:.3g} steps of an interval of "
            f"{abs(intervals[k]):g}; expected at most {MOST_STEPS:g}"
        )
    counts = np.maximum(1, np.ceil(needed)).astype(np.int64)
    return counts, intervals / counts


def _check_compiled(field: Any, method: Method, clocked: Clocked | None) -> None:
    """Raise where ``compile=True`` does not know a method, a field of time, or what is counted."""
    if isinstance(field, Counted):
        raise ValueError(
            "compile=True does not call the field at each step, so there is nothing to count; "
            "pass the field itself, or call it without compile=True"
        )
    if clocked is not None:
        raise ValueError("compile=True takes fields f(x) only; call it without for f(t, x)")
    if method.name not in COMPILED:
        raise ValueError(
            f"compile=True cannot make the steps of {method.name}, whose number of operations "
            f"depends on the state; use one of: {', '.join(COMPILED)}"
        )


def _solve_fixed(
    advance: Advance, x0: Tensor, clock: list[float], counts: np.ndarray, lengths: np.ndarray
) -> Tensor:
    x, states = x0, [x0]
    for before, count, h in zip(clock[:-1], counts.tolist(), lengths.tolist(), strict=True):
        for k in range(count):
            x = advance(x, before + k * h, h)
        states.append(x)
    return torch.stack(states)


def _solve_numpy(
    advance: Callable[..., np.ndarray], x0: Tensor, counts: np.ndarray, lengths: np.ndarray
) -> Tensor:
    """Make the steps by NumPy: of each interval how many, and how long (also for each state)."""
    x = x0.detach().numpy()
    states = np.empty((len(lengths) + 1, *x.shape))
    states[0] = x
    # A step that all states share is a plain number, with which NumPy is faster.
    steps = zip(counts.tolist(), lengths.tolist() if lengths.ndim == 1 else lengths, strict=True)
    with np.errstate(all="ignore"):  # PyTorch has no word for a number that is not finite either
        for k, (count, h) in enumerate(steps, start=1):
            for _ in range(count):
                x = advance(x, h)
            states[k] = x
    return torch.from_numpy(states)


def _fixed_stretches(
    advance: Advance, x0: Tensor, clock: list[float], longest: float | None
) -> Iterator[Stretch]:
    """Yield each step, with the states from a shorter step at any time within."""
    x = x0
    for before, after in itertools.pairwise(clock):
        count, h = (given.item() for given in _steps(np.array([before, after]), longest))
        for k in range(count):
            begin = before + k * h
            end = after if k == count - 1 else before + (k + 1) * h

            def at(t: float, x: Tensor = x, begin: float = begin) -> Tensor:
                return advance(x, begin, t - begin)

            x = advance(x, begin, h)
            yield Stretch(begin, end, x, at)


def integrate_gaps(
    field: Field, x0: Tensor, gaps: Tensor, method: str = "rk4", *, steps: int = 1
) -> Tensor:
    r"""Follow each state of a batch over its own time gaps.

    With :math:`t = t_k + g_k s` the motion over the gap :math:`g_k` is that of the field
    :math:`g_k f` over :math:`0 \le s \le 1`, so one call can follow trajectories observed at
    different and uneven times. It works inside ``vmap`` as well, and gradients flow through it.

    Args:
        field: the field, ``(..., d) -> (..., d)``; it may not depend on the time.
        x0: initial states, ``(..., d)``, with d = 2n for a splitting method.
        gaps: times between the states wanted, ``(K, ...)``.
        method: a fixed-step key of ``METHODS``.
        steps: of the method, in each gap.

    Returns:
        States, ``(K + 1, ..., d)``; the first is ``x0``. One that ran away is inf or NaN.

    Raises:
        ValueError: for an unknown or adaptive method, gaps that do not match the states, or a
            splitting method on a field that is not separable.
    """
    chosen, advance = fixed_step(method)
    check_vector(x0, "x0")
    check_tensor(gaps, "gaps")
    check_count(steps=steps)
    if gaps.ndim == 0 or gaps.shape[1:] != x0.shape[:-1]:
        raise ValueError(
            f"gaps has shape {tuple(gaps.shape)}, x0 has {tuple(x0.shape)}; expected (K, ...) "
            "and (..., d)"
        )
    checked = checked_field(field)
    if chosen.needs_separable:
        _check_pairs(x0, chosen)
        _check_separable(checked, x0, chosen)

    def along(field: Field, x: Tensor, gap: Tensor) -> Tensor:
        return advance(lambda x: gap * field(x), x, 1 / steps)

    lengths = gaps.unsqueeze(-1)
    differentiable = torch.is_grad_enabled() and gaps.requires_grad
    if len(gaps) * steps >= WORTH_RECORDING and not differentiable:
        evaluate = as_numpy(field, x0, along, lengths[0])
        if evaluate:
            counts = np.full(len(gaps), steps)
            return _solve_numpy(evaluate, x0, counts, lengths.to(x0.dtype).numpy())
    x, states = x0, [x0]
    for gap in lengths:
        for _ in range(steps):
            x = along(checked, x, gap)
        states.append(x)
    return torch.stack(states)


def fixed_step(name: str) -> tuple[Method, Step]:
    """Return a fixed-step method, and its step function.

    Raises:
        ValueError: for any other name.
    """
    chosen = lookup(_ALL, name, "method")
    if chosen.needs_constraints:
        raise ValueError(f"{name} is a method of integrate alone; use rk4 here")
    if chosen.step is None:
        fixed = [m.name for m in METHODS.values() if not m.adaptive]
        raise ValueError(f"{name} chooses its own steps; use one of: {', '.join(fixed)}")
    return chosen, chosen.step


def _check_constrained(field: Any, x0: Tensor, method: Method) -> None:
    known = constrained(field)
    if known is None:
        raise ValueError(
            f"{method.title} takes a field that knows its constraints, as constrained_field(...) "
            "makes it and system.field of a chain of rods is; use rk4 or an adaptive method for "
            "any other"
        )
    known.constraints.check(torch.cat(parts(known, x0), dim=-1), "x0")


def _check_pairs(x0: Tensor, method: Method) -> None:
    if x0.shape[-1] % 2:
        raise ValueError(
            f"{method.title} splits a state into [q, p], and x0 has "
            f"{x0.shape[-1]} components; use rk4, implicit_midpoint or an adaptive method"
        )


def _check_separable(field: Field, x0: Tensor, method: Method) -> None:
    reason = coupled_parts(field, x0)
    if reason:
        others = [m.name for m in METHODS.values() if m.symplectic and not m.needs_separable]
        raise ValueError(
            f"{method.title} needs a separable Hamiltonian, H = T(p) + V(q), but here {reason}; "
            f"use {' or '.join(others)} (symplectic for any H), or rk4"
        )
