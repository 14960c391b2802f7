"""The mass-spring of Greydanus et al. 2019: 50 trajectories of 30 noisy points."""

from dataclasses import replace

from hnn_tutorial.experiments._observed import (
    ObservedTrajectories,
    published_scores,
    quick,
    small_networks,
)
from hnn_tutorial.experiments._published import LEARNING_RATE, as_published
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import Adam

TASK = ObservedTrajectories(
    name="spring",
    # H = q² + p².
    true=MassSpring(mass=0.5, stiffness=2.0),
    trajectories=50,
    points=30,
    span=3.0,
    noise=0.1,
    draw={"radius": (0.1, 1.0)},
)

OURS = small_networks(TASK, "mass-spring")

REFERENCE = as_published(
    TASK,
    "mass-spring, noisy states: 200 × 200 tanh, 2,000 steps of Adam, as published",
    Adam(steps=2000, learning_rate=LEARNING_RATE, weight_decay=1e-4),
)

# One thing after the other that the published notebook scores differently.
STARTS = replace(
    REFERENCE,
    name="spring-published-starts",
    title="mass-spring, trained as published, scored from the published starts",
    task=published_scores(TASK),
)

SCORES = replace(
    REFERENCE,
    name="spring-published-scores",
    title="mass-spring, trained and scored as published: starts and stretched time",
    task=published_scores(TASK, stretch=1.09),
)

QUICK = quick(TASK, "mass-spring")

VARIANTS = (STARTS, SCORES, QUICK)
