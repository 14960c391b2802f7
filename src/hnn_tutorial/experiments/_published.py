"""What the recipes of Greydanus et al. 2019 have in common."""

from collections.abc import Sequence

import torch
from torch import nn

from hnn_tutorial.experiments._recipe import Recipe, Task
from hnn_tutorial.training import Adam

LEARNING_RATE = 1e-3


@torch.no_grad()
def orthogonal(model: nn.Module, generator: torch.Generator) -> None:
    """Draw weights as orthogonal matrices, and biases as ``nn.Linear`` does by default."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, generator=generator)
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)


def as_published(
    task: Task,
    title: str,
    adam: Adam,
    *,
    degrees: int = 1,
    models: Sequence[str] = ("hnn", "mlp"),
    seeds: int = Recipe.seeds,
) -> Recipe:
    """Return the reference recipe of a task: 2 × 200 tanh in float32, trained with Adam."""
    return Recipe(
        name=f"{task.name}-reference",
        title=title,
        task=task,
        degrees=degrees,
        models={kind: {"hidden": (200, 200)} for kind in models},
        optimizers={"adam": adam},
        dtype=torch.float32,
        initialize=orthogonal,
        seeds=seeds,
        source="Greydanus et al. 2019",
    )
