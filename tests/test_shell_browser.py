"""What every lab gets from its shell: a task, a link, typed numbers, a scrubber, room."""

import re

import pytest
from playwright.sync_api import expect
from test_lab_browser import spring_lab
from widget_page import SPACER, centre, drawn, lab_opener, open_widgets, start_of, stop

from hnn_tutorial.systems import DoublePendulum, MassSpring, Pendulum
from hnn_tutorial.widgets import LearnedLab, PhaseLab


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, spring_lab) as opener:
        yield opener


# --- the task ------------------------------------------------------------------------------------


def test_a_task_notices_that_the_reader_has_done_it_and_reset_sets_it_again(open_lab):
    """The baseline's energy grows as exp(0.06 t): by a tenth at 1.6 s."""
    page = open_lab(spring_lab(speed=3.0))
    task = page.locator(".hnn-task")
    expect(task).to_contain_text("the energy of the baseline is off by a tenth")
    expect(page.locator(".hnn-clock")).to_have_text(re.compile(r"t = ([2-9]|\d\d)"))
    # Nobody has touched it yet, and to stop it is not to do it.
    page.get_by_role("button", name="Pause").click()
    expect(page.locator(".hnn-task-shows")).to_be_hidden()
    page.get_by_role("button", name="Play").click()
    page.locator(".hnn-handle-start").press("ArrowLeft")
    expect(task).to_have_class(re.compile("hnn-done"))
    expect(page.locator(".hnn-task-shows")).to_be_visible()
    expect(page.locator(".hnn-task-says")).to_be_hidden()
    expect(page.locator(".hnn-spoken[role=status]")).to_contain_text("Done. Nobody pushed it.")
    # From another start it is to be done again.
    page.get_by_role("button", name="Pause").click()
    page.locator(".hnn-handle-start").press("ArrowLeft")
    expect(page.locator(".hnn-task-says")).to_be_visible()
    page.get_by_role("button", name="Play").click()
    expect(task).to_have_class(re.compile("hnn-done"))
    page.get_by_role("button", name="Reset").click()
    expect(page.locator(".hnn-task-says")).to_be_visible()


def test_a_start_whose_energy_is_kept_to_the_end_does_another_task(open_lab):
    """What the lab shows by itself counts for nothing, and neither does a moment on the way."""
    page = open_lab(spring_lab(speed=10.0, task="kept", horizon=1.2))
    task = page.locator(".hnn-task")
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    expect(page.locator(".hnn-task-says")).to_be_visible()
    page.locator(".hnn-handle-start").press("ArrowLeft")
    # Its energy grows as exp(0.06 t), by 7 % in this time.
    expect(task).to_have_class(re.compile("hnn-done"))
    expect(page.get_by_role("button", name="Replay")).to_be_visible()


def test_an_error_of_the_integrator_does_not_do_the_task(open_lab):
    page = open_lab(LearnedLab(MassSpring(), spring_lab().models, (0.8, 0.0), 0.4, "euler"))
    page.locator(".hnn-handle-start").press("ArrowLeft")
    expect(page.locator(".hnn-clock")).not_to_have_text(re.compile(r"t = [0-2]\."))
    expect(page.locator(".hnn-task-says")).to_be_visible()


def test_the_task_is_chosen_by_name(open_lab):
    page = open_lab(
        PhaseLab(Pendulum(), start=(1.0, 0.0), task="back"),
        PhaseLab(Pendulum(), start=(1.0, 0.0), task="none"),
    )
    lines = page.locator(".hnn-task")
    expect(lines.first).to_contain_text("then backwards")
    expect(lines.nth(1)).to_be_hidden()
    for name in ("tenth", "kept", "over", "beyond"):
        assert name in LearnedLab.TASKS
    with pytest.raises(ValueError, match="unknown task 'fly'; the tasks of a LearnedLab are tenth"):
        spring_lab(task="fly")
    with pytest.raises(ValueError, match="speed = 0"):
        spring_lab(speed=0)


