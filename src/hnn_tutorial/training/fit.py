"""One function that trains any model with either optimiser, and can be stopped at any time."""

import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from hnn_tutorial._html import curve, numbers
from hnn_tutorial._validate import (
    as_path,
    check_callable,
    check_count,
    check_finite,
    check_type,
    describe,
)
from hnn_tutorial.data import Dataset
from hnn_tutorial.random import as_generator
from hnn_tutorial.training import checkpoint as storage
from hnn_tutorial.training._batches import State, check_position
from hnn_tutorial.training._problem import Problem, TrainingDivergedError, require_finite
from hnn_tutorial.training.levenberg_marquardt import LevenbergMarquardt
from hnn_tutorial.training.losses import Batch, Residual, as_batch, derivative_residual
from hnn_tutorial.training.torch_optimizer import TorchOptimizer

ALL_STEPS = "all steps done"


class Optimizer(Protocol):
    """What ``fit`` asks of an optimiser: a frozen dataclass with pure functions of a state.

    A state is a dictionary of tensors, ``weights`` and ``step`` among them, that holds the whole
    state: storing it and continuing from it gives the same weights, bit for bit.
    """

    __dataclass_fields__: ClassVar[dict[str, Any]]
    name: ClassVar[str]
    validation_every: ClassVar[int]
    checkpoint_every: ClassVar[int]

    @property
    def steps(self) -> int:
        """The most steps to take."""
        ...

    @property
    def batch_size(self) -> int | None:
        """Samples in a batch; None uses all of them at each step."""
        ...

    def start(self, problem: Problem, seed: int | torch.Generator) -> State:
        """Return the state before the first step."""
        ...

    def step(self, problem: Problem, state: State) -> tuple[State, float]:
        """Return the state after one more step, and the loss before it."""
        ...

    def stop_reason(self, state: State) -> str | None:
        """Return why to stop now, or None to go on."""
        ...


@dataclass(repr=False)
class History:
    """What happened during training.

    Attributes:
        loss: at entry k, the loss before step k + 1, on that step's batch.
        validation_steps: after how many steps the validation loss was measured.
        validation_loss: the validation loss then.
        final_loss: the loss of the returned model on all the data.
        best_step: the step of the lowest validation loss; None without validation.
        seconds: wall time, over all sittings if the training was resumed.
        compile_seconds: what compiling took of it, in this sitting.
        reason: why it ended.
    """

    loss: list[float] = field(default_factory=list)
    validation_steps: list[int] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    final_loss: float = float("nan")
    best_step: int | None = None
    seconds: float = 0.0
    reason: str = ""
    compile_seconds: float = 0.0

    @property
    def steps(self) -> int:
        """The number of steps done."""
        return len(self.loss)

    def __repr__(self) -> str:
        first = f"from {self.loss[0]:.3g} " if self.loss else ""
        compiled = f", {self.compile_seconds:.1f} s to compile" if self.compile_seconds else ""
        return (
            f"{self.steps} steps in {self.seconds:.1f} s{compiled}: the loss went {first}to "
            f"{self.final_loss:.3g} ({self.reason or 'not ended'})"
        )

    def _repr_html_(self) -> str:
        drawn = curve([*self.loss, self.final_loss])
        return f'<div class="hnn-history">{drawn} <span>{numbers(repr(self))}</span></div>'


