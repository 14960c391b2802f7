"""The Lagrangian lab: a path between two held ends, and its action beside the true path's."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import as_number, check_finite, check_positive
from hnn_tutorial.integrators import UnsettledStepError, integrate
from hnn_tutorial.integrators.implicit import fixed_point_only
from hnn_tutorial.mechanics import action
from hnn_tutorial.palette import ROLES
from hnn_tutorial.systems import Pendulum, Projectile, System
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_system
from hnn_tutorial.widgets._lab import Lab, StateTrait

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = 120
"""Steps of a path, which has one point more."""

# Start [q, p] and duration where none is given: the pendulum's is shorter than half a period of
# small swings, long before the conjugate point, where the true path stops being a minimum.
BEGINNINGS: dict[type[System], Callable[[Any], tuple[tuple[float, float], float]]] = {
    Pendulum: lambda system: ((-1.0, 0.0), 0.8 * math.pi / system.frequency),
    Projectile: lambda system: ((0.0, 12.0 * system.mass), 2.0),
}


class BendTrait(StateTrait):
    """A trait that holds a bend, a float64 tensor ``(STEPS + 1, 1)``, and travels as a list."""

    info_text = "a bend: a tensor or a sequence of numbers, the first and the last of them zero"

    def validate(self, lab: traitlets.HasTraits, value: Tensor | Sequence[float]) -> Tensor:
        """Return the value as a tensor of its own, or say what is wrong with it."""
        try:
            bend = torch.as_tensor(value, dtype=torch.float64).detach().cpu().clone()
        except (TypeError, ValueError, RuntimeError):
            self.error(lab, value)
        if bend.shape not in {(STEPS + 1,), (STEPS + 1, 1)}:
            raise ValueError(
                f"bend has shape {tuple(bend.shape)}; expected one number for each of the lab's "
                f"times, shape ({STEPS + 1}, 1)"
            )
        check_finite(bend, "bend")
        if bend[[0, -1]].any():
            raise ValueError("the ends of a path are held: the first and last of bend must be 0")
        return bend.reshape(-1, 1)


class LagrangianLab(Lab):
    r"""A path that the reader bends, its action, and that of the true path between the same ends.

    The ends are where the true motion is at the beginning and at the end of the time given. The
    action of a path is ``mechanics.action``, the midpoint rule over 120 steps,

    .. math:: S[q] = \int (T - V)\,dt ,

    and the true path is the motion by the implicit midpoint rule, where that sum is stationary
    to rounding. The lab hides it until the reader's path is stationary too, or the reader asks for
    it. It shows T, V and T − V along the reader's path, whose area is S, as a chart over time that
    can be dragged; S with its two parts, the Euler–Lagrange residual
    :math:`\partial L/\partial q - \frac{d}{dt}\,\partial L/\partial \dot q` of the reader's path
    along it, and S on the line of paths from the true one through the reader's. It can descend:
    for the projectile to the true path. The pendulum's true path is a minimum among the paths
    near it up to the conjugate point, where motions that left the start together meet again (for
    a wide swing that is later than half a period), and beyond it a saddle. A descent can miss it
    in both cases: beyond the conjugate point it leaves the true path however near it begins, and
    before it there may be another motion of less action between the same ends, which a descent
    from afar, such as one from the straight line, may find.

    Args:
        system: ``Pendulum`` or ``Projectile``.
        start: where the true motion starts, ``(q, p)``, in the system's units.
        duration: how long it takes, in s.
        task: what the lab asks its reader to do, one of ``TASKS``; "none" for nothing.
        speed: seconds of the motion that pass in one second.

    Raises:
        TypeError, ValueError: for another system, a start of another size, or a duration that is
            not positive, or too long for 120 steps.

    Attributes:
        state: the start of the true motion, a tensor ``(2,)``, two-way.
        duration: in s, two-way; the slider of the lab.
        bend: what the reader's path has more than the true one, a tensor ``(121, 1)`` that is
            zero at both ends, two-way; ``observe`` it to hear of every change.

    References:
        Hairer, Lubich & Wanner 2006, section VI.6.
    """

    _esm = bundle("labs/lagrangian_lab.js")

    TASKS = ("stationary",)

    duration = traitlets.Float(1.0, help="length of the motion, in s").tag(sync=True)
    bend = BendTrait(help="the reader's path less the true one").tag(
        sync=True,
        to_json=lambda bend, lab: bend.flatten().tolist(),
        from_json=lambda value, lab: value,
    )

    def __init__(
        self,
        system: System,
        start: Sequence[float] | Tensor | None = None,
        duration: float | None = None,
        task: str = "",
        speed: float = 1.0,
    ) -> None:
        description = encode_system(system, tuple(BEGINNINGS))
        usual_start, usual_duration = BEGINNINGS[type(system)](system)
        self.system = system
        super().__init__(
            state=usual_start if start is None else start,
            duration=as_number("duration", usual_duration if duration is None else duration),
            _system=description,
            task=task,
            speed=as_number("speed", speed),
        )

    @property
    def times(self) -> Tensor:
        """The times of a path's points, ``(121,)``, in s."""
        return torch.linspace(0, self.duration, STEPS + 1, dtype=torch.float64)

    @property
    def true_path(self) -> Tensor:
        """The true motion's positions, ``(121, 1)``."""
        path = integrate(self.system.field, self.state, self.times, "implicit_midpoint")
        return path[..., :1]

    @property
    def path(self) -> Tensor:
        """The reader's path, ``(121, 1)``, the true one and the bend. Set it to bend the lab's."""
        return self.true_path + self.bend

    @path.setter
    def path(self, path: Tensor) -> None:
        bend = torch.as_tensor(path, dtype=torch.float64).reshape(-1, 1) - self.true_path
        if bend[[0, -1]].abs().max() > 1e-6:
            raise ValueError(
                f"the path's ends are {[float(path[0]), float(path[-1])]}; they are held at "
                f"{[float(q) for q in self.true_path[[0, -1]]]}"
            )
        bend[[0, -1]] = 0.0
        self.bend = bend

    @traitlets.default("bend")
    def _default_bend(self) -> Tensor:
        """At first the reader's path is the straight line."""
        true = self.true_path
        shares = torch.linspace(0, 1, STEPS + 1, dtype=torch.float64).reshape(-1, 1)
        return torch.lerp(true[:1], true[-1:], shares) - true

    @traitlets.validate("duration")
    def _check_duration(self, proposal: dict[str, Any]) -> float:
        duration = proposal["value"]
        check_positive(duration=duration)
        times = torch.linspace(0, duration, STEPS + 1, dtype=torch.float64)
        try:
            with fixed_point_only():  # as the page solves implicit steps
                integrate(self.system.field, self.state, times[:2], "implicit_midpoint")
        except UnsettledStepError:
            raise ValueError(
                f"duration = {duration} s is too long for a path of {STEPS} steps: the midpoint "
                f"rule cannot follow the {self.system.title} with steps of {times[1]:.2g} s"
            ) from None
        return duration

    def _card_heights(self) -> tuple[int, int]:
        return 1695, 1190

    def draw_picture(self, figure: "Figure") -> str:
        """Draw both paths against time, and S on the line of paths through them."""
        from hnn_tutorial.plotting import line_style

        left, right = figure.subplots(1, 2)
        unit = self.system.coordinates[0][1]
        mine = {"color": ROLES["highlight"].figure, "label": "your path"}
        left.plot(self.times, self.true_path, **line_style("truth") | {"label": "true path"})
        left.plot(self.times, self.path, **mine)
        left.set(xlabel="time (s)", ylabel=f"$q$ ({unit})")
        left.legend()
        shares = torch.linspace(-1.5, 1.5, 61, dtype=torch.float64)
        family = self.true_path.unsqueeze(1) + shares.reshape(1, -1, 1) * self.bend.unsqueeze(1)
        values = action(self.system.lagrangian, family, self.times)
        true = action(self.system.lagrangian, self.true_path, self.times)
        right.plot(shares, values - true, color=mine["color"])
        right.set(xlabel="share of the bend", ylabel="S − S of the true path (J s)")
        return (
            f"{self.system.title}: the true path and a bent one between the same ends over "
            f"{self.duration:.3g} s, and the action of the paths on the line from one to the "
            "other, which is flat at the true path"
        )
