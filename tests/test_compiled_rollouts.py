"""Rollouts compiled by JAX: the same numbers, nothing stale, and a clear word where none can be."""

import importlib.util
import subprocess
import sys

import numpy as np
import pytest
import torch
from strategies import MODEL_SHAPES

from hnn_tutorial import _as_jax
from hnn_tutorial.integrators import COMPILED, _compiled, integrate
from hnn_tutorial.mechanics import hamiltonian_field
from hnn_tutorial.models import HNN, MODELS, HamiltonianModel
from hnn_tutorial.systems import SYSTEMS, DrivenPendulum, MassSpring, Pendulum

TIMES = torch.linspace(0, 2, 21, dtype=torch.float64)
STEP = 0.03
X = torch.tensor([[0.3, 0.4], [-0.9, 0.2], [1.1, -0.7]], dtype=torch.float64)


def test_the_package_does_not_import_jax():
    code = (
        "import sys, hnn_tutorial.integrators, hnn_tutorial.training; print('jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_without_jax_the_way_to_it_is_told(monkeypatch):
    for name in [name for name in sys.modules if name == "jax"]:
        monkeypatch.delitem(sys.modules, name)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "jax" else find(name, *a)
    )
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'hnn-tutorial\[jax\]'"):
        integrate(Pendulum().field, X, TIMES, compile=True)


def test_what_it_cannot_do_it_says():
    field = Pendulum().field
    for method in ("dop853", "implicit_midpoint", "gauss_legendre4", "radau"):
        with pytest.raises(ValueError, match=f"cannot make the steps of {method}.*forest_ruth"):
            integrate(field, X, TIMES, method, compile=True)
    with pytest.raises(ValueError, match=r"f\(x\) only"):
        integrate(DrivenPendulum().field, X, TIMES, compile=True)
    with pytest.raises(TypeError, match="compile is 1; expected True or False"):
        integrate(field, X, TIMES, compile=1)


