"""The swing-up lab under node: what each controller believes, asks for and brings about."""

import base64
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.control import Machine
from hnn_tutorial.models import StructuredLNN
from hnn_tutorial.systems import CartPole
from hnn_tutorial.training import LevenbergMarquardt, fit, forced_residual
from hnn_tutorial.widgets import SwingUpLab
from hnn_tutorial.widgets._bundle import bundle

DRIVER = Path(__file__).parent / "js" / "swing_up.mjs"
EXPORTS = "CartPole, Steered, Steering, buildModels"
SYSTEM = CartPole(1.3, 0.4, 0.8, 2.5)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "swing_up.mjs"
    return browser_tools.run_node(module, bundle("labs/swing_up_lab.js", EXPORTS), DRIVER)


@pytest.fixture(scope="module")
def lab():
    """With a network that learned the pole, in weights that float32 holds exactly."""
    x = SYSTEM.velocities(SYSTEM.sample(80, 1))
    generator = torch.Generator().manual_seed(9)
    u = 6 * torch.rand(80, 1, generator=generator, dtype=torch.float64) - 3
    data = {"states": x, "derivatives": Machine(SYSTEM).field(x, u), "inputs": u}
    model = StructuredLNN(2, (8, 6), angles=(1,), seed=0)
    learner = Machine(model, CartPole.actuation)
    fit(learner, data, LevenbergMarquardt(30), residual=forced_residual, progress=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.float().double())
    return SwingUpLab(SYSTEM, {"LNN": model}, friction=0.01)


def job(lab, task, **more):
    """What the lab sends, as a job."""
    return {
        "task": task,
        "system": lab._system["parameters"],
        "specs": lab._models,
        "weights": base64.b64encode(lab._weights).decode(),
        "law": lab._law,
        "regulators": lab._gains,
        "gain": lab.gain,
        "above": lab.above,
        "limit": lab.limit,
        **more,
    }


def test_what_a_controller_believes_is_what_python_says(run, lab):
    states = SYSTEM.velocities(SYSTEM.sample(9, 3))
    [answers] = run(job(lab, "machine", states=states.tolist()))
    for machine, answer in zip(lab._machines(lab.models), answers, strict=True):
        with torch.no_grad():
            expected = {
                "energy": machine.energy(states),
                "mass": machine.mass_matrix(states),
                "field": machine.field(states, states.new_zeros(9, 1)),
            }
        for name, values in expected.items():
            found = torch.tensor([each[name] for each in answer], dtype=torch.float64)
            torch.testing.assert_close(found, values, rtol=1e-11, atol=1e-11)


def test_the_pole_is_swung_up_as_in_python(run, lab):
    """Every state and force up to where the pole stands: the regulator forgets what came before."""
    [answers] = run(job(lab, "motion", angle=lab.angle, friction=lab.friction))
    for k, answer in enumerate(answers):
        expected = lab._motion(k)
        states = torch.tensor(answer["states"], dtype=torch.float64)
        assert answer["problem"] is None
        assert answer["since"] is not None
        assert (states - expected.states).abs().max() < 1e-6
        inputs = torch.tensor(answer["inputs"], dtype=torch.float64)
        assert (inputs - expected.inputs[:, 0]).abs().max() < 1e-6
        assert inputs.abs().max() <= lab.limit
        work = float(expected.work(Machine(SYSTEM)))
        assert abs(answer["work"][-1] - work) < 1e-6
        # The force meets its limit, or the test would not see it.
        assert (inputs.abs() == lab.limit).any()


def test_a_weak_motor_or_a_wrong_gain_does_not_bring_it_up(run, lab):
    low = job(lab, "motion", angle=0.8, friction=0.0) | {"limit": 0.2 * lab.limit}
    slow = job(lab, "motion", angle=0.8, friction=0.0) | {"gain": 0.05 * lab.gain}
    for answers in run(low, slow):
        assert [answer["since"] for answer in answers] == [None, None]
