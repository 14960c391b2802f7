"""Machines, and what steers them: inputs, linear and energy controllers, plans, identification.

A state is ``[q, q̇]`` throughout, ``(..., 2n)``, and an input ``u`` has an axis of its own,
``(..., m)``, also where there is one motor. A *forced field* is any function ``f(x, u)`` that
gives the motion ``[q̇, q̈]``: that of a ``Machine``, or a network of one's own. A *controller* is a
function ``c(x)`` or ``c(t, x)`` that gives the input. So the same call steers the true machine and
a learned one. The Riccati equation and the optimiser are SciPy's.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
import scipy.optimize
import torch
from torch import Tensor, nn

from hnn_tutorial._angles import check_angles, shorter_way
from hnn_tutorial._validate import (
    anywhere,
    as_number,
    as_times,
    check_callable,
    check_count,
    check_finite,
    check_input,
    check_not_negative,
    check_output,
    check_positive,
    check_state,
    check_tensor,
    check_type,
    check_vector,
    describe,
)
from hnn_tutorial.integrators import takes_time
from hnn_tutorial.integrators.explicit import rk4_step
from hnn_tutorial.mechanics import ScalarFunction, gradient, jacobian, lagrangian_field
from hnn_tutorial.models._lagrangian import inverse_times

__all__ = [
    "Controlled",
    "Controller",
    "ForcedField",
    "Machine",
    "Plan",
    "Reference",
    "computed_torque",
    "energy_swing_up",
    "identify",
    "input_for",
    "linearise",
    "lqr",
    "pd",
    "regulator",
    "shoot",
    "simulate",
    "switch",
    "within",
]

ForcedField = Callable[[Tensor, Tensor], Tensor]
"""A motion under inputs: ``[q, q̇]`` ``(..., 2n)`` and u ``(..., m)`` to ``[q̇, q̈]``."""

Controller = Callable[..., Tensor]
"""``c(x)`` or ``c(t, x)``: the input ``(..., m)`` at states ``(..., 2n)`` and a time in s."""

Reference = Callable[[float], tuple[Tensor, Tensor, Tensor]]
"""The motion that is wanted at a time in s: q, q̇ and q̈, each ``(..., n)``."""


class Machine(nn.Module):
    r"""A system or a learned Lagrangian with motors and joint friction.

    .. math:: A(q)\, \big(\ddot q - \ddot q_\text{free}(q, \dot q)\big) = S u - D \dot q

    A and the motion without motors are those of the model: of formulas, or of a network. S says
    what each input does to each coordinate, D is the viscous friction. Given as ``nn.Parameter``
    they are learned with the weights: ``fit(machine, data, residual=torque_residual)``.

    Args:
        model: a ``System``, a model with a Lagrangian, or a function L of ``[q, q̇]``.
        actuation: S, ``(n, m)``. None takes the system's own, or else a motor on each coordinate.
        damping: the diagonal of D, ``(n,)``, not negative; None for no friction.

    Raises:
        TypeError, ValueError: if the model has no Lagrangian, or the two do not fit it.

    References:
        Lutter, Ritter & Peters 2019; Spong, Hutchinson & Vidyasagar 2006, ch. 7.
    """

    actuation: Tensor
    damping: Tensor | None

    def __init__(
        self,
        model: Any,
        actuation: Tensor | Sequence[Sequence[float]] | None = None,
        damping: Tensor | Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        lagrangian = getattr(model, "lagrangian", None)
        plain = lagrangian is None and callable(model) and not isinstance(model, nn.Module)
        paired = getattr(model, "canonical", True)
        if isinstance(model, type) or not paired or not (plain or callable(lagrangian)):
            raise TypeError(
                f"model is {describe(model)}; expected a system of [q, p], a model with a "
                "Lagrangian such as StructuredLNN, or a function L of [q, q̇]"
            )
        self.model = model
        self.lagrangian: ScalarFunction = model if lagrangian is None else lagrangian
        degrees = getattr(model, "degrees", None)
        if actuation is None:
            actuation = getattr(model, "actuation", None)
        if actuation is None:
            if degrees is None:
                raise ValueError("a function L does not say its degrees of freedom; pass actuation")
            actuation = torch.eye(degrees, dtype=torch.float64)
        given = _as_numbers(actuation, "actuation", 2)
        if given.ndim != 2 or 0 in given.shape or degrees not in (None, len(given)):
            raise ValueError(
                f"actuation has shape {tuple(given.shape)}; expected (n, m)"
                f"{'' if degrees is None else f' with n = {degrees}'}: one row for each coordinate"
            )
        if torch.linalg.matrix_rank(given.detach()) < given.shape[1] and not given.requires_grad:
            raise ValueError(
                f"actuation has {given.shape[1]} columns that depend on each other; expected "
                "inputs that do different things"
            )
        self._keep("actuation", given)
        self.degrees, self.inputs = given.shape
        if damping is None:
            self.damping = None
            return
        rates = _as_numbers(damping, "damping", 1)
        if rates.shape != (self.degrees,):
            raise ValueError(f"damping has shape {tuple(rates.shape)}; expected ({self.degrees},)")
        if not rates.requires_grad and (rates < 0).any():
            raise ValueError(f"damping = {rates.tolist()}; expected none that is negative")
        self._keep("damping", rates)

    def _keep(self, name: str, value: Tensor) -> None:
        if isinstance(value, nn.Parameter):
            self.register_parameter(name, value)
        else:
            self.register_buffer(name, value)

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return A of ``[q, q̇]``, ``(..., 2n) -> (..., n, n)``."""
        check_state(x, "x", self.degrees)
        own = getattr(self.model, "mass_matrix", None)
        if own is not None:
            matrix: Tensor = own(x)
            return matrix
        n, slopes = self.degrees, gradient(self.lagrangian)
        return jacobian(lambda y: slopes(y)[..., n:])(x)[..., n:]

    def energy(self, x: Tensor) -> Tensor:
        """Return the energy q̇·∂L/∂q̇ − L of ``[q, q̇]``, ``(..., 2n) -> (...,)``."""
        check_state(x, "x", self.degrees)
        own = getattr(self.model, "energy", None)
        if own is not None:
            value: Tensor = own(x)
            return value
        n = self.degrees
        momentum = gradient(self.lagrangian)(x)[..., n:]
        return (x[..., n:] * momentum).sum(-1) - self.lagrangian(x)

    def acceleration(self, x: Tensor, u: Tensor) -> Tensor:
        """Return q̈ under inputs.

        Args:
            x: states ``[q, q̇]``, ``(..., 2n)``.
            u: inputs, ``(..., m)``.

        Returns:
            q̈, ``(..., n)``.
        """
        check_state(x, "x", self.degrees)
        self._check_input(x, u)
        force = u @ self.actuation.to(x).mT - self._friction(x)
        return self._free(x) + inverse_times(self.mass_matrix(x), force)[0]

    def field(self, x: Tensor, u: Tensor) -> Tensor:
        """Return the motion ``[q̇, q̈]`` under inputs, ``(..., 2n), (..., m) -> (..., 2n)``.

        Args:
            x: states ``[q, q̇]``, ``(..., 2n)``.
            u: inputs, ``(..., m)``.
        """
        acceleration = self.acceleration(x, u)
        return torch.cat([x[..., self.degrees :], acceleration], dim=-1)

    def forward(self, x: Tensor, u: Tensor) -> Tensor:
        """Return ``field(x, u)``."""
        return self.field(x, u)

    def power(self, x: Tensor, u: Tensor) -> Tensor:
        r"""Return the rate of the energy, :math:`\dot E = \dot q^\top (S u - D \dot q)`, in W.

        Args:
            x: states ``[q, q̇]``, ``(..., 2n)``.
            u: inputs, ``(..., m)``.

        Returns:
            Rates, ``(...,)``.
        """
        check_state(x, "x", self.degrees)
        self._check_input(x, u)
        velocity = x[..., self.degrees :]
        return (velocity * (u @ self.actuation.to(x).mT - self._friction(x))).sum(-1)

    def forces(self, x: Tensor, acceleration: Tensor) -> Tensor:
        r"""Return the force on each coordinate that an acceleration takes.

        .. math:: A (\ddot q - \ddot q_\text{free}) + D \dot q

        Args:
            x: states ``[q, q̇]``, ``(..., 2n)``.
            acceleration: q̈ that is wanted, ``(..., n)``.

        Returns:
            Generalised forces, ``(..., n)``.
        """
        check_state(x, "x", self.degrees)
        check_input(acceleration, "acceleration", self.degrees, x.dtype)
        _check_batch(x, acceleration, "acceleration")
        needed = (acceleration - self._free(x)).unsqueeze(-1)
        return (self.mass_matrix(x) @ needed).squeeze(-1) + self._friction(x)

    def inverse_dynamics(self, x: Tensor, acceleration: Tensor) -> Tensor:
        """Return the inputs that an acceleration takes, where every coordinate has a motor.

        Args:
            x: states ``[q, q̇]``, ``(..., 2n)``.
            acceleration: q̈ that is wanted, ``(..., n)``.

        Returns:
            u, ``(..., n)``, so that ``machine.acceleration(x, u)`` is the one that is wanted.

        Raises:
            ValueError: if there are fewer inputs than coordinates: most accelerations cannot be
                had then. ``input_for`` gives that of some of the coordinates.
        """
        if self.inputs < self.degrees:
            raise ValueError(
                f"the machine has {self.inputs} input(s) for {self.degrees} coordinates, so most "
                "accelerations cannot be had; forces(...) says what they would take, and "
                "input_for(...) what gives some of the coordinates an acceleration"
            )
        forces = self.forces(x, acceleration)
        return inverse_times(self.actuation.to(x), forces)[0]

    def _friction(self, x: Tensor) -> Tensor:
        velocity = x[..., self.degrees :]
        return 0 * velocity if self.damping is None else self.damping.to(x) * velocity

    def _free(self, x: Tensor) -> Tensor:
        own = getattr(self.model, "acceleration", None)
        if own is not None:
            value: Tensor = own(x)
            return value
        motion = getattr(self.model, "second_order_field", None)
        return (motion or lagrangian_field(self.lagrangian))(x)[..., self.degrees :]

    def _check_input(self, x: Tensor, u: Tensor) -> None:
        check_input(u, "u", self.inputs, x.dtype)
        _check_batch(x, u, "u")


