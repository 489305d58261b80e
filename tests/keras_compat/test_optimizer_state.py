"""All variables of an optimizer are its state."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tfcompress.keras_compat.optimizer_state import optimizer_state


def holds(optimizer, value):
    state = optimizer_state(optimizer)
    assert len({id(each) for each in state}) == len(state)
    return sum(np.allclose(each.numpy(), value) for each in state) == 1


def test_learning_rate_is_in_it():
    adam = tf_keras.optimizers.Adam(0.125)
    adam.build([tf.Variable([1.0])])
    assert holds(adam, 0.125)
    adam = keras.optimizers.Adam(0.125)
    adam.build([keras.Variable([1.0])])
    assert holds(adam, 0.125)


def test_loss_scale_is_in_it():
    scaled = tf_keras.mixed_precision.LossScaleOptimizer(
        tf_keras.optimizers.SGD(0.5), initial_scale=64
    )
    scaled.build([tf.Variable([1.0])])
    assert holds(scaled, 64)
    assert holds(scaled, 0.5)


@pytest.mark.parametrize("library", [keras, tf_keras])
def test_slots_are_in_it(library):
    kind = {keras: keras.Variable, tf_keras: tf.Variable}[library]
    nadam = library.optimizers.Nadam()
    nadam.build([kind(np.zeros(3, "float32")), kind(np.zeros(2, "float32"))])
    shapes = sorted(tuple(each.shape) for each in optimizer_state(nadam))
    # Steps, learning rate, product of momentums; two moments for each.
    assert shapes == [(), (), (), (2,), (2,), (3,), (3,)]
