"""Hamiltonian networks whose bracket is not the canonical one."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial._angles import check_angles
from hnn_tutorial._validate import (
    check_callable,
    check_count,
    check_dtype,
    check_input,
    check_type,
    checked_bracket,
)
from hnn_tutorial.mechanics import MatrixFunction
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.models.embedding import Embedding
from hnn_tutorial.random import as_generator


class _PoissonNetwork(nn.Module):
    """A network for H; the motion is J ∇H, whatever gives J."""

    kind: str
    embedding: Embedding
    network: DenseNetwork

    def __init__(
        self,
        dimension: int,
        hidden: Sequence[int],
        activation: str,
        angles: Sequence[int],
        generator: torch.Generator,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        check_count(dimension=dimension)
        check_type(
            (list, tuple), "the widths of the hidden layers, such as (32, 32)", hidden=hidden
        )
        check_dtype(dtype)
        self.dimension = int(dimension)
        self.hidden = tuple(hidden)
        self.activation = activation
        self.angles = check_angles(angles, self.dimension)
        self.embedding = Embedding(self.dimension, self.angles, dtype)
        sizes = (self.embedding.size, *self.hidden, 1)
        self.network = DenseNetwork(sizes, activation, seed=generator, dtype=dtype)

    @property
    def config(self) -> dict[str, Any]:
        """The shape of the model, as plain JSON values."""
        config: dict[str, Any] = {
            "dimension": self.dimension,
            "hidden": list(self.hidden),
            "activation": self.activation,
        }
        return {**config, "angles": list(self.angles)} if self.angles else config

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the learned energy, ``(..., d) -> (...,)``; right up to a constant."""
        self._check(x)
        return self.network(self.embedding(x)).squeeze(-1)

    def poisson_matrix(self, x: Tensor) -> Tensor:
        """Return J, antisymmetric, ``(..., d) -> (..., d, d)``."""
        raise NotImplementedError

    def field(self, x: Tensor) -> Tensor:
        """Return J ∇H, ``(..., d) -> (..., d)``."""
        self._check(x)
        features = self.embedding(x)
        slope = self.embedding.pull_back(x, self.network.input_gradient(features))
        return (self.poisson_matrix(x) @ slope.unsqueeze(-1)).squeeze(-1)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``field(x)``."""
        return self.field(x)

    def _check(self, x: Tensor) -> None:
        check_input(x, "state", self.dimension, self.embedding.choose.dtype)


class PoissonNN(_PoissonNetwork):
    r"""A network for H where the bracket is known; the state has any number of components.

    .. math:: \dot x = J(x)\, \nabla H_\theta(x), \qquad J(x)^\top = -J(x)

    At any weights :math:`\dot H_\theta = \nabla H_\theta^\top J\, \nabla H_\theta = 0`, and every
    Casimir of J, a function C with :math:`J \nabla C = 0`, is conserved: trained or not, the model
    keeps its own energy and the true Casimirs. With :math:`J = \Omega` it is an ``HNN``.

    J is no part of what ``save_model`` writes: ``load_model(path, model)`` takes a model with the
    same bracket and shape.

    Args:
        dimension: d, the number of components of a state.
        bracket: J, a function ``(..., d) -> (..., d, d)`` such as ``system.poisson_matrix``; or
            ``(d, d)`` where J is the same everywhere.
        hidden: widths of the hidden layers.
        activation: a key of ``ACTIVATIONS``.
        angles: indices of the components that are angles.
        seed: draws the initial weights.
        dtype: of the weights.

    Raises:
        ValueError: (when called) if J is not antisymmetric, or of another size.

    References:
        Greydanus, Dzamba & Yosinski 2019 (J = Ω); Hairer, Lubich & Wanner 2006, sec. VII.2.
    """

    kind = "poisson_nn"

    def __init__(
        self,
        dimension: int,
        bracket: MatrixFunction,
        hidden: Sequence[int] = (32, 32),
        activation: str = "tanh",
        *,
        angles: Sequence[int] = (),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__(dimension, hidden, activation, angles, as_generator(seed), dtype)
        check_callable(bracket=bracket)
        self.bracket = bracket

    def poisson_matrix(self, x: Tensor) -> Tensor:
        """Return the known J, ``(..., d) -> (..., d, d)``."""
        self._check(x)
        return checked_bracket(self.bracket)(x).expand(*x.shape, self.dimension)


class LearnedBracketNN(_PoissonNetwork):
    r"""One network for H, and one for the bracket.

    .. math:: \dot x = J_\theta(x)\, \nabla H_\theta(x), \qquad
              J_\theta(x)_{ij} = -J_\theta(x)_{ji}

    The second network gives the entries of J above the diagonal, which start near 1. At any weights
    :math:`H_\theta` is conserved. A plane field that conserves something has this form away
    from its points of rest. With three components and more nothing makes J obey the Jacobi
    identity (``mechanics.jacobi_defect``), and nothing makes it singular: a true Casimir is not
    conserved. J and H are found up to a factor, and up to functions of H.

    Args:
        dimension: d, the number of components of a state, two or more.
        hidden: widths of the hidden layers of both networks.
        activation: a key of ``ACTIVATIONS``.
        angles: indices of the components that are angles.
        seed: draws the initial weights.
        dtype: of the weights.
    """

    kind = "learned_bracket_nn"

    place: Tensor

    def __init__(
        self,
        dimension: int,
        hidden: Sequence[int] = (32, 32),
        activation: str = "tanh",
        *,
        angles: Sequence[int] = (),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        generator = as_generator(seed)
        super().__init__(dimension, hidden, activation, angles, generator, dtype)
        d = self.dimension
        if d < 2:
            raise ValueError("dimension = 1; one component alone has no bracket but zero")
        rows, columns = torch.triu_indices(d, d, 1)
        # A product with 0, 1 and −1 works under every transform of torch.func.
        place = torch.zeros(len(rows), d * d, dtype=dtype)
        place[torch.arange(len(rows)), rows * d + columns] = 1
        place[torch.arange(len(rows)), columns * d + rows] = -1
        self.register_buffer("place", place, persistent=False)
        sizes = (self.embedding.size, *self.hidden, len(rows))
        self.entries = DenseNetwork(sizes, activation, seed=generator, dtype=dtype)
        with torch.no_grad():
            self.entries.layers[-1].weight.mul_(0.1)
            self.entries.layers[-1].bias.fill_(1.0)

    def poisson_matrix(self, x: Tensor) -> Tensor:
        """Return the learned J, antisymmetric, ``(..., d) -> (..., d, d)``."""
        self._check(x)
        entries = self.entries(self.embedding(x))
        return (entries @ self.place).unflatten(-1, (self.dimension, self.dimension))
