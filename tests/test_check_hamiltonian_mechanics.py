"""The checks of "Hamiltonian mechanics": right answers pass, wrong ones get their message."""

from math import exp, log

import pytest
import torch
from check_tools import Case, ChapterChecks, autograd, pack

from hnn_tutorial.check import hamiltonian_mechanics as check
from hnn_tutorial.check.what_does_not_change import predator_prey
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import divergence, gradient, hamiltonian_field, symplectic_form
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import DampedPendulum, MassSpring, Pendulum

# 1


def magnetic(x, m, B):
    q1, q2, p1, p2 = x.unbind(-1)
    v1, v2 = (p1 + B * q2 / 2) / m, (p2 - B * q1 / 2) / m
    return pack(v1, v2, B * v2 / 2, -B * v1 / 2)


def magnetic_matrix(x, m, B):
    A = [
        [0, B / 2, 1, 0],
        [-B / 2, 0, 0, 1],
        [-(B**2) / 4, 0, 0, B / 2],
        [0, -(B**2) / 4, -B / 2, 0],
    ]
    return x @ torch.tensor(A, dtype=x.dtype).T / m


def velocities(x, m, B):
    return magnetic(x, m, B)[..., 0], magnetic(x, m, B)[..., 1]


def with_forces(first, second):
    """The right velocities, and these momenta's rates, as functions of v1, v2, B."""

    def field(x, m, B):
        v1, v2 = velocities(x, m, B)
        return pack(v1, v2, first(v1, v2, B), second(v1, v2, B))

    return field


MAGNETIC = Case(
    check.magnetic_field,
    magnetic,
    {
        "matrix": magnetic_matrix,
        "via H": lambda x, m, B: hamiltonian_field(lambda y: check.magnetic_hamiltonian(y, m, B))(
            x
        ),
        "halves": lambda x, m, B: torch.cat(
            [
                torch.stack(velocities(x, m, B), -1),
                B / 2 * torch.stack([velocities(x, m, B)[1], -velocities(x, m, B)[0]], -1),
            ],
            -1,
        ),
    },
    {
        "wrong sign": (lambda x, m, B: -magnetic(x, m, B), "backwards in time"),
        "sign of dp/dt": (
            with_forces(lambda v1, v2, B: -B * v2 / 2, lambda v1, v2, B: B * v1 / 2),
            "dp/dt has the wrong sign",
        ),
        "sign of dp2/dt": (
            with_forces(lambda v1, v2, B: B * v2 / 2, lambda v1, v2, B: B * v1 / 2),
            "dp2/dt has the wrong sign",
        ),
        "sign of dp1/dt": (
            with_forces(lambda v1, v2, B: -B * v2 / 2, lambda v1, v2, B: -B * v1 / 2),
            "dp1/dt has the wrong sign",
        ),
        "p is m v": (
            lambda x, m, B: torch.cat([x[..., 2:] / m, magnetic(x, m, B)[..., 2:]], -1),
            "and that is not p/m here",
        ),
        "free": (
            lambda x, m, B: torch.cat([x[..., 2:] / m, 0 * x[..., 2:]], -1),
            "This is a free particle",
        ),
        "no potential, no force": (
            lambda x, m, B: torch.cat([magnetic(x, m, B)[..., :2], 0 * x[..., 2:]], -1),
            "H depends on q through the magnetic terms",
        ),
        "Lorentz's force": (
            with_forces(lambda v1, v2, B: B * v2, lambda v1, v2, B: -B * v1),
            "This is the force, m times the acceleration",
        ),
        "no mass": (lambda x, m, B: m * magnetic(x, m, B), "The mass is missing"),
        "half": (lambda x, m, B: magnetic(x, m, B) / 2, "Half of the right field"),
        "q and p swapped": (lambda x, m, B: magnetic(x.roll(2, -1), m, B), "are exchanged"),
        "interleaved": (
            lambda x, m, B: magnetic(x, m, B)[..., [0, 2, 1, 3]],
            "in the order [q1, p1, q2, p2]",
        ),
        "gradient": (
            lambda x, m, B: gradient(lambda y: check.magnetic_hamiltonian(y, m, B))(x),
            "This is the gradient",
        ),
        "two components": (lambda x, m, B: magnetic(x, m, B)[..., :2], "it holds [q, p]"),
        "one batch axis only": (
            lambda x, m, B: torch.stack([magnetic(x, m, B)[:, i] for i in range(4)], dim=1),
            "too many indices",
        ),
    },
)


