"""The schedule lab: its Python side, and in Chromium by mouse, finger and keyboard."""

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

from hnn_tutorial.finance import Execution
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.widgets import ScheduleLab

EXECUTION = Execution(impact=1.0, exponent=0.6, aversion=1.0, volatility=2.0)


def usual(**more):
    return ScheduleLab(EXECUTION, 1.0, 1.0, **more)


def excess_of(lab):
    """By how much its schedule costs more than the cheapest, as a share of that."""
    best = lab.execution.path(lab.shares, lab.times)
    return float(lab.cost(lab.schedule) / lab.cost(best) - 1)


# --- in Python -----------------------------------------------------------------------------------


def test_it_starts_evenly_and_has_a_picture():
    lab = usual()
    assert lab._picture.startswith("<svg")
    assert f"costs {100 * excess_of(lab):.3g} % more" in lab._picture_alt
    assert lab.levels == pytest.approx([5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6], abs=1e-6)
    line = 1 - lab.times
    assert (lab.schedule - line).abs().max() < 1e-5
    # η v^1.6 at v = 1, and α ∫(1 − t)² dt.
    assert float(lab.cost(line)) == pytest.approx(1 + 4 / 3, rel=1e-4)
    assert lab._constants == "η = 1, β = 0.6, σ = 2"


def test_no_schedule_of_its_kind_is_cheaper_than_the_cheapest_path():
    lab = usual(knots=9)
    best = lab.execution.path(1.0, lab.times)
    steps = (len(lab.times) - 1) // 10
    lab.levels = best[steps:-1:steps].tolist()
    assert 0 <= excess_of(lab) < 2e-3
    generator = torch.Generator().manual_seed(0)
    near = torch.tensor(lab.levels)
    for _ in range(20):
        moved = near + 0.02 * torch.randn(9, generator=generator, dtype=near.dtype)
        lab.levels = moved.clamp(0, 1).tolist()
        assert excess_of(lab) > 0


def test_traits_go_both_ways():
    lab = usual()
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["levels", "aversion"])
    lab.set_state({"levels": [0.5, 0.4, 0.3, 0.2, 0.1], "aversion": 3.0})
    assert sorted(heard) == ["aversion", "levels"]
    assert lab.execution == Execution(1.0, 0.6, 3.0, 2.0)
    with pytest.raises(ValueError, match="5 numbers from 0 to 1"):
        lab.levels = [0.5]
    with pytest.raises(ValueError, match=r"from 0.03333 to 30"):
        lab.aversion = 1000.0


@pytest.mark.parametrize(
    "error, message, options",
    [
        (TypeError, r"a finance\.Execution", {"execution": MassSpring()}),
        (ValueError, "shares = -1", {"shares": -1.0}),
        (ValueError, "horizon = 0", {"horizon": 0.0}),
        (ValueError, "from 2 to 9", {"knots": 12}),
        (ValueError, "5 numbers from 0 to 1", {"levels": [0.5]}),
        (ValueError, "5 numbers from 0 to 1", {"levels": [2.0, 0.5, 0.4, 0.3, 0.2]}),
        (ValueError, "unknown task", {"task": "rich"}),
    ],
)
def test_what_the_lab_cannot_run_is_refused_with_the_reason(error, message, options):
    with pytest.raises(error, match=message):
        ScheduleLab(**{"execution": EXECUTION, **options})


# --- in the browser ------------------------------------------------------------------------------


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, usual, height=1300) as opener:
        yield opener


def knobs(page):
    return page.locator(".hnn-handle").all()


def left_at(page, number):
    drawn(page)
    text = knobs(page)[number].get_attribute("aria-valuetext")
    return float(re.match(r"[\d.]+", text)[0])


def dearer(page):
    """By how many percent the reader's schedule is said to be dearer."""
    drawn(page)
    text = page.locator(".hnn-reading").inner_text()
    found = re.search(r"([\d.]+)\s% dearer", text)
    return float(found[1]) if found else 0.0


