"""The recording that ships: what it says it is, and that its truth can be found in it."""

import csv
import math

import pytest
import torch

from hnn_tutorial.recordings import phone_swing, read_csv, sample_path, smooth


def numbers(text: str) -> torch.Tensor:
    rows = list(csv.reader(text.splitlines()))[1:]
    return torch.tensor([[float(cell) for cell in row] for row in rows], dtype=torch.float64)


def test_the_file_is_what_the_function_makes():
    """To a unit of the last digit, in which machines may differ."""
    shipped, made = sample_path().read_text(encoding="utf-8"), phone_swing(0).text
    assert shipped.splitlines()[0] == made.splitlines()[0]
    assert torch.allclose(numbers(shipped), numbers(made), rtol=0, atol=1.5e-4)
    other = numbers(phone_swing(1).text)
    assert not torch.allclose(numbers(made)[:300], other[:300], rtol=0, atol=0.01)


def test_it_has_what_a_telephone_has():
    swing = phone_swing(0, noise=0.0)
    t, x, y, z, size = numbers(swing.text).T
    true = swing.motion.states[:, 0, 1]
    assert torch.equal(t, swing.motion.times)
    gaps = t.diff()
    assert gaps.max() == pytest.approx(0.5, abs=0.05)  # half a second was lost
    assert gaps.std() > 1e-3
    assert gaps.min() > 0.01  # and the times are uneven, but in order
    # The swing and an offset, on three axes that are one.
    parts = torch.linalg.lstsq(
        torch.stack([true, torch.ones_like(true)], -1), torch.stack([x, y, z], -1)
    ).solution
    assert parts[0].norm() == pytest.approx(1, abs=1e-3)
    assert parts[0, 0] > 0.99
    assert parts[1].tolist() == pytest.approx([0.05, -0.021, 0.013], abs=1e-4)
    assert torch.allclose(size, torch.hypot(torch.hypot(x, y), z), atol=2e-4)
    noise = numbers(phone_swing(0).text)[:, 1] - x
    assert float(noise.std()) == pytest.approx(0.03, rel=0.1)


def test_its_motion_is_a_pendulum_with_friction():
    swing = phone_swing(0)
    q, v = swing.motion.states[:, 0].T
    k = 9.81 / 0.6
    energy = v**2 / 2 + k * (1 - q.cos())
    assert bool((energy.diff() < 1e-9).all())
    # dE/dt = −c v², summed over the file but for the gap.
    lost = float((0.06 * v[:-1] ** 2 * swing.motion.times.diff()).sum())
    assert float(energy[0] - energy[-1]) == pytest.approx(lost, rel=0.05)


@pytest.mark.parametrize("seed", range(3))
def test_the_angle_is_found_through_the_gap(tmp_path, seed):
    swing = phone_swing(seed)
    path = tmp_path / "swing.csv"
    path.write_text(swing.text, encoding="utf-8")
    seen = smooth(read_csv(path, velocities="Gyroscope x", angles="Gyroscope x"))
    missed = seen.trials[0].states - swing.motion.states
    angle, rate = missed[:, 0].square().mean(0).sqrt().tolist()
    assert angle < 0.025
    assert rate < 0.02


def test_noise_below_zero_is_refused():
    with pytest.raises(ValueError, match="noise"):
        phone_swing(0, noise=-0.1)
    assert math.isclose(numbers(phone_swing(3, noise=0.0).text)[0, 1], 0.05)
