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
from hnn_tutorial.widgets._encode import LAB_SYSTEMS
from hnn_tutorial.widgets._lab import Lab, draw_motions, start_in, until_it_leaves
from hnn_tutorial.widgets._table import Plane, encode_any_system

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
        system: ``MassSpring``, ``Pendulum``, one of their damped variants, ``DoublePendulum``, or
            any other system of one degree of freedom, such as your own: with a ``hamiltonian`` or a
            ``lagrangian``, and a ``field`` if it has friction.
        start: the first start [q, p], in the system's units; None pulls the first position to 1, or
            in a table half way from its middle to its edge.
        cloud: how far the cloud reaches in q on either side, in m or rad, from 0 (none) to 1.
        backwards: let time run backwards.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first that suits,
            "none" for nothing.
        speed: seconds of the motion that pass in one second.
        plane: for a system that the page has no formula of: the part of its phase plane that the
            lab shows, ``((q_min, q_max), (p_min, p_max))``. None takes what holds all motions that
            ``system.sample`` starts.

    A system of your own travels as a table of its H over that plane, a few kilobytes; the page
    interpolates it. The field is then off by at most 1e-5 of its size, or 1e-4 where that would
    take too large a table; both are measured at some 20,000 states when the lab is made, and the
    lab says the number under More. A motion that comes to the edge of the table stops there and
    says so. Constants of the formula are in the table: no slider changes them, ``parameters`` is
    empty. A position in rad is an angle, whose table holds one turn.

    Raises:
        TypeError: for a system that is not one: of more degrees of freedom, with time in its
            formula, or without an energy.
        ValueError: for a start of another size or outside of the table, a cloud out of its range,
            or a formula that no small table follows in the plane: with a corner, a step or a pole
            there.

    Attributes:
        state: the start, a tensor ``(2n,)`` that follows the reader's hand; two-way.
        parameters: the system's parameters by name, in SI units, two-way; ``system`` is the
            system with these. Empty for a system that runs from a table.
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
        plane: Plane | None = None,
    ) -> None:
        description = encode_any_system(system, LAB_SYSTEMS, plane)
        self._first_system = system
        self._changeable = system.parameters if type(system) in LAB_SYSTEMS else []
        super().__init__(
            state=start_in(description, system, start),
            _system=description,
            _sliders=[_slider(parameter) for parameter in self._changeable],
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
        names = [parameter.name for parameter in self._changeable]
        if sorted(given) != sorted(names):
            wanted = ", ".join(names) or "none: this lab runs from a table; make another lab"
            raise ValueError(f"parameters are {sorted(given)}; expected {wanted}")
        # The system checks the values.
        system = replace(self._first_system, **{name: float(given[name]) for name in names})
        return {name: getattr(system, name) for name in names}

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
        motion = until_it_leaves(
            integrate(self.system.field, self.state, times, "rk4"), self._system
        )
        plane = self._system.get("plane")
        draw_motions(figure, self.system, times, {"truth": motion}, plane=plane)
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
