"""Where other people's data and tools come in: NumPy, PyTorch's optimisers, recorded angles."""

import math
import subprocess
import sys
import warnings
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from hnn_tutorial.data import Dataset, Trajectories, central_differences, simulate, unwrap
from hnn_tutorial.evaluation import coordinate_error, valid_prediction_time
from hnn_tutorial.models import MLP
from hnn_tutorial.systems import MassSpring, Pendulum
from hnn_tutorial.training import (
    Adam,
    LevenbergMarquardt,
    TorchOptimizer,
    TrajectoryResidual,
    cut,
    fit,
)

SPRING = MassSpring(0.7, 1.9)
X = SPRING.sample(20, seed=0)
DATA = Dataset(X, SPRING.field(X))
MAKERS = {
    "plain SGD": partial(torch.optim.SGD, lr=0.05),
    "momentum": partial(torch.optim.SGD, lr=0.05, momentum=0.9, dampening=0.1),
    "AdamW": partial(torch.optim.AdamW, lr=1e-2, weight_decay=0.1, amsgrad=True),
    "NAdam": torch.optim.NAdam,
}


@pytest.mark.parametrize("name", MAKERS)
def test_an_optimiser_of_pytorch_makes_the_steps_of_a_plain_loop(name):
    model, plain = MLP(1, (5,), seed=1), MLP(1, (5,), seed=1)
    fit(model, DATA, TorchOptimizer(MAKERS[name], 9), progress=False)
    optimizer = MAKERS[name](plain.parameters())
    for _ in range(9):
        optimizer.zero_grad()
        (plain(X) - DATA.derivatives).square().mean().backward()
        optimizer.step()
    for mine, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", MAKERS)
