"""The training lab in Chromium: data by hand, trained with a worker or without, twice, broken."""

import base64
import re
import struct

import pytest
from browser_tools import serve
from playwright.sync_api import expect
from widget_page import (
    MEASURE_FRAMES,
    NOTHING_LEFT,
    RENDER_AND_CLOSE,
    SPACER,
    assert_it_says,
    axe_findings,
    centre,
    colours,
    drag,
    frame_times,
    ink,
    lab_opener,
)

from hnn_tutorial import palette
from hnn_tutorial.systems import DampedPendulum, MassSpring
from hnn_tutorial.widgets import TrainingLab

NAN_WEIGHTS = base64.b64encode(struct.pack("<105d", *[float("nan")] * 105)).decode()

NO_WORKER = "window.Worker = class { constructor() { throw new Error('none here'); } };"
# A page may forbid workers, and say so only after it made one.
DEAD_WORKER = """window.Worker = class {
    constructor() { setTimeout(() => this.onerror({ preventDefault() {}, message: "refused" })); }
    postMessage() {}
    terminate() {}
};"""

# Press the button; say after how many seconds the field error fell below a bound.
SECONDS_UNTIL = """async (bound) => {
    const error = () => {
        const text = document.querySelectorAll(".hnn-table tbody td")[1].textContent;
        const found = text.match(/(?:([\\d.]+)·)?10⁻([⁰¹²³⁴⁵⁶⁷⁸⁹]+)/);
        if (!found) return Number(text);
        const power = [...found[2]].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(digit)).join("");
        return Number(`${found[1] ?? 1}e-${power}`);
    };
    const began = performance.now();
    document.querySelector(".hnn-primary").click();
    for (;;) {
        await new Promise(requestAnimationFrame);
        const seconds = (performance.now() - began) / 1000;
        if (error() < bound) return seconds;
        if (seconds > 20) return null;
    }
}"""


def small_lab(**options):
    """A lab whose training takes a moment."""
    return TrainingLab(MassSpring(), **{"hidden": (8, 8), "steps": 8, **options})


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, small_lab, height=1200) as opener:
        yield opener


def press(page, name, lab=0):
    page.locator(".hnn-lab").nth(lab).get_by_role("button", name=name, exact=True).click()


def train(page, name="Train", lab=0):
    """Press the button and wait for the end."""
    press(page, name, lab)
    primary = page.locator(".hnn-primary").nth(lab)
    expect(primary).to_have_text("Train on", timeout=20_000)


def row(page, k=0, lab=0):
    """A line of the table: what was trained, loss, field error, energy error."""
    line = page.locator(".hnn-lab").nth(lab).locator(".hnn-table tbody tr").nth(k)
    texts = [*line.locator("th").all_inner_texts(), *line.locator("td").all_inner_texts()]
    return [text.replace("\u00a0", " ").strip() for text in texts]


def number(text):
    """Read 4.2·10⁻⁷, 10⁻⁷ or 0.42 as a number, and < 10⁻¹⁵ as its bound."""
    plain = text.replace("<", "").translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--"))
    found = re.search(r"(?:([\d.]+)·)?10(-\d+)", plain)
    return float(f"{found[1] or 1}e{found[2]}") if found else float(plain)


def expect_samples(page, count, lab=0):
    expect(page.locator(".hnn-note").nth(lab)).to_contain_text(f"{count} samples.")


def steps_done(page, lab=0):
    return int(re.search(r"step (\d+)", page.locator(".hnn-clock").nth(lab).inner_text())[1])


def place_of(page, handle):
    text = page.locator(handle).get_attribute("aria-valuetext")
    return [float(part.replace("−", "-")) for part in re.findall(r"= (\S+)", text)]


def best_of_three(measure, enough):
    """The least of up to three measurements: others may want the same processor."""
    best = measure()
    for _ in range(2):
        if best > enough:
            best = min(best, measure())
    return best


def seconds_to_learn(page, scheme):
    """Press the button on untrained weights; how long until the field error is 1e-6."""
    press(page, "Reset")
    expect(page.locator(".hnn-primary")).to_have_text("Train")
    seconds = page.evaluate(SECONDS_UNTIL, 1e-6)
    print(f"2-16-16-1 HNN over {scheme}: field error below 1e-6 after {seconds} s")
    return float("inf") if seconds is None else seconds


# --- it trains -----------------------------------------------------------------------------------


