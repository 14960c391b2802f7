"""Checks of the chapter "What the famous table measures"."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.answers import close, expect, function, match
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.data import simulate
from hnn_tutorial.evaluation import coordinate_error
from hnn_tutorial.experiments import RECIPES
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import HNN, MLP
from hnn_tutorial.systems import Pendulum, TwoBody
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("published_table")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "How slow the learned clock is")
def learned_rate(answer: Any) -> str:
    """Check ``learned_rate(omega, smallest, largest, noise)``: of the linear fit, in rad/s."""
    rate = function(answer, "learned_rate(omega, smallest, largest, noise)")
    omega = torch.linspace(0.7, 3.1, 12, dtype=torch.float64).reshape(4, 3)
    low = torch.linspace(0.2, 0.9, 12, dtype=torch.float64).flip(0).reshape(4, 3)
    high = low + torch.tensor([0.3, 1.1, 0.7, 1.6], dtype=torch.float64)[:, None]
    noise = torch.tensor([0.35, 0.6, 0.15], dtype=torch.float64).expand(4, 3)
    square = (low**2 + low * high + high**2) / 3

    def shrunk(variance: Tensor, error: Tensor = noise**2) -> Tensor:
        return omega * variance / (variance + error)

    variance = square / 2
    right = shrunk(variance)
    mistakes = [
        (shrunk(square), "The mean of r² is the variance of both components together: each has "
         "half of it."),
        (shrunk(variance, 2 * noise**2), "Each component has the noise σ², and not 2σ²."),
        (shrunk(((low + high) / 2) ** 2 / 2), "The square of the mean radius is not the mean of "
         "its square."),
        (shrunk((low**2 + high**2) / 4), "(a² + b²)/2 is the mean of r² for points spread evenly "
         "over the ring. Here r itself is uniform: integrate r² from a to b."),
        (shrunk(high**2 / 2), "The radius is not always the largest one: average r²."),
        (shrunk(high**2 / 6), "The mean of r² is taken from 0; the smallest radius is a."),
        (shrunk((high - low) ** 2 / 12), "This is the variance of the radius. Wanted is that of a "
         "component of the state, whose mean is zero."),
        (shrunk(variance, noise), "The noise enters as its variance σ²."),
        (omega * variance.sqrt() / (variance.sqrt() + noise), "Variances add up, not standard "
         "deviations."),
        (omega * (variance / (variance + noise**2)).sqrt(), "The factor itself stands before the "
         "field, not its root: the field is linear in Γ."),
        (omega * (variance + noise**2) / variance, "The factor is upside down: the learned spring "
         "is slow."),
        (omega * noise**2 / (variance + noise**2), "This is what the rate lacks. Subtract it from "
         "ω."),
        (right / omega, "This is the factor alone. Multiply by ω."),
    ]  # fmt: skip
    got = rate(omega, low, high, noise, like=omega)
    match(got, right, mistakes, "This is not the rate of the linear fit.",
          parameters={"ω": 1.5, "σ": 0.4})  # fmt: skip
    still = rate(omega, low, high, 0 * noise, like=omega)
    expect(close(still, omega), "Without noise the fit is exact: the rate is ω.")
    one = rate(omega[1, 2], low[1, 2], high[1, 2], noise[1, 2], like=omega[1, 2])
    expect(close(one, right[1, 2]), "Right for a batch, and wrong for single numbers.")
    return (
        "Right. For the published spring, ω = 2 rad/s, radii from 0.1 to 1 and σ = 0.1, it is "
        "1.90 rad/s. A network is no linear fit: near the rim of the data it is slower still, "
        "because there most noisy states come from further in."
    )


# --- 2 -------------------------------------------------------------------------------------------


def _field(x: Tensor) -> Tensor:
    """A field of two degrees of freedom that no linear one resembles."""
    q1, q2, p1, p2 = x.unbind(-1)
    return torch.stack([p1 + 0.3 * p2**2, 1.7 * p2, -q1.sin() - 2.1 * q1 * q2, 0.6 - q2**3], -1)


@exercise(2, "code", "The noise floor of any field")
def floor(answer: Any) -> str:
    """Check ``floor(field, states, noise)``: the loss of the true field at noisy states."""
    found = function(answer, "floor(field, states, noise)")
    generator = torch.Generator().manual_seed(4)
    states = torch.randn(7, 4, generator=generator, dtype=torch.float64)
    noise = 0.4 * torch.randn(5, 7, 4, generator=generator, dtype=torch.float64)
    missed = _field(states + noise) - _field(states)
    right = missed.square().mean()
    got = found(_field, states, noise, like=right)
    linear = (_field(states + 1e-5 * noise) - _field(states - 1e-5 * noise)) / 2e-5
    mistakes = [
        (missed.square().sum(-1).mean(), "The four components of a state are summed. The loss is "
         "a mean over them too."),
        (missed.square().sum(), "This is the sum over everything, and the loss is a mean."),
        (missed.square().mean().sqrt(), "This is the root of the loss."),
        (missed.abs().mean(), "The errors are squared before the mean."),
        (missed.mean() ** 2, "Square first, and then take the mean."),
        (missed.mean(0).square().mean(), "The mean over the draws is taken before the square, so "
         "that the noise cancels. Square first."),
        (missed.mean(), "The errors are squared before the mean, or they cancel."),
        (_field(noise.clone()).square().mean(), "The field is asked at the noise alone. Ask at "
         "state plus noise, and subtract the rate at the state."),
        (_field(states + noise).square().mean(), "Subtract the true rate, that of the state "
         "without noise."),
        ((states + noise - _field(states)).square().mean(), "Compare rates with rates: the field "
         "at the noisy state."),
        (noise.square().mean(), "This is the variance of the noise. The floor is that of the "
         "rates."),
        (missed.square().mean() / 2, "There is no half in this loss."),
        (linear.square().mean(), "This is the floor of the linearised field, right for small "
         "noise. Ask the field itself."),
        (missed[0].square().mean(), "Only the first draw of the noise is used."),
    ]  # fmt: skip
    match(got, right, mistakes, "This is not the loss of the true field.",
          counts={"the number of draws": 5, "the number of states": 7,
                  "the number of components": 4})  # fmt: skip

    def spring(x: Tensor) -> Tensor:
        return torch.stack([2 * x[..., 1], -2 * x[..., 0]], -1)

    many = 0.1 * torch.randn(50_000, 1, 2, generator=generator, dtype=torch.float64)
    got = found(spring, states[:1, :2].clone(), many, like=right)
    expect(close(got, torch.tensor(0.04, dtype=torch.float64), rtol=0.03), "Right for a field of "
           f"four components; the published spring gives {got:.3g}, and 4σ² = 0.04 is expected. "
           "Is a size of the arrays written as a number?")  # fmt: skip
    return (
        "Right. The published spring gives 4σ² = 0.04 with it, more than both networks of the "
        "table. No model needed to be trained to know that. Compute the floor before the loss."
    )


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "code", "Find the fault: a test for an energy")
def variation(answer: Any) -> str:
    """Check ``variation(energy, motion)``: the range of an energy over its mean size."""
    found = function(answer, "variation(energy, motion)")
    pendulum = Pendulum(mass=0.5, length=1.0, gravity=6.0)
    times = torch.linspace(0, 6, 61, dtype=torch.float64)
    start = torch.tensor([[1.7, 0.3], [0.4, -1.1], [-0.9, 1.2]], dtype=torch.float64)
    motion = simulate(pendulum, start, times).states

    def shifted(x: Tensor) -> Tensor:
        """Negative, as the energy of a bound orbit, and not constant."""
        return 0.4 * x.square().sum(-1) - 3.1

    values = shifted(motion)
    span = values.amax(0) - values.amin(0)
    right = span / values.mean(0).abs()
    got = found(shifted, motion, like=right)
    apart = (values - values[0]).abs().amax(0)
    mistakes = [
        (-right, "This energy is negative, as in an orbit. Divide by the size of the mean."),
        (span, "The range is divided by the size of the mean, so that units do not matter."),
        (apart / values.mean(0).abs(), "This is the largest distance from the first value. The "
         "range is from the smallest to the largest."),
        (apart / values[0].abs(), "This is the drift from the first value, over the first value. "
         "Take largest minus smallest, over the mean."),
        (span / values[0].abs(), "Divide by the mean over the time, not by the first value."),
        (span / values.abs().amax(0), "Divide by the mean over the time, not by the largest."),
        (values.std(0) / values.mean(0).abs(), "This is the standard deviation. Wanted is largest "
         "minus smallest."),
        (values.std(0, correction=0) / values.mean(0).abs(), "This is the standard deviation. "
         "Wanted is largest minus smallest."),
        (values.diff(dim=0).abs().amax(0) / values.mean(0).abs(), "This is the largest change "
         "from one time to the next. A slow wave has small steps and a large range."),
        ((values[-1] - values[0]).abs() / values.mean(0).abs(), "First and last value alone miss "
         "a wave in between."),
        ((values.amax() - values.amin()).expand(3) / values.mean().abs(), "The motions have "
         "different energies: take largest and smallest along the time alone."),
        (span / values.mean().abs(), "Divide each motion by its own mean."),
    ]  # fmt: skip
    match(got, right, mistakes, "This is not the range over the size of the mean.",
          times=times)  # fmt: skip
    one = found(shifted, motion[:, 1], like=right[1])
    expect(close(one, right[1]), "Right for a batch of motions, and wrong for a single one, "
           "states of shape (T, 2).")  # fmt: skip
    bodies = TwoBody()
    orbit = simulate(bodies, bodies.sample(2, 0), times).states
    kept = found(bodies.hamiltonian, orbit, like=right[:2])
    expect(bool((kept.abs() < 1e-6).all()), "Right for a pendulum; of two bodies the true energy "
           f"is constant, and this gives {kept.abs().max():.2g}.")  # fmt: skip
    return (
        "Right. Along true motions the right H gives zero to rounding, and q² + p² of the "
        "published pendulum does not: one line that would have caught it. The score of the true "
        "motion would not; it is zero with any function."
    )


# --- 4 -------------------------------------------------------------------------------------------

CAUSES = ("noise floor", "slow clock", "wrong energy", "false damping", "one orbit", "one seed")
"""The answers that exercise 4 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "all alike": (
        "noise floor",
        "What is left of every loss when the model is perfect?",
        "on clean states they differ tenfold, so the loss had measured the noise",
    ),
    "below the truth": (
        "noise floor",
        "Which loss has the true field at the same noisy states?",
        "least squares asks for a mean rate, which is smaller than the true one",
    ),
    "opposite": (
        "slow clock",
        "Energies agree. What else places a motion on its orbit?",
        "the right orbit, run through too slowly, is in the wrong place",
    ),
    "stretched": (
        "slow clock",
        "What does one factor on the time axis mend?",
        "one factor on the time mends it, so the rates were all too small by it",
    ),
    "a truth that varies": (
        "wrong energy",
        "What is constant along a true motion without friction?",
        "the true H does not vary along a true motion",
    ),
    "inward at every seed": (
        "false damping",
        "Which error has one direction, whatever the seed?",
        "forward differences add a damping that is in the data and not in the body",
    ),
    "ten orbits more": (
        "one orbit",
        "Can ten of sixty values multiply a mean by thirty, and leave the median?",
        "the median stays, so a few orbits rule the mean",
    ),
    "five times its ±": (
        "one seed",
        "Over what was the ± taken?",
        "a ± over points belongs to one trained network",
    ),
}
"""The symptoms of exercise 4: the cause, a question for those who err, and the reason."""


