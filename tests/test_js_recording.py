"""The recording lab's JavaScript against the package: files, motions, their derivatives, fits."""

import itertools
import math
from pathlib import Path

import browser_tools
import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from hnn_tutorial.integrators import METHODS
from hnn_tutorial.models import DissipativeHNN, parameter_count
from hnn_tutorial.recordings import phone_swing, read_csv, sample_path
from hnn_tutorial.widgets import RecordingLab
from hnn_tutorial.widgets._bundle import bundle

DRIVER = Path(__file__).parent / "js" / "recording.mjs"
EXPORTS = (
    "readTable, guessColumns, takeColumns, writeTable, Swing, fitSwing, RolloutProblem, "
    "forceNamed, firstEnergyWeights"
)
LONGEST_STEP = 0.025  # as in rollout.js
SCALES = (1.3, 4.0)
UNITS, FRICTION_UNITS = 10, 4


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs in the joined module under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "lab.mjs"
    return browser_tools.run_node(
        module, bundle("labs/recording_lab.js", EXPORTS), DRIVER, timeout=200
    )


def value(answer):
    assert "error" not in answer, answer
    return answer["value"]


def ask(run, **job):
    return value(run(job)[0])


# --- motions and their derivatives ---------------------------------------------------------------


def textbook(weights, x):
    q, p = x[..., 0], x[..., 1]
    return torch.stack([p, -weights[0] * torch.sin(q) - weights[1] * p], dim=-1)


def slope(weights, q):
    """V'(q), of V = P² Σ a tanh(w q/Q + b)."""
    a, w, b = weights[: 3 * UNITS].reshape(3, UNITS)
    inner = torch.tanh(w * q[..., None] / SCALES[0] + b)
    return SCALES[1] ** 2 / SCALES[0] * (a * w * (1 - inner**2)).sum(-1)


def friction(weights, p):
    c, d, e = weights[3 * UNITS : 3 * (UNITS + FRICTION_UNITS)].reshape(3, FRICTION_UNITS)
    inner = torch.tanh(d * (p[..., None] / SCALES[1]) ** 2 + e)
    return (weights[3 * (UNITS + FRICTION_UNITS)] + (c * inner).sum(-1)) ** 2


def energy(weights, x):
    q, p = x[..., 0], x[..., 1]
    return torch.stack([p, -slope(weights, q) - friction(weights, p) * p], dim=-1)


LAWS = {"textbook": (textbook, 2), "energy": (energy, 3 * (UNITS + FRICTION_UNITS) + 1)}


def weights_of(run, law):
    """Weights of a law in motion."""
    return [15.0, 0.2] if law == "textbook" else ask(run, task="weights", seed=4)


def rolled(field, weights, start, times):
    """States at some times, by the steps that rollout.js takes."""
    step, states = METHODS["rk4"].step, [start]
    for before, after in itertools.pairwise(times):
        count = max(1, math.ceil((after - before) / LONGEST_STEP - 1e-6))
        state = states[-1]
        for _ in range(count):
            state = step(lambda x: field(weights, x), state, (after - before) / count)
        states.append(state)
    return torch.stack(states)


@pytest.mark.parametrize("law", LAWS)
def test_a_force_and_its_slopes_are_torchs(run, law):
    field, size = LAWS[law]
    weights = torch.tensor(weights_of(run, law), dtype=torch.float64)
    assert len(weights) == size
    states = [[0.7, -1.3], [-1.2, 3.0], [0.1, 0.0], [2.5, 5.0]]
    rows = ask(run, task="force", law=law, scales=SCALES, weights=weights.tolist(), states=states)
    for state, row in zip(states, rows, strict=True):
        x = torch.tensor(state, dtype=torch.float64)
        slopes = torch.autograd.functional.jacobian(lambda w, x: field(w, x)[1], (weights, x))
        expected = [field(weights, x)[1].item(), *slopes[1].tolist(), *slopes[0].tolist()]
        assert row == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("law", LAWS)
