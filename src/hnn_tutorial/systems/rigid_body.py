"""The rigid body that nothing turns: Euler's equations."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.special import ellipj, ellipkinc
from torch import Tensor

from hnn_tutorial._validate import as_times
from hnn_tutorial.systems._system import parameter, sample_shell
from hnn_tutorial.systems.poisson_system import PoissonSystem


@dataclass(frozen=True)
class RigidBody(PoissonSystem):
    r"""The angular momentum x of a free rigid body, in the axes of the body.

    .. math:: \dot x = x \times I^{-1} x, \qquad
              H = \tfrac12 \sum_i \frac{x_i^2}{I_i}, \qquad
              J(x) = \begin{pmatrix} 0 & -x_3 & x_2 \\ x_3 & 0 & -x_1 \\ -x_2 & x_1 & 0
                     \end{pmatrix}

    J is of odd size, so it is singular: :math:`J x = 0` makes :math:`|x|^2` a Casimir, conserved
    by any H. The motion runs along the curve in which this sphere cuts the ellipsoid of H. It is
    steady about each axis, and stable about all but that of the middle moment, where the body
    tumbles.

    Args:
        inertia1: I₁, the moment of inertia about the first axis, in kg m². For a real body each of
            the three is at most the sum of the others.
        inertia2: I₂, about the second.
        inertia3: I₃, about the third.

    References:
        Hairer, Lubich & Wanner 2006, sec. VII.5.
    """

    inertia1: float = parameter(1.0, "kg m²", "moment of inertia about the first axis")
    inertia2: float = parameter(2.0, "kg m²", "moment of inertia about the second axis")
    inertia3: float = parameter(3.0, "kg m²", "moment of inertia about the third axis")

    name = "rigid_body"
    title = "rigid body"
    dimension = 3
    coordinates = (("x1", "kg m²/s"), ("x2", "kg m²/s"), ("x3", "kg m²/s"))

    @property
    def _moments(self) -> tuple[float, float, float]:
        return self.inertia1, self.inertia2, self.inertia3

    def _rates(self, x: Tensor) -> Tensor:
        """Return the angular velocity, in the axes of the body, in rad/s."""
        return torch.stack([x[..., i] / inertia for i, inertia in enumerate(self._moments)], dim=-1)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the kinetic energy ½ Σ xᵢ²/Iᵢ, in J."""
        return (x * self._rates(x)).sum(-1) / 2

    def poisson_matrix(self, x: Tensor) -> Tensor:
        """Return the J with J v = x × v, shape ``(..., 3) -> (..., 3, 3)``."""
        x1, x2, x3 = x.unbind(-1)
        zero = torch.zeros_like(x1)
        entries = [zero, -x3, x2, x3, zero, -x1, -x2, x1, zero]
        return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))

    def field(self, x: Tensor) -> Tensor:
        """Return ``x × I⁻¹x``."""
        return torch.linalg.cross(x, self._rates(x))

    def squared_momentum(self, x: Tensor) -> Tensor:
        """Return ``|x|²``, the square of the angular momentum, in kg² m⁴/s²."""
        return x.square().sum(-1)

    @property
    def casimirs(self) -> dict[str, Callable[[Tensor], Tensor]]:
        """The square of the angular momentum."""
        return {"squared angular momentum": self.squared_momentum}

    def sample(
        self,
        count: int,
        seed: int | torch.Generator,
        *,
        radius: tuple[float, float] = (0.5, 1.5),
    ) -> Tensor:
        """Draw angular momenta whose size is uniform in ``radius``, in every direction alike."""
        return sample_shell(count, seed, radius, 3)

    def solution(self, x0: Tensor, times: Tensor) -> Tensor:
        r"""Return the exact motion by Jacobi's elliptic functions.

        About the axis k that the motion circles, with i the other outer axis and j the middle one,
        :math:`x_i = A_i\,\mathrm{cn}(u)`, :math:`x_j = \pm A_j\,\mathrm{sn}(u)`,
        :math:`x_k = A_k\,\mathrm{dn}(u)` with :math:`u = \nu t + \varphi`. Computed by SciPy in
        float64, without gradients.

        Args:
            x0: states at ``times[0]``, ``(..., 3)``.
            times: ``(T,)``, in s.

        Returns:
            States, ``(T, ..., 3)``.

        References:
            NIST Digital Library of Mathematical Functions, §22.19(iii).
        """
        self = self._in_numbers()
        start = x0.detach().double().cpu().numpy().reshape(-1, 3)
        clock = as_times(times).numpy()
        path = _turning(np.array(self._moments), start, (clock - clock[0])[:, None])
        states = torch.as_tensor(path, dtype=x0.dtype, device=x0.device)
        return states.reshape(len(clock), *x0.shape)


