"""Series of a market, read from files of an optional package, and their simulated twins."""

import csv
import gzip
import hashlib
import importlib.util
import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from hnn_tutorial._validate import lookup
from hnn_tutorial.random import as_generator

Columns = dict[str, Tensor]


@dataclass(frozen=True)
class SeriesSource:
    """Where a series comes from, and what it is.

    Attributes:
        name: key in ``SERIES``.
        title: what was recorded.
        unit: of the values.
        step: the time between two values, in years.
        package: which Python package contains the file.
        file: its path inside that package.
        md5: of the file, after it was unpacked.
        made: computes the values from the columns of the file.
        twin: simulates the values: ``generator -> (T,)``.
    """

    name: str
    title: str
    unit: str
    step: float
    package: str
    file: str
    md5: str
    made: Callable[[Columns], Tensor]
    twin: Callable[[torch.Generator], Tensor]


@dataclass(frozen=True)
class Series:
    """A series of equally spaced values, real or simulated.

    Attributes:
        source: what it is a series of.
        values: shape ``(T,)``, in ``source.unit``, float64.
        real: whether it was recorded; else it is simulated.
    """

    source: SeriesSource
    values: Tensor
    real: bool

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self.values)

    def __str__(self) -> str:
        """Return what it is, how long, and whether it was recorded or simulated."""
        if self.real:
            return f"{self.source.title}: {len(self)} values, from {self.source.package}"
        return f"simulated twin of: {self.source.title}; {len(self)} values"


def has_series(name: str) -> bool:
    """Whether the package with the file of a series is installed.

    Args:
        name: a key of ``SERIES``.
    """
    package = lookup(SERIES, name, "series").package
    return importlib.util.find_spec(package) is not None


def load_series(name: str) -> Series:
    """Read a series from a file of an installed package, which is not imported.

    Args:
        name: a key of ``SERIES``.

    Returns:
        The series.

    Raises:
        FileNotFoundError: if the package or its file is not there; it says what to install, and
            what can be used instead.
        ValueError: for an unknown name, or a file with another checksum.
    """
    source = lookup(SERIES, name, "series")
    spec = importlib.util.find_spec(source.package)
    path = Path(spec.origin).parent / source.file if spec and spec.origin else None
    if path is None or not path.is_file():
        raise FileNotFoundError(
            f"the {source.title} is the file {source.file} of the package {source.package}, which "
            "is not installed here: pip install 'hnn-tutorial[market]'. Without it, "
            f"series_twin({name!r}, seed) is a simulated series with the same interface"
        )
    raw = path.read_bytes()
    raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
    found = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    if found != source.md5:
        raise ValueError(
            f"{path} is not the file expected: the MD5 of its content is {found}, that of the "
            f"{source.title} {source.md5}. Another version of {source.package} may have changed it"
        )
    rows = list(csv.DictReader(io.StringIO(raw.decode())))
    columns = {
        key: torch.tensor([float(row[key]) for row in rows], dtype=torch.float64)
        for key in rows[0]
        if key != "Date" and key
    }
    return Series(source, source.made(columns), real=True)


def series_twin(name: str, seed: int | torch.Generator) -> Series:
    """Simulate a series with the interface, the length and the main features of a real one.

    The volatility is a sum of three slow parts, and remembers for years; the price moves by
    independent steps, whose size is such a volatility; spread and rates return to a mean. Their
    parameters were set by eye, so that means, deviations and correlations in time resemble the
    recorded ones. They are no model of any market.

    Args:
        name: a key of ``SERIES``.
        seed: of the random numbers.

    Returns:
        The series.

    Raises:
        ValueError: for an unknown name.
    """
    source = lookup(SERIES, name, "series")
    return Series(source, source.twin(as_generator(seed)), real=False)


def market_series(name: str, seed: int | torch.Generator) -> Series:
    """Return the recorded series if its package is installed, else the simulated twin.

    Args:
        name: a key of ``SERIES``.
        seed: of the twin.

    Returns:
        The series; its ``real`` says which of the two it is.

    Raises:
        ValueError: for an unknown name.
    """
    return load_series(name) if has_series(name) else series_twin(name, seed)


# The real ones


