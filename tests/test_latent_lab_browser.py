"""The latent lab: its Python side, and in Chromium by mouse, finger and keyboard."""

import math
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
    drag,
    drawn,
    lab_opener,
    spoil,
    start_of,
    stop,
    swipe,
)

from hnn_tutorial.models import HNN, DenseNetwork
from hnn_tutorial.pixels import pendulum_frames
from hnn_tutorial.systems import MassSpring, Pendulum
from hnn_tutorial.widgets import LatentLab

SLOPE = 0.45


def well(strength=1.0):
    """V(q) = strength·(1 − cos 2q), which one layer of sines holds exactly."""
    potential = DenseNetwork((1, 1, 1), "sin")
    with torch.no_grad():
        for layer, (weight, bias) in zip(
            potential.layers, ((2.0, math.pi / 2), (-strength, strength)), strict=True
        ):
            layer.weight.fill_(weight)
            layer.bias.fill_(bias)
    return potential


def seen(q):
    return pendulum_frames(q[:, 0] / SLOPE, 16)


def usual(**more):
    options = {"truth": Pendulum(), "angle": (SLOPE, 0.0), "start": (0.5, 0.0), **more}
    return LatentLab(well(), seen, (-1.0, 1.0), **options)


# --- in Python -----------------------------------------------------------------------------------


def test_it_has_a_picture_and_says_what_its_decoder_loses():
    lab = usual()
    assert lab._picture.startswith("<svg")
    assert "[0.5, 0.0]" in lab._picture_alt
    assert 0 < lab.loss < 0.012
    count = len(lab._decoder["scales"])
    assert len(lab._pixels) == count * 16 * 16 <= 60_000
    assert lab._constants == "m = 1 kg, l = 1 m, g = 9.81 m/s² of the true pendulum"
    # Fewer cosines where less changes.
    assert len(LatentLab(well(), seen, (-0.2, 0.2))._decoder["scales"]) < count
    assert LatentLab(well(), lambda q: seen(q).unsqueeze(1), (-1, 1))._pixels == lab._pixels
    assert usual(start=None).state.tolist() == pytest.approx([0.6, 0.0])


def test_traits_go_both_ways():
    lab = usual()
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["state", "step"])
    lab.set_state({"state": [0.1, 0.2], "step": 0.05})
    assert sorted(heard) == ["state", "step"]
    assert lab.state.tolist() == [0.1, 0.2]
    with pytest.raises(ValueError, match="outside of the plane"):
        lab.state = [1.3, 0.0]
    with pytest.raises(ValueError, match="from 0.001 to 0.2 s"):
        lab.step = 0.5


def noise(size):
    """A decoder whose pictures change from place to place by chance."""

    def decode(q):
        generator = torch.Generator().manual_seed(0)
        return torch.rand(len(q), size, size, generator=generator, dtype=torch.float64)

    return decode


@pytest.mark.parametrize(
    "error, message, options",
    [
        (TypeError, "a DenseNetwork of one input", {"potential": HNN(1, (4,))}),
        (ValueError, "2 input", {"potential": DenseNetwork((2, 4, 1))}),
        (ValueError, "at most 5,000", {"potential": DenseNetwork((1, 90, 60, 1))}),
        (ValueError, "the potential's weights", {"potential": well(math.inf)}),
        (
            ValueError,
            "too large for the page: with 60,000 bytes, 62 cosines",
            {"decoder": noise(31)},
        ),
        (ValueError, "nothing can be sent", {"decoder": noise(250)}),
        (ValueError, "one picture|decoder returned shape", {"decoder": lambda q: seen(q)[0]}),
        (TypeError, "decoder returned None", {"decoder": lambda q: None}),
        (ValueError, "what the decoder returned", {"decoder": lambda q: seen(q) / 0}),
        (ValueError, "q_low < q_high", {"span": (1.0, -1.0)}),
        (TypeError, "a Pendulum or None", {"truth": MassSpring()}),
        (ValueError, "a = 0", {"angle": (0.0, 1.0)}),
        (ValueError, "unknown camera setting 'size'", {"camera": {"size": 3}}),
        (ValueError, "soft edges", {"camera": {"softness": 0.0}}),
        (ValueError, "at most 4", {"camera": {"supersample": 9}}),
        (ValueError, "are square", {"decoder": lambda q: seen(q)[:, :9]}),
        (ValueError, "outside of the plane", {"start": (5.0, 0.0)}),
        (ValueError, "from 0.001 to 0.2 s", {"step": 1.0}),
    ],
)
def test_what_the_lab_cannot_run_is_refused_with_the_reason(error, message, options):
    usual = {"potential": well(), "decoder": seen, "span": (-1.0, 1.0), "truth": Pendulum()}
    with pytest.raises(error, match=message):
        LatentLab(**{**usual, **options})


