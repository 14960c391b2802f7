"""The flow lab: samples of a Gaussian that a learned Hamiltonian carries to a density and back."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from hnn_tutorial._validate import (
    as_number,
    check_count,
    check_finite,
    check_seed,
    check_type,
    describe,
)
from hnn_tutorial.flows import GaussianMixture, NeuralHamiltonianFlow
from hnn_tutorial.models import parameter_count
from hnn_tutorial.systems import System
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import LAB_ACTIVATIONS, network_sizes
from hnn_tutorial.widgets._lab import Lab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_SAMPLES = 5_000
MAX_STEPS = 16
MAX_WEIGHTS = 6_000
"""Of the potential: what the page moves thousands of samples by within seconds."""

MESH = 128
"""Cells along a side of the table of the target's density."""

DEPTH = 14.0
"""How far below its maximum the table of ln ρ reaches."""

COVERED = 0.99
"""Part of the target that lies in the region which counts as on the target."""

START = (0.6, -0.8, 0.9, 0.4)

HEIGHTS = (1417, 814)
"""Of the card, narrow and wide."""


class FlowMotion(System):
    """The motion of a flow's positions and momenta."""

    name = "flow_motion"
    title = "flow"
    degrees = 2

    def __init__(self, flow: NeuralHamiltonianFlow) -> None:
        self.flow = flow

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the learned H."""
        return self.flow.hamiltonian(x)


class FlowLab(Lab):
    r"""Samples of a Gaussian that move in time by a learned Hamiltonian: to a density, and back.

    .. math:: H(q, p) = \sum_i \frac{p_i^2}{2 m_i} + V(q), \qquad
              (q, p)_{t + h} = \text{leapfrog}\big((q, p)_t\big)

    Positions and momenta start as standard normal numbers; after the time T = n h the positions are
    samples of the learned density. Time is under the reader's hand, from 0 to 2T: only at T are the
    samples in focus. One plane shows the positions, over the target's density and with the level
    lines of V, the other the momenta. A sample of the reader's own starts where it is put, with the
    momentum that it is given, and draws its path.

    Between two steps of leapfrog the positions are those of a shorter step, with a force that is
    interpolated through four places of it; at the steps all is exact.

    Args:
        flow: a trained ``NeuralHamiltonianFlow`` of the plane.
        target: the density that it was trained on, a ``GaussianMixture`` of the plane.
        samples: how many, from 10 to 5,000.
        start: of the reader's own sample, ``(q1, q2, p1, p2)``; None for one that suits.
        seed: draws the samples, which the page makes itself; a whole number.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first, "none" for
            nothing.
        speed: the time that passes in one second.

    Raises:
        TypeError, ValueError: for a flow or target that the lab cannot run, too many samples, or a
            start that is not four finite numbers.

    Attributes:
        state: where the reader's own sample starts, a tensor ``(4,)``, two-way.

    References:
        Toth et al. 2020 (Neural Hamiltonian Flow).
    """

    _esm = bundle("labs/flow_lab.js")

    TASKS = ("focus", "momentum", "back")

    _flow = traitlets.Dict().tag(sync=True)
    _weights = traitlets.Bytes(b"").tag(sync=True)
    _target = traitlets.Dict().tag(sync=True)
    _density = traitlets.Bytes(b"").tag(sync=True)
    _samples = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        flow: NeuralHamiltonianFlow,
        target: GaussianMixture,
        *,
        samples: int = 2000,
        start: Sequence[float] | Tensor | None = None,
        seed: int = 0,
        task: str = "",
        speed: float = 0.25,
    ) -> None:
        description, weights = _encode_flow(flow)
        check_type(GaussianMixture, "a GaussianMixture of the plane", target=target)
        if target.dimension != 2:
            raise ValueError(f"the target has {target.dimension} dimensions; the lab shows a plane")
        check_count(samples=samples)
        if not 10 <= samples <= MAX_SAMPLES:
            raise ValueError(f"samples = {samples}; expected from 10 to {MAX_SAMPLES:,}")
        check_seed(seed)
        self.flow = flow
        self.target = target
        self.system = FlowMotion(flow)
        table, density = _encode_target(target)
        super().__init__(
            _flow=description,
            _weights=weights,
            _target=table,
            _density=density,
            _samples={"count": int(samples), "seed": int(seed) % 2**31},
            state=START if start is None else start,
            task=task,
            speed=as_number("speed", speed),
        )

    def _card_heights(self) -> tuple[int, int]:
        return HEIGHTS

    @traitlets.default("_constants")
    def _default_constants(self) -> str:
        flow = self._flow
        masses = " and ".join(f"{mass:.3g}" for mass in flow["masses"])
        return (
            f"T = {flow['duration']:.3g} in {flow['steps']} steps of leapfrog, masses {masses}, "
            f"κ = {flow['stiffness']:.3g}"
        )

    def draw_picture(self, figure: "Figure") -> str:
        """Draw positions at the start, after T and after 2T."""
        count = min(self._samples["count"], 600)
        generator = torch.Generator().manual_seed(self._samples["seed"])
        dtype = self.flow.log_mass.dtype
        q, p = torch.randn(2, count, 2, generator=generator, dtype=torch.float64).to(dtype)
        half = self._target["half"]
        for k, place in enumerate(figure.subplots(1, 3, sharex=True, sharey=True)):
            place.plot(*q.detach().double().numpy().T, ".", markersize=2)
            place.set(aspect="equal", xlim=(-half, half), ylim=(-half, half), xlabel="$q_1$")
            place.set_title(f"t = {('0', 'T', '2T')[k]}")
            if k == 0:
                place.set_ylabel("$q_2$")
            with torch.no_grad():
                q, p = self.flow.forwards(q, p)
        return (
            f"{count} samples of a Gaussian, and where the learned motion has carried them after "
            "the time T and after 2T"
        )


def _encode_flow(flow: Any) -> tuple[dict[str, Any], bytes]:
    """Return a flow as the page has it, or say why it cannot run it."""
    if type(flow) is not NeuralHamiltonianFlow:
        raise TypeError(
            f"flow is {describe(flow)}; expected a NeuralHamiltonianFlow, whose V does not depend "
            "on time"
        )
    if flow.dimension != 2:
        raise ValueError(f"the flow has {flow.dimension} dimensions; the lab shows a plane")
    network = flow.network
    if network._activation not in LAB_ACTIVATIONS:
        raise ValueError(
            f"the potential has the activation {network._activation!r}; the page knows "
            f"{', '.join(LAB_ACTIVATIONS)}"
        )
    if any(type(layer) is not nn.Linear for layer in network.layers):
        raise TypeError("the potential has layers other than dense ones")
    if (count := parameter_count(network)) > MAX_WEIGHTS:
        raise ValueError(
            f"the potential has {count:,} weights; the page moves thousands of samples by at most "
            f"{MAX_WEIGHTS:,}"
        )
    if flow.steps > MAX_STEPS:
        raise ValueError(f"the flow takes {flow.steps} steps; the page at most {MAX_STEPS}")
    tensors = [t for layer in network.layers for t in (layer.weight, layer.bias)]
    numbers = torch.cat([t.detach().reshape(-1).double().cpu() for t in tensors])
    check_finite(numbers.float(), "the potential's weights")
    with torch.no_grad():
        logs = torch.cat([flow.log_mass, flow.log_duration[None], flow.log_stiffness[None]])
        *masses, duration, stiffness = logs.double().exp().tolist()
    if not all(0 < value < math.inf for value in (*masses, duration, stiffness)):
        raise ValueError("the flow's masses, duration or κ are not finite; train it again")
    description = {
        "sizes": network_sizes(network),
        "activation": network._activation,
        "steps": int(flow.steps),
        "duration": duration,
        "masses": masses,
        "stiffness": stiffness,
    }
    return description, numbers.numpy().astype("<f4").tobytes()


def _encode_target(target: GaussianMixture) -> tuple[dict[str, Any], bytes]:
    """Return a table of ln ρ below its maximum, in 8 bits, and the region that holds 99 % of ρ."""
    reach = float(target.centres.abs().max()) + 4 * target.width
    half = max(3.0, math.ceil(10 * reach) / 10)
    at = torch.linspace(-half, half, MESH + 1, dtype=torch.float64)
    y, x = torch.meshgrid(at, at, indexing="ij")
    values = target.log_prob(torch.stack([x, y], dim=-1))
    drawn = target.log_prob(target.sample(5000, 0))
    # Between two nodes of the table there may be a higher place.
    most = float(torch.maximum(values.max(), drawn.max()))
    levels = ((values - most).clamp(min=-DEPTH) / DEPTH * 255 + 255).round()
    edge = float(drawn.quantile(1 - COVERED)) - most
    if edge <= -DEPTH:
        raise ValueError(
            f"ln ρ of the target varies by {-edge:.3g} where 99 % of it lies; the page shows "
            f"{DEPTH:g} at most"
        )
    table = {"half": half, "mesh": MESH, "depth": DEPTH, "edge": edge, "covered": COVERED}
    return table, levels.to(torch.uint8).numpy().astype(np.uint8).tobytes()
