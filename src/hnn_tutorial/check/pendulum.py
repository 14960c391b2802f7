"""Checks of the chapter "The pendulum"."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import (
    as_tensor,
    close,
    expect,
    function,
    match,
    number,
    score,
    table,
    worst,
)
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import stack, states
from hnn_tutorial.integrators import integrate
from hnn_tutorial.systems import Pendulum

chapter = Chapter("pendulum")
exercise, progress = chapter.exercise, chapter.progress

SIGMAS = (0.2, 0.5, 1.1)
"""Standard deviations of the readings of exercise 4, in m."""

STIFFNESS, SPREAD = 2.6, 0.8
"""Of exercise 4: the true stiffness in N/m, the standard deviation of the positions in m."""

REMEDIES = (
    "free starts",
    "angles",
    "a Hamiltonian",
    "more data",
    "more weights",
    "friction",
    "time reversal",
    "smaller steps",
)
"""The answers that exercise 5 offers; some are right more than once, some never."""

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
        "where the data say nothing, neither loss nor structure tells the torque of an unknown "
        "spring: only data from there do",
    ),
    "comes to rest": (
        "friction",
        "a system that loses energy has no H that it keeps: the model must be able to lose it too",
    ),
    "too soft": (
        "free starts",
        "noise on what a fit takes for its inputs flattens it; ten times the data give the same "
        "slope with more digits",
    ),
    "all shifted": (
        "time reversal",
        "the mirrored motions have the opposite shift in p, and one field cannot have both",
    ),
    "creeps": (
        "smaller steps",
        "if the true field drifts as much, the drift is the integrator's, and no training helps",
    ),
}
"""The cases of exercise 5: the right remedy, and the reason."""

_ADVICE = {
    "turns over": "What does the model know about q = 0 and q = 2π?",
    "runs late": "The energy is right and the states were noisy. Would ten times the data help?",
    "spirals": "Which part of the error changes the energy? Which form of the field forbids it?",
    "never swings high": "What could tell the model of a torque that nobody has measured?",
    "comes to rest": "Is the energy of this system kept?",
    "too soft": "Was the noise on the outputs of the fit, or on its inputs?",
    "all shifted": "What would the same error look like in a film that runs backwards?",
    "creeps": "What does the true field do under the same integrator?",
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
        (
            2 * inertia * (g / rod) ** 0.5 * (q / 2).sin(),
            "Sine and cosine of q/2 are exchanged: 1 + cos q = 2 cos²(q/2).",
        ),
    ]
    got = curve(q, m, rod, g, like=q)
    match(got, right, mistakes, "H is not 2mgl on this curve.",
          parameters={"m": m, "l": rod, "g": g})  # fmt: skip
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
    # Energies on both sides of 2mgl, as near as 1 %, at angles all round and beyond a full turn.
    share = torch.tensor([3.1, 1.01, 0.99, 1.01, 0.99, 1.6, 0.3, 2.4, 0.99, 1.01, 1.3, 0.7, 0.9,
                          1.6, 0.99], dtype=torch.float64)  # fmt: skip
    q = torch.tensor([0.0, 0.3, -0.4, 2.9, 2.8, -1.1, -0.7, 6.5, -2.9, -2.6, 1.7, 0.9, 1.3, 9.2,
                      -7.5], dtype=torch.float64)  # fmt: skip
    way_of = torch.tensor(
        [1.0, -1, 1, 1, -1, -1, 1, -1, 1, 1, -1, -1, 0, 1, -1], dtype=torch.float64
    )
    left = (share * 2 * system.torque - system.torque * (1 - q.cos())).clamp(min=0)
    x = stack(q, way_of * (2 * system.inertia * left).sqrt())
    p = x[:, 1]
    energy, top = system.hamiltonian(x), 2 * system.torque

    def by(height: Tensor, threshold: float = top) -> Tensor:
        return torch.where(height > threshold, p.sign(), 0 * p)

    right = by(energy)
    mistakes = [
        (right.abs(), "The direction is missing: -1 for those that turn towards negative angles."),
        (-right, "The directions are exchanged: q grows where p > 0."),
        (
            p.sign(),
            "This is the direction in which each moves just now. Those that swing come back.",
        ),
        (by(energy, system.torque), "These have more than mgl, enough for the horizontal. The top "
         "is at 2mgl."),
        (
            by(energy - system.torque),
            "These have more than 3mgl. If your potential energy is -mgl cos q, its zero is at the "
            "horizontal and the top at mgl; with the threshold 2mgl it must be mgl (1 - cos q).",
        ),
        (
            by(p**2 / (2 * system.mass) + system.torque * (1 - q.cos())),
            "The kinetic energy is p²/(2 m l²): p is an angular momentum, and m l² the inertia.",
        ),
        (
            torch.where(q.abs() > torch.pi / 2, p.sign(), 0 * p),
            "Where it is now does not decide: an angle above 90° may be the turn of a swing.",
        ),
        (
            torch.where(energy > top, 0 * p, p.sign()),
            "The two kinds are exchanged: those that swing get 0.",
        ),
    ]  # fmt: skip
    got = way(x, system.mass, system.length, system.gravity, like=q)
    match(got, right, mistakes, "At least one state is wrong.", at=x)
    three = way(x.view(3, 5, 2), system.mass, system.length, system.gravity, like=q.view(3, 5))
    match(
        three.reshape(15),
        right,
        otherwise="Right for states in a row, and wrong for a batch of shape (3, 5, 2).",
        at=x,
    )
    one = way(x[0], system.mass, system.length, system.gravity, like=q[0])
    expect(close(one, right[0]), "Right for a batch, and wrong for a single state, shape (2,).")
    return "Right: the energy alone decides, and the sign of p gives the direction, for ever."


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "code", "Compare along the motion")
def misfit(answer: Any) -> str:
    """Check ``misfit(field, starts, readings, times, sigma)``: residuals of free starts."""
    compare = function(answer, "misfit(field, starts, readings, times, sigma)")
    system = Pendulum(0.7, 1.6, 3.1)
    times = torch.tensor([0.0, 0.9, 1.2, 2.3], dtype=torch.float64)
    starts = states(5)
    true = _follow(system, starts, times)
    readings = true + 0.1 * states(20, seed=1).view(4, 5, 2)
    sigma = 0.25
    right = (true - readings) / sigma
    mistakes = [
        (right * sigma, "This is the distance in the units of the state: divide by sigma."),
        (right / sigma, "Divided by sigma twice: the square comes later, when the loss is formed."),
        (right * sigma**2, "Multiplied by sigma instead of divided by it."),
        (right.square(), "These are squares. A residual is squared by the optimiser."),
        (
            (_follow(system, readings[0], times) - readings) / sigma,
            "The motion starts at the first reading, with all its noise. It must start at "
            "`starts`, which are what is to be learned.",
        ),
        ((readings[0] - readings) / sigma, "This compares the readings with the first of them."),
        (
            (starts - readings) / sigma,
            "The start itself is compared with every reading. Follow the field to each time first.",
        ),
        (-right, "Right up to the sign: predicted less observed."),
    ]
    got = compare(system.field, starts, readings, times, sigma, like=readings)
    for values, message in mistakes:
        expect(not close(got, values, 3e-3, 1.2e-2), message)
    if not close(got, right, 3e-3, 1.2e-2):
        # Is it the step? With sixteen times as many times the same code would be right.
        parts = torch.linspace(0, 1, 17, dtype=torch.float64)[:-1]
        fine = (times[:-1, None] + times.diff()[:, None] * parts).flatten()
        fine = torch.cat([fine, times[-1:]])
        more = torch.zeros(len(fine), 5, 2, dtype=torch.float64)
        more[::16] = readings
        again = compare(system.field, starts, more, fine, sigma, like=more)
        expect(
            not close(again[::16], right, 3e-3, 1.2e-2),
            "Too coarse: the same code with smaller gaps between the times gives the right values. "
            "Without `step` the integrator makes one step over each gap, here up to "
            f"{float(times.diff().max()):.1f} s; give it one, such as `step=0.05`. "
            + worst(got, right, times=times),
        )
    match(got, right, (), "These are not predicted less observed states, over sigma.",
          times=times, rtol=3e-3, atol=1.2e-2)  # fmt: skip
    free = starts.clone().requires_grad_()
    loss = compare(system.field, free, readings, times, sigma, like=readings).square().sum()
    expect(
        loss.requires_grad,
        "No gradient flows to `starts`, so they could not be learned. Use `integrate` without "
        "`.detach()` and `no_grad`.",
    )
    (slope,) = torch.autograd.grad(loss, free)
    expect(slope.abs().max() > 0, "The gradient with respect to `starts` vanishes.")
    return (
        "Right, and its gradient reaches the starts: they can be trained with the weights of the "
        "field."
    )


def _follow(system: Pendulum, starts: Tensor, times: Tensor) -> Tensor:
    return integrate(system.field, starts, times, "rk4", step=0.005)


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "experiment", "How soft does the spring become?")
def slopes(answer: Any) -> str:
    """Check ``slopes``: for each of `SIGMAS` the stiffness that is fitted to noisy positions."""
    found = table(answer, SIGMAS, "slopes")
    values = torch.tensor(
        [number(v, f"`slopes[{sigma}]`") for sigma, v in found.items()], dtype=torch.float64
    )
    sigma = torch.tensor(SIGMAS, dtype=torch.float64)
    k, s = STIFFNESS, SPREAD
    right = k * s**2 / (s**2 + sigma**2)
    mistakes = [
        (-right, "These are slopes of the force, -k. The stiffness is their negative."),
        (
            torch.full_like(sigma, k),
            "No reading of the position was noisy, or the fit was the other way round: regress the "
            "force on the *reading*, mean(reading · force)/mean(reading²).",
        ),
        (
            k * (s**2 + sigma**2) / s**2,
            "This is the slope of the reading against the force, turned over. Asked for is that of "
            "the force against the reading, which a fit of the field takes.",
        ),
        (
            1 / right,
            "This is the slope of the reading against the force. Asked for is that of the force "
            "against the reading, which a fit of the field takes.",
        ),
        (
            k * s / (s**2 + sigma**2).sqrt(),
            "The slope has been divided by a root: divide by mean(reading²).",
        ),
        (
            s / (s**2 + sigma**2).sqrt(),
            "This is a correlation: divide mean(q · reading) by mean(reading²) alone.",
        ),
        (
            k * s**2 / (s**2 + sigma),
            "sigma went in as a variance: the noise to add is sigma times a normal number.",
        ),
        (right / k, "The force is missing: it is -k q, with the true k."),
        (right.flip(0), "The keys are in the wrong order: more noise makes a softer spring."),
    ]
    for wrong, message in mistakes:
        expect(not close(values, wrong, rtol=0.02), message)
    for each, value, want in zip(SIGMAS, values.tolist(), right.tolist(), strict=True):
        expect(
            abs(value / want - 1) < 0.02,
            f"At sigma = {each} the stiffness should be near {want:.3f} N/m, and yours is "
            f"{value:.3f}. Are the positions those of `draw()`, and is sigma times its noise added "
            "to them?",
        )
    return (
        "Right: k s²/(s² + sigma²) with s = 0.8 m. A million readings give the same wrong number "
        "with more digits."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "Which remedy for which failure?")
def remedies(answer: Any) -> str:
    """Check ``remedies``: for each of `CASES` one of `REMEDIES`."""
    right = {case: remedy for case, (remedy, _) in CASES.items()}
    match_words(answer, right, REMEDIES, _ADVICE, "remedies")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (_, why) in CASES.items())])


# --- 6 -------------------------------------------------------------------------------------------

SWING = Pendulum(mass=0.7, length=1.6, gravity=3.1)
"""The pendulum of exercise 6."""

STUDY = ("prediction", "distances", "periods", "conclusion")
"""The keys of exercise 6."""

GROWTH = (
    "by the same factor each time",
    "by the same time each time",
    "less and less, towards a longest period",
)
"""The words of exercise 6: how the period grows when the distance is divided by ten again."""


def period(distance: float) -> float:
    """Period in s of a swing of `SWING` whose energy is (1 - distance) 2mgl."""
    a, b = 1.0, math.sqrt(distance)
    for _ in range(12):  # the arithmetic-geometric mean, which gives the elliptic integral
        a, b = (a + b) / 2, math.sqrt(a * b)
    return 2 * math.pi / SWING.frequency / a


@exercise(6, "experiment", "An open question: how does the period grow?")
def growth(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    prediction, conclusion = (_word(study[key], key) for key in ("prediction", "conclusion"))
    distances, periods = (_row(study[key], key) for key in ("distances", "periods"))
    expect(
        len(distances) == len(periods),
        f"There are {len(distances)} distances and {len(periods)} periods: one period for each.",
    )
    expect(
        ((distances > 0) & (distances < 1)).all(),
        "A distance is a share of 2mgl, between 0 (the separatrix) and 1 (hanging at rest).",
    )
    right = torch.tensor([period(d) for d in distances.tolist()], dtype=torch.float64)
    advice = "Is the step fine enough, and does the motion start with the energy that you think?"
    for factor, text in (
        (0.5, "These are half periods: from one turning point to the next."),
        (0.25, "These are quarter periods: a whole one has four such ways."),
        (2.0, "These are twice the periods."),
        (1 / right**2, "These are frequencies in Hz: the period is the inverse."),
        (1 / SWING.frequency, "These look like periods divided by the frequency."),
        (SWING.frequency, "These are phases, in units of 1/ω₀; asked for are seconds."),
    ):
        expect(not close(periods, factor * right, 0.01), text)
    off = (periods / right - 1).abs()
    k = int(off.argmax())
    expect(
        off[k] < 0.01,
        f"At the distance {distances[k]:.3g} your period is {periods[k]:.4g} s; measured again it "
        f"is {right[k]:.4g} s. {advice}",
    )
    order = distances.argsort(descending=True)
    near = distances[order] < 0.02
    d, t = distances[order][near], periods[order][near]
    ratios, steps = d[:-1] / d[1:], t.diff()
    regular = len(d) >= 4 and bool((ratios / ratios[0] - 1).abs().max() < 0.05) and ratios[0] > 1.5
    agree = regular and {
        GROWTH[0]: bool((t[1:] / t[:-1] / (t[1] / t[0]) - 1).abs().max() < 0.01),
        GROWTH[1]: bool((steps / steps[-1] - 1).abs().max() < 0.05),
        GROWTH[2]: bool((steps[1:] < 0.8 * steps[:-1]).all()),
    }[conclusion]  # fmt: skip
    rubric = [
        (bool((distances > 0.97).any()), "a control where theory knows the answer: a small swing, "
         "at a distance of more than 0.97"),
        (len(d) >= 4, "enough cases where the question is asked: four or more distances below "
         "0.02"),
        (len(d) > 1 and bool(d[0] / d[-1] > 500), "a wide range: these reach over a factor of "
         "more than 500"),
        (bool(regular), "a regular design: below 0.02 each distance is the one before divided by "
         "the same number (to 5 %)"),
        (bool(agree), "a conclusion that your own numbers support, all of those below 0.02"),
    ]  # fmt: skip
    score(rubric, "periods")
    gain = 2 * math.log(10) / SWING.frequency
    came = "came true" if prediction == conclusion else (
        "did not come true, which is what an experiment is for"
    )  # fmt: skip
    return (
        f"All {len(rubric)} points of the rubric, and every period measured again. Your prediction "
        f"{came}. The period grows as a logarithm: each time the distance is divided by the same "
        f"number c it gets longer by the same 2 ln(c)/ω₀, for ten by {gain:.2f} s. It has no bound."
    )


def _word(value: Any, key: str) -> str:
    plain = {word.casefold(): word for word in GROWTH}
    word = plain.get(value.strip().casefold()) if isinstance(value, str) else None
    expect(
        word is not None,
        f'`study["{key}"]` is {value!r}; choose one of: {", ".join(map(repr, GROWTH))}.',
    )
    return str(word)


def _row(value: Any, key: str) -> Tensor:
    values = as_tensor(list(value.values()) if isinstance(value, dict) else value)
    expect(
        values is not None and values.ndim == 1 and len(values) >= 2,
        f'`study["{key}"]` should be a list of numbers, one for each swing.',
    )
    values = torch.as_tensor(values, dtype=torch.float64)
    expect(torch.isfinite(values).all(), f'An entry of `study["{key}"]` is not a finite number.')
    return values
