"""Give the project another address, in every file that names it: what a fork does first.

    python tools/address.py https://github.com/USER/REPO

The address of today is that of ``pyproject.toml``. It stands in the first cell of every notebook,
from where Colab installs the package, in the buttons and the citation, in the README and on the
pages. All of these follow, and the exercises are derived anew. Running it twice changes nothing.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import exercises

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = {
    ".cff",
    ".css",
    ".html",
    ".ipynb",
    ".js",
    ".json",
    ".md",
    ".py",
    ".toml",
    ".txt",
    ".yml",
}
# What is built, installed or derived; `exercises/` follows from `solutions/`.
LEFT_OUT = {"_build", "exercises", "node_modules", "__pycache__", "venv"}
ADDRESS = re.compile(r"https://github\.com/([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))/([\w.-]{1,100})")


def parse(address: str) -> tuple[str, str]:
    """Return the owner and the name of a repository on GitHub.

    Raises:
        ValueError: if it is no such address.
    """
    plain = address.strip().removesuffix("/").removesuffix(".git")
    found = ADDRESS.fullmatch(plain)
    if found is None or found[2] in {".", ".."}:
        raise ValueError(
            f"{address!r} is not the address of a repository on GitHub; expected one like "
            "https://github.com/USER/REPO (the links to Colab and Binder need GitHub)"
        )
    return found[1], found[2]


def files(root: Path) -> Iterator[Path]:
    """Yield the text files that may name the address; ``pyproject.toml`` comes last."""
    found = []
    for path in sorted(root.rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") for part in parts[:-1] if part != ".github")
        if hidden or LEFT_OUT & set(parts[:-1]) or any(p.endswith(".egg-info") for p in parts):
            continue
        if path.suffix in SUFFIXES and path.is_file():
            found.append(path)
    # An interrupted run can then be repeated: the old address is still known.
    yield from sorted(found, key=lambda path: path == root / "pyproject.toml")


def rename(text: str, old: tuple[str, str], new: tuple[str, str]) -> str:
    """Replace one repository by another in a text: addresses of GitHub, Colab, Binder and Pages."""
    end = r"(?![\w-])(?!\.\w)"  # not the beginning of a longer name
    was, becomes = "/".join(old), "/".join(new)
    # The folder that a clone makes.
    cloned = rf"git clone \S*{re.escape(was)}(?:\.git)?(?:\s*&&\s*|\s*\n\s*)cd "
    text = re.sub(rf"({cloned}){re.escape(old[1])}{end}", lambda found: found[1] + new[1], text)
    text = re.sub(
        rf"(github\.com[/:]|/gh/|/github/){re.escape(was)}(?=\.git\b|{end})",
        lambda found: found[1] + becomes,
        text,
    )
    return re.sub(
        rf"\b{re.escape(old[0])}\.github\.io/{re.escape(old[1])}{end}",
        f"{new[0]}.github.io/{new[1]}",
        text,
    )


def marks(root: Path) -> dict[Path, str]:
    """The expected pictures of the exercises, and the mark of the code that drew each."""
    return {
        root / "exercises" / "pictures" / name: mark
        for path in sorted((root / "solutions").glob("*.ipynb"))
        for name, mark in exercises.pictures(exercises.read(path), path.name).items()
    }


def mark_anew(root: Path, before: dict[Path, str]) -> None:
    """Mark the pictures that were up to date as still being so: the first cell draws nothing."""
    for path, mark in marks(root).items():
        old = before.get(path, "")
        if old and path.is_file() and (text := path.read_bytes().decode("utf-8")).endswith(old):
            path.write_bytes((text.removesuffix(old) + mark).encode("utf-8"))


def change(root: Path, address: str) -> list[Path]:
    """Give the project below `root` another address; return the files that were changed."""
    new = parse(address)
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    old = parse(project["urls"]["Repository"])
    changed, drawn = [], marks(root)
    for path in files(root):
        # As bytes, so that the ends of the lines stay as they are.
        before = path.read_bytes().decode("utf-8")
        after = rename(before, old, new)
        if after != before:
            path.write_bytes(after.encode("utf-8"))
            changed.append(path)
    mark_anew(root, drawn)
    return changed


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(description="Give the project another address, everywhere.")
    parser.add_argument("address", help="https://github.com/USER/REPO")
    options = parser.parse_args(arguments)
    try:
        changed = change(root, options.address)
    except ValueError as error:
        parser.error(str(error))
    # Also when nothing was changed: the run before may have been interrupted here.
    if exercises.main([], root):
        print("the exercises could not be derived; run `make exercises`", file=sys.stderr)
        return 1
    for path in changed:
        print(f"  {path.relative_to(root).as_posix()}")
    owner, name = parse(options.address)
    said = f"{len(changed)} files changed" if changed else "nothing to change"
    print(f"{said}: the project's address is https://github.com/{owner}/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
