"""Every integrator against an exact solution, and held to the properties that it states."""

import math

import pytest
import torch
from hypothesis import given
from strategies import conservative, damped, states

from hnn_tutorial._as_numpy import as_numpy
from hnn_tutorial.integrators import METHODS, Counted, UnsettledStepError, integrate
from hnn_tutorial.integrators.implicit import IMPLICIT, fixed_point_only
from hnn_tutorial.mechanics import hamiltonian_field, jacobian, symplectic_defect
from hnn_tutorial.models import HNN, SeparableHNN
from hnn_tutorial.systems import MassSpring, Pendulum

FIXED = [name for name, method in METHODS.items() if not method.adaptive]
ADAPTIVE = [name for name, method in METHODS.items() if method.adaptive]
SYMPLECTIC = [name for name, method in METHODS.items() if method.symplectic]
START = torch.tensor([1.0, 0.5], dtype=torch.float64)


def final_error(method, steps, system, end=2.0, **options):
    times = torch.linspace(0, end, steps + 1, dtype=torch.float64)
    exact = system.solution(START, times)[-1]
    return float((integrate(system.field, START, times, method, **options)[-1] - exact).norm())


@pytest.mark.parametrize("name", FIXED)
def test_observed_order_is_the_stated_order(name):
    system = Pendulum(gravity=2.0)
    coarse, fine = final_error(name, 80, system), final_error(name, 160, system)
    assert math.log2(coarse / fine) == pytest.approx(METHODS[name].order, abs=0.1)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_adaptive_methods_keep_their_tolerance(name):
    system = Pendulum()
    loose = final_error(name, 10, system, rtol=1e-5, atol=1e-5)
    tight = final_error(name, 10, system, rtol=1e-11, atol=1e-11)
    assert tight < 1e-8
    assert tight < loose / 100


def test_adaptive_tolerance_holds_for_each_state_of_a_batch():
    """One hard state among a thousand at rest is followed as closely as if it were alone."""
    system = Pendulum()
    times = torch.tensor([0.0, 3.0], dtype=torch.float64)
    batch = torch.zeros(1000, 2, dtype=torch.float64)
    batch[0] = torch.tensor([3.0, 1.0])
    exact = system.solution(batch[:1], times)[-1, 0]
    options = {"method": "rk45", "rtol": 1e-7, "atol": 1e-7}
    alone = integrate(system.field, batch[:1], times, **options)[-1, 0]
    together = integrate(system.field, batch, times, **options)[-1, 0]
    assert (together - exact).norm() <= 1.05 * (alone - exact).norm()


@pytest.mark.parametrize("name", FIXED)
@given(conservative, states(size=1.5))
def test_symplectic_methods_are_symplectic_and_the_others_are_not(name, system, x):
    method = METHODS[name]
    defect = symplectic_defect(lambda y: method.step(system.field, y, 0.1))(x).max()
    if method.symplectic:
        assert defect < 1e-11
    elif isinstance(system, MassSpring):
        # Areas grow by det J − 1 each step, a polynomial in z = (h ω₀)² for a linear field.
        z = 0.1**2 * system.stiffness / system.mass
        exact = {"euler": z, "rk4": z**3 / 72 - z**4 / 576}[name]
        assert float(defect) == pytest.approx(exact, rel=1e-3, abs=1e-14)


