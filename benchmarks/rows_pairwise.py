"""Rows about bodies that act on each other in pairs: one potential, for two bodies and for ten."""

import resource
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from harness import Row, make_row, medians, row, seconds
from torch import Tensor

from hnn_tutorial.data import Dataset
from hnn_tutorial.experiments import run_seed, three_body, two_body
from hnn_tutorial.experiments._observed import FRESH
from hnn_tutorial.integrators import UnsettledStepError, integrate
from hnn_tutorial.mechanics import Field
from hnn_tutorial.models import HNN, PairwiseHNN, parameter_count
from hnn_tutorial.systems import NBody, System, ThreeBody, TwoBody
from hnn_tutorial.training import LevenbergMarquardt, fit

SEEDS = range(5)
TWO = TwoBody()
HORIZON = 25.0
SPAN = 5.0
STEP = 0.05


def rollout(field: Field, x0: Tensor, duration: float) -> Tensor:
    """Return states by a method that keeps energy, momentum and angular momentum of its field.

    A field on which its equations have no solution has run away: infinities.
    """
    times = torch.linspace(0, duration, 101, dtype=torch.float64)
    try:
        with torch.no_grad():
            return integrate(field, x0, times, "gauss_legendre4", step=STEP)
    except UnsettledStepError:
        return torch.full((len(times), *x0.shape), torch.inf, dtype=x0.dtype)


def drift(invariant: Callable[[Tensor], Tensor], path: Tensor) -> float:
    """Return the largest change of an invariant over all times and starts."""
    value = invariant(path)
    change = (value - value[:1]).abs().amax()
    return change.nan_to_num(nan=torch.inf).item()


