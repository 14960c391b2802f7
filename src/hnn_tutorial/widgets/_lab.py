"""What labs share on the Python side: style sheet, saved picture, a start that is a tensor."""

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import check_finite, describe
from hnn_tutorial.integrators.implicit import UnsettledStepError, fixed_point_only
from hnn_tutorial.systems import System
from hnn_tutorial.widgets._bundle import styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    # Not when it runs: in the traitlets of Colab, 5.7, traits take no parameters.
    _State = traitlets.TraitType[Tensor, Tensor | Sequence[float]]
else:
    _State = traitlets.TraitType


FASTEST = 100

LETTERS = {
    "mass": "m",
    "cart_mass": "M",
    "pole_mass": "m",
    "mass1": "m₁",
    "mass2": "m₂",
    "mass3": "m₃",
    "masses": "m",
    "length": "l",
    "length1": "l₁",
    "length2": "l₂",
    "gravity": "g",
    "stiffness": "k",
    "damping": "c",
    "gravitational_constant": "G",
    "coupling": "λ",
    "links": "N",
    "lengths": "l",
    "rod_masses": "μ",
}
"""The letter of each parameter of a system, as its class names it."""


class StateTrait(_State):
    """A trait that holds one state, a float64 tensor ``(2n,)``, and travels as a list."""

    info_text = "a state [q, p]: a tensor or a sequence of numbers"

    def validate(self, lab: Any, value: Tensor | Sequence[float]) -> Tensor:
        """Return the value as a tensor of its own, or say what is wrong with it."""
        try:
            state = torch.as_tensor(value, dtype=torch.float64).detach().cpu().clone()
        except (TypeError, ValueError, RuntimeError):
            self.error(lab, value)
        size = 2 * lab.system.degrees
        if state.shape != (size,):
            raise ValueError(
                f"state has shape {tuple(state.shape)}; the {lab.system.title} needs one state "
                f"[q, p], shape ({size},)"
            )
        check_finite(state)
        return state

    def set(self, lab: Any, value: Any) -> None:
        """Set the trait; observers hear of it only when the numbers change."""
        state = self._validate(lab, value)
        assert state is not None, "no state trait allows None"
        old = lab._trait_values.get(self.name)
        if old is None or not torch.equal(old, state):
            lab._trait_values[self.name] = state
            lab._notify_trait(self.name, old, state)


