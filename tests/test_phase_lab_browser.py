"""The phase-space lab: its traits, and in Chromium by mouse and keyboard, broken, and gone."""

import math
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
    axe_findings,
    colours,
    drag,
    drawn,
    ink,
    lab_opener,
    open_widgets,
    spoil,
    start_of,
    stop,
)

from hnn_tutorial import palette
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import (
    DampedMassSpring,
    DampedPendulum,
    DoublePendulum,
    MassSpring,
    Pendulum,
    TwoBody,
)
from hnn_tutorial.widgets import PhaseLab

# --- the Python side -----------------------------------------------------------------------------


def test_parameters_are_those_of_the_system():
    lab = PhaseLab(Pendulum(length=2.0))
    assert lab.parameters == {"mass": 1.0, "length": 2.0, "gravity": 9.81}
    lab.set_state({"parameters": {"mass": 1.0, "length": 1.5, "gravity": 9.81}})
    assert lab.system == Pendulum(length=1.5)
    with pytest.raises(ValueError, match="length"):
        lab.parameters = {"mass": 1.0, "length": -1.0, "gravity": 9.81}
    with pytest.raises(ValueError, match="expected mass, length, gravity"):
        lab.parameters = {"mass": 1.0}
    assert lab.system == Pendulum(length=1.5)


def test_traits_are_checked_with_a_message_that_says_what_can():
    assert PhaseLab(DoublePendulum()).state.tolist() == [1.0, 0.0, 0.0, 0.0]
    with pytest.raises(TypeError, match="this lab knows MassSpring, DampedMassSpring, Pendulum"):
        PhaseLab(TwoBody())
    with pytest.raises(TypeError, match="is a HNN"):
        PhaseLab(HNN(1))
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        PhaseLab(Pendulum(), start=(1.0, 0.0, 0.0, 0.0))
    with pytest.raises(ValueError, match="cloud = 2"):
        PhaseLab(Pendulum(), cloud=2.0)


def test_state_is_a_tensor_and_can_be_observed():
    lab = PhaseLab(MassSpring(), start=torch.tensor([0.5, 0.1]))
    heard = []
    lab.observe(lambda change: heard.append(change["new"].tolist()), "state")
    lab.observe(lambda change: heard.append(change["name"]), ["cloud", "backwards"])
    lab.set_state({"state": [0.2, 0.3], "backwards": True})
    lab.cloud = 0.1
    assert heard == [[0.2, 0.3], "backwards", "cloud"]


@pytest.mark.parametrize("system", [DampedMassSpring(), DoublePendulum()])
def test_the_saved_picture_is_small_and_described(system):
    lab = PhaseLab(system)
    assert lab._picture.startswith("<svg")
    assert len(lab._picture) < 80_000
    assert lab._picture_alt.startswith(f"{system.title}: the motion from [q, p] = [1.0, 0.0")
    assert PhaseLab(system)._picture == lab._picture


# --- in the browser ------------------------------------------------------------------------------


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, lambda: PhaseLab(Pendulum(), start=(1.0, 0.0))) as opener:
        yield opener


def clock(page):
    text = page.locator(".hnn-clock").first.inner_text()
    return float(re.search(r"t = (\S+) s", text)[1].replace("−", "-"))


def numbers(page):
    rows = page.locator(".hnn-table tbody tr:not([hidden])").all_inner_texts()
    return [row.replace("\u00a0", " ").replace("−", "-").split("\t") for row in rows]


def button(page, name):
    return page.get_by_role("button", name=name)


@pytest.mark.parametrize(
    "system",
    [MassSpring(), DampedMassSpring(), Pendulum(), DampedPendulum(), DoublePendulum()],
    ids=lambda system: system.name,
)
def test_every_system_runs(open_lab, system):
    page = open_lab(PhaseLab(system, cloud=0.15))
    expect(page.locator(".hnn-status")).to_contain_text("The cloud around it has an area of")
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    for area in ("body", "phase"):
        assert ink(page, f".hnn-{area} canvas[role=img]") > 300
    rows = numbers(page)
    assert rows[0][0] == "energy H (J)"
    assert len(rows) == (4 if system.degrees == 2 else 2)
    damped = "damping" in lab_names(page)
    assert abs(float(rows[-1][2].split()[0])) < 0.5 or damped
    assert ("which friction shrinks" in page.locator(".hnn-status").inner_text()) == damped


