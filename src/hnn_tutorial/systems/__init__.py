"""The physical systems, each in a file of its own, and the table of them."""

from hnn_tutorial.systems._system import Parameter, System
from hnn_tutorial.systems.mass_spring import DampedMassSpring, MassSpring
from hnn_tutorial.systems.pendulum import DampedPendulum, Pendulum

__all__ = [
    "SYSTEMS",
    "DampedMassSpring",
    "DampedPendulum",
    "MassSpring",
    "Parameter",
    "Pendulum",
    "System",
]

SYSTEMS: dict[str, type[System]] = {
    system.name: system for system in (MassSpring, DampedMassSpring, Pendulum, DampedPendulum)
}
