import math

import numpy as np
import pytest
import tensorflow as tf

from tfcompress.errors import ArgumentError, DataError
from tfcompress.quantization.formats import (
    BITS,
    choose_parameters,
    fake_quantize,
    logarithmic_parameters,
    quantize,
)


def test_by_hand():
    # log(1 + 7) on three levels: sizes 0, 1, 3, 7. In levels, 1.9 is log2(2.9) = 1.54
    # and 1.7 is log2(2.7) = 1.43.
    x = [0.0, 1.9, -1.7, 7.0, -0.3]
    quantized = quantize(x, logarithmic_parameters(x, bits=3, unit=1.0))
    assert list(quantized.integers) == [0, 2, -1, 3, 0]
    np.testing.assert_allclose(quantized.dequantize(), [0, 3, -1, 7, 0], rtol=1e-6)


def test_unit_scales_the_levels():
    x = [0.0, 19.0, -17.0, 70.0]
    quantized = quantize(x, logarithmic_parameters(x, bits=3, unit=10.0))
    np.testing.assert_allclose(quantized.dequantize(), [0, 30, -10, 70], rtol=1e-6)


def test_unit_is_the_mean_size():
    parameters = logarithmic_parameters([[1.0, -3.0], [4.0, 0.0]], axis=0)
    np.testing.assert_array_equal(parameters.unit, [[2], [2]])


@pytest.mark.parametrize("bits", BITS)
def test_equals_a_loop(bits):
    x = np.random.default_rng(0).normal(size=(50, 3))
    expected = np.empty_like(x)
    levels = 2 ** (bits - 1) - 1
    for channel in range(3):
        column = x[:, channel]
        unit = np.abs(column).mean()
        scale = math.log(1 + np.abs(column).max() / unit) / levels
        for row, value in enumerate(column):
            q = math.floor(math.log(1 + abs(value) / unit) / scale + 0.5)
            expected[row, channel] = math.copysign(
                unit * (math.exp(q * scale) - 1), value
            )
    found = quantize(x, logarithmic_parameters(x, bits=bits, axis=1)).dequantize()
    wrong = np.abs(found - expected) > 1e-5 + 1e-5 * np.abs(expected)
    assert wrong.mean() <= (0.05 if bits == 16 else 0)


@pytest.mark.parametrize("bits", [3, 4, 8])
def test_is_better_than_even_steps_for_weights(bits):
    x = np.random.default_rng(0).laplace(size=50_000)
    logarithmic = quantize(x, logarithmic_parameters(x, bits=bits))
    linear = quantize(x, choose_parameters(x, bits=bits, symmetric=True))
    assert float(logarithmic.sqnr) > float(linear.sqnr) + 3


@pytest.mark.parametrize("bits", BITS)
def test_rounding_again_changes_nothing(bits):
    x = np.random.default_rng(0).normal(size=200).astype(np.float32)
    parameters = logarithmic_parameters(x, bits=bits)
    once = quantize(x, parameters)
    twice = quantize(once.dequantize(), parameters)
    np.testing.assert_array_equal(once.integers, twice.integers)


def test_zeros():
    parameters = logarithmic_parameters(np.zeros((3, 2), np.float32), axis=-1)
    assert (parameters.scale.numpy() == 1).all()
    assert (quantize(np.zeros((3, 2)), parameters).dequantize().numpy() == 0).all()


@pytest.mark.parametrize("unit", [0, -1.0, float("inf"), float("nan")])
def test_unit_outside(unit):
    with pytest.raises(ArgumentError, match="unit is a positive number"):
        logarithmic_parameters([1.0], unit=unit)


@pytest.mark.parametrize("bits", [1, 9, 32])
def test_bits_outside_the_list(bits):
    with pytest.raises(ArgumentError, match="bits is one of"):
        logarithmic_parameters([1.0], bits=bits)


def test_gradient_is_one_for_every_weight():
    x = tf.constant(np.random.default_rng(0).normal(size=(40, 8)), tf.float32)

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = fake_quantize(x, logarithmic_parameters(x, bits=4, axis=-1))
        return tape.gradient(y, x)

    assert (gradient(x).numpy() == 1).all()


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_values_that_are_none(values):
    with pytest.raises(DataError):
        logarithmic_parameters(values)
