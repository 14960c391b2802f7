"""Every method on every system from its default starts, and what must never be lost silently."""

import functools
import math

import browser_tools
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hnn_tutorial.integrators import METHODS, UnsettledStepError, integrate
from hnn_tutorial.integrators.splitting import coupled_parts
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import SYSTEMS, DoublePendulum, MassSpring, Pendulum
from hnn_tutorial.widgets._bundle import bundle

START = torch.tensor([1.0, 0.5], dtype=torch.float64)
ADAPTIVE = [name for name, method in METHODS.items() if method.adaptive]
IMPLICIT = ["implicit_midpoint", "gauss_legendre4"]
END = 0.4


@functools.cache
def true_end(kind):
    """A system, eight of its states, and where they are at the end."""
    system = kind()
    x0 = system.sample(8, seed=0)
    return system, x0, integrate(system.field, x0, [0.0, END], "dop853", rtol=1e-12, atol=1e-12)[-1]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("name", METHODS)
def test_every_method_on_every_system_is_finite_and_near_the_truth_or_refuses(name, dtype):
    """The distance from the truth falls with the step as the order says, or is one of rounding."""
    method = METHODS[name]
    for kind in SYSTEMS.values():
        system, x0, truth = true_end(kind)
        errors = []
        steps = [{}] if method.adaptive else [{"step": h} for h in (0.02, 0.01, 0.005)]
        odd = system.dimension % 2 == 1
        if method.needs_separable and (odd or coupled_parts(system.field, x0)):
            reason = "splits a state into" if odd else "needs a separable Hamiltonian"
            with pytest.raises(ValueError, match=reason):
                integrate(system.field, x0.to(dtype), [0.0, END], name, **steps[0])
            continue
        for options in steps:
            end = integrate(system.field, x0.to(dtype), [0.0, END], name, **options)[-1]
            assert torch.isfinite(end).all(), system.title
            errors.append(float((end.double() - truth).norm(dim=-1).max()))
        scale = float(1 + truth.norm(dim=-1).max())
        rounding = 3e3 * torch.finfo(dtype).eps * scale
        # An adaptive method has its tolerance, whatever the step.
        allowed = 1e-6 * scale if method.adaptive else 0.7 ** (2 * method.order) * errors[0]
        assert errors[-1] <= max(allowed, rounding), (system.title, errors)


