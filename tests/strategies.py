"""What the property tests draw: states of any batch shape, and systems of any parameters."""

import torch
from hypothesis import strategies as st

from hnn_tutorial.systems import (
    CartPole,
    DampedMassSpring,
    DampedPendulum,
    DoublePendulum,
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
    ThreeBody,
    TwoBody,
    TwoLinkArm,
)

positive = st.floats(0.3, 3.0)
MODEL_SHAPES = {"pairwise_hnn": {"dimension": 1}}
"""What a model of ``MODELS`` needs besides its degrees of freedom: here bodies on a line."""


@st.composite
def states(draw, n=1, size=2.0, max_batch=3):
    """States ``(..., 2n)`` with zero to two batch axes and components within ±size."""
    batch = draw(st.lists(st.integers(1, max_batch), max_size=2))
    seed = draw(st.integers(0, 2**31))
    x = torch.rand(
        *batch, 2 * n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return size * (2 * x - 1)


mass_springs = st.builds(MassSpring, positive, positive)
pendulums = st.builds(Pendulum, positive, positive, positive)
projectiles = st.builds(Projectile, positive, positive)
conservative = mass_springs | pendulums | projectiles
damped = st.builds(DampedMassSpring, positive, positive, positive) | st.builds(
    DampedPendulum, positive, positive, positive, positive
)

# Each with initial states of its own: a relativistic particle has no velocity above that of
# light, and bodies must not meet.
two_bodies = st.builds(TwoBody, positive, positive, positive)
three_bodies = st.builds(ThreeBody, positive, positive, positive, positive)
n_bodies = st.builds(NBody, st.lists(positive, min_size=2, max_size=5), positive)
double_pendulums = st.builds(DoublePendulum, positive, positive, positive, positive, positive)
henon_heiles = st.builds(HenonHeiles, st.floats(0.0, 1.2))
relativistic_particles = st.builds(RelativisticParticle, positive, positive, positive)
spring_chains = st.builds(SpringChain, st.integers(1, 5), positive, positive)
cart_poles = st.builds(CartPole, positive, positive, positive, positive)
# A point at the end of a massless link has no inertia of its own.
two_link_arms = st.builds(
    TwoLinkArm, *[positive] * 6, *[st.floats(0.0, 1.0)] * 2, st.floats(0.0, 9.0)
)


def of_links(kind):
    """A chain of one to four links of random masses, lengths and rods."""
    sizes = st.integers(1, 4)
    return sizes.flatmap(
        lambda n: st.builds(
            kind,
            st.just(n),
            st.lists(positive, min_size=n, max_size=n),
            st.lists(positive, min_size=n, max_size=n),
            st.just(0.0) | st.lists(st.floats(0.0, 2.0), min_size=n, max_size=n),
            positive,
        )
    )


pendulum_chains = of_links(PendulumChain)
# Cartesian coordinates: the field has the forces of the rods besides those of H.
link_chains = of_links(LinkChain)
four_bars = st.builds(
    FourBar,
    st.floats(0.3, 0.6),
    st.floats(1.0, 1.4),
    st.floats(0.9, 1.2),
    st.floats(1.0, 1.4),
    st.lists(positive, min_size=2, max_size=2),
    st.lists(st.floats(0.0, 2.0), min_size=3, max_size=3),
    positive,
)
larger = (
    two_bodies
    | three_bodies
    | n_bodies
    | double_pendulums
    | pendulum_chains
    | henon_heiles
    | relativistic_particles
    | spring_chains
    | cart_poles
    | two_link_arms
)
# Their states are not [q, p].
lotka_volterras = st.builds(LotkaVolterra, positive, positive, positive, positive)
rigid_bodies = st.builds(RigidBody, positive, positive, positive)
poisson = lotka_volterras | rigid_bodies


@st.composite
def systems_with_states(draw, systems=conservative | larger):
    """A system, and a batch of its own initial states with one or two batch axes."""
    system = draw(systems)
    x = system.sample(6, seed=draw(st.integers(0, 2**31)))
    shape = draw(st.sampled_from([(6,), (2, 3), (3, 1, 2)]))
    return system, x.reshape(*shape, -1)
