import numpy as np
import tensorflow as tf

from tfcompress.quantization.formats import straight_through


def test_value_is_exact_and_gradient_is_the_mask():
    x = tf.constant([1e-8, 0.3, 5.0])
    rounded = tf.constant([1e8, 0.1, 4.0])
    with tf.GradientTape() as tape:
        tape.watch([x, rounded])
        y = straight_through(rounded, x, mask=x < 4)
        loss = tf.reduce_sum(y * [2.0, 3.0, 4.0])
    to_x, to_rounded = tape.gradient(loss, [x, rounded])
    np.testing.assert_array_equal(y, rounded)
    np.testing.assert_array_equal(to_x, [2, 3, 0])
    assert to_rounded is None


def test_mask_is_everywhere_by_default_and_works_in_a_graph():
    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = straight_through(tf.round(x), x)
        return tape.gradient(y, x)

    np.testing.assert_array_equal(gradient(tf.constant([0.4, 1.6])), [1, 1])
