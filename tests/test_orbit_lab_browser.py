"""The orbit lab: its Python side, and in Chromium by mouse and keyboard, with swarm and section."""

import colorsys
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
    stop,
)

from hnn_tutorial import palette
from hnn_tutorial.models import HNN, MLP, PairwiseHNN
from hnn_tutorial.systems import (
    DoublePendulum,
    HenonHeiles,
    MassSpring,
    NBody,
    ThreeBody,
    TwoBody,
)
from hnn_tutorial.widgets import OrbitLab

CIRCLE = [1.0, 0.0, -1.0, 0.0, 0.0, 0.5, 0.0, -0.5]
"""Two bodies of 1 kg on a circle of 1 m, with G = 1: H = −1/4, L = 1, period 4π s."""


def networks():
    return {"baseline": MLP(4, (12, 12), seed=1), "HNN": HNN(4, (12, 12), seed=2)}


# --- in Python -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "system", [TwoBody(), ThreeBody(), NBody(), DoublePendulum(), HenonHeiles()]
)
def test_every_system_has_a_start_and_a_picture(system):
    lab = OrbitLab(system, swarm=3)
    assert lab.state.shape == (2 * system.degrees,)
    assert torch.isfinite(system.hamiltonian(lab.state))
    assert lab._system["name"] == system.name
    assert lab._picture.startswith("<svg")
    assert len(lab._picture) < 40_000
    assert "distance of a neighbour" in lab._picture_alt
    assert "energy" in OrbitLab(system)._picture_alt


def test_the_picture_shows_the_models():
    lab = OrbitLab(TwoBody(), CIRCLE, networks())
    assert "the truth, baseline, HNN" in lab._picture_alt
    assert palette.ROLES["hnn"].figure.lower() in lab._picture.lower()


@pytest.mark.parametrize(
    "error, message, make",
    [
        (TypeError, "MassSpring; this lab knows TwoBody", lambda: OrbitLab(MassSpring())),
        (
            ValueError,
            "13 bodies; the lab's plane has room for 12",
            lambda: OrbitLab(NBody((1,) * 13)),
        ),
        (ValueError, r"shape \(2,\)", lambda: OrbitLab(TwoBody(), [1.0, 2.0])),
        (ValueError, "from 0 to 250 copies", lambda: OrbitLab(TwoBody(), swarm=251)),
        (ValueError, "swarm = -1", lambda: OrbitLab(TwoBody(), swarm=-1)),
        (ValueError, "at most 200 s", lambda: OrbitLab(TwoBody(), horizon=201.0)),
        (ValueError, "spread", lambda: OrbitLab(TwoBody(), spread=0.0)),
        (ValueError, "states of 2", lambda: OrbitLab(TwoBody(), models={"HNN": HNN(1)})),
        (ValueError, "too many", lambda: OrbitLab(TwoBody(), models={"a": MLP(4, (200, 200))})),
    ],
)
def test_what_the_lab_cannot_run_is_refused_with_the_reason(error, message, make):
    with pytest.raises(error, match=message):
        make()


def test_traits_go_both_ways():
    lab = OrbitLab(TwoBody(), CIRCLE, networks(), swarm=5)
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["state", "swarm", "spread"])
    lab.set_state({"state": [2.0, *CIRCLE[1:]], "swarm": 7, "spread": 1e-3})
    assert sorted(heard) == ["spread", "state", "swarm"]
    assert lab.state.tolist() == [2.0, *CIRCLE[1:]]
    assert (lab.swarm, lab.spread) == (7, 1e-3)
    with pytest.raises(ValueError, match="copies"):
        lab.swarm = 10**6
    assert lab.swarm == 7
    sent = []
    lab.send_state = lambda key=None: sent.append(set(key))
    new = HNN(4, (5,), seed=3)
    lab.set_model("HNN", new)
    assert sent == [{"_models", "_weights"}]
    assert lab.models["HNN"] is new


# --- in the browser ------------------------------------------------------------------------------


