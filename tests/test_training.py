"""Residuals, both optimisers, and fit: what they compute, and how they stop."""

import math
import re
import time
from itertools import pairwise

import pytest
import torch
from strategies import MODEL_SHAPES
from torch import nn

from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.mechanics import lagrangian_field
from hnn_tutorial.models import HNN, LNN, MLP, MODELS, RelativeLNN
from hnn_tutorial.systems import MassSpring, TwoBody
from hnn_tutorial.training import (
    Adam,
    History,
    LevenbergMarquardt,
    SampleLoss,
    TrainingDivergedError,
    acceleration_residual,
    derivative_residual,
    fit,
    fit_ensemble,
)
from hnn_tutorial.training._batches import next_batch, start_batches
from hnn_tutorial.training._problem import GRADIENT_BLOCK, Problem, gives_jacobian
from hnn_tutorial.training.losses import as_batch

SPRING = MassSpring(mass=2.0, stiffness=2.0)
BOTH = pytest.mark.parametrize("optimizer", [Adam(steps=20), LevenbergMarquardt(steps=5)])


def disc(count: int, seed: int) -> Dataset:
    """States uniform in the unit disc, with the spring's true derivatives."""
    generator = torch.Generator().manual_seed(seed)
    radius, angle = torch.rand(2, count, generator=generator, dtype=torch.float64)
    angle = 2 * math.pi * angle
    states = radius.sqrt().unsqueeze(-1) * torch.stack([angle.cos(), angle.sin()], dim=-1)
    return Dataset(states, SPRING.field(states))


def quiet_fit(*arguments, **options):
    return fit(*arguments, progress=False, **options)


class Line(nn.Module):
    """y = w x + b, a linear least-squares problem with a solution to compare with."""

    def __init__(self, dtype=torch.float64):
        super().__init__()
        self.w = nn.Parameter(torch.zeros(3, dtype=dtype))
        self.b = nn.Parameter(torch.zeros((), dtype=dtype))


def line_residual(model, batch):
    return (batch["x"] @ model.w + model.b - batch["y"]).unsqueeze(-1)


def line_data(count: int = 40, dtype=torch.float64) -> dict:
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(count, 3, generator=generator, dtype=dtype)
    noise = torch.randn(count, generator=generator, dtype=dtype)
    return {"x": x, "y": x @ torch.tensor([1.0, -2.0, 3.0], dtype=dtype) + 4 + 0.1 * noise}


def line_solution(data: dict, weight_decay: float = 0.0) -> torch.Tensor:
    """Minimise mean r² + weight_decay |w|²/2 by its normal equations."""
    design = torch.cat([data["x"], torch.ones(len(data["x"]), 1, dtype=torch.float64)], dim=1)
    count = len(design)
    A = design.T @ design / count + weight_decay / 2 * torch.eye(4, dtype=torch.float64)
    return torch.linalg.solve(A, design.T @ data["y"] / count)


# Residuals


def test_a_history_is_told_in_one_line():
    """At the end of a cell a notebook shows it, with hundreds of losses inside."""
    history = quiet_fit(MLP(1, (4,), seed=0), disc(20, seed=0), LevenbergMarquardt(steps=9))
    told = repr(history)
    assert len(told) < 120
    assert f"{history.steps} steps" in told
    assert f"from {history.loss[0]:.3g} to {history.final_loss:.3g}" in told
    assert history.reason in told
    assert repr(History()) == "0 steps in 0.0 s: the loss went to nan (not ended)"
    done = History([1.0, 0.1], final_loss=2e-5, seconds=1.04, reason="all steps done")
    assert repr(done) == "2 steps in 1.0 s: the loss went from 1 to 2e-05 (all steps done)"
    shown = done._repr_html_()
    assert "from 1 to 2\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10<sup>−5</sup> (all" in shown
    # Three values, evenly apart; the loss falls, so the picture goes down (y grows).
    [points] = re.findall(r'points="([^"]+)"', shown)
    xs, ys = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    assert xs[1] - xs[0] == pytest.approx(xs[2] - xs[1])
    assert ys[0] < ys[1] < ys[2]
    assert "<svg" not in History()._repr_html_()


def test_derivative_residual_is_predicted_less_true():
    model, data = MLP(1, (4,), seed=0), disc(6, 0)
    r = derivative_residual(model, as_batch(data))
    torch.testing.assert_close(r, model.field(data.states) - data.derivatives)


