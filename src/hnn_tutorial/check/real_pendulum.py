"""Checks of the chapter "A real pendulum"."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study
from hnn_tutorial.check.answers import (
    Wrong,
    as_tensor,
    close,
    expect,
    function,
    match,
)
from hnn_tutorial.check.answers import choices as match_words
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.data import Dataset, simulate
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import SecondOrderMLP
from hnn_tutorial.own_recording.rivals import PendulumFormula
from hnn_tutorial.systems import DampedPendulum
from hnn_tutorial.training import LevenbergMarquardt, fit

chapter = Chapter("real_pendulum")
exercise, progress = chapter.exercise, chapter.progress


# --- 1 -------------------------------------------------------------------------------------------


def _growth(omega: Tensor, step: Tensor, share: Tensor) -> Tensor:
    """The real part of what a mixture of differences makes of the eigenvalue iω."""
    return (2 * share - 1) * (torch.cos(omega * step) - 1) / step


@exercise(1, "derive", "The damping that differences make")
def growth(answer: Any) -> str:
    """Check ``growth(omega, step, share)``: how fast the learned oscillation grows."""
    rate = function(answer, "growth(omega, step, share)")
    omega = torch.linspace(0.7, 2.3, 12, dtype=torch.float64).reshape(4, 3)
    step = torch.linspace(0.31, 0.83, 12, dtype=torch.float64).flip(0).reshape(4, 3)
    share = torch.tensor([0.9, 0.2, 1.0, 0.65], dtype=torch.float64)[:, None].expand(4, 3)
    right = _growth(omega, step, share)
    turn, weight = omega * step, 2 * share - 1
    mistakes = [
        (-weight * omega**2 * step / 2, "This is the first term of the series in ωΔt, and right "
         "for short steps. Asked for is the whole: e^{iωΔt} has a real part of its own."),
        (-weight * omega**2 * step, "This is twice the first term of the series: the friction c/m, "
         "by which an energy falls. Asked for is the rate of the amplitude, in full."),
        (weight * turn.sin() / step, "This is made of the imaginary part, which is the "
         "frequency. The growth is the real part."),
        (turn.sin() / step, "This is the imaginary part, which is the frequency. The growth is the "
         "real part."),
        (weight * turn.cos() / step, "The 1 of e^{iωΔt} - 1 is missing."),
        (share * (turn.cos() - 1) / step, "This is the part of the forward differences. The "
         "backward ones have the opposite sign, and the share 1 - share."),
        (_growth(omega, step, 1 - share), "The two shares are exchanged: `share` is that of the "
         "forward differences."),
        (_growth(omega, step, torch.ones_like(share)), "This is right for forward differences "
         "alone: `share` is not used."),
        (weight * (turn.cos() - 1), "A difference is divided by the step."),
    ]  # fmt: skip
    got = rate(omega, step, share, like=omega)
    match(got, right, mistakes, "This is not the growth rate.",
          parameters={"ω": 1.5, "Δt": 0.5})  # fmt: skip
    alone = rate(omega[1, 2], step[1, 2], share[1, 2], like=omega[1, 2])
    expect(close(alone, right[1, 2]), "Right for a batch, and wrong for single numbers.")
    half = rate(omega, step, torch.full_like(share, 0.5), like=omega)
    expect(close(half, 0 * half), "Half forward, half backward is a central difference, whose "
           "growth is zero.")  # fmt: skip
    return (
        "Right. Forward differences damp, backward ones drive, and half of each is a central "
        "difference, which does neither. What is left there is the imaginary part: a frequency "
        "that is too low by a share of about (ωΔt)²/6."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "Differences that do not cross a gap")
def rates(answer: Any) -> str:
    """Check ``rates(times, angles)``: central differences, none of them across a gap."""
    given = function(answer, "rates(times, angles)")
    generator = torch.Generator().manual_seed(3)
    steps = 0.17 + 0.02 * torch.rand(15, generator=generator, dtype=torch.float64)
    steps[4], steps[10] = 0.5, 0.36  # three frames lost, and one
    times = 5 + torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)])
    angles = torch.sin(1.1 * times) + 0.03 * times**2
    slopes = (angles[2:] - angles[:-2]) / (times[2:] - times[:-2])
    whole = steps < 1.5 * steps.median()
    kept = whole[1:] & whole[:-1]
    right = slopes[kept]
    one_sided = angles.diff() / steps
    # The message on shapes would say that a number is wrong; here it is the point of the exercise.
    try:
        got = given(times, angles, like=right, shape=right.shape)
    except Wrong as reason:
        if "gives shape" not in str(reason):
            raise
        loose = as_tensor(answer(times.clone(), angles.clone()))
        if loose is None or loose.ndim != 1:
            raise
        counts = {
            len(slopes): "it crosses the gaps: leave out a row next to a gap, on either side",
            int(whole.sum()): "these are differences of neighbours, and a central difference has "
            "a neighbour on both sides",
            len(times): "every row has a value, the two ends and those beside the gaps too",
        }
        expect(
            len(loose) not in counts,
            f"There are {len(loose)} rates; {len(right)} of the 16 rows have both neighbours "
            f"without a gap. With {len(loose)} of them {counts.get(len(loose), '')}.",
        )
        raise
    mistakes = [
        (one_sided[1:][kept], "These are forward differences."),
        (one_sided[:-1][kept], "These are backward differences."),
        ((angles[2:] - angles[:-2])[kept] / (2 * steps.median()), "The steps are not equal: divide "
         "by the time that passed between the two rows."),
        ((angles[2:] - angles[:-2])[kept], "A difference is divided by the time that passed."),
        (2 * right, "Twice too large: from the row before to the row after, two steps pass."),
        ((one_sided[1:] + one_sided[:-1])[kept] / 2, "The mean of both slopes is a central "
         "difference only where both steps are equal: divide the whole difference by the whole "
         "time."),
    ]  # fmt: skip
    match(got, right, mistakes, "These are not the central differences.",
          times=times[1:-1][kept])  # fmt: skip
    even = torch.arange(9, dtype=torch.float64) / 3
    got = given(even, even**2, like=even[1:-1], shape=(7,))
    match(got, 2 * even[1:-1], [], "Right with gaps, and wrong for a recording without any.")
    return (
        "Right. Of a parabola the central difference is exact, of a swing it is too small by a "
        "share of (ωΔt)²/6, and no rate was taken across a gap."
    )


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "code", "Friction from the energy")
def friction(answer: Any) -> str:
    """Check ``friction(times, states, squared)``: c/(m l²) from the energy that was lost."""
    found = function(answer, "friction(times, states, squared)")
    squared, c = 2.9, 0.17
    pendulum = DampedPendulum(1.0, 1.0, squared, c)
    times = torch.linspace(0.0, 7.3, 1461, dtype=torch.float64)
    start = torch.tensor([[1.9, 0.4], [0.8, -1.3], [-1.4, 0.3]], dtype=torch.float64)
    x = simulate(pendulum, start, times).states
    q, v = x.unbind(-1)
    right = torch.full((3,), c, dtype=torch.float64)
    work = torch.trapezoid(v**2, times, dim=0)

    def lost(kinetic: Tensor, potential: Tensor) -> Tensor:
        energy = kinetic + potential
        return energy[0] - energy[-1]

    height = squared * (1 - q.cos())
    true_loss = lost(v**2 / 2, height)
    length = times[-1] - times[0]
    mistakes = [
        (-right, "The sign is wrong: the energy falls, and c is positive."),
        (right / 2, "This is half of it, the rate at which the amplitude falls: dE/dt = -c v² for "
         "the energy E = v²/2 + ..."),
        (2 * right, "Twice too large: is the kinetic energy v²/2?"),
        (true_loss / length, "This is the energy lost in a second. Divide by the mean of v²."),
        (true_loss, "This is the energy that was lost. Divide it by the integral of v²."),
        (lost(v**2 / 2, 1 - q.cos()) / work, "The height needs its factor ω₀²: E = v²/2 + "
         "ω₀²(1 - cos q)."),
        (lost(v**2 / 2, squared * q.cos()) / work, "The potential energy has the wrong sign: it "
         "is ω₀²(1 - cos q), lowest below."),
        (lost(v**2, height) / work, "The kinetic energy is v²/2."),
        (lost(v**2 / 2, squared * q**2 / 2) / work, "The potential energy is that of a spring. "
         "The swing is wide: 1 - cos q."),
        (lost(v**2 / 2, 0 * q) / work, "The kinetic energy alone goes up and down. Add the "
         "potential energy."),
        (true_loss / (v**2).sum(0), "The sum over the rows stands for the integral: multiply by "
         "the step."),
        (true_loss / torch.trapezoid(v.abs(), times, dim=0), "Friction does the work c v·v dt: "
         "square the velocity."),
        (true_loss / torch.trapezoid(q**2, times, dim=0), "Divide by the integral of v², not of "
         "q²."),
        (torch.log(v[0] ** 2 / 2 + height[0]) / length
         - torch.log(v[-1] ** 2 / 2 + height[-1]) / length, "This is the rate of the energy's "
         "logarithm, which is c only where kinetic and potential energy are equal on average: the "
         "swing is wide. Use dE/dt = -c v²."),
    ]  # fmt: skip
    got = found(times, x, squared, like=right)
    match(got, right, mistakes, "This is not c.", parameters={"ω₀²": squared}, rtol=0.005)
    one = found(times, x[:, 1], squared, like=right[1])
    expect(close(one, right[1], rtol=0.005), "Right for a batch of motions, and wrong for a single "
           "one, states of shape (T, 2).")  # fmt: skip
    brief = torch.linspace(0.0, 0.4, 41, dtype=torch.float64)
    fast = torch.tensor([[0.2, 2.1], [0.1, -1.9], [-0.3, 2.4]], dtype=torch.float64)
    got = found(brief, simulate(pendulum, fast, brief).states, squared, like=right)
    expect(close(got, right, rtol=0.005), f"Right for 7 s, and wrong for 0.4 s: {got[0]:.4g} in "
           f"place of {c:g}. Do energy and integral have the same first and last row?")  # fmt: skip
    sparse = torch.cat([times[:700:10], times[700::14]])
    thinned = torch.cat([x[:700:10], x[700::14]])
    got = found(sparse, thinned, squared, like=right)
    expect(close(got, right, rtol=0.02), f"Right for even steps; with uneven ones it gives "
           f"{got[0]:.3g} in place of {c:g}. Weigh each row by its time, as "
           "`torch.trapezoid(..., times, dim=0)` does.")  # fmt: skip
    return (
        "Right. The energy at two times and one integral give the friction, and no acceleration "
        "was needed. An HNN cannot have this number: its own energy has no loss to divide."
    )


# --- 4 -------------------------------------------------------------------------------------------

MODELS = ("fitted formula", "dissipative HNN", "HNN", "second-order network", "none")
"""The answers that exercise 4 offers."""

CASES: dict[str, tuple[str, str, str]] = {
    "playground swing": (
        "fitted formula",
        "How many numbers are unknown, and how many rows are there to find them?",
        "a textbook has the equation, and sixty rows are plenty for three constants",
    ),
    "clean simulation": (
        "HNN",
        "Is energy lost? What must be true after a million steps?",
        "no energy is lost, p is known, and the energy must stay for a million steps",
    ),
    "unknown joint": (
        "dissipative HNN",
        "What is wanted beside a forecast?",
        "energy is only lost, and where it goes is the question",
    ),
    "magnet below": (
        "second-order network",
        "Is there a formula for the force? Is energy only lost? What is wanted?",
        "the magnet is switched by the motion, so energy comes in too, and a short forecast is all "
        "that is wanted",
    ),
    "driven by a motor": (
        "second-order network",
        "Which of the models can gain energy?",
        "the motor puts energy in, which neither an HNN nor D ≥ 0 allows",
    ),
    "two frames a swing": (
        "none",
        "How many rows does a period need before its motion can be told from another one?",
        "with two rows a period a faster swing would give the same rows: film again",
    ),
    "long-case clock": (
        "fitted formula",
        "Is the swing small? What is its equation?",
        "for a small swing two constants, frequency and friction, say everything",
    ),
}
"""The cases of exercise 4: the right model, a question for those who err, and the reason."""


@exercise(4, "think", "What would you fit?")
def models(answer: Any) -> str:
    """Check ``models``: for each of `CASES` one of `MODELS`."""
    right = {case: model for case, (model, *_) in CASES.items()}
    advice = {case: question for case, (_, question, _) in CASES.items()}
    match_words(answer, right, MODELS, advice, "models")
    return "\n".join(["All right:", *(f"`{c}`: {why}." for c, (*_, why) in CASES.items())])


# --- 5 -------------------------------------------------------------------------------------------

RIVALS = ("formula", "network")
"""The two models of exercise 5."""

USUAL = {"drag": 0.1, "rows": 100}
"""The settings of exercise 5 that are not varied."""

LIMITS = {"drag": (0.0, 0.5), "rows": (12, 400)}
"""The smallest and the largest settings of exercise 5."""


def measure(model: str, drag: float = 0.1, rows: int = 100, seed: int = 0) -> float:
    """Fit one model of exercise 5, and return the error of its forecast.

    The pendulum obeys q̈ = −1.3 sin q − 0.02 q̇ − drag |q̇| q̇. The formula has the first two terms,
    with constants to be fitted; the network learns the acceleration. Both see the same rows, 1/6 s
    apart, with noise of 0.005 on angle, velocity and acceleration.

    Args:
        model: one of `RIVALS`.
        drag: of the air, in 1/rad.
        rows: how many are seen.
        seed: of the motion, the noise and the weights.

    Returns:
        The error of the angle over the 15 s after the last row, relative to the size of the
        motion there.
    """
    if model not in RIVALS:
        raise ValueError(f"model is {model!r}; choose one of {RIVALS}")
    return _measured(model, float(drag), int(rows), int(seed))


@cache
def _measured(model: str, drag: float, rows: int, seed: int) -> float:
    def field(x: Tensor) -> Tensor:
        q, v = x.unbind(-1)
        return torch.stack([v, -1.3 * q.sin() - 0.02 * v - drag * v.abs() * v], dim=-1)

    generator = torch.Generator().manual_seed(seed)
    angle = 1.5 + 0.5 * torch.rand(1, generator=generator, dtype=torch.float64)
    start = torch.cat([angle, torch.zeros(1, dtype=torch.float64)])
    clock = torch.arange(rows + 90, dtype=torch.float64) / 6
    motion = integrate(field, start, clock, "rk4", step=0.05)
    seen, rates = motion[:rows], field(motion[:rows])
    noise = 0.005 * torch.randn(2, *seen.shape, generator=generator, dtype=torch.float64)
    rates = torch.stack([(seen + noise[0])[:, 1], rates[:, 1] + noise[1, :, 1]], dim=-1)
    data = Dataset(seen + noise[0], rates)
    learned: PendulumFormula | SecondOrderMLP = (
        PendulumFormula()
        if model == "formula"
        else SecondOrderMLP(1, (12,), angles=(0,), seed=seed)
    )
    fit(learned, data, LevenbergMarquardt(steps=30, weight_decay=1e-5), progress=False)
    later = motion[rows - 1 :]
    with torch.no_grad():
        said = integrate(learned.field, later[0], clock[rows - 1 :], "rk4", step=0.05)
    return float((said - later)[:, 0].square().mean().sqrt() / later[:, 0].std())


def verdict(formula: list[float], network: list[float]) -> str:
    """Who wins by the rule of exercise 5: at four of five seeds at least."""
    return study.winner(formula, network, RIVALS)


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
    study.smaller("the formula"),
    again="fits everything again",
    whole=("rows",),
)


@exercise(5, "experiment", "An open question: how wrong may a formula be?")
def pays(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    return DUEL.mark(
        answer,
        "A formula that lacks a term is wrong by that term, however many rows there are; a network "
        "is wrong by what its rows do not say. Whichever of the two errors is smaller wins.",
    )
