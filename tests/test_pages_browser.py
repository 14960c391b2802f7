"""The built book in a browser: quiet, accessible, legible in every theme and at every width."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from json import dumps, loads
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from browser_tools import COLOUR_RULES, FRAME, axe_violations, note_looks, open_page
from downloads import serve
from playwright.sync_api import expect
from test_pages import CHAPTERS, EXECUTED, LANDING, PAGES, ROOT, article
from test_reading_browser import (
    assert_letters_of_figures_are_legible,
    assert_lines_of_text_and_code_have_their_measure,
)

# What a first visit may load, in bytes as a host would compress them: the landing page, any other.
LANDING_BUDGET, PAGE_BUDGET = 400_000, 1_000_000
# What may jump while a page is read to its end, at the pace of a machine: what browsers call good.
SHIFT = 0.1

# Two findings of the theme itself, in its header and side bar (not in the text of a page).
THEME_FINDINGS = {"label-content-name-mismatch", "region"}


@pytest.fixture(scope="module")
def site(html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the built book on a host that keeps it below its root."""
    root = tmp_path_factory.mktemp("host")
    (root / "below").mkdir()
    (root / "below" / "the root").symlink_to(html, target_is_directory=True)
    with serve(root) as address:
        yield f"{address}/below/the%20root"


def scroll_through(tab: Any) -> bool:
    """Show every part of a page once, so that what starts when it is seen has started.

    Return whether there were frames to the end.
    """
    seen: bool = tab.evaluate(
        f"async () => {{ {FRAME}"
        """
            for (let y = 0; y < document.body.scrollHeight; y += innerHeight) {
                scrollTo(0, y);
                // Two frames: what a page watches for has been told after the first.
                for (let k = 0; k < 2; k++) if (!await frame()) return false;
                // A reader stays until what comes next has started.
                const waits = (e) => {
                    const { top, bottom, height } = e.getBoundingClientRect();
                    const near = bottom > -innerHeight && top < 2 * innerHeight;
                    return height > 0 && near && e.checkVisibility();
                };
                for (let k = 0; k < 60; k++) {
                    if (![...document.querySelectorAll("[aria-busy=true]")].some(waits)) break;
                    if (!await frame()) return false;
                }
            }
            scrollTo(0, 0);
            return true;
        }"""
    )
    tab.wait_for_load_state("networkidle")
    return seen


@pytest.mark.parametrize("name", [*PAGES, "search"])
def test_page_is_quiet_light_self_contained_and_accessible(
    html: Path, site: str, browser: Any, name: str
) -> None:
    """All that is asked of every page, in one visit: a visit and its scrolling are what costs."""
    for _ in range(2):
        with open_page(browser, f"{site}/{name}.html", width=390, scheme="dark") as (tab, log):
            tab.add_style_tag(content="* { transition: none !important; }")
            if scroll_through(tab):
                assert_all_is_well(tab, log, html, site, name)
                return
    pytest.fail("for 20 s no frame was drawn, in two visits")


def test_a_page_without_frames_is_told(
    site: str, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "FRAME", FRAME.replace("20_000", "2_000"))
    with open_page(browser, f"{site}/{LANDING}.html") as (tab, _):
        assert scroll_through(tab)
        tab.evaluate("window.requestAnimationFrame = () => 0")
        assert not scroll_through(tab)


def assert_all_is_well(tab: Any, log: Any, html: Path, site: str, name: str) -> None:
    if name != "search" and article(html, name).select(".math"):
        assert_maths_is_rendered(tab)
    assert_nothing_jumps(tab)
    for width in (390, 1280):
        tab.set_viewport_size({"width": width, "height": 900})
        assert_no_wider_than(tab, width)
        if width == 390 and name in EXECUTED:
            assert_letters_of_figures_are_legible(tab)
        if width == 1280 and name in CHAPTERS:
            assert_lines_of_text_and_code_have_their_measure(tab)
    # What is folded away is read too, once it is opened.
    tab.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    # The theme lays a pale sheet under images, which hides what is drawn for a dark page.
    sheets = tab.eval_on_selector_all(
        "article .cell_output img",
        "all => all.map((i) => getComputedStyle(i)).map((s) => [s.backgroundColor, s.filter])",
    )
    assert all(sheet == ["rgba(0, 0, 0, 0)", "none"] for sheet in sheets), sheets
    keep_one_of_each(tab)
    note_looks(tab)
    follow_the_system(tab, "light")
    note_looks(tab)
    loaded = loaded_by(tab)
    # An icon that is not in the book's own style sheet would load the theme's fonts.
    assert [address for address in loaded if "fontawesome" in address] == []
    assert_light(html, site, name, loaded)
    # Now, since axe-core itself loads style sheets, and not always from where they are.
    log.assert_clean()
    assert findings(tab) == []
    follow_the_system(tab, "dark")
    assert findings(tab, COLOUR_RULES) == []


