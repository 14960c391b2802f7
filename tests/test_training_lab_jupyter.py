"""The training lab in JupyterLab with a live kernel: the page trains, Python has the model."""

import re

import pytest
from browser_tools import ask_python, jupyterlab, open_page, run_cell
from playwright.sync_api import expect

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (extra `lab`)")

SHOW = """
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.widgets import TrainingLab
lab = TrainingLab(
    MassSpring(), steps=15, noise=0.0, optimizer="levenberg_marquardt", hidden=(16, 16), speed=10
)
lab
"""
REPORT = """
error = field_error(lab.hnn.field, lab.system.field, lab.data.states)
print(f"python saw {len(lab.data)} samples, step {lab.history['hnn'][-1][0]}, error {error:.1e}")
"""
RESTART = """
lab.hnn = HNN(1, (12,), seed=5)
lab.optimizer = "adam"
lab.training = True
"""


@pytest.fixture
def notebook(tmp_path):
    with jupyterlab(tmp_path, [SHOW, REPORT, RESTART]) as address:
        yield address


def test_the_page_trains_and_python_has_the_model(browser, notebook):
    with open_page(browser, notebook, height=1800) as (page, log):
        expect(page.get_by_text("(ipykernel) | Idle")).to_be_visible(timeout=60_000)
        run_cell(page, 0)
        primary = page.locator(".hnn-primary")
        expect(primary).to_be_visible(timeout=30_000)
        page.locator(".hnn-handle-cursor").first.focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        expect(page.locator(".hnn-note")).to_contain_text("220 points")
        primary.click()
        expect(primary).to_have_text("Learn on")

        answer = re.compile(r"python saw 220 samples, step 15, error (\S+)")
        assert float(ask_python(page, 1, answer)[1]) < 1e-4

        run_cell(page, 2)
        # Python put another network there and started it: the page trains that one.
        expect(page.locator(".hnn-clock")).to_contain_text("15 of Adam")
        expect(page.get_by_label("optimiser")).to_have_value("adam")
        assert not page.locator(".hnn-message").is_visible()
        assert log.outside == []
        assert [error for error in log.errors if "hnn" in error or "anywidget" in error] == []
