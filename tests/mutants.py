"""Mutants: answers that differ from a solution in one place, which no check may pass.

    python tests/mutants.py                   # the mutation score of every chapter
    python tests/mutants.py pendulum -v       # of one, with all survivors and equivalents

A solution that is a function is mutated in its source: a term is dropped, + becomes -, an index
or an axis another one, one argument another, and so on; so are the functions of the same test
file that it calls. A solution that is data (a number, a dict) is mutated in its values. `mutants`
makes them and `run` puts them through the check. A mutant that passes has *survived*: either the
check has a hole, or the mutant is right too. What is right too is named in ``Case.equivalent``,
with the reason.

A mutant may loop for ever. Every loop and function of it counts as a place to stop, and where the
system has timers one of them stops what hangs elsewhere; a mutant that is stopped did not pass.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import signal
import sys
import threading
import time
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from check_tools import Case

SECONDS = 20.0  # that one mutant may take

# --- mutants of a function's source --------------------------------------------------------------

ARITHMETIC = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult}
EXCHANGED = {
    "sin": "cos",
    "cos": "sin",
    "sum": "mean",
    "mean": "sum",
    "min": "max",
    "max": "min",
    "amin": "amax",
    "amax": "amin",
    "argmin": "argmax",
    "argmax": "argmin",
    "minimum": "maximum",
    "maximum": "minimum",
    "exp": "log",
    "log": "exp",
    "zeros_like": "ones_like",
    "triu": "tril",
    "tril": "triu",
    "all": "any",
    "any": "all",
}
# Calls whose value is close to their first argument: dropping one is a mistake that is made.
DROPPED = {
    *("square", "sqrt", "abs", "sin", "cos", "tan", "exp", "log", "tanh", "neg", "sum", "mean"),
    *("cumsum", "roll", "flip", "transpose", "softplus", "relu", "sigmoid", "norm", "inv", "diff"),
    *("log10", "reciprocal", "tril", "triu", "diagonal", "trace", "prod", "sign", "clamp", "round"),
    *("requires_grad_", "unsqueeze", "squeeze", "float", "int", "min", "max", "median"),
}
OPPOSITE = {
    ast.Lt: ast.Gt,
    ast.Gt: ast.Lt,
    ast.LtE: ast.Gt,
    ast.GtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
UNTOUCHED_KEYWORDS = {"seed", "seeds", "dtype", "device", "generator"}


def _load(node: ast.expr) -> ast.expr:
    return node


def _times(factor: float, node: ast.expr) -> ast.expr:
    return ast.BinOp(ast.Constant(factor), ast.Mult(), node)


def _is_minus(node: ast.AST) -> bool:
    """Whether this is a negative constant such as -1."""
    return (
        isinstance(node, ast.UnaryOp)
        and isinstance(node.op, ast.USub)
        and isinstance(node.operand, ast.Constant)
    )


def _changed(node: ast.AST, parents: dict, parameters: list[str]) -> Iterator[ast.AST | None]:
    """Everything that stands in a mutant where `node` stood; None where it was removed."""
    parent = parents.get(node)
    if isinstance(node, ast.BinOp):
        yield from _changed_operation(node)
    elif isinstance(node, ast.AugAssign) and type(node.op) in ARITHMETIC:
        yield ast.AugAssign(node.target, ARITHMETIC[type(node.op)](), node.value)
        yield ast.Assign([node.target], node.value)
        yield None
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.Not):
        yield ast.Constant(0) if _is_minus(node) else node.operand
        if _is_minus(node) and not _is_index(node, parents):
            yield node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield from _changed_number(node, parent, parents)
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        if isinstance(parent, ast.keyword):
            yield ast.Constant(not node.value)
    elif isinstance(node, ast.Subscript):
        yield from _changed_subscript(node)
    elif isinstance(node, ast.Slice):
        yield from _changed_slice(node)
    elif isinstance(node, ast.Call):
        yield from _changed_call(node)
    elif isinstance(node, ast.Attribute) and node.attr in ("mT", "T", "real", "imag"):
        yield node.value
    elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in OPPOSITE:
        yield ast.Compare(node.left, [OPPOSITE[type(node.ops[0])]()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield ast.BoolOp(other, node.values)
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.If | ast.While):
        yield type(node)(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        yield None
    elif isinstance(node, ast.For | ast.Expr | ast.Assign | ast.AnnAssign):
        yield None
    elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
        if not isinstance(parent, ast.Subscript) and not _is_shape(node):
            first, second, *rest = node.elts
            yield type(node)([second, first, *rest], node.ctx)
    elif (
        isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.id in parameters
        and not (isinstance(parent, ast.Call) and parent.func is node)
    ):
        others = [name for name in parameters if name != node.id]
        at = parameters.index(node.id)
        others.sort(key=lambda name: abs(parameters.index(name) - at))
        for name in others[:3]:
            yield ast.Name(name, ast.Load())
    if isinstance(node, ast.expr) and (
        isinstance(parent, ast.Return) or (isinstance(parent, ast.Lambda) and parent.body is node)
    ):
        whole = ast.Tuple | ast.List | ast.Dict | ast.Lambda | ast.ListComp | ast.DictComp
        if not isinstance(node, whole):
            yield ast.UnaryOp(ast.USub(), node)
            yield _times(2, node)
            yield _times(0.5, node)
        elif isinstance(node, ast.Tuple | ast.List):
            for i, part in enumerate(node.elts):
                changed = [*node.elts[:i], ast.UnaryOp(ast.USub(), part), *node.elts[i + 1 :]]
                yield type(node)(changed, ast.Load())


def _changed_operation(node: ast.BinOp) -> Iterator[ast.AST]:
    left, op, right = node.left, node.op, node.right
    if type(op) in ARITHMETIC:
        yield ast.BinOp(left, ARITHMETIC[type(op)](), right)
        yield left
        if isinstance(op, ast.Add | ast.Mult):
            yield right
        elif isinstance(op, ast.Sub):
            yield ast.UnaryOp(ast.USub(), right)
        else:
            yield ast.BinOp(right, ast.Div(), left)
    elif isinstance(op, ast.MatMult):
        yield ast.BinOp(right, op, left)
        yield left
        yield right
        yield ast.BinOp(left, ast.Mult(), right)
    elif isinstance(op, ast.Pow):
        yield left
        yield ast.BinOp(left, ast.Mult(), right)
    elif isinstance(op, ast.BitAnd | ast.BitOr):
        other = ast.BitOr() if isinstance(op, ast.BitAnd) else ast.BitAnd()
        yield ast.BinOp(left, other, right)


def _is_index(node: ast.AST, parents: dict) -> bool:
    """Whether a constant is an index, an axis or a part of a slice."""
    above = parents.get(node)
    if isinstance(above, ast.Tuple):
        node, above = above, parents.get(above)
    if isinstance(above, ast.keyword):
        return above.arg in ("dim", "axis", "dims", "dim0", "dim1")
    return isinstance(above, ast.Slice) or (
        isinstance(above, ast.Subscript) and above.slice is node
    )


def _is_shape(node: ast.Tuple | ast.List) -> bool:
    """Whether these are whole numbers, as a shape or axes."""
    return all(
        (isinstance(e, ast.Constant) and type(e.value) is int) or _is_minus(e) for e in node.elts
    )


def _changed_number(node: ast.Constant, parent: Any, parents: dict) -> Iterator[ast.AST]:
    value: Any = node.value
    if isinstance(parent, ast.keyword) and parent.arg in UNTOUCHED_KEYWORDS:
        return
    if _is_minus(parent):
        if not _is_index(parent, parents) and not isinstance(parents.get(parent), ast.Call):
            yield ast.Constant(2 * value)
        return
    if _is_index(node, parents):
        for other in (value + 1, -1) if value == 0 else (value - 1,):
            yield ast.Constant(other)
        return
    yield ast.Constant(value + 1)
    if value:
        yield ast.Constant(2 * value)
        yield ast.Constant(0 * value)


def _changed_subscript(node: ast.Subscript) -> Iterator[ast.AST]:
    inside = node.slice
    if isinstance(inside, ast.Tuple) and inside.elts:
        first, *rest = inside.elts
        if isinstance(first, ast.Constant) and first.value is Ellipsis:
            everything = ast.Slice(None, None, None)
            yield ast.Subscript(node.value, ast.Tuple([everything, *rest], ast.Load()), node.ctx)
            if len(rest) == 1:
                yield ast.Subscript(node.value, rest[0], node.ctx)
    if isinstance(node.ctx, ast.Load):
        yield node.value


def _changed_slice(node: ast.Slice) -> Iterator[ast.AST]:
    low, high, step = node.lower, node.upper, node.step
    if low is not None and high is None:
        yield ast.Slice(None, low, step)
        if isinstance(low, ast.Constant) and low.value == 1:
            yield ast.Slice(None, ast.UnaryOp(ast.USub(), ast.Constant(1)), step)
    elif low is None and high is not None:
        yield ast.Slice(high, None, step)
        if _is_minus(high):
            yield ast.Slice(ast.Constant(1), None, step)
    elif low is not None and high is not None:
        yield ast.Slice(None, low, step)
        yield ast.Slice(high, None, step)
    if step is not None:
        yield ast.Slice(low, high, None)


def _changed_call(node: ast.Call) -> Iterator[ast.AST]:
    func, arguments, keywords = node.func, node.args, node.keywords
    name = getattr(func, "attr", getattr(func, "id", ""))
    if name in EXCHANGED:
        other: Any = copy.copy(func)
        setattr(other, "attr" if isinstance(func, ast.Attribute) else "id", EXCHANGED[name])
        yield ast.Call(other, arguments, keywords)
    if name in DROPPED:
        module = isinstance(func, ast.Name) or (
            isinstance(func.value, ast.Name) and func.value.id in ("torch", "math", "np")
        )
        if not module and not isinstance(func.value, ast.Attribute):
            yield func.value
        elif arguments:
            yield arguments[0]
    if len(arguments) > 1:
        yield ast.Call(func, arguments[:-1], keywords)
        if not any(isinstance(a, ast.Starred) for a in arguments[:2]):
            yield ast.Call(func, [arguments[1], arguments[0], *arguments[2:]], keywords)
    elif name == "range" and arguments:
        yield ast.Call(func, [ast.BinOp(arguments[0], ast.Sub(), ast.Constant(1))], keywords)
    for i, given in enumerate(keywords):
        if given.arg not in UNTOUCHED_KEYWORDS:
            yield ast.Call(func, arguments, [*keywords[:i], *keywords[i + 1 :]])


class _Replace(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST | None) -> None:
        self.old, self.new = old, new

    def visit(self, node: ast.AST) -> Any:
        return self.new if node is self.old else self.generic_visit(node)


class _Bare(ast.NodeTransformer):
    """A function without docstrings, annotations and decorators, which are no part of an answer."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        body = node.body
        first = body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            body = body[1:] or [ast.Pass()]
        node.body, node.returns, node.decorator_list = body, None, []
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


