"""Every public function of the package with valid arguments, and hostile values for each of them.

``CALLS`` names each public callable once: how it is called, and for each argument its *kind* and a
valid value. ``BAD`` holds, for each kind, values that must be refused. What is not in ``CALLS`` is
in ``RECORDS`` (plain data, without code of its own) or an exception.
"""

import dataclasses
import functools
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
from strategies import MODEL_SHAPES
from test_experiments import TINY

import hnn_tutorial
from hnn_tutorial import (
    check,
    cli,
    comparison,
    constraints,
    control,
    data,
    evaluation,
    experiments,
    finance,
    flows,
    integrators,
    mechanics,
    models,
    notebook,
    own_recording,
    palette,
    pixels,
    plotting,
    recordings,
    sampling,
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
ENERGIES = {"truth": SPRING.hamiltonian(PATH), "hnn": SPRING.hamiltonian(PATH)}
PLANES = {"truth": PATH}


@functools.cache
def own_fit():
    """A fit of ten seconds: not while the tests are collected, as each process does."""
    return own_recording.fit_recording(
        SEEN, FOLDER / "own", models=["second_order_mlp"], seeds=1, jobs=1, progress=False
    )


def of_own_fit(name):
    return lambda *given, **named: getattr(own_fit(), name)(*given, **named)


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
bracket = Arg(
    "callable",
    lambda x: mechanics.symplectic_form(1, dtype=x.dtype, device="cpu"),
    {f"gives {k}": v for k, v in RETURNS.items()}
    | {
        "gives a state": lambda x: x,
        "gives another size": lambda x: torch.zeros(4, 4, dtype=x.dtype),
        "is symmetric": lambda x: torch.ones(2, 2, dtype=x.dtype),
    },
)
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


# Rods, and what moves on them

LINKS = systems.LinkChain(2)
RODS = LINKS.constraints
MOVING = LINKS.velocities(LINKS.sample(3, 0))
points = Arg("tensor", MOVING[:, :4], {"another size": X})
moving = Arg("state", MOVING, {"another size": X, "NaN": MOVING * nan})
elbow = only(1, zero=0, two=2, text="left", none=None, true=True, a_fraction=0.5)
rods = only(RODS, none=None, text="rods", number=3, pairs=[(-1, 0)], the_class=constraints.Rods)
pair = only(
    (1, -1), none=None, text="01", one=(1,), fractions=(0.0, 1.0), itself=(1, 1), far=(1, 9)
)
masses_of_points = only(
    [1.0, 2.0],
    none=None,
    text="12",
    number=1.0,
    three=[1.0, 2.0, 3.0],
    zero=[1.0, 0.0],
    NaN=[1.0, nan],
    words=["a", "b"],
    not_symmetric=[[1.0, 0.5], [0.0, 1.0]],
    not_positive=[[1.0, 2.0], [2.0, 1.0]],
    ragged=[[1.0], [1.0, 2.0]],
    integers=torch.eye(2, dtype=torch.int64),
)
held = Arg(
    "callable",
    lambda q: q[..., :1] ** 2,
    {"text": "rods", "gives None": lambda q: None, "gives a scalar": lambda q: q.sum()},
)
weight = Arg(
    "callable",
    lambda q: q.sum(-1),
    {"gives None": lambda q: None, "gives the sum": lambda q: q.sum(), "gives q": lambda q: q},
)

Call = tuple[Callable, dict[str, Arg]]

LEFT_OUT = {
    r"systems\.(Poisson|Constrained)?System(\..*)?": "abstract; its methods stand here elsewhere",
    r"systems\.parameter": "a field of a dataclass, like dataclasses.field",
    r"systems\.DampedPendulum\.solution": "there is none; test_systems.py holds what it says",
    r"models\.(Model|FlowMap|LagrangianNetwork)(\..*)?": "abstract; likewise under each model",
    r"models\.(MotionVAE(\..*)?|negative_elbo)": "abstract; and called by fit, on its batches",
    r"models\.LatentMotion(\..*)?": "abstract; likewise under each of them",
    r"finance\.Diffusion(\..*)?": "abstract; its methods stand here under each model",
    r"flows\.AugmentedFlow(\..*)?": "abstract; its methods stand here under each flow",
    r"flows\.(\w+\.losses|NEGATIVE_LOG_LIKELIHOOD)": "called by fit, on its batches",
    r"models\.\w+\.(build|fewest_weights)": "called by the constructor or load_model alone",
    r"models\.\w+\.(field|acceleration)_jacobian": "called by Problem, which looked at the data",
    r"training\.(Adam|LevenbergMarquardt|(Torch)?Optimizer)\.\w+": "called by fit, on its problems",
    r"training\.TrajectoryResidual\.(jacobian|values)": "likewise",
    r"training\.(Residual|LearnableField(\..*)?)|mechanics\.\w*(Field|Function)": "a type",
    r"training\.Problem(\..*)?": "made by fit, for optimizers",
    r"control\.(ForcedField|Controller|Reference)": "a type",
    r"experiments\.(Task\.\w+|Recipe\.train)": "what a recipe brings with it",
    r"widgets\.\w+\.draw_picture": "called when a lab is saved, with a figure of its own",
}
"""Public, and yet not to be called with anything: why."""


def parameter_kind(value: Any, *, may_be_zero: bool = False, **meaning: str) -> "Arg":
    """What a parameter of a system may be."""
    if not isinstance(value, tuple):
        return Arg("not negative" if may_be_zero else "positive", value)
    return only(
        value,
        none=None,
        text="11",
        number=1.0,
        one=(1.0,),
        negative=(1.0, -1.0),
        NaN=(nan, 1.0),
        words=("a", "b"),
        two_axes=torch.ones(2, 2),
    )


OF_RODS = (systems.PendulumChain, systems.LinkChain, systems.FourBar)


def system_calls(kind: type) -> Iterator[tuple[str, Call]]:
    """Every method of a system."""
    name = f"systems.{kind.__name__}"
    made = kind()
    states = made.sample(3, 0)
    own = Arg("state", states, {"another size": torch.ones(3, made.dimension + 2).double()})
    if made.dimension == 3:
        own = own.but("an odd axis")
    parameters = {
        p.name: parameter_kind(p.value, **f.metadata)
        for p, f in zip(made.parameters, dataclasses.fields(made), strict=True)
    }
    if kind in OF_RODS:  # one number for all will do
        for several in [a for a in parameters.values() if not a.kind]:
            del several.more["number"]
    yield name, (kind, parameters)
    for part in ("hamiltonian", "field", "poisson_matrix"):
        yield f"{name}.{part}", (getattr(made, part), {"x": own})
    if made.canonical:
        yield f"{name}.velocities", (made.velocities, {"x": own})
        moving = dataclasses.replace(own, valid=0.3 * made.velocities(states))
        for part in ("lagrangian", "momenta", "second_order_field"):
            yield f"{name}.{part}", (getattr(made, part), {"x": moving})
    for part in (
        "potential",
        "squared_momentum",
        "mass_matrix",
        "modes",
        "non_canonical",
        "non_canonical_field",
        "laplace_vector",
        "momentum",
        "multipliers",
        "project",
    ):
        if hasattr(made, part):
            yield f"{name}.{part}", (getattr(made, part), {"x": own})
    for key, function in made.invariants.items():
        yield f"{name}.invariants[{key}]", (function, {"x": own})
    known = {
        "count": count(3),
        "seed": seed,
        "radius": radius,
        "position": dataclasses.replace(radius, valid=(0.5, 1.5)).but(origin=(0.0, 0.0)),
        "distance": dataclasses.replace(radius, valid=(2.0, 3.0)).but(one_place=(0.0, 0.0)),
        "energy": positive(0.1),
        "angle": not_negative(0.1),
        "speed": not_negative(0.1),
        "spread": not_negative(0.1),
        "track": not_negative(0.1),
        "elbow": elbow,
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
    shape = MODEL_SHAPES.get(kind.kind, {})
    degrees = 2 if shape else 1
    yield (
        name,
        (
            partial(kind, **shape),
            {
                "degrees": count(degrees),
                "hidden": hidden,
                "activation": Arg("name", "tanh"),
                "angles": only(
                    () if shape else (0,),
                    none=None,
                    text="0",
                    beyond=(1,),
                    twice=(0, 0),
                    floats=(0.0,),
                    number=3,
                ),
                "seed": seed,
                "dtype": dtype,
            },
        ),
    )
    made = kind(degrees, (3,), **shape)
    of_size = state4 if shape else planar
    x = of_size.but(float32=of_size.valid.float())
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
    if kind is models.PairwiseHNN:
        return
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
network_shape = {
    "hidden": hidden,
    "activation": Arg("name", "tanh"),
    "angles": only((0,), none=None, text="0", beyond=(2,), twice=(0, 0), floats=(0.0,), number=3),
    "seed": seed,
    "dtype": dtype,
}
bracket_alone = Arg("callable", bracket.valid)
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
plane = only(
    None,
    text="wide",
    number=2.0,
    a_pair=(0.0, 1.0),
    words=(("a", "b"), (0.0, 1.0)),
    backwards=((1.0, 0.0), (0.0, 1.0)),
    infinite=((0.0, inf), (0.0, 1.0)),
    of_a_known_one=((-1.0, 1.0), (-1.0, 1.0)),
)
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

RELATIVE = models.RelativeLNN(2, (3,), angles=(0, 1))
WALK = torch.randn(80, generator=torch.Generator().manual_seed(0)).double().cumsum(0)
STEP_MAP = finance.step_map(WALK)
EXECUTION = finance.Execution()
two_times = increasing.but(one=TIMES[:1])
own_widths = only((3,), none=None, text="3", number=3, zero=(0,), empty=(), fractions=(1.5,))
ROWS = torch.tensor([[0.03], [0.05], [0.04]], dtype=torch.float64)
DIFFUSIONS = (
    finance.Vasicek(),
    finance.CoxIngersollRoss(),
    finance.LinearDiffusion(-torch.eye(1).double()),
    finance.LearnedDiffusion(torch.neg, 1),
    finance.Merton(),
)
SABR, HESTON = finance.Sabr(), finance.Heston()
METRICS = (
    finance.MetricNetwork((2,), seed=0),
    finance.FreeMetric((2,), seed=0),
    finance.SabrMetric(),
)
FEW = torch.tensor([-0.1, 0.0, 0.2], dtype=torch.float64)
strikes = Arg("tensor", FEW, {"float32": FEW.float(), "NaN": FEW * nan})
strike_axis = strikes.but(**{"none": FEW[:0], "two axes": FEW[None], "no axis": FEW[0]})
today = Arg(
    "tensor",
    SABR.start,
    {"NaN": SABR.start * nan, "a batch": X, "float32": SABR.start.float()},
)
covariance = Arg(
    "callable",
    SABR.covariance,
    {"gives None": lambda q: None, "gives q": lambda q: q, "gives a number": lambda q: 1.0}
    | {"gives float32": lambda q: SABR.covariance(q).float()},
)
definite = covariance.but(
    **{
        "gives NaN": lambda q: SABR.covariance(q) * nan,
        "is negative": lambda q: -SABR.covariance(q),
    }
)
switch = only(False, none=None, text="no", number=0, a_tensor=X > 0)
price_state = Arg("tensor", X, {"another size": X4, "no axis": X[0, 0]})
metric_state = price_state.but(float32=X.float())
frequencies = Arg("tensor", FEW, {"NaN": FEW * nan}, fine=("complex",))
correlation = Arg("number", -0.4, {"one": 1.0, "below": -2.0})
REALISED = {
    "states": X,
    "covariances": SABR.covariance(X),
    "scales": torch.ones_like(X),
}
walk = Arg(
    "tensor",
    WALK,
    {
        "two axes": WALK.reshape(8, 10),
        "one": WALK[:1],
        "none": WALK[:0],
        "NaN": WALK * nan,
        "no axis": WALK[0],
    },
    fine=("NumPy",),
)
varied_walk = Arg(walk.kind, WALK, walk.more | {"the same": WALK[:1].expand(80)}, walk.fine)
MIXTURE = flows.GaussianMixture(X, 0.3)
POSTERIOR = sampling.StudentPosterior(X[:, 0])
posterior_point = Arg("tensor", X.reshape(2, 3), {"another size": X, "no axis": X[0, 0]})
mixture_point = Arg("tensor", X, {"another size": X4, "no axis": X[0, 0]})
plane_point = mixture_point.but(float32=X.float())
plane_state = Arg("tensor", X4, {"another size": X, "no axis": X[0, 0], "float32": X4.float()})
PAIRED_FLOWS = (
    flows.NeuralHamiltonianFlow(2, (3,), encoder=(3,)),
    flows.DrivenHamiltonianFlow(2, (3,), encoder=(3,)),
    flows.MotionFlow(models.SeparableHNN(2, (3,)), encoder=(3,)),
    flows.AugmentedNVP(2, (3,), 1, encoder=(3,)),
)
NVP = flows.RealNVP(2, (3,), 2)

PICTURES = pixels.pendulum_frames(X[:, 0], 6)
COMPONENTS = pixels.principal_components(PICTURES, 2)

CODES = torch.randn(4, 3, 3, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
UNIT_MASS = models.UnitMassHNN(1, (3,))
AUTOENCODER = models.Autoencoder(3, 1, (3,))
COORDINATE = models.LatentCoordinate(CODES[0, :2], UNIT_MASS, 0.1, (3,))
LATENT_STATE = models.LatentState(CODES[:, :2], HNN, 0.1, (3,))
DREAMS = (
    models.HGN(3, frames=2, look=(3,), decoder=(3,), hidden=(3,)),
    models.LatentODE(3, frames=2, look=(3,), decoder=(3,), hidden=(3,)),
)
clip = Arg(
    "tensor",
    CODES,
    {"one picture": CODES[:, :1], "another size": CODES[..., :2], "float32": CODES.float()},
)
of_a_clip = Arg("tensor", X4[0].reshape(2, 2).repeat(2, 1), {"another size": CODES[:, 0]})
codes = Arg("tensor", CODES[:, 0], {"another size": X, "float32": CODES[:, 0].float()})
latent_shape = {
    "law": only(
        UNIT_MASS, none=None, text="law", the_class=models.HNN, more_degrees=models.HNN(2, (3,))
    ),
    "step": positive(0.1),
    "hidden": hidden,
    "seed": seed,
}

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
    "mechanics.poisson_field": (
        outcome(mechanics.poisson_field),
        {"hamiltonian": scalar, "bracket": bracket, "x": state},
    ),
    "mechanics.jacobi_defect": (
        outcome(mechanics.jacobi_defect),
        {"bracket": bracket, "x": state},
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
    # constraints
    "constraints.Rods": (
        constraints.Rods,
        {
            "pairs": only(
                [(-1, 0), (0, 1)],
                none=None,
                text="01",
                number=3,
                none_at_all=[],
                one=[(-1, 0)],
                threes=[(-1, 0, 1), (0, 1, 2)],
                twice=[(0, 1), (1, 0)],
                a_gap=[(-1, 0), (0, 2)],
                no_anchor=[(-2, 0), (0, 1)],
                between_anchors=[(-1, -1), (0, 1)],
            ),
            "lengths": only(
                [1.0, 2.0], none=None, text="12", one=[1.0], zero=[1.0, 0.0], NaN=[1.0, nan]
            ),
            "anchors": only(
                [(0.0, 0.0)],
                none=None,
                text="00",
                number=1.0,
                three=[(0.0, 0.0, 0.0)],
                NaN=[(0, nan)],
            ),
            "dimension": count(2),
        },
    ),
    "constraints.Rods.vectors": (RODS.vectors, {"q": points}),
    "constraints.Rods.values": (RODS.values, {"q": points}),
    "constraints.Rods.jacobian": (RODS.jacobian, {"q": points}),
    "constraints.Rods.rates": (RODS.rates, {"q": points, "velocity": points}),
    "constraints.Rods.curvature": (RODS.curvature, {"velocity": points}),
    "constraints.Rods.with_rod": (
        RODS.with_rod,
        {
            "pair": pair,
            "length": positive(1.0),
            "anchor": only(None, text="00", number=1.0, one=(0.0,), NaN=(0.0, nan)),
        },
    ),
    "constraints.Rods.project": (
        RODS.project,
        {
            "y": moving,
            "masses": only([1.0, 2.0], text="12", number=1.0, zero=[1.0, 0.0], one=[1.0]),
        },
    ),
    "constraints.Rods.check": (
        RODS.check,
        {"y": moving.but(off=MOVING + 0.1), "name": Arg("", "state")},
    ),
    "constraints.point_masses": (
        constraints.point_masses,
        {"masses": masses_of_points, "points": count(2)},
    ),
    "constraints.ConstrainedField": (
        constraints.ConstrainedField,
        {
            "force": Arg("callable", lambda q: -q),
            "masses": masses_of_points,
            "constraints": rods,
            "momenta": only(True, none=None, text="yes", number=1),
        },
    ),
    "constraints.ConstrainedField.multipliers": (
        LINKS.constrained_field.multipliers,
        {"x": Arg("state", MOVING, {"another size": X})},
    ),
    "constraints.constrained_field": (
        lambda x, **given: constraints.constrained_field(**given)(x),
        {
            "potential": weight,
            "masses": masses_of_points,
            "constraints": rods,
            "momenta": only(True, none=None, text="yes", number=1),
            "force": only(None, text="force", number=3, as_well=lambda q: -q),
            "x": Arg("state", MOVING, {"another size": X}),
        },
    ),
    "constraints.add_constraints": (
        outcome(constraints.add_constraints),
        {
            "field": field,
            "mass_matrix": Arg(
                "callable",
                lambda y: torch.ones(*y.shape[:-1], 1, 1).to(y),
                {"gives None": lambda y: None, "gives a state": lambda y: y},
            ),
            "constraints": held,
            "x": state,
        },
    ),
    "constraints.constrained_lagrangian_field": (
        outcome(constraints.constrained_lagrangian_field),
        {"lagrangian": lagrangian, "constraints": held, "x": state},
    ),
    # integrators
    "integrators.integrate, rattle": (
        partial(integrators.integrate, LINKS.field, method="rattle"),
        {
            "x0": Arg("state", LINKS.sample(3, 0), {"off the rods": MOVING + 0.1, "size": X}).but(
                "NumPy"
            ),
            "times": monotone,
            "step": step,
        },
    ),
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
    "integrators.Counted": (integrators.Counted, {"field": Arg("callable", SPRING.field)}),
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
    "data.Trajectories.pairs": (TRAJECTORIES.pairs, {}),
    "data.Trajectories.midpoints": (TRAJECTORIES.midpoints, {}),
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
    "evaluation.alignment_index": (
        evaluation.alignment_index,
        {
            "field": field,
            "x0": state.but(NaN=X * nan, one_component=X[..., :1]),
            "times": monotone.but(**{"one time": TIMES[:1]}),
            "method": method.but(adaptive="dop853"),
            "step": step,
            "seed": seed,
        },
    ),
    "evaluation.turning_rate": (
        evaluation.turning_rate,
        {"states": path.but(other_size=X4), "times": increasing},
    ),
    # sampling
    "sampling.hamiltonian_monte_carlo": (
        sampling.hamiltonian_monte_carlo,
        {
            "potential": Arg("scalar function", SPRING.hamiltonian),
            "start": Arg(
                "tensor",
                X,
                {"one chain": X[0], "no axis": X[0, 0], "no chains": X[:0], "NaN": X * nan},
            ),
            "count": count(2),
            "step": Arg("positive", 0.1),
            "steps": count(2),
            "seed": seed,
            "force": Arg("field", lambda q: -q, fine=("None",)),
            "method": Arg("name", "leapfrog", {"adaptive": "dop853"}),
            "accept": only(True, none=None, number=1, text="yes"),
        },
    ),
    "sampling.StudentPosterior": (
        sampling.StudentPosterior,
        {
            "returns": Arg(
                "tensor",
                X[:, 0],
                {"one": X[0, :1], "two axes": X, "NaN": X[:, 0] * nan, "equal": X[:, 0] * 0},
                ("NumPy",),
            ),
        },
    ),
    "sampling.StudentPosterior.parameters": (POSTERIOR.parameters, {"q": posterior_point}),
    "sampling.StudentPosterior.potential": (POSTERIOR.potential, {"q": posterior_point}),
    "sampling.StudentPosterior.force": (POSTERIOR.force, {"q": posterior_point}),
    "sampling.effective_size": (
        sampling.effective_size,
        {
            "values": Arg(
                "tensor",
                torch.stack([X, X + 0.1, 2 * X]),
                {"one axis": X[0], "one chain": X[:, :1], "no draws": X[:0], "NaN": X * nan},
            ),
        },
    ),
    "models.RelativeLNN": (
        models.RelativeLNN,
        {
            "degrees": count(2).but(one=1),
            "hidden": hidden,
            "activation": Arg("name", "tanh"),
            "angles": only((0, 1), none=None, text="0", one=(0,), beyond=(0, 2), number=3),
            "seed": seed,
            "dtype": dtype,
        },
    ),
    "models.RelativeLNN.potential": (
        RELATIVE.potential,
        {"q": Arg("tensor", X, {"another size": X4, "no axis": X[0, 0], "float32": X.float()})},
    ),
    **{
        f"models.RelativeLNN.{part}": (
            getattr(RELATIVE, part),
            {"x": state4.but(float32=X4.float())},
        )
        for part in ("field", "forward", "lagrangian", "energy", "mass_matrix", "acceleration")
    },
    # finance
    "finance.has_series": (finance.has_series, {"name": Arg("name", "log_spread")}),
    "finance.load_series": (
        finance.load_series,
        {"name": Arg("name", "bill_rate", valid_fails=not finance.has_series("bill_rate"))},
    ),
    **{
        f"finance.{name}": (
            getattr(finance, name),
            {"name": Arg("name", "bill_rate"), "seed": seed},
        )
        for name in ("series_twin", "market_series")
    },
    "finance.Execution": (
        finance.Execution,
        {
            "impact": positive(1.0),
            "exponent": positive(0.6, {"above one": 1.5}),
            "aversion": positive(1.0),
            "volatility": positive(2.0),
        },
    ),
    **{
        f"finance.Execution.{part}": (getattr(EXECUTION, part), {"x": planar})
        for part in ("lagrangian", "energy")
    },
    "finance.Execution.impact_cost": (EXECUTION.impact_cost, {"rate": Arg("tensor", X)}),
    "finance.Execution.path": (
        EXECUTION.path,
        {"shares": positive(1.0), "times": two_times},
    ),
    "finance.Execution.least_cost": (
        EXECUTION.least_cost,
        {"shares": positive(1.0), "horizon": positive(1.0)},
    ),
    "finance.Execution.excess": (
        EXECUTION.excess,
        {
            "schedule": Arg(
                "tensor",
                torch.linspace(1, 0, 5).double(),
                {"too short": TIMES[:2], "NaN": TIMES * nan, "nothing": 0 * TIMES},
            ),
            "times": two_times,
        },
    ),
    "finance.Execution.trades": (
        EXECUTION.trades,
        {
            "count": count(3),
            "noise": not_negative(0.1),
            "fastest": positive(2.0),
            "group": count(1).but(two=2),
            "seed": seed,
        },
    ),
    "finance.PowerCost": (
        finance.PowerCost,
        {"exponent": positive(1.0, fine=("None",))},
    ),
    **{
        f"finance.{kind.__name__}": (kind, {"hidden": own_widths, "seed": seed})
        for kind in (finance.FreeCost, finance.ConvexCost)
    },
    **{
        f"finance.{type(made).__name__}.forward": (
            made.forward,
            {"rate": Arg("tensor", X, {"float32": X.float()})},
        )
        for made in (finance.PowerCost(), finance.FreeCost((2,)), finance.ConvexCost((2,)))
    },
    "finance.cost_residual": (
        finance.cost_residual,
        {
            "model": Arg("callable", finance.PowerCost()),
            "batch": only(
                EXECUTION.trades(3, 0.1, seed=0), none=None, empty={}, one_key={"rates": X}
            ),
        },
    ),
    "finance.cheapest_schedule": (
        finance.cheapest_schedule,
        {
            "cost": Arg(
                "callable",
                EXECUTION.impact_cost,
                {"gives None": lambda v: None, "gives a number": lambda v: v.sum()}
                | {"gives NaN": lambda v: v * nan},
            ),
            "risk": not_negative(1.0),
            "shares": positive(1.0),
            "times": two_times,
        },
    ),
    **{
        f"finance.{kind.__name__}": (
            kind,
            {
                "reversion": positive(0.3),
                "level": level,
                "volatility": positive(0.1),
            },
        )
        for kind, level in (
            (finance.Vasicek, Arg("number", 0.04, fine=("NaN", "inf"))),
            (finance.CoxIngersollRoss, positive(0.04)),
        )
    },
    "finance.LinearDiffusion": (
        finance.LinearDiffusion,
        {
            "matrix": Arg(
                "tensor",
                torch.eye(2).double(),
                {"no square": X, "one axis": X[:, 0], "NaN": torch.eye(2).double() * nan},
            ),
            "volatility": positive(0.1),
        },
    ),
    "finance.LearnedDiffusion": (
        finance.LearnedDiffusion,
        {
            "field": Arg("callable", torch.neg),
            "dimension": count(1),
            "volatility": positive(0.1),
        },
    ),
    "finance.Merton": (
        finance.Merton,
        {
            "value": positive(140.0),
            "debt": positive(100.0),
            "growth": Arg("number", 0.05, fine=("NaN", "inf")),
            "volatility": positive(0.2),
        },
    ),
    "finance.Merton.path": (finance.Merton().path, {"times": increasing.but(one=TIMES[:1])}),
    **{
        f"finance.Merton.{part}": (
            getattr(finance.Merton(), part),
            {"horizon": positive(1.0)},
        )
        for part in ("distance", "default_probability")
    },
    "finance.Vasicek.mean": (
        finance.Vasicek().mean,
        {name: Arg("number", 0.5, fine=("NaN", "inf")) for name in ("start", "time")},
    ),
    "finance.Vasicek.deviation": (finance.Vasicek().deviation, {"time": positive(1.0)}),
    "finance.Vasicek.path": (
        finance.Vasicek().path,
        {
            "start": Arg("number", 0.03, fine=("NaN", "inf")),
            "end": Arg("number", 0.05, fine=("NaN", "inf")),
            "times": increasing.but(one=TIMES[:1]),
        },
    ),
    "finance.CoxIngersollRoss.path": (
        finance.CoxIngersollRoss().path,
        {
            "start": positive(0.03),
            "end": positive(0.05),
            "times": increasing.but(one=TIMES[:1], endless=torch.tensor([0.0, 1e6])),
        },
    ),
    **{
        f"finance.{type(made).__name__}.{part}": (
            getattr(made, part),
            {"q": Arg("tensor", ROWS, {"another size": X4, "no axis": X[0, 0]})},
        )
        for made in DIFFUSIONS
        for part in ("drift", "noise")
    },
    **{
        f"finance.{type(made).__name__}.{part}": (
            getattr(made, part),
            {"x": Arg("state", X, {"another size": X4})},
        )
        for made in DIFFUSIONS
        for part in ("lagrangian", "hamiltonian")
    },
    **{
        f"finance.{type(made).__name__}.simulate": (
            made.simulate,
            {
                "start": Arg(
                    "tensor",
                    ROWS,
                    {"another size": X4, "one path": ROWS[0], "NaN": ROWS * nan}
                    | {"float32": ROWS.float()},
                ),
                "times": increasing,
                "seed": seed,
                "substeps": count(1),
            },
        )
        for made in DIFFUSIONS
    },
    **{
        f"finance.{type(made).__name__}.most_likely": (
            made.most_likely,
            {
                "start": Arg("tensor", ROWS[0], {"a batch": ROWS, "NaN": ROWS[0] * nan}),
                "end": Arg("tensor", ROWS[1], {"a batch": ROWS, "NaN": ROWS[1] * nan}),
                "times": increasing.but(two=TIMES[:2]),
                "guess": Arg(
                    "tensor",
                    torch.full((5, 1), 0.5).double(),
                    {"another length": ROWS, "another size": torch.ones(5, 2).double()},
                    fine=("None",),
                ),
            },
        )
        for made in DIFFUSIONS
    },
    "finance.black_scholes": (
        finance.black_scholes,
        {
            "log_strikes": strikes,
            "volatility": positive(0.2, {"a tensor below zero": -FEW}, fine=("two numbers",)),
            "expiry": positive(0.5),
            "put": switch,
        },
    ),
    "finance.implied_volatility": (
        finance.implied_volatility,
        {
            "price": Arg(
                "tensor",
                finance.black_scholes(FEW, 0.3, 0.5),
                {"NaN": FEW * nan, "too much": FEW + 2, "another size": X[:2, 0]},
            ),
            "log_strikes": strikes,
            "expiry": positive(0.5),
            "put": switch,
        },
    ),
    **{
        f"finance.{name}": (
            outcome(getattr(finance, name), "covariance"),
            {"x": Arg("state", X4), "covariance": known},
        )
        for name, known in (("metric_lagrangian", definite), ("metric_hamiltonian", covariance))
    },
    **{
        f"finance.{name}": (
            getattr(finance, name),
            {
                "covariance": definite,
                "start": today,
                "log_strikes": strike_axis,
                "steps": count(4),
            },
        )
        for name in ("geodesics", "shoot_geodesics", "smile")
    },
    "finance.Sabr": (
        finance.Sabr,
        {
            "volatility": positive(0.25),
            "vol_of_vol": positive(0.8),
            "correlation": correlation,
            "exponent": Arg("not negative", 0.5, {"above one": 1.5}),
        },
    ),
    "finance.Heston": (
        finance.Heston,
        {
            **{n: positive(0.3) for n in ("variance", "reversion", "level", "vol_of_vol")},
            "correlation": correlation,
        },
    ),
    **{
        f"finance.{type(made).__name__}.covariance": (made.covariance, {"q": price_state})
        for made in (SABR, HESTON)
    },
    **{
        f"finance.{type(made).__name__}.{part}": (getattr(made, part), {"x": state4})
        for made, parts in ((SABR, ("lagrangian", "hamiltonian")), (HESTON, ("hamiltonian",)))
        for part in parts
    },
    **{
        f"finance.Sabr.{part}": (getattr(SABR, part), {"log_strikes": strikes})
        for part in ("short_volatility", "distance")
    },
    "finance.Sabr.hagan": (SABR.hagan, {"log_strikes": strikes, "expiry": not_negative(0.5)}),
    "finance.Sabr.monte_carlo": (
        SABR.monte_carlo,
        {
            "log_strikes": strike_axis,
            "expiry": positive(0.5),
            "paths": count(4).but(odd=7, two=2),
            "steps": count(2),
            "seed": seed,
        },
    ),
    "finance.Heston.characteristic": (
        HESTON.characteristic,
        {"u": frequencies, "expiry": positive(0.5)},
    ),
    "finance.Heston.flow_characteristic": (
        HESTON.flow_characteristic,
        {"u": frequencies, "expiry": positive(0.5), "steps": count(4)},
    ),
    "finance.Heston.call": (
        HESTON.call,
        {
            "log_strikes": strikes,
            "expiry": positive(0.5, {"an instant": 1e-12}),
            "steps": Arg("count", None),
        },
    ),
    "finance.affine_exponent": (
        finance.affine_exponent,
        {
            "hamiltonian": Arg(
                "scalar function", HESTON.hamiltonian, {"is not affine": SPRING.hamiltonian}
            ),
            "p": Arg("tensor", X, {"NaN": X * nan, "no axis": X[0, 0]}),
            "maturity": positive(0.5),
            "steps": count(4),
        },
    ),
    "finance.bond_price": (
        finance.bond_price,
        {
            "model": only(
                finance.Vasicek(),
                none=None,
                text="vasicek",
                the_class=finance.Vasicek,
                spring=SPRING,
            ),
            "rate": Arg("number", 0.03),
            "maturity": positive(2.0),
            "steps": count(5),
        },
    ),
    **{
        f"finance.{type(made).__name__}.bond": (
            made.bond,
            {"rate": rate, "maturity": positive(2.0)},
        )
        for made, rate in (
            (finance.Vasicek(), Arg("number", 0.03)),
            (finance.CoxIngersollRoss(), not_negative(0.03)),
        )
    },
    **{
        f"finance.{kind.__name__}": (
            kind,
            {
                "hidden": own_widths,
                "dimension": count(2),
                "activation": Arg("name", "tanh"),
                "seed": seed,
                "dtype": dtype,
            },
        )
        for kind in (finance.MetricNetwork, finance.FreeMetric)
    },
    "finance.SabrMetric": (finance.SabrMetric, {}),
    **{
        f"finance.{type(made).__name__}.covariance": (made.covariance, {"q": metric_state})
        for made in METRICS
    },
    "finance.realised_covariances": (
        finance.realised_covariances,
        {
            "covariance": definite,
            "states": Arg("tensor", X, {"one": X[0], "NaN": X * nan}),
            "increments": count(2),
            "seed": seed,
        },
    ),
    "finance.metric_residual": (
        finance.metric_residual,
        {
            "model": only(METRICS[0], none=None, text="metric", no_covariance=torch.nn.Identity()),
            "batch": only(
                REALISED,
                none=None,
                empty={},
                one_key={"states": X},
                lists=REALISED | {"states": X.tolist()},
                other_lengths=REALISED | {"states": X[:2]},
                other_scales=REALISED | {"scales": X4},
                other_covariances=REALISED | {"covariances": X},
            ),
        },
    ),
    "finance.StepMap.map": (STEP_MAP.map, {"x": planar}),
    "finance.lagged_states": (finance.lagged_states, {"values": walk}),
    "finance.step_map": (finance.step_map, {"values": varied_walk, "steps": count(2)}),
    "finance.reversal": (finance.reversal, {"values": varied_walk}),
    "finance.resampled": (
        finance.resampled,
        {
            "statistic": Arg("callable", finance.reversal),
            "values": varied_walk,
            "seed": seed,
            "length": count(2),
            "block": count(20),
            "repeats": count(3),
        },
    ),
    "finance.map_forecast": (
        finance.map_forecast,
        {"step": Arg("field", STEP_MAP.map), "values": walk, "steps": count(2), "train": count(40)},
    ),
    "finance.forecast_error": (
        finance.forecast_error,
        {"forecast": walk.but("the same"), "came": walk.but("the same")},
    ),
    "finance.har_forecast": (
        finance.har_forecast,
        {
            "values": walk,
            "steps": count(2),
            "train": count(40),
            "windows": only((1, 4), none=None, text="14", number=3, empty=(), zero=(0, 4)),
        },
    ),
    # flows
    "flows.GaussianMixture": (
        flows.GaussianMixture,
        {
            "centres": Arg("tensor", X, {"one": X[0], "none": X[:0], "NaN": X * nan}, ("NumPy",)),
            "width": Arg("positive", 0.3),
        },
    ),
    "flows.GaussianMixture.sample": (MIXTURE.sample, {"count": count(3), "seed": seed}),
    "flows.GaussianMixture.log_prob": (MIXTURE.log_prob, {"x": mixture_point}),
    "flows.GaussianMixture.potential": (MIXTURE.potential, {"x": mixture_point}),
    "flows.GaussianMixture.score": (MIXTURE.score, {"x": mixture_point}),
    "flows.flow_data": (
        flows.flow_data,
        {"density": only(MIXTURE), "count": count(3), "seed": seed, "draws": count(2)}
        | {"dtype": dtype},
    ),
    "flows.kl_to_truth": (
        flows.kl_to_truth,
        {"flow": only(NVP), "density": only(MIXTURE), "seed": seed, "count": count(3)}
        | {"draws": count(2)},
    ),
    "flows.share_astray": (
        flows.share_astray,
        {"samples": mixture_point, "density": only(MIXTURE), "seed": seed, "count": count(3)},
    ),
    **{
        f"flows.{kind.__name__}": (
            kind,
            {
                "dimension": count(2),
                "hidden": hidden,
                "activation": Arg("name", "tanh"),
                "steps": count(3),
                "duration": Arg("positive", 1.0),
                "stiffness": Arg("positive", 2.0),
                "encoder": hidden,
                "seed": seed,
                "dtype": dtype,
            },
        )
        for kind in (flows.NeuralHamiltonianFlow, flows.DrivenHamiltonianFlow)
    },
    "flows.MotionFlow": (
        flows.MotionFlow,
        {
            "model": only(
                models.SeparableHNN(2, (3,)),
                text="H",
                no_field=torch.nn.Linear(4, 4),
                not_separable=models.HNN(2, (3,)),
                number=3,
            ),
            "dimension": only(2, zero=0, negative=-1, text="two", half=2.5, another=3),
            "steps": count(3),
            "duration": Arg("positive", 1.0),
            "encoder": hidden,
            "seed": seed,
            "dtype": only(torch.float64, text="float64", whole=torch.int64),
        },
    ),
    "flows.RealNVP": (
        flows.RealNVP,
        {"dimension": count(2).but(one=1), "hidden": hidden, "layers": count(3), "seed": seed}
        | {"dtype": dtype},
    ),
    "flows.AugmentedNVP": (
        flows.AugmentedNVP,
        {"dimension": count(2), "hidden": hidden, "layers": count(3)}
        | {"stretch": only(True, none=None, number=1, text="yes")}
        | {"encoder": hidden, "seed": seed, "dtype": dtype},
    ),
    **{
        f"flows.{type(flow).__name__}.{part}": (getattr(flow, part), given)
        for flow in PAIRED_FLOWS
        for part, given in {
            "forwards": {"q": plane_point, "p": plane_point},
            "backwards": {"q": plane_point, "p": plane_point},
            "momenta": {"x": plane_point, "noise": plane_point},
            "elbo": {"x": plane_point, "noise": plane_point},
            "log_prob": {"x": plane_point, "seed": seed, "draws": count(3)},
            "sample": {"count": count(3), "seed": seed},
        }.items()
    },
    "flows.NeuralHamiltonianFlow.potential": (PAIRED_FLOWS[0].potential, {"q": plane_point}),
    "flows.DrivenHamiltonianFlow.potential": (
        PAIRED_FLOWS[1].potential,
        {"t": only(0.3, text="t", none=None, NaN=nan), "q": plane_point},
    ),
    "flows.NeuralHamiltonianFlow.hamiltonian": (PAIRED_FLOWS[0].hamiltonian, {"x": plane_state}),
    "flows.NeuralHamiltonianFlow.field": (PAIRED_FLOWS[0].field, {"x": plane_state}),
    "flows.RealNVP.forwards": (NVP.forwards, {"z": plane_point}),
    "flows.RealNVP.backwards": (NVP.backwards, {"x": plane_point}),
    "flows.RealNVP.log_prob": (NVP.log_prob, {"x": plane_point}),
    "flows.RealNVP.sample": (NVP.sample, {"count": count(3), "seed": seed}),
    # dreamed motion
    **{
        f"models.{kind.__name__}": (
            kind,
            {"codes": count(3), "frames": count(2).but(one=1), "dt": positive(0.1)}
            | {
                "degrees": count(2),
                "look": hidden,
                "decoder": hidden,
                "hidden": hidden,
                "seed": seed,
                "dtype": dtype,
            },
        )
        for kind in (models.HGN, models.LatentODE)
    },
    **{
        f"models.{type(model).__name__}.{part}": (getattr(model, part), given)
        for model in DREAMS
        for part, given in {
            "posterior": {"clip": clip},
            "state": {"z": of_a_clip},
            "rollout": {
                "x": of_a_clip,
                "steps": count(3),
                "dt": only(0.1, text="dt", NaN=nan, infinite=inf),
            },
            "decode": {"x": of_a_clip},
            "divergence": {"mean": of_a_clip, "log_width": of_a_clip},
            "elbo": {"clip": clip, "noise": of_a_clip},
            "step": {"x": of_a_clip, "dt": only(0.1, text="dt", none=None, NaN=nan)},
        }.items()
    },
    "models.HGN.hamiltonian": (DREAMS[0].hamiltonian, {"x": of_a_clip}),
    "models.LatentODE.acceleration": (DREAMS[1].acceleration, {"x": of_a_clip}),
    "models.clip_windows": (
        models.clip_windows,
        {
            "codes": Arg("tensor", CODES, {"one clip": CODES[0], "NaN": CODES * nan}),
            "frames": count(2).but(too_many=4),
            "seed": seed,
            "every": count(1),
            "degrees": count(2),
        },
    ),
    # learned coordinates
    "models.UnitMassHNN": (models.UnitMassHNN, {"degrees": count(2), **network_shape}),
    **{
        f"models.UnitMassHNN.{part}": (
            getattr(UNIT_MASS, part),
            {"x": planar.but(float32=X.float())},
        )
        for part in ("field", "forward", "hamiltonian")
    },
    "models.UnitMassHNN.potential": (
        UNIT_MASS.potential,
        {"q": Arg("tensor", X[:, :1], {"another size": X, "float32": X[:, :1].float()})},
    ),
    "models.Autoencoder": (
        models.Autoencoder,
        {
            "codes": count(3),
            "latent": count(1),
            **{key: value for key, value in network_shape.items() if key != "angles"},
        },
    ),
    **{
        f"models.Autoencoder.{part}": (getattr(AUTOENCODER, part), {key: codes})
        for part, key in (("encode", "codes"), ("forward", "codes"))
    },
    "models.Autoencoder.decode": (
        AUTOENCODER.decode,
        {"z": Arg("tensor", X[:, :1], {"another size": X, "float32": X[:, :1].float()})},
    ),
    "models.Autoencoder.residual": (
        AUTOENCODER.residual,
        {"batch": only({"now": CODES[:, 0]}, none=None, text="now", empty={}, number=3)},
    ),
    "models.LatentCoordinate": (
        models.LatentCoordinate,
        {
            "ends": Arg(
                "tensor",
                CODES[0, :2],
                {"three": CODES[0, :3], "one": CODES[0, :1], "equal": CODES[0, :1].expand(2, -1)},
            ),
            **latent_shape,
        },
    ),
    "models.LatentCoordinate.coordinate": (COORDINATE.coordinate, {"codes": codes}),
    "models.LatentCoordinate.coordinates": (COORDINATE.coordinates, {"states": planar}),
    "models.LatentState": (
        models.LatentState,
        {
            "anchors": Arg("tensor", CODES[:, :2], {"two": CODES[:2, :2], "runs": CODES}),
            **latent_shape,
        },
    ),
    **{
        f"models.{type(each).__name__}.{part}": (
            getattr(each, part),
            {"first": codes, "second": codes, **({"steps": count(2)} if part == "rollout" else {})},
        )
        for each in (COORDINATE, LATENT_STATE)
        for part in ("states", "rollout")
    },
    **{
        f"models.{type(each).__name__}.residual": (
            each.residual,
            {
                "batch": only(
                    pixels.consecutive(CODES),
                    none=None,
                    text="frames",
                    empty={},
                    one={"now": CODES[:, 0]},
                    number=3,
                )
            },
        )
        for each in (COORDINATE, LATENT_STATE)
    },
    # pixels
    "pixels.consecutive": (
        pixels.consecutive,
        {
            "codes": Arg(
                "tensor",
                CODES,
                {"two frames": CODES[:, :2], "one clip": CODES[0], "NaN": CODES * nan},
            )
        },
    ),
    "pixels.farthest_pair": (
        pixels.farthest_pair,
        {"codes": Arg("tensor", CODES, {"one": CODES[0, :1], "flat": CODES[0, 0]})},
    ),
    "pixels.cosine_decoder": (
        pixels.cosine_decoder,
        {
            "q": Arg(
                "tensor",
                X[:, 0],
                {"fewer": X[:2, 0], "equal": 0 * X[:, 0], "float32": X[:, 0].float()},
            ),
            "frames": Arg("tensor", PICTURES, {"one": PICTURES[0], "NaN": PICTURES * nan}),
            "count": count(2).but(too_many=4),
        },
    ),
    "pixels.CosineDecoder.decode": (
        pixels.cosine_decoder(X[:, 0], PICTURES, 2).decode,
        {"q": Arg("tensor", X[:, 0], {"float32": X[:, 0].float()})},
    ),
    # pixels
    "pixels.pendulum_frames": (
        pixels.pendulum_frames,
        {
            "angle": Arg("tensor", X[:, 0], {"NaN": X[:, 0] * nan}),
            "size": count(6),
            "width": Arg("positive", 0.1),
            "softness": not_negative(0.03),
            "view": Arg("positive", 1.2),
            "supersample": count(2),
        },
    ),
    "pixels.principal_components": (
        pixels.principal_components,
        {
            "frames": Arg("tensor", PICTURES, {"one": PICTURES[0], "NaN": PICTURES * nan}),
            "count": count(2).but(too_many=4),
        },
    ),
    "pixels.PrincipalComponents.encode": (
        COMPONENTS.encode,
        {"frames": Arg("tensor", PICTURES, {"another size": PICTURES[..., :5]})},
    ),
    "pixels.PrincipalComponents.decode": (
        COMPONENTS.decode,
        {"codes": Arg("tensor", X, {"another size": X4})},
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
    "own_recording.Outcome.best": (of_own_fit("best"), {}),
    "own_recording.Outcome.held_out": (of_own_fit("held_out"), {}),
    "own_recording.Outcome.rows": (of_own_fit("rows"), {}),
    "own_recording.Outcome.untried": (of_own_fit("untried"), {}),
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
    "models.ConvexNetwork": (
        models.ConvexNetwork,
        {
            "sizes": only(
                (2, 3, 1),
                none=None,
                text="231",
                too_short=(2, 1),
                two_outputs=(2, 3, 2),
                zero=(2, 0, 1),
                fractions=(2.0, 3.0, 1.0),
            ),
            "even": only(False, none=None, number=1, text="yes"),
            "seed": seed,
            "dtype": dtype,
        },
    ),
    "models.ConvexNetwork.forward": (
        models.ConvexNetwork((2, 3, 1)).forward,
        {"x": Arg("tensor", X, {"another size": X4, "float32": X.float(), "no axis": X[0, 0]})},
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
    "models.DenseNetwork.value_jacobian": (dense.value_jacobian, {"x": dense_x}),
    "models.DenseNetwork.slope_jacobian": (
        dense.slope_jacobian,
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
    "models.ForcedMLP": (
        models.ForcedMLP,
        {
            "degrees": count(2),
            **network_shape,
            "gain_hidden": hidden,
            "inputs": count(1),
        },
    ),
    **{
        f"models.ForcedMLP.{part}": (
            getattr(models.ForcedMLP(1, (3,)), part),
            {"x": planar.but(float32=X.float()), "u": only(X[:, :1], two=X, none=None, text="u")},
        )
        for part in ("field", "forward")
    },
    "models.TorqueMLP": (models.TorqueMLP, {"degrees": count(2), **network_shape}),
    **{
        f"models.TorqueMLP.{part}": (
            getattr(models.TorqueMLP(1, (3,)), part),
            {
                "x": planar.but(float32=X.float()),
                "acceleration": only(X[:, :1], two=X, none=None, text="u"),
            },
        )
        for part in ("inverse_dynamics", "forward")
    },
    "models.ConstrainedLNN": (
        models.ConstrainedLNN,
        {
            "rods": rods,
            **{key: value for key, value in network_shape.items() if key != "angles"},
            "couplings": only(True, none=None, text="yes", number=1),
        },
    ),
    **{
        f"models.ConstrainedLNN.{part}": (
            getattr(models.ConstrainedLNN(RODS, (3,)), part),
            {"x": Arg("state", MOVING, {"another size": X, "float32": MOVING.float()})},
        )
        for part in (
            "field",
            "forward",
            "lagrangian",
            "energy",
            "mass_matrix",
            "acceleration",
            "multipliers",
        )
    },
    **{
        f"models.ConstrainedLNN.{part}": (
            getattr(models.ConstrainedLNN(RODS, (3,)), part),
            {"q": points.but(float32=MOVING[:, :4].float())},
        )
        for part in ("potential", "pull")
    },
    "models.ConstrainedLNN.with_constraints": (
        models.ConstrainedLNN(RODS, (3,)).with_constraints,
        {"rods": rods.but(one=systems.LinkChain(1).constraints)},
    ),
    "models.PoissonNN": (
        models.PoissonNN,
        {"dimension": count(2), "bracket": bracket_alone, **network_shape},
    ),
    "models.LearnedBracketNN": (
        models.LearnedBracketNN,
        {"dimension": count(2), **network_shape},
    ),
    **{
        f"models.{type(made).__name__}.{part}": (
            getattr(made, part),
            {"x": planar.but(float32=X.float())},
        )
        for made in (models.PoissonNN(2, bracket.valid, (3,)), models.LearnedBracketNN(2, (3,)))
        for part in ("field", "forward", "hamiltonian", "poisson_matrix")
    },
    **{
        f"models.{kind.__name__}": (
            kind,
            {
                "degrees": count(1),
                **network_shape,
                "angles": only((), none=None, text="0", beyond=(1,), twice=(0, 0), number=3),
            },
        )
        for kind in models.MAPS.values()
    },
    **{
        f"models.{kind.__name__}.{part}": (
            getattr(kind(1, (3,)), part),
            {"x": planar.but(float32=X.float())},
        )
        for kind in models.MAPS.values()
        for part in ("map", "forward", "inverse")
        if hasattr(kind, part)
    },
    "models.SympNet.iterate": (
        models.SympNet(1, (3,)).iterate,
        {"x": planar.but(float32=X.float()), "steps": count(2)},
    ),
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
    "training.SampleLoss": (
        training.SampleLoss,
        {"function": Arg("callable", lambda model, batch: batch["states"][:, 0])},
    ),
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
    "training.map_residual": (
        training.map_residual,
        {
            "model": Arg("model", models.SympNet(1, (3,)), {"a field": HNN}),
            "batch": Arg("data", {"states": X, "images": X}, fine=("NaN",)),
        },
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
    "experiments.stored_rows": (
        experiments.stored_rows,
        {"prefix": Arg("name", "real_pendulum: ")},
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
            "plane": plane,
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
            "plane": plane,
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
    "widgets.FlowLab": (
        widgets.FlowLab,
        {
            "flow": Arg(
                "model",
                flows.NeuralHamiltonianFlow(2, (3,), encoder=(3,)),
                {"another": NVP, "in space": flows.NeuralHamiltonianFlow(3, (3,), encoder=(3,))},
            ),
            "target": only(MIXTURE, text="moons", tensor=X, number=3),
            "samples": count(20).but("a float", "True", too_many=10_000, too_few=2),
            "start": only(
                None, words=["a", "b"], text="ab", two=[1.0, 2.0], NaN=[nan] * 4, number=1.0
            ),
            "seed": seed,
        },
    ),
    "widgets.LatentLab": (
        widgets.LatentLab,
        {
            "potential": Arg(
                "model",
                models.DenseNetwork((1, 3, 1)),
                {"an HNN": HNN, "two outputs": models.DenseNetwork((1, 3, 2))},
            ),
            "decoder": Arg(
                "callable",
                lambda q: pixels.pendulum_frames(q[:, 0], 6),
                {
                    "gives None": lambda q: None,
                    "one picture": lambda q: pixels.pendulum_frames(q[0, 0], 6),
                    "whole numbers": lambda q: torch.ones(len(q), 6, 6, dtype=torch.int64),
                    "NaN": lambda q: nan * pixels.pendulum_frames(q[:, 0], 6),
                },
            ),
            "span": only(
                (-1.0, 1.0),
                text="ab",
                number=1.0,
                one=(1.0,),
                out_of_order=(1.0, -1.0),
                empty=(1.0, 1.0),
                NaN=(nan, 1.0),
                infinite=(0.0, inf),
            ),
            "truth": only(systems.Pendulum(), another=SPRING, text="pendulum"),
            "angle": only((1.0, 0.0), text="ab", number=1.0, NaN=(nan, 0.0), no_slope=(0.0, 1.0)),
            "camera": only(
                {"width": 0.1},
                text="wide",
                number=1.0,
                unknown={"zoom": 2.0},
                no_number={"width": "wide"},
                sharp={"softness": 0.0},
            ),
            "start": labs["start"],
            "stiffness": not_negative(0.0),
            "step": positive(0.02).but(too_long=1.0, too_short=1e-6),
        },
    ),
    "widgets.LinkageLab": (
        widgets.LinkageLab,
        {
            "system": Arg("system", systems.LinkChain(2), {"another": SPRING}),
            "models": only(
                {}, text="clnn", number=3, no_model={"a": 3}, another={"a": models.HNN(4)}
            ),
            "start": only((0.3, 0.4), text="ab", number=1.0, one=(0.3,), NaN=(0.3, nan)),
            "closed": only(True, text="yes", number=1),
            "anchor": only(
                (1.0, 0.0),
                text="ab",
                number=1.0,
                NaN=(nan, 0.0),
                origin=(0.0, 0.0),
                far=(99.0, 0.0),
            ),
            "step": positive(0.02).but(too_long=1.0, too_short=1e-6),
        },
    ),
    "widgets.ScheduleLab": (
        widgets.ScheduleLab,
        {
            "execution": Arg("system", finance.Execution(), {"another": SPRING}),
            "shares": positive(1.0),
            "horizon": positive(1.0),
            "knots": count(3).but("a float", "True", too_many=20),
            "levels": only(
                None,
                text="ab",
                number=1.0,
                two=(0.5, 0.4),
                NaN=(nan,) * 3,
                above=(2.0, 0.5, 0.1),
                below=(0.5, 0.2, -0.1),
            ),
        },
    ),
    "widgets.ScheduleLab.cost": (
        widgets.ScheduleLab(finance.Execution(), knots=2).cost,
        {"path": Arg("tensor", torch.linspace(1, 0, 241, dtype=torch.float64), {"short": X})},
    ),
    "widgets.SmileLab": (
        widgets.SmileLab,
        {
            "sabr": only(
                finance.Sabr(),
                text="ab",
                number=1.0,
                another=SPRING,
                exponent=finance.Sabr(exponent=0.5),
                beyond=finance.Sabr(volatility=3.0),
            ),
            "metric": only(None, text="ab", number=1.0, no_covariance=finance.Vasicek()),
            "strike": Arg("number", -0.3, {"too far": 0.6}),
            "reach": positive(0.5).but(too_far=50.0),
            "levels": only(
                None,
                text="ab",
                number=1.0,
                two=(1.0, 2.0),
                NaN=(nan,) * 3,
                negative=(1.0, 1.0, -1.0),
            ),
        },
    ),
    "widgets.SmileLab.length": (
        widgets.SmileLab().length,
        {
            "path": Arg(
                "tensor", torch.rand(5, 2, dtype=torch.float64), {"one state": torch.zeros(1, 2)}
            )
        },
    ),
    "widgets.MapLab": (
        widgets.MapLab,
        {
            "system": Arg("system", systems.Pendulum(), {"another": SPRING}),
            "models": only(
                {}, text="hnn", number=3, no_model={"a": 3}, another_size={"a": models.HNN(2)}
            ),
            "step": positive(1.0).but(too_long=1e3, none=None),
            "starts": only(
                [(0.1, 0.2)],
                words=["a", "b"],
                text="ab",
                number=1.0,
                triples=[(0.1, 0.2, 0.3)],
                NaN=[(nan, 0.0)],
                too_many=[(0.0, 0.01 * k) for k in range(41)],
            ),
            "count": count(100).but(too_many=10**6),
        },
    ),
    "widgets.SwingUpLab": (
        widgets.SwingUpLab,
        {
            "system": Arg("system", systems.CartPole(), {"another": SPRING}),
            "models": only(
                {}, text="lnn", number=3, no_model={"a": 3}, another_kind={"a": models.HNN(2)}
            ),
            "limit": positive(1.0).but("None", too_much=1e3),
            "gain": positive(1.0).but("None", too_much=1e3),
            "above": not_negative(0.01).but("None", too_much=1e3),
            "friction": not_negative(0.01).but(too_much=1e3),
            "angle": Arg("number", 0.5).but(too_far=4.0),
        },
    ),
    "widgets.SwingUpLab.set_model": (
        widgets.SwingUpLab(systems.CartPole()).set_model,
        {
            "label": only("LNN"),
            "model": Arg(
                "model", models.StructuredLNN(2, (3,), angles=(1,)), {"another kind": models.HNN(2)}
            ),
        },
    ),
    "widgets.SectionLab": (
        widgets.SectionLab,
        {
            "system": Arg("system", systems.HenonHeiles(), {"another": SPRING}),
            "models": only(
                {}, text="hnn", number=3, no_model={"a": 3}, another_size={"a": models.HNN(1)}
            ),
            "energy": positive(1 / 8).but(above_escape=0.2),
            "starts": only(
                [(0.1, 0.2)],
                words=["a", "b"],
                text="ab",
                number=1.0,
                triples=[(0.1, 0.2, 0.3)],
                NaN=[(nan, 0.0)],
                outside=[(2.0, 2.0)],
                too_many=[(0.0, 0.01 * k) for k in range(41)],
            ),
            "horizon": positive(100.0).but(too_long=1e6),
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
CALLS["systems.TwoLinkArm.regressor"] = (
    systems.TwoLinkArm().regressor,
    {"x": state4, "acceleration": Arg("tensor", X, {"another size": X4, "float32": X.float()})},
)
for each in (*systems.SYSTEMS.values(), systems.LinkChain, systems.FourBar):
    CALLS.update(system_calls(each))
ANGLES = systems.PendulumChain().velocities(systems.PendulumChain().sample(3, 0))
CARTESIAN = LINKS.velocities(LINKS.sample(3, 0))
angles_of_links, points_of_links = (
    Arg("state", states, {"another size": X}) for states in (ANGLES, CARTESIAN)
)
CALLS["systems.LinkChain.in_angles"] = (LINKS.in_angles, {})
CALLS["systems.LinkChain.from_angles"] = (LINKS.from_angles, {"y": angles_of_links})
CALLS["systems.LinkChain.to_angles"] = (LINKS.to_angles, {"y": points_of_links})
for part, each in (("from", angles_of_links), ("to", points_of_links)):
    CALLS[f"systems.LinkChain.rates_{part}_angles"] = (
        getattr(LINKS, f"rates_{part}_angles"),
        {"y": each, "rates": each},
    )
for made in (LINKS, systems.FourBar()):
    CALLS[f"systems.{type(made).__name__}.excess"] = (
        made.excess,
        {
            "x": Arg("state", made.sample(3, 0), {"another size": X}),
            "rod": count(1).but(beyond=4),
        },
    )
CALLS["systems.FourBar.assemble"] = (
    systems.FourBar().assemble,
    {"angle": Arg("tensor", X[:, 0]), "elbow": elbow},
)
CART, ARM = control.Machine(systems.CartPole()), control.Machine(systems.TwoLinkArm())
MOVING = 0.1 * systems.DoublePendulum().velocities(X4)
PUSH, TORQUES = torch.full((3, 1), 0.1, dtype=torch.float64), 0.1 * torch.ones(3, 2).double()
UP = torch.tensor([0.0, math.pi, 0.0, 0.0], dtype=torch.float64)
RETURNS_FORCED = {f"gives {k}": lambda x, u, v=v: v(x) for k, v in RETURNS.items()}
forced = Arg("callable", CART.field, RETURNS_FORCED | {"gives less": lambda x, u: x[..., :2]})
steering = Arg(
    "callable",
    lambda x: 0.1 * x[..., :1],
    {f"gives {k}": v for k, v in RETURNS.items()} | {"gives no axis": lambda x: x[..., 0]},
)
moving = Arg("state", MOVING, {"another size": X})
pushes = Arg("tensor", PUSH, {"two": TORQUES, "another batch": PUSH[:2], "float32": PUSH.float()})
wanted = Arg("tensor", TORQUES, {"one": PUSH, "another batch": X[:2], "float32": TORQUES.float()})
target = Arg("state", UP, {"a batch": MOVING, "another size": UP[:2]})
bounds = only(
    1.0,
    text="1",
    zero=0.0,
    negative=[-1.0],
    NaN=nan,
    words=["a"],
    two_axes=[[1.0]],
    three=[1.0] * 3,
)
gains = only(2.0, none=None, text="2", negative=-1.0, NaN=nan, two_axes=[[1.0, 2.0], [1.0, 2.0]])
pole_angle = dataclasses.replace(turning, valid=[1])
REST = (TORQUES[0], TORQUES[0], TORQUES[0])
reference = Arg(
    "callable",
    lambda t: REST,
    {
        "gives None": lambda t: None,
        "gives two": lambda t: REST[:2],
        "gives numbers": lambda t: (0.0, 0.0, 0.0),
        "gives another size": lambda t: (UP, UP, UP),
        "gives float32": lambda t: tuple(part.float() for part in REST),
    },
)
PUSHED = {"states": MOVING, "derivatives": MOVING, "inputs": PUSH}
pushed = Arg("data", PUSHED, {"inputs apart": PUSHED | {"inputs": PUSH[:2]}}, fine=("NaN",))


def follow(make: Callable[..., Callable], given: torch.Tensor, *more: Any) -> Callable:
    """Make a controller, and ask it."""
    return lambda **arguments: make(**arguments)(*more, given)


CALLS |= {
    "control.Machine": (
        control.Machine,
        {
            "model": only(
                systems.CartPole(),
                none=None,
                text="arm",
                a_class=systems.CartPole,
                number=3,
                no_lagrangian=HNN,
                another_bracket=systems.RigidBody(),
            ),
            "actuation": only(
                [[1.0], [0.0]],
                text="cart",
                number=1.0,
                flat=[1.0, 0.0],
                one_row=[[1.0]],
                NaN=[[nan], [0.0]],
                words=[["a"], ["b"]],
                zero=[[0.0], [0.0]],
            ),
            "damping": only(
                [0.1, 0.2], text="none", number=0.1, negative=[0.1, -0.1], NaN=[nan, 0.1], one=[0.1]
            ),
        },
    ),
    **{
        f"control.Machine.{part}": (getattr(CART, part), {"x": moving})
        for part in ("mass_matrix", "energy")
    },
    **{
        f"control.Machine.{part}": (getattr(CART, part), {"x": moving, "u": pushes})
        for part in ("acceleration", "field", "forward", "power")
    },
    **{
        f"control.Machine.{part}": (getattr(ARM, part), {"x": moving, "acceleration": wanted})
        for part in ("forces", "inverse_dynamics")
    },
    "control.Controlled.work": (
        control.simulate(CART.field, lambda x: x[..., :1], MOVING, [0.0, 0.1]).work,
        {"machine": only(CART, none=None, text="cart", a_system=systems.CartPole(), another=ARM)},
    ),
    "control.Controlled.since": (
        control.simulate(CART.field, lambda x: x[..., :1], MOVING, [0.0, 0.1]).since,
        {
            "inside": Arg(
                "callable",
                control.within(MOVING[0], [0.1] * 4),
                {"gives numbers": lambda x: x[..., 0], "gives one": lambda x: x[..., 0].sum() > 0},
            ),
            "hold": not_negative(0.1),
        },
    ),
    "control.simulate": (
        control.simulate,
        {
            "field": forced,
            "controller": steering.but(**{"of two": lambda x, u: u}),
            "x0": moving.but("another size"),
            "times": increasing,
            "limit": bounds,
            "saturate": only(True, none=None, text="yes", number=1),
            "step": step,
        },
    ),
    "control.linearise": (
        control.linearise,
        {
            "field": forced,
            "x": moving,
            "u": pushes.but(number=0.1),
        },
    ),
    "control.lqr": (
        control.lqr,
        {
            "J": Arg("tensor", torch.eye(2).double(), {"not square": X, "NaN": nan * X[:2]}),
            "B": Arg("tensor", torch.eye(2).double(), {"rows": X, "NaN": nan * X[:2]}),
            "Q": only([1.0, 1.0], none=None, text="1", one=[1.0], NaN=[nan, 1.0], words=["a", "b"]),
            "R": only([1.0, 1.0], none=None, text="1", zero=[0.0, 1.0], negative=[-1.0, 1.0]),
        },
    ),
    "control.regulator": (
        follow(control.regulator, MOVING),
        {
            "gain": Arg("tensor", UP[None], {"one axis": UP, "too wide": torch.ones(1, 6)}),
            "target": target,
            "inputs": Arg("tensor", PUSH[0], {"two": TORQUES[0]}, fine=("None",)),
            "angles": pole_angle,
        },
    ),
    "control.pd": (
        follow(control.pd, MOVING, 0.0),
        {"reference": reference, "stiffness": gains, "damping": gains},
    ),
    "control.computed_torque": (
        follow(control.computed_torque, MOVING, 0.0),
        {
            "inverse_dynamics": Arg("callable", ARM.inverse_dynamics),
            "reference": reference,
            "stiffness": gains,
            "damping": gains,
        },
    ),
    "control.input_for": (
        control.input_for,
        {
            "field": forced,
            "x": moving,
            "acceleration": pushes,
            "coordinates": only(
                (0,), none=None, text="s", twice=(0, 0), beyond=(2,), number=0, empty=()
            ),
        },
    ),
    "control.energy_swing_up": (
        follow(control.energy_swing_up, MOVING),
        {
            "machine": only(CART, none=None, text="cart", a_system=systems.CartPole(), arm=ARM),
            "upright": target,
            "gain": positive(1.0),
            "centre": only((0.1, 0.1), none=None, number=0.1, one=(0.1,), negative=(-1.0, 0.0)),
            "most": positive(1.0).but("None"),
            "above": Arg("number", 0.1),
        },
    ),
    "control.within": (
        follow(control.within, MOVING),
        {
            "target": target,
            "size": only([0.1, 0.1, inf, inf], none=None, text="1", one=[0.1], zero=[0.0] * 4),
            "angles": pole_angle,
        },
    ),
    "control.switch": (
        follow(control.switch, MOVING, 0.0),
        {
            "inside": Arg(
                "callable",
                lambda x: x[..., 0] > 0,
                {"gives None": lambda x: None, "gives numbers": lambda x: x[..., 0]}
                | {"gives each": lambda x: x > 0},
            ),
            "near": Arg("callable", lambda x: x[..., :1]),
            "far": Arg("callable", lambda t, x: x[..., :1], {"no time": lambda u, x: x}),
        },
    ),
    "control.shoot": (
        control.shoot,
        {
            "field": forced,
            "x0": moving.but("another size"),
            "times": increasing.but(one=[0.0]),
            "cost": Arg(
                "callable",
                lambda x, u: x[..., 0] ** 2,
                RETURNS_FORCED | {"gives a state": lambda x, u: x},
            ),
            "limit": bounds.but(none=None),
            "final": Arg("scalar function", lambda x: x[..., 0] ** 2, fine=("None",)),
            "start": Arg("tensor", 0.1 * torch.ones(4, 1).double(), {"a time": PUSH}).but("None"),
            "inputs": count(1),
            "iterations": count(2),
        },
    ),
    "control.identify": (
        control.identify,
        {
            "regressor": Arg("tensor", X.unsqueeze(-1), {"flat": X, "zero": 0 * X.unsqueeze(-1)}),
            "torques": Arg("tensor", X, {"fewer": X[:2], "float32": X.float(), "NaN": nan * X}),
        },
    ),
    "training.forced_residual": (
        training.forced_residual,
        {"model": Arg("", CART, {"none": None, "no field": torch.nn.Identity()}), "batch": pushed},
    ),
    "training.torque_residual": (
        training.torque_residual,
        {
            "model": Arg("", ARM, {"none": None, "no inverse": HNN, "the class": control.Machine}),
            "batch": dataclasses.replace(pushed, valid=PUSHED | {"inputs": TORQUES}),
        },
    ),
}
DRIVEN = systems.DrivenPendulum(rate=3.0)
driven_state = Arg("state", X, {"another size": X4})
at_time = Arg("number", 0.3)
CALLS["systems.DrivenPendulum"] = (
    systems.DrivenPendulum,
    {
        "pendulum": only(systems.Pendulum(), none=None, text="pendulum", a_class=systems.Pendulum),
        "drive": not_negative(0.2),
        "rate": positive(2.0),
    },
)
CALLS["systems.DrivenPendulum.weight"] = (DRIVEN.weight, {"t": at_time})
for part in ("hamiltonian", "field"):
    CALLS[f"systems.DrivenPendulum.{part}"] = (
        getattr(DRIVEN, part),
        {"t": at_time, "x": driven_state},
    )
CALLS["systems.DrivenPendulum.period_map"] = (
    DRIVEN.period_map,
    {"x": driven_state, "steps": count(3)},
)
CALLS["systems.DrivenPendulum.iterate"] = (
    DRIVEN.iterate,
    {"x": driven_state, "periods": count(2), "steps": count(3)},
)
CALLS["systems.DrivenPendulum.sample"] = (
    DRIVEN.sample,
    {"count": count(3), "seed": seed, "radius": radius},
)
for each in models.MODELS.values():
    CALLS.update(model_calls(each))
PAIR = models.PairwiseHNN(4, (3,), masses=1.0)
body_masses = only(
    1.0,
    text="heavy",
    zero=0.0,
    negative=[1.0, -1.0],
    NaN=nan,
    too_few=[1.0],
    words=["a", "b"],
    two_axes=torch.ones(2, 2),
)
distance = Arg("tensor", 1 + X[:, 0] ** 2, {"float32": 1 + X[:, 0].float() ** 2})
CALLS["models.PairwiseHNN, its shape"] = (
    partial(models.PairwiseHNN, 4, (3,)),
    {
        "dimension": count(2).but(too_many=3, one_body=4),
        "masses": body_masses,
        "couplings": only("masses", unknown="charges", number=3, a_list=["masses"]),
    },
)
CALLS["models.PairwiseHNN.for_bodies"] = (
    PAIR.for_bodies,
    {"bodies": count(2).but(one=1), "masses": body_masses},
)
for part in ("potential", "attraction"):
    CALLS[f"models.PairwiseHNN.{part}"] = (getattr(PAIR, part), {"r": distance})


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
