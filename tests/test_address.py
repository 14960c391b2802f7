"""A fork gives the project its own address with one command."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import address
import pytest

ROOT = Path(__file__).resolve().parents[1]
TODAY = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Repository"]
OLD = address.parse(TODAY)
# In two parts: this file follows no change of the address.
OWNER, NAME = "ada-lovelace-at-the-university", "hamilton-course-2027"
FORK = f"{OWNER}/{NAME}"
WHOLE = f"https://github.com/{FORK}"


@pytest.fixture(scope="module")
def fork(tmp_path_factory) -> Path:
    """A copy of the project, to which the command has been given once."""
    copy = tmp_path_factory.mktemp("fork") / "copy"
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    if not copy.exists():
        pytest.skip("needs a checkout")
    shutil.copytree(copy, copy.with_name("original"))
    done = run(copy, f"{WHOLE}/")
    assert done.returncode == 0, done.stderr
    return copy


def run(copy: Path, *arguments: str) -> subprocess.CompletedProcess:
    return tool(copy, "tools/address.py", *arguments)


def tool(copy: Path, *command: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *command], cwd=copy, capture_output=True, text=True, check=False
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_old_address_is_gone(fork):
    name = "/".join(OLD).encode()
    left = [path for path, data in contents(fork).items() if name in data]
    assert left == []


def test_notebooks_buttons_citation_binder_and_pages_follow(fork):
    texts = {name: data.decode("utf-8", "replace") for name, data in contents(fork).items()}
    for name in ("_config.yml", "CITATION.cff", "README.md", "book/cite.md", "pyproject.toml"):
        assert WHOLE in texts[name], name
    for name, text in texts.items():
        if name.endswith(".ipynb"):
            assert f"git+{WHOLE}" in text, name
    assert f"mybinder.org/v2/gh/{FORK}/HEAD" in texts["README.md"]
    for name in ("README.md", "book/intro.md"):
        assert f"cd {NAME}" in texts[name]
        assert "cd hnn-tutorial" not in texts[name]
    # The name of the package stays.
    assert '"hnn-tutorial @ git+' in texts["book/pendulum.ipynb"].replace("\\", "")


CHECKS = """
import sys
sys.path.insert(0, "tools")
import check_notebooks, exercises
sys.exit(check_notebooks.main([]) or exercises.main(["--check"]))
"""


def test_the_other_rules_still_hold(fork):
    for command in (
        ["-c", CHECKS],
        ["-m", "ruff", "check", "book", "solutions"],
        # It needs none of the shared fixtures, whose imports take longer than its tests.
        ["-m", "pytest", "-q", "-pno:cacheprovider", "--noconftest", "tests/test_project_files.py"],
    ):
        done = tool(fork, *command)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "skipped" not in done.stdout


def test_the_same_address_again_changes_nothing_and_the_old_one_brings_all_back(fork, tmp_path):
    copy = tmp_path / "again"
    shutil.copytree(fork, copy)
    before = contents(copy)
    done = run(copy, f"{WHOLE}.git")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        f"nothing to change: the project's address is {WHOLE}",
    )
    assert contents(copy) == before
    assert run(copy, TODAY).returncode == 0
    there, now = contents(fork.with_name("original")), contents(copy)
    assert [name for name in there if now[name] != there[name]] == []


@pytest.mark.parametrize(
    "wrong",
    [
        "github.com/ada/course",
        "http://github.com/ada/course",
        "https://gitlab.com/ada/course",
        "https://github.com/ada",
        "https://github.com/ada/course/tree/main",
        "https://github.com/-ada/course",
        "https://github.com/ada/..",
        "ada/course",
        "",
    ],
)
def test_a_wrong_address_is_refused_and_nothing_is_written(wrong, tmp_path, capsys):
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{TODAY}"', "utf-8")
    before = contents(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        address.main([wrong], tmp_path)
    assert stopped.value.code == 2
    assert "expected one like https://github.com/USER/REPO" in capsys.readouterr().err
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "before, after",
    [
        ("https://github.com/a/b", "https://github.com/c/d"),
        ("https://github.com/a/b.git", "https://github.com/c/d.git"),
        ("git@github.com:a/b.git", "git@github.com:c/d.git"),
        ("see https://github.com/a/b.", "see https://github.com/c/d."),
        ("https://github.com/a/b/issues", "https://github.com/c/d/issues"),
        ("https://github.com/a/bb", "https://github.com/a/bb"),
        ("https://github.com/a/b-two", "https://github.com/a/b-two"),
        ("https://github.com/a/b.two", "https://github.com/a/b.two"),
        ("https://github.com/aa/b", "https://github.com/aa/b"),
        ("colab.research.google.com/github/a/b/blob", "colab.research.google.com/github/c/d/blob"),
        ("https://a.github.io/b/", "https://c.github.io/d/"),
        ("git clone https://github.com/a/b && cd b", "git clone https://github.com/c/d && cd d"),
        ("git clone https://github.com/a/b\ncd b\n", "git clone https://github.com/c/d\ncd d\n"),
        ("cd b", "cd b"),
    ],
)
def test_what_is_renamed(before, after):
    assert address.rename(before, ("a", "b"), ("c", "d")) == after
    assert address.rename(after, ("c", "d"), ("c", "d")) == after
