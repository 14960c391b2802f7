"""What every lab shares on the Python side: the style sheet, and a start that is a tensor."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anywidget
import torch
import traitlets
from torch import Tensor

from hnn_tutorial._validate import check_finite


class StateTrait(traitlets.TraitType):
    """A trait that holds one state, a float64 tensor ``(2n,)``, and travels as a list."""

    info_text = "a state [q, p]: a tensor or a sequence of numbers"

    def validate(self, lab: traitlets.HasTraits, value: Tensor | Sequence[float]) -> Tensor:
        """Return the value as a tensor of its own, or say what is wrong with it."""
        try:
            state = torch.as_tensor(value, dtype=torch.float64).detach().cpu().clone()
        except (TypeError, ValueError, RuntimeError):
            self.error(lab, value)
        size = 2 * lab.system.degrees
        if state.shape != (size,):
            raise ValueError(
                f"state has shape {tuple(state.shape)}; the {lab.system.title} needs one state "
                f"[q, p], shape ({size},)"
            )
        check_finite(state)
        return state

    def set(self, lab: traitlets.HasTraits, value: Any) -> None:
        """Set the trait; observers hear of it only when the numbers change."""
        state = self._validate(lab, value)
        old = lab._trait_values.get(self.name)
        if old is None or not torch.equal(old, state):
            lab._trait_values[self.name] = state
            lab._notify_trait(self.name, old, state)


class Lab(anywidget.AnyWidget):
    """A live lab of one physical system."""

    _css = Path(__file__).parent / "lab.css"

    _system = traitlets.Dict().tag(sync=True)
    state = StateTrait(help="where the motions start, [q, p]; follows the reader's hand").tag(
        sync=True, to_json=lambda state, lab: state.tolist(), from_json=lambda value, lab: value
    )
