"""The labs' JavaScript against the Python package: the same equations, written twice."""

import base64
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.integrators.splitting import coupled_parts
from hnn_tutorial.models import (
    ACTIVATIONS,
    HNN,
    LNN,
    MLP,
    MODELS,
    DissipativeHNN,
    LagrangianNetwork,
    PairwiseHNN,
    SecondOrderMLP,
    SeparableHNN,
    StructuredLNN,
)
from hnn_tutorial.systems import (
    SYSTEMS,
    DampedMassSpring,
    DampedPendulum,
    DoublePendulum,
    MassSpring,
    Pendulum,
)
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import (
    LAB_ACTIVATIONS,
    LAB_MODELS,
    LAB_SYSTEMS,
    encode_models,
    encode_system,
)

DRIVER = Path(__file__).parent / "js" / "parity.mjs"
EXPORTS = (
    "SYSTEMS, buildSystem, asVelocities, METHODS, coupledParts, ACTIVATIONS, MODELS, buildModels, "
    "Motion, formatPercent, sampleMesh, traceLevel"
)
SYSTEM_EXAMPLES = [
    MassSpring(mass=1.7, stiffness=2.3),
    DampedMassSpring(mass=0.8, stiffness=1.9, damping=0.3),
    Pendulum(mass=0.7, length=1.3, gravity=9.81),
    DampedPendulum(mass=1.2, length=0.9, gravity=9.81, damping=0.25),
]
DOUBLE = DoublePendulum(mass1=0.7, mass2=1.4, length1=1.2, length2=0.8)
EVERY_SYSTEM = [*SYSTEM_EXAMPLES, DOUBLE]
FIXED = [name for name, method in METHODS.items() if not method.adaptive]
FOR_ANY_FIELD = [name for name in FIXED if not METHODS[name].needs_separable]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "lab.mjs"
    return browser_tools.run_node(module, bundle("labs/learned_lab.js", EXPORTS), DRIVER)


def value(answer):
    assert "error" not in answer, answer
    return torch.tensor(answer["value"], dtype=torch.float64)


def close(answer, expected, tolerance=1e-6):
    error = (value(answer) - expected).abs().max().item()
    assert error <= tolerance, f"JavaScript and Python differ by {error:.1e}"


def random_states(count, seed, scale=2.0, degrees=1):
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn(count, 2 * degrees, generator=generator, dtype=torch.float64)
    return scale * draw


