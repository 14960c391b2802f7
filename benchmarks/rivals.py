"""What a good user of NumPy, SciPy, torchdiffeq, JAX, diffrax, Optax, Optimistix and JAXopt writes.

Each function imports its package itself, so that this file can be read without any of them. They
are the extra ``bench``, which the package and its tests do without. All that JAX does is compiled,
in float64, and in one call where its user could make it one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial.models import HNN

Call = Callable[[], Any]
Layers = list[tuple[np.ndarray, np.ndarray]]

MEMORY = 40
"""Steps that L-BFGS remembers."""


def let_jax_keep_float64() -> None:
    """Allow JAX the float64 that it would otherwise turn into float32."""
    import jax

    jax.config.update("jax_enable_x64", True)


def layers_of(model: torch.nn.Module) -> Layers:
    """Return the weights and biases of a model's layers as NumPy arrays."""
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    return [tuple(w.detach().cpu().numpy() for w in (m.weight, m.bias)) for m in linear]


# --- NumPy and SciPy -----------------------------------------------------------------------------


def numpy_field(layers: Layers | None, batch: int) -> Callable[[float, np.ndarray], np.ndarray]:
    """Return a field for ``solve_ivp``, of ``[q, p]`` with all q before all p.

    Args:
        layers: of an HNN of two tanh layers; None for H = p² + 3 (1 - cos q).
        batch: how many states. For one state of the true pendulum, numbers are faster than arrays.
    """
    if layers is None and batch == 1:
        return lambda t, x: np.array([2 * x[1], -3 * math.sin(x[0])])
    if layers is None:
        return lambda t, x: np.concatenate([2 * x[batch:], -3 * np.sin(x[:batch])])
    (w1, b1), (w2, b2), (w3, _) = layers
    b1, b2, w3 = b1[:, None], b2[:, None], w3.T
    back1, back2 = w1.T.copy(), w2.T.copy()

    def field(t: float, x: np.ndarray) -> np.ndarray:
        first = np.tanh(w1 @ x.reshape(2, batch) + b1)
        second = np.tanh(w2 @ first + b2)
        slope = back1 @ ((back2 @ (w3 * (1 - second * second))) * (1 - first * first))
        return np.concatenate([slope[1], -slope[0]])

    return field


def scipy_rollout(
    layers: Layers | None, x0: np.ndarray, times: np.ndarray, tolerance: float
) -> Any:
    """Return the states at the times by SciPy's DOP853, the whole batch as one system."""
    from scipy.integrate import solve_ivp

    found = solve_ivp(
        numpy_field(layers, len(x0)),
        (times[0], times[-1]),
        x0.T.ravel(),
        "DOP853",
        t_eval=times,
        rtol=tolerance,
        atol=tolerance,
    )
    return found.y.reshape(2, len(x0), -1).transpose(2, 1, 0)


def torchdiffeq_rollout(
    field: Callable[[Tensor], Tensor], x0: Tensor, times: Tensor, tolerance: float, method: str
) -> Any:
    """Return the states at the times by torchdiffeq."""
    from torchdiffeq import odeint

    with torch.no_grad():
        options = {"rtol": tolerance, "atol": tolerance, "method": method}
        return odeint(lambda t, x: field(x), x0, times, **options).numpy()


# --- JAX: motion ---------------------------------------------------------------------------------


def energy_in_jax(layers: Any) -> Any:
    """Return H(x) of a dense tanh network with these weights, for one state ``(2,)``, in JAX."""
    import jax.numpy as jnp

    def energy(x: Any) -> Any:
        for weight, bias in layers[:-1]:
            x = jnp.tanh(weight @ x + bias)
        weight, bias = layers[-1]
        return (weight @ x + bias)[0]

    return energy


def jax_field(model: HNN | None) -> Any:
    """Return the field of a batch in JAX: of a model, or without one of the true pendulum.

    A batch is ``(2, B)``, all q before all p, which was up to a seventh faster than ``(B, 2)``.
    """
    import jax
    import jax.numpy as jnp

    if model is None:
        return lambda x: jnp.stack([2 * x[1], -3 * jnp.sin(x[0])])
    layers = [(weight, bias[:, None]) for weight, bias in layers_of(model)]

    def energies(x: Any) -> Any:
        for weight, bias in layers[:-1]:
            x = jnp.tanh(weight @ x + bias)
        return (layers[-1][0] @ x).sum()

    def field(x: Any) -> Any:
        slope = jax.grad(energies)(x)
        return jnp.stack([slope[1], -slope[0]])

    return field


