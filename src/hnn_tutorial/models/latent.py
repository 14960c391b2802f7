"""Coordinates that are learned from codes of pictures, together with the law that they obey."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import (
    check_count,
    check_finite,
    check_input,
    check_positive,
    check_tensor,
    check_type,
)
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models._model import Model
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.random import as_generator

FRAMES = ("before", "now", "after")


class Autoencoder(nn.Module):
    r"""Two networks, from codes to a few numbers and back.

    .. math:: c \mapsto z = \mathrm{enc}(c) \mapsto \mathrm{dec}(z) \approx c

    Trained to give back what it was given, and nothing else: so any z will do from which the
    pictures can be told, whatever it is to their motion.

    Args:
        codes: numbers of a picture.
        latent: numbers z.
        hidden: widths of the hidden layers of the encoder; the decoder has them in reverse.
        activation: a key of ``ACTIVATIONS``.
        seed: draws the initial weights.
        dtype: of the weights.

    References:
        Hinton & Salakhutdinov 2006.
    """

    def __init__(
        self,
        codes: int,
        latent: int = 1,
        hidden: Sequence[int] = (12,),
        activation: str = "tanh",
        *,
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        check_count(codes=codes, latent=latent)
        check_type((list, tuple), "the widths of the hidden layers, such as (12,)", hidden=hidden)
        generator = as_generator(seed)
        shape = (int(codes), *hidden, int(latent))
        self.activation = activation
        self.encoder = DenseNetwork(shape, activation, seed=generator, dtype=dtype)
        self.decoder = DenseNetwork(shape[::-1], activation, seed=generator, dtype=dtype)

    def encode(self, codes: Tensor) -> Tensor:
        """Return the numbers of pictures, ``(..., codes) -> (..., latent)``."""
        return self.encoder(codes)

    def decode(self, z: Tensor) -> Tensor:
        """Return the codes of numbers, ``(..., latent) -> (..., codes)``."""
        return self.decoder(z)

    def forward(self, codes: Tensor) -> Tensor:
        """Return what is given back of codes, ``decode(encode(codes))``."""
        return self.decode(self.encode(codes))

    def residual(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Return what is given back minus what was given, for ``fit``.

        Args:
            batch: ``{"now": codes}``, ``(B, codes)``.

        Raises:
            ValueError: for a batch without codes.
        """
        (codes,) = _frames(batch, ("now",))
        return self(codes) - codes


