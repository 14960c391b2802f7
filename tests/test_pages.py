"""Quality gates on the built book: what a reader meets in `_build/html`, and how it got there."""

from __future__ import annotations

import os
import re
import zipfile
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import build_book
import downloads
import nbformat
import pytest
import yaml
from bs4 import BeautifulSoup, Tag
from jupyter_cache import get_cache
from matplotlib.image import imread

ROOT = Path(__file__).resolve().parents[1]
SOURCES = {
    path.relative_to(ROOT).with_suffix("").as_posix(): path for path in build_book.pages(ROOT)
}
PAGES = list(SOURCES)
_EXECUTED = set(build_book.executed_pages(ROOT))
EXECUTED = [name for name, path in SOURCES.items() if path in _EXECUTED]
NOT_EXECUTED = [
    name for name, path in SOURCES.items() if name not in EXECUTED and build_book.holds_code(path)
]
LANDING = PAGES[0]
CHAPTERS = [
    name for name, path in SOURCES.items() if name.startswith("book/") and path.suffix == ".ipynb"
]
SOLUTIONS = [name for name in PAGES if name.startswith("solutions/")]
REPOSITORY = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]

every_page = pytest.mark.parametrize("name", PAGES)

# What a tag loads by itself when its page opens; a link that a reader follows is none of these.
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "video": "src"}
LOADED_LINKS = {"stylesheet", "preload", "prefetch", "preconnect", "icon", "modulepreload"}

PROGRESS_BAR = re.compile(r"(\d+%\||\d+(\.\d+)?[kMG]?(it|B)? \[).*\]$")


@cache
def parsed(path: Path) -> BeautifulSoup:
    """The built page; every test of a page reads the same tree."""
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def anchors(path: Path) -> set[str]:
    """What a link to a part of the built page may name."""
    return {tag["id"] for tag in parsed(path).find_all(id=True)}


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


# --- the pages as files --------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOLUTIONS)
def test_every_check_of_a_solution_has_passed(html: Path, name: str) -> None:
    checks = [each.get_text() for each in article(html, name).select(".hnn-check")]
    verdicts = [re.match(r"(.*?): (Exercise \d+) ", text) for text in checks[:-1]]
    assert {verdict.group(1) for verdict in verdicts} == {"✓ Passed"}
    count = len({verdict.group(2) for verdict in verdicts})
    assert checks[-1].startswith(f"{count} of {count} exercises solved")


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
            if anchor not in anchors(target):
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
    for image in article(html, name).select("img, object, svg.hnn-whole"):
        text = (image.get("alt") or image.get("aria-label") or "").strip()
        # Without an alternative text, the address of the image stands in its place.
        assert len(text) >= 10, f"no alternative text: {image.get('src')}"
        assert not text.endswith((".png", ".svg", ".jpg")), f"no alternative text: {text}"


@every_page
def test_every_picture_is_a_figure_with_a_number_and_a_caption(html: Path, name: str) -> None:
    for image in article(html, name).select("img, object, svg.hnn-whole"):
        # What an exercise expects is no figure of its own: the solution numbers it.
        if name.startswith("exercises/") and image.find_parent("details"):
            continue
        figure = image.find_parent("figure")
        said = image.get("alt") or image.get("aria-label")
        assert figure is not None, f"not a figure: {said}"
        caption = figure.find("figcaption")
        assert caption is not None, f"no caption: {said}"
        for part in ("caption-number", "caption-text"):
            found = caption.find(class_=part)
            assert found is not None, f"no {part}: {caption.get_text()}"
            assert found.get_text(strip=True), f"empty {part}: {said}"


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
    if name == LANDING:
        # A door, and no button: Colab opens no .md.
        assert [link.rsplit("/", 1)[-1] for link in links] == ["what_does_not_change.ipynb"]
    elif SOURCES[name].suffix != ".ipynb":
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


@every_page
def test_a_mark_after_a_formula_stays_on_its_line(html: Path, name: str) -> None:
    formulas = article(html, name).select("p span.math")
    loose = [
        f"{formula.get_text()}{formula.next_sibling}"[:80]
        for formula in formulas
        if re.match(r"[.,;:!?)\]]", str(formula.next_sibling or ""))
        and "hnn-together" not in formula.parent.get("class", ())
    ]
    assert loose == []


@pytest.mark.parametrize("name", ["book/bibliography", "book/cite"])
def test_titles_of_works_hold_no_links_to_the_glossary(html: Path, name: str) -> None:
    assert article(html, name).select("p a[href*='glossary.html#term']") == []


# --- the contents of the landing page ------------------------------------------------------------


def opening_of(path: Path) -> str:
    """The words before a notebook's first section, on one line and without Markdown's marks."""
    cells = nbformat.read(path, nbformat.NO_CONVERT).cells
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    text = text.split("\n## ")[0]
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
    opening = opening_of(SOURCES[name])
    assert plain(opening).startswith(plain(title))
    assert len(does) > 20
    own = re.search(r"How long it takes: (about .*? minutes)", opening)
    exercises = opening_of(ROOT / "exercises" / SOURCES[name].name)
    theirs = re.search(r"It takes (about .*?)[;.]", exercises)
    assert times == f"Takes {own[1]}. Exercises ({theirs[1]}) · Solutions"
    what = re.search(r"What you need: (.*?) (?:Symbols are those|How long it takes)", opening)
    assert plain(needs) == plain(f"Needs {what[1]}")


def test_contents_say_how_long_all_of_it_takes(html: Path) -> None:
    minutes = {"chapters": 0.0, "exercises": 0.0}
    words = {"two hours": 120, "two and a half hours": 150}
    for fact in article(html, LANDING).select(".hnn-chapter .hnn-facts:nth-of-type(3)"):
        times = re.findall(r"about ([^.)]+)", fact.get_text())
        for kind, time in zip(minutes, times, strict=True):
            minutes[kind] += words.get(time) or float(time.removesuffix(" minutes"))
    [line] = (p for p in article(html, LANDING)(class_="hnn-facts") if "hours to read" in p.text)
    hours = [int(number) for number in re.findall(r"\d+", line.get_text())]
    assert hours == [round(total / 60) for total in minutes.values()]
    assert min(hours) > 5


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
    assert card["og:title"] in page(html, name).title.get_text(" ", strip=True)
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
