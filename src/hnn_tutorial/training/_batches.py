"""Shuffled mini-batches whose position is part of the training state."""

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial.random import as_generator
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.losses import Batch

State = dict[str, Tensor]
"""All that an optimiser needs to go on from where it is; never changed in place."""

PLACE = ("batch_order", "batch_position", "batch_generator")
"""The entries that say which batch comes next."""


def start_batches(problem: Problem, batch_size: int | None, seed: int | torch.Generator) -> State:
    """Return the part of a training state that chooses mini-batches; empty for full batches.

    Raises:
        ValueError: if a batch would be larger than the data.
    """
    if batch_size is None:
        return {}
    if batch_size > problem.samples:
        raise ValueError(
            f"batch_size = {batch_size} is larger than the {problem.samples} samples; "
            "use None for full batches"
        )
    generator = as_generator(seed)
    return _shuffled(problem.samples, generator.get_state())


def _shuffled(samples: int, generator_state: Tensor) -> State:
    generator = torch.Generator()
    generator.set_state(generator_state)
    order = torch.randperm(samples, generator=generator)
    return {
        "batch_order": order,
        "batch_position": torch.tensor(0),
        "batch_generator": generator.get_state(),
    }


def next_batch(problem: Problem, batch_size: int | None, state: State) -> tuple[Batch, State]:
    """Return the next batch and the entries of the state that then change.

    Every sample is drawn once in a pass over the data, in an order drawn anew for each pass;
    the few that would not fill a batch are left out of that pass.
    """
    if batch_size is None:
        return problem.data, {}
    chosen, changes = _next(problem, batch_size, state)
    chosen = chosen.to(problem.device)
    return {key: value[chosen] for key, value in problem.data.items()}, changes


def next_samples(
    problem: Problem, batch_size: int | None, state: State, count: int
) -> tuple[np.ndarray | None, list[State]]:
    """Return the samples of the next batches, ``(count, batch_size)``, and what changes with each.

    None, and nothing, for full batches.
    """
    if batch_size is None:
        return None, []
    rows, changes, now = [], [], state
    for _ in range(count):
        chosen, change = _next(problem, batch_size, now)
        now = {**now, **change}
        rows.append(chosen.numpy())
        changes.append({name: now[name] for name in PLACE})
    return np.array(rows), changes


def _next(problem: Problem, batch_size: int, state: State) -> tuple[Tensor, State]:
    position = int(state["batch_position"])
    chosen = state["batch_order"][position : position + batch_size]
    position += batch_size
    if position + batch_size > problem.samples:
        return chosen, _shuffled(problem.samples, state["batch_generator"])
    return chosen, {"batch_position": torch.tensor(position)}


def check_position(state: State) -> None:
    """Raise ``ValueError`` if what a stored state says of its mini-batches cannot be."""
    if "batch_order" not in state:
        return
    order, position = state["batch_order"], state["batch_position"]
    every = torch.arange(order.shape[-1]).expand_as(order)
    inside = ((position >= 0) & (position < order.shape[-1])).all()
    if not inside or not torch.equal(order.sort(dim=-1).values, every):
        raise ValueError("the order of its mini-batches is not one of all samples")
    for generator_state in torch.atleast_2d(state["batch_generator"]):
        try:
            torch.Generator().set_state(generator_state.clone())
        except RuntimeError as error:
            raise ValueError("the state of its random generator is unusable") from error
