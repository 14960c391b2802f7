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
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, ValuesView
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from numbers import Real
from pathlib import Path
from traceback import walk_tb
from typing import Any

import numpy as np
import torch

from hnn_tutorial.check.hints import hint
from hnn_tutorial.check.slips import Truth, recognise

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


def score(
    rubric: Iterable[tuple[bool, str]], what: str = "numbers", *, of: str = "design", hint: str = ""
) -> None:
    """Expect every point of an open task's rubric, and name those that are missing.

    Args:
        rubric: Pairs (whether the point is met, what it asks for).
        what: What the check has found right before it came to the rubric.
        of: What the rubric judges.
        hint: A sentence to append where a point is missing.

    Raises:
        Wrong: If a point is not met.
    """
    rubric = list(rubric)
    missing = [text for met, text in rubric if not met]
    expect(
        not missing,
        f"Your {what} are right. The {of} has {len(rubric) - len(missing)} of {len(rubric)} "
        f"points; it lacks {'; and '.join(missing)}.{hint}",
    )


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
    rtol, atol = _tolerances(want, rtol, atol)
    return got.shape == want.shape and torch.allclose(got, want, rtol=rtol, atol=atol)


_single: ContextVar[bool] = ContextVar("_single", default=False)
"""Whether an answer of the check that runs was computed in single precision."""


@contextmanager
def run() -> Iterator[None]:
    """One run of a check: what it found out about precision ends with it."""
    token = _single.set(False)
    try:
        yield
    except Wrong as reason:
        if _single.get():
            raise Wrong(f"{reason}\n{SINGLE}") from None
        raise
    finally:
        _single.reset(token)


SINGLE = (
    "Your function gives float32 where the input is float64, so it was judged with seven digits "
    "in mind. If that is not on purpose, look for `torch.tensor(...)` or `torch.zeros(...)` "
    "without a dtype."
)


def _tolerances(want: torch.Tensor, rtol: float, atol: float) -> tuple[float, float]:
    """The tolerances, wider if the answer was computed in single precision."""
    if not _single.get():
        return rtol, atol
    size = float(want.detach().abs().max()) if want.numel() else 1.0
    return max(rtol, 1e-4), max(atol, 1e-5 * (size if math.isfinite(size) and size > 0 else 1.0))


def match(
    got: Any,
    want: torch.Tensor,
    mistakes: Iterable[tuple[torch.Tensor, str]] = (),
    otherwise: str = "",
    *,
    at: torch.Tensor | None = None,
    times: torch.Tensor | None = None,
    parameters: Mapping[str, float] | None = None,
    counts: Mapping[str, float] | None = None,
    truth: Truth | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
) -> None:
    """Expect `got` to equal `want`, and say which mistake was made where it does not.

    The check's own mistakes come first. Then `recognise` looks for the slips that students make
    everywhere: factors such as 2, pi and m, signs, exchanged components. If nothing explains all
    the values, the message shows the worst one.

    Args:
        got: The learner's values.
        want: The right values, same shape.
        mistakes: Pairs (values that a known mistake gives, the message for it).
        otherwise: First sentence of the message when none of these mistakes is recognised.
        at: States behind the values, one per row; the message shows the worst one.
        times: Times behind the values, one per entry of the first axis; the message shows the
            worst one, and values of the step before or after are recognised.
        parameters: Parameters by name, for example ``{"m": 1.7, "k": 0.6}``.
        counts: Numbers of things that a sum may run over, such as ``{"the number of seeds": 5}``;
            those of states and components are known from `at`.
        truth: The right formula, called as ``truth(at, **parameters)``, or as
            ``truth(**parameters)`` without `at`: it finds exchanged and forgotten parameters,
            [p, q] for [q, p] and momenta for velocities.
        rtol: Relative tolerance.
        atol: Absolute tolerance.

    Raises:
        Wrong: If they differ; the message names the mistake, or shows the worst values.
    """
    if close(got, want, rtol, atol):
        return
    values = as_tensor(got)
    if values is None:
        raise Wrong(f"Numbers are wanted here, not {_describe(got)}.")
    got = values
    for values, message in mistakes:
        if close(got, values, rtol, atol):
            raise Wrong(message)
    rtol, atol = _tolerances(want, rtol, atol)
    found = recognise(
        got,
        want,
        parameters=parameters,
        counts=counts,
        at=at,
        times=times,
        truth=truth,
        rtol=rtol,
        atol=atol,
    )
    if len(found) == 1:
        slip = found[0]
    elif found:
        slip = "More than one mistake gives these values: " + " Or: ".join(found[:3])
    else:
        slip = ""
    raise Wrong(" ".join(filter(None, [otherwise, worst(got, want, at=at, times=times), slip])))


