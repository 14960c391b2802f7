"""What flows of positions and auxiliary momenta share: the bound that trains them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import check_count, check_dtype, check_input, check_type
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.random import as_generator


def log_normal(x: Tensor) -> Tensor:
    """Return the logarithm of the standard normal density, ``(..., d) -> (...,)``."""
    return -x.square().sum(-1) / 2 - x.shape[-1] / 2 * math.log(2 * math.pi)


class AugmentedFlow(nn.Module):
    r"""A density of positions, as the shadow of a Gaussian of positions and momenta that was moved.

    A Gaussian of [q, p] is carried by an invertible map Φ. The density ρ of the positions alone is
    an integral over the momenta, which no formula gives. An *encoder* :math:`f(p \mid q)`, a
    Gaussian whose mean and widths a network makes of q, bounds it from below:

    .. math:: \ln \rho(q) \ge \mathbb E_{p \sim f(\cdot \mid q)} \left[
              \ln \mathcal N\!\left(\Phi^{-1}(q, p)\right)
              + \ln \left|\det \frac{\partial \Phi^{-1}}{\partial (q, p)}\right|
              - \ln f(p \mid q) \right]

    the *evidence lower bound*. Equality holds where f is the exact density of p given q.

    A subclass has ``forwards`` and ``backwards``, Φ and its inverse.

    Args:
        dimension: d, of the positions.
        encoder: widths of the encoder's hidden layers.
        seed: draws the initial weights.
        dtype: of the weights.

    References:
        Toth et al. 2020 (the bound, for a Hamiltonian flow); Huang, Dinh & Courville 2020
        (augmented flows).
    """

    kind: ClassVar[str]

    FIRST_SCALE = 0.1
    """Of the encoder's last layer: at first it hardly depends on q."""
    WIDTHS = (-6.0, 3.0)
    """Least and largest logarithm of the encoder's widths: outside, one point rules a mean."""

    def __init__(
        self,
        dimension: int = 2,
        *,
        encoder: Sequence[int] = (32, 32),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        check_count(dimension=dimension)
        check_dtype(dtype)
        check_type((list, tuple), "the widths of hidden layers, such as (32, 32)", encoder=encoder)
        self.dimension = int(dimension)
        self._widths = tuple(encoder)
        sizes = (self.dimension, *encoder, 2 * self.dimension)
        self.encoder = DenseNetwork(sizes, seed=seed, dtype=dtype)
        with torch.no_grad():
            self.encoder.layers[-1].weight.mul_(self.FIRST_SCALE)

    @property
    def config(self) -> dict[str, Any]:
        """The arguments that make a flow of this shape, as plain JSON values."""
        return {"dimension": self.dimension, "encoder": list(self._widths)}

    def forwards(self, q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        """Return Φ(q, p): from the Gaussian to the data, each ``(..., d)``."""
        raise NotImplementedError

    def backwards(self, q: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return Φ⁻¹(q, p), and the logarithm of its volume change, ``(...,)``."""
        raise NotImplementedError

    def momenta(self, x: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return momenta that belong to positions, and ln f of them.

        Args:
            x: positions, ``(..., d)``.
            noise: standard normal numbers, of the same shape, or of more axes in front.

        Returns:
            p of the shape of ``noise``, and ln f(p | x).
        """
        self._check(x, "x")
        self._check(noise, "noise")
        if noise.shape[noise.ndim - x.ndim :] != x.shape:
            raise ValueError(
                f"noise has shape {tuple(noise.shape)}; expected {tuple(x.shape)}, or that with "
                "more axes in front"
            )
        mean, width = self.encoder(x).chunk(2, dim=-1)
        width = width.clamp(*self.WIDTHS)
        return mean + width.exp() * noise, log_normal(noise) - width.sum(-1)

    def elbo(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return the evidence lower bound with one draw of the momentum for each position.

        Args:
            x: positions, ``(..., d)``.
            noise: as in ``momenta``.

        Returns:
            Values, of the shape of ``noise`` without its last axis. Their mean is the bound.
        """
        p, log_f = self.momenta(x, noise)
        q0, p0, log_det = self.backwards(x.expand_as(p), p)
        return log_normal(q0) + log_normal(p0) + log_det - log_f

    def losses(self, batch: Mapping[str, Tensor]) -> Tensor:
        r"""Return what ``NEGATIVE_LOG_LIKELIHOOD`` trains on: minus a bound at each point.

        With one draw of the momentum it is the evidence lower bound, with several

        .. math:: \ln \frac 1K \sum_{k=1}^K \frac{\rho(q, p_k)}{f(p_k \mid q)}

        whose mean lies between that bound and ln ρ.

        Args:
            batch: ``x``, ``(B, d)``, and ``noise``, ``(B, d)`` or ``(B, K, d)``.

        Returns:
            ``(B,)``.

        References:
            Burda, Grosse & Salakhutdinov 2016.
        """
        x, noise = batch["x"], batch["noise"]
        if noise.ndim == x.ndim:
            return -self.elbo(x, noise)
        draws = self.elbo(x, noise.transpose(0, 1))
        return math.log(len(draws)) - torch.logsumexp(draws, dim=0)

    @torch.no_grad()
    def log_prob(self, x: Tensor, seed: int | torch.Generator, *, draws: int = 500) -> Tensor:
        r"""Return an estimate of ln ρ, by several momenta for each position.

        .. math:: \ln \rho(q) \approx \ln \frac 1K \sum_{k=1}^K
                  \frac{\rho(q, p_k)}{f(p_k \mid q)}

        Its mean lies below ln ρ, by less the more draws there are (importance weights). The bound
        ``elbo`` lies lower still; neither may be set beside an exact likelihood without saying so.

        Args:
            x: positions, ``(..., d)``.
            seed: integer or generator.
            draws: K.

        Returns:
            ``(...,)``.

        References:
            Burda, Grosse & Salakhutdinov 2016.
        """
        check_count(draws=draws)
        self._check(x, "x")
        noise = torch.randn(draws, *x.shape, generator=as_generator(seed), dtype=torch.float64).to(
            x
        )
        return torch.logsumexp(self.elbo(x, noise), dim=0) - math.log(draws)

    @torch.no_grad()
    def sample(self, count: int, seed: int | torch.Generator) -> Tensor:
        """Draw positions, ``(count, d)``.

        Args:
            count: how many.
            seed: integer or generator.
        """
        check_count(count=count)
        generator, weight = as_generator(seed), self.encoder.layers[0].weight
        shape = (2, count, self.dimension)
        q, p = torch.randn(shape, generator=generator, dtype=torch.float64).to(weight)
        return self.forwards(q, p)[0]

    def _check_pair(self, q: Tensor, p: Tensor) -> None:
        self._check(q, "q")
        self._check(p, "p")
        if q.shape != p.shape:
            raise ValueError(f"q has shape {tuple(q.shape)}, p {tuple(p.shape)}; expected the same")

    def _check(self, x: Tensor, name: str) -> None:
        check_input(x, name, self.dimension, self.encoder.layers[0].weight.dtype)
