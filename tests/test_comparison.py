"""Comparisons: what is trained, kept, counted, and called unequal."""

import math

import pytest
import torch
from bs4 import BeautifulSoup
from torch import nn

from hnn_tutorial.comparison import compare
from hnn_tutorial.data import Dataset
from hnn_tutorial.evaluation import field_error
from hnn_tutorial.models import HNN, MLP, DenseNetwork, SecondOrderMLP
from hnn_tutorial.systems import MassSpring
from hnn_tutorial.training import (
    Adam,
    LevenbergMarquardt,
    TrajectoryResidual,
    derivative_residual,
    fit,
)
from hnn_tutorial.training.levenberg_marquardt import COLUMNS

SPRING = MassSpring(mass=0.5, stiffness=3.0)
STATES = SPRING.sample(40, seed=1)
DATA = Dataset(STATES, SPRING.field(STATES))
RIVALS = {
    "baseline": lambda seed: MLP(1, (8, 8), seed=seed),
    "hnn": lambda seed: HNN(1, (8, 8), seed=seed),
}
RATES = [Adam(20, rate) for rate in (1e-4, 1e-2, 1e-3)]


def error(model):
    return field_error(model.field, SPRING.field, STATES)


def test_models_are_those_that_fit_makes_seed_by_seed():
    result = compare(RIVALS, DATA, Adam(20, 1e-2), {"error": error}, seeds=(4, 7))
    for place, seed in enumerate((4, 7)):
        alone = HNN(1, (8, 8), seed=seed)
        fit(alone, DATA, Adam(20, 1e-2), progress=False, seed=seed)
        assert result.values["hnn"]["error"][place] == error(alone)
        trained = result.models["hnn"][place]
        assert torch.equal(trained.field(STATES), alone.field(STATES))
    assert result.spread("hnn", "error").values == tuple(result.values["hnn"]["error"])


def test_each_rival_keeps_the_rate_that_serves_it_best():
    result = compare(RIVALS, DATA, RATES, {"error": error}, seeds=range(3))
    for name in RIVALS:
        alone = [
            compare(RIVALS, DATA, rate, {"error": error}, seeds=range(3)).spread(name, "error")
            for rate in RATES
        ]
        assert result.spread(name, "error").median == min(spread.median for spread in alone)
        assert result.spent[name].tried == 3
        assert result.spent[name].optimizer.learning_rate == 1e-2
        # Nine runs, of which one may be slow for reasons of the machine.
        assert result.spent[name].seconds_in_all > 4 * result.spent[name].seconds
    assert "the best of 3" in repr(result)


def test_wins_and_ratios_are_counted_seed_by_seed():
    scores = iter([1.0, 2.0, 6.0, 4.0, 4.0, 3.0])
    values = {"a": lambda model: next(scores)}
    result = compare(RIVALS, DATA, Adam(1), values, seeds=range(3))
    assert result.values["baseline"]["a"] == [1.0, 2.0, 6.0]
    assert result.wins("baseline", "hnn", "a") == 2
    assert result.wins("hnn", "baseline", "a") == 1
    assert result.ratio("hnn", "baseline", "a").values == (4.0, 2.0, 0.5)
    with pytest.raises(ValueError, match="unknown score 'b'; choose one of: a"):
        result.wins("hnn", "baseline", "b")
    with pytest.raises(ValueError, match="unknown rival 'lnn'; choose one of: baseline, hnn"):
        result.spread("lnn", "a")


def test_a_ratio_of_two_zeros_is_refused():
    result = compare(RIVALS, DATA, Adam(1), {"a": lambda model: 0.0}, seeds=[5])
    with pytest.raises(ValueError, match="seed 5: 'a' is 0.0 for both"):
        result.ratio("hnn", "baseline", "a")


