"""Figures of the course: phase portraits, energies, trajectories, learned Hamiltonians, error maps.

Every function draws on the Axes it is given, or makes a figure of its own, and returns the Axes.
None sets a title, because the caption stands in the notebook. A curve that is the truth, data or a
kind of model has a role ("truth", "baseline", "hnn", "pairwise", "lnn", "second order"), which
fixes its colour and line style, see `palette`. Any other curve goes by a name of its own, which the
legend shows, and is drawn in a plain grey style that no role has. All figures have a transparent
background and read on a white page and on the dark theme's.
"""

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from importlib.resources import as_file, files
from typing import Any

import matplotlib as mpl
import matplotlib.patheffects
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib import font_manager
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.lines import Line2D
from matplotlib.patheffects import AbstractPathEffect
from matplotlib.text import Annotation
from mpl_toolkits.mplot3d.axes3d import Axes3D
from torch import Tensor

from hnn_tutorial._validate import (
    as_number,
    check_count,
    check_output,
    check_positive,
    check_type,
    describe,
    lookup,
)
from hnn_tutorial.evaluation import MeshError
from hnn_tutorial.integrators import METHODS
from hnn_tutorial.palette import FIELD, METHOD_KINDS, NEUTRAL, ROLES, Role

__all__ = [
    "energy_drift_plot",
    "energy_plot",
    "hamiltonian_contours",
    "hamiltonian_surfaces",
    "label_lines",
    "line_style",
    "loss_plot",
    "mesh_error_map",
    "mesh_error_surface",
    "method_style",
    "phase_portrait",
    "plain_style",
    "trajectory_plot",
    "use_style",
]

ScalarFunction = Callable[[Tensor], Tensor]
Field = Callable[[Tensor], Tensor]
Values = Tensor | np.ndarray | Sequence[float]
Extent = float | tuple[float, float, float, float]

