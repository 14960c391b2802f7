"""Rows for one device against the CPU and against jitted JAX: many rollouts, Adam, least squares.

Run them with ``--device cuda`` where there is a GPU; JAX is needed for these rows only.
"""

from __future__ import annotations

from typing import Any

import torch
from harness import Row, make_row, medians, row, seconds
from rivals import (
    hnn_residual,
    jax_adam,
    jax_field,
    jax_rollout,
    jax_weights,
    let_jax_keep_float64,
)
from torch import Tensor

from hnn_tutorial.data import Dataset
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import Adam, LevenbergMarquardt, fit

# H = p² + 3 (1 − cos q).
SYSTEM = Pendulum(mass=0.5, length=1.0, gravity=6.0)
TIMES = torch.linspace(0.0, 20.0, 401, dtype=torch.float64)
STEP = 0.05


@row
def many_rollouts(repeats: int, device: str = "cpu") -> list[Row]:
    """Seconds for 100,000 pendulums over 400 steps of RK4, all states kept."""
    let_jax_keep_float64()
    rows = []
    for dtype in (torch.float64, torch.float32):
        states = SYSTEM.sample(100_000, 1, radius=(0.0, 2.5)).to(dtype)
        for name, model in (
            ("true", None),
            ("HNN 2-32-32-1", HNN(1, (32, 32), seed=0, dtype=dtype)),
        ):
            theirs = jax_rollout(jax_field(model), states.numpy().T, TIMES.numpy())
            records = []
            for _ in range(repeats):

                def ours(place: str, model: HNN | None = model, states: Tensor = states) -> Any:
                    used = None if model is None else model.to(place)
                    field = SYSTEM.field if used is None else used.field
                    with torch.no_grad():
                        return integrate(field, states.to(place), TIMES, "rk4", step=STEP)

                # On a CPU a tenth of the starts tells as much.
                few = states if device == "cpu" else states[: len(states) // 10]
                ours(device)
                records.append(
                    {
                        "JAX, jitted": seconds(theirs),
                        "ours": seconds(lambda o=ours: o(device)),
                        "ours on the CPU": seconds(lambda o=ours, f=few: o("cpu", states=f))
                        * (len(states) / len(few)),
                    }
                )
            rows.append(_row(f"many_rollouts: {name}, {_kind(dtype)}, {device}", records))
    return rows


@row
def adam_steps(repeats: int, device: str = "cpu") -> list[Row]:
    """Seconds for 200 full-batch steps of Adam on an HNN 2-200-200-1."""
    let_jax_keep_float64()
    rows, steps = [], 200
    for dtype, points in ((torch.float64, 750), (torch.float64, 20_000), (torch.float32, 20_000)):
        states = SYSTEM.sample(points, 1, radius=(0.0, 2.5)).to(dtype)
        data = Dataset(states, SYSTEM.field(states))
        arrays = states.numpy(), data.derivatives.numpy()
        weights = jax_weights(HNN(1, (200, 200), seed=0, dtype=dtype))
        train = jax_adam(hnn_residual)
        train(weights, arrays, steps, 1e-3)

        def theirs(train: Any = train, weights: Any = weights, arrays: Any = arrays) -> None:
            train(weights, arrays, steps, 1e-3)

        def ours(place: str, count: int, data: Dataset = data, dtype: torch.dtype = dtype) -> None:
            model = HNN(1, (200, 200), seed=0, dtype=dtype).to(place)
            fit(model, data.to(device=place), Adam(count), progress=False)

        # On a CPU a tenth of the steps tells as much.
        few = steps if device == "cpu" else steps // 10
        ours(device, 5)
        records = [
            {
                "JAX, jitted": seconds(theirs),
                "ours": seconds(lambda o=ours: o(device, steps)),
                "ours on the CPU": seconds(lambda o=ours, f=few: o("cpu", f)) * steps / few,
            }
            for _ in range(repeats)
        ]
        rows.append(_row(f"adam_steps: {points:,} points, {_kind(dtype)}, {device}", records))
    return rows


@row
def least_squares(repeats: int, device: str = "cpu") -> list[Row]:
    """Seconds for ten steps of Levenberg-Marquardt on an HNN: a device against the CPU."""
    rows = []
    for width, points in ((24, 800), (24, 20_000), (48, 20_000)):
        states = SYSTEM.sample(points, 1, radius=(0.0, 2.5))
        data = Dataset(states, SYSTEM.field(states))

        def ours(place: str, data: Dataset = data, width: int = width) -> None:
            model = HNN(1, (width, width), seed=0).to(place)
            fit(model, data.to(device=place), LevenbergMarquardt(steps=10), progress=False)

        ours(device)
        records = [
            {
                "ours on the CPU": seconds(lambda o=ours: o("cpu")),
                "ours": seconds(lambda o=ours: o(device)),
            }
            for _ in range(repeats)
        ]
        name = f"least_squares: HNN 2-{width}-{width}-1, {points:,} points, float64, {device}"
        rows.append(_row(name, records))
    return rows


def _kind(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _row(name: str, records: list[dict[str, float]]) -> Row:
    """Return a row whose ratio is to the first figure of the others."""
    middle = medians(records)
    other = next(key for key in records[0] if key != "ours")
    return make_row(
        name,
        {key: value for key, value in middle.items() if key != "ours"},
        middle["ours"],
        [r[other] / r["ours"] for r in records],
        f"no slower than {other}",
        lambda ratio: ratio >= 1,
        runs=records,
    )
