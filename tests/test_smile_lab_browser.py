"""The smile lab: its Python side, and in Chromium by mouse, finger and keyboard."""

import re

import numpy as np
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

from hnn_tutorial.finance import MetricNetwork, Sabr, SabrMetric, Vasicek, smile
from hnn_tutorial.widgets import SmileLab
from hnn_tutorial.widgets.smile_lab import TABLE

SABR = Sabr(0.3, 0.9, -0.5)


def usual(**more):
    return SmileLab(SABR, strike=-0.25, **more)


def volatility_at(sabr, k):
    return float(sabr.short_volatility(torch.tensor([k], dtype=torch.float64)))


# --- in Python -----------------------------------------------------------------------------------


def test_it_starts_straight_and_has_a_picture():
    lab = usual()
    assert lab._picture.startswith("<svg")
    assert f"which is {volatility_at(SABR, -0.25):.3g} there" in lab._picture_alt
    assert lab.levels == [1.0] * 3
    # |k| / (a c): the correlation makes the way of constant volatility longer.
    straight = 0.25 / (0.3 * (1 - 0.5**2) ** 0.5)
    assert float(lab.length(lab.path)) == pytest.approx(straight, rel=1e-12)
    assert lab._constants == ""
    assert lab.sabr == SABR


def test_no_path_is_shorter_than_the_distance():
    lab = usual()
    k = torch.tensor([lab.strike], dtype=torch.float64)
    distance = float(SABR.distance(k))
    generator = torch.Generator().manual_seed(0)
    for _ in range(30):
        lab.levels = torch.exp(0.7 * torch.randn(3, generator=generator)).tolist()
        assert float(lab.length(lab.path)) > distance
    # That of the geodesic at the same prices comes near.
    lab.levels = [1.2, 1.35, 1.46]
    assert float(lab.length(lab.path)) < 1.01 * distance


def test_traits_go_both_ways():
    lab = usual()
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["strike", "levels", "correlation"])
    lab.set_state({"strike": 0.2, "levels": [0.5, 0.4, 0.3], "correlation": 0.4})
    assert sorted(heard) == ["correlation", "levels", "strike"]
    assert lab.sabr == Sabr(0.3, 0.9, 0.4)
    assert lab.path[-1].exp().tolist() == pytest.approx([np.exp(0.2), 0.3 * 0.3])
    with pytest.raises(ValueError, match="3 numbers from 0.05 to 20"):
        lab.levels = [0.5]
    with pytest.raises(ValueError, match="strike = 0.9; it is from -0.5 to 0.5"):
        lab.strike = 0.9
    with pytest.raises(ValueError, match="vol_of_vol = 7.0; the lab goes from 0.02 to 2"):
        lab.vol_of_vol = 7.0


def test_a_learned_metric_travels_as_its_smile_and_its_geodesics():
    metric = MetricNetwork(seed=3)
    lab = SmileLab(SABR, metric)
    count, steps = TABLE
    rows = np.frombuffer(lab._learned, "<f4").reshape(count, 2 * steps + 3)
    strikes = torch.linspace(-0.5, 0.5, count, dtype=torch.float64)
    with torch.no_grad():
        expected = smile(metric.covariance, SABR.start, strikes, 64)
    assert rows[:, 0] == pytest.approx(expected.numpy(), rel=1e-3)
    paths = rows[:, 1:].reshape(count, steps + 1, 2)
    assert paths[:, 0] == pytest.approx(np.tile([0, np.log(0.3)], (count, 1)), abs=1e-6)
    assert paths[:, -1, 0] == pytest.approx(strikes.numpy(), abs=1e-6)
    assert lab._constants == "a = 0.3, ν = 0.9, ρ = -0.5"
    with pytest.raises(ValueError, match="volatility stays"):
        lab.volatility = 0.4


@pytest.mark.parametrize(
    "error, message, options",
    [
        (TypeError, r"a finance\.Sabr", {"sabr": Vasicek()}),
        (ValueError, "exponent = 0.5", {"sabr": Sabr(exponent=0.5)}),
        (ValueError, "volatility = 3.0; the lab goes", {"sabr": Sabr(volatility=3.0)}),
        (TypeError, "one with a covariance", {"metric": 3.0}),
        (ValueError, "strike = 0.6", {"strike": 0.6}),
        (ValueError, "reach = 9", {"reach": 9}),
        (ValueError, "3 numbers", {"levels": [0.5]}),
        (ValueError, "unknown task", {"task": "rich"}),
    ],
)
def test_what_the_lab_cannot_run_is_refused_with_the_reason(error, message, options):
    with pytest.raises(error, match=message):
        SmileLab(**options)


