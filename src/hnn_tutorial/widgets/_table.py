"""A system of one's own as a table: its H on a mesh of the phase plane, for a lab.

The page has no Python. So H travels as numbers at the nodes of a mesh, with its slopes ∂H/∂q,
∂H/∂p and ∂²H/∂q∂p there, and JavaScript draws the bicubic Hermite polynomial through them in each
cell (``js/physics/systems/table.js``): H then has continuous slopes, the field no jumps, and the
motion keeps the H that the lab shows. What a field has beside that of H, such as friction, is a
table of the same kind for each component. How far the field between the nodes is from the formula
is measured here, and the mesh made finer until that is little enough, or an error says where it is
not.
"""

import base64
import inspect
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.linalg import LinAlgError  # type: ignore[attr-defined]  # documented, not in __all__

from hnn_tutorial._validate import as_number, check_output
from hnn_tutorial.integrators.implicit import UnsettledStepError
from hnn_tutorial.mechanics import divergence, gradient, hamiltonian_field, jacobian
from hnn_tutorial.systems import System
from hnn_tutorial.widgets._encode import encode_system
from hnn_tutorial.widgets._lab import LETTERS

Plane = tuple[tuple[float, float], tuple[float, float]]

WANTED_ERROR = 1e-5
"""Of the field, relative: the mesh is made finer until then, while it stays small."""

LARGEST_ERROR = 1e-4
"""A table that is further off is not sent."""

SMALL, LARGEST = 5_000, 20_000
"""Numbers of a table, 8 bytes each: up to the first it grows for `WANTED_ERROR`, up to the second
for `LARGEST_ERROR`."""

FIRST_CELLS = 4

# Where within a cell the slope of a cubic Hermite polynomial is furthest off: at the roots of
# 6s² − 6s + 1. In the middle it is right whatever the function, so that would be no test.
OFF_NODES = (0.5 - math.sqrt(3) / 6, 0.5 + math.sqrt(3) / 6)
PROBES = 20_000
"""States of the plane, drawn at random, at which every table is held to the formula besides: the
same for all meshes, so that nothing narrow hides between the nodes of a coarse one."""

ELSEWHERE = (
    "integrate with plotting.phase_portrait or plotting.trajectory_plot draws its motions, and "
    "widgets.explore switches between a few parameters or starts"
)


def encode_any_system(
    system: System, kinds: Sequence[type[System]], plane: Any = None
) -> dict[str, Any]:
    """Return a system that a lab's JavaScript knows by name, and any other as a table.

    Args:
        system: the system.
        kinds: the classes whose formulas the lab has.
        plane: of the table, as for `encode_own_system`.

    Raises:
        TypeError, ValueError: if it is none of them, and no table can hold it.
    """
    # Of a state that is not [q, p] there is no phase plane.
    if type(system) not in kinds and isinstance(system, System) and system.canonical:
        if system.degrees != 1:
            names = ", ".join(kind.__name__ for kind in kinds)
            raise TypeError(
                f"system is a {type(system).__name__} of {system.degrees} degrees of freedom; this "
                f"lab knows {names}, and draws another system from a table over one phase plane, "
                f"so of one degree of freedom. For more, {ELSEWHERE}"
            )
        return encode_own_system(system, plane)
    description = encode_system(system, kinds)
    if plane is not None:
        raise ValueError(
            f"plane is given, but the page holds the formula of {type(system).__name__} and draws "
            "all of its phase plane; plane is for a system of your own"
        )
    return description


