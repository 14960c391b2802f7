"""A structured LNN for rods that hang from one another: it knows one symmetry more."""

import torch
from torch import Tensor

from hnn_tutorial._validate import check_input
from hnn_tutorial.models._lagrangian import inverse_times
from hnn_tutorial.models._linearised import Linearised
from hnn_tutorial.models.cholesky import CholeskyFactor, start_near
from hnn_tutorial.models.embedding import Embedding
from hnn_tutorial.models.structured_lnn import StructuredLNN


class RelativeLNN(StructuredLNN):
    r"""A structured LNN whose mass matrix depends on differences of the angles alone.

    .. math:: L_\theta(q, \dot q) = \tfrac12 \dot q^\top A_\theta(\delta)\, \dot q - V_\theta(q),
              \qquad \delta_k = q_{k+1} - q_k

    A pendulum of several rods that is turned as a whole has the same kinetic energy as before:
    only gravity tells up from down. So A is a function of n − 1 angles, and V of n. Each has a
    network of its own, of the hidden sizes that are given. All coordinates are angles, two or more;
    so it is no row of ``MODELS``, which serve any coordinates.

    Raises:
        ValueError: for fewer than two degrees of freedom, or one that is no angle.
    """

    kind = "relative_lnn"

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the networks of K and V."""
        n = self.degrees
        if n < 2 or tuple(self.angles) != tuple(range(n)):
            raise ValueError(
                f"RelativeLNN has {n} degrees of freedom and the angles {self.angles}; expected "
                "two or more, all of them angles"
            )
        self.embedding = Embedding(n, self.angles, dtype)
        self.between = Embedding(n - 1, self.angles[:-1], dtype)
        self.factor = CholeskyFactor(n, dtype)
        self.network = self.dense(self.between.size, self.factor.size, generator, dtype)
        self.height = self.dense(self.embedding.size, 1, generator, dtype)
        start_near(self.network.layers[-1], self.factor, 1.0)

    def potential(self, q: Tensor) -> Tensor:
        """Return V of the positions, ``(..., n) -> (...,)``; right up to a constant."""
        check_input(q, "q", self.degrees, self.embedding.choose.dtype)
        return self.height(self.embedding(q))[..., 0]

    def acceleration_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return how q̈ changes with the weights, ``(B, n, P)``, and q̈ ``(B, n)``."""
        K, force = self._equation(x)
        acceleration, inverse = inverse_times(self._mass(K), force)
        q, velocity = x.chunk(2, dim=-1)
        delta, turning = q.diff(dim=-1), velocity.unsqueeze(-2).diff(dim=-1)
        walk = Linearised(
            self.network,
            self.between(delta),
            along=self.between.push_forward(delta, inverse.diff(dim=-1)),
            shared=self.between.push_forward(delta, turning).squeeze(-2),
        )
        by_numbers, by_rise, by_drift = self._factor_gradients(
            walk.values, walk.along, walk.shared, velocity, acceleration, inverse
        )
        by_height, _ = self.height.slope_jacobian(
            self.embedding(q), self.embedding.push_forward(q, -inverse)
        )
        by_factor = walk.jacobian(values=by_numbers, along=by_rise, shared=by_drift)
        return torch.cat([by_factor, by_height], dim=-1), acceleration

    def _equation(self, x: Tensor) -> tuple[Tensor, Tensor]:
        n = self.degrees
        q, velocity = x.chunk(2, dim=-1)
        basis = torch.eye(n, dtype=x.dtype, device=x.device).expand(*q.shape, n)
        _, dV = self.height.value_and_tangents(
            self.embedding(q), self.embedding.push_forward(q, basis)
        )
        delta = q.diff(dim=-1)
        outputs, slopes = self.network.value_and_tangents(
            self.between(delta), self.between.push_forward(delta, basis.diff(dim=-1))
        )
        K = self.factor(outputs)
        dK = self.factor.tangents(outputs, slopes)  # dK[..., k, :, :] = ∂K/∂q_k
        return K, self._force(K, dK, dV[..., 0], velocity)

    def _factor_and_potential(self, q: Tensor) -> tuple[Tensor, Tensor]:
        outputs = self.network(self.between(q.diff(dim=-1)))
        return self.factor(outputs), self.height(self.embedding(q))[..., 0]
