"""A network of one's own: any module is an H, an L or a field, trained here or by PyTorch alone."""

import copy

import pytest
import torch
from torch import nn

from hnn_tutorial.data import simulate
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.mechanics import hamiltonian_field, lagrangian_field
from hnn_tutorial.models import MLP, FieldModel, HamiltonianModel, LagrangianModel
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import Adam, LevenbergMarquardt, cut, fit, load_model, save_model

SPRING = MassSpring(0.7, 1.9)
X = SPRING.sample(60, seed=0)
TIMES = torch.linspace(0, 1, 7, dtype=torch.float64)
DATA = simulate(SPRING, X[:4], TIMES).dataset(SPRING.field)


class Kinetic(nn.Module):
    """A Lagrangian that begins as |q̇|²/2 and something small."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        return x[..., 1] ** 2 / 2 + 0.1 * self.network(x).squeeze(-1)


def network(outputs=1, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, outputs)).double()


MAKE = {
    "hamiltonian": lambda s=0: HamiltonianModel(network(seed=s)),
    "lagrangian": lambda s=0: LagrangianModel(Kinetic(network(seed=s))),
    "field": lambda s=0: FieldModel(network(2, seed=s)),
}


@pytest.mark.parametrize("kind", MAKE)
def test_the_field_is_that_of_the_module(kind):
    model = MAKE[kind]()
    plain = {
        "hamiltonian": lambda: hamiltonian_field(lambda x: model.module(x).squeeze(-1)),
        "lagrangian": lambda: lagrangian_field(model.module),
        "field": lambda: model.module,
    }[kind]()
    torch.testing.assert_close(model(X), plain(X))


@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(steps=15), Adam(300, 1e-2)])
@pytest.mark.parametrize("kind", MAKE)
def test_fit_trains_it_and_a_file_keeps_it(kind, optimizer, tmp_path):
    model = MAKE[kind]()
    data = DATA
    if kind == "lagrangian":
        y = SPRING.velocities(X)
        data = {"states": y, "derivatives": SPRING.second_order_field(y)}
    history = fit(model, data, optimizer, progress=False)
    assert history.final_loss < 0.05 * history.loss[0]
    path = tmp_path / "own.safetensors"
    save_model(path, model)
    fresh = MAKE[kind](1)
    assert not torch.equal(fresh(X), model(X))
    torch.testing.assert_close(load_model(path, fresh)(X), model(X), rtol=0, atol=0)
    with pytest.raises(ValueError, match="hand in the model"):
        load_model(path)
    with pytest.raises(ValueError, match="do not belong to a model of kind"):
        load_model(path, FieldModel(nn.Linear(2, 2).double()))
    with pytest.raises(TypeError, match=r"the file first: save_model\(path, model\)"):
        save_model(model, path)


def test_a_model_of_ones_own_class_comes_back_by_its_class(tmp_path):
    class Mine(MLP):
        kind = "mine"

    model = Mine(1, (3,), seed=4)
    save_model(tmp_path / "mine", model)
    assert torch.equal(load_model(tmp_path / "mine", Mine)(X), model(X))
    with pytest.raises(ValueError, match="unknown model 'mine'"):
        load_model(tmp_path / "mine")
    with pytest.raises(TypeError, match="expected a module, or a subclass of Model"):
        load_model(tmp_path / "mine", "mine")


def test_a_plain_loop_of_pytorch_trains_it():
    model = HamiltonianModel(network())
    before = field_error(model.field, SPRING.field, X)
    pairs = torch.utils.data.TensorDataset(DATA.states, DATA.derivatives)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(200):
        for x, rate in torch.utils.data.DataLoader(pairs, batch_size=7):
            optimizer.zero_grad()
            (model(x) - rate).square().mean().backward()
            optimizer.step()
    assert field_error(model.field, SPRING.field, X) < 0.05 * before


@pytest.mark.parametrize("kind", MAKE)
def test_torch_saves_and_compiles_it(kind, tmp_path):
    model = MAKE[kind]()
    torch._dynamo.reset()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(X[:3]), model(X[:3]))
    torch.save(model, tmp_path / "m.pt")
    assert torch.equal(torch.load(tmp_path / "m.pt", weights_only=False)(X), model(X))
    assert torch.equal(copy.deepcopy(model)(X), model(X))


@pytest.mark.parametrize("kind", MAKE)
def test_torch_exports_it_for_batches_of_any_size(kind, tmp_path):
    model = MAKE[kind]()
    sizes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(model.traced(X[:3]), (X[:3],), dynamic_shapes=sizes)
    torch.export.save(program, tmp_path / "model.pt2")
    again = torch.export.load(tmp_path / "model.pt2").module()
    for x in (X, X[:1]):
        torch.testing.assert_close(again(x), model(x))
    # Its weights are in the file, and no numbers that were fixed.
    there = {weights.shape for weights in program.state_dict.values()}
    assert {weights.shape for weights in model.parameters()} <= there
    with pytest.raises(ValueError, match=r"cannot take states of shape \(3, 4\)"):
        model.traced(torch.ones(3, 4).double())


def test_a_module_that_differentiates_by_itself_gets_a_way_out():
    class Inner(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network()

        def forward(self, x):
            with torch.enable_grad():
                x = x.requires_grad_()
                return torch.autograd.grad(self.network(x).sum(), x, create_graph=True)[0]

    model = FieldModel(Inner())
    with pytest.raises(ValueError, match="use torch.func.grad in it"):
        fit(model, DATA, LevenbergMarquardt(steps=2), progress=False)


def test_recordings_of_different_lengths_and_rates_keep_their_own_pieces():
    """Each piece of the list is one that its own recording gives; the numbers run through."""
    parts = [
        simulate(SPRING, X[:k], torch.linspace(0, span, points, dtype=torch.float64))
        for k, span, points in ((1, 1.0, 7), (2, 3.0, 11), (3, 0.5, 5))
    ]
    joined = cut(parts, 4)
    apart = [cut(part, 4) for part in parts]
    for key in ("states", "gaps"):
        assert torch.equal(joined[key], torch.cat([batch[key] for batch in apart]))
    assert joined["piece"].tolist() == list(range(len(joined["states"])))
    with pytest.raises(ValueError, match="pass length="):
        cut(parts)


# The shortest programs, each whole

OWN_HAMILTONIAN = """
import torch
from hnn_tutorial.data import simulate
from hnn_tutorial.mechanics import hamiltonian_field
from hnn_tutorial.models import HNN
from hnn_tutorial.training import fit

