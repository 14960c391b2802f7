"""The page, the table and the script that a fit leaves behind."""

import csv
import io
import re
from collections.abc import Callable
from html import escape
from typing import Any

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import hnn_tutorial
from hnn_tutorial._html import numbers, table
from hnn_tutorial._svg import to_svg
from hnn_tutorial.models import Model
from hnn_tutorial.own_recording.fit import REPORT, Outcome, Run, weights_path
from hnn_tutorial.own_recording.task import THRESHOLD
from hnn_tutorial.palette import DARK_BACKGROUND, LIGHT_BACKGROUND, NEUTRAL, ROLES
from hnn_tutorial.plotting import line_style, use_style
from hnn_tutorial.training import load_model
from hnn_tutorial.training.checkpoint import write_whole

SCRIPT = "forecast.py"
SCORES = "scores.csv"
SIZE = (5.2, 3.3)  # as in the course: the letters are legible on a phone


def write_scores(outcome: Outcome) -> None:
    """Write ``scores.csv``: a row for each run."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["candidate", "seed", "numbers", "seconds", "error", "median horizon (s)"])
    runs = [run for each in outcome.networks.values() for run in each]
    for run in [*runs, *outcome.rivals.values()]:
        held = float(np.median(run.horizons)) if run.horizons else 0.0
        seed = "" if run.seed is None else run.seed
        writer.writerow(
            [run.name, seed, run.numbers, f"{run.seconds:.3g}", run.error, f"{held:.4g}"]
        )
    write_whole(outcome.folder / SCORES, text.getvalue().encode())


def write_script(outcome: Outcome) -> None:
    """Write ``forecast.py``, which loads the weights of the best network and follows its motion."""
    name, run = outcome.best()
    task = outcome.task
    if run.failed or run.seed is None or not run.start:
        return
    trial = task.observations.tracks[0]
    split = len(task.learned.observations.tracks[0])
    n = task.degrees
    text = SCRIPT_TEXT.format(
        name=name,
        seed=run.seed,
        trust=outcome.reason,
        file=weights_path(outcome.folder, name, run.seed).name,
        centre=[float(c) for c in task.centre],
        size=task.size,
        seconds=task.seconds,
        names=list(task.observations.names),
        q=run.start[0][:n],
        v=run.start[0][n:],
        begin=float(trial.times[split]),
        end=float(trial.times[-1]),
        step=task.observations.step,
    )
    write_whole(outcome.folder / SCRIPT, text.encode())


SCRIPT_TEXT = '''"""Forecast with the {name}, seed {seed}, that `hnn-tutorial fit` trained.

{trust}

    python forecast.py > forecast.csv