def test_a_length_needs_two_states():
    with pytest.raises(ValueError, match="two states at least"):
        usual().length(torch.zeros(1, 2, dtype=torch.float64))


# --- in the browser ------------------------------------------------------------------------------


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, usual, height=1300) as opener:
        yield opener


def knob(page, name):
    return page.get_by_role("slider", name=name, exact=True)


def strike_of(page):
    drawn(page)
    return float(knob(page, "strike").get_attribute("aria-valuenow"))


def row(page, number):
    """Length and |k|/length of a row of the table."""
    drawn(page)
    cells = page.locator(".hnn-table tbody tr").nth(number).locator("td").all_inner_texts()
    return [float(cell) for cell in cells]


def longer(page):
    """By how many percent the reader's path is said to be longer."""
    drawn(page)
    text = page.locator(".hnn-reading").inner_text()
    return float(re.search(r"([\d.]+)\s% longer", text)[1])


def choose(page, name, value):
    """Type a number behind "More"."""
    field = page.get_by_role("textbox", name=f"{name}, typed")
    if not field.is_visible():
        page.get_by_role("button", name="More").click()
    field.fill(str(value))
    field.press("Enter")
    drawn(page)


def test_the_strike_is_dragged_in_either_picture_and_the_numbers_follow(open_lab):
    page = open_lab()
    for name in ("strike", "strike, on the smile"):
        before = strike_of(page)
        drag(page, knob(page, name), 50, 0)
        k = strike_of(page)
        assert k > before + 0.05
        k_tensor = torch.tensor([k], dtype=torch.float64)
        expected = [float(SABR.distance(k_tensor)), volatility_at(SABR, k)]
        assert row(page, 0) == pytest.approx(expected, abs=6e-4)
        assert row(page, 2) == pytest.approx([abs(k) / 0.3, 0.3], abs=6e-4)
    half_square = float(SABR.distance(k_tensor)) ** 2 / 2
    text = page.locator(".hnn-verdict").inner_text()
    found = float(re.search(r"stays at (\d+\.\d+)", text)[1])
    assert found == pytest.approx(half_square, abs=2e-3)


def test_a_press_in_the_plane_brings_the_strike_and_leaves_the_path(open_lab):
    page = open_lab()
    box = page.locator(".hnn-phase").bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 40)
    assert strike_of(page) > 0.2
    assert row(page, 1)[1] == pytest.approx(0.3 * 0.75**0.5, abs=6e-4)


LATE_FRAMES = """
window.requestAnimationFrame = (work) => setTimeout(() => work(performance.now()), 4000);
window.cancelAnimationFrame = clearTimeout;
"""


def test_a_press_before_the_first_frame_counts(open_lab):
    """A slow machine paints late; nothing in the pictures has its place until then."""
    page = open_lab(init=LATE_FRAMES)
    box = page.locator(".hnn-phase").bounding_box()
    page.mouse.click(box["x"] + 0.8 * box["width"], box["y"] + 40)
    assert page.evaluate("performance.now()") < 4000, "the press came after the first frame"
    assert strike_of(page) > 0.2


def test_a_point_of_the_path_is_dragged_and_the_strike_stays(open_lab):
    page = open_lab()
    lab = usual()
    k = strike_of(page)
    drag(page, knob(page, "point 3 of your path"), 30, -60)
    drag(page, knob(page, "point 2 of your path"), -10, -30)
    assert strike_of(page) == k
    drawn(page)
    heights = [
        float(knob(page, f"point {j} of your path").get_attribute("aria-valuenow"))
        for j in (1, 2, 3)
    ]
    assert heights[0] == pytest.approx(0.3, abs=1e-3)
    assert heights[2] > heights[1] > 0.31
    lab.levels = [height / 0.3 for height in heights]
    length = float(lab.length(lab.path))
    assert row(page, 1) == pytest.approx([length, 0.25 / length], abs=3e-3)
    page.get_by_role("button", name="Straight path").click()
    assert row(page, 1)[1] == pytest.approx(0.3 * 0.75**0.5, abs=6e-4)
    page.get_by_role("button", name="Reset").click()
    assert strike_of(page) == k


def test_a_path_near_the_geodesic_does_the_task(open_lab):
    """Each point is brought by keys."""
    page = open_lab()
    task = page.locator(".hnn-task")
    expect(task).not_to_have_class(re.compile("hnn-done"))
    for j, level in enumerate((1.2, 1.35, 1.46), start=1):
        knob(page, f"point {j} of your path").focus()
        for _ in range(round((level - 1) / 0.1)):
            page.keyboard.press("Shift+ArrowUp")
    expect(task).to_have_class(re.compile("hnn-done"), timeout=30_000)
    assert longer(page) <= 1
    # At the same path, but from the other side, it is not.
    drag(page, knob(page, "strike"), 150, 0)
    expect(task).not_to_have_class(re.compile("hnn-done"))


