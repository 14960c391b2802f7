"""Ensembles: each member ends as if it had been trained alone, whatever befalls the others."""

import pytest
import torch
from strategies import MODEL_SHAPES
from torch import nn

from hnn_tutorial.data import Dataset
from hnn_tutorial.models import HNN, MLP, MODELS
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import Adam, LevenbergMarquardt, derivative_residual, fit, fit_ensemble

SPRING = MassSpring(mass=2.0, stiffness=2.0)
OPTIMIZERS = {
    "full batches": Adam(25, 1e-2, schedule="cosine", weight_decay=1e-3),
    "mini-batches": Adam(25, 1e-2, batch_size=7),
}
EVERY_OPTIMIZER = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=list(OPTIMIZERS))
SEEDS = (3, 1, 4)


@pytest.fixture(autouse=True)
def _one_thread():
    # What is bit for bit the same holds for one number of threads.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def spring(seed: int, count: int = 30) -> Dataset:
    x = SPRING.sample(count, seed)
    return Dataset(x, SPRING.field(x))


def members(kind=HNN, degrees=1, **options):
    return [kind(degrees, (6, 5), seed=seed, **options) for seed in SEEDS]


def train(models, data, optimizer, **options):
    options = {"seeds": SEEDS, "progress": False, **options}
    return fit_ensemble(models, data, optimizer, **options)


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def assert_same(models, others, **tolerances):
    for one, other in zip(models, others, strict=True):
        torch.testing.assert_close(weights(one), weights(other), **tolerances)


def stopping_after(calls: int, error: type[BaseException] = KeyboardInterrupt):
    """A derivative residual that raises from the given call on, in the middle of a step."""
    made = []

    def residual(model, batch):
        made.append(1)
        if len(made) > calls:
            raise error
        return derivative_residual(model, batch)

    residual.__qualname__ = derivative_residual.__qualname__
    return residual


@EVERY_OPTIMIZER
@pytest.mark.parametrize("shared", [True, False])
def test_each_member_ends_as_if_it_had_been_alone(optimizer, shared):
    data = spring(9) if shared else [spring(seed) for seed in SEEDS]
    together, alone = members(), members()
    histories = train(together, data, optimizer)
    for k, (model, seed) in enumerate(zip(alone, SEEDS, strict=True)):
        own = data if shared else data[k]
        expected = fit(model, own, optimizer, progress=False, seed=seed)
        assert histories[k].loss == pytest.approx(expected.loss, rel=1e-10)
        assert histories[k].final_loss == pytest.approx(expected.final_loss, rel=1e-9)
        assert histories[k].reason == expected.reason
        assert histories[k].steps == 25
    assert_same(together, alone, rtol=1e-9, atol=1e-11)
    assert len({tuple(h.loss) for h in histories}) == len(SEEDS)


def test_members_may_go_in_groups(monkeypatch):
    together, grouped = members(), members()
    train(together, spring(0), OPTIMIZERS["mini-batches"])
    monkeypatch.setattr("hnn_tutorial.training.ensemble.SAMPLES_AT_ONCE", 14)
    train(grouped, spring(0), OPTIMIZERS["mini-batches"])
    assert_same(together, grouped, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", MODELS.values())
def test_every_kind_of_model_goes_through(kind):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(20, 4, generator=generator, dtype=torch.float64)
    data, optimizer = Dataset(x, torch.sin(x)), Adam(8, 1e-2)
    shape = MODEL_SHAPES.get(kind.kind, {"angles": (0,)})
    together, alone = members(kind, 2, **shape), members(kind, 2, **shape)
    train(together, data, optimizer)
    for model in alone:
        fit(model, data, optimizer, progress=False)
    assert_same(together, alone, rtol=1e-8, atol=1e-10)


def test_a_pass_through_the_data_is_shuffled_for_each_member():
    """Several passes long, so that the shuffles are drawn anew as ``fit`` draws them."""
    optimizer = Adam(12, 1e-2, batch_size=11)
    together, alone = members(MLP), members(MLP)
    train(together, spring(0), optimizer)
    for model, seed in zip(alone, SEEDS, strict=True):
        fit(model, spring(0), optimizer, progress=False, seed=seed)
    assert_same(together, alone, rtol=1e-9, atol=1e-11)
    other = members(MLP)
    train(other, spring(0), optimizer, seeds=[0, 0, 0])
    assert not torch.equal(weights(other[0]), weights(together[0]))


class Edge(nn.Module):
    """A parabola with an edge: beyond |w| = 1 the residual is not a number."""

    def __init__(self, start):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([start], dtype=torch.float64))


def edge_residual(model, batch):
    return torch.sqrt(1 - model.w**2) * batch["x"]


def edge_data():
    return {"x": torch.ones(4, 1, dtype=torch.float64)}


