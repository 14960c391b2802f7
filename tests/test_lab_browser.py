"""The learned lab in Chromium: by mouse, touch and keyboard, in both themes, twice, and broken.

The page is a small one with the book's host script; the built book has tests of its own.
"""

import base64
import math

import ipywidgets
import pytest
import torch
from browser_tools import serve
from playwright.sync_api import expect
from widget_page import (
    MEASURE_FRAMES,
    PIXELS,
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
    ink,
    lab_opener,
    spoil,
    start_of,
    stop,
)

from hnn_tutorial import palette
from hnn_tutorial.models import HNN, LNN, MLP, StructuredLNN
from hnn_tutorial.systems import DampedPendulum, DoublePendulum, MassSpring, Pendulum
from hnn_tutorial.widgets import LearnedLab


def spring_networks(stiffness=1.0):
    """Networks that are the spring's field and energy by construction: nothing to train.

    tanh(εx)/ε ≈ x gives a linear field, here with some growth that the truth lacks;
    softplus(εx) + softplus(−εx) ≈ 2 ln 2 + (εx)²/4 gives a quadratic energy.
    """
    scale = 0.1
    baseline = MLP(1, (2,), "tanh")
    learned = HNN(1, (4,), "softplus")
    field = torch.tensor([[0.03, 1.0], [-stiffness, 0.03]], dtype=torch.float64)
    corners = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]], dtype=torch.float64)
    with torch.no_grad():
        first, last = baseline.network.layers
        first.weight.copy_(scale * torch.eye(2))
        last.weight.copy_(field / scale)
        first, last = learned.network.layers
        first.weight.copy_(scale * corners)
        last.weight.copy_(2 / scale**2 * torch.tensor([[stiffness, stiffness, 1.0, 1.0]]))
    return {"baseline": baseline, "HNN": learned}


def spring_lab(**options):
    return LearnedLab(MassSpring(), spring_networks(), **{"start": (0.8, 0.0), **options})


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, spring_lab) as opener:
        yield opener


def extent(page, selector, colour):
    """Left, right, top and bottom of a colour in a canvas, and the canvas's width and height."""
    measure = f"""(canvas, colour) => {{
        const data = ({PIXELS})(canvas);
        const [r, g, b] = [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
        let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
        for (let i = 0; i < data.length; i += 4) {{
            if (data[i] !== r || data[i + 1] !== g || data[i + 2] !== b) continue;
            const [x, y] = [(i / 4) % canvas.width, Math.floor(i / 4 / canvas.width)];
            [left, right] = [Math.min(left, x), Math.max(right, x)];
            [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
        }}
        return [left, right, top, bottom, canvas.width, canvas.height];
    }}"""
    return page.locator(selector).first.evaluate(measure, colour)


# --- it runs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_it_runs_without_kernel_or_network(open_lab, tmp_path, scheme):
    with serve(tmp_path) as address:
        page = open_lab(
            spring_lab(region=(0.05, 0.5)), address=address if scheme == "http" else None
        )
        expect(page.locator(".hnn-status")).to_have_text("From q = 0.80 m, p = 0.00 kg m/s.")
        stop(page)
        expect(page.locator(".hnn-status")).to_contain_text(
            "within 20 s the energy is off by at most +231 % (baseline)"
        )
        expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
        for area in ("body", "phase", "energy"):
            assert ink(page, f".hnn-{area} canvas") > 300


@pytest.mark.parametrize("system", [Pendulum(), DampedPendulum(damping=0.4)])
def test_a_lab_of_the_truth_alone_offers_what_suits_it(open_lab, system):
    page = open_lab(LearnedLab(system, {}, start=(2.0, 0.0)))
    expect(page.locator(".hnn-status")).to_contain_text("From q = 2.00 rad")
    greyed = page.get_by_label("integrator").locator("option:disabled").all_inner_texts()
    assert greyed == (
        [] if system.name == "pendulum" else ["symplectic Euler", "leapfrog", "Forest–Ruth"]
    )
    page.locator(".hnn-opener").click()
    assert page.locator(".hnn-note").is_visible() == bool(greyed)