def encode_own_system(system: System, plane: Any = None) -> dict[str, Any]:
    """Return a system of one degree of freedom as a table that a lab's JavaScript reads.

    The error of a table is the largest of

    .. math:: |f_i^{table} - f_i| / (|f_i| + m_i)

    over both components of the field and all places where it is measured, with m the median of
    that component's size in the plane.

    Args:
        system: with one degree of freedom and an H (or L); its field may have friction.
        plane: ``((q_min, q_max), (p_min, p_max))``, or None for `default_plane`. Of an angle the
            table holds one turn, whatever the first pair says.

    Returns:
        What ``table.js`` describes.

    Raises:
        TypeError: for a system of another kind, with the reason and what to do instead.
        ValueError: for a plane that is none, or a formula that no small table follows there.
    """
    check_it_can_be_sent(system)
    turn = bool(system.angles)
    q_range, p_range = default_plane(system) if plane is None else as_plane(plane)
    if turn:
        q_range = (-math.pi, math.pi)
    plane = (q_range, p_range)
    mesh = _Mesh(system, plane)
    if turn:
        mesh.check_turn()
    cells = mesh.refine()
    sheets = mesh.sheets(cells)
    at_probes = mesh.formula(mesh.probes)
    return {
        "name": system.name,
        "title": system.title,
        "coordinates": [list(pair) for pair in system.coordinates],
        "angles": list(system.angles),
        "parameters": {},
        "plane": [list(q_range), list(p_range)],
        "cells": list(cells),
        "lowest": min(at_probes["H"].min().item(), sheets[0][..., 0].min().item()),
        "highest": at_probes["H"].quantile(0.9).item(),
        "beside": mesh.beside,
        "coupled": mesh.coupled,
        "divergence": mesh.divergence(),
        "error": mesh.error,
        "says": mesh.says(cells),
        "table": base64.b64encode(sheets.numpy().astype("<f8").tobytes()).decode(),
    }


def check_it_can_be_sent(system: System) -> None:
    """Raise ``TypeError`` unless a table can hold the system, and say why."""
    name = f"system is a {type(system).__name__}"
    for part in ("hamiltonian", "lagrangian", "field"):
        taken = list(inspect.signature(getattr(type(system), part)).parameters)
        if len(taken) > 2:
            raise TypeError(
                f"{name}, whose {part} takes {', '.join(taken[1:])}; a table has no time or other "
                f"input in it. {ELSEWHERE}"
            )
    if {type(system).hamiltonian, type(system).lagrangian} == {
        System.hamiltonian,
        System.lagrangian,
    }:
        raise TypeError(
            f"{name} without an energy; a lab draws its level lines and shows it along the motion. "
            "State hamiltonian(self, x), without the friction if there is any, beside the field"
        )


def as_plane(plane: Any) -> Plane:
    """Return a plane as two pairs of numbers, or say what is wrong with it."""
    wanted = "((q_min, q_max), (p_min, p_max))"
    try:
        (q_low, q_high), (p_low, p_high) = plane
    except (TypeError, ValueError):
        raise TypeError(f"plane is {plane!r}; expected {wanted}") from None
    q_low, q_high, p_low, p_high = (
        as_number("plane", value, wanted) for value in (q_low, q_high, p_low, p_high)
    )
    for low, high in ((q_low, q_high), (p_low, p_high)):
        if not -math.inf < low < high < math.inf:
            raise ValueError(f"plane = {plane}; expected {wanted}, finite, the smaller one first")
    return (q_low, q_high), (p_low, p_high)


GROWTH = 1.25
MARGIN = 0.1
MOST_GROWTH = 3.0


