"""Features as plain arrays: maps pooled to a size, positions and samples flattened.

A feature map has the shape `(batch, *spatial, channels)`, with one to three spatial
axes of any size, known or not.
"""

from collections.abc import Sequence
from typing import Any

import tensorflow as tf


def adaptive_average_pool(features: Any, sizes: Sequence[Any]) -> Any:
    """Averages a feature map down, or spreads it out, to given spatial sizes.

    Position i of n looks at the positions from ⌊i·m/n⌋ to ⌈(i+1)·m/n⌉ of the m that
    there are, and gives their mean, as adaptive pooling does elsewhere.

    Args:
        features: Float tensor of shape `(batch, *spatial, channels)`.
        sizes: For each spatial axis the size wanted, an int or a scalar tensor.

    Returns:
        A tensor of shape `(batch, *sizes, channels)` of the same dtype.

    Example:
    ```python
    import tensorflow as tf

    adaptive_average_pool(tf.ones((2, 7, 7, 3)), (4, 4)).shape  # (2, 4, 4, 3)
    ```
    """
    for axis, size in enumerate(sizes, start=1):
        if features.shape[axis] is None or features.shape[axis] != size:
            features = _pool(features, axis, size)
    return features


def pool_to_smaller(first: Any, second: Any) -> tuple[Any, Any]:
    """Pools two feature maps, axis by axis, to the smaller of their sizes.

    Args:
        first: Float tensor of shape `(batch, *spatial, channels)`.
        second: The same with as many spatial axes, of any sizes, and any channels.

    Returns:
        Both, with equal spatial sizes.

    Example:
    ```python
    import tensorflow as tf

    pool_to_smaller(tf.ones((2, 8, 4, 3)), tf.ones((2, 4, 8, 5)))  # both of 4 by 4
    ```
    """
    pairs = zip(spatial_sizes(first), spatial_sizes(second), strict=True)
    sizes = [_smaller(a, b) for a, b in pairs]
    return adaptive_average_pool(first, sizes), adaptive_average_pool(second, sizes)


def spatial_sizes(features: Any) -> list[Any]:
    """Returns the spatial sizes of a feature map: ints, tensors where not known.

    Args:
        features: Tensor of shape `(batch, *spatial, channels)`.

    Example:
    ```python
    import tensorflow as tf

    spatial_sizes(tf.ones((2, 8, 4, 3)))  # [8, 4]
    ```
    """
    dynamic = tf.shape(features)
    return [
        dynamic[axis] if features.shape[axis] is None else features.shape[axis]
        for axis in range(1, features.shape.rank - 1)
    ]


def flatten_positions(features: Any) -> Any:
    """Returns a feature map as `(batch, positions, channels)`.

    Args:
        features: Tensor of shape `(batch, *spatial, channels)`; a vector of shape
            `(batch, channels)` has one position.

    Example:
    ```python
    import tensorflow as tf

    flatten_positions(tf.ones((2, 8, 4, 3))).shape  # (2, 32, 3)
    ```
    """
    shape = tf.shape(features)
    positions = tf.reduce_prod(shape[1:-1])
    return tf.reshape(features, [shape[0], positions, features.shape[-1]])


def flatten_samples(features: Any) -> Any:
    """Returns features as `(batch, numbers)`, a vector for each sample.

    Args:
        features: Tensor of shape `(batch, ...)`.

    Example:
    ```python
    import tensorflow as tf

    flatten_samples(tf.ones((2, 8, 4, 3))).shape  # (2, 96)
    ```
    """
    shape = tf.shape(features)
    known = features.shape[1:].num_elements()
    numbers = tf.reduce_prod(shape[1:]) if known is None else known
    return tf.reshape(features, [shape[0], numbers])


def mean_of_sample(values: Any) -> Any:
    """Returns the mean of the numbers of each sample, of shape `(batch,)`.

    Args:
        values: Float tensor of shape `(batch, ...)`.

    Example:
    ```python
    import tensorflow as tf

    mean_of_sample(tf.constant([[1.0, 3.0], [0.0, 0.0]]))  # [2.0, 0.0]
    ```
    """
    return tf.reduce_mean(values, axis=list(range(1, values.shape.rank)))


def mean_or_zero(values: Any) -> Any:
    """Returns the mean of all numbers, and 0 where there are none.

    A device that is handed no sample at the end of an epoch compares no pairs.

    Args:
        values: Float32 tensor of any shape.

    Example:
    ```python
    import tensorflow as tf

    mean_or_zero(tf.zeros((0, 0)))  # 0.0
    ```
    """
    return tf.math.divide_no_nan(
        tf.reduce_sum(values), tf.cast(tf.size(values), tf.float32)
    )


def _pool(features: Any, axis: int, size: Any) -> Any:
    """Multiplies one axis by the matrix whose rows average over their windows."""
    length = tf.shape(features)[axis]
    position = tf.range(size)[:, None]
    first = position * length // size
    last = -(-(position + 1) * length // size)
    column = tf.range(length)[None, :]
    inside = tf.cast((first <= column) & (column < last), features.dtype)
    windows = inside / tf.reduce_sum(inside, axis=1, keepdims=True)
    pooled = tf.tensordot(windows, features, [[1], [axis]])
    rest = list(range(1, features.shape.rank))
    pooled = tf.transpose(pooled, [*rest[:axis], 0, *rest[axis:]])
    known = features.shape.as_list()
    known[axis] = size if isinstance(size, int) else None
    return tf.ensure_shape(pooled, known)


def _smaller(first: Any, second: Any) -> Any:
    if isinstance(first, int) and isinstance(second, int):
        return min(first, second)
    return tf.minimum(first, second)
