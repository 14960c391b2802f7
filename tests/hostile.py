"""Every public function of the package with valid arguments, and hostile values for each of them.

``CALLS`` names each public callable once: how it is called, and for each argument its *kind* and a
valid value. ``BAD`` holds, for each kind, values that must be refused. What is not in ``CALLS`` is
in ``RECORDS`` (plain data, without code of its own) or an exception.
"""

import dataclasses
import importlib
import inspect
import math
import pkgutil
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import torch
from test_experiments import TINY

import hnn_tutorial
from hnn_tutorial import (
    check,
    cli,
    comparison,
    data,
    evaluation,
    experiments,
    integrators,
    mechanics,
    models,
    notebook,
    own_recording,
    palette,
    plotting,
    recordings,
    sketches,
    systems,
    training,
    widgets,
)
from hnn_tutorial import random as randomness

nan, inf = math.nan, math.inf
FOLDER = Path(tempfile.mkdtemp(prefix="hostile-"))

# Valid values

SPRING = systems.MassSpring(2.0, 3.0)
X = SPRING.sample(3, 0)
FREE = X.clone().requires_grad_()
X4 = systems.DoublePendulum().sample(3, 0)
TIMES = torch.linspace(0.0, 0.4, 5, dtype=torch.float64)
PATH = integrators.integrate(SPRING.field, X, TIMES)
DATA = data.Dataset(X, SPRING.field(X), torch.tensor([0, 1, 2]))
TRAJECTORIES = data.Trajectories(TIMES, PATH)
PIECES = training.cut(TRAJECTORIES)
HNN = models.HNN(1, (3,))
LNN = models.LNN(1, (3,))
MESH = evaluation.mesh_error(HNN.field, SPRING.field, 1.0, 5)
ADAM = training.Adam(1, batch_size=2)
MODEL_FILE = FOLDER / "model.safetensors"
training.save_model(MODEL_FILE, HNN)
(RESULT,) = experiments.sweep([TINY], 1, out=FOLDER / "results", jobs=1)
JOB = experiments.Job(HNN, experiments.TaskData(DATA, DATA), ADAM, 0)
TWIN = recordings.Recording(
    recordings.RECORDINGS["real_pendulum"], (data.Trajectories(TIMES, PATH[:, :1]),)
)
RIVALS = {
    "mlp": lambda seed: models.MLP(1, (3,), seed=seed),
    "hnn": lambda seed: models.HNN(1, (3,), seed=seed),
}
SCORES = {"field error": lambda m: evaluation.field_error(m.field, SPRING.field, X)}
COMPARISON = comparison.compare(RIVALS, DATA, training.Adam(1), SCORES, seeds=[0, 1])
TABLE = FOLDER / "table.txt"
TABLE.write_text("0 0.0 1.0 0.0\n0 0.1 1.0 0.1\n")
CSV_FILE = FOLDER / "swing.csv"
CLOCK = torch.arange(60).double() / 10
CSV_FILE.write_text(
    "t (s),x (m)\n" + "".join(f"{t:.1f},{math.sin(2 * t):.5f}\n" for t in CLOCK.tolist())
)
SEEN = recordings.read_csv(CSV_FILE)
OWN_FIT = own_recording.fit_recording(
    SEEN, FOLDER / "own", models=["second_order_mlp"], seeds=1, jobs=1, progress=False
)
ENERGIES = {"truth": SPRING.hamiltonian(PATH), "hnn": SPRING.hamiltonian(PATH)}
PLANES = {"truth": PATH}


def quarter(x):
    """A Lagrangian with a well that is not a parabola."""
    return x[..., 1] ** 2 / 2 - x[..., 0] ** 4 / 4


# Hostile values

NOT_A_NUMBER = {
    "text": "0.1",
    "None": None,
    "a list": [0.1],
    "complex": 1j,
    "two numbers": torch.ones(2),
    "an object": object(),
}
NO_TENSOR = {
    "None": None,
    "text": "state",
    "a number": 3.0,
    "lists": X.tolist(),
    "NumPy": X.numpy(),
    "integers": X.long(),
    "booleans": X > 0,
    "complex": X + 0j,
    "strings": ["a", "b"],
}
NOT_CALLABLE = {"None": None, "text": "field", "a number": 3, "a tensor": X}
RETURNS = {
    "None": lambda x: None,
    "a number": lambda x: 1.0,
    "text": lambda x: "text",
    "a list": lambda x: [0.0, 1.0],
    "integers": lambda x: x.long(),
    "complex": lambda x: x + 0j,
    "two values": lambda x: (x, x),
    "float32": lambda x: x.float(),
    "too many axes": lambda x: x.unsqueeze(0).unsqueeze(0),
}
TIMES_WRONG = {
    "None": None,
    "text": "0 1 2",
    "words": ["a", "b"],
    "a number": 0.3,
    "two axes": TIMES[None],
    "none": TIMES[:0],
    "NaN": torch.tensor([0.0, nan, 0.2, 0.3, 0.4]),
    "inf": torch.tensor([0.0, 0.1, 0.2, 0.3, inf]),
    "twice": torch.tensor([0.0, 0.1, 0.1, 0.3, 0.4]),
    "to and fro": torch.tensor([0.0, 0.2, 0.1, 0.3, 0.4]),
    "complex": TIMES + 0j,
    "ragged": [[0.0], [0.1, 0.2]],
}

BAD: dict[str, dict[str, Any]] = {
    "number": NOT_A_NUMBER | {"NaN": nan, "inf": inf},
    "positive": NOT_A_NUMBER | {"zero": 0.0, "negative": -1.0, "NaN": nan, "inf": inf},
    "not negative": NOT_A_NUMBER | {"negative": -1.0, "NaN": nan, "inf": inf},
    "count": {
        "zero": 0,
        "negative": -1,
        "a fraction": 1.5,
        "a float": 2.0,
        "text": "3",
        "True": True,
        "NaN": nan,
        "a list": [1],
        "a tensor": torch.ones(2),
    },
    "seed": {
        "None": None,
        "text": "0",
        "a float": 1.5,
        "True": True,
        "a list": [0],
        "huge": 2**70,
        "a tensor": X,
    },
    "name": {"unknown": "nope", "None": None, "a number": 3, "a list": ["rk4"], "bytes": b"rk4"},
    "tensor": NO_TENSOR,
    "state": NO_TENSOR
    | {
        "an odd axis": torch.ones(3, 3, dtype=torch.float64),
        "no axis": torch.tensor(1.0, dtype=torch.float64),
        "an empty axis": X[:, :0],
    },
    "callable": NOT_CALLABLE,
    "field": NOT_CALLABLE
    | {f"gives {k}": v for k, v in RETURNS.items()}
    | {"gives a column": lambda x: x[..., :1], "gives a scalar": lambda x: x.sum(-1)},
    "scalar function": NOT_CALLABLE
    | {f"gives {k}": v for k, v in RETURNS.items()}
    | {"gives a column": lambda x: x[..., :1], "gives the sum": lambda x: x.sum()},
    "times": TIMES_WRONG,
    "increasing": TIMES_WRONG | {"backwards": TIMES.flip(0)},
    "path": {"None": None, "a number": 3.5, "a list": ["a"], "a tensor": X},
    "system": {"None": None, "text": "pendulum", "the class": systems.Pendulum, "a tensor": X},
    "model": {
        "None": None,
        "text": "hnn",
        "the class": models.HNN,
        "no parameters": torch.nn.Identity(),
        "no field": torch.nn.Linear(2, 2).double(),
        "a function": SPRING.field,
    },
    "data": {
        "None": None,
        "text": "data",
        "empty": {},
        "a list": [],
        "a tensor": X,
        "one key": {"states": X},
        "no tensor": {"states": X.tolist(), "derivatives": X},
        "other widths": data.Dataset(X4, X4),
        "other lengths": {"states": X, "derivatives": X[:2]},
        "NaN": {"states": X * nan, "derivatives": X},
        "float32": DATA.to(dtype=torch.float32),
    },
    "optimizer": {
        "None": None,
        "text": "adam",
        "torch's own": torch.optim.Adam(HNN.parameters()),
        "the class": training.Adam,
    },
    "dtype": {
        "text": "float64",
        "integers": torch.int64,
        "complex": torch.complex128,
        "None": None,
    },
    "device": {"unknown": "tpu", "a number": 3.5, "a list": ["cpu"], "beyond": "cuda:77"},
    "text": {"None": None, "a number": 3, "a list": ["a"]},
}


