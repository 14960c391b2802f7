"""The learnable fields, each in a file of its own, and the table of them.

All take the arguments of ``Model``; the class of each model documents what it adds.
"""

from typing import Any

from hnn_tutorial._validate import lookup
from hnn_tutorial.models._lagrangian import LagrangianNetwork
from hnn_tutorial.models._model import Model, parameter_count
from hnn_tutorial.models.dense import ACTIVATIONS, DenseNetwork
from hnn_tutorial.models.dissipative_hnn import DissipativeHNN
from hnn_tutorial.models.hnn import HNN
from hnn_tutorial.models.lnn import LNN
from hnn_tutorial.models.mlp import MLP
from hnn_tutorial.models.own import FieldModel, HamiltonianModel, LagrangianModel
from hnn_tutorial.models.second_order_mlp import SecondOrderMLP
from hnn_tutorial.models.separable_hnn import SeparableHNN
from hnn_tutorial.models.structured_lnn import StructuredLNN

__all__ = [
    "ACTIVATIONS",
    "HNN",
    "LNN",
    "MLP",
    "MODELS",
    "DenseNetwork",
    "DissipativeHNN",
    "FieldModel",
    "HamiltonianModel",
    "LagrangianModel",
    "LagrangianNetwork",
    "Model",
    "SecondOrderMLP",
    "SeparableHNN",
    "StructuredLNN",
    "build_model",
    "parameter_count",
]

MODELS: dict[str, type[Model]] = {
    model.kind: model
    for model in (MLP, SecondOrderMLP, HNN, SeparableHNN, DissipativeHNN, LNN, StructuredLNN)
}
"""The classes of the models, by their kinds."""


def build_model(kind: str, config: dict[str, Any]) -> Model:
    """Make an untrained model from its kind and ``config``, as stored in a checkpoint.

    Args:
        kind: a key of ``MODELS``.
        config: as the ``config`` of a model states it.

    Returns:
        The model, its weights drawn anew.

    Raises:
        ValueError: for an unknown kind (the right names are listed), or a config that does
            not fit it.
    """
    chosen = lookup(MODELS, kind, "model")
    try:
        return chosen(**config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"config {config} does not describe a model of kind {kind!r}: {error}"
        ) from error