@pytest.mark.timing
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_an_hnn_learns_the_spring_within_five_seconds(open_lab, tmp_path, scheme):
    with serve(tmp_path) as address:
        address = address if scheme == "http" else None
        page = open_lab(TrainingLab(MassSpring()), address=address)
        expect(page.locator(".hnn-status")).to_contain_text("not yet trained")
        assert best_of_three(lambda: seconds_to_learn(page, scheme), 5.0) < 5.0
        expect(page.locator(".hnn-primary")).to_have_text("Train on", timeout=20_000)
        expect(page.locator(".hnn-status")).to_contain_text("after 40 steps")
        name, _, error, energy = row(page)
        assert name == "HNN 16-16, LM"
        assert number(error) < 1e-8
        assert energy == "0.000 %"
        for area in ("data", "learned", "curve"):
            assert ink(page, f".hnn-{area} canvas[role=img]") > 100


def test_with_or_without_a_worker_the_numbers_are_the_same(open_lab):
    """Where a page has no workers, or refuses them late, it trains in slices of its own time."""
    numbers = []
    for init in (None, NO_WORKER, DEAD_WORKER):
        page = open_lab(small_lab(), init=init)
        train(page)
        expect(page.locator(".hnn-clock")).to_contain_text("step 8")
        numbers.append(row(page))
    assert numbers[0] == numbers[1] == numbers[2]


@pytest.mark.timing
@pytest.mark.parametrize("init", ["", NO_WORKER], ids=["worker", "slices"])
def test_the_page_stays_smooth_while_it_trains(open_lab, init):
    page = open_lab(TrainingLab(MassSpring(), steps=1000), init=MEASURE_FRAMES + init)
    page.wait_for_timeout(300)
    press(page, "Train")

    def frame_work():
        median, high, count = frame_times(page, lambda: page.wait_for_timeout(1500))
        print(f"training: {median:.2f} ms median, {high:.2f} ms 95th percentile, {count} frames")
        assert count > 2
        return median

    assert best_of_three(frame_work, 8.0) <= 8.0
    # A click is heard at once, not after the training.
    press(page, "Stop")
    expect(page.locator(".hnn-primary")).to_have_text("Train on", timeout=2000)
    stopped = steps_done(page)
    assert 0 < stopped < 1000
    page.wait_for_timeout(300)
    assert steps_done(page) == stopped


def test_training_goes_on_where_it_stopped(open_lab):
    page = open_lab()
    train(page)
    first = row(page)
    train(page, "Train on")
    assert steps_done(page) == 16
    assert row(page) != first
    expect(page.locator(".hnn-status")).to_contain_text("after 16 steps")


def test_choices_are_trained_and_compared(open_lab):
    page = open_lab(small_lab(steps=30))
    train(page)
    hnn = row(page)
    page.get_by_role("combobox", name="network").select_option("mlp")
    assert row(page)[0] == "MLP 8-8, LM"
    assert row(page, 1) == ["HNN 8-8, LM, 30 steps", *hnn[1:]]
    page.get_by_label("optimiser").select_option("adam")
    page.get_by_label("hidden layers").select_option("4-4")
    train(page)
    assert row(page)[0] == "MLP 4-4, Adam"
    assert steps_done(page) == 30
    untrained = row(page)
    press(page, "New weights")
    assert row(page, 1)[1:] == untrained[1:]
    assert page.locator(".hnn-table tbody tr").count() == 3
    press(page, "Reset")
    assert row(page)[0] == "HNN 8-8, LM"
    assert page.locator(".hnn-table tbody tr").count() == 1
    expect(page.locator(".hnn-clock")).to_have_text("step 0, 0.0 s")


def test_noise_spoils_what_is_learned(open_lab):
    page = open_lab(small_lab(steps=30))
    train(page)
    clean = row(page)
    press(page, "Reset")
    page.locator(".hnn-range").focus()
    page.keyboard.press("End")
    expect(page.locator(".hnn-value").first).to_have_value("0.2")
    train(page)
    assert number(clean[2]) < 1e-6
    assert number(row(page)[2]) > 1e-4


def test_a_system_with_friction(open_lab):
    lab = TrainingLab(DampedPendulum(damping=0.4), "mlp", start=(1.0, 0.0), steps=10)
    page = open_lab(lab)
    train(page)
    assert row(page)[3].startswith("−")  # the energy falls


