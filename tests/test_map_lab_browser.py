"""The map lab: its Python side, and in Chromium by mouse, finger and keyboard."""

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
    centre,
    ink,
    lab_opener,
    spoil,
)

from hnn_tutorial.models import HNN, MLP, HenonNet, MLPMap, SympNet
from hnn_tutorial.systems import DrivenPendulum, MassSpring, Pendulum
from hnn_tutorial.widgets import MapLab

PENDULUM = Pendulum(gravity=1.0)


def shrinking():
    """A map that takes a hundredth of q and of p away."""
    model = MLPMap(1, (2,))
    with torch.no_grad():
        for layer, slope in zip(model.network.layers, (0.1, -0.1), strict=True):
            layer.weight.copy_(slope * torch.eye(2))
            layer.bias.zero_()
    return model


def learned():
    """Three of the four kinds, untrained but for the first."""
    symplectic = SympNet(1, (4, 4), angles=(0,), seed=1)
    return {"MLP map": shrinking(), "SympNet": symplectic, "HNN": HNN(1, (6,), seed=2)}


# --- in Python -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "lab, named, constants",
    [
        (lambda: MapLab(PENDULUM, learned(), step=1.0), "the pendulum", "g = 1 m/s²"),
        (lambda: MapLab(DrivenPendulum(PENDULUM)), "the driven pendulum", "ε = 0.3, ω = 2 rad/s"),
    ],
)
def test_it_has_a_picture_and_names_its_constants(lab, named, constants):
    lab = lab()
    assert lab._picture.startswith("<svg")
    assert len(lab._picture) < 250_000
    names = ", ".join(["truth", *lab.models])
    assert lab._picture_alt == f"Maps of {named}, applied 150 times to 2 starts: {names}"
    assert lab._constants.endswith(constants)


def test_the_picture_takes_steps_that_need_newtons_method():
    """As the page does: the saved pictures of other labs end where the iteration does."""
    x = PENDULUM.sample(100, 1, radius=(0.1, 1.5))
    lab = MapLab(PENDULUM, {"HNN": HNN(1, (8,), seed=1)}, step=9.0, starts=x[:1])
    points = lab._iterated(lab.models["HNN"], lab.starts[0])
    with torch.no_grad():
        middle = (points[1:] + points[:-1]) / 2
        way = points[1:] - points[:-1]
        assert (way - 9 * lab.models["HNN"].field(middle)).abs().max() < 1e-9


def test_traits_go_both_ways():
    lab = MapLab(PENDULUM, step=1.0, starts=torch.tensor([[0.5, 0.25]]))
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["starts", "count"])
    lab.set_state({"starts": [[0.1, 0.2], [0.6, 0.0]], "count": 300})
    assert sorted(heard) == ["count", "starts"]
    assert (lab.starts, lab.count) == ([[0.1, 0.2], [0.6, 0.0]], 300)
    for label, model in learned().items():
        lab.set_model(label, model)
    with pytest.raises(ValueError, match="at most 3"):
        lab.set_model("fourth", HenonNet(1, (4,)))
    assert [spec["role"] for spec in lab._models] == ["baseline", "pairwise", "hnn"]


@pytest.mark.parametrize(
    "error, message, options",
    [
        (TypeError, "a Pendulum or DrivenPendulum", {"system": MassSpring()}),
        (ValueError, "needs the time h", {"step": None}),
        (ValueError, "step = -1", {"step": -1.0}),
        (ValueError, "at most 10/ω₀ = 10 s", {"step": 10.5}),
        (ValueError, "there is none to pass", {"system": DrivenPendulum()}),
        (ValueError, r"pairs \(q, p\)", {"starts": [(0.0, 0.1, 0.2)]}),
        (ValueError, "finite numbers", {"starts": [(0.0, float("nan"))]}),
        (ValueError, "41 starts", {"starts": [(0.0, 0.01 * k) for k in range(41)]}),
        (ValueError, "from 1 to 10,000", {"count": 20_000}),
        (ValueError, "at most 3", {"models": {key: MLPMap(1) for key in "abcd"}}),
        (TypeError, "'a' is a MLP; this lab runs MLPMap, SympNet", {"models": {"a": MLP(1)}}),
        (ValueError, "states of 4", {"models": {"a": SympNet(2, (3, 3))}}),
    ],
)
def test_what_the_lab_cannot_run_is_refused_with_the_reason(error, message, options):
    with pytest.raises(error, match=message):
        MapLab(**{"system": PENDULUM, "step": 1.0, **options})


# --- in the browser ------------------------------------------------------------------------------


def usual():
    return MapLab(PENDULUM, {"MLP map": shrinking()}, step=1.0, starts=[(1.4, 0.0)], count=300)


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, usual, height=1700) as opener:
        yield opener


def status(page):
    return page.locator(".hnn-status").first


def settled(page, points, plane=0):
    """Wait until a plane has so many points."""
    said = page.locator(".hnn-caption span + span").nth(plane)
    expect(said).to_have_text(f"{points:,} points", timeout=60_000)


def table(page):
    return [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]


def put(page, dx, dy, plane=0):
    """Press in a plane, so far from its middle."""
    x, y = centre(page.locator(".hnn-net").nth(plane))
    page.mouse.click(x + dx, y + dy)