class Lab(anywidget.AnyWidget):
    """A live lab of one physical system.

    A lab draws itself once in Python too, see `draw_picture`: where its module cannot run, and on
    paper, that picture stands in its place.

    Attributes:
        task: name of the task that the lab sets its reader, one of ``TASKS``; empty for the lab's
            own first one, "none" for none; two-way.
        speed: seconds of the motion that pass in one second, two-way.
    """

    _css = styles("lab.css")

    TASKS: ClassVar[tuple[str, ...]] = ()
    """Names of the tasks that a lab can set; its script holds their words."""

    task = traitlets.Unicode("").tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)
    _heights = traitlets.List(traitlets.Int()).tag(sync=True)
    _constants = traitlets.Unicode().tag(sync=True)

    _picture = traitlets.Unicode().tag(sync=True)
    _picture_alt = traitlets.Unicode().tag(sync=True)
    _system = traitlets.Dict().tag(sync=True)
    state = StateTrait(help="where the motions start, [q, p]; follows the reader's hand").tag(
        sync=True, to_json=lambda state, lab: state.tolist(), from_json=lambda value, lab: value
    )

    def draw_picture(self, figure: "Figure") -> str:
        """Draw the lab as it starts on a figure of 8 by 3.6 inches; return its alternative text.

        A lab that overrides this draws with `hnn_tutorial.plotting`, whose style is set. An empty
        text stands for no picture.
        """
        return ""

    def _card_heights(self) -> tuple[int, int] | None:
        """Return the height of the lab's card in pixels: in a column below 620 px, and above.

        The page keeps this room free before the lab has started. None: it is not known.
        """
        return None

    @traitlets.default("_heights")
    def _default_heights(self) -> list[int]:
        return list(self._card_heights() or ())

    @traitlets.default("_constants")
    def _default_constants(self) -> str:
        """What the picture depends on and no control changes, such as "m = 1 kg, l = 1 m"."""
        if self._system.get("table"):  # its own text says them
            return ""
        # A recording has no system of which they are known.
        parameters = self.system.parameters if hasattr(self, "system") else ()
        return ", ".join(
            f"{LETTERS[p.name]} = {_as_text(p.value)} {p.unit}".removesuffix(" 1")
            for p in parameters
        )

    @traitlets.validate("state")
    def _check_start(self, proposal: dict[str, Any]) -> Tensor:
        """Raise unless a system that runs from a table starts inside of it."""
        state, angles = proposal["value"], self._system.get("angles", ())
        for i, (low, high) in enumerate(self._system.get("plane", ())):
            if i not in angles and not low <= state[i] <= high:
                raise ValueError(
                    f"the start {state.tolist()} is outside of the table of the "
                    f"{self._system['title']}, where {'qp'[i]} is from {low:.4g} to {high:.4g}; "
                    "pass a larger plane=((q_min, q_max), (p_min, p_max))"
                )
        return state

    @traitlets.validate("task")
    def _check_task(self, proposal: dict[str, Any]) -> str:
        if proposal["value"] not in ("", "none", *self.TASKS):
            raise ValueError(
                f"unknown task {proposal['value']!r}; the tasks of a {type(self).__name__} are "
                f"{', '.join(self.TASKS) or 'none'}"
            )
        return proposal["value"]

    @traitlets.validate("speed")
    def _check_speed(self, proposal: dict[str, Any]) -> float:
        if not 0 < proposal["value"] <= FASTEST:
            raise ValueError(f"speed = {proposal['value']}; it is above 0 and at most {FASTEST}")
        return proposal["value"]

    # Made when the widget's state is first collected, after the constructor has set the traits.
    @traitlets.default("_picture")
    def _default_picture(self) -> str:
        return self._drawn()[0]

    @traitlets.default("_picture_alt")
    def _default_picture_alt(self) -> str:
        return self._drawn()[1]

    def _drawn(self) -> tuple[str, str]:
        """Return the picture as SVG text, and its alternative text."""
        if not hasattr(self, "_drawing"):
            try:
                with fixed_point_only():  # as the page solves implicit steps
                    self._drawing = svg_picture(self.draw_picture)
            except UnsettledStepError:
                # The lab itself says so, of the motion that it concerns.
                self._drawing = "", ""
        return self._drawing


def _as_text(value: Any) -> str:
    """Return a parameter's digits; of several, one by one unless all are the same."""
    values = [f"{each:.6g}" for each in torch.as_tensor(value, dtype=torch.float64).reshape(-1)]
    return values[0] if len(set(values)) == 1 else ", ".join(values)