def default_plane(system: System) -> Plane:
    """Return the plane of the motions that ``system.sample`` starts.

    It is the box around 256 sampled states, made larger side by side until H on the whole side is
    above that of every sample, so that none of their motions crosses it; then a tenth larger, and
    as far on both sides of zero where they differ little. A side on which H stays below (nothing
    holds the motion there) ends at three times the size of the box, and one beyond which H is not
    finite where it still is.

    Raises:
        TypeError: if the class has no ``sample``.
    """
    try:
        states = system.sample(256, seed=0)
    except NotImplementedError:
        raise TypeError(
            f"{type(system).__name__} has no sample(self, count, seed) that would say which part "
            "of its phase plane matters; pass plane=((q_min, q_max), (p_min, p_max))"
        ) from None
    energy = _of_states(system, "hamiltonian")
    top = energy(states).max()
    ends = [[states[:, i].min().item(), states[:, i].max().item()] for i in range(2)]
    # Samples at rest, say, have one width alone: then it grows from little, as far as H lets it.
    sizes = [high - low for low, high in ends]
    free = [size == 0 for size in sizes]
    for i in range(2):
        if free[i]:
            ends[i] = [ends[i][0] - 1e-3, ends[i][1] + 1e-3]
    limit = [1e6 if free[i] else MOST_GROWTH * sizes[i] for i in range(2)]
    start = [list(pair) for pair in ends]
    axes = (1,) if system.angles else (0, 1)
    open_sides = {(axis, side) for axis in axes for side in (0, 1)}
    if system.angles:
        ends[0] = [-math.pi, math.pi]
    along = torch.linspace(0, 1, 65, dtype=torch.float64)
    while open_sides:
        for axis, side in sorted(open_sides):
            other = ends[1 - axis]
            line = torch.empty(len(along), 2, dtype=torch.float64)
            line[:, axis] = ends[axis][side]
            line[:, 1 - axis] = other[0] + (other[1] - other[0]) * along
            if (energy(line) > top).all():
                open_sides.remove((axis, side))
                continue
            grown = (GROWTH - 1) * (ends[axis][1] - ends[axis][0]) * (1 if side else -1)
            further = ends[axis][side] + grown
            line[:, axis] = further
            too_far = abs(further - start[axis][side]) > limit[axis]
            if too_far or not energy(line).isfinite().all():
                open_sides.remove((axis, side))
            else:
                ends[axis][side] = further
    for axis in axes:
        low, high = ends[axis]
        if abs(low + high) < 0.3 * (high - low):  # about as far on both sides of zero
            low, high = -max(-low, high), max(-low, high)
        room = MARGIN * (high - low) / 2
        ends[axis] = [low - room, high + room]
    return (ends[0][0], ends[0][1]), (ends[1][0], ends[1][1])


def _of_states(system: System, part: str) -> Callable[[Tensor], Tensor]:
    """Return a function of the system that says of which it was, where it fails."""
    function = getattr(system, part)

    def call(x: Tensor) -> Tensor:
        try:
            value = function(x)
        except (
            ArithmeticError,
            LinAlgError,
            UnsettledStepError,
            RuntimeError,
            ValueError,
        ) as error:
            raise ValueError(
                f"the {part} of {type(system).__name__} fails for {len(x)} states of the plane at "
                f"once, q in [{x[..., 0].min():.3g}, {x[..., 0].max():.3g}] and p in "
                f"[{x[..., 1].min():.3g}, {x[..., 1].max():.3g}]: {error}"
            ) from error
        what = f"the {part} of {type(system).__name__}"
        check_output(value, x, x.shape if part == "field" else x.shape[:-1], what)
        return value.detach()

    return call


def _as_text(value: Any) -> str:
    """Return a constant of a formula in four digits; it may be a number, a tensor or anything."""
    if isinstance(value, Tensor):
        value = value.tolist()
    if isinstance(value, int | float):
        return f"{value:.4g}"
    return ", ".join(map(_as_text, value)) if isinstance(value, list | tuple) else str(value)


