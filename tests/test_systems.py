"""Every system against its own statements: field, H, L, invariants, solution, sampling."""

import itertools
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    conservative,
    damped,
    lotka_volterras,
    poisson,
    positive,
    relativistic_particles,
    rigid_bodies,
    spring_chains,
    states,
    systems_with_states,
    three_bodies,
    two_bodies,
)

from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import (
    divergence,
    gradient,
    hamiltonian_field,
    jacobi_defect,
    jacobian,
    lagrangian_field,
    poisson_bracket,
    poisson_field,
)
from hnn_tutorial.systems import (
    SYSTEMS,
    DampedMassSpring,
    DampedPendulum,
    DoublePendulum,
    HenonHeiles,
    MassSpring,
    NBody,
    Pendulum,
    PoissonSystem,
    Projectile,
    RelativisticParticle,
    RigidBody,
    SpringChain,
    System,
    ThreeBody,
    TwoBody,
)

TIMES = torch.linspace(0, 6, 25, dtype=torch.float64)


@given(systems_with_states())
def test_field_is_the_motion_of_h(drawn):
    system, x = drawn
    torch.testing.assert_close(system.field(x), hamiltonian_field(system.hamiltonian)(x))


@given(systems_with_states())
def test_lagrangian_gives_the_same_motion(drawn):
    """The E–L equation, and H by way of the momenta, agree on [q̇, q̈]."""
    system, x = drawn
    torch.testing.assert_close(system.momenta(system.velocities(x)), x)
    y = system.velocities(x)
    expected = lagrangian_field(system.lagrangian)(y)
    torch.testing.assert_close(system.second_order_field(y), expected, rtol=1e-6, atol=1e-6)


@given(damped, states())
def test_second_order_field_has_the_friction(system, x):
    inertia = getattr(system, "inertia", system.mass)
    frictionless = lagrangian_field(system.lagrangian)(x)[..., 1]
    expected = frictionless - system.damping * x[..., 1] / inertia
    torch.testing.assert_close(system.second_order_field(x)[..., 1], expected)


@given(damped, states())
def test_friction_takes_exactly_the_power_that_it_says(system, x):
    """dH/dt = −c q̇², and never positive."""
    rate = (gradient(system.hamiltonian)(x) * system.field(x)).sum(-1)
    velocity = system.field(x)[..., 0]
    torch.testing.assert_close(rate, -system.damping * velocity**2)
    assert (rate <= 0).all()


@given(systems_with_states())
def test_every_invariant_commutes_with_h(drawn):
    system, x = drawn
    assert system.invariants
    motion = system.field(x)
    for invariant in system.invariants.values():
        bracket = poisson_bracket(invariant, system.hamiltonian)(x)
        size = (gradient(invariant)(x) * motion).abs().sum(-1)
        assert (bracket.abs() <= 1e-12 * (1 + size)).all()


@pytest.mark.parametrize("kind", SYSTEMS.values())
def test_invariants_are_constant_along_the_motion(kind):
    system = kind()
    # A double pendulum as fast as its default would take DOP853 seconds.
    options = {"speed": 2.0} if kind is DoublePendulum else {}
    x0 = system.sample(4, seed=1, **options)
    path = integrate(system.field, x0, TIMES, "dop853", rtol=1e-12, atol=1e-12)
    assert (path[-1] - path[0]).abs().max() > 0.1
    for invariant in system.invariants.values():
        values = invariant(path)
        torch.testing.assert_close(values, values[:1].expand_as(values), rtol=1e-9, atol=1e-9)


