"""Smoothers: on data whose answer is known, over rates, gaps and seeds; and what they say of it."""

import dataclasses
import math
import re
import sys

import numpy as np
import pytest
import torch
from scipy.signal import savgol_filter

from hnn_tutorial.data import simulate
from hnn_tutorial.recordings import SMOOTHERS, Observations, Track, smooth
from hnn_tutorial.recordings.smooth import _blocks, _polynomials
from hnn_tutorial.systems import DampedPendulum

NOISE = 0.01
SEEDS = range(5)
# Rows a second, and whether frames were lost: a tenth of them anywhere, and 0.3 s on end.
CONDITIONS = {"20 Hz": (20, False), "50 Hz with gaps": (50, True), "100 Hz": (100, False)}


def swing(seed, rate, gaps, noise=NOISE, seconds=8.0):
    """Return a recorded swing of a pendulum, its true states, and its true accelerations."""
    generator = torch.Generator().manual_seed(seed)
    times = torch.arange(int(seconds * rate) + 1).double() / rate
    if gaps:
        kept = torch.rand(len(times), generator=generator) > 0.1
        kept[3 * rate : 3 * rate + int(0.3 * rate)] = False
        times = times[kept]
    system = DampedPendulum(1.0, 1.0, damping=0.1)
    start = torch.tensor([[1.2 + 0.1 * seed, 0.3]], dtype=torch.float64)
    x = simulate(system, start, times).states[:, 0]
    seen = x[:, :1] + noise * torch.randn(len(x), 1, generator=generator, dtype=torch.float64)
    recorded = Observations(("angle",), ("rad",), (0,), (Track("1", times, seen),))
    return recorded, x, system.field(x)[:, 1]


def rms(values):
    return float(torch.as_tensor(values).square().mean().sqrt())


@pytest.fixture(scope="module")
def errors():
    """The errors of velocity and acceleration, relative, and what was said: one row for a seed."""
    found = {}
    for condition, (rate, gaps) in CONDITIONS.items():
        for method in SMOOTHERS:
            rows = []
            for seed in SEEDS:
                recorded, x, acceleration = swing(seed, rate, gaps)
                seen = smooth(recorded, method)
                # What a derivative loss is given: without the ends.
                data, cut = seen.dataset(), math.ceil(0.02 * len(x))
                inner = slice(cut, len(x) - cut)
                v = rms(data.states[:, 1] - x[inner, 1]) / rms(x[:, 1])
                a = rms(data.derivatives[:, 1] - acceleration[inner]) / rms(acceleration)
                rows.append((v, a, seen.noise[0]))
            found[condition, method] = np.array(rows)
    return found


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_default_is_the_best_of_three(errors, condition):
    ours = errors[condition, "gaussian_process"]
    # Measured medians: 0.7 to 1 % of the velocity, 2 to 2.5 % of the acceleration; at worst 2, 6.
    assert np.median(ours[:, 0]) < 0.02
    assert np.median(ours[:, 1]) < 0.05
    assert ours[:, 1].max() < 0.1
    for method in set(SMOOTHERS) - {"gaussian_process"}:
        theirs = errors[condition, method]
        assert np.median(ours[:, 0]) < np.median(theirs[:, 0])
        assert np.median(ours[:, 1]) < np.median(theirs[:, 1])
    # The cubic spline bends as little as it can, and accelerations are what it takes from.
    assert np.median(errors[condition, "spline"][:, 1]) > 3 * np.median(ours[:, 1])


def test_the_noise_is_what_was_added(errors):
    for (_, method), rows in errors.items():
        assert np.median(rows[:, 2]) == pytest.approx(NOISE, rel=0.15), method
        assert rows[:, 2] == pytest.approx(NOISE, rel=0.4), method