"""

from pathlib import Path

import torch

from hnn_tutorial.integrators import integrate
from hnn_tutorial.training import load_model

MODEL = load_model(Path(__file__).resolve().parent / "weights" / "{file}")
# The network sees (q - CENTRE)/SIZE and t/SECONDS.
CENTRE, SIZE, SECONDS = torch.tensor({centre}).double(), {size!r}, {seconds!r}


def forecast(q, v, times):
    """Return positions and velocities at the times, from those at the first of them."""
    q, v = torch.as_tensor(q).double(), torch.as_tensor(v).double()
    start = torch.cat([(q - CENTRE) / SIZE, v * SECONDS / SIZE])
    clock = (times - times[0]) / SECONDS
    states = integrate(MODEL.field, start, clock, "rk4", step=0.05)
    q, v = states.detach().chunk(2, dim=-1)
    return CENTRE + SIZE * q, v * SIZE / SECONDS


if __name__ == "__main__":
    # The state at the first time that was held out, as fitted to the rows before it.
    times = torch.arange({begin!r}, {end!r} + 1e-9, {step!r}, dtype=torch.float64)
    q, v = forecast({q}, {v}, times)
    print(",".join(["t", *{names}, *(f"d{{name}}/dt" for name in {names})]))
    for t, *state in zip(times.tolist(), *q.mT.tolist(), *v.mT.tolist()):
        print(",".join(f"{{value:.6g}}" for value in [t, *state]))
'''


def write_report(outcome: Outcome, source: str) -> None:
    """Write ``report.html``, one page that needs nothing else."""
    with mpl.rc_context():
        use_style()
        figures = [
            (make(outcome), alternative(outcome), caption(outcome))
            for make, alternative, caption in FIGURES
        ]
    drawn: list[str] = []
    for figure, alternative, caption in figures:
        if figure is None:
            continue
        number = len(drawn) + 1
        svg = to_svg(figure)
        drawn.append(
            f'<figure><div role="img" aria-label="{escape(alternative)}">{svg}</div>'
            f"<figcaption><b>Figure {number}.</b> {numbers(caption)}</figcaption></figure>"
        )
    task = outcome.task
    told: list[str] = []
    for note in [*task.observations.notes, *str(task.learned).splitlines()]:
        told.append(f"<li>{numbers(note)}</li>")
    for name, offset in zip(task.observations.names, task.offset.tolist(), strict=True):
        if offset:
            told.append(
                f"<li>{numbers(f'{name}: the offset of the sensor, {offset:.3g}, taken off')}</li>"
            )
    for run in outcome.rivals.values():
        if run.told:
            told.append(f"<li>{escape(run.name)}: {numbers(run.told)}</li>")
    told += [f"<li>{escape(line)}</li>" for line in outcome.untried()]
    for each in outcome.networks.values():
        for run in each:
            if run.failed:
                told.append(
                    f"<li>{escape(run.name)}, seed {run.seed}, could not be trained: "
                    f"{escape(run.told)}</li>"
                )
    title = escape(source or "A recording")
    mark = "trusted" if outcome.trusted else "none"
    count = len(task.observations)
    trials = len(task.observations.tracks)
    seeds = max(map(len, outcome.networks.values()))
    head = f"{count} rows" + (f" in {trials} trials" if trials > 1 else "")
    page = PAGE.format(
        title=title,
        heading=title.replace("_", "_<wbr>"),  # where a long name may be broken
        style=_style(),
        mark=mark,
        reason=_kept(numbers(outcome.reason)),
        head=_kept(f"{head}, learned from all but {numbers(outcome.held_out())}"),
        figures="\n".join(drawn),
        scores=table(outcome.rows(), "Candidates, the best first"),
        seeds=f"{seeds} seed{'s' * (seeds > 1)}",
        threshold=THRESHOLD,
        told="\n".join(told),
        script=SCRIPT,
        best=escape(outcome.best()[0]),
        seed=outcome.best()[1].seed,
        version=hnn_tutorial.__version__,
    )
    write_whole(outcome.folder / REPORT, page.encode())


def _kept(text: str) -> str:
    """Return a text whose seconds are not parted from their number at the end of a line."""
    return re.sub(r"(?<=\d) (?=s\b)", "\N{NO-BREAK SPACE}", text)


def _style() -> str:
    def colours(theme: str) -> str:
        ink, soft = ("#1b1b1b", "#595959") if theme == "light" else ("#e6e6e6", "#a8a8a8")
        page = LIGHT_BACKGROUND if theme == "light" else DARK_BACKGROUND
        found = [f"--page: {page}; --ink: {ink}; --soft: {soft};"]
        for name, role in ROLES.items():
            colour = getattr(role, theme)
            found.append(f"--hnn-fig-{name.replace(' ', '-')}: {colour};")
            found.append(f"--hnn-text-{name.replace(' ', '-')}: {colour};")
        found.append(f"--hnn-fig-ink: {soft}; --hnn-text-ink: {soft};")
        return " ".join(found)

    return STYLE.format(light=colours("light"), dark=colours("dark"))


STYLE = """
:root {{ color-scheme: light dark; {light} }}
@media (prefers-color-scheme: dark) {{ :root {{ {dark} }} }}
body {{ background: var(--page); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif;
  margin: 0 auto; max-width: 46rem; padding: 1.2rem 1rem 3rem; }}
h1 {{ font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }}
h2 {{ font-size: 1.15rem; margin: 2.2rem 0 .6rem; }}
.head, figcaption, caption, footer {{ color: var(--soft); }}
.head {{ margin: .2rem 0 1.2rem; }}
.verdict {{ border-left: 4px solid var(--hnn-fig-baseline); padding: .1rem 0 .1rem .9rem;
  font-size: 1.1rem; }}
.verdict.trusted {{ border-color: var(--hnn-fig-lnn); }}
figure {{ margin: 1.6rem 0; }}
figure svg {{ display: block; height: auto; width: 100%; max-width: 36rem; }}
figcaption, caption {{ font-size: .9rem; text-align: left; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums;
  min-width: 100%; }}