# --- in the browser ------------------------------------------------------------------------------


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, usual, height=1300) as opener:
        yield opener


def knob(page):
    return page.get_by_role("slider", name="start in the latent plane")


def at_the_start(page):
    """Hold the lab at its start."""
    stop(page)
    page.get_by_role("button", name="Reset").click()
    drawn(page)


def table(page):
    return [row.locator("td").all_inner_texts() for row in page.locator("tbody tr").all()]


def plays_until(page, seconds):
    """Wait until the motion has come so far."""
    page.wait_for_function(
        "most => parseFloat(document.querySelector('.hnn-clock').textContent.slice(4)) >= most",
        arg=seconds,
        timeout=60_000,
    )


# Where the ink of the first picture is, in parts of its side from the middle: right and down.
CENTRE_OF_INK = """() => {
    const canvas = document.querySelector(".hnn-body canvas");
    const copy = document.createElement("canvas");
    Object.assign(copy, { width: canvas.width, height: canvas.height });
    const g = copy.getContext("2d", { willReadFrequently: true });
    g.drawImage(canvas, 0, 0);
    const blue = (d, i) => d[i + 2] - d[i] > 60;
    const whole = g.getImageData(0, 0, copy.width, copy.height).data;
    let [left, right, top, bottom] = [copy.width, 0, copy.height, 0];
    for (let i = 0; i < whole.length; i += 4) {
        if (!whole[i + 3] || !blue(whole, i)) continue;
        const [x, y] = [(i / 4) % copy.width, Math.floor(i / 4 / copy.width)];
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
    }
    let [sum, across, down] = [0, 0, 0];
    for (let y = top + 3; y < bottom - 3; y++) {
        for (let x = left + 3; x < right - 3; x++) {
            const dark = 255 - whole[4 * (y * copy.width + x)];
            [sum, across, down] = [sum + dark, across + dark * x, down + dark * y];
        }
    }
    return [(across / sum - (left + right) / 2) / (right - left),
            (down / sum - (top + bottom) / 2) / (bottom - top)];
}"""


def test_the_picture_follows_the_hand(open_lab):
    """The ink lies where the rod of that angle does: half of the rod's length from the middle."""
    page = open_lab()
    at_the_start(page)
    for x in (-90, 60, 40):
        drag(page, knob(page), x, 0)
        drawn(page)
        angle = start_of(page)[0] / SLOPE
        across, down = page.evaluate(CENTRE_OF_INK)
        reach = 0.5 / 2.4
        assert across == pytest.approx(reach * math.sin(angle), abs=0.04)
        assert down == pytest.approx(reach * math.cos(angle), abs=0.04)


def test_the_learned_motion_runs_beside_the_true_one(open_lab):
    page = open_lab()
    plays_until(page, 1)
    stop(page)
    learned, true = table(page)
    energy = 1 - math.cos(1.0)
    assert float(learned[2]) == pytest.approx(energy, abs=0.01)
    # Of the true motion another H is kept: that of the pendulum.
    assert learned != true
    expect(page.locator(".hnn-fate")).to_contain_text("Root mean square of the difference: 0.")


def test_two_starts_with_one_picture_do_the_task(open_lab):
    page = open_lab()
    task = page.locator(".hnn-task")
    knob(page).focus()
    page.keyboard.press("ArrowRight")
    expect(task).not_to_have_class(re.compile("hnn-done"))
    page.keyboard.press("ArrowLeft")
    for _ in range(6):
        page.keyboard.press("Shift+ArrowUp")
    expect(task).to_have_class(re.compile("hnn-done"), timeout=30_000)


