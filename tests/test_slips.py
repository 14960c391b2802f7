"""Slips are recognised by undoing them, and named only where this makes all values right."""

import math
import re

import pytest
import torch

from hnn_tutorial.check import Chapter, Wrong, function, match, recognise, worst
from hnn_tutorial.check.inputs import states
from hnn_tutorial.check.slips import name_factor

PARAMETERS = {"m": 1.7, "k": 0.6, "g": 9.81}


def field(x, m, k, g):
    """A field without symmetry, so that no two slips give the same values."""
    q, p = x[..., 0], x[..., 1]
    return torch.stack([p / m + q**2, -k * torch.sin(q) - g * q * p], dim=-1)


X = states(7)
WANT = field(X, **PARAMETERS)


def told(got, want=WANT, **keywords):
    """All that is recognised, as one text."""
    return " | ".join(recognise(got, want, **keywords))


FACTORS = {
    "2": 2.0,
    "1/2": 0.5,
    "pi": math.pi,
    "1/pi": 1 / math.pi,
    "2 pi": 2 * math.pi,
    "180/pi": 180 / math.pi,
    "pi/180": math.pi / 180,
    "ln 10": math.log(10),
    "1/ln 10": 1 / math.log(10),
    "sqrt(2)": 2**0.5,
    "m": 1.7,
    "1/m": 1 / 1.7,
    "k²": 0.36,
    "sqrt(g)": 9.81**0.5,
    "m · k": 1.7 * 0.6,
    "m · 1/k": 1.7 / 0.6,
    "-k": -0.6,
    "2 · g": 2 * 9.81,
}


@pytest.mark.parametrize("name, value", FACTORS.items())
def test_a_constant_factor_is_named(name, value):
    text = told(value * WANT, parameters=PARAMETERS, at=X)
    assert f"Every value is {name}" in text
    assert "times the right one" in text
    assert " | " not in text


def test_a_factor_with_two_causes_names_both():
    text = told(2 * WANT, parameters={"m": 2.0})
    assert "Every value is 2, or m (m = 2 here) times the right one" in text
    text = told(2 * WANT, at=X)
    assert "a factor 1/2 was left out" in text
    assert "a sum in place of a mean (the number of components is 2)" in text
    assert "the number of states is 7" in told(WANT / 7, at=X)
    assert "the number of seeds is 5" in told(5 * WANT, counts={"the number of seeds": 5})


def test_a_factor_without_a_name_is_said_as_a_number():
    assert "Every value is 1.234 times the right one: a constant factor is wrong" in told(
        1.234 * WANT
    )
    assert told(torch.tensor(1.234), torch.tensor(1.0)) == "", "one number has no pattern"
    assert "The value is 2 times the right one" in told(torch.tensor(2.0), torch.tensor(1.0))
    assert "The sign is reversed" in told(torch.tensor(-3.0), torch.tensor(3.0))


def test_a_factor_at_all_entries_but_one_is_none():
    got = 2 * WANT
    got[3, 1] += 0.01
    assert told(got, parameters=PARAMETERS, at=X, truth=field) == ""


