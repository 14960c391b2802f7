"""Only what merely computes may be recorded; what may do more is ended before it does."""

import contextlib
import functools
import gc
import logging
import math
import operator
import random
import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from hnn_tutorial import _purity
from hnn_tutorial._purity import only_computes
from hnn_tutorial.integrators import Counted, integrate
from hnn_tutorial.mechanics import hamiltonian_field, lagrangian_field
from hnn_tutorial.models import HNN, HamiltonianModel
from hnn_tutorial.systems import Pendulum

X = torch.tensor([[0.3, 0.1], [0.2, -0.5], [1.1, 0.4]], dtype=torch.float64)
SWING = Pendulum(mass=0.7, length=1.3).field


def field(x):
    q, p = x.unbind(-1)
    return torch.stack([p, -math.sqrt(2.0) * torch.sin(q)], dim=-1)


def with_functions_of_its_own(x):
    scale = [0.5 * k for k in range(1, 3)]

    def inner(y):
        return y * scale[1] - sum(part for part in scale)

    options = {"dim": -1}
    parts = tuple(inner(part) for part in x.unbind(**options))
    if isinstance(parts, tuple) and len(parts) == 2 and x.ndim > 1:
        return torch.stack(parts, dim=options.get("dim"))
    return -x


class Damped(torch.nn.Module):
    """A model of a user's around one of the package."""

    def __init__(self):
        super().__init__()
        self.inner = HNN(1, (5,), seed=0)
        self.friction = torch.nn.Parameter(torch.tensor([0.1, 0.2], dtype=torch.float64))

    @property
    def rate(self):
        return self.friction[0] + self.friction[1]

    def field(self, x):
        zero = torch.zeros_like(x[..., :1])
        with torch.no_grad():
            return self.inner.field(x) - torch.cat([zero, self.rate * x[..., 1:]], dim=-1)


