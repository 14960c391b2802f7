"""Checks of the chapter "A wrong H is harmless"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.models import DenseNetwork
from hnn_tutorial.sampling import StudentPosterior, effective_size, hamiltonian_monte_carlo
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("monte_carlo")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "What does Heun's method do to an area?")
def growth(answer: Any) -> str:
    """Check ``growth(omega, h)``: the factor of an area in a step of Heun, 1 + (ωh)⁴/4."""
    factor = function(answer, "growth(omega, h)")
    omega = torch.tensor([0.4, 0.9, 1.7, 2.3, 3.1], dtype=torch.float64)
    for h in (0.37, 0.85):
        z = omega * h
        right = 1 + z**4 / 4
        mistakes = [
            (right.sqrt(), "This is the factor of a length. An area grows by its square."),
            (1 - z**4 / 4, "The sign of the last term: (1 - z²/2)² + z², and the z² cancel."),
            (1 + z**2, "This is Euler's factor. Heun has one more term of the series, -z²/2."),
            ((1 - z**2 / 2) ** 2, "This is the square of the real part alone; the imaginary part, "
             "z, has a square too."),
            ((1 - z**2 / 2) ** 2 - z**2, "Size squared is real part squared *plus* imaginary part "
             "squared."),
            (1 - z**6 / 72 + z**8 / 576, "This is the factor of RK4. Heun stops two terms of the "
             "series earlier."),
            (1 + omega**4 / 4, "The step is missing: z = ωh."),
        ]  # fmt: skip
        got = factor(omega, h, like=omega)
        match(got, right, mistakes, "This is not the factor of an area in one step.")
    return (
        "Right: above 1 at any step. RK4 shrinks areas at the chapter's step, Heun's method grows "
        "them, and no acceptance undoes either."
    )


# --- 2 -------------------------------------------------------------------------------------------

Energy = Callable[[Tensor], Tensor]
Roll = Callable[[Tensor], Tensor]


def _drawn(
    U: Energy,
    roll: Roll,
    x: Tensor,
    chance: Tensor,
    *,
    kinetic: float = 0.5,
    sign: int = 1,
    above: bool = False,
    height: float = 1.0,
) -> Tensor:
    """Exercise 2, right by default, or with a mistake."""
    end = roll(x)

    def H(x: Tensor) -> Tensor:
        return height * U(x[..., :2]) + kinetic * x[..., 2:].square().sum(-1)

    rate = torch.exp(-sign * (H(end) - H(x)))
    taken = chance > rate if above else chance < rate
    return torch.where(taken.unsqueeze(-1), end, x)[..., :2]


def _hills(q: Tensor) -> Tensor:
    # Unpacked, so that a state in place of its positions is no slip that passes.
    first, second = q.unbind(-1)
    return 0.7 * first**2 + torch.cos(1.3 * second) + 0.2 * second**4


def _bowl(q: Tensor) -> Tensor:
    first, second = q.unbind(-1)
    return 1.4 * (first - 0.3 * second) ** 2 + 0.3 * second**2


def _turn(x: Tensor) -> Tensor:
    """A roll that changes energies much: it keeps volume."""
    q, p = x.chunk(2, dim=-1)
    q = q + 0.8 * p
    p = p - 0.9 * torch.sin(q)
    return torch.cat([q + 0.8 * p, p], dim=-1)


@exercise(2, "code", "One draw")
def drawn(answer: Any) -> str:
    """Check ``drawn(U, roll, x, chance)``: the positions after one roll and the rule."""
    draw = function(answer, "drawn(U, roll, x, chance)")
    for seed, U in enumerate((_hills, _bowl)):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(6, 40, 4, generator=generator, dtype=torch.float64)
        chance = torch.rand(6, 40, generator=generator, dtype=torch.float64)
        end = _turn(x)
        keep = chance[..., None] < 0.5
        mistakes = [
            (_drawn(U, _turn, x, chance, sign=-1), "Rolls that gain energy are accepted, and those "
             "that lose it are not always: ΔH is end minus start, and the rate exp(-ΔH)."),
            (_drawn(U, _turn, x, chance, kinetic=0.0), "This compares U alone. The energy is H, "
             "with |p|²/2."),
            (_drawn(U, _turn, x, chance, height=0.0), "This compares |p|²/2 alone. The energy is "
             "H = |p|²/2 + U."),
            (_drawn(U, _turn, x, chance, kinetic=1.0), "The kinetic energy is |p|²/2, not |p|²."),
            (_drawn(U, _turn, x, chance, above=True), "Accepted and turned down are exchanged: a "
             "roll counts where the chance is below the rate."),
            (end[..., :2], "Every roll is accepted."),
            (x[..., :2], "No roll is accepted: these are the starts."),
            (torch.where(keep, end, x)[..., :2], "The chance is compared with one half, not with "
             "exp(-ΔH)."),
        ]  # fmt: skip
        right = _drawn(U, _turn, x, chance)
        got = draw(U, _turn, x, chance, like=right, shape=(6, 40, 2))
        match(got, right, mistakes, "These are not the positions after the rule.")
    far = lambda x: x + torch.full_like(x, 400.0)  # noqa: E731
    got = draw(_hills, far, x, chance, like=right, shape=(6, 40, 2))
    match(got, x[..., :2], [], "A roll into a very high place must be turned down.")
    got = draw(_hills, _turn, x[0, 0], chance[0, 0], like=right, shape=(2,))
    want = _drawn(_hills, _turn, x[0, 0], chance[0, 0])
    match(got, want, [], "Right for a batch, and wrong for one chain with a state of shape (4,).")
    return (
        "Right, for each chain by its own chance. Nothing in it knows how the roll was made: that "
        "is why a wrong force is harmless, and a roll without a way back is not noticed."
    )


# --- 3 -------------------------------------------------------------------------------------------

KINDS = ("exact", "no way back", "no volume", "neither")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "leapfrog, learned potential": (
        "exact",
        "Of what are its steps made, whatever the potential is?",
        "kicks and drifts in an order that is the same from both ends",
    ),
    "leapfrog, learned force that is no gradient": (
        "exact",
        "Write down the Jacobian of a kick p + h f(q). Where does the slope of f stand?",
        "it stands beside the diagonal, and the determinant is 1 for any f",
    ),
    "leapfrog, step drawn anew for each roll": (
        "exact",
        "With the step once drawn, is this a roll like any other? Does the draw look at q?",
        "each step length keeps the density, and so does a choice by chance",
    ),
    "symplectic Euler, true force": (
        "no way back",
        "Turn p round after a kick and a drift. Does another kick and drift lead back?",
        "its steps keep volume, and are undone by drift and kick, not by kick and drift",
    ),
    "trained SympNet as the roll": (
        "no way back",
        "A SympNet keeps volume. What in it knows that time may run backwards?",
        "kicks and drifts keep volume, and nothing makes their order the same from both ends",
    ),
    "RK4, true force": (
        "neither",
        "What does a step of RK4 do to an area? And is it the same from both ends?",
        "it shrinks areas, and its way back is another one",
    ),
    "implicit midpoint, learned H, solved to rounding": (
        "exact",
        "What happens to its equation if start and end are exchanged and the time is reversed?",
        "the rule is symmetric and symplectic; H must not change when p is reversed, as here",
    ),
    "q to 1/q for a positive q, p left alone": (
        "no volume",
        "Apply it twice. What is its derivative?",
        "twice is nothing at all, and the derivative is -1/q²",
    ),
}
"""The cases of exercise 3: what is true, a question for those who err, and the reason."""


@exercise(3, "think", "Which rolls are exact?")
def exact(answer: Any) -> str:
    """Check ``exact``: for each of `CASES` one of `KINDS`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, KINDS, advice, "exact")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------

