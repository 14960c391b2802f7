"""Systems, models and training regions as the plain values that travel to a lab's JavaScript."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hnn_tutorial._validate import describe
from hnn_tutorial.models import (
    HNN,
    LNN,
    MLP,
    DenseNetwork,
    DissipativeHNN,
    PairwiseHNN,
    SecondOrderMLP,
    SeparableHNN,
    StructuredLNN,
    parameter_count,
)
from hnn_tutorial.models._model import Network
from hnn_tutorial.systems import (
    DampedMassSpring,
    DampedPendulum,
    DoublePendulum,
    MassSpring,
    Pendulum,
    System,
)

PLANE_SYSTEMS = (MassSpring, DampedMassSpring, Pendulum, DampedPendulum)
LAB_SYSTEMS = (*PLANE_SYSTEMS, DoublePendulum)
CANONICAL_MODELS = (MLP, SecondOrderMLP, HNN, SeparableHNN, DissipativeHNN, PairwiseHNN)
LAB_MODELS = (*CANONICAL_MODELS, LNN, StructuredLNN)
LAB_ACTIVATIONS = ("tanh", "softplus", "sin")
"""What ``systems.js``, ``models.js`` and ``network.js`` hold; a test compares the tables.

``PLANE_SYSTEMS`` have one degree of freedom; ``CANONICAL_MODELS`` are fields of [q, p], the others
of [q, q̇].
"""

MAX_PARAMETERS = 20_000
"""The largest network that a browser integrates without stumbling, with room to spare."""

MAX_MODELS = 4

ROLE_OF_KIND = {
    "mlp": "baseline",
    "hnn": "hnn",
    "separable_hnn": "hnn",
    "dissipative_hnn": "hnn",
    "pairwise_hnn": "pairwise",
    "lnn": "lnn",
    "structured_lnn": "lnn",
    "second_order_mlp": "second order",
    "mlp_map": "baseline",
    "sympnet": "pairwise",
    "henon_net": "another",
    "constrained_lnn": "lnn",
}
"""The palette's role, and so colour and line style, of each kind of model."""

NEUTRAL_ROLES = ("another", "yet another")
"""The roles of a second and third model of a kind: grey, for colours mean kinds."""


def encode_system(system: System, kinds: Sequence[type[System]] = PLANE_SYSTEMS) -> dict[str, Any]:
    """Return ``{"name", "parameters"}`` of a system that a lab knows.

    Args:
        system: the system.
        kinds: the classes that the lab takes.

    Raises:
        TypeError: if it is not one of them.
    """
    if type(system) not in kinds:
        raise TypeError(
            f"system is a {type(system).__name__}; this lab knows "
            f"{', '.join(kind.__name__ for kind in kinds)}, whose formulas the page holds in "
            "JavaScript. PhaseLab and LearnedLab show a system of your own, of one degree of "
            "freedom, from a table; or draw its motions by integrate and plotting.phase_portrait "
            "or plotting.trajectory_plot, and let widgets.explore switch between a few parameters "
            "or starts"
        )
    return {"name": system.name, "parameters": {p.name: plain(p.value) for p in system.parameters}}


