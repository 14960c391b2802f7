"""Run the benchmarks: both sides of each row in one process, several times.

    python benchmarks/run.py [--row NAME] [--repeats 3] [--threads 1] [--device cpu]

Each file ``rows_*.py`` beside this one holds functions marked ``@row``. What a row measured is
in ``stored.json`` of the package as soon as it is done: an interruption costs the row that was
running.
"""

import argparse
import importlib
import inspect
import os
import sys
import time
import traceback
from pathlib import Path

# Read when NumPy's and SciPy's BLAS are loaded: a thread that waits for another costs CPU time too.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from harness import ROWS, machine, store, table

for path in sorted(Path(__file__).parent.glob("rows_*.py")):
    importlib.import_module(path.stem)


def main(arguments: list[str] | None = None) -> int:
    """Run what the command line asks for; return 1 if a row failed to run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--row", choices=sorted(ROWS), help="run this row only")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each row (default 3)")
    parser.add_argument("--threads", type=int, default=1, help="torch threads (default 1)")
    parser.add_argument("--device", default="cpu", help="for rows that know one (default cpu)")
    chosen = parser.parse_args(arguments)
    if chosen.repeats < 1 or chosen.threads < 1:
        parser.error("--repeats and --threads must be at least 1")
    torch.set_num_threads(chosen.threads)

    here, failed, rows = machine(chosen.threads, chosen.device), [], []
    for name in [chosen.row] if chosen.row else ROWS:
        print(f"{name} ...", flush=True)
        start = time.perf_counter()
        try:
            known = inspect.signature(ROWS[name]).parameters
            options = {"device": chosen.device} if "device" in known else {}
            results = ROWS[name](chosen.repeats, **options)
        except Exception:
            # The other rows are worth having all the same.
            traceback.print_exc()
            failed.append(name)
            continue
        spent = (time.perf_counter() - start) / len(results)
        results = [{**result, "seconds": result.get("seconds", spent)} for result in results]
        store(name, results, here)
        rows += results
    if rows:
        print(table(rows))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
