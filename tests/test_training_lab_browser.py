"""The training lab in Chromium: points by hand, two networks, with a worker or without, broken."""

import base64
import itertools
import re
import struct

import pytest
from browser_tools import FRAME, serve
from playwright.sync_api import expect
from widget_page import (
    MEASURE_FRAMES,
    NOTHING_LEFT,
    PIXELS,
    RENDER_AND_CLOSE,
    SPACER,
    assert_it_says,
    axe_findings,
    centre,
    colours,
    drag,
    drawn,
    frame_times,
    ink,
    lab_opener,
)

from hnn_tutorial import palette
from hnn_tutorial.systems import DampedMassSpring, DampedPendulum, MassSpring, Pendulum
from hnn_tutorial.widgets import TrainingLab

NAN_WEIGHTS = base64.b64encode(struct.pack("<105d", *[float("nan")] * 105)).decode()

NO_WORKER = "window.Worker = class { constructor() { throw new Error('none here'); } };"
# A page may forbid workers, and say so only after it made one.
DEAD_WORKER = """window.Worker = class {
    constructor() { setTimeout(() => this.onerror({ preventDefault() {}, message: "refused" })); }
    postMessage() {}
    terminate() {}
};"""


def small_lab(**options):
    """A lab whose training takes a moment."""
    usual = {"hidden": (8, 8), "steps": 8, "optimizer": "levenberg_marquardt", "speed": 100}
    return TrainingLab(MassSpring(), **{**usual, "noise": 0.0, **options})


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, small_lab, height=1200) as opener:
        yield opener


def press(page, name, lab=0):
    page.locator(".hnn-lab").nth(lab).get_by_role("button", name=name, exact=True).click()


def unfold(page):
    """Show the controls behind "More"."""
    page.locator(".hnn-opener").click()


def wait_for_the_end(page, lab=0):
    primary = page.locator(".hnn-primary").nth(lab)
    expect(primary).to_have_text("Learn on")
    # The clock follows in the next frame, and the summary once all rests.
    page.wait_for_function(
        """k => {
            const text = (part) => document.querySelectorAll(part)[k].textContent;
            return text(".hnn-status").startsWith(`After ${text(".hnn-clock")}`);
        }""",
        arg=lab,
        timeout=20_000,
    )


def train(page, name="Learn", lab=0):
    """Press the button and wait for the end."""
    before = clock(page, lab).inner_text()
    # The words of a former training may be those of this one, and would end the wait too early.
    page.locator(".hnn-status").nth(lab).evaluate("status => status.replaceChildren()")
    press(page, name, lab)
    expect(clock(page, lab)).not_to_have_text(before)
    wait_for_the_end(page, lab)


def off(page, role, lab=0):
    """How far the field and the energy of a network are off, in percent."""
    name = {"baseline": "baseline", "hnn": "HNN"}[role]
    caption = page.locator(".hnn-lab").nth(lab).locator(".hnn-caption", has_text=name)
    return [number(text) for text in caption.locator("b").all_inner_texts()]


def number(text):
    """Read +4.2 %, 2.3·10⁻³ % or >999 % as a number."""
    plain = text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")).replace("%", "")
    found = re.search(r"(?:([\d.]+)·)?10(-\d+)\s*$", plain)
    return float(f"{found[1] or 1}e{found[2]}") if found else float(plain.replace(">", ""))


def clock(page, lab=0):
    return page.locator(".hnn-clock").nth(lab)


def expect_points(page, count, lab=0):
    expect(page.locator(".hnn-note").nth(lab)).to_contain_text(f"{count} points.")


def place_of(page, handle):
    text = page.locator(handle).first.get_attribute("aria-valuetext")
    return [float(part.replace("−", "-")) for part in re.findall(r"= (\S+)", text)]


def best_of_three(measure, enough):
    """The least of up to three measurements: others may want the same processor."""
    best = measure()
    for _ in range(2):
        if best > enough:
            best = min(best, measure())
    return best


