"""Reading in a browser: letters on a phone, lines of text and of code, previews, search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser_tools import open_page
from playwright.sync_api import expect

# The size of the smallest letters of each picture that is shown, in pixels.
LETTERS = """() => [...document.querySelectorAll(".hnn-figure")].flatMap((figure) => {
    const whole = figure.querySelector(".hnn-whole");
    const least = parseFloat(figure.style.getPropertyValue("--hnn-least"));
    const letters = (11 * whole.viewBox.baseVal.width) / least;  // in the picture's own units
    const windows = [...figure.querySelectorAll(".hnn-window")];
    const stacked = windows.length && windows[0].getBoundingClientRect().width > 0;
    return (stacked ? windows : [whole])
        .map((svg) => [svg.getBoundingClientRect(), svg.viewBox.baseVal.width])
        .filter(([box]) => box.width > 0)
        .map(([box, width]) => [(letters * box.width) / width, Boolean(stacked), box.height]);
})"""
# The lines of code that are wider than their box.
WIDE = """() => [...document.querySelectorAll("article .cell_input pre")]
    .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)"""
# Letters that a full line holds, in paragraphs without formulas, by the width of the text: the
# last line is as long as it happens to be.
LINES = """() => [...document.querySelectorAll("article section > p")]
    .filter((p) => !p.querySelector(".math") && p.textContent.length > 150)
    .map((p) => {
        const walker = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
        const range = document.createRange();
        let width = 0;
        while (walker.nextNode()) {
            range.selectNodeContents(walker.currentNode);
            for (const box of range.getClientRects()) width += box.width;
        }
        return p.textContent.trim().length * p.clientWidth / width;
    })"""


def measured(tab: Any, what: str) -> Any:
    """What is measured with all that is folded or held back on show, for that moment only.

    So the page is afterwards as it was, and no lab has started for it.
    """
    return tab.evaluate(
        f"""() => {{
            const folded = [...document.querySelectorAll("details:not([open])")];
            const withheld = [...document.querySelectorAll(".hnn-withheld")]
                .map((part) => [part, part.hidden, part.dataset.ready]);
            for (const details of folded) details.open = true;
            for (const [part] of withheld) {{
                part.hidden = false;
                part.dataset.ready = "";
            }}
            const found = ({what})();
            for (const details of folded) details.open = false;
            for (const [part, hidden, ready] of withheld) {{
                part.hidden = hidden;
                if (ready === undefined) delete part.dataset.ready;
            }}
            return found;
        }}"""
    )


# The next two are asked of a page while tests/test_pages_browser.py visits it.


def assert_letters_of_figures_are_legible(tab: Any) -> None:
    """On a phone."""
    found = measured(tab, LETTERS)
    panels = tab.locator(".hnn-panels").count()
    assert [letters for letters, *_ in found if letters < 10.95] == []
    assert sum(stacked for _, stacked, _ in found) >= 2 * panels
    assert all(height > 40 for *_, height in found)


def assert_lines_of_text_and_code_have_their_measure(tab: Any) -> None:
    """On a desk."""
    tab.evaluate("document.fonts.ready.then(() => 0)")
    assert measured(tab, WIDE) == []
    letters = measured(tab, LINES)
    assert letters
    mean = sum(letters) / len(letters)
    assert 66 < mean < 78, mean


def test_panels_stand_side_by_side_where_there_is_room(site: str, browser: Any) -> None:
    with open_page(browser, f"{site}/book/hnn_mass_spring.html", width=1280) as (tab, _):
        assert tab.locator(".hnn-panels").count() > 0
        assert not any(stacked for _, stacked, _ in measured(tab, LETTERS))


def test_small_panels_share_a_row_on_a_phone_at_one_scale(site: str, browser: Any) -> None:
    with open_page(browser, f"{site}/book/pixel_pendulum.html", width=390) as (tab, _):
        figures = measured(
            tab,
            """() => [...document.querySelectorAll(".hnn-panels")].map((figure) =>
                [...figure.querySelectorAll(".hnn-window")].map((svg) => {
                    const box = svg.getBoundingClientRect();
                    return [box.top, box.width / svg.viewBox.baseVal.width];
                }))""",
        )
    four, film = ([[top for top, _ in each], {round(k, 2) for _, k in each}] for each in figures)
    assert [four[0].count(top) for top in sorted(set(four[0]))] == [2, 2]
    assert [film[0].count(top) for top in sorted(set(film[0]))] == [2, 2, 1]
    assert len(four[1]) == len(film[1]) == 1


@pytest.mark.parametrize("over", ["http", "file"])
def test_a_term_and_a_work_are_shown_before_one_follows_them(
    html: Path, site: str, browser: Any, over: str
) -> None:
    root = site if over == "http" else html.as_uri()
    with open_page(browser, f"{root}/book/hnn_mass_spring.html") as (tab, log):
        card = tab.locator(".hnn-preview")
        term = tab.locator("article section > p a[href*='glossary.html#']:visible").first
        term.scroll_into_view_if_needed()
        expect(card).to_have_count(0)
        term.hover()
        expect(card).to_be_visible()
        assert len(card.inner_text()) > 30
        expect(term).to_have_attribute("aria-describedby", "hnn-preview")
        # It can be read with the pointer on it, and goes with Escape or when the pointer leaves.
        card.hover()
        tab.wait_for_timeout(400)
        expect(card).to_be_visible()
        tab.keyboard.press("Escape")
        expect(card).to_have_count(0)
        work = tab.locator("article a[href*='bibliography.html#']:visible").first
        work.scroll_into_view_if_needed()
        tab.mouse.move(2, 300)
        tab.keyboard.press("Tab")
        work.evaluate("link => link.focus({ focusVisible: true })")
        expect(card).to_be_visible()
        box = card.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= tab.viewport_size["width"]
        tab.keyboard.press("Tab")
        expect(card).to_have_count(0)
        log.assert_clean()


@pytest.mark.parametrize("word", ["momentum", "symplectic", "drift"])
def test_search_shows_what_explains_before_what_trains(site: str, browser: Any, word: str) -> None:
    with open_page(browser, f"{site}/search.html?q={word}") as (tab, log):
        results = tab.locator("#search-results ul.search > li")
        tab.wait_for_function(
            "/found|finished/.test(document.querySelector('.search-summary')?.textContent)"
        )
        tab.wait_for_function("document.querySelector('#search-results li p.context') !== null")
        addresses = results.locator("a").evaluate_all(
            "all => all.map((a) => a.getAttribute('href'))"
        )
        last_reading = max(k for k, a in enumerate(addresses) if _explains(a))
        first_other = min((k for k, a in enumerate(addresses) if not _explains(a)), default=999)
        assert any(_explains(address) for address in addresses[:3])
        assert last_reading < first_other, addresses
        for text in results.locator("p.context").all_inner_texts():
            assert "Show the code" not in text
            assert "\\(" not in text
            assert "import " not in text
        log.assert_clean()


def _explains(address: str) -> bool:
    training = ("exercises/", "solutions/", "book/reference/", "genindex", "firmness", "how_run")
    return not any(part in address for part in (*training, "book/cite", "book/bibliography"))
