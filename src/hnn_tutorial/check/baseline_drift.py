"""Checks of the chapter "The baseline and its drift"."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise, product
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check import study as study_of
from hnn_tutorial.check.answers import (
    Wrong,
    as_tensor,
    choices,
    close,
    expect,
    function,
    gradient,
    match,
    numbers,
    score,
    table,
)
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.check.inputs import states
from hnn_tutorial.data import simulate
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import gradient as gradient_of
from hnn_tutorial.models import MLP
from hnn_tutorial.systems import MassSpring, Pendulum
from hnn_tutorial.training import Adam, fit

chapter = Chapter("baseline_drift")
exercise, progress = chapter.exercise, chapter.progress

GAPS = (0.1, 0.2, 0.4)
"""Times between observations in exercise 4, in s."""

SIGMA = 0.3
"""Noise of exercise 4."""

FATES = {
    "closed": "every orbit closes, if on another curve or at another pace",
    "inward": "every orbit spirals to one point",
    "outward": "every orbit spirals away",
    "limit cycle": "orbits from inside and from outside end on one and the same closed curve",
}
"""The answers that exercise 5 offers, and what they mean."""

ERRORS: dict[str, tuple[str, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]], str]] = {
    "(0.02 p, -0.02 q)": (
        "closed",
        lambda q, p: (0.02 * p, -0.02 * q),
        "this error points along the motion: the circles stay, and are run through 2 % faster",
    ),
    "(0, -0.02 p)": (
        "inward",
        lambda q, p: (0 * q, -0.02 * p),
        "a force against the velocity: friction, with a divergence of -0.02",
    ),
    "(0.02 q, 0)": (
        "outward",
        lambda q, p: (0.02 * q, 0 * p),
        "the divergence is +0.02 everywhere, so every area grows",
    ),
    "(0.02 q, -0.02 p)": (
        "closed",
        lambda q, p: (0.02 * q, -0.02 * p),
        "what q gains p loses: the divergence is zero, H = (q² + p²)/2 + 0.02 qp is conserved, "
        "and its contours are ellipses. An error may point across the circles and do no harm",
    ),
    "(0.02, 0)": (
        "closed",
        lambda q, p: (0.02 + 0 * q, 0 * p),
        "the centre moves to p = -0.02, and the circles with it",
    ),
    "(0, 0.02 (1 - q²) p)": (
        "limit cycle",
        lambda q, p: (0 * q, 0.02 * (1 - q**2) * p),
        "it pushes where |q| < 1 and rubs where |q| > 1. Small orbits grow and large ones shrink, "
        "until both balance over a turn: van der Pol's oscillator",
    ),
    "(0, -0.02 q³)": (
        "closed",
        lambda q, p: (0 * q, -0.02 * q**3),
        "a force that depends on q alone has a potential, whatever its form",
    ),
}
"""What exercise 5 adds to the field (p, -q): the right answer, the error, and the reason."""


# --- 1 -------------------------------------------------------------------------------------------


@exercise(1, "derive", "How long a learned spring lasts")
def energy_left(answer: Any) -> str:
    """Check ``energy_left(a, d, t)``, the share of the energy that is left after a time."""
    left = function(answer, "energy_left(a, d, t)")
    a = torch.tensor([0.01, 0.03, 0.0, -0.02, 0.04], dtype=torch.float64)
    d = torch.tensor([0.02, 0.0, 0.01, -0.01, -0.04], dtype=torch.float64)
    t = torch.tensor([30.0, 20.0, 90.0, 25.0, 50.0], dtype=torch.float64)
    decay = (a + d) * t
    mistakes = [
        (torch.exp(decay), "The sign is wrong: with a, d > 0 both terms take energy away."),
        (
            torch.exp(-decay / 2),
            "This is the *amplitude*. The energy is quadratic in it and falls twice as fast.",
        ),
        (torch.exp(-2 * decay), "Twice too fast: average q² and p² over a turn, not their maxima."),
        (
            1 - decay,
            "Right to first order in t only: the rate is a share of the energy that is *left*, so "
            "the loss compounds.",
        ),
        (torch.exp(-d * t), "The term with a is missing: it moves q, and q carries energy too."),
        (torch.exp(-a * t), "The term with d is missing."),
        (torch.exp(-a * d * t), "a and d act one beside the other: their effects add."),
        (
            torch.exp(-(a - d) * t),
            "The two terms have the same sign. Write out dH/dt = ∂H/∂q q̇ + ∂H/∂p ṗ once more.",
        ),
        (-decay, "This is the exponent: the share that is left is its exponential."),
        (1 - torch.exp(-decay), "This is the share that is *lost*."),
        (a + d, "This is the rate. Asked for is what is left after the time t."),
    ]
    got = left(a, d, t, like=t)
    given = [" ".join(f"{v:g}" for v in values.tolist()) for values in (a, d, t)]
    other = "For a = {}, d = {} and t = {} this is not the share that is left.".format(*given)
    match(got, torch.exp(-decay), mistakes, other, rtol=1e-4)
    return (
        "Right, for gains as for losses. Only a + d counts: with a = -d the orbits are closed, "
        "though every arrow is wrong."
    )


# --- 2 -------------------------------------------------------------------------------------------


@exercise(2, "code", "Along and across")
def split_error(answer: Any) -> str:
    """Check ``split_error(learned, true, H, x)``: signed parts of the error of a field."""
    split = function(answer, "split_error(learned, true, H, x)")
    x = states(15)
    pendulum = Pendulum(mass=2.0, length=0.7, gravity=3.0)
    for system in (MassSpring(mass=2.0, stiffness=3.0), pendulum):

        def learned(y: Tensor, system: Any = system) -> Tensor:
            return system.field(y) + 0.1 * torch.stack([y[..., 1] ** 2 + 0.3, y.sum(-1)], dim=-1)

        f, dH = system.field(x), gradient_of(system.hamiltonian)(x)
        delta = learned(x) - f
        dots = torch.stack([(delta * f).sum(-1), (delta * dH).sum(-1)], dim=-1)
        lengths = torch.stack([f.norm(dim=-1), dH.norm(dim=-1)], dim=-1)
        right = dots / lengths
        radial = torch.stack([right[..., 0], (delta * x).sum(-1) / x.norm(dim=-1)], dim=-1)
        own = learned(x)
        onward = torch.stack([(delta * own).sum(-1) / own.norm(dim=-1), right[..., 1]], dim=-1)
        whole = torch.stack(
            [(own * f).sum(-1) / lengths[..., 0], (own * dH).sum(-1) / lengths[..., 1]], dim=-1
        )
        mistakes = [
            (-right, "Both signs are wrong: the error is learned less true."),
            (right.flip(-1), "The two parts are in the wrong order: [along, across]."),
            (dots, "The directions are not unit vectors: divide by |f| and by |∇H|."),
            (dots / lengths**2, "Divide by the length once; you divided by its square."),
            (right.abs(), "The signs are lost. They tell early from late, gain from loss."),
            (right.square(), "These are the squares. Leave the parts signed."),
            (
                radial,
                "`across` is measured along x. That is outward only where the contours of H are "
                "circles; the direction across is that of ∇H.",
            ),
            (onward, "`along` is measured along the learned motion; take the true one."),
            (whole, "This splits the learned field itself. Subtract the true field first."),
        ]
        match(split(learned, system.field, system.hamiltonian, x, like=x), right, mistakes, at=x)
        rows = x.reshape(5, 3, 2)
        batch = split(learned, system.field, system.hamiltonian, rows, like=rows)
        expect(close(batch.reshape(15, 2), right), "Right for (15, 2), and wrong for (5, 3, 2).")
    return (
        "Right. With one degree of freedom the two parts are perpendicular, so their squares add "
        "up to the squared error: the loss sees the sum, the energy only the second."
    )


# --- 3 -------------------------------------------------------------------------------------------


SWING = Pendulum(mass=2.0, length=0.7, gravity=3.0)
"""The pendulum of exercise 3."""


class _Scaled:
    """A field with one parameter, θ times a pendulum's; it remembers where it was asked first."""

    def __init__(self, theta: Tensor) -> None:
        self.theta = theta
        self.first: tuple[int, ...] = ()

    def __call__(self, x: Tensor) -> Tensor:
        self.first = self.first or tuple(x.shape)
        return self.theta * SWING.field(x)


