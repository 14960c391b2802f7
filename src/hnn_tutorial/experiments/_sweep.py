"""Many seeds of many recipes: in local processes, or on a Dask cluster."""

import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import torch

from hnn_tutorial._validate import as_path, check_callable, check_count, check_type
from hnn_tutorial.experiments._recipe import Recipe, run_seed
from hnn_tutorial.experiments._results import (
    ERROR_FILE,
    StoredResult,
    difference,
    read_result,
    result_path,
    settings_of,
    work_folder,
    write_json,
    write_result,
)

OUT = "results"
"""The folder of results where none is named: ``results`` in the working directory."""

SECONDS_TO_CONNECT = 20


class SweepError(RuntimeError):
    """Some runs did not finish; those that did are on disk, and are not run again."""


@dataclass(frozen=True)
class Run:
    """One seed of a recipe with one model and one optimiser."""

    recipe: Recipe
    model: str
    optimizer: str
    seed: int
    device: str
    out: Path
    settings: dict[str, Any]

    @property
    def path(self) -> Path:
        """Where its result stands."""
        return result_path(self.out, self.recipe.name, self.model, self.optimizer, self.seed)

    def stored(self) -> StoredResult | None:
        """Return the result if it is there.

        Raises:
            ValueError: if it is not as it was written, or was made with other settings.
        """
        try:
            found = read_result(self.path)
        except FileNotFoundError:
            return None
        changed = difference(found.settings, self.settings)
        if changed:
            raise ValueError(
                f"{self.path} was made with other settings: {changed}. Use another folder for "
                "the results, or delete it"
            )
        return found

    def __str__(self) -> str:
        return f"{self.recipe.name} {self.model} {self.optimizer} seed {self.seed}"


def sweep(
    recipes: Sequence[Recipe],
    seeds: int | None = None,
    *,
    models: Sequence[str] | None = None,
    optimizer: str | None = None,
    device: str = "cpu",
    out: str | os.PathLike[str] = OUT,
    jobs: int | None = None,
    cluster: str | None = None,
    report: Callable[[str], None] = lambda line: None,
    progress: bool = False,
) -> list[StoredResult]:
    """Run seeds 0, 1, ... of recipes, and store each result as soon as it is finished.

    A seed whose result is in the folder is not run again. A sweep that was stopped, for any reason,
    continues from its last checkpoints when it is started again, and each seed comes to the same
    weights as without the interruption. Every run has one torch thread, so that its last digits do
    not depend on how many run at once.

    Args:
        recipes: what to run, such as values of ``RECIPES``.
        seeds: how many; None takes each recipe's own number.
        models: kinds to run, ``module:Name`` for those of one's own; None takes each recipe's.
        optimizer: None takes each recipe's own.
        device: where to train: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...
        out: folder of the results.
        jobs: local processes at work at once; None takes one for each core, or a single one
            where the device is a GPU, which they would share.
        cluster: address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, whose workers
            run the seeds instead. All machines must see the folder ``out`` under the same
            path and have this package; start workers with ``--nthreads 1``.
        report: is called with one line for each run.
        progress: show a bar in each run, if they are run one after the other.

    Returns:
        The results, recipe by recipe, model by model, seed by seed.

    Raises:
        ValueError: if there is no such model, optimiser or device; if ``out`` cannot be written
            to, or holds results of other settings. Nothing was run then.
        ImportError: if a cluster is asked for and ``distributed`` is not installed.
        ConnectionError: if no scheduler answers at the address.
        SweepError: if runs failed, once all others are done; it names them.
    """
    check_type(
        (list, tuple), "a list of recipes, such as [RECIPES['spring-ours']]", recipes=recipes
    )
    for recipe in recipes:
        check_type(Recipe, "a Recipe", recipe=recipe)
    check_type((list, tuple, type(None)), "a list of kinds, such as ['hnn']", models=models)
    check_callable(report=report)
    check_count(seeds=1 if seeds is None else seeds, jobs=1 if jobs is None else jobs)
    device = check_device(device, here=cluster is None)
    folder = as_path(out, "out").absolute()
    runs = []
    for recipe in recipes:
        chosen = next(iter(recipe.optimizers)) if optimizer is None else optimizer
        for kind in models or [next(iter(recipe.models))]:
            settings = settings_of(recipe, kind, chosen, device)
            for seed in range(seeds or recipe.seeds):
                runs.append(Run(recipe, kind, chosen, seed, device, folder, settings))
    _prepare(folder)
    waiting = []
    for run in runs:
        if run.stored() is None:
            waiting.append(run)
        else:
            # Left behind by a process that was killed after the result was in place.
            shutil.rmtree(work_folder(run.path), ignore_errors=True)
    if len(waiting) < len(runs):
        report(f"{len(runs) - len(waiting)} of {len(runs)} runs are done already")
    if waiting:
        _run_all(waiting, jobs, cluster, report, progress)
    return [stored for run in runs if (stored := run.stored()) is not None]


