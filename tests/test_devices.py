"""Nothing that acts on states brings tensors of another device along: for machines with a GPU.

The device "meta" has no numbers, but torch refuses to mix it with the CPU as it does any other.
Inside `vmap` the package does not ask for numbers.
"""

import pytest
import torch
from strategies import MODEL_SHAPES
from torch.func import vmap

from hnn_tutorial.integrators import METHODS, integrate
from hnn_tutorial.models import MODELS
from hnn_tutorial.systems import SYSTEMS, MassSpring

# SciPy's, which work on the CPU and give the states back.
STEPPED = [name for name, method in METHODS.items() if not method.adaptive]


def states(degrees: int) -> torch.Tensor:
    return vectors(2 * degrees)


def vectors(components: int) -> torch.Tensor:
    return torch.empty(3, components, dtype=torch.float64, device="meta")


def elsewhere(function, x: torch.Tensor) -> bool:
    return vmap(function)(x).device == x.device


def test_torch_refuses_to_mix_it_with_the_cpu():
    with pytest.raises(RuntimeError, match="device"):
        vmap(lambda x: x * torch.ones(2))(states(1))


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_follows_the_states(name):
    system = SYSTEMS[name]()
    x = vectors(system.dimension)
    assert elsewhere(system.field, x)
    assert elsewhere(system.hamiltonian, x)
    assert elsewhere(system.poisson_matrix, x)
    if system.canonical:
        assert elsewhere(system.lagrangian, x)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_follows_its_weights(name):
    model = MODELS[name](2, **MODEL_SHAPES.get(name, {})).to("meta")
    assert elsewhere(model.field, states(2))


@pytest.mark.parametrize("method", STEPPED)
def test_an_integrator_follows_the_states(method):
    times = torch.linspace(0, 1, 3)
    assert elsewhere(lambda x: integrate(MassSpring().field, x, times, method), states(1))
