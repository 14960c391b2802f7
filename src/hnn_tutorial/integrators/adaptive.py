"""SciPy's adaptive Runge–Kutta methods, which choose their own steps."""

import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy import integrate, sparse
from torch import Tensor

from hnn_tutorial._as_numpy import as_numpy, compact
from hnn_tutorial._validate import anywhere
from hnn_tutorial.integrators._method import Clocked, Method

SOLVERS = {"RK45": integrate.RK45, "DOP853": integrate.DOP853, "RADAU": integrate.Radau}
TIGHTEST = 32
"""Rounding errors of the states' dtype; a finer tolerance would chase them with ever more steps."""


def solve_adaptive(
    field: Clocked,
    x0: Tensor,
    times: list[float],
    scipy_name: str,
    *,
    plain: Any = None,
    rtol: float = 1e-9,
    atol: float = 1e-9,
) -> Tensor:
    """Integrate a batch as one system with SciPy's ``solve_ivp``.

    SciPy controls the root mean square of the error over all components. Over B states that
    would let one of them be √B times worse than asked, so the tolerances are divided by √B:
    each state keeps to ``rtol`` and ``atol`` on its own. No tolerance is finer than 32 rounding
    errors of the states' dtype.

    Where a gradient is wanted, of ``x0`` or of any weight that the field uses, the steps that SciPy
    accepted are made once more with the method's own tableau in torch, and the result of that is
    returned. The lengths of the steps are taken as constants.

    Radau solves an implicit equation at each step, with the Jacobian of the field from autograd: of
    each state by itself, so that a batch makes a sparse matrix. It carries no gradient.

    Where SciPy gives up on a batch, its halves are tried apart, until the states at fault stand
    alone. They are NaN from where they were lost, a warning names them, and the others go on.

    Args:
        field: ``(t, x) -> ẋ``, states ``(..., d) -> (..., d)``.
        x0: initial states, ``(..., d)``. Times and steps are float64, the states keep their dtype.
        times: strictly monotone, the first is the time of ``x0``.
        scipy_name: ``"RK45"``, ``"DOP853"`` or ``"RADAU"``.
        plain: the field as f(x), if it is one; see ``as_numpy``.
        rtol: relative tolerance for each state.
        atol: absolute tolerance for each state.

    Returns:
        States at the times, ``(len(times), ..., d)``.

    Raises:
        ValueError: if a gradient is wanted of Radau.
        RuntimeError: if SciPy gives up on every state, with its reason and the time that it
            reached; or on one state of a batch where a gradient is wanted.
    """
    wanted = torch.is_grad_enabled() and (x0.requires_grad or field(times[0], x0).requires_grad)
    states = max(1, x0.numel() // x0.shape[-1])
    if wanted and scipy_name == "RADAU":
        raise ValueError(
            "radau carries no gradient, and one is wanted of x0 or of the field's weights; call it "
            "inside torch.no_grad(), or use dop853 or a fixed-step method"
        )
    tolerances = tolerances_for(x0, rtol, atol)
    try:
        y, accepted = _solve(field, x0.detach(), times, scipy_name, tolerances, plain)
    except RuntimeError as error:
        if states == 1 or wanted:
            raise
        return _apart(field, x0, times, scipy_name, tolerances, plain, str(error))
    if wanted:
        return _repeat(field, x0, times, accepted, scipy_name)
    return y


def tolerances_for(x0: Tensor, rtol: float = 1e-9, atol: float = 1e-9) -> dict[str, float]:
    """Return SciPy's tolerances with which each state of a batch keeps to these."""
    floor = TIGHTEST * torch.finfo(x0.dtype).eps
    root = max(1, x0.numel() // x0.shape[-1]) ** 0.5
    # Below 100 rounding errors of its own SciPy warns and clips; we clip without the noise.
    tightest = 100 * np.finfo(np.float64).eps
    return {
        "rtol": max(max(rtol, floor) / root, tightest),
        "atol": max(atol, floor if atol >= 1e-9 else 0.0) / root,
    }


Slope = Callable[[float, np.ndarray], np.ndarray]


def scipy_slope(
    field: Clocked, x0: Tensor, t: float, scipy_name: str
) -> tuple[Slope, dict[str, Any]]:
    """Return a batch's field as SciPy takes it, and the options that its solver needs.

    A field without a gradient at the start, such as one written in NumPy, leaves Radau's Jacobian
    to SciPy's differences.
    """

    def unpacked(flat: np.ndarray) -> Tensor:
        return torch.as_tensor(flat, dtype=x0.dtype, device=x0.device).reshape(x0.shape)

    def slope(t: float, flat: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return field(t, unpacked(flat)).double().cpu().numpy().ravel()

    if scipy_name != "RADAU":
        return slope, {}
    with torch.enable_grad():
        if not field(t, x0.detach().clone().requires_grad_()).requires_grad:
            return slope, {}

    def jacobian(t: float, flat: np.ndarray) -> Any:
        # The states of a batch do not act on each other: the gradient of a component's sum over
        # the batch is that component's row for every state.
        with torch.enable_grad():
            x = unpacked(flat).detach().requires_grad_()
            value = field(t, x)
            if not value.requires_grad:
                return sparse.csc_matrix((flat.size, flat.size))
            rows = [
                torch.autograd.grad(part.sum(), x, retain_graph=True, materialize_grads=True)[0]
                for part in value.unbind(-1)
            ]
        blocks = torch.stack(rows, dim=-2).double().cpu().numpy()
        d = x0.shape[-1]
        return sparse.block_diag(list(blocks.reshape(-1, d, d)), format="csc")

    return slope, {"jac": jacobian}


def _solve(
    field: Clocked,
    x0: Tensor,
    times: list[float],
    scipy_name: str,
    tolerances: dict[str, float],
    plain: Any,
) -> tuple[Tensor, list[float]]:
    """Return the states at the times, and the times of the accepted steps."""
    slope, needs = scipy_slope(field, x0, times[0], scipy_name)
    states = compact(plain, x0)
    if scipy_name != "RADAU" and (evaluate := as_numpy(plain, states)):
        shape = tuple(states.shape)

        def in_shape(t: float, flat: np.ndarray) -> np.ndarray:
            return evaluate(flat.reshape(shape)).ravel()

        slope = in_shape if states.ndim > 1 else lambda t, flat: evaluate(flat)

    with np.errstate(all="ignore"):  # PyTorch has no word for a number that is not finite either
        solution = integrate.solve_ivp(
            slope,
            (times[0], times[-1]),
            x0.double().cpu().numpy().ravel(),
            method=SOLVERS[scipy_name],
            dense_output=True,
            rtol=tolerances["rtol"],
            atol=tolerances["atol"],
            **needs,
        )
    if not solution.success:
        raise RuntimeError(
            f"{scipy_name} stopped after t = {solution.t[-1]:.6g} of {times[-1]:.6g}: "
            f"{solution.message}"
        )
    at_times = solution.sol(times)  # type: ignore[misc]  # there, as dense output was asked for
    y = torch.as_tensor(at_times.T.copy(), dtype=x0.dtype, device=x0.device)
    return torch.cat([x0[None], y.reshape(len(times), *x0.shape)[1:]]), solution.t.tolist()


def _apart(
    field: Clocked,
    x0: Tensor,
    times: list[float],
    scipy_name: str,
    tolerances: dict[str, float],
    plain: Any,
    reason: str,
) -> Tensor:
    flat = x0.detach().reshape(-1, x0.shape[-1])
    path = flat.new_full((len(times), *flat.shape), torch.nan)
    path[0] = flat
    lost: list[int] = []
    waiting = [half for half in torch.arange(len(flat)).tensor_split(2) if len(half)]
    while waiting:
        group = waiting.pop()
        try:
            path[:, group] = _solve(field, flat[group], times, scipy_name, tolerances, plain)[0]
        except RuntimeError as error:
            if len(group) == 1:
                lost.append(int(group))
                reason = str(error)
            else:
                waiting.extend(group.tensor_split(2))
    if len(lost) == len(flat):
        raise RuntimeError(reason)
    text = f"were lost and are NaN after the first time: {{}}. {reason}"
    warn_of_lost(lost, x0.shape[:-1], text, floors=3)
    return path.reshape(len(times), *x0.shape)


def warn_of_lost(lost: Sequence[int], batch: Sequence[int], text: str, floors: int) -> None:
    """Warn of states of a batch that were lost.

    Args:
        lost: which, of the flattened batch.
        batch: its shape.
        text: what to say of them, with ``{}`` where their indices go.
        floors: of calls between the user's and this one.
    """
    named = [tuple(int(i) for i in np.unravel_index(k, tuple(batch))) for k in sorted(lost)]
    shown = ", ".join(str(n[0] if len(n) == 1 else n) for n in named[:8])
    shown = f"index {shown}{', ...' if len(named) > 8 else ''}"
    count = f"{len(lost)} of {math.prod(batch)} states of the batch "
    warnings.warn(count + text.format(shown), RuntimeWarning, stacklevel=2 + floors)


def _repeat(
    field: Clocked, x0: Tensor, times: list[float], accepted: list[float], scipy_name: str
) -> Tensor:
    """Make the accepted steps once more in torch, and one end at each time asked for."""
    ends = sorted({*accepted, *times}, reverse=times[-1] < times[0])
    states = [x0, *(x for _, x in repeated(field, x0, ends, scipy_name, None, set(times)))]
    path = torch.stack(states)
    if anywhere(~torch.isfinite(path.detach())):
        raise RuntimeError("the accepted steps ran away when they were repeated for the gradient")
    return path


def repeated(
    field: Clocked,
    x0: Tensor,
    ends: Sequence[float],
    scipy_name: str,
    moves: Callable[[float], Tensor] | None,
    asked: set[float],
) -> Iterator[tuple[float, Tensor]]:
    """Yield times that are asked for and the states then, by given steps of SciPy's tableau.

    Args:
        field: ``(t, x) -> ẋ``.
        x0: states at the first end.
        ends: of the steps.
        scipy_name: of the method.
        moves: which states move in the step that begins at a time, broadcast to them; None for all.
        asked: those ends that are wanted.
    """
    solver: Any = SOLVERS[scipy_name]
    A, B, C = solver.A, solver.B, solver.C
    x = x0
    for t, after in itertools.pairwise(ends):
        h = after - t
        slopes: list[Tensor] = []
        for i in range(len(B)):
            rows = zip(A[i, :i].tolist(), slopes, strict=True)
            y = x + sum((h * a * k for a, k in rows if a), torch.zeros_like(x))
            slopes.append(field(t + float(C[i]) * h, y))
        weighted = zip(B.tolist(), slopes, strict=True)
        moved = x + sum((h * b * k for b, k in weighted if b), torch.zeros_like(x))
        x = moved if moves is None else torch.where(moves(t), moved, x)
        if after in asked:
            yield after, x


RK45 = Method("rk45", "RK45 (SciPy)", 5, False, True, False, 6, None)
DOP853 = Method("dop853", "DOP853 (SciPy)", 8, False, True, False, 12, None)
RADAU = Method("radau", "Radau IIA (SciPy)", 5, False, True, False, 3, None)
