"""Take the README's picture from the built book: the landing page's lab while its story happens.

    python tools/screenshot.py            # writes book/assets/screenshot.png (Chromium)

Build the book first. The picture is taken when the lab says that its task is done: when the
baseline's pendulum has gone over the top.
"""

from __future__ import annotations

from pathlib import Path

from downloads import chromium, serve

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "book" / "assets" / "screenshot.png"


def take(html: Path, target: Path) -> None:
    """Open the landing page below `html`, wait for the story, and write the lab as a PNG."""
    with serve(html) as address, chromium() as browser:
        page = browser.new_page(viewport={"width": 1000, "height": 1000}, device_scale_factor=2)
        page.goto(f"{address}/book/intro.html")
        lab = page.locator(".hnn-learned-lab .hnn-card").first
        lab.scroll_into_view_if_needed()
        page.locator(".hnn-learned-lab .hnn-done").first.wait_for(timeout=30_000)
        lab.screenshot(path=str(target))


if __name__ == "__main__":
    take(ROOT / "_build" / "html", TARGET)
    print(TARGET)
