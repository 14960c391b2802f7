"""Weights and training states on disk: safetensors files, written whole or not at all.

A file holds plain numbers and JSON; reading one executes nothing. Its metadata carry a
SHA-256 over both, so a file that was damaged or edited is refused.
"""

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from hnn_tutorial._validate import as_file, as_path, check_finite, check_type, describe
from hnn_tutorial.models import MAPS, MODELS, FlowMap, Model, build_model

VERSION = "1"
MODEL_FORMAT = "hnn_tutorial model"
TRAINING_FORMAT = "hnn_tutorial training checkpoint"


def save_model(path: str | os.PathLike[str], model: nn.Module) -> None:
    """Write a model's kind, shape and weights to a safetensors file.

    The file appears under its name only when it is complete; if writing fails, whatever was
    there before is unchanged.

    Args:
        path: the file, usually ``*.safetensors``. Missing folders are made.
        model: one of ``MODELS`` or ``MAPS``, or another with ``kind`` and ``config``, such as a
            ``HamiltonianModel``.

    Raises:
        TypeError: for a module without ``kind`` and ``config``, which could not be rebuilt.
        ValueError: if a weight is not finite.
        OSError: if the file cannot be written.
    """
    if isinstance(path, nn.Module):
        raise TypeError(
            f"path is {describe(path)}; expected the file first: save_model(path, model)"
        )
    if isinstance(model, type) or not hasattr(model, "kind") or not hasattr(model, "config"):
        raise TypeError(
            f"{describe(model)} has no kind and config to be rebuilt from; save_model "
            "takes the models of hnn_tutorial.models"
        )
    _check_weights(model.state_dict())
    metadata = {"kind": model.kind, "config": model.config}
    write(path, MODEL_FORMAT, model.state_dict(), metadata)


def load_model(path: str | os.PathLike[str], model: Any = None) -> Any:
    """Rebuild the model that ``save_model`` wrote.

    A file names its model and executes nothing. So what is not of this package is given by
    hand: a ``Model`` of one's own by its class, a wrapped module by one of the same shape.

    Args:
        path: the file.
        model: None for one of ``MODELS`` or ``MAPS``; a class, called with the stored ``config``;
            or a module of the same shape, such as ``HamiltonianModel(network)``, whose weights
            are replaced.

    Returns:
        The model, on the CPU, in the dtype it was saved in.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is damaged, edited, or holds something else.
    """
    tensors, metadata = read(path, MODEL_FORMAT)
    if isinstance(model, nn.Module):
        check_type(Mapping, "a description of the model", metadata=metadata)
        _check_weights(tensors)
        _check_shapes(path, model, tensors, metadata)
        model.load_state_dict(tensors)
        return model
    if model is not None and not (isinstance(model, type) and issubclass(model, Model | FlowMap)):
        raise TypeError(
            f"model is {describe(model)}; expected a module, or a subclass of Model or FlowMap"
        )
    try:
        _check_weights(tensors)
        kind, config = metadata["kind"], metadata["config"]
        stored = sum(value.numel() for value in tensors.values())
        map_class = MAPS.get(kind) if model is None else model
        if map_class is not None and issubclass(map_class, FlowMap):
            _check_map_size(map_class, config, stored)
        else:
            _check_size(config, stored)
        if model is None and kind not in {**MODELS, **MAPS}:
            raise ValueError(
                f"unknown model {kind!r}: a file alone does not make it; hand in the model that "
                "it is to become, as in load_model(path, HamiltonianModel(network)), or its class"
            )
        model = build_model(kind, config) if model is None else model(**config)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: its description of the model is unusable: {error}") from error
    _check_shapes(path, model, tensors, metadata)
    # For what a model holds beside its weights, such as constants that are not stored.
    model.to(next(value.dtype for value in tensors.values() if value.is_floating_point()))
    model.load_state_dict(tensors, assign=True)
    return model


def _check_shapes(
    path: str | os.PathLike[str],
    model: nn.Module,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, Any],
) -> None:
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    same = getattr(model, "kind", None) == metadata.get("kind")
    if found != expected or not same:
        raise ValueError(
            f"{path}: its weights do not belong to a model of kind "
            f"{getattr(model, 'kind', type(model).__name__)!r} like this one; they are of kind "
            f"{metadata.get('kind')!r} with config {metadata.get('config')}"
        )


def _check_weights(tensors: Mapping[str, Tensor]) -> None:
    for name, value in tensors.items():
        check_finite(value, name)


