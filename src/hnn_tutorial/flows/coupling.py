"""The rivals: flows of coupling layers, which stretch one half of the state by the other."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import check_count, check_dtype, check_input, check_type
from hnn_tutorial.flows.augmented import AugmentedFlow, log_normal
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.random import as_generator

LARGEST_SCALE = 2.0
"""Of ln of a stretch: beyond, one layer alone would make a factor of more than seven."""


def _coupling(
    inputs: int, outputs: int, hidden: Sequence[int], generator: torch.Generator, dtype: torch.dtype
) -> DenseNetwork:
    check_type((list, tuple), "the widths of hidden layers, such as (36,)", hidden=hidden)
    network = DenseNetwork((inputs, *hidden, outputs), seed=generator, dtype=dtype)
    with torch.no_grad():
        network.layers[-1].weight.mul_(0.1)  # near the identity at first
    return network


def _stretch(network: DenseNetwork, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return ln of the stretch, and the shift, that a network makes of the other half."""
    scale, shift = network(x).chunk(2, dim=-1)
    return LARGEST_SCALE * torch.tanh(scale / LARGEST_SCALE), shift


class RealNVP(nn.Module):
    r"""A flow whose layers stretch and shift one half of the coordinates by the other half.

    .. math:: y_a = x_a, \qquad y_b = x_b \odot e^{s(x_a)} + t(x_a)

    The halves change places from layer to layer. The determinant is the exponential of the sum of
    s, so the density is exact.

    Args:
        dimension: d, two or more.
        hidden: widths of the hidden layers of each network.
        layers: how many.
        seed: draws the initial weights.
        dtype: of the weights.

    Raises:
        ValueError: for fewer than two coordinates, which have no halves.

    References:
        Dinh, Sohl-Dickstein & Bengio 2017.
    """

    kind = "real_nvp"
    networks: Sequence[DenseNetwork]

    def __init__(
        self,
        dimension: int = 2,
        hidden: Sequence[int] = (36,),
        layers: int = 16,
        *,
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        check_count(dimension=dimension, layers=layers)
        check_dtype(dtype)
        if dimension < 2:
            raise ValueError(f"dimension = {dimension}; a coupling needs two halves, so 2 or more")
        self.dimension, generator = int(dimension), as_generator(seed)
        first = self.dimension // 2
        halves = itertools.cycle([(first, self.dimension - first), (self.dimension - first, first)])
        self.networks = nn.ModuleList(  # type: ignore[assignment]  # it forgets what it holds
            _coupling(kept, 2 * moved, hidden, generator, dtype)
            for _, (kept, moved) in zip(range(layers), halves, strict=False)
        )
        self._hidden = tuple(hidden)

    @property
    def config(self) -> dict[str, Any]:
        """The arguments that make a flow of this shape, as plain JSON values."""
        shape = {"hidden": list(self._hidden), "layers": len(self.networks)}
        return {"dimension": self.dimension, **shape}

    def forwards(self, z: Tensor) -> Tensor:
        """Return points of the data's space from points of the Gaussian's, ``(..., d)``."""
        self._check(z, "z")
        for turn, network in enumerate(self.networks):
            kept, moved = self._halves(z, turn)
            scale, shift = _stretch(network, kept)
            z = self._joined(kept, moved * scale.exp() + shift, turn)
        return z

    def backwards(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the Gaussian's points ``(..., d)``, and ln of the volume change, ``(...,)``."""
        self._check(x, "x")
        log_det = torch.zeros_like(x[..., 0])
        for turn in reversed(range(len(self.networks))):
            kept, moved = self._halves(x, turn)
            scale, shift = _stretch(self.networks[turn], kept)
            x = self._joined(kept, (moved - shift) * (-scale).exp(), turn)
            log_det = log_det - scale.sum(-1)
        return x, log_det

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln of the density, exactly, ``(..., d) -> (...,)``."""
        z, log_det = self.backwards(x)
        return log_normal(z) + log_det

    def losses(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return what ``NEGATIVE_LOG_LIKELIHOOD`` trains on, ``(B,)``."""
        return -self.log_prob(batch["x"])

    @torch.no_grad()
    def sample(self, count: int, seed: int | torch.Generator) -> Tensor:
        """Draw points, ``(count, d)``.

        Args:
            count: how many.
            seed: integer or generator.
        """
        check_count(count=count)
        shape = (count, self.dimension)
        z = torch.randn(shape, generator=as_generator(seed), dtype=torch.float64)
        return self.forwards(z.to(next(self.parameters())))

    def _halves(self, x: Tensor, turn: int) -> tuple[Tensor, Tensor]:
        first, second = x[..., : self.dimension // 2], x[..., self.dimension // 2 :]
        return (first, second) if turn % 2 == 0 else (second, first)

    def _joined(self, kept: Tensor, moved: Tensor, turn: int) -> Tensor:
        return torch.cat([kept, moved] if turn % 2 == 0 else [moved, kept], dim=-1)

    def _check(self, x: Tensor, name: str) -> None:
        check_input(x, name, self.dimension, next(self.parameters()).dtype)


class AugmentedNVP(AugmentedFlow):
    r"""Coupling layers between positions and auxiliary momenta, without a Hamiltonian.

    .. math:: q \leftarrow q \odot e^{s_k(p)} + t_k(p), \qquad
              p \leftarrow p \odot e^{s'_k(q)} + t'_k(q)

    It has what a Neural Hamiltonian Flow has, the same extra dimensions and the same bound, but for
    the physics: each layer has networks of its own, and need not be symplectic. With ``stretch``
    off it keeps volume as the motion does (the layers of NICE); what is left between the two is
    that a motion has one energy for all its layers, and the couplings a network for each.

    Args:
        dimension: d, of the positions.
        hidden: widths of the hidden layers of each network.
        layers: pairs of layers.
        stretch: whether the layers stretch, besides shifting.
        encoder: widths of the encoder's hidden layers.
        seed: draws the initial weights.
        dtype: of the weights.

    References:
        Dinh, Krueger & Bengio 2015 (NICE); Huang, Dinh & Courville 2020 (augmented).
    """

    kind = "augmented_nvp"
    networks: Sequence[DenseNetwork]

    def __init__(
        self,
        dimension: int = 2,
        hidden: Sequence[int] = (20,),
        layers: int = 4,
        *,
        stretch: bool = True,
        encoder: Sequence[int] = (32, 32),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        generator = as_generator(seed)
        super().__init__(dimension, encoder=encoder, seed=generator, dtype=dtype)
        check_count(layers=layers)
        check_type(bool, "True or False", stretch=stretch)
        self.stretch = stretch
        outputs = (2 if stretch else 1) * self.dimension
        self.networks = nn.ModuleList(  # type: ignore[assignment]  # likewise
            _coupling(self.dimension, outputs, hidden, generator, dtype) for _ in range(2 * layers)
        )
        self._hidden = tuple(hidden)

    @property
    def config(self) -> dict[str, Any]:
        """The arguments that make a flow of this shape, as plain JSON values."""
        shape = {"hidden": list(self._hidden), "layers": len(self.networks) // 2}
        return {**super().config, **shape, "stretch": self.stretch}

    def forwards(self, q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        """Return positions and momenta of the data from those of the Gaussian."""
        self._check_pair(q, p)
        for turn, network in enumerate(self.networks):
            kept, moved = (p, q) if turn % 2 == 0 else (q, p)
            scale, shift = self._change(network, kept)
            moved = moved * scale.exp() + shift
            q, p = (moved, kept) if turn % 2 == 0 else (kept, moved)
        return q, p

    def backwards(self, q: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return those of the Gaussian, and the logarithm of the volume change."""
        self._check_pair(q, p)
        log_det = torch.zeros_like(q[..., 0])
        for turn in reversed(range(len(self.networks))):
            kept, moved = (p, q) if turn % 2 == 0 else (q, p)
            scale, shift = self._change(self.networks[turn], kept)
            moved = (moved - shift) * (-scale).exp()
            log_det = log_det - scale.sum(-1)
            q, p = (moved, kept) if turn % 2 == 0 else (kept, moved)
        return q, p, log_det

    def _change(self, network: DenseNetwork, x: Tensor) -> tuple[Tensor, Tensor]:
        if self.stretch:
            return _stretch(network, x)
        shift = network(x)
        return torch.zeros_like(shift), shift