def circling():
    return OrbitLab(TwoBody(), CIRCLE, horizon=10.0)


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, circling, height=1100) as opener:
        yield opener


def grip(page, name):
    return page.get_by_role("slider", name=name)


def numbers(text):
    """The numbers in a text, such as −4.1·10⁻⁷, as floats."""
    plain = re.sub(
        r"·?10(?=[⁻⁰¹²³⁴⁵⁶⁷⁸⁹])", lambda ten: "e" if ten[0].startswith("·") else "1e", text
    ).translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--"))
    return [float(part) for part in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", plain)]


def place_of(page, name):
    return numbers(grip(page, name).first.get_attribute("aria-valuetext"))


def open_more(page):
    button = page.get_by_role("button", name="More")
    if button.get_attribute("aria-expanded") == "false":
        button.click()


def fastest(page):
    page.locator(".hnn-speed select").select_option(index=2)


def slide(page, name, value):
    open_more(page)
    page.get_by_role("slider", name=name).evaluate(
        """(input, value) => {
            input.value = value;
            input.dispatchEvent(new Event("input", { bubbles: true }));
        }""",
        str(value),
    )


def status(page):
    return page.locator(".hnn-status").first


@pytest.mark.parametrize("scheme", ["file", "http"])
def test_it_runs_without_kernel_or_network(open_lab, tmp_path, scheme):
    with serve(tmp_path) as address:
        lab = OrbitLab(TwoBody(), CIRCLE, networks(), horizon=10.0)
        page = open_lab(lab, address=address if scheme == "http" else None)
        expect(status(page)).to_contain_text("energy −0.25 J: after 10\u00a0s the energy is off by")
        expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
        for area in ("body", "phase", "energy"):
            assert ink(page, f".hnn-{area} canvas[role=img]") > 300


def test_the_true_motion_keeps_what_is_conserved(open_lab):
    page = open_lab(OrbitLab(TwoBody(), CIRCLE, networks(), horizon=4.0))
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    head = [text.replace("\u00a0", " ") for text in page.locator("thead th").all_inner_texts()]
    assert head == [
        "change of",
        "energy (J)",
        "momentum (kg m/s)",
        "angular momentum (kg m²/s)",
        "distance from truth (m)",
    ]
    truth, baseline, hnn = page.locator(".hnn-table tbody tr").all()
    for cell in truth.locator("td").all_inner_texts()[:3]:
        assert abs(numbers(cell)[0]) < 1e-9
    # Networks at random weights conserve nothing of the sort.
    for row in (baseline, hnn):
        assert abs(numbers(row.locator("td").all_inner_texts()[0])[0]) > 1e-3
        assert numbers(row.locator("td").all_inner_texts()[3])[0] > 0.1
    label = page.locator(".hnn-phase canvas[role=img]").get_attribute("aria-label")
    assert label.startswith("Gauges of what the motion conserves")


def test_bodies_that_act_in_pairs_keep_both_momenta_and_a_plain_network_none(open_lab):
    """At random weights, with gauges of all that is conserved, and a task that notices."""
    models = {"pairwise": PairwiseHNN(4, (8,), masses=1.0, seed=3), "HNN": HNN(4, (12,), seed=2)}
    start = [1.2, 0.1, -0.9, 0.0, 0.1, 0.5, 0.0, -0.4]
    page = open_lab(OrbitLab(TwoBody(), start, models, horizon=6.0))
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    rows = [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]
    truth, pairwise, hnn = ([numbers(cell)[0] for cell in row[:3]] for row in rows)
    assert max(map(abs, truth)) < 1e-9
    assert abs(pairwise[0]) > 1e-3  # it has not learned anything
    assert max(map(abs, pairwise[1:])) < 1e-11
    assert min(map(abs, hnn[1:])) > 1e-3
    seen = colours(page, ".hnn-phase canvas[role=img]")
    assert {palette.ROLES[role].light.lower() for role in ("pairwise", "hnn")} <= seen
    task = page.locator(".hnn-task")
    expect(task).to_contain_text("angular momentum is off by more than a tenth")
    grip(page, "position of body 1").focus()
    page.keyboard.press("ArrowRight")
    expect(task).to_have_class(re.compile("hnn-done"))


def test_ten_bodies_are_dragged_one_by_one(open_lab):
    system = NBody((1.0,) * 10)
    page = open_lab(OrbitLab(system, models={"pairwise": PairwiseHNN(20, (8,), masses=1.0)}))
    stop(page)
    expect(page.locator(".hnn-handle-body")).to_have_count(10)
    expect(page.locator(".hnn-handle-arrow")).to_have_count(0)
    before = [place_of(page, f"position of body {k}") for k in range(2, 10)]
    x, y = place_of(page, "position of body 10")
    drag(page, grip(page, "position of body 10"), 20, -25)
    moved = place_of(page, "position of body 10")
    assert moved[0] > x
    assert moved[1] > y
    assert [place_of(page, f"position of body {k}") for k in range(2, 10)] == before
    expect(status(page)).to_contain_text("(pairwise)", timeout=60_000)


# --- the reader's hand ---------------------------------------------------------------------------


def test_bodies_and_velocities_are_dragged(open_lab):
    page = open_lab()
    stop(page)
    assert place_of(page, "position of body 1") == [1.0, 0.0]
    assert place_of(page, "velocity of body 2") == [0.0, -0.5]
    drag(page, grip(page, "position of body 1"), -40, -50)
    x, y = place_of(page, "position of body 1")
    assert 0.5 < x < 0.9
    assert 0.2 < y < 0.6
    assert place_of(page, "velocity of body 1") == [0.0, 0.5]
    page.wait_for_timeout(700)  # until the view has settled
    drag(page, grip(page, "velocity of body 2"), 30, 10)
    across, up = place_of(page, "velocity of body 2")
    assert across > 0.1
    assert up < -0.5
    assert place_of(page, "position of body 2") == [-1.0, 0.0]
    assert place_of(page, "position of body 1") == [x, y]
    # The speed of a body that is drawn to its place is none.
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.0 s")


def test_bodies_stay_in_the_picture(open_lab):
    page = open_lab()
    stop(page)
    drag(page, grip(page, "position of body 1"), 3000, -3000)
    x, y = place_of(page, "position of body 1")
    assert 1 < x < 4
    assert 1 < y < 4


def test_everything_by_keyboard_and_reset(open_lab):
    page = open_lab()
    stop(page)
    page.locator("h1").click()
    visited = []
    for _ in range(9):
        page.keyboard.press("Tab")
        visited.append(
            page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.closest('label')"
                "?.querySelector('.hnn-name').textContent ?? document.activeElement.textContent"
            )
        )
        outline = page.evaluate(
            "(e => getComputedStyle(e, e.matches('.hnn-scrub') ? '::after' : null).outlineStyle)"
            "(document.activeElement)"
        )
        assert outline != "none", visited
    assert visited == [
        "position of body 1",
        "velocity of body 1",
        "position of body 2",
        "velocity of body 2",
        "time that is shown",
        "Play",
        "speed",
        "Reset",
        "More",
    ]
    open_more(page)
    grip(page, "position of body 1").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowUp")
    x, y = place_of(page, "position of body 1")
    assert x > 1
    assert y == pytest.approx(5 * (x - 1), abs=0.05)
    grip(page, "velocity of body 1").focus()
    page.keyboard.press("ArrowDown")
    assert place_of(page, "velocity of body 1")[1] < 0.5
    grip(page, "copies of the start").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".hnn-field", has_text="copies").locator(".hnn-value")).to_have_value("1")
    page.get_by_role("button", name="Reset").click()
    assert place_of(page, "position of body 1") == [1.0, 0.0]
    expect(page.locator(".hnn-field", has_text="copies").locator(".hnn-value")).to_have_value(
        "none"
    )


