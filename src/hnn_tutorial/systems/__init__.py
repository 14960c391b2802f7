"""The physical systems, each in a file of its own, and the table of them."""

from hnn_tutorial.systems._system import Parameter, System, parameter
from hnn_tutorial.systems.double_pendulum import DoublePendulum
from hnn_tutorial.systems.henon_heiles import HenonHeiles
from hnn_tutorial.systems.mass_spring import DampedMassSpring, MassSpring
from hnn_tutorial.systems.pendulum import DampedPendulum, Pendulum
from hnn_tutorial.systems.projectile import Projectile
from hnn_tutorial.systems.relativistic_particle import RelativisticParticle
from hnn_tutorial.systems.spring_chain import SpringChain
from hnn_tutorial.systems.three_body import ThreeBody
from hnn_tutorial.systems.two_body import TwoBody

__all__ = [
    "SYSTEMS",
    "DampedMassSpring",
    "DampedPendulum",
    "DoublePendulum",
    "HenonHeiles",
    "MassSpring",
    "Parameter",
    "Pendulum",
    "Projectile",
    "RelativisticParticle",
    "SpringChain",
    "System",
    "ThreeBody",
    "TwoBody",
    "parameter",
]

SYSTEMS: dict[str, type[System]] = {
    system.name: system
    for system in (
        MassSpring,
        DampedMassSpring,
        Pendulum,
        DampedPendulum,
        DoublePendulum,
        TwoBody,
        ThreeBody,
        HenonHeiles,
        RelativisticParticle,
        SpringChain,
        Projectile,
    )
}
"""The classes of the physical systems, by their names."""