class _Mesh:
    """Tables of a system over one plane, and their errors."""

    def __init__(self, system: System, plane: Plane) -> None:
        self.system, self.plane = system, plane
        self.low = torch.tensor([low for low, _ in plane], dtype=torch.float64)
        self.size = torch.tensor([high - low for low, high in plane], dtype=torch.float64)
        draw = torch.Generator().manual_seed(0)
        places = torch.rand(PROBES, 2, generator=draw, dtype=torch.float64)
        self.probes = self.low + places * self.size
        right = self.formula(self.probes)
        sizes = right["field"].abs()
        # Of a component that is zero in most places, the root mean square; of one that is zero
        # everywhere, any scale.
        scales = sizes.median(dim=0).values
        mean = sizes.square().mean(dim=0).sqrt()
        self.scales = torch.where(scales > 1e-3 * mean, scales, mean).clamp(min=1e-300)
        beside = right["beside"].abs().amax(dim=0) > 1e-10 * (self.scales + mean)
        self.beside = beside.tolist()
        self.coupled = self._coupled()
        self.error = math.inf

    # --- the formula -------------------------------------------------------------------------

    def formula(self, x: Tensor) -> dict[str, Tensor]:
        """Return H, the field, and what the field has beside that of H, all finite."""
        H = _of_states(self.system, "hamiltonian")(x)
        of_energy = self._of_energy(x)
        field = _of_states(self.system, "field")(x)
        self._check_finite(x, torch.cat([H.unsqueeze(-1), field, of_energy], dim=-1))
        return {"H": H, "field": field, "beside": field - of_energy}

    def _of_energy(self, x: Tensor) -> Tensor:
        return hamiltonian_field(self.system.hamiltonian)(x).detach()

    def _component(self, i: int) -> Callable[[Tensor], Tensor]:
        """Return component i of what the field has beside that of H, as a function."""
        of_energy = hamiltonian_field(self.system.hamiltonian)
        return lambda x: self.system.field(x)[..., i] - of_energy(x)[..., i]

    def _check_finite(self, x: Tensor, numbers: Tensor) -> None:
        bad = ~numbers.isfinite().all(dim=-1)
        if bad.any():
            q, p = x[bad][0].tolist()
            raise ValueError(
                f"H of the {self.system.title} or its slope is not finite at [q, p] = "
                f"[{q:.4g}, {p:.4g}], inside of {self._named()}; pass a plane that leaves this out"
            )

    def _named(self) -> str:
        (a, b), (c, d) = self.plane
        return f"plane = (({a:.4g}, {b:.4g}), ({c:.4g}, {d:.4g}))"

    def check_turn(self) -> None:
        """Raise ``ValueError`` unless H and its field are the same after a whole turn."""
        here = self.probes.clone()
        here[:, 0] = -math.pi
        there = here.clone()
        there[:, 0] = math.pi
        first, second = self.formula(here), self.formula(there)
        H = self.formula(self.probes)["H"]
        jump = (first["H"] - second["H"]).abs().max() / (H.max() - H.min())
        kink = ((first["field"] - second["field"]).abs().amax(dim=0) / self.scales).max()
        if max(jump, kink) > 1e-6:
            raise ValueError(
                f"q of the {self.system.title} is an angle (its unit is rad), but H or the field "
                f"is not the same at q = −π and q = π; give q another unit than rad"
            )

    def _coupled(self) -> str:
        """Return why no splitting method serves the field, or an empty text.

        As `coupled_parts` does, but only inside of the plane: beyond it there may be no H.
        """
        q, p = self.probes.unbind(-1)
        here = self.formula(self.probes)["field"]
        for part, name, moved in (
            (0, "q̇ depends on q", [q.roll(1), p]),
            (1, "ṗ depends on p", [q, p.roll(1)]),
        ):
            there = self.formula(torch.stack(moved, dim=-1))["field"]
            a, b = here[:, part], there[:, part]
            tolerance = 1e3 * torch.finfo(torch.float64).eps * (1 + a.abs() + b.abs())
            if ((a - b).abs() > tolerance).any():
                return name
        return ""

    def divergence(self) -> list[float]:
        """Return the smallest and largest rate at which areas grow; nothing where all are kept."""
        if not any(self.beside):
            return []
        rates = divergence(self.system.field)(self.probes).detach()
        return [rates.min().item(), rates.max().item()]

    def says(self, cells: tuple[int, int]) -> str:
        """Return what a reader of the lab should know of its table."""
        symbols = [symbol for symbol, _ in self.system.coordinates]
        ranges = [
            f"{symbol} from {low:.3g} to {high:.3g}"
            for symbol, (low, high) in zip(symbols, self.plane, strict=True)
        ]
        if self.system.angles:
            ranges[0] = f"a whole turn of {symbols[0]}"
        power = math.floor(math.log10(max(self.error, 1e-16)))
        digits = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        constants = ", ".join(
            f"{LETTERS.get(each.name, each.name)} = {_as_text(each.value)} {each.unit}".strip()
            for each in self.system.parameters
        )
        return (
            f"This system runs from a table of its H, {cells[0]} by {cells[1]} cells over "
            f"{' and '.join(ranges)}. Between the nodes the field is off by at most "
            f"{math.ceil(self.error / 10**power)}·10{digits} of its size. A motion that comes to "
            "the edge of the table stops there"
            + (f". The constants ({constants}) are in the table" if constants else "")
            + (": they cannot be changed here." if constants else ".")
        ).replace("-", "−")

    # --- tables ------------------------------------------------------------------------------

    def refine(self) -> tuple[int, int]:
        """Return how many cells in q and p follow the formula, or raise ``ValueError``."""
        cells = (FIRST_CELLS, FIRST_CELLS)
        while True:
            sheets = self.sheets(cells)
            error, place = self._largest_error(cells, sheets)
            # Off the nodes in one direction alone, that direction's error is seen alone.
            apart = [self._error_along(axis, cells, sheets) for axis in (0, 1)]
            finer = [2 * n if apart[i] > error / 4 else n for i, n in enumerate(cells)]
            if finer == list(cells):
                finer = [2 * n for n in cells]
            numbers = sheets.shape[0] * 4 * (finer[0] + 1) * (finer[1] + 1)
            if error <= WANTED_ERROR or (error <= LARGEST_ERROR and numbers > SMALL):
                self.error = error
                return cells
            if numbers > LARGEST:
                q, p = place.tolist()
                raise ValueError(
                    f"a table of {cells[0]} by {cells[1]} cells over {self._named()} misses the "
                    f"field of the {self.system.title} by {error:.1e} of its size, near [q, p] = "
                    f"[{q:.4g}, {p:.4g}]; at most {LARGEST_ERROR:.0e} is sent. There H has a "
                    "corner, a step, a pole or something narrow, or the plane is too large: pass a "
                    f"smaller plane=((q_min, q_max), (p_min, p_max)). Without a lab, {ELSEWHERE}"
                )
            cells = (finer[0], finer[1])

    def sheets(self, cells: tuple[int, int]) -> Tensor:
        """Return the tables, ``(1 to 3, cells_q + 1, cells_p + 1, 4)``.

        Each holds f, ∂f/∂q, ∂f/∂p, ∂²f/∂q∂p at the nodes: of H, and of what the field has
        beside that of H, where it has something. Not in float32: over a narrow cell, H would be
        too coarse for its slope.
        """
        x = self._places([torch.arange(n + 1, dtype=torch.float64) for n in cells], cells)
        formula = self.formula(x)
        velocity, force = self._of_energy(x).unbind(-1)
        # ∂²H/∂q∂p, the slope of the velocity.
        mixed = jacobian(lambda y: hamiltonian_field(self.system.hamiltonian)(y)[..., :1])(x)
        sheets = [torch.stack([formula["H"], -force, velocity, mixed[..., 0, 0]], dim=-1)]
        for i, there in enumerate(self.beside):
            if there:
                part = self._component(i)
                slopes = gradient(part)(x)
                twist = jacobian(gradient(part))(x)[..., 0, 1]
                sheets.append(torch.stack([formula["beside"][:, i], *slopes.unbind(-1), twist], -1))
        stacked = torch.stack(sheets).detach()
        self._check_finite(x, stacked.transpose(0, 1).flatten(1))
        return stacked.reshape(len(sheets), cells[0] + 1, cells[1] + 1, 4)

    def _places(self, steps: list[Tensor], cells: tuple[int, int]) -> Tensor:
        """Return the states at all pairs of places, counted in cells, ``(N, 2)``."""
        counted = torch.cartesian_prod(*steps) / torch.tensor(cells, dtype=torch.float64)
        return self.low + counted * self.size

    def _off_nodes(self, count: int) -> Tensor:
        return (
            torch.arange(count, dtype=torch.float64)[:, None] + torch.tensor(OFF_NODES)
        ).reshape(-1)

    def _largest_error(self, cells: Any, sheets: Tensor) -> tuple[float, Tensor]:
        between = self._places([self._off_nodes(n) for n in cells], cells)
        errors, places = [], []
        for x in (self.probes, between):
            found = self._errors(x, cells, sheets)
            errors.append(found.max())
            places.append(x[found.argmax()])
        worst = int(errors[1] > errors[0])
        return errors[worst].item(), places[worst]

    def _error_along(self, axis: int, cells: Any, sheets: Tensor) -> float:
        steps = [torch.arange(n + 1, dtype=torch.float64) for n in cells]
        steps[axis] = self._off_nodes(cells[axis])
        return self._errors(self._places(steps, cells), cells, sheets).max().item()

    def _errors(self, x: Tensor, cells: Any, sheets: Tensor) -> Tensor:
        right = self.formula(x)["field"]
        wrong = self.interpolated(x, cells, sheets) - right
        return (wrong.abs() / (right.abs() + self.scales)).amax(dim=-1)

    def interpolated(self, x: Tensor, cells: tuple[int, int], sheets: Tensor) -> Tensor:
        """Return the field of the tables, as ``table.js`` computes it, ``(N, 2) -> (N, 2)``.

        A separable field is read along the first column and row, so that rounding couples nothing.
        """
        if not self.coupled:
            q, p = x.unbind(-1)
            along_p = torch.stack([self.low[0].expand_as(p), p], dim=-1)
            along_q = torch.stack([q, self.low[1].expand_as(q)], dim=-1)
            velocity = self._interpolated(along_p, cells, sheets)[:, 0]
            return torch.stack([velocity, self._interpolated(along_q, cells, sheets)[:, 1]], -1)
        return self._interpolated(x, cells, sheets)

    def _interpolated(self, x: Tensor, cells: tuple[int, int], sheets: Tensor) -> Tensor:
        width = self.size / torch.tensor(cells, dtype=torch.float64)
        counted = (x - self.low) / width
        last = torch.tensor(cells) - 1
        cell = counted.floor().long().clamp(min=torch.zeros(2, dtype=torch.long), max=last)
        s = counted - cell
        # The four cubics of one direction: values at both ends, then slopes at both ends.
        cubics = torch.stack(
            [(1 + 2 * s) * (1 - s) ** 2, s**2 * (3 - 2 * s), s * (1 - s) ** 2, s**2 * (s - 1)], -1
        )
        slopes = torch.stack(
            [6 * s**2 - 6 * s, 6 * s - 6 * s**2, 3 * s**2 - 4 * s + 1, 3 * s**2 - 2 * s], -1
        )
        unit = torch.tensor([1.0, 1.0, 0, 0], dtype=torch.float64)
        stretch = unit + (1 - unit) * width[:, None]
        cubics, slopes = cubics * stretch, slopes * stretch / width[:, None]
        ends = [(a, b) for a in (0, 1) for b in (0, 1)]

        def joined(sheet: Tensor, in_q: Tensor, in_p: Tensor) -> Tensor:
            total = torch.zeros(len(x), dtype=torch.float64)
            for a, b in ends:
                f, fq, fp, fqp = sheet[cell[:, 0] + a, cell[:, 1] + b].unbind(-1)
                total = total + in_p[:, b] * (f * in_q[:, a] + fq * in_q[:, 2 + a])
                total = total + in_p[:, 2 + b] * (fp * in_q[:, a] + fqp * in_q[:, 2 + a])
            return total

        energy, *rest = sheets
        field = torch.stack(
            [
                joined(energy, cubics[:, 0], slopes[:, 1]),
                -joined(energy, slopes[:, 0], cubics[:, 1]),
            ],
            dim=-1,
        )
        for i, there in enumerate(self.beside):
            if there:
                field[:, i] += joined(rest.pop(0), cubics[:, 0], cubics[:, 1])
        return field
