"""A system of one's own in a lab: its table against its formula, its edge, what cannot be sent."""

import functools
import math
from dataclasses import dataclass
from pathlib import Path

import browser_tools
import pytest
import torch
from playwright.sync_api import expect
from widget_page import assert_it_fits, axe_findings, drag, lab_opener, spoil, start_of, stop

from hnn_tutorial.integrators import integrate
from hnn_tutorial.models import HNN, LNN, MLP
from hnn_tutorial.systems import MassSpring, Pendulum, Projectile, System, TwoBody, parameter
from hnn_tutorial.widgets import LearnedLab, PhaseLab
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._table import LARGEST_ERROR, WANTED_ERROR, _Mesh, encode_own_system

PLANE = ((-1.8, 2.1), (-3.2, 2.9))


@dataclass(frozen=True)
class DoubleWell(System):
    mass: float = parameter(0.8, "kg", "mass")
    quartic: float = 0.6
    quadratic: float = 1.3

    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        return p**2 / (2 * self.mass) + self.quartic * q**4 - self.quadratic * q**2


@dataclass(frozen=True)
class Magnetic(System):
    """Its momentum is not the mass times the velocity, which depends on q."""

    mass: float = 1.4
    field_strength: float = 0.7

    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        potential = 0.9 * q**2 * (1 + 0.2 * q)
        return (p - self.field_strength * torch.sin(1.3 * q)) ** 2 / (2 * self.mass) + potential


@dataclass(frozen=True)
class Ratchet(Pendulum):
    """A pendulum with a second harmonic: an angle, and no mirror symmetry."""

    second: float = 0.4

    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        wave = 3.1 * (1 - torch.cos(q)) + self.second * torch.sin(2 * q)
        return p**2 / (2 * self.mass * self.length**2) + wave

    lagrangian = System.lagrangian
    field = System.field


@dataclass(frozen=True)
class Damped(DoubleWell):
    """Friction that grows with the velocity, so areas shrink at no one rate."""

    def field(self, x):
        q, p = x.unbind(-1)
        v = p / self.mass
        force = -4 * self.quartic * q**3 + 2 * self.quadratic * q
        return torch.stack([v, force - 0.3 * v - 0.1 * v**3], dim=-1)


class Wire(System):
    """A bead on a wire, by its L alone."""

    def lagrangian(self, x):
        q, v = x.unbind(-1)
        return 0.7 * (1 + q**2) * v**2 - 0.6 * q**2


OWN = {
    "double well": (DoubleWell(), PLANE),
    "magnetic": (Magnetic(), PLANE),
    "angle": (Ratchet(mass=0.7, length=1.2), ((0, 1), (-4.0, 5.0))),
    "damped": (Damped(), PLANE),
    "from L": (Wire(), PLANE),
    "by its samples": (Projectile(mass=0.4), None),
}


@functools.cache
def encoded(name):
    """What is sent of one of them."""
    return encode_own_system(*OWN[name])


every_own = pytest.mark.parametrize("name", OWN)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    module = tmp_path_factory.mktemp("module") / "lab.mjs"
    driver = Path(__file__).parent / "js" / "parity.mjs"
    exports = (
        "SYSTEMS, buildSystem, asVelocities, METHODS, coupledParts, ACTIVATIONS, MODELS, "
        "buildModels, Motion, formatPercent, sampleMesh, traceLevel"
    )
    call = browser_tools.run_node(module, bundle("labs/learned_lab.js", exports), driver)

    def values(*jobs):
        answers = call(*jobs)
        assert all("value" in answer for answer in answers), answers
        return [torch.tensor(answer["value"], dtype=torch.float64) for answer in answers]

    values.raw = call
    return values


def inside(description, count, seed, share=1.0):
    """States of the table, in the middle ``share`` of it."""
    plane = torch.tensor(description["plane"], dtype=torch.float64)
    draw = torch.Generator().manual_seed(seed)
    places = torch.rand(count, 2, generator=draw, dtype=torch.float64)
    return plane.mean(1) + (places - 0.5) * share * (plane[:, 1] - plane[:, 0])