def assert_maths_is_rendered(tab: Any) -> None:
    # The first one may wait behind a question.
    tab.wait_for_selector("mjx-container", state="attached")
    tab.evaluate("MathJax.startup.promise")
    raw = "e => [...e].filter(m => !m.querySelector('mjx-container')).map(m => m.textContent)"
    assert tab.eval_on_selector_all("article .math", raw) == []
    assert tab.locator("mjx-merror, [data-mjx-error]").count() == 0


def assert_no_wider_than(tab: Any, width: int) -> None:
    wide = tab.evaluate("document.scrollingElement.scrollWidth")
    assert wide <= width, tab.evaluate(
        """(width) => [...document.querySelectorAll('article *')]
            .filter((e) => e.getBoundingClientRect().right > width)
            .map((e) => e.outerHTML.slice(0, 120)).slice(0, 5)""",
        width,
    )


def assert_nothing_jumps(tab: Any) -> None:
    """What has been read stays where it is: the sum of layout shifts, as browsers count them.

    What moves inside a lab is its picture; a lab that changes its height moves what is around it.
    """
    shifts = tab.evaluate(
        """() => new Promise((done) => new PerformanceObserver((list) => done(
            list.getEntries().filter((e) => !e.hadRecentInput && e.sources.some(({ node }) =>
                node && !(node.closest ? node : node.parentElement)?.closest(".hnn-lab")
            )).map((e) => [
                e.value, e.sources.map((s) => s.node?.outerHTML?.slice(0, 80) ?? "text")])
        )).observe({ type: "layout-shift", buffered: true })
            || setTimeout(() => done([]), 200))"""
    )
    assert sum(value for value, _ in shifts) < SHIFT, sorted(shifts, reverse=True)[:3]


def assert_light(html: Path, site: str, name: str, loaded: list[str]) -> None:
    """All that was loaded until the page had been read to its end, as gzip would send it."""
    addresses = {f"{site}/{name}.html", *loaded}
    paths = {urlsplit(address).path for address in addresses if address.startswith(site)}
    files = [html / Path(path).relative_to(urlsplit(site).path) for path in paths]
    weights = {path.name: len(gzip.compress(path.read_bytes())) for path in files}
    assert len(weights) > 15
    budget = LANDING_BUDGET if name == LANDING else PAGE_BUDGET
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:5]
    assert sum(weights.values()) <= budget, heaviest


def keep_one_of_each(tab: Any) -> None:
    """Leave one word of code of each kind, one formula, and no bare lines in a figure.

    The others look alike to axe-core, which reads thousands of them in a chapter.
    """
    tab.evaluate(
        """() => {
            const seen = new Set();
            for (const word of document.querySelectorAll(".highlight pre span")) {
                if (word.children.length) continue;
                const block = word.closest(".highlight").parentElement;
                const kind = `${word.className} in ${block.className}`;
                if (seen.has(kind)) word.replaceWith(word.textContent);
                seen.add(kind);
            }
            const formulas = [...document.querySelectorAll("mjx-math")];
            for (const formula of formulas.slice(1)) formula.remove();
            const shapes = "path, use, rect, circle, ellipse, line, polyline, polygon";
            for (const shape of document.querySelectorAll(`.hnn-figure svg :is(${shapes})`)) {
                // What says something to a screen reader, or is called by it, stays.
                const says = /^(aria-.*|role|tabindex|lang|title)$/;
                const bare = !shape.children.length
                    && !shape.getAttributeNames().some((name) => says.test(name));
                if (bare) shape.remove();
            }
        }"""
    )


def follow_the_system(tab: Any, scheme: str) -> None:
    """Change the colours that the system asks for, and wait for the page to take them."""
    tab.emulate_media(color_scheme=scheme)
    tab.wait_for_function(f"document.documentElement.dataset.theme === '{scheme}'")