# 2


def bracket(F, G, x):
    dF_dq, dF_dp = gradient(F)(x).chunk(2, dim=-1)
    dG_dq, dG_dp = gradient(G)(x).chunk(2, dim=-1)
    return (dF_dq * dG_dp - dF_dp * dG_dq).sum(-1)


def bracket_by_autograd(F, G, x):
    x = x if x.requires_grad else x.detach().requires_grad_()
    halves = [
        torch.autograd.grad(f(x).sum(), x, create_graph=True)[0].chunk(2, dim=-1) for f in (F, G)
    ]
    (dF_dq, dF_dp), (dG_dq, dG_dp) = halves
    return (dF_dq * dG_dp - dF_dp * dG_dq).sum(-1)


def bracket_by_backward(F, G, x):
    x = x.detach().requires_grad_()
    F(x).sum().backward()
    dF = x.grad.clone()
    x.grad = None
    G(x).sum().backward()
    return bracket_of_gradients(dF, x.grad)


def bracket_by_flow(F, G, x):
    return torch.func.jvp(F, (x,), (hamiltonian_field(G)(x),))[1]


def bracket_of_gradients(dF, dG):
    (a, b), (c, d) = dF.chunk(2, dim=-1), dG.chunk(2, dim=-1)
    return (a * d - b * c).sum(-1)


def terms(F, G, x):
    return (*gradient(F)(x).chunk(2, dim=-1), *gradient(G)(x).chunk(2, dim=-1))


def bracket_of(change):
    """A wrong bracket, from a function of ∂F/∂q, ∂F/∂p, ∂G/∂q, ∂G/∂p."""
    return lambda F, G, x: change(*terms(F, G, x))