_EVEN = {(0, 1, 2), (1, 2, 0), (2, 0, 1)}


def _turning(inertia: np.ndarray, start: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return the motions ``(T, B, 3)`` from starts ``(B, 3)`` at times ``(T, 1)``."""
    least, middle, most = (int(i) for i in np.argsort(inertia, kind="stable"))
    I1, I2, I3 = inertia[[least, middle, most]]
    if I1 == I3:  # a ball: every axis is steady
        return np.repeat(start[None], len(t), axis=0)
    # L² − 2 H I₂: positive where the axis of the largest moment is circled.
    above = start[:, most] ** 2 * (1 - I2 / I3) - start[:, least] ** 2 * (I2 / I1 - 1)
    round_most = (above > 0) | ((above == 0) & (I3 > I2))
    path = np.empty((len(t), *start.shape))
    for chosen, order in (
        (round_most, (least, middle, most)),
        (~round_most, (most, middle, least)),
    ):
        if chosen.any():
            path[:, chosen] = _circling(order, inertia, start[chosen], t)
    return path


def _circling(
    order: tuple[int, int, int], inertia: np.ndarray, start: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """Return the motions that circle the last axis of an order, the middle moment in its middle."""
    Ii, Ij, Ik = inertia[list(order)]
    xi, xj, xk = start[:, order].T
    # The amplitudes from the start, without differences of nearly equal numbers.
    share_i = Ii * (Ik - Ij) / (Ij * (Ik - Ii))
    Ai2, Aj2 = xi**2 + share_i * xj**2, xj**2 + xi**2 / share_i
    Ak2 = xk**2 + xj**2 * Ik * (Ij - Ii) / (Ij * (Ik - Ii))
    # 2 H I_k − L² and L² − 2 H I_i; both have the sign of I_k − I_i.
    far = xi**2 * (Ik - Ii) / Ii + xj**2 * (Ik - Ij) / Ij
    near = xj**2 * (1 - Ii / Ij) + xk**2 * (1 - Ii / Ik)
    speed = np.sqrt((Ik - Ij) * near / (Ii * Ij * Ik))
    below = (Ik - Ij) * near
    m = np.divide((Ij - Ii) * far, below, out=np.zeros_like(far), where=below > 0)
    m = np.minimum(m, 1)
    way = 1.0 if order in _EVEN else -1.0
    side = np.where(xk < 0, -1.0, 1.0)
    turn = way * side * np.sign(Ik - Ij)
    Ai, Aj, Ak = np.sqrt(Ai2), np.sqrt(Aj2), np.sqrt(Ak2)
    phase = ellipkinc(np.arctan2(turn * xj * Ai, xi * Aj), m)
    sn, cn, dn, _ = ellipj(speed * t + phase, m)
    path = np.empty((len(t), *start.shape))
    path[..., order[0]], path[..., order[1]] = Ai * cn, turn * Aj * sn
    path[..., order[2]] = side * Ak * dn
    # On the middle axis the phase is infinite, and the body stays there.
    steady = (xi == 0) & (xk == 0)
    path[:, steady] = start[steady]
    return path
