"""Along a wanted motion: springs and dampers, inverse dynamics, the input for an acceleration."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._angles import check_angles
from hnn_tutorial._validate import check_callable, check_input, check_output, check_state, describe
from hnn_tutorial.control._inputs import Controller, ForcedField, Reference, as_gain, check_batch
from hnn_tutorial.models._lagrangian import inverse_times


def pd(reference: Reference, stiffness: float | Tensor, damping: float | Tensor) -> Controller:
    r"""Return the controller that pulls each joint to where it should be, without any model.

    .. math:: u = K_p (q^* - q) + K_d (\dot q^* - \dot q)

    Args:
        reference: t to q*, q̇*, q̈*, each ``(..., n)``.
        stiffness: Kp, one number or ``(n,)``.
        damping: Kd, likewise.

    Returns:
        c(t, x), for as many motors as coordinates.

    Raises:
        TypeError, ValueError: (when called) if the reference does not fit the states.
    """
    wanted = _as_reference(reference)
    spring, brake = as_gain(stiffness, "stiffness"), as_gain(damping, "damping")

    def control(t: float, x: Tensor) -> Tensor:
        behind, slower, _ = wanted(t, x)
        return _by_joint(spring, behind, "stiffness") + _by_joint(brake, slower, "damping")

    return control


def computed_torque(
    inverse_dynamics: Callable[[Tensor, Tensor], Tensor],
    reference: Reference,
    stiffness: float | Tensor,
    damping: float | Tensor,
) -> Controller:
    r"""Return the controller that computes the torques of the motion that is wanted.

    .. math:: u = \tau\big(q, \dot q,\; \ddot q^* + K_d (\dot q^* - \dot q) + K_p (q^* - q)\big)

    With the true inverse dynamics the error e obeys :math:`\ddot e + K_d \dot e + K_p e = 0` at any
    speed; the gains are in 1/s² and 1/s.

    Args:
        inverse_dynamics: τ(x, q̈), such as ``machine.inverse_dynamics``: true, learned, or linear
            in numbers that ``identify`` found.
        reference: t to q*, q̇*, q̈*, each ``(..., n)``.
        stiffness: Kp, one number or ``(n,)``.
        damping: Kd, likewise.

    Returns:
        c(t, x).

    Raises:
        TypeError, ValueError: (when called) if the reference does not fit the states.

    References:
        Spong, Hutchinson & Vidyasagar 2006, sec. 8.3.
    """
    check_callable(inverse_dynamics=inverse_dynamics)
    wanted = _as_reference(reference)
    spring, brake = as_gain(stiffness, "stiffness"), as_gain(damping, "damping")

    def control(t: float, x: Tensor) -> Tensor:
        behind, slower, acceleration = wanted(t, x)
        pull = _by_joint(spring, behind, "stiffness") + _by_joint(brake, slower, "damping")
        return inverse_dynamics(x, acceleration + pull)

    return control


def input_for(
    field: ForcedField, x: Tensor, acceleration: Tensor, coordinates: Sequence[int]
) -> Tensor:
    """Return the input that gives some of the coordinates an acceleration.

    Partial feedback linearisation: as many coordinates as there are inputs. The field must be
    affine in u, as that of every machine is; it is asked at u = 0 and at one unit of each input.

    Args:
        field: f(x, u).
        x: states ``[q, q̇]``, ``(..., 2n)``.
        acceleration: of these coordinates, ``(..., m)``.
        coordinates: their indices, m of them.

    Returns:
        u, ``(..., m)``; inf or NaN where no input changes them.

    Raises:
        TypeError, ValueError: if shapes do not fit.

    References:
        Spong 1994.
    """
    check_callable(field=field)
    n = check_state(x, "x")
    try:
        chosen = [n + k for k in check_angles(coordinates, n)]
    except ValueError:
        raise ValueError(
            f"coordinates = {coordinates!r}; expected indices from 0 to {n - 1}, each named once"
        ) from None
    check_input(acceleration, "acceleration", len(chosen), x.dtype)
    check_batch(x, acceleration, "acceleration")

    def accelerations(u: Tensor) -> Tensor:
        value = field(x, u)
        check_output(value, x, x.shape, "the field")
        return value[..., chosen]

    still = x.new_zeros(*x.shape[:-1], len(chosen))
    free = accelerations(still)
    units = torch.eye(len(chosen), dtype=x.dtype, device=x.device)
    moved = torch.stack([accelerations(still + one) - free for one in units], dim=-1)
    return inverse_times(moved, acceleration - free)[0]


def _by_joint(gain: Tensor, error: Tensor, name: str) -> Tensor:
    """Return a gain, one number or one for each joint, times an error."""
    if gain.ndim and len(gain) != error.shape[-1]:
        raise ValueError(
            f"{name} has {len(gain)} numbers for {error.shape[-1]} joints; expected one for each, "
            "or one for all"
        )
    return gain.to(error) * error


def _as_reference(
    reference: Any,
) -> Callable[[float, Tensor], tuple[Tensor, Tensor, Tensor]]:
    """Return how far states are behind a reference, how much slower, and its acceleration."""
    check_callable(reference=reference)

    def wanted(t: float, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        n = check_state(x, "x")
        motion = reference(t)
        if not isinstance(motion, tuple) or len(motion) != 3:
            raise TypeError(f"the reference gave {describe(motion)}; expected (q, q̇, q̈)")
        for name, part in zip(("q", "q̇", "q̈"), motion, strict=True):
            check_input(part, f"{name} of the reference", n, x.dtype)
            check_batch(x, part, f"{name} of the reference")
        return motion[0] - x[..., :n], motion[1] - x[..., n:], motion[2]

    return wanted