def test_numbers_are_those_of_the_motions(open_lab):
    """The baseline's field is A = J + 0.03, whose energy grows as exp(0.06 t)."""
    page = open_lab(spring_lab(horizon=0.5, step=0.05))
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    rows = page.locator(".hnn-table tbody tr")
    texts = [row.replace("\u00a0", " ").split("\t") for row in rows.all_inner_texts()]
    assert [row[0].strip() for row in texts] == ["truth", "baseline", "HNN", "integrator alone"]
    assert texts[1][1] == "+3.0 %"  # exp(0.03) − 1
    # Of positions alone, 0.8 cos(t).
    assert abs(float(texts[1][2]) - 0.8 * math.cos(0.5) * math.expm1(0.015)) < 0.0006
    assert abs(float(texts[2][2])) < 0.005
    assert texts[3][1] == "0.000 %"


def test_what_is_drawn_lies_where_it_belongs(open_lab):
    """An orbit of one period: its extent in the plane, and its energy as one level line."""
    stiff = 100.0
    lab = LearnedLab(
        MassSpring(stiffness=stiff),
        spring_networks(stiff),
        start=(0.8, 0.0),
        step=0.01,
        horizon=0.7,
    )
    page = open_lab(lab)
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    blue = palette.ROLES["hnn"].light.lower()
    left, right, top, bottom, width, height = extent(page, ".hnn-phase canvas[role=img]", blue)
    half = (2.1**0.5) * 0.8  # the plane shows 2.1 times the start's energy
    inner = (width - 8 - 42) / (2 * half)
    assert left == pytest.approx(42 + (half - 0.8) * inner, abs=5)
    assert right == pytest.approx(42 + (half + 0.8) * inner, abs=5)
    middle = (8 + height - 26) / 2
    assert (top + bottom) / 2 == pytest.approx(middle, abs=3)
    assert (bottom - top) / (height - 34) == pytest.approx(1 / 2.1**0.5, abs=0.04)
    left, right, top, bottom, width, height = extent(page, ".hnn-energy canvas", blue)
    assert (left, right) == pytest.approx((42, width - 8), abs=3)
    assert (top + bottom) / 2 == pytest.approx(8 + (height - 34) / 2, abs=3)
    assert bottom - top < 7


# --- the reader's hand -------------------------------------------------------------------------


def test_the_start_follows_the_mouse_in_the_plane(open_lab):
    page = open_lab()
    stop(page)
    before = page.locator(".hnn-status").inner_text()
    assert start_of(page) == [0.8, 0.0]
    drag(page, page.locator(".hnn-handle-start"), -40, -60)
    q, p = start_of(page)
    assert q < 0.7
    assert p > 0.3
    expect(page.locator(".hnn-status")).not_to_have_text(before)
    expect(page.locator(".hnn-status")).to_contain_text(f"q = {q:.2f} m")


def test_the_start_stays_in_the_plane(open_lab):
    page = open_lab()
    stop(page)
    drag(page, page.locator(".hnn-handle-start"), 3000, -3000)
    q, p = start_of(page)
    assert 1 < q < 2
    assert 1 < p < 2


def test_pulling_the_body_starts_it_from_rest(open_lab):
    page = open_lab(spring_lab(start=(0.5, 0.4)))
    stop(page)
    drag(page, page.locator(".hnn-handle-body"), 30, 0)
    q, p = start_of(page)
    assert p == 0
    assert q != 0.5


def test_a_press_elsewhere_brings_the_running_body_there(open_lab):
    page = open_lab(LearnedLab(Pendulum(), {}, start=(2.0, 0.0)))
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    x, y = centre(page.locator(".hnn-body"))
    page.mouse.move(x + 70, y)
    page.mouse.down()
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.0 s")
    assert start_of(page) == pytest.approx([1.57, 0.0], abs=0.02)  # level with the pivot
    page.mouse.move(x + 70, y + 70, steps=4)
    assert start_of(page) == pytest.approx([0.785, 0.0], abs=0.02)
    page.mouse.up()
    expect(page.locator(".hnn-primary")).to_have_text("Pause")
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")


