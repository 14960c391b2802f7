"""Rows about motion: orders of the integrators, and many trajectories at once."""

import time
from collections.abc import Callable

import numpy as np
import torch
from harness import Row, make_row, medians, row, seconds
from scipy.integrate import solve_ivp
from torch import Tensor

from hnn_tutorial.data import Dataset
from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import LevenbergMarquardt, fit

TRAJECTORIES = 1000
# Its tolerance in the HNN paper's code.
TOLERANCE = 1e-10
# SciPy's methods for the side that calls it once for each trajectory: the paper's, and the
# one that is quickest at this tolerance.
METHODS_ALONE = ("RK45", "DOP853")
# One by one, trajectories of a network take half a second each: the rate of so many is timed.
TIMED_ALONE = 12

NumpyField = Callable[[float, np.ndarray], np.ndarray]


@row
def integrator_orders(repeats: int) -> list[Row]:
    """Observed order of every fixed-step integrator on the pendulum's exact motion.

    The error at t = 2 is taken for steps halved again and again; the order is the slope
    between the two finest whose errors stand clear of rounding.
    """
    system = Pendulum(mass=1.0, length=1.0, gravity=1.0)
    end = 2.0
    rows = []
    for method in METHODS.values():
        if method.adaptive:
            continue
        start = time.perf_counter()
        observed = []
        for seed in range(repeats):
            x0 = system.sample(10, seed)
            exact = system.solution(x0, torch.tensor([0.0, end], dtype=torch.float64))[-1]
            errors = []
            for count in (20, 40, 80, 160, 320):
                times = torch.linspace(0, end, count + 1, dtype=torch.float64)
                found = integrate(system.field, x0, times, method.name)[-1]
                errors.append((found - exact).norm(dim=-1).max())
            errors = torch.stack([e for e in errors if e > 1e-11])
            observed.append(torch.log2(errors[-2] / errors[-1]).item())
        within = all(abs(order - method.order) <= 0.1 for order in observed)
        rows.append(
            make_row(
                f"integrator_orders: {method.name}",
                method.order,
                medians({"order": order} for order in observed)["order"],
                [order / method.order for order in observed],
                "within 0.1 of the stated order, at every start",
                lambda _, within=within: within,
                seconds=time.perf_counter() - start,
            )
        )
    return rows


def worst(states: Tensor, exact: Tensor) -> float:
    """Return the largest error of any component at any time of any trajectory."""
    return (states - exact).abs().max().item()


def alone(field: NumpyField, method: str, starts: np.ndarray, times: np.ndarray) -> Tensor:
    """Follow trajectories one by one, a call of ``solve_ivp`` each, as the paper's code does."""
    span = (times[0], times[-1])
    options = {"method": method, "t_eval": times, "rtol": TOLERANCE, "atol": TOLERANCE}
    paths = [solve_ivp(field, span, x0, **options).y.T for x0 in starts]
    return torch.as_tensor(np.stack(paths, axis=1))


def compare_rollouts(
    name: str,
    one: NumpyField,
    many: Callable[[Tensor], Tensor],
    system: Pendulum,
    repeats: int,
    exact: Callable[[Tensor, Tensor], Tensor],
) -> Row:
    """Compare rates at equal accuracy: ours takes the loosest tolerance with no larger error.

    Both errors are the largest over the same trajectories. The tolerance is found before
    anything is timed. The ratio is to the quicker of SciPy's methods.
    """
    times = torch.linspace(0, 20, 101, dtype=torch.float64)
    records, ratios = [], []
    tolerance = None
    for seed in range(repeats):
        x0 = system.sample(TRAJECTORIES, seed)
        few = slice(0, TIMED_ALONE)
        true = exact(x0, times)
        record, rates, errors = {}, {}, {}
        for method in METHODS_ALONE:
            start = time.perf_counter()
            paths = alone(one, method, x0[few].numpy(), times.numpy())
            rates[method] = TIMED_ALONE / (time.perf_counter() - start)
            errors[method] = worst(paths, true[:, few])
            record[f"{method} per second"] = rates[method]
            record[f"{method} error"] = errors[method]
        allowed = min(errors.values())

        def together(tolerance: float, x0: Tensor = x0) -> Tensor:
            return integrate(many, x0, times, "dop853", rtol=tolerance, atol=tolerance)

        for tolerance in (1e-8, 3e-9, 1e-9, 3e-10, 1e-10, 1e-11):
            paths = together(tolerance)
            if worst(paths[:, few], true[:, few]) <= allowed:
                break
        else:
            raise RuntimeError(f"no tolerance of ours is as accurate as {allowed:.2g}")
        rate = TRAJECTORIES / seconds(lambda t=tolerance: together(t))
        record |= {
            "ours per second": rate,
            "ours error": worst(paths[:, few], true[:, few]),
            "ours error of all": worst(paths, true),
            "ours tolerance": tolerance,
        }
        records.append(record)
        ratios.append(rate / max(rates.values()))
    middle = medians(records)
    return make_row(
        name,
        {k: v for k, v in middle.items() if not k.startswith("ours")},
        {k.removeprefix("ours "): v for k, v in middle.items() if k.startswith("ours")},
        ratios,
        "ratio >= 100 to the quicker of SciPy's, error no larger",
        lambda ratio: ratio >= 100,
        runs=records,
    )


@row
def rollouts(repeats: int) -> list[Row]:
    """Rate of 1,000 trajectories of the paper's pendulum over 20 s: one call each, or one for all.

    For a learned HNN (2-16-16-1, trained here) and for the true pendulum, whose single calls
    have a field in plain NumPy. The errors are against a batch integrated at 1e-13, and against
    the exact solution.
    """
    # H = p² + 3 (1 − cos q).
    system = Pendulum(mass=0.5, length=1.0, gravity=6.0)
    states = system.sample(500, 1, radius=(0.0, 2.5))
    model = HNN(1, (16, 16), seed=0)
    data = Dataset(states, system.field(states))
    fit(model, data, LevenbergMarquardt(steps=60), progress=False)

    def learned(x: Tensor) -> Tensor:
        with torch.no_grad():
            return model.field(x)

    def tight(x0: Tensor, times: Tensor) -> Tensor:
        return integrate(learned, x0, times, "dop853", rtol=1e-13, atol=1e-13)

    def learned_one(_, x: np.ndarray) -> np.ndarray:
        return learned(torch.from_numpy(x)).numpy()

    def true_one(_, x: np.ndarray) -> np.ndarray:
        return np.array([2 * x[1], -3 * np.sin(x[0])])

    return [
        compare_rollouts("rollouts: learned HNN", learned_one, learned, system, repeats, tight),
        compare_rollouts(
            "rollouts: true pendulum", true_one, system.field, system, repeats, system.solution
        ),
    ]