_FONT = "HNN Sans"  # the book's, made by tools/fonts.py
_PLANE = (("q", ""), ("p", ""))
# The darkest and the lightest end of viridis come near one page colour or the other, so the maps
# are framed by their axes and the lines on them are black with a white rim.
_COLOUR_MAP = "viridis"
# A surface has no frame, so its colours keep clear of both pages.
_SURFACE_MAP = ListedColormap(mpl.colormaps[_COLOUR_MAP](np.linspace(0.22, 0.88, 128)))
_RIM: list[AbstractPathEffect] = [
    matplotlib.patheffects.withStroke(linewidth=3.0, foreground="white")
]
# Line style and marker of an integrator of each order.
_ORDER_STYLES = {
    1: ((0, (1, 1.5)), "o"),
    2: ("solid", "s"),
    4: ((0, (4, 1.5, 1, 1.5)), "D"),
    5: ((0, (4, 2)), "^"),
    8: ("solid", "v"),
}
# Grey lines that no role has: the truth is the only other grey one, and is twice as broad.
_PLAIN_LINES = ("solid", (0, (5, 2)), (0, (1, 1.5)), (0, (7, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))
_BOUND_LINES = ("solid", (0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))


def use_style() -> None:
    """Set matplotlib's defaults to the style of the course: no background, neutral grey text."""
    if _FONT not in font_manager.fontManager.get_font_names():
        with as_file(files("hnn_tutorial") / "fonts" / "sans.ttf") as path:
            font_manager.fontManager.addfont(path)
    mpl.rcParams.update(
        {
            "axes.axisbelow": True,
            "axes.edgecolor": NEUTRAL,
            "axes.facecolor": "none",
            "axes.labelcolor": NEUTRAL,
            "axes.labelsize": "medium",
            "axes.linewidth": 1.0,
            # A curve of which nothing is said has no role: see `plain_style`.
            "axes.prop_cycle": mpl.rcsetup.cycler(
                color=[NEUTRAL] * len(_PLAIN_LINES), linestyle=list(_PLAIN_LINES)
            ),
            "axes.spines.right": False,
            "axes.spines.top": False,
            # In an SVG this is the sharpness of pictures inside it; its size is in points.
            "figure.dpi": 144,
            "figure.facecolor": "none",
            # One panel. Two side by side are twice as wide; a phone shows them one below the other,
            # and this size is what keeps the letters legible there.
            "figure.figsize": (5.2, 3.3),
            "font.family": [_FONT, "DejaVu Sans"],
            "font.size": 12,
            "grid.color": NEUTRAL,
            "image.cmap": _COLOUR_MAP,
            "legend.fontsize": "medium",
            "legend.frameon": False,
            "legend.handlelength": 2.3,
            "lines.linewidth": 1.8,
            # Symbols in italics with serifs, as in the text; words and digits as in the labels.
            "mathtext.bf": "DejaVu Sans:bold",
            "mathtext.bfit": "DejaVu Sans:italic:bold",
            "mathtext.cal": "STIXGeneral:italic",
            "mathtext.fallback": "stix",
            "mathtext.fontset": "custom",
            "mathtext.it": "STIXGeneral:italic",
            "mathtext.rm": _FONT,
            "mathtext.sf": _FONT,
            "mathtext.tt": "DejaVu Sans Mono",
            "savefig.facecolor": "none",
            "text.color": NEUTRAL,
            # Without a salt the ids in an SVG differ from run to run, and so would the page.
            "svg.hashsalt": "hnn-tutorial",
            "xtick.color": NEUTRAL,
            "ytick.color": NEUTRAL,
        }
    )


def line_style(role: str) -> dict[str, Any]:
    """Return the keyword arguments of ``Axes.plot`` for a role: colour, line style, width, label.

    Args:
        role: a name in ``palette.ROLES``.

    Raises:
        ValueError: for an unknown role; the message lists them.
    """
    found = lookup(ROLES, role, "role")
    style: dict[str, Any] = {"color": found.figure, "label": found.label, "zorder": found.order}
    if found.marker:
        return style | {"linestyle": "none", "marker": found.marker, "markersize": 5}
    return style | {"linestyle": _dashes(found), "linewidth": found.width}


def plain_style(index: int = 0, label: str = "") -> dict[str, Any]:
    """Return the keyword arguments of ``Axes.plot`` for a curve that has no role.

    Role colours mean roles and nothing else, so that what is neither the truth nor a model (a
    bent path, a bowl, an optimiser) is a thin grey line; its dashes tell it from others.

    Args:
        index: which style, from 0; they repeat after five.
        label: what the legend calls the curve; empty for no entry.

    Raises:
        ValueError: if the index is negative.
    """
    check_type(str, "some text", label=label)
    if not isinstance(index, int) or isinstance(index, bool) or index < 0:
        raise ValueError(f"index is {describe(index)}; expected 0 or a larger integer")
    dash = _PLAIN_LINES[index % len(_PLAIN_LINES)]
    return {
        "color": NEUTRAL,
        "label": label or "_",
        "linestyle": dash,
        "linewidth": 1.4,
        "zorder": 4,
    }


def method_style(name: str) -> dict[str, Any]:
    """Return the keyword arguments of ``Axes.plot`` for an integrator.

    The colour says the kind: explicit, splitting, implicit symplectic, adaptive. Line style and
    marker say the order, so that no two methods of a kind look alike without the colour either.

    Args:
        name: a key of ``integrators.METHODS``.

    Raises:
        ValueError: for an unknown method; the message lists them.
    """
    method = lookup(METHODS, name, "method")
    if method.adaptive:
        kind = "adaptive"
    elif method.symplectic:
        kind = "splitting" if method.needs_separable else "implicit"
    else:
        kind = "explicit"
    dash, marker = _ORDER_STYLES[method.order]
    return {
        "color": METHOD_KINDS[kind].figure,
        "label": method.title,
        "linestyle": dash,
        "marker": marker,
        "markersize": 5,
    }


def label_lines(ax: Axes, gap: float = 5.0) -> None:
    """Write the label of each line at its right end, in its colour, in place of a legend.

    Labels that would lie over each other are moved apart, up or down. Call it last: limits and
    scales of the axes, and the other panels of the figure, decide where the lines end.

    Args:
        ax: the axes. A line without a label, or with one that begins with "_", is left alone.
        gap: the space between a line's end and its label, in points.

    Raises:
        TypeError: if ``ax`` is no matplotlib Axes.
        ValueError: if the gap is negative or not finite, or no line with a label has a point
            within the axes.
    """
    check_type(Axes, "matplotlib Axes", ax=ax)
    gap = as_number("gap", gap)
    if not 0 <= gap < np.inf:
        raise ValueError(f"gap is {gap}; expected 0 points or more")
    if (legend := ax.get_legend()) is not None:
        legend.remove()
    figure: Any = ax.get_figure(root=True)
    figure.draw_without_rendering()
    frame = ax.get_window_extent()
    made: list[Annotation] = []
    places = []
    for line in ax.get_lines():
        label = str(line.get_label())
        points = line.get_transform().transform(np.column_stack(line.get_data()))
        inside = np.isfinite(points).all(axis=1)
        inside[inside] = (
            (points[inside] >= (frame.x0 - 1, frame.y0 - 1))
            & (points[inside] <= (frame.x1 + 1, frame.y1 + 1))
        ).all(axis=1)
        if not label or label.startswith("_") or not inside.any():
            continue
        end = points[np.flatnonzero(inside)[-1]]
        text = ax.annotate(
            label,
            tuple(ax.transAxes.inverted().transform(end)),
            (gap, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            color=line.get_color(),
            va="center",
            annotation_clip=False,
            zorder=20,
        )
        made.append(text)
        places.append(end[1])
    if not made:
        raise ValueError("no line with a label has a point within the axes")
    boxes = [text.get_window_extent() for text in made]
    middles = _apart(places, [(box.x0, box.x1) for box in boxes], [box.height for box in boxes])
    for text, middle, place in zip(made, middles, places, strict=True):
        text.xyann = (gap, (middle - place) * 72 / figure.dpi)


def _apart(
    middles: Sequence[float], sides: Sequence[tuple[float, float]], heights: Sequence[float]
) -> np.ndarray:
    """Move labels that lie over each other apart, up or down.

    Those that touch become a pile, which is centred on where its labels belong.
    """
    result = np.array(middles)
    piles: list[list[int]] = []
    for label in np.argsort(middles, kind="stable"):
        pile = [int(label)]
        while True:
            low = min(result[i] - heights[i] / 2 for i in pile)
            below = next(
                (
                    other
                    for other in reversed(piles)
                    if max(result[i] + heights[i] / 2 for i in other) > low + 1e-6
                    and any(
                        sides[i][0] < sides[j][1] and sides[j][0] < sides[i][1]
                        for i in other
                        for j in pile
                    )
                ),
                None,
            )
            if below is None:
                break
            piles.remove(below)
            pile = below + pile
            tops = np.cumsum([heights[i] for i in pile])
            offsets = tops - np.array([heights[i] for i in pile]) / 2
            result[pile] = offsets + np.mean([middles[i] for i in pile] - offsets)
        piles.append(pile)
    return result


def phase_portrait(
    source: Any,
    ax: Axes | None = None,
    *,
    extent: Extent = 2.0,
    contours: ScalarFunction | None = None,
    trajectories: Mapping[str, Values] | None = None,
    streamlines: bool = False,
    arrows: int = 17,
    levels: int | Sequence[float] = 8,
    coordinates: Sequence[tuple[str, str]] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """Draw the field of a system with one degree of freedom in its phase plane.

    Args:
        source: an object with ``field(x)``, as systems and models are, or a field itself,
            ``(..., 2) -> (..., 2)``.
        ax: where to draw; a new figure if None.
        extent: half-width of the square around the origin, or ``(q_min, q_max, p_min, p_max)``.
        contours: a scalar function ``(..., 2) -> (...,)``, or an object with ``hamiltonian(x)``,
            whose level lines are drawn.
        trajectories: ``{role or name: states}``, states of shape ``(T, 2)`` or ``(T, B, 2)``;
            their starts are marked.
        streamlines: draw the field as streamlines instead of arrows.
        arrows: number of arrows along each axis.
        levels: number of level lines, or their values.
        coordinates: ``(symbol, unit)`` of both axes; taken from ``source`` if it states them.
        labels: ``{role or name: text}`` to replace labels in the legend.

    Returns:
        The Axes.

    Raises:
        ValueError: for states or fields that do not have two components, or a misspelt role.
    """
    ax = _axes(ax, (5.2, 4.7))
    q_min, q_max, p_min, p_max = _extent(extent)
    check_count(arrows=arrows)
    _check_levels(levels)
    if streamlines:
        q, p, mesh = _mesh(extent, 41)
    else:
        # Half a step in from the frame, so that arrows at the rim stay inside.
        dq, dp = (q_max - q_min) / (2 * arrows), (p_max - p_min) / (2 * arrows)
        q, p, mesh = _mesh((q_min + dq, q_max - dq, p_min + dp, p_max - dp), arrows)
    motion = _evaluate(source, "field", mesh)
    velocity, force = motion[..., 0], motion[..., 1]
    if streamlines:
        ax.streamplot(
            q,
            p,
            velocity,
            force,
            color=FIELD,
            linewidth=0.9,
            arrowsize=0.9,
            density=0.9,
            zorder=1,
        )
    else:
        # Directions in the plane's own units, so that arrows lie along the level lines whatever
        # the scales of the axes; the longest arrow is as long as the mesh is wide.
        longest = np.nanmax(np.maximum(np.abs(velocity) / dq, np.abs(force) / dp), initial=1e-300)
        ax.quiver(
            q,
            p,
            velocity,
            force,
            angles="xy",
            scale_units="xy",
            scale=longest / 2,
            color=FIELD,
            pivot="mid",
            width=0.0034,
            headwidth=3.5,
            zorder=1,
        )
    if contours is not None:
        fine_q, fine_p, fine = _mesh(extent, 101)
        height = _evaluate(contours, "hamiltonian", fine)
        ax.contour(
            fine_q,
            fine_p,
            height,
            levels,
            colors=FIELD,
            linewidths=0.7,
            linestyles="solid",
            zorder=1,
        )
    starts = []
    trajectories = _named({} if trajectories is None else trajectories, "trajectories")
    styles = _styles(trajectories, labels)
    for role, states in trajectories.items():
        states = _array(states)
        if states.ndim not in (2, 3) or states.shape[-1] != 2:
            raise ValueError(
                f"the states of {role!r} have shape {states.shape}; expected (T, 2) or (T, B, 2)"
            )
        _draw(ax, states[..., 0], states[..., 1], styles[role])
        if "marker" not in styles[role]:
            starts.append(states[0].reshape(-1, 2))
    if starts:
        first = np.unique(np.concatenate(starts), axis=0)
        style = line_style("highlight") | {"markersize": 7}
        style["label"] = _label(labels, "highlight", style["label"])
        ax.plot(first[:, 0], first[:, 1], **style)
    coordinates = _named_coordinates(coordinates, source)
    ax.set(xlim=(q_min, q_max), ylim=(p_min, p_max))
    ax.set(xlabel=_axis_label(coordinates, 0), ylabel=_axis_label(coordinates, 1))
    _legend(ax)
    return ax


def energy_plot(
    times: Values,
    energies: Mapping[str, Values],
    ax: Axes | None = None,
    *,
    quantity: str = "energy",
    unit: str = "J",
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """Draw energies over time.

    The truth is a broad line, so a curve that coincides with it runs visibly inside it. The
    vertical axis spans at least a tenth of the largest energy, so that rounding errors do not fill
    it; `energy_drift_plot` shows small errors.

    Args:
        times: shape ``(T,)``, in seconds.
        energies: ``{role or name: values}``, values of shape ``(T,)`` or ``(T, B)``.
        ax: where to draw; a new figure if None.
        quantity: what is drawn, if not the energy.
        unit: its unit.
        labels: ``{role or name: text}`` to replace labels in the legend.

    Returns:
        The Axes.

    Raises:
        ValueError: for values whose length is not that of ``times``, or a misspelt role.
    """
    check_type(str, "some text", quantity=quantity, unit=unit)
    if not _named(energies, "energies"):
        raise ValueError("energies is empty; expected at least one curve")
    ax = _axes(ax)
    _draw_over_time(ax, times, energies, labels)
    finite = np.concatenate([_array(values).ravel() for values in energies.values()])
    finite = finite[np.isfinite(finite)]
    if finite.size:
        low, high = finite.min(), finite.max()
        least = 0.1 * max(abs(low), abs(high))
        if high - low < least:
            middle = (low + high) / 2
            ax.set_ylim(middle - least / 2, middle + least / 2)
    ax.set_ylabel(f"{quantity} ({unit})" if unit else quantity)
    _legend(ax)
    return ax


def energy_drift_plot(
    times: Values,
    energies: Mapping[str, Values],
    ax: Axes | None = None,
    *,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    r"""Draw the relative change of energies since the start, on a logarithmic axis.

    ``|E(t) − E(0)| / |E(0)|``; values below 1e-17, such as those at the start, are left out.

    Args:
        times: shape ``(T,)``, in seconds.
        energies: ``{role or name: values}``, values of shape ``(T,)`` or ``(T, B)``.
        ax: where to draw; a new figure if None.
        labels: ``{role or name: text}`` to replace labels in the legend.

    Returns:
        The Axes.

    Raises:
        ValueError: for an energy that starts at zero, values whose length is not that of
            ``times``, or a misspelt role.
    """
    if not _named(energies, "energies"):
        raise ValueError("energies is empty; expected at least one curve")
    ax = _axes(ax)
    drifts = {}
    for role, values in energies.items():
        values = _array(values)
        if np.any(values[:1] == 0):
            raise ValueError(
                f"an energy of {role!r} starts at 0, so its relative drift is undefined; "
                "use energy_plot, or start from another state"
            )
        drift = np.abs(values - values[:1]) / np.abs(values[:1])
        drifts[role] = np.where(drift > 1e-17, drift, np.nan)
    _draw_over_time(ax, times, drifts, labels)
    ax.set_yscale("log")
    ax.set_ylabel("relative energy drift")
    _legend(ax)
    return ax


def trajectory_plot(
    times: Values,
    trajectories: Mapping[str, Values],
    axes: Axes | Sequence[Axes] | None = None,
    *,
    components: Sequence[int] | None = None,
    coordinates: Sequence[tuple[str, str]] | None = None,
    labels: Mapping[str, str] | None = None,
) -> tuple[Axes, ...]:
    """Draw the components of a state over time, one Axes below the other.

    Args:
        times: shape ``(T,)``, in seconds.
        trajectories: ``{role or name: states}``, states of shape ``(T, d)`` or ``(T, B, d)``.
        axes: one Axes for each component; a new figure if None.
        components: which components; all if None.
        coordinates: ``(symbol, unit)`` of every component of the state, as in
            ``system.coordinates``.
        labels: ``{role or name: text}`` to replace labels in the legend.

    Returns:
        The Axes, one for each component.

    Raises:
        ValueError: for states of other lengths or sizes than the rest, too few Axes, or a
            misspelt role.
    """
    arrays = {k: _array(states) for k, states in _named(trajectories, "trajectories").items()}
    sizes = {states.shape[-1] for states in arrays.values() if states.ndim in (2, 3)}
    if len(sizes) != 1 or any(states.ndim not in (2, 3) for states in arrays.values()):
        shapes = {role: states.shape for role, states in arrays.items()}
        raise ValueError(f"states have shapes {shapes}; expected (T, d) or (T, B, d) with one d")
    (size,) = sizes
    components = range(size) if components is None else components
    if not isinstance(components, Sequence) or not set(components) <= set(range(size)):
        raise ValueError(
            f"components = {describe(components)}; expected some of {list(range(size))}"
        )
    if coordinates is None:
        coordinates = _PLANE if size == 2 else [(f"x_{i + 1}", "") for i in range(size)]
    if axes is None:
        _, made = plt.subplots(
            len(components),
            sharex=True,
            squeeze=False,
            figsize=(6.4, 0.7 + 2.0 * len(components)),
            layout="constrained",
        )
        axes = list(made[:, 0])
    axes = (axes,) if isinstance(axes, Axes) else axes
    check_type((list, tuple, np.ndarray), "one matplotlib Axes for each component", axes=axes)
    axes = tuple(_axes(ax) for ax in axes)
    if len(axes) != len(components):
        raise ValueError(
            f"{len(axes)} Axes for {len(components)} components; expected one for each"
        )
    for ax, component in zip(axes, components, strict=True):
        curves = {role: states[..., component] for role, states in arrays.items()}
        _draw_over_time(ax, times, curves, labels)
        ax.set_ylabel(_axis_label(coordinates, component))
        if ax is not axes[-1]:
            ax.set_xlabel("")
    _legend(axes[0])
    return axes


def hamiltonian_contours(
    learned: Any,
    true: Any,
    ax: Axes | None = None,
    *,
    extent: Extent = 2.0,
    levels: int | Sequence[float] = 8,
    role: str = "hnn",
    coordinates: Sequence[tuple[str, str]] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """Draw the level lines of a learned Hamiltonian over those of the true one, at equal energies.

    The motion fixes H only up to a constant, so the mean of ``learned − true`` over the mesh is
    taken from the learned one first.

    Args:
        learned: a scalar function ``(..., 2) -> (...,)``, or an object with ``hamiltonian(x)``.
        true: likewise.
        ax: where to draw; a new figure if None.
        extent: half-width of the square around the origin, or ``(q_min, q_max, p_min, p_max)``.
        levels: number of level lines, or their values in the true H.
        role: the role of the learned one.
        coordinates: ``(symbol, unit)`` of both axes; taken from ``true`` if it states them.
        labels: ``{role or name: text}`` to replace labels in the legend.

    Returns:
        The Axes.
    """
    ax = _axes(ax, (5.2, 4.7))
    _check_levels(levels)
    q, p, true_height, learned_height = _heights(learned, true, extent, 121)
    handles = []
    for name, height in (("truth", true_height), (role, learned_height)):
        style = line_style(name)
        style["label"] = _label(labels, name, style["label"])
        drawn = ax.contour(
            q,
            p,
            height,
            levels,
            colors=style["color"],
            linewidths=style["linewidth"],
            linestyles=[style["linestyle"]],
            zorder=style["zorder"],
        )
        levels = [float(level) for level in drawn.levels]
        handles.append(Line2D([], [], **style))
    coordinates = _named_coordinates(coordinates, true)
    ax.set(xlabel=_axis_label(coordinates, 0), ylabel=_axis_label(coordinates, 1))
    _legend(ax, handles)
    return ax


def hamiltonian_surfaces(
    learned: Any,
    true: Any,
    axes: Sequence[Axes3D] | None = None,
    *,
    extent: Extent = 2.0,
    unit: str = "J",
    coordinates: Sequence[tuple[str, str]] | None = None,
) -> tuple[Axes3D, Axes3D]:
    """Draw the true Hamiltonian and a learned one as surfaces side by side, on the same scale.

    The motion fixes H only up to a constant, so the mean of ``learned − true`` over the mesh is
    taken from the learned one first.

    Args:
        learned: a scalar function ``(..., 2) -> (...,)``, or an object with ``hamiltonian(x)``.
        true: likewise.
        axes: two three-dimensional Axes; a new figure if None.
        extent: half-width of the square around the origin, or ``(q_min, q_max, p_min, p_max)``.
        unit: the unit of H.
        coordinates: ``(symbol, unit)`` of both axes; taken from ``true`` if it states them.

    Returns:
        The two Axes, the true H on the left, the learned one on the right.

    Raises:
        ValueError: if there are not two axes.
    """
    if axes is None:
        _, axes = plt.subplots(1, 2, figsize=(8.4, 4.0), subplot_kw={"projection": "3d"})
        plt.subplots_adjust(left=0, right=0.95, bottom=0.04, top=1, wspace=0.08)
    check_type((list, tuple, np.ndarray), "two three-dimensional Axes", axes=axes)
    if len(axes) != 2:
        raise ValueError(f"there are {len(axes)} axes; expected two three-dimensional ones")
    left, right = axes
    check_type(Axes3D, "three-dimensional Axes", left=left, right=right)
    check_type(str, "some text", unit=unit)
    q, p, true_height, learned_height = _heights(learned, true, extent, 41)
    coordinates = _named_coordinates(coordinates, true)
    low = min(true_height.min(), learned_height.min())
    high = max(true_height.max(), learned_height.max())
    suffix = f" ({unit})" if unit else ""
    for ax, height, label in (
        (left, true_height, f"true $H${suffix}"),
        (right, learned_height, f"learned $H${suffix}"),
    ):
        ax.plot_surface(
            *np.meshgrid(q, p),
            height,
            cmap=_SURFACE_MAP,
            vmin=low,
            vmax=high,
            rcount=41,
            ccount=41,
            linewidth=0,
            antialiased=False,
            rasterized=True,
        )
        ax.set_zlim(low, high)
        ax.set_zlabel(label, labelpad=9 if high >= 1000 else 4)  # past the longer numbers
        ax.set(xlabel=_axis_label(coordinates, 0), ylabel=_axis_label(coordinates, 1))
        _clear_panes(ax)
        ax.zaxis.set_major_locator(mpl.ticker.MaxNLocator(4))
    return left, right


def mesh_error_map(
    error: MeshError,
    ax: Axes | None = None,
    *,
    bounds: Sequence[float] = (1e-3, 5e-4),
    coordinates: Sequence[tuple[str, str]] = _PLANE,
    label: str = "relative error of the field",
) -> Axes:
    """Draw the relative error over a mesh of the phase plane, with the level lines of the bounds.

    The legend states the share of the mesh within each bound, as ``error.fraction_below`` does.
    Points without a finite error are left transparent.

    Args:
        error: the result of ``evaluation.mesh_error``.
        ax: where to draw; a new figure if None.
        bounds: the errors whose level lines are drawn, at most four.
        coordinates: ``(symbol, unit)`` of both axes.
        label: what the colour bar says.

    Returns:
        The Axes.

    Raises:
        ValueError: if no error is positive and finite, for more than four bounds, or for a bound
            that is not positive.
    """
    _check_error(error, bounds)
    check_type(str, "some text", label=label)
    q, p, relative = _array(error.q), _array(error.p), _array(error.relative)
    positive = relative[np.isfinite(relative) & (relative > 0)]
    if positive.size == 0:
        raise ValueError("no error is positive and finite; a logarithmic map needs some")
    drawable = np.where(np.isfinite(relative), relative, np.nan).clip(min=positive.min())
    ax = _axes(ax, (5.8, 4.9))
    image = ax.imshow(
        drawable,
        norm=LogNorm(),
        origin="lower",
        extent=_pixel_edges(q) + _pixel_edges(p),
        aspect="auto",
        interpolation="nearest",
    )
    bar = ax.figure.colorbar(image, ax=ax, label=label, pad=0.03)
    bar.outline.set_visible(False)
    handles = []
    for bound, line in zip(bounds, _BOUND_LINES, strict=False):
        if positive.min() < bound < positive.max():
            drawn = ax.contour(
                q, p, drawable, [bound], colors="black", linewidths=1.2, linestyles=[line]
            )
            drawn.set_path_effects(_RIM)
        text = f"within {_power(bound)}: {_percent(error.fraction_below(bound))} of the mesh"
        handles.append(
            Line2D([], [], color="black", lw=1.2, ls=line, label=text, path_effects=_RIM)
        )
    ax.set(xlabel=_axis_label(coordinates, 0), ylabel=_axis_label(coordinates, 1))
    # The outermost points lie on the frame; the other half of their pixels is cut off.
    ax.set(xlim=(q[0], q[-1]), ylim=(p[0], p[-1]))
    _legend(ax, handles, columns=1)
    return ax


def mesh_error_surface(
    error: MeshError,
    ax: Axes3D | None = None,
    *,
    bounds: Sequence[float] = (1e-3, 5e-4),
    coordinates: Sequence[tuple[str, str]] = _PLANE,
) -> Axes3D:
    """Draw the relative error over a mesh as a surface of its logarithm, below and above bounds.

    Each bound is a frame at its height. Points without a finite error, and those with none at
    all, take the smallest value that is drawn; at most 81 points are drawn along each axis.

    Args:
        error: the result of ``evaluation.mesh_error``.
        ax: three-dimensional Axes; a new figure if None.
        bounds: the errors at whose heights frames are drawn, at most four.
        coordinates: ``(symbol, unit)`` of both axes.

    Returns:
        The Axes.

    Raises:
        ValueError: if no error is positive and finite, or for more than four bounds.
    """
    _check_error(error, bounds)
    stride = max(1, -(-len(error.q) // 81))
    q, p = _array(error.q)[::stride], _array(error.p)[::stride]
    relative = _array(error.relative)[::stride, ::stride]
    drawable = np.isfinite(relative) & (relative > 0)
    if not drawable.any():
        raise ValueError("no error is positive and finite; a logarithmic surface needs some")
    height = np.log10(np.where(drawable, relative, relative[drawable].min()))
    if ax is None:
        figure = plt.figure(figsize=(6.0, 4.6))
        ax = figure.add_subplot(projection="3d")
        figure.subplots_adjust(left=0, right=0.92, bottom=0.04, top=1)
    check_type(Axes3D, "three-dimensional Axes", ax=ax)
    ax.plot_surface(
        *np.meshgrid(q, p),
        height,
        cmap=_SURFACE_MAP,
        rcount=len(p),
        ccount=len(q),
        linewidth=0,
        antialiased=False,
        rasterized=True,
    )
    corners_q = [q[0], q[-1], q[-1], q[0], q[0]]
    corners_p = [p[0], p[0], p[-1], p[-1], p[0]]
    for bound, line in zip(bounds, _BOUND_LINES, strict=False):
        level = [np.log10(bound)] * 5
        ax.plot(corners_q, corners_p, level, color=NEUTRAL, lw=1.2, ls=line, label=_power(bound))
    ax.zaxis.set_major_locator(mpl.ticker.MaxNLocator(5, integer=True))
    ax.zaxis.set_major_formatter(lambda value, _: f"$10^{{{round(value)}}}$")
    ax.set(xlabel=_axis_label(coordinates, 0), ylabel=_axis_label(coordinates, 1))
    ax.set_zlabel("relative error", labelpad=8)
    _clear_panes(ax)
    ax.legend(loc="upper left", title="bounds")
    return ax


def loss_plot(
    histories: Mapping[str, Any],
    ax: Axes | None = None,
    *,
    floor: float | None = None,
    quantity: str = "loss",
    labels: Mapping[str, str] | None = None,
) -> Axes:
    """Draw losses over the steps of training, on a logarithmic axis.

    A line is the loss on the training data; circles are the validation loss, where there is one.

    Args:
        histories: ``{role or name: history}`` with what ``training.fit`` returned, or bare losses
            ``(S,)``.
        ax: where to draw; a new figure if None.
        floor: a loss that no model can go below, such as the noise floor, drawn as a line.
        quantity: what the vertical axis is called.
        labels: ``{role or name: text}`` to replace labels in the legend.

    Returns:
        The Axes.

    Raises:
        ValueError: for losses that are not a sequence of numbers, or a misspelt role.
    """
    ax = _axes(ax)
    check_type(str, "some text", quantity=quantity)
    styles = _styles(_named(histories, "histories"), labels)
    for role, history in histories.items():
        values = _array(getattr(history, "loss", history))
        if values.ndim != 1:
            raise ValueError(f"the losses of {role!r} have shape {values.shape}; expected (S,)")
        style = styles[role]
        _draw(ax, np.arange(len(values)), values, style)
        if getattr(history, "validation_loss", None):
            ax.plot(
                history.validation_steps,
                history.validation_loss,
                linestyle="none",
                marker="o",
                markersize=4.5,
                markerfacecolor="none",
                color=style["color"],
                zorder=style["zorder"],
                label=f"{style['label']}, validation",
            )
    if floor is not None:
        check_positive(floor=floor)
        ax.axhline(floor, color=NEUTRAL, linewidth=1.0, zorder=1, label="noise floor")
    ax.set_yscale("log")
    ax.margins(x=0.01)
    ax.set(xlabel="step", ylabel=quantity)
    _legend(ax)
    return ax


def _dashes(role: Role) -> Any:
    """Return matplotlib's line style of a role; it counts dashes in line widths."""
    if not role.dash:
        return "solid"
    scale = role.width if mpl.rcParams["lines.scale_dashes"] else 1.0
    return (0, tuple(length / scale for length in role.dash))


def _array(values: Any) -> np.ndarray:
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    try:
        array = np.asarray(values)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{describe(values)} cannot be drawn; expected real numbers")
    return array


def _named(curves: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return curves by role or free name, unless a name is nearly that of a role."""
    check_type(Mapping, "a mapping from names to values, such as {'truth': ...}", **{name: curves})
    for key in curves:
        check_type(str, "a role, or any other name", **{f"a name in {name}": key})
        plain = key.lower().replace("_", " ").replace("-", " ").strip()
        meant = get_close_matches(plain, ROLES, n=1, cutoff=0.8)
        if key not in ROLES and (meant or not plain):
            hint = f"did you mean {meant[0]!r}? " if meant else ""
            raise ValueError(
                f"unknown role {key!r}; {hint}roles are {', '.join(ROLES)}; a curve that is none "
                "of them needs a name that cannot be taken for one"
            )
    return curves


def _check_levels(levels: int | Sequence[float]) -> None:
    if isinstance(levels, int):
        check_count(levels=levels)
        return
    if isinstance(levels, list | tuple | np.ndarray):
        values = _array(levels)
        if values.ndim == 1 and np.isfinite(values).all():
            return
    raise ValueError(f"levels = {describe(levels)}; expected how many, or their finite values")


def _check_error(error: MeshError, bounds: Sequence[float]) -> None:
    check_type(MeshError, "a MeshError, as evaluation.mesh_error gives it", error=error)
    few = isinstance(bounds, list | tuple) and len(bounds) <= len(_BOUND_LINES)
    if not few or not all(as_number("bounds", bound) > 0 for bound in bounds):
        raise ValueError(f"bounds = {bounds!r}; expected at most four positive numbers")


def _method(source: Any, name: str) -> Callable[[Tensor], Tensor]:
    """Return ``source.name`` if there is one, else ``source``, which must be a function."""
    method = getattr(source, name, None)
    if callable(method):
        return method
    # A torch module is callable, but calling it is not what a figure of its field means.
    if callable(source) and not isinstance(source, torch.nn.Module):
        return source
    raise TypeError(
        f"{type(source).__name__} has no {name}(x); expected an object that has one, or a function"
    )


def _evaluate(source: Any, name: str, mesh: Tensor) -> np.ndarray:
    """Return ``source.name(mesh)`` as an array, computed in the dtype and place of a model."""
    function = _method(source, name)
    owner = getattr(function, "__self__", None)
    if isinstance(owner, torch.nn.Module):
        parameter = next(owner.parameters(), mesh)
        mesh = mesh.to(dtype=parameter.dtype, device=parameter.device)
    value = function(mesh)
    shape = mesh.shape if name == "field" else mesh.shape[:-1]
    check_output(value, mesh, shape, f"the {name}")
    return _array(value)


def _axes(ax: Axes | None, size: tuple[float, float] | None = None) -> Axes:
    if ax is None:
        return plt.subplots(figsize=size, layout="constrained")[1]
    check_type(Axes, "matplotlib Axes", ax=ax)
    return ax


def _clear_panes(ax: Axes3D) -> None:
    """Take the panes and the grid from three-dimensional Axes, for a page of either colour."""
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0, 0, 0, 0))
        axis.line.set_color(NEUTRAL)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(mpl.ticker.MaxNLocator(4))
    ax.grid(False)
    ax.view_init(elev=26, azim=-58)


def _extent(extent: Extent) -> tuple[float, float, float, float]:
    if np.ndim(extent) == 0:
        check_positive(extent=extent)  # type: ignore[arg-type]
        extent = (-extent, extent, -extent, extent)  # type: ignore[operator, assignment]
    check_type((list, tuple), "a half-width or (q_min, q_max, p_min, p_max)", extent=extent)
    limits = tuple(as_number("extent", value) for value in extent)  # type: ignore[union-attr]
    if (
        len(limits) != 4
        or not np.isfinite(limits).all()
        or not limits[0] < limits[1]
        or not (limits[2] < limits[3])
    ):
        raise ValueError(f"extent = {limits}; expected (q_min, q_max, p_min, p_max) in order")
    return limits


def _mesh(extent: Extent, count: int) -> tuple[np.ndarray, np.ndarray, Tensor]:
    """Return the values along q, along p, and the states, shape ``(count, count, 2)``."""
    q_min, q_max, p_min, p_max = _extent(extent)
    q = torch.linspace(q_min, q_max, count, dtype=torch.float64)
    p = torch.linspace(p_min, p_max, count, dtype=torch.float64)
    return q.numpy(), p.numpy(), torch.stack(torch.meshgrid(q, p, indexing="xy"), dim=-1)


def _heights(
    learned: Any, true: Any, extent: Extent, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return q, p, the true H and the learned H without the constant between them."""
    q, p, mesh = _mesh(extent, count)
    true_height = _evaluate(true, "hamiltonian", mesh)
    learned_height = _evaluate(learned, "hamiltonian", mesh)
    return q, p, true_height, learned_height - (learned_height - true_height).mean()


def _styles(
    curves: Mapping[str, Any], labels: Mapping[str, str] | None
) -> dict[str, dict[str, Any]]:
    """Return how each curve is drawn: as its role says, or plainly if it has none."""
    styles, plain = {}, 0
    for name in curves:
        if name in ROLES:
            styles[name] = line_style(name)
        else:
            styles[name] = plain_style(plain, name)
            plain += 1
        styles[name]["label"] = _label(labels, name, styles[name]["label"])
    return styles


def _draw(ax: Axes, x: np.ndarray, y: np.ndarray, style: Mapping[str, Any]) -> None:
    """Draw y, shape ``(T,)`` or ``(T, B)``, against x; only the first curve enters the legend."""
    lines = ax.plot(x, y, **style)
    for line in lines[1:]:
        line.set_label("_")


def _draw_over_time(
    ax: Axes, times: Values, curves: Mapping[str, Values], labels: Mapping[str, str] | None
) -> None:
    times = _array(times)
    if times.ndim != 1:
        raise ValueError(f"times has shape {times.shape}; expected (T,)")
    styles = _styles(curves, labels)
    for role, values in curves.items():
        values = _array(values)
        if values.ndim not in (1, 2) or len(values) != len(times):
            raise ValueError(
                f"{role!r} has shape {values.shape} for {len(times)} times; "
                f"expected ({len(times)},) or ({len(times)}, B)"
            )
        _draw(ax, times, values, styles[role])
    ax.margins(x=0.01)
    ax.set_xlabel("time (s)")
    ax.ticklabel_format(useOffset=False)


def _pixel_edges(values: np.ndarray) -> tuple[float, float]:
    half = (values[-1] - values[0]) / (2 * (len(values) - 1))
    return values[0] - half, values[-1] + half


def _percent(share: float) -> str:
    """Return a share in percent; only the whole is ever called 100 %, and only nothing 0 %."""
    if share in (0, 1):
        return f"{100 * share:.0f} %"
    return f"{min(max(100 * share, 0.1), 99.9):.1f} %"


def _named_coordinates(
    given: Sequence[tuple[str, str]] | None, source: Any
) -> Sequence[tuple[str, str]]:
    """Return the names of the coordinates: those given, or those of a system, or q and p."""
    if given is None:
        return getattr(source, "coordinates", None) or _PLANE
    return given


def _axis_label(coordinates: Sequence[tuple[str, str]], index: int) -> str:
    """Return symbol and unit of a coordinate, or say what is wrong with them."""
    pairs = coordinates if isinstance(coordinates, list | tuple) else ()
    if len(pairs) <= index or not all(
        isinstance(pair, list | tuple) and [type(part) for part in pair] == [str, str]
        for pair in pairs
    ):
        raise ValueError(
            f"coordinates = {coordinates!r}; expected (symbol, unit) of each component of the state"
        )
    symbol, unit = pairs[index]
    return f"${symbol}$ ({unit})" if unit else f"${symbol}$"


def _label(labels: Mapping[str, str] | None, role: str, usual: str) -> str:
    """Return what the legend calls a role."""
    check_type((Mapping, type(None)), "a mapping from roles to texts", labels=labels)
    return (labels or {}).get(role, usual)


def _power(value: float) -> str:
    """Return a bound as the field writes it: 5e-4 as 5 × 10⁻⁴."""
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if mantissa == "1" else rf"${mantissa}\times {power}$"


def _legend(ax: Axes, handles: Sequence[Artist] | None = None, columns: int = 4) -> None:
    """Put the legend above the Axes, where a title would be, so that it covers no data."""
    if handles is None:
        handles = ax.get_legend_handles_labels()[0]
    if handles:
        ax.legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.5, 1.0),
            ncols=len(handles) if len(handles) <= columns else min(columns, 3),
            borderaxespad=0.2,
            columnspacing=1.3,
        )
