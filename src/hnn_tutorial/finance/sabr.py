r"""SABR: a price whose volatility wanders, and the hyperbolic plane that the two move on."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_number,
    check_count,
    check_not_negative,
    check_positive,
    check_state,
    check_vector,
)
from hnn_tutorial.finance.distances import (
    _any_strikes,
    _ends,
    _option,
    _vega,
    implied_volatility,
    metric_hamiltonian,
    metric_lagrangian,
)
from hnn_tutorial.random import as_generator


@dataclass(frozen=True)
class MonteCarlo:
    """Prices of calls from random paths, with their standard errors.

    Attributes:
        price: of calls, in units of the forward, ``(B,)``.
        price_error: standard error of the price.
        volatility: that the price implies, per root of a year.
        volatility_error: standard error of the volatility: of the price, divided by its slope.
    """

    price: Tensor
    price_error: Tensor
    volatility: Tensor
    volatility_error: Tensor


@dataclass(frozen=True)
class Sabr:
    r"""A forward price F whose volatility a is random too.

    .. math:: dF = a F^\beta\,dW_1, \qquad da = \nu\,a\,dW_2, \qquad dW_1\,dW_2 = \rho\,dt

    The price is in units of today's forward, so that F starts at 1. The state is
    :math:`q = [\ln F, \ln a]`. With the inverse of its covariance as a metric it moves on a surface
    of curvature :math:`-\nu^2`, the hyperbolic plane, whose distances are known.

    Args:
        volatility: of the price today, :math:`a(0)`, per root of a year, positive.
        vol_of_vol: :math:`\nu`, volatility of the volatility, per root of a year, positive.
        correlation: :math:`\rho`, between -1 and 1, both exclusive.
        exponent: :math:`\beta`, from 0 to 1.

    Raises:
        ValueError: for parameters that are not that.

    References:
        Hagan et al. 2002; Hagan, Lesniewski & Woodward 2005.
    """

    volatility: float = 0.25
    vol_of_vol: float = 0.8
    correlation: float = -0.6
    exponent: float = 1.0

    def __post_init__(self) -> None:
        check_positive(volatility=self.volatility, vol_of_vol=self.vol_of_vol)
        if not -1 < as_number("correlation", self.correlation) < 1:
            raise ValueError(f"correlation = {self.correlation}; expected a number in (-1, 1)")
        if not 0 <= as_number("exponent", self.exponent) <= 1:
            raise ValueError(f"exponent = {self.exponent}; expected a number in [0, 1]")

    @property
    def start(self) -> Tensor:
        """The state today, [0, ln a(0)], ``(2,)``."""
        a = torch.as_tensor(self.volatility, dtype=torch.float64)
        return torch.stack([torch.zeros_like(a), a.log()])

    def covariance(self, q: Tensor) -> Tensor:
        r"""Return the covariance of the changes of :math:`\ln F` and :math:`\ln a` per year.

        .. math:: \Sigma = \begin{pmatrix} s^2 & \rho \nu s \\ \rho \nu s & \nu^2 \end{pmatrix},
                  \qquad s = a F^{\beta - 1}

        Args:
            q: ``[ln F, ln a]``, ``(..., 2)``.

        Returns:
            Shape ``(..., 2, 2)``.
        """
        check_vector(q, "q", 2)
        x, y = q.unbind(-1)
        s = torch.exp(y + (self.exponent - 1) * x)
        return sabr_covariance(s, self.vol_of_vol, self.correlation)

    def lagrangian(self, x: Tensor) -> Tensor:
        r"""Return :math:`\tfrac12\,\dot q^\top \Sigma(q)^{-1} \dot q`.

        Args:
            x: ``[q, q̇]``, ``(..., 4)``.

        Returns:
            Shape ``(...)``, per year.
        """
        check_state(x, degrees=2)
        return metric_lagrangian(self.covariance)(x)

    def hamiltonian(self, x: Tensor) -> Tensor:
        r"""Return :math:`\tfrac12\,p^\top \Sigma(q)\,p`.

        Args:
            x: ``[q, p]``, ``(..., 4)``.

        Returns:
            Shape ``(...)``, per year.
        """
        check_state(x, degrees=2)
        return metric_hamiltonian(self.covariance)(x)

    def short_volatility(self, log_strikes: Tensor) -> Tensor:
        r"""Return the implied volatility of options whose expiry tends to zero, ``|k|/distance``.

        .. math:: \sigma = \frac{-\nu k}{x(z)}, \qquad
                  z = \frac{\nu}{a}\,\frac{1 - e^{(1 - \beta) k}}{1 - \beta}, \qquad
                  x = \ln \frac{\sqrt{1 - 2 \rho z + z^2} + z - \rho}{1 - \rho}

        At :math:`\beta = 1`, :math:`z = -\nu k/a`, and this is the leading term of Hagan et al.
        2002. For a smaller exponent that term is an approximation of this one.

        Args:
            log_strikes: k, any shape.

        Returns:
            :math:`\sigma`, of the shape of k, per root of a year; differentiable, at k = 0 too.

        References:
            Berestycki, Busca & Florent 2004; Obłój 2008.
        """
        k = _any_strikes(log_strikes)
        e = (1 - self.exponent) * k
        # (e^e - 1)/e, whose first five terms are exact to rounding where the quotient is not.
        near = e.abs() < 1e-3
        series = 1 + e / 2 * (1 + e / 3 * (1 + e / 4 * (1 + e / 5)))
        price = torch.where(near, series, e.expm1() / torch.where(near, torch.ones_like(e), e))
        z = -self.vol_of_vol / self.volatility * k * price
        return self.volatility / (price * self._bending(z))

    def distance(self, log_strikes: Tensor) -> Tensor:
        r"""Return the geodesic distance from today's state to the line :math:`\ln F = k`.

        Args:
            log_strikes: k, any shape.

        Returns:
            :math:`|x(z)|/\nu` of ``short_volatility``, in roots of a year.
        """
        k = _any_strikes(log_strikes)
        return k.abs() / self.short_volatility(k)

    def hagan(self, log_strikes: Tensor, expiry: float = 0.0) -> Tensor:
        r"""Return the implied volatility of Hagan et al. 2002, to first order in the expiry.

        .. math:: \sigma = \frac{a}{m \left(1 + \frac{g^2 k^2}{24} + \frac{g^4 k^4}{1920}\right)}
                  \frac{z}{x(z)} \left[1 + \left(\frac{g^2 a^2}{24\,m^2}
                  + \frac{\rho \beta \nu a}{4\,m} + \frac{2 - 3 \rho^2}{24}\,\nu^2 \right) T\right]

        with :math:`g = 1 - \beta`, :math:`m = e^{g k/2}` and :math:`z = -\nu m k/a`.

        Args:
            log_strikes: k, any shape.
            expiry: T, in years; zero gives the leading term.

        Returns:
            :math:`\sigma`, of the shape of k, per root of a year.
        """
        k = _any_strikes(log_strikes)
        check_not_negative(expiry=expiry)
        a, nu, rho, g = self.volatility, self.vol_of_vol, self.correlation, 1 - self.exponent
        m = torch.exp(g * k / 2)
        bent = self._bending(-nu / a * m * k)
        leading = a / (m * (1 + (g * k) ** 2 / 24 + (g * k) ** 4 / 1920) * bent)
        rate = (g * a / m) ** 2 / 24 + rho * self.exponent * nu * a / (4 * m)
        return leading * (1 + (rate + (2 - 3 * rho**2) / 24 * nu**2) * expiry)

    @torch.no_grad()
    def monte_carlo(
        self,
        log_strikes: Tensor,
        expiry: float,
        *,
        paths: int = 20_000,
        steps: int = 100,
        seed: int | torch.Generator,
    ) -> MonteCarlo:
        r"""Return prices of calls from random paths of the volatility alone.

        Given the path of a, :math:`\ln F` is normal; so each path contributes a price by
        ``black_scholes``, at the forward :math:`e^{\rho (a_T - a_0)/\nu - \rho^2 I/2}` and with the
        variance :math:`(1 - \rho^2) I`, :math:`I = \int a^2 dt`. Each path has a mirror image. a is
        exact at the steps; the integral is a sum of trapezoids, of order two.

        Args:
            log_strikes: k, ``(B,)``.
            expiry: T, in years, positive.
            paths: of the volatility, half of which are mirror images; even.
            steps: of each path.
            seed: integer or generator.

        Returns:
            Prices and implied volatilities, with standard errors; a volatility is NaN where its
            price is zero, as no path came near the strike.

        Raises:
            ValueError: for an exponent below 1, where the price is not normal given the volatility,
                or an odd number of paths.

        References:
            Willard 1997.
        """
        if self.exponent != 1:
            raise ValueError(
                f"exponent = {self.exponent}; expected 1, at which the price is log-normal "
                "once the path of the volatility is known"
            )
        _, k = _ends(self.start, log_strikes)
        check_positive(expiry=expiry)
        check_count(paths=paths, steps=steps)
        if paths % 2 or paths < 4:
            raise ValueError(f"paths = {paths}; expected an even number, 4 or more")
        a, nu, rho = float(self.volatility), float(self.vol_of_vol), float(self.correlation)
        dt, generator = expiry / steps, as_generator(seed)
        W = torch.zeros(paths // 2, dtype=torch.float64)
        before = torch.full((2, len(W)), a, dtype=torch.float64)
        variance = torch.zeros_like(before)
        for i in range(steps):
            W = W + math.sqrt(dt) * torch.randn(len(W), generator=generator, dtype=torch.float64)
            after = a * torch.exp(nu * torch.stack([W, -W]) - nu**2 * (i + 1) * dt / 2)
            variance += dt * (before.square() + after.square()) / 2
            before = after
        log_forward = (rho * (before - a) / nu - rho**2 * variance / 2).unsqueeze(-1)
        deviation = ((1 - rho**2) * variance).sqrt().unsqueeze(-1)
        # Out of the money, where a price varies least.
        sign = torch.where(k >= 0, 1.0, -1.0).to(k)
        each = (log_forward.exp() * _option(k - log_forward, deviation, sign)).mean(0)
        price, error = each.mean(0), each.std(0) / math.sqrt(len(W))
        implied = _implied_outside(price, k, expiry)
        slope = math.sqrt(expiry) * _vega(k, math.sqrt(expiry) * implied)
        call = torch.where(k >= 0, price, price - k.expm1())
        return MonteCarlo(call, error, implied, error / slope)

    def _bending(self, z: Tensor) -> Tensor:
        """Return x(z)/z, which is 1 at zero."""
        rho = torch.as_tensor(self.correlation, dtype=torch.float64)
        near, middle = z.abs() < 1e-3, z.abs() < 1
        # x' = 1/sqrt(1 - 2 rho z + z²) generates the Legendre polynomials of rho.
        terms = [
            torch.ones_like(rho),
            rho / 2,
            (3 * rho**2 - 1) / 6,
            (5 * rho**3 - 3 * rho) / 8,
            (35 * rho**4 - 30 * rho**2 + 3) / 40,
        ]
        series = sum(c * z**n for n, c in enumerate(terms))
        safe = torch.where(near, torch.ones_like(z), z)
        root = (1 - 2 * rho * safe + safe * safe).sqrt()
        small = torch.log1p(
            torch.where(middle, safe * (root + 1 + safe - 2 * rho) / ((root + 1) * (1 - rho)), 0.0)
        )
        c = (1 - rho * rho).sqrt()
        large = torch.asinh((safe - rho) / c) + torch.asinh(rho / c)
        whole: Tensor = torch.where(near, series, torch.where(middle, small, large) / safe)
        return whole


def sabr_covariance(s: Tensor, vol_of_vol: float | Tensor, correlation: float | Tensor) -> Tensor:
    """Return the covariance where the price has the volatility s, ``(...) -> (..., 2, 2)``."""
    across = correlation * vol_of_vol * s
    own = torch.zeros_like(s) + vol_of_vol**2
    return torch.stack([s * s, across, across, own], dim=-1).unflatten(-1, (2, 2))


def _implied_outside(price: Tensor, k: Tensor, expiry: float) -> Tensor:
    """Return what prices out of the money imply; NaN where no path has come near the strike."""
    found = torch.full_like(k, math.nan)
    for put in (False, True):
        these = ((k < 0) == put) & (price > 0)
        found[these] = implied_volatility(price[these], k[these], expiry, put=put)
    return found
