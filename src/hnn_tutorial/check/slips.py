"""The slips that students make, recognised by undoing them.

`recognise` gets the learner's values and the right ones. It tries one cure after another on the
learner's values: divide by 2, by pi or by the mass, turn the sign of one component, exchange two
components, move by one step in time, take the root. A slip is named only if its cure makes *all*
values right. If several slips give the same values, all of them are named.

`match` of `hnn_tutorial.check` calls it, so a check seldom does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

Truth = Callable[..., Tensor]
"""The right formula: called with the states, if there are any, and the parameters by name."""

# --- constant factors ----------------------------------------------------------------------------

_FACTORS: dict[str, tuple[float, str]] = {
    "-1": (-1.0, ""),
    "2": (2.0, "a factor 1/2 was left out, or something is counted twice"),
    "1/2": (0.5, "a factor 2 was left out, or a 1/2 is too many"),
    "-2": (-2.0, ""),
    "-1/2": (-0.5, ""),
    "4": (4.0, ""),
    "1/4": (0.25, ""),
    "3": (3.0, ""),
    "1/3": (1 / 3, ""),
    "pi": (math.pi, ""),
    "1/pi": (1 / math.pi, ""),
    "2 pi": (2 * math.pi, "a frequency in Hz in place of one in rad/s, or the reverse"),
    "1/(2 pi)": (0.5 / math.pi, "a frequency in Hz in place of one in rad/s, or the reverse"),
    "180/pi": (180 / math.pi, "degrees in place of radians"),
    "pi/180": (math.pi / 180, "degrees turned into radians once too often"),
    "ln 10": (math.log(10), "the natural logarithm in place of `log10`"),
    "1/ln 10": (1 / math.log(10), "`log10` in place of the natural `log`"),
    "sqrt(2)": (math.sqrt(2), ""),
    "1/sqrt(2)": (math.sqrt(0.5), ""),
    "1000": (1000.0, "a unit"),
    "1/1000": (0.001, "a unit"),
    "100": (100.0, "per cent, or a unit"),
    "1/100": (0.01, "per cent, or a unit"),
}
_POWERS = {"{}": 1.0, "1/{}": -1.0, "{}²": 2.0, "1/{}²": -2.0, "sqrt({})": 0.5, "1/sqrt({})": -0.5}


def _named_factors(
    parameters: Mapping[str, float], counts: Mapping[str, float]
) -> Iterator[tuple[int, str, float, str]]:
    """Factors that have a name: (how far-fetched, name, value, likely cause)."""
    for name, (value, cause) in _FACTORS.items():
        yield 1, name, value, cause
    for name, value in counts.items():
        if value > 1:
            yield 1, f"{value:g}", value, f"a sum in place of a mean ({name} is {value:g})"
            yield 1, f"1/{value:g}", 1 / value, f"a mean in place of a sum ({name} is {value:g})"
    single = []
    for name, value in parameters.items():
        if value > 0 and value != 1:
            powers = [(p.format(name), value**e, e) for p, e in _POWERS.items()]
            single.append(powers)
            for shown, power, exponent in powers:
                far = 1 if abs(exponent) == 1 else 2
                yield far, shown, power, ""
                yield far + 1, f"-{shown}", -power, ""
                for number in ("2", "1/2", "pi", "2 pi"):
                    yield far + 2, f"{number} · {shown}", _FACTORS[number][0] * power, ""
    for first, second in combinations(single, 2):
        for (a, x, e), (b, y, f) in ((a, b) for a in first for b in second):
            yield 3 + (abs(e) != 1) + (abs(f) != 1), f"{a} · {b}", x * y, ""


@dataclass(frozen=True)
class Factor:
    """A constant factor with all its names and the causes that are likely.

    Args:
        value: The factor.
        names: Names with the same value, simplest first: ``("2", "m")``; none if it has none.
        notes: What the names stand for: ``("m = 2",)``.
        causes: Likely causes in a few words.
    """

    value: float
    names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    @property
    def is_sign(self) -> bool:
        """Whether the factor is -1 and nothing else."""
        return self.names[:1] == ("-1",)

    def __str__(self) -> str:
        shown = self.names[0] if self.names else f"{self.value:.6g}"
        others = f", or {' or '.join(self.names[1:3])}" if len(self.names) > 1 else ""
        notes = f" ({', '.join(self.notes)} here)" if self.notes else ""
        return f"{shown}{others}{notes}"

    @property
    def why(self) -> str:
        """The likely causes as a sentence to append."""
        if not self.causes:
            return ""
        return f" Likely: {'; or '.join(self.causes)}."


def name_factor(
    factor: float,
    parameters: Mapping[str, float] | None = None,
    counts: Mapping[str, float] | None = None,
    rtol: float = 1e-6,
) -> Factor:
    """Find the names of a constant factor: all of the simplest that have its value.

    Args:
        factor: The factor.
        parameters: The parameters of the exercise that may be in it.
        counts: Numbers of states, of components and so on, for sums taken for means.
        rtol: How exactly the factor is known.

    Returns:
        The factor with its names and likely causes.
    """
    parameters, counts = dict(parameters or {}), dict(counts or {})
    tolerance = min(max(10 * rtol, 1e-7), 0.05)
    # The more loosely a factor is known, the more products of parameters come close by chance.
    farthest = 5 if tolerance < 3e-5 else 2 if tolerance < 2e-3 else 1
    found = [
        (far, name, cause)
        for far, name, value, cause in _named_factors(parameters, counts)
        if far <= farthest and abs(factor / value - 1) < tolerance
    ]
    nearest = min((far for far, *_ in found), default=0)
    found = [entry for entry in found if entry[0] == nearest]
    if len({name for _, name, _ in found}) > 3:
        found = []
    names = tuple(dict.fromkeys(name for _, name, _ in found))
    used = [p for p in parameters if any(_mentions(name, p) for name in names)]
    causes = tuple(dict.fromkeys(cause for *_, cause in found if cause))
    return Factor(factor, names, tuple(f"{p} = {parameters[p]:g}" for p in used), causes)


def _mentions(formula: str, name: str) -> bool:
    """Whether a name is part of a formula such as ``"1/sqrt(m) · l²"``."""
    parts = formula.replace("1/", "").replace("-", "").replace("sqrt(", "").replace("²", "")
    return name in (part.strip(" )") for part in parts.split("·"))


# --- the cures -----------------------------------------------------------------------------------


class _Judge:
    """Whether cured values are the right ones, within the check's tolerances."""

    def __init__(self, rtol: float, atol: float) -> None:
        self.rtol, self.atol = rtol, atol

    def __call__(self, got: Tensor, want: Tensor) -> bool:
        return got.shape == want.shape and torch.allclose(got, want, self.rtol, self.atol)

    def factor(self, got: Tensor, want: Tensor) -> float | None:
        """The constant that `got` is times `want`, if there is one other than 0 and 1."""
        size = float(want.square().sum())
        if size <= (10 * self.atol) ** 2 * want.numel():
            return None
        f = float((got * want).sum()) / size
        if abs(f) < 1e-9 or not math.isfinite(f):
            return None
        small = self.atol * max(1.0, 1 / abs(f))
        if not torch.allclose(got / f, want, self.rtol, small) or self(got, want):
            return None
        return f


