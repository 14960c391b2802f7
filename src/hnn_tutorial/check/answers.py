"""Expectations, and the one place where a learner's code is called.

A check states what must hold by `expect` and `match`; it calls the learner's function through
`function`, which turns everything that can go wrong *inside that function* into a message. An
exception from anywhere else is a bug of ours and is left to raise.
"""

from __future__ import annotations

import linecache
import math
import sysconfig
import textwrap
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from traceback import walk_tb
from typing import Any

import numpy as np
import torch

STUB = "your answer here"
"""What tools/exercises.py writes into a stub."""

_OURS = str(Path(__file__).resolve().parents[1])
_STDLIB = sysconfig.get_paths()["stdlib"]


class Wrong(Exception):
    """An expectation was not met; the message is for the learner."""


class NotAttempted(Exception):
    """The learner has not replaced the stub."""


def expect(condition: bool | torch.Tensor, message: str) -> None:
    """Give the learner `message` unless `condition` holds.

    Args:
        condition: What must hold; a tensor with one truth value will do.
        message: What the learner is told otherwise.

    Raises:
        Wrong: If it does not hold; the check shows it as its result.
    """
    if isinstance(condition, torch.Tensor | np.ndarray) and math.prod(condition.shape) != 1:
        raise ValueError(f"the condition has shape {tuple(condition.shape)}; add .all() or .any()")
    if not bool(condition):
        raise Wrong(message)


def close(got: Any, want: Any, rtol: float = 1e-6, atol: float = 1e-9) -> bool:
    """Whether two tensors, arrays or numbers of one shape agree within the tolerances.

    Args:
        got: What the learner's code gave.
        want: What is right.
        rtol: Largest difference relative to `want`.
        atol: Largest difference on top of that.
    """
    try:
        got, want = (torch.as_tensor(v).detach() for v in (got, want))
    except (TypeError, ValueError, RuntimeError):
        return False
    if got.is_complex() or want.is_complex():
        return False
    got, want = got.to(torch.float64), want.to(torch.float64)
    return got.shape == want.shape and torch.allclose(got, want, rtol=rtol, atol=atol)