def distances(states: Tensor, bodies: int) -> Tensor:
    """Return the distances of all pairs, ``(..., pairs)``."""
    q = states[..., : states.shape[-1] // 2].unflatten(-1, (bodies, 2))
    apart = torch.cdist(q, q, compute_mode="donot_use_mm_for_euclid_dist")
    first, second = torch.triu_indices(bodies, bodies, 1)
    return apart[..., first, second]


def trained_distances(seed: int) -> Tensor:
    """Return the distances in the training data of two bodies, ``(N,)``."""
    return distances(two_body.TASK.data(seed, velocities=False).train.states, 2)[:, 0]


def exponent(model: PairwiseHNN, r: Tensor) -> tuple[float, float]:
    """Return by which power the force falls, and the worst of it between neighbouring distances.

    Args:
        model: whose force is read off.
        r: distances, in ascending order.
    """
    with torch.no_grad():
        x, y = torch.log(r), torch.log(model.attraction(r))
    centred = x - x.mean()
    local = y.diff() / x.diff()
    worst = local[(local + 2).abs().argmax()]
    return ((centred * y).sum() / centred.square().sum()).item(), worst.item()


def two_body_scores(kind: str, seed: int) -> dict[str, float]:
    """Train a model of the recipe on two bodies, and return its scores.

    All take the same steps on the same data, and those that are quicker as many again.
    """
    recipe = two_body.PAIRWISE
    settings = recipe.optimizers["levenberg_marquardt"]
    if kind != "pairwise_hnn":
        more = replace(settings, steps=2 * settings.steps)
        recipe = replace(recipe, optimizers={"levenberg_marquardt": more})
    result, model = run_seed(recipe, seed, model=kind)
    rest = TWO.sample(15, FRESH)
    # The same orbits, whose centre of mass starts elsewhere and moves, as in no data.
    move = torch.tensor([0.3, -0.2] * 2 + [0.05, 0.1] * 2, dtype=torch.float64)
    x0 = torch.cat([rest, rest + move])
    times = torch.linspace(0, HORIZON, 101, dtype=torch.float64)
    path, true = rollout(model.field, x0, HORIZON), TWO.solution(x0, times)
    off = (path - true)[-1].square().mean(-1).sqrt().nan_to_num(nan=torch.inf)
    scores = {
        "seconds": result.seconds,
        "weights": float(result.parameters),
        "field_mse": result.scores["field_mse"],
        "coordinates at 25 s": off[:15].median().item(),
        "coordinates at 25 s, moving": off[15:].median().item(),
    }
    for name, part in (("", path[:, :15]), (", moving", path[:, 15:])):
        for key, invariant in TWO.invariants.items():
            scores[f"{key} drift{name}"] = drift(invariant, part)
        scores[f"Laplace vector drift{name}"] = drift(TWO.laplace_vector, part)
    if isinstance(model, PairwiseHNN):
        seen = trained_distances(seed)
        ends = seen.quantile(torch.tensor([0.01, 0.99], dtype=torch.float64))
        inside = torch.linspace(*ends.tolist(), 200, dtype=torch.float64)
        scores["exponent"], scores["worst exponent"] = exponent(model, inside)
    return scores


@row
def pairwise_two_bodies(repeats: int) -> list[Row]:
    """A potential of the distance against models of its size: field, invariants, motion.

    The drift of an invariant is its largest change over 15 fresh orbits of 25 s, in SI units.
    """
    rivals = ("hnn", "second_order_mlp", "mlp")
    runs = [
        {kind: two_body_scores(kind, seed) for kind in ("pairwise_hnn", *rivals)} for seed in SEEDS
    ]
    ours = medians(run["pairwise_hnn"] for run in runs)
    kept = ("momentum x", "momentum y", "angular momentum")
    reach = all(ours[f"{key} drift{name}"] <= 1e-12 for key in kept for name in ("", ", moving"))
    reach = reach and ours["field_mse"] <= 1e-10 and ours["seconds"] <= 20
    reach = reach and ours["weights"] <= 200 and abs(ours["worst exponent"] + 2) <= 0.01
    return [
        make_row(
            f"pairwise_two_bodies: against {kind}",
            medians(run[kind] for run in runs),
            ours,
            [run[kind]["field_mse"] / run["pairwise_hnn"]["field_mse"] for run in runs],
            "field_mse <= 1e-10 in 20 s with 200 weights, momenta drift <= 1e-12 over 25 s, "
            "exponent -2 +- 0.01 everywhere in the data, ratio > 1",
            lambda ratio: reach and ratio > 1,
            runs=[{kind: run[kind], "pairwise_hnn": run["pairwise_hnn"]} for run in runs],
        )
        for kind in rivals
    ]


def energy_scores(field: Field, system: System, x0: Tensor, seen: Tensor) -> dict[str, float]:
    """Return the energy errors of a motion over 5 s, of starts that stay inside what was seen."""
    bodies = system.degrees // 2
    true = rollout(system.field, x0, SPAN)
    apart = distances(true, bodies).amin((0, -1)), distances(true, bodies).amax((0, -1))
    inside = (apart[0] >= seen.min()) & (apart[1] <= seen.max())
    path = rollout(field, x0[inside], SPAN)
    energy = system.hamiltonian(path)
    error = (energy - energy[:1]).abs().amax(0).nan_to_num(nan=torch.inf)
    off = (path - true[:, inside])[-1].square().mean(-1).sqrt().nan_to_num(nan=torch.inf)
    return {
        "starts": float(inside.sum()),
        "nearest": apart[0][inside].min().item(),
        "farthest": apart[1][inside].max().item(),
        "energy error": error.median().item(),
        "worst energy error": error.max().item(),
        "coordinates at 5 s": off.median().item(),
    }


def plain_of_ten(system: NBody, seed: int) -> tuple[HNN, float]:
    """Return an HNN of ten bodies, trained on their own motion, and how long that took.

    20 orbits of 26 states, from starts like those that are scored.
    """
    x0 = system.sample(20, seed, distance=(1.6, 1.8), spread=0.003)
    times = torch.linspace(0, SPAN, 26, dtype=torch.float64)
    states = integrate(system.field, x0, times, "dop853", rtol=1e-10, atol=1e-10).flatten(0, 1)
    model = HNN(system.degrees, (12, 12), seed=seed)
    data = Dataset(states, system.field(states))
    history = fit(model, data, LevenbergMarquardt(steps=12, chunk=250), progress=False)
    return model, history.seconds


@row
def pairwise_more_bodies(repeats: int) -> list[Row]:
    """Trained on two bodies, run on three and on ten, against HNNs that saw three and ten."""
    three, ten = ThreeBody(), NBody((1.0,) * 10)
    starts = {
        3: three.sample(20, FRESH, radius=(1.2, 1.6), spread=0.05),
        10: ten.sample(20, FRESH, distance=(1.6, 1.8), spread=0.003),
    }
    # A fifth of the recipe's orbits: 16,000 states are more than 175 weights can use.
    task = replace(three_body.TASK, trajectories=1000, starts=4, horizon=1.0)
    recipe = replace(three_body.PAIRWISE, task=task)
    runs: dict[int, list[dict[str, Any]]] = {3: [], 10: []}
    for seed in SEEDS:
        result, model = run_seed(two_body.PAIRWISE, seed)
        seen = trained_distances(seed)
        own, plain = run_seed(recipe, seed, model="hnn")
        large, spent = plain_of_ten(ten, seed)
        for system, rival, rival_seconds in ((three, plain, own.seconds), (ten, large, spent)):
            bodies = system.degrees // 2
            many = model.for_bodies(bodies, masses=model.masses.mean())
            runs[bodies].append(
                {
                    "reference": {
                        "seconds": rival_seconds,
                        "weights": float(parameter_count(rival)),
                        **energy_scores(rival.field, system, starts[bodies], seen),
                    },
                    "ours": {
                        "seconds": result.seconds,
                        "weights": float(result.parameters),
                        **energy_scores(many.field, system, starts[bodies], seen),
                    },
                }
            )
    return [
        make_row(
            f"pairwise_more_bodies: {bodies} bodies, trained on two",
            medians(run["reference"] for run in each),
            ours := medians(run["ours"] for run in each),
            [run["reference"]["energy error"] / run["ours"]["energy error"] for run in each],
            "worst energy error <= 1e-4 J over 5 s inside the trained distances, ratio > 1",
            lambda ratio, ours=ours: ours["worst energy error"] <= 1e-4 and ratio > 1,
            runs=each,
        )
        for bodies, each in runs.items()
    ]


def pair_by_pair(model: PairwiseHNN, x: Tensor) -> Tensor:
    """Return the field as a loop over the pairs computes it."""
    q, p = (half.unflatten(-1, (model.bodies, 2)) for half in x.chunk(2, dim=-1))
    force = [torch.zeros_like(q[..., 0, :]) for _ in range(model.bodies)]
    for i in range(model.bodies):
        for j in range(i):
            apart = q[..., j, :] - q[..., i, :]
            r = apart.norm(dim=-1)
            pull = (model.attraction(r) / r).unsqueeze(-1) * apart
            force[i], force[j] = force[i] + pull, force[j] - pull
    velocity = p / model.masses.unsqueeze(-1)
    return torch.cat([velocity.flatten(-2), *force], dim=-1)


def grown() -> float:
    """Return the most memory that the process has held so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


@row
def pairwise_cost(repeats: int, device: str = "cpu") -> list[Row]:
    """Time of the field of 32 states by the number of bodies, and the power by which it grows.

    Against a loop over the pairs, at 64 bodies. The memory is what the process grows by beyond
    that for two bodies, on the CPU.
    """
    numbers, batch = (2, 4, 8, 16, 32, 64), 32
    two = PairwiseHNN(4, (11, 11), masses=1.0, seed=0).to(device)
    records, memory = [], {}
    for _ in range(repeats):
        record: dict[str, float] = {}
        for bodies in numbers:
            model = two.for_bodies(bodies)
            x = NBody((1.0,) * bodies).sample(batch, 0).to(device)
            calls = max(1, 100 // bodies)
            with torch.no_grad():
                # The shortest of many: on a machine with other work, the one least disturbed.
                spent = min(
                    seconds(lambda m=model, x=x, n=calls: [m.field(x) for _ in range(n)])
                    for _ in range(15)
                )
            record[f"{bodies} bodies"] = spent / calls
            memory.setdefault(f"{bodies} bodies", grown())
        with torch.no_grad():
            torch.testing.assert_close(model.field(x), pair_by_pair(model, x))
            record["loop, 64 bodies"] = min(
                seconds(lambda m=model, x=x: pair_by_pair(m, x)) for _ in range(3)
            )
        large = [n for n in numbers if n >= 8]
        size = torch.log(torch.tensor(large, dtype=torch.float64))
        time = torch.log(torch.tensor([record[f"{n} bodies"] for n in large], dtype=torch.float64))
        centred = size - size.mean()
        record["exponent from 8"] = ((centred * time).sum() / centred.square().sum()).item()
        records.append(record)
    found = medians(records)
    return [
        make_row(
            "pairwise_cost" if device == "cpu" else f"pairwise_cost: {device}",
            {"loop, 64 bodies": found["loop, 64 bodies"]},
            {key: value for key, value in found.items() if not key.startswith("loop")},
            [record["loop, 64 bodies"] / record["64 bodies"] for record in records],
            "exponent <= 2.5 (memory beyond the caches costs more), faster than a loop",
            lambda ratio: ratio > 1 and found["exponent from 8"] <= 2.5,
            runs=records,
            megabytes={key: value - memory["2 bodies"] for key, value in memory.items()},
        )
    ]
