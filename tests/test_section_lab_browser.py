"""The section lab: its Python side, and in Chromium by mouse, finger and keyboard."""

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
    axe_findings,
    centre,
    drawn,
    ink,
    lab_opener,
    spoil,
)

from hnn_tutorial.models import HNN, LNN, MLP
from hnn_tutorial.systems import HenonHeiles, Pendulum
from hnn_tutorial.widgets import SectionLab

SYSTEM = HenonHeiles()


def networks():
    """Networks at random weights, which are no Hénon–Heiles system at all."""
    return {"HNN": HNN(2, (8,), seed=2), "MLP": MLP(2, (8,), seed=1)}


# --- in Python -----------------------------------------------------------------------------------


@pytest.mark.parametrize("models", [{}, networks()])
def test_it_has_starts_of_its_energy_and_a_picture(models):
    lab = SectionLab(SYSTEM, models, energy=1 / 12)
    assert len(lab.starts) == 2
    assert (SYSTEM.hamiltonian(lab._states()) - 1 / 12).abs().max() < 1e-12
    assert lab._picture.startswith("<svg")
    assert len(lab._picture) < 60_000
    names = ", ".join(["the truth", *models])
    assert f"sections of {names} at the energy 0.08333" in lab._picture_alt


def test_traits_go_both_ways():
    lab = SectionLab(SYSTEM, starts=torch.tensor([[0.2, 0.1]]))
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["starts", "energy"])
    lab.set_state({"starts": [[0.1, 0.2], [0.6, 0.0]], "energy": 1 / 6})
    assert sorted(heard) == ["energy", "starts"]
    assert lab.starts == [[0.1, 0.2], [0.6, 0.0]]
    with pytest.raises(ValueError, match="no motion of energy 0.166667 passes there"):
        lab.starts = [[0.9, 0.6]]
    assert lab.starts == [[0.1, 0.2], [0.6, 0.0]]
    with pytest.raises(ValueError, match="at most 2"):
        lab.set_model("one", HNN(2)) or lab.set_model("two", MLP(2)) or lab.set_model("3", MLP(2))
    assert list(lab.models) == ["one", "two"]


@pytest.mark.parametrize(
    "error, message, options",
    [
        (TypeError, "this lab knows HenonHeiles", {"system": Pendulum()}),
        (ValueError, "where the well opens", {"energy": 0.17}),
        (ValueError, "energy = 0", {"energy": 0.0, "starts": []}),
        (ValueError, "no motion of energy 0.125", {"starts": [(0.0, 0.6)]}),
        (ValueError, r"pairs \(y, p_y\)", {"starts": [(0.0, 0.1, 0.2)]}),
        (ValueError, "finite numbers", {"starts": [(0.0, float("nan"))]}),
        (ValueError, "41 starts", {"starts": [(0.0, 0.01 * k) for k in range(41)]}),
        (ValueError, "at most 10000", {"horizon": 2e4}),
        (ValueError, "at most 2", {"models": {key: MLP(2) for key in "abc"}}),
        (TypeError, "LNN", {"models": {"LNN": LNN(2)}}),
        (ValueError, "states of 2", {"models": {"HNN": HNN(1)}}),
    ],
)
def test_what_the_lab_cannot_run_is_refused_with_the_reason(error, message, options):
    with pytest.raises(error, match=message):
        SectionLab(**{"system": SYSTEM, **options})


# --- in the browser ------------------------------------------------------------------------------


def usual():
    return SectionLab(SYSTEM, starts=[(0.47, 0.0)], horizon=650.0)


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, usual, height=1700) as opener:
        yield opener


def status(page):
    return page.locator(".hnn-status").first


def cursor(page):
    return page.get_by_role("slider", name="where to start")


def settled(page, starts):
    """Wait until the motions of so many starts are known."""
    text = "No start yet." if not starts else f"Of {starts} start"
    expect(status(page)).to_contain_text(text, timeout=60_000)


def table(page):
    return [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]


