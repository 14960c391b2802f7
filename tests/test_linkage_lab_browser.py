"""The linkage lab: its Python side, and in Chromium by mouse, finger and keyboard."""

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
    stop,
    swipe,
)

from hnn_tutorial.constraints import Rods
from hnn_tutorial.models import HNN, ConstrainedLNN
from hnn_tutorial.systems import FourBar, LinkChain, MassSpring
from hnn_tutorial.widgets import LinkageLab

CHAIN = LinkChain(2)


def clnn(system=CHAIN):
    """A network whose masses and weights are those of the system, but for a common factor."""
    model = ConstrainedLNN(system.constraints, (), couplings=False)
    with torch.no_grad():
        slope = torch.zeros(system.degrees, dtype=torch.float64)
        # Masses start as one.
        slope[1::2] = system.weights / system.masses_between.diagonal()
        model.network.layers[0].weight.copy_(slope.unsqueeze(0))
    return model


# --- in Python -----------------------------------------------------------------------------------


def test_it_starts_on_its_rods_and_has_a_picture():
    open_lab = LinkageLab(CHAIN, {"CLNN": clnn()}, start=(0.5, 1.0))
    loop = FourBar(rod_masses=0.3)
    closed = LinkageLab(loop)
    for lab, what in ((open_lab, "2 links, open"), (closed, "closed by one rod more")):
        assert lab._picture.startswith("<svg")
        assert what in lab._picture_alt
        q = torch.tensor(lab.positions, dtype=torch.float64)
        assert lab.rods.values(q).abs().max() < 1e-12
    assert open_lab.closing == 0.0
    assert closed.closing == pytest.approx(loop.rocker)
    assert closed.rods.pairs == loop.constraints.pairs
    assert closed._system["masses"][1] == loop.masses_between.tolist()
    assert closed._system["masses"][0] == loop.open_chain.masses_between.tolist()
    assert open_lab._constants == "N = 2, m = 1 kg, l = 1 m, μ = 0 kg, g = 9.81 m/s²"
    assert LinkageLab(CHAIN, closed=True, anchor=(0.5, 0.3)).rods.anchors[1] == (0.5, 0.3)


def test_traits_go_both_ways():
    lab = LinkageLab(CHAIN)
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["positions", "closing", "step"])
    lab.set_state({"positions": [0.0, -1.0, 0.0, -2.0], "closing": 2.0, "step": 0.05})
    assert sorted(heard) == ["closing", "positions", "step"]
    with pytest.raises(ValueError, match="4 finite numbers"):
        lab.positions = [0.0, -1.0]
    with pytest.raises(ValueError, match="length of a rod"):
        lab.closing = -1.0
    lab.set_model("one", clnn())
    with pytest.raises(ValueError, match="room for one"):
        lab.set_model("two", clnn())


@pytest.mark.parametrize(
    "error, message, options",
    [
        (TypeError, "a LinkChain or FourBar", {"system": MassSpring()}),
        (ValueError, "at most 6", {"system": LinkChain(7)}),
        (ValueError, "a FourBar has its own", {"system": FourBar(), "anchor": (1.0, 0.0)}),
        (ValueError, r"expected 2 finite angle\(s\)", {"start": (0.1, 0.2, 0.3)}),
        (ValueError, "do not reach", {"system": FourBar(crank=2.0, coupler=0.8), "start": 3.0}),
        (ValueError, "beside the origin", {"anchor": (0.0, 0.0)}),
        (ValueError, "from 0.001 to 0.1", {"step": 0.2}),
        (
            ValueError,
            "on the second pivot",
            {"start": (math.pi / 2, math.pi / 2), "anchor": (2.0, 0.0), "closed": True},
        ),
        (TypeError, "this lab runs ConstrainedLNN", {"models": {"a": HNN(4)}}),
        (ValueError, "states of 12", {"models": {"a": clnn(LinkChain(3))}}),
        (
            ValueError,
            "in 4 dimensions",
            {"models": {"a": ConstrainedLNN(Rods([(-1, 0)], [1.0], dimension=4))}},
        ),
    ],
)
def test_what_the_lab_cannot_run_is_refused_with_the_reason(error, message, options):
    with pytest.raises(error, match=message):
        LinkageLab(**{"system": CHAIN, **options})


# --- in the browser ------------------------------------------------------------------------------


def usual():
    return LinkageLab(CHAIN, {"CLNN": clnn()}, start=(0.9, 1.6))


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, usual, height=1300) as opener:
        yield opener


def joint(page, number):
    return page.get_by_role("slider", name=f"joint {number}")


def place(page, number):
    """Where a joint's motion starts, by what is read out."""
    drawn(page)
    text = joint(page, number).get_attribute("aria-valuetext")
    return [float(x.replace("−", "-")) for x in re.findall(r"= (\S+) m", text)]


def table(page):
    return [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]


def plays_until(page, seconds):
    """Wait until the motion has come so far."""
    page.wait_for_function(
        "most => parseFloat(document.querySelector('.hnn-clock').textContent) >= most",
        arg=seconds,
        timeout=60_000,
    )


