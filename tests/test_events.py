"""Crossings of a surface against closed forms: impacts, periods, Poincaré sections."""

import math

import numpy as np
import pytest
import torch
from scipy.special import ellipk

from hnn_tutorial.integrators import METHODS, crossings
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import HenonHeiles, MassSpring, Pendulum

GRAVITY = 9.81
START = torch.tensor([1.0, 0.5], dtype=torch.float64)


def thrown(x):
    """Free fall of [height, velocity]."""
    return torch.stack([x[..., 1], torch.full_like(x[..., 1], -GRAVITY)], dim=-1)


def height(x):
    """The event of an impact."""
    return x[..., 0]


def options(name):
    return {"method": name} | ({} if name == "radau" or METHODS[name].adaptive else {"step": 0.05})


@pytest.mark.parametrize("name", ["rk4", "leapfrog", "gauss_legendre4", "rk45", "dop853", "radau"])
def test_a_bouncing_ball_lands_when_the_closed_form_says(name):
    """Each of a batch at its own time, and again after the caller has turned the velocity round."""
    up = torch.tensor([[2.0, 3.0], [0.5, 0.0], [1.0, -4.0], [9.0, 0.0]], dtype=torch.float64)
    h, v = up.unbind(-1)
    speed = (v**2 + 2 * GRAVITY * h).sqrt()
    fall = (v + speed) / GRAVITY
    first = crossings(thrown, up, [0, 1.3], height, first=True, **options(name))
    assert first.members.tolist() == [0, 1, 2]  # the fourth is still in the air
    torch.testing.assert_close(first.times, fall[:3], rtol=1e-12, atol=0)
    torch.testing.assert_close(first.states[:, 1], -speed[:3], rtol=1e-11, atol=0)
    assert first.states[:, 0].abs().max() < 1e-11
    for k in range(3):
        bounced = first.states[k] * torch.tensor([1.0, -0.8], dtype=torch.float64)
        span = [float(first.times[k]), 9.0]
        again = crossings(thrown, bounced, span, height, direction=-1, first=True, **options(name))
        later = fall[k] + 2 * 0.8 * speed[k] / GRAVITY
        torch.testing.assert_close(again.times, later[None], rtol=1e-10, atol=0)


@pytest.mark.parametrize("direction", [-1, 0, 1])
@pytest.mark.parametrize("name", ["forest_ruth", "dop853"])
def test_a_pendulum_passes_the_lowest_point_by_its_period(name, direction):
    system, widest = Pendulum(), 2.0
    period = 4 * math.sqrt(system.length / system.gravity) * ellipk(math.sin(widest / 2) ** 2)
    x0 = torch.tensor([widest, 0.0], dtype=torch.float64)
    setting = {"step": 4e-3} if name == "forest_ruth" else {"rtol": 1e-12, "atol": 1e-12}
    found = crossings(
        system.field, x0, [0, 3 * period], height, name, direction=direction, **setting
    )
    quarters = {-1: [1, 5, 9], 0: [1, 3, 5, 7, 9, 11], 1: [3, 7, 11]}[direction]
    expected = torch.tensor(quarters).double() * period / 4
    torch.testing.assert_close(found.times, expected, rtol=0, atol=2e-8)
    assert (found.members == 0).all()
    assert (found.states[:, 1] * direction >= 0).all()
    # From rest the way back in time looks like the way on.
    back = crossings(
        system.field, x0, [0, -3 * period], height, name, direction=direction, **setting
    )
    torch.testing.assert_close(back.times, -expected, rtol=0, atol=2e-8)


@pytest.mark.parametrize("name", ["symplectic_euler", "leapfrog", "rk4"])
def test_a_crossing_keeps_the_order_of_the_method(name):
    """A shorter last step; a straight line between the states would leave order 2 at most."""
    system, errors = MassSpring(1.0, 1.0), []
    exact = math.pi - math.atan2(START[0], START[1])  # sin(t + φ) = 0 where t + φ = π
    for step in (0.05, 0.025):
        found = crossings(system.field, START, [0, 3], height, name, first=True, step=step)
        errors.append(abs(float(found.times[0]) - exact))
    order = METHODS[name].order
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.45)