# --- it learns -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_equally_wrong_fields_but_only_one_keeps_its_energy(open_lab, tmp_path, scheme):
    """What the first press shows a stranger, with the lab as it comes."""
    with serve(tmp_path) as address:
        address = address if scheme == "http" else None
        page = open_lab(TrainingLab(Pendulum(), start=(1.5, 0.0)), address=address)
        expect(clock(page)).to_have_text("not yet trained")
        train(page)
        expect(clock(page)).to_have_text("2000 steps of Adam")
        (baseline, lost), (hnn, kept) = off(page, "baseline"), off(page, "hnn")
        assert hnn < 10
        assert baseline < 10
        assert abs(kept) < 10 < abs(lost)


@pytest.mark.timing
def test_a_training_is_shown_in_four_seconds(open_lab):
    page = open_lab(TrainingLab(MassSpring()), init=MEASURE_FRAMES)
    texts = page.evaluate(
        f"async () => {{ {FRAME}"
        """
            const seen = [];
            const clock = document.querySelector(".hnn-clock");
            const button = document.querySelector(".hnn-primary");
            const began = performance.now();
            button.click();
            do {
                if (!await frame()) throw new Error("for 20 s no frame was drawn");
                if (clock.textContent !== seen.at(-1)) seen.push(clock.textContent);
            } while (button.textContent === "Pause" && performance.now() - began < 15000);
            return [(performance.now() - began) / 1000, seen];
        }"""
    )
    seconds, seen = texts
    print(f"2000 steps of Adam in {seconds:.2f} s, {len(seen)} of them seen")
    assert 3.9 < seconds < 6
    assert len(seen) > 20


def test_with_or_without_a_worker_the_numbers_are_the_same(open_lab):
    """Where a page has no workers, or refuses them late, it trains in slices of its own time."""
    numbers = []
    for init in (None, NO_WORKER, DEAD_WORKER):
        page = open_lab(small_lab(), init=init)
        train(page)
        expect(clock(page)).to_have_text("8 steps of LM")
        numbers.append(off(page, "baseline") + off(page, "hnn"))
    assert numbers[0] == numbers[1] == numbers[2]
    assert numbers[0][0] < 10


def test_step_by_step_and_with_pauses_it_is_one_training(open_lab):
    """The optimiser keeps its state: eight single steps end where eight at once do."""
    page = open_lab()
    train(page)
    straight = off(page, "baseline") + off(page, "hnn")
    press(page, "Reset")
    expect(page.locator(".hnn-status")).to_contain_text("Not yet trained")
    for count in range(1, 9):
        press(page, "1 step")
        expect(clock(page)).to_have_text(f"{count} step{'s' * (count > 1)} of LM")
        expect(page.locator(".hnn-status")).to_contain_text(f"After {count} step")
    wait_for_the_end(page)
    assert off(page, "baseline") + off(page, "hnn") == straight

    page = open_lab(small_lab(steps=1000, optimizer="adam", speed=1))
    press(page, "Learn")
    expect(clock(page)).to_contain_text(re.compile("[1-9] steps of Adam"))
    press(page, "Pause")
    expect(page.locator(".hnn-primary")).to_have_text("Learn on")
    page.wait_for_timeout(150)
    stopped = clock(page).inner_text()
    page.wait_for_timeout(300)
    assert clock(page).inner_text() == stopped != "1000 steps of Adam"
    train(page, "Learn on")
    expect(clock(page)).to_have_text("1000 steps of Adam")


@pytest.mark.timing
@pytest.mark.parametrize("init", ["", NO_WORKER], ids=["worker", "slices"])
def test_the_page_stays_smooth_while_it_trains(open_lab, init):
    page = open_lab(TrainingLab(MassSpring(), steps=20_000), init=MEASURE_FRAMES + init)
    page.wait_for_timeout(300)
    press(page, "Learn")

    def frame_work():
        median, high, count = frame_times(page, lambda: page.wait_for_timeout(1500))
        print(f"training: {median:.2f} ms median, {high:.2f} ms 95th percentile, {count} frames")
        assert count > 2
        return median

    assert best_of_three(frame_work, 8.0) <= 8.0
    # A click is heard at once, not after the training.
    press(page, "Pause")
    expect(page.locator(".hnn-primary")).to_have_text("Learn on", timeout=2000)