def test_running_back_to_the_start_is_a_task(open_lab):
    page = open_lab(PhaseLab(Pendulum(), start=(1.0, 0.0), task="back", speed=3.0))
    expect(page.locator(".hnn-clock")).to_have_text(re.compile(r"t = ([2-9]|\d\d)\."))
    page.get_by_role("button", name="Run backwards").click()
    expect(page.locator(".hnn-task")).to_have_class(re.compile("hnn-done"))


# --- the link ------------------------------------------------------------------------------------


def test_a_link_leads_to_the_state_of_its_lab(open_lab, tmp_path):
    page = open_lab(spring_lab(), spring_lab(), markup={"before": SPACER})
    page.evaluate("scrollTo(0, 5600)")
    lab = page.locator(".hnn-lab").last
    lab.locator(".hnn-handle-start").focus()
    page.keyboard.press("ArrowLeft")
    lab.locator(".hnn-opener").click()
    lab.get_by_label("integrator").select_option("euler")
    lab.get_by_role("button", name="Copy link").click()
    expect(lab.locator(".hnn-link")).not_to_have_text("Copy link")
    address = page.url
    assert re.search(r"#lab=2&state=0\.7\d*,0&step=0\.05&method=euler&speed=1$", address)
    other = page.context.new_page()
    other.goto(address)
    # The page opens at the lab.
    other.wait_for_selector(".hnn-lab")
    expect(other.locator(".hnn-lab").last.get_by_label("integrator")).to_have_value("euler")
    assert other.evaluate("scrollY") > 3000
    assert start_of(other, -1) == start_of(page, -1)
    other.evaluate("scrollTo(0, 4000)")
    assert start_of(other, 0) == [0.8, 0.0]


@pytest.mark.parametrize(
    "hash_, start, problem",
    [
        ("#lab=1&state=0.5,0.25&speed=3", [0.5, 0.25], False),
        ("#lab=2&state=0.5,0.25", [0.8, 0.0], False),  # of another lab
        ("#lab=1&state=1,2,3", [0.8, 0.0], False),
        ("#lab=1&state=1,NaN", [0.8, 0.0], False),
        ("#lab=1&state=1,<b>", [0.8, 0.0], False),
        ("#lab=1&step=-3", [0.8, 0.0], True),
        ("#lab=1&method=nope", [0.8, 0.0], True),
        ("#lab=1&method=%E0%A4%A", [0.8, 0.0], False),
        ("#lab=1&speed=1e9&__proto__=1&_weights=1", [0.8, 0.0], False),
    ],
)
def test_an_address_is_not_trusted(open_lab, hash_, start, problem):
    page = open_lab()
    page.goto(page.url + hash_)
    page.reload()
    page.wait_for_selector(".hnn-card:visible")
    assert start_of(page) == start
    expect(page.locator(".hnn-message")).to_be_hidden()
    if problem:
        expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")


# --- numbers, speed, time ------------------------------------------------------------------------


def test_numbers_are_typed_and_kept_within_their_range(open_lab):
    page = open_lab()
    page.locator(".hnn-opener").click()
    typed = page.get_by_label("step Δt, typed")
    expect(typed).to_have_value("0.05 s")
    for text, shown, word in [
        ("0.08", "0.08 s", ""),
        ("0,033 s", "0.033 s", ""),
        ("7", "0.4 s", "at most 0.4 s"),
        ("-1", "0.01 s", "at least 0.01 s"),
        ("fast", "0.01 s", "not a number"),
    ]:
        typed.fill(text)
        typed.press("Enter")
        expect(typed).to_have_value(shown)
        expect(page.locator(".hnn-word")).to_have_text(word)
    slider = page.get_by_role("slider", name="step Δt")
    expect(slider).to_have_attribute("aria-valuetext", "0.01 s")


