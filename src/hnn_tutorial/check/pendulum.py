"""Checks of the chapter "The pendulum"."""

from __future__ import annotations

from typing import Any

import torch

from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import close, expect, function, match, number, table
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.systems import MassSpring, Pendulum

chapter = Chapter("pendulum")
exercise, progress = chapter.exercise, chapter.progress

SIGMAS = (0.25, 0.5, 1.0)
"""Standard errors of the readings of exercise 4; the true positions have the variance 1."""

REMEDIES = ("free starts", "angles", "a Hamiltonian", "more data", "friction")
"""The answers that exercise 5 offers."""

CASES: dict[str, tuple[str, str]] = {
    "turns over": (
        "angles",
        "what a full turn does to a state can be said, and need not be learned: cos q and sin q",
    ),
    "runs late": (
        "free starts",
        "right orbits at the wrong pace from noisy states are errors in variables, and more of the "
        "same data has the same bias",
    ),
    "spirals": (
        "a Hamiltonian",
        "of a field that gains energy though the system is closed, the part across the contours "
        "must go, and a field made from a learned H has none",
    ),
    "never swings high": (
        "more data",
        "where the data say nothing, no loss and no structure tells the torque of an unknown "
        "spring: only data from there do",
    ),
    "comes to rest": (
        "friction",
        "a system that loses energy has no H that it keeps: the model must be able to lose it too",
    ),
}
"""The cases of exercise 5: the right remedy, and the reason."""

_ADVICE = {
    "turns over": "What does the model know about q = 0 and q = 2π?",
    "runs late": "The energy is right and the states were noisy. Would ten times the data help?",
    "spirals": "Which part of the error changes the energy? Which form of the field forbids it?",
    "never swings high": "What could tell the model of a torque that nobody has measured?",
    "comes to rest": "Is the energy of this system kept?",
}


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "The separatrix")
def separatrix(answer: Any) -> str:
    """Check ``separatrix(q, mass, length, gravity)``: p ≥ 0 with H(q, p) = 2mgl."""
    curve = function(answer, "separatrix(q, mass, length, gravity)")
    m, rod, g = 0.7, 1.6, 3.1
    q = torch.linspace(-3, 3, 13, dtype=torch.float64)
    inertia, torque = m * rod**2, m * g * rod
    right = (2 * inertia * torque * (1 + q.cos())).sqrt()
    mistakes = [
        (-right, "This is the lower half of the curve; asked for is p ≥ 0."),
        (right / inertia, "This is the velocity q̇. Asked for is the momentum, p = m l² q̇."),
        (right**2, "This is p²: the root is missing."),
        (right / 2**0.5, "A factor √2 is missing: the kinetic energy is p²/(2 m l²), with a 2."),
        (
            (2 * inertia * torque * (1 - q.cos())).sqrt(),
            "This vanishes at the bottom and is largest at the top. On the separatrix the pendulum "
            "is fastest at the bottom: what is left for p²/2ml² if V is taken from 2mgl?",
        ),
        (
            (2 * inertia * torque * q.cos().clamp(min=0)).sqrt(),
            "This is the curve of energy mgl, on which the rod just comes to the horizontal. To "
            "stand upright takes 2mgl.",
        ),
        (
            (2 * m * torque * (1 + q.cos())).sqrt(),
            "The moment of inertia is m l², not m: p is an angular momentum.",
        ),
        (
            2 * inertia * (g / rod) ** 0.5 * (q / 2).sin().abs(),
            "Sine and cosine of q/2 are exchanged: 1 + cos q = 2 cos²(q/2).",
        ),
    ]
    got = curve(q, m, rod, g, like=q)
    match(got, right, mistakes, "H is not 2mgl on this curve.")
    return (
        "Right. It can be written p = 2 m l² ω₀ cos(q/2), ω₀ = √(g/l): at the bottom the pendulum "
        "turns at twice the angular frequency of small swings."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "Will it turn over?")
