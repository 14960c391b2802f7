"""Training: residuals, two optimisers, one ``fit``, and checkpoints to resume from."""

from hnn_tutorial.training._problem import Problem, TrainingDivergedError
from hnn_tutorial.training.adam import SCHEDULES, Adam
from hnn_tutorial.training.checkpoint import load_model, save_model
from hnn_tutorial.training.ensemble import fit_ensemble
from hnn_tutorial.training.fit import History, Optimizer, fit
from hnn_tutorial.training.levenberg_marquardt import LevenbergMarquardt
from hnn_tutorial.training.losses import (
    LearnableField,
    Residual,
    SampleLoss,
    acceleration_residual,
    derivative_residual,
    forced_residual,
    map_residual,
    torque_residual,
)
from hnn_tutorial.training.torch_optimizer import TorchOptimizer
from hnn_tutorial.training.trajectory import FreeStarts, TrajectoryResidual, cut

__all__ = [
    "SCHEDULES",
    "Adam",
    "FreeStarts",
    "History",
    "LearnableField",
    "LevenbergMarquardt",
    "Optimizer",
    "Problem",
    "Residual",
    "SampleLoss",
    "TorchOptimizer",
    "TrainingDivergedError",
    "TrajectoryResidual",
    "acceleration_residual",
    "cut",
    "derivative_residual",
    "fit",
    "fit_ensemble",
    "forced_residual",
    "load_model",
    "map_residual",
    "save_model",
    "torque_residual",
]