def test_bobs_of_the_double_pendulum_are_pulled(open_lab):
    page = open_lab(OrbitLab(DoublePendulum(), [0.5, 0.2, 1.0, 1.0]))
    stop(page)
    drag(page, grip(page, "the lower bob"), 60, -60)
    assert place_of(page, "the lower bob")[1] > 0.5
    assert place_of(page, "the upper bob")[1] == 0.5
    expect(status(page)).to_contain_text("θ1 = 0.50 rad")


# --- chaos ---------------------------------------------------------------------------------------


def test_a_swarm_parts_at_the_lyapunov_rate(open_lab):
    lab = OrbitLab(DoublePendulum(), [2.0, 1.0, 0.0, 0.0], swarm=6, spread=1e-6, horizon=6.0)
    page = open_lab(lab)
    expect(status(page)).to_contain_text("Over 6\u00a0s small distances grow at the mean rate λ =")
    rate, per = re.search(r"λ = (\S+)/(s)", status(page).inner_text()).groups()
    assert per == "s"
    *_, apart, end = numbers(status(page).inner_text())
    assert apart == 1e-6
    grown = torch.tensor(end / apart).log().item() / 6
    assert float(rate) == pytest.approx(grown, abs=0.4)
    assert float(rate) > 0.5
    seen = colours(page, ".hnn-phase canvas[role=img]")
    assert palette.ROLES["highlight"].light.lower() in seen  # the slope
    slide(page, "distance at the start", -3)
    expect(page.locator(".hnn-reading")).to_contain_text("at first 10⁻³")
    slide(page, "copies of the start", 0)
    expect(page.locator(".hnn-reading")).to_contain_text("Energy")
    expect(grip(page, "distance at the start")).to_be_hidden()


