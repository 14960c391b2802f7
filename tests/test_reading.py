"""What the pages make of notebooks: figures in the page, openings, claims, words, previews."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from test_pages import CHAPTERS, EXECUTED, PAGES, article, page

from hnn_tutorial._html import numbers
from hnn_tutorial.integrators import METHODS
from hnn_tutorial.palette import DARK_BACKGROUND, LIGHT_BACKGROUND, contrast

ROOT = Path(__file__).resolve().parents[1]
CODE_NAMES = {"hnn": "HNN", "lnn": "LNN"} | {name: row.title for name, row in METHODS.items()}
FIRMNESS = json.loads((ROOT / "book" / "firmness.json").read_text(encoding="utf-8"))["pages"]

every_chapter = pytest.mark.parametrize("name", CHAPTERS)
every_executed = pytest.mark.parametrize("name", EXECUTED)


def as_shown(text: str) -> str:
    """A claim's text as the page has it: methods and models by their names, numbers in print."""
    named = re.sub(r"\w+", lambda word: CODE_NAMES.get(word[0], word[0]), text)
    return BeautifulSoup(numbers(named), "html.parser").get_text()


@every_executed
def test_figures_are_part_of_the_page_and_say_what_they_show(html: Path, name: str) -> None:
    assert article(html, name).select('.cell_output img[src$=".svg"]') == []
    drawings = article(html, name).select("svg.hnn-whole")
    if name in CHAPTERS:
        assert len(drawings) >= 3
    for drawing in drawings:
        assert drawing["role"] == "img"
        assert len(drawing["aria-label"]) >= 20
        figure = drawing.find_parent("figure")
        if figure is None:  # what an exercise expects, without a number
            assert drawing.find_parent("details")
        else:
            assert figure.select_one(".caption-number").get_text(strip=True)
            assert figure.select_one(".caption-text").get_text(strip=True)
        assert "var(--hnn-fig-ink" in str(drawing) or "var(--hnn-text-" in str(drawing)


@every_executed
def test_ids_are_unique_in_a_page_with_its_figures(html: Path, name: str) -> None:
    whole = page(html, name)
    ids = Counter(tag["id"] for tag in whole.find_all(id=True))
    assert [found for found, count in ids.items() if count > 1] == []
    drawings = "".join(map(str, whole.select(".hnn-figure")))
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', drawings))
    assert used <= set(ids)


@every_chapter
def test_a_chapter_opens_with_a_question_and_one_strip(html: Path, name: str) -> None:
    text = article(html, name)
    title = text.find("h1")
    question = title.find_next_sibling()
    assert "hnn-question" in question.get("class", ())
    assert question.get_text().rstrip().endswith("?")
    [strip] = text.select(".hnn-strip")
    heads = [head.get_text() for head in strip.select(".hnn-strip-head")]
    assert heads == ["What you will learn", "What you need", "How long it takes"]
    assert len(strip.select("li")) >= 3
    assert "minutes" in strip.get_text()
    # A picture or a lab stands above it, and no section does.
    above = [tag for tag in strip.find_all_previous(True) if tag.find_parent("article")]
    assert not any(tag.name == "h2" for tag in above)
    assert any(
        tag.name == "figure" or tag.get("type") == "application/vnd.jupyter.widget-view+json"
        for tag in above
    )


@every_executed
def test_claims_show_their_range_over_the_seeds(html: Path, name: str) -> None:
    claims = article(html, name).select(".hnn-claim")
    if name in CHAPTERS:
        assert len(claims) >= 3
    known = FIRMNESS.get(name, {}).get("claims", [])
    # tests/test_seeds.py asks for a table that is as new as the claims.
    for claim, row in zip(claims, known, strict=False):
        same = claim.select_one(".hnn-claim-text").get_text() == as_shown(row["text"])
        shown = claim.select_one(".hnn-claim-range")
        assert bool(shown) == (same and bool(row["range"]))
        if shown:
            assert f"firmness.html#claims-{name.replace('/', '-')}" in shown["href"]
            assert shown.get_text().endswith(" sets of seeds")
        # The value stands out, and is not hidden among its bounds.
        [value] = claim.select(".hnn-claim-value b")
        assert re.fullmatch(r"[−\d.\s×]+|True|False|inf", value.get_text())


