"""The recording lab: a swing of one's own, its law fitted and its end forecast in the page."""

from typing import TYPE_CHECKING

import numpy as np
import torch
import traitlets
from torch import Tensor, nn

from hnn_tutorial._validate import as_number, check_type
from hnn_tutorial.mechanics import hamiltonian_field
from hnn_tutorial.models import DissipativeHNN
from hnn_tutorial.models.embedding import Embedding
from hnn_tutorial.recordings import Observations, read_csv, sample_path
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._lab import Lab

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_ROWS = 20_000

LEARNED = 0.8
"""The share of a recording that is learned from, as in ``swing.js``; the rest is forecast."""


class RecordingLab(Lab):
    r"""A swing that the reader records with a phone, or has in a file, from sensor to forecast.

    The page takes a CSV file (times, and rates or angles; exports of phyphox and spreadsheets are
    read as they come), records with the motion sensor of the phone that shows it, or takes the
    sample. It shows angle and rate, and fits two laws to the first four fifths by
    Levenberg–Marquardt on the whole motion, with the start and the offset of the sensor unknown:

    .. math:: \text{formula:} \quad \ddot\theta = -k \sin\theta - c \, \dot\theta, \qquad
              \text{network:} \quad H = \tfrac12 p^2 + V_w(q), \quad \dot q = p, \quad
              \dot p = -V_w'(q) - \kappa_w(p)^2 \, p

    V and κ are small networks, and as :math:`\dot H = -\kappa^2 p^2 \le 0` the energy of the second
    never rises. The momentum p is that of a unit of inertia, so it is the rate in rad/s. Both then
    forecast the last fifth, and what a phone that goes on swinging does next. All of this runs in
    the browser; nothing of a recording is sent anywhere, not to a kernel either.

    Args:
        recording: what `read_csv` gives, in place of the sample; its first trial is shown. None
            shows that of `sample_path`: a simulated phone on strings of 0.6 m.
        task: what the lab asks its reader to do, one of ``TASKS``; empty for the first, "none" for
            nothing.
        speed: seconds of the motion that pass in one second.

    Raises:
        TypeError: for a recording that is no ``Observations``.
        ValueError: for a recording that holds no angle, or more rows than a page can show.

    Attributes:
        sample: what the lab starts with, a tensor ``(T, 1 + n)``: times in s, and the n columns
            that ``columns`` names.
        columns: the names of its columns, with units.
        model: the network that was trained in the page, if a kernel runs; None before.
    """

    _esm = bundle("labs/recording_lab.js")

    TASKS = ("forecast", "own")

    # There is no system whose state a hand could move.
    state = None  # type: ignore[assignment]

    _sample = traitlets.Bytes(b"").tag(sync=True, from_json=lambda value, lab: bytes(value))
    _columns = traitlets.List(traitlets.Unicode()).tag(sync=True)
    _network = traitlets.List(traitlets.Float()).tag(sync=True)
    _given = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        recording: Observations | None = None,
        task: str = "",
        speed: float = 1.0,
    ) -> None:
        check_type((Observations, type(None)), "an Observations of read_csv", recording=recording)
        given = recording is not None
        if recording is None:
            recording = read_csv(sample_path(), velocities=[2, 3, 4])
        names, table = table_of(recording)
        super().__init__(
            _sample=table.numpy().astype("<f8").tobytes(),
            _columns=list(names),
            _given=given,
            task=task,
            speed=as_number("speed", speed),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of `sample`, with units."""
        return tuple(self._columns)

    @property
    def sample(self) -> Tensor:
        """What the lab starts with, ``(T, 1 + n)``: times in s, and what was recorded."""
        table = np.frombuffer(self._sample, "<f8").reshape(-1, len(self._columns))
        return torch.tensor(table)

    @property
    def model(self) -> "SwingNetwork | None":
        """The network that the page has trained last, or None before it has.

        A page without a kernel, as the built book is, trains it all the same, but has no Python
        that could ask for it.
        """
        return SwingNetwork(self._network) if self._network else None

    def _card_heights(self) -> tuple[int, int]:
        return 1370, 925

    def draw_picture(self, figure: "Figure") -> str:
        """Draw what the lab starts with over time, and mark the part that is to be forecast."""
        from hnn_tutorial.plotting import line_style

        table = self.sample
        # The column that moves most, as the page takes it.
        column = 1 + int(table[:, 1:].var(0).argmax())
        times, values = table[:, 0], table[:, column]
        axes = figure.subplots()
        # What was not recorded is not drawn.
        gaps = (times.diff() > 3 * times.diff().median()).nonzero().ravel() + 1
        pieces = (torch.tensor_split(column, gaps) for column in (times, values))
        for t, v in zip(*pieces, strict=True):
            axes.plot(t, v, **line_style("truth"))
        split = float(times[int(LEARNED * len(times))])
        axes.axvspan(split, float(times[-1]), alpha=0.15, color="grey", linewidth=0)
        axes.set_xlabel("time (s)")
        axes.set_ylabel(self.columns[column])
        axes.text(split, axes.get_ylim()[1], " to be forecast", va="top")
        return (
            f"{self.columns[column]} of a swing over {float(times[-1] - times[0]):.3g} s; the last "
            "fifth is shaded: it is what the formula and the network are to forecast"
        )


UNITS, FRICTION_UNITS = 10, 4
"""Units of the networks for V and κ, as in ``rollout.js``."""


class SwingNetwork(DissipativeHNN):
    r"""The network of a `RecordingLab`: a dissipative HNN of a swing with unit inertia.

    .. math:: H = \tfrac12 p^2 + P^2 \sum_i a_i \tanh(w_i q / Q + b_i), \qquad
              \kappa = f + \sum_j c_j \tanh\bigl(d_j (p/P)^2 + e_j\bigr)

    .. math:: \dot q = p, \qquad \dot p = -\partial_q H - \kappa(p)^2 \, p

    Here q is the angle from rest in rad, p the rate in rad/s; Q and P are the largest of both in
    the recording.

    Args:
        numbers: as the page sends them: Q, P, the angle that the network calls rest, and the
            weights a, w, b, c, d, e, f.
    """

    kind = "swing_network"

    def __init__(self, numbers: list[float]) -> None:
        super().__init__(1, (UNITS,))
        angle, rate, rest, *weights = numbers
        self.angle, self.rate = angle, rate
        given = torch.tensor(weights, dtype=torch.float64)
        a, w, b = given[: 3 * UNITS].reshape(3, UNITS)
        # Rates do not say which angle is zero: here it is where the swing rests.
        self.potential = nn.Parameter(torch.stack([a, w, b + w * rest / angle]))
        self.drag = nn.Parameter(given[3 * UNITS : -1].reshape(3, FRICTION_UNITS).clone())
        self.constant = nn.Parameter(given[-1].clone())

    def build(self, generator: torch.Generator, dtype: torch.dtype) -> None:
        """Make the embedding alone, which leaves states as they are."""
        self.embedding = Embedding(2, (), dtype)

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the learned energy per inertia in rad²/s², ``(..., 2) -> (...,)``."""
        self._check(x)
        q, p = x.unbind(-1)
        a, w, b = self.potential
        well = (a * torch.tanh(w * q.unsqueeze(-1) / self.angle + b)).sum(-1)
        return p**2 / 2 + self.rate**2 * well

    def field(self, x: Tensor) -> Tensor:
        """Return ``(J − R) ∇H``, ``(..., 2) -> (..., 2)``."""
        velocity, force = hamiltonian_field(self.hamiltonian)(x).chunk(2, dim=-1)
        K = self._factor(x).squeeze(-1)
        return torch.cat([velocity, force - K**2 * velocity], dim=-1)

    def _factor(self, x: Tensor) -> Tensor:
        c, d, e = self.drag
        share = (x[..., 1:] / self.rate) ** 2
        kappa = self.constant + (c * torch.tanh(d * share + e)).sum(-1)
        return kappa[..., None, None]


def table_of(recording: Observations) -> tuple[tuple[str, ...], Tensor]:
    """Return the columns of a recording's first trial, and their names with units.

    Raises:
        ValueError: if nothing in it is an angle or the rate of one, or it has too many rows.
    """
    if not recording.tracks:
        raise ValueError("the recording has no trial; expected one at least")
    track = recording.tracks[0]
    if len(track) > MAX_ROWS:
        raise ValueError(
            f"the recording has {len(track):,} rows; a page shows at most {MAX_ROWS:,}: "
            "take a part of it, or every tenth row"
        )
    rates = track.velocities if track.positions is None else None
    values = track.positions if rates is None else rates
    unit = "rad" if rates is None else "rad/s"
    chosen = [k for k, found in enumerate(recording.units) if found in ("rad", unit)]
    if not chosen:
        raise ValueError(
            f"the recording has {', '.join(recording.names)} in {', '.join(recording.units)}; the "
            "lab fits a pendulum, so it needs an angle in rad or a rate in rad/s"
        )
    assert values is not None, "a track has positions or velocities"
    names = ("time (s)", *(f"{recording.names[k]} ({unit})" for k in chosen))
    return names, torch.column_stack([track.times, values[:, chosen]]).detach().to(torch.float64)
