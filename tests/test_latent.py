"""Learned coordinates: what is true at any weights, and that pictures lead to the angle."""

import math

import pytest
import torch

from hnn_tutorial.mechanics import hamiltonian_field, symplectic_defect
from hnn_tutorial.models import (
    HNN,
    MLP,
    MODELS,
    Autoencoder,
    DenseNetwork,
    LatentCoordinate,
    LatentState,
    SecondOrderMLP,
    UnitMassHNN,
    parameter_count,
)
from hnn_tutorial.pixels import (
    consecutive,
    cosine_decoder,
    farthest_pair,
    pendulum_frames,
    principal_components,
)
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import LevenbergMarquardt, fit

STEP = 0.08
PENDULUM = Pendulum(1.0, 1.0, 9.81)


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def swings(count: int, length: int, seed: int) -> torch.Tensor:
    """States of swings from rest, ``(count, length, 2)``."""
    generator = torch.Generator().manual_seed(seed)
    angle = 0.2 + 1.3 * torch.rand(count, generator=generator, dtype=torch.float64)
    start = torch.stack([angle, 0 * angle], -1)
    times = STEP * torch.arange(length, dtype=torch.float64)
    return PENDULUM.solution(start, times).transpose(0, 1)


def coordinate(law=None, k=4):
    return LatentCoordinate(draw(2, k), law or UnitMassHNN(1, (5,), seed=1), STEP, (6,), seed=2)


@pytest.mark.parametrize("degrees, angles", [(1, ()), (2, (1,))])
def test_a_unit_mass_hnn_is_its_hamiltonian(degrees, angles):
    model = UnitMassHNN(degrees, (5, 4), angles=angles, seed=3)
    x = draw(6, 2 * degrees)
    q, p = x.chunk(2, -1)
    torch.testing.assert_close(
        model.hamiltonian(x), p.square().sum(-1) / 2 + model.potential(q), rtol=0, atol=1e-14
    )
    torch.testing.assert_close(model.field(x), hamiltonian_field(model.hamiltonian)(x))
    torch.testing.assert_close(model.field(x)[..., :degrees], p)
    assert model.kind not in MODELS


def test_pinned_pictures_have_the_numbers_minus_one_and_one():
    model = coordinate()
    torch.testing.assert_close(
        model.coordinate(model.ends), torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    )


def test_a_state_is_mean_and_rate_and_tells_the_next_coordinate():
    model = coordinate()
    first, second = draw(3, 5, 4, seed=4), draw(3, 5, 4, seed=5)
    states = model.states(first, second)
    q, later = model.coordinate(first)[..., 0], model.coordinate(second)[..., 0]
    torch.testing.assert_close(states[..., 0], (q + later) / 2)
    torch.testing.assert_close(states[..., 1], (later - q) / STEP)
    torch.testing.assert_close(model.coordinates(states), later)


@pytest.mark.parametrize("law", [UnitMassHNN(1, (5,)), SecondOrderMLP(1, (5,)), MLP(1, (5,))])
def test_a_rollout_leaves_no_residual(law):
    """What follows the law exactly by the rule of the training is missed by nothing."""
    model = coordinate(law)
    path = model.rollout(draw(4, seed=6), draw(4, seed=7), 6)
    z, later = path[:-1], path[1:]
    missed = (later - z) / STEP - law.field((z + later) / 2)
    assert float(missed.detach().abs().max()) < 1e-9
    q = model.coordinates(path)
    if not isinstance(law, MLP):  # there the mean of two neighbours is the next state's too
        torch.testing.assert_close(q[:-1], path[1:, 0] - STEP / 2 * path[1:, 1])


def test_the_residual_of_a_coordinate_is_that_of_second_differences():
    model = coordinate()
    batch = consecutive(draw(2, 5, 4, seed=8))
    q, now, later = (model.coordinate(batch[key])[:, 0] for key in ("before", "now", "after"))
    middle = ((q + 2 * now + later) / 4).detach().requires_grad_()
    (slope,) = torch.autograd.grad(model.law.potential(middle[:, None]).sum(), middle)
    residual = model.residual(batch)
    torch.testing.assert_close(residual[:, 1], (later - 2 * now + q) / STEP**2 + slope)
    torch.testing.assert_close(residual[:, 0], torch.zeros(6, dtype=torch.float64))