class _Stoppable(ast.NodeTransformer):
    """A call of `_tick` in every loop and function, so that what loops for ever can be stopped."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        if isinstance(node, ast.FunctionDef | ast.For | ast.While):
            node.body.insert(0, ast.Expr(ast.Call(ast.Name("_tick", ast.Load()), [], [])))
        if isinstance(node, ast.FunctionDef | ast.If | ast.For | ast.While | ast.With):
            node.body = node.body or [ast.Pass()]
        return node


@functools.cache
def _module(filename: str) -> ast.Module:
    return ast.parse(Path(filename).read_text(encoding="utf-8"))


def _tree(function: types.FunctionType) -> ast.FunctionDef | ast.Lambda | None:
    """The syntax tree of a function or a lambda, from the file where it was written."""
    code = function.__code__
    if not Path(code.co_filename).is_file():
        return None
    for node in ast.walk(_module(code.co_filename)):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first == code.co_firstlineno and node.name == code.co_name:
                return _Bare().visit(copy.deepcopy(node))
        elif (
            isinstance(node, ast.Lambda)
            and code.co_name == "<lambda>"
            and node.lineno == code.co_firstlineno
        ):
            compiled = compile(ast.Expression(node), code.co_filename, "eval").co_consts[0]
            same = ("co_varnames", "co_names", "co_argcount")
            if all(getattr(compiled, a) == getattr(code, a) for a in same) and (
                [c for c in compiled.co_consts if not inspect.iscode(c)]
                == [c for c in code.co_consts if not inspect.iscode(c)]
            ):
                return copy.deepcopy(node)
    return None


def _names(code: types.CodeType) -> set[str]:
    """All names that a function uses, those of the functions inside it too."""
    inner = [_names(const) for const in code.co_consts if inspect.iscode(const)]
    return set(code.co_names).union(code.co_freevars, *inner)


def _family(function: types.FunctionType) -> dict[str, types.FunctionType]:
    """A function and those of the same file that it calls, by the names it calls them by."""
    found = {"": function}
    waiting = [function]
    while waiting:
        current = waiting.pop()
        values = {**current.__globals__, **_closure(current)}
        for name in sorted(_names(current.__code__)):
            other = values.get(name)
            if (
                isinstance(other, types.FunctionType)
                and other.__code__.co_filename == function.__code__.co_filename
                and other is not function
                and name not in found
                and not other.__closure__
            ):
                found[name] = other
                waiting.append(other)
    return found


def _closure(function: types.FunctionType) -> dict[str, Any]:
    cells = function.__closure__ or ()
    return {
        name: cell.cell_contents
        for name, cell in zip(function.__code__.co_freevars, cells, strict=True)
    }


def _assignment(name: str, tree: ast.FunctionDef | ast.Lambda) -> ast.stmt:
    if isinstance(tree, ast.FunctionDef):
        tree.name = name
        return tree
    return ast.Assign([ast.Name(name, ast.Store())], tree)


def source_mutants(solution: types.FunctionType) -> dict[str, Callable]:
    """All single mutants of a function's source, and of the functions of its file that it calls."""
    family = _family(solution)
    own = "solution"
    trees = {name or own: _tree(function) for name, function in family.items()}
    if trees[own] is None:
        return {}
    known = {name: tree for name, tree in trees.items() if tree is not None}
    codes = {name: _compiled(name, tree) for name, tree in known.items()}
    globals_ = {**solution.__globals__, **_closure(solution), "_tick": _tick}

    def built(changed: str, code: types.CodeType) -> Callable:
        space = dict(globals_)
        for name, right in codes.items():
            exec(code if name == changed else right, space)
        return space[own]

    found: dict[str, Callable] = {}
    for name, tree in known.items():
        shown = getattr(family["" if name == own else name], "__name__", name)
        for description, mutant in _single_changes(tree):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", SyntaxWarning)
                    code = _compiled(name, mutant)
            except (SyntaxError, ValueError, TypeError):
                continue
            found[f"{shown}: {description}"] = built(name, code)
    return found


