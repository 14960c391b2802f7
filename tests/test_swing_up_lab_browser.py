"""The swing-up lab: its Python side, and in Chromium by mouse, finger and keyboard."""

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
    ink,
    lab_opener,
    spoil,
)

from hnn_tutorial.models import HNN, StructuredLNN
from hnn_tutorial.systems import CartPole, Pendulum
from hnn_tutorial.widgets import SwingUpLab

NETWORK = StructuredLNN(2, (8,), angles=(1,), seed=1)  # untrained: it believes in another machine
KNOWS_NOTHING = {"LNN": NETWORK}


# --- in Python -----------------------------------------------------------------------------------


def test_it_has_a_picture_and_names_its_constants():
    lab = SwingUpLab(CartPole(), KNOWS_NOTHING)
    assert lab._picture.startswith("<svg")
    assert len(lab._picture) < 250_000
    assert lab._picture_alt.startswith(
        "A pole on a cart, swung up by the true energy and by the LNN"
    )
    assert lab._constants == "M = 1 kg, m = 0.3 kg, l = 1 m, g = 1 m/s²"


def test_its_scales_are_those_of_the_machine():
    """Twice as heavy, and it is the same lab with twice the force."""
    lab, heavy = SwingUpLab(CartPole()), SwingUpLab(CartPole(2.0, 0.6))
    assert heavy.limit == 2 * lab.limit
    motions = [each._motion(0) for each in (lab, heavy)]
    torch.testing.assert_close(motions[1].states, motions[0].states, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(motions[1].inputs, 2 * motions[0].inputs, rtol=1e-6, atol=1e-6)


def test_traits_go_both_ways_and_a_model_can_be_replaced():
    lab = SwingUpLab(CartPole(), KNOWS_NOTHING)
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["limit", "gain", "angle"])
    lab.set_state({"limit": 0.5, "gain": 2.0, "angle": -1.0})
    assert sorted(heard) == ["angle", "gain", "limit"]
    before = lab._gains
    lab.set_model("LNN", StructuredLNN(2, (5,), angles=(1,), seed=2))
    assert lab._gains[0] == before[0]
    assert lab._gains[1] != before[1]
    with pytest.raises(ValueError, match="at most 1 of them"):
        lab.set_model("second", NETWORK)
    assert list(lab.models) == ["LNN"]


@pytest.mark.parametrize(
    "error, message, options",
    [
        (TypeError, "system is a Pendulum; this lab knows CartPole", {"system": Pendulum()}),
        (TypeError, "this lab runs StructuredLNN", {"models": {"a": HNN(2)}}),
        (ValueError, "2 models", {"models": {"a": NETWORK, "b": NETWORK}}),
        (ValueError, "states of 2 components", {"models": {"a": StructuredLNN(1)}}),
        (ValueError, "limit = 0.0; it is from 0.13 to 2.6", {"limit": 0.0}),
        (ValueError, "friction = 1.0", {"friction": 1.0}),
        (TypeError, "gain = 'much'", {"gain": "much"}),
        (ValueError, "unknown task 'swing'", {"task": "swing"}),
    ],
)
def test_what_the_lab_cannot_run_is_refused_with_the_reason(error, message, options):
    with pytest.raises(error, match=message):
        SwingUpLab(**{"system": CartPole(), **options})


# --- in the browser ------------------------------------------------------------------------------


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, lambda: SwingUpLab(CartPole()), height=1400) as opener:
        yield opener


def status(page):
    return page.locator(".hnn-status").first


def to_the_end(page):
    """Touch the lab, and show its last instant."""
    expect(status(page)).not_to_be_empty(timeout=60_000)
    page.get_by_role("slider", name="time that is shown").focus()

    def shown() -> bool:
        # A key leads as far as the motion is known.
        page.keyboard.press("End")
        drawn(page)
        return page.locator(".hnn-clock").inner_text() == "t = 40.0 s"

    assert any(shown() for _ in range(1000))


def type_force(page, text):
    field = page.get_by_role("textbox", name="largest force, typed")
    field.fill(text)
    field.press("Enter")


def pole(page, row=0):
    return page.locator("tbody tr").nth(row).locator("td").first


