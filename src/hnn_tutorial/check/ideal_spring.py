"""Checks of the chapter "Learning the paraboloid: the ideal spring"."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from itertools import pairwise
from statistics import median
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial.check.answers import (
    as_tensor,
    choices,
    close,
    expect,
    function,
    match,
    numbers,
    score,
    table,
)
from hnn_tutorial.check.chapter import Chapter
from hnn_tutorial.data import Normalization, Trajectories
from hnn_tutorial.evaluation import mesh_error
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import MassSpring, Pendulum
from hnn_tutorial.training import LevenbergMarquardt, fit

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
        "H' = H t_s/(q_s p_s), and the product of the two scales is 10⁴",
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
    m = torch.tensor([2.0, 0.5, 3.0, 1.2, 1.7], dtype=torch.float64)
    k = torch.tensor([2.3, 1.9, 0.7, 5.0, 1.3], dtype=torch.float64)
    q_s = torch.tensor([100.0, 3.0, 0.2, 2.0, 11.0], dtype=torch.float64)
    p_s = torch.tensor([200.0, 5.0, 0.7, 0.3, 1.9], dtype=torch.float64)
    t_s = torch.tensor([1.4, 2.0, 0.5, 3.0, 0.1], dtype=torch.float64)

    def pair(mass: Tensor, stiffness: Tensor) -> Tensor:
        return torch.stack([mass, stiffness], dim=-1)

    right = pair(m * q_s / (p_s * t_s), k * q_s * t_s / p_s)
    mistakes = [
        (right.flip(-1), "The two are in the wrong order: [mass, stiffness]."),
        (
            pair(m / p_s**2, k * q_s**2),
            "You put q = q_s Q and p = p_s P into H, and left out the factor t_s/(q_s p_s): with "
            "H itself in place of H' Hamilton's equations do not hold in the new units.",
        ),
        (
            pair(m * q_s / p_s, k * q_s / p_s),
            "The unit of time is missing: H' = t_s/(q_s p_s) H.",
        ),
        (
            pair(m * q_s * t_s / p_s, k * q_s / (p_s * t_s)),
            "The unit of time has the wrong power: H' = t_s/(q_s p_s) H, not H/(q_s p_s t_s).",
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


def _shifted(x: Tensor) -> Tensor:
    """A spring that rests at q = 1/2: its field does not vanish at the origin."""
    return torch.stack([x[..., 1] / 2.0, -3.0 * (x[..., 0] - 0.5)], dim=-1)


@exercise(2, "code", "The share of a square")
def share_within(answer: Any) -> str:
    """Check ``share_within(learned, true, radius, bound, points)``, a share of a mesh."""
    share = function(answer, "share_within(learned, true, radius, bound, points)")
    like = torch.zeros((), dtype=torch.float64)
    bound = 0.05
    spring, pendulum = MassSpring(2.0, 3.0), Pendulum(mass=0.7, length=1.3, gravity=3.0)
    # Powers of two, so that the middle of an axis is zero to the last digit, however it is made.
    cases = (
        (spring.field, 2.0, 17),
        (spring.field, 2.0, 20),
        (_shifted, 2.0, 17),
        (pendulum.field, 1.5, 33),
    )
    for true_field, radius, points in cases:

        def learned(x: Tensor, f: Callable[[Tensor], Tensor] = true_field) -> Tensor:
            return f(x) + 0.04 * torch.stack([x[..., 1] + 0.3, x[..., 0] ** 2], dim=-1)

        mesh = mesh_error(learned, true_field, radius, points)
        p, q = torch.meshgrid(mesh.q, mesh.q, indexing="ij")
        x = torch.stack([q, p], dim=-1)
        true, off = true_field(x), (learned(x) - true_field(x)).abs()
        size = true.norm(dim=-1)
        length = off.norm(dim=-1)
        right = like + mesh.fraction_below(bound)
        good = (off <= bound * true.abs()).double()
        each, mean = good.prod(-1), good.mean(-1)
        elsewhere = x.norm(dim=-1) > 0
        leave = "the true field vanishes there, so the relative error means nothing. Leave that "
        component = "Each component is held to the bound. Compare the vectors' lengths."
        mistakes = [
            (
                (length <= bound * size).double().mean(),
                f"A point where f = 0 is counted, as a failure: {leave}point out of the share.",
            ),
            (
                ((length <= bound * size) | (size == 0)).double().mean(),
                f"A point where f = 0 is counted, as a success: {leave}point out: the share is "
                "that of the other points.",
            ),
            (
                (length <= bound * size)[elsewhere].double().mean(),
                "The origin is left out, and not the point where the true field vanishes: here it "
                "vanishes elsewhere. Look at the length of the field, not of the state.",
            ),
            (1 - right, "This is the share that is *outside* of the bound."),
            (100 * right, "This is in per cent: a share lies between 0 and 1."),
            (
                right * (size > 0).sum(),
                "This is the number of points: divide by how many there are.",
            ),
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
            (
                (length <= bound * learned(x).norm(dim=-1))[size > 0].double().mean(),
                "The error is divided by the length of the learned field; divide by that of the "
                "true one.",
            ),
            (each.mean(), component),
            (each[size > 0].mean(), component),
            (mean.mean(), component),
            (mean[size > 0].mean(), component),
            (
                like + mesh_error(learned, true_field, radius, points + 1).fraction_below(bound),
                "This is the share of a mesh with one point more along each axis.",
            ),
            ((length / size)[size > 0].mean(), "This is the mean error, not a share of points."),
        ]
        got = share(learned, true_field, radius, bound, points, like=like)
        match(got, right, mistakes, f"On a mesh of {points} × {points} the share is wrong.")
    return "Right, wherever the field vanishes, and where it vanishes nowhere on the mesh."


# --- 3 -------------------------------------------------------------------------------------------


@exercise(3, "derive", "How often must one look?")
def largest_gap(answer: Any) -> str:
    """Check ``largest_gap(bound, omega)``, the time between observations that differences allow."""
    gap = function(answer, "largest_gap(bound, omega)")
    bound = torch.tensor([1.2e-3, 5e-4, 1e-5, 7e-4, 2e-3], dtype=torch.float64)
    omega = torch.tensor([1.3, 0.8, 1.7, 4.0, 0.3], dtype=torch.float64)
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
        "Right: Δt = √(6 ε)/ω₀. The chapter's 0.1 s are too long for 1e-3 at 1 rad/s, though only "
        "by a third."
    )


# --- 4 -------------------------------------------------------------------------------------------


@exercise(4, "code", "A step of Levenberg and Marquardt")
def lm_step(answer: Any) -> str:
    """Check ``lm_step(residual, theta, w)``, one damped Gauss-Newton step."""
    step = function(answer, "lm_step(residual, theta, w)")
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
    w = 0.3
    move = -torch.linalg.solve(B + w * eye, g)
    mistakes = [
        (theta - move, "The step goes uphill: its right-hand side is -Jᵀd."),
        (move, "This is the step s; asked for is where it leads, θ + s."),
        (
            theta - torch.linalg.solve(B, g),
            "The damping w is missing: this is the Gauss–Newton step.",
        ),
        (
            theta - torch.linalg.solve(B + w * torch.diag(B.diagonal()), g),
            "The damping is scaled by the diagonal of JᵀJ. That is Marquardt's own variant, and a "
            "good one; asked for is w times the unit matrix.",
        ),
        (
            theta - torch.linalg.solve(B + w * eye, 2 * g),
            "The gradient carries a factor of two that the matrix does not: minimise |d + J s|² + "
            "w |s|², and the two cancels on both sides.",
        ),
        (theta - w * g, "This is a step along the gradient, of length w."),
        (theta - g, "This is a step along the gradient: the matrix JᵀJ is not used."),
        (theta - torch.linalg.solve(B - w * eye, g), "The damping is *added* to JᵀJ."),
        (theta - torch.linalg.solve(B + w, g), "w was added to every entry, not to the diagonal."),
        (
            theta - torch.linalg.solve(2 * B + w * eye, 2 * g),
            "The factors of two do not cancel against w: leave them out on both sides.",
        ),
    ]
    got = step(curved, theta, w, like=theta)
    match(got, theta + move, mistakes, "This is not the damped step.", rtol=1e-5)
    best = torch.linalg.lstsq(A, y).solution
    got = step(linear, theta, 0.0, like=theta)
    expect(
        close(got, best, rtol=1e-5),
        "Right on a curved problem, and yet with w = 0 one step does not solve a linear one.",
    )
    far = step(curved, theta, 1e3, like=theta) - theta
    expect(
        close(far, -torch.linalg.solve(B + 1e3 * eye, g), rtol=5e-3, atol=1e-6),
        "With a very large w the step should become a short one along -Jᵀd.",
    )
    return (
        "Right: with w = 0 it solves a linear problem in one step, and with a large w it becomes "
        "a short step downhill."
    )


# --- 5 -------------------------------------------------------------------------------------------


@cache
def largest_error(width: int, seed: int) -> float:
    """Largest relative error on the square of a network of this width, as exercise 5 says."""
    spring = MassSpring(mass=2.0, stiffness=2.0)
    times = torch.linspace(0, 4.9, 50, dtype=torch.float64)
    x0 = spring.sample(100, seed=seed, radius=(0.0, 100.0))
    data = Trajectories(times, spring.solution(x0, times)).dataset(spring.field)
    units = Normalization.to_unit_box(data.states)
    model = HNN(1, hidden=(width,), seed=seed)
    optimizer = LevenbergMarquardt(steps=100, batch_size=500)
    fit(model, units.normalize_dataset(data), optimizer, progress=False)
    return mesh_error(units.restore_field(model.field), spring.field, radius=100).largest


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
    got = torch.tensor([row[:3] for row in values.values()], dtype=torch.float64)
    want = torch.tensor([[largest_error(width, seed) for seed in range(3)] for width in WIDTHS],
                        dtype=torch.float64)  # fmt: skip
    # The same training gives the same digits; another library's sums may end elsewhere.
    ratio = (got / want).log10().abs()
    if not bool((ratio < 0.01).all()):
        for wrong, message in (
            (want.sort(dim=1).values, "These are sorted: give them in the order of the seeds."),
            (want.square(), "These are squares of the errors."),
            (100 * want, "These are in per cent. Give the relative error itself."),
        ):
            expect(not close(got, wrong, rtol=0.02), message)
        where = int(ratio.flatten().argmax())
        width, seed = WIDTHS[where // 3], where % 3
        here = f"With {width} units and seed {seed} you have {got.flatten()[where]:.2e}; the "
        expect(
            False,
            f"{here}training that the exercise describes, run again, gives "
            f"{want.flatten()[where]:.2e}. Is the seed used for motions and network, are there "
            "100 steps on batches of 500, and is it the *largest* error on the mesh?",
        )
    better = sum(b < a for a, b in pairwise(middle.values()))
    return (
        f"Right: {shown}. {better} of the three doublings made it better in the median; the "
        "spread over seeds says how sure that is."
    )


# --- 6 -------------------------------------------------------------------------------------------


_ADVICE = {
    "energy of a state": "What is H', written with H?",
    "length of an arrow of the field": "Which of q, p and t has another unit?",
    "loss": "What is squared in it?",
    "relative error of the field": "What is divided by what?",
    "period": "Has the unit of time changed?",
    "divergence of the field": "What is its unit?",
    "area inside an orbit": "What is the unit of an area in the phase plane?",
    "energy drift in per cent": "What is divided by what?",
}


@exercise(6, "think", "What a change of units changes")
def scalings(answer: Any) -> str:
    """Check ``scalings``: for each quantity one of the answers in `SCALINGS`."""
    right = {name: scaling for name, (scaling, _) in QUANTITIES.items()}
    choices(answer, right, SCALINGS, _ADVICE, "scalings")
    return "\n".join(["All right:", *(f"`{n}`: {why}." for n, (_, why) in QUANTITIES.items())])


# --- 7 -------------------------------------------------------------------------------------------

OMEGA, AMPLITUDE = 1.7, 0.4
"""Of exercise 7: angular frequency in rad/s and amplitude in m of the spring that is filmed."""

STUDY = ("prediction", "noises", "gaps", "errors", "conclusion")
"""The keys of exercise 7."""

BEST_GAP = (
    "it stays the same",
    "it becomes half as long",
    "it becomes an eighth as long",
    "it becomes twice as long",
)
"""The words of exercise 7: what becomes of the best gap with an eighth of the noise."""


def difference_error(gap: float, noise: float) -> float:
    """Relative error (root mean square) of central differences of noisy positions.

    The two errors, of the formula and of the readings, are independent: their squares add up.
    """
    z = OMEGA * gap
    return math.hypot(1 - math.sin(z) / z, noise / (AMPLITUDE * z))


@exercise(7, "experiment", "An open question: how often, if the film is grainy?")
def grainy(answer: Any) -> str:
    """Check ``study``: a designed experiment, compared with theory and scored by a rubric."""
    study = table(answer, STUDY, "study")
    prediction, conclusion = (_word(study[key], key) for key in ("prediction", "conclusion"))
    noises, gaps = _row(study["noises"], "noises"), _row(study["gaps"], "gaps")
    rows = study["errors"]
    errors = as_tensor(list(rows.values()) if isinstance(rows, Mapping) else rows)
    shape = (len(noises), len(gaps))
    expect(
        errors is not None and tuple(errors.shape) == shape,
        f'`study["errors"]` should have a row for each noise and in it a number for each gap, '
        f"shape {shape}.",
    )
    errors = torch.as_tensor(errors, dtype=torch.float64)
    expect(torch.isfinite(errors).all(), 'An entry of `study["errors"]` is not a finite number.')
    expect((noises > 0).all() and (gaps > 0).all(), "A noise and a gap are positive numbers.")
    expect((OMEGA * gaps < 3).all(), "A gap is longer than half a turn: no difference can tell "
           "the rate from that.")  # fmt: skip
    right = torch.tensor([[difference_error(gap, noise) for gap in gaps.tolist()]
                          for noise in noises.tolist()], dtype=torch.float64)  # fmt: skip
    formula = torch.tensor([1 - math.sin(OMEGA * g) / (OMEGA * g) for g in gaps.tolist()],
                           dtype=torch.float64)  # fmt: skip
    for wrong, message in (
        (100 * right, "These are in per cent. Give the relative error itself."),
        (right.square(), "These are squares of the errors: take the root of the mean."),
        (right * OMEGA * AMPLITUDE / 2**0.5, "These are errors in m/s: divide by the root mean "
         "square of the velocity."),
        (formula.expand(shape), "There is no noise in these: add it to both positions."),
        (right / 2**0.5, "The root mean square of the velocity is ωA/√2, not ωA."),
    ):  # fmt: skip
        expect(not close(errors, wrong, rtol=0.05), message)
    off = (errors / right - 1).abs()
    k = int(off.flatten().argmax())
    i, j = k // len(gaps), k % len(gaps)
    expect(
        off.max() < 0.1,
        f"With the noise {noises[i]:.3g} m and the gap {gaps[j]:.3g} s you have the error "
        f"{errors[i, j]:.4g}; measured again it is {right[i, j]:.4g}. Is it the root of the mean "
        "square, over that of the velocity, from some thousand instants?",
    )
    order = gaps.argsort()
    ordered, table_of = gaps[order], errors[:, order]
    best = table_of.argmin(dim=1)
    inside = bool(((best > 0) & (best < len(gaps) - 1)).all())
    dense = len(gaps) >= 6 and bool((ordered[1:] / ordered[:-1]).max() < 1.5)
    wide = bool(noises.max() / noises.min() > 7.9)
    few, many = noises.argmin(), noises.argmax()
    eighths = float(noises.max() / noises.min())
    slope = (
        float((ordered[best[few]] / ordered[best[many]]).log()) / math.log(eighths) if wide else 0
    )
    powers = dict(zip(BEST_GAP, (0.0, -1 / 3, -1.0, 1 / 3), strict=True))
    nearest = min(powers, key=lambda word: abs(powers[word] - slope))
    rubric = [
        (wide, "two noises that are far enough apart: by a factor of eight or more"),
        (inside, "gaps on both sides of the best one, for each noise"),
        (dense, "gaps close enough to say where the best one is: six or more, each less than 1.5 "
         "times the one before"),
        (bool((right / formula - 1).abs().min() < 0.1), "a control where theory knows the answer: "
         "a gap so long that the noise hardly matters there"),
        (wide and nearest == conclusion, "a conclusion that your own numbers support"),
    ]  # fmt: skip
    score(rubric, "errors")
    came = "came true" if prediction == conclusion else (
        "did not come true, which is what an experiment is for"
    )  # fmt: skip
    return (
        f"All {len(rubric)} points of the rubric. Your prediction {came}. The formula's error "
        "grows as Δt², that of the readings falls as 1/Δt; they balance where Δt³ is proportional "
        "to the noise. So an eighth of the noise makes the best gap half as long, and the error "
        "there a quarter."
    )


def _word(value: Any, key: str) -> str:
    plain = {word.casefold(): word for word in BEST_GAP}
    word = plain.get(value.strip().casefold()) if isinstance(value, str) else None
    expect(
        word is not None,
        f'`study["{key}"]` is {value!r}; choose one of: {", ".join(map(repr, BEST_GAP))}.',
    )
    return str(word)


def _row(value: Any, key: str) -> Tensor:
    values = as_tensor(value)
    expect(
        values is not None and values.ndim == 1 and len(values) >= 2,
        f'`study["{key}"]` should be a list of two or more numbers.',
    )
    values = torch.as_tensor(values, dtype=torch.float64)
    expect(torch.isfinite(values).all(), f'An entry of `study["{key}"]` is not a finite number.')
    return values
