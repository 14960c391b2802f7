r"""Motion under constraints: rods as data, and the multipliers that hold them.

In Cartesian coordinates a mechanism of points on rods has constant masses; that the rods keep their
lengths stands beside, as equations :math:`g(q) = 0`. Each pulls or pushes with a force along its
gradient, and the size of that force, the *multiplier*, is the one that keeps the equation true:

.. math:: M \ddot q = -\nabla V + G^\top \lambda, \qquad G \ddot q = -\dot G \dot q, \qquad
          G = \frac{\partial g}{\partial q}

Positions are one vector with all components of the first point, then those of the second, and so
on: ``[x1, y1, x2, y2, ...]``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import jvp

from hnn_tutorial._validate import (
    anywhere,
    as_number,
    check_callable,
    check_count,
    check_finite,
    check_output,
    check_positive,
    check_tensor,
    check_type,
    check_vector,
    checked_field,
    describe,
    stacked,
)
from hnn_tutorial.mechanics import (
    Field,
    MatrixFunction,
    ScalarFunction,
    conjugate_momentum,
    gradient,
    jacobian,
    lagrangian_field,
    solve_mass_matrix,
)

__all__ = [
    "ConstrainedField",
    "Rods",
    "add_constraints",
    "constrained_field",
    "constrained_lagrangian_field",
    "point_masses",
]

NEWTON_STEPS = 50


@dataclass(frozen=True)
class Rods:
    r"""Rods between points, and between points and fixed anchors, as data.

    Rod k leads from :math:`x_i` to :math:`x_j` by the vector :math:`d_k`, and has the length
    :math:`l_k`:

    .. math:: d = B x + a, \qquad g_k = \tfrac12 \left(|d_k|^2 - l_k^2\right), \qquad
              (G \dot q)_k = d_k \cdot \dot d_k, \qquad (\dot G \dot q)_k = |\dot d_k|^2

    B, the *incidence matrix*, has a row for each rod, with −1 at its first point and 1 at its
    second; a holds what the anchors add.

    >>> chain = Rods([(-1, 0), (0, 1)], [1.0, 0.8])  # two links below the origin
    >>> loop = chain.with_rod((1, -2), 1.0, anchor=(1.3, 0.0))
    >>> loop.count, loop.points
    (3, 2)

    Args:
        pairs: the two ends of each rod. Points are counted from 0; −1 is the first anchor, −2 the
            second, and so on.
        lengths: of the rods, in m; a tensor ``(m,)`` will do.
        anchors: the fixed points, in m; one at the origin if none are given.
        dimension: of the space, 2 or 3 for most.

    Raises:
        TypeError, ValueError: if these do not describe rods: a rod from a point to itself or
            between two anchors, the same rod twice, a point that no rod holds, an anchor that is
            not there.
    """

    pairs: Sequence[tuple[int, int]]
    lengths: Sequence[float]
    anchors: Sequence[Sequence[float]] = ()
    dimension: int = 2

    def __post_init__(self) -> None:
        check_count(dimension=self.dimension)
        pairs = tuple(_pair(pair) for pair in _listed("pairs", self.pairs, "(-1, 0)"))
        given: Any = self.anchors
        anchors = tuple(
            _point(f"anchor {-1 - k}", point, self.dimension)
            for k, point in enumerate(_listed("anchors", given, "(0.0, 0.0)"))
        ) or ((0.0,) * self.dimension,)
        lengths: Any = self.lengths
        if not isinstance(lengths, Tensor):
            lengths = tuple(_listed("lengths", lengths, "1.0"))
        if len(pairs) == 0 or (isinstance(lengths, Tensor) and lengths.ndim != 1):
            raise ValueError(f"pairs = {pairs}, lengths = {describe(lengths)}; expected rods")
        if len(lengths) != len(pairs):
            raise ValueError(f"there are {len(pairs)} pairs and {len(lengths)} lengths")
        for pair, length in zip(pairs, lengths, strict=True):
            check_positive(**{f"length of rod {pair}": length})
        for pair in pairs:
            if pair[0] == pair[1] or max(pair) < 0:
                raise ValueError(f"rod {pair} joins no two points, nor a point and an anchor")
            if min(pair) < -len(anchors):
                raise ValueError(
                    f"rod {pair}: there is no anchor {min(pair)}; the {len(anchors)} given are "
                    f"-1 to {-len(anchors)}"
                )
        if len({frozenset(pair) for pair in pairs}) < len(pairs):
            raise ValueError(f"pairs = {pairs}: a rod is given twice; two ends have one distance")
        free = set(range(1 + max(map(max, pairs)))) - {end for pair in pairs for end in pair}
        if free:
            raise ValueError(f"no rod holds point {min(free)}; number the points without gaps")
        for name, value in (("pairs", pairs), ("anchors", anchors), ("lengths", lengths)):
            object.__setattr__(self, name, value)
        B = torch.zeros(len(pairs), self.points, dtype=torch.float64)
        A = torch.zeros(len(pairs), len(anchors), dtype=torch.float64)
        for k, pair in enumerate(pairs):
            for end, sign in zip(pair, (-1, 1), strict=True):
                (B if end >= 0 else A)[k, end if end >= 0 else -1 - end] = sign
        places = torch.stack([stacked(anchor) for anchor in anchors])
        object.__setattr__(self, "_fixed", A @ places)
        object.__setattr__(self, "_incidence", B)

    _fixed = torch.empty(0)
    _incidence = torch.empty(0)

    @property
    def points(self) -> int:
        """n, how many points move."""
        return 1 + max(max(pair) for pair in self.pairs)

    @property
    def count(self) -> int:
        """m, how many rods there are."""
        return len(self.pairs)

    @property
    def size(self) -> int:
        """d, the number of components of the positions: n times the dimension."""
        return self.points * self.dimension

    @property
    def incidence(self) -> Tensor:
        """B, shape ``(m, n)``, float64."""
        return self._incidence.clone()

    def vectors(self, q: Tensor) -> Tensor:
        """Return the vector along each rod, ``(..., d) -> (..., m, dimension)``, in m."""
        check_vector(q, "positions", self.size)
        return self._incidence.to(q) @ self._apart(q) + self._fixed.to(q)

    def values(self, q: Tensor) -> Tensor:
        """Return g, zero where every rod has its length, ``(..., d) -> (..., m)``, in m²."""
        return (self.vectors(q).square().sum(-1) - squares(self, q)) / 2

    def jacobian(self, q: Tensor) -> Tensor:
        """Return G = ∂g/∂q, ``(..., d) -> (..., m, d)``, in m."""
        along = self.vectors(q).unsqueeze(-2)
        return (self._incidence.to(q).unsqueeze(-1) * along).flatten(-2)

    def rates(self, q: Tensor, velocity: Tensor) -> Tensor:
        """Return G q̇, at which g changes, ``(..., d), (..., d) -> (..., m)``, in m²/s."""
        return (self.vectors(q) * self._turning(velocity)).sum(-1)

    def curvature(self, velocity: Tensor) -> Tensor:
        """Return Ġ q̇, by which g curves without a force, ``(..., d) -> (..., m)``, in m²/s²."""
        return self._turning(velocity).square().sum(-1)

    def with_rod(
        self,
        pair: tuple[int, int],
        length: float,
        *,
        anchor: Sequence[float] | None = None,
    ) -> "Rods":
        """Return these rods and one more, which may close a loop.

        Args:
            pair: its two ends.
            length: in m.
            anchor: a further fixed point, which becomes the last of the anchors; the pair may name
                it.
        """
        added = () if anchor is None else (tuple(_listed("anchor", anchor, "0.0, 0.0")),)
        lengths: Any = self.lengths
        if isinstance(lengths, Tensor):
            more = torch.as_tensor(length).to(lengths).reshape(1)
            lengths = torch.cat([lengths, more])
        else:
            lengths = (*lengths, length)
        return Rods((*self.pairs, pair), lengths, (*self.anchors, *added), self.dimension)

    def project(self, y: Tensor, masses: Any = None) -> Tensor:
        r"""Return the state on the rods that Newton's method leads to, velocities included.

        .. math:: q \leftarrow q - M^{-1} G^\top (G M^{-1} G^\top)^{-1} g, \qquad
                  \dot q \leftarrow \dot q - M^{-1} G^\top (G M^{-1} G^\top)^{-1} G \dot q

        The last is what an inelastic impact does; it takes from the velocity the least in the
        norm of the kinetic energy.

        Args:
            y: states ``[q, q̇]``, ``(..., 2d)``.
            masses: as in ``constrained_field``; all one if not given.

        Returns:
            States ``[q, q̇]``, ``(..., 2d)``.

        Raises:
            ValueError: if no positions near by have rods of these lengths, or rods are redundant.
        """
        check_vector(y, "state", 2 * self.size)
        check_finite(y)
        q, velocity = y.chunk(2, dim=-1)
        given = [1.0] * self.points if masses is None else masses
        W = torch.linalg.inv(point_masses(given, self.points)).to(y)
        eps = torch.finfo(y.dtype).eps
        for _ in range(NEWTON_STEPS):
            error = misfit(self, q)
            q = q - self._pull(q, W, self.values(q))
            # One step more than needed: the last one leaves nothing but rounding.
            if not anywhere(error > 64 * eps):
                return torch.cat([q, velocity - self._pull(q, W, self.rates(q, velocity))], dim=-1)
        worst = int(misfit(self, q).reshape(-1, self.count).amax(0).nan_to_num(torch.inf).argmax())
        raise ValueError(
            f"no positions were found near by at which all rods have their lengths; rod "
            f"{self.pairs[worst]} misses its own by most. Do the lengths {self._numbers()} close, "
            "and is the start near a closed mechanism?"
        )

    def check(self, y: Tensor, name: str = "state") -> None:
        """Raise unless states lie on the rods, and the rods hold each other nowhere.

        Args:
            y: states ``[q, q̇]``, ``(..., 2d)``.
            name: what to call them in the error.

        Raises:
            ValueError: if a rod has another length than its own, or a velocity changes it, by more
                than half the digits of the dtype; or if rods are redundant there, with their names.
        """
        check_vector(y, name, 2 * self.size)
        check_finite(y, name)
        q, velocity = y.chunk(2, dim=-1)
        allowed = torch.finfo(y.dtype).eps ** 0.5
        with torch.no_grad():
            apart = misfit(self, q)
            if anywhere(apart > allowed):
                k = int(apart.reshape(-1, self.count).amax(0).argmax())
                raise ValueError(
                    f"{name} is off the rods: |d|² of rod {self.pairs[k]} differs from its "
                    f"length² = {float(self.lengths[k]) ** 2:.6g} by {float(apart.max()):.2g} of "
                    "it; rods.project(y), or system.project(x), gives a state on them"
                )
            speed = 1 + velocity.abs().amax(-1, keepdim=True)
            rates = (self.rates(q, velocity) / squares(self, q).sqrt()).abs()
            if anywhere(rates > allowed * speed):
                k = int(rates.reshape(-1, self.count).amax(0).argmax())
                raise ValueError(
                    f"{name} has a velocity off the rods: rod {self.pairs[k]} would change its "
                    f"length at {float(rates.max()):.2g} m/s; rods.project(y), or "
                    "system.project(x), gives a state on them"
                )
            solve_multipliers(self, q, torch.eye(self.points).to(q), torch.zeros_like(apart))

    def _pull(self, q: Tensor, inverse: Tensor, wanted: Tensor) -> Tensor:
        """Return M⁻¹ Gᵀ (G M⁻¹ Gᵀ)⁻¹ w."""
        multipliers = solve_multipliers(self, q, inverse, wanted)
        return times(inverse, rod_force(self, q, multipliers), self.dimension)

    def _apart(self, q: Tensor) -> Tensor:
        return q.unflatten(-1, (self.points, self.dimension))

    def _turning(self, velocity: Tensor) -> Tensor:
        check_vector(velocity, "velocity", self.size)
        return self._incidence.to(velocity) @ self._apart(velocity)

    def _numbers(self) -> tuple[float, ...]:
        return tuple(float(length) for length in self.lengths)


def squares(rods: Rods, like: Tensor) -> Tensor:
    """Return the squares of the lengths, ``(m,)``, as another tensor is."""
    given: Any = rods.lengths
    if not isinstance(given, Tensor):
        given = stacked(given)
    result: Tensor = given.to(like).square()
    return result


def misfit(rods: Rods, q: Tensor) -> Tensor:
    """Return by how much of its square each length is off, ``(..., d) -> (..., m)``.

    The square of the farthest position is added below: a rod far from the origin is rounded so.
    """
    far = q.detach().square().amax(-1, keepdim=True)
    return 2 * rods.values(q).detach().abs() / (squares(rods, q).detach() + far)


def rod_force(rods: Rods, q: Tensor, multipliers: Tensor) -> Tensor:
    """Return Gᵀλ, ``(..., d), (..., m) -> (..., d)``."""
    pulls = rods.vectors(q) * multipliers.unsqueeze(-1)
    return (rods.incidence.to(q).mT @ pulls).flatten(-2)


def solve_multipliers(
    rods: Rods, q: Tensor, inverse: Tensor, wanted: Tensor, q_old: Tensor | None = None
) -> Tensor:
    r"""Return the λ with :math:`G(q) M^{-1} G(q_0)^\top \lambda = w`, ``(..., m)``.

    .. math:: (G M^{-1} G_0^\top)_{kl} = (B M^{-1} B^\top)_{kl}\; d_k \cdot d^0_l

    Args:
        rods: m of them.
        q: positions, ``(..., d)``.
        inverse: M⁻¹ between the points, ``(n, n)``.
        wanted: w, ``(..., m)``.
        q_old: the positions q₀; the same as q if not given.

    Raises:
        ValueError: if the matrix is singular.
    """
    B, d = rods.incidence.to(q), rods.vectors(q)
    before = d if q_old is None else rods.vectors(q_old)
    matrix = (B @ inverse @ B.mT) * (d @ before.mT)
    # By the inverse: see models._lagrangian.inverse_times.
    solved, _ = torch.linalg.inv_ex(matrix)
    bad = dependent(matrix, solved)
    if anywhere(bad):
        first = bad.reshape(-1, rods.count)[bad.reshape(-1, rods.count).any(-1)][0]
        named = ", ".join(str(p) for p, b in zip(rods.pairs, first, strict=True) if b)
        raise ValueError(
            f"G M⁻¹ Gᵀ is singular: of the rods {named} one follows from the others at this "
            "state, or has no length, so that their forces are not fixed; leave a redundant rod "
            "out, or keep away from a position where the mechanism is stretched out"
        )
    return (solved @ wanted.unsqueeze(-1)).squeeze(-1)


@torch.no_grad()
def dependent(matrix: Tensor, inverse: Tensor) -> Tensor:
    """Return which rows of a symmetric matrix follow from the others, ``(..., m)``.

    A_kk (A⁻¹)_kk is 1/(1 − R²), where R² is how much of row k the others make.
    """
    alone = torch.diagonal(matrix * inverse.mT, dim1=-2, dim2=-1).abs()
    follows = ~(alone < 1e-2 / torch.finfo(matrix.dtype).eps)
    # A matrix that is not finite belongs to a motion that has run away.
    return follows & torch.isfinite(matrix).all(-1).all(-1, keepdim=True)


def point_masses(masses: Any, points: int) -> Tensor:
    r"""Return the mass matrix between the points, by which :math:`T = \tfrac12 \sum_{ij} M_{ij}\,
    \dot x_i \cdot \dot x_j`.

    Point masses make it diagonal. A uniform rod of mass μ between two points adds μ/3 to each on
    the diagonal, and μ/6 between them: M is constant, but no longer diagonal.

    Args:
        masses: one for each point, in kg, ``(n,)``, or the matrix itself, ``(n, n)``.
        points: n.

    Returns:
        M, ``(n, n)``, in kg.

    Raises:
        TypeError, ValueError: if it is neither, or not symmetric and positive definite.
    """
    check_count(points=points)
    if not isinstance(masses, Tensor):
        rows = _listed("masses", masses, "1.0")
        if all(isinstance(row, list | tuple) for row in rows):
            numbers = [[as_number("a mass", m) for m in row] for row in rows]
            if len({len(row) for row in numbers}) > 1:
                raise ValueError(f"masses = {describe(masses)}; expected rows of one length")
            masses = torch.tensor(numbers, dtype=torch.float64)
        else:
            for k, mass in enumerate(rows):
                check_positive(**{f"mass of point {k}": mass})
            masses = stacked(rows)
    check_tensor(masses, "masses")
    check_finite(masses, "masses")
    if masses.shape == (points,):
        masses = torch.diag_embed(masses)
    if masses.shape != (points, points):
        raise ValueError(
            f"masses has shape {tuple(masses.shape)}; expected ({points},), one for each point, or "
            f"({points}, {points})"
        )
    _, info = torch.linalg.cholesky_ex(masses.detach())
    uneven = (masses - masses.mT).detach().abs().amax()
    if anywhere(info != 0) or anywhere(uneven > 1e-6 * masses.detach().abs().amax()):
        raise ValueError("the mass matrix is not symmetric and positive definite")
    return masses


def times(matrix: Tensor, vector: Tensor, dimension: int) -> Tensor:
    """Return a matrix between points, times a vector of all their components, ``(..., d)``."""
    return (matrix @ vector.unflatten(-1, (-1, dimension))).flatten(-2)


@dataclass(frozen=True, eq=False)
class ConstrainedField:
    r"""The motion of masses on rods; ``constrained_field`` makes it.

    It is a field like any other, and knows its parts, of which RATTLE makes a step:
    ``integrate(field, x0, times, "rattle")``.

    Args:
        force: −∇V of the positions, ``(..., d) -> (..., d)``.
        masses: M between the points, ``(n, n)``.
        constraints: the rods.
        momenta: whether states are ``[q, p]``; else they are ``[q, q̇]``.
    """

    force: Callable[[Tensor], Tensor]
    masses: Tensor
    constraints: Rods
    momenta: bool = True

    def __post_init__(self) -> None:
        check_callable(force=self.force)
        check_type(Rods, "rods, as Rods(pairs, lengths)", constraints=self.constraints)
        check_type(bool, "True or False", momenta=self.momenta)
        M = point_masses(self.masses, self.constraints.points)
        inverse, _ = torch.linalg.inv_ex(M)
        object.__setattr__(self, "masses", M)
        object.__setattr__(self, "inverse_masses", inverse)

    inverse_masses = torch.empty(0)
    """M⁻¹ between the points, ``(n, n)``."""

    def __call__(self, x: Tensor) -> Tensor:
        """Return ``[q̇, ṗ]`` of ``[q, p]``, or ``[q̇, q̈]`` of ``[q, q̇]``, ``(..., 2d)``."""
        q, velocity = parts(self, x)
        multipliers, force = self._multipliers(q, velocity)
        total = force + rod_force(self.constraints, q, multipliers)
        return torch.cat([velocity, total if self.momenta else divided(self, total)], dim=-1)

    def multipliers(self, x: Tensor) -> Tensor:
        """Return λ, ``(..., 2d) -> (..., m)``; rod k acts on its ends with the force λ_k l_k.

        A negative λ pulls the ends together: the rod is under tension.
        """
        return self._multipliers(*parts(self, x))[0]

    def _multipliers(self, q: Tensor, velocity: Tensor) -> tuple[Tensor, Tensor]:
        force = checked_force(self, q)
        free = self.constraints.rates(q, divided(self, force))
        bend = self.constraints.curvature(velocity)
        W = self.inverse_masses.to(q)
        return -solve_multipliers(self.constraints, q, W, free + bend), force


def parts(field: ConstrainedField, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return positions and velocities of a state, each ``(..., d)``."""
    check_vector(x, "state", 2 * field.constraints.size)
    q, second = x.chunk(2, dim=-1)
    return q, divided(field, second) if field.momenta else second


