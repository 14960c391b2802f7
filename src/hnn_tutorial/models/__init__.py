"""The learnable fields and maps, each in a file of its own, and the tables of them.

All take the arguments of ``Model``; the class of each model documents what it adds.
"""

from typing import Any

from hnn_tutorial._validate import lookup
from hnn_tutorial.models._flow_map import FlowMap
from hnn_tutorial.models._lagrangian import LagrangianNetwork
from hnn_tutorial.models._model import Model, Network, parameter_count
from hnn_tutorial.models.activations import ACTIVATIONS
from hnn_tutorial.models.constrained_lnn import ConstrainedLNN
from hnn_tutorial.models.convex import ConvexNetwork
from hnn_tutorial.models.dense import DenseNetwork
from hnn_tutorial.models.dissipative_hnn import DissipativeHNN
from hnn_tutorial.models.forced_mlp import ForcedMLP
from hnn_tutorial.models.henon_net import HenonNet
from hnn_tutorial.models.hgn import HGN, LatentODE, MotionVAE, clip_windows, negative_elbo
from hnn_tutorial.models.hnn import HNN
from hnn_tutorial.models.latent import (
    Autoencoder,
    LatentCoordinate,
    LatentMotion,
    LatentState,
)
from hnn_tutorial.models.lnn import LNN
from hnn_tutorial.models.mlp import MLP
from hnn_tutorial.models.mlp_map import MLPMap
from hnn_tutorial.models.own import FieldModel, HamiltonianModel, LagrangianModel
from hnn_tutorial.models.pairwise_hnn import PairwiseHNN
from hnn_tutorial.models.poisson_nn import LearnedBracketNN, PoissonNN
from hnn_tutorial.models.relative_lnn import RelativeLNN
from hnn_tutorial.models.second_order_mlp import SecondOrderMLP
from hnn_tutorial.models.separable_hnn import SeparableHNN
from hnn_tutorial.models.structured_lnn import StructuredLNN
from hnn_tutorial.models.sympnet import SympNet
from hnn_tutorial.models.torque_mlp import TorqueMLP
from hnn_tutorial.models.unit_mass_hnn import UnitMassHNN

__all__ = [
    "ACTIVATIONS",
    "HGN",
    "HNN",
    "LNN",
    "MAPS",
    "MLP",
    "MODELS",
    "Autoencoder",
    "ConstrainedLNN",
    "ConvexNetwork",
    "DenseNetwork",
    "DissipativeHNN",
    "FieldModel",
    "FlowMap",
    "ForcedMLP",
    "HamiltonianModel",
    "HenonNet",
    "LagrangianModel",
    "LagrangianNetwork",
    "LatentCoordinate",
    "LatentMotion",
    "LatentODE",
    "LatentState",
    "LearnedBracketNN",
    "MLPMap",
    "Model",
    "MotionVAE",
    "PairwiseHNN",
    "PoissonNN",
    "RelativeLNN",
    "SecondOrderMLP",
    "SeparableHNN",
    "StructuredLNN",
    "SympNet",
    "TorqueMLP",
    "UnitMassHNN",
    "build_model",
    "clip_windows",
    "negative_elbo",
    "parameter_count",
]

MODELS: dict[str, type[Model]] = {
    model.kind: model
    for model in (
        MLP,
        SecondOrderMLP,
        HNN,
        SeparableHNN,
        PairwiseHNN,
        DissipativeHNN,
        LNN,
        StructuredLNN,
    )
}
"""The classes of the models, by their kinds."""

MAPS: dict[str, type[FlowMap]] = {map_.kind: map_ for map_ in (MLPMap, SympNet, HenonNet)}
"""The classes of the maps, by their kinds: they have a ``map`` in place of a field."""


def build_model(kind: str, config: dict[str, Any]) -> Any:
    """Make an untrained model or map from its kind and ``config``, as stored in a checkpoint.

    Args:
        kind: a key of ``MODELS`` or ``MAPS``.
        config: as the ``config`` of a model states it.

    Returns:
        The model, its weights drawn anew.

    Raises:
        ValueError: for an unknown kind (the right names are listed), or a config that does
            not fit it.
    """
    chosen: type[Network] = lookup({**MODELS, **MAPS}, kind, "model")
    try:
        return chosen(**config)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"config {config} does not describe a model of kind {kind!r}: {error}"
        ) from error
