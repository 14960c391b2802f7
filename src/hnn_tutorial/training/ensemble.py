"""Many models of one shape trained at once, as one batch of weights."""

import itertools
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn
from torch.func import vmap

from hnn_tutorial._validate import as_path, check_callable, check_count, check_type
from hnn_tutorial.data import Dataset
from hnn_tutorial.random import as_generator
from hnn_tutorial.training import checkpoint as storage
from hnn_tutorial.training._batches import State, start_batches
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.adam import Adam
from hnn_tutorial.training.fit import History, Keeper, Run, carry_out, describe_settings
from hnn_tutorial.training.losses import Batch, Residual, as_batch, derivative_residual

SAMPLES_AT_ONCE = 6000
"""On a CPU members go through the network in groups whose batches hold so many samples in all.

All at once would leave the cache. HNN 2-32-32-1, 64 members, one thread, CPU time of a gradient
with batches of 750: 96 ms one by one, 76 in groups of 8, 116 all at once; with batches of 50:
40 ms one by one, 6 all at once."""

SAMPLES_IN_NUMPY = 800
"""The same where NumPy evaluates the gradient. The same 64 members with batches of 50 took 3.9 ms
with PyTorch, and with NumPy 3.2 in groups of 4, 2.3 in groups of 16, 6.6 all at once."""

GOING = -1
"""In place of the step at which a member stopped."""


def fit_ensemble(
    models: Sequence[nn.Module],
    data: Dataset | Batch | Sequence[Dataset | Batch],
    optimizer: Adam = Adam(),  # noqa: B008 (frozen)
    *,
    residual: Residual = derivative_residual,
    seeds: Sequence[int] | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = True,
    progress: bool = True,
) -> list[History]:
    r"""Train models of one shape in place, all at once: ``fit`` for each of N seeds.

    The weights become one tensor ``(N, P)``, and ``torch.func.vmap`` turns N forward passes
    into one. Each model ends, up to rounding, as ``fit(model, data, optimizer, seed=seed)``
    would leave it. On a GPU, or with networks so small that most of the time goes into
    starting operations, N models take little longer than one; on a CPU wider ones take about
    N times as long either way.

    A member whose loss or gradient is no longer finite stops where it last was finite, and its
    history says so; the others go on. That is not an error here: look at ``reason``.

    Args:
        models: alike in everything but their weights, such as ``[HNN(1, seed=s) for s in ...]``.
        data: what all of them learn from; or a sequence with the data of each, of equal length.
        optimizer: ``Adam(...)``, the same for all.
        residual: ``(model, batch) -> (B, m)``; row b may depend on sample b alone.
        seeds: shuffle the mini-batches, one for each model; None takes 0, 1, 2, ...
        checkpoint: a safetensors file for all of them, as in ``fit``.
        checkpoint_every: None takes the optimiser's (100).
        resume: False starts afresh and overwrites an existing checkpoint.
        progress: show steps, mean loss and time left on standard error.

    Returns:
        One history for each model, in their order. Its ``seconds`` are those of the ensemble.

    Raises:
        TypeError, ValueError: if models, data, settings or checkpoint do not fit together.
        KeyboardInterrupt: when interrupted, after writing the checkpoint.
    """
    check_type(Adam, "Adam(...), which alone trains an ensemble", optimizer=optimizer)
    check_type((list, tuple), "a list of models", models=models)
    for k, model in enumerate(models):
        check_type(nn.Module, "a model, such as HNN(1)", **{f"models[{k}]": model})
    check_callable(residual=residual)
    if checkpoint_every is None:
        checkpoint_every = optimizer.checkpoint_every
    check_count(checkpoint_every=checkpoint_every)
    problem = EnsembleProblem(models, residual, data)
    check_type((Sequence, type(None)), "one integer for each model", seeds=seeds)
    seeds = list(range(len(models))) if seeds is None else list(seeds)
    for seed in seeds:
        as_generator(seed)
    if len(seeds) != len(models):
        raise ValueError(f"{len(seeds)} seeds for {len(models)} models; expected one for each")

    run = EnsembleRun(problem, EnsembleAdam(**asdict(optimizer), seeds=tuple(seeds)))
    keeper = None
    if checkpoint is not None:
        identity = {
            **describe_settings(optimizer, residual),
            "members": len(models),
            "seeds": seeds,
            "data": storage.fingerprint(problem.data),
        }
        keeper = Keeper(
            as_path(checkpoint, "checkpoint"), storage.describe_model(models[0]), identity
        )
    if keeper is not None and resume and keeper.path.exists():
        keeper.load(run)
    else:
        run.begin(0)
    carry_out(run, keeper, checkpoint_every, progress)
    return run.histories()


