"""Predictions in Chromium: each kind by pointer and by keyboard, what waits, what is kept."""

import json
import re
import sys
from functools import partial
from html import escape
from types import SimpleNamespace
from urllib.parse import unquote

import pytest
from browser_tools import serve
from docutils import nodes
from playwright.sync_api import expect
from widget_page import ASSETS, axe_findings, lab_opener

from hnn_tutorial.systems import MassSpring
from hnn_tutorial.widgets import PhaseLab, Predictions

LABELS = {
    "choice": "which *drifts* <least>?",
    "number": "how long, in s",
    "log": "how many steps",
    "curve": "how the energy goes",
    "point": "where it is after 3 s",
}
STORE = "hnn-tutorial.predictions"


@pytest.fixture
def made():
    """A question of each kind with its outcome, and the score: ``[ask, outcome] * 5 + [score]``."""
    ask = Predictions("pendulum")
    asks = [
        ask.choice(LABELS["choice"], ["the baseline", "the HNN", "it depends"]),
        ask.number(LABELS["number"], 0, 20, unit="s"),
        ask.number(LABELS["log"], 1, 1e4, log=True),
        ask.curve(LABELS["curve"], ("time (s)", 0, 20), ("energy (J)", 0, 4)),
        ask.point(LABELS["point"], ("q (m)", -2, 2), ("p (kg m/s)", -2, 2)),
    ]
    times = [0.1 * k for k in range(201)]
    outcomes = [
        asks[0].reveal("the HNN"),
        asks[1].reveal(10.0),
        asks[2].reveal(100.0),
        asks[3].reveal(times, [2.0] * 201, role="baseline"),
        asks[4].reveal((0.0, 0.0)),
    ]
    return [part for pair in zip(asks, outcomes, strict=True) for part in pair] + [ask.score()]


@pytest.fixture
def open_all(browser, tmp_path, made):
    with lab_opener(browser, tmp_path, None, height=7000) as opener:
        yield lambda *widgets, **options: opener(*(widgets or made), **options)


def question(page, kind):
    name = LABELS[kind].replace("*", "")
    return page.locator(".hnn-prediction-ask", has=page.get_by_text(name, exact=True))


def outcome(page, kind):
    name = LABELS[kind].replace("*", "")
    return page.locator(".hnn-prediction-answer", has=page.get_by_text(name, exact=True))


def commit(page, kind):
    return question(page, kind).get_by_role("button", name="This is my answer")


def words(page, kind):
    return outcome(page, kind).locator(".hnn-prediction-words")


def stage(page, kind):
    found = question(page, kind).locator(".hnn-plane-stage")
    found.scroll_into_view_if_needed()
    return found, found.bounding_box()


def settle(page):
    """Answer the first question, which is enough for most tests."""
    question(page, "choice").get_by_text("the HNN").click()
    commit(page, "choice").click()


# --- each kind, by pointer and by keyboard --------------------------------------------------------


def test_a_choice_by_pointer(open_all):
    page = open_all()
    expect(commit(page, "choice")).to_be_disabled()
    expect(words(page, "choice")).to_contain_text("once you have given yours")
    question(page, "choice").get_by_text("it depends").click()
    question(page, "choice").get_by_text("the baseline").click()
    commit(page, "choice").click()
    expect(words(page, "choice")).to_have_text(
        "No. You chose “the baseline”; the answer is “the HNN”."
    )
    expect(question(page, "choice").locator(".hnn-prediction-status")).to_be_focused()
    marked = outcome(page, "choice").locator("li")
    expect(marked.nth(0)).to_contain_text("your answer")
    expect(marked.nth(1)).to_contain_text("right")
    expect(question(page, "choice").get_by_role("radio", name="the HNN")).to_be_disabled()


def test_a_choice_by_keyboard(open_all):
    page = open_all()
    expect(commit(page, "choice")).to_be_visible()
    for key in ("Tab", "ArrowDown", "Tab"):
        page.keyboard.press(key)
    expect(commit(page, "choice")).to_be_focused()
    page.keyboard.press("Enter")
    expect(words(page, "choice")).to_have_text("Right. You chose “the HNN”.")


