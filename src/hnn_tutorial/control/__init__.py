"""Machines, and what steers them: inputs, linear and energy controllers, plans, identification.

A state is ``[q, q̇]`` throughout, ``(..., 2n)``, and an input ``u`` has an axis of its own,
``(..., m)``, also where there is one motor. A *forced field* is any function ``f(x, u)`` that
gives the motion ``[q̇, q̈]``: that of a ``Machine``, or a network of one's own. A *controller* is a
function ``c(x)`` or ``c(t, x)`` that gives the input. So the same call steers the true machine and
a learned one. The Riccati equation and the optimiser are SciPy's.
"""

from hnn_tutorial.control._inputs import Controller, ForcedField, Reference
from hnn_tutorial.control.identification import identify
from hnn_tutorial.control.linear import linearise, lqr, regulator
from hnn_tutorial.control.machine import Machine
from hnn_tutorial.control.planning import Plan, shoot
from hnn_tutorial.control.simulation import Controlled, simulate
from hnn_tutorial.control.swing_up import energy_swing_up, switch, within
from hnn_tutorial.control.tracking import computed_torque, input_for, pd

__all__ = [
    "Controlled",
    "Controller",
    "ForcedField",
    "Machine",
    "Plan",
    "Reference",
    "computed_torque",
    "energy_swing_up",
    "identify",
    "input_for",
    "linearise",
    "lqr",
    "pd",
    "regulator",
    "shoot",
    "simulate",
    "switch",
    "within",
]