def _check_map_size(kind: type[FlowMap], config: Mapping[str, Any], stored: int) -> None:
    """Raise ``ValueError``, likewise, for a map."""
    degrees, hidden = int(config["degrees"]), tuple(map(int, config["hidden"]))
    if min(degrees, *hidden) < 1 or kind.fewest_weights(degrees, hidden) > stored:
        raise ValueError(f"a map of {hidden} needs more than the {stored} numbers that are there")


def _check_size(config: Mapping[str, Any], stored: int) -> None:
    """Raise ``ValueError``, before it is built, for a model that these numbers cannot fill."""
    degrees, inputs = int(config.get("degrees", 1)), int(config.get("degrees", 1))
    if "dimension" in config:  # one of bodies, whose network sees a single distance
        inputs, masses = 1, config.get("masses")
        known = stored if masses is None else len(masses)
        if degrees > known * int(config["dimension"]):
            raise ValueError(f"degrees = {degrees} is of more bodies than the file has masses")
    widths = [inputs, *map(int, config.get("hidden", ()))]
    needed = sum(a * b for a, b in itertools.pairwise(widths))
    if min(degrees, *widths) < 1 or needed > stored:
        raise ValueError(f"layers of {widths} need more than the {stored} numbers that are there")


def describe_model(model: nn.Module) -> dict[str, Any]:
    """Return what identifies a model in a training checkpoint, as plain JSON values."""
    shapes = {name: list(value.shape) for name, value in model.named_parameters()}
    description = {
        "kind": getattr(model, "kind", type(model).__name__),
        "config": getattr(model, "config", {}),
        "parameters": shapes,
        "dtype": str(next(iter(model.parameters())).dtype),
    }
    # Through JSON and back, so that it equals its stored self (tuples become lists).
    return json.loads(json.dumps(description))


def write(
    path: str | os.PathLike[str],
    file_format: str,
    tensors: Mapping[str, Tensor],
    metadata: Mapping[str, Any],
) -> None:
    """Write tensors and JSON metadata to a safetensors file, whole or not at all.

    Args:
        path: the file.
        file_format: says what the file is for; ``read`` asks for the same.
        tensors: tensors by name, on any device.
        metadata: plain JSON values.

    Raises:
        OSError: if the file cannot be written; what was there before is unchanged.
    """
    # A copy, because safetensors refuses tensors that share memory.
    stored = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    text = json.dumps(metadata, sort_keys=True)
    header = {
        "format": file_format,
        "version": VERSION,
        "metadata": text,
        "sha256": _digest(file_format, text, stored),
    }
    write_whole(as_path(path), save(stored, metadata=header))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it appears under its name only when it is complete.

    The bytes go to ``<name>.partial`` in the same folder and reach the disk there; one rename
    then puts them in place. A later write replaces what a killed process left behind.

    Raises:
        OSError: if the file cannot be written; what was there before is unchanged.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected the name of a file in it")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    _sync_folder(path.parent)


def read(
    path: str | os.PathLike[str], file_format: str
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what ``write`` wrote, and verify that it is whole.

    Returns:
        ``(tensors, metadata)``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is damaged, edited, of another format or of a later version.
    """
    path = as_file(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            found = header.get("format")
            if found == file_format:
                tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(
            f"{path}: not a complete safetensors file; it may be truncated ({error})"
        ) from error
    if found != file_format:
        other = {
            MODEL_FORMAT: " read it with load_model",
            TRAINING_FORMAT: " pass it to fit as checkpoint=",
        }
        raise ValueError(
            f"{path}: expected a file of format {file_format!r}, found {found!r};"
            f"{other.get(found or '', ' it was not written by this package')}"
        )
    if header.get("version") != VERSION:
        raise ValueError(
            f"{path}: format version {header.get('version')!r}; this package reads {VERSION!r}"
        )
    text = header.get("metadata", "")
    if header.get("sha256") != _digest(file_format, text, tensors):
        raise ValueError(
            f"{path}: its checksum does not match its content; it was damaged or edited"
        )
    try:
        return tensors, json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{path}: its metadata are not JSON ({error})") from error


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """Return a SHA-256 of tensors: names, dtypes, shapes and values."""
    return _digest("", "", {name: t.detach().cpu().contiguous() for name, t in tensors.items()})


def _digest(file_format: str, text: str, tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for part in (file_format, VERSION, text):
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little") + encoded)
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(json.dumps([name, str(value.dtype), list(value.shape)]).encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    # Makes the rename itself durable. Windows cannot open folders; there this is skipped.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