x0 = 2 * torch.rand(20, 2, dtype=torch.float64) - 1
field = hamiltonian_field(lambda x: x[..., 1] ** 2 / 2 + x[..., 0] ** 4 / 4)
data = simulate(field, x0, torch.linspace(0, 3, 20)).dataset(field)
model = HNN(1, (16,))
fit(model, data)
"""

OWN_LOOP = """
import torch
from hnn_tutorial.data import simulate
from hnn_tutorial.models import HamiltonianModel
from hnn_tutorial.systems import Pendulum

system = Pendulum()
x0, times = system.sample(20, seed=0), torch.linspace(0, 3, 20)
data = simulate(system, x0, times).dataset(system.field)
layers = torch.nn.Linear(2, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1)
model = HamiltonianModel(torch.nn.Sequential(*layers).double())
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
for _ in range(500):
    optimizer.zero_grad()
    loss = (model(data.states) - data.derivatives).square().mean()
    loss.backward()
    optimizer.step()
"""


@pytest.mark.parametrize("program, lines", [(OWN_HAMILTONIAN, 10), (OWN_LOOP, 15)])
def test_the_shortest_programs_end_in_a_trained_model(program, lines):
    """Of as many lines as the documentation may say, and far better than untrained."""
    assert len([line for line in program.splitlines() if line]) == lines
    torch.manual_seed(0)
    names: dict = {}
    exec(program, names)
    states, true = names["data"].states, names["data"].derivatives
    assert field_error(names["model"].field, lambda _: true, states) < 1e-2 * true.square().mean()
