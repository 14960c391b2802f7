"""The checks of "A wrong H is harmless": right answers pass, wrong ones get a message."""

import duel_tools
import pytest
import torch
from check_tools import Case, ChapterChecks

from hnn_tutorial.check import monte_carlo as check

# 1


def growth(omega, h):
    return 1 + (omega * h) ** 4 / 4


GROWTH = Case(
    check.growth,
    growth,
    {
        "parts": lambda w, h: (1 - (w * h) ** 2 / 2) ** 2 + (w * h) ** 2,
        "complex": lambda w, h: (1 + 1j * w * h - (w * h) ** 2 / 2).abs() ** 2,
        "determinant": lambda w, h: torch.stack(
            [
                torch.linalg.det(
                    torch.tensor(
                        [[1 - z**2 / 2, z], [-z, 1 - z**2 / 2]],
                        dtype=torch.float64,
                    )
                )
                for z in (w * h).tolist()
            ]
        ),
    },
    {
        "a length": (lambda w, h: growth(w, h) ** 0.5, "the factor of a length"),
        "sign": (lambda w, h: 2 - growth(w, h), "The sign of the last term"),
        "Euler": (lambda w, h: 1 + (w * h) ** 2, "Euler's factor"),
        "real part": (lambda w, h: (1 - (w * h) ** 2 / 2) ** 2, "the real part alone"),
        "minus": (
            lambda w, h: (1 - (w * h) ** 2 / 2) ** 2 - (w * h) ** 2,
            "*plus* imaginary part",
        ),
        "RK4": (
            lambda w, h: 1 - (w * h) ** 6 / 72 + (w * h) ** 8 / 576,
            "the factor of RK4",
        ),
        "no step": (lambda w, h: 1 + w**4 / 4, "The step is missing"),
        "kept": (lambda w, h: torch.ones_like(w), "not the factor of an area"),
        "growth alone": (lambda w, h: (w * h) ** 4 / 4, "not the factor of an area"),
        "sum": (lambda w, h: growth(w, h).sum(), "shape"),
        "complex number": (lambda w, h: 1 + 1j * w * h - (w * h) ** 2 / 2, "complex"),
        "of a method": (lambda w, h: w.steps * h, "raised"),
        "two axes": (lambda w, h: w[:, 0] * h, "raised"),
    },
    spared={"q and p swapped": "frequencies are no states, and are left as they are"},
)

# 2


def drawn(U, roll, x, chance):
    end = roll(x)
    change = U(end[..., :2]) - U(x[..., :2])
    change = change + end[..., 2:].square().sum(-1) / 2
    change = change - x[..., 2:].square().sum(-1) / 2
    moves = chance < torch.exp(-change)
    return torch.where(moves[..., None], end, x)[..., :2]


def by_energy(U, roll, x, chance):
    H = lambda x: U(x[..., :2]) + (x[..., 2:] ** 2).sum(-1) / 2  # noqa: E731
    end = roll(x)
    rate = torch.exp(H(x) - H(end)).clamp(max=1)
    return torch.where((chance <= rate).unsqueeze(-1), end[..., :2], x[..., :2])


def by_logarithm(U, roll, x, chance):
    q, p = x.chunk(2, dim=-1)
    new, turned = roll(x).chunk(2, dim=-1)
    rise = U(new) - U(q) + (turned.square() - p.square()).sum(-1) / 2
    keep = (chance.log() < -rise).double()[..., None]
    return torch.lerp(q, new, keep)


DRAWN = Case(
    check.drawn,
    drawn,
    {"by the energy": by_energy, "by the logarithm": by_logarithm},
    {
        "start minus end": (
            lambda U, r, x, c: check._drawn(U, r, x, c, sign=-1),
            "ΔH is end minus start",
        ),
        "U alone": (lambda U, r, x, c: check._drawn(U, r, x, c, kinetic=0), "compares U alone"),
        "kinetic alone": (
            lambda U, r, x, c: check._drawn(U, r, x, c, height=0),
            "compares |p|²/2 alone",
        ),
        "whole square": (
            lambda U, r, x, c: check._drawn(U, r, x, c, kinetic=1.0),
            "The kinetic energy is |p|²/2",
        ),
        "exchanged": (
            lambda U, r, x, c: check._drawn(U, r, x, c, above=True),
            "Accepted and turned down are exchanged",
        ),
        "all": (lambda U, r, x, c: r(x)[..., :2], "Every roll is accepted"),
        "none": (lambda U, r, x, c: x[..., :2], "No roll is accepted"),
        "a coin": (
            lambda U, r, x, c: torch.where((c < 0.5)[..., None], r(x), x)[..., :2],
            "compared with one half",
        ),
        "downhill alone": (
            lambda U, r, x, c: drawn(U, r, x, torch.ones_like(c)),
            "not the positions after the rule",
        ),
        "one chance for all": (
            lambda U, r, x, c: drawn(U, r, x, c.mean().expand(c.shape)),
            "not the positions after the rule",
        ),
        "states": (lambda U, r, x, c: torch.where((c < 1)[..., None], r(x), x), "shape"),
        "energies": (lambda U, r, x, c: U(x[..., :2]), "shape"),
        "of a state": (lambda U, r, x, c: x[..., :2] / U(x), ""),
        "a roll without a state": (lambda U, r, x, c: r(), "raised"),
        "if": (lambda U, r, x, c: r(x) if c < U(x[..., :2]) else x, "raised"),
        "three columns": (lambda U, r, x, c: x[..., [0, 1, 7]], "raised"),
    },
)

