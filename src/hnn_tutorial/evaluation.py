r"""Scores of a learned motion: pure functions of fields, trajectories and true quantities.

A trajectory that diverged scores infinity. It is never dropped and never NaN, so a median
over trajectories or seeds stays meaningful and a mean shows what happened. The truth, on the
other hand, must be finite: a NaN there is an error. One score alone is NaN for a trajectory that
diverged: the alignment index, whose large and small values both say something.

Scores of trajectories keep their batch axes, one number for each trajectory, because a single one
often dominates a mean over trajectories.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._angles import shorter_way
from hnn_tutorial._as_numpy import as_numpy
from hnn_tutorial._validate import (
    as_device,
    as_number,
    as_times,
    check_count,
    check_dtype,
    check_finite,
    check_positive,
    check_state,
    check_vector,
    checked_field,
    checked_scalar,
    describe,
)
from hnn_tutorial.integrators import MOST_STEPS, fixed_step, integrate
from hnn_tutorial.mechanics import time_reversal
from hnn_tutorial.random import as_generator

__all__ = [
    "MeshError",
    "Spread",
    "alignment_index",
    "coordinate_error",
    "energy_drift",
    "energy_error",
    "energy_gain",
    "field_error",
    "lyapunov_exponent",
    "mesh_error",
    "over_seeds",
    "phase_volume_change",
    "time_reversal_error",
    "turning_rate",
    "valid_prediction_time",
]

Field = Callable[[Tensor], Tensor]
ScalarFunction = Callable[[Tensor], Tensor]

_CHUNK = 65536


def field_error(field: Field, true_field: Field, states: Tensor) -> float:
    r"""Return the mean squared error of a field, free of noise.

    .. math:: \frac{1}{Nd} \sum_{i=1}^{N} \| f_\theta(x_i) - f(x_i) \|^2

    Measured against the true field, not against noisy derivatives, whose noise would hide
    what is left of the error.

    Args:
        field: the learned field.
        true_field: the true one.
        states: where to compare, ``(..., d)``; states that were not trained on.

    Returns:
        The error, in squared units of the derivatives; infinity if the field is not finite
        everywhere.

    Raises:
        ValueError: if there are no states, or the true field is not finite at one.
    """
    check_vector(states, "states")
    if states.numel() == 0:
        raise ValueError(f"states has shape {tuple(states.shape)}; expected at least one state")
    field, true_field = checked_field(field), checked_field(true_field, "true_field")
    with torch.no_grad():
        true = true_field(states)
        check_finite(true, "the true field")
        return _infinite_if_nan((field(states) - true).square().mean()).item()


def energy_error(states: Tensor, hamiltonian: ScalarFunction, reference: Tensor) -> Tensor:
    r"""Return the mean squared error of the true energy along a predicted motion.

    .. math:: \frac{1}{T} \sum_{k=1}^{T} \left( H(\hat x_k) - H(x_k) \right)^2

    H is the true Hamiltonian, on both motions: a learned one is conserved by its own motion
    however wrong it is. The horizon is that of ``reference``.

    Args:
        states: predicted, ``(T, ..., 2n)``.
        hamiltonian: the true H, in J.
        reference: true states at the same times, ``(T, ..., 2n)``.

    Returns:
        One error for each trajectory, ``(...)``, in J²; infinity where it diverged.

    Raises:
        ValueError: if shapes differ, or the reference is not finite.

    References:
        Greydanus et al. 2019, table 1.
    """
    _check_pair(states, reference)
    hamiltonian = checked_scalar(hamiltonian, "hamiltonian")
    with torch.no_grad():
        difference = hamiltonian(states) - hamiltonian(reference)
    return _mean_square_in_time(difference, states)


def energy_drift(states: Tensor, hamiltonian: ScalarFunction) -> Tensor:
    r"""Return the largest relative departure of an energy from its first value.

    .. math:: \max_k \left| \frac{H(x_k) - H(x_0)}{H(x_0)} \right|

    It needs no reference: it asks whether the motion keeps its energy, not whether it is
    right. With H(x₀) = 0 the ratio is infinite unless nothing changes.

    Args:
        states: ``(T, ..., 2n)``.
        hamiltonian: H, true or learned. A learned one should be measured from its minimum, as
            it is right up to a constant only.

    Returns:
        One drift for each trajectory, ``(...)``; infinity where it diverged.
    """
    _check_motion(states, "states")
    hamiltonian = checked_scalar(hamiltonian, "hamiltonian")
    with torch.no_grad():
        energy = hamiltonian(states)
        change = (energy - energy[0]).abs().amax(0)
        drift = torch.where(change == 0, torch.zeros_like(change), change / energy[0].abs())
    return _infinite_where_diverged(drift, states)


def energy_gain(
    field: Field,
    hamiltonian: ScalarFunction,
    x0: Tensor,
    duration: float,
    method: str = "rk4",
    *,
    step: float = 0.05,
) -> Tensor:
    r"""Return the share of its energy that a motion gains in a given time.

    .. math:: \frac{H(\varphi_t(x_0)) - H(x_0)}{H(x_0)}

    Over one period it shows, start by start, where a learned field gains energy and where it loses
    some. Where the gain changes sign from plus to minus as orbits grow, the motion settles on a
    limit cycle.

    Args:
        field: the learned field.
        hamiltonian: the true H, in J, measured from its minimum.
        x0: initial states, ``(..., 2n)``.
        duration: t, in s.
        method: a fixed-step key of ``METHODS``.
        step: as in ``integrate``, in s.

    Returns:
        One share for each start, ``(...)``, negative for a loss; infinity where it diverged.
    """
    check_state(x0, "x0")
    check_positive(duration=duration)
    hamiltonian = checked_scalar(hamiltonian, "hamiltonian")
    with torch.no_grad():
        end = integrate(field, x0, [0.0, float(duration)], method, step=step)
        gain = hamiltonian(end[-1]) / hamiltonian(x0) - 1
    return _infinite_where_diverged(gain, end)


def coordinate_error(predicted: Tensor, true: Tensor, angles: Sequence[int] = ()) -> Tensor:
    r"""Return the mean squared error of a predicted motion, in its coordinates.

    .. math:: \frac{1}{Td} \sum_{k=1}^{T} \| \hat x_k - x_k \|^2, \qquad d = 2n

    Args:
        predicted: ``(T, ..., 2n)``.
        true: states at the same times, ``(T, ..., 2n)``.
        angles: indices of the components that are angles in rad: they differ by the shorter way
            round, so that whole turns do not count.

    Returns:
        One error for each trajectory, ``(...)``, in squared units of the state; infinity
        where it diverged.

    Raises:
        ValueError: if shapes differ, or the true states are not finite.
    """
    _check_pair(predicted, true)
    missed = shorter_way(predicted - true, angles)
    return _mean_square_in_time(missed, predicted, axes=(0, -1))


def valid_prediction_time(
    predicted: Tensor,
    true: Tensor,
    times: Tensor | Sequence[float],
    threshold: float = 0.4,
    angles: Sequence[int] = (),
) -> Tensor:
    r"""Return how long a prediction stays within a threshold of the truth.

    .. math:: t^* = \min \{ t_k : \varepsilon_k > \text{threshold} \} - t_0, \qquad
              \varepsilon_k = \frac{\| \hat x_k - x_k \|}{\sqrt{\frac 1T \sum_j \| x_j \|^2}}

    The norm adds positions and momenta, so both should be of similar size; if they are not, give
    states in normalised coordinates.

    Args:
        predicted: ``(T, ..., 2n)``.
        true: states at the same times, ``(T, ..., 2n)``.
        times: ``(T,)``, strictly increasing.
        threshold: the largest error that still counts as valid.
        angles: as in ``coordinate_error``; the scale of an angle is that of the true states as
            they are given.

    Returns:
        One time for each trajectory, ``(...)``. A prediction that stays within the threshold
        to the end scores the whole span, which is then a lower bound. One that diverges
        exceeds the threshold where it does.

    Raises:
        ValueError: if shapes differ, or the true states are not finite.

    References:
        Pathak et al. 2018 (who use 0.4).
    """
    _check_pair(predicted, true)
    check_positive(threshold=threshold)
    times = as_times(times, forwards=True).to(true.device)
    if times.shape != true.shape[:1]:
        raise ValueError(
            f"times has shape {tuple(times.shape)}, the states have {len(true)} times; they must "
            "match"
        )
    distance = shorter_way(predicted - true, angles).norm(dim=-1)
    scale = true.square().sum(-1).mean(0).sqrt()
    # Written without a division, so that a state at rest at the origin has a threshold of 0;
    # negated, so that a NaN is beyond it.
    beyond = ~(distance <= threshold * scale)
    first = beyond.to(torch.int8).argmax(0)
    end = torch.full_like(first, len(times) - 1)
    return (times[torch.where(beyond.any(0), first, end)] - times[0]).to(true)


@dataclass(frozen=True)
class MeshError:
    """The relative error of a field over a mesh of the phase plane.

    Attributes:
        q: ``(points,)``, the mesh's positions.
        p: ``(points,)``, its momenta.
        relative: ``(points, points)``, row i at ``p[i]``, column j at ``q[j]``. Where the true
            field vanishes the relative error has no meaning: infinity stands there.
        singular: ``(points, points)`` booleans, the points where the true field vanishes.
    """

    q: Tensor
    p: Tensor
    relative: Tensor
    singular: Tensor

    def fraction_below(self, bound: float) -> float:
        """Return the share of the points with an error of at most ``bound``.

        Points where the true field vanishes (``singular``) are not counted.
        """
        check_positive(bound=bound)
        return (self.relative[~self.singular] <= float(bound)).double().mean().item()

    @property
    def largest(self) -> float:
        """The largest relative error at a point where the true field does not vanish."""
        return self.relative[~self.singular].max().item()


def mesh_error(
    field: Field,
    true_field: Field,
    radius: float,
    points: int = 201,
    *,
    dtype: torch.dtype = torch.float64,
    device: torch.device | str | None = None,
) -> MeshError:
    r"""Return the relative error of a field on a mesh over :math:`[-R, R]^2`.

    .. math:: \varepsilon(q, p) = \frac{\| f_\theta(q, p) - f(q, p) \|}{\| f(q, p) \|}

    for systems of one degree of freedom. An odd number of points puts one of them on the
    origin, where the field of an oscillator is zero and ε is undefined: points where
    :math:`\|f\|` is below 1e-12 of its largest value are marked as singular and left out of
    every share. Nothing else is left out, however large its error.

    Args:
        field: the learned field.
        true_field: the true one.
        radius: half the side of the square.
        points: along each axis.
        dtype: of the mesh.
        device: of the mesh.

    Returns:
        The error at each point.

    Raises:
        ValueError: for fewer than two points or a radius that is not positive, or if the true
            field is not finite on the mesh.
    """
    check_positive(radius=radius)
    check_count(points=points)
    if points < 2:
        raise ValueError(f"points = {points}; expected at least 2 along each axis")
    check_dtype(dtype)
    field, true_field = checked_field(field), checked_field(true_field, "true_field")
    axis = torch.linspace(-radius, radius, points, dtype=dtype, device=as_device(device))
    p, q = torch.meshgrid(axis, axis, indexing="ij")
    states = torch.stack([q, p], dim=-1).reshape(-1, 2)
    with torch.no_grad():
        true = torch.cat([true_field(part) for part in states.split(_CHUNK)])
        check_finite(true, "the true field")
        predicted = torch.cat([field(part) for part in states.split(_CHUNK)])
        size = true.norm(dim=-1)
        singular = size <= 1e-12 * size.max()
        relative = (predicted - true).norm(dim=-1) / size
        relative = torch.where(singular, torch.inf, _infinite_if_nan(relative))
    shape = (points, points)
    return MeshError(axis, axis, relative.reshape(shape), singular.reshape(shape))


def phase_volume_change(
    field: Field,
    x0: Tensor,
    times: Tensor | Sequence[float],
    method: str = "rk4",
    *,
    step: float | None = None,
) -> Tensor:
    r"""Return the logarithm of the factor by which a small phase volume has grown.

    .. math:: \ln \left| \det \frac{\partial x(t_k)}{\partial x_0} \right|
              = \int_{t_0}^{t_k} \nabla \cdot f(x(t))\,dt

    Zero at all times for a Hamiltonian field (Liouville); −γt for friction :math:`\dot p =
    \dots - \gamma p`. The flow is differentiated through the integrator, so the integrator's
    own change of volume is in the score: with a symplectic one it is zero to rounding.

    Args:
        field: the field.
        x0: initial states, ``(..., 2n)``.
        times: ``(T,)``.
        method: a fixed-step key of ``METHODS``.
        step: as in ``integrate``.

    Returns:
        Shape ``(T, ...)``; zero at the first time, infinity from where a trajectory diverged
        or its volume collapsed to nothing.

    Raises:
        ValueError: for an adaptive method, which chooses its own steps, or fewer than two times.
    """
    check_state(x0, "x0")
    check_finite(x0, "x0")
    times = as_times(times)
    if len(times) < 2:
        raise ValueError(f"{len(times)} time; expected at least two")
    x, total = x0.detach(), x0.new_zeros(x0.shape[:-1])
    changes = [total]
    # Determinants multiply along the motion: one interval at a time is cheaper than the whole,
    # and stays accurate where the whole Jacobian would be ill-conditioned.
    for interval in times.unfold(0, 2, 1):
        J, x = _flow_jacobian(field, x, interval, method, step)
        change = torch.linalg.slogdet(J).logabsdet
        lost = ~(torch.isfinite(change) & torch.isfinite(x).all(-1))
        total = total + torch.where(lost, torch.inf, change)
        # Lost trajectories go on from their start, so that the others can; they stay at infinity.
        x = torch.where(lost.unsqueeze(-1), x0, x)
        changes.append(total)
    return torch.stack(changes)


def _flow_jacobian(
    field: Field, x: Tensor, interval: Tensor, method: str, step: float | None
) -> tuple[Tensor, Tensor]:
    """Return the derivative of the end of a motion by its start, and the end."""
    start = x.detach().requires_grad_()
    with torch.enable_grad():
        end = integrate(field, start, interval, method, step=step)[-1]
        rows = [
            torch.autograd.grad(end[..., i].sum(), start, retain_graph=True)[0]
            for i in range(x.shape[-1])
        ]
    return torch.stack(rows, dim=-2), end.detach()


def time_reversal_error(
    field: Field,
    x0: Tensor,
    times: Tensor | Sequence[float],
    method: str = "rk4",
    *,
    step: float | None = None,
    **options: Any,
) -> Tensor:
    r"""Return how far from its start a motion ends after it was reversed half way.

    .. math:: \| R\, \varphi_t (R\, \varphi_t (x_0)) - x_0 \|, \qquad R\,[q, p] = [q, -p]

    Run for a while, reverse the momentum, run as long again, reverse it once more: a system with
    H(q, p) = H(q, −p) is back where it began. This is physical reversibility, a property of the
    field. Integrating with negative time is another thing: it retraces *any* smooth motion, that of
    friction too, and so tests the integrator alone. A learned Hamiltonian is not exactly even in p,
    and this score shows by how much.

    Args:
        field: the field, of ``[q, p]`` or ``[q, q̇]``.
        x0: initial states, ``(..., 2n)``.
        times: ``(T,)``, strictly increasing; the way back takes the same gaps in reverse.
        method: a key of ``METHODS``.
        step: as in ``integrate``.
        options: as in ``integrate``.

    Returns:
        One distance for each trajectory, ``(...)``, in units of the state; infinity where it
        diverged on the way.
    """
    check_state(x0, "x0")
    times = as_times(times, forwards=True)
    with torch.no_grad():
        turned = time_reversal(integrate(field, x0, times, method, step=step, **options)[-1])
        # Lost trajectories go back from their start, so that the others can; they are marked.
        lost = ~torch.isfinite(turned).all(-1)
        turned = torch.where(lost.unsqueeze(-1), time_reversal(x0), turned)
        back = times[-1] - times.flip(0)
        end = time_reversal(integrate(field, turned, back, method, step=step, **options)[-1])
        distance = _infinite_if_nan((end - x0).norm(dim=-1))
    return torch.where(lost, torch.inf, distance)


def lyapunov_exponent(
    field: Field,
    x0: Tensor,
    duration: float,
    method: str = "rk4",
    *,
    step: float = 0.05,
    gap: float = 1.0,
    distance: float = 1e-7,
    seed: int | torch.Generator = 0,
) -> Tensor:
    r"""Return the mean rate at which a neighbour departs from a motion.

    .. math:: \lambda = \frac{1}{K \tau} \sum_{k=1}^{K} \ln \frac{d_k}{d}, \qquad K\tau = T

    The neighbour starts at the distance d in a random direction. After each gap τ its distance is
    :math:`d_k`, and it is moved back along the same direction to the distance d. For long times
    this is the largest Lyapunov exponent, whatever the first
    direction: where it is positive, small errors grow as :math:`e^{\lambda t}` in the mean. For a
    motion that is not chaotic it falls to zero as :math:`\ln(T)/T`, not at once.

    Args:
        field: the field, true or learned.
        x0: starts, ``(..., 2n)``.
        duration: T, in s; cut to a whole number of gaps.
        method: a fixed-step key of ``METHODS``.
        step: as in ``integrate``, in s.
        gap: τ, in s; so short that a neighbour stays near.
        distance: d, in units of the state.
        seed: draws the first directions.

    Returns:
        One rate for each start, ``(...)``, in 1/s; infinity where the motion diverged.

    Raises:
        ValueError: for a duration shorter than one gap, or of more than 10⁸.

    References:
        Benettin et al. 1976.
    """
    check_state(x0, "x0")
    check_positive(duration=duration, gap=gap, distance=distance)
    if not 1 <= duration / gap + 1e-9 <= MOST_STEPS:
        raise ValueError(
            f"duration = {duration} s is {duration / gap:.3g} gaps of {gap} s; expected from 1 to "
            f"{MOST_STEPS:g}"
        )
    rounds = int(duration / gap + 1e-9)
    direction = torch.randn(x0.shape, generator=as_generator(seed), dtype=torch.float64).to(x0)
    x, offset = x0, distance * direction / direction.norm(dim=-1, keepdim=True)
    total = x0.new_zeros(x0.shape[:-1])
    with torch.no_grad():
        for _ in range(rounds):
            both = torch.stack([x, x + offset])
            x, neighbour = integrate(field, both, [0.0, gap], method, step=step)[-1]
            apart = neighbour - x
            reached = apart.norm(dim=-1, keepdim=True)
            # A lost motion begins again, so that the others of its batch can go on.
            lost = ~torch.isfinite(reached)
            total = total + torch.where(lost, torch.inf, (reached / distance).log()).squeeze(-1)
            x = torch.where(lost, x0, x)
            offset = torch.where(lost, offset, apart * (distance / reached))
    return total / (rounds * gap)


def alignment_index(
    field: Field,
    x0: Tensor,
    times: Tensor | Sequence[float],
    method: str = "rk4",
    *,
    step: float | None = None,
    seed: int | torch.Generator = 0,
) -> Tensor:
    r"""Return the smaller alignment index of motions, which tells order from chaos.

    .. math:: \operatorname{SALI}(t) = \min\left(
              \left\| \hat v_1 + \hat v_2 \right\|, \left\| \hat v_1 - \hat v_2 \right\| \right),
              \qquad \dot v_i = Df(x(t))\, v_i, \qquad \hat v_i = \frac{v_i}{\|v_i\|}

    Two small deviations from a motion, orthogonal at first and in random directions, follow the
    linearised field. Where the motion is chaotic, both turn to the direction that grows fastest,
    and the index falls as :math:`e^{-(\lambda_1 - \lambda_2) t}` with the two largest Lyapunov
    exponents, soon to rounding. On a torus of two or more dimensions it stays near a constant;
    where the torus is a circle, as with one degree of freedom, it falls as a power of t. So a
    threshold such as 10⁻⁴ separates the two long before the largest Lyapunov exponent has settled.

    The derivative along a deviation is the central difference
    :math:`(f(x + \varepsilon \hat v) - f(x - \varepsilon \hat v)) / 2\varepsilon`, five states of
    the field in one call. It is right to about 10⁻¹⁰ (in float64), which is where the index stops
    falling, and takes half the time of automatic differentiation for networks of the usual
    size, and a tenth for a formula.

    Args:
        field: the field, true or learned.
        x0: starts, ``(..., d)`` with d ≥ 2, such as ``[q, p]``.
        times: ``(T,)``. At each of them the deviations return to the length 1, so the gaps must be
            short enough that they do not overflow.
        method: a fixed-step key of ``METHODS``.
        step: as in ``integrate``; None makes one step of each gap.
        seed: draws the first deviations.

    Returns:
        Shape ``(T, ...)``, between 0 and √2, without unit; √2 at the first time, and NaN from where
        a motion diverged.

    Raises:
        ValueError: for an adaptive method, or one that does not suit the field, states of one
            component, or fewer than two times.

    References:
        Skokos 2001.
    """
    width = check_vector(x0, "x0")
    if width < 2:
        raise ValueError("x0 has one component; two deviations need at least two")
    check_finite(x0, "x0")
    times = as_times(times)
    if len(times) < 2:
        raise ValueError(f"{len(times)} time; expected at least two")
    _, advance = fixed_step(method)
    still = checked_field(field)
    integrate(still, x0, times[:1], method, step=step)  # checks whether the method suits the field
    gaps = times.diff().tolist()
    longest = max(map(abs, gaps)) if step is None else float(step)
    if max(map(abs, gaps)) / longest > MOST_STEPS:
        raise ValueError(f"step = {longest:g} is too short for gaps of {max(map(abs, gaps)):g}")
    # Where the states are made of pairs, the long state begins with the positions of all three, so
    # that a splitting method finds positions and momenta where it expects them.
    halves = 2 if width % 2 == 0 else 1
    epsilon = torch.finfo(x0.dtype).eps ** (1 / 3)
    tiny = torch.finfo(x0.dtype).tiny

    def joined(x: Tensor, v: Tensor) -> Tensor:
        all_three = torch.cat([x.unsqueeze(-2), v], dim=-2)
        return all_three.unflatten(-1, (halves, -1)).transpose(-2, -3).flatten(-3)

    def parted(z: Tensor) -> tuple[Tensor, Tensor]:
        all_three = z.unflatten(-1, (halves, 3, -1)).transpose(-2, -3).flatten(-2)
        return all_three[..., 0, :], all_three[..., 1:, :]

    def long_field(z: Tensor) -> Tensor:
        x, v = parted(z)
        length = v.square().sum(-1, keepdim=True).sqrt().clamp(min=tiny)
        shift = epsilon * v / length
        middle = x.unsqueeze(-2)
        f, ahead, behind = still(torch.cat([middle, middle + shift, middle - shift], -2)).split(
            (1, 2, 2), dim=-2
        )
        rate = (ahead - behind) * length / (2 * epsilon)
        return joined(f.squeeze(-2), rate)

    with torch.no_grad():
        draws = torch.randn(
            (*x0.shape, 2), generator=as_generator(seed), dtype=torch.float64, device="cpu"
        )
        first = torch.linalg.qr(draws).Q.mT.to(x0)
        z = joined(x0, first)
        # Differences of values that are rounded otherwise, divided by 2ε.
        by_numpy = as_numpy(field, z, lambda _, z, h: advance(long_field, z, h), longest, 1e-9)
        x, v, lost = x0, first, torch.zeros_like(x0[..., 0], dtype=torch.bool)
        indices = [_alignment(v)]
        for gap in gaps:
            steps = max(1, math.ceil(abs(gap) / longest - 1e-9))
            z = joined(x, v)
            for _ in range(steps):
                if by_numpy is None:
                    z = advance(long_field, z, gap / steps)
                else:
                    with np.errstate(all="ignore"):  # PyTorch has no word for a lost motion either
                        z = torch.from_numpy(by_numpy(z.numpy(), gap / steps))
            x, v = parted(z)
            length = v.norm(dim=-1, keepdim=True)
            lost = lost | ~(torch.isfinite(z).all(-1) & (length > 0).all((-1, -2)))
            # Lost motions begin again, so that the others can go on; they stay NaN.
            x = torch.where(lost.unsqueeze(-1), x0, x)
            v = torch.where(lost[..., None, None], first, v / length)
            indices.append(torch.where(lost, torch.nan, _alignment(v)))
    return torch.stack(indices)


def _alignment(v: Tensor) -> Tensor:
    """Return the smaller of the norms of sum and difference of two unit vectors ``(..., 2, d)``."""
    first, second = v.unbind(-2)
    return torch.minimum((first + second).norm(dim=-1), (first - second).norm(dim=-1))


def turning_rate(states: Tensor, times: Tensor | Sequence[float]) -> Tensor:
    r"""Return the mean angular frequency of a motion around the origin of the phase plane.

    .. math:: \frac{\alpha(t_T) - \alpha(t_0)}{t_T - t_0}, \qquad
              \alpha = \operatorname{atan2}(-p, q) \text{ without jumps}

    It counts whole turns, clockwise as a spring makes them, so that in units in which the
    orbit is a circle it is the angular frequency. Two successive states must lie less than
    half a turn apart.

    Args:
        states: of one degree of freedom, ``(T, ..., 2)``.
        times: ``(T,)``, in s.

    Returns:
        One rate for each trajectory, ``(...)``, in rad/s; infinity where it diverged.

    Raises:
        ValueError: if the states have another shape, or fewer than two times.
    """
    if check_state(states, "states") != 1 or states.ndim < 2 or len(states) < 2:
        raise ValueError(f"states has shape {tuple(states.shape)}; expected (T, ..., 2), T ≥ 2")
    times = as_times(times, forwards=True)
    if len(times) != len(states):
        raise ValueError(f"{len(times)} times for {len(states)} states; they must match")
    turns = torch.atan2(-states[..., 1], states[..., 0]).diff(dim=0)
    turns = torch.remainder(turns + torch.pi, 2 * torch.pi) - torch.pi
    return _infinite_where_diverged(turns.sum(0) / float(times[-1] - times[0]), states)


@dataclass(frozen=True)
class Spread:
    """A score over several seeds.

    Attributes:
        median: the middle value, or the mean of the two middle ones.
        low: the smallest value.
        high: the largest value.
        values: all of them, in the order given.
    """

    median: float
    low: float
    high: float
    values: tuple[float, ...]

    def __str__(self) -> str:
        return f"{self.median:.3g} [{self.low:.3g}, {self.high:.3g}]"


def over_seeds(values: Iterable[float] | Tensor) -> Spread:
    """Return the median and the range of a score over seeds.

    The range, not a standard deviation: there are few seeds, and their scores are often
    spread over orders of magnitude. A diverged seed counts, as infinity.

    Args:
        values: one score for each seed.

    Returns:
        Median, smallest, largest, and all values.

    Raises:
        ValueError: if there is no value, or one is NaN.
    """
    if not isinstance(values, Iterable) or getattr(values, "ndim", 1) != 1:
        raise TypeError(f"values is {describe(values)}; expected one score for each seed")
    numbers = tuple(as_number("score", v) for v in values)
    if not numbers:
        raise ValueError("no values; expected one score for each seed")
    if any(math.isnan(v) for v in numbers):
        raise ValueError(f"a score is NaN in {numbers}; a diverged run should score inf")
    return Spread(median(numbers), min(numbers), max(numbers), numbers)


def _check_motion(states: Tensor, name: str) -> None:
    check_state(states, name)
    if states.ndim < 2 or len(states) == 0:
        raise ValueError(f"{name} have shape {tuple(states.shape)}; expected (T, ..., 2n), T ≥ 1")


def _check_pair(states: Tensor, reference: Tensor) -> None:
    _check_motion(states, "the predicted states")
    _check_motion(reference, "the true states")
    if states.shape != reference.shape:
        raise ValueError(
            f"predicted states have shape {tuple(states.shape)}, true ones "
            f"{tuple(reference.shape)}; expected both (T, ..., 2n)"
        )
    check_finite(reference, "the true motion")


def _infinite_if_nan(x: Tensor) -> Tensor:
    return torch.where(torch.isnan(x), torch.inf, x)


def _infinite_where_diverged(score: Tensor, states: Tensor) -> Tensor:
    finite = torch.isfinite(states).all(-1).all(0)
    return torch.where(finite, _infinite_if_nan(score), torch.inf)


def _mean_square_in_time(
    difference: Tensor, states: Tensor, axes: tuple[int, ...] = (0,)
) -> Tensor:
    return _infinite_where_diverged(difference.square().mean(axes), states)