def test_a_point_is_dragged_and_the_cost_follows(open_lab):
    page = open_lab()
    lab = usual()
    assert dearer(page) == pytest.approx(100 * excess_of(lab), rel=0.05)
    before = left_at(page, 1)
    drag(page, knobs(page)[1], 0, 50)
    after = left_at(page, 1)
    assert after < before - 0.1
    assert left_at(page, 3) == pytest.approx(lab.levels[3], abs=1e-3)
    lab.levels = [left_at(page, j) for j in range(5)]
    assert dearer(page) == pytest.approx(100 * excess_of(lab), rel=0.05)


def test_a_schedule_near_the_cheapest_does_the_task_and_shows_it(open_lab):
    """Each point is brought by keys to where the cheapest path is."""
    page = open_lab()
    best = EXECUTION.path(1.0, usual().times)
    task = page.locator(".hnn-task")
    expect(task).not_to_have_class(re.compile("hnn-done"))
    for j, knob in enumerate(knobs(page)):
        knob.focus()
        wanted = float(best[40 * (j + 1)])
        for _ in range(100):
            gap = left_at(page, j) - wanted
            if abs(gap) <= 0.006:
                break
            page.keyboard.press(("Shift+" if abs(gap) > 0.05 else "") + "ArrowDown")
    expect(task).to_have_class(re.compile("hnn-done"), timeout=30_000)
    assert dearer(page) < 1
    expect(page.locator(".hnn-verdict")).to_contain_text("along the cheapest path it is")


def test_asking_lays_the_schedule_on_the_cheapest_path_and_does_not_do_the_task(open_lab):
    page = open_lab()
    page.get_by_role("button", name="Cheapest path").click()
    drawn(page)
    best = EXECUTION.path(1.0, usual().times)
    for j in range(5):
        assert left_at(page, j) == pytest.approx(float(best[40 * (j + 1)]), abs=2e-3)
    assert dearer(page) < 0.5
    page.wait_for_timeout(300)
    expect(page.locator(".hnn-task")).not_to_have_class(re.compile("hnn-done"))
    page.get_by_role("button", name="Sell evenly").click()
    assert left_at(page, 2) == pytest.approx(0.5, abs=1e-3)
    page.get_by_role("button", name="Reset").click()
    assert dearer(page) == pytest.approx(100 * excess_of(usual()), rel=0.05)


def test_without_aversion_even_selling_is_cheap(open_lab):
    page = open_lab(usual(task="patient"))
    field = page.get_by_role("textbox", name="aversion to risk, typed")
    field.fill("3")
    field.press("Enter")
    drawn(page)
    assert dearer(page) > 50
    field.fill("0.05")
    field.press("Enter")
    expect(page.locator(".hnn-task")).to_have_class(re.compile("hnn-done"), timeout=30_000)


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    page.locator("h1").click()
    visited = []
    for _ in range(11):
        page.keyboard.press("Tab")
        visited.append(
            page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.closest('label')"
                "?.querySelector('.hnn-name').textContent ?? document.activeElement.textContent"
            )
        )
    assert visited == [
        *(f"what is left after {day} days" for day in ("0.17", "0.33", "0.50", "0.67", "0.83")),
        "Sell evenly",
        "Cheapest path",
        "Reset",
        "More",
        "aversion to risk, typed",
        "aversion to risk",
    ]
    before = left_at(page, 2)
    knobs(page)[2].focus()
    page.keyboard.press("Shift+ArrowUp")
    assert left_at(page, 2) == pytest.approx(before + 0.05, abs=1e-3)


def test_a_finger_drags_a_point(open_lab):
    page = open_lab(width=390, has_touch=True)
    before = left_at(page, 2)
    swipe(page, 0, 40, knob=2)
    assert left_at(page, 2) < before - 0.1


# --- the page around it --------------------------------------------------------------------------


@pytest.mark.parametrize("width, density", [(360, 3), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    assert_it_fits(open_lab(width=width, device_scale_factor=density), density)


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(markup={"after": SPACER}, init=MEASURE_FRAMES)
    assert_it_rests_out_of_sight(page)


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    assert_it_leaves_nothing(page, heard=4)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"levels": [0.1]}, "the schedule must be 5 numbers from 0 to 1"),
        ({"aversion": -1.0}, "the aversion to risk must be above 0"),
    ],
)
def test_a_bad_state_is_a_message(open_lab, traits, message):
    page = open_lab(markup=spoil(**traits))
    assert_it_says(page, message)
