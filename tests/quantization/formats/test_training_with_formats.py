"""Weights that are rounded in every step of a training."""

import numpy as np
import pytest
import tensorflow as tf

from tfcompress.quantization.formats import (
    choose_parameters,
    fake_quantize,
    logarithmic_parameters,
    power_of_two_parameters,
)

ROUNDINGS = {
    "linear": lambda w: fake_quantize(
        w, choose_parameters(w, bits=3, symmetric=True, axis=-1)
    ),
    "logarithmic": lambda w: fake_quantize(
        w, logarithmic_parameters(w, bits=3, axis=-1)
    ),
    "power_of_two": lambda w: fake_quantize(
        w, power_of_two_parameters(w, bits=3, axis=-1)
    ),
}


@pytest.mark.parametrize("name", ROUNDINGS)
def test_training_lowers_the_loss_of_rounded_weights(name):
    rounding = ROUNDINGS[name]
    generator = np.random.default_rng(0)
    x = tf.constant(generator.normal(size=(256, 8)), tf.float32)
    y = x @ tf.constant(generator.normal(size=(8, 8)), tf.float32)
    # From the second layer on, what the first one rounds wrongly can be made good.
    first = tf.Variable(generator.normal(size=(8, 32)) * 0.3, dtype=tf.float32)
    second = tf.Variable(generator.normal(size=(32, 8)) * 0.2, dtype=tf.float32)

    def loss():
        return tf.reduce_mean((x @ rounding(first) @ rounding(second) - y) ** 2)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            value = loss()
        gradients = tape.gradient(value, [first, second])
        for weight, gradient in zip([first, second], gradients, strict=True):
            weight.assign_sub(0.05 * gradient)
        return value

    before = float(loss())
    for _ in range(150):
        step()
    assert float(loss()) < 0.25 * before
