"""The dense network that every model here is made of."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import check_dtype, check_input, lookup
from hnn_tutorial.models._linearised import Linearised
from hnn_tutorial.models.activations import ACTIVATIONS, Activation
from hnn_tutorial.random import as_generator


class DenseNetwork(nn.Module):
    r"""Layers :math:`z_k = W_k a_{k-1} + b_k`, :math:`a_k = \sigma(z_k)`, the last one linear.

    Args:
        sizes: widths from input to output, such as ``(2, 16, 16, 1)``.
        activation: a key of ``ACTIVATIONS``.
        seed: draws the initial weights (Glorot normal; biases start at zero).
        dtype: of the weights.

    Raises:
        ValueError: for fewer than two sizes, a size below 1, or an unknown activation.
    """

    layers: Sequence[nn.Linear]

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "tanh",
        *,
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        whole = isinstance(sizes, Sequence) and all(type(s) is int and s > 0 for s in sizes)
        if not whole or len(sizes) < 2:
            raise ValueError(
                f"sizes = {sizes!r}; expected positive integers from input to output, "
                "such as (2, 16, 16, 1)"
            )
        check_dtype(dtype)
        # By its name, so that torch.save, which cannot store lambdas, can store the network.
        lookup(ACTIVATIONS, activation, "activation")
        self._activation = activation
        generator = as_generator(seed)
        # nn.Linear first draws weights of its own, with the global generator, which is put back.
        # PyTorch's skip_init draws none, but the first use of it imports sympy: half a second.
        with torch.random.fork_rng(devices=[]):
            self.layers = nn.ModuleList(  # type: ignore[assignment]  # it forgets what it holds
                nn.Linear(fan_in, fan_out, device="cpu", dtype=dtype)
                for fan_in, fan_out in itertools.pairwise(sizes)
            )
        for layer in self.layers:
            gain = 1.0 if layer is self.layers[-1] else self.activation.gain
            std = gain * (2 / (layer.in_features + layer.out_features)) ** 0.5
            draw = torch.randn(layer.weight.shape, generator=generator, dtype=torch.float64)
            with torch.no_grad():
                layer.weight.copy_(std * draw)
                layer.bias.zero_()

    @property
    def activation(self) -> Activation:
        """The activation function and its derivatives."""
        return ACTIVATIONS[self._activation]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, ``(..., sizes[0]) -> (..., sizes[-1])``."""
        self._check(x)
        *hidden, last = self.layers
        for layer in hidden:
            x = self.activation.value(layer(x))
        return last(x)

    def input_gradient(self, x: Tensor) -> Tensor:
        r"""Return the gradient of a single-output network with respect to its input.

        The chain rule from the output down, written as ordinary tensor operations:
        :math:`g_{k-1} = W_k^\top (\sigma'(z_k) \odot g_k)`. This gives what
        ``mechanics.gradient`` gives, and is quicker to train through.

        Args:
            x: inputs, ``(..., sizes[0])``.

        Returns:
            Gradients, of the same shape.
        """
        self._check(x)
        passed = []
        *hidden, last = self.layers
        for layer in hidden:
            z = layer(x)
            x = self.activation.value(z)
            passed.append((layer, z, x))
        g = last.weight[0].expand(*x.shape[:-1], -1)
        for layer, z, a in reversed(passed):
            g = self.activation.times_derivative(g, z, a) @ layer.weight
        return g

    def value_and_tangents(self, x: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return the outputs and their derivatives along k directions of the input.

        The tangents go forward with the values:
        :math:`\dot z_k = W_k \dot a_{k-1}`, :math:`\dot a_k = \sigma'(z_k) \odot \dot z_k`.

        Args:
            x: inputs, ``(..., sizes[0])``.
            directions: ``(..., k, sizes[0])``.

        Returns:
            Outputs ``(..., sizes[-1])``, and tangents ``(..., k, sizes[-1])``.
        """
        self._check(x)
        self._check(directions, "directions", axes=x.ndim + 1)
        tangents = directions
        *hidden, last = self.layers
        for layer in hidden:
            z = layer(x)
            x = self.activation.value(z)
            slope = self.activation.derivative(z, x).unsqueeze(-2)
            tangents = slope * (tangents @ layer.weight.mT)
        return last(x), tangents @ last.weight.mT

    def gradient_and_curvature(self, x: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return the gradient of a single-output network, and its Hessian between directions.

        With the tangents :math:`\dot z_k^a` of a direction a and the gradient :math:`g_k` with
        respect to layer k, the second derivative is a sum over the layers,

        .. math:: a^\top \left(\nabla^2 f\right) b
                  = \sum_k \left(g_k \odot \sigma''(z_k)\right) \cdot
                    \left(\dot z_k^a \odot \dot z_k^b\right),

        so one pass up with the tangents and one pass down with the gradient give all of it.

        Args:
            x: inputs, ``(..., sizes[0])``.
            directions: ``(..., k, sizes[0])``.

        Returns:
            Gradient ``(..., sizes[0])``, and second derivatives ``(..., k, k)``.
        """
        self._check(x)
        self._check(directions, "directions", axes=x.ndim + 1)
        tangents, passed = directions, []
        *hidden, last = self.layers
        for layer in hidden:
            z, tangents = layer(x), tangents @ layer.weight.mT
            x = self.activation.value(z)
            slope = self.activation.derivative(z, x)
            passed.append((layer, tangents, slope, self.activation.second_derivative(x, slope)))
            tangents = slope.unsqueeze(-2) * tangents
        g = last.weight[0].expand(*x.shape[:-1], -1)
        k = directions.shape[-2]
        curvature = g.new_zeros(*g.shape[:-1], k, k)
        for layer, tangents, slope, bend in reversed(passed):
            curvature = curvature + (tangents * (g * bend).unsqueeze(-2)) @ tangents.mT
            g = (slope * g) @ layer.weight
        return g, curvature

    @torch.no_grad()
    def value_jacobian(self, x: Tensor) -> Tensor:
        """Return how each output of each sample changes with the weights.

        Args:
            x: inputs, ``(..., sizes[0])``.

        Returns:
            ``(..., sizes[-1], P)``, with the P weights in the order of ``parameters()``.
        """
        self._check(x)
        walk = Linearised(self, x)
        count = walk.values.shape[-1]
        each = torch.eye(count, dtype=x.dtype, device=x.device)
        return walk.jacobian(values=each.expand(*x.shape[:-1], count, count))

    @torch.no_grad()
    def slope_jacobian(self, x: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """Return slopes of a single-output network, and how they change with the weights.

        Args:
            x: inputs, ``(..., sizes[0])``.
            directions: ``(..., k, sizes[0])``.

        Returns:
            ``(..., k, P)``, with the P weights in the order of ``parameters()``, and the slopes,
            ``(..., k)``.
        """
        self._check(x)
        self._check(directions, "directions", axes=x.ndim + 1)
        walk = Linearised(self, x, directions)
        return walk.jacobian(along=x.new_ones(*x.shape[:-1], 1)), walk.along.squeeze(-1)

    def _check(self, x: Tensor, name: str = "x", axes: int = 1) -> None:
        weight = self.layers[0].weight
        check_input(x, name, weight.shape[1], weight.dtype, axes)
