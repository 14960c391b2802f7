"""The Lagrangian lab in Chromium: bent by mouse, finger and keyboard, descending, and broken."""

import re

import pytest
from browser_tools import serve
from playwright.sync_api import expect
from widget_page import (
    MEASURE_FRAMES,
    SPACER,
    assert_it_fits,
    assert_it_leaves_nothing,
    assert_it_rests_out_of_sight,
    assert_it_says,
    axe_findings,
    centre,
    colours,
    drag,
    drawn,
    frame_times,
    ink,
    lab_opener,
    spoil,
)

from hnn_tutorial import palette
from hnn_tutorial.mechanics import action
from hnn_tutorial.systems import Pendulum, Projectile
from hnn_tutorial.widgets import LagrangianLab


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, lambda: LagrangianLab(Projectile()), height=1100) as opener:
        yield opener


def numbers(page, lab=0):
    """The table: rows true path, yours, difference; columns ∫T, ∫V, S."""
    rows = page.locator(".hnn-table tbody").nth(lab).locator("tr").all()
    cells = [row.locator("td").all_inner_texts() for row in rows]
    return [[float(cell.replace("−", "-")) for cell in row] for row in cells]


def settled(page):
    """Wait until the numbers are there, and hold the body still."""
    expect(page.locator(".hnn-table td").nth(2)).not_to_be_empty()
    if page.locator(".hnn-primary").first.inner_text() == "Pause":
        page.locator(".hnn-primary").first.click()


def heights(page, lab=0):
    """The q of each point that can be pulled."""
    handles = page.locator(".hnn-lab").nth(lab).locator(".hnn-handle")
    texts = handles.evaluate_all("all => all.map((k) => k.getAttribute('aria-valuetext'))")
    return [float(re.search(r"q = (\S+) ", text)[1].replace("−", "-")) for text in texts]


def press(page, name):
    more = page.get_by_role("button", name="More").first
    if name in {"True path", "Nudge"} and more.get_attribute("aria-expanded") == "false":
        more.click()
    page.get_by_role("button", name=name, exact=True).click()


def descended(page):
    expect(page.get_by_role("button", name="Stop")).to_have_count(0)


# --- bending --------------------------------------------------------------------------------------


def test_it_starts_by_itself_with_the_action_that_python_finds(open_lab):
    lab = LagrangianLab(Pendulum())
    page = open_lab(lab)
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.00 s")
    settled(page)
    table = numbers(page)
    for row, path in zip(table, (lab.true_path, lab.path), strict=False):
        expected = float(action(lab.system.lagrangian, path, lab.times))
        assert row[2] == pytest.approx(expected, abs=6e-4)
        assert row[0] - row[1] == pytest.approx(row[2], abs=2e-3)
    assert table[2][2] == pytest.approx(table[1][2] - table[0][2], abs=2e-3)
    for canvas in (".hnn-body", ".hnn-phase", ".hnn-parts", ".hnn-energy"):
        assert ink(page, f"{canvas} canvas") > 500


def test_a_point_is_pulled_by_the_mouse(open_lab):
    page = open_lab()
    settled(page)
    before, action_before = heights(page), numbers(page)[1][2]
    drag(page, page.locator(".hnn-handle").nth(2), 30, -60)
    after = heights(page)
    assert after[2] > before[2] + 1
    # What is near goes along, what is far stays, and so does the point's time.
    assert before[1] < after[1] < after[2]
    assert after[0] == before[0]
    assert after[4] == before[4]
    assert numbers(page)[1][2] != action_before
    expect(page.locator(".hnn-status")).to_contain_text("above the true path's")
    box = page.locator(".hnn-phase").bounding_box()
    x, y = centre(page.locator(".hnn-handle").nth(2))
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 20)
    assert centre(page.locator(".hnn-handle").nth(2)) == (x, y)


