"""A batch normalization whose statistics `fit` can hold still."""

from typing import Any

import tensorflow as tf
import tf_keras


@tf_keras.saving.register_keras_serializable(package="tfcompress")
class SteadyBatchNormalization(tf_keras.layers.BatchNormalization):
    """A `BatchNormalization` that trains as at inference once it is told to.

    Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference",
    2018, https://arxiv.org/abs/1806.08342, section 3.2.2.
    """

    def build(self, input_shape: Any) -> None:
        """Makes the variables of the layer, and a switch for `fit` to turn."""
        super().build(input_shape)
        self.moves = self.add_weight(
            "moves", shape=[], initializer="ones", dtype="int32", trainable=False
        )

    def call(self, inputs: Any, training: Any = None, mask: Any = None) -> Any:
        """Normalizes by the batch in training, until it is told to hold still."""
        if training is None:
            training = tf_keras.backend.learning_phase()
        if isinstance(training, bool | int) and not training:
            return super().call(inputs, training=False, mask=mask)
        by_batch = tf.logical_and(tf.cast(training, tf.bool), self.moves > 0)
        return super().call(inputs, training=by_batch, mask=mask)