def recognise(
    got: Tensor,
    want: Tensor,
    *,
    parameters: Mapping[str, float] | None = None,
    counts: Mapping[str, float] | None = None,
    at: Tensor | None = None,
    times: Tensor | None = None,
    truth: Truth | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> list[str]:
    """Say which slips explain all the values; nothing if none does.

    Args:
        got: The learner's values.
        want: The right values.
        parameters: Parameters by name, for example ``{"m": 1.7, "k": 0.6}``.
        counts: Numbers of things, for example ``{"the number of states": 6}``.
        at: The states behind the values, one per row.
        times: The times behind the values, one per entry of the first axis.
        truth: The right formula, called as ``truth(at, **parameters)``, or as
            ``truth(**parameters)`` without states. It finds exchanged and forgotten parameters,
            [p, q] for [q, p], momenta for velocities, and states of another time.
        rtol: Relative tolerance of the check.
        atol: Absolute tolerance of the check.

    Returns:
        Sentences for the learner.
    """
    got, want = (value.detach().to(torch.float64) for value in (got, want))
    judge = _Judge(rtol, atol)
    parameters, counts = dict(parameters or {}), dict(counts or {})
    if got.shape != want.shape:
        return list(_shapes(judge, got, want))
    if not want.numel() or not (torch.isfinite(got).all() and torch.isfinite(want).all()):
        return []
    if judge(got, want):
        return []
    found = list(_by_formula(judge, got, at, parameters, truth))
    found += _whole(judge, got, want, parameters, _count_all(counts, want, at))
    if times is not None and want.ndim and len(times) == len(want):
        found += _time(judge, got, want)
    if want.ndim > 1 or (at is not None and at.shape == want.shape):
        found += _components(judge, got, want, parameters)
    spread = float(got.max() - got.min())
    if not found and got.numel() > 3 and spread <= 1e-9 * float(got.abs().max()):
        found.append(f"Every value is the same, {float(got.reshape(-1)[0]):.6g}.")
    return list(dict.fromkeys(found))


def _count_all(counts: dict[str, float], want: Tensor, at: Tensor | None) -> dict[str, float]:
    if at is not None and at.ndim > 1:
        counts = {"the number of states": at.shape[0], **counts}
        counts = {"the number of components": at.shape[-1], **counts}
    return counts


def _shapes(judge: _Judge, got: Tensor, want: Tensor) -> Iterator[str]:
    """Right values in another shape."""
    if got.numel() == want.numel() and judge(got.reshape(-1), want.reshape(-1)):
        yield "The values are right and stand in another shape: `reshape` or `squeeze` mends it."
    if got.ndim == want.ndim:
        for i, j in combinations(range(want.ndim), 2):
            if judge(got.transpose(i, j), want):
                yield f"The values are right, with the axes {i} and {j} exchanged: transpose them."
    if want.ndim and got.shape == want[1:].shape:
        if judge(got, want[1:]):
            yield "The values are right, and the first one along the first axis is left out."
        elif judge(got, want[:-1]):
            yield "The values are right, and the last one along the first axis is left out."
    if want.ndim and got.shape == want[1:-1].shape and judge(got, want[1:-1]):
        yield "The values are right, and the first and the last one are left out."


# What was done to the right values, how to undo it, and its name.
_LAWS: tuple[tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor], str], ...] = (
    (torch.sqrt, torch.square, "the square root of"),
    (torch.square, torch.sqrt, "the square of"),
    (torch.reciprocal, torch.reciprocal, "1 divided by"),
    (torch.log, torch.exp, "the natural logarithm of"),
    (torch.exp, torch.log, "the exponential of"),
    (torch.log10, lambda v: 10**v, "the logarithm to the base 10 of"),
)


