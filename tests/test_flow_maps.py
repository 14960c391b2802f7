"""Learned maps: symplectic at any weights, undone exactly, trained on pairs of states alone."""

import json
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import jvp

from hnn_tutorial.data import Trajectories, simulate
from hnn_tutorial.integrators import integrate
from hnn_tutorial.mechanics import symplectic_defect
from hnn_tutorial.models import (
    HNN,
    MAPS,
    MODELS,
    HenonNet,
    MLPMap,
    SympNet,
    build_model,
    parameter_count,
)
from hnn_tutorial.systems import MassSpring, Pendulum
from hnn_tutorial.training import (
    Adam,
    LevenbergMarquardt,
    fit,
    load_model,
    map_residual,
    save_model,
)
from hnn_tutorial.training._problem import Problem
from hnn_tutorial.training.checkpoint import MODEL_FORMAT, write

SYMPLECTIC = [SympNet, HenonNet]
SHAPES = {MLPMap: (9, 8), SympNet: (7, 6, 5, 4), HenonNet: (8, 7)}
WITH_ANGLES = [(kind, a) for kind in MAPS.values() for a in ((), (1,)) if kind != HenonNet or not a]


def drawn(count, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 2 * n, generator=generator, dtype=torch.float64)


def random_weights(model, seed, scale=0.4):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            draw = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.copy_(scale * draw)
    return model


