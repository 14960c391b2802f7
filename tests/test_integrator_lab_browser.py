"""The integrator lab: what travels, and in Chromium by mouse, keyboard, theme, size, and broken."""

import re

import pytest
import torch
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
    ink,
    lab_opener,
    spoil,
    start_of,
    stop,
)

from hnn_tutorial import palette
from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.plotting import method_style
from hnn_tutorial.systems import DampedPendulum, HenonHeiles, MassSpring, Pendulum, TwoBody
from hnn_tutorial.widgets import IntegratorLab

FIXED = [name for name, method in METHODS.items() if not method.adaptive]


# --- the Python side -----------------------------------------------------------------------------


def test_traits_are_checked_with_a_message_that_says_what_can():
    lab = IntegratorLab(Pendulum(), start=(2.0, 0.0))
    assert lab.methods == ["euler", "symplectic_euler", "leapfrog", "rk4"]
    with pytest.raises(
        TypeError, match="this lab knows MassSpring, Pendulum, HenonHeiles, TwoBody"
    ):
        IntegratorLab(DampedPendulum())
    with pytest.raises(TypeError, match=r"several names, such as \['rk4'\]"):
        IntegratorLab(MassSpring(), methods="rk4")
    with pytest.raises(ValueError, match="euler, rk4"):
        lab.methods = ["rk45"]
    with pytest.raises(ValueError, match="each name once"):
        lab.methods = ["rk4", "rk4"]
    with pytest.raises(ValueError, match="longer than horizon"):
        lab.step = 200.0
    with pytest.raises(ValueError, match="the horizon can be 1e\\+04 s"):
        lab.horizon = 1e5
    with pytest.raises(ValueError, match="shape"):
        lab.state = [1.0, 2.0, 3.0]
    assert (lab.step, lab.horizon, lab.state.tolist()) == (0.1, 100.0, [2.0, 0.0])


def test_what_the_browser_sends_arrives():
    lab = IntegratorLab(MassSpring())
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["methods", "step", "state"])
    lab.set_state({"methods": ["leapfrog"], "step": 0.2, "state": [0.5, 0.1]})
    assert sorted(heard) == ["methods", "state", "step"]
    assert lab.methods == ["leapfrog"]
    assert lab.state.dtype == torch.float64


@pytest.mark.parametrize("system", [MassSpring(), Pendulum()], ids=lambda system: system.name)
def test_the_saved_picture(system):
    lab = IntegratorLab(system, methods=FIXED, step=0.2)
    assert lab._picture.startswith("<svg")
    assert len(lab._picture) < 120_000
    assert "leapfrog" in lab._picture_alt
    assert "energy error" in lab._picture_alt


# --- in the browser ------------------------------------------------------------------------------


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, lambda: IntegratorLab(MassSpring())) as opener:
        yield opener


def box(page, name):
    return page.get_by_role("checkbox", name=re.compile(rf"^{METHODS[name].title} order"))


def cells(page):
    """Method title -> [calls per step, energy error], as the table has them."""
    rows = page.locator(".hnn-table tbody tr")
    return {
        row.locator(".hnn-method").inner_text(): [
            cell.replace("\u00a0", " ") for cell in row.locator("td").all_inner_texts()[1:]
        ]
        for row in rows.all()
    }


def number(text):
    """Read 4.2 × 10⁻⁷ as a number."""
    plain = text.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--"))
    return float(re.sub(r"\s*×\s*10", "e", plain))


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_it_runs_without_kernel_or_network(open_lab, tmp_path, scheme):
    with serve(tmp_path) as address:
        page = open_lab(address=address if scheme == "http" else None)
        expect(page.locator(".hnn-status")).to_contain_text("over 100 s in steps of 0.1 s")
        expect(page.locator(".hnn-clock")).not_to_contain_text("t = 0.0 s")
        for area in ("phase", "energy", "cost"):
            assert ink(page, f".hnn-{area} canvas") > 500