@dataclasses.dataclass(frozen=True)
class Arg:
    """An argument of a call: a valid value, and what kind of value it is."""

    kind: str
    valid: Any
    more: dict[str, Any] = dataclasses.field(default_factory=dict)
    fine: tuple[str, ...] = ()
    valid_fails: bool = False

    def bad(self) -> dict[str, Any]:
        """The values that must be refused."""
        kept = {k: v for k, v in BAD.get(self.kind, {}).items() if k not in self.fine}
        return kept | self.more

    def but(self, *fine: str, **more: Any) -> "Arg":
        """The same, where some of these values are right, or others are wrong too."""
        return Arg(self.kind, self.valid, self.more | more, self.fine + fine)


def only(valid: Any, **bad: Any) -> Arg:
    """An argument of its own kind."""
    return Arg("", valid, {name.replace("_", " "): value for name, value in bad.items()})


state, state4 = Arg("state", X), Arg("state", X4, {"another size": X})
planar = Arg("state", X, {"another size": X4})
path = Arg("state", PATH, {"one time": PATH[0, 0]})
field, scalar = Arg("field", SPRING.field), Arg("scalar function", SPRING.hamiltonian)
lagrangian = Arg("scalar function", quarter)
monotone, increasing = Arg("times", TIMES), Arg("increasing", TIMES)
drawn = increasing.but("to and fro", "twice", "backwards", "NaN", "inf")  # in any order
positive, not_negative = partial(Arg, "positive"), partial(Arg, "not negative")
count, seed = partial(Arg, "count"), Arg("seed", 0)
array = partial(Arg, fine=("NumPy",))
method = Arg("name", "rk4")
step = Arg("positive", 0.1, fine=("None",))
turning = only([0], none_such=[5], text="theta", twice=[0, 0], negative=[-1], number=3, words=["q"])
system, model = Arg("system", SPRING), Arg("model", HNN)
dtype = Arg("dtype", torch.float64)
radius = only(
    (0.1, 1.0),
    none=None,
    text="ab",
    one_number=0.5,
    three=(1, 2, 3),
    out_of_order=(1.0, 0.1),
    negative=(-1.0, 1.0),
    not_finite=(0.1, inf),
    NaN=(nan, 1.0),
    words=("a", "b"),
)
roles = {
    "misspelt_role": {"basline": TIMES},
    "no_name": {3: TIMES},
    "none": None,
    "text": "truth",
    "tensor": X,
    "words": {"truth": "a"},
}
extent = only(
    1.0, none=None, text="wide", NaN=nan, zero=0.0, negative=-1.0, two=(0, 1), empty=(1, 1, 0, 1)
)
coordinates = only((("q", "m"), ("p", "")), text="q", number=3, one=(("q", "m"),), plain=("q", "p"))
labels = only({"truth": "true"}, text="truth", number=3, a_list=["truth"])
LABELLED = plt.Figure().add_subplot()
LABELLED.plot([0, 1], label="a curve")
ax = only(None, text="ax", number=3, figure=plt.Figure())
levels = only(5, text="five", zero=0, negative=-3, NaN=[nan, 1.0], words=["a"])


def outcome(function: Callable[..., Callable], *names: str) -> Callable:
    """Call an operator with its functions, then what it returns with the state ``x``."""
    return lambda x, **arguments: function(**arguments)(x)


Call = tuple[Callable, dict[str, Arg]]

LEFT_OUT = {
    r"systems\.System(\..*)?": "abstract; its methods stand here under each system",
    r"systems\.parameter": "a field of a dataclass, like dataclasses.field",
    r"systems\.DampedPendulum\.solution": "there is none; test_systems.py holds what it says",
    r"models\.(Model|LagrangianNetwork)(\..*)?": "abstract; likewise under each model",
    r"models\.\w+\.build": "called by the constructor alone",
    r"training\.(Adam|LevenbergMarquardt|(Torch)?Optimizer)\.\w+": "called by fit, on its problems",
    r"training\.TrajectoryResidual\.jacobian": "likewise",
    r"training\.(Residual|LearnableField(\..*)?)|mechanics\.(Field|ScalarFunction)": "a type",
    r"training\.Problem(\..*)?": "made by fit, for optimizers",
    r"experiments\.(Task\.\w+|Recipe\.train)": "what a recipe brings with it",
    r"widgets\.\w+\.draw_picture": "called when a lab is saved, with a figure of its own",
}
"""Public, and yet not to be called with anything: why."""


def system_calls(kind: type) -> Iterator[tuple[str, Call]]:
    """Every method of a system."""
    name = f"systems.{kind.__name__}"
    made = kind()
    states = made.sample(3, 0)
    own = Arg("state", states, {"another size": torch.ones(3, 2 * made.degrees + 2).double()})
    moving = dataclasses.replace(own, valid=0.3 * made.velocities(states))
    parameters = {
        p.name: Arg("positive", p.value)
        if not f.metadata["may_be_zero"]
        else Arg("not negative", p.value)
        for p, f in zip(made.parameters, dataclasses.fields(made), strict=True)
    }
    yield name, (kind, parameters)
    for part in ("hamiltonian", "field", "velocities"):
        yield f"{name}.{part}", (getattr(made, part), {"x": own})
    for part in ("lagrangian", "momenta", "second_order_field"):
        yield f"{name}.{part}", (getattr(made, part), {"x": moving})
    for part in ("potential", "mass_matrix", "modes", "non_canonical", "non_canonical_field"):
        if hasattr(made, part):
            yield f"{name}.{part}", (getattr(made, part), {"x": own})
    for key, function in made.invariants.items():
        yield f"{name}.invariants[{key}]", (function, {"x": own})
    known = {
        "count": count(3),
        "seed": seed,
        "radius": radius,
        "position": dataclasses.replace(radius, valid=(0.5, 1.5)).but(origin=(0.0, 0.0)),
        "energy": positive(0.1),
        "angle": not_negative(0.1),
        "speed": not_negative(0.1),
        "spread": not_negative(0.1),
    }
    options = {key: known[key] for key in inspect.signature(made.sample).parameters}
    yield f"{name}.sample", (made.sample, options)
    try:
        made.solution(states, TIMES)
    except NotImplementedError:
        return
    yield f"{name}.solution", (made.solution, {"x0": own, "times": monotone})


