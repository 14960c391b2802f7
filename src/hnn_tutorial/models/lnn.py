"""The Lagrangian neural network: a network that is the Lagrangian."""

import torch
from torch import Tensor

from hnn_tutorial._validate import anywhere
from hnn_tutorial.models._lagrangian import LagrangianNetwork, inverse_times
from hnn_tutorial.models._linearised import Linearised


class LNN(LagrangianNetwork):
    r"""A network for any Lagrangian; the motion follows from the Euler–Lagrange equation.

    .. math:: L_\theta(q, \dot q) = \tfrac12 |\dot q|^2 + \mathrm{NN}_\theta(q, \dot q)

    .. math:: \ddot q = \left(\frac{\partial^2 L}{\partial \dot q^2}\right)^{-1}
              \left(\frac{\partial L}{\partial q}
              - \frac{\partial^2 L}{\partial q\,\partial \dot q}\,\dot q\right)

    The first term costs no generality, since the network can learn its negative. It has three
    effects. The mass matrix of the untrained model is near the identity (the network's last layer
    starts at a tenth of the usual weights); that of a bare network is as often negative as
    positive, and singular in between. The scale of L, which the motion does not determine, gets a
    natural value. And L = 0, which satisfies the equation for any motion, is far away.

    Softplus suits it best: it grows with the velocity as a kinetic energy must. Tanh levels off,
    and its curvature changes sign.

    Nothing keeps the mass matrix positive away from the data: an eigenvalue may pass through zero,
    where the acceleration has a pole. A numerically singular matrix raises an error. One that is
    merely indefinite does not; ``mass_matrix`` shows it. The ``StructuredLNN`` avoids both.

    References:
        Cranmer et al. 2020.
    """

    kind = "lnn"

    FIRST_SCALE = 0.1

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the network, whose first contribution to the mass matrix is small."""
        super().build(generator, dtype)
        with torch.no_grad():
            self.network.layers[-1].weight.mul_(self.FIRST_SCALE)

    @staticmethod
    def outputs(degrees: int) -> int:
        """Return 1: a scalar."""
        return 1

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return the learned L of ``[q, q̇]``, ``(..., 2n) -> (...,)``."""
        self._check(x)
        velocity = x[..., self.degrees :]
        return velocity.square().sum(-1) / 2 + self.network(self.embedding(x)).squeeze(-1)

    def energy(self, x: Tensor) -> Tensor:
        """Return ``q̇ · ∂L/∂q̇ − L``, constant along the model's own motion at any weights."""
        self._check(x)
        n = self.degrees
        velocity = x[..., n:]
        momentum = velocity + self.network.input_gradient(self.embedding(x))[..., n : 2 * n]
        return (velocity * momentum).sum(-1) - self.lagrangian(x)

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return ``∂²L/∂q̇²``, symmetric but of any signature, ``(..., 2n) -> (..., n, n)``."""
        self._check(x)
        return self._equation(x)[0]

    def acceleration(self, x: Tensor) -> Tensor:
        """Return q̈, ``(..., 2n) -> (..., n)``.

        Raises:
            ValueError: if a mass matrix is singular to rounding; not where the model was
                compiled or exported, whose acceleration is then huge or infinite.
        """
        self._check(x)
        mass_matrix, force = self._equation(x)
        acceleration, inverse = inverse_times(mass_matrix, force)
        _check_regular(mass_matrix.detach(), inverse.detach())
        return acceleration

    def acceleration_jacobian(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return how q̈ changes with the weights, ``(B, n, P)``, and q̈ ``(B, n)``.

        With λ a row of :math:`M^{-1}`, one component changes by

        .. math:: \lambda \cdot (dF - dM\, \ddot q)
                  = \partial_{(\lambda, 0)}\, dL
                  - \partial_{(0, \lambda)} \partial_{(\dot q, \ddot q)}\, dL ,

        a slope less one second derivative, in place of the n(n+1)/2 of the mass matrix.
        """
        mass_matrix, force = self._equation(x)
        acceleration, inverse = inverse_times(mass_matrix, force)
        nothing = torch.zeros_like(inverse)
        motion = torch.cat([x[..., self.degrees :], acceleration], dim=-1).unsqueeze(-2)
        along, across, shared = (
            self.embedding.push_forward(x, directions)
            for directions in (
                torch.cat([inverse, nothing], dim=-1),
                torch.cat([nothing, inverse], dim=-1),
                motion,
            )
        )
        walk = Linearised(self.network, self.embedding(x), along, shared.squeeze(-2), across)
        return walk.jacobian(along=x.new_ones(*x.shape[:-1], 1)), acceleration

    def _equation(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mass matrix and what it is multiplied with q̈ to give."""
        n = self.degrees
        velocity = x[..., n:]
        # The directions that Euler and Lagrange ask for: each velocity, and along (q̇, 0).
        basis = torch.eye(2 * n, dtype=x.dtype, device=x.device)[n:]
        drift = torch.cat([velocity, torch.zeros_like(velocity)], dim=-1).unsqueeze(-2)
        directions = torch.cat([basis.expand(*x.shape[:-1], n, 2 * n), drift], dim=-2)
        g, curvature = self.network.gradient_and_curvature(
            self.embedding(x), self.embedding.push_forward(x, directions)
        )
        # The embedding bends along q alone, never between a velocity and anything else, so
        # these second derivatives need no further term from the chain rule.
        mass_matrix = basis[:, n:] + curvature[..., :n, :n]
        force = self.embedding.pull_back(x, g)[..., :n] - curvature[..., :n, n]
        return mass_matrix, force


def _check_regular(mass_matrix: Tensor, inverse: Tensor) -> None:
    """Raise ``ValueError`` if a matrix cannot be told from a singular one."""
    size = mass_matrix.abs().sum(-1).amax(-1)
    growth = inverse.abs().sum(-1).amax(-1)
    # Unlike its size, 1 does not vanish with the matrix: it is that of the first term of L.
    # A trajectory that has run away (NaN) is no singular matrix, and its NaN the honest result.
    largest = 1e-3 / torch.finfo(size.dtype).eps
    bad = torch.isfinite(size) & ~(growth * (1 + size) < largest)
    # Inside vmap (Levenberg–Marquardt's Jacobian) no value can be read. There a matrix near a
    # singular one shows as a large residual, and that step is not taken.
    if anywhere(bad):
        count = int(bad.sum())
        raise ValueError(
            f"the mass matrix ∂²L/∂q̇² is singular at {count} of {bad.numel()} states, so L fixes "
            "no acceleration there. Far from the data an LNN is free to do so: keep to states "
            "like those it was trained on, or use a StructuredLNN, whose mass matrix is positive "
            "everywhere"
        )
