"""The pendulum's pictures, against a brute-force one and by differences; principal components."""

import math

import pytest
import torch

from hnn_tutorial.pixels import pendulum_frames, principal_components


def angles(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def brute_force(angle, size, *, width, softness, view, supersample):
    """The same picture point by point, with the nearest of many points of the rod."""
    rows = []
    for row in range(size):
        line = []
        for column in range(size):
            total = 0.0
            for i in range(supersample):
                for j in range(supersample):
                    y = view * (1 - 2 * (row + (i + 0.5) / supersample) / size)
                    x = view * (2 * (column + (j + 0.5) / supersample) / size - 1)
                    distance = min(
                        math.hypot(x - s * math.sin(angle), y + s * math.cos(angle))
                        for s in (k / 2000 for k in range(2001))
                    )
                    total += 1 / (1 + math.exp((distance - width) / softness))
            line.append(total / supersample**2)
        rows.append(line)
    return torch.tensor(rows, dtype=torch.float64)


@pytest.mark.parametrize("angle", [0.0, 0.7, -2.3])
def test_pictures_are_those_of_brute_force(angle):
    look = {"width": 0.13, "softness": 0.05, "view": 1.3, "supersample": 2}
    picture = pendulum_frames(angles(angle), 9, **look)[0]
    torch.testing.assert_close(picture, brute_force(angle, 9, **look), rtol=0, atol=1e-5)


def test_the_rod_is_where_it_should_be():
    right, up = pendulum_frames(angles(math.pi / 2, math.pi), 28)
    # To the right of the middle and at its height; above the middle, the top row first.
    assert float(right[13:15, 16:22].min()) > 0.8
    assert float(right[:, :11].max()) < 1e-2
    assert float(up[6:12, 13:15].min()) > 0.8
    assert float(up[17:].max()) < 1e-2
    turned = pendulum_frames(angles(0.4, 0.4 + 2 * math.pi, -0.4))
    torch.testing.assert_close(turned[0], turned[1])
    torch.testing.assert_close(turned[0], turned[2].flip(-1))


def test_a_batch_keeps_its_axes_and_its_dtype():
    batch = torch.linspace(-2, 2, 6).reshape(2, 3)
    pictures = pendulum_frames(batch, 12)
    assert pictures.shape == (2, 3, 12, 12)
    assert pictures.dtype == torch.float32
    torch.testing.assert_close(pictures[1, 2], pendulum_frames(batch[1, 2], 12))


@pytest.mark.parametrize("angle", [0.0, 0.3, 2.9])
def test_gradients_are_those_of_differences(angle):
    at = angles(angle).requires_grad_()
    weight = torch.linspace(-1, 1, 14 * 14, dtype=torch.float64).reshape(14, 14)

    def value(a):
        return (pendulum_frames(a, 14) * weight).sum()

    (slope,) = torch.autograd.grad(value(at), at)
    h = 1e-5
    difference = (value(angles(angle + h)) - value(angles(angle - h))) / (2 * h)
    assert torch.isfinite(slope).all()
    assert float(slope) == pytest.approx(float(difference), rel=1e-6, abs=1e-8)


def test_a_sharp_edge_is_black_and_white_and_has_no_slope():
    crisp = pendulum_frames(angles(0.5), 28, softness=0, supersample=1)
    assert set(crisp.unique().tolist()) == {0.0, 1.0}
    soft = pendulum_frames(angles(0.5), 28, softness=1e-4, supersample=1)
    assert float((crisp - soft).abs().mean()) < 1e-3


def test_components_are_those_of_the_covariance():
    frames = pendulum_frames(torch.linspace(-1.5, 1.5, 60, dtype=torch.float64).reshape(4, 15), 10)
    found = principal_components(frames, 7)
    flat = frames.reshape(60, 100)
    values, vectors = torch.linalg.eigh(torch.cov(flat.T, correction=0))
    torch.testing.assert_close(found.variances, values.flip(0)[:7] / values.sum())
    overlap = (found.basis @ vectors.flip(-1)[:, :7]).abs()
    torch.testing.assert_close(overlap, torch.eye(7, dtype=torch.float64), rtol=0, atol=1e-8)
    codes = found.encode(frames)
    assert codes.shape == (4, 15, 7)
    assert float(codes.square().sum(-1).mean()) == pytest.approx(1)
    lost = (found.decode(codes).reshape(60, 100) - flat).square().sum(-1).mean()
    assert float(lost) == pytest.approx(float(values.flip(0)[7:].sum()))
    whole = principal_components(frames, 60)
    torch.testing.assert_close(whole.decode(whole.encode(frames)), frames.flatten(-2))


def test_bad_input_is_named():
    frames = pendulum_frames(angles(0.1, 0.2, 0.3), 6)
    with pytest.raises(ValueError, match=r"count = 4; 3 pictures of 36 pixels have 3 directions"):
        principal_components(frames, 4)
    with pytest.raises(ValueError, match="all the same"):
        principal_components(frames[:1].expand(5, -1, -1), 2)
    with pytest.raises(ValueError, match=r"expected \(\.\.\., height, width\)"):
        principal_components(frames[0], 1)
    found = principal_components(frames, 2)
    with pytest.raises(ValueError, match="found in pictures of 36 pixels, and have 2 codes"):
        found.encode(pendulum_frames(angles(0.1), 7))
    with pytest.raises(TypeError, match="dtype"):
        found.encode(frames.float())
    with pytest.raises(ValueError, match="angle"):
        pendulum_frames(angles(math.nan))
