r"""A metric learned from realised covariances, and its rivals."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import (
    as_widths,
    check_callable,
    check_count,
    check_finite,
    check_input,
    check_output,
    check_state,
    check_vector,
)
from hnn_tutorial.finance.distances import Covariance, metric_hamiltonian, metric_lagrangian
from hnn_tutorial.finance.sabr import sabr_covariance
from hnn_tutorial.models import DenseNetwork
from hnn_tutorial.models.cholesky import CholeskyFactor, start_near
from hnn_tutorial.random import as_generator
from hnn_tutorial.training.losses import check_batch


class _Metric(nn.Module):
    """What all learned metrics have: Lagrangian and Hamiltonian of their covariance."""

    dimension: int

    def covariance(self, q: Tensor) -> Tensor:
        raise NotImplementedError

    def lagrangian(self, x: Tensor) -> Tensor:
        r"""Return :math:`\tfrac12\,\dot q^\top \Sigma(q)^{-1} \dot q`, ``(..., 2d) -> (...)``."""
        check_state(x, degrees=self.dimension)
        return metric_lagrangian(self.covariance)(x)

    def hamiltonian(self, x: Tensor) -> Tensor:
        r"""Return :math:`\tfrac12\,p^\top \Sigma(q)\,p`, ``(..., 2d) -> (...)``."""
        check_state(x, degrees=self.dimension)
        return metric_hamiltonian(self.covariance)(x)


class _NetworkMetric(_Metric):
    """A metric whose entries a dense network gives, as many as a triangle has."""

    def __init__(
        self,
        hidden: tuple[int, ...] = (10,),
        dimension: int = 2,
        activation: str = "tanh",
        *,
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        check_count(dimension=dimension)
        self.dimension, self.dtype = dimension, dtype
        sizes = (dimension, *as_widths(hidden), dimension * (dimension + 1) // 2)
        self.network = DenseNetwork(sizes, activation, seed=seed, dtype=dtype)
        self._build()

    def _build(self) -> None:
        """Make what puts the entries in their places."""
        raise NotImplementedError

    def _entries(self, q: Tensor) -> Tensor:
        check_input(q, "q", self.dimension, self.dtype)
        entries: Tensor = self.network(q)
        return entries


class MetricNetwork(_NetworkMetric):
    r"""A covariance :math:`\Sigma(q) = K K^\top` that is positive definite at any weights.

    A dense network gives the entries of the triangular K, those on its diagonal through softplus.

    Args:
        hidden: widths of the hidden layers.
        dimension: d, of the state.
        activation: a key of ``ACTIVATIONS``.
        seed: draws the initial weights.
        dtype: of the weights.
    """

    def _build(self) -> None:
        self.factor = CholeskyFactor(self.dimension, self.dtype)
        start_near(self.network.layers[-1], self.factor, 0.4)

    def covariance(self, q: Tensor) -> Tensor:
        r"""Return :math:`\Sigma`, ``(..., d) -> (..., d, d)``."""
        K: Tensor = self.factor(self._entries(q))
        return K @ K.mT


class FreeMetric(_NetworkMetric):
    r"""A symmetric :math:`\Sigma(q)` whose entries are free, so that it need not be positive.

    Args:
        hidden: widths of the hidden layers.
        dimension: d, of the state.
        activation: a key of ``ACTIVATIONS``.
        seed: draws the initial weights.
        dtype: of the weights.
    """

    place: Tensor

    def _build(self) -> None:
        # Which output stands at each place of the matrix.
        d = self.dimension
        rows, columns = torch.tril_indices(d, d)
        place = torch.zeros(d, d, dtype=torch.long)
        place[rows, columns] = place[columns, rows] = torch.arange(len(rows))
        self.register_buffer("place", place, persistent=False)

    def covariance(self, q: Tensor) -> Tensor:
        r"""Return :math:`\Sigma`, ``(..., d) -> (..., d, d)``."""
        return self._entries(q)[..., self.place]


class SabrMetric(_Metric):
    r"""The covariance of ``Sabr`` with exponent 1, of two learned numbers.

    It starts at a volatility of volatility of one half, without correlation.
    """

    dimension = 2

    def __init__(self) -> None:
        super().__init__()
        self.log_vol_of_vol = nn.Parameter(torch.tensor(math.log(0.5), dtype=torch.float64))
        self.turn = nn.Parameter(torch.zeros((), dtype=torch.float64))

    @property
    def vol_of_vol(self) -> Tensor:
        r""":math:`\nu`, per root of a year."""
        return self.log_vol_of_vol.exp()

    @property
    def correlation(self) -> Tensor:
        r""":math:`\rho`."""
        return torch.tanh(self.turn)

    def covariance(self, q: Tensor) -> Tensor:
        r"""Return :math:`\Sigma`, ``(..., 2) -> (..., 2, 2)``."""
        check_input(q, "q", 2, torch.float64)
        return sabr_covariance(torch.exp(q[..., 1]), self.vol_of_vol, self.correlation)


@torch.no_grad()
def realised_covariances(
    covariance: Covariance, states: Tensor, increments: int = 5, *, seed: int | torch.Generator
) -> Tensor:
    r"""Return simulated realised covariances: means of products of a few changes.

    .. math:: \hat\Sigma = \frac 1m \sum_{i=1}^m \Delta_i \Delta_i^\top, \qquad
              \Delta_i \sim \mathcal N(0, \Sigma(q))

    Each is right on average, and far off: the relative error of an entry on the diagonal is
    :math:`\sqrt{2/m}`.

    Args:
        covariance: the true :math:`\Sigma`, ``(..., d) -> (..., d, d)``, positive definite.
        states: q, ``(N, d)``.
        increments: m, changes that are averaged at each state.
        seed: integer or generator.

    Returns:
        Shape ``(N, d, d)``, per unit of time.

    Raises:
        ValueError: if the covariance is not positive definite at a state.
    """
    check_callable(covariance=covariance)
    check_vector(states, "states")
    check_finite(states, "states")
    check_count(increments=increments)
    if states.ndim != 2:
        raise ValueError(f"states has shape {tuple(states.shape)}; expected (N, d)")
    true = covariance(states)
    check_output(true, states, (*states.shape, states.shape[-1]), "the covariance")
    K, info = torch.linalg.cholesky_ex(true)
    if bool((info != 0).any()):
        raise ValueError("the covariance is not positive definite at a state")
    shape = (len(states), states.shape[-1], increments)
    draw = torch.randn(shape, generator=as_generator(seed), dtype=torch.float64).to(states)
    changes = K @ draw
    return changes @ changes.mT / increments


def metric_residual(model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    r"""Return the error of a learned covariance in units of each state, for ``fit``.

    .. math:: d_{ij} = \frac{\Sigma_{ij}(q) - \hat\Sigma_{ij}}{s_i s_j}, \qquad i \ge j

    The noise of a realised covariance grows with the covariance; the scales s make it about even.

    Args:
        model: with a ``covariance``, such as ``MetricNetwork``.
        batch: ``states`` ``(N, d)``, ``covariances`` ``(N, d, d)`` as of ``realised_covariances``,
            and ``scales`` s, ``(N, d)``, positive: for ``Sabr``, ``[a, 1]`` of each state.

    Returns:
        Shape ``(N, d(d + 1)/2)``.

    Raises:
        TypeError, ValueError: if the model has no covariance, or the batch lacks a part or has one
            of another shape.
    """
    check_callable(covariance=getattr(model, "covariance", None))
    check_batch(batch, "states", "covariances", "scales")
    q, s, seen = batch["states"], batch["scales"], batch["covariances"]
    if s.shape != q.shape or seen.shape != (*q.shape, q.shape[-1]):
        raise ValueError(
            f"the batch has states {tuple(q.shape)}, covariances {tuple(seen.shape)} and scales "
            f"{tuple(s.shape)}; expected (..., d), (..., d, d) and (..., d)"
        )
    found = model.covariance(q)  # type: ignore[operator]  # a method, as checked
    wrong = (found - seen) / (s.unsqueeze(-1) * s.unsqueeze(-2))
    rows, columns = torch.tril_indices(q.shape[-1], q.shape[-1])
    return wrong[..., rows, columns]