def test_rest_is_found_at_the_bottom_of_the_learned_potential(open_lab):
    page = open_lab(usual(task="rest", start=(0.04, 0.0), speed=10.0))
    task = page.locator(".hnn-task")
    knob(page).focus()
    page.keyboard.press("ArrowLeft")
    plays_until(page, 2.5)
    expect(task).not_to_have_class(re.compile("hnn-done"))
    page.keyboard.press("ArrowLeft")
    expect(task).to_have_class(re.compile("hnn-done"), timeout=60_000)


def test_a_motion_that_leaves_the_pictures_ends_and_says_so(open_lab):
    page = open_lab(usual(start=(0.9, 1.9), task="leave", speed=3.0))
    fate = page.locator(".hnn-fate")
    expect(fate).to_contain_text("the motion left the positions", timeout=60_000)
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    expect(page.locator(".hnn-task")).not_to_have_class(re.compile("hnn-done"))
    page.locator(".hnn-primary").click()
    knob(page).focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".hnn-task")).to_have_class(re.compile("hnn-done"), timeout=60_000)


def test_the_scrubber_shows_an_instant(open_lab):
    page = open_lab()
    stop(page)
    page.get_by_role("slider", name="time that is shown").focus()
    page.keyboard.press("Home")
    expect(page.locator(".hnn-clock")).to_have_text("t = 0.0 s")
    page.keyboard.press("PageUp")
    expect(page.locator(".hnn-clock")).to_have_text("t = 2.0 s")


def test_without_the_truth_there_is_one_picture_and_one_motion(open_lab):
    page = open_lab(usual(truth=None))
    assert len(table(page)) == 1
    stop(page)
    expect(page.locator(".hnn-who")).not_to_contain_text("true")
    expect(page.locator(".hnn-fate")).to_have_text("")


def test_everything_by_keyboard(open_lab):
    page = open_lab()
    at_the_start(page)
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
    assert visited == [
        "start in the latent plane",
        "time that is shown",
        "Play",
        "speed",
        "Reset",
        "More",
    ]
    before = start_of(page)
    knob(page).focus()
    page.keyboard.press("Shift+ArrowLeft")
    drawn(page)
    assert start_of(page)[0] < before[0] - 0.05


def test_a_finger_drags_the_start(open_lab):
    page = open_lab(width=390, has_touch=True)
    at_the_start(page)
    before = start_of(page)
    swipe(page, -40)
    drawn(page)
    assert start_of(page)[0] < before[0] - 0.1


# --- the page around it --------------------------------------------------------------------------


@pytest.mark.parametrize("width, density", [(360, 3), (1280, 1)])
def test_it_fits_every_width_and_stays_crisp(open_lab, width, density):
    assert_it_fits(open_lab(width=width, device_scale_factor=density), density)


def test_nothing_runs_off_screen(open_lab):
    page = open_lab(markup={"after": SPACER}, init=MEASURE_FRAMES)
    assert_it_rests_out_of_sight(page)


def test_a_closed_lab_leaves_nothing_behind(open_lab):
    page = open_lab(init=MEASURE_FRAMES)
    assert_it_leaves_nothing(page, heard=9)


@pytest.mark.parametrize(
    "traits, message",
    [
        ({"state": [0.1]}, "the start must be two finite numbers"),
        ({"state": [9.0, 0.0]}, "where no picture is known"),
        ({"_potential": {"sizes": [1, 1, 1], "activation": "sin"}}, "the stiffness must be zero"),
        ({"step": 0.0}, "the step must be from 0.001 to 0.2 s"),
        (
            {"_potential": {"sizes": [1, 2, 1], "activation": "tanh", "stiffness": 0}},
            "has 7 parameters",
        ),
    ],
)
def test_a_bad_state_is_a_message(open_lab, traits, message):
    page = open_lab(markup=spoil(**traits))
    assert_it_says(page, message)
