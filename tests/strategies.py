"""What the property tests draw: states of any batch shape, and systems of any parameters."""

import torch
from hypothesis import strategies as st

from hnn_tutorial.systems import (
    DampedMassSpring,
    DampedPendulum,
    DoublePendulum,
    HenonHeiles,
    MassSpring,
    Pendulum,
    Projectile,
    RelativisticParticle,
    SpringChain,
    ThreeBody,
    TwoBody,
)

positive = st.floats(0.3, 3.0)


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
double_pendulums = st.builds(DoublePendulum, positive, positive, positive, positive, positive)
henon_heiles = st.builds(HenonHeiles, st.floats(0.0, 1.2))
relativistic_particles = st.builds(RelativisticParticle, positive, positive, positive)
spring_chains = st.builds(SpringChain, st.integers(1, 5), positive, positive)
larger = (
    two_bodies
    | three_bodies
    | double_pendulums
    | henon_heiles
    | relativistic_particles
    | spring_chains
)


@st.composite
def systems_with_states(draw, systems=conservative | larger):
    """A system, and a batch of its own initial states with one or two batch axes."""
    system = draw(systems)
    x = system.sample(6, seed=draw(st.integers(0, 2**31)))
    shape = draw(st.sampled_from([(6,), (2, 3), (3, 1, 2)]))
    return system, x.reshape(*shape, -1)