@pytest.mark.parametrize("steps", [3, 4, 20])
def test_a_member_that_diverges_stops_alone(steps):
    """From 0.5 a step of 0.2 crosses the edge with the third; from 0 the gradient is zero."""
    models = [Edge(0.0), Edge(0.5), Edge(-1e-3)]
    alone = Edge(0.0), Edge(-1e-3)
    optimizer = Adam(steps, 0.2 if steps < 20 else 0.04)
    at = steps if steps < 20 else None
    histories = fit_ensemble(models, edge_data(), optimizer, residual=edge_residual, progress=False)
    for model, k in zip(alone, (0, 2), strict=True):
        expected = fit(model, edge_data(), optimizer, residual=edge_residual, progress=False)
        assert torch.equal(models[k].w, model.w)
        assert histories[k].reason == "all steps done"
        assert histories[k].loss == expected.loss
    lost = histories[1]
    assert "is not finite; the model was put back to its state after step" in lost.reason
    assert all(0 <= value < 1 for value in [*lost.loss, lost.final_loss])
    assert lost.final_loss == lost.loss[-1]
    assert abs(models[1].w.item()) <= 1
    if at is not None:
        # Lost at the very end (3), or with a step to spare.
        assert lost.steps == 3
        assert "put back to its state after step 2" in lost.reason
    again = Edge(0.5)
    with pytest.raises(FloatingPointError, match="put back to its state after step"):
        fit(again, edge_data(), optimizer, residual=edge_residual, progress=False)
    assert torch.equal(again.w, models[1].w)


def test_a_member_that_starts_from_nan_is_left_alone_and_said_so():
    models = members(MLP)
    with torch.no_grad():
        models[0].network.layers[0].weight[0, 0] = float("nan")
    histories = train(models, spring(0), Adam(10))
    assert histories[0].reason.startswith("step 1: the loss or its gradient is not finite; the")
    assert histories[0].loss == []
    assert models[0].network.layers[0].weight.isnan().sum() == 1
    assert all(torch.isfinite(weights(model)).all() for model in models[1:])
    assert [h.steps for h in histories] == [0, 10, 10]


def test_with_no_member_left_training_ends():
    models = [Edge(0.5), Edge(-0.5)]
    optimizer = Adam(10**6, 0.2)
    histories = fit_ensemble(models, edge_data(), optimizer, residual=edge_residual, progress=False)
    assert all("is not finite" in h.reason for h in histories)
    assert models[0].w.item() == -models[1].w.item()


@EVERY_OPTIMIZER
@pytest.mark.parametrize("calls", [6, 9, 20])
def test_an_interrupted_ensemble_ends_as_if_it_had_not_been(tmp_path, optimizer, calls):
    path = tmp_path / "ensemble.safetensors"
    data = spring(0)
    straight, broken, resumed = members(), members(), members()
    # By the same residual that is interrupted: bit for bit the same holds for one way to
    # differentiate, and of the package's own residuals NumPy evaluates the gradient.
    expected = train(straight, data, optimizer, residual=stopping_after(10**9))
    with pytest.raises(KeyboardInterrupt):
        train(broken, data, optimizer, checkpoint=path, residual=stopping_after(calls))
    assert path.exists() == (calls > 4)
    history = train(resumed, data, optimizer, checkpoint=path, residual=stopping_after(10**9))
    assert_same(resumed, straight, rtol=0, atol=0)
    for one, other in zip(history, expected, strict=True):
        assert (one.loss, one.final_loss, one.reason) == (
            other.loss,
            other.final_loss,
            other.reason,
        )
    # A finished one is not trained again: checking the models takes calls, training would more.
    third = members()
    again = train(third, data, optimizer, checkpoint=path, residual=stopping_after(3))
    assert [h.loss for h in again] == [h.loss for h in expected]
    assert_same(third, straight, rtol=0, atol=0)


