"""What labs of trained models share on the Python side: the models, and how to replace one."""

from collections.abc import Mapping
from typing import Any

import traitlets

from hnn_tutorial.models import Model
from hnn_tutorial.widgets._encode import encode_models
from hnn_tutorial.widgets._lab import Lab


class ModelLab(Lab):
    """A lab that runs trained models beside the truth; its constructor sets ``models``."""

    models: dict[str, Model]

    _models = traitlets.List(traitlets.Dict()).tag(sync=True)
    _weights = traitlets.Bytes(b"").tag(sync=True)

    def set_model(self, label: str, model: Model) -> None:
        """Replace the model with this label, or add one, with its present weights.

        Args:
            label: its name in the lab.
            model: the trained model.

        Raises:
            TypeError, ValueError: as in the constructor; the lab then stays as it was.
        """
        models = {**self.models, label: model}
        specs, weights = self._encode(models)
        self.models = models
        # One message, so that the browser never sees the weights of one and the shape of another.
        with self.hold_sync():
            self._models = specs
            self._weights = weights

    def _encode(self, models: Mapping[str, Model]) -> tuple[list[dict[str, Any]], bytes]:
        """Return what travels to the browser, or raise what a model that does not suit raises."""
        return encode_models(self.system, models)
