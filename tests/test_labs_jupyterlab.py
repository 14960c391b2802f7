"""The tour of `test_labs_tour.py` in JupyterLab: every lab in a cell, before a live kernel."""

import re
from pathlib import Path

import pytest
from browser_tools import choose, jupyterlab, open_page, run_cell
from playwright.sync_api import expect
from test_labs_tour import LABS, tour


def test_a_tour_in_jupyterlab_with_a_live_kernel(browser, tmp_path):
    """Every lab in a cell of one notebook: run, toured, dark, narrower, run again."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (extra `lab`)")
    here = Path(__file__).parent
    # As pyproject.toml has it for pytest.
    paths = [str(here), str(here.parent / "tools")]
    begin = f"import sys; sys.path[:0] = {paths!r}; import test_labs_tour"
    cells = [begin, *(f"test_labs_tour.ROWS[{name!r}]()" for name in LABS)]
    # Labs that do not start by themselves leave JupyterLab time for the rest; the tour presses
    # their buttons, and in `test_labs_tour.py` they move.
    options = {"width": 1400, "height": 1500, "reduced_motion": "reduce"}
    with (
        jupyterlab(tmp_path, cells) as address,
        open_page(browser, address, **options) as (page, log),
    ):
        expect(page.get_by_text("(ipykernel) | Idle")).to_be_visible(timeout=90_000)
        run_cell(page, 0)
        for number, name in enumerate(LABS, start=1):
            cell = run_cell(page, number)
            lab = cell.locator(".hnn-lab")
            expect(lab).to_be_visible(timeout=90_000)
            done: list[str] = []
            tour(page, lab, done)
            page.evaluate("document.body.dataset.jpThemeLight = 'false'")
            expect(lab).to_have_attribute("data-hnn-theme", "dark")
            page.set_viewport_size({"width": 1000, "height": 1500})
            page.evaluate("document.body.dataset.jpThemeLight = 'true'")
            expect(lab).to_have_attribute("data-hnn-theme", "light")
            page.set_viewport_size({"width": 1400, "height": 1500})
            run_cell(page, number)
            expect(lab).to_have_count(1, timeout=90_000)
            expect(lab).to_be_visible()
            expect(cell.locator(".hnn-message")).to_be_hidden()
            print(f"{name} in JupyterLab: {', '.join(done)}, dark, narrower, run again")
            # The next lab has this one above it. With all of them above it each change of theme
            # and width draws them all, which takes minutes.
            if number > 1:
                above = choose(page, number - 1, "Edit", "Clear Cell Output")
                expect(above.locator(".hnn-lab")).to_have_count(0)
        assert log.outside == []
        own = [error for error in log.errors if re.search("hnn|anywidget|uncaught|kernel", error)]
        assert own == []
