"""Files: written whole or not at all, read only when they are right, resumed bit for bit."""

import json
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from strategies import MODEL_SHAPES

from hnn_tutorial.data import Dataset
from hnn_tutorial.models import HNN, MLP, MODELS
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import (
    Adam,
    LevenbergMarquardt,
    TrainingDivergedError,
    derivative_residual,
    fit,
    load_model,
    save_model,
)
from hnn_tutorial.training import checkpoint as storage
from hnn_tutorial.training.checkpoint import MODEL_FORMAT, TRAINING_FORMAT, read, write

SPRING = MassSpring(mass=2.0, stiffness=2.0)
STATES = SPRING.sample(60, 0)
DATA = Dataset(STATES, SPRING.field(STATES))
HELD_OUT = Dataset(SPRING.sample(30, 1), SPRING.field(SPRING.sample(30, 1)))

OPTIMIZERS = {
    "adam, full batches": Adam(30, 1e-2, schedule="cosine", weight_decay=1e-4),
    "adam, mini-batches": Adam(30, 1e-2, batch_size=7),
    "levenberg-marquardt, full batches": LevenbergMarquardt(12, tolerance=0),
    "levenberg-marquardt, mini-batches": LevenbergMarquardt(12, batch_size=25, chunk=8),
}
EVERY_OPTIMIZER = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=list(OPTIMIZERS))


@pytest.fixture(autouse=True)
def _one_thread():
    # What is bit for bit the same holds for one number of threads.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def same(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    theirs = b.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in a.state_dict().items())


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


def train(model, path, optimizer, **options):
    # By the same residual that others interrupt: bit for bit the same holds for one way to
    # differentiate, and a model that knows the Jacobian of its field has another.
    options = {"residual": stopping_after(10**9), **options}
    options = {"checkpoint_every": 4, "progress": False, "seed": 3, **options}
    return fit(model, DATA, optimizer, checkpoint=path, **options)


# Weights


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_model_comes_back_from_disk(tmp_path, kind, dtype):
    model = MODELS[kind](2, (5, 3), "sin", seed=4, dtype=dtype, **MODEL_SHAPES.get(kind, {}))
    path = tmp_path / "new folder" / "model.safetensors"
    save_model(path, model)
    loaded = load_model(path)
    assert type(loaded) is type(model)
    assert loaded.config == model.config
    assert same(loaded, model)
    x = torch.arange(12, dtype=dtype).reshape(3, 4)
    assert torch.equal(loaded.field(x), model.field(x))
    assert all(p.requires_grad and p.dtype == dtype for p in loaded.parameters())
    assert os.listdir(path.parent) == ["model.safetensors"]


def test_only_models_that_can_be_rebuilt_are_saved(tmp_path):
    with pytest.raises(TypeError, match="Linear has no kind and config"):
        save_model(tmp_path / "model.safetensors", torch.nn.Linear(2, 2))
    assert os.listdir(tmp_path) == []


