"""The checks of "HNN or LNN?": right answers pass, wrong ones get their message."""

import math

import duel_tools
import pytest
import torch
from check_tools import Case, ChapterChecks, pack

from hnn_tutorial import mechanics
from hnn_tutorial.check import hnn_or_lnn as check

# 1


def lagrangian(x, t, mass, stiffness, damping):
    q, velocity = x[..., 0], x[..., 1]
    return 0.5 * torch.exp(damping * t / mass) * (mass * velocity**2 - stiffness * q**2)


def by_energies(x, t, m, k, c):
    kinetic, potential = m * x[..., 1].square() / 2, k * x[..., 0].square() / 2
    return (c / m * t).exp() * (kinetic - potential)


def without_time(x, t, m, k, c):
    q, v = x[..., 0], x[..., 1]
    s = (v + c * q / (2 * m)) / (math.sqrt(k / m - (c / (2 * m)) ** 2) * q)
    return s * torch.arctan(s) - torch.log(v**2 + c * q * v / m + k * q**2 / m) / 2


def rated(x, t, m, k, c, rate=1.0, sign=-1.0):
    """With another exponent, or T + V."""
    return torch.exp(rate * c * t / m) * (m * x[..., 1] ** 2 + sign * k * x[..., 0] ** 2) / 2


LAGRANGIAN = Case(
    check.lagrangian,
    lagrangian,
    {
        "by energies": by_energies,
        "another scale": lambda *a: -7 * lagrangian(*a),
        "with a total derivative": lambda x, *a: lagrangian(x, *a) + 3 * x[..., 0] ** 2 * x[..., 1],
        "with a function of time": lambda x, t, *a: lagrangian(x, t, *a) + t**3,
        "a later clock": lambda x, t, *a: lagrangian(x, t + 1, *a),
        "without time": without_time,
    },
    {
        "no friction": (lambda *a: rated(*a, rate=0.0), "without friction"),
        "growing": (lambda *a: rated(*a, rate=-1.0), "driven, not damped"),
        "amplitude": (lambda *a: rated(*a, rate=0.5), "half of what"),
        "twice": (lambda *a: rated(*a, rate=2.0), "twice too large"),
        "no mass": (lambda x, t, m, k, c: rated(x, t * m, m, k, c), "wrong by a factor m"),
        "T + V": (lambda *a: rated(*a, sign=1.0), "T - V, not T + V"),
        "T + V, growing": (lambda *a: rated(*a, rate=-1.0, sign=1.0), "T + V in place"),
        "work of friction": (
            lambda x, t, m, k, c: rated(x, 0 * t, m, k, c) - c * x[..., 0] * x[..., 1],
            "without friction",
        ),
        "factor before T alone": (
            lambda x, t, m, k, c: (
                torch.exp(c * t / m) * m * x[..., 1] ** 2 / 2 - k * x[..., 0] ** 2 / 2
            ),
            "it must multiply V as well",
        ),
        "no velocity": (lambda x, t, m, k, c: -k * x[..., 0] ** 2 / 2, "∂²L/∂q̇² vanishes"),
        "Rayleigh": (
            lambda x, t, m, k, c: rated(x, 0 * t, m, k, c) - c * x[..., 1] ** 2 / 2,
            "another q̈",
        ),
        "m and k exchanged": (
            lambda x, t, m, k, c: torch.exp(c * t / m) * (k * x[..., 1] ** 2 - m * x[..., 0] ** 2),
            "another q̈",
        ),
        "no half in V": (
            lambda x, t, m, k, c: (
                torch.exp(c * t / m) * (m * x[..., 1] ** 2 / 2 - k * x[..., 0] ** 2)
            ),
            "2 k stands in place of k",
        ),
        "detached": (lambda x, *a: lagrangian(x.detach(), *a), "No gradient flows"),
        "batches only": (lambda x, *a: lagrangian(x, *a) * (x.ndim > 1), "A single state gives"),
        "summed": (lambda *a: lagrangian(*a).sum(), "shape"),
        "math.exp": (
            lambda x, t, m, k, c: math.exp(c * t / m) * lagrangian(x, 0 * t, m, k, c),
            "raised",
        ),
        "unpacked": (lambda x, *a: lagrangian(pack(*x), *a), ""),
    },
    spared={"wrong sign": "minus L has the same motions"},
    equivalent=dict.fromkeys(
        (
            "return -(0.5 * torch",
            "return 2 * (0.5 * torch",
            "return 0.5 * (0.5 * torch",
            "return 1.5 * torch",
            "return 1.0 * torch",
            "return torch.exp(damping",
        ),
        "a Lagrangian may be multiplied by a constant",
    ),
    gradients=True,
)

# 2