def svg_picture(draw: Callable[["Figure"], str]) -> tuple[str, str]:
    """Draw on a figure in the course's style.

    Args:
        draw: draws on a figure, and returns the alternative text, or nothing for no picture.

    Returns:
        SVG text, the same for the same drawing, and the alternative text.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from hnn_tutorial.plotting import use_style

    with mpl.rc_context():
        use_style()
        # Letters as text, four digits, no line breaks: a quarter of the size.
        mpl.rcParams.update({"svg.hashsalt": "hnn_tutorial", "svg.fonttype": "none"})
        figure = Figure(figsize=(8.0, 3.6), layout="constrained")
        alt = draw(figure)
        if not alt:
            return "", ""
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", text.getvalue(), flags=re.DOTALL)
    svg = re.sub(r"\d+\.\d{2,}", lambda number: f"{float(number[0]):.4g}", svg)
    return re.sub(r"\s+", " ", svg[svg.index("<svg") :]).replace("> <", "><"), alt


def wrap_angles(system: System, states: Tensor) -> Tensor:
    """Return motions ``(T, ..., 2n)`` with every angle in [−π, π), and NaN where one jumps there.

    So a plot lifts its pen where the plane is cut.
    """
    shown = states.clone()
    for i in system.angles:
        shown[..., i] = (states[..., i] + math.pi) % (2 * math.pi) - math.pi
        jumps = shown[1:, ..., i].sub(shown[:-1, ..., i]).abs() > math.pi
        shown[1:, ..., i] = shown[1:, ..., i].masked_fill(jumps, math.nan)
    return shown


def first_start(system: System, start: Sequence[float] | Tensor | None) -> Sequence[float] | Tensor:
    """Return a start, or for None that with the first position at 1 and the rest at 0."""
    return [1.0] + [0.0] * (2 * system.degrees - 1) if start is None else start


def start_in(description: Mapping[str, Any], system: System, start: Any) -> Any:
    """Return a start, or for None that of `first_start`; in a table, half way to its edge."""
    if start is not None or "plane" not in description:
        return first_start(system, start)
    (q_low, q_high), (p_low, p_high) = description["plane"]
    return [round(q_low + 0.75 * (q_high - q_low), 4), (p_low + p_high) / 2]


def until_it_leaves(states: Tensor, description: Mapping[str, Any]) -> Tensor:
    """Return a motion ``(T, 2)`` with NaN from where it leaves the table of its system."""
    outside = torch.zeros(len(states), dtype=torch.bool)
    for i, (low, high) in enumerate(description.get("plane", ())):
        if i not in description["angles"]:
            outside |= ~((states[:, i] >= low) & (states[:, i] <= high))
    return states.masked_fill(outside.cumsum(0).bool()[:, None], math.nan)


def draw_motions(
    figure: "Figure",
    system: System,
    times: Tensor,
    motions: Mapping[str, Tensor],
    labels: Mapping[str, str] | None = None,
    plane: Sequence[Sequence[float]] | None = None,
) -> None:
    """Draw motions in the phase plane, and their energies.

    Args:
        figure: where to.
        system: with more than one degree of freedom, the plane is that of the first.
        times: ``(T,)``, in s.
        motions: role -> states ``(T, 2n)``.
        labels: role -> text of the legend.
        plane: what is shown, ``((q_min, q_max), (p_min, p_max))``; by default what the truth needs.
    """
    from hnn_tutorial.plotting import energy_plot, phase_portrait

    pair = [0, system.degrees]
    start = motions["truth"][0]

    def field(x: Tensor) -> Tensor:
        full = start.expand(*x.shape[:-1], -1).clone()
        full[..., pair] = x
        return system.field(full)[..., pair]

    left, right = figure.subplots(1, 2)
    orbits = {role: wrap_angles(system, states)[:, pair] for role, states in motions.items()}
    if plane:
        (q_low, q_high), (p_low, p_high) = plane
        extent = (q_low, q_high, p_low, p_high)
    else:
        q, p = (1.5 * float(motions["truth"][:, i].abs().max()) or 1.0 for i in pair)
        q = min(q, math.pi) if system.angles else q
        extent = (-q, q, -p, p)
    phase_portrait(
        field,
        left,
        extent=extent,
        trajectories=orbits,
        arrows=9,
        coordinates=[system.coordinates[i] for i in pair],
        labels=labels,
    )
    energies = {role: _energies(system, states) for role, states in motions.items()}
    energy_plot(times, energies, right, labels=labels)
    # One legend is enough for both.
    right.get_legend().remove()


def _energies(system: System, states: Tensor) -> Tensor:
    """Return H along a motion ``(T, 2n)``; NaN where the motion has ended."""
    known = states.isfinite().all(dim=-1)
    energies = torch.full(states.shape[:1], math.nan, dtype=states.dtype)
    energies[known] = system.hamiltonian(states[known])
    return energies


def as_levels(levels: Any) -> list[float]:
    """Return a sequence of finite numbers as a list, or say what was given."""
    try:
        found = torch.as_tensor(levels, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"levels is {describe(levels)}; expected numbers (knots,)") from None
    if found.ndim != 1 or not found.isfinite().all():
        raise ValueError(f"levels = {describe(levels)}; expected finite numbers (knots,)")
    return found.tolist()
