r"""The trajectory loss: what a model's *motion* gets wrong, with no derivative of the data.

Trained so, a network for the field is a Neural ODE. A batch holds pieces of trajectories:
``states (B, L, 2n)`` as observed, ``gaps (B, L − 1)`` between their times, and ``piece (B,)``,
the number of each.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import check_count
from hnn_tutorial.data import Trajectories
from hnn_tutorial.integrators import integrate_gaps
from hnn_tutorial.training.losses import Batch, LearnableField


def cut(
    trajectories: Trajectories, length: int | None = None, derivatives: Tensor | None = None
) -> dict[str, Tensor]:
    """Cut observed trajectories into pieces for a trajectory loss.

    Neighbouring pieces share one observation, so every time gap is in one of them; where the
    last piece would be too short it begins earlier. Short pieces are easy to fit from random
    weights, long ones say more about slow errors: train on short ones first.

    Args:
        trajectories: as observed, at even or uneven times.
        length: observations in a piece, at least 2; None takes whole trajectories.
        derivatives: observed as well, of the shape of ``trajectories.states``; None if not.

    Returns:
        ``states (B, L, 2n)``, ``gaps (B, L − 1)``, ``piece (B,)``, and ``derivatives
        (B, L, 2n)`` if they were given.

    Raises:
        ValueError: for a length below 2 or beyond the trajectories', or derivatives of
            another shape.
    """
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
        "gaps": times[index].diff(dim=-1).repeat(states.shape[1], 1),
        "piece": torch.arange(count, device=states.device),
    }
    if derivatives is not None:
        if derivatives.shape != states.shape:
            raise ValueError(
                f"derivatives has shape {tuple(derivatives.shape)}, the states have "
                f"{tuple(states.shape)}; they must be equal"
            )
        batch["derivatives"] = pieces(derivatives)
    return batch


class FreeStarts(nn.Module):
    """A model together with the initial states of its trajectories, to be optimised with it.

    An observed state is a poor start for a rollout: its noise is carried along. With the
    starts free, the whole of a trajectory decides where it began: the cure for errors in
    variables. The wrapped model is trained in place; the starts are what remains of noise.

    Args:
        model: to be trained.
        batch: as ``cut`` makes it; the starts begin at its first states.
    """

    def __init__(self, model: LearnableField, batch: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.model = model
        self.starts = nn.Parameter(batch["states"][:, 0].clone())

    def field(self, x: Tensor) -> Tensor:
        """Return the model's field."""
        return self.model.field(x)


@dataclass(frozen=True)
class TrajectoryResidual:
    r"""Predicted less observed states, along rollouts from the start of each piece.

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
        check_count(steps=self.steps)
        for name in ("noise", "derivative_noise"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} = {value}; expected a positive finite number")

    def __call__(self, model: LearnableField, batch: Batch) -> Tensor:
        """Return the residuals of a batch, ``(B, m)``."""
        observed = batch["states"]
        free = isinstance(model, FreeStarts)
        start = model.starts[batch["piece"]] if free else observed[:, 0]
        gaps = batch["gaps"].mT
        path = integrate_gaps(model.field, start, gaps, self.method, steps=self.steps)
        path = path.movedim(0, 1)
        missed = (path - observed) / self.noise
        parts = [missed if free else missed[:, 1:]]
        if self.derivative_noise is not None:
            parts.append((model.field(path) - batch["derivatives"]) / self.derivative_noise)
        return torch.cat([part.flatten(1) for part in parts], dim=1)
