"""Checks of the chapter "HNN or LNN?"."""

from __future__ import annotations

from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import close, expect, function, match, numbers
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.mechanics import conjugate_momentum, gradient, jacobian, symplectic_form
from hnn_tutorial.systems import DampedPendulum, DoublePendulum, Pendulum, RelativisticParticle

chapter = Chapter("hnn_or_lnn")
exercise, progress = chapter.exercise, chapter.progress

LIGHTS = (1.0, 2.0, 4.0)
"""Speeds of light of exercise 4, in m/s."""

MODELS = ("HNN", "LNN", "dissipative HNN", "second-order network", "MLP", "none")
"""The answers that exercise 5 offers."""

CASES: dict[str, tuple[str, str]] = {
    "robot arm": (
        "LNN",
        "the momenta of joints mix their rates by unknown masses, and an LNN needs only the rates",
    ),
    "molecule": (
        "HNN",
        "p is known, energy is kept, and a separable H can be followed by symplectic steps",
    ),
    "swing": (
        "dissipative HNN",
        "p is known, and energy is lost to friction alone, which D ≥ 0 describes",
    ),
    "epidemic": ("MLP", "the numbers obey equations of first order, with no momentum or energy"),
    "short and clean": (
        "second-order network",
        "with such data it is as good as the others over short times, and trains fastest",
    ),
    "one photograph": (
        "none",
        "a single picture holds no velocity, so it does not determine what follows",
    ),
}
"""The cases of exercise 5: the right model, and the reason."""

_ADVICE = {
    "robot arm": "Is the momentum of a joint known? Is there friction to speak of?",
    "molecule": "Which momenta are given? What must hold over a million steps?",
    "swing": "Does it keep its energy? Where does the energy go?",
    "epidemic": "Is there an acceleration, an energy, a momentum in it?",
    "short and clean": "What can a kept energy add here, and what does it cost?",
    "one photograph": "Is what follows determined by the data?",
}


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "A Lagrangian with friction")
def lagrangian(answer: Any) -> str:
    """Check ``lagrangian(x, t, mass, stiffness, damping)``: its motion is a damped spring's."""
    L = function(answer, "lagrangian(x, t, mass, stiffness, damping)")
    m, k, c = 1.3, 2.9, 0.7
    x = states(8)
    t = torch.linspace(0.2, 2, 8, dtype=torch.float64)
    L(x, t, m, k, c, like=t)
    one = L(x[0], t[0], m, k, c, like=t[0])
    expect(
        close(one, L(x, t, m, k, c)[0]), "Right for a batch only: index with `x[..., 0]`, not x[0]."
    )

    def by_state_and_time(z: Tensor) -> Tensor:
        return L(z[..., :2], z[..., 2], m, k, c, like=z[..., 2])

    z = torch.cat([x, t[:, None]], dim=-1)
    expect(
        L(x.clone().requires_grad_(), t, m, k, c, like=t).requires_grad,
        "No gradient flows from L to the state: compute it with torch, without `.detach()`, "
        "`.item()` or NumPy.",
    )
    first = gradient(by_state_and_time)(z)
    second = jacobian(gradient(by_state_and_time))(z)
    mass, q, velocity = second[:, 1, 1], x[:, 0], x[:, 1]
    # Euler and Lagrange: μ q̈ = force, with the explicit dependence on time.
    force = first[:, 0] - second[:, 1, 0] * velocity - second[:, 1, 2]
    expect(
        (mass.abs() > 1e-9).all(),
        "∂²L/∂q̇² vanishes somewhere, so that the equation does not determine q̈. L must hold a "
        "kinetic energy.",
    )
    right = (-k * q - c * velocity) / m
    mistakes = [
        (
            -k * q / m,
            "This is the spring without friction. A factor that depends on time adds a term "
            "with q̇.",
        ),
        (
            (-k * q + c * velocity) / m,
            "This spring is driven, not damped: the exponent has the wrong sign.",
        ),
        ((k * q - c * velocity) / m, "The spring pushes outward: it is T - V, not T + V."),
        ((k * q + c * velocity) / m, "T + V in place of T - V, and the wrong exponent."),
        (
            (-k * q - 2 * c * velocity) / m,
            "The friction is twice too large: the exponent is c t/m, not 2 c t/m.",
        ),
        (
            (-k * q - c * velocity / 2) / m,
            "The friction is half of what it should be: the exponent is c t/m, not c t/(2m), in "
            "which the amplitude decays.",
        ),
        (
            -k * q / m - c * velocity,
            "The friction is wrong by a factor m: the exponent needs the unit 1, and c/m has 1/s.",
        ),
    ]
    match(force / mass, right, mistakes, "The Euler-Lagrange equation of this L gives another q̈.",
          at=x)  # fmt: skip
    return (
        "Right: friction has a Lagrangian after all, if it may depend on time. An LNN is a "
        "function of q and q̇ alone, and cannot be this one."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "Can it have a Hamiltonian?")
