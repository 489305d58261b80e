"""The logarithmic format: steps that grow with the number."""

import dataclasses
import math
from typing import Any

import tensorflow as tf

from tfcompress.errors import ArgumentError
from tfcompress.quantization.formats.bits import integer_dtype, integer_limits
from tfcompress.quantization.formats.granularity import Granularity
from tfcompress.quantization.formats.parameters import Parameters, Rounding
from tfcompress.quantization.formats.values import check_values


@dataclasses.dataclass(frozen=True)
class LogarithmicParameters(Parameters):
    """Unit and scale of whole numbers that stand for logarithms.

    Attributes:
        unit: Size up to which steps are nearly even, u below, float32, positive. Of a
            shape that broadcasts with the tensor after `granularity.split`.
        scale: Distance of two logarithms, of the same shape, positive.
        bits: From 2 to 8, or 16.
        granularity: Which values share a unit and a scale.
    """

    unit: tf.Tensor
    scale: tf.Tensor
    bits: int = 8
    granularity: Granularity = dataclasses.field(default_factory=Granularity)

    def encode(self, x: Any, rounding: Rounding) -> tf.Tensor:
        """Returns q = round(y / scale) with y = sign(x) · log(1 + |x| / u)."""
        x = tf.cast(x, tf.float32)
        split = self.granularity.split(x)
        y = tf.sign(split) * tf.math.log1p(tf.abs(split) / self.unit)
        least, greatest = integer_limits(self.bits, narrow_range=True)
        integers = tf.clip_by_value(rounding(y / self.scale), least, greatest)
        return self.granularity.merge(tf.cast(integers, integer_dtype(self.bits)), x)

    def decode(self, integers: Any) -> tf.Tensor:
        """Returns x' = sign(q) · u · (e^|y| − 1) with y = scale · q."""
        integers = tf.convert_to_tensor(integers)
        y = tf.cast(self.granularity.split(integers), tf.float32) * self.scale
        numbers = tf.sign(y) * self.unit * tf.math.expm1(tf.abs(y))
        return self.granularity.merge(numbers, integers)

    def holds(self, x: Any) -> tf.Tensor:
        """Returns whether the sizes of numbers lie up to the largest written one."""
        x = tf.cast(x, tf.float32)
        split = self.granularity.split(x)
        _, greatest = integer_limits(self.bits)
        # A millionth for the error of the two functions.
        end = self.unit * tf.math.expm1(greatest * self.scale) * (1 + 1e-6)
        return self.granularity.merge(tf.abs(split) <= end, x)

    @property
    def size_in_bytes(self) -> int:
        """Four bytes for each unit and for each scale."""
        return 4 * int(tf.size(self.unit) + tf.size(self.scale))


def logarithmic_parameters(
    x: Any,
    *,
    bits: int = 8,
    axis: int | tuple[int, ...] | None = None,
    group_size: int | None = None,
    unit: Any = None,
) -> LogarithmicParameters:
    """Returns the unit and the scale that reach the largest value of a tensor.

    y = sign(x) · log(1 + |x| / u) is written linearly and symmetrically, so a small
    number has a small error and a large one a large error. For numbers that bunch
    around 0, as weights do, that is less in all than with even steps over the same
    range. TFLite has no kernel for the format: it can be trained with and stored.
    Miyashita et al., "Convolutional Neural Networks using Logarithmic Data
    Representation", 2016, https://arxiv.org/abs/1603.01025, for logarithmic numbers;
    the 1 + of ITU-T G.711's µ-law keeps those near 0.

    Args:
        x: A tensor or array of floats.
        bits: From 2 to 8, or 16. Defaults to 8.
        axis: See `Granularity`. Defaults to one unit and scale for all.
        group_size: See `Granularity`. Defaults to no groups.
        unit: u, positive: a number, or a tensor that broadcasts with `x` split into
            groups. Defaults to the mean size of the values that share it, which is
            near the best for numbers with a normal or a Laplacian distribution.

    Returns:
        The parameters. Where all values are 0 the unit and the scale are 1.

    Raises:
        ArgumentError: If an argument is outside what is allowed.
        DataError: If a value is NaN or infinite, or if there is none.

    Example:
    ```python
    import numpy as np

    from tfcompress.quantization import formats

    parameters = formats.logarithmic_parameters([0.0, 1.0, -7.0], bits=3, unit=1.0)
    # log(1 + 7) is the third of three levels, so their distance is log 2.
    assert abs(float(parameters.scale) - np.log(2)) < 1e-6
    ```
    """
    granularity = Granularity(axis, group_size)
    _, greatest = integer_limits(bits, narrow_range=True)
    x = tf.convert_to_tensor(x)
    check_values(x)
    shared = granularity.shared_axes(x)
    sizes = tf.abs(granularity.split(tf.cast(x, tf.float32)))
    keep = {"axis": shared, "keepdims": axis is not None}
    if unit is None:
        unit = tf.reduce_mean(sizes, **keep)
        unit = tf.where(unit > 0, unit, 1.0)
    elif isinstance(unit, int | float) and not 0 < unit < math.inf:
        raise ArgumentError(f"unit is a positive number. Received: unit={unit}")
    unit = tf.cast(unit, tf.float32)
    scale = tf.math.log1p(tf.reduce_max(sizes, **keep) / unit) / greatest
    scale = tf.where(scale > 0, scale, 1.0)
    return LogarithmicParameters(unit, scale, bits, granularity)