@pytest.mark.parametrize(
    "name", ["leapfrog", "forest_ruth", "implicit_midpoint", "gauss_legendre4"]
)
@given(conservative, states(size=1.5))
def test_symmetric_methods_undo_a_step_by_a_step_back(name, system, x):
    step = METHODS[name].step
    there = step(system.field, x, 0.1)
    torch.testing.assert_close(step(system.field, there, -0.1), x, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", SYMPLECTIC)
def test_symplectic_methods_keep_the_energy_for_ever(name):
    """No trend: the last quarter of 2,000 steps is no worse than the first."""
    system = Pendulum(gravity=1.0)
    times = 0.1 * torch.arange(2000, dtype=torch.float64)
    x0 = torch.tensor([0.8, 0.0], dtype=torch.float64)
    energy = system.hamiltonian(integrate(system.field, x0, times, name, step=0.1))
    error = (energy - energy[0]).abs()
    assert error[-500:].max() < 1.2 * error[:500].max() + 1e-12


def test_euler_gains_energy_on_the_spring_at_the_rate_theory_says():
    system = MassSpring()
    times = torch.linspace(0, 10, 101, dtype=torch.float64)
    energy = system.hamiltonian(integrate(system.field, START, times, "euler"))
    torch.testing.assert_close(energy[-1] / energy[0], torch.tensor(1.01**100, dtype=torch.float64))


@pytest.mark.parametrize("name", METHODS)
def test_a_batch_is_one_call_and_every_shape_comes_back(name):
    system = Pendulum()
    times = torch.linspace(0, 0.5, 6, dtype=torch.float64)
    x0 = system.sample(6, seed=0).reshape(2, 3, 2)
    together = integrate(system.field, x0, times, name)
    assert together.shape == (6, 2, 3, 2)
    alone = integrate(system.field, x0[1, 2], times, name)
    torch.testing.assert_close(together[:, 1, 2], alone, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", METHODS)
def test_times_may_run_backwards(name):
    system = MassSpring()
    times = torch.linspace(0, 1, 101, dtype=torch.float64)
    there = integrate(system.field, START, times, name)[-1]
    back = integrate(system.field, there, times.flip(0), name)[-1]
    assert (back - START).norm() < (0.02 if METHODS[name].order == 1 else 1e-6)


@pytest.mark.parametrize("name", FIXED)
def test_gradients_flow_through_fixed_steps(name):
    """d(final q)/d(stiffness) and d/d(x0), against finite differences."""
    times = torch.linspace(0, 1, 11, dtype=torch.float64)

    def final(stiffness, x0):
        def field(x):
            return torch.stack([x[..., 1], -stiffness * torch.sin(x[..., 0])], dim=-1)

        return integrate(field, x0, times, name)[-1, 0]

    k = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    x0 = START.clone().requires_grad_()
    dk, dx = torch.autograd.grad(final(k, x0), (k, x0))
    h = 1e-6
    with torch.no_grad():
        expected = (final(k + h, x0) - final(k - h, x0)) / (2 * h)
        e = torch.tensor([h, 0.0], dtype=torch.float64)
        expected_x = (final(k, x0 + e) - final(k, x0 - e)) / (2 * h)
    torch.testing.assert_close(dk, expected, rtol=1e-7, atol=1e-8)
    torch.testing.assert_close(dx[0], expected_x, rtol=1e-7, atol=1e-8)


def test_step_divides_each_uneven_interval():
    system = Pendulum()
    times = torch.tensor([0.0, 0.3, 1.0], dtype=torch.float64)
    calls = []

    def counted(x):
        calls.append(1)
        return system.field(x)

    states = integrate(counted, START, times, "rk4", step=0.1)
    assert len(calls) == 4 * (3 + 7)
    torch.testing.assert_close(states, system.solution(START, times), rtol=1e-3, atol=1e-3)


def test_one_time_returns_the_start():
    for name in METHODS:
        assert integrate(MassSpring().field, START, [0.0], name).shape == (1, 2)


@pytest.mark.parametrize("name", ["symplectic_euler", "leapfrog", "forest_ruth"])
@given(damped)
def test_splitting_methods_refuse_friction(name, system):
    with pytest.raises(ValueError, match="separable.*ṗ depends on p.*implicit_midpoint"):
        integrate(system.field, START, [0.0, 0.1], name)


def test_splitting_methods_refuse_a_coupled_hamiltonian_and_an_hnn():
    coupled = hamiltonian_field(lambda x: x[..., 0] * x[..., 1] ** 2)
    for field in (coupled, HNN(1, (8,)).field):
        with pytest.raises(ValueError, match="leapfrog needs a separable Hamiltonian"):
            integrate(field, START, [0.0, 0.1], "leapfrog")


def test_a_runaway_trajectory_is_returned_not_hidden():
    times = torch.linspace(0, 20, 21, dtype=torch.float64)
    states = integrate(lambda x: x**3, torch.tensor([1.0, 1.0]), times, "rk4")
    assert not torch.isfinite(states[-1]).all()
    assert torch.isfinite(states[0]).all()


@pytest.mark.parametrize("name", ["implicit_midpoint", "gauss_legendre4"])
def test_an_implicit_step_that_has_no_solution_says_so(name):
    """u = x + h (1 + u²)/2 is real for 1 > 2 h x + h² alone."""
    x = torch.tensor([[0.0], [-50.0]], dtype=torch.float64)
    with pytest.raises(UnsettledStepError, match="were not solved.*[12] of 2 states.*smaller step"):
        integrate(lambda x: 1 + x**2, x, [0.0, 9.0, 18.0], name)


@pytest.mark.parametrize("name", ["implicit_midpoint", "gauss_legendre4"])
def test_a_step_too_long_for_the_fixed_point_is_solved_by_newton(name):
    """On the spring a step is a Padé approximant of the rotation, of whatever length."""
    spring = MassSpring(mass=0.7, stiffness=2.3)
    A = jacobian(spring.field)(START)
    eye = torch.eye(2, dtype=torch.float64)
    h = 6.0
    half, square = h / 2 * A, (h * A) @ (h * A) / 12 if name == "gauss_legendre4" else 0 * A
    end = torch.linalg.solve(eye - half + square, eye + half + square) @ START
    found = integrate(spring.field, START, [0.0, h, 2 * h], name)[1]
    torch.testing.assert_close(found, end, rtol=1e-12, atol=1e-12)
    with fixed_point_only(), pytest.raises(UnsettledStepError, match="smaller step"):
        integrate(spring.field, START, [0.0, h, 2 * h], name)


@pytest.mark.parametrize("name", ["implicit_midpoint", "gauss_legendre4"])
def test_a_long_implicit_step_keeps_areas_and_carries_two_derivatives(name):
    pendulum = Pendulum(gravity=1.3, length=1.7, mass=0.6)
    x = torch.tensor([[1.1, 0.3], [-0.4, 0.8], [0.2, -0.5]], dtype=torch.float64)

    def end(x):
        return integrate(pendulum.field, x, [0.0, 3.1, 6.2], name)[-1]

    assert symplectic_defect(end)(x).max() < 1e-12
    assert torch.autograd.gradcheck(end, x.requires_grad_())
    assert torch.autograd.gradgradcheck(end, x)

    def pushed(t, x):
        return pendulum.field(x) + torch.tensor([0.0, 0.2 * math.sin(2 * t)]).to(x)

    # One step by hand: the equation holds, with the time of the middle.
    after = integrate(pushed, x.detach(), [0.0, 3.1, 6.2], "implicit_midpoint")[1]
    slope = pushed(1.55, (x.detach() + after) / 2)
    torch.testing.assert_close(after, x.detach() + 3.1 * slope, rtol=1e-12, atol=1e-12)


def field(x):
    """The spring's."""
    return MassSpring().field(x)


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        (
            (field, START, [0, 1], "rk5"),
            ValueError,
            "unknown method 'rk5'; choose one of: euler, rk4",
        ),
        ((field, START, [0, 1, 1]), ValueError, "strictly increase"),
        ((field, START, []), ValueError, "expected \\(T,\\)"),
        ((field, START, [0, math.nan]), ValueError, "times holds 1 NaN"),
        ((field, torch.ones(3), [0, 1]), ValueError, "x has 3 components"),
        ((field, torch.tensor([1.0, math.nan]), [0, 1]), ValueError, "x0 holds 1 NaN"),
        ((field, torch.ones(2, dtype=torch.int32), [0, 1]), TypeError, "int32"),
    ],
)
def test_bad_input_is_named(arguments, error, message):
    with pytest.raises(error, match=message):
        integrate(*arguments)