def _log_volatility(columns: Columns) -> Tensor:
    """The logarithm of a week's volatility per √year, from daily highs and lows."""
    # Parkinson 1980: for a price that moves at random, E[ln(high/low)²] = 4 ln 2 σ².
    daily = (columns["High"] / columns["Low"]).log().square() / (4 * math.log(2))
    weeks = daily[: len(daily) // 5 * 5].reshape(-1, 5).mean(1)
    return 0.5 * (252 * weeks).log()


# The twins


def _normal(generator: torch.Generator, count: int) -> Tensor:
    return torch.randn(count, generator=generator, dtype=torch.float64)


def _returning(shocks: Tensor, keep: float, deviation: float) -> Tensor:
    """A process of first order with a standard deviation, from shocks of variance 1."""
    scaled = (shocks * deviation * math.sqrt(1 - keep**2)).tolist()
    value, path = scaled[0] / math.sqrt(1 - keep**2), []
    for shock in scaled:
        value = keep * value + shock
        path.append(value)
    return torch.tensor(path, dtype=torch.float64)


def _slow_volatility(generator: torch.Generator, weeks: int) -> Tensor:
    """A sum of three processes, with memories of two weeks, three months and two years.

    Shocks of the second are lopsided: volatility jumps up and comes down slowly.
    """
    path = 0.53 * math.sqrt(0.07) * _normal(generator, weeks)
    for keep, share, lopsided in ((0.5, 0.18, False), (0.93, 0.33, True), (0.99, 0.42, False)):
        shocks = _normal(generator, weeks)
        if lopsided:
            shocks = (shocks.square() - 1) / math.sqrt(2)
        path = path + _returning(shocks, keep, 0.53 * math.sqrt(share))
    return path - 2.15


def _price(generator: torch.Generator) -> Tensor:
    volatility = (_slow_volatility(generator, 1007)).exp().repeat_interleave(5)[:5030]
    steps = 0.036 / 252 + volatility / math.sqrt(252) * _normal(generator, 5030)
    return torch.cat([torch.zeros(1, dtype=torch.float64), steps.cumsum(0)]) + 7.1


def _spread(generator: torch.Generator) -> Tensor:
    """Monthly means of a daily process."""
    daily = _returning(_normal(generator, 21 * 1200), 0.9994, 0.5)
    return daily.reshape(1200, 21).mean(1)


def _rate(count: int, mean: float, deviation: float, per_year: int) -> Callable[..., Tensor]:
    """Cox, Ingersoll and Ross 1985, by short steps of Euler's, with a half-life of three years."""

    def simulated(generator: torch.Generator) -> Tensor:
        keep, fine = 0.23, 16
        step = 1 / (per_year * fine)
        spread = deviation * math.sqrt(2 * keep / mean)
        shocks = (_normal(generator, count * fine) * math.sqrt(step) * spread).tolist()
        value, path = mean, []
        for shock in shocks:
            value = max(0.0, value + keep * (mean - value) * step + math.sqrt(value) * shock)
            path.append(value)
        return torch.tensor(path, dtype=torch.float64)[fine - 1 :: fine]

    return simulated


def _riskless(generator: torch.Generator) -> Tensor:
    return _rate(1109, 0.033, 0.03, 12)(generator) / 12


def _excess(generator: torch.Generator) -> Tensor:
    """Independent returns with fat tails: Student's with 5 degrees of freedom."""
    chi = torch.stack([_normal(generator, 1109) for _ in range(5)]).square().sum(0)
    student = _normal(generator, 1109) * (3 / chi).sqrt()
    return 0.079 / 12 + 0.1845 / math.sqrt(12) * student


SP500, FRENCH = "data/sp500/sp500.csv.gz", "data/frenchdata/frenchdata.csv.gz"
DEFAULT, MACRO = "data/default/default.csv.gz", "datasets/macrodata/macrodata.csv"
MD5 = {
    SP500: "4fc37d3e31d2d7c3b4cd49661c71cae8",
    DEFAULT: "25c6d2aa0d5ae3b31778828341671e30",
    FRENCH: "04fe8851e3601ff665c697f419582d4d",
    MACRO: "058eb7330aada1f78b45e51a6c8ffd5b",
}

SERIES: dict[str, SeriesSource] = {
    source.name: source
    for source in (
        SeriesSource(
            "log_volatility",
            "log volatility of the S&P 500, weekly, 1999 to 2018",
            "ln(1/√year)",
            5 / 252,
            "arch",
            SP500,
            MD5[SP500],
            _log_volatility,
            lambda generator: _slow_volatility(generator, 1006),
        ),
        SeriesSource(
            "log_price",
            "log price of the S&P 500, daily, 1999 to 2018",
            "ln(points)",
            1 / 252,
            "arch",
            SP500,
            MD5[SP500],
            lambda columns: columns["Adj Close"].log(),
            _price,
        ),
        SeriesSource(
            "log_spread",
            "log spread of BAA over AAA bonds, monthly means, 1919 to 2018",
            "ln(per cent)",
            1 / 12,
            "arch",
            DEFAULT,
            MD5[DEFAULT],
            lambda columns: (columns["BAA"] - columns["AAA"]).log(),
            _spread,
        ),
        SeriesSource(
            "bill_rate",
            "rate of three-month Treasury bills, quarterly, 1959 to 2009",
            "per cent per year",
            1 / 4,
            "statsmodels",
            MACRO,
            MD5[MACRO],
            lambda columns: columns["tbilrate"],
            _rate(203, 5.3, 2.8, 4),
        ),
        SeriesSource(
            "excess_return",
            "return of US shares above the riskless one, monthly, 1926 to 2018",
            "1 per month",
            1 / 12,
            "arch",
            FRENCH,
            MD5[FRENCH],
            lambda columns: columns["Mkt-RF"] / 100,
            _excess,
        ),
        SeriesSource(
            "riskless_return",
            "riskless return, monthly, 1926 to 2018",
            "1 per month",
            1 / 12,
            "arch",
            FRENCH,
            MD5[FRENCH],
            lambda columns: columns["RF"] / 100,
            _riskless,
        ),
    )
}
"""The series by name."""
