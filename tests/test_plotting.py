"""The figures: palette and contrast, and what each function puts on its Axes."""

import base64
import itertools
import json
import math
import re
from io import BytesIO
from types import SimpleNamespace

import matplotlib as mpl

mpl.use("agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.quiver import Quiver

from hnn_tutorial import palette, plotting
from hnn_tutorial._svg import to_svg
from hnn_tutorial.evaluation import MeshError, mesh_error
from hnn_tutorial.models import HNN, MLP
from hnn_tutorial.palette import (
    DARK_BACKGROUND,
    LIGHT_BACKGROUND,
    METHOD_KINDS,
    NEUTRAL,
    ROLES,
    contrast,
    relative_luminance,
)
from hnn_tutorial.systems import MassSpring, Pendulum

SPRING = MassSpring(mass=2.0, stiffness=3.0)
TIMES = torch.linspace(0, 10, 51, dtype=torch.float64)
X0 = torch.tensor([[1.0, 0.0], [0.5, -0.5]], dtype=torch.float64)
TRUTH = SPRING.solution(X0, TIMES)
ENERGY = SPRING.hamiltonian(TRUTH)


@pytest.fixture(autouse=True)
def styled():
    with mpl.rc_context():
        plotting.use_style()
        yield
        plt.close("all")


def spring_mesh(model=None, points=41) -> MeshError:
    model = model or (lambda x: SPRING.field(x) * (1 + 1e-3 * x[..., :1] ** 2))
    return mesh_error(model, SPRING.field, 1.0, points)


FIGURES = {
    "phase": lambda: plotting.phase_portrait(
        SPRING, contours=SPRING, trajectories={"truth": TRUTH, "baseline": 0.9 * TRUTH}
    ),
    "streamlines": lambda: plotting.phase_portrait(
        Pendulum(), extent=(-7, 7, -9, 9), streamlines=True
    ),
    "energy": lambda: plotting.energy_plot(TIMES, {"truth": ENERGY, "hnn": ENERGY}),
    "drift": lambda: plotting.energy_drift_plot(TIMES, {"baseline": ENERGY * (1 + TIMES[:, None])}),
    "trajectory": lambda: plotting.trajectory_plot(
        TIMES, {"truth": TRUTH, "lnn": TRUTH}, coordinates=SPRING.coordinates
    ),
    "contours": lambda: plotting.hamiltonian_contours(SPRING, SPRING),
    "surfaces": lambda: plotting.hamiltonian_surfaces(SPRING, SPRING),
    "mesh": lambda: plotting.mesh_error_map(spring_mesh()),
    "mesh surface": lambda: plotting.mesh_error_surface(spring_mesh()),
    "loss": lambda: plotting.loss_plot({"hnn": [1.0, 0.1, 0.01]}),
}


# --- palette -------------------------------------------------------------------------------------


def test_contrast_agrees_with_published_values():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#ff0000", "#ffffff") == pytest.approx(4.00, abs=0.005)
    assert relative_luminance("#ffffff") == pytest.approx(1)


def test_contrast_refuses_what_is_no_colour():
    with pytest.raises(ValueError, match="six hexadecimal digits"):
        contrast("#fff", "#000000")


@pytest.mark.parametrize("name", ROLES | METHOD_KINDS)
def test_every_colour_reads_where_it_is_used(name):
    role = (ROLES | METHOD_KINDS)[name]
    assert contrast(role.light, LIGHT_BACKGROUND) >= 3
    assert contrast(role.dark, DARK_BACKGROUND) >= 3
    assert contrast(role.figure, LIGHT_BACKGROUND) >= 3
    assert contrast(role.figure, DARK_BACKGROUND) >= 3


def test_no_colour_reaches_4_5_on_both_pages_and_the_neutral_grey_is_the_best_there_is():
    assert math.sqrt(contrast(LIGHT_BACKGROUND, DARK_BACKGROUND)) < 4.5

    def worst(grey):
        return min(contrast(grey, LIGHT_BACKGROUND), contrast(grey, DARK_BACKGROUND))

    greys = [f"#{value:02x}{value:02x}{value:02x}" for value in range(256)]
    assert max(greys, key=worst) == NEUTRAL
    assert worst(NEUTRAL) >= 4.3


def test_roles_differ_by_more_than_hue():
    for first, second in itertools.combinations(ROLES.values(), 2):
        if first.marker and second.marker:
            continue  # observations and starts never share a legend entry
        same_dash = (first.dash, first.marker) == (second.dash, second.marker)
        widths = sorted((first.width, second.width))
        assert not same_dash or widths[1] >= 2 * widths[0], (first.label, second.label)


def test_truth_lies_under_every_model_and_is_broad_enough_to_show_beside_it():
    models = [ROLES[name] for name in ("baseline", "hnn", "pairwise", "lnn", "second order")]
    assert all(ROLES["truth"].order < role.order for role in models)
    assert all(ROLES["truth"].width >= 2 * role.width for role in models)
    assert all(contrast(ROLES["truth"].figure, role.figure) > 1 for role in models)


def test_labs_get_the_same_palette():
    data = json.loads(palette.to_json())
    assert data["backgrounds"] == {"light": LIGHT_BACKGROUND, "dark": DARK_BACKGROUND}
    assert data["neutral"] == NEUTRAL
    assert data["roles"]["baseline"] == {
        "label": "baseline",
        "light": ROLES["baseline"].light,
        "dark": ROLES["baseline"].dark,
        "figure": ROLES["baseline"].figure,
        "dash": [6.0, 3.0],
        "width": 1.8,
        "order": 3,
        "marker": "",
    }
    assert list(data["roles"]) == list(ROLES)
    assert {name: kind["dark"] for name, kind in data["methodKinds"].items()} == {
        name: kind.dark for name, kind in METHOD_KINDS.items()
    }


def test_dashes_have_their_lengths_in_points():
    (line,) = plt.plot([0, 1], [0, 1], **plotting.line_style("baseline"))
    # matplotlib keeps the dashes it will draw, scaled to the line's width.
    assert line._dash_pattern[1] == pytest.approx(list(ROLES["baseline"].dash))


# --- all figures ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_no_title_no_background_and_neutral_text(name):
    FIGURES[name]()
    figure = plt.gcf()
    data = BytesIO()
    figure.savefig(data, format="png")
    data.seek(0)
    corner = plt.imread(data)[0, 0]
    assert corner[3] == 0
    assert figure.get_facecolor()[3] == 0  # a notebook saves with this one
    assert figure.get_suptitle() == ""
    for ax in figure.axes:
        assert ax.get_title() == ""
        texts = [ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_yticklabels()]
        if ax.get_legend():
            texts += ax.get_legend().get_texts()
        assert {to_hex(text.get_color()) for text in texts} == {NEUTRAL}


@pytest.mark.parametrize("name", [name for name in FIGURES if name != "surfaces"])
def test_axes_are_labelled_in_lower_case(name):
    made = FIGURES[name]()
    axes = made if isinstance(made, tuple) else (made,)
    assert axes[-1].get_xlabel()
    for ax in axes:
        assert ax.get_ylabel()
        for text in (ax.get_xlabel(), ax.get_ylabel()):
            assert text.split(" (")[0] == text.split(" (")[0].lower()


@pytest.mark.parametrize("name", ["phase", "energy", "drift", "contours", "mesh", "loss"])
def test_a_figure_is_made_once_and_its_svg_is_the_same_every_time(name):
    pictures = []
    for count in (1, 2):
        FIGURES[name]()
        assert len(plt.get_fignums()) == count
        data = BytesIO()
        plt.gcf().savefig(data, format="svg", bbox_inches="tight", metadata={"Date": None})
        pictures.append(data.getvalue())
    assert pictures[0] == pictures[1]


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plotting.phase_portrait(SPRING, ax, trajectories={"hnn": TRUTH}),
        lambda ax: plotting.energy_plot(TIMES, {"truth": ENERGY}, ax),
        lambda ax: plotting.energy_drift_plot(TIMES, {"truth": ENERGY * (1 + TIMES[:, None])}, ax),
        lambda ax: plotting.trajectory_plot(TIMES, {"truth": TRUTH}, ax, components=[1])[0],
        lambda ax: plotting.hamiltonian_contours(SPRING, SPRING, ax),
        lambda ax: plotting.mesh_error_map(spring_mesh(), ax),
        lambda ax: plotting.loss_plot({"hnn": [1.0, 0.5]}, ax),
    ],
)
def test_a_given_axes_is_drawn_on_and_returned(draw):
    _, ax = plt.subplots()
    assert draw(ax) is ax
    assert len(plt.get_fignums()) == 1


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plotting.phase_portrait(SPRING, trajectories={"HNN": TRUTH}),
        lambda: plotting.energy_plot(TIMES, {"HNN": ENERGY}),
        lambda: plotting.trajectory_plot(TIMES, {"HNN": TRUTH}),
        lambda: plotting.hamiltonian_contours(SPRING, SPRING, role="HNN"),
        lambda: plotting.loss_plot({"HNN": [1.0]}),
    ],
)
def test_a_misspelt_role_is_told_the_right_ones(draw):
    with pytest.raises(ValueError, match=r"unknown role 'HNN'; .*truth, baseline, hnn"):
        draw()


