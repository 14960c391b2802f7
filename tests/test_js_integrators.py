"""The labs' integrators against the Python package's: the same methods, written twice."""

from pathlib import Path

import browser_tools
import pytest
import torch

from hnn_tutorial.integrators import METHODS, UnsettledStepError, integrate
from hnn_tutorial.integrators.implicit import fixed_point_only
from hnn_tutorial.widgets._bundle import bundle

DRIVER = Path(__file__).parent / "js" / "integrators.mjs"


def chain(x):
    """Two masses (1 and 2 kg) on springs, one of them hardening: separable, two degrees."""
    q1, q2, p1, p2 = x.unbind(-1)
    between = 1.3 * (q2 - q1)
    return torch.stack([p1, p2 / 2, between - q1, -between - 0.4 * q2**3], -1)


def rotor(x):
    """A pendulum of unit mass, length and gravity."""
    q, p = x.unbind(-1)
    return torch.stack([p, -torch.sin(q)], -1)


def coupled(x):
    """H = (q² + 1)(p² + 1)/2, which is not separable."""
    q, p = x.unbind(-1)
    return torch.stack([p * (1 + q**2), -q * (1 + p**2)], -1)


def damped(x):
    """Van der Pol's oscillator, which has no Hamiltonian."""
    q, v = x.unbind(-1)
    return torch.stack([v, (1 - q**2) * v - q], -1)


FIELDS = {field.__name__: field for field in (chain, rotor, coupled, damped)}
SEPARABLE = ("chain", "rotor")
FIXED = [name for name, method in METHODS.items() if not method.adaptive]
CASES = [
    (method, field)
    for method in FIXED
    for field in FIELDS
    if field in SEPARABLE or not METHODS[method].needs_separable
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run jobs under node and return their answers."""
    module = tmp_path_factory.mktemp("module") / "lab.mjs"
    return browser_tools.run_node(
        module, bundle("physics/integrators.js", "METHODS"), DRIVER, "--expose-gc"
    )


def value(answer):
    assert "error" not in answer, answer
    return torch.tensor(answer["value"], dtype=torch.float64)


def error(answer, expected):
    return (value(answer) - expected).abs().max().item()


def random_states(field, count, seed, scale=0.7):
    generator = torch.Generator().manual_seed(seed)
    size = 4 if field == "chain" else 2
    return scale * torch.randn(count, size, generator=generator, dtype=torch.float64)


def job(task, method, field, states, h=0.05, **more):
    return {
        "task": task,
        "method": method,
        "field": field,
        "states": states.tolist(),
        "h": h,
    } | more


def test_every_fixed_step_method_is_there_with_its_cost(run):
    table = run({"task": "table"})[0]["value"]
    assert table == {name: METHODS[name].evaluations for name in FIXED}
    assert list(table) == FIXED


def test_one_step_of_random_length_from_random_states(run):
    lengths = (torch.rand(4, generator=torch.Generator().manual_seed(5)) * 0.3 - 0.1).tolist()
    jobs, expected = [], []
    for method, field in CASES:
        for seed, h in enumerate(lengths):
            states = random_states(field, 12, seed)
            jobs.append(job("step", method, field, states, h))
            expected.append(integrate(FIELDS[field], states, [0.0, h], method)[-1])
    worst = max(error(*pair) for pair in zip(run(*jobs), expected, strict=True))
    print(f"{len(jobs)} steps: JavaScript and Python differ by {worst:.1e} at most")
    assert worst <= 1e-6


def test_trajectories_over_hundreds_of_steps(run):
    h, steps = 0.02, 250
    times = [k * h for k in range(steps + 1)]
    starts = {field: random_states(field, 2, seed=9, scale=0.5) for field in FIELDS}
    # Euler leaves the region where H's cube is small: rounding errors grow with the motion itself.
    answers = run(*(job("trajectory", m, f, starts[f], h, steps=steps) for m, f in CASES))
    worst = 0.0
    for answer, (method, field) in zip(answers, CASES, strict=True):
        expected = integrate(FIELDS[field], starts[field], times, method)
        worst = max(worst, error(answer, expected.transpose(0, 1)))
    print(f"trajectories of {steps} steps differ by {worst:.1e} at most")
    assert worst <= 2.5e-6


def test_a_step_leaves_its_start_alone_unless_asked_to_overwrite_it(run):
    states = {field: random_states(field, 3, seed=2) for field in FIELDS}
    plain = run(*(job("step", m, f, states[f]) for m, f in CASES))
    in_place = run(*(job("step", m, f, states[f], inPlace=True) for m, f in CASES))
    start = run(*(job("untouched", m, f, states[f]) for m, f in CASES))
    assert in_place == plain
    assert [each["value"] for each in start] == [states[f].tolist() for _, f in CASES]


@pytest.mark.parametrize("manner", ["fresh", "reused"])
def test_fields_may_return_any_array(run, manner):
    """A network returns the same array at every call; slopes of earlier stages must survive."""
    states = {field: random_states(field, 3, seed=3) for field in FIELDS}
    plain = run(*(job("step", m, f, states[f]) for m, f in CASES))
    assert run(*(job("step", m, f, states[f], manner=manner) for m, f in CASES)) == plain


def test_a_step_calls_the_field_as_often_as_the_table_says(run):
    state = random_states("rotor", 1, seed=4)
    answers = run(*(job("calls", method, "rotor", state) for method in FIXED))
    for method, answer in zip(FIXED, answers, strict=True):
        calls, stated = answer["value"], METHODS[method].evaluations
        if method in ("implicit_midpoint", "gauss_legendre4"):
            rounds, rest = divmod(calls - 1, stated)  # one more for the first guess
            assert rest == 0, method
            assert 3 < rounds < 40, method
        else:
            assert calls == stated, method


def test_a_step_that_is_too_long_for_the_labs_says_so_on_both_sides(run):
    state = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    for method in ("implicit_midpoint", "gauss_legendre4"):
        answer = run(job("step", method, "rotor", state, h=5.0))[0]
        assert "too long" in answer.get("error", ""), answer
        with fixed_point_only(), pytest.raises(UnsettledStepError, match="too long"):
            integrate(rotor, state, [0.0, 5.0, 10.0], method)


def test_steps_leave_no_garbage(run):
    state = torch.tensor([[0.5, 0.3]], dtype=torch.float64)
    for method, answer in zip(
        FIXED, run(*(job("cost", m, "rotor", state) for m in FIXED)), strict=True
    ):
        cost = answer["value"]
        print(f"{method}: {cost['nanoseconds']:.0f} ns and {cost['bytes']:.1f} bytes a step")
        # The smallest array takes more than a hundred bytes; a number handed on may take sixteen.
        assert cost["bytes"] < 80, method
