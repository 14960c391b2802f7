"""Run the benchmarks: both sides of each row in one process, several times.

    python benchmarks/run.py [--row NAME] [--repeats 3] [--threads 1]

Writes ``results.json`` beside this file and prints a table. With ``--row`` only that row is
run, and the other rows of the file are kept.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from reference import ReferenceHNN, train_reference

from hnn_tutorial.data import simulate
from hnn_tutorial.evaluation import Spread, field_error, over_seeds
from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import MassSpring, Pendulum
from hnn_tutorial.training import LevenbergMarquardt, fit

RESULTS = Path(__file__).with_name("results.json")

Row = dict[str, Any]
ROWS: dict[str, Callable[[int], list[Row]]] = {}


def row(run: Callable[[int], list[Row]]) -> Callable[[int], list[Row]]:
    """Enter a function ``repeats -> rows`` in the table under its name."""
    ROWS[run.__name__] = run
    return run


def seconds(work: Callable[[], Any]) -> float:
    """Return the wall time that some work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def as_range(spread: Spread) -> list[float]:
    """Return the smallest and the largest value."""
    return [spread.low, spread.high]


@row
def spring_lm_vs_adam(repeats: int) -> list[Row]:
    """Time of a small HNN under Levenberg–Marquardt to the field error of the paper's recipe.

    Both train on the same noise-free states, by the paper's protocol: 50 trajectories of 30
    points, t in [0, 3], H = q² + p², radius uniform in (0.1, 1), half of them held out. The
    field error is taken on 2000 fresh states. Each repeat draws other data and weights.
    """
    system = MassSpring(mass=0.5, stiffness=2.0)
    times = torch.linspace(0, 3, 30, dtype=torch.float64)
    fresh = system.sample(2000, 12345)
    settings = LevenbergMarquardt(steps=100)
    records = []
    for seed in range(repeats):
        trajectories = simulate(system, system.sample(50, seed), times)
        train, _ = trajectories.dataset(system.field).split(0.5, seed)
        # Both sides once, briefly, so that neither pays for what torch sets up on first use.
        train_reference(ReferenceHNN(seed), train.states, train.derivatives, steps=5)
        fit(HNN(1, (16, 16)), train, LevenbergMarquardt(steps=3), progress=False)

        reference = ReferenceHNN(seed)
        slow = seconds(lambda m=reference, d=train: train_reference(m, d.states, d.derivatives))
        goal = field_error(lambda x, m=reference: m.field(x.float()).double(), system.field, fresh)

        # A first run finds the step that reaches the goal, a second one times just those.
        ours = HNN(1, (16, 16), seed=seed)
        validation = {"states": fresh, "derivatives": system.field(fresh)}
        history = fit(ours, train, settings, validation=validation, progress=False)
        errors = history.validation_loss
        enough = next((k for k, e in enumerate(errors) if k > 0 and e <= goal), None)
        quick = None
        if enough is not None:
            short = LevenbergMarquardt(steps=enough)
            again = HNN(1, (16, 16), seed=seed)
            quick = seconds(lambda m=again, d=train, s=short: fit(m, d, s, progress=False))
        whole = seconds(
            lambda s=seed, d=train: fit(HNN(1, (16, 16), seed=s), d, settings, progress=False)
        )
        records.append(
            {
                "reference_seconds": slow,
                "reference_field_mse": goal,
                "seconds_to_that": quick,
                "steps_to_that": enough,
                "seconds_in_all": whole,
                "final_field_mse": field_error(ours.field, system.field, fresh),
            }
        )
    # A run that never got there (None) is no times faster.
    ratio = over_seeds(
        r["reference_seconds"] / r["seconds_to_that"] if r["seconds_to_that"] else 0.0
        for r in records
    )
    middle = {
        name: over_seeds(r[name] for r in records).median
        for name in records[0]
        if all(r[name] is not None for r in records)
    }
    reference = {"seconds": middle["reference_seconds"], "field_mse": middle["reference_field_mse"]}
    ours = {name: value for name, value in middle.items() if not name.startswith("reference")}
    return [
        {
            "name": "spring_lm_vs_adam",
            "reference": reference,
            "ours": ours,
            "ratio": ratio.median,
            "spread": as_range(ratio),
            "target": "ratio >= 20, final field MSE <= 1e-10",
            "reached": ratio.median >= 20 and middle["final_field_mse"] <= 1e-10,
            "runs": records,
        }
    ]


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
        order = over_seeds(observed)
        rows.append(
            {
                "name": f"integrator_orders: {method.name}",
                "reference": method.order,
                "ours": order.median,
                "ratio": order.median / method.order,
                "spread": as_range(order),
                "target": "within 0.1 of the stated order, at every start",
                "reached": all(abs(v - method.order) <= 0.1 for v in order.values),
                "seconds": time.perf_counter() - start,
            }
        )
    return rows


def machine(threads: int) -> dict[str, Any]:
    """Return what the timings depend on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text().splitlines()
        names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
        model = names[0] if names else model
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "threads": threads,
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def shown(value: Any) -> str:
    """Return a value as one cell of the table."""
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, list):
        return "–".join(shown(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{k} {shown(v)}" for k, v in value.items())
    return str(value)


def table(rows: list[Row]) -> str:
    """Return rows as a Markdown table."""
    columns = ["name", "reference", "ours", "ratio", "spread", "target", "reached", "seconds"]
    lines = [columns, *([shown(r[c]) for c in columns] for r in rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(columns))]
    text = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    return "\n".join(text)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", choices=sorted(ROWS), help="run this row only")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each row (default 3)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    arguments = parser.parse_args()
    if arguments.repeats < 1 or arguments.threads < 1:
        parser.error("--repeats and --threads must be at least 1")
    torch.set_num_threads(arguments.threads)

    rows = []
    for name in [arguments.row] if arguments.row else ROWS:
        print(f"{name} ...", flush=True)
        start = time.perf_counter()
        results = ROWS[name](arguments.repeats)
        rows += [{"seconds": time.perf_counter() - start, **result} for result in results]

    kept = []
    if arguments.row and RESULTS.exists():
        names = {r["name"] for r in rows}
        kept = [r for r in json.loads(RESULTS.read_text())["rows"] if r["name"] not in names]
    content = {"machine": machine(arguments.threads), "rows": [*kept, *rows]}
    partial = RESULTS.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(partial, RESULTS)
    print(table(rows))


if __name__ == "__main__":
    main()
