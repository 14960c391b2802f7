"""Chromium for the browser tests: how it is found, launched, watched, and when its absence matters.

Every test that needs a page starts with `require_chromium()` and then uses `launch(...)`:

    require_chromium()
    with launch() as browser:
        with open_page(browser, url) as (page, log):
            ...
            log.assert_clean()
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from downloads import chromium_path
from downloads import serve as serve

# Debian's build on a machine without a display or a GPU. Background traffic is switched off so that
# every request the tests see comes from the page. A colour profile is fixed because screenshots are
# compared with palette values.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--force-color-profile=srgb",
)

# The rules of axe-core that the colours of a page decide: what is asked again in another theme.
COLOUR_RULES = ("color-contrast", "link-in-text-block")

# What decides the contrast of a text, as one word for each element that holds text itself, added
# to what it was in another theme: its own letters, and what each element around it paints, is
# called, and cuts off. One letter alone is told apart, since axe-core does not judge it.
_NOTE_LOOKS = """() => {
    const letters = ["color", "fontSize", "fontWeight", "textShadow", "webkitTextStroke"];
    const boxes = ["backgroundColor", "backgroundImage", "opacity", "filter", "mixBlendMode",
        "position", "zIndex", "clipPath", "maskImage", "overflow"];
    const words = new Map();
    const brief = (text) => words.get(text) ?? words.set(text, words.size).get(text);
    const around = new Map([[null, ""]]);
    const named = ["class", "disabled", "aria-disabled", "role"];
    const surroundings = (e) => {
        if (!around.has(e)) {
            const style = getComputedStyle(e);
            const own = [...boxes.map((name) => style[name]), e.localName,
                ...named.map((name) => e.getAttribute(name))];
            around.set(e, brief(`${surroundings(e.parentElement)} > ${own.join("; ")}`));
        }
        return around.get(e);
    };
    // What is scrolled out of a box, as the end of a long side bar, is not measured.
    const boxOf = new Map([[null, null]]);
    const scroller = (e) => {
        if (!boxOf.has(e)) {
            const scrolls = getComputedStyle(e).overflowY !== "visible" && e.clientHeight;
            boxOf.set(e, scrolls ? e.getBoundingClientRect() : scroller(e.parentElement));
        }
        return boxOf.get(e);
    };
    const inSight = (e) => {
        const [box, frame] = [e.getBoundingClientRect(), scroller(e.parentElement)];
        return !frame || (box.top >= frame.top && box.bottom <= frame.bottom);
    };
    window.looks_ ??= new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const seen = new Set();
    while (walker.nextNode()) {
        const e = walker.currentNode.parentElement;
        if (seen.has(e) || !walker.currentNode.nodeValue.trim()) continue;
        seen.add(e);
        const style = getComputedStyle(e);
        const own = letters.map((name) => style[name]).join("; ");
        const long = e.textContent.trim().length > 1;
        const look = `${own} in ${surroundings(e)} ${long} ${inSight(e)}`;
        looks_.set(e, `${looks_.get(e) ?? ""} | ${look}`);
    }
}"""

# Of the texts of one look, axe-core measures the first that it would measure at all. What holds no
# text itself it does not measure, but finds that out slowly, once for each line of a drawing.
_MEASURE_ONE_OF_EACH_LOOK = """() => {
    const rule = axe._audit.rules.find(({ id }) => id === "color-contrast");
    const { matches } = rule;
    rule.matches = function (element, ...more) {
        const holds = (node) => node.nodeType === Node.TEXT_NODE && node.nodeValue.trim();
        const field = element.matches("input, select, textarea, button");
        if (!field && ![...element.childNodes].some(holds)) return false;
        const look = window.looks_?.get(element);
        if (look && axe.seen_.has(look)) return false;
        const judged = matches.call(this, element, ...more);
        if (judged && look) axe.seen_.add(look);
        return judged;
    };
}"""


def note_looks(page: Any) -> None:
    """Note what decides the contrast of each text just now, for `axe_violations`.

    axe-core takes its time over every text by itself, and a page has thousands that look alike. Of
    those that looked alike whenever this was called, it then measures one: call this in each theme
    before the first of them is judged.
    """
    page.evaluate(_NOTE_LOOKS)


def axe_violations(page: Any, rules: Sequence[str] = (), **options: Any) -> list[dict[str, Any]]:
    """What axe-core objects to in a page, as it is told in its `violations`.

    Args:
        page: the page, with or without `note_looks`.
        rules: the rules to ask for; all if empty.
        options: further ones of `axe.run`.
    """
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
        page.evaluate(_MEASURE_ONE_OF_EACH_LOOK)
    asked = {"resultTypes": ["violations"], **options} | ({"runOnly": list(rules)} if rules else {})
    return page.evaluate(
        "asked => { axe.seen_ = new Set(); return axe.run(asked).then((all) => all.violations); }",
        asked,
    )


FRAME = """
    const frame = () => new Promise((done) => {
        const late = setTimeout(() => done(false), 20_000);
        requestAnimationFrame(() => { clearTimeout(late); done(true); });
    });
