"""The orbit lab's computing under node: systems, adaptive steps, swarms, sections, grips."""

import math
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.integrators import integrate
from hnn_tutorial.systems import DoublePendulum, HenonHeiles, NBody, ThreeBody, TwoBody
from hnn_tutorial.widgets import OrbitLab
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_system
from hnn_tutorial.widgets.orbit_lab import MAX_NUMBERS, MAX_SAMPLES, SETTINGS

DRIVER = Path(__file__).parent / "js" / "orbits.mjs"
EXPORTS = (
    "MOST_NUMBERS, MOST_SAMPLES, SCENES, Swarm, adaptiveStep, buildScene, crossing, formatAnySize, "
    "gaugePlace, sectionState, stateOfEnergy"
)
SYSTEMS = [
    TwoBody(mass1=1.7, mass2=0.6, gravitational_constant=1.3),
    ThreeBody(mass1=1.2, mass2=0.7, mass3=2.1, gravitational_constant=0.8),
    NBody(masses=(1.0, 0.5, 2.0, 1.3, 0.8, 1.0, 0.9, 1.1, 1.6, 0.7), gravitational_constant=0.9),
    HenonHeiles(coupling=0.9),
    DoublePendulum(mass1=1.1, mass2=0.8, length1=0.9, length2=1.3),
]
HENON_HEILES = HenonHeiles()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "orbits.mjs"
    answers_of = browser_tools.run_node(module, bundle("labs/orbit_lab.js", EXPORTS), DRIVER)

    def call(*jobs):
        answers = answers_of(*jobs)
        assert not any("error" in answer for answer in answers), answers
        return [answer["value"] for answer in answers]

    return call


def described(system):
    return encode_system(system, tuple(SETTINGS))


def tensor(values):
    return torch.as_tensor(values, dtype=torch.float64)


def close(answer, expected, tolerance=1e-6):
    error = (tensor(answer) - expected).abs().max().item()
    assert error <= tolerance, f"JavaScript and Python differ by {error:.1e}"


def random_states(system, count, seed, scale=1.0):
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn(count, 2 * system.degrees, generator=generator, dtype=torch.float64)
    return scale * draw


def name_of(system):
    return system.name


# --- the systems ---------------------------------------------------------------------------------


@pytest.mark.parametrize("system", SYSTEMS, ids=name_of)
def test_systems(run, system):
    states = random_states(system, 40, seed=1)
    job = {"system": described(system), "states": states.tolist()}
    tasks = ["describe", "hamiltonian", "field", "fieldInto", "invariants"]
    facts, energy, field, into, invariants = run(*({"task": task, **job} for task in tasks))
    assert facts == {
        "title": system.title,
        "degrees": system.degrees,
        "coordinates": [list(pair) for pair in system.coordinates],
        "invariants": list(system.invariants),
    }
    close(energy, system.hamiltonian(states))
    # Close pairs have forces of hundreds: relative there.
    true = system.field(states)
    for answer in (field, into):
        close(tensor(answer) / (1 + true.abs()), true / (1 + true.abs()))
    close(invariants, torch.stack([measure(states) for measure in system.invariants.values()], -1))


def test_the_ellipse_lies_where_the_laplace_vector_points(run):
    system = SYSTEMS[0]
    states = random_states(system, 40, seed=5)
    job = {"task": "directions", "system": described(system), "states": states.tolist()}
    angle = run(job)[0]["direction of the ellipse"]
    vector = system.laplace_vector(states)
    expected = torch.atan2(vector[:, 1], vector[:, 0])
    apart = tensor(angle) - expected
    close(apart.sin().tolist(), torch.zeros(40, dtype=torch.float64), 1e-9)
    assert (apart.cos() > 0).all()


def test_the_tables_have_the_same_systems_and_limits(run):
    assert {kind.name for kind in SETTINGS} == {system.name for system in SYSTEMS}
    assert run({"task": "limits"})[0] == {
        "systems": [kind.name for kind in SETTINGS],
        "steps": {kind.name: setting.step for kind, setting in SETTINGS.items()},
        "samples": MAX_SAMPLES,
        "numbers": MAX_NUMBERS,
    }


def test_angles_differ_the_short_way_round(run):
    pairs = [([3.0, -3.0, 1.0, 2.0], [-3.0, 3.0, 0.5, 2.5])]
    job = {"task": "difference", "pairs": pairs}
    pendulum, star = run(
        {**job, "system": described(SYSTEMS[4])}, {**job, "system": described(HENON_HEILES)}
    )
    close(pendulum[0], tensor([6 - 2 * math.pi, 2 * math.pi - 6, 0.5, -0.5]), 1e-12)
    close(star[0], tensor([6.0, -6.0, 0.5, -0.5]), 1e-12)