class FullDisk:
    """A file that takes ten bytes and then fails, as a full disk does."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()

    def write(self, content):
        self.file.write(content[:10])
        self.file.flush()
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("moment", ["write", "fsync", "replace", "interrupt"])
def test_a_write_that_fails_midway_leaves_the_old_file(tmp_path, monkeypatch, moment):
    path = tmp_path / "model.safetensors"
    save_model(path, HNN(1, (4,), seed=1))
    before = path.read_bytes()

    def fail(*_):
        raise KeyboardInterrupt if moment == "interrupt" else OSError("device gone")

    if moment == "write":
        full = lambda path, mode: FullDisk(open(path, mode))  # noqa: E731, SIM115
        monkeypatch.setattr(storage, "open", full, raising=False)
    else:
        monkeypatch.setattr(storage.os, "replace" if moment == "replace" else "fsync", fail)
    with pytest.raises(KeyboardInterrupt if moment == "interrupt" else OSError):
        save_model(path, HNN(1, (4,), seed=2))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["model.safetensors"]


def test_a_write_replaces_what_a_killed_process_left(tmp_path):
    (tmp_path / "model.safetensors.partial").write_bytes(b"half of a fi")
    save_model(tmp_path / "model.safetensors", HNN(1, (4,), seed=1))
    assert os.listdir(tmp_path) == ["model.safetensors"]


@pytest.mark.parametrize("length", [0, 5, 8, 100, -1])
def test_a_truncated_file_is_named_as_such(tmp_path, length):
    path = tmp_path / "model.safetensors"
    save_model(path, HNN(1, (4,), seed=1))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="model.safetensors: .* it may be truncated") as caught:
        load_model(path)
    assert len(str(caught.value).splitlines()) <= 2


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model.safetensors").write_bytes(pickle.dumps(Bomb()))
    torch.save(Bomb(), "model.pt")
    for name in ("model.safetensors", "model.pt"):
        with pytest.raises(ValueError, match="not a complete safetensors file"):
            load_model(name)
    assert not os.path.exists("exploded")


def test_files_of_another_kind_are_refused(tmp_path):
    path = tmp_path / "a.safetensors"
    with pytest.raises(FileNotFoundError, match="there is no such file"):
        load_model(path)
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="found None; it was not written by this package"):
        load_model(path)
    save_model(path, HNN(1, (4,)))
    with pytest.raises(ValueError, match="read it with load_model"):
        train(HNN(1, (4,)), path, Adam(2))
    path.unlink()
    train(HNN(1, (4,)), path, Adam(2))
    with pytest.raises(ValueError, match="pass it to fit as checkpoint="):
        load_model(path)


def edit(path, change) -> None:
    """Change the stored header or tensors of a file, as an editor would."""
    with safe_open(path, framework="pt") as file:
        header = dict(file.metadata())
        tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
    change(header, tensors)
    save_file(tensors, path, metadata=header)


def widen(header, tensors):
    metadata = json.loads(header["metadata"])
    metadata["config"]["hidden"] = [5]
    header["metadata"] = json.dumps(metadata, sort_keys=True)


def nudge(header, tensors):
    tensors["network.layers.0.bias"][0] += 1e-3


def swap(header, tensors):
    a, b = "network.layers.0.bias", "network.layers.1.weight"
    tensors[a], tensors[b] = tensors[b].reshape(-1), tensors[a].reshape(1, -1)


def unsign(header, tensors):
    del header["sha256"]


@pytest.mark.parametrize("change", [widen, nudge, swap, unsign])
def test_an_edited_file_is_refused(tmp_path, change):
    path = tmp_path / "model.safetensors"
    model = HNN(1, (4,), seed=1)
    with torch.no_grad():
        model.network.layers[0].bias += 1
    save_model(path, model)
    edit(path, lambda header, tensors: None)
    assert same(load_model(path), model)
    edit(path, change)
    with pytest.raises(ValueError, match="it was damaged or edited"):
        load_model(path)


def test_a_later_format_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save_model(path, HNN(1, (4,)))
    edit(path, lambda header, tensors: header.update(version="2"))
    with pytest.raises(ValueError, match="format version '2'; this package reads '1'"):
        load_model(path)


@pytest.mark.parametrize(
    "metadata, message",
    [
        ({}, "description of the model is unusable"),
        ([], "description of the model is unusable"),
        ({"kind": "os.system", "config": {}}, "unknown model 'os.system'"),
        ({"kind": "hnn", "config": {"degrees": "one"}}, "description of the model is unusable"),
        ({"kind": "hnn", "config": {"degrees": 1, "colour": "red"}}, "is unusable"),
        ({"kind": "hnn", "config": {"degrees": 1, "hidden": [9]}}, "do not belong to a model"),
        ({"kind": "mlp", "config": {"degrees": 1, "hidden": [4]}}, "do not belong to a model"),
    ],
)
def test_a_forged_description_is_refused(tmp_path, metadata, message):
    # Correctly signed, so only what it says can give it away.
    path = tmp_path / "model.safetensors"
    write(path, MODEL_FORMAT, HNN(1, (4,)).state_dict(), metadata)
    with pytest.raises(ValueError, match=message):
        load_model(path)


# Training states


@EVERY_OPTIMIZER
@pytest.mark.parametrize("calls", [1, 9, 16, 29])
def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path, optimizer, calls):
    options = {"validation": HELD_OUT, "validation_every": 3}
    straight, broken = HNN(1, (5,), seed=0), HNN(1, (5,), seed=0)
    expected = train(straight, None, optimizer, **options)
    path = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(broken, path, optimizer, residual=stopping_after(calls), **options)
    stopped_at = broken.state_dict()
    if path.exists():
        # The model holds what the checkpoint holds.
        tensors, _ = read(path, TRAINING_FORMAT)
        weights = torch.cat([value.reshape(-1) for value in stopped_at.values()])
        assert torch.equal(tensors["state/weights"], weights)
    # Other initial weights, to show that they do not matter.
    resumed = HNN(1, (5,), seed=8 if path.exists() else 0)
    history = train(resumed, path, optimizer, **options)
    assert same(resumed, straight)
    for name in ("loss", "validation_steps", "validation_loss", "final_loss", "best_step"):
        assert getattr(history, name) == getattr(expected, name)


@pytest.mark.parametrize(
    "optimizer, owner, method",
    [
        (OPTIMIZERS["levenberg-marquardt, mini-batches"], HNN, "field_jacobian"),
        (Adam(40, 0.01), Adam, "update"),
        (Adam(40, 0.01, batch_size=7), Adam, "update"),
    ],
)
def test_an_interruption_where_the_package_has_its_own_way(
    tmp_path, monkeypatch, optimizer, owner, method
):
    """A Jacobian that the model gives, and gradients that NumPy evaluates."""
    straight, broken = HNN(1, (5,), seed=0), HNN(1, (5,), seed=0)
    path = tmp_path / "run.safetensors"
    train(straight, None, optimizer, residual=derivative_residual)
    asked, calls = getattr(owner, method), []

    def stopped(*given):
        calls.append(1)
        if len(calls) > 25:
            raise KeyboardInterrupt
        return asked(*given)

    monkeypatch.setattr(owner, method, stopped)
    with pytest.raises(KeyboardInterrupt):
        train(broken, path, optimizer, residual=derivative_residual)
    monkeypatch.undo()
    assert not same(broken, straight)
    train(broken, path, optimizer, residual=derivative_residual)
    assert same(broken, straight)


def test_an_interruption_writes_a_checkpoint_at_once(tmp_path):
    path = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(MLP(1, (5,)), path, Adam(30), checkpoint_every=1000, residual=stopping_after(20))
    tensors, metadata = read(path, TRAINING_FORMAT)
    assert tensors["state/step"] == 18
    assert metadata["reason"] == ""


def test_early_stopping_is_resumed_with_its_best_weights(tmp_path):
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(STATES.shape, generator=generator, dtype=torch.float64)
    data = Dataset(STATES, DATA.derivatives + noise)
    options = {"validation": HELD_OUT, "patience": 10, "progress": False, "checkpoint_every": 3}
    optimizer = LevenbergMarquardt(200, tolerance=0)
    straight, broken = MLP(1, (16, 16), seed=0), MLP(1, (16, 16), seed=0)
    expected = fit(straight, data, optimizer, residual=stopping_after(10**9), **options)
    assert expected.reason == "no lower validation loss in 10 steps"
    path = tmp_path / "run.safetensors"
    for _ in range(50):
        # Twenty-five calls of the residual at a time, past the best step and to the end.
        try:
            history = fit(
                broken, data, optimizer, checkpoint=path, residual=stopping_after(25), **options
            )
            break
        except KeyboardInterrupt:
            pass
    assert same(broken, straight)
    assert history.best_step == expected.best_step
    assert history.validation_loss == expected.validation_loss
    # Read back from the finished file, too.
    again = MLP(1, (16, 16), seed=5)
    assert fit(again, data, optimizer, checkpoint=path, **options).reason == expected.reason
    assert same(again, straight)


@EVERY_OPTIMIZER
def test_a_finished_checkpoint_is_not_trained_again(tmp_path, optimizer):
    path = tmp_path / "run.safetensors"
    model, later = HNN(1, (5,), seed=0), HNN(1, (5,), seed=1)
    history = train(model, path, optimizer)
    written = path.stat().st_mtime_ns
    # Reading needs two calls to check the residual, and not one more.
    assert train(later, path, optimizer, residual=stopping_after(2)) == history
    assert same(later, model)
    assert path.stat().st_mtime_ns == written


def test_resume_false_starts_afresh(tmp_path):
    path = tmp_path / "run.safetensors"
    train(MLP(1, (5,)), path, Adam(10))
    fresh, expected = HNN(1, (4,), seed=2), HNN(1, (4,), seed=2)
    train(fresh, path, Adam(12), resume=False)
    train(expected, None, Adam(12))
    assert same(fresh, expected)
    assert read(path, TRAINING_FORMAT)[0]["state/step"] == 12


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"optimizer": Adam(10, 2e-3)}, r"learning_rate = 0.001; this call has 0.002"),
        ({"optimizer": Adam(11)}, r"steps = 10; this call has 11"),
        ({"optimizer": LevenbergMarquardt(10)}, "optimizer = 'adam'; .* 'levenberg_marquardt'"),
        ({"seed": 4}, "seed = 3; this call has 4"),
        ({"validation": HELD_OUT}, "with other validation data"),
        ({"data": Dataset(STATES, 1.01 * DATA.derivatives)}, "with other training data"),
        ({"residual": lambda m, b: derivative_residual(m, b)}, "residual = 'derivative_residual'"),
        (
            {"model": MLP(1, (4,))},
            r"another model: mlp \(.*hidden = \[5\].*this one is mlp .*\[4\]",
        ),
        ({"model": HNN(1, (5,))}, "another model: mlp .* this one is hnn"),
        ({"model": MLP(1, (5,), "sin")}, "activation = tanh.* activation = sin"),
    ],
)
def test_a_checkpoint_of_something_else_is_named(tmp_path, changes, message):
    path = tmp_path / "run.safetensors"
    with pytest.raises(KeyboardInterrupt):
        train(MLP(1, (5,)), path, Adam(10), residual=stopping_after(8))
    before = path.read_bytes()
    call = {"model": MLP(1, (5,)), "data": DATA, "optimizer": Adam(10), "seed": 3, **changes}
    weights = {name: value.clone() for name, value in call["model"].state_dict().items()}
    with pytest.raises(ValueError, match=message) as caught:
        fit(checkpoint=path, progress=False, **call)
    assert len(str(caught.value).splitlines()) <= 2
    assert path.read_bytes() == before
    assert all(torch.equal(weights[k], v) for k, v in call["model"].state_dict().items())


def test_the_dtype_is_part_of_the_model(tmp_path):
    path = tmp_path / "run.safetensors"
    train(MLP(1, (5,)), path, Adam(3))
    single = MLP(1, (5,), dtype=torch.float32)
    with pytest.raises(ValueError, match=r"float64\); this one is .*float32"):
        fit(single, DATA.to(dtype=torch.float32), Adam(3), checkpoint=path, progress=False)


@pytest.mark.parametrize("metadata", [{}, [], {"model": 3, "settings": 4, "reason": ""}])
def test_forged_training_metadata_are_refused(tmp_path, metadata):
    path = tmp_path / "run.safetensors"
    train(MLP(1, (5,)), path, Adam(3))
    write(path, TRAINING_FORMAT, read(path, TRAINING_FORMAT)[0], metadata)
    with pytest.raises(ValueError, match="metadata are incomplete"):
        train(MLP(1, (5,)), path, Adam(3))


@pytest.mark.parametrize("name", ["state/weights", "history/loss", "state/step"])
def test_a_training_checkpoint_that_lacks_a_tensor_is_refused(tmp_path, name):
    path = tmp_path / "run.safetensors"
    train(MLP(1, (5,)), path, Adam(3))
    tensors, metadata = read(path, TRAINING_FORMAT)
    del tensors[name]
    write(path, TRAINING_FORMAT, tensors, metadata)
    with pytest.raises(ValueError, match="is unusable"):
        train(MLP(1, (5,)), path, Adam(3))


def test_a_truncated_training_checkpoint_is_refused_and_kept(tmp_path):
    path = tmp_path / "run.safetensors"
    train(MLP(1, (5,)), path, Adam(3))
    path.write_bytes(path.read_bytes()[:-7])
    before = path.read_bytes()
    with pytest.raises(ValueError, match="it may be truncated"):
        train(MLP(1, (5,)), path, Adam(3))
    assert path.read_bytes() == before


def test_a_folder_is_no_checkpoint(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        train(MLP(1, (5,)), tmp_path, Adam(3))


def test_a_nan_leaves_the_checkpoint_at_a_good_state(tmp_path):
    made = []

    def residual(model, batch):
        made.append(1)
        r = derivative_residual(model, batch)
        return r * float("nan") if len(made) > 12 else r

    path, model = tmp_path / "run.safetensors", MLP(1, (5,), seed=0)
    with pytest.raises(TrainingDivergedError, match="step 12: the loss is nan"):
        train(model, path, Adam(30), residual=residual, checkpoint_every=1)
    tensors, _ = read(path, TRAINING_FORMAT)
    weights = torch.cat([value.reshape(-1) for value in model.state_dict().values()])
    assert torch.equal(tensors["state/weights"], weights)
    assert tensors["state/step"] == 10
    good = MLP(1, (5,), seed=0)
    train(good, None, Adam(30), residual=stopping_after(100))
    assert os.listdir(tmp_path) == ["run.safetensors"]


KILLED = """
import os, sys, time, torch
torch.set_num_threads(1)
from test_checkpoint import DATA, HNN, OPTIMIZERS, derivative_residual, train

