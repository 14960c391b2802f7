"""Any PyTorch module as a model: as an H, an L or a field.

``torch.compile`` and ``torch.save`` take each. ``torch.export`` takes every model of ``MODELS``; it
cannot follow the ``torch.func.grad`` in a model of one's own, so it is given ``model.traced(x)``.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx

from hnn_tutorial._validate import check_output, check_state, check_type
from hnn_tutorial.mechanics import conjugate_momentum, gradient, hamiltonian_field, jacobian
from hnn_tutorial.models._lagrangian import inverse_times

OWN_GRADIENT = (
    "the module calls torch.autograd.grad in its forward pass, which torch.func cannot see "
    "through; let it return its scalar alone (the wrapper takes the derivative), or use "
    "torch.func.grad in it, or train it with a loop of your own"
)


class _OwnModel(nn.Module):
    """A module in the role of a model; its weights are those of the module."""

    kind: str

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        check_type(nn.Module, "a torch.nn.Module, such as nn.Sequential(...)", module=module)
        self.module = module

    @property
    def config(self) -> dict[str, Any]:
        """The name of the module's class; its shape is for its maker to know."""
        return {"module": type(self.module).__qualname__}

    def field(self, x: Tensor) -> Tensor:
        """Return the time derivative of the state, ``(..., 2n) -> (..., 2n)``."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        """Return ``field(x)``."""
        return self.field(x)

    def traced(self, x: Tensor) -> GraphModule:
        """Return the field as plain operations of PyTorch, for ``torch.export``.

        It has the model's weights as its own, and takes any size of those batch axes that have
        two states or more here; the number of axes is fixed.

        Args:
            x: an example of the states it will be given, ``(..., 2n)``.
        """
        check_state(x)
        self._call(x)  # what cannot be called is said here, not from within the tracer
        graph = make_fx(
            lambda states: self.field(states), tracing_mode="symbolic", _allow_non_fake_inputs=True
        )
        return graph(x.detach())

    def _call(self, x: Tensor) -> Tensor:
        own = next((p for p in self.module.parameters() if p.is_floating_point()), x)
        if x.dtype != own.dtype:
            raise TypeError(
                f"state has dtype {x.dtype}, the module has {own.dtype}; "
                "convert one with .to(dtype)"
            )
        try:
            return self.module(x)
        except RuntimeError as error:
            if type(error) is not RuntimeError:  # such as torch.OutOfMemoryError
                raise
            name, text = type(self.module).__name__, str(error)
            if "functorch" in text or "torch.func" in text:
                raise ValueError(f"{name}: {OWN_GRADIENT}") from error
            raise ValueError(
                f"the module {name} cannot take states of shape {tuple(x.shape)}: {text}"
            ) from error

    def _scalar(self, x: Tensor) -> Tensor:
        """Return one number for each state, from ``(...,)`` or ``(..., 1)``."""
        check_state(x)
        value = self._call(x)
        if isinstance(value, Tensor) and value.shape == (*x.shape[:-1], 1):
            value = value.squeeze(-1)
        check_output(value, x, x.shape[:-1], f"the module {type(self.module).__name__}")
        return value


class HamiltonianModel(_OwnModel):
    r"""Any module as a Hamiltonian; the motion is its symplectic gradient.

    .. math:: \dot q = \frac{\partial H_\theta}{\partial p}, \qquad
              \dot p = -\frac{\partial H_\theta}{\partial q}

    Args:
        module: gives one number for each state ``[q, p]``, ``(..., 2n) -> (...,)`` or
            ``(..., 1)``, and treats the states of a batch independently. It must be smooth.
    """

    kind = "own_hamiltonian"

    def hamiltonian(self, x: Tensor) -> Tensor:
        """Return the module's value, ``(..., 2n) -> (...,)``."""
        return self._scalar(x)

    def field(self, x: Tensor) -> Tensor:
        """Return ``hamiltonian_field(self.hamiltonian)(x)``, ``(..., 2n) -> (..., 2n)``."""
        return hamiltonian_field(self.hamiltonian)(x)


class LagrangianModel(_OwnModel):
    r"""Any module as a Lagrangian; the motion follows from the Euler–Lagrange equation.

    .. math:: \ddot q = \left(\frac{\partial^2 L}{\partial \dot q^2}\right)^{-1}
              \left(\frac{\partial L}{\partial q}
              - \frac{\partial^2 L}{\partial q\,\partial \dot q}\,\dot q\right)

    Its states are ``[q, q̇]``. Nothing keeps the mass matrix of a module from being singular;
    one that begins as :math:`|\dot q|^2/2` plus something small is a good start.

    Args:
        module: gives one number for each state ``[q, q̇]``, ``(..., 2n) -> (...,)`` or
            ``(..., 1)``, and treats the states of a batch independently. It must be smooth.
    """

    kind = "own_lagrangian"

    def lagrangian(self, x: Tensor) -> Tensor:
        """Return the module's value, ``(..., 2n) -> (...,)``."""
        return self._scalar(x)

    def energy(self, x: Tensor) -> Tensor:
        """Return ``q̇ · ∂L/∂q̇ − L`` of ``[q, q̇]``, ``(..., 2n) -> (...,)``."""
        n = check_state(x)
        momentum = conjugate_momentum(self.lagrangian)(x)[..., n:]
        return (x[..., n:] * momentum).sum(-1) - self.lagrangian(x)

    def mass_matrix(self, x: Tensor) -> Tensor:
        """Return ``∂²L/∂q̇²``, ``(..., 2n) -> (..., n, n)``."""
        n = check_state(x)
        return self._second(x)[..., n:]

    def _second(self, x: Tensor) -> Tensor:
        n = check_state(x)
        slope = gradient(self.lagrangian)
        return jacobian(lambda y: slope(y)[..., n:])(x)

    def acceleration(self, x: Tensor) -> Tensor:
        """Return q̈ by the Euler–Lagrange equation, ``(..., 2n) -> (..., n)``."""
        n = check_state(x)
        second = self._second(x)
        turned = (second[..., :n] @ x[..., n:].unsqueeze(-1)).squeeze(-1)
        force = gradient(self.lagrangian)(x)[..., :n] - turned
        return inverse_times(second[..., n:], force)[0]

    def field(self, x: Tensor) -> Tensor:
        """Return ``[q̇, q̈]``, ``(..., 2n) -> (..., 2n)``; infinite where L fixes no q̈."""
        n = check_state(x)
        return torch.cat([x[..., n:], self.acceleration(x)], dim=-1)


class FieldModel(_OwnModel):
    r"""Any module as the field itself, :math:`\dot x = f_\theta(x)`.

    Args:
        module: ``(..., 2n) -> (..., 2n)``; it treats the states of a batch independently.
    """

    kind = "own_field"

    def field(self, x: Tensor) -> Tensor:
        """Return the module's value, ``(..., 2n) -> (..., 2n)``."""
        check_state(x)
        value = self._call(x)
        check_output(value, x, x.shape, f"the module {type(self.module).__name__}")
        return value
