"""A learner's way through JupyterLab: start page, exercise, wrong answer, hints, right answer."""

import re
import shutil
from pathlib import Path

import pytest
from browser_tools import jupyterlab, open_page, run_cell
from playwright.sync_api import expect

import exercises

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (extra `lab`)")

ROOT = Path(exercises.__file__).resolve().parents[1]
NAME = "hamiltonian_mechanics"
WRONG = "def magnetic_field(x, m, B):\nreturn 0 * x"


@pytest.fixture
def start_page(tmp_path):
    for folder in ("exercises", "solutions"):
        (tmp_path / folder).mkdir()
        for path in (ROOT / folder).glob("*.ipynb"):
            shutil.copy(path, tmp_path / folder)
    with jupyterlab(tmp_path, []) as address:
        yield address.replace("live.ipynb", f"exercises/{exercises.START_PAGE}")


def ready(page):
    expect(page.get_by_text("(ipykernel) | Idle")).to_be_visible(timeout=90_000)


def test_from_the_start_page_to_a_solved_exercise_and_back(browser, start_page):
    solution = exercises.read(ROOT / "solutions" / f"{NAME}.ipynb")
    right = next(c["source"] for c in solution["cells"] if exercises.regions(c["source"]))
    with open_page(browser, start_page, height=1300) as (page, log):
        ready(page)
        overview = page.locator(".jp-CodeCell").nth(1)
        run_cell(page, 1)
        expect(overview.locator(".hnn-check")).to_contain_text("0 of ", timeout=120_000)
        expect(overview.locator(".hnn-check tbody tr")).to_have_count(
            len(list((ROOT / "solutions").glob("*.ipynb")))
        )
        # The links of the table lead to notebooks in JupyterLab, not to files in the browser.
        overview.get_by_role("link", name="Hamiltonian mechanics").click()
        panel = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)")
        expect(
            panel.get_by_role("heading", name="Exercises: Hamiltonian mechanics")
        ).to_be_visible()
        ready(page)
        cells = panel.locator(".jp-CodeCell")

        def run(number):
            cell = cells.nth(number)
            cell.locator(".jp-InputPrompt").click()
            page.keyboard.press("Control+Enter")
            return cell.locator(".hnn-check")

        def answer(text):
            cells.nth(2).locator(".cm-content").click()
            page.keyboard.press("Control+a")
            page.keyboard.insert_text(text)
            page.keyboard.press("Control+Enter")
            return run(3)

        run(1)
        run(2)
        expect(run(3)).to_contain_text("Not attempted yet", timeout=120_000)
        expect(answer(WRONG)).to_contain_text("Not yet right", timeout=90_000)
        for summary in ("Hint 1", "Hint 2", "Hint 3", "Solution"):
            fold = panel.locator("details", has=page.get_by_text(summary, exact=True)).first
            expect(fold).not_to_have_attribute("open", "")
            fold.locator("summary").click()
            expect(fold).to_have_attribute("open", "")
        expect(fold.get_by_role("link", name="the worked solutions")).to_be_visible()
        passed = answer(right)
        expect(passed).to_contain_text("Passed", timeout=90_000)
        expect(passed).to_contain_text("1 of 5 solved in this chapter.")

        page.locator(".lm-TabBar-tabLabel", has_text=re.compile("^start_here.ipynb$")).click()
        panel.locator(".jp-CodeCell").nth(1).locator(".jp-InputPrompt").click()
        page.keyboard.press("Control+Enter")
        expect(overview.locator(".hnn-check")).to_contain_text("1 of ", timeout=90_000)
        expect(overview.locator(".hnn-check")).to_contain_text("Exercise 2 (code)")
        assert log.outside == []
