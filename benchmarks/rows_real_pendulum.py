"""Rows about the recorded pendulum: the contest of its chapter, on the real file or on its twin.

Networks and the textbook's formula learn the smooth derivatives of the first four fifths; figures
are the errors of the forecast of the last fifth, relative to the size of the motion. With forward
and with central differences of the recorded states, as published, a baseline and an HNN are scored
by the energy along the last fifth. The real file is read from the folder that
``HNN_TUTORIAL_DATA`` names; without it, the rows are of the twin.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from harness import Row, make_row, row

from hnn_tutorial.comparison import Comparison, compare
from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import energy_error
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import HNN, MLP
from hnn_tutorial.own_recording.candidates import build
from hnn_tutorial.own_recording.rivals import PendulumFormula
from hnn_tutorial.own_recording.task import prepare
from hnn_tutorial.recordings import (
    FOLDER_VARIABLE,
    Observations,
    Recording,
    Track,
    load_recording,
    synthetic_twin,
)
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import LevenbergMarquardt

OPTIMIZER = LevenbergMarquardt(steps=40, weight_decay=1e-6)
NOISE = 0.2
"""Of the twin, in units of its own: as much as the smoother finds in the recorded angles."""
KINDS = {
    "baseline": "mlp",
    "second order": "second_order_mlp",
    "hnn": "hnn",
    "dissipative HNN": "dissipative_hnn",
}


def contest(recording: Recording) -> Comparison:
    """Return the errors of the forecasts of all models, from the angles alone."""
    (trial,) = recording.trials
    track = Track("swing", trial.times, trial.states[:, 0, :1])
    task = replace(prepare(Observations(("angle",), ("rad",), (0,), (track,))), seconds=1.0)
    (start,) = task.starts(1)

    def error(model: torch.nn.Module) -> float:
        (path,) = task.rollouts(model.field, [start])
        return task.error(start, path[:, :1])

    rivals = {name: partial(build, kind, task) for name, kind in KINDS.items()}
    rivals["formula"] = lambda seed: PendulumFormula()
    return compare(rivals, task.dataset(), OPTIMIZER, {"error": error})


def differences(recording: Recording, constant: float) -> dict[str, Comparison]:
    """Return the errors of the energy, learned from forward and from central differences."""
    energy = Pendulum(1.0, 1.0, gravity=constant).hamiltonian
    earlier, end = recording.split(0.8)
    (last,) = end.trials
    states, rates = [], []
    for piece in earlier.segments:
        x = piece.states[:, 0]
        states.append(x[:-1])
        rates.append(x.diff(dim=0) / piece.times.diff()[:, None])
    data = {
        "forward": Dataset(torch.cat(states), torch.cat(rates)),
        "central": earlier.dataset(),
    }

    def error(model: torch.nn.Module) -> torch.Tensor:
        with torch.no_grad():
            path = integrate(
                model.field, last.states[0, 0], last.times, "rk4", step=recording.source.step / 4
            )
        return energy_error(path, energy, last.states[:, 0])

    rivals: dict[str, Callable[[int], torch.nn.Module]] = {
        "baseline": lambda seed: MLP(1, (13,), angles=(0,), seed=seed),
        "hnn": lambda seed: HNN(1, (16,), angles=(0,), seed=seed),
    }
    return {name: compare(rivals, each, OPTIMIZER, {"error": error}) for name, each in data.items()}


def recorded() -> tuple[str, Recording, float]:
    """Return the real file if there is one, else the twin: a name, it, and its g/l for scores."""
    if os.environ.get(FOLDER_VARIABLE):
        return "recording", load_recording("real_pendulum"), 1.36
    return "twin", synthetic_twin("real_pendulum", seed=0, noise=NOISE), 1.283


@row
def real_pendulum(repeats: int) -> list[Row]:
    """Run five seeds of each model of the contest."""
    name, recording, _ = recorded()
    found = contest(recording)
    medians = {rival: found.spread(rival, "error").median for rival in found.models}
    best = min(KINDS, key=lambda rival: medians[rival])
    formula = medians.pop("formula")
    return [
        make_row(
            f"real_pendulum: {name}",
            {"formula": formula},
            medians,
            [formula / error for error in found.values[best]["error"]],
            "best network's error below the formula's",
            lambda ratio: ratio > 1,
            runs={rival: each["error"] for rival, each in found.values.items()},
        )
    ]


@row
def real_pendulum_differences(repeats: int) -> list[Row]:
    """Run five seeds of baseline and HNN on forward and on central differences."""
    name, recording, constant = recorded()
    return [
        make_row(
            f"real_pendulum_differences: {name}, {scheme}",
            each.spread("baseline", "error").median,
            each.spread("hnn", "error").median,
            [
                one / other
                for one, other in zip(
                    each.values["baseline"]["error"], each.values["hnn"]["error"], strict=True
                )
            ],
            "HNN's energy error below the baseline's",
            lambda ratio: ratio > 1,
            runs={rival: scores["error"] for rival, scores in each.values.items()},
        )
        for scheme, each in differences(recording, constant).items()
    ]
