"""Flows: inverses, volumes, densities and bounds, at any weights and after training."""

import math

import pytest
import torch
from torch.func import jacrev, vmap

from hnn_tutorial.evaluation import over_seeds
from hnn_tutorial.flows import (
    DENSITIES,
    NEGATIVE_LOG_LIKELIHOOD,
    AugmentedNVP,
    DrivenHamiltonianFlow,
    GaussianMixture,
    MotionFlow,
    NeuralHamiltonianFlow,
    RealNVP,
    flow_data,
    kl_to_truth,
    share_astray,
)
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import gradient, hamiltonian_field, symplectic_defect
from hnn_tutorial.models import HNN, SeparableHNN, parameter_count
from hnn_tutorial.training import Adam, fit, load_model, save_model

DIMENSIONS = pytest.mark.parametrize("d", [2, 3])


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def shaken(flow, seed: int = 1, size: float = 0.2):
    """The flow with all weights moved, so that none is special."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in flow.parameters():
            p.add_(size * torch.randn(p.shape, generator=generator, dtype=torch.float64))
    return flow


def hamiltonian(d=2, **options):
    return shaken(NeuralHamiltonianFlow(d, (6, 5), encoder=(4,), **options))


def driven(d=2, **options):
    return shaken(DrivenHamiltonianFlow(d, (6, 5), encoder=(4,), **options))


def both_learned(d=2):
    return shaken(MotionFlow(SeparableHNN(d, (6,), seed=2), d, steps=3, encoder=(4,)))


AUGMENTED = {
    "hamiltonian": hamiltonian,
    "driven": driven,
    "kinetic too": both_learned,
    "stretching": lambda d=2: shaken(AugmentedNVP(d, (5,), 3, encoder=(4,))),
    "shifting": lambda d=2: shaken(AugmentedNVP(d, (5,), 3, encoder=(4,), stretch=False)),
}
EACH = pytest.mark.parametrize("make", AUGMENTED.values(), ids=AUGMENTED)


# Densities


@pytest.mark.parametrize("name", DENSITIES)
def test_densities_integrate_to_one_and_their_draws_follow_them(name):
    density = DENSITIES[name]
    side = torch.linspace(-3, 3, 181, dtype=torch.float64)
    mesh = torch.stack(torch.meshgrid(side, side, indexing="ij"), dim=-1)
    mass = density.log_prob(mesh).exp()
    cell = float(side[1] - side[0]) ** 2
    assert float(mass.sum()) * cell == pytest.approx(1, abs=1e-6)
    x = density.sample(40_000, 3)
    values = density.log_prob(x)
    entropy = float((mass * density.log_prob(mesh)).sum()) * cell
    assert float(values.mean()) == pytest.approx(entropy, abs=5 * float(values.std()) / 200)
    torch.testing.assert_close(density.score(x[:50]), gradient(density.log_prob)(x[:50]))
    torch.testing.assert_close(density.score(x[:50]), -gradient(density.potential)(x[:50]))


# Inverses and volumes


@EACH
@DIMENSIONS
def test_backwards_undoes_forwards_and_states_its_volume(make, d):
    flow = make(d)
    q, p = normal(7, 3, d), normal(7, 3, d, seed=1)
    there = flow.forwards(q, p)
    *back, log_det = flow.backwards(*there)
    torch.testing.assert_close(torch.stack(back), torch.stack([q, p]), rtol=0, atol=1e-12)

    def backwards(x):
        return torch.cat(flow.backwards(*x.chunk(2))[:2])

    J = vmap(jacrev(backwards))(torch.cat(there, dim=-1).flatten(0, 1))
    torch.testing.assert_close(log_det.flatten(), torch.linalg.slogdet(J)[1], atol=1e-12, rtol=0)


@pytest.mark.parametrize("layers", [1, 4])
@DIMENSIONS
def test_real_nvp_has_an_inverse_and_an_exact_density(d, layers):
    flow = shaken(RealNVP(d, (5,), layers))
    z = normal(6, 2, d)
    x = flow.forwards(z)
    back, log_det = flow.backwards(x)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-12)
    J = vmap(jacrev(lambda x: flow.backwards(x)[0]))(x.flatten(0, 1))
    torch.testing.assert_close(log_det.flatten(), torch.linalg.slogdet(J)[1], atol=1e-12, rtol=0)
    expected = -z.square().sum(-1) / 2 - d / 2 * math.log(2 * math.pi) + log_det
    torch.testing.assert_close(flow.log_prob(x), expected)


def test_the_density_of_real_nvp_integrates_to_one():
    flow = shaken(RealNVP(2, (5,), 4))
    side = torch.linspace(-30, 30, 1201, dtype=torch.float64)
    mesh = torch.stack(torch.meshgrid(side, side, indexing="ij"), dim=-1)
    with torch.no_grad():
        mass = float(flow.log_prob(mesh).exp().sum()) * float(side[1] - side[0]) ** 2
    assert mass == pytest.approx(1, abs=2e-3)


# The Hamiltonian flow


@DIMENSIONS
def test_a_hamiltonian_flow_is_leapfrog_of_its_own_hamiltonian(d):
    flow = hamiltonian(d, steps=5, duration=1.3)
    x = normal(4, 2 * d)
    torch.testing.assert_close(flow.field(x), hamiltonian_field(flow.hamiltonian)(x))
    end = float(flow.duration.detach())
    path = integrate(flow.field, x, [0, end], "leapfrog", step=end / 5)
    there = torch.cat(flow.forwards(*x.chunk(2, dim=-1)), dim=-1)
    torch.testing.assert_close(there, path[-1], rtol=1e-12, atol=1e-13)


@DIMENSIONS
def test_a_driven_flow_kicks_by_its_potential_at_the_middle_of_each_step(d):
    flow = driven(d, steps=3, duration=1.3)
    q, p = normal(4, d), normal(4, d, seed=1)
    there = torch.cat(flow.forwards(q, p))
    step, mass = float(flow.duration.detach()) / 3, flow.log_mass.detach().exp()
    for turn in range(3):
        q = q + step / 2 * p / mass
        time = (turn + 0.5) * step
        p = p - step * gradient(lambda q, time=time: flow.potential(time, q))(q)
        q = q + step / 2 * p / mass
    torch.testing.assert_close(there, torch.cat([q, p]), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("make", [hamiltonian, driven, both_learned])
@DIMENSIONS
def test_flows_that_are_motions_are_symplectic_at_any_weights(make, d):
    flow = make(d)

    def there(x):
        return torch.cat(flow.forwards(*x.chunk(2, dim=-1)), dim=-1)

    defect = symplectic_defect(there)(normal(5, 2 * d)).detach()
    assert float(defect.max()) < 1e-12


def quarter_turn(omega: float = 1.7, steps: int = 4):
    """A flow without a network that maps q to a multiple of p: its density is a Gaussian."""
    flow = NeuralHamiltonianFlow(2, (3,), encoder=(3,), steps=steps, stiffness=omega**2)
    with torch.no_grad():
        for network in (flow.network, flow.encoder):
            for p in network.parameters():
                p.zero_()
        # Leapfrog turns by an angle whose cosine is 1 - (ωh)²/2; four of them make a right angle.
        step = 2 * math.sin(math.pi / (4 * steps)) / omega
        flow.log_duration.fill_(math.log(step * steps))
        x = torch.eye(4, dtype=torch.float64)
        there = torch.cat(flow.forwards(*x.chunk(2, dim=-1)), dim=-1).mT
    wide = float(there[0, 2].abs())
    torch.testing.assert_close(there[0, 0], torch.tensor(0.0).double(), atol=1e-12, rtol=0)
    return flow, wide


def test_the_bound_is_the_likelihood_where_the_encoder_is_exact_and_below_elsewhere():
    flow, wide = quarter_turn()
    with torch.no_grad():  # p given q is a Gaussian of width 1/wide, whatever q is
        flow.encoder.layers[-1].bias[2:] = -math.log(wide)
    x = wide * normal(500, 2)
    exact = -(x / wide).square().sum(-1) / 2 - math.log(2 * math.pi * wide**2)
    with torch.no_grad():
        bound = flow.elbo(x, normal(20, 500, 2, seed=1))
    torch.testing.assert_close(bound, exact.expand(20, -1), rtol=0, atol=1e-11)
    assert wide == pytest.approx(1 / 1.7, rel=0.05)  # of N(0, 1/ω²), in the limit of small steps
    with torch.no_grad():
        flow.encoder.layers[-1].bias[2:] += 0.4
        loose = flow.elbo(x, normal(400, 500, 2, seed=1)).mean(0)
    # KL of two Gaussians whose widths differ by e^0.4, in two dimensions.
    lost = 2 * (-0.4 + (math.exp(0.8) - 1) / 2)
    torch.testing.assert_close(exact - loose, torch.full_like(exact, lost), rtol=0, atol=0.25)
    assert float((exact - loose).mean()) == pytest.approx(lost, abs=0.02)
    estimate = flow.log_prob(x, seed=2, draws=2000)
    torch.testing.assert_close(estimate, exact, rtol=0, atol=0.2)


@EACH
def test_bound_below_estimate_below_truth_and_draws_agree(make):
    """The estimated density of a shaken flow integrates to one, and its bound to less."""
    flow = make()
    with torch.no_grad():  # wide, so that no momentum has a huge weight
        flow.encoder.layers[-1].bias[2:] += 0.7
    side = torch.linspace(-8, 8, 65, dtype=torch.float64)
    mesh = torch.stack(torch.meshgrid(side, side, indexing="ij"), dim=-1)
    cell = float(side[1] - side[0]) ** 2
    with torch.no_grad():
        bound = flow.elbo(mesh, normal(60, *mesh.shape)).mean(0).exp().sum() * cell
    mass = flow.log_prob(mesh, seed=3, draws=200).exp().sum() * cell
    assert float(mass) == pytest.approx(1, abs=0.03)
    assert float(bound) < 0.98 * float(mass)
    drawn = flow.sample(20_000, seed=4)
    # Nine cells of the mesh on each side.
    inside = (drawn.abs() < 1.125).all(-1).double().mean()
    square = (mesh.abs() < 1.125).all(-1)
    share = flow.log_prob(mesh[square], seed=5, draws=200).exp().sum() * cell
    assert float(share) == pytest.approx(float(inside), abs=0.03)


@EACH
def test_what_trains_is_the_bound_by_one_momentum_or_by_several(make):
    """Against the definition; and with more momenta the bound rises, at the same weights."""
    flow, density = make(), DENSITIES["rings"]
    several = flow_data(density, 300, seed=0, draws=64)
    x, noise = several["x"], several["noise"]
    with torch.no_grad():
        ratios = torch.stack([flow.elbo(x, noise[:, k]) for k in range(64)])
        torch.testing.assert_close(flow.losses(several), -ratios.exp().mean(0).log())
        first = flow.losses({"x": x, "noise": noise[:, 0]})
        torch.testing.assert_close(first, -ratios[0])
        assert float(flow.losses(several).mean()) < float(-ratios.mean())


def test_scores_of_a_density_against_itself_and_against_another():
    flow, wide = quarter_turn()
    with torch.no_grad():
        flow.encoder.layers[-1].bias[2:] = -math.log(wide)
    same = GaussianMixture(torch.zeros(1, 2), wide)
    assert kl_to_truth(flow, same, seed=0) == pytest.approx(0, abs=1e-10)
    other = GaussianMixture(torch.zeros(1, 2), wide / 2)
    exact = 2 * (math.log(2) - (1 - 1 / 4) / 2)
    assert kl_to_truth(flow, other, seed=0, count=20_000) == pytest.approx(exact, abs=0.03)
    assert share_astray(same.sample(20_000, 1), same, seed=2) == pytest.approx(0.01, abs=0.005)
    # |x| beyond the radius that holds 99 of 100 draws of the narrow one.
    exact = math.exp(math.log(0.01) / 4)
    astray = share_astray(flow.sample(20_000, 1), other, seed=2)
    assert astray == pytest.approx(exact, abs=0.04)


# Training


@pytest.mark.parametrize(
    "make, most",
    [
        (lambda seed: NeuralHamiltonianFlow(2, (16,), encoder=(16,), seed=seed), 1.1),
        (lambda seed: AugmentedNVP(2, (12,), 3, encoder=(16,), seed=seed), 0.6),
        (lambda seed: RealNVP(2, (12,), 8, seed=seed), 0.4),
    ],
)
def test_flows_learn_two_gaussians(make, most):
    density = DENSITIES["two_gaussians"]
    data, fresh = flow_data(density, 4000, seed=0), flow_data(density, 2000, seed=9)
    floor = -float(density.log_prob(fresh["x"]).mean())
    gaps = []
    for seed in range(2):
        flow = make(seed)
        adam = Adam(400, 1e-2, batch_size=256, schedule="cosine")
        fit(flow, data, adam, residual=NEGATIVE_LOG_LIKELIHOOD, progress=False, seed=seed)
        with torch.no_grad():
            gaps.append(float(flow.losses(fresh).mean()) - floor)
    assert over_seeds(gaps).low > 0
    assert over_seeds(gaps).high < most


def test_sizes_for_a_fair_comparison():
    sizes = [
        parameter_count(flow)
        for flow in (
            NeuralHamiltonianFlow(2),
            RealNVP(2),
            AugmentedNVP(2),
            AugmentedNVP(2, (30,), stretch=False),
        )
    ]
    assert max(sizes) < 1.2 * min(sizes)


@pytest.mark.parametrize("make", [*AUGMENTED.values(), lambda: RealNVP(2, (5,), 3)])
def test_a_flow_comes_back_from_a_file(make, tmp_path):
    flow = make()
    save_model(tmp_path / "flow.safetensors", flow)
    config = {**flow.config, "seed": 7}
    if isinstance(flow, MotionFlow):
        config["model"] = SeparableHNN(2, (6,), seed=5)
    empty = type(flow)(**config)
    back = load_model(tmp_path / "flow.safetensors", empty)
    torch.testing.assert_close(back.sample(5, 0), flow.sample(5, 0), rtol=0, atol=0)
    with pytest.raises(ValueError, match="do not belong"):
        load_model(tmp_path / "flow.safetensors", type(flow)(**{**config, "dimension": 3})
                   if not isinstance(flow, MotionFlow) else HNN(2))  # fmt: skip


# Bad input


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="a coupling needs two halves"):
        RealNVP(1)
    with pytest.raises(ValueError, match=r"centres has shape \(3,\); expected \(m, d\)"):
        GaussianMixture(torch.zeros(3), 0.1)
    with pytest.raises(ValueError, match="width"):
        GaussianMixture(torch.zeros(3, 2), 0.0)
    with pytest.raises(ValueError, match=r"x has shape \(5, 3\); expected \(\.\.\., 2\)"):
        RealNVP(2).log_prob(normal(5, 3))
    with pytest.raises(TypeError, match="dtype"):
        hamiltonian().elbo(normal(5, 2).float(), normal(5, 2))
    with pytest.raises(ValueError, match="steps"):
        NeuralHamiltonianFlow(steps=0)
    with pytest.raises(ValueError, match="duration"):
        NeuralHamiltonianFlow(duration=-1.0)
    with pytest.raises(ValueError, match="needs a separable Hamiltonian.*q̇ depends on q"):
        MotionFlow(HNN(2))
    with pytest.raises(TypeError, match="has no field"):
        MotionFlow(torch.nn.Linear(4, 4))
