"""The training lab's Python side: data and models that travel, both ways, and what is refused."""

import pytest
import torch

from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.models import HNN, LNN, MLP
from hnn_tutorial.systems import DampedPendulum, HenonHeiles, MassSpring, Pendulum
from hnn_tutorial.training import LevenbergMarquardt, fit
from hnn_tutorial.widgets import TrainingLab
from hnn_tutorial.widgets.training_lab import MAX_SAMPLES, NETWORKS


@pytest.fixture
def lab():
    return TrainingLab(MassSpring(), hidden=(8, 8))


def sent_by(lab):
    """The names of the traits in each message that the lab sends from now on."""
    messages = []
    lab.send_state = lambda key=None: messages.append({key} if isinstance(key, str) else set(key))
    return messages


def set_network(lab, role, model):
    """Put a model in the place of the baseline or the HNN."""
    setattr(lab, role, model)


@pytest.mark.parametrize("role, kind", NETWORKS.items())
def test_the_model_comes_back_bit_for_bit(lab, role, kind):
    model = kind(1, (5, 7), seed=3)
    other = next(name for name in NETWORKS if name != role)
    untouched = getattr(lab, f"_{other}")
    set_network(lab, role, model)
    mine = getattr(lab, role)
    assert type(mine) is kind
    assert getattr(lab, f"_{other}") == untouched
    assert mine.hidden == (5, 7)
    for p, q in zip(mine.parameters(), model.parameters(), strict=True):
        assert torch.equal(p, q)
    # A copy: what happens to it does not reach the lab.
    with torch.no_grad():
        next(mine.parameters()).zero_()
    assert torch.equal(next(getattr(lab, role).parameters()), next(model.parameters()))


def test_weights_and_shape_leave_in_one_message(lab):
    lab.history = {"hnn": [[1, 0.1, 1.0, 1.0, "adam", 0]], "baseline": []}
    messages = sent_by(lab)
    lab.hnn = HNN(1, (4,), seed=1)
    assert len(messages) == 1
    # Empty in ipywidgets 7, which names traits only while a kernel listens.
    assert not messages[0] or {"_sizes", "_hnn"} <= messages[0]
    assert lab._sizes == {"baseline": [2, 8, 8, 2], "hnn": [2, 4, 1]}
    assert lab.history == {"baseline": []}
    with pytest.raises(TypeError, match="hnn is a MLP; expected an HNN"):
        lab.hnn = MLP(1, (4,))


def test_what_the_page_sends_arrives(lab):
    model = HNN(1, (8, 8), seed=9)
    weights = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    heard = []
    lab.observe(lambda change: heard.append(change["name"]), ["history", "training", "noise"])
    lab.set_state(
        {
            "_hnn": memoryview(weights.numpy().tobytes()),
            "history": {"hnn": [[3, 0.2, 1e-3, 2e-3, "adam", 0]]},
            "training": True,
            "noise": 0.05,
        }
    )
    assert sorted(heard) == ["history", "noise", "training"]
    assert torch.equal(next(lab.hnn.parameters()), next(model.parameters()))


def test_data_are_noisy_states_with_true_derivatives(lab):
    lab.noise = 0.0
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
    lab.noise = 0.0
    states = torch.tensor([[0.1, 0.2], [0.3, 0.4]], dtype=torch.float64)
    lab.data = Dataset(states, 2 * states, torch.tensor([4, 4]))
    assert torch.equal(lab.data.states, states)
    assert torch.equal(lab.data.derivatives, 2 * states)
    assert lab.data.trajectory.tolist() == [4, 4]
    lab.data = lab.data[:1]
    assert len(lab.data) == 1


def test_python_can_go_on_with_what_the_page_began(lab):
    """The advertised round: take data and model out, train, put the model back."""
    lab.noise = 0.0
    model = lab.hnn
    before = field_error(model.field, lab.system.field, lab.data.states)
    fit(model, lab.data, LevenbergMarquardt(steps=15), progress=False)
    lab.hnn = model
    after = field_error(lab.hnn.field, lab.system.field, lab.data.states)
    assert after < 1e-3 * before


def test_a_model_or_a_name_to_start_with():
    model = MLP(1, (6,), seed=2)
    lab = TrainingLab(
        Pendulum(), model, optimizer="levenberg_marquardt", noise=0.0, start=(1.0, 0.0)
    )
    assert lab.baseline.hidden == lab.hnn.hidden == (6,)
    assert torch.equal(next(lab.baseline.parameters()), next(model.parameters()))
    assert lab.show == "both"
    assert lab.optimizer == "levenberg_marquardt"
    assert lab.state.tolist() == [1.0, 0.0]
    top = Pendulum().hamiltonian(lab.data.states).max().item()
    assert lab.region == pytest.approx([0.0, top])
    alone = TrainingLab(DampedPendulum(), "mlp")
    assert alone.show == "baseline"
    assert alone.baseline.hidden == (24,)
    assert TrainingLab(MassSpring(), "hnn").show == "hnn"


def test_what_a_page_cannot_train_is_refused_with_what_it_can():
    spring = MassSpring()
    many = torch.zeros(MAX_SAMPLES + 1, 2, dtype=torch.float64)
    bad = [
        ({"model": "lnn"}, ValueError, "both, mlp, hnn"),
        ({"model": LNN(1)}, TypeError, "a LNN; a page trains an MLP or HNN of tanh layers"),
        ({"model": HNN(1, activation="sin")}, ValueError, "activation 'sin'; a page trains"),
        ({"model": HNN(1, angles=(0,))}, ValueError, "embeds angles"),
        ({"model": HNN(1, (40, 40))}, ValueError, "1,801 weights; a page trains.*at most 1,500"),
        ({"model": HNN(2)}, ValueError, "states of 4 components, the system has 2"),
        ({"task": "fly"}, ValueError, "keep, half, digits"),
        ({"speed": 0.0}, ValueError, "speed"),
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
    weights = lab._hnn
    poisoned = HNN(1, (8, 8))
    with torch.no_grad():
        next(poisoned.parameters())[0, 0] = float("nan")
    with pytest.raises(ValueError, match="NaN"):
        lab.hnn = poisoned
    assert lab._hnn == weights


def test_the_saved_picture(lab):
    assert lab._picture.startswith("<svg")
    assert len(lab._picture) < 60_000
    assert "200 points" in lab._picture_alt