def test_a_curve_without_a_role_is_plain_and_goes_by_its_name():
    energies = {"truth": ENERGY, "shadow": ENERGY + 1, "RK4": ENERGY + 2}
    drawn = plotting.energy_plot(TIMES, energies).get_lines()
    lines = [line for line in drawn if line.get_label() != "_"]
    assert [line.get_label() for line in lines] == ["truth", "shadow", "RK4"]
    assert {line.get_color() for line in lines[1:]} == {NEUTRAL}
    looks = {str(plotting.plain_style(k)["linestyle"]) for k in range(5)}
    assert len(looks) == 5
    assert plotting.plain_style(5) == plotting.plain_style(0)
    # The truth is grey and solid too, and told by its breadth.
    assert ROLES["truth"].width >= 2 * plotting.plain_style()["linewidth"]
    named = plotting.energy_plot(TIMES, {"shadow": ENERGY}, labels={"shadow": "its shadow"})
    assert named.get_lines()[0].get_label() == "its shadow"


@pytest.mark.parametrize("name", ["basline", "second_order", "Truth", "", "  "])
def test_a_name_that_may_be_meant_for_a_role_is_refused(name):
    with pytest.raises(ValueError, match="unknown role"):
        plotting.phase_portrait(SPRING, trajectories={name: TRUTH})