def loaded_by(tab: Any) -> list[str]:
    """The addresses of all that a page has loaded, besides itself."""
    return tab.evaluate("performance.getEntriesByType('resource').map((r) => r.name)")


def findings(tab: Any, rules: tuple[str, ...] = ()) -> list[str]:
    """What axe-core objects to, less the two known findings of the theme outside the article."""
    found = []
    for violation in axe_violations(tab, rules):
        for node in violation["nodes"]:
            ours = tab.evaluate(
                "(target) => !!document.querySelector(target)?.closest('article.bd-article')",
                node["target"][0],
            )
            if ours or violation["id"] not in THEME_FINDINGS:
                found.append(f"{violation['id']}: {node['html'][:200]} ({node['failureSummary']})")
    return found


PALE = """<!doctype html><html lang="en"><head><title>Pale</title><style>
html { --page: #fff; --text: #222; }
html.dark { --page: #121212; --text: #ddd; }
body { background: var(--page); color: var(--text); }
a { color: var(--text); }
</style></head><body><main><h1>Pale</h1>PARAGRAPHS</main>
<nav><ul>LINKS</ul></nav></body></html>"""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("place", ["word", "paragraph", "link"])
def test_one_pale_text_among_many_is_found(browser: Any, theme: str, place: str) -> None:
    """As the fiftieth of its kind, pale in one theme only; and none where none is pale.

    No label of a drawing: axe-core cannot tell what lies behind it, and leaves it undecided.
    """
    parts = {
        "word": [f"<p>Some text with <b>a word {k}</b> in it.</p>" for k in range(60)],
        "paragraph": [f"<p>Another line of text, number {k}.</p>" for k in range(60)],
        "link": [f'<li><a href="#{k}">the page {k}</a></li>' for k in range(60)],
    }
    pale = {"light": "#aaa", "dark": "#555"}[theme]
    rule = ".dark #odd" if theme == "dark" else "html:not(.dark) #odd"
    tag = {"word": "b", "paragraph": "p", "link": "a"}[place]
    with open_page(browser, "about:blank") as (tab, _):
        for odd in (False, True):
            if odd:
                parts[place][49] = parts[place][49].replace(f"<{tag}", f'<{tag} id="odd"')
            tab.set_content(
                PALE.replace("PARAGRAPHS", "".join(parts["word"] + parts["paragraph"]))
                .replace("LINKS", "".join(parts["link"]))
                .replace("</style>", f"{rule} {{ color: {pale}; }}</style>")
            )
            for now in ("dark", "light"):
                tab.evaluate(f"document.documentElement.className = '{now}'")
                note_looks(tab)
            found = {}
            for now in ("light", "dark"):
                tab.evaluate(f"document.documentElement.className = '{now}'")
                found[now] = findings(tab, COLOUR_RULES)
            if odd:
                [finding] = found.pop(theme)
                assert 'id="odd"' in finding
            assert not any(found.values())


def test_icons_are_drawn(site: str, browser: Any) -> None:
    with open_page(browser, f"{site}/{LANDING}.html") as (tab, _):
        tab.evaluate("document.fonts.ready.then(() => 0)")
        icons = tab.evaluate(
            """[...document.querySelectorAll("i[class*=fa-]")].map((icon) => {
                const { content, fontFamily, fontWeight } = getComputedStyle(icon, "::before");
                return [content, fontFamily.replaceAll('"', ""), fontWeight];
            })"""
        )
        fonts = tab.evaluate(
            """[...document.fonts].filter((font) => font.status === "loaded")
                .map((font) => [font.family.replaceAll('"', ""), font.weight])"""
        )
        assert [address for address in loaded_by(tab) if "fontawesome" in address] == []
    assert len(icons) > 10
    # One letter between quotes, of a font that is there.
    assert [icon for icon in icons if len(icon[0]) != 3 or icon[1:] not in fonts] == []