BRACKET = Case(
    check.poisson_bracket,
    bracket,
    {
        "autograd": bracket_by_autograd,
        "rate of F along S_G": bracket_by_flow,
        "with the matrix": lambda F, G, x: torch.einsum(
            "...i,ij,...j->...",
            gradient(F)(x),
            symplectic_form(x.shape[-1] // 2, dtype=x.dtype, device=x.device),
            gradient(G)(x),
        ),
    },
    {
        "wrong sign": (lambda F, G, x: -bracket(F, G, x), "this is {G, F}"),
        "plus": (bracket_of(lambda a, b, c, d: (a * d + b * c).sum(-1)), "carries a minus"),
        "first term": (bracket_of(lambda a, b, c, d: (a * d).sum(-1)), "Only the first term"),
        "scalar product": (
            bracket_of(lambda a, b, c, d: (a * c + b * d).sum(-1)),
            "This is ∇F · ∇G",
        ),
        "first degree only": (
            bracket_of(lambda a, b, c, d: (a * d - b * c)[..., 0]),
            "Only the first degree of freedom",
        ),
        "components 0 and 1": (
            lambda F, G, x: (
                gradient(F)(x)[..., 0] * gradient(G)(x)[..., 1]
                - gradient(F)(x)[..., 1] * gradient(G)(x)[..., 0]
            ),
            "split the gradients into halves",
        ),
        "mean": (bracket_of(lambda a, b, c, d: (a * d - b * c).mean(-1)), "the bracket is a sum"),
        "mean of the batch": (
            lambda F, G, x: bracket(F, lambda y: G(y) / len(y), x),
            "differentiate the sum",
        ),
        "q and p swapped": (
            lambda F, G, x: bracket(F, G, x.roll(x.shape[-1] // 2, -1)),
            "q and p are exchanged",
        ),
        "not summed": (
            bracket_of(lambda a, b, c, d: a * d - b * c),
            "for this input it should be (6,)",
        ),
        "two degrees only": (
            lambda F, G, x: sum(
                (a * d - b * c)[..., i] for a, b, c, d in [terms(F, G, x)] for i in (0, 1)
            ),
            "index 1 is out of bounds",
        ),
        "detached": (
            lambda F, G, x: bracket_of_gradients(autograd(F, x).detach(), autograd(G, x).detach()),
            "The result is not connected to what it is differentiated by",
        ),
        "detached inside torch.func": (
            lambda F, G, x: bracket(F, G, x).detach(),
            "a bracket of a bracket comes out zero",
        ),
        "something else": (lambda F, G, x: F(x) * G(x), "This is not {F, G}. At x = ["),
        "the inner detach of other hints": (
            lambda F, G, x: bracket_of_gradients(autograd(F, x), autograd(G, x)),
            "{F, {G, H}} is not",
        ),
        "its reason": (
            lambda F, G, x: bracket_of_gradients(autograd(F, x), autograd(G, x)),
            "the inner `x.detach().requires_grad_()` that cuts the nest",
        ),
        "a tuple not unpacked": (
            lambda F, G, x: bracket_of_gradients(
                torch.autograd.grad(F(y := x.requires_grad_()).sum(), y), gradient(G)(x)
            ),
            "tuple",
        ),
        "a tuple indexed": (
            lambda F, G, x: (
                torch.autograd.grad(F(y := x.requires_grad_()).sum(), y)[..., :2]
                * gradient(G)(x)[..., 2:]
            ).sum(-1),
            "`torch.autograd.grad` returns a tuple",
        ),
        "gradients added up": (bracket_by_backward, "{F, {G, H}} is not"),
    },
    gradients=True,
)


# 3


def omega(J):
    return symplectic_form(J.shape[-1] // 2, dtype=J.dtype, device=J.device)


def largest(M):
    return M.abs().amax(dim=(-2, -1))


def defect_by_hand(J):
    n = J.shape[-1] // 2
    rows, columns = J[..., :n, :], J[..., n:, :]
    M = rows.transpose(-2, -1) @ columns
    return largest(M - M.transpose(-2, -1) - omega(J))


DEFECT = Case(
    check.symplectic_defect,
    lambda J: largest(J.mT @ omega(J) @ J - omega(J)),
    {
        "by halves": defect_by_hand,
        "einsum": lambda J: largest(
            torch.einsum("...ki,kl,...lj->...ij", J, omega(J), J) - omega(J)
        ),
        "flattened": lambda J: (
            (J.mT @ omega(J) @ J - omega(J)).flatten(-2).norm(p=float("inf"), dim=-1)
        ),
    },
    {
        "wrong sign": (
            lambda J: -largest(J.mT @ omega(J) @ J - omega(J)),
            "the largest *absolute*",
        ),
        "determinant": (lambda J: (torch.linalg.det(J) - 1).abs(), "it tests the volume"),
        "determinant with its sign": (lambda J: torch.linalg.det(J) - 1, "This is det J - 1"),
        "root of squares": (
            lambda J: (J.mT @ omega(J) @ J - omega(J)).norm(dim=(-2, -1)),
            "wanted is the largest entry",
        ),
        "no Ω": (lambda J: largest(J.mT @ J - torch.eye(J.shape[-1])), "whether J is a rotation"),
        "transposed": (lambda J: largest(J @ omega(J) @ J.mT - omega(J)), "are exchanged: JᵀΩJ"),
        "not subtracted": (lambda J: largest(J.mT @ omega(J) @ J), "Ω was not subtracted"),
        "added": (lambda J: largest(J.mT @ omega(J) @ J + omega(J)), "Ω was added"),
        "no transpose": (lambda J: largest(J @ omega(J) @ J - omega(J)), "has to be transposed"),
        "no minus": (
            lambda J: largest(J.mT @ omega(J).abs() @ J - omega(J).abs()),
            "One half of Ω carries a minus",
        ),
        "interleaved": (
            lambda J: (lambda w: largest(J.mT @ w @ J - w))(
                torch.block_diag(*[omega(J[..., :2])] * (J.shape[-1] // 2))
            ),
            "This Ω is for states [q1, p1, q2, p2]",
        ),
        "mean": (
            lambda J: (J.mT @ omega(J) @ J - omega(J)).mean(dim=(-2, -1)).abs(),
            "The mean can cancel",
        ),
        "over the batch": (
            lambda J: (J.mT @ omega(J) @ J - omega(J)).abs().max(),
            "keep the batch axes",
        ),
        "J.T": (
            lambda J: largest(J.T @ omega(J) @ J - omega(J)),
            "Your code raised `RuntimeError`",
        ),
        "something else": (lambda J: largest(J), "This is not the largest entry of"),
    },
    equivalent={
        "largest: return M.amax": "the matrix is antisymmetric, so its largest entry is positive",
        "return -symplectic_form": "both signs of Ω give the same size",
    },
)


# 4

INERTIA = 1.575


def rates(function, spread=1e-4):
    return {c: [function(c) + spread * k for k in (-1, 0, 1)] for c in check.DAMPINGS}


AREAS = Case(
    check.area_rates,
    rates(lambda c: -c / INERTIA),
    {
        "tensors": {c: torch.tensor(row) for c, row in rates(lambda c: -c / INERTIA).items()},
        "tuples of four": {c: (-c / INERTIA,) * 4 for c in check.DAMPINGS},
    },
    {
        "wrong sign": (rates(lambda c: c / INERTIA), "The area seems to grow"),
        "unit inertia": (rates(lambda c: -c), "That is the answer for m l² = 1"),
        "length": (rates(lambda c: -c / (2 * INERTIA)), "An area is a size times a size"),
        "log10": (rates(lambda c: -c / INERTIA / log(10)), "`log10` in place of the natural"),
        "log10, not divided": (
            rates(lambda c: -10 * c / INERTIA / log(10), 1e-5),
            "and not divided by the time",
        ),
        "twice": (rates(lambda c: -2 * c / INERTIA), "2 times the right one"),
        "ratios": (rates(lambda c: exp(-10 * c / INERTIA)), "These are the ratios of the areas"),
        "divided by m": (rates(lambda c: -c / 0.7), "times the right one"),
        "not divided by the time": (rates(lambda c: -10 * c / INERTIA), "divide by the time"),
        "not without friction": (rates(lambda c: -c / INERTIA - 0.02), "Without friction the area"),
        "the energy's rates": (
            {c: [-f * c / INERTIA for f in (0.7, 1.0, 1.3)] for c in check.DAMPINGS},
            "they should be the same for every cloud",
        ),
        "one value": ({c: [1.0] for c in check.DAMPINGS}, "at least 3 of them"),
        "strings": ({c: ["1"] * 3 for c in check.DAMPINGS}, "should be one number"),
    },
    blank=dict.fromkeys(check.DAMPINGS, ...),
    equivalent={
        f"[0.0] {change}": "without friction the rates are zero, but for errors"
        for change in ("times 2", "times 1/2", "times -1", "times 10", "squared")
    },
)


# 5

WORDS = {motion: word for motion, (word, _) in check.KEEPS.items()}
KEPT = Case(
    check.what_is_kept,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "copied": {key: str(value) for key, value in WORDS.items()},
    },
    {
        "friction": (
            WORDS | {"a pendulum with friction": "volume"},
            "7 of 8 are right.\n`a pendulum with friction`: not 'volume'. Where do all",
        ),
        "magnet": (WORDS | {"a charge in a magnetic field": "volume"}, "a question of reversib"),
        "network": (
            WORDS | {"the symplectic gradient of a network with random weights": "neither"},
            "What did the proofs use of H?",
        ),
        "open": (WORDS | {"a pendulum": ...}, "has no answer yet for ['a pendulum']"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=tuple(check.ANSWERS),
)


# 6


TYPES = ["area only", "reversible only", "both", "neither"]


def boxes_study(x, **changes):
    """A study of the four boxes at these states."""
    x = torch.as_tensor(x, dtype=torch.float64)
    return {
        "prediction": "always together",
        "states": x.tolist(),
        "divergence": [divergence(f)(x).tolist() for f in check.BOXES.values()],
        "reversal": [check.reversal(f, x).tolist() for f in check.BOXES.values()],
        "kinds": list(TYPES),
        "conclusion": "independent",
    } | changes


def spread_states(count=12, seed=0, size=1.8):
    generator = torch.Generator().manual_seed(seed)
    wide = size * (2 * torch.rand(count, 2, generator=generator, dtype=torch.float64) - 1)
    return torch.cat([wide, torch.tensor([[0.1, -0.05]], dtype=torch.float64)])


POINTS = spread_states()
BOX_STUDY = boxes_study(POINTS)
REVERSAL, DIVERGENCE = BOX_STUDY["reversal"], BOX_STUDY["divergence"]
MESH = torch.cartesian_prod(*[torch.linspace(-1.5, 1.5, 7, dtype=torch.float64)] * 2)

BOXES = Case(
    check.boxes,
    BOX_STUDY,
    {
        "another prediction": BOX_STUDY | {"prediction": "independent"},
        "other states": boxes_study(spread_states(30, seed=1)),
        "a mesh": boxes_study(MESH),
        "arrays": BOX_STUDY | {"states": POINTS.numpy()},
        "capitals": BOX_STUDY | {"conclusion": "Independent"},
    },
    {
        "signs": (
            BOX_STUDY | {"divergence": [[-v for v in row] for row in DIVERGENCE]},
            "Box B: this is not the divergence at your states",
        ),
        "one box missing": (BOX_STUDY | {"divergence": DIVERGENCE[:3]}, "a row for each box"),
        "reversal of another box": (
            BOX_STUDY | {"reversal": [REVERSAL[2], *REVERSAL[1:]]},
            "Box A: this is not how far from home",
        ),
        "too few numbers": (
            BOX_STUDY | {"reversal": [row[:3] for row in REVERSAL]},
            "a column for each of your states",
        ),
        "few states": (boxes_study(POINTS[-5:]), "it lacks ten states or more"),
        "p positive": (
            boxes_study(torch.stack([POINTS[:, 0], POINTS[:, 1].abs()], -1)),
            "states with p above 0.3",
        ),
        "q positive": (
            boxes_study(torch.stack([POINTS[:, 0].abs(), POINTS[:, 1]], -1)),
            "states with q above",
        ),
        "no small state": (boxes_study(POINTS[:-1]), "small states"),
        "A both": (BOX_STUDY | {"kinds": ["both", *TYPES[1:]]}, "at box A"),
        "B neither": (
            BOX_STUDY | {"kinds": [TYPES[0], "neither", *TYPES[2:]]},
            "at box B",
        ),
        "two wrong": (BOX_STUDY | {"kinds": [*TYPES[:2], "neither", "both"]}, "at box C, D"),
        "the prediction kept": (
            BOX_STUDY | {"conclusion": "always together"},
            "a conclusion that the kinds support",
        ),
        "an unknown word": (BOX_STUDY | {"kinds": ["area", *TYPES[1:]]}, "choose one of"),
        "three words": (BOX_STUDY | {"kinds": TYPES[:3]}, "one for each box"),
        "far out": (BOX_STUDY | {"states": (3 * POINTS).tolist()}, "between -2 and 2"),
        "no states": (BOX_STUDY | {"states": [1.0, 2.0]}, "should hold states [q, p]"),
        "not a number": (
            BOX_STUDY | {"reversal": [[float("nan")] * len(POINTS)] * 4},
            "not a finite number",
        ),
    },
    blank=dict.fromkeys(BOX_STUDY, ...),
    words={"prediction": check.PREDICTIONS, "conclusion": check.PREDICTIONS},
    equivalent={
        "['prediction'] = ": "any prediction may be made",
        **{
            f"['reversal'][{i}] {change}": "zero but for rounding"
            for i in (1, 2)
            for change in ("times 2", "times 1/2", "times -1", "times 10", "squared")
        },
    },
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (MAGNETIC, BRACKET, DEFECT, AREAS, KEPT, BOXES)
    demanding = True


# --- the truth behind the checks -----------------------------------------------------------------

PARAMETERS = (1.1, 0.4, 0.6, 0.3)


def logarithmic(y):
    """Hares and foxes in the logarithms of their numbers."""
    x = y.exp()
    return predator_prey(x, *PARAMETERS) / x


def uneven(x):
    return (1 + x[..., :1] ** 2) * MassSpring().field(x)


def magnetic_charge(x):
    return magnetic(x, 1.0, 1.0)


def log_kept(y):
    a, b, c, d = PARAMETERS
    u, v = y[..., 0], y[..., 1]
    return d * u.exp() - c * u + b * v.exp() - a * v


NETWORK = HNN(1, hidden=(8, 8), seed=0)
FIELDS = {
    "a pendulum": (Pendulum().field, Pendulum().hamiltonian),
    "a pendulum with friction": (DampedPendulum().field, None),
    "a charge in a magnetic field": (
        magnetic_charge,
        lambda x: check.magnetic_hamiltonian(x, 1.0, 1.0),
    ),
    "the symplectic gradient of a network with random weights": (
        NETWORK.field,
        NETWORK.hamiltonian,
    ),
    "a spring whose field is multiplied by 1 + q²": (uneven, MassSpring().hamiltonian),
    "hares and foxes, in u and v": (
        lambda x: predator_prey(x, *PARAMETERS),
        lambda x: log_kept(x.log()),
    ),
    "hares and foxes, in ln u and ln v": (logarithmic, log_kept),
}


@pytest.mark.parametrize("motion", FIELDS)
def test_the_answers_of_exercise_5_are_true(motion):
    """A field without divergence keeps the volume; F is kept if ∇F · f = 0."""
    field, F = FIELDS[motion]
    size = 4 if motion == "a charge in a magnetic field" else 2
    generator = torch.Generator().manual_seed(0)
    x = 0.2 + torch.rand(200, size, generator=generator, dtype=torch.float64)
    volume = float(divergence(field)(x).abs().max()) < 1e-9
    function = F is not None and float((gradient(F)(x) * field(x)).sum(-1).abs().max()) < 1e-9
    if F is None:  # every motion ends in one point
        end = integrate(field, 0.5 * x[:5], torch.linspace(0, 300, 3001, dtype=torch.float64))[-1]
        assert float(end.norm(dim=-1).max()) < 1e-3
    words = {(True, True): "both", (True, False): "function", (False, True): "volume"}
    assert check.KEEPS[motion][0] == words.get((function, volume), "neither")


def test_the_driven_spring_comes_back_with_another_energy():
    """The answer "volume": no function of the state stays, but every area does."""
    times = torch.linspace(0, 60, 6001, dtype=torch.float64)

    def path(start):
        # Variation of constants for q̈ = -q + cos(√2 t): the motion is q₀(t) + (cos t - cos √2 t).
        free = MassSpring().solution(start, times)
        w = 2**0.5
        forced = torch.stack(
            [torch.cos(times) - torch.cos(w * times), w * torch.sin(w * times) - torch.sin(times)],
            dim=-1,
        )
        return free + forced.reshape(-1, *[1] * (start.ndim - 1), 2)

    motion = path(torch.tensor([1.0, 0.0], dtype=torch.float64))
    rate = torch.gradient(motion[:, 1], spacing=(times,))[0]
    force = -motion[:, 0] + torch.cos(2**0.5 * times)
    assert float((rate - force)[1:-1].abs().max()) < 1e-3, "it is the motion of the driven spring"
    energy = MassSpring().hamiltonian(motion)
    assert float(energy.max() / energy.min()) > 10
    assert check.KEEPS["a spring that is driven by a force cos(√2 t)"][0] == "volume"
    assert set(check.KEEPS) - set(FIELDS) == {"a spring that is driven by a force cos(√2 t)"}


def test_friction_eats_area_as_exercise_4_says():
    for damping in check.DAMPINGS:
        system = DampedPendulum(**check.PENDULUM, damping=damping)
        x = system.sample(20, seed=0)
        assert torch.allclose(
            divergence(system.field)(x), torch.tensor(-damping / INERTIA).double()
        )


def test_the_charge_of_exercise_1_turns_with_its_frequency():
    """From Hamilton's equations follows Lorentz's force: velocities turn at B/m."""
    m, B = 2.0, 3.0
    times = torch.linspace(0, 5, 501, dtype=torch.float64)
    start = torch.tensor([0.3, -0.2, 1.0, 0.4], dtype=torch.float64)
    path = integrate(lambda x: magnetic(x, m, B), start, times, "dop853")
    v1, v2 = velocities(path, m, B)
    turn = torch.polar(torch.ones_like(times), -B / m * times)
    assert torch.allclose(torch.complex(v1, v2), torch.complex(v1, v2)[0] * turn, atol=1e-6)
