"""Hamiltonian Monte Carlo: what it leaves unchanged, with a right force and with wrong ones."""

import pytest
import torch
from scipy import stats

from hnn_tutorial.integrators import METHODS
from hnn_tutorial.mechanics import gradient
from hnn_tutorial.sampling import StudentPosterior, effective_size, hamiltonian_monte_carlo

SCALES = torch.tensor([0.5, 2.0], dtype=torch.float64)
CENTRE = torch.tensor([1.0, -3.0], dtype=torch.float64)


def potential(q):
    """A Gaussian's, of two unequal widths about a centre off the origin."""
    return ((q - CENTRE) / SCALES).square().sum(-1) / 2


def exact(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return CENTRE + SCALES * torch.randn(count, 2, generator=generator, dtype=torch.float64)


def twisted(q):
    """A force that is no gradient, and wrong by more than its own size."""
    wrong = (q - CENTRE).flip(-1) * torch.tensor([1.0, -0.6], dtype=torch.float64)
    return -(q - CENTRE) / SCALES**2 + wrong


def moments(draws):
    q = draws.positions.flatten(0, 1)
    return q.mean(0), q.std(0)


@pytest.mark.parametrize("force", [None, twisted])
@pytest.mark.parametrize("method", ["leapfrog", "forest_ruth"])
def test_draws_have_the_density_with_any_force(force, method):
    draws = hamiltonian_monte_carlo(
        potential, exact(4000, 1), 25, step=0.4, steps=3, seed=2, force=force, method=method
    )
    mean, std = moments(draws)
    assert draws.positions.shape == (25, 4000, 2)
    # Over the 4,000 chains, whose draws are correlated: five standard errors of one draw each.
    torch.testing.assert_close(mean, CENTRE, rtol=0, atol=float(5 * SCALES.max() / 4000**0.5))
    torch.testing.assert_close(std, SCALES, rtol=5 / (2 * 4000) ** 0.5, atol=0)
    if force is twisted:
        assert draws.acceptance < 0.7


def test_chains_find_the_density_from_far_away():
    start = torch.full((500, 2), 8.0, dtype=torch.float64)
    draws = hamiltonian_monte_carlo(potential, start, 300, step=0.2, steps=6, seed=0)
    late = draws.positions[100:]
    torch.testing.assert_close(late.flatten(0, 1).mean(0), CENTRE, rtol=0, atol=0.1)
    torch.testing.assert_close(late.flatten(0, 1).std(0), SCALES, rtol=0.05, atol=0)


@pytest.mark.parametrize("step", [0.2, 0.5, 0.9])
def test_mean_of_exp_minus_energy_change_is_one_for_maps_that_keep_volume(step):
    draws = hamiltonian_monte_carlo(potential, exact(200_000, 3), 1, step=step, steps=4, seed=4)
    weights = torch.exp(-draws.energy_change[0])
    error = weights.std() / len(weights) ** 0.5
    assert abs(float(weights.mean()) - 1) < 5 * float(error) + 1e-12
    assert float(error) < 0.01


def test_without_volume_or_acceptance_the_draws_are_biased():
    right = {"step": 0.9, "steps": 2, "seed": 5}
    start = exact(4000, 6)
    # RK4 contracts: nearly all is accepted, and the chains shrink toward the centre.
    shrunk = hamiltonian_monte_carlo(potential, start, 40, method="rk4", **right)
    assert shrunk.acceptance > 0.97
    assert float(shrunk.positions[-1].std(0)[0]) < 0.9 * float(SCALES[0])
    unfiltered = hamiltonian_monte_carlo(
        potential, start, 40, force=lambda q: -0.5 * (q - CENTRE), accept=False, **right
    )
    assert unfiltered.acceptance == 1
    assert float(moments(unfiltered)[1][0]) > 1.5 * float(SCALES[0])


def test_volume_alone_is_not_enough():
    """Symplectic Euler keeps volume, so the mean of e^-ΔH is 1; but it does not undo itself."""
    draws = hamiltonian_monte_carlo(
        potential, exact(4000, 6), 40, step=0.3, steps=4, seed=5, method="symplectic_euler"
    )
    weights = torch.exp(-draws.energy_change[0])
    assert abs(float(weights.mean()) - 1) < 5 * float(weights.std()) / 4000**0.5
    assert float(draws.positions[-1].std(0)[0]) > 1.2 * float(SCALES[0])


@pytest.mark.parametrize("method, calls", [("leapfrog", 1), ("forest_ruth", 3)])
def test_leapfrogs_call_the_force_once_each_and_are_those_of_the_integrator(method, calls):
    asked = []

    def force(q):
        asked.append(len(q))
        return twisted(q)

    start = exact(5, 8)
    draws = hamiltonian_monte_carlo(
        potential, start, 1, step=0.3, steps=7, seed=9, force=force, method=method
    )
    assert len(asked) == 7 * calls
    generator = torch.Generator().manual_seed(9)
    p = torch.randn(5, 2, generator=generator, dtype=torch.float64)
    x = torch.cat([start, p], dim=-1)
    for _ in range(7):
        x = METHODS[method].step(lambda x: torch.cat([x[:, 2:], twisted(x[:, :2])], -1), x, 0.3)
    change = potential(x[:, :2]) - potential(start) + (x[:, 2:] ** 2 - p**2).sum(-1) / 2
    torch.testing.assert_close(draws.energy_change[0], change)


def test_effective_size_of_chains_whose_draws_resemble_each_other():
    """Of an autoregression with coefficient a, T draws are worth about T (1 - a) / (1 + a)."""
    generator = torch.Generator().manual_seed(0)
    count, chains = 400, 3000
    a = torch.tensor([0.0, 0.6, -0.5], dtype=torch.float64)
    x = torch.randn(chains, 3, generator=generator, dtype=torch.float64)
    rows = []
    for _ in range(count):
        noise = torch.randn(chains, 3, generator=generator, dtype=torch.float64)
        x = a * x + (1 - a**2).sqrt() * noise
        rows.append(x)
    want = chains * count * (1 - a) / (1 + a)
    torch.testing.assert_close(effective_size(torch.stack(rows)), want, rtol=0.12, atol=0)
    with pytest.raises(ValueError, match="with two chains or more"):
        effective_size(rows[0][:, :1])


def test_no_force_is_a_random_walk():
    start = exact(4000, 1)
    zero = {"force": torch.zeros_like, "steps": 1}
    draws = hamiltonian_monte_carlo(potential, start, 60, step=0.8, seed=2, **zero)
    mean, std = moments(draws)
    torch.testing.assert_close(mean, CENTRE, rtol=0, atol=float(5 * SCALES.max() / 4000**0.5))
    torch.testing.assert_close(std, SCALES, rtol=5 / (2 * 4000) ** 0.5, atol=0)
    moved = (draws.positions[0] - start)[draws.accepted[0]]
    assert 0.5 < float(moved.std()) < 0.8


def test_energy_changes_are_those_of_the_motion():
    start = exact(3, 7)
    draws = hamiltonian_monte_carlo(potential, start, 1, step=1e-3, steps=50, seed=8)
    # A fine motion of a Gaussian keeps its energy to the second order of the step.
    assert float(draws.energy_change.abs().max()) < 1e-5
    assert draws.accepted.all()
    coarse = hamiltonian_monte_carlo(potential, start, 1, step=0.3, steps=1, seed=8)
    generator = torch.Generator().manual_seed(8)
    p = torch.randn(3, 2, generator=generator, dtype=torch.float64)
    middle = start + 0.15 * p
    kicked = p - 0.3 * (middle - CENTRE) / SCALES**2
    end = middle + 0.15 * kicked
    change = potential(end) - potential(start) + (kicked**2 - p**2).sum(-1) / 2
    torch.testing.assert_close(coarse.energy_change[0], change)


def test_a_motion_that_runs_away_is_not_accepted():
    draws = hamiltonian_monte_carlo(
        lambda q: q.pow(4).sum(-1), torch.ones(5, 1).double(), 4, step=3.0, steps=40, seed=0
    )
    assert draws.acceptance == 0
    assert (draws.positions == 1).all()


def test_dtype_and_seed_decide_the_draws():
    def run(seed, dtype=torch.float64):
        # A potential of its own: the one above is in float64.
        square = lambda q: q.square().sum(-1)  # noqa: E731
        return hamiltonian_monte_carlo(
            square, torch.zeros(4, 3, dtype=dtype), 6, step=0.3, seed=seed
        ).positions

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))
    assert run(1, torch.float32).dtype == torch.float32
    torch.testing.assert_close(run(1, torch.float32).double(), run(1), rtol=1e-3, atol=1e-3)


