"""Rows for one device against the CPU and against jitted JAX: many rollouts, Adam, least squares.

Run them with ``--device cuda`` where there is a GPU; JAX is needed for these rows only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from harness import Row, make_row, medians, row, seconds
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


def let_jax_keep_float64() -> None:
    """Allow JAX the float64 that it would otherwise turn into float32."""
    import jax

    jax.config.update("jax_enable_x64", True)


def energy_in_jax(layers: Any) -> Any:
    """Return H(x) of a dense tanh network with these weights, for one state, in JAX."""
    import jax.numpy as jnp

    def energy(x: Any) -> Any:
        for weight, bias in layers[:-1]:
            x = jnp.tanh(weight @ x + bias)
        weight, bias = layers[-1]
        return (weight @ x + bias)[0]

    return energy


def layers_of(model: HNN) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the weights and biases of an HNN's layers as NumPy arrays."""
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    return [tuple(w.detach().cpu().numpy() for w in (m.weight, m.bias)) for m in linear]


def jax_field(model: HNN | None) -> Any:
    """Return the field of a batch in JAX: of a model, or without one of the true pendulum."""
    import jax
    import jax.numpy as jnp

    if model is None:
        return lambda x: jnp.stack([2 * x[:, 1], -3 * jnp.sin(x[:, 0])], axis=1)
    slope = jax.vmap(jax.grad(energy_in_jax(layers_of(model))))

    def field(x: Any) -> Any:
        rate = slope(x)
        return jnp.stack([rate[:, 1], -rate[:, 0]], axis=1)

    return field


def jax_rollout(field: Any, x0: np.ndarray) -> Any:
    """Return a call that integrates these starts by RK4 in one compiled scan, compiled already."""
    import jax

    def step(x: Any, _: Any) -> Any:
        a = field(x)
        b = field(x + STEP / 2 * a)
        c = field(x + STEP / 2 * b)
        d = field(x + STEP * c)
        x = x + STEP / 6 * (a + 2 * b + 2 * c + d)
        return x, x

    run = jax.jit(lambda x: jax.lax.scan(step, x, None, length=len(TIMES) - 1)[1])
    start = jax.numpy.asarray(x0)
    run(start).block_until_ready()
    return lambda: run(start).block_until_ready()


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
            theirs = jax_rollout(jax_field(model), states.numpy())
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


def jax_adam(model: HNN, data: Dataset, steps: int) -> Any:
    """Return a call that takes so many full-batch steps of Adam in one compiled scan."""
    import jax
    import jax.numpy as jnp

    states, rates = (jnp.asarray(t.cpu().numpy()) for t in (data.states, data.derivatives))
    weights = jax.tree.map(jnp.asarray, layers_of(model))

    def loss(layers: Any) -> Any:
        slope = jax.vmap(jax.grad(energy_in_jax(layers)))(states)
        return jnp.mean((jnp.stack([slope[:, 1], -slope[:, 0]], axis=1) - rates) ** 2)

    def step(carry: Any, n: Any) -> Any:
        w, m, v = carry
        g = jax.grad(loss)(w)
        m = jax.tree.map(lambda a, b: 0.9 * a + 0.1 * b, m, g)
        v = jax.tree.map(lambda a, b: 0.999 * a + 0.001 * b * b, v, g)
        w = jax.tree.map(
            lambda w, m, v: (
                w
                - 1e-3 * (m / (1 - 0.9 ** (n + 1))) / (jnp.sqrt(v / (1 - 0.999 ** (n + 1))) + 1e-8)
            ),
            w,
            m,
            v,
        )
        return (w, m, v), None

    zeros = jax.tree.map(jnp.zeros_like, weights)
    count = jnp.arange(steps, dtype=states.dtype)
    run = jax.jit(lambda w: jax.lax.scan(step, (w, zeros, zeros), count)[0][0])
    jax.block_until_ready(run(weights))
    return lambda: jax.block_until_ready(run(weights))


@row
def adam_steps(repeats: int, device: str = "cpu") -> list[Row]:
    """Seconds for 200 full-batch steps of Adam on an HNN 2-200-200-1."""
    let_jax_keep_float64()
    rows, steps = [], 200
    for dtype, points in ((torch.float64, 750), (torch.float64, 20_000), (torch.float32, 20_000)):
        states = SYSTEM.sample(points, 1, radius=(0.0, 2.5)).to(dtype)
        data = Dataset(states, SYSTEM.field(states))
        theirs = jax_adam(HNN(1, (200, 200), seed=0, dtype=dtype), data, steps)

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