class EnsembleProblem(Problem):
    """The problems of all members as one, whose weights are a tensor ``(N, P)``.

    Raises:
        TypeError, ValueError: if a model does not fit its data, or the members each other.
    """

    def __init__(
        self,
        models: Sequence[nn.Module],
        residual: Residual,
        data: Dataset | Batch | Sequence[Dataset | Batch],
    ) -> None:
        if not models:
            raise ValueError("models is empty; expected at least one")
        if len(set(map(id, models))) < len(models):
            raise ValueError("the same model stands twice in models; each needs its own weights")
        self.shared = not isinstance(data, Sequence)
        each = data if isinstance(data, Sequence) else [data] * len(models)
        batches = [as_batch(one) for one in each]
        if len(batches) != len(models):
            raise ValueError(
                f"{len(batches)} datasets for {len(models)} models; expected one for each, or "
                "one for all"
            )
        self.members = [Problem(m, residual, b) for m, b in zip(models, batches, strict=True)]
        first = self.members[0]
        for k, member in enumerate(self.members):
            _check_alike(first, member, k)
        self.dtype, self.device, self.samples = first.dtype, first.device, first.samples
        self.data = dict(batches[0])
        if not self.shared:
            self.data = {name: torch.stack([b[name] for b in batches]) for name in batches[0]}

    def weights(self) -> Tensor:
        """Return a copy of all trainable weights, shape ``(N, P)``."""
        return torch.stack([member.weights() for member in self.members])

    def assign(self, weights: Tensor) -> None:
        """Write weights ``(N, P)`` into the models."""
        for member, row in zip(self.members, weights, strict=True):
            member.assign(row)

    def losses_and_gradients(
        self, weights: Tensor, batch: Batch, shared: bool
    ) -> tuple[Tensor, Tensor]:
        """Return each member's loss, ``(N,)``, and its gradient, ``(N, P)``.

        Args:
            weights: ``(N, P)``.
            batch: tensors ``(N, B, ...)``; ``(B, ...)`` if ``shared``.
            shared: whether all members see the same samples.
        """
        size = len(next(iter(batch.values()))) if shared else len(next(iter(batch.values()))[0])

        def of(members: slice) -> Batch:
            return batch if shared else {name: value[members] for name, value in batch.items()}

        def gradients(weights: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
            residuals = vmap(self.members[0].residuals, (0, None if shared else 0))
            w = weights.detach().requires_grad_()
            with torch.enable_grad():
                loss = self.members[0].summands(residuals(w, batch)).mean((1, 2))
                # The members share no weight: the gradient of the sum holds that of each.
                (g,) = torch.autograd.grad(loss.sum(), w)
            return g, loss.detach()

        recorded, first = self.members[0].recorded, max(1, SAMPLES_IN_NUMPY // size)
        if recorded(gradients, weights[:first], of(slice(first))) is not None:
            group = first
        else:
            group = len(weights) if self.device.type != "cpu" else max(1, SAMPLES_AT_ONCE // size)
        losses: list[Tensor] = []
        found: list[Tensor] = []
        for start in range(0, len(weights), group):
            members = slice(start, start + group)
            w, part = weights[members], of(members)
            evaluate = recorded(gradients, w, part) if group == first else None
            g, loss = (evaluate or gradients)(w, part)
            found.append(g)
            losses.append(loss)
        return torch.cat(losses), torch.cat(found)

    def losses(self, weights: Tensor) -> list[float]:
        """Return the loss of each member on all of its data."""
        return [m.loss(w, m.data) for m, w in zip(self.members, weights, strict=True)]

    def choose(self, index: Tensor) -> Batch:
        """Return the samples that ``index``, ``(N, B)``, names for each member."""
        if self.shared:
            return {name: value[index] for name, value in self.data.items()}
        member = torch.arange(len(index), device=index.device).unsqueeze(-1)
        return {name: value[member, index] for name, value in self.data.items()}


@dataclass(frozen=True)
class EnsembleAdam(Adam):
    """Adam on each row of weights ``(N, P)``, with a shuffle of its own for each.

    The problem that it is given is an ``EnsembleProblem``.

    Args:
        seeds: of the shuffles.
    """

    seeds: tuple[int, ...] = ()

    def start(self, problem: Problem, seed: int | torch.Generator) -> State:
        """Return the state before the first step; ``seed`` is not used."""
        assert isinstance(problem, EnsembleProblem)
        weights = problem.weights()
        return {
            "weights": weights,
            "good": weights,
            "step": torch.tensor(0),
            "first_moment": torch.zeros_like(weights),
            "second_moment": torch.zeros_like(weights),
            "losses": torch.zeros_like(weights[:, 0]),
            "stopped": torch.full((len(weights),), GOING),
            **self._shuffle(problem, [torch.Generator().manual_seed(s) for s in self.seeds]),
        }

    def step(self, problem: Problem, state: State) -> tuple[State, float]:
        """Return the state after one more step, and the mean loss before it.

        The loss of each member is in the state, and the mean is of those still going. A member
        whose loss or gradient is not finite goes back to the weights before, ``good``, and stays
        there.
        """
        assert isinstance(problem, EnsembleProblem)
        batch, shared, changes = self._next_batch(problem, state)
        losses, g = problem.losses_and_gradients(state["weights"], batch, shared)
        new = self.update(state, g)
        stopped = state["stopped"]
        going = stopped == GOING
        fine = (torch.isfinite(losses) & torch.isfinite(g).all(-1)).cpu()
        new["good"] = state["weights"]
        if not (going & fine).all():
            stopped = torch.where(going & ~fine, state["step"], stopped)
            kept = (going & fine).unsqueeze(-1).to(problem.device)
            new["good"] = torch.where(kept, new["good"], state["good"])
            for name in ("first_moment", "second_moment"):
                new[name] = torch.where(kept, new[name], state[name])
            new["weights"] = torch.where(kept, new["weights"], new["good"])
        on = (stopped == GOING).tolist()
        mean = math.fsum(itertools.compress(losses.tolist(), on)) / max(1, sum(on))
        return {**state, **changes, **new, "losses": losses, "stopped": stopped}, mean

    def stop_reason(self, state: State) -> str | None:
        """Return why to stop now, or None to go on."""
        return None if (state["stopped"] == GOING).any() else "no member is left"

    def _shuffle(self, problem: EnsembleProblem, generators: list[torch.Generator]) -> State:
        """Return each member's entries of ``start_batches``, stacked."""
        parts = [
            start_batches(member, self.batch_size, generator)
            for member, generator in zip(problem.members, generators, strict=True)
        ]
        return {name: torch.stack([part[name] for part in parts]) for name in parts[0]}

    def _next_batch(self, problem: EnsembleProblem, state: State) -> tuple[Batch, bool, State]:
        """Return the next batch, whether it is the same for all, and what changes in the state.

        It is ``next_batch`` for all members, who are always at the same position.
        """
        if self.batch_size is None:
            return problem.data, problem.shared, {}
        positions = state["batch_position"]
        start, end = int(positions[0]), int(positions[0]) + self.batch_size
        batch = problem.choose(state["batch_order"][:, start:end].to(problem.device))
        if end + self.batch_size <= problem.samples:
            return batch, False, {"batch_position": torch.full_like(positions, end)}
        generators = []
        for generator_state in state["batch_generator"]:
            generators.append(torch.Generator())
            # A copy: given a row of a larger tensor, set_state crashes (PyTorch 2.13).
            generators[-1].set_state(generator_state.clone())
        return batch, False, self._shuffle(problem, generators)


class EnsembleRun(Run):
    """A training of all members in progress; its history holds their means.

    ``losses`` and ``final_losses`` hold one number for each of them.
    """

    problem: EnsembleProblem

    def __init__(self, problem: EnsembleProblem, optimizer: EnsembleAdam) -> None:
        super().__init__(problem, optimizer, None, optimizer.validation_every, None)
        self.losses: list[list[float]] = []
        self.final_losses = [math.nan] * len(problem.members)

    def advance(self, checkpoint_every: int | None = None) -> float:
        """Make one step; return the mean loss before it of the members still going."""
        new, loss = self.optimizer.step(self.problem, self.state)
        self.history.loss.append(loss)
        self.losses.append(new["losses"].tolist())
        # What this step found out about the members belongs to the state before it.
        checked = {"weights": new["good"], "good": new["good"], "stopped": new["stopped"]}
        self.verified, self.state = {**self.state, **checked}, new
        return loss

    def conclude(self) -> None:
        """Verify the last weights of each member, and take back those that are not good."""
        weights, stopped = self.state["weights"], self.state["stopped"]
        losses = self.problem.losses(weights)
        fine = torch.tensor([math.isfinite(v) for v in losses]) | (stopped != GOING)
        if not fine.all():
            stopped = torch.where(fine, stopped, self.state["step"])
            weights = torch.where(
                fine.unsqueeze(-1).to(weights.device), weights, self.state["good"]
            )
            losses = self.problem.losses(weights)
        self.final_losses = losses
        self.history.final_loss = math.fsum(losses) / len(losses)
        self.history.reason = self._reason
        self.final = {**self.state, "weights": weights, "good": weights, "stopped": stopped}
        self._lap()

    def histories(self) -> list[History]:
        """Return the history of each member."""
        assert self.final is not None, "the training has not come to its end"
        whole, histories = self.history, []
        for k, stopped in enumerate(self.final["stopped"].tolist()):
            reason, count = whole.reason, whole.steps
            if stopped != GOING:
                reason, count = _diagnosis(stopped), stopped
            histories.append(
                History(
                    loss=[losses[k] for losses in self.losses[:count]],
                    final_loss=self.final_losses[k],
                    seconds=whole.seconds,
                    reason=reason,
                )
            )
        return histories

    def to_tensors(self) -> dict[str, Tensor]:
        """Return everything needed to continue, or the outcome if training has ended."""
        tensors = super().to_tensors()
        losses = self.losses[: int(tensors["state/step"])]
        tensors["history/losses"] = torch.tensor(losses, dtype=torch.float64)
        tensors["history/final_losses"] = torch.tensor(self.final_losses, dtype=torch.float64)
        return tensors

    def from_tensors(self, tensors: Mapping[str, Tensor], reason: str) -> None:
        """Go back to what ``to_tensors`` stored."""
        super().from_tensors(tensors, reason)
        self.losses = tensors["history/losses"].tolist()
        self.final_losses = tensors["history/final_losses"].tolist()
        if reason:
            self.final = self.state


def _diagnosis(stopped: int) -> str:
    where = f"step {stopped + 1}: the loss or its gradient is not finite; "
    if stopped == 0:
        return where + "the model is unchanged"
    return where + f"the model was put back to its state after step {stopped - 1}"


def _check_alike(first: Problem, other: Problem, k: int) -> None:
    """Raise ``ValueError`` unless two members differ in trainable weights and data alone."""
    one, two = (storage.describe_model(problem.module.model) for problem in (first, other))
    if one != two or list(first.parameters) != list(other.parameters):
        raise ValueError(f"models[{k}] differs from models[0] in more than its weights: {two}")
    if (first.dtype, first.device) != (other.dtype, other.device):
        raise ValueError(f"models[{k}] is on {other.device}, models[0] on {first.device}")
    shapes = [{name: v.shape for name, v in problem.data.items()} for problem in (first, other)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"the data of models[{k}] have shapes {shapes[1]}, those of models[0] {shapes[0]}; "
            "they must be equal"
        )
    tensors = dict([*other.module.named_parameters(), *other.module.named_buffers()])
    for name, value in [*first.module.named_parameters(), *first.module.named_buffers()]:
        if name not in first.parameters and not torch.equal(value, tensors[name]):
            raise ValueError(
                f"models[{k}] has another {name.removeprefix('model.')} than models[0], and it is "
                "not trained; only trainable weights may differ"
            )