def test_friction_only_takes_energy(run, law):
    """At any weights: f(q, p) p ≤ f(q, 0) p, so H = p²/2 + V never rises."""
    states = [[q, p] for q in (-2.0, 0.3, 1.1) for p in (-3.0, 0.0, 0.5, 6.0)]
    drawn = [[15.0, 0.1]]
    if law == "energy":
        drawn = [
            value(answer) for answer in run(*({"task": "weights", "seed": s} for s in range(5)))
        ]
    rates = [state[1] for state in states]
    job = {"task": "force", "law": law, "scales": SCALES}
    at_rest = [[q, 0.0] for q, _ in states]
    forces = run(
        *({**job, "weights": w, "states": each} for w in drawn for each in (states, at_rest))
    )
    assert len(forces) == 2 * len(drawn)
    for moving, still in zip(forces[::2], forces[1::2], strict=True):
        pairs = zip(value(moving), value(still), rates, strict=True)
        powers = [(a[0] - b[0]) * p for a, b, p in pairs]
        assert max(powers) <= 0
        assert min(powers) < 0


def test_the_network_of_the_page_is_a_model_in_python(run):
    """Its field is the force of the page, and its motion the one that the page has fitted."""
    fitted = ask(run, task="fit", law="energy", seed=0, text=sample_path().read_text("utf-8"))
    lab = RecordingLab()
    assert lab.model is None
    lab._network = fitted["network"]
    model = lab.model
    assert isinstance(model, DissipativeHNN)
    scales, rest = fitted["network"][:2], fitted["network"][2]
    size = LAWS["energy"][1]
    assert len(fitted["network"]) == 3 + size == 3 + parameter_count(model)
    states = [[0.7, -1.3], [-1.2, 3.0], [0.1, 0.0], [2.5, 5.0]]
    weights = fitted["weights"][:size]
    rows = ask(run, task="force", law="energy", scales=scales, weights=weights, states=states)
    x = torch.tensor(states, dtype=torch.float64) - torch.tensor([rest, 0.0], dtype=torch.float64)
    expected = [[p, row[0]] for (_, p), row in zip(states, rows, strict=True)]
    assert model.field(x).tolist() == [pytest.approx(row, rel=1e-9) for row in expected]
    assert (model.friction_matrix(x) >= 0).all()
    angle, rate = fitted["weights"][size : size + 2]
    start = torch.tensor([angle - rest, rate], dtype=torch.float64)
    times = torch.tensor(fitted["times"], dtype=torch.float64)[:200]
    path = rolled(lambda _, x: model.field(x), None, start, times.tolist())
    assert path[:, 0].tolist() == pytest.approx(fitted["angles"][:200], abs=1e-6)
    again = model.hamiltonian(path)
    assert (again.diff() < 1e-3 * again.abs().max()).all()


@pytest.mark.parametrize("kind", ["rate", "angle"])
@pytest.mark.parametrize("law", LAWS)
def test_residuals_and_their_derivatives_are_torchs(run, law, kind):
    """One motion with a free start, over uneven times and a gap; then pieces with given starts."""
    field, _ = LAWS[law]
    times = [0.0, 0.02, 0.05, 0.06, 0.16, 0.18, 0.20]
    values = [0.3, -0.2, 0.1, 0.5, -0.4, 0.2, 0.0]
    component = 1 if kind == "rate" else 0
    fitted = torch.tensor([*weights_of(run, law), 0.8, -0.5, 0.05], dtype=torch.float64)

    def residuals(fitted):
        states = rolled(field, fitted[:-3], fitted[-3:-1], times)
        return states[:, component] + fitted[-1] - torch.tensor(values, dtype=torch.float64)

    job = {"task": "residuals", "law": law, "scales": SCALES, "weights": fitted.tolist()}
    job |= {"times": times, "values": values, "kind": kind}
    mine = ask(run, **job, pieces=[{"from": 0, "to": len(times)}])
    expected = residuals(fitted)
    assert mine["residuals"] == pytest.approx(expected.tolist(), rel=1e-9, abs=1e-10)
    assert mine["loss"] == pytest.approx((expected**2).mean().item(), rel=1e-9)
    jacobian = torch.autograd.functional.jacobian(residuals, fitted).reshape(-1)
    assert mine["jacobian"] == pytest.approx(jacobian.tolist(), rel=1e-7, abs=1e-8)

    starts = [[0.4, 0.2], [-0.3, 1.0]]
    pieces = [{"from": 0, "to": 3, "start": starts[0]}, {"from": 3, "to": 7, "start": starts[1]}]
    parts = ask(run, **job, pieces=pieces)
    ends = [
        rolled(field, fitted[:-3], torch.tensor(start, dtype=torch.float64), times[part])
        for start, part in zip(starts, (slice(0, 3), slice(3, 7)), strict=True)
    ]
    known = torch.cat(ends)[:, component] + fitted[-1] - torch.tensor(values, dtype=torch.float64)
    assert parts["residuals"] == pytest.approx(known.tolist(), rel=1e-9, abs=1e-10)
    rows = torch.tensor(parts["jacobian"]).reshape(len(times), -1)
    assert (rows[:, -3:] == 0).all()


