"""The Hamiltonian neural network: a network that is the Hamiltonian."""

from torch import Tensor

from hnn_tutorial.mechanics import symplectic_form, symplectic_gradient
from hnn_tutorial.models._model import Model


class HNN(Model):
    r"""A network for H; the motion is its symplectic gradient.

    .. math:: \dot q = \frac{\partial H_\theta}{\partial p}, \qquad
              \dot p = -\frac{\partial H_\theta}{\partial q}

    So :math:`\dot H_\theta = \nabla H_\theta \cdot \Omega \nabla H_\theta = 0` for any weights: the
    model conserves its own energy by construction, trained or not, and its field has no divergence.
    Training decides how close :math:`H_\theta` is to the true energy.

    References:
        Greydanus, Dzamba & Yosinski 2019.
    """

    kind = "hnn"

    @staticmethod
    def outputs(degrees: int) -> int:
        """Return 1: a scalar."""
        return 1

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the learned energy, ``(..., 2n) -> (...,)``; right up to a constant."""
        self._check(x)
        return self.network(self.embedding(x)).squeeze(-1)

    def field(self, x: Tensor) -> Tensor:
        """Return ``hamiltonian_field(self.hamiltonian)(x)``, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        g = self.network.input_gradient(self.embedding(x))
        return symplectic_gradient(self.embedding.pull_back(x, g))

    def field_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how the field changes with the weights, ``(B, 2n, P)``, and the field."""
        # Each component of Ω∇H is the slope of H along a row of Ω.
        rows = symplectic_form(self.degrees, dtype=x.dtype, device=x.device).expand(len(x), -1, -1)
        return self.network.slope_jacobian(self.embedding(x), self.embedding.push_forward(x, rows))
