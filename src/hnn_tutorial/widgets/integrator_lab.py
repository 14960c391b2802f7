"""The integrator lab: the fixed-step methods beside each other, from one start."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import as_number, check_positive, lookup
from hnn_tutorial.integrators import METHODS, UnsettledStepError, integrate
from hnn_tutorial.integrators.implicit import fixed_point_only
from hnn_tutorial.systems import HenonHeiles, MassSpring, Pendulum, System, TwoBody
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_system
from hnn_tutorial.widgets._lab import Lab, wrap_angles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STARTS = {
    MassSpring: (1.0, 0.0),
    Pendulum: (1.0, 0.0),
    # At its escape energy times 3/4; and an ellipse of eccentricity 1/2, from where they are
    # farthest apart.
    HenonHeiles: (0.0, 0.1, 0.49, 0.0),
    TwoBody: (0.5, 0.0, -0.5, 0.0, 0.0, 0.5, 0.0, -0.5),
}
"""The systems of the lab, and where each starts by itself."""

MAX_STEPS = 100_000
"""Steps of one motion: with more of them the page would hold too many states."""

PICTURE_STEPS = 200


class IntegratorLab(Lab):
    r"""The fixed-step methods beside each other: motion, energy error and cost, from one start.

    Each method that is switched on follows the true field from the same start with the same
    step. The lab draws the system in space once for each method, the orbits in the plane of q and p
    (or of the first two positions), the largest energy error so far,

    .. math:: \max_{s \le t} \frac{\lvert H(x(s)) - H(x(0)) \rvert}{\lvert H(x(0)) \rvert} ,

    against the time, and the distance from the truth after 10 s against the calls of the field
    that it took, over many step sizes. Those calls are counted as the package makes them: a
    kick or a drift is one call, although it needs only one half of the field.

    Args:
        system: ``MassSpring``, ``Pendulum``, ``HenonHeiles`` or ``TwoBody``: without friction, so
            that a change of the energy is an error.
        start: the first start ``[q, p]``, in the system's units; None takes the system's own.
        methods: the methods switched on at first, fixed-step keys of ``METHODS``.
        step: the step of all methods, in s.
        horizon: how long the motions are, in s.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first that suits
            the methods, "none" for nothing.
        speed: how many times as fast as usual the motions are shown; the longest take 30 s.

    Raises:
        TypeError, ValueError: for another system, a start of another size, an adaptive or
            unknown method, or more than ``MAX_STEPS`` steps. The message says what can.

    Attributes:
        state: the start, a tensor ``(2n,)`` that follows the reader's hand; set it to move the lab,
            ``observe`` it to follow changes.
        methods: names of the methods switched on, two-way.
        step: the step in s, two-way.
        horizon: length of the motions in s, two-way.

    References:
        Hairer, Lubich & Wanner 2006.
    """

    _esm = bundle("labs/integrator_lab.js")

    TASKS = ("lose", "win", "tame")

    methods = traitlets.List(traitlets.Unicode(), help="methods switched on").tag(sync=True)
    step = traitlets.Float(0.1, help="step of all methods, in s").tag(sync=True)
    horizon = traitlets.Float(100.0, help="length of the motions, in s").tag(sync=True)

    def __init__(
        self,
        system: System,
        start: Sequence[float] | Tensor | None = None,
        methods: Sequence[str] = ("euler", "symplectic_euler", "leapfrog", "rk4"),
        step: float = 0.1,
        horizon: float = 100.0,
        task: str = "",
        speed: float = 1.0,
    ) -> None:
        description = encode_system(system, tuple(STARTS))
        if not isinstance(methods, list | tuple):
            raise TypeError(f"methods is {methods!r}; expected several names, such as ['rk4']")
        self.system = system
        super().__init__(
            state=STARTS[type(system)] if start is None else start,
            _system=description,
            methods=list(methods),
            step=as_number("step", step),
            horizon=as_number("horizon", horizon),
            task=task,
            speed=as_number("speed", speed),
        )

    def _card_heights(self) -> tuple[int, int]:
        # On a phone four systems stand in a row, and each method has its words in the summary.
        rows = max(1, math.ceil(len(self.methods) / 4))
        return 1646 + 134 * rows + 21 * max(0, len(self.methods) - 3), 1240

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the phase plane, and the largest energy errors so far, as the lab starts."""
        from hnn_tutorial.plotting import line_style, method_style

        # The first part of the motions is enough, and takes no longer than the reader waits.
        count = min(PICTURE_STEPS, round(self.horizon / self.step))
        times = torch.arange(count + 1, dtype=torch.float64) * self.step
        plane, drift = figure.subplots(1, 2)
        fine = torch.linspace(0, 10, 201, dtype=torch.float64)
        truth = integrate(self.system.field, self.state, fine, "dop853")
        truth = wrap_angles(self.system, truth)
        plane.plot(truth[:, 0], truth[:, 1], **line_style("truth"))
        (q, q_unit), (p, p_unit), *_ = self.system.coordinates
        # As much of the plane as the truth takes, with room around it: Euler's method leaves it.
        plane.margins(0.25)
        plane.set(
            xlim=plane.get_xlim(),
            ylim=plane.get_ylim(),
            xlabel=f"${q}$ ({q_unit})",
            ylabel=f"${p}$ ({p_unit})",
        )
        start = self.system.hamiltonian(self.state)
        scale = start.abs() if start != 0 else torch.ones(())
        for name in self.methods:
            try:
                with fixed_point_only():  # as the page solves implicit steps
                    states = integrate(self.system.field, self.state, times, name)
            except UnsettledStepError:
                continue
            style = method_style(name) | {"marker": ""}
            near = wrap_angles(self.system, states[times <= 10])
            plane.plot(near[:, 0], near[:, 1], **style | {"label": "_", "linewidth": 1.2})
            errors = ((self.system.hamiltonian(states) - start) / scale).abs().cummax(0).values[1:]
            drift.plot(times[1:][errors > 0], errors[errors > 0], **style)
        drift.set(xlabel="time (s)", ylabel="largest energy error")
        if any(line.get_ydata().size for line in drift.lines):  # at rest there is no error
            drift.set(xscale="log", yscale="log")
            figure.legend(*drift.get_legend_handles_labels(), loc="outside upper center", ncols=4)
        return (
            f"{self.system.title}: orbits of {', '.join(self.methods) or 'no method'} with steps "
            f"of {self.step:.3g} s in the phase plane, and the largest energy error over "
            f"{times[-1]:.3g} s, from [q, p] = {self.state.tolist()}"
        )

    @traitlets.validate("methods")
    def _check_methods(self, proposal: dict[str, Any]) -> list[str]:
        names = proposal["value"]
        fixed = {key: method for key, method in METHODS.items() if not method.adaptive}
        for name in names:
            lookup(fixed, name, "fixed-step method")
        if len(set(names)) < len(names):
            raise ValueError(f"methods is {names}; expected each name once")
        return names

    @traitlets.validate("step", "horizon")
    def _check_time(self, proposal: dict[str, Any]) -> float:
        name = proposal["trait"].name
        step = proposal["value"] if name == "step" else self.step
        horizon = proposal["value"] if name == "horizon" else self.horizon
        # Both, because the constructor sets both before either is checked, in any order.
        check_positive(step=step, horizon=horizon)
        if step > horizon:
            raise ValueError(f"step = {step} s is longer than horizon = {horizon} s")
        if (count := round(horizon / step)) > MAX_STEPS:
            raise ValueError(
                f"horizon = {horizon} s with step = {step} s takes {count:,} steps; the lab "
                f"computes at most {MAX_STEPS:,}: the horizon can be {MAX_STEPS * step:.3g} s"
            )
        return proposal["value"]
