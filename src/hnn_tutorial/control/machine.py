"""A Lagrangian with motors and friction."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import check_input, check_state, describe
from hnn_tutorial.control._inputs import as_numbers, check_batch
from hnn_tutorial.mechanics import ScalarFunction, gradient, jacobian, lagrangian_field
from hnn_tutorial.models._lagrangian import inverse_times


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
        given = as_numbers(actuation, "actuation", 2)
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
        rates = as_numbers(damping, "damping", 1)
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
        momenta = getattr(self.model, "momenta", None) or gradient(self.lagrangian)
        momentum = momenta(x)[..., n:]
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
        check_batch(x, acceleration, "acceleration")
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
        check_batch(x, u, "u")