def plain(value: Any) -> Any:
    """Return a parameter as a number, or as a list where it is several."""
    if isinstance(value, Tensor):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def encode_models(
    system: System,
    models: Mapping[str, Network],
    kinds: Sequence[type[Network]] = CANONICAL_MODELS,
) -> tuple[list[dict[str, Any]], bytes]:
    """Return the description of each model, and the weights of all as little-endian float32.

    Args:
        system: the system that they were trained on.
        models: label -> trained model.
        kinds: the classes of models that the lab takes.

    Returns:
        Specs ``{"label", "role", "kind", "degrees", "angles", "networks", "activation",
        "count"}``, and the weights of the models one after the other. ``networks`` holds the
        widths of each network from input to output. A ``PairwiseHNN`` has ``pairs`` too,
        ``{"dimension", "coupled"}``.

    Raises:
        TypeError: if a model is of a kind that the labs cannot run.
        ValueError: if a model is too large, of another state size, or not finite; or for too
            many models.
    """
    if len(models) > MAX_MODELS:
        raise ValueError(f"{len(models)} models; a lab draws at most {MAX_MODELS} and the truth")
    specs, weights, free = [], [], [*NEUTRAL_ROLES, *dict.fromkeys(ROLE_OF_KIND.values())]
    # Each model takes the style of its kind; a second one of a kind takes a neutral one.
    own = {label: ROLE_OF_KIND.get(getattr(model, "kind", "")) for label, model in models.items()}
    for label, model in models.items():
        numbers = model_weights(label, model, system.degrees, kinds)
        wanted = own[label]
        if wanted not in free:
            wanted = next(role for role in free if role not in own.values())
        free.remove(wanted)
        specs.append(
            {
                "label": str(label),
                "role": wanted,
                "kind": model.kind,
                "degrees": model.degrees,
                "angles": list(model.angles),
                "networks": [network_sizes(network) for network in networks_of(model)],
                "activation": model.activation,
                "count": len(numbers),
            }
        )
        if isinstance(model, PairwiseHNN):
            coupled = model.couplings is not None
            specs[-1]["pairs"] = {"dimension": model.dimension, "coupled": coupled}
        weights.append(numbers)
    joined = np.concatenate(weights) if weights else np.empty(0)
    return specs, joined.astype("<f4").tobytes()


def networks_of(model: Network) -> list[DenseNetwork]:
    """Return the networks that a model is made of, in the order in which it made them."""
    return [part for part in model.children() if isinstance(part, DenseNetwork)]


def network_sizes(network: DenseNetwork) -> list[int]:
    """Return the widths of a network from input to output."""
    layers = network.layers
    return [layers[0].in_features, *(layer.out_features for layer in layers)]


def model_weights(
    label: str,
    model: Network,
    degrees: int,
    kinds: Sequence[type[Network]] = CANONICAL_MODELS,
) -> np.ndarray:
    """Return a model's numbers in the order that ``models.js`` reads, or say why it cannot.

    The order: parameters beside the networks (log masses, also where these are known), then W
    and b of each layer.
    """
    what_can = (
        f"this lab runs {', '.join(kind.__name__ for kind in kinds)} of dense layers with "
        f"{', '.join(LAB_ACTIVATIONS)} and at most {MAX_PARAMETERS:,} parameters"
    )
    if type(model) not in kinds:
        raise TypeError(f"{label!r} is a {type(model).__name__}; {what_can}")
    if model.activation not in LAB_ACTIVATIONS:
        raise ValueError(f"{label!r} has the activation {model.activation!r}; {what_can}")
    layers = [layer for network in networks_of(model) for layer in network.layers]
    if any(type(layer) is not nn.Linear for layer in layers):
        raise TypeError(f"{label!r} has layers other than dense ones; {what_can}")
    if model.degrees != degrees:
        raise ValueError(
            f"{label!r} was made for states of {2 * model.degrees} components, the system has "
            f"{2 * degrees}"
        )
    if (count := parameter_count(model)) > MAX_PARAMETERS:
        raise ValueError(f"{label!r} has {count:,} parameters, too many for a browser; {what_can}")
    inside = {id(parameter) for layer in layers for parameter in layer.parameters()}
    beside: list[Tensor] = [each for each in model.parameters() if id(each) not in inside]
    if isinstance(model, PairwiseHNN):
        beside = [model.masses.log()]
    tensors = beside + [t for layer in layers for t in (layer.weight, layer.bias)]
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
    try:
        values = torch.as_tensor(region, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"region is {describe(region)}; expected states or two energies") from None
    if values.ndim > 1:
        values = torch.stack(torch.aminmax(system.hamiltonian(values)))
    low_high = [float(value) for value in values.reshape(-1)]
    lowest = 0.0 if type(system) in LAB_SYSTEMS else -float("inf")  # of a formula of one's own
    if len(low_high) != 2 or not lowest <= low_high[0] < low_high[1] < float("inf"):
        raise ValueError(
            f"region is {low_high}; expected training states (N, {2 * system.degrees}) or an "
            "interval of energies (lowest, highest) in J"
        )
    return low_high
