"""Checks of the chapter "Rods and loops"."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import Wrong, expect, function, match
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.data import Dataset
from hnn_tutorial.models import ConstrainedLNN, StructuredLNN
from hnn_tutorial.systems import LinkChain
from hnn_tutorial.training import LevenbergMarquardt, acceleration_residual, fit

chapter = Chapter("rods_and_loops")
exercise, progress = chapter.exercise, chapter.progress


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(-1)


# --- 1 -------------------------------------------------------------------------------------------


def _kinetic(v1: Tensor, v2: Tensor, rod: float, bead: float, share: float) -> Tensor:
    """The right one: that of the rod, and that of the bead."""
    ends = _dot(v1, v1) + _dot(v1, v2) + _dot(v2, v2)
    at_bead = (1 - share) * v1 + share * v2
    return rod * ends / 6 + bead * _dot(at_bead, at_bead) / 2


@exercise(1, "derive", "A rod with a bead")
def kinetic(answer: Any) -> str:
    """Check ``kinetic(v1, v2, rod, bead, share)``: the energy of a rod that carries a bead."""
    energy = function(answer, "kinetic(v1, v2, rod, bead, share)")
    for dimension, rod, bead, share in ((2, 1.7, 0.6, 0.3), (3, 0.8, 2.3, 0.85)):
        x = states(12, seed=dimension, degrees=dimension).reshape(4, 3, 2 * dimension)
        v1, v2 = x.chunk(2, dim=-1)
        right = _kinetic(v1, v2, rod, bead, share)
        alone = _kinetic(v1, v2, rod, 0.0, share)
        lone_bead = right - alone
        squares = _dot(v1, v1) + _dot(v2, v2)
        mixed = _dot(v1, v2)
        mistakes = [
            (alone, "This is the rod without its bead."),
            (lone_bead, "This is the bead without its rod."),
            (_kinetic(v1, v2, rod, bead, 1 - share), "The bead sits on the wrong side: at share 0 "
             "it moves with the first end."),
            (alone + bead * ((1 - share) * _dot(v1, v1) + share * _dot(v2, v2)) / 2, "The bead's "
             "energy is not the mixture of two energies. Mix the velocities, then square."),
            (rod * squares / 6 + lone_bead, "The product of the two velocities is missing in the "
             "energy of the rod."),
            (rod * (squares - mixed) / 6 + lone_bead, "The product of the two velocities has the "
             "wrong sign in the energy of the rod."),
            (rod * (squares + 2 * mixed) / 6 + lone_bead, "The product of the two velocities "
             "counts twice in the energy of the rod."),
            (rod * squares / 4 + lone_bead, "Half of the rod sits at each of its ends here. Its "
             "mass is spread along it: integrate."),
            (rod * (squares + 2 * mixed) / 8 + lone_bead, "The rod's mass sits in its middle here. "
             "It is spread along it: integrate."),
            (alone + 2 * lone_bead, "The bead has the energy of half its mass times the square of "
             "its velocity."),
            (2 * alone + lone_bead, "The rod counts twice: the integral of the square of the "
             "mixture has 1/3, and the energy has half of it."),
        ]  # fmt: skip
        got = energy(v1, v2, rod, bead, share, like=v1, shape=(4, 3))
        match(
            got, right, mistakes, f"This is not the kinetic energy (in {dimension} dimensions).",
            parameters={"m": rod, "M": bead, "s": share},
        )  # fmt: skip
        got = energy(v1[2, 1], v2[2, 1], rod, bead, share, like=v1, shape=())
        match(got, right[2, 1], [], "Right for a batch, and wrong for one motion, whose velocities "
              f"have the shape ({dimension},).")  # fmt: skip
    return (
        "Right. Written as a quadratic form of the two velocities it has a constant matrix with "
        "an entry m/6 + M s(1 - s) beside the diagonal: the full mass matrix of the chapter."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _solved(G: Tensor, A: Tensor, force: Tensor, bend: Tensor) -> Tensor:
    """The right one: both equations as one linear system."""
    d, m = G.shape[-1], G.shape[-2]
    top = torch.cat([A.expand(*G.shape[:-2], d, d), -G.mT], dim=-1)
    low = torch.cat([G, G.new_zeros(*G.shape[:-2], m, m)], dim=-1)
    wanted = torch.cat([force, -bend], dim=-1).unsqueeze(-1)
    return torch.linalg.solve(torch.cat([top, low], dim=-2), wanted).squeeze(-1)[..., :d]


@exercise(2, "code", "The forces of rods")
def acceleration(answer: Any) -> str:
    """Check ``acceleration(G, A, force, bend)``: the accelerations of masses on rods."""
    solve = function(answer, "acceleration(G, A, force, bend)")
    for links, batch in ((2, (2, 5)), (3, (4,))):
        masses, lengths = (1.3, 0.6, 2.1)[:links], (0.9, 1.4, 0.7)[:links]
        chain = LinkChain(links, masses, lengths, rod_masses=0.8, gravity=1.7)
        count = 10 if links == 2 else 4
        y = chain.velocities(chain.sample(count, seed=links)).reshape(*batch, 4 * links)
        q, velocity = y.chunk(2, dim=-1)
        A = torch.kron(chain.masses_between, torch.eye(2, dtype=torch.float64))
        G, bend = chain.constraints.jacobian(q), chain.constraints.curvature(velocity)
        force = chain.constrained_field.force(q) + 0.4 * q.flip(-1)
        right = _solved(G, A, force, bend)
        one = torch.eye(2 * links, dtype=torch.float64)
        free = torch.linalg.solve(A, force.unsqueeze(-1)).squeeze(-1)
        diagonal = torch.diag_embed(torch.diagonal(A))
        mistakes = [
            (free, "These are the accelerations without the rods, as if all points fell freely."),
            (_solved(G, A, force, -bend), "The term with the velocity has the wrong sign: "
             "G q̈ = -b. The rods would push outward."),
            (_solved(G, A, force, 0 * bend), "The velocity is missing: right at rest, and wrong "
             "for a moving chain."),
            (_solved(G, A, -force, bend), "The forces have the wrong sign."),
            (_solved(G, one, force, bend), "The mass matrix is missing, as if it were the unit "
             "matrix."),
            (_solved(G, diagonal, force, bend), "Only the diagonal of the mass matrix is used."),
            (_solved(G, torch.linalg.inv(A), force, bend), "The mass matrix stands where its "
             "inverse should stand."),
            (2 * free - right, "The forces of the rods have the wrong sign: λ and Gᵀλ must "
             "belong to the same convention."),
            (_solved(G, A, 0 * force, bend), "The forces F are missing."),
        ]  # fmt: skip
        got = solve(G, A, force, bend, like=force, shape=(*batch, 2 * links))
        match(got, right, mistakes, f"These accelerations do not fulfil both equations ({links} "
              "rods).", rtol=1e-6, atol=1e-8)  # fmt: skip
        flat = (G.reshape(count, links, -1)[1], A, force.reshape(count, -1)[1])
        bent = bend.reshape(count, links)[1]
        got = solve(*flat, bent, like=force, shape=(2 * links,))
        match(got, right.reshape(count, -1)[1], [], "Right for a batch, and wrong for one state, "
              f"whose G has the shape ({links}, {2 * links}).", rtol=1e-6, atol=1e-8)  # fmt: skip
    return (
        "Right: both equations hold, A q̈ - F lies along the rows of G and G q̈ = -b. It works "
        "for any constraints that have a Jacobian, not only for rods."
    )


# --- 3 -------------------------------------------------------------------------------------------


def _films() -> dict[str, tuple[Tensor, float, list[tuple[int, int]]]]:
    """Positions, a tolerance and the rods, by the name of the film."""
    long = LinkChain(4, 1.0, (0.9, 1.4, 0.7, 0.5))
    q = long.sample(30, seed=4)[:, :8].unflatten(-1, (4, 2))
    order = [2, 0, 3, 1]
    place = {old: new for new, old in enumerate(order)}
    moved = [(min(pair), max(pair)) for pair in ((place[k], place[k + 1]) for k in range(3))]
    generator = torch.Generator().manual_seed(5)
    wiggle = 2e-4 * (2 * torch.rand(q.shape, generator=generator, dtype=torch.float64) - 1)
    corners = torch.tensor([[0.0, 0.0, 0.0], [1.1, 0.0, 0.3], [0.2, 0.8, 0.0]]).double()
    turn = torch.linalg.qr(torch.randn(25, 3, 3, generator=generator, dtype=torch.float64))[0]
    shift = torch.randn(25, 1, 3, generator=generator, dtype=torch.float64)
    triangle = corners @ turn.mT + shift
    loose = torch.cat([triangle, 1.7 * shift.flip(0) + 0.3], dim=1)
    return {
        "a chain of four points": (q, 1e-6, [(0, 1), (1, 2), (2, 3)]),
        "the chain, two pictures of it": (q[:2], 1e-6, [(0, 1), (1, 2), (2, 3)]),
        "the same chain with its points in another order": (q[:, order], 1e-6, sorted(moved)),
        "the chain with noise of 0.2 mm, at a tolerance of 2 mm": (
            q + wiggle,
            2e-3,
            [(0, 1), (1, 2), (2, 3)],
        ),
        "a triangle of rods in space, and a free point": (loose, 1e-6, [(0, 1), (0, 2), (1, 2)]),
        "two free points": (loose[:, 2:], 1e-6, []),
    }


@exercise(3, "code", "Find the rods")
def find_rods(answer: Any) -> str:
    """Check ``find_rods(q, tolerance)``: the pairs whose distance does not change."""
    find = function(answer, "find_rods(q, tolerance)")
    for name, (q, tolerance, right) in _films().items():
        got = _pairs(find(q, tolerance), q.shape[1])
        given = set(got)
        expect(len(given) == len(got), f"In the film of {name} a pair stands twice: {got}.")
        more, less = sorted(given - set(right)), sorted(set(right) - given)
        apart = {
            (i, j): (q[:, i] - q[:, j]).norm(dim=-1) for i, j in combinations(range(q.shape[1]), 2)
        }
        if less:
            spread = apart[less[0]].max() - apart[less[0]].min()
            raise Wrong(
                f"In the film of {name} the rod {less[0]} is missing: the distance changes by "
                f"{spread:.2g} m, and the tolerance is {tolerance:g} m."
            )
        if more:
            spread = apart[more[0]].max() - apart[more[0]].min()
            raise Wrong(
                f"In the film of {name} {more[0]} is no rod: the distance changes by "
                f"{spread:.2g} m, and the tolerance is {tolerance:g} m."
            )
    return (
        "Right. A rod is an invariant of the record, found without any model. With noise the "
        "tolerance must lie between the noise and the smallest real change of a distance."
    )


def _pairs(value: Any, points: int) -> list[tuple[int, int]]:
    """A learner's list of pairs, or the message what is wrong with it."""
    if isinstance(value, Tensor):
        value = value.tolist()
    expect(
        isinstance(value, list | tuple | set | frozenset),
        f"`find_rods` should give a list of pairs such as [(0, 1)], not {type(value).__name__}.",
    )
    found = []
    for pair in value:
        row = pair.tolist() if hasattr(pair, "tolist") else pair
        expect(
            isinstance(row, list | tuple) and len(row) == 2,
            f"An entry of the list is {pair!r}; a pair such as (0, 1) is wanted.",
        )
        ends = [float(end) if isinstance(end, int | float) else float("nan") for end in row]
        expect(
            all(end == int(end) for end in ends if end == end) and all(end == end for end in ends),
            f"The pair {pair!r} should hold two whole numbers.",
        )
        i, j = (int(end) for end in ends)
        expect(i != j, f"The pair {pair!r} joins a point with itself.")
        expect(
            0 <= i < points and 0 <= j < points,
            f"The pair {pair!r} names a point that is not in the film: there are {points}, and the "
            "first is 0.",
        )
        expect(i < j, f"The pair {pair!r} should have the smaller number first.")
        found.append((i, j))
    return found


