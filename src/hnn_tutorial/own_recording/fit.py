"""Train every candidate over seeds on one recording, and judge how it forecasts the end."""

import functools
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import joblib
import torch
from torch import Tensor
from tqdm import tqdm

from hnn_tutorial._validate import as_path, check_count, check_type, lookup
from hnn_tutorial.evaluation import over_seeds
from hnn_tutorial.experiments._results import difference, write_json
from hnn_tutorial.models import MODELS, parameter_count
from hnn_tutorial.own_recording.candidates import build, default_models, train
from hnn_tutorial.own_recording.rivals import (
    Sine,
    has_sindy,
    persistence,
    sindy,
    textbook_formula,
)
from hnn_tutorial.own_recording.task import LEARNED, Start, Task, prepare
from hnn_tutorial.own_recording.verdict import verdict
from hnn_tutorial.recordings import SMOOTHERS, Observations
from hnn_tutorial.training import save_model
from hnn_tutorial.training.checkpoint import fingerprint

SETTINGS = "settings.json"
WITHOUT_SINDY = (
    "SINDy was not tried, since pysindy is not installed: pip install 'hnn-tutorial[sindy]'"
)
FORMAT = 1
"""Of the stored runs; another one begins anew in another folder."""


@dataclass(frozen=True)
class Run:
    """One candidate, trained once, and how its forecasts fared.

    Attributes:
        name: of the candidate: a model's kind, or a rival.
        seed: that drew its weights; None for a rival.
        numbers: fitted numbers.
        seconds: of training.
        error: of the forecasts of the held-out ends, relative to the size of the motion; infinite
            where one was lost.
        horizons: how long the forecast from each start held, in s.
        forecasts: for each trial the forecast positions, in the recording's units.
        start: for each trial the state ``[q, q̇]`` at the first held-out time.
        told: equations or constants that were found; or why the run failed.
        failed: whether it did.
    """

    name: str
    seed: int | None
    numbers: int = 0
    seconds: float = 0.0
    error: float = math.inf
    horizons: list[float] = field(default_factory=list)
    forecasts: list[list[list[float]]] = field(default_factory=list)
    start: list[list[float]] = field(default_factory=list)
    told: str = ""
    failed: bool = False