"""
"""In a page: waits for its next frame, and says whether it came within 20 s.

Chromium was seen to draw no further frame of a page, once in some thousand visits, and to wait for
one alone has no end.
"""

LOCAL = ("file:", "blob:", "data:", "about:", "http://127.0.0.1", "http://localhost")


def _missing(what: str) -> None:
    """Skip locally, fail where nothing may be skipped."""
    if os.environ.get("CI") == "true":
        pytest.fail(
            f"{what}; with CI=true nothing may be skipped for a missing tool", pytrace=False
        )
    pytest.skip(what)


def require_chromium() -> str:
    """Return the path of Chromium, or skip the test (fail it when `CI=true`) and say why."""
    path = chromium_path()
    if path is None:
        _missing("no Chromium found: install Debian's chromium or set CHROMIUM to its path")
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        _missing("the Python package playwright is not installed (extra `test`)")
    return path


@functools.cache
def _node_path() -> str | None:
    found = shutil.which("node")
    if found:
        return found
    try:
        from playwright._impl._driver import compute_driver_executable
    except ImportError:
        return None
    executable = compute_driver_executable()
    # Older drivers gave one path, newer ones (node, cli.js).
    node = executable[0] if isinstance(executable, tuple) else executable
    return str(node) if Path(node).exists() else None


def require_node() -> str:
    """Return the path of node (the system's, else the one inside playwright), or skip/fail."""
    path = _node_path()
    if path is None:
        _missing("no node found: install node or the Python package playwright")
    return path


def run_node(module: Path, source: str, driver: Path, *flags: str, timeout: float = 60) -> Any:
    """A function that runs jobs in a JavaScript module under node and returns their answers.

    Args:
        module: where to write the module, with the ending `.mjs`.
        source: its text.
        driver: a script of `tests/js`, which imports the module and reads jobs as JSON.
        flags: for node.
        timeout: of one run, in s.
    """
    node = require_node()
    module.write_text(source, encoding="utf-8")

    def call(*jobs: Any) -> Any:
        done = subprocess.run(
            [node, *flags, str(driver), str(module)],
            input=json.dumps(jobs),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


@contextmanager
def launch(**options: Any) -> Iterator[Any]:
    """A headless Chromium with a fresh profile, as a playwright `Browser`.

    Args:
        options: passed on to playwright's `chromium.launch`; `args` are added to the usual flags.
    """
    path = require_chromium()
    from playwright.sync_api import sync_playwright

    args = [*FLAGS, *options.pop("args", ())]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=args, **options)
        try:
            yield browser
        finally:
            _IDLE.pop(browser, None)
            browser.close()


@dataclass
class PageLog:
    """What a page did that a reader would not see: console messages, errors, requests."""

    errors: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def assert_clean(self) -> None:
        """No console error or warning, no request to another host, no failed request."""
        assert self.errors == [], f"console: {self.errors}"
        assert self.outside == [], f"requests to other hosts: {self.outside}"
        assert self.failed == [], f"failed requests: {self.failed}"


def watch(page: Any) -> PageLog:
    """Record console errors, uncaught exceptions, outside and failed requests of a page."""
    log = PageLog()

    def on_console(message: Any) -> None:
        if message.type in ("error", "warning"):
            log.errors.append(f"{message.type}: {message.text}")

    def on_response(response: Any) -> None:
        if response.status >= 400:
            log.failed.append(f"{response.status} {response.url}")

    def on_request(request: Any) -> None:
        if not request.url.startswith(LOCAL):
            log.outside.append(request.url)

    def on_failure(request: Any) -> None:
        # Aborted is what the page gave up itself: the search fetches the pages that it found for
        # their summaries, and a click on one of them leaves the rest.
        if request.failure != "net::ERR_ABORTED":
            log.failed.append(f"{request.failure} {request.url}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: log.errors.append(f"uncaught: {error}"))
    page.on("request", on_request)
    page.on("requestfailed", on_failure)
    page.on("response", on_response)
    return log


# Browser -> options -> contexts that no test uses just now.
_IDLE: dict[Any, dict[str, list[_Context]]] = {}


class _Context:
    """A context that one test after the other has for itself.

    A window takes Chromium three quarters of a second of work, a tab in it far less. So an empty
    tab keeps the window of a context open between its tests.
    """

    def __init__(self, browser: Any, options: dict[str, Any]) -> None:
        self.context = browser.new_context(**options)
        self._keeper = self.context.new_page()
        self._protocol = self.context.new_cdp_session(self._keeper)

    def forget(self) -> None:
        """Close all pages, and leave nothing of what they stored, no more than a new one has."""
        for page in self.context.pages:
            if page != self._keeper:
                page.close()
        everything = {"origin": "*", "storageTypes": "all"}
        self._protocol.send("Storage.clearDataForOrigin", everything)
        self._protocol.send("Network.clearBrowserCache")


@contextmanager
def open_page(
    browser: Any,
    url: str,
    *,
    width: int = 1280,
    height: int = 900,
    scheme: str = "light",
    **options: Any,
) -> Iterator[tuple[Any, PageLog]]:
    """Open `url` where nothing is stored, and yield the page and its log.

    Args:
        browser: what `launch` yields.
        url: `http://127.0.0.1:...` or `file://...`.
        width, height: size of the viewport in CSS pixels.
        scheme: "light" or "dark" (`prefers-color-scheme`).
        options: passed on to `browser.new_context` (`has_touch`, `device_scale_factor`, ...).
    """
    options |= {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    idle = _IDLE.setdefault(browser, {}).setdefault(repr(sorted(options.items())), [])
    own = idle.pop() if idle else _Context(browser, options)
    page = own.context.new_page()
    log = watch(page)
    try:
        page.goto(url, wait_until="load")
        yield page, log
    finally:
        own.forget()
        idle.append(own)


@contextmanager
def jupyterlab(folder: Path, cells: Sequence[str]) -> Iterator[str]:
    """Run a JupyterLab server of its own on a notebook, and yield the notebook's address.

    Args:
        folder: an empty folder; neither settings nor checkpoints of the user are touched.
        cells: the code cells of the notebook.
    """
    import nbformat

    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(text.strip()) for text in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    nbformat.write(notebook, folder / "live.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = {
        name: str(folder / "jupyter" / name.lower())
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "HOME")
    }
    for own in folders.values():
        Path(own).mkdir(parents=True)
    # No question about news from another host.
    settings = Path(
        folders["JUPYTER_CONFIG_DIR"], "lab/user-settings/@jupyterlab/apputils-extension"
    )
    settings.mkdir(parents=True)
    answer = {"fetchNews": "false", "checkForUpdates": False}
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(answer))
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ip=127.0.0.1", f"--port={port}", f"--notebook-dir={folder}"),
            *("--IdentityProvider.token=", "--ServerApp.port_retries=0"),
            "--LabApp.extension_manager=readonly",
        ],
        env={**os.environ, **folders},
        stdout=subprocess.DEVNULL,
        stderr=(folder / "server.log").open("w"),
    )
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(150):
            time.sleep(0.2)
            assert server.poll() is None, (folder / "server.log").read_text()
            try:
                urllib.request.urlopen(f"{address}/api", timeout=2).close()
                break
            except OSError:
                continue
        yield f"{address}/lab/tree/live.ipynb"
    finally:
        server.terminate()
        server.wait(timeout=20)