def test_a_number_by_slider_and_by_typing(open_all):
    page = open_all()
    own = question(page, "number")
    slider, typed = own.get_by_role("slider"), own.get_by_role("textbox")
    expect(typed).to_have_value("")
    expect(slider).to_have_attribute("aria-valuetext", "no value yet")
    expect(slider).to_have_class(re.compile("hnn-untouched"))
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 0.25 * box["width"], box["y"] + box["height"] / 2)
    assert 4.5 < float(typed.input_value()) < 5.5
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^[45][.\d]*\u00a0s$"))
    for wrong in ("21", "-1", "much", ""):
        typed.fill(wrong)
        expect(commit(page, "number")).to_be_disabled()
        expect(typed).to_have_attribute("aria-invalid", str(wrong != "").lower())
        # The slider does not say a number that the box does not say.
        expect(slider).to_have_attribute("aria-valuetext", "no value yet")
    typed.fill("7,5")
    assert slider.input_value() == "375"
    commit(page, "number").click()
    expect(words(page, "number")).to_have_text(
        "Near enough. You said 7.5 s; the answer is 10 s. You were 25 % too low."
    )
    expect(outcome(page, "number").locator("svg")).to_contain_text("you 7.5")


def test_a_number_on_a_logarithmic_axis_by_keyboard(open_all):
    page = open_all()
    slider = question(page, "log").get_by_role("slider")
    slider.focus()
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuetext", "101")
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "10\u202f000")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(words(page, "log")).to_have_text(
        "Not near enough. You said 10\u202f000; the answer is 100. "
        "You were too high by a factor of 100."
    )


def test_a_curve_is_drawn(open_all):
    page = open_all()
    _, box = stage(page, "curve")
    middle = box["y"] + 24 + (box["height"] - 64) / 2
    page.mouse.move(box["x"] + 47, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, middle, steps=3)
    page.mouse.up()
    expect(commit(page, "curve")).to_be_disabled()  # half of it is not there yet
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 14, middle, steps=3)
    page.mouse.up()
    commit(page, "curve").click()
    expect(words(page, "curve")).to_have_text("Right. Your curve lies on the computed one.")
    paths = outcome(page, "curve").locator(".hnn-plane path")
    expect(paths).to_have_count(2)
    expect(paths.first).to_have_attribute("style", "stroke: var(--hnn-role-baseline)")


def test_a_curve_by_keyboard(open_all):
    page = open_all()
    knots = question(page, "curve").get_by_role("slider")
    expect(knots).to_have_count(7)
    knots.nth(6).focus()
    for _ in range(5):
        page.keyboard.press("Shift+ArrowUp")
    expect(knots.nth(6)).to_have_attribute("aria-valuetext", "energy (J) 4")
    expect(knots.nth(5)).to_have_attribute("aria-valuetext", "energy (J) 2")
    assert knots.nth(6).evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    # Straight from 2 to 4 over 11 of 64 columns: 2 J times 6 / 65.
    expect(words(page, "curve")).to_have_text(
        "Near enough. On average your curve is 0.18 J from the computed one."
    )


def test_a_point_by_pointer(open_all):
    page = open_all()
    _, box = stage(page, "point")
    expect(commit(page, "point")).to_be_disabled()
    middle = box["x"] + 46 + (box["width"] - 58) / 2, box["y"] + 24 + (box["height"] - 64) / 2
    page.mouse.move(middle[0] + 100, middle[1])
    page.mouse.down()
    page.mouse.move(*middle, steps=4)
    page.mouse.up()
    commit(page, "point").click()
    expect(words(page, "point")).to_have_text("Right. Your point (0, 0) lies on the answer.")