def test_a_press_maps_a_start_in_every_plane(open_lab):
    page = open_lab(MapLab(PENDULUM, learned(), step=1.0, starts=[], count=300))
    expect(status(page)).to_have_text("No start yet.", timeout=60_000)
    dots = [f".hnn-net >> nth={k} >> canvas >> nth=1" for k in range(4)]
    assert [ink(page, each) for each in dots] == [0] * 4
    put(page, 20, 20)
    settled(page, 301)
    put(page, -20, -40, plane=1)
    settled(page, 602)
    assert page.locator(".hnn-clock").inner_text() == "2 starts"
    assert all(ink(page, each) > 20 for each in dots)


def test_areas_and_energies_are_told(open_lab):
    """The one map loses 2 % of an area each time, the others keep it to rounding."""
    page = open_lab(MapLab(PENDULUM, learned(), step=1.0, starts=[(0.4, 0.0)], count=300))
    said = "MLP map: area off by −1, energy by 0.079 J"
    expect(status(page)).to_contain_text(said, timeout=60_000)
    truth, mlp, *symplectic = table(page)
    assert mlp == ["−1", "0.079"]
    for area, _ in (truth, *symplectic):
        assert re.search("^0$|10⁻¹[³⁴⁵]$", area)
    assert re.search("10⁻(⁸|⁹|¹.)$", truth[1])
    assert page.locator(".hnn-gauges .hnn-caption").inner_text().endswith("after 300 maps")
    assert ink(page, ".hnn-gauge canvas") > 300


def test_the_task_waits_for_a_start_of_the_readers_own(open_lab):
    page = open_lab()
    settled(page, 301)
    task = page.locator(".hnn-task")
    page.get_by_role("combobox", name="maps of a start").select_option("2000")
    settled(page, 2001)
    expect(task).not_to_have_class(re.compile("hnn-done"))
    put(page, 30, 0)
    expect(task).to_have_class(re.compile("hnn-done"), timeout=60_000)


def test_scattered_points_of_the_driven_pendulum_are_told_from_curves(open_lab):
    page = open_lab(MapLab(DrivenPendulum(PENDULUM), starts=[(1.4, 0.0)]))
    settled(page, 2001)
    task = page.locator(".hnn-task")
    expect(status(page)).to_contain_text("1 curve, 0 scattered", timeout=60_000)
    page.get_by_role("slider", name="where to start").focus()
    for _ in range(8):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    settled(page, 4002)
    expect(status(page)).to_contain_text("1 curve, 1 scattered", timeout=60_000)
    expect(task).to_have_class(re.compile("hnn-done"))


def test_a_map_that_runs_away_is_said_in_words(open_lab):
    away = MLPMap(1, (3,))
    with torch.no_grad():
        for parameter in away.parameters():
            parameter.zero_()
        away.network.layers[-1].bias.copy_(torch.tensor([0.0, 1e5]))
    lab = MapLab(PENDULUM, {"away": away}, step=1.0, starts=[(0.1, 0.1), (0.2, 0.0)], count=300)
    page = open_lab(lab)
    settled(page, 602)
    expect(page.locator(".hnn-fate").nth(1)).to_have_text("Starts: 2 ran away.")
    expect(page.locator(".hnn-fate").first).to_have_text("")
    expect(status(page)).to_contain_text("(2 ran away)")


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    settled(page, 301)
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
    assert visited == ["where to start", "Fill", "Clear", "Reset", "More", "maps of a start"]
    cursor = page.get_by_role("slider", name="where to start")
    cursor.focus()
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("ArrowRight")
    expect(cursor).to_have_attribute("aria-valuetext", re.compile(r"^q = 0\.0\d+, p = 0\.\d+$"))
    page.keyboard.press("Enter")
    settled(page, 602)
    page.keyboard.press("Enter")
    expect(status(page)).to_contain_text("There is a start at q = 0.0")
    page.get_by_role("button", name="Clear").click()
    expect(status(page)).to_have_text("No start yet.", timeout=60_000)
    page.get_by_role("button", name="Fill").click()
    settled(page, 6 * 301)
    page.get_by_role("button", name="Reset").click()
    settled(page, 301)


def test_a_finger_taps_a_start(open_lab):
    page = open_lab(width=390, has_touch=True)
    settled(page, 301)
    x, y = centre(page.locator(".hnn-net").first)
    page.touchscreen.tap(x, y + 10)
    settled(page, 602)


# --- the page around it --------------------------------------------------------------------------


@pytest.mark.parametrize("width, density", [(360, 3), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    page = open_lab(
        MapLab(PENDULUM, learned(), step=1.0, count=300),
        width=width,
        device_scale_factor=density,
    )
    settled(page, 602)
    assert_it_fits(page, density)


def test_nothing_runs_off_screen(open_lab):
    lab = MapLab(DrivenPendulum(), learned(), count=10_000)
    page = open_lab(lab, markup={"after": SPACER}, init=MEASURE_FRAMES)
    assert_it_rests_out_of_sight(page)


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    assert_it_leaves_nothing(page, heard=7)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"starts": [[0.1]]}, "pairs of finite numbers"),
        ({"count": 0}, "the count must be a whole number from 1 to 10000"),
        ({"_step": 0.0}, "the step must be above 0"),
        ({"_system": {"name": "yo-yo", "parameters": {}}}, 'unknown system "yo-yo"'),
        ({"_models": [{"kind": "mlp_map", "count": 3}]}, "the models need 3 weights"),
    ],
)
def test_a_bad_state_is_a_message(open_lab, traits, message):
    page = open_lab(markup=spoil(**traits))
    assert_it_says(page, message)
