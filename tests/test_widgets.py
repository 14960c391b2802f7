"""The labs' Python side: what travels to the browser, what is refused, what comes back."""

import ast
import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import anywidget
import pytest
import torch
from torch import nn

from hnn_tutorial import palette, widgets
from hnn_tutorial.models import HNN, MLP, SecondOrderMLP
from hnn_tutorial.systems import MassSpring, Pendulum
from hnn_tutorial.widgets import LearnedLab, _bundle
from hnn_tutorial.widgets._bundle import bundle
from hnn_tutorial.widgets._encode import MAX_PARAMETERS, ROLE_OF_KIND


@pytest.fixture
def models():
    return {"baseline": MLP(1, (8, 8), seed=1), "HNN": HNN(1, (8, 8), seed=2)}


@pytest.fixture
def lab(models):
    return LearnedLab(Pendulum(), models, start=(1.2, 0.5))


# --- the joined module ---------------------------------------------------------------------------


def test_the_module_is_one_without_imports():
    module = bundle("labs/learned_lab.js").replace("http://www.w3.org/2000/svg", "")
    assert not re.search(
        r"^\s*import\b|import\(|\beval\(|new Function|https?:", module, re.MULTILINE
    )
    exports = re.findall(r"^export\b.*$", module, re.MULTILINE)
    assert exports == ["export default widget(LearnedLab);"]
    assert json.loads(re.search(r"const PALETTE=(.*);", module)[1]) == json.loads(palette.to_json())


def scripts():
    """The scripts of all widgets, by their classes."""
    found, waiting = {}, [anywidget.AnyWidget]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        if kind.__module__.startswith("hnn_tutorial.") and isinstance(
            kind.__dict__.get("_esm"), str
        ):
            found[kind.__name__] = kind._esm
    assert len(found) >= 8
    return dict(sorted(found.items()))


def test_the_scripts_of_all_labs_stay_small():
    """Together they share most of their parts; each alone is what a page with one lab carries."""
    together: dict[str, None] = {}
    for name, module in scripts().items():
        alone = len(gzip.compress(module.encode()))
        print(f"{name}: {alone:,} bytes compressed")
        assert alone <= 36_000, name
        together |= dict.fromkeys(_bundle._DECLARATION.split(module))
    size = len(gzip.compress("".join(together).encode()))
    print(f"all labs together: {size:,} bytes compressed")
    assert size <= 145_000


def test_what_nothing_uses_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(_bundle, "SOURCES", tmp_path)
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.js").write_text(
        "export const used = 1;\n\nconst idle = 2;\nexport function spare() {\n"
        "  const idle2 = idle;\n}\n"
    )
    (tmp_path / "lab.js").write_text(
        '// says so\nimport { used, spare } from "./deep/b.js";\n\nexport default { used };\n'
    )
    assert bundle("lab.js") == "const used=1;\nexport default{used};\n"
    with_spare = bundle("lab.js", "spare, used")
    assert "function spare(){const idle2=idle;}" in with_spare
    assert with_spare.endswith("export{spare,used};\n")
    (tmp_path / "twice.js").write_text('import { used } from "./deep/b.js";\nconst used = 3;\n')
    with pytest.raises(ValueError, match="used is declared twice"):
        bundle("twice.js")


def test_template_literals_keep_their_spaces_and_may_not_be_nested(tmp_path, monkeypatch):
    monkeypatch.setattr(_bundle, "SOURCES", tmp_path)
    plain = "const a = 1;\nconst t = `x  ${ a  } // y`;\nexport default { t };\n"
    (tmp_path / "plain.js").write_text(plain)
    assert "`x  ${ a  } // y`" in bundle("plain.js")
    (tmp_path / "nested.js").write_text(plain.replace("${ a  }", "${a ? ` ${a}` : 0}"))
    with pytest.raises(ValueError, match="nested.js has a template literal inside another"):
        bundle("nested.js")


def test_an_import_that_cannot_be_joined_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_bundle, "SOURCES", tmp_path)
    (tmp_path / "b.js").write_text("export const b = 1;\n")
    (tmp_path / "good.js").write_text('import { b } from "./b.js";\nexport default { b };\n')
    (tmp_path / "bad.js").write_text('import * as b from "./b.js";\nexport default { b };\n')
    assert bundle("good.js").splitlines() == ["const b=1;", "export default{b};"]
    with pytest.raises(ValueError, match="cannot be joined"):
        bundle("bad.js")


def test_every_kind_of_model_has_a_role_of_the_palette():
    assert set(ROLE_OF_KIND.values()) <= set(palette.ROLES)


