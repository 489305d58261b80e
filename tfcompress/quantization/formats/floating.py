"""The floats of 16 bits."""

from typing import Any

import tensorflow as tf

from tfcompress.quantization.formats.straight_through import straight_through


def round_float16(x: Any) -> tf.Tensor:
    """Rounds to what a float16 holds: 11 significant bits, up to 65504.

    Ties go to the even number, as IEEE 754 has it. What is larger than 65504 by more
    than half a step becomes infinite; below 2^-14 steps are 2^-24 wide.

    Args:
        x: A tensor or array of floats, of any shape.

    Returns:
        A tensor of the dtype of `x`. Its gradient is 1, and 0 where it is infinite.

    Example:
    ```python
    from tfcompress.quantization import formats

    assert formats.round_float16(2049.0) == 2048.0
    ```
    """
    return _round_to(tf.float16, x)


def round_bfloat16(x: Any) -> tf.Tensor:
    """Rounds to what a bfloat16 holds: 8 significant bits, the range of float32.

    Ties go to the even number.

    Args:
        x: A tensor or array of floats, of any shape.

    Returns:
        A tensor of the dtype of `x`. Its gradient is 1, and 0 where it is infinite.

    Example:
    ```python
    from tfcompress.quantization import formats

    assert formats.round_bfloat16(257.0) == 256.0
    ```
    """
    return _round_to(tf.bfloat16, x)


def _round_to(dtype: tf.DType, x: Any) -> tf.Tensor:
    x = tf.convert_to_tensor(x)
    rounded = tf.cast(tf.cast(x, dtype), x.dtype)
    return straight_through(rounded, x, tf.math.is_finite(rounded))
