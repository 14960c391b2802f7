"""The swing-up lab: a pole on a cart, brought up by its true energy and by a learned one."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
import traitlets

from hnn_tutorial._validate import as_number, check_type
from hnn_tutorial.control import (
    Controlled,
    Machine,
    energy_swing_up,
    linearise,
    lqr,
    regulator,
    simulate,
    switch,
    within,
)
from hnn_tutorial.models import Model, StructuredLNN
from hnn_tutorial.systems import CartPole
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_models, encode_system
from hnn_tutorial.widgets._model_lab import ModelLab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_SWINGING_MODELS = 1
"""As ``swing_up_lab.js`` has it."""


class SwingUpLab(ModelLab):
    r"""A pole on a cart, swung up by its true energy and by a learned one, side by side.

    The motor pushes the cart with at most :math:`u_\text{max}`. Far from upright the cart is given
    the acceleration

    .. math:: a = k\, (E - E_\text{up} - E_+)\, A_{\theta s}\, \dot\theta
              - k_s\, s - k_d\, \dot s

    of ``control.energy_swing_up``, where E and A are those of the controller's own Lagrangian;
    near it an ``lqr`` regulator of its own linear motion holds the pole. Both machines are the
    true cart and pole, with the friction that the reader gives the joint and that neither
    controller knows; only what the controllers believe differs. The reader sets where the pole
    begins, by mouse, finger or keyboard, the motor's largest force and the gain.

    All is computed in the browser but the gain of the regulator, which comes from Python.

    Args:
        system: a ``CartPole``.
        models: label -> ``StructuredLNN`` that learned it, one at most; of a ``control.Machine``
            its ``model``.
        limit: the largest force, in N. None for 0.77 of the weight of cart and pole.
        gain: k, in s/(kg² m²). None for one that suits the pole.
        above: E₊, in J. None for a tenth of m g l.
        friction: of the joint, in kg m²/s, at most a tenth of :math:`m l^2 \sqrt{g/l}`.
        angle: where the pole starts at rest, in rad from hanging down.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first, "none" for
            nothing.

    Raises:
        TypeError, ValueError: for a system or model that the lab cannot run, numbers outside the
            sliders, or a model whose own upright pole no regulator can hold.

    Attributes:
        limit: the largest force, in N, two-way.
        gain: k, two-way.
        above: E₊, in J, two-way.
        friction: of the joint, two-way.
        angle: of the start, in rad, two-way.

    References:
        Åström & Furuta 2000; Spong 1994.
    """

    _esm = bundle("labs/swing_up_lab.js")

    TASKS = ("less", "differ")

    # The pole starts at rest: one angle says all.
    state = None  # type: ignore[assignment]

    _law = traitlets.Dict().tag(sync=True)
    _gains = traitlets.List(traitlets.List(traitlets.Float())).tag(sync=True)
    limit = traitlets.Float(help="largest force, in N").tag(sync=True)
    gain = traitlets.Float(help="k of the energy law").tag(sync=True)
    above = traitlets.Float(help="energy added to the goal, in J").tag(sync=True)
    friction = traitlets.Float(help="of the joint, in kg m²/s").tag(sync=True)
    angle = traitlets.Float(help="of the start, in rad").tag(sync=True)

    def __init__(
        self,
        system: CartPole,
        models: Mapping[str, Model] | None = None,
        *,
        limit: float | None = None,
        gain: float | None = None,
        above: float | None = None,
        friction: float = 0.0,
        angle: float = 0.8,
        task: str = "",
    ) -> None:
        description = encode_system(system, (CartPole,))
        check_type((Mapping, type(None)), "a mapping from labels to models", models=models)
        self.system: CartPole = system
        self.models = dict(models or {})
        specs, weights = self._encode(self.models)
        law = _law_of(system)
        self._ranges: dict[str, list[float]] = law["ranges"]
        given = {
            "limit": _rounded(0.77 * law["weight"]) if limit is None else limit,
            "gain": _rounded(0.36 * law["pump"]) if gain is None else gain,
            "above": _rounded(0.1 * law["lift"]) if above is None else above,
            "friction": friction,
            "angle": angle,
        }
        super().__init__(
            _system=description,
            _models=specs,
            _weights=weights,
            _law=law,
            _gains=self._regulators(self.models),
            task=task,
            speed=3.0,
            **{name: as_number(name, value) for name, value in given.items()},
        )

    def set_model(self, label: str, model: Model) -> None:
        """Replace the model with this label, or add one, with its present weights.

        Args:
            label: its name in the lab.
            model: the trained model.

        Raises:
            TypeError, ValueError: as in the constructor; the lab then stays as it was.
        """
        models = {**self.models, label: model}
        self._encode(models)
        gains = self._regulators(models)
        with self.hold_sync():
            self._gains = gains
            super().set_model(label, model)

    def _encode(self, models: Mapping[str, Model]) -> tuple[list[dict[str, Any]], bytes]:
        if len(models) > MAX_SWINGING_MODELS:
            raise ValueError(
                f"{len(models)} models; a swing-up lab steers by the truth and at most "
                f"{MAX_SWINGING_MODELS} of them"
            )
        return encode_models(self.system, models, (StructuredLNN,))

    def _machines(self, models: Mapping[str, Model]) -> list[Machine]:
        """Return what each controller believes."""
        learned = [Machine(model, CartPole.actuation) for model in models.values()]
        return [Machine(self.system), *learned]

    def _regulators(self, models: Mapping[str, Model]) -> list[list[float]]:
        law, length = _law_of(self.system), float(self.system.length)
        rate = law["near"][1]
        # Of a place in lengths of the pole, of an angle, of their rates, and of the force.
        cost = [length**-2, 10.0, (length * rate) ** -2, rate**-2]
        price = [(0.77 * law["weight"]) ** -2]
        gains = []
        for machine in self._machines(models):
            up = _upright(machine)
            gain = lqr(*linearise(machine.field, up, up[:1] * 0), cost, price)
            gains.append(gain[0].double().tolist())
        return gains

    def _card_heights(self) -> tuple[int, int]:
        return ((1219, 858), (1268, 888))[len(self.models)]

    @traitlets.validate("limit", "gain", "above", "friction", "angle")
    def _check_number(self, proposal: dict[str, Any]) -> float:
        name, value = proposal["trait"].name, proposal["value"]
        low, high = self._ranges[name]
        if not low <= value <= high:
            raise ValueError(f"{name} = {value}; it is from {low:.6g} to {high:.6g}")
        return value

    def draw_picture(self, figure: "Figure") -> str:
        """Draw how the pole's energy and the force go under each controller."""
        energy, force = figure.subplots(1, 2)
        truth = Machine(self.system)
        goal = self.system.potential(_upright(truth))
        labels = {"truth": "true energy"} | {spec["role"]: spec["label"] for spec in self._models}
        for k, (role, label) in enumerate(labels.items()):
            motion = self._motion(k)
            line = "-" if role == "truth" else "--"
            energy.plot(motion.times, self._pole_energy(motion), line, label=label)
            force.plot(motion.times[:-1], motion.inputs[:, 0], line, linewidth=0.8)
        energy.axhline(float(goal), color="grey", linewidth=0.8, linestyle=":")
        energy.set(xlabel="time (s)", ylabel="energy of the pole (J)")
        energy.legend()
        force.set(xlabel="time (s)", ylabel="force (N)")
        names = " and by the ".join(["true energy", *self.models])
        return (
            f"A pole on a cart, swung up by the {names}: the energy of the pole and the force on "
            f"the cart over {self._law['horizon']:.3g} s, with at most {self.limit:.3g} N"
        )

    def _motion(self, k: int) -> Controlled:
        """Return the true motion under controller k."""
        machine = self._machines(self.models)[k]
        dtype = torch.float64 if k == 0 else next(machine.model.parameters()).dtype
        up = _upright(machine)
        law = self._law
        gain = torch.tensor([self._gains[k]], dtype=dtype)
        far = energy_swing_up(
            machine,
            up,
            gain=self.gain,
            centre=tuple(law["centre"]),
            most=law["most"],
            above=self.above,
        )
        size = [math.inf, law["near"][0], math.inf, law["near"][1]]
        near = within(up, size, angles=(1,))
        count = round(law["horizon"] / law["hold"])
        return simulate(
            Machine(self.system, damping=[0.0, self.friction]).field,
            switch(near, regulator(gain, up, angles=(1,)), far),
            torch.tensor([0.0, self.angle, 0.0, 0.0], dtype=dtype),
            law["hold"] * torch.arange(count + 1, dtype=torch.float64),
            limit=self.limit,
        )

    def _pole_energy(self, motion: Controlled) -> torch.Tensor:
        """Return the true energy of the pole as seen from the cart, in J."""
        still = motion.states.clone()
        still[..., 2] = 0.0
        return Machine(self.system).energy(still)


