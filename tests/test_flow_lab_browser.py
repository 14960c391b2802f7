"""The flow lab: its Python side, and in Chromium by mouse, finger and keyboard."""

import math
import re

import pytest
import torch
from playwright.sync_api import expect
from widget_page import (
    MEASURE_FRAMES,
    SPACER,
    assert_it_fits,
    assert_it_leaves_nothing,
    assert_it_rests_out_of_sight,
    assert_it_says,
    drag,
    drawn,
    lab_opener,
    spoil,
    swipe,
)

from hnn_tutorial.flows import (
    DENSITIES,
    DrivenHamiltonianFlow,
    GaussianMixture,
    NeuralHamiltonianFlow,
    RealNVP,
)
from hnn_tutorial.widgets import FlowLab

STIFFNESS = 4.0
FOCUS = GaussianMixture(torch.zeros(1, 2), 0.5)
"""To which a quarter period of a spring of stiffness 4 carries a Gaussian: p/2, of width a half."""


def lens(duration=math.pi / 4, steps=8):
    """A flow that is that spring alone."""
    flow = NeuralHamiltonianFlow(2, (2,), steps=steps, duration=duration, stiffness=STIFFNESS)
    with torch.no_grad():
        flow.network.layers[-1].weight.zero_()
    return flow


def usual(**more):
    return FlowLab(lens(), FOCUS, **{"samples": 800, "start": (1.0, 0.5, 0.8, -0.6), **more})


# --- in Python -----------------------------------------------------------------------------------


def test_it_has_a_picture_and_names_its_constants():
    lab = usual()
    assert lab._picture.startswith("<svg")
    assert "600 samples" in lab._picture_alt
    assert lab._constants == "T = 0.785 in 8 steps of leapfrog, masses 1 and 1, κ = 4"
    assert len(lab._density) == 129**2
    # The region that holds 99 % of a round Gaussian ends where ln ρ is ln 100 below its maximum.
    assert lab._target["edge"] == pytest.approx(-math.log(100), rel=0.06)


def test_traits_go_both_ways():
    lab = usual()
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["state"])
    lab.set_state({"state": [0.1, 0.2, 0.3, 0.4]})
    assert heard == ["state"]
    assert lab.state.tolist() == [0.1, 0.2, 0.3, 0.4]
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        lab.state = [1.0, 0.0]


def spoiled(name, value):
    flow = lens()
    with torch.no_grad():
        getattr(flow, name).fill_(value)
    return flow


@pytest.mark.parametrize(
    "error, message, options",
    [
        (TypeError, "does not depend on time", {"flow": DrivenHamiltonianFlow(2, (3,))}),
        (TypeError, "expected a NeuralHamiltonianFlow", {"flow": RealNVP(2, (3,), 2)}),
        (ValueError, "3 dimensions", {"flow": NeuralHamiltonianFlow(3, (3,))}),
        (ValueError, "at most 6,000", {"flow": NeuralHamiltonianFlow(2, (90, 90))}),
        (ValueError, "the page at most 16", {"flow": lens(steps=17)}),
        (ValueError, "not finite", {"flow": spoiled("log_duration", math.inf)}),
        (ValueError, "not finite", {"flow": spoiled("log_mass", -math.inf)}),
        (TypeError, "a GaussianMixture", {"target": "moons"}),
        (ValueError, "3 dimensions", {"target": GaussianMixture(torch.zeros(1, 3), 1.0)}),
        (ValueError, "from 10 to 5,000", {"samples": 6000}),
        (ValueError, "from 10 to 5,000", {"samples": 9}),
        (ValueError, r"shape \(4,\)", {"start": (0.0, 0.0)}),
        (TypeError, "seed is 'a'", {"seed": "a"}),
    ],
)
def test_what_the_lab_cannot_run_is_refused_with_the_reason(error, message, options):
    with pytest.raises(error, match=message):
        FlowLab(**{"flow": lens(), "target": FOCUS, **options})


# --- in the browser ------------------------------------------------------------------------------


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, usual, height=1300) as opener:
        yield opener


AT_REST = {"reduced_motion": "reduce"}


def ready(page):
    """Wait until all samples are known."""
    expect(page.locator(".hnn-status").first).to_contain_text("Your sample starts", timeout=60_000)


def scrub_to(page, place):
    """Bring time to a part of what the chart shows, by keys."""
    line = page.get_by_role("slider", name="time that is shown")
    line.focus()
    page.keyboard.press("Home")
    for _ in range(round(10 * place)):
        drawn(page)  # the scrubber goes on from where it was drawn
        page.keyboard.press("PageUp")
    drawn(page)


def rows(page):
    """Share on the target, spread of q and of p, each now and at the start."""
    found = []
    for row in page.locator("tbody tr").all():
        found.append([float(re.sub(r"[^\d.]", "", t)) for t in row.locator("td").all_inner_texts()])
    return found


def own(page, part):
    text = page.get_by_role("slider", name=part).get_attribute("aria-valuetext")
    return [float(x.replace("−", "-")) for x in re.findall(r"[−\d.]+\d", text)]


PLACE, MOMENTUM = "place of your sample", "momentum of your sample"


def test_samples_are_in_focus_at_t_alone_and_a_gaussian_again_at_twice_t(open_lab):
    """The exact case: after a quarter period positions have half the width, momenta twice."""
    page = open_lab(**AT_REST)
    ready(page)
    scrub_to(page, 0)
    (before, _), (wide, _), (slow, _) = rows(page)
    assert before < 80
    assert wide == pytest.approx(1, abs=0.1)
    scrub_to(page, 0.5)
    expect(page.locator(".hnn-clock")).to_have_text("t = 1.00 T")
    (focus, _), (narrow, _), (fast, _) = rows(page)
    assert focus >= 96
    assert narrow == pytest.approx(slow / 2, rel=0.02)
    assert fast == pytest.approx(2 * wide, rel=0.02)
    scrub_to(page, 1)
    (after, first), (again, _), _ = rows(page)
    assert after == pytest.approx(first, abs=4)
    assert again == pytest.approx(wide, rel=0.05)