def test_steps_are_those_of_the_optimiser_that_made_them(open_lab):
    page = open_lab(small_lab(steps=60))
    unfold(page)
    for count in range(1, 3):
        press(page, "1 step")
        # The summary comes once both rest; until then another press is not heard.
        expect(page.locator(".hnn-status")).to_contain_text(f"After {count} step")
    page.get_by_label("optimiser").select_option("adam")
    press(page, "50 steps")
    expect(clock(page)).to_have_text("2 steps of LM, then 50 of Adam")
    # While it runs, too: at a hundredth of the speed that a moment takes it through.
    page.get_by_label("speed").select_option("1")
    press(page, "Learn on")
    page.get_by_label("optimiser").select_option("levenberg_marquardt")
    expect(clock(page)).to_contain_text(re.compile(r"then \d+ of Adam, then 60 of LM"))
    wait_for_the_end(page)
    expect(page.locator(".hnn-status")).to_contain_text("After 2 steps of LM, then")


def test_the_curve_brings_earlier_networks_back(open_lab):
    page = open_lab()
    expect(page.locator(".hnn-status")).to_contain_text("Not yet trained")
    untrained = off(page, "baseline") + off(page, "hnn")
    train(page)
    learned = off(page, "baseline") + off(page, "hnn")
    scrub = page.locator(".hnn-scrub")
    scrub.focus()
    page.keyboard.press("Home")
    expect(clock(page)).to_have_text("back to the start")
    expect(page.locator(".hnn-status")).to_contain_text("At an earlier moment: not yet trained")
    assert off(page, "baseline") + off(page, "hnn") == untrained
    page.keyboard.press("End")
    expect(page.locator(".hnn-status")).to_contain_text("After 8 steps")
    assert off(page, "baseline") + off(page, "hnn") == learned
    drag(page, page.locator(".hnn-curve"), 60, 0)
    expect(clock(page)).to_contain_text(re.compile(r"back to [1-7] steps? of LM"))
    # Learning goes on from the newest weights.
    train(page, "Learn on")
    expect(clock(page)).to_have_text("16 steps of LM")


def test_new_weights_other_sizes_and_the_old_curve(open_lab):
    page = open_lab()
    unfold(page)
    train(page)
    learned = off(page, "hnn")
    plain = ink(page, ".hnn-curve canvas")
    press(page, "New weights")
    expect(clock(page)).to_have_text("not yet trained")
    expect(page.locator(".hnn-status")).to_contain_text("Not yet trained")
    assert off(page, "hnn")[0] > 10 * learned[0]
    assert ink(page, ".hnn-curve canvas") > 0.7 * plain  # the old curve is still there
    page.get_by_label("units in the hidden layers").select_option("16")
    train(page)
    press(page, "Reset")
    expect(clock(page)).to_have_text("not yet trained")
    expect(page.get_by_label("units in the hidden layers")).to_have_value("8-8")
    train(page)
    assert off(page, "hnn") == learned


def test_the_tasks_notice_that_they_are_done(open_lab):
    page = open_lab(small_lab(noise=0.1, steps=30))
    task = page.locator(".hnn-task")
    expect(task).to_contain_text("The points are noisy. Make the baseline keep its energy")
    train(page)
    expect(task).not_to_have_class(re.compile("hnn-done"))
    page.get_by_role("textbox", name="noise of the points").fill("0")
    page.keyboard.press("Enter")
    train(page, "Learn on")
    expect(task).to_have_class(re.compile("hnn-done"))
    assert abs(off(page, "baseline")[1]) < 2

    page = open_lab(TrainingLab(MassSpring(), task="half", steps=300, speed=100))
    expect(page.locator(".hnn-task")).to_contain_text("Give both only half the plane")
    train(page)
    expect(page.locator(".hnn-task")).not_to_have_class(re.compile("hnn-done"))
    press(page, "half the plane")
    expect(page.locator(".hnn-task")).to_have_class(re.compile("hnn-done"))

    page = open_lab(small_lab(model="hnn", steps=60, optimizer="adam"))
    unfold(page)
    expect(page.locator(".hnn-task")).to_contain_text("Which optimiser comes so far?")
    train(page)
    expect(page.locator(".hnn-task")).not_to_have_class(re.compile("hnn-done"))
    page.get_by_label("optimiser").select_option("levenberg_marquardt")
    train(page, "Learn on")
    expect(page.locator(".hnn-task")).to_have_class(re.compile("hnn-done"))