def test_a_finger_moves_the_start_and_scrolls_elsewhere(open_lab):
    page = open_lab(markup={"after": SPACER}, width=390, height=800, has_touch=True)
    stop(page)
    touch = page.context.new_cdp_session(page)

    def swipe(x, y, dx, dy):
        touch.send(
            "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
        )
        for k in range(1, 9):
            point = {"x": x + dx * k / 8, "y": y + dy * k / 8}
            touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
        touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.wait_for_timeout(150)

    page.locator(".hnn-phase").scroll_into_view_if_needed()
    scrolled = page.evaluate("scrollY")
    swipe(*centre(page.locator(".hnn-handle-start")), -50, -70)
    q, p = start_of(page)
    assert q < 0.6
    assert p > 0.2
    assert page.evaluate("scrollY") == scrolled
    # A tap is heard everywhere (the browser takes one right after a swipe for a part of it).
    page.wait_for_timeout(600)
    handle = page.locator(".hnn-handle-start")
    before = handle.get_attribute("aria-valuetext")
    x, y = centre(page.locator(".hnn-phase"))
    page.touchscreen.tap(x, y)
    expect(handle).not_to_have_attribute("aria-valuetext", before)
    q, p = start_of(page)
    # Beside the handle the gesture that moved it scrolls the page.
    swipe(x - 80, y, 0, -70)
    assert page.evaluate("scrollY") > scrolled + 30
    assert start_of(page) == [q, p]


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    expect(page.locator(".hnn-primary")).to_have_text("Pause")
    page.locator("h1").click()
    visited = []

    def tab(count):
        for _ in range(count):
            page.keyboard.press("Tab")
            visited.append(page.evaluate("document.activeElement.className.split(' ').at(-1)"))
            outline = page.evaluate(
                """["", "::after"].map((part) =>
                    getComputedStyle(document.activeElement, part).outlineStyle).join(" ")"""
            )
            assert outline != "none none", visited

    tab(7)
    assert visited == [
        "hnn-handle-body",
        "hnn-handle-start",
        "hnn-scrub",
        "hnn-primary",
        "hnn-select",
        "hnn-button",
        "hnn-opener",
    ]
    page.keyboard.press("Enter")
    expect(page.locator(".hnn-opener")).to_have_attribute("aria-expanded", "true")
    visited.clear()
    tab(5)
    assert visited == ["hnn-value", "hnn-range", "hnn-select", "hnn-select", "hnn-link"]

    page.locator(".hnn-handle-start").focus()
    for key in ("ArrowLeft", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
    q, p = start_of(page)
    assert 0.7 < q < 0.8
    assert 0 < p < 0.1
    page.keyboard.press("Shift+ArrowDown")
    assert start_of(page)[1] == pytest.approx(-4 * p)
    page.locator(".hnn-handle-body").focus()
    page.keyboard.press("ArrowRight")
    assert start_of(page)[0] > q
    assert start_of(page)[1] == 0

    page.locator(".hnn-range").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".hnn-value").first).to_have_value("0.06 s")
    page.get_by_label("integrator").focus()
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("integrator")).to_have_value("euler")
    page.locator(".hnn-primary").focus()
    page.keyboard.press("Space")
    expect(page.locator(".hnn-primary")).to_have_text("Play")


def test_euler_drifts_by_itself_and_reset_undoes_all(open_lab):
    page = open_lab()
    stop(page)
    page.locator(".hnn-opener").click()
    page.get_by_label("integrator").select_option("euler")
    drag(page, page.locator(".hnn-handle-start"), -30, 20)
    expect(page.locator(".hnn-status")).not_to_contain_text("0.000 % (HNN)")
    page.locator(".hnn-button", has_text="Reset").click()
    expect(page.get_by_label("integrator")).to_have_value("rk4")
    assert start_of(page) == [0.8, 0.0]
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.0 s")


def test_methods_that_need_a_separable_field_are_greyed_with_the_reason(open_lab):
    page = open_lab()
    page.locator(".hnn-opener").click()
    disabled = page.get_by_label("integrator").locator("option:disabled")
    expect(disabled).to_have_text(["symplectic Euler", "leapfrog", "Forest–Ruth"])
    expect(page.locator(".hnn-note")).to_contain_text("in the baseline's field q̇ depends on q")


