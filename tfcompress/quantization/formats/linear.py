"""The linear format: x = scale · (q − zero point), as TFLite defines it."""

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress.errors import ArgumentError
from tfcompress.quantization.formats.bits import integer_dtype, integer_limits
from tfcompress.quantization.formats.granularity import Granularity
from tfcompress.quantization.formats.parameters import Parameters, Rounding

_LEAST_SCALE = float(np.finfo(np.float32).tiny)


@dataclasses.dataclass(frozen=True)
class LinearParameters(Parameters):
    """Scale and zero point of whole numbers that lie evenly.

    Attributes:
        scale: Distance of two numbers, float32, positive. A scalar per tensor, else of
            a shape that broadcasts with the tensor after `granularity.split`.
        zero_point: The whole number that stands for 0, int32, of the same shape. It
            lies within the limits of the integers, so 0 is always exact.
        bits: From 2 to 8, or 16.
        narrow_range: Whether the least integer is left out.
        granularity: Which values share a scale.
    """

    scale: tf.Tensor
    zero_point: tf.Tensor
    bits: int = 8
    narrow_range: bool = False
    granularity: Granularity = dataclasses.field(default_factory=Granularity)

    def encode(self, x: Any, rounding: Rounding) -> tf.Tensor:
        """Returns q = round(x / scale) + zero point, cut off at the limits."""
        x = tf.cast(x, tf.float32)
        split = self.granularity.split(x)
        steps = rounding(split / self.scale) + tf.cast(self.zero_point, tf.float32)
        least, greatest = integer_limits(self.bits, narrow_range=self.narrow_range)
        integers = tf.clip_by_value(steps, least, greatest)
        return self.granularity.merge(tf.cast(integers, integer_dtype(self.bits)), x)

    def decode(self, integers: Any) -> tf.Tensor:
        """Returns x = scale · (q − zero point)."""
        integers = tf.cast(integers, tf.int32)
        steps = self.granularity.split(integers) - self.zero_point
        return self.granularity.merge(tf.cast(steps, tf.float32) * self.scale, integers)

    def holds(self, x: Any) -> tf.Tensor:
        """Returns whether numbers lie from `low` to `high`, to a millionth."""
        x = tf.cast(x, tf.float32)
        split = self.granularity.split(x)
        # The largest weight is at the end of its range, but for an error of float32.
        slack = 1 + 1e-6
        held = (split >= self.low * slack) & (split <= self.high * slack)
        return self.granularity.merge(held, x)

    @property
    def low(self) -> tf.Tensor:
        """The least number that can be written, of the shape of the scale."""
        least, _ = integer_limits(self.bits, narrow_range=self.narrow_range)
        return tf.cast(least - self.zero_point, tf.float32) * self.scale

    @property
    def high(self) -> tf.Tensor:
        """The greatest number that can be written, of the shape of the scale."""
        _, greatest = integer_limits(self.bits, narrow_range=self.narrow_range)
        return tf.cast(greatest - self.zero_point, tf.float32) * self.scale

    @property
    def size_in_bytes(self) -> int:
        """Four bytes for each scale, and as many for each zero point that is not 0."""
        zero_points = int(tf.math.count_nonzero(self.zero_point))
        return 4 * (int(tf.size(self.scale)) + zero_points)


def linear_parameters(
    low: Any,
    high: Any,
    *,
    bits: int = 8,
    symmetric: bool = False,
    narrow_range: bool | None = None,
    granularity: Granularity = Granularity(),  # noqa: B008
) -> LinearParameters:
    """Returns the scale and the zero point for a range.

    Asymmetric: scale = (high − low) / (number of levels − 1), and the zero point is
    rounded, which moves both ends by up to half a step so that 0 is exact. That is what
    `tf.quantization.fake_quant_with_min_max_vars` does. Symmetric: the zero point is 0
    and scale = max(|low|, |high|) / (2^(bits − 1) − 1). Jacob et al., "Quantization and
    Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference", 2018,
    https://arxiv.org/abs/1712.05877; Krishnamoorthi, "Quantizing deep convolutional
    networks for efficient inference", 2018, https://arxiv.org/abs/1806.08342.

    Args:
        low: The least value, a float or a float32 tensor; a range without 0 is widened
            to hold it.
        high: The greatest value, of the same shape.
        bits: From 2 to 8, or 16. Defaults to 8.
        symmetric: Whether the zero point is 0. Defaults to False.
        narrow_range: Whether the least integer is left out. Defaults to None: where
            symmetric, as TFLite has it for weights.
        granularity: Which values share a scale. Defaults to all.

    Returns:
        The parameters. Where a range has no width the scale is 1.

    Raises:
        ArgumentError: If `bits` is none of these, or an end is not finite or the low
            one above the high one; within a `tf.function` ends are not looked at.

    Example:
    ```python
    import numpy as np

    from tfcompress.quantization import formats

    parameters = formats.linear_parameters(-1.0, 3.0)
    assert float(parameters.scale) == np.float32(4 / 255)
    assert int(parameters.zero_point) == -64  # 1 / scale = 63.75 steps above -128.
    ```
    """
    narrow = symmetric if narrow_range is None else narrow_range
    least, greatest = integer_limits(bits, narrow_range=narrow)
    low, high = tf.cast(low, tf.float32), tf.cast(high, tf.float32)
    if tf.executing_eagerly():
        _check_range(low.numpy(), high.numpy())
    low, high = tf.minimum(low, 0.0), tf.maximum(high, 0.0)
    if symmetric:
        scale = _positive(tf.maximum(-low, high) / greatest)
        zero_point = tf.zeros_like(scale, tf.int32)
    else:
        scale = _positive((high - low) / (greatest - least))
        zero_point = least + tf.cast(tf.floor(-low / scale + 0.5), tf.int32)
        zero_point = tf.clip_by_value(zero_point, least, greatest)
    return LinearParameters(scale, zero_point, bits, narrow, granularity)


def _check_range(low: np.ndarray, high: np.ndarray) -> None:
    with np.errstate(over="ignore", invalid="ignore"):
        width = high - low
    if not (np.isfinite(width) & (width >= 0)).all():
        raise ArgumentError(
            "A range goes from a low end to a high end, both finite in float32. "
            f"Received: low={low}, high={high}"
        )


def _positive(scale: tf.Tensor) -> tf.Tensor:
    return tf.where(scale > 0, tf.maximum(scale, _LEAST_SCALE), 1.0)
