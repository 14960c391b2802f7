"""Finance: series with simulated twins, and what may be asked of them.

Nothing here is advice, and no model here was made to earn money. Recorded series are files of two
packages, ``arch`` and ``statsmodels``, which ``pip install 'hnn-tutorial[market]'`` brings; they
are read where they lie, and neither imported nor copied. Without them every function works on a
simulated twin with the same interface.
"""

from hnn_tutorial.finance.execution import (
    ConvexCost,
    Execution,
    FreeCost,
    PowerCost,
    cheapest_schedule,
    cost_residual,
)
from hnn_tutorial.finance.forecasts import forecast_error, har_forecast, map_forecast
from hnn_tutorial.finance.most_likely import (
    CoxIngersollRoss,
    Diffusion,
    LearnedDiffusion,
    LinearDiffusion,
    Merton,
    Vasicek,
)
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
    "LearnedDiffusion",
    "LinearDiffusion",
    "Merton",
    "PowerCost",
    "Series",
    "SeriesSource",
    "StepMap",
    "Vasicek",
    "cheapest_schedule",
    "cost_residual",
    "forecast_error",
    "har_forecast",
    "has_series",
    "lagged_states",
    "load_series",
    "map_forecast",
    "market_series",
    "resampled",
    "reversal",
    "series_twin",
    "step_map",
]