@pytest.mark.parametrize(
    "task, name, value",
    [("flat", "volatility of volatility ν", 0.02), ("mirror", "correlation ρ", 0.7)],
)
def test_the_tasks_of_the_sliders(open_lab, task, name, value):
    page = open_lab(usual(task=task))
    mark = page.locator(".hnn-task")
    choose(page, name, 0.3 if task == "flat" else -0.2)
    page.wait_for_timeout(300)
    expect(mark).not_to_have_class(re.compile("hnn-done"))
    choose(page, name, value)
    expect(mark).to_have_class(re.compile("hnn-done"), timeout=30_000)


def test_the_sliders_change_the_market(open_lab):
    page = open_lab()
    for name, value in (("volatility a", 0.5), ("volatility of volatility ν", 1.7)):
        choose(page, name, value)
    choose(page, "correlation ρ", 0.35)
    assert row(page, 0)[1] == pytest.approx(volatility_at(Sabr(0.5, 1.7, 0.35), -0.25), abs=6e-4)


def test_a_strike_at_the_forward_needs_no_way(open_lab):
    page = open_lab(SmileLab(SABR, strike=0.0))
    drawn(page)
    assert row(page, 0) == [0, 0.3]
    expect(page.locator(".hnn-reading")).to_have_text("At k = 0.000 no way is needed.")
    assert page.locator(".hnn-table tbody tr").nth(1).locator("td").all_inner_texts() == [
        "0.000",
        "–",
    ]


def test_a_learned_metric_is_shown_with_its_error(open_lab):
    """Two right numbers have no error; two wrong ones are off by a known part."""
    metric = SabrMetric()
    with torch.no_grad():
        metric.log_vol_of_vol.fill_(torch.tensor(0.6).log())
        metric.turn.fill_(torch.atanh(torch.tensor(-0.2)))
    page = open_lab(SmileLab(SABR, metric, strike=-0.235))
    wrong = Sabr(0.3, 0.6, -0.2)
    strikes = torch.linspace(-0.5, 0.5, TABLE[0], dtype=torch.float64)
    errors = (wrong.short_volatility(strikes) / SABR.short_volatility(strikes) - 1).abs()
    here = volatility_at(wrong, -0.235)
    assert row(page, 3) == pytest.approx([0.235 / here, here], abs=2e-3)
    text = page.locator(".hnn-verdict").inner_text()
    found = [float(number) for number in re.findall(r"([\d.]+)\s%", text)]
    error = 100 * abs(here / volatility_at(SABR, -0.235) - 1)
    assert found == pytest.approx([error, 100 * float(errors.median())], abs=0.05)
    page.get_by_role("button", name="More").click()
    assert page.locator("input[type=range]").count() == 0


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    page.locator("h1").click()
    visited = []
    for _ in range(8):
        page.keyboard.press("Tab")
        visited.append(
            page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent")
        )
    assert visited == [
        "strike",
        *(f"point {j} of your path" for j in (1, 2, 3)),
        "strike, on the smile",
        "Straight path",
        "Reset",
        "More",
    ]
    knob(page, "strike").focus()
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowLeft")
    assert strike_of(page) == pytest.approx(-0.21)


def test_a_finger_drags_a_point(open_lab):
    page = open_lab(width=390, has_touch=True)
    swipe(page, 0, -40, knob=3)
    assert strike_of(page) == -0.25
    assert float(knob(page, "point 3 of your path").get_attribute("aria-valuenow")) > 0.36


# --- the page around it --------------------------------------------------------------------------


@pytest.mark.parametrize("width, density", [(360, 3), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    assert_it_fits(open_lab(width=width, device_scale_factor=density), density)


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(markup={"after": SPACER}, init=MEASURE_FRAMES)
    assert_it_rests_out_of_sight(page)


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    assert_it_leaves_nothing(page, heard=8)


@pytest.mark.parametrize("traits", [{"levels": [0.1]}, {"strike": 3.0}, {"volatility": -1.0}])
def test_a_bad_state_is_a_message(open_lab, traits):
    page = open_lab(markup=spoil(**traits))
    assert_it_says(page, "it has no picture of")
    assert_it_says(page, str(next(iter(traits.values()))).strip("[]").removesuffix(".0"))
