"""Any optimiser of ``torch.optim``, in the form that ``fit`` can stop and go on from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import check_callable, check_count, describe
from hnn_tutorial.training._batches import State, next_batch, start_batches
from hnn_tutorial.training._problem import Problem

PREFIX = "torch_"
LOOP = (
    "train with it in a loop of your own: for x, rate in batches: optimizer.zero_grad(); "
    "(model(x) - rate).square().mean().backward(); optimizer.step()"
)


@dataclass(frozen=True)
class TorchOptimizer:
    """An optimiser of ``torch.optim``, made anew for each ``fit``.

    >>> from functools import partial
    >>> TorchOptimizer(partial(torch.optim.AdamW, lr=1e-2), steps=500).described[:14]
    'AdamW(lr=0.01,'

    It is given all trainable weights in one vector. That changes nothing for one that treats
    each number alone (SGD, Adam, AdamW, NAdam, RMSprop, ...); one that looks at the shape of a
    matrix, such as Adafactor, then sees a vector. Its whole state goes into the checkpoint.

    Args:
        make: a class of ``torch.optim`` or what calls one, ``[weights] -> optimizer``.
        steps: updates to make.
        batch_size: samples in a batch; None uses all of them at each step.

    Raises:
        TypeError: if ``make`` makes something else.
        ValueError: for an optimiser whose step asks for more than a gradient, or whose state is
            not made of tensors.
    """

    make: Callable[[Sequence[Tensor]], torch.optim.Optimizer] = torch.optim.AdamW
    steps: int = 2000
    batch_size: int | None = None

    name: ClassVar[str] = "torch"
    validation_every: ClassVar[int] = 10
    checkpoint_every: ClassVar[int] = 100

    def __post_init__(self) -> None:
        check_count(steps=self.steps, batch_size=1 if self.batch_size is None else self.batch_size)
        made = f"make is {describe(self.make)}; expected one that makes an optimiser, such as "
        example = "torch.optim.AdamW, or functools.partial(torch.optim.AdamW, lr=1e-3)"
        if isinstance(self.make, torch.optim.Optimizer):
            raise TypeError(made + example)
        check_callable(make=self.make)
        if self._is_plain():
            return
        try:
            optimizer = self.make([nn.Parameter(torch.zeros(2))])
        except (TypeError, ValueError) as error:
            raise TypeError(f"{made}{example} ({error})") from error
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise TypeError(f"{made}{example}; it made {describe(optimizer)}")
        self._memory(torch.zeros(2))

    def _is_plain(self) -> bool:
        """Return whether this is known to work without a trial.

        Where the first optimiser is made, PyTorch imports its compiler, which takes a second.
        """
        kind = getattr(self.make, "func", self.make)
        given = getattr(self.make, "keywords", {})
        return (
            kind in (torch.optim.Adam, torch.optim.AdamW)
            and not getattr(self.make, "args", ())
            and given.keys() <= {"lr", "weight_decay", "amsgrad"}
            and all(isinstance(v, bool | float) and 0 <= v <= 1 for v in given.values())
        )

    @property
    def described(self) -> str:
        """The optimiser's class and all its settings."""
        optimizer = self.make([nn.Parameter(torch.zeros(2))])
        given = ", ".join(f"{key}={value!r}" for key, value in optimizer.defaults.items())
        return f"{type(optimizer).__qualname__}({given})"

    def start(self, problem: Problem, seed: int | torch.Generator) -> State:
        """Return the state before the first step."""
        weights = problem.weights()
        return {
            "weights": weights,
            "step": torch.tensor(0),
            # What is remembered has its form from the start; its first values are the optimiser's.
            **{key: torch.zeros_like(value) for key, value in self._memory(weights).items()},
            **start_batches(problem, self.batch_size, seed),
        }

    def step(self, problem: Problem, state: State) -> tuple[State, float]:
        """Return the state after one more step, and the loss on its batch before that step.

        Raises:
            TrainingDivergedError: if the loss or its gradient is not finite.
        """
        batch, changes = next_batch(problem, self.batch_size, state)
        g, loss = problem.gradient(state["weights"], batch)
        weights, optimizer = self._begin(state["weights"])
        if int(state["step"]) > 0:
            # Not by load_state_dict, which changes the dtype of some of it.
            optimizer.state[weights] = {
                key.removeprefix(PREFIX): value.clone()
                for key, value in state.items()
                if key.startswith(PREFIX)
            }
        weights.grad = g
        optimizer.step()
        new = {"weights": weights.detach(), "step": state["step"] + 1}
        return {**state, **changes, **new, **_tensors(optimizer, weights)}, loss

    def stop_reason(self, state: State) -> str | None:
        """Return None: it has no criterion of its own."""
        return None

    def _begin(self, weights: Tensor) -> tuple[Tensor, torch.optim.Optimizer]:
        own = nn.Parameter(weights.detach().clone())
        return own, self.make([own])

    def _memory(self, weights: Tensor) -> State:
        """Return what the optimiser remembers between two steps, after a step from nowhere."""
        own, optimizer = self._begin(weights)
        own.grad = torch.zeros_like(own)
        try:
            optimizer.step()
        except (TypeError, RuntimeError) as error:
            raise ValueError(
                f"{type(optimizer).__name__} cannot make a step from a gradient alone ({error}); "
                f"{LOOP}"
            ) from error
        return _tensors(optimizer, own)


def _tensors(optimizer: torch.optim.Optimizer, weights: Tensor) -> State:
    kept: dict[str, Any] = {k: v for k, v in optimizer.state[weights].items() if v is not None}
    for key, value in kept.items():
        if not isinstance(value, Tensor):
            raise ValueError(
                f"{type(optimizer).__name__} remembers {key} = {describe(value)}, which is no "
                f"tensor and cannot be kept in a checkpoint; {LOOP}"
            )
    return {PREFIX + key: value.detach() for key, value in kept.items()}
