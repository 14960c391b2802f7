"""Studies for the open tasks with two rivals (`check.study.Duel`), as a learner hands them in."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hnn_tutorial.check.study import Duel

Study = dict[str, Any]


def experiment(
    duel: Duel, values: Sequence[float], seeds: Sequence[int], varied: str, prediction: str
) -> Study:
    """A study, measured and concluded as the exercise asks for."""
    settings = {value: {**duel.usual, varied: value} for value in values}
    study: Study = {"varied": varied, "values": list(values), "seeds": list(seeds)}
    study["prediction"] = dict.fromkeys(values, prediction)
    for rival in duel.rivals:
        study[rival] = {
            value: [duel.measure(rival, **settings[value], seed=seed) for seed in seeds]
            for value in values
        }
    study["conclusion"] = {
        value: duel.verdict(*(study[rival][value] for rival in duel.rivals)) for value in values
    }
    return study


def without(study: Study, value: float) -> Study:
    """The study without one of its settings."""
    kept = [v for v in study["values"] if v != value]
    shorter = {
        part: {v: given[v] for v in kept}
        for part, given in study.items()
        if isinstance(given, dict)
    }
    return study | {"values": kept} | shorter


def with_row(study: Study, rival: str, value: float, row: Any) -> Study:
    """The study with other numbers of a rival at one of its settings."""
    return study | {rival: study[rival] | {value: row}}


def form(duel: Duel, study: Study) -> dict[str, Any]:
    """What a `Case` of a study says of its form: nothing filled in, free words, all words."""
    return {
        "blank": dict.fromkeys(duel.keys, ...),
        "equivalent": {"['prediction'][": "a prediction may be wrong"},
        "dear": ("seeds",),
        "words": {
            **dict.fromkeys(study["values"], duel.verdicts),
            "varied": tuple(duel.usual),
        },
    }


def faults(duel: Duel, study: Study) -> dict[str, tuple[Study, str]]:
    """Studies that are wrong whatever they are about, with the message that each must get."""
    guess = next(iter(study["prediction"].values()))
    few = experiment(duel, study["values"], [0, 1, 2], study["varied"], guess)
    return {
        "three seeds": (few, "five seeds or more"),
        "a seed twice": (study | {"seeds": [0, 1, 2, 3, 3]}, "A seed stands twice"),
        "eleven seeds": (study | {"seeds": list(range(11))}, "Ten seeds are enough"),
    }


# --- the same numbers, handed in differently -----------------------------------------------------


def _rewritten(duel: Duel, study: Study, write: Callable[[list[float]], Any]) -> Study:
    rows = {
        rival: {value: write(row) for value, row in study[rival].items()} for rival in duel.rivals
    }
    return study | rows


def rounded(duel: Duel, study: Study) -> Study:
    """The study with two digits of each number."""
    return _rewritten(duel, study, lambda row: [float(f"{number:.2g}") for number in row])


def by_seed(duel: Duel, study: Study) -> Study:
    """The study with a dictionary in the place of each list."""
    return _rewritten(duel, study, lambda row: dict(zip(study["seeds"], row, strict=True)))


def arrays(duel: Duel, study: Study) -> Study:
    """The study with an array in the place of each list."""
    return _rewritten(duel, study, np.array)
