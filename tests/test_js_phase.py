"""The cloud of the phase-space lab under node: its area is the integral invariant of the flow."""

import math
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.systems import DampedMassSpring, DoublePendulum, MassSpring, Pendulum
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import LAB_SYSTEMS, encode_system

DRIVER = Path(__file__).parent / "js" / "phase.mjs"


@pytest.fixture(scope="module")
def flow(tmp_path_factory):
    """Let a cloud flow under node and return what became of it."""
    module = tmp_path_factory.mktemp("module") / "lab.mjs"
    source = bundle("labs/phase_lab.js", "Cloud, PhasePlane, buildSystem, METHODS")
    answers_of = browser_tools.run_node(module, source, DRIVER)

    def call(system, start, seconds, *, radius=0.25, pair=0, **options):
        h = 1 / 120
        job = {
            "system": encode_system(system, LAB_SYSTEMS),
            "start": list(start),
            "radius": radius,
            "pair": pair,
            "h": h,
            "steps": round(seconds / h),
            **options,
        }
        (answer,) = answers_of(job)
        return answer | {"areas": torch.tensor(answer["areas"], dtype=torch.float64)}

    return call


def test_the_cloud_starts_as_an_ellipse(flow):
    answer = flow(Pendulum(), (1.0, 0.3), 0.0)
    a, b = answer["reach"]
    # The polygon is smaller than the ellipse by a share of (2π/480)²/6.
    assert answer["areas"][0, 0].item() == pytest.approx(math.pi * a * b, rel=3e-5)


@pytest.mark.parametrize(
    "system, start, seconds",
    [
        (MassSpring(mass=2.0, stiffness=3.0), (1.0, 0.5), 30),
        (Pendulum(), (1.0, 0.0), 20),
        (Pendulum(), (2.9, 0.0), 4),  # around the upright state, where the cloud is torn
        (Pendulum(), (0.0, 7.0), 8),  # turning over
    ],
)
def test_a_hamiltonian_flow_keeps_the_area(flow, system, start, seconds):
    answer = flow(system, start, seconds)
    areas = answer["areas"][:, 0]
    assert not answer["lost"]
    assert (areas / areas[0] - 1).abs().max() < 2e-3


def test_friction_shrinks_the_area_at_its_rate(flow):
    system = DampedMassSpring(mass=0.8, stiffness=2.0, damping=0.3)
    areas = flow(system, (1.0, 0.0), 5)["areas"][:, 0]
    times = torch.arange(len(areas), dtype=torch.float64) / 120
    expected = areas[0] * torch.exp(-0.3 / 0.8 * times)
    assert (areas / expected - 1).abs().max() < 1e-6


def test_two_degrees_of_freedom_keep_the_sum_of_the_areas(flow):
    answer = flow(DoublePendulum(), (1.2, 0.5, 0.0, 0.0), 3, radius=0.1, pair=1)
    areas = answer["areas"]
    assert (areas[:, 1] / areas[0, 1] - 1).abs().max() > 0.05  # not each of them
    total = areas.sum(dim=1)
    assert (total / total[0] - 1).abs().max() < 3e-3


def test_backwards_it_returns(flow):
    answer = flow(Pendulum(), (1.0, 0.3), 8, backAfter=480)
    assert answer["last"] == pytest.approx(answer["first"], abs=1e-6)


def test_a_cloud_that_is_too_fine_to_follow_says_so(flow):
    answer = flow(DoublePendulum(), (2.5, 2.5, 0.0, 0.0), 30, radius=0.5)
    assert answer["lost"]
    assert answer["points"] < 9000