def lab_names(page):
    return " ".join(page.locator(".hnn-controls .hnn-name").all_inner_texts())


def test_it_runs_over_http(browser, tmp_path):
    with (
        serve(tmp_path) as address,
        open_widgets(browser, tmp_path, PhaseLab(Pendulum()), address=address) as (page, log),
    ):
        expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
        log.assert_clean()


def test_backwards_the_motion_returns_to_its_start(open_lab):
    page = open_lab(PhaseLab(DampedPendulum(damping=0.5), start=(1.0, 0.0)))
    expect(page.locator(".hnn-clock")).to_have_text(re.compile(r"t = [1-9]"))
    back = button(page, "Run backwards")
    back.click()
    expect(back).to_have_attribute("aria-pressed", "true")
    page.wait_for_function(
        "() => /t = (−|0.0)/.test(document.querySelector('.hnn-clock').textContent)"
    )
    stop(page)
    energy, area = (row[2] for row in numbers(page))
    # Friction run backwards: from the losses it came back to the start, and gained a little in
    # the time that passed until it was stopped. The clock shows tenths of a second.
    late = -clock(page)
    assert late >= 0
    assert -6 < float(energy.split()[0]) < 100 * (math.exp(late) - 1) + 15
    assert float(area.split()[0]) == pytest.approx(100 * (math.exp(0.5 * late) - 1), abs=8)
    button(page, "Reset").click()
    expect(back).to_have_attribute("aria-pressed", "false")


def test_a_motion_that_leaves_stops_and_can_be_played_again(open_lab):
    page = open_lab(PhaseLab(DampedMassSpring(damping=6.0, stiffness=0.2), backwards=True))
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    assert clock(page) < 0
    button(page, "Replay").click()
    expect(page.locator(".hnn-primary")).to_have_text("Pause")