@pytest.mark.parametrize(
    "system, start, h",
    [
        (SYSTEMS[0], [0.8, 0.1, -1.0, 0.2, 0.1, 0.7, -0.2, -0.5], 0.02),
        (ThreeBody(), ThreeBody().sample(1, 0)[0].tolist(), 0.01),
        (HENON_HEILES, HENON_HEILES.sample(1, 2, energy=1 / 8)[0].tolist(), 0.1),
        (SYSTEMS[4], [1.0, -0.5, 0.3, 0.2], 0.01),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_adaptive_trajectories_over_a_thousand_samples(run, system, start, h):
    job = {"task": "trajectory", "system": described(system), "start": start, "h": h}
    times = [k * h for k in range(1001)]
    options = {"rtol": 1e-12, "atol": 1e-12}
    expected = integrate(system.field, tensor(start), times, "dop853", **options)
    close(run({**job, "steps": 1000})[0], expected, 1e-5)


def test_the_kepler_orbit_through_close_encounters_is_the_exact_one(run):
    """Eccentricity 0.99: at the nearest, 1/200 of the farthest distance."""
    system = TwoBody()
    start = [1.0, 0.0, -1.0, 0.0, 0.0, 0.05, 0.0, -0.05]
    job = {"task": "trajectory", "system": described(system), "start": start, "h": 0.02}
    states = tensor(run({**job, "steps": 600})[0])
    times = 0.02 * torch.arange(601, dtype=torch.float64)
    energies = system.hamiltonian(states)
    assert (energies - energies[0]).abs().max() < 1e-8
    nearest = (states[:, :2] - states[:, 2:4]).norm(dim=-1).min()
    assert nearest < 0.15
    assert (states - system.solution(tensor(start), times)).abs().max() < 1e-4


# --- swarms --------------------------------------------------------------------------------------


def test_the_exponent_of_a_saddle_is_its_eigenvalue(run):
    swarm = run(
        {
            "task": "swarm",
            "start": [0.0, 0.0],
            "step": 0.1,
            "horizon": 20.0,
            "copies": 40,
            "apart": 1e-8,
        }
    )[0]
    # exp(t), but for the first moments, in which the shadow turns to the unstable direction.
    assert swarm["exponent"] == pytest.approx(1.0, abs=0.06)
    assert swarm["computed"] == 200
    slope = math.log(swarm["spreads"][-1] / swarm["spreads"][100]) / 10
    assert slope == pytest.approx(1.0, abs=1e-3)


def test_copies_start_all_round_at_the_given_distance_and_follow_the_field(run):
    start = HENON_HEILES.sample(1, 6, energy=1 / 8)[0]
    job = {
        "task": "swarm",
        "system": described(HENON_HEILES),
        "start": start.tolist(),
        "step": 0.1,
        "horizon": 30.0,
        "copies": 50,
        "apart": 1e-3,
    }
    swarm, again = run(job, job)
    assert swarm == again
    first, last = (tensor(swarm[name]).reshape(50, 4) for name in ("first", "last"))
    away = (first - start) / 1e-3
    close(away.norm(dim=-1).tolist(), torch.ones(50, dtype=torch.float64), 1e-9)
    assert away.mean(0).norm() < 0.3
    assert torch.linalg.eigvalsh(away.T @ away / 50)[0] > 0.1
    options = {"rtol": 1e-12, "atol": 1e-12}
    times = [0.1 * k for k in range(301)]
    expected = integrate(
        HENON_HEILES.field, torch.cat([start[None], first]), times, "dop853", **options
    )
    close(last.tolist(), expected[-1, 1:], 1e-8)
    spreads = (expected[:, 1:] - expected[:, :1]).square().sum(-1).mean(-1).sqrt()
    close(swarm["spreads"], spreads, 1e-7)
    middle = (expected[1, 1:] + expected[2, 1:]) / 2
    close(tensor(swarm["middle"]).reshape(50, 4), middle, 1e-6)


def test_chaos_has_a_larger_exponent_than_order(run):
    """At H = 1/8 the sea and an island of regular motion lie side by side."""

    def job(y, py):
        px = math.sqrt(1 / 4 - py**2 - y**2 + 2 * y**3 / 3)
        return {
            "task": "swarm",
            "system": described(HENON_HEILES),
            "start": [0.0, y, px, py],
            "step": 0.1,
            "horizon": 600.0,
            "copies": 1,
            "apart": 1e-6,
        }

    sea, island = run(job(-0.1, 0.1), job(0.3, 0.0))
    assert sea["exponent"] > 0.04
    assert island["exponent"] < 0.015
    # An exponential law takes a millionth to the size of the orbit; order does not.
    assert sea["spreads"][-1] > 0.1
    assert island["spreads"][-1] < 1e-3


def test_the_exponent_agrees_with_one_from_two_whole_motions(run):
    """An independent measure: two motions so near that nothing has to be brought back."""
    system = DoublePendulum()
    start = tensor([2.0, 1.0, 0.0, 0.0])
    job = {"task": "swarm", "system": described(system), "start": start.tolist(), "copies": 1}
    swarm = run({**job, "step": 0.02, "horizon": 6.0, "apart": 1e-6})[0]
    away = 1e-8 * tensor(swarm["neighbour"])
    starts = torch.stack([start - away, start + away])
    ends = integrate(system.field, starts, [0.0, 6.0], "rk4", step=0.002)[-1]
    growth = (ends[1] - ends[0]).norm() / 2e-8
    assert growth > 100
    assert swarm["exponent"] == pytest.approx(growth.log().item() / 6, abs=1e-3)


def test_a_head_on_collision_breaks_off(run):
    swarm = run(
        {
            "task": "swarm",
            "system": described(TwoBody()),
            "start": [1.0, 0.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            "step": 0.02,
            "horizon": 20.0,
            "copies": 1,
            "apart": 1e-30,
        }
    )[0]
    assert swarm["problem"] == "broke off"
    # Free fall from rest takes π (d/2)^{3/2} / √(G M) = π/√2.
    assert 0.02 * swarm["computed"] == pytest.approx(math.pi / math.sqrt(2), abs=0.05)


# --- the section ---------------------------------------------------------------------------------


def test_crossings_lie_on_the_section_and_on_the_orbit(run):
    start = HENON_HEILES.sample(1, 6, energy=1 / 8)[0]
    job = {"task": "crossings", "system": described(HENON_HEILES), "h": 0.1, "steps": 1000}
    found = run({**job, "start": start.tolist()})[0]
    assert 10 < len(found) < 20
    states = tensor([crossing["state"] for crossing in found])
    assert states[:, 0].abs().max() < 1e-9
    assert (states[:, 2] > 0).all()
    assert (HENON_HEILES.hamiltonian(states) - 1 / 8).abs().max() < 1e-9
    times = [0.0, *(crossing["time"] for crossing in found)]
    expected = integrate(HENON_HEILES.field, start, times, "dop853", rtol=1e-12, atol=1e-12)
    close(states.tolist(), expected[1:], 1e-6)
    fine = [0.02 * k for k in range(5001)]
    x = integrate(HENON_HEILES.field, start, fine, "dop853")[:, 0]
    assert len(found) == ((x[:-1] < 0) & (x[1:] >= 0)).sum()


def test_states_on_the_section_have_the_energy_and_stay_in_the_well(run):
    points = [[0.1, 0.2], [-0.3, 0.0], [0.9, 0.9], [2.0, 0.0], [0.0, -3.0]]
    energy = 0.11
    states = tensor(
        run(
            {
                "task": "section",
                "system": described(HENON_HEILES),
                "energy": energy,
                "points": points,
            }
        )[0]
    )
    assert (HENON_HEILES.hamiltonian(states) - energy).abs().max() < 1e-9
    assert (states[:, 0] == 0).all()
    assert (states[:, 2] >= 0).all()
    assert states[:2, [1, 3]].tolist() == points[:2]
    assert states[3, 1] < 1
    # Pulled back along the ray from the bottom of the well.
    assert (states[2, 1] / states[2, 3]).item() == pytest.approx(1)


def test_a_state_keeps_its_direction_when_its_energy_changes(run):
    states = torch.cat([HENON_HEILES.sample(20, 3, energy=1 / 12), torch.zeros(1, 4).double()])
    job = {"task": "ofEnergy", "system": described(HENON_HEILES), "states": states.tolist()}
    for energy, answer in zip(
        (0.02, 0.15), run({**job, "energy": 0.02}, {**job, "energy": 0.15}), strict=True
    ):
        scaled = tensor(answer)
        assert (HENON_HEILES.hamiltonian(scaled) - energy).abs().max() < 1e-9
        ratio = scaled[:20] / states[:20]
        ratio = ratio[:, 1:]
        assert (ratio - ratio[:, :1]).abs().max() < 1e-9


def test_the_well_ends_where_the_potential_reaches_the_energy(run):
    directions = [k * math.pi / 12 for k in range(24)]
    energies = [0.01, 0.08, 1 / 6]
    system = HenonHeiles(coupling=1.0)
    job = {"task": "well", "system": described(system), "energies": energies}
    for energy, radii in zip(energies, run({**job, "directions": directions})[0], strict=True):
        r, angle = tensor(radii), tensor(directions)
        x = torch.stack([r * angle.cos(), r * angle.sin(), 0 * r, 0 * r], -1)
        assert (system.potential(x) - energy).abs().max() < 1e-9
    [[open_]] = run({**job, "energies": [0.5], "directions": [math.pi / 2]})[0:1][0]
    assert open_ == pytest.approx(1.0)  # the saddle


# --- the reader's hand ---------------------------------------------------------------------------


@pytest.mark.parametrize("system", [SYSTEMS[1], HENON_HEILES], ids=name_of)
def test_grips_bring_points_of_mass_and_their_velocities_where_they_are_put(run, system):
    n = system.degrees
    state = (0.3 * random_states(system, 1, seed=3)[0]).tolist()
    points = [[0.7, -0.4], [-0.9, 0.8]]
    job = {"task": "grips", "system": described(system), "half": 1.5, "state": state}
    grips = run({**job, "points": points})[0]
    assert len(grips) == n
    for i in range(n // 2):
        position, velocity = grips[2 * i : 2 * i + 2]
        for grip in (position, velocity):
            close(grip["untouched"], tensor(state), 1e-9)
            for point, moved in zip(points, grip["moved"], strict=True):
                close(moved["place"], tensor(point), 1e-9)
        # A position changes q alone, a velocity its own p alone.
        changed = [k for k in range(2 * n) if position["moved"][0]["state"][k] != state[k]]
        assert changed == [2 * i, 2 * i + 1]
        changed = [k for k in range(2 * n) if velocity["moved"][0]["state"][k] != state[k]]
        assert changed == [n + 2 * i, n + 2 * i + 1]
        assert position["stepped"][2 * i] > state[2 * i]
        assert velocity["stepped"][n + 2 * i] > state[n + 2 * i]
    assert grips[1]["words"].count(",") == 1


def test_a_velocity_brought_to_its_body_is_zero(run):
    state = [0.5, 0.0, -0.5, 0.0, 0.1, 0.4, -0.1, -0.4]
    grips = run(
        {
            "task": "grips",
            "system": described(TwoBody()),
            "half": 1.0,
            "state": state,
            "points": [[0.52, 0.02]],
        }
    )[0]
    moved = grips[1]["moved"][0]
    assert moved["state"] == [*state[:4], 0.0, 0.0, *state[6:]]
    # Its tip stays apart from the body, so that it can be taken hold of again.
    assert math.dist(moved["place"], state[:2]) > 0.05


def test_bobs_are_released_from_rest(run):
    system = DoublePendulum(length1=1.0, length2=0.5)
    grips = run(
        {
            "task": "grips",
            "system": described(system),
            "half": 1.5,
            "state": [0.3, -0.2, 1.0, 2.0],
            "points": [[1.0, 0.0]],
        }
    )[0]
    upper, lower = (grip["moved"][0]["state"] for grip in grips)
    assert upper == pytest.approx([math.pi / 2, -0.2, 0, 0])
    # Level with the pivot of the lower rod is where the reader does not point here.
    x, y = math.sin(0.3), -math.cos(0.3)
    assert lower == pytest.approx([0.3, math.atan2(1 - x, y - 0), 0, 0])


# --- numbers -------------------------------------------------------------------------------------


def test_numbers_of_any_size_read_well(run):
    values = [0.3217, -12.34, 345.6, 1234, 0.00123, 1e-6, -4.13e-7, 3e-17, 0]
    assert run({"task": "numbers", "values": values})[0] == [
        "0.32",
        "−12",
        "350",
        "1.2·10³",
        "1.2·10⁻³",
        "10⁻⁶",
        "−4.1·10⁻⁷",
        "0",
        "0",
    ]


def test_gauges_are_symmetric_powers_of_ten(run):
    places = run({"task": "places", "values": [0, 1e-9, 1e-6, -1e-6, 1.0, 1e9, -1e9]})[0]
    assert places == pytest.approx([0, 0.301, 3.0, -3.0, 9.0, 10, -10], abs=1e-3)


# --- the widget ----------------------------------------------------------------------------------


def test_the_module_is_one_without_imports():
    module = bundle("labs/orbit_lab.js")
    assert "import " not in module
    assert module.count("\nexport ") == 1
    assert OrbitLab._esm == module
