"""Flows that are motions: leapfrog of a Hamiltonian carries a Gaussian to a density."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import (
    as_number,
    check_count,
    check_dtype,
    check_input,
    check_positive,
    check_type,
    describe,
)
from hnn_tutorial.flows.augmented import AugmentedFlow
from hnn_tutorial.integrators.splitting import coupled_parts, leapfrog_of_parts
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.random import as_generator


class _Leapfrog(AugmentedFlow):
    """Some steps of leapfrog: a subclass has ``_velocity`` and ``_force``."""

    def __init__(
        self,
        dimension: int,
        *,
        steps: int,
        duration: float,
        encoder: Sequence[int],
        seed: int | torch.Generator,
        dtype: torch.dtype,
    ) -> None:
        super().__init__(dimension, encoder=encoder, seed=seed, dtype=dtype)
        check_count(steps=steps)
        check_positive(duration=duration)
        self.steps = int(steps)
        self.log_duration = nn.Parameter(torch.tensor(math.log(duration), dtype=dtype))

    @property
    def config(self) -> dict[str, Any]:
        """The arguments that make a flow of this shape, as plain JSON values."""
        return {**super().config, "steps": self.steps}

    @property
    def duration(self) -> Tensor:
        """How long the motion from the Gaussian to the data takes, a tensor of no axes."""
        return self.log_duration.exp()

    def forwards(self, q: Tensor, p: Tensor) -> tuple[Tensor, Tensor]:
        """Return positions and momenta after the motion, each ``(..., d)``."""
        self._check_pair(q, p)
        return self._follow(q, p, self.duration / self.steps, range(self.steps))

    def backwards(self, q: Tensor, p: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return those before the motion, and the logarithm of the volume change: zero."""
        self._check_pair(q, p)
        turns = range(self.steps)[::-1]
        q, p = self._follow(q, p, -self.duration / self.steps, turns)
        return q, p, torch.zeros_like(q[..., 0])

    def _follow(self, q: Tensor, p: Tensor, step: Tensor, turns: range) -> tuple[Tensor, Tensor]:
        for turn in turns:
            q, p = leapfrog_of_parts(q, p, step, self._velocity, partial(self._force, turn=turn))
        return q, p

    def _velocity(self, p: Tensor) -> Tensor:
        raise NotImplementedError

    def _force(self, q: Tensor, turn: int) -> Tensor:
        raise NotImplementedError

    def _halves(self, x: Tensor) -> tuple[Tensor, Tensor]:
        check_input(x, "x", 2 * self.dimension, self.log_duration.dtype)
        q, p = x.chunk(2, dim=-1)
        return q, p