if importlib.util.find_spec("jax"):  # Not with the lowest versions; it needs a newer NumPy.

    def both(field, x, method="rk4", times=TIMES, **options):
        with torch.no_grad():
            plain = integrate(field, x, times, method, step=STEP)
            return plain, integrate(field, x, times, method, step=STEP, compile=True, **options)

    def compiled_anew():
        """How many programs were compiled since the start."""
        return _as_jax.program.cache_info().misses

    @pytest.mark.parametrize("name", SYSTEMS)
    def test_a_system_moves_as_it_does_without(name):
        system = SYSTEMS[name]()
        x = system.sample(4, 0)
        plain, fast = both(system.field, x)
        size = 1 + float(plain.abs().max())
        torch.testing.assert_close(fast, plain, rtol=0, atol=1e-11 * size)
        assert fast.is_contiguous()
        plain, fast = both(system.field, x[2])
        torch.testing.assert_close(fast, plain, rtol=0, atol=1e-11 * size)

    @pytest.mark.parametrize("name", MODELS)
    def test_a_model_moves_as_it_does_without_and_its_weights_are_never_stale(name):
        model = MODELS[name](2, (6, 5), seed=3, **MODEL_SHAPES.get(name, {}))
        generator = torch.Generator().manual_seed(4)
        x = 0.4 * torch.randn(3, 4, generator=generator, dtype=torch.float64)
        plain, fast = both(model.field, x)
        torch.testing.assert_close(fast, plain, rtol=1e-10, atol=1e-10)
        before = compiled_anew()
        with torch.no_grad():
            for weight in model.parameters():
                weight.mul_(1.1).add_(0.01)
        moved, fast = both(model.field, x + 0.02)
        assert (moved - plain).abs().max() > 1e-3
        torch.testing.assert_close(fast, moved, rtol=1e-10, atol=1e-10)
        another = MODELS[name](2, (6, 5), seed=5, **MODEL_SHAPES.get(name, {}))
        torch.testing.assert_close(*both(another.field, x), rtol=1e-10, atol=1e-10)
        assert compiled_anew() == before, "other weights compile nothing"

    @pytest.mark.parametrize("method", COMPILED)
    @pytest.mark.parametrize("batch", [(), (4,), (3, 2)])
    def test_every_method_backwards_and_in_uneven_steps(method, batch):
        pendulum = Pendulum(mass=0.7, length=1.3, gravity=2.1)
        x = 0.8 * torch.ones(*batch, 2, dtype=torch.float64)
        if batch:
            x = x * torch.linspace(0.2, 1, x.numel() // 2).double().reshape(*batch, 1)
        times = torch.tensor([1.0, 0.7, 0.69, -0.5], dtype=torch.float64)
        plain, fast = both(pendulum.field, x, method, times)
        torch.testing.assert_close(fast, plain, rtol=0, atol=1e-12)
        torch.testing.assert_close(fast[0], x, rtol=0, atol=0)

    def test_another_system_or_structure_is_another_motion():
        before = compiled_anew()
        for mass in (0.5, 2.0, 3.0):  # numbers of a formula are arguments as well
            torch.testing.assert_close(*both(MassSpring(mass=mass).field, X), rtol=0, atol=1e-12)
        assert compiled_anew() <= before + 1
        kept = len(_compiled._known)
        hnn = HNN(1, (4,), seed=0)
        torch.testing.assert_close(*both(hnn.field, X))
        hnn.network._activation = "sin"  # what a formula is chosen by
        torch.testing.assert_close(*both(hnn.field, X))
        assert len(_compiled._known) >= min(kept + 2, _as_jax.MOST_KEPT)

    def test_code_of_others_is_recorded_from_where_it_is_made_of_operations():
        weight = torch.tensor(2.0, dtype=torch.float64)
        fields = [
            hamiltonian_field(lambda x: weight * x[..., 0] ** 4 + x[..., 1] ** 2 / 3),
            HamiltonianModel(
                torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
            )
            .double()
            .field,
            lambda x: torch.stack([x[..., 1], -torch.sin(x[..., 0])], -1),
            lambda x: torch.full_like(x, 0.7),
        ]
        for field in fields:
            torch.testing.assert_close(*both(field, X), rtol=0, atol=1e-11)
        before = compiled_anew()
        weight.mul_(3)
        torch.testing.assert_close(*both(fields[0], X), rtol=0, atol=1e-11)
        assert compiled_anew() == before

    def test_a_field_that_is_more_than_operations_is_refused():
        def branches(x):
            return -x if float(x.sum()) > 0 else x

        def copies(x):
            return torch.from_numpy(x.numpy() * -2.0)

        def counts(x, calls=[]):  # noqa: B006
            calls.append(1)
            return -x * len(calls)

        for field in (branches, copies, counts):
            with pytest.raises(ValueError, match="cannot write this field down as a program"):
                integrate(field, X, TIMES, step=STEP, compile=True)

    def test_a_wanted_gradient_is_not_lost():
        hnn, start = HNN(1, (4,), seed=0), X.clone().requires_grad_()
        closed = hamiltonian_field(hnn.hamiltonian)
        for field, x in ((hnn.field, X), (closed, X), (Pendulum().field, start)):
            with pytest.raises(ValueError, match="carries no gradient"):
                integrate(field, x, TIMES, step=STEP, compile=True)
        with torch.no_grad():
            assert not integrate(hnn.field, start, TIMES, step=STEP, compile=True).requires_grad
        with pytest.raises(ValueError, match="without compile=True"):
            torch.vmap(lambda x: integrate(Pendulum().field, x, TIMES, compile=True))(X)

    def test_float32_stays_so_and_jax_keeps_its_settings():
        import jax
        import jax.numpy as jnp

        assert jnp.ones(2).dtype == jnp.float32
        plain, fast = both(Pendulum().field, X.float())
        assert fast.dtype == torch.float32
        torch.testing.assert_close(fast, plain, rtol=1e-5, atol=1e-5)
        assert integrate(Pendulum().field, X.numpy(), TIMES, compile=True).dtype == torch.float64
        assert jnp.ones(2).dtype == jnp.float32
        assert not jax.config.jax_enable_x64

    def test_no_states_a_runaway_and_a_result_of_ones_own(recwarn):
        empty = integrate(Pendulum().field, X[:0], TIMES, compile=True)
        assert empty.shape == (len(TIMES), 0, 2)
        away = SYSTEMS["henon_heiles"]()
        x0 = torch.tensor([[0.0, 3.0, 0.0, 2.0], [0.0, 0.1, 0.0, 0.1]], dtype=torch.float64)
        times = torch.linspace(0, 40, 201, dtype=torch.float64)
        end = integrate(away.field, x0, times, compile=True)[-1]
        assert not torch.isfinite(end[0]).all()
        assert torch.isfinite(end[1]).all()
        path = integrate(Pendulum().field, X, TIMES, compile=True)
        path += 1.0  # no memory of JAX's
        np.testing.assert_allclose(path[0], X + 1.0)
        assert not recwarn.list
