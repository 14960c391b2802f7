"""The training lab: the reader gathers data and trains a network in the page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import (
    as_number,
    check_count,
    check_not_negative,
    check_positive,
    check_type,
    lookup,
)
from hnn_tutorial.data import Dataset, simulate
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import HNN, MLP, Model, build_model, parameter_count
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems import (
    DampedMassSpring,
    DampedPendulum,
    MassSpring,
    Pendulum,
    System,
)
from hnn_tutorial.training import Adam, LevenbergMarquardt
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_region, encode_system, model_weights
from hnn_tutorial.widgets._lab import Lab, wrap_angles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TRAINABLE = {kind.kind: kind for kind in (MLP, HNN)}
OPTIMIZERS = {kind.name: kind for kind in (Adam, LevenbergMarquardt)}
"""What ``training/`` holds; a test compares the tables."""

SYSTEMS_OF_A_PLANE = (MassSpring, DampedMassSpring, Pendulum, DampedPendulum)

MAX_WEIGHTS = 1500
"""The largest network that is trained in a page: a step of Levenberg–Marquardt takes a second."""

MAX_SAMPLES = 2000

COLUMNS = ("state", "derivative", "draw", "trajectory")


class TrainingLab(Lab):
    r"""A phase plane to gather data in, and a network that is trained on them in the page.

    A press in the plane takes the state there as a sample, or the true motion from there as a
    trajectory of samples; a stroke takes the states along it. A network is then trained on the
    derivative loss

    .. math:: \mathcal L(\theta) = \frac{1}{Nd} \sum_{i=1}^N
              \lVert f_\theta(x_i + \sigma \xi_i) - \dot x_i \rVert^2, \qquad d = 2n,

    by the package's Adam or Levenberg–Marquardt on full batches, in a worker of the browser.
    :math:`\dot x_i` is the true field at :math:`x_i`; the noise :math:`\sigma\xi_i` is on the
    states alone, as in the published spring data. The lab draws the loss, the learned field
    beside the true one, the orbit from one start, and the *field error*: the mean of the same
    square without noise, on a mesh of the states whose energy lies in ``region``. Nothing here
    needs a kernel, except to read the data and the trained model from Python or to send others.

    Args:
        system: ``MassSpring``, ``Pendulum`` or one of their damped variants.
        model: "hnn" or "mlp"; or an ``HNN`` or ``MLP`` with tanh layers to go on from.
        hidden: widths of the hidden layers, for a model given by name.
        optimizer: "adam" or "levenberg_marquardt".
        noise: σ, in the units of the state.
        data: the first samples. None simulates ten trajectories of the true motion.
        start: the start of the orbit that is compared.
        steps: most steps of a training. 0 takes 40 (Levenberg–Marquardt) or 5000 (Adam).
        learning_rate: Adam's first learning rate; it falls to zero along a cosine.
        duration: length of a trajectory that the reader takes, in s.
        points: samples on it.
        horizon: length of the compared orbits, in s.
        seed: draws the first weights, the default data, and their noise.

    Raises:
        TypeError, ValueError: for a system or model that the labs cannot train, or a setting
            that makes no sense. The message says what can.

    Attributes:
        model: a copy of the network in the lab with its weights now, an ``HNN`` or ``MLP``;
            set it to put another in its place.
        data: the samples now, a ``Dataset`` of noisy states with their true derivatives; set it
            to replace them (its states then count as free of noise).
        training: whether a training runs, two-way: set it to start or stop one. It runs in a
            page that shows the lab.
        history: of the network since its first weights, a list of ``[step, seconds, loss, field
            error]`` that grows while it is trained. ``observe`` it to follow, or ``training`` to
            hear of the end.
        optimizer: as the argument, two-way.
        noise: as the argument, two-way.
        state: the start of the orbits, a tensor ``(2n,)``, two-way.
        steps: as the argument; from Python only.
        learning_rate: likewise.
        duration: likewise.
        points: likewise.
        horizon: likewise.
        region: energies ``[0, highest]`` in J where the field error is measured: up to the
            highest of the first data.
    """

    _esm = bundle("labs/training_lab.js")

    _network = traitlets.Dict().tag(sync=True)
    # A page sends memory views.
    _weights = traitlets.Bytes(b"").tag(sync=True, from_json=lambda value, lab: bytes(value))
    _samples = traitlets.Bytes(b"").tag(sync=True, from_json=lambda value, lab: bytes(value))
    _runner = traitlets.Unicode("").tag(sync=True)
    optimizer = traitlets.Unicode("levenberg_marquardt").tag(sync=True)
    noise = traitlets.Float(0.0).tag(sync=True)
    training = traitlets.Bool(False).tag(sync=True)
    history: "traitlets.List[Any]" = traitlets.List().tag(sync=True)
    steps = traitlets.Int(0).tag(sync=True)
    learning_rate = traitlets.Float(0.01).tag(sync=True)
    duration = traitlets.Float(3.0).tag(sync=True)
    points = traitlets.Int(20).tag(sync=True)
    horizon = traitlets.Float(20.0).tag(sync=True)
    region = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(
        self,
        system: System,
        model: str | Model = "hnn",
        hidden: Sequence[int] = (16, 16),
        optimizer: str = "levenberg_marquardt",
        noise: float = 0.0,
        *,
        data: Dataset | None = None,
        start: Sequence[float] | Tensor = (0.8, 0.0),
        steps: int = 0,
        learning_rate: float = 0.01,
        duration: float = 3.0,
        points: int = 20,
        horizon: float = 20.0,
        seed: int = 0,
    ) -> None:
        description = encode_system(system, SYSTEMS_OF_A_PLANE)
        check_type((Dataset, type(None)), "a Dataset", data=data)
        if isinstance(model, str):
            kind = lookup(TRAINABLE, model, "model that a lab trains")
            model = kind(system.degrees, hidden, seed=seed)
        if data is None:
            times = torch.linspace(0, 3.0, 20, dtype=torch.float64)
            data = simulate(system, system.sample(10, seed), times).dataset(system.field)
        self.system = system
        self.seed = seed
        network, weights = encode_network(system, model)
        super().__init__(
            _system=description,
            _network=network,
            _weights=weights,
            _samples=encode_samples(system, data, seed),
            state=start,
            optimizer=optimizer,
            noise=as_number("noise", noise),
            steps=steps,
            learning_rate=as_number("learning_rate", learning_rate),
            duration=as_number("duration", duration),
            points=points,
            horizon=as_number("horizon", horizon),
            region=[0.0, encode_region(system, data.states)[1]],
        )

    @property
    def model(self) -> Model:
        """A copy of the network in the lab, with its weights now."""
        inputs, *hidden, _ = self._network["sizes"]
        model = build_model(self._network["kind"], {"degrees": inputs // 2, "hidden": hidden})
        numbers = torch.frombuffer(bytearray(self._weights), dtype=torch.float64)
        pieces = numbers.split([p.numel() for p in model.parameters()])
        with torch.no_grad():
            for parameter, piece in zip(model.parameters(), pieces, strict=True):
                parameter.copy_(piece.view(parameter.shape))
        return model

    @model.setter
    def model(self, model: Model) -> None:
        network, weights = encode_network(self.system, model)
        # One message, so that the browser never sees the weights of one and the shape of another.
        with self.hold_sync():
            self.training = False
            self.history = []
            self._network = network
            self._weights = weights

    @property
    def data(self) -> Dataset:
        """The samples in the lab, with their noise."""
        table = np.frombuffer(self._samples, "<f8").reshape(-1, 7)
        states, derivatives, draws = (torch.tensor(table[:, k : k + 2]) for k in (0, 2, 4))
        return Dataset(states + self.noise * draws, derivatives, torch.tensor(table[:, 6]).long())

    @data.setter
    def data(self, data: Dataset) -> None:
        self._samples = encode_samples(self.system, data, self.seed)

    @traitlets.validate("optimizer")
    def _check_optimizer(self, proposal: dict[str, Any]) -> str:
        lookup(OPTIMIZERS, proposal["value"], "optimizer")
        return proposal["value"]

    @traitlets.validate("noise")
    def _check_noise(self, proposal: dict[str, Any]) -> float:
        check_not_negative(noise=proposal["value"])
        return proposal["value"]

    @traitlets.validate("learning_rate", "duration", "horizon")
    def _check_positive(self, proposal: dict[str, Any]) -> float:
        check_positive(**{proposal["trait"].name: proposal["value"]})
        return proposal["value"]

    @traitlets.validate("steps", "points")
    def _check_count(self, proposal: dict[str, Any]) -> int:
        name, value = proposal["trait"].name, proposal["value"]
        # steps = 0 stands for the optimiser's own number.
        check_count(**{name: value + (name == "steps")})
        return value

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the data in the true field, and the orbit of the network as it starts."""
        from hnn_tutorial.plotting import line_style, phase_portrait

        system, model = self.system, self.model
        states = self.data.states
        q, p = (1.3 * states.abs().amax(0)).tolist()
        extent = (-q, q, -p, p)
        times = torch.arange(0, min(self.horizon, 7.0), 0.05, dtype=torch.float64)
        role = "hnn" if model.kind == "hnn" else "baseline"
        with torch.no_grad():
            orbits = {
                "truth": integrate(system.field, self.state, times),
                role: integrate(model.field, self.state, times),
            }
        left, right = figure.subplots(1, 2)
        orbits = {name: wrap_angles(system, states) for name, states in orbits.items()}
        phase_portrait(system, left, extent=extent, arrows=5, contours=system.hamiltonian, levels=3)
        left.plot(*states[:60].T, **{**line_style("data"), "markersize": 2})
        phase_portrait(model, right, extent=extent, arrows=7, trajectories=orbits)
        return (
            f"{system.title}: {len(states)} samples in the phase plane, and beside them the field "
            "of an untrained network with the orbit that it gives, far from the true one"
        )