def worst(
    got: torch.Tensor,
    want: torch.Tensor,
    *,
    at: torch.Tensor | None = None,
    times: torch.Tensor | None = None,
) -> str:
    """Say what is given and what is right where the two differ most, in one sentence.

    Args:
        got: The learner's values.
        want: The right values.
        at: States behind the values, one per row.
        times: Times behind the values, one per entry of the first axis.

    Returns:
        A sentence such as ``"At x = [3, 4] yours gives 9, the right value is 2."``; both numbers
        have as many digits as it takes to tell them apart.
    """
    got, want = got.detach(), want.detach()
    if got.shape != want.shape:
        return f"The shape is {tuple(got.shape)}; it should be {tuple(want.shape)}."
    if not want.numel():
        return ""
    off = torch.nan_to_num((got.to(torch.float64) - want.to(torch.float64)).abs(), nan=math.inf)
    index = [int(i) for i in torch.unravel_index(off.argmax(), off.shape)]
    place = []
    if times is not None and want.ndim and len(times) == len(want):
        place.append(f"t = {float(times[index[0]]):.4g}")
    if at is not None and want.ndim and want.shape[:1] == at.shape[:1]:
        rows = min(at.ndim - 1, want.ndim)
        if at.shape[:rows] != want.shape[:rows]:
            rows = 1
        place.append(f"x = {_show(at[tuple(index[:rows])])}")
        got, want, index = got[tuple(index[:rows])], want[tuple(index[:rows])], index[rows:]
    elif place:
        got, want, index = got[index[0]], want[index[0]], index[1:]
    if want.numel() > 6:
        inside = ", ".join(map(str, index))
        place.append(f"entry [{inside}]")
        got, want = got[tuple(index)], want[tuple(index)]
    yours, right = _show_both(got, want)
    words = f"ours gives {yours}, the right value is {right}."
    return f"At {', '.join(place)} y{words}" if place else f"Y{words}"


def _show(value: torch.Tensor, digits: int = 4) -> str:
    """A short tensor as plain numbers."""
    if value.ndim == 0:
        return f"{value.item():.{digits}g}"
    flat = ", ".join(f"{v:.{digits}g}" for v in value.reshape(-1)[:6].tolist())
    return f"[{flat}{', ...' if value.numel() > 6 else ''}]"


def _show_both(got: torch.Tensor, want: torch.Tensor) -> tuple[str, str]:
    """Two short tensors with as many digits as it takes to see that they differ."""
    for digits in range(4, 18):
        shown = _show(got, digits), _show(want, digits)
        if shown[0] != shown[1]:
            break
    return shown


# --- calling the learner's code ------------------------------------------------------------------


