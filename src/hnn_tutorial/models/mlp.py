"""The baseline: a network that is the vector field."""

from torch import Tensor

from hnn_tutorial.models._model import Model


class MLP(Model):
    r"""A plain network for the field, :math:`[\dot q, \dot p] = \mathrm{NN}_\theta(q, p)`.

    It knows nothing of mechanics: its outputs need not belong to any H. With a trajectory
    loss it is a Neural ODE.

    References:
        Greydanus et al. 2019 (the baseline); Chen et al. 2018 (Neural ODE).
    """

    kind = "mlp"

    @staticmethod
    def outputs(degrees: int) -> int:
        """Return 2n."""
        return 2 * degrees

    def field(self, x: Tensor) -> Tensor:
        """Return the learned time derivative ``[q̇, ṗ]``, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        return self.network(self.embedding(x))

    def field_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how the field changes with the weights, ``(B, 2n, P)``, and the field."""
        features = self.embedding(x)
        return self.network.value_jacobian(features), self.network(features)
