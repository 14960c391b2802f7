"""A network that is convex in its input, whatever its weights are."""

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from hnn_tutorial._validate import check_dtype, check_input, check_type
from hnn_tutorial.random import as_generator


def _softplus(x: Tensor) -> Tensor:
    """Return ln(1 + eˣ), convex to the last digit."""
    # PyTorch's default returns x itself from 20 on, which is a step down by 2e-9.
    return functional.softplus(x, threshold=40.0)


class ConvexNetwork(nn.Module):
    r"""A network f that is convex in its input, at any weights.

    .. math:: z_1 = s(W_0 x + b_0), \qquad
              z_{k+1} = s\!\left(U_k z_k + W_k x + b_k\right), \qquad
              f(x) = u \cdot z + w \cdot x + b

    with the softplus s, and with matrices :math:`U_k` and a last row u whose entries are positive:
    a sum of convex functions with positive weights is convex, and so is a rising convex function of
    it. What reaches a layer from x itself may have any sign. Each positive number is the softplus
    of a weight, so that no optimiser can leave what is allowed.

    With ``even=True`` it is the even part of f, with the value 0 at the origin,

    .. math:: f_\text{even}(x) = \frac{f(x) + f(-x)}{2} - f(0) ,

    which is convex too, and nowhere negative.

    Args:
        sizes: widths from input to output, such as ``(1, 8, 1)``; at least one hidden layer, and
            one output.
        even: whether f is the same for x and -x, and zero at the origin.
        seed: draws the initial weights.
        dtype: of the weights.

    Raises:
        ValueError: for sizes that are none, or more than one output.

    References:
        Amos et al. 2017.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        even: bool = False,
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        whole = isinstance(sizes, Sequence) and all(type(s) is int and s > 0 for s in sizes)
        if not whole or len(sizes) < 3 or sizes[-1] != 1:
            raise ValueError(
                f"sizes = {sizes!r}; expected positive integers from input to one output, with a "
                "hidden layer at least, such as (2, 16, 1)"
            )
        check_type(bool, "True or False", even=even)
        check_dtype(dtype)
        self.even = even
        generator = as_generator(seed)
        inputs, *widths = sizes

        def drawn(*shape: int) -> nn.Parameter:
            return nn.Parameter(
                torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)
            )

        self.direct = nn.ParameterList(drawn(width, inputs) for width in widths)
        self.bias = nn.ParameterList(drawn(width) for width in widths)
        # softplus(-2) = 0.13: the layers begin small, and differ.
        self.positive = nn.ParameterList(
            nn.Parameter(drawn(out, into).detach() / 2 - 2)
            for into, out in itertools.pairwise(widths)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return f(x), one number for each input.

        Args:
            x: inputs, ``(..., sizes[0])``.

        Returns:
            Values, ``(...)``.
        """
        weight = self.direct[0]
        check_input(x, "x", weight.shape[1], weight.dtype)
        if not self.even:
            return self._value(x)
        return (self._value(x) + self._value(-x)) / 2 - self._value(torch.zeros_like(x))

    def _value(self, x: Tensor) -> Tensor:
        z = _softplus(x @ self.direct[0].mT + self.bias[0])
        *hidden, last = range(1, len(self.direct))
        for k in hidden:
            z = _softplus(
                z @ _softplus(self.positive[k - 1]).mT + x @ self.direct[k].mT + self.bias[k]
            )
        value = z @ _softplus(self.positive[last - 1]).mT + x @ self.direct[last].mT
        return (value + self.bias[last]).squeeze(-1)