# --- 4 -------------------------------------------------------------------------------------------

NEEDED = ("nothing", "other rods", "new records", "another form")
"""The answers that exercise 4 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "second pivot": (
        "other rods",
        "Do the masses of the points change, or their potential?",
        "a rod more changes G alone",
    ),
    "locked joint": (
        "other rods",
        "Which distance becomes constant when the joint is locked?",
        "a rod from the pivot to the lower point locks the joint",
    ),
    "faster": (
        "nothing",
        "Where does the velocity enter the model, and is anything learned there?",
        "the velocity enters by the known term with |ḋ|²",
    ),
    "heavier": (
        "new records",
        "What tells the model the new mass? And can it express it?",
        "mass and weight are learned numbers, and records have to show them",
    ),
    "spring": (
        "new records",
        "Is the energy of the spring a function of the positions?",
        "the spring adds a potential of the positions, which the network can learn",
    ),
    "heavy rods": (
        "another form",
        "Is the mass matrix of uniform rods diagonal?",
        "it needs entries beside the diagonal, which this model does not have",
    ),
    "friction": (
        "another form",
        "What does the model conserve, whatever its weights?",
        "the model conserves its energy at any weights",
    ),
    "slower film": (
        "new records",
        "By which factor does each acceleration change? Is there a potential that does this?",
        "at the same masses a smaller potential gives the slower motion",
    ),
}
"""The cases of exercise 4: what is needed, a question for those who err, and the reason."""


@exercise(4, "think", "What carries over?")
def needed(answer: Any) -> str:
    """Check ``needed``: for each of `CASES` one of `NEEDED`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, NEEDED, advice, "needed")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("diagonal", "angles")