@exercise(3, "code", "The loss of a Neural ODE")
def trajectory_loss(answer: Any) -> str:
    """Check ``trajectory_loss(field, observed, times)``, the mean squared error of a motion."""
    loss = function(answer, "trajectory_loss(field, observed, times)")
    times = torch.tensor([0.0, 0.1, 0.15, 0.28, 0.4, 0.5, 0.62], dtype=torch.float64)
    observed = integrate(SWING.field, states(5), times, step=0.005)
    theta = torch.tensor(1.2, dtype=torch.float64, requires_grad=True)
    field = _Scaled(theta)
    path = integrate(field, observed[0], times)
    missed = path - observed
    with torch.no_grad():
        forced = torch.stack(
            [
                integrate(field, a, times[k : k + 2])[1] - b
                for k, (a, b) in enumerate(pairwise(observed))
            ]
        )
    right = missed[1:].square().mean()
    mistakes = [
        (
            missed.square().mean(),
            "The first time is counted too. There the prediction starts at the observation, so it "
            "is no error, and the mean comes out too small by 6/7.",
        ),
        (
            forced.square().mean(),
            "The prediction starts anew at every observation. Start at the first one only, so that "
            "errors have time to add up.",
        ),
        (missed[1:].square().sum(-1).mean(), "Twice the value: mean over the components as well."),
        (missed[1:].square().sum(), "The sum was taken in place of the mean."),
        (missed[1:].square().mean().sqrt(), "The root: leave the mean of the squares as it is."),
        (missed[1:].abs().mean(), "Absolute values were taken in place of squares."),
        (missed[-1].square().mean(), "Only the last time is compared; compare all but the first."),
        (
            missed[1:].norm(dim=-1).mean(),
            "The mean of the distances was taken; square them first.",
        ),
        (missed[1:].mean(), "The differences are not squared: positive and negative ones cancel."),
        (
            (field(observed) - SWING.field(observed)).square().mean(),
            "This is the derivative loss. A trajectory loss follows the field and compares states.",
        ),
    ]
    everywhere = (
        "The motion starts from *all* observations at once. It has one start, the first of them: "
        "`observed[0]`."
    )
    field.first = ()
    try:
        got = loss(field, observed, times, like=observed, shape=())
    except Wrong:
        if field.first == tuple(observed.shape):
            raise Wrong(everywhere) from None
        raise
    if field.first == tuple(observed.shape):
        mistakes.append((got.detach(), everywhere))
    match(got, right, mistakes, "This is not the mean squared error of the motion.", rtol=3e-3)
    slope = gradient(got, theta, "the loss", name="the field's parameters")
    want = torch.autograd.grad(right, theta)[0]
    match(slope, want, otherwise="The loss is right, but its gradient is not.", rtol=3e-3)
    exact = loss(SWING.field, observed, times, like=observed, shape=())
    expect(exact < 1e-6, f"For the true field the loss must vanish; yours is {exact:.2g}.")
    single = loss(field, observed[:, 0], times, like=observed, shape=())
    expect(
        close(single, missed[1:, 0].square().mean(), rtol=3e-3),
        "Right for a batch of motions, and wrong for a single one, of shape (7, 2).",
    )
    return "Right: it follows the field from the first observation, and its gradient trains it."


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "experiment", "A faster camera")
def inward_rates(answer: Any) -> str:
    """Check ``rates``: for each gap, rates at which a learned spring's amplitude falls."""
    values = numbers(answer, GAPS, "rates", "rate for each seed")
    middle = {gap: median(row) for gap, row in values.items()}
    shown = ", ".join(f"{rate:.3f} at Δt = {gap:g}" for gap, rate in middle.items())
    law = {gap: torch.log1p(torch.tensor(SIGMA**2)).item() / gap for gap in GAPS}

    def near(factor: Callable[[float], float]) -> bool:
        wanted = {gap: factor(gap) for gap in GAPS}
        return all(abs(middle[g] - wanted[g]) < 0.15 * abs(wanted[g]) for g in GAPS)

    expect(
        all(abs(rate) > 0.02 for rate in middle.values()),
        f"Nothing spirals ({shown}). Is the noise on the *first* state of each pair too? Noise on "
        "what is to be predicted averages out.",
    )
    expect(
        all(rate > 0 for rate in middle.values()),
        f"These rates are negative ({shown}): the amplitude *falls*, and its rate of falling is "
        "asked for, which is positive.",
    )
    slips: list[tuple[Callable[[float], float], str]] = [
        (
            lambda gap: 2 * law[gap],
            "Twice the right rates. Areas and the energy fall twice as fast as the amplitude.",
        ),
        (
            lambda gap: law[gap] / 2,
            "Half of the right rates. Two mistakes give this: noise on one of the two components "
            "only; or the rate was halved twice.",
        ),
        (
            lambda gap: math.log1p(SIGMA**4) / gap,
            "This is what noise of standard deviation σ² gives: pass σ itself to `noisy`.",
        ),
        (
            lambda gap: math.log1p(SIGMA) / gap,
            "This is what noise of variance σ gives: its standard deviation is to be σ.",
        ),
        (
            lambda gap: law[gap] * gap,
            "The rate is the same for every gap: this is the loss in one *step*. Divide by the "
            "time that it takes.",
        ),
    ]
    if not near(lambda gap: law[gap]):
        # Two slips may be within the tolerance: the nearest one is named.
        off = [max(abs(middle[g] / factor(g) - 1) for g in GAPS) for factor, _ in slips]
        nearest = off.index(min(off))
        expect(off[nearest] > 0.15, f"{slips[nearest][1]} (Yours: {shown}.)")
    expect(
        all(max(row) - min(row) > 1e-9 for row in values.values()),
        "Different seeds gave exactly the same rate: use `seed` for the states and the noise.",
    )
    expect(
        abs(middle[GAPS[0]] / middle[GAPS[-1]] - 1) > 0.1,
        f"The rate does not depend on the gap ({shown}), as if it were counted in steps. Divide "
        "by the time.",
    )
    expect(
        middle[GAPS[0]] > middle[GAPS[-1]],
        f"The rate grows with the gap ({shown}). Each step costs the same share; how many steps "
        "are there in a second?",
    )
    for gap, rate in middle.items():
        expect(
            abs(rate - law[gap]) < 0.15 * law[gap],
            f"At Δt = {gap:g} the median rate is {rate:.3f}; theory gives {law[gap]:.3f}. Are the "
            f"clean states drawn with standard deviation 1, is σ = {SIGMA}, and has the training "
            "converged?",
        )
    return (
        f"Right: {shown}. That is ln(1 + σ²)/Δt. Looking twice as often makes the learned spring "
        "stop twice as soon."
    )