# --- each figure ---------------------------------------------------------------------------------


def test_phase_portrait_shows_the_field_along_the_level_lines():
    ax = plotting.phase_portrait(SPRING, extent=(-2, 2, -8, 8), arrows=9)
    (arrows,) = [item for item in ax.collections if isinstance(item, Quiver)]
    states = torch.tensor(arrows.get_offsets(), dtype=torch.float64)
    motion = SPRING.field(states).numpy()
    np.testing.assert_allclose(arrows.U, motion[:, 0])
    np.testing.assert_allclose(arrows.V, motion[:, 1])
    # In the plane's units: else arrows would cross the level lines where the scales differ.
    assert arrows.angles == "xy"
    assert ax.get_xlim() == (-2, 2)
    assert ax.get_ylim() == (-8, 8)
    assert ax.get_xlabel() == "$q$ (m)"
    assert ax.get_ylabel() == "$p$ (kg m/s)"


def test_phase_portrait_draws_every_trajectory_and_its_start_and_names_each_role_once():
    ax = plotting.phase_portrait(SPRING, trajectories={"truth": TRUTH, "hnn": TRUTH})
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["truth", "HNN", "start"]
    curves = [line for line in ax.lines if len(line.get_xdata()) == len(TIMES)]
    assert len(curves) == 4
    np.testing.assert_allclose(curves[1].get_ydata(), TRUTH[:, 1, 1])
    starts = ax.lines[-1]
    assert sorted(starts.get_xdata()) == [0.5, 1.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_phase_portrait_takes_a_model_of_any_precision(dtype):
    model = HNN(1, (8,), seed=0, dtype=dtype)
    ax = plotting.phase_portrait(model, contours=model, coordinates=SPRING.coordinates)
    assert ax.get_xlabel() == "$q$ (m)"
    plotting.phase_portrait(MLP(1, (8,), seed=0, dtype=dtype).field, ax)


def test_phase_portrait_refuses_other_dimensions():
    with pytest.raises(ValueError, match=r"'truth' have shape \(5, 4\); expected \(T, 2\)"):
        plotting.phase_portrait(SPRING, trajectories={"truth": torch.zeros(5, 4)})
    with pytest.raises(ValueError, match="the field returned shape"):
        plotting.phase_portrait(SPRING.hamiltonian)


def test_a_source_without_field_is_an_error_that_says_so():
    with pytest.raises(TypeError, match=r"Linear has no field\(x\)"):
        plotting.phase_portrait(torch.nn.Linear(2, 2))
    with pytest.raises(TypeError, match=r"MLP has no hamiltonian\(x\)"):
        plotting.hamiltonian_contours(MLP(1, (4,), seed=0), SPRING)


def test_energy_plot_does_not_magnify_rounding_errors():
    noisy = ENERGY[:, :1] * (1 + 1e-15 * torch.sin(TIMES)[:, None])
    ax = plotting.energy_plot(TIMES, {"truth": noisy})
    low, high = ax.get_ylim()
    assert high - low == pytest.approx(0.1 * float(noisy.max()))
    assert low < float(noisy.min()) < high
    assert ax.get_ylabel() == "energy (J)"
    assert ax.get_xlabel() == "time (s)"


def test_energy_plot_survives_a_model_that_blows_up():
    blown = torch.cat([ENERGY[:25, 0], torch.full((26,), torch.nan, dtype=torch.float64)])
    ax = plotting.energy_plot(TIMES, {"truth": ENERGY, "baseline": blown})
    assert np.isfinite(ax.get_ylim()).all()


def test_energy_plot_refuses_values_at_other_times():
    with pytest.raises(ValueError, match=r"'truth' has shape \(50, 2\) for 51 times"):
        plotting.energy_plot(TIMES, {"truth": ENERGY[1:]})


def test_energy_drift_is_relative_to_the_start():
    energies = torch.tensor([2.0, 2.2, 1.0])
    ax = plotting.energy_drift_plot([0.0, 1.0, 2.0], {"hnn": energies})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [np.nan, 0.1, 0.5], rtol=1e-6)
    assert ax.get_yscale() == "log"
    with pytest.raises(ValueError, match="starts at 0"):
        plotting.energy_drift_plot([0.0, 1.0], {"hnn": [0.0, 1.0]})