def test_the_loss_adds_two_norms_and_errors_do_not_cancel():
    class Off(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift = nn.Parameter(torch.tensor([1.0, -1.0], dtype=torch.float64))

        def field(self, x):
            return SPRING.field(x) + self.shift

    data = disc(10, 0)
    problem = Problem(Off(), derivative_residual, as_batch(data))
    assert problem.loss(problem.weights(), problem.data) == pytest.approx(1.0)


def test_the_loss_of_much_data_is_that_of_its_chunks(monkeypatch):
    problem = Problem(MLP(1, (4,), seed=0), derivative_residual, as_batch(disc(101, 0)))
    whole = problem.residuals(problem.weights(), problem.data).square().mean().item()
    monkeypatch.setattr("hnn_tutorial.training._problem.LOSS_BLOCK", 10)
    assert problem.loss(problem.weights(), problem.data) == pytest.approx(whole, rel=1e-13)


@pytest.mark.parametrize("samples", [2 * GRADIENT_BLOCK, 2 * GRADIENT_BLOCK + 345])
@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_the_gradient_of_much_data_is_the_mean_over_its_blocks(samples, activation, monkeypatch):
    problem = Problem(
        HNN(1, (5, 4), activation, seed=1), derivative_residual, as_batch(disc(samples, 0))
    )
    whole, loss_of_whole = problem.gradient_by_autograd(problem.weights(), problem.data)
    sizes, evaluate = [], Problem.recorded

    def noted(self, function, weights, batch, **options):
        sizes.append(len(batch["states"]))
        return evaluate(self, function, weights, batch, **options)

    monkeypatch.setattr(Problem, "recorded", noted)
    g, loss = problem.gradient(problem.weights(), problem.data)
    torch.testing.assert_close(g, whole, rtol=1e-12, atol=1e-14)
    assert loss == pytest.approx(loss_of_whole.item(), rel=1e-13)
    blocks = [samples] if samples == 2 * GRADIENT_BLOCK else [GRADIENT_BLOCK] * 2 + [345]
    assert sizes == blocks


@pytest.mark.parametrize("kind", MODELS)
def test_jacobian_of_every_model_against_eager_autograd(kind):
    model = MODELS[kind](2, (5, 4), seed=3, **MODEL_SHAPES.get(kind, {}))
    states = torch.randn(7, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    data = Dataset(states, torch.zeros_like(states))
    problem = Problem(model, derivative_residual, as_batch(data))
    J, r = problem.jacobian(problem.weights(), problem.data)
    assert J.shape == (7, 4, len(problem.weights()))
    expected = derivative_residual(model, as_batch(data))
    torch.testing.assert_close(r, expected.detach())
    for b in range(7):
        for j in range(4):
            row = torch.autograd.grad(
                expected[b, j],
                list(model.parameters()),
                retain_graph=True,
                allow_unused=True,
                materialize_grads=True,
            )
            row = torch.cat([g.reshape(-1) for g in row])
            torch.testing.assert_close(J[b, j], row, rtol=1e-11, atol=1e-13)


def problem_of(model, states, residual=derivative_residual):
    batch = {"states": states, "derivatives": torch.sin(states)}
    return Problem(model, residual, batch)


def perturbed(model):
    """Return the model with weights of which none is zero or like another."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn(p.shape, generator=generator, dtype=torch.float64))
    return model


OWN_WAY = ["mlp", "second_order_mlp", "hnn", "separable_hnn", "dissipative_hnn"]
BY_LAGRANGIAN = ["lnn", "structured_lnn", "relative_lnn"]
WAYS = [(kind, "field", derivative_residual) for kind in OWN_WAY + BY_LAGRANGIAN]
WAYS += [(kind, "acceleration", acceleration_residual) for kind in BY_LAGRANGIAN]


@pytest.mark.parametrize("activation", ["tanh", "softplus", "sin"])
@pytest.mark.parametrize("hidden", [(5,), (5, 4), (3, 6, 4)])
@pytest.mark.parametrize("kind, rate, residual", WAYS)
def test_a_model_gives_its_jacobian_as_autograd_does(kind, rate, residual, hidden, activation):
    make, angles = MODELS.get(kind, RelativeLNN), (1,) if kind in MODELS else (0, 1, 2)
    model = perturbed(make(3, hidden, activation, angles=angles, seed=3))
    states = torch.randn(7, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    problem = problem_of(model, states, residual)
    assert gives_jacobian(model, rate)
    J, r = problem.jacobian(problem.weights(), problem.data)
    # A residual of the same values that nobody knows is differentiated by autograd.
    unknown = Problem(model, lambda m, batch: residual(m, batch), problem.data)
    expected, residuals = unknown.jacobian(problem.weights(), problem.data)
    torch.testing.assert_close(J, expected, rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(r, residuals, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("couplings", [None, "masses"])
@pytest.mark.parametrize("masses", [None, (0.7, 2.0, 1.3)])
@pytest.mark.parametrize("dimension", [2, 3])
def test_a_pairwise_model_gives_its_jacobian_as_autograd_does(dimension, masses, couplings):
    shape = {"dimension": dimension, "masses": masses, "couplings": couplings}
    model = perturbed(MODELS["pairwise_hnn"](3 * dimension, (5, 4), seed=3, **shape))
    generator = torch.Generator().manual_seed(1)
    states = 2 * torch.randn(7, 6 * dimension, generator=generator, dtype=torch.float64)
    problem = problem_of(model, states)
    assert gives_jacobian(model, "field")
    J, r = problem.jacobian(problem.weights(), problem.data)
    unknown = Problem(model, lambda m, batch: derivative_residual(m, batch), problem.data)
    expected, residuals = unknown.jacobian(problem.weights(), problem.data)
    torch.testing.assert_close(J, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(r, residuals, rtol=1e-12, atol=1e-14)


class Louder(HNN):
    def field(self, x):
        return 2 * super().field(x)


class Heavier(LNN):
    def acceleration(self, x):
        return super().acceleration(x) / 2


def with_another_acceleration():
    model = LNN(1, (3,))
    model.acceleration = Heavier(1, (3,)).acceleration
    return model


def with_a_hook():
    model = HNN(1, (3,))
    model.network.layers[0].register_forward_hook(lambda layer, given, made: 2 * made)
    return model


def with_a_frozen_layer():
    model = HNN(1, (3,))
    model.network.layers[0].weight.requires_grad_(False)
    return model


def with_another_field():
    model = HNN(1, (3,))
    model.field = Louder(1, (3,)).field
    return model


def with_a_parametrised_layer():
    model = MLP(1, (3,))
    nn.utils.parametrizations.weight_norm(model.network.layers[0])
    return model


@pytest.mark.parametrize(
    "make",
    [
        lambda: Louder(1, (3,)),
        lambda: Heavier(1, (3,)),
        with_another_acceleration,
        with_a_hook,
        with_a_frozen_layer,
        with_another_field,
        with_a_parametrised_layer,
    ],
)
def test_a_model_that_was_changed_is_differentiated_by_autograd(make, monkeypatch):
    def refused(self, x):
        raise AssertionError("a model that was changed does not know its Jacobian")

    for kind in (HNN, MLP, LNN):
        for name in ("field_jacobian", "acceleration_jacobian"):
            monkeypatch.setattr(kind, name, refused, raising=False)
    model = make()
    problem = problem_of(model, torch.ones(2, 2, dtype=torch.float64))
    J, _ = problem.jacobian(problem.weights(), problem.data)
    unknown = Problem(model, lambda m, batch: derivative_residual(m, batch), problem.data)
    expected, _ = unknown.jacobian(problem.weights(), problem.data)
    torch.testing.assert_close(J, expected)


# Levenberg–Marquardt


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_levenberg_marquardt_solves_a_linear_problem(weight_decay):
    model, data = Line(), line_data()
    optimizer = LevenbergMarquardt(steps=50, tolerance=1e-14, weight_decay=weight_decay)
    quiet_fit(model, data, optimizer, residual=line_residual)
    found = torch.cat([model.w.detach(), model.b.detach().reshape(1)])
    torch.testing.assert_close(found, line_solution(data, weight_decay), rtol=1e-6, atol=1e-8)


def test_levenberg_marquardt_learns_the_spring():
    model = HNN(1, (16, 16), seed=0)
    # Time of the processor, not of the clock: the machine may have other work.
    start = time.process_time()
    quiet_fit(model, disc(500, 1), LevenbergMarquardt(steps=60))
    assert time.process_time() - start < 6
    assert field_error(model.field, SPRING.field, disc(2000, 2).states) < 1e-10


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_an_undamped_step_solves_a_linear_problem_at_once(weight_decay):
    model, data = Line(), line_data()
    optimizer = LevenbergMarquardt(steps=1, damping=1e-12, weight_decay=weight_decay)
    quiet_fit(model, data, optimizer, residual=line_residual)
    found = torch.cat([model.w.detach(), model.b.detach().reshape(1)])
    torch.testing.assert_close(found, line_solution(data, weight_decay), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("scale", [0.01, 100.0])
def test_levenberg_marquardt_does_not_mind_the_scale(scale):
    data = disc(500, 4)
    scaled = Dataset(data.states, scale * data.derivatives)
    history = quiet_fit(HNN(1, (16, 16), seed=3), scaled, LevenbergMarquardt(steps=80))
    assert history.final_loss < 1e-9 * scale**2


@pytest.mark.parametrize("kind", MODELS)
def test_levenberg_marquardt_never_raises_the_loss_and_serves_every_model(kind):
    # Of mass 1, so that [q, p] and [q, q̇] are the same.
    system = MassSpring(mass=1.0, stiffness=2.0) if kind != "pairwise_hnn" else TwoBody()
    states = disc(100, 0).states if kind != "pairwise_hnn" else system.sample(100, 0)
    data = Dataset(states, system.field(states))
    model = MODELS[kind](system.degrees, (8, 8), seed=1)
    history = quiet_fit(model, data, LevenbergMarquardt(steps=20))
    losses = [*history.loss, history.final_loss]
    assert all(after <= before for before, after in pairwise(losses))
    assert losses[-1] < 1e-3 * losses[0]


def test_chunks_bound_the_jacobian_and_change_only_rounding(monkeypatch):
    data, seen = disc(50, 0), []
    original = Problem.jacobian

    def watched(problem, weights, batch):
        seen.append(len(batch["states"]))
        return original(problem, weights, batch)

    monkeypatch.setattr(Problem, "jacobian", watched)
    results = []
    for chunk in (7, 512):
        model = HNN(1, (6, 6), seed=0)
        quiet_fit(model, data, LevenbergMarquardt(steps=3, chunk=chunk))
        results.append(model.field(data.states).detach())
    assert seen == [7, 7, 7, 7, 7, 7, 7, 1] * 3 + [50] * 3
    torch.testing.assert_close(*results, rtol=1e-9, atol=1e-10)


def test_levenberg_marquardt_in_mini_batches():
    model = HNN(1, (8, 8), seed=0)
    history = quiet_fit(model, disc(1000, 0), LevenbergMarquardt(steps=60, batch_size=150))
    assert history.final_loss < 1e-6
    assert history.steps == 60


def test_levenberg_marquardt_stops_where_nothing_is_left_to_gain():
    history = quiet_fit(Line(), line_data(), LevenbergMarquardt(steps=1000), residual=line_residual)
    assert history.steps < 30
    assert history.reason == "converged: the loss no longer falls"
    patient = LevenbergMarquardt(steps=40, tolerance=0)
    assert quiet_fit(HNN(1, (4,), seed=0), disc(50, 0), patient).steps == 40


def test_the_tolerance_ends_the_run_after_five_slow_steps():
    tolerance = 0.02
    optimizer = LevenbergMarquardt(steps=200, tolerance=tolerance)
    history = quiet_fit(MLP(1, (8, 8), seed=0), noisy(100, 0), optimizer)
    losses = [*history.loss, history.final_loss]
    slow = [before - after < tolerance * before for before, after in pairwise(losses)]
    assert slow[-5:] == [True] * 5
    assert not any(all(slow[k : k + 5]) for k in range(len(slow) - 5))
    # One batch says nothing about the others, so there the tolerance is not asked.
    batches = LevenbergMarquardt(steps=20, tolerance=0.999, batch_size=30)
    assert quiet_fit(MLP(1, (8, 8), seed=0), noisy(100, 0), batches).steps == 20


def test_levenberg_marquardt_rejects_a_step_into_nan_and_goes_on():
    # log(w) = 1 from w = 8 e: the first Gauss–Newton step lands below zero, where log is NaN.
    class Log(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([8 * math.e], dtype=torch.float64))

    model = Log()
    optimizer = LevenbergMarquardt(steps=100, damping=1e-6, tolerance=1e-12)
    residual = lambda model, batch: model.w.log() - 1 + 0 * batch["x"]  # noqa: E731
    quiet_fit(model, {"x": torch.zeros(1, 1, dtype=torch.float64)}, optimizer, residual=residual)
    assert model.w.item() == pytest.approx(math.e)


# Adam


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("weight_decay", [0.0, 1e-2])
def test_adam_is_torchs_adam(schedule, weight_decay):
    data, steps = disc(30, 0), 40
    ours, theirs = HNN(1, (6,), seed=0), HNN(1, (6,), seed=0)
    settings = Adam(steps, 1e-2, schedule=schedule, weight_decay=weight_decay)
    history = quiet_fit(ours, data, settings)

    optimizer = torch.optim.Adam(theirs.parameters(), lr=1e-2, weight_decay=weight_decay)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (theirs.field(data.states) - data.derivatives).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if schedule == "cosine":
            scheduler.step()
    assert history.loss == pytest.approx(losses, rel=1e-9)
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-8, atol=1e-10)


def test_adam_finds_the_ridge_solution():
    model, data = Line(), line_data()
    optimizer = Adam(3000, 0.05, schedule="cosine", weight_decay=0.3)
    quiet_fit(model, data, optimizer, residual=line_residual)
    found = torch.cat([model.w.detach(), model.b.detach().reshape(1)])
    torch.testing.assert_close(found, line_solution(data, 0.3), rtol=1e-6, atol=1e-8)


def test_mini_batches_draw_every_sample_once_in_a_pass():
    data = {"index": torch.arange(20, dtype=torch.float64).unsqueeze(-1)}
    problem = Problem(Line(), lambda model, batch: batch["index"] + model.b, data)
    state = start_batches(problem, 6, seed=3)
    passes = []
    for _ in range(4):
        drawn = []
        for _ in range(3):
            batch, changes = next_batch(problem, 6, state)
            state = {**state, **changes}
            assert len(batch["index"]) == 6
            drawn += batch["index"].flatten().tolist()
        assert len(set(drawn)) == 18
        passes.append(drawn)
    assert len({tuple(drawn) for drawn in passes}) == 4


def test_the_seed_decides_the_mini_batches_and_nothing_else_does():
    def weights(seed):
        model = MLP(1, (4,), seed=0)
        quiet_fit(model, disc(50, 0), Adam(20, 1e-2, batch_size=5), seed=seed)
        return torch.cat([p.detach().flatten() for p in model.parameters()])

    before = torch.get_rng_state()
    first = weights(1)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    assert torch.equal(weights(1), first)
    assert torch.equal(weights(torch.Generator().manual_seed(1)), first)
    assert not torch.equal(weights(2), first)


# What both share


@BOTH
def test_history_and_the_model_agree(optimizer):
    model, data = MLP(1, (6,), seed=0), disc(60, 0)
    start = derivative_residual(model, as_batch(data)).square().mean().item()
    history = quiet_fit(model, data, optimizer)
    assert history.loss[0] == pytest.approx(start)
    end = derivative_residual(model, as_batch(data)).square().mean().item()
    assert history.final_loss == pytest.approx(end)
    assert end < start
    assert history.steps == optimizer.steps
    assert history.reason == "all steps done"
    assert history.seconds > 0


@BOTH
def test_float32_models_train_in_float32(optimizer):
    model = HNN(1, (8,), seed=0, dtype=torch.float32)
    history = quiet_fit(model, disc(60, 0).to(dtype=torch.float32), optimizer)
    assert history.final_loss < history.loss[0]
    assert all(p.dtype == torch.float32 for p in model.parameters())


@BOTH
def test_frozen_parameters_stay(optimizer):
    model = MLP(1, (6,), seed=0)
    model.network.layers[0].weight.requires_grad_(False)
    before = model.network.layers[0].weight.clone()
    history = quiet_fit(model, disc(60, 0), optimizer)
    assert torch.equal(model.network.layers[0].weight, before)
    assert history.final_loss < history.loss[0]


@pytest.mark.parametrize(
    "optimizer", [Adam(2000, 0.05, schedule="cosine"), LevenbergMarquardt(steps=60)]
)
def test_initial_states_can_be_optimised_with_the_weights(optimizer):
    # Observations of x0_b exp(a t): the rate a is shared, each x0_b is a parameter too.
    class Decay(nn.Module):
        def __init__(self):
            super().__init__()
            self.rate = nn.Parameter(torch.tensor(0.0, dtype=torch.float64))
            self.start = nn.Parameter(torch.ones(4, dtype=torch.float64))

    times = torch.linspace(0, 1, 5, dtype=torch.float64)
    true = torch.tensor([0.5, 1.0, 1.5, 2.0], dtype=torch.float64)
    data = {"index": torch.arange(4), "observed": true[:, None] * torch.exp(-0.7 * times)}

    def residual(model, batch):
        start = model.start[batch["index"]].unsqueeze(-1)
        return start * torch.exp(model.rate * times) - batch["observed"]

    model = Decay()
    quiet_fit(model, data, optimizer, residual=residual)
    assert model.rate.item() == pytest.approx(-0.7, abs=1e-4)
    torch.testing.assert_close(model.start.detach(), true, rtol=0, atol=1e-4)


def noisy(count: int, seed: int) -> Dataset:
    data = disc(count, seed)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(data.derivatives.shape, generator=generator, dtype=torch.float64)
    return Dataset(data.states, data.derivatives + 0.3 * noise)


def test_early_stopping_returns_the_best_weights():
    model, validation = MLP(1, (16, 16), seed=0), noisy(200, 1)
    optimizer = LevenbergMarquardt(steps=200)
    history = quiet_fit(model, noisy(40, 0), optimizer, validation=validation, patience=8)
    assert history.reason == "no lower validation loss in 8 steps"
    assert history.steps == history.best_step + 8
    assert history.validation_steps == list(range(history.steps + 1))
    best = min(history.validation_loss)
    assert history.validation_loss.index(best) == history.best_step > 0
    now = derivative_residual(model, as_batch(validation)).square().mean().item()
    assert now == pytest.approx(best)
    assert now < 0.8 * history.validation_loss[-1]


def test_validation_alone_only_measures():
    watched, plain = MLP(1, (16, 16), seed=0), MLP(1, (16, 16), seed=0)
    optimizer = LevenbergMarquardt(steps=12)
    history = quiet_fit(
        watched, noisy(40, 0), optimizer, validation=noisy(200, 1), validation_every=5
    )
    quiet_fit(plain, noisy(40, 0), optimizer)
    assert history.validation_steps == [0, 5, 10, 12]
    for a, b in zip(watched.parameters(), plain.parameters(), strict=True):
        assert torch.equal(a, b)


def test_progress_goes_to_standard_error_or_nowhere(capsys):
    def slow(model, batch):
        time.sleep(0.06)
        return derivative_residual(model, batch)

    fit(MLP(1, (4,)), disc(10, 0), Adam(steps=5), residual=slow)
    shown = capsys.readouterr()
    assert shown.out == ""
    # Which steps are shown depends on how fast the machine is.
    assert re.search(r"[1-4]/5 \[\d\d:\d\d<\d\d:\d\d,.*step/s, loss \d\.\d\de", shown.err)
    fit(MLP(1, (4,)), disc(10, 0), Adam(steps=5), progress=False)
    assert capsys.readouterr() == ("", "")


# When something is wrong


def test_a_diverging_run_stops_with_the_last_good_weights():
    model = MLP(1, (8,), seed=0)
    with pytest.raises(TrainingDivergedError) as caught:
        quiet_fit(model, disc(20, 0), Adam(50, learning_rate=1e160))
    message = str(caught.value)
    assert "step 2: the loss is inf" in message
    assert "put back to its state after step 0" in message
    assert "smaller learning rate" in message
    assert isinstance(caught.value, FloatingPointError)
    fresh = MLP(1, (8,), seed=0)
    for a, b in zip(model.parameters(), fresh.parameters(), strict=True):
        assert torch.equal(a, b)


def test_divergence_in_the_very_last_step_is_seen():
    model = MLP(1, (8,), seed=0)
    with pytest.raises(TrainingDivergedError, match="put back to its state after step 0"):
        quiet_fit(model, disc(20, 0), Adam(1, learning_rate=1e160))
    assert torch.isfinite(model.field(disc(20, 0).states)).all()


@BOTH
def test_a_model_that_starts_from_nan_is_left_alone(optimizer):
    model = MLP(1, (8,), seed=0)
    with torch.no_grad():
        model.network.layers[0].weight[0, 0] = float("nan")
    with pytest.raises(TrainingDivergedError, match="step 1: the loss is nan; .* unchanged"):
        quiet_fit(model, disc(20, 0), optimizer)
    assert model.network.layers[0].weight.isnan().sum() == 1


@BOTH
def test_a_derivative_that_is_not_finite_is_caught(optimizer):
    # sqrt has a finite value and no finite slope at zero.
    def residual(model, batch):
        return (model.b - model.b.detach()).abs().sqrt() + 0 * batch["x"]

    with pytest.raises(TrainingDivergedError, match="not finite|gradient is"):
        quiet_fit(Line(), line_data(), optimizer, residual=residual)


@BOTH
def test_an_error_in_the_middle_leaves_the_last_good_weights(optimizer):
    calls = []

    def residual(model, batch):
        calls.append(1)
        if len(calls) > 8:
            raise RuntimeError("out of coffee")
        return derivative_residual(model, batch)

    model = MLP(1, (8,), seed=0)
    with pytest.raises(RuntimeError, match="out of coffee"):
        quiet_fit(model, disc(20, 0), optimizer, residual=residual)
    assert torch.isfinite(model.field(disc(20, 0).states)).all()
    assert not torch.equal(model.network.layers[0].weight, MLP(1, (8,)).network.layers[0].weight)


GOOD = as_batch(disc(10, 0))


@pytest.mark.parametrize(
    "data, error, message",
    [
        ({}, ValueError, "data holds no tensors"),
        ({k: v[:0] for k, v in GOOD.items()}, ValueError, "data is empty"),
        ({**GOOD, "states": GOOD["states"][:4]}, ValueError, "one entry per sample everywhere"),
        ({**GOOD, "states": GOOD["states"] / 0}, ValueError, r"data\['states'\] holds 20 NaN"),
        ({k: v.float() for k, v in GOOD.items()}, TypeError, "float32, the model has .*float64"),
        ({**GOOD, "states": [[1.0, 2.0]]}, TypeError, r"data\['states'\] must be a tensor"),
        (
            {**GOOD, "derivatives": GOOD["derivatives"][:, :1]},
            ValueError,
            r"expected .* shape \(\d+, 1\)",
        ),
        ({**GOOD, "states": GOOD["states"].repeat(1, 2)}, ValueError, "this model was made for 2"),
    ],
)
def test_unusable_data_are_named_in_one_line(data, error, message):
    for options in ({}, {"validation": data}):
        with pytest.raises(error, match=message.replace("data", "validation|data")) as caught:
            quiet_fit(MLP(1, (4,)), GOOD if options else data, Adam(steps=2), **options)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Adam(steps=0), "steps = 0; expected a positive integer"),
        (lambda: Adam(steps=1.5), "steps = 1.5; expected a positive integer"),
        (lambda: Adam(learning_rate=0), "learning_rate = 0"),
        (lambda: Adam(learning_rate=float("nan")), "learning_rate = nan"),
        (lambda: Adam(batch_size=0), "batch_size = 0"),
        (lambda: Adam(schedule="linear"), "unknown schedule 'linear'; .*: constant, cosine"),
        (lambda: Adam(weight_decay=-1), "weight_decay = -1"),
        (lambda: LevenbergMarquardt(chunk=0), "chunk = 0"),
        (lambda: LevenbergMarquardt(damping=0), "damping = 0"),
        (lambda: LevenbergMarquardt(tolerance=-1), "tolerance = -1"),
    ],
)
def test_senseless_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"patience": 3}, "patience needs validation data"),
        ({"patience": 0, "validation": disc(5, 1)}, "patience = 0"),
        ({"checkpoint_every": -1}, "checkpoint_every = -1"),
        ({"validation_every": 0}, "validation_every = 0"),
        ({"optimizer": Adam(batch_size=11)}, "batch_size = 11 is larger than the 10 samples"),
        ({"residual": lambda model, batch: batch["states"].sum()}, r"expected a tensor \(2, m\)"),
        ({"residual": lambda model, batch: 0}, r"is int; expected a tensor"),
    ],
)
def test_senseless_calls_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        quiet_fit(MLP(1, (4,)), disc(10, 0), **options)


class Normal(nn.Module):
    """A normal density with a mean and a width to learn."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.log_width = nn.Parameter(torch.zeros((), dtype=torch.float64))


def negative_log_likelihood(model, batch):
    z = (batch["x"] - model.mean) * torch.exp(-model.log_width)
    return z.square() / 2 + model.log_width


NLL = SampleLoss(negative_log_likelihood)


def drawn_numbers() -> dict:
    generator = torch.Generator().manual_seed(4)
    return {"x": 3 + 0.2 * torch.randn(400, generator=generator, dtype=torch.float64)}


def test_a_loss_of_samples_is_minimised_as_it_is(tmp_path):
    data, model = drawn_numbers(), Normal()
    history = quiet_fit(model, data, Adam(steps=1500, learning_rate=0.03), residual=NLL)
    assert model.mean.item() == pytest.approx(data["x"].mean().item(), abs=1e-6)
    width = data["x"].std(correction=0)
    assert model.log_width.exp().item() == pytest.approx(width.item(), abs=1e-6)
    # 1/2 + ln of the width: a loss below zero, which no mean of squares is.
    assert history.final_loss == pytest.approx(0.5 + width.log().item(), abs=1e-9)
    assert history.loss[0] == pytest.approx(data["x"].square().mean().item() / 2)


class Interrupted:
    """The same loss under the same name, which somebody stops after so many calls."""

    __qualname__ = negative_log_likelihood.__qualname__

    def __init__(self, calls):
        self.calls = calls

    def __call__(self, model, batch):
        self.calls -= 1
        if self.calls < 0:
            raise KeyboardInterrupt
        return negative_log_likelihood(model, batch)


def test_a_loss_of_samples_goes_on_from_a_checkpoint(tmp_path):
    data, file = drawn_numbers(), tmp_path / "normal.safetensors"
    whole, halves = Normal(), Normal()
    adam = Adam(steps=80, batch_size=60, learning_rate=0.02)
    quiet_fit(whole, data, adam, residual=NLL)
    with pytest.raises(KeyboardInterrupt):
        quiet_fit(halves, data, adam, residual=SampleLoss(Interrupted(37)), checkpoint=file)
    assert not torch.equal(whole.mean, halves.mean)
    quiet_fit(halves, data, adam, residual=NLL, checkpoint=file)
    assert torch.equal(whole.mean, halves.mean)
    assert torch.equal(whole.log_width, halves.log_width)


def test_a_loss_of_samples_in_an_ensemble():
    data, adam = drawn_numbers(), Adam(steps=80, learning_rate=0.02)
    alone, members = Normal(), [Normal(), Normal()]
    quiet_fit(alone, data, adam, residual=NLL)
    fit_ensemble(members, data, adam, residual=NLL, progress=False)
    for member in members:
        torch.testing.assert_close(member.mean, alone.mean)
        torch.testing.assert_close(member.log_width, alone.log_width)


def test_a_loss_of_samples_that_cannot_be_used_is_named():
    with pytest.raises(TypeError, match="SampleLoss.negative_log_likelihood. is no sum of squares"):
        quiet_fit(Normal(), drawn_numbers(), LevenbergMarquardt(steps=3), residual=NLL)
    column = SampleLoss(lambda model, batch: negative_log_likelihood(model, batch)[:, None])
    with pytest.raises(ValueError, match=r"gave \(2, 1\); expected one loss for each sample"):
        quiet_fit(Normal(), drawn_numbers(), Adam(steps=3), residual=column)


def test_a_model_without_parameters_is_refused():
    model = nn.Module()
    model.field = SPRING.field
    with pytest.raises(ValueError, match="no trainable parameters"):
        quiet_fit(model, disc(10, 0))


def test_the_normal_equations_are_the_whole_product_in_their_lower_triangle():
    """337 weights: three block columns of the product and a rest, in three blocks of samples."""
    problem = Problem(HNN(1, (16, 16)), derivative_residual, as_batch(disc(50, 1)))
    weights = problem.weights()
    A, half_gradient, loss = LevenbergMarquardt(chunk=20)._normal_equations(
        problem, weights, problem.data
    )
    J, r = problem.jacobian(weights, problem.data)
    J, r = J.flatten(0, 1), r.flatten()
    torch.testing.assert_close(A.tril(), (J.mT @ J / len(r)).tril(), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(half_gradient, J.mT @ r / len(r))
    assert loss == pytest.approx(float(r.square().mean()))


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_the_step_by_residuals_is_the_step_by_weights(weight_decay):
    """100 residuals and 337 weights, in three blocks of samples."""
    optimizer = LevenbergMarquardt(chunk=20, weight_decay=weight_decay)
    problem = Problem(HNN(1, (16, 16), seed=1), derivative_residual, as_batch(disc(50, 1)))
    weights = problem.weights()
    short, loss = optimizer._by_residuals(problem, weights, problem.data)
    long, expected = optimizer._by_weights(problem, weights, problem.data)
    assert loss == pytest.approx(expected)
    for shift in (1e-3, 1.0, 30.0):
        torch.testing.assert_close(short(shift), long(shift), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("samples, by", [(5, "_by_residuals"), (6, "_by_weights")])
def test_the_smaller_of_the_two_matrices_is_taken(monkeypatch, samples, by):
    """12 weights: 10 residuals are fewer, 12 are not."""
    model = MLP(1, (2,), seed=0)
    assert sum(p.numel() for p in model.parameters()) == 12
    asked = []
    for name in ("_by_residuals", "_by_weights"):
        own = getattr(LevenbergMarquardt, name)
        monkeypatch.setattr(
            LevenbergMarquardt, name, lambda *a, n=name, f=own: asked.append(n) or f(*a)
        )
    fit(model, disc(samples, 0), LevenbergMarquardt(steps=1), progress=False)
    assert asked == [by]


def test_levenberg_marquardt_differentiates_a_linear_solve_rightly():
    """PyTorch 2.13 gets it wrong inside vmap(jacrev(...)) where no_grad is on outside."""

    class Learned(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([0.7, 0.4], dtype=torch.float64))

        def field(self, x):
            def lagrangian(x):
                q1, q2, v1, v2 = x.unbind(-1)
                coupling = self.w[0] * v1 * v2 * torch.cos(q1 - q2)
                return v1**2 + v2**2 + coupling - self.w[1] * (q1**4 + q2**4)

            return lagrangian_field(lagrangian)(x)

    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    model = Learned()
    problem = Problem(model, derivative_residual, {"states": x, "derivatives": torch.sin(x)})
    _, half_gradient, _ = LevenbergMarquardt()._normal_equations(
        problem, problem.weights(), problem.data
    )
    loss = derivative_residual(model, problem.data).square().mean()
    (expected,) = torch.autograd.grad(loss, model.w)
    torch.testing.assert_close(2 * half_gradient, expected)


# --- weights in a model for one call -------------------------------------------------------------


class Twice(nn.Module):
    """Two layers that share their weight, and one of its own: x -> A(A x + 1) c."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(2, 2, bias=False, dtype=torch.float64)
        self.second = nn.Linear(2, 2, bias=False, dtype=torch.float64)
        self.second.weight = self.first.weight
        self.c = nn.Parameter(torch.tensor([3.0, -1.0], dtype=torch.float64))


def twice_residual(model, batch):
    return model.second(model.first(batch["x"]) + 1) * model.c


def test_a_weight_in_two_places_is_one_weight():
    model = Twice()
    x = torch.tensor([[1.0, 2.0], [-0.5, 0.7], [0.3, 4.0]], dtype=torch.float64)
    problem = Problem(model, twice_residual, {"x": x})
    c, A = torch.tensor([0.5, 2.0]).double(), torch.tensor([[1.0, 2.0], [-3.0, 0.5]]).double()
    given = {"model.c": c, "model.first.weight": A}
    weights = torch.cat([given[name].reshape(-1) for name in problem.parameters])
    right = ((x @ A.mT + 1) @ A.mT) * c
    assert torch.allclose(problem.residuals(weights, {"x": x}), right, rtol=1e-14)
    gradient, _ = problem.gradient(weights, {"x": x})
    near = [
        [problem.loss(weights + sign * shift, {"x": x}) for sign in (1, -1)]
        for shift in 1e-6 * torch.eye(6, dtype=torch.float64)
    ]
    slopes = torch.tensor([(ahead - behind) / 2e-6 for ahead, behind in near]).double()
    assert torch.allclose(gradient, slopes, rtol=1e-6)


def test_a_call_leaves_the_model_as_it_was_whatever_happens_in_it():
    model = HNN(1, (3,), seed=4)
    before = {name: (p, p.detach().clone()) for name, p in model.named_parameters()}
    problem = Problem(model, derivative_residual, as_batch(disc(5, seed=1)))
    weights = problem.weights() + 1

    def outer(inner_model):
        inside = torch.cat([p.reshape(-1) for p in inner_model.parameters()])
        assert torch.equal(inside, weights)
        problem.call(weights - 3, lambda m: None)
        assert torch.equal(torch.cat([p.reshape(-1) for p in inner_model.parameters()]), weights)
        raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        problem.call(weights, outer)
    for name, p in model.named_parameters():
        own, value = before[name]
        assert p is own, name
        assert torch.equal(p, value), name
