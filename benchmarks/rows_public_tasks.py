"""Rows about tasks of other publications and packages, on their own definitions.

Four are recipes: ours against the published settings, trained here where that takes minutes. What
stands in the folder ``results``, or in that of the environment variable ``HNN_TUTORIAL_RESULTS``,
is not trained again; ``hnn-tutorial run one-orbit-reference`` fills it. The row on phlearn needs
``pip install phlearn``.

    python benchmarks/run.py --row one_orbit
    python benchmarks/run.py --row phlearn_spring
"""

import importlib
import os
import time
from typing import Any

import numpy
import torch
from harness import Row, make_row, medians, row
from rows_recipes import extrapolated, run
from torch import Tensor

from hnn_tutorial.data import Trajectories, simulate
from hnn_tutorial.evaluation import coordinate_error, energy_error
from hnn_tutorial.experiments import (
    Recipe,
    arm_torques,
    one_orbit,
    pushed_pendulum,
    rod_chain,
    sweep,
)
from hnn_tutorial.experiments.real_pendulum import linear_friction
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import Field
from hnn_tutorial.models import HNN, MLP, DissipativeHNN, Model, parameter_count
from hnn_tutorial.systems import DampedMassSpring, DampedPendulum
from hnn_tutorial.training import Adam, LevenbergMarquardt, Optimizer, fit

FOLDER = os.environ.get("HNN_TUTORIAL_RESULTS", "results")
SEEDS = range(5)
FEW_SEEDS = range(3)
FRESH = 1_000_000


def trained(recipe: Recipe, seeds: int) -> list[dict[str, float]]:
    """Return the figures of a recipe's first seeds, trained unless they are in the folder."""
    found = sweep([recipe], seeds, out=FOLDER, jobs=1, report=print)
    return [
        {"seconds": s.result.seconds, "parameters": s.result.parameters, **s.result.scores}
        for s in found
    ]


def beside(
    name: str,
    score: str,
    reference: list[dict[str, float]],
    ours: dict[str, list[dict[str, float]]],
    recipe: Recipe,
) -> list[Row]:
    """Return a row for each of our models beside a reference, seed by seed."""
    return [
        make_row(
            f"{name}: {kind}",
            medians(reference),
            medians(runs),
            [a[score] / b[score] for a, b in zip(reference, runs, strict=False)],
            f"smaller {score} than with the published settings",
            lambda ratio: ratio > 1,
            runs={"reference": reference, "ours": runs},
            command=f"hnn-tutorial run {recipe.name} --model {kind}",
            seeds=list(range(len(runs))),
        )
        for kind, runs in ours.items()
    ]


def ours_of(recipe: Recipe) -> dict[str, list[dict[str, float]]]:
    """Return the figures of every model of a recipe over five seeds."""
    return {kind: [run(recipe, kind)(seed) for seed in SEEDS] for kind in recipe.models}


@row
def one_orbit_published(repeats: int) -> list[Row]:
    """One orbit of a pendulum: Jin et al.'s settings against ours, a thousand steps ahead."""
    reference = trained(one_orbit.REFERENCE, len(FEW_SEEDS))
    ours = ours_of(one_orbit.OURS)
    return beside("one_orbit_published", "distance", reference, ours, one_orbit.OURS)


@row
def arm_torques_published(repeats: int) -> list[Row]:
    """Inverse dynamics of an arm: Lutter et al.'s settings against ours, at three times the speed.

    Their recordings of letters are not public as text, so both learn from simulated motions.
    """
    reference = trained(arm_torques.REFERENCE, len(FEW_SEEDS))
    ours = ours_of(arm_torques.OURS)
    return beside("arm_torques_published", "relative_3", reference, ours, arm_torques.OURS)


def beside_figures(
    name: str, recipes: Any, score: str, published: dict[str, float], best: str
) -> list[Row]:
    """Return rows beside published figures; the published settings are timed by a few steps."""
    (optimizer,) = recipes.REFERENCE.optimizers.values()
    timed = extrapolated(recipes.REFERENCE, steps=3, total=optimizer.steps)(0)
    cost = {"seconds here": timed["seconds"], "parameters": timed["parameters"]}
    return [
        make_row(
            f"{name}: {kind}",
            published | cost,
            medians(runs),
            [published[best] / each[score] for each in runs],
            f"smaller {score} than published",
            lambda ratio: ratio > 1,
            runs=runs,
            command=f"hnn-tutorial run {recipes.OURS.name} --model {kind}",
            seeds=list(SEEDS),
        )
        for kind, runs in ours_of(recipes.OURS).items()
    ]


