"""What the labs have in common in which a reader clicks several starts in a plane."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import describe
from hnn_tutorial.widgets._model_lab import ModelLab

MAX_STARTS = 40
"""As ``starts_lab.js`` has it."""


class StartsLab(ModelLab):
    """A lab with starts in a plane; ``PAIR`` names the two numbers of one."""

    PAIR: ClassVar[str]

    # The starts are several, not one state.
    state = None  # type: ignore[assignment]

    starts = traitlets.List(traitlets.List(traitlets.Float()), help="pairs").tag(sync=True)

    @traitlets.validate("starts")
    def _check_starts(self, proposal: dict[str, Any]) -> list[list[float]]:
        starts = proposal["value"]
        if len(starts) > MAX_STARTS:
            raise ValueError(f"{len(starts)} starts; the lab follows at most {MAX_STARTS}")
        for start in starts:
            if len(start) != 2 or not np.isfinite(start).all():
                raise ValueError(
                    f"a start is {start}; expected a pair of finite numbers {self.PAIR}"
                )
            self._check_start(start)
        return starts

    def _check_start(self, start: list[float]) -> None:
        """Refuse a start from which there is no motion."""

    def _as_pairs(self, starts: Sequence[Sequence[float]] | Tensor) -> list[list[float]]:
        """Return pairs as lists of floats, or say that they are none."""
        try:
            pairs = torch.as_tensor(starts, dtype=torch.float64)
        except (TypeError, ValueError, RuntimeError):
            raise TypeError(f"starts is {describe(starts)}; expected pairs {self.PAIR}") from None
        if pairs.numel() and (pairs.ndim != 2 or pairs.shape[1] != 2):
            raise ValueError(
                f"starts have shape {tuple(pairs.shape)}; expected pairs {self.PAIR}, (N, 2)"
            )
        return pairs.reshape(-1, 2).tolist()