def test_a_point_is_moved_by_the_keyboard(open_lab):
    page = open_lab()
    settled(page)
    handle = page.locator(".hnn-handle").nth(1)
    assert handle.get_attribute("role") == "slider"
    assert handle.get_attribute("aria-label") == "the path at 0.67 s"
    before = heights(page)[1]
    page.locator(".hnn-handle").first.focus()
    page.keyboard.press("Tab")
    expect(handle).to_be_focused()
    assert handle.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Shift+ArrowUp")
    up = heights(page)[1]
    assert up > before
    page.keyboard.press("ArrowDown")
    assert before < heights(page)[1] < up
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(800)
    press(page, "Reset")
    assert heights(page)[1] == before


def test_a_finger_pulls_a_point_and_scrolls_elsewhere(open_lab):
    page = open_lab(width=390, has_touch=True)
    settled(page)
    before = heights(page)
    x, y = centre(page.locator(".hnn-handle").nth(2))
    client = page.context.new_cdp_session(page)
    touch = "Input.dispatchTouchEvent"
    client.send(touch, {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 6):
        client.send(touch, {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 8 * step}]})
    client.send(touch, {"type": "touchEnd", "touchPoints": []})
    assert heights(page)[2] > before[2] + 0.5
    assert page.evaluate("scrollY") == 0


def test_the_true_path_has_the_least_action_of_all_that_are_tried(open_lab):
    page = open_lab()
    settled(page)
    press(page, "True path")
    expect(page.locator(".hnn-verdict")).to_have_text(
        "The true path is a minimum of S: every small bend raises it."
    )
    assert numbers(page)[2] == [0, 0, 0]
    for handle, key in [(0, "ArrowUp"), (2, "ArrowDown"), (4, "Shift+ArrowUp")]:
        press(page, "True path")
        page.locator(".hnn-handle").nth(handle).focus()
        page.keyboard.press(key)
        drawn(page)
        assert numbers(page)[2][2] > 0


# --- time -----------------------------------------------------------------------------------------


def test_the_chart_of_the_energies_is_a_scrubber(open_lab):
    """By mouse and by keyboard; the body follows the line."""
    page = open_lab()
    settled(page)
    clock, line = page.locator(".hnn-clock"), page.get_by_role("slider", name="time that is shown")
    box = page.locator(".hnn-parts").bounding_box()
    left, right = box["x"] + 46, box["x"] + box["width"] - 8
    page.mouse.move((left + right) / 2, box["y"] + 80)
    page.mouse.down()
    expect(clock).to_have_text(re.compile(r"t = (0\.99|1\.0[01]) s"))
    middle = page.locator(".hnn-body canvas").evaluate("canvas => canvas.toDataURL()")
    page.mouse.move(right + 40, box["y"] + 80, steps=4)
    expect(clock).to_have_text("t = 2.00 s")
    drawn(page)
    assert page.locator(".hnn-body canvas").evaluate("canvas => canvas.toDataURL()") != middle
    page.mouse.up()
    # It stood before, and stands still.
    expect(page.locator(".hnn-primary").first).to_have_text("Play")
    for key, shown in [("Home", "0.00"), ("PageUp", "0.20"), ("ArrowRight", "0.22")]:
        line.press(key)
        expect(clock).to_have_text(f"t = {shown} s")
    expect(line).to_have_attribute("aria-valuetext", "t = 0.22 s")
    expect(line).to_have_attribute("aria-valuemax", "2")
    page.locator(".hnn-primary").first.click()
    expect(clock).not_to_have_text("t = 0.22 s")


def test_a_finger_moves_the_line_of_time(open_lab):
    page = open_lab(width=390, has_touch=True)
    settled(page)
    page.locator(".hnn-parts").scroll_into_view_if_needed()
    before = page.evaluate("scrollY")
    box = page.locator(".hnn-parts").bounding_box()
    y = box["y"] + 80
    client = page.context.new_cdp_session(page)
    touch = "Input.dispatchTouchEvent"
    client.send(touch, {"type": "touchStart", "touchPoints": [{"x": box["x"] + 60, "y": y}]})
    for x in (100, 160, 220):
        client.send(touch, {"type": "touchMove", "touchPoints": [{"x": box["x"] + x, "y": y}]})
    client.send(touch, {"type": "touchEnd", "touchPoints": []})
    share = (220 - 46) / (box["width"] - 54)
    clock = page.locator(".hnn-clock")
    expect(clock).not_to_have_text("t = 0.00 s")
    drawn(page)
    assert float(clock.inner_text()[4:-2]) == pytest.approx(2 * share, abs=0.03)
    assert page.evaluate("scrollY") == before