def test_a_section_gathers_points_and_moves_the_start(open_lab):
    lab = OrbitLab(HenonHeiles(), swarm=5, horizon=60.0)
    page = open_lab(lab)
    expect(status(page)).to_contain_text("energy 0.1250")
    fastest(page)
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    mark = palette.ROLES["highlight"].light.lower()
    assert mark in colours(page, ".hnn-phase canvas:nth-of-type(2)")
    knob = grip(page, "start in the section")
    y, py = place_of(page, "start in the section")
    drag(page, knob, -40, 60)
    moved = place_of(page, "start in the section")
    assert moved[0] < y
    assert moved[1] < py
    expect(status(page)).to_contain_text("energy 0.1250")  # kept
    assert place_of(page, "position of the star")[0] == 0
    slide(page, "energy", 0.05)
    expect(status(page)).to_contain_text("energy 0.0500")
    # Far outside, it stays in the well.
    drag(page, knob, 500, 0)
    expect(status(page)).to_contain_text("energy 0.0500")
    assert place_of(page, "start in the section")[0] < 0.5


def test_the_section_keeps_the_points_of_earlier_starts_of_the_energy(open_lab):
    page = open_lab(OrbitLab(HenonHeiles(), horizon=80.0))
    fastest(page)
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    x, y = centre(grip(page, "start in the section"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 30, y + 30, steps=3)
    drawn(page)
    canvas = ".hnn-phase canvas[role=img]"
    kept = ink(page, canvas)
    # Another energy has another section.
    slide(page, "energy", 0.1)
    slide(page, "energy", 0.125)
    drawn(page)
    assert kept > ink(page, canvas) + 15
    page.mouse.up()


def test_a_star_that_escapes_and_bodies_that_meet_are_said(open_lab):
    falling = [1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    star = [0.0, 0.9, 0.0, 0.6]
    grazing = [1.0, 0.0, -1.0, 0.0, 0.0, 1e-4, 0.0, -1e-4]
    labs = OrbitLab(TwoBody(), falling), OrbitLab(HenonHeiles(), star), OrbitLab(TwoBody(), grazing)
    page = open_lab(*labs, height=3300)
    notes = page.locator(".hnn-foot .hnn-note")
    expect(notes.nth(2)).to_contain_text(
        "From t = 2.2 s the energy of the true motion is off by more than a millionth, since two"
    )
    expect(notes.nth(0)).to_contain_text("broke off at t = 2.2 s: two bodies met")
    expect(notes.nth(1)).to_contain_text("the star escaped")
    expect(page.locator(".hnn-message:visible")).to_have_count(0)


def test_two_bodies_in_one_place_are_a_message_until_they_part(open_lab):
    same = [0.5, 0.5, 0.5, 0.5, *CIRCLE[4:]]
    page = open_lab(OrbitLab(TwoBody(), CIRCLE), markup=spoil(state=same))
    expect(page.locator(".hnn-message")).to_contain_text("two bodies are in one place")


def hues(page, selector):
    """How many of 24 hues a canvas shows in full colour."""
    found = set()
    for colour in colours(page, selector):
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        hue, saturation, _ = colorsys.rgb_to_hsv(red, green, blue)
        if saturation > 0.5:
            found.add(int(24 * hue))
    return len(found)


# --- what the reader sees first -----------------------------------------------------------------


def test_copies_part_in_hues_within_ten_seconds(open_lab):
    """Twenty copies a millionth apart: hues on top of each other at first, and then apart."""
    lab = OrbitLab(DoublePendulum(gravity=1.0), [2.0, 2.0, 0.0, 0.0], swarm=20, horizon=60.0)
    page = open_lab(lab)
    expect(status(page)).to_contain_text("small distances grow")
    page.wait_for_timeout(500)
    stop(page)
    canvas = ".hnn-body canvas[role=img]"
    scrubber = page.get_by_role("slider", name="time that is shown")
    scrubber.focus()
    page.keyboard.press("Home")
    drawn(page)
    together = hues(page, canvas)
    for _ in range(6):
        page.keyboard.press("PageUp")
        drawn(page)
    assert 8 < float(scrubber.get_attribute("aria-valuenow")) / lab.speed < 10
    apart = hues(page, canvas)
    assert together <= 3
    assert apart >= 10


def test_a_tidy_path_becomes_a_scribble_and_the_task_notices(open_lab):
    lab = OrbitLab(DoublePendulum(gravity=1.0), [0.17, 0.17, 0.0, 0.0], horizon=30.0, speed=30.0)
    page = open_lab(lab)
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    task = page.locator(".hnn-task")
    expect(task).to_contain_text("goes over the top")
    expect(task).not_to_have_class(re.compile("hnn-done"))
    open_more(page)
    for name in ("upper", "lower"):
        typed = page.get_by_role("textbox", name=f"{name} angle, typed")
        typed.fill("150")
        typed.press("Enter")
    expect(status(page)).to_contain_text("θ1 = 2.62 rad, θ2 = 2.62 rad")
    expect(task).to_have_class(re.compile("hnn-done"))
    page.get_by_role("button", name="Reset").click()
    expect(task).not_to_have_class(re.compile("hnn-done"))


def test_the_path_is_drawn_as_far_as_the_time_has_come(open_lab):
    page = open_lab(OrbitLab(DoublePendulum(), [0.5, 0.5, 0.0, 0.0], horizon=8.0))
    expect(status(page)).to_contain_text("θ1 = 0.50 rad")
    stop(page)
    path = ".hnn-phase canvas:nth-of-type(2)"
    scrubber = page.get_by_role("slider", name="time that is shown")
    scrubber.focus()
    seen = []
    for key in ("Home", "PageUp", "End"):
        page.keyboard.press(key)
        drawn(page)
        seen.append(ink(page, path))
    assert seen[0] < 30 < 3 * seen[1] < seen[2]


# --- the page around it --------------------------------------------------------------------------


def test_the_theme_is_followed_at_once(open_lab):
    page = open_lab(
        OrbitLab(TwoBody(), CIRCLE, networks(), horizon=10.0),
        markup={"html": ' data-theme="light"'},
    )
    page.wait_for_timeout(500)
    stop(page)
    for theme in ("dark", "light"):
        page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        expect(page.locator(".hnn-lab")).to_have_attribute("data-hnn-theme", theme)
        drawn(page)
        hnn = palette.ROLES["hnn"]
        own, other = (hnn.light, hnn.dark) if theme == "light" else (hnn.dark, hnn.light)
        for area in ("body", "phase", "energy"):
            seen = colours(page, f".hnn-{area} canvas:last-of-type")
            seen |= colours(page, f".hnn-{area} canvas[role=img]")
            assert own.lower() in seen, (theme, area)
            assert other.lower() not in seen, (theme, area)


@pytest.mark.parametrize("width, density", [(360, 3), (700, 1.5), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    lab = OrbitLab(TwoBody(), CIRCLE, networks(), swarm=3)
    page = open_lab(lab, width=width, device_scale_factor=density)
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    outside = page.evaluate(
        """() => {
            const card = document.querySelector(".hnn-card").getBoundingClientRect();
            return [...document.querySelectorAll(".hnn-card *")].filter((e) =>
                !e.closest(".hnn-stage") && e.getBoundingClientRect().right > card.right + 0.5)
                .map((e) => e.outerHTML.slice(0, 80));
        }"""
    )
    assert outside == []
    assert_it_fits(page, density)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_lab, theme):
    lab = OrbitLab(HenonHeiles(), swarm=3, horizon=20.0)
    page = open_lab(lab, markup={"html": f' data-theme="{theme}"'})
    expect(status(page)).to_contain_text("Over 20")
    assert axe_findings(page) == []


def test_reduced_motion_starts_still_and_still_shows_all(open_lab):
    page = open_lab(reduced_motion="reduce")
    expect(status(page)).to_contain_text("energy −0.25 J")
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.0 s")
    for area in ("body", "phase", "energy"):
        assert ink(page, f".hnn-{area} canvas[role=img]") > 300
    page.locator(".hnn-primary").click()
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")


def test_nothing_runs_off_screen(open_lab):
    lab = OrbitLab(ThreeBody(), swarm=50)
    page = open_lab(lab, markup={"after": SPACER}, init=MEASURE_FRAMES)
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    assert_it_rests_out_of_sight(page)


def test_two_labs_and_the_same_lab_twice(open_lab):
    one = OrbitLab(TwoBody(), CIRCLE)
    page = open_lab(one, OrbitLab(TwoBody(), CIRCLE), one, height=3600)
    expect(page.locator(".hnn-lab")).to_have_count(3)
    stop(page)
    drag(page, grip(page, "position of body 1").first, -40, 0)
    texts = [
        each.get_attribute("aria-valuetext") for each in grip(page, "position of body 1").all()
    ]
    assert texts[0] == texts[2] != texts[1] == "x = 1.00 m, y = 0.00 m"


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(OrbitLab(TwoBody(), CIRCLE, networks(), swarm=4), init=MEASURE_FRAMES)
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    assert_it_leaves_nothing(page, heard=8)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"state": [0.1]}, "the start must be 8 finite numbers"),
        ({"state": [None, *CIRCLE[1:]]}, "the start must be 8 finite numbers"),
        ({"horizon": 0.0}, "the horizon must be from 0.02 to 200"),
        ({"swarm": -1}, "the swarm must have from 0 to"),
        ({"swarm": 2.5}, "the swarm must have from 0 to"),
        ({"spread": 0.0}, "the spread must be positive"),
        ({"_weights": None}, "weights of the networks are missing"),
        ({"_system": {"name": "yo-yo", "parameters": {}}}, 'unknown system "yo-yo"'),
    ],
)
def test_a_bad_state_is_a_message(open_lab, traits, message):
    def spoil(states):
        record = next(r for r in states.values() if "_esm" in r["state"])
        record["state"].update(traits)
        if "_weights" in traits:
            record["buffers"] = []

    page = open_lab(OrbitLab(TwoBody(), CIRCLE, networks()), markup={"change": spoil})
    assert_it_says(page, message)