def whole(field: ConstrainedField, q: Tensor, velocity: Tensor) -> Tensor:
    """Return the state of positions and velocities, ``(..., 2d)``."""
    if field.momenta:
        velocity = times(field.masses.to(q), velocity, field.constraints.dimension)
    return torch.cat([q, velocity], dim=-1)


def divided(field: ConstrainedField, vector: Tensor) -> Tensor:
    """Return M⁻¹ times a force or momentum, ``(..., d) -> (..., d)``."""
    return times(field.inverse_masses.to(vector), vector, field.constraints.dimension)


def checked_force(field: ConstrainedField, q: Tensor) -> Tensor:
    """Return −∇V, ``(..., d) -> (..., d)``."""
    value = field.force(q)
    check_output(value, q, q.shape, "the force")
    return value


def constrained_field(
    potential: ScalarFunction | None,
    masses: Any,
    constraints: Rods,
    *,
    momenta: bool = True,
    force: Callable[[Tensor], Tensor] | None = None,
) -> ConstrainedField:
    r"""Return the motion that a potential causes on masses that rods hold.

    .. math:: M \ddot q = -\nabla V + G^\top \lambda, \qquad
              \lambda = -(G M^{-1} G^\top)^{-1} \left(\dot G \dot q - G M^{-1} \nabla V\right)

    So :math:`\ddot g = 0` at every state, on the rods or off them; what is off them drifts, as
    rounding does. RATTLE has no such drift. The energy :math:`\tfrac12 \dot q^\top M \dot q + V` is
    conserved on the rods, whose forces do no work.

    Args:
        potential: V, a scalar function of the positions, ``(..., d) -> (...,)``: a formula or a
            network. None, where ``force`` is given.
        masses: one for each point, in kg, ``(n,)``, or the constant symmetric matrix between them,
            ``(n, n)``, which rods with masses of their own make.
        constraints: the rods.
        momenta: whether states are ``[q, p]``; else they are ``[q, q̇]``.
        force: −∇V in closed form, ``(..., d) -> (..., d)``, where there is one.

    Returns:
        The field, ``(..., 2d) -> (..., 2d)``.

    Raises:
        TypeError, ValueError: if the masses are no positive definite matrix of the points, or
            potential and force are both given or both missing.
        ValueError: (when called) if :math:`G M^{-1} G^\top` is singular, with the rods' names.

    References:
        Hairer, Lubich & Wanner 2006, sec. VII.1; Finzi, Wang & Wilson 2020.
    """
    check_type(Rods, "rods, as Rods(pairs, lengths)", constraints=constraints)
    if (potential is None) == (force is None):
        raise TypeError("give either a potential, or its force; not both")
    if force is None:
        check_callable(potential=potential)
        slope = gradient(potential)  # type: ignore[arg-type]  # one of the two is there

        def force(q: Tensor) -> Tensor:
            return -slope(q)

    return ConstrainedField(force, point_masses(masses, constraints.points), constraints, momenta)