def function(answer: Any, signature: str) -> Callable[..., Any]:
    """Wrap a learner's function so that a call of it can only fail with a message.

    The wrapper takes the learner's arguments and two keywords of its own: with ``like=t`` the
    result must hold finite numbers of the shape of ``t``, and the wrapper returns it as a tensor
    (or array) like ``t``, whatever the learner used (`conform` says what is accepted);
    ``shape=s`` overrides the shape. Every call passes fresh copies of tensors and arrays, also of
    those in lists, tuples and dicts; the learner must not change them. A copy of a tensor that
    requires grad belongs to the same graph, so the check can differentiate by its own tensor.

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
            f"This check wants the function itself, and got {_describe(answer)}. It seems that "
            f"the function was called already. Pass `{name}`, without brackets."
        )
    if not callable(answer):
        raise Wrong(f"This check wants a function `{signature}`, and got {_describe(answer)}.")

    def call(
        *inputs: Any,
        like: torch.Tensor | np.ndarray | None = None,
        shape: tuple[int, ...] | None = None,
    ) -> Any:
        given = [_fresh(value) for value in inputs]
        try:
            value = answer(*given)
        except (Wrong, NotAttempted):
            raise  # from another answer of the learner's that this one calls
        except Exception as error:
            _tell(error, answer, signature, inputs)
        for after, before in zip(given, inputs, strict=True):
            if isinstance(before, torch.Tensor | np.ndarray) and not _same(after, before):
                raise Wrong(
                    f"`{name}` changes its input in place (by `x[...] = ...`, `x *= ...` or a "
                    "method ending in `_`). The code that called it still needs the old values: "
                    "build a new tensor, for example with `torch.stack` or `torch.cat`."
                )
        if value is Ellipsis:
            raise NotAttempted
        expect(value is not None, f"`{name}` returns None: is a `return` missing?")
        if like is not None:
            return conform(value, like, f"`{name}`", shape)
        return _plain(value, inputs, name)

    return call


def _plain(value: Any, inputs: tuple[Any, ...], name: str) -> Any:
    """What a function of tensors gave, as a tensor of their precision, if it is an array at all."""
    tensors = [v for v in inputs if isinstance(v, torch.Tensor) and v.is_floating_point()]
    if not tensors or not isinstance(value, torch.Tensor | np.ndarray | list):
        return value
    values = as_tensor(value)
    if values is None:
        expect(
            not isinstance(value, np.ndarray),
            f"`{name}` gives {_describe(value)} without numbers in it.",
        )
        return value
    if isinstance(value, list) and any(isinstance(part, torch.Tensor) for part in value):
        return value  # a list of tensors may be wanted
    if values.dtype == torch.float32 and all(v.dtype == torch.float64 for v in tensors):
        _single.set(True)
        values = values.to(torch.float64)
    return _noted(values, value)


def _fresh(value: Any) -> Any:
    """A copy for the learner, so that no call finds a gradient or a value of another one.

    A tensor that requires grad stays connected to the check's own, and keeps its `.grad`.
    """
    if isinstance(value, torch.nn.Parameter):
        return value
    if isinstance(value, torch.Tensor):
        copy = value.clone()
        if copy.requires_grad and not copy.is_leaf:
            with suppress(RuntimeError):  # inside torch.func.grad
                copy.retain_grad()
        return copy
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) in (list, tuple):
        return type(value)(_fresh(part) for part in value)
    if type(value) is dict:
        return {key: _fresh(part) for key, part in value.items()}
    return value


def _same(a: Any, b: Any) -> bool:
    """Whether two arrays are equal, NaN for NaN: a learner's motion may run to infinity."""
    a, b = torch.as_tensor(a).detach(), torch.as_tensor(b).detach()
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
        told = hint(error, "")
        text = f"Your function could not be called. {what}\n{called}"
        raise Wrong(text + (f"\n{told}" if told else "")) from None
    where = f"in line {line}" + (f": `{source}`" if source else "")
    told = hint(error, source)
    text = f"Your code raised {what}\n{where}\n{called}" + (f"\n{told}" if told else "")
    raise Wrong(text) from None