def test_options_that_a_method_lacks_are_named():
    with pytest.raises(ValueError, match="rk4 has no option \\['rtol'\\]"):
        integrate(field, START, [0, 1], "rk4", rtol=1e-3)
    with pytest.raises(ValueError, match="chooses its own steps"):
        integrate(field, START, [0, 1], "rk45", step=0.1)
    with pytest.raises(ValueError, match="step = -1"):
        integrate(field, START, [0, 1], "rk4", step=-1)
    with pytest.raises(RuntimeError, match="RK45 stopped after t"):
        integrate(lambda x: x**3, torch.tensor([1.0, 1.0]).double(), [0, 10], "rk45")


@pytest.mark.parametrize("batch", [(), (2, 3)])
def test_radau_solves_a_stiff_system_with_far_fewer_calls(batch):
    """x fast at rate 10⁵ onto cos t, y = ∫ x: dop853's steps are held to 10⁻⁵ s, radau's not."""
    rate, calls = 1e5, []

    def stiff(t, x):
        calls.append(t)
        fast, _ = x.unbind(-1)
        return torch.stack([-rate * (fast - math.cos(t)), fast], dim=-1)

    x0 = torch.tensor([2.0, 0.0], dtype=torch.float64).expand(*batch, 2)
    times = torch.linspace(0, 0.2, 5, dtype=torch.float64)
    found = integrate(stiff, x0, times, "radau", rtol=1e-7, atol=1e-9)
    implicit = len(calls)
    # ẋ = -r (x - cos t): x = (r² cos t + r sin t)/(1 + r²) + C exp(-rt), C from x(0) = 2.
    whole, decay = rate**2 / (1 + rate**2), torch.exp(-rate * times)
    C = 2 - whole
    fast = whole * (times.cos() + times.sin() / rate) + C * decay
    slow = whole * (times.sin() + (1 - times.cos()) / rate) + C * (1 - decay) / rate
    exact = torch.stack([fast, slow], dim=-1).reshape(5, *(1 for _ in batch), 2)
    torch.testing.assert_close(found, exact.expand_as(found), rtol=0, atol=1e-6)
    if not batch:
        calls.clear()
        integrate(stiff, x0, times, "dop853", rtol=1e-7, atol=1e-9)
        assert 30 * implicit < len(calls)


