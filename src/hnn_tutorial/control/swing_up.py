"""Far from the goal: a law that pumps energy, and the switch to another law near the goal."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._angles import check_angles, shorter_way
from hnn_tutorial._validate import (
    anywhere,
    as_number,
    check_callable,
    check_finite,
    check_positive,
    check_state,
    check_type,
    check_vector,
    describe,
)
from hnn_tutorial.control._inputs import (
    Controller,
    MachineLaw,
    answers_of,
    as_gain,
    as_it_is,
    as_numbers,
)
from hnn_tutorial.control.machine import Machine
from hnn_tutorial.control.tracking import input_for
from hnn_tutorial.integrators import takes_time


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
    pull, brake = (float(as_gain(value, "centre")) for value in centre)
    if most is not None:
        check_positive(most=most)
    check_finite(torch.tensor(as_number("above", above)), "above")
    (cart,) = pushed
    pole = 1 - cart
    of_cart = torch.tensor([k in (cart, 2 + cart) for k in range(4)])

    def control(x: Tensor) -> Tensor:
        check_state(x, "x", 2)
        goal = upright.to(x)
        # As seen from a cart that stands in its place: where it is must not matter.
        still = torch.where(torch.arange(4, device=x.device) < 2, goal, 0.0)
        seen = torch.where(of_cart.to(x.device), still, x)
        excess = machine.energy(seen) - machine.energy(goal) - above
        coupling = machine.mass_matrix(seen)[..., pole, cart]
        wanted = gain * excess * coupling * x[..., 2 + pole]
        wanted = wanted - pull * (x[..., cart] - goal[cart]) - brake * x[..., 2 + cart]
        if most is not None:
            wanted = wanted.clamp(-most, most)
        return input_for(machine.field, x, wanted.unsqueeze(-1), (cart,))

    return MachineLaw(machine.field, control)


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
    most = as_numbers(size, "size", 1, finite=False)
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

    A controller that none of the states needs is not asked.

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
    for name, controller in (("near", near), ("far", far)):
        takes_time(controller, name)
    return _Switch(inside, near, far)


@dataclass(frozen=True)
class _Switch:
    inside: Callable[[Tensor], Tensor]
    near: Controller
    far: Controller

    @cached_property
    def _timed(self) -> tuple[Controller, Controller]:
        return _with_time(self.near, "near"), _with_time(self.far, "far")

    def __call__(self, t: float, x: Tensor) -> Tensor:
        near, far = self._timed
        there = answers_of(self.inside, x)
        if anywhere(there) is False:
            return far(t, x)
        if anywhere(~there) is False:
            return near(t, x)
        return torch.where(there.unsqueeze(-1), near(t, x), far(t, x))

    def as_it_is(self, x: Tensor) -> Controller:
        return _Switch(self.inside, as_it_is(self.near, x), as_it_is(self.far, x))


def _with_time(controller: Any, name: str) -> Callable[[float, Tensor], Tensor]:
    timed = takes_time(controller, name)
    return timed or (lambda t, x: controller(x))
