"""Checks of the chapter "Two bodies: symmetry makes conservation"."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import expect, function, match
from hnn_tutorial.check.answers import gradient as flows
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.mechanics import hamiltonian_field
from hnn_tutorial.models import HNN, PairwiseHNN
from hnn_tutorial.systems import TwoBody
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("two_bodies")
exercise, progress = chapter.exercise, chapter.progress


def _cross(a: Tensor, b: Tensor) -> Tensor:
    """The product a × b of vectors of the plane."""
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _places(count: int, bodies: int, seed: int, dimension: int = 2) -> Tensor:
    """Positions of bodies, none near another."""
    x = states(count, seed, degrees=bodies * dimension)[:, : bodies * dimension]
    q = x.unflatten(-1, (bodies, dimension))
    return q + 3 * torch.arange(bodies, dtype=torch.float64).unsqueeze(-1)


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "Turns about another point")
def conserved(answer: Any) -> str:
    """Check ``conserved(x, centre)``: the invariant that belongs to turns about a point."""
    invariant = function(answer, "conserved(x, centre)")
    centre = torch.tensor([0.7, -1.9], dtype=torch.float64)
    for bodies, batch in ((2, (4, 3)), (3, (5,))):
        x = states(12 if bodies == 2 else 5, seed=bodies, degrees=2 * bodies)
        x = x.reshape(*batch, 4 * bodies)
        q, p = (half.unflatten(-1, (bodies, 2)) for half in x.chunk(2, dim=-1))
        right = _cross(q - centre, p).sum(-1)
        total = p.sum(-2)
        spin = _cross(q, p).sum(-1)
        mistakes = [
            (spin, "This is the angular momentum about the origin. A shift of the centre changes "
             "it by a part that contains the total momentum."),
            (_cross(q + centre, p).sum(-1), "The centre has the wrong sign: a body in the centre "
             "must contribute nothing."),
            (_cross(q, p).sum(-1) - _cross(centre, p[..., 0, :]), "The centre is taken off for the "
             "first body alone; all bodies turn about it."),
            ((q - centre).mul(p).sum((-2, -1)), "This is (q - c) · p. A turn changes q - c across "
             "itself, so that the cross product is wanted."),
            (spin - (centre * total).sum(-1), "The part of the centre is c × P, not c · P."),
            (_cross(q - centre, p - p).sum(-1), "Every value is 0."),
        ]  # fmt: skip
        got = invariant(x, centre, like=x, shape=batch)
        match(got, right, mistakes, f"This is not conserved ({bodies} bodies).", at=x)
        one = x.reshape(-1, 4 * bodies)[-1]
        got = invariant(one, centre, like=x, shape=())
        match(got, right.reshape(-1)[-1], [], "Right for a batch, and wrong for a single state of "
              f"shape ({4 * bodies},).")  # fmt: skip
    return (
        "Right: M - c × P. With an H that is the same after shifts, too, both M and P are "
        "conserved, and the point does not matter. A bowl has a middle, and this one is left."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _pair_energy(q: Tensor, masses: Tensor, potential: Callable[[Tensor], Tensor]) -> Tensor:
    """The right one, pair by pair."""
    total = torch.zeros(q.shape[:-2], dtype=q.dtype)
    bodies = q.shape[-2]
    for i in range(bodies):
        for j in range(i + 1, bodies):
            rho = (q[..., i, :] - q[..., j, :]).norm(dim=-1)
            total = total + masses[i] * masses[j] * potential(rho)
    return total


@exercise(2, "code", "The energy of all pairs")
def pair_energy(answer: Any) -> str:
    """Check ``pair_energy(q, masses, potential)``: a sum over pairs, any number of bodies."""
    energy = function(answer, "pair_energy(q, masses, potential)")
    masses = torch.tensor([1.7, 0.6, 2.9, 1.2], dtype=torch.float64)

    def potential(rho: Tensor) -> Tensor:
        return torch.tanh(0.4 * rho - 1.3) - 0.3 / (0.5 + rho)

    q = _places(10, bodies=4, seed=4, dimension=3).reshape(2, 5, 4, 3)
    right = _pair_energy(q, masses, potential)
    each = torch.ones_like(masses)
    apart = (q.unsqueeze(-3) - q.unsqueeze(-2)).square().sum(-1).sqrt()
    products = masses.unsqueeze(-1) * masses
    own = masses.square().sum() * potential(torch.zeros((), dtype=torch.float64))
    mistakes = [
        (2 * right, "Each pair is counted twice, as (i, j) and as (j, i)."),
        ((products * potential(apart)).sum((-2, -1)), "The sum contains each pair twice, and each "
         "body with itself at distance 0."),
        ((products * potential(apart)).sum((-2, -1)) / 2, "Each body is paired with itself, at "
         "distance 0."),
        (right + own, "Each body is paired with itself, at distance 0."),
        (_pair_energy(q, each, potential), "The masses are missing: each pair counts with the "
         "product of its two."),
        (_pair_energy(q, masses.sqrt(), potential), "The root of the product of the masses stands "
         "in place of the product."),
        (_pair_energy(q, masses, lambda rho: potential(rho**2)), "The square of the distance is "
         "given to the potential."),
        (_pair_energy(q[..., :2], masses, potential), "Right in the plane, but these bodies move "
         "in space: use all components of q."),
    ]  # fmt: skip
    got = energy(q, masses, potential, like=q, shape=(2, 5))
    match(got, right, mistakes, "This is not the sum over all pairs.", parameters=None)
    two = q[0, :, :2, :2]
    got = energy(two, masses[:2], potential, like=q, shape=(5,))
    match(got, _pair_energy(two, masses[:2], potential), [], "Right for four bodies in space, and "
          "wrong for two in the plane.")  # fmt: skip
    got = energy(q[1, 3], masses, potential, like=q, shape=())
    match(got, right[1, 3], [], "Right for a batch, and wrong for one state of shape (4, 3).")
    marked = q.clone().requires_grad_()
    slope = flows(
        energy(marked, masses, potential, like=q, shape=(2, 5)), marked, "the energy",
        name="the positions",
    )  # fmt: skip
    expect(
        torch.isfinite(slope).all(),
        "The energy is right, and its gradient is NaN: the root of a distance 0 has no slope. "
        "Leave out the pairs (i, i) before you take the root; multiplying by 0 afterwards is too "
        "late.",
    )
    match(
        -slope.sum(-2),
        torch.zeros(2, 5, 3, dtype=torch.float64),
        [],
        "The gradient is not that of a sum over pairs: the forces do not cancel.",
    )
    return (
        "Right, for any number of bodies: what is learned from two can be summed over ten. The "
        "forces cancel in pairs, whatever the potential."
    )


# --- 3 -------------------------------------------------------------------------------------------

KEPT = ("both", "momentum", "angular momentum", "neither")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "three stars": (
        "both",
        "Does anything change when all three are shifted, or turned?",
        "distances alone enter H",
    ),
    "round bowl": (
        "angular momentum",
        "The bowl has a middle. Which motions of the whole system leave H as it is?",
        "turns about the middle leave H as it is, shifts do not",
    ),
    "oval bowl": (
        "neither",
        "Turn the stars and leave the bowl: is the energy the same?",
        "an oval looks different after a turn, and a bowl after a shift",
    ),
    "striped force": (
        "momentum",
        "The energy depends on q₁ - q₂. What does a shift do to it? And a turn?",
        "a common shift leaves q₁ - q₂ as it is, a turn does not",
    ),
    "untrained pairwise HNN": (
        "both",
        "Did the proof ask where H comes from?",
        "the proof holds for any function of distances, with random weights too",
    ),
    "untrained HNN": (
        "neither",
        "What does this H see of a shift?",
        "a network of all coordinates changes with each of them",
    ),
    "air": (
        "neither",
        "Which force acts on the centre of mass?",
        "friction with the air slows the centre of mass and the turning",
    ),
    "friction between them": (
        "both",
        "There is no H. But which forces act on both, and along which line?",
        "the forces still cancel and point along the line between the bodies; only energy is lost",
    ),
}
"""The cases of exercise 3: what is kept, a question for those who err, and the reason."""


@exercise(3, "think", "What is left of the symmetry?")
def kept(answer: Any) -> str:
    """Check ``kept``: for each of `CASES` one of `KEPT`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, KEPT, advice, "kept")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------


