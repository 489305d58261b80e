import numpy as np
import pytest
import tensorflow as tf

from tfcompress.keras_compat import ActivationRange


def ranged(low, high, x, **arguments):
    layer = ActivationRange(**arguments)
    layer.build((None, len(x)))
    layer.set_range(low, high)
    return layer, layer(np.float32([x])).numpy()[0]


# Steps of 1 from -100 to 155: 28 is the middle, which int8 writes as 0.
@pytest.mark.parametrize(
    ("averaged", "expected"),
    [(False, [-2, 11, 28, 29, 31]), (True, [-3, 10, 27, 29, 31])],
)
def test_halves_go_away_from_the_middle_where_means_are_taken(averaged, expected):
    x = [-2.5, 10.5, 27.5, 28.5, 30.5]
    _, rounded = ranged(-100.0, 155.0, x, averaged=averaged)
    np.testing.assert_allclose(rounded, expected, atol=1e-4)


def test_halves_of_sixteen_bits_go_away_from_zero():
    x = [-2.5, -0.5, 0.5, 2.5, 2.4]
    _, rounded = ranged(-32767.0, 32767.0, x, bits=16, averaged=True)
    np.testing.assert_allclose(rounded, [-3, -1, 1, 3, 2], atol=1e-2)


def test_gradient_passes_within_the_range():
    layer, _ = ranged(0.0, 255.0, [0.0], averaged=True)
    x = tf.constant([[-1.0, 0.0, 3.5, 255.0, 256.0]])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.reduce_sum(layer(x))
    assert tape.gradient(y, x).numpy().tolist() == [[0, 1, 1, 1, 0]]


def test_config_round_trip():
    layer = ActivationRange(8, masked=True, averaged=True, name="range")
    again = ActivationRange.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert again.quantizer.averaged