"""The two models of exercise 5."""

USUAL = {"rod_mass": 0.3, "states": 200}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"rod_mass": (0.0, 2.0), "states": (40, 800)}
"""The smallest and the largest settings of exercise 5."""


def measure(model: str, rod_mass: float = 0.3, states: int = 200, seed: int = 0) -> float:
    r"""Train one network of exercise 5, and return the relative error of its accelerations.

    Points of 1 kg and 0.7 kg hang on rods of 1 m and 0.8 m; the acceleration of free fall is
    1 m/s². ``"diagonal"`` is a ``ConstrainedLNN`` with a mass for each point and 74 weights;
    ``"angles"`` a ``StructuredLNN`` with 204.

    Args:
        model: one of `RIVALS`.
        rod_mass: of each of the two uniform rods, in kg.
        states: number of recorded states.
        seed: of the data and of the weights.

    Returns:
        The root mean square error of the Cartesian accelerations at 300 fresh states, over their
        own root mean square.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(rod_mass), int(states), int(seed))


@cache
def _measured(model: str, rod_mass: float, states: int, seed: int) -> float:
    chain = LinkChain(2, (1.0, 0.7), (1.0, 0.8), rod_masses=rod_mass, gravity=1.0)
    y = chain.velocities(chain.sample(states, seed))
    fresh = chain.velocities(chain.sample(300, 99))
    optimizer = LevenbergMarquardt(steps=25)
    rates = chain.second_order_field(y)
    network: ConstrainedLNN | StructuredLNN
    if model == "diagonal":
        network = ConstrainedLNN(chain.constraints, (12,), couplings=False, seed=seed)
        record = Dataset(y, rates)
    else:
        network = StructuredLNN(2, (10, 10), angles=(0, 1), seed=seed)
        record = Dataset(chain.to_angles(y), chain.rates_to_angles(y, rates))
    fit(network, record, optimizer, residual=acceleration_residual, progress=False)
    with torch.no_grad():
        if model == "diagonal":
            found = network.field(fresh)
        else:
            angles = chain.to_angles(fresh)
            found = chain.rates_from_angles(angles, network.field(angles))
        right = chain.second_order_field(fresh)
        return ((found - right)[:, 4:].norm() / right[:, 4:].norm()).item()


def verdict(diagonal: list[float], angles: list[float]) -> str:
    """Who wins by the rule of exercise 5: at four of five seeds at least."""
    return study.winner(diagonal, angles, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    # Without rods of mass the diagonal model is right, and its error is where training stopped.
    study.within(1.5, rounding=1e-3),
    (
        study.ROOTS,
        study.SQUARED,
        study.LOGARITHMS,
        (lambda v: v / 100, "a hundred times the right ones, as if they were per cents"),
        study.NEGATED,
    ),
    study.smaller("the diagonal model"),
    ": where the wrong form pays and where it does not, or where it is undecided",
    whole=("states",),
    label=repr,
)


@exercise(5, "experiment", "An open question: when does a wrong form pay?")
def form(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "The error of the wrong form grows with what it leaves out, and no data lower it; that of "
        "the free form falls with data.",
    )