@row
def pushed_pendulum_published(repeats: int) -> list[Row]:
    """A pushed pendulum: the figures of Zhong et al. 2020 (their repository) beside ours."""
    published = {"naive": 220.65, "geometric": 13.327, "unstructured": 3.6777, "SymODEN": 0.094781}
    figures = (pushed_pendulum, "prediction_error", published, "SymODEN")
    return beside_figures("pushed_pendulum_published", *figures)


@row
def rod_chain_published(repeats: int) -> list[Row]:
    """A chain of three rods: the figures of Finzi et al. 2020 (their repository) beside ours."""
    published = {"CHNN": 2.5e-4, "HNN": 6.1e-2, "Neural ODE": 0.28}
    return beside_figures("rod_chain_published", rod_chain, "motion_error", published, "CHNN")


# phlearn: the damped spring of its example


SPRING = DampedMassSpring(mass=1.0, stiffness=1.0, damping=0.3)
STEP, TRAJECTORIES, POINTS, EPOCHS, BATCH = 0.1, 300, 101, 30, 32


def spring_scores(field: Field) -> dict[str, float]:
    """Return the mean squared error of both components over 10 s, as the field says the motion.

    ``motion_mse`` is that over 20 starts uniform in [-1, 1]², from a seed that no data use;
    ``from_1_0`` that from the example's start.
    """
    generator = torch.Generator().manual_seed(FRESH)
    fresh = 2 * torch.rand(20, 2, generator=generator, dtype=torch.float64) - 1
    starts = torch.cat([torch.tensor([[1.0, 0.0]], dtype=torch.float64), fresh])
    times = STEP * torch.arange(POINTS, dtype=torch.float64)
    truth = simulate(SPRING, starts, times, rtol=1e-11, atol=1e-11).states
    with torch.no_grad():
        path = integrate(field, starts, times, "rk4", step=STEP / 10)
    errors = coordinate_error(path, truth)
    return {"motion_mse": errors[1:].mean().item(), "from_1_0": errors[0].item()}


def phlearn_run(seed: int) -> tuple[dict[str, float], tuple[Tensor, Tensor]]:
    """Run phlearn's own example; return its figures, and its data as middles and mean rates."""
    phnns = importlib.import_module("phlearn.phnns")
    systems = importlib.import_module("phlearn.phsystems.ode")
    torch.manual_seed(seed)
    true = systems.PseudoHamiltonianSystem(
        nstates=2,
        hamiltonian=lambda x: x.T @ x / 2,
        grad_hamiltonian=lambda x: x,
        dissipation_matrix=numpy.diag([0.0, SPRING.damping]),
    )
    clock = numpy.linspace(0, STEP * (POINTS - 1), POINTS)
    data = phnns.generate_dataset(true, TRAJECTORIES, clock, seed=seed)
    model = phnns.PseudoHamiltonianNN(2, dissipation_est=phnns.R_estimator([False, True]))
    start = time.perf_counter()
    model, _ = phnns.train(
        model, "midpoint", data, epochs=EPOCHS, batch_size=BATCH, shuffle=True, verbose=False
    )
    seconds = time.perf_counter() - start
    damping = model.R().detach()[1, 1].item()

    def field(x: Tensor) -> Tensor:
        flat = x.reshape(-1, 2)
        with torch.enable_grad():
            rate = model._x_dot(flat.float(), torch.zeros(len(flat), 1))
        return rate.detach().to(x).view_as(x)

    (x_start, x_end, *_), rates = data
    figures = {
        "seconds": seconds,
        "parameters": float(sum(p.numel() for p in model.parameters())),
        "damping_error": abs(damping - SPRING.damping),
        **spring_scores(field),
    }
    return figures, ((x_start + x_end) / 2, rates)


def our_run(
    middles: Tensor, rates: Tensor, hidden: tuple[int, ...], optimizer: Optimizer, seed: int
) -> dict[str, float]:
    """Train a dissipative HNN on the same middles and rates, its friction one number."""
    dtype = torch.float32 if isinstance(optimizer, Adam) else torch.float64
    model = DissipativeHNN(1, hidden, seed=seed, dtype=dtype)
    linear_friction(model, torch.Generator())
    data = {"states": middles.to(dtype), "derivatives": rates.to(dtype)}
    history = fit(model, data, optimizer, progress=False, seed=seed)
    damping = model.friction_matrix(middles[:1].to(dtype)).item()

    def field(x: Tensor) -> Tensor:
        return model.field(x.to(dtype)).to(x)

    return {
        "seconds": history.seconds,
        "parameters": float(parameter_count(model)),
        "damping_error": abs(damping - SPRING.damping),
        **spring_scores(field),
    }


