"""The checks of "Other brackets": right answers pass, wrong ones get their message."""

import duel_tools
import numpy as np
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import brackets as check

# 1


def casimir(x, a, b, c):
    logs = torch.log(x)
    return c * logs[..., 0] + b * logs[..., 1] + a * logs[..., 2]


def by_product(x, a, b, c):
    return torch.log(x[..., 0] ** c * x[..., 1] ** b * x[..., 2] ** a)


def by_matrix(x, a, b, c):
    return x.log() @ torch.tensor([c, b, a], dtype=x.dtype)


def by_null_space(x, a, b, c):
    A = torch.tensor([[0, -a, b], [a, 0, -c], [-b, c, 0]], dtype=x.dtype)
    w = torch.linalg.svd(A).Vh[-1]
    return (x.log() * w / w[2] * a).sum(-1)


def weighed(weights):
    return lambda x, a, b, c: sum(w * torch.log(x[..., i]) for i, w in enumerate(weights(a, b, c)))


CASIMIR = Case(
    check.casimir,
    casimir,
    {"by product": by_product, "by matrix": by_matrix, "by null space": by_null_space},
    {
        "fair": (lambda x, a, b, c: x.log().sum(-1), "the Casimir of the fair game"),
        "in order": (weighed(lambda a, b, c: (a, b, c)), "at the wrong strategies"),
        "turned": (weighed(lambda a, b, c: (b, c, a)), "at the wrong strategies"),
        "a sign": (weighed(lambda a, b, c: (c, -b, a)), "second row of A w"),
        "inverse": (weighed(lambda a, b, c: (1 / c, 1 / b, 1 / a)), "the inverse stakes"),
        "no logarithms": (
            lambda x, a, b, c: c * x[..., 0] + b * x[..., 1] + a * x[..., 2],
            "the logarithms are missing",
        ),
        "exponential": (lambda *args: casimir(*args).exp(), "This is conserved too"),
        "the sum": (lambda x, a, b, c: x.sum(-1), "plays the part of H"),
        "twice": (lambda *args: 2 * casimir(*args), "times the right one"),
        "no weights": (weighed(lambda a, b, c: (c, b, 0.0)), "This is not the Casimir"),
        "ten": (lambda *args: casimir(*args) / np.log(10), ""),
        "gradient": (
            lambda x, a, b, c: torch.stack([c / x[..., 0], b / x[..., 1], a / x[..., 2]], -1),
            "shape",
        ),
        "each": (lambda x, a, b, c: x.log() * torch.tensor([c, b, a]), "shape"),
        "summed over the batch": (lambda *args: casimir(*args).sum(), "shape"),
        "first index": (
            lambda x, a, b, c: c * x[0].log() + b * x[1].log() + a * x[2].log(),
            "shape",
        ),
        "math.log": (lambda x, a, b, c: c * np.math.log(x[0]), "raised"),
        "no stakes": (lambda x: x.log().sum(-1), "could not be called"),
        "too many": (lambda x, a, b, c: x[..., 3].log(), "raised"),
    },
    spared={"q and p swapped": "three shares are no pair, and are left as they are"},
)

# 2


def in_coordinates(bracket, jacobian):
    return jacobian @ bracket @ jacobian.mT


def by_einsum(bracket, jacobian):
    return torch.einsum("...ik,...kl,...jl->...ij", jacobian, bracket, jacobian)


def by_matmul(bracket, jacobian):
    return torch.matmul(jacobian, torch.matmul(bracket, jacobian.transpose(-2, -1)))


def by_transposes(bracket, jacobian):
    return (jacobian @ (jacobian @ bracket).mT).mT