@pytest.mark.parametrize(
    "system, start, step",
    [(MassSpring(stiffness=2.0), (0.8, 0.3), 0.1), (Pendulum(), (2.5, 0.0), 0.04)],
)
def test_the_numbers_are_those_of_the_package(open_lab, system, start, step):
    """The largest energy error of every method, and how often it calls the field."""
    lab = IntegratorLab(system, start=start, step=step, horizon=8.0, methods=FIXED)
    page = open_lab(lab)
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    shown = cells(page)
    times = torch.arange(round(8.0 / step) + 1, dtype=torch.float64) * step
    for name in FIXED:
        states = integrate(system.field, lab.state, times, name)
        energies = system.hamiltonian(states)
        expected = ((energies - energies[0]).abs().max() / energies[0]).item()
        calls, error = shown[METHODS[name].title]
        assert number(error) == pytest.approx(expected, rel=0.06, abs=1e-14), name
        if not name.startswith(("implicit", "gauss")):
            assert calls == str(METHODS[name].evaluations)
        else:
            assert float(calls) > 3 * METHODS[name].evaluations


@pytest.mark.parametrize("system", [Pendulum(), MassSpring(), HenonHeiles(), TwoBody()])
def test_each_method_moves_a_body_of_its_own(open_lab, system):
    """One small picture for each method that is on, in its colour, and all move."""
    page = open_lab(
        IntegratorLab(system, methods=["rk4"]),
        scheme="light",
        markup={"html": ' data-theme="light"'},
    )
    splitting = palette.METHOD_KINDS["splitting"].light.lower()
    expect(page.locator(".hnn-clock")).not_to_contain_text("t = 0.0 s")
    one = ink(page, ".hnn-body canvas")
    assert one > 200
    assert splitting not in colours(page, ".hnn-body canvas")
    box(page, "leapfrog").check()
    expect(page.locator(".hnn-status")).to_contain_text("(leapfrog)")
    assert ink(page, ".hnn-body canvas") > 1.5 * one
    assert splitting in colours(page, ".hnn-body canvas")
    before = page.locator(".hnn-body canvas").evaluate("c => c.toDataURL()")
    page.wait_for_timeout(200)
    assert page.locator(".hnn-body canvas").evaluate("c => c.toDataURL()") != before


def test_the_energy_chart_is_a_scrubber(open_lab):
    page = open_lab(IntegratorLab(Pendulum(), start=(2.0, 0.0), step=0.25, horizon=60.0))
    expect(page.locator(".hnn-status")).to_contain_text("over 60 s")
    page.locator(".hnn-scrub").focus()
    page.keyboard.press("End")
    expect(page.locator(".hnn-clock")).to_contain_text("t = 60.0 s")
    page.keyboard.press("Home")
    expect(page.locator(".hnn-clock")).to_contain_text("t = 0.3 s")
    # Time is logarithmic along it: a third of the way stands for seconds.
    box_ = page.locator(".hnn-energy").bounding_box()
    page.mouse.click(box_["x"] + box_["width"] / 3, box_["y"] + 80)
    expect(page.locator(".hnn-clock")).to_contain_text(re.compile(r"t = [1-3]\.\d s"))


def test_the_tasks_notice_that_they_are_done(open_lab):
    done = re.compile("hnn-done")
    lab = IntegratorLab(Pendulum(), start=(2.0, 0.0), step=0.05, horizon=20.0, speed=100)
    page = open_lab(lab)
    task = page.locator(".hnn-task")
    expect(task).to_contain_text("RK4 loses a tenth")
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    expect(task).not_to_have_class(done)
    page.locator(".hnn-range").fill("0.25")
    expect(task).to_have_class(done)

    lab = IntegratorLab(
        MassSpring(), methods=["euler", "leapfrog"], step=0.1, horizon=30.0, speed=100
    )
    page = open_lab(lab)
    expect(page.locator(".hnn-task")).to_contain_text("Euler's energy")
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    expect(page.locator(".hnn-task")).not_to_have_class(done)
    page.locator(".hnn-range").fill("0.02")
    expect(page.locator(".hnn-task")).to_have_class(done)


def test_on_a_phone_picture_hand_and_number_are_on_one_screen(open_lab):
    page = open_lab(width=390, height=844)
    boxes = [page.locator(part).first.bounding_box() for part in (".hnn-body", ".hnn-range")]
    top = min(box["y"] for box in boxes)
    assert max(box["y"] + box["height"] for box in boxes) - top <= 700
    # Each name on one line.
    heights = page.locator(".hnn-method").evaluate_all("all => all.map((e) => e.offsetHeight)")
    assert max(heights) < 30