def test_the_chart_of_the_energy_is_a_scrubber(open_lab):
    page = open_lab()
    stop(page)
    line = page.get_by_role("slider", name="time that is shown")
    x, y = centre(page.locator(".hnn-energy"))
    page.mouse.move(x, y)
    page.mouse.down()
    clock = page.locator(".hnn-clock")
    expect(clock).to_have_text(re.compile(r"t = (9|10|11|12)\.\d s"))
    before = clock.inner_text()
    page.mouse.move(x + 60, y, steps=4)
    expect(clock).not_to_have_text(before)
    page.mouse.up()
    expect(page.locator(".hnn-primary")).to_have_text("Play")
    line.press("Home")
    expect(clock).to_have_text("t = 0.0 s")
    line.press("ArrowRight")
    expect(clock).to_have_text("t = 0.2 s")
    line.press("End")
    expect(clock).to_have_text("t = 20.0 s")
    line.press("PageDown")
    expect(clock).to_have_text("t = 18.0 s")
    expect(line).to_have_attribute("aria-valuetext", "t = 18.0 s")
    # It goes on from there.
    page.locator(".hnn-primary").click()
    shown = page.wait_for_function(
        """() => {
            const text = document.querySelector(".hnn-clock").textContent;
            return text !== "t = 18.0 s" && text;
        }"""
    )
    assert 18 < float(shown.json_value()[4:-2]) <= 20


def test_the_speed_is_that_of_the_clock(open_lab):
    page = open_lab(spring_lab(speed=0.25), spring_lab(speed=10.0), height=2400)
    clocks = page.locator(".hnn-clock")
    # Both are read at once: they run on while one looks.
    both = page.wait_for_function(
        """() => {
            const clocks = [...document.querySelectorAll(".hnn-clock")];
            const [slow, fast] = clocks.map((each) => Number(each.textContent.slice(4, -2)));
            return fast >= 5 && [slow, fast];
        }"""
    )
    slow, fast = both.json_value()
    assert slow < fast / 10
    page.get_by_label("speed").first.select_option("10")
    expect(clocks.first).to_have_text(re.compile(r"t = ([3-9]|\d\d)\."))


# --- room ----------------------------------------------------------------------------------------

LABS = {
    "learned": spring_lab,
    "learned alone": lambda: LearnedLab(Pendulum(), {}),
    "learned double": lambda: LearnedLab(DoublePendulum(), {}),
    "phase": lambda: PhaseLab(Pendulum()),
    "phase spring": lambda: PhaseLab(MassSpring(), cloud=0),
    "phase double": lambda: PhaseLab(DoublePendulum()),
}


@pytest.mark.parametrize("name", LABS)
def test_the_card_is_as_high_as_the_room_that_is_kept(browser, tmp_path, name):
    """With a word of its own font a card may grow; with "More" open it grows by what is in it."""
    lab = LABS[name]()
    with open_widgets(browser, tmp_path, lab, height=1400) as (page, _):
        card = page.locator(".hnn-card")
        for width in (390, 480, 640, 768, 1280):
            page.set_viewport_size({"width": width, "height": 1400})
            narrow = card.evaluate("card => card.parentElement.clientWidth") < 620
            expect(card).to_have_css("height", f"{lab._heights[0 if narrow else 1]}px")
            # The summary, which is the last to come, does not make it higher.
            expect(page.locator(".hnn-status")).not_to_be_empty()
            drawn(page)
            assert card.bounding_box()["height"] == lab._heights[0 if narrow else 1], width
        page.locator(".hnn-opener").click()
        drawn(page)
        part = page.locator(".hnn-more").bounding_box()["height"]
        assert card.bounding_box()["height"] >= lab._heights[1] + part


def test_on_a_phone_picture_hand_and_numbers_stand_on_one_screen(browser, tmp_path):
    for lab in (spring_lab(), PhaseLab(Pendulum())):
        with open_widgets(browser, tmp_path, lab, width=390, height=900) as (page, _):
            expect(page.locator(".hnn-status")).not_to_be_empty()
            parts = [page.locator(part).bounding_box() for part in (".hnn-body", ".hnn-numbers")]
            assert parts[1]["y"] + parts[1]["height"] - parts[0]["y"] <= 700
