"""Checks of the chapter "HNN or LNN?"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import (
    close,
    expect,
    function,
    match,
)
from hnn_tutorial.check.answers import gradient as flows
from hnn_tutorial.check.answers import numbers as rows_of
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.data import Dataset, add_noise, simulate
from hnn_tutorial.evaluation import energy_error
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import conjugate_momentum, gradient, jacobian, symplectic_form
from hnn_tutorial.models import HNN, SecondOrderMLP
from hnn_tutorial.systems import DampedPendulum, DoublePendulum, Pendulum, RelativisticParticle
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("hnn_or_lnn")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


def _damped(x: Tensor, m: float, k: float, c: float) -> Tensor:
    """The acceleration of a spring with friction."""
    return (-k * x[..., 0] - c * x[..., 1]) / m


@exercise(1, "derive", "A Lagrangian with friction")
def lagrangian(answer: Any) -> str:
    """Check ``lagrangian(x, t, mass, stiffness, damping)``: its motion is a damped spring's."""
    L = function(answer, "lagrangian(x, t, mass, stiffness, damping)")
    m, k, c = 1.3, 2.9, 0.7
    x = states(12).reshape(4, 3, 2)
    t = torch.linspace(0.2, 2, 12, dtype=torch.float64).reshape(4, 3)
    whole = L(x, t, m, k, c, like=t)
    one = L(x[2, 1], t[2, 1], m, k, c, like=t[2, 1])
    expect(
        close(one, whole[2, 1]),
        "A single state gives another value than the same state in a batch: index the state with "
        "`x[..., 0]`, not `x[0]`, and do not sum over the batch.",
    )
    marked = x.clone().requires_grad_()
    flows(L(marked, t, m, k, c, like=t), marked, "L", name="the state")

    def by_state_and_time(z: Tensor) -> Tensor:
        return L(z[..., :2], z[..., 2], m, k, c, like=z[..., 2])

    z = torch.cat([x, t[..., None]], dim=-1)
    first = gradient(by_state_and_time)(z)
    second = jacobian(gradient(by_state_and_time))(z)
    velocity, mass = x[..., 1], second[..., 1, 1]
    # Euler and Lagrange: μ q̈ = force, with the explicit dependence on time.
    force = first[..., 0] - second[..., 1, 0] * velocity - second[..., 1, 2]
    expect(
        (mass.abs() > 1e-9).all(),
        "∂²L/∂q̇² vanishes somewhere, so that the equation does not determine q̈. L must contain "
        "a kinetic energy.",
    )
    q = x[..., 0]
    mistakes = [
        (-k * q / m, "This is the spring without friction. A factor that depends on time adds a "
         "term with q̇."),
        (_damped(x, m, k, -c), "This spring is driven, not damped: the exponent has the wrong "
         "sign."),
        (_damped(x, m, -k, c), "The spring pushes outward: it is T - V, not T + V."),
        (_damped(x, m, -k, -c), "T + V in place of T - V, and the wrong sign in the exponent."),
        (_damped(x, m, k, 2 * c), "The friction is twice too large: the exponent is c t/m, not "
         "2 c t/m."),
        (_damped(x, m, k, c / 2), "The friction is half of what it should be: the exponent is "
         "c t/m, not c t/(2m), in which the amplitude decays."),
        (_damped(x, m, k, c * m), "The friction is wrong by a factor m: the exponent needs the "
         "unit 1, and c/m has 1/s."),
    ]  # fmt: skip
    fading = -k * q * torch.exp(-c * t / m) / m - c * velocity / m
    mistakes.append((fading, "The factor e^(c t/m) stands before T alone, so the spring weakens "
                     "with time: it must multiply V as well."))  # fmt: skip
    match(
        force / mass,
        _damped(x, m, k, c),
        mistakes,
        "The Euler-Lagrange equation of this L gives another q̈.",
        at=x,
        parameters={"m": m, "k": k, "c": c},
        truth=_damped,
    )
    if close(first[..., 2], torch.zeros_like(t)):
        return (
            "Right, and without time in it! Then look at your L on the line q = 0 and at the rest: "
            "the chapter shows that it must break somewhere on each ring around the rest. A smooth "
            "one needs the time, such as e^(ct/m) (T - V)."
        )
    return (
        "Right: friction has a smooth Lagrangian after all, if it may depend on time. An LNN is a "
        "function of q and q̇ alone, and cannot be this one."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "Can it have a Hamiltonian?")
