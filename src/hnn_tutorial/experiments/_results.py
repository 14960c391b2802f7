"""Results on disk: a file for each seed, written whole or not at all, and their table.

A folder of results holds::

    DIR/<recipe>/<model>-<optimizer>/seed-<k>.json         what the seed came to
                                     seed-<k>.safetensors  the trained model
                                     seed-<k>/             checkpoints of a seed not yet done

The JSON file is written last: where it is, the seed is done. It carries the settings and the
versions that it was made with, and a SHA-256 over its content.
"""

import contextlib
import dataclasses
import functools
import hashlib
import json
import math
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy
import torch
from torch import nn

import hnn_tutorial
from hnn_tutorial._validate import (
    as_file,
    as_path,
    check_count,
    check_not_negative,
    check_seed,
    check_type,
    lookup,
)
from hnn_tutorial.evaluation import Spread, over_seeds
from hnn_tutorial.experiments._own import is_own, own_settings
from hnn_tutorial.experiments._recipe import Recipe, Result
from hnn_tutorial.training import checkpoint, save_model
from hnn_tutorial.training.checkpoint import fingerprint
from hnn_tutorial.training.losses import LearnableField

FORMAT = "hnn_tutorial result"
VERSION = 1
ERROR_FILE = "error.txt"


@dataclass(frozen=True)
class StoredResult:
    """A result with the settings and versions that made it.

    Attributes:
        path: of its JSON file.
        result: what the seed came to.
        settings: of recipe, model and optimiser, as plain JSON values; see ``settings_of``.
        versions: of packages, Python and processor.
        weights: SHA-256 of the trained model's weights; None where there is no model.
    """

    path: Path
    result: Result
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    weights: str | None


def result_path(
    out: str | os.PathLike[str], recipe: str, model: str, optimizer: str, seed: int
) -> Path:
    """Return where a result stands in the folder ``out``."""
    # A colon, as in module:Name, may not stand in the name of a folder everywhere.
    return Path(out) / recipe / f"{model.replace(':', '.')}-{optimizer}" / f"seed-{seed}.json"


def model_path(path: Path) -> Path:
    """Return where the trained model of a result is; ``load_model`` reads it.

    Args:
        path: of the result.
    """
    return as_path(path).with_suffix(".safetensors")


def work_folder(path: Path) -> Path:
    """Return where the checkpoints of an unfinished result are."""
    return path.with_suffix("")


# Settings


def settings_of(recipe: Recipe, model: str, optimizer: str, device: str) -> dict[str, Any]:
    """Return all that decides what a seed of a recipe comes to, as plain JSON values.

    Functions stand in it by their names: a change of their code goes unseen. A model of one's
    own stands by its name and the SHA-256 of its file.

    Raises:
        ValueError: for a model or an optimiser that the recipe does not have.
    """
    if is_own(model):
        chosen: Any = own_settings(model)
    else:
        chosen = lookup(recipe.models, model, f"model of the recipe {recipe.name}")
    return {
        "task": _plain(recipe.task),
        "degrees": recipe.degrees,
        "model": _plain(chosen),
        "optimizer": _plain(
            lookup(recipe.optimizers, optimizer, f"optimizer of the recipe {recipe.name}")
        ),
        "train": _plain(recipe.train),
        "initialize": _plain(recipe.initialize),
        "dtype": str(recipe.dtype),
        "device": device,
    }


def difference(stored: Any, now: Any, name: str = "") -> str | None:
    """Return the first setting in which two differ, such as ``optimizer.steps = 5, not 9``."""
    if isinstance(stored, dict) and isinstance(now, dict):
        for key in [*now, *(key for key in stored if key not in now)]:
            inner = f"{name}.{key}" if name else key
            found = difference(stored.get(key), now.get(key), inner)
            if found:
                return found
        return None
    return None if stored == now else f"{name} = {stored!r}, not {now!r}"


