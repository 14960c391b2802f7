"""Adam: many cheap steps along a smoothed gradient."""

import importlib
import math
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor

from hnn_tutorial._as_numpy import MOST_IN_ARRAY, is_plain
from hnn_tutorial._validate import (
    check_count,
    check_not_negative,
    check_positive,
    describe,
    lookup,
)
from hnn_tutorial.training._at_once import loop, steps_at_once
from hnn_tutorial.training._batches import State, next_batch, start_batches
from hnn_tutorial.training._problem import Gradient, Problem, require_finite
from hnn_tutorial.training.losses import Batch

SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": lambda progress: 1.0,
    "cosine": lambda progress: 0.5 * (1 + math.cos(math.pi * progress)),
}
"""The factor on the learning rate, as a function of the share of steps done, in [0, 1)."""

MOVED = ("weights", "first_moment", "second_moment")
"""What a step changes in a state, number by number."""


@dataclass(frozen=True)
class Adam:
    r"""Adam, with the weight decay added to the gradient.

    .. math:: m \leftarrow \beta_1 m + (1-\beta_1) g, \qquad
              v \leftarrow \beta_2 v + (1-\beta_2) g^2

    .. math:: \theta \leftarrow \theta - \eta\,
              \frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)} + \epsilon}

    with :math:`g = \nabla_\theta \mathcal L + \lambda\theta`, :math:`\beta_1 = 0.9`,
    :math:`\beta_2 = 0.999` and :math:`\epsilon = 10^{-8}`.

    Args:
        steps: updates to make.
        learning_rate: η.
        batch_size: samples in a batch; None uses all of them at each step.
        schedule: a key of ``SCHEDULES``: "constant", or "cosine", which falls to zero.
        weight_decay: λ.
        lr: refused: the name that ``torch.optim`` has for ``learning_rate``.

    Raises:
        TypeError: for ``lr``.
        ValueError: for a setting that makes no sense.

    References:
        Kingma & Ba 2015.
    """

    steps: int = 2000
    learning_rate: float = 1e-3
    batch_size: int | None = None
    schedule: str = "constant"
    weight_decay: float = 0.0
    lr: InitVar[None] = field(default=None, kw_only=True)

    name: ClassVar[str] = "adam"
    validation_every: ClassVar[int] = 10
    checkpoint_every: ClassVar[int] = 100

    BETA1: ClassVar[float] = 0.9
    BETA2: ClassVar[float] = 0.999
    EPSILON: ClassVar[float] = 1e-8

    def __post_init__(self, lr: None) -> None:
        if lr is not None:
            raise TypeError(f"lr = {describe(lr)}: write learning_rate={describe(lr)}")
        check_count(steps=self.steps, batch_size=1 if self.batch_size is None else self.batch_size)
        check_positive(learning_rate=self.learning_rate)
        check_not_negative(weight_decay=self.weight_decay)
        lookup(SCHEDULES, self.schedule, "schedule")

    def start(self, problem: Problem, seed: int | torch.Generator) -> State:
        """Return the state before the first step."""
        weights = problem.weights()
        return {
            "weights": weights,
            "step": torch.tensor(0),
            "first_moment": torch.zeros_like(weights),
            "second_moment": torch.zeros_like(weights),
            **start_batches(problem, self.batch_size, seed),
        }

    def step(self, problem: Problem, state: State) -> tuple[State, float]:
        """Return the state after one more step, and the loss on its batch before that step.

        Raises:
            TrainingDivergedError: if the loss or its gradient is not finite.
        """
        leapt = self.leap(problem, state, 1) if problem.compile else None
        if leapt is not None:
            new, losses, finite = leapt
            if finite:
                return new, losses[0]
        batch, changes = next_batch(problem, self.batch_size, state)
        if problem.compile and leapt is None:
            new, value = self._compiled_step(problem, state, batch)
            return {**state, **changes, **new}, value
        g, value = problem.gradient(state["weights"], batch)
        return {**state, **changes, **self.update(state, g)}, value

    def leap(
        self, problem: Problem, state: State, count: int
    ) -> tuple[State, list[float], bool] | None:
        """Make several steps in one compiled call, by JAX; see ``steps_at_once``."""
        return steps_at_once(
            problem,
            state,
            count,
            self.batch_size,
            moved=MOVED,
            given=self._factors,
            make=self._loop,
            function=problem.gradient_by_autograd,
        )

    @classmethod
    def _loop(cls, evaluate: Callable[..., Any]) -> Callable[..., Any]:
        """Return a step as JAX compiles it, from the gradient of the loss."""
        jnp: Any = importlib.import_module("jax.numpy")

        def step(moved: Any, given: Any, batch: Any, values: Any) -> tuple[Any, ...]:
            weights, m, v = moved
            decay, rate, a, b = given
            g, loss = evaluate(weights, *batch, *values)
            finite = jnp.isfinite(loss) & jnp.isfinite(abs(g).max())
            return cls._moved(weights, m, v, g, decay, rate, a, b), loss, finite, False

        return loop(step)

    def update(self, state: State, g: Tensor) -> State:
        """Return what a step changes in a state, given the gradient of the loss.

        Number by number, so weights and gradient may have any shape.
        """
        done = int(state["step"])
        with torch.no_grad():
            values = [*(state[name] for name in MOVED), g]
            # The same operations on the same doubles, with a third of PyTorch's time for a call.
            few = all(is_plain(each) and each.numel() <= MOST_IN_ARRAY for each in values)
            given: list[Any] = [each.numpy() for each in values] if few else values
            weights, m, v, slope = given
            moved = self._moved(weights, m, v, slope, *self._factors(done))
            new = [torch.from_numpy(each) for each in moved] if few else moved
        return {**dict(zip(MOVED, new, strict=True)), "step": torch.tensor(done + 1)}

    def _factors(self, done: int) -> tuple[float, float, float, float]:
        """Return λ, the rate of a step, and what divides its two moments."""
        rate = self.learning_rate * SCHEDULES[self.schedule](done / self.steps)
        unbiased = 1 - self.BETA1 ** (done + 1), 1 - self.BETA2 ** (done + 1)
        return self.weight_decay, rate, *unbiased

    @classmethod
    def _moved(
        cls,
        weights: Any,
        m: Any,
        v: Any,
        g: Any,
        decay: Any,
        rate: Any,
        a: Any,
        b: Any,
    ) -> tuple[Any, ...]:
        """Return weights and moments after a step, from those before it: tensors or arrays."""
        g = g + decay * weights
        m = cls.BETA1 * m + (1 - cls.BETA1) * g
        v = cls.BETA2 * v + (1 - cls.BETA2) * (g * g)
        mean, spread = m / a, (v / b) ** 0.5
        return weights - rate * mean / (spread + cls.EPSILON), m, v

    def _compiled_step(self, problem: Problem, state: State, batch: Batch) -> tuple[State, float]:
        """Return what a step changes, and the loss, from one call of what PyTorch compiled."""

        def make(gradient: Gradient) -> Callable[..., tuple[Tensor, ...]]:
            def step(weights: Any, m: Any, v: Any, factors: Any, batch: Batch) -> tuple[Any, ...]:
                g, loss = gradient(weights, batch)
                decay, rate, a, b = factors
                return *self._moved(weights, m, v, g, decay, rate, a, b), loss, abs(g).max()

            return step

        done, weights = int(state["step"]), state["weights"]
        factors = torch.tensor(self._factors(done), dtype=weights.dtype, device=weights.device)
        with torch.no_grad():
            *moved, seen, largest = problem.by_torch(
                make, *(state[k] for k in MOVED), factors, batch
            )
        loss = require_finite(seen.item(), "the loss")
        require_finite(largest.item(), "the gradient")
        return {**dict(zip(MOVED, moved, strict=True)), "step": torch.tensor(done + 1)}, loss

    def stop_reason(self, state: State) -> str | None:
        """Return None: Adam has no criterion of its own."""
        return None