def add_constraints(
    field: Field, mass_matrix: MatrixFunction, constraints: Rods | Callable[[Tensor], Tensor]
) -> Field:
    r"""Return a motion of ``[q, q̇]`` to which constraints have been added.

    .. math:: \ddot q = \ddot q_0 + A^{-1} G^\top \lambda, \qquad
              G \ddot q = -\dot G \dot q

    The coordinates may be angles and the mass matrix A may depend on them: a model of an open chain
    in angles, such as a ``StructuredLNN``, can so be closed.

    Args:
        field: the motion without them, ``[q, q̇] -> [q̇, q̈₀]``, ``(..., 2n) -> (..., 2n)``.
        mass_matrix: A, a function of ``[q, q̇]``, ``(..., 2n) -> (..., n, n)``.
        constraints: rods, or a function g of the positions, ``(..., n) -> (..., m)``, whose
            derivatives are taken by autograd.

    Returns:
        The field, ``(..., 2n) -> (..., 2n)``.

    Raises:
        TypeError, ValueError: (when called) if a function returns another shape.
        ValueError: (when called) if :math:`G A^{-1} G^\top` is singular.
    """
    check_callable(mass_matrix=mass_matrix)
    motion = checked_field(field)
    held = constraints.values if isinstance(constraints, Rods) else constraints
    check_callable(constraints=held)
    slopes = jacobian(held)

    def bend(q: Tensor, velocity: Tensor) -> Tensor:
        def rate(q: Tensor) -> Tensor:
            along: Tensor = jvp(held, (q,), (velocity,))[1]
            return along

        twice: Tensor = jvp(rate, (q,), (velocity,))[1]
        return twice

    def constrained(y: Tensor) -> Tensor:
        n = y.shape[-1] // 2 if check_vector(y) % 2 == 0 else 0
        if n == 0:
            raise ValueError(f"state has {y.shape[-1]} components; [q, q̇] needs an even number")
        q, velocity = y.chunk(2, dim=-1)
        free, A, G = motion(y)[..., n:], mass_matrix(y), slopes(q)
        check_output(A, y, (*q.shape, n), "the mass matrix")
        m = G.shape[-2]
        spread = torch.stack([solve_mass_matrix(A, row) for row in G.unbind(-2)], dim=-1)
        wanted = (G @ free.unsqueeze(-1)).squeeze(-1) + bend(q, velocity)
        matrix = G @ spread
        solved, _ = torch.linalg.inv_ex(matrix)
        if anywhere(dependent(matrix, solved)):
            raise ValueError(
                f"G A⁻¹ Gᵀ is singular: one of the {m} constraints follows from the others at "
                "this state, so that their forces are not fixed"
            )
        multipliers = -(solved @ wanted.unsqueeze(-1))
        return torch.cat([velocity, free + (spread @ multipliers).squeeze(-1)], dim=-1)

    return constrained


