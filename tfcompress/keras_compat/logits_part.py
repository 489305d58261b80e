"""The part of a quantization-aware model that gives logits."""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from tfcompress.keras_compat import modules
from tfcompress.keras_compat.activation_range import ActivationRange
from tfcompress.keras_compat.output_activation import PROBABILITIES


def logits_part(model: Any, wanted: Sequence[bool] | None = None) -> Any:
    """Returns a quantization-aware model without the softmax or sigmoid at its end.

    The layers are shared: what trains the part trains the model. A plain model, whose
    softmax may be a setting of its last layer, cannot be cut like this; there
    `pipeline.fitting.logits` rewrites the layers.

    Args:
        model: What `QuantizationAwareTraining.apply` returned.
        wanted: For each output, in flattened order, whether it shall give logits.
            Defaults to all.

    Returns:
        A tf_keras model with the same inputs; the model itself if no output ends in
        either.
    """
    chosen = [True] * len(model.outputs) if wanted is None else wanted
    found = [
        _before_probabilities(tensor) if take else tensor
        for tensor, take in zip(model.outputs, chosen, strict=True)
    ]
    if all(a is b for a, b in zip(found, model.outputs, strict=True)):
        return model
    outputs = tf.nest.pack_sequence_as(model.output, found)
    return tf_keras.Model(model.input, outputs, name=model.name)


def _before_probabilities(output: Any) -> Any:
    """Returns what goes into the softmax or sigmoid behind an output, or the output."""
    tensor = output
    while True:
        layer, index = tensor._keras_history[:2]
        taken = modules.flatten(layer._inbound_nodes[index].keras_inputs)
        if _gives_probabilities(layer):
            return taken[0]
        if not isinstance(layer, ActivationRange):
            return output
        tensor = taken[0]


def _gives_probabilities(layer: Any) -> bool:
    if isinstance(layer, tf_keras.layers.Softmax):
        return True
    if not isinstance(layer, tf_keras.layers.Activation):
        return False
    return getattr(layer.activation, "__name__", "") in PROBABILITIES
