"""Shuffled mini-batches whose position is part of the training state."""

import torch
from torch import Tensor

from hnn_tutorial.random import as_generator
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.losses import Batch

State = dict[str, Tensor]
"""All that an optimiser needs to go on from where it is; never changed in place."""


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
    position, order = int(state["batch_position"]), state["batch_order"]
    chosen = order[position : position + batch_size].to(problem.device)
    batch = {key: value[chosen] for key, value in problem.data.items()}
    position += batch_size
    if position + batch_size > problem.samples:
        return batch, _shuffled(problem.samples, state["batch_generator"])
    return batch, {"batch_position": torch.tensor(position)}


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