# --- the table against the formula ---------------------------------------------------------------


@every_own
def test_a_table_is_as_near_to_the_formula_as_it_says(run, name):
    system = OWN[name][0]
    description = encoded(name)
    states = inside(description, 4000, seed=11)  # none of those at which Python measured it
    tasks = ("hamiltonian", "field")
    jobs = ({"task": task, "system": description, "states": states.tolist()} for task in tasks)
    energy, field = run(*jobs)
    right = system.field(states).detach()
    off = ((field - right).abs() / (right.abs() + right.abs().median(dim=0).values)).max().item()
    kilobytes = len(description["table"]) / 1000
    print(f"{name}: {description['cells']} cells, {kilobytes:.0f} kB, off {off:.1e}, ", end="")
    print(f"said {description['error']:.1e}")
    assert description["error"] <= LARGEST_ERROR
    assert description["error"] <= WANTED_ERROR or kilobytes > 20
    # The median of other states is a little different.
    assert off <= 1.1 * description["error"]
    H = system.hamiltonian(states)
    assert (energy - H).abs().max() <= 1e-5 * (H.max() - H.min())
    assert kilobytes < 80


@every_own
def test_javascript_reads_the_table_as_python_does(run, name):
    system = OWN[name][0]
    description = encoded(name)
    mesh = _Mesh(system, tuple(map(tuple, description["plane"])))
    sheets = mesh.sheets(tuple(description["cells"]))
    states = inside(description, 500, seed=3)
    [field] = run({"task": "field", "system": description, "states": states.tolist()})
    expected = mesh.interpolated(states, tuple(description["cells"]), sheets)
    assert (field - expected).abs().max() <= 1e-11 * expected.abs().max()


@every_own
def test_the_force_has_no_jump_between_two_cells_and_is_that_of_the_energy(run, name):
    description = encoded(name)
    low, high = torch.tensor(description["plane"], dtype=torch.float64).T
    size = (high - low) / torch.tensor(description["cells"])
    draw = torch.Generator().manual_seed(5)
    nodes = torch.stack(
        [torch.randint(1, n, (200,), generator=draw) for n in description["cells"]], -1
    )
    border = low + (nodes + torch.rand(200, 2, generator=draw)) * size
    axis = torch.arange(200) % 2
    rows = torch.arange(200)
    border[rows, axis] = (low + nodes * size)[rows, axis]
    border = torch.minimum(border, high - 0.01 * size)
    step = torch.zeros_like(border)
    step[rows, axis] = 1e-9 * size[axis]
    sides = [(border - step).tolist(), (border + step).tolist()]
    before, after = run(
        *({"task": "field", "system": description, "states": side} for side in sides)
    )
    assert (before - after).abs().max() <= 1e-7 * before.abs().max()
    if any(description["beside"]):
        return
    h = 1e-5
    x = inside(description, 100, seed=2, share=0.98)
    around = [x + torch.tensor(d, dtype=x.dtype) for d in ([h, 0], [-h, 0], [0, h], [0, -h])]
    jobs = [{"task": "hamiltonian", "system": description, "states": y.tolist()} for y in around]
    right, left, above, below = run(*jobs)
    [field] = run({"task": "field", "system": description, "states": x.tolist()})
    slopes = torch.stack([(above - below) / (2 * h), -(right - left) / (2 * h)], dim=-1)
    assert (slopes - field).abs().max() <= 1e-5 * field.abs().max()