def _is_learners(filename: str) -> bool:
    """Whether a source file is neither ours, nor the standard library's, nor an installed one."""
    if "site-packages" in filename or "dist-packages" in filename:
        return False
    return not filename.startswith((_OURS, _STDLIB, "<frozen", "<__array_function__"))


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
) -> Any:
    """Expect finite numbers of the right shape, and return them as a tensor (or array) like `like`.

    Right is right in every type: tensors, NumPy arrays, Python numbers for a shape (), lists,
    tuples and views of numbers or of tensors, integers, float32 for float64 (the tolerances of
    `close` and `match` are widened then). A tensor keeps its graph. Where gradients must flow,
    `gradient` says so, and says it of NumPy too.

    Args:
        value: What the learner's code gave.
        like: A tensor or array of the type and dtype to return.
        what: What to call the value in the message.
        shape: The right shape; None takes that of `like`.

    Returns:
        The learner's values.

    Raises:
        Wrong: If it is not so; the message says what was found.
    """
    shape = tuple(like.shape) if shape is None else tuple(shape)
    wanted = torch.as_tensor(like)
    if (
        isinstance(value, tuple)
        and len(value) == 1
        and isinstance(value[0], torch.Tensor)
        and shape[:1] != (1,)
    ):
        raise Wrong(
            f"{what} gives a tuple with one tensor in it, as `torch.autograd.grad` does: take the "
            "tensor out, by `[0]` or by `(slope,) = torch.autograd.grad(...)`."
        )
    values = as_tensor(value)
    if values is None:
        advice = ""
        if isinstance(value, tuple | list):
            advice = (
                " Its parts do not fit together. Put the components together by "
                "`torch.stack([...], dim=-1)`."
            )
        raise Wrong(f"{what} gives {_describe(value)}, not a torch tensor of numbers.{advice}")
    got = tuple(values.shape)
    if got != shape:
        advice = _shape_advice(got, shape)
        if isinstance(value, tuple) and got[1:] == shape:
            raise Wrong(
                f"{what} gives a tuple of {got[0]} tensors of the shape that is wanted: return one "
                "of them. `torch.func.jvp`, for example, gives the value and its derivative."
            )
        if isinstance(value, tuple | list):
            advice = " Put the components together by `torch.stack([...], dim=-1)`."
        raise Wrong(f"{what} gives shape {got}; for this input it should be {shape}.{advice}")
    expect(
        not values.is_complex(),
        f"{what} gives complex numbers; real ones are wanted. If the imaginary part is zero, "
        "take `.real`.",
    )
    expect(
        values.dtype != torch.bool,
        f"{what} gives True and False; numbers are wanted.",
    )
    expect(
        values.dtype not in (torch.float16, torch.bfloat16),
        f"{what} gives dtype {values.dtype}, which has about three digits: too few to be checked. "
        f"The input has {wanted.dtype}.",
    )
    finite = torch.isfinite(values.detach())
    expect(
        finite.all(),
        f"{what} gives NaN or infinity in {int((~finite).sum())} of {finite.numel()} numbers: "
        "look for a division by zero, a logarithm or a root of a negative number.",
    )
    if values.dtype == torch.float32 and wanted.dtype == torch.float64:
        _single.set(True)
    if wanted.is_floating_point():
        values = values.to(wanted.dtype)
    values = _noted(values, value)
    return values if isinstance(like, torch.Tensor) else values.detach().numpy()


def _noted(values: torch.Tensor, came_as: Any) -> torch.Tensor:
    """The tensor, with a note of what it was made from, for `gradient`."""
    if not isinstance(came_as, torch.Tensor) and not values.requires_grad:
        values._came_as = _describe(came_as)  # type: ignore[attr-defined]
    return values


def as_tensor(value: Any) -> torch.Tensor | None:
    """Return numbers of any type as a tensor, or None if it is not numbers, or they do not fit.

    Args:
        value: A tensor, an array, a number, or a list, tuple or view of these. Lists of tensors
            are stacked along the first axis and keep their graphs.
    """
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | float | np.generic):
        return torch.as_tensor(value, dtype=torch.float64 if isinstance(value, float) else None)
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value.copy()) if value.dtype.kind in "fiubc" else None
    if isinstance(value, list | tuple | range | ValuesView | map | Generator):
        parts = [as_tensor(part) for part in value]
        whole = [part for part in parts if part is not None]
        if not whole or len(whole) < len(parts) or len({part.shape for part in whole}) > 1:
            return None
        kinds = [part.dtype for part in whole]
        kind = kinds[0]
        for other in kinds[1:]:
            kind = torch.promote_types(kind, other)
        return torch.stack([part.to(kind) for part in whole])
    return None


