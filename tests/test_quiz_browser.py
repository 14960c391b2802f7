"""The quiz in Chromium: by mouse and keyboard, kept while the page is open, escaped, in print."""

import pytest
from browser_tools import serve
from playwright.sync_api import expect
from widget_page import axe_findings, lab_opener, spoil

from hnn_tutorial.widgets import Quiz
from hnn_tutorial.widgets import quiz as module

ANSWER = '[[question.answer]]\ntext = "{}"\nright = {}\nwhy = "{}"\n'
QUESTIONS = "".join(
    f'[[question]]\ntext = "Question {i}, *q*_{{0}}?"\n'
    + ANSWER.format("*H* < 0 & so on <img src=x onerror=alert(1)>", "false", f"wrong {i}")
    + ANSWER.format("x^{2}", "true", f"right {i}: `a < b`")
    for i in (1, 2, 3)
)


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Make a quiz of three questions; each has a wrong answer first and then the right one."""
    monkeypatch.setattr(module, "QUIZZES", tmp_path)
    (tmp_path / "small.toml").write_text(f'title = "Small"\n{QUESTIONS}', encoding="utf-8")
    (tmp_path / "other.toml").write_text(f'title = "Other"\n{QUESTIONS}', encoding="utf-8")
    return lambda name="small": Quiz(name)


@pytest.fixture
def open_quiz(browser, tmp_path, small):
    with lab_opener(browser, tmp_path, small, height=1600) as opener:
        yield opener


def answer(page, question, option, quiz=0):
    answers = page.locator(".hnn-quiz").nth(quiz).locator(".hnn-answers").nth(question)
    return answers.locator(".hnn-answer").nth(option)


def reason(page, question, option, quiz=0):
    answers = page.locator(".hnn-quiz").nth(quiz).locator(".hnn-answers").nth(question)
    return answers.locator(".hnn-why").nth(option)


def test_every_answer_is_explained(open_quiz):
    page = open_quiz()
    status = page.locator(".hnn-status")
    expect(status).to_contain_text("the wrong ones too")
    expect(reason(page, 0, 0)).to_have_text("")
    answer(page, 0, 0).click()
    expect(reason(page, 0, 0)).to_have_text("No. wrong 1")
    expect(reason(page, 0, 1)).to_have_text("")
    expect(status).to_have_text("0 of 3 found, 0 at the first try.")
    answer(page, 0, 1).click()
    expect(reason(page, 0, 1)).to_have_text("Right. right 1: a < b")
    answer(page, 1, 1).click()
    answer(page, 1, 1).click()
    expect(status).to_have_text("2 of 3 found, 1 at the first try.")
    page.get_by_role("button", name="Start again").click()
    expect(reason(page, 0, 1)).to_have_text("")
    expect(status).to_contain_text("the wrong ones too")


def test_texts_are_escaped_and_marked_up(open_quiz):
    page = open_quiz()
    expect(answer(page, 0, 0)).to_have_text("aH < 0 & so on <img src=x onerror=alert(1)>")
    assert page.locator(".hnn-quiz img").count() == 0
    question = page.get_by_text("Question 1, q")
    assert question.inner_html() == "Question 1, <em>q</em><sub>0</sub>?"
    assert answer(page, 0, 1).locator("sup").inner_text() == "2"
    answer(page, 0, 1).click()
    assert reason(page, 0, 1).locator("code").inner_text() == "a < b"


def test_the_keyboard_does_it_all(open_quiz):
    page = open_quiz()
    expect(answer(page, 0, 0)).to_be_visible()
    page.keyboard.press("Tab")
    expect(answer(page, 0, 0)).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(reason(page, 0, 1)).to_contain_text("right 1")
    expect(answer(page, 0, 1)).to_be_focused()
    outline = answer(page, 0, 1).evaluate("e => getComputedStyle(e).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(reason(page, 1, 0)).to_contain_text("wrong 2")
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".hnn-tried")).to_have_count(0)


def test_two_views_of_one_quiz_agree_and_two_quizzes_do_not(open_quiz, small):
    one, other = small(), small("other")
    page = open_quiz(one, other, one, height=2800)
    expect(page.locator(".hnn-quiz")).to_have_count(3)
    answer(page, 0, 0, quiz=0).click()
    expect(reason(page, 0, 0, quiz=2)).to_have_text("No. wrong 1")
    expect(reason(page, 0, 0, quiz=1)).to_have_text("")
    ids = page.locator(".hnn-questions p[id]").evaluate_all("all => all.map((p) => p.id)")
    assert len(set(ids)) == len(ids) == 9


# A second host: what a notebook does when a cell is run again, with a module and a widget anew.
RUN_AGAIN = """async () => {
    const tag = document.querySelector('script[type$="widget-state+json"]');
    const records = Object.values(JSON.parse(tag.textContent).state);
    const { state } = records.find((record) => record.state._esm);
    const make = async (changes) => {
        const blob = new Blob([state._esm], { type: "text/javascript" });
        const { default: widget } = await import(URL.createObjectURL(blob));
        const own = { ...structuredClone(state), ...changes };
        const heard = new Map();
        const model = {
            get: (name) => own[name],
            set: (name, value) => { own[name] = value; heard.get(`change:${name}`)?.(); },
            save_changes() {},
            on: (name, listener) => heard.set(name, listener),
            off: (name, listener) => heard.get(name) === listener && heard.delete(name),
        };
        const el = document.body.appendChild(document.createElement("div"));
        const close = widget.render({ model, el });
        return { el, close, own, heard };
    };
    document.querySelector(".hnn-widget-place").remove();

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
    const first = await make({});
    first.el.querySelectorAll(".hnn-answer")[0].click();
    first.el.querySelectorAll(".hnn-answer")[3].click();
    first.close();
    const left = { listeners, heard: first.heard.size, children: first.el.children.length };
    const again = await make({});
    const shown = [...again.el.querySelectorAll(".hnn-tried .hnn-why")].map((p) => p.innerText);
    const python = again.own.answers;
    again.close();
    const renamed = await make({ _name: "another" });
    const fresh = renamed.el.querySelectorAll(".hnn-tried").length;
    renamed.close();
    return { left, shown, python, fresh };
}"""


def test_what_was_tried_outlives_the_view_and_the_widget(open_quiz):
    page = open_quiz()
    expect(page.locator(".hnn-quiz")).to_be_visible()
    result = page.evaluate(RUN_AGAIN)
    assert result["left"] == {"listeners": 0, "heard": 0, "children": 0}
    assert result["shown"] == ["No. wrong 1", "Right. right 2: a < b"]
    assert result["python"] == [[0], [1], []]
    assert result["fresh"] == 0


def test_tries_from_python_are_shown_and_strange_ones_left_out(open_quiz):
    page = open_quiz(markup=spoil(answers=[[1], [7, 0]]))
    expect(page.locator(".hnn-status")).to_have_text("1 of 3 found, 1 at the first try.")
    expect(reason(page, 1, 0)).to_have_text("No. wrong 2")


def test_a_quiz_without_questions_says_so(open_quiz):
    page = open_quiz(markup=spoil(_questions=[]))
    expect(page.locator("main")).to_contain_text("this quiz has no questions")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(open_quiz, theme):
    page = open_quiz(markup={"html": f' data-theme="{theme}"'})
    answer(page, 0, 0).click()
    answer(page, 0, 1).click()
    expect(page.locator(".hnn-lab")).to_have_attribute("data-hnn-theme", theme)
    assert axe_findings(page) == []


def test_it_follows_the_theme_at_once(open_quiz):
    page = open_quiz()
    quiz = page.locator(".hnn-quiz")
    background = "e => getComputedStyle(e).backgroundColor"
    expect(quiz).to_be_visible()
    light = quiz.evaluate(background)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    expect(quiz).to_have_attribute("data-hnn-theme", "dark")
    assert quiz.evaluate(background) != light


@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_and_can_be_touched(open_quiz, width):
    page = open_quiz(width=width, height=900)
    expect(page.locator(".hnn-quiz")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    heights = page.locator(".hnn-button").evaluate_all(
        "all => all.map((b) => b.getBoundingClientRect().height)"
    )
    assert min(heights) >= 43.9


def test_in_print_it_is_a_list(open_quiz):
    page = open_quiz()
    answer(page, 0, 0).click()
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Start again")).to_be_hidden()
    expect(answer(page, 2, 1)).to_be_visible()
    assert answer(page, 2, 1).evaluate("e => getComputedStyle(e).borderTopWidth") == "0px"


def test_where_no_module_runs_the_questions_are_listed(open_quiz):
    page = open_quiz(markup=spoil(_esm="export default {"))
    expect(page.locator(".hnn-widget-note")).to_contain_text("This figure cannot run here: ")
    picture = page.get_by_alt_text("the questions of the quiz: Small")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalHeight") > 200


def test_over_http(open_quiz, tmp_path):
    with serve(tmp_path) as address:
        page = open_quiz(address=address)
        answer(page, 0, 1).click()
        expect(reason(page, 0, 1)).to_contain_text("right 1")
