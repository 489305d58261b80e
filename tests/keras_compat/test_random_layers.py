"""Random layers draw the same from the same seed, and are as they were after."""

import keras
import numpy as np
import pytest
import tf_keras

from tfcompress.keras_compat.random_layers import seeded_random_layers

X = np.ones((64, 8), "float32")


@pytest.mark.parametrize("library", [keras, tf_keras])
def test_a_seed_says_what_random_layers_draw(library):
    layers = library.layers
    model = library.Sequential(
        [library.Input((8,)), layers.Dropout(0.5), layers.GaussianNoise(0.1)]
    )
    config = model.get_config()

    with seeded_random_layers(model) as restart:

        def draw(seed):
            restart(seed)
            first = np.asarray(model(X, training=True))
            return first, np.asarray(model(X, training=True))

        (first, second), (again, _), (other, _) = draw(3), draw(3), draw(4)

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert model.get_config() == config
    # Two layers do not draw the same numbers.
    assert 0.3 < (np.abs(first) < 0.6).mean() < 0.7
