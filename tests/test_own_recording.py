"""`hnn-tutorial fit`: the held-out end is unknown, nothing done is lost, nothing overclaimed."""

import dataclasses
import html
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from test_smooth import NOISE, swing

from hnn_tutorial import cli
from hnn_tutorial.models import MODELS, parameter_count
from hnn_tutorial.own_recording import fit as fitting
from hnn_tutorial.own_recording import fit_recording
from hnn_tutorial.own_recording.candidates import build, default_models, train
from hnn_tutorial.own_recording.report import write_report
from hnn_tutorial.own_recording.rivals import (
    DoublePendulumFormula,
    LinearFormula,
    PendulumFormula,
    Sine,
    has_sindy,
    persistence,
    sindy,
    sindy_in_torch,
    textbook_formula,
)
from hnn_tutorial.own_recording.task import fitted_starts, prepare
from hnn_tutorial.own_recording.verdict import verdict
from hnn_tutorial.recordings import Observations, Track
from hnn_tutorial.systems import DampedPendulum, DoublePendulum
from hnn_tutorial.training import load_model


@pytest.fixture(scope="module")
def recorded():
    return swing(0, 25, gaps=False)[0]


@pytest.fixture(scope="module")
def task(recorded):
    return prepare(recorded)


def truth(task):
    """Return the true field of the swing in the task's units."""
    system = DampedPendulum(1.0, 1.0, damping=0.1)

    def field(x):
        v, a = system.field(task.restored(x)).chunk(2, dim=-1)
        return torch.cat([v * task.seconds, a * task.seconds**2], dim=-1) / task.size

    return field


def test_units_of_order_one_and_back(task, recorded):
    states = task.whole.trials[0].states[:, 0]
    torch.testing.assert_close(task.restored(task.scaled(states)), states)
    data = task.dataset()
    assert 0.2 < data.states.square().mean().sqrt() < 3
    assert torch.equal(data.states[:, 1], data.derivatives[:, 0])
    # The derivatives are those of the true field.
    assert (truth(task)(data.states) - data.derivatives).square().mean().sqrt() < 0.1


def test_nothing_of_the_held_out_end_is_known(recorded, task):
    (track,) = recorded.tracks
    split = int(0.8 * len(track))
    changed = track.positions.clone()
    changed[split:] += torch.linspace(1, 5, len(track) - split).double()[:, None]
    other = prepare(
        dataclasses.replace(recorded, tracks=(dataclasses.replace(track, positions=changed),))
    )
    assert torch.equal(other.dataset().states, task.dataset().states)
    for a, b in zip(other.pieces(4.0)[:2], task.pieces(4.0)[:2], strict=True):
        assert all(torch.equal(a[key], b[key]) for key in a)
    one, same = (t.rollouts(truth(task), t.starts(1))[0] for t in (other, task))
    assert torch.equal(one, same)
    assert persistence(other, other.starts(1)[0])[0] == track.positions[split - 1]
    assert torch.equal(Sine(other)(other, other.starts(1)[0]), Sine(task)(task, task.starts(1)[0]))


def test_the_true_field_forecasts_to_the_noise_and_to_the_end(task):
    starts = task.starts()
    assert len(starts) == 8
    paths = task.rollouts(truth(task), starts)
    for start, path in zip(starts, paths, strict=True):
        assert len(path) == len(start.later[0])
        seen = path[:, :1]
        size = start.later[1].std() * task.size
        assert task.error(start, seen) < 3 * NOISE / size
        left = float(start.later[0][-1] - start.later[0][0]) * task.seconds
        assert task.horizon(start, seen) == pytest.approx(left)
    # Without friction the swing is larger than it should be, and the error says so.
    free = DampedPendulum(1.0, 1.0, damping=1e-9)
    (path,) = task.rollouts(
        lambda x: torch.stack(
            [x[..., 1], free.field(task.restored(x))[..., 1] * task.seconds**2], dim=-1
        ),
        starts[:1],
    )
    assert task.error(starts[0], path[:, :1]) > 3 * task.error(starts[0], paths[0][:, :1])


