"""Row about motion: the orders of the integrators."""

import time

import torch
from harness import Row, make_row, medians, row

from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.systems import Pendulum


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
