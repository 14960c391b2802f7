"""A Lagrangian network in Cartesian coordinates, with the rods as known constraints."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import check_input, check_type
from hnn_tutorial.constraints import ConstrainedField, Rods, times
from hnn_tutorial.models._lagrangian import LagrangianNetwork
from hnn_tutorial.models.cholesky import CholeskyFactor
from hnn_tutorial.models.embedding import Embedding


class ConstrainedLNN(LagrangianNetwork):
    r"""Learned masses and a network for the potential, of points on known rods.

    .. math:: L_\theta(q, \dot q) = \tfrac12 \sum_{ij} M_{ij}\, \dot x_i \cdot \dot x_j
              - V_\theta(q), \qquad M = K K^\top \succ 0, \qquad g(q) = 0

    .. math:: M \ddot q = -\nabla V_\theta + G^\top \lambda, \qquad G \ddot q = -\dot G \dot q

    States are ``[q, q̇]`` in Cartesian coordinates, those of ``system.velocities``. M is constant:
    n(n + 1)/2 numbers, or n without ``couplings``. M and V are found up to a common factor and
    V up to a constant, and both besides by what the rods take up: where a point stands on one rod
    alone with an anchor, V along that rod is not seen. At any weights the rods keep their lengths
    and the energy is conserved on them.

    Rods are no part of what ``save_model`` writes: ``load_model(path, model)`` takes a model with
    the same rods. ``with_constraints`` gives the same masses and potential other rods, such as one
    more that closes the chain.

    Args:
        rods: between the points.
        hidden: widths of the hidden layers of V; none make V linear.
        activation: a key of ``ACTIVATIONS``.
        couplings: whether M has entries between the points, as rods with masses make them.
        seed: draws the initial weights; M starts as the identity.
        dtype: of the weights.

    Raises:
        TypeError: for anything but rods.
        ValueError: (when called) if the rods are redundant at a state.

    References:
        Finzi, Wang & Wilson 2020 (CLNN).
    """

    kind = "constrained_lnn"

    def __init__(
        self,
        rods: Rods,
        hidden: Sequence[int] = (12,),
        activation: str = "tanh",
        *,
        couplings: bool = True,
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        check_type(Rods, "rods, as Rods(pairs, lengths)", rods=rods)
        check_type(bool, "True or False", couplings=couplings)
        self._rods, self._couplings = rods, couplings
        super().__init__(rods.size, hidden, activation, seed=seed, dtype=dtype)

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the network of V, and masses of one."""
        self.embedding = Embedding(self.degrees, (), dtype)
        self.network = self.dense(self.degrees, 1, generator, dtype)
        n = self.rods.points
        self.factor = CholeskyFactor(n, dtype)
        one = torch.tensor(1.0, dtype=dtype).expm1().log()  # softplus of it is one
        entries = torch.zeros(self.factor.size, dtype=dtype)
        entries[self.factor.on_diagonal] = one
        self.entries = nn.Parameter(
            entries if self.couplings else entries.new_full((n,), float(one))
        )

    @property
    def rods(self) -> Rods:
        """The constraints."""
        return self._rods

    @property
    def couplings(self) -> bool:
        """Whether M has entries between the points."""
        return self._couplings

    @property
    def config(self) -> dict[str, Any]:
        """The shape of the model; rods are plain data too."""
        rods = self.rods
        return {
            "rods": {
                "pairs": [list(pair) for pair in rods.pairs],
                "lengths": [float(length) for length in rods.lengths],
                "anchors": [[float(value) for value in anchor] for anchor in rods.anchors],
                "dimension": rods.dimension,
            },
            "hidden": list(self.hidden),
            "activation": self.activation,
            "couplings": self.couplings,
        }

    @property
    def masses(self) -> Tensor:
        """M between the points, positive definite, ``(n, n)``."""
        if self.couplings:
            K = self.factor(self.entries)
            return K @ K.mT
        return torch.diag_embed(nn.functional.softplus(self.entries).square())

    @property
    def constrained_field(self) -> ConstrainedField:
        """The learned motion of ``[q, q̇]`` with its parts, as RATTLE takes it."""
        return ConstrainedField(self.pull, self.masses, self.rods, momenta=False)

    def with_constraints(self, rods: Rods) -> "ConstrainedLNN":
        """Return a copy with the same masses and potential, and other rods between the points.

        Args:
            rods: as many points in a space of the same dimension, such as ``rods.with_rod(...)``.

        Raises:
            ValueError: for other points.
        """
        check_type(Rods, "rods, as Rods(pairs, lengths)", rods=rods)
        if (rods.points, rods.dimension) != (self.rods.points, self.rods.dimension):
            raise ValueError(
                f"the rods hold {rods.points} points in {rods.dimension} dimensions; this model "
                f"knows {self.rods.points} in {self.rods.dimension}"
            )
        other = copy.deepcopy(self)
        other._rods = rods
        return other

    def potential(self, q: Tensor) -> Tensor:
        """Return V of the positions, ``(..., d) -> (...,)``; right up to a constant."""
        check_input(q, "q", self.degrees, self.embedding.choose.dtype)
        return self.network(q).squeeze(-1)

    def pull(self, q: Tensor) -> Tensor:
        """Return −∇V, ``(..., d) -> (..., d)``."""
        check_input(q, "q", self.degrees, self.embedding.choose.dtype)
        return -self.network.input_gradient(q)

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return the learned L of ``[q, q̇]``, without the rods, ``(..., 2d) -> (...,)``."""
        return self._kinetic(x) - self.potential(x[..., : self.degrees])

    def energy(self, x: Tensor) -> Tensor:
        """Return ``½ q̇ᵀMq̇ + V``, constant along the model's own motion at any weights."""
        return self._kinetic(x) + self.potential(x[..., : self.degrees])

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return M of all components, the same at each state, ``(..., 2d) -> (..., d, d)``."""
        self._check(x)
        one = torch.eye(self.rods.dimension, dtype=x.dtype, device=x.device)
        whole = torch.kron(self.masses.contiguous(), one)
        return whole.expand(*x.shape[:-1], self.degrees, self.degrees)

    def acceleration(self, x: Tensor) -> Tensor:
        """Return q̈, ``(..., 2d) -> (..., d)``."""
        self._check(x)
        return self.constrained_field(x)[..., self.degrees :]

    def multipliers(self, x: Tensor) -> Tensor:
        """Return the learned λ of each rod, ``(..., 2d) -> (..., m)``, on the scale of M."""
        self._check(x)
        return self.constrained_field.multipliers(x)

    def _kinetic(self, x: Tensor) -> Tensor:
        self._check(x)
        velocity = x[..., self.degrees :]
        return (velocity * times(self.masses, velocity, self.rods.dimension)).sum(-1) / 2
