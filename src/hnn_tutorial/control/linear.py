"""Near an equilibrium: the linear motion, and the regulator that is best for it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from hnn_tutorial._angles import check_angles, shorter_way
from hnn_tutorial._validate import (
    check_callable,
    check_finite,
    check_input,
    check_output,
    check_state,
    check_tensor,
    check_vector,
)
from hnn_tutorial.control._inputs import Controller, ForcedField, as_numbers
from hnn_tutorial.mechanics import jacobian


def linearise(field: ForcedField, x: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return how a motion under inputs changes near a state and an input.

    .. math:: \delta\dot x = J\, \delta x + B\, \delta u, \qquad
              J = \frac{\partial f}{\partial x}, \quad B = \frac{\partial f}{\partial u}

    Args:
        field: f(x, u).
        x: states ``[q, q̇]``, ``(..., 2n)``.
        u: inputs, ``(..., m)``.

    Returns:
        J, ``(..., 2n, 2n)``, and B, ``(..., 2n, m)``.

    Raises:
        TypeError, ValueError: if the field does not give one motion for each state.
    """
    check_callable(field=field)
    check_state(x, "x")
    width = check_vector(u, "u")
    check_input(u, "u", width, x.dtype)
    if u.shape[:-1] != x.shape[:-1]:
        raise ValueError(
            f"x has shape {tuple(x.shape)} and u {tuple(u.shape)}; expected the same batch"
        )
    d = x.shape[-1]

    def motion(z: Tensor) -> Tensor:
        value = field(z[..., :d], z[..., d:])
        check_output(value, z, (*z.shape[:-1], d), "the field")
        return value

    slopes = jacobian(motion)(torch.cat([x, u], dim=-1).detach()).detach()
    return slopes[..., :d], slopes[..., d:]


def lqr(J: Tensor, B: Tensor, Q: Tensor | Sequence[float], R: Tensor | Sequence[float]) -> Tensor:
    r"""Return the gain that steers a linear system back at the least cost.

    .. math:: \dot x = J x + B u, \qquad \int_0^\infty (x^\top Q x + u^\top R u)\,dt \to \min,
              \qquad u = -K x

    :math:`K = R^{-1} B^\top P` with P from the Riccati equation, which SciPy solves.

    Args:
        J: ``(d, d)``, as ``linearise`` gives it.
        B: ``(d, m)``.
        Q: the cost of states, ``(d, d)`` symmetric and positive semidefinite, or its diagonal.
        R: the cost of inputs, ``(m, m)`` symmetric and positive definite, or its diagonal.

    Returns:
        K, ``(m, d)``; all motions of J − BK die out.

    Raises:
        ValueError: if shapes do not fit, Q or R is not definite, no input reaches a motion that
            does not die out by itself (the pair is not stabilisable), or Q does not see one.

    References:
        Anderson & Moore 1990, ch. 3.
    """
    for name, matrix in (("J", J), ("B", B)):
        check_tensor(matrix, name)
        check_finite(matrix, name)
    d = len(J) if J.ndim else 0
    if J.shape != (d, d) or d == 0 or B.ndim != 2 or len(B) != d or B.shape[1] == 0:
        raise ValueError(
            f"J has shape {tuple(J.shape)} and B {tuple(B.shape)}; expected (d, d) and (d, m)"
        )
    cost, price = _as_cost(Q, "Q", d), _as_cost(R, "R", B.shape[1])
    if np.linalg.eigvalsh(price).min() <= 0:
        raise ValueError("R is not positive definite; every input must cost something")
    j, b = (part.detach().double().cpu().numpy() for part in (J, B))
    rates = np.linalg.eigvals(j)
    size = max(float(np.linalg.norm(j, 2)), float(np.linalg.norm(b, 2)), 1e-300)
    for rate in rates[rates.real >= -1e-9 * size]:
        reach = np.linalg.svd(np.hstack([j - rate * np.eye(d), b]), compute_uv=False)[-1]
        if reach <= 1e-9 * size:
            raise ValueError(
                f"no input reaches the motion with the rate {_rate(rate)} of J, which does not die "
                "out by itself: the pair (J, B) is not stabilisable"
            )
    try:
        P = scipy.linalg.solve_continuous_are(j, b, cost, price)
    except np.linalg.LinAlgError as error:
        raise ValueError(
            "the Riccati equation has no stabilising solution: Q sees no cost in a motion that "
            "does not die out by itself"
        ) from error
    gain = np.linalg.solve(price, b.T @ P)
    left = np.linalg.eigvals(j - b @ gain).real.max()
    if not left < 0:
        raise ValueError(
            f"a motion with the rate {left:.3g} is left, which Q does not see; give it a cost"
        )
    return torch.from_numpy(np.ascontiguousarray(gain)).to(J)


def regulator(
    gain: Tensor, target: Tensor, inputs: Tensor | None = None, angles: Sequence[int] = ()
) -> Controller:
    r"""Return the controller :math:`u = u^* - K (x - x^*)`.

    Args:
        gain: K, ``(m, 2n)``.
        target: x*, ``(2n,)``.
        inputs: u* that holds the machine there, ``(m,)``; None for zero.
        angles: indices of the components that are angles, whose difference is taken the shorter
            way round.

    Returns:
        c(x).

    Raises:
        TypeError, ValueError: if the shapes do not fit.
    """
    check_tensor(gain, "gain")
    width = check_state(target, "target") * 2
    if gain.ndim != 2 or target.ndim != 1 or gain.shape[1] != width:
        raise ValueError(
            f"gain has shape {tuple(gain.shape)} and target {tuple(target.shape)}; expected "
            "(m, 2n) and (2n,)"
        )
    held = torch.zeros_like(gain[:, 0]) if inputs is None else inputs
    check_tensor(held, "inputs")
    if held.shape != gain.shape[:1]:
        raise ValueError(f"inputs has shape {tuple(held.shape)}; expected {tuple(gain.shape[:1])}")
    chosen = check_angles(angles, width)

    def control(x: Tensor) -> Tensor:
        check_vector(x, "x", width)
        return held.to(x) - shorter_way(x - target.to(x), chosen) @ gain.to(x).mT

    return control


def _as_cost(value: Any, name: str, width: int) -> np.ndarray:
    given = as_numbers(value, name, 2).detach().double().cpu()
    given = torch.diag(given) if given.ndim == 1 else given
    if given.shape != (width, width):
        raise ValueError(
            f"{name} has shape {tuple(given.shape)}; expected {(width, width)}, or its diagonal"
        )
    size = float(given.abs().max())
    if (given - given.mT).abs().max() > 1e-9 * size:
        raise ValueError(f"{name} is not symmetric")
    if np.linalg.eigvalsh(given.numpy()).min() < -1e-9 * size:
        raise ValueError(
            f"{name} is not positive semidefinite; it would reward what it should cost"
        )
    return given.numpy()


def _rate(value: complex) -> str:
    return f"{value.real:.3g}" if abs(value.imag) < 1e-12 else f"{value:.3g}"
