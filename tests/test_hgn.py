"""Models that dream motion: their steps, their bound, and what a short training finds."""

import itertools
import math

import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import hamiltonian_field, symplectic_defect
from hnn_tutorial.models import HGN, LatentODE, clip_windows, negative_elbo, parameter_count
from hnn_tutorial.pixels import pendulum_frames, principal_components
from hnn_tutorial.systems import Pendulum
from hnn_tutorial.training import Adam, SampleLoss, fit, load_model, save_model

EACH = pytest.mark.parametrize("kind", [HGN, LatentODE])


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def shaken(model, size: float = 0.3):
    """The model with all weights moved, so that none is special."""
    with torch.no_grad():
        for k, p in enumerate(model.parameters()):
            p.add_(size * normal(*p.shape, seed=k))
    return model


def small(kind, **options):
    return shaken(kind(3, frames=2, dt=0.2, look=(4,), decoder=(5,), hidden=(4,), **options))


@EACH
def test_two_positions_are_seen_moved_and_drawn(kind):
    model = small(kind, degrees=2)
    clips, noise = normal(3, 6, 3), normal(3, 4, seed=1)
    mean, log_width = model.posterior(clips)
    assert mean.shape == log_width.shape == (3, 4)
    x = model.state(mean)
    moved = x.clone()
    moved[:, 2:] += 1  # momenta are not seen
    torch.testing.assert_close(model.decode(moved), model.decode(x))
    moved[:, 1] += 1
    assert (model.decode(moved) - model.decode(x)).abs().max() > 1e-3
    # A velocity moves its own position, and a spring alone pulls each to zero.
    with torch.no_grad():
        model.network.layers[-1].weight.zero_()
    start = torch.tensor([[0.3, 0.0, 0.0, 0.7]], dtype=torch.float64)
    path = model.rollout(start, 400, 0.001)[0, -1]
    rate = model.log_stiffness.exp().sqrt().item()
    bias = model.network.layers[-1].bias if kind is LatentODE else torch.zeros(2)
    middle = (bias / rate**2).double()
    wanted = torch.stack(
        [
            middle[0] + (0.3 - middle[0]) * math.cos(0.4 * rate),
            middle[1] - middle[1] * math.cos(0.4 * rate) + 0.7 / rate * math.sin(0.4 * rate),
        ]
    )
    torch.testing.assert_close(path[:2], wanted, rtol=0, atol=1e-5)
    assert model.elbo(clips, noise).shape == (3,)
    assert clip_windows(clips, 4, 0, degrees=2)["noise"].shape == (9, 4)
    assert type(model)(**model.config).degrees == 2


# The motion


@pytest.mark.parametrize("degrees", [1, 2])
def test_a_step_is_leapfrog_of_the_learned_energy(degrees):
    model, x = small(HGN, degrees=degrees), normal(4, 3, 2 * degrees)
    field = hamiltonian_field(model.hamiltonian)
    path = integrate(field, x, [0.0, 0.7, 1.4], "leapfrog", step=0.7)
    torch.testing.assert_close(model.rollout(x, 2, 0.7).movedim(-2, 0), path)
    torch.testing.assert_close(model.rollout(x, 2), model.rollout(x, 2, 0.2))


@pytest.mark.parametrize("degrees", [1, 2])
def test_the_latent_motion_keeps_areas_and_runs_backwards_at_any_weights(degrees):
    model, x = small(HGN, degrees=degrees), normal(6, 2 * degrees)

    def there(x):
        return model.rollout(x, 12, 0.3)[..., -1, :]

    assert float(symplectic_defect(there)(x).detach().max()) < 1e-12
    back = model.rollout(there(x), 12, -0.3)[..., -1, :]
    torch.testing.assert_close(back, x, rtol=0, atol=1e-11)


@EACH
def test_the_state_is_z_in_learned_units(kind):
    model, z = small(kind), normal(4, 3, 2)
    a, b = model.log_units.detach().exp().tolist()
    assert a != b
    torch.testing.assert_close(model.state(z), torch.stack([a * z[..., 0], b * z[..., 1]], dim=-1))


def test_the_rival_does_neither():
    model, x = small(LatentODE), normal(6, 2)

    def there(x):
        return model.rollout(x, 12, 0.3)[..., -1, :]

    assert float(symplectic_defect(there)(x).detach().max()) > 1e-2
    back = model.rollout(there(x), 12, -0.3)[..., -1, :].detach()
    assert float((back - x).abs().max()) > 1e-4


@EACH
def test_both_steps_are_of_second_order(kind):
    model, x = small(kind), normal(5, 2)
    with torch.no_grad():
        fine = model.rollout(x, 6400, 1 / 6400)[..., -1, :]
        errors = [
            float((model.rollout(x, n, 1 / n)[..., -1, :] - fine).norm()) for n in (50, 100, 200)
        ]
    orders = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert orders == pytest.approx([2, 2], abs=0.15)


# The bound


@EACH
def test_the_divergence_is_that_of_the_closed_form(kind):
    mean, log_width = normal(7, 2), normal(7, 2, seed=1)
    expected = kl_divergence(Normal(mean, log_width.exp()), Normal(torch.zeros(2), torch.ones(2)))
    torch.testing.assert_close(small(kind).divergence(mean, log_width), expected.sum(-1))
    assert float(small(kind).divergence(torch.zeros(2).double(), torch.zeros(2).double())) == 0


def linear(frames: int = 4):
    """A model whose pictures are linear in z, so that their density is a Gaussian."""
    model = shaken(HGN(2, frames=frames, dt=0.3, look=(), decoder=(), hidden=(3,)))
    with torch.no_grad():
        for network in (model.network, model.infer):
            for p in network.parameters():
                p.zero_()
    return model


