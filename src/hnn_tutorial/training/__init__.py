"""Training: residuals, two optimisers, one ``fit``, and checkpoints to resume from."""

from hnn_tutorial.training._problem import TrainingDivergedError
from hnn_tutorial.training.adam import SCHEDULES, Adam
from hnn_tutorial.training.checkpoint import load_model, save_model
from hnn_tutorial.training.fit import History, Optimizer, fit
from hnn_tutorial.training.levenberg_marquardt import LevenbergMarquardt
from hnn_tutorial.training.losses import Residual, derivative_residual

__all__ = [
    "SCHEDULES",
    "Adam",
    "History",
    "LevenbergMarquardt",
    "Optimizer",
    "Residual",
    "TrainingDivergedError",
    "derivative_residual",
    "fit",
    "load_model",
    "save_model",
]