def test_bad_input_is_named():
    start = torch.zeros(3, 2).double()
    with pytest.raises(ValueError, match=r"start has shape \(2,\); expected \(chains, d\)"):
        hamiltonian_monte_carlo(potential, start[0], 5, step=0.1, seed=0)
    bad = torch.tensor([[1.0], [-1.0]]).double()
    with pytest.raises(ValueError, match=r"not finite at the start of the chains \[1\]"):
        hamiltonian_monte_carlo(lambda q: q.log().sum(-1), bad, 5, step=0.1, seed=0)
    with pytest.raises(ValueError, match="the force returned shape"):
        hamiltonian_monte_carlo(potential, start, 5, step=0.1, seed=0, force=lambda q: q.sum(-1))
    with pytest.raises(ValueError, match="dop853 chooses its own steps"):
        hamiltonian_monte_carlo(potential, start, 5, step=0.1, seed=0, method="dop853")


def test_posterior_is_that_of_a_student_distribution_and_its_force_the_slope():
    returns = torch.tensor([0.3, -4.1, 1.2, 2.0, -0.7, 0.1, 5.5, -1.9], dtype=torch.float64)
    posterior = StudentPosterior(returns)
    q = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(posterior.force(q), -gradient(posterior.potential)(q))
    place, size, degrees = posterior.parameters(q).unbind(-1)
    # Up to one constant: the density of the data, and normal priors of the three parameters.
    log = torch.tensor(
        [
            stats.t.logpdf(returns, df=n, loc=a, scale=s).sum()
            + stats.norm.logpdf(a, scale=5)
            + stats.norm.logpdf(s.log(), loc=1, scale=2)
            + stats.norm.logpdf((n - 1).log(), loc=1.5)
            for a, s, n in zip(place, size, degrees, strict=True)
        ],
        dtype=torch.float64,
    )
    constant = posterior.potential(q) + log
    torch.testing.assert_close(constant, constant[:1].expand(6), rtol=1e-10, atol=1e-10)
    assert posterior.potential(q.reshape(2, 3, 3)).shape == (2, 3)
    assert (degrees > 1).all()
    assert (size > 0).all()


def test_posterior_names_bad_data():
    with pytest.raises(ValueError, match="returns has shape"):
        StudentPosterior(torch.zeros(3, 2).double())
    with pytest.raises(ValueError, match="all returns are the same"):
        StudentPosterior(torch.ones(5).double())
    with pytest.raises(ValueError, match=r"expected \(..., 3\)"):
        StudentPosterior(torch.arange(5.0)).potential(torch.zeros(2, 4))
