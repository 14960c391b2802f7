"""The linkage lab: points on rods under the reader's hand, by RATTLE and by RK4."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import check_type, describe
from hnn_tutorial.constraints import Rods
from hnn_tutorial.integrators import UnsettledStepError, integrate
from hnn_tutorial.models import ConstrainedLNN
from hnn_tutorial.systems import FourBar, LinkChain
from hnn_tutorial.systems._constrained import ConstrainedSystem
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_models
from hnn_tutorial.widgets._model_lab import ModelLab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_LINKS = 6
STEPS = (0.001, 0.1)
SHORTEST = 1e-3
"""As ``linkage_lab.js`` has them."""

PICTURE_TIME = 2.0
PICTURE_STEP = 0.005
PICTURE_FRAMES = 9


class LinkageLab(ModelLab):
    r"""A chain of links, or a four-bar linkage, that the reader drags, lets go, opens and closes.

    .. math:: M \ddot q = -\nabla V + G^\top \lambda, \qquad g(q) = 0

    The reader takes a joint by mouse, finger or keyboard; the others follow on their rods. Let go,
    it swings from rest: by RATTLE, which solves for the rods' lengths at each step, and by RK4 on
    the field with the multipliers λ, which does not, with the same step. One rod more, from the
    last joint to a second pivot, closes the chain: its length is that which it has where the
    reader closes it. Gauges show how far each motion's rods and energy are off.

    A ``ConstrainedLNN`` beside them moves by RATTLE too, with its own masses and potential and the
    linkage's rods, closed or open.

    Args:
        system: a ``LinkChain`` of up to six links, or a ``FourBar``.
        models: label -> trained ``ConstrainedLNN`` of the open chain's points; one at most.
        start: the angles of the links from hanging down, in rad, ``(N,)``; of a four-bar linkage
            that of the crank alone. None for ones that suit.
        closed: whether the loop is closed at first. None for what the system is.
        anchor: the second pivot of a chain, in m; None for one beside the first. A ``FourBar`` has
            its own.
        step: of both methods, in s, from 0.001 to 0.1.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first, "none" for
            nothing.

    Raises:
        TypeError, ValueError: for a system or model that the lab cannot run, or a start that the
            rods do not allow.

    Attributes:
        positions: ``[x1, y1, x2, y2, ...]`` where the motion starts, in m, two-way.
        closing: the length of the rod that closes the loop, in m, or 0, two-way.
        step: the step, two-way.

    References:
        Andersen 1983 (RATTLE); Finzi, Wang & Wilson 2020 (constrained Lagrangian networks).
    """

    _esm = bundle("labs/linkage_lab.js")

    TASKS = ("close", "leave")

    # Its start is at rest, and is positions alone.
    state = None  # type: ignore[assignment]

    positions = traitlets.List(traitlets.Float(), help="[x1, y1, ...] at rest").tag(sync=True)
    closing = traitlets.Float(0.0, help="length of the closing rod, or 0").tag(sync=True)
    step = traitlets.Float(0.02, help="step of both methods").tag(sync=True)

    def __init__(
        self,
        system: LinkChain | FourBar,
        models: Mapping[str, ConstrainedLNN] | None = None,
        *,
        start: float | Sequence[float] | Tensor | None = None,
        closed: bool | None = None,
        anchor: Sequence[float] | None = None,
        step: float = 0.02,
        task: str = "",
    ) -> None:
        check_type((LinkChain, FourBar), "a LinkChain or FourBar", system=system)
        check_type((Mapping, type(None)), "a mapping from labels to models", models=models)
        check_type((bool, type(None)), "True, False or None", closed=closed)
        loop = system if isinstance(system, FourBar) else None
        chain = loop.open_chain if loop else system
        assert isinstance(chain, LinkChain), "check_type lets no other pass"
        if chain.links > MOST_LINKS:
            raise ValueError(f"{chain.links} links; a linkage lab moves at most {MOST_LINKS}")
        if loop and anchor is not None:
            raise ValueError(f"anchor = {anchor}; a FourBar has its own, at ({loop.ground}, 0)")
        lengths = [float(length) for length in chain.constraints.lengths]
        self.system: LinkChain = chain
        self.models: dict[str, Any] = dict(models or {})
        specs, weights = self._encode(self.models)
        pivot = [float(loop.ground), 0.0] if loop else _pivot(anchor, sum(lengths))
        positions = _start(system, start)
        distance = math.dist(positions[-2:], pivot)
        if closed is None:
            closed = loop is not None
        if closed and distance < SHORTEST:
            raise ValueError("the last joint is on the second pivot, where no rod closes the loop")
        kinds: list[ConstrainedSystem] = [chain, loop or chain]
        super().__init__(
            _system={
                "title": system.title,
                "pairs": [list(pair) for pair in chain.constraints.pairs],
                "lengths": lengths,
                "masses": [each.masses_between.tolist() for each in kinds],
                "weights": [each.weights.tolist() for each in kinds],
                "anchor": pivot,
            },
            _models=specs,
            _weights=weights,
            positions=positions,
            closing=distance if closed else 0.0,
            step=step,
            task=task,
        )

    def _encode(self, models: Mapping[str, Any]) -> tuple[list[dict[str, Any]], bytes]:
        if len(models) > 1:
            raise ValueError(f"{len(models)} models; a linkage lab has room for one")
        specs, weights = encode_models(self.system, models, (ConstrainedLNN,))
        for spec, model in zip(specs, models.values(), strict=True):
            if model.rods.dimension != 2:
                raise ValueError(f"{spec['label']!r} moves in {model.rods.dimension} dimensions")
            spec["masses"] = model.masses.detach().double().tolist()
        return specs, weights

    def _card_heights(self) -> tuple[int, int]:
        return HEIGHTS[len(self.models)]

    @traitlets.validate("positions")
    def _check_positions(self, proposal: dict[str, Any]) -> list[float]:
        positions = proposal["value"]
        if len(positions) != self.system.degrees or not all(map(math.isfinite, positions)):
            raise ValueError(
                f"positions = {positions}; expected {self.system.degrees} finite numbers"
            )
        return positions

    @traitlets.validate("closing")
    def _check_closing(self, proposal: dict[str, Any]) -> float:
        closing = proposal["value"]
        if not (closing == 0 or SHORTEST <= closing < math.inf):
            raise ValueError(f"closing = {closing}; expected the length of a rod, or 0 for none")
        return closing

    @traitlets.validate("step")
    def _check_step(self, proposal: dict[str, Any]) -> float:
        if not STEPS[0] <= proposal["value"] <= STEPS[1]:
            raise ValueError(f"step = {proposal['value']}; it is from {STEPS[0]} to {STEPS[1]} s")
        return proposal["value"]

    @property
    def rods(self) -> Rods:
        """The rods as they are now, open or closed."""
        rods = self.system.constraints
        if not self.closing:
            return rods
        return rods.with_rod((rods.points - 1, -2), self.closing, anchor=self._system["anchor"])

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the linkage at a few times of its motion."""
        from hnn_tutorial.constraints import constrained_field
        from hnn_tutorial.palette import NEUTRAL

        rods, closed = self.rods, self.closing > 0
        masses = torch.tensor(self._system["masses"][closed], dtype=torch.float64)
        weights = torch.tensor(self._system["weights"][closed], dtype=torch.float64)
        field = constrained_field(lambda q: (q[..., 1::2] * weights).sum(-1), masses, rods)
        rest = torch.zeros(self.system.degrees, dtype=torch.float64)
        start = rods.project(torch.cat([torch.tensor(self.positions, dtype=torch.float64), rest]))
        times = torch.linspace(0, PICTURE_TIME, PICTURE_FRAMES, dtype=torch.float64)
        ax = figure.subplots()
        try:
            states = integrate(field, start, times, "rattle", step=PICTURE_STEP)
        except (UnsettledStepError, ValueError):
            states = start.unsqueeze(0)
        anchors = torch.tensor(rods.anchors, dtype=torch.float64)
        for k, state in enumerate(states):
            points = torch.cat([state[: self.system.degrees].reshape(-1, 2), anchors.flip(0)])
            for i, j in rods.pairs:
                ends = torch.stack([points[i], points[j]])
                alpha = 0.25 + 0.75 * k / max(1, len(states) - 1)
                ax.plot(*ends.T, "o-", color=NEUTRAL, alpha=alpha, markersize=4)
        ax.set(aspect="equal", xlabel="x (m)", ylabel="y (m)")
        what = "closed by one rod more" if closed else "open"
        return (
            f"A {self._system['title']} of {self.system.links} links, {what}, that swings from "
            f"rest: {len(states)} pictures in {PICTURE_TIME:g} s"
        )