def defect(answer: Any) -> str:
    """Check ``defect(field, x)``: the largest asymmetry of ΩJ at each state."""
    measure = function(answer, "defect(field, x)")
    x = states(6, degrees=2).reshape(2, 3, 4)
    A = torch.randn(4, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def general(x: Tensor) -> Tensor:
        return torch.tanh(x @ A.mT)

    J = jacobian(general)(x)
    turned = symplectic_form(2, dtype=x.dtype, device=x.device) @ J
    wrong = (turned - turned.mT).abs()
    divergence = J.diagonal(dim1=-2, dim2=-1).sum(-1)
    known = "This is the divergence. With more than one degree of freedom it is not enough."
    mistakes = [
        ((J - J.mT).abs().amax((-2, -1)), "This asks whether J is symmetric, as for a gradient "
         "field. Multiply by Ω first."),
        ((turned + turned.mT).abs().amax((-2, -1)), "Subtract the transpose: a symmetric matrix is "
         "equal to its transpose."),
        (turned.abs().amax((-2, -1)), "This is ΩJ itself. Subtract its transpose."),
        (wrong.sum((-2, -1)), "This is the sum of all entries; asked for is the largest."),
        (wrong.mean((-2, -1)), "This is the mean of all entries; asked for is the largest."),
        (wrong.square().sum((-2, -1)).sqrt(), "This is the root of the sum of squares; asked for "
         "is the largest entry."),
        (wrong.amin((-2, -1)), "Every value is 0, as are the diagonal and the sum of "
         "an antisymmetric matrix; asked for is its largest entry."),
        (divergence.abs(), known),
        (divergence, known),
    ]  # fmt: skip
    got = measure(general, x, like=x, shape=(2, 3))
    match(got, wrong.amax((-2, -1)), mistakes, "This is not the largest |ΩJ - (ΩJ)ᵀ|.", at=x)
    got = measure(general, x[1, 2], like=x, shape=())
    match(got, wrong[1, 2].amax(), [], "Right for a batch, and wrong for a single state, shape "
          "(4,).")  # fmt: skip
    particle = RelativisticParticle(mass=1.4, stiffness=0.8, speed_of_light=1.7)
    labelled = particle.non_canonical(particle.sample(6, seed=0))
    J = jacobian(particle.non_canonical_field)(labelled)
    got = measure(particle.non_canonical_field, labelled, like=labelled, shape=(6,))
    match(got, J.diagonal(dim1=-2, dim2=-1).sum(-1).abs(), [], "Right for two degrees of freedom, "
          "and wrong for one: n is half the last axis of x.", at=labelled)  # fmt: skip
    double = DoublePendulum(mass1=1.2, mass2=0.7, length1=0.9, length2=1.3)
    x = double.sample(4, seed=0)
    got = measure(double.field, x, like=x, shape=(4,))
    expect(
        got.abs().max() < 1e-8,
        f"The double pendulum in [q, p] has a Hamiltonian, and yours finds {got.abs().max():.1e}.",
    )
    return (
        "Right. With one degree of freedom it is the divergence; with more it asks for more. It "
        "needs no network: try it on a field before you train one."
    )


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "code", "The rate of a momentum")
def canonical_rates(answer: Any) -> str:
    """Check ``canonical_rates(L, field, x)``: [q̇, ṗ] of any motion, with p = ∂L/∂q̇."""
    rates = function(answer, "canonical_rates(L, field, x)")
    pendulum, damped = Pendulum(0.7, 1.6, 3.1), DampedPendulum(0.7, 1.6, 3.1, 0.9)
    x = states(6).reshape(3, 2, 2)
    field = damped.second_order_field(x)
    right = stack(field[..., 0], damped.inertia * field[..., 1])
    slope = gradient(pendulum.lagrangian)(x)
    mistakes = [
        (stack(x[..., 1], slope[..., 0]), "This is ṗ = ∂L/∂q, which is true only of a motion that "
         "obeys this L. The measured one has friction: take the derivative of p along it."),
        (field, "This is [q̇, q̈], as given. The second half should be ṗ."),
        (stack(slope[..., 1], right[..., 1]), "The first half is p. Asked for are the rates, and "
         "that of q is q̇."),
        (conjugate_momentum(pendulum.lagrangian)(x), "This is [q, p]. Asked for are their rates."),
        (right.flip(-1), "The two halves are exchanged: [q̇, ṗ]."),
        (-right, "Both signs are wrong: the derivative along the motion, not against it."),
    ]  # fmt: skip
    got = rates(pendulum.lagrangian, damped.second_order_field, x, like=x)
    match(got, right, mistakes, "This is not [q̇, ṗ].", at=x, parameters={"m l²": damped.inertia})

    particle = RelativisticParticle(mass=1.3, stiffness=0.7, speed_of_light=2.1)
    m, c = particle.mass, particle.speed_of_light
    y = states(5) / 2
    field = particle.second_order_field(y)
    gamma = (1 - (y[:, 1] / c) ** 2) ** -0.5
    right = stack(y[:, 1], -particle.stiffness * y[:, 0])
    mistakes = [
        (stack(y[:, 1], m * field[:, 1]), "For the relativistic particle this is m q̈. Its "
         "momentum is not m q̇."),
        (stack(y[:, 1], m * gamma * field[:, 1]), "For the relativistic particle this is γ m q̈: "
         "γ changes along the motion too."),
        (stack(y[:, 1], damped.inertia * field[:, 1]), "This is the pendulum's m l² in front of "
         "q̈. L says what p is, here and for any other system."),
    ]  # fmt: skip
    got = rates(particle.lagrangian, particle.second_order_field, y, like=y)
    match(got, right, mistakes, "Right where the mass is constant, and wrong where ∂²L/∂q̇² depends "
          "on the state.", at=y)  # fmt: skip

    double = DoublePendulum(mass1=1.2, mass2=0.7, length1=0.9, length2=1.3)
    x = states(6, degrees=2).reshape(2, 3, 4)

    def motion(x: Tensor) -> Tensor:
        """The double pendulum with friction."""
        friction = torch.cat([torch.zeros_like(x[..., 2:]), 0.3 * x[..., 2:]], dim=-1)
        return double.second_order_field(x) - friction

    J = jacobian(double.momenta)(x)
    speed, acceleration = motion(x).chunk(2, dim=-1)
    right = (J @ motion(x).unsqueeze(-1)).squeeze(-1)
    mass_alone = (J[..., 2:, 2:] @ acceleration.unsqueeze(-1)).squeeze(-1)
    mistakes = [
        (torch.cat([speed, mass_alone], -1), "This is ṗ = A q̈, with the mass matrix A = ∂p/∂q̇. "
         "Where A depends on q, p changes with q too: ∂p/∂q · q̇ is missing."),
        (torch.cat([speed, gradient(double.lagrangian)(x)[..., :2]], -1), "For two degrees of "
         "freedom this is ṗ = ∂L/∂q, which is not true of a motion with friction."),
        ((J.mT @ motion(x).unsqueeze(-1)).squeeze(-1), "The Jacobian of the momenta is transposed: "
         "its rows are the momenta, its columns the state."),
    ]  # fmt: skip
    got = rates(double.lagrangian, motion, x, like=x)
    match(got, right, mistakes, "Right for one degree of freedom, and wrong for two.", at=x)
    got = rates(double.lagrangian, motion, x[1, 2], like=x[1, 2])
    match(got, right[1, 2], [], "Right for a batch, and wrong for a single state of shape (4,).")
    return (
        "Right: the chain rule is true of every motion, Euler and Lagrange's equation of those of "
        "L. The difference between the two is a force that L does not know."
    )