def test_sets_of_points_begin_anew_and_learn_at_once(open_lab):
    page = open_lab(small_lab(noise=0.05))
    for name, count, noise in (
        ("half the plane", 100, "0.05"),
        ("5 points", 5, "0"),
        ("noise 0.2", 200, "0.2"),
        ("first points", 200, "0.05"),
    ):
        press(page, name)
        button = page.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-pressed", "true")
        assert page.locator(".hnn-chip[aria-pressed=true]").count() == 1
        expect_points(page, count)
        expect(page.get_by_role("textbox", name="noise of the points")).to_have_value(noise)
        wait_for_the_end(page)
        expect(clock(page)).to_have_text("8 steps of LM")
    x, y = centre(page.locator(".hnn-net").first)
    page.mouse.click(x + 60, y - 20)
    expect(page.locator(".hnn-chip[aria-pressed=true]")).to_have_count(0)


SYSTEMS = (MassSpring(), DampedMassSpring(damping=0.3), Pendulum(), DampedPendulum(damping=0.4))


def pixels_of(page, selector, colour):
    """How many pixels of a canvas have nearly this colour, and are more than a soft shade."""
    count = f"""(canvas, wanted) => {{
        const data = ({PIXELS})(canvas);
        let count = 0;
        for (let i = 0; i < data.length; i += 4) {{
            if (data[i + 3] < 180) continue;
            count += wanted.every((value, k) => Math.abs(data[i + k] - value) < 40);
        }}
        return count;
    }}"""
    channels = [int(colour[k : k + 2], 16) for k in (1, 3, 5)]
    return page.locator(selector).evaluate(count, channels)


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_every_combination_draws(open_lab, system):
    """No empty picture: networks × optimisers × sets of points, while they learn and after."""
    lab = TrainingLab(system, hidden=(6,), steps=4, start=(1.0, 0.0), speed=100)
    page = open_lab(lab, markup={"html": ' data-theme="light"'})
    unfold(page)
    for show, optimizer, name in itertools.product(
        ("both", "baseline", "hnn") if system.name == "pendulum" else ("both",),
        ("adam", "levenberg_marquardt"),
        ("first points", "half the plane", "5 points", "noise 0.2"),
    ):
        page.get_by_role("combobox", name="networks").select_option(show)
        page.get_by_label("optimiser").select_option(optimizer)
        press(page, name)
        drawn(page)
        for _ in range(2):
            shown = ("baseline", "hnn") if show == "both" else (show,)
            assert page.locator(".hnn-view:visible").count() == len(shown)
            for role in shown:
                name_of = {"baseline": "baseline", "hnn": "HNN"}[role]
                canvas = f'canvas[aria-label*="the {name_of} learned"]'
                colour = palette.ROLES[role].light
                assert pixels_of(page, canvas, colour) > 100, (show, optimizer, name)
                assert ink(page, canvas) > 5000
            wait_for_the_end(page)
        assert ink(page, ".hnn-curve canvas") > 2000, (show, optimizer, name)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_by_itself(open_lab, motion):
    page = open_lab(init=MEASURE_FRAMES, reduced_motion=motion)
    expect(page.locator(".hnn-status")).to_contain_text("Not yet trained")
    before = page.evaluate("frames_.length")
    page.wait_for_timeout(1200)
    assert page.evaluate("frames_.length") == before


# --- the reader's points -------------------------------------------------------------------------


