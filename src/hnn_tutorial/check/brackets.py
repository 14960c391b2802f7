"""Checks of the chapter "Other brackets: energy without pairs"."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from math import pi
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.models import MLP, DenseNetwork
from hnn_tutorial.systems import DampedPendulum
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("brackets")
exercise, progress = chapter.exercise, chapter.progress


def _draw(seed: int, *shape: int) -> Tensor:
    """Numbers between -1 and 1."""
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.rand(*shape, generator=generator, dtype=torch.float64) - 1


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "The Casimir of an unfair game")
def casimir(answer: Any) -> str:
    """Check ``casimir(x, a, b, c)``: the conserved combination of logarithms."""
    found = function(answer, "casimir(x, a, b, c)")
    stakes = {"a": 1.7, "b": 0.6, "c": 2.9}
    a, b, c = stakes.values()
    x = torch.exp(_draw(1, 4, 5, 3))
    logs = torch.log(x)

    def weighed(first: float, second: float, third: float) -> Tensor:
        return first * logs[..., 0] + second * logs[..., 1] + third * logs[..., 2]

    right = weighed(c, b, a)
    mistakes = [
        (logs.sum(-1), "This is the Casimir of the fair game. A times (1, 1, 1) is not zero when "
         "the stakes differ."),
        (weighed(a, b, c), "The stakes are there, at the wrong strategies. Write down A w row by "
         "row: which w makes each row zero?"),
        (weighed(b, c, a), "The stakes are there, at the wrong strategies. Write down A w row by "
         "row: which w makes each row zero?"),
        (weighed(c, -b, a), "One sign is reversed: look at the second row of A w."),
        (weighed(1 / c, 1 / b, 1 / a), "These are the inverse stakes. The first row of A w is "
         "b w3 - a w2."),
        (c * x[..., 0] + b * x[..., 1] + a * x[..., 2], "The weights are right, and the logarithms "
         "are missing: B ∇C has factors x, which must cancel."),
        (x[..., 0] ** c * x[..., 1] ** b * x[..., 2] ** a, "This is conserved too: the exponential "
         "of what is asked for. Return the combination of logarithms."),
        (x.sum(-1), "This is the sum, which plays the part of H. A Casimir has B ∇C = 0."),
    ]  # fmt: skip
    got = found(x, a, b, c, like=x, shape=(4, 5))
    match(got, right, mistakes, "This is not the Casimir.")
    got = found(x[2, 3], a, b, c, like=x, shape=())
    match(got, right[2, 3], [], "Right for a batch, and wrong for a single state of shape (3,).")
    return (
        "Right: A w = 0 has the solution w = (c, b, a), and B ∇C = diag(x) A w. Every H of this "
        "bracket conserves it."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "A bracket in other coordinates")
def in_coordinates(answer: Any) -> str:
    """Check ``in_coordinates(bracket, jacobian)``: the bracket matrix after a change."""
    changed = function(answer, "in_coordinates(bracket, jacobian)")
    raw = _draw(2, 4, 5, 3, 3)
    B, J = raw - raw.mT, _draw(3, 4, 5, 3, 3)
    right = J @ B @ J.mT
    inverse = torch.linalg.inv(J)
    mistakes = [
        (J.mT @ B @ J, "The transpose stands on the wrong side. The new rate is J times the old "
         "one, and the old gradient is J transposed times the new one."),
        (J @ B @ inverse, "The rate is right; the gradient is not. By the chain rule "
         "∂H/∂x = Jᵀ ∂H/∂z, so that the transpose stands on the right, not the inverse."),
        (inverse @ B @ inverse.mT, "This is the change back: z to x. J is the derivative of z by "
         "x."),
        (J @ B, "Only the rate is changed. The gradient is that by the old coordinates still."),
        (B @ J.mT, "Only the gradient is changed. The rate is that of the old coordinates still."),
        (J @ B @ J, "The right factor is not transposed. The result is not antisymmetric: check "
         "this first."),
        (J * B * J.mT, "The product * is taken entry by entry; matrices are multiplied by @."),
    ]  # fmt: skip
    got = changed(B, J, like=B, shape=(4, 5, 3, 3))
    match(got, right, mistakes, "This is not the bracket in the new coordinates.")
    wide = _draw(4, 6, 2, 3)
    got = changed(B[0, 0].expand(6, 3, 3), wide, like=B, shape=(6, 2, 2))
    match(
        got,
        wide @ B[0, 0] @ wide.mT,
        [],
        "Right for as many new coordinates as old ones. Two functions of three components have a "
        "Jacobian of shape (2, 3), and a bracket of shape (2, 2).",
    )
    got = changed(B[1, 2], J[1, 2], like=B, shape=(3, 3))
    match(got, right[1, 2], [], "Right for a batch, and wrong for one state.")
    return (
        "Right: J B Jᵀ, antisymmetric as B is. Its entry (i, j) is the Poisson bracket of the "
        "functions zᵢ and zⱼ."
    )


# --- 3 -------------------------------------------------------------------------------------------

KEPT = ("both", "energy", "Casimir", "neither")
"""The answers that exercise 3 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "untrained": (
        "both",
        "Do the two proofs ask where H comes from?",
        "both proofs hold for any H",
    ),
    "another body": (
        "both",
        "Which of its own energy and |x|² depends on the data?",
        "it has learned a wrong energy, and conserves that one",
    ),
    "learned bracket": (
        "energy",
        "What makes a learned antisymmetric matrix send x to zero?",
        "antisymmetry keeps the energy; nothing makes B x zero",
    ),
    "MLP": (
        "neither",
        "What is built into its field?",
        "nothing is built in",
    ),
    "friction on all": (
        "neither",
        "Multiply the rate by x, and by ∇H.",
        "the friction has a part along x and takes energy",
    ),
    "friction across": (
        "Casimir",
        "Is x × (x × ∇H) ever along x? And what is ∇H · (x × (x × ∇H))?",
        "the friction is across x, and takes energy: |x × ∇H|² is lost",
    ),
    "steered": (
        "Casimir",
        "Is the sum of two Hamiltonians, the second with a factor u(t), a Hamiltonian?",
        "at each moment some H moves it, so that |x|² stays; that H changes with time",
    ),
    "long explicit steps": (
        "neither",
        "A field keeps the quantities. Does a straight step along it?",
        "a straight step leaves the sphere and the level surface of H",
    ),
}
"""The cases of exercise 3: what is kept, a question for those who err, and the reason."""


