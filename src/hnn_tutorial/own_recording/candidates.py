"""The networks that are tried, equally large, and how each is trained."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import lookup
from hnn_tutorial.experiments.real_pendulum import linear_friction
from hnn_tutorial.models import MODELS, Model, parameter_count
from hnn_tutorial.own_recording.rivals import Formula
from hnn_tutorial.own_recording.task import Task
from hnn_tutorial.training import FreeStarts, LevenbergMarquardt, TrajectoryResidual, fit
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.losses import Batch, LearnableField

WEIGHTS = 65
"""Of a network, for each degree of freedom: one hidden layer of 16."""
SPANS = (4.0, 12.0)
"""Of the pieces of the trajectory loss, stage by stage, in units of the time scale."""


def default_models(task: Task) -> list[str]:
    """Return the models that are tried where none are named.

    With several positions the masses usually depend on them, so that the momentum is not the
    velocity, and an HNN of ``[q, q̇]`` is the wrong form; a Lagrangian is not.
    """
    if task.degrees == 1:
        return ["hnn", "dissipative_hnn", "second_order_mlp", "mlp"]
    return ["structured_lnn", "dissipative_hnn", "second_order_mlp", "mlp"]


def build(kind: str, task: Task, seed: int) -> Model:
    """Return an untrained model with about as many weights as the others.

    Args:
        kind: a key of ``MODELS``.
        task: what it is for.
        seed: draws its weights.
    """
    chosen = lookup(MODELS, kind, "model")
    wanted = WEIGHTS * task.degrees

    def made(width: int) -> Model:
        activation = "softplus" if kind == "lnn" else "tanh"
        model = chosen(task.degrees, (width,), activation, angles=task.angles, seed=seed)
        # The swing decays into states that nobody saw, where a network may say anything of the
        # friction: one number for it forecasts better.
        linear_friction(model, torch.Generator())
        return model

    return made(min(range(4, 64), key=lambda width: abs(parameter_count(made(width)) - wanted)))


@dataclass(frozen=True)
class VisibleResidual:
    """The trajectory residual, of those components alone that were recorded.

    Attributes:
        whole: the residual of whole states, with free starts.
        visible: the components.
        components: of a state, 2n.
    """

    whole: TrajectoryResidual
    visible: slice
    components: int

    def __call__(self, model: LearnableField, batch: Batch) -> Tensor:
        """Return the residuals ``(B, m)``."""
        return self._chosen(self.whole(model, batch))

    def jacobian(self, problem: Problem, weights: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the Jacobian ``(B, m, P)`` and the residuals ``(B, m)``."""
        J, r = self.whole.jacobian(problem, weights, batch)
        return self._chosen(J), self._chosen(r)

    def _chosen(self, values: Tensor) -> Tensor:
        whole = values.unflatten(1, (-1, self.components))
        return whole[:, :, self.visible].flatten(1, 2)


def train(model: Model | Formula, task: Task, spans: Sequence[float] = SPANS) -> float:
    """Train a field in place: smooth derivatives first, then the motion as it was recorded.

    The starts of the pieces are free, so that their noise is no part of the field.

    Args:
        model: with a ``field`` in units of order one.
        task: the recording.
        spans: of the pieces, stage by stage.

    Returns:
        The seconds it took.
    """
    stages = [fit(model, task.dataset(), LevenbergMarquardt(25, weight_decay=1e-5), progress=False)]
    for span in spans:
        seen, smooth_ones, steps = task.pieces(span)
        residual = VisibleResidual(
            TrajectoryResidual(steps=steps, noise=task.noise), task.visible, 2 * task.degrees
        )
        optimizer = LevenbergMarquardt(10, weight_decay=1e-3, tolerance=1e-4)
        free = FreeStarts(model, smooth_ones)
        stages.append(fit(free, seen, optimizer, residual=residual, progress=False))
    return sum(stage.seconds for stage in stages)
