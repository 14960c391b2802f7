"""The map lab's computing under node: every map, its Jacobian, and what becomes of an orbit."""

import base64
import math
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import jacobian
from hnn_tutorial.models import HNN, HenonNet, MLPMap, SympNet
from hnn_tutorial.systems import DrivenPendulum, Pendulum
from hnn_tutorial.training import LevenbergMarquardt, fit
from hnn_tutorial.widgets import MapLab
from hnn_tutorial.widgets._bundle import bundle

DRIVER = Path(__file__).parent / "js" / "maps.mjs"
EXPORTS = "DrivenPendulum, Iterates, MAPS, Pendulum, buildMaps, flowMap"
PENDULUM = Pendulum(gravity=1.0)
STATES = PENDULUM.sample(6, 0, radius=(0.1, 2.5))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "maps.mjs"
    return browser_tools.run_node(module, bundle("labs/map_lab.js", EXPORTS), DRIVER)


def rounded(model):
    """The model with weights that float32 holds exactly."""
    with torch.no_grad():
        for k, parameter in enumerate(model.parameters()):
            parameter.add_(0.1 * math.sin(k + 1)).copy_(parameter.float().double())
    return model


def job(model, step=1.0):
    """What the lab sends of a model, as a job."""
    lab = MapLab(PENDULUM, {"model": model}, step=step, starts=[])
    return {
        "specs": lab._models,
        "weights": base64.b64encode(lab._weights).decode(),
        "step": step,
    }


def constants(system):
    return {p.name: p.value for p in system.parameters}


def images(answer):
    return torch.tensor([each["image"] for each in answer], dtype=torch.float64)


def jacobians(answer):
    slopes = torch.tensor([each["slopes"] for each in answer], dtype=torch.float64)
    return slopes.reshape(-1, 2, 2)


LEARNED = {
    "sympnet": SympNet(1, (5, 7, 4), "tanh", seed=1),
    "sympnet of an angle": SympNet(1, (5, 7, 4, 3), "softplus", angles=(0,), seed=2),
    "henon_net": HenonNet(1, (6, 5), "sin", seed=3),
    "mlp_map": MLPMap(1, (8, 6), "tanh", seed=4),
    "mlp_map of an angle": MLPMap(1, (9,), "softplus", angles=(0,), seed=5),
}


@pytest.mark.parametrize("name", LEARNED)
def test_learned_maps_and_their_jacobians_are_those_of_python(run, name):
    model = rounded(LEARNED[name])
    [answer] = run({"task": "map", "states": STATES.tolist(), **job(model)})
    with torch.no_grad():
        assert (images(answer) - model.map(STATES)).abs().max() < 1e-13
    found = jacobians(answer)
    assert (found - jacobian(model.map)(STATES)).abs().max() < 1e-12
    off = (found.det() - 1).abs().max()
    assert (off < 1e-13) == (model.kind != "mlp_map")


@pytest.fixture(scope="module", params=[(), (0,)])
def midpoint_hnn(request):
    """HNNs that learned one step each from its middle, with and without an angle."""
    found = {}
    for h in (1.0, 2.0, 2.5):
        x = PENDULUM.sample(200, 1, radius=(0.1, 1.7))
        y = PENDULUM.solution(x, [0.0, h])[-1]
        data = {"states": (x + y) / 2, "derivatives": (y - x) / h}
        model = HNN(1, (10, 8), angles=request.param, seed=1)
        fit(model, data, LevenbergMarquardt(steps=30), progress=False)
        found[h] = rounded(model) if h == 1.0 else model
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(parameter.float().double())
    return found


def test_an_hnn_takes_midpoint_steps_of_any_length_as_in_python(run, midpoint_hnn):
    """At h = 2 and 2.5 the iteration does not contract, and Newton's method is needed."""
    states = PENDULUM.sample(8, 0, radius=(0.1, 1.6))
    for h, model in midpoint_hnn.items():

        def step(x, model=model, h=h):
            return integrate(model.field, x, [0.0, h], "implicit_midpoint", step=h)[-1]

        [answer] = run({"task": "map", "states": states.tolist(), **job(model, h)})
        with torch.no_grad():
            expected = step(states)
        assert (images(answer) - expected).abs().max() < 1e-9
        found = jacobians(answer)
        middle = (states + expected) / 2
        half = h / 2 * jacobian(model.field)(middle)
        eye = torch.eye(2, dtype=torch.float64)
        assert (found - torch.linalg.solve(eye - half, eye + half)).abs().max() < 1e-8
        assert (found.det() - 1).abs().max() < 1e-11