def test_rattle_keeps_the_rods_rk4_does_not_and_a_right_network_is_the_truth(open_lab):
    page = open_lab(LinkageLab(CHAIN, {"CLNN": clnn()}, start=(0.9, 1.6), step=0.05))
    page.locator(".hnn-speed select").select_option("10")
    plays_until(page, 8)
    stop(page)
    rattle, rk4, model = table(page)
    assert re.search("^0$|10⁻¹[³⁴⁵]$", rattle[0])
    assert model == rattle
    assert re.fullmatch(r"0\.\d+|\d+(\.\d+)?", rk4[0])
    expect(page.locator(".hnn-status").first).to_contain_text("rods are off by: RATTLE ")


def test_a_joint_is_dragged_on_its_rods_and_let_go(open_lab):
    page = open_lab()
    stop(page)
    page.get_by_role("button", name="Reset").click()
    first = place(page, 2)
    drag(page, joint(page, 2), 30, -60)
    moved = place(page, 2)
    assert math.dist(first, moved) > 0.2
    assert math.hypot(*place(page, 1)) == pytest.approx(1, abs=0.01)
    assert math.dist(place(page, 1), moved) == pytest.approx(1, abs=0.015)


def test_a_drag_lets_the_linkage_swing_from_there(open_lab):
    page = open_lab()
    drag(page, joint(page, 1), 25, 30)
    plays_until(page, 0.5)


def test_the_loop_is_closed_and_opened_where_the_linkage_is(open_lab):
    page = open_lab()
    task = page.locator(".hnn-task")
    stop(page)
    # From the start again: a motion that goes on would be closed elsewhere.
    page.get_by_role("button", name="Reset").click()
    hung = place(page, 2)
    page.get_by_role("button", name="Close the loop").click()
    status = page.locator(".hnn-status").first
    expect(status).to_contain_text("Closed loop: 2 links and a rod of", timeout=60_000)
    length = float(re.search(r"a rod of (\S+) m", status.inner_text())[1])
    before = place(page, 2)
    assert math.dist(before, hung) < 0.015
    anchor = [1.2, 0.0]
    assert math.dist(before, anchor) == pytest.approx(length, abs=0.015)
    drag(page, joint(page, 1), 20, 25)
    assert math.dist(place(page, 2), anchor) == pytest.approx(length, abs=0.015)
    assert math.dist(place(page, 2), before) > 0.03
    expect(task).not_to_have_class(re.compile("hnn-done"))
    if page.locator(".hnn-primary").inner_text() == "Play":
        page.locator(".hnn-primary").click()
    expect(task).to_have_class(re.compile("hnn-done"), timeout=60_000)
    page.get_by_role("button", name="Open the loop").click()
    expect(status).to_contain_text("Open chain of 2 links", timeout=60_000)
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_role("button", name="Close the loop")).to_be_visible()
    assert math.dist(place(page, 2), hung) < 0.015


def test_a_longer_step_makes_rk4_leave_and_the_task_notices(open_lab):
    page = open_lab(LinkageLab(CHAIN, start=(0.9, 1.6), task="leave"))
    step = page.get_by_role("textbox", name="step, typed")
    step.fill("0.06")
    step.press("Enter")
    expect(page.locator(".hnn-task")).to_have_class(re.compile("hnn-done"), timeout=60_000)


def test_a_motion_that_stops_says_why(open_lab):
    """A heavy spring in the network, under which no step of a twentieth finds its rods."""
    model = clnn()
    with torch.no_grad():
        model.network.layers[0].weight.copy_(torch.tensor([[9e3, 0.0, -9e3, 0.0]]))
    page = open_lab(LinkageLab(CHAIN, {"CLNN": model}, step=0.1))
    expect(page.locator(".hnn-fate")).to_contain_text("CLNN stopped after", timeout=60_000)


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    stop(page)
    page.get_by_role("button", name="Reset").click()
    page.locator("h1").click()
    visited = []
    for _ in range(9):
        page.keyboard.press("Tab")
        visited.append(
            page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.closest('label')"
                "?.querySelector('.hnn-name').textContent ?? document.activeElement.textContent"
            )
        )
    controls = ["Play", "Close the loop", "speed", "Reset", "More", "step, typed", "step"]
    assert visited == ["joint 1", "joint 2", *controls]
    before = place(page, 2)
    joint(page, 2).focus()
    page.keyboard.press("Shift+ArrowLeft")
    after = place(page, 2)
    assert after[0] < before[0] - 0.1


def test_a_finger_drags_a_joint(open_lab):
    page = open_lab(width=390, has_touch=True)
    stop(page)
    page.get_by_role("button", name="Reset").click()
    before = place(page, 2)
    swipe(page, -30, knob=1)
    assert place(page, 2)[0] < before[0] - 0.1


# --- the page around it --------------------------------------------------------------------------


@pytest.mark.parametrize("width, density", [(360, 3), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    lab = LinkageLab(LinkChain(5), step=0.01)
    assert_it_fits(open_lab(lab, width=width, device_scale_factor=density), density)


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(markup={"after": SPACER}, init=MEASURE_FRAMES)
    assert_it_rests_out_of_sight(page)


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    assert_it_leaves_nothing(page, heard=8)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"positions": [0.0, -1.0]}, "the positions must be 4 finite numbers"),
        ({"closing": -1.0}, "the closing rod must have a length"),
        ({"closing": 50.0}, "the rods do not reach"),
        ({"step": 0.0}, "the step must be from 0.001 to 0.1 s"),
    ],
)
def test_a_bad_state_is_a_message(open_lab, traits, message):
    page = open_lab(markup=spoil(**traits))
    assert_it_says(page, message)