def test_a_start_is_found_from_what_was_seen_of_it():
    true = torch.tensor([[1.0, 0.3], [-0.5, 0.8]], dtype=torch.float64)
    gaps = torch.full((60, 2), 0.1, dtype=torch.float64)

    def spring(x):
        return torch.stack([x[..., 1], -x[..., 0]], dim=-1)

    clock = torch.arange(61).double() / 10
    seen = true[:, 0] * torch.cos(clock)[:, None] + true[:, 1] * torch.sin(clock)[:, None]
    weights = torch.ones(61, 2, dtype=torch.float64)
    found = fitted_starts(spring, true + 0.4, gaps, seen.unsqueeze(-1), weights, slice(0, 1), 1)
    torch.testing.assert_close(found, true, rtol=0, atol=1e-4)


def test_a_whole_turn_is_no_error():
    times = torch.arange(200).double() / 20
    angle = (4 * times + 0.3 * torch.sin(4 * times))[:, None]
    turning = prepare(Observations(("a",), ("rad",), (0,), (Track("1", times, angle),)))
    (start,) = turning.starts(1)
    assert turning.error(start, start.later[1] + 2 * np.pi) < 1e-9
    assert turning.error(start, start.later[1] + 1.0) > 0.5


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "pairwise_hnn"])
@pytest.mark.parametrize("degrees", [1, 2])
def test_all_models_are_about_equally_large(task, kind, degrees):
    two = dataclasses.replace(
        task,
        observations=dataclasses.replace(
            task.observations, names=("a", "b")[:degrees], angles=(0, 1)[:degrees]
        ),
    )
    # Whole widths allow no more on both sides.
    assert parameter_count(build(kind, two, 0)) == pytest.approx(65 * degrees, rel=0.1)
    assert set(default_models(two)) <= set(MODELS)


def test_a_model_that_cannot_take_these_positions_is_refused_first(task, tmp_path):
    with pytest.raises(ValueError, match="degrees = 1 in dimension = 2; expected bodies"):
        fit_recording(task.observations, tmp_path / "runs", models=["pairwise_hnn"], seeds=1)
    assert not (tmp_path / "runs").exists()


def test_a_formula_finds_its_constants(task):
    formula = textbook_formula(task)
    assert isinstance(formula, PendulumFormula)
    train(formula, task)
    k, rest, friction = formula.constants.tolist()
    assert k / task.seconds**2 == pytest.approx(9.81, rel=0.01)
    assert friction / task.seconds == pytest.approx(0.1, abs=0.02)
    assert abs(rest) < 0.01
    assert formula.constants_in_si(task.size, task.seconds).startswith("k = 9.")


def test_the_double_pendulum_formula_is_lagranges():
    system = DoublePendulum(1.3, 0.7, 0.9, 0.4, gravity=3.0)
    x = system.velocities(system.sample(20, 0, angle=2.0, speed=3.0))
    formula = DoublePendulumFormula()
    with torch.no_grad():
        formula.constants[:3] = torch.tensor([0.7 / 1.3, 0.4 / 0.9, 3.0 / 0.9]).double().log()
        true = system.second_order_field(x)
        torch.testing.assert_close(formula.field(x), true, rtol=1e-5, atol=1e-5)
    # Friction takes energy, in either joint.
    for joint in (3, 4):
        with torch.no_grad():
            formula.constants[3:5] = 0.0
            formula.constants[joint] = 0.1
            rate = formula.field(x) - system.second_order_field(x)
        upper = system.mass_matrix(x)
        power = (x[:, 2:, None] * upper @ rate[:, 2:, None]).sum((1, 2))
        assert (power <= 1e-12).all()


def test_a_gyroscope_is_learned_from_less_its_offset():
    recorded, x, _ = swing(0, 25, gaps=False, seconds=10.0)
    noise = NOISE * torch.randn(len(x), 1, generator=torch.Generator().manual_seed(0)).double()
    track = Track("1", recorded.tracks[0].times, None, x[:, 1:] + 0.2 + noise)
    task = prepare(Observations(("a",), ("rad",), (0,), (track,)))
    assert task.offset.item() == pytest.approx(0.2, abs=0.03)
    # Angle and offset are the same in the pictures of the whole, which are smoothed anew.
    alike, known = task.whole.trials[0].states[:200, 0], task.learned.trials[0].states[:200, 0]
    assert (alike - known)[:180].abs().amax(0).tolist() == pytest.approx([0, 0], abs=0.003)
    starts = task.starts()
    for start, path in zip(starts, task.rollouts(truth(task), starts), strict=True):
        assert task.error(start, path[:, task.visible]) < 0.05
    formula = textbook_formula(task)
    train(formula, task)
    assert formula.constants[0].item() / task.seconds**2 == pytest.approx(9.81, rel=0.02)
    (path,) = task.rollouts(formula.field, starts[:1])
    assert task.error(starts[0], path[:, task.visible]) < 0.05


