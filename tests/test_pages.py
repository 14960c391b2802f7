"""Quality gates on the built book: what a reader meets in `_build/html`, and how it got there."""

from __future__ import annotations

import gzip
import os
import re
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import build_book
import downloads
import nbformat
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from browser_tools import open_page
from bs4 import BeautifulSoup, Tag
from downloads import serve
from jupyter_cache import get_cache
from matplotlib.image import imread
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    path.relative_to(ROOT).with_suffix("").as_posix(): path for path in build_book.pages(ROOT)
}
PAGES = list(SOURCES)
EXECUTED = [name for name, path in SOURCES.items() if path in build_book.executed_pages(ROOT)]
NOT_EXECUTED = [
    name
    for name, path in SOURCES.items()
    if name not in EXECUTED and build_book.read_notebook(path) is not None
]
LANDING = PAGES[0]
CHAPTERS = [
    name for name, path in SOURCES.items() if name.startswith("book/") and path.suffix == ".ipynb"
]
REPOSITORY = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]

# What a first visit may load, in bytes as a host would compress them: the landing page, a chapter.
BUDGETS = {LANDING: 400_000, "book/pendulum": 1_000_000}

every_page = pytest.mark.parametrize("name", PAGES)

# What a tag loads by itself when its page opens; a link that a reader follows is none of these.
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
LOADED_LINKS = {"stylesheet", "preload", "prefetch", "preconnect", "icon", "modulepreload"}

# Two findings of the theme itself, in its header and side bar (not in the text of a page).
THEME_FINDINGS = {"label-content-name-mismatch", "region"}

PROGRESS_BAR = re.compile(r"(\d+%\||\d+(\.\d+)?[kMG]?(it|B)? \[).*\]$")