def _upright(machine: Machine) -> torch.Tensor:
    weights = list(machine.parameters())
    dtype = weights[0].dtype if weights else torch.float64
    return torch.tensor([0.0, math.pi, 0.0, 0.0], dtype=dtype)


def _rounded(value: float) -> float:
    """Return a number with two digits."""
    return float(f"{value:.2g}")


def _law_of(system: CartPole) -> dict[str, Any]:
    """Return what of the controller no reader changes, in the scales of the system."""
    mass, length = float(system.pole_mass), float(system.length)
    rate = math.sqrt(float(system.gravity) / length)
    lift = mass * float(system.gravity) * length
    weight = (float(system.cart_mass) + mass) * float(system.gravity)
    pump = 1 / ((mass * length) ** 2 * rate)
    return {
        "weight": weight,
        "pump": pump,
        "lift": lift,
        "centre": [0.2 * rate**2, 0.2 * rate],
        "most": 0.8 * float(system.gravity),
        "near": [0.5, rate],
        "hold": 0.05 / rate,
        "horizon": 40 / rate,
        "ranges": {
            "limit": [0.1 * weight, 2.0 * weight],
            "gain": [0.02 * pump, 2.0 * pump],
            "above": [0.0, 0.3 * lift],
            "friction": [0.0, 0.1 * mass * length**2 * rate],
            "angle": [-math.pi, math.pi],
        },
    }