def test_trajectory_plot_draws_each_component_below_the_last():
    axes = plotting.trajectory_plot(TIMES, {"truth": TRUTH}, coordinates=SPRING.coordinates)
    assert [ax.get_ylabel() for ax in axes] == ["$q$ (m)", "$p$ (kg m/s)"]
    assert [ax.get_xlabel() for ax in axes] == ["", "time (s)"]
    np.testing.assert_allclose(axes[1].lines[1].get_ydata(), TRUTH[:, 1, 1])
    assert axes[0].get_legend() is not None
    assert axes[1].get_legend() is None


def test_trajectory_plot_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"expected \(T, d\) or \(T, B, d\) with one d"):
        plotting.trajectory_plot(TIMES, {"truth": TRUTH, "hnn": TRUTH[..., :1]})
    with pytest.raises(ValueError, match="1 Axes for 2 components"):
        plotting.trajectory_plot(TIMES, {"truth": TRUTH}, plt.subplots()[1])


def test_labels_can_be_replaced():
    ax = plotting.energy_plot(TIMES, {"hnn": ENERGY}, labels={"hnn": "HNN, leapfrog"})
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["HNN, leapfrog"]


def test_hamiltonian_contours_leave_the_constant_out():
    ax = plotting.hamiltonian_contours(
        lambda x: SPRING.hamiltonian(x) + 7, SPRING, levels=[1, 2, 4]
    )
    true, learned = ax.collections
    np.testing.assert_allclose(true.levels, learned.levels)
    for first, second in zip(true.get_paths(), learned.get_paths(), strict=True):
        np.testing.assert_allclose(first.vertices, second.vertices, atol=1e-9)