th, td {{ padding: .3rem .6rem .3rem 0; text-align: left; white-space: nowrap;
  border-bottom: 1px solid color-mix(in srgb, var(--soft) 35%, transparent); }}
tbody th {{ font-weight: 600; }}
li {{ overflow-wrap: anywhere; }}
code {{ font-size: .95em; }}
"""

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: which model to trust</title>
<style>{style}</style>
</head>
<body>
<main>
<h1>{heading}: which model to trust</h1>
<p class="head">{head}.</p>
<p class="verdict {mark}">{reason}</p>
<h2>Scores</h2>
<div class="wide" tabindex="0" role="region" aria-label="Scores">{scores}</div>
<p>The error is that of the forecast of the held-out end, relative to the size of the motion: 0 is
perfect, 1 as bad as saying the mean all the time; of a network the median over {seeds}, and
in brackets the lowest and the highest. The horizon is how long a forecast holds before its error
passes {threshold}, in the median over several starts; ≥ where it held to the end of the recording.
Every forecast begins at the state from which the candidate's own motion fits the rows before it.
Networks have about as many weights as each other, and the same steps of training; constants are
fitted numbers, and seconds those of the training.</p>
{figures}
<h2>What was done</h2>
<ul>
{told}
</ul>
<h2>Go on</h2>
<p><code>python {script}</code> loads the {best} (seed {seed}) and forecasts; the weights of all
runs are in <code>weights/</code>. One recording was judged by its own end: a motion unlike those
in it is another question.</p>
</main>
<footer><p>Made by hnn-tutorial {version}.</p></footer>
</body>
</html>
"""


# Figures


def _axes() -> tuple[Figure, Axes]:
    figure = Figure(figsize=SIZE, layout="constrained")
    return figure, figure.add_subplot()


def _label(outcome: Outcome, k: int = 0) -> str:
    task = outcome.task
    unit = task.observations.units[k] + ("/s" if task.by_velocity else "")
    return (
        f"{task.observations.names[k]} ({unit})"
        if unit not in ("", "/s")
        else (task.observations.names[k])
    )


def _state_labels(outcome: Outcome, k: int) -> tuple[str, str]:
    """Return the labels of a position and of its velocity, of which one was recorded."""
    observations = outcome.task.observations
    name, unit = observations.names[k], observations.units[k]
    position, velocity = name, f"d{name}/dt"
    if outcome.task.by_velocity:
        position, velocity = f"integral of {name}", name
    return (
        position + (f" ({unit})" if unit else ""),
        velocity + (f" ({unit}/s)" if unit else ""),
    )


def _seen(outcome: Outcome, k: int = 0) -> tuple[np.ndarray, np.ndarray, int]:
    """Return times, one recorded column and the split, of the first trial."""
    track = outcome.task.observations.tracks[0]
    values = track.velocities if outcome.task.by_velocity else track.positions
    assert values is not None
    split = len(outcome.task.learned.observations.tracks[0])
    return track.times.numpy(), values[:, k].numpy(), split


def _role(name: str) -> str:
    roles = {"lnn": "lnn", "structured_lnn": "lnn", "second_order_mlp": "second order"}
    roles["mlp"] = "baseline"
    return roles.get(name, "hnn" if "hnn" in name else "formula")


def _marks(ax: Axes, times: np.ndarray, values: np.ndarray) -> None:
    style = line_style("data") | {"markersize": 2.5, "label": "recorded", "zorder": 1}
    ax.plot(times, values, **style)


def _broken(times: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve that is interrupted where nothing was recorded for several rows' time."""
    gaps = np.diff(times)
    wide = 1 + np.flatnonzero(gaps > 4 * np.median(gaps)) if len(gaps) else np.empty(0, int)
    return np.insert(times, wide, np.nan), np.insert(values, wide, np.nan)


def _legend(ax: Axes) -> None:
    # A legend wider than the axes would shrink them in the page.
    _, labels = ax.get_legend_handles_labels()
    columns = 3 if sum(map(len, labels)) < 34 else 2 if len(labels) > 2 else 1
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=columns, borderaxespad=0.2)


