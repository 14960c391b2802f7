"""Checks of the chapter "Learning the paraboloid: the ideal spring"."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import Wrong, close, expect, function, match, numbers, table
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.evaluation import mesh_error
from hnn_tutorial.systems import MassSpring, Pendulum

chapter = Chapter("ideal_spring")
exercise, progress = chapter.exercise, chapter.progress

WIDTHS = (4, 8, 16, 32)
"""Units of the networks in exercise 5."""

SCALINGS = {
    "same": "it is the same number",
    "a hundredth": "it is a hundredth of what it was",
    "a ten-thousandth": "it is a ten-thousandth of what it was",
}
"""The answers that exercise 6 offers, and what they mean."""

QUANTITIES: dict[str, tuple[str, str]] = {
    "energy of a state": (
        "a ten-thousandth",
        "K = H t_s/(q_s p_s), and the product of the two scales is 10⁴",
    ),
    "length of an arrow of the field": (
        "a hundredth",
        "positions and momenta shrink by 100, the time does not",
    ),
    "loss": ("a ten-thousandth", "it is the square of a difference of arrows"),
    "relative error of the field": ("same", "numerator and denominator shrink alike"),
    "period": ("same", "the unit of time was left alone"),
    "divergence of the field": ("same", "the rate of growth of an area has the unit 1/s"),
    "area inside an orbit": ("a ten-thousandth", "an area is a position times a momentum"),
    "energy drift in per cent": ("same", "a ratio of two energies"),
}
"""What exercise 6 asks about: the right answer, and the reason."""


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "A spring in other units")
def scaled_spring(answer: Any) -> str:
    """Check ``scaled_spring(m, k, q_s, p_s, t_s)``: mass and stiffness in other units."""
    scaled = function(answer, "scaled_spring(m, k, q_s, p_s, t_s)")
    m = torch.tensor([2.0, 0.5, 3.0, 1.0, 1.7], dtype=torch.float64)
    k = torch.tensor([2.0, 2.0, 0.7, 5.0, 1.3], dtype=torch.float64)
    q_s = torch.tensor([100.0, 3.0, 0.2, 2.0, 11.0], dtype=torch.float64)
    p_s = torch.tensor([200.0, 5.0, 0.7, 0.3, 1.9], dtype=torch.float64)
    t_s = torch.tensor([1.0, 2.0, 0.5, 3.0, 0.1], dtype=torch.float64)

    def pair(mass: Tensor, stiffness: Tensor) -> Tensor:
        return torch.stack([mass, stiffness], dim=-1)

    right = pair(m * q_s / (p_s * t_s), k * q_s * t_s / p_s)
    mistakes = [
        (right.flip(-1), "The two are in the wrong order: [mass, stiffness]."),
        (
            pair(m / p_s**2, k * q_s**2),
            "You put q = q_s Q and p = p_s P into H, and left out the factor t_s/(q_s p_s): with "
            "H itself for K Hamilton's equations do not hold in the new units.",
        ),
        (
            pair(m * q_s / p_s, k * q_s / p_s),
            "The unit of time is missing: K = t_s/(q_s p_s) H.",
        ),
        (
            pair(m * q_s * t_s / p_s, k * q_s / (p_s * t_s)),
            "The unit of time has the wrong power: K = t_s/(q_s p_s) H, not H/(q_s p_s t_s).",
        ),
        (
            pair(m * p_s / (q_s * t_s), k * p_s * t_s / q_s),
            "q_s and p_s are exchanged.",
        ),
        (
            pair(p_s * t_s / (m * q_s), right[..., 1]),
            "The first is 1/m' : it is the mass that stands below p² in H.",
        ),
        (
            pair(m * p_s * t_s / q_s, k * p_s / (q_s * t_s)),
            "This is the way back: how to get m and k from those of the new units.",
        ),
    ]
    got = scaled(m, k, q_s, p_s, t_s, like=right)
    match(got, right, mistakes, "This is not the spring in the new units.")
    return (
        "Right. Its frequency √(k'/m') is t_s times the old one; with t_s = 1 no change of q_s "
        "and p_s alters it."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "The share of a square")
def share_within(answer: Any) -> str:
    """Check ``share_within(learned, true, radius, bound, points)``, a share of a mesh."""
    share = function(answer, "share_within(learned, true, radius, bound, points)")
    like = torch.zeros((), dtype=torch.float64)
    bound = 0.05
    spring, pendulum = MassSpring(2.0, 3.0), Pendulum(mass=1.0, length=1.0, gravity=3.0)
    cases = ((spring, 2.0, 21), (spring, 2.0, 20), (pendulum, 1.5, 31))
    for system, radius, points in cases:

        def learned(x: Tensor, f: Callable[[Tensor], Tensor] = system.field) -> Tensor:
            return f(x) + 0.04 * torch.stack([x[..., 1] + 0.3, x[..., 0] ** 2], dim=-1)

        mesh = mesh_error(learned, system.field, radius, points)
        axis = mesh.q
        p, q = torch.meshgrid(axis, axis, indexing="ij")
        x = torch.stack([q, p], dim=-1)
        true, off = system.field(x), (learned(x) - system.field(x)).abs()
        size = true.norm(dim=-1)
        length = off.norm(dim=-1)
        right = like + mesh.fraction_below(bound)
        each = (off <= bound * true.abs()).all(-1).double()
        mistakes = [
            (
                (length <= bound * size).double().mean(),
                "The origin is counted, as a failure: the true field vanishes there, so the "
                "relative error means nothing. Leave that point out of the share.",
            ),
            (
                ((length <= bound * size) | (size == 0)).double().mean(),
                "The origin is counted, as a success. Leave it out: the share is that of the "
                "other points.",
            ),
            (1 - right, "This is the share that is *outside* of the bound."),
            (100 * right, "This is in per cent: a share lies between 0 and 1."),
            (
                (length <= bound).double().mean(),
                "This is the absolute error: divide by the length of the true field.",
            ),
            (
                (length[size > 0] <= bound).double().mean(),
                "This is the absolute error: divide by the length of the true field.",
            ),
            (
                (length <= bound * size.max()).double().mean(),
                "The error is divided by the largest length on the mesh; divide by the length at "
                "the same point.",
            ),
            (each.mean(), "Each component is held to the bound. Compare the vectors' lengths."),
            (
                each[size > 0].mean(),
                "Each component is held to the bound. Compare the vectors' lengths.",
            ),
            ((length / size)[size > 0].mean(), "This is the mean error, not a share of points."),
        ]
        got = share(learned, system.field, radius, bound, points, like=like)
        match(got, right, mistakes, f"On a mesh of {points} × {points} the share is wrong.")
    return "Right, with a mesh point on the origin and without one."


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "derive", "How often must one look?")
def largest_gap(answer: Any) -> str:
    """Check ``largest_gap(bound, omega)``, the time between observations that differences allow."""
    gap = function(answer, "largest_gap(bound, omega)")
    bound = torch.tensor([1e-3, 5e-4, 1e-5, 1e-3, 2e-3], dtype=torch.float64)
    omega = torch.tensor([1.0, 1.0, 1.0, 4.0, 0.3], dtype=torch.float64)
    right = (6 * bound).sqrt() / omega
    mistakes = [
        (
            (6 * bound).sqrt(),
            "The frequency is missing: a spring that turns twice as fast must be seen twice as "
            "often.",
        ),
        ((6 * bound).sqrt() * omega, "Faster springs need *shorter* gaps: divide by ω."),
        (6 * bound / omega, "The root is missing: the error goes as Δt²."),
        ((6 * bound).sqrt() / omega**2, "ω Δt comes as one product: divide by ω once."),
        (
            2 * bound / omega,
            "This is for the one-sided difference (x(t + Δt) - x(t))/Δt; the central is better.",
        ),
        (
            (2 * bound).sqrt() / omega,
            "The factor is wrong: sin z = z - z³/6 + ..., so sin z/z falls short by z²/6. (Half of "
            "z² belongs to the cosine.)",
        ),
        ((3 * bound).sqrt() / omega, "The factor is wrong: 3! is 6."),
        (
            2 * (6 * bound).sqrt() / omega,
            "Twice too long: Δt is the time between *neighbours*; the difference spans two.",
        ),
        (
            (6 * bound).sqrt() / omega / 2,
            "Twice too short: Δt is the time between neighbours, and the difference spans two.",
        ),
        (1 / right, "This is how many observations a second there must be: 1/Δt."),
    ]
    got = gap(bound, omega, like=bound)
    match(got, right, mistakes, "This is not the largest gap.", rtol=0.01)
    return (
        "Right: Δt = √(6 e)/ω₀. The study's 0.1 s are too long for 1e-3 at 1 rad/s, though only "
        "by a third."
    )


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "code", "A step of Levenberg and Marquardt")
def lm_step(answer: Any) -> str:
    """Check ``lm_step(residual, theta, mu)``, one damped Gauss-Newton step."""
    step = function(answer, "lm_step(residual, theta, mu)")
    generator = torch.Generator().manual_seed(0)
    A, x = (torch.randn(9, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    y = torch.randn(9, generator=generator, dtype=torch.float64)
    theta = torch.tensor([0.4, -0.7, 1.1, 0.2], dtype=torch.float64)

    def curved(w: Tensor) -> Tensor:
        return torch.tanh(x @ w) + 0.1 * (x @ w) ** 2 - y

    def linear(w: Tensor) -> Tensor:
        return A @ w - y

    r, J = curved(theta), torch.func.jacrev(curved)(theta)
    g, B, eye = J.T @ r, J.T @ J, torch.eye(4, dtype=torch.float64)
    mu = 0.3
    move = -torch.linalg.solve(B + mu * eye, g)
    mistakes = [
        (theta - move, "The step goes uphill: its right-hand side is -Jᵀr."),
        (move, "This is the step s; asked for is where it leads, θ + s."),
        (
            theta - torch.linalg.solve(B, g),
            "The damping μ is missing: this is the Gauss–Newton step.",
        ),
        (
            theta - torch.linalg.solve(B + mu * torch.diag(B.diagonal()), g),
            "The damping is scaled by the diagonal of JᵀJ. That is Marquardt's own variant, and a "
            "good one; asked for is μ times the unit matrix.",
        ),
        (theta - mu * g, "This is a step along the gradient, of length μ."),
        (theta - g, "This is a step along the gradient: the matrix JᵀJ is not used."),
        (theta - torch.linalg.solve(B - mu * eye, g), "The damping is *added* to JᵀJ."),
        (theta - torch.linalg.solve(B + mu, g), "μ was added to every entry, not to the diagonal."),
        (
            theta - torch.linalg.solve(2 * B + mu * eye, 2 * g),
            "The factors of two do not cancel against μ: leave them out on both sides.",
        ),
    ]
    got = step(curved, theta, mu, like=theta)
    match(got, theta + move, mistakes, "This is not the damped step.", rtol=1e-5)
    best = torch.linalg.lstsq(A, y).solution
    got = step(linear, theta, 0.0, like=theta)
    expect(
        close(got, best, rtol=1e-5),
        "Right on a curved problem, and yet with μ = 0 one step does not solve a linear one.",
    )
    far = step(curved, theta, 1e8, like=theta) - theta
    expect(
        close(far, -g / 1e8, rtol=1e-4, atol=1e-14),
        "With a very large μ the step should become a short one along -Jᵀr.",
    )
    return (
        "Right: with μ = 0 it solves a linear problem in one step, and with a large μ it becomes "
        "a short step downhill."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "experiment", "How small may it be?")
def small_networks(answer: Any) -> str:
    """Check ``errors``: for each width, largest relative errors on the mesh for several seeds."""
    values = numbers(answer, WIDTHS, "errors", "error for each seed")
    middle = {width: median(row) for width, row in values.items()}
    shown = ", ".join(f"{error:.1e} with {width} units" for width, error in middle.items())
    expect(
        all(value > 0 for row in values.values() for value in row),
        f"Some errors are zero or negative ({shown}). Give the relative error itself, not its "
        "logarithm.",
    )
    expect(
        middle[32] < 0.3,
        f"Nothing was learned ({shown}). Were the data normalised, and was the field restored to "
        "physical units before it was scored?",
    )
    expect(
        all(max(row) - min(row) > 0 for row in values.values()),
        "Different seeds gave exactly the same error: use `seed` for the network and the data.",
    )
    expect(
        middle[4] > middle[32],
        f"The smallest network comes out best ({shown}). Are the widths in the right order?",
    )
    expect(
        middle[32] < 5e-3,
        f"With 32 units the median is {middle[32]:.1e}; it should be below 5e-3. Has the training "
        "converged (100 steps of Levenberg-Marquardt)?",
    )
    expect(
        middle[4] > 10 * middle[32],
        f"Between 4 and 32 units there should be at least a factor of ten ({shown}).",
    )
    expect(
        middle[4] > 1e-5,
        f"With 4 units the median is {middle[4]:.1e}, which is too good for 17 weights. Is this "
        "the *largest* relative error on the mesh?",
    )
    better = sum(b < a for a, b in pairwise(middle.values()))
    return (
        f"Right: {shown}. {better} of the three doublings made it better in the median; the "
        "spread over seeds says how sure that is."
    )


# --- 6 -------------------------------------------------------------------------------------------


@exercise(6, "think", "What a change of units changes")
def scalings(answer: Any) -> str:
    """Check ``scalings``: for each quantity one of the answers in `SCALINGS`."""
    chosen = table(answer, QUANTITIES, "scalings")
    for quantity, scaling in chosen.items():
        expect(
            isinstance(scaling, str) and scaling in SCALINGS,
            f'`scalings["{quantity}"]` is {scaling!r}; choose one of: '
            f"{', '.join(map(repr, SCALINGS))}.",
        )
    wrong = [name for name, scaling in chosen.items() if scaling != QUANTITIES[name][0]]
    if wrong:
        advice = {
            "energy of a state": "What is K, written with H?",
            "length of an arrow of the field": "Which of q, p and t has another unit?",
            "loss": "What is squared in it?",
            "relative error of the field": "What is divided by what?",
            "period": "Has the unit of time changed?",
            "divergence of the field": "What is its unit?",
            "area inside an orbit": "What is the unit of an area in the phase plane?",
            "energy drift in per cent": "What is divided by what?",
        }
        lines = [f"`{name}`: not {chosen[name]!r}. {advice[name]}" for name in wrong]
        right = len(chosen) - len(wrong)
        raise Wrong("\n".join([f"{right} of {len(chosen)} are right.", *lines]))
    return "\n".join(["All right:", *(f"`{n}`: {why}." for n, (_, why) in QUANTITIES.items())])
