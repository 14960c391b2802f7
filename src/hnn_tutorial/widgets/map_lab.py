"""The map lab: a true map of the plane and learned ones, applied again and again."""

import contextvars
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import as_number, check_count, check_positive, check_type
from hnn_tutorial.integrators import UnsettledStepError, integrate
from hnn_tutorial.integrators._method import Field
from hnn_tutorial.models import HNN, HenonNet, MLPMap, SympNet
from hnn_tutorial.models._model import Network
from hnn_tutorial.systems import DrivenPendulum, Pendulum
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_models, encode_system
from hnn_tutorial.widgets._starts_lab import StartsLab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAP_MODELS = (MLPMap, SympNet, HenonNet, HNN)
"""As ``maps.js`` has them; the last is followed by implicit midpoint."""

MAX_MAPS = 10_000
MAX_MAP_MODELS = 3
"""As ``map_lab.js`` has them."""

LONGEST = 10.0
"""Steps in units of 1/ω₀: longer ones the browser does not compute finely enough."""

FIRST_STARTS = ((1.4, 0.0), (2.0, 0.0))
"""At rest; of the default driven pendulum the one draws curves, the other scatters."""

PICTURE_MAPS = 150

HEIGHTS = ((985, 592), (1419, 857), (1750, 1032), (2118, 1250))
DRIVEN_HEIGHTS = ((974, 654), (1325, 783), (1656, 1028), (2007, 1213))
"""Of the card with so many models, narrow and wide."""