def test_the_labs_settle_the_double_pendulum_as_python_does(tmp_path):
    """Without a common rule one side refuses starts that the other follows."""
    driver = tmp_path / "driver.mjs"
    driver.write_text(
        """
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
const { METHODS, buildSystem } = await import(pathToFileURL(process.argv[2]));
const answers = JSON.parse(readFileSync(0, "utf8")).map((job) => {
  const { method, parameters, start, h, steps } = job;
  const system = buildSystem({ name: "double_pendulum", parameters });
  const x = Float64Array.from(start);
  try {
    for (let k = 0; k < steps; k++) METHODS[method].step((y, out) => system.field(y, out), x, h, x);
    return { value: Array.from(x) };
  } catch (error) {
    return { error: error.message };
  }
});
process.stdout.write(JSON.stringify(answers));
"""
    )
    system = DoublePendulum()
    parameters = {p.name: p.value for p in system.parameters}
    starts = system.sample(8, seed=0)
    cases = [(method, h) for method in IMPLICIT for h in (0.02, 0.01, 0.005)]
    jobs = [
        {"method": m, "parameters": parameters, "start": x, "h": h, "steps": 20}
        for m, h in cases
        for x in starts.tolist()
    ]
    run = browser_tools.run_node(
        tmp_path / "lab.mjs", bundle("labs/learned_lab.js", "buildSystem, METHODS"), driver
    )
    answers = run(*jobs)
    assert not any("error" in answer for answer in answers), answers
    found = torch.tensor([answer["value"] for answer in answers], dtype=torch.float64)
    for (method, h), ends in zip(cases, found.split(len(starts)), strict=True):
        times = [k * h for k in range(21)]
        expected = integrate(system.field, starts, times, method)[-1]
        torch.testing.assert_close(ends, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", IMPLICIT)
def test_an_iteration_that_overflows_is_refused_not_returned_as_nan(name):
    with pytest.raises(UnsettledStepError, match="smaller step"):
        integrate(lambda x: x**5, torch.tensor([1.0, 1.0]), [0.0, 9.0, 18.0], name)


@pytest.mark.parametrize("name", ADAPTIVE)
@pytest.mark.parametrize("times", [[0.0, 0.4, 1.1], [1.0, 0.3, 0.0]])
def test_adaptive_methods_carry_the_gradient_of_weights_and_start(name, times):
    model = HNN(1, (5,), seed=0)

    def end():
        return integrate(model.field, start, times, name)[1:].square().sum()

    start = START.clone().requires_grad_()
    weights = next(model.network.parameters())
    by_weight, by_start = torch.autograd.grad(end(), (weights, start))
    h = 1e-5
    for leaf, slope in ((weights, by_weight), (start, by_start)):
        flat = leaf.detach().view(-1)
        values = []
        for sign in (1, -1):
            flat[0] += sign * h
            with torch.no_grad():
                values.append(end())
            flat[0] -= sign * h
        expected = (values[0] - values[1]) / (2 * h)
        torch.testing.assert_close(slope.view(-1)[0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_a_lost_state_of_a_batch_is_named_and_leaves_the_others_alone(name):
    """ẋ = x² from 5 is infinite after 0.2 s, from 0.5 after 2 s."""
    x0 = torch.tensor([[0.5], [5.0], [-1.0]], dtype=torch.float64)
    with pytest.warns(RuntimeWarning, match="1 of 3 states.*index 1"):
        path = integrate(lambda x: x**2, x0, [0.0, 0.5, 1.0], name)
    assert path[1:, 1].isnan().all()
    exact = x0 / (1 - x0 * 1.0)
    torch.testing.assert_close(path[-1, [0, 2]], exact[[0, 2]], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_tolerances_follow_the_dtype(name):
    calls = {}
    for dtype in (torch.float64, torch.float32):

        def field(x, dtype=dtype):
            calls[dtype] = calls.get(dtype, 0) + 1
            return Pendulum().field(x)

        integrate(field, START.to(dtype), [0.0, 10.0], name)
    assert calls[torch.float32] <= calls[torch.float64]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_a_field_may_depend_on_a_time_far_from_zero(name, dtype):
    """ẋ = cos t in every component, on a clock from 1970; three components are no [q, p]."""
    epoch = 1.7e9

    def field(t, x):
        return torch.full_like(x, math.cos(t - epoch))

    x0 = torch.zeros(3, dtype=dtype)
    times = [epoch, epoch + 0.5, epoch + 1.0]
    if METHODS[name].needs_separable:
        with pytest.raises(ValueError, match="fields f\\(x\\) only"):
            integrate(field, x0, times, name, step=0.01)
        return
    options = {} if METHODS[name].adaptive else {"step": 0.01}
    end = integrate(field, x0, times, name, **options)[-1].double()
    assert (end - math.sin(1.0)).abs().max() < (0.01 if name == "euler" else 2e-5)


reals = st.floats(-1.5, 1.5)


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if not m.needs_separable])
@settings(max_examples=8)
@given(
    st.lists(reals, min_size=12, max_size=12),
    st.lists(st.floats(0.05, 0.4), min_size=1, max_size=3),
    st.sampled_from([1, -1]),
    st.sampled_from([0.0, 3600.0]),
)
def test_the_gradients_of_a_driven_motion_are_difference_quotients(name, drawn, gaps, way, clock):
    """By two starts in a batch, and by every number in a field f(t, x), forwards and backwards."""
    times = [clock]
    for gap in gaps:
        times.append(times[-1] + way * gap)
    options = {} if METHODS[name].adaptive else {"step": 0.1}

    def total(numbers):
        x0, a = numbers[:6].reshape(2, 3), numbers[6:]

        def field(t, x):
            s = t - clock
            drive = torch.stack([a[0] * s, torch.sin(a[1] * s), a[2] * torch.exp(-a[3] * s)])
            return a[4] * torch.sin(x.roll(1, -1)) - a[5] * x + drive

        path = integrate(field, x0, times, name, **options)
        return (path * torch.linspace(1, 2, path.numel()).to(path).reshape(path.shape)).sum()

    numbers = torch.tensor(drawn, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(total(numbers), numbers)
    # Along a direction in which every number moves, each by another amount.
    along = torch.cos(torch.arange(12, dtype=torch.float64) ** 2)
    # An adaptive method chooses other steps beside: its tolerance is seen in the quotient.
    h, within = (1e-4, 1e-4) if METHODS[name].adaptive else (1e-5, 1e-6)
    with torch.no_grad():
        quotient = (total(numbers + h * along) - total(numbers - h * along)) / (2 * h)
    torch.testing.assert_close(slope @ along, quotient, rtol=within, atol=within)


def test_arguments_in_another_order_are_refused():
    with pytest.raises(TypeError, match="takes \\(x, t\\).*time first"):
        integrate(lambda x, t: x, START, [0.0, 1.0])
    scaled = integrate(lambda x, k=2.0: -k * x, START, [0.0, 0.1])  # k has a value: f(x)
    torch.testing.assert_close(scaled[-1], math.exp(-0.2) * START, rtol=1e-5, atol=0)


@pytest.mark.parametrize("name", ["symplectic_euler", "leapfrog", "forest_ruth"])
def test_methods_that_need_pairs_refuse_an_odd_state(name):
    with pytest.raises(ValueError, match="splits a state into .* 3 components"):
        integrate(lambda x: -x, torch.ones(3), [0.0, 0.1], name)


def test_a_single_step_that_is_far_too_long_asks_for_a_step():
    field = Pendulum().field
    with pytest.raises(ValueError, match="one step of rk4 over 10 .* pass step="):
        integrate(field, START, [0, 10])
    assert integrate(field, START, [0, 10], step=0.01).shape == (2, 2)
    assert integrate(field, START, [0, 0.1]).shape == (2, 2)


def test_numpy_is_welcome_at_the_border():
    field = MassSpring().field
    plain = integrate(field, START, [0.0, 1.0, 2.0], step=0.5)
    given = integrate(field, START.numpy(), np.arange(3), step=np.float32(0.5))
    assert torch.equal(plain, given)
    assert integrate(field, START, range(3), step=np.int64(1)).shape == (3, 2)
