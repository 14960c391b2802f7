"""The training lab's JavaScript against `hnn_tutorial.training`: one algorithm, written twice."""

import math
from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial import training
from hnn_tutorial.data import Dataset, simulate
from hnn_tutorial.models import HNN, MLP
from hnn_tutorial.systems import DampedPendulum, MassSpring, Pendulum
from hnn_tutorial.training import Adam, LevenbergMarquardt, derivative_residual, fit
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.losses import as_batch
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import encode_system
from hnn_tutorial.widgets.training_lab import (
    MAX_SAMPLES,
    NETWORKS,
    OPTIMIZERS,
    encode_samples,
)

DRIVER = Path(__file__).parent / "js" / "training.mjs"
EXPORTS = (
    "Problem, Fit, OPTIMIZERS, FIELDS, SCHEDULES, cholesky, choleskySolve, initialWeights, "
    "observe, Samples, MOST_SAMPLES, buildSystem"
)

# Camel case is the only difference between the two languages' settings.
NAMES = {"learning_rate": "learningRate", "weight_decay": "weightDecay"}

MODELS = [
    MLP(1, (7, 5), seed=1),
    MLP(2, (6,), seed=2),
    MLP(1, (), seed=3),
    HNN(1, (16, 16), seed=4),
    HNN(1, (9, 7, 5), seed=5),
    HNN(2, (6, 4), seed=6),
    HNN(1, (8,), seed=7),
    HNN(1, (), seed=8),
]
SETTINGS = [
    Adam(steps=40, learning_rate=0.01),
    Adam(steps=40, learning_rate=0.02, schedule="cosine", weight_decay=1e-2),
    LevenbergMarquardt(),
    LevenbergMarquardt(damping=1e-3, weight_decay=1e-3),
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "lab.mjs"
    return browser_tools.run_node(
        module, bundle("labs/training_lab.js", EXPORTS), DRIVER, timeout=100
    )


def value(answer):
    assert "error" not in answer, answer
    return answer["value"]


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def close(mine, expected, tolerance=1e-6):
    error = (tensor(mine) - expected.reshape(-1)).abs().max().item()
    print(f"JavaScript and Python differ by {error:.1e}")
    assert error <= tolerance * max(1.0, expected.abs().max().item())


def name_of(model):
    return f"{model.kind}-{model.degrees}-{'-'.join(map(str, model.hidden))}"


def settings_of(optimizer):
    kept = {"steps", "learning_rate", "schedule", "weight_decay", "damping", "tolerance"}
    return {NAMES.get(k, k): v for k, v in vars(optimizer).items() if k in kept}


def spoilt(model, seed):
    """Give a model weights and biases of size one, and return it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(0.7 * torch.randn(p.shape, generator=generator, dtype=torch.float64))
    return model


def random_data(degrees, count=13, seed=0):
    generator = torch.Generator().manual_seed(seed)
    states, slopes = torch.randn(2, count, 2 * degrees, generator=generator, dtype=torch.float64)
    return Dataset(states, slopes)


def job_of(model, data, **more):
    layers = [2 * model.degrees, *model.hidden, model.outputs(model.degrees)]
    problem = Problem(model, derivative_residual, as_batch(data))
    job = {
        "kind": model.kind,
        "sizes": layers,
        "weights": problem.weights().tolist(),
        "states": data.states.reshape(-1).tolist(),
        "derivatives": data.derivatives.reshape(-1).tolist(),
        **more,
    }
    return problem, job


def spring_data(count=6, points=15):
    spring = MassSpring()
    times = torch.linspace(0, 3, points, dtype=torch.float64)
    return simulate(spring, spring.sample(count, seed=1), times).dataset(spring.field)


def test_both_sides_have_the_same_tables(run):
    tables = value(run({"task": "tables"})[0])
    assert set(tables["optimizers"]) == set(OPTIMIZERS)
    assert set(tables["fields"]) == {kind.kind for kind in NETWORKS.values()}
    assert tables["schedules"] == list(training.SCHEDULES)
    assert tables["samples"] == MAX_SAMPLES


@pytest.mark.parametrize("model", MODELS, ids=name_of)
@pytest.mark.parametrize("seed", [0, 1])
def test_loss_gradient_and_jacobian(run, model, seed):
    data = random_data(model.degrees, seed=seed)
    problem, job = job_of(spoilt(model, seed), data)
    loss, gradient, jacobian = map(
        value, run(*({"task": task, **job} for task in ("loss", "gradient", "jacobian")))
    )
    weights = problem.weights().requires_grad_()
    residuals = problem.residuals(weights, problem.data)
    expected = residuals.square().mean()
    (g,) = torch.autograd.grad(expected, weights)
    J, r = problem.jacobian(weights, problem.data)
    close([loss, gradient["loss"]], expected.detach().expand(2))
    close(gradient["gradient"], g)
    close(jacobian["jacobian"], J.detach())
    close(jacobian["residuals"], r.detach())


@pytest.mark.parametrize("optimizer", SETTINGS, ids=lambda o: o.name)
@pytest.mark.parametrize("kind", [MLP, HNN])
def test_steps_of_the_optimisers(run, optimizer, kind):
    """Adam for 40 steps, Levenberg–Marquardt for 8, from the same weights."""
    count = 40 if optimizer.name == "adam" else 8
    model = kind(1, (8, 8), seed=3)
    problem, job = job_of(model, spring_data())
    answer = value(
        run(
            {
                "task": "steps",
                "count": count,
                "optimizer": optimizer.name,
                "settings": settings_of(optimizer),
                **job,
            }
        )[0]
    )
    state, losses = optimizer.start(problem, 0), []
    for _ in range(count):
        state, loss = optimizer.step(problem, state)
        losses.append(loss)
    close(answer["losses"], tensor(losses))
    close(answer["weights"], state["weights"])
    assert losses[-1] < 0.2 * losses[0]
    if optimizer.name == "levenberg_marquardt":
        assert answer["damping"] == pytest.approx(state["damping"].item(), rel=1e-9)
        assert answer["stalled"] == int(state["stalled"])


def test_levenberg_marquardt_raises_its_damping_alike(run):
    """From wild weights some steps fail and are solved for again with more damping."""
    optimizer = LevenbergMarquardt(damping=1e-9)
    problem, job = job_of(spoilt(HNN(1, (6, 6)), 2), spring_data())
    job |= {"task": "steps", "optimizer": optimizer.name, "settings": settings_of(optimizer)}
    state = optimizer.start(problem, 0)
    raised = 0
    for count in range(1, 7):
        before = state["damping"].item()
        state, _ = optimizer.step(problem, state)
        raised += state["damping"].item() > before
        answer = value(run({**job, "count": count})[0])
        assert answer["damping"] == pytest.approx(state["damping"].item(), rel=1e-9)
        close(answer["weights"], state["weights"], 1e-5)
    assert raised


@pytest.mark.parametrize("whole", [True, False])
def test_a_whole_training_ends_alike(run, whole):
    """In one go, or interrupted at every opportunity: the same losses, weights and reason."""
    model = HNN(1, (4,), seed=1)
    optimizer = LevenbergMarquardt(steps=60, tolerance=1e-2)
    data = spring_data(3, 8)
    _, job = job_of(model, data, optimizer=optimizer.name, settings=settings_of(optimizer))
    history = fit(model, data, optimizer, progress=False)
    answer = value(run({"task": "fit", "whole": whole, **job})[0])
    assert answer["reason"] == history.reason == "converged: the loss no longer falls"
    assert len(answer["losses"]) == history.steps
    assert answer["finalLoss"] == pytest.approx(history.final_loss, rel=1e-3)
    assert (answer["calls"] == 1) == whole
    assert not answer["diverged"]


@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(steps=6), Adam(steps=6)], ids=str)
def test_a_training_waits_exactly_where_it_was_told(run, optimizer):
    """Step by step or in one go: the same weights after each step, and the same end."""
    model = HNN(1, (4,), seed=1)
    _, job = job_of(
        model, spring_data(3, 8), optimizer=optimizer.name, settings=settings_of(optimizer)
    )
    stops = value(run({"task": "waits", **job})[0])
    assert [stop["made"] for stop in stops] == [1, 2, 3, 4, 5, 6]
    assert [stop["done"] for stop in stops] == [False] * 5 + [True]
    for count, stop in enumerate(stops, start=1):
        straight = value(run({"task": "steps", "count": count, **job})[0])
        assert stop["weights"] == straight["weights"]


def test_a_training_that_diverges_keeps_the_last_good_weights(run):
    model = MLP(1, (3,), seed=1)
    optimizer = Adam(steps=50, learning_rate=1e200)
    problem, job = job_of(
        model, spring_data(2, 5), optimizer="adam", settings=settings_of(optimizer)
    )
    answer = value(run({"task": "fit", "whole": True, **job})[0])
    assert answer["diverged"]
    assert "not finite at step" in answer["reason"]
    assert math.isfinite(problem.loss(tensor(answer["weights"]), problem.data))


def test_bad_jobs_are_refused_with_a_reason(run):
    _, job = job_of(MLP(1, (3,)), spring_data(2, 5), optimizer="adam", settings={"steps": 3})
    bad = [
        ({"kind": "lnn"}, 'a lab trains mlp or hnn, not "lnn"'),
        ({"optimizer": "sgd"}, 'unknown optimiser "sgd"'),
        ({"settings": {"schedule": "step"}}, 'unknown schedule "step"'),
        ({"weights": [1.0]}, "a 2-3-2 network has 17 weights, but 1 arrived"),
        ({"states": [], "derivatives": []}, "there are no data"),
        ({"states": [1.0, 2.0]}, "are no samples of 2 components"),
    ]
    answers = run(*({"task": "fit", "whole": True, **job, **change} for change, _ in bad))
    for answer, (_, message) in zip(answers, bad, strict=True):
        assert message in answer["error"]


@pytest.mark.parametrize("size", [1, 2, 5, 8, 31])
def test_linear_systems(run, size):
    generator = torch.Generator().manual_seed(size)
    B = torch.randn(size, size, generator=generator, dtype=torch.float64)
    A, b = B @ B.mT + 0.1 * torch.eye(size), torch.arange(1.0, size + 1, dtype=torch.float64)
    jobs = [
        {"task": "solve", "A": M.reshape(-1).tolist(), "b": b.tolist(), "size": size}
        for M in (A, A - 1e3 * torch.eye(size), A * math.nan)
    ]
    answers = run(*jobs[:2])
    close(value(answers[0]), torch.linalg.solve(A, b))
    assert value(answers[1]) is None


def test_initial_weights_are_glorot_normal(run):
    sizes = [2, 30, 40, 1]
    jobs = [{"task": "initial", "sizes": sizes, "seed": seed} for seed in [*range(20), 0]]
    draws = [tensor(value(answer)) for answer in run(*jobs)]
    assert torch.equal(draws[0], draws[-1])
    assert not torch.equal(draws[0], draws[1])
    model = HNN(1, (30, 40))
    offset = 0
    for layer, gain in zip(model.network.layers, (5 / 3, 5 / 3, 1), strict=True):
        count = layer.weight.numel()
        W = torch.stack([draw[offset : offset + count] for draw in draws[:-1]])
        std = gain * (2 / (layer.in_features + layer.out_features)) ** 0.5
        assert W.std().item() == pytest.approx(std, rel=0.08)
        assert abs(W.mean().item()) < 4 * std / W.numel() ** 0.5
        # Normal, not only of the right spread: the fourth moment is three times the square.
        assert (W / std).pow(4).mean().item() == pytest.approx(3, rel=0.25)
        offset += count + layer.out_features
        assert all(not draw[offset - layer.out_features : offset].any() for draw in draws)
    assert offset == len(draws[0])


@pytest.mark.parametrize("system", [MassSpring(mass=1.7), Pendulum(), DampedPendulum(damping=0.3)])
def test_observed_motions_are_the_true_ones(run, system):
    start, duration, points = [0.7, -0.4], 3.0, 20
    answer = run(
        {
            "task": "observe",
            "system": encode_system(system),
            "start": start,
            "duration": duration,
            "points": points,
        }
    )[0]
    times = torch.linspace(0, duration, points, dtype=torch.float64)
    expected = simulate(system, tensor([start]), times).states[:, 0]
    close([x for state in value(answer) for x in state], expected, 1e-5)


def test_samples_are_one_table_for_both_sides(run):
    system = MassSpring(stiffness=2.0)
    data = spring_data(2, 3)
    table = torch.frombuffer(
        bytearray(encode_samples(system, data, seed=5)), dtype=torch.float64
    ).reshape(-1, 7)
    answer = value(
        run(
            {
                "task": "samples",
                "system": encode_system(system),
                "table": table.reshape(-1).tolist(),
                "noise": 0.1,
                "added": [[1.0, 2.0], [3.0, 4.0]],
            }
        )[0]
    )
    rows = tensor(answer["rows"]).reshape(-1, 7)
    assert torch.equal(rows[:6], table)
    assert rows[6:, :4].tolist() == [[1, 2, 2, -2], [3, 4, 4, -6]]
    assert rows[6:, 6].tolist() == [2, 2]
    close(answer["states"], rows[:, :2] + 0.1 * rows[:, 4:6])
    close(answer["derivatives"], rows[:, 2:4])
    assert (answer["count"], answer["trajectories"], answer["left"]) == (8, 3, 6)


def test_the_networks_learn_the_spring_in_few_steps(run):
    """What the lab promises, without its clock: a field error of 1e-6 within 40 steps."""
    spring = MassSpring()
    times = torch.linspace(0, 3, 20, dtype=torch.float64)
    data = simulate(spring, spring.sample(10, seed=0), times).dataset(spring.field)
    test = spring.sample(500, seed=9, radius=(0.0, 0.8))
    optimizer = LevenbergMarquardt(steps=25)
    for seed in range(3):
        model = HNN(1, (16, 16), seed=seed)
        problem, job = job_of(
            model, data, optimizer=optimizer.name, settings=settings_of(optimizer)
        )
        answer = value(run({"task": "fit", "whole": True, **job})[0])
        problem.assign(tensor(answer["weights"]))
        error = (model.field(test) - spring.field(test)).square().mean().item()
        assert error < 1e-6