def test_a_dark_page_is_printed_on_white_with_the_pictures_of_its_labs(
    site: str, browser: Any
) -> None:
    with open_page(browser, f"{site}/book/pendulum.html", scheme="dark") as (tab, _):
        assert scroll_through(tab)
        tab.evaluate(
            """window.seen = [];
            for (const name of ["beforeprint", "afterprint"])
                addEventListener(name, () => seen.push(document.documentElement.dataset.theme))"""
        )
        tab.pdf()
        tab.wait_for_function("seen.length === 2")
        assert tab.evaluate("seen") == ["light", "dark"]

        tab.emulate_media(media="print")
        tab.set_viewport_size({"width": 680, "height": 960})
        hidden = (
            "#pst-primary-sidebar, #pst-secondary-sidebar, .prev-next-footer, .bd-header-article"
        )
        for part in tab.locator(f"{hidden}, #jb-print-toc, .hnn-card").all():
            expect(part).to_be_hidden()
        pictures = tab.locator(".hnn-picture, .hnn-widget-picture")
        assert pictures.count() >= 3
        for picture in pictures.all():
            expect(picture).to_be_visible()
        cut = (
            "all => all.filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent)"
        )
        assert tab.eval_on_selector_all("article pre", cut) == []


def test_the_book_opens_from_its_folder_without_a_server(html: Path, browser: Any) -> None:
    with open_page(browser, (html / "index.html").as_uri()) as (tab, log):
        tab.wait_for_url(f"**/{LANDING}.html")
        assert scroll_through(tab)
        assert tab.locator("article h1").count() == 1
        log.assert_clean()


@pytest.mark.parametrize("over", ["http", "file"])
def test_search_finds_a_page(site: str, html: Path, browser: Any, over: str) -> None:
    root = site if over == "http" else html.as_uri()
    with open_page(browser, f"{root}/search.html?q=momentum") as (tab, log):
        result = tab.locator("#search-results ul.search li a").first
        result.wait_for()
        result.click()
        tab.wait_for_selector("article")
        assert "momentum" in tab.inner_text("article").lower()
        log.assert_clean()


@pytest.mark.parametrize("word", ["gradient", "bracket"])
def test_search_shows_formulas_as_text(site: str, browser: Any, word: str) -> None:
    with open_page(browser, f"{site}/search.html?q={word}") as (tab, log):
        tab.locator("#search-results li .context").nth(3).wait_for()
        # They come one by one, until the heading is no longer that of a search.
        expect(tab.locator("#search-results h2").first).to_have_text("Search Results")
        shown = " ".join(tab.locator("#search-results .context").all_inner_texts())
        assert "\\" not in shown
        assert re.search("[∂ΩΔθ∇ωq̇]", shown), "no formula among the results"
        log.assert_clean()


def test_reader_can_change_the_theme(site: str, browser: Any) -> None:
    with open_page(browser, f"{site}/{LANDING}.html") as (tab, _):
        seen = set()
        for _ in range(3):
            tab.locator("button.theme-switch-button:visible").first.click()
            seen.add(tab.evaluate("document.documentElement.dataset.theme"))
        assert seen == {"light", "dark"}


# --- the lab on the landing page -----------------------------------------------------------------


@pytest.fixture
def lab(site: str, browser: Any) -> Iterator[Any]:
    """The landing page's lab, stopped, so that it tells its end, with its first result spoken."""
    with open_page(browser, f"{site}/{LANDING}.html") as (tab, log):
        found = tab.locator(".hnn-lab").first
        found.scroll_into_view_if_needed()
        pause = found.locator(".hnn-primary")
        expect(pause).to_have_text("Pause")
        pause.click()
        found.locator(".hnn-status").filter(has_text="energy").wait_for(timeout=10_000)
        yield found
        log.assert_clean()


def status_after(lab: Any, before: str) -> str:
    """What the lab's status line says once it no longer says `before`."""
    status = lab.locator(".hnn-status")
    expect(status).not_to_have_text(before)
    return status.inner_text()


def energy_errors(status: str) -> dict[str, float]:
    """The absolute energy errors in percent that a status line names, by motion."""
    found = re.findall(r"[+−]?([\d.]+)\s(%|times) \((\w+)\)", status)
    return {name: float(value) * {"%": 1, "times": 100}[unit] for value, unit, name in found}


def test_lab_shows_that_the_hnn_keeps_the_energy(lab: Any) -> None:
    errors = energy_errors(lab.locator(".hnn-status").inner_text())
    assert errors["HNN"] < errors["baseline"]


def test_lab_follows_the_mouse(lab: Any) -> None:
    before = lab.locator(".hnn-status").inner_text()
    knob = lab.locator(".hnn-handle-start")
    box = knob.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    mouse = lab.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x - 40, y - 20, steps=5)
    mouse.up()
    after = status_after(lab, before)
    assert after.split(":")[0] != before.split(":")[0], "the start did not move"
    assert energy_errors(after) != energy_errors(before), "the numbers did not follow"