def choose(page: Any, number: int, menu: str, entry: str) -> Any:
    """Choose an entry of JupyterLab's menu for a code cell of the notebook; return the cell."""
    cell = page.locator(".jp-CodeCell").nth(number)
    cell.locator(".jp-InputPrompt").click()
    page.locator(".lm-MenuBar-itemLabel", has_text=re.compile(f"^{menu}$")).click()
    page.locator(".lm-Menu-itemLabel", has_text=re.compile(f"^{entry}$")).first.click()
    return cell


def run_cell(page: Any, number: int) -> Any:
    """Run a code cell of JupyterLab's notebook, and return the cell."""
    return choose(page, number, "Run", "Run Selected Cell")


def ask_python(page: Any, number: int, answer: re.Pattern[str], tries: int = 30) -> re.Match[str]:
    """Run a code cell of JupyterLab's notebook, again and again, until its output has `answer`.

    While the kernel has not answered a widget's last message, the page holds the next one back;
    a cell that is run meanwhile sees the values of before.
    """
    said = ""
    for _ in range(tries):
        output = run_cell(page, number).locator(".jp-OutputArea-output")
        # The prompt is [*] while the cell runs.
        prompt = page.locator(".jp-CodeCell").nth(number).locator(".jp-InputPrompt")
        prompt.get_by_text(re.compile(r"\[\d+\]")).wait_for(timeout=30_000)
        said = output.inner_text(timeout=30_000)
        if found := answer.search(said):
            return found
        page.wait_for_timeout(500)
    pytest.fail(f"no {answer.pattern!r} in {said!r} after {tries} tries")
