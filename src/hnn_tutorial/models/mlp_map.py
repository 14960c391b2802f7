"""The baseline of the maps: a network that is the change of the state."""

import itertools

import torch
from torch import Tensor

from hnn_tutorial.models._flow_map import FlowMap
from hnn_tutorial.models.embedding import Embedding


class MLPMap(FlowMap):
    r"""A plain network for the change of the state in one step.

    .. math:: \Phi_\theta(x) = x + \mathrm{NN}_\theta(x)

    Nothing makes it symplectic, and it has no inverse in closed form.

    Args:
        degrees: n, the degrees of freedom; the state has 2n components.
        hidden: widths of the hidden layers.
        activation: a key of ``ACTIVATIONS``.
        angles: indices of the positions that are angles.
        seed: draws the initial weights.
        dtype: of the weights.
    """

    kind = "mlp_map"

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the embedding and the network."""
        self.embedding = Embedding(2 * self.degrees, self.angles, dtype)
        self.network = self.dense(self.embedding.size, 2 * self.degrees, generator, dtype)

    def map(self, x: Tensor) -> Tensor:
        """Return ``x + NN(x)``, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        return x + self.network(self.embedding(x))

    @staticmethod
    def fewest_weights(degrees: int, hidden: tuple[int, ...]) -> int:
        """Return the number of weights of its matrices."""
        return sum(a * b for a, b in itertools.pairwise((2 * degrees, *hidden, 2 * degrees)))