def quadratic(model, scale=0.1, stiffness=1.0):
    """Let a Lagrangian network be the spring's: softplus(εx) + softplus(−εx) ≈ 2 ln 2 + (εx)²/4."""
    corner = torch.tensor([[1.0], [-1.0]], dtype=torch.float64)
    first, last = model.network.layers
    with torch.no_grad():
        first.bias.zero_()
        last.bias.zero_()
        if isinstance(model, LNN):
            first.weight.copy_(scale * torch.cat([corner, 0 * corner], dim=1))
            last.weight.fill_(-2 * stiffness / scale**2)
        else:
            first.weight.copy_(scale * corner)
            last.weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 1.0]]) * 2 * stiffness / scale**2)
            last.bias[0] = 1.0
            last.bias[0] = torch.expm1(last.bias[0]).log()
    return model


def test_lagrangian_models_run_on_velocities_and_are_shown_as_momenta(open_lab):
    """With a mass of 2 a motion that took p for q̇ would be far from the truth."""
    mass = 2.0
    models = {
        "LNN": quadratic(LNN(1, (2,), "softplus"), stiffness=1 / mass),
        "structured": quadratic(StructuredLNN(1, (2,), "softplus"), stiffness=1 / mass),
    }
    page = open_lab(LearnedLab(MassSpring(mass=mass), models, start=(0.6, 0.5), horizon=1.0))
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    for row in page.locator(".hnn-table tbody tr").all()[1:3]:
        assert float(row.locator("td").nth(1).inner_text()) < 0.01


def test_level_lines_of_the_chosen_model_lie_over_the_true_ones(open_lab):
    page = open_lab(spring_lab(horizon=0.05))
    blue = palette.ROLES["hnn"].light.lower()
    page.locator(".hnn-opener").click()
    lines = page.get_by_label("energy lines")
    expect(lines.locator("option")).to_have_text(["truth alone", "HNN"])
    expect(lines).to_have_value("2")
    expect(page.locator(".hnn-primary")).to_have_text("Replay")

    def amount():
        drawn(page)
        return ink(page, ".hnn-phase canvas[aria-hidden]")

    both = amount()
    lines.select_option("truth alone")
    alone = amount()
    # The learned lines are the true ones here: they add strength and rims, not new curves.
    assert alone < both < 2 * alone
    assert blue not in colours(page, ".hnn-phase canvas[aria-hidden]")


def test_the_double_pendulum_has_two_planes_and_two_bobs(open_lab):
    page = open_lab(LearnedLab(DoublePendulum(), {}, start=(1.0, 0.5, 0.0, 0.0)))
    stop(page)
    bobs = page.locator(".hnn-handle-body")
    expect(bobs).to_have_count(2)
    page.locator(".hnn-button", has_text="Reset").click()
    drag(page, bobs.nth(1), 30, -40)
    expect(page.locator(".hnn-status")).to_contain_text("From θ1 = ")
    page.get_by_label("plane").last.select_option("θ2 and p2")
    text = page.locator(".hnn-handle-start").get_attribute("aria-valuetext")
    assert "θ2 = " in text
    assert "p2 = 0.00" in text
    drag(page, page.locator(".hnn-handle-start"), 20, 30)
    assert "p2 = −" in page.locator(".hnn-handle-start").get_attribute("aria-valuetext")


# --- the page around it ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark, values",
    [
        ("document.documentElement.dataset.theme", ("light", "dark")),
        ("document.body.dataset.jpThemeLight", ("true", "false")),
    ],
)
def test_the_theme_is_followed_at_once(open_lab, mark, values):
    page = open_lab(scheme="dark")
    lab = page.locator(".hnn-lab")
    expect(lab).to_have_attribute("data-hnn-theme", "dark")
    page.wait_for_timeout(400)
    stop(page)
    hnn = palette.ROLES["hnn"]
    for value, theme in zip(values, ("light", "dark"), strict=True):
        page.evaluate(f"{mark} = '{value}'")
        expect(lab).to_have_attribute("data-hnn-theme", theme)
        drawn(page)
        own, other = (hnn.light, hnn.dark) if theme == "light" else (hnn.dark, hnn.light)
        seen = colours(page, ".hnn-body canvas")
        assert own.lower() in seen
        assert other.lower() not in seen
        card = page.locator(".hnn-card").evaluate("card => getComputedStyle(card).backgroundColor")
        assert (card == "rgb(255, 255, 255)") == (theme == "light")


