r"""A telephone that swings on two strings, as its gyroscope sees it: simulated, and shipped.

The strings are 0.6 m long, and there is friction:

.. math:: \ddot q = -\frac gl \sin q - c\,\dot q, \qquad
          g/l = 16.35\ \mathrm{s}^{-2},\ c = 0.06\ \mathrm{s}^{-1}

The sensor adds what such sensors add: an offset of each axis, white noise, times that are not quite
even, and half a second that was lost. The telephone hangs a little askew, so that its other two
axes see a part of the swing.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path

import torch

from hnn_tutorial._validate import check_not_negative
from hnn_tutorial.data import Trajectories, simulate
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems import DampedPendulum

LENGTH, GRAVITY, DAMPING = 0.6, 9.81, 0.06
START = (1.25, 0.0)
RATE, SECONDS = 50, 20.0
LOST = (6.3, 6.8)
OFFSETS = (0.05, -0.021, 0.013)
PARTS = (0.998, 0.04, 0.049)
"""Of the rate on the axes x, y, z: a unit vector, to three digits."""
NOISE, JITTER = 0.03, 0.001
HEAD = (
    '"Time (s)","Gyroscope x (rad/s)","Gyroscope y (rad/s)","Gyroscope z (rad/s)",'
    '"Absolute (rad/s)"'
)


@dataclass(frozen=True)
class PhoneSwing:
    """A simulated recording of a telephone's gyroscope, and the truth behind it.

    Attributes:
        motion: the true states ``[q, q̇]``, ``(T, 1, 2)``, in rad and rad/s, at the recorded times.
        truth: the pendulum, with a moment of inertia of 1 kg m², so that p is q̇ in number.
        text: what the telephone exports, a CSV file in the form of phyphox.
    """

    motion: Trajectories
    truth: DampedPendulum
    text: str = field(repr=False)


def sample_path() -> Path:
    """Return where the recording of a telephone is that ships with this package.

    A CSV file in the form that phyphox exports: the time, the rates of turning about three axes,
    and the size of the rate. The telephone swings about its axis x for 20 s, at 50 rows a second.
    The file is ``phone_swing(seed=0).text``.

    Returns:
        The path of the file.
    """
    return Path(__file__).parent / "phone_swing.csv"


def phone_swing(seed: int | torch.Generator, *, noise: float = NOISE) -> PhoneSwing:
    r"""Simulate another recording like the one that ships.

    .. math:: \ddot q = -\tfrac gl \sin q - c\,\dot q, \qquad
              \text{gyroscope}_x = 0.998\,\dot q + 0.05 + \varepsilon

    with l = 0.6 m, g = 9.81 m/s² and c = 0.06 1/s, from q = 1.25 rad and rest. Times are off the
    50 Hz by 1 ms, and from 6.3 s to 6.8 s nothing was recorded.

    Args:
        seed: draws the noise of the sensor and of the times; the motion is the same.
        noise: standard deviation of ε, in rad/s.

    Returns:
        The recording and its truth.

    Raises:
        ValueError: for a negative noise.
    """
    check_not_negative(noise=noise)
    generator = as_generator(seed)
    truth = DampedPendulum(1 / LENGTH**2, LENGTH, GRAVITY, DAMPING)
    times = torch.arange(round(SECONDS * RATE), dtype=torch.float64) / RATE
    drawn = torch.randn(4, len(times), generator=generator, dtype=torch.float64)
    times[1:] += JITTER * drawn[3, 1:].clamp(-3, 3)
    # To what is written, so that the truth is that of the written times.
    times = times.round(decimals=4)
    start = torch.tensor([START], dtype=torch.float64)
    states = simulate(truth, start, times).states
    kept = (times < LOST[0]) | (times > LOST[1])
    rows = [HEAD]
    for t, rate, errors in zip(times[kept], states[kept, 0, 1], drawn[:3, kept].mT, strict=True):
        axes = [
            part * float(rate) + offset + noise * float(error)
            for part, offset, error in zip(PARTS, OFFSETS, errors, strict=True)
        ]
        values = [*axes, math.hypot(*axes)]
        rows.append(",".join([f"{float(t):.4f}", *(f"{value:.4f}" for value in values)]))
    motion = Trajectories(times[kept], states[kept])
    return PhoneSwing(motion, truth, "\n".join(rows) + "\n")