def put(page, dx, dy, plane=0):
    """Press in a plane, so far from its middle."""
    x, y = centre(page.locator(".hnn-net").nth(plane))
    page.mouse.click(x + dx, y + dy)


def test_a_press_adds_a_start_to_every_plane(open_lab):
    page = open_lab(SectionLab(SYSTEM, networks(), starts=[], horizon=100.0))
    settled(page, 0)
    dots = [f".hnn-net >> nth={k} >> canvas >> nth=1" for k in range(3)]
    assert [ink(page, each) for each in dots] == [0, 0, 0]
    put(page, 10, 20)
    settled(page, 1)
    put(page, -20, -30, plane=1)
    settled(page, 2)
    assert page.locator(".hnn-clock").inner_text() == "2 starts"
    counts = [
        int(text.split()[0]) for text in page.locator(".hnn-caption span + span").all_inner_texts()
    ]
    # Each returns to the true section every six units of time or so; random networks need not.
    assert 28 <= counts[0] <= 40
    assert ink(page, dots[0]) > 3 * counts[0] / 2
    assert all(count >= 2 for count in counts[1:])


def test_truth_is_kept_and_judged_and_networks_beside_it(open_lab):
    lab = SectionLab(SYSTEM, networks(), starts=[(0.47, 0.0), (-0.1, 0.1)], horizon=650.0)
    page = open_lab(lab)
    settled(page, 2)
    truth, *others = table(page)
    assert truth[:3] == ["1", "1", "–"]
    assert truth[3].endswith("·10⁻⁷")
    for row in others:
        curve, scatter, same, _ = row
        assert int(curve) + int(scatter) <= 2
        assert re.fullmatch(r"[012] of 2", same)
    expect(status(page)).to_contain_text("the truth draws 1 curve and scatters 1")
    expect(page.locator(".hnn-fate").first).to_have_text("")


def test_motions_that_escape_or_do_not_come_back_are_said_in_words(open_lab):
    """A network whose field is a constant push to the right, and one that holds all still."""
    away, still = MLP(2, (3,)), MLP(2, (3,))
    with torch.no_grad():
        for model, push in ((away, [1.0, 0, 0, 0]), (still, [0.0, 0, 0, 0])):
            for parameter in model.parameters():
                parameter.zero_()
            model.network.layers[-1].bias.copy_(torch.tensor(push))
    lab = SectionLab(
        SYSTEM, {"away": away, "still": still}, starts=[(0.1, 0.1), (0.2, 0.0)], horizon=100.0
    )
    page = open_lab(lab)
    settled(page, 2)
    fates = page.locator(".hnn-fate")
    expect(fates.nth(1)).to_have_text("Starts: 2 escaped.")
    expect(fates.nth(2)).to_have_text("Starts: 2 never came back.")
    expect(status(page)).to_contain_text("(2 escaped)")


def test_places_outside_are_refused_in_words(open_lab):
    page = open_lab()
    settled(page, 1)
    put(page, -150, 100)
    expect(status(page)).to_contain_text("it is outside the dashed line")
    assert page.locator(".hnn-clock").inner_text() == "1 start"


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    settled(page, 1)
    page.locator("h1").click()
    visited = []
    for _ in range(6):
        page.keyboard.press("Tab")
        visited.append(
            page.evaluate(
                "document.activeElement.ariaLabel ?? document.activeElement.closest('label')"
                "?.querySelector('.hnn-name').textContent ?? document.activeElement.textContent"
            )
        )
    assert visited == ["where to start", "Fill", "Clear", "Reset", "More", "energy"]
    cursor(page).focus()
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(cursor(page)).to_have_attribute("aria-valuetext", "y = 0.010, py = 0.050")
    page.keyboard.press("Enter")
    settled(page, 2)
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("There is a start at y = 0.010, py = 0.050 already")
    page.get_by_role("button", name="Clear").click()
    settled(page, 0)
    page.get_by_role("button", name="Fill").click()
    settled(page, 6)
    page.get_by_role("button", name="Reset").click()
    settled(page, 1)