@pytest.mark.parametrize("method", SMOOTHERS)
def test_the_bias_is_what_the_smoother_does_to_the_true_motion(method, monkeypatch):
    ratios, chosen = [], []

    def choose(times, values):
        chosen.append(SMOOTHERS[method].choose(times, values))
        return chosen[-1]

    module, known = sys.modules["hnn_tutorial.recordings.smooth"], dict(SMOOTHERS)
    watched = known | {method: dataclasses.replace(known[method], choose=choose)}
    monkeypatch.setattr(module, "SMOOTHERS", watched)
    for seed in SEEDS:
        recorded, x, acceleration = swing(seed, 50, gaps=False)
        seen = smooth(recorded, method)
        middle = recorded.tracks[0].positions[:, 0].mean().item()
        # The smoother that was chosen with noise, on the motion that has none.
        ((linear, _),) = chosen
        chosen.clear()
        velocity, bend = linear(x[:, 0].numpy() - middle)[1:]
        ratios.append(
            [
                seen.bias[0][1] / rms(velocity - x[:, 1].numpy()),
                seen.bias[0][2] / rms(bend - acceleration.numpy()),
            ]
        )
    # An estimate: it knows the smooth curve, not the true one.
    assert np.all((np.median(ratios, axis=0) > 1 / 3) & (np.median(ratios, axis=0) < 3)), ratios


@pytest.mark.parametrize("method", SMOOTHERS)
def test_a_motion_without_noise_is_left_as_it_is(method):
    recorded, x, acceleration = swing(0, 50, gaps=True, noise=0.0)
    seen = smooth(recorded, method)
    assert seen.noise[0] < 1e-4
    data, cut = seen.dataset(), math.ceil(0.02 * len(x))
    assert rms(data.states - x[cut:-cut]) < 1e-3
    assert rms(data.derivatives[:, 1] - acceleration[cut:-cut]) < 0.02 * rms(acceleration)


def test_even_times_give_savitzky_golay_as_scipy_has_it():
    values = np.random.default_rng(0).normal(size=60)
    times = np.arange(60) / 50
    weights, index = _polynomials(times, 11)
    for order in range(3):
        ours = (weights[order] * values[index]).sum(-1)
        theirs = savgol_filter(values, 11, 4, deriv=order, delta=1 / 50)
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-6)


def test_a_long_recording_is_smoothed_in_blocks_without_seams(monkeypatch):
    recorded, _, acceleration = swing(0, 50, gaps=False, seconds=40.0)
    assert len(recorded) == 2001
    seen = smooth(recorded)
    away = (seen.accelerations[0][:, 0, 0] - acceleration).abs() / rms(acceleration)
    assert rms(away[40:-40]) < 0.06
    # As if in one block, with the same length scale.
    module, divided = sys.modules["hnn_tutorial.recordings.smooth"], _blocks
    monkeypatch.setattr(
        module,
        "_blocks",
        lambda rows, size, overlap: divided(rows, rows if overlap else size, 0),
    )
    whole = smooth(recorded).accelerations[0]
    difference = (seen.accelerations[0] - whole)[20:-20].abs().max()
    assert 0 < difference < 0.04 * rms(acceleration)


def test_a_gyroscope_is_integrated():
    recorded, x, _ = swing(0, 50, gaps=False)
    (track,) = recorded.tracks
    # Its offset is a constant that no swing has.
    velocity = x[:, 1:] + 0.2 + NOISE * torch.randn(len(x), 1).double()
    seen = smooth(
        Observations(("angle",), ("rad",), (0,), (Track("1", track.times, None, velocity),))
    )
    states = seen.trials[0].states[:, 0]
    assert rms(states[:, 1] - x[:, 1]) < 0.03 * rms(x[:, 1])
    assert rms(states[:, 0] - x[:, 0]) < 0.06 * rms(x[:, 0])
    (noise,) = re.findall(r"noise of the velocity ([\d.]+) rad/s", str(seen))
    assert float(noise) == pytest.approx(0.01, rel=0.2)


def test_it_says_what_it_did():
    recorded, *_ = swing(0, 50, gaps=False)
    assert str(smooth(recorded)).startswith(
        "401 rows smoothed by a Gaussian process\nangle: noise of the position 0.01"
    )
    with pytest.raises(ValueError, match="has 5 rows; smoothing needs at least 8"):
        smooth(Observations(("x",), ("m",), (), (recorded.tracks[0][:5],)))
    with pytest.raises(ValueError, match="unknown smoother 'kalman'; choose one of: gaussian_proc"):
        smooth(recorded, "kalman")
    with pytest.raises(ValueError, match="expected a share from 0 to below"):
        smooth(recorded).dataset(0.5)