def faulty_forces(
    q: Tensor,
    masses: Tensor,
    attraction: Callable[[Tensor], Tensor],
    *,
    direction: bool = False,
    weights: bool = False,
) -> Tensor:
    """Forces of all pairs as exercise 4 gives them, with its two faults or without."""
    bodies = q.shape[-2]
    total = torch.zeros_like(q)
    for i in range(bodies):
        for j in range(bodies):
            if i != j:
                apart = q[..., j, :] - q[..., i, :]
                rho = apart.norm(dim=-1, keepdim=True)
                unit = apart / rho if direction else torch.sign(apart) / 2**0.5
                weight = masses[i] * masses[j] if weights else masses[j]
                total[..., i, :] += weight * attraction(rho) * unit
    return total


@exercise(4, "code", "Find two faults")
def forces(answer: Any) -> str:
    """Check ``forces(q, masses, attraction)``: the mended forces of all pairs."""
    mended = function(answer, "forces(q, masses, attraction)")
    masses = torch.tensor([2.3, 0.7, 1.6], dtype=torch.float64)

    def attraction(rho: Tensor) -> Tensor:
        return 1.4 / rho**2 - 0.3 / rho**3

    q = _places(20, bodies=3, seed=8).reshape(4, 5, 3, 2)
    right = faulty_forces(q, masses, attraction, direction=True, weights=True)
    all_mended = {"direction": True, "weights": True}
    mistakes = [
        (faulty_forces(q, masses, attraction), "Both faults are still there. Compute Σ F, and "
         "Σ q × F: the first betrays one of them, the second the other."),
        (faulty_forces(q, masses, attraction, direction=True), "The direction is mended. "
         "These are forces without the body's own mass, as if they were accelerations: those of a "
         "pair do not cancel."),
        (faulty_forces(q, masses, attraction, weights=True), "The masses are mended, and the "
         "momentum is conserved. The force still does not point along the line between the "
         "bodies."),
        (faulty_forces(q, torch.ones_like(masses), attraction, **all_mended), "The masses are "
         "missing now."),
        (faulty_forces(q, masses, lambda rho: attraction(rho) * rho, **all_mended), "The force is "
         "multiplied by the distance vector; its direction has the length 1."),
        (faulty_forces(q, masses, lambda rho: attraction(rho) / rho, **all_mended), "The force is "
         "divided by the distance once too often."),
    ]  # fmt: skip
    got = mended(q, masses, attraction, like=q, shape=(4, 5, 3, 2))
    match(got, right, mistakes, "These are not the forces of the pairs.", parameters=None)
    got = mended(q[2, 3, :2], masses[:2], attraction, like=q, shape=(2, 2))
    want = faulty_forces(q[2, 3, :2], masses[:2], attraction, direction=True, weights=True)
    match(got, want, [], "Right for three bodies in a batch, and wrong for two of shape (2, 2).")
    return (
        "Right: Σ F = 0 and Σ q × F = 0 now. A conserved quantity is a test without a reference "
        "solution, and each of them sees another fault."
    )


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("pairwise HNN", "HNN")
"""The two models of exercise 5."""

