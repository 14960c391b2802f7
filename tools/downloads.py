"""Make what readers take with them: all notebooks as a zip, and the built book as one PDF.

The PDF is printed by Chromium from the pages in `_build/html`; without Chromium there is none, and
the landing page offers none. `tools/build_book.py` calls `offer` after each build, and with `--pdf`
lets it print, which takes a minute and some gigabytes of memory.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import re
import shutil
import threading
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from exercises import derive_all, to_text

NAME = "hnn-tutorial"
# Where the landing page offers the downloads.
PLACE = re.compile(r'(<ul id="downloads">).*?(</ul>)', re.DOTALL)

README = """\
# The notebooks of "{title}"

`book/` holds the chapters, `exercises/` the exercises that mark themselves, `solutions/` the worked
exercises; `exercises/start_here.ipynb` leads through them. To run them, install the course's
package and JupyterLab into a Python of 3.11 or newer, best into an environment of its own, and
open the folder:

    python -m venv env
    env/bin/python -m pip install "hnn-tutorial[lab] @ git+{url}"
    env/bin/jupyter lab

On Windows the last two begin with `env\\Scripts\\` in place of `env/bin/`. Nothing else is needed:
no notebook loads anything from the network. The whole course, with its tests, is at
{url}
"""


def offer(root: Path, html: Path, names: Sequence[str], *, printing: bool = False) -> None:
    """Make the downloads of a built book, and link them from its landing page.

    Args:
        root: the folder of the sources.
        html: the folder of the built book.
        names: its pages, as `_toc.yml` names them; the first is the landing page.
        printing: make the PDF, if Chromium is there; else it is offered if it is still up to date.
    """
    archive = write_zip(root, html / "downloads" / f"{NAME}-notebooks.zip")
    notes = {
        archive: ("All notebooks", "zip", "chapters, exercises, solutions, and how to run them")
    }
    paper = html / "downloads" / f"{NAME}.pdf"
    if _is_printed(html, names, paper, printing):
        leaves = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
        notes[paper] = ("The whole book on paper", "PDF", f"{leaves} pages, the labs as pictures")
    front = html / f"{names[0]}.html"
    items = "".join(
        f'<li><a href="{os.path.relpath(path, front.parent)}" download>{title}</a> '
        f"({kind}, {path.stat().st_size / 1e6:.1f} MB): {text}</li>"
        for path, (title, kind, text) in notes.items()
    )
    page = front.read_text(encoding="utf-8")
    front.write_text(PLACE.sub(rf"\g<1>{items}\g<2>", page), encoding="utf-8")


def _is_printed(html: Path, names: Sequence[str], target: Path, printing: bool) -> bool:
    """Whether there is a PDF of the pages as they are; print it if that is wanted and can be."""
    stamp = html.parent / ".pdf-inputs"
    digest = hashlib.sha256(PLACE.sub("", joined(html, names)).encode()).hexdigest()
    if target.is_file() and stamp.is_file() and stamp.read_text() == digest:
        return True
    target.unlink(missing_ok=True)
    if not printing:
        return False
    if chromium_path() is None or find_spec("playwright") is None:
        print("no PDF of the book: that needs Chromium and the Python package playwright")
        return False
    write_pdf(html, names, target)
    stamp.write_text(digest)
    return True


# --- the notebooks -------------------------------------------------------------------------------


def write_zip(root: Path, target: Path) -> Path:
    """Pack the notebooks, the text and pictures that they link to, and a word on running them.

    The same files give the same bytes.
    """
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    readme = README.format(title=config["title"], url=config["repository"]["url"])
    # Not the files of exercises/: a learner may have worked in them.
    texts = {path: to_text(notebook) for path, notebook in derive_all(root).items()}
    for folder in ("book", "solutions"):
        for path in (root / folder).glob("*.ipynb"):
            texts[path] = path.read_text(encoding="utf-8")
    for path, text in list(texts.items()):
        for name in re.findall(r"\]\(([\w./-]+\.(?:md|svg))[)#]", text):
            linked = (path.parent / name).resolve()
            texts[linked] = linked.read_text(encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo(f"{NAME}/README.md"), readme)
        for path in sorted(texts):
            entry = zipfile.ZipInfo(f"{NAME}/{path.relative_to(root).as_posix()}")
            archive.writestr(entry, texts[path], zipfile.ZIP_DEFLATED)
    return target


# --- the book as one PDF -------------------------------------------------------------------------

# Run in the page that holds all articles: names and links of a page become those of the whole, and
# what would start by itself stays the saved picture.
QUIET = "window.IntersectionObserver = class { observe() {} unobserve() {} disconnect() {} };"
JOIN = """() => {
  const articles = [...document.querySelectorAll("article[data-page]")];
  document.querySelector("#downloads")?.closest("section").remove();
  const pages = new Set(articles.map((article) => article.dataset.page));
  for (const article of articles) {
    const own = article.dataset.page;
    const here = new URL(`/${own}.html`, location);
    for (const named of article.querySelectorAll("[id]")) named.id = `${own}--${named.id}`;
    article.id = own;
    for (const link of article.querySelectorAll("a[href]")) {
      const target = new URL(link.getAttribute("href"), here);
      if (target.origin !== location.origin) continue;
      const page = target.pathname.slice(1).replace(/\\.html$/, "");
      const anchor = decodeURIComponent(target.hash.slice(1));
      if (pages.has(page)) link.setAttribute("href", `#${anchor ? `${page}--${anchor}` : page}`);
      else link.removeAttribute("href");
    }
    if (own.startsWith("exercises/")) continue;
    for (const folded of article.querySelectorAll("details")) folded.open = true;
  }
  return document.fonts.ready.then(() => window.MathJax?.startup.promise);
}"""
FOOTER = (
    '<div style="width: 100%; font: 8px sans-serif; color: #555; text-align: center">'
    '<span class="pageNumber"></span></div>'
)


def chromium_path() -> str | None:
    """The Chromium to use: the `CHROMIUM` environment variable, else one on the path."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    names = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@contextmanager
