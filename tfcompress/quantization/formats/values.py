"""Values as they come in."""

from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress.errors import DataError


def read_finite(values: Any) -> np.ndarray:
    """Returns numbers as a float32 array.

    Args:
        values: Numbers in an array or tensor of any shape.

    Raises:
        DataError: If a value is NaN, infinite, or no number.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iuf" and array.dtype.name != "bfloat16":
        raise DataError(
            f"Values to quantize are numbers. Received: dtype={array.dtype}"
        )
    with np.errstate(over="ignore"):
        array = array.astype(np.float32, copy=False)
    if not np.isfinite(array).all():
        raise DataError(
            "Values to quantize are finite in float32. Received: NaN or infinite values"
        )
    return array


def check_values(x: Any) -> None:
    """Raises an error unless a tensor holds finite numbers, one at least.

    Within a `tf.function` nothing is known of its values, and nothing is checked.

    Args:
        x: A tensor.

    Raises:
        DataError: If a value is NaN or infinite, or if there is none.
    """
    if tf.executing_eagerly():
        array = read_finite(x.numpy())
        if not array.size:
            raise DataError(f"The tensor has no values. Received: shape={array.shape}")
