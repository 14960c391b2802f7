"""The phase-space lab: a motion, and a cloud of states that flows with it and keeps its area."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import as_number
from hnn_tutorial.integrators import integrate
from hnn_tutorial.systems import System
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import LAB_SYSTEMS, encode_system
from hnn_tutorial.widgets._lab import Lab, draw_motions, first_start

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class PhaseLab(Lab):
    r"""The motion of a system in its phase plane and in space, from a start that the reader drags.

    A cloud of states around the start flows along. Its area

    .. math:: A = \oint p \, dq = \sum_i \oint p_i \, dq_i

    is kept by every Hamiltonian flow (Liouville; with more degrees of freedom it is the sum over
    the planes that is kept) and shrinks with friction, as :math:`e^{-ct/m}` on the spring. Time
    can run backwards at any moment, and sliders change the system's parameters.

    Args:
        system: ``MassSpring``, ``Pendulum``, one of their damped variants, or ``DoublePendulum``.
        start: the first start [q, p], in the system's units; None pulls the first position to 1.
        cloud: how far the cloud reaches in q on either side, in m or rad, from 0 (none) to 1.
        backwards: let time run backwards.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first that suits,
            "none" for nothing.
        speed: seconds of the motion that pass in one second.

    Raises:
        TypeError: for a system that the lab does not know.
        ValueError: for a start of another size, or a cloud out of its range.

    Attributes:
        state: the start, a tensor ``(2n,)`` that follows the reader's hand; two-way.
        parameters: the system's parameters by name, in SI units, two-way; ``system`` is the
            system with these.
        cloud: how far the cloud reaches, two-way.
        backwards: whether time runs backwards, two-way.

    References:
        Arnold 1989 (§16 and §44: Liouville's theorem and the integral invariant).
    """

    _esm = bundle("labs/phase_lab.js")

    TASKS = ("halve", "stretch", "top", "back")

    _sliders = traitlets.List(traitlets.Dict()).tag(sync=True)
    parameters = traitlets.Dict().tag(sync=True)
    cloud = traitlets.Float(0.25).tag(sync=True)
    backwards = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        system: System,
        start: Sequence[float] | Tensor | None = None,
        cloud: float = 0.25,
        backwards: bool = False,
        task: str = "",
        speed: float = 1.0,
    ) -> None:
        description = encode_system(system, LAB_SYSTEMS)
        self._first_system = system
        super().__init__(
            state=first_start(system, start),
            _system=description,
            _sliders=[_slider(parameter) for parameter in system.parameters],
            parameters=description["parameters"],
            cloud=as_number("cloud", cloud),
            backwards=backwards,
            task=task,
            speed=as_number("speed", speed),
        )

    @property
    def system(self) -> System:
        """The system, with the parameters that the sliders show."""
        return replace(self._first_system, **self.parameters)

    @traitlets.validate("parameters")
    def _check_parameters(self, proposal: dict[str, Any]) -> dict[str, float]:
        given = proposal["value"]
        names = [parameter.name for parameter in self._first_system.parameters]
        if sorted(given) != sorted(names):
            raise ValueError(f"parameters are {sorted(given)}; expected {', '.join(names)}")
        # The system checks the values.
        system = replace(self._first_system, **{name: float(given[name]) for name in names})
        return {parameter.name: parameter.value for parameter in system.parameters}

    @traitlets.validate("cloud")
    def _check_cloud(self, proposal: dict[str, Any]) -> float:
        if not 0 <= proposal["value"] <= 1:
            raise ValueError(
                f"cloud = {proposal['value']}; it reaches from 0 (none) to 1 on either side of q"
            )
        return proposal["value"]

    def _default_constants(self) -> str:
        # Its sliders show them.
        return ""

    def _card_heights(self) -> tuple[int, int]:
        if self.system.degrees > 1:
            rows = 40 * self.system.degrees
            return 1050 + rows, 690 + rows
        # Without a cloud q, p, T and V stand in the table.
        return (1050 if self.cloud else 1110), 690

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the phase plane and the energy."""
        times = torch.linspace(0.0, 6.0, 181, dtype=torch.float64)
        motion = integrate(self.system.field, self.state, times, "rk4")
        draw_motions(figure, self.system, times, {"truth": motion})
        return (
            f"{self.system.title}: the motion from [q, p] = {self.state.tolist()} in the phase "
            f"plane, and its energy over {times[-1]:.3g} s"
        )


def _slider(parameter: Any) -> dict[str, Any]:
    """Return the range of a parameter's slider: from a fifth to three times of its value."""
    high = float(f"{3 * parameter.value or 1.0:.1g}")
    low = float(f"{parameter.value / 5:.1g}")
    return {
        "name": parameter.name,
        "meaning": parameter.meaning,
        "unit": parameter.unit,
        "low": low,
        "high": high,
        "step": float(f"{high / 100:.1g}"),
    }