# --- the reader's data ---------------------------------------------------------------------------


def test_presses_and_strokes_take_data(open_lab):
    page = open_lab()
    expect_samples(page, 200)
    x, y = centre(page.locator(".hnn-data"))
    page.mouse.click(x + 60, y - 20)
    expect_samples(page, 220)
    assert place_of(page, ".hnn-handle-cursor")[0] > 0.2
    page.get_by_label("a press takes").select_option("states")
    page.mouse.click(x - 60, y - 40)
    expect_samples(page, 221)
    page.mouse.move(x - 50, y)
    page.mouse.down()
    page.mouse.move(x - 50, y + 80, steps=20)
    page.mouse.up()
    # One in ten pixels; the page counts them at its next frame.
    expect(page.locator(".hnn-note")).to_contain_text(re.compile(r"^2(2[6-9]|3[01]) samples\."))
    press(page, "Undo")
    expect_samples(page, 221)
    press(page, "Undo")
    expect_samples(page, 220)
    press(page, "Clear data")
    expect_samples(page, 0)
    press(page, "Train")
    expect(page.locator(".hnn-status")).to_contain_text("there are no data")
    expect(page.locator(".hnn-primary")).to_have_text("Train")
    press(page, "Reset")
    expect_samples(page, 200)


def test_there_is_an_end_to_data(open_lab):
    page = open_lab(small_lab(points=1000))
    x, y = centre(page.locator(".hnn-data"))
    page.mouse.click(x + 60, y)
    expect_samples(page, 1200)
    page.mouse.click(x + 40, y)
    expect(page.locator(".hnn-status")).to_contain_text("no room for 1000 more")
    expect_samples(page, 1200)


def test_own_data_suffice_to_learn(open_lab):
    """Clear all, take four motions by hand, train."""
    page = open_lab(small_lab(steps=40))
    press(page, "Clear data")
    x, y = centre(page.locator(".hnn-data"))
    for dx in (30, 60, 90, 110):
        page.mouse.click(x + dx, y)
    expect_samples(page, 80)
    train(page)
    assert number(row(page)[2]) < 1e-3


def test_the_start_follows_the_mouse(open_lab):
    page = open_lab()
    assert place_of(page, ".hnn-handle-start") == [0.8, 0.0]
    drag(page, page.locator(".hnn-handle-start"), -60, -40)
    q, p = place_of(page, ".hnn-handle-start")
    assert q < 0.7
    assert p > 0.1
    expect_samples(page, 200)


