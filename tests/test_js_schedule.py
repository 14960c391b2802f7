"""The schedule lab's computing under node: costs, the cheapest path, and paths through points."""

import itertools
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.finance import Execution
from hnn_tutorial.widgets import ScheduleLab
from hnn_tutorial.widgets._bundle import bundle

DRIVER = Path(__file__).parent / "js" / "schedule.mjs"
EXPORTS = "Execution, pathThrough"
SHARES, HORIZON, COUNT = 1.7, 0.8, 200
CASES = {
    "linear": Execution(1.3, 1.0, 0.9, 1.4),
    "power": Execution(0.7, 0.6, 1.2, 2.1),
    "calm": Execution(1.3, 0.5, 1e-3, 1.4),
    "hurried": Execution(0.2, 0.8, 9.0, 3.0),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "schedule.mjs"
    return browser_tools.run_node(module, bundle("labs/schedule_lab.js", EXPORTS), DRIVER)


def sent(execution):
    risk = execution.risk
    return {"impact": execution.impact, "exponent": execution.exponent, "risk": risk}


@pytest.mark.parametrize("name", CASES)
def test_the_cheapest_path_is_that_of_python_and_costs_the_least(run, name):
    execution = CASES[name]
    job = {"execution": sent(execution), "shares": SHARES, "horizon": HORIZON, "count": COUNT}
    [answer] = run({"task": "cheapest", **job})
    times = torch.linspace(0, HORIZON, COUNT + 1, dtype=torch.float64)
    expected = execution.path(SHARES, times)
    found = torch.tensor(answer["path"], dtype=torch.float64)
    assert (found - expected).abs().max() < 1e-4 * SHARES
    # The sum is by steps, the least cost an integral.
    assert answer["cost"]["total"] == pytest.approx(execution.least_cost(SHARES, HORIZON), rel=2e-3)


@pytest.mark.parametrize("name", ["linear", "power"])
def test_cost_energy_and_the_readers_path_are_those_of_python(run, name):
    execution = CASES[name]
    # It waits, sells in haste, and buys back a little.
    levels = [1.6, 0.9, 1.0, 0.2]
    lab = ScheduleLab(execution, SHARES, HORIZON, knots=4, levels=levels)
    steps = (len(lab.times) - 1) // 5
    [path] = run({"task": "through", "points": [SHARES, *levels, 0.0], "steps": steps})
    found = torch.tensor(path, dtype=torch.float64)
    assert (found - lab.schedule).abs().max() < 1e-12
    assert found[steps::steps][:4].tolist() == pytest.approx(levels)
    step = HORIZON / (len(path) - 1)
    [cost] = run({"task": "cost", "execution": sent(execution), "path": path, "step": step})
    assert cost["total"] == pytest.approx(float(lab.cost(lab.schedule)), rel=1e-12)
    assert cost["total"] == pytest.approx(cost["impact"] + cost["risk"])
    states = torch.tensor([[0.4, 1.7], [1.1, -0.6], [0.0, 2.0]], dtype=torch.float64)
    [energies] = run({"task": "energy", "execution": sent(execution), "states": states.tolist()})
    assert energies == pytest.approx(execution.energy(states).tolist(), rel=1e-12)


@pytest.mark.parametrize(
    "points", [[1.0, 0.2, 0.0], [1.0, 1.0, 0.3, 0.31, 0.0], [1.0, 0.0, 0.9, 0.0]]
)
def test_a_path_through_points_does_not_overshoot_them(run, points):
    [path] = run({"task": "through", "points": points, "steps": 50})
    path = torch.tensor(path, dtype=torch.float64)
    for k, (a, b) in enumerate(itertools.pairwise(points)):
        piece = path[50 * k : 50 * k + 51]
        assert piece.min() >= min(a, b) - 1e-12
        assert piece.max() <= max(a, b) + 1e-12
        assert (piece.diff() * (b - a) >= -1e-12).all()
