"""Series of a market: twins for everyone, recorded ones where their packages are installed.

The recorded files are not in the project. A file in the same format, in a package that the test
makes, takes their place; where the packages are installed, the real ones are read too.
"""

import gzip
import hashlib
import importlib
import math
from dataclasses import replace

import pytest
import torch

from hnn_tutorial.finance import (
    SERIES,
    has_series,
    load_series,
    market_series,
    reversal,
    series_twin,
    step_map,
)
from hnn_tutorial.finance import series as module

LENGTHS = {
    "log_volatility": 1006,
    "log_price": 5031,
    "log_spread": 1200,
    "bill_rate": 203,
    "excess_return": 1109,
    "riskless_return": 1109,
}


@pytest.mark.parametrize("name", SERIES)
def test_a_twin_has_the_form_of_the_series_and_follows_its_seed(name):
    one, again, other = (series_twin(name, seed) for seed in (0, 0, 1))
    assert one.source is SERIES[name]
    assert not one.real
    assert one.values.dtype == torch.float64
    assert one.values.isfinite().all()
    assert len(one) == LENGTHS[name]
    assert torch.equal(one.values, again.values)
    assert not torch.allclose(one.values, other.values)
    assert "simulated twin of" in str(one)


FEATURES = {
    # name: bounds of mean, standard deviation, correlation of neighbours
    "log_volatility": ((-2.7, -1.7), (0.3, 0.8), (0.6, 0.9)),
    "log_spread": ((-0.8, 0.8), (0.2, 0.8), (0.95, 1.0)),
    "bill_rate": ((2.0, 9.0), (0.8, 4.5), (0.75, 1.0)),
    "excess_return": ((-0.002, 0.014), (0.04, 0.07), (-0.15, 0.15)),
    "riskless_return": ((0.0005, 0.007), (0.0005, 0.006), (0.85, 1.0)),
}


# What is recorded obeys the same bounds as what is simulated.
@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("seed", range(3))
def test_series_look_as_they_should(name, seed):
    values = market_series(name, seed).values
    assert len(values) == LENGTHS[name]
    assert values.isfinite().all()
    neighbours = torch.corrcoef(torch.stack([values[1:], values[:-1]]))[0, 1]
    for found, (low, high) in zip(
        (values.mean(), values.std(), neighbours), FEATURES[name], strict=True
    ):
        assert low < found < high


def test_the_twins_steps_have_the_determinants_that_theory_gives():
    """A random walk has none, a mean over a month leaves a quarter (Working 1960)."""
    twins = [
        [series_twin(name, s).values for s in range(8)] for name in ("log_price", "log_spread")
    ]
    price, spread = (sum(step_map(v).determinant for v in each) / 8 for each in twins)
    assert abs(price) < 0.05
    assert spread == pytest.approx(0.25, abs=0.05)
    assert step_map(twins[1][0], 3).determinant == pytest.approx(0, abs=0.15)


def test_the_twin_of_the_volatility_remembers_and_contracts():
    for seed in range(3):
        values = series_twin("log_volatility", seed).values
        one, quarter = step_map(values), step_map(values, 13)
        assert -0.35 < one.determinant < -0.1
        assert abs(quarter.determinant) < 0.1
        assert 0 < quarter.share < one.share < 0.8
        assert abs(reversal(values)) < 0.4


@pytest.fixture
def package(tmp_path, monkeypatch):
    """An importable package with a file of bonds; the table knows its checksum."""
    folder = tmp_path / "bondpackage"
    (folder / "data").mkdir(parents=True)
    # To import it would be an error: files are read, and no code of others runs.
    (folder / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    text = "Date,AAA,BAA\n1/1/1919,5.0,7.0\n2/1/1919,5.5,8.5\n3/1/1919,5.0,5.5\n"
    (folder / "data/bonds.csv.gz").write_bytes(gzip.compress(text.encode()))
    source = replace(
        SERIES["log_spread"],
        package="bondpackage",
        file="data/bonds.csv.gz",
        md5=hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
    )
    monkeypatch.setitem(module.SERIES, "log_spread", source)
    return folder


def test_a_recorded_series_is_read_without_importing_its_package(package):
    assert has_series("log_spread")
    series = load_series("log_spread")
    assert series.real
    assert "values, from bondpackage" in str(series)
    expected = [math.log(2.0), math.log(3.0), math.log(0.5)]
    torch.testing.assert_close(series.values, torch.tensor(expected, dtype=torch.float64))
    assert torch.equal(market_series("log_spread", 3).values, series.values)


def test_another_file_is_refused(package):
    text = "Date,AAA,BAA\n1/1/1919,5.0,7.1\n"
    (package / "data/bonds.csv.gz").write_bytes(gzip.compress(text.encode()))
    with pytest.raises(ValueError, match="is not the file expected.*Another version"):
        load_series("log_spread")


def test_what_is_missing_is_told_with_what_to_install(package):
    (package / "data/bonds.csv.gz").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"bondpackage.*hnn-tutorial\[market\].*series_twin"
    ):
        load_series("log_spread")


def test_without_the_package_the_twin_takes_its_place(monkeypatch):
    absent = replace(SERIES["bill_rate"], package="nopackageofthisname")
    monkeypatch.setitem(module.SERIES, "bill_rate", absent)
    assert not has_series("bill_rate")
    series = market_series("bill_rate", 4)
    assert not series.real
    assert torch.equal(series.values, series_twin("bill_rate", 4).values)


def test_the_volatility_is_parkinsons():
    """Of prices that move at random with 20 % a year, the range gives 20 % a year."""
    generator = torch.Generator().manual_seed(0)
    fine = torch.randn(5 * 300, 4000, generator=generator, dtype=torch.float64)
    path = (0.2 / math.sqrt(252 * 4000) * fine).cumsum(1)
    columns = {"High": path.amax(1).clamp(min=0).exp(), "Low": path.amin(1).clamp(max=0).exp()}
    values = SERIES["log_volatility"].made(columns)
    assert values.shape == (300,)
    # The range of steps is smaller than that of a continuous path by about one per cent.
    assert (2 * values).exp().mean().sqrt() == pytest.approx(0.2, rel=0.03)
