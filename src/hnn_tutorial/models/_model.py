"""What every model shares: its shape, and a plain description to rebuild it from."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hnn_tutorial._angles import check_angles
from hnn_tutorial._validate import check_count, check_dtype, check_state, check_type
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.models.embedding import Embedding
from hnn_tutorial.random import as_generator


class Network(nn.Module):
    """What fields and maps share: how they are made, and how they are described.

    Args:
        degrees: n, the degrees of freedom; the state has 2n components.
        hidden: widths of the hidden layers.
        activation: a key of ``ACTIVATIONS``.
        angles: indices of the positions that are angles, such as ``system.angles``: the
            networks see their cosine and sine, so that a full turn changes nothing.
        seed: draws the initial weights.
        dtype: of the weights.
    """

    kind: ClassVar[str]
    embedding: Embedding

    def __init__(
        self,
        degrees: int,
        hidden: Sequence[int] = (32, 32),
        activation: str = "tanh",
        *,
        angles: Sequence[int] = (),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        check_count(degrees=degrees)
        check_type(
            (list, tuple), "the widths of the hidden layers, such as (32, 32)", hidden=hidden
        )
        check_dtype(dtype)
        self.degrees = int(degrees)
        self.hidden = tuple(hidden)
        self.activation = activation
        self.angles = check_angles(angles, degrees)
        self.build(as_generator(seed), dtype)

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the embedding and the networks."""
        raise NotImplementedError

    def dense(
        self, inputs: int, outputs: int, generator: torch.Generator, dtype: torch.dtype
    ) -> DenseNetwork:
        """Return a network with this model's hidden layers."""
        sizes = (inputs, *self.hidden, outputs)
        return DenseNetwork(sizes, self.activation, seed=generator, dtype=dtype)

    @property
    def config(self) -> dict[str, Any]:
        """What ``build_model`` needs to make a model of this shape, as plain JSON values."""
        config: dict[str, Any] = {
            "degrees": self.degrees,
            "hidden": list(self.hidden),
            "activation": self.activation,
        }
        return {**config, "angles": list(self.angles)} if self.angles else config

    def _check(self, x: Tensor) -> None:
        n = check_state(x)
        if n != self.degrees:
            raise ValueError(
                f"state has {2 * n} components on its last axis; this model was made for "
                f"{2 * self.degrees} (degrees = {self.degrees})"
            )
        dtype = self.embedding.choose.dtype  # that of the weights, without a search for them
        if x.dtype != dtype:
            raise TypeError(
                f"state has dtype {x.dtype}, the model has {dtype}; convert one with .to(dtype)"
            )


class Model(Network):
    """A learnable field of states ``[q, p]``, or ``[q, q̇]`` for those with a Lagrangian.

    A new model is a subclass in a file of its own, with ``field`` and, where it has one,
    ``hamiltonian`` or ``lagrangian``; and a row in ``MODELS``. One that is more than a single
    network of the whole state also has a ``build`` of its own.

    Args:
        degrees: n, the degrees of freedom; the state has 2n components.
        hidden: widths of the hidden layers.
        activation: a key of ``ACTIVATIONS``.
        angles: indices of the positions that are angles, such as ``system.angles``: the
            networks see their cosine and sine, so that a full turn changes nothing.
        seed: draws the initial weights.
        dtype: of the weights.
    """

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the embedding and the network."""
        self.embedding = Embedding(2 * self.degrees, self.angles, dtype)
        self.network = self.dense(self.embedding.size, self.outputs(self.degrees), generator, dtype)

    @staticmethod
    def outputs(degrees: int) -> int:
        """Return how many outputs the network has."""
        raise NotImplementedError

    def field(self, x: Tensor) -> Tensor:
        """Return the learned time derivative of the state, ``(..., 2n) -> (..., 2n)``."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Return ``field(x)``."""
        return self.field(x)


def parameter_count(model: nn.Module) -> int:
    """Return the number of trainable numbers in a model.

    Args:
        model: any module.
    """
    check_type(nn.Module, "a model", model=model)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)
