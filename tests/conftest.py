"""What all tests share: one thread, reproducible examples, no silent skips, the built book."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Set before anything imports torch, and inherited by the notebooks' kernels: the tests run in as
# many processes as there are cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "agg")

import browser_tools
import nbval.kernel
import pytest
from build_book import own_sockets
from hypothesis import settings
from jupyter_client.manager import KernelManager
from nbval_recording import Recorder
from warm_kernels import Warm

ROOT = Path(__file__).resolve().parents[1]
IN_CI = os.environ.get("CI") == "true"

# They fork, and set signals, memory limits and cores as Linux does.
collect_ignore = [] if sys.platform == "linux" else ["test_hostile.py", "test_robustness.py"]

# A time limit for one example would fail on a busy machine. In CI the examples are the same in
# every run; elsewhere new ones are tried each time.
settings.register_profile("here", deadline=None, max_examples=25)
settings.register_profile("ci", settings.get_profile("here"), derandomize=True, print_blob=True)
settings.load_profile("ci" if IN_CI else "here")


class _Manager(Warm, KernelManager):
    """Starts a notebook's kernel; nbval has no option for any of this."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, **own_sockets())

    def start_kernel(self, **options: Any) -> None:
        # A notebook draws into its page.
        drawing = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
        super().start_kernel(env=drawing, **options)


nbval.kernel.KernelManager = _Manager


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--keep-outputs",
        action="store_true",
        help="store the notebooks that nbval has run where the book looks for executed ones",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("keep_outputs"):
        # A plugin of its own: the hooks of this file are not called for notebooks elsewhere.
        config.pluginmanager.register(Recorder(ROOT, first=not hasattr(config, "workerinput")))


# The 5 s of Playwright are too short on a loaded machine. An expectation that fails takes longer
# this way; one that holds takes no longer.
try:
    from playwright.sync_api import expect
except ImportError:
    pass  # `browser_tools.require_chromium` says what follows from that.
else:
    expect.set_options(timeout=30_000)


def _forbid_skip(report: Any) -> None:
    """Turn a skip into a failure that says why: in CI, every tool is there or is installed."""
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"with CI=true nothing may be skipped, but: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Iterator[None]:
    report = yield
    _forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    _forbid_skip(report)
    return report


@pytest.fixture(scope="session")
def html() -> Path:
    """The folder of the built book."""
    folder = ROOT / "_build" / "html"
    if not (folder / "index.html").is_file():
        pytest.fail("there is no built book: run `make book`", pytrace=False)
    return folder


@pytest.fixture(scope="session")
def site(html: Path) -> Iterator[str]:
    """The address of the built book on a local server."""
    with browser_tools.serve(html) as address:
        yield address


_MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
(PAGE_FILE,) = re.findall(r'grep -lE "([^"]+)" tests', _MAKEFILE)
"""By what `make test-pages` finds the files with tests of pages."""


@functools.cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser or the built book, so that `make unit` can leave it out."""
    for item in items:
        if {"browser", "html", "site"}.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("page")
            if not re.search(PAGE_FILE, _text(item.path)):
                raise pytest.UsageError(f"{item.path}: `make test-pages` does not find this file")


# Not for the session: while it is open, no other test of this process can start a browser itself.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """One Chromium for all tests of a file."""
    browser_tools.require_chromium()
    with browser_tools.launch() as chromium:
        yield chromium
