"""A symplectic map made of kicks and drifts."""

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import lookup
from hnn_tutorial.models._flow_map import FlowMap
from hnn_tutorial.models.activations import ACTIVATIONS
from hnn_tutorial.models.embedding import Embedding


class SympNet(FlowMap):
    r"""Kicks and drifts in turn, each by the gradient of a small network.

    .. math:: p \leftarrow p + K^\top \operatorname{diag}(a)\, \sigma(K q + b), \qquad
              q \leftarrow q + K^\top \operatorname{diag}(a)\, \sigma(K p + b)

    What is added is :math:`\nabla V(q)` or :math:`\nabla T(p)`, as in leapfrog, with V and T of
    their own in each module. A kick and a drift are symplectic, so is the map, at any weights; its
    inverse takes them back in reverse order. These are the gradient modules of the paper, without
    its linear ones. They can approximate a symplectic map that comes from no H too, such as that of
    a driven system over one period.

    Args:
        degrees: n, the degrees of freedom; the state has 2n components.
        hidden: the number of units of each module; the first is a kick, the next a drift, and so
            on.
        activation: σ, a key of ``ACTIVATIONS``.
        angles: indices of the positions that are angles.
        seed: draws the initial weights.
        dtype: of the weights.

    References:
        Jin et al. 2020 (SympNets).
    """

    kind = "sympnet"

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the modules."""
        if not self.hidden or not all(type(width) is int and width > 0 for width in self.hidden):
            raise ValueError(
                f"hidden = {self.hidden}; expected the number of units of each module, such as "
                "(8, 8, 8, 8)"
            )
        lookup(ACTIVATIONS, self.activation, "activation")
        self.embedding = Embedding(self.degrees, self.angles, dtype)
        self.shears = nn.ModuleList(
            _Shear(
                self.embedding if k % 2 == 0 else Embedding(self.degrees, (), dtype),
                width,
                self.activation,
                generator,
                dtype,
            )
            for k, width in enumerate(self.hidden)
        )

    def map(self, x: Tensor) -> Tensor:
        """Return the states one step later, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        q, p = x.chunk(2, dim=-1)
        for k, shear in enumerate(self.shears):
            if k % 2 == 0:
                p = p + shear(q)
            else:
                q = q + shear(p)
        return torch.cat([q, p], dim=-1)

    def inverse(self, x: Tensor) -> Tensor:
        """Return the states one step earlier, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        q, p = x.chunk(2, dim=-1)
        for k, shear in reversed(list(enumerate(self.shears))):
            if k % 2 == 0:
                p = p - shear(q)
            else:
                q = q - shear(p)
        return torch.cat([q, p], dim=-1)

    @staticmethod
    def fewest_weights(degrees: int, hidden: tuple[int, ...]) -> int:
        """Return the number of weights without angles."""
        return (degrees + 2) * sum(hidden)


class _Shear(nn.Module):
    """The gradient of a network with one hidden layer, Σ a σ̂(K s + b) with σ̂' = σ."""

    def __init__(
        self,
        embedding: Embedding,
        width: int,
        activation: str,
        generator: torch.Generator,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self._activation = activation

        def drawn(scale: float, *shape: int) -> nn.Parameter:
            draw = torch.randn(shape, generator=generator, dtype=torch.float64)
            return nn.Parameter((scale * draw).to(dtype))

        self.inward = drawn(1.0, width, embedding.size)
        self.bias = drawn(0.5, width)
        # The map begins not far from the identity.
        self.scale = drawn(0.3 / width**0.5, width)

    def forward(self, s: Tensor) -> Tensor:
        """Return the gradient at positions or momenta, ``(..., n) -> (..., n)``."""
        z = self.embedding(s) @ self.inward.mT + self.bias
        g = (self.scale * ACTIVATIONS[self._activation].value(z)) @ self.inward
        return self.embedding.pull_back(s, g)
