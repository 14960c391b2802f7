"""The operators that turn a scalar function of the state into motion.

A *scalar function* maps states ``(..., 2n)`` to values ``(...,)``, one for each state; a
*field* maps states ``(..., 2n)`` to their time derivatives ``(..., 2n)``. The state is
``[q, p]`` for Hamiltonians and ``[q, q̇]`` for Lagrangians, along the last axis. Where another
bracket than the canonical one rules (``poisson_field``), it has any number of components.

All operators can be nested and differentiated again (training goes through them), and they work
under ``torch.no_grad()`` and inside the transforms of ``torch.func`` too. The one thing
that they ask of a scalar function is that it treats the states of a batch independently:
the gradient of the sum over a batch is then the batch of gradients.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad, vjp
from torch.linalg import LinAlgError  # type: ignore[attr-defined]  # documented, not in __all__

from hnn_tutorial._validate import (
    as_device,
    as_times,
    check_callable,
    check_count,
    check_dtype,
    check_not_negative,
    check_output,
    check_state,
    check_tensor,
    check_vector,
    checked_bracket,
    checked_field,
    checked_scalar,
)

__all__ = [
    "Field",
    "MatrixFunction",
    "ScalarFunction",
    "action",
    "conjugate_momentum",
    "divergence",
    "gradient",
    "hamiltonian_field",
    "jacobi_defect",
    "jacobian",
    "lagrangian_field",
    "legendre_transform",
    "poisson_bracket",
    "poisson_field",
    "solve_mass_matrix",
    "symplectic_defect",
    "symplectic_form",
    "symplectic_gradient",
    "time_reversal",
]

ScalarFunction = Callable[[Tensor], Tensor]
"""A map ``(..., 2n) -> (...,)``, one value for each state."""

Field = Callable[[Tensor], Tensor]
"""A map ``(..., 2n) -> (..., 2n)``, the time derivative of each state."""

MatrixFunction = Callable[[Tensor], Tensor]
"""A map ``(..., d) -> (..., d, d)``, one matrix for each state; ``(d, d)`` where all have one."""


def gradient(function: ScalarFunction) -> Field:
    r"""Return the gradient of a scalar function, state by state: :math:`x \mapsto \nabla f(x)`.

    Args:
        function: scalar function, ``(..., d) -> (...,)``.

    Returns:
        A function ``(..., d) -> (..., d)``.

    Raises:
        TypeError: if ``function`` is not callable.
        TypeError, ValueError: (when called) if the states are not a floating-point tensor, or
            ``function`` does not return one value for each.
    """
    values = checked_scalar(function)
    slope = grad(lambda x: values(x).sum())

    def evaluate(x: Tensor) -> Tensor:
        check_tensor(x)
        if not _is_for_autograd(x):
            return slope(x)
        wanted = torch.is_grad_enabled()
        with torch.enable_grad():
            start, given = _followed(x, wanted)
            total = values(given).sum()
            return _pulled_back([total], start, wanted)[0]

    return evaluate


def jacobian(function: Field) -> Callable[[Tensor], Tensor]:
    r"""Return the Jacobian of a map of states, :math:`J_{ij} = \partial f_i / \partial x_j`.

    Args:
        function: map ``(..., d) -> (..., m)`` that treats the states of a batch independently.

    Returns:
        A function ``(..., d) -> (..., m, d)``.

    Raises:
        TypeError: if ``function`` is not callable.
        TypeError, ValueError: (when called) if the states are not a floating-point tensor, or
            ``function`` does not return numbers for each.
    """
    check_callable(function=function)

    def checked(x: Tensor) -> Tensor:
        value = function(x)
        outputs = value.shape[-1] if isinstance(value, Tensor) and value.ndim == x.ndim else 0
        check_output(value, x, (*x.shape[:-1], outputs), "the function")
        return value

    def evaluate(x: Tensor) -> Tensor:
        check_tensor(x)
        # The states do not act on each other: a sum over them pulls back a row of each.
        if _is_for_autograd(x):
            wanted = torch.is_grad_enabled()
            with torch.enable_grad():
                start, given = _followed(x, wanted)
                totals = [part.sum() for part in checked(given).unbind(-1)]
                rows = _pulled_back(totals, start, wanted)
        else:
            value, pull_back = vjp(checked, x)[:2]
            ones = torch.eye(value.shape[-1], dtype=value.dtype, device=value.device)
            rows = [pull_back(one.expand(value.shape))[0] for one in ones]
        return torch.stack(rows, dim=-2) if rows else x.new_zeros(*x.shape[:-1], 0, x.shape[-1])

    return evaluate


def _is_for_autograd(x: Tensor) -> bool:
    """Return whether autograd can do what ``torch.func`` does, in half of the time.

    Not inside a transform of ``torch.func``, whose first use takes a second more, as it imports
    PyTorch's compiler.
    """
    return (
        torch._C._functorch.peek_interpreter_stack() is None
        and not torch.compiler.is_compiling()
        and not torch.is_inference_mode_enabled()
        and not x.is_inference()
    )


def _followed(x: Tensor, wanted: bool) -> tuple[Tensor, Tensor]:
    """Return states to differentiate by, and the same for a function, which may write to them."""
    start = x.view_as(x) if wanted and x.requires_grad else x.detach().requires_grad_()
    return start, start.clone()


def _pulled_back(totals: list[Tensor], start: Tensor, wanted: bool) -> list[Tensor]:
    """Return the gradients of numbers; zeros where one does not depend on the states.

    Args:
        totals: the numbers.
        start: the states.
        wanted: whether further gradients may be, if anything but the states themselves asks.
    """
    further = wanted and (start.grad_fn is not None or any(_asks(t, start) for t in totals))
    return [
        torch.autograd.grad(
            total, start, create_graph=further, retain_graph=True, materialize_grads=True
        )[0]
        if total.requires_grad
        else torch.zeros_like(start, requires_grad=False)
        for total in totals
    ]


def _asks(total: Tensor, start: Tensor) -> bool:
    """Return whether a number depends on anything that asks for a gradient, but for a start.

    The start is a leaf: its node of the graph is the one behind a view of it.
    """
    view = start.view_as(start).grad_fn
    assert view is not None
    seen, waiting = {node for node, _ in view.next_functions}, [total.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if not node.next_functions:  # it gathers the gradient of another leaf
            return True
        waiting.extend(following for following, _ in node.next_functions)
    return False


def symplectic_gradient(dH: Tensor) -> Tensor:
    r"""Return the symplectic gradient :math:`X_H = \Omega \nabla H` from the gradient of H.

    .. math:: X_H = \left(\frac{\partial H}{\partial p}, -\frac{\partial H}{\partial q}\right),
              \qquad \Omega = \begin{pmatrix} 0 & I \\ -I & 0 \end{pmatrix}

    Args:
        dH: gradient ``[∂H/∂q, ∂H/∂p]``, shape ``(..., 2n)``.

    Returns:
        ``[∂H/∂p, −∂H/∂q]``, the same shape.

    References:
        Greydanus, Dzamba & Yosinski 2019, eq. 2 (who write S_H).
    """
    check_state(dH, "the gradient")
    dH_dq, dH_dp = dH.chunk(2, dim=-1)
    return torch.cat([dH_dp, -dH_dq], dim=-1)


def time_reversal(x: Tensor) -> Tensor:
    r"""Return states with momenta or velocities reversed: :math:`(q, p) \to (q, -p)`.

    Where :math:`H(q, -p) = H(q, p)`, as without friction and magnetic fields, a motion played
    backwards is a motion too: if :math:`x(t)` is one, so is the time reversal of :math:`x(-t)`.

    Args:
        x: states, ``(..., 2n)``.

    Returns:
        States, ``(..., 2n)``.

    Raises:
        ValueError: if the last axis is odd.
    """
    check_state(x)
    q, p = x.chunk(2, dim=-1)
    return torch.cat([q, -p], dim=-1)


def hamiltonian_field(hamiltonian: ScalarFunction) -> Field:
    r"""Return the motion that a Hamiltonian causes.

    .. math:: \dot q = \frac{\partial H}{\partial p}, \qquad \dot p = -\frac{\partial H}{\partial q}

    Args:
        hamiltonian: H, a scalar function of ``[q, p]``: a formula or a network.

    Returns:
        The field ``[q, p] -> [q̇, ṗ]``, ``(..., 2n) -> (..., 2n)``.

    Raises:
        TypeError, ValueError: (when called) if the state is not a floating-point tensor with
            an even last axis, or H does not return one value for each state.
    """
    dH = gradient(hamiltonian)

    def field(x: Tensor) -> Tensor:
        check_state(x)
        return symplectic_gradient(dH(x))

    return field


def lagrangian_field(lagrangian: ScalarFunction) -> Field:
    r"""Return the motion that a Lagrangian causes: Euler–Lagrange, solved for the acceleration.

    .. math:: \ddot q = \left(\frac{\partial^2 L}{\partial \dot q^2}\right)^{-1}
              \left(\frac{\partial L}{\partial q}
              - \frac{\partial^2 L}{\partial q\,\partial \dot q}\,\dot q\right)

    Args:
        lagrangian: L, a scalar function of ``[q, q̇]``.

    Returns:
        The field ``[q, q̇] -> [q̇, q̈]``, ``(..., 2n) -> (..., 2n)``.

    Raises:
        ValueError: (when called) if the mass matrix :math:`\partial^2 L/\partial \dot q^2` is
            singular, so that L fixes no acceleration.

    References:
        Cranmer et al. 2020, eq. 6 (who use the pseudo-inverse, which hides a singular matrix).
    """
    dL = gradient(lagrangian)

    def field(x: Tensor) -> Tensor:
        n = check_state(x)
        velocity = x[..., n:]
        second = jacobian(lambda y: dL(y)[..., n:])(x)
        mixed, mass_matrix = second[..., :n], second[..., n:]
        force = dL(x)[..., :n] - (mixed @ velocity.unsqueeze(-1)).squeeze(-1)
        return torch.cat([velocity, solve_mass_matrix(mass_matrix, force)], dim=-1)

    return field


def solve_mass_matrix(mass_matrix: Tensor, force: Tensor) -> Tensor:
    """Solve ``mass_matrix @ acceleration = force``, with an error that names a singular matrix.

    Args:
        mass_matrix: shape ``(..., n, n)``.
        force: shape ``(..., n)``.

    Returns:
        The acceleration, shape ``(..., n)``.

    Raises:
        ValueError: if a matrix of the batch is singular.
    """
    check_tensor(mass_matrix, "mass_matrix")
    check_tensor(force, "force")
    if mass_matrix.dtype != force.dtype:
        raise TypeError(f"mass_matrix is {mass_matrix.dtype}, force {force.dtype}; convert one")
    if mass_matrix.shape != force.shape + force.shape[-1:] or force.ndim == 0:
        raise ValueError(
            f"mass_matrix has shape {tuple(mass_matrix.shape)}, force {tuple(force.shape)}; "
            "expected (..., n, n) and (..., n)"
        )
    try:
        return torch.linalg.solve(mass_matrix, force.unsqueeze(-1)).squeeze(-1)
    except LinAlgError as error:
        raise ValueError(
            "the mass matrix ∂²L/∂q̇² is singular: L is not strictly convex in the velocity "
            "there, so it fixes no acceleration"
        ) from error


def conjugate_momentum(lagrangian: ScalarFunction) -> Field:
    r"""Return the map from velocities to momenta, :math:`p = \partial L / \partial \dot q`.

    Args:
        lagrangian: L, a scalar function of ``[q, q̇]``.

    Returns:
        The map ``[q, q̇] -> [q, p]``, ``(..., 2n) -> (..., 2n)``.
    """
    dL = gradient(lagrangian)

    def canonical(x: Tensor) -> Tensor:
        n = check_state(x)
        return torch.cat([x[..., :n], dL(x)[..., n:]], dim=-1)

    return canonical


def legendre_transform(
    lagrangian: ScalarFunction, *, tolerance: float = 1e-12, max_iterations: int = 100
) -> ScalarFunction:
    r"""Return the Hamiltonian of a Lagrangian.

    .. math:: H(q, p) = p \cdot \dot q - L(q, \dot q)
              \quad\text{with}\quad p = \frac{\partial L}{\partial \dot q}(q, \dot q)

    Newton's method with step halving, started at :math:`\dot q = 0`, finds the velocity that
    belongs to a momentum. Three more Newton steps are then taken inside the autograd graph. Each
    doubles the number of correct derivatives of :math:`\dot q`, so H can be differentiated eight
    times.

    Args:
        lagrangian: L, a scalar function of ``[q, q̇]``, strictly convex in ``q̇``.
        tolerance: largest accepted ``|∂L/∂q̇ − p|``, relative to ``1 + |p|``. Raised to a
            few rounding errors of the state's dtype where it lies below that.
        max_iterations: Newton iterations before giving up.

    Returns:
        H, a scalar function of ``[q, p]``, ``(..., 2n) -> (...,)``.

    Raises:
        ValueError: (when called) if no velocity belongs to a momentum within the iterations,
            or the mass matrix is singular on the way.
    """
    dL = gradient(lagrangian)
    check_not_negative(tolerance=tolerance)
    check_count(max_iterations=max_iterations)

    def hamiltonian(x: Tensor) -> Tensor:
        n = check_state(x)
        q, p = x[..., :n], x[..., n:]

        def residual(v: Tensor, q: Tensor, p: Tensor) -> Tensor:
            return dL(torch.cat([q, v], dim=-1))[..., n:] - p

        def newton_step(v: Tensor, q: Tensor, p: Tensor) -> Tensor:
            mass_matrix = jacobian(lambda v: residual(v, q, p))(v)
            return solve_mass_matrix(mass_matrix, residual(v, q, p))

        # The search decides by values (when to halve, when to stop), so it stays outside
        # the graph; only its end point is differentiated, below.
        q0, p0 = q.detach(), p.detach()
        accuracy = max(tolerance, 16 * torch.finfo(x.dtype).eps) * (1 + p0.abs().amax(-1))
        v = torch.zeros_like(p0)
        error = residual(v, q0, p0).detach().abs().amax(-1)
        for _ in range(max_iterations):
            if (error <= accuracy).all():
                break
            step = newton_step(v, q0, p0).detach()
            for _ in range(60):
                trial = v - step
                trial_error = residual(trial, q0, p0).detach().abs().amax(-1)
                worse = ~(trial_error < error) & (error > accuracy)
                if not worse.any():
                    break
                step = torch.where(worse.unsqueeze(-1), step / 2, step)
            better = trial_error < error
            v = torch.where(better.unsqueeze(-1), trial, v)
            error = torch.where(better, trial_error, error)
        if not (error <= accuracy).all():
            raise ValueError(
                f"no velocity found for {int((~(error <= accuracy)).sum())} of the momenta: "
                f"|∂L/∂q̇ − p| is still {float(error.max()):.1e} after {max_iterations} Newton "
                "iterations. Is L strictly convex in q̇, and is p in the range of ∂L/∂q̇?"
            )
        for _ in range(3):
            v = v - newton_step(v, q, p)
        return (p * v).sum(-1) - lagrangian(torch.cat([q, v], dim=-1))

    return hamiltonian


def action(lagrangian: ScalarFunction, path: Tensor, times: Tensor) -> Tensor:
    r"""Return the action of a path, which is stationary where the path is a motion.

    .. math:: S[q] = \int L(q, \dot q)\,dt \approx \sum_k \Delta t_k\,
              L\!\left(\frac{q_k + q_{k+1}}{2}, \frac{q_{k+1} - q_k}{\Delta t_k}\right)

    The midpoint rule is of order two in the step. With both ends held, the paths where this
    sum is stationary are the motions that the implicit midpoint rule gives.

    Args:
        lagrangian: L, a scalar function of ``[q, q̇]``.
        path: positions, ``(T, ..., n)``.
        times: ``(T,)``, increasing, in s.

    Returns:
        S in J s, shape ``(...)``; differentiable with respect to the path.

    Raises:
        ValueError: if path and times do not fit, or the times do not increase.

    References:
        Hairer, Lubich & Wanner 2006, section VI.6.
    """
    check_tensor(path, "path")
    times = as_times(times, forwards=True)
    if len(times) < 2 or path.ndim < 2 or len(path) != len(times):
        raise ValueError(
            f"path has shape {tuple(path.shape)} and times {tuple(times.shape)}; expected "
            "positions (T, ..., n) at T ≥ 2 times (T,)"
        )
    steps = times.diff().to(path)
    middle = (path[1:] + path[:-1]) / 2
    velocity = path.diff(dim=0) / steps.reshape(-1, *[1] * (path.ndim - 1))
    values = checked_scalar(lagrangian, "Lagrangian")(torch.cat([middle, velocity], dim=-1))
    return torch.tensordot(steps, values, dims=1)


def poisson_bracket(f: ScalarFunction, g: ScalarFunction) -> ScalarFunction:
    r"""Return the Poisson bracket of two scalar functions.

    .. math:: \{f, g\} = \frac{\partial f}{\partial q} \cdot \frac{\partial g}{\partial p}
              - \frac{\partial f}{\partial p} \cdot \frac{\partial g}{\partial q}

    With g = H it is the rate at which f changes along the motion.

    Args:
        f: scalar function of ``[q, p]``.
        g: scalar function of ``[q, p]``.

    Returns:
        ``{f, g}``, a scalar function of ``[q, p]``.
    """
    df, motion = gradient(f), hamiltonian_field(g)
    return lambda x: (df(x) * motion(x)).sum(-1)


def poisson_field(hamiltonian: ScalarFunction, bracket: MatrixFunction) -> Field:
    r"""Return the motion that a Hamiltonian causes under a bracket of any kind.

    .. math:: \dot x = J(x)\, \nabla H(x), \qquad J(x)^\top = -J(x)

    So :math:`\dot H = \nabla H^\top J\, \nabla H = 0` whatever the antisymmetric J is. With
    :math:`J = \Omega` it is ``hamiltonian_field``. The state need not be made of pairs: J may be
    singular, and of odd size. A function C with :math:`J \nabla C = 0`, a *Casimir*, is conserved
    by every H.

    Args:
        hamiltonian: H, a scalar function, ``(..., d) -> (...,)``.
        bracket: J, a function ``(..., d) -> (..., d, d)``, or ``(d, d)`` for a J that is the same
            everywhere. Column j holds the motion that the coordinate j as a Hamiltonian causes.

    Returns:
        The field, ``(..., d) -> (..., d)``.

    Raises:
        TypeError, ValueError: (when called) if J is no matrix of the size of the state, or not
            antisymmetric, or H does not return one value for each state.

    References:
        Hairer, Lubich & Wanner 2006, sec. VII.2.
    """
    dH, matrix = gradient(hamiltonian), checked_bracket(bracket)

    def field(x: Tensor) -> Tensor:
        check_vector(x)
        return (matrix(x) @ dH(x).unsqueeze(-1)).squeeze(-1)

    return field


def jacobi_defect(bracket: MatrixFunction) -> ScalarFunction:
    r"""Return how far a bracket is from obeying the Jacobi identity.

    .. math:: \max_{ijk} \Big| \sum_l J_{il} \frac{\partial J_{jk}}{\partial x_l}
              + J_{jl} \frac{\partial J_{ki}}{\partial x_l}
              + J_{kl} \frac{\partial J_{ij}}{\partial x_l} \Big|

    An antisymmetric J that obeys it is a *Poisson bracket*; then coordinates exist in which J is
    Ω, beside as many Casimirs as the rank falls short. With two components every antisymmetric J
    obeys it; with three, one that is learned without more does not, and conserves H all the same.

    Args:
        bracket: J, as in ``poisson_field``.

    Returns:
        A scalar function ``(..., d) -> (...,)``, zero for a Poisson bracket.

    Raises:
        TypeError, ValueError: (when called) as ``poisson_field``.

    References:
        Hairer, Lubich & Wanner 2006, sec. VII.2.
    """
    matrix = checked_bracket(bracket)

    def evaluate(x: Tensor) -> Tensor:
        d = check_vector(x)

        def everywhere(y: Tensor) -> Tensor:
            return matrix(y).expand(*y.shape, d)

        J = everywhere(x)
        slopes = jacobian(lambda y: everywhere(y).flatten(-2))(x).unflatten(-2, (d, d))
        turned = torch.einsum("...il,...jkl->...ijk", J, slopes)
        cyclic = turned + turned.movedim(-3, -1) + turned.movedim(-1, -3)
        return cyclic.abs().amax((-3, -2, -1))

    return evaluate


def divergence(field: Field) -> ScalarFunction:
    r"""Return the divergence of a field, the rate at which it expands phase volume.

    .. math:: \nabla \cdot f = \sum_i \frac{\partial f_i}{\partial x_i}

    It is zero for every Hamiltonian field, true or learned (Liouville).

    Args:
        field: a field, ``(..., 2n) -> (..., 2n)``.

    Returns:
        The scalar function ``(..., 2n) -> (...,)``, in 1/time.
    """
    slopes = jacobian(checked_field(field))

    def evaluate(x: Tensor) -> Tensor:
        check_state(x)
        return torch.diagonal(slopes(x), dim1=-2, dim2=-1).sum(-1)

    return evaluate


def symplectic_form(n: int, *, dtype: torch.dtype, device: torch.device | str) -> Tensor:
    r"""Return :math:`\Omega`, the matrix of the symplectic gradient, shape ``(2n, 2n)``.

    .. math:: \Omega = \begin{pmatrix} 0 & I \\ -I & 0 \end{pmatrix}

    Args:
        n: degrees of freedom.
        dtype: of its entries.
        device: where to put it.
    """
    check_count(n=n)
    check_dtype(dtype)
    return symplectic_gradient(torch.eye(2 * n, dtype=dtype, device=as_device(device))).mT


def symplectic_defect(transformation: Field) -> ScalarFunction:
    r"""Return how far a map of phase space is from being symplectic.

    .. math:: \max_{ij} \left| (J^\top \Omega J - \Omega)_{ij} \right|
              \quad\text{with}\quad J = \frac{\partial\,\text{map}(x)}{\partial x}

    Args:
        transformation: map of states ``(..., 2n) -> (..., 2n)``, such as one step of an
            integrator.

    Returns:
        A scalar function ``(..., 2n) -> (...,)``, zero for a symplectic map.
    """
    slopes = jacobian(checked_field(transformation, "transformation"))

    def evaluate(x: Tensor) -> Tensor:
        omega = symplectic_form(check_state(x), dtype=x.dtype, device=x.device)
        J = slopes(x)
        return (J.mT @ omega @ J - omega).abs().amax(dim=(-2, -1))

    return evaluate