def test_a_tap_takes_data_and_a_swipe_scrolls(open_lab):
    page = open_lab(
        markup={"after": '<div style="height: 2000px"></div>'},
        width=390,
        height=800,
        has_touch=True,
    )
    page.locator(".hnn-data").scroll_into_view_if_needed()
    x, y = centre(page.locator(".hnn-data"))
    page.touchscreen.tap(x + 30, y)
    expect_samples(page, 220)


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    page.locator("h1").click()
    visited = []
    for _ in range(12):
        page.keyboard.press("Tab")
        visited.append(page.evaluate("document.activeElement.className.split(' ').at(-1)"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    handles = ["hnn-handle-cursor", "hnn-handle-start"]
    buttons = ["hnn-primary", *["hnn-button"] * 4]
    assert visited == [*handles, *buttons, *["hnn-select"] * 4, "hnn-range"]
    cursor = page.locator(".hnn-handle-cursor")
    cursor.focus()
    q, p = place_of(page, ".hnn-handle-cursor")
    for key in ("ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    expect(cursor).not_to_have_attribute("aria-valuetext", f"q = {q:.2f} m, p = {p:.2f} kg m/s")
    assert place_of(page, ".hnn-handle-cursor")[0] > q
    expect_samples(page, 200)
    page.keyboard.press("Enter")
    expect_samples(page, 220)
    page.keyboard.press("Space")
    expect_samples(page, 240)
    page.locator(".hnn-primary").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".hnn-primary")).to_have_text("Train on")


# --- the page it stands in -----------------------------------------------------------------------


def test_themes(open_lab):
    page = open_lab(markup={"html": ' data-theme="light"'})
    hnn = palette.ROLES["hnn"]
    for theme in ("dark", "light"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        expect(page.locator(".hnn-lab")).to_have_attribute("data-hnn-theme", theme)
        page.wait_for_timeout(60)
        own, other = (hnn.light, hnn.dark) if theme == "light" else (hnn.dark, hnn.light)
        seen = colours(page, ".hnn-learned canvas[role=img]")
        assert own.lower() in seen
        assert other.lower() not in seen


@pytest.mark.parametrize("width", [360, 1280])
def test_sizes_and_targets(open_lab, width):
    page = open_lab(width=width)
    train(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for control in page.locator(".hnn-button, .hnn-select, .hnn-range, .hnn-handle").all():
        assert control.bounding_box()["height"] >= 44
    page.set_viewport_size({"width": 700, "height": 1200})
    page.wait_for_timeout(100)
    size = page.locator(".hnn-data canvas").first.evaluate("c => [c.width, c.clientWidth]")
    assert size[0] == pytest.approx(size[1], abs=1)


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_nothing_moves_by_itself(open_lab, motion):
    page = open_lab(init=MEASURE_FRAMES, reduced_motion=motion)
    expect(page.locator(".hnn-status")).to_contain_text("not yet trained")
    before = page.evaluate("frames_.length")
    page.wait_for_timeout(300)
    assert page.evaluate("frames_.length") == before


def test_out_of_sight_it_trains_but_does_not_draw(open_lab):
    markup = {"after": SPACER}
    page = open_lab(small_lab(steps=400, optimizer="adam"), init=MEASURE_FRAMES, markup=markup)
    press(page, "Train")
    page.evaluate("scrollTo(0, 4000)")
    page.wait_for_timeout(200)
    before = page.evaluate("frames_.length")
    expect(page.locator(".hnn-primary")).to_have_text("Train on", timeout=20_000)
    assert page.evaluate("frames_.length") == before
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator(".hnn-clock")).to_contain_text("step 400")


def test_accessibility(open_lab):
    page = open_lab()
    train(page)
    expect(page.locator(".hnn-status")).to_contain_text("after 8 steps")
    assert axe_findings(page) == []
    for area in ("learned", "curve"):
        label = page.locator(f".hnn-{area} canvas[role=img]").get_attribute("aria-label")
        assert "after 8 steps" in label


# --- traits, twice, closed, broken ---------------------------------------------------------------


def test_python_may_have_asked_for_the_training(open_lab):
    lab = small_lab()
    lab.training = True
    page = open_lab(lab)
    expect(page.locator(".hnn-clock")).to_contain_text("step 8", timeout=20_000)
    expect(page.locator(".hnn-primary")).to_have_text("Train on")


def test_two_labs_train_at_once(open_lab):
    page = open_lab(small_lab(), small_lab(model="mlp"), height=2400)
    press(page, "Train", 0)
    press(page, "Train", 1)
    for k in range(2):
        expect(page.locator(".hnn-clock").nth(k)).to_contain_text("step 8", timeout=20_000)
    assert row(page, lab=0)[0] != row(page, lab=1)[0]


def test_two_views_of_one_lab_show_one_training(open_lab):
    lab = small_lab()
    page = open_lab(lab, lab, height=2400)
    assert page.locator(".hnn-lab").count() == 2
    train(page, lab=1)
    for k in range(2):
        expect(page.locator(".hnn-clock").nth(k)).to_contain_text("step 8")
        expect(page.locator(".hnn-primary").nth(k)).to_have_text("Train on")
    page.wait_for_timeout(200)
    assert row(page, lab=0) == row(page, lab=1)


def test_a_closed_lab_leaves_nothing_and_ends_its_worker(open_lab):
    lab = TrainingLab(MassSpring(), steps=1000)
    lab.training = True
    page = open_lab(lab, init=MEASURE_FRAMES)
    counts = page.evaluate(RENDER_AND_CLOSE)
    assert counts["during"]["workers"] == 1
    assert counts["during"]["children"] == 1
    assert counts["after"] == NOTHING_LEFT


def spoil(**changes):
    def change(states):
        (record,) = (each for each in states.values() if "_network" in each["state"])
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
        ({"_weights": "AAAAAAAA+H8="}, "network has 105 weights, but 1 arrived"),
        ({"_weights": "AAAA"}, "no whole float64 numbers"),
        ({"_weights": NAN_WEIGHTS}, "NaN or infinite"),
        ({"_network": {"kind": "lnn", "sizes": [2, 8, 8, 1]}}, 'not "lnn"'),
        ({"_network": {"kind": "hnn", "sizes": [4, 8, 1]}}, "is no hnn of this system"),
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