def test_the_pole_stands_at_the_end_and_a_weak_motor_lets_it_swing(open_lab):
    page = open_lab()
    to_the_end(page)
    expect(pole(page)).to_have_text(re.compile(r"^up since 1\d\.\d s$"))
    expect(status(page)).to_contain_text("with at most 1 N, after 40 s: true energy: up since")
    type_force(page, "0.3")
    to_the_end(page)
    expect(pole(page)).to_have_text("swings")
    expect(status(page)).to_contain_text("with at most 0.3 N, after 40 s: true energy: swings")
    page.get_by_role("button", name="Reset").click()
    expect(page.get_by_role("textbox", name="largest force, typed")).to_have_value("1 N")


def test_the_whole_motion_stays_in_the_picture_on_a_phone(open_lab):
    # As on the page of the chapter: the cart runs to the end of its track, the pole beyond.
    models = {"learned": StructuredLNN(2, (8,), angles=(1,), seed=1)}
    lab = SwingUpLab(CartPole(), models, limit=1.0, gain=13.0, above=0.03, angle=0.4)
    page = open_lab(lab, width=390)
    to_the_end(page)
    page.keyboard.press("Home")
    far = 0.0
    for _ in range(40):
        drawn(page)  # the scrubber goes on from where it was drawn
        page.keyboard.press("ArrowRight")
        drawn(page)
        stage = page.locator(".hnn-body").bounding_box()
        knob = page.locator(".hnn-handle-body").bounding_box()
        bob = knob["x"] + knob["width"] / 2 - stage["x"]
        assert 8 <= bob <= stage["width"] - 8
        far = max(far, bob)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert far > 0.9 * stage["width"]


def test_the_task_is_done_with_a_weaker_motor_only(open_lab):
    page = open_lab()
    task = page.locator(".hnn-task")
    to_the_end(page)
    expect(pole(page)).to_have_text(re.compile("^up"))
    expect(task).not_to_have_class(re.compile("hnn-done"))
    type_force(page, "0.8")
    to_the_end(page)
    expect(pole(page)).to_have_text(re.compile("^up"))
    expect(task).to_have_class(re.compile("hnn-done"))


def test_what_a_network_believes_without_training_brings_nothing_up(open_lab):
    """And the task of two poles that end differently is done with that."""
    page = open_lab(SwingUpLab(CartPole(), KNOWS_NOTHING, task="differ"))
    to_the_end(page)
    expect(pole(page)).to_have_text(re.compile("^up"))
    expect(pole(page, 1)).to_have_text(re.compile("^swings|^ran away"))
    expect(page.locator(".hnn-task")).to_have_class(re.compile("hnn-done"))


def test_the_pole_starts_where_the_reader_puts_it(open_lab):
    page = open_lab()
    handle = page.get_by_role("slider", name="angle of the pole at the start")
    expect(handle).to_have_attribute("aria-valuetext", "θ = 0.80 rad")
    handle.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    expect(handle).to_have_attribute("aria-valuetext", "θ = 1.10 rad")
    page.locator(".hnn-primary").click()
    drag(page, handle, -40, 10)
    expect(handle).not_to_have_attribute("aria-valuetext", "θ = 1.10 rad")
    assert ink(page, ".hnn-body canvas") > 500
    assert ink(page, ".hnn-energy canvas") > 300
    assert ink(page, ".hnn-force canvas") > 300


@pytest.mark.parametrize("width, density", [(360, 3), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    lab = SwingUpLab(CartPole(), KNOWS_NOTHING)
    page = open_lab(lab, width=width, device_scale_factor=density)
    expect(status(page)).not_to_be_empty(timeout=60_000)
    assert_it_fits(page, density)


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(markup={"after": SPACER}, init=MEASURE_FRAMES)
    assert_it_rests_out_of_sight(page)


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    assert_it_leaves_nothing(page)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"limit": -1.0}, "limit must be from 0.13 to 2.6"),
        ({"_gains": [[1.0]]}, "the regulators must be 1 times four finite numbers"),
        ({"_system": {"name": "yo-yo", "parameters": {}}}, 'unknown system "yo-yo"'),
        (
            {"_models": [{"kind": "structured_lnn", "count": 3}]},
            "the weights of the networks are missing",
        ),
    ],
)
def test_a_bad_state_is_a_message(open_lab, traits, message):
    page = open_lab(markup=spoil(**traits))
    assert_it_says(page, message)