class LatentMotion(nn.Module):
    """What learns states of two frames each, and the law that takes a state to the next.

    A new one is a subclass with ``states``.

    Args:
        law: the field of the states, a model of one degree of freedom.
        step: h, the time between two frames, in s.

    Raises:
        TypeError, ValueError: for a law of another kind, or a step that is not positive.
    """

    law: Model
    step: float

    def __init__(self, law: Model, step: float) -> None:
        super().__init__()
        check_type(Model, "a model with a field, such as UnitMassHNN(1)", law=law)
        if law.degrees != 1:
            raise ValueError(
                f"the law has {law.degrees} degrees of freedom; expected 1, a coordinate and its "
                "momentum"
            )
        check_positive(step=step)
        self.law = law
        self.step = float(step)
        self.activation = law.activation

    def states(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the states between pairs of frames, ``(..., k), (..., k) -> (..., 2)``."""
        raise NotImplementedError

    def residual(self, batch: Mapping[str, Tensor]) -> Tensor:
        r"""Return by how much the law is missed, for ``fit``.

        With the state z of the frames before and now, and :math:`z_+` of those now and after, the
        implicit midpoint rule asks for

        .. math:: \frac{z_+ - z}{h} = f\!\left(\frac{z + z_+}{2}\right) .

        Args:
            batch: codes of three frames in a row, ``{"before": ..., "now": ..., "after": ...}``,
                ``(B, k)`` each, as ``pixels.consecutive`` cuts them.

        Returns:
            The left side minus the right, ``(B, 2)``.

        Raises:
            ValueError: for a batch without one of them.
        """
        before, now, after = _frames(batch, FRAMES)
        z, later = self.states(before, now), self.states(now, after)
        return (later - z) / self.step - self.law.field((z + later) / 2)

    @torch.no_grad()
    def rollout(self, first: Tensor, second: Tensor, steps: int) -> Tensor:
        """Follow the law from the first two frames, by the rule that it was trained for.

        Args:
            first: codes, ``(..., k)``.
            second: codes one step later, ``(..., k)``.
            steps: how many.

        Returns:
            The states, ``(steps + 1, ..., 2)``, the first between the two frames.

        Raises:
            ValueError: for codes of another size, or fewer than one step.
            UnsettledStepError: if a step of the rule has no solution.
        """
        check_count(steps=steps)
        z = self.states(first, second)
        times = self.step * torch.arange(int(steps) + 1, dtype=z.dtype)
        return integrate(self.law.field, z, times, "implicit_midpoint", step=self.step)


class LatentCoordinate(LatentMotion):
    r"""One number for a picture, chosen so that a law of motion holds for it.

    .. math:: q = \frac{2\,\mathrm{enc}(c) - e_- - e_+}{e_+ - e_-}, \qquad
              z = \left(\frac{q_1 + q_2}{2},\, \frac{q_2 - q_1}{h}\right)

    Here c are the codes of *one* frame, h is the time between two, and :math:`e_\mp` are what the
    network gives for two pictures that are pinned to q = −1 and q = 1. Without these pins q = 0
    would obey every law. Nothing is decoded in training. With a law :math:`\dot q = p`,
    :math:`\dot p = -V'(q)` the coordinate is the one whose acceleration depends on itself alone.

    Args:
        ends: codes of the two pictures that are pinned, ``(2, k)``.
        law: of states [q, p] with p = dq/dt, a model of one degree of freedom.
        step: h, in s.
        hidden: widths of the hidden layers of the encoder.
        seed: draws its weights.

    Raises:
        TypeError, ValueError: for ends that are equal or no two codes, a law of more degrees of
            freedom, or a step that is not positive.
    """

    ends: Tensor

    def __init__(
        self,
        ends: Tensor,
        law: Model,
        step: float,
        hidden: Sequence[int] = (8,),
        *,
        seed: int | torch.Generator = 0,
    ) -> None:
        super().__init__(law, step)
        check_tensor(ends, "ends")
        if ends.ndim != 2 or len(ends) != 2 or ends.shape[1] == 0:
            raise ValueError(f"ends has shape {tuple(ends.shape)}; expected (2, k), two codes")
        check_finite(ends, "ends")
        if torch.equal(ends[0], ends[1]):
            raise ValueError("the two ends are the same picture; they fix no scale")
        check_type((list, tuple), "the widths of the hidden layers, such as (8,)", hidden=hidden)
        sizes = (ends.shape[1], *hidden, 1)
        self.encoder = DenseNetwork(sizes, law.activation, seed=seed, dtype=ends.dtype)
        self.register_buffer("ends", ends.detach().clone())

    def coordinate(self, codes: Tensor) -> Tensor:
        """Return q of pictures, ``(..., k) -> (..., 1)``."""
        low, high = self.encoder(self.ends)
        return (2 * self.encoder(codes) - low - high) / (high - low)

    def states(self, first: Tensor, second: Tensor) -> Tensor:
        """Return ``[mean of q, its difference over h]``, ``(..., k), (..., k) -> (..., 2)``.

        Args:
            first: codes of a frame.
            second: codes of the next.
        """
        q, later = self.coordinate(first), self.coordinate(second)
        return torch.cat([(q + later) / 2, (later - q) / self.step], dim=-1)

    def coordinates(self, states: Tensor) -> Tensor:
        """Return q at the second frame of each state, ``(..., 2) -> (...,)``: what is seen next."""
        check_input(states, "states", 2, self.ends.dtype)
        return states[..., 0] + self.step / 2 * states[..., 1]


class LatentState(LatentMotion):
    r"""Two numbers for two pictures, chosen so that they obey Hamilton's equations.

    .. math:: z = K^{-1} (\mathrm{enc}(c_1, c_2) - m)

    The mean m and the Cholesky factor K of the covariance are those of some pairs of pictures, the
    anchors: over them, z has mean zero and the identity for its covariance. That leaves z a turn
    or a mirror image, and whatever else keeps Hamilton's equations.

    Args:
        anchors: codes of pairs of frames, ``(pairs, 2, k)``, three pairs or more.
        law: of states z, a model of one degree of freedom.
        step: h, in s, between the two frames.
        hidden: widths of the hidden layers of the encoder.
        seed: draws its weights.

    Raises:
        TypeError, ValueError: for anchors that are no pairs or too few, a law of more degrees of
            freedom, or a step that is not positive.
    """

    anchors: Tensor

    def __init__(
        self,
        anchors: Tensor,
        law: Model,
        step: float,
        hidden: Sequence[int] = (10,),
        *,
        seed: int | torch.Generator = 0,
    ) -> None:
        super().__init__(law, step)
        check_tensor(anchors, "anchors")
        if anchors.ndim != 3 or len(anchors) < 3 or anchors.shape[1] != 2 or anchors.shape[2] == 0:
            raise ValueError(
                f"anchors has shape {tuple(anchors.shape)}; expected (pairs, 2, k), three pairs "
                "or more"
            )
        check_finite(anchors, "anchors")
        check_type((list, tuple), "the widths of the hidden layers, such as (10,)", hidden=hidden)
        sizes = (2 * anchors.shape[2], *hidden, 2)
        self.encoder = DenseNetwork(sizes, law.activation, seed=seed, dtype=anchors.dtype)
        self.register_buffer("anchors", anchors.detach().clone())

    def states(self, first: Tensor, second: Tensor) -> Tensor:
        """Return z of pairs of frames, ``(..., k), (..., k) -> (..., 2)``.

        Args:
            first: codes of a frame.
            second: codes of the next.
        """
        seen = self._seen(self.anchors[:, 0], self.anchors[:, 1])
        mean = seen.mean(0)
        spread = (seen - mean).mT @ (seen - mean) / len(seen)
        # Untrained weights may see all anchors on a line.
        factor = torch.linalg.cholesky(spread + 1e-9 * torch.eye(2).to(spread))
        away = (self._seen(first, second) - mean).unsqueeze(-1)
        return torch.linalg.solve_triangular(factor, away, upper=False).squeeze(-1)

    def _seen(self, first: Tensor, second: Tensor) -> Tensor:
        width = self.anchors.shape[-1]
        for name, codes in (("first", first), ("second", second)):
            check_input(codes, name, width, self.anchors.dtype)
        # Half of the sum and a multiple of the difference: the same two frames, but a
        # difference of neighbours alone would be too small for a network to see.
        return self.encoder(torch.cat([(first + second) / 2, 3 * (second - first)], dim=-1))


def _frames(batch: Mapping[str, Tensor], names: Sequence[str]) -> list[Tensor]:
    check_type(Mapping, "a mapping with the codes of frames", batch=batch)
    for name in names:
        if name not in batch:
            raise ValueError(
                f"the batch has {', '.join(map(str, batch)) or 'nothing'}; expected the codes of "
                f"frames {', '.join(names)}"
            )
    return [batch[name] for name in names]
