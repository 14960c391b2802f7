"""Explicit Runge–Kutta methods, for any field."""

from torch import Tensor

from hnn_tutorial.integrators._method import Field, Method


def euler_step(field: Field, x: Tensor, h: float) -> Tensor:
    r"""Follow the tangent: :math:`x_{k+1} = x_k + h f(x_k)`."""
    return x + h * field(x)


def rk4_step(field: Field, x: Tensor, h: float | Tensor) -> Tensor:
    r"""The classical fourth-order method, four slopes weighted 1 : 2 : 2 : 1.

    References:
        Kutta 1901; Hairer, Lubich & Wanner 2006, sec. II.1.
    """
    k1 = field(x)
    k2 = field(x + h / 2 * k1)
    k3 = field(x + h / 2 * k2)
    k4 = field(x + h * k3)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


EULER = Method("euler", "Euler", 1, False, False, False, 1, euler_step)
RK4 = Method("rk4", "RK4", 4, False, False, False, 4, rk4_step)