def _plain(value: Any) -> Any:
    """Return settings as JSON values that are the same in every process."""
    if isinstance(value, numpy.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return _encoded(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, torch.Tensor):
        return fingerprint({"": value})
    if isinstance(value, torch.dtype | torch.device | os.PathLike):
        return str(value)
    if isinstance(value, functools.partial):
        given = {"args": _plain(value.args), **_plain(value.keywords)}
        return {"function": _plain(value.func), **given}
    if hasattr(value, "__qualname__"):
        return _function(value)
    if dataclasses.is_dataclass(value):
        # Not asdict, which would copy what is inside and forget its classes.
        inner = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    else:
        inner = getattr(value, "__dict__", {})
    return {"class": _function(type(value)), **_plain(inner)}


def _function(value: Callable[..., Any]) -> Any:
    name = f"{value.__module__}.{value.__qualname__}"
    cells = getattr(value, "__closure__", None)
    if not cells:
        return name
    names = value.__code__.co_freevars
    return {"function": name, **{n: _plain(c.cell_contents) for n, c in zip(names, cells)}}  # noqa: B905


def versions() -> dict[str, str]:
    """Return what the last digits and the timings of a result depend on."""
    return {
        "hnn_tutorial": hnn_tutorial.__version__,
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
        "processor": processor(),
    }


def processor() -> str:
    """Return the name of the processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


# Files


def write_result(
    path: Path, result: Result, settings: Mapping[str, Any], learned: LearnableField
) -> None:
    """Write a result, and the trained model where ``save_model`` takes it.

    Raises:
        ValueError: if a score is NaN: a rollout that diverged scores infinity.
        OSError: if a file cannot be written; a result that was there before is unchanged.
    """
    bad = [name for name, score in result.scores.items() if math.isnan(score)]
    if bad:
        raise ValueError(f"the scores {', '.join(bad)} are NaN; a diverged run should score inf")
    weights = None
    if isinstance(learned, nn.Module) and hasattr(learned, "kind") and hasattr(learned, "config"):
        save_model(model_path(path), learned)
        weights = fingerprint(learned.state_dict())
    fields = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    scores = {name: _encoded(float(score)) for name, score in result.scores.items()}
    content = {
        "result": {**fields, "scores": scores},
        "settings": settings,
        "versions": versions(),
        "weights": weights,
    }
    write_json(path, {"format": FORMAT, "version": VERSION, "sha256": _digest(content), **content})


def read_result(path: Path) -> StoredResult:
    """Read what ``write_result`` wrote, and verify that it is whole and stands in its place.

    Args:
        path: of the result, a JSON file.

    Returns:
        The result, with the settings that it was made with.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is truncated, edited, of another format, or moved from elsewhere; or
            if its trained model is missing or another one.
    """
    path = as_file(path)
    text = path.read_bytes()
    advice = "; delete it, and the seed will be run again"
    try:
        content = json.loads(text, parse_constant=_refuse)
        header = {name: content.pop(name, None) for name in ("format", "version", "sha256")}
    except (ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{path}: not a result; it may be truncated ({error}){advice}") from error
    if header["format"] != FORMAT:
        raise ValueError(f"{path}: expected a file of format {FORMAT!r}, not {header['format']!r}")
    if header["version"] != VERSION:
        raise ValueError(
            f"{path}: format version {header['version']!r}; this package reads {VERSION!r}"
        )
    if header["sha256"] != _digest(content):
        raise ValueError(
            f"{path}: its checksum does not match its content; it was damaged or edited{advice}"
        )
    try:
        result = _result(content["result"])
        weights, settings, made_with = (content[k] for k in ("weights", "settings", "versions"))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path}: its content is not that of a result ({error}){advice}"
        ) from error
    place = result_path("", result.recipe, result.model, result.optimizer, result.seed)
    if path.absolute().parts[-3:] != place.parts:
        raise ValueError(f"{path}: it is the result of {place}, and was moved{advice}")
    if weights is not None:
        try:
            tensors, _ = checkpoint.read(model_path(path), checkpoint.MODEL_FORMAT)
        except FileNotFoundError:
            raise ValueError(f"{path}: its trained model is missing{advice}") from None
        if fingerprint(tensors) != weights:
            raise ValueError(f"{model_path(path)}: not the model of {path.name}{advice}")
    return StoredResult(path, result, settings, made_with, weights)


def _result(fields: Mapping[str, Any]) -> Result:
    """Return a result from what JSON held of it, or raise what is wrong with that."""
    result = Result(**fields)
    scores = {name: float(score) for name, score in result.scores.items()}
    for name in ("recipe", "model", "optimizer", "device"):
        check_type(str, "text", **{name: getattr(result, name)})
    check_seed(result.seed)
    check_count(parameters=result.parameters)
    check_not_negative(seconds=result.seconds)
    if any(math.isnan(score) for score in scores.values()):
        raise ValueError("a score is NaN")
    return dataclasses.replace(result, scores=scores)


def read_results(out: str | os.PathLike[str]) -> list[StoredResult]:
    """Read all results in a folder.

    Args:
        out: the folder.

    Returns:
        The results, in the order of their paths.

    Raises:
        FileNotFoundError: if there is no such folder.
        ValueError: if a result is not as it was written; see ``read_result``.
    """
    out = as_path(out, "out")
    if not out.is_dir():
        raise FileNotFoundError(f"{out}: there is no such folder")
    return [read_result(path) for path in sorted(out.glob("*/*/seed-*.json"))]


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file, whole or not at all, as ``training.checkpoint.write`` does its own."""
    text = json.dumps(content, indent=1, allow_nan=False) + "\n"
    checkpoint.write_whole(path, text.encode())


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True, allow_nan=False)
    return hashlib.sha256(f"{FORMAT} {VERSION} {text}".encode()).hexdigest()


