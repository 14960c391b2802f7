"""The physical systems, each in a file of its own, and the table of them."""

from hnn_tutorial.systems._constrained import ConstrainedSystem
from hnn_tutorial.systems._system import Parameter, System, parameter
from hnn_tutorial.systems.cart_pole import CartPole
from hnn_tutorial.systems.double_pendulum import DoublePendulum
from hnn_tutorial.systems.driven_pendulum import DrivenPendulum
from hnn_tutorial.systems.four_bar import FourBar
from hnn_tutorial.systems.henon_heiles import HenonHeiles
from hnn_tutorial.systems.link_chain import LinkChain
from hnn_tutorial.systems.lotka_volterra import LotkaVolterra
from hnn_tutorial.systems.mass_spring import DampedMassSpring, MassSpring
from hnn_tutorial.systems.n_body import NBody
from hnn_tutorial.systems.pendulum import DampedPendulum, Pendulum
from hnn_tutorial.systems.pendulum_chain import PendulumChain
from hnn_tutorial.systems.poisson_system import PoissonSystem
from hnn_tutorial.systems.projectile import Projectile
from hnn_tutorial.systems.relativistic_particle import RelativisticParticle
from hnn_tutorial.systems.rigid_body import RigidBody
from hnn_tutorial.systems.spring_chain import SpringChain
from hnn_tutorial.systems.three_body import ThreeBody
from hnn_tutorial.systems.two_body import TwoBody
from hnn_tutorial.systems.two_link_arm import TwoLinkArm

__all__ = [
    "SYSTEMS",
    "CartPole",
    "ConstrainedSystem",
    "DampedMassSpring",
    "DampedPendulum",
    "DoublePendulum",
    "DrivenPendulum",
    "FourBar",
    "HenonHeiles",
    "LinkChain",
    "LotkaVolterra",
    "MassSpring",
    "NBody",
    "Parameter",
    "Pendulum",
    "PendulumChain",
    "PoissonSystem",
    "Projectile",
    "RelativisticParticle",
    "RigidBody",
    "SpringChain",
    "System",
    "ThreeBody",
    "TwoBody",
    "TwoLinkArm",
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
        PendulumChain,
        TwoBody,
        ThreeBody,
        NBody,
        HenonHeiles,
        RelativisticParticle,
        SpringChain,
        Projectile,
        LotkaVolterra,
        RigidBody,
        TwoLinkArm,
        CartPole,
    )
}
"""The classes of the physical systems, by their names."""