def test_dragging_in_the_plane_and_at_the_body(open_lab):
    page = open_lab()
    stop(page)
    button(page, "Reset").click()
    drag(page, page.locator(".hnn-handle-start"), -30, -40)
    q, p = start_of(page)
    assert q < 0.9
    assert p > 0.3
    expect(page.locator(".hnn-status")).to_contain_text(f"q = {q:.2f} rad")
    drag(page, page.locator(".hnn-handle-body"), -40, -40)
    assert start_of(page)[1] == 0


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    expect(page.locator(".hnn-primary")).to_have_text("Pause")
    page.locator("h1").click()
    visited = []
    page.locator(".hnn-opener").click()
    page.locator("h1").click()
    for _ in range(16):
        page.keyboard.press("Tab")
        visited.append(page.evaluate("document.activeElement.className.split(' ').at(-1)"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    body, start, *rest = visited
    assert (body, start) == ("hnn-handle-body", "hnn-handle-start")
    buttons = ["hnn-primary", "hnn-button", "hnn-select", "hnn-button", "hnn-opener"]
    assert rest == [*buttons, *["hnn-value", "hnn-range"] * 4, "hnn-link"]
    page.locator(".hnn-handle-start").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowUp")
    q, p = start_of(page)
    assert q < 1.0
    assert p > 0.3
    length = page.get_by_role("slider", name="length of the rod")
    length.focus()
    page.keyboard.press("ArrowRight")
    expect(length).to_have_attribute("aria-valuetext", re.compile(r"1\.0\d m"))
    page.get_by_role("slider", name="cloud of states").focus()
    page.keyboard.press("Home")
    expect(page.get_by_role("slider", name="cloud of states")).to_have_attribute(
        "aria-valuetext", "none"
    )
    # Without a cloud the table says of the one motion what might keep its value, and what does.
    expect(page.locator(".hnn-table thead th").last).to_have_text("at the start")
    stop(page)
    rows = numbers(page)
    assert [row[0][0] for row in rows] == ["q", "p", "k", "p", "e"]
    for column in (1, 2):
        q, p, kinetic, potential, energy = (float(row[column]) for row in rows)
        assert kinetic + potential == pytest.approx(energy, abs=0.0015)
        if column == 2:
            assert (q, p) == pytest.approx(start_of(page), abs=0.0006)
            inertia = float(length.get_attribute("aria-valuetext").split()[0]) ** 2
            assert kinetic == pytest.approx(p**2 / (2 * inertia), abs=0.001)


def test_sliders_change_the_system_and_reset_restores_it(open_lab):
    page = open_lab()
    stop(page)
    before = page.locator(".hnn-status").inner_text()
    page.locator(".hnn-opener").click()
    page.get_by_role("slider", name="acceleration of free fall").fill("20")
    expect(page.locator(".hnn-status")).not_to_have_text(before)
    expect(page.locator(".hnn-status")).to_contain_text("energy 9.19 J")  # 20 (1 − cos 1)
    button(page, "Reset").click()
    expect(page.locator(".hnn-status")).to_contain_text("energy 4.51 J")
    expect(page.get_by_role("slider", name="acceleration of free fall")).to_have_attribute(
        "aria-valuetext", "9.81 m/s²"
    )


def test_the_theme_is_followed_at_once(open_lab):
    page = open_lab()
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    stop(page)
    truth = palette.ROLES["truth"]
    for theme, own, other in [
        ("dark", truth.dark, truth.light),
        ("light", truth.light, truth.dark),
    ]:
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        drawn(page)
        seen = colours(page, ".hnn-phase canvas[role=img]")
        assert own.lower() in seen
        assert other.lower() not in seen


@pytest.mark.parametrize("width, density", [(360, 2), (820, 1.5)])
def test_it_fits_and_axe_finds_nothing(open_lab, width, density):
    page = open_lab(PhaseLab(DoublePendulum(), cloud=0.1), width=width, device_scale_factor=density)
    expect(page.locator(".hnn-status")).to_contain_text("energy")
    assert_it_fits(page, density)
    assert axe_findings(page) == []


def test_reduced_motion_starts_still(open_lab):
    page = open_lab(reduced_motion="reduce")
    expect(page.locator(".hnn-status")).to_contain_text("energy 4.51 J")
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.0 s")
    assert ink(page, ".hnn-phase canvas[role=img]") > 300
    page.locator(".hnn-primary").click()
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(init=MEASURE_FRAMES, markup={"after": SPACER})
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    assert_it_rests_out_of_sight(page)


def test_two_labs_do_not_share_anything(open_lab):
    page = open_lab(PhaseLab(Pendulum()), PhaseLab(MassSpring()), height=2000)
    expect(page.locator(".hnn-lab")).to_have_count(2)
    stop(page)
    drag(page, page.locator(".hnn-handle-start").first, -40, 0)
    other = page.locator(".hnn-handle-start").nth(1).get_attribute("aria-valuetext")
    assert other.startswith("q = 1.00 m")
    expect(page.locator(".hnn-primary").nth(1)).to_have_text("Pause")


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    assert_it_leaves_nothing(page, heard=7, listeners=10)


@pytest.mark.parametrize(
    "spoiled, message",
    [
        ({"state": [0.1, None]}, "the start must be 2 finite numbers"),
        ({"cloud": -1}, "the cloud must reach from 0 to 1"),
        ({"parameters": {"mass": 1.0, "length": 1.0}}, "the gravity must be a number"),
        ({"_system": {"name": "yo-yo"}}, 'unknown system "yo-yo"'),
    ],
)
def test_a_bad_state_is_a_message_over_the_saved_picture(open_lab, spoiled, message):
    page = open_lab(markup=spoil(**spoiled))
    expect(page.locator(".hnn-message")).to_contain_text(message)
    expect(page.locator(".hnn-card")).to_be_hidden()
    expect(page.get_by_alt_text("pendulum: the motion from")).to_be_visible()
