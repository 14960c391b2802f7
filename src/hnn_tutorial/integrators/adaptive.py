"""SciPy's adaptive Runge–Kutta methods, which choose their own steps."""

import numpy as np
import torch
from scipy import integrate
from torch import Tensor

from hnn_tutorial.integrators._method import Field, Method

SOLVERS = {"RK45": integrate.RK45, "DOP853": integrate.DOP853}


def solve_adaptive(
    field: Field,
    x0: Tensor,
    times: list[float],
    scipy_name: str,
    *,
    rtol: float = 1e-9,
    atol: float = 1e-9,
) -> Tensor:
    """Integrate a batch as one system with SciPy's ``solve_ivp``.

    SciPy controls the root mean square of the error over all components. Over B states that
    would let one of them be √B times worse than asked, so the tolerances are divided by √B:
    each state keeps to ``rtol`` and ``atol`` on its own.

    Args:
        field: the field, ``(..., 2n) -> (..., 2n)``.
        x0: initial states, ``(..., 2n)``. Computed in float64, returned in its dtype.
        times: strictly monotone, the first is the time of ``x0``.
        scipy_name: ``"RK45"`` or ``"DOP853"``.
        rtol: relative tolerance for each state.
        atol: absolute tolerance for each state.

    Returns:
        States at the times, ``(len(times), ..., 2n)``.

    Raises:
        ValueError: if gradients are asked for, which SciPy cannot carry.
        RuntimeError: if SciPy gives up, with its reason and the time that it reached.
    """
    if x0.requires_grad and torch.is_grad_enabled():
        raise ValueError(
            f"{scipy_name} runs in SciPy and carries no gradients; use a fixed-step method "
            "such as 'rk4' or 'gauss_legendre4' to differentiate through the motion, or "
            "pass x0.detach()"
        )

    def derivative(_: float, flat: np.ndarray) -> np.ndarray:
        x = torch.as_tensor(flat, dtype=x0.dtype, device=x0.device).reshape(x0.shape)
        with torch.no_grad():
            return field(x).double().cpu().numpy().ravel()

    states = max(1, x0.numel() // x0.shape[-1])
    # Below 100 rounding errors SciPy warns and clips; we clip without the noise.
    tightest = 100 * np.finfo(np.float64).eps
    solution = integrate.solve_ivp(
        derivative,
        (times[0], times[-1]),
        x0.detach().double().cpu().numpy().ravel(),
        method=SOLVERS[scipy_name],
        t_eval=times,
        rtol=max(rtol / states**0.5, tightest),
        atol=atol / states**0.5,
    )
    if not solution.success:
        reached = solution.t[-1] if len(solution.t) else times[0]
        raise RuntimeError(
            f"{scipy_name} stopped after t = {reached:.6g} of {times[-1]:.6g}: {solution.message}"
        )
    y = torch.as_tensor(solution.y.T.copy(), dtype=x0.dtype, device=x0.device)
    return y.reshape(len(times), *x0.shape)


RK45 = Method("rk45", "RK45 (SciPy)", 5, False, True, False, 6, None)
DOP853 = Method("dop853", "DOP853 (SciPy)", 8, False, True, False, 12, None)
