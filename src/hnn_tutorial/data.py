"""From a system to a dataset: trajectories, derivatives, noise, normalisation, splits."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import InitVar, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hnn_tutorial._angles import check_angles, whole_turns
from hnn_tutorial._validate import (
    anywhere,
    as_device,
    as_tensor,
    as_times,
    check_dtype,
    check_finite,
    check_not_negative,
    check_positive,
    check_state,
    check_tensor,
    check_type,
    check_vector,
    checked_field,
    checked_scalar,
)
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import Field, ScalarFunction
from hnn_tutorial.random import as_generator
from hnn_tutorial.systems import System

__all__ = [
    "Dataset",
    "Normalization",
    "Trajectories",
    "add_noise",
    "central_differences",
    "simulate",
    "unwrap",
]


def add_noise(x: Tensor, sigma: float, seed: int | torch.Generator) -> Tensor:
    """Return ``x`` with independent Gaussian noise of standard deviation ``sigma`` added.

    Args:
        x: any floating-point tensor.
        sigma: standard deviation, in the units of ``x``; zero adds nothing.
        seed: integer or generator.

    Returns:
        A new tensor of the same shape.

    Raises:
        ValueError: if ``sigma`` is negative or not finite.
    """
    check_tensor(x)
    check_not_negative(sigma=sigma)
    noise = torch.randn(x.shape, generator=as_generator(seed), dtype=torch.float64)
    return x + sigma * noise.to(x)


def unwrap(states: Tensor | np.ndarray, angles: Sequence[int]) -> Tensor:
    r"""Return observed states whose angles go on where they were recorded modulo a turn.

    From one time to the next an angle is taken to have gone the shorter way round: a jump from
    3.1 to −3.1 becomes a step to 3.18. The first value stays as it is.

    Args:
        states: ``(T, ..., d)``, in time order, angles in rad.
        angles: indices of the components that are angles, such as ``system.angles``.

    Returns:
        States of the same shape; only the angles differ, by whole turns.

    Raises:
        ValueError: for an index that is no component.
    """
    states = as_tensor(states)
    check_tensor(states, "states")
    if states.ndim < 2:
        raise ValueError(f"states has shape {tuple(states.shape)}; expected (T, ..., d)")
    return states + math.tau * whole_turns(states, check_angles(angles, states.shape[-1]))


def _warn_of_turns(states: Tensor, what: str) -> None:
    """Warn where a component looks like an angle that was recorded modulo a turn.

    That is one which stays within a turn, and between two times jumps by three quarters of it:
    an angle would have to be seen less than four times in a turn to do so by itself.
    """
    q = states.detach()[..., : max(1, states.shape[-1] // 2)] if states.ndim > 1 else states
    if len(q) < 2:
        return
    axes = tuple(range(q.ndim - 1))
    low, high = (q.amin(axes), q.amax(axes)) if axes else (q.min(), q.max())
    half = math.pi * (1 + 1e-6)
    within = ((low >= -half) & (high <= half)) | ((low >= 0) & (high <= 2 * half))
    jump = q.diff(dim=0).abs()
    jump = jump.amax(axes) if axes else jump.max()
    turned = torch.atleast_1d(within & (jump > 1.5 * math.pi))
    if anywhere(turned):
        found = turned.nonzero().flatten().tolist()
        warnings.warn(
            f"{what}: component {found[0]} jumps by {float(torch.atleast_1d(jump)[found[0]]):.3g} "
            f"within one turn, as an angle recorded modulo 2π does. If it is one, pass "
            f"angles={found}; if not, angles=None",
            stacklevel=4,
        )


def central_differences(
    states: Tensor | np.ndarray,
    times: Tensor | Sequence[float],
    angles: Sequence[int] | None = (),
) -> Tensor:
    r"""Estimate time derivatives from observed states alone, for even or uneven times.

    The estimate is the slope of the parabola through three neighbours: at the middle one, or, at
    the two ends of the data, at the outer one. With the gap a before and b after,

    .. math:: \dot x_k \approx \frac{1}{a+b}\left(b\,\frac{x_k - x_{k-1}}{a}
              + a\,\frac{x_{k+1} - x_k}{b}\right),

    and the error falls as the square of the gap.

    Args:
        states: ``(T, ..., d)``, T ≥ 3, observed at the times.
        times: ``(T,)``, strictly increasing.
        angles: indices of the components that are angles in rad, which go the shorter way round
            from one time to the next. Without any, a jump that looks like a turn brings a
            warning; None keeps it quiet.

    Returns:
        Derivatives, the shape of ``states``.

    Raises:
        ValueError: for fewer than three times, a mismatch of lengths, or times that do not
            strictly increase.
    """
    states = as_tensor(states)
    check_tensor(states, "states")
    # A clock keeps its 64 bits until it is differenced: in float32 one from 1970 ticks by minutes.
    times = as_times(times, forwards=True)
    if states.ndim == 0 or len(times) != len(states):
        raise ValueError(
            f"states has shape {tuple(states.shape)} and times {tuple(times.shape)}; their first "
            "axes must match"
        )
    if len(times) < 3:
        raise ValueError(f"{len(times)} times; a central difference needs at least 3")
    states = _continued(states, angles, "states")
    gaps = times.diff().to(states).reshape(-1, *[1] * (states.ndim - 1))
    slopes = states.diff(dim=0) / gaps
    a, b = gaps[:-1], gaps[1:]
    middle = (b * slopes[:-1] + a * slopes[1:]) / (a + b)
    first = slopes[:1] + (slopes[:1] - middle[:1])
    last = slopes[-1:] + (slopes[-1:] - middle[-1:])
    return torch.cat([first, middle, last])


@dataclass(frozen=True, init=False)
class Dataset:
    """States with their time derivatives, and the trajectory that each came from.

    Attributes:
        states: ``(N, d)``, with d = 2n for ``[q, p]``; as an argument, a NumPy array will do.
        derivatives: ``(N, d)``, the targets of a derivative loss.
        trajectory: ``(N,)`` integers; states with the same number came from one trajectory.
            None gives each state its own number.

    Raises:
        ValueError: if the dataset is empty, shapes do not match, or a value is not finite.
        TypeError: if states or derivatives are not floating-point tensors.
    """

    states: Tensor
    derivatives: Tensor
    trajectory: Tensor

    def __init__(
        self,
        states: Tensor | np.ndarray,
        derivatives: Tensor | np.ndarray,
        trajectory: Tensor | np.ndarray | None = None,
    ) -> None:
        states, derivatives = as_tensor(states), as_tensor(derivatives)
        check_vector(states, "states")
        check_vector(derivatives, "derivatives")
        if states.ndim != 2:
            raise ValueError(f"states has shape {tuple(states.shape)}; expected (N, d)")
        if len(states) == 0:
            raise ValueError("the dataset is empty; expected at least one state")
        if derivatives.shape != states.shape:
            raise ValueError(
                f"derivatives has shape {tuple(derivatives.shape)}, states has "
                f"{tuple(states.shape)}; they must be equal"
            )
        check_finite(states, "states")
        check_finite(derivatives, "derivatives")
        if trajectory is None:
            trajectory = torch.arange(len(states), device=states.device)
        trajectory = as_tensor(trajectory)
        check_type(Tensor, "a tensor of integers", trajectory=trajectory)
        if trajectory.shape != (len(states),):
            raise ValueError(
                f"trajectory has shape {tuple(trajectory.shape)}; expected one number for "
                f"each of the {len(states)} states"
            )
        if trajectory.is_floating_point() or trajectory.is_complex():
            raise TypeError(f"trajectory has dtype {trajectory.dtype}; expected integers")
        # The class is frozen, so that its own fields too are set past it.
        object.__setattr__(self, "states", states)
        object.__setattr__(self, "derivatives", derivatives)
        object.__setattr__(self, "trajectory", trajectory)

    def __len__(self) -> int:
        return len(self.states)

    def __getitem__(self, index: int | slice | Tensor) -> "Dataset":
        """Return the states selected by an index, a slice, a mask or a tensor of indices."""
        if isinstance(index, int) and not isinstance(index, bool):
            if not -len(self) <= index < len(self):
                raise IndexError(f"index {index} of a dataset of {len(self)} states")
            index = index % len(self)
            index = slice(index, index + 1)
        return Dataset(self.states[index], self.derivatives[index], self.trajectory[index])

    def __add__(self, other: "Dataset") -> "Dataset":
        """Return both datasets in one; the other's trajectories are numbered after this one's.

        Raises:
            ValueError: if their states have different widths or dtypes, or are on different
                devices.
        """
        if not isinstance(other, Dataset):
            return NotImplemented
        _check_alike(self.states, other.states)
        _, again = other.trajectory.unique(return_inverse=True)
        return Dataset(
            torch.cat([self.states, other.states]),
            torch.cat([self.derivatives, other.derivatives]),
            torch.cat([self.trajectory, again + self.trajectory.max() + 1]),
        )

    def to(
        self,
        device: torch.device | str | torch.dtype | None = None,
        dtype: torch.dtype | None = None,
    ) -> "Dataset":
        """Return the dataset on another device or in another dtype.

        Args:
            device: None leaves it where it is; a dtype alone may stand here too.
            dtype: of states and derivatives; None leaves it as it is.
        """
        device, dtype = _destination(self.states, device, dtype)
        return Dataset(
            self.states.to(device=device, dtype=dtype),
            self.derivatives.to(device=device, dtype=dtype),
            self.trajectory.to(device=device),
        )

    def split(
        self, test_fraction: float, seed: int | torch.Generator
    ) -> tuple["Dataset", "Dataset"]:
        """Split by trajectory, so that no trajectory is on both sides.

        Neighbours on one trajectory are nearly equal: a split by state would test on what
        was trained on.

        Args:
            test_fraction: share of the trajectories to hold out, between 0 and 1.
            seed: integer or generator.

        Returns:
            ``(train, test)``.

        Raises:
            ValueError: if either side would be left without a trajectory.
        """
        check_not_negative(test_fraction=test_fraction)
        numbers = self.trajectory.unique()
        held_out = round(float(test_fraction) * len(numbers))
        if not 0 < held_out < len(numbers):
            raise ValueError(
                f"test_fraction = {test_fraction} of {len(numbers)} trajectories leaves one side "
                "empty; choose another fraction or simulate more trajectories"
            )
        order = torch.randperm(len(numbers), generator=as_generator(seed)).to(numbers.device)
        test = torch.isin(self.trajectory, numbers[order[:held_out]])
        return self[~test], self[test]


@dataclass(frozen=True)
class Trajectories:
    """A batch of trajectories observed at the same times.

    Attributes:
        times: ``(T,)``, in s, strictly increasing; the gaps may differ.
        states: ``(T, B, d)``, with d = 2n for ``[q, p]``; without jumps where an angle passes ±π.

    Args:
        times: a tensor or a NumPy array.
        states: likewise.
        angles: indices of the components that are angles in rad, such as ``system.angles``:
            recorded modulo a turn, they are continued (see ``unwrap``). Without any, a jump that
            looks like a turn brings a warning; None keeps it quiet.

    Raises:
        ValueError: if shapes do not match, or a value is not finite.
    """

    times: Tensor
    states: Tensor
    angles: InitVar[Sequence[int] | None] = ()

    def __post_init__(self, angles: Sequence[int] | None) -> None:
        object.__setattr__(self, "times", as_tensor(self.times))
        object.__setattr__(self, "states", as_tensor(self.states))
        check_vector(self.states, "states")
        check_tensor(self.times, "times")
        if self.states.ndim != 3 or self.times.shape != self.states.shape[:1]:
            raise ValueError(
                f"times has shape {tuple(self.times.shape)}, states has "
                f"{tuple(self.states.shape)}; expected (T,) and (T, B, d)"
            )
        check_finite(self.states, "states")
        as_times(self.times, forwards=True)
        object.__setattr__(self, "states", _continued(self.states, angles, "states"))

    def __add__(self, other: "Trajectories") -> "Trajectories":
        """Return the trajectories of both as one batch.

        Raises:
            ValueError: if they were observed at different times (``cut`` takes a list of such),
                or their states have different widths or dtypes, or are on different devices.
        """
        if not isinstance(other, Trajectories):
            return NotImplemented
        _check_alike(self.states, other.states)
        if not torch.equal(self.times.cpu(), other.times.cpu()):
            raise ValueError(
                "trajectories of different times are no batch: give cut a list of them, or add "
                "their datasets"
            )
        return Trajectories(self.times, torch.cat([self.states, other.states], 1), None)

    def to(
        self,
        device: torch.device | str | torch.dtype | None = None,
        dtype: torch.dtype | None = None,
    ) -> "Trajectories":
        """Return the trajectories on another device, or their states in another dtype.

        Args:
            device: None leaves them where they are; a dtype alone may stand here too.
            dtype: of the states; None leaves it as it is. The times keep theirs.
        """
        device, dtype = _destination(self.states, device, dtype)
        states = self.states.to(device=device, dtype=dtype)
        return Trajectories(self.times.to(device=device), states, None)

    def noisy(self, sigma: float, seed: int | torch.Generator) -> "Trajectories":
        """Return the trajectories with Gaussian noise on every component.

        Args:
            sigma: standard deviation, in the units of each component.
            seed: integer or generator.
        """
        return Trajectories(self.times, add_noise(self.states, sigma, seed), None)

    def pairs(self) -> dict[str, Tensor]:
        """Return each state with the next one of its trajectory, what a map learns from.

        Returns:
            ``states`` and ``images``, each ``((T − 1)·B, d)``.

        Raises:
            ValueError: for a single time, or times that are not evenly apart: a map knows one step.
        """
        self._step()
        return {
            "states": self.states[:-1].flatten(0, 1),
            "images": self.states[1:].flatten(0, 1),
        }

    def midpoints(self) -> Dataset:
        r"""Return what an HNN learns one step of any length from: middles and mean rates.

        .. math:: m_k = \frac{x_k + x_{k+1}}{2}, \qquad \dot m_k = \frac{x_{k+1} - x_k}{h}
                  = \Omega\, \nabla S(m_k)

        S is Poincaré's *generating function* of the step h: the implicit midpoint rule of step h
        makes of it the exact motion from one time to the next. So an HNN that is trained on these
        is integrated with ``"implicit_midpoint"`` and this h, and no other. S is not H,

        .. math:: S = H + \frac{h^2}{24}\, X_H^\top (\nabla^2 H)\, X_H + O(h^4);

        it ends where h is half a period and the middle of a step no longer tells its ends. On a
        spring :math:`S = \frac{\tan(\omega h/2)}{\omega h/2}\, H`. Noise of the states stands in
        the middles too, where it does not average out.

        Returns:
            A dataset of (T − 1)·B middles that remembers their trajectories.

        Raises:
            ValueError: as ``pairs`` does.

        References:
            Hairer, Lubich & Wanner 2006, sec. VI.5.
        """
        h = self._step()
        middles = (self.states[:-1] + self.states[1:]) / 2
        number = torch.arange(self.states.shape[1], device=self.states.device)
        return Dataset(
            middles.flatten(0, 1),
            (self.states.diff(dim=0) / h).flatten(0, 1),
            number.repeat(len(self.times) - 1),
        )

    def _step(self) -> float:
        """Return the time between two neighbours, where it is always the same."""
        gaps = self.times.double().diff()
        if len(gaps) == 0:
            raise ValueError("one time has no next one; expected at least two times")
        # Of a clock that counts from 1970 the last digits of a gap are lost.
        lost = 4 * torch.finfo(self.times.dtype).eps * float(self.times.abs().max())
        if float(gaps.max() - gaps.min()) > 1e-6 * float(gaps.mean()) + lost:
            raise ValueError(
                f"the times are {float(gaps.min()):.6g} to {float(gaps.max()):.6g} apart; expected "
                "even times: a map knows one step"
            )
        return float(gaps.mean())

    def dataset(self, field: Field | None = None) -> Dataset:
        """Return the states with their time derivatives.

        Args:
            field: where the derivatives come from: evaluated at the states by this field,
                such as ``system.field``. None estimates them from the states alone, by
                ``central_differences``.

        Returns:
            A dataset of T·B states that remembers their trajectories.
        """
        if field is None:
            derivatives = central_differences(self.states, self.times, None)
        else:
            with torch.no_grad():
                derivatives = checked_field(field)(self.states)
        number = torch.arange(self.states.shape[1], device=self.states.device)
        return Dataset(
            self.states.flatten(0, 1), derivatives.flatten(0, 1), number.repeat(len(self.times))
        )


def _continued(states: Tensor, angles: Sequence[int] | None, what: str) -> Tensor:
    if angles is None:
        return states
    if check_angles(angles, states.shape[-1]):
        return unwrap(states, angles)
    _warn_of_turns(states, what)
    return states


def _check_alike(one: Tensor, other: Tensor) -> None:
    kinds = [(t.shape[-1], t.dtype, t.device) for t in (one, other)]
    if kinds[0] != kinds[1]:
        raise ValueError(
            f"the states have width, dtype and device {kinds[0]} and {kinds[1]}; expected the same"
        )


def _destination(
    like: Tensor, device: torch.device | str | torch.dtype | None, dtype: torch.dtype | None
) -> tuple[torch.device, torch.dtype | None]:
    if isinstance(device, torch.dtype) and dtype is None:
        device, dtype = None, device
    if dtype is not None:
        check_dtype(dtype)
    assert not isinstance(device, torch.dtype)
    return like.device if device is None else as_device(device), dtype


def simulate(
    system: System | Field,
    x0: Tensor | np.ndarray,
    times: Tensor | Sequence[float],
    method: str = "dop853",
    **options: Any,
) -> Trajectories:
    """Follow a system from a batch of initial states.

    Args:
        system: gives the true field; or a field ``(..., d) -> (..., d)`` itself.
        x0: initial states, ``(B, d)``, as from ``system.sample``; d = 2n for ``[q, p]``.
        times: ``(T,)``, in s.
        method: a key of ``METHODS``.
        options: passed to ``integrate``.

    Returns:
        The trajectories, states ``(T, B, d)``.
    """
    own = callable(system) and not isinstance(system, type)
    if not own:
        check_type(System, "a system, such as Pendulum(), or a field", system=system)
    x0 = as_tensor(x0)
    check_vector(x0, "x0")
    if isinstance(system, System):
        system.check(x0, "x0")
    field = system.field if isinstance(system, System) else system
    times = as_times(times, forwards=True)
    states = integrate(field, x0, times, method, **options)
    return Trajectories(times.to(x0.device), states, None)


@dataclass(frozen=True)
class Normalization:
    r"""A change of units that keeps the dynamics Hamiltonian.

    With :math:`q = q_s q'`, :math:`p = p_s p'`, :math:`t = t_s t'`, Hamilton's equations hold
    in :math:`(q', p', t')` with

    .. math:: H'(q', p') = \frac{t_s}{q_s p_s}\, H(q_s q', p_s p'), \qquad\text{so}\qquad
              H = \frac{q_s p_s}{t_s} H'.

    One scale serves all positions and one all momenta: with a scale for each component the
    products :math:`q_s p_s` would have to agree, or no single H' would exist.

    Args:
        q_scale: q_s, the position that becomes 1.
        p_scale: p_s, the momentum that becomes 1.
        time_scale: t_s, the time that becomes 1.
    """

    q_scale: float = 1.0
    p_scale: float = 1.0
    time_scale: float = 1.0

    def __post_init__(self) -> None:
        check_positive(q_scale=self.q_scale, p_scale=self.p_scale, time_scale=self.time_scale)

    @classmethod
    def to_unit_box(cls, states: Tensor, *, time_scale: float = 1.0) -> "Normalization":
        """Return the units in which no component of the given states exceeds 1.

        Args:
            states: ``(..., 2n)``.
            time_scale: t_s, which the states do not determine.
        """
        check_state(states, "states")
        check_finite(states, "states")
        if states.numel() == 0:
            raise ValueError(f"states has shape {tuple(states.shape)}; expected at least one state")
        q, p = states.abs().chunk(2, dim=-1)
        return cls(float(q.max()), float(p.max()), time_scale)

    @property
    def energy_scale(self) -> float:
        """The physical energy that is 1 in the new units, q_s p_s/t_s."""
        return self.q_scale * self.p_scale / self.time_scale

    def _scale(self, x: Tensor) -> Tensor:
        n = check_state(x)
        # Not x.new_tensor, which torch 2.2 refuses inside torch.func.grad.
        scale = [self.q_scale] * n + [self.p_scale] * n
        return torch.tensor(scale, dtype=x.dtype, device=x.device)

    def normalize(self, x: Tensor) -> Tensor:
        """Return states ``[q, p]`` in the new units, ``[q', p']``, ``(..., 2n) -> (..., 2n)``."""
        return x / self._scale(x)

    def restore(self, x: Tensor) -> Tensor:
        """Return states ``[q', p']`` in physical units, ``[q, p]``, ``(..., 2n) -> (..., 2n)``."""
        return x * self._scale(x)

    def normalize_dataset(self, data: Dataset) -> Dataset:
        """Return a dataset with states and derivatives in the new units."""
        check_type(Dataset, "a Dataset", data=data)
        derivatives = self.normalize(data.derivatives) * self.time_scale
        return Dataset(self.normalize(data.states), derivatives, data.trajectory)

    def restore_field(self, field: Field) -> Field:
        """Return a field learned in the new units as one of physical states and time."""
        inner = checked_field(field)
        return lambda x: self.restore(inner(self.normalize(x))) / self.time_scale

    def restore_hamiltonian(self, hamiltonian: ScalarFunction) -> ScalarFunction:
        """Return K learned in the new units as the physical H."""
        inner = checked_scalar(hamiltonian, "hamiltonian")
        return lambda x: self.energy_scale * inner(self.normalize(x))