HEIGHTS = ((1182, 730), (1233, 762))
"""Of the card without and with a model, narrow and wide."""


def _pivot(anchor: Any, size: float) -> list[float]:
    """Return the second anchor of a chain."""
    if anchor is None:
        return [round(0.6 * size, 4), 0.0]
    try:
        found = torch.as_tensor(anchor, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"anchor is {describe(anchor)}; expected two numbers (x, y)") from None
    if found.shape != (2,) or not found.isfinite().all():
        raise ValueError(f"anchor = {describe(anchor)}; expected two finite numbers (x, y)")
    if not 0 < float(found.norm()) <= 2 * size:
        raise ValueError(
            f"anchor = {describe(anchor)}; expected a place beside the origin, at most "
            f"{2 * size:.4g} m away"
        )
    return found.tolist()


def _start(system: LinkChain | FourBar, start: Any) -> list[float]:
    """Return the positions of a start in angles."""
    count = system.links if isinstance(system, LinkChain) else 1
    if start is None:
        start = [2.2] if isinstance(system, FourBar) else [1.2 + 0.35 * k for k in range(count)]
    try:
        angles = torch.as_tensor(start, dtype=torch.float64).reshape(-1)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"start is {describe(start)}; expected {count} angle(s) in rad") from None
    if angles.shape != (count,) or not angles.isfinite().all():
        raise ValueError(f"start = {describe(start)}; expected {count} finite angle(s) in rad")
    if isinstance(system, FourBar):
        return system.assemble(angles[0]).tolist()
    still = system.from_angles(torch.cat([angles, torch.zeros_like(angles)]))
    return still[: system.degrees].tolist()
