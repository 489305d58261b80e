"""How far rounded numbers are from the numbers they were made of."""

from typing import Any

import tensorflow as tf


def mean_squared_error(x: Any, rounded: Any) -> tf.Tensor:
    """Returns the mean of the squares of the errors, a float32 scalar.

    Args:
        x: The numbers, a tensor or array of any shape.
        rounded: What became of them, of the same shape.

    Example:
    ```python
    from tfcompress.quantization import formats

    assert formats.mean_squared_error([1.0, 2.0], [1.5, 2.0]) == 0.125
    ```
    """
    x, rounded = tf.cast(x, tf.float64), tf.cast(rounded, tf.float64)
    return tf.cast(tf.reduce_mean(tf.square(x - rounded)), tf.float32)


def largest_error(x: Any, rounded: Any) -> tf.Tensor:
    """Returns the size of the largest error, a float32 scalar.

    Args:
        x: The numbers, a tensor or array of any shape.
        rounded: What became of them, of the same shape.

    Example:
    ```python
    from tfcompress.quantization import formats

    assert formats.largest_error([1.0, 2.0], [1.5, 2.0]) == 0.5
    ```
    """
    x, rounded = tf.cast(x, tf.float64), tf.cast(rounded, tf.float64)
    return tf.cast(tf.reduce_max(tf.abs(x - rounded)), tf.float32)


def sqnr(x: Any, rounded: Any) -> tf.Tensor:
    """Returns the ratio of signal to quantization noise, 10 · log10(Σx² / Σ(x − x')²).

    Each bit more is worth about 6 dB.

    Args:
        x: The numbers, a tensor or array of any shape.
        rounded: What became of them, of the same shape.

    Returns:
        A float32 scalar, in decibels; infinite where nothing changed.

    Example:
    ```python
    from tfcompress.quantization import formats

    assert formats.sqnr([10.0, 0.0], [10.0, 1.0]) == 20.0
    ```
    """
    x, rounded = tf.cast(x, tf.float64), tf.cast(rounded, tf.float64)
    signal = tf.reduce_sum(tf.square(x))
    noise = tf.reduce_sum(tf.square(x - rounded))
    ten = tf.constant(10, tf.float64)
    decibels = ten * (tf.math.log(signal) - tf.math.log(noise)) / tf.math.log(ten)
    exact = tf.constant(float("inf"), tf.float64)
    return tf.cast(tf.where(noise > 0, decibels, exact), tf.float32)