@given(systems_with_states(two_bodies | relativistic_particles | spring_chains))
def test_exact_solution_of_larger_systems(drawn):
    system, x = drawn
    numerical = integrate(system.field, x, TIMES[:9], "dop853", rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(system.solution(x, TIMES[:9]), numerical, rtol=1e-7, atol=1e-7)
    backwards = integrate(system.field, x, -TIMES[:5], "dop853", rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(system.solution(x, -TIMES[:5]), backwards, rtol=1e-7, atol=1e-7)


@given(conservative | st.builds(DampedMassSpring, positive, positive, positive), states(size=4.0))
def test_exact_solution_is_the_integrated_motion(system, x):
    numerical = integrate(system.field, x, TIMES, "dop853", rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(system.solution(x, TIMES), numerical, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    "state",
    [
        [0.0, 0.0],  # at rest
        [torch.pi, 0.0],  # balanced upright
        [-torch.pi, 0.0],
        [3.1, 0.0],  # almost upright
        [0.0, 2 * 9.81**0.5],  # on the separatrix
        [0.5, 30.0],  # turning over, fast
        [0.5, -30.0],  # and the other way
        [-7.0, 1.0],  # swinging, whole turns away
    ],
)
def test_pendulum_solution_in_every_regime(state):
    system = Pendulum()
    x0 = torch.tensor(state, dtype=torch.float64)
    times = TIMES[:9]
    numerical = integrate(system.field, x0, times, "dop853", rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(system.solution(x0, times), numerical, rtol=1e-7, atol=1e-7)


def test_pendulum_period_is_the_complete_elliptic_integral():
    """At 90 degrees the period is 1.180340599016096 times that of small swings."""
    system = Pendulum()
    period = 1.180340599016096 * 2 * torch.pi / system.frequency
    x0 = torch.tensor([torch.pi / 2, 0.0], dtype=torch.float64)
    end = system.solution(x0, torch.tensor([0.0, period], dtype=torch.float64))[-1]
    torch.testing.assert_close(end, x0, rtol=1e-9, atol=1e-7)


@pytest.mark.parametrize("damping", [0.1, 2.0, 5.0])
def test_damped_spring_in_all_three_regimes(damping):
    """Against the textbook solutions, under-, critically and over-damped, at k = m = 1."""
    system = DampedMassSpring(damping=damping)
    q = system.solution(torch.tensor([1.0, 0.0], dtype=torch.float64), TIMES)[:, 0]
    rate = damping / 2
    root = abs(1 - rate**2) ** 0.5
    if damping < 2:
        exact = torch.exp(-rate * TIMES) * (
            torch.cos(root * TIMES) + rate / root * torch.sin(root * TIMES)
        )
    elif damping == 2:
        exact = torch.exp(-TIMES) * (1 + TIMES)
    else:
        exact = torch.exp(-rate * TIMES) * (
            torch.cosh(root * TIMES) + rate / root * torch.sinh(root * TIMES)
        )
    torch.testing.assert_close(q, exact)


def test_no_solution_is_said_and_not_made_up():
    with pytest.raises(NotImplementedError, match="pendulum with friction has no closed-form"):
        DampedPendulum().solution(torch.ones(2), TIMES)
    with pytest.raises(NotImplementedError, match="three-body problem has no closed-form"):
        ThreeBody().solution(torch.ones(12), TIMES)


@pytest.mark.parametrize("speed", [0.3, 1.0, 2**0.5, 1.6, 5.0, 0.0])
def test_two_bodies_on_every_kind_of_orbit(speed):
    """Ellipses, a circle, the parabola, hyperbolas and a straight fall; with a drift besides.

    The first body stands at a unit distance from the second, of a third of its mass; the
    speed is given in units of that of the circle.
    """
    system = TwoBody(mass1=3.0, mass2=1.0, gravitational_constant=1.7)
    v = speed * (1.7 * 4.0) ** 0.5
    drift = torch.tensor([0.2, -0.4], dtype=torch.float64)
    q1, q2 = torch.tensor([[0.25, 0.0], [-0.75, 0.0]], dtype=torch.float64)
    relative = torch.tensor([0.0, v], dtype=torch.float64)
    p1, p2 = 3.0 * (drift + relative / 4), drift - 3 * relative / 4
    x0 = torch.cat([q1, q2, p1, p2])
    # The fall from rest ends in a collision at t = 0.426, where no numerical method goes.
    times = TIMES[:9] / 6 * (0.4 if speed == 0 else 2.0)
    numerical = integrate(system.field, x0, times, "dop853", rtol=1e-13, atol=1e-13)
    torch.testing.assert_close(system.solution(x0, times), numerical, rtol=1e-8, atol=1e-8)


@given(systems_with_states(two_bodies | three_bodies))
def test_two_and_three_bodies_are_n_bodies(drawn):
    system, x = drawn
    many = NBody(system.masses, system.gravitational_constant)
    for part in ("hamiltonian", "field", "lagrangian", "momenta", "second_order_field"):
        torch.testing.assert_close(getattr(many, part)(x), getattr(system, part)(x))


def test_ten_bodies_pull_each_other_in_pairs():
    """Against a loop over the pairs, for unequal masses."""
    system = NBody([1.0 + k / 3 for k in range(10)], 0.7)
    x = system.sample(4, seed=1)
    q, p = (half.unflatten(-1, (10, 2)) for half in x.chunk(2, dim=-1))
    force, potential = torch.zeros_like(q), torch.zeros(4, dtype=torch.float64)
    for i, j in itertools.combinations(range(10), 2):
        apart = q[:, j] - q[:, i]
        strength = 0.7 * system.masses[i] * system.masses[j]
        pull = strength * apart / apart.norm(dim=-1, keepdim=True) ** 3
        force[:, i] += pull
        force[:, j] -= pull
        potential -= strength / apart.norm(dim=-1)
    torch.testing.assert_close(system.field(x)[:, 20:], force.flatten(-2))
    kinetic = (p.square().sum(-1) / (2 * torch.tensor(system.masses, dtype=torch.float64))).sum(-1)
    torch.testing.assert_close(system.hamiltonian(x), kinetic + potential)


@given(st.lists(positive, min_size=2, max_size=8), positive, st.integers(0, 100))
def test_n_bodies_start_apart_bound_and_around_the_origin(masses, G, seed):
    system = NBody(masses, G)
    n = len(masses)
    still = system.sample(20, seed, distance=(1.0, 2.0), spread=0.0)
    q = still[:, : 2 * n].unflatten(-1, (n, 2))
    apart = torch.cdist(q, q)[:, ~torch.eye(n, dtype=torch.bool)]
    assert apart.min() >= 1 - 1e-12
    mass = torch.tensor(masses, dtype=torch.float64).unsqueeze(-1)
    assert (mass * q).sum(-2).abs().max() < 1e-12 * mass.sum() * apart.max()
    assert system.invariants["momentum x"](still).abs().max() < 1e-10 * still.abs().max()
    # Half of what would free them: E = T + V with T = −V/2.
    bound = system.hamiltonian(torch.cat([still[:, : 2 * n], 0 * still[:, 2 * n :]], -1)) / 2
    torch.testing.assert_close(system.hamiltonian(still), bound)
    assert (system.invariants["angular momentum"](still) > 0).all()
    assert not torch.equal(still, system.sample(20, seed, distance=(1.0, 2.0), spread=0.1))


@pytest.mark.parametrize("bodies", [2, 3, 4, 7])
def test_equal_bodies_stay_on_their_circle(bodies):
    system = NBody([1.3] * bodies, 0.8)
    x = system.sample(3, seed=0, spread=0.0)
    path = integrate(system.field, x, TIMES[:9], "dop853", rtol=1e-12, atol=1e-12)
    radius = path[..., : 2 * bodies].unflatten(-1, (bodies, 2)).norm(dim=-1)
    torch.testing.assert_close(radius, radius[:1].expand_as(radius), rtol=1e-8, atol=0)


def test_coinciding_bodies_harm_no_other_state():
    system = NBody([1.0, 2.0, 3.0])
    x = system.sample(3, seed=0)
    x[1, 2:4] = x[1, 0:2]
    assert system.field(x)[1].isnan().any()
    assert system.hamiltonian(x)[1] == -torch.inf
    torch.testing.assert_close(system.field(x)[[0, 2]], system.field(x[[0, 2]]))


@pytest.mark.parametrize(
    "masses, error, message",
    [
        ((1.0,), ValueError, "expected those of two bodies or more"),
        ((1.0, -2.0), ValueError, "mass of body 2 = -2.0"),
        (3, TypeError, "expected one for each body"),
        (("a", "b"), TypeError, "mass of body 1 = 'a'"),
        (torch.ones(2, 2), ValueError, "a tensor of shape"),
    ],
)
def test_wrong_masses_are_named(masses, error, message):
    with pytest.raises(error, match=message):
        NBody(masses)


@given(systems_with_states(two_bodies), st.floats(0.2, 2.5))
def test_the_laplace_vector_stands_still_and_its_length_is_the_eccentricity(drawn, faster):
    """On ellipses and hyperbolas, with a drift; e² = 1 + 2EL²/(μk²) in the centre's frame."""
    system, x = drawn
    x = torch.cat([x[..., :4], faster * x[..., 4:]], dim=-1)
    G, m1, m2 = system.gravitational_constant, system.mass1, system.mass2
    reduced, k = m1 * m2 / (m1 + m2), G * m1 * m2
    spin = system.invariants["angular momentum"](x)
    square = 1 + 2 * system.hamiltonian(x) * spin**2 / (reduced * k**2)
    vector = system.laplace_vector(x)
    torch.testing.assert_close(vector.square().sum(-1), square, rtol=1e-8, atol=1e-8)
    drift = x.new_tensor([0.0] * 4 + [0.3 * m1, -0.2 * m1, 0.3 * m2, -0.2 * m2])
    torch.testing.assert_close(system.laplace_vector(x + drift), vector)
    motion = system.field(x)
    for axis in (0, 1):
        slope = gradient(lambda y, axis=axis: system.laplace_vector(y)[..., axis])(x)
        assert ((slope * motion).sum(-1).abs() <= 1e-12 * (slope * motion).abs().sum(-1)).all()


def test_the_laplace_vector_points_to_where_the_bodies_are_nearest():
    system = TwoBody(mass1=2.0, mass2=0.5, gravitational_constant=1.3)
    x = system.sample(5, seed=3, spread=0.3)
    path = system.solution(x, torch.linspace(0, 60, 6001, dtype=torch.float64))
    apart = path[..., 0:2] - path[..., 2:4]
    nearest = apart.norm(dim=-1).argmin(dim=0)
    there = apart[nearest, torch.arange(5)]
    vector = system.laplace_vector(x)
    along = (there * vector).sum(-1) / (there.norm(dim=-1) * vector.norm(dim=-1))
    assert (along > 1 - 1e-3).all()


def test_two_bodies_obey_keplers_third_law_for_a_long_time():
    system = TwoBody(mass1=2.0, mass2=0.5, gravitational_constant=1.3)
    x0 = system.sample(20, seed=0, spread=0.1)
    axis = -1.3 * 2.0 * 0.5 / (2 * system.hamiltonian(x0))
    period = 2 * torch.pi * (axis**3 / (1.3 * 2.5)) ** 0.5
    for x, T in zip(x0, period, strict=True):
        times = torch.tensor([0.0, 1.0, 1000.0], dtype=torch.float64) * T
        path = system.solution(x, times)
        torch.testing.assert_close(path, x0.new_zeros(3, 1) + x, rtol=1e-9, atol=1e-9)


def test_two_bodies_drawn_without_spread_circle_each_other():
    system = TwoBody(mass1=2.0, mass2=0.5)
    path = system.solution(system.sample(10, seed=4, spread=0.0), TIMES)
    distance = (path[..., :2] - path[..., 2:4]).norm(dim=-1)
    torch.testing.assert_close(distance, distance[:1].expand_as(distance))
    centre = 2.0 * path[..., :2] + 0.5 * path[..., 2:4]
    assert centre.abs().max() < 1e-12
    # The draws of Greydanus et al.: a first body in [0.5, 1.5]², turning to the left.
    x = TwoBody().sample(200, seed=0)
    assert x[:, :2].min() >= 0.5
    assert x[:, :2].max() <= 1.5
    torch.testing.assert_close(x[:, :2], -x[:, 2:4])
    assert (TwoBody().invariants["angular momentum"](x) > 0).all()
    speed = x[:, 4:6].norm(dim=-1) * 2 * x[:, :2].norm(dim=-1) ** 0.5
    assert abs(float(speed.std()) - 0.05) < 0.01


@given(three_bodies, st.integers(0, 100))
def test_three_bodies_drawn_without_spread_turn_as_a_triangle(system, seed):
    """Lagrange's solution: for any masses, an equilateral triangle turns as a rigid body."""
    x0 = system.sample(2, seed, spread=0.0)
    path = integrate(system.field, x0, TIMES[:5], "dop853", rtol=1e-12, atol=1e-12)
    corners = path[..., :6].unflatten(-1, (3, 2))
    sides = (corners - corners.roll(1, dims=-2)).norm(dim=-1)
    torch.testing.assert_close(sides, sides[:1, :, :1].expand_as(sides), rtol=1e-7, atol=1e-7)
    assert (path[-1] - path[0]).abs().max() > 0.05


def test_three_bodies_are_drawn_as_in_the_paper():
    x = ThreeBody().sample(500, seed=0)
    q, p = x.unflatten(-1, (2, 3, 2)).unbind(-3)
    radius = q.norm(dim=-1)
    assert radius.min() >= 0.9
    assert radius.max() <= 1.2
    circular = torch.stack([-q[..., 1], q[..., 0]], dim=-1) * radius.unsqueeze(-1) ** -1.5
    factor = p / (circular * 3**-0.25)
    assert 0.8 - 1e-9 <= factor.min() < 0.81
    assert 1.19 < factor.max() <= 1.2 + 1e-9


def test_double_pendulum_with_a_light_lower_bob_is_a_pendulum():
    system = DoublePendulum(mass1=1.0, mass2=1e-9, length1=1.3)
    y = torch.tensor([[0.7, 0.2, -1.1, 0.4]], dtype=torch.float64)
    alone = Pendulum(length=1.3).second_order_field(y[:, [0, 2]])
    torch.testing.assert_close(system.second_order_field(y)[:, [0, 2]], alone, rtol=1e-7, atol=1e-7)


def test_double_pendulum_states_one_mass_matrix():
    """M is ∂²L/∂θ̇², and turns velocities into momenta."""
    system = DoublePendulum(1.2, 0.7, 0.9, 1.4)
    y = torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    second = jacobian(gradient(system.lagrangian))(y)[..., 2:, 2:]
    torch.testing.assert_close(system.mass_matrix(y), second)
    product = (system.mass_matrix(y) @ y[:, 2:, None]).squeeze(-1)
    torch.testing.assert_close(system.momenta(y)[:, 2:], product)
    velocities = system.velocities(system.sample(500, seed=0, angle=1.0, speed=4.0))
    assert velocities[:, :2].abs().max() <= 1.0
    assert 3.9 < velocities[:, 2:].abs().max() <= 4.0 + 1e-9


@pytest.mark.parametrize("energy", [1 / 12, 1 / 8, 1 / 6])
def test_henon_heiles_is_drawn_on_the_section_at_its_energy(energy):
    system = HenonHeiles()
    x = system.sample(300, seed=0, energy=energy)
    torch.testing.assert_close(system.hamiltonian(x), torch.full((300,), energy).double())
    assert (x[:, 0] == 0).all()
    assert (x[:, 2] > 0).all()
    assert x[:, 1].max() <= 1
    assert x[:, 1].min() < -0.3
    for wrong in (0.0, 0.17, -1.0):
        with pytest.raises(ValueError, match="the well opens"):
            system.sample(5, seed=0, energy=wrong)
    assert HenonHeiles(coupling=0.0).escape_energy == float("inf")
    assert HenonHeiles(coupling=0.0).sample(5, seed=0, energy=3.0).shape == (5, 4)


@given(relativistic_particles, states(size=3.0))
def test_relativistic_momentum_is_not_mass_times_velocity(system, x):
    """In [q, m q̇] the motion is the same, yet no Hamiltonian's: it has a divergence."""
    velocity = system.field(x)[..., 0]
    assert (velocity.abs() < system.speed_of_light).all()
    y = system.non_canonical(x)
    carried = (jacobian(system.non_canonical)(x) @ system.field(x).unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(system.non_canonical_field(y), carried)
    assert divergence(system.field)(x).abs().max() < 1e-12
    slowing = 1 - (velocity / system.speed_of_light) ** 2
    expected = 3 * system.stiffness * x[..., 0] * velocity * slowing**0.5
    expected = expected / (system.mass * system.speed_of_light**2)
    torch.testing.assert_close(divergence(system.non_canonical_field)(y), expected)


def test_slow_relativistic_particle_is_a_mass_on_a_spring():
    slow = RelativisticParticle(mass=2.0, stiffness=3.0, speed_of_light=1e6)
    spring = MassSpring(mass=2.0, stiffness=3.0)
    x = torch.tensor([[0.4, -1.0], [0.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(slow.solution(x, TIMES), spring.solution(x, TIMES))


@given(spring_chains, st.integers(0, 100))
def test_spring_chain_falls_into_its_normal_modes(system, seed):
    x = system.sample(5, seed)
    assert x.shape == (5, 2 * system.masses)
    torch.testing.assert_close(system.modes(system.modes(x)), x)
    energies = torch.stack([system.mode_energy(x, mode) for mode in range(1, system.masses + 1)])
    torch.testing.assert_close(energies.sum(0), system.hamiltonian(x))
    # The frequencies are those of the linear field itself.
    A = system.field(torch.eye(2 * system.masses, dtype=torch.float64)).mT
    found = torch.linalg.eigvals(A).imag.sort().values[system.masses :]
    torch.testing.assert_close(found, torch.tensor(system.frequencies, dtype=torch.float64))


# Systems whose states are no pairs


@given(systems_with_states(poisson | conservative))
def test_field_is_the_bracket_on_the_gradient_of_h(drawn):
    system, x = drawn
    J = system.poisson_matrix(x)
    assert torch.equal(J, -J.mT)
    torch.testing.assert_close(system.field(x), poisson_field(system.hamiltonian, lambda _: J)(x))
    assert (jacobi_defect(system.poisson_matrix)(x) <= 1e-14 * (1 + x.abs().amax(-1))).all()


@given(systems_with_states(poisson))
def test_every_invariant_of_another_bracket_stands_still(drawn):
    """And a Casimir under every H."""
    system, x = drawn
    motion = system.field(x)
    for invariant in system.invariants.values():
        slope = gradient(invariant)(x)
        assert ((slope * motion).sum(-1).abs() <= 1e-13 * (1 + slope.square().sum(-1))).all()
    for casimir in system.casimirs.values():
        slope = gradient(casimir)(x).unsqueeze(-1)
        assert (system.poisson_matrix(x) @ slope).abs().max() <= 1e-12 * (1 + slope.abs().max())


@given(systems_with_states(rigid_bodies))
def test_rigid_body_solution_is_the_integrated_motion(drawn):
    system, x = drawn
    numerical = integrate(system.field, x, TIMES[:9], "dop853", rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(system.solution(x, TIMES[:9]), numerical, rtol=1e-8, atol=1e-8)
    backwards = integrate(system.field, x, -TIMES[:5], "dop853", rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(system.solution(x, -TIMES[:5]), backwards, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "moments",
    [(1, 2, 3), (3, 1, 2), (2, 1, 3), (1, 1, 3), (3, 1, 1), (1, 3, 1), (3, 1, 3), (2, 2, 2)],
)
def test_rigid_body_solution_in_every_order_of_its_moments_and_on_every_axis(moments):
    """With equal ones among them; steady rotations, and the way out of the unstable one."""
    system = RigidBody(*map(float, moments))
    axes = torch.eye(3, dtype=torch.float64)
    planes = torch.tensor([[1.0, 1, 0], [0, 1, -1], [-1, 0, 1], [0, 0, 0]], dtype=torch.float64)
    near = axes[:2] + 1e-4
    x0 = torch.cat([axes, -axes, planes, near])
    numerical = integrate(system.field, x0, TIMES, "dop853", rtol=1e-13, atol=1e-14)
    solution = system.solution(x0, TIMES)
    torch.testing.assert_close(solution, numerical, rtol=0, atol=1e-8)
    torch.testing.assert_close(solution[:, :6], x0[:6].expand(len(TIMES), 6, 3))


def test_a_body_tumbles_about_its_middle_axis_alone():
    path = RigidBody().solution(torch.eye(3).double() + 1e-3, torch.linspace(0, 60, 301))
    along = torch.diagonal(path, dim1=-2, dim2=-1)
    assert (along[:, [0, 2]] > 0.99).all()
    assert along[:, 1].min() < -0.99


@given(systems_with_states(lotka_volterras))
def test_logarithms_of_predators_and_prey_are_canonical(drawn):
    system, x = drawn
    rates = hamiltonian_field(lambda logs: system.hamiltonian(torch.exp(logs)))(torch.log(x))
    torch.testing.assert_close(system.field(x), x * rates)
    still = torch.tensor(system.equilibrium, dtype=torch.float64)
    assert system.field(still).abs().max() < 1e-12
    assert (system.hamiltonian(x) <= system.hamiltonian(still)).all()
    assert system.hamiltonian(torch.tensor([1.0, -1.0])).isnan()


@dataclass(frozen=True)
class Spinning(PoissonSystem):
    """Five components, one of them an angle that turns."""

    rate: float = 2.0
    dimension = 5

    def hamiltonian(self, x):
        return x.square().sum(-1) / 2

    def poisson_matrix(self, x):
        J = torch.zeros(5, 5, dtype=x.dtype)
        J[0, 3], J[3, 0] = self.rate, -self.rate
        return J


def test_a_poisson_system_of_ones_own_has_defaults():
    own = Spinning()
    assert own.coordinates[4] == ("x5", "")
    assert own.angles == ()
    x = torch.arange(10.0, dtype=torch.float64).reshape(2, 5)
    expected = torch.zeros_like(x)
    expected[:, 0], expected[:, 3] = 2 * x[:, 3], -2 * x[:, 0]
    assert torch.equal(own.field(x), expected)
    assert set(own.invariants) == {"energy"}
    with pytest.raises(ValueError, match="x has 4 components on its last axis; expected 5"):
        own.field(x[:, :4])


@pytest.mark.parametrize("kind", [k for k in SYSTEMS.values() if not k.canonical])
def test_a_system_without_pairs_says_so(kind):
    system = kind()
    x = system.sample(2, 0)
    for part in ("lagrangian", "velocities", "momenta", "second_order_field"):
        with pytest.raises(NotImplementedError, match=r"its state is not \[q, p\]; use its field"):
            getattr(system, part)(x)
    with pytest.raises(AttributeError, match=f"its states have {system.dimension} components"):
        _ = system.degrees
    assert not hasattr(system, "degrees")

    class Nothing(PoissonSystem):
        pass

    with pytest.raises(NotImplementedError, match="state it as an attribute: dimension = 3"):
        Nothing().field(x)
    Nothing.dimension = x.shape[-1]
    for part in ("hamiltonian", "field", "poisson_matrix"):
        with pytest.raises(NotImplementedError, match="needs a hamiltonian and a poisson_matrix"):
            getattr(Nothing(), part)(x)


@pytest.mark.parametrize("kind", SYSTEMS.values())
def test_samples_are_reproducible(kind):
    system = kind()
    x = system.sample(50, seed=3)
    assert x.shape == (50, system.dimension)
    assert x.dtype == torch.float64
    assert torch.equal(x, system.sample(50, seed=3))
    assert torch.equal(x, system.sample(50, seed=torch.Generator().manual_seed(3)))
    assert not torch.equal(x, system.sample(50, seed=4))
    with pytest.raises(ValueError, match="count = 0"):
        system.sample(0, seed=0)


@pytest.mark.parametrize(
    "kind",
    [
        MassSpring,
        DampedMassSpring,
        Pendulum,
        DampedPendulum,
        Projectile,
        RelativisticParticle,
        SpringChain,
    ],
)
def test_samples_stay_within_their_radius(kind):
    x = kind().sample(500, seed=3, radius=(0.5, 0.8))
    radius = x.norm(dim=-1)
    assert radius.min() >= 0.5
    assert radius.max() <= 0.8
    assert abs(float(x.mean())) < 0.1
    with pytest.raises(ValueError, match="radius"):
        kind().sample(5, seed=0, radius=(2.0, 1.0))


@pytest.mark.parametrize("kind", SYSTEMS.values())
def test_systems_state_their_parameters(kind):
    system = kind()
    assert SYSTEMS[system.name] is kind
    assert len(system.coordinates) == system.dimension
    if system.canonical:
        assert system.dimension == 2 * system.degrees
    symbols = [symbol for symbol, _ in system.coordinates]
    assert len(set(symbols)) == len(symbols)
    units = [unit for _, unit in system.coordinates]
    assert system.angles == tuple(i for i, unit in enumerate(units) if unit == "rad")
    for parameter in system.parameters:
        assert parameter.unit
        assert parameter.meaning
        assert parameter.value == getattr(system, parameter.name)
        several = isinstance(parameter.value, tuple)
        numbered = r"(mass of body 1|number 1 of \w+)"
        what, wrong = (numbered, (-1, 1)) if several else (parameter.name, -1)
        with pytest.raises(ValueError, match=f"{what} = -1"):
            kind(**{parameter.name: wrong})


def test_spring_chain_has_the_degrees_that_it_is_given():
    system = SpringChain(masses=5)
    assert system.degrees == 5
    assert system.coordinates[5] == ("p1", "kg m/s")
    with pytest.raises(ValueError, match="masses = 2.5; expected a positive integer"):
        SpringChain(masses=2.5)


@pytest.mark.parametrize("kind", SYSTEMS.values())
def test_dtype_follows_the_state(kind):
    """And float32 is as right as its digits allow."""
    system = kind()
    x = system.sample(20, seed=0)
    single = system.field(x.float())
    assert single.dtype == torch.float32
    scale = system.field(x).abs().max().item()
    torch.testing.assert_close(single.double(), system.field(x), rtol=1e-4, atol=1e-5 * scale)
    if type(system).solution is not System.solution:
        assert system.solution(x.float(), TIMES).dtype == torch.float32


@pytest.mark.parametrize(
    "kind", [TwoBody, RelativisticParticle, SpringChain, Projectile, RigidBody]
)
def test_solution_of_any_batch_shape(kind):
    system = kind()
    x = system.sample(6, seed=0)
    path = system.solution(x, TIMES)
    assert torch.equal(path.reshape(25, 2, 3, -1), system.solution(x.reshape(2, 3, -1), TIMES))
    torch.testing.assert_close(path[:, 0], system.solution(x[0], TIMES))
    torch.testing.assert_close(path[0], x)
