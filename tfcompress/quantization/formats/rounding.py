"""From numbers to whole numbers: to the nearest, or by chance."""

from typing import Any

import tensorflow as tf


def round_nearest(x: Any) -> tf.Tensor:
    """Rounds to the nearest whole number, and ties away from zero.

    That is the rule of TFLite's kernels (`std::round`). `np.round` and `tf.round` take
    ties to the even number, and TensorFlow's fake-quantization operations take them
    up: the three differ on ties only.

    Args:
        x: A tensor or array of floats, of any shape.

    Returns:
        A tensor of the same shape and dtype. Its gradient is 0, see
        `straight_through`.

    Example:
    ```python
    from tfcompress.quantization import formats

    assert list(formats.round_nearest([-2.5, -0.4, 0.5, 1.5])) == [-3, 0, 1, 2]
    ```
    """
    x = tf.convert_to_tensor(x)
    whole = tf.floor(tf.abs(x))
    up = tf.cast(tf.abs(x) - whole >= 0.5, x.dtype)
    return tf.sign(x) * (whole + up)


def round_stochastic(x: Any, seed: Any) -> tf.Tensor:
    """Rounds up or down by chance, so that the mean of many roundings is the number.

    2.25 becomes 3 in one case of four and 2 in the others. Gupta et al., "Deep Learning
    with Limited Numerical Precision", 2015, https://arxiv.org/abs/1502.02551.

    Args:
        x: A tensor or array of floats, of any shape.
        seed: A whole number, or a pair of them such as a seed and the number of the
            step, which may be a tensor. The same seed rounds in the same way.

    Returns:
        A tensor of the same shape and dtype.

    Example:
    ```python
    import tensorflow as tf

    from tfcompress.quantization import formats

    mean = tf.reduce_mean(formats.round_stochastic(tf.fill([10000], 2.25), seed=1))
    assert abs(float(mean) - 2.25) < 0.02
    ```
    """
    x = tf.convert_to_tensor(x)
    seed = tf.cast(seed, tf.int32)
    pair = tf.stack([seed, 0]) if seed.shape.rank == 0 else seed
    chance = tf.random.stateless_uniform(tf.shape(x), pair, dtype=x.dtype)
    whole = tf.floor(x)
    return whole + tf.cast(chance < x - whole, x.dtype)