# --- 4 -------------------------------------------------------------------------------------------

LIGHTS = (1.0, 2.0, 4.0)
"""Speeds of light of exercise 4, in m/s."""

# Medians over thirty seeds; each seed is within a fifth of them.
_MISLED = {1.0: 0.105, 2.0: 0.0282, 4.0: 0.00708}


@exercise(4, "experiment", "When does a wrong momentum matter?")
def misled(answer: Any) -> str:
    """Check ``errors``: for each of `LIGHTS` relative errors of misled HNNs for several seeds."""
    values = rows_of(answer, LIGHTS, "errors", "error for each seed")
    middle = {light: median(row) for light, row in values.items()}
    shown = ", ".join(f"{error:.2g} at c = {light:g}" for light, error in middle.items())
    expect(
        all(value > 0 for row in values.values() for value in row),
        f"Some errors are zero or negative ({shown}). Give the ratio of norms, not its logarithm.",
    )
    expect(
        all(max(row) - min(row) > 0 for row in values.values()),
        "Different seeds gave exactly the same error: pass `seed` on.",
    )
    cures: list[tuple[Callable[[float], float], str]] = [
        (lambda e: e**0.5, "These are the squares of the errors: take the root."),
        (lambda e: e / 100, "These are per cents: give the ratio itself."),
        (lambda e: e / 2, "Every error is twice the right one."),
        (lambda e: 2 * e, "Every error is half of the right one."),
        (lambda e: 10 * e, "Every error is a tenth of the right one."),
        (lambda e: e / 10, "Every error is ten times the right one."),
        (lambda e: 1 / e, "These are the inverse ratios: the error stands above, the true field "
         "below."),
    ]  # fmt: skip
    if not _fits(middle):
        swapped = dict(zip(middle, reversed(middle.values()), strict=True))
        expect(not _fits(swapped), "The error grows with the speed of light: are the keys in the "
               "right order?")  # fmt: skip
        for cure, message in cures:
            expect(not _fits({light: cure(error) for light, error in middle.items()}), message)
        expect(
            not all(0.5 < error < 1.5 for error in middle.values()),
            f"All errors are near 1 ({shown}), as if the networks had learned nothing: was the "
            "field taken after `fit`?",
        )
        expect(
            not all(error < 1e-3 for error in middle.values()),
            f"These errors are far too small ({shown}). An HNN can be so exact with the right "
            "momentum; the exercise gives it m q̇.",
        )
    for light, error in middle.items():
        expect(
            _fits({light: error}),
            f"At c = {light:g} the median should be near {_MISLED[light]:.2g}, and is {error:.2g}. "
            "Asked for is the norm of learned minus true field, over the norm of the true field.",
        )
    for light, row in values.items():
        for error in row:
            expect(
                _fits({light: error}, 2.0),
                f"One error at c = {light:g} is {error:.2g}, far from the others: was the network "
                "trained?",
            )
    return (
        f"Right: {shown}. The part that an HNN cannot have goes as (q̇/c)². For a fast particle it "
        "is a floor below which no training gets; for a slow one nobody notices."
    )