def _compiled(name: str, tree: ast.FunctionDef | ast.Lambda) -> types.CodeType:
    body = _Stoppable().visit(_assignment(name, copy.deepcopy(tree)))
    return compile(
        ast.fix_missing_locations(ast.Module([body], type_ignores=[])), "<mutant>", "exec"
    )


def _single_changes(
    tree: ast.FunctionDef | ast.Lambda,
) -> Iterator[tuple[str, ast.FunctionDef | ast.Lambda]]:
    """Mutants of a tree, each with the changed statement as its description."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    arguments = tree.args
    parameters = [a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]]
    seen = {ast.unparse(tree)}
    nodes = list(ast.walk(tree))
    for i, node in enumerate(nodes):
        if node is tree or _inside_arguments(node, parents):
            continue
        for new in _changed(node, parents, parameters):
            mutant = copy.deepcopy(tree)
            old = list(ast.walk(mutant))[i]
            new = copy.deepcopy(new)
            mutant = _Replace(old, new).visit(mutant)
            for empty in ast.walk(mutant):
                if isinstance(empty, ast.FunctionDef | ast.If | ast.For | ast.While | ast.With):
                    empty.body = empty.body or [ast.Pass()]
            ast.fix_missing_locations(mutant)
            text = ast.unparse(mutant)
            if text in seen:
                continue
            seen.add(text)
            yield _described(node, new, parents, tree, mutant), mutant


def _inside_arguments(node: ast.AST | None, parents: dict) -> bool:
    while node is not None:
        if isinstance(node, ast.arguments):
            return True
        node = parents.get(node)
    return False


def _described(old: ast.AST, new: Any, parents: dict, tree: ast.AST, mutant: ast.AST) -> str:
    """The statement with the change in it; for a lambda the whole."""
    if isinstance(tree, ast.Lambda):
        return ast.unparse(mutant)
    statement = old
    while not isinstance(statement, ast.stmt):
        statement = parents[statement]
    if new is None:
        return f"without `{_head(ast.unparse(statement))}`"
    if statement is old:
        return _head(ast.unparse(new))
    before = copy.deepcopy(statement)
    inside = list(ast.walk(statement)).index(old)
    target = list(ast.walk(before))[inside]
    changed = ast.fix_missing_locations(_Replace(target, new).visit(before))
    return _head(ast.unparse(changed))


def _head(text: str) -> str:
    """The first line of a statement."""
    return text.splitlines()[0]


# --- mutants of data -----------------------------------------------------------------------------

VALUES: dict[str, Callable[[Any], Any]] = {
    "times 2": lambda v: 2 * v,
    "times 1/2": lambda v: v / 2,
    "times -1": lambda v: -v,
    "times 10": lambda v: 10 * v,
    "squared": lambda v: v**2,
    "inverted": lambda v: 1 / v if np.all(np.asarray(v)) else v + 1,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number | np.ndarray | torch.Tensor) and not (
        isinstance(value, bool)
    )


def _is_row(value: Any) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_number, value))


def _mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with every number in it changed."""
    if isinstance(value, dict):
        return {key: _mapped(part, change) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_mapped(part, change) for part in value)
    return change(value) if _is_number(value) else value


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _words(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _words(part)


def data_mutants(solution: Any, words: Any = (), dear: Sequence[str] = ()) -> dict[str, Any]:
    """Mutants of an answer that is data: other numbers, other words, exchanged values.

    Args:
        solution: The right answer.
        words: All words on offer, for answers with words in them; or these for each key.
        dear: Keys whose numbers are changed in one way only: a check measures all again.
    """
    found: dict[str, Any] = {}
    if any(True for _ in _numbers(solution)):
        for name, change in VALUES.items():
            found[f"all {name}"] = _mapped(solution, change)
    offered = dict.fromkeys(_words(solution))
    for path, part in _parts(solution):
        shown = "".join(f"[{key!r}]" for key in path)
        if isinstance(part, str):
            choice = words.get(path[-1], ()) if isinstance(words, Mapping) else words
            for word in choice or offered:
                if word != part:
                    found[f"{shown} = {word!r}"] = _put(solution, path, word)
        elif isinstance(part, bool):
            found[f"{shown} = {not part}"] = _put(solution, path, not part)
        elif path:
            for name, change in islice(VALUES.items(), 1 if path[-1] in dear else None):
                found[f"{shown} {name}"] = _put(solution, path, _mapped(part, change))
    if isinstance(solution, dict):
        keys = list(solution)
        for a, b in pairwise(keys):
            swapped = {**solution, a: solution[b], b: solution[a]}
            found[f"[{a!r}] and [{b!r}] exchanged"] = swapped
    return {name: value for name, value in found.items() if not _equal(value, solution)}


def _numbers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _numbers(part)
    elif _is_number(value):
        yield value


def _parts(value: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    """All words, numbers and rows of numbers, with the keys that lead to them."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _parts(part, (*path, key))
    elif _is_row(value) or not isinstance(value, list | tuple):
        if isinstance(value, str | bool) or _is_row(value) or _is_number(value):
            yield path, value
    else:
        for i, part in enumerate(value):
            yield from _parts(part, (*path, i))


def _put(value: Any, path: tuple, new: Any) -> Any:
    if not path:
        return new
    changed = copy.copy(value) if isinstance(value, dict) else list(value)
    changed[path[0]] = _put(value[path[0]], path[1:], new)
    return tuple(changed) if isinstance(value, tuple) else changed


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, torch.Tensor | np.ndarray) or isinstance(b, torch.Tensor | np.ndarray):
        return bool(np.array_equal(np.asarray(a), np.asarray(b)))
    return a == b and type(a) is type(b)


def mutants(case: Case) -> dict[str, Any]:
    """All mutants of a case's solution: description -> answer."""
    solution = case.solution
    if isinstance(solution, functools.partial):
        solution = solution.func
    if isinstance(solution, types.FunctionType):
        return source_mutants(solution)
    if callable(solution):
        return {}
    return data_mutants(solution, case.words, case.dear)


# --- running them --------------------------------------------------------------------------------


class TooLong(BaseException):
    """A mutant took longer than it may; no check catches this."""


_deadline = float("inf")


def _tick() -> None:
    if time.monotonic() > _deadline:
        raise TooLong


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Stop a mutant that takes longer, by `TooLong`."""
    global _deadline
    _deadline = time.monotonic() + seconds
    timer = hasattr(signal, "setitimer") and (threading.current_thread() is threading.main_thread())

    def stop(*_: Any) -> None:
        raise TooLong

    if timer:
        before = signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        _deadline = float("inf")
        if timer:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)


@dataclass
class Score:
    """What became of the mutants of one case."""

    killed: list[str] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)  # of these, those that raised an error
    slow: list[str] = field(default_factory=list)  # of these, those that were stopped
    survived: list[str] = field(default_factory=list)
    equivalent: dict[str, str] = field(default_factory=dict)  # mutant -> the reason
    unused: list[str] = field(default_factory=list)  # entries of Case.equivalent without a mutant
    broad: list[str] = field(default_factory=list)  # entries that fit mutants that were killed
    broken: dict[str, str] = field(default_factory=dict)  # mutant -> the check's own exception
    messages: dict[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Number of mutants that are not equivalent."""
        return len(self.killed) + len(self.survived)

    @property
    def mended(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.survived or self.unused or self.broad or self.broken)

    def __str__(self) -> str:
        lines = []
        for words, names in (
            ("These mutants pass the check", self.survived),
            ("These entries of `equivalent` fit no mutant that passes", self.unused),
            ("These entries of `equivalent` fit mutants that do not pass", self.broad),
            ("The check itself raises", [f"{k}\n      {v}" for k, v in self.broken.items()]),
        ):
            if names:
                lines += [f"{words}:", *(f"    {name}" for name in names)]
        return "\n".join(lines)


def run(case: Case, seconds: float = SECONDS) -> Score:
    """Put all mutants of a case through its check.

    An entry of ``case.equivalent`` stands for every mutant whose description it is a part of; all
    of these must pass the check, or the entry says too much.
    """
    score, passed = Score(), []
    for name, answer in mutants(case).items():
        torch.manual_seed(0)
        try:
            # A function may run for ever; data cannot, and only the check's word refuses them.
            limit = at_most(seconds) if callable(answer) else nullcontext()
            with limit, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                result = case.check(answer)
        except TooLong:
            score.killed.append(name)
            score.slow.append(name)
            continue
        except Exception as error:
            score.broken[name] = f"{type(error).__name__}: {str(error)[:200]}"
            continue
        if result:
            passed.append(name)
        else:
            score.killed.append(name)
            score.messages[name] = result.message
            if "raised `" in result.message or "could not be called" in result.message:
                score.raised.append(name)
    for entry, reason in case.equivalent.items():
        fits = [name for name in passed if entry in name]
        score.equivalent |= dict.fromkeys(fits, reason)
        if not fits:
            score.unused.append(entry)
        elif any(entry in name for name in score.killed):
            score.broad.append(entry)
    score.survived = [name for name in passed if name not in score.equivalent]
    return score


def main(arguments: list[str]) -> int:
    """Print the mutation score of chapters; 1 if a mutant survives in one of them."""
    from importlib import import_module

    from check_tools import ChapterChecks

    here = Path(__file__).parent
    names = [a.removesuffix(".py") for a in arguments if not a.startswith("-")]
    names = names or sorted(
        p.stem.removeprefix("test_check_") for p in here.glob("test_check_*.py")
    )
    good = True
    for name in names:
        module = import_module(f"test_check_{name}")
        tests = [
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, ChapterChecks)
            and value is not ChapterChecks
        ]
        total = killed = equal = 0
        rows: list[str] = []
        for case in (case for test in tests for case in test.cases):
            start = time.process_time()
            score = run(case)
            spent = time.process_time() - start
            total += score.total
            killed += len(score.killed)
            equal += len(score.equivalent)
            good &= score.mended
            rows.append(
                f"  {case!s:<24} {len(score.killed):>4} of {score.total:<4} "
                f"{len(score.raised)} raise, {len(score.equivalent)} equivalent, {spent:.1f} s"
            )
            if not score.mended:
                rows += [f"    {line}" for line in str(score).splitlines()]
            if "-v" in arguments:
                rows += [f"    = {k}: {reason}" for k, reason in score.equivalent.items()]
                rows += [f"    - {k}\n        {m!r}" for k, m in score.messages.items()]
        share = f"{killed / total:.1%}" if total else "none"
        print(f"{name}: {killed} of {total} mutants are refused ({share}), {equal} equivalent")
        print("\n".join(rows), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