def fit(
    model: nn.Module,
    data: Dataset | Batch,
    optimizer: Optimizer = LevenbergMarquardt(),  # noqa: B008 (frozen)
    *,
    residual: Residual = derivative_residual,
    validation: Dataset | Batch | None = None,
    validation_every: int | None = None,
    patience: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = True,
    progress: bool = True,
    seed: int | torch.Generator = 0,
    compile: bool = False,
) -> History:
    r"""Train a model in place: minimise the mean square of its residuals on the data.

    The model is written to when training ends, in whatever way it ends: it then holds the
    weights of the last step whose loss was finite, or with ``patience`` the best ones.

    Args:
        model: any module with a ``field``, or whatever ``residual`` takes.
        data: a ``Dataset``, or a mapping of tensors or NumPy arrays with one entry per sample.
        optimizer: ``Adam(...)``, ``LevenbergMarquardt(...)``, or one of PyTorch's by
            ``TorchOptimizer(...)``.
        residual: ``(model, batch) -> (B, m)``; row b may depend on sample b alone. A
            ``SampleLoss`` for a loss that is no mean of squares.
        validation: data to measure the loss on, without training on it.
        validation_every: steps between two such measurements. None takes the optimiser's
            (Levenberg–Marquardt 1, Adam 10).
        patience: stop when the validation loss has found no new minimum for this many steps,
            and return to the weights of the minimum.
        checkpoint: a safetensors file. It is written every ``checkpoint_every`` steps, when
            the run is interrupted from the keyboard, and at the end. If it exists, training
            continues from it, and the weights end up the same, bit for bit, as without the
            interruption (on the same machine and number of threads); the model's own initial
            weights then do not matter. A finished one is not trained again.
        checkpoint_every: None takes the optimiser's (Levenberg–Marquardt 10, Adam 100).
        resume: False starts afresh and overwrites an existing checkpoint.
        progress: show steps, loss and time left on standard error.
        seed: shuffles mini-batches.
        compile: make the steps in compiled calls. On a CPU, for ``Adam`` and
            ``LevenbergMarquardt``, for a model and a residual of this package, and where JAX is
            installed (``hnn-tutorial[jax]``), a call makes many steps, about 0.05 s of them, to the
            same digits but the last. A step of Adam is then two to four times as fast, one of
            Levenberg–Marquardt on 50 samples three to seven times, on 150 one and a half. Compiling
            takes about a second, and nothing where a training of such a model and of as many data
            was compiled before. ``TorchOptimizer`` has its gradient compiled likewise. For other
            code, and on a GPU, ``torch.compile`` makes the gradient or the step of Adam, which
            takes some seconds to half a minute, and on a CPU a C++ compiler.

    Returns:
        The history.

    Raises:
        TrainingDivergedError: (a ``FloatingPointError``) if the loss is no longer finite.
        TypeError, ValueError: if model, data, settings or checkpoint do not fit together.
        KeyboardInterrupt: when interrupted, after writing the checkpoint.
    """
    check_type(nn.Module, "a model, such as HNN(1)", model=model)
    check_optimizer(optimizer)
    check_callable(residual=residual)
    check_type(bool, "True or False", compile=compile)
    as_generator(seed)
    if validation_every is None:
        validation_every = optimizer.validation_every
    if checkpoint_every is None:
        checkpoint_every = optimizer.checkpoint_every
    check_count(validation_every=validation_every, checkpoint_every=checkpoint_every)
    problem = Problem(model, residual, as_batch(data), compile=compile)
    held_out = None if validation is None else as_batch(validation)
    if held_out is not None:
        problem.check_batch(held_out, "validation")
    if patience is not None:
        check_count(patience=patience)
        if held_out is None:
            raise ValueError("patience needs validation data to measure; pass validation=...")

    settings = {
        **describe_settings(optimizer, residual),
        "seed": "a generator" if isinstance(seed, torch.Generator) else int(seed),
        "patience": None if patience is None else int(patience),
        "validation_every": int(validation_every),
        # Not the same bits; a file from before this was an option goes on without it.
        **({"compile": True} if compile else {}),
    }
    run = Run(problem, optimizer, held_out, validation_every, patience)
    keeper = None
    if checkpoint is not None:
        identity = {
            **settings,
            "data": storage.fingerprint(problem.data),
            "validation": None if held_out is None else storage.fingerprint(held_out),
        }
        keeper = Keeper(as_path(checkpoint, "checkpoint"), storage.describe_model(model), identity)
    if keeper is not None and resume and keeper.path.exists():
        keeper.load(run)
    else:
        run.begin(seed)
    return carry_out(run, keeper, checkpoint_every, progress)


def check_optimizer(optimizer: Any) -> None:
    """Raise ``TypeError`` unless ``fit`` can use this."""
    needed = ("name", "steps", "start", "step", "stop_reason")
    if isinstance(optimizer, type) or not all(hasattr(optimizer, name) for name in needed):
        raise TypeError(
            f"optimizer is {describe(optimizer)}; expected Adam(...), LevenbergMarquardt(...) or "
            "TorchOptimizer(functools.partial(torch.optim.AdamW, lr=1e-3), steps=500) of "
            "hnn_tutorial.training"
        )


