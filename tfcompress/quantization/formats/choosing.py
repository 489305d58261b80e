"""The linear format that suits a tensor."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tfcompress.errors import ArgumentError
from tfcompress.quantization.formats import ranges
from tfcompress.quantization.formats.bits import check_bits, check_name
from tfcompress.quantization.formats.granularity import Granularity
from tfcompress.quantization.formats.linear import LinearParameters, linear_parameters
from tfcompress.quantization.formats.observers import METHODS, build_observer
from tfcompress.quantization.formats.values import check_values, read_finite

_MANY = 65_536


def choose_parameters(
    x: Any,
    *,
    bits: int = 8,
    symmetric: bool = False,
    axis: int | Sequence[int] | None = None,
    group_size: int | None = None,
    method: str = "min_max",
) -> LinearParameters:
    """Chooses the range, and with it the scale and the zero point, for a tensor.

    TFLite's weights are `symmetric=True, axis=<channel axis>`, its activations neither.

    Args:
        x: A tensor or array of floats. Within a `tf.function`, where values are not
            known yet, the method must be `"min_max"`.
        bits: From 2 to 8, or 16. Defaults to 8.
        symmetric: Whether the zero point is 0, and the range narrow. Defaults to False.
        axis: See `Granularity`. Defaults to one scale for all.
        group_size: See `Granularity`. Defaults to no groups.
        method: How the range is chosen, one of `METHODS`, see `build_observer`;
            `"moving_average"` of one tensor is `"min_max"`. `"percentile"` and, up to
            65536 values for a scale, `"mse"` look at the values themselves; beyond
            that, and for `"kl"`, at a histogram. Defaults to `"min_max"`.

    Returns:
        The parameters, their scales of a shape that broadcasts with `x`, or with `x`
        split into groups.

    Raises:
        ArgumentError: If an argument is outside what is allowed.
        DataError: If the tensor is empty, or holds NaN or infinite values.

    Example:
    ```python
    import numpy as np

    from tfcompress.quantization import formats

    kernel = np.random.default_rng(0).normal(size=(3, 3, 8, 16))
    parameters = formats.choose_parameters(kernel, bits=4, symmetric=True, axis=-1)
    assert parameters.scale.shape == (1, 1, 1, 16)
    assert formats.quantize(kernel, parameters).sqnr > 15
    ```
    """
    check_bits(bits)
    check_name("method", method, METHODS)
    granularity = Granularity(axis, group_size)
    x = tf.convert_to_tensor(x)
    if not tf.executing_eagerly():
        if method != "min_max":
            raise ArgumentError(
                "Within a tf.function a range is chosen with method='min_max'. "
                f"Received: method={method!r}"
            )
        low, high = _min_max(x, granularity)
    else:
        check_values(x)
        if method in ("min_max", "moving_average"):
            low, high = _min_max(x, granularity)
        else:
            rows, shape = granularity.to_rows(read_finite(x.numpy()))
            ends = _find(rows, method, bits, symmetric)
            low, high = (np.reshape(end, shape) for end in ends)
    return linear_parameters(
        low, high, bits=bits, symmetric=symmetric, granularity=granularity
    )


def _min_max(x: tf.Tensor, granularity: Granularity) -> tuple[tf.Tensor, tf.Tensor]:
    shared = granularity.shared_axes(x)
    split = granularity.split(tf.cast(x, tf.float32))
    keep = {"axis": shared, "keepdims": granularity.axis is not None}
    return tf.reduce_min(split, **keep), tf.reduce_max(split, **keep)


def _find(rows: np.ndarray, method: str, bits: int, symmetric: bool) -> ranges.Range:
    if method == "percentile":
        return ranges.find_percentile(rows, symmetric=symmetric)
    if method == "mse" and rows.shape[1] <= _MANY:
        return ranges.find_least_squares(rows, bits=bits, symmetric=symmetric)
    ends = []
    for row in rows:
        observer = build_observer(method, bits=bits, symmetric=symmetric)
        observer.update(row)
        ends.append(observer.range())
    low, high = np.transpose(ends)
    return low, high