def test_a_point_by_keyboard(open_all):
    page = open_all()
    knot = question(page, "point").get_by_role("slider")
    knot.focus()
    for key in ("Shift+ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    expect(knot).to_have_attribute("aria-valuetext", "q (m) 0.4, p (kg m/s) 0.08")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(words(page, "point")).to_have_text(
        "Not near enough. You chose (0.4, 0.08); the answer is (0, 0)."
    )


# --- score, and what is kept ----------------------------------------------------------------------


def test_the_score_counts_what_was_answered(open_all):
    page = open_all()
    score = page.locator(".hnn-prediction-score .hnn-prediction-words")
    score.scroll_into_view_if_needed()
    settle(page)
    expect(outcome(page, "choice")).to_contain_text("In this chapter so far: You predicted 1 of 1.")
    outcome(page, "number").get_by_role("button", name="Show the answer").click()
    expect(words(page, "number")).to_have_text("You read on without an answer. The answer is 10 s.")
    question(page, "log").get_by_role("textbox").fill("7")
    commit(page, "log").click()
    expect(score).to_have_text(
        "You predicted 1 of 2. One you read past without an answer. 2 wait for your answers."
    )


def test_answers_outlive_the_page_and_what_no_longer_fits_is_asked_again(browser, tmp_path, made):
    with lab_opener(browser, tmp_path, None, height=1000) as opener, serve(tmp_path) as address:
        page = opener(*made, address=address)
        settle(page)
        expect(words(page, "choice")).to_contain_text("Right.")
        page.reload()
        expect(words(page, "choice")).to_contain_text("Right.")
        page.evaluate(
            """key => {
                const kept = JSON.parse(localStorage.getItem(key));
                kept.chapters.pendulum["which *drifts* <least>?"].guess = 9;
                localStorage.setItem(key, JSON.stringify(kept));
            }""",
            STORE,
        )
        page.reload()
        expect(commit(page, "choice")).to_be_visible()
        page.evaluate("key => localStorage.setItem(key, 'no JSON')", STORE)
        page.reload()
        settle(page)
        expect(words(page, "choice")).to_contain_text("Right.")
        # Another page of the book clears all.
        other = page.context.new_page()
        other.goto(page.url)
        other.evaluate("localStorage.clear()")
        expect(commit(page, "choice")).to_be_visible()


def test_it_works_where_the_browser_keeps_nothing(open_all):
    forbid = "Storage.prototype.setItem = () => { throw new Error('full'); };"
    page = open_all(init=forbid)
    settle(page)
    expect(words(page, "choice")).to_contain_text("Right.")


# --- what waits -----------------------------------------------------------------------------------

# What book/_ext/hnn_predictions.py writes; a test of it stands below.
REMEMBER = re.search(
    r'REMEMBER = """(.*?)"""',
    (ASSETS.parent / "_ext/hnn_predictions.py").read_text("utf-8"),
    re.DOTALL,
)[1]
LINE = (
    '<p class="hnn-read-on"{hidden}>What follows waits until you have answered. '
    '<button type="button" class="hnn-read-on-button">Read on without an answer</button></p>\n'
    '<div class="hnn-withheld" tabindex="-1" data-asks="{asks}" data-questions="{questions}">\n'
    "{remember}"
)
TEXT = '<p id="{id}">the needle of {id}</p><div style="height: 300px"></div>'


def opening(asks, questions, hidden=""):
    """The line and the beginning of a part that waits."""
    texts = (escape(json.dumps(each)) for each in (asks, questions))
    return LINE.format(
        hidden=hidden, remember=REMEMBER, **dict(zip(("asks", "questions"), texts, strict=True))
    )