class MapLab(StartsLab):
    r"""A true map of the plane and up to three learned ones, applied again and again, side by side.

    .. math:: (q, p) \mapsto \Phi(q, p), \quad \Phi(\Phi(q, p)), \quad \dots

    The true map takes a pendulum a time h onward, or a driven pendulum one period. The reader
    clicks a start, by mouse, finger or keyboard, and every plane fills with the points to which
    its map takes that start, in the start's own colour. Gauges show, for the newest start, what
    becomes of a small area around it,

    .. math:: \prod_{j<k} \det D\Phi(x_j),

    which is 1 for a symplectic map, and of the true energy. Those of a driven pendulum, which keeps
    no energy, are told apart by the growth of a small arrow instead: points on a curve part from
    their neighbours in proportion to the number of maps, points that scatter exponentially.

    All is computed in the browser; an ``HNN`` takes one step of implicit midpoint, by Newton's
    method.

    Args:
        system: a ``Pendulum`` or a ``DrivenPendulum``.
        models: label -> trained ``MLPMap``, ``SympNet`` or ``HenonNet``, or an ``HNN``; three at
            most.
        step: h, in s: needed for a ``Pendulum``, at most 10/ω₀; a ``DrivenPendulum`` has its
            period.
        starts: the first starts ``(q, p)``, 40 at most. None for two that suit, an empty list for
            none.
        count: how often each is mapped, at most 10,000.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first that suits,
            "none" for nothing.

    Raises:
        TypeError, ValueError: for a system or model that the lab cannot run, too many of them, a
            step where there must be none, or none where there must be one.

    Attributes:
        starts: pairs ``(q, p)``, which follow the reader's clicks, two-way.
        count: how often each start is mapped, two-way.

    References:
        Jin et al. 2020 (SympNets); Burby, Tang & Maulik 2020 (HénonNets).
    """

    _esm = bundle("labs/map_lab.js")

    PAIR = "(q, p)"
    TASKS = ("area", "scatter")

    _step = traitlets.Float().tag(sync=True)
    count = traitlets.Int(2000, help="how often a start is mapped").tag(sync=True)

    def __init__(
        self,
        system: Pendulum | DrivenPendulum,
        models: Mapping[str, Network] | None = None,
        *,
        step: float | None = None,
        starts: Sequence[Sequence[float]] | Tensor | None = None,
        count: int = 2000,
        task: str = "",
    ) -> None:
        check_type((Pendulum, DrivenPendulum), "a Pendulum or DrivenPendulum", system=system)
        check_type((Mapping, type(None)), "a mapping from labels to models", models=models)
        pendulum = system.pendulum if isinstance(system, DrivenPendulum) else system
        description = encode_system(pendulum, (Pendulum,))
        if isinstance(system, DrivenPendulum):
            description["name"] = "driven_pendulum"
            description["parameters"] |= {"drive": system.drive, "rate": system.rate}
            if step is not None:
                raise ValueError(
                    f"step = {step}; the map of a DrivenPendulum is that of its period, "
                    f"{system.period:.4g} s, so that there is none to pass"
                )
            step = system.period
        elif step is None:
            raise ValueError("step is missing; a Pendulum needs the time h of its map, in s")
        step = as_number("step", step)
        check_positive(step=step)
        frequency = float(pendulum.frequency)
        if isinstance(system, Pendulum) and step * frequency > LONGEST:
            raise ValueError(f"step = {step}; it is at most 10/ω₀ = {LONGEST / frequency:.4g} s")
        check_count(count=count)
        self.system: Pendulum = pendulum
        self.driven = system if isinstance(system, DrivenPendulum) else None
        self.models: dict[str, Any] = dict(models or {})
        specs, weights = self._encode(self.models)
        if starts is None:
            starts = FIRST_STARTS
        super().__init__(
            _system=description,
            _step=step,
            _models=specs,
            _weights=weights,
            starts=self._as_pairs(starts),
            count=int(count),
            task=task,
        )

    def _encode(self, models: Mapping[str, Any]) -> tuple[list[dict[str, Any]], bytes]:
        if len(models) > MAX_MAP_MODELS:
            raise ValueError(
                f"{len(models)} models; a map lab draws the truth and at most {MAX_MAP_MODELS}"
            )
        specs, weights = encode_models(self.system, models, MAP_MODELS)
        for spec, model in zip(specs, models.values(), strict=True):
            spec["hidden"] = list(model.hidden)
        return specs, weights

    def _card_heights(self) -> tuple[int, int]:
        heights = DRIVEN_HEIGHTS if self.driven else HEIGHTS
        return heights[len(self.models)]

    @traitlets.default("_constants")
    def _default_constants(self) -> str:
        own = super()._default_constants()
        if self.driven is None:
            return own
        return f"{own}, ε = {self.driven.drive:.6g}, ω = {self.driven.rate:.6g} rad/s"

    @traitlets.validate("count")
    def _check_count(self, proposal: dict[str, Any]) -> int:
        if not 1 <= proposal["value"] <= MAX_MAPS:
            raise ValueError(f"count = {proposal['value']}; it is from 1 to {MAX_MAPS:,}")
        return proposal["value"]

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the first points of the truth, and of each map."""
        names = ["truth", *(spec["label"] for spec in self._models)]
        columns = 2 if len(names) > 1 else 1
        planes = figure.subplots(
            -(-len(names) // columns), columns, sharex=True, sharey=True, squeeze=False
        )
        for plane in planes.flat[len(names) :]:
            plane.set_axis_off()
        models = (None, *self.models.values())
        for plane, name, model in zip(planes.flat, names, models, strict=False):
            for start in self.starts:
                points = self._iterated(model, start).double()
                q = torch.remainder(points[:, 0] + math.pi, 2 * math.pi) - math.pi
                plane.plot(q, points[:, 1], ".", markersize=2)
            plane.set(title=name, xlim=(-math.pi, math.pi))
        planes[-1, 0].set(xlabel="q (rad)", ylabel="p (kg m²/s)")
        what = "driven pendulum" if self.driven else "pendulum"
        return (
            f"Maps of the {what}, applied {min(self.count, PICTURE_MAPS)} times to "
            f"{len(self.starts)} starts: {', '.join(names)}"
        )

    def _iterated(self, model: Any, start: Sequence[float]) -> Tensor:
        """Return the points of a map up to where it breaks off, ``(K, 2)``."""
        dtype = torch.float64 if model is None else next(model.parameters()).dtype
        step = self._step
        points = [torch.tensor(start, dtype=dtype)]
        with torch.no_grad():
            for _ in range(min(self.count, PICTURE_MAPS)):
                x = points[-1]
                if isinstance(model, HNN):
                    try:
                        x = _midpoint(model.field, x, step)
                    except UnsettledStepError:
                        break
                elif model is not None:
                    x = model.map(x)
                elif self.driven is not None:
                    x = self.driven.period_map(x)
                else:
                    x = self.system.solution(x, torch.tensor([0.0, step], dtype=torch.float64))[-1]
                if not x.isfinite().all():
                    break
                points.append(x)
        return torch.stack(points)


def _midpoint(field: Field, x: Tensor, step: float) -> Tensor:
    """Return the state one step of implicit midpoint later, by Newton's method where need be."""

    def ahead() -> Tensor:
        return integrate(field, x, [0.0, step], "implicit_midpoint", step=step)[-1]

    # The page of this lab takes longer steps than those to which saved pictures are held.
    return contextvars.Context().run(ahead)
