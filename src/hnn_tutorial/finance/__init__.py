"""Finance: series with simulated twins, and what may be asked of them.

Nothing here is advice, and no model here was made to earn money. Recorded series are files of two
packages, ``arch`` and ``statsmodels``, which ``pip install 'hnn-tutorial[market]'`` brings; they
are read where they lie, and neither imported nor copied. Without them every function works on a
simulated twin with the same interface.
"""

from hnn_tutorial.finance.affine import Heston, affine_exponent, bond_price
from hnn_tutorial.finance.distances import (
    black_scholes,
    geodesics,
    implied_volatility,
    metric_hamiltonian,
    metric_lagrangian,
    shoot_geodesics,
    smile,
)
from hnn_tutorial.finance.execution import (
    ConvexCost,
    Execution,
    FreeCost,
    PowerCost,
    cheapest_schedule,
    cost_residual,
)
from hnn_tutorial.finance.forecasts import forecast_error, har_forecast, map_forecast
from hnn_tutorial.finance.metric import (
    FreeMetric,
    MetricNetwork,
    SabrMetric,
    metric_residual,
    realised_covariances,
)
from hnn_tutorial.finance.most_likely import (
    CoxIngersollRoss,
    Diffusion,
    LearnedDiffusion,
    LinearDiffusion,
    Merton,
    Vasicek,
)
from hnn_tutorial.finance.sabr import MonteCarlo, Sabr
from hnn_tutorial.finance.series import (
    SERIES,
    Series,
    SeriesSource,
    has_series,
    load_series,
    market_series,
    series_twin,
)
from hnn_tutorial.finance.step_map import StepMap, lagged_states, resampled, reversal, step_map

__all__ = [
    "SERIES",
    "ConvexCost",
    "CoxIngersollRoss",
    "Diffusion",
    "Execution",
    "FreeCost",
    "FreeMetric",
    "Heston",
    "LearnedDiffusion",
    "LinearDiffusion",
    "Merton",
    "MetricNetwork",
    "MonteCarlo",
    "PowerCost",
    "Sabr",
    "SabrMetric",
    "Series",
    "SeriesSource",
    "StepMap",
    "Vasicek",
    "affine_exponent",
    "black_scholes",
    "bond_price",
    "cheapest_schedule",
    "cost_residual",
    "forecast_error",
    "geodesics",
    "har_forecast",
    "has_series",
    "implied_volatility",
    "lagged_states",
    "load_series",
    "map_forecast",
    "market_series",
    "metric_hamiltonian",
    "metric_lagrangian",
    "metric_residual",
    "realised_covariances",
    "resampled",
    "reversal",
    "series_twin",
    "shoot_geodesics",
    "smile",
    "step_map",
]
