"""The notation page against the formulas of the book: one symbol, one meaning.

A test sees letters, not meanings. So it asks for three things: no symbol has two rows in the
tables; every letter of a formula has a row or is named here, with what it stands for on that page;
and spellings that once had two meanings do not come back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTATION = ROOT / "book" / "notation.md"
PAGES = sorted([*ROOT.glob("book/*.ipynb"), *ROOT.glob("solutions/*.ipynb")])

GREEK = re.findall(
    r"\w+",
    "alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho "
    "sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega",
)

EVERYWHERE = {
    "i": "an index, and nothing else",
    "j": "an index",
    "\\pi": "the number",
    "y": "the second Cartesian coordinate, beside x; in a pair (x, y) what a fit is to give",
    "s": "the scale of a quantity, or the spread of states",
}
"""What a letter without a row may stand for on any page."""

LOCAL: dict[str, dict[str, str]] = {
    "book/arm": {
        "\\tau": "the torques that a model gives for an acceleration",
        "u": "the torques of the motors",
    },
    "book/baseline_drift": {"a": "the share of x that is taken off an error"},
    "book/brackets": {
        "C": "a Casimir",
        "R": "the friction matrix",
        "b": "the port, through which an input enters",
        "u": "an input",
    },
    "book/dreamed_motion": {
        "\\kappa": "the stiffness of a spring that is added to a learned force",
        "a": "the learned units of z",
        "h": "the step of an integrator",
        "z": "the start of a motion in learned units",
    },
    "book/flow_maps": {
        "O": "what is of that order",
        "\\Phi": "a learned map",
        "\\alpha": "the angle of a turn",
        "\\eta": "a shift of a Hénon map",
        "\\psi": "what is left of a map after a turn",
        "a": "what a kick adds",
        "b": "what a drift adds",
        "h": "the step of a map",
    },
    "book/flows": {
        "\\Phi": "the map of a flow",
        "b": "the shift of a layer",
        "h": "the step of a map",
    },
    "book/hamiltonian_mechanics": {"u": "an edge of a small area", "v": "an edge of a small area"},
    "book/hnn_mass_spring": {
        "\\nu": "the direction across an orbit, of length 1",
        "u": "any function of q - p, added to H",
    },
    "book/hnn_or_lnn": {"a": "the acceleration as a function of q and q̇"},
    "book/lagrangian_mechanics": {
        "a": "the size of a bend, or of a shift",
        "u": "two combinations of q and q̇",
        "\\xi": "the direction of a shift",
    },
    "book/least_cost": {
        "W": "a Brownian motion",
        "\\alpha": "the price of risk",
        "\\beta": "the exponent of the impact",
        "\\eta": "the size of the impact",
        "\\kappa": "the speed with which a path or a rate returns",
        "a": "a constant of the path of a rate",
        "b": "the drift of a random motion",
        "h": "the impact of selling on the price",
        "v": "the rate of selling",
        "z": "how many standard deviations something is away",
    },
    "book/lnn_pendulum": {"z": "the input of a hidden unit"},
    "book/market_invariants": {
        "Q": "the covariance of what a step leaves unexplained",
        "R": "the covariance of the noise of a measurement",
        "C": "the covariance of the states of a series",
        "W": "a wealth",
        "Y": "years of prices",
        "a": "the weight of the last value",
        "b": "the weight of the value before",
        "h": "the time between two values",
        "u": "the change of a value",
        "z": "a distance in standard deviations",
        "\\alpha": "the price of risk",
        "\\eta": "the impact of selling on the price",
        "\\kappa": "how fast a rate returns to its mean",
        "\\phi": "the part of the logarithm of a bond's price without the rate",
        "\\tau": "the time to maturity",
        "\\xi": "what a step leaves unexplained",
        "\\zeta": "the noise of a measurement",
    },
    "book/monte_carlo": {
        "U": "minus the logarithm of a density",
        "Z": "the integral of exp(-H)",
        "\\nu": "the degrees of freedom of a Student distribution",
        "\\psi": "a roll, and p reversed",
        "a": "the place of a Student distribution",
        "z": "the angle of a step; a Student number",
    },
    "book/order_and_chaos": {"v": "a small deviation from a motion"},
    "book/pixel_pendulum": {
        "O": "what is of that order",
        "\\eta": "the factor of areas between two planes",
        "a": "the slope of a straight line",
        "b": "the origin of a straight line",
        "h": "the time between two pictures",
        "u": "a learned number of two pictures",
        "v": "a learned number of two pictures",
        "z": "a learned coordinate",
    },
    "book/real_double_pendulum": {"Q": "the force of the friction on each angle"},
    "book/rods_and_loops": {"\\alpha": "the angles of the rods"},
    "book/smile": {
        "C": "the covariance of the changes of a state",
        "W": "a Brownian motion",
        "\\kappa": "the speed with which a variance returns",
        "\\nu": "the volatility of a volatility",
        "\\tau": "the time to the expiry",
        "a": "the volatility of a price, where it moves",
        "b": "the drift of a random motion",
        "u": "the frequency of a characteristic function",
        "v": "the variance of a price, where it moves",
        "z": "a strike in units of the volatilities",
    },
    "book/swing_up": {
        "u": "the force or the torque of a motor",
        "a": "the acceleration of the cart that is wanted",
        "b": "the derivative of a motion by the force",
        "\\kappa": "the row of gains of a regulator",
        "\\alpha": "the gain of the energy law",
        "\\beta": "how strongly the cart is kept near the middle",
    },
    "book/two_bodies": {
        "R": "the turn of the plane by a quarter",
        "Q": "the centre of two stars",
        "\\alpha": "the angle of a turn",
        "a": "a shift, and a vector in a product",
        "b": "a vector in a product",
        "u": "the Laplace vector",
    },
    "book/what_does_not_change": {"\\phi": "an angle in the phase plane"},
    "solutions/arm": {
        "\\alpha": "the stiffness of a controller",
        "\\beta": "the damping of a controller",
        "a": "the three inertias of an arm",
        "u": "the torques of the motors",
    },
    "solutions/baseline_drift": {"a": "a damping of q, and a share"},
    "solutions/brackets": {
        "C": "a Casimir",
        "R": "the friction matrix",
        "a": "a stake of a game, and any vector",
        "b": "a stake of a game, any vector, and the port",
        "h": "a step",
        "u": "an input",
        "z": "new coordinates",
    },
    "solutions/dreamed_motion": {
        "C": "a constant in front of an error",
        "\\tau": "the width of a prior",
        "h": "the step of an integrator",
        "z": "the start of a motion in learned units",
    },
    "solutions/flow_maps": {
        "\\alpha": "the angle of a turn",
        "a": "what a kick adds",
        "b": "what a drift adds",
        "h": "the step of a map",
        "z": "a turned state",
    },
    "solutions/hamiltonian_mechanics": {
        "a": "a rate of the predator and its prey",
        "b": "a rate of the predator and its prey",
        "u": "the number of prey",
        "v": "a velocity, and the number of predators",
    },
    "solutions/market_invariants": {
        "Y": "years of prices",
        "a": "the weight of the last value",
        "b": "the weight of the value before",
    },
    "solutions/monte_carlo": {
        "U": "minus the logarithm of a density",
        "h": "a step",
        "z": "the angle of a step",
    },
    "solutions/order_and_chaos": {
        "v": "a small deviation from a motion",
        "\\kappa": "the strength of the cubic terms",
    },
    "solutions/pixel_pendulum": {
        "h": "the time between two pictures",
        "s": "an eigenvalue of a field",
        "z": "a learned coordinate",
    },
    "solutions/real_double_pendulum": {"Q": "the force of the friction on each angle"},
    "solutions/hnn_mass_spring": {
        "a": "the size of a function",
        "b": "an index over a batch",
        "u": "any function of q - p, added to H",
    },
    "solutions/ideal_spring": {
        "R": "half the width of a mesh",
        "a": "the amplitude of an oscillation",
        "b": "the right-hand side of a linear system",
        "z": "an angle, ω Δt",
    },
    "solutions/integrators": {"a": "a number", "h": "a step of a difference", "z": "ω Δt"},
    "solutions/lagrangian_mechanics": {"\\xi": "the direction of a shift"},
    "solutions/lnn_pendulum": {
        "W": "a rate of work",
        "a": "coefficients of a sum",
        "v": "a velocity, any vector",
    },
    "solutions/published_table": {
        "a": "the smallest radius of a start",
        "b": "the largest radius of a start",
    },
    "solutions/real_pendulum": {
        "a": "the share of forward differences",
        "z": "an angle, ω Δt",
    },
    "solutions/rods_and_loops": {"b": "the rate of G times the velocity"},
    "solutions/least_cost": {
        "\\alpha": "the price of risk",
        "\\eta": "the size of the impact",
        "\\kappa": "the speed with which a rate returns",
        "h": "the impact of selling on the price",
        "u": "the distance of a rate from its level",
        "v": "the rate of selling",
    },
    "solutions/smile": {
        "C": "the covariance of the changes of a state",
        "\\nu": "the volatility of a volatility",
        "\\tau": "the time to the expiry",
        "a": "the volatility of a price",
    },
    "solutions/swing_up": {
        "u": "the force or the torque of a motor",
        "a": "the acceleration of a support",
    },
    "solutions/two_bodies": {
        "R": "the turn of the plane by a quarter",
        "a": "a vector in a product",
        "b": "a vector in a product",
    },
    "solutions/your_recording": {"b": "the offset of a sensor"},
    "solutions/what_does_not_change": {
        "a": "a rate of the predator and its prey",
        "b": "a rate of the predator and its prey",
        "h": "a step of a difference",
        "u": "the number of prey",
        "v": "the number of predators",
    },
}
"""What a letter without a row stands for on one page."""

ONLY: dict[str, set[str]] = {
    "\\lambda": {"double_pendulum", "order_and_chaos", "real_double_pendulum", "rods_and_loops"},
    "\\delta": {"lagrangian_mechanics", "rods_and_loops"},
    "\\mu": {"lagrangian_mechanics", "lnn_pendulum", "hnn_or_lnn", "market_invariants"},
    "\\gamma": {"lagrangian_mechanics", "hnn_or_lnn", "market_invariants"},
    "K": {"lnn_pendulum"},
    "S": {
        "lagrangian_mechanics",
        "hamiltonian_mechanics",
        "integrators",
        "rods_and_loops",
        "flow_maps",
        "least_cost",
        "smile",
    },
}
"""Letters that had second meanings once, and the chapters that need the one of the tables."""

OLD = {
    r"S_\{?(\\mathcal|\\mathbf)?\s*\{?H": "the symplectic gradient is X_H; S is the action",
    r"\^\s*(T\b|\{\s*(\\mathrm\s*)?\{?\s*T)": "a transpose is ^\\top; T is the kinetic energy",
    r"\\delta(?!\s*(\\dot\s*)?[qSLxy])": "a variation stands before q, S or L; an error is \\Delta",
    r"\bT\s*=\s*[0-9]": "a horizon is t_{\\text{end}}; T is the kinetic energy",
}
"""Spellings of old, and what to write."""

QUOTED = {("book/hamiltonian_mechanics", "S_H")}
"""Spellings of others that a page quotes and translates."""


def formulas(text: str) -> Iterator[str]:
    """The formulas of a Markdown text, without its code."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"(?<!`)`[^`\n]+`(?!`)", "", text)
    pattern = r"\$\$(.+?)\$\$|(?<![\\$])\$(?!\$)([^$]+?)\$(?!\d)"
    for found in re.finditer(pattern, text, re.DOTALL):
        yield found[1] or found[2]


def letters(formula: str) -> set[str]:
    """The Latin and Greek letters of a formula that stand for something."""
    words = r"text|mathrm|operatorname|textrm|begin|end|label|tag"
    formula = re.sub(rf"\\({words})\*?\s*(\{{[^{{}}]*\}}|[A-Za-z]\b)", " ", formula)
    formula = re.sub(r"\\(mathcal|mathbb|mathbf)\s*(\{\s*\w\s*\}|\w)", " ", formula)
    found = set()
    for command, letter in re.findall(r"\\([A-Za-z]+)|([A-Za-z])", formula):
        if letter or command in GREEK:
            found.add(letter or f"\\{command}")
    return found


def rows() -> list[tuple[str, list[str]]]:
    """The rows of the tables of symbols: each as it stands, with its symbols."""
    text = NOTATION.read_text(encoding="utf-8")
    found = []
    for table in re.findall(r"^\| symbol \|.*\n\|[-| ]+\n((?:\|.*\n)+)", text, re.MULTILINE):
        for row in table.splitlines():
            first = row.split(" | ")[0].strip("| ")
            # What is in brackets are the arguments of a function, not a part of its name.
            names = [re.sub(r"(?<=\w)[(\[].*[)\]]$", "", name) for name in formulas(f"{first} ")]
            found.append((row, names))
    return found


def page(path: Path) -> str:
    """The name of a page in the tables above."""
    return f"{path.parent.name}/{path.stem}"


def formulas_of(path: Path) -> Iterator[tuple[str, str]]:
    """Each formula of a notebook with the id of its cell."""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            for formula in formulas("".join(cell["source"])):
                yield cell["id"], formula


def test_formulas_and_letters_are_found() -> None:
    text = "Let $q$ be `$x$`, and\n$$\\dot p = -k\\,q \\text{ in N}$$\n```\n$y$\n```\nfor 3$."
    assert list(formulas(text)) == ["q", "\\dot p = -k\\,q \\text{ in N}"]
    assert letters("\\dot p = -k\\,q\\,\\omega \\text{ in N}") == {"p", "k", "q", "\\omega"}
    assert letters("2\\,\\mathrm s \\cdot \\mathcal L") == set()


def test_the_tables_are_read() -> None:
    names = [name for _, symbols in rows() for name in symbols]
    assert {"q", "H", "S", "X_H", "\\mu", "\\tilde H", "\\Delta t", "t^*", "\\{F, G\\}"} <= set(
        names
    )
    assert all(symbols for _, symbols in rows())


def test_no_symbol_has_two_rows() -> None:
    names = [name for _, symbols in rows() for name in symbols]
    # {F, G} is a bracket of the F and G that have a row.
    assert sorted(names) == sorted(set(names))


def test_each_row_says_what_its_symbol_means() -> None:
    for row, _ in rows():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip("|"))]
        assert len(cells) == 4, row
        assert len(cells[1]) > 3, row


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_every_letter_of_a_formula_has_a_meaning(path: Path) -> None:
    known = {letter for _, names in rows() for name in names for letter in letters(name)}
    known |= set(EVERYWHERE) | set(LOCAL.get(page(path), {}))
    unknown = {
        f"{letter} in {formula!r}, cell {cell}"
        for cell, formula in formulas_of(path)
        for letter in letters(formula) - known
    }
    assert not unknown, "give it a row in book/notation.md, or say in LOCAL what it stands for"


@pytest.mark.parametrize("path", PAGES, ids=page)
def test_no_symbol_has_a_second_meaning(path: Path) -> None:
    wrong = []
    for cell, formula in formulas_of(path):
        if (page(path), formula) in QUOTED:
            continue
        for letter, chapters in ONLY.items():
            if letter in letters(formula) and path.stem not in chapters:
                wrong.append(f"{letter} in {formula!r}, cell {cell}: only in {sorted(chapters)}")
        for old, advice in OLD.items():
            if re.search(old, formula):
                wrong.append(f"{formula!r}, cell {cell}: {advice}")
    assert not wrong


def test_local_meanings_are_needed() -> None:
    """An entry whose letter is gone, or has a row now, is taken out."""
    known = {letter for _, names in rows() for name in names for letter in letters(name)}
    for name, meanings in LOCAL.items():
        used = {
            letter
            for _, formula in formulas_of(ROOT / f"{name}.ipynb")
            for letter in letters(formula)
        }
        assert set(meanings) <= used - known, (name, set(meanings) - (used - known))