@pytest.mark.parametrize("name", ["forest_ruth", "dop853"])
def test_a_poincare_section_lies_on_the_energy_and_loses_no_crossing(name):
    system, energy = HenonHeiles(), 1 / 12
    x0 = torch.tensor([[0.0, 0.1, 0.0, 0.0], [0.0, -0.1, 0.0, 0.1]], dtype=torch.float64)
    x0[:, 2] = (2 * (energy - system.hamiltonian(x0))).sqrt()
    setting = {"step": 0.05} if name == "forest_ruth" else {"rtol": 1e-11, "atol": 1e-11}
    rising, falling, both = (
        crossings(system.field, x0, [0, 110], height, name, direction=d, **setting)
        for d in (1, -1, 0)
    )
    assert rising.states[:, 0].abs().max() < 1e-14
    assert (rising.states[:, 2] > 0).all()
    assert (falling.states[:, 2] < 0).all()
    torch.testing.assert_close(
        system.hamiltonian(both.states),
        torch.full_like(both.times, energy),
        rtol=0,
        atol=1e-6 if name == "forest_ruth" else 1e-9,
    )
    for k in (0, 1):
        up, down = (c.times[c.members == k] for c in (rising, falling))
        assert len(up) > 12
        # A crossing down lies between each two up.
        merged = torch.stack([down[: len(up)], up[: len(down)]], dim=-1).ravel()
        assert (merged.diff() > 0).all()
        assert abs(len(down) - len(up)) <= 1
    assert len(both) == len(rising) + len(falling)


def test_an_event_may_depend_on_the_time_and_a_field_too():
    """A ball meets a platform that rises at 1 m/s, while the wind lifts it ever more."""

    def windy(t, x):
        return torch.stack([x[..., 1], torch.full_like(x[..., 1], 6 * t)], dim=-1)

    x0 = torch.tensor([0.0, 0.0], dtype=torch.float64)  # height t³
    for name, setting in (("rk4", {"step": 0.1}), ("dop853", {})):
        found = crossings(windy, x0, [0, 3], lambda t, x: x[..., 0] - 4 * t - 1e-3, name, **setting)
        root = np.roots([1, 0, -4, -1e-3]).real.max()
        torch.testing.assert_close(found.times, torch.tensor([root]), rtol=1e-9, atol=0)