def test_the_systems_theme_is_followed_where_the_page_has_none(open_lab):
    page = open_lab(scheme="light")
    lab = page.locator(".hnn-lab")
    expect(lab).to_have_attribute("data-hnn-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(lab).to_have_attribute("data-hnn-theme", "dark")


@pytest.mark.parametrize("width, density", [(360, 3), (390, 2), (768, 1.5), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    page = open_lab(spring_lab(), width=width, height=900, device_scale_factor=density)
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    assert_it_fits(page, density)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_lab, theme):
    page = open_lab(
        spring_lab(region=(0.1, 0.5)),
        markup={"html": f' data-theme="{theme}"'},
    )
    stop(page)
    expect(page.locator(".hnn-status")).to_contain_text("within 20 s")
    assert axe_findings(page) == []


def test_the_status_is_quiet_while_playing(open_lab):
    page = open_lab()
    expect(page.locator(".hnn-status")).to_contain_text("From q = 0.80 m")
    said = page.evaluate(
        """() => new Promise((resolve) => {
            let count = 0;
            const observer = new MutationObserver((changes) => (count += changes.length));
            const what = { childList: true, characterData: true, subtree: true };
            observer.observe(document.querySelector(".hnn-status"), what);
            setTimeout(() => resolve(count), 1000);
        })"""
    )
    assert said == 0
    label = page.locator(".hnn-phase canvas[role=img]").get_attribute("aria-label")
    assert "orbits of truth, baseline, HNN" in label
    assert "within 20\u00a0s" in label


def test_a_still_picture_is_drawn_anew_when_a_longer_sentence_makes_it_lower(open_lab):
    several = {"one with a long name": HNN(1, seed=0), "another with a long name": HNN(1, seed=1)}
    lab = LearnedLab(Pendulum(gravity=1.0), several, start=(1.5, 0.0))
    page = open_lab(lab, reduced_motion="reduce", width=700)
    stage = page.locator(".hnn-body")
    before = stage.bounding_box()["height"]
    expect(page.locator(".hnn-status")).to_contain_text("within 20 s")
    page.locator(".hnn-status").evaluate("line => line.append(' And more.'.repeat(40))")
    drawn(page)
    shown = stage.locator("canvas").first.evaluate("canvas => [canvas.height, canvas.clientHeight]")
    assert shown[1] < before
    assert shown[0] == shown[1]


def test_reduced_motion_starts_still_and_still_shows_all(open_lab):
    page = open_lab(reduced_motion="reduce")
    expect(page.locator(".hnn-status")).to_contain_text("within 20 s")
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.0 s")
    assert ink(page, ".hnn-energy canvas") > 300
    drag(page, page.locator(".hnn-handle-start"), -30, -30)
    drawn(page)
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.0 s")
    page.locator(".hnn-primary").click()
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(markup={"after": SPACER}, init=MEASURE_FRAMES)
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    assert_it_rests_out_of_sight(page)
    before = page.evaluate("frames_.length")
    page.evaluate("scrollTo(0, 0)")
    page.wait_for_function("before => frames_.length > before + 3", arg=before)


def test_a_lab_below_starts_when_it_is_scrolled_to(open_lab):
    page = open_lab(spring_lab(), markup={"before": SPACER})
    page.wait_for_timeout(200)
    assert page.locator(".hnn-lab").count() == 0
    page.evaluate("scrollTo(0, 4000)")
    expect(page.locator(".hnn-lab")).to_be_visible()


# --- more than one, again, and gone --------------------------------------------------------------


def test_two_labs_and_the_same_lab_twice(open_lab):
    one = spring_lab()
    other = LearnedLab(Pendulum(), {}, start=(1.0, 0.0))
    page = open_lab(one, other, one, height=2400)
    expect(page.locator(".hnn-lab")).to_have_count(3)
    stop(page)
    drag(page, page.locator(".hnn-handle-start").first, -40, 0)
    assert start_of(page, 0) != [0.8, 0.0]
    assert start_of(page, 2) == start_of(page, 0)
    assert start_of(page, 1) == [1.0, 0.0]
    ids = page.locator(".hnn-hint").evaluate_all("hints => hints.map((hint) => hint.id)")
    assert len(set(ids)) == 3


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(spring_lab(), init=MEASURE_FRAMES)
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    page.evaluate("scrollTo(0, 0)")
    assert_it_leaves_nothing(page, heard=10, listeners=10)


# --- bad states -------------------------------------------------------------------------------


def lab_record(states):
    return next(record for record in states.values() if "_esm" in record["state"])


def spoil_weights(change):
    def apply(states):
        [buffer] = lab_record(states)["buffers"]
        buffer["data"] = base64.b64encode(change(base64.b64decode(buffer["data"]))).decode()

    return {"change": apply}


def drop_buffers(states):
    lab_record(states)["buffers"] = []


@pytest.mark.parametrize(
    "markup, message",
    [
        (
            spoil_weights(lambda raw: b"\x00\x00\xc0\x7f" + raw[4:]),
            'the weights of "baseline" hold NaN',
        ),
        (spoil_weights(lambda raw: raw[:-4]), "the models need 29 weights, but 28 arrived"),
        ({"change": drop_buffers}, "the weights of the networks are missing"),
        (spoil(state=[0.1, 0.2, 0.3]), "the start must be 2 finite numbers"),
        (spoil(state=[0.1, None]), "the start must be 2 finite numbers"),
        (spoil(step=0.0), "must be positive"),
        (spoil(method="leapfrog"), "leapfrog needs H = T(p) + V(q)"),
        (spoil(_system={"name": "yo-yo", "parameters": {}}), 'unknown system "yo-yo"'),
    ],
)
def test_a_bad_state_is_a_message(open_lab, markup, message):
    page = open_lab(markup=markup)
    assert_it_says(page, message)
    picture = page.get_by_alt_text("mass on a spring: orbits in the phase plane")
    assert picture.evaluate("image => image.naturalWidth") > 300


def test_paper_shows_the_saved_picture(open_lab):
    """Also of a lab that was never scrolled to."""
    page = open_lab(spring_lab(), spring_lab(), markup={"before": SPACER})
    page.evaluate("scrollTo(0, 4000)")
    expect(page.locator(".hnn-lab").first).to_be_visible()
    pictures = page.get_by_alt_text("mass on a spring: orbits")
    assert [picture.is_visible() for picture in pictures.all()] == [False, False]
    page.emulate_media(media="print")
    assert [picture.is_visible() for picture in pictures.all()] == [True, True]
    expect(page.locator(".hnn-card").first).to_be_hidden()
    page.emulate_media(media="screen")
    expect(page.locator(".hnn-card").first).to_be_visible()


def test_a_module_that_fails_shows_the_reason_and_the_saved_picture(open_lab):
    picture = '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="30"/>'
    broken = spoil(_esm="export default {", _picture=picture, _picture_alt="an orbit")
    page = open_lab(markup=broken)
    expect(page.locator(".hnn-widget-note")).to_contain_text("This figure cannot run here: ")
    expect(page.get_by_alt_text("an orbit")).to_be_visible()


# --- widgets that need Python ------------------------------------------------------------------


def test_controls_that_need_python_show_their_saved_picture(open_lab):
    pixel = base64.b64encode(_png()).decode()
    slider = ipywidgets.IntSlider(description="width", value=16)
    saved = ipywidgets.Output(
        outputs=[
            {"output_type": "display_data", "data": {"image/png": pixel}, "metadata": {}},
            {"output_type": "stream", "name": "stdout", "text": "loss 0.01"},
        ]
    )
    bar = ipywidgets.HBox([ipywidgets.HTML("<b>100%</b>"), ipywidgets.FloatProgress(value=1.0)])
    page = open_lab(ipywidgets.VBox([slider, saved]), bar)
    control, progress = page.locator(".hnn-widget-place").all()
    image = control.get_by_alt_text("Saved output of this figure at width = 16")
    expect(image).to_be_visible()
    assert image.evaluate("image => image.naturalWidth") == 1
    expect(control.locator("pre")).to_have_text("loss 0.01")
    expect(control.locator(".hnn-widget-note")).to_contain_text("JupyterLab or in Colab")
    expect(progress).to_have_text("100%")
    assert progress.locator(".hnn-widget-note").count() == 0


def _png():
    """One pixel."""
    head, body = (
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk",
        "+M9QDwADhgGAWjR9awAAAA",
    )
    return base64.b64decode(f"{head}{body}BJRU5ErkJggg==")
