"""Plans: the cheapest inputs by direct shooting."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from hnn_tutorial._validate import (
    as_times,
    check_callable,
    check_count,
    check_finite,
    check_output,
    check_state,
    check_tensor,
)
from hnn_tutorial.control._inputs import Controller, ForcedField, as_limit, held
from hnn_tutorial.mechanics import ScalarFunction


@dataclass(frozen=True)
class Plan:
    """Inputs that an optimiser found, and the motion that the model expects of them.

    Attributes:
        times: ``(T,)``, in s.
        inputs: u from each time to the next, ``(T - 1, ..., m)``.
        states: as the model sees them, ``(T, ..., 2n)``.
        cost: of each start, ``(...,)``.
        converged: whether the optimiser says so.
        evaluations: how often the motion was followed.
    """

    times: Tensor
    inputs: Tensor
    states: Tensor
    cost: Tensor
    converged: bool
    evaluations: int

    @property
    def controller(self) -> Controller:
        """The controller c(t, x) that plays the inputs back, and is zero after their end."""
        clock = self.times.tolist()

        def control(t: float, x: Tensor) -> Tensor:
            later = [k for k, begin in enumerate(clock) if t >= begin - 1e-9]
            k = later[-1] if later else 0
            over = k >= len(self.inputs)
            held = torch.zeros_like(self.inputs[0]) if over else self.inputs[k]
            return held.to(x).expand(*x.shape[:-1], held.shape[-1])

        return control


def shoot(
    field: ForcedField,
    x0: Tensor,
    times: Tensor | Sequence[float],
    cost: Callable[[Tensor, Tensor], Tensor],
    *,
    limit: float | Sequence[float] | Tensor,
    final: ScalarFunction | None = None,
    start: Tensor | None = None,
    inputs: int = 1,
    iterations: int = 100,
) -> Plan:
    r"""Plan inputs through a model: direct shooting.

    .. math:: \sum_k (t_{k+1} - t_k)\, c(x_k, u_k) + c_T(x_T) \to \min
              \quad\text{with}\quad |u_k| \le u_\text{max}

    The inputs are held from each time to the next, and the motion is followed by one step of RK4
    in each. SciPy's L-BFGS-B has the gradient from autograd. A batch of starts is one problem, of
    the sum of their costs.

    Args:
        field: f(x, u), with gradients.
        x0: where to start, ``(..., 2n)``.
        times: increasing, ``(T,)``, in s.
        cost: c(x, u), ``(..., 2n), (..., m) -> (...,)``, per second.
        limit: the largest input, one number or one for each.
        final: c_T, ``(..., 2n) -> (...,)``; None for none.
        start: inputs to begin with, ``(T - 1, m)`` or ``(T - 1, ..., m)``; None for zero. From
            rest at an equilibrium zero may be stationary: give it a wave then.
        inputs: m, where ``start`` does not say it.
        iterations: the most of the optimiser.

    Returns:
        The plan, a local minimum.

    Raises:
        ValueError: if shapes do not fit, or the motion under the first inputs runs away.
    """
    check_callable(field=field, cost=cost)
    check_state(x0, "x0")
    check_finite(x0, "x0")
    clock = as_times(times, forwards=True)
    if len(clock) < 2:
        raise ValueError("times has one entry; expected at least two, from start to end")
    check_count(iterations=iterations, inputs=inputs)
    if final is not None:
        check_callable(final=final)
    x0 = x0.detach()
    steps, count = clock.diff().tolist(), len(clock) - 1
    width, batch = int(inputs), x0.shape[:-1]
    if start is not None:
        check_tensor(start, "start")
        check_finite(start, "start")
        width = start.shape[-1] if start.ndim else 0
        if start.ndim < 2 or len(start) != count or width == 0:
            raise ValueError(
                f"start has shape {tuple(start.shape)}; expected ({count}, m): inputs from each "
                "time to the next"
            )
        if start.ndim == 2:
            start = start.reshape(count, *[1] * len(batch), width)
    bound = as_limit(limit, width, x0)
    if bound is None:
        raise ValueError("limit is None; expected the largest input")
    guess = x0.new_zeros(count, *batch, width)
    if start is not None:
        try:
            guess = guess + start.detach().to(x0)
        except RuntimeError:
            raise ValueError(
                f"start has shape {tuple(start.shape)}; expected {(count, *batch, width)}"
            ) from None
    guess = guess.clamp(-bound, bound)

    def follow(u: Tensor) -> tuple[Tensor, Tensor]:
        x, states, total = x0, [x0], x0.new_zeros(batch)
        for h, now in zip(steps, u, strict=True):
            rate = cost(x, now)
            check_output(rate, x, batch, "the cost")
            total = total + h * rate
            x = held(field, x, now, h, None)
            states.append(x)
        if final is not None:
            end = final(x)
            check_output(end, x, batch, "the final cost")
            total = total + end
        return total, torch.stack(states)

    evaluations = 0

    def objective(values: np.ndarray) -> tuple[float, np.ndarray]:
        nonlocal evaluations
        evaluations += 1
        u = torch.from_numpy(values).to(x0).reshape(guess.shape).requires_grad_(True)
        with torch.enable_grad():
            total = follow(u)[0].sum()
            (slope,) = torch.autograd.grad(total, u)
        if not (torch.isfinite(total) and torch.isfinite(slope).all()):
            if evaluations == 1:
                raise ValueError("the motion under the first inputs runs away; shorten the times")
            # A trial step too far: the line search comes back from a cost that is huge.
            return 1e100, np.zeros_like(values)
        return float(total.detach()), slope.double().cpu().numpy().ravel()

    most = bound.expand_as(guess).double().cpu().numpy().ravel()
    found = scipy.optimize.minimize(
        objective,
        guess.double().cpu().numpy().ravel(),
        jac=True,
        method="L-BFGS-B",
        bounds=scipy.optimize.Bounds(-most, most),
        options={"maxiter": int(iterations), "maxfun": 4 * int(iterations)},
    )
    best = torch.from_numpy(np.asarray(found.x)).to(x0).reshape(guess.shape)
    with torch.no_grad():
        total, states = follow(best)
    return Plan(clock.to(x0), best, states, total, bool(found.success), evaluations)