def test_importing_the_package_stays_light():
    check = (
        "import sys, hnn_tutorial; "
        "assert not {'anywidget', 'ipywidgets', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True)


# --- what travels --------------------------------------------------------------------------------


def test_no_trait_takes_parameters_when_it_runs():
    # In the traitlets of Colab, 5.7, none does; type checkers alone may read such a line.
    found = []
    for path in sorted(Path(widgets.__file__).parent.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = list(ast.walk(tree))
        guarded = [
            n for n in nodes if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.unparse(n.test)
        ]
        unseen = {id(child) for each in guarded for part in each.body for child in ast.walk(part)}
        for node in nodes:
            subscript = isinstance(node, ast.Subscript) and id(node) not in unseen
            if subscript and ast.unparse(node.value).startswith("traitlets."):
                found.append(f"{path.name}:{node.lineno}")
    assert found == []


def test_weights_travel_as_float32_in_a_known_order(lab, models):
    numbers = torch.frombuffer(bytearray(lab._weights), dtype=torch.float32)
    first = models["baseline"].network.layers[0]
    assert numbers[:16].tolist() == first.weight.detach().float().reshape(-1).tolist()
    assert [spec["label"] for spec in lab._models] == ["baseline", "HNN"]
    assert [spec["role"] for spec in lab._models] == ["baseline", "hnn"]
    assert [spec["networks"] for spec in lab._models] == [[[2, 8, 8, 2]], [[2, 8, 8, 1]]]
    assert sum(spec["count"] for spec in lab._models) == len(numbers)
    assert lab._system == {
        "name": "pendulum",
        "parameters": {"mass": 1.0, "length": 1.0, "gravity": 9.81},
    }


def test_models_of_one_kind_get_different_styles():
    def roles(**models):
        return [spec["role"] for spec in LearnedLab(MassSpring(), models)._models]

    several = roles(a=HNN(1), b=HNN(1), c=MLP(1), d=SecondOrderMLP(1))
    assert several == ["hnn", "another", "baseline", "second order"]
    alike = roles(a=HNN(1), b=HNN(1), c=HNN(1), d=HNN(1))
    assert alike[:3] == ["hnn", "another", "yet another"]
    assert len(set(alike)) == 4


def test_a_lab_without_models_is_fine():
    assert LearnedLab(MassSpring(), {}, method="leapfrog").method == "leapfrog"


def test_region_from_training_states_or_energies(models):
    system = MassSpring()
    states = torch.tensor([[0.2, 0.0], [1.0, 0.0], [0.0, 0.6]], dtype=torch.float64)
    assert LearnedLab(system, models, region=states).region == pytest.approx([0.02, 0.5])
    assert LearnedLab(system, models, region=(0.1, 0.4)).region == [0.1, 0.4]
    assert LearnedLab(system, models).region == []
    for bad in [(0.4, 0.1), (0.1, 0.2, 0.3), (0.1, float("nan"))]:
        with pytest.raises(ValueError, match="interval of energies"):
            LearnedLab(system, models, region=bad)


# --- the state -----------------------------------------------------------------------------------


def test_state_is_a_tensor_and_can_be_observed(lab):
    assert lab.state.dtype == torch.float64
    assert lab.state.tolist() == [1.2, 0.5]
    heard = []
    lab.observe(
        lambda change: heard.append((change["old"].tolist(), change["new"].tolist())), "state"
    )
    lab.state = [0.3, -0.2]
    lab.state = [0.3, -0.2]
    lab.state = torch.tensor([0.3, -0.2])
    lab.state = torch.tensor([0.3, -0.2], dtype=torch.float64)
    assert heard[0] == ([1.2, 0.5], [0.3, -0.2])
    # float32 rounds 0.3, so that one is a change; the last sets the first again.
    assert len(heard) == 3


def test_state_follows_a_message_from_the_browser(lab):
    heard = []
    lab.observe(lambda change: heard.append(change["new"]), "state")
    lab.set_state({"state": [0.7, 0.1]})
    assert torch.equal(lab.state, torch.tensor([0.7, 0.1], dtype=torch.float64))
    assert len(heard) == 1
    assert lab.get_state("state") == {"state": [0.7, 0.1]}


def test_state_is_a_copy(lab):
    start = torch.tensor([0.1, 0.2], dtype=torch.float64)
    lab.state = start
    start[0] = 9.0
    assert lab.state.tolist() == [0.1, 0.2]


@pytest.mark.parametrize(
    "bad, message",
    [
        ([1.0], r"shape \(1,\).*shape \(2,\)"),
        ([1.0, 2.0, 3.0, 4.0], r"shape \(4,\)"),
        ([[1.0, 2.0]], r"shape \(1, 2\)"),
        ([1.0, float("nan")], "NaN"),
    ],
)
def test_a_bad_state_is_refused(lab, bad, message):
    with pytest.raises(ValueError, match=message):
        lab.state = bad
    assert lab.state.tolist() == [1.2, 0.5]


def test_words_are_no_state(lab):
    with pytest.raises(Exception, match="expected a state"):
        lab.state = "left"


# --- models that are refused or replaced ---------------------------------------------------------


class Strange(HNN):
    kind = "strange"


def test_models_that_the_browser_cannot_run_are_refused():
    system = MassSpring()
    relu = HNN(1)
    relu.network.layers[1] = nn.Sequential(nn.ReLU(), nn.Linear(32, 32))
    shy = HNN(1)
    shy.activation = "relu"
    poisoned = HNN(1)
    with torch.no_grad():
        poisoned.network.layers[0].weight[0, 0] = float("nan")
    cases = [
        (HNN(1, (200, 200)), ValueError, r"41,001 parameters, too many.*at most 20,000"),
        (nn.Linear(2, 2), TypeError, "a Linear; this lab runs MLP, SecondOrderMLP, HNN"),
        (Strange(1), TypeError, "a Strange; this lab runs"),
        (relu, TypeError, "layers other than dense"),
        (shy, ValueError, "activation 'relu'; this lab runs"),
        (HNN(2), ValueError, "states of 4 components, the system has 2"),
        (poisoned, ValueError, "1 weight.*NaN"),
    ]
    for model, error, message in cases:
        with pytest.raises(error, match=message):
            LearnedLab(system, {"HNN": model})
    assert MAX_PARAMETERS == 20_000


def test_too_many_models_and_unknown_systems_are_refused(models):
    with pytest.raises(ValueError, match="at most 4"):
        LearnedLab(MassSpring(), {str(i): HNN(1) for i in range(5)})
    with pytest.raises(TypeError, match="this lab knows MassSpring, DampedMassSpring, Pendulum, D"):
        LearnedLab(nn.Linear(1, 1), models)


def test_set_model_sends_new_weights_in_one_message(lab, models):
    sent = []
    lab.send_state = lambda key=None: sent.append(set(key))
    new = HNN(1, (6,), seed=9)
    lab.set_model("HNN", new)
    # Without a kernel ipywidgets 7, Colab's, names no traits; it is one message all the same.
    assert sent in ([{"_models", "_weights"}], [set()])
    assert lab.models["HNN"] is new
    assert lab.models["baseline"] is models["baseline"]
    assert lab._models[1]["networks"] == [[2, 6, 1]]
    before = lab._weights
    with pytest.raises(ValueError, match="too many"):
        lab.set_model("HNN", HNN(1, (200, 200)))
    assert lab._weights == before
    assert lab.models["HNN"] is new


def test_set_model_keeps_to_the_method():
    lab = LearnedLab(MassSpring(), {}, method="leapfrog")
    with pytest.raises(ValueError, match="leapfrog needs.*'HNN'"):
        lab.set_model("HNN", HNN(1))
    assert lab.models == {}
    assert lab._models == []


# --- step, method, horizon -----------------------------------------------------------------------


def test_methods_that_do_not_suit_are_refused(lab, models):
    with pytest.raises(
        ValueError, match=r"leapfrog needs.*'baseline' q̇ depends on q; use one of: eu"
    ):
        lab.method = "leapfrog"
    with pytest.raises(ValueError, match="unknown fixed-step method 'rk45'"):
        LearnedLab(Pendulum(), models, method="rk45")
    assert lab.method == "rk4"
    lab.method = "implicit_midpoint"
    single = {"HNN": HNN(1).float()}
    with pytest.raises(ValueError, match="'HNN' q̇ depends on q"):
        LearnedLab(Pendulum(), single, method="forest_ruth")


def test_steps_and_horizons_must_be_positive_and_fit(lab, models):
    for change in [{"step": 0.0}, {"step": float("nan")}, {"horizon": -1.0}, {"step": 30.0}]:
        with pytest.raises(ValueError, match="step|horizon"):
            LearnedLab(Pendulum(), models, **change)
    with pytest.raises(ValueError, match="15,000 steps; a lab draws at most 10,000.*100 s"):
        LearnedLab(Pendulum(), models, horizon=150.0)
    with pytest.raises(ValueError, match="longer than horizon"):
        lab.step = 21.0
    assert lab.step == 0.05