@pytest.mark.parametrize("picture", [0, 1])
def test_presses_and_strokes_take_points_in_either_picture(open_lab, picture):
    page = open_lab()
    unfold(page)
    expect_points(page, 200)
    x, y = centre(page.locator(".hnn-net").nth(picture))
    page.mouse.click(x + 60, y - 20)
    expect_points(page, 220)
    assert place_of(page, ".hnn-handle-cursor")[0] > 0.2
    page.get_by_label("a press takes").select_option("states")
    page.mouse.click(x - 60, y - 40)
    expect_points(page, 221)
    page.mouse.move(x - 50, y)
    page.mouse.down()
    page.mouse.move(x - 50, y + 80, steps=20)
    page.mouse.up()
    # One in ten pixels; the page counts them at its next frame.
    expect(page.locator(".hnn-note")).to_contain_text(re.compile(r"^2(2[6-9]|3[01]) points\."))
    press(page, "Undo points")
    expect_points(page, 221)
    press(page, "Undo points")
    expect_points(page, 220)
    press(page, "Clear points")
    expect_points(page, 0)
    press(page, "Learn")
    expect(page.locator(".hnn-status")).to_contain_text("there are no points")
    expect(page.locator(".hnn-primary")).to_have_text("Learn")
    press(page, "Reset")
    expect_points(page, 200)


def test_points_added_while_it_learns_are_learned(open_lab):
    page = open_lab(small_lab(steps=2000, optimizer="adam", speed=1))
    press(page, "Learn")
    expect(clock(page)).to_contain_text("of Adam")
    x, y = centre(page.locator(".hnn-net").first)
    page.mouse.click(x + 60, y - 20)
    expect_points(page, 220)
    expect(page.locator(".hnn-primary")).to_have_text("Pause")
    before = int(re.search(r"\d+", clock(page).inner_text())[0])
    page.wait_for_function(
        "before => parseInt(document.querySelector('.hnn-clock').textContent) > before", arg=before
    )


def test_there_is_an_end_to_points(open_lab):
    page = open_lab(small_lab(points=1000))
    x, y = centre(page.locator(".hnn-net").first)
    page.mouse.click(x + 60, y)
    expect_points(page, 1200)
    page.mouse.click(x + 40, y)
    expect(page.locator(".hnn-status")).to_contain_text("no room for 1000 more")
    expect_points(page, 1200)


def test_own_points_suffice_to_learn(open_lab):
    """Clear all, take four motions by hand, train."""
    page = open_lab(small_lab(steps=40))
    unfold(page)
    press(page, "Clear points")
    x, y = centre(page.locator(".hnn-net").first)
    for dx in (30, 60, 90, 120):
        page.mouse.click(x + dx, y + 40)
    expect_points(page, 80)
    train(page)
    assert off(page, "hnn")[0] < 5


def test_the_start_follows_the_mouse_in_both_pictures(open_lab):
    page = open_lab()
    assert place_of(page, ".hnn-handle-start") == [0.8, 0.0]
    for picture in (0, 1):
        q, p = place_of(page, ".hnn-handle-start")
        drag(page, page.locator(".hnn-handle-start").nth(picture), -30, -20)
        assert place_of(page, ".hnn-handle-start")[0] < q - 0.1
        assert place_of(page, ".hnn-handle-start")[1] > p + 0.05
    boxes = [handle.bounding_box() for handle in page.locator(".hnn-handle-start").all()]
    assert boxes[0]["y"] == pytest.approx(boxes[1]["y"], abs=1)
    expect_points(page, 200)


def test_a_tap_takes_points_and_a_swipe_scrolls(open_lab):
    page = open_lab(markup={"after": SPACER}, width=390, height=800, has_touch=True)
    page.locator(".hnn-net").first.scroll_into_view_if_needed()
    x, y = centre(page.locator(".hnn-net").first)
    page.touchscreen.tap(x + 30, y)
    expect_points(page, 220)


