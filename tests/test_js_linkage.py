"""The linkage lab's computing under node: multipliers, RATTLE, and a linkage in a hand."""

import math
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.integrators import integrate
from hnn_tutorial.systems import FourBar, LinkChain
from hnn_tutorial.widgets._bundle import bundle

DRIVER = Path(__file__).parent / "js" / "linkage.mjs"
EXPORTS = "ConstrainedField, LinkageMotion, Rods, dragged, rattleStep, rk4Step"

CHAIN = LinkChain(3, masses=(0.7, 1.2, 0.9), lengths=(0.8, 1.1, 0.6), rod_masses=(0.3, 0.0, 0.5))
LOOP = FourBar(masses=(0.7, 1.2), rod_masses=(0.2, 0.4, 0.3))
SYSTEMS = {"chain": CHAIN, "loop": LOOP}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "linkage.mjs"
    return browser_tools.run_node(module, bundle("labs/linkage_lab.js", EXPORTS), DRIVER)


def job(system, task, **more):
    rods = system.constraints
    return {
        "task": task,
        "pairs": rods.pairs,
        "lengths": rods.lengths,
        "anchors": rods.anchors,
        "masses": system.masses_between.tolist(),
        "weights": system.weights.tolist(),
        **more,
    }


def numbers(answer):
    return torch.tensor(answer, dtype=torch.float64)


@pytest.mark.parametrize("name", SYSTEMS)
def test_the_field_is_that_of_python_also_off_the_rods(run, name):
    system = SYSTEMS[name]
    y = system.velocities(system.sample(5, 0))
    y = torch.cat([y, y + 0.1 * torch.sin(torch.arange(y.numel()).reshape(y.shape))])
    [answer] = run(job(system, "field", states=y.tolist()))
    assert (numbers(answer) - system.second_order_field(y)).abs().max() < 1e-10


@pytest.mark.parametrize("name", SYSTEMS)
@pytest.mark.parametrize("method", ["rattle", "rk4"])
def test_steps_are_those_of_python(run, name, method):
    system, h = SYSTEMS[name], 0.01
    y = system.velocities(system.sample(1, 3))[0]
    times = torch.arange(101, dtype=torch.float64) * h
    if method == "rattle":
        expected = system.velocities(integrate(system.field, system.momenta(y), times, "rattle"))
    else:
        expected = integrate(system.second_order_field, y, times, "rk4")
    [answer] = run(job(system, "steps", method=method, start=y.tolist(), h=h, count=100))
    assert (numbers(answer) - expected).abs().max() < 1e-9


def test_rattle_keeps_the_rods_and_comes_back(run):
    """Reversed, it retraces its steps: to rounding, over as many seconds as chaos allows."""
    y = CHAIN.velocities(CHAIN.sample(1, 1))[0]
    [there] = run(job(CHAIN, "steps", method="rattle", start=y.tolist(), h=0.02, count=100))
    there = numbers(there)
    q, v = there.chunk(2, dim=-1)
    assert CHAIN.constraints.values(q).abs().max() < 1e-14
    assert CHAIN.constraints.rates(q, v).abs().max() < 1e-13
    turned = torch.cat([q[-1], -v[-1]]).tolist()
    [back] = run(job(CHAIN, "steps", method="rattle", start=turned, h=0.02, count=100))
    assert (numbers(back)[-1][:6] - y[:6]).abs().max() < 1e-9
    assert (numbers(back)[-1][6:] + y[6:]).abs().max() < 1e-8


def test_projection_is_that_of_python(run):
    q = LOOP.assemble(torch.tensor(0.8, dtype=torch.float64)) + 0.05 * torch.tensor([1, -1, 2, 1])
    still = torch.cat([q, torch.zeros(4)])
    eye = torch.eye(2).tolist()
    [answer] = run(job(LOOP, "project", q=q.tolist(), W=eye))
    assert (numbers(answer) - LOOP.constraints.project(still)[:4]).abs().max() < 1e-12
    masses = torch.tensor([[2.0, 0.3], [0.3, 0.7]], dtype=torch.float64)
    inverse = torch.linalg.inv(masses).tolist()
    [answer] = run(job(LOOP, "project", q=q.tolist(), W=inverse))
    expected = LOOP.constraints.project(still, masses)[:4]
    assert (numbers(answer) - expected).abs().max() < 1e-12
    assert (expected - LOOP.constraints.project(still)[:4]).abs().max() > 1e-3


@pytest.mark.parametrize("method", ["rattle", "rk4"])
def test_what_is_off_is_told(run, method):
    y = CHAIN.velocities(CHAIN.sample(1, 1))[0]
    common = {"method": method, "start": y.tolist(), "h": 0.02}
    states, told = run(
        job(CHAIN, "steps", **common, count=150), job(CHAIN, "swing", **common, time=2.995)
    )
    states = numbers(states)
    rods = CHAIN.constraints
    off = rods.vectors(states[:, :6]).norm(dim=-1) - numbers(rods.lengths)
    worst = off.gather(-1, off.abs().argmax(-1, keepdim=True)).squeeze(-1)
    energy = CHAIN.hamiltonian(CHAIN.momenta(states))
    assert told["computed"] == 150
    assert told["off"] == pytest.approx(worst[-1].item(), abs=1e-14)
    assert told["offMost"] == pytest.approx(worst.abs().max().item(), abs=1e-14)
    assert told["change"] == pytest.approx((energy[-1] - energy[0]).item(), abs=1e-10)
    assert told["changeMost"] == pytest.approx((energy - energy[0]).abs().max().item(), abs=1e-10)
    assert (told["offMost"] > 1e-6) == (method == "rk4")
    between = 0.25 * states[-2, :6] + 0.75 * states[-1, :6]
    assert (numbers(told["shown"]) - between).abs().max() < 1e-9


def test_a_motion_that_cannot_go_on_says_why(run):
    """A step of two seconds under an angular velocity of thirty; and rods in one line."""
    fast = CHAIN.velocities(CHAIN.sample(1, 1))[0]
    fast[6:] *= 30
    [told] = run(job(CHAIN, "swing", method="rattle", start=fast.tolist(), h=2.0, time=20))
    assert told["problem"] == "the step is too long"
    assert told["computed"] == 0


def test_a_hand_moves_a_joint_as_far_as_the_rods_reach(run):
    q = CHAIN.from_angles(torch.tensor([0.5, 1.0, 1.4, 0, 0, 0], dtype=torch.float64))[:6]
    size = sum(CHAIN.lengths)
    [near, far] = run(
        job(CHAIN, "drag", q=q.tolist(), joint=2, to=[-0.4, -1.5], size=size),
        job(CHAIN, "drag", q=q.tolist(), joint=2, to=[9.0, -9.0], size=size),
    )
    assert near["misfit"] < 1e-14
    assert math.dist(near["at"][4:], [-0.4, -1.5]) < 1e-3
    # Stretched out, nearly, towards the hand; the last joint is on the circle of all lengths.
    assert far["misfit"] < 1e-14
    assert math.hypot(*far["at"][4:]) > 0.95 * size
    assert math.atan2(*far["at"][:3:-1]) == pytest.approx(-math.pi / 4, abs=0.1)
    start = LOOP.assemble(torch.tensor(0.8, dtype=torch.float64))
    [loop] = run(job(LOOP, "drag", q=start.tolist(), joint=0, to=[0.3, 0.4], size=1.7))
    assert loop["misfit"] < 1e-14
    assert math.dist(loop["at"][:2], [0.3, 0.4]) < 0.02  # the crank's circle passes there