def turns(answer: Any) -> str:
    """Check ``turns(x, mass, length, gravity)``: which states turn over, and which way."""
    way = function(answer, "turns(x, mass, length, gravity)")
    system = Pendulum(0.7, 1.6, 3.1)
    q = torch.tensor([0.0, 0.0, 3.0, -3.0, 3.0, 1.0, -1.0, 6.5, 2.0, 0.3], dtype=torch.float64)
    p = torch.tensor([9.0, -9.0, 0.1, 0.1, -4.0, 4.0, -9.5, 3.0, -5.5, 8.0], dtype=torch.float64)
    x = stack(q, p)
    right = torch.where(system.hamiltonian(x) > 2 * system.torque, p.sign(), 0 * p)
    above_half = torch.where(system.hamiltonian(x) > system.torque, p.sign(), 0 * p)
    mistakes = [
        (right.abs(), "The direction is missing: -1 for those that turn towards negative angles."),
        (-right, "The directions are exchanged: q grows where p > 0."),
        (
            p.sign(),
            "This is the direction in which each moves just now. Those that swing come back.",
        ),
        (above_half, "These have more than mgl, enough for the horizontal. The top is at 2mgl."),
        (
            torch.where(q.abs() > torch.pi / 2, p.sign(), 0 * p),
            "Where it is now does not decide: an angle above 90° may be the turn of a swing.",
        ),
        (
            torch.where(system.hamiltonian(x) > 2 * system.torque, 0 * p, p.sign()),
            "The two kinds are exchanged: those that swing get 0.",
        ),
    ]
    got = way(x, system.mass, system.length, system.gravity, like=q)
    match(got, right, mistakes, "At least one state is wrong.", at=x)
    one = way(x[0], system.mass, system.length, system.gravity, like=q[0])
    expect(close(one, right[0]), "Right for a batch, and wrong for a single state, shape (2,).")
    return "Right: the energy alone decides, and the sign of p gives the direction, for ever."


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "code", "Compare along the motion")
def misfit(answer: Any) -> str:
    """Check ``misfit(field, starts, readings, times, sigma)``: residuals of free starts."""
    compare = function(answer, "misfit(field, starts, readings, times, sigma)")
    spring = MassSpring(1.3, 2.9)
    times = torch.tensor([0.0, 0.2, 0.5, 0.6], dtype=torch.float64)
    starts = states(5)
    true = spring.solution(starts, times)
    readings = true + 0.1 * states(20, seed=1).view(4, 5, 2)
    sigma = 0.25
    right = (true - readings) / sigma
    from_first = (spring.solution(readings[0], times) - readings) / sigma
    mistakes = [
        (right * sigma, "This is the distance in the units of the state: divide by sigma."),
        (right / sigma, "Divided by sigma twice: the square comes later, when the loss is formed."),
        (right * sigma**2, "Multiplied by sigma instead of divided by it."),
        (right.square(), "These are squares. A residual is squared by the optimiser."),
        (
            from_first,
            "The motion starts at the first reading, with all its noise. It must start at "
            "`starts`, which are what is to be learned.",
        ),
        ((readings[0] - readings) / sigma, "This compares the readings with the first of them."),
        (
            (starts - readings) / sigma,
            "The start itself is compared with every reading. Follow the field to each time first.",
        ),
    ]
    got = compare(spring.field, starts, readings, times, sigma, like=readings)
    for values, message in mistakes:
        expect(not close(got, values, 1e-3, 1e-3), message)
    expect(not close(got, -right, 1e-3, 1e-3), "Right up to the sign: predicted less observed.")
    match(got, right, (), "These are not predicted less observed states, over sigma.",
          rtol=1e-3, atol=2e-3)  # fmt: skip
    free = starts.clone().requires_grad_()
    loss = compare(spring.field, free, readings, times, sigma, like=readings).square().sum()
    expect(
        loss.requires_grad,
        "No gradient flows to `starts`, so they could not be learned. Use a fixed-step method of "
        "`integrate` (SciPy's carry none), and no `.detach()` or `no_grad`.",
    )
    (slope,) = torch.autograd.grad(loss, free)
    expect(slope.abs().max() > 0, "The gradient with respect to `starts` vanishes.")
    return (
        "Right, and its gradient reaches the starts: they can be trained with the weights of the "
        "field."
    )


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "experiment", "How soft does the spring become?")
def slopes(answer: Any) -> str:
    """Check ``slopes``: for each of `SIGMAS` the fitted stiffness of a spring with k = 1."""
    found = table(answer, SIGMAS, "slopes")
    values = {sigma: number(v, f"`slopes[{sigma}]`") for sigma, v in found.items()}
    right = {sigma: 1 / (1 + sigma**2) for sigma in SIGMAS}

    def near(law: Any, within: float = 0.03) -> bool:
        return all(abs(values[s] - law(s)) < within for s in SIGMAS)

    expect(
        not near(lambda s: -1 / (1 + s**2)),
        "These are slopes of the force, -k. The stiffness is their negative.",
    )
    expect(
        not near(lambda s: 1.0),
        "No reading of the position was noisy, or the fit was the other way round: regress the "
        "force on the *reading*, slope = mean(reading · force)/mean(reading²).",
    )
    expect(
        not near(lambda s: 1 + s**2),
        "This is the slope of the reading against the force. Asked for is that of the force "
        "against the reading, which a fit of the field takes.",
    )
    expect(
        not near(lambda s: (1 + s**2) ** -0.5),
        "This is a correlation, or the slope has been divided by a root: divide by mean(reading²).",
    )
    expect(
        not near(lambda s: 1 / (1 + s)),
        "sigma went in as a variance: the noise to add is sigma times a normal number.",
    )
    for sigma, value in values.items():
        expect(
            abs(value - right[sigma]) < 0.03,
            f"At sigma = {sigma} the slope should be near {right[sigma]:.2f}, and yours is "
            f"{value:.3f}. Have the positions the variance 1, and are there at least 10,000?",
        )
    return (
        "Right: 1/(1 + sigma²). At a tenth of the size of the motion the loss is a per cent, at "
        "half of it a fifth. A million readings give the same wrong number with more digits."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "Which remedy for which failure?")
def remedies(answer: Any) -> str:
    """Check ``remedies``: for each of `CASES` one of `REMEDIES`."""
    right = {case: remedy for case, (remedy, _) in CASES.items()}
    match_words(answer, right, REMEDIES, _ADVICE, "remedies")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (_, why) in CASES.items())])