def _recording(outcome: Outcome) -> Figure:
    figure, ax = _axes()
    times, values, split = _seen(outcome)
    _marks(ax, times, values)
    task = outcome.task
    column = task.degrees if task.by_velocity else 0
    smooth = (task.learned.trials[0].states[:, 0, column] + task.offset[0]).numpy()
    ax.plot(
        *_broken(times[:split], smooth), **line_style("hnn") | {"label": "smooth, learned from"}
    )
    ax.axvspan(times[split], times[-1], color=NEUTRAL, alpha=0.15, lw=0, label="held out")
    ax.set(xlabel="time (s)", ylabel=_label(outcome))
    ax.margins(x=0.01)
    _legend(ax)
    return figure


def _rival(outcome: Outcome) -> Run:
    return min(outcome.rivals.values(), key=lambda run: run.error)


def _forecast(outcome: Outcome) -> Figure:
    figure, ax = _axes()
    times, values, split = _seen(outcome)
    before = max(0, split - (len(times) - split) // 3)
    _marks(ax, times[before:], values[before:])
    # Wider than the lines that should run through the marks, and fainter.
    ax.get_lines()[0].set(markersize=6 if len(times) - before < 150 else 4.5, alpha=0.4)
    name, run = outcome.best()
    # The rival's dots lie over the network's line, which would hide them where the two agree.
    dots = {"color": NEUTRAL, "linestyle": (0, (1, 1.5)), "linewidth": 2.2, "zorder": 9}
    for one, style in ((_rival(outcome), dots), (run, line_style(_role(name)))):
        if one.forecasts:
            said = np.array(one.forecasts[0])[:, 0]
            ax.plot(*_broken(times[split:], said), **style | {"label": one.name})
    if run.horizons:
        end = times[split] + run.horizons[0]
        ax.axvline(end, color=NEUTRAL, lw=1)
        near = end > (times[before] + times[-1]) / 2
        held = "≥ " if end >= times[-1] - 1e-9 else ""
        ax.annotate(
            f"horizon {held}{run.horizons[0]:.3g} s",
            (end, 0.02),
            xytext=(-4 if near else 4, 0),
            textcoords="offset points",
            xycoords=("data", "axes fraction"),
            ha="right" if near else "left",
            fontsize="small",
        )
    low, high = values.min(), values.max()
    ax.set_ylim(low - 0.25 * (high - low), high + 0.25 * (high - low))
    ax.set(xlabel="time (s)", ylabel=_label(outcome))
    ax.margins(x=0.01)
    _legend(ax)
    return figure


def _residuals(outcome: Outcome) -> Figure:
    figure, ax = _axes()
    times, values, split = _seen(outcome)
    task = outcome.task
    column = task.degrees if task.by_velocity else 0
    smooth = (task.learned.trials[0].states[:, 0, column] + task.offset[0]).numpy()
    _marks(ax, times[:split], values[:split] - smooth - (values[:split] - smooth).mean())
    ax.get_lines()[0].set_label("recorded − smooth")
    name, run = outcome.best()
    noise = float(np.abs(values[:split] - smooth).max())
    largest = 4 * noise
    if run.forecasts:
        missed = np.array(run.forecasts[0])[:, 0] - values[split:]
        ax.plot(
            *_broken(times[split:], missed),
            **line_style(_role(name)) | {"label": f"{name} − recorded", "linestyle": "solid"},
        )
        # A forecast that is lost leaves the picture, in which the noise is still to be seen.
        shown = max(12 * noise, 0.02 * float(np.ptp(values)))
        largest = max(largest, min(1.1 * float(np.abs(missed).max()), shown))
    ax.axhline(0, color=NEUTRAL, lw=0.8, zorder=0)
    ax.set(xlabel="time (s)", ylabel=_label(outcome), ylim=(-largest, largest))
    ax.margins(x=0.01)
    _legend(ax)
    return figure


def _energetic(outcome: Outcome) -> tuple[str, Run, Model, Callable[[Any], Any]] | None:
    """Return the best run of a model that has an energy, and that energy."""
    runs = [run for each in outcome.networks.values() for run in each if not run.failed]
    for run in sorted(runs, key=lambda one: one.error):
        assert run.seed is not None
        model = load_model(weights_path(outcome.folder, run.name, run.seed))
        energy = getattr(model, "hamiltonian", None) or getattr(model, "energy", None)
        if energy is not None:
            return run.name, run, model, energy
    return None


def _learned_energy(outcome: Outcome) -> Figure | None:
    """The learned H over the plane of the motion, or over two positions at rest."""
    found, task = _energetic(outcome), outcome.task
    if found is None or task.degrees > 2:
        return None
    name, _, _, energy = found
    figure = Figure(figsize=(5.2, 4.2), layout="constrained")
    ax = figure.add_subplot()
    seen = torch.cat([trial.states[:, 0] for trial in task.learned.trials])[:, :2]
    for k in range(task.degrees):
        if task.turns(k):  # all turns over one another
            seen[:, k] = torch.remainder(seen[:, k] + torch.pi, 2 * torch.pi) - torch.pi
    low, high = seen.amin(0), seen.amax(0)
    low, high = low - 0.12 * (high - low), high + 0.12 * (high - low)
    axes = [
        torch.linspace(float(a), float(b), 101).double() for a, b in zip(low, high, strict=True)
    ]
    mesh = torch.stack(torch.meshgrid(*axes, indexing="xy"), dim=-1)
    if task.degrees == 2:
        mesh = torch.cat([mesh, torch.zeros_like(mesh)], dim=-1)
    with torch.no_grad():
        height = energy(task.scaled(mesh))
    style = line_style(_role(name))
    ax.contour(*axes, height - height.min(), 12, colors=style["color"], linewidths=1.4)
    ax.plot(seen[:, 0], seen[:, 1], **line_style("data") | {"markersize": 1.8, "zorder": 1})
    (x, v), (y, _) = (_state_labels(outcome, k) for k in (0, task.degrees - 1))
    ax.set(xlabel=x, ylabel=v if task.degrees == 1 else y)
    return figure


def _energy(outcome: Outcome) -> Figure | None:
    found, task = _energetic(outcome), outcome.task
    if found is None:
        return None
    name, _, model, energy = found
    figure, ax = _axes()
    trial = task.whole.trials[0]
    times, split = trial.times.numpy(), len(task.learned.trials[0].times)
    with torch.no_grad():
        recorded = energy(task.scaled(trial.states[:, 0]))
        path = task.rollouts(model.field, task.starts(1)[:1])[0]
        forecast = energy(path)
    lowest = float(recorded.min())
    size = float(recorded.max()) - lowest or 1.0
    ax.plot(
        times, (recorded - lowest) / size, **line_style("truth") | {"label": "along the recording"}
    )
    style = line_style(_role(name)) | {"label": f"along the forecast of {name}"}
    ax.plot(times[split:], (forecast - lowest) / size, **style)
    ax.set(xlabel="time (s)", ylabel="learned energy (relative)", ylim=(-0.3, 1.3))
    ax.margins(x=0.01)
    _legend(ax)
    return figure


Text = Callable[[Outcome], str]
FIGURES: tuple[tuple[Callable[[Outcome], Figure | None], Text, Text], ...] = (
    (
        _recording,
        lambda o: "The recording over time, the smooth curve through it, and the held-out end.",
        lambda o: (
            "The recording, the smooth curve that the models learn from, and the end that was held "
            "out" + (" (first trial, first position)." if _several(o) else ".")
        ),
    ),
    (
        _forecast,
        lambda o: "The forecast of the best network and of the best rival beside the recording.",
        lambda o: (
            f"The held-out end, and what {o.best()[0]} (seed {o.best()[1].seed}, the median of its "
            f"seeds) and the best rival, the {_rival(o).name}, say of it. The upright line marks "
            "where the network's error from this start passes the threshold, or the end."
        ),
    ),
    (
        _residuals,
        lambda o: "What the smooth curve leaves of the recording, and the error of the forecast.",
        lambda o: (
            "What the smooth curve leaves over should look like noise; the error of the forecast "
            "should not grow out of it. One that is lost leaves the picture."
        ),
    ),
    (
        _learned_energy,
        lambda o: "Level lines of the learned energy, and the recorded motion.",
        lambda o: (
            "The learned energy"
            + (" at rest, over both positions" if o.task.degrees == 2 else "")
            + ": level lines, and the motion it was learned from. Away from the marks it is a "
            "guess."
        ),
    ),
    (
        _energy,
        lambda o: "The learned energy along the recording and along the forecast.",
        lambda o: (
            "The learned energy along the recorded motion and along the forecast, relative to its "
            "range. Friction lets it fall; where it falls in the recording and not in the "
            "forecast, the model lacks it."
        ),
    ),
)


def _several(outcome: Outcome) -> bool:
    return outcome.task.degrees > 1 or len(outcome.task.observations.tracks) > 1
