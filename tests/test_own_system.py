"""A system of one's own: a dataclass with an energy, and nothing else."""

from dataclasses import dataclass

import pytest
import torch

from hnn_tutorial import widgets
from hnn_tutorial.data import simulate
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.integrators import integrate, integrate_gaps
from hnn_tutorial.plotting import phase_portrait
from hnn_tutorial.systems import SYSTEMS, Pendulum, System, parameter
from hnn_tutorial.widgets import explore


@dataclass(frozen=True)
class QuarticWell(System):
    depth: float = 0.7

    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        return p**2 / 2 + self.depth * q**4


TIMES = torch.linspace(0, 1, 6, dtype=torch.float64)


def derived(kind, only):
    """A copy of a system of the package that states one of its two functions alone."""
    return type("Copy", (System,), {"degrees": kind().degrees, only: vars_of(kind, only)})()


def vars_of(kind, only):
    system = kind()
    return lambda self, x: getattr(system, only)(x)


# A relativistic H gives no L inside its own domain alone: its Newton steps leave it.
KINDS = [
    kind
    for name, kind in SYSTEMS.items()
    if kind.canonical and "damped" not in name and name != "relativistic_particle"
]


@pytest.mark.parametrize("only", ["hamiltonian", "lagrangian"])
@pytest.mark.parametrize("kind", KINDS)
def test_one_function_gives_the_whole_system(kind, only):
    system, own = kind(), derived(kind, only)
    x = system.sample(4, seed=0)
    y = system.velocities(x)
    for part, state in (
        ("hamiltonian", x),
        ("field", x),
        ("velocities", x),
        ("lagrangian", y),
        ("momenta", y),
        ("second_order_field", y),
    ):
        expected = getattr(system, part)(state)
        torch.testing.assert_close(getattr(own, part)(state), expected, rtol=1e-8, atol=1e-8)


LABS = ("PhaseLab", "IntegratorLab", "LagrangianLab", "LearnedLab", "OrbitLab", "TrainingLab")


@pytest.mark.parametrize("lab", LABS)
@pytest.mark.parametrize("kind", [k for k in SYSTEMS.values() if not k.canonical])
def test_labs_refuse_a_system_without_pairs_by_its_name(kind, lab):
    arguments = (kind(), {}) if lab == "LearnedLab" else (kind(),)
    with pytest.raises(TypeError, match=f"system is a {kind.__name__}; this lab knows"):
        getattr(widgets, lab)(*arguments)


def test_an_odd_number_of_components_is_data_like_any_other():
    system = SYSTEMS["rigid_body"]()
    seen = simulate(system, system.sample(4, 0), TIMES)
    torch.testing.assert_close(seen.states, system.solution(seen.states[0], TIMES))
    data = seen.dataset(system.field)
    assert (len(data), data.states.shape[-1]) == (24, 3)
    assert field_error(system.field, system.field, data.states) == 0
    gaps = torch.full((3, 4), 0.1).double()
    path = integrate_gaps(system.field, seen.states[0], gaps, steps=20)
    truth = system.solution(seen.states[0], [0, 0.1, 0.2, 0.3])
    torch.testing.assert_close(path, truth, rtol=1e-8, atol=1e-8)
    with pytest.raises(ValueError, match="splits a state into .* 3 components"):
        integrate_gaps(system.field, seen.states[0], gaps, "leapfrog")
    with pytest.raises(ValueError, match="x0 has 2 components on its last axis; expected 3"):
        simulate(system, torch.ones(4, 2).double(), TIMES)


def test_the_rest_has_defaults():
    own = QuarticWell(2.0)
    assert (own.name, own.title, own.degrees) == ("quartic_well", "quartic well", 1)
    assert own.coordinates == (("q", ""), ("p", ""))
    assert [(p.name, p.value) for p in own.parameters] == [("depth", 2.0)]
    assert own.angles == ()
    x = torch.tensor([[0.5, 0.1], [1.0, 0.0]], dtype=torch.float64)
    path = simulate(own, x, TIMES).states
    energy = own.invariants["energy"](path)
    torch.testing.assert_close(energy, energy[:1].expand_as(energy), rtol=1e-7, atol=1e-7)
    assert torch.equal(simulate(own.field, x, TIMES).states, path)
    with pytest.raises(
        NotImplementedError, match=r"QuarticWell has no sample\(self, count, seed\)"
    ):
        own.sample(3, 0)
    with pytest.raises(ValueError, match="expected 2, of 1 degree of freedom"):
        own.field(torch.ones(4, dtype=torch.float64))


