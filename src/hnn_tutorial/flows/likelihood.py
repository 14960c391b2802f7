"""What a flow is trained on: its likelihood of points that were drawn."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count, check_dtype
from hnn_tutorial.flows.densities import GaussianMixture
from hnn_tutorial.random import as_generator
from hnn_tutorial.training.losses import SampleLoss


def negative_log_likelihood(flow: Any, batch: Mapping[str, Tensor]) -> Tensor:
    """Return −ln of a flow's density at each point; for an augmented flow, a bound above it."""
    return flow.losses(batch)


NEGATIVE_LOG_LIKELIHOOD = SampleLoss(negative_log_likelihood)
"""The ``residual`` with which ``training.fit`` trains a flow on ``flow_data``, by Adam:
``fit(flow, flow_data(density, 20_000, 0), Adam(...), residual=NEGATIVE_LOG_LIKELIHOOD)``."""


def flow_data(
    density: GaussianMixture,
    count: int,
    seed: int | torch.Generator,
    *,
    draws: int = 1,
    dtype: torch.dtype = torch.float64,
) -> dict[str, Tensor]:
    """Return points of a density, and for each the noise that its auxiliary momentum takes.

    Args:
        density: to draw from; anything with such a ``sample`` will do.
        count: how many points.
        seed: integer or generator.
        draws: K, momenta for each point. More of them bring the bound that an augmented flow
            trains on nearer to the likelihood, for K times the work.
        dtype: of both.

    Returns:
        ``x``, ``(count, d)``, and ``noise``, the same, or ``(count, K, d)`` for several draws. A
        flow that is not augmented ignores the noise.
    """
    check_count(draws=draws)
    check_dtype(dtype)
    generator = as_generator(seed)
    x = density.sample(count, generator)
    count, dimension = x.shape
    shape = (count, dimension) if draws == 1 else (count, draws, dimension)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return {"x": x.to(dtype), "noise": noise.to(dtype)}