def test_hamiltonian_surfaces_share_one_scale_and_leave_the_constant_out():
    left, right = plotting.hamiltonian_surfaces(lambda x: 1.2 * SPRING.hamiltonian(x) - 4, SPRING)
    assert left.get_zlim() == right.get_zlim()
    # Without the constant the learned surface is 0.2 (H − mean H) away, not 4.
    assert right.get_zlim()[0] > -1
    assert left.get_zlabel() == "true $H$ (J)"
    assert right.get_zlabel() == "learned $H$ (J)"


def test_mesh_error_map_states_the_share_within_each_bound():
    error = spring_mesh()
    ax = plotting.mesh_error_map(error, bounds=(5e-4, 1e-4))
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert texts == [
        rf"within $5\times 10^{{-4}}$: {100 * error.fraction_below(5e-4):.1f} % of the mesh",
        rf"within $10^{{-4}}$: {100 * error.fraction_below(1e-4):.1f} % of the mesh",
    ]
    assert len(ax.collections) == 2
    drawn = ax.images[0].get_array()
    # The origin, where the true field vanishes, has no relative error and no colour.
    assert drawn.mask[20, 20] or np.isnan(drawn[20, 20])
    assert np.isfinite(drawn.filled(np.nan)).sum() == drawn.size - 1


def test_mesh_error_map_puts_each_error_in_its_place():
    axis = torch.tensor([0.0, 1.0, 2.0])
    relative = torch.tensor([[1e-2, 1e-4, 1e-4]] + [[1e-4] * 3] * 2)
    ax = plotting.mesh_error_map(MeshError(axis, axis + 5, relative, relative > 1))
    image = ax.images[0]
    assert image.origin == "lower"
    assert image.get_extent() == [-0.5, 2.5, 4.5, 7.5]
    assert image.get_array()[0, 0] == pytest.approx(1e-2)
    assert ax.get_ylim() == (5, 7)


def test_mesh_error_map_says_100_percent_only_of_the_whole_mesh():
    axis = torch.linspace(-1, 1, 101)
    relative = torch.full((101, 101), 1e-4)
    nothing = torch.zeros_like(relative, dtype=torch.bool)
    whole = plotting.mesh_error_map(MeshError(axis, axis, relative, nothing), bounds=(1e-3,))
    assert "100 % of" in whole.get_legend().get_texts()[0].get_text()
    assert not whole.collections  # the bound has no level line where every error is below it
    relative[3, 4] = 1.0
    almost = plotting.mesh_error_map(MeshError(axis, axis, relative, nothing), bounds=(1e-3,))
    assert "99.9 % of" in almost.get_legend().get_texts()[0].get_text()


