"""How losses of samples and positions become the loss of a batch."""

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from tfcompress.errors import ArgumentError


def weighted_mean(values: Any, sample_weight: Any = None, mask: Any = None) -> Any:
    """Returns Σ vᵢ · wᵢ · mᵢ / Σ mᵢ, as Keras reduces its losses.

    Args:
        values: Losses of shape `(batch, ...)`; a scalar is returned as it is.
        sample_weight: Weights of shape `(batch,)`, or with axes for positions. Axes
            that `values` has not are averaged. Defaults to 1 each.
        mask: Which positions count, boolean, of shape `(batch, ...)`. One with more
            axes than `values` says nothing of them. Defaults to all.

    Returns:
        A float32 scalar; 0 where no position counts.

    Example:
    ```python
    weighted_mean([[1.0, 2.0], [3.0, 4.0]], mask=[[True, False], [True, True]])
    ```
    """
    values = tf.cast(tf.convert_to_tensor(values), tf.float32)
    rank = values.shape.rank
    if not rank:
        return values
    counts = tf.ones_like(values)
    if mask is not None and tf.convert_to_tensor(mask).shape.rank <= rank:
        counts *= _expanded(tf.cast(mask, tf.float32), rank)
    total = values * counts
    if sample_weight is not None:
        total *= _expanded(tf.cast(sample_weight, tf.float32), rank)
    return tf.math.divide_no_nan(tf.reduce_sum(total), tf.reduce_sum(counts))


def weights_of_outputs(sample_weight: Any, names: list[str]) -> list[Any]:
    """Returns the sample weights of each output of a model.

    Args:
        sample_weight: An array for all outputs, or a list or dict of an array or None
            for each, or None.
        names: Names of the outputs, in order.

    Raises:
        ArgumentError: If they do not fit the outputs.
    """
    if not isinstance(sample_weight, Mapping | list | tuple):
        return [sample_weight] * len(names)
    if isinstance(sample_weight, Mapping):
        unknown = sorted(set(sample_weight) - set(names))
        if unknown:
            raise ArgumentError(
                f"sample_weight must have names of outputs {names}. Received: "
                f"sample_weight for {unknown}"
            )
        return [sample_weight.get(name) for name in names]
    if len(sample_weight) != len(names):
        raise ArgumentError(
            f"sample_weight must be one array, or one for each of the {len(names)} "
            f"outputs. Received: {len(sample_weight)} arrays"
        )
    return list(sample_weight)


def mean_weight(weights: list[Any]) -> Any:
    """Returns the weight of each sample over several outputs, or None without any."""
    given = [tf.cast(weight, tf.float32) for weight in weights if weight is not None]
    if not given:
        return None
    flat = [tf.reduce_mean(w, list(range(1, w.shape.rank))) for w in given]
    return (tf.add_n(flat) + float(len(weights) - len(flat))) / len(weights)


def _expanded(weight: Any, rank: int) -> Any:
    """Gives weights the number of axes that the values have."""
    extra = rank - weight.shape.rank
    if extra < 0:
        return tf.reduce_mean(weight, list(range(rank, weight.shape.rank)))
    return tf.reshape(weight, tf.concat([tf.shape(weight), [1] * extra], 0))