@exercise(3, "think", "Who keeps what?")
def kept(answer: Any) -> str:
    """Check ``kept``: for each of `CASES` one of `KEPT`."""
    right = {case: word for case, (word, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, KEPT, advice, "kept")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "code", "The energy balance of a machine")
def balance(answer: Any) -> str:
    """Check ``balance(slope, friction, port, u)``: power lost and power supplied."""
    powers = function(answer, "balance(slope, friction, port, u)")
    dH, u = _draw(5, 4, 6, 3), _draw(6, 4, 6, 2)
    K, port = _draw(7, 4, 6, 3, 3), _draw(8, 3, 2)
    R = K @ K.mT
    lost = torch.einsum("...i,...ij,...j->...", dH, R, dH)
    output = dH @ port
    supplied = (output * u).sum(-1)
    right = torch.stack([lost, supplied], dim=-1)
    mistakes = [
        (torch.stack([-lost, supplied], -1), "The loss has the wrong sign: it is counted as "
         "positive where energy is lost."),
        (torch.stack([lost, supplied], -1).flip(-1), "Loss and supply are exchanged."),
        (torch.stack([dH.square().sum(-1), supplied], -1), "The friction matrix is missing in the "
         "loss."),
        (torch.stack([(R @ dH.unsqueeze(-1)).squeeze(-1).sum(-1), supplied], -1), "R ∇H is the "
         "friction's part of the rate. The power is its product with ∇H."),
        (torch.stack([lost, (port * dH.unsqueeze(-1)).sum((-2, -1))], -1), "This is the sum of the "
         "outputs y. The power is y times the input."),
        (torch.stack([lost, supplied - lost], -1), "The second number is the rate of the energy. "
         "Asked for is what the inputs supply, before the losses."),
        (torch.stack([lost / 2, supplied], -1), "The loss is halved. The factor ½ belongs to "
         "quadratic energies, not to their rates."),
    ]  # fmt: skip
    got = powers(dH, R, port, u, like=dH, shape=(4, 6, 2))
    match(got, right, mistakes, "These are not the two powers.")
    got = powers(dH[1, 2], R[1, 2], port, u[1, 2], like=dH, shape=(2,))
    match(got, right[1, 2], [], "Right for a batch, and wrong for one state.")
    got = powers(dH[:, 0, :2], R[:, 0, :2, :2], port[:2, :1], u[:, 0, :1], like=dH, shape=(4, 2))
    want = torch.stack([
        torch.einsum("...i,...ij,...j->...", dH[:, 0, :2], R[:, 0, :2, :2], dH[:, 0, :2]),
        (dH[:, 0, :2] @ port[:2, 0]) * u[:, 0, 0],
    ], -1)  # fmt: skip
    match(got, want, [], "Right for two inputs, and wrong for one input of shape (..., 1).")
    return (
        "Right: the energy changes by the second number minus the first. The bracket matrix does "
        "not enter: it moves energy about and makes none."
    )


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("known port", "free MLP")
"""The two models of exercise 5."""