def defect(answer: Any) -> str:
    """Check ``defect(field, x)``: the largest asymmetry of ΩJ at each state."""
    measure = function(answer, "defect(field, x)")
    x = states(6, degrees=2)
    A = torch.randn(4, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def general(x: Tensor) -> Tensor:
        return torch.tanh(x @ A.mT)

    J = jacobian(general)(x)
    omega = symplectic_form(2, dtype=x.dtype, device=x.device)
    turned = omega @ J
    wrong = (turned - turned.mT).abs()
    mistakes = [
        (
            (J - J.mT).abs().amax((-2, -1)),
            "This asks whether J is symmetric, as for a gradient field. Multiply by Ω first.",
        ),
        (
            (turned + turned.mT).abs().amax((-2, -1)),
            "Subtract the transpose: a symmetric matrix is equal to its transpose.",
        ),
        (turned.abs().amax((-2, -1)), "This is ΩJ itself. Subtract its transpose."),
        (
            wrong.sum((-2, -1)),
            "This is the sum of all entries; asked for is the largest.",
        ),
        (wrong.mean((-2, -1)), "This is the mean of all entries; asked for is the largest."),
        (
            J.diagonal(dim1=-2, dim2=-1).sum(-1).abs(),
            "This is the divergence. With more than one degree of freedom it is not enough.",
        ),
        (
            J.diagonal(dim1=-2, dim2=-1).sum(-1),
            "This is the divergence. With more than one degree of freedom it is not enough.",
        ),
    ]
    got = measure(general, x, like=x, shape=(6,))
    match(got, wrong.amax((-2, -1)), mistakes, "This is not the largest |ΩJ - (ΩJ)ᵀ|.", at=x)
    got = measure(general, x[0], like=x, shape=())
    expect(
        close(got, wrong[0].amax()), "Right for a batch, and wrong for a single state, shape (4,)."
    )
    particle = RelativisticParticle()
    canonical = particle.sample(6, seed=0)
    labelled = particle.non_canonical(canonical)
    div = jacobian(particle.non_canonical_field)(labelled).diagonal(dim1=-2, dim2=-1).sum(-1).abs()
    got = measure(particle.non_canonical_field, labelled, like=labelled, shape=(6,))
    match(got, div, [], "Right for two degrees of freedom, and wrong for one: n is half the last "
          "axis of x.")  # fmt: skip
    double = DoublePendulum()
    x = double.sample(4, seed=0)
    got = measure(double.field, x, like=x, shape=(4,))
    expect(got.abs().max() < 1e-8, "The double pendulum in [q, p] has a Hamiltonian.")
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
    x = states(6)
    field = damped.second_order_field(x)
    right = stack(field[:, 0], damped.inertia * field[:, 1])
    slope = gradient(pendulum.lagrangian)(x)
    mistakes = [
        (
            stack(x[:, 1], slope[:, 0]),
            "This is ṗ = ∂L/∂q, which holds only for a motion that obeys this L. The measured one "
            "has friction: take the derivative of p along it.",
        ),
        (field, "This is [q̇, q̈], as given. The second half should be ṗ."),
        (
            stack(slope[:, 1], right[:, 1]),
            "The first half is p. Asked for are the rates, and that of q is q̇.",
        ),
        (conjugate_momentum(pendulum.lagrangian)(x), "This is [q, p]. Asked for are their rates."),
        (
            stack(right[:, 1], right[:, 0]),
            "The two halves are exchanged: [q̇, ṗ].",
        ),
        (-right, "Both signs are wrong: the derivative along the motion, not against it."),
    ]
    got = rates(pendulum.lagrangian, damped.second_order_field, x, like=x)
    match(got, right, mistakes, "This is not [q̇, ṗ].", at=x)
    particle = RelativisticParticle()
    y = x / 2
    velocity, q = y[:, 1], y[:, 0]
    got = rates(particle.lagrangian, particle.second_order_field, y, like=y)
    match(
        got,
        stack(velocity, -particle.stiffness * q),
        [
            (
                particle.second_order_field(y),
                "For the relativistic particle this is m q̈. Its momentum is not m q̇.",
            )
        ],
        "Right where the mass is constant, and wrong where ∂²L/∂q̇² depends on the state.",
        at=y,
    )
    double = DoublePendulum()
    x = states(5, degrees=2)
    motion = double.second_order_field
    right = (jacobian(double.momenta)(x) @ motion(x).unsqueeze(-1)).squeeze(-1)
    got = rates(double.lagrangian, motion, x, like=x)
    match(got, right, [], "Right for one degree of freedom, and wrong for two: the first half of "
          "the state is q, the second half q̇.")  # fmt: skip
    got = rates(double.lagrangian, motion, x[0], like=x[0])
    expect(close(got, right[0]), "Right for a batch, and wrong for a single state of shape (4,).")
    return (
        "Right: the chain rule holds for every motion, Euler and Lagrange's equation for those of "
        "L. What is between the two is a force that L does not know."
    )


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "experiment", "When does a wrong momentum matter?")
def misled(answer: Any) -> str:
    """Check ``errors``: for each of `LIGHTS` relative errors of misled HNNs for several seeds."""
    values = numbers(answer, LIGHTS, "errors", "error for each seed")
    middle = {light: median(row) for light, row in values.items()}
    shown = ", ".join(f"{error:.1e} at c = {light:g}" for light, error in middle.items())
    expect(
        all(value > 0 for row in values.values() for value in row),
        f"Some errors are zero or negative ({shown}). Give the ratio of norms, not its logarithm.",
    )
    expect(
        all(max(row) - min(row) > 0 for row in values.values()),
        "Different seeds gave exactly the same error: pass `seed` on.",
    )
    expect(
        middle[1.0] > middle[4.0],
        f"The error grows with the speed of light ({shown}). Are the keys in the right order?",
    )
    first, second = middle[1.0] / middle[2.0], middle[2.0] / middle[4.0]
    expect(
        not 9 < second < 30,
        f"From c = 2 to c = 4 these fall by a factor of {second:.0f} ({shown}), which looks like "
        "the square of the error: take the root.",
    )
    expect(
        2.5 < second < 6 and 2 < first < 9,
        f"These errors fall by {first:.1f} and {second:.1f} ({shown}). For the relative error of "
        "the *field*, learned less true over true, the second factor should be near 4.",
    )
    expect(
        0.002 < middle[2.0] < 0.1,
        f"At c = 2 the error should be near a per cent, and is {middle[2.0]:.1e}. Was it divided "
        "by the norm of the true field?",
    )
    return (
        f"Right: {shown}. The part that an HNN cannot have goes as (q̇/c)²: a floor for every "
        "training, of which the slow particle never hears."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "Which model?")
def models(answer: Any) -> str:
    """Check ``models``: for each of `CASES` one of `MODELS`."""
    right = {case: model for case, (model, _) in CASES.items()}
    match_words(answer, right, MODELS, _ADVICE, "models")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (_, why) in CASES.items())])