COORDINATES = Case(
    check.in_coordinates,
    in_coordinates,
    {"einsum": by_einsum, "matmul": by_matmul, "transposed twice": by_transposes},
    {
        "wrong side": (lambda B, J: J.mT @ B @ J, "The transpose stands on the wrong side"),
        "inverse": (lambda B, J: J @ B @ J.inverse(), "not the inverse"),
        "back": (lambda B, J: J.inverse() @ B @ J.inverse().mT, "the change back"),
        "rate only": (lambda B, J: J @ B, "Only the rate is changed"),
        "gradient only": (lambda B, J: B @ J.mT, "Only the gradient is changed"),
        "not transposed": (lambda B, J: J @ B @ J, "The right factor is not transposed"),
        "entries": (lambda B, J: J * B * J.mT, "entry by entry"),
        "transposed": (lambda B, J: J @ B.mT @ J.mT, "sign is reversed"),
        "as it was": (lambda B, J: B, "not the bracket in the new coordinates"),
        "square of J": (lambda B, J: J @ J.mT, "not the bracket in the new coordinates"),
        "rows for columns": (lambda B, J: J @ B @ J.transpose(0, 1), "raised"),
        "determinant": (lambda B, J: torch.linalg.det(J)[..., None, None] * B, ""),
        "flat": (lambda B, J: (J @ B @ J.mT).flatten(-2), "shape"),
        "first only": (lambda B, J: (J @ B @ J.mT)[0], "shape"),
        "three by three": (
            lambda B, J: (J @ B @ J.mT).reshape(*B.shape[:-2], 3, 3),
            "raised",
        ),
        "a vector": (lambda B, J: (J @ B).sum(-1), "shape"),
        "no batch": (lambda B, J: torch.mm(torch.mm(J, B), J.T), "raised"),
        "solve": (lambda B, J: torch.linalg.solve(J, B), ""),
    },
    spared={"q and p swapped": "matrices are no states, and are left as they are"},
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}

KEPT = Case(
    check.kept,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "training is needed": (WORDS | {"untrained": "neither"}, "Do the two proofs ask"),
        "the true energy": (WORDS | {"another body": "Casimir"}, "Which of its own energy"),
        "learned Casimir": (WORDS | {"learned bracket": "both"}, "What makes a learned"),
        "all friction": (WORDS | {"friction across": "neither"}, "ever along x"),
        "steered": (WORDS | {"steered": "neither"}, "the sum of two Hamiltonians"),
        "steps": (WORDS | {"long explicit steps": "both"}, "Does a straight step"),
        "all the same": (dict.fromkeys(WORDS, "both"), "2 of 8 are right"),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.KEPT,
)

# 4


def balance(slope, friction, port, u):
    drag = (friction @ slope.unsqueeze(-1)).squeeze(-1)
    lost = (slope * drag).sum(-1)
    supplied = ((slope @ port) * u).sum(-1)
    return torch.stack([lost, supplied], dim=-1)


def einsums(slope, friction, port, u):
    lost = torch.einsum("...i,...ij,...j->...", slope, friction, slope)
    return torch.stack([lost, torch.einsum("...i,ik,...k->...", slope, port, u)], -1)


def by_column(slope, friction, port, u):
    column = slope.unsqueeze(-1)
    lost = column.mT @ friction @ column
    supplied = column.mT @ port @ u.unsqueeze(-1)
    return torch.cat([lost, supplied], -1).squeeze(-2)


def by_force(slope, friction, port, u):
    force = (port @ u.unsqueeze(-1)).squeeze(-1)
    drag = torch.matmul(friction, slope[..., None])[..., 0]
    return torch.stack([torch.sum(slope * drag, -1), torch.sum(slope * force, -1)], -1)


def changed(how):
    return lambda *args: how(balance(*args))