RIVALS = ("network", "random walk")
"""The two samplers of exercise 4."""

USUAL = {"gradients": 30, "steps": 5, "step": 0.25}
"""The settings of exercise 4 that are not varied."""

LIMITS = {"gradients": (6, 200), "steps": (1, 40), "step": (0.05, 1.5)}
"""The smallest and the largest settings of exercise 4."""


def measure(
    model: str, gradients: int = 30, steps: int = 5, step: float = 0.25, seed: int = 0
) -> float:
    """Draw by one sampler of exercise 4, and return what an effective draw costs.

    The density is the chapter's posterior of 50 returns. The network, a potential with 12 hidden
    units, learns from gradients at the ends of the chapter's random walk. The random walk has
    steps of size 1, whatever the settings are.

    Args:
        model: one of `RIVALS`.
        gradients: how many the network learns from.
        steps: leapfrog steps of its rolls.
        step: their length.
        seed: of the returns, the walk, the weights and the draws.

    Returns:
        Evaluations of U for each effective draw, for the worst of the three means: 100 chains, 150
        draws. The smaller the better.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    if model == "random walk":
        return _cost(None, 0, 1, 1.0, int(seed))
    return _cost("network", int(gradients), int(steps), float(step), int(seed))


@cache
def _prepared(seed: int) -> tuple[StudentPosterior, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(50, 5, generator=generator, dtype=torch.float64)
    returns = 0.2 + 2 * normal[:, 0] / normal[:, 1:].square().mean(-1).sqrt()
    posterior = StudentPosterior(returns)
    first = torch.randn(200, 3, generator=generator, dtype=torch.float64)
    walk = hamiltonian_monte_carlo(
        posterior.potential, first, 100, step=0.8, steps=1, seed=seed, force=torch.zeros_like
    )
    return posterior, walk.positions[-1]


@cache
def _cost(model: str | None, gradients: int, steps: int, step: float, seed: int) -> float:
    posterior, start = _prepared(seed)
    force: Callable[[Tensor], Tensor] = torch.zeros_like
    if model:
        at = start[:gradients]
        network = DenseNetwork((3, 12, 1), "softplus", seed=seed)
        optimizer = LevenbergMarquardt(steps=60, weight_decay=1e-5)
        data = {"q": at, "force": posterior.force(at)}
        fit(network, data, optimizer, residual=_missed, progress=False)
        network.requires_grad_(False)
        force = lambda q: -network.input_gradient(q)  # noqa: E731
    draws = hamiltonian_monte_carlo(
        posterior.potential, start[:100], 150, step=step, steps=steps, seed=seed, force=force
    )
    return 100 * 150 / float(effective_size(draws.positions).min())


def _missed(model: Any, batch: Mapping[str, Tensor]) -> Tensor:
    missed: Tensor = -model.input_gradient(batch["q"]) - batch["force"]
    return missed


def verdict(network: list[float], other: list[float]) -> str:
    """Who wins by the rule of exercise 4: at four of five seeds at least."""
    return study.winner(network, other, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    study.within(1.6),
    (study.ROOTS, study.SQUARED, study.LOGARITHMS, study.NEGATED),
    study.smaller("the network"),
    ": where the network pays and where it does not, or where it is undecided",
    whole=("gradients", "steps"),
    noun="cost",
    sides="samplers",
)


@exercise(4, "experiment", "An open question: when does the network pay?")
def worth(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "A good force pays on a roll of some length: very short ones are a random walk with tiny "
        "steps, and those that are too coarse are turned down.",
    )