def _shape_advice(got: tuple[int, ...], want: tuple[int, ...]) -> str:
    """What gives such a shape, as a sentence to append.

    A shape alone does not tell which mistake was made, so the sentences say what does this.
    """
    same_ends = len(got) == len(want) > 1
    if want == ():
        return " One number is wanted: a sum or a mean over the batch is missing."
    if got == ():
        return " This is a single number, as a sum over everything gives it: keep the batch axes."
    if got == (*want, *want):
        return (
            " Shapes (B,) and (B, 1) were combined, which broadcasts to (B, B): make both the same."
        )
    if got == (*want, 1):
        return " An axis of length 1 is left over: `x[..., 0:1]` keeps one, `x[..., 0]` does not."
    if same_ends and got == (want[-1], *want[:-1]) and want[-1] != want[0]:
        return (
            " The components came first: stack them along the last axis, "
            "`torch.stack([...], dim=-1)`."
        )
    if len(got) == len(want) + 1 and got[:-1] == want:
        return (
            f" The last axis, of length {got[-1]}, is one too many: if it holds the components, "
            "sum over it with `.sum(dim=-1)`."
        )
    if len(want) > 1 and got == (math.prod(want),):
        return " `torch.cat` joins axes that exist; `torch.stack([...], dim=-1)` makes a new one."
    if same_ends and got[:-1] == want[:-1]:
        return (
            f" The batch axes are right; the last axis should have the length {want[-1]} (of a "
            "state, it holds [q, p])."
        )
    if len(got) == len(want) > 0 and got[1:] == want[1:] and abs(got[0] - want[0]) <= 2:
        if got[0] < want[0]:
            return (
                f" Along the first axis {want[0] - got[0]} of {want[0]} entries are missing. "
                "`[1:]`, `[:-1]` and differences of neighbours do this; all entries are wanted."
            )
        return f" The first axis has {got[0]} entries in place of {want[0]}."
    if same_ends and sorted(got) == sorted(want):
        return f" These are the right axes in another order; wanted is the order {want}."
    if len(want) > 1 and got == want[1:]:
        return (
            " The first axis is lost. `x[0]` in place of `x[..., 0]` does this, and so does a sum "
            "over the first axis."
        )
    if len(want) > 1 and got[-1:] == want[-1:]:
        return (
            " The batch axes do not come through. `x[0]` in place of `x[..., 0]` does this, and so "
            "does a sum over the first axis."
        )
    return ""


def gradient(value: Any, wrt: torch.Tensor, what: str, *, name: str) -> torch.Tensor:
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
    came_as = getattr(value, "_came_as", "")
    if not came_as and not isinstance(value, torch.Tensor):
        came_as = _describe(value)
    expect(
        not came_as,
        f"No gradient flows from {what} to {name}: your code gives {came_as}, and gradients flow "
        "through torch tensors only. Use the torch functions: `torch.stack` for `np.stack`, "
        "and so on.",
    )
    expect(value.requires_grad, lost)
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
    single = array and math.prod(value.shape) == 1
    plain = value.item() if single else value
    expect(
        isinstance(plain, Real) and not isinstance(plain, bool),
        f"{what} should be one number; it is {_describe(value)}.",
    )
    result = float(plain)
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
        raise Wrong(f"`{name}` should be a dict with the keys {keys}; it is {_describe(answer)}.")
    answer = {_same_key(key, keys): value for key, value in answer.items()}
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


def _same_key(key: Any, keys: list[Any]) -> Any:
    """The right key that a learner's key means: 0.1 for 0.1 + rounding, or for a tensor."""
    if isinstance(key, torch.Tensor | np.generic) and math.prod(key.shape) == 1:
        key = key.item()
    if isinstance(key, float):
        return next((k for k in keys if isinstance(k, Real) and math.isclose(k, key)), key)
    return key


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
        if isinstance(row, Mapping):  # a number for each seed, by the seed
            row = list(row.values())
        if isinstance(row, ValuesView | range | map | Generator):
            row = list(row)
        expect(
            isinstance(row, list | tuple | torch.Tensor | np.ndarray)
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
    plain = {word.strip().casefold(): word for word in words}
    given = {
        key: plain.get(word.strip().casefold(), word) if isinstance(word, str) else word
        for key, word in given.items()
    }
    for key, word in given.items():
        expect(
            word in words,
            f'`{name}["{key}"]` is {word!r}; choose one of: {", ".join(map(repr, words))}.',
        )
    wrong = [key for key in right if given[key] != right[key]]
    if wrong:
        lines = [f"`{key}`: not {given[key]!r}. {advice[key]}" for key in wrong]
        raise Wrong("\n".join([f"{len(right) - len(wrong)} of {len(right)} are right.", *lines]))
