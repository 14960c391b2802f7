"""Recordings: your own from a file, and two published ones with simulated twins.

``read_csv`` reads times and positions; ``smooth`` estimates the velocities and accelerations that a
model learns from, and says how noisy and how biased it is. ``sample_path`` names a file to try them
on: a telephone that swings.

The published recordings, a pendulum and a double pendulum as a camera saw them, are files from the
supplementary material of Schmidt & Lipson 2009. No licence is stated there, so they are not part
of this package: ``load_recording`` reads them from a folder of yours. ``synthetic_twin`` is a
simulated recording with the same interface, for everyone.

References:
    Schmidt & Lipson 2009.
"""

from hnn_tutorial.recordings.published import (
    FOLDER_VARIABLE,
    RECORDINGS,
    Recording,
    Source,
    load_recording,
    read_recording,
    synthetic_twin,
)
from hnn_tutorial.recordings.read import Observations, Track, read_csv
from hnn_tutorial.recordings.sample import PhoneSwing, phone_swing, sample_path
from hnn_tutorial.recordings.smooth import SMOOTHERS, Smoothed, Smoother, smooth

__all__ = [
    "FOLDER_VARIABLE",
    "RECORDINGS",
    "SMOOTHERS",
    "Observations",
    "PhoneSwing",
    "Recording",
    "Smoothed",
    "Smoother",
    "Source",
    "Track",
    "load_recording",
    "phone_swing",
    "read_csv",
    "read_recording",
    "sample_path",
    "smooth",
    "synthetic_twin",
]
