"""A model run once for its outputs and for the outputs of layers inside it."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from tfcompress import keras_compat
from tfcompress.distillation.teachers.teacher import Targets


class TappedModel:
    """Runs a model, and looks at layers inside it in the same run.

    Args:
        model: A built functional or Sequential model of either Keras.
        layers: Names of layers to look at; see `keras_compat.tap`.
        role: `"teacher"` or `"student"`, for messages.

    Raises:
        ModelError: If the model has no such layer.

    Example:
    ```python
    tapped = TappedModel(model, ["conv2"], "student")
    outputs, features = tapped(x, training=True)
    ```
    """

    def __init__(self, model: Any, layers: Sequence[str], role: str):
        self.model = model
        self.layers = tuple(dict.fromkeys(layers))
        self._tapped = keras_compat.tap(model, layers, role=role) if layers else None

    def __call__(self, x: Any, *, training: bool) -> Targets:
        """Returns the outputs and the features of a batch."""
        if self._tapped is None:
            return Targets(self.model(x, training=training), {})
        outputs, features = self._tapped(x, training=training)
        return Targets(outputs, dict(zip(self.layers, features, strict=True)))

    @property
    def shapes(self) -> Targets:
        """The shapes of outputs and features, with None for the batch."""
        if self._tapped is None:
            return Targets(_shapes(symbolic_outputs(self.model)), {})
        outputs, features = self._tapped.output
        pairs = zip(self.layers, map(_shapes, features), strict=True)
        return Targets(_shapes(outputs), dict(pairs))


def symbolic_outputs(model: Any) -> Any:
    """Returns the symbolic outputs of a model: a tensor, or a structure of them."""
    sequential = isinstance(model, keras_compat.keras_of(model).Sequential)
    return model.outputs[0] if sequential else model.output


def _shapes(tensors: Any) -> Any:
    return tf.nest.map_structure(lambda tensor: tuple(tensor.shape), tensors)
