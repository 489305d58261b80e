"""Layers of Keras 3, computed with operations that devices have.

Only `plain_model` makes them, on the way to a file: a user's model never holds them.
"""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf


class PlainLayerNormalization(keras.layers.LayerNormalization):
    """Normalizes as `(x - mean) / deviation * gamma + beta`.

    Keras 3 multiplies first, and adds what it computes from a negative mean.
    """

    def call(self, inputs: Any) -> Any:
        """Returns the inputs, normalized over the axes of the layer."""
        if self.rms_scaling:
            return super().call(inputs)
        axes = [self.axis] if isinstance(self.axis, int) else self.axis
        places = {axis % len(inputs.shape) for axis in axes}
        shape = [size if n in places else 1 for n, size in enumerate(inputs.shape)]
        outputs = _normalize(inputs, sorted(places), self.epsilon)
        return _scale(outputs, self.gamma, self.beta, shape)


class PlainGroupNormalization(keras.layers.GroupNormalization):
    """Normalizes groups of channels as `PlainLayerNormalization` does."""

    def call(self, inputs: Any) -> Any:
        """Returns the inputs, each group of channels normalized."""
        rank = len(inputs.shape)
        axis = self.axis % rank
        channels = inputs.shape[axis]
        split = [self.groups, channels // self.groups]
        sizes = tf.shape(inputs)
        known = [sizes[n] if s is None else s for n, s in enumerate(inputs.shape)]
        grouped = tf.reshape(inputs, [*known[:axis], *split, *known[axis + 1 :]])
        axes = [n for n in range(1, rank + 1) if n != axis]
        outputs = tf.reshape(_normalize(grouped, axes, self.epsilon), known)
        shape = [channels if n == axis else 1 for n in range(rank)]
        gamma = self.gamma if self.scale else None
        return _scale(outputs, gamma, self.beta if self.center else None, shape)


class PlainEmbedding(keras.layers.Embedding):
    """Looks up rows by their number, which is never negative.

    Keras 3 counts negative numbers from the end.
    """

    def call(self, inputs: Any) -> Any:
        """Returns the rows with the numbers of the inputs."""
        return tf.gather(self.embeddings, tf.cast(inputs, "int32"))


class PlainArgmax(keras.layers.Layer):
    """Computes `keras.ops.argmax`, to which -0 and 0 are alike.

    Args:
        axis: The axis, or None for all.
        keepdims: Whether the axis stays, with one entry.
        **kwargs: Arguments of every layer.
    """

    find = staticmethod(tf.argmax)

    def __init__(
        self, axis: int | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.axis = axis
        self.keepdims = keepdims

    def call(self, inputs: Any) -> Any:
        """Returns the place of the largest number, int32."""
        flat = tf.reshape(inputs, [-1]) if self.axis is None else inputs
        places = self.find(flat, axis=self.axis or 0, output_type="int32")
        if not self.keepdims:
            return places
        if self.axis is None:
            return tf.reshape(places, [1] * len(inputs.shape))
        return tf.expand_dims(places, self.axis)


class PlainArgmin(PlainArgmax):
    """Computes `keras.ops.argmin`, to which -0 and 0 are alike."""

    find = staticmethod(tf.argmin)


def _normalize(inputs: Any, axes: Sequence[int], epsilon: float) -> Any:
    rest = inputs - tf.reduce_mean(inputs, axes, keepdims=True)
    variance = tf.reduce_mean(rest * rest, axes, keepdims=True)
    return rest * tf.math.rsqrt(variance + epsilon)


def _scale(outputs: Any, gamma: Any, beta: Any, shape: Sequence[int]) -> Any:
    if gamma is not None:
        outputs *= tf.reshape(gamma, shape)
    if beta is not None:
        outputs += tf.reshape(beta, shape)
    return outputs