def _whole(
    judge: _Judge,
    got: Tensor,
    want: Tensor,
    parameters: dict[str, float],
    counts: dict[str, float],
) -> Iterator[str]:
    """Slips that change every value in the same way."""
    if bool((got == 0).all()):
        yield "Every value is 0." if want.numel() > 1 else "The value is 0."
        return
    several = want.numel() > 1 and float(want.max() - want.min()) > 100 * judge.atol
    factor = judge.factor(got, want)
    if factor is not None:
        found = name_factor(factor, parameters, counts, judge.rtol)
        every = "Every value is" if want.numel() > 1 else "The value is"
        if judge.rtol > 1e-3:
            every += " about"
        if found.is_sign:
            yield "Every sign is reversed." if want.numel() > 1 else "The sign is reversed."
        elif found.names:
            yield f"{every} {found} times the right one.{found.why}"
        elif several and judge.rtol < 0.01:
            yield f"Every value is {found} times the right one: a constant factor is wrong."
        if found.names or several:
            return
    # A few numbers known loosely fit such a law by chance, and 0, 1 and -1 fit several.
    telling = want[(want != 0) & (want.abs() != 1)]
    if telling.numel() and (judge.rtol < 0.01 or telling.unique().numel() > 2):
        every = "Every value" if want.numel() > 1 else "The value"
        for law, cure, name in _LAWS:
            if judge(got, law(want)) and judge(cure(got), cure(law(want))):
                yield f"{every} is {name} the right one."
    if judge(got.abs(), want.abs()):
        wrong = (got * want) < 0
        if bool((got >= 0).all()):
            yield "Every value is the absolute value of the right one: the sign is lost."
        elif not bool(wrong.reshape(-1, want.shape[-1] if want.ndim else 1).all(0).any()):
            yield (
                f"Every value has the right size; the sign is wrong at {int(wrong.sum())} of "
                f"{wrong.numel()} values."
            )
    offset = (got - want).mean()
    if several and judge(got - offset, want):
        size = name_factor(abs(float(offset)), parameters, {}, judge.rtol)
        way = "large" if offset > 0 else "small"
        yield f"Every value is too {way} by the same constant, {size}."
    if want.ndim and len(want) > 2:
        varied = not judge(want, want[:1].expand_as(want))
        if varied and judge(got.flip(0), want):
            yield "The values are right, in reversed order along the first axis."
        if varied and judge(got, want[:1].expand_as(want)):
            yield "Every entry along the first axis is the right value of the first one."
        elif varied and judge(got, want[-1:].expand_as(want)):
            yield "Every entry along the first axis is the right value of the last one."


def _time(judge: _Judge, got: Tensor, want: Tensor) -> Iterator[str]:
    """Values of another time."""
    if len(want) < 4 or judge(want[1:], want[:-1]):
        return
    if judge(got[1:], want[:-1]):
        yield "The values are right and come one step late: that of time t stands at t + Δt."
    if judge(got[:-1], want[1:]):
        yield "The values are right and come one step early: that of time t + Δt stands at t."


