"""Pictures of a pendulum, as a camera would see it, and what linear algebra finds in them."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hnn_tutorial._validate import (
    anywhere,
    check_count,
    check_finite,
    check_not_negative,
    check_positive,
    check_tensor,
)

__all__ = [
    "CosineDecoder",
    "PrincipalComponents",
    "consecutive",
    "cosine_decoder",
    "farthest_pair",
    "pendulum_frames",
    "principal_components",
]


def pendulum_frames(
    angle: Tensor,
    size: int = 28,
    *,
    width: float = 0.1,
    softness: float = 0.03,
    view: float = 1.2,
    supersample: int = 2,
) -> Tensor:
    r"""Draw a rod of length 1 that hangs from the middle of the picture.

    With the distance :math:`d(x, \theta)` of a point from the rod, which goes from (0, 0) to
    :math:`(\sin\theta, -\cos\theta)`, its grey value is

    .. math:: \frac{1}{1 + e^{(d - w)/\delta}},

    and a pixel is the mean of some points in it. For a softness δ > 0 the pictures can be
    differentiated with respect to the angle; with δ = 0 the edge is sharp, and they cannot: their
    derivative is zero almost everywhere.

    Args:
        angle: θ in rad, from hanging, ``(...)``.
        size: pixels on a side.
        width: w, half of the rod's, in its lengths.
        softness: δ, of its edge, in its lengths.
        view: half of the picture's side, in the rod's lengths.
        supersample: points on a side of a pixel.

    Returns:
        Grey values in [0, 1], ``(..., size, size)``, the top row first.

    Raises:
        TypeError, ValueError: for angles that are no finite numbers, or a size that makes no sense.

    References:
        Greydanus, Dzamba & Yosinski 2019 (whose pictures, of a simulator's, are also 28 × 28).
    """
    check_tensor(angle, "angle")
    check_finite(angle, "angle")
    check_count(size=size, supersample=supersample)
    check_positive(width=width, view=view)
    check_not_negative(softness=softness)
    points = size * supersample
    middle = torch.arange(points, dtype=angle.dtype, device=angle.device) + 0.5
    side = view * (2 * middle / points - 1)
    y, x = torch.meshgrid(-side, side, indexing="ij")
    end_x, end_y = angle.sin()[..., None, None], -angle.cos()[..., None, None]
    along = (x * end_x + y * end_y).clamp(0, 1)  # the foot of the point on the rod
    square = (x - along * end_x).square() + (y - along * end_y).square()
    if softness == 0:
        grey = (square < width**2).to(angle.dtype)
    else:
        # On the rod's axis the root has no derivative; there the picture is flat anyway.
        distance = square.clamp(min=1e-12).sqrt()
        grey = torch.sigmoid((width - distance) / softness)
    pixels = grey.unflatten(-2, (size, supersample)).unflatten(-1, (size, supersample))
    return pixels.mean((-3, -1))


FARTHEST = 30  # times the usual distance from the mean picture: values there have another range


@dataclass(frozen=True)
class PrincipalComponents:
    r"""The directions in which pictures differ most, and coordinates along them.

    .. math:: c = \frac{B\,(x - \bar x)}{s}, \qquad x \approx \bar x + s\, B^\top c

    Attributes:
        mean: :math:`\bar x`, the mean picture, ``(pixels,)``.
        basis: B, orthonormal rows, ``(count, pixels)``, the one with the largest variance first.
        scale: s, the root mean square length of what is divided by it: so codes are of size 1.
        variances: share of the variance along each direction, ``(count,)``, falling.
    """

    mean: Tensor
    basis: Tensor
    scale: Tensor
    variances: Tensor

    def encode(self, frames: Tensor) -> Tensor:
        """Return the codes of pictures, ``(..., height, width) -> (..., count)``.

        Raises:
            ValueError: for pictures of another size, or with grey values in another range.
        """
        flat = frames.flatten(-2) if isinstance(frames, Tensor) and frames.ndim > 1 else frames
        check_tensor(flat, "frames")
        self._check(flat, "frames", len(self.mean))
        away = flat - self.mean
        if anywhere(away.norm(dim=-1) > FARTHEST * self.scale):
            raise ValueError(
                "the frames differ from the mean picture far more than those in which these "
                f"components were found; their values reach from {float(flat.min()):.3g} to "
                f"{float(flat.max()):.3g}: bring them to the same range, such as 0 to 1"
            )
        return away @ self.basis.mT / self.scale

    def decode(self, codes: Tensor) -> Tensor:
        """Return flat pictures of codes, ``(..., count) -> (..., pixels)``."""
        check_tensor(codes, "codes")
        self._check(codes, "codes", len(self.basis))
        return self.mean + self.scale * codes @ self.basis

    def _check(self, x: Tensor, name: str, width: int) -> None:
        if x.shape[-1] != width:
            raise ValueError(
                f"{name} have {x.shape[-1]} numbers each; these components were found in pictures "
                f"of {len(self.mean)} pixels, and have {len(self.basis)} codes"
            )
        if x.dtype != self.mean.dtype:
            raise TypeError(
                f"{name} have dtype {x.dtype}, the components {self.mean.dtype}; convert one "
                "with .to(dtype)"
            )


def principal_components(frames: Tensor, count: int) -> PrincipalComponents:
    r"""Find the directions in which pictures differ most, by a singular value decomposition.

    .. math:: X - \bar X = U S B^\top

    Args:
        frames: pictures, ``(..., height, width)``.
        count: of directions, at most the number of pictures and of pixels.

    Returns:
        The components.

    Raises:
        ValueError: for more directions than there are, pictures that are all the same, or values
            that are not finite.

    References:
        Jolliffe 2002.
    """
    check_tensor(frames, "frames")
    check_count(count=count)
    if frames.ndim < 3:
        raise ValueError(f"frames has shape {tuple(frames.shape)}; expected (..., height, width)")
    check_finite(frames, "frames")
    flat = frames.flatten(-2).flatten(0, -2)
    most = min(flat.shape)
    if count > most:
        raise ValueError(
            f"count = {count}; {flat.shape[0]} pictures of {flat.shape[1]} pixels have {most} "
            "directions"
        )
    mean = flat.mean(0)
    _, sizes, directions = torch.linalg.svd(flat - mean, full_matrices=False)
    if sizes[0] <= 16 * torch.finfo(flat.dtype).eps * flat.norm():
        raise ValueError("the pictures are all the same, so they differ in no direction")
    scale = (sizes[:count].square().sum() / len(flat)).sqrt()
    variances = sizes.square() / sizes.square().sum()
    return PrincipalComponents(mean, directions[:count], scale, variances[:count])


def consecutive(codes: Tensor) -> dict[str, Tensor]:
    """Cut clips into all runs of three frames, as a batch for `models.LatentCoordinate`.

    Args:
        codes: of the frames of clips, ``(clips, frames, k)``, a constant time apart.

    Returns:
        ``{"before": ..., "now": ..., "after": ...}``, ``(clips * (frames - 2), k)`` each.

    Raises:
        ValueError: for clips of fewer than three frames, or codes that are not finite.
    """
    check_tensor(codes, "codes")
    if codes.ndim != 3:
        raise ValueError(f"codes has shape {tuple(codes.shape)}; expected (clips, frames, k)")
    if codes.shape[1] < 3:
        raise ValueError(
            f"the clips have {codes.shape[1]} frames; one frame has no momentum, two have no "
            "change of it: a law of motion needs three or more"
        )
    check_finite(codes, "codes")
    return {
        "before": codes[:, :-2].flatten(0, 1),
        "now": codes[:, 1:-1].flatten(0, 1),
        "after": codes[:, 2:].flatten(0, 1),
    }


def farthest_pair(codes: Tensor) -> Tensor:
    """Return the two codes that lie farthest apart.

    Args:
        codes: ``(..., k)``, two or more.

    Returns:
        ``(2, k)``.

    Raises:
        ValueError: for fewer than two codes, or codes that are not finite.
    """
    check_tensor(codes, "codes")
    flat = codes.flatten(0, -2) if codes.ndim > 1 else codes
    if flat.ndim != 2 or len(flat) < 2:
        raise ValueError(f"codes has shape {tuple(codes.shape)}; expected two or more, (..., k)")
    check_finite(codes, "codes")
    first, second = divmod(int(torch.cdist(flat, flat).argmax()), len(flat))
    return torch.stack([flat[first], flat[second]])


@dataclass(frozen=True)
class CosineDecoder:
    r"""Pictures as functions of one number: a sum of cosines for each pixel.

    .. math:: x(q) = \sum_{k=0}^{n-1} W_k \cos\frac{\pi k\,(q - a)}{b - a}

    Attributes:
        low: a, somewhat below the smallest q of the pictures that it was fitted to.
        high: b, somewhat above the largest.
        weights: W, ``(n, height, width)``.
    """

    low: float
    high: float
    weights: Tensor

    def decode(self, q: Tensor) -> Tensor:
        """Return pictures, ``(...) -> (..., height, width)``."""
        check_tensor(q, "q")
        if q.dtype != self.weights.dtype:
            raise TypeError(
                f"q has dtype {q.dtype}, the decoder {self.weights.dtype}; convert one with "
                ".to(dtype)"
            )
        waves = _cosines(q, self.low, self.high, len(self.weights))
        return torch.tensordot(waves, self.weights, 1)


def cosine_decoder(q: Tensor, frames: Tensor, count: int = 24) -> CosineDecoder:
    """Fit a decoder from one number to pictures, by one least-squares problem for all pixels.

    Args:
        q: of the pictures, ``(...)``.
        frames: ``(..., height, width)``.
        count: of cosines, at most the number of pictures.

    Returns:
        The decoder; its interval is by a tenth of its length wider than that of q, at both ends,
        since the cosines are flat there.

    Raises:
        ValueError: for numbers and pictures that do not belong together, that are not finite, or
            fewer than there are cosines; or numbers that are all the same.
    """
    check_tensor(q, "q")
    check_tensor(frames, "frames")
    check_count(count=count)
    if frames.ndim < 3 or frames.shape[:-2] != q.shape:
        raise ValueError(
            f"q has shape {tuple(q.shape)} and frames {tuple(frames.shape)}; expected (...) and "
            "(..., height, width)"
        )
    if frames.dtype != q.dtype:
        raise TypeError(f"q has dtype {q.dtype}, frames {frames.dtype}; convert one")
    check_finite(q, "q")
    check_finite(frames, "frames")
    if q.numel() < count:
        raise ValueError(f"count = {count}; {q.numel()} pictures determine {q.numel()} cosines")
    least, most = float(q.min()), float(q.max())
    if least == most:
        raise ValueError("q is the same for all pictures, so it tells none from another")
    margin = 0.1 * (most - least)
    low, high = least - margin, most + margin
    waves = _cosines(q.flatten(), low, high, int(count))
    # By singular values: on this interval alone the cosines are nearly dependent.
    flat = frames.flatten(0, -3).flatten(1)
    weights = torch.linalg.pinv(waves) @ flat
    return CosineDecoder(low, high, weights.unflatten(1, frames.shape[-2:]))


def _cosines(q: Tensor, low: float, high: float, count: int) -> Tensor:
    """Return the cosines of numbers, ``(...) -> (..., count)``."""
    k = torch.arange(count, dtype=q.dtype, device=q.device)
    return torch.cos(math.pi * k * (q.unsqueeze(-1) - low) / (high - low))