class _LearnedPotential(_Leapfrog):
    """One with masses and a network for the potential, which may see more than q."""

    more_inputs = 0

    def __init__(
        self,
        dimension: int = 2,
        hidden: Sequence[int] = (32, 32),
        activation: str = "tanh",
        *,
        steps: int = 4,
        duration: float = 1.0,
        stiffness: float = 2.0,
        encoder: Sequence[int] = (32, 32),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        generator = as_generator(seed)
        super().__init__(
            dimension, steps=steps, duration=duration, encoder=encoder, seed=generator, dtype=dtype
        )
        check_positive(stiffness=stiffness)
        check_type((list, tuple), "the widths of hidden layers, such as (32, 32)", hidden=hidden)
        sizes = (self.dimension + self.more_inputs, *hidden, 1)
        self.network = DenseNetwork(sizes, activation, seed=generator, dtype=dtype)
        self._hidden, self.activation = tuple(hidden), activation
        self.log_mass = nn.Parameter(torch.zeros(self.dimension, dtype=dtype))
        self.log_stiffness = nn.Parameter(torch.tensor(math.log(stiffness), dtype=dtype))

    @property
    def config(self) -> dict[str, Any]:
        """The arguments that make a flow of this shape, as plain JSON values."""
        shape = {"hidden": list(self._hidden), "activation": self.activation}
        return {**super().config, **shape}

    def _velocity(self, p: Tensor) -> Tensor:
        return p * (-self.log_mass).exp()

    def _kinetic(self, p: Tensor) -> Tensor:
        return (p * self._velocity(p)).sum(-1) / 2

    def _harmonic(self, q: Tensor) -> Tensor:
        return self.log_stiffness.exp() * q.square().sum(-1) / 2


class NeuralHamiltonianFlow(_LearnedPotential):
    r"""Some steps of leapfrog, under a Hamiltonian of which a network is the potential.

    .. math:: H_\theta(q, p) = \sum_i \frac{p_i^2}{2 m_i} + V_\theta(q), \qquad
              V_\theta(q) = \mathrm{NN}_\theta(q) + \frac{\kappa\, |q|^2}{2}

    The map is symplectic at any weights, so it keeps volume: the determinant that other flows must
    compute is 1. Its inverse is the same motion with the steps backwards. The price is that density
    can only be carried, never compressed: where the data are dense in q, the moved Gaussian is wide
    in p. Masses, κ and the duration are learned too, as logarithms.

    Args:
        dimension: d, of the positions.
        hidden: widths of the hidden layers of the potential.
        activation: a key of ``ACTIVATIONS``.
        steps: of leapfrog.
        duration: of the motion before training.
        stiffness: κ before training; it keeps the motion near the origin.
        encoder: widths of the encoder's hidden layers.
        seed: draws the initial weights.
        dtype: of the weights.

    References:
        Toth et al. 2020 (Neural Hamiltonian Flow).
    """

    kind = "neural_hamiltonian_flow"

    def potential(self, q: Tensor) -> Tensor:
        """Return V of positions, ``(..., d) -> (...,)``."""
        self._check(q, "q")
        return self.network(q).squeeze(-1) + self._harmonic(q)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return H of states ``[q, p]``, ``(..., 2d) -> (...,)``."""
        q, p = self._halves(x)
        return self._kinetic(p) + self.potential(q)

    def field(self, x: Tensor) -> Tensor:
        """Return ``[∂H/∂p, −∂H/∂q]`` of states ``[q, p]``, ``(..., 2d) -> (..., 2d)``."""
        q, p = self._halves(x)
        return torch.cat([self._velocity(p), self._force(q, 0)], dim=-1)

    def _force(self, q: Tensor, turn: int) -> Tensor:
        return -self.network.input_gradient(q) - self.log_stiffness.exp() * q


class DrivenHamiltonianFlow(_LearnedPotential):
    r"""The same with a potential that changes during the motion.

    .. math:: H_\theta(t, q, p) = \sum_i \frac{p_i^2}{2 m_i} + \mathrm{NN}_\theta(q, t/T)
              + \frac{\kappa\, |q|^2}{2}

    The map is symplectic as before; the energy is not conserved, which a flow does not need. T is
    the duration, and a kick takes the potential at the middle of its step.

    Args:
        dimension: d, of the positions.
        hidden: widths of the hidden layers of the potential.
        activation: a key of ``ACTIVATIONS``.
        steps: of leapfrog.
        duration: T before training.
        stiffness: κ before training.
        encoder: widths of the encoder's hidden layers.
        seed: draws the initial weights.
        dtype: of the weights.
    """

    kind = "driven_hamiltonian_flow"
    more_inputs = 1

    def potential(self, t: float, q: Tensor) -> Tensor:
        """Return V of positions at a time, ``(..., d) -> (...,)``.

        Args:
            t: from 0 to the duration.
            q: positions, ``(..., d)``.

        Raises:
            ValueError: for a time outside.
        """
        self._check(q, "q")
        share = as_number("t", t) / float(self.duration.detach())
        if not -1e-6 < share < 1 + 1e-6:
            raise ValueError(
                f"t = {t}; expected a time from 0 to the duration, {float(self.duration):.4g}"
            )
        return self.network(self._with(q, share)).squeeze(-1) + self._harmonic(q)

    def _force(self, q: Tensor, turn: int) -> Tensor:
        seen = self._with(q, (turn + 0.5) / self.steps)
        slope = self.network.input_gradient(seen)[..., : self.dimension]
        return -slope - self.log_stiffness.exp() * q

    @staticmethod
    def _with(q: Tensor, share: float) -> Tensor:
        return torch.cat([q, torch.zeros_like(q[..., :1]) + share], dim=-1)


class MotionFlow(_Leapfrog):
    r"""The motion under a Hamiltonian of one's own, :math:`H(q, p) = T(p) + V(q)`, as a flow.

    The model's ``field`` is followed by leapfrog, and trained with the rest. With a
    ``SeparableHNN`` both energies are learned.

    Args:
        model: a module with a ``field`` of states ``[q, p]``, ``(..., 2d) -> (..., 2d)``, such as a
            ``SeparableHNN``, or a ``HamiltonianModel``.
        dimension: d, of the positions.
        steps: of leapfrog.
        duration: of the motion before training.
        encoder: widths of the encoder's hidden layers.
        seed: draws the encoder's weights.
        dtype: of the encoder, the same as that of the model.

    Raises:
        TypeError: if the model has no field.
        ValueError: if H is not separable. Leapfrog would then neither keep volume nor be undone by
            steps backwards, so that the density would be wrong.
    """

    kind = "motion_flow"

    def __init__(
        self,
        model: nn.Module,
        dimension: int = 2,
        *,
        steps: int = 4,
        duration: float = 1.0,
        encoder: Sequence[int] = (32, 32),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        check_type(nn.Module, "a module with a field, such as SeparableHNN(2)", model=model)
        if not callable(getattr(model, "field", None)):
            raise TypeError(f"{describe(model)} has no field; expected one, as SeparableHNN(2) has")
        check_count(dimension=dimension)
        check_dtype(dtype)
        super().__init__(
            dimension, steps=steps, duration=duration, encoder=encoder, seed=seed, dtype=dtype
        )
        probe = torch.Generator().manual_seed(0)
        x = torch.randn(5, 2 * self.dimension, generator=probe, dtype=torch.float64).to(dtype)
        field: Any = model.field  # of a module, as far as its type is known, a tensor perhaps
        reason = coupled_parts(field, x)
        if reason:
            raise ValueError(
                f"a flow by leapfrog needs a separable Hamiltonian, H = T(p) + V(q), but here "
                f"{reason}: such steps would change volume; use a SeparableHNN"
            )
        self.model: Any = model

    @property
    def config(self) -> dict[str, Any]:
        """The arguments that make a flow of this shape; the model is for its maker to know."""
        return {**super().config, "model": type(self.model).__qualname__}

    def _velocity(self, p: Tensor) -> Tensor:
        return self.model.field(torch.cat([torch.zeros_like(p), p], dim=-1)).chunk(2, dim=-1)[0]

    def _force(self, q: Tensor, turn: int) -> Tensor:
        return self.model.field(torch.cat([q, torch.zeros_like(q)], dim=-1)).chunk(2, dim=-1)[1]
