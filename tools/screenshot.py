"""Take the README's picture from the built book: the landing page's lab while its story happens.

    python tools/screenshot.py            # writes book/assets/screenshot.png (Chromium)

Build the book first. The picture is taken when the baseline's pendulum has gone over the top, by
the lab's own clock.
"""

from __future__ import annotations

from pathlib import Path

from downloads import chromium, serve

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "book" / "assets" / "screenshot.png"
SECONDS = 17
"""On the lab's clock; a claim of the landing page bounds when the pendulum goes over the top."""
STORY = """([clock, seconds]) => {
    const shown = clock.textContent.match(/[0-9.]+/);
    return shown !== null && Number(shown[0]) >= seconds;
}"""


def take(html: Path, target: Path) -> None:
    """Open the landing page below `html`, wait for the story, and write the lab as a PNG."""
    with serve(html) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 1000}, device_scale_factor=2)
        page.goto(f"{address}/book/intro.html")
        lab = page.locator(".hnn-learned-lab .hnn-card").first
        lab.scroll_into_view_if_needed()
        clock = lab.locator(".hnn-clock").element_handle()
        page.wait_for_function(STORY, arg=[clock, SECONDS], timeout=60_000)
        lab.screenshot(path=str(target))


if __name__ == "__main__":
    take(ROOT / "_build" / "html", TARGET)
    print(TARGET)