def test_a_system_with_friction(open_lab):
    """Measured against a truth that loses energy too: the baseline follows it, the HNN cannot."""
    lab = TrainingLab(
        DampedMassSpring(damping=0.2), noise=0.0, optimizer="levenberg_marquardt", speed=100
    )
    page = open_lab(lab)
    train(page)
    assert abs(off(page, "baseline")[1]) < 1
    assert off(page, "hnn")[1] > 20


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    page.locator("h1").click()
    visited = []
    for _ in range(14):
        page.keyboard.press("Tab")
        visited.append(page.evaluate("document.activeElement.className.split(' ').at(-1)"))
        outline = page.evaluate(
            "['', '::after'].some((part) =>"
            "getComputedStyle(document.activeElement, part).outlineStyle !== 'none')"
        )
        assert outline, visited
    handles = ["hnn-handle-cursor", "hnn-handle-start"]
    buttons = ["hnn-primary", "hnn-button", "hnn-select", "hnn-button", "hnn-opener"]
    noise = ["hnn-value", "hnn-range"]
    assert visited == [*handles, *buttons, *["hnn-chip"] * 4, *noise, "hnn-scrub"]
    cursor = page.locator(".hnn-handle-cursor").first
    cursor.focus()
    q, p = place_of(page, ".hnn-handle-cursor")
    for key in ("ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    expect(cursor).not_to_have_attribute("aria-valuetext", f"q = {q:.2f} m, p = {p:.2f} kg m/s")
    assert place_of(page, ".hnn-handle-cursor")[0] > q
    expect_points(page, 200)
    page.keyboard.press("Enter")
    expect_points(page, 220)
    page.keyboard.press("Space")
    expect_points(page, 240)
    page.locator(".hnn-primary").focus()
    page.keyboard.press("Enter")
    wait_for_the_end(page)


# --- the page it stands in -----------------------------------------------------------------------


def test_themes(open_lab):
    page = open_lab(markup={"html": ' data-theme="light"'})
    hnn = palette.ROLES["hnn"]
    for theme in ("dark", "light"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        expect(page.locator(".hnn-lab")).to_have_attribute("data-hnn-theme", theme)
        drawn(page)
        own, other = (hnn.light, hnn.dark) if theme == "light" else (hnn.dark, hnn.light)
        seen = colours(page, ".hnn-net canvas >> nth=1")
        assert own.lower() in seen
        assert other.lower() not in seen


@pytest.mark.parametrize("width", [360, 1280])
def test_sizes_and_targets(open_lab, width):
    page = open_lab(width=width)
    train(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    unfold(page)
    controls = ".hnn-button, .hnn-select, .hnn-range, .hnn-handle-start"
    for control in page.locator(controls).all():
        assert control.bounding_box()["height"] >= 44
    page.set_viewport_size({"width": 700, "height": 1200})
    drawn(page)
    size = page.locator(".hnn-net canvas").first.evaluate("c => [c.width, c.clientWidth]")
    assert size[0] == pytest.approx(size[1], abs=1)


@pytest.mark.parametrize("role", ["baseline", "hnn"])
def test_on_a_phone_picture_hand_and_number_are_on_one_screen(open_lab, role):
    page = open_lab(width=390, height=844)
    boxes = [page.locator(f).first.bounding_box() for f in (".hnn-nets", ".hnn-primary")]
    chips = page.locator(".hnn-sets").bounding_box()
    top = min(box["y"] for box in boxes)
    assert max(box["y"] + box["height"] for box in boxes) - top <= 700
    # The point sets too fit on the screen, below the page's own bar.
    assert chips["y"] + chips["height"] - top <= 844 - 60
    caption = page.locator(".hnn-caption", has_text={"baseline": "baseline", "hnn": "HNN"}[role])
    assert caption.evaluate("e => e.scrollWidth <= e.clientWidth")


def test_out_of_sight_it_trains_but_does_not_draw(open_lab):
    markup = {"after": SPACER}
    lab = small_lab(steps=400, optimizer="adam", speed=4)
    page = open_lab(lab, init=MEASURE_FRAMES, markup=markup)
    press(page, "Learn")
    page.evaluate("scrollTo(0, 4000)")
    page.wait_for_timeout(200)
    before = page.evaluate("frames_.length")
    expect(page.locator(".hnn-primary")).to_have_text("Learn on")
    assert page.evaluate("frames_.length") == before
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator(".hnn-clock")).to_contain_text("400 steps")


def test_accessibility(open_lab):
    page = open_lab()
    train(page)
    unfold(page)
    for theme in ("light", "dark"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        drawn(page)
        assert axe_findings(page) == []
    for canvas in page.locator(".hnn-lab canvas[role=img]").all():
        assert "After 8 steps" in canvas.get_attribute("aria-label")


# --- traits, twice, closed, broken ---------------------------------------------------------------


def test_python_may_have_asked_for_the_training(open_lab):
    lab = small_lab()
    lab.training = True
    page = open_lab(lab)
    expect(page.locator(".hnn-clock")).to_contain_text("8 steps")
    expect(page.locator(".hnn-primary")).to_have_text("Learn on")


def test_two_labs_train_at_once(open_lab):
    page = open_lab(small_lab(), small_lab(seed=3), height=2600)
    press(page, "Learn", 0)
    press(page, "Learn", 1)
    for k in range(2):
        expect(page.locator(".hnn-clock").nth(k)).to_contain_text("8 steps")
    assert off(page, "hnn", 0) != off(page, "hnn", 1)


def test_two_views_of_one_lab_show_one_training(open_lab):
    lab = small_lab()
    page = open_lab(lab, lab, height=2600)
    assert page.locator(".hnn-lab").count() == 2
    train(page, lab=1)
    for k in range(2):
        expect(page.locator(".hnn-clock").nth(k)).to_contain_text("8 steps")
        expect(page.locator(".hnn-primary").nth(k)).to_have_text("Learn on")
    page.wait_for_timeout(200)
    assert off(page, "hnn", 0) == off(page, "hnn", 1)
    assert off(page, "baseline", 0) == off(page, "baseline", 1)


def test_a_closed_lab_leaves_nothing_and_ends_its_worker(open_lab):
    lab = TrainingLab(MassSpring(), steps=10_000)
    lab.training = True
    page = open_lab(lab, init=MEASURE_FRAMES)
    counts = page.evaluate(RENDER_AND_CLOSE)
    assert counts["during"]["workers"] == 2
    assert counts["during"]["children"] == 1
    assert counts["after"] == NOTHING_LEFT


def spoil(**changes):
    def change(states):
        (record,) = (each for each in states.values() if "_sizes" in each["state"])
        buffers = {each["path"][0]: each for each in record["buffers"]}
        for name, value in changes.items():
            if name in buffers:
                buffers[name]["data"] = value
            else:
                record["state"][name] = value

    return {"change": change}


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"_hnn": "AAAAAAAA+H8="}, "network has 105 weights, but 1 arrived"),
        ({"_baseline": "AAAA"}, "no whole float64 numbers"),
        ({"_hnn": NAN_WEIGHTS}, "NaN or infinite"),
        ({"_sizes": {"baseline": [2, 8, 8, 2]}}, "is no hnn of this system"),
        ({"_sizes": {"baseline": [2, 8, 8, 2], "hnn": [4, 8, 1]}}, "4-8-1 is no hnn"),
        ({"show": "lnn"}, "is nothing to show"),
        ({"_samples": "AAAAAAAA8D8="}, "no whole rows of 7"),
        ({"state": [1.0]}, "the start must be 2 finite numbers"),
        ({"optimizer": "sgd"}, 'unknown optimiser "sgd"'),
        ({"noise": -1}, "the noise (-1)"),
        ({"region": [1.0, 0.5]}, "interval of energies"),
        ({"horizon": 0}, "must be positive"),
        ({"_system": {"name": "sun", "parameters": {}}}, 'unknown system "sun"'),
    ],
)
def test_a_bad_state_is_a_message(open_lab, changes, message):
    page = open_lab(markup=spoil(**changes))
    expect(page.locator(".hnn-message")).to_contain_text("This lab cannot run")
    assert_it_says(page, message)