@pytest.mark.parametrize("name", ["double well", "magnetic", "angle", "damped", "from L"])
def test_a_long_motion_is_that_of_the_formula(run, name):
    """Twenty seconds, in which the angle takes several turns; two where Python solves for H."""
    system = OWN[name][0]
    description = encoded(name)
    start = [0.4, 4.4] if name == "angle" else [1.05, 0.3]
    h, steps = (0.04, 50) if name == "from L" else (0.02, 1000)
    job = {"system": description, "method": "rk4", "h": h, "steps": steps, "states": [start]}
    [[path]] = run({"task": "trajectory", **job})
    times = [k * h for k in range(steps + 1)]
    expected = integrate(system.field, torch.tensor(start, dtype=torch.float64), times, "rk4")
    assert len(path) == steps + 1
    off = (path - expected).abs().max().item()
    print(f"{name}: off by {off:.1e} after {steps * h:g} s")
    assert off < 1e-4
    if name == "angle":
        assert path[-1, 0].abs() > 2 * math.pi
    if not any(description["beside"]):
        [energy] = run({"task": "hamiltonian", "system": description, "states": path.tolist()})
        assert (energy - energy[0]).abs().max() < 1e-6 * (1 + energy[0].abs())


def test_a_separable_energy_is_separable_to_the_last_bit_and_another_says_why_not(run):
    split = {name: encoded(name)["coupled"] for name in OWN}
    assert split == {
        "double well": "",
        "magnetic": "q̇ depends on q",
        "angle": "",
        "damped": "ṗ depends on p",
        "from L": "q̇ depends on q",
        "by its samples": "",
    }
    system = OWN["double well"][0]
    description = encoded("double well")
    x = inside(description, 50, seed=9)
    moved = torch.stack([x[:, 0].roll(1), x[:, 1]], dim=-1)
    jobs = [{"task": "field", "system": description, "states": y.tolist()} for y in (x, moved)]
    here, there = run(*jobs)
    assert torch.equal(here[:, 0], there[:, 0])
    assert torch.equal(here[:, 1], there[:, 1].roll(-1))
    job = {"task": "step", "system": description, "method": "leapfrog", "h": 0.05}
    x = inside(description, 50, seed=9, share=0.5)
    [stepped] = run({**job, "states": x.tolist()})
    expected = integrate(system.field, x, [0.0, 0.05], "leapfrog")[-1]
    assert (stepped - expected).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["double well", "magnetic", "from L"])
def test_momenta_and_velocities_belong_to_each_other(run, name):
    system = OWN[name][0]
    description = encoded(name)
    x = inside(description, 40, seed=1, share=0.9)
    [velocities] = run({"task": "velocities", "system": description, "states": x.tolist()})
    assert (velocities - system.velocities(x).detach()).abs().max() < 1e-4
    job = {"task": "momenta", "system": description, "states": velocities.tolist()}
    [momenta] = run(job)
    assert (momenta - x).abs().max() < 1e-9


# --- the edge ------------------------------------------------------------------------------------


def test_beyond_the_edge_there_is_no_number(run):
    description = encoded("double well")
    for state in ([2.2, 0], [-1.9, 0], [0, 3], [0, -3.3], [1e300, 0], [0, -1e300]):
        for task in ("hamiltonian", "field"):
            job = {"task": task, "system": description, "states": [state]}
            [answer] = run.raw(job)
            assert answer == {"error": "left the table"}, (state, task)
    # An angle has no edge.
    turning = encoded("angle")
    x = inside(turning, 30, seed=4)
    turned = x + torch.tensor([6 * math.pi, 0], dtype=torch.float64)
    jobs = [{"task": "field", "system": turning, "states": y.tolist()} for y in (x, turned)]
    here, there = run(*jobs)
    assert (here - there).abs().max() < 1e-9


