"""The convex network: convex in its input at any weights, and trained as any other."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hnn_tutorial.models import ConvexNetwork
from hnn_tutorial.training import LevenbergMarquardt, fit


def shaken(sizes, seed, *, even=False, size=2.0):
    """A network whose weights are far from where they begin."""
    network = ConvexNetwork(sizes, even=even, seed=seed)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(size * torch.randn(weight.shape, generator=generator).double())
    return network


@given(
    seed=st.integers(0, 10_000),
    share=st.floats(0.05, 0.95),
    sizes=st.sampled_from([(1, 5, 1), (2, 6, 1), (3, 5, 4, 1), (2, 4, 4, 4, 1)]),
    even=st.booleans(),
)
def test_a_chord_lies_nowhere_below_the_graph(seed, share, sizes, even):
    network = shaken(sizes, seed, even=even)
    generator = torch.Generator().manual_seed(seed)
    x, y = 3 * torch.randn(2, 50, sizes[0], generator=generator, dtype=torch.float64)
    chord = share * network(x) + (1 - share) * network(y)
    scale = 1 + chord.abs().max().detach()
    assert (chord - network(share * x + (1 - share) * y) > -1e-12 * scale).all()


@given(seed=st.integers(0, 10_000))
def test_the_even_one_is_even_and_lowest_at_the_origin(seed):
    network = shaken((2, 5, 4, 1), seed, even=True)
    x = torch.randn(50, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    value = network(x)
    scale = 1 + value.abs().max().detach()
    torch.testing.assert_close(network(-x), value, rtol=1e-12, atol=1e-12 * float(scale))
    assert (value > -1e-12 * scale).all()
    assert network(torch.zeros(2).double()).abs() < 1e-12 * scale


def test_it_is_not_always_a_straight_line_and_may_fall():
    """Without the weights from x itself it could only rise."""
    network = shaken((1, 6, 1), 3)
    x = torch.linspace(-3, 3, 61, dtype=torch.float64).unsqueeze(-1)
    slopes = network(x).diff()
    assert slopes.min() < 0 or slopes.max() < 0
    assert (slopes.diff() > 0).any()


@pytest.mark.parametrize("even", [False, True])
def test_it_learns_a_convex_function(even):
    x = torch.linspace(-2, 2, 80, dtype=torch.float64).unsqueeze(-1)
    y = x[:, 0].abs() ** 1.5 if even else (x[:, 0] - 0.5).exp()
    network = ConvexNetwork((1, 6, 1), even=even, seed=0)
    fit(
        network,
        {"x": x, "y": y},
        LevenbergMarquardt(steps=60),
        residual=lambda model, batch: (model(batch["x"]) - batch["y"]).unsqueeze(-1),
        progress=False,
    )
    assert (network(x) - y).abs().max() < 0.1


def test_it_cannot_learn_a_hill():
    """The best convex fit of a hill is flat, or a straight line."""
    x = torch.linspace(-2, 2, 80, dtype=torch.float64).unsqueeze(-1)
    y = -(x[:, 0] ** 2)
    network = ConvexNetwork((1, 6, 1), seed=0)
    fit(
        network,
        {"x": x, "y": y},
        LevenbergMarquardt(steps=60),
        residual=lambda model, batch: (model(batch["x"]) - batch["y"]).unsqueeze(-1),
        progress=False,
    )
    assert (network(x) - y).square().mean() > 0.9 * y.var(correction=0)


def test_it_is_convex_where_the_softplus_becomes_a_line():
    network = ConvexNetwork((1, 1, 1), seed=0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(1.0)
        value = network(torch.linspace(10, 60, 1001, dtype=torch.float64).unsqueeze(-1))
    assert value.diff().diff().min() > -1e-12


def test_shapes_and_seeds():
    network = ConvexNetwork((2, 4, 3, 1), seed=1)
    x = torch.ones(5, 3, 2, dtype=torch.float64)
    assert network(x).shape == (5, 3)
    assert torch.equal(network(x), ConvexNetwork((2, 4, 3, 1), seed=1)(x))
    assert not torch.equal(network(x), ConvexNetwork((2, 4, 3, 1), seed=2)(x))
