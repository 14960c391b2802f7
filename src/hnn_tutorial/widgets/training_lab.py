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

NETWORKS = {"baseline": MLP, "hnn": HNN}
"""The two networks of a lab by their roles."""

OPTIMIZERS = {kind.name: kind for kind in (Adam, LevenbergMarquardt)}
"""What ``training/`` holds; a test compares the tables."""

SYSTEMS_OF_A_PLANE = (MassSpring, DampedMassSpring, Pendulum, DampedPendulum)

MAX_WEIGHTS = 1500
"""The largest network that is trained in a page: a step of Levenberg–Marquardt takes a second."""

MAX_SAMPLES = 2000

SHOWS = ("both", "baseline", "hnn")

COLUMNS = ("state", "derivative", "draw", "trajectory")


class TrainingLab(Lab):
    r"""Two networks in the page that learn from the same points: a baseline and an HNN.

    Both are shown side by side in the phase plane: their points, their fields over the true one, a
    shade where a field is wrong, and the orbit from one start. A press in a plane takes the true
    motion from there as a trajectory of points, or a single state; a stroke takes the states along
    it; four buttons give sets of points. The networks are trained on the derivative loss

    .. math:: \mathcal L(\theta) = \frac{1}{Nd} \sum_{i=1}^N
              \lVert f_\theta(x_i + \sigma \xi_i) - \dot x_i \rVert^2, \qquad d = 2n,

    by the package's Adam or Levenberg–Marquardt on full batches, each in a worker of the browser,
    at a pace that shows how they learn: a training takes four seconds, or goes step by step.
    :math:`\dot x_i` is the true field at :math:`x_i`; the noise :math:`\sigma\xi_i` is on the
    states alone, as in the published spring data. The *field error* is the mean of the same square
    without noise, on a mesh of the states whose energy lies in ``region``; the page shows its root
    beside that of the field. The curve of loss and field error says whose steps were whose when the
    optimiser was changed, and a place on it brings the networks of that moment back. Nothing here
    needs a kernel, except to read the data and the trained models from Python or to send others.

    Args:
        system: ``MassSpring``, ``Pendulum`` or one of their damped variants.
        model: "both", or "hnn" or "mlp" to show and train that one alone; or an ``HNN`` or ``MLP``
            with tanh layers to go on from, beside a new network of the other kind.
        hidden: widths of the hidden layers, for models that are not given.
        optimizer: "adam" or "levenberg_marquardt".
        noise: σ, in the units of the state.
        data: the first samples. None simulates ten trajectories of the true motion.
        start: the start of the orbits that are compared.
        steps: steps of a training. 0 takes 40 (Levenberg–Marquardt) or 2000 (Adam).
        learning_rate: Adam's first learning rate; it falls to zero along a cosine.
        duration: length of a trajectory that the reader takes, in s.
        points: samples on it.
        horizon: length of the compared orbits, in s.
        seed: draws the first weights, the default data, and their noise.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first, "none" for
            nothing.
        speed: how many times as fast as usual the learning is shown.

    Raises:
        TypeError, ValueError: for a system or model that the labs cannot train, or a setting
            that makes no sense. The message says what can.

    Attributes:
        hnn: a copy of the HNN in the lab with its weights now; set it to put another in its place.
        baseline: likewise the ``MLP``.
        data: the samples now, a ``Dataset`` of noisy states with their true derivatives; set it
            to replace them (its states then count as free of noise).
        training: whether a training runs, two-way: set it to start or stop one. It runs in a
            page that shows the lab.
        history: of each network since its first weights, "baseline" and "hnn" -> a list of
            ``[step, seconds, loss, field error, optimizer, step before its training]`` that grows
            while it is trained; ``seconds`` are those spent computing. ``observe`` it to follow, or
            ``training`` to hear of the end.
        optimizer: as the argument, two-way.
        noise: as the argument, two-way.
        state: the start of the orbits, a tensor ``(2n,)``, two-way.
        show: the networks that are shown and trained, "both", "hnn" or "baseline", two-way.
        steps: as the argument; from Python only.
        learning_rate: likewise.
        duration: likewise.
        points: likewise.
        horizon: likewise.
        region: energies ``[0, highest]`` in J where the field error is measured: up to the
            highest of the first data.
    """

    _esm = bundle("labs/training_lab.js")

    TASKS = ("keep", "half", "digits")

    _sizes = traitlets.Dict().tag(sync=True)
    # A page sends memory views.
    _baseline = traitlets.Bytes(b"").tag(sync=True, from_json=lambda value, lab: bytes(value))
    _hnn = traitlets.Bytes(b"").tag(sync=True, from_json=lambda value, lab: bytes(value))
    _samples = traitlets.Bytes(b"").tag(sync=True, from_json=lambda value, lab: bytes(value))
    _runner = traitlets.Unicode("").tag(sync=True)
    optimizer = traitlets.Unicode("adam").tag(sync=True)
    noise = traitlets.Float(0.1).tag(sync=True)
    training = traitlets.Bool(False).tag(sync=True)
    history: "traitlets.Dict[str, Any]" = traitlets.Dict().tag(sync=True)
    show = traitlets.Unicode("both").tag(sync=True)
    steps = traitlets.Int(0).tag(sync=True)
    learning_rate = traitlets.Float(0.01).tag(sync=True)
    duration = traitlets.Float(3.0).tag(sync=True)
    points = traitlets.Int(20).tag(sync=True)
    horizon = traitlets.Float(20.0).tag(sync=True)
    region = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(
        self,
        system: System,
        model: str | Model = "both",
        hidden: Sequence[int] = (24,),
        optimizer: str = "adam",
        noise: float = 0.1,
        *,
        data: Dataset | None = None,
        start: Sequence[float] | Tensor = (0.8, 0.0),
        steps: int = 0,
        learning_rate: float = 0.01,
        duration: float = 3.0,
        points: int = 20,
        horizon: float = 20.0,
        seed: int = 0,
        task: str = "",
        speed: float = 1.0,
    ) -> None:
        description = encode_system(system, SYSTEMS_OF_A_PLANE)
        check_type((Dataset, type(None)), "a Dataset", data=data)
        show = "both"
        if isinstance(model, str):
            roles = {"both": "both", **{kind.kind: role for role, kind in NETWORKS.items()}}
            show = lookup(roles, model, "model that a lab trains")
            given = None
        else:
            encode_network(system, model)
            given, hidden = model, model.hidden
        encoded = {
            role: encode_network(
                system,
                given if type(given) is kind else kind(system.degrees, hidden, seed=seed),
            )
            for role, kind in NETWORKS.items()
        }
        if data is None:
            times = torch.linspace(0, 3.0, 20, dtype=torch.float64)
            data = simulate(system, system.sample(10, seed), times).dataset(system.field)
        self.system = system
        self.seed = seed
        super().__init__(
            _system=description,
            _sizes={role: sizes for role, (sizes, _) in encoded.items()},
            _baseline=encoded["baseline"][1],
            _hnn=encoded["hnn"][1],
            _samples=encode_samples(system, data, seed),
            state=start,
            optimizer=optimizer,
            noise=as_number("noise", noise),
            show=show,
            steps=steps,
            learning_rate=as_number("learning_rate", learning_rate),
            duration=as_number("duration", duration),
            points=points,
            horizon=as_number("horizon", horizon),
            region=[0.0, encode_region(system, data.states)[1]],
            task=task,
            speed=as_number("speed", speed),
        )

    def _network(self, role: str) -> Model:
        """Return a copy of one of the networks, with its weights now."""
        inputs, *hidden, _ = self._sizes[role]
        model = build_model(NETWORKS[role].kind, {"degrees": inputs // 2, "hidden": hidden})
        numbers = torch.frombuffer(bytearray(getattr(self, f"_{role}")), dtype=torch.float64)
        pieces = numbers.split([p.numel() for p in model.parameters()])
        with torch.no_grad():
            for parameter, piece in zip(model.parameters(), pieces, strict=True):
                parameter.copy_(piece.view(parameter.shape))
        return model

    def _put(self, role: str, model: Model) -> None:
        """Put a model in the place of one of the networks."""
        if type(model) is not NETWORKS[role]:
            expected = NETWORKS[role].__name__
            raise TypeError(f"{role} is a {type(model).__name__}; expected an {expected}")
        sizes, weights = encode_network(self.system, model)
        # One message, so that the browser never sees the weights of one and the shape of another.
        with self.hold_sync():
            self.training = False
            self.history = {name: kept for name, kept in self.history.items() if name != role}
            self._sizes = {**self._sizes, role: sizes}
            self.set_trait(f"_{role}", weights)

    @property
    def hnn(self) -> Model:
        """A copy of the HNN in the lab, with its weights now."""
        return self._network("hnn")

    @hnn.setter
    def hnn(self, model: Model) -> None:
        self._put("hnn", model)

    @property
    def baseline(self) -> Model:
        """A copy of the MLP in the lab, with its weights now."""
        return self._network("baseline")

    @baseline.setter
    def baseline(self, model: Model) -> None:
        self._put("baseline", model)

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

    @traitlets.validate("show")
    def _check_show(self, proposal: dict[str, Any]) -> str:
        lookup(dict.fromkeys(SHOWS), proposal["value"], "choice of networks")
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

    def _card_heights(self) -> tuple[int, int]:
        return 1600 if self.show == "both" else 1305, 1080

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the data in the plane, and the fields and orbits of both networks as they start."""
        from hnn_tutorial.plotting import line_style, phase_portrait

        system = self.system
        states = self.data.states
        q, p = (1.3 * states.abs().amax(0)).tolist()
        times = torch.arange(0, min(self.horizon, 7.0), 0.05, dtype=torch.float64)
        with torch.no_grad():
            truth = integrate(system.field, self.state, times)
            for role, axes in zip(NETWORKS, figure.subplots(1, 2), strict=True):
                model = self._network(role)
                orbits = {"truth": truth, role: integrate(model.field, self.state, times)}
                phase_portrait(
                    model,
                    axes,
                    extent=(-q, q, -p, p),
                    arrows=7,
                    trajectories={name: wrap_angles(system, x) for name, x in orbits.items()},
                )
                axes.plot(*states[:60].T, **{**line_style("data"), "markersize": 2})
        return (
            f"{system.title}: {len(states)} points in the phase plane, and the fields of an "
            "untrained baseline and an untrained HNN with the orbits that they give, far from the "
            "true one"
        )


def encode_network(system: System, model: Model) -> tuple[list[int], bytes]:
    """Return the sizes of a model's layers, and its weights as little-endian float64.

    Raises:
        TypeError: if the labs cannot train a model of its kind.
        ValueError: if it has other layers than tanh, another state size, weights that are not
            finite, or more than ``MAX_WEIGHTS`` of them.
    """
    kinds = " or ".join(kind.__name__ for kind in NETWORKS.values())
    what_can = f"a page trains an {kinds} of tanh layers with at most {MAX_WEIGHTS:,} weights"
    if type(model) not in NETWORKS.values():
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
    return sizes, numbers.astype("<f8").tobytes()


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
