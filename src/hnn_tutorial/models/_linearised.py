"""How the outputs and slopes of a dense network change with its weights."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from hnn_tutorial.models.activations import Activation


class Layered(Protocol):
    """What is asked of a dense network."""

    @property
    def layers(self) -> Sequence[nn.Linear]:
        """Its linear layers, from input to output."""
        ...

    @property
    def activation(self) -> Activation:
        """What is between them."""
        ...


class _Layer(NamedTuple):
    """What goes into a layer: values ``(..., d)``, tangents ``(..., k, d)`` or ``(..., 1, d)``."""

    values: Tensor
    along: Tensor | None
    across: Tensor | None
    shared: Tensor | None


class _Bend(NamedTuple):
    """The derivatives of an activation, ``(..., 1, d)``, and the tangents that come to it."""

    slope: Tensor
    second: Tensor
    third: Tensor | None
    along: Tensor | None
    across: Tensor | None
    shared: Tensor | None


class Linearised:
    r"""Outputs and slopes of a dense network, and their derivatives with respect to its weights.

    For each sample the values :math:`a` go up through the layers, with k tangents
    :math:`\dot a_j`, and with one tangent :math:`\dot s` that all k share. Where second derivatives
    are wanted, k further tangents :math:`\dot c_j` go with them, and the second derivative between
    each of them and the shared one is taken off its partner:

    .. math:: \dot a_j \leftarrow \sigma'(z) \odot W \dot a_j
              - \sigma''(z) \odot W \dot c_j \odot W \dot s .

    Of k numbers that are made of the results the chain rule then comes down, with the gradients
    :math:`h_j` for the values, g for the tangents, :math:`\gamma` for the further ones and
    :math:`\omega_j` for the shared one. Their outer products are not summed over the samples:

    .. math:: \frac{\partial r_j}{\partial W} = h_j\, a^\top + g\, \dot a_j^\top
              + \gamma\, \dot c_j^\top + \omega_j\, \dot s^\top .

    As g and γ are the same for all j, a row costs a few outer products, however many directions
    there are.

    Args:
        network: the dense network.
        x: inputs, ``(..., sizes[0])``.
        along: directions, ``(..., k, sizes[0])``.
        shared: one direction of each sample, ``(..., sizes[0])``.
        across: directions, ``(..., k, sizes[0])``; they need the other two.

    Attributes:
        values: the outputs, ``(..., m)``.
    """

    @torch.no_grad()
    def __init__(
        self,
        network: Layered,
        x: Tensor,
        along: Tensor | None = None,
        shared: Tensor | None = None,
        across: Tensor | None = None,
    ) -> None:
        self._layers = list(network.layers)
        *hidden, last = self._layers
        activation = network.activation
        at = _Layer(x, along, across, None if shared is None else shared.unsqueeze(-2))
        self._inputs, self._bends = [at], []
        for layer in hidden:
            z, tangents = layer(at.values), _through(layer, at)
            value = activation.value(z)
            slope = activation.derivative(z, value)
            second = activation.second_derivative(value, slope)
            third = None if across is None else activation.third_derivative(value, slope, second)
            above = None if third is None else third.unsqueeze(-2)
            bend = _Bend(slope.unsqueeze(-2), second.unsqueeze(-2), above, *tangents)
            along, across, shared = (None if t is None else bend.slope * t for t in tangents)
            if bend.across is not None and bend.shared is not None:
                along = _plus(along, -bend.second * bend.across * bend.shared)
            at = _Layer(value, along, across, shared)
            self._inputs.append(at)
            self._bends.append(bend)
        self.values: Tensor = last(at.values)
        self._along, _, self._shared = _through(last, at)

    @property
    def along(self) -> Tensor:
        """The slopes along each direction less the second derivatives, ``(..., k, m)``."""
        assert self._along is not None, "no directions were given"
        return self._along

    @property
    def shared(self) -> Tensor:
        """The slopes along the shared direction, ``(..., m)``."""
        assert self._shared is not None, "no shared direction was given"
        return self._shared.squeeze(-2)

    @torch.no_grad()
    def jacobian(
        self,
        values: Tensor | None = None,
        along: Tensor | None = None,
        shared: Tensor | None = None,
    ) -> Tensor:
        """Return how k numbers of each sample change with the weights.

        Args:
            values: how each of them changes with the outputs, ``(..., k, m)``.
            along: how each changes with the slopes along *its own* direction, ``(..., m)``.
            shared: how each changes with the slopes along the shared direction, ``(..., k, m)``.

        Returns:
            ``(..., k, P)``, with the P weights in the order of the network's ``parameters()``.
        """
        h, g, omega = values, None if along is None else along.unsqueeze(-2), shared
        gamma: Tensor | None = None
        first = self._inputs[0]
        rows = first.along if h is None else h
        assert rows is not None
        count = sum(p.numel() for layer in self._layers for p in layer.parameters())
        J = first.values.new_empty(*rows.shape[:-1], count)
        blocks = self._blocks(J)
        bends = [*self._bends, None]
        for layer, at, bend, block in reversed(
            list(zip(self._layers, self._inputs, bends, blocks, strict=True))
        ):
            if bend is not None:
                h, g, gamma, omega = _back(bend, h, g, gamma, omega)
            _fill(*block, at, h, g, gamma, omega)
            if layer is not self._layers[0]:
                h, g, gamma, omega = (
                    None if t is None else t @ layer.weight for t in (h, g, gamma, omega)
                )
        return J

    def _blocks(self, J: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return the parts of J ``(..., k, P)`` that belong to each layer's weight and bias."""
        shapes = [p.shape for layer in self._layers for p in (layer.weight, layer.bias)]
        parts = J.split([shape.numel() for shape in shapes], dim=-1)
        views = [part.unflatten(-1, shape) for part, shape in zip(parts, shapes, strict=True)]
        return list(zip(views[::2], views[1::2], strict=True))


