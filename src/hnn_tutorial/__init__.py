"""Hamiltonian and Lagrangian neural networks, from the mechanics up.

A scalar function of the state, true or learned, becomes motion through one operator;
everything else in this package reads, integrates, scores or draws that motion. The
modules, from the ground floor up: ``mechanics`` and ``integrators``; ``systems``;
``data``, ``recordings`` and ``models``; ``training``; ``evaluation``; ``experiments``,
``own_recording`` and the command ``hnn-tutorial``. Beside them stand ``plotting``, ``widgets``,
``check`` and ``notebook``.
"""

from importlib.metadata import version

__version__ = version("hnn-tutorial")
