r"""The smile as a distance: prices of options, and geodesics of what moves together.

A price and its volatility wander with a covariance :math:`\Sigma(q)` per unit of time. Its inverse
measures lengths: a state is near if it is easily reached. A short option then sees one number, the
distance d from today's state to the states where the price is at the strike, and its implied
volatility is the logarithm of strike over forward, divided by that distance.

Strikes are given as :math:`k = \ln(K/F)`, with the forward price F. Prices are in units of F,
without interest; times are in years.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    anywhere,
    check_callable,
    check_count,
    check_finite,
    check_output,
    check_positive,
    check_state,
    check_tensor,
    check_type,
)
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import ScalarFunction, action, gradient, hamiltonian_field, jacobian

Covariance = Callable[[Tensor], Tensor]
"""From states ``(..., d)`` to their covariance per unit of time, ``(..., d, d)``."""


# Options on a price with one volatility


def black_scholes(
    log_strikes: Tensor, volatility: float | Tensor, expiry: float, *, put: bool = False
) -> Tensor:
    r"""Return the price of options where the volatility is one constant number.

    .. math:: C = \Phi(d_1) - e^k\,\Phi(d_2), \qquad
              d_{1,2} = -\frac{k}{\sigma \sqrt T} \pm \frac{\sigma \sqrt T}{2},

    and :math:`P = C - 1 + e^k` for the put, computed without that difference.

    Args:
        log_strikes: k, any shape.
        volatility: :math:`\sigma`, per root of a year, positive; a tensor broadcasts with k.
        expiry: T, in years, positive.
        put: whether the option is to sell at the strike, not to buy.

    Returns:
        Prices in units of the forward; differentiable.

    Raises:
        TypeError, ValueError: for arguments that are not that.

    References:
        Black & Scholes 1973; Black 1976.
    """
    k = _any_strikes(log_strikes)
    check_positive(expiry=expiry)
    check_type(bool, "True or False", put=put)
    deviation = _positive_tensor(volatility, "volatility") * math.sqrt(expiry)
    return _option(k, deviation, -1.0 if put else 1.0)


def implied_volatility(
    price: Tensor, log_strikes: Tensor, expiry: float, *, put: bool = False
) -> Tensor:
    r"""Return the volatility at which ``black_scholes`` gives these prices.

    The price out of the money rises with the volatility, and bisection finds where it is met. One
    Newton step makes the result differentiable.

    Args:
        price: of options, in units of the forward; it broadcasts with ``log_strikes``.
        log_strikes: k, any shape.
        expiry: T, in years, positive.
        put: whether these are puts.

    Returns:
        :math:`\sigma`, per root of a year.

    Raises:
        ValueError: if a price is not between what the option is worth at once and what it can be
            worth at most: :math:`\max(1 - e^k, 0) < C < 1` for calls, and
            :math:`\max(e^k - 1, 0) < P < e^k` for puts. No volatility gives such a price.
    """
    k = _any_strikes(log_strikes)
    check_tensor(price, "price")
    check_finite(price, "price")
    check_positive(expiry=expiry)
    check_type(bool, "True or False", put=put)
    try:
        price, k = torch.broadcast_tensors(price.to(k), k)
    except RuntimeError:
        raise ValueError(
            f"price has shape {tuple(price.shape)} and log_strikes {tuple(k.shape)}; "
            "expected shapes that broadcast"
        ) from None
    sign = torch.where(k >= 0, 1.0, -1.0).to(k)
    intrinsic, given = k.expm1().clamp_min(0), -1.0
    if not put:
        intrinsic, given = (-k.expm1()).clamp_min(0), 1.0
    # By parity, calls and puts out of the money.
    outside = torch.where(sign == given, price, price - intrinsic)
    most = torch.where(k >= 0, torch.ones_like(k), k.exp())
    bad = (outside <= 0) | (outside >= most)
    if bool(bad.any()):
        where = tuple(bad.nonzero()[0].tolist())
        kind, bounds = ("put", "max(eᵏ − 1, 0) and eᵏ") if put else ("call", "max(1 − eᵏ, 0) and 1")
        raise ValueError(
            f"price holds {float(price[where]):.6g} at log strike {float(k[where]):.6g}, which no "
            f"volatility gives; expected the price of a {kind} strictly between {bounds}"
        )
    with torch.no_grad():
        low, high = torch.zeros_like(k), torch.full_like(k, 80.0)
        for _ in range(90):
            middle = (low + high) / 2
            below = _option(k, middle, sign) < outside
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        deviation = (low + high) / 2
        slope = _vega(k, deviation)
    missing = outside - _option(k, deviation, sign)
    # Where the slope underflows, the price says no more than bisection has read from it.
    known = slope > 1e-290
    step = torch.where(known, missing / torch.where(known, slope, torch.ones_like(slope)), 0.0)
    return (deviation + step) / math.sqrt(expiry)


def _option(k: Tensor, deviation: Tensor, sign: Tensor | float) -> Tensor:
    """Return the price of a call (sign 1) or a put (sign -1)."""
    safe = deviation.clamp_min(1e-300)
    up = -k / safe + deviation / 2
    # torch.special.ndtr is zero from -8.3 on.
    below, beyond = (torch.erfc(-sign * d * math.sqrt(0.5)) / 2 for d in (up, up - deviation))
    return sign * (below - k.exp() * beyond)


def _vega(k: Tensor, deviation: Tensor) -> Tensor:
    """Return how the price changes with the standard deviation."""
    up = -k / deviation + deviation / 2
    return torch.exp(-up.square() / 2) / math.sqrt(2 * math.pi)


# Lagrangian and Hamiltonian of a metric


def metric_lagrangian(covariance: Covariance) -> ScalarFunction:
    r"""Return :math:`L(q, \dot q) = \tfrac12\,\dot q^\top \Sigma(q)^{-1} \dot q`.

    It is the kinetic energy of a mass matrix :math:`\Sigma^{-1}`. Its motions are the geodesics,
    each at constant speed; so the action of one that takes a unit of time is half its length
    squared.

    Args:
        covariance: :math:`\Sigma`, ``(..., d) -> (..., d, d)``, positive definite.

    Returns:
        A function of ``[q, q̇]``, ``(..., 2d) -> (...)``.

    Raises:
        ValueError: by the function, where the covariance is not positive definite.
    """
    known = _checked(covariance)

    def lagrangian(x: Tensor) -> Tensor:
        check_state(x)
        q, v = x.chunk(2, dim=-1)
        value, good = _kinetic(known(q), v)
        if anywhere(~good):
            raise ValueError(
                f"the covariance is not positive definite at {int((~good).sum())} of "
                f"{good.numel()} states; a distance needs one that is"
            )
        return value

    return lagrangian


def metric_hamiltonian(covariance: Covariance) -> ScalarFunction:
    r"""Return :math:`H(q, p) = \tfrac12\,p^\top \Sigma(q)\,p`, the Legendre transform of L.

    Args:
        covariance: :math:`\Sigma`, ``(..., d) -> (..., d, d)``.

    Returns:
        A function of ``[q, p]``, ``(..., 2d) -> (...)``.
    """
    known = _checked(covariance)

    def hamiltonian(x: Tensor) -> Tensor:
        check_state(x)
        q, p = x.chunk(2, dim=-1)
        return torch.einsum("...i,...ij,...j->...", p, known(q), p) / 2

    return hamiltonian


# Geodesics from a state to strikes


def geodesics(
    covariance: Covariance, start: Tensor, log_strikes: Tensor, steps: int = 32
) -> Tensor:
    r"""Return the shortest paths from a state to strikes, by relaxing the discrete action.

    The first coordinate of a state is the logarithm of the price; it starts at :math:`q_0` and ends
    k higher. The others, such as that of the volatility, end where they like. Newton's method makes
    ``mechanics.action`` of ``metric_lagrangian`` stationary, with the absolute values of the
    eigenvalues of its second derivative, so that each step leads downwards. What is found is a
    minimum near the straight path; a metric of positive curvature may have others.

    Args:
        covariance: :math:`\Sigma`, ``(..., d) -> (..., d, d)``, positive definite.
        start: today's state :math:`q_0`, ``(d,)``.
        log_strikes: k, ``(B,)``.
        steps: n, of equal time.

    Returns:
        Positions at the times 0, 1/n, ..., 1, ``(n + 1, B, d)``, of order two in the step; without
        gradient.

    Raises:
        ValueError: if the covariance is not positive definite at the start, or a path does not
            settle.
    """
    start, k = _ends(start, log_strikes)
    w = _relaxed(covariance, start.detach(), k.detach(), steps)
    return start.detach() + k.detach().unsqueeze(-1) * w


def smile(
    covariance: Covariance,
    start: Tensor,
    log_strikes: Tensor,
    steps: int = 32,
    *,
    extrapolate: bool = False,
) -> Tensor:
    r"""Return the implied volatility of short options, :math:`|k|/d`, by relaxing the action.

    d is the length of the geodesic that ``geodesics`` finds. Paths are divided by k, so that a
    strike at the forward is no 0/0 but a path in flat space: there the volatility is
    :math:`\sqrt{\Sigma_{11}(q_0)}`. Since the action is stationary, its gradient with respect to
    strike, state and the parameters of the covariance needs no derivative of the path.

    Args:
        covariance: :math:`\Sigma`, ``(..., d) -> (..., d, d)``, per year, positive definite.
        start: today's state, ``(d,)``, whose first coordinate is the logarithm of the price.
        log_strikes: k, ``(B,)``.
        steps: n, even if ``extrapolate``.
        extrapolate: whether to remove the error of order two, by a second path of half as many
            steps: what is left is of order four.

    Returns:
        Volatilities per root of a year, ``(B,)``; differentiable once.

    Raises:
        ValueError: as of ``geodesics``, or for an odd number of steps to extrapolate from.

    References:
        Berestycki, Busca & Florent 2004.
    """
    start, k = _ends(start, log_strikes)
    check_type(bool, "True or False", extrapolate=extrapolate)
    check_count(steps=steps)
    if extrapolate and steps % 2:
        raise ValueError(f"steps = {steps}; expected an even number, to extrapolate from its half")
    scaled = _scaled_lagrangian(covariance, start, k)

    def cost(n: int) -> Tensor:
        w = _relaxed(covariance, start.detach(), k.detach(), n)
        return action(scaled, w, torch.linspace(0, 1, n + 1, dtype=torch.float64))

    S = cost(steps)
    if extrapolate:
        S = (4 * S - cost(steps // 2)) / 3
    return (2 * S).rsqrt()


def shoot_geodesics(
    covariance: Covariance, start: Tensor, log_strikes: Tensor, steps: int = 32
) -> Tensor:
    r"""Return the shortest paths to strikes by Hamilton's equations: aim, follow, correct.

    The momentum at the start is what makes the motion of ``metric_hamiltonian`` arrive at the
    strike, with no momentum left in the coordinates that are free there (the transversality
    condition). A coarse relaxed path gives a first one, and Newton's method corrects it. Along a
    geodesic H is constant, :math:`d^2/2`.

    Args:
        covariance: :math:`\Sigma`, ``(..., d) -> (..., d, d)``.
        start: today's state, ``(d,)``, whose first coordinate is the logarithm of the price.
        log_strikes: k, ``(B,)``.
        steps: n, of the Runge-Kutta method of order four.

    Returns:
        States [q, p] at the times 0, 1/n, ..., 1, ``(n + 1, B, 2d)``; without gradient.

    Raises:
        ValueError: if no momentum is found that arrives.
    """
    start, k = _ends(start, log_strikes)
    start, k = start.detach(), k.detach()
    check_count(steps=steps)
    known, d, B = _checked(covariance), len(start), len(k)
    # The first momentum, from a coarse path: that in the middle of its first two steps, continued.
    coarse = 8
    v = coarse * _relaxed(known, start, k, coarse).diff(dim=0)[:2]
    middle = v.cumsum(0) / coarse - v / (2 * coarse)
    with torch.no_grad():
        there = known(start + k.unsqueeze(-1) * middle)
        p = torch.linalg.solve(there, v.unsqueeze(-1)).squeeze(-1)
        p = 1.5 * p[0] - 0.5 * p[1]
    times = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    # All momenta that are tried, and those beside them by which the derivative is estimated.
    width = k.repeat(2 * d + 1).unsqueeze(-1)
    field = hamiltonian_field(metric_hamiltonian(lambda w: known(start + width * w)))
    beside = torch.cat([torch.eye(d), -torch.eye(d), torch.zeros(1, d)]).double().unsqueeze(1)

    def shot(p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return path, what it misses by, and how this changes with the momentum."""
        h = 1e-5 * p.norm(dim=-1, keepdim=True)
        aims = (p + h * beside).reshape(-1, d)
        with torch.no_grad():
            path = integrate(field, torch.cat([torch.zeros_like(aims), aims], dim=-1), times, "rk4")
        path = path.unflatten(1, (2 * d + 1, B))
        ends = torch.cat([path[-1, ..., :1] - 1, path[-1, ..., d + 1 :]], dim=-1)
        slopes = (ends[:d] - ends[d : 2 * d]) / (2 * h)
        return path[:, -1], ends[-1], slopes.permute(1, 2, 0)

    path, miss, J = shot(p)
    for _ in range(12):
        if bool((miss.norm(dim=-1) < 1e-12).all()):
            break
        p = p - torch.linalg.lstsq(J, miss.unsqueeze(-1)).solution.squeeze(-1)
        path, miss, J = shot(torch.nan_to_num(p))
    bad = ~(miss.norm(dim=-1) < 1e-9)
    if bool(bad.any()):
        raise ValueError(
            f"no momentum was found that arrives at the log strike {float(k[bad][0]):.4g}; "
            "expected a nearer strike, or more steps"
        )
    width = k.unsqueeze(-1)
    return torch.cat([start + width * path[..., :d], width * path[..., d:]], dim=-1)