if has_sindy():  # The lowest versions that the project promises are below what it needs.

    def test_sindy_finds_a_field_that_forecasts(task):
        found, told, terms = sindy(task)
        (path,) = task.rollouts(found, task.starts(1))
        assert task.error(task.starts(1)[0], path[:, :1]) < 0.05
        equations = told.partition(", in units")[0]
        assert equations.startswith("dq0/dt = 1.000 v0; dv0/dt = ")
        assert not re.search(r"\+ -|\(1 |\d 1( |$)", equations)
        # Those below half a thousandth are not written.
        assert 2 < len(re.findall(r"\d\.\d{3}", equations)) <= terms < 28
        # A large threshold would have left the friction out.
        assert float(told.rpartition(" ")[2]) < 0.2
        # A motion that has run away is lost, not an overflow.
        far = torch.tensor([[1e9, 0.0], [0.1, 0.0]], dtype=torch.float64)
        assert torch.isnan(found(far)).all(-1).tolist() == [True, False]

    @pytest.mark.parametrize("waves", [False, True])
    def test_sindy_in_torch_is_what_pysindy_predicts(waves):
        import pysindy

        x, rates = torch.randn(2, 90, 4, generator=torch.Generator().manual_seed(0)).double()
        library = pysindy.PolynomialLibrary(degree=3)
        if waves:
            library = library + pysindy.FourierLibrary(n_frequencies=1)
        model = pysindy.SINDy(feature_library=library, optimizer=pysindy.STLSQ(threshold=0.05))
        model.fit(x.numpy(), t=1.0, x_dot=rates.numpy())
        expected = torch.from_numpy(np.asarray(model.predict(x.numpy())))
        torch.testing.assert_close(sindy_in_torch(model)(x), expected)


def test_positions_that_are_no_angles_get_springs(recorded):
    (track,) = recorded.tracks
    both = torch.cat([track.positions, 3 + track.positions.flip(0)], dim=-1)
    plane = Observations(("x", "y"), ("m", "m"), (), (dataclasses.replace(track, positions=both),))
    task = prepare(plane)
    assert isinstance(textbook_formula(task), LinearFormula)
    assert task.centre[1] == pytest.approx(3, abs=0.3)
    assert 0.9 < task.dataset().states[:, :2].square().mean().sqrt() < 1.1
    still = dataclasses.replace(track, positions=torch.ones_like(track.positions))
    with pytest.raises(ValueError, match="the positions do not change"):
        prepare(Observations(("x",), ("m",), (), (still,)))


@pytest.mark.parametrize(
    "networks, rivals, trusted, said",
    [
        ({"hnn": [0.1] * 5}, {"sine": 0.2}, "hnn", "Trust hnn for the end: all 5 seeds"),
        (
            {"hnn": [0.1] * 5, "mlp": [0.3] * 5},
            {"sine": 0.2},
            "hnn",
            "Its worst seed is better than the best seed of every other network.",
        ),
        (
            {"hnn": [0.1, 0.1, 0.11, 0.12, 0.15], "mlp": [0.14] * 5},
            {"sine": 0.2},
            "hnn",
            "it cannot be told apart from mlp",
        ),
        (
            {"hnn": [0.1] * 5},
            {"sine": 0.05, "formula": 0.04},
            None,
            "Trust no network: the formula forecasts the end better than every seed",
        ),
        (
            {"hnn": [0.1, 0.1, 0.1, 0.1, 0.21]},
            {"sine": 0.2},
            None,
            "Trust no network yet: 4 of 5 seeds of the best one forecast the end better than the "
            "sine, so the two cannot be told apart",
        ),
        ({"hnn": [0.1] * 4}, {"sine": 0.2}, None, "Too few seeds to trust a network: 4"),
        (
            {"hnn": [1.1] * 5},
            {"sine": 1.2},
            None,
            "No candidate forecasts the end better than the mean",
        ),
        ({"hnn": [np.inf] * 5}, {"sine": 0.3}, None, "Trust no network: the sine forecasts"),
        (
            {"hnn": [0.3, 0.3, 0.3, 0.3, 0.5]},
            {"sine": 1.5},
            None,
            "Trust no network to the end: all 5 seeds of the best one beat every rival",
        ),
        (
            {"hnn": [0.7, 0.8, 0.9, 0.9, 0.9]},
            {"sine": 0.8},
            None,
            "Neither forecasts to the end",
        ),
        (
            {"hnn": [0.9] * 5},
            {"sine": 0.8},
            None,
            "Its forecast, too, is lost before the end.",
        ),
    ],
)
def test_a_verdict_says_no_more_than_the_scores(networks, rivals, trusted, said):
    name, reason = verdict(networks, rivals, "the end")
    assert name == trusted
    assert said in reason


