"""The pendulum of Greydanus et al. 2019: 50 trajectories of 45 noisy points."""

from typing import Any

import torch

from hnn_tutorial.experiments._observed import ObservedTrajectories, TrainOnMotion
from hnn_tutorial.experiments._published import HIDDEN, LEARNING_RATE, orthogonal
from hnn_tutorial.experiments._recipe import Recipe
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import Adam, LevenbergMarquardt

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

MODELS: dict[str, dict[str, Any]] = {
    "hnn": {"hidden": (16, 16)},
    "mlp": {"hidden": (16, 16)},
    "second_order_mlp": {"hidden": (16, 16)},
    "separable_hnn": {"hidden": (11, 11)},
    "lnn": {"hidden": (16, 16), "activation": "softplus"},
    "structured_lnn": {"hidden": (16, 16)},
}

OURS = Recipe(
    name="pendulum-ours",
    title="pendulum, noisy states: small networks, free starts, Levenberg–Marquardt",
    task=TASK,
    degrees=1,
    models=MODELS,
    optimizers={
        "levenberg_marquardt": LevenbergMarquardt(steps=60, weight_decay=1e-5),
        "adam": Adam(steps=4000, weight_decay=1e-5),
    },
    train=TrainOnMotion(noise=TASK.noise, derivative_noise=0.1 * TASK.noise),
)

REFERENCE = Recipe(
    name="pendulum-reference",
    title="pendulum, noisy states: 200 × 200 tanh, 2,000 steps of Adam, as published",
    task=TASK,
    degrees=1,
    models={kind: {"hidden": HIDDEN} for kind in ("hnn", "mlp")},
    optimizers={"adam": Adam(steps=2000, learning_rate=LEARNING_RATE, weight_decay=1e-4)},
    dtype=torch.float32,
    initialize=orthogonal,
    source="Greydanus et al. 2019",
)
