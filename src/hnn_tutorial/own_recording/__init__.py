"""From a recording of one's own to a model that one can trust, or to the word that none can be.

``fit_recording`` is what the command ``hnn-tutorial fit`` runs.
"""

from hnn_tutorial.own_recording.fit import Outcome, Run, fit_recording

__all__ = [
    "Outcome",
    "Run",
    "fit_recording",
]