def test_methods_are_switched_on_and_off(open_lab):
    page = open_lab()
    stop(page)
    assert [name for name in FIXED if box(page, name).is_checked()] == [
        "euler",
        "rk4",
        "symplectic_euler",
        "leapfrog",
    ]
    expect(page.locator(".hnn-status")).to_contain_text("(leapfrog).")
    before = ink(page, ".hnn-energy canvas")
    box(page, "forest_ruth").check()
    expect(page.locator(".hnn-status")).to_contain_text("(Forest–Ruth)")
    assert ink(page, ".hnn-energy canvas") > before
    for name in ("euler", "rk4", "symplectic_euler", "leapfrog", "forest_ruth"):
        box(page, name).uncheck()
    expect(page.locator(".hnn-status")).to_contain_text("no method is switched on")
    assert all(not any(texts) for texts in cells(page).values())
    page.locator(".hnn-button", has_text="Reset").click()
    expect(page.locator(".hnn-status")).to_contain_text("(leapfrog).")
    expect(box(page, "euler")).to_be_checked()
    expect(box(page, "forest_ruth")).not_to_be_checked()


def test_a_method_switched_on_later_does_not_restart_the_others(open_lab):
    page = open_lab(IntegratorLab(MassSpring(), horizon=1000.0))
    expect(page.locator(".hnn-clock")).to_contain_text(re.compile(r"t = [1-9]\d"))
    box(page, "gauss_legendre4").check()
    expect(page.locator(".hnn-clock")).to_contain_text(re.compile(r"t = [1-9]\d"))


def test_too_long_a_step_is_said_and_the_others_go_on(open_lab):
    lab = IntegratorLab(
        MassSpring(stiffness=25.0), methods=["leapfrog", "implicit_midpoint"], step=0.5
    )
    page = open_lab(lab)
    expect(page.locator(".hnn-status")).to_contain_text("leapfrog ran away at")
    expect(page.locator(".hnn-status")).to_contain_text("implicit midpoint needs a shorter step")
    page.locator(".hnn-range").fill("0.05")
    expect(page.locator(".hnn-status")).not_to_contain_text("ran away")


def test_rest_is_no_error(open_lab):
    page = open_lab(IntegratorLab(Pendulum(), start=(0.0, 0.0)))
    expect(page.locator(".hnn-status")).to_contain_text("is 0 (Euler), 0 (RK4)")


def test_the_start_is_dragged_and_typed(open_lab):
    page = open_lab(IntegratorLab(Pendulum(), start=(1.0, 0.0)))
    stop(page)
    drag(page, page.locator(".hnn-handle-start"), 40, -60)
    q, p = start_of(page)
    assert q > 1.2
    assert p > 0.5
    expect(page.locator(".hnn-status")).to_contain_text(f"From q = {q:.2f} rad")
    page.locator(".hnn-handle-start").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    assert start_of(page)[0] < q
    assert start_of(page)[1] < p
    drag(page, page.locator(".hnn-handle-start"), 3000, -3000)
    assert start_of(page)[0] == pytest.approx(3.14, abs=0.01)


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    stop(page)
    page.locator("h1").click()
    visited = []
    for _ in range(15):
        page.keyboard.press("Tab")
        visited.append(page.evaluate("document.activeElement.className.split(' ').at(-1)"))
        outline = page.evaluate(
            "['', '::after'].some((part) =>"
            "getComputedStyle(document.activeElement, part).outlineStyle !== 'none')"
        )
        assert outline, visited
    assert visited == [
        *["hnn-primary", "hnn-select", "hnn-button", "hnn-opener", "hnn-value", "hnn-range"],
        *["hnn-check"] * 7,
        *["hnn-handle-start", "hnn-scrub"],
    ]
    page.locator(".hnn-opener").focus()
    page.keyboard.press("Enter")
    page.get_by_label("length of the motions").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator(".hnn-status")).to_contain_text("over 500 s")
    page.locator(".hnn-range").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".hnn-value").first).to_have_value("0.09 s")
    box(page, "forest_ruth").focus()
    page.keyboard.press("Space")
    expect(box(page, "forest_ruth")).to_be_checked()


def test_a_length_that_python_chose_is_offered(open_lab):
    page = open_lab(IntegratorLab(MassSpring(), horizon=37.0))
    page.locator(".hnn-opener").click()
    expect(page.get_by_label("length of the motions")).to_have_value("37")


