"""The Lagrangian lab's JavaScript against Python: action, its variations, motions, descent."""

from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import action
from hnn_tutorial.systems import Pendulum, Projectile
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_system
from hnn_tutorial.widgets.lagrangian_lab import BEGINNINGS

DRIVER = Path(__file__).parent / "js" / "lagrangian.mjs"
EXPORTS = "LAGRANGIAN_SYSTEMS, Action, conjugatePoints, lowestMode"
EXAMPLES = [Pendulum(mass=0.7, length=1.3, gravity=9.81), Projectile(mass=1.4, gravity=3.7)]
STEPS = 40
DURATION = 1.3

each_system = pytest.mark.parametrize("system", EXAMPLES, ids=lambda system: system.name)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a job in the joined module under node and return its answer."""
    module = tmp_path_factory.mktemp("module") / "lab.mjs"
    answers_of = browser_tools.run_node(module, bundle("labs/lagrangian_lab.js", EXPORTS), DRIVER)

    def call(task, system=None, **job):
        if system is not None:
            job["system"] = encode_system(system, tuple(BEGINNINGS))
        (answer,) = answers_of({"task": task, "duration": DURATION, "steps": STEPS, **job})
        return answer

    return call


def times(duration=DURATION):
    return torch.linspace(0, duration, STEPS + 1, dtype=torch.float64)


def random_paths(count=20):
    """Paths ``(T, count, 1)``, smooth and not."""
    draw = torch.randn(STEPS + 1, count, 1, generator=torch.Generator().manual_seed(3)).double()
    smooth = torch.arange(1, count + 1) / count
    return draw * (1 - smooth.reshape(1, -1, 1)) + torch.sin(3 * times()).reshape(-1, 1, 1)


def listed(paths):
    return paths.squeeze(-1).mT.tolist()


def total(system, paths):
    return action(system.lagrangian, paths, times())


def random_states(count=10):
    return 2 * torch.randn(count, 2, generator=torch.Generator().manual_seed(5)).double()


def close(answer, expected, tolerance=1e-6):
    error = (torch.as_tensor(answer, dtype=torch.float64) - expected).abs().max().item()
    assert error <= tolerance, f"JavaScript and Python differ by {error:.1e}"
    print(f"largest difference {error:.1e}")


def second_variation(system, path, duration=DURATION):
    """The Hessian of S between the held ends, ``(T − 2, T − 2)``."""

    def value(inner):
        whole = torch.cat([path[:1], inner, path[-1:]]).unsqueeze(-1)
        return action(system.lagrangian, whole, times(duration))

    return torch.func.hessian(value)(path[1:-1])


def test_both_sides_have_the_same_systems(run):
    assert run("systems") == [system.name for system in BEGINNINGS]
    for system in EXAMPLES:
        assert run("describe", system) == {
            "title": system.title,
            "degrees": system.degrees,
            "coordinates": [list(pair) for pair in system.coordinates],
        }


@each_system
def test_hamiltonian_and_field(run, system):
    x = random_states()
    expected = torch.cat([system.hamiltonian(x).unsqueeze(-1), system.field(x)], dim=-1)
    close(run("mechanics", system, states=x.tolist()), expected, 1e-12)


@each_system
def test_action_and_its_parts(run, system):
    """S as `mechanics.action` has it; ∫T and ∫V by it too, from L with one of them left out."""
    paths = random_paths()

    def potential(y):
        return -system.hamiltonian(torch.stack([y[..., 0], 0 * y[..., 0]], dim=-1))

    def kinetic(y):
        return system.lagrangian(y) - potential(y)

    parts = [action(kinetic, paths, times()), -action(potential, paths, times())]
    expected = torch.stack([*parts, total(system, paths)], dim=-1)
    scale = expected.abs().max()
    answer = run("action", system, paths=listed(paths))
    close(torch.tensor(answer, dtype=torch.float64) / scale, expected / scale, 1e-12)


@each_system
def test_first_variation(run, system):
    paths = random_paths()
    slope = torch.func.grad(lambda paths: total(system, paths).sum())(paths)
    slope[[0, -1]] = 0.0
    close(run("gradient", system, paths=listed(paths)), slope.squeeze(-1).mT, 1e-9)


@each_system
def test_second_variation(run, system):
    paths = random_paths(3)
    for path, (diagonal, beside) in zip(
        paths.squeeze(-1).mT, run("hessian", system, paths=listed(paths)), strict=True
    ):
        expected = second_variation(system, path)
        close(diagonal[1:-1], expected.diagonal())
        close(beside[1:-1], expected.diagonal(1))
        assert expected.triu(2).abs().max() < 1e-12


@each_system
def test_true_paths_are_midpoint_motions_and_stationary(run, system):
    x = random_states()
    expected = integrate(system.field, x, times(), "implicit_midpoint")[..., 0].mT
    answer = run("motion", system, states=x.tolist())
    close(answer, expected, 1e-10)
    slope = torch.tensor(run("gradient", system, paths=answer))
    assert slope.abs().max() < 1e-10


@each_system
def test_a_long_motion_of_the_midpoint_rule(run, system):
    """A thousand steps, 1e-5."""
    x = random_states(3)
    long = torch.linspace(0, 20, 1001, dtype=torch.float64)
    expected = integrate(system.field, x, long, "implicit_midpoint")[..., 0].mT
    close(run("motion", system, states=x.tolist(), duration=20.0, steps=1000), expected, 1e-5)


@pytest.mark.parametrize("duration", [0.9, 1.3, 3.1, 5.0])
def test_conjugate_points_count_the_directions_in_which_s_falls(run, duration):
    """Against the negative eigenvalues of the second variation (Morse's theorem)."""
    system = EXAMPLES[0]
    x = random_states(6) / 2
    answer = run("conjugate", system, states=x.tolist(), duration=duration)
    paths = integrate(system.field, x, times(duration), "implicit_midpoint")[..., 0].mT
    for path, found in zip(paths, answer, strict=True):
        eigenvalues = torch.linalg.eigvalsh(second_variation(system, path, duration))
        assert len(found) == int((eigenvalues < 0).sum())
        assert found == sorted(found)
    assert duration > 1.3 or max(len(found) for found in answer) <= 1


def test_the_pendulum_at_rest_meets_its_neighbours_after_half_periods(run):
    system = EXAMPLES[0]
    [found] = run("conjugate", system, states=[[0.0, 0.0]], duration=5.0)
    half_period = torch.pi / system.frequency
    expected = torch.arange(1, len(found) + 1) * half_period
    assert len(found) == int(5.0 // half_period) == 4
    # 40 steps of 0.125 s: the midpoint rule runs slow by (ω₀Δt)²/12.
    assert (torch.tensor(found) * 5.0 / STEPS - expected).abs().max() < 0.05


def test_the_projectile_has_no_conjugate_point(run):
    assert run("conjugate", EXAMPLES[1], states=[[0.0, 5.0]], duration=50.0) == [[]]


@each_system
@pytest.mark.parametrize("duration", [0.9, 1.3, 3.1])
def test_the_lowest_mode(run, system, duration):
    """The eigenvector of the smallest eigenvalue, with 1 for its largest value."""
    x = random_states(4) / 2
    answer = run("mode", system, states=x.tolist(), duration=duration)
    paths = integrate(system.field, x, times(duration), "implicit_midpoint")[..., 0].mT
    for path, mode in zip(paths, answer, strict=True):
        vector = torch.linalg.eigh(second_variation(system, path, duration)).eigenvectors[:, 0]
        close(mode[1:-1], vector / vector[vector.abs().argmax()])
        assert mode[0] == mode[-1] == 0


def bent(system, start, duration, size):
    path = integrate(
        system.field, torch.tensor(start, dtype=torch.float64), times(duration), "implicit_midpoint"
    )[..., 0]
    return path, path + size * torch.sin(torch.pi * times(duration) / duration)


def test_the_projectile_descends_to_the_true_path(run):
    true, path = bent(EXAMPLES[1], [0.0, 5.0], 2.0, 3.0)
    [answer] = run(
        "descend", EXAMPLES[1], paths=[path.tolist()], duration=2.0, times=400, share=0.12
    )
    close(answer["path"], true)
    assert all(b <= a + 1e-12 for a, b in zip(answer["values"], answer["values"][1:], strict=False))


def test_the_pendulum_descends_to_the_true_path_only_before_the_conjugate_point(run):
    system = EXAMPLES[0]
    half_period = torch.pi / system.frequency
    for duration, comes_back in [(0.8 * half_period, True), (1.4 * half_period, False)]:
        true, path = bent(system, [-0.8, 0.0], duration, 0.1)
        [answer] = run(
            "descend", system, paths=[path.tolist()], duration=duration, times=2000, share=0.12
        )
        end = torch.tensor(answer["path"], dtype=torch.float64)
        assert ((end - true).abs().max() < 1e-5) == comes_back
        value = action(system.lagrangian, true.unsqueeze(-1), times(duration))
        assert answer["values"][-1] <= value + 1e-9
        if not comes_back:
            # To another motion between the same ends, with less action.
            assert answer["values"][-1] < value - 0.05
            [slope] = run("gradient", system, paths=[answer["path"]], duration=duration)
            assert torch.tensor(slope).abs().max() < 1e-5
