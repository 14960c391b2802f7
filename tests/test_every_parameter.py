"""Every parameter of every system can be learned: its gradient is the difference quotient."""

from dataclasses import fields, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import conservative, damped, larger, poisson, systems_with_states

from hnn_tutorial.integrators import integrate
from hnn_tutorial.systems import (
    SYSTEMS,
    Pendulum,
    RelativisticParticle,
    RigidBody,
    SpringChain,
    TwoBody,
)

TIMES = torch.tensor([0.0, 0.05, 0.1], dtype=torch.float64)
WHAT = {
    "hamiltonian": lambda system, x: system.hamiltonian(x),
    "lagrangian": lambda system, x: system.lagrangian(0.3 * system.velocities(x)),
    "field": lambda system, x: system.field(x),
    "velocities": lambda system, x: system.velocities(x),
    "momenta": lambda system, x: system.momenta(0.3 * system.velocities(x)),
    "second_order_field": lambda system, x: system.second_order_field(0.3 * system.velocities(x)),
    "integrate": lambda system, x: integrate(system.field, x, TIMES, "rk4"),
    "invariants": lambda system, x: sum(f(x).sum() for f in system.invariants.values()) + x.sum(),
    "poisson_matrix": lambda system, x: system.poisson_matrix(x),
}
OF_PAIRS = ("lagrangian", "velocities", "momenta", "second_order_field")


def check_gradients(system, x, what):
    """Compare the gradient of one number with its difference quotient, parameter by parameter."""
    weights = None

    def number(moved):
        nonlocal weights
        value = WHAT[what](moved, x)
        if weights is None:
            draw = torch.Generator().manual_seed(0)
            weights = torch.rand(value.shape, generator=draw, dtype=torch.float64)
        return (weights * value).sum()

    for declared in fields(system):
        name, value = declared.name, getattr(system, declared.name)
        if isinstance(value, int):  # how many masses: no tensor
            continue
        learned = torch.tensor(value, dtype=torch.float64, requires_grad=True)
        result = number(replace(system, **{name: learned}))
        slope = torch.zeros_like(learned)
        if result.requires_grad:
            (found,) = torch.autograd.grad(result, learned, allow_unused=True)
            slope = slope if found is None else found
        several = isinstance(value, tuple)  # the masses of N bodies, one after the other
        for k, one in enumerate(value if several else (value,)):
            h = 1e-5 * max(one, 0.1)
            low = max(one - h, 0.0)
            moved = [(*value[:k], v, *value[k + 1 :]) if several else v for v in (low, one + h)]
            ends = [number(replace(system, **{name: v})) for v in moved]
            quotient = (ends[1] - ends[0]) / (one + h - low)
            size = 1 + result.detach().abs() + quotient.abs()
            found = slope.reshape(-1)[k]
            assert (found - quotient).abs() < 2e-5 * size, (system, name, what, found, quotient)


@pytest.mark.parametrize(
    "name, what",
    [(n, w) for n, kind in SYSTEMS.items() for w in WHAT if kind.canonical or w not in OF_PAIRS],
)
def test_every_parameter_of_every_system_is_learnable(name, what):
    system = SYSTEMS[name]()
    options = {"speed": 2.0} if name == "double_pendulum" else {}
    check_gradients(system, system.sample(3, seed=2, **options), what)


@settings(max_examples=10)
@given(
    systems_with_states(conservative | damped | larger), st.sampled_from(["field", "lagrangian"])
)
def test_at_any_parameters_too(drawn, what):
    check_gradients(*drawn, what)


@settings(max_examples=10)
@given(systems_with_states(poisson), st.sampled_from(["field", "hamiltonian", "invariants"]))
def test_at_any_parameters_of_another_bracket_too(drawn, what):
    check_gradients(*drawn, what)


@pytest.mark.parametrize(
    "kind, name",
    [
        (Pendulum, "length"),
        (TwoBody, "mass2"),
        (RelativisticParticle, "stiffness"),
        (RigidBody, "inertia2"),
    ],
)
def test_a_solution_without_gradients_refuses_a_parameter_that_wants_one(kind, name):
    learned = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    system = kind(**{name: learned})
    x = kind().sample(2, seed=0)
    with pytest.raises(ValueError, match=f"no gradient to {name}"):
        system.solution(x, TIMES)
    with torch.no_grad():
        found = system.solution(x, TIMES)
    torch.testing.assert_close(found, kind(**{name: 1.3}).solution(x, TIMES))


def test_a_number_of_masses_is_no_tensor():
    with pytest.raises(ValueError, match="masses = a tensor.*; expected a positive integer"):
        SpringChain(masses=torch.tensor(3.0))
