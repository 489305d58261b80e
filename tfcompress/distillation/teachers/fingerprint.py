"""What tells one sample from another: a fingerprint of its inputs."""

from typing import Any

import tensorflow as tf

from tfcompress.errors import DataError


def fingerprint(x: Any) -> Any:
    """Returns a number for each sample of a batch that depends on its values alone.

    Neither the place of a sample in the data, nor the batch around it, nor the width
    of its numbers counts: the same values as uint8 or int64, or as float64 or float32,
    have one fingerprint, as `fit` turns the former into the latter. It is the FarmHash
    of the bytes, so that two of a million different samples have the same one with a
    probability of 3e-8.

    Args:
        x: Inputs of a batch: a tensor of shape `(batch, ...)` of numbers or strings,
            or a structure of them.

    Returns:
        int64 tensor of shape `(batch,)`.

    Raises:
        DataError: If there is no tensor, or one is sparse, ragged or has no batch axis.

    Example:
    ```python
    fingerprint(tf.constant([[1.0, 2.0], [3.0, 4.0]]))  # two numbers
    ```
    """
    inputs = tf.nest.flatten(x)
    if not inputs:
        raise DataError(f"A batch must hold one input at least. Received: x={x!r}")
    prints = [tf.fingerprint(_rows(tensor)) for tensor in inputs]
    if len(prints) > 1:
        prints = [tf.fingerprint(tf.concat(prints, axis=1))]
    return tf.bitcast(prints[0], tf.int64)


def _rows(tensor: Any) -> Any:
    """Returns a tensor of shape `(batch, values)`, in one dtype for all like it."""
    if isinstance(tensor, tf.RaggedTensor | tf.SparseTensor):
        raise DataError(
            "Samples must be dense tensors, all of one shape: pad them to one length "
            f"with to_tensor(shape=...). Received: {type(tensor).__name__}"
        )
    tensor = tf.convert_to_tensor(tensor)
    if tensor.shape.rank == 0:
        raise DataError(
            f"Inputs must have the shape (batch, ...). Received: x={tensor!r}"
        )
    if tensor.dtype.is_floating:
        tensor = tf.cast(tensor, tf.float32)
        tensor += _zero()  # makes -0.0 to 0.0
    elif tensor.dtype.is_integer or tensor.dtype.is_bool:
        tensor = tf.cast(tensor, tf.int64)
    values = tf.reduce_prod(tf.shape(tensor)[1:])
    return tf.reshape(tensor, [tf.shape(tensor)[0], values])


def _zero() -> Any:
    """Returns 0.0 that the graph optimizer takes for a number it does not know.

    It would leave out the addition of a constant 0; a choice by `tf.where` takes five
    times as long.
    """
    return tf.raw_ops.PlaceholderWithDefault(input=tf.constant(0.0), shape=())