def _fits(errors: Mapping[float, float], factor: float = 1.35) -> bool:
    return all(1 / factor < error / _MISLED[light] < factor for light, error in errors.items())


# --- 5 -------------------------------------------------------------------------------------------

MODELS = ("HNN", "LNN", "dissipative HNN", "second-order network", "MLP", "none")
"""The answers that exercise 5 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "robot arm": (
        "LNN",
        "Is the momentum of a joint known? Is there friction to speak of? What must stay constant?",
        "the momenta of joints mix their rates by unknown masses; an LNN needs only the rates, and "
        "keeps an energy",
    ),
    "molecule": (
        "HNN",
        "Which momenta are given? What must be true after a million steps?",
        "p is known, the energy must stay, and a separable H can be followed by symplectic steps",
    ),
    "still swing": (
        "dissipative HNN",
        "Where does the energy go? Which of the models would tell you how fast?",
        "p is known, energy is lost to friction alone, and the friction itself is wanted",
    ),
    "pumped swing": (
        "second-order network",
        "Does the energy only fall? Is there an acceleration that depends on q and q̇?",
        "the child puts energy in, which D ≥ 0 forbids, and the motion is of second order",
    ),
    "epidemic": (
        "MLP",
        "Is there an acceleration, an energy, a momentum in it?",
        "the numbers obey equations of first order, with no momentum or energy",
    ),
    "short and clean": (
        "second-order network",
        "What can a kept energy add in one second, and what does it cost?",
        "with such data it is as exact as any over short times, and trains fastest",
    ),
    "planets": (
        "HNN",
        "With known masses, is p known? What must stay over thousands of turns?",
        "with known masses p = m q̇ is known, and the energy must not drift over thousands of turns",
    ),
    "one photograph": (
        "none",
        "Is what follows determined by the data?",
        "a single picture contains no velocity, so it does not determine what follows",
    ),
}
"""The cases of exercise 5: the right model, a question for those who err, and the reason."""


@exercise(5, "think", "Which model?")
def models(answer: Any) -> str:
    """Check ``models``: for each of `CASES` one of `MODELS`."""
    right = {case: model for case, (model, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, MODELS, advice, "models")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 6 -------------------------------------------------------------------------------------------

RIVALS = ("HNN", "second-order network")
"""The two models of exercise 6."""

USUAL = {"noise": 0.05, "motions": 10}
"""The settings of exercise 6 that are not varied."""

LIMITS = {"noise": (0.0, 0.3), "motions": (2, 40)}
"""The smallest and the largest settings of exercise 6."""


def measure(model: str, noise: float = 0.05, motions: int = 10, seed: int = 0) -> float:
    """Train one network of exercise 6, and return the error of its energy.

    The pendulum has m = l = 1 and g = 2 in SI units, so that p and q̇ are the same numbers and
    both models learn from the same states. They have nearly the same number of weights.

    Args:
        model: one of `RIVALS`.
        noise: standard deviation of the noise on the states.
        motions: number of recorded motions, of twelve states each.
        seed: of the data and of the weights.

    Returns:
        The mean squared error of the energy along six fresh motions of 10 s, in J²; the median
        of the six.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(noise), int(motions), int(seed))


