"""The flow lab under node: leapfrog of a learned H, a swarm between steps, a density."""

import base64
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.flows import DENSITIES, GaussianMixture, NeuralHamiltonianFlow
from hnn_tutorial.widgets import FlowLab
from hnn_tutorial.widgets._bundle import bundle

DRIVER = Path(__file__).parent / "js" / "flow.mjs"
EXPORTS = "DenseNetwork, DensityTable, FlowSwarm, LeapfrogFlow, decodeFloats, normalStates"
STEPS = 3


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "flow.mjs"
    return browser_tools.run_node(module, bundle("labs/flow_lab.js", EXPORTS), DRIVER)


@pytest.fixture(scope="module")
def lab():
    """Of weights that float32 holds exactly, no two of them alike."""
    flow = NeuralHamiltonianFlow(2, (12, 7), steps=STEPS, duration=1.3, stiffness=1.7, seed=4)
    with torch.no_grad():
        for parameter in flow.network.parameters():
            parameter.copy_((1.5 * parameter).float().double())
        flow.log_mass.copy_(torch.tensor([0.3, -0.4]))
    return FlowLab(flow, DENSITIES["eight_gaussians"])


def sent(lab):
    return {"flow": lab._flow, "weights": base64.b64encode(lab._weights).decode()}


@pytest.fixture(scope="module")
def states():
    return torch.randn(40, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def followed(lab, states, times):
    """The same on the torch side, with a shorter last step where a time lies between two."""
    flow, step = lab.flow, lab._flow["duration"] / STEPS
    found = []
    for time in times:
        x, rest = states, time
        while rest > 1e-12:
            h = min(rest, step)
            q, p = x.chunk(2, dim=-1)
            mass = flow.log_mass.exp()
            q = q + h / 2 * p / mass
            p = p + h * flow.field(torch.cat([q, p], -1))[:, 2:]
            x, rest = torch.cat([q + h / 2 * p / mass, p], -1), rest - h
        found.append(x)
    return torch.stack(found).detach()


def test_the_motion_is_that_of_python_at_t_and_between(run, lab, states):
    duration = lab._flow["duration"]
    times = [0.0, 0.21 * duration, duration, 1.55 * duration, 2 * duration]
    [answer] = run({"task": "at", "states": states.tolist(), "times": times, **sent(lab)})
    found = torch.tensor(answer, dtype=torch.float64)
    assert (found - followed(lab, states, times)).abs().max() < 1e-10
    q, p = lab.flow.forwards(*states.chunk(2, dim=-1))
    assert (found[2] - torch.cat([q, p], -1)).abs().max() < 1e-10
    assert (found[0] - states).abs().max() == 0
    [answer] = run({"task": "potential", "places": states[:, :2].tolist(), **sent(lab)})
    expected = lab.flow.potential(states[:, :2])
    assert (torch.tensor(answer, dtype=torch.float64) - expected).abs().max() < 1e-11


@pytest.mark.parametrize("budget", [0.0, 1e6])
def test_a_swarm_is_exact_at_steps_and_nearly_so_between(run, lab, states, budget):
    """In slices of any length."""
    step = lab._flow["duration"] / STEPS
    whole, between = [0.0, step, 2 * STEPS * step], [0.3 * step, 2.5 * step, 5.9 * step]
    job = {"task": "swarm", "states": states.tolist(), "steps": 2 * STEPS, "budget": budget}
    [answer] = run({**job, "times": whole + between, **sent(lab)})
    found = torch.tensor(answer["states"], dtype=torch.float64).reshape(6, -1, 4)
    expected = followed(lab, states, whole + between)
    # Kept in single precision from step to step.
    assert (found[:3] - expected[:3]).abs().max() < 1e-4
    error = (found[3:] - expected[3:]).abs().max()
    moved = (expected[3:] - expected[[0]]).abs().max()
    assert 1e-5 < error < 2e-2 * moved, (error, moved)
    assert answer["end"] == pytest.approx(2 * STEPS * step)
    # More than one for each step.
    assert (answer["slices"] > 2 * STEPS) == (budget == 0)


def test_samples_are_standard_normal_numbers_and_the_same_for_a_seed(run):
    jobs = [{"task": "normal", "count": 4000, "seed": seed} for seed in (1, 1, 2)]
    first, again, other = run(*jobs)
    assert first == again != other
    x = torch.tensor(first, dtype=torch.float64).reshape(-1, 4)
    # Five standard errors.
    assert x.mean(0).abs().max() < 5 / 4000**0.5
    assert (torch.cov(x.T) - torch.eye(4)).abs().max() < 5 * (2 / 4000) ** 0.5
    kurtosis = x.pow(4).mean()
    assert float(kurtosis) == pytest.approx(3, abs=5 * (96 / 16000) ** 0.5)


def test_the_table_is_the_density_and_knows_the_region_that_holds_most_of_it(run):
    target = GaussianMixture(torch.tensor([[-1.0, 0.3], [1.2, -0.5]]), 0.3)
    lab = FlowLab(NeuralHamiltonianFlow(2, (3,)), target)
    places = target.sample(2000, 3)
    far = torch.tensor([[0.1, 2.5], [90.0, 0.0]], dtype=torch.float64)
    [answer] = run(
        {
            "task": "density",
            "target": lab._target,
            "density": base64.b64encode(lab._density).decode(),
            "places": [*places.tolist(), *far.tolist()],
            "states": torch.cat([places, places], -1).tolist(),
        }
    )
    values = torch.tensor(answer["values"], dtype=torch.float64)
    most = target.log_prob(target.centres).max()
    # Eight bits over the depth of the table, and straight lines between its nodes.
    error = (values[:-2] - (target.log_prob(places) - most)).abs()
    assert float(error.max()) < 0.15
    assert values[-2:].tolist() == [-lab._target["depth"]] * 2
    assert answer["share"] == pytest.approx(0.99, abs=5 * (0.01 / 2000) ** 0.5)