def chromium() -> Iterator[Any]:
    """A headless Chromium, as a playwright `Browser`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            browser.close()


def joined(html: Path, names: Sequence[str]) -> str:
    """One page that holds the articles of several built pages, and their widgets."""
    texts = [(html / f"{name}.html").read_text(encoding="utf-8") for name in names]
    # The page that loads most has the styles and scripts of all: MathJax, and the widgets' host.
    model = max(texts, key=lambda text: text[: text.index("</head>")].count("<script"))
    state = re.compile(
        r'<script type="application/vnd.jupyter.widget-state\+json">.*?</script>', re.S
    )
    head = state.sub("", model[: model.index("</head>")])
    states = [tag for text in texts for tag in state.findall(text)]
    articles = []
    for name, text in zip(names, texts, strict=True):
        begin = text.index('<article class="bd-article">') + len('<article class="bd-article">')
        end = text.index("</article>", begin)
        articles.append(
            f'<article class="bd-article" data-page="{name}">{text[begin:end]}</article>'
        )
    body = '<body class="hnn-joined"><main class="bd-main"><div class="bd-content">'
    return "".join([head, *states, "</head>", body, *articles, "</div></main></body></html>"])


def write_pdf(html: Path, names: Sequence[str], target: Path) -> None:
    """Print built pages, one after the other, into one PDF with an outline and inner links.

    Args:
        html: the folder of the built book.
        names: the pages, as `_toc.yml` names them, in their order.
        target: the file to write.
    """
    page_text = joined(html, names)
    with serve(html) as address, chromium() as browser:
        page = browser.new_page(color_scheme="light")
        page.set_default_timeout(300_000)
        page.add_init_script(QUIET)
        page.route(
            "**/book/joined.html",
            lambda route: route.fulfill(body=page_text, content_type="text/html"),
        )
        page.goto(f"{address}/book/joined.html", wait_until="load")
        page.evaluate(JOIN)
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = target.with_suffix(".tmp")
        page.pdf(
            path=draft,
            format="A4",
            margin={"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"},
            print_background=False,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOTER,
            outline=True,
            tagged=True,
        )
    draft.replace(target)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing of each file."""


@contextmanager
def serve(folder: Path | str) -> Iterator[str]:
    """Serve a folder over http on a free local port and yield its address (no final slash)."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
