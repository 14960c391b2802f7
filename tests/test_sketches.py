"""The sketches: every system has one, and one can read it."""

import itertools

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from hnn_tutorial import plotting
from hnn_tutorial.palette import ROLES
from hnn_tutorial.sketches import sketch
from hnn_tutorial.systems import (
    SYSTEMS,
    DrivenPendulum,
    FourBar,
    LinkChain,
    Pendulum,
    SpringChain,
)

# What each sketch names: the device in grey, what moves in a colour.
LETTERS = {
    "mass_spring": ("m k", "q"),
    "damped_mass_spring": ("m k c", "q"),
    "pendulum": ("m l g", "q"),
    "damped_pendulum": ("m l g c", "q"),
    "double_pendulum": ("m_1 m_2 l_1 l_2 g", "q_1 q_2"),
    "two_body": ("m_1 m_2", "q_1 q_2"),
    "three_body": ("m_1 m_2 m_3", "q_1 q_2 q_3"),
    "n_body": ("m_1 m_2 m_3 m_4 m_5", "q_1 q_2 q_3 q_4 q_5"),
    "henon_heiles": ("V", "(x,y)"),
    "relativistic_particle": (r"m k \dotq<c", "q"),
    "spring_chain": ("m k m m", "q_{1} q_{2} q_{3}"),
    "projectile": ("m g", "q"),
    "lotka_volterra": (r"\alpha \beta,\delta \gamma", "x y"),
    "rigid_body": ("I_1 I_2 I_3", "x"),
    "two_link_arm": ("m_1,I_1 m_2,I_2 l_1 l_2 c_1 c_2 g", "q_1 q_2"),
    "cart_pole": ("M m l g u", "q_1 q_2"),
    "pendulum_chain": ("m_{1} m_{2} l_{1} l_{2} g", "q_{1} q_{2}"),
    "link_chain": ("m_{1} m_{2} l_{1} l_{2} g", "(x_{1},y_{1}) (x_{2},y_{2})"),
    "four_bar": ("m_1 m_2 l_1 l_2 l_3 l_4 g", "(x_{1},y_{1}) (x_{2},y_{2})"),
    "driven pendulum": (r"m l g \varepsilon,\omega", "q"),
}
SKETCHED = SYSTEMS | {
    "driven pendulum": DrivenPendulum,
    "link_chain": LinkChain,
    "four_bar": FourBar,
}


@pytest.fixture(autouse=True)
def styled():
    with mpl.rc_context():
        plotting.use_style()
        yield
        plt.close("all")


def letters(ax, colour=None):
    """The letters of a sketch, of one colour or of all others."""
    moving = to_hex(ROLES["highlight"].figure)
    return sorted(
        text.get_text().strip("$").replace(" ", "")
        for text in ax.texts
        if text.get_text() and (to_hex(text.get_color()) == moving) == (colour == "moving")
    )


@pytest.mark.parametrize("name", SKETCHED)
def test_it_names_the_parts_and_what_moves(name):
    ax = sketch(SKETCHED[name]())
    device, moving = LETTERS[name]
    assert letters(ax) == sorted(device.split())
    assert letters(ax, "moving") == sorted(moving.split())


@pytest.mark.parametrize("name", SKETCHED)
def test_its_letters_stand_apart_and_within_the_figure(name):
    ax = sketch(SKETCHED[name]())
    figure = ax.figure
    figure.draw_without_rendering()
    texts = [text for text in ax.texts if text.get_text()]
    boxes = [text.get_window_extent() for text in texts]
    for one, two in itertools.combinations(range(len(boxes)), 2):
        assert not boxes[one].overlaps(boxes[two]), (texts[one], texts[two])
    for text, box in zip(texts, boxes, strict=True):
        assert figure.bbox.contains(box.x0, box.y0), text
        assert figure.bbox.contains(box.x1, box.y1), text


@pytest.mark.parametrize("name", SKETCHED)
def test_every_line_is_of_the_device_or_of_what_moves(name):
    ax = sketch(SKETCHED[name]())
    colours = {to_hex(line.get_color()) for line in ax.lines if line.get_alpha() != 0}
    assert colours <= {to_hex(plotting.NEUTRAL), to_hex(ROLES["highlight"].figure)}
    assert ax.get_aspect() == 1
    assert not ax.axison


def test_it_draws_where_it_is_told():
    ax = plt.figure().add_subplot()
    assert sketch(Pendulum(), ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize("masses, shown", [(1, "q_{1}"), (4, "q_{4}"), (9, "q_{9}")])
def test_a_long_chain_ends_with_its_last_mass(masses, shown):
    ax = sketch(SpringChain(masses=masses))
    assert letters(ax, "moving")[-1] == shown
    assert len(ax.patches) == min(masses, 4)
