"""Keep what a notebook gives when nbval runs it: the book shows that run, and needs no other.

nbval executes each cell as a test and throws its outputs away. Here the messages that the kernel
sends to nbval go into the notebook too, by the code that `build_book.py` executes notebooks with;
a notebook of which all cells have passed is then stored where the book looks for it. `make test`
so runs every notebook once. `tests/conftest.py` connects this with pytest.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbval.plugin
import pytest
from build_book import Client, Layout, Run, drop_outdated, keep, read_notebook
from nbclient.exceptions import CellExecutionComplete
from nbval.kernel import RunningKernel


class Recorder:
    """A plugin of pytest that tells nbval's kernels which cell begins, and how it has ended."""

    def __init__(self, root: Path, *, first: bool) -> None:
        self.root = root
        nbval.plugin.RunningKernel = RecordingKernel
        if first:
            # Before anything is stored, what was stored from other code goes.
            drop_outdated(Layout(root))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        """Around the execution of one cell."""
        kernel = getattr(item.parent, "kernel", None)
        if not isinstance(kernel, RecordingKernel):
            return (yield)
        kernel.begin(item.path, item.cell_num)
        try:
            result = yield
        except BaseException:
            kernel.fail()
            raise
        kernel.end(self.root, item.path)
        return result


class RecordingKernel(RunningKernel):
    """nbval's kernel; what its cells put out is gathered in a notebook."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._language: dict[str, Any] = {}
        self._client: Client | None = None
        self._code: list[tuple[Any, int]] = []
        self._number = -1
        self._request: str | None = None
        self._seconds = 0.0
        super().__init__(*arguments, **options)

    def begin(self, path: Path, number: int) -> None:
        """Say that the next cell to be executed is code cell `number` of the notebook `path`."""
        if number == 0:
            self._client = Client(read_notebook(path))
            self._client.nb.metadata["language_info"] = self._language
            cells = enumerate(self._client.nb.cells)
            self._code = [(cell, index) for index, cell in cells if cell.cell_type == "code"]
        elif number != self._number + 1:
            self._client = None  # A cell before this one was left out.
        self._number = number
        if self._client is None:
            return
        # As nbclient begins a cell.
        self._code[number][0].outputs = []
        self._client.clear_before_next_output = False
        self._began = time.perf_counter()

    def fail(self) -> None:
        """Say that the cell has failed: this notebook is not to be kept."""
        self._client = None

    def end(self, root: Path, path: Path) -> None:
        """Say that the cell has passed; after the last one the notebook is stored."""
        if self._client is None:
            return
        self._seconds += time.perf_counter() - self._began
        self._code[self._number][0].execution_count = self._number + 1
        if self._number == len(self._code) - 1:
            self._client.set_widgets_metadata()
            keep(Layout(root), Run(path, self._client.nb, self._seconds))

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        """Send a cell to the kernel; remember its request, by which its messages are known."""
        # nbval's own call keeps no history, without which a semicolon hides no value.
        self._request = self.kc.execute(
            cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False
        )
        return self._request

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """Hand a message to nbval, and into the notebook if it is an output of the cell."""
        message = super().get_message(stream, timeout)
        if message["msg_type"] == "kernel_info_reply":
            self._language = message["content"]["language_info"]
        of_cell = stream == "iopub" and message["parent_header"].get("msg_id") == self._request
        if of_cell and self._client is not None:
            # Raised when the cell is through, which nbval sees for itself.
            with contextlib.suppress(CellExecutionComplete):
                self._client.process_message(message, *self._code[self._number])
        return message