@pytest.fixture(scope="module")
def outcome(recorded, tmp_path_factory):
    folder = tmp_path_factory.mktemp("own") / "fit"
    models = ["second_order_mlp", "hnn"]
    return fit_recording(
        recorded, folder, models=models, seeds=2, jobs=1, progress=False, source="swing <1>.csv"
    )


def test_a_fit_leaves_scores_weights_a_report_and_a_script(outcome):
    assert sorted(path.name for path in outcome.folder.iterdir()) == [
        "forecast.py",
        "report.html",
        "runs",
        "scores.csv",
        "settings.json",
        "weights",
    ]
    # An HNN cannot lose energy, and the swing does; the others forecast it to the noise.
    errors = {name: [run.error for run in runs] for name, runs in outcome.networks.items()}
    assert max(errors["second_order_mlp"]) < 0.05 < min(errors["hnn"])
    assert outcome.rivals["pendulum formula"].error < 0.05
    assert outcome.rivals["last value"].error > 0.5
    found = {"SINDy"} if has_sindy() else set()
    assert set(outcome.rivals) == {"pendulum formula", "damped sine", "last value"} | found
    assert outcome.trusted is None
    assert "Too few seeds" in outcome.reason
    lines = (outcome.folder / "scores.csv").read_text().splitlines()
    assert len(lines) == 1 + 4 + len(outcome.rivals)
    for runs in outcome.networks.values():
        for run in runs:
            model = load_model(fitting.weights_path(outcome.folder, run.name, run.seed))
            assert parameter_count(model) >= run.numbers
    shown = str(outcome)
    assert outcome.reason in shown
    assert "median [lowest, highest] over 2 seeds" in shown


def test_the_report_needs_nothing_else_and_says_the_reason(outcome):
    page = (outcome.folder / "report.html").read_text(encoding="utf-8")
    addresses = re.findall(r"""(?:src|href)=["']([^"']*)|url\(([^)]*)""", page)
    assert all(one.startswith("#") or two.startswith("#") for one, two in addresses)
    assert "<script" not in page
    assert "Too few seeds to trust a network" in page
    assert "swing &lt;1&gt;.csv" in page
    assert page.count("<figure>") == 5
    assert "prefers-color-scheme: dark" in page
    assert 'name="viewport"' in page


def test_who_lacks_sindy_is_told_how_to_have_it(outcome, tmp_path):
    others = {name: run for name, run in outcome.rivals.items() if name != "SINDy"}
    folder = shutil.copytree(outcome.folder, tmp_path / "fit")
    without = dataclasses.replace(outcome, rivals=others, folder=folder)
    said = "SINDy was not tried, since pysindy is not installed: pip install 'hnn-tutorial[sindy]'"
    assert (said in str(outcome)) != has_sindy()
    assert said in str(without)
    write_report(without, "")
    assert html.escape(said) in (folder / "report.html").read_text(encoding="utf-8")