def test_units_are_stated_in_public():
    @dataclass(frozen=True)
    class Heavy(QuarticWell):
        mass: float = parameter(1.0, "kg", "mass")

    assert Heavy(mass=2.0).parameters[1].unit == "kg"
    assert Heavy().name == "heavy"
    with pytest.raises(ValueError, match="mass = -1"):
        Heavy(mass=-1)


def test_a_system_without_an_energy_says_what_it_needs():
    class Nothing(System):
        pass

    for part in ("hamiltonian", "lagrangian", "field"):
        with pytest.raises(NotImplementedError, match="Nothing has neither a hamiltonian"):
            getattr(Nothing(), part)(torch.ones(2))


@pytest.mark.parametrize("origin", [0.0, 6 * 3600.0, 1.7e9])
def test_a_clock_keeps_its_digits_whatever_the_states_are(origin):
    """Float32 states on a clock from 1970 give the same rates, gaps and times as from zero."""
    from hnn_tutorial.evaluation import valid_prediction_time
    from hnn_tutorial.training import cut

    system = Pendulum()
    start = simulate(system, system.sample(2, 0).float(), TIMES)
    late = simulate(system, system.sample(2, 0).float(), TIMES + origin)
    assert late.times.dtype == torch.float64
    near = {"rtol": 1e-4, "atol": 1e-4}
    torch.testing.assert_close(late.dataset().derivatives, start.dataset().derivatives, **near)
    gaps = cut(late, 3)["gaps"]
    assert gaps.dtype == torch.float32
    torch.testing.assert_close(gaps, cut(start, 3)["gaps"], **near)
    wrong = start.states + torch.tensor([0, 0, 0, 9.0, 9, 9]).reshape(-1, 1, 1)
    span = valid_prediction_time(wrong, start.states, late.times)
    torch.testing.assert_close(span, torch.full((2,), 0.6), **near)


def test_a_misspelt_name_gets_the_nearest_and_a_missing_gpu_is_called_that(monkeypatch):
    from hnn_tutorial.experiments import check_device
    from hnn_tutorial.models import build_model

    with pytest.raises(ValueError, match=r"did you mean 'separable_hnn'\?"):
        build_model("seperable_hnn", {})
    with pytest.raises(ValueError, match=r"unknown model 'zzz'; choose one of: .*[a-z]$"):
        build_model("zzz", {})
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match="device 'cuda': this machine has no CUDA device"):
        check_device("cuda")
    with pytest.raises(ValueError, match="unknown device 'tpu'"):
        check_device("tpu")


def test_a_dataset_is_indexed_and_walked_through_like_a_list():
    data = simulate(Pendulum(), Pendulum().sample(2, 0), TIMES).dataset()
    each = list(data)
    assert len(each) == len(data)
    for k in (0, 3, -1):
        for part in ("states", "derivatives", "trajectory"):
            assert torch.equal(getattr(each[k], part)[0], getattr(data, part)[k])
            assert torch.equal(getattr(data[k], part)[0], getattr(data, part)[k])
    with pytest.raises(IndexError, match="index 12 of a dataset of 12"):
        data[12]


def test_a_lab_that_cannot_show_it_says_what_can_and_that_does():
    with pytest.raises(TypeError, match="QuarticWell; .*PhaseLab.*phase_portrait.*explore"):
        widgets.IntegratorLab(QuarticWell())
    lab = widgets.PhaseLab(QuarticWell(), plane=((-1.5, 1.5), (-1.5, 1.5)))
    assert lab._system["title"] == "quartic well"

    def draw(depth, start):
        well = QuarticWell(depth)
        x0 = torch.tensor([start, 0.0], dtype=torch.float64)
        path = integrate(well.field, x0, torch.linspace(0, 4, 81), "rk4")
        phase_portrait(well, contours=well, trajectories={"truth": path})
        return f"The motion from {start} in a well of depth {depth}."

    shown = explore(draw, depth=(0.5, 2.0), start=(0.4, 1.2))
    assert shown.chosen == {"depth": 0.5, "start": 0.4}
