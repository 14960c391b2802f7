"""Sketches of the devices of the course: what m, l, k and q stand for.

A sketch shows what the letters of a formula mean, not their values: rods of 1 m and of 3 m are
drawn alike. What moves, the coordinates, stands out in a colour; the rest of the device is grey.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Circle, Rectangle

from hnn_tutorial._validate import check_type, describe
from hnn_tutorial.palette import NEUTRAL, ROLES
from hnn_tutorial.systems import (
    CartPole,
    DampedMassSpring,
    DampedPendulum,
    DoublePendulum,
    DrivenPendulum,
    FourBar,
    HenonHeiles,
    LinkChain,
    LotkaVolterra,
    MassSpring,
    NBody,
    Pendulum,
    PendulumChain,
    Projectile,
    RelativisticParticle,
    RigidBody,
    SpringChain,
    System,
    ThreeBody,
    TwoBody,
    TwoLinkArm,
)

__all__ = ["sketch"]

_MOVES = ROLES["highlight"].figure
_LINE: dict[str, Any] = {"color": NEUTRAL, "linestyle": "solid", "linewidth": 1.8}
_THIN: dict[str, Any] = {"color": NEUTRAL, "linestyle": "solid", "linewidth": 1.0}
_DASHED = _THIN | {"linestyle": (0, (4, 3))}
_BODY: dict[str, Any] = {"facecolor": NEUTRAL, "edgecolor": "none", "zorder": 5}


def sketch(system: System | DrivenPendulum, ax: Axes | None = None) -> Axes:
    """Draw the device of a system, with its parameters and coordinates named.

    Args:
        system: one of the systems of the course; the values of its parameters do not matter.
        ax: where to draw; a new figure if None.

    Returns:
        The Axes, without frame and with equal scales.

    Raises:
        TypeError: for anything but a system that has a sketch, or if ``ax`` is no Axes.
    """
    draw = _SKETCHES.get(type(system))
    if draw is None:
        names = ", ".join(kind.__name__ for kind in _SKETCHES)
        raise TypeError(f"there is no sketch of {describe(system)}; there is one of {names}")
    if ax is None:
        ax = plt.subplots(figsize=(5.2, 2.8), layout="constrained")[1]
    check_type(Axes, "matplotlib Axes", ax=ax)
    ax.set(aspect="equal")
    ax.set_axis_off()
    draw(ax, system)
    ax.margins(0.04)
    return ax


# --- the devices ---------------------------------------------------------------------------------


def _pendulum(ax: Axes, system: System) -> None:
    pivot, bob = np.zeros(2), _along(np.zeros(2), 0.62, 1.5)
    _ceiling(ax, 0.0, 0.0, 0.7)
    _angle(ax, pivot, 0.62, 0.75, "$q$", length=1.6)
    _rod(ax, pivot, bob, "$l$")
    _body(ax, bob, 0.14, "$m$")
    _gravity(ax, (-0.8, -0.45))
    if isinstance(system, DampedPendulum):
        rub = np.array([_along(pivot, at, 0.2) for at in np.linspace(-1.1, 1.1, 30)])
        ax.plot(*rub.T, **_LINE)
        _write(ax, (-0.18, -0.1), "$c$", (-1, -0.2))


def _driven_pendulum(ax: Axes, system: DrivenPendulum) -> None:
    _pendulum(ax, system.pendulum)
    for end in (0.45, -0.25):
        _arrow(ax, (-0.5, 0.1), (-0.5, end), colour=NEUTRAL)
    _write(ax, (-0.5, 0.45), r"$\varepsilon, \omega$", (-1, 0))


def _double_pendulum(ax: Axes, system: System) -> None:
    pivot = np.zeros(2)
    joint = _along(pivot, 0.42, 1.1)
    bob = _along(joint, 0.95, 1.1)
    _ceiling(ax, 0.0, 0.0, 0.7)
    _angle(ax, pivot, 0.42, 0.62, "$q_1$", length=1.25)
    _angle(ax, joint, 0.95, 0.55, "$q_2$", length=0.85)
    _rod(ax, pivot, joint, "$l_1$")
    _rod(ax, joint, bob, "$l_2$")
    _body(ax, joint, 0.12, "$m_1$", side=(-1, -0.3))
    _body(ax, bob, 0.12, "$m_2$")
    _gravity(ax, (-0.9, -0.6))


def _hanging(ax: Axes, links: int) -> list[np.ndarray]:
    """Draw rods and bodies of a chain, of which at most three are shown; return its joints."""
    shown = min(links, 3)
    joints = [np.zeros(2)]
    for angle in (0.4, 1.0, 0.7)[:shown]:
        joints.append(_along(joints[-1], angle, 1.2))
    _ceiling(ax, 0.0, 0.0, 0.7)
    for k, (start, end) in enumerate(pairwise(joints), start=1):
        number = links if k == shown else k
        _rod(ax, start, end, f"$l_{{{number}}}$")
        _body(ax, end, 0.11, f"$m_{{{number}}}$", side=(-0.6, -1))
    _gravity(ax, (-0.9, -0.6))
    return joints


def _pendulum_chain(ax: Axes, system: System) -> None:
    assert isinstance(system, PendulumChain)
    joints = _hanging(ax, system.links)
    angles = (0.4, 1.0, 0.7)
    for k, (joint, angle) in enumerate(zip(joints[:-1], angles, strict=False), start=1):
        number = system.links if k == len(joints) - 1 else k
        _angle(ax, joint, angle, 0.6, f"$q_{{{number}}}$", length=0.95)


def _link_chain(ax: Axes, system: System) -> None:
    assert isinstance(system, LinkChain)
    joints = _hanging(ax, system.links)
    for k, joint in enumerate(joints[1:], start=1):
        number = system.links if k == len(joints) - 1 else k
        _place(ax, joint, number, (12, 9))


def _four_bar(ax: Axes, system: System) -> None:
    left, right = np.zeros(2), np.array([2.6, 0.0])
    crank, rocker = np.array([-0.2, 1.0]), np.array([2.1, 1.75])
    ax.plot(*np.transpose([left, right]), **_DASHED)
    _write(ax, (left + right) / 2, "$l_4$", (0, -1))
    for anchor in (left, right):
        ax.plot(anchor[0] + np.array([-0.2, 0.2]), [-0.12, -0.12], **_LINE)
        _hatch(ax, anchor[0] + np.linspace(-0.2, 0.11, 4), -0.12, -1)
        ax.plot(anchor[0] + np.array([-0.12, 0, 0.12]), [-0.12, 0, -0.12], **_LINE)
    _rod(ax, left, crank, "$l_1$")
    _rod(ax, crank, rocker, "$l_2$")
    _rod(ax, right, rocker, "$l_3$")
    for number, place in enumerate((crank, rocker), start=1):
        _body(ax, place, 0.11, f"$m_{number}$", side=(-1, 0.2))
        _place(ax, place, number, (12, -12))
    _gravity(ax, (-1.1, 1.4))


def _place(ax: Axes, body: np.ndarray, number: int, beside: tuple[float, float]) -> None:
    """Write the coordinates of a body beside it, so many points to the right and up."""
    ax.annotate(
        f"$(x_{{{number}}}, y_{{{number}}})$",
        tuple(body),
        beside,
        textcoords="offset points",
        color=_MOVES,
        fontsize="large",
        va="center",
        zorder=8,
    )


def _mass_spring(ax: Axes, system: System) -> None:
    half, damped = 0.22, isinstance(system, DampedMassSpring)
    _wall(ax, 0.0, -0.32, 0.5)
    ax.plot([0, 3.1], [-0.32, -0.32], **_THIN)
    spring = 0.16 if damped else 0.0
    _spring(ax, (0, spring), (2.1 - half, spring), "$k$")
    if damped:
        _dashpot(ax, (0, -0.16), (2.1 - half, -0.16), "$c$")
    _block(ax, (2.1, 0.0), half, 0.32, "$m$")
    _coordinate(ax, (1.5, -0.58), (2.1, -0.58), "$q$", at_rest=(-0.72, -0.32))


def _relativistic_particle(ax: Axes, system: System) -> None:
    _wall(ax, 0.0, -0.3, 0.3)
    _spring(ax, (0, 0), (1.96, 0), "$k$")
    _body(ax, (2.1, 0.0), 0.14, "$m$", side=(0, 1))
    _arrow(ax, (2.3, 0), (2.95, 0), colour=NEUTRAL)
    _write(ax, (2.6, 0), r"$\dot q < c$", (0, 1))
    _coordinate(ax, (1.5, -0.4), (2.1, -0.4), "$q$", at_rest=(-0.55, -0.15))


def _spring_chain(ax: Axes, system: System) -> None:
    assert isinstance(system, SpringChain)
    shown = min(system.masses, 4)
    rests = np.arange(1, shown + 1) * 1.6
    places = rests + np.resize([0.35, -0.3, 0.35], shown)
    end = (shown + 1) * 1.6
    _wall(ax, 0.0, -0.3, 0.3)
    _wall(ax, end, -0.3, 0.3, side=1)
    edges = [0.0, *places, end]
    for i, (left, right) in enumerate(pairwise(edges)):
        start, stop = left + 0.14 * (i > 0), right - 0.14 * (i < shown)
        _spring(ax, (start, 0), (stop, 0), "$k$" if i == 0 else "", turns=5)
    for i, (rest, place) in enumerate(zip(rests, places, strict=True)):
        # A chain that is too long to draw ends with its last mass.
        number = i + 1 if i < shown - 1 else system.masses
        _body(ax, (place, 0), 0.14, "$m$", side=(0, 1))
        _coordinate(ax, (rest, -0.42), (place, -0.42), f"$q_{{{number}}}$", (-0.56, -0.2))


def _projectile(ax: Axes, system: System) -> None:
    ax.plot([-0.9, 0.9], [0, 0], **_LINE)
    _hatch(ax, np.linspace(-0.8, 0.8, 9), 0.0, -1)
    _body(ax, (0, 1.35), 0.14, "$m$")
    _arrow(ax, (-0.45, 0), (-0.45, 1.35))
    ax.plot([-0.55, -0.18], [1.35, 1.35], **_THIN)
    _write(ax, (-0.45, 0.7), "$q$", (-1, 0), _MOVES)
    _gravity(ax, (0.75, 1.15))


def _two_body(ax: Axes, system: System) -> None:
    _bodies(ax, [(-1.5, 0.25), (1.2, 0.85)], [0.2, 0.14])


def _three_body(ax: Axes, system: System) -> None:
    _bodies(ax, [(-1.5, 0.1), (1.15, 0.95), (0.95, -0.75)], [0.2, 0.16, 0.13])


def _n_body(ax: Axes, system: System) -> None:
    assert isinstance(system, NBody)
    places = [(-1.9, -0.25), (-0.75, 1.05), (1.0, 0.95), (1.8, -0.3), (0.1, -0.95)]
    shown = min(len(system.masses), len(places))
    radii = [0.2, 0.14, 0.17, 0.13, 0.15]
    _bodies(ax, places[:shown], radii[:shown], last=len(system.masses))


def _henon_heiles(ax: Axes, system: System) -> None:
    assert isinstance(system, HenonHeiles)
    # The picture is that of a coupling of one: another only changes its scale.
    line = torch.linspace(-1.05, 1.1, 121, dtype=torch.float64)
    mesh = torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)
    height = HenonHeiles().potential(torch.cat([mesh, 0 * mesh], dim=-1))
    # Beyond the three saddles the potential falls again; the picture ends there.
    x, y = mesh.unbind(dim=-1)
    height[(y < -0.5) | (3**0.5 * x.abs() + y > 1)] = torch.nan
    levels = [0.02, 0.06, 0.1, 0.15]
    ax.contour(line, line, height, levels, colors=NEUTRAL, linewidths=0.9, linestyles="solid")
    star = np.array([0.42, 0.2])
    _arrow(ax, (0, 0), star, shrink=5)
    _body(ax, star, 0.06, "")
    _write(ax, (0.72, 0.22), "$(x, y)$", (1, 0.3), _MOVES)
    _write(ax, (-0.3, 0.4), "$V$", (-1, 0.6))


def _lotka_volterra(ax: Axes, system: System) -> None:
    """Draw who eats whom: an arrow points to what grows by it, or out of what dies."""
    prey, predators = np.array([-1.1, 0.0]), np.array([1.1, 0.0])
    for place, name in ((prey, "$x$"), (predators, "$y$")):
        ax.add_patch(Circle(tuple(place), 0.3, facecolor="none", edgecolor=NEUTRAL, linewidth=1.8))
        _write(ax, place, name, colour=_MOVES)
    for start, end, rate in (
        (-2.3, -1.4, r"$\alpha$"),
        (-0.8, 0.8, r"$\beta, \delta$"),
        (1.4, 2.3, r"$\gamma$"),
    ):
        _arrow(ax, (start, 0), (end, 0), colour=NEUTRAL)
        _write(ax, ((start + end) / 2, 0), rate, (0, 1))


def _rigid_body(ax: Axes, system: System) -> None:
    """Draw a box with its three axes, and its angular momentum."""
    deep, half = np.array([0.42, 0.26]), np.array([0.8, 0.34])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]) * half
    for shift in (-deep / 2, deep / 2):
        ax.plot(*(corners + shift).T, **_THIN)
    for corner in corners[:4]:
        ax.plot(*np.transpose([corner - deep / 2, corner + deep / 2]), **_THIN)
    for tip, name, away in (
        (np.array([1.65, 0.0]), "$I_1$", (0.4, -1)),
        (2.1 * deep, "$I_2$", (1, 0.2)),
        (np.array([0.0, 1.1]), "$I_3$", (1, 0)),
    ):
        ax.plot(*np.transpose([-0.75 * tip, tip]), **_DASHED)
        _write(ax, tip, name, away)
    momentum = np.array([-0.75, 0.85])
    _arrow(ax, (0, 0), momentum)
    _write(ax, momentum, "$x$", (-1, 0.3), _MOVES)


def _two_link_arm(ax: Axes, system: System) -> None:
    """Draw two links with their centres of mass, and a motor in each joint."""
    shoulder, first, second = np.zeros(2), 0.5, 1.25
    elbow = _along(shoulder, first, 1.6)
    hand = _along(elbow, second, 1.4)
    _ceiling(ax, 0.0, 0.0, 0.7)
    _angle(ax, shoulder, first, 0.55, "$q_1$", length=1.5)
    ax.plot(*np.transpose([elbow, _along(elbow, first, 1.0)]), **_DASHED)
    turn = np.array([_along(elbow, at, 0.55) for at in np.linspace(first, second - 0.1, 30)])
    ax.plot(*turn.T, color=_MOVES, linestyle="solid", linewidth=1.8)
    _arrow(ax, turn[-1], _along(elbow, second, 0.55))
    _write(ax, _along(elbow, 0.9, 0.55), "$q_2$", _along((0, 0), 0.9, 1), _MOVES)
    for start, angle, length, number, beside in (
        (shoulder, first, 1.6, 1, 0.45),
        (elbow, second, 1.4, 2, 0.3),
    ):
        end, centre = _along(start, angle, length), _along(start, angle, 0.62 * length)
        ax.plot(*np.transpose([start, end]), **_LINE | {"linewidth": 6, "alpha": 0.35})
        ax.plot(*np.transpose([start, centre]), **_LINE)
        ax.add_patch(Circle(tuple(start), 0.08, **_BODY))
        ax.add_patch(Circle(tuple(centre), 0.06, **_BODY))
        side = _along((0, 0), angle + np.pi / 2, 1)
        _write(ax, centre + beside * side, f"$m_{number}, I_{number}$")
        _write(ax, _along(start, angle, 0.31 * length), f"$c_{number}$", side)
    _write(ax, _along(shoulder, first, 1.2), "$l_1$", _along((0, 0), first - np.pi / 2, 1))
    _write(ax, hand, "$l_2$", (0.4, -1))
    _gravity(ax, (-0.9, -0.6))


def _cart_pole(ax: Axes, system: System) -> None:
    cart, angle = np.array([1.6, 0.0]), 0.75
    bob = _along(cart, angle, 1.4)
    ax.plot([0, 3.2], [-0.2, -0.2], **_THIN)
    _wall(ax, 0.0, -0.32, 0.32)
    _block(ax, cart, 0.34, 0.2, "$M$")
    _angle(ax, cart, angle, 0.75, "$q_2$", length=1.35)
    _rod(ax, cart, bob, "$l$")
    _body(ax, bob, 0.13, "$m$")
    _arrow(ax, (2.0, 0.0), (2.6, 0.0), colour=NEUTRAL)
    _write(ax, (2.6, 0.0), "$u$", (0.8, 1))
    _arrow(ax, (0, 0.5), (1.6, 0.5))
    _write(ax, (0.8, 0.5), "$q_1$", (0, 1), _MOVES)
    _gravity(ax, (0.5, -0.6))


_SKETCHES: dict[type, Callable[[Axes, Any], None]] = {
    MassSpring: _mass_spring,
    DampedMassSpring: _mass_spring,
    Pendulum: _pendulum,
    DampedPendulum: _pendulum,
    DrivenPendulum: _driven_pendulum,
    PendulumChain: _pendulum_chain,
    LinkChain: _link_chain,
    FourBar: _four_bar,
    DoublePendulum: _double_pendulum,
    TwoBody: _two_body,
    ThreeBody: _three_body,
    NBody: _n_body,
    HenonHeiles: _henon_heiles,
    RelativisticParticle: _relativistic_particle,
    SpringChain: _spring_chain,
    Projectile: _projectile,
    LotkaVolterra: _lotka_volterra,
    RigidBody: _rigid_body,
    TwoLinkArm: _two_link_arm,
    CartPole: _cart_pole,
}


# --- the parts of which they are made ------------------------------------------------------------


def _along(start: Any, angle: float, length: float) -> np.ndarray:
    """Return the point at a distance from another, at an angle from straight down."""
    return np.asarray(start) + length * np.array([np.sin(angle), -np.cos(angle)])


def _write(ax: Axes, place: Any, text: str, away: Any = (0, 0), colour: str = NEUTRAL) -> None:
    """Write a letter beside a place, in the direction ``away`` from it."""
    direction = np.asarray(away, dtype=float)
    offset = 13 * direction / max(np.linalg.norm(direction), 1e-9)
    ax.annotate(
        text,
        tuple(place),
        tuple(offset),
        textcoords="offset points",
        color=colour,
        fontsize="large",
        ha="center",
        va="center",
        zorder=8,
    )


def _arrow(ax: Axes, tail: Any, tip: Any, *, colour: str = _MOVES, shrink: float = 0.0) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.8, "shrinkA": 0}
    ax.annotate("", tip, tail, arrowprops=style | {"shrinkB": shrink}, zorder=6)
    ax.plot(*np.transpose([tail, tip]), alpha=0)  # an annotation does not count for the limits


def _body(ax: Axes, place: Any, radius: float, name: str, side: Any = (1, 0)) -> None:
    ax.add_patch(Circle(tuple(place), radius, **_BODY))
    direction = np.asarray(side) / np.linalg.norm(side)
    _write(ax, np.asarray(place) + radius * direction, name, direction)


def _block(ax: Axes, place: Any, half: float, height: float, name: str) -> None:
    x, y = place
    ax.add_patch(Rectangle((x - half, y - height), 2 * half, 2 * height, **_BODY))
    _write(ax, (x, y + height), name, (0, 1))


def _rod(ax: Axes, start: np.ndarray, end: np.ndarray, name: str) -> None:
    ax.plot(*np.transpose([start, end]), **_LINE)
    along = (end - start) / np.linalg.norm(end - start)
    _write(ax, (start + end) / 2, name, (-along[1], along[0]))
    ax.add_patch(Circle(tuple(start), 0.035, **_BODY))


def _angle(
    ax: Axes, corner: np.ndarray, angle: float, radius: float, name: str, length: float
) -> None:
    """Draw an angle from straight down, which a dashed line marks."""
    ax.plot(*np.transpose([corner, corner - (0, length)]), **_DASHED)
    turn = np.linspace(0.0, angle, 40)
    arc = np.array([_along(corner, at, radius) for at in turn[:-3]])
    ax.plot(*arc.T, color=_MOVES, linestyle="solid", linewidth=1.8)
    _arrow(ax, arc[-1], _along(corner, angle, radius))
    _write(ax, _along(corner, angle / 2, radius), name, _along((0, 0), angle / 2, 1), _MOVES)


def _coordinate(ax: Axes, rest: Any, place: Any, name: str, at_rest: tuple[float, float]) -> None:
    """Draw how far something is from its place of rest, which a dashed line marks."""
    ax.plot([rest[0], rest[0]], at_rest, **_DASHED)
    ax.plot([place[0], place[0]], at_rest, **_THIN)
    _arrow(ax, rest, place)
    _write(ax, ((rest[0] + place[0]) / 2, rest[1]), name, (0, -1), _MOVES)


def _spring(ax: Axes, start: Any, end: Any, name: str, turns: int = 8) -> None:
    (x0, y), (x1, _) = start, end
    lead = 0.12
    inner = np.linspace(x0 + lead, x1 - lead, 4 * turns + 1)
    zigzag = 0.11 * np.sin(np.linspace(0, 2 * np.pi * turns, 4 * turns + 1))
    ax.plot([x0, *inner, x1], [y, *(y + zigzag), y], **_LINE | {"linewidth": 1.4})
    _write(ax, ((x0 + x1) / 2, y + 0.1), name, (0, 1))


def _dashpot(ax: Axes, start: Any, end: Any, name: str) -> None:
    (x0, y), (x1, _) = start, end
    middle = (x0 + x1) / 2
    ax.plot([x0, middle - 0.05], [y, y], **_LINE)
    ax.plot([middle - 0.05, middle - 0.05], [y - 0.06, y + 0.06], **_LINE)
    ax.plot(
        [middle - 0.25, middle + 0.2, middle + 0.2, middle - 0.25],
        [y + 0.1, y + 0.1, y - 0.1, y - 0.1],
        **_LINE,
    )
    ax.plot([middle + 0.2, x1], [y, y], **_LINE)
    _write(ax, (middle + 0.45, y), name, (0, 1))


def _hatch(ax: Axes, along: np.ndarray, across: float, side: int, upright: bool = False) -> None:
    for at in along:
        stroke = np.array([[at, at + 0.09], [across, across + 0.09 * side]])
        ax.plot(*(stroke[::-1] if upright else stroke), **_THIN)


def _ceiling(ax: Axes, x: float, y: float, width: float) -> None:
    ax.plot([x - width / 2, x + width / 2], [y, y], **_LINE)
    _hatch(ax, np.linspace(x - width / 2, x + width / 2 - 0.09, 6), y, 1)


def _wall(ax: Axes, x: float, low: float, high: float, side: int = -1) -> None:
    ax.plot([x, x], [low, high], **_LINE)
    _hatch(ax, np.linspace(low, high - 0.09, 6), x, side, upright=True)


def _gravity(ax: Axes, top: tuple[float, float]) -> None:
    _arrow(ax, top, (top[0], top[1] - 0.5), colour=NEUTRAL)
    _write(ax, (top[0], top[1] - 0.25), "$g$", (-1, 0))


def _bodies(
    ax: Axes, places: list[tuple[float, float]], radii: list[float], last: int | None = None
) -> None:
    """Draw bodies that attract each other, each with its place from a common origin.

    The last one has the number ``last``, where there are more than are drawn.
    """
    origin = np.array([-0.1, 0.0])
    ax.plot(*origin, "+", color=NEUTRAL, markersize=10)
    for number, (place, radius) in enumerate(zip(places, radii, strict=True), start=1):
        at = np.array(place)
        for other in places[number:]:
            ax.plot(*np.transpose([at, other]), **_DASHED)
        away = (at - origin) / np.linalg.norm(at - origin)
        _arrow(ax, origin, at - radius * away)
        # On the right of the arrow, where no dashed line is near.
        beside = np.array([away[1], -away[0]]) * np.sign(away[1])
        label = str(last if last is not None and number == len(places) else number)
        label = label if len(label) == 1 else f"{{{label}}}"
        _write(ax, (origin + at) / 2, f"$q_{label}$", beside, _MOVES)
        _body(ax, at, radius, f"$m_{label}$", side=away)