def test_a_training_that_diverges_scores_infinity_and_the_others_stand():
    class Explodes(nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = nn.Parameter(torch.ones(1, dtype=torch.float64))

        def field(self, x):
            return x * torch.exp(1e3 * self.factor)

    rivals = {"hnn": RIVALS["hnn"], "explodes": lambda seed: Explodes()}
    result = compare(rivals, DATA, Adam(5), {"error": error}, seeds=range(2))
    assert result.values["explodes"]["error"] == [math.inf, math.inf]
    assert result.wins("hnn", "explodes", "error") == 2
    assert all(math.isfinite(value) for value in result.values["hnn"]["error"])


def test_data_may_depend_on_the_seed():
    used = []

    def data(seed):
        used.append(seed)
        states = SPRING.sample(10, seed=seed)
        return Dataset(states, SPRING.field(states))

    result = compare(RIVALS, data, Adam(5), {"error": error}, seeds=(2, 9))
    assert used == [2, 9]
    alone = MLP(1, (8, 8), seed=9)
    fit(alone, data(9), Adam(5), progress=False, seed=9)
    assert result.values["baseline"]["error"][1] == error(alone)


def test_a_rival_may_have_a_residual_of_its_own():
    def doubled(model, batch):
        return 2 * derivative_residual(model, batch)

    both = compare(
        RIVALS, DATA, Adam(3, 1e-2), {"error": error}, seeds=[0], residual={"hnn": doubled}
    )
    alone = HNN(1, (8, 8), seed=0)
    fit(alone, DATA, Adam(3, 1e-2), residual=doubled, progress=False)
    assert both.values["hnn"]["error"] == [error(alone)]
    with pytest.raises(ValueError, match="gaps"):
        compare(RIVALS, DATA, Adam(1), {"error": error}, residual=TrajectoryResidual())


def products(model, optimizer, size=40):
    rivals = {"one": lambda seed: model(seed), "two": lambda seed: model(seed)}
    states = SPRING.sample(size, seed=0)
    data = Dataset(states, SPRING.field(states))
    return compare(rivals, data, optimizer, {"error": error}, seeds=[0]).spent["one"]


def test_multiplications_are_those_of_the_matrix_products():
    # A gradient step of a plain network: one product forwards, two backwards, for each layer but
    # the first, whose input wants no gradient. The weights of 2-8-8-2 in products: 16 + 64 + 16.
    spent = products(lambda seed: MLP(1, (8, 8), seed=seed), Adam(10))
    assert spent.multiplications == 10 * 40 * (3 * (16 + 64 + 16) - 16)
    assert spent.steps == 10
    assert spent.weights == 2 * 8 + 8 + 8 * 8 + 8 + 8 * 2 + 2
    twice = products(lambda seed: MLP(1, (8, 8), seed=seed), Adam(10), size=80)
    assert twice.multiplications == 2 * spent.multiplications


def test_multiplications_of_levenberg_marquardt_contain_its_own_products():
    def rival(seed):
        return MLP(1, (8, 8), seed=seed)

    spent = products(rival, LevenbergMarquardt(1), size=80)
    weights = spent.weights
    rest = weights - COLUMNS
    lower = weights * COLUMNS + rest**2  # of J^T J, by two block columns
    own = 160 * lower + weights**3 / 6  # and the factorisation
    assert own < spent.multiplications < 1.5 * own
    # 80 residuals are fewer than the weights: J J^T, and its factorisation.
    few = products(rival, LevenbergMarquardt(1), size=40)
    own = weights * 80**2 + 80**3 / 6
    assert own < few.multiplications < 1.5 * own


def test_what_is_not_equal_is_said():
    fair = compare(RIVALS, DATA, RATES, {"error": error})
    assert [sentence.split(",")[0] for sentence in fair.unequal] == ["work"]
    rivals = {
        "baseline": lambda seed: MLP(1, (16, 16), seed=seed),
        "second": lambda seed: SecondOrderMLP(1, (8, 8), activation="softplus", seed=seed),
    }
    unfair = compare(rivals, DATA, Adam(2), {"error": error}, seeds=range(2)).unequal
    assert unfair[0] == "weights, 354 (baseline), 106 (second)"
    assert unfair[1] == "activations, tanh (baseline), softplus (second)"
    assert "work" in unfair[2]
    assert unfair[3] == "there are 2 seeds; 5 say more"
    assert unfair[4] == "baseline was trained with one learning rate; the best of 3 says more"
    text = repr(compare(rivals, DATA, Adam(2), {"error": error}, seeds=range(2)))
    assert all(f"not equal: {sentence}" in text for sentence in unfair)


def test_equal_rivals_leave_nothing_to_say():
    rivals = dict.fromkeys(("one", "two"), RIVALS["baseline"])
    assert compare(rivals, DATA, LevenbergMarquardt(2), {"error": error}).unequal == ()


def test_the_table_shows_medians_ranges_and_costs():
    scores = iter([1.0, 2.0, 6.0, 4.0, 5.0, 3.0])
    result = compare(
        RIVALS, DATA, LevenbergMarquardt(2), {"a score": lambda m: next(scores)}, seeds=range(3)
    )
    lines = repr(result).splitlines()
    assert lines[0] == "median [range] over 3 seeds"
    assert lines[1].strip() == "a score"
    assert lines[2].split() == ["baseline", "2", "[1,", "6]"]
    assert lines[3].split() == ["hnn", "4", "[3,", "5]"]
    assert lines[5].split()[2:4] == ["weights", "activation"]
    assert lines[6].split()[:4] == ["baseline", "114", "tanh", "2"]
    assert max(map(len, lines)) < 90
    assert result.spent["hnn"].activation == "tanh"
    # A notebook shows the same, as tables.
    shown = BeautifulSoup(result._repr_html_(), "html.parser")
    scores, costs = (
        [[cell.get_text() for cell in row(["th", "td"])] for row in table("tr")]
        for table in shown("table")
    )
    assert scores == [["", "a score"], ["baseline", "2 [1, 6]"], ["hnn", "4 [3, 5]"]]
    assert costs[1][:4] == ["baseline", "114", "tanh", "2"]
    assert [item.get_text() for item in shown("li")] == lines[8:]


def test_a_module_that_states_no_activation_has_none():
    rivals = {"a": lambda seed: Plain(), "b": lambda seed: Plain()}
    spent = compare(rivals, DATA, LevenbergMarquardt(1), {"error": error}, seeds=[0]).spent
    assert spent["a"].activation == ""


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = DenseNetwork((2, 4, 2), seed=0)

    def field(self, x):
        return self.network(x)