@pytest.fixture
def open_book(browser, tmp_path, made):
    """A page where the outcomes of two questions wait: one for both, then one for the second."""

    def arrange(views):
        def waits(ids, hidden, name, view):
            asked = {ask.model_id: ask for ask in made[:4]}
            questions = [[key, asked[key]._chapter, asked[key]._label] for key in ids]
            return opening(ids, questions, hidden) + TEXT.format(id=name) + view

        both = [made[0].model_id, made[2].model_id]
        return (
            f"{views[0]}{views[2]}{waits(both, '', 'first', views[1])}</div>"
            f"{waits(both[1:], ' hidden', 'second', views[3])}{''.join(views[4:])}</div>"
            '<p id="after">after both</p><div style="height: 3000px"></div>'
        )

    def open_it(*more, opener, markup=None, **options):
        return opener(*made[:4], *more, markup={"arrange": arrange, **(markup or {})}, **options)

    with lab_opener(browser, tmp_path, None, height=1000) as opener:
        yield partial(open_it, opener=opener)


def seen(page, name):
    """Whether a part of the page is laid out."""
    return page.locator(f"#{name}").evaluate("e => e.checkVisibility()")


def test_what_follows_waits_for_the_answers(open_book):
    page = open_book()
    lines = page.locator(".hnn-read-on")
    # So the browser's own search finds it.
    assert page.locator(".hnn-withheld[hidden=until-found]").count() == 2
    assert (seen(page, "first"), seen(page, "second"), seen(page, "after")) == (False, False, True)
    expect(lines.nth(0)).to_be_visible()
    expect(lines.nth(1)).to_be_hidden()
    settle(page)
    assert not seen(page, "first")
    question(page, "number").get_by_role("textbox").fill("9")
    commit(page, "number").click()
    assert (seen(page, "first"), seen(page, "second")) == (True, True)
    expect(lines.nth(0)).to_be_hidden()
    expect(words(page, "choice")).to_contain_text("Right.")
    page.reload()
    page.wait_for_selector(".hnn-withheld[data-ready]")
    assert seen(page, "first"), "answered before"


def test_reading_on_is_one_key_away(open_book):
    page = open_book()
    page.get_by_role("button", name="Read on without an answer").focus()
    page.keyboard.press("Enter")
    assert (seen(page, "first"), seen(page, "second")) == (True, True)
    expect(page.locator(".hnn-withheld").first).to_be_focused()
    expect(words(page, "choice")).to_have_text(
        "You read on without an answer. The answer is “the HNN”."
    )
    expect(outcome(page, "choice")).not_to_contain_text("You predicted")


@pytest.fixture
def open_section(browser, tmp_path, made):
    """A section as the book writes it: a question, what waits for it with the second in it."""

    def arrange(views):
        def waits(places, hidden, *parts):
            asks = [made[place] for place in places]
            questions = [[ask.model_id, ask._chapter, ask._label] for ask in asks]
            ids = [ask.model_id for ask in asks]
            return opening(ids, questions, hidden) + "".join(parts) + "</div>"

        room = [
            f'<div style="--hnn-narrow: {narrow}px; --hnn-wide: {wide}px" class="room">{view}</div>'
            for view, (narrow, wide) in zip(views, (part._heights for part in made), strict=False)
        ]
        first = waits([6], "", TEXT.format(id="one"), room[1], TEXT.format(id="told"), room[2])
        second = waits([6, 2], " hidden", TEXT.format(id="two"), room[3], TEXT.format(id="end"))
        return (
            f'<section id="section"><p id="before">text</p>{room[0]}{first}{second}</section>'
            '<section id="next"><p>the next section</p></section>'
        )

    shown = [made[6], made[7], made[2], made[3]]
    with lab_opener(browser, tmp_path, None, height=844, width=390) as opener:
        yield lambda **options: opener(*shown, markup={"arrange": arrange}, **options)


# Which elements behind the first question's card are laid out, but for the line that opens them.
BEHIND = """() => {
    const card = document.querySelector("#section .hnn-widget-place");
    const behind = (e) => card.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING;
    return [...document.querySelectorAll("#section *")]
        .filter((e) => behind(e) && !card.contains(e) && !e.closest(".hnn-read-on"))
        .filter((e) => !e.matches(".hnn-withheld, script, style") && e.checkVisibility())
        .map((e) => e.outerHTML.slice(0, 80));
}"""