def jax_rollout(field: Any, x0: np.ndarray, times: np.ndarray, substeps: int = 1) -> Call:
    """Return a call that integrates these starts by RK4 in one compiled scan, compiled already.

    Args:
        field: of a batch.
        x0: the starts, ``(2, B)``.
        times: equally spaced.
        substeps: of each interval.
    """
    import jax

    h = float(times[1] - times[0]) / substeps

    def step(x: Any, _: Any) -> Any:
        a = field(x)
        b = field(x + h / 2 * a)
        c = field(x + h / 2 * b)
        d = field(x + h * c)
        return x + h / 6 * (a + 2 * b + 2 * c + d), None

    def interval(x: Any, _: Any) -> Any:
        x = jax.lax.scan(step, x, None, length=substeps)[0] if substeps > 1 else step(x, None)[0]
        return x, x

    run = jax.jit(lambda x: jax.lax.scan(interval, x, None, length=len(times) - 1)[1])
    start = jax.numpy.asarray(x0)
    run(start).block_until_ready()
    return lambda: run(start).block_until_ready()


def diffrax_rollout(field: Any, x0: np.ndarray, times: np.ndarray) -> Callable[[float], Any]:
    """Return ``tolerance -> (T, B, 2)`` for starts ``(B, 2)``, each with steps of its own.

    By Tsitouras' method of order 5. Dormand and Prince's of order 8 took 1.2 to 1.4 times as long
    for one true pendulum, and as long for a hundred.
    """
    import diffrax
    import jax
    import jax.numpy as jnp

    start, clock = jnp.asarray(x0), jnp.asarray(times)

    def solve(y0: Any, tolerance: Any) -> Any:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(lambda t, y, _: field(y[:, None])[:, 0]),
            diffrax.Tsit5(),
            clock[0],
            clock[-1],
            None,
            y0,
            saveat=diffrax.SaveAt(ts=clock),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            max_steps=100_000,
        ).ys

    run = jax.jit(lambda y, e: jnp.swapaxes(jax.vmap(lambda y: solve(y, e))(y), 0, 1))
    return lambda tolerance: run(start, tolerance).block_until_ready()


# --- JAX: losses ---------------------------------------------------------------------------------


def hnn_residual(layers: Any, states: Any, rates: Any) -> Any:
    """Return the residuals ``(N, 2)`` of a dense tanh HNN."""
    import jax
    import jax.numpy as jnp

    slope = jax.vmap(jax.grad(energy_in_jax(layers)))(states)
    return jnp.stack([slope[:, 1], -slope[:, 0]], axis=1) - rates


def lnn_residual(layers: Any, states: Any, rates: Any) -> Any:
    """Return the residuals ``(N, n)`` of L = |q̇|²/2 + a dense softplus network of [q, q̇].

    By Euler and Lagrange: the n + 1 second derivatives that they ask for, forward over reverse.
    """
    import jax
    import jax.numpy as jnp

    n = states.shape[1] // 2
    identity = jnp.eye(2 * n)[n:]

    def lagrangian(x: Any) -> Any:
        y = x
        for weight, bias in layers[:-1]:
            y = jax.nn.softplus(weight @ y + bias)
        weight, bias = layers[-1]
        return (x[n:] @ x[n:]) / 2 + (weight @ y + bias)[0]

    def acceleration(x: Any) -> Any:
        slope, product = jax.linearize(jax.grad(lagrangian), x)
        along = jnp.concatenate([x[n:], jnp.zeros(n)])
        second = jax.vmap(product)(jnp.concatenate([identity, along[None]]))[:, n:]
        return jnp.linalg.solve(second[:n], slope[:n] - second[n])

    return jax.vmap(acceleration)(states) - rates[:, n:]


# --- JAX: optimisers, each a whole training in one compiled call ---------------------------------


def jax_weights(model: torch.nn.Module) -> Any:
    """Return the weights of a model's layers for JAX."""
    import jax

    return jax.tree.map(jax.numpy.asarray, layers_of(model))


def jax_adam(residual: Any, batch_size: int | None = None) -> Callable[..., Any]:
    """Return ``(weights, data, steps, rate) -> weights``: Adam, its rate falling to 0 by a cosine.

    The number of steps is no constant of the compiled program.

    Args:
        residual: ``(weights, *data) -> residuals``.
        batch_size: samples that each step draws; None takes all of them.
    """
    import jax
    import jax.numpy as jnp
    import optax

    slope = jax.grad(lambda w, data: jnp.mean(residual(w, *data) ** 2))
    scale = optax.scale_by_adam()

    def run(weights: Any, data: Any, steps: Any, rate: Any) -> Any:
        def step(k: Any, carry: Any) -> Any:
            w, state, key = carry
            part = data
            if batch_size is not None:
                key, used = jax.random.split(key)
                chosen = jax.random.randint(used, (batch_size,), 0, len(data[0]))
                part = jax.tree.map(lambda a: a[chosen], data)
            change, state = scale.update(slope(w, part), state)
            now = rate * 0.5 * (1 + jnp.cos(jnp.pi * k / steps))
            return jax.tree.map(lambda a, b: a - now.astype(a.dtype) * b, w, change), state, key

        start = (weights, scale.init(weights), jax.random.key(0))
        return jax.lax.fori_loop(0, steps, step, start)[0]

    return _ready(run)


