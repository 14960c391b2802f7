"""The mass-spring of Greydanus et al. 2019: 50 trajectories of 30 noisy points."""

from hnn_tutorial.experiments._observed import ObservedTrajectories, small_networks
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