def plain_settings(optimizer: Optimizer) -> dict[str, Any]:
    """Return an optimiser's settings as plain JSON values."""
    given = {k: v.item() if isinstance(v, np.generic) else v for k, v in asdict(optimizer).items()}
    if isinstance(optimizer, TorchOptimizer):
        given["make"] = optimizer.described
    return given


def describe_settings(optimizer: Optimizer, residual: Residual) -> dict[str, Any]:
    """Return the settings that must agree for training to continue from a checkpoint."""
    # A function goes by its name; a dataclass shows the settings in its fields as well.
    named = getattr(residual, "__qualname__", type(residual).__qualname__)
    return {
        "optimizer": optimizer.name,
        **plain_settings(optimizer),
        "residual": repr(residual) if is_dataclass(residual) else named,
    }


def carry_out(
    run: "Run", keeper: "Keeper | None", checkpoint_every: int, progress: bool
) -> History:
    """Train from where a run is to its end, keep checkpoints, and write the model."""
    if run.history.reason:
        run.write()
        return run.history
    bar = tqdm(
        total=run.optimizer.steps,
        initial=run.history.steps,
        desc="training",
        unit="step",
        file=sys.stderr,
        leave=False,
        disable=not progress,
    )
    try:
        with bar:
            while not run.finished():
                if run.problem.compile and not run.problem.compile_seconds:
                    bar.set_postfix_str("compiling")
                loss = run.advance(checkpoint_every if keeper is not None else None)
                bar.set_postfix_str(f"loss {loss:.2e}", refresh=False)
                bar.update(run.history.steps - bar.n)
                if keeper is not None and run.history.steps % checkpoint_every == 0:
                    keeper.save(run)
        run.conclude()
        if keeper is not None:
            keeper.save(run)
    except KeyboardInterrupt:
        if keeper is not None and run.good() is not None:
            keeper.save(run)
        raise
    except TrainingDivergedError as error:
        raise TrainingDivergedError(run.diagnosis(error)) from None
    finally:
        run.write()
    return run.history


