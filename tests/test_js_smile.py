"""The smile lab's computing under node: metric, distances, geodesics, circles and lengths."""

from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.finance import Sabr, shoot_geodesics
from hnn_tutorial.widgets import SmileLab
from hnn_tutorial.widgets._bundle import bundle

DRIVER = Path(__file__).parent / "js" / "smile.mjs"
EXPORTS = "Sabr, pathThrough"
CASES = {
    "usual": Sabr(0.25, 0.8, -0.6),
    "other side": Sabr(0.4, 1.3, 0.7),
    "calm": Sabr(0.15, 0.03, 0.2),
}
STRIKES = [-0.9, -0.31, -1e-3, -1e-7, 0.0, 1e-6, 0.02, 0.47, 1.3]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a task of one market in the joined module under node and return its answer."""
    module = tmp_path_factory.mktemp("module") / "smile.mjs"

    def ask(sabr, task, **job):
        market = {
            "volatility": sabr.volatility,
            "volOfVol": sabr.vol_of_vol,
            "correlation": sabr.correlation,
        }
        jobs = {"task": task, "sabr": market, **job}
        [answer] = browser_tools.run_node(module, bundle("labs/smile_lab.js", EXPORTS), DRIVER)(
            jobs
        )
        return answer

    return ask


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


every_case = pytest.mark.parametrize("name", CASES)


@every_case
def test_the_lagrangian_is_that_of_python(run, name):
    states = tensor([[0.3, -1.2, 0.7, -0.4], [-0.5, -0.6, -0.2, 1.1], [1.0, 0.2, 2.0, 0.0]])
    found = run(CASES[name], "lagrangian", states=states.tolist())
    assert found == pytest.approx(CASES[name].lagrangian(states).tolist(), rel=1e-12)


@every_case
def test_distances_and_the_smile_are_those_of_python(run, name):
    found = run(CASES[name], "strikes", strikes=STRIKES)
    strikes = tensor(STRIKES)
    expected = CASES[name].short_volatility(strikes).tolist()
    assert found["volatility"] == pytest.approx(expected, rel=1e-9)
    assert found["distance"] == pytest.approx(CASES[name].distance(strikes).tolist(), abs=1e-14)


@every_case
@pytest.mark.parametrize("strike", [-0.4, 0.25])
def test_a_geodesic_is_the_one_that_python_shoots(run, name, strike):
    sabr = CASES[name]
    found = run(sabr, "geodesic", strike=strike, steps=64)
    states = shoot_geodesics(sabr.covariance, sabr.start, tensor([strike]), 64)[:, 0]
    assert (tensor(found["path"]) - states[:, :2]).abs().max() < 1e-7
    H, L = sabr.hamiltonian(states), tensor(found["lagrangians"])
    # Both are conserved; the sum over steps is of order two.
    assert (L / H[0] - 1).abs().max() < 2e-3
    assert found["length"] == pytest.approx(float(sabr.distance(tensor([strike]))), rel=1e-3)


@every_case
def test_a_circle_is_as_far_as_it_says(run, name):
    """By the formula of distances in the half plane of X and Y, and it touches the strike."""
    sabr = CASES[name]
    strike = -0.35
    distance = float(sabr.distance(tensor([strike])))
    circle = tensor(run(sabr, "circle", distance=distance, count=720))
    rho, nu = sabr.correlation, sabr.vol_of_vol
    Y = circle[:, 1].exp() / nu
    X = (circle[:, 0] - rho * (Y - sabr.volatility / nu)) / (1 - rho**2) ** 0.5
    Y0 = sabr.volatility / nu
    far = torch.acosh(1 + (X**2 + (Y - Y0) ** 2) / (2 * Y * Y0)) / nu
    assert (far / distance - 1).abs().max() < 1e-6
    assert float(circle[:, 0].min()) == pytest.approx(strike, abs=1e-4)


@every_case
def test_the_readers_path_and_its_length_are_those_of_python(run, name):
    sabr = CASES[name]
    levels = [1.4, 0.8, 2.1]
    lab = SmileLab(sabr, strike=-0.4, levels=levels)
    found = run(sabr, "own", strike=-0.4, levels=levels, steps=len(lab.path) - 1)
    assert (tensor(found["path"]) - lab.path).abs().max() < 1e-12
    assert found["length"] == pytest.approx(float(lab.length(lab.path)), rel=1e-12)
