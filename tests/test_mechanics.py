"""The operators against finite differences, closed forms and the identities they must obey."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import conservative, mass_springs, pendulums, states

from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.mechanics import (
    action,
    conjugate_momentum,
    divergence,
    gradient,
    hamiltonian_field,
    jacobi_defect,
    jacobian,
    lagrangian_field,
    legendre_transform,
    poisson_bracket,
    poisson_field,
    symplectic_defect,
    symplectic_form,
    symplectic_gradient,
    time_reversal,
)
from hnn_tutorial.systems import DampedPendulum, Pendulum, Projectile


def coupled_hamiltonian(x):
    """A Hamiltonian of two degrees of freedom that is not separable."""
    q1, q2, p1, p2 = x.unbind(-1)
    return p1**2 / 2 + p2**2 * torch.exp(q1 / 4) / 3 + torch.sin(q1 * q2) + q2**4 / 5


def relativistic_lagrangian(x):
    """A relativistic particle (m = c = 1) in a quadratic potential; slow enough to be safe."""
    q, v = x[..., 0], x[..., 1]
    return -torch.sqrt(1 - v**2) - q**2 / 2


def rotating_lagrangian(x):
    """Two degrees of freedom, a mass matrix that depends on q, and a term linear in q̇."""
    q1, q2, v1, v2 = x.unbind(-1)
    return v1**2 + v2**2 * (2 + torch.sin(q1)) + v1 * v2 * torch.cos(q1) / 2 + q1 * v2 - q1**2 * q2


def finite_difference_gradient(function, x, h=1e-6):
    columns = []
    for i in range(x.shape[-1]):
        e = torch.zeros_like(x)
        e[..., i] = h
        columns.append((function(x + e) - function(x - e)) / (2 * h))
    return torch.stack(columns, dim=-1)


@given(states(n=2))
def test_field_is_the_turned_finite_difference_gradient(x):
    expected = symplectic_gradient(finite_difference_gradient(coupled_hamiltonian, x))
    torch.testing.assert_close(
        hamiltonian_field(coupled_hamiltonian)(x), expected, rtol=1e-7, atol=1e-7
    )


@given(states(n=2))
def test_energy_does_not_change_along_a_hamiltonian_field(x):
    rate = (gradient(coupled_hamiltonian)(x) * hamiltonian_field(coupled_hamiltonian)(x)).sum(-1)
    assert rate.abs().max() < 1e-13


@given(states(n=2))
def test_hamiltonian_field_has_no_divergence(x):
    assert divergence(hamiltonian_field(coupled_hamiltonian))(x).abs().max() < 1e-12


@given(states(n=2))
def test_divergence_is_the_trace_by_finite_differences(x):
    def field(x):
        return torch.sin(x) * x.roll(1, dims=-1)

    expected = sum(
        finite_difference_gradient(lambda y, i=i: field(y)[..., i], x)[..., i] for i in range(4)
    )
    torch.testing.assert_close(divergence(field)(x), expected, rtol=1e-6, atol=1e-7)


@given(states(n=2, size=1.0))
def test_lagrangian_field_solves_euler_lagrange(x):
    """d/dt ∂L/∂q̇ − ∂L/∂q = 0, the time derivative taken by finite differences."""
    momentum = conjugate_momentum(rotating_lagrangian)
    motion = lagrangian_field(rotating_lagrangian)(x)
    h = 1e-5
    rate = (momentum(x + h * motion) - momentum(x - h * motion))[..., 2:] / (2 * h)
    force = gradient(rotating_lagrangian)(x)[..., :2]
    torch.testing.assert_close(rate, force, rtol=1e-6, atol=1e-6)


@given(conservative, states())
def test_lagrangian_and_hamiltonian_give_one_motion(system, x):
    """[q, q̇] moved by L, and [q, p] moved by H, have the same acceleration."""
    canonical = conjugate_momentum(system.lagrangian)(x)
    by_h = hamiltonian_field(system.hamiltonian)(canonical)
    torch.testing.assert_close(by_h[..., 0], x[..., 1])
    acceleration = lagrangian_field(system.lagrangian)(x)[..., 1]
    mass = (canonical[..., 1] / x[..., 1])[x[..., 1].abs() > 1e-3]
    force = by_h[..., 1][x[..., 1].abs() > 1e-3]
    torch.testing.assert_close(force, mass * acceleration[x[..., 1].abs() > 1e-3])


@given(conservative, states())
def test_legendre_transform_gives_the_textbook_hamiltonian(system, x):
    H = legendre_transform(system.lagrangian)
    torch.testing.assert_close(H(x), system.hamiltonian(x))


@given(states(size=20.0))
def test_legendre_transform_of_a_relativistic_particle(x):
    """H = √(1 + p²) + q²/2: the plain Newton iteration would overshoot the speed of light."""
    expected = torch.sqrt(1 + x[..., 1] ** 2) + x[..., 0] ** 2 / 2
    H = legendre_transform(relativistic_lagrangian)
    torch.testing.assert_close(H(x), expected)
    velocity = hamiltonian_field(H)(x)[..., 0]
    torch.testing.assert_close(velocity, x[..., 1] / torch.sqrt(1 + x[..., 1] ** 2))


def test_legendre_transform_is_differentiable_to_high_order():
    H = legendre_transform(relativistic_lagrangian)

    def derivative(function, order):
        if order == 0:
            return function
        return lambda x: gradient(derivative(function, order - 1))(x)[..., 1]

    def exact(x):
        return torch.sqrt(1 + x[..., 1] ** 2) + x[..., 0] ** 2 / 2

    x = torch.tensor([[0.3, 1.2]], dtype=torch.float64)
    for order in range(1, 7):
        torch.testing.assert_close(derivative(H, order)(x), derivative(exact, order)(x))


def test_legendre_transform_says_when_no_velocity_belongs_to_a_momentum():
    """∂L/∂q̇ = tanh(q̇) never exceeds one."""
    H = legendre_transform(lambda x: torch.log(torch.cosh(x[..., 1])) - x[..., 0] ** 2)
    with pytest.raises(ValueError, match="no velocity found|mass matrix"):
        H(torch.tensor([0.0, 2.0], dtype=torch.float64))


def test_singular_mass_matrix_is_named():
    field = lagrangian_field(lambda x: x[..., 0] * x[..., 1])
    with pytest.raises(ValueError, match="mass matrix .* is singular"):
        field(torch.ones(3, 2, dtype=torch.float64))


@given(states(n=2))
def test_poisson_brackets_obey_their_rules(x):
    def f(x):
        return x[..., 0] * x[..., 3] - x[..., 1] * x[..., 2]

    def g(x):
        return torch.sin(x[..., 0]) + x[..., 2] * x[..., 3]

    H = coupled_hamiltonian
    torch.testing.assert_close(poisson_bracket(f, g)(x), -poisson_bracket(g, f)(x))
    jacobi = (
        poisson_bracket(f, poisson_bracket(g, H))(x)
        + poisson_bracket(g, poisson_bracket(H, f))(x)
        + poisson_bracket(H, poisson_bracket(f, g))(x)
    )
    assert jacobi.abs().max() < 1e-10
    one = poisson_bracket(lambda x: x[..., 1], lambda x: x[..., 3])(x)
    torch.testing.assert_close(one, torch.ones_like(one))


def test_angular_momentum_commutes_with_a_central_hamiltonian_only():
    def angular(x):
        return x[..., 0] * x[..., 3] - x[..., 1] * x[..., 2]

    def central(x):
        return (x[..., 2:] ** 2).sum(-1) / 2 - 1 / x[..., :2].norm(dim=-1)

    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert poisson_bracket(angular, central)(x).abs().max() < 1e-12
    assert poisson_bracket(angular, coupled_hamiltonian)(x).abs().max() > 0.1


@given(mass_springs, states())
def test_symplectic_defect_tells_a_symplectic_step_from_another(system, x):
    step = METHODS["leapfrog"].step
    assert symplectic_defect(lambda y: step(system.field, y, 0.1))(x).max() < 1e-12
    euler = METHODS["euler"].step
    # Euler stretches every area by 1 + h² ω₀², whatever the state.
    expected = 0.1**2 * system.stiffness / system.mass
    defect = symplectic_defect(lambda y: euler(system.field, y, 0.1))(x)
    torch.testing.assert_close(defect, torch.full_like(defect, expected))


# --- the action -----------------------------------------------------------------------------------


def polynomial_path(times):
    """A path of two coordinates, and its velocity."""
    q = torch.stack([times**3 - times, torch.sin(2 * times)], dim=-1)
    velocity = torch.stack([3 * times**2 - 1, 2 * torch.cos(2 * times)], dim=-1)
    return q, velocity


def test_action_is_the_integral_of_l_to_second_order():
    """Against Simpson's rule with the path's own velocity; the error falls by four."""
    fine = torch.linspace(0, 1.5, 2001, dtype=torch.float64)
    values = rotating_lagrangian(torch.cat(polynomial_path(fine), dim=-1))
    exact = (values[:-2:2] + 4 * values[1:-1:2] + values[2::2]).sum() * fine[1] / 3
    errors = []
    for count in (20, 40, 80):
        times = torch.linspace(0, 1.5, count + 1, dtype=torch.float64)
        errors.append(abs(action(rotating_lagrangian, polynomial_path(times)[0], times) - exact))
    assert errors[2] < 1e-2
    assert 3.9 < errors[0] / errors[1] < 4.1
    assert 3.9 < errors[1] / errors[2] < 4.1


def test_action_of_a_body_thrown_up_and_caught():
    """S = −m g² T³/24, with times that are not equally far apart."""
    system = Projectile(mass=0.7, gravity=9.81)
    times = torch.linspace(0, 1, 400, dtype=torch.float64) ** 1.2 * 2.0
    path = (9.81 / 2 * times * (2.0 - times)).unsqueeze(-1)
    expected = torch.tensor(-0.7 * 9.81**2 * 2.0**3 / 24, dtype=torch.float64)
    torch.testing.assert_close(action(system.lagrangian, path, times), expected, rtol=1e-4, atol=0)


@given(conservative, states())
def test_a_motion_of_the_midpoint_rule_is_a_stationary_path(system, x):
    times = torch.linspace(0, 1, 21, dtype=torch.float64)
    path, momentum = integrate(system.field, x, times, "implicit_midpoint").chunk(2, dim=-1)
    slope = torch.func.grad(lambda path: action(system.lagrangian, path, times).sum())(path)
    assert slope[1:-1].abs().max() < 1e-10 * (1 + slope.abs().max())
    # What is left at the ends are the momenta there.
    torch.testing.assert_close(slope[-1], momentum[-1])
    torch.testing.assert_close(slope[0], -momentum[0])


@given(pendulums)
def test_the_true_path_is_a_minimum_only_up_to_the_conjugate_point(system):
    """Hanging at rest: half a period of small swings is where a neighbour has less action."""
    half_period = torch.pi / system.frequency
    for length, sign in [(0.9, 1), (1.1, -1)]:
        times = torch.linspace(0, length * half_period, 201, dtype=torch.float64)
        rest = torch.zeros(201, 1, dtype=torch.float64)
        bump = 0.01 * torch.sin(torch.pi * times / times[-1]).unsqueeze(-1)
        change = action(system.lagrangian, bump, times) - action(system.lagrangian, rest, times)
        assert sign * change > 0


def test_a_total_time_derivative_adds_only_what_the_ends_say():
    """L + d(q²)/dt: the same motions, and an action that differs by q² at the ends."""
    times = torch.linspace(0, 1.5, 81, dtype=torch.float64)
    path = polynomial_path(times)[0][:, :1] + 0.3

    def changed(x):
        return Pendulum().lagrangian(x) + 2 * x[..., 0] * x[..., 1]

    difference = action(changed, path, times) - action(Pendulum().lagrangian, path, times)
    torch.testing.assert_close(difference, (path[-1] ** 2 - path[0] ** 2).squeeze())


def test_action_of_any_batch_shape_and_dtype():
    times = torch.linspace(0, 1, 11, dtype=torch.float64)
    paths = torch.randn(11, 3, 2, 2, generator=torch.Generator().manual_seed(0)).double()
    together = action(rotating_lagrangian, paths, times)
    assert together.shape == (3, 2)
    alone = action(rotating_lagrangian, paths[:, 1, 0], times)
    torch.testing.assert_close(together[1, 0], alone)
    assert action(rotating_lagrangian, paths.float(), times).dtype == torch.float32


@pytest.mark.parametrize(
    "path, times, message",
    [
        (torch.ones(5, 1), torch.arange(4.0), r"\(5, 1\) and times \(4,\); expected"),
        (torch.ones(5), torch.arange(5.0), r"path has shape \(5,\)"),
        (torch.ones(1, 1), torch.arange(1.0), "T ≥ 2"),
        (torch.ones(5, 1), torch.arange(5.0).flip(0), "times must strictly increase"),
    ],
)
def test_paths_that_do_not_fit_their_times_are_named(path, times, message):
    with pytest.raises(ValueError, match=message):
        action(Projectile().lagrangian, path, times)


def test_training_through_the_operators():
    """Weights inside H receive the gradient that finite differences give."""
    x = torch.randn(5, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def loss(k):
        H = lambda x: k * x[..., 0] ** 4 + x[..., 1] ** 2 * (1 + k * x[..., 0] ** 2)  # noqa: E731
        return (hamiltonian_field(H)(x) ** 2).sum()

    k = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    loss(k).backward()
    expected = (loss(k.detach() + 1e-6) - loss(k.detach() - 1e-6)) / 2e-6
    torch.testing.assert_close(k.grad, expected, rtol=1e-6, atol=1e-6)


def test_operators_work_without_grad_mode_and_keep_dtype():
    x = torch.randn(4, 4, dtype=torch.float32)
    with torch.no_grad():
        assert hamiltonian_field(coupled_hamiltonian)(x).dtype == torch.float32
        assert lagrangian_field(rotating_lagrangian)(x).shape == x.shape


def test_jacobian_of_a_map_between_spaces():
    x = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    J = jacobian(lambda x: torch.stack([x[..., 0] * x[..., 1], x[..., 3] ** 2], dim=-1))(x)
    expected = torch.tensor([[2.0, 1, 0, 0], [0, 0, 0, 8]], dtype=torch.float64)
    torch.testing.assert_close(J, expected)


@pytest.mark.parametrize(
    "state, error, message",
    [
        (torch.ones(3), ValueError, "state has 3 components on its last axis"),
        (torch.ones(2, dtype=torch.int64), TypeError, "int64; expected float32 or float64"),
        ([1.0, 2.0], TypeError, "builtins.list; expected a torch.Tensor"),
        (torch.tensor(1.0), ValueError, "expected \\(..., 2n\\)"),
    ],
)
def test_bad_states_are_named(state, error, message):
    with pytest.raises(error, match=message):
        hamiltonian_field(coupled_hamiltonian)(state)


def test_a_hamiltonian_that_is_not_scalar_is_named():
    with pytest.raises(ValueError, match="the scalar function returned shape"):
        hamiltonian_field(lambda x: x**2)(torch.ones(5, 2))


def test_time_reversal_turns_momenta_and_is_its_own_inverse():
    x = torch.tensor([[1.0, 2.0, 3.0, -4.0]], dtype=torch.float64)
    assert time_reversal(x).tolist() == [[1.0, 2.0, -3.0, 4.0]]
    assert torch.equal(time_reversal(time_reversal(x)), x)
    with pytest.raises(ValueError, match="even"):
        time_reversal(x[..., :3])


@pytest.mark.parametrize("seed", range(3))
def test_a_motion_played_backwards_is_a_motion(seed):
    """R f(R x) = −f(x) for a Hamiltonian even in p, and not with friction."""
    x = Pendulum().sample(10, seed)
    field = Pendulum().field
    torch.testing.assert_close(time_reversal(field(time_reversal(x))), -field(x))
    damped = DampedPendulum().field
    assert not torch.allclose(time_reversal(damped(time_reversal(x))), -damped(x))


# Other brackets


def random_bracket(seed, d):
    """An antisymmetric matrix of quadratic functions, which need not obey Jacobi's identity."""
    generator = torch.Generator().manual_seed(seed)
    A = torch.randn(3, d, d, d, generator=generator, dtype=torch.float64)

    def bracket(x):
        M = A[0, 0] + torch.einsum("ijk,...k->...ij", A[1], x)
        M = M + torch.einsum("ijk,...k->...ij", A[2], x**2)
        return M - M.mT

    return bracket