def test_the_script_forecasts_as_the_report_does(outcome):
    name, run = outcome.best()
    printed = subprocess.run(
        [sys.executable, outcome.folder / "forecast.py"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert printed[0] == "t,angle,dangle/dt"
    table = np.array([[float(cell) for cell in line.split(",")] for line in printed[1:]])
    said = np.array(run.forecasts[0])[:, 0]
    assert name == "second_order_mlp"
    assert len(table) == len(said)
    np.testing.assert_allclose(table[:, 1], said, atol=1e-4)


def brief(model, task):
    """The first stage of the training, where the test asks what becomes of a run."""
    return train(model, task, spans=())


def test_what_is_done_is_not_done_again(recorded, tmp_path, monkeypatch):
    trained = []

    def counted(model, task):
        trained.append(getattr(model, "kind", "formula"))
        return brief(model, task)

    monkeypatch.setattr(fitting, "train", counted)

    def again(**options):
        settings = {"models": ["second_order_mlp", "hnn"], "seeds": 2, "jobs": 1} | options
        return fit_recording(recorded, tmp_path / "fit", progress=False, **settings)

    outcome = again()
    assert sorted(trained) == ["formula", "hnn", "hnn", "second_order_mlp", "second_order_mlp"]
    trained.clear()
    assert str(again()) == str(outcome)
    assert trained == []
    # A file that was cut off, and weights that are gone, are as if never done.
    (outcome.folder / "runs" / "hnn-1.json").write_text('{"name": "hn')
    fitting.weights_path(outcome.folder, "second_order_mlp", 0).unlink()
    repeated = again()
    assert sorted(trained) == ["hnn", "second_order_mlp"]
    for name, runs in outcome.networks.items():
        assert [run.error for run in repeated.networks[name]] == [run.error for run in runs]
    # Fewer models are a smaller table, and no other recording comes into the folder.
    assert list(again(models=["hnn"], seeds=1).networks) == ["hnn"]
    with pytest.raises(ValueError, match="holds runs of another recording; name another folder"):
        fit_recording(swing(1, 25, gaps=False)[0], outcome.folder, progress=False)
    with pytest.raises(ValueError, match="holds runs of smoother = 'gaussian_process', not 'spl"):
        again(smoother="spline")


def test_an_interruption_loses_nothing_that_was_done(recorded, tmp_path, monkeypatch):
    trained = []

    def stopped(model, task):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(model)
        return brief(model, task)

    monkeypatch.setattr(fitting, "train", stopped)
    options = {"models": ["mlp"], "seeds": 2, "jobs": 1, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        fit_recording(recorded, tmp_path, **options)
    stored = {path.name for path in (tmp_path / "runs").iterdir()}
    assert stored - {"SINDy.json"} == {"formula.json", "mlp-0.json"}
    monkeypatch.setattr(fitting, "train", brief)
    done = fit_recording(recorded, tmp_path, **options)
    assert [run.seed for run in done.networks["mlp"]] == [0, 1]


def test_a_candidate_that_fails_is_a_result_and_takes_no_other_with_it(
    recorded, tmp_path, monkeypatch
):
    def failing(model, task):
        if getattr(model, "kind", "") == "hnn":
            raise ValueError("no such luck")
        return brief(model, task)

    monkeypatch.setattr(fitting, "train", failing)
    done = fit_recording(recorded, tmp_path, models=["hnn", "mlp"], seeds=1, jobs=1, progress=False)
    assert done.networks["hnn"][0].failed
    assert done.networks["hnn"][0].error == float("inf")
    assert done.networks["mlp"][0].error < 0.1
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "hnn, seed 0, could not be trained: no such luck" in page
    stored = json.loads((tmp_path / "runs" / "hnn-0.json").read_text())
    assert stored["error"] is None


def test_the_command_reads_fits_and_prints(recorded, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(fitting, "train", brief)
    (track,) = recorded.tracks
    rows = zip(track.times.tolist(), track.positions[:, 0].rad2deg().tolist(), strict=True)
    file = tmp_path / "swing.csv"
    file.write_text("t;angle\n" + "".join(f"{t:.3f};{a:.4f}\n".replace(".", ",") for t, a in rows))
    out = tmp_path / "fit"
    words = ["fit", str(file), "--angles", "angle", "--units", "angle=deg", "t=s"]
    words += ["--models", "second_order_mlp", "--seeds", "1", "--jobs", "1", "--out", str(out)]
    assert cli.main(words) == 0
    printed = capsys.readouterr()
    assert "commas were read as decimal signs" in printed.err
    assert "Too few seeds to trust a network" in printed.out
    assert f"report: {out / 'report.html'}" in printed.out
    for wrong, message in (
        (["--positions", "angel"], "positions = 'angel' is no column; did you mean 'angle'"),
        (["--models", "cnn"], "unknown model 'cnn'; choose one of: mlp"),
        (["--units", "deg", "t=s"], "--units: expected one unit, or NAME=UNIT for each column"),
        (["--delimiter", "tab"], "no line holds two numbers between tabs"),
    ):
        assert cli.main([*words, *wrong]) == 2
        assert message in capsys.readouterr().err