def test_mesh_error_map_refuses_bad_bounds_and_empty_maps():
    with pytest.raises(ValueError, match="at most four positive numbers"):
        plotting.mesh_error_map(spring_mesh(), bounds=(1e-3, -1.0))
    with pytest.raises(ValueError, match="no error is positive and finite"):
        plotting.mesh_error_map(mesh_error(SPRING.field, SPRING.field, 1.0, 5))


def test_loss_plot_shows_training_validation_and_floor():
    history = SimpleNamespace(
        loss=[1.0, 0.5, 0.2], validation_steps=[1, 3], validation_loss=[0.6, 0.3]
    )
    ax = plotting.loss_plot({"hnn": history, "baseline": [1.0, 0.9]}, floor=0.1)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["HNN", "HNN, validation", "baseline", "noise floor"]
    assert ax.get_yscale() == "log"
    assert list(ax.lines[1].get_xdata()) == [1, 3]


def test_no_two_integrators_look_alike():
    from hnn_tutorial.integrators import METHODS

    styles = [plotting.method_style(name) for name in METHODS]
    looks = {(s["color"], str(s["linestyle"]), s["marker"]) for s in styles}
    assert len(looks) == len(METHODS)
    assert len({s["label"] for s in styles}) == len(METHODS)
    # The colours of models mean models.
    assert not {s["color"] for s in styles} & {role.figure for role in ROLES.values()}
    with pytest.raises(ValueError, match="leapfrog"):
        plotting.method_style("frog")


def test_mesh_error_surface_is_the_logarithm_of_the_error_with_frames_at_the_bounds():
    error = spring_mesh(points=201)
    ax = plotting.mesh_error_surface(error, bounds=(1e-3, 1e-5), coordinates=SPRING.coordinates)
    heights = [line.get_data_3d()[2] for line in ax.lines]
    assert [set(np.round(level, 6)) for level in heights] == [{-3.0}, {-5.0}]
    low, high = ax.get_zlim()
    finite = error.relative[torch.isfinite(error.relative) & (error.relative > 0)]
    assert low < math.log10(finite.min()) + 0.7
    assert high >= math.log10(finite.max())
    assert ax.get_zticklabels()[0].get_text().startswith("$10^{")
    assert "kg m/s" in ax.get_ylabel()


def test_mesh_error_surface_refuses_bad_bounds_and_empty_meshes():
    with pytest.raises(ValueError, match="at most four positive numbers"):
        plotting.mesh_error_surface(spring_mesh(), bounds=(1e-3, 0.0))
    with pytest.raises(ValueError, match="no error is positive and finite"):
        plotting.mesh_error_surface(mesh_error(SPRING.field, SPRING.field, 1.0, 5))


# --- labels at the lines -------------------------------------------------------------------------


def test_labels_stand_at_the_ends_of_their_lines_in_their_colours():
    fig, ax = plt.subplots(layout="constrained")
    ax.plot([0, 1, 2], [0, 1, 5], **plotting.line_style("hnn"))
    ax.plot([0, 1, 2], [0, 1, 2], **plotting.plain_style(1, "a bent path"))
    ax.plot([0, 1, 2], [0, 0, 0], "k", label="_unnamed")
    ax.legend()
    # A cell may end with it: nothing is shown but the figure.
    assert plotting.label_lines(ax) is None
    hnn, plain = ax.texts
    fig.draw_without_rendering()
    assert ax.get_legend() is None
    assert [hnn.get_text(), plain.get_text()] == ["HNN", "a bent path"]
    assert [hnn.get_color(), plain.get_color()] == [ROLES["hnn"].figure, NEUTRAL]
    for text, height in ((hnn, 5), (plain, 2)):
        box = text.get_window_extent()
        end = ax.transData.transform((2, height))
        assert 0 < box.x0 - end[0] < 20
        assert (box.y0 + box.y1) / 2 == pytest.approx(end[1], abs=3)
        # Constrained layout has left room for it.
        assert box.x1 <= fig.bbox.x1