@EVERY_OPTIMIZER
def test_an_interruption_between_two_gradients_by_numpy(tmp_path, monkeypatch, optimizer):
    path = tmp_path / "ensemble.safetensors"
    straight, broken = members(), members()
    train(straight, spring(0), optimizer)
    update, calls = Adam.update, []

    def stopped(self, state, g):
        calls.append(1)
        if len(calls) > optimizer.steps // 2:
            raise KeyboardInterrupt
        return update(self, state, g)

    monkeypatch.setattr(Adam, "update", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(broken, spring(0), optimizer, checkpoint=path)
    monkeypatch.undo()
    train(broken, spring(0), optimizer, checkpoint=path)
    assert_same(broken, straight, rtol=0, atol=0)


@pytest.mark.parametrize("calls", range(5, 13))
def test_a_lost_member_stays_lost_through_an_interruption(tmp_path, calls):
    path = tmp_path / "ensemble.safetensors"
    optimizer = Adam(8, 0.2)
    options = {"progress": False, "checkpoint": path}
    straight, broken, resumed = ([Edge(-0.01), Edge(0.5)] for _ in range(3))
    expected = fit_ensemble(
        straight, edge_data(), optimizer, residual=edge_residual, progress=False
    )
    made = []

    def residual(model, batch):
        made.append(1)
        if len(made) > calls:
            raise KeyboardInterrupt
        return edge_residual(model, batch)

    residual.__qualname__ = edge_residual.__qualname__
    try:
        fit_ensemble(broken, edge_data(), optimizer, residual=residual, **options)
    except KeyboardInterrupt:
        assert abs(broken[1].w.item()) < 1
    found = fit_ensemble(resumed, edge_data(), optimizer, residual=edge_residual, **options)
    assert_same(resumed, straight, rtol=0, atol=0)
    assert [h.reason for h in found] == [h.reason for h in expected]
    assert [h.loss for h in found] == [h.loss for h in expected]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"seeds": (3, 1, 5)}, r"seeds = \[3, 1, 4\]; this call has \[3, 1, 5\]"),
        ({"data": spring(1)}, "with other training data"),
        ({"optimizer": Adam(10, 2e-3)}, "learning_rate"),
        ({"models": members()[:2], "seeds": (3, 1)}, "members = 3; this call has 2"),
        ({"models": members(MLP)}, "another model: hnn"),
    ],
)
def test_a_checkpoint_of_something_else_is_named(tmp_path, change, message):
    path = tmp_path / "ensemble.safetensors"
    call = {"models": members(), "data": spring(0), "optimizer": Adam(10), "seeds": SEEDS}
    train(**call, checkpoint=path)
    with pytest.raises(ValueError, match=message):
        train(**{**call, **change}, checkpoint=path)
    with pytest.raises(ValueError, match="was made with seed = None"):
        fit(members()[0], spring(0), Adam(10), checkpoint=path, progress=False)


def test_frozen_parameters_must_agree():
    def frozen(model):
        model.network.layers[0].weight.requires_grad_(False)
        return model

    models = [frozen(model) for model in members(MLP)]
    with pytest.raises(ValueError, match=r"models\[1\] has another network.layers.0.weight"):
        train(models, spring(0), Adam(2))
    for model in models[1:]:
        model.network.layers[0].weight.copy_(models[0].network.layers[0].weight)
    before = models[0].network.layers[0].weight.clone()
    train(models, spring(0), Adam(5))
    assert all(torch.equal(model.network.layers[0].weight, before) for model in models)


MODEL = HNN(1, (4,))


@pytest.mark.parametrize(
    "models, data, options, error, message",
    [
        ([], spring(0), {"seeds": ()}, ValueError, "models is empty"),
        ([MODEL, MODEL], spring(0), {}, ValueError, "stands twice"),
        ([HNN(1), MLP(1)], spring(0), {}, ValueError, r"models\[1\] differs from models\[0\]"),
        ([HNN(1), HNN(1)], [spring(0)], {}, ValueError, "1 datasets for 2 models"),
        ([HNN(1), HNN(1)], spring(0), {"seeds": [1]}, ValueError, "1 seeds for 2 models"),
        ([HNN(1), HNN(1)], [spring(0), spring(1, 9)], {}, ValueError, "they must be equal"),
        ([HNN(1)], spring(0).to(dtype=torch.float32), {}, TypeError, "float32, the model has"),
        (
            [HNN(1)],
            spring(0),
            {"optimizer": LevenbergMarquardt()},
            TypeError,
            "alone trains an ensemble",
        ),
        ([HNN(1)], spring(0), {"optimizer": Adam(batch_size=31)}, ValueError, "larger than the 30"),
        ([HNN(1)], spring(0), {"checkpoint_every": 0}, ValueError, "checkpoint_every = 0"),
    ],
)
def test_senseless_calls_are_refused(models, data, options, error, message):
    options = {"optimizer": Adam(2), "progress": False, **options}
    with pytest.raises(error, match=message):
        fit_ensemble(models, data, **options)


def test_progress_goes_to_standard_error_or_nowhere(capsys):
    fit_ensemble(members(), spring(0), Adam(5), progress=False)
    assert capsys.readouterr() == ("", "")
    fit_ensemble(members(), spring(0), Adam(5))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "training" in shown.err


@pytest.mark.gpu
def test_a_gpu_trains_the_same_ensemble():
    here, there = members(), [model.cuda() for model in members()]
    optimizer = OPTIMIZERS["mini-batches"]
    train(here, spring(0), optimizer)
    train(there, spring(0).to(device="cuda"), optimizer)
    assert_same(here, [model.cpu() for model in there], rtol=1e-8, atol=1e-10)