def test_nothing_behind_a_question_is_seen_and_reading_on_leads_to_the_next(open_section):
    page = open_section()
    buttons = page.get_by_role("button", name="Read on without an answer")
    card = question(page, "curve")
    expect(card.locator(".hnn-plane")).to_be_visible()
    place = page.locator(".hnn-widget-place").first
    before = place.bounding_box()["height"]
    assert page.evaluate(BEHIND) == []
    expect(buttons).to_have_count(1)
    buttons.click()
    assert [seen(page, name) for name in ("one", "told", "two", "end")] == [
        True,
        True,
        False,
        False,
    ]
    expect(card).to_contain_text("You read on without an answer.")
    # Nothing is kept for the control that is gone.
    after = place.bounding_box()["height"]
    assert after < before - 150
    assert after - card.bounding_box()["height"] < 25
    expect(question(page, "number").get_by_role("slider")).to_be_visible()
    expect(buttons).to_have_count(1)
    buttons.click()
    assert (seen(page, "two"), seen(page, "end")) == (True, True)
    expect(buttons).to_have_count(0)


def test_who_has_answered_is_told_so_where_she_pressed_and_led_to_the_answer(open_section):
    page = open_section()
    buttons = page.get_by_role("button", name="Read on without an answer")
    buttons.click()
    question(page, "number").get_by_role("textbox").fill("9")
    commit(page, "number").click()
    status = question(page, "number").locator(".hnn-prediction-status")
    expect(status).to_be_focused()
    expect(status).to_be_in_viewport(ratio=1)
    expect(status).to_have_text("Noted: 9 s. What follows works out the answer. Go to the answer")
    page.keyboard.press("Tab")
    expect(status.get_by_role("link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(words(page, "number")).to_be_in_viewport()
    expect(words(page, "number")).to_contain_text("You said 9 s; the answer is 10 s.")


def test_there_is_no_link_to_an_answer_that_another_question_holds_back(open_book):
    page = open_book()
    settle(page)
    status = question(page, "choice").locator(".hnn-prediction-status")
    expect(status).to_have_text("Noted: “the HNN”. What follows waits for your other answer.")
    question(page, "number").get_by_role("textbox").fill("9")
    commit(page, "number").click()
    expect(status.get_by_role("link", name="Go to the answer")).to_be_visible()


def test_who_finds_a_word_or_follows_a_link_sees_it_and_may_still_answer(open_book):
    page = open_book()
    page.locator(".hnn-withheld").nth(1).evaluate("e => e.dispatchEvent(new Event('beforematch'))")
    assert (seen(page, "first"), seen(page, "second")) == (False, True)
    page.evaluate("location.hash = '#first'")
    page.wait_for_function("document.querySelector('#first').checkVisibility()")
    assert abs(page.locator("#first").bounding_box()["y"]) < 400
    expect(words(page, "choice")).to_contain_text("once you have given yours")
    settle(page)
    expect(words(page, "choice")).to_contain_text("Right.")


def test_a_link_to_what_waits_opens_it(open_book):
    page = open_book()
    address = page.url
    page.goto("about:blank")
    page.goto(f"{address}#second")
    page.wait_for_function("document.querySelector('#second').checkVisibility()")


def test_nothing_waits_for_who_wants_it_so(open_book):
    page = open_book(init=f"localStorage.setItem('{STORE}', JSON.stringify({{ open: true }}))")
    assert (seen(page, "first"), seen(page, "second")) == (True, True)
    expect(page.locator(".hnn-read-on").first).to_be_hidden()
    expect(commit(page, "choice")).to_be_visible()


def test_a_lab_that_waits_starts_when_it_is_seen(open_book):
    page = open_book(PhaseLab(MassSpring()))
    page.wait_for_timeout(300)
    assert page.locator(".hnn-phase-lab").count() == 0
    page.get_by_role("button", name="Read on without an answer").click()
    page.locator(".hnn-withheld").nth(1).evaluate("e => e.lastElementChild.scrollIntoView()")
    expect(page.locator(".hnn-phase-lab")).to_be_visible()


def test_a_question_that_cannot_be_asked_holds_nothing_back(open_book, made):
    broken = {made[0].model_id, made[2].model_id}

    def change(states):
        for key in broken:
            states[key]["state"]["_kind"] = "riddle"

    page = open_book(markup={"change": change}, clean=False)
    page.wait_for_function("document.querySelector('#first').checkVisibility()")


def test_on_paper_and_without_scripts_all_is_there(open_book, browser):
    page = open_book()
    page.emulate_media(media="print")
    assert (seen(page, "first"), seen(page, "second")) == (True, True)
    expect(page.locator(".hnn-read-on").first).to_be_hidden()
    printed = page.locator(".hnn-withheld img").first
    expect(printed).to_be_visible()
    assert "Answer: the HNN" in unquote(printed.get_attribute("src"))
    plain = browser.new_context(java_script_enabled=False)
    still = plain.new_page()
    still.goto(page.url)
    expect(still.locator("#first")).to_be_visible()
    expect(still.locator(".hnn-read-on").first).to_be_hidden()
    plain.close()


def test_it_is_hidden_before_the_first_script_runs(open_book, browser):
    page = open_book()
    own = browser.new_page()
    own.route("**/static-widgets.js", lambda route: route.abort())
    own.goto(page.url)
    assert not seen(own, "first")
    own.close()


def test_what_was_opened_is_there_before_the_first_script_runs(open_book):
    """So a page that is loaded again in its middle does not jump. Before, nothing is told."""
    page = open_book()

    def nothing(route):
        route.fulfill(body="", content_type="text/javascript")

    page.route("**/static-widgets.js", nothing)
    page.reload()
    assert (seen(page, "first"), seen(page, "second")) == (False, False)
    page.unroute("**/static-widgets.js")
    page.reload()
    settle(page)
    question(page, "number").get_by_role("textbox").fill("9")
    commit(page, "number").click()
    page.wait_for_function("() => document.querySelectorAll('.hnn-withheld[hidden]').length === 0")
    page.route("**/static-widgets.js", nothing)
    page.reload()
    assert (seen(page, "first"), seen(page, "second")) == (True, True)
    expect(page.locator(".hnn-read-on:visible")).to_have_count(0)
    for kept in ("null", "{", '{"chapters": 3}', '{"chapters": {"x": null}}'):
        page.evaluate("kept => localStorage.setItem('hnn-tutorial.predictions', kept)", kept)
        page.reload()
        assert not seen(page, "first")
    page.evaluate("""localStorage.setItem("hnn-tutorial.predictions", '{"open": true}')""")
    page.reload()
    assert (seen(page, "first"), seen(page, "second")) == (True, True)


# --- looks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_and_it_fits(open_all, theme, width):
    page = open_all(markup={"html": f' data-theme="{theme}"'}, width=width, height=7000)
    assert axe_findings(page) == []
    settle(page)
    question(page, "number").get_by_role("textbox").fill("9")
    commit(page, "number").click()
    for kind in ("log", "curve", "point"):
        outcome(page, kind).get_by_role("button", name="Show the answer").click()
    expect(page.locator(".hnn-prediction").first).to_have_attribute("data-hnn-theme", theme)
    assert axe_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    targets = page.locator(
        ".hnn-prediction :is(button, label, input[type=text], input[type=range])"
    )
    assert targets.evaluate_all("all => all.every((e) => !e.offsetHeight || e.offsetHeight >= 44)")


def test_a_card_is_as_high_as_the_room_that_the_page_keeps(open_all, made):
    for width, at in ((1280, 1), (390, 0)):
        page = open_all(width=width, height=7000)
        cards = page.locator(".hnn-prediction-ask")
        expect(cards.locator(".hnn-plane")).to_have_count(2)
        heights = cards.evaluate_all("all => all.map((e) => e.offsetHeight)")
        kept = [ask._heights[at] for ask in made[:-1:2]]
        assert all(abs(a - b) <= 24 for a, b in zip(heights, kept, strict=True)), (heights, kept)


def test_nothing_is_left_behind(open_all):
    page = open_all()
    left = page.evaluate(
        """async () => {
            const tag = document.querySelector('script[type$="widget-state+json"]');
            const all = Object.values(JSON.parse(tag.textContent).state);
            const records = all.filter((record) => record.state._esm);
            const { state } = records[0];
            const blob = new Blob([state._esm], { type: "text/javascript" });
            const { default: widget } = await import(URL.createObjectURL(blob));
            let listeners = 0;
            const { addEventListener, removeEventListener } = EventTarget.prototype;
            EventTarget.prototype.addEventListener = function (...details) {
                listeners += 1;
                return addEventListener.apply(this, details);
            };
            EventTarget.prototype.removeEventListener = function (...details) {
                listeners -= 1;
                return removeEventListener.apply(this, details);
            };
            let heard = 0;
            const el = document.body.appendChild(document.createElement("div"));
            for (const { state } of records) {
                const model = { get: (name) => state[name], set() {}, save_changes() {},
                    on: () => (heard += 1), off: () => (heard -= 1) };
                widget.render({ model, el })();
            }
            return { listeners, heard, children: el.children.length, cards: records.length };
        }"""
    )
    assert left == {"listeners": 0, "heard": 0, "children": 0, "cards": 11}


def test_an_outcome_with_a_kernel_waits_and_tells_python(open_all):
    """Without the page's store all goes through the model, as in JupyterLab and Colab."""
    page = open_all()
    told = page.evaluate(
        """async () => {
            delete globalThis[Symbol.for("hnn-tutorial.predictions")];
            const tag = document.querySelector('script[type$="widget-state+json"]');
            const records = Object.values(JSON.parse(tag.textContent).state);
            const { state } = records.find(
                ({ state: s }) => s._part === "answer" && s._kind === "number"
            );
            const blob = new Blob([state._esm], { type: "text/javascript" });
            const { default: widget } = await import(URL.createObjectURL(blob));
            const heard = new Map();
            const saved = [];
            const model = {
                get: (name) => state[name],
                set(name, value) {
                    state[name] = value;
                    heard.get(`change:${name}`)?.forEach((listener) => listener());
                },
                save_changes: () => saved.push([state.guess, state.passed, state.right]),
                on: (name, f) => heard.set(name, [...(heard.get(name) ?? []), f]),
                off() {},
            };
            const el = document.body.appendChild(document.createElement("div"));
            widget.render({ model, el });
            const before = el.innerText;
            model.set("guess", 9.0);
            return { before, after: el.innerText, saved };
        }"""
    )
    assert "once you have given yours" in told["before"]
    assert "You said 9 s; the answer is 10 s." in told["after"].replace("\u00a0", " ")
    assert told["saved"] == [[9, False, True]]


# --- the built page -------------------------------------------------------------------------------


@pytest.fixture
def wrapped():
    """Hold back in a section, and say what each of its children is."""
    sys.path.append(str(ASSETS.parent / "_ext"))
    import hnn_predictions

    def hold_back(asks, *parts):
        """``asks``: id -> (part, label). Parts: ids of such widgets, other words, subsections."""

        def part(words):
            if isinstance(words, list):
                return nodes.section("", nodes.title("", words[0]), *map(part, words[1:]))
            if words in asks:
                kind = "application/vnd.jupyter.widget-view+json"
                view = f'<script type="{kind}">{{"model_id": "{words}"}}</script>'
                return nodes.container("", nodes.raw("", view, format="html"), ids=[words])
            if words.startswith("("):
                return nodes.target(ids=[words])
            if words == "Predict.":
                return nodes.paragraph("", nodes.Text(""), nodes.strong("", words), ids=[words])
            return nodes.paragraph("", words, ids=[words])

        states = {
            key: {"_part": part, "_chapter": "x", "_label": label}
            for key, (part, label) in asks.items()
        }
        section = nodes.section("", nodes.title("", "t"), *map(part, parts))
        hnn_predictions._hold_back_in(section, states)

        def named(node):
            if isinstance(node, hnn_predictions.withheld):
                return node["asks"], node["later"], [named(child) for child in node]
            return node["ids"][0] if node["ids"] else node[0].astext()

        return section, [named(node) for node in section[1:]]

    yield SimpleNamespace(
        hold_back=hold_back,
        visit=hnn_predictions.visit_withheld,
        leave_out_code=hnn_predictions.leave_out_code,
    )
    sys.path.remove(str(ASSETS.parent / "_ext"))


ASKS = {"a": ("ask", "1"), "b": ("ask", "2"), "A": ("answer", "1"), "B": ("answer", "2")}


def test_what_follows_a_question_waits_to_the_end_of_its_section(wrapped):
    """Questions one behind the other are both in sight; all that follows them waits."""
    section, found = wrapped.hold_back(
        ASKS, "before", "Predict.", "a", "Predict.", "b", "both", "A", "two", "B", "told"
    )
    both = (["a", "b"], False, ["both", "A", "two", "B", "told"])
    assert found == ["before", "Predict.", "a", "Predict.", "b", both]
    body = []
    wrapped.visit(SimpleNamespace(body=body), section[-1])
    assert body == [opening(["a", "b"], [["a", "x", "1"], ["b", "x", "2"]])]


def test_a_second_question_waits_for_the_first(wrapped):
    section, found = wrapped.hold_back(
        ASKS, "a", "one", "A", "told", "Predict.", "b", "two", "B", "told"
    )
    first = (["a"], False, ["one", "A", "told", "Predict.", "b"])
    second = (["a", "b"], True, ["two", "B", "told"])
    assert found == ["a", first, second]
    body = []
    wrapped.visit(SimpleNamespace(body=body), section[-1])
    assert body == [opening(["a", "b"], [["a", "x", "1"], ["b", "x", "2"]], " hidden")]


def test_subsections_the_score_and_questions_without_an_answer_do_not_wait(wrapped):
    _, found = wrapped.hold_back(ASKS, "a", "A", "told", "(label)", ["Sub", "text"], "rest")
    assert found == ["a", (["a"], False, ["A", "told"]), "(label)", "Sub", "rest"]
    scored = {**ASKS, "s": ("score", "")}
    _, found = wrapped.hold_back(scored, "a", "A", "told", "s", "end")
    assert found == ["a", (["a"], False, ["A", "told"]), "s", "end"]
    assert wrapped.hold_back(ASKS, "a", "text")[1] == ["a", "text"]


def test_code_that_only_asks_is_left_out(wrapped):
    """What works something out stays, folded as it was; so does a lab's and a quiz's."""
    states = {
        "ask": {"_part": "ask"},
        "score": {"_part": "score"},
        "answer": {"_part": "answer"},
        "quiz": {"_questions": []},
        "lab": {"state": [1.0, 0.0]},
    }

    def cell(widget, code):
        view = f'{{"model_id": "{widget}"}}'
        kind = "application/vnd.jupyter.widget-view+json"
        source = nodes.container("", nodes.literal_block("", code), nb_element="cell_code_source")
        fold = nodes.container("", source)  # as MyST-NB folds it
        output = nodes.raw("", f'<script type="{kind}">{view}</script>', format="html")
        return nodes.container("", fold, output, nb_element="cell_code")

    long = "a = 1\nb = a\nask.reveal(b)"
    document = nodes.section(
        "",
        cell("ask", long),
        cell("score", "ask.score()"),
        cell("quiz", "Quiz()"),
        cell("answer", "a = 1\nask.reveal(a)"),
        cell("answer", long),
        cell("lab", "Lab()"),
    )
    wrapped.leave_out_code(document, states)
    assert [len(part.children) for part in document] == [1, 1, 2, 1, 2, 2]
    assert document[4].astext().startswith("a = 1")