def test_labels_that_would_collide_are_moved_apart_by_no_more_than_needed():
    fig, ax = plt.subplots(layout="constrained")
    heights = [1.0, 1.01, 1.02, 9.0]
    for k, height in enumerate(heights):
        ax.plot([0, 1], [height, height], label=f"line {k}")
    ax.plot([0, 0.3], [1.0, 1.0], label="short")
    plotting.label_lines(ax)
    *ends, short = ax.texts
    fig.draw_without_rendering()
    boxes = [text.get_window_extent() for text in ends]
    for below, above in itertools.pairwise(boxes):
        assert above.y0 >= below.y1 - 1
    middles = [(box.y0 + box.y1) / 2 for box in boxes]
    wanted = [ax.transData.transform((1, height))[1] for height in heights]
    # The pile of three is centred on what it labels; the others stay where they belong.
    assert np.mean(middles[:3]) == pytest.approx(np.mean(wanted[:3]), abs=2)
    assert middles[3] == pytest.approx(wanted[3], abs=2)
    box = short.get_window_extent()
    assert (box.y0 + box.y1) / 2 == pytest.approx(ax.transData.transform((0, 1))[1], abs=2)


def test_a_line_that_leaves_the_picture_is_labelled_where_it_is_seen_last():
    _, ax = plt.subplots()
    ax.plot(np.linspace(0, 4, 401), np.linspace(0, 4, 401), label="rising")
    ax.set(ylim=(0, 2))
    plotting.label_lines(ax)
    (text,) = ax.texts
    box = text.get_window_extent()
    assert (box.y0 + box.y1) / 2 == pytest.approx(ax.transData.transform((2, 2))[1], abs=4)


# --- as SVG --------------------------------------------------------------------------------------


def boxes_of(text: str) -> list[list[float]]:
    [panels] = re.findall(r'data-hnn-panels="([^"]+)"', text)
    return [list(map(float, box.split())) for box in panels.split("; ")]


def test_the_colours_of_an_svg_are_variables_with_their_usual_values():
    ax = plotting.energy_plot(TIMES, {"truth": ENERGY, "second order": ENERGY[:, 0] + 1})
    plotting.label_lines(ax)
    text = to_svg(ax.figure)
    colour = ROLES["second order"].figure
    assert f"stroke: var(--hnn-fig-second-order, {colour})" in text
    assert f"fill: var(--hnn-text-second-order, {colour})" in text
    assert f"var(--hnn-text-ink, {NEUTRAL})" in text
    # Nothing of the course's colours is left that a page could not set.
    rest = re.sub(r"var\([^)]*\)", "", text).lower()
    assert not any(role.figure.lower() in rest for role in ROLES.values())
    # No rule in it that would hold for a whole page.
    assert "<style" not in text


def test_ids_in_svgs_are_used_and_differ_between_figures():
    first, second = (
        to_svg(plotting.energy_plot(TIMES, {"truth": ENERGY * k}).figure) for k in (1, 2)
    )
    ids = [set(re.findall(r' id="([^"]+)"', text)) for text in (first, second)]
    assert ids[0]
    assert not ids[0] & ids[1]
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', first)) == ids[0]
    again = to_svg(plotting.energy_plot(TIMES, {"truth": ENERGY}).figure)
    assert again == first


def test_panels_side_by_side_are_named_with_their_colour_bars():
    fig, (left, right) = plt.subplots(1, 2, figsize=(10.4, 3.6), layout="constrained")
    plotting.energy_plot(TIMES, {"truth": ENERGY}, left)
    fig.colorbar(right.imshow(np.eye(3)), ax=right)
    text = to_svg(fig)
    first, second = boxes_of(text)
    [width] = re.findall(r'width="([\d.]+)pt"', text)
    assert first[0] < 10
    assert first[0] + first[2] < second[0] + 10
    # The image is square; the box is wider by its colour bar.
    assert second[2] > second[3] + 30
    assert second[0] + second[2] == pytest.approx(float(width), abs=10)
    # One panel, or panels one above the other, stay as they are.
    for shape in ((1, 1), (3, 1)):
        fig, _ = plt.subplots(*shape)
        assert "data-hnn-panels" not in to_svg(fig)
    fig, _ = plt.subplots(2, 3, layout="constrained")
    assert len(boxes_of(to_svg(fig))) == 3