def test_a_finger_taps_a_start(open_lab):
    page = open_lab(width=390, has_touch=True)
    settled(page, 1)
    x, y = centre(page.locator(".hnn-net"))
    page.touchscreen.tap(x, y + 10)
    settled(page, 2)


def test_the_task_notices_scattered_points(open_lab):
    page = open_lab()
    settled(page, 1)
    task = page.locator(".hnn-task")
    put(page, 30, 0)  # in the island
    settled(page, 2)
    assert table(page)[0][:2] == ["2", "0"]
    expect(task).not_to_have_class(re.compile("hnn-done"))
    put(page, -45, -25)
    settled(page, 3)
    assert table(page)[0][:2] == ["2", "1"]
    expect(task).to_have_class(re.compile("hnn-done"))


def test_a_press_near_the_last_one_is_another_start(open_lab):
    page = open_lab()
    settled(page, 1)
    put(page, 30, 0)
    settled(page, 2)
    put(page, 35, 4)
    settled(page, 3)


def test_another_energy_leaves_out_what_it_does_not_allow(open_lab):
    page = open_lab(
        SectionLab(SYSTEM, energy=1 / 6, starts=[(0.1, 0.1), (0.0, 0.55)], horizon=60.0)
    )
    settled(page, 2)
    energy = page.get_by_role("combobox", name="energy")
    assert energy.locator("option").all_inner_texts() == ["1/12", "1/8", "1/6"]
    energy.select_option(label="1/12")
    expect(page.locator(".hnn-note").first).to_contain_text("1 start outside the dashed line")
    settled(page, 1)
    energy.select_option(label="1/6")
    settled(page, 2)


def test_points_that_are_known_stay_when_a_start_is_added(open_lab):
    """And the newest start is computed first."""
    page = open_lab(SectionLab(SYSTEM, starts=[(0.47, 0.0)], horizon=10_000.0))
    points = page.locator(".hnn-caption span + span")
    expect(points).not_to_have_text(re.compile(r"^1?\d points"))
    put(page, -25, -20)
    drawn(page)
    assert int(points.inner_text().split()[0].replace(",", "")) >= 20


# --- the page around it --------------------------------------------------------------------------


@pytest.mark.parametrize("width, density", [(360, 3), (700, 1.5), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    page = open_lab(SectionLab(SYSTEM, networks()), width=width, device_scale_factor=density)
    expect(page.locator(".hnn-clock")).to_have_text("2 starts")
    assert_it_fits(page, density)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_lab, theme):
    lab = SectionLab(SYSTEM, networks(), horizon=50.0)
    page = open_lab(lab, markup={"html": f' data-theme="{theme}"'})
    settled(page, 2)
    assert axe_findings(page) == []


def test_nothing_runs_off_screen(open_lab):
    lab = SectionLab(SYSTEM, networks(), horizon=10_000.0)
    page = open_lab(lab, markup={"after": SPACER}, init=MEASURE_FRAMES)
    assert_it_rests_out_of_sight(page)


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(SectionLab(SYSTEM, networks()), init=MEASURE_FRAMES)
    assert_it_leaves_nothing(page, heard=6)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"starts": [[0.1]]}, "pairs of finite numbers"),
        ({"starts": [[0.1, None]]}, "pairs of finite numbers"),
        ({"energy": 0.2}, "the energy must be above 0 and at most 0.166667"),
        ({"horizon": 0.0}, "the horizon must be above 0"),
        ({"_system": {"name": "yo-yo", "parameters": {}}}, 'unknown system "yo-yo"'),
        ({"_weights": None}, "weights of the networks are missing"),
    ],
)
def test_a_bad_state_is_a_message(open_lab, traits, message):
    def lose(states):
        spoil(**traits)["change"](states)
        for record in states.values():
            if "_weights" in traits and "_esm" in record["state"]:
                record["buffers"] = []

    page = open_lab(SectionLab(SYSTEM, networks()), markup={"change": lose})
    assert_it_says(page, message)
