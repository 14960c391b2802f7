"""The live labs: widgets that compute in the browser, with or without a kernel.

A lab is an anywidget whose front end is one ES module, joined from the small files in ``js/``
when its class is defined. The same module runs in JupyterLab, in Colab and in the static book.
"""

from hnn_tutorial.widgets.explorer import explore
from hnn_tutorial.widgets.flow_lab import FlowLab
from hnn_tutorial.widgets.integrator_lab import IntegratorLab
from hnn_tutorial.widgets.lagrangian_lab import LagrangianLab
from hnn_tutorial.widgets.latent_lab import LatentLab
from hnn_tutorial.widgets.learned_lab import LearnedLab
from hnn_tutorial.widgets.linkage_lab import LinkageLab
from hnn_tutorial.widgets.map_lab import MapLab
from hnn_tutorial.widgets.orbit_lab import OrbitLab
from hnn_tutorial.widgets.phase_lab import PhaseLab
from hnn_tutorial.widgets.prediction import Predictions
from hnn_tutorial.widgets.quiz import Quiz
from hnn_tutorial.widgets.recording_lab import RecordingLab
from hnn_tutorial.widgets.schedule_lab import ScheduleLab
from hnn_tutorial.widgets.section_lab import SectionLab
from hnn_tutorial.widgets.smile_lab import SmileLab
from hnn_tutorial.widgets.swing_up_lab import SwingUpLab
from hnn_tutorial.widgets.training_lab import TrainingLab

__all__ = [
    "FlowLab",
    "IntegratorLab",
    "LagrangianLab",
    "LatentLab",
    "LearnedLab",
    "LinkageLab",
    "MapLab",
    "OrbitLab",
    "PhaseLab",
    "Predictions",
    "Quiz",
    "RecordingLab",
    "ScheduleLab",
    "SectionLab",
    "SmileLab",
    "SwingUpLab",
    "TrainingLab",
    "explore",
]