def test_free_states_of_the_anchors_have_mean_zero_and_variance_one():
    anchors = draw(30, 2, 4, seed=9)
    model = LatentState(anchors, HNN(1, (4,)), STEP, (7,), seed=3)
    z = model.states(anchors[:, 0], anchors[:, 1])
    torch.testing.assert_close(z.mean(0), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(
        torch.cov(z.T, correction=0), torch.eye(2).double(), atol=1e-5, rtol=0
    )
    assert parameter_count(model) == 8 * 7 + 7 + 7 * 2 + 2 + (2 * 4 + 4 + 4 + 1)


def test_the_rule_of_a_hamiltonian_law_is_symplectic():
    law = HNN(1, (6,), seed=4)
    model = LatentState(draw(5, 2, 3), law, STEP)

    def one(z):
        y = z
        for _ in range(60):
            y = z + STEP * law.field((z + y) / 2)
        return y

    z = draw(3, 2, seed=10)
    assert float(symplectic_defect(one)(z).detach().max()) < 1e-10
    codes = draw(2, 3, seed=11)
    path = model.rollout(codes[0], codes[1], 1)
    torch.testing.assert_close(path[1], one(path[0]), rtol=0, atol=1e-10)


def test_an_autoencoder_has_the_shape_that_it_was_given():
    model = Autoencoder(7, 2, (5, 4), seed=1)
    codes = draw(3, 7)
    assert model.encode(codes).shape == (3, 2)
    residual = model.residual({"now": codes})
    torch.testing.assert_close(residual, model.decode(model.encode(codes)) - codes)
    assert [layer.out_features for layer in model.decoder.layers] == [4, 5, 7]


def test_the_coordinate_that_is_found_is_the_angle():
    """From pictures alone, without a decoder and without an angle in training."""
    x = swings(16, 30, seed=0)
    components = principal_components(pendulum_frames(x[..., 0]), 16)
    codes = components.encode(pendulum_frames(x[..., 0]))
    model = LatentCoordinate(farthest_pair(codes), UnitMassHNN(1, (8,)), STEP)
    fit(
        model,
        consecutive(codes),
        LevenbergMarquardt(steps=30),
        residual=LatentCoordinate.residual,
        progress=False,
    )
    with torch.no_grad():
        q = model.coordinate(codes)[..., 0]
    seen = torch.corrcoef(torch.stack([q.flatten(), x[..., 0].flatten()]))[0, 1] ** 2
    assert float(1 - seen) < 1e-3
    decoder = cosine_decoder(q, pendulum_frames(x[..., 0]), 24)
    fresh = pendulum_frames(swings(4, 42, seed=1)[..., 0])
    seen = components.encode(fresh)
    path = model.rollout(seen[:, 0], seen[:, 1], 40)
    frames = decoder.decode(model.coordinates(path).T)
    assert float((frames - fresh[:, 1:]).square().mean()) < 1e-3
    assert float((fresh[:, 1:] - fresh.mean((0, 1))).square().mean()) > 1e-2


def test_cosines_give_back_what_is_made_of_them():
    q = torch.linspace(-1, 3, 50, dtype=torch.float64).reshape(5, 10)
    # The interval is wider by 0.4 at each end: from −1.4 to 3.4.
    phase = math.pi * (q + 1.4) / 4.8
    frames = torch.stack([0 * q + 2, phase.cos(), (3 * phase).cos()], -1).reshape(5, 10, 1, 3)
    decoder = cosine_decoder(q, frames, 4)
    assert (decoder.low, decoder.high) == (pytest.approx(-1.4), pytest.approx(3.4))
    torch.testing.assert_close(decoder.decode(q), frames, rtol=0, atol=1e-9)
    assert decoder.decode(q[0, 0]).shape == (1, 3)
    expected = torch.zeros(4, 1, 3, dtype=torch.float64)
    expected[0, 0, 0], expected[1, 0, 1], expected[3, 0, 2] = 2, 1, 1
    torch.testing.assert_close(decoder.weights, expected, rtol=0, atol=1e-8)


def test_runs_of_three_frames_stay_within_their_clip():
    codes = torch.arange(2 * 4, dtype=torch.float64).reshape(2, 4, 1)
    batch = consecutive(codes)
    rows = torch.cat([batch[key] for key in ("before", "now", "after")], 1)
    assert rows.tolist() == [[0, 1, 2], [1, 2, 3], [4, 5, 6], [5, 6, 7]]


def test_the_farthest_pair_is_that_of_all_pairs():
    codes = draw(3, 4, 2, seed=12)
    pair = farthest_pair(codes)
    flat = codes.reshape(12, 2)
    most = max(float((a - b).norm()) for a in flat for b in flat)
    assert float((pair[0] - pair[1]).norm()) == pytest.approx(most)
    assert all(any(torch.equal(one, each) for each in flat) for one in pair)


def test_bad_input_is_named():
    codes = draw(2, 5, 4)
    with pytest.raises(ValueError, match="2 frames; one frame has no momentum"):
        consecutive(codes[:, :2])
    with pytest.raises(ValueError, match="the same picture"):
        LatentCoordinate(codes[0, :1].expand(2, 4), UnitMassHNN(1), STEP)
    with pytest.raises(ValueError, match="2 degrees of freedom"):
        LatentCoordinate(codes[0, :2], UnitMassHNN(2), STEP)
    with pytest.raises(TypeError, match="a model with a field"):
        LatentCoordinate(codes[0, :2], DenseNetwork((1, 3, 1)), STEP)
    with pytest.raises(ValueError, match=r"expected \(pairs, 2, k\), three pairs or more"):
        LatentState(codes[:, :2], HNN(1, (3,)), STEP)
    model = coordinate()
    with pytest.raises(ValueError, match="frames before, now, after"):
        model.residual({"before": codes[0], "now": codes[0]})
    with pytest.raises(ValueError, match=r"expected \(..., 4\)"):
        model.rollout(codes[0, :, :3], codes[0, :, :3], 2)
    frames = pendulum_frames(torch.linspace(-1, 1, 8).double(), 6)
    with pytest.raises(ValueError, match="bring them to the same range"):
        principal_components(frames, 2).encode(255 * frames)
    with pytest.raises(ValueError, match="count = 9; 8 pictures"):
        cosine_decoder(torch.linspace(-1, 1, 8).double(), frames, 9)
    with pytest.raises(ValueError, match="tells none from another"):
        cosine_decoder(torch.ones(8).double(), frames, 2)
    with pytest.raises(ValueError, match=r"q has shape \(7,\)"):
        cosine_decoder(torch.linspace(-1, 1, 7).double(), frames, 2)
