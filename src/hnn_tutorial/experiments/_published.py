"""The settings of Greydanus et al. 2019 that its recipes have in common."""

import torch
from torch import nn

from hnn_tutorial.models import Model

HIDDEN = (200, 200)
LEARNING_RATE = 1e-3


@torch.no_grad()
def orthogonal(model: Model, generator: torch.Generator) -> None:
    """Draw weights as orthogonal matrices, and biases as ``nn.Linear`` does by default."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight, generator=generator)
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
