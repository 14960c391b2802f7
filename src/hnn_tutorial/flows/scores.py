"""How near a flow has come to a density that is known."""

from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._validate import check_count, check_tensor
from hnn_tutorial.flows.augmented import AugmentedFlow
from hnn_tutorial.flows.densities import GaussianMixture
from hnn_tutorial.random import as_generator


@torch.no_grad()
def kl_to_truth(
    flow: Any,
    density: GaussianMixture,
    seed: int | torch.Generator,
    *,
    count: int = 2000,
    draws: int = 500,
) -> float:
    r"""Return the Kullback–Leibler divergence from the true density to a flow's.

    .. math:: \mathrm{KL} = \mathbb E_{x \sim \rho_*} \left[\ln \rho_*(x) - \ln \rho(x)\right]

    It is zero if the two are equal, else positive; a mean over finitely many points may lie a
    little below it. For an augmented flow ln ρ is the estimate by ``draws`` momenta, whose mean
    lies below ln ρ: so the flow's divergence comes out too large, never too small, but for the
    scatter.

    Args:
        flow: with ``log_prob``.
        density: the truth.
        seed: of points and momenta; integer or generator.
        count: points.
        draws: momenta for each point, for an augmented flow.
    """
    check_count(count=count, draws=draws)
    generator = as_generator(seed)
    x = density.sample(count, generator)
    given = x.to(next(flow.parameters()))
    if isinstance(flow, AugmentedFlow):
        # A few points at once: all of them with all momenta would not fit into the cache.
        found = [flow.log_prob(part, generator, draws=draws) for part in given.split(100)]
        learned = torch.cat(found)
    else:
        learned = flow.log_prob(given)
    return float((density.log_prob(x) - learned.double()).mean())


@torch.no_grad()
def share_astray(
    samples: Tensor, density: GaussianMixture, seed: int | torch.Generator, *, count: int = 4000
) -> float:
    """Return which share of samples lies where the density is almost zero.

    That is where it is lower than at 99 of 100 points drawn from the density itself; so draws of
    the density have a share of 0.01.

    Args:
        samples: ``(n, d)``.
        density: the truth.
        seed: of its points; integer or generator.
        count: how many of these.
    """
    check_tensor(samples, "samples")
    check_count(count=count)
    least = density.log_prob(density.sample(count, seed)).quantile(0.01)
    return float((density.log_prob(samples.double()) < least).double().mean())
