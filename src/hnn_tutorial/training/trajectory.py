r"""The trajectory loss: what a model's *motion* gets wrong, with no derivative of the data.

A network for the field that is trained this way is a Neural ODE. A batch holds pieces of
trajectories: ``states (B, L, 2n)`` as observed, ``gaps (B, L − 1)`` between their times, and
``piece (B,)``, the number of each.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from hnn_tutorial._as_numpy import step_as_numpy
from hnn_tutorial._validate import check_count, check_positive, check_tensor, check_type
from hnn_tutorial.data import Trajectories
from hnn_tutorial.integrators import fixed_step, integrate_gaps
from hnn_tutorial.training._problem import Problem, as_batch
from hnn_tutorial.training.losses import Batch, LearnableField, check_batch, check_field_of


def cut(
    trajectories: Trajectories | Sequence[Trajectories],
    length: int | None = None,
    derivatives: Tensor | None = None,
) -> dict[str, Tensor]:
    """Cut observed trajectories into pieces for a trajectory loss.

    Neighbouring pieces share one observation, so every time gap is in one of them; where the
    last piece would be too short it begins earlier. Short pieces are easy to fit from random
    weights, long ones say more about slow errors: train on short ones first.

    Args:
        trajectories: as observed, at even or uneven times; or a list of them, which may differ in
            length and rate. Their pieces are numbered through.
        length: observations in a piece, at least 2; None takes whole trajectories.
        derivatives: observed as well, of the shape of ``trajectories.states``; None if not.

    Returns:
        ``states (B, L, 2n)``, ``gaps (B, L − 1)``, ``piece (B,)``, and ``derivatives
        (B, L, 2n)`` if they were given.

    Raises:
        ValueError: for a length below 2 or beyond the trajectories', or derivatives of
            another shape.
    """
    if isinstance(trajectories, list | tuple):
        return _cut_all(trajectories, length, derivatives)
    check_type(Trajectories, "Trajectories, as simulate gives them", trajectories=trajectories)
    assert isinstance(trajectories, Trajectories)
    times, states = trajectories.times, trajectories.states
    points = len(times)
    length = points if length is None else length
    if isinstance(length, bool) or not isinstance(length, int) or not 2 <= length <= points:
        raise ValueError(
            f"length = {length!r}; expected an integer from 2 to {points}, the observations"
        )
    starts = [*range(0, points - length, length - 1), points - length]
    index = torch.tensor(starts, device=times.device)[:, None] + torch.arange(
        length, device=times.device
    )

    def pieces(values: Tensor) -> Tensor:
        return values[index].movedim(2, 0).flatten(0, 1)

    count = states.shape[1] * len(starts)
    batch = {
        "states": pieces(states),
        "gaps": times[index].diff(dim=-1).to(states).repeat(states.shape[1], 1),
        "piece": torch.arange(count, device=states.device),
    }
    if derivatives is not None:
        check_tensor(derivatives, "derivatives")
        if derivatives.shape != states.shape:
            raise ValueError(
                f"derivatives has shape {tuple(derivatives.shape)}, the states have "
                f"{tuple(states.shape)}; they must be equal"
            )
        batch["derivatives"] = pieces(derivatives)
    return batch


def _cut_all(
    parts: Sequence[Trajectories], length: int | None, derivatives: Tensor | None
) -> dict[str, Tensor]:
    if not parts:
        raise ValueError("trajectories is an empty list; expected at least one recording")
    if derivatives is not None:
        raise ValueError("derivatives belong to one recording; cut each with its own")
    batches = [cut(part, length) for part in parts]
    shapes = {tuple(batch["states"].shape[1:]) for batch in batches}
    if len(shapes) > 1:
        raise ValueError(
            f"the pieces of the recordings have shapes {sorted(shapes)}; expected the same: pass "
            "length=, at most that of the shortest"
        )
    joined = {key: torch.cat([batch[key] for batch in batches]) for key in ("states", "gaps")}
    # Free starts are told apart by the number of the piece: it may not begin anew.
    return {**joined, "piece": torch.arange(len(joined["gaps"]), device=joined["gaps"].device)}


class FreeStarts(nn.Module):
    """A model together with the initial states of its trajectories, to be optimised with it.

    An observed state is a poor start for a rollout, because the rollout carries its noise along.
    With free starts the whole trajectory decides where it began, which cures errors in variables.
    The wrapped model is trained in place.

    Args:
        model: to be trained.
        batch: as ``cut`` makes it; the starts begin at its first states.
    """

    def __init__(self, model: LearnableField, batch: Mapping[str, Tensor]) -> None:
        super().__init__()
        check_field_of(model)
        check_batch(batch, "states")
        if batch["states"].ndim != 3:
            raise ValueError(
                f"the batch has states {tuple(batch['states'].shape)}; expected (B, L, 2n), as cut "
                "makes them"
            )
        self.model = model
        self.starts = nn.Parameter(batch["states"][:, 0].clone())

    def field(self, x: Tensor) -> Tensor:
        """Return the model's field."""
        return self.model.field(x)