def _components(
    judge: _Judge, got: Tensor, want: Tensor, parameters: dict[str, float]
) -> Iterator[str]:
    """One component wrong, or two exchanged."""
    size = want.shape[-1]
    if not 2 <= size <= 12 or judge.factor(got, want) is not None:
        return
    right = [judge(got[..., i], want[..., i]) for i in range(size)]
    factors = [None if right[i] else judge.factor(got[..., i], want[..., i]) for i in range(size)]
    if all(ok or f is not None for ok, f in zip(right, factors, strict=True)):
        said = []
        for i, f in enumerate(factors):
            if f is not None:
                found = name_factor(f, parameters, {}, judge.rtol)
                times = "has the wrong sign" if found.is_sign else f"is {found} times the right one"
                said.append(f"`[..., {i}]` {times}")
        good = [f"`[..., {i}]`" for i, ok in enumerate(right) if ok]
        if good:
            said.append(f"{', '.join(good)} {'is' if len(good) == 1 else 'are'} right")
        yield "; ".join(said) + "."
        return
    orders = {"The two halves of the last axis are exchanged": want.roll(size // 2, -1)}
    if size % 2:
        orders = {}
    elif size == 2:
        orders = {"The two components are exchanged": want.flip(-1)}
    if size > 2:
        orders["The components come in reversed order"] = want.flip(-1)
    if want.ndim > 1 and want.shape[-1] == want.shape[-2]:
        orders["The last two axes are exchanged: transpose them"] = want.mT
    for words, other in orders.items():
        if judge(got, other) and not judge(other, want):
            yield f"{words}."
        elif judge(got, -other):
            yield f"{words}, and every sign is reversed."
        elif size % 2 == 0 and words.startswith("The two"):
            half = torch.ones(size, dtype=want.dtype)
            half[: size // 2] = -1
            for sign, which in ((half, "first"), (-half, "second")):
                if judge(got, sign * other):
                    part = "component" if size == 2 else "half"
                    yield f"{words}, and the sign of the {which} {part} is wrong after that."


def _by_formula(
    judge: _Judge,
    got: Tensor,
    at: Tensor | None,
    parameters: dict[str, float],
    truth: Truth | None,
) -> Iterator[str]:
    """Slips inside the formula: other parameters, or another state, put into the right one."""
    if truth is None:
        return

    def gives(words: str, changed: dict[str, Any], state: Tensor | None = at) -> Iterator[str]:
        inputs = () if state is None else (state,)
        try:
            value = torch.as_tensor(truth(*inputs, **changed)).detach().to(torch.float64)
        except (ValueError, ArithmeticError, RuntimeError):
            return  # the right formula need not bear a wrong parameter
        if judge(got, value):
            yield words

    for a, b in combinations(parameters, 2):
        exchanged = parameters | {a: parameters[b], b: parameters[a]}
        yield from gives(f"{a} and {b} are exchanged.", exchanged)
    for name, value in parameters.items():
        changes = {
            f"{name} is missing: these are the values for {name} = 1.": 1.0,
            f"1/{name} stands in place of {name}.": 1 / value if value else 1.0,
            f"{name}² stands in place of {name}.": value**2,
            f"The sign of {name} is wrong.": -value,
            f"2 {name} stands in place of {name}.": 2 * value,
            f"{name}/2 stands in place of {name}.": value / 2,
            f"{name} is left out: these are the values for {name} = 0.": 0.0,
        }
        if value > 0:
            changes[f"The square root of {name} stands in place of {name}."] = math.sqrt(value)
        for words, other in changes.items():
            if other != value:
                yield from gives(words, parameters | {name: other})
    if at is None or not at.ndim:
        return
    half = at.shape[-1] // 2
    if at.shape[-1] == 2 * half and half:
        q, p = at[..., :half], at[..., half:]
        words = "[p, q] was read in place of [q, p]: the first half of a state holds the positions."
        yield from gives(words, parameters, torch.cat([p, q], -1))
        words = "The sign of the second half of the state is wrong."
        yield from gives(words, parameters, torch.cat([q, -p], -1))
        mass = parameters.get("m", parameters.get("mass"))
        if mass is not None and mass not in (0, 1):
            words = "The momentum p stands where the velocity p/m belongs."
            yield from gives(words, parameters, torch.cat([q, p * mass], -1))
            words = "The velocity p/m stands where the momentum p belongs."
            yield from gives(words, parameters, torch.cat([q, p / mass], -1))
    if at.ndim > 1 and len(at) > 2:
        words = "Every entry is that of the first state: the others are not looked at."
        yield from gives(words, parameters, at[:1].expand_as(at))
