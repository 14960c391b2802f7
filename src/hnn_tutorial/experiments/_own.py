"""A model of somebody else's in a recipe, named as ``module:Name``."""

import hashlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from hnn_tutorial._validate import describe


def is_own(kind: str) -> bool:
    """Return whether a kind of model names one of somebody else's."""
    return isinstance(kind, str) and ":" in kind


def find_own(kind: str) -> Callable[..., Any]:
    """Import what ``module:Name`` names; the folder that the command runs in is searched too.

    Raises:
        ValueError: if there is no such module, or nothing of this name in it.
    """
    module, _, name = kind.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    try:
        if module.startswith("."):
            raise ImportError("a relative name")
        maker = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            f"model {kind!r}: expected module:Name, such as mymodels:MyModel for the class MyModel "
            f"in mymodels.py ({error})"
        ) from error
    if not callable(maker):
        raise ValueError(f"model {kind!r} is {describe(maker)}; expected a class or a function")
    return maker


def build_own(kind: str, degrees: int, generator: torch.Generator, dtype: torch.dtype) -> nn.Module:
    """Call ``Name(degrees)`` for an untrained model, its weights drawn from this generator.

    Raises:
        ValueError: if it cannot be called so, or makes no module with a ``field``.
    """
    maker = find_own(kind)
    draw = int(torch.randint(2**31, (), generator=generator))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw)
        try:
            taken = inspect.signature(maker).parameters
            given = {"seed": draw} if "seed" in taken else {}
            inspect.signature(maker).bind(degrees, **given)
        except (TypeError, ValueError) as error:
            raise ValueError(f"model {kind!r} cannot be called with (degrees): {error}") from error
        model = maker(degrees, **given)
    if not isinstance(model, nn.Module) or not callable(getattr(model, "field", None)):
        raise ValueError(
            f"model {kind!r} made {describe(model)} without a field(x); wrap a network that is an "
            "H in HamiltonianModel, an L in LagrangianModel, a field in FieldModel"
        )
    return model.to(dtype)


def own_settings(kind: str) -> dict[str, str]:
    """Return what identifies such a model: its name, and the file that it stands in."""
    module = inspect.getmodule(find_own(kind))
    file = getattr(module, "__file__", None)
    source = "" if file is None else hashlib.sha256(Path(file).read_bytes()).hexdigest()
    return {"own": kind, "source": source}
