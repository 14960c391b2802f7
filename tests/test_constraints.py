"""Rods as data, the multipliers that hold them, RATTLE, and the systems made of rods."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import four_bars, link_chains, pendulum_chains, positive
from test_every_parameter import WHAT, check_gradients
from torch.func import jacrev, jvp, vmap

from hnn_tutorial.constraints import (
    Rods,
    add_constraints,
    constrained_field,
    constrained_lagrangian_field,
    point_masses,
)
from hnn_tutorial.integrators import (
    METHODS,
    UnsettledStepError,
    crossings,
    integrate,
    integrate_gaps,
)
from hnn_tutorial.mechanics import (
    gradient,
    jacobi_defect,
    jacobian,
    lagrangian_field,
    symplectic_defect,
)
from hnn_tutorial.systems import (
    SYSTEMS,
    ConstrainedSystem,
    DoublePendulum,
    FourBar,
    LinkChain,
    Pendulum,
    PendulumChain,
    System,
)

CHAIN = LinkChain(3, (1.0, 0.7, 1.3), (1.0, 0.8, 0.6), (0.0, 0.4, 0.2), 2.0)
LINKAGE = FourBar(masses=(1.0, 0.7), rod_masses=(0.1, 0.3, 0.2), gravity=2.0)
SQUARE = Rods([(-1, 0), (0, 1), (1, -2)], [1.0, 1.0, 1.0], [(0.0, 0.0), (1.0, 0.0)])
BRACED = SQUARE.with_rod((-1, 1), 2**0.5).with_rod((0, -2), 2**0.5)
UPRIGHT = torch.tensor([0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
mechanisms = st.one_of(link_chains, four_bars)


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def well(q):
    """A potential of the positions that is not linear."""
    return torch.cos(q).sum(-1) + q[..., 0] * q[..., -1] + q.square().sum(-1) / 3


@st.composite
def rods(draw, dimension=None):
    """A tree of rods from the anchors to all points, in one to three dimensions."""
    dimension = dimension or draw(st.integers(1, 3))
    points, anchors = draw(st.integers(1, 4)), draw(st.integers(1, 2))
    pairs = [(draw(st.integers(-anchors, k - 1)), k) for k in range(points)]
    places = drawn(anchors, dimension, seed=points).tolist()
    return Rods(pairs, [draw(positive) for _ in pairs], places, dimension)


@given(rods(), st.integers(0, 100))
def test_the_derivatives_of_rods_are_those_of_their_lengths(made, seed):
    q, v = drawn(3, made.size, seed=seed + 1000), drawn(3, made.size, seed=seed)
    lengths = torch.tensor([*map(float, made.lengths)], dtype=torch.float64)
    ends = torch.cat(
        [
            q.unflatten(-1, (made.points, -1)),
            torch.tensor(made.anchors, dtype=torch.float64).flip(0).expand(3, -1, -1),
        ],
        dim=-2,
    )  # so that −1 is the first anchor
    first, second = (ends[:, [pair[k] for pair in made.pairs]] for k in (0, 1))
    g = ((second - first).square().sum(-1) - lengths**2) / 2
    torch.testing.assert_close(made.values(q), g)
    G = jacobian(made.values)(q)
    torch.testing.assert_close(made.jacobian(q), G)
    torch.testing.assert_close(made.rates(q, v), (G @ v.unsqueeze(-1)).squeeze(-1))
    _, bend = jvp(lambda q: made.rates(q, v), (q,), (v,))
    torch.testing.assert_close(made.curvature(v), bend)


@given(rods(), st.integers(0, 100), st.booleans())
def test_rods_keep_their_lengths_and_the_energy(made, seed, momenta):
    """g̈ = 0 at every state; the rods do no work on those that lie on them."""
    n, d = made.points, made.size
    K = 0.5 * drawn(n, n, seed=seed).tril()
    M = K @ K.T + torch.eye(n).double()
    field = constrained_field(well, M, made, momenta=momenta)
    x = drawn(4, 2 * d, seed=seed + 1000)
    W = torch.kron(torch.linalg.inv(M).contiguous(), torch.eye(made.dimension).double())
    velocity = x[:, d:] @ W if momenta else x[:, d:]
    rate = field(x)
    torch.testing.assert_close(rate[:, :d], velocity)
    acceleration = rate[:, d:] @ W if momenta else rate[:, d:]
    G = made.jacobian(x[:, :d])
    held = (G @ acceleration.unsqueeze(-1)).squeeze(-1) + made.curvature(velocity)
    scale = 1 + held.abs().max() + made.curvature(velocity).abs().max()
    assert held.abs().max() < 1e-9 * scale
    # What is left is Newton's law with the stated multipliers.
    pull = (G.mT @ field.multipliers(x).unsqueeze(-1)).squeeze(-1) - gradient(well)(x[:, :d])
    torch.testing.assert_close(acceleration, pull @ W)


@given(mechanisms, st.integers(0, 100))
def test_energy_and_rods_are_kept_by_every_mechanism(system, seed):
    x = system.sample(5, seed)
    system.constraints.check(system.velocities(x))
    motion = system.field(x)
    for invariant in system.invariants.values():
        work = gradient(invariant)(x) * motion
        assert (work.sum(-1).abs() <= 1e-11 * (1 + work.abs().sum(-1))).all()


@pytest.mark.parametrize("system", [CHAIN, LINKAGE])
def test_lagranges_equation_with_multipliers_gives_the_same_motion(system):
    y = system.velocities(system.sample(6, 0))
    expected = system.second_order_field(y)
    for held in (system.constraints, system.constraints.values):
        found = constrained_lagrangian_field(system.lagrangian, held)(y)
        torch.testing.assert_close(found, expected)


@given(link_chains, st.integers(0, 100))
def test_angles_and_points_tell_the_same_motion(chain, seed):
    twin = chain.in_angles()
    x, z = chain.sample(5, seed), twin.sample(5, seed)
    y, a = chain.velocities(x), twin.velocities(z)
    torch.testing.assert_close(chain.from_angles(a), y)
    torch.testing.assert_close(chain.to_angles(y), a)
    torch.testing.assert_close(chain.hamiltonian(x), twin.hamiltonian(z))
    torch.testing.assert_close(chain.lagrangian(y), twin.lagrangian(a))
    dy, da = chain.second_order_field(y), twin.second_order_field(a)
    close = {"rtol": 1e-8, "atol": 1e-8}
    torch.testing.assert_close(chain.rates_from_angles(a, da), dy, **close)
    torch.testing.assert_close(chain.rates_to_angles(y, dy), da, **close)
    torch.testing.assert_close(lagrangian_field(twin.lagrangian)(a), da, **close)


@given(positive, positive, positive, positive, positive, st.integers(0, 100))
def test_two_links_are_the_double_pendulum(m1, m2, l1, l2, g, seed):
    chain = PendulumChain(2, (m1, m2), (l1, l2), 0.0, g)
    known = DoublePendulum(m1, m2, l1, l2, g)
    z = known.sample(5, seed, speed=2.0)
    torch.testing.assert_close(chain.field(z), known.field(z))
    height = (m1 + m2) * g * l1 + m2 * g * l2  # zero at rest there, at the anchor's height here
    torch.testing.assert_close(chain.hamiltonian(z) + height, known.hamiltonian(z))


def test_a_heavy_rod_moves_as_all_of_its_points():
    """The energy of 20,000 points along each rod, against M and the weights."""
    y = CHAIN.velocities(CHAIN.sample(3, 0))
    masses = torch.tensor(CHAIN.masses, dtype=torch.float64)
    points, velocities = y.unflatten(-1, (2, 3, 2)).unbind(-3)
    kinetic = (masses * velocities.square().sum(-1)).sum(-1) / 2
    height = (masses * points[..., 1]).sum(-1)
    along = (torch.arange(20000).double() + 0.5) / 20000
    ends = torch.cat([torch.zeros(3, 1, 2), points], dim=-2)
    moving = torch.cat([torch.zeros(3, 1, 2), velocities], dim=-2)
    for k, mass in enumerate(CHAIN.rod_masses):
        share = along[:, None, None]
        v = (1 - share) * moving[:, k] + share * moving[:, k + 1]
        kinetic = kinetic + mass * v.square().sum(-1).mean(0) / 2
        height = height + mass * (ends[:, k, 1] + ends[:, k + 1, 1]) / 2
    expected = kinetic + CHAIN.gravity * height
    torch.testing.assert_close(CHAIN.hamiltonian(CHAIN.momenta(y)), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("system", [LinkChain(1), CHAIN, LINKAGE])
def test_diracs_bracket_makes_the_motion_and_its_casimirs_are_the_rods(system):
    x = system.sample(4, 0)
    J = system.poisson_matrix(x)
    assert torch.equal(J, -J.mT)
    slope = gradient(system.hamiltonian)(x).unsqueeze(-1)
    torch.testing.assert_close((J @ slope).squeeze(-1), system.field(x))
    for name, invariant in system.invariants.items():
        if name != "energy":
            turned = J @ gradient(invariant)(x).unsqueeze(-1)
            assert turned.abs().max() < 1e-12
    assert jacobi_defect(system.poisson_matrix)(x).max() < 1e-10


def test_a_linkage_is_its_open_chain_with_one_rod_more():
    x = LINKAGE.sample(5, 0)
    closed = LINKAGE.open_chain.constraints.with_rod((1, -2), 1.0, anchor=(1.3, 0.0))
    assert closed == LINKAGE.constraints
    assert LINKAGE.constraints.anchors == ((0.0, 0.0), (1.3, 0.0))
    bare = FourBar(masses=(1.0, 0.7), gravity=2.0)
    chain = bare.open_chain
    found = add_constraints(
        lambda y: torch.cat([y[..., 4:], -0.0 * y[..., 4:] - gravity(y)], -1),
        lambda y: torch.kron(chain.masses_between, torch.eye(2)).expand(*y.shape[:-1], 4, 4),
        closed,
    )
    y = bare.velocities(bare.sample(5, 0))
    torch.testing.assert_close(found(y), bare.second_order_field(y))
    assert (LINKAGE.multipliers(x)[:, 2].abs() > 1e-3).all()


def gravity(y):
    """The free acceleration of two points, downwards."""
    return torch.tensor([0.0, 2.0, 0.0, 2.0]).double().expand(*y.shape[:-1], 4)


def test_a_model_in_angles_is_closed_by_a_function():
    """The open chain in angles, with the rocker as a function of them, moves as the linkage."""
    chain = LINKAGE.open_chain
    closed = FourBar(
        masses=(1.0, 0.7), rod_masses=(0.1, 0.3, 0.0), gravity=2.0
    )  # a rocker without a mass is a constraint and nothing else
    twin = chain.in_angles()

    def rocker(q):
        tip = chain.from_angles(torch.cat([q, 0 * q], dim=-1))[..., 2:4]
        gap = tip - torch.tensor([1.3, 0.0], dtype=torch.float64)
        return (gap.square().sum(-1, keepdim=True) - 1.0) / 2

    y = closed.velocities(closed.sample(5, 1))
    field = add_constraints(twin.second_order_field, twin.mass_matrix, rocker)
    found = chain.rates_from_angles(chain.to_angles(y), field(chain.to_angles(y)))
    torch.testing.assert_close(found, closed.second_order_field(y), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("elbow", [1, -1])
def test_a_linkage_is_assembled_on_either_side(elbow):
    angle = torch.linspace(-3, 3, 13).double()
    q = LINKAGE.assemble(angle, elbow)
    assert LINKAGE.constraints.values(q).abs().max() < 1e-14
    torch.testing.assert_close(torch.atan2(q[:, 0], -q[:, 1]), angle)
    gap = torch.tensor([1.3, 0.0], dtype=torch.float64) - q[:, :2]
    reach = q[:, 2:] - q[:, :2]
    assert (elbow * (gap[:, 0] * reach[:, 1] - gap[:, 1] * reach[:, 0]) > 0).all()
    x = LINKAGE.sample(200, 0, elbow=elbow, speed=2.0)
    assert torch.equal(x, LINKAGE.sample(200, 0, elbow=elbow, speed=2.0))
    turning = LINKAGE.velocities(x)[:, 4:6].norm(dim=-1) / 0.5
    assert 1.9 < turning.max() <= 2.0


# --- RATTLE


@pytest.mark.parametrize("system", [CHAIN, LINKAGE])
def test_rattle_is_of_order_two_and_holds_the_rods(system):
    x = system.sample(3, 4)
    exact = integrate(system.field, x, [0.0, 1.0], "dop853", rtol=1e-12, atol=1e-12)[-1]
    errors = []
    for h in (0.02, 0.01):
        path = integrate(
            system.field, x, torch.linspace(0, 1, 11, dtype=torch.float64), "rattle", step=h
        )
        errors.append(float((path[-1] - exact).norm(dim=-1).max()))
        y = system.velocities(path)
        q, v = y.chunk(2, dim=-1)
        assert system.constraints.values(q).abs().max() < 1e-14
        assert system.constraints.rates(q, v).abs().max() < 1e-13
    assert math.log2(errors[0] / errors[1]) == pytest.approx(2, abs=0.02)


def test_rattle_is_of_order_two_and_symmetric_where_the_force_changes_too():
    """Gravity is the same everywhere; this potential pulls differently at either end of a step."""
    field = constrained_field(well, CHAIN.masses_between, CHAIN.constraints, momenta=False)
    y = CHAIN.velocities(CHAIN.sample(3, 4, speed=0.5))
    exact = integrate(field, y, [0.0, 0.5], "dop853", rtol=1e-12, atol=1e-12)[-1]
    ends = [integrate(field, y, [0.0, 0.5], "rattle", step=h)[-1] for h in (0.01, 0.005)]
    coarse, fine = (float((end - exact).norm(dim=-1).max()) for end in ends)
    assert math.log2(coarse / fine) == pytest.approx(2, abs=0.02)
    back = integrate(field, ends[0], [0.5, 0.0], "rattle", step=0.01)[-1]
    torch.testing.assert_close(back, y, rtol=1e-10, atol=1e-10)


@settings(max_examples=10)
@given(mechanisms, st.integers(0, 100))
def test_a_step_of_rattle_is_undone_by_a_step_back(system, seed):
    x = system.sample(3, seed)
    there = integrate(system.field, x, [0.0, 0.02], "rattle")[-1]
    back = integrate(system.field, there, [0.02, 0.0], "rattle")[-1]
    torch.testing.assert_close(back, x, rtol=1e-11, atol=1e-11)
    assert (there - x).abs().max() > 1e-3


@pytest.mark.parametrize("name", ["rattle", "rk4"])
def test_rattle_is_symplectic_between_angles_and_their_momenta(name):
    """The rods are a chart of the angles, in which [θ, p] are canonical; RK4 is not symplectic."""
    twin = CHAIN.in_angles()

    def step(z):
        x = CHAIN.momenta(CHAIN.from_angles(twin.velocities(z)))
        end = integrate(CHAIN.field, x, [0.0, 0.1], name)[-1]
        return twin.momenta(CHAIN.to_angles(CHAIN.velocities(end)))

    defect = symplectic_defect(step)(twin.sample(3, 0)).max()
    assert defect < 1e-11 if name == "rattle" else defect > 1e-7


def test_rattle_keeps_the_energy_for_ever_where_rk4_leaves_the_rods():
    chain = LinkChain(2, (1.0, 0.7), (1.0, 0.8), gravity=1.0)
    start = torch.tensor([0.9, 0.5, 0.0, 0.0], dtype=torch.float64)
    x = chain.momenta(chain.from_angles(start))
    times = 0.1 * torch.arange(1001).double()
    excess = {}
    for name in ("rattle", "rk4"):
        path = integrate(chain.field, x, times, name)
        excess[name] = chain.constraints.values(path[:, :4]).abs().max()
        error = (chain.hamiltonian(path) - chain.hamiltonian(x)).abs()
        if name == "rattle":
            assert 1e-4 < error[-250:].max() < 1.5 * error[:250].max()
    assert excess["rattle"] < 1e-14
    assert excess["rk4"] > 1e-5


def test_gradients_flow_through_rattle():
    """By the start along the rods and by a mass, in a batch and inside vmap, as quotients."""
    twin, times = CHAIN.in_angles(), [0.0, 0.1, 0.2]

    def end(z, mass):
        chain = LinkChain(3, (1.0, mass, 1.3), CHAIN.lengths, CHAIN.rod_masses, 2.0)
        x = chain.momenta(chain.from_angles(z))
        return integrate(chain.field, x, times, "rattle", step=0.05)[-1].square().sum()

    z = twin.velocities(twin.sample(1, 1))[0]
    mass = torch.tensor(0.7, dtype=torch.float64)
    by_z, by_mass = jacrev(end, (0, 1))(z, mass)
    along, h = drawn(6, seed=3), 1e-5
    quotient = (end(z + h * along, mass) - end(z - h * along, mass)) / (2 * h)
    torch.testing.assert_close(by_z @ along, quotient, rtol=1e-6, atol=1e-8)
    quotient = (end(z, mass + h) - end(z, mass - h)) / (2 * h)
    torch.testing.assert_close(by_mass, quotient, rtol=1e-6, atol=1e-8)
    within = vmap(jacrev(end), (0, None))(z.expand(2, 6), mass)
    torch.testing.assert_close(within, by_z.expand(2, 6))


@pytest.mark.parametrize("part", ["momenta", "velocities"])
def test_rattle_takes_either_kind_of_state_and_dtype(part):
    x = CHAIN.sample(2, 0)
    field = CHAIN.constrained_field
    if part == "velocities":
        x, still = CHAIN.velocities(x), field
        field = constrained_field(
            None, still.masses, still.constraints, force=still.force, momenta=False
        )
    path = integrate(field, x, [0.0, 0.1, 0.2], "rattle")
    known = integrate(CHAIN.field, CHAIN.sample(2, 0), [0.0, 0.1, 0.2], "rattle")
    torch.testing.assert_close(path, CHAIN.velocities(known) if part == "velocities" else known)
    single = integrate(field, x.float(), [0.0, 0.1, 0.2], "rattle")
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), path, rtol=1e-4, atol=1e-4)


def test_only_the_field_itself_is_followed_as_one():
    """Other methods of a mechanism are fields of other states, and are taken as they are."""
    x = CHAIN.sample(2, 0)
    times = torch.linspace(0, 1, 101, dtype=torch.float64)
    path = integrate(CHAIN.second_order_field, CHAIN.velocities(x), times, "rk4")
    expected = CHAIN.velocities(integrate(CHAIN.field, x, times, "rk4"))
    torch.testing.assert_close(path, expected, rtol=1e-5, atol=1e-5)
    with pytest.raises(ValueError, match="knows its constraints"):
        integrate(CHAIN.second_order_field, CHAIN.velocities(x), times, "rattle")


def test_rattle_stands_beside_the_table_and_is_of_integrate_alone():
    assert "rattle" not in METHODS
    x = CHAIN.sample(2, 0)
    with pytest.raises(ValueError, match="RATTLE takes a field that knows its constraints"):
        integrate(Pendulum().field, torch.ones(2).double(), [0, 0.1], "rattle")
    with pytest.raises(ValueError, match="rattle is a method of integrate alone"):
        integrate_gaps(CHAIN.field, x, torch.ones(1, 2).double(), "rattle")
    with pytest.raises(ValueError, match="crossings cannot follow rattle"):
        crossings(CHAIN.field, x, [0.0, 0.1], lambda x: x[..., 0], "rattle")
    with pytest.raises(UnsettledStepError, match="smaller step"):
        integrate(CHAIN.field, 30 * (x - CHAIN.sample(2, 0)) + fast(x), [0.0, 2.0, 4.0], "rattle")


def fast(x):
    """The same positions, twenty times as fast."""
    return torch.cat([x[..., : CHAIN.degrees], 20 * x[..., CHAIN.degrees :]], dim=-1)


# --- What is wrong, and what becomes of it


@pytest.mark.parametrize("masses", [None, (0.3, 2.0)])
def test_a_start_off_the_rods_is_said_and_projected(masses):
    chain = LinkChain(2, (0.3, 2.0), gravity=1.0)
    x = chain.sample(5, 0)
    moved, pushed = x.clone(), x.clone()
    moved[2, 0] += 0.01
    pushed[1, 5] += 0.1
    for wrong, message in (
        (moved, r"x0 is off the rods: .*differs from its length² = 1 by 0.0"),
        (pushed, r"x0 has a velocity off the rods: rod \(-1, 0\) would change its length at"),
    ):
        with pytest.raises(ValueError, match=message + ".*project"):
            integrate(chain.field, wrong, [0.0, 0.1], "rattle")
        y = chain.constraints.project(chain.velocities(wrong), masses)
        chain.constraints.check(y)
        assert (y - chain.velocities(x)).abs().max() < (0.5 if wrong is pushed else 0.1)
    own = chain.velocities(chain.project(moved))
    torch.testing.assert_close(chain.constraints.project(chain.velocities(moved), (0.3, 2.0)), own)
    torch.testing.assert_close(chain.project(x), x)


def test_redundant_rods_are_named():
    """A square is fixed by one diagonal; the second says no more than the rest."""
    with pytest.raises(
        ValueError, match=r"of the rods \(-1, 0\), .*\(0, -2\) one follows"
    ) as error:
        BRACED.check(UPRIGHT)
    assert "redundant" in str(error.value)
    once = SQUARE.with_rod((-1, 1), 2**0.5)
    once.check(UPRIGHT)
    field = constrained_field(well, [1.0, 1.0], BRACED, momenta=False)
    with pytest.raises(ValueError, match="G M⁻¹ Gᵀ is singular"):
        field(UPRIGHT)
    with pytest.raises(ValueError, match="G M⁻¹ Gᵀ is singular"):
        integrate(field, UPRIGHT, [0.0, 0.1], "rattle")
    doubled = constrained_lagrangian_field(
        lambda y: y[..., 2:].square().sum(-1), lambda q: torch.stack([q[..., 0], 2 * q[..., 0]], -1)
    )
    with pytest.raises(ValueError, match="one of the 2 constraints follows from the others"):
        doubled(drawn(3, 4))


def test_lengths_that_do_not_close_are_said():
    triangle = Rods([(-1, 0), (0, 1), (-1, 1)], [1.0, 1.0, 5.0])
    with pytest.raises(ValueError, match=r"no positions were found.*\(1.0, 1.0, 5.0\) close"):
        triangle.project(UPRIGHT)
    with pytest.raises(ValueError, match="a bar of 9 m does not close"):
        FourBar(ground=9.0)
    with pytest.raises(ValueError, match="3.142 rad coupler and rocker do not reach"):
        FourBar(1.0, 0.8, 1.0, 1.6).assemble(torch.tensor(3.1416))


def test_a_stretched_linkage_has_no_fixed_forces():
    """Where all bars of a parallelogram lie in one line, the rods hold each other."""
    flat = FourBar(1.0, 2.0, 1.0, 2.0)
    line = torch.tensor([1.0, 0.0, 3.0, 0.0, 0.0, 1.0, 0.0, 1.0], dtype=torch.float64)
    with pytest.raises(ValueError, match="stretched out"):
        flat.field(line)
    # A motion that has run away is no such case: it is returned.
    assert not torch.isfinite(CHAIN.field(torch.full((12,), math.inf).double())).all()


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: Rods([], []), ValueError, "expected rods"),
        (lambda: Rods([(0, 1)], [1.0, 2.0]), ValueError, "1 pairs and 2 lengths"),
        (lambda: Rods([(0, 0)], [1.0]), ValueError, "joins no two points"),
        (lambda: Rods([(-1, -2)], [1.0], [(0, 0), (1, 0)]), ValueError, "joins no two points"),
        (lambda: Rods([(-2, 0)], [1.0]), ValueError, "there is no anchor -2"),
        (lambda: Rods([(0, 1), (1, 0)], [1.0, 1.0]), ValueError, "a rod is given twice"),
        (lambda: Rods([(-1, 1)], [1.0]), ValueError, "no rod holds point 0"),
        (lambda: Rods([(-1, 0)], [-1.0]), ValueError, r"length of rod \(-1, 0\) = -1.0"),
        (lambda: Rods([(-1, 0.0)], [1.0]), TypeError, "two whole numbers"),
        (lambda: Rods([(-1, 0)], [1.0], [(0.0,)]), ValueError, "expected 2 finite numbers"),
        (lambda: SQUARE.values(drawn(3)), ValueError, "positions has 3 components.*expected 4"),
        (lambda: point_masses([1.0, 2.0], 3), ValueError, r"expected \(3,\)"),
        (lambda: point_masses([[1.0, 2.0], [2.0, 1.0]], 2), ValueError, "positive definite"),
        (lambda: point_masses([[1.0, 0.5], [0.0, 1.0]], 2), ValueError, "symmetric"),
        (lambda: constrained_field(None, [1.0], Rods([(-1, 0)], [1.0])), TypeError, "not both"),
        (lambda: constrained_field(well, [1.0], "rods"), TypeError, "expected rods"),
        (lambda: LinkChain(3, masses=(1.0, 2.0)), ValueError, "expected 3, or one number"),
        (lambda: LinkChain(2, lengths=(1.0, 0.0)), ValueError, "number 2 of lengths"),
        (lambda: LinkChain(0), ValueError, "links = 0"),
        (lambda: FourBar().assemble(torch.ones(1), 2), ValueError, "elbow = 2"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_mechanisms_stand_beside_the_table_of_systems():
    """A row says that H alone makes the motion; here the rods do so too."""
    for kind in (LinkChain, FourBar):
        assert issubclass(kind, ConstrainedSystem)
        assert kind not in SYSTEMS.values()
        assert kind.canonical
    assert SYSTEMS["pendulum_chain"] is PendulumChain
    x = CHAIN.sample(2, 0)
    assert (System.field(CHAIN, x) - CHAIN.field(x)).abs().max() > 0.1


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("system", [CHAIN, LINKAGE], ids=["chain", "linkage"])
def test_every_parameter_of_a_mechanism_is_learnable(system, what):
    check_gradients(system, system.sample(3, seed=2), what)


@settings(max_examples=10)
@given(pendulum_chains, st.sampled_from(["field", "lagrangian"]))
def test_every_parameter_of_a_chain_in_angles_is_learnable(system, what):
    check_gradients(system, system.sample(3, seed=2), what)