@dataclass(frozen=True)
class Outcome:
    """What `fit_recording` found; printed, it is the table of scores and the verdict.

    Attributes:
        folder: where the report, the weights and the script are.
        networks: the runs of each model, one for each seed.
        rivals: the run of each rival.
        trusted: the model to trust; None if there is none.
        reason: why, in words.
        task: the recording as it was learned from.
    """

    folder: Path
    networks: dict[str, list[Run]]
    rivals: dict[str, Run]
    trusted: str | None
    reason: str
    task: Task

    def rows(self) -> list[list[str]]:
        """Return the table, a header first; the best comes first."""
        limit = self.task.horizon_limit()
        found = []
        for name, runs in [*self.networks.items(), *((k, [r]) for k, r in self.rivals.items())]:
            errors = over_seeds([run.error for run in runs])
            held = over_seeds([_median(run.horizons) for run in runs]).median
            shown = f"{held:.3g} s"
            found.append(
                (
                    errors.median,
                    [
                        name,
                        str(errors) if len(runs) > 1 else f"{errors.median:.3g}",
                        f"≥ {shown}" if held >= 0.99 * limit else shown,
                        "network" if name in self.networks else "rival",
                        str(runs[0].numbers),
                        f"{over_seeds([run.seconds for run in runs]).median:.1f}",
                    ],
                )
            )
        head = ["candidate", "error", "horizon", "kind", "constants", "seconds"]
        return [head, *(row for _, row in sorted(found, key=lambda one: one[0]))]

    def __str__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        seeds = max(map(len, self.networks.values()))
        note = (
            f"error of the forecast of {self.held_out()}, relative to the size of the motion: "
            f"median [lowest, highest] over {seeds} seed{'s' * (seeds > 1)}; horizon: how long the "
            "error stays below 0.4"
        )
        return "\n".join(
            [*lines, note, *self.untried(), "", self.reason, "", f"report: {self.folder / REPORT}"]
        )

    def untried(self) -> list[str]:
        """Return which rival was left out, and how to have it."""
        return [] if "SINDy" in self.rivals else [WITHOUT_SINDY]

    def held_out(self) -> str:
        """Return what was held out, in words."""
        spans = [
            float(start.later[0][-1] - start.before[0][-1]) * self.task.seconds
            for start in self.task.starts(1)
        ]
        each = " of each trial" if len(spans) > 1 else ""
        return f"the last {min(spans):.3g} s{each}"

    def best(self) -> tuple[str, Run]:
        """Return the network with the least median error, and its median run."""
        name = min(
            self.networks,
            key=lambda kind: over_seeds([r.error for r in self.networks[kind]]).median,
        )
        runs = sorted(self.networks[name], key=lambda run: run.error)
        return name, runs[(len(runs) - 1) // 2]


REPORT = "report.html"


def fit_recording(
    observations: Observations,
    out: str | os.PathLike[str],
    *,
    models: Sequence[str] | None = None,
    seeds: int = 5,
    smoother: str = "gaussian_process",
    jobs: int | None = None,
    progress: bool = True,
    source: str = "",
) -> Outcome:
    """Learn from the first four fifths of a recording, and judge forecasts of the last fifth.

    Every model is trained over seeds on the same rows, with about as many weights, by the same
    steps. A forecast begins at the state from which the candidate's own motion fits the rows before
    it. The rivals are given the same rows: the last value, a damped sine, the textbook's formula
    with fitted constants, and SINDy where ``pysindy`` is installed
    (``pip install 'hnn-tutorial[sindy]'``).

    Each run is stored when it is done, so the same call goes on after an interruption. The folder
    then holds ``report.html``, ``scores.csv``, ``forecast.py``, ``weights/`` and ``runs/``.

    Args:
        observations: as ``read_csv`` returns them.
        out: a folder, new or of an earlier call with the same arguments.
        models: keys of ``MODELS``; None takes four that suit the number of positions.
        seeds: how many; seeds 0 to seeds − 1 draw the weights.
        smoother: a key of ``SMOOTHERS``.
        jobs: processes at once; None takes one for each core.
        progress: show a bar on standard error.
        source: what the report calls the recording, such as its file's name.

    Returns:
        The scores of all candidates, and which of them to trust.

    Raises:
        ValueError: for an unknown model or smoother, a recording that is too short, or a folder
            with runs of another recording or other settings.
        KeyboardInterrupt: when interrupted; what is done is stored.
    """
    from hnn_tutorial.own_recording.report import write_report, write_scores, write_script

    check_type(Observations, "what read_csv returns", observations=observations)
    check_count(seeds=seeds, jobs=1 if jobs is None else jobs)
    check_type((list, tuple, type(None)), "names of models", models=models)
    check_type(str, "a text", source=source)
    lookup(SMOOTHERS, smoother, "smoother")
    if models is not None and not models:
        raise ValueError("models is empty; expected at least one, or None for four that suit")
    for kind in models or ():
        lookup(MODELS, kind, "model")
    folder = as_path(out, "out")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"out = {folder} is a file; expected a folder, which may be new")
    task = prepare(observations, smoother)
    kinds = list(dict.fromkeys(models or default_models(task)))
    for kind in kinds:
        build(kind, task, 0)  # what cannot take these positions is said before any training
    _keep_settings(folder, observations, smoother)
    wanted: list[tuple[str, int | None]] = [("formula", None)]
    wanted += [("SINDy", None)] if has_sindy() else []
    wanted += [(kind, seed) for seed in range(seeds) for kind in kinds]
    runs = {job: _stored(folder, *job) for job in wanted}
    waiting = [job for job in wanted if runs[job] is None]
    bar = tqdm(total=len(wanted), initial=len(wanted) - len(waiting), disable=not progress)
    with bar:
        for run in _carry_out(folder, task, waiting, jobs):
            runs[run.name if run.seed is not None else _key(run), run.seed] = run
            bar.set_postfix_str(run.name if run.seed is None else f"{run.name}, seed {run.seed}")
            bar.update()
    done = {job: run for job, run in runs.items() if run is not None}
    networks = {kind: [done[kind, seed] for seed in range(seeds)] for kind in kinds}
    rivals = {run.name: run for (_, seed), run in done.items() if seed is None}
    rivals |= {run.name: run for run in _simple_rivals(task)}
    outcome = Outcome(folder, networks, rivals, None, "", task)
    trusted, reason = verdict(
        {kind: [run.error for run in each] for kind, each in networks.items()},
        {name: run.error for name, run in rivals.items()},
        outcome.held_out(),
    )
    outcome = Outcome(folder, networks, rivals, trusted, reason, task)
    write_scores(outcome)
    write_script(outcome)
    write_report(outcome, source)
    return outcome


def _key(run: Run) -> str:
    return "SINDy" if run.name == "SINDy" else "formula"


def _keep_settings(folder: Path, observations: Observations, smoother: str) -> None:
    """Write the settings of a new folder, or raise if those of an old one differ."""
    tensors: dict[str, Tensor] = {}
    for k, track in enumerate(observations.tracks):
        parts = {"times": track.times, "q": track.positions, "v": track.velocities}
        tensors |= {f"{name} {k}": part for name, part in parts.items() if part is not None}
    now = {
        "format": FORMAT,
        "recording": fingerprint(tensors),
        "angles": list(observations.angles),
        "smoother": smoother,
        "learned": LEARNED,
    }
    path = folder / SETTINGS
    if not path.exists():
        write_json(path, now)
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        before = None
    if found := difference(before, now):
        what = "another recording" if found.startswith("recording") else found
        raise ValueError(f"{folder} holds runs of {what}; name another folder, or delete this one")


