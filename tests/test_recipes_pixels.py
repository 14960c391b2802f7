"""The recipes that learn from pictures: their films, their scores, and short runs of each."""

import math
from dataclasses import replace

import pytest
import torch

from hnn_tutorial.experiments import dreamed_pendulum, pixel_pendulum, run_seed
from hnn_tutorial.experiments.pixel_pendulum import (
    PixelModel,
    filmed,
    rod_angle,
    swing_kept,
)
from hnn_tutorial.models import HNN, MLP
from hnn_tutorial.pixels import pendulum_frames
from hnn_tutorial.training import Adam, LevenbergMarquardt

PIXELS = replace(pixel_pendulum.TASK, films=10, held_out=4)
FEW = {"adam": Adam(3, batch_size=16)}


def test_a_picture_tells_the_angle_of_its_rod() -> None:
    angle = torch.linspace(-1.5, 1.5, 31, dtype=torch.float64).reshape(1, 31)
    for size in (28, 32):
        pictures = filmed(angle, size)
        assert torch.equal(pictures.unflatten(-1, (size, size)), pendulum_frames(angle, size))
        assert (rod_angle(pictures) - angle).abs().max() < 0.02


def test_the_swing_that_is_kept_compares_thirds() -> None:
    times = torch.linspace(0, 60, 301, dtype=torch.float64)[:, None]
    amplitudes = torch.tensor([0.5, 0.2])
    angles = amplitudes * torch.exp(-0.02 * times) * torch.cos(6 * times)
    kept = swing_kept(angles)
    assert kept.shape == (2,)
    # The thirds begin 40 s apart.
    assert kept.tolist() == pytest.approx([math.exp(-0.8)] * 2, rel=0.02)


def test_the_films_are_those_of_the_published_simulator() -> None:
    task = pixel_pendulum.TASK
    states = task.data(3, velocities=False).observed.states
    assert states.shape == (103, 160, 2)
    q, p = states.unbind(-1)
    torch.testing.assert_close(p[1:], p[:-1] - 0.05 * 15 * q[:-1].sin())
    torch.testing.assert_close(q[1:], q[:-1] + 0.05 * p[1:])
    assert q[0].abs().max() <= math.pi / 6
    assert 0.9 < p[0].abs().max() <= 1


def test_right_pictures_have_no_error_and_a_smaller_swing_is_seen() -> None:
    data = PIXELS.data(0, velocities=False)
    angles = data.test.states[:, 0].unflatten(0, (-1, 4))[1:101]

    def drawn(shrink):
        late = torch.linspace(0, 1, 100, dtype=torch.float64)[:, None]
        return filmed((angles * torch.exp(-shrink * late)).mT).transpose(0, 1)

    seen = []

    def learned(two):
        seen.append(two)
        return torch.stack([drawn(0.0), drawn(1.2)])

    scores = PIXELS.scores(learned, data, velocities=False)
    assert seen[0].shape == (2, 4, 784)
    assert scores["swing_rk4"] == pytest.approx(1, abs=1e-6)
    assert scores["pixel_mse_rk4"] < 1e-20
    assert scores["swing_own"] == pytest.approx(math.exp(-0.8), rel=0.05)
    assert scores["pixel_mse_own"] > 1e-3


def test_the_losses_have_the_published_weights() -> None:
    law = MLP(1, (5,), seed=2)
    model = PixelModel(law, pixels=9, ahead=4, width=6, seed=1)
    generator = torch.Generator().manual_seed(0)
    now, later = torch.rand(2, 7, 18, generator=generator, dtype=torch.float64)
    z, after = model.encoder(now), model.encoder(later)
    losses = (
        (model.decoder(z) - now).square().mean(),
        (z[:, 1] - after[:, 0] + z[:, 0]).square().mean(),
        (after - z - law.field(z)).square().mean(),
    )
    for weight in (0.1, 3.0):
        squares = model.residual({"now": now, "later": later}, weight).square().sum()
        total = losses[0] + losses[1] + weight * losses[2]
        assert (squares / now.numel()).item() == pytest.approx(total.item())


