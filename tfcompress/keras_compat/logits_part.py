"""The part of a quantization-aware model that gives logits."""

from typing import Any

import tf_keras

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.activation_range import ActivationRange

_PROBABILITIES = ("softmax", "sigmoid")


def logits_part(model: Any) -> Any:
    """Returns a quantization-aware model without the softmax or sigmoid at its end.

    The layers are shared: what trains the part trains the model.

    Args:
        model: What `QuantizationAwareTraining.apply` returned.

    Returns:
        A tf_keras model with the same inputs; the model itself if it has several
        outputs or ends in neither.
    """
    if len(model.outputs) != 1:
        return model
    tensor = model.outputs[0]
    found = None
    while found is None:
        layer, index = tensor._keras_history[:2]
        taken = modules.flatten(layer._inbound_nodes[index].keras_inputs)
        if isinstance(layer, ActivationRange):
            tensor = taken[0]
        elif _gives_probabilities(layer):
            found = taken[0]
        else:
            return model
    return tf_keras.Model(model.input, found, name=model.name)


def _gives_probabilities(layer: Any) -> bool:
    if isinstance(layer, tf_keras.layers.Softmax):
        return True
    if not isinstance(layer, tf_keras.layers.Activation):
        return False
    return getattr(layer.activation, "__name__", "") in _PROBABILITIES