# 3

WORDS = {case: word for case, (word, *_) in check.CASES.items()}

EXACT = Case(
    check.exact,
    WORDS,
    {
        "other order": dict(reversed(WORDS.items())),
        "capitals": {case: word.upper() for case, word in WORDS.items()},
        "spaces": {case: f" {word} " for case, word in WORDS.items()},
    },
    {
        "must be a gradient": (
            WORDS | {"leapfrog, learned force that is no gradient": "no volume"},
            "Where does the slope of f stand",
        ),
        "symplectic is enough": (
            WORDS | {"symplectic Euler, true force": "exact"},
            "Turn p round after a kick and a drift",
        ),
        "volume is enough": (
            WORDS | {"trained SympNet as the roll": "exact"},
            "What in it knows that time may run backwards",
        ),
        "accurate is enough": (
            WORDS | {"RK4, true force": "exact"},
            "What does a step of RK4 do to an area",
        ),
        "all the same": (dict.fromkeys(WORDS, "exact"), "4 of 8 are right"),
        "inverse": (
            WORDS | {"q to 1/q for a positive q, p left alone": "exact"},
            "What is its derivative",
        ),
    },
    blank=dict.fromkeys(WORDS, ...),
    words=check.KINDS,
)

# 4

VALUES, SEEDS = [1, 3, 6], list(range(5))
NETWORK, WALK = check.RIVALS


def experiment(values=VALUES, seeds=SEEDS, varied="steps", prediction=NETWORK):
    return duel_tools.experiment(check.DUEL, values, seeds, varied, prediction)


STUDY = experiment()


def with_row(model, value, row):
    return duel_tools.with_row(STUDY, model, value, row)


WORTH = Case(
    check.worth,
    STUDY,
    {
        "another guess": STUDY | {"prediction": dict.fromkeys(VALUES, "undecided")},
        "other seeds": experiment(seeds=[4, 3, 2, 1, 0]),
        "rounded": duel_tools.rounded(check.DUEL, STUDY),
        "by seed": duel_tools.by_seed(check.DUEL, STUDY),
        "arrays": duel_tools.arrays(check.DUEL, STUDY),
    },
    {
        **duel_tools.faults(check.DUEL, STUDY),
        "two settings": (duel_tools.without(STUDY, 3), "three settings or more"),
        "narrow": (experiment([5, 6, 7], seeds=[0, 1]), "a wide range"),
        "all the same answer": (experiment([5, 10, 20], seeds=[0, 1]), "answers differ"),
        "concluded against the numbers": (
            STUDY | {"conclusion": dict.fromkeys(VALUES, NETWORK)},
            "At steps = 1 the network has the smaller error for 0 of 5",
        ),
        "models exchanged": (STUDY | {NETWORK: STUDY[WALK], WALK: STUDY[NETWORK]}, "are those of"),
        "settings exchanged": (with_row(NETWORK, 6, STUDY[NETWORK][1]), "are those of 1"),
        "too few costs": (with_row(WALK, 6, STUDY[WALK][6][:4]), "has 4 costs for 5"),
        "invented": (with_row(WALK, 1, [1000.0] * 5), "are not what `check.measure` gives"),
        "squares": (
            with_row(NETWORK, 1, [e**2 for e in STUDY[NETWORK][1]]),
            "are the squares of the right ones",
        ),
        "no list": (with_row(WALK, 1, 20.0), "one cost for each seed"),
        "too many steps": (STUDY | {"values": [1, 3, 90]}, "is outside 1 to 40"),
        "half a step": (STUDY | {"values": [1, 2.5, 8]}, "whole numbers"),
        "another thing": (
            STUDY | {"varied": "weights"},
            "choose one of: 'gradients', 'steps', 'step'",
        ),
        "another word": (
            STUDY | {"conclusion": STUDY["conclusion"] | {1: "MLP"}},
            "choose one of: 'network'",
        ),
        "a setting without a guess": (STUDY | {"prediction": {1: WALK}}, "has no answer yet"),
    },
    **duel_tools.form(check.DUEL, STUDY),
)


class TestChecks(ChapterChecks):
    chapter = check.chapter
    cases = (GROWTH, DRAWN, EXACT, WORTH)
    demanding = True


def test_no_word_is_found_by_elimination():
    """Some words are the answer twice, so the last one does not follow from the others."""
    given = list(WORDS.values())
    assert len(given) > len(set(given)) == len(check.KINDS)


def test_the_network_pays_on_rolls_that_go_somewhere():
    walk, *rolls = (
        [check.measure(model, steps=steps, seed=seed) for seed in range(10, 15)]
        for model, steps in ((WALK, 1), (NETWORK, 1), (NETWORK, 8))
    )
    assert check.verdict(rolls[0], walk) == WALK
    assert check.verdict(rolls[1], walk) == NETWORK


def test_the_instrument_refuses_an_unknown_sampler():
    with pytest.raises(ValueError, match="choose one of"):
        check.measure("Gibbs")