@dataclass(frozen=True)
class Controlled:
    """A motion under a controller.

    Attributes:
        times: ``(T,)``, in s.
        states: ``[q, q̇]`` at the times, ``(T, ..., 2n)``.
        inputs: u from each time to the next, ``(T - 1, ..., m)``.
    """

    times: Tensor
    states: Tensor
    inputs: Tensor

    def work(self, machine: Machine) -> Tensor:
        r"""Return the work that the inputs did, in J, ``(...,)``.

        An input that is held does the work :math:`\int u^\top S^\top \dot q\,dt = u^\top S^\top
        \Delta q`; no step enters it.

        Args:
            machine: whose ``actuation`` the inputs go through.
        """
        check_type(Machine, "a Machine", machine=machine)
        way = self.states[..., : self.states.shape[-1] // 2].diff(dim=0)
        if machine.degrees != way.shape[-1] or machine.inputs != self.inputs.shape[-1]:
            raise ValueError(
                f"the machine has {machine.degrees} coordinates and {machine.inputs} inputs, the "
                f"motion {way.shape[-1]} and {self.inputs.shape[-1]}"
            )
        return ((self.inputs @ machine.actuation.to(way).mT) * way).sum(-1).sum(0)

    def since(self, inside: Callable[[Tensor], Tensor], hold: float = 0.0) -> Tensor:
        """Return from which of the times on the states stay in a region to the end, ``(...,)``.

        Args:
            inside: states ``(..., 2n) -> (...,)``, true or false, such as ``within(...)``.
            hold: how long that has to be, in s.

        Returns:
            Times in s; inf where the end lies outside, or the stay is shorter than ``hold``.

        Raises:
            TypeError, ValueError: if ``inside`` does not answer for each state.
        """
        check_not_negative(hold=hold)
        outside = ~_answers(inside, self.states)
        after = torch.cat([self.times[1:], self.times.new_tensor([math.inf])])
        after = after.reshape(-1, *[1] * (outside.ndim - 1))
        begin = torch.where(outside, after, self.times[0]).amax(dim=0)
        return torch.where(self.times[-1] - begin >= float(hold) - 1e-9, begin, math.inf)


def simulate(
    field: ForcedField,
    controller: Controller,
    x0: Tensor,
    times: Tensor | Sequence[float],
    *,
    limit: float | Sequence[float] | Tensor | None = None,
    saturate: bool = True,
    step: float | None = None,
) -> Controlled:
    """Follow a machine under a controller that is asked at each of the times.

    Its answer is held until the next time, as the computer of a robot does (a zero-order hold).
    Between them the motion is followed by RK4. Nothing here carries a gradient.

    Args:
        field: f(x, u), such as ``machine.field``.
        controller: c(x) or c(t, x).
        x0: initial states ``[q, q̇]``, ``(..., 2n)``, at ``times[0]``.
        times: increasing, ``(T,)``, in s.
        limit: the largest input, one number or one for each; None for none.
        saturate: whether a larger one is cut to the limit; False refuses it.
        step: longest step of RK4; None makes one from each time to the next.

    Returns:
        The motion. One that runs away ends in inf or NaN, which is returned, not hidden.

    Raises:
        ValueError: if an input exceeds the limit and is not to be cut, or shapes do not fit.
        TypeError: if the controller or the field gives no tensor of the states' dtype.
    """
    check_callable(field=field, controller=controller)
    timed = takes_time(controller, "controller")
    check_state(x0, "x0")
    check_finite(x0, "x0")
    clock = as_times(times, forwards=True)
    check_type(bool, "True or False", saturate=saturate)
    if step is not None:
        check_positive(step=step)
    x, states = x0.detach(), [x0.detach()]
    inputs: list[Tensor] = []
    bound: Tensor | None = None
    with torch.no_grad():
        for before, after in zip(clock[:-1].tolist(), clock[1:].tolist(), strict=True):
            u = timed(before, x) if timed else controller(x)
            if not inputs:
                bound = _as_limit(limit, _check_control(u, x, None), x)
            _check_control(u, x, inputs[0].shape[-1] if inputs else None)
            if bound is not None:
                if not saturate and anywhere(u.abs() > bound):
                    raise ValueError(
                        f"the controller asks for an input of {float(u.abs().max()):.4g} at t = "
                        f"{before:g} s, beyond the limit {bound.tolist()}; pass saturate=True to "
                        "cut it there"
                    )
                u = u.clamp(-bound, bound)
            x = _held(field, x, u, after - before, step)
            states.append(x)
            inputs.append(u.expand(*x.shape[:-1], u.shape[-1]))
    if not inputs:
        raise ValueError("times has one entry; expected at least two, from start to end")
    return Controlled(clock.to(x0), torch.stack(states), torch.stack(inputs))


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
    spring, brake = _as_gain(stiffness, "stiffness"), _as_gain(damping, "damping")

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
    spring, brake = _as_gain(stiffness, "stiffness"), _as_gain(damping, "damping")

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
    _check_batch(x, acceleration, "acceleration")

    def accelerations(u: Tensor) -> Tensor:
        value = field(x, u)
        check_output(value, x, x.shape, "the field")
        return value[..., chosen]

    still = x.new_zeros(*x.shape[:-1], len(chosen))
    free = accelerations(still)
    units = torch.eye(len(chosen), dtype=x.dtype, device=x.device)
    moved = torch.stack([accelerations(still + one) - free for one in units], dim=-1)
    return inverse_times(moved, acceleration - free)[0]


def energy_swing_up(
    machine: Machine,
    upright: Tensor,
    *,
    gain: float,
    centre: tuple[float, float] = (0.0, 0.0),
    most: float | None = None,
    above: float = 0.0,
) -> Controller:
    r"""Return the controller that brings a pole on a cart to the energy that it has upright.

    Of the machine's own energy and mass matrix alone, true or learned: with the cart's
    acceleration a, the energy E of the pole, seen from the cart, changes at the rate
    :math:`-A_{\theta s}\, \dot\theta\, a`. So

    .. math:: a = k\, (E - E_\text{up})\, A_{\theta s}(q)\, \dot\theta
              - k_s (s - s^*) - k_d\, \dot s

    drives :math:`(E - E_\text{up})^2` down whenever the pole moves, but for the last two terms,
    which keep the cart near its place. ``input_for`` turns a into the input.

    Args:
        machine: of two coordinates with one input, on one of them.
        upright: ``[q, q̇]`` where the pole stands, ``(4,)``.
        gain: k, in s/(kg² m²).
        centre: kₛ in 1/s² and k_d in 1/s.
        most: the largest acceleration of the cart, in m/s²; None for no bound.
        above: energy that is added to the goal, in J, for what friction takes on the last way up;
            less than zero lowers the goal.

    Returns:
        c(x). Where the pole hangs at rest it is zero: give it a push.

    Raises:
        TypeError, ValueError: for a machine with other motors, and other shapes.

    References:
        Åström & Furuta 2000; Spong 1994.
    """
    check_type(Machine, "a Machine", machine=machine)
    pushed = (machine.actuation.detach() != 0).any(dim=-1).nonzero().flatten().tolist()
    if machine.degrees != 2 or machine.inputs != 1 or len(pushed) != 1:
        raise ValueError(
            f"the machine has {machine.degrees} coordinates and {machine.inputs} input(s) on "
            f"{len(pushed)} of them; expected two, and one input on one of them"
        )
    check_state(upright, "upright", 2)
    if upright.ndim != 1:
        raise ValueError(f"upright has shape {tuple(upright.shape)}; expected (4,)")
    check_positive(gain=gain)
    if not isinstance(centre, tuple) or len(centre) != 2:
        raise TypeError(f"centre is {describe(centre)}; expected (stiffness, damping)")
    pull, brake = (float(_as_gain(value, "centre")) for value in centre)
    if most is not None:
        check_positive(most=most)
    check_finite(torch.tensor(as_number("above", above)), "above")
    (cart,) = pushed
    pole = 1 - cart

    def control(x: Tensor) -> Tensor:
        check_state(x, "x", 2)
        goal = upright.to(x)
        # As seen from a cart that stands in its place: where it is must not matter.
        seen = x.clone()
        seen[..., cart], seen[..., 2 + cart] = goal[cart], 0.0
        excess = machine.energy(seen) - machine.energy(goal) - above
        coupling = machine.mass_matrix(seen)[..., pole, cart]
        wanted = gain * excess * coupling * x[..., 2 + pole]
        wanted = wanted - pull * (x[..., cart] - goal[cart]) - brake * x[..., 2 + cart]
        if most is not None:
            wanted = wanted.clamp(-most, most)
        return input_for(machine.field, x, wanted.unsqueeze(-1), (cart,))

    return control


def within(
    target: Tensor, size: Tensor | Sequence[float], angles: Sequence[int] = ()
) -> Callable[[Tensor], Tensor]:
    """Return the question whether a state is near a target, component by component.

    Args:
        target: ``(2n,)``.
        size: the largest distance of each component, ``(2n,)``; inf where it does not matter.
        angles: indices of the components that are angles, taken the shorter way round.

    Returns:
        A function of states, ``(..., 2n) -> (...,)``, true or false.

    Raises:
        TypeError, ValueError: if the shapes do not fit.
    """
    check_state(target, "target")
    most = _as_numbers(size, "size", 1, finite=False)
    if target.ndim != 1 or most.shape != target.shape or not (most > 0).all():
        raise ValueError(
            f"size = {size}; expected a positive one for each of the components of target, whose "
            f"shape is {tuple(target.shape)}"
        )
    chosen = check_angles(angles, len(target))

    def inside(x: Tensor) -> Tensor:
        check_vector(x, "x", len(target))
        return (shorter_way(x - target.to(x), chosen).abs() < most.to(x)).all(dim=-1)

    return inside


def switch(inside: Callable[[Tensor], Tensor], near: Controller, far: Controller) -> Controller:
    """Return the controller that is one inside a region and another outside it.

    Args:
        inside: states ``(..., 2n) -> (...,)``, true or false, such as ``within(...)``.
        near: c(x) or c(t, x) inside.
        far: c(x) or c(t, x) outside.

    Returns:
        c(t, x).

    Raises:
        TypeError, ValueError: (when called) if ``inside`` does not answer for each state.
    """
    check_callable(inside=inside)
    first, second = _with_time(near, "near"), _with_time(far, "far")

    def control(t: float, x: Tensor) -> Tensor:
        there = _answers(inside, x)
        return torch.where(there.unsqueeze(-1), first(t, x), second(t, x))

    return control


@dataclass(frozen=True)
class Plan:
    """Inputs that an optimiser found, and the motion that the model expects of them.

    Attributes:
        times: ``(T,)``, in s.
        inputs: u from each time to the next, ``(T - 1, ..., m)``.
        states: as the model sees them, ``(T, ..., 2n)``.
        cost: of each start, ``(...,)``.
        converged: whether the optimiser says so.
        evaluations: how often the motion was followed.
    """

    times: Tensor
    inputs: Tensor
    states: Tensor
    cost: Tensor
    converged: bool
    evaluations: int

    @property
    def controller(self) -> Controller:
        """The controller c(t, x) that plays the inputs back, and is zero after their end."""
        clock = self.times.tolist()

        def control(t: float, x: Tensor) -> Tensor:
            later = [k for k, begin in enumerate(clock) if t >= begin - 1e-9]
            k = later[-1] if later else 0
            over = k >= len(self.inputs)
            held = torch.zeros_like(self.inputs[0]) if over else self.inputs[k]
            return held.to(x).expand(*x.shape[:-1], held.shape[-1])

        return control


def shoot(
    field: ForcedField,
    x0: Tensor,
    times: Tensor | Sequence[float],
    cost: Callable[[Tensor, Tensor], Tensor],
    *,
    limit: float | Sequence[float] | Tensor,
    final: ScalarFunction | None = None,
    start: Tensor | None = None,
    inputs: int = 1,
    iterations: int = 100,
) -> Plan:
    r"""Plan inputs through a model: direct shooting.

    .. math:: \sum_k (t_{k+1} - t_k)\, c(x_k, u_k) + c_T(x_T) \to \min
              \quad\text{with}\quad |u_k| \le u_\text{max}

    The inputs are held from each time to the next, and the motion is followed by one step of RK4
    in each. SciPy's L-BFGS-B has the gradient from autograd. A batch of starts is one problem, of
    the sum of their costs.

    Args:
        field: f(x, u), with gradients.
        x0: where to start, ``(..., 2n)``.
        times: increasing, ``(T,)``, in s.
        cost: c(x, u), ``(..., 2n), (..., m) -> (...,)``, per second.
        limit: the largest input, one number or one for each.
        final: c_T, ``(..., 2n) -> (...,)``; None for none.
        start: inputs to begin with, ``(T - 1, m)`` or ``(T - 1, ..., m)``; None for zero. From
            rest at an equilibrium zero may be stationary: give it a wave then.
        inputs: m, where ``start`` does not say it.
        iterations: the most of the optimiser.

    Returns:
        The plan, a local minimum.

    Raises:
        ValueError: if shapes do not fit, or the motion under the first inputs runs away.
    """
    check_callable(field=field, cost=cost)
    check_state(x0, "x0")
    check_finite(x0, "x0")
    clock = as_times(times, forwards=True)
    if len(clock) < 2:
        raise ValueError("times has one entry; expected at least two, from start to end")
    check_count(iterations=iterations, inputs=inputs)
    if final is not None:
        check_callable(final=final)
    x0 = x0.detach()
    steps, count = clock.diff().tolist(), len(clock) - 1
    width, batch = int(inputs), x0.shape[:-1]
    if start is not None:
        check_tensor(start, "start")
        check_finite(start, "start")
        width = start.shape[-1] if start.ndim else 0
        if start.ndim < 2 or len(start) != count or width == 0:
            raise ValueError(
                f"start has shape {tuple(start.shape)}; expected ({count}, m): inputs from each "
                "time to the next"
            )
        if start.ndim == 2:
            start = start.reshape(count, *[1] * len(batch), width)
    bound = _as_limit(limit, width, x0)
    if bound is None:
        raise ValueError("limit is None; expected the largest input")
    guess = x0.new_zeros(count, *batch, width)
    if start is not None:
        try:
            guess = guess + start.detach().to(x0)
        except RuntimeError:
            raise ValueError(
                f"start has shape {tuple(start.shape)}; expected {(count, *batch, width)}"
            ) from None
    guess = guess.clamp(-bound, bound)

    def follow(u: Tensor) -> tuple[Tensor, Tensor]:
        x, states, total = x0, [x0], x0.new_zeros(batch)
        for h, now in zip(steps, u, strict=True):
            rate = cost(x, now)
            check_output(rate, x, batch, "the cost")
            total = total + h * rate
            x = _held(field, x, now, h, None)
            states.append(x)
        if final is not None:
            end = final(x)
            check_output(end, x, batch, "the final cost")
            total = total + end
        return total, torch.stack(states)

    evaluations = 0

    def objective(values: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal evaluations
        evaluations += 1
        u = torch.from_numpy(values).to(x0).reshape(guess.shape).requires_grad_(True)
        with torch.enable_grad():
            total = follow(u)[0].sum()
            (slope,) = torch.autograd.grad(total, u)
        if not (torch.isfinite(total) and torch.isfinite(slope).all()):
            if evaluations == 1:
                raise ValueError("the motion under the first inputs runs away; shorten the times")
            # A trial step too far: the line search comes back from a cost that is huge.
            return 1e100, np.zeros_like(values)
        return float(total.detach()), slope.double().cpu().numpy().ravel()

    most = bound.expand_as(guess).double().cpu().numpy().ravel()
    found = scipy.optimize.minimize(
        objective,
        guess.double().cpu().numpy().ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=scipy.optimize.Bounds(-most, most),
        options={"maxiter": int(iterations), "maxfun": 4 * int(iterations)},
    )
    best = torch.from_numpy(np.asarray(found.x)).to(x0).reshape(guess.shape)
    with torch.no_grad():
        total, states = follow(best)
    return Plan(clock.to(x0), best, states, total, bool(found.success), evaluations)


def identify(regressor: Tensor, torques: Tensor) -> Tensor:
    r"""Return the numbers that torques are linear in, by least squares.

    .. math:: \min_\theta \sum_b \| Y_b\, \theta - \tau_b \|^2

    This is how robots have been identified for decades, where the form of their equations is
    known.

    Args:
        regressor: Y, ``(B, n, k)``, such as ``TwoLinkArm.regressor``; joint friction is a column
            more for each joint, ``torch.diag_embed(velocity)``.
        torques: τ, ``(B, n)``.

    Returns:
        θ, ``(k,)``.

    Raises:
        ValueError: if shapes do not fit, or the motions do not tell the numbers apart.

    References:
        Atkeson, An & Hollerbach 1986.
    """
    check_tensor(regressor, "regressor")
    check_tensor(torques, "torques")
    if regressor.ndim < 2 or regressor.shape[:-1] != torques.shape or 0 in regressor.shape:
        raise ValueError(
            f"regressor has shape {tuple(regressor.shape)}, torques {tuple(torques.shape)}; "
            "expected (B, n, k) and (B, n)"
        )
    if regressor.dtype != torques.dtype:
        raise TypeError(f"regressor is {regressor.dtype}, torques {torques.dtype}; convert one")
    check_finite(regressor, "regressor")
    check_finite(torques, "torques")
    columns = regressor.flatten(0, -2)
    known = int(torch.linalg.matrix_rank(columns))
    if known < columns.shape[1]:
        raise ValueError(
            f"the motions tell {known} of the {columns.shape[1]} numbers apart; expected motions "
            "that move every joint, fast and slow, in different directions"
        )
    return torch.linalg.lstsq(columns, torques.flatten().unsqueeze(-1)).solution.squeeze(-1)


# --- what they share -----------------------------------------------------------------------------


def _answers(inside: Any, x: Tensor) -> Tensor:
    """Return for each state whether it is inside, or say what is wrong with the answer."""
    check_callable(inside=inside)
    there = inside(x)
    if not isinstance(there, Tensor) or there.dtype != torch.bool:
        raise TypeError(f"inside gave {describe(there)}; expected a tensor of True and False")
    if there.shape != x.shape[:-1]:
        raise ValueError(
            f"inside gave shape {tuple(there.shape)} for states {tuple(x.shape)}; expected "
            f"{tuple(x.shape[:-1])}"
        )
    return there


def _held(
    field: ForcedField, x: Tensor, u: Tensor, duration: float, longest: float | None
) -> Tensor:
    """Follow a field with a held input."""

    def motion(y: Tensor) -> Tensor:
        value = field(y, u)
        check_output(value, y, y.shape, "the field")
        return value

    count = 1 if longest is None else max(1, math.ceil(duration / longest - 1e-9))
    for _ in range(count):
        x = rk4_step(motion, x, duration / count)
    return x


def _as_numbers(value: Any, name: str, axes: int, *, finite: bool = True) -> Tensor:
    """Return a tensor of floats; rows of numbers become one in float64."""
    if not isinstance(value, Tensor):
        try:
            value = torch.tensor(value, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError):
            shape = "(n, m)" if axes == 2 else "(n,)"
            raise TypeError(f"{name} is {describe(value)}; expected numbers {shape}") from None
    check_tensor(value, name)
    if finite:
        check_finite(value, name)
    numbers: Tensor = value
    return numbers


def _check_batch(x: Tensor, value: Tensor, name: str) -> None:
    try:
        fits = torch.broadcast_shapes(x.shape[:-1], value.shape[:-1]) == x.shape[:-1]
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"{name} has shape {tuple(value.shape)} for states {tuple(x.shape)}; expected "
            f"{(*x.shape[:-1], value.shape[-1])}"
        )


def _check_control(u: Any, x: Tensor, width: int | None) -> int:
    """Return m of an input ``(..., m)`` for states, or say what is wrong with it."""
    if not isinstance(u, Tensor) or u.ndim == 0:
        raise TypeError(f"the controller gave {describe(u)}; expected a tensor (..., m)")
    if u.dtype != x.dtype:
        raise TypeError(f"the controller gave dtype {u.dtype}; expected {x.dtype}, as the states")
    if u.shape[:-1] != x.shape[:-1] or u.shape[-1] == 0 or width not in (None, u.shape[-1]):
        raise ValueError(
            f"the controller gave shape {tuple(u.shape)} for states {tuple(x.shape)}; expected "
            f"{tuple(x.shape[:-1])} and one axis more for the {width or 'm'} input(s)"
        )
    return u.shape[-1]


def _as_limit(limit: Any, width: int, x: Tensor) -> Tensor | None:
    if limit is None:
        return None
    given = _as_numbers(limit, "limit", 1).to(x)
    if given.ndim > 1 or given.numel() not in (1, width) or not (given > 0).all():
        raise ValueError(f"limit = {limit}; expected a positive number, or one for each input")
    return given.expand(width) if given.ndim == 0 else given.clone().expand(width)


def _as_cost(value: Any, name: str, width: int) -> np.ndarray:
    given = _as_numbers(value, name, 2).detach().double().cpu()
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


def _as_gain(value: Any, name: str) -> Tensor:
    given = _as_numbers(value, name, 1)
    if given.ndim > 1 or (given < 0).any():
        raise ValueError(f"{name} = {value}; expected one number or (n,), none of them negative")
    return given


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
            _check_batch(x, part, f"{name} of the reference")
        return motion[0] - x[..., :n], motion[1] - x[..., n:], motion[2]

    return wanted


def _with_time(controller: Any, name: str) -> Callable[[float, Tensor], Tensor]:
    timed = takes_time(controller, name)
    return timed or (lambda t, x: controller(x))