def model_calls(kind: type) -> Iterator[tuple[str, Call]]:
    """Every method of a model."""
    name = f"models.{kind.__name__}"
    yield (
        name,
        (
            kind,
            {
                "degrees": count(1),
                "hidden": hidden,
                "activation": Arg("name", "tanh"),
                "angles": only(
                    (0,), none=None, text="0", beyond=(1,), twice=(0, 0), floats=(0.0,), number=3
                ),
                "seed": seed,
                "dtype": dtype,
            },
        ),
    )
    made = kind(1, (3,))
    x = planar.but(float32=X.float())
    for part in (
        "field",
        "forward",
        "hamiltonian",
        "lagrangian",
        "energy",
        "mass_matrix",
        "acceleration",
        "friction_matrix",
    ):
        if hasattr(made, part):
            yield f"{name}.{part}", (getattr(made, part), {"x": x})
    if hasattr(made, "potential") and not isinstance(made.potential, torch.nn.Module):
        q = Arg(
            "tensor",
            X[..., :1],
            {"another size": X, "no axis": X[0, 0], "float32": X[..., :1].float()},
        )
        yield f"{name}.potential", (made.potential, {"q": q})


def own_module(outputs: int) -> torch.nn.Module:
    """A network of somebody else's."""
    layers = torch.nn.Linear(2, 3), torch.nn.Softplus(), torch.nn.Linear(3, outputs)
    return torch.nn.Sequential(*layers).double()


hidden = only(
    (4,),
    none=None,
    text="4",
    number=4,
    zero=(0,),
    floats=(2.5,),
    negative=(-1,),
    nothing_in_it=(None,),
)
fit_options = {
    "validation_every": count(1).but("None"),
    "patience": count(1),
    "checkpoint_every": count(1),
    "seed": seed,
    "validation": Arg("data", DATA, fine=("None",)),
    "checkpoint": Arg("path", FOLDER / "run.safetensors", {"a folder": FOLDER}, fine=("None",)),
    "residual": Arg(
        "callable",
        training.derivative_residual,
        {"gives None": lambda m, b: None, "one number": lambda m, b: m.field(b["states"]).sum()},
    ),
}
dense = models.DenseNetwork((2, 3, 1))
dense_x = Arg("tensor", X, {"another size": X4, "no axis": X[0, 0], "float32": X.float()})
directions = Arg("tensor", X.unsqueeze(-2), {"another size": X4.unsqueeze(-2), "no axis": X[0, 0]})


def draw_something(a: float = 1.0) -> None:
    """A picture for the explorer."""
    plt.figure().add_subplot().plot([0, a])


PREDICTIONS = widgets.Predictions("pendulum")
prediction_label = only("which", none=None, empty="", number=3, latex="$x$", open_mark="*x")
prediction_axis = only(
    ("q (m)", -1.0, 1.0),
    none=None,
    text="q",
    two=("q", 1.0),
    words=("q", "a", "b"),
    out_of_order=("q", 1.0, -1.0),
    empty=("q", 1.0, 1.0),
    not_finite=("q", 0.0, inf),
    no_name=(1, 0.0, 1.0),
)
sizes = only(
    (2, 3, 1), none=None, text="231", one=(2,), zero=(2, 0, 1), floats=(2.0, 1.0), number=3
)
labs = {
    "system": system,
    "start": only(
        None, words=["a", "b"], text="ab", three=[1.0, 2.0, 3.0], NaN=[nan, 0.0], number=1.0
    ),
}
lab_models = only(
    {"HNN": HNN},
    text="hnn",
    number=3,
    a_list=[HNN],
    no_model={"a": 3},
    another_size={"a": models.HNN(2)},
)
horizon = positive(20.0)
region = only(
    (0.0, 1.0), words=("a", "b"), one=(1.0,), out_of_order=(1.0, 0.0), NaN=(0.0, nan), text="all"
)

