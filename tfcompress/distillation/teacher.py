"""A model that teaches: run for its logits, never trained."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress import keras_compat

# The smallest probability whose logarithm TensorFlow gives: it takes smaller, denormal
# numbers for 0.
SMALLEST = float(np.finfo(np.float32).tiny)


@dataclasses.dataclass(frozen=True)
class Teacher:
    """Runs a model in inference mode, and gives logits whatever it ends in.

    Not a layer and not tracked: a `Distiller` that holds it neither trains the model,
    nor changes its `trainable`, nor writes it into checkpoints.

    Attributes:
        model: A Keras model. Where an output ends in a softmax or a sigmoid, its
            logits are the logarithms (the log-odds) of its probabilities, which equal
            the true logits up to a constant that a softmax does not see.
    """

    model: Any

    @property
    def gives_probabilities(self) -> bool:
        """Whether an output is known to end in a softmax or a sigmoid."""
        endings = keras_compat.output_activations(self.model)
        return any(ending in ("softmax", "sigmoid") for ending in endings)

    def logits(self, x: Any) -> Any:
        """Returns the teacher's logits for a batch, without gradients.

        Args:
            x: Inputs, as the model takes them.

        Returns:
            A tensor of shape `(batch, ...)`, or the model's structure of them.
        """
        outputs = self.model(x, training=False)
        flat = [
            tf.stop_gradient(_logits(output, activation))
            for output, activation in zip(
                tf.nest.flatten(outputs),
                keras_compat.output_activations(self.model),
                strict=True,
            )
        ]
        return tf.nest.pack_sequence_as(outputs, flat)


def _logits(output: Any, activation: str | None) -> Any:
    if activation not in ("softmax", "sigmoid"):
        return output
    output = tf.cast(output, tf.float32)
    logarithm = tf.math.log(tf.maximum(output, SMALLEST))
    if activation == "softmax":
        return logarithm
    return logarithm - tf.math.log(tf.maximum(1.0 - output, SMALLEST))