def test_an_autoencoder_draws_by_both_rules() -> None:
    model = PixelModel(HNN(1, (6,), seed=0), pixels=9, ahead=5, width=6, seed=0)
    two = torch.rand(2, 3, 9, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    film = model.draw(two)
    assert film.shape == (2, 5, 3, 9)
    torch.testing.assert_close(film[0, 0], film[1, 0])
    z = model.encoder(torch.cat([two[1], two[1] - two[0]], -1))
    for k in range(1, 4):
        z = z + model.law.field(z)
        torch.testing.assert_close(film[1, k], model.decoder(z)[:, :9].detach())


def test_the_published_settings() -> None:
    recipe = pixel_pendulum.REFERENCE
    assert recipe.dtype == torch.float32
    assert recipe.optimizers["adam"] == Adam(
        10_000, learning_rate=1e-3, weight_decay=1e-5, batch_size=200
    )
    assert recipe.train.width == 200
    large = dreamed_pendulum.LARGE
    assert (large.films, large.pictures, large.gap, large.size) == (50_000, 30, 0.125, 32)
    assert large.true.hamiltonian(torch.tensor([math.pi, 0.0])).item() > large.highest
    assert dreamed_pendulum.REFERENCE.optimizers["adam"].batch_size == 16


@pytest.mark.parametrize("kind", ["hnn", "mlp"])
def test_the_reference_of_pixels_runs_for_a_few_steps(kind: str) -> None:
    recipe = replace(pixel_pendulum.REFERENCE, task=PIXELS, optimizers=FEW)
    result, model = run_seed(recipe, 0, model=kind)
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert model.law.kind == kind
    assert all(math.isfinite(score) for score in result.scores.values())


def test_one_number_that_obeys_a_law_keeps_the_swing() -> None:
    few = {"levenberg_marquardt": LevenbergMarquardt(steps=20)}
    recipe = replace(pixel_pendulum.OURS, task=PIXELS, optimizers=few)
    result, _ = run_seed(recipe, 0)
    assert 0.98 < result.scores["swing_own"] < 1.02
    assert result.scores["pixel_mse_own"] < 1e-4


@pytest.mark.parametrize("recipe", [dreamed_pendulum.REFERENCE, dreamed_pendulum.OURS])
def test_dreams_run_for_a_few_steps(recipe) -> None:
    task = replace(recipe.task, films=6, fresh=3, ahead=40)
    few = replace(recipe, task=task, optimizers=FEW, train=replace(recipe.train, task=task))
    for kind in recipe.models:
        result, dreamer = run_seed(few, 0, model=kind)
        assert {p.dtype for p in dreamer.model.parameters()} == {torch.float32}
        assert dreamer.draw(torch.rand(5, 2, task.size**2)).shape == (40, 2, task.size**2)
        assert all(math.isfinite(score) for score in result.scores.values())


def test_swings_do_not_turn_over_and_right_pictures_have_no_error() -> None:
    task = replace(dreamed_pendulum.TASK, fresh=4, ahead=60)
    data = task.data(1, velocities=False)
    assert data.observed.states.shape == (40, 200, 2)
    assert task.true.hamiltonian(data.observed.states).max() < 13.0001
    angles = data.test.states[:, 0].unflatten(0, (-1, 4))
    true = filmed(angles.mT).transpose(0, 1)

    def learned(first):
        # Five pictures, with the noise of the camera.
        noise = first - true[:5]
        assert noise.std().item() == pytest.approx(0.05, rel=0.05)
        return true * torch.linspace(1, 1.001, 60, dtype=torch.float64)[:, None, None]

    scores = task.scores(learned, data, velocities=False)
    assert scores["pixel_mse"] < 1e-6
    assert scores["swing"] == pytest.approx(1, abs=1e-9)
    assert scores["swing_worst"] < 1e-9


def test_films_are_seen_a_part_at_a_time() -> None:
    """Fifty thousand films do not fit into memory; their codes do."""
    task = replace(dreamed_pendulum.TASK, films=7, fresh=2, ahead=30)
    recipe = replace(dreamed_pendulum.OURS, task=task, optimizers=FEW)
    few = replace(recipe, train=replace(recipe.train, task=task, films=3))
    result, dreamer = run_seed(few, 0)
    assert dreamer.eyes.basis.shape == (16, 784)
    assert math.isfinite(result.scores["pixel_mse"])