def test_an_optimiser_of_pytorch_goes_on_from_its_checkpoint(name, tmp_path, monkeypatch):
    optimizer = TorchOptimizer(MAKERS[name], 9, batch_size=6)
    whole, model = MLP(1, (5,), seed=1), MLP(1, (5,), seed=1)
    fit(whole, DATA, optimizer, progress=False)
    file, plain_step, done = tmp_path / "run.safetensors", TorchOptimizer.step, []

    def interrupted(self, problem, state):
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(1)
        return plain_step(self, problem, state)

    monkeypatch.setattr(TorchOptimizer, "step", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fit(model, DATA, optimizer, checkpoint=file, progress=False)
    monkeypatch.undo()
    history = fit(MLP(1, (5,), seed=7), DATA, optimizer, checkpoint=file, progress=False)
    assert history.steps == 9
    again = MLP(1, (5,), seed=8)
    fit(again, DATA, optimizer, checkpoint=file, progress=False)
    for mine, theirs in zip(again.parameters(), whole.parameters(), strict=True):
        assert torch.equal(mine, theirs)
    other = TorchOptimizer(partial(torch.optim.SGD, lr=0.9), 9, batch_size=6)
    with pytest.raises(ValueError, match=r"made with make = .*this call has 'SGD\(lr=0.9"):
        fit(again, DATA, other, checkpoint=file, progress=False)


def test_what_pytorch_calls_otherwise_is_named():
    with pytest.raises(TypeError, match=r"write learning_rate=0\.01"):
        Adam(lr=0.01)
    model = MLP(1, (5,))
    with pytest.raises(TypeError, match=r"TorchOptimizer\(functools.partial\(torch.optim.AdamW"):
        fit(model, DATA, torch.optim.Adam(model.parameters()))
    with pytest.raises(ValueError, match=r"from a gradient alone .* loss|loop of your own"):
        TorchOptimizer(torch.optim.LBFGS)


@pytest.mark.parametrize("wrong", [{"lr": -0.1}, {"lr": "fast"}, {"rate": 0.1}, {"lr": None}])
def test_wrong_settings_are_told_where_the_optimiser_is_made(wrong):
    with pytest.raises(TypeError, match=r"expected one that makes an optimiser, such as"):
        TorchOptimizer(partial(torch.optim.AdamW, **wrong))


def test_the_recipes_are_read_without_pytorchs_compiler():
    """It would be imported with the first optimiser that is made, in a second."""
    program = (
        "import sys, hnn_tutorial.experiments as e\n"
        "assert 'torch._dynamo' not in sys.modules\n"
        "assert 'AdamW (' not in e.RECIPES['rod-chain-reference'].optimizers['adamw'].described\n"
        "assert 'torch._dynamo' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("kind", [Adam, LevenbergMarquardt, TorchOptimizer])
def test_numpy_numbers_and_arrays_are_numbers_and_arrays(kind, tmp_path):
    """The same run, checkpoint included, as with Python's numbers and PyTorch's tensors."""
    models = [MLP(np.int64(1), (5,), seed=np.int32(3)), MLP(1, (5,), seed=3)]
    numbers = {"steps": 3, "batch_size": 7}
    if kind is Adam:
        numbers["learning_rate"] = 0.25
    given = {key: np.asarray(value)[()] for key, value in numbers.items()}
    assert all(isinstance(value, np.generic) for value in given.values())
    states = X.numpy()
    for model, optimizer, data, patience, seed in (
        (
            models[0],
            kind(**given),
            Dataset(states, SPRING.field(X).numpy()),
            np.int64(2),
            np.int8(4),
        ),
        (models[1], kind(**numbers), DATA, 2, 4),
    ):
        fit(
            model,
            data,
            optimizer,
            validation={"states": states[:5], "derivatives": SPRING.field(X[:5]).numpy()},
            patience=patience,
            seed=seed,
            checkpoint=tmp_path / "one for both",
            resume=model is models[1],
            progress=False,
        )
    for mine, theirs in zip(*(model.parameters() for model in models), strict=True):
        assert torch.equal(mine, theirs)
    kept = DATA.states.clone()
    array = kept.numpy().copy()
    data = Dataset(array, array)
    array[:] = 7.0
    assert torch.equal(data.states, kept)  # its own numbers, not the caller's
    times = np.linspace(0, 1, 5)
    path = simulate(SPRING, states, times)
    assert torch.equal(path.states, simulate(SPRING, X, torch.as_tensor(times)).states)
    assert torch.equal(Trajectories(times, path.states.numpy()).states, path.states)


# Angles

TIMES = torch.linspace(0, 3, 61, dtype=torch.float64)
PENDULUM = Pendulum()
START = torch.tensor([[0.3, 2.4], [-0.3, -2.4], [0.4, 0.0]], dtype=torch.float64)
WHOLE = simulate(PENDULUM, START * torch.tensor([1.0, 4.0]), TIMES)
RECORDED = WHOLE.states.clone()
RECORDED[..., 0] = torch.remainder(RECORDED[..., 0] + math.pi, math.tau) - math.pi


def test_an_angle_that_turns_over_goes_on():
    assert (WHOLE.states[-1, :, 0].abs() > math.tau).sum() == 2  # both ways round; one swings
    torch.testing.assert_close(unwrap(RECORDED, [0]), WHOLE.states)
    up = RECORDED + torch.tensor([math.tau, 0.0])  # the first value stays, wherever it is
    torch.testing.assert_close(unwrap(up, [0]), WHOLE.states + torch.tensor([math.tau, 0.0]))
    assert torch.equal(unwrap(RECORDED, []), RECORDED)


def test_derivatives_losses_and_scores_know_angles():
    expected = central_differences(WHOLE.states, TIMES)
    torch.testing.assert_close(central_differences(RECORDED, TIMES, [0]), expected)
    seen = Trajectories(TIMES, RECORDED, angles=[0])
    torch.testing.assert_close(seen.dataset().derivatives, expected.flatten(0, 1))

    class Truth(nn.Module):
        field = staticmethod(PENDULUM.field)

    missed = TrajectoryResidual(steps=4)(Truth(), cut(seen, 6))
    assert missed.abs().max() < 1e-4
    assert coordinate_error(WHOLE.states, RECORDED, [0]).max() < 1e-20
    assert coordinate_error(WHOLE.states, RECORDED)[:2].min() > 1
    within = valid_prediction_time(WHOLE.states, RECORDED, TIMES, 0.1, [0])
    assert within.tolist() == [3.0, 3.0, 3.0]
    assert valid_prediction_time(WHOLE.states, RECORDED, TIMES, 0.1)[:2].max() < 3


def test_a_jump_that_looks_like_a_turn_brings_a_warning_and_nothing_else_does():
    for use in (
        lambda: Trajectories(TIMES, RECORDED),
        lambda: central_differences(RECORDED, TIMES),
    ):
        with pytest.warns(UserWarning, match=r"component 0 jumps by [56]\.\d+ .*angles=\[0\]"):
            use()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Trajectories(TIMES, RECORDED, angles=None).noisy(0.1, 0).dataset()
        Trajectories(TIMES, RECORDED, angles=[0]).dataset()
        far = RECORDED * 3  # metres, say: no turn goes that far
        Trajectories(TIMES, far)
        swapped = RECORDED.flip(-1)  # a momentum that jumps is no angle
        swapped[..., 0] = 0.0
        Trajectories(TIMES, swapped)


# Joining and moving


def test_datasets_and_trajectories_are_joined_by_a_plus():
    first, second = (simulate(SPRING, X[a:b], TIMES[:4]) for a, b in ((0, 3), (3, 5)))
    together = simulate(SPRING, X[:5], TIMES[:4])
    torch.testing.assert_close((first + second).states, together.states)
    data = first.dataset() + second.dataset()[4:]
    assert data.trajectory.unique().tolist() == [0, 1, 2, 3, 4]
    assert torch.equal(data.states[12:], second.dataset().states[4:])
    assert torch.equal(data.derivatives[:12], first.dataset().derivatives)
    with pytest.raises(ValueError, match="give cut a list of them"):
        first + simulate(SPRING, X[:2], TIMES[:5])
    with pytest.raises(ValueError, match="width, dtype and device"):
        DATA + DATA.to(torch.float32)
    with pytest.raises(TypeError, match="unsupported operand"):
        DATA + X


def test_a_device_or_a_dtype_may_be_given_by_place():
    for kept in (DATA, WHOLE):
        assert kept.to("cpu", torch.float32).states.dtype == torch.float32
        assert kept.to(torch.float32).states.dtype == torch.float32
    assert WHOLE.to(torch.float32).times.dtype == torch.float64
