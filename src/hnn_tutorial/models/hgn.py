"""Models that dream motion: from a clip to a state, from there to a motion and its pictures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from hnn_tutorial._validate import (
    check_count,
    check_dtype,
    check_finite,
    check_input,
    check_number,
    check_positive,
    check_type,
)
from hnn_tutorial.integrators.splitting import leapfrog_of_parts
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.random import as_generator


class MotionVAE(nn.Module):
    r"""A variational autoencoder whose latent variable is the initial state of a motion.

    It sees *codes* of pictures, such as the coefficients of their principal components, n of them
    in a clip :math:`c_0, \dots, c_{n-1}`. A *look* :math:`y_t = \mathrm{NN}(c_t)`, one and the same
    for every picture, sees d numbers in each, one for each degree of freedom. The
    *inference network* makes a Gaussian of what was seen in the first T pictures,

    .. math:: f(z \mid c) = \mathcal N\!\left(z;\; W y + \varepsilon\,\mathrm{NN}_1(y),\;
              e^{2s(y)}\right), \qquad s(y) = s_0 + \varepsilon\,\mathrm{NN}_2(y),
              \qquad \varepsilon = 0.3,

    and :math:`z = (z_1, z_2)` is the initial state in learned units, :math:`q_0 = a z_1`,
    :math:`p_0 = b z_2`. The motion goes on by steps of the time dt between two pictures. A
    *decoder* makes codes of q alone: a picture shows where things are and not how fast they move.

    .. math:: \ln \rho(c) \ge \mathbb E_{z \sim f(\cdot \mid c)} \left[ \sum_t
              \ln \mathcal N\!\left(c_t;\, \mathrm{NN}(q_t),\, \sigma^2\right)\right]
              - \mathrm{KL}\!\left(f(z \mid c)\, \|\, \mathcal N(0, 1)\right)

    is the *evidence lower bound*; training raises it. Equality holds where f is the exact density
    of z given the clip. A subclass has ``step``.

    Args:
        codes: k, numbers of each picture.
        frames: T, pictures that the inference network sees, two or more: one holds no momentum.
        dt: between two pictures, in s.
        degrees: d, of freedom: positions of the latent state, which has 2d numbers. Where a method
            below says 2, it is 2d.
        look: widths of the hidden layers of the look.
        decoder: of the decoder.
        hidden: of the force, or of the acceleration.
        seed: draws the initial weights.
        dtype: of the weights.

    Raises:
        ValueError: for fewer than two frames.

    References:
        Kingma & Welling 2014; Toth et al. 2020.
    """

    kind: ClassVar[str]
    FIRST_WIDTH = -2.0
    """Logarithm of the posterior's widths before training."""
    FIRST_STIFFNESS = 4.0
    """Of the spring that keeps the motion near the origin, in 1/s², before training."""
    FIRST_NOISE = -1.0
    """Logarithm of the noise before training, of codes of size 1 each."""
    CURVED = 0.3
    """ε, of the part of the inference that is not linear."""

    def __init__(
        self,
        codes: int = 16,
        *,
        frames: int = 5,
        dt: float = 0.1,
        degrees: int = 1,
        look: Sequence[int] = (24,),
        decoder: Sequence[int] = (32, 32),
        hidden: Sequence[int] = (16,),
        seed: int | torch.Generator = 0,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        check_count(codes=codes, frames=frames, degrees=degrees)
        if frames < 2:
            raise ValueError(f"frames = {frames}; one picture holds no momentum, so 2 or more")
        check_positive(dt=dt)
        check_dtype(dtype)
        widths = "the widths of hidden layers, such as (32, 32)"
        check_type((list, tuple), widths, look=look, decoder=decoder, hidden=hidden)
        self.codes, self.frames, self.dt = int(codes), int(frames), float(dt)
        self.degrees = d = int(degrees)
        self._widths = {"look": list(look), "decoder": list(decoder), "hidden": list(hidden)}
        g = as_generator(seed)
        self.look = DenseNetwork((self.codes, *look, d), seed=g, dtype=dtype)
        self.infer = DenseNetwork((self.frames * d, 12, 4 * d), seed=g, dtype=dtype)
        self.linear = DenseNetwork((self.frames * d, 2 * d), seed=g, dtype=dtype)
        self.build(tuple(hidden), g, dtype)
        self.decoder = DenseNetwork((d, *decoder, self.codes), seed=g, dtype=dtype)
        self.log_width = nn.Parameter(torch.full((2 * d,), self.FIRST_WIDTH, dtype=dtype))
        # Momenta are larger than positions by a frequency, here the one of FIRST_STIFFNESS.
        units = [0.0] * d + [math.log(self.FIRST_STIFFNESS) / 2] * d
        self.log_units = nn.Parameter(torch.tensor(units, dtype=dtype))
        self.log_stiffness = nn.Parameter(torch.tensor(math.log(self.FIRST_STIFFNESS), dtype=dtype))
        first_noise = self.FIRST_NOISE - math.log(self.codes) / 2
        self.log_noise = nn.Parameter(torch.tensor(first_noise, dtype=dtype))

    def build(
        self, hidden: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype
    ) -> None:
        """Make the network that moves the state."""
        raise NotImplementedError

    def step(self, x: Tensor, dt: float) -> Tensor:
        """Return latent states ``[q, p]`` a time dt later, ``(..., 2) -> (..., 2)``."""
        raise NotImplementedError

    @property
    def config(self) -> dict[str, Any]:
        """What makes a model of this shape, as plain JSON values."""
        shape = {"codes": self.codes, "frames": self.frames, "dt": self.dt}
        return {**shape, "degrees": self.degrees, **self._widths}

    @property
    def noise(self) -> Tensor:
        """σ, the learned noise of the codes, a tensor of no axes."""
        return self.log_noise.exp()

    def posterior(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """Return the Gaussian of z that the first pictures of a clip tell.

        Args:
            clip: codes, ``(..., n, k)``, of ``frames`` pictures or more; later ones are not seen.

        Returns:
            Its mean and the logarithms of its widths, each ``(..., 2)``.

        Raises:
            ValueError: for a clip with fewer pictures.
        """
        self._check_clip(clip, self.frames)
        # Codes of principal components have a length of about 1 together, and each about 1/√k.
        seen = self.look(clip[..., : self.frames, :] * math.sqrt(self.codes)).flatten(-2)
        mean, width = (self.CURVED * self.infer(seen)).chunk(2, dim=-1)
        return self.linear(seen) + mean, self.log_width + width

    def state(self, z: Tensor) -> Tensor:
        """Return the latent state ``[q, p]`` of z, ``(..., 2) -> (..., 2)``."""
        self._check(z, "z")
        return z * self.log_units.exp()

    def rollout(self, x: Tensor, steps: int, dt: float | None = None) -> Tensor:
        """Return latent states at 0, dt, 2 dt, ...

        Args:
            x: initial states, ``(..., 2)``.
            steps: how many.
            dt: None for the time between two pictures. Negative runs backwards, a part of it slow
                motion, twice as much double speed.

        Returns:
            ``(..., steps + 1, 2)``: time before the state, as in a clip.
        """
        self._check(x, "x")
        check_count(steps=steps)
        if dt is None:
            dt = self.dt
        _check_time(dt)
        states = [x]
        for _ in range(steps):
            states.append(self.step(states[-1], float(dt)))
        return torch.stack(states, dim=-2)

    def decode(self, x: Tensor) -> Tensor:
        """Return the codes of the pictures of latent states, ``(..., 2) -> (..., k)``."""
        self._check(x, "x")
        return self.decoder(x[..., : self.degrees]) / math.sqrt(self.codes)

    def divergence(self, mean: Tensor, log_width: Tensor) -> Tensor:
        r"""Return the Kullback–Leibler divergence from the standard normal density, in nats.

        .. math:: \mathrm{KL} = \sum_i \frac{\mu_i^2 + e^{2s_i} - 1}{2} - s_i

        Args:
            mean: μ, ``(..., 2)``.
            log_width: s, likewise.

        Returns:
            ``(...,)``, never negative.
        """
        self._check(mean, "mean")
        self._check(log_width, "log_width")
        if mean.shape != log_width.shape:
            raise ValueError(
                f"mean has shape {tuple(mean.shape)}, log_width has {tuple(log_width.shape)}; they "
                "must be equal"
            )
        square = mean.square() + (2 * log_width).exp() - 1
        return (square / 2 - log_width).sum(-1)

    def elbo(self, clip: Tensor, noise: Tensor) -> Tensor:
        """Return the evidence lower bound of clips, with one draw of z for each, in nats.

        Args:
            clip: codes, ``(..., n, k)``, of ``frames`` pictures or more.
            noise: standard normal numbers, ``(..., 2)``; zeros follow the mean.

        Returns:
            ``(...,)``. The mean over the noise is the bound.
        """
        mean, log_width = self.posterior(clip)
        self._check(noise, "noise")
        if noise.shape[:-1] != clip.shape[:-2]:
            raise ValueError(
                f"noise has shape {tuple(noise.shape)}; expected "
                f"{(*clip.shape[:-2], 2 * self.degrees)}, {2 * self.degrees} numbers for each clip"
            )
        x = self.state(mean + log_width.exp() * noise)
        told = self.decode(self.rollout(x, clip.shape[-2] - 1))
        miss = (clip - told).square() * (-2 * self.log_noise).exp()
        likelihood = -(miss / 2 + self.log_noise + math.log(2 * math.pi) / 2).sum((-2, -1))
        return likelihood - self.divergence(mean, log_width)

    def _check(self, x: Tensor, name: str) -> None:
        check_input(x, name, 2 * self.degrees, self.log_noise.dtype)

    def _check_clip(self, clip: Tensor, fewest: int) -> None:
        check_input(clip, "clip", self.codes, self.log_noise.dtype, axes=2)
        if clip.shape[-2] < fewest:
            raise ValueError(
                f"clip has {clip.shape[-2]} pictures; this model needs {fewest} to tell a momentum"
            )


def _check_time(dt: float) -> None:
    check_number(dt=dt)
    if not math.isfinite(dt):
        raise ValueError(f"dt = {dt}; expected a finite time, negative to run backwards")


class HGN(MotionVAE):
    r"""A Hamiltonian Generative Network: the latent motion has a learned energy.

    .. math:: H(q, p) = \frac{|p|^2}{2} + V(q), \qquad
              V(q) = \mathrm{NN}(q) + \frac{\kappa |q|^2}{2}

    A step of leapfrog, q by half a step, p by a whole one, q by half a step, moves the state. It is
    symplectic and reversible at any weights. Mass 1 is no restriction: the unit of p is learned.
    The arguments are those of ``MotionVAE``.

    References:
        Toth et al. 2020.
    """

    kind = "hgn"

    def build(
        self, hidden: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype
    ) -> None:
        """Make the network of the potential."""
        self.network = DenseNetwork((self.degrees, *hidden, 1), seed=generator, dtype=dtype)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return H of latent states, ``(..., 2) -> (...,)``."""
        self._check(x, "x")
        q, p = x.chunk(2, dim=-1)
        well = (p.square() + self.log_stiffness.exp() * q.square()) / 2
        return well.sum(-1) + self.network(q).squeeze(-1)

    def step(self, x: Tensor, dt: float) -> Tensor:
        """Return latent states ``[q, p]`` a time dt later, ``(..., 2) -> (..., 2)``."""
        self._check(x, "x")
        _check_time(dt)
        q, p = x.chunk(2, dim=-1)
        q, p = leapfrog_of_parts(q, p, dt, lambda p: p, self._force)
        return torch.cat([q, p], dim=-1)

    def _force(self, q: Tensor) -> Tensor:
        return -self.network.input_gradient(q) - self.log_stiffness.exp() * q


class LatentODE(MotionVAE):
    r"""The rival of ``HGN``: the latent acceleration is any function of position and velocity.

    .. math:: \ddot q = \mathrm{NN}(q, \dot q) - \kappa q

    All else is the same: inference, decoder, units, spring and the order of the step, which is that
    of leapfrog with the explicit midpoint rule for the velocity. Energy may be made or lost. The
    arguments are those of ``MotionVAE``.

    References:
        Chen et al. 2018; Rubanova, Chen & Duvenaud 2019 (latent ODEs); Gruver et al. 2022 (why the
        rival is of second order too).
    """

    kind = "latent_ode"

    def build(
        self, hidden: tuple[int, ...], generator: torch.Generator, dtype: torch.dtype
    ) -> None:
        """Make the network of the acceleration."""
        self.network = DenseNetwork(
            (2 * self.degrees, *hidden, self.degrees), seed=generator, dtype=dtype
        )

    def acceleration(self, x: Tensor) -> Tensor:
        """Return q̈ of latent states ``[q, q̇]``, ``(..., 2) -> (..., 1)``, each d times."""
        self._check(x, "x")
        # Velocities are larger than positions: the network sees both at about the same size.
        q, v = x.chunk(2, dim=-1)
        seen = torch.cat([q, math.sqrt(1 / self.FIRST_STIFFNESS) * v], dim=-1)
        return self.network(seen) - self.log_stiffness.exp() * q

    def step(self, x: Tensor, dt: float) -> Tensor:
        """Return latent states ``[q, q̇]`` a time dt later, ``(..., 2) -> (..., 2)``."""
        self._check(x, "x")
        _check_time(dt)
        q, v = x.chunk(2, dim=-1)
        q = q + dt / 2 * v
        half = v + dt / 2 * self.acceleration(torch.cat([q, v], dim=-1))
        v = v + dt * self.acceleration(torch.cat([q, half], dim=-1))
        return torch.cat([q + dt / 2 * v, v], dim=-1)


def clip_windows(
    codes: Tensor,
    frames: int,
    seed: int | torch.Generator,
    *,
    every: int = 1,
    degrees: int = 1,
) -> dict[str, Tensor]:
    """Cut long clips into short ones, and give each the noise that its latent state takes.

    Args:
        codes: ``(B, n, k)``.
        frames: pictures in a window, n at most.
        seed: of the noise, an integer or a generator.
        every: pictures between the beginnings of two windows.
        degrees: of freedom of the model, d.

    Returns:
        ``clips``, ``(W, frames, k)``, and ``noise``, standard normal numbers ``(W, 2d)``.

    Raises:
        ValueError: for clips shorter than a window.
    """
    check_type(Tensor, "a tensor of clips, (B, n, k)", codes=codes)
    check_count(frames=frames, every=every, degrees=degrees)
    if codes.ndim != 3 or not codes.is_floating_point():
        raise ValueError(f"codes has shape {tuple(codes.shape)}; expected real (B, n, k)")
    check_finite(codes, "codes")
    if codes.shape[1] < frames:
        raise ValueError(f"the clips have {codes.shape[1]} pictures; a window takes {frames}")
    clips = codes.unfold(1, frames, every).flatten(0, 1).mT.contiguous()
    noise = torch.randn(
        len(clips), 2 * int(degrees), generator=as_generator(seed), dtype=torch.float64
    )
    return {"clips": clips, "noise": noise.to(clips)}


def negative_elbo(model: MotionVAE, batch: Mapping[str, Tensor]) -> Tensor:
    """Return −ELBO of each clip for each of its pictures, ``(B,)``.

    ``fit(model, clip_windows(codes, 20, seed), Adam(...), residual=SampleLoss(negative_elbo))``
    trains on it.

    Args:
        model: an ``HGN`` or ``LatentODE``.
        batch: as ``clip_windows`` gives it.

    Returns:
        Losses, in nats for each picture.
    """
    return -model.elbo(batch["clips"], batch["noise"]) / batch["clips"].shape[-2]