@pytest.mark.parametrize("h", [0.3, 1.0, 3.0])
def test_the_true_map_over_a_time_is_the_exact_one(run, h):
    system = Pendulum(mass=0.7, length=1.2, gravity=1.4)
    states = system.sample(6, 0, radius=(0.1, 2.9))
    truth = {"pendulum": constants(system), "step": h}
    [answer] = run({"task": "map", "states": states.tolist(), **truth})
    assert (images(answer) - system.solution(states, [0.0, h])[-1]).abs().max() < 1e-8
    assert (jacobians(answer).det() - 1).abs().max() < 1e-13


def test_the_true_map_over_a_period_is_that_of_python(run):
    system = DrivenPendulum(Pendulum(mass=0.7, length=1.2, gravity=1.4), drive=0.4, rate=2.3)
    driven = {**constants(system.pendulum), "drive": 0.4, "rate": 2.3}
    [answer] = run({"task": "map", "states": STATES.tolist(), "driven": driven})
    assert (images(answer) - system.period_map(STATES)).abs().max() < 1e-12
    assert (jacobians(answer) - jacobian(system.period_map)(STATES)).abs().max() < 1e-11


def test_an_orbits_energy_area_and_growth_are_those_of_python(run):
    model = rounded(MLPMap(1, (7,), seed=2))
    with torch.no_grad():
        model.network.layers[-1].weight.mul_(0.02)
        model.network.layers[-1].bias.mul_(0.02)
        for parameter in model.parameters():
            parameter.copy_(parameter.float().double())
    start = [0.3, 0.2]
    [answer] = run({"task": "iterate", "start": start, "count": 60, **job(model)})
    with torch.no_grad():
        states = model.iterate(torch.tensor(start, dtype=torch.float64), 60)
    slopes = jacobian(model.map)(states[:-1])
    points = torch.tensor(answer["points"], dtype=torch.float64).reshape(-1, 2)
    wrapped = states.clone()
    wrapped[:, 0] = torch.remainder(states[:, 0] + math.pi, 2 * math.pi) - math.pi
    assert (points - wrapped).abs().max() < 1e-5  # float32
    logs = slopes.det().abs().log().cumsum(0)
    assert answer["area"] == pytest.approx(logs[-1].item(), abs=1e-10)
    assert answer["areaDrift"] == pytest.approx(logs[logs.abs().argmax()].item(), abs=1e-10)
    assert abs(logs[-1]) > 0.01
    arrow = torch.tensor([0.6, 0.8], dtype=torch.float64)
    for slope in slopes:
        arrow = slope @ arrow
    assert answer["growth"] == pytest.approx(arrow.norm().log().item(), abs=1e-10)
    change = PENDULUM.hamiltonian(states) - PENDULUM.hamiltonian(states[0])
    assert answer["change"] == pytest.approx(change[-1].item(), abs=1e-10)
    assert answer["drift"] == pytest.approx(change.abs().max().item(), abs=1e-10)
    assert (answer["early"], answer["kind"]) == (None, "unclear")  # 60 maps show nothing


def test_curves_are_told_from_scattered_points(run):
    """By the distance of a neighbour too, which in Python starts a billionth away."""
    system = DrivenPendulum(PENDULUM)
    driven = {**constants(PENDULUM), "drive": system.drive, "rate": system.rate}
    kinds = {(1.4, 0.0): "curve", (2.0, 0.0): "scatter", (0.5, 0.0): "curve"}
    jobs = ({"task": "iterate", "start": s, "count": 2000, "driven": driven} for s in kinds)
    answers = run(*jobs)
    assert [answer["kind"] for answer in answers] == list(kinds.values())
    assert all(abs(answer["area"]) < 1e-10 for answer in answers)
    starts = torch.tensor(list(kinds), dtype=torch.float64)
    near = starts + torch.tensor([1e-9, 0.0], dtype=torch.float64)
    first, second = system.iterate(torch.stack([starts, near]), 300)[-1]
    apart = (second - first).norm(dim=-1).div(1e-9).log()
    assert [value > 12 for value in apart] == [kind == "scatter" for kind in kinds.values()]


def test_orbits_that_end_early_say_why(run):
    away, broken = MLPMap(1, (3,)), HNN(1, (8,), "softplus")
    with torch.no_grad():
        for parameter in (*away.parameters(), *broken.parameters()):
            parameter.zero_()
        away.network.layers[-1].bias.fill_(1e5)
        # H = 1e4 (softplus(q) - softplus(-q) ...): so steep that no long step has a slope.
        broken.network.layers[0].weight.copy_(torch.randn(8, 2, dtype=torch.float64) * 50)
        broken.network.layers[1].weight.fill_(1e6)
    one, other = run(
        {"task": "iterate", "start": [0.1, 0.1], "count": 500, **job(away)},
        {"task": "iterate", "start": [0.1, 0.1], "count": 500, **job(broken, 5.0)},
    )
    assert (one["problem"], one["kind"]) == ("ran away", "unclear")
    assert one["computed"] == 9
    assert other["problem"] is not None
    assert other["computed"] < 500