def beside_phlearn(name: str, hidden: tuple[int, ...], optimizer: Optimizer, seeds: Any) -> Row:
    """Return the row of phlearn's network and one of ours, on the data that phlearn makes."""
    runs = []
    for seed in seeds:
        theirs, data = phlearn_run(seed)
        ours = our_run(*data, hidden, optimizer, seed)
        runs.append({"reference": theirs, "ours": ours})
    return make_row(
        name,
        medians(run["reference"] for run in runs),
        medians(run["ours"] for run in runs),
        [run["reference"]["motion_mse"] / run["ours"]["motion_mse"] for run in runs],
        "a smaller error than that of phlearn's network on its own example",
        lambda ratio: ratio > 1,
        runs=runs,
        command=f"pip install phlearn; python benchmarks/run.py --row {name}",
        seeds=list(seeds),
    )


@row
def phlearn_spring(repeats: int) -> list[Row]:
    """phlearn's example of a damped spring: its own network, and a small one of ours.

    Both learn from the data that phlearn makes: 300 trajectories from [-1, 1]² of 101 states,
    0.1 s apart. Its network takes 30 rounds of Adam in batches of 32.
    """
    optimizer = LevenbergMarquardt(steps=40, batch_size=2000)
    return [beside_phlearn("phlearn_spring", (12,), optimizer, SEEDS)]


@row
def phlearn_spring_same_work(repeats: int) -> list[Row]:
    """The same with a network of ours of phlearn's size, for as many steps of the same Adam."""
    rounds = EPOCHS * -(-TRAJECTORIES * (POINTS - 1) // BATCH)
    optimizer = Adam(rounds, learning_rate=1e-3, batch_size=BATCH, weight_decay=1e-4)
    return [beside_phlearn("phlearn_spring_same_work", (100, 100), optimizer, FEW_SEEDS)]


# DeepMind's suite: its pendulum, with and without friction, as states


@row
def hamiltonian_suite(repeats: int) -> list[Row]:
    """The pendulum of the DeepMind Hamiltonian Dynamics Suite, seen as states and their rates.

    Its settings: 0.5 kg, 1 m, 3 m/s², starts of radius 1.3 to 2.3, 0.05 s apart, friction 0 or
    0.05. It has 50,000 trajectories, and what is published learns from pictures of them; here are
    50 of 60 states, and what is scored is the motion from 20 fresh starts over 20 s. Many
    starts turn over, so all models know that the angle is one.
    """
    rows = []
    times = 0.05 * torch.arange(401, dtype=torch.float64)
    for friction in (0.0, 0.05):
        true = DampedPendulum(0.5, 1.0, gravity=3.0, damping=friction)
        starts = true.sample(20, FRESH)
        truth = simulate(true, starts, times, rtol=1e-10, atol=1e-10).states
        records: dict[str, list[dict[str, float]]] = {}
        for seed in SEEDS:
            seen = simulate(true, true.sample(50, seed), times[:60], rtol=1e-10, atol=1e-10)
            for name, model in suite_models(seed).items():
                found = suite_scores(model, seen, true, truth, seed)
                records.setdefault(name, []).append(found)
        ours = records["dissipative HNN"]
        rows += [
            make_row(
                f"hamiltonian_suite: friction {friction:g}, {name}",
                medians(each),
                medians(ours),
                [
                    a["coordinate_mse"] / b["coordinate_mse"]
                    for a, b in zip(each, ours, strict=True)
                ],
                "a dissipative HNN has the smaller error of the motion",
                lambda ratio: ratio > 1,
                runs=[{"reference": a, "ours": b} for a, b in zip(each, ours, strict=True)],
                command="python benchmarks/run.py --row hamiltonian_suite",
                seeds=list(SEEDS),
            )
            for name, each in records.items()
            if each is not ours
        ]
    return rows


def suite_models(seed: int) -> dict[str, Model]:
    """Return rivals of nearly the same size."""
    friction = DissipativeHNN(1, (14, 14), angles=(0,), seed=seed)
    linear_friction(friction, torch.Generator())
    return {
        "dissipative HNN": friction,
        "HNN": HNN(1, (14, 14), angles=(0,), seed=seed),
        "MLP": MLP(1, (14, 14), angles=(0,), seed=seed),
    }


def suite_scores(
    model: Model, seen: Trajectories, true: DampedPendulum, truth: Tensor, seed: int
) -> dict[str, float]:
    """Train by Levenberg–Marquardt, and return the errors of the motion from fresh starts."""
    data = seen.dataset(true.field)
    history = fit(model, data, LevenbergMarquardt(steps=60), progress=False, seed=seed)
    times = 0.05 * torch.arange(len(truth), dtype=torch.float64)
    with torch.no_grad():
        path = integrate(model.field, truth[0], times, "rk4", step=0.01)
    return {
        "coordinate_mse": coordinate_error(path, truth).mean().item(),
        "energy_mse": energy_error(path, true.hamiltonian, truth).mean().item(),
        "seconds": history.seconds,
        "parameters": float(parameter_count(model)),
    }