class Run:
    """A training in progress.

    ``state`` is the newest state; whether its loss is finite shows only in the next step.
    ``verified`` is the newest one known to be good, and the only one that is ever stored or
    written to the model. ``final`` is what is to be returned, once there is nothing left to
    do. All are replaced whole, so an interruption between any two lines leaves them consistent.
    """

    def __init__(
        self,
        problem: Problem,
        optimizer: Optimizer,
        validation: Batch | None,
        validation_every: int,
        patience: int | None,
    ) -> None:
        self.problem = problem
        self.optimizer = optimizer
        self.validation = validation
        self.validation_every = validation_every
        self.patience = patience
        self.state: State = {}
        self.verified: State | None = None
        self.final: State | None = None
        self.best: tuple[int, float, Tensor] | None = None
        self._reason = ""
        self.history = History()
        self.clock = time.perf_counter()
        self._leaps = problem.compile and hasattr(optimizer, "leap")

    def begin(self, seed: int | torch.Generator) -> None:
        """Start from the model's own weights."""
        self.state = self.optimizer.start(self.problem, seed)

    def finished(self) -> bool:
        """Measure the validation loss if it is due; say whether to stop, and note why."""
        step = int(self.state["step"])
        steps = self.optimizer.steps
        if self.validation is not None and (step % self.validation_every == 0 or step == steps):
            self._validate(step, self.validation)
        reason = self.optimizer.stop_reason(self.state)
        if reason is None and step >= steps:
            reason = ALL_STEPS
        # Where there is patience there is a best step: the first one has just been measured.
        waited = 0 if self.best is None else step - self.best[0]
        if reason is None and self.patience is not None and waited >= self.patience:
            reason = f"no lower validation loss in {self.patience} steps"
        self._reason = reason or ""
        return reason is not None

    def _validate(self, step: int, data: Batch) -> None:
        loss = self.problem.loss(self.state["weights"], data)
        loss = float("inf") if math.isnan(loss) else loss
        if self.best is None or loss < self.best[1]:
            self.best = (step, loss, self.state["weights"])
        self.history.validation_steps.append(step)
        self.history.validation_loss.append(loss)

    def advance(self, checkpoint_every: int | None = None) -> float:
        """Make a step, or where they are compiled several; return the loss before the last."""
        most = self._to_the_next(checkpoint_every) if self._leaps else 0
        if most > 0 and self._leap(most):
            return self.history.loss[-1]
        new, loss = self.optimizer.step(self.problem, self.state)
        self.history.compile_seconds = self.problem.compile_seconds
        self.history.loss.append(loss)
        self.verified, self.state = self.state, new
        return loss

    def _to_the_next(self, checkpoint_every: int | None) -> int:
        """Return after how many steps something else is due."""
        step = int(self.state["step"])
        ends = [self.optimizer.steps]
        if self.validation is not None:
            ends.append(step + self.validation_every - step % self.validation_every)
        if self.patience is not None and self.best is not None:
            ends.append(self.best[0] + self.patience)
        if checkpoint_every is not None:
            # The step before is made alone: what is stored then is the state before it.
            ends.append(step + checkpoint_every - step % checkpoint_every - 1)
        return min(ends) - step

    def _leap(self, most: int) -> bool:
        """Make up to so many steps in one call; return whether any was made."""
        leap: Callable[..., Any] = self.optimizer.leap  # type: ignore[attr-defined]
        start = self.state
        found = leap(self.problem, start, most)
        if found is None:
            self._leaps = False
            return False
        self.state, losses, finite = found
        if losses:
            self.verified = start
        if losses and not finite:
            # The loss behind these steps is not finite, as the next one will say.
            left = len(losses) - 1
            while left:
                self.verified, made, _ = leap(self.problem, self.verified, left)
                left -= len(made)
        self.history.loss.extend(losses)
        self.history.compile_seconds = self.problem.compile_seconds
        return bool(losses)

    def conclude(self) -> None:
        """Choose the weights to return, and verify them."""
        state = self.state
        if self.patience is not None and self.best is not None:
            state = {**state, "weights": self.best[2]}
        loss = self.problem.loss(state["weights"], self.problem.data, once=True)
        self.history.final_loss = require_finite(loss, "the loss")
        self.history.best_step = None if self.best is None else self.best[0]
        self.history.reason = self._reason
        self.final = state
        self._lap()

    def good(self) -> State | None:
        """Return the newest state that may be stored or written to the model."""
        return self.verified if self.final is None else self.final

    def write(self) -> None:
        """Write the weights of that state to the model, once there is one."""
        state = self.good()
        if state is not None:
            self.problem.assign(state["weights"])

    def _lap(self) -> None:
        now = time.perf_counter()
        self.history.seconds += now - self.clock
        self.clock = now

    def diagnosis(self, error: TrainingDivergedError) -> str:
        """Return what a learner should know about a training that failed."""
        step = int(self.state["step"])
        if self.verified is None:
            return (
                f"step {step + 1}: {error}; the model is unchanged. "
                "Are the data far from unit scale (see Normalization), or the weights very large?"
            )
        return (
            f"step {step + 1}: {error}; the model was put back to its state after step "
            f"{int(self.verified['step'])}. Try a smaller learning rate, and data normalised to "
            "unit scale."
        )

    def to_tensors(self) -> dict[str, Tensor]:
        """Return everything needed to continue, or the outcome if training has ended."""
        self._lap()
        history, state = self.history, self.good()
        assert state is not None, "there is nothing to store before the first step"
        step = int(state["step"])
        # What lies past a state that is not the last one will be done again.
        over = self.final is not None
        known = [k for k, s in enumerate(history.validation_steps) if s < step or over]
        numbers = {
            "loss": history.loss[:step],
            "validation_loss": [history.validation_loss[k] for k in known],
            "seconds": [history.seconds],
            "final_loss": [history.final_loss],
        }
        tensors = {f"state/{name}": value for name, value in state.items()}
        for name, values in numbers.items():
            tensors[f"history/{name}"] = torch.tensor(values, dtype=torch.float64)
        tensors["history/validation_steps"] = torch.tensor(
            [history.validation_steps[k] for k in known], dtype=torch.int64
        )
        if self.best is not None:
            step, loss, weights = self.best
            tensors["best/step"] = torch.tensor(step)
            tensors["best/loss"] = torch.tensor(loss, dtype=torch.float64)
            tensors["best/weights"] = weights
        return tensors

    def from_tensors(self, tensors: Mapping[str, Tensor], reason: str) -> None:
        """Go back to what ``to_tensors`` stored."""
        prefix = "state/"
        state = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        # Orders and generators stay on the CPU; what is added to weights goes where they are.
        device = self.problem.device
        state = {k: v.to(device) if v.is_floating_point() else v for k, v in state.items()}
        fresh = self.optimizer.start(self.problem, 0)
        if {k: (v.shape, v.dtype) for k, v in state.items()} != {
            k: (v.shape, v.dtype) for k, v in fresh.items()
        }:
            raise ValueError(f"expected tensors {', '.join(fresh)} of the optimiser")
        for name, value in tensors.items():
            # A loss may be none: never measured, or of a lost member of an ensemble.
            if not name.startswith(("history/", "best/loss", "state/losses")):
                check_finite(value, name)
        step, losses = int(state["step"]), len(tensors["history/loss"])
        if step != losses or step > self.optimizer.steps:
            raise ValueError(f"step {step} of {self.optimizer.steps}, with {losses} losses")
        check_position(state)
        self.state = self.verified = state
        history = self.history
        history.loss = tensors["history/loss"].tolist()
        history.validation_steps = tensors["history/validation_steps"].tolist()
        history.validation_loss = tensors["history/validation_loss"].tolist()
        history.seconds = tensors["history/seconds"].item()
        (history.final_loss,) = tensors["history/final_loss"].tolist()
        history.reason = reason
        if "best/weights" in tensors:
            weights = tensors["best/weights"].to(device)
            self.best = (int(tensors["best/step"]), float(tensors["best/loss"]), weights)
            history.best_step = self.best[0] if reason else None