def mean_over_noise(function):
    """The exact mean of a function that is quadratic in the noise, by three points a side."""
    nodes = torch.tensor([-math.sqrt(3), 0, math.sqrt(3)], dtype=torch.float64)
    weights = torch.tensor([1 / 6, 2 / 3, 1 / 6], dtype=torch.float64)
    return sum(
        weights[i] * weights[j] * function(torch.stack([nodes[i], nodes[j]]))
        for i in range(3)
        for j in range(3)
    )


def test_the_bound_lies_below_the_likelihood_by_the_divergence_of_the_posterior():
    model, clips = linear(), normal(5, 6, 2)

    def pictures(z):
        return model.decode(model.rollout(model.state(z), 5)).flatten(-2)

    with torch.no_grad():
        b = pictures(torch.zeros(2).double())
        A = torch.stack([pictures(e) - b for e in torch.eye(2).double()], dim=-1)
        variance = model.noise.square()
        S = A @ A.mT + variance * torch.eye(12).double()
        likelihood = MultivariateNormal(b, S).log_prob(clips.flatten(-2))
        inverse = torch.eye(2).double() + A.mT @ A / variance
        right = (clips.flatten(-2) - b) @ A @ torch.linalg.inv(inverse) / variance
        elbo = mean_over_noise(lambda e: model.elbo(clips, e.expand(5, 2)))
        mean, log_width = model.posterior(clips)
        told = MultivariateNormal(mean, scale_tril=log_width.exp().diag_embed())
        gap = kl_divergence(told, MultivariateNormal(right, precision_matrix=inverse))
    assert float((likelihood - elbo).min()) > 0
    torch.testing.assert_close(likelihood - elbo, gap)


@EACH
def test_the_loss_is_the_bound_of_each_clip_per_picture(kind):
    model, clips, noise = small(kind), normal(4, 5, 3), normal(4, 2, seed=2)
    losses = negative_elbo(model, {"clips": clips, "noise": noise})
    assert losses.shape == (4,)
    torch.testing.assert_close(losses[2], -model.elbo(clips[2], noise[2]) / 5)
    later = clips.clone()
    later[:, 2:] += 1  # beyond what the inference network sees
    torch.testing.assert_close(model.posterior(later), model.posterior(clips))
    with torch.no_grad():
        moved = model.elbo(later, noise) - model.elbo(clips, noise)
    assert float(moved.abs().min()) > 1e-3


def test_windows_are_runs_of_pictures_with_a_noise_each():
    codes = torch.arange(2 * 7 * 3, dtype=torch.float32).reshape(2, 7, 3)
    batch = clip_windows(codes, 4, seed=0)
    assert batch["clips"].shape == (8, 4, 3)
    assert batch["noise"].shape == (8, 2)
    assert batch["noise"].dtype == torch.float32
    torch.testing.assert_close(batch["clips"][5], codes[1, 1:5])
    apart = clip_windows(codes, 4, seed=0, every=3)["clips"]
    torch.testing.assert_close(apart, batch["clips"][[0, 3, 4, 7]])


# A short training, and files


def test_a_short_training_finds_the_angle():
    """On 60 clips without noise: the latent position is nearly a linear function of the angle."""
    pendulum = Pendulum(1.0, 1.0, 9.81)
    times = 0.1 * torch.arange(20, dtype=torch.float64)
    swings = pendulum.solution(pendulum.sample(60, 0, radius=(0.2, 1.5)), times).transpose(0, 1)
    frames = pendulum_frames(swings[..., 0].float(), 12)
    codes = principal_components(frames, 8).encode(frames)
    model = HGN(8, seed=0, dtype=torch.float32)
    for count in (5, 10):
        data = clip_windows(codes, count, seed=count)
        adam = Adam(300, 8e-3, batch_size=64)
        fit(model, data, adam, residual=SampleLoss(negative_elbo), progress=False)
    with torch.no_grad():
        path = model.rollout(model.state(model.posterior(codes)[0]), 19)
        missed = (model.decode(path) - codes).square().mean() / codes.var()
    seen = torch.stack([path[..., 0].flatten(), swings[..., 0].flatten().float()])
    assert abs(float(torch.corrcoef(seen)[0, 1])) > 0.95
    assert float(missed) < 0.2


@EACH
def test_a_file_gives_the_same_model_again(kind, tmp_path):
    model = small(kind)
    save_model(tmp_path / "dream.safetensors", model)
    again = load_model(tmp_path / "dream.safetensors", kind(**model.config))
    torch.testing.assert_close(again.rollout(normal(3, 2), 4), model.rollout(normal(3, 2), 4))
    other = LatentODE if kind is HGN else HGN
    with pytest.raises(ValueError, match="do not belong"):
        load_model(tmp_path / "dream.safetensors", other(**model.config))


def test_the_rivals_are_of_equal_size():
    assert parameter_count(LatentODE()) == pytest.approx(parameter_count(HGN()), rel=0.02)


# Bad input


def test_bad_input_is_named():
    model = small(HGN)
    with pytest.raises(ValueError, match="one picture holds no momentum"):
        HGN(3, frames=1)
    with pytest.raises(ValueError, match="clip has 1 pictures; this model needs 2"):
        model.posterior(normal(4, 1, 3))
    with pytest.raises(ValueError, match=r"clip has shape .* expected \(\.\.\., 3\)"):
        model.posterior(normal(4, 5, 2))
    with pytest.raises(TypeError, match="dtype"):
        model.posterior(normal(4, 5, 3).float())
    with pytest.raises(ValueError, match="2 numbers for each clip"):
        model.elbo(normal(4, 5, 3), normal(5, 2))
    with pytest.raises(ValueError, match="the clips have 3 pictures; a window takes 4"):
        clip_windows(normal(2, 3, 3), 4, seed=0)