def test_claims_and_comparisons_call_things_by_their_names(html: Path) -> None:
    names = {name for name, method in METHODS.items() if name != method.title} | {"hnn", "lnn"}
    rows = 0
    for name in CHAPTERS:
        page = article(html, name)
        for words in page.select(".hnn-claim-text, .hnn-comparison th"):
            assert not names & set(words.get_text().replace(":", " ").split()), words
        for cell in page.select(".hnn-comparison td:has(.hnn-spread)"):
            assert re.fullmatch(r"\S.* \[.*, .*\]", cell.get_text())
            rows += 1
        for notes in page.select(".hnn-comparison ul"):
            trained = [note.get_text().partition(": ")[2] for note in notes("li")]
            assert len(trained) == len(set(trained)), trained
    assert rows > 50


@pytest.mark.parametrize("name", PAGES)
def test_readers_meet_no_machinery(html: Path, name: str) -> None:
    text = article(html, name).get_text()
    assert "SOLUTION" not in text
    if name.startswith("exercises/"):
        assert "make exercises" not in text
    if name in CHAPTERS:
        assert "hnn_tutorial 0." not in text


@pytest.mark.parametrize("name", [page for page in PAGES if page.startswith("exercises/")])
def test_an_exercise_says_where_it_runs(html: Path, name: str) -> None:
    [where] = article(html, name).select("p.hnn-where")
    [colab] = where.select("a[href]")
    assert colab["href"].startswith("https://colab.research.google.com/github/")
    assert colab["href"].endswith(f"/blob/main/{name}.ipynb")


@every_chapter
def test_words_of_roles_are_coloured_once_in_a_paragraph_and_not_in_links(
    html: Path, name: str
) -> None:
    for block in article(html, name).find_all(["p", "figcaption"]):
        if block.find("p"):
            continue
        counts = Counter(tuple(word["class"]) for word in block.select(".hnn-role"))
        assert all(count == 1 for count in counts.values()), block.get_text()
    assert article(html, name).select(":is(a, h1, h2, h3, pre, code) .hnn-role") == []


def test_words_of_roles_are_coloured(html: Path) -> None:
    words = {
        " ".join(word.get_text().split()).lower()
        for name in CHAPTERS
        for word in article(html, name).select(".hnn-role")
    }
    assert {"baseline", "hnn", "lnn", "truth"} <= words


@pytest.mark.parametrize(
    "theme, background", [("light", LIGHT_BACKGROUND), ("dark", DARK_BACKGROUND)]
)
def test_colours_of_words_are_legible_in_both_themes(
    html: Path, theme: str, background: str
) -> None:
    rules = (html / "_static" / "palette.css").read_text(encoding="utf-8")
    rule = re.search(rf'\[data-theme="{theme}"\] {{([^}}]*)}}', rules)[1]
    colours = dict(re.findall(r"--hnn-(text-[\w-]+): (#\w{6});", rule))
    assert {"text-baseline", "text-hnn", "text-lnn", "text-truth", "text-second-order"} <= set(
        colours
    )
    assert [name for name, colour in colours.items() if contrast(colour, background) < 4.5] == []
    lines = dict(re.findall(r"--hnn-(fig-[\w-]+): (#\w{6});", rule))
    assert [name for name, colour in lines.items() if contrast(colour, background) < 2.5] == []
    # What a figure asks for is there.
    for name in CHAPTERS:
        asked = set(re.findall(r"var\(--hnn-((?:fig|text)-[\w-]+)", str(article(html, name))))
        assert asked <= {*colours, *lines}


def test_every_link_to_the_glossary_and_the_bibliography_has_a_preview(html: Path) -> None:
    script = (html / "_static" / "previews.js").read_text(encoding="utf-8")
    shown = json.loads(re.fullmatch(r"globalThis.hnnPreviews = (.*);\n", script)[1])
    links = {
        str(link["href"]).rsplit("/", 1)[-1]
        for name in PAGES
        for link in article(html, name).select(
            'a[href*="glossary.html#term"], a[href*="bibliography.html#"]'
        )
    }
    assert len(links) > 30
    assert links - set(shown) == set()
    assert all(len(text) > 20 and "<a " not in text for text in shown.values())


def test_fonts_are_those_of_the_book_and_their_licences_lie_beside_them(html: Path) -> None:
    fonts = html / "_static" / "fonts"
    rules = (html / "_static" / "fonts.css").read_text(encoding="utf-8")
    named = set(re.findall(r'url\("fonts/([^"]+)"\)', rules))
    assert named == {path.name for path in fonts.glob("*.woff2")}
    assert len(list(fonts.glob("*-OFL.txt"))) == 4
    first = ("serif-latin.woff2", "sans-latin.woff2")
    assert sum((fonts / name).stat().st_size for name in first) < 70_000
