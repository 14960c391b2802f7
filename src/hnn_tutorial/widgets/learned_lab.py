"""The learned-dynamics lab: truth and trained models from a start that the reader moves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import as_number, check_positive, check_type, lookup
from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.integrators.splitting import coupled_parts
from hnn_tutorial.models import LagrangianNetwork, Model
from hnn_tutorial.systems import System
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import (
    LAB_MODELS,
    LAB_SYSTEMS,
    encode_models,
    encode_region,
)
from hnn_tutorial.widgets._lab import draw_motions, start_in, until_it_leaves
from hnn_tutorial.widgets._model_lab import ModelLab
from hnn_tutorial.widgets._table import Plane, encode_any_system

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_STEPS = 200
MAX_STEPS = 10_000
"""Steps of one motion: with more of them a frame takes too long to draw."""


class LearnedLab(ModelLab):
    r"""The true motion and those of trained models, from one start that the reader moves.

    The phase plane and the body stand side by side; the start is dragged in either. Each
    model's field :math:`f_\theta` is integrated in the browser by the method and step that
    the reader chooses, and compared with the exact motion by

    .. math:: \frac{H(x_\theta(t)) - H(x(t))}{H(x(0))} \quad\text{and}\quad
              \lVert x_\theta(t) - x(t) \rVert .

    The row "integrator alone" gives both for the true field under the same method and step,
    which is the part of the error that no network made. The level lines of one learned energy
    lie over the true ones: shifted by the constant that no motion shows (a Lagrangian's also
    scaled) to be nearest to them where the training data are. Nothing here needs a kernel, except
    to read the start from Python or to send new weights.

    Args:
        system: ``MassSpring``, ``Pendulum``, one of their damped variants, ``DoublePendulum``, or
            any other system of one degree of freedom, such as your own; ``PhaseLab`` says how that
            travels.
        models: label -> trained model, such as ``{"baseline": mlp, "HNN": hnn}``: ``MLP``,
            ``SecondOrderMLP``, ``HNN``, ``SeparableHNN``, ``DissipativeHNN``, ``LNN`` or
            ``StructuredLNN``. Those with a Lagrangian run on [q, q̇] and are shown as [q, p].
        start: the first start [q, p], in the system's units; None pulls the first position to 1.
        step: the integrator's step, in s.
        method: a fixed-step key of ``METHODS`` that suits every field here.
        horizon: how long the motions are, in s.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first that suits,
            "none" for nothing.
        speed: seconds of the motion that pass in one second.
        region: training states ``(..., 2n)``, or the interval of their energies
            ``(lowest, highest)`` in J; drawn as a band in the plane of one degree of freedom. None
            draws none.
        plane: for a system that the page has no formula of, as in ``PhaseLab``. There a motion,
            also that of a model, ends where it leaves the plane. Energies are then counted from the
            lowest one in the plane, where the formula says how far one is off.

    Raises:
        TypeError, ValueError: for a system or model that the labs cannot run, a start of
            another size, or a method that does not suit. The message says what can.

    Attributes:
        state: the start, a tensor ``(2n,)`` that follows the reader's hand; set it to move the lab,
            ``observe`` it to follow changes.
        step: the step in s, two-way.
        method: the method's name, two-way.
        horizon: length of the motions in s.
        region: energies ``[lowest, highest]`` of the training data, or empty.
    """

    _esm = bundle("labs/learned_lab.js")

    TASKS = ("tenth", "kept", "over", "beyond")

    step = traitlets.Float(0.05).tag(sync=True)
    method = traitlets.Unicode("rk4").tag(sync=True)
    horizon = traitlets.Float(20.0).tag(sync=True)
    region = traitlets.List(traitlets.Float()).tag(sync=True)

    def __init__(
        self,
        system: System,
        models: Mapping[str, Model],
        start: Sequence[float] | Tensor | None = None,
        step: float = 0.05,
        method: str = "rk4",
        horizon: float = 20.0,
        region: Tensor | Sequence[float] | None = None,
        task: str = "",
        speed: float = 1.0,
        plane: Plane | None = None,
    ) -> None:
        description = encode_any_system(system, LAB_SYSTEMS, plane)
        check_type(Mapping, "a mapping from labels to models", models=models)
        specs, weights = encode_models(system, models, LAB_MODELS)
        self.system = system
        self.models = dict(models)
        # The start first: the other checks look at the fields there.
        super().__init__(
            state=start_in(description, system, start),
            _system=description,
            _models=specs,
            _weights=weights,
            horizon=as_number("horizon", horizon),
            step=as_number("step", step),
            region=encode_region(system, region),
            task=task,
            speed=as_number("speed", speed),
        )
        self.method = method

    def _card_heights(self) -> tuple[int, int]:
        rows = 30 * (len(self.models) - 2)
        return 1185 + rows, 770 + max(rows, 0)

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the phase plane and the energies of all motions, as they start."""
        # The first part of the motions is enough, and takes no longer than the reader waits.
        count = min(PICTURE_STEPS, round(self.horizon / self.step))
        times = torch.arange(count + 1, dtype=torch.float64) * self.step
        truth = integrate(self.system.field, self.state, times, "rk4")
        motions = {"truth": until_it_leaves(truth, self._system)}
        labels = {spec["role"]: spec["label"] for spec in self._models}
        for role, model in zip(labels, self.models.values(), strict=True):
            motions[role] = until_it_leaves(self._motion_of(model, times), self._system)
        draw_motions(figure, self.system, times, motions, labels, self._system.get("plane"))
        names = ", ".join(["the truth", *labels.values()])
        return (
            f"{self.system.title}: orbits in the phase plane, and energy over "
            f"{times[-1]:.3g} s, of {names}, from [q, p] = {self.state.tolist()}"
        )

    def _motion_of(self, model: Model, times: Tensor) -> Tensor:
        """Return a model's motion as states ``[q, p]``, ``(T, 2n)``."""
        weights = next(model.parameters())
        lagrangian = isinstance(model, LagrangianNetwork)
        start = self.system.velocities(self.state) if lagrangian else self.state
        with torch.no_grad():
            states = integrate(model.field, start.to(weights), times.to(weights), self.method)
        states = states.to(self.state)
        return self.system.momenta(states) if lagrangian else states

    def _encode(self, models: Mapping[str, Model]) -> tuple[list[dict[str, Any]], bytes]:
        encoded = encode_models(self.system, models, LAB_MODELS)
        self._require_method(self.method, models)
        return encoded

    @traitlets.validate("step", "horizon")
    def _check_time(self, proposal: dict[str, Any]) -> float:
        name = proposal["trait"].name
        step = proposal["value"] if name == "step" else self.step
        horizon = proposal["value"] if name == "horizon" else self.horizon
        # Both, because the constructor sets both before either is checked, in any order.
        check_positive(step=step, horizon=horizon)
        if step > horizon:
            raise ValueError(f"step = {step} s is longer than horizon = {horizon} s")
        # The truth is drawn at 0.01 s or finer.
        count = round(horizon / min(step, 0.01))
        if count > MAX_STEPS:
            raise ValueError(
                f"horizon = {horizon} s with step = {step} s takes {count:,} steps; a lab draws at "
                f"most {MAX_STEPS:,}: the horizon can be {MAX_STEPS * min(step, 0.01):.3g} s"
            )
        return proposal["value"]

    @traitlets.validate("method")
    def _check_method(self, proposal: dict[str, Any]) -> str:
        self._require_method(proposal["value"], self.models)
        return proposal["value"]

    def _require_method(self, name: str, models: Mapping[str, Model]) -> None:
        """Raise ``ValueError`` if a method is unknown, or does not suit every field here."""
        fixed = {key: method for key, method in METHODS.items() if not method.adaptive}
        method = lookup(fixed, name, "fixed-step method")
        if not method.needs_separable:
            return
        fields = {"truth": self.system.field} | {k: model.field for k, model in models.items()}
        for label, field in fields.items():
            like = next(models[label].parameters()) if label in models else self.state
            lagrangian = isinstance(models.get(label), LagrangianNetwork)
            start = self.system.velocities(self.state) if lagrangian else self.state
            # A table may end near the start.
            own = label == "truth" and "coupled" in self._system
            reason = self._system["coupled"] if own else coupled_parts(field, start.to(like))
            if reason:
                others = [key for key in fixed if not fixed[key].needs_separable]
                raise ValueError(
                    f"{method.title} needs a separable H = T(p) + V(q), but in the field of "
                    f"{label!r} {reason}; use one of: {', '.join(others)}"
                )