# --- 5 -------------------------------------------------------------------------------------------


@exercise(5, "think", "Seven errors, four fates")
def fates(answer: Any) -> str:
    """Check ``fates``: for each error of the field one of the answers in `FATES`."""
    advice = {
        "(0.02 p, -0.02 q)": "Compare it with the field (p, -q) itself.",
        "(0, -0.02 p)": "Which force is opposite to the velocity?",
        "(0.02 q, 0)": "What is its divergence?",
        "(0.02 q, -0.02 p)": "What is its divergence? Is there an H that gives it?",
        "(0.02, 0)": "Where does the whole field vanish now?",
        "(0, 0.02 (1 - q²) p)": "What does it do while |q| is small, and while it is large?",
        "(0, -0.02 q³)": "Does this force have a potential?",
    }
    choices(answer, {e: fate for e, (fate, _, _) in ERRORS.items()}, FATES, advice, "fates")
    return "\n".join(["All right:", *(f"`{e}`: {why}." for e, (_, _, why) in ERRORS.items())])


# --- 6 -------------------------------------------------------------------------------------------

USUAL = {"motions": 20, "units": 32, "steps": 500}
"""The chapter's baseline in exercise 6; one of the settings is changed."""

LARGEST = {"motions": 100, "units": 64, "steps": 1500}
"""How far exercise 6 may go, so that its check does not take long."""