# --- the task ------------------------------------------------------------------------------------


def test_natures_path_is_hidden_until_it_is_found_by_hand(open_lab):
    lab = LagrangianLab(Pendulum(gravity=1.0), start=(-1.0, 1.2), duration=2.5)
    page = open_lab(lab)
    settled(page)
    task, true_row = page.locator(".hnn-task"), page.locator(".hnn-table tbody tr").first
    expect(page.locator(".hnn-reading")).to_contain_text("falls along the arrows")
    expect(true_row).to_be_hidden()
    handles = page.locator(".hnn-handle").all()
    before, (_, y) = heights(page)[2], centre(handles[2])
    drag(page, handles[2], 0, -20)
    scale = (centre(handles[2])[1] - y) / (heights(page)[2] - before)
    targets = [float(lab.true_path[20 * (j + 1), 0]) for j in range(5)]
    for _ in range(5):
        for j, handle in enumerate(handles):
            drag(page, handle, 0, scale * (targets[j] - heights(page)[j]), steps=2)
    expect(task).to_have_class(re.compile("hnn-done"))
    expect(task).to_contain_text("Newton's law holds along it")
    expect(true_row).to_be_visible()
    expect(page.locator(".hnn-reading")).to_contain_text("it is stationary")
    # A hand can come so near because what it pulls has no kinks.
    assert abs(numbers(page)[2][2]) < 0.005
    press(page, "Reset")
    expect(true_row).to_be_hidden()
    expect(task).not_to_have_class(re.compile("hnn-done"))


# --- descending -----------------------------------------------------------------------------------


def test_the_projectile_descends_to_the_true_path(open_lab):
    page = open_lab()
    settled(page)
    assert numbers(page)[2][2] > 10
    press(page, "Descend")
    descended(page)
    expect(page.locator(".hnn-status")).to_contain_text("as much as the true path's")
    assert numbers(page)[2][2] == pytest.approx(0, abs=2e-3)


def test_the_pendulums_action_can_be_lowered_beyond_the_conjugate_point(open_lab):
    lab = LagrangianLab(Pendulum(), duration=1.6)
    page = open_lab(lab)
    settled(page)
    expect(page.locator(".hnn-verdict")).to_contain_text("a saddle: beyond the conjugate point (1.")
    press(page, "True path")
    press(page, "Descend")
    descended(page)
    assert numbers(page)[2][2] == 0
    press(page, "Nudge")
    press(page, "Descend")
    descended(page)
    expect(page.locator(".hnn-status")).to_contain_text("another one between the same ends")
    assert numbers(page)[2][2] < -0.1


def test_a_descent_can_be_stopped(open_lab):
    page = open_lab(LagrangianLab(Pendulum(), duration=1.6))
    settled(page)
    press(page, "True path")
    press(page, "Nudge")
    press(page, "Descend")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    press(page, "Stop")
    expect(page.get_by_role("button", name="Descend")).to_be_visible()
    value = numbers(page)[1][2]
    page.wait_for_timeout(200)
    assert numbers(page)[1][2] == value


def test_the_duration_decides(open_lab):
    page = open_lab(LagrangianLab(Pendulum()))
    settled(page)
    expect(page.locator(".hnn-verdict")).to_contain_text("is a minimum")
    expect(page.locator(".hnn-verdict")).to_contain_text("A path farther away may have less")
    slider = page.get_by_role("slider", name="duration")
    slider.fill("1.9")
    slider.dispatch_event("input")
    expect(page.locator(".hnn-verdict")).to_contain_text("a saddle")
    expect(page.get_by_role("textbox", name="duration, typed")).to_have_value("1.90 s")


