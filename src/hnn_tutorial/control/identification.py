"""The numbers of a known form, from motions and torques."""

import torch
from torch import Tensor

from hnn_tutorial._validate import check_finite, check_tensor


def identify(regressor: Tensor, torques: Tensor) -> Tensor:
    r"""Return the numbers that torques are linear in, by least squares.

    .. math:: \min_\theta \sum_b \| Y_b\, \theta - \tau_b \|^2

    This is how robots have been identified for decades, where the form of their equations is
    known.

    Args:
        regressor: Y, ``(B, n, k)``, such as ``TwoLinkArm.regressor``; joint friction is a column
            more for each joint, ``torch.diag_embed(velocity)``.
        torques: τ, ``(B, n)``.

    Returns:
        θ, ``(k,)``.

    Raises:
        ValueError: if shapes do not fit, or the motions do not tell the numbers apart.

    References:
        Atkeson, An & Hollerbach 1986.
    """
    check_tensor(regressor, "regressor")
    check_tensor(torques, "torques")
    if regressor.ndim < 2 or regressor.shape[:-1] != torques.shape or 0 in regressor.shape:
        raise ValueError(
            f"regressor has shape {tuple(regressor.shape)}, torques {tuple(torques.shape)}; "
            "expected (B, n, k) and (B, n)"
        )
    if regressor.dtype != torques.dtype:
        raise TypeError(f"regressor is {regressor.dtype}, torques {torques.dtype}; convert one")
    check_finite(regressor, "regressor")
    check_finite(torques, "torques")
    columns = regressor.flatten(0, -2)
    known = int(torch.linalg.matrix_rank(columns))
    if known < columns.shape[1]:
        raise ValueError(
            f"the motions tell {known} of the {columns.shape[1]} numbers apart; expected motions "
            "that move every joint, fast and slow, in different directions"
        )
    return torch.linalg.lstsq(columns, torques.flatten().unsqueeze(-1)).solution.squeeze(-1)