BALANCE = Case(
    check.balance,
    balance,
    {"einsum": einsums, "columns": by_column, "by force": by_force},
    {
        "sign of the loss": (
            changed(lambda v: v * torch.tensor([-1.0, 1])),
            "The loss has the wrong sign",
        ),
        "exchanged": (changed(lambda v: v.flip(-1)), "Loss and supply are exchanged"),
        "no friction matrix": (
            lambda s, R, b, u: torch.stack([(s * s).sum(-1), balance(s, R, b, u)[..., 1]], -1),
            "The friction matrix is missing",
        ),
        "R ∇H": (
            lambda s, R, b, u: torch.stack(
                [(R @ s[..., None]).sum((-2, -1)), balance(s, R, b, u)[..., 1]], -1
            ),
            "The power is its product with",
        ),
        "no input": (
            lambda s, R, b, u: balance(s, R, b, torch.ones_like(u)),
            "The power is y times the input",
        ),
        "rate": (
            changed(lambda v: torch.stack([v[..., 0], v[..., 1] - v[..., 0]], -1)),
            "before the losses",
        ),
        "half": (changed(lambda v: v * torch.tensor([0.5, 1])), "The loss is halved"),
        "first input": (
            lambda s, R, b, u: balance(s, R, b[:, :1], u[..., :1]),
            "These are not the two powers",
        ),
        "one number": (changed(lambda v: v[..., 1] - v[..., 0]), "shape"),
        "first axis": (changed(lambda v: torch.movedim(v, -1, 0)), "shape"),
        "each input": (lambda s, R, b, u: (s @ b) * u, "These are not the two powers"),
        "diagonal": (
            lambda s, R, b, u: torch.stack(
                [
                    (s**2 * R.diagonal(dim1=-2, dim2=-1)).sum(-1),
                    balance(s, R, b, u)[..., 1],
                ],
                -1,
            ),
            "These are not the two powers",
        ),
        "no batch": (lambda s, R, b, u: torch.stack([s @ R @ s, s @ b @ u]), "raised"),
        "port and u": (lambda s, R, b, u: b @ u, "raised"),
        "port transposed": (lambda s, R, b, u: balance(s, R, b.T, u), "raised"),
        "summed over the batch": (changed(lambda v: v.sum(0)), "shape"),
    },
)

# 5

VALUES, SEEDS = [0.2, 0.6, 1.2], list(range(5))


def experiment(values=VALUES, seeds=SEEDS, varied="saturation", prediction="free MLP"):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()
KNOWN, FREE = check.RIVALS


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


PORT = Case(
    check.port,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "states": experiment([20, 80, 320], varied="states"),
        "other seeds": experiment(seeds=[7, 3, 2, 1, 0]),
        "rounded": duel_tools.rounded(check.DUEL, STUDY),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
        "arrays": duel_tools.arrays(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 0.6), "three settings or more"),
        "narrow and all the same": (experiment([0.9, 1.0, 1.1]), "a wide range"),
        "all the same answer": (experiment([0.0, 0.05, 0.1]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, "free MLP")},
            "At saturation = 0.2 the known port has the smaller error for",
        ),
        "models exchanged": (
            STUDY | {KNOWN: STUDY[FREE], FREE: STUDY[KNOWN]},
            "are those of the",
        ),
        "settings exchanged": (with_row(KNOWN, 1.2, STUDY[KNOWN][0.2]), "are those of 0.2"),
        "too few errors": (with_row(FREE, 1.2, STUDY[FREE][1.2][:4]), "has 4 errors for 5 seeds"),
        "invented": (with_row(FREE, 0.2, [0.5] * 5), "are not what `check.measure` gives"),
        "squares": (
            with_row(KNOWN, 1.2, [e**2 for e in STUDY[KNOWN][1.2]]),
            "are the squares of the right ones",
        ),
        "percentages": (
            with_row(KNOWN, 1.2, [100 * e for e in STUDY[KNOWN][1.2]]),
            "are percentages",
        ),
        "no list": (with_row(FREE, 0.2, 0.01), "one error for each seed"),
        "too strong": (STUDY | {"values": [0.2, 0.6, 9]}, "is outside 0 to 4"),
        "half a state": (STUDY | {"varied": "states", "values": [20.5, 80, 320]}, "whole numbers"),
        "another thing": (STUDY | {"varied": "noise"}, "choose one of: 'saturation', 'states'"),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {0.6: "HNN"}},
            "choose one of: 'known port'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {0.2: "free MLP"}}, "no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (CASIMIR, COORDINATES, KEPT, BALANCE, PORT)


def test_the_error_of_a_false_port_is_what_the_port_leaves_out():
    """With many states it is the part of the torque that u does not give, over the field."""
    u = torch.linspace(-1, 1, 2001, dtype=torch.float64)
    torque = torch.tanh(4 * u) / 4
    # The free network of the state takes off what is the same for all inputs: nothing, by symmetry.
    left_out = (u - torque).square().mean()
    # The field: p²'s mean, and that of (sin q + 0.15 p)², with p in ±2.2 and q in ±π.
    field = 2.2**2 / 3 * (1 + 0.15**2) + 0.5 + torque.square().mean()
    error = check.measure("known port", saturation=4.0, states=400)
    assert error == pytest.approx(float((left_out / field).sqrt()), rel=0.1)


def test_the_instrument_refuses_an_unknown_model():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("LNN")