def test_radau_takes_the_jacobian_from_autograd_or_from_differences():
    x0 = torch.tensor([[1.0, 0.5], [0.2, -1.0]], dtype=torch.float64)
    system, counts = Pendulum(), []
    for field in (system.field, lambda x: system.field(x).detach()):
        calls = []

        def counted(x, field=field, calls=calls):
            calls.append(x)
            return field(x)

        end = integrate(counted, x0, [0.0, 1.0], "radau", rtol=1e-8, atol=1e-8)[-1]
        exact = system.solution(x0, torch.tensor([0.0, 1.0]).double())[-1]
        torch.testing.assert_close(end, exact, rtol=0, atol=1e-6)
        counts.append(len(calls))
    assert counts[0] < counts[1]


def test_radau_refuses_a_gradient_by_name():
    model, system = HNN(1, (4,), seed=0), MassSpring()
    start = START.clone().requires_grad_()
    for wanted in ((system.field, start), (model.field, START)):
        with pytest.raises(ValueError, match="radau carries no gradient.*no_grad.*dop853"):
            integrate(*wanted, [0.0, 1.0], "radau")
    with torch.no_grad():
        end = integrate(model.field, START, [0.0, 1.0], "radau")[-1]
        other = integrate(model.field, START, [0.0, 1.0], "dop853")[-1]
    torch.testing.assert_close(end, other, rtol=1e-7, atol=1e-7)


class OwnCounter:
    """A field that counts its calls and that PyTorch evaluates, as it is not the package's."""

    def __init__(self, field):
        self.field, self.calls = field, 0

    def __call__(self, x):
        self.calls += 1
        return self.field(x)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("start", [[1.2, 0.3], [[0.3, -0.4], [1.0, 0.2], [-0.7, 0.9]]])
@pytest.mark.parametrize(
    "owner", [Pendulum(mass=0.7, length=1.2, gravity=3.0), SeparableHNN(1, (5, 4), seed=2)]
)
def test_counted_counts_the_calls_that_are_made(method, start, owner):
    x0 = torch.tensor(start, dtype=torch.float64)
    times = torch.linspace(0, 7, 36, dtype=torch.float64)
    options = {} if METHODS[method].adaptive else {"step": 0.07}
    counted, own = Counted(owner.field), OwnCounter(owner.field)
    with torch.no_grad():
        path = integrate(counted, x0, times, method, **options)
        torch.testing.assert_close(
            path, integrate(owner.field, x0, times, method, **options), rtol=0, atol=0
        )
        integrate(own, x0, times, method, **options)
    # By NumPy an iteration of an implicit method may end one sooner or later, by rounding.
    assert counted.calls == pytest.approx(own.calls, rel=0.01)
    if not METHODS[method].adaptive and method not in IMPLICIT:
        assert counted.calls == own.calls


def test_counted_counts_where_a_gradient_is_wanted_and_for_fields_of_time():
    x0 = torch.tensor([1.0, 0.5], dtype=torch.float64, requires_grad=True)
    counted = Counted(Pendulum().field)
    integrate(counted, x0, [0.0, 1.0], step=0.1)[-1].sum().backward()
    assert counted.calls == 40
    timed = Counted(lambda t, x: -x * math.cos(t))
    integrate(timed, x0.detach(), [0.0, 1.0], step=0.25)
    assert timed.calls == 16
    assert "16 calls" in repr(timed)


def test_counted_evaluates_by_numpy_what_is_the_packages_own(monkeypatch):
    def refused(x):
        raise AssertionError("PyTorch was asked")

    system, times = Pendulum(), torch.linspace(0, 20, 101, dtype=torch.float64)
    counted = Counted(system.field)
    evaluate = as_numpy(counted, START)
    monkeypatch.setattr(counted, "field", refused)
    found = evaluate(START.numpy())
    assert counted.calls == 1
    torch.testing.assert_close(torch.from_numpy(found), system.field(START))
    for own in (OwnCounter(system.field), Counted(system.field)):
        outer = Counted(own)
        integrate(outer, START, times)
        assert outer.calls == own.calls == 400


def test_counted_and_compile_refuse_one_another():
    with pytest.raises(ValueError, match="nothing to count; pass the field itself"):
        integrate(Counted(Pendulum().field), START, [0.0, 1.0], step=0.1, compile=True)
