"""The training lab's Python side: data and models that travel, both ways, and what is refused."""

import pytest
import torch

from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.models import HNN, LNN, MLP
from hnn_tutorial.systems import DampedPendulum, HenonHeiles, MassSpring, Pendulum
from hnn_tutorial.training import LevenbergMarquardt, fit
from hnn_tutorial.widgets import TrainingLab
from hnn_tutorial.widgets.training_lab import MAX_SAMPLES


@pytest.fixture
def lab():
    return TrainingLab(MassSpring(), hidden=(8, 8))


def sent_by(lab):
    """The names of the traits in each message that the lab sends from now on."""
    messages = []
    lab.send_state = lambda key=None: messages.append({key} if isinstance(key, str) else set(key))
    return messages


def test_the_model_comes_back_bit_for_bit(lab):
    model = HNN(1, (5, 7), seed=3)
    lab.model = model
    mine = lab.model
    assert type(mine) is HNN
    assert mine.hidden == (5, 7)
    for p, q in zip(mine.parameters(), model.parameters(), strict=True):
        assert torch.equal(p, q)
    # A copy: what happens to it does not reach the lab.
    with torch.no_grad():
        next(mine.parameters()).zero_()
    assert torch.equal(next(lab.model.parameters()), next(model.parameters()))


def test_weights_and_shape_leave_in_one_message(lab):
    messages = sent_by(lab)
    lab.model = MLP(1, (4,), seed=1)
    assert len(messages) == 1
    # Empty in ipywidgets 7, which names traits only while a kernel listens.
    assert not messages[0] or {"_network", "_weights"} <= messages[0]
    assert lab._network == {"kind": "mlp", "sizes": [2, 4, 2]}
    assert lab.history == []


def test_what_the_page_sends_arrives(lab):
    model = HNN(1, (8, 8), seed=9)
    weights = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["history", "training", "noise"])
    lab.set_state(
        {
            "_weights": memoryview(weights.numpy().tobytes()),
            "history": [[3, 0.2, 1e-3, 2e-3]],
            "training": True,
            "noise": 0.05,
        }
    )
    assert sorted(heard) == ["history", "noise", "training"]
    assert torch.equal(next(lab.model.parameters()), next(model.parameters()))


def test_data_are_noisy_states_with_true_derivatives(lab):
    clean = lab.data
    assert len(clean) == 200
    assert torch.equal(clean.derivatives, lab.system.field(clean.states))
    lab.noise = 0.1
    noisy = lab.data
    difference = noisy.states - clean.states
    assert difference.std().item() == pytest.approx(0.1, rel=0.1)
    assert torch.equal(noisy.derivatives, clean.derivatives)
    assert torch.equal(lab.data.states, noisy.states)
    assert noisy.trajectory.unique().numel() == 10


def test_own_data_replace_the_samples(lab):
    states = torch.tensor([[0.1, 0.2], [0.3, 0.4]], dtype=torch.float64)
    lab.data = Dataset(states, 2 * states, torch.tensor([4, 4]))
    assert torch.equal(lab.data.states, states)
    assert torch.equal(lab.data.derivatives, 2 * states)
    assert lab.data.trajectory.tolist() == [4, 4]
    lab.data = lab.data[:1]
    assert len(lab.data) == 1


def test_python_can_go_on_with_what_the_page_began(lab):
    """The advertised round: take data and model out, train, put the model back."""
    model = lab.model
    before = field_error(model.field, lab.system.field, lab.data.states)
    fit(model, lab.data, LevenbergMarquardt(steps=15), progress=False)
    lab.model = model
    after = field_error(lab.model.field, lab.system.field, lab.data.states)
    assert after < 1e-3 * before


def test_a_model_or_a_name_to_start_with():
    model = MLP(1, (6,), seed=2)
    lab = TrainingLab(Pendulum(), model, optimizer="adam", start=(1.0, 0.0))
    assert lab.model.hidden == (6,)
    assert lab.optimizer == "adam"
    assert lab.state.tolist() == [1.0, 0.0]
    top = Pendulum().hamiltonian(lab.data.states).max().item()
    assert lab.region == pytest.approx([0.0, top])
    assert TrainingLab(DampedPendulum(), "mlp").model.hidden == (16, 16)


def test_what_a_page_cannot_train_is_refused_with_what_it_can():
    spring = MassSpring()
    many = torch.zeros(MAX_SAMPLES + 1, 2, dtype=torch.float64)
    bad = [
        ({"model": "lnn"}, ValueError, "hnn, mlp|mlp, hnn"),
        ({"model": LNN(1)}, TypeError, "a LNN; a page trains an MLP or HNN of tanh layers"),
        ({"model": HNN(1, activation="sin")}, ValueError, "activation 'sin'; a page trains"),
        ({"model": HNN(1, angles=(0,))}, ValueError, "embeds angles"),
        ({"model": HNN(1, (40, 40))}, ValueError, "1,801 weights; a page trains.*at most 1,500"),
        ({"model": HNN(2)}, ValueError, "states of 4 components, the system has 2"),
        ({"optimizer": "sgd"}, ValueError, "adam"),
        ({"noise": -1.0}, ValueError, "noise"),
        ({"steps": -1}, ValueError, "steps"),
        ({"points": 0}, ValueError, "points"),
        ({"horizon": 0.0}, ValueError, "horizon"),
        ({"data": Dataset(many, many)}, ValueError, "2,001 samples; a page trains on at most"),
        ({"start": (1.0,)}, ValueError, "shape"),
    ]
    for options, error, message in bad:
        with pytest.raises(error, match=message):
            TrainingLab(spring, **options)
    with pytest.raises(TypeError, match="this lab knows MassSpring"):
        TrainingLab(HenonHeiles())


def test_a_refused_model_leaves_the_lab_as_it_was(lab):
    weights = lab._weights
    poisoned = HNN(1, (8, 8))
    with torch.no_grad():
        next(poisoned.parameters())[0, 0] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        lab.model = poisoned
    assert lab._weights == weights


def test_the_saved_picture(lab):
    assert lab._picture.startswith("<svg")
    assert len(lab._picture) < 60_000
    assert "200 samples" in lab._picture_alt