def test_the_plane_of_the_samples_holds_their_motions():
    @dataclass(frozen=True)
    class Own(DoubleWell):
        def sample(self, count, seed):
            q = torch.linspace(-1.4, 1.1, count, dtype=torch.float64)
            return torch.stack([q, torch.zeros_like(q)], dim=-1)  # all of them at rest

    description = encode_own_system(Own())
    (q_low, q_high), (p_low, p_high) = description["plane"]
    starts = Own().sample(20, 0)
    paths = integrate(Own().field, starts, torch.linspace(0, 20, 801), "rk4")
    assert q_low < paths[..., 0].min() < paths[..., 0].max() < q_high
    assert p_low < paths[..., 1].min() < paths[..., 1].max() < p_high
    # And is not much larger than that needs.
    assert q_high - q_low < 2 * (paths[..., 0].max() - paths[..., 0].min())
    assert p_high - p_low < 2 * (paths[..., 1].max() - paths[..., 1].min())


# --- what cannot be sent, and why ----------------------------------------------------------------


class Corner(System):
    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        return p**2 / 2 + q.abs()


class Narrow(System):
    """A bump between any nodes of a coarse mesh."""

    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        return p**2 / 2 + q**2 / 2 + torch.exp(-(((q - 0.313) / 0.01) ** 2))


class Pole(System):
    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        return p**2 / 2 - 1 / q


class Root(System):
    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        return p**2 / 2 + torch.sqrt(q - 0.5)


class Flat(System):
    """What is no tensor, and one of another shape."""

    def __init__(self, value):
        object.__setattr__(self, "value", value)

    def hamiltonian(self, x):
        return self.value if self.value is not None else x[..., :1] ** 2


class Branch(System):
    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        return p**2 if q > 0 else q**2


class Driven(DoubleWell):
    def field(self, t, x):
        return super().field(x) * t


class NoEnergy(System):
    def field(self, x):
        return -x


class Jump(Pendulum):
    """In rad, but not the same after a turn."""

    def hamiltonian(self, x):
        q, p = x.unbind(-1)
        return p**2 / 2 + 0.1 * q**2

    lagrangian = System.lagrangian
    field = System.field


@pytest.mark.parametrize(
    "system, plane, says",
    [
        (Corner(), PLANE, r"misses the field of the corner by .* near \[q, p\] = .*corner, a step"),
        (Narrow(), PLANE, r"misses the field of the narrow by .* near \[q, p\] = \[0.3"),
        (Pole(), PLANE, r"(H of|misses the field of) the pole"),
        (Root(), PLANE, r"H of the root or its slope is not finite at \[q, p\]"),
        (Jump(), ((0, 1), (-3, 3)), "is an angle .* not the same at q = −π and q = π"),
        (
            Branch(),
            PLANE,
            "the hamiltonian of Branch fails for .* states of the plane at once.*Bool",
        ),
        (Flat(None), PLANE, r"the hamiltonian of Flat returned shape \(20000, 1\)"),
        (DoubleWell(), ((2, 1), (0, 1)), "plane = .* the smaller one first"),
        (DoubleWell(), ((0, math.inf), (0, 1)), "plane = .* finite"),
    ],
)
def test_a_formula_that_no_table_follows_is_told_where(system, plane, says):
    with pytest.raises(ValueError, match=says):
        PhaseLab(system, plane=plane)


@pytest.mark.parametrize(
    "system, plane, says",
    [
        (
            TwoBody(),
            None,
            "TwoBody of 4 degrees of freedom; this lab knows MassSpring, .*phase_portrait",
        ),
        (Driven(), PLANE, "Driven, whose field takes t, x; a table has no time.*trajectory_plot"),
        (Flat(3.0), PLANE, "the hamiltonian of Flat returned 3.0"),
        (NoEnergy(), PLANE, "NoEnergy without an energy; .*State hamiltonian"),
        (DoubleWell(), None, r"DoubleWell has no sample\(self, count, seed\).*pass plane="),
        (DoubleWell(), 2.0, r"plane is 2.0; expected \(\(q_min, q_max\)"),
        (DoubleWell(), ((0, 1), (0, "x")), "plane = .x."),
        ("pendulum", None, "this lab knows MassSpring"),
    ],
)
def test_a_system_that_cannot_be_sent_is_told_why_and_what_instead(system, plane, says):
    for make in (PhaseLab, lambda system, **given: LearnedLab(system, {}, **given)):
        with pytest.raises(TypeError, match=says):
            make(system, plane=plane)