# --- fits ----------------------------------------------------------------------------------------


def test_the_formula_finds_the_pendulum_of_a_telephone(run):
    """Five recordings of the same swing: k and c to 1 %, and within four standard errors."""
    for seed in range(5):
        swing = phone_swing(seed)
        k, c = swing.truth.gravity / swing.truth.length, swing.truth.damping
        fit = ask(run, task="fit", law="textbook", text=swing.text)
        off = fit["stiffness"] / k - 1, fit["friction"] / c - 1
        print(f"seed {seed}: k off by {off[0]:+.2%}, c by {off[1]:+.2%}")
        assert max(map(abs, off)) < 0.01
        assert abs(fit["friction"] - c) < 4 * fit["deviations"][1]


def test_the_formula_is_fitted_as_scipy_fits_it(run):
    """The same samples, residuals and unknowns, minimised by another program."""
    mine = ask(run, task="fit", law="textbook", text=sample_path().read_text(encoding="utf-8"))
    times, values = mine["job"]["times"], np.array(mine["job"]["values"])

    def residuals(w):
        fitted = torch.tensor(w)
        return rolled(textbook, fitted[:2], fitted[2:4], times)[:, 1].numpy() + w[4] - values

    # From near: the claim is that no step leads lower from where the lab ends.
    start = np.array(mine["weights"]) * 1.001
    found = least_squares(residuals, start, x_scale=np.abs(start), max_nfev=6)
    assert mine["weights"] == pytest.approx(found.x.tolist(), rel=2e-4, abs=2e-5)
    J = found.jac
    spread = np.sqrt(np.diag(np.linalg.inv(J.T @ J)) * 2 * found.cost / (len(values) - 5))
    assert mine["deviations"] == pytest.approx(spread.tolist(), rel=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_the_network_forecasts_the_last_fifth(run, seed):
    """Its error is near the noise of the sensor, 0.03 rad/s; the swing there is 2 rad/s."""
    swing = phone_swing(seed)
    fit = ask(run, task="fit", law="energy", text=swing.text, seed=seed)
    truth = swing.motion.states[:, 0, 0]
    angles = torch.tensor(fit["angles"]) * torch.sign(truth[0])
    off = (angles - truth).abs().max().item()
    print(f"seed {seed}: rate off by {fit['error']:.4f} rad/s, angle by {off:.3f} rad")
    assert fit["error"] < 0.06
    assert off < 0.1


def test_angles_are_fitted_too(run):
    """A column of degrees about an angle of rest that is not zero."""
    swing = phone_swing(0)
    noise = torch.randn(len(swing.motion.times), generator=torch.Generator().manual_seed(1))
    degrees = torch.rad2deg(swing.motion.states[:, 0, 0]) + 7.0 + 0.3 * noise
    rows = (
        f"{t:.4f};{a:.3f}".replace(".", ",")
        for t, a in zip(swing.motion.times, degrees, strict=True)
    )
    text = "Zeit (s);Winkel (°)\n" + "\n".join(rows)
    fit = ask(run, task="fit", law="textbook", text=text)
    assert fit["stiffness"] == pytest.approx(9.81 / 0.6, rel=0.01)
    assert fit["friction"] == pytest.approx(0.06, rel=0.03)
    assert math.degrees(fit["weights"][-1]) == pytest.approx(7.0, abs=0.1)


def test_the_angle_before_a_fit_is_the_true_one(run):
    """Integrated over the gap, without the offset of the sensor."""
    swing = phone_swing(2)
    found = ask(run, task="swing", text=swing.text)
    truth = swing.motion.states[:, 0, 0]
    assert (torch.tensor(found["angles"]) - truth).abs().max().item() < 0.15
    assert found["offset"] == pytest.approx(0.05, abs=0.01)


# --- files ---------------------------------------------------------------------------------------

RATES = [0.5, -0.25, 0.125, 1.5]
STAMPS = [0.0, 0.1, 0.2, 0.3]


def lines(delimiter, head, decimal=".", factor=1.0):
    rows = (
        delimiter.join(f"{x:.9f}".replace(".", decimal) for x in (t, factor * v))
        for t, v in zip(STAMPS, RATES, strict=True)
    )
    return "\n".join([*([head] if head else []), *rows])


@pytest.mark.parametrize(
    "text, kind",
    [
        (lines(",", '"Time (s)","Gyroscope y (rad/s)"'), "rate"),
        (lines(";", "Zeit [s];Drehrate (°/s)", ",", 180 / math.pi), "rate"),
        (lines("\t", "t\tomega\n"), "rate"),
        (lines(",", ""), "angle"),
        (lines(",", "t,θ"), "angle"),
        (lines(" ", "# t theta\nt theta"), "angle"),
        ("\ufeff" + lines(",", "time,angle_deg", factor=180 / math.pi), "angle"),
        (lines(",", "time,rate_dps", factor=180 / math.pi).replace("\n", "\r\n"), "rate"),
        ("Exported by a program\n\n" + lines(";", "t;theta", ","), "angle"),
        (lines(",", "t (ms),theta").replace("0.100000000,", "100,"), None),
    ],
)
def test_files_are_read_as_people_write_them(run, text, kind):
    if kind is None:
        text = "t (ms),theta\n" + "\n".join(
            f"{1000 * t:g},{v}" for t, v in zip(STAMPS, RATES, strict=True)
        )
    found = ask(run, task="table", text=text)
    assert found["times"] == pytest.approx(STAMPS)
    assert found["values"] == pytest.approx(RATES, abs=1e-6)
    assert found["kind"] == (kind or "angle")


def test_the_axis_that_turns_most_is_taken_and_gaps_are_left_out(run):
    text = (
        "Time (s),Gyroscope x (rad/s),Gyroscope y (rad/s),Absolute (rad/s)\n"
        "0,0.1,2,9\n0.1,0.2,-2,9\n0.1,0.2,-2,9\n0.2,0.1,,-9\n0.3,0.1,1,9\n"
    )
    found = ask(run, task="table", text=text)
    assert found["columns"] == {"time": 0, "value": 2, "quantity": "rate rad/s"}
    assert found["values"] == [2, -2, 1]
    assert found["left"] == 2


@pytest.mark.parametrize(
    "text, says",
    [
        ("", "row 1: expected a table of times and of angles or rates, found an empty file"),
        ("t,θ", "row 1: expected a table of times and of angles or rates, found a single row"),
        ("hello\nworld\n", "row 1: expected columns separated by a comma"),
        ("t,θ\n0,1\n0.1,abc\n0.2,1\n", "row 3, column 2 (θ): expected a number, found “abc”"),
        ("t,θ\n\n0,1\n0.1,2,3\n0.2,1\n", "row 4: expected 2 columns as in the others, found 3"),
        ("t,θ\n0,1\n0.2,1\n0.1,2\n", "row 4, column 1 (t): expected a time after 0.2, found 0.1"),
        ("t,θ\n0,\n0.1,\n", "expected a column of times and one of angles or rates, found 1"),
    ],
)
def test_a_bad_file_is_told_where_and_what(run, text, says):
    (answer,) = run({"task": "table", "text": text})
    assert says in answer["error"], answer


@pytest.mark.parametrize(
    "rows, says",
    [
        ([(0.1 * k, math.sin(k)) for k in range(20)], "expected at least 60 samples over 2 s"),
        ([(0.05 * k, 0.001 * math.sin(k)) for k in range(100)], "found hardly any motion"),
        ([(0.05 * k, 0.1 * k) for k in range(100)], "expected two swings to and fro"),
    ],
)
def test_what_is_no_swing_is_told_so(run, rows, says):
    text = "\n".join(f"{t:.4f},{v:.6f}" for t, v in rows)
    (answer,) = run({"task": "fit", "law": "textbook", "text": text})
    assert says in answer["error"], answer


def test_what_is_downloaded_is_read_by_the_package(run, tmp_path):
    swing = phone_swing(3)
    found = ask(run, task="table", text=swing.text)
    path = tmp_path / "phone.csv"
    path.write_text(found["written"], encoding="utf-8")
    track = read_csv(path, velocities=[2, 3, 4]).tracks[0]
    assert track.times.tolist() == pytest.approx(found["times"])
    assert track.velocities[:, 0].tolist() == pytest.approx(found["values"])
