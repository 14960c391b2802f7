"""RATTLE: the leapfrog of masses on rods, for fields that know their constraints."""

from typing import Any

import torch
from torch import Tensor

from hnn_tutorial._validate import anywhere
from hnn_tutorial.constraints import (
    ConstrainedField,
    checked_force,
    divided,
    misfit,
    parts,
    rod_force,
    solve_multipliers,
    whole,
)
from hnn_tutorial.integrators._method import Field, Method
from hnn_tutorial.integrators.implicit import UnsettledStepError

NEWTON_STEPS = 30
BLIND_STEPS = 6
"""Made inside ``vmap``, where no value can be read; each doubles the digits."""


def constrained(field: Any) -> ConstrainedField | None:
    """Return the parts of a constrained field; None of any other.

    The ``field`` of a system or a model that states a ``constrained_field`` is that field. Another
    method of it, such as ``second_order_field``, is not.
    """
    owner = getattr(field, "__self__", None)
    if owner is not None and field == getattr(owner, "field", None):
        field = getattr(owner, "constrained_field", None)
    return field if isinstance(field, ConstrainedField) else None


def rattle_step(field: Field, x: Tensor, h: float) -> Tensor:
    r"""Half a kick, a drift onto the rods, half a kick that leaves the velocity along them.

    .. math:: p_{1/2} = p_0 + \tfrac h2 \left(-\nabla V(q_0) + G(q_0)^\top \lambda\right), \qquad
              q_1 = q_0 + h M^{-1} p_{1/2}, \qquad g(q_1) = 0

    .. math:: p_1 = p_{1/2} + \tfrac h2 \left(-\nabla V(q_1) + G(q_1)^\top \mu\right), \qquad
              G(q_1) M^{-1} p_1 = 0

    λ is found by Newton's method down to rounding, μ by one linear equation.

    Raises:
        UnsettledStepError: if no λ brings the rods to their lengths: the step is too long.

    References:
        Andersen 1983; Hairer, Lubich & Wanner 2006, sec. VII.1.4.
    """
    motion = constrained(field)
    assert motion is not None  # integrate has looked
    rods, W = motion.constraints, motion.inverse_masses.to(x)
    q, velocity = parts(motion, x)
    kicked = velocity + h / 2 * divided(motion, checked_force(motion, q))

    def drifted(multipliers: Tensor) -> tuple[Tensor, Tensor]:
        v = kicked + divided(motion, rod_force(rods, q, multipliers))
        return q + h * v, v

    multipliers = torch.zeros_like(rods.values(q))
    # A state that has run away before the step stays so.
    settled = ~torch.isfinite(x.detach()).all(-1)
    tolerance = 16 * torch.finfo(x.dtype).eps
    for done in range(1, NEWTON_STEPS + 1):
        new, _ = drifted(multipliers)
        settled = settled | (misfit(rods, new) <= tolerance).all(-1)
        # The step that finds the rods settled is one more than needed, for rounding and for the
        # derivatives, which settle one step after the values.
        multipliers = multipliers - solve_multipliers(rods, new, W, rods.values(new) / h, q)
        moving = anywhere(~settled)
        if moving is False or (moving is None and done == BLIND_STEPS):
            break
    else:
        raise UnsettledStepError(
            f"the step of {h:.3g} brings the rods to their lengths for no multipliers: it is too "
            "long for this motion; pass a smaller step=..."
        )
    new, velocity = drifted(multipliers)
    velocity = velocity + h / 2 * divided(motion, checked_force(motion, new))
    push = solve_multipliers(rods, new, W, rods.rates(new, velocity))
    return whole(motion, new, velocity - divided(motion, rod_force(rods, new, push)))


RATTLE = Method("rattle", "RATTLE", 2, True, False, False, 2, rattle_step, True)
