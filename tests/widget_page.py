"""A page with widgets and the book's host script, built without building the book."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from browser_tools import FRAME, PageLog, axe_violations, open_page
from ipywidgets.embed import dependency_state, embed_data
from playwright.sync_api import expect

ASSETS = Path(__file__).resolve().parents[1] / "book" / "assets"

PAGE = """<!doctype html>
<html lang="en"{html}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>widgets</title>
<link rel="icon" href="data:,">
<style>
:root {{ --page: #ffffff; --text: #222832; }}
html[data-theme="dark"] {{ --page: #121212; --text: #ced6dd; }}
body {{ margin: 0 auto; padding: 16px; max-width: 820px; background: var(--page);
  color: var(--text); font: 16px/1.6 system-ui, sans-serif; }}
</style>
<link rel="stylesheet" href="book.css">
<script defer src="static-widgets.js"></script>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>
</head>
<body>
<main>
<h1>widgets</h1>
{before}
{views}
{after}
</main>
</body>
</html>
"""


def write_page(
    folder: Path,
    widgets: Sequence[Any],
    *,
    html: str = "",
    before: str = "",
    after: str = "",
    change: Any = None,
    arrange: Callable[[list[str]], str] = "\n".join,
) -> Path:
    """Write a page that shows widgets as MyST-NB does, and return its path.

    Args:
        folder: where to; the host script and the style sheet are put beside it.
        widgets: the widgets, in the order of the page.
        html: attributes of the page's `html` element, such as ` data-theme="dark"`.
        before, after: markup around the widgets.
        change: a function that gets the saved states (model id -> record) and may spoil them.
        arrange: a function that puts the markup of the widgets together.
    """
    # Defaults too: anywidget keeps a module as a default, and nbclient saves all of the state.
    # Only these widgets, not all that the session has made.
    state = dependency_state(list(widgets), drop_defaults=False)
    data = embed_data(views=list(widgets), state=state)
    states = data["manager_state"]["state"]
    if change is not None:
        change(states)
    for name in ("static-widgets.js", "book.css"):
        shutil.copy(ASSETS / name, folder / name)

    def embedded(value: Any) -> str:
        return json.dumps(value).replace("</", "<\\/")

    views = arrange(
        [
            f'<div class="cell_output docutils container"><div class="output">'
            f'<script type="application/vnd.jupyter.widget-view+json">{embedded(view)}</script>'
            "</div></div>"
            for view in data["view_specs"]
        ]
    )
    page = folder / "index.html"
    page.write_text(
        PAGE.format(
            html=html,
            state=embedded(data["manager_state"]),
            before=before,
            views=views,
            after=after,
        ),
        encoding="utf-8",
    )
    return page


# --- a page open in the browser ------------------------------------------------------------------

# A lab starts when it comes into sight, a moment after the page has loaded.
NOTHING_IN_SIGHT_IS_STARTING = """() => [...document.querySelectorAll("[aria-busy=true]")]
    .every((place) => place.getBoundingClientRect().top > innerHeight)"""


@contextmanager
def open_widgets(
    browser: Any,
    folder: Path,
    *widgets: Any,
    address: str | None = None,
    init: str | None = None,
    markup: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[tuple[Any, PageLog]]:
    """Open a page with widgets once all that are in sight have started; yield it and its log.

    Args:
        browser: what `browser_tools.launch` yields.
        folder: where the page is written.
        widgets: the widgets.
        address: of a server that serves the folder; the page is opened as a file if None.
        init: a script that runs before those of the page.
        markup: further arguments of `write_page`.
        options: of `browser_tools.open_page`.
    """
    page_path = write_page(folder, widgets, **(markup or {}))
    with open_page(browser, "about:blank", **options) as (page, log):
        if init:
            page.add_init_script(init)
        page.goto(f"{address}/{page_path.name}" if address else page_path.as_uri())
        page.set_default_timeout(30_000)
        page.wait_for_function(NOTHING_IN_SIGHT_IS_STARTING)
        yield page, log


@contextmanager
def lab_opener(
    browser: Any, folder: Path, usual: Callable[[], Any], **usual_options: Any
) -> Iterator[Callable[..., Any]]:
    """Yield a function that opens pages with labs; what the pages did is checked at the end.

    Args:
        browser: what `browser_tools.launch` yields.
        folder: where the pages are written.
        usual: makes the lab of a page for which the test names none.
        usual_options: of `open_widgets`, for every page.
    """
    logs = []
    with ExitStack() as stack:

        def open_lab(*labs: Any, clean: bool = True, **options: Any) -> Any:
            shown = labs or (usual(),)
            page, log = stack.enter_context(
                open_widgets(browser, folder, *shown, **{**usual_options, **options})
            )
            if clean:
                logs.append(log)
            return page

        yield open_lab
        for log in logs:
            log.assert_clean()


def spoil(**traits: Any) -> dict[str, Any]:
    """Markup of a page whose labs were saved with other values of some traits."""

    def change(states: dict[str, Any]) -> None:
        for record in states.values():
            if "_esm" in record["state"]:
                record["state"].update(traits)

    return {"change": change}


SPACER = '<div style="height: 4000px"></div>'


def stop(page: Any) -> None:
    """Hold the motion, so that what stands in the page is still."""
    button = page.locator(".hnn-primary").first
    expect(button).to_have_text("Pause")
    button.click()
    expect(button).to_have_text("Play")


def start_of(page: Any, lab: int = 0) -> list[float]:
    """The start [q, p] that a lab shows."""
    text = page.locator(".hnn-handle-start").nth(lab).get_attribute("aria-valuetext")
    return [float(number.replace("−", "-")) for number in re.findall(r"= ([^\s,]+)", text)]


def axe_findings(page: Any, rules: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """What axe finds wrong with a page: the rule, and the beginning of the first element."""
    found = axe_violations(page, rules, preload=False)
    return [(finding["id"], finding["nodes"][0]["html"][:120]) for finding in found]


def assert_it_fits(page: Any, density: float) -> None:
    """Nothing is cut off at the right, canvases are as fine as the screen, targets 44 px large."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    # A canvas follows its size in a later frame.
    drawn(page)
    page.wait_for_function(
        """density => [...document.querySelectorAll(".hnn-canvas")]
            .every((c) => Math.abs(c.width - c.clientWidth * density) <= 1
                && Math.abs(c.height - c.clientHeight * density) <= 1)""",
        arg=density,
    )
    sizes = page.evaluate(
        """[...document.querySelectorAll(".hnn-canvas")]
            .map((c) => [c.width, c.clientWidth, c.height, c.clientHeight])"""
    )
    assert sizes
    for pixels, css, pixels_high, css_high in sizes:
        assert css > 250
        assert abs(pixels - css * density) <= 1
        assert abs(pixels_high - css_high * density) <= 1
    targets = (
        ".hnn-button, .hnn-select, .hnn-range, .hnn-handle, .hnn-toggle, .hnn-tap, .hnn-scrub, "
        ".hnn-segment, .hnn-typed"
    )
    small = page.locator(targets).evaluate_all(
        """all => all.map((e) => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
            .filter(([, b]) => b.width && Math.min(b.width, b.height) < 43.9)"""
    )
    assert small == []


def assert_it_leaves_nothing(page: Any, heard: int | None = None, *, listeners: int = 20) -> None:
    """A lab that is closed lets go of all that it listened to. The page had `MEASURE_FRAMES`.

    Args:
        page: with one lab.
        heard: traits that the lab listens to while it is open; None does not count them.
        listeners: of the page, of which there are more than so many while it is open.
    """
    result = page.evaluate(RENDER_AND_CLOSE)
    assert result["during"]["listeners"] > listeners
    if heard is not None:
        assert result["during"]["heard"] == heard
    assert result["after"] == NOTHING_LEFT


def assert_it_rests_out_of_sight(page: Any) -> None:
    """A lab above a `SPACER` draws no more frames. The page was opened with `MEASURE_FRAMES`."""
    page.evaluate("scrollTo(0, 4000)")
    page.wait_for_timeout(250)
    before = page.evaluate("frames_.length")
    page.wait_for_timeout(300)
    assert page.evaluate("frames_.length") - before <= 1


def assert_it_says(page: Any, message: str) -> None:
    """A lab that cannot run says why, over its saved picture."""
    expect(page.locator(".hnn-message")).to_contain_text(message)
    expect(page.locator(".hnn-card")).to_be_hidden()
    expect(page.locator(".hnn-picture")).to_be_visible()


def centre(locator: Any) -> tuple[float, float]:
    """The middle of an element in the viewport."""
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page: Any, locator: Any, dx: float, dy: float, steps: int = 8) -> None:
    """Drag an element by the mouse."""
    x, y = centre(locator)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + dx, y + dy, steps=steps)
    page.mouse.up()


def swipe(page: Any, dx: float, dy: float = 0, *, knob: int = 0) -> None:
    """Drag the handle of this number by a finger."""
    page.evaluate(
        """([dx, dy, number]) => {
        const knob = document.querySelectorAll(".hnn-handle")[number];
        const box = knob.getBoundingClientRect();
        const [x, y] = [box.x + 22, box.y + 22];
        const send = (kind, part) => knob.dispatchEvent(new PointerEvent(kind, { pointerId: 1,
            pointerType: "touch", isPrimary: true, bubbles: true,
            clientX: x + part * dx, clientY: y + part * dy }));
        knob.setPointerCapture = () => {};
        send("pointerdown", 0);
        send("pointermove", 1);
        send("pointerup", 1);
    }""",
        [dx, dy, knob],
    )


def drawn(page: Any) -> None:
    """Wait until the labs have drawn what was last changed: they do so in the next frame."""
    drew = page.evaluate(
        f"async () => {{ {FRAME} "
        "for (let k = 0; k < 3; k++) if (!await frame()) return false; return true; }"
    )
    assert drew, "for 20 s no frame was drawn"


# Read from a copy: reading a canvas itself would change how the browser keeps it, with a warning.
PIXELS = """canvas => {
    const copy = document.createElement("canvas");
    Object.assign(copy, { width: canvas.width, height: canvas.height });
    const g = copy.getContext("2d", { willReadFrequently: true });
    g.drawImage(canvas, 0, 0);
    return g.getImageData(0, 0, copy.width, copy.height).data;
}"""


def ink(page: Any, selector: str) -> int:
    """How many pixels of a canvas are not blank."""
    count = f"""canvas => {{
        const data = ({PIXELS})(canvas);
        let count = 0;
        for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
        return count;
    }}"""
    return page.locator(selector).first.evaluate(count)


def colours(page: Any, selector: str) -> set[str]:
    """The opaque colours of a canvas, as #rrggbb."""
    collect = f"""canvas => {{
        const data = ({PIXELS})(canvas);
        const seen = new Set();
        for (let i = 0; i < data.length; i += 4) {{
            if (data[i + 3] < 255) continue;
            seen.add([0, 1, 2].map((k) => data[i + k].toString(16).padStart(2, "0")).join(""));
        }}
        return [...seen];
    }}"""
    return {f"#{colour}" for colour in page.locator(selector).first.evaluate(collect)}


# Durations of all animation frames, and how many there were: installed before the page's scripts.
MEASURE_FRAMES = """
window.frames_ = [];
const request = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (work) => request((now) => {
    const before = performance.now();
    work(now);
    window.frames_.push(performance.now() - before);
});
"""


def frame_times(page: Any, action: Callable[[], Any]) -> tuple[float, float, int]:
    """Median and 95th percentile of the frames' work in ms during an action, and their number.

    The page must have been opened with ``init=MEASURE_FRAMES``.
    """
    page.evaluate("frames_.length = 0")
    action()
    times = sorted(page.evaluate("frames_"))
    assert times, "there was no frame"
    return statistics.median(times), times[int(0.95 * len(times))], len(times)


# A second host: render by hand, as a notebook does, with all listeners, workers and frames counted.
RENDER_AND_CLOSE = """async () => {
    const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const tag = document.querySelector('script[type$="widget-state+json"]');
    const records = Object.values(JSON.parse(tag.textContent).state);
    const { state, buffers } = records.find((record) => record.state._esm);
    for (const { path, data } of buffers ?? []) {
        const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
        state[path[0]] = new DataView(bytes.buffer);
    }
    const blob = new Blob([state._esm], { type: "text/javascript" });
    const { default: widget } = await import(URL.createObjectURL(blob));
    document.querySelector(".hnn-widget-place").remove();
    await wait(100);

    let listeners = 0;
    const { addEventListener, removeEventListener } = EventTarget.prototype;
    EventTarget.prototype.addEventListener = function (...details) {
        listeners += !(this instanceof Worker);
        return addEventListener.apply(this, details);
    };
    EventTarget.prototype.removeEventListener = function (...details) {
        listeners -= !(this instanceof Worker);
        return removeEventListener.apply(this, details);
    };
    // Those that begin from here on: one of the page before may end only now.
    const workers = new Set();
    const { terminate } = Worker.prototype;
    Worker.prototype.terminate = function () {
        workers.delete(this);
        return terminate.apply(this);
    };
    const OwnWorker = window.Worker;
    window.Worker = class extends OwnWorker {
        constructor(...details) {
            super(...details);
            workers.add(this);
        }
    };
    const heard = [];
    const model = {
        get: (name) => state[name],
        set() {},
        save_changes() {},
        send() {},
        on: (name, listener) => heard.push([name, listener]),
        off(name, listener) {
            const at = heard.findIndex(([own, heardBy]) => own === name && heardBy === listener);
            if (at >= 0) heard.splice(at, 1);
        },
    };
    const el = document.body.appendChild(document.createElement("div"));
    const count = () => ({
        listeners, workers: workers.size, heard: heard.length, children: el.children.length,
    });
    const close = await widget.render({ model, el });
    await wait(300);
    const during = count();
    close();
    const before = frames_.length;
    await wait(200);
    return { during, after: { ...count(), frames: frames_.length - before } };
}"""
NOTHING_LEFT = {"listeners": 0, "workers": 0, "heard": 0, "children": 0, "frames": 0}
