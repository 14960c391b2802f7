"""The style checks of `make lint`, so that they are counted with the tests."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_lint() -> None:
    """Formatting, lint, stripped notebooks, and exercises that match their solutions."""
    # The environment that runs this test is the one to check with, whoever made it. Relative,
    # because make splits a path at its blanks.
    command = [
        "make",
        "--no-print-directory",
        "lint",
        "STAMP=",
        f"BIN={os.path.relpath(Path(sys.executable).parent, ROOT)}",
    ]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
