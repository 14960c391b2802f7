"""A fairer baseline: a network for the force alone."""

import torch
from torch import Tensor, nn

from hnn_tutorial.models._model import Model


class SecondOrderMLP(Model):
    r"""A plain network for the force; positions follow from momenta by learned masses.

    .. math:: \dot q_i = p_i / m_i, \qquad \dot p = \mathrm{NN}_\theta(q, p)

    The masses :math:`m_i > 0` are n further parameters, kept as their logarithms. Much of what
    separates physical models from an MLP is that the motion is of second order, so a comparison
    should include this model.

    References:
        Gruver et al. 2022.
    """

    kind = "second_order_mlp"

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the network, and masses of one."""
        super().build(generator, dtype)
        self.log_mass = nn.Parameter(torch.zeros(self.degrees, dtype=dtype))

    @staticmethod
    def outputs(degrees: int) -> int:
        """Return n."""
        return degrees

    def field(self, x: Tensor) -> Tensor:
        """Return ``[p/m, NN(q, p)]``, ``(..., 2n) -> (..., 2n)``."""
        self._check(x)
        p = x[..., self.degrees :]
        force = self.network(self.embedding(x))
        return torch.cat([p * torch.exp(-self.log_mass), force], dim=-1)

    def field_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how the field changes with the weights, ``(B, 2n, P)``, and the field."""
        n, value = self.degrees, self.field(x)
        force = self.network.value_jacobian(self.embedding(x))
        J = x.new_zeros(len(x), 2 * n, n + force.shape[-1])
        # log_mass comes first among the parameters: ∂(p e^(−log m))/∂(log m) = −p/m.
        J[:, :n, :n] = torch.diag_embed(-value[:, :n])
        J[:, n:, n:] = force
        return J, value