def constrained_lagrangian_field(
    lagrangian: ScalarFunction, constraints: Rods | Callable[[Tensor], Tensor]
) -> Field:
    r"""Return the motion that a Lagrangian causes under constraints.

    .. math:: \frac{d}{dt} \frac{\partial L}{\partial \dot q} - \frac{\partial L}{\partial q}
              = G^\top \lambda, \qquad g(q) = 0

    For :math:`L = \tfrac12 \dot q^\top M \dot q - V` with a constant M it is
    ``constrained_field``, which is faster and has the parts that RATTLE needs.

    Args:
        lagrangian: L, a scalar function of ``[q, q̇]``.
        constraints: rods, or a function g of the positions, ``(..., n) -> (..., m)``.

    Returns:
        The field ``[q, q̇] -> [q̇, q̈]``, ``(..., 2n) -> (..., 2n)``.

    Raises:
        ValueError: (when called) as ``lagrangian_field`` and ``add_constraints``.
    """
    canonical = jacobian(conjugate_momentum(lagrangian))

    def mass_matrix(y: Tensor) -> Tensor:
        n = y.shape[-1] // 2
        return canonical(y)[..., n:, n:]

    return add_constraints(lagrangian_field(lagrangian), mass_matrix, constraints)


def _listed(name: str, given: Any, example: str) -> list[Any]:
    """Return the entries of a list, a tuple or a tensor."""
    if isinstance(given, str) or not isinstance(given, Sequence | Tensor):
        raise TypeError(f"{name} = {describe(given)}; expected a list, such as [{example}]")
    if isinstance(given, Tensor) and given.ndim == 0:
        raise TypeError(f"{name} is a tensor without axes; expected a list, such as [{example}]")
    return list(given)


def _pair(pair: Any) -> tuple[int, int]:
    alone = isinstance(pair, list | tuple) and len(pair) == 2
    if not alone or not all(type(end) is int for end in pair):
        raise TypeError(f"a pair is {describe(pair)}; expected two whole numbers, such as (-1, 0)")
    return pair[0], pair[1]


def _point(name: str, point: Any, dimension: int) -> tuple[float, ...]:
    given = _listed(name, point, "0.0, 0.0")
    numbers = [as_number(name, value) for value in given]
    if len(numbers) != dimension or not all(abs(n) < float("inf") for n in numbers):
        raise ValueError(f"{name} = {describe(point)}; expected {dimension} finite numbers")
    return tuple(given)
