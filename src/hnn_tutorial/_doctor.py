"""What ``hnn-tutorial doctor`` looks at: versions, threads, devices, and what is missing."""

import os
import platform
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from hnn_tutorial import __version__

MATRIX = 256

TOOLS = {
    "git": "with the system's package manager",
    "make": "with the system's package manager",
    "node": "https://nodejs.org, or the package playwright, which brings one",
    "chromium": "with the system's package manager (Debian: apt install chromium)",
}
TOOL_NAMES = {"chromium": ("chromium", "chromium-browser", "google-chrome")}


def examine() -> int:
    """Print what was found.

    Returns:
        0 if all that the package requires is there, else 1.
    """
    print(f"hnn-tutorial {__version__}")
    print(f"python {platform.python_version()}, {platform.system()} {platform.machine()}")
    missing = _show_packages()
    if "torch" not in missing:
        _show_processor()
        _show_devices()
        _show_recordings()
    _show_tools()
    if missing:
        print(f"\nmissing or too old: {', '.join(missing)}; pip install --upgrade hnn-tutorial")
        return 1
    print("\nall that is required is there")
    return 0


def requirements() -> Iterator[tuple[str, str, str]]:
    """Yield ``(name, lower bound, extra)`` of each requirement; the extra of most is empty."""
    for text in requires("hnn-tutorial") or []:
        needed = re.match(r"([\w.-]+)[^;]*?(?:>=([\d.]+))?(?=[,<;\s]|$)", text)
        assert needed is not None, text
        name, bound = needed.groups()
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", text)
        yield name, bound or "0", extra[1] if extra else ""


def _found(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _numbers(text: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", text)
    assert found is not None, text
    return tuple(map(int, found[0].split(".")))


def _show_packages() -> list[str]:
    """Print versions; return the required packages that are missing or too old."""
    wanting: dict[str, list[str]] = {}
    print("\nrequired packages")
    for name, bound, extra in requirements():
        found = _found(name)
        good = found is not None and _numbers(found) >= _numbers(bound)
        if not good:
            wanting.setdefault(extra, []).append(name)
        if not extra:
            remark = "" if good else f"  <- expected {bound} or newer"
            print(f"  {name:<12} {found or 'missing'}{remark}")
    required = wanting.pop("", [])
    print("\noptional packages")
    for extra, names in wanting.items():
        print(f"  {', '.join(names)} missing: pip install 'hnn-tutorial[{extra}]'")
    if not wanting:
        print("  all are there")
    return required


def _show_processor() -> None:
    import torch

    from hnn_tutorial.experiments._results import processor

    print(f"\nprocessor: {processor()}, {os.cpu_count()} cores")
    print(f"  torch threads: {torch.get_num_threads()}")
    print(f"  OMP_NUM_THREADS: {os.environ.get('OMP_NUM_THREADS', 'not set')}")


def _show_devices() -> None:
    import torch

    print("\nCUDA devices")
    for k in range(torch.cuda.device_count()):
        print(f"  cuda:{k}  {torch.cuda.get_device_name(k)}: {_try_device(f'cuda:{k}')}")
    if not torch.cuda.device_count():
        print("  none: everything runs on the CPU, which suits small networks")
    print("  tests that need one: pytest -m gpu")


def _try_device(device: str) -> str:
    """Multiply matrices in float64 on a device, and say whether the product is right."""
    import torch

    a = torch.rand(MATRIX, MATRIX, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    try:
        product = (a.to(device) @ a.to(device)).cpu()
    except RuntimeError as error:
        return f"not usable: {str(error).splitlines()[0]}"
    if not torch.allclose(product, a @ a, rtol=1e-12):
        return "not usable: its float64 products differ from the CPU's"
    return "float64 products agree with the CPU's"


def _show_recordings() -> None:
    from hnn_tutorial.recordings import FOLDER_VARIABLE, RECORDINGS

    folder = os.environ.get(FOLDER_VARIABLE)
    print(f"\nrecordings ({FOLDER_VARIABLE})")
    if not folder:
        print("  not set: recipes on recordings need the folder that holds them")
    elif not Path(folder).is_dir():
        print(f"  {folder}: there is no such folder")
    else:
        for source in RECORDINGS.values():
            there = "" if (Path(folder) / source.file).is_file() else f", not in {folder}"
            print(f"  {source.title}: {source.file}{there}")


def _show_tools() -> None:
    absent = {
        tool: where
        for tool, where in TOOLS.items()
        if not any(shutil.which(name) for name in TOOL_NAMES.get(tool, (tool,)))
    }
    print("\noptional tools")
    for tool, where in absent.items():
        print(f"  {tool} missing: {where}")
    if not absent:
        print("  all are there")
