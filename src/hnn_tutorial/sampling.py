"""Draws from a density by Hamiltonian motion: Hamiltonian Monte Carlo."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_tensor,
    check_callable,
    check_count,
    check_finite,
    check_input,
    check_output,
    check_positive,
    check_tensor,
    check_type,
    checked_scalar,
)
from hnn_tutorial.integrators import fixed_step
from hnn_tutorial.integrators.splitting import FOREST_RUTH_FRACTIONS, leapfrog_of_parts
from hnn_tutorial.mechanics import gradient
from hnn_tutorial.random import as_generator

__all__ = [
    "Draws",
    "StudentPosterior",
    "effective_size",
    "hamiltonian_monte_carlo",
]

Force = Callable[[Tensor], Tensor]

# Made of leapfrogs of these parts of the step; the other methods are given the whole field.
_LEAPFROGS = {"leapfrog": (1.0,), "forest_ruth": FOREST_RUTH_FRACTIONS}


@dataclass(frozen=True)
class Draws:
    r"""What several Markov chains have drawn.

    Attributes:
        positions: of each chain after each of its draws, ``(count, chains, d)``.
        accepted: whether the draw moved the chain, ``(count, chains)``.
        energy_change: :math:`\Delta H` of each proposal, accepted or not, ``(count, chains)``;
            infinite or NaN where a motion ran away. From draws of the density itself, the mean of
            :math:`e^{-\Delta H}` is 1 for every map that can be reversed and keeps volume.
    """

    positions: Tensor
    accepted: Tensor
    energy_change: Tensor

    @property
    def acceptance(self) -> float:
        """The share of proposals that were accepted."""
        return float(self.accepted.double().mean())


@torch.no_grad()
def hamiltonian_monte_carlo(
    potential: Callable[[Tensor], Tensor],
    start: Tensor,
    count: int,
    *,
    step: float,
    steps: int = 10,
    seed: int | torch.Generator,
    force: Callable[[Tensor], Tensor] | None = None,
    method: str = "leapfrog",
    accept: bool = True,
) -> Draws:
    r"""Draw from the density :math:`e^{-U(q)}` by motions under :math:`H = |p|^2/2 + U(q)`.

    Each draw gives every chain a fresh momentum :math:`p \sim \mathcal N(0, I)`, follows the motion
    to :math:`(q', p')`, and moves the chain there with the probability

    .. math:: \min\left(1, e^{-\Delta H}\right), \qquad \Delta H = H(q', p') - H(q, p) ;

    else the chain stays, and its position counts once more. The density is left unchanged if
    the motion, followed by :math:`p \to -p`, undoes itself and keeps volume. ``leapfrog`` and
    ``forest_ruth`` do both with *any* force that depends on q alone, a wrong or a learned one
    included: that costs acceptance, never exactness. ``symplectic_euler`` keeps volume and does
    not undo itself, ``rk4`` does neither; what is drawn with them is biased, however many
    proposals are accepted.

    With a force of zero and ``steps=1`` this is the Metropolis algorithm with a random walk of the
    size ``step``.

    Args:
        potential: U, ``(..., d) -> (...,)``, which need not be normalised.
        start: first positions, one for each chain, ``(chains, d)``. Chains that do not start from
            the density need a while to get there; leave those draws out.
        count: draws of each chain.
        step: of the integrator.
        steps: of the integrator, for each draw.
        seed: integer or generator, for momenta and acceptance.
        force: what moves p, ``(..., d) -> (..., d)``; None takes :math:`-\nabla U`. It is called
            once a step by ``leapfrog``, three times by ``forest_ruth``, and U once a draw.
        method: a fixed-step key of ``METHODS``.
        accept: whether proposals are accepted by the rule above; False accepts each of them, and
            is no longer a draw from the density.

    Returns:
        The draws of all chains, in the dtype of ``start``.

    Raises:
        TypeError: if the potential or the force is no function of this kind.
        ValueError: if U is not finite at a start, or a number makes no sense.

    References:
        Duane et al. 1987; Neal 2011.
    """
    check_tensor(start, "start")
    if start.ndim != 2 or 0 in start.shape:
        raise ValueError(f"start has shape {tuple(start.shape)}; expected (chains, d)")
    check_finite(start, "start")
    check_count(count=count, steps=steps)
    check_positive(step=step)
    check_type(bool, "True or False", accept=accept)
    _, advance = fixed_step(method)
    U = checked_scalar(potential, "potential")
    if force is None:
        slope = gradient(potential)
        force = lambda q: -slope(q)  # noqa: E731
    check_callable(force=force)
    pull = _checked(force)
    parts = _LEAPFROGS.get(method)

    def field(x: Tensor) -> Tensor:
        q, p = x.chunk(2, dim=-1)
        return torch.cat([p, pull(q)], dim=-1)

    generator = as_generator(seed)
    q, height = start, U(start)
    if not torch.isfinite(height).all():
        bad = (~torch.isfinite(height)).nonzero().flatten().tolist()
        raise ValueError(f"the potential is not finite at the start of the chains {bad}")
    positions, accepted, changes = [], [], []
    for _ in range(count):
        p = torch.randn(q.shape, generator=generator, dtype=torch.float64).to(q)
        if parts:
            end, momentum = q, p
            for h in [step * part for part in parts] * steps:
                end, momentum = leapfrog_of_parts(end, momentum, h, lambda p: p, pull)
        else:
            x = torch.cat([q, p], dim=-1)
            for _ in range(steps):
                x = advance(field, x, step)
            end, momentum = x.chunk(2, dim=-1)
        new = U(end)
        change = new - height + (momentum.square() - p.square()).sum(-1) / 2
        chance = torch.rand(len(q), generator=generator, dtype=torch.float64).to(q)
        # A motion that has run away has a NaN here, which is below nothing.
        taken = chance < torch.exp(-change) if accept else torch.ones_like(change).bool()
        q = torch.where(taken.unsqueeze(-1), end, q)
        height = torch.where(taken, new, height)
        positions.append(q)
        accepted.append(taken)
        changes.append(change)
    return Draws(torch.stack(positions), torch.stack(accepted), torch.stack(changes))


def _checked(force: Force) -> Force:
    def pull(q: Tensor) -> Tensor:
        value = force(q)
        check_output(value, q, q.shape, "the force")
        return value

    return pull


def effective_size(values: Tensor) -> Tensor:
    r"""How many independent draws would tell a mean as well as these do.

    .. math:: N = C\, \frac{\text{variance of all values}}
                           {\text{variance over the chains of a chain's mean}}

    for C chains that started from the density, or forgot where they started. Draws of a chain
    resemble each other, so this is fewer than there are, as a rule.

    Args:
        values: of each chain at each of its draws, ``(count, chains, ...)``: ``draws.positions``,
            or any function of them.

    Returns:
        N for each quantity, of the shape that is left, ``(...)``. With C chains its relative error
        is about :math:`\sqrt{2/C}`. NaN where all values are the same.

    Raises:
        TypeError, ValueError: if the values are no such tensor, not finite, or of fewer than two
            chains.

    References:
        Neal 2011.
    """
    check_tensor(values, "values")
    if values.ndim < 2 or len(values) == 0 or values.shape[1] < 2:
        raise ValueError(
            f"values has shape {tuple(values.shape)}; expected (count, chains, ...), with two "
            "chains or more"
        )
    check_finite(values, "values")
    apart = values.flatten(0, 1).var(0)
    return values.shape[1] * apart / values.mean(0).var(0)


@dataclass(frozen=True)
class StudentPosterior:
    r"""What some returns tell about the Student distribution that they come from.

    A return is :math:`a + s\,z`, where z has a Student distribution of ν degrees of freedom: the
    smaller ν, the more often come large losses and gains. The three numbers have the density
    :math:`e^{-U}`, by the rule of Bayes, with

    .. math:: U = -\sum_{i=1}^n \ln t_\nu\!\left(\frac{y_i - a}{s}\right) + n \ln s
              + \frac{a^2}{2 \cdot 5^2} + \frac{(\ln s - 1)^2}{2 \cdot 2^2}
              + \frac{(\ln(\nu - 1) - 1.5)^2}{2}

    up to a constant. The last three terms are weak normal priors, for returns in per cent. A
    position q holds the three parameters :math:`a, \ln s, \ln(\nu - 1)`, each shifted by a guess
    and divided by a guess of its width, so that steps of about 1 suit all of them.

    Args:
        returns: :math:`y_i`, ``(n,)``, in per cent.

    Raises:
        TypeError, ValueError: if they are no such tensor, fewer than two, not finite or all the
            same.
    """

    returns: Tensor

    def __post_init__(self) -> None:
        returns = as_tensor(self.returns)
        check_tensor(returns, "returns")
        if returns.ndim != 1 or len(returns) < 2:
            raise ValueError(
                f"returns has shape {tuple(returns.shape)}; expected (n,), with two or more"
            )
        check_finite(returns, "returns")
        if not returns.double().std() > 0:
            raise ValueError("all returns are the same, so they tell no width")
        object.__setattr__(self, "returns", returns.double())

    def parameters(self, q: Tensor) -> Tensor:
        """Return a, s and ν, ``(..., 3) -> (..., 3)``.

        Args:
            q: positions.
        """
        place, log_size, log_degrees = self._unscaled(q).unbind(-1)
        return torch.stack([place, log_size.exp(), 1 + log_degrees.exp()], dim=-1)

    def potential(self, q: Tensor) -> Tensor:
        """Return U, ``(..., 3) -> (...,)``.

        Args:
            q: positions.
        """
        place, log_size, log_degrees = self._unscaled(q).unbind(-1)
        z, nu = self._apart(place, log_size), 1 + log_degrees.exp()
        one = torch.lgamma((nu + 1) / 2) - torch.lgamma(nu / 2) - nu.log() / 2 - log_size
        tails = (nu + 1) / 2 * torch.log1p(z**2 / nu.unsqueeze(-1)).sum(-1)
        prior = place**2 / 50 + (log_size - 1) ** 2 / 8 + (log_degrees - 1.5) ** 2 / 2
        return tails - len(self.returns) * one + prior

    def force(self, q: Tensor) -> Tensor:
        """Return :math:`-\\nabla U`, ``(..., 3) -> (..., 3)``.

        Args:
            q: positions.
        """
        # By hand, which is four times as fast as by autograd.
        place, log_size, log_degrees = self._unscaled(q).unbind(-1)
        z, nu = self._apart(place, log_size), 1 + log_degrees.exp()
        each = nu.unsqueeze(-1) + z**2
        weighted = (nu + 1).unsqueeze(-1) * z / each
        n = len(self.returns)
        by_degrees = (
            n * (torch.digamma((nu + 1) / 2) - torch.digamma(nu / 2) - 1 / nu)
            - torch.log1p(z**2 / nu.unsqueeze(-1)).sum(-1)
            + (nu + 1) / nu * (z**2 / each).sum(-1)
        ) / 2
        forces = [
            weighted.sum(-1) / log_size.exp() - place / 25,
            (weighted * z).sum(-1) - n - (log_size - 1) / 4,
            by_degrees * log_degrees.exp() - (log_degrees - 1.5),
        ]
        return self._guess()[1].to(q) * torch.stack(forces, dim=-1)

    def _guess(self) -> tuple[Tensor, Tensor]:
        """About where the parameters are, and how well the returns tell them."""
        width, n = self.returns.std(), len(self.returns)
        place = torch.stack([self.returns.median(), (0.75 * width).log(), torch.tensor(1.5)])
        return place, torch.stack([width / n**0.5, torch.tensor(n**-0.5), torch.tensor(1.0)])

    def _unscaled(self, q: Tensor) -> Tensor:
        check_tensor(q, "q")
        check_input(q, "q", 3, q.dtype)
        place, scale = self._guess()
        return place.to(q) + scale.to(q) * q

    def _apart(self, place: Tensor, log_size: Tensor) -> Tensor:
        away = self.returns.to(place) - place.unsqueeze(-1)
        return away / log_size.exp().unsqueeze(-1)