def defect(field, x):
    omega = mechanics.symplectic_form(x.shape[-1] // 2, dtype=x.dtype, device=x.device)
    turned = omega @ mechanics.jacobian(field)(x)
    return (turned - turned.mT).abs().amax(dim=(-2, -1))


def turned(field, x):
    omega = mechanics.symplectic_form(x.shape[-1] // 2, dtype=x.dtype, device=x.device)
    return omega @ mechanics.jacobian(field)(x)


def behind(field, x):
    n = x.shape[-1] // 2
    omega = mechanics.symplectic_form(n, dtype=x.dtype, device=x.device)
    matrix = mechanics.jacobian(field)(x) @ omega
    return (matrix - matrix.mT).abs().amax(dim=(-2, -1))


def by_blocks(field, x):
    n = x.shape[-1] // 2
    J = mechanics.jacobian(field)(x)
    A, B, C, D = J[..., :n, :n], J[..., :n, n:], J[..., n:, :n], J[..., n:, n:]
    parts = [(A + D.mT), B - B.mT, C - C.mT]
    return torch.stack([part.abs().amax((-2, -1)) for part in parts]).amax(0)


def by_loop(field, x):
    flat = x.reshape(-1, x.shape[-1])
    values = [defect(field, state) for state in flat]
    return torch.stack(values).reshape(x.shape[:-1])


DEFECT = Case(
    check.defect,
    defect,
    {
        "by blocks": by_blocks,
        "Ω behind": behind,
        "other sign of Ω": lambda f, x: (turned(f, x).mT - turned(f, x)).abs().flatten(-2).amax(-1),
        "state by state": by_loop,
    },
    {
        "no Ω": (
            lambda f, x: (
                (mechanics.jacobian(f)(x) - mechanics.jacobian(f)(x).mT).abs().amax((-2, -1))
            ),
            "as for a gradient field",
        ),
        "divergence": (lambda f, x: mechanics.divergence(f)(x), "This is the divergence"),
        "absolute divergence": (
            lambda f, x: mechanics.divergence(f)(x).abs(),
            "This is the divergence",
        ),
        "no transpose": (lambda f, x: turned(f, x).abs().amax((-2, -1)), "This is ΩJ itself"),
        "plus": (
            lambda f, x: (turned(f, x) + turned(f, x).mT).abs().amax((-2, -1)),
            "Subtract the transpose",
        ),
        "sum": (
            lambda f, x: (turned(f, x) - turned(f, x).mT).abs().sum((-2, -1)),
            "the sum of all entries",
        ),
        "mean": (
            lambda f, x: (turned(f, x) - turned(f, x).mT).abs().mean((-2, -1)),
            "the mean of all entries",
        ),
        "norm": (
            lambda f, x: (turned(f, x) - turned(f, x).mT).norm(dim=(-2, -1)),
            "the root of the sum of squares",
        ),
        "smallest": (
            lambda f, x: (turned(f, x) - turned(f, x).mT).abs().amin((-2, -1)),
            "Every value is 0",
        ),
        "half": (lambda f, x: defect(f, x) / 2, "1/2 times the right one"),
        "one number": (lambda f, x: defect(f, x).max(), "shape"),
        "one degree only": (
            lambda f, x: mechanics.divergence(f)(x).abs() if x.shape[-1] == 2 else 0 * x[..., 0],
            "Every value is 0",
        ),
        "two degrees only": (
            lambda f, x: defect(f, x) if x.shape[-1] == 4 else 0 * x[..., 0],
            "wrong for one",
        ),
        ".T of a batch": (
            lambda f, x: (turned(f, x) - turned(f, x).transpose(0, -1)).abs().amax((-2, -1)),
            "raised",
        ),
    },
    equivalent={
        "mechanics.jacobian(field)(x) @ omega": "JΩ has the same entries, elsewhere",
        "return (turned - turned.mT).amax(": "each entry is there with both signs",
    },
)

# 3


def canonical_rates(L, field, x):
    momenta = mechanics.conjugate_momentum(L)
    return torch.func.jvp(momenta, (x,), (field(x),))[1]


def by_jacobian(L, field, x):
    J = mechanics.jacobian(mechanics.conjugate_momentum(L))(x)
    return (J @ field(x).unsqueeze(-1)).squeeze(-1)


def by_differences(L, field, x):
    momenta, h = mechanics.conjugate_momentum(L), 1e-5
    return (momenta(x + h * field(x)) - momenta(x - h * field(x))) / (2 * h)


def by_einsum(L, field, x):
    J = mechanics.jacobian(mechanics.conjugate_momentum(L))(x)
    return torch.einsum("...ij,...j->...i", J, field(x))


def euler_lagrange(L, field, x):
    n = x.shape[-1] // 2
    return torch.cat([x[..., n:], mechanics.gradient(L)(x)[..., :n]], dim=-1)


def mass_alone(L, field, x):
    n = x.shape[-1] // 2
    A = mechanics.jacobian(mechanics.conjugate_momentum(L))(x)[..., n:, n:]
    speed, acceleration = field(x).chunk(2, dim=-1)
    return torch.cat([speed, (A @ acceleration.unsqueeze(-1)).squeeze(-1)], dim=-1)


RATES = Case(
    check.canonical_rates,
    canonical_rates,
    {"jacobian": by_jacobian, "differences": by_differences, "einsum": by_einsum},
    {
        "Euler-Lagrange": (euler_lagrange, "true only of a motion that obeys"),
        "accelerations": (lambda L, f, x: f(x), "The second half should be ṗ"),
        "momenta": (lambda L, f, x: mechanics.conjugate_momentum(L)(x), "Asked for are their"),
        "the mass matrix alone": (mass_alone, "∂p/∂q · q̇ is missing"),
        "p for the first half": (
            lambda L, f, x: torch.cat(
                [
                    mechanics.gradient(L)(x).chunk(2, -1)[1],
                    canonical_rates(L, f, x).chunk(2, -1)[1],
                ],
                dim=-1,
            ),
            "The first half is p",
        ),
        "halves exchanged": (
            lambda L, f, x: canonical_rates(L, f, x).roll(x.shape[-1] // 2, -1),
            "exchanged",
        ),
        "the pendulum's mass": (
            lambda L, f, x: pack(f(x)[..., 0], 0.7 * 1.6**2 * f(x)[..., 1]),
            "the pendulum's m l²",
        ),
        "wrong sign": (lambda *a: -canonical_rates(*a), "not against it"),
        "transposed": (
            lambda L, f, x: (
                mechanics.jacobian(mechanics.conjugate_momentum(L))(x).mT @ f(x).unsqueeze(-1)
            ).squeeze(-1),
            "",
        ),
        "value of jvp": (
            lambda L, f, x: torch.func.jvp(mechanics.conjugate_momentum(L), (x,), (f(x),))[0],
            "Asked for are their rates",
        ),
        "both of jvp": (
            lambda L, f, x: torch.func.jvp(mechanics.conjugate_momentum(L), (x,), (f(x),)),
            "shape",
        ),
        "along x": (
            lambda L, f, x: torch.func.jvp(mechanics.conjugate_momentum(L), (x,), (x,))[1],
            "This is [q, p]",
        ),
        "rates alone": (
            lambda L, f, x: canonical_rates(L, f, x).chunk(2, -1)[1],
            "shape",
        ),
        "no direction": (
            lambda L, f, x: torch.func.jvp(mechanics.conjugate_momentum(L), (x,), (f,))[1],
            "raised",
        ),
        "matrix times row": (
            lambda L, f, x: mechanics.jacobian(mechanics.conjugate_momentum(L))(x) @ f(x),
            "",
        ),
    },
)

# 4

ERRORS = {1.0: [0.105, 0.112, 0.098], 2.0: [0.028, 0.030, 0.0265], 4.0: [0.0071, 0.0074, 0.0066]}


def changed(change):
    return {light: [change(light, error) for error in row] for light, row in ERRORS.items()}


MISLED = Case(
    check.misled,
    ERRORS,
    {
        "a tensor each": {light: torch.tensor(row) for light, row in ERRORS.items()},
        "five seeds": {light: [*row, row[0] * 1.1, row[1] * 0.9] for light, row in ERRORS.items()},
        "by seed": {light: dict(enumerate(row)) for light, row in ERRORS.items()},
    },
    {
        "squares": (changed(lambda _, error: error**2), "take the root"),
        "per cent": (changed(lambda _, error: error * 100), "per cents"),
        "twice": (changed(lambda _, error: error * 2), "twice the right one"),
        "one seed": ({light: row[:1] for light, row in ERRORS.items()}, "at least 3"),
        "same seed": ({light: row[:1] * 3 for light, row in ERRORS.items()}, "pass `seed` on"),
        "other order": (dict(zip(ERRORS, reversed(ERRORS.values()), strict=True)), "right order"),
        "logarithms": (changed(lambda _, error: math.log(error)), "zero or negative"),
        "inverse": (changed(lambda _, error: 1 / error), "the inverse ratios"),
        "not divided": (changed(lambda light, error: error * 0.37), "over the norm of the true"),
        "right momenta": (changed(lambda light, e: 1e-6 / light + 1e-9 * e), "with the right "),
        "untrained": (changed(lambda light, e: 1 + e / 9 + light / 30), "learned nothing"),
        "one untrained": (ERRORS | {2.0: [0.028, 0.9, 0.027]}, "was the network trained?"),
    },
    blank=dict.fromkeys(check.LIGHTS, ...),
)

# 5

WORDS = {case: model for case, (model, *_) in check.CASES.items()}

MODELS = Case(
    check.models,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "lower case": {case: word.lower() for case, word in WORDS.items()},
    },
    {
        "an HNN for the arm": (WORDS | {"robot arm": "HNN"}, "Is the momentum of a joint known?"),
        "a dissipative HNN for the pump": (
            WORDS | {"pumped swing": "dissipative HNN"},
            "Does the energy only fall?",
        ),
        "an LNN for the swing": (WORDS | {"still swing": "LNN"}, "7 of 8 are right"),
        "each word once": (
            dict(zip(WORDS, [*check.MODELS, "HNN", "LNN"], strict=True)),
            "of 8 are right",
        ),
        "all the same": (dict.fromkeys(WORDS, "MLP"), "1 of 8 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.MODELS,
)

# 6

VALUES, SEEDS = [0.0, 0.05, 0.2], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="noise", prediction="HNN"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()
HNN, SECOND = check.RIVALS


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


PAYS = Case(
    check.pays,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "motions": experiment([2, 10, 20], varied="motions"),
        "other seeds": experiment(seeds=[7, 3, 2, 1, 0]),
        "rounded": duel_tools.rounded(check.DUEL, STUDY),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.05), "three settings or more"),
        "narrow": (
            experiment([0.05, 0.1, 0.15]),
            "a wide range",
        ),
        "all the same answer": (experiment([0.05, 0.1, 0.2]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "HNN")},
            "At noise = 0 the HNN has the smaller error for",
        ),
        "models exchanged": (
            STUDY | {HNN: STUDY[SECOND], SECOND: STUDY[HNN]},
            "are those of the second-order network",
        ),
        "settings exchanged": (
            STUDY | {HNN: STUDY[HNN] | {0.05: STUDY[HNN][0.2]}},
            "are those of 0.2",
        ),
        "sorted": (with_row(HNN, 0.2, sorted(STUDY[HNN][0.2])), "in another order than the seeds"),
        "too few errors": (with_row(HNN, 0.2, STUDY[HNN][0.2][:4]), "has 4 errors for 5 seeds"),
        "invented": (with_row(SECOND, 0.2, [0.1] * 5), "are not what `check.measure` gives"),
        "roots": (
            with_row(HNN, 0.2, [e**0.5 for e in STUDY[HNN][0.2]]),
            "are the roots of the right ones",
        ),
        "no list": (with_row(HNN, 0.2, 0.01), "one error for each seed"),
        "too noisy": (STUDY | {"values": [0.0, 0.05, 0.9]}, "is outside 0 to 0.3"),
        "half a motion": (
            STUDY | {"varied": "motions", "values": [2.5, 8, 20]},
            "whole numbers",
        ),
        "another thing": (STUDY | {"varied": "length"}, "choose one of: 'noise', 'motions'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.0: "LNN"}},
            "choose one of: 'HNN'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.0: "HNN"}}, "has no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (LAGRANGIAN, DEFECT, RATES, MISLED, MODELS, PAYS)
    demanding = True


def test_a_lagrangian_without_time_is_told_where_it_breaks():
    assert "without time in it" in check.lagrangian(without_time).message
    assert "depend on time" in check.lagrangian(lagrangian).message


def test_the_errors_of_exercise_4_are_what_its_code_gives():
    """The medians that the check knows are those of the notebook's code."""
    from hnn_tutorial.models import HNN
    from hnn_tutorial.systems import RelativisticParticle
    from hnn_tutorial.training import LevenbergMarquardt, fit

    found = {}
    for c in check.LIGHTS:
        found[c] = []
        for seed in range(5, 8):
            particle = RelativisticParticle(speed_of_light=c)
            generator = torch.Generator().manual_seed(seed)
            x = 1.6 * torch.rand(150, 2, generator=generator, dtype=torch.float64) - 0.8
            dx = particle.non_canonical_field(x)
            model = HNN(1, (6, 6), seed=seed)
            fit(model, {"states": x, "derivatives": dx}, LevenbergMarquardt(steps=25),
                progress=False)  # fmt: skip
            with torch.no_grad():
                found[c].append(((model.field(x) - dx).norm() / dx.norm()).item())
    assert check.misled(found)


def test_no_word_is_found_by_elimination():
    """Some words are the answer twice, so the last one does not follow from the others."""
    given = list(WORDS.values())
    assert len(given) > len(set(given))


def test_the_instrument_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("LNN")