def residual(model, batch):
    # From the first checkpoint on, slow enough to be killed in good time.
    time.sleep(0.5 if os.path.exists(sys.argv[1]) else 0)
    return derivative_residual(model, batch)

residual.__qualname__ = derivative_residual.__qualname__
train(HNN(1, (5,), seed=0), sys.argv[1], OPTIMIZERS[sys.argv[2]], residual=residual)
"""


@pytest.mark.parametrize("name", ["adam, mini-batches", "levenberg-marquardt, full batches"])
def test_a_killed_process_is_resumed_bit_for_bit(tmp_path, name):
    path = tmp_path / "run.safetensors"
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), str(path), name], env=environment
    )
    deadline = time.monotonic() + 60
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    tensors, metadata = read(path, TRAINING_FORMAT)
    assert metadata["reason"] == ""
    assert 0 < tensors["state/step"] < OPTIMIZERS[name].steps
    straight, resumed = HNN(1, (5,), seed=0), HNN(1, (5,), seed=8)

    # As in the killed one: a residual that sleeps does more than compute, so PyTorch gives its
    # Jacobian. What NumPy gives, or a network's own, is the same to rounding alone.
    def residual(model, batch):
        time.sleep(0)
        return derivative_residual(model, batch)

    residual.__qualname__ = derivative_residual.__qualname__
    expected = train(straight, None, OPTIMIZERS[name], residual=residual)
    history = train(resumed, path, OPTIMIZERS[name], residual=residual)
    assert same(resumed, straight)
    assert history.loss == expected.loss