LAST = WANT.shape[-1]
CHANGES = {
    "every sign": (-WANT, "Every sign is reversed."),
    "sign of one": (WANT * torch.tensor([1.0, -1.0]), "`[..., 1]` has the wrong sign; `[..., 0]`"),
    "mass in one": (WANT * torch.tensor([1.7, 1.0]), "`[..., 0]` is m (m = 1.7 here) times"),
    "both": (WANT * torch.tensor([2.0, -1.0]), "`[..., 0]` is 2 times the right one; `[..., 1]`"),
    "exchanged": (WANT.flip(-1), "The two components are exchanged."),
    "exchanged, signs": (-WANT.flip(-1), "exchanged, and every sign is reversed"),
    "exchanged, sign": (
        WANT.flip(-1) * torch.tensor([-1.0, 1.0]),
        "exchanged, and the sign of the first component is wrong after that",
    ),
    "square": (WANT**2, "Every value is the square of the right one"),
    "absolute": (WANT.abs(), "the absolute value of the right one"),
    "reciprocal": (1 / WANT, "Every value is 1 divided by the right one"),
    "constant": (WANT + 1.7, "too large by the same constant, m (m = 1.7 here)"),
    "another constant": (WANT - 0.123, "too small by the same constant, 0.123"),
    "reversed": (WANT.flip(0), "in reversed order along the first axis"),
    "first only": (WANT[:1].expand_as(WANT), "is the right value of the first one"),
    "zeros": (0 * WANT, "Every value is 0."),
    "m and k": (field(X, 0.6, 1.7, 9.81), "m and k are exchanged."),
    "no m": (field(X, 1.0, 0.6, 9.81), "m is missing: these are the values for m = 1."),
    "1/m": (field(X, 1 / 1.7, 0.6, 9.81), "1/m stands in place of m."),
    "2 k": (field(X, 1.7, 1.2, 9.81), "2 k stands in place of k."),
    "no g": (field(X, 1.7, 0.6, 0.0), "g is left out"),
    "[p, q]": (field(X.flip(-1), 1.7, 0.6, 9.81), "[p, q] was read in place of [q, p]"),
    "p for v": (
        field(X * torch.tensor([1.0, 1.7]), 1.7, 0.6, 9.81),
        "The momentum p stands where the velocity p/m belongs",
    ),
    "v for p": (
        field(X / torch.tensor([1.0, 1.7]).double(), 1.7, 0.6, 9.81),
        "The velocity p/m stands where the momentum p belongs",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_slip_is_named(name):
    got, message = CHANGES[name]
    text = told(got, parameters=PARAMETERS, at=X, truth=field)
    assert message in text, text


@pytest.mark.parametrize("name", CHANGES)
def test_a_slip_with_one_entry_changed_is_none(name):
    """It explains all values, or it is not named."""
    got = CHANGES[name][0].clone()
    got[4, 0] += 0.37
    got[5, 1] -= 0.73
    assert told(got, parameters=PARAMETERS, at=X, truth=field) == ""


def test_halves_of_longer_states_and_reversed_components():
    want = states(5, degrees=2)
    assert "The two halves of the last axis are exchanged." in told(want.roll(2, -1), want)
    assert "The components come in reversed order." in told(want.flip(-1), want)
    square = torch.arange(9.0).reshape(3, 3) ** 2
    assert "The last two axes are exchanged: transpose them." in told(square.T, square)


TIMES = torch.linspace(0, 1, 9)
MOTION = torch.stack([torch.cos(3 * TIMES), -3 * torch.sin(3 * TIMES)], dim=-1).double()


def test_values_of_another_time():
    late = torch.cat([MOTION[:1], MOTION[:-1]])
    early = torch.cat([MOTION[1:], MOTION[-1:]])
    assert "one step late" in told(late, MOTION, times=TIMES)
    assert "one step early" in told(early, MOTION, times=TIMES)
    assert told(late, MOTION) == "", "without times the first axis may be anything"
    constant = torch.ones(9).double()
    assert "step" not in told(2 * constant, constant, times=TIMES)


def test_right_values_in_another_shape():
    want = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert "the first one along the first axis is left out" in told(want[1:], want)
    assert "the last one along the first axis is left out" in told(want[:-1], want)
    assert "the first and the last one" in told(want[1:-1], want)
    assert "in another shape" in told(want.reshape(2, 6), want)
    assert "axes 0 and 1 exchanged" in told(want.T.reshape(3, 4).mT.T, want)


def test_match_names_its_own_mistakes_first_then_a_slip_then_shows_the_worst():
    def message(got, **keywords):
        with pytest.raises(Wrong) as caught:
            match(got, WANT, [(3 * WANT, "Its own.")], "No.", at=X, **keywords)
        return str(caught.value)

    assert message(3 * WANT) == "Its own."
    assert re.fullmatch(
        r"No\. At x = \[.*\] yours gives \[.*\], the right value is \[.*\]\. Every value is m "
        r"\(m = 1\.7 here\) times the right one\.",
        message(1.7 * WANT, parameters=PARAMETERS),
    )
    assert "More than one mistake gives these values: " in message(
        2 * WANT, parameters={"m": 0.5}, truth=lambda x, m: WANT / (2 * m)
    )


def test_the_worst_entry_is_shown_with_digits_that_differ():
    want = torch.zeros(3, 40, dtype=torch.float64) + 1
    got = want.clone()
    got[2, 17] += 3e-9
    text = worst(got, want, times=torch.tensor([0.0, 0.5, 1.0]))
    assert text == "At t = 1, entry [17] yours gives 1.000000003, the right value is 1."
    got[1, 5] = math.nan
    assert "entry [1, 5] yours gives nan, the right value is 1" in worst(got, want)
    batch = states(12).reshape(2, 3, 2, 2)
    value = batch.sum(-1)
    off = value.clone()
    off[1, 2, 0] += 1
    shown = ", ".join(f"{v:.4g}" for v in batch[1, 2, 0])
    assert worst(off, value, at=batch).startswith(f"At x = [{shown}] yours gives ")


def test_a_check_says_which_digits_to_expect_of_float32():
    def check(answer):
        x = states(3)
        got = function(answer, "f(x)")(x, like=x)
        match(got, 2 * x)

    run = Chapter("test").exercise(1, "code", "a test")(check)
    assert run(lambda x: 2 * x.float())
    result = run(lambda x: 2.01 * x.float())
    assert result.status == "wrong"
    assert "Every value is 1.005 times the right one" in result.message
    assert "gives float32 where the input is float64" in result.message
    assert "float32" not in run(lambda x: 2.01 * x).message, "the next run starts anew"


def test_names_of_factors():
    assert str(name_factor(1.7, {"m": 1.7})) == "m (m = 1.7 here)"
    assert str(name_factor(0.3333)) == "0.3333"
    assert name_factor(-1.0).is_sign
    assert not name_factor(1.0, {"m": 1.0}).names, "a parameter that is 1 explains nothing"


def test_signs_and_single_numbers_fit_no_law_by_chance():
    want = torch.tensor([1.0, 0.0, -1.0, 0.0, 1.0])
    assert told(torch.tensor([1.0, 1.0, 1.0, 0.0, 1.0]), want) == ""
    assert "square" not in told(want**2, want)
    assert told(torch.tensor(0.5), torch.tensor(0.25)) != ""
    assert "root" not in told(torch.tensor(0.52), torch.tensor(0.25), rtol=0.1)
    assert "The value is about 2 times the right one" in told(
        torch.tensor(0.5), torch.tensor(0.252), rtol=0.1
    )
    assert "The value is the square of the right one." in told(
        torch.tensor(0.09), torch.tensor(0.3)
    )
    positive = torch.tensor([0.3, 1.7, 2.2])
    for change, words in (
        (torch.sqrt, "the square root of"),
        (torch.log, "the natural logarithm of"),
        (torch.exp, "the exponential of"),
        (torch.log10, "the logarithm to the base 10 of"),
    ):
        assert f"Every value is {words} the right one." in told(
            change(positive), positive, rtol=1e-5
        )


def test_a_constant_is_said_to_be_one():
    assert told(0 * WANT + 0.77) == "Every value is the same, 0.77."


def test_a_factor_known_loosely_is_not_explained_by_products():
    parameters = {"m": 0.7, "l": 1.5, "g": 9.81, "k": 2.3}
    product = 0.7 / 1.5
    assert name_factor(product, parameters).names == ("m · 1/l",)
    assert name_factor(product, parameters, rtol=0.05).names in ((), ("1/2",))
    assert name_factor(2.02, parameters, rtol=0.05).names == ("2",)


def test_every_call_gets_fresh_tensors():
    x = states(4)
    got = []

    def answer(y, pair):
        got.append((y, pair[0]))
        z = y.requires_grad_()
        (z**3).sum().backward()
        return z.grad.clone()

    call = function(answer, "f(x, pair)")
    first = call(x, [x, 1.0], like=x)
    second = call(x, [x, 1.0], like=x)
    assert torch.equal(first, second), "no gradient of the first call is left"
    assert not x.requires_grad
    assert len({id(t) for pair in got for t in pair} | {id(x)}) == 5
    own = states(4).requires_grad_()
    value = call(own, [own], like=own)
    assert torch.equal(value, 3 * own.detach() ** 2), "`.grad` is kept for a tensor of a graph"
    doubled = function(lambda y: 2 * y, "f(x)")(own)
    assert torch.equal(torch.autograd.grad(doubled.sum(), own)[0], torch.full_like(own, 2))