def jax_lbfgs(residual: Any) -> Callable[..., Any]:
    """Return ``(weights, data, steps) -> weights``: Optax's L-BFGS with its zoom line search."""
    import jax
    import jax.numpy as jnp
    import optax

    optimizer = optax.lbfgs(memory_size=MEMORY)

    def run(weights: Any, data: Any, steps: Any) -> Any:
        def loss(w: Any) -> Any:
            return jnp.mean(residual(w, *data) ** 2)

        known = optax.value_and_grad_from_state(loss)

        def step(_: Any, carry: Any) -> Any:
            w, state = carry
            value, g = known(w, state=state)
            change, state = optimizer.update(g, state, w, value=value, grad=g, value_fn=loss)
            return optax.apply_updates(w, change), state

        return jax.lax.fori_loop(0, steps, step, (weights, optimizer.init(weights)))[0]

    return _ready(run)


def jax_lm(residual: Any, batch_size: int | None = None) -> Callable[..., Any]:
    """Return ``(weights, data, steps) -> weights``: Levenberg-Marquardt as one compiled loop.

    Damped and accepted by the rules of ours: J by a reverse pass for each component and sample,
    the mean squares times the damping on the diagonal, a tenth of it behind a step that lowers
    the loss, twice of it before the next trial. Of fewer residuals than weights it solves with
    the matrix of all pairs of residuals.

    Args:
        residual: ``(weights, *data) -> residuals``.
        batch_size: samples that each step draws; None takes all of them.
    """
    import jax
    import jax.numpy as jnp
    from jax.flatten_util import ravel_pytree

    linalg = jax.scipy.linalg

    def run(weights: Any, data: Any, steps: Any) -> Any:
        vector, back = ravel_pytree(weights)

        def one(v: Any, *sample: Any) -> Any:
            r = residual(back(v), *(a[None] for a in sample))[0]
            return r, r

        rows = jax.vmap(jax.jacrev(one, has_aux=True), (None, *(0 for _ in data)))

        def damped(A: Any, shift: Any, b: Any) -> Any:
            return linalg.cho_solve(linalg.cho_factor(A + shift * jnp.eye(len(A))), b)

        def step(_: Any, carry: Any) -> Any:
            v, damping, key = carry
            part = data
            if batch_size is not None:
                key, used = jax.random.split(key)
                chosen = jax.random.permutation(used, len(data[0]))[:batch_size]
                part = jax.tree.map(lambda a: a[chosen], data)
            J, r = rows(v, *part)
            J, r = J.reshape(-1, v.size), r.ravel()
            before = jnp.mean(r * r)
            if r.size < v.size:
                A = J @ J.T / r.size
            else:
                A, g = J.T @ J / r.size, J.T @ r / r.size

            def trial(damping: Any) -> tuple[Any, Any]:
                shift = damping * before
                if r.size < v.size:
                    new = v - J.T @ damped(A, shift, r / r.size)
                else:
                    new = v - damped(A, shift, g)
                return new, jnp.mean(residual(back(new), *part) ** 2)

            def fails(carried: Any) -> Any:
                (_, after), _, count = carried
                return ~(after < before) & (count < 60)

            def again(carried: Any) -> Any:
                _, damping, count = carried
                return trial(2 * damping), 2 * damping, count + 1

            first = (trial(damping), damping, 0)
            (new, after), damping, _ = jax.lax.while_loop(fails, again, first)
            return jnp.where(after < before, new, v), 0.1 * damping, key

        start = (vector, jnp.ones(()), jax.random.key(0))
        return back(jax.lax.fori_loop(0, steps, step, start)[0])

    return _ready(run)


def _ready(run: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that is compiled at its first call and waits for its result."""
    import jax

    compiled = jax.jit(run)
    return lambda *given: jax.block_until_ready(compiled(*given))


def flat(residual: Any, weights: Any, data: Any) -> tuple[Any, Any]:
    """Return ``vector -> residuals (M,)``, and the weights as a vector."""
    from jax.flatten_util import ravel_pytree

    vector, back = ravel_pytree(weights)
    return lambda v: residual(back(v), *data).ravel(), vector


def optimistix_lm(residual: Any, weights: Any, data: Any, steps: int) -> Call:
    """Return a call of so many steps of Optimistix's Levenberg-Marquardt."""
    import equinox
    import jax
    import optimistix

    function, vector = flat(residual, weights, data)
    solver = optimistix.LevenbergMarquardt(rtol=1e-300, atol=1e-300)

    @equinox.filter_jit
    def run(v: Any) -> Any:
        found = optimistix.least_squares(
            lambda v, _: function(v), solver, v, max_steps=steps, throw=False
        )
        return found.value

    return lambda: jax.block_until_ready(run(vector))


def jaxopt_lm(residual: Any, weights: Any, data: Any, steps: int) -> Call:
    """Return a call of so many steps of JAXopt's Levenberg-Marquardt."""
    import jax
    import jaxopt

    function, vector = flat(residual, weights, data)
    solver = jaxopt.LevenbergMarquardt(function, maxiter=steps, tol=0.0)
    run = jax.jit(lambda v: solver.run(v).params)
    return lambda: jax.block_until_ready(run(vector))
