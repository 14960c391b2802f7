"""The explorer: one picture for each choice, refused in words, in a page and with a kernel."""

import matplotlib.pyplot as plt
import pytest
from playwright.sync_api import expect
from widget_page import axe_findings, lab_opener

from hnn_tutorial.widgets import explore

CALLS = []


def retrain(motions, sigma):
    """Draw one panel, or two where there is noise, and print a number."""
    CALLS.append((motions, sigma))
    _, axes = plt.subplots(1, 2 if sigma else 1, figsize=(10.4, 3.6), squeeze=False)
    for ax in axes[0]:
        ax.plot([0, motions], [0, sigma], label="error")
        ax.set(xlabel="time (s)", ylabel="q (m)")
    plt.show()
    print(f"error {motions * sigma:.2f}")


def make():
    return explore(retrain, motions=(3, 10), sigma=(0.0, 0.1))


# --- in Python -----------------------------------------------------------------------------------


def test_every_combination_is_drawn_once_and_nothing_stays_open():
    CALLS.clear()
    before = plt.get_fignums()
    made = make()
    assert CALLS == [(3, 0.0), (3, 0.1), (10, 0.0), (10, 0.1)]
    assert plt.get_fignums() == before
    assert [shown["text"] for shown in made._pictures] == [
        "error 0.00",
        "error 0.30",
        "error 0.00",
        "error 1.00",
    ]
    assert made.chosen == {"motions": 3, "sigma": 0.0}
    assert made._pictures[1]["alt"] == (
        "With motions = 3, sigma = 0.1: q (m) over time (s) of error; q (m) over time (s) of error"
    )
    assert len({shown["svgs"][0] for shown in made._pictures}) == 4
    assert "var(--hnn-" in made._pictures[0]["svgs"][0]


def test_another_value_is_drawn_when_it_is_asked_for():
    made = make()
    CALLS.clear()
    made.chosen = {"motions": 5, "sigma": 0.1}
    made.chosen = {"motions": 3, "sigma": 0.0}
    made.chosen = {"motions": 5, "sigma": 0.1}
    assert CALLS == [(5, 0.1)]
    assert made._pictures[-1]["values"] == {"motions": 5, "sigma": 0.1}


def test_what_goes_wrong_later_is_told_and_undone():
    def draw(a):
        if a > 2:
            raise ValueError("a is too large")
        plt.figure().add_subplot().plot([0, a])

    made = explore(draw, a=(1, 2))
    open_before = plt.get_fignums()
    made.chosen = {"a": 3}
    assert made._trouble == "ValueError: a is too large"
    assert len(made._pictures) == 2
    made.chosen = {"a": 2}
    assert made._trouble == ""
    assert plt.get_fignums() == open_before


def test_the_functions_own_words_are_the_alternative_text():
    def draw(kind):
        plt.figure().add_subplot().plot([0, 1])
        return f"a line of {kind}"

    assert explore(draw, kind=("HNN", "LNN"))._pictures[1]["alt"] == "a line of LNN"


@pytest.mark.parametrize(
    "values, error, message",
    [
        ({}, ValueError, "no values to choose from"),
        ({"motions": (), "sigma": (0.1,)}, ValueError, "motions has no values"),
        ({"motions": range(1, 8), "sigma": (0.0, 0.1)}, ValueError, "14 combinations.*at most 12"),
        ({"motions": (3, 3), "sigma": (0.1,)}, ValueError, "a value twice"),
        ({"motions": (3,), "sigma": (float("nan"),)}, ValueError, "finite"),
        ({"motions": "3", "sigma": (0.1,)}, TypeError, "motions is a str"),
        ({"motions": (3,), "sigma": (None,)}, TypeError, "sigma has a NoneType"),
    ],
)
def test_values_that_do_not_do_are_refused(values, error, message):
    CALLS.clear()
    with pytest.raises(error, match=message):
        explore(retrain, **values)
    assert CALLS == []


def test_a_function_that_draws_nothing_is_refused():
    with pytest.raises(ValueError, match=r"<lambda>\(a = 1\) draws nothing"):
        explore(lambda a: None, a=(1, 2))
    with pytest.raises(TypeError, match="draw is a int"):
        explore(3, a=(1, 2))


# --- in a page -----------------------------------------------------------------------------------


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, make) as opener:
        yield opener


def test_the_page_switches_between_the_pictures(open_lab):
    page = open_lab()
    expect(page.locator(".hnn-printed")).to_have_text("error 0.00")
    picture = page.locator(".hnn-shown [role=img]")
    expect(picture).to_have_attribute(
        "aria-label", "With motions = 3, sigma = 0.0: q (m) over time (s) of error"
    )
    page.get_by_role("radio", name="10").check()
    page.get_by_role("group", name="motions").get_by_role("radio", name="10").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.locator(".hnn-printed")).to_have_text("error 1.00")
    expect(page.locator(".hnn-status")).to_have_text("Shown: motions = 10, sigma = 0.1.")
    assert page.locator(".hnn-shown svg").first.bounding_box()["width"] > 500
    # No kernel: nothing to type.
    assert page.locator(".hnn-typed").count() == 0
    page.emulate_media(media="print")
    expect(page.locator(".hnn-said")).to_have_text("motions = 10, sigma = 0.1:")
    expect(page.locator(".hnn-choices")).to_be_hidden()
    expect(picture).to_be_visible()


def test_on_a_phone_panels_stand_below_each_other(open_lab):
    page = open_lab(width=390)
    page.get_by_role("radio", name="0.1").check()
    boxes = [svg.bounding_box() for svg in page.locator(".hnn-shown svg:visible").all()]
    assert len(boxes) == 2
    assert boxes[1]["y"] >= boxes[0]["y"] + boxes[0]["height"]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_lab, theme):
    page = open_lab(markup={"html": f' data-theme="{theme}"'})
    expect(page.locator(".hnn-printed")).to_be_visible()
    assert axe_findings(page) == []
