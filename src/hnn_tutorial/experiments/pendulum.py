"""The pendulum of Greydanus et al. 2019: 50 trajectories of 45 noisy points."""

from dataclasses import replace

from hnn_tutorial.experiments._observed import (
    ObservedTrajectories,
    published_scores,
    quick,
    small_networks,
    squared_norm,
)
from hnn_tutorial.experiments._published import LEARNING_RATE, as_published
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import Adam

TASK = ObservedTrajectories(
    name="pendulum",
    # H = 3 (1 − cos q) + p².
    true=Pendulum(mass=0.5, length=1.0, gravity=6.0),
    trajectories=50,
    points=45,
    span=3.0,
    noise=0.1,
    draw={"radius": (1.3, 2.3)},
)

OURS = small_networks(TASK, "pendulum")

REFERENCE = as_published(
    TASK,
    "pendulum, noisy states: 200 × 200 tanh, 2,000 steps of Adam, as published",
    Adam(steps=2000, learning_rate=LEARNING_RATE, weight_decay=1e-4),
)

# One thing after the other that the published notebook scores differently.
STARTS = replace(
    REFERENCE,
    name="pendulum-published-starts",
    title="pendulum, trained as published, scored from the published starts",
    task=published_scores(TASK),
)

SCORES = replace(
    REFERENCE,
    name="pendulum-published-scores",
    title="pendulum, trained and scored as published: starts and an energy q² + p²",
    task=published_scores(TASK, energy=squared_norm),
)

QUICK = quick(TASK, "pendulum")

VARIANTS = (STARTS, SCORES, QUICK)
