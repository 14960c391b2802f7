"""The HNN paper's recipe for the spring, written anew from its published settings.

Two hidden layers of 200 tanh units, orthogonal initial weights, Adam at 1e-3 with weight
decay 1e-4, 2000 steps on full batches, float32, and the gradient of H by
``autograd.grad(create_graph=True)`` (Greydanus et al. 2019, section 3.1 and their code).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

STEPS = 2000
LEARNING_RATE = 1e-3
WEIGHT_DECAY = 1e-4


class ReferenceHNN(nn.Module):
    """H as a network, its field by automatic differentiation."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        sizes = (2, 200, 200, 1)
        layers = []
        generator = torch.Generator().manual_seed(seed)
        for k, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            last = k == len(sizes) - 2
            layer = nn.Linear(fan_in, fan_out, bias=not last)
            nn.init.orthogonal_(layer.weight, generator=generator)
            if not last:
                # The default of nn.Linear, drawn from our generator.
                nn.init.uniform_(layer.bias, -(fan_in**-0.5), fan_in**-0.5, generator=generator)
            layers += [layer] if last else [layer, nn.Tanh()]
        self.network = nn.Sequential(*layers)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[∂H/∂p, −∂H/∂q]``, with a graph to train through."""
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (dH,) = torch.autograd.grad(self.network(x).sum(), x, create_graph=True)
        return torch.stack([dH[..., 1], -dH[..., 0]], dim=-1)


def train_reference(
    model: ReferenceHNN, states: Tensor, derivatives: Tensor, steps: int = STEPS
) -> None:
    """Train as published: Adam on the mean squared error of the field, full batches."""
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    states, derivatives = states.float(), derivatives.float()
    for _ in range(steps):
        loss = (model.field(states) - derivatives).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
