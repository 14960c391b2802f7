"""The Lagrangian lab's Python side: ends, paths as tensors, what is refused."""

import pytest
import torch

from hnn_tutorial.mechanics import action
from hnn_tutorial.systems import MassSpring, Pendulum, Projectile
from hnn_tutorial.widgets import LagrangianLab


@pytest.fixture
def lab():
    return LagrangianLab(Projectile(), start=(0.0, 12.0), duration=2.0)


def test_the_true_path_is_the_motion_between_the_ends(lab):
    system = lab.system
    exact = system.solution(torch.tensor([0.0, 12.0], dtype=torch.float64), lab.times)
    torch.testing.assert_close(lab.true_path, exact[:, :1])
    assert lab.times.shape == (121,)
    assert lab.times[-1] == 2.0


def test_the_first_path_is_straight(lab):
    ends = lab.true_path[[0, -1]]
    torch.testing.assert_close(lab.path[[0, -1]], ends)
    assert lab.path.diff(n=2, dim=0).abs().max() < 1e-12
    assert lab.path.shape == lab.bend.shape == (121, 1)


def test_path_and_bend_are_two_sides_of_one_thing(lab):
    heard = []
    lab.observe(lambda change: heard.append(change["new"]), "bend")
    bump = 0.5 * torch.sin(torch.pi * lab.times / 2.0)
    bump[[0, -1]] = 0.0
    lab.path = lab.true_path + bump.unsqueeze(-1)
    torch.testing.assert_close(lab.bend.squeeze(-1), bump)
    lab.path = lab.true_path
    assert lab.bend.abs().max() < 1e-12
    assert len(heard) == 2
    least = action(lab.system.lagrangian, lab.true_path, lab.times)
    assert action(lab.system.lagrangian, lab.true_path + bump.unsqueeze(-1), lab.times) > least


def test_the_bend_follows_a_message_from_the_browser(lab):
    bend = [0.0] * 121
    bend[60] = 0.25
    lab.set_state({"bend": bend, "duration": 1.5})
    assert lab.duration == 1.5
    assert lab.bend[60].item() == 0.25
    assert lab.get_state("bend") == {"bend": bend}
    torch.testing.assert_close(lab.path, lab.true_path + lab.bend)


def test_the_ends_move_with_the_duration(lab):
    before = lab.path[-1].item()
    lab.duration = 1.0
    assert lab.true_path[-1].item() == pytest.approx(12.0 - 9.81 / 2)
    assert lab.path[-1].item() == pytest.approx(12.0 - 9.81 / 2)
    assert before == pytest.approx(24.0 - 9.81 * 2)


def test_beginnings_suit_the_system():
    pendulum = LagrangianLab(Pendulum(length=4.0, gravity=1.0))
    assert pendulum.duration == pytest.approx(0.8 * 2 * torch.pi)
    heavy = LagrangianLab(Projectile(mass=3.0))
    assert heavy.state.tolist() == [0.0, 36.0]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"bend": torch.zeros(120)}, r"bend has shape \(120,\); expected.*\(121, 1\)"),
        ({"bend": torch.ones(121)}, "ends of a path are held"),
        ({"bend": torch.full((121,), float("nan"))}, "bend holds 121 NaN"),
        ({"duration": 0.0}, "duration = 0.0; expected a positive"),
        ({"state": [1.0]}, r"shape \(1,\)"),
        ({"path": torch.zeros(121, 1)}, r"the path's ends are \[0.0, 0.0\]; they are held at \[0"),
    ],
)
def test_what_does_not_fit_is_refused(lab, change, message):
    before = lab.bend.clone()
    [(name, value)] = change.items()
    with pytest.raises(ValueError, match=message):
        setattr(lab, name, value)
    assert torch.equal(lab.bend, before)
    assert lab.duration == 2.0


def test_words_are_no_bend(lab):
    with pytest.raises(Exception, match="expected a bend"):
        lab.bend = "up"


def test_other_systems_and_endless_motions_are_refused():
    with pytest.raises(TypeError, match="MassSpring; this lab knows Pendulum, Projectile"):
        LagrangianLab(MassSpring())
    with pytest.raises(ValueError, match=r"duration = 300.0 s is too long for a path of 120"):
        LagrangianLab(Pendulum(), duration=300.0)


@pytest.mark.parametrize("system", [Pendulum(), Projectile()])
def test_the_saved_picture(system):
    lab = LagrangianLab(system)
    assert lab._picture.startswith("<svg")
    assert len(lab._picture) < 40_000
    assert "flat at the true path" in lab._picture_alt
    assert lab._picture == LagrangianLab(system)._picture
    # Drawn with the first path, which is not the true one.
    assert "1e−1" not in lab._picture
    assert lab.bend.abs().max() > 0.1
