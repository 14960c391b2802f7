"""The learned lab in JupyterLab with a live kernel: the reader's hand moves Python, and back."""

import re

import pytest
from browser_tools import ask_python, jupyterlab, open_page, run_cell
from playwright.sync_api import expect

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (extra `lab`)")

SHOW = """
from hnn_tutorial.models import HNN, MLP
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.widgets import LearnedLab
lab = LearnedLab(MassSpring(), {"baseline": MLP(1, (8,)), "HNN": HNN(1, (8,))}, start=(0.8, 0.0))
heard = []
lab.observe(lambda change: heard.append(change["new"]), "state")
lab
"""
REPORT = """
assert len(heard) > 0
print("python saw {:.2f}, {:.2f}".format(*lab.state))
"""
ANSWER = """
lab.state = [0.25, -0.5]
lab.set_model("HNN", HNN(1, (12,), seed=5))
"""


@pytest.fixture
def notebook(tmp_path):
    with jupyterlab(tmp_path, [SHOW, REPORT, ANSWER]) as address:
        yield address


def test_the_readers_hand_moves_python_and_back(browser, notebook):
    with open_page(browser, notebook, height=1300) as (page, log):
        # Before the kernel is ready, running a cell would open a dialog that asks for one.
        expect(page.get_by_text("(ipykernel) | Idle")).to_be_visible(timeout=40_000)
        run_cell(page, 0)
        handle = page.locator(".hnn-handle-start")
        expect(handle).to_be_visible(timeout=30_000)
        expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")

        # Arrow keys reach the lab, not JupyterLab's cell selection.
        handle.focus()
        for _ in range(3):
            page.keyboard.press("ArrowUp")
        box = handle.bounding_box()
        x, y = box["x"] + 22, box["y"] + 22
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x - 60, y, steps=6)
        page.mouse.up()
        text = handle.get_attribute("aria-valuetext")
        q, p = (float(number) for number in re.findall(r"= (\S+)", text))
        assert q < 0.7
        assert p > 0

        ask_python(page, 1, re.compile(re.escape(f"python saw {q:.2f}, {p:.2f}")))
        run_cell(page, 2)
        expect(handle).to_have_attribute("aria-valuetext", "q = 0.25 m, p = −0.50 kg m/s")
        expect(page.locator(".hnn-status")).to_contain_text("From q = 0.25 m")
        assert not page.locator(".hnn-message").is_visible()

        # The cell again: one lab, running.
        run_cell(page, 0)
        expect(handle).to_have_attribute(
            "aria-valuetext", "q = 0.80 m, p = 0.00 kg m/s", timeout=10_000
        )
        expect(page.locator(".hnn-lab")).to_have_count(1)

        dark = page.locator(".hnn-lab[data-hnn-theme=dark]")
        page.evaluate("document.body.dataset.jpThemeLight = 'false'")
        expect(dark).to_be_visible()
        assert log.outside == []
        assert [error for error in log.errors if "hnn" in error or "anywidget" in error] == []
