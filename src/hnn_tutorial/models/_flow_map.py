"""What every learned map shares."""

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count
from hnn_tutorial.models._model import Network


class FlowMap(Network):
    r"""A learnable map that takes a state ``[q, p]`` to where it is one step later.

    .. math:: \Phi_\theta(x(t)) \approx x(t + h)

    It learns from pairs of states alone, as ``Trajectories.pairs`` gives them, and knows neither a
    field nor the step h: there is nothing between two steps. A new map is a subclass in a file of
    its own, with ``map`` and a row in ``MAPS``.

    Args:
        degrees: n, the degrees of freedom; the state has 2n components.
        hidden: widths; what of, each map says.
        activation: a key of ``ACTIVATIONS``.
        angles: indices of the positions that are angles: a state that has turned over is mapped as
            one that has not, with its whole turns kept.
        seed: draws the initial weights.
        dtype: of the weights.
    """

    def map(self, x: Tensor) -> Tensor:
        """Return the states one step later, ``(..., 2n) -> (..., 2n)``."""
        raise NotImplementedError

    def iterate(self, x: Tensor, steps: int) -> Tensor:
        """Return the states after 0, 1, 2, ... steps.

        Args:
            x: initial states, ``(..., 2n)``.
            steps: how often to map.

        Returns:
            States, ``(steps + 1, ..., 2n)``; the first is ``x``.
        """
        check_count(steps=steps)
        states = [x]
        for _ in range(steps):
            states.append(self.map(states[-1]))
        return torch.stack(states)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``map(x)``."""
        return self.map(x)

    @staticmethod
    def fewest_weights(degrees: int, hidden: tuple[int, ...]) -> int:
        """Return a number of weights that a map of this shape has at least.

        A file that describes a map, and has fewer numbers, is refused before the map is made.
        """
        return 0
