"""The continuous checks: valid, calling what exists, and allowed no more than they need."""

import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(path: Path) -> dict[str, dict]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def commands(path: Path) -> list[str]:
    """What the steps of a workflow run in the shell."""
    return [step["run"] for job in jobs(path).values() for step in job["steps"] if "run" in step]


def tool(name: str, *arguments: str | Path) -> None:
    command = [Path(sys.executable).parent / name, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_follow_their_schemas():
    tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)
    tool("check-jsonschema", "--builtin-schema", "vendor.dependabot", GITHUB / "dependabot.yml")


def test_an_auditor_finds_nothing():
    """Unpinned actions, permissions that are not needed, text of others in scripts, and so on."""
    tool("zizmor", "--offline", "--no-progress", "--persona=auditor", GITHUB)


@each_workflow
def test_what_make_is_asked_for_exists(path):
    targets = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.M)[1].split()
    calls = [command for command in commands(path) if command.startswith("make ")]
    assert calls
    for call in calls:
        for word in call.split()[1:]:
            variable, is_setting, _ = word.partition("=")
            if is_setting:
                assert re.search(rf"^{variable}\s*\?=", MAKEFILE, re.M), call
            else:
                assert word in targets, call


@each_workflow
def test_checks_go_through_make(path):
    """What is checked there can be checked here, by the same command."""
    for command in commands(path):
        assert not re.search(r"pytest|jupyter|ruff|build_book|pip install", command), command


@each_workflow
def test_every_job_has_a_time_limit_and_the_last_one_waits_for_all(path):
    found = jobs(path)
    assert all("timeout-minutes" in job for job in found.values())
    *others, last = found
    assert found[last]["needs"] == others


def test_an_action_has_one_version_everywhere():
    text = "".join(path.read_text(encoding="utf-8") for path in WORKFLOWS)
    uses = re.findall(r"uses: (\S+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", text, re.M)
    assert len(uses) == text.count("uses: ")
    assert len(set(uses)) == len({name for name, _, _ in uses})


def test_the_lowest_python_is_tested_everywhere():
    lowest = PROJECT["requires-python"].removeprefix(">=")
    unit = jobs(GITHUB / "workflows/test.yml")["unit"]["strategy"]["matrix"]["include"]
    assert {row["os"] for row in unit if row["python"] == lowest} == {row["os"] for row in unit}
    assert [row["python"] for row in unit if row["constraints"].endswith("lowest.txt")] == [lowest]


def test_the_lowest_versions_are_the_lower_bounds():
    lines = (GITHUB / "lowest.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    extras = PROJECT["optional-dependencies"]
    # pysindy and jax need numpy 2, above the lowest; the Makefile leaves them out there. Of the
    # market's packages only files are read, and no test needs them; nor the benchmarks' rivals.
    others = (
        extra for name, extra in extras.items() if name not in ("sindy", "market", "jax", "bench")
    )
    for requirement in map(Requirement, chain(PROJECT["dependencies"], *others)):
        [bound] = [each.version for each in requirement.specifier if each.operator == ">="]
        # 1.11.1 for 1.11, if 1.11.0 was withdrawn.
        assert SpecifierSet(f"=={bound}.*").contains(pins[canonicalize_name(requirement.name)])
