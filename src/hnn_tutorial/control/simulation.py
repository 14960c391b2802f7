"""The motion of a forced field under a controller that is asked at each step."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    anywhere,
    as_times,
    check_callable,
    check_finite,
    check_not_negative,
    check_positive,
    check_state,
    check_type,
    describe,
)
from hnn_tutorial.control._inputs import (
    Controller,
    ForcedField,
    answers_of,
    as_it_is,
    as_limit,
    held,
    numpy_step,
)
from hnn_tutorial.control.machine import Machine
from hnn_tutorial.integrators import WORTH_RECORDING, takes_time


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
        outside = ~answers_of(inside, self.states)
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
        field: f(x, u), such as ``machine.field``; a machine is taken as it is at ``times[0]``.
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
    by_numpy = None
    with torch.no_grad():
        if len(clock) > WORTH_RECORDING:
            controller = as_it_is(controller, x)
            timed = takes_time(controller, "controller")
        for before, after in zip(clock[:-1].tolist(), clock[1:].tolist(), strict=True):
            u = timed(before, x) if timed else controller(x)
            if not inputs:
                bound = as_limit(limit, _check_control(u, x, None), x)
            _check_control(u, x, inputs[0].shape[-1] if inputs else None)
            if bound is not None:
                if not saturate and anywhere(u.abs() > bound):
                    raise ValueError(
                        f"the controller asks for an input of {float(u.abs().max()):.4g} at t = "
                        f"{before:g} s, beyond the limit {bound.tolist()}; pass saturate=True to "
                        "cut it there"
                    )
                u = u.clamp(-bound, bound)
            if not inputs and len(clock) > WORTH_RECORDING:
                by_numpy = numpy_step(field, x, u, after - before)
            x = held(field, x, u, after - before, step, by_numpy)
            states.append(x)
            inputs.append(u.expand(*x.shape[:-1], u.shape[-1]))
    if not inputs:
        raise ValueError("times has one entry; expected at least two, from start to end")
    return Controlled(clock.to(x0), torch.stack(states), torch.stack(inputs))


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