def rounded(model, seed):
    """Give a model random weights and biases that float32 holds exactly, and return it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            draw = 0.6 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(draw.float().double())
    return model


def described(model):
    specs, weights = encode_models(SYSTEM_FOR[model.degrees], {"model": model}, LAB_MODELS)
    return {"specs": specs, "weights": base64.b64encode(weights).decode()}


class _Plane:
    """Stands in for a system of any size: the encoder only asks for `degrees`."""

    def __init__(self, degrees):
        self.degrees = degrees


SYSTEM_FOR = {n: _Plane(n) for n in (1, 2, 4, 6, 20)}

MODEL_EXAMPLES = [
    rounded(kind(degrees, hidden, activation), seed=i)
    for i, (kind, degrees, hidden, activation) in enumerate(
        [
            (MLP, 1, (16, 16), "tanh"),
            (MLP, 2, (9,), "sin"),
            (SecondOrderMLP, 1, (8, 12), "softplus"),
            (SecondOrderMLP, 2, (7, 5), "tanh"),
            (HNN, 1, (16, 16), "tanh"),
            (HNN, 2, (11, 6, 5), "softplus"),
            (HNN, 1, (13, 4), "sin"),
            (HNN, 1, (), "tanh"),
            (SeparableHNN, 1, (8, 6), "tanh"),
            (SeparableHNN, 2, (7,), "softplus"),
            (DissipativeHNN, 1, (8, 5), "softplus"),
            (DissipativeHNN, 2, (6, 7), "tanh"),
        ]
    )
]
LAGRANGIAN_EXAMPLES = [
    rounded(kind(degrees, hidden, activation), seed=20 + i)
    for i, (kind, degrees, hidden, activation) in enumerate(
        [
            (LNN, 1, (8, 8), "softplus"),
            (LNN, 1, (7,), "sin"),
            (LNN, 2, (6, 9), "tanh"),
            (StructuredLNN, 1, (8, 8), "softplus"),
            (StructuredLNN, 2, (9, 6), "tanh"),
            (StructuredLNN, 2, (5,), "sin"),
        ]
    )
]
PAIRWISE_EXAMPLES = [
    rounded(PairwiseHNN(4, (9,), masses=1.0), seed=60),
    rounded(PairwiseHNN(6, (7, 5), "softplus", couplings="masses"), seed=61),  # learned masses
    rounded(PairwiseHNN(6, (8,), "sin", dimension=3, masses=[0.7, 2.5]), seed=62),
    rounded(PairwiseHNN(20, (6,), masses=[*range(1, 11)], couplings="masses"), seed=63),
]
WITH_ANGLES = [kind for kind in LAB_MODELS if kind is not PairwiseHNN]
ANGLE_EXAMPLES = [
    rounded(kind(degrees, (7, 5), "tanh", angles=angles), seed=40 + i)
    for i, (kind, degrees, angles) in enumerate(
        [(kind, 1, (0,)) for kind in WITH_ANGLES]
        + [(kind, 2, angles) for kind in WITH_ANGLES for angles in [(1,), (0, 1)]]
    )
]


def name_of(example):
    return type(example).__name__ + (
        f"-{example.degrees}-{example.activation}-{len(example.hidden)}"
        if hasattr(example, "activation")
        else ""
    )


def test_both_sides_have_the_same_tables(run):
    tables = run({"task": "tables"})[0]["value"]
    assert tables["systems"] == [system.name for system in LAB_SYSTEMS]
    assert tables["models"] == [model.kind for model in LAB_MODELS]
    assert tables["activations"] == list(LAB_ACTIVATIONS)
    assert set(tables["systems"]) <= set(SYSTEMS)
    assert set(tables["models"]) <= set(MODELS)
    assert set(tables["activations"]) <= set(ACTIVATIONS)
    expected = {
        name: {
            "title": METHODS[name].title,
            "order": METHODS[name].order,
            "symplectic": METHODS[name].symplectic,
            "needs_separable": METHODS[name].needs_separable,
        }
        for name in FIXED
    }
    assert tables["methods"] == expected


@pytest.mark.parametrize("system", EVERY_SYSTEM, ids=name_of)
def test_systems(run, system):
    states = random_states(50, seed=1, degrees=system.degrees)
    description = encode_system(system, LAB_SYSTEMS)
    job = {"system": description, "states": states.tolist()}
    tasks = ("describe", "hamiltonian", "field", "velocities", "momenta")
    facts, energy, field, velocities, momenta = run(*({"task": task, **job} for task in tasks))
    assert facts["value"] == {
        "title": system.title,
        "degrees": system.degrees,
        "coordinates": [list(pair) for pair in system.coordinates],
        "angles": list(system.angles),
    }
    close(energy, system.hamiltonian(states))
    close(field, system.field(states))
    close(velocities, system.velocities(states))
    close(momenta, system.momenta(states))


@pytest.mark.parametrize("system", SYSTEM_EXAMPLES, ids=name_of)
def test_level_curves_lie_on_their_levels(run, system):
    energies = [0.3, 2.0, 11.0, 40.0]
    answer = run({"task": "levels", "system": encode_system(system), "energies": energies})[0]
    for energy, curve in zip(energies, answer["value"], strict=True):
        points = torch.tensor(curve, dtype=torch.float64)
        assert len(points) > 50
        assert (system.hamiltonian(points) - energy).abs().max() < 1e-9 * energy


@pytest.mark.parametrize("model", MODEL_EXAMPLES, ids=name_of)
def test_network_value_gradient_and_field(run, model):
    states = random_states(50, seed=2, degrees=model.degrees)
    job = {**described(model), "states": states.tolist()}
    with torch.no_grad():
        close(run({"task": "field", **job})[0], model.field(states))
        if isinstance(model, SeparableHNN):
            return
        network = model.network(states)
        close(run({"task": "value", **job})[0], network)
        if network.shape[-1] == 1:
            gradient = model.network.input_gradient(states)
            close(run({"task": "gradient", **job})[0], gradient)


@pytest.mark.parametrize("model", [*LAGRANGIAN_EXAMPLES, *ANGLE_EXAMPLES], ids=name_of)
def test_fields_of_lagrangians_and_of_embedded_angles(run, model):
    states = random_states(30, seed=6, degrees=model.degrees, scale=1.0)
    job = {**described(model), "states": states.tolist()}
    field, energy = run({"task": "field", **job}, {"task": "energy", **job})
    with torch.no_grad():
        # Near a singular mass matrix a small difference grows with the acceleration.
        expected = model.field(states)
        error = (value(field) - expected).abs() / (1 + expected.abs().amax(-1, keepdim=True) ** 2)
        assert error.max() < 1e-6
        if isinstance(model, LagrangianNetwork):
            close(energy, model.energy(states))
        elif hasattr(model, "hamiltonian"):
            close(energy, model.hamiltonian(states))


@pytest.mark.parametrize("model", PAIRWISE_EXAMPLES, ids=name_of)
def test_bodies_that_act_in_pairs(run, model):
    """Value and field, in the plane and in space, of all kinds of masses."""
    states = random_states(30, seed=7, degrees=model.degrees)
    job = {**described(model), "states": states.tolist()}
    field, energy = run({"task": "field", **job}, {"task": "energy", **job})
    with torch.no_grad():
        expected = model.field(states)
        # Of ten bodies the forces are sums over all pairs: relative there, and known masses travel
        # as float32.
        scale = 1 + expected.abs()
        assert ((value(field) - expected) / scale).abs().max() < 1e-6
        expected = model.hamiltonian(states)
        assert ((value(energy) - expected) / (1 + expected.abs())).abs().max() < 1e-6


@pytest.mark.parametrize("model", [LAGRANGIAN_EXAMPLES[i] for i in (0, 3)], ids=name_of)
def test_a_motion_of_velocities_is_shown_as_momenta(run, model):
    system, h, steps = SYSTEM_EXAMPLES[2], 0.02, 100
    start = torch.tensor([0.4, -0.3], dtype=torch.float64)
    job = {**described(model), "system": encode_system(system), "states": [start.tolist()]}
    [answer] = run({"task": "canonical", "method": "rk4", "h": h, "steps": steps, **job})
    times = [k * h for k in range(steps + 1)]
    with torch.no_grad():
        expected = system.momenta(integrate(model.field, system.velocities(start), times, "rk4"))
    close(answer, expected, tolerance=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_level_lines_of_a_mesh_lie_on_their_levels(run, seed):
    """A quadratic function on a fine mesh: its ellipse, in segments that close up."""
    a, b = (random_states(1, seed)[0] ** 2 + 0.5).tolist()
    [answer] = run({"task": "mesh", "a": a, "b": b, "level": 1.0})
    ends = value(answer)
    assert len(ends) > 60
    assert (a * ends[:, 0] ** 2 + b * ends[:, 1] ** 2 - 1).abs().max() < 0.02
    # Each end is the end of another segment too.
    apart = torch.cdist(ends, ends) + torch.eye(len(ends))
    assert apart.amin(dim=1).max() < 1e-6


@pytest.mark.parametrize("method", FIXED)
def test_one_step_of_every_integrator(run, method):
    separable = METHODS[method].needs_separable
    systems = [s for s in SYSTEM_EXAMPLES if "damping" not in vars(s) or not separable]
    states, h = random_states(20, seed=3), 0.07
    jobs = [
        {
            "task": "step",
            "method": method,
            "h": h,
            "system": encode_system(system),
            "states": states.tolist(),
        }
        for system in systems
    ]
    for answer, system in zip(run(*jobs), systems, strict=True):
        close(answer, integrate(system.field, states, [0.0, h], method)[-1])


@pytest.mark.parametrize("method", FOR_ANY_FIELD)
def test_one_step_through_learned_fields(run, method):
    models = [model for model in MODEL_EXAMPLES if model.hidden]
    h, jobs, expected = 0.05, [], []
    for model in models:
        states = random_states(10, seed=4, scale=1.0, degrees=model.degrees)
        jobs.append(
            {
                "task": "step",
                "method": method,
                "h": h,
                **described(model),
                "states": states.tolist(),
            }
        )
        with torch.no_grad():
            expected.append(integrate(model.field, states, [0.0, h], method)[-1])
    for answer, right in zip(run(*jobs), expected, strict=True):
        close(answer, right)


def test_trajectories_over_a_thousand_steps(run):
    h, steps = 0.02, 1000
    times = [k * h for k in range(steps + 1)]
    start = torch.tensor([[0.9, -0.4]], dtype=torch.float64)
    pendulum, spring, learned = SYSTEM_EXAMPLES[2], SYSTEM_EXAMPLES[0], MODEL_EXAMPLES[4]
    cases = [(pendulum, method) for method in FIXED] + [(spring, "rk4"), (learned, "rk4")]
    cases += [(model, "rk4") for model in LAGRANGIAN_EXAMPLES if model.kind == "structured_lnn"][:1]
    jobs = []
    for source, method in cases:
        is_system = hasattr(source, "parameters") and not hasattr(source, "hidden")
        fields = {"system": encode_system(source)} if is_system else described(source)
        jobs.append(
            {
                "task": "trajectory",
                "method": method,
                "h": h,
                "steps": steps,
                **fields,
                "states": start.tolist(),
            }
        )
    for answer, (source, method) in zip(run(*jobs), cases, strict=True):
        with torch.no_grad():
            expected = integrate(source.field, start, times, method)
        close({"value": answer["value"][0]}, expected[:, 0], tolerance=1e-5)


def test_separability_is_judged_alike(run):
    start = random_states(1, seed=5)
    systems = [
        {"task": "coupled", "system": encode_system(s), "states": start.tolist()}
        for s in SYSTEM_EXAMPLES
    ]
    models = [m for m in MODEL_EXAMPLES if m.degrees == 1]
    networks = [{"task": "coupled", **described(m), "states": start.tolist()} for m in models]
    answers = [answer["value"][0] for answer in run(*systems, *networks)]
    assert answers == [coupled_parts(each.field, start) for each in [*SYSTEM_EXAMPLES, *models]]
    assert answers[:4] == [None, "ṗ depends on p", None, "ṗ depends on p"]


def test_bad_states_of_a_lab_are_named(run):
    good = described(MODEL_EXAMPLES[4])
    [spec] = good["specs"]
    raw = base64.b64decode(good["weights"])
    nan = base64.b64encode(b"\x00\x00\xc0\x7f" + raw[4:]).decode()
    short = base64.b64encode(raw[:-8]).decode()
    states = [[0.1, 0.2]]

    def job(**changes):
        return {"task": "field", **good, "states": states, **changes}

    answers = run(
        job(weights=""),
        job(weights=short),
        job(weights=nan),
        job(weights=base64.b64encode(raw[:-1]).decode()),
        job(specs=[{**spec, "kind": "lstm"}]),
        job(specs=[{**spec, "activation": "relu"}]),
        job(specs=[{**spec, "networks": [[4, 16, 16, 1]]}]),
        {"task": "hamiltonian", "system": {"name": "yo-yo", "parameters": {}}, "states": states},
    )
    messages = [answer.get("error", "") for answer in answers]
    expected = [
        "missing",
        f"need {len(raw) // 4} weights, but {len(raw) // 4 - 2} arrived",
        "NaN",
        "no whole float32",
        "unknown kind of model",
        "unknown activation",
        "has networks of 4 inputs and 1 outputs; a hnn of this system has 2 inputs",
        "unknown system",
    ]
    for message, part in zip(messages, expected, strict=True):
        assert part in message, messages


def test_a_motion_that_runs_away_or_fails_ends_with_a_reason(run):
    common = {"task": "motion", "h": 0.1, "steps": 200, "states": [[1.0, 1.0]]}
    away, failed, nan = (
        answer["value"] for answer in run(*({**common, "kind": k} for k in ("grow", "fail", "nan")))
    )
    assert away["problem"] == "ran away"
    assert away["done"]
    assert 5 < away["computed"] < 20
    assert max(away["last"]) <= 1e6
    assert failed["problem"] == "no slope here"
    assert nan["problem"] == "ran away"
    assert failed["computed"] == nan["computed"] == 0


def test_an_implicit_step_that_is_too_long_says_so(run):
    job = {
        "task": "step",
        "method": "implicit_midpoint",
        "h": 3.0,
        "system": encode_system(SYSTEM_EXAMPLES[2]),
        "states": [[1.0, 0.5]],
    }
    assert "too long" in run(job)[0]["error"]


def test_percentages_read_well(run):
    shares = [0.5432, -0.0371, 0.0025, -0.00012, 1e-7, 0.0, 12.0, -10.0]
    answer = run({"task": "percent", "shares": shares})[0]["value"]
    assert [text.replace("\u00a0", " ") for text in answer] == [
        "+54 %",
        "−3.7 %",
        "+0.25 %",
        "−0.012 %",
        "0.000 %",
        "0.000 %",
        "+12 times",
        "−10 times",
    ]