def test_what_a_table_has_not_is_refused():
    lab = PhaseLab(DoubleWell(), plane=PLANE)
    assert lab.parameters == {}
    assert lab.system == DoubleWell()
    with pytest.raises(ValueError, match="this lab runs from a table; make another lab"):
        lab.parameters = {"quartic": 2.0}
    for start in ([2.2, 0.0], [0.0, -3.3]):
        with pytest.raises(ValueError, match=r"outside of the table of the double well"):
            lab.state = start
        with pytest.raises(ValueError, match=r"outside of the table"):
            LearnedLab(DoubleWell(), {}, start=start, plane=PLANE)
    with pytest.raises(ValueError, match="the page holds the formula of MassSpring"):
        PhaseLab(MassSpring(), plane=PLANE)
    # The methods that split are offered where the table can be split, and nowhere else.
    assert LearnedLab(DoubleWell(), {}, method="leapfrog", plane=PLANE).method == "leapfrog"
    with pytest.raises(ValueError, match="needs a separable H .* 'truth' q̇ depends on q"):
        LearnedLab(Magnetic(), {}, method="leapfrog", plane=PLANE)


def test_constants_of_any_kind_are_named():
    @dataclass(frozen=True)
    class Own(DoubleWell):
        weights: tuple = (1.0, 2.5)
        name_of_it: str = "well"
        learned: torch.Tensor | None = None

    own = Own(learned=torch.tensor(0.25, requires_grad=True))
    says = PhaseLab(own, plane=PLANE)._system["says"]
    assert "weights = 1, 2.5, name_of_it = well, learned = 0.25)" in says


def test_its_picture_ends_where_the_table_ends():
    lab = PhaseLab(Projectile(mass=0.4), start=[0.0, 1.0], plane=((-0.5, 1.0), (-2.0, 2.0)))
    assert "projectile: the motion from" in lab._picture_alt
    assert len(lab._picture) > 5000


# --- in the page ---------------------------------------------------------------------------------


def own_lab(**options):
    return PhaseLab(DoubleWell(), **{"start": (1.2, 0.0), "plane": PLANE, **options})


@pytest.fixture
def open_lab(browser, tmp_path):
    with lab_opener(browser, tmp_path, own_lab) as opener:
        yield opener


def status(page):
    return page.locator(".hnn-status")


def test_it_runs_is_dragged_and_says_what_it_runs_from(open_lab):
    page = open_lab()
    expect(status(page)).to_contain_text("From q = 1.20, p = 0.00: energy −0.63. The cloud")
    expect(status(page)).to_contain_text("which the flow keeps")
    expect(page.locator(".hnn-clock")).not_to_have_text("t = 0.0 s")
    stop(page)
    drag(page, page.locator(".hnn-handle-start"), -60, -40)
    q, p = start_of(page)
    assert q < 1.0
    assert p > 0.3
    energy = DoubleWell().hamiltonian(torch.tensor([q, p], dtype=torch.float64)).item()
    shown = page.locator(".hnn-table tbody tr").filter(has_text="energy").locator("td").first
    assert float(shown.inner_text().replace("−", "-")) == pytest.approx(energy, abs=0.02)
    drag(page, page.locator(".hnn-handle-body"), -30, 0)
    assert start_of(page)[1] == 0
    # Past the edge it stays inside of the table.
    drag(page, page.locator(".hnn-handle-start"), 2000, -2000)
    assert start_of(page) == pytest.approx([2.1, 2.9], abs=0.01)
    expect(page.locator(".hnn-message")).to_be_hidden()
    page.locator(".hnn-opener").click()
    said = page.locator(".hnn-more .hnn-constants")
    expect(said).to_contain_text("runs from a table of its H")
    expect(said).to_contain_text("(m = 0.8 kg, quartic = 0.6, quadratic = 1.3)")
    expect(page.locator(".hnn-range:visible")).to_have_count(1)  # that of the cloud
    assert axe_findings(page) == []