OUTCOMES = {
    "smaller": "smaller with every seed",
    "larger": "larger with every seed",
    "mixed": "smaller with some seeds and larger with others",
}
"""The answers that exercise 6 offers: what the larger value of the setting does to the net part."""

STUDY = ("setting", "values", "seeds", "prediction", "error", "net", "conclusion")
"""The keys of exercise 6."""

_ANGLE = torch.arange(48, dtype=torch.float64) * 2 * torch.pi / 48
_OUTWARD = torch.stack([_ANGLE.cos(), _ANGLE.sin()], dim=-1)
CIRCLES = torch.linspace(0.1, 1.0, 19, dtype=torch.float64)[:, None, None] * _OUTWARD
"""The states of exercise 6: 19 circles around the origin with 48 states each, (19, 48, 2)."""

SPRING = MassSpring(mass=0.5, stiffness=2.0)
"""The chapter's spring, H = q² + p²."""


@lru_cache(maxsize=64)
def train(setting: str, value: int, seed: int) -> MLP:
    """Train the chapter's baseline with one setting changed, for exercise 6.

    Args:
        setting: ``"motions"``, ``"units"`` or ``"steps"``.
        value: its value; the other two are as in the chapter.
        seed: of the first weights.
    """
    chosen = USUAL | {setting: int(value)}
    times = torch.linspace(0, 3, 30, dtype=torch.float64)
    data = simulate(SPRING, SPRING.sample(chosen["motions"], seed=0), times).dataset(SPRING.field)
    model = MLP(degrees=1, hidden=(chosen["units"],) * 2, seed=int(seed))
    fit(model, data, Adam(chosen["steps"], 3e-3), progress=False)
    return model


