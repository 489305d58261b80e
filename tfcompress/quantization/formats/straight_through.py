"""The gradient of rounding, as training needs it."""

from typing import Any

import tensorflow as tf


def straight_through(rounded: Any, x: Any, mask: Any = True) -> tf.Tensor:
    """Returns the rounded values, with the gradient of the values before rounding.

    Rounding is flat almost everywhere, so its true gradient would stop all training.
    The straight-through estimator takes 1 within the range and 0 where a value was cut
    off. Bengio et al., "Estimating or Propagating Gradients Through Stochastic Neurons
    for Conditional Computation", 2013, https://arxiv.org/abs/1308.3432.

    Args:
        rounded: The tensor to return. No gradient goes to it.
        x: What it was made of, of the same shape and dtype.
        mask: Where the gradient is 1, boolean, of a shape that broadcasts with `x`.
            Defaults to everywhere.

    Returns:
        A tensor equal to `rounded`.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.quantization import formats

    x = tf.constant([0.4, 2.6, 9.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        rounded = tf.minimum(formats.round_nearest(x), 7.0)
        y = formats.straight_through(rounded, x, mask=x <= 7.0)
    assert list(y) == [0, 3, 7]
    assert list(tape.gradient(y, x)) == [1, 1, 0]
    ```
    """
    rounded, x = tf.convert_to_tensor(rounded), tf.convert_to_tensor(x)
    weight = tf.cast(mask, x.dtype)

    @tf.custom_gradient
    def pass_on(x: tf.Tensor) -> Any:
        return tf.stop_gradient(rounded), lambda upstream: upstream * weight

    return pass_on(x)