@dataclass(frozen=True)
class TrajectoryResidual:
    r"""Predicted minus observed states, along rollouts from the start of each piece.

    .. math:: r_{bk} = \frac{\hat x_b(t_k) - x_{bk}}{\sigma}, \qquad
              \hat x_b(t_k) = \varphi^\theta_{t_k - t_0}(\hat x_b(t_0))

    The flow φ is that of the model's field through a fixed-step integrator, and is
    differentiated through it. A plain model starts at the first observation, which is then no
    residual; a ``FreeStarts`` at its own starts. Where derivatives were observed too and
    ``derivative_noise`` is given, :math:`(f_\theta(\hat x_b(t_k)) - \dot x_{bk})/\sigma'` are
    further residuals: derivatives at states that the rollout has cleaned of their noise.

    Args:
        method: a fixed-step key of ``METHODS``.
        steps: of the method, in each gap.
        noise: σ, of the observed states; with one kind of residual alone it only sets a scale.
        derivative_noise: σ', of the observed derivatives; None leaves them out.

    References:
        Chen et al. 2018 (Neural ODE); Chen et al. 2020 (initial states optimised).
    """

    method: str = "rk4"
    steps: int = 1
    noise: float = 1.0
    derivative_noise: float | None = None

    def __post_init__(self) -> None:
        fixed_step(self.method)
        check_count(steps=self.steps)
        check_positive(noise=self.noise)
        if self.derivative_noise is not None:
            check_positive(derivative_noise=self.derivative_noise)

    def __call__(self, model: LearnableField, batch: Batch) -> Tensor:
        """Return the residuals of a batch, ``(B, m)``."""
        check_field_of(model)
        check_batch(batch, "states", "gaps")
        path = self._path(model, batch)
        rates = None if self.derivative_noise is None else model.field(path)
        return self._compare(path, rates, batch, free=isinstance(model, FreeStarts))

    def values(self, problem: Problem, weights: Tensor, batch: Batch) -> Tensor:
        """Return the residuals ``(B, m)`` where no gradient is wanted.

        Args:
            problem: of this residual.
            weights: all P of them.
            batch: as ``cut`` makes it.
        """
        if type(self).__call__ is not TrajectoryResidual.__call__:
            return problem.residuals(weights, batch)
        path = self._followed(problem, weights, batch)
        rates = None if self.derivative_noise is None else problem.call(weights, _field, path)
        free = isinstance(problem.module.model, FreeStarts)
        return self._compare(path, rates, batch, free=free)

    def jacobian(self, problem: Problem, weights: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        r"""Return the Jacobian with respect to the weights, ``(B, m, P)``, and ``(B, m)``.

        The step over a gap, :math:`x_{k+1} = \Phi(x_k, g_k; \theta)`, is differentiated once for
        each gap, all gaps at once, and the derivatives are chained:

        .. math:: \frac{dx_{k+1}}{d\theta} = \frac{\partial\Phi}{\partial x}
                  \frac{dx_k}{d\theta} + \frac{\partial\Phi}{\partial\theta} .

        A reverse pass through the whole rollout for each residual gives the same at a cost that
        grows with the square of the rollout's length.

        Args:
            problem: of this residual.
            weights: all P of them.
            batch: as ``cut`` makes it.
        """
        free = isinstance(problem.module.model, FreeStarts)
        with torch.no_grad():
            path = self._followed(problem, weights, batch)

        def begin(w: Tensor, sample: Batch) -> Tensor:
            return problem.call(w, _start, as_batch(sample)).squeeze(0)

        def move(w: Tensor, x: Tensor, gap: Tensor) -> Tensor:
            return problem.call(w, self._moved, x.unsqueeze(0), gap.view(1, 1))[-1, 0]

        def rate(w: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
            value = problem.call(w, _field, x.unsqueeze(0)).squeeze(0)
            return value, value

        chained = [vmap(jacrev(begin), (None, 0))(weights, batch)]
        steps = (path[:, :-1].flatten(0, 1), batch["gaps"].flatten())
        by_weights, by_state = vmap(jacrev(move, (0, 1)), (None, 0, 0))(weights, *steps)
        shape = batch["gaps"].shape
        for A, B in zip(
            by_state.unflatten(0, shape).unbind(1),
            by_weights.unflatten(0, shape).unbind(1),
            strict=True,
        ):
            chained.append(A @ chained[-1] + B)
        S = torch.stack(chained, dim=1)
        if self.derivative_noise is None:
            rates = turned = None
        else:
            slopes = vmap(jacrev(rate, (0, 1), has_aux=True), (None, 0))
            (by_weights, by_state), rates = slopes(weights, path.flatten(0, 1))
            rates = rates.view_as(path)
            turned = by_state.unflatten(0, path.shape[:2]) @ S + by_weights.view_as(S)
        J = self._stack(S, turned, free=free)
        return J.detach(), self._compare(path, rates, batch, free=free).detach()

    def _followed(self, problem: Problem, weights: Tensor, batch: Batch) -> Tensor:
        """Return the rollouts at these weights without a graph, ``(B, L, 2n)``.

        The step is recorded once in a training, for all weights, and NumPy makes it: an HNN 2-16-1
        from 30 free starts over 24 gaps took 49 ms with PyTorch and 13 ms with NumPy.
        """
        gaps = batch["gaps"]
        if gaps.shape not in problem.known:
            problem.known[gaps.shape] = self._as_numpy(problem, weights, batch)
        move = problem.known[gaps.shape]
        if move is None:
            return problem.call(weights, self._path, batch)
        x = problem.call(weights, _start, batch).detach().numpy()
        states, known = [x], weights.detach().numpy()
        with np.errstate(all="ignore"):  # a trial step may run away
            for gap in gaps.mT.numpy():
                x = move(x, gap, known)
                states.append(x)
        return torch.from_numpy(np.stack(states, axis=1))

    def _as_numpy(
        self, problem: Problem, weights: Tensor, batch: Batch
    ) -> Callable[..., np.ndarray] | None:
        model = problem.module.model
        inner = model.model if isinstance(model, FreeStarts) else model

        def step(x: Tensor, gap: Tensor, weights: Tensor) -> Tensor:
            return problem.call(weights, self._moved, x, gap.unsqueeze(0))[-1]

        start = problem.call(weights, _start, batch)
        return step_as_numpy(inner.field, step, start, batch["gaps"][:, 0], weights)

    def _path(self, model: LearnableField, batch: Batch) -> Tensor:
        """Return the rollouts, ``(B, L, 2n)``."""
        return self._moved(model, _start(model, batch), batch["gaps"].mT).movedim(0, 1)

    def _moved(self, model: LearnableField, x: Tensor, gaps: Tensor) -> Tensor:
        return integrate_gaps(model.field, x, gaps, self.method, steps=self.steps)

    def _compare(self, path: Tensor, rates: Tensor | None, batch: Batch, *, free: bool) -> Tensor:
        missed = None if rates is None else rates - batch["derivatives"]
        return self._stack(path - batch["states"], missed, free=free)

    def _stack(self, states: Tensor, rates: Tensor | None, *, free: bool) -> Tensor:
        """Return errors (or derivatives of them), ``(B, L, 2n, ...)``, as ``(B, m, ...)``."""
        parts = [(states if free else states[:, 1:]) / self.noise]
        if rates is not None and self.derivative_noise is not None:
            parts.append(rates / self.derivative_noise)
        return torch.cat([part.flatten(1, 2) for part in parts], dim=1)


def _start(model: LearnableField, batch: Batch) -> Tensor:
    if isinstance(model, FreeStarts):
        return model.starts[batch["piece"]]
    return batch["states"][:, 0]


def _field(model: LearnableField, x: Tensor) -> Tensor:
    return model.field(x)
