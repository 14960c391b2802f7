"""Machines under control: power and work, inverse dynamics, linear and energy controllers."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import cart_poles, double_pendulums, systems_with_states, two_link_arms
from torch import nn

from hnn_tutorial import _as_numpy
from hnn_tutorial.control import (
    Controlled,
    Machine,
    computed_torque,
    energy_swing_up,
    identify,
    input_for,
    linearise,
    lqr,
    pd,
    regulator,
    shoot,
    simulate,
    switch,
    within,
)
from hnn_tutorial.control._inputs import numpy_step
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import gradient
from hnn_tutorial.models import HNN, LNN, StructuredLNN
from hnn_tutorial.systems import CartPole, DoublePendulum, Pendulum, RigidBody, TwoLinkArm
from hnn_tutorial.training import LevenbergMarquardt, fit, forced_residual, torque_residual

UPRIGHT = torch.tensor([0.0, math.pi, 0.0, 0.0], dtype=torch.float64)
NONE = torch.zeros(1, dtype=torch.float64)


def drawn(*shape, seed=0, size=1.0):
    # Other numbers than a system draws by the same seed, or inputs would follow the states.
    generator = torch.Generator().manual_seed(seed + 1000)
    return size * (2 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 1)


def wave(t):
    """A motion of two joints at a time, and its two derivatives."""
    angle = torch.tensor([1.1, 0.7], dtype=torch.float64)
    return (
        angle * math.sin(2 * t),
        2 * angle * math.cos(2 * t),
        -4 * angle * math.sin(2 * t),
    )


@st.composite
def machines(draw):
    """A machine of any kind, true or learned, at random parameters and weights, with states."""
    system, x = draw(systems_with_states(two_link_arms | cart_poles | double_pendulums))
    x = system.velocities(x).clamp(-4, 4)
    seed = draw(st.integers(0, 1000))
    models = [system, system.lagrangian]
    models += [kind(2, (6,), angles=system.angles, seed=seed) for kind in (StructuredLNN, LNN)]
    actuation = draw(st.sampled_from([drawn(2, 1, seed=seed), 2 * torch.eye(2).double()]))
    friction = draw(st.sampled_from([None, [0.3, 0.1]]))
    machine = Machine(models[draw(st.integers(0, 3))], actuation, friction)
    return machine, x, drawn(*x.shape[:-1], actuation.shape[1], seed=seed, size=2.0)


@given(machines())
def test_the_energy_changes_by_the_power_of_inputs_and_friction(made):
    machine, x, u = made
    motion = machine.field(x, u)
    rate = (gradient(machine.energy)(x) * motion).sum(-1)
    size = (gradient(machine.energy)(x) * motion).abs().sum(-1)
    assert ((rate - machine.power(x, u)).abs() <= 1e-9 * (1 + size)).all()


@given(machines())
def test_the_forces_of_a_motion_are_those_that_made_it(made):
    machine, x, u = made
    acceleration = machine.acceleration(x, u)
    expected = u @ machine.actuation.mT
    # An LNN at random weights may have a mass matrix near a singular one.
    scale = (
        1 + expected.abs().max() + (machine.mass_matrix(x).abs().amax() * acceleration.abs().max())
    )
    forces = machine.forces(x, acceleration)
    assert (forces - expected).abs().max() < 1e-9 * scale
    if machine.inputs == 2:
        found = machine.inverse_dynamics(x, acceleration)
        assert (found - u).abs().max() < 1e-9 * scale
    else:
        with pytest.raises(ValueError, match=r"1 input\(s\) for 2 coordinates"):
            machine.inverse_dynamics(x, acceleration)


def test_inverse_dynamics_of_the_true_arm_is_right_to_rounding():
    machine = Machine(TwoLinkArm(), damping=[0.1, 0.06])
    x = machine.model.velocities(machine.model.sample(200, 0))
    u = drawn(200, 2, size=5.0)
    torch.testing.assert_close(
        machine.inverse_dynamics(x, machine.acceleration(x, u)), u, rtol=1e-12, atol=1e-12
    )


def test_without_inputs_it_is_the_system_itself():
    for system in (TwoLinkArm(), CartPole(), DoublePendulum()):
        x = system.velocities(system.sample(5, 0))
        machine = Machine(system)
        still = x.new_zeros(5, machine.inputs)
        torch.testing.assert_close(machine.field(x, still), system.second_order_field(x))
        torch.testing.assert_close(machine.energy(x), system.hamiltonian(system.momenta(x)))
        assert torch.equal(machine(x, still), machine.field(x, still))


@given(machines(), st.floats(0.1, 1.0))
@settings(max_examples=10)
def test_work_is_the_energy_gained(made, size):
    machine, x, _ = made
    if isinstance(machine.model, LNN):  # whose mass matrix may be singular on the way
        return
    machine = Machine(machine.model, machine.actuation)
    amplitude = torch.full((*x.shape[:-1], machine.inputs), size, dtype=torch.float64)
    motion = simulate(
        machine.field,
        lambda t, x: amplitude * math.cos(3 * t),
        x / 4,
        [0, 0.1, 0.3, 0.4],
        step=0.01,
    )
    gained = machine.energy(motion.states[-1]) - machine.energy(motion.states[0])
    scale = 1 + machine.energy(motion.states).abs().max()
    assert (motion.work(machine) - gained).abs().max() < 1e-5 * scale
    assert motion.work(machine).abs().max() > 0


def test_an_input_is_held_and_the_motion_between_is_that_of_rk4():
    machine = Machine(CartPole())
    x0 = torch.tensor([[0.1, 0.4, 0.0, 0.3], [0.0, 2.0, 0.1, 0.0]], dtype=torch.float64)
    times = [0.0, 0.3, 0.5]
    motion = simulate(machine.field, lambda x: x[..., 1:2], x0, times, step=0.02)
    assert motion.states.shape == (3, 2, 4)
    assert torch.equal(motion.inputs, motion.states[:-1, :, 1:2])
    for k in range(2):
        held = motion.inputs[k]
        exact = integrate(
            lambda x, u=held: machine.field(x, u), motion.states[k], times[k : k + 2], "dop853"
        )
        torch.testing.assert_close(motion.states[k + 1], exact[-1], rtol=1e-6, atol=1e-6)


def test_an_input_beyond_the_limit_is_cut_or_refused():
    machine = Machine(TwoLinkArm())
    x0 = torch.zeros(3, 4, dtype=torch.float64)
    asked = torch.tensor([3.0, -0.5], dtype=torch.float64).expand(3, 2)
    cut = simulate(machine.field, lambda x: asked, x0, [0, 0.1], limit=1.0)
    assert cut.inputs[0, 0].tolist() == [1.0, -0.5]
    each = simulate(machine.field, lambda x: asked, x0, [0, 0.1], limit=[4.0, 0.2])
    assert each.inputs[0, 0].tolist() == [3.0, -0.2]
    with pytest.raises(ValueError, match=r"input of 3 at t = 0 s, beyond the limit \[1.0, 1.0\]"):
        simulate(machine.field, lambda x: asked, x0, [0, 0.1], limit=1.0, saturate=False)


@given(machines())
def test_linearise_is_the_difference_quotient(made):
    machine, x, u = made
    if isinstance(machine.model, LNN):
        return
    J, B = linearise(machine.field, x, u)
    h = 1e-5
    for matrix, k, moved in [(J, k, "x") for k in range(4)] + [(B, 0, "u")]:
        ends = []
        for sign in (1, -1):
            dx, du = torch.zeros_like(x), torch.zeros_like(u)
            (dx if moved == "x" else du)[..., k] = sign * h
            ends.append(machine.field(x + dx, u + du))
        quotient = (ends[0] - ends[1]) / (2 * h)
        scale = 1 + quotient.abs().max() + machine.field(x, u).abs().max()
        assert (matrix[..., k] - quotient).abs().max() < 1e-5 * scale


@given(cart_poles, st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_lqr_is_stable_and_solves_its_own_riccati_equation(system, weight, price):
    machine = Machine(system)
    J, B = linearise(machine.field, UPRIGHT, NONE)
    gain = lqr(J, B, [1.0, weight, 1.0, 1.0], [price])
    assert torch.linalg.eigvals(J).real.max() > 0  # or there was nothing to do
    closed = J - B @ gain
    assert torch.linalg.eigvals(closed).real.max() < 0
    # The cost of the closed loop is P of K = R⁻¹BᵀP: a gain that is the best is its own policy.
    Q = torch.diag(torch.tensor([1.0, weight, 1.0, 1.0], dtype=torch.float64))
    rate = Q + price * gain.mT @ gain
    eye = torch.eye(4, dtype=torch.float64)
    across = closed.mT.contiguous()
    lyapunov = torch.kron(eye, across) + torch.kron(across, eye)
    P = torch.linalg.solve(lyapunov, -rate.reshape(-1)).reshape(4, 4)
    torch.testing.assert_close(B.mT @ P / price, gain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "J, B, Q, R, message",
    [
        ([[1.0, 0.0], [0.0, -1.0]], [[0.0], [1.0]], [1, 1], [1], "rate 1 of J.*not stabilisable"),
        ([[0.0, 1.0], [-4.0, 0.0]], [[0.0], [0.0]], [1, 1], [1], r"rate .*2j of J.*stabilisable"),
        ([[0.0, 1.0], [0.0, 0.0]], [[0.0], [1.0]], [0, 0], [1], "Q sees no cost|which Q does not"),
        ([[0.0, 1.0], [0.0, 0.0]], [[0.0], [1.0]], [1, 1], [0], "R is not positive definite"),
        ([[0.0, 1.0], [0.0, 0.0]], [[0.0], [1.0]], [1, -1], [1], "Q is not positive semidefinite"),
        ([[0.0, 1.0], [0.0, 0.0]], [[0.0], [1.0]], [1, 1, 1], [1], "Q has shape"),
        ([[0.0, 1.0]], [[0.0], [1.0]], [1, 1], [1], "J has shape"),
    ],
)
def test_lqr_says_why_there_is_none(J, B, Q, R, message):
    J, B = torch.tensor(J).double(), torch.tensor(B).double()
    with pytest.raises(ValueError, match=message):
        lqr(J, B, Q, R)


def test_an_unstable_motion_that_dies_out_by_itself_needs_no_input():
    """Stabilisable, though not controllable."""
    J = torch.tensor([[2.0, 0.0], [0.0, -1.0]], dtype=torch.float64)
    B = torch.tensor([[1.0], [0.0]], dtype=torch.float64)
    gain = lqr(J, B, [1.0, 1.0], [1.0])
    torch.testing.assert_close(gain, torch.tensor([[2 + math.sqrt(5), 0.0]]).double())


@given(cart_poles, st.integers(0, 100))
def test_the_energy_law_brings_the_poles_energy_to_its_goal(system, seed):
    """Its distance from that of the upright pole never grows, by the law alone."""
    machine = Machine(system)
    control = energy_swing_up(machine, UPRIGHT, gain=1.5, above=0.2)
    x = system.velocities(system.sample(8, seed))

    def distance(y):
        seen = torch.cat([0 * y[..., :1], y[..., 1:2], 0 * y[..., :1], y[..., 3:]], dim=-1)
        return (machine.energy(seen) - machine.energy(UPRIGHT) - 0.2).abs()

    motion = machine.field(x, control(x))
    rate = (gradient(distance)(x) * motion).sum(-1)
    coupling = machine.mass_matrix(x)[..., 1, 0]
    expected = -1.5 * distance(x) * (coupling * x[..., 3]).square()
    torch.testing.assert_close(rate, expected, rtol=1e-6, atol=1e-8 * float(1 + motion.abs().max()))


def test_a_regulator_turns_an_angle_the_shorter_way_round():
    control = regulator(torch.tensor([[1.0, 2.0, 3.0, 4.0]]).double(), UPRIGHT, angles=(1,))
    x = torch.tensor([0.1, 0.2 - 3 * math.pi, 0.3, 0.4], dtype=torch.float64)
    torch.testing.assert_close(control(x), torch.tensor([-0.1 - 0.4 - 0.9 - 1.6]).double())


def test_a_pole_is_swung_up_and_held():
    """With less force than would lift it at once; and the cart ends in its place."""
    machine = Machine(CartPole())
    gain = lqr(*linearise(machine.field, UPRIGHT, NONE), [1.0, 10.0, 1.0, 1.0], [1.0])
    up = energy_swing_up(machine, UPRIGHT, gain=5.0, centre=(0.3, 0.3), most=0.8)
    near = within(UPRIGHT, [math.inf, 0.35, math.inf, 0.8], angles=(1,))
    control = switch(near, regulator(gain, UPRIGHT, angles=(1,)), up)
    x0 = torch.tensor([[0.0, 0.3, 0.0, 0.0], [0.5, -0.6, 0.0, 0.3]], dtype=torch.float64)
    motion = simulate(machine.field, control, x0, torch.arange(0, 35, 0.05).double(), limit=1.0)
    assert not near(x0).any()
    assert within(UPRIGHT, [0.1, 0.05, 0.1, 0.05], angles=(1,))(motion.states[-1]).all()
    assert motion.inputs.abs().max() <= 1.0


def test_a_controller_that_no_state_needs_is_not_asked():
    asked = []

    def near(x):
        asked.append("near")
        return 2 * x[..., 2:3]

    def far(t, x):
        asked.append("far")
        return t + x[..., :1]

    control = switch(lambda x: x[..., 0].abs() < 1, near, far)
    x = torch.tensor([[0.5, 0.0, 3.0, 0.0], [1.5, 0.0, 4.0, 0.0]], dtype=torch.float64)
    for states, who, inputs in (
        (x[:1], ["near"], [[6.0]]),
        (x[1:], ["far"], [[9.5]]),
        (x[0], ["near"], [6.0]),
        (x, ["near", "far"], [[6.0], [9.5]]),
    ):
        asked.clear()
        assert control(8.0, states).tolist() == inputs
        assert asked == who
    # Where no value can be read, both are.
    asked.clear()
    assert torch.func.vmap(lambda x: control(8.0, x))(x).tolist() == [[6.0], [9.5]]
    assert asked == ["near", "far"]


def test_a_coordinate_gets_the_acceleration_that_is_asked():
    machine = Machine(CartPole())
    x = machine.model.velocities(machine.model.sample(6, 0))
    wanted = drawn(6, 1)
    u = input_for(machine.field, x, wanted, (0,))
    torch.testing.assert_close(machine.acceleration(x, u)[:, :1], wanted)
    arm = Machine(TwoLinkArm())
    x = arm.model.velocities(arm.model.sample(6, 0))
    wanted = drawn(6, 2)
    torch.testing.assert_close(
        input_for(arm.field, x, wanted, (0, 1)), arm.inverse_dynamics(x, wanted)
    )
    with pytest.raises(ValueError, match="coordinates = \\(2,\\); expected indices from 0 to 1"):
        input_for(arm.field, x, wanted, (2,))


def test_computed_torque_makes_the_error_die_out_as_it_says():
    """ë + Kd ė + Kp e = 0, whatever the arm does; PD alone lags behind."""
    machine = Machine(TwoLinkArm(), damping=[0.2, 0.1])
    x0 = torch.tensor([0.3, 0.0, 2.2, 1.4], dtype=torch.float64)
    times = torch.linspace(0, 2, 501, dtype=torch.float64)
    control = computed_torque(machine.inverse_dynamics, wave, 9.0, 6.0)
    states = simulate(machine.field, control, x0, times).states
    wanted = torch.stack([wave(t)[0] for t in times.tolist()])
    expected = 0.3 * (1 + 3 * times) * torch.exp(-3 * times)
    assert (states[:, 0] - wanted[:, 0] - expected).abs().max() < 2e-2
    lagging = simulate(machine.field, pd(wave, 9.0, 6.0), x0, times).states
    assert (lagging[250:, :2] - wanted[250:]).abs().max() > 0.1


def test_five_numbers_and_friction_are_identified_from_torques():
    arm = TwoLinkArm()
    machine = Machine(arm, damping=[0.2, 0.1])
    x = arm.velocities(arm.sample(40, 0))
    acceleration = drawn(40, 2, size=8.0)
    columns = torch.cat([arm.regressor(x, acceleration), torch.diag_embed(x[:, 2:])], dim=-1)
    found = identify(columns, machine.inverse_dynamics(x, acceleration))
    expected = torch.cat([arm.base_parameters, torch.tensor([0.2, 0.1]).double()])
    torch.testing.assert_close(found, expected)
    still = torch.cat([x[:, :2], 0 * x[:, 2:]], dim=-1)
    with pytest.raises(ValueError, match="the motions tell 2 of the 5 numbers apart"):
        identify(arm.regressor(still, 0 * acceleration), acceleration)


def test_torques_teach_a_mass_matrix_and_friction():
    """A network never sees an acceleration without motors, and gives it."""
    arm = TwoLinkArm()
    truth = Machine(arm, damping=[0.3, 0.2])
    x = arm.velocities(arm.sample(100, 0, speed=3.0))
    u = drawn(100, 2, size=4.0)
    batch = {"states": x, "derivatives": truth.field(x, u), "inputs": u}
    learned = Machine(
        StructuredLNN(2, (10,), angles=(0, 1)), damping=nn.Parameter(torch.zeros(2).double())
    )
    history = fit(learned, batch, LevenbergMarquardt(40), residual=torque_residual, progress=False)
    assert history.final_loss < 1e-4 * history.loss[0]
    torch.testing.assert_close(
        learned.damping.detach(), torch.tensor([0.3, 0.2]).double(), rtol=0.05, atol=0.01
    )
    z = arm.velocities(arm.sample(100, 1, speed=2.0))
    miss = (learned.mass_matrix(z) - arm.mass_matrix(z)).norm() / arm.mass_matrix(z).norm()
    assert miss < 0.05
    assert forced_residual(truth, batch).abs().max() < 1e-12
    assert torque_residual(truth, batch).abs().max() < 1e-12


def test_motions_under_inputs_teach_a_lagrangian():
    system = CartPole()
    x = system.velocities(system.sample(100, 0))
    u = drawn(100, 1, size=2.0)
    batch = {"states": x, "derivatives": Machine(system).field(x, u), "inputs": u}
    learned = Machine(StructuredLNN(2, (8,), angles=(1,)), CartPole.actuation)
    history = fit(learned, batch, LevenbergMarquardt(40), residual=forced_residual, progress=False)
    assert history.final_loss < 1e-3 * history.loss[0]


def test_a_plan_is_a_minimum_keeps_its_limit_and_plays_back():
    """Of a linear machine with a quadratic cost, whose minimum least squares knows."""

    def cart(x, u):
        return torch.cat([x[..., 1:], u], dim=-1)

    x0 = torch.tensor([[1.0, 0.0], [-0.5, 0.2]], dtype=torch.float64)
    times = torch.linspace(0, 2, 9, dtype=torch.float64)

    def cost(x, u):
        return u[..., 0] ** 2

    def final(x):
        return 100 * x.square().sum(-1)

    free = shoot(cart, x0, times, cost, final=final, limit=100.0, iterations=500)
    assert free.converged
    # x(T) = F x0 + G u, exactly, for inputs that are held.
    h = 0.25
    reach = torch.stack([h**2 / 2 + h * (2 - times[1:]), torch.full((8,), h).double()])
    end = x0 @ torch.tensor([[1.0, 0.0], [2.0, 1.0]], dtype=torch.float64)
    rows = torch.cat([math.sqrt(h) * torch.eye(8).double(), 10 * reach])
    sides = torch.cat([torch.zeros(8, 2).double(), -10 * end.mT])
    exact = torch.linalg.lstsq(rows, sides).solution
    torch.testing.assert_close(free.inputs[..., 0], exact, rtol=1e-3, atol=1e-3)
    bound = shoot(cart, x0, times, cost, final=final, limit=0.8, iterations=500)
    assert bound.inputs.abs().max() <= 0.8
    assert (bound.cost > free.cost).any()
    again = simulate(cart, bound.controller, x0, torch.linspace(0, 2.5, 11).double())
    torch.testing.assert_close(again.states[:9], bound.states)
    assert again.inputs[8:].abs().max() == 0


def test_a_plan_swings_a_pole_up_in_one_go():
    machine = Machine(CartPole())
    x0 = torch.tensor([0.0, 0.1, 0.0, 0.0], dtype=torch.float64)
    times = torch.linspace(0, 6, 26, dtype=torch.float64)
    plan = shoot(
        machine.field,
        x0,
        times,
        lambda x, u: 0.02 * u[..., 0] ** 2,
        final=lambda x: 20 * (1 + torch.cos(x[..., 1])) + 4 * x[..., 2:].square().sum(-1),
        limit=1.0,
        start=0.8 * torch.sin(1.1 * times[:-1]).unsqueeze(-1),
        iterations=40,
    )
    assert within(UPRIGHT, [3.0, 0.3, 0.5, 0.5], angles=(1,))(plan.states[-1])
    assert plan.inputs.shape == (25, 1)


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: Machine(HNN(1)), TypeError, "expected a system of"),
        (lambda: Machine(RigidBody()), TypeError, "model is a RigidBody"),
        (lambda: Machine(Pendulum), TypeError, "the class Pendulum"),
        (lambda: Machine(Pendulum().lagrangian), ValueError, "pass actuation"),
        (lambda: Machine(CartPole(), [[1.0]]), ValueError, r"expected \(n, m\) with n = 2"),
        (lambda: Machine(CartPole(), [[1.0, 2.0], [1.0, 2.0]]), ValueError, "depend on each other"),
        (lambda: Machine(CartPole(), damping=[0.1]), ValueError, r"damping has shape \(1,\)"),
        (lambda: Machine(CartPole(), damping=[0.1, -1.0]), ValueError, "none that is negative"),
        (
            lambda: Machine(CartPole()).field(UPRIGHT, torch.zeros(2).double()),
            ValueError,
            r"u has shape \(2,\); expected \(..., 1\)",
        ),
        (
            lambda: Machine(CartPole()).field(UPRIGHT, torch.zeros(3, 1).double()),
            ValueError,
            r"u has shape \(3, 1\) for states \(4,\)",
        ),
        (
            lambda: pd(wave, torch.ones(3), 1.0)(0.0, UPRIGHT),
            ValueError,
            "stiffness has 3 numbers for 2 joints",
        ),
        (
            lambda: energy_swing_up(Machine(TwoLinkArm()), UPRIGHT, gain=1.0),
            ValueError,
            "one input on one of them",
        ),
        (
            lambda: simulate(Machine(CartPole()).field, lambda x: x[..., 0], UPRIGHT, [0, 1]),
            TypeError,
            r"expected a tensor \(..., m\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_since_when_a_motion_stays_to_the_end():
    """From the first of the times after the last outside; a stay that is too short is none."""
    places = torch.tensor(
        [[0.0, 9, 0, 0, 0], [9, 9, 9, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 9]], dtype=torch.float64
    )
    states = torch.stack([places.T, 0 * places.T], dim=-1)
    times = torch.tensor([1.0, 2, 3, 5, 8], dtype=torch.float64)
    run = Controlled(times, states, torch.zeros(4, 4, 1, dtype=torch.float64))
    inside = within(torch.zeros(2, dtype=torch.float64), [0.5, 0.5])
    assert run.since(inside).tolist() == [3, 5, 1, math.inf]
    assert run.since(inside, hold=3).tolist() == [3, 5, 1, math.inf]
    assert run.since(inside, hold=4).tolist() == [3, math.inf, 1, math.inf]


def test_a_goal_below_the_top_is_reached_and_not_passed():
    control = energy_swing_up(Machine(CartPole()), UPRIGHT, gain=4.0, above=-0.3)
    start = torch.tensor([0, 0.4, 0, 0], dtype=torch.float64)
    times = torch.linspace(0, 30, 601, dtype=torch.float64)
    run = simulate(Machine(CartPole()).field, control, start, times)
    pole = run.states * torch.tensor([0.0, 1, 0, 1], dtype=torch.float64)
    assert Machine(CartPole()).energy(pole)[-100:].sub(0.3).abs().max() < 0.03


@pytest.mark.parametrize(
    "model",
    [
        CartPole(cart_mass=0.9, pole_mass=0.3),
        StructuredLNN(2, (6, 5), angles=(1,), seed=1),
        LNN(2, (6, 5), angles=(1,), seed=2),
    ],
    ids=["system", "structured LNN", "LNN"],
)
@pytest.mark.parametrize("batch", [(), (3,), (3, 2)])
def test_a_machine_of_the_package_is_followed_by_numpy_to_the_same_motion(
    model, batch, monkeypatch
):
    machine = Machine(model, [[1.0], [0.0]], damping=[0.1, 0.02])
    generator = torch.Generator().manual_seed(5)
    x0 = 0.3 * torch.rand(*batch, 4, generator=generator, dtype=torch.float64)
    times = torch.linspace(0, 2, 61, dtype=torch.float64) ** 1.5  # uneven
    recorded = []
    record = _as_numpy.recorded
    monkeypatch.setattr(_as_numpy, "recorded", lambda *a: recorded.append(1) or record(*a))

    def follow(field):
        return simulate(field, lambda x: -2 * x[..., :1] - x[..., 2:3], x0, times, step=0.02)

    fast = follow(machine.field)
    assert recorded == [1]
    slow = follow(lambda x, u: machine.field(x, u))
    assert recorded == [1]
    torch.testing.assert_close(fast.states, slow.states, rtol=0, atol=1e-12)
    torch.testing.assert_close(fast.inputs, slow.inputs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("batch", [(), (3,), (3, 2)])
@pytest.mark.parametrize(
    "model",
    [CartPole(cart_mass=0.9, pole_mass=0.3), StructuredLNN(2, (6, 5), angles=(1,), seed=1)],
    ids=["system", "structured LNN"],
)
def test_the_energy_law_is_asked_by_numpy_to_the_same_motion(model, batch, monkeypatch):
    """Alone, and inside a switch, from starts on both sides of it."""
    plant = Machine(CartPole(), damping=[0.1, 0.02])
    far = energy_swing_up(
        Machine(model, CartPole.actuation),
        UPRIGHT,
        gain=3.0,
        centre=(0.3, 0.2),
        most=0.7,
        above=0.1,
    )
    near = regulator(torch.tensor([[-1.0, 20.0, -2.0, 15.0]]).double(), UPRIGHT, angles=(1,))
    inside = within(UPRIGHT, [math.inf, 0.8, math.inf, math.inf], angles=(1,))
    x0 = drawn(*batch, 4, seed=3, size=2.0)
    times = torch.linspace(0, 2, 61, dtype=torch.float64) ** 1.5  # uneven
    recorded = []
    record = _as_numpy.recorded
    monkeypatch.setattr(_as_numpy, "recorded", lambda *a: recorded.append(1) or record(*a))

    def follow(controller):
        return simulate(plant.field, controller, x0, times, limit=2.5)

    for fast, slow in (
        (far, lambda x: far(x)),
        (switch(inside, near, far), switch(inside, near, lambda x: far(x))),
        (switch(inside, far, near), switch(inside, lambda x: far(x), near)),
    ):
        recorded.clear()
        by_numpy = follow(fast)
        assert recorded == [1, 1]  # the controller and the plant
        by_torch = follow(slow)
        assert recorded == [1, 1, 1]
        torch.testing.assert_close(by_numpy.states, by_torch.states, rtol=0, atol=1e-11)
        torch.testing.assert_close(by_numpy.inputs, by_torch.inputs, rtol=0, atol=1e-11)
        assert by_numpy.inputs.unique().numel() > 10


def test_a_law_is_that_of_the_machine_as_it_is_when_a_motion_begins():
    model = StructuredLNN(2, (6, 5), angles=(1,), seed=1)
    far = energy_swing_up(Machine(model, CartPole.actuation), UPRIGHT, gain=3.0)
    x0 = drawn(4, seed=3)
    times = torch.arange(60, dtype=torch.float64) / 30
    before = simulate(Machine(CartPole()).field, far, x0, times)
    with torch.no_grad():
        for weight in model.parameters():
            weight.mul_(1.3)
    after = simulate(Machine(CartPole()).field, far, x0, times)
    assert (after.inputs[0] - before.inputs[0]).abs() > 1e-4
    torch.testing.assert_close(after.inputs[0], far(x0), rtol=1e-10, atol=1e-12)


def test_a_machine_of_somebody_s_own_stays_with_pytorch():
    class Cart(CartPole):
        """A system of a user's own."""

    def pendulum(x):
        return x[..., 1] ** 2 / 2 + torch.cos(x[..., 0])

    x, u = torch.zeros(4, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    assert numpy_step(Machine(CartPole()).field, x, u, 0.1) is not None
    assert numpy_step(Machine(Cart()).field, x, u, 0.1) is None
    assert numpy_step(Machine(pendulum, [[1.0]]).field, x[:2], u, 0.1) is None