USUAL = {"saturation": 0.6, "states": 80}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"saturation": (0.0, 4.0), "states": (10, 400)}
"""The smallest and the largest settings of exercise 5."""


def measure(model: str, saturation: float = 0.6, states: int = 80, seed: int = 0) -> float:
    r"""Train one network of exercise 5, and return the relative error of its field.

    A damped pendulum is driven by a motor that saturates: at an input u between -1 and 1 its torque
    is :math:`\tanh(s u)/s`, and u at s = 0. Rates have noise of 0.05. The known port adds u to an
    MLP of the state; the free MLP has state and input. Both have about 50 weights.

    Args:
        model: one of `RIVALS`.
        saturation: s.
        states: how many are recorded.
        seed: of the data and of the weights.

    Returns:
        The error of the field at 400 fresh states and inputs, in units of the field's size.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(saturation), int(states), int(seed))


@cache
def _measured(model: str, saturation: float, states: int, seed: int) -> float:
    pendulum = DampedPendulum(mass=1.0, length=1.0, gravity=1.0, damping=0.15)
    port = torch.tensor([0.0, 1.0], dtype=torch.float64)

    def seen(count: int, at: int) -> dict[str, Tensor]:
        cube = _draw(at, count, 3)
        x, u = cube[:, :2] * torch.tensor([pi, 2.2], dtype=torch.float64), cube[:, 2:]
        torque = torch.tanh(saturation * u) / saturation if saturation else u
        features = torch.cat([x[:, :1].sin(), x[:, :1].cos(), x[:, 1:], u], -1)
        return {"x": x, "u": u, "features": features, "rates": pendulum.field(x) + port * torque}

    def missed(network: Any, batch: Mapping[str, Tensor]) -> Tensor:
        if model == "known port":
            return network.field(batch["x"]) + port * batch["u"] - batch["rates"]
        return network(batch["features"]) - batch["rates"]

    data, fresh = seen(states, seed), seen(400, 99_999)
    noise = torch.randn(
        states, 2, generator=torch.Generator().manual_seed(50_000 + seed), dtype=torch.float64
    )
    data["rates"] = data["rates"] + 0.05 * noise
    network = (
        MLP(1, (8,), angles=(0,), seed=seed)
        if model == "known port"
        else DenseNetwork((4, 7, 2), "tanh", seed=seed)
    )
    optimizer = LevenbergMarquardt(steps=20, weight_decay=1e-4)
    fit(network, data, optimizer, residual=missed, progress=False)
    with torch.no_grad():
        return float(missed(network, fresh).norm() / fresh["rates"].norm())


def verdict(port: list[float], free: list[float]) -> str:
    """Who wins by the rule of exercise 5: at four of five seeds at least."""
    return study.winner(port, free, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    study.within(1.2),
    (
        study.ROOTS,
        study.SQUARED,
        (lambda v: v / 100, "percentages, not shares"),
        study.NEGATED,
    ),
    study.smaller("the known port"),
    ": where the known port pays and where it does not, or where it is undecided",
    whole=("states",),
)


@exercise(5, "experiment", "An open question: how false may a port be?")
def port(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "A port that is nearly right helps while data are few. Its error has a floor that no data "
        "lower: the motor's torque less the input.",
    )