def test_an_image_in_an_svg_has_the_pixels_that_were_drawn_and_fewer_bytes():
    from PIL import Image

    def images(text):
        data = re.findall(r'"data:image/png;base64,([^"]+)"', text)
        return [base64.b64decode(part) for part in data]

    fig, ax = plt.subplots()
    ax.imshow(np.outer(np.arange(30), np.arange(30)) % 41, alpha=0.5)
    drawn = BytesIO()
    fig.savefig(drawn, format="svg", bbox_inches=fig.get_tightbbox().padded(0.05))
    [theirs], [ours] = images(drawn.getvalue().decode()), images(to_svg(fig))
    one, other = (np.asarray(Image.open(BytesIO(part)).convert("RGBA")) for part in (theirs, ours))
    np.testing.assert_array_equal(one, other)
    assert 0 < one[..., 3].min() < 255  # half of it shows through
    assert len(ours) < 0.7 * len(theirs)
    # With more colours than a palette holds it stays as it is.
    fig, ax = plt.subplots()
    ax.imshow(np.random.default_rng(0).random((40, 40, 3)))
    [many] = images(to_svg(fig))
    assert len(np.unique(np.asarray(Image.open(BytesIO(many))).reshape(-1, 4), axis=0)) > 256


def test_the_size_of_the_smallest_letters_is_named():
    fig, ax = plt.subplots()
    ax.set_xlabel("small $x_1$", fontsize=9)
    assert 'data-hnn-letters="9"' in to_svg(fig)
    assert to_svg(plt.figure()) is None


def test_an_svg_is_drawn_as_matplotlib_draws_it():
    """Shortened paths are the same paths: each point is where it was, to a tenth."""
    fig, ax = plt.subplots()
    ax.plot(np.sin(np.arange(40.0)), **plotting.line_style("hnn"))
    whole = BytesIO()
    fig.savefig(whole, format="svg", bbox_inches=fig.get_tightbbox().padded(0.05))

    def numbers(text: str) -> list[list[float]]:
        drawn = re.findall(r' d="([^"]*)"', text)
        return [[float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", path)] for path in drawn]

    before, after = numbers(whole.getvalue().decode()), numbers(to_svg(fig))
    assert [len(path) for path in before] == [len(path) for path in after]
    assert np.abs(np.concatenate(before) - np.concatenate(after)).max() <= 0.0501


def test_figures_are_set_in_the_course_s_own_face(caplog):
    fig, ax = plt.subplots()
    ax.set(
        xlabel="angle $q_1$ (rad), $\\mathcal{L}$ \N{GREEK SMALL LETTER SIGMA}", ylabel="$x^{-2}$"
    )
    fig.draw_without_rendering()
    assert caplog.records == []  # a face that is missing is reported, in every cell that draws
    text = to_svg(fig)
    assert "HNNSans" in text or "HNN Sans" in text
    assert "STIXGeneral" in text


@pytest.mark.parametrize("layout", ["constrained", "tight", None])
def test_a_figure_keeps_its_layout_engine(layout):
    figure, ax = plt.subplots(layout=layout)
    figure.colorbar(ax.imshow([[0.0, 1.0], [2.0, 3.0]]))
    before = figure.get_layout_engine()
    first, second = to_svg(figure), to_svg(figure)
    assert figure.get_layout_engine() is before
    assert len(first) == pytest.approx(len(second), rel=0.02)
    plt.close(figure)