def _relaxed(covariance: Covariance, start: Tensor, k: Tensor, steps: int) -> Tensor:
    """Return geodesics less their start, divided by k, ``(steps + 1, B, d)``."""
    check_count(steps=steps)
    known, d, B, n = _checked(covariance), len(start), len(k), steps
    here = known(start).detach()
    if not bool(_kinetic(here, torch.zeros_like(start))[1]):
        raise ValueError("the covariance is not positive definite at the start")
    # At a strike near the forward the space is flat, and all momentum is in the price.
    line = torch.linspace(0, 1, n + 1, dtype=torch.float64).reshape(-1, 1, 1)
    w = (line * (here[:, 0] / here[0, 0])).expand(-1, B, -1).clone()
    free = torch.ones(n + 1, d, dtype=torch.bool)
    free[0] = False
    free[-1, 0] = False
    # The states [q, q̇] in the middles of the steps are linear in the path.
    unit = torch.eye(int(free.sum()), dtype=torch.float64)
    paths = torch.zeros(n + 1, d, len(unit), dtype=torch.float64)
    paths[free] = unit
    linear = torch.cat([(paths[1:] + paths[:-1]) / 2, n * paths.diff(dim=0)], dim=1)
    lagrangian = _scaled_lagrangian(known, start, k)
    slope = gradient(lagrangian)
    curvature = jacobian(slope)

    def states(path: Tensor) -> Tensor:
        return torch.cat([(path[1:] + path[:-1]) / 2, n * path.diff(dim=0)], dim=-1)

    def cost(path: Tensor) -> Tensor:
        q, v = states(path).chunk(2, dim=-1)
        value, good = _kinetic(known(start + k.unsqueeze(-1) * q), v)
        return torch.where(good, value, math.inf).mean(0)

    with torch.no_grad():
        S = cost(w)
        flat = ~S.isfinite()
        if bool(flat.any()):
            # Where the covariance is not positive on that way, the others stay where they are.
            w[:, flat] = line * torch.eye(d, dtype=torch.float64)[0]
            S = cost(w)
        if not bool(S.isfinite().all()):
            raise ValueError("the covariance is not positive definite on the way to a strike")
    for _ in range(80):
        x = states(w)
        g = torch.einsum("tim,tbi->bm", linear, slope(x).detach()) / n
        A = torch.einsum("tim,tbij,tjl->bml", linear, curvature(x).detach(), linear) / n
        values, vectors = torch.linalg.eigh((A + A.mT) / 2)
        size = values.abs().clamp_min(1e-12 * values.abs().amax(-1, keepdim=True))
        step = -torch.einsum("bij,bj,blj,bl->bi", vectors, 1 / size, vectors, g)
        expected = -(g * step).sum(-1)
        if bool((expected <= 1e-20 * S).all()):
            break
        full = torch.zeros(n + 1, d, B, dtype=torch.float64)
        full[free] = step.T
        full = full.movedim(-1, 1)
        share = torch.ones_like(S)
        with torch.no_grad():
            for _ in range(40):
                after = cost(w + share.unsqueeze(-1) * full)
                worse = ~(after <= S - 1e-4 * share * expected + 1e-15 * S)
                if not bool(worse.any()):
                    break
                share = torch.where(worse, share / 2, share)
            share = torch.where(worse, torch.zeros_like(share), share)
            w = w + share.unsqueeze(-1) * full
            S = torch.where(worse, S, after)
    bad = ~(expected <= 1e-12 * S)
    if bool(bad.any()):
        raise ValueError(
            f"the path to the log strike {float(k[bad][0]):.4g} does not settle; expected a nearer "
            "strike, or a covariance that is smooth and positive definite on the way"
        )
    return w