def _parts(model: MLP) -> tuple[float, float]:
    """The error of a field on `CIRCLES` and its net part, both root mean squares."""
    with torch.no_grad():
        missed = model.field(CIRCLES) - SPRING.field(CIRCLES)
    net = (missed * _OUTWARD).sum(dim=-1).mean(dim=1)
    return missed.square().sum(-1).mean().sqrt().item(), net.square().mean().sqrt().item()


def _word(value: Any, key: str) -> str:
    word = value.strip().casefold() if isinstance(value, str) else ""
    expect(
        word in OUTCOMES,
        f'`study["{key}"]` is {value!r}; choose one of: {", ".join(map(repr, OUTCOMES))}.',
    )
    return word


def _whole(value: Any, key: str, least: int) -> list[int]:
    found = as_tensor(value)
    expect(
        found is None or torch.isfinite(found.to(torch.float64)).all(),
        f'An entry of `study["{key}"]` is not a finite number.',
    )
    if found is None or found.ndim != 1 or not (found == found.round()).all():
        raise Wrong(f'`study["{key}"]` should be a list of whole numbers, such as [1, 2].')
    expect(
        len(found) >= least and len(set(found.tolist())) == len(found),
        f'`study["{key}"]` should hold at least {least} different numbers.',
    )
    return [int(v) for v in found.tolist()]