USUAL = {"bowl": 0.1, "pairs": 16}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"bowl": (0.0, 0.5), "pairs": (2, 60)}
"""The smallest and the largest settings of exercise 5."""


def measure(model: str, bowl: float = 0.1, pairs: int = 16, seed: int = 0) -> float:
    r"""Train one network of exercise 5, and return the error of its field.

    Two stars with masses and constant of gravity 1 lie in a bowl,
    :math:`H = |p|^2/2 - 1/\rho + k(|q_1|^2 + |q_2|^2)/2`. Their centres are moved by normal draws
    of 0.4 m and 0.4 kg m/s per component. Both models have about 150 weights.

    Args:
        model: one of `RIVALS`.
        bowl: the stiffness k, in N/m.
        pairs: number of recorded pairs, of twelve states each.
        seed: of the data and of the weights.

    Returns:
        The mean squared error of the field at 300 fresh states.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(bowl), int(pairs), int(seed))


@cache
def _measured(model: str, bowl: float, pairs: int, seed: int) -> float:
    stars = TwoBody()
    field = hamiltonian_field(
        lambda x: stars.hamiltonian(x) + bowl * x[..., :4].square().sum(-1) / 2
    )

    def seen(count: int, generator: torch.Generator) -> Tensor:
        times = torch.linspace(0, 20, 12, dtype=torch.float64)
        x = stars.solution(stars.sample(count, generator), times)
        move = 0.4 * torch.randn(count, 2, 2, generator=generator, dtype=torch.float64)
        return (x + move.repeat_interleave(2, dim=1).flatten(1)).flatten(0, 1)

    x = seen(pairs, torch.Generator().manual_seed(seed))
    network = (
        PairwiseHNN(4, (10, 10), masses=1.0, seed=seed)
        if model == "pairwise HNN"
        else HNN(4, (8, 8), seed=seed)
    )
    optimizer = LevenbergMarquardt(steps=25)
    fit(network, Dataset(x, field(x).detach()), optimizer, progress=False)
    with torch.no_grad():
        return field_error(network.field, field, seen(25, torch.Generator().manual_seed(99)))


def verdict(pairwise: list[float], other: list[float]) -> str:
    """Who wins by the rule of exercise 5: at four of five seeds at least."""
    return study.winner(pairwise, other, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    # Where the bowl is flat the pairwise errors are rounding: any that are as small will do.
    study.within(1.5, rounding=1e-9),
    (study.ROOTS, study.SQUARED, study.LOGARITHMS, study.NEGATED),
    study.smaller("the pairwise HNN"),
    ": where the symmetry pays and where it does not, or where it is undecided",
    whole=("pairs",),
)


@exercise(5, "experiment", "An open question: how false may a symmetry be?")
def symmetry(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "The error of the false symmetry grows as k² and no data lower it; that of the free "
        "network falls with data. A nearly true symmetry is worth having while data are few.",
    )
