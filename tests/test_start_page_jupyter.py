"""A learner's way through JupyterLab: start page, exercise, wrong answer, hints, right answer."""

import re
import shutil
from pathlib import Path

import pytest
from browser_tools import jupyterlab, open_page
from playwright.sync_api import expect

import exercises

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (extra `lab`)")

ROOT = Path(exercises.__file__).resolve().parents[1]
NAME = "hamiltonian_mechanics"
WRONG = "def magnetic_field(x, m, B):\n    return 0 * x"


@pytest.fixture
def start_page(tmp_path):
    for folder in ("exercises", "solutions"):
        (tmp_path / folder).mkdir()
        for path in (ROOT / folder).glob("*.ipynb"):
            shutil.copy(path, tmp_path / folder)
    with jupyterlab(tmp_path, []) as address:
        yield address.replace("live.ipynb", f"exercises/{exercises.START_PAGE}")


def ready(panel):
    """Wait for JupyterLab and for the notebook's own kernel: before, a cell cannot be run."""
    status_bar = panel.page.get_by_text("(ipykernel) | Idle")
    expect(status_bar).to_be_visible(timeout=90_000)
    indicator = panel.locator(".jp-Notebook-ExecutionIndicator")
    expect(indicator).to_have_attribute("data-status", "idle", timeout=90_000)


def run(panel, number):
    """Run a code cell, wait for its end, and return what a check or an overview shows there."""
    cell = panel.locator(".jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    prompt.click()
    panel.page.keyboard.press("Control+Enter")
    expect(prompt).not_to_have_text(before, timeout=30_000)
    expect(prompt).to_have_text(re.compile(r"\[\d+\]"), timeout=90_000)
    return cell.locator(".hnn-check")


def answer(panel, number, text):
    """Write an answer into a code cell, run it and then its check, and return what that shows."""
    panel.locator(".jp-CodeCell").nth(number).locator(".cm-content").click()
    panel.page.keyboard.press("Control+a")
    panel.page.keyboard.insert_text(text)
    run(panel, number)
    return run(panel, number + 1)


def test_from_the_start_page_to_a_solved_exercise_and_back(browser, start_page):
    solution = exercises.read(ROOT / "solutions" / f"{NAME}.ipynb")
    right = next(c["source"] for c in solution["cells"] if exercises.regions(c["source"]))
    with open_page(browser, start_page, height=1300) as (page, log):
        panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        ready(panel)
        overview = run(panel, 1)
        expect(overview).to_contain_text("0 of ")
        expect(overview.locator("tbody tr")).to_have_count(
            len(list((ROOT / "solutions").glob("*.ipynb")))
        )
        # The links of the table lead to notebooks in JupyterLab, not to files in the browser.
        overview.get_by_role("link", name="Hamiltonian mechanics").first.click()
        title = panel.get_by_role("heading", name="Exercises: Hamiltonian mechanics")
        expect(title).to_be_visible(timeout=30_000)
        ready(panel)

        run(panel, 1)
        run(panel, 2)
        expect(run(panel, 3)).to_contain_text("Not attempted yet")
        expect(answer(panel, 2, WRONG)).to_contain_text("Not yet right")
        for summary in ("Hint 1", "Hint 2", "Hint 3", "Solution"):
            fold = panel.locator("details", has=page.get_by_text(summary, exact=True)).first
            expect(fold).not_to_have_attribute("open", "")
            fold.locator("summary").click()
            expect(fold).to_have_attribute("open", "")
        expect(fold.get_by_role("link", name="the worked solutions")).to_be_visible()
        passed = answer(panel, 2, right)
        expect(passed).to_contain_text("Passed")
        expect(passed).to_contain_text("1 of 6 solved in this chapter.")

        page.locator(".lm-TabBar-tabLabel", has_text=re.compile("^start_here.ipynb$")).click()
        overview = run(panel, 1)
        expect(overview).to_contain_text("1 of ")
        expect(overview).to_contain_text("Exercise 2 (code)")
        assert log.outside == []