def _measured(study: dict[str, Any], key: str, shape: tuple[int, int]) -> Tensor:
    found = as_tensor(study[key])
    if found is None or tuple(found.shape) != shape:
        raise Wrong(
            f'`study["{key}"]` should hold numbers of shape {shape}: a row for each value of the '
            "setting, in it a number for each seed."
        )
    found = found.to(torch.float64)
    expect(torch.isfinite(found).all(), f'An entry of `study["{key}"]` is not a finite number.')
    return found


@exercise(6, "experiment", "An open question: does it help?")
def remedy(answer: Any) -> str:
    """Check ``study``: a designed experiment, measured again and scored by a rubric."""
    study = table(answer, STUDY, "study")
    setting = study_of.choice(study["setting"], "setting", USUAL)
    prediction, conclusion = (_word(study[key], key) for key in ("prediction", "conclusion"))
    values = _whole(study["values"], "values", 2)
    expect(
        len(values) == 2 and 0 < values[0] < values[1] <= LARGEST[setting],
        f'`study["values"]` is {values}: two values are wanted, the smaller first, at most '
        f"{LARGEST[setting]}.",
    )
    seeds = _whole(study["seeds"], "seeds", 1)
    expect(len(seeds) <= 20, '`study["seeds"]` holds more than 20 seeds; fewer will do.')
    expect(min(seeds) >= 0, '`study["seeds"]` holds a negative number; seeds are 0, 1, 2, ....')
    shape = (2, len(seeds))
    error, net = (_measured(study, key, shape) for key in ("error", "net"))
    for key, found, part in (("error", error, 0), ("net", net, 1)):
        for row, column in product((0, 1), range(len(seeds))):
            model = train(setting, values[row], seeds[column])
            both, given = _parts(model), float(found[row, column])
            want = both[part]
            where = f'`study["{key}"]`: {setting} = {values[row]}, seed {seeds[column]}: '
            if abs(given / want - 1) < 0.02:
                continue
            for wrong, message in (
                (both[1 - part], "error and net part are exchanged."),
                (want**2, "this is the mean square; take its root."),
                (-want, "a root mean square is positive."),
                (want / math.sqrt(2), "this is the error of one component; sum over the two."),
                (
                    _parts(train(setting, values[1 - row], seeds[column]))[part],
                    "this is the number for the other value of the setting.",
                ),
            ):
                expect(abs(given / wrong - 1) >= 0.02, where + message)
            raise Wrong(
                f"{where}you have {given:.4g}, and the network that `check.train` gives has "
                f"{want:.4g}. The error is the root of the mean, over all states of "
                "`check.CIRCLES`, of the squared length of f̂ - f. The net part is the root of the "
                "mean, over the circles, of the squared *mean* outward component on each."
            )
    less = int((net[1] < net[0]).sum())
    found_out = {len(seeds): "smaller", 0: "larger"}.get(less, "mixed")
    rubric = [
        (len(seeds) >= 5, "at least five seeds: one network proves little"),
        (values[1] >= 2 * values[0], "a change that is large enough to see: a factor of two"),
        (USUAL[setting] in values, "a control: one of the values is the chapter's"),
        (
            conclusion == found_out,
            f"a conclusion that your own numbers support: the net part is smaller with {less} of "
            f"{len(seeds)} seeds",
        ),
    ]
    score(rubric)
    smaller_error = int((error[1] < error[0]).sum())
    came = "came true" if prediction == conclusion else "did not come true: that is worth knowing"
    return (
        f"All {len(rubric)} points of the rubric, and the numbers are those of the networks. Your "
        f"prediction {came}. With {setting} = {values[1]} the error is smaller with "
        f"{smaller_error} of {len(seeds)} seeds, and its net part with {less}."
    )
