"""Explicit symplectic methods: kicks and drifts, for separable Hamiltonians H = T(p) + V(q).

A *drift* changes q at constant p, a *kick* changes p at constant q. Each is the exact flow of one
part of H, so each is symplectic, and so is any sequence of them.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from hnn_tutorial._validate import anywhere
from hnn_tutorial.integrators._method import Field, Method


def drift(field: Field, x: Tensor, h: float) -> Tensor:
    """Return ``[q + h q̇(p), p]``."""
    q, p = x.chunk(2, dim=-1)
    dq, _ = field(x).chunk(2, dim=-1)
    return torch.cat([q + h * dq, p], dim=-1)


def kick(field: Field, x: Tensor, h: float) -> Tensor:
    """Return ``[q, p + h ṗ(q)]``."""
    q, p = x.chunk(2, dim=-1)
    _, dp = field(x).chunk(2, dim=-1)
    return torch.cat([q, p + h * dp], dim=-1)


def symplectic_euler_step(field: Field, x: Tensor, h: float) -> Tensor:
    """Kick, then drift with the new momentum: first order, symplectic."""
    return drift(field, kick(field, x, h), h)


def leapfrog_step(field: Field, x: Tensor, h: float) -> Tensor:
    """Half a drift, a kick, half a drift (Störmer–Verlet): second order, time-reversible.

    References:
        Hairer, Lubich & Wanner 2006, sec. I.1.4.
    """
    return drift(field, kick(field, drift(field, x, h / 2), h), h / 2)


def leapfrog_of_parts(
    q: Tensor,
    p: Tensor,
    h: float | Tensor,
    velocity: Callable[[Tensor], Tensor],
    force: Callable[[Tensor], Tensor],
) -> tuple[Tensor, Tensor]:
    """The same step where q̇(p) and ṗ(q) are known apart: one force for it, and not three."""
    q = q + h / 2 * velocity(p)
    p = p + h * force(q)
    return q + h / 2 * velocity(p), p


# A leapfrog of order 2 leaves an error h³; three of them whose step lengths sum to one and
# whose cubes sum to zero cancel it. The middle one runs backwards.
_OUTER = 1 / (2 - 2 ** (1 / 3))
FOREST_RUTH_FRACTIONS = (_OUTER, 1 - 2 * _OUTER, _OUTER)


def forest_ruth_step(field: Field, x: Tensor, h: float) -> Tensor:
    """Three leapfrogs, the middle one backwards, that cancel the third-order error: order 4.

    References:
        Forest & Ruth 1990; Yoshida 1990.
    """
    for fraction in FOREST_RUTH_FRACTIONS:
        x = leapfrog_step(field, x, fraction * h)
    return x


def coupled_parts(field: Field, x: Tensor) -> str | None:
    """Return why a field cannot be split into drifts and kicks, or None if it can.

    A splitting method needs q̇ to depend on p alone and ṗ on q alone. The field is evaluated at the
    states with q displaced, then with p displaced, and the half that must not change is compared.
    Only values of the field are needed, so the test works for formulas and networks. Inside
    ``vmap``, where no value can be read, nothing is found.

    Args:
        field: the field, ``(..., 2n) -> (..., 2n)``.
        x: states at which to look, ``(..., 2n)``.

    Returns:
        A phrase such as ``"q̇ depends on q"``, or None.
    """
    x = x.detach()
    q, p = x.chunk(2, dim=-1)
    tolerance = 1e3 * torch.finfo(x.dtype).eps
    with torch.no_grad():
        dq, dp = field(x).chunk(2, dim=-1)
        # Two displacements of irrational ratio, so that no periodic coordinate hides one.
        for size in (0.37, 0.37 * 2**0.5):
            dq_moved, _ = field(torch.cat([q + size, p], dim=-1)).chunk(2, dim=-1)
            _, dp_moved = field(torch.cat([q, p + size], dim=-1)).chunk(2, dim=-1)
            if _differ(dq, dq_moved, tolerance):
                return "q̇ depends on q"
            if _differ(dp, dp_moved, tolerance):
                return "ṗ depends on p"
    return None


def _differ(a: Tensor, b: Tensor, tolerance: float) -> bool | None:
    return anywhere((a - b).abs() > tolerance * (1 + a.abs() + b.abs()))


SYMPLECTIC_EULER = Method(
    "symplectic_euler", "symplectic Euler", 1, True, False, True, 2, symplectic_euler_step
)
LEAPFROG = Method("leapfrog", "leapfrog", 2, True, False, True, 3, leapfrog_step)
FOREST_RUTH = Method("forest_ruth", "Forest–Ruth", 4, True, False, True, 9, forest_ruth_step)
