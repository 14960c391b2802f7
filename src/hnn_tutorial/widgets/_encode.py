"""Systems, models and training regions as the plain values that travel to a lab's JavaScript."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hnn_tutorial.models import HNN, MLP, DenseNetwork, Model, SecondOrderMLP, parameter_count
from hnn_tutorial.systems import (
    DampedMassSpring,
    DampedPendulum,
    MassSpring,
    Pendulum,
    System,
)

LAB_SYSTEMS = (MassSpring, DampedMassSpring, Pendulum, DampedPendulum)
LAB_MODELS = (MLP, SecondOrderMLP, HNN)
LAB_ACTIVATIONS = ("tanh", "softplus", "sin")
"""What ``systems.js``, ``models.js`` and ``network.js`` hold; a test compares the tables."""

MAX_PARAMETERS = 20_000
"""The largest network that a browser integrates without stumbling, with room to spare."""

MAX_MODELS = 4

ROLE_OF_KIND = {"mlp": "baseline", "hnn": "hnn", "lnn": "lnn", "second_order_mlp": "second order"}
"""The palette's role, and so colour and line style, of each kind of model."""


def encode_system(system: System) -> dict[str, Any]:
    """Return ``{"name", "parameters"}`` of a system that the labs know.

    Raises:
        TypeError: if it is not one of ``LAB_SYSTEMS``.
    """
    if type(system) not in LAB_SYSTEMS:
        raise TypeError(
            f"system is a {type(system).__name__}; the labs know "
            f"{', '.join(kind.__name__ for kind in LAB_SYSTEMS)}"
        )
    return {"name": system.name, "parameters": {p.name: p.value for p in system.parameters}}


def encode_models(system: System, models: Mapping[str, Model]) -> tuple[list[dict], bytes]:
    """Return the description of each model, and the weights of all as little-endian float32.

    Args:
        system: the system that they were trained on.
        models: label -> trained model.

    Returns:
        Specs ``{"label", "role", "kind", "degrees", "sizes", "activation", "count"}``, and the
        weights of the models one after the other.

    Raises:
        TypeError: if a model is of a kind that the labs cannot run.
        ValueError: if a model is too large, of another state size, or not finite; or for too
            many models.
    """
    if len(models) > MAX_MODELS:
        raise ValueError(f"{len(models)} models; a lab draws at most {MAX_MODELS} and the truth")
    specs, weights, free = [], [], list(ROLE_OF_KIND.values())
    # Each model takes the style of its kind; a second one of a kind takes a style still free.
    own = {label: ROLE_OF_KIND.get(getattr(model, "kind", None)) for label, model in models.items()}
    for label, model in models.items():
        numbers = model_weights(label, model, system.degrees)
        wanted = own[label]
        if wanted not in free:
            wanted = next(role for role in reversed(free) if role not in own.values())
        free.remove(wanted)
        layers = model.network.layers
        specs.append(
            {
                "label": str(label),
                "role": wanted,
                "kind": model.kind,
                "degrees": model.degrees,
                "sizes": [layers[0].in_features, *(layer.out_features for layer in layers)],
                "activation": model.activation,
                "count": len(numbers),
            }
        )
        weights.append(numbers)
    joined = np.concatenate(weights) if weights else np.empty(0)
    return specs, joined.astype("<f4").tobytes()


def model_weights(label: str, model: Model, degrees: int) -> np.ndarray:
    """Return a model's numbers in the order that ``models.js`` reads, or say why it cannot.

    The order: parameters beside the network (log masses), then W and b of each layer.
    """
    what_can = (
        f"a lab runs {', '.join(kind.__name__ for kind in LAB_MODELS)} of dense layers with "
        f"{', '.join(LAB_ACTIVATIONS)} and at most {MAX_PARAMETERS:,} parameters"
    )
    if type(model) not in LAB_MODELS:
        raise TypeError(f"{label!r} is a {type(model).__name__}; {what_can}")
    if getattr(model, "angles", ()):
        raise ValueError(f"{label!r} embeds angles as (cos, sin), which no lab does; {what_can}")
    if model.activation not in LAB_ACTIVATIONS:
        raise ValueError(f"{label!r} has the activation {model.activation!r}; {what_can}")
    network = model.network
    if not isinstance(network, DenseNetwork) or any(
        type(k) is not nn.Linear for k in network.layers
    ):
        raise TypeError(f"{label!r} has layers other than dense ones; {what_can}")
    if model.degrees != degrees:
        raise ValueError(
            f"{label!r} was made for states of {2 * model.degrees} components, the system has "
            f"{2 * degrees}"
        )
    if (count := parameter_count(model)) > MAX_PARAMETERS:
        raise ValueError(f"{label!r} has {count:,} parameters, too many for a browser; {what_can}")
    inside = {id(parameter) for parameter in network.parameters()}
    beside = [parameter for parameter in model.parameters() if id(parameter) not in inside]
    tensors = beside + [t for layer in network.layers for t in (layer.weight, layer.bias)]
    numbers = torch.cat([t.detach().reshape(-1).double().cpu() for t in tensors]).numpy()
    with np.errstate(over="ignore"):
        bad = int(np.count_nonzero(~np.isfinite(numbers.astype(np.float32))))
    if bad:
        raise ValueError(
            f"{label!r} holds {bad} weight(s) that are NaN, infinite or too large for float32; "
            "train it again or load its last good checkpoint"
        )
    return numbers


def encode_region(system: System, region: Tensor | Sequence[float] | None) -> list[float]:
    """Return the training region as an interval of energies ``[lowest, highest]``, in J.

    Args:
        system: whose H measures the energy.
        region: training states ``(..., 2n)``, whose energies are taken; or the interval
            itself, a pair of numbers; or None.

    Returns:
        Two numbers, or none.

    Raises:
        ValueError: if it is neither, or not finite, or out of order.
    """
    if region is None:
        return []
    values = torch.as_tensor(region, dtype=torch.float64)
    if values.ndim > 1:
        values = torch.stack(torch.aminmax(system.hamiltonian(values)))
    low_high = [float(value) for value in values.reshape(-1)]
    if len(low_high) != 2 or not 0 <= low_high[0] < low_high[1] < float("inf"):
        raise ValueError(
            f"region is {low_high}; expected training states (N, {2 * system.degrees}) or an "
            "interval of energies (lowest, highest) in J"
        )
    return low_high