def match(
    got: torch.Tensor,
    want: torch.Tensor,
    mistakes: Iterable[tuple[torch.Tensor, str]] = (),
    otherwise: str = "",
    *,
    at: torch.Tensor | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> None:
    """Expect `got` to equal `want`; name the mistake where `got` equals a known wrong answer.

    Args:
        got: The learner's values.
        want: The right values, same shape.
        mistakes: Pairs (values a known mistake gives, the message for it), tried in order.
        otherwise: First sentence of the message when no mistake is recognised.
        at: States behind the values, one per row, to show the worst one of them.
        rtol: Relative tolerance.
        atol: Absolute tolerance.

    Raises:
        Wrong: If they differ; the message names the mistake, or shows the worst values.
    """
    if close(got, want, rtol, atol):
        return
    expect(isinstance(got, torch.Tensor), f"A torch tensor is needed here, not {_describe(got)}.")
    for values, message in mistakes:
        if close(got, values, rtol, atol):
            raise Wrong(message)
    got, want = got.detach(), want.detach()
    if at is None or got.shape[:1] != at.shape[:1]:
        where, got_there, want_there = "", got, want
    else:
        worst = int((got - want).abs().reshape(len(got), -1).amax(dim=1).argmax())
        where = f"At x = {_show(at[worst])} "
        got_there, want_there = got[worst], want[worst]
    yours = f"yours gives {_show(got_there)}, the right value is {_show(want_there)}."
    raise Wrong(f"{otherwise} {where}{yours if where else yours.capitalize()}".strip())


def _show(value: torch.Tensor) -> str:
    """A short tensor as plain numbers."""
    if value.ndim == 0:
        return f"{value.item():.4g}"
    flat = ", ".join(f"{v:.4g}" for v in value.reshape(-1)[:6].tolist())
    return f"[{flat}{', ...' if value.numel() > 6 else ''}]"


# --- calling the learner's code ------------------------------------------------------------------


def function(answer: Any, signature: str) -> Callable[..., Any]:
    """Wrap a learner's function so that a call of it can only fail with a message.

    The wrapper takes the learner's arguments and two keywords of its own: with ``like=t`` the
    result must be a finite tensor (or array) of the type, shape and dtype of ``t``; ``shape=s``
    overrides the shape. Arguments that are tensors must come back unchanged.

    Args:
        answer: What the learner handed to the check.
        signature: How the check calls it, for messages: ``"field(x, mass, stiffness)"``.

    Returns:
        The wrapper, to be called like the learner's function.

    Raises:
        Wrong: If `answer` is not a function.
    """
    name = signature.partition("(")[0]
    if isinstance(answer, torch.Tensor | np.ndarray | float | int):
        raise Wrong(
            f"This check wants the function itself, and got {_describe(answer)}: it seems that "
            f"the function was called already. Pass `{name}`, without brackets."
        )
    if not callable(answer):
        raise Wrong(f"This check wants a function `{signature}`, and got {_describe(answer)}.")

    def call(
        *inputs: Any,
        like: torch.Tensor | np.ndarray | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Any:
        before = [v.detach().clone() if isinstance(v, torch.Tensor) else None for v in inputs]
        try:
            value = answer(*inputs)
        except (Wrong, NotAttempted):
            raise  # from another answer of the learner's that this one calls
        except Exception as error:
            _tell(error, answer, signature, inputs)
        for given, copy in zip(inputs, before, strict=True):
            if copy is not None and not _same(given.detach(), copy):
                raise Wrong(
                    f"`{name}` changes its input in place (by `x[...] = ...`, `x *= ...` or a "
                    "method ending in `_`). Whoever called it still needs the old values: build "
                    "a new tensor, for example with `torch.stack` or `torch.cat`."
                )
        if value is Ellipsis:
            raise NotAttempted
        expect(value is not None, f"`{name}` returns None: is a `return` missing?")
        if like is not None:
            conform(value, like, f"`{name}`", shape)
        return value

    return call


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    """Whether two tensors are equal, NaN for NaN: a learner's motion may run to infinity."""
    return a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all())


def _tell(
    error: Exception, answer: Callable[..., Any], signature: str, inputs: tuple[Any, ...]
) -> None:
    """Raise `NotAttempted` or `Wrong` for an exception that a learner's function raised."""
    frame, line = None, 0
    for candidate, number in walk_tb(error.__traceback__):
        if _is_learners(candidate.f_code.co_filename):
            frame, line = candidate, number
    source = ""
    if frame is not None:
        source = linecache.getline(frame.f_code.co_filename, line, frame.f_globals).strip()
    if isinstance(error, NotImplementedError) and (
        STUB in str(error) or source.startswith("raise NotImplementedError")
    ):
        if frame is None or frame.f_code is getattr(answer, "__code__", None):
            raise NotAttempted from None
        raise NotAttempted(f"`{frame.f_code.co_name}` still holds its stub.") from None

    what = textwrap.shorten((str(error).strip().splitlines() or [""])[0], 200, placeholder=" ...")
    what = f"`{type(error).__name__}`" + (f": {what}" if what else "")
    called = f"`{signature}` was called with {', '.join(_describe(v) for v in inputs)}."
    if frame is None:
        raise Wrong(f"Your function could not be called. {what}\n{called}") from None
    where = f"in line {line}" + (f": `{source}`" if source else "")
    hint = next((h for part, h in _HINTS if part in str(error)), "")
    text = f"Your code raised {what}\n{where}\n{called}" + (f"\n{hint}" if hint else "")
    raise Wrong(text) from None


def _is_learners(filename: str) -> bool:
    """Whether a source file is neither ours, nor the standard library's, nor an installed one."""
    if "site-packages" in filename or "dist-packages" in filename:
        return False
    return not filename.startswith((_OURS, _STDLIB, "<frozen", "<__array_function__"))


# Parts of error messages that PyTorch gives to beginners, and what they usually mean.
_HINTS = (
    (
        "grad can be implicitly created only for scalar",
        "Autograd differentiates one number: sum over the batch first, as in `H(x).sum()`. The "
        "states do not mix, so each keeps its own gradient.",
    ),
    (
        "does not require grad",
        "The result is not connected to what it is differentiated by. Is the input marked by "
        "`requires_grad_()`, and is everything between the two computed by torch, without "
        "`.detach()`, `.item()`, `.data` or NumPy?",
    ),
    (
        "appears to not have been used in the graph",
        "The function was evaluated at another tensor than the one it is differentiated by: use "
        "the very same variable in both places.",
    ),
    (
        "backward through the graph a second time",
        "One graph is used twice: pass `create_graph=True` (or `retain_graph=True`) the first "
        "time.",
    ),
    (
        "Can't call numpy() on Tensor that requires grad",
        "NumPy cannot record gradients: use the torch function of the same name.",
    ),
    (
        "in-place operation",
        "Do not change a tensor in place where gradients are needed: build a new one.",
    ),
    (
        "must match the size of tensor",
        "Two shapes do not fit together: print them. A sum over the last axis needs "
        "`keepdim=True` if it is to multiply a vector; components are indexed with `x[..., 0]`.",
    ),
    (
        "too many indices",
        "The batch axes are free, there may be none: index the last axis with `x[..., 0]`.",
    ),
    (
        "values to unpack",
        "A tensor unpacks along its first axis, which is the batch: write "
        "`q, p = x[..., 0], x[..., 1]`.",
    ),
    (
        "converted to",
        "`torch.tensor([...])`, `float(...)` and the functions of `math` take plain numbers, and "
        "cut the graph: use torch's functions, and put tensors together by "
        "`torch.stack([...], dim=-1)`.",
    ),
    (
        "object is not callable",
        "Something that is not a function is called like one; has a name been used twice?",
    ),
)


def _describe(value: Any) -> str:
    """A value in a few words: its type and, where it has one, its shape."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    if callable(value):
        return f"the function `{getattr(value, '__name__', type(value).__name__)}`"
    if value is None or isinstance(value, bool | int | float | str):
        return f"`{str(value)[:40]!r}`" if isinstance(value, str) else f"`{value}`"
    return f"a {type(value).__name__}"


# --- what came back ------------------------------------------------------------------------------


def conform(
    value: Any, like: torch.Tensor | np.ndarray, what: str, shape: tuple[int, ...] | None = None
) -> None:
    """Expect a finite tensor (or array) of the type, shape and dtype of `like`.

    Args:
        value: What the learner's code gave.
        like: Has the type and dtype that are right.
        what: What to call the value in the message.
        shape: The right shape; None takes that of `like`.

    Raises:
        Wrong: If it is not so; the message says what was found.
    """
    shape = tuple(like.shape) if shape is None else tuple(shape)
    kind: type[torch.Tensor] | type[np.ndarray]
    if isinstance(like, torch.Tensor):
        expect(
            not isinstance(value, np.ndarray | np.generic),
            f"{what} gives a NumPy array; a torch tensor is needed, through which gradients can "
            "flow. Use the torch functions: `torch.stack` for `np.stack`, and so on.",
        )
        kind, wanted = torch.Tensor, "a torch tensor"
    else:
        expect(
            not isinstance(value, torch.Tensor),
            f"{what} gives a torch tensor; a NumPy array is needed here: `value.detach().numpy()`.",
        )
        kind, wanted = np.ndarray, "a NumPy array"
    advice = ""
    if isinstance(value, tuple | list):
        advice = " Put the components together by `torch.stack([...], dim=-1)`."
    expect(isinstance(value, kind), f"{what} gives {_describe(value)}, not {wanted}.{advice}")
    got = tuple(value.shape)
    expect(
        got == shape,
        f"{what} gives shape {got}; for this input it should be {shape}."
        f"{_shape_advice(got, shape)}",
    )
    expect(
        value.dtype == like.dtype,
        f"{what} gives dtype {value.dtype}; the input has {like.dtype}. A tensor made without a "
        "dtype does this: use `torch.zeros_like(x)`, or pass `dtype=x.dtype`.",
    )
    finite = torch.isfinite(torch.as_tensor(value).detach())
    expect(
        finite.all(),
        f"{what} gives NaN or infinity in {int((~finite).sum())} of {finite.numel()} numbers: "
        "look for a division by zero, a logarithm or a root of a negative number.",
    )


def _shape_advice(got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """The likely mistake behind a wrong shape, as a sentence to append."""
    if want == ():
        return " One number is wanted: a sum or a mean over the batch is missing."
    if got == (*want, *want):
        return (
            " Shapes (B,) and (B, 1) were combined, which broadcasts to (B, B): make both the same."
        )
    if got == (*want, 1):
        return " An axis of length 1 is left over: index with `x[..., 0]`, not `x[..., 0:1]`."
    if len(want) > 1 and got == (want[-1], *want[:-1]):
        return (
            " The components came first: stack them along the last axis, "
            "`torch.stack([...], dim=-1)`."
        )
    if got == ():
        return " Everything was summed into one number: keep the batch axes."
    if len(got) == len(want) + 1 and got[:-1] == want:
        return " The last axis holds the components of the state: sum over it with `.sum(dim=-1)`."
    if len(want) > 1 and got == (math.prod(want),):
        return " `torch.cat` joins axes that exist; `torch.stack([...], dim=-1)` makes a new one."
    if len(got) == len(want) and len(want) > 1 and got[:-1] == want[:-1]:
        return " The batch axes are right; the last axis is not: it holds [q, p]."
    if len(want) > 1 and got == want[1:]:
        return " The batch is lost: index the last axis with `x[..., 0]`, not `x[0]`."
    if len(want) > 1 and got[-1] == want[-1]:
        return " The batch axes do not come through: index the last axis, `x[..., 0]`, not `x[0]`."
    return ""


def gradient(value: torch.Tensor, wrt: torch.Tensor, what: str, *, name: str) -> torch.Tensor:
    """Gradient of a learner's value, or the message that its graph is broken.

    Args:
        value: What the learner's function returned; summed if it is not a scalar.
        wrt: The tensor that requires grad.
        what: Where the value comes from, for the message: ``"the loss"``.
        name: What `wrt` is, for the message: ``"the network's weights"``.

    Returns:
        Gradient with the shape of `wrt`.

    Raises:
        Wrong: If no gradient flows; the message says where to look.
    """
    lost = (
        f"No gradient flows from {what} to {name}: the graph is broken on the way. Look for "
        "`.detach()`, `.item()`, `.data`, `float(...)`, NumPy, `torch.no_grad()`, or a "
        "`torch.autograd.grad(...)` without `create_graph=True`."
    )
    expect(isinstance(value, torch.Tensor) and value.requires_grad, lost)
    try:
        return torch.autograd.grad(value.sum(), wrt)[0]
    except RuntimeError as error:  # the graph is the learner's, so the error is too
        raise Wrong(f"{lost}\n`RuntimeError`: {str(error).splitlines()[0]}") from None


def number(value: Any, what: str) -> float:
    """A learner's value as a finite float, or the message why it is none.

    Args:
        value: A number, or a tensor or array that holds one.
        what: What to call it in the message.

    Returns:
        The number.

    Raises:
        Wrong: If it is not one finite number.
        NotAttempted: If it is still the stub's `...`.
    """
    if value is Ellipsis:
        raise NotAttempted
    array = isinstance(value, torch.Tensor | np.ndarray | np.generic)
    single = array and math.prod(value.shape) == 1 and isinstance(value.item(), int | float)
    plain = isinstance(value, float | int) and not isinstance(value, bool)
    expect(plain or single, f"{what} should be one number, and is {_describe(value)}.")
    result = float(value.item() if array else value)
    expect(np.isfinite(result), f"{what} is {result}: not a finite number.")
    return result


def table(answer: Any, keys: Iterable[Any], name: str) -> dict[Any, Any]:
    """A learner's dict with exactly these keys, or the message what is missing.

    Args:
        answer: What the learner handed in.
        keys: The keys it must have.
        name: The variable's name, for messages.

    Returns:
        The learner's values, in the order of `keys`.

    Raises:
        Wrong: If it is no dict, or has other keys.
        NotAttempted: If no key has an answer yet.
    """
    keys = list(keys)
    if not isinstance(answer, Mapping):
        raise Wrong(f"`{name}` should be a dict with the keys {keys}, and is {_describe(answer)}.")
    missing = [key for key in keys if key not in answer]
    strange = [key for key in answer if key not in keys]
    expect(
        not strange,
        f"`{name}` has the unknown keys {strange}; the keys are {keys}.",
    )
    blank = [key for key in keys if key in answer and answer[key] is Ellipsis]
    if len(blank) + len(missing) == len(keys):
        raise NotAttempted
    open_keys = [key for key in keys if key in missing or key in blank]
    expect(not open_keys, f"`{name}` has no answer yet for {open_keys}.")
    return {key: answer[key] for key in keys}


def numbers(answer: Any, keys: Iterable[Any], name: str, each: str) -> dict[Any, list[float]]:
    """A learner's dict with three or more numbers at each of these keys, or what is missing.

    Args:
        answer: What the learner handed in.
        keys: The keys it must have.
        name: The variable's name, for messages.
        each: What a number is, for messages: "rate for each seed".

    Returns:
        The learner's numbers, in the order of `keys`.

    Raises:
        Wrong: If it is no such dict, or a value is no list of that many finite numbers.
        NotAttempted: If no key has an answer yet.
    """
    found = {}
    for key, row in table(answer, keys, name).items():
        what = f"`{name}[{key}]`"
        expect(
            isinstance(row, list | tuple | torch.Tensor)
            and getattr(row, "ndim", 1) == 1
            and len(row) >= 3,
            f"{what} should hold one {each}, at least 3 of them.",
        )
        found[key] = [number(value, f"An entry of {what}") for value in row]
    return found


def choices(
    answer: Any,
    right: Mapping[str, str],
    words: Iterable[str],
    advice: Mapping[str, str],
    name: str,
) -> None:
    """Expect the right word for each key; say how many are right, and what to think of at others.

    Args:
        answer: What the learner handed in: a dict of words.
        right: The right word for each key.
        words: All words that are on offer.
        advice: A question to think about, for each key.
        name: The variable's name, for messages.

    Raises:
        Wrong: If a word is wrong, or not on offer.
        NotAttempted: If no key has an answer yet.
    """
    words, given = list(words), table(answer, right, name)
    for key, word in given.items():
        expect(
            word in words,
            f'`{name}["{key}"]` is {word!r}; choose one of: {", ".join(map(repr, words))}.',
        )
    wrong = [key for key in right if given[key] != right[key]]
    if wrong:
        lines = [f"`{key}`: not {given[key]!r}. {advice[key]}" for key in wrong]
        raise Wrong("\n".join([f"{len(right) - len(wrong)} of {len(right)} are right.", *lines]))
