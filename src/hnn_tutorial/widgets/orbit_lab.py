"""The orbit lab: bodies in the plane, what their motion conserves, and how chaos parts copies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import as_number, check_positive, check_type
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import Model
from hnn_tutorial.systems import (
    DoublePendulum,
    HenonHeiles,
    NBody,
    System,
    ThreeBody,
    TwoBody,
)
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_system
from hnn_tutorial.widgets._lab import FASTEST
from hnn_tutorial.widgets._model_lab import ModelLab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_SAMPLES = 10_000
"""Samples of one motion: with more of them a frame takes too long to draw."""

PICTURE_STEPS = 300
MAX_BODIES = 12
"""Of an n-body problem: the plane has room for so many."""

MAX_NUMBERS = 4_000_000
"""What a swarm keeps: samples times copies times components of a state."""

PLAYING_TIME = 16.0
"""Seconds in which a motion is played, unless it is short: a reader watches no longer."""


@dataclass(frozen=True)
class _Setting:
    """How a system starts by itself: how its state is drawn, and how long it is followed."""

    horizon: float
    step: float
    """Between two samples of a motion, as in ``js/labs/orbit/scenes.js``, in s."""
    sample: dict[str, Any] = field(default_factory=dict)


SETTINGS = {
    TwoBody: _Setting(horizon=40.0, step=0.02, sample={"position": (0.5, 1.0), "spread": 0.2}),
    ThreeBody: _Setting(horizon=40.0, step=0.02),
    NBody: _Setting(horizon=20.0, step=0.02),
    DoublePendulum: _Setting(horizon=20.0, step=0.02, sample={"angle": 2.5, "speed": 0.0}),
    HenonHeiles: _Setting(horizon=400.0, step=0.1),
}


CARDS = {DoublePendulum: (1125, 840), HenonHeiles: (1245, 860)}
"""Heights of cards in pixels, in a narrow and in a wide column, where they are not the usual."""


LEARNED_CARD = (1270, 902)
"""The same where models stand beside bodies, whose table is as wide as the card."""


class OrbitLab(ModelLab):
    r"""Orbits from a start that the reader moves: conserved quantities, learned motions, chaos.

    The reader drags places and velocities in the plane, where every motion leaves a trail that
    fades. Beside it stands the path of the motion in a plane of two of its quantities, such as
    both angles of the double pendulum; with ``models``, gauges show how far every motion has
    drifted from the values of H, momentum and angular momentum that the true motion conserves, and
    for two bodies from the direction of their ellipse, which the Laplace vector gives.
    With a ``swarm``, copies start at the distance ``spread`` around the start, in random directions
    of [q, p], each in a hue of its own, and the lab draws the root mean square δ(t) of their
    distances from the start's orbit against

    .. math:: \delta(0)\, e^{\lambda t}, \qquad
              \lambda = \frac1T \sum_k \ln \frac{d_k}{d} ,

    the slope of the largest Lyapunov exponent over the horizon T: a neighbour of the orbit is
    brought back to the distance d after every sample, and :math:`d_k` is where it had got to.
    For the Hénon–Heiles system a Poincaré section stands beside the plane: the points
    :math:`(y, p_y)` where the star passes x = 0 to the right.

    Every motion, true or learned, is integrated in the browser with steps that adapt to a
    tolerance of 1e-12, so that close encounters are followed; the lab says when the energy of
    the true motion is nevertheless off by more than a millionth.

    Args:
        system: ``TwoBody``, ``ThreeBody``, ``NBody`` of at most 12 bodies, ``DoublePendulum`` or
            ``HenonHeiles``.
        start: the first start [q, p], in the system's units. None draws one.
        models: label -> trained model whose field is one of [q, p], such as ``HNN``, ``MLP`` or
            ``PairwiseHNN``; four at most.
        swarm: how many copies start beside it; 0 for no swarm.
        spread: their distance from the start, in [q, p].
        horizon: how long the motions are, in s; None for what suits the system.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first that suits,
            "none" for nothing.
        speed: seconds of the motion that pass in one second; None for a motion that takes about
            16 s to watch.

    Raises:
        TypeError, ValueError: for a system or model that the lab cannot run, a start of another
            size, or a swarm that is too large. The message says what can.

    Attributes:
        state: the start, a tensor ``(2n,)`` that follows the reader's hand; set it to move the lab,
            ``observe`` it to follow changes.
        swarm: number of copies, two-way.
        spread: their distance from the start, two-way.
        horizon: length of the motions in s, two-way.

    References:
        Hénon & Heiles 1964 (the section); Benettin et al. 1976 (the neighbour brought back).
    """

    _esm = bundle("labs/orbit_lab.js")

    TASKS = ("scribble", "part", "kept", "circle", "thrown", "section")

    swarm = traitlets.Int(0, help="number of near-identical copies").tag(sync=True)
    spread = traitlets.Float(1e-6, help="distance of the copies from the start").tag(sync=True)
    horizon = traitlets.Float(30.0, help="length of the motions, in s").tag(sync=True)

    def __init__(
        self,
        system: System,
        start: Sequence[float] | Tensor | None = None,
        models: Mapping[str, Model] | None = None,
        swarm: int = 0,
        spread: float = 1e-6,
        horizon: float | None = None,
        task: str = "",
        speed: float | None = None,
    ) -> None:
        description = encode_system(system, tuple(SETTINGS))
        if isinstance(system, NBody) and len(system.masses) > MAX_BODIES:
            raise ValueError(
                f"the system has {len(system.masses)} bodies; the lab's plane has room for "
                f"{MAX_BODIES}"
            )
        check_type((Mapping, type(None)), "a mapping from labels to models", models=models)
        self.system = system
        self.models = dict(models or {})
        specs, weights = self._encode(self.models)
        setting = SETTINGS[type(system)]
        if start is None:
            start = _drawn_start(system)
        horizon = as_number("horizon", setting.horizon if horizon is None else horizon)
        check_positive(horizon=horizon)
        if speed is None:
            speed = min(FASTEST, max(1, round(horizon / PLAYING_TIME)))
        super().__init__(
            state=start,
            _system=description,
            _models=specs,
            _weights=weights,
            swarm=swarm,
            spread=as_number("spread", spread),
            horizon=horizon,
            task=task,
            speed=as_number("speed", speed),
        )

    def _card_heights(self) -> tuple[int, int]:
        narrow, wide = CARDS.get(type(self.system), (1220, 840))
        if self.models and len(self.system.invariants) > 1:
            narrow, wide = LEARNED_CARD
            wide += 31 * len(self.models)
        # A swarm has words of its own; each model has a row among the numbers.
        return narrow + (105 if self.swarm else 0) + 32 * len(self.models), wide

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the orbits in the plane; beside it the energies, or how a neighbour parts."""
        from hnn_tutorial.plotting import energy_plot, line_style

        system, setting = self.system, SETTINGS[type(self.system)]
        # The first part of the motions is enough, and takes no longer than the reader waits. Fixed
        # steps, since an adaptive method would not come to an end where bodies meet.
        end = min(self.horizon, PICTURE_STEPS * setting.step)
        times = torch.linspace(0, end, PICTURE_STEPS // 2 + 1, dtype=torch.float64)
        unitless = isinstance(system, HenonHeiles)
        labels = {spec["role"]: spec["label"] for spec in self._models}
        starts = self.state.expand(2, -1).clone()
        starts[1] += self.spread / starts.shape[-1] ** 0.5
        truth = integrate(system.field, starts, times, "rk4", step=setting.step)
        motions = {"truth": truth[:, 0]}
        for role, model in zip(labels, self.models.values(), strict=True):
            like = next(model.parameters())
            with torch.no_grad():
                motions[role] = integrate(
                    model.field, self.state.to(like), times.to(like), "rk4", step=setting.step
                )
        plane, right = figure.subplots(1, 2)
        for role, states in motions.items():
            style = line_style(role) | {"label": labels.get(role, "truth")}
            if not labels:
                style["linewidth"] = 1.6  # nothing lies on it
            for x, y in _tracks(system, states):
                plane.plot(x, y, **style)
                style["label"] = "_"
        plane.set(aspect="equal", xlabel="x", ylabel="y")
        if self.swarm:
            distance = (truth[:, 1] - truth[:, 0]).norm(dim=-1)
            right.semilogy(times, distance, **line_style("truth") | {"label": "a neighbour"})
            right.set(ylabel="distance from the orbit")
            beside = "the distance of a neighbour"
        else:
            energies = {role: system.hamiltonian(states) for role, states in motions.items()}
            energy_plot(times, energies, right, unit="" if unitless else "J", labels=labels)
            beside = "the energy"
        right.set(xlabel="time" if unitless else "time (s)")
        names = ", ".join(["the truth", *labels.values()])
        return (
            f"{system.title}: orbits of {names} in the plane, and {beside} over "
            f"{times[-1]:.3g} s, from [q, p] = {[round(value, 4) for value in self.state.tolist()]}"
        )

    @traitlets.validate("swarm", "spread", "horizon")
    def _check_swarm(self, proposal: dict[str, Any]) -> float:
        new = {proposal["trait"].name: proposal["value"]}
        # All, because the constructor sets all before any is checked, in any order.
        names = ("swarm", "spread", "horizon")
        swarm, spread, horizon = (new.get(name, getattr(self, name)) for name in names)
        check_positive(spread=spread, horizon=horizon)
        samples = horizon / SETTINGS[type(self.system)].step
        if not 1 <= samples <= MAX_SAMPLES:
            longest = MAX_SAMPLES * SETTINGS[type(self.system)].step
            raise ValueError(
                f"horizon = {horizon} s; the {self.system.title} is followed for at least "
                f"{longest / MAX_SAMPLES:g} s and at most {longest:g} s"
            )
        most = int(MAX_NUMBERS / (samples * 2 * self.system.degrees))
        if not 0 <= swarm <= most:
            raise ValueError(
                f"swarm = {swarm}; over {horizon:g} s the lab follows from 0 to {most} copies"
            )
        return proposal["value"]


def _drawn_start(system: System) -> Tensor:
    """Return a start of an ordinary kind: for chaos, one in the chaotic part of phase space."""
    options = dict(SETTINGS[type(system)].sample)
    if isinstance(system, HenonHeiles):
        # 3/4 of the energy of escape: 1/8 with a coupling of 1.
        return system.sample(1, 6, energy=min(0.125, 0.75 * system.escape_energy))[0]
    return system.sample(1, 0, **options)[0]


def _tracks(system: System, states: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return the curves ``(x, y)`` that a motion ``(T, 2n)`` draws in the plane."""
    if isinstance(system, DoublePendulum):
        upper, lower = states[:, 0], states[:, 1]
        x = system.length1 * upper.sin() + system.length2 * lower.sin()
        y = -system.length1 * upper.cos() - system.length2 * lower.cos()
        return [(x, y)]
    return [(states[:, i], states[:, i + 1]) for i in range(0, system.degrees, 2)]
