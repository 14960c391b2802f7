"""Normalising flows: densities made of a Gaussian by an invertible map, a motion among them."""

from hnn_tutorial.flows.augmented import AugmentedFlow
from hnn_tutorial.flows.coupling import AugmentedNVP, RealNVP
from hnn_tutorial.flows.densities import DENSITIES, GaussianMixture
from hnn_tutorial.flows.likelihood import NEGATIVE_LOG_LIKELIHOOD, flow_data
from hnn_tutorial.flows.neural_hamiltonian import (
    DrivenHamiltonianFlow,
    MotionFlow,
    NeuralHamiltonianFlow,
)
from hnn_tutorial.flows.scores import kl_to_truth, share_astray

__all__ = [
    "DENSITIES",
    "NEGATIVE_LOG_LIKELIHOOD",
    "AugmentedFlow",
    "AugmentedNVP",
    "DrivenHamiltonianFlow",
    "GaussianMixture",
    "MotionFlow",
    "NeuralHamiltonianFlow",
    "RealNVP",
    "flow_data",
    "kl_to_truth",
    "share_astray",
]