@pytest.mark.parametrize("kind", SYMPLECTIC)
@pytest.mark.parametrize("n", [1, 2, 3])
@given(st.integers(0, 1000), st.sampled_from(["tanh", "softplus", "sin"]), st.booleans())
def test_symplectic_and_undone_at_any_weights(kind, n, seed, activation, turning):
    angles = (0,) if turning and kind is SympNet else ()
    model = random_weights(kind(n, SHAPES[kind], activation, angles=angles), seed)
    x = drawn(5, n, seed)
    y = model.map(x)
    assert (y - x).abs().max() > 1e-3
    size = torch.func.vmap(torch.func.jacrev(model.map))(x).abs().amax((-2, -1))
    assert (symplectic_defect(model.map)(x) <= 1e-13 * (1 + size**2)).all()
    torch.testing.assert_close(model.inverse(y), x, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(model.map(model.inverse(x)), x, rtol=1e-9, atol=1e-9)


def test_an_mlp_map_is_not_symplectic():
    model = random_weights(MLPMap(1, (9, 8)), 0)
    assert symplectic_defect(model.map)(drawn(5, 1)).max() > 1e-2
    assert not hasattr(model, "inverse")


@pytest.mark.parametrize("kind, angles", WITH_ANGLES)
def test_maps_of_any_batch_dtype_angle_and_seed(kind, angles):
    model = kind(2, SHAPES[kind], "softplus", angles=angles, seed=3)
    x = drawn(6, 2)
    together = model(x)
    torch.testing.assert_close(model.map(x.reshape(2, 3, 4)).reshape(6, 4), together)
    torch.testing.assert_close(model.map(x[0]), together[0])
    if angles:
        turn = 2 * torch.pi * x.new_tensor([0, 3, 0, 0])
        torch.testing.assert_close(model.map(x + turn), together + turn)
    single = kind(2, SHAPES[kind], "softplus", angles=angles, seed=3, dtype=torch.float32)
    torch.testing.assert_close(single.map(x.float()).double(), together, rtol=1e-3, atol=1e-4)
    other = kind(2, SHAPES[kind], "softplus", angles=angles, seed=4)
    assert not torch.equal(other.map(x), together)
    path = model.iterate(x, 3)
    assert path.shape == (4, 6, 4)
    assert torch.equal(path[0], x)
    torch.testing.assert_close(path[3], model.map(model.map(together)))


@pytest.mark.parametrize("kind, angles", WITH_ANGLES)
def test_a_file_and_a_config_make_it_again(kind, angles, tmp_path):
    model = kind(2, SHAPES[kind], "sin", angles=angles, seed=3)
    assert MAPS[model.kind] is kind
    assert model.kind not in MODELS
    rebuilt = build_model(model.kind, json.loads(json.dumps(model.config)))
    rebuilt.load_state_dict(model.state_dict())
    path = tmp_path / "map.safetensors"
    save_model(path, model)
    x = drawn(3, 2)
    for again in (rebuilt, load_model(path), load_model(path, kind)):
        assert type(again) is kind
        assert torch.equal(again.map(x), model.map(x))
    least = kind.fewest_weights(2, SHAPES[kind])
    assert 0.5 * parameter_count(model) < least <= parameter_count(model)


@pytest.mark.parametrize("kind", MAPS.values())
def test_a_file_that_claims_a_giant_is_refused_before_it_is_made(kind, tmp_path):
    model = kind(1, (3,))
    for hidden in ([10**9, 10**9], [0], [-5]):
        config = {**model.config, "hidden": hidden}
        path = tmp_path / "map.safetensors"
        write(path, MODEL_FORMAT, model.state_dict(), {"kind": kind.kind, "config": config})
        for made in (None, kind):
            with pytest.raises(ValueError, match="needs more than the"):
                load_model(path, made)


@pytest.mark.parametrize("kind", MAPS.values())
def test_jacobian_that_levenberg_marquardt_sees(kind):
    model = random_weights(kind(1, SHAPES[kind]), 1)
    batch = {"states": drawn(6, 1), "images": drawn(6, 1, 1)}
    problem = Problem(model, map_residual, batch)
    w = problem.weights()
    with torch.no_grad():
        J, r = problem.jacobian(w, batch)
    torch.testing.assert_close(r, (model.map(batch["states"]) - batch["images"]).detach())
    direction = drawn(1, len(w), 2)[0, : len(w)]
    _, along = jvp(lambda v: problem.residuals(v, batch), (w,), (direction,))
    torch.testing.assert_close(J @ direction, along, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("kind", MAPS.values())
def test_pytorch_saves_compiles_and_exports_it(kind, tmp_path):
    model = random_weights(kind(2, SHAPES[kind]), 3)
    x = drawn(5, 2)
    torch.save(model, tmp_path / "map.pt")
    again = torch.load(tmp_path / "map.pt", weights_only=False)
    assert torch.equal(again(x), model(x))
    torch._dynamo.reset()
    for_any = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(model, (x,), dynamic_shapes=for_any).module()
    compiled = torch.compile(model, backend="eager", fullgraph=True)
    for changed in (exported, compiled):
        torch.testing.assert_close(changed(x[:3]), model(x[:3]))


SPRING = MassSpring(1.3, 2.0)


def observed(step, count=60, times=2, seed=0):
    x = SPRING.sample(count, seed)
    return simulate(SPRING, x, torch.arange(times).double() * step, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(steps=40), Adam(300, 1e-2)])
@pytest.mark.parametrize("kind", MAPS.values())
def test_pairs_alone_teach_every_map(kind, optimizer):
    model = kind(1, SHAPES[kind], seed=0)
    pairs = observed(0.7).pairs()
    history = fit(model, pairs, optimizer, residual=map_residual, progress=False)
    fraction = 1e-2 if isinstance(optimizer, LevenbergMarquardt) else 0.2
    assert history.final_loss < fraction * history.loss[0]


def test_pairs_are_neighbours_of_one_trajectory():
    seen = observed(0.4, count=3, times=5)
    pairs = seen.pairs()
    assert pairs["states"].shape == pairs["images"].shape == (12, 2)
    later = SPRING.solution(pairs["states"], [0.0, 0.4])[1]
    torch.testing.assert_close(pairs["images"], later, rtol=1e-8, atol=1e-8)
    uneven = Trajectories(torch.tensor([0.0, 0.4, 0.9]), seen.states[:3])
    for read in (uneven.pairs, uneven.midpoints):
        with pytest.raises(ValueError, match=r"0\.4 to 0\.5 apart; expected even times"):
            read()
    alone = Trajectories(torch.zeros(1), seen.states[:1])
    with pytest.raises(ValueError, match="at least two times"):
        alone.pairs()
    late = Trajectories(seen.times + 1.7e9, seen.states)
    assert torch.equal(late.pairs()["images"], pairs["images"])


def test_midpoints_belong_to_the_generating_function():
    """On a spring S = H tan(ωh/2)/(ωh/2), and the midpoint rule of S is the exact motion."""
    h = 0.7
    data = observed(h, count=4, times=6).midpoints()
    angle = SPRING.frequency * h / 2
    factor = math.tan(angle) / angle
    expected = factor * SPRING.field(data.states)
    torch.testing.assert_close(data.derivatives, expected, rtol=1e-9, atol=1e-9)
    assert data.trajectory.tolist() == [0, 1, 2, 3] * 5
    x = SPRING.sample(5, 3)
    times = torch.arange(4).double() * h
    path = integrate(lambda x: factor * SPRING.field(x), x, times, "implicit_midpoint")
    torch.testing.assert_close(path, SPRING.solution(x, times))


def test_an_hnn_on_midpoints_takes_a_large_step_that_no_field_is_seen_in():
    system, h = Pendulum(1.0, 1.0, 1.0), 1.0
    x = system.sample(250, 0, radius=(0.05, 1.6))
    data = simulate(system, x, [0.0, h], rtol=1e-11, atol=1e-11).midpoints()
    model = HNN(1, (12, 12), seed=0)
    fit(model, data, LevenbergMarquardt(steps=60), progress=False)
    start = system.sample(50, 1, radius=(0.05, 1.5))
    times = torch.arange(21).double() * h
    path = integrate(model.field, start, times, "implicit_midpoint")
    assert (path - system.solution(start, times)).abs().max() < 1e-2
    # What it has learned is not the energy.
    off = model.hamiltonian(start) - system.hamiltonian(start)
    assert (off - off.mean()).abs().max() > 1e-2


@pytest.mark.parametrize(
    "make, error, message",
    [
        (lambda: HenonNet(1, angles=(0,)), ValueError, "exchanges positions and momenta"),
        (lambda: HenonNet(1, ()), ValueError, r"hidden = \(\); expected"),
        (lambda: SympNet(1, ()), ValueError, r"hidden = \(\); expected"),
        (lambda: SympNet(1, (2.5,)), ValueError, "number of units of each module"),
        (lambda: SympNet(1, activation="relu"), ValueError, "unknown activation 'relu'"),
        (lambda: SympNet(1).map(torch.ones(4).double()), ValueError, "was made for 2"),
        (lambda: SympNet(1).inverse(torch.ones(2)), TypeError, "float32"),
        (lambda: MLPMap(1).iterate(torch.ones(2).double(), 0), ValueError, "steps = 0"),
        (lambda: map_residual(HNN(1), {}), TypeError, "without a map"),
        (lambda: map_residual(SympNet(1), {"states": drawn(2, 1)}), ValueError, "no 'images'"),
    ],
)
def test_bad_input_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()
