"""The format of powers of two: multiplying is shifting."""

import dataclasses
import math
from typing import Any

import tensorflow as tf

from tfcompress.quantization.formats.bits import BITS, check_bits, integer_limits
from tfcompress.quantization.formats.granularity import Granularity
from tfcompress.quantization.formats.parameters import Parameters, Rounding
from tfcompress.quantization.formats.values import check_values

_POWER_BITS = BITS[:-1]


@dataclasses.dataclass(frozen=True)
class PowerOfTwoParameters(Parameters):
    """The largest exponent of numbers 0 and ±2^k.

    A whole number q has the sign of the number, and |q| counts the exponents up: the
    greatest q stands for 2^exponent, one less for half of that, 0 for 0.

    Attributes:
        exponent: The largest k, int32. Of a shape that broadcasts with the tensor after
            `granularity.split`.
        bits: From 2 to 8, the sign among them.
        granularity: Which values share the largest exponent.
    """

    exponent: tf.Tensor
    bits: int = 4
    granularity: Granularity = dataclasses.field(default_factory=Granularity)

    def encode(self, x: Any, rounding: Rounding) -> tf.Tensor:
        """Returns the whole number of round(log2 |x|), with the sign of x.

        Exponents that are too small become the smallest; what is smaller than half of
        that number becomes 0.
        """
        x = tf.cast(x, tf.float32)
        split = self.granularity.split(x)
        _, greatest = integer_limits(self.bits)
        lowest = tf.cast(self.exponent, tf.float32) - greatest
        logarithm = _log2(tf.abs(split)) - lowest
        # The logarithm of 0 is minus infinity, which no rounding can take.
        steps = tf.clip_by_value(rounding(tf.maximum(logarithm, 0.0)), 1, greatest)
        integers = tf.where(logarithm < 0, 0.0, steps) * tf.sign(split)
        return self.granularity.merge(tf.cast(integers, tf.int8), x)

    def decode(self, integers: Any) -> tf.Tensor:
        """Returns sign(q) · 2^(exponent − (2^(bits − 1) − 1) + |q|), and 0 for 0."""
        integers = tf.convert_to_tensor(integers)
        codes = tf.cast(self.granularity.split(integers), tf.int32)
        _, greatest = integer_limits(self.bits)
        sizes = _power_of_two(self.exponent - greatest + tf.abs(codes))
        numbers = tf.cast(tf.sign(codes), tf.float32) * sizes
        return self.granularity.merge(numbers, integers)

    def holds(self, x: Any) -> tf.Tensor:
        """Returns whether numbers round to no larger exponent than the largest."""
        x = tf.cast(x, tf.float32)
        logarithm = _log2(tf.abs(self.granularity.split(x)))
        end = tf.cast(self.exponent, tf.float32) + 0.5
        return self.granularity.merge(logarithm <= end, x)

    @property
    def size_in_bytes(self) -> int:
        """One byte for each largest exponent."""
        return int(tf.size(self.exponent))


def power_of_two_parameters(
    x: Any,
    *,
    bits: int = 4,
    axis: int | tuple[int, ...] | None = None,
    group_size: int | None = None,
) -> PowerOfTwoParameters:
    """Returns the largest exponent that a tensor needs: round(log2 max |x|).

    Rounding is done on the logarithm, so numbers up to √2 · 2^k become 2^k. A product
    with such a number is a shift of bits. TFLite has no kernel for the format: it can
    be trained with and stored. Miyashita et al., "Convolutional Neural Networks using
    Logarithmic Data Representation", 2016, https://arxiv.org/abs/1603.01025, where
    it is `LogQuant`, and only what is exactly 0 becomes 0.

    Args:
        x: A tensor or array of floats.
        bits: From 2 to 8, the sign among them: 2 are -2^k, 0 and 2^k. Defaults to 4.
        axis: See `Granularity`. Defaults to one exponent for all.
        group_size: See `Granularity`. Defaults to no groups.

    Returns:
        The parameters. Where all values are 0 the exponent is 0.

    Raises:
        ArgumentError: If an argument is outside what is allowed.
        DataError: If a value is NaN or infinite, or if there is none.

    Example:
    ```python
    from tfcompress.quantization import formats

    parameters = formats.power_of_two_parameters([0.3, -0.9, 5.0])
    assert int(parameters.exponent) == 2  # log2(5) = 2.3
    ```
    """
    check_bits(bits, _POWER_BITS)
    granularity = Granularity(axis, group_size)
    x = tf.convert_to_tensor(x)
    check_values(x)
    shared = granularity.shared_axes(x)
    sizes = tf.abs(granularity.split(tf.cast(x, tf.float32)))
    largest = tf.reduce_max(sizes, axis=shared, keepdims=axis is not None)
    exponent = tf.minimum(tf.round(_log2(tf.where(largest > 0, largest, 1.0))), 127.0)
    return PowerOfTwoParameters(tf.cast(exponent, tf.int32), bits, granularity)


def _log2(x: tf.Tensor) -> tf.Tensor:
    return tf.math.log(x) / math.log(2)


def _power_of_two(exponents: tf.Tensor) -> tf.Tensor:
    """Returns 2^k exactly, and 0 for exponents below those of float32."""
    fields = tf.bitwise.left_shift(tf.maximum(exponents, -127) + 127, 23)
    return tf.bitcast(fields, tf.float32)