class Keeper:
    """The checkpoint file of one training."""

    def __init__(self, path: Path, model: dict[str, Any], settings: dict[str, Any]) -> None:
        if path.is_dir():
            raise ValueError(f"checkpoint {path} is a folder; expected the name of a file in it")
        self.path = path
        self.model = model
        self.settings = settings

    def save(self, run: Run) -> None:
        """Write what a run needs to be gone on from."""
        reason = "" if run.final is None else run.history.reason
        metadata = {"model": self.model, "settings": self.settings, "reason": reason}
        storage.write(self.path, storage.TRAINING_FORMAT, run.to_tensors(), metadata)

    def load(self, run: Run) -> None:
        """Bring a run to where the file says that it was.

        Raises:
            ValueError: if the file is of another training, or unusable.
        """
        tensors, metadata = storage.read(self.path, storage.TRAINING_FORMAT)
        try:
            stored, settings, reason = (metadata[k] for k in ("model", "settings", "reason"))
            same, title = stored == self.model, _title(stored)
            difference = self._difference(settings)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"checkpoint {self.path}: its metadata are incomplete") from error
        if not same:
            raise ValueError(
                f"checkpoint {self.path} is of another model: {title}; this one is "
                f"{_title(self.model)}"
            )
        if difference:
            raise ValueError(
                f"checkpoint {self.path} was made {difference}. Use what it was made with, "
                "another file, or resume=False to start afresh"
            )
        try:
            run.from_tensors(tensors, reason)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"checkpoint {self.path} is unusable: {error}") from error

    def _difference(self, stored: dict[str, Any]) -> str:
        for name in [*self.settings, *(name for name in stored if name not in self.settings)]:
            before, now = stored.get(name), self.settings.get(name)
            if before == now:
                continue
            if name == "data":
                return "with other training data"
            if name == "validation":
                return "with other validation data"
            return f"with {name} = {before!r}; this call has {now!r}"
        return ""


def _title(model: dict[str, Any]) -> str:
    dtype = model["dtype"].removeprefix("torch.")
    described = ", ".join(f"{key} = {value}" for key, value in model["config"].items())
    return f"{model['kind']} ({described or model['parameters']}, {dtype})"