NETWORK = torch.nn.Sequential(
    torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1)
).double()
HARMLESS = {
    "a function": field,
    "a lambda": lambda x: -field(x) / 2,
    "a partial": functools.partial(field),
    "an operator": lambda x: operator.mul(x, 2.0),
    "functions within": with_functions_of_its_own,
    "a module": Damped().field,
    "a wrapped module": HamiltonianModel(NETWORK).field,
    "a Hamiltonian": hamiltonian_field(lambda x: x[..., 1] ** 2 / 2 - torch.cos(x[..., 0])),
    "a Lagrangian": lagrangian_field(lambda x: x[..., 1] ** 2 + x[..., 0] * x[..., 1] ** 2 / 9),
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_only_computes_is_known_for_it(name):
    with torch.no_grad():
        value = only_computes(HARMLESS[name], X)
        torch.testing.assert_close(value, HARMLESS[name](X), rtol=0, atol=0)
    assert sys.getprofile() is None


class State:
    """What functions change that do more than compute."""

    def __init__(self):
        self.calls, self.states, self.table = 0, [], {}


STATE = State()
number = 0


def counts(x):
    STATE.calls += 1
    return field(x)


def counts_globally(x):
    global number
    number += 1
    return field(x)


def counting_in_a_closure():
    calls = 0

    def counted(x):
        nonlocal calls
        calls = calls + 1
        return field(x)

    return counted


def counts_in_closures(function):
    cells = getattr(function, "__closure__", None) or ()
    return [cell.cell_contents for cell in cells if isinstance(cell.cell_contents, int)]


def keeps(x):
    STATE.states.append(x)
    return field(x)


def keeps_by_another_name(x):
    known = STATE.states
    known += [x]
    return field(x)


def keeps_in_a_table(x):
    STATE.table[len(STATE.table)] = x
    return field(x)


def sets(x):
    setattr(STATE, "calls", 1)  # noqa: B010
    return field(x)


def sets_behind_the_back(x):
    object.__setattr__(STATE, "calls", 1)
    return field(x)


def moves_on(x):
    return field(x) * next(NUMBERS)


def hooked():
    model = HNN(1, (4,), seed=0)
    model.network.layers[0].register_forward_hook(lambda *_: STATE.states.append(1))
    return model.field


def keeps_errors(x):
    with contextlib.suppress(Exception):
        STATE.states.append(x)
    STATE.states.append(x)
    return field(x)


def keeps_all_errors(x):
    with contextlib.suppress(BaseException):
        STATE.states.append(x)
    return field(x)


def listens(x):
    return field(x) + 0 * len(sys.argv[0].upper())


LAYER = torch.nn.Dropout(0.5)
CHANCE = np.random.default_rng(0)
NUMBERS = iter(range(1, 1000))
COUNTED = Counted(SWING)
HARMFUL = {
    "counts": counts,
    "counts globally": counts_globally,
    "counts in a closure": counting_in_a_closure(),
    "keeps": keeps,
    "keeps by another name": keeps_by_another_name,
    "keeps in a table": keeps_in_a_table,
    "sets": sets,
    "sets behind the back": sets_behind_the_back,
    "moves on": moves_on,
    "has a hook": hooked(),
    "draws": lambda x: field(x) * random.random(),
    "draws by NumPy": lambda x: field(x) * CHANCE.normal(),
    "draws by PyTorch": lambda x: field(x) * torch.rand(()),
    "draws after a seed": lambda x: torch.manual_seed(3) and field(x),
    "drops out": lambda x: torch.nn.functional.dropout(field(x)),
    "drops out in a layer": lambda x: LAYER(field(x)),
    "looks at the clock": lambda x: field(x) * time.time(),
    "prints": lambda x: print("called") or field(x),
    "changes its state": lambda x: field(x.mul_(2.0)),
    "looks at a number": lambda x: field(x) if x.tolist()[0][0] > 0 else -field(x),
    "looks at an item": lambda x: field(x) * x[0, 0].item(),
    "goes by NumPy": lambda x: torch.from_numpy(np.cos(x.numpy())),
    "wraps what counts": lambda x: 2 * COUNTED(x),
    "does what is not known": listens,
    "goes by an array": lambda x: torch.as_tensor(np.negative(x)),
    "writes a log": lambda x: logging.getLogger("pendulum").info("called") or field(x),
    "sets the state of chance": lambda x: torch.set_rng_state(torch.get_rng_state()) or field(x),
    "keeps errors": keeps_errors,
    "is of the package and counts": Counted(SWING),
    "keeps all errors": keeps_all_errors,
    "was compiled": torch.compile(field, backend="eager"),
    "fails": lambda x: field(x) + x[..., :3].reshape(7),
}


@pytest.mark.parametrize("name", HARMFUL)
def test_what_may_do_more_is_ended_before_it_does(name, capsys):
    before, chance, python = X.clone(), torch.get_rng_state(), random.getstate()
    state, counted, moved = vars(STATE).copy(), COUNTED.calls, number
    lengths = len(STATE.states), len(STATE.table)
    closure = counts_in_closures(HARMFUL[name])
    assert only_computes(HARMFUL[name], X) is None
    assert sys.getprofile() is None
    assert capsys.readouterr().out == ""
    assert torch.equal(X, before)
    assert torch.equal(torch.get_rng_state(), chance)
    assert random.getstate() == python
    assert vars(STATE) == state
    assert (len(STATE.states), len(STATE.table)) == lengths
    assert (COUNTED.calls, number) == (counted, moved)
    assert counts_in_closures(HARMFUL[name]) == closure


def test_a_count_of_calls_is_right_after_a_rollout():
    calls = []
    times = torch.linspace(0, 5, 101, dtype=torch.float64)
    integrate(lambda x: calls.append(len(calls)) or field(x), X, times)
    assert calls == [*range(400)]


def test_nothing_is_known_where_another_profiler_watches():
    seen = []
    sys.setprofile(lambda *given: seen.append(given[1]))
    try:
        assert only_computes(field, X) is None
        watched = sys.getprofile() is not None
    finally:
        sys.setprofile(None)
    assert watched
    assert seen


def test_what_is_imported_on_the_way_is_imported_whole():
    code = """
import sys, torch
from hnn_tutorial._purity import only_computes

x = torch.tensor([[0.3, 0.1]], dtype=torch.float64)
field = torch.func.grad(lambda x: (x[..., 1] ** 2 / 2 - torch.cos(x[..., 0])).sum())
assert "torch._dynamo" not in sys.modules
value = only_computes(field, x)
assert "torch._dynamo" in sys.modules
assert torch.equal(value, field(x))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_nothing_of_others_is_put_away_meanwhile(monkeypatch):
    """A destructor may do more than compute; it would be ended half way."""
    collecting, may_run = [], _purity._may_run
    monkeypatch.setattr(
        _purity, "_may_run", lambda frame: collecting.append(gc.isenabled()) or may_run(frame)
    )
    assert gc.isenabled()
    assert only_computes(field, X) is not None
    assert collecting
    assert not any(collecting)
    assert gc.isenabled()
    gc.disable()
    try:
        only_computes(field, X)
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_an_interruption_is_not_kept():
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        only_computes(interrupted, X)
    assert sys.getprofile() is None
