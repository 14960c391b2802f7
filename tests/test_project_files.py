"""The project's files agree with each other: bounds, pins, versions, licences."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from rattler import MatchSpec
from rattler.exceptions import InvalidMatchSpecError

import hnn_tutorial

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT, TOOLS = PYPROJECT["project"], PYPROJECT["tool"]
# Without the rivals of `benchmarks/`, which neither users nor CI need.
EXTRAS = {k: v for k, v in PROJECT["optional-dependencies"].items() if k != "bench"}
REQUIREMENTS = [
    Requirement(text) for text in sum(EXTRAS.values(), start=list(PROJECT["dependencies"]))
]
ENVIRONMENT = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
CONDA = [entry for entry in ENVIRONMENT["dependencies"] if isinstance(entry, str)]
PIP = [
    line
    for entry in ENVIRONMENT["dependencies"]
    if isinstance(entry, dict)
    for line in entry["pip"]
]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))

# conda-forge's names where they differ, and what it does not carry under a name of its own.
CONDA_NAMES = {
    "torch": "pytorch",
    "matplotlib": "matplotlib-base",
    "build": "python-build",
    "arch": "arch-py",
}
PIP_ONLY = {"axe-playwright-python", "playwright", "pysindy", "sphinx-mathjax-offline"}


# A GitHub repository, in an address of GitHub's, Colab's or Binder's.
REPOSITORY = re.compile(r"(?:github\.com[/:]|/gh/|/github/)([\w.-]+/[\w-]+)")


def split(spec: str) -> tuple[str, SpecifierSet]:
    """Return the name and the bounds of a conda spec, after a strict parse."""
    parsed = MatchSpec(spec, strict=True)
    name = re.match(r"[a-z0-9-]+", spec)[0]
    assert parsed.name is not None
    version = str(parsed.version or "")
    # conda's `=3.12`, which is any 3.12.x, parses to 3.12.*
    return name, SpecifierSet(f"=={version}" if version[:1].isdigit() else version)


def test_environment_has_the_agreed_name_and_channel():
    assert ENVIRONMENT["name"] == "hnn-tutorial"
    assert ENVIRONMENT["channels"] == ["conda-forge"]


@pytest.mark.parametrize("spec", CONDA)
def test_every_conda_spec_is_strictly_valid(spec):
    split(spec)


@pytest.mark.parametrize("spec", ["numpy=>1.26", "numpy>=1.26 or so and more"])
def test_the_strict_parse_refuses_what_conda_would(spec):
    with pytest.raises(InvalidMatchSpecError):
        split(spec)


@pytest.mark.parametrize(
    "requirement", [r for r in REQUIREMENTS if canonicalize_name(r.name) not in PIP_ONLY], ids=str
)
def test_conda_bounds_are_those_of_pyproject(requirement):
    bounds = dict(split(spec) for spec in CONDA)
    name = canonicalize_name(requirement.name)
    name = CONDA_NAMES.get(name, name)
    assert name in bounds, f"environment.yml lacks {name}{requirement.specifier}"
    assert bounds[name] == requirement.specifier


def test_conda_has_a_python_that_repo2docker_understands():
    (spec,) = [spec for spec in CONDA if re.match("python[ =<>]", spec)]
    version = re.fullmatch(r"python=(3\.\d+)", spec)
    assert version, spec
    assert SpecifierSet(PROJECT["requires-python"]).contains(version[1])


def test_conda_has_nothing_that_pyproject_lacks():
    bounds = dict(split(spec) for spec in CONDA)
    bounds.pop("pip")
    bounds.pop("python")
    known = {canonicalize_name(r.name) for r in REQUIREMENTS}
    assert set(bounds) == {CONDA_NAMES.get(name, name) for name in known - PIP_ONLY}


def test_pip_section_installs_the_package_with_every_extra():
    assert len(PIP) == 1
    found = re.fullmatch(r"-e \.\[([a-z,]+)\]", PIP[0])
    assert found, PIP
    assert set(found[1].split(",")) == set(EXTRAS)


def pins(name: str) -> dict[str, str]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    matches = [re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9A-Za-z.!]+)", line) for line in found]
    wrong = [line for line, match in zip(found, matches, strict=True) if not match]
    assert not wrong, f"not an exact pin of a public version: {wrong}"
    return {canonicalize_name(match[1]): match[2] for match in matches}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_constraints_pin_every_requirement_within_its_bounds(requirement):
    version = pins("constraints.txt").get(canonicalize_name(requirement.name))
    assert version, f"constraints.txt does not pin {requirement.name}"
    assert requirement.specifier.contains(version)


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=str)
def test_requirements_have_lower_bounds_and_no_exact_pins(requirement):
    operators = {specifier.operator for specifier in requirement.specifier}
    assert ">=" in operators
    assert not operators & {"==", "===", "~="}


def test_the_package_leaves_a_colab_machine_as_it_is():
    # With a bound above what Colab has, the first cell of every notebook would replace Colab's own
    # package, and its kernel would need a restart.
    colab = pins("tools/colab-versions.txt")
    needed = {r.name: r.specifier for r in map(Requirement, PROJECT["dependencies"])}
    assert set(needed) - set(colab) == {"rjsmin"}, "say what Colab has of a new dependency"
    assert all(needed[name].contains(colab[name]) for name in set(needed) & set(colab))


def test_the_address_of_the_project_is_the_same_everywhere():
    """It stands in pyproject.toml; an address of a repository of this name is that one."""
    address = PROJECT["urls"]["Repository"]
    name = address.removeprefix("https://github.com/")
    folders = (".", ".github", "book", "solutions", "exercises", "src", "tools", "benchmarks")
    suffixes = {".cff", ".ipynb", ".md", ".py", ".js", ".toml", ".yml", ".yaml", ".html"}
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in (ROOT / folder).glob("*" if folder == "." else "**/*"):
            if path.suffix in suffixes and path.is_file():
                for other in REPOSITORY.findall(path.read_text(encoding="utf-8")):
                    if other == name or canonicalize_name(other.split("/")[1]) == PROJECT["name"]:
                        found.setdefault(other, set()).add(path.relative_to(ROOT).as_posix())
    assert found.pop(name) >= {"README.md", "CITATION.cff", "_config.yml", "book/intro.md"}
    assert not found, f"not {address}"


def test_citation_is_version_1_2_of_the_format_and_of_this_version():
    assert CITATION["cff-version"] == "1.2.0"
    assert str(CITATION["version"]) == PROJECT["version"]
    assert CITATION["repository-code"] == PROJECT["urls"]["Repository"]
    # The format's four required keys, and what the others may be.
    assert {"cff-version", "message", "title", "authors"} <= set(CITATION)
    optional = {"abstract", "keywords", "license", "repository-code", "type", "version"}
    assert set(CITATION) <= optional | {"cff-version", "message", "title", "authors"}
    assert CITATION["type"] in {"software", "dataset"}
    assert CITATION["authors"] == [{"name": "The hnn_tutorial authors"}]
    assert all(isinstance(word, str) for word in CITATION["keywords"])


def test_licence_names_both_licences():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PROJECT["license"] == "MIT AND CC-BY-4.0"
    assert "MIT License" in text
    assert "Permission is hereby granted, free of charge" in text
    assert "https://creativecommons.org/licenses/by/4.0/" in text
    assert CITATION["license"] == "MIT"


def test_gitignore_covers_what_must_not_be_committed():
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    patterns = {line.strip("/") for line in lines}
    assert patterns >= {
        ".venv",
        "_build",
        "__pycache__",
        ".pytest_cache",
        ".ruff_cache",
        ".hypothesis",
        ".ipynb_checkpoints",
        "*.egg-info",
        "node_modules",
        "*.tmp",
    }


def test_the_wheel_takes_every_file_of_the_package():
    package = ROOT / "src" / "hnn_tutorial"
    patterns = TOOLS["setuptools"]["package-data"]["hnn_tutorial"]
    taken = {path for pattern in patterns for path in package.glob(pattern)}
    there = {path for path in package.rglob("*") if path.is_file() and path.suffix != ".py"}
    assert {path for path in there if "__pycache__" not in path.parts} == taken
    # Without this marker a type checker takes nothing of an installed package for typed.
    assert package / "py.typed" in taken


def test_one_version_stands_everywhere():
    assert hnn_tutorial.__version__ == PROJECT["version"]
    cited = (ROOT / "book" / "cite.md").read_text(encoding="utf-8")
    assert re.findall(r"Version ([\d.]+),|version = \{([\d.]+)\}", cited) == [
        (PROJECT["version"], ""),
        ("", PROJECT["version"]),
    ]


def test_the_changelog_tells_of_this_version_and_dates_those_before_it():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    entries = re.findall(r"^## \[([\w.]+)\](?: - (\S+))?$", text, flags=re.MULTILINE)
    released = [(version, date) for version, date in entries if version != "Unreleased"]
    assert released[0][0] == PROJECT["version"]
    dates = [date for _, date in released]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d", date) for date in dates[1:])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d|unreleased", dates[0])
    kinds = set(re.findall(r"^### (.+)$", text, flags=re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
