r"""Heston's prices and bonds from Hamilton's equations.

If a diffusion's drift and covariance are affine in the state, so is the Hamiltonian of its
generator. Then the slope :math:`\partial H/\partial q` does not depend on q, the momenta have
equations of their own, and an expectation of an exponential is the exponential of an action.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_number,
    check_count,
    check_finite,
    check_not_negative,
    check_positive,
    check_state,
    check_type,
    check_vector,
    checked_scalar,
    describe,
)
from hnn_tutorial.finance.distances import _any_strikes
from hnn_tutorial.finance.most_likely import CoxIngersollRoss, Vasicek
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import ScalarFunction

Symbol = Callable[[Tensor, Tensor], Tensor]
"""H as a function of q and p, which may be complex, ``(..., d)``."""


def affine_exponent(
    hamiltonian: ScalarFunction, p: Tensor, maturity: float, steps: int = 400
) -> tuple[Tensor, Tensor]:
    r"""Return momentum and action of a Hamiltonian that is affine in q.

    .. math:: \frac{dp}{d\tau} = \frac{\partial H}{\partial q}(p), \qquad
              \frac{dA}{d\tau} = H(0, p), \qquad A(0) = 0

    With the H of a generator, :math:`\mathrm{E}\left[e^{p(0) \cdot q_T}\right]
    = e^{A(T) + p(T) \cdot q_0}`. These are Hamilton's equations, backwards in time.

    Args:
        hamiltonian: H, a scalar function of ``[q, p]``, ``(..., 2d) -> (...)``, affine in q.
        p: :math:`p(0)`, ``(..., d)``, real.
        maturity: T, positive.
        steps: of the Runge-Kutta method of order four.

    Returns:
        :math:`p(T)`, ``(..., d)``, and :math:`A(T)`, ``(...)``.

    Raises:
        ValueError: if H is not affine in q, which is tried at two states.

    References:
        Duffie, Pan & Singleton 2000.
    """
    known = checked_scalar(hamiltonian, "hamiltonian")
    d = check_vector(p, "p")
    check_finite(p, "p")
    check_positive(maturity=maturity)
    check_count(steps=steps)

    def symbol(q: Tensor, p: Tensor) -> Tensor:
        return known(torch.cat([q, p], dim=-1))

    ones = torch.ones_like(p)
    values = torch.stack([symbol(c * ones, p) for c in (0.0, 1.0, 2.0)])
    if not torch.allclose(values[2] - values[1], values[1] - values[0], rtol=1e-6, atol=1e-9):
        raise ValueError("the hamiltonian is not affine in q; expected H(q, p) = a(p) + q b(p)")
    return _flow(symbol, p, maturity, steps, d)


def _flow(symbol: Symbol, p: Tensor, maturity: float, steps: int, d: int) -> tuple[Tensor, Tensor]:
    """Follow momenta, real or complex, and their action; real pairs stand for complex numbers."""
    pairs = p.is_complex()

    def opened(z: Tensor) -> Tensor:
        return torch.view_as_complex(z.unflatten(-1, (d + 1, 2)).contiguous()) if pairs else z

    def closed(c: Tensor) -> Tensor:
        return torch.view_as_real(c).flatten(-2) if pairs else c

    def field(z: Tensor) -> Tensor:
        momentum = opened(z)[..., :d]
        nowhere = torch.zeros_like(momentum)
        base = symbol(nowhere, momentum)
        unit = torch.eye(d, dtype=momentum.dtype)
        slopes = [symbol(nowhere + unit[i], momentum) - base for i in range(d)]
        return closed(torch.stack([*slopes, base], dim=-1))

    start = closed(torch.cat([p, torch.zeros_like(p[..., :1])], dim=-1))
    end = opened(integrate(field, start, [0.0, maturity], "rk4", step=maturity / steps)[-1])
    return end[..., :d], end[..., d]


def bond_price(
    model: Vasicek | CoxIngersollRoss, rate: float, maturity: float, steps: int = 400
) -> float:
    r"""Return what one unit of money at maturity is worth today, by Hamilton's equations.

    :math:`\mathrm{E}\left[e^{-\int r\,dt}\right]` has the Hamiltonian of the rate's motion, less
    the rate itself: :math:`H - q`, affine in q. The closed form is the model's ``bond``.

    Args:
        model: a ``Vasicek`` or ``CoxIngersollRoss``.
        rate: r today, per year; not negative for Cox, Ingersoll and Ross.
        maturity: in years, positive.
        steps: of the Runge-Kutta method of order four.

    Returns:
        The price, :math:`e^{A + p r}`.

    References:
        Cox, Ingersoll & Ross 1985; Vasicek 1977.
    """
    check_type((Vasicek, CoxIngersollRoss), "a Vasicek or CoxIngersollRoss", model=model)
    rate = as_number("rate", rate)
    (check_not_negative if isinstance(model, CoxIngersollRoss) else _check_finite)(rate=rate)
    p, A = affine_exponent(
        lambda x: model.hamiltonian(x) - x[..., 0],
        torch.zeros(1, dtype=torch.float64),
        maturity,
        steps,
    )
    return math.exp(float(A) + rate * float(p))


def _check_finite(rate: float) -> None:
    if not math.isfinite(rate):
        raise ValueError(f"rate = {rate}; expected a finite number")


@dataclass(frozen=True)
class Heston:
    r"""A price whose variance v is random and drawn to a level.

    .. math:: \frac{dF}{F} = \sqrt v\,dW_1, \qquad
              dv = \kappa (\bar v - v)\,dt + \eta \sqrt v\,dW_2, \qquad dW_1\,dW_2 = \rho\,dt

    The price is in units of today's forward, and the state is :math:`q = [\ln F, v]`. The
    parameters that stand here are those of Fang and Oosterlee 2008, equation 53.

    Args:
        variance: v(0), per year, positive.
        reversion: :math:`\kappa`, per year, positive.
        level: :math:`\bar v`, per year, positive.
        vol_of_vol: :math:`\eta`, per year, positive.
        correlation: :math:`\rho`, between -1 and 1, both exclusive.

    Raises:
        ValueError: for parameters that are not that.

    References:
        Heston 1993; Fang & Oosterlee 2008.
    """

    variance: float = 0.0175
    reversion: float = 1.5768
    level: float = 0.0398
    vol_of_vol: float = 0.5751
    correlation: float = -0.5711

    def __post_init__(self) -> None:
        check_positive(
            variance=self.variance,
            reversion=self.reversion,
            level=self.level,
            vol_of_vol=self.vol_of_vol,
        )
        if not -1 < as_number("correlation", self.correlation) < 1:
            raise ValueError(f"correlation = {self.correlation}; expected a number in (-1, 1)")

    @property
    def start(self) -> Tensor:
        """The state today, [0, v(0)], ``(2,)``."""
        v = torch.as_tensor(self.variance, dtype=torch.float64)
        return torch.stack([torch.zeros_like(v), v])

    def covariance(self, q: Tensor) -> Tensor:
        r"""Return the covariance of the changes of :math:`\ln F` and v per year.

        .. math:: \Sigma = v \begin{pmatrix} 1 & \rho \eta \\ \rho \eta & \eta^2 \end{pmatrix}

        Args:
            q: ``[ln F, v]``, ``(..., 2)``.

        Returns:
            Shape ``(..., 2, 2)``; positive definite where v is positive.
        """
        check_vector(q, "q", 2)
        v = q[..., 1]
        across = self.correlation * self.vol_of_vol * v
        own = self.vol_of_vol**2 * v
        return torch.stack([v, across, across, own], dim=-1).unflatten(-1, (2, 2))

    def hamiltonian(self, x: Tensor) -> Tensor:
        r"""Return the Hamiltonian of the generator, affine in q.

        .. math:: H = \tfrac12 v\,(p_x^2 - p_x) + \kappa (\bar v - v)\,p_v
                  + \rho \eta\,v\,p_x p_v + \tfrac12 \eta^2 v\,p_v^2

        :math:`\ln F` is cyclic, so :math:`p_x` is conserved, and :math:`p_v` obeys a Riccati
        equation.

        Args:
            x: ``[q, p]``, ``(..., 4)``.

        Returns:
            Shape ``(...)``, per year.
        """
        check_state(x, degrees=2)
        return self._symbol(*x.chunk(2, dim=-1))

    def characteristic(self, u: Tensor, expiry: float) -> Tensor:
        r"""Return :math:`\mathrm{E}\left[e^{i u \ln F_T}\right]` in closed form.

        In the form of Albrecher et al. 2007, whose logarithm stays on its branch.

        Args:
            u: complex or real, any shape.
            expiry: T, in years, positive.

        Returns:
            complex128, of the shape of u.
        """
        u = _complex(u)
        check_positive(expiry=expiry)
        eta = self.vol_of_vol
        b = self.reversion - self.correlation * eta * 1j * u
        D = (b * b + eta**2 * (u * u + 1j * u)).sqrt()
        low = -(u * u + 1j * u) / (b + D)  # (b - D)/eta², without the difference
        G = eta**2 * low / (b + D)
        fall = -torch.expm1(-D * expiry)
        p = low * fall / (1 - G * (1 - fall))
        # ln((1 - G e^{-DT})/(1 - G))
        turned = torch.log1p(G * fall / (1 - G))
        A = self.reversion * self.level * (low * expiry - 2 / eta**2 * turned)
        return torch.exp(A + p * self.variance)

    def flow_characteristic(self, u: Tensor, expiry: float, steps: int = 400) -> Tensor:
        r"""Return :math:`\mathrm{E}\left[e^{i u \ln F_T}\right]` by Hamilton's equations.

        They start at :math:`p = [iu, 0]`; see ``affine_exponent``.

        Args:
            u: complex or real, any shape.
            expiry: T, in years, positive.
            steps: of the Runge-Kutta method of order four.

        Returns:
            complex128, of the shape of u.
        """
        u = _complex(u)
        check_positive(expiry=expiry)
        check_count(steps=steps)
        p, A = _flow(
            self._symbol, torch.stack([1j * u, torch.zeros_like(u)], dim=-1), expiry, steps, 2
        )
        return torch.exp(A + p[..., 1] * self.variance)

    def call(self, log_strikes: Tensor, expiry: float, steps: int | None = None) -> Tensor:
        r"""Return prices of calls by an integral over the characteristic function.

        .. math:: C = 1 - \frac{e^{k/2}}{\pi} \int_0^\infty
                  \mathrm{Re}\left[e^{-i u k}\,\varphi\!\left(u - \tfrac i2\right)\right]
                  \frac{du}{u^2 + \tfrac14}

        By Gauss's rule on 32 intervals that widen with u, up to where :math:`\varphi` has vanished.

        Args:
            log_strikes: k, any shape.
            expiry: T, in years, positive.
            steps: None takes ``characteristic``; a number ``flow_characteristic`` with these steps.

        Returns:
            Prices in units of the forward, of the shape of k.

        Raises:
            ValueError: if the characteristic function does not vanish at large u, as for an expiry
                of minutes.

        References:
            Lewis 2001; Fang & Oosterlee 2008 for values.
        """
        k = _any_strikes(log_strikes)
        check_positive(expiry=expiry)
        last = 16.0
        while abs(self.characteristic(torch.tensor(last - 0.5j), expiry)) > 1e-17:
            last *= 1.5
            if last > 1e5:
                raise ValueError(f"expiry = {expiry}; too short for an integral over frequencies")
        points, weights = (torch.as_tensor(a) for a in np.polynomial.legendre.leggauss(32))
        edges = last * torch.linspace(0, 1, 33, dtype=torch.float64).square()
        half = edges.diff().unsqueeze(-1) / 2
        u = ((edges[:-1] + edges[1:]).unsqueeze(-1) / 2 + half * points).flatten()
        weight = (half * weights).flatten() / (u.square() + 0.25)
        phi = (
            self.characteristic(u - 0.5j, expiry)
            if steps is None
            else self.flow_characteristic(u - 0.5j, expiry, steps)
        )
        turned = torch.exp(-1j * u * k.unsqueeze(-1)) * phi
        return 1 - torch.exp(k / 2) / math.pi * (turned.real * weight).sum(-1)

    def _symbol(self, q: Tensor, p: Tensor) -> Tensor:
        v, (px, pv) = q[..., 1], p.unbind(-1)
        eta = self.vol_of_vol
        quadratic = (px * px - px) / 2 + self.correlation * eta * px * pv + eta**2 * pv * pv / 2
        return v * quadratic + self.reversion * (self.level - v) * pv


def _complex(u: Tensor) -> Tensor:
    if not isinstance(u, Tensor) or not (u.is_complex() or u.is_floating_point()):
        raise TypeError(f"u is {describe(u)}; expected a tensor of real or complex numbers")
    u = u.to(torch.complex128)
    check_finite(torch.view_as_real(u), "u")
    return u
