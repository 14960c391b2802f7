"""The latent lab: a point under the reader's hand that decodes to a picture, and moves by H."""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from hnn_tutorial._validate import (
    as_number,
    check_callable,
    check_finite,
    check_not_negative,
    check_type,
    describe,
)
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import DenseNetwork, parameter_count
from hnn_tutorial.pixels import pendulum_frames
from hnn_tutorial.systems import Pendulum, System
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import LAB_ACTIVATIONS, encode_system, network_sizes
from hnn_tutorial.widgets._lab import LETTERS, Lab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_BYTES = 60_000
"""Of a decoder that travels to the page."""

MAX_POTENTIAL = 5_000
"""Weights of a potential: more would take longer than a frame."""

MARGIN = 0.1
"""Part of the span that is shown beyond it on either side, where no picture was seen."""

LOSS = 0.012
"""Root mean square of what a pixel may lose on the way, three of 255 grey levels."""

MOST_SUPERSAMPLE = 4
"""Points on a side of a pixel of the true pictures, which the page draws in every frame."""

NODES = 512
"""Places at which a decoder is asked."""

COUNTS = (12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""Numbers of cosines that are tried, the smallest first."""

STEPS = (0.001, 0.2)
"""As ``latent_lab.js`` has them, in s."""

PICTURE_TIME = 4.0
PICTURES = 4

HEIGHTS = ((1055, 825), (1106, 855))
"""Of the card without and with the truth, narrow and wide."""


class LatentMotion(System):
    """The motion of one latent coordinate: H = p²/2 + V(q), with a network and a spring as V."""

    name = "latent_motion"
    title = "latent motion"
    coordinates = (("q", ""), ("p", ""))

    def __init__(self, potential: DenseNetwork, stiffness: float) -> None:
        self.potential = potential
        self.stiffness = stiffness

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return p²/2 + V(q)."""
        q, p = x.unbind(-1)
        spring = self.stiffness * q.square()
        return (p.square() + spring) / 2 + self.potential(q.unsqueeze(-1)).squeeze(-1)


class LatentLab(Lab):
    r"""A point (q, p) in the latent plane that is decoded to a picture, and moves by a learned H.

    .. math:: H(q, p) = \frac{p^2}{2} + V(q), \qquad \dot q = p, \qquad
              \text{picture} = \mathrm{decoder}(q)

    The reader drags the point; the picture beside it follows at once, and the level lines of H show
    where the point will go. Let go, it runs by leapfrog. Where the true pendulum is known, its
    motion from the same start runs beside, drawn by the camera, and the difference of the two.

    The potential travels as its weights. The decoder may be any function: it is asked at 512 places
    and travels as cosines of q, as many as it takes to lose at most three of 255 grey levels in the
    root mean square over the span,

    .. math:: \mathrm{picture}(q) \approx \sum_{k=0}^{K-1} w_k
              \cos\!\left(\pi k\, \frac{q - q_-}{q_+ - q_-}\right),

    rounded to 8 bits. It is shown from :math:`q_-` to :math:`q_+`, a tenth beyond the span on
    either side; there a motion ends.

    Args:
        potential: V or its network, a ``DenseNetwork`` with one input and one output.
        decoder: positions to grey values from 0 to 1, ``(n, 1) -> (n, height, width)``.
        span: the positions of which pictures were seen in training, ``(q_low, q_high)``.
        truth: a ``Pendulum`` whose motion runs beside it, or None.
        angle: a and b of q = aθ + b, where θ is the true angle.
        camera: how the true pictures are made: keywords of ``pixels.pendulum_frames`` but ``size``.
        start: the first point (q, p); None takes one at rest on the way to the end of the span.
        stiffness: κ, of a spring that belongs to V beside the network, :math:`\kappa q^2/2`.
        step: of leapfrog, in s, from 0.001 to 0.2.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first, "none" for
            nothing.
        speed: seconds of the motion that pass in one second.

    Raises:
        TypeError, ValueError: for a potential or decoder that the lab cannot run, above all one
            that needs more than 60 kB in the page, a start outside of the plane, or numbers that
            make no sense.

    Attributes:
        state: the start, a tensor ``(2,)`` that follows the reader's hand; two-way.
        step: the step, two-way.
        loss: root mean square of what the decoder loses in the page over the span, of grey values
            from 0 to 1.

    References:
        Greydanus, Dzamba & Yosinski 2019 (an HNN on latent vectors of pictures).
    """

    _esm = bundle("labs/latent_lab.js")

    TASKS = ("same", "rest", "leave")

    _potential = traitlets.Dict().tag(sync=True)
    _decoder = traitlets.Dict().tag(sync=True)
    _weights = traitlets.Bytes(b"").tag(sync=True)
    _pixels = traitlets.Bytes(b"").tag(sync=True)
    _truth = traitlets.Dict().tag(sync=True)
    step = traitlets.Float(0.02, help="step of leapfrog, in s").tag(sync=True)

    def __init__(
        self,
        potential: DenseNetwork,
        decoder: Callable[[Tensor], Tensor],
        span: Sequence[float],
        *,
        truth: Pendulum | None = None,
        angle: Sequence[float] = (1.0, 0.0),
        camera: Mapping[str, float] | None = None,
        start: Sequence[float] | Tensor | None = None,
        stiffness: float = 0.0,
        step: float = 0.02,
        task: str = "",
        speed: float = 1.0,
    ) -> None:
        weights = _potential_weights(potential)
        check_callable(decoder=decoder)
        check_not_negative(stiffness=stiffness)
        low, high = _pair("span", span)
        if not low < high:
            raise ValueError(f"span = {low, high}; expected (q_low, q_high) with q_low < q_high")
        margin = MARGIN * (high - low)
        interval = low - margin, high + margin
        dtype = potential.layers[0].weight.dtype
        pixels, scales, shape, self.loss = _encode_decoder(decoder, interval, (low, high), dtype)
        self.system = LatentMotion(potential, float(stiffness))
        self.truth = truth
        self.decoder = decoder
        super().__init__(
            _potential={
                "sizes": network_sizes(potential),
                "activation": potential._activation,
                "stiffness": float(stiffness),
            },
            _weights=weights.astype("<f4").tobytes(),
            _decoder={
                "shape": shape,
                "scales": scales,
                "interval": list(interval),
                "span": [low, high],
                "loss": self.loss,
            },
            _pixels=pixels,
            _truth=_encode_truth(truth, angle, camera, shape),
            state=[round(low + 0.8 * (high - low), 4), 0.0] if start is None else start,
            step=as_number("step", step),
            task=task,
            speed=as_number("speed", speed),
        )

    def _card_heights(self) -> tuple[int, int]:
        return HEIGHTS[self.truth is not None]

    @traitlets.default("_constants")
    def _default_constants(self) -> str:
        if self.truth is None:
            return ""
        own = [f"{LETTERS[p.name]} = {p.value:.6g} {p.unit}" for p in self.truth.parameters]
        return f"{', '.join(own)} of the true pendulum"

    @traitlets.validate("state")
    def _check_start(self, proposal: dict[str, Any]) -> Tensor:
        state: Tensor = proposal["value"]
        low, high = self._decoder["interval"]
        if not low <= state[0] <= high:
            raise ValueError(
                f"the start {state.tolist()} is outside of the plane, where q is from {low:.4g} "
                f"to {high:.4g}: the decoder is not known further on"
            )
        return state

    @traitlets.validate("step")
    def _check_step(self, proposal: dict[str, Any]) -> float:
        if not STEPS[0] <= proposal["value"] <= STEPS[1]:
            raise ValueError(f"step = {proposal['value']}; it is from {STEPS[0]} to {STEPS[1]} s")
        return proposal["value"]

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the level lines of H with the motion, and pictures along it."""
        from hnn_tutorial.plotting import phase_portrait

        times = torch.linspace(0, PICTURE_TIME, 201, dtype=torch.float64)
        dtype = self.system.potential.layers[0].weight.dtype
        start = self.state.to(dtype)
        with torch.no_grad():
            motion = integrate(self.system.field, start, times, "leapfrog", step=self.step)
        low, high = self._decoder["interval"]
        inside = ((motion[:, 0] >= low) & (motion[:, 0] <= high)).cumprod(0).bool()
        motion = motion[inside].double()
        most = 1.2 * max(float(motion[:, 1].abs().max()), 0.2 * (high - low))
        left, *places = figure.subplots(1, 1 + PICTURES, width_ratios=[2.4, *[1] * PICTURES])
        phase_portrait(
            lambda x: self.system.field(x.to(dtype)).double(),
            left,
            extent=(low, high, -most, most),
            trajectories={"hnn": motion},
            arrows=9,
            coordinates=self.system.coordinates,
        )
        for k, place in enumerate(places):
            at = motion[k * (len(motion) - 1) // (PICTURES - 1)]
            with torch.no_grad():
                frame = self.decoder(at[None, :1].to(dtype)).reshape(self._decoder["shape"])
            place.imshow(
                frame.cpu().double().numpy(), cmap="gray_r", vmin=0, vmax=1, interpolation="none"
            )
            place.set(xticks=[], yticks=[], title=f"q = {float(at[0]):.2f}")
        return (
            f"The latent plane with the learned motion from [q, p] = {self.state.tolist()} over "
            f"{PICTURE_TIME:g} s, and {PICTURES} pictures decoded along it"
        )


def _potential_weights(potential: Any) -> np.ndarray:
    """Return W and b of each layer, or say why the page cannot run this potential."""
    check_type(DenseNetwork, "a DenseNetwork of one input and one output", potential=potential)
    sizes = network_sizes(potential)
    if sizes[0] != 1 or sizes[-1] != 1:
        raise ValueError(
            f"the potential has {sizes[0]} input(s) and {sizes[-1]} output(s); V is one number of "
            "one position"
        )
    if potential._activation not in LAB_ACTIVATIONS:
        raise ValueError(
            f"the potential has the activation {potential._activation!r}; the page knows "
            f"{', '.join(LAB_ACTIVATIONS)}"
        )
    if (count := parameter_count(potential)) > MAX_POTENTIAL:
        raise ValueError(
            f"the potential has {count:,} weights; the page follows it with at most "
            f"{MAX_POTENTIAL:,} while it is dragged"
        )
    if any(type(layer) is not nn.Linear for layer in potential.layers):
        raise TypeError("the potential has layers other than dense ones")
    tensors = [t for layer in potential.layers for t in (layer.weight, layer.bias)]
    numbers = torch.cat([t.detach().reshape(-1).double().cpu() for t in tensors])
    check_finite(numbers.float(), "the potential's weights")
    return numbers.numpy()


def _encode_decoder(
    decoder: Callable[[Tensor], Tensor],
    interval: tuple[float, float],
    span: tuple[float, float],
    dtype: torch.dtype,
) -> tuple[bytes, list[float], list[int], float]:
    """Return a decoder as cosines of q with weights of 8 bits, and what is lost.

    Returns:
        The weights, cosine by cosine; the size of one unit of each; height and width; and the root
        mean square of the error over the span, of grey values from 0 to 1.
    """
    low, high = interval
    middles = (torch.arange(NODES, dtype=torch.float64) + 0.5) / NODES
    places = low + (high - low) * middles
    inside = (places >= span[0]) & (places <= span[1])
    with torch.no_grad():
        frames = decoder(places.to(dtype).unsqueeze(-1))
    if not isinstance(frames, Tensor):
        raise TypeError(f"decoder returned {describe(frames)}; expected pictures (n, h, w)")
    if frames.ndim == 4 and frames.shape[1] == 1:
        frames = frames.squeeze(1)
    if frames.ndim != 3 or len(frames) != NODES or 0 in frames.shape:
        raise ValueError(
            f"decoder returned shape {tuple(frames.shape)} for {NODES} positions ({NODES}, 1); "
            f"expected pictures ({NODES}, height, width)"
        )
    if not frames.is_floating_point():
        raise TypeError(f"decoder returned dtype {frames.dtype}; expected grey values from 0 to 1")
    check_finite(frames, "what the decoder returned")
    shape = [int(side) for side in frames.shape[1:]]
    pixels = shape[0] * shape[1]
    # As a screen shows them. At the middles of equal parts the cosines are orthogonal.
    flat = frames.detach().double().cpu().clamp(0, 1).reshape(NODES, pixels)
    most = MAX_BYTES // pixels
    for count in sorted({c for c in COUNTS if c < most} | {min(most, max(COUNTS))} - {0}):
        cosines = torch.cos(math.pi * torch.arange(count) * middles.unsqueeze(-1))
        weights = 2 / NODES * cosines.mT @ flat
        weights[0] /= 2
        scales = weights.abs().amax(1, keepdim=True).clamp(min=1e-30) / 127
        whole = (weights / scales).round()
        loss = float((cosines @ (whole * scales) - flat)[inside].square().mean().sqrt())
        if loss <= LOSS:
            numbers = whole.to(torch.int8).numpy().tobytes()
            return numbers, scales.flatten().tolist(), shape, loss
    raise ValueError(
        f"the decoder is too large for the page: with {MAX_BYTES:,} bytes, {most} cosines for each "
        f"of {pixels:,} pixels, "
        + (
            f"a pixel is off by {loss:.2g} in the root mean square; "
            if most
            else "nothing can be sent; "
        )
        + f"at most {LOSS} may be lost. Pass smaller pictures, a "
        "smaller span or a smoother decoder"
    )


def _encode_truth(truth: Any, angle: Any, camera: Any, shape: Sequence[int]) -> dict[str, Any]:
    """Return the true pendulum, its angle in terms of q, and its camera, as the page has them."""
    check_type((Pendulum, type(None)), "a Pendulum or None", truth=truth)
    slope, offset = _pair("angle", angle)
    if slope == 0:
        raise ValueError("angle = (a, b) has a = 0; expected q = aθ + b with another a")
    check_type((Mapping, type(None)), "keywords of pixels.pendulum_frames", camera=camera)
    if truth is None:
        return {}
    own = inspect.signature(pendulum_frames).parameters
    settings = {name: own[name].default for name in ("width", "softness", "view", "supersample")}
    for name, value in (camera or {}).items():
        if name not in settings:
            raise ValueError(f"unknown camera setting {name!r}; there are {', '.join(settings)}")
        settings[name] = value
    if shape[0] != shape[1]:
        raise ValueError(f"pictures are {shape[0]} by {shape[1]}; those of the camera are square")
    # It checks its keywords.
    pendulum_frames(torch.zeros(()), shape[0], **settings)
    if settings["softness"] == 0:
        raise ValueError("softness = 0; the page draws the true pictures with soft edges")
    if settings["supersample"] > MOST_SUPERSAMPLE:
        raise ValueError(
            f"supersample = {settings['supersample']}; the page draws with at most "
            f"{MOST_SUPERSAMPLE}"
        )
    return {**encode_system(truth, (Pendulum,)), "angle": [slope, offset], "camera": settings}


def _pair(name: str, value: Any) -> tuple[float, float]:
    """Return two finite numbers, or say what was given."""
    try:
        found = torch.as_tensor(value, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} is {describe(value)}; expected two numbers") from None
    if found.shape != (2,) or not found.isfinite().all():
        raise ValueError(f"{name} = {describe(value)}; expected two finite numbers")
    first, second = found.tolist()
    return first, second