def _encoded(value: float) -> float | str:
    """Return a number as JSON can hold it: there is no infinity in JSON."""
    return value if math.isfinite(value) else str(value)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


# The table


@dataclass(frozen=True)
class Row:
    """The seeds of a recipe with one model and one optimiser, taken together.

    Attributes:
        recipe: what was run, by its name.
        model: the kind of model.
        optimizer: the name of its settings.
        device: where it was trained.
        seeds: that are done.
        failed: seeds that ended in an error, which no score can count.
        parameters: trainable numbers of the model.
        seconds: wall time of the training.
        scores: over the seeds, by name.
    """

    recipe: str
    model: str
    optimizer: str
    device: str
    seeds: tuple[int, ...]
    failed: tuple[int, ...]
    parameters: int
    seconds: Spread
    scores: Mapping[str, Spread]

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain JSON values; an infinity is the string "inf"."""

        def spread(values: Spread) -> dict[str, Any]:
            numbers = {name: _encoded(getattr(values, name)) for name in ("median", "low", "high")}
            return {**numbers, "values": [_encoded(value) for value in values.values]}

        return {
            **asdict(self),
            "seconds": spread(self.seconds),
            "scores": {name: spread(values) for name, values in self.scores.items()},
        }


def table(results: Sequence[StoredResult]) -> list[Row]:
    """Return one row for each recipe, model and optimiser, sorted by their names.

    Args:
        results: of any recipes and seeds.

    Raises:
        ValueError: if seeds of one row were made with different settings or have different
            scores.
    """

    def key(stored: StoredResult) -> tuple[str, str, str]:
        return stored.result.recipe, stored.result.model, stored.result.optimizer

    check_type((list, tuple), "results, as read_results gives them", results=results)
    for stored in results:
        check_type(StoredResult, "a result, as read_result gives it", stored=stored)
    ordered = sorted(results, key=lambda stored: (*key(stored), stored.result.seed))
    return [_row(list(seeds)) for _, seeds in groupby(ordered, key)]


def _row(stored: list[StoredResult]) -> Row:
    first = stored[0]
    for other in stored[1:]:
        changed = difference(other.settings, first.settings)
        if changed:
            raise ValueError(
                f"{other.path} was made with other settings than {first.path.name} beside it "
                f"({changed}): they have no common median. Delete one of them"
            )
        if set(other.result.scores) != set(first.result.scores):
            raise ValueError(f"{other.path} has other scores than {first.path.name} beside it")
    results = [each.result for each in stored]
    seeds = {result.seed for result in results}
    errors = first.path.parent.glob(f"seed-*/{ERROR_FILE}")
    failed = {int(path.parent.name.removeprefix("seed-")) for path in errors}
    return Row(
        first.result.recipe,
        first.result.model,
        first.result.optimizer,
        first.result.device,
        tuple(sorted(seeds)),
        tuple(sorted(failed - seeds)),
        first.result.parameters,
        over_seeds(result.seconds for result in results),
        {name: over_seeds(r.scores[name] for r in results) for name in first.result.scores},
    )