def test_colours_are_those_of_the_figures_and_follow_the_theme(open_lab):
    page = open_lab(scheme="light", markup={"html": ' data-theme="light"'})
    stop(page)
    kinds = {"euler": "explicit", "rk4": "explicit", "leapfrog": "splitting"}
    kinds["implicit_midpoint"] = "implicit"
    for name, kind in kinds.items():
        assert method_style(name)["color"] == palette.METHOD_KINDS[kind].figure
    assert palette.METHOD_KINDS["explicit"].light.lower() in colours(page, ".hnn-energy canvas")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(page.locator(".hnn-lab")).to_have_attribute("data-hnn-theme", "dark")
    drawn(page)
    for area in ("energy", "cost"):
        seen = colours(page, f".hnn-{area} canvas")
        assert palette.METHOD_KINDS["explicit"].dark.lower() in seen
        assert palette.METHOD_KINDS["explicit"].light.lower() not in seen


@pytest.mark.parametrize("width, density", [(360, 3), (620, 1.5), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    page = open_lab(width=width, height=1000, device_scale_factor=density)
    expect(page.locator(".hnn-clock")).not_to_contain_text("t = 0.0 s")
    inside = page.evaluate(
        """() => {
            const card = document.querySelector(".hnn-card").getBoundingClientRect();
            return [...document.querySelectorAll(".hnn-card *")].every((e) =>
                e.closest(".hnn-handle") || e.getBoundingClientRect().right <= card.right + 0.5);
        }"""
    )
    assert inside
    assert_it_fits(page, density)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_lab, theme):
    page = open_lab(markup={"html": f' data-theme="{theme}"'})
    expect(page.locator(".hnn-status")).to_contain_text("over 100 s")
    assert axe_findings(page) == []


def test_pictures_are_told_in_words(open_lab):
    page = open_lab()
    expect(page.locator(".hnn-status")).to_contain_text("over 100 s")
    for area in ("phase", "energy", "cost"):
        label = page.locator(f".hnn-{area} canvas[role=img]").get_attribute("aria-label")
        assert "the largest energy error is" in label
    assert (
        page.locator(".hnn-handle-start").get_attribute("aria-valuetext").startswith("q = 1.00 m")
    )


def test_reduced_motion_starts_still_and_still_shows_all(open_lab):
    page = open_lab(reduced_motion="reduce")
    expect(page.locator(".hnn-status")).to_contain_text("over 100 s")
    expect(page.locator(".hnn-clock")).to_contain_text("t = 0.0 s")
    for canvas in (".hnn-phase canvas[role=img]", ".hnn-energy canvas", ".hnn-cost canvas"):
        assert ink(page, canvas) > 500
    page.locator(".hnn-primary").click()
    expect(page.locator(".hnn-clock")).not_to_contain_text("t = 0.0 s")


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(markup={"after": SPACER}, init=MEASURE_FRAMES)
    expect(page.locator(".hnn-clock")).not_to_contain_text("t = 0.0 s")
    assert_it_rests_out_of_sight(page)


def test_two_labs_and_the_same_lab_twice(open_lab):
    one = IntegratorLab(MassSpring(), start=(0.8, 0.0))
    page = open_lab(one, IntegratorLab(Pendulum()), one, height=3600)
    expect(page.locator(".hnn-lab")).to_have_count(3)
    stop(page)
    drag(page, page.locator(".hnn-handle-start").first, -40, 0)
    assert start_of(page, 0) != [0.8, 0.0]
    assert start_of(page, 2) == start_of(page, 0)
    assert start_of(page, 1) == [1.0, 0.0]
    box(page, "euler").first.uncheck()
    expect(box(page, "euler").nth(2)).not_to_be_checked()
    expect(box(page, "euler").nth(1)).to_be_checked()


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    expect(page.locator(".hnn-clock")).not_to_contain_text("t = 0.0 s")
    assert_it_leaves_nothing(page, heard=7, listeners=10)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"state": [0.1]}, "the start must be 2 finite numbers"),
        ({"state": [0.1, None]}, "the start must be 2 finite numbers"),
        ({"step": 0.0}, "must be positive"),
        ({"step": 1e-4}, "more than the 100000"),
        ({"methods": ["rk45"]}, 'unknown method "rk45"'),
        ({"_system": {"name": "yo-yo", "parameters": {}}}, 'unknown system "yo-yo"'),
    ],
)
def test_a_bad_state_is_a_message(open_lab, traits, message):
    page = open_lab(markup=spoil(**traits))
    assert_it_says(page, message)


def test_a_press_elsewhere_brings_the_start_there(open_lab):
    page = open_lab()
    x, y = centre(page.locator(".hnn-phase"))
    page.mouse.move(x, y - 60)
    page.mouse.down()
    page.mouse.up()
    q, p = start_of(page)
    assert abs(q) < 0.25
    assert p > 0.2