@pytest.fixture(scope="module")
def site(html: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the built book on a host that keeps it below its root."""
    root = tmp_path_factory.mktemp("host")
    (root / "below").mkdir()
    (root / "below" / "the root").symlink_to(html, target_is_directory=True)
    with serve(root) as address:
        yield f"{address}/below/the%20root"


@cache
def parsed(path: Path) -> BeautifulSoup:
    """The built page; every test of a page reads the same tree."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def page(html: Path, name: str) -> BeautifulSoup:
    """The tree of one page by its name in `_toc.yml`."""
    path = html / f"{name}.html"
    assert path.is_file(), f"{name} is in _toc.yml but was not built: run `make book`"
    return parsed(path)


def article(html: Path, name: str) -> Tag:
    """The part of a page that the project wrote; the rest is the theme's."""
    found = page(html, name).find("article", class_="bd-article")
    assert isinstance(found, Tag)
    return found


def scroll_through(tab: Any) -> None:
    """Show every part of a page once, so that what starts when it is seen has started."""
    tab.evaluate(
        """async () => {
            for (let y = 0; y < document.body.scrollHeight; y += innerHeight / 2) {
                scrollTo(0, y);
                await new Promise((resolve) => setTimeout(resolve, 40));
            }
            scrollTo(0, 0);
        }"""
    )
    tab.wait_for_load_state("networkidle")


# --- the pages as files --------------------------------------------------------------------------


@every_page
def test_internal_links_and_anchors_exist(html: Path, name: str) -> None:
    here = html / f"{name}.html"
    broken = []
    for tag in page(html, name).find_all(["a", "link", "script", "img", "source"]):
        address = tag.get("href") or tag.get("src")
        parts = urlsplit(address or "")
        if not address or parts.scheme or parts.netloc:
            continue
        target = (here.parent / unquote(parts.path)).resolve() if parts.path else here
        if not target.is_file():
            broken.append(address)
        elif parts.fragment and target.suffix == ".html":
            anchor = unquote(parts.fragment)
            if not parsed(target).find(attrs={"id": anchor}):
                broken.append(address)
    assert broken == []


@every_page
def test_nothing_is_loaded_from_another_host(html: Path, name: str) -> None:
    outside = []
    for tag in page(html, name).find_all([*LOADED, "link"]):
        if tag.name == "link" and not LOADED_LINKS & set(tag.get("rel", [])):
            continue
        address = tag.get("href" if tag.name == "link" else LOADED[tag.name]) or ""
        if urlsplit(address).netloc:
            outside.append(address)
    assert outside == []


def test_no_style_sheet_loads_from_another_host(html: Path) -> None:
    outside = []
    for path in html.rglob("*.css"):
        text = path.read_text(encoding="utf-8", errors="replace")
        outside += [
            f"{path.name}: {m}"
            for m in re.findall(r"(?:url\(|@import )['\"]?(https?:[^)'\"]+)", text)
        ]
    assert outside == []


@every_page
def test_every_image_says_what_it_shows(html: Path, name: str) -> None:
    for image in article(html, name).find_all(["img", "object"]):
        text = (image.get("alt") or "").strip()
        # Without an alternative text, the address of the image stands in its place.
        assert len(text) >= 10, f"no alternative text: {image.get('src')}"
        assert not text.endswith((".png", ".svg", ".jpg")), f"no alternative text: {text}"


@every_page
def test_every_picture_is_a_figure_with_a_number_and_a_caption(html: Path, name: str) -> None:
    for image in article(html, name).find_all(["img", "object"]):
        # What an exercise expects is no figure of its own: the solution numbers it.
        if name.startswith("exercises/") and image.find_parent("details"):
            continue
        figure = image.find_parent("figure")
        assert figure is not None, f"not a figure: {image.get('alt')}"
        caption = figure.find("figcaption")
        assert caption is not None, f"no caption: {image.get('alt')}"
        for part in ("caption-number", "caption-text"):
            found = caption.find(class_=part)
            assert found is not None, f"no {part}: {caption.get_text()}"
            assert found.get_text(strip=True), f"empty {part}: {image.get('alt')}"


@every_page
def test_one_title(html: Path, name: str) -> None:
    assert len(article(html, name).find_all("h1")) == 1


@pytest.mark.parametrize("name", NOT_EXECUTED)
def test_exercises_are_shown_unexecuted(html: Path, name: str) -> None:
    assert article(html, name).select(".cell_input")
    assert article(html, name).select(".cell_output") == []


@pytest.mark.parametrize("name", EXECUTED)
def test_executed_pages_show_results(html: Path, name: str) -> None:
    assert article(html, name).select(".cell_output")


@every_page
def test_launch_button_names_this_notebook(html: Path, name: str) -> None:
    links = [
        str(tag["href"])
        for tag in page(html, name).find_all("a", href=True)
        if urlsplit(str(tag["href"])).netloc == "colab.research.google.com"
    ]
    if SOURCES[name].suffix != ".ipynb":
        assert links == []
    else:
        assert links
        for link in links:
            assert link.endswith(f"/blob/main/{name}.ipynb"), link


@pytest.mark.parametrize("name", [name for name in PAGES if name != "genindex"])
def test_edit_and_issue_buttons_name_this_page(html: Path, name: str) -> None:
    links = page(html, name).select(".article-header-buttons a[href]")
    found = {link.get_text(strip=True): str(link["href"]) for link in links}
    # An exercise is derived from its solution, so that is the file to edit.
    source = SOURCES[name].relative_to(ROOT).as_posix().replace("exercises/", "solutions/")
    assert found["Suggest edit"] == f"{REPOSITORY}/edit/main/{source}"
    assert found["Open issue"].startswith(f"{REPOSITORY}/issues/new?title=")
    assert f"/{name}.html" in unquote(found["Open issue"])


def test_every_page_leads_to_the_one_before_and_the_one_after(html: Path) -> None:
    def leads_to(name: str, direction: str) -> str | None:
        link = page(html, name).select_one(f".prev-next-area a.{direction}")
        target = (html / name).parent / str(link["href"]) if link else None
        return os.path.relpath(target, html).removesuffix(".html") if target else None

    # The index is a page of Sphinx's own, outside of the order.
    order = [name for name in PAGES if name != "genindex"]
    assert [leads_to(name, "right-next") for name in order[:-1]] == order[1:]
    assert [leads_to(name, "left-prev") for name in order[1:]] == order[:-1]


@every_page
def test_mathjax_is_loaded_where_there_is_a_formula(html: Path, name: str) -> None:
    loaded = page(html, name).select('script[src*="mathjax"]')
    assert bool(loaded) == bool(article(html, name).select(".math"))


# --- the contents of the landing page ------------------------------------------------------------


def first_cell(path: Path) -> str:
    """The first words of a notebook, on one line and without the marks of Markdown."""
    cells = nbformat.read(path, nbformat.NO_CONVERT).cells
    text = next(cell.source for cell in cells if cell.cell_type == "markdown")
    return " ".join(re.sub(r"\]\([^)]*\)|[\[*$]", "", text).split())


def plain(text: str) -> str:
    """Words without what typesetting changes (quotes, dashes, formulas)."""
    return " ".join(re.findall(r"[A-Za-z]{2,}", text))


@pytest.mark.parametrize("name", CHAPTERS)
def test_contents_say_how_long_a_chapter_takes_and_what_it_needs(html: Path, name: str) -> None:
    [entry] = (
        item
        for item in article(html, LANDING).select(".hnn-chapter")
        if item.a["href"] == f"{Path(name).name}.html"
    )
    # Its title, one sentence on what it does, how long it takes, what it needs.
    title, does, times, needs = (" ".join(line.get_text().split()) for line in entry("p"))
    opening = first_cell(SOURCES[name])
    assert plain(opening).startswith(f"{plain(title)} What you will learn")
    assert len(does) > 20
    own = re.search(r"How long it takes: (about .*? minutes)", opening)
    exercises = first_cell(ROOT / "exercises" / SOURCES[name].name)
    theirs = re.search(r"It takes (about .*?)[;.]", exercises)
    assert times == f"Takes {own[1]}. Exercises ({theirs[1]}) · Solutions"
    what = re.search(r"What you need: (.*?) (?:Symbols are those|How long it takes)", opening)
    assert plain(needs) == plain(f"Needs {what[1]}")


def test_contents_have_every_part_and_page_of_the_toc(html: Path) -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    shown = [
        (
            part.select_one(".rubric").get_text(),
            [
                os.path.normpath(Path(LANDING).parent / e.a["href"])
                for e in part(class_="hnn-chapter")
            ],
        )
        for part in article(html, LANDING).select(".hnn-part")
    ]
    assert shown == [
        (part["caption"], [f"{chapter['file']}.html" for chapter in part["chapters"]])
        for part in toc["parts"]
    ]


# --- what a link to a page shows elsewhere -------------------------------------------------------


def described(html: Path, name: str) -> dict[str, str]:
    """A page's description and the properties of its card."""
    tags = parsed(html / f"{name}.html").head.find_all("meta", content=True)
    return {tag.get("property") or tag.get("name"): tag["content"] for tag in tags}


@pytest.mark.parametrize("name", ["index", *PAGES])
def test_every_page_has_a_card(html: Path, name: str) -> None:
    card = described(html, name)
    owner, project = REPOSITORY.split("/")[-2:]
    address = f"https://{owner}.github.io/{project}/"
    assert card["og:url"] == f"{address}{LANDING if name == 'index' else name}.html"
    assert len(card["og:title"]) >= 3
    assert 20 < len(card["og:description"]) <= 202
    assert card["description"] == card["og:description"]
    picture = imread(html / card["og:image"].removeprefix(address))
    height, width = picture.shape[:2]
    assert (card["og:image:width"], card["og:image:height"]) == (str(width), str(height))


def test_cards_of_chapters_tell_them_apart(html: Path) -> None:
    assert len({described(html, name)["og:description"] for name in CHAPTERS}) == len(CHAPTERS)


# --- downloads -----------------------------------------------------------------------------------


def test_landing_page_offers_the_downloads(html: Path) -> None:
    links = article(html, LANDING).select("#downloads a")
    offered = [(html / LANDING).parent / str(link["href"]) for link in links]
    assert all(path.is_file() for path in offered)
    assert {path.resolve() for path in offered} == set((html.resolve() / "downloads").iterdir())
    assert offered[0].suffix == ".zip"


def test_zip_holds_the_notebooks_as_they_are_and_what_they_link_to(html: Path) -> None:
    with zipfile.ZipFile(html / "downloads" / "hnn-tutorial-notebooks.zip") as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    assert f"git+{REPOSITORY}" in files.pop("hnn-tutorial/README.md").decode()
    files = {name.removeprefix("hnn-tutorial/"): data for name, data in files.items()}
    # In exercises/ a learner may have worked; what is packed there was derived.
    kept = {name: data for name, data in files.items() if not name.startswith("exercises/")}
    assert {name for name, data in kept.items() if (ROOT / name).read_bytes() != data} == set()
    assert set(files) >= {
        path.relative_to(ROOT).as_posix() for path in SOURCES.values() if path.suffix == ".ipynb"
    }
    for name in files:
        for target in re.findall(r"\]\(([\w./]+\.(?:md|ipynb))[)#]", files[name].decode()):
            if name.endswith(".ipynb"):
                assert os.path.normpath(Path(name).parent / target) in files, (name, target)


def test_without_chromium_there_is_no_pdf_and_no_link_to_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    front = tmp_path / "book" / "intro.html"
    front.parent.mkdir()
    front.write_text(
        '<head></head><article class="bd-article"><ul id="downloads"><li>none</li></ul></article>'
    )
    old = tmp_path / "downloads" / "hnn-tutorial.pdf"
    old.parent.mkdir()
    old.write_bytes(b"of an earlier build")
    monkeypatch.setenv("CHROMIUM", "/nowhere/chromium")
    downloads.offer(ROOT, tmp_path, ["book/intro"], printing=True)
    assert "no PDF of the book" in capsys.readouterr().out
    assert not old.exists()
    links = BeautifulSoup(front.read_text(), "html.parser").select("#downloads a")
    assert [link["href"] for link in links] == ["../downloads/hnn-tutorial-notebooks.zip"]


# --- the notebooks behind the pages --------------------------------------------------------------


@pytest.mark.parametrize("name", EXECUTED)
def test_no_cell_wrote_a_warning(name: str, html: Path) -> None:
    """Only progress bars write to stderr, which the pages do not show."""
    store = get_cache(build_book.Layout(ROOT).cache)
    record = store.match_cache_notebook(build_book.read_notebook(SOURCES[name]))
    notebook = store.get_cache_bundle(record.pk).nb
    found = [
        line
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.get("name") == "stderr"
        for line in unexpected_stderr(output["text"])
    ]
    assert found == []


def unexpected_stderr(text: str) -> list[str]:
    """The lines of a standard error stream that are no progress bars."""
    lines = re.split(r"[\r\n]+", build_book.ANSI.sub("", text))
    return [line for line in lines if line.strip() and not PROGRESS_BAR.search(line.strip())]


def test_progress_bars_are_told_from_warnings() -> None:
    bar = "\rfit:  40%|####      | 2/5 [00:01<00:01, 1.72it/s, loss=3.1e-04]"
    assert unexpected_stderr(f"{bar}{bar}\n") == []
    assert unexpected_stderr("\r0it [00:00, ?it/s]\r7it [00:01, 6.9it/s]\n") == []
    warning = "<ipython-input>:1: RuntimeWarning: overflow encountered in exp"
    assert unexpected_stderr(f"{bar}\n{warning}\n") == [warning]


# --- the pages in a browser ----------------------------------------------------------------------


@pytest.mark.parametrize("name", [*PAGES, "search"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_page_is_quiet_self_contained_and_accessible(
    site: str, browser: Any, name: str, scheme: str
) -> None:
    with open_page(browser, f"{site}/{name}.html", scheme=scheme) as (tab, log):
        tab.add_style_tag(content="* { transition: none !important; }")
        scroll_through(tab)
        # What is folded away is read too, once it is opened.
        tab.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        assert tab.evaluate("document.documentElement.dataset.theme") == scheme
        log.assert_clean()
        # An icon that is not in the book's own style sheet would load the theme's fonts.
        assert [address for address in loaded_by(tab) if "fontawesome" in address] == []
        assert findings(tab) == []


def loaded_by(tab: Any) -> list[str]:
    """The addresses of all that a page has loaded, besides itself."""
    return tab.evaluate("performance.getEntriesByType('resource').map((r) => r.name)")


def findings(tab: Any) -> list[str]:
    """What axe-core objects to, less the two known findings of the theme outside the article."""
    found = []
    for violation in Axe().run(tab, options={"resultTypes": ["violations"]}).response["violations"]:
        for node in violation["nodes"]:
            ours = tab.evaluate(
                "(target) => !!document.querySelector(target)?.closest('article.bd-article')",
                node["target"][0],
            )
            if ours or violation["id"] not in THEME_FINDINGS:
                found.append(f"{violation['id']}: {node['html'][:200]} ({node['failureSummary']})")
    return found


@every_page
def test_maths_is_rendered(site: str, browser: Any, name: str) -> None:
    with open_page(browser, f"{site}/{name}.html") as (tab, _):
        if tab.locator(".math").count() == 0:
            return
        tab.wait_for_selector("mjx-container")
        tab.evaluate("MathJax.startup.promise")
        raw = "e => [...e].filter(m => !m.querySelector('mjx-container')).map(m => m.textContent)"
        assert tab.eval_on_selector_all("article .math", raw) == []
        assert tab.locator("mjx-merror, [data-mjx-error]").count() == 0


@pytest.mark.parametrize("name", [*PAGES, "search"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_is_wider_than_the_window(site: str, browser: Any, name: str, width: int) -> None:
    with open_page(browser, f"{site}/{name}.html", width=width) as (tab, _):
        scroll_through(tab)
        wide = tab.evaluate("document.scrollingElement.scrollWidth")
        assert wide <= width, tab.evaluate(
            """(width) => [...document.querySelectorAll('article *')]
                .filter((e) => e.getBoundingClientRect().right > width)
                .map((e) => e.outerHTML.slice(0, 120)).slice(0, 5)""",
            width,
        )


@pytest.mark.parametrize("name", EXECUTED)
def test_figures_stand_on_the_dark_page_itself(site: str, browser: Any, name: str) -> None:
    """The theme lays a pale sheet under images, which hides what is drawn for a dark page."""
    with open_page(browser, f"{site}/{name}.html", scheme="dark") as (tab, _):
        sheets = tab.eval_on_selector_all(
            "article .cell_output img",
            "all => all.map((i) => getComputedStyle(i)).map((s) => [s.backgroundColor, s.filter])",
        )
        assert all(sheet == ["rgba(0, 0, 0, 0)", "none"] for sheet in sheets), sheets


@pytest.mark.parametrize("name", BUDGETS)
def test_a_first_visit_is_light(html: Path, site: str, browser: Any, name: str) -> None:
    """All that is loaded until the page has been read to its end, as gzip would send it."""
    with open_page(browser, f"{site}/{name}.html") as (tab, _):
        scroll_through(tab)
        loaded = {f"{site}/{name}.html", *loaded_by(tab)}
    paths = {urlsplit(address).path for address in loaded if address.startswith(site)}
    files = [html / Path(path).relative_to(urlsplit(site).path) for path in paths]
    weights = {path.name: len(gzip.compress(path.read_bytes())) for path in files}
    assert len(weights) > 20
    print(f"{name}: {sum(weights.values()) / 1e3:.0f} kB in {len(weights)} files")
    heaviest = sorted(weights.items(), key=lambda item: -item[1])[:5]
    assert sum(weights.values()) <= BUDGETS[name], heaviest


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
        scroll_through(tab)
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
        scroll_through(tab)
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
    """The landing page's lab, started and with its first result spoken."""
    with open_page(browser, f"{site}/{LANDING}.html") as (tab, log):
        found = tab.locator(".hnn-lab").first
        found.scroll_into_view_if_needed()
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
    found = re.findall(r"[+−]?([\d.]+)\s% \((\w+)\)", status)
    return {name: float(value) for value, name in found}


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