def test_lab_follows_the_keyboard(lab: Any) -> None:
    before = lab.locator(".hnn-status").inner_text()
    knob = lab.locator(".hnn-handle-start")
    knob.focus()
    value = float(knob.get_attribute("aria-valuenow"))
    for _ in range(5):
        knob.press("ArrowLeft")
    assert float(knob.get_attribute("aria-valuenow")) < value
    assert energy_errors(status_after(lab, before)) != energy_errors(before)


# --- your progress, and an address without a page -----------------------------------------------


def predictions(path: Path) -> int:
    """How many questions the code of a notebook asks."""
    cells = loads(path.read_text(encoding="utf-8"))["cells"]
    code = "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    return len(re.findall(r"\bask\.(?:choice|number|curve|point)\(", code))


def test_progress_is_shown_and_cleared_on_one_page(site: str, browser: Any) -> None:
    # What the chapters ask for, in the order of the book.
    asked = {name: predictions(ROOT / f"{name}.ipynb") for name in CHAPTERS}
    names = [name.removeprefix("book/") for name, count in asked.items() if count]
    assert len(names) > 5
    with open_page(browser, f"{site}/book/progress.html") as (tab, log):
        place = tab.locator("#hnn-progress")
        expect(place).to_contain_text("You have not answered any so far.")
        rows = place.locator("tbody tr")
        expect(rows).to_have_count(len(names))
        links = rows.locator("a").evaluate_all("links => links.map(link => link.href)")
        assert [link.rpartition("/")[2] for link in links] == [f"{name}.html" for name in names]
        told = rows.locator("td:nth-child(2)").all_inner_texts()
        assert told == [f"0 of {asked[f'book/{name}']}" for name in names]
        expect(place.get_by_role("button")).to_have_count(0)
        kept = {
            "open": False,
            "chapters": {
                "pendulum": {"a": {"guess": 1, "right": False}, "b": {"passed": True}},
                "integrators": {"c": {"guess": 0, "right": True}, "d": {"guess": 2, "right": True}},
            },
        }
        tab.evaluate("kept => localStorage.setItem('hnn-tutorial.predictions', kept)", dumps(kept))
        tab.reload()
        expect(place).to_contain_text("You predicted 2 of 3.")
        expect(rows).to_have_count(len(names))
        for name, title, given, right in (
            ("integrators", "Integrators", 2, 2),
            ("pendulum", "The pendulum", 1, 0),
        ):
            row = rows.nth(names.index(name))
            expect(row).to_contain_text(title)
            cells = row.locator("td").all_inner_texts()
            assert cells[1:] == [f"{given} of {asked[f'book/{name}']}", f"{right}"]
        place.get_by_label("Hold nothing back").check()
        assert '"open":true' in tab.evaluate("localStorage['hnn-tutorial.predictions']")
        # It asks once more: Playwright presses Cancel unless it is told otherwise.
        place.get_by_role("button").click()
        expect(place).to_contain_text("You predicted 2 of 3.")
        tab.once("dialog", lambda dialog: dialog.accept())
        place.get_by_role("button").click()
        expect(place).to_contain_text("You have not answered any so far.")
        assert tab.evaluate("localStorage['hnn-tutorial.predictions'] ?? null") is None
        log.assert_clean()


def test_progress_outlives_what_is_no_progress(site: str, browser: Any) -> None:
    with open_page(browser, f"{site}/book/progress.html") as (tab, log):
        for kept in ("no JSON", "null", "[]", '{"chapters": 3}'):
            tab.evaluate("kept => localStorage.setItem('hnn-tutorial.predictions', kept)", kept)
            tab.reload()
            place = tab.locator("#hnn-progress")
            expect(place).to_contain_text("You have not answered any so far.")
        log.assert_clean()


def test_an_address_without_a_page_leads_back(html: Path, site: str, browser: Any) -> None:
    with open_page(browser, f"{site}/404.html") as (tab, log):
        expect(tab.get_by_role("heading")).to_have_text("There is no page at this address")
        # Shown at any address, so it may not lean on where it stands.
        links = tab.eval_on_selector_all(
            "a, form", "all => all.map((e) => e.getAttribute('href') ?? e.getAttribute('action'))"
        )
        assert links
        for link in links:
            assert link.startswith("https://")
            assert (html / "/".join(urlsplit(link).path.split("/")[2:])).is_file()
        assert findings(tab) == []
        log.assert_clean()