def _scaled_lagrangian(covariance: Covariance, start: Tensor, k: Tensor) -> ScalarFunction:
    """Return L for paths less their start, divided by k; it has no 0/0 where k is zero."""
    known = _checked(covariance)
    return metric_lagrangian(lambda w: known(start + k.unsqueeze(-1) * w))


def _kinetic(covariance: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Return half of v over the covariance, and where that is positive definite."""
    K, info = torch.linalg.cholesky_ex(covariance)
    whole = torch.linalg.solve_triangular(K, v.unsqueeze(-1), upper=False).squeeze(-1)
    return whole.square().sum(-1) / 2, info == 0


def _checked(covariance: Covariance) -> Covariance:
    check_callable(covariance=covariance)

    def call(q: Tensor) -> Tensor:
        value = covariance(q)
        check_output(value, q, (*q.shape, q.shape[-1]), "the covariance")
        return value

    return call


def _ends(start: Tensor, log_strikes: Tensor) -> tuple[Tensor, Tensor]:
    """Return today's state and the strikes, or say what is wrong with them."""
    for name, x in {"start": start, "log_strikes": log_strikes}.items():
        check_tensor(x, name)
        check_finite(x, name)
        if x.dtype != torch.float64:
            raise TypeError(f"{name} has dtype {x.dtype}; expected torch.float64")
        if x.ndim != 1 or len(x) == 0:
            raise ValueError(f"{name} has shape {tuple(x.shape)}; expected one axis, not empty")
    return start, log_strikes


def _any_strikes(log_strikes: Tensor) -> Tensor:
    check_tensor(log_strikes, "log_strikes")
    check_finite(log_strikes, "log_strikes")
    if log_strikes.dtype != torch.float64:
        raise TypeError(f"log_strikes has dtype {log_strikes.dtype}; expected torch.float64")
    return log_strikes


def _positive_tensor(value: float | Tensor, name: str) -> Tensor:
    if not isinstance(value, Tensor):
        check_positive(**{name: value})
        return torch.tensor(float(value), dtype=torch.float64)
    check_tensor(value, name)
    check_finite(value, name)
    if anywhere(value <= 0):
        raise ValueError(f"{name} holds {float(value.min())}; expected positive numbers")
    return value.double()