def _through(layer: nn.Linear, at: _Layer) -> list[Tensor | None]:
    """Return what a linear layer makes of the three kinds of tangents."""
    return [None if t is None else t @ layer.weight.mT for t in at[1:]]


def _back(
    bend: _Bend, h: Tensor | None, g: Tensor | None, gamma: Tensor | None, omega: Tensor | None
) -> tuple[Tensor | None, ...]:
    """Return the four gradients below an activation, from those above it."""
    slope, second, third, along, across, shared = bend
    low_h = None if h is None else h * slope
    low_g = None if g is None else g * slope
    low_gamma = None if gamma is None else gamma * slope
    low_omega = None if omega is None else omega * slope
    for gradient, tangent in ((g, along), (gamma, across), (omega, shared)):
        if gradient is not None and tangent is not None:
            low_h = _plus(low_h, (gradient * second) * tangent)
    if g is not None and across is not None and shared is not None and third is not None:
        low_h = _plus(low_h, -(g * third * shared) * across)
        low_gamma = _plus(low_gamma, -(g * second) * shared)
        low_omega = _plus(low_omega, -(g * second) * across)
    return low_h, low_g, low_gamma, low_omega


def _fill(
    weight: Tensor,
    bias: Tensor,
    at: _Layer,
    h: Tensor | None,
    g: Tensor | None,
    gamma: Tensor | None,
    omega: Tensor | None,
) -> None:
    """Write the rows of a layer: sums of outer products of gradients and what went in."""
    if h is None:
        bias.zero_()
    else:
        bias.copy_(h)
    begun = False
    pairs = (
        (h, at.values.unsqueeze(-2)),
        (g, at.along),
        (gamma, at.across),
        (omega, at.shared),
    )
    for gradient, tangent in pairs:
        if gradient is None or tangent is None:
            continue
        if begun:
            weight.addcmul_(gradient.unsqueeze(-1), tangent.unsqueeze(-2))
        else:
            torch.mul(gradient.unsqueeze(-1), tangent.unsqueeze(-2), out=weight)
            begun = True


def _plus(total: Tensor | None, term: Tensor) -> Tensor:
    return term if total is None else total + term