def test_reduced_motion_starts_still_and_descends_at_once(open_lab):
    page = open_lab(reduced_motion="reduce")
    expect(page.locator(".hnn-status")).to_contain_text("Your path has the action")
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.00 s")
    press(page, "Descend")
    drawn(page)
    assert numbers(page)[2][2] == pytest.approx(0, abs=2e-3)
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.00 s")


# --- the page -------------------------------------------------------------------------------------


def test_over_http(open_lab, tmp_path):
    with serve(tmp_path) as address:
        page = open_lab(address=address)
        expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.00 s")


def test_it_follows_the_theme_at_once(open_lab):
    page = open_lab(markup={"html": ' data-theme="light"'})
    settled(page)
    role = palette.ROLES["highlight"]
    assert role.light.lower() in colours(page, ".hnn-phase canvas")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(page.locator(".hnn-lab")).to_have_attribute("data-hnn-theme", "dark")
    drawn(page)
    seen = colours(page, ".hnn-phase canvas")
    assert role.dark.lower() in seen
    assert role.light.lower() not in seen


@pytest.mark.parametrize("width, density", [(360, 3), (768, 1.5), (1280, 1)])
def test_it_fits_every_width(open_lab, width, density):
    page = open_lab(LagrangianLab(Pendulum()), width=width, device_scale_factor=density)
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.00 s")
    assert_it_fits(page, density)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_lab, theme):
    page = open_lab(
        LagrangianLab(Pendulum(), duration=1.6), markup={"html": f' data-theme="{theme}"'}
    )
    expect(page.locator(".hnn-status")).to_contain_text("Your path has the action")
    assert axe_findings(page) == []


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(
        markup={"after": SPACER},
        init=MEASURE_FRAMES,
    )
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.00 s")
    assert_it_rests_out_of_sight(page)


def test_two_labs_and_the_same_lab_twice(open_lab):
    one, other = LagrangianLab(Projectile()), LagrangianLab(Pendulum())
    page = open_lab(one, other, one, height=3000)
    expect(page.locator(".hnn-lab")).to_have_count(3)
    settled(page)
    before = heights(page, 1)
    drag(page, page.locator(".hnn-handle").first, 0, -50)
    assert heights(page, 0) == heights(page, 2)
    assert heights(page, 1) == before


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.00 s")
    assert_it_leaves_nothing(page, heard=6, listeners=10)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"bend": [0.0, None, 0.0]}, "the bend must be finite numbers"),
        ({"bend": [0.0, 1.0, 1.0]}, "the first and the last of them 0"),
        ({"bend": []}, "the bend must be finite numbers"),
        ({"state": [0.0]}, "the start must be 2 finite numbers"),
        ({"duration": 0.0}, "the duration must be a positive number"),
        ({"duration": 400.0}, "is too long for this method and field"),
        ({"_system": {"name": "yo-yo", "parameters": {}}}, 'unknown system "yo-yo"'),
    ],
)
def test_a_bad_state_is_a_message_and_the_saved_picture(open_lab, traits, message):
    page = open_lab(LagrangianLab(Pendulum()), markup=spoil(**traits))
    assert_it_says(page, message)


@pytest.mark.timing
def test_frames_are_short(open_lab):
    page = open_lab(LagrangianLab(Pendulum(), duration=1.6), init=MEASURE_FRAMES)
    expect(page.locator(".hnn-status")).to_contain_text("Your path has the action")
    page.locator(".hnn-handle").nth(2).scroll_into_view_if_needed()
    actions = {
        "playing": lambda: page.wait_for_timeout(1000),
        "dragging": lambda: drag(page, page.locator(".hnn-handle").nth(2), 0, -60, steps=40),
        "descending": lambda: (press(page, "Descend"), page.wait_for_timeout(1000)),
    }
    for name, act in actions.items():
        median, high, count = frame_times(page, act)
        print(f"{name}: frame work {median:.2f} ms median, {high:.2f} ms 95 %, {count} frames")
        assert median <= 8