def test_a_state_that_has_crossed_no_longer_moves():
    """ẋ = x² is infinite at t = 1; stopped at x = 2 it lets the others go on."""
    x0 = torch.tensor([[1.0], [0.25]], dtype=torch.float64)
    for name, setting in (("dop853", {}), ("rk45", {}), ("gauss_legendre4", {"step": 0.01})):
        found = crossings(
            lambda x: x**2, x0, [0, 3.9], lambda x: x[..., 0] - 2, name, first=True, **setting
        )
        expected = torch.tensor([0.5, 3.5]).double()
        torch.testing.assert_close(found.times, expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize("name", ["dop853", "rk45", "rk4"])
def test_a_state_that_is_lost_is_named_and_takes_no_other_with_it(name):
    """ẋ = x² is infinite at t = 1/x₀; what each had crossed before is kept."""
    x0 = torch.tensor([[[0.25], [1.0], [0.2]]], dtype=torch.float64)
    # An adaptive method takes ever shorter steps before it gives up.
    setting = {"step": 0.01} if name == "rk4" else {"rtol": 1e-7, "atol": 1e-7}
    with pytest.warns(RuntimeWarning, match=r"1 of 3 states.*: index \(0, 1\)") as told:
        found = crossings(lambda x: x**2, x0, [0, 3.9], lambda x: x[..., 0] - 2, name, **setting)
    assert told[0].filename == __file__
    assert found.lost.tolist() == [1]
    assert found.members.tolist() == [0, 1]
    torch.testing.assert_close(found.times, torch.tensor([3.5, 0.5]).double(), rtol=1e-5, atol=0)
    if name != "rk4":
        with pytest.raises(RuntimeError, match="stopped after t = 1"):
            crossings(
                lambda x: x**2, x0[:, 1:2], [0, 3.9], lambda x: x[..., 0] - 2, name, **setting
            )


def test_starts_and_ends_on_the_surface_and_motions_that_never_cross():
    up = torch.tensor([0.0, GRAVITY], dtype=torch.float64)
    assert len(crossings(thrown, up, [0, 1.9], height)) == 0
    assert len(crossings(thrown, up, [0], height)) == 0
    empty = crossings(thrown, up, [0, 1.9], lambda x: x[..., 0] + 50, first=True)
    assert empty.states.shape == (0, 2)
    assert empty.times.dtype == torch.float64

    def still(x):
        return torch.ones_like(x)

    # Steps of a half arrive at zero exactly: one crossing, not two.
    arrived = crossings(still, -torch.ones(1), [0, 2], height, "euler", step=0.5)
    assert arrived.times.tolist() == [1.0]
    assert crossings(still, -torch.ones(1), [0, 1], height, "euler", step=0.5).times.tolist() == [1]


def test_the_batch_keeps_its_dtype_and_a_model_its_weights_out_of_it():
    model = HNN(1, (6,), seed=0)
    batch = torch.randn(2, 3, 2, generator=torch.Generator().manual_seed(0))
    spring = MassSpring(1.0, 1.0)
    found = crossings(spring.field, batch, [0, math.pi], height, "rk4", step=0.02)
    assert found.states.dtype == torch.float32
    assert found.members.tolist() == list(range(6))  # half a turn crosses once
    with torch.no_grad():
        learned = crossings(model.field, START, [0, 1], lambda x: x[..., 0] - 1.01, "radau")
    assert not learned.states.requires_grad
    given = crossings(spring.field, batch.numpy(), [0, math.pi], height, "rk4", step=0.02)
    assert torch.equal(given.times, found.times)


SEPARABLE = [name for name, method in METHODS.items() if method.needs_separable]


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("name", [name for name in METHODS if name != "radau"])
def test_times_and_states_have_the_gradients_of_difference_quotients(name, first):
    """By the starts, by a constant of the field, and by one of the event."""
    clocked = name not in SEPARABLE

    def followed(flat):
        x0, stiffness, level = flat[:4].reshape(2, 2), flat[4], flat[5]

        def field(x):
            return torch.stack([x[..., 1], -stiffness * torch.sin(x[..., 0])], dim=-1)

        def driven(t, x):
            return field(x) + 0.1 * math.cos(t) * torch.tensor([0.0, 1.0]).double()

        def event(x):
            return x[..., 0] - level

        def late(t, x):
            return event(x) + 0.05 * math.sin(2 * t) * x[..., 1]

        setting = {} if METHODS[name].adaptive else {"step": 0.05}
        found = crossings(
            driven if clocked else field,
            x0,
            [0, 5.0],
            late if clocked else event,
            name,
            first=first,
            **setting,
        )
        assert set(found.members.tolist()) == {0, 1}
        assert len(found) == 2 if first else len(found) > 3
        weights = torch.linspace(1, 2, len(found), dtype=torch.float64)
        return (weights * (found.times + found.states @ torch.tensor([0.4, -0.7]).double())).sum()

    start = torch.tensor([1.1, 0.2, -0.6, 0.9, 1.7, 0.1], dtype=torch.float64, requires_grad=True)
    total = followed(start)
    (slope,) = torch.autograd.grad(total, start, create_graph=True)
    h = 1e-4 if METHODS[name].adaptive else 1e-5
    with torch.no_grad():
        assert followed(start) == pytest.approx(total.item(), rel=1e-8)
        # Along two directions in which every number moves, each by another amount.
        along = torch.cos(torch.arange(12, dtype=torch.float64) ** 2).reshape(2, 6)
        quotients = [
            (followed(start + h * one) - followed(start - h * one)) / (2 * h) for one in along
        ]
    torch.testing.assert_close(along @ slope, torch.stack(quotients), rtol=2e-5, atol=2e-5)
    with pytest.raises(RuntimeError, match="first derivatives only"):
        torch.autograd.grad(slope.sum(), start)


def test_a_gradient_that_cannot_be_had_is_refused():
    x0 = START.clone().requires_grad_()
    with pytest.raises(ValueError, match="radau carries no gradient"):
        crossings(thrown, x0, [0, 2], height, "radau")
    with pytest.raises(ValueError, match="state 0 at t = .*has no gradient: g does not change"):
        crossings(thrown, x0, [0, 2], lambda x: torch.from_numpy(x.detach().numpy()[..., 0]))


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"event": lambda x: x}, ValueError, r"the event returned shape \(2,\).*shape \(\)"),
        ({"event": lambda x: 1.0}, TypeError, "the event returned a number|returned 1.0|float"),
        ({"event": lambda x: x[..., 0] > 0}, TypeError, "the event returned dtype torch.bool"),
        ({"event": lambda x, t: x[..., 0]}, TypeError, r"the event takes \(x, t\)"),
        ({"event": None}, TypeError, "event is None"),
        ({"direction": 2}, ValueError, "direction = 2; expected -1, 0 or 1"),
        ({"first": 1}, TypeError, "first is .*; expected True or False"),
        ({"step": 0.1}, ValueError, "dop853 chooses its own steps"),
        ({"method": "rk4", "field": Pendulum().field}, ValueError, "one step of rk4 over 9"),
    ],
)
def test_bad_input_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        crossings(**{"field": thrown, "x0": START, "times": [0, 9], "event": height} | arguments)