def encode_network(system: System, model: Model) -> tuple[dict[str, Any], bytes]:
    """Return ``{"kind", "sizes"}`` of a model, and its weights as little-endian float64.

    Raises:
        TypeError: if the labs cannot train a model of its kind.
        ValueError: if it has other layers than tanh, another state size, weights that are not
            finite, or more than ``MAX_WEIGHTS`` of them.
    """
    kinds = " or ".join(kind.__name__ for kind in TRAINABLE.values())
    what_can = f"a page trains an {kinds} of tanh layers with at most {MAX_WEIGHTS:,} weights"
    if type(model) not in TRAINABLE.values():
        raise TypeError(f"model is a {type(model).__name__}; {what_can}")
    if model.activation != "tanh":
        raise ValueError(f"the model has the activation {model.activation!r}; {what_can}")
    if model.angles:
        raise ValueError(f"the model embeds angles as (cos, sin), which no page trains; {what_can}")
    if (count := parameter_count(model)) > MAX_WEIGHTS:
        raise ValueError(f"the model has {count:,} weights; {what_can}")
    numbers = model_weights("model", model, system.degrees)
    layers = model.network.layers
    sizes = [layers[0].in_features, *(layer.out_features for layer in layers)]
    return {"kind": model.kind, "sizes": sizes}, numbers.astype("<f8").tobytes()


def encode_samples(system: System, data: Dataset, seed: int) -> bytes:
    """Return a row of ``COLUMNS`` for each sample, as little-endian float64.

    "draw" is a standard normal pair, times σ the noise of the sample.

    Raises:
        ValueError: for states of another size, or more than ``MAX_SAMPLES``.
    """
    width = 2 * system.degrees
    if data.states.shape[-1] != width:
        raise ValueError(
            f"the data have states of {data.states.shape[-1]} components, the system has {width}"
        )
    if len(data) > MAX_SAMPLES:
        raise ValueError(f"{len(data):,} samples; a page trains on at most {MAX_SAMPLES:,}")
    draws = torch.randn(len(data), width, generator=as_generator(seed), dtype=torch.float64)
    columns = [data.states, data.derivatives, draws, data.trajectory.unsqueeze(-1)]
    return torch.cat([c.double().cpu() for c in columns], dim=-1).numpy().astype("<f8").tobytes()