@given(states(n=2))
def test_the_canonical_bracket_is_the_special_case(x):
    def omega(x):
        return symplectic_form(2, dtype=x.dtype, device=x.device)

    expected = hamiltonian_field(coupled_hamiltonian)(x)
    torch.testing.assert_close(poisson_field(coupled_hamiltonian, omega)(x), expected)
    assert jacobi_defect(omega)(x).abs().max() == 0


@pytest.mark.parametrize("d", [1, 2, 3, 5])
@given(st.integers(0, 1000))
def test_energy_stands_still_under_any_antisymmetric_bracket(d, seed):
    def hamiltonian(x):
        return torch.cos(x).sum(-1) + x.prod(-1)

    x = torch.randn(6, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    bracket = random_bracket(seed, d)
    slope, motion = gradient(hamiltonian)(x), poisson_field(hamiltonian, bracket)(x)
    assert ((slope * motion).sum(-1).abs() <= 1e-13 * (1 + (slope * motion).abs().sum(-1))).all()
    # The identity holds by itself in the plane, and not beyond.
    assert (jacobi_defect(bracket)(x).max() > 1e-2) == (d > 2)


def test_the_jacobi_defect_is_that_of_three_coordinates():
    """{xi, {xj, xk}} and its two turns, by the gradient of each bracket of two."""
    bracket = random_bracket(1, 3)
    x = torch.randn(5, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def nested(i, j, k):
        slope = gradient(lambda y: bracket(y)[..., j, k])(x)
        return (bracket(x)[..., i, :] * slope).sum(-1)

    total = nested(0, 1, 2) + nested(1, 2, 0) + nested(2, 0, 1)
    torch.testing.assert_close(jacobi_defect(bracket)(x), total.abs())


@pytest.mark.parametrize(
    "bracket, error, message",
    [
        (lambda x: torch.eye(3).double(), ValueError, "not antisymmetric.* up to 2; expected"),
        (
            lambda x: torch.zeros(2, 2).double(),
            ValueError,
            r"\(2, 2\); expected .*\(3, 3\)",
        ),
        (lambda x: torch.zeros(3, 3), TypeError, "dtype torch.float32; expected torch.float64"),
        (torch.zeros(3, 3), TypeError, "bracket is a tensor"),
    ],
)
def test_a_bracket_that_is_none_is_named(bracket, error, message):
    with pytest.raises(error, match=message):
        poisson_field(lambda x: x.sum(-1), bracket)(torch.ones(4, 3).double())


# Autograd and torch.func

MODES = {
    "with gradients": torch.enable_grad,
    "without": torch.no_grad,
    "inference": torch.inference_mode,
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("wanted", [True, False])
def test_derivatives_are_the_same_in_each_mode(mode, wanted):
    x = torch.tensor([[0.3, -0.4], [1.0, 0.2], [0.7, 0.5]], dtype=torch.float64)
    x.requires_grad_(wanted)
    slope = gradient(lambda x: x[..., 0] ** 3 * x[..., 1])
    turned = jacobian(lambda x: torch.stack([x[..., 0] * x[..., 1], x[..., 1] ** 2], -1))
    q, p = x.detach().unbind(-1)
    zero = torch.zeros_like(q)
    expected = torch.stack([3 * q**2 * p, q**3], -1)
    second = torch.stack([torch.stack([p, q], -1), torch.stack([zero, 2 * p], -1)], -2)
    with MODES[mode]():
        found, rows = slope(x), turned(x)
        assert found.requires_grad == (wanted and mode == "with gradients")
        torch.testing.assert_close(found.detach(), expected)
        torch.testing.assert_close(rows.detach(), second)
        each = torch.func.vmap(slope)(x)
        torch.testing.assert_close(each.detach(), expected)
        torch.testing.assert_close(jacobian(slope)(x)[..., 0, 1].detach(), 3 * q**2)
    if mode == "without":
        again = torch.func.jacrev(lambda x: slope(x).sum(0))(x.detach())
        torch.testing.assert_close(again[0, :, 0].detach(), 6 * q * p)


def test_a_gradient_is_by_the_argument_alone():
    x = torch.tensor([[0.3, -0.4], [1.0, 0.2]], dtype=torch.float64, requires_grad=True)
    found = gradient(lambda y: (y * x).sum(-1))(x)
    torch.testing.assert_close(found, x)
    (total,) = torch.autograd.grad(found.sum(), x)
    torch.testing.assert_close(total, torch.ones_like(x))


@pytest.mark.parametrize("wanted", [True, False])
def test_a_function_may_write_to_its_argument(wanted):
    x = torch.tensor([[0.3, -0.4], [1.0, 0.2]], dtype=torch.float64, requires_grad=wanted)
    with torch.set_grad_enabled(wanted):
        found = gradient(lambda y: y.mul_(2).square().sum(-1))(x)
    torch.testing.assert_close(found.detach(), 8 * x.detach())
    assert x[0, 0] == 0.3


@pytest.mark.parametrize("enabled", [True, False])
def test_the_gradient_of_what_does_not_depend_on_the_state_is_nothing(enabled):
    x = torch.tensor([[0.3, -0.4], [1.0, 0.2]], dtype=torch.float64, requires_grad=True)
    with torch.set_grad_enabled(enabled):
        assert not gradient(lambda y: torch.ones_like(y[..., 0]))(x).any()
        assert not jacobian(lambda y: torch.ones_like(y))(x).any()
