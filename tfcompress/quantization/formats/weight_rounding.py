"""Rounding of weights within a training step, in one call."""

from typing import Any

import tensorflow as tf

from tfcompress.quantization.formats.logarithmic import logarithmic_parameters
from tfcompress.quantization.formats.power_of_two import power_of_two_parameters
from tfcompress.quantization.formats.quantizing import fake_quantize


def fake_quantize_logarithmic(
    x: Any,
    bits: int = 8,
    axis: int | tuple[int, ...] | None = None,
    *,
    unit: Any = None,
) -> tf.Tensor:
    """Rounds to logarithmic numbers that reach the largest value, for training.

    See `logarithmic_parameters`. The gradient is 1, that of the straight-through
    estimator.

    Args:
        x: A tensor or array of floats.
        bits: From 2 to 8, or 16. Defaults to 8.
        axis: Axis or axes with scales of their own. Defaults to one scale for all.
        unit: See `logarithmic_parameters`. Defaults to the mean size of the values.

    Returns:
        A tensor of the shape and dtype of `x`.

    Example:
    ```python
    import numpy as np

    from tfcompress.quantization import formats

    rounded = formats.fake_quantize_logarithmic([0.0, 1.2, -7.0], bits=3, unit=1.0)
    assert np.allclose(rounded, [0, 1, -7])  # 0, 1, 3, 7 and their negatives.
    ```
    """
    x = tf.convert_to_tensor(x)
    return fake_quantize(x, logarithmic_parameters(x, bits=bits, axis=axis, unit=unit))


def fake_quantize_power_of_two(
    x: Any, bits: int = 4, axis: int | tuple[int, ...] | None = None
) -> tf.Tensor:
    """Rounds to 0 and ±2^k for the largest exponents that are needed, for training.

    See `power_of_two_parameters`. The gradient is 1, that of the straight-through
    estimator, and 0 for the numbers beyond √2 times the largest.

    Args:
        x: A tensor or array of floats.
        bits: From 2 to 8, the sign among them. Defaults to 4.
        axis: Axis or axes with exponents of their own. Defaults to one for all.

    Returns:
        A tensor of the shape and dtype of `x`.

    Example:
    ```python
    from tfcompress.quantization import formats

    rounded = formats.fake_quantize_power_of_two([0.3, -0.9, 5.0, 0.001], bits=4)
    assert list(rounded) == [0.25, -1, 4, 0]
    ```
    """
    x = tf.convert_to_tensor(x)
    return fake_quantize(x, power_of_two_parameters(x, bits=bits, axis=axis))
