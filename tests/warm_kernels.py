"""Kernels that need not import torch and the course's package again: copies of one process.

A kernel takes five seconds of work for its imports, and the tests start ninety. On Linux one
process imports them once. Each kernel is a fork of it, with a memory of its own, so that nothing of
one notebook reaches the next. Elsewhere a fork is not safe, and every kernel starts from nothing.

In such a kernel a part of a library may be there that the notebook forgets to import. `make wheel`,
and `make book` where no `make test` ran before it, run every notebook in kernels that start from
nothing.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import signal
import subprocess
import sys
from typing import Any


def _serve() -> None:
    """Start a kernel for each request, or say whether one still runs, until the tests end."""
    import anywidget  # noqa: F401
    import matplotlib
    import scipy.integrate
    import scipy.optimize  # noqa: F401
    import torch._dynamo  # noqa: F401  # by torch.optim, when the first optimizer is made
    from ipykernel.kernelapp import IPKernelApp

    import hnn_tutorial.check
    import hnn_tutorial.experiments
    import hnn_tutorial.plotting  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        if "pid" in request:
            ended, status = os.waitpid(request["pid"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if answer == 0:
                break
        print(json.dumps(answer), flush=True)
    else:
        return
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    # As matplotlib reads it when it is imported.
    inline = "module://matplotlib_inline.backend_inline"
    matplotlib.rcParams["backend"] = os.environ.get("MPLBACKEND", inline)
    # The folder of this file goes; as in `python -m` the notebook's own folder stands first.
    sys.path[0] = ""
    # The last is for its end: a kernel asks whether its parent still lives.
    IPKernelApp.launch_instance(
        ["-f", request["connection_file"], f"--IPKernelApp.parent_handle={os.getppid()}"]
    )


@functools.cache
def _server() -> subprocess.Popen:
    server = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(server.communicate)  # It ends with its input.
    return server


def _ask(**request: Any) -> int | None:
    server = _server()
    server.stdin.write(f"{json.dumps(request)}\n")
    server.stdin.flush()
    return json.loads(server.stdout.readline())


class _Kernel:
    """A kernel's process, with the methods of `subprocess.Popen` that a manager calls."""

    stdin = stdout = stderr = None

    def __init__(self, **request: Any) -> None:
        self.pid = _ask(**request)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = _ask(pid=self.pid)
        return self.returncode

    wait = poll  # It is called once the process has ended.

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Warm:
    """What makes the kernels of a manager such copies: `class Manager(Warm, KernelManager)`."""

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        self.provisioner.process = _Kernel(
            connection_file=self.connection_file,
            folder=options.get("cwd") or os.getcwd(),
            environment=options["env"],
        )

    if sys.platform != "linux":
        del _async_launch_kernel


if __name__ == "__main__":
    _serve()
