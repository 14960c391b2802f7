"""Rows about order and chaos: 200 starts of the Hénon–Heiles system, classified by networks.

Each seed draws forty recorded motions with energies up to that of escape, 21 states of each, and
the first weights. All networks have nearly the same number of weights and take the same steps.
Then the alignment index classifies 200 starts at E = 1/8 under each learned field and under the
true one; a start counts where both give the same class. The figure that no network can beat is what
the true field gives against itself, with another integrator.
"""

from functools import partial

import torch
from harness import Row, make_row, row

from hnn_tutorial.comparison import compare
from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import alignment_index, field_error
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import HNN, MLP, SecondOrderMLP
from hnn_tutorial.systems import HenonHeiles
from hnn_tutorial.training import LevenbergMarquardt

SYSTEM = HenonHeiles()
OPTIMIZER = LevenbergMarquardt(steps=40, weight_decay=1e-9)
CLOCK = torch.linspace(0, 30, 21, dtype=torch.float64)
DURATION = 600
RIVALS = {"baseline": MLP, "second order": SecondOrderMLP, "hnn": HNN}


def recorded(seed: int) -> Dataset:
    """Return 40 motions of 21 states each, with energies uniform up to that of escape."""
    generator = torch.Generator().manual_seed(seed)
    energies = torch.rand(40, generator=generator, dtype=torch.float64) / 6
    starts = [SYSTEM.sample(1, generator, energy=energy) for energy in energies.tolist()]
    states = integrate(SYSTEM.field, torch.cat(starts), CLOCK, step=0.05).flatten(0, 1)
    return Dataset(states, SYSTEM.field(states))


@row
def order_and_chaos(repeats: int) -> list[Row]:
    """Classify by the MLP, the second-order MLP and the HNN; five seeds, whatever ``repeats``."""
    starts = SYSTEM.sample(200, seed=0, energy=1 / 8)
    times = torch.arange(DURATION + 1, dtype=torch.float64)

    def chaotic(field, method: str = "rk4", step: float = 0.2) -> torch.Tensor:
        index = alignment_index(field, starts, times, method, step=step)[-1]
        return torch.where(index.isnan(), torch.nan, (index < 1e-4).double())

    truth = chaotic(SYSTEM.field)
    again = chaotic(SYSTEM.field, "forest_ruth", 0.25)
    fresh = recorded(99).states
    classes: dict[int, torch.Tensor] = {}

    def agreement(model: torch.nn.Module) -> float:
        classes[id(model)] = chaotic(model.field)
        return (classes[id(model)] == truth).double().mean().item()

    table = compare(
        {name: partial(_seeded, model) for name, model in RIVALS.items()},
        recorded,
        OPTIMIZER,
        {
            "agreement": agreement,
            "chaotic": lambda model: classes[id(model)].nanmean().item(),
            "field error": lambda model: field_error(model.field, SYSTEM.field, fresh),
        },
        seeds=range(5),
    )
    runs = {name: dict(scores) for name, scores in table.values.items()}
    middle = {name: table.spread(name, "agreement").median for name in RIVALS}
    return [
        make_row(
            "order_and_chaos",
            {name: middle[name] for name in ("baseline", "second order")},
            {"hnn": middle["hnn"]},
            runs["hnn"]["agreement"],
            "share of 200 starts classified as the truth does: 0.95",
            lambda share: share >= 0.95,
            itself=(again == truth).double().mean().item(),
            chaotic=truth.mean().item(),
            duration=DURATION,
            runs=runs,
        )
    ]


def _seeded(model: type[torch.nn.Module], seed: int) -> torch.nn.Module:
    return model(2, (16, 16), seed=seed)
