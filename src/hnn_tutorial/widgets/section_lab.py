"""The section lab: Poincaré sections of a true motion and of networks that learned it."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import as_number, check_positive, check_type
from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import Model
from hnn_tutorial.systems import HenonHeiles, System
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_models, encode_system
from hnn_tutorial.widgets._starts_lab import StartsLab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_HORIZON = 10_000.0
MAX_SECTION_MODELS = 2
"""As ``section_lab.js`` has them."""

FIRST_STARTS = ((0.47, 0.0), (0.1, 0.3))
"""Two that draw curves at 1/8; at another energy, as much nearer or farther as √E is."""

PICTURE_TIME = 120.0
PICTURE_STEP = 0.2
"""Of a picture: long enough for twenty points of a start, and soon made."""


class SectionLab(StartsLab):
    r"""Poincaré sections, of the Hénon–Heiles system and of up to two networks, side by side.

    The section of an energy E is the plane of

    .. math:: (y, p_y) \quad\text{where}\quad x = 0,\ \dot x > 0, \qquad
              p_x = \sqrt{2\,(E - V(0, y)) - p_y^2} .

    The reader clicks a start in it, by mouse, finger or keyboard. The true field and those of the
    networks run from the same state, and every plane fills with the points at which its motion
    comes back, in the start's own colour. Points on a curve hint at a second conserved quantity;
    points that scatter are chaos. Which of both it is, the lab judges by how much a neighbour
    parts from the motion in its first 600 units of time, brought back to :math:`10^{-7}` after
    every 0.2: below :math:`e^9` it is a curve, above :math:`e^{12}` it scatters. A motion that
    escapes, breaks off, never comes back or comes back where E allows no point is said to.

    Motions are integrated in the browser with steps that adapt to a tolerance of 1e-9; a crossing
    is located by Newton's method.

    Args:
        system: a ``HenonHeiles``.
        models: label -> trained model whose field is one of [q, p], such as ``HNN`` or ``MLP``;
            two at most.
        energy: E of all starts, without unit: above 0, at most the energy of escape.
        starts: the first starts ``(y, p_y)``, 40 at most. None for two that suit, an empty list
            for none.
        horizon: time for which each is followed; an orbit comes back after about 6.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first, "none" for
            nothing.

    Raises:
        TypeError, ValueError: for a system or model that the lab cannot run, too many of them, an
            energy at which there is no section, or a start that it does not allow.

    Attributes:
        starts: pairs ``(y, p_y)``, which follow the reader's clicks, two-way.
        energy: E, two-way. Starts that a lower energy does not allow are left out.
        horizon: time for which each start is followed, two-way.

    References:
        Hénon & Heiles 1964; Choudhary et al. 2020 (sections of learned fields); Benettin et al.
        1976 (the neighbour brought back).
    """

    _esm = bundle("labs/section_lab.js")

    PAIR = "(y, p_y)"
    TASKS = ("scatter", "differ")

    energy = traitlets.Float(1 / 8, help="H of all starts").tag(sync=True)
    horizon = traitlets.Float(1000.0, help="time for which a start is followed").tag(sync=True)

    def __init__(
        self,
        system: System,
        models: Mapping[str, Model] | None = None,
        energy: float = 1 / 8,
        starts: Sequence[Sequence[float]] | Tensor | None = None,
        horizon: float = 1000.0,
        task: str = "",
    ) -> None:
        description = encode_system(system, (HenonHeiles,))
        assert isinstance(system, HenonHeiles), "encode_system lets no other pass"
        check_type((Mapping, type(None)), "a mapping from labels to models", models=models)
        self.system: HenonHeiles = system
        self.models = dict(models or {})
        specs, weights = self._encode(self.models)
        energy = as_number("energy", energy)
        if starts is None:
            scale = (8 * max(energy, 0.0)) ** 0.5
            starts = [[y * scale, p * scale] for y, p in FIRST_STARTS]
        super().__init__(
            _system=description,
            _models=specs,
            _weights=weights,
            energy=energy,
            starts=self._as_pairs(starts),
            horizon=as_number("horizon", horizon),
            task=task,
        )

    def _encode(self, models: Mapping[str, Model]) -> tuple[list[dict[str, Any]], bytes]:
        if len(models) > MAX_SECTION_MODELS:
            raise ValueError(
                f"{len(models)} models; a section lab draws the truth and at most "
                f"{MAX_SECTION_MODELS}"
            )
        return encode_models(self.system, models)

    def _card_heights(self) -> tuple[int, int]:
        return ((890, 645), (1270, 790), (1612, 1036))[len(self.models)]

    @traitlets.validate("energy", "horizon")
    def _check_number(self, proposal: dict[str, Any]) -> float:
        name, value = proposal["trait"].name, proposal["value"]
        check_positive(**{name: value})
        most = MAX_HORIZON if name == "horizon" else self.system.escape_energy * (1 + 1e-12)
        if value > most:
            why = "" if name == "horizon" else ", where the well opens and stars escape"
            raise ValueError(f"{name} = {value}; it is at most {most:.6g}{why}")
        return value

    def _check_start(self, start: list[float]) -> None:
        y, py = start
        if not self._allows(y, py):
            raise ValueError(
                f"a start is (y, p_y) = ({y:g}, {py:g}); no motion of energy {self.energy:.6g} "
                "passes there"
            )

    def _allows(self, y: float, py: float) -> bool:
        place = torch.tensor([0.0, y, 0.0, py], dtype=torch.float64)
        inside = y * self.system.coupling <= 1
        return inside and bool(self.system.hamiltonian(place) <= self.energy)

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the first points of the section of the truth, and of each network."""
        motions = {"truth": ("the truth", self.system.field, torch.float64)}
        for spec, model in zip(self._models, self.models.values(), strict=True):
            dtype = next(model.parameters()).dtype
            motions[spec["role"]] = spec["label"], model.field, dtype
        starts = self._states()
        times = torch.arange(0, min(PICTURE_TIME, self.horizon), PICTURE_STEP, dtype=torch.float64)
        planes = figure.subplots(1, len(motions), sharex=True, sharey=True, squeeze=False)[0]
        edge = self._edge()
        for plane, (role, (label, field, dtype)) in zip(planes, motions.items(), strict=True):
            plane.plot(*edge, color="grey", linewidth=0.8, linestyle="--")
            if len(starts) and len(times) > 1:
                with torch.no_grad():
                    states = integrate(field, starts.to(dtype), times.to(dtype), "rk4").double()
                for k in range(len(starts)):
                    points = _section(states[:, k])
                    plane.plot(points[:, 0], points[:, 1], ".", markersize=3)
            plane.set(xlabel="y", title=label if role != "truth" else "truth")
        planes[0].set_ylabel("py")
        names = ", ".join(label for label, _, _ in motions.values())
        return (
            f"Poincaré sections of {names} at the energy {self.energy:.4g}: y and py where the "
            f"orbits of {len(starts)} starts pass x = 0 to the right"
        )

    def _states(self) -> Tensor:
        """Return the starts as states of the energy, ``(N, 4)``."""
        pairs = [pair for pair in self.starts if self._allows(*pair)]
        y, py = torch.tensor(pairs, dtype=torch.float64).reshape(-1, 2).unbind(-1)
        zero = torch.zeros_like(y)
        still = torch.stack([zero, y, zero, py], dim=-1)
        px = (2 * (self.energy - self.system.hamiltonian(still))).clamp(min=0).sqrt()
        return torch.stack([zero, y, px, py], dim=-1)

    def _edge(self) -> tuple[Tensor, Tensor]:
        """Return the curve in the plane that bounds what the energy allows."""
        y = torch.linspace(-1, 1, 2001, dtype=torch.float64) * (6 * self.energy) ** 0.5
        still = torch.stack([0 * y, y, 0 * y, 0 * y], dim=-1)
        rest = 2 * (self.energy - self.system.hamiltonian(still))
        inside = (rest >= 0) & (y * self.system.coupling <= 1)
        y, py = y[inside], rest[inside].sqrt()
        return torch.cat([y, y.flip(0)]), torch.cat([py, -py.flip(0)])


def _section(states: Tensor) -> Tensor:
    """Return the points ``(K, 2)`` of a motion ``(T, 4)``, on straight lines between samples."""
    before, after = states[:-1], states[1:]
    crossed = (before[:, 0] < 0) & (after[:, 0] >= 0)
    before, after = before[crossed], after[crossed]
    share = (before[:, 0] / (before[:, 0] - after[:, 0])).unsqueeze(-1)
    return torch.cat([states[:1], before + share * (after - before)])[:, [1, 3]]