CALLS: dict[str, Call] = {
    "random.as_generator": (randomness.as_generator, {"seed": seed}),
    # mechanics
    "mechanics.gradient": (
        outcome(mechanics.gradient),
        {"function": scalar, "x": Arg("tensor", X)},
    ),
    "mechanics.jacobian": (
        outcome(mechanics.jacobian),
        {
            "function": field.but("gives a column", "gives too many axes", "gives float32"),
            "x": Arg("tensor", X),
        },
    ),
    "mechanics.symplectic_gradient": (mechanics.symplectic_gradient, {"dH": state}),
    "mechanics.time_reversal": (mechanics.time_reversal, {"x": state}),
    "mechanics.hamiltonian_field": (
        outcome(mechanics.hamiltonian_field),
        {"hamiltonian": scalar, "x": state},
    ),
    "mechanics.lagrangian_field": (
        outcome(mechanics.lagrangian_field),
        {"lagrangian": lagrangian, "x": state},
    ),
    "mechanics.solve_mass_matrix": (
        mechanics.solve_mass_matrix,
        {
            "mass_matrix": Arg(
                "tensor",
                torch.eye(2).double().expand(3, 2, 2),
                {"no square": X, "singular": torch.zeros(3, 2, 2).double()},
            ),
            "force": Arg("tensor", X, {"another size": X4}),
        },
    ),
    "mechanics.conjugate_momentum": (
        outcome(mechanics.conjugate_momentum),
        {"lagrangian": lagrangian, "x": state},
    ),
    "mechanics.legendre_transform": (
        outcome(mechanics.legendre_transform),
        {
            "lagrangian": lagrangian,
            "x": state,
            "tolerance": not_negative(1e-10),
            "max_iterations": count(50),
        },
    ),
    "mechanics.action": (
        mechanics.action,
        {
            "lagrangian": lagrangian,
            "path": Arg("tensor", PATH[..., :1], {"one time": PATH[:1], "other times": PATH[:3]}),
            "times": increasing,
        },
    ),
    "mechanics.poisson_bracket": (
        outcome(mechanics.poisson_bracket),
        {"f": scalar, "g": scalar, "x": state},
    ),
    "mechanics.divergence": (
        outcome(mechanics.divergence),
        {"field": field.but("gives float32"), "x": state},
    ),
    "mechanics.symplectic_form": (
        mechanics.symplectic_form,
        {"n": count(2), "dtype": dtype, "device": Arg("device", "cpu")},
    ),
    "mechanics.symplectic_defect": (
        outcome(mechanics.symplectic_defect),
        {"transformation": field, "x": state},
    ),
    # integrators
    "integrators.integrate": (
        integrators.integrate,
        {
            "field": field,
            "x0": state.but("NumPy", NaN=X * nan, inf=X * inf),
            "times": monotone,
            "method": method,
            "step": step,
        },
    ),
    "integrators.integrate, adaptive": (
        partial(integrators.integrate, method="dop853"),
        {
            "field": field,
            "x0": state.but("NumPy", NaN=X * nan),
            "times": monotone,
            "rtol": positive(1e-6),
            "atol": positive(1e-6),
        },
    ),
    "integrators.integrate, splitting": (
        partial(integrators.integrate, method="leapfrog"),
        {"field": field, "x0": state.but("NumPy"), "times": monotone},
    ),
    "integrators.integrate, implicit": (
        partial(integrators.integrate, method="gauss_legendre4"),
        {"field": field, "x0": state.but("NumPy"), "times": monotone},
    ),
    "integrators.integrate, stiff": (
        partial(integrators.integrate, method="radau"),
        {
            "field": field,
            "x0": state.but("NumPy", NaN=X * nan, wants_a_gradient=FREE),
            "times": monotone,
            "rtol": positive(1e-6),
            "atol": positive(1e-6),
        },
    ),
    "integrators.crossings": (
        integrators.crossings,
        {
            "field": field,
            "x0": state.but("NumPy", NaN=X * nan, inf=X * inf),
            "times": monotone,
            "event": Arg("scalar function", lambda x: x[..., 0]),
            "method": method,
            "direction": Arg("number", 0, {"two": 2, "a half": 0.5}),
            "first": only(False, none=None, text="yes", number=1),
            "step": step,
        },
    ),
    "integrators.integrate_gaps": (
        integrators.integrate_gaps,
        {
            "field": field,
            "x0": state,
            "gaps": Arg(
                "tensor",
                torch.full((2, 3), 0.1).double(),
                {"other states": torch.ones(2, 2).double(), "no axis": TIMES[0]},
            ),
            "method": method.but(adaptive="dop853"),
            "steps": count(2),
        },
    ),
    # data
    "data.add_noise": (
        data.add_noise,
        {"x": Arg("tensor", X), "sigma": not_negative(0.1), "seed": seed},
    ),
    "data.central_differences": (
        data.central_differences,
        {
            "states": array("tensor", PATH, {"other times": PATH[:4], "no axis": X[0, 0]}),
            "times": increasing,
            "angles": turning,
        },
    ),
    "data.unwrap": (
        data.unwrap,
        {
            "states": array("tensor", PATH, {"no axis": X[0, 0]}),
            "angles": turning.but(none=None),
        },
    ),
    "data.Dataset": (
        data.Dataset,
        {
            "states": state.but("NumPy", NaN=X * nan, other_length=X[:2], axes=PATH, empty=X[:0]),
            "derivatives": state.but("NumPy", inf=X * inf, other_length=X[:2]),
            "trajectory": only(
                torch.tensor([0, 1, 2]),
                text="abc",
                a_list=[0, 1, 2],
                too_few=torch.tensor([0]),
                floats=TIMES[:3],
            ),
        },
    ),
    "data.Dataset.to": (DATA.to, {"dtype": dtype.but("None"), "device": Arg("device", "cpu")}),
    "data.Trajectories.to": (
        TRAJECTORIES.to,
        {"dtype": dtype.but("None"), "device": Arg("device", "cpu")},
    ),
    "data.Dataset.split": (
        DATA.split,
        {"test_fraction": Arg("positive", 0.4, {"all": 1.0}), "seed": seed},
    ),
    "data.Trajectories": (
        data.Trajectories,
        {
            "times": increasing.but(a_list=TIMES.tolist()),
            "states": path.but("NumPy", NaN=PATH * nan, other_times=PATH[:3], one=PATH[:, 0]),
            "angles": turning,
        },
    ),
    "data.Trajectories.noisy": (TRAJECTORIES.noisy, {"sigma": not_negative(0.1), "seed": seed}),
    "data.Trajectories.dataset": (TRAJECTORIES.dataset, {"field": field.but("None")}),
    "data.simulate": (
        data.simulate,
        {
            "system": system.but("a tensor"),
            "x0": planar.but("NumPy", NaN=X * nan),
            "times": increasing,
            "method": method,
        },
    ),
    "data.Normalization": (
        data.Normalization,
        {"q_scale": positive(1.0), "p_scale": positive(1.0), "time_scale": positive(1.0)},
    ),
    "data.Normalization.to_unit_box": (
        data.Normalization.to_unit_box,
        {"states": state.but(NaN=X * nan, empty=X[:0], at_rest=X * 0), "time_scale": positive(1.0)},
    ),
    "data.Normalization.normalize": (data.Normalization(2.0).normalize, {"x": state}),
    "data.Normalization.restore": (data.Normalization(2.0).restore, {"x": state}),
    "data.Normalization.normalize_dataset": (
        data.Normalization(2.0).normalize_dataset,
        {"data": only(DATA, none=None, text="data", tensor=X, mapping={"states": X})},
    ),
    "data.Normalization.restore_field": (
        outcome(data.Normalization(2.0).restore_field),
        {"field": field, "x": state},
    ),
    "data.Normalization.restore_hamiltonian": (
        outcome(data.Normalization(2.0).restore_hamiltonian),
        {"hamiltonian": scalar, "x": state},
    ),
    # evaluation
    "evaluation.field_error": (
        evaluation.field_error,
        {"field": field, "true_field": field, "states": state.but(empty=X[:0])},
    ),
    "evaluation.energy_error": (
        evaluation.energy_error,
        {
            "states": path.but(other_times=PATH[:3]),
            "hamiltonian": scalar,
            "reference": path.but(NaN=PATH * nan),
        },
    ),
    "evaluation.energy_drift": (evaluation.energy_drift, {"states": path, "hamiltonian": scalar}),
    "evaluation.energy_gain": (
        evaluation.energy_gain,
        {
            "field": field,
            "hamiltonian": scalar,
            "x0": state.but(NaN=X * nan),
            "duration": positive(1.0),
            "method": method,
            "step": step,
        },
    ),
    "evaluation.coordinate_error": (
        evaluation.coordinate_error,
        {
            "predicted": path.but(other_times=PATH[:3]),
            "true": path.but(NaN=PATH * nan),
            "angles": turning.but(none=None),
        },
    ),
    "evaluation.valid_prediction_time": (
        evaluation.valid_prediction_time,
        {
            "predicted": path.but(other_times=PATH[:3]),
            "true": path.but(NaN=PATH * nan),
            "times": increasing,
            "threshold": positive(0.4),
            "angles": turning.but(none=None),
        },
    ),
    "evaluation.MeshError.fraction_below": (MESH.fraction_below, {"bound": positive(0.1)}),
    "evaluation.mesh_error": (
        evaluation.mesh_error,
        {
            "field": field,
            "true_field": field,
            "radius": positive(1.0),
            "points": count(5).but(one=1),
            "dtype": dtype,
            "device": Arg("device", "cpu"),
        },
    ),
    "evaluation.phase_volume_change": (
        evaluation.phase_volume_change,
        {
            "field": field,
            "x0": state.but(NaN=X * nan),
            "times": monotone,
            "method": method.but(adaptive="dop853"),
            "step": step,
        },
    ),
    "evaluation.time_reversal_error": (
        evaluation.time_reversal_error,
        {
            "field": field,
            "x0": state.but(NaN=X * nan),
            "times": increasing,
            "method": method,
            "step": step,
        },
    ),
    "evaluation.lyapunov_exponent": (
        evaluation.lyapunov_exponent,
        {
            "field": field,
            "x0": state.but(NaN=X * nan),
            "duration": positive(0.4, {"shorter than a gap": 0.1, "for ever": 1e300}),
            "method": method.but(adaptive="dop853"),
            "step": step,
            "gap": positive(0.2, {"no time": 1e-300}),
            "distance": positive(1e-6),
            "seed": seed,
        },
    ),
    "evaluation.turning_rate": (
        evaluation.turning_rate,
        {"states": path.but(other_size=X4), "times": increasing},
    ),
    "comparison.compare": (
        comparison.compare,
        {
            "rivals": only(
                RIVALS,
                none=None,
                a_list=list(RIVALS.values()),
                one={"mlp": RIVALS["mlp"]},
                no_function={"mlp": RIVALS["mlp"], "hnn": HNN.hidden},
                no_model={"mlp": RIVALS["mlp"], "hnn": lambda seed: "a model"},
                no_seed={"mlp": RIVALS["mlp"], "hnn": lambda seed: None},
                no_names={1: RIVALS["mlp"], 2: RIVALS["hnn"]},
            ),
            "data": only(DATA, none=None, text="data", number=3, no_data=lambda seed: 3),
            "optimizers": only(
                training.Adam(1),
                none=None,
                text="adam",
                a_class=training.Adam,
                empty=[],
                words=["adam"],
                for_one={"mlp": training.Adam(1)},
            ),
            "scores": only(
                SCORES,
                none=None,
                empty={},
                no_function={"a": 3},
                NaN={"a": lambda m: nan},
                words={"a": lambda m: "good"},
            ),
            "seeds": only([0], none=None, number=3, empty=[], twice=[1, 1], words=["a"]),
            "residual": only(
                training.derivative_residual, none=None, text="derivative", for_one={"mlp": None}
            ),
        },
    ),
    **{
        f"comparison.Comparison.{method}": (
            getattr(COMPARISON, method),
            {
                key: only(valid, unknown="nope", none=None, number=3, a_list=["mlp"])
                for key, valid in arguments.items()
            },
        )
        for method, arguments in {
            "spread": {"rival": "mlp", "score": "field error"},
            "wins": {"rival": "mlp", "other": "hnn", "score": "field error"},
            "ratio": {"rival": "mlp", "other": "hnn", "score": "field error"},
        }.items()
    },
    "evaluation.over_seeds": (
        evaluation.over_seeds,
        {
            "values": only(
                [1.0, 2.0],
                empty=[],
                NaN=[nan],
                words=["a"],
                none=None,
                text="12",
                number=3.0,
                nones=[None],
                tensor=X,
            )
        },
    ),
    # recordings
    "recordings.Recording.dataset": (TWIN.dataset, {}),
    "recordings.Recording.split": (TWIN.split, {"fraction": positive(0.5).but(all=1.0)}),
    "recordings.Observations.split": (SEEN.split, {"fraction": positive(0.5).but(all=1.0)}),
    "recordings.Smoothed.dataset": (
        recordings.smooth(SEEN).dataset,
        {"edge": not_negative(0.1).but(all=0.5)},
    ),
    "recordings.smooth": (
        recordings.smooth,
        {
            "observations": only(SEEN, none=None, text="swing", a_file=CSV_FILE, twin=TWIN),
            "method": Arg("name", "gaussian_process"),
        },
    ),
    "recordings.read_csv": (
        recordings.read_csv,
        {
            "path": Arg("path", CSV_FILE, {"a folder": FOLDER, "missing": FOLDER / "nothing"}),
            "time": only("t", unknown="nope", float=1.0, true=True, zero=0, beyond=3, a_list=["t"]),
            "positions": only(
                ["x"], unknown=["nope"], floats=[2.0], empty=[], beyond=3, the_time=["t"], tensor=X
            ),
            "velocities": only(
                None, unknown=["nope"], floats=[2.0], empty=[], the_position=["x"], a_float=2.0
            ),
            "units": only(
                None,
                number=3,
                a_list=["m"],
                numbers={"x": 3},
                unknown={"nope": "m"},
                no_name={2.5: "m"},
            ),
            "angles": only((), unknown="nope", none=None, metres="x", the_time="t", a_float=2.0),
            "trial": only(None, unknown="nope", a_float=1.0, a_list=["t"], a_position="x"),
            "delimiter": only(
                ",", two=", ", none_there=";", digit="1", point=".", number=3, empty=""
            ),
            "decimal": only(".", two=",.", letter="p", number=3, a_list=["."], comma=","),
            "member": only(None, no_zip="a.csv", number=3, a_list=["a"]),
        },
    ),
    # own_recording
    "own_recording.Outcome.best": (OWN_FIT.best, {}),
    "own_recording.Outcome.held_out": (OWN_FIT.held_out, {}),
    "own_recording.Outcome.rows": (OWN_FIT.rows, {}),
    "own_recording.Outcome.untried": (OWN_FIT.untried, {}),
    "own_recording.fit_recording": (
        own_recording.fit_recording,
        {
            "observations": only(SEEN, none=None, text="swing", a_file=CSV_FILE, twin=TWIN),
            "out": Arg("path", FOLDER / "own", {"a file": TABLE}),
            "models": only(
                ["second_order_mlp"],
                text="hnn",
                empty=[],
                number=3,
                unknown=["nope"],
                a_class=[models.HNN],
            ),
            "seeds": count(1),
            "smoother": Arg("name", "gaussian_process"),
            "jobs": dataclasses.replace(count(1), fine=("None",)),
            "progress": only(False),
            "source": Arg("text", "a swing"),
        },
    ),
    "recordings.load_recording": (
        recordings.load_recording,
        {"name": Arg("name", "real_pendulum", valid_fails=True), "folder": Arg("path", FOLDER)},
    ),
    "recordings.read_recording": (
        recordings.read_recording,
        {
            "path": Arg("path", TABLE, {"a folder": FOLDER, "missing": FOLDER / "nothing"}),
            "source": only(
                dataclasses.replace(recordings.RECORDINGS["real_pendulum"], md5=None, rows=None),
                none=None,
                name="real_pendulum",
                other_columns=recordings.RECORDINGS["real_double_pendulum"],
            ),
        },
    ),
    "recordings.phone_swing": (recordings.phone_swing, {"seed": seed, "noise": not_negative(0.03)}),
    "recordings.sample_path": (recordings.sample_path, {}),
    "recordings.synthetic_twin": (
        recordings.synthetic_twin,
        {"name": Arg("name", "real_pendulum"), "seed": seed, "noise": not_negative(1.0)},
    ),
    # models
    "models.build_model": (
        models.build_model,
        {
            "kind": Arg("name", "hnn"),
            "config": only(
                HNN.config,
                none=None,
                text="hnn",
                a_list=[1],
                empty={},
                unknown={"degrees": 1, "x": 1},
                wrong={"degrees": "1"},
                number_keys={1: 2},
            ),
        },
    ),
    "models.parameter_count": (
        models.parameter_count,
        {"model": only(HNN, none=None, text="hnn", the_class=models.HNN, tensor=X)},
    ),
    "models.DenseNetwork": (
        models.DenseNetwork,
        {"sizes": sizes, "activation": Arg("name", "tanh"), "seed": seed, "dtype": dtype},
    ),
    "models.DenseNetwork.forward": (dense.forward, {"x": dense_x}),
    "models.DenseNetwork.input_gradient": (dense.input_gradient, {"x": dense_x}),
    "models.DenseNetwork.value_and_tangents": (
        dense.value_and_tangents,
        {"x": dense_x, "directions": directions},
    ),
    "models.DenseNetwork.gradient_and_curvature": (
        dense.gradient_and_curvature,
        {"x": dense_x, "directions": directions},
    ),
    **{
        f"models.{kind.__name__}{part and '.'}{part}": (
            (
                kind,
                {"module": only(torch.nn.Linear(2, outputs), none=None, text="m", the_class=kind)},
            )
            if not part
            else (getattr(kind(own_module(outputs)), part), {"x": state.but(float32=X.float())})
        )
        for kind, outputs, parts in (
            (models.HamiltonianModel, 1, ("hamiltonian", "field", "forward")),
            (
                models.LagrangianModel,
                1,
                ("lagrangian", "field", "forward", "energy", "mass_matrix", "acceleration"),
            ),
            (models.FieldModel, 2, ("field", "forward")),
        )
        for part in ("", *parts)
    },
    # training
    "training.Adam": (
        training.Adam,
        {
            "steps": count(2),
            "learning_rate": positive(0.1),
            "batch_size": count(2),
            "schedule": Arg("name", "cosine"),
            "weight_decay": not_negative(0.0),
            "lr": only(None, a_rate=1e-3, text="1e-3"),
        },
    ),
    "training.TorchOptimizer": (
        training.TorchOptimizer,
        {
            "make": Arg(
                "callable",
                torch.optim.SGD,
                {
                    "an instance": torch.optim.Adam(HNN.parameters()),
                    "asks for a closure": torch.optim.LBFGS,
                    "of sparse gradients": torch.optim.SparseAdam,
                    "without its rate": partial(torch.optim.SGD, lr=-1.0),
                    "makes none": list,
                    "takes nothing": dict.fromkeys,
                },
            ),
            "steps": count(2),
            "batch_size": count(2),
        },
    ),
    "training.LevenbergMarquardt": (
        training.LevenbergMarquardt,
        {
            "steps": count(2),
            "batch_size": count(2),
            "chunk": count(2),
            "damping": positive(1.0),
            "tolerance": not_negative(0.0),
            "weight_decay": not_negative(0.0),
        },
    ),
    "training.TrajectoryResidual": (
        training.TrajectoryResidual,
        {
            "method": method.but(adaptive="dop853"),
            "steps": count(1),
            "noise": positive(1.0),
            "derivative_noise": positive(1.0).but("None"),
        },
    ),
    "training.TrajectoryResidual()": (
        training.TrajectoryResidual(),
        {
            "model": model,
            "batch": only(
                PIECES,
                none=None,
                empty={},
                text="ab",
                no_gaps={"states": X},
                dataset={"states": X, "derivatives": X},
            ),
        },
    ),
    "training.FreeStarts": (
        training.FreeStarts,
        {
            "model": model,
            "batch": only(PIECES, none=None, empty={}, text="ab", flat={"states": X[0]}),
        },
    ),
    "training.FreeStarts.field": (training.FreeStarts(HNN, PIECES).field, {"x": planar}),
    "training.acceleration_residual": (
        training.acceleration_residual,
        {
            "model": Arg("model", LNN, {"no acceleration": HNN}),
            "batch": Arg("data", {"states": X, "derivatives": X}, fine=("NaN",)),
        },
    ),
    "training.derivative_residual": (
        training.derivative_residual,
        {"model": model, "batch": Arg("data", {"states": X, "derivatives": X}, fine=("NaN",))},
    ),
    "training.cut": (
        training.cut,
        {
            "trajectories": only(TRAJECTORIES, none=None, tensor=PATH, text="ab", dataset=DATA),
            "length": count(3).but(one=1, beyond=6),
            "derivatives": Arg("tensor", PATH, {"other shape": X}, fine=("None",)),
        },
    ),
    "training.fit": (
        partial(training.fit, progress=False, resume=False),
        {
            "model": model,
            "data": Arg("data", DATA),
            "optimizer": Arg("optimizer", ADAM, {"batch beyond": training.Adam(1, batch_size=9)}),
            **fit_options,
        },
    ),
    "training.fit_ensemble": (
        partial(training.fit_ensemble, progress=False, resume=False),
        {
            "models": only(
                [HNN, models.HNN(1, (3,), seed=1)],
                none=None,
                text="hnn",
                empty=[],
                one_model=HNN,
                twice=[HNN, HNN],
                unlike=[HNN, models.HNN(1, (4,))],
                no_models=[1, 2],
            ),
            "data": Arg("data", DATA),
            "optimizer": Arg("optimizer", ADAM, {"another": training.LevenbergMarquardt(1)}),
            "seeds": only(
                [0, 1],
                text="01",
                number=3,
                too_few=[0],
                words=["a", "b"],
                floats=[0.5, 1.5],
                huge=[2**70, 0],
            ),
            **{k: fit_options[k] for k in ("checkpoint_every", "checkpoint", "residual")},
        },
    ),
    "training.load_model": (
        training.load_model,
        {
            "path": Arg(
                "path",
                MODEL_FILE,
                {"a folder": FOLDER, "missing": FOLDER / "nothing", "text": TABLE},
            ),
            "model": only(None, text="hnn", number=3, other=models.HNN(1, (9,)), function=X.sum),
        },
    ),
    "training.save_model": (
        training.save_model,
        {
            "path": Arg("path", FOLDER / "saved.safetensors", {"a folder": FOLDER}),
            "model": model,
        },
    ),
    # experiments
    "experiments.Job.fit": (
        JOB.fit,
        {
            "data": Arg("data", DATA, fine=("None",)),
            "optimizer": Arg("optimizer", ADAM, fine=("None",)),
            "model": model.but("None"),
        },
    ),
    "experiments.Recipe.build": (
        TINY.build,
        {
            "kind": Arg(
                "name",
                "hnn",
                {
                    "no such module": "nowhere_at_all:Mine",
                    "no such name": "hnn_tutorial.models:Mine",
                    "no model": "math:cos",
                    "no function": "math:pi",
                    "no name": "hnn_tutorial.models:",
                    "a name above": "..:HNN",
                },
            ),
            "seed": seed,
        },
    ),
    "experiments.Row.to_json": (experiments.table([RESULT])[0].to_json, {}),
    "experiments.TaskData.to": (
        JOB.data.to,
        {"dtype": dtype, "device": Arg("device", "cpu")},
    ),
    "experiments.check_device": (
        experiments.check_device,
        {"name": Arg("device", "cpu", {"None": None})},
    ),
    "experiments.model_path": (experiments.model_path, {"path": Arg("path", RESULT.path)}),
    "experiments.read_result": (
        experiments.read_result,
        {
            "path": Arg(
                "path",
                RESULT.path,
                {"a folder": FOLDER, "missing": FOLDER / "nothing", "text": TABLE},
            )
        },
    ),
    "experiments.read_results": (
        experiments.read_results,
        {"out": Arg("path", FOLDER / "results", {"missing": FOLDER / "nothing"})},
    ),
    "experiments.run_seed": (
        experiments.run_seed,
        {
            "recipe": only(TINY, none=None, name="spring-ours"),
            "seed": seed,
            "model": Arg("name", "hnn", fine=("None",)),
            "optimizer": Arg("name", "levenberg_marquardt", fine=("None",)),
            "device": Arg("device", "cpu"),
            "folder": Arg("path", FOLDER / "work", fine=("None",)),
        },
    ),
    "experiments.sweep": (
        experiments.sweep,
        {
            "recipes": only([TINY], none=None, name="spring-ours", one=TINY, names=["spring-ours"]),
            "seeds": count(1),
            "models": only(["hnn"], text="hnn", number=3, unknown=["nope"]),
            "optimizer": Arg("name", "levenberg_marquardt", fine=("None",)),
            "device": Arg("device", "cpu", {"None": None}),
            "out": Arg("path", FOLDER / "results", {"a file": TABLE}),
            "jobs": count(1),
            "report": Arg("callable", print),
        },
    ),
    "experiments.table": (
        experiments.table,
        {"results": only([RESULT], none=None, text="ab", numbers=[1], one=RESULT)},
    ),
    "experiments.train_on_derivatives": (
        experiments.train_on_derivatives,
        {"job": only(JOB, none=None, text="job", recipe=TINY)},
    ),
    "experiments.uses_velocities": (
        experiments.uses_velocities,
        {
            "model": model.but("no parameters", "no field"),
            "task": only(TINY.task, none=None, text="task"),
        },
    ),
    # notebook, palette, random, cli
    "notebook.Session.generator": (notebook.Session("cpu", 0, "").generator, {}),
    "notebook.claim": (
        notebook.claim,
        {
            "text": Arg("text", "a claim"),
            "value": Arg("number", 1.0, fine=("inf", "NaN", "a list"), more={"lists": [1, 2]}),
            "below": Arg("number", 2.0, fine=("None", "inf", "a list")),
        },
    ),
    "notebook.colab_cell": (notebook.colab_cell, {"repository": Arg("text", "https://x.org/a")}),
    "notebook.setup": (notebook.setup, {"seed": seed, "device": Arg("device", "cpu")}),
    "palette.relative_luminance": (
        palette.relative_luminance,
        {
            "colour": (
                colour := Arg(
                    "text",
                    "#0072B2",
                    {"short": "#12", "letters": "#gggggg", "signs": "#+1+1+1", "words": "red"},
                )
            )
        },
    ),
    "palette.contrast": (palette.contrast, {"first": colour, "second": colour}),
    "palette.to_json": (palette.to_json, {}),
    "cli.main": (
        lambda arguments: cli.main(
            [str(word) for word in arguments] if isinstance(arguments, list) else [str(arguments)]
        ),
        {
            "arguments": only(
                ["list"], unknown=["nope"], empty=[], no_count=["run", "a", "--seeds", "0"]
            )
        },
    ),
    "cli.make_parser": (cli.make_parser, {}),
    # plotting
    "plotting.use_style": (plotting.use_style, {}),
    "plotting.label_lines": (
        plotting.label_lines,
        {
            "ax": only(
                LABELLED, none=None, text="ax", number=3, no_lines=plt.Figure().add_subplot()
            ),
            "gap": only(5.0, negative=-1.0, nan=nan, inf=inf, text="5", none=None),
        },
    ),
    "plotting.line_style": (plotting.line_style, {"role": Arg("name", "hnn")}),
    "plotting.plain_style": (
        plotting.plain_style,
        {
            "index": only(1, negative=-1, text="1", none=None, fraction=0.5, yes=True),
            "label": Arg("text", "a curve"),
        },
    ),
    "plotting.method_style": (plotting.method_style, {"name": method}),
    "plotting.phase_portrait": (
        plotting.phase_portrait,
        {
            "source": field,
            "ax": ax,
            "extent": extent,
            "contours": scalar.but("None"),
            "trajectories": only(
                PLANES, **(roles | {"none": {"truth": None}}), other_size={"truth": X4}
            ),
            "arrows": count(5),
            "levels": levels,
            "coordinates": coordinates,
            "labels": labels,
        },
    ),
    "plotting.energy_plot": (
        plotting.energy_plot,
        {
            "times": drawn,
            "energies": only(ENERGIES, **roles, other_times={"truth": TIMES[:3]}, empty={}),
            "ax": ax,
            "quantity": Arg("text", "energy"),
            "unit": Arg("text", "J"),
            "labels": labels,
        },
    ),
    "plotting.energy_drift_plot": (
        plotting.energy_drift_plot,
        {
            "times": drawn,
            "energies": only(
                ENERGIES,
                **roles,
                other_times={"truth": TIMES[1:]},
                from_zero={"truth": TIMES},
                empty={},
            ),
            "ax": ax,
            "labels": labels,
        },
    ),
    "plotting.trajectory_plot": (
        plotting.trajectory_plot,
        {
            "times": drawn,
            "trajectories": only(PLANES, **roles, other_times={"truth": PATH[:3]}, empty={}),
            "axes": ax.but(),
            "components": only([0, 1], beyond=[7], words=["q"], number=1, text="01", floats=[0.5]),
            "coordinates": coordinates,
            "labels": labels,
        },
    ),
    "plotting.hamiltonian_contours": (
        plotting.hamiltonian_contours,
        {
            "learned": scalar,
            "true": scalar,
            "ax": ax,
            "extent": extent,
            "levels": levels,
            "role": Arg("name", "hnn"),
            "coordinates": coordinates,
            "labels": labels,
        },
    ),
    "plotting.hamiltonian_surfaces": (
        plotting.hamiltonian_surfaces,
        {
            "learned": scalar,
            "true": scalar,
            "axes": only(None, text="ax", number=3, flat=[plt.Figure().add_subplot()] * 2),
            "extent": extent,
            "unit": Arg("text", "J"),
            "coordinates": coordinates,
        },
    ),
    "plotting.mesh_error_map": (
        plotting.mesh_error_map,
        {
            "error": (error := only(MESH, none=None, tensor=X, text="error")),
            "ax": ax,
            "bounds": (
                bounds := only(
                    (1e-3,),
                    none=None,
                    text="ab",
                    number=1e-3,
                    negative=(-1.0,),
                    NaN=(nan,),
                    words=("a",),
                    five=(1.0,) * 5,
                )
            ),
            "coordinates": coordinates,
            "label": Arg("text", "error"),
        },
    ),
    "plotting.mesh_error_surface": (
        plotting.mesh_error_surface,
        {
            "error": error,
            "ax": only(None, text="ax", number=3, flat=plt.Figure().add_subplot()),
            "bounds": bounds,
            "coordinates": coordinates,
        },
    ),
    "sketches.sketch": (
        sketches.sketch,
        {"system": Arg("system", SPRING), "ax": ax},
    ),
    "plotting.loss_plot": (
        plotting.loss_plot,
        {
            "histories": only({"hnn": [1.0, 0.1]}, **roles, words_in_it={"hnn": ["a", "b"]}),
            "ax": ax,
            "floor": positive(0.1).but("None"),
            "quantity": Arg("text", "loss"),
            "labels": labels,
        },
    ),
    # check
    "check.Chapter": (check.Chapter, {"name": only("pendulum")}),
    "check.Chapter.exercise": (
        lambda kind: check.Chapter("a").exercise(1, kind, "A")(lambda answer: None),
        {"kind": Arg("name", "code")},
    ),
    "check.Chapter.progress": (check.Chapter("a").progress, {}),
    "check.Chapter.reset": (check.Chapter("a").reset, {}),
    "check.expect": (
        check.expect,
        {"condition": only(True, two=X > 0, false=False), "message": Arg("", "no")},
    ),
    "check.score": (
        check.score,
        {"rubric": only([(True, "a point")])},
    ),
    "check.close": (check.close, {"got": only(X), "want": only(X)}),
    "check.match": (
        check.match,
        {"got": Arg("tensor", X, fine=("NumPy", "lists")), "want": only(X)},
    ),
    "check.conform": (
        check.conform,
        {
            "value": Arg("tensor", X, fine=("lists", "NumPy", "integers")),
            "like": only(X),
            "what": only("it"),
        },
    ),
    "check.as_tensor": (check.as_tensor, {"value": only(X)}),
    "check.worst": (check.worst, {"got": only(2 * X), "want": only(X)}),
    "check.recognise": (check.recognise, {"got": only(2 * X), "want": only(X)}),
    "check.function": (
        lambda answer: check.function(answer, "f(x)")(X, like=X),
        {"answer": field.but("gives float32", "gives integers")},
    ),
    "check.gradient": (
        lambda value: check.gradient(value, FREE, "the loss", name="the state"),
        {"value": only(FREE.sum(), detached=TIMES, none=None, number=1.0, text="a")},
    ),
    "check.number": (
        check.number,
        {"value": Arg("number", 1.0, fine=("a list",)), "what": only("it")},
    ),
    "check.table": (
        check.table,
        {
            "answer": only(
                {"a": 1}, none=None, a_list=["a"], text="a", missing={}, more={"a": 1, "b": 2}
            ),
            "keys": only(["a"]),
            "name": only("it"),
        },
    ),
    "check.numbers": (
        check.numbers,
        {
            "answer": only(
                {"a": [1, 2, 3]},
                none=None,
                text="a",
                missing={},
                too_few={"a": [1, 2]},
                no_list={"a": torch.tensor(1.0)},
                no_numbers={"a": ["x", "y", "z"]},
                not_finite={"a": [1, nan, 3]},
            ),
            "keys": only(["a"]),
            "name": only("it"),
            "each": only("rate for each seed"),
        },
    ),
    "check.choices": (
        check.choices,
        {
            "answer": only(
                {"a": "yes"},
                none=None,
                missing={},
                unknown={"a": "maybe"},
                unhashable={"a": []},
                number={"a": 3},
            ),
            "right": only({"a": "yes"}),
            "words": only(["yes", "no"]),
            "advice": only({"a": "Think."}),
            "name": only("it"),
        },
    ),
    # widgets
    "widgets.PhaseLab": (
        widgets.PhaseLab,
        {
            **labs,
            "cloud": not_negative(0.25),
            "backwards": only(False, text="no", number=3, none=None),
        },
    ),
    "widgets.IntegratorLab": (
        widgets.IntegratorLab,
        {
            **labs,
            "methods": only(
                ["rk4"], unknown=["nope"], text="rk4", number=3, none=None, numbers=[1]
            ),
            "step": positive(0.1),
            "horizon": horizon,
        },
    ),
    "widgets.LagrangianLab": (
        widgets.LagrangianLab,
        {
            **labs,
            "system": Arg("system", systems.Pendulum(), {"another": SPRING}),
            "duration": positive(1.0).but("None"),
        },
    ),
    "widgets.LearnedLab": (
        widgets.LearnedLab,
        {
            **labs,
            "start": dataclasses.replace(labs["start"], valid=[1.0, 0.0]),
            "models": lab_models,
            "step": positive(0.05),
            "method": method.but("bytes"),
            "horizon": horizon,
            "region": region,
        },
    ),
    "widgets.LearnedLab.set_model": (
        widgets.LearnedLab(SPRING, {"HNN": HNN}).set_model,
        {"label": only("HNN"), "model": model},
    ),
    "widgets.OrbitLab.set_model": (
        widgets.OrbitLab(systems.TwoBody()).set_model,
        {"label": only("a"), "model": Arg("model", models.HNN(4, (3,)), {"another size": HNN})},
    ),
    "widgets.OrbitLab": (
        widgets.OrbitLab,
        {
            **labs,
            "system": Arg("system", systems.TwoBody(), {"another": SPRING}),
            "start": labs["start"].but(two=[1.0, 0.0]),
            "models": only({}, text="hnn", number=3, no_model={"a": 3}, another_size={"a": HNN}),
            "swarm": count(3).but("zero", "a float", "True"),
            "spread": positive(1e-6),
            "horizon": positive(20.0).but("None"),
        },
    ),
    "widgets.RecordingLab": (
        widgets.RecordingLab,
        {
            "recording": only(
                None,
                text="swing.csv",
                number=3,
                tensor=TIMES,
                no_trial=dataclasses.replace(SEEN, tracks=()),
                lengths=dataclasses.replace(SEEN, units=("m",) * len(SEEN.names)),
            ),
        },
    ),
    "widgets.TrainingLab": (
        widgets.TrainingLab,
        {
            **labs,
            "start": dataclasses.replace(labs["start"], valid=[1.0, 0.0]),
            "model": Arg("model", "hnn", fine=("text",), more={"unknown": "nope"}),
            "hidden": hidden,
            "optimizer": Arg("name", "adam"),
            "noise": not_negative(0.0),
            "data": only(DATA, text="data", tensor=X, other_size=data.Dataset(X4, X4)),
            "steps": count(3).but("zero", "a float", "True"),
            "learning_rate": positive(0.1),
            "duration": positive(1.0),
            "points": count(4).but("a float", "True"),
            "horizon": horizon,
            "seed": seed,
        },
    ),
    "widgets.explore": (
        lambda draw, a: widgets.explore(draw, a=a),
        {
            "draw": only(draw_something, none=None, text="draw", nothing_drawn=lambda a: None),
            "a": only(
                [1, 2],
                none=None,
                text="12",
                number=3,
                empty=[],
                twice=[1, 1],
                nan=[nan],
                too_many=list(range(13)),
                tensors=[torch.tensor(1.0)],
            ),
        },
    ),
    "widgets.Predictions": (
        widgets.Predictions,
        {"chapter": only("pendulum", none=None, empty=" ", number=3, a_list=["pendulum"])},
    ),
    "widgets.Predictions.choice": (
        PREDICTIONS.choice,
        {
            "label": prediction_label,
            "answers": only(
                ["yes", "no"],
                none=None,
                text="yes",
                one=["yes"],
                twice=["yes", "yes"],
                nine=[*"abcdefghi"],
                numbers=[1, 2],
                empty=["yes", ""],
                latex=["$x$", "no"],
            ),
        },
    ),
    "widgets.Predictions.choice.reveal": (
        PREDICTIONS.choice("which", ["yes", "no"]).reveal,
        {
            "right": only(
                "yes",
                none=None,
                other="maybe",
                beyond=2,
                negative=-1,
                floats=0.0,
                empty=[],
                flag=True,
            )
        },
    ),
    "widgets.Predictions.number": (
        PREDICTIONS.number,
        {
            "label": prediction_label,
            "low": Arg("number", 1.0).but(above_high=30.0),
            "high": Arg("number", 20.0).but(below_low=0.5),
            "log": only(False, none=None, number=1, text="yes"),
            "unit": only("s", none=None, number=1, a_list=["s"]),
        },
    ),
    "widgets.Predictions.number.reveal": (
        PREDICTIONS.number("how many", 1, 20, log=True).reveal,
        {
            "value": positive(3.0),
            "within": positive(2.0).but("None", one=1.0),
        },
    ),
    "widgets.Predictions.curve": (
        PREDICTIONS.curve,
        {"label": prediction_label, "x": prediction_axis, "y": prediction_axis},
    ),
    "widgets.Predictions.curve.reveal": (
        PREDICTIONS.curve("how it falls", ("t", 0, 1), ("E", 0, 1)).reveal,
        {
            "times": increasing,
            "values": only(
                TIMES, none=None, text="abcde", one=1.0, short=TIMES[:3], NaN=TIMES * nan
            ),
            "role": Arg("name", "truth", fine=("None",)),
            "within": positive(0.1),
        },
    ),
    "widgets.Predictions.point": (
        PREDICTIONS.point,
        {"label": prediction_label, "x": prediction_axis, "y": prediction_axis},
    ),
    "widgets.Predictions.point.reveal": (
        PREDICTIONS.point("where", ("q", -1, 1), ("p", -1, 1)).reveal,
        {
            "point": only(
                (0.0, 1.0), none=None, text="ab", number=1.0, three=(1, 2, 3), NaN=(nan, 0.0)
            ),
            "within": positive(0.1),
        },
    ),
    "widgets.Predictions.score": (PREDICTIONS.score, {}),
    "widgets.Quiz": (
        widgets.Quiz,
        {"name": Arg("name", "hnn_mass_spring", {"a path": "../quizzes/hnn_mass_spring"})},
    ),
}
CALLS["systems.SpringChain.mode_energy"] = (
    systems.SpringChain(1).mode_energy,
    {"x": planar, "mode": count(1).but(beyond=2)},
)
for each in systems.SYSTEMS.values():
    CALLS.update(system_calls(each))
for each in models.MODELS.values():
    CALLS.update(model_calls(each))


def public() -> dict[str, Any]:
    """Every public callable of the package by name, those of its classes included."""
    found = {}
    for entry in pkgutil.iter_modules(hnn_tutorial.__path__):
        if entry.name.startswith("_"):
            continue
        module = importlib.import_module(f"hnn_tutorial.{entry.name}")
        own = [
            n for n, v in vars(module).items() if getattr(v, "__module__", "") == module.__name__
        ]
        for name in getattr(module, "__all__", own):
            value = getattr(module, name)
            if name.startswith("_") or not callable(value):
                continue
            found[f"{entry.name}.{name}"] = value
            if inspect.isclass(value):
                for key, part in vars(value).items():
                    if not key.startswith("_") and (
                        inspect.isfunction(part) or isinstance(part, classmethod)
                    ):
                        found[f"{entry.name}.{name}.{key}"] = part
    return found