def check_device(name: str, *, here: bool = True) -> str:
    """Return the full name of a device.

    Args:
        name: such as ``"cuda"``.
        here: whether it must be one of this machine.

    Raises:
        ValueError: if there is no such device; the choices are listed.
    """
    check_type(str, "a name such as 'cpu' or 'cuda'", name=name)
    choices = ["cpu", *(f"cuda:{k}" for k in range(torch.cuda.device_count()))]
    full = "cuda:0" if name == "cuda" else name
    if here and full == "cuda:0" and full not in choices:
        raise ValueError(
            f"device {name!r}: this machine has no CUDA device that torch can use; choose "
            "'cpu', or ask `hnn-tutorial doctor` why"
        )
    if (here and full not in choices) or not re.fullmatch(r"cpu|cuda:\d+", full):
        raise ValueError(f"unknown device {name!r}; choose one of: {', '.join(choices)}")
    return full


def _prepare(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ValueError(f"cannot write to the folder {folder}: {error.strerror}") from None


def _run_all(
    runs: list[Run],
    jobs: int | None,
    cluster: str | None,
    report: Callable[[str], None],
    progress: bool,
) -> None:
    if jobs is None:
        jobs = joblib.cpu_count() if runs[0].device == "cpu" else 1
    jobs = min(jobs, len(runs))
    progress = progress and jobs == 1 and cluster is None
    outcomes, broken = [], None
    with _backend(jobs, cluster) as parallel:
        try:
            for outcome in parallel(joblib.delayed(_attempt)(run, progress) for run in runs):
                outcomes.append(outcome)
                report(f"[{len(outcomes)}/{len(runs)}] {outcome.line}")
        except Exception as error:
            # Not an error in a run, which comes back as an outcome: a worker that was killed, a
            # recipe that cannot be sent to one.
            broken = error
    missing = [run for run in runs if not run.path.is_file()]
    if not missing:
        return
    lines = [f"{len(missing)} of {len(runs)} runs did not finish; the others are in {runs[0].out}"]
    failed = {outcome.run: outcome.line for outcome in outcomes if outcome.failed}
    lines += failed.values()
    rest = [str(run) for run in missing if str(run) not in failed]
    if broken is not None:
        lines.append(f"the workers stopped: {type(broken).__name__}: {broken}")
    elif rest:
        lines.append("workers report these as done: do they see the same folder?")
    raise SweepError("\n  ".join(lines + rest)) from broken


@contextlib.contextmanager
def _backend(jobs: int, cluster: str | None) -> Iterator[joblib.Parallel]:
    """Set up where joblib runs tasks."""
    if cluster is None:
        with joblib.parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1):
            yield joblib.Parallel(batch_size=1, return_as="generator_unordered")
        return
    try:
        from distributed import Client
        from joblib._dask import DaskDistributedBackend
    except ImportError:
        raise ImportError(
            "a cluster needs the package distributed: pip install 'hnn-tutorial[cluster]'"
        ) from None
    try:
        client = Client(cluster, timeout=SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ConnectionError(f"no Dask scheduler answers at {cluster} ({error})") from None

    class Backend(DaskDistributedBackend):  # type: ignore[misc]  # joblib is not typed
        def effective_n_jobs(self, n_jobs: int) -> int:
            # Where there is one core in all, joblib would not use the cluster, but this process.
            return max(2, super().effective_n_jobs(n_jobs))

    with client, joblib.parallel_config(Backend(client=client), n_jobs=-1):
        yield joblib.Parallel(batch_size=1)


@dataclass(frozen=True)
class _Outcome:
    """What a worker says about a run: the result itself is on disk."""

    run: str
    failed: bool
    line: str


def _attempt(run: Run, progress: bool) -> _Outcome:
    """Run a seed, and turn an error into an outcome, so that it does not stop the others."""
    work = work_folder(run.path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with _alone(work):
            # Another process may have finished it since it was looked for.
            done = run.stored()
            if done is None:
                _claim(work, run.settings)
                result, learned = run_seed(
                    run.recipe,
                    run.seed,
                    model=run.model,
                    optimizer=run.optimizer,
                    device=run.device,
                    folder=work,
                    progress=progress,
                )
                write_result(run.path, result, run.settings, learned)
            else:
                result = done.result
            shutil.rmtree(work, ignore_errors=True)
        return _Outcome(str(run), False, f"{run}: trained in {result.seconds:.3g} s")
    except Exception as error:
        text = f"{run}: {type(error).__name__}: {error}"
        with contextlib.suppress(OSError):
            (work / ERROR_FILE).write_text(traceback.format_exc(), encoding="utf-8")
            text += f" (more in {work / ERROR_FILE})"
        return _Outcome(str(run), True, text)
    finally:
        torch.set_num_threads(threads)


def _claim(work: Path, settings: dict[str, Any]) -> None:
    """Note the settings beside the checkpoints, or check that they are those of the last time."""
    path = work / "settings.json"
    if not path.is_file():
        write_json(path, settings)
        return
    try:
        noted = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}). Delete {work} to start afresh") from error
    changed = difference(noted, settings)
    if changed:
        raise ValueError(
            f"its checkpoints were made with other settings: {changed}. Delete {work} to start "
            "afresh"
        )


@contextlib.contextmanager
def _alone(work: Path) -> Iterator[None]:
    """Keep other processes from a run while this one is at it.

    Workers outlive a killed sweep until their seed is done; those of one started anew wait for
    them here, and then find the result. The lock goes with its process, however that ends.
    """
    work.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with open(work / "lock", "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for the process that is at work in {work}", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