def test_at_the_edge_of_the_table_it_stops_and_says_so(open_lab):
    lab = PhaseLab(Projectile(mass=0.4), start=(0.5, 0.4), cloud=0, plane=((-1, 1), (-3, 3)))
    page = open_lab(lab)
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    expect(status(page)).to_contain_text("the motion left the table: what comes then is not known")
    q = float(rows(page)[0].split("\t")[1].replace("−", "-"))
    assert -1 <= q < -0.9
    seconds = float(page.locator(".hnn-clock").inner_text().split()[2])
    # The formula comes to q = −1 then.
    assert seconds == pytest.approx((0.4 / 0.4 + math.sqrt(1 + 2 * 9.81 * 1.5)) / 9.81, abs=0.1)
    page.locator(".hnn-primary").click()
    expect(page.locator(".hnn-primary")).to_have_text("Pause")


def rows(page):
    return page.locator(".hnn-table tbody tr:visible").all_inner_texts()


def test_a_cloud_that_leaves_the_table_has_no_area(open_lab):
    lab = PhaseLab(Projectile(), start=(-0.7, 0.0), cloud=0.2, plane=((-1, 1), (-2, 2)))
    page = open_lab(lab)
    expect(status(page)).to_contain_text("left the table")
    expect(page.locator(".hnn-primary")).to_have_text("Replay")
    assert rows(page)[-1].split("\t")[1:] == ["left", "–"]


def test_truth_and_networks_of_an_own_system_stand_side_by_side(open_lab):
    models = {"HNN": HNN(1, (6,), seed=0), "LNN": LNN(1, (6,), seed=1), "MLP": MLP(1, (6,), seed=2)}
    region = (-0.6, 1.0)  # H of a double well may be negative
    lab = LearnedLab(DoubleWell(), models, (1.2, 0.0), horizon=2.0, region=region, plane=PLANE)
    page = open_lab(lab)
    expect(page.locator(".hnn-primary")).to_have_text("Replay", timeout=60_000)
    texts = [row.replace("\u00a0", " ").split("\t") for row in rows(page)]
    assert [row[0].strip() for row in texts] == ["truth", "HNN", "LNN", "MLP", "integrator alone"]
    assert texts[-1][1:] == ["0.000 %", "0.000"]
    expect(page.get_by_label("integrator").locator("option:disabled")).to_have_count(3)
    expect(status(page)).to_contain_text("within 2 s the energy is off by at most")
    stopped = LearnedLab(Projectile(), {"HNN": models["HNN"]}, (0, 0), plane=((-1, 1), (-9, 9)))
    page = open_lab(stopped)
    expect(page.locator(".hnn-table")).to_contain_text("left the table", timeout=60_000)


@pytest.mark.parametrize("name", ["angle", "damped"])
def test_an_angle_and_friction(open_lab, name):
    system, plane = OWN[name]
    page = open_lab(PhaseLab(system, start=(1.0, 0.5), plane=plane), width=390, height=844)
    says = "which friction shrinks" if name == "damped" else "which the flow keeps"
    expect(status(page)).to_contain_text(says)
    task = "shrink to a half" if name == "damped" else "then backwards"
    expect(page.locator(".hnn-task")).to_contain_text(task)
    assert_it_fits(page, 1)


@pytest.mark.parametrize(
    "spoiled, message",
    [
        ({"state": [9.0, 0.0]}, "the start [9, 0] is outside of the table of the double well"),
        (
            {"_system": {**encode_own_system(DoubleWell(), PLANE), "cells": [9, 9]}},
            "the table needs",
        ),
    ],
)
def test_a_bad_table_is_a_message(open_lab, spoiled, message):
    page = open_lab(markup=spoil(**spoiled))
    expect(page.locator(".hnn-message")).to_contain_text(message)
