"""The section lab's computing under node: where motions come back, and curves told from chaos."""

import base64
import math
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.integrators import crossings, integrate
from hnn_tutorial.models import HNN, MLP
from hnn_tutorial.systems import HenonHeiles
from hnn_tutorial.training import LevenbergMarquardt, fit
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_models

DRIVER = Path(__file__).parent / "js" / "section.mjs"
EXPORTS = "HenonHeiles, Passages, buildModels, sectionState"
SYSTEM = HenonHeiles()
CURVE, SCATTER = (0.47, 0.0), (-0.1, 0.1)
"""Starts at the energy 1/8."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "section.mjs"
    call = browser_tools.run_node(module, bundle("labs/section_lab.js", EXPORTS), DRIVER)
    return lambda *jobs: call(*({"task": "passages", **job} for job in jobs))


@pytest.fixture(scope="module")
def learned():
    """Small networks that learned the field, with weights that float32 holds exactly."""
    starts = torch.cat([SYSTEM.sample(10, seed, energy=1 / 8) for seed in range(2)])
    states = integrate(SYSTEM.field, starts, range(21), "rk4", step=0.1).reshape(-1, 4)
    data = {"states": states, "derivatives": SYSTEM.field(states)}
    found = {}
    for kind in (HNN, MLP):
        model = kind(2, (10,), seed=1)
        fit(model, data, LevenbergMarquardt(steps=25), progress=False)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.copy_(parameter.float().double())
        found[model.kind] = model
    return found


def described(model):
    specs, weights = encode_models(SYSTEM, {"model": model})
    return {"specs": specs, "weights": base64.b64encode(weights).decode()}


def points_of(answer):
    return torch.tensor(answer["points"], dtype=torch.float64).reshape(-1, 2)


@pytest.mark.parametrize("name", ["truth", "hnn", "mlp"])
def test_motions_come_back_where_python_says(run, learned, name):
    """To 1e-5 over 25 returns of an ordered motion, by a network's own rate of x."""
    model = learned.get(name)
    job = {"energy": 1 / 8, "start": CURVE, "horizon": 160.0}
    [answer] = run(job | (described(model) if model else {}))
    field = model.field if model else SYSTEM.field
    start = torch.tensor(answer["start"], dtype=torch.float64)
    with torch.no_grad():
        found = crossings(
            field,
            start,
            [0.0, 160.0],
            lambda x: x[..., 0],
            direction=1,
            rtol=1e-11,
            atol=1e-12,
        )
    points = points_of(answer)
    assert points[0].tolist() == list(CURVE)
    assert len(points) == 1 + len(found) > 25
    assert answer["returns"] == len(found)
    assert (points[1:] - found.states[:, [1, 3]]).abs().max() < 1e-5
    drift = (SYSTEM.hamiltonian(found.states) - 1 / 8).abs().max().item()
    assert answer["drift"] == pytest.approx(drift, rel=0.01, abs=1e-7)
    assert (drift < 1e-9) == (model is None)


def test_curves_are_told_from_scattered_points(run):
    """Against a second look at the same: the exponents of orbits that are known (Python's)."""
    options = {"horizon": 700.0}
    starts = {(1 / 8, CURVE): "curve", (1 / 8, SCATTER): "scatter", (1 / 12, SCATTER): "curve"}
    answers = run(*({"energy": e, "start": s, **options} for e, s in starts))
    assert [answer["kind"] for answer in answers] == list(starts.values())
    assert all(answer["early"] is None for answer in answers)
    for (energy, _), answer in zip(starts, answers, strict=True):
        start = torch.tensor(answer["start"], dtype=torch.float64)
        apart = 1e-9 * torch.tensor([0.36, 0.48, -0.48, 0.64], dtype=torch.float64)
        pair = torch.stack([start, start + apart])
        # As long as the neighbour is near: a tenth of the time in chaos.
        end = 120.0 if answer["kind"] == "scatter" else 600.0
        ends = integrate(SYSTEM.field, pair, [0.0, end], "dop853", rtol=1e-13, atol=1e-13)[-1]
        grown = math.log((ends[1] - ends[0]).norm().item() / 1e-9)
        assert (grown > 0.01 * end) == (answer["kind"] == "scatter"), energy
        if end == 600.0:
            assert answer["growth"] == pytest.approx(grown, abs=0.5)


def test_the_energy_is_kept_as_finely_as_the_lab_says(run):
    [answer] = run({"energy": 1 / 8, "start": SCATTER, "horizon": 1000.0})
    assert answer["drift"] < 5e-7
    assert answer["time"] == pytest.approx(1000)


def test_a_motion_that_comes_back_where_its_energy_allows_no_point_says_so(run):
    job = {"energy": 1 / 12, "start": (0.3, 0.2), "horizon": 60.0}
    truth, fed = run(job, {**job, "kind": "fed"})
    places = torch.zeros(fed["returns"] + 1, 4, dtype=torch.float64)
    places[:, [1, 3]] = points_of(fed)
    needed = SYSTEM.hamiltonian(places).max().item()
    assert (fed["left"], fed["problem"]) == (True, None)
    assert needed > 1.01 / 12
    assert not truth["left"]


def test_motions_that_end_otherwise_say_so(run):
    job = {"energy": 1 / 8, "start": CURVE, "horizon": 650.0}
    kinds = ("away", "broken", "still")
    away, broken, still = run(*({**job, "kind": kind} for kind in kinds))
    short = run({**job, "horizon": 100.0})[0]
    assert (away["problem"], away["returns"]) == ("escaped", 0)
    assert away["time"] == pytest.approx(3, abs=0.3)
    assert broken["problem"] == "broke off"
    assert (still["problem"], still["returns"]) == (None, 0)
    # None of them has shown what it is, nor has one that was followed for too short a time.
    assert {answer["kind"] for answer in (away, broken, still, short)} == {"unclear"}
    assert short["returns"] > 10
