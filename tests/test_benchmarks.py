"""The benchmarks' own machinery: what an interruption costs, what the file holds, what is equal."""

import importlib
import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hnn_tutorial.data import Dataset
from hnn_tutorial.experiments import RECIPES, Recipe, TaskData, stored_rows
from hnn_tutorial.models import HNN
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import Adam, LevenbergMarquardt

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
SPRING = MassSpring(mass=0.5, stiffness=2.0)
FORM = {"name", "reference", "ours", "ratio", "spread", "target", "reached", "seconds"}


@pytest.fixture
def bench(monkeypatch, tmp_path):
    """The modules of ``benchmarks/`` by name, writing their results elsewhere."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(FOLDER))
    names = ("harness", "run", "reference", "rivals", *(p.stem for p in FOLDER.glob("rows_*.py")))
    modules = {name: importlib.import_module(name) for name in names}
    monkeypatch.setattr(modules["harness"], "RESULTS", tmp_path / "results.json")
    threads = torch.get_num_threads()
    yield modules
    torch.set_num_threads(threads)
    for name in set(sys.modules) - before:
        if name in names:
            del sys.modules[name]


def use_rows(bench, monkeypatch, **rows):
    monkeypatch.setattr(bench["harness"], "ROWS", rows)
    monkeypatch.setattr(bench["run"], "ROWS", rows)


def plain(bench, name, ratios=(3.0, 1.0, 2.0), **more):
    return bench["harness"].make_row(name, 2.0, 1.0, ratios, "> 1", lambda r: r > 1, **more)


def stored(bench):
    return json.loads(bench["harness"].RESULTS.read_text())


def test_a_row_has_the_median_and_the_range_of_its_ratios(bench):
    row = plain(bench, "one")
    assert (row["ratio"], row["spread"], row["reached"]) == (2.0, [1.0, 3.0], True)
    assert plain(bench, "one", [0.5])["reached"] is False


def test_the_file_has_the_form_that_others_read(bench, monkeypatch, capsys):
    use_rows(bench, monkeypatch, one=lambda repeats: [plain(bench, "one", [float("inf")])])
    assert bench["run"].main([]) == 0
    content = stored(bench)
    assert set(content) == {"rows"}
    assert [set(row) for row in content["rows"]] == [FORM | {"machine"}]
    assert content["rows"][0]["machine"]["threads"] == 1
    # JSON knows no infinity.
    assert content["rows"][0]["ratio"] is None
    assert "| one " in capsys.readouterr().out


def test_an_interruption_costs_the_row_that_was_running(bench, monkeypatch):
    def interrupted(repeats):
        raise KeyboardInterrupt

    use_rows(
        bench,
        monkeypatch,
        first=lambda repeats: [plain(bench, "first: a"), plain(bench, "first: b")],
        second=interrupted,
    )
    with pytest.raises(KeyboardInterrupt):
        bench["run"].main([])
    assert [row["name"] for row in stored(bench)["rows"]] == ["first: a", "first: b"]


def test_a_row_that_fails_leaves_the_others(bench, monkeypatch, capsys):
    use_rows(
        bench, monkeypatch, bad=lambda repeats: 1 / 0, good=lambda repeats: [plain(bench, "good")]
    )
    assert bench["run"].main([]) == 1
    assert [row["name"] for row in stored(bench)["rows"]] == ["good"]
    assert "failed: bad" in capsys.readouterr().err


def test_one_row_replaces_its_own_and_keeps_the_others(bench, monkeypatch):
    calls = []

    def one(repeats):
        calls.append(repeats)
        return [plain(bench, f"one: {len(calls)}")]

    use_rows(bench, monkeypatch, one=one, other=lambda repeats: [plain(bench, "other")])
    assert bench["run"].main([]) == 0
    assert bench["run"].main(["--row", "one", "--repeats", "7"]) == 0
    assert calls == [3, 7]
    assert [row["name"] for row in stored(bench)["rows"]] == ["one: 2", "other"]
    # Figures of another machine stand beside these, with its name.
    monkeypatch.setattr(bench["run"], "machine", lambda *_: {"processor": "another"})
    assert bench["run"].main(["--row", "one"]) == 0
    assert bench["run"].main(["--row", "other"]) == 0
    rows = stored(bench)["rows"]
    assert [row["name"] for row in rows] == ["one: 2", "one: 3", "other"]
    assert [row["machine"].get("processor") == "another" for row in rows] == [False, True, True]


def test_a_row_that_knows_devices_is_given_the_one_that_was_asked_for(bench, monkeypatch):
    def placed(repeats, device="cpu"):
        return [plain(bench, f"placed: {device}")]

    use_rows(bench, monkeypatch, placed=placed, other=lambda repeats: [plain(bench, "other")])
    monkeypatch.setattr(bench["run"], "machine", lambda threads, device: {"device": device})
    assert bench["run"].main(["--device", "cuda:1"]) == 0
    assert [row["name"] for row in stored(bench)["rows"]] == ["placed: cuda:1", "other"]
    assert bench["run"].main(["--row", "placed"]) == 0
    assert [row["name"] for row in stored(bench)["rows"]] == [
        "placed: cuda:1",
        "placed: cpu",
        "other",
    ]


def test_unknown_rows_are_refused(bench):
    with pytest.raises(SystemExit):
        bench["run"].main(["--row", "nonsense"])
    with pytest.raises(SystemExit):
        bench["run"].main(["--repeats", "0"])


def test_the_stored_results_are_of_rows_that_exist(bench):
    for row in stored_rows().values():
        assert set(row) >= FORM | {"machine"}
        assert row["name"].split(":")[0] in bench["harness"].ROWS


def test_our_network_with_the_references_weights_has_its_gradients(bench):
    reference = bench["reference"].ReferenceHNN(3)
    model = bench["rows_training"].with_weights_of(reference)
    x = SPRING.sample(40, 0)
    data = x.float(), SPRING.field(x).float()
    ours, theirs = (bench["rows_training"].gradients(m, *data) for m in (model, reference))
    assert len(ours) == len(theirs) == 5
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_a_side_takes_the_loosest_setting_that_is_accurate_enough(bench):
    loosest = bench["rows_rivals"].loosest
    true = np.zeros((3, 2, 2))
    asked = []

    def run(error):
        asked.append(error)
        path = np.full((3, 5, 2), 7.0)  # of states that are not known, nothing is asked
        path[:, :2] = 0
        path[2, 1, 0] = -error
        return path

    assert loosest(run, [1e-3, 2e-6, 5e-7, 1e-9], true) == (5e-7, 5e-7)
    assert asked == [1e-3, 2e-6, 5e-7]
    with pytest.raises(RuntimeError, match="no setting"):
        loosest(run, [1e-3, 2e-6], true)


def test_the_fastest_of_each_side_are_compared_within_a_repetition(bench):
    records = [
        {"package": 4.0, "package, compiled": 2.0, "A": 3.0, "B": 9.0},
        {"package": 4.0, "package, compiled": 3.0, "A": 6.0, "B": 1.0},
        {"package": 1.0, "package, compiled": 2.0, "A": 3.0, "B": 9.0},
    ]
    ours = ("package", "package, compiled")
    row = bench["rows_rivals"].against("a", records, ours, "", lambda r: r >= 1.5)
    assert row["fastest"] == {"rival": "A", "ours": "package, compiled"}
    assert (row["ratio"], row["spread"], row["reached"]) == (1.5, [1.5, 2.0], True)
    assert row["reference"] == {"A": 3.0, "B": 9.0}
    assert row["ours"] == {"package": 4.0, "package, compiled": 2.0}
    assert row["runs"] == records


def test_the_time_to_an_error_is_that_of_the_quickest_training_that_reached_it(bench):
    seconds_to = bench["rows_rivals"].seconds_to
    curve = [(1.0, 1e-2), (2.0, 1e-4), (1.5, 1e-4), (4.0, 1e-3)]
    assert seconds_to(curve, 1e-4) == 1.5
    assert seconds_to(curve, 5e-3) == 1.5
    assert seconds_to(curve, 1e-6) == float("inf")


def test_the_field_in_numpy_is_the_models(bench):
    rivals = bench["rivals"]
    model = HNN(1, (5, 7), seed=3)
    x = SPRING.sample(6, 0)
    flat = x.numpy().T.ravel()
    found = rivals.numpy_field(rivals.layers_of(model), 6)(0.0, flat).reshape(2, 6).T
    np.testing.assert_allclose(found, model.field(x).detach().numpy(), rtol=1e-12)
    pendulum = bench["rows_rivals"].PENDULUM
    for count in (1, 6):
        flat = x[:count].numpy().T.ravel()
        found = rivals.numpy_field(None, count)(0.0, flat).reshape(2, count).T
        np.testing.assert_allclose(found, pendulum.field(x[:count]).numpy(), rtol=1e-12)


def test_a_power_is_found_in_the_larger_half_of_the_sizes(bench):
    rows = bench["rows_costs"]
    assert rows.exponent([2, 4, 16], [3 * n**2.5 for n in (2, 4, 16)]) == pytest.approx(2.5)
    cases = {n: lambda n=n: float(max(n, 10) ** 2) for n in (1, 5, 10, 20, 40)}
    row = rows.growth_row("a", cases, 2.0, 3, "bodies")
    assert row["ours"]["exponent"] == pytest.approx(2.0)
    assert row["reached"]
    assert len(row["runs"]) == rows.LEAST_REPEATS
    assert row["runs"][0]["40 bodies"] == 1600
    assert not rows.growth_row("a", cases, 1.5, 3, "bodies")["reached"]


def test_the_time_of_a_step_leaves_a_first_out_that_is_made_alone(bench, monkeypatch):
    rows = bench["rows_rivals"]
    data = Dataset(SPRING.sample(5, 0), SPRING.field(SPRING.sample(5, 0)))
    advance = rows.Run.advance

    def seconds(*ticks, compile=False):
        clock = iter(ticks)
        monkeypatch.setattr(rows.time, "process_time", lambda: next(clock))
        model, adam = HNN(1, (2,), seed=0), Adam(4)
        given = {"progress": False, "compile": compile}
        return rows.step_seconds(4, lambda: rows.fit(model, data, adam, **given))

    assert seconds(7.0, 10.0, 11.0, 12.0, 14.0) == pytest.approx(4 / 3)  # of 1, 1 and 2
    if importlib.util.find_spec("jax"):
        rows.fit(HNN(1, (2,), seed=0), data, Adam(3), progress=False, compile=True)
        # Now its pace is known: all steps are one call.
        assert seconds(7.0, 15.0, compile=True) == 2.0
    assert rows.Run.advance is advance


def test_rivals_are_needed_by_nobody_who_does_not_run_them():
    """Reading the rows imports none of them; so CI and users do without."""
    code = (
        "import sys; sys.path.insert(0, 'benchmarks')\n"
        "for name in ('jax', 'diffrax', 'torchdiffeq', 'optax', 'optimistix', 'jaxopt'):\n"
        "    sys.modules[name] = None\n"
        "import rivals, rows_rivals, rows_costs, rows_devices\n"
    )
    root = FOLDER.parent
    subprocess.run([sys.executable, "-c", code], cwd=root, check=True)


class Toy:
    """A task whose scores tell how long its model was trained."""

    name, system, velocities = "toy", "mass_spring", False

    def data(self, seed, *, velocities):
        x = SPRING.sample(20, seed)
        data = Dataset(x, SPRING.field(x))
        return TaskData(data, data)

    def scores(self, learned, data, *, velocities):
        error = (learned(data.test.states) - data.test.derivatives).square().mean().item()
        return {"field_mse": error, "one": 1.0}


def test_a_recipe_becomes_a_row(bench):
    def recipe(name, optimizer):
        models = {"hnn": {"hidden": (6,)}}
        return Recipe(f"toy-{name}", "", Toy(), 1, models, {"the": optimizer})

    rows = bench["rows_recipes"]
    make, slow = rows.recipe_row, recipe("reference", Adam(2))
    sides = rows.run(slow), rows.run(recipe("ours", LevenbergMarquardt(20)))
    row = make("toy", *sides, range(3), {"field_mse": 1e-2, "one": 1.0}, limit=60)
    assert set(row) == FORM - {"seconds"} | {"runs"}
    assert row["target"] == "field_mse <= 0.01, one <= 1, <= 60 s"
    assert row["reached"]
    assert row["ratio"] > 10
    assert len(row["runs"]) == 3
    runs = [run["reference"]["field_mse"] / run["ours"]["field_mse"] for run in row["runs"]]
    assert row["spread"] == [min(runs), max(runs)]
    assert not make("toy", *sides, range(1), {"one": 0.9})["reached"]
    assert not make("toy", *sides, range(1), {"one": 1.0}, faster=1e9)["reached"]
    assert not make("toy", *sides, range(1), {"one": 1.0}, limit=1e-9)["reached"]
    assert not make("toy", *sides, range(1), {"one": 1.0}, least={"one": 1.1})["reached"]
    assert make("toy", *sides, range(1), {"one": 1.0}, least={"one": 1.0})["reached"]
    assert not make("toy", *sides, range(1), {"one": 1.0}, better=1.1)["reached"]
    # A time from some of the steps.
    whole, some = rows.run(slow)(0), rows.extrapolated(slow, steps=1, total=2000)(0)
    assert some["seconds"] > 10 * whole["seconds"]
    assert some["parameters"] == whole["parameters"]


def test_a_published_row_is_trained_once_and_scored_in_several_ways(bench, monkeypatch, tmp_path):
    module = bench["rows_published_table"]
    names = ("spring-reference", "spring-published-starts", "spring-published-scores")
    small = {"trajectories": 4, "points": 6, "horizon": 1.0, "starts": 2, "instants": 6}
    for name in names:
        short = replace(
            RECIPES[name],
            task=replace(RECIPES[name].task, step=0.05, **small),
            models={kind: {"hidden": (4,)} for kind in module.KINDS},
            optimizers={"adam": Adam(3)},
            seeds=2,
        )
        monkeypatch.setitem(module.RECIPES, name, short)
    monkeypatch.setattr(module, "FOLDER", str(tmp_path / "results"))
    rows = module.steps("published_table", names)
    assert [row["name"] for row in rows] == [
        f"published_table: {name.replace('-', ' ')}" for name in names
    ]
    assert [path.name for path in (tmp_path / "results").iterdir()] == [names[0]]
    runs = [row["runs"]["hnn"] for row in rows]
    assert [run["seed"] for run in runs[0]] == [0, 1]
    for score in ("test_loss", "test_loss_error", "test_loss_of_the_truth"):
        assert len({run[0][score] for run in runs}) == 1, score
    assert len({run[0]["energy_mse"] for run in runs}) == 3
    assert rows[1]["command"] == f"hnn-tutorial run {names[1]} --model mlp,hnn"


def test_a_row_beside_published_settings_compares_seed_by_seed(bench):
    theirs = [{"distance": 4.0}, {"distance": 9.0}]
    ours = {"hnn": [{"distance": 2.0}, {"distance": 3.0}, {"distance": 1.0}]}
    recipe = RECIPES["one-orbit-ours"]
    (row,) = bench["rows_public_tasks"].beside("toy", "distance", theirs, ours, recipe)
    assert (row["name"], row["ratio"], row["spread"]) == ("toy: hnn", 2.5, [2.0, 3.0])
    assert (row["reference"], row["ours"]) == ({"distance": 6.5}, {"distance": 2.0})
    assert row["command"] == "hnn-tutorial run one-orbit-ours --model hnn"
    assert row["reached"]
    assert row["seeds"] == [0, 1, 2]


def test_a_spring_like_phlearns_is_scored_by_its_motion(bench):
    rows = bench["rows_public_tasks"]
    exact = rows.spring_scores(rows.SPRING.field)
    assert max(exact.values()) < 1e-12
    other = replace(rows.SPRING, damping=0.31)
    assert rows.spring_scores(other.field)["motion_mse"] > 1e-6
