"""What a page of a test has stored is seen by no other test."""

from browser_tools import open_page
from downloads import serve

STORE = """async () => {
    localStorage.kept = sessionStorage.kept = "yes";
    document.cookie = "kept=yes";
    await new Promise((done) => { indexedDB.open("kept").onsuccess = done; });
}"""
STORED = """async () => ({
    stored: [localStorage.kept, sessionStorage.kept, document.cookie || undefined],
    databases: (await indexedDB.databases()).length,
    loaded: performance.getEntriesByType("resource")
        .filter(({ name }) => name.endsWith("code.js")).map((each) => each.transferSize),
})"""
PAGE = "<!doctype html><title>Page</title><script src=code.js></script><link rel=icon href=data:,>"
CODE = f"// {'x' * 5000}"


def folder(path):
    (path / "index.html").write_text(PAGE)
    (path / "code.js").write_text(CODE)
    return path


def test_a_page_finds_nothing_of_the_page_before(browser, tmp_path):
    with serve(folder(tmp_path)) as site:
        for address in (site, tmp_path.as_uri()):
            found = []
            for _ in range(3):
                with open_page(browser, f"{address}/index.html") as (page, log):
                    found.append(page.evaluate(STORED))
                    page.context.new_page().goto(f"{address}/index.html")
                    page.evaluate(STORE)
                    assert page.evaluate(STORED)["databases"] == 1
                    log.assert_clean()
            assert found == [found[0]] * 3
            assert found[0]["stored"] == [None, None, None]
            assert found[0]["databases"] == 0
            if address == site:
                assert found[0]["loaded"][0] > len(CODE), "not from a cache"


def test_two_pages_at_once_share_nothing(browser, tmp_path):
    with serve(folder(tmp_path)) as site, open_page(browser, f"{site}/index.html") as (page, _):
        page.evaluate(STORE)
        with open_page(browser, f"{site}/index.html") as (other, _):
            assert other.evaluate(STORED)["stored"] == [None, None, None]
        assert page.evaluate(STORED)["stored"] == ["yes", "yes", "kept=yes"]


def test_pages_of_other_widths_and_schemes_are_what_they_are_asked_to_be(browser):
    """Though the ones before them were not, and changed on the way."""
    for _ in range(2):
        for width, scheme in ((390, "dark"), (1280, "light"), (390, "light")):
            with open_page(browser, "about:blank", width=width, scheme=scheme) as (page, _):
                dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
                assert (page.evaluate("innerWidth"), dark) == (width, scheme == "dark")
                page.set_viewport_size({"width": 500, "height": 400})
                page.emulate_media(color_scheme="dark", reduced_motion="reduce")