def _path(folder: Path, name: str, seed: int | None) -> Path:
    return folder / "runs" / (f"{name}.json" if seed is None else f"{name}-{seed}.json")


def weights_path(folder: Path, name: str, seed: int) -> Path:
    """Return where the weights of a run are."""
    return folder / "weights" / f"{name}-{seed}.safetensors"


def _stored(folder: Path, name: str, seed: int | None) -> Run | None:
    """Return a run that is done; one that failed, or whose file is damaged, is not."""
    path = _path(folder, name, seed)
    if not path.exists() or (seed is not None and not weights_path(folder, name, seed).exists()):
        return None
    try:
        run = Run(**json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError, TypeError):
        return None
    return None if run.failed else _with_infinity(run)


def _with_infinity(run: Run) -> Run:
    return Run(**{**asdict(run), "error": math.inf if run.error is None else run.error})


def _carry_out(
    folder: Path, task: Task, waiting: Sequence[tuple[str, int | None]], jobs: int | None
) -> Iterator[Run]:
    jobs = joblib.cpu_count() if jobs is None else jobs
    work = functools.partial(_run_and_store, folder, task)
    if jobs == 1 or len(waiting) < 2:
        yield from (work(*job) for job in waiting)
        return
    parallel = joblib.Parallel(jobs, batch_size=1, return_as="generator_unordered")
    yield from parallel(joblib.delayed(work)(*job) for job in waiting)


def _run_and_store(folder: Path, task: Task, name: str, seed: int | None) -> Run:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # such small networks lose by more
    try:
        run = _run(folder, task, name, seed)
    except (ValueError, ArithmeticError) as error:
        # One candidate that cannot be trained is a result, and no reason to lose the others.
        run = Run(name, seed, told=str(error), failed=True)
    finally:
        torch.set_num_threads(threads)
    content = asdict(run)
    if not math.isfinite(run.error):
        content |= {"error": None, "forecasts": [], "start": []}
    write_json(_path(folder, name, seed), content)
    return run


def _run(folder: Path, task: Task, name: str, seed: int | None) -> Run:
    if seed is not None:
        model = build(name, task, seed)
        seconds = train(model, task)
        save_model(weights_path(folder, name, seed), model)
        return _judged(task, Run(name, seed, parameter_count(model), seconds), model.field)
    if name == "SINDy":
        begin = time.perf_counter()
        found, told, terms = sindy(task)
        run = Run("SINDy", None, terms, time.perf_counter() - begin, told=told)
        return _judged(task, run, found)
    formula = textbook_formula(task)
    seconds = train(formula, task)
    told = f"{formula.formula}; {formula.constants_in_si(task.size, task.seconds)}"
    if task.by_velocity:
        told += "; q₀ only says where the integral of the velocity was begun"
    run = Run(formula.title, None, parameter_count(formula), seconds, told=told)
    return _judged(task, run, formula.field)


def _judged(task: Task, run: Run, learned: Any) -> Run:
    starts = task.starts()
    paths = task.rollouts(learned, starts)
    ends = {
        start.trial: path[:1] for start, path in reversed(list(zip(starts, paths, strict=True)))
    }
    states = [task.restored(ends[k])[0].tolist() for k in sorted(ends)]
    seen = [path[:, task.visible] for path in paths]
    return _scored(task, run, starts, seen, states)


def _simple_rivals(task: Task) -> Iterator[Run]:
    starts = task.starts()
    sine = Sine(task)
    for name, numbers, forecast in (
        ("last value", 0, functools.partial(persistence, task)),
        ("damped sine", 5 * task.degrees, functools.partial(sine, task)),
    ):
        run = Run(name, None, numbers)
        yield _scored(task, run, starts, [forecast(start) for start in starts], [])


def _scored(
    task: Task, run: Run, starts: Sequence[Start], seen: Sequence[Tensor], states: list[list[float]]
) -> Run:
    firsts: dict[int, tuple[Start, Tensor]] = {}
    for start, path in zip(starts, seen, strict=True):
        firsts.setdefault(start.trial, (start, path))
    squares = [task.error(start, path) ** 2 for start, path in firsts.values()]
    unit = task.size / (task.seconds if task.by_velocity else 1.0)
    centre = task.offset if task.by_velocity else task.centre
    forecasts = [(centre + unit * path).tolist() for _, path in firsts.values()]
    return Run(
        run.name,
        run.seed,
        run.numbers,
        run.seconds,
        math.sqrt(sum(squares) / len(squares)),
        [task.horizon(start, path) for start, path in zip(starts, seen, strict=True)],
        forecasts,
        states,
        run.told,
    )


def _median(values: Sequence[float]) -> float:
    return over_seeds(values).median if values else 0.0
