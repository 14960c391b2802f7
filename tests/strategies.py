"""What the property tests draw: states of any batch shape, and systems of any parameters."""

import torch
from hypothesis import settings
from hypothesis import strategies as st

from hnn_tutorial.systems import DampedMassSpring, DampedPendulum, MassSpring, Pendulum

# The same examples on every run, so that a red test is red for everyone; no deadline, because
# the first call of an operator also loads it.
settings.register_profile("course", deadline=None, derandomize=True, max_examples=25)
settings.load_profile("course")

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
conservative = mass_springs | pendulums
damped = st.builds(DampedMassSpring, positive, positive, positive) | st.builds(
    DampedPendulum, positive, positive, positive, positive
)