@cache
def _measured(model: str, noise: float, motions: int, seed: int) -> float:
    pendulum = Pendulum(mass=1.0, length=1.0, gravity=2.0)
    generator = torch.Generator().manual_seed(seed)
    start = pendulum.sample(motions, generator, radius=(1.3, 2.3))
    times = torch.linspace(0, 4, 12, dtype=torch.float64)
    clean = simulate(pendulum, start, times).states
    seen = add_noise(clean, noise, generator) if noise else clean
    data = Dataset(seen.flatten(0, 1), pendulum.field(clean).flatten(0, 1))
    network = (HNN if model == "HNN" else SecondOrderMLP)(
        1, (8, 8), "softplus", angles=(0,), seed=seed
    )
    decay = 1e-4 if noise else 1e-9
    fit(network, data, LevenbergMarquardt(steps=30, weight_decay=decay), progress=False)
    clock = torch.linspace(0, 10, 101, dtype=torch.float64)
    truth = simulate(pendulum, pendulum.sample(6, seed=99, radius=(1.3, 2.3)), clock).states
    with torch.no_grad():
        motion = integrate(network.field, truth[0], clock, "rk4", step=0.05)
    return energy_error(motion, pendulum.hamiltonian, truth).median().item()


def verdict(hnn: list[float], other: list[float]) -> str:
    """Who wins by the rule of exercise 6: at four of five seeds at least."""
    return study.winner(hnn, other, RIVALS)


DUEL = study.Duel(
    measure,
    RIVALS,
    USUAL,
    LIMITS,
    verdict,
    study.within(1.4),
    (study.ROOTS, study.SQUARED, study.LOGARITHMS, study.NEGATED),
    study.smaller("the HNN"),
    ": where it pays and where it does not, or where it is undecided",
    whole=("motions",),
)


@exercise(6, "experiment", "An open question: when does a kept energy pay?")
def pays(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "The errors of an HNN's field point along the orbits, so they do little harm to the "
        "energy. That pays where the errors are large, with noise. On clean data the second-order "
        "network's are so small that 10 s do not add them up.",
    )