def test_the_own_sample_is_dragged_and_its_end_is_known(open_lab):
    page = open_lab(**AT_REST)
    ready(page)
    before = own(page, PLACE), own(page, MOMENTUM)
    drag(page, page.get_by_role("slider", name=PLACE), -40, 30)
    drag(page, page.get_by_role("slider", name=MOMENTUM), 25, 20)
    drawn(page)
    (q1, q2), (p1, p2) = own(page, PLACE), own(page, MOMENTUM)
    assert q1 < before[0][0] - 0.3
    assert q2 < before[0][1] - 0.2
    assert p1 > before[1][0] + 0.2
    assert p2 < before[1][1] - 0.2
    # A quarter period later a spring's position is p/ω.
    text = page.locator(".hnn-fate").inner_text().replace("−", "-")
    end = [float(x) for x in re.findall(r"-?\d+\.\d+", text)]
    assert end == pytest.approx([p1 / 2, p2 / 2], abs=0.05)


def test_the_focus_is_found_by_hand(open_lab):
    page = open_lab(**AT_REST)
    ready(page)
    task = page.locator(".hnn-task")
    scrub_to(page, 0.3)
    expect(task).not_to_have_class(re.compile("hnn-done"))
    scrub_to(page, 0.5)
    expect(task).to_have_class(re.compile("hnn-done"), timeout=30_000)


def test_one_place_and_two_momenta_end_apart(open_lab):
    page = open_lab(usual(task="momentum"), **AT_REST)
    ready(page)
    task = page.locator(".hnn-task")
    knob = page.get_by_role("slider", name=MOMENTUM)
    knob.focus()
    page.keyboard.press("ArrowRight")
    drawn(page)
    expect(task).not_to_have_class(re.compile("hnn-done"))
    for _ in range(6):
        page.keyboard.press("Shift+ArrowLeft")
    expect(task).to_have_class(re.compile("hnn-done"), timeout=30_000)


def test_it_runs_backwards_to_the_gaussian(open_lab):
    page = open_lab(usual(task="back", speed=1.0), **AT_REST)
    ready(page)
    scrub_to(page, 0.6)
    back = page.get_by_role("button", name="Run backwards")
    back.click()
    expect(back).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.00 T", timeout=60_000)
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    expect(page.locator(".hnn-task")).to_have_class(re.compile("hnn-done"), timeout=30_000)
    # From its end it goes on from the other one.
    page.locator(".hnn-primary").click()
    page.wait_for_function(
        "parseFloat(document.querySelector('.hnn-clock').textContent.slice(4)) > 0.1",
        timeout=30_000,
    )


def test_forwards_it_ends_at_twice_t(open_lab):
    page = open_lab(usual(speed=1.0))
    expect(page.locator(".hnn-primary")).to_have_text("Replay", timeout=60_000)
    expect(page.locator(".hnn-clock")).to_have_text("t = 2.00 T")
    expect(page.locator(".hnn-status").first).to_contain_text("At T 9", timeout=30_000)


def test_everything_by_keyboard(open_lab):
    page = open_lab(**AT_REST)
    ready(page)
    page.locator("h1").click()
    visited = []
    for _ in range(8):
        page.keyboard.press("Tab")
        visited.append(
            page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.closest('label')"
                "?.querySelector('.hnn-name').textContent ?? document.activeElement.textContent"
            )
        )
    controls = ["Play", "Run backwards", "speed", "Reset", "More"]
    assert visited == [PLACE, MOMENTUM, "time that is shown", *controls]
    before = own(page, PLACE)
    page.get_by_role("slider", name=PLACE).focus()
    page.keyboard.press("Shift+ArrowUp")
    drawn(page)
    assert own(page, PLACE)[1] > before[1] + 0.2


def test_a_finger_drags_the_sample(open_lab):
    page = open_lab(width=390, has_touch=True, **AT_REST)
    ready(page)
    before = own(page, PLACE)
    swipe(page, -40)
    drawn(page)
    assert own(page, PLACE)[0] < before[0] - 0.3


# --- the page around it --------------------------------------------------------------------------


@pytest.mark.parametrize("width, density", [(360, 3), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    lab = FlowLab(NeuralHamiltonianFlow(2, (8,)), DENSITIES["moons"], samples=300)
    assert_it_fits(open_lab(lab, width=width, device_scale_factor=density), density)


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(markup={"after": SPACER}, init=MEASURE_FRAMES)
    ready(page)
    assert_it_rests_out_of_sight(page)


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    assert_it_leaves_nothing(page, heard=8)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"state": [0.1, 0.2]}, "the start must be four finite numbers"),
        ({"_target": {"half": 3, "mesh": 9, "depth": 9, "edge": -4}}, "table needs 100 bytes"),
        (
            {
                "_flow": {
                    "sizes": [2, 2, 1],
                    "activation": "tanh",
                    "steps": 2,
                    "duration": -1,
                    "masses": [1, 1],
                    "stiffness": 1,
                }
            },
            "must be above 0",
        ),
    ],
)
def test_a_bad_state_is_a_message(open_lab, traits, message):
    page = open_lab(markup=spoil(**traits))
    assert_it_says(page, message)