@exercise(4, "think", "Which fault is it?")
def causes(answer: Any) -> str:
    """Check ``causes``: for each of `CASES` one of `CAUSES`."""
    right = {case: cause for case, (cause, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, CAUSES, advice, "causes")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("baseline", "hnn")
"""The two networks of exercise 5."""

USUAL = {"noise": 0.1, "horizon": 20.0}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"noise": (0.0, 0.3), "horizon": (1.0, 60.0)}
"""The smallest and the largest settings of exercise 5."""


def measure(model: str, noise: float = 0.1, horizon: float = 20.0, seed: int = 0) -> float:
    """Train one network of exercise 5, and return the error of its coordinates.

    The data are those of the published spring but for the noise; the networks are small, and
    trained on the derivatives.

    Args:
        model: one of `RIVALS`.
        noise: standard deviation of the states' noise.
        horizon: length of the forecasts, in s.
        seed: of data and weights.

    Returns:
        The mean squared error of the coordinates, over 15 forecasts.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(noise), float(horizon), int(seed))


@cache
def _measured(model: str, noise: float, horizon: float, seed: int) -> float:
    task = RECIPES["spring-quick"].task
    spring = task.true  # type: ignore[attr-defined]
    data = replace(task, noise=noise).data(seed, velocities=False)  # type: ignore[type-var]
    kind = MLP if model == "baseline" else HNN
    learned = kind(1, (6, 6), seed=seed)
    fit(learned, data.train, LevenbergMarquardt(steps=20, weight_decay=1e-4), progress=False)
    times = torch.linspace(0, horizon, 201, dtype=torch.float64)
    motion = spring.solution(spring.sample(15, 1_000_000), times)
    with torch.no_grad():
        path = integrate(learned.field, motion[0], times, "rk4", step=0.1)
    return float(coordinate_error(path, motion).mean())


def verdict(baseline: list[float], hnn: list[float]) -> str:
    """Who wins by the rule of exercise 5: at four of five seeds at least."""
    return study.winner(baseline, hnn, RIVALS)


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
        (lambda v: v / 100, "the right ones in per cent"),
        study.NEGATED,
    ),
    study.smaller("the baseline"),
    again="trains everything again",
    sides="networks",
)


@exercise(5, "experiment", "An open question: a changed protocol")
def protocol(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "A kept energy is worth much where the field is nearly right. Where noise has slowed both "
        "clocks, it does not say where the spring is.",
    )
