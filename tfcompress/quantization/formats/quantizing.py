"""Numbers into whole numbers and back, in any format."""

import dataclasses
from typing import Any

import tensorflow as tf

from tfcompress.quantization.formats import error
from tfcompress.quantization.formats.parameters import Parameters, Rounding
from tfcompress.quantization.formats.rounding import round_nearest
from tfcompress.quantization.formats.straight_through import straight_through
from tfcompress.quantization.formats.values import read_finite


@dataclasses.dataclass(frozen=True)
class Quantized:
    """A tensor in whole numbers, with what it was before.

    Attributes:
        integers: The whole numbers, int8, or int16 for 16 bits.
        parameters: How they are read.
        original: The tensor before rounding.
    """

    integers: tf.Tensor
    parameters: Parameters
    original: tf.Tensor

    def dequantize(self) -> tf.Tensor:
        """Returns the float32 numbers that the whole numbers stand for."""
        return self.parameters.decode(self.integers)

    @property
    def sqnr(self) -> tf.Tensor:
        """Signal to quantization noise in decibels, see `sqnr`."""
        return error.sqnr(self.original, self.dequantize())

    @property
    def mean_squared_error(self) -> tf.Tensor:
        """The mean of the squares of the errors."""
        return error.mean_squared_error(self.original, self.dequantize())

    @property
    def largest_error(self) -> tf.Tensor:
        """The size of the largest error."""
        return error.largest_error(self.original, self.dequantize())

    @property
    def size_in_bytes(self) -> int:
        """Bytes of the packed integers, see `pack_bits`, and of the parameters."""
        bits = int(tf.size(self.integers)) * self.parameters.bits
        return -(-bits // 8) + self.parameters.size_in_bytes


def quantize(
    x: Any, parameters: Parameters, *, rounding: Rounding = round_nearest
) -> Quantized:
    """Writes numbers in a format.

    Args:
        x: A tensor or array of floats.
        parameters: The format: what `choose_parameters`, `linear_parameters`,
            `logarithmic_parameters` or `power_of_two_parameters` returned.
        rounding: A function from floats to whole floats. Defaults to `round_nearest`;
            for another: `lambda x: round_stochastic(x, seed=1)`.

    Returns:
        The whole numbers, and what they cost.

    Raises:
        DataError: If a value is NaN or infinite; within a `tf.function` this is not
            looked at.

    Example:
    ```python
    from tfcompress.quantization import formats

    parameters = formats.linear_parameters(-1.0, 1.0, symmetric=True)
    quantized = formats.quantize([-1.0, 0.25, 3.0], parameters)
    assert list(quantized.integers) == [-127, 32, 127]
    ```
    """
    x = tf.convert_to_tensor(x)
    if tf.executing_eagerly():
        read_finite(x.numpy())
    return Quantized(parameters.encode(x, rounding), parameters, x)


def dequantize(integers: Any, parameters: Parameters) -> tf.Tensor:
    """Returns the float32 numbers that whole numbers stand for.

    Args:
        integers: A tensor or array of whole numbers.
        parameters: The format.

    Example:
    ```python
    from tfcompress.quantization import formats

    parameters = formats.linear_parameters(0.0, 51.0)  # Steps of 0.2, and -128 is 0.
    assert abs(float(formats.dequantize([-123], parameters)[0]) - 1) < 1e-6
    ```
    """
    return parameters.decode(integers)


def fake_quantize(
    x: Any, parameters: Parameters, *, rounding: Rounding = round_nearest
) -> tf.Tensor:
    """Rounds numbers to those that a format holds, for training.

    The gradient is that of the straight-through estimator: 1 within the range of the
    format, 0 outside. None goes to the parameters.

    Args:
        x: A tensor or array of floats.
        parameters: The format.
        rounding: See `quantize`.

    Returns:
        A tensor of the shape and dtype of `x`.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.quantization import formats

    weights = tf.Variable([[0.1, -2.0], [0.7, 1.0]])
    with tf.GradientTape() as tape:
        parameters = formats.choose_parameters(weights, bits=4, symmetric=True, axis=-1)
        loss = tf.reduce_sum(formats.fake_quantize(weights, parameters) ** 2)
    gradient = tape.gradient(loss, weights)
    ```
    """
    x = tf.convert_to_tensor(x)
    rounded = parameters.decode(parameters.encode(x, rounding))
    return straight_through(tf.cast(rounded, x.dtype), x, parameters.holds(x))
