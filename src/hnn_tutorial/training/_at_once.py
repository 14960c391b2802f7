"""Several steps of an optimiser as one program, by JAX: nothing returns to Python in between."""

import importlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._as_jax import keep
from hnn_tutorial.training._batches import State, next_samples
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.losses import Batch

MOST = 1024
"""Steps in a call."""

MOST_INDICES = 1_000_000
"""In the samples of the mini-batches of a call, which it is given."""

AT_ONCE = 0.05
"""Seconds that a call is meant to take, between two looks at the keyboard and the clock."""

_paces: dict[Any, float] = {}
"""Seconds of a step, by program and sizes; that of a first call is with its compilation."""


class Step(Protocol):
    """What an optimiser does in a step, in JAX."""

    def __call__(
        self, moved: tuple[Any, ...], given: Any, batch: Sequence[Any], values: Sequence[Any]
    ) -> tuple[tuple[Any, ...], Any, Any, Any]:
        """Return what a step changes, the loss before it, whether all is finite, whether to pause.

        Args:
            moved: what steps change, the weights first.
            given: the numbers of this step.
            batch: its data.
            values: of the recording.
        """
        ...


def loop(step: Step) -> Callable[..., Any]:
    """Return a function that makes up to so many steps, for JAX to compile.

    It ends behind a step that is not finite, or that asks for a pause.
    """
    jax: Any = importlib.import_module("jax")
    jnp = jax.numpy

    def run(
        moved: Any, given: Any, samples: Any, data: Sequence[Any], values: Any, count: Any
    ) -> tuple[Any, ...]:
        def goes_on(carried: Any) -> Any:
            done, _, _, finite, pause = carried
            return (done < count) & finite & ~pause

        def body(carried: Any) -> Any:
            done, moved, losses, _, _ = carried
            batch = data if samples is None else [each[samples[done]] for each in data]
            moved, loss, finite, pause = step(moved, given[done], batch, values)
            return done + 1, moved, losses.at[done].set(loss), finite, pause

        start = (0, tuple(moved), jnp.zeros(len(given), moved[0].dtype), True, False)
        done, moved, losses, finite, _ = jax.lax.while_loop(goes_on, body, start)
        return done, finite, losses, *moved

    return run


def steps_at_once(
    problem: Problem,
    state: State,
    count: int,
    batch_size: int | None,
    moved: Sequence[str],
    given: Callable[[int], Sequence[float]],
    make: Callable[..., Any],
    function: Callable[[Tensor, Batch], Any],
    of_one: bool = False,
) -> tuple[State, list[float], bool] | None:
    """Make steps of an optimiser in one call; None where JAX cannot say them.

    It makes as many as ``AT_ONCE`` is enough for, and one where the pace is not known yet.

    Args:
        problem: what is trained.
        state: where it is.
        count: the most to make.
        batch_size: samples in a batch, or None for all.
        moved: the entries of the state that a step changes, the weights first.
        given: the numbers of a step, by how many are done before it.
        make: of the recorded function, ``evaluate(weights, *batch, *values)``, the ``loop``; the
            same at every call.
        function: of weights and a batch, to be recorded.
        of_one: whether it is recorded for a batch of one sample.

    Returns:
        The state behind the last step that was finite, the losses before each of these, and
        whether all were finite.
    """
    if problem.device.type != "cpu":
        return None
    size = problem.samples if batch_size is None else batch_size
    like = {name: value[: 1 if of_one else size] for name, value in problem.data.items()}
    begin, new_here = time.perf_counter(), not problem.compile_seconds
    recording = problem.recorded_for_jax(function, like)
    if recording is None:
        return None
    most = MOST if batch_size is None else max(1, min(MOST, MOST_INDICES // size))
    key = (make, recording.text, recording.fixed, problem.dtype, problem.samples, batch_size)
    pace = _paces.get(key)
    count = min(count, most, 1 if pace is None else max(1, int(AT_ONCE / pace)))
    done = int(state["step"])
    numbers = np.zeros((most, len(given(done))), state[moved[0]].numpy().dtype)
    numbers[:count] = [given(done + k) for k in range(count)]
    samples, ends = next_samples(problem, batch_size, state, count)
    if samples is not None:
        samples = np.concatenate([samples, np.zeros((most - count, size), samples.dtype)])
    first, data = [state[name] for name in moved], [*problem.data.values()]

    def run(count: int) -> list[np.ndarray]:
        found = problem.by_jax(make, function, like, first, numbers, samples, data, count=count)
        assert found is not None
        return found

    called = time.perf_counter()
    found = run(count)
    made, finite = int(found[0]), bool(found[1])
    now = time.perf_counter()
    if new_here:  # what is beyond the steps
        problem.compile_seconds = max(now - begin - made * (pace or 0), 1e-9)
    keep(_paces, key, (now - called) / made)
    if not finite:  # what came of the last step is of no use: the same, and one less
        made -= 1
        found = run(made)
    _, _, losses, *arrays = found
    new = {
        k: torch.from_numpy(v).reshape(state[k].shape) for k, v in zip(moved, arrays, strict=True)
    }
    changes = ends[made - 1] if made and ends else {}
    step = {"step": torch.tensor(done + made)}
    return {**state, **changes, **new, **step}, losses[:made].tolist(), finite
