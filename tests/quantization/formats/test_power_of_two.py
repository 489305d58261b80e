import math

import numpy as np
import pytest
import tensorflow as tf

from tfcompress.errors import ArgumentError, DataError
from tfcompress.quantization.formats import (
    dequantize,
    fake_quantize,
    power_of_two_parameters,
    quantize,
)


def test_by_hand():
    # Three bits: 0 and three exponents, the largest that of 5: 4, 2, 1. log2 of 1.42 is
    # 0.506 and of 1.4 is 0.485; 0.4 is below half of 1, and 0.6 is not.
    x = [5.0, -1.42, 1.4, -0.6, 0.4, 0.0]
    quantized = quantize(x, power_of_two_parameters(x, bits=3))
    assert list(quantized.integers) == [3, -2, 1, -1, 0, 0]
    assert list(quantized.dequantize()) == [4, -2, 1, -1, 0, 0]


def test_two_bits_are_ternary():
    x = [0.9, -0.45, 0.6, -1.1]
    found = quantize(x, power_of_two_parameters(x, bits=2)).dequantize()
    assert list(found) == [1, 0, 1, -1]


@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6])
def test_equals_the_formula_of_the_paper(bits):
    # Miyashita et al., section 2: 2^Clip(Round(log2 |x|), least, greatest).
    x = np.random.default_rng(0).normal(size=500)
    greatest = round(math.log2(np.abs(x).max()))
    least = greatest - 2 ** (bits - 1) + 2
    expected = [
        math.copysign(2.0 ** min(max(round(math.log2(abs(v))), least), greatest), v)
        if abs(v) >= 2.0**least / 2
        else 0
        for v in x
    ]
    found = quantize(x, power_of_two_parameters(x, bits=bits)).dequantize()
    np.testing.assert_array_equal(found, np.float32(expected))


def test_powers_are_exact():
    x = 2.0 ** np.arange(-60, 61)
    x = np.concatenate([x, -x]).astype(np.float32)
    found = quantize(x, power_of_two_parameters(x, bits=8)).dequantize()
    np.testing.assert_array_equal(found, x)


def test_own_exponent_for_each_channel():
    x = np.array([[1.0, 16.0], [0.25, -4.0]], np.float32)
    parameters = power_of_two_parameters(x, bits=3, axis=-1)
    np.testing.assert_array_equal(parameters.exponent, [[0, 4]])
    np.testing.assert_array_equal(quantize(x, parameters).dequantize(), x)


def test_zeros_and_exponents_below_float32():
    zeros = np.zeros(3, np.float32)
    parameters = power_of_two_parameters(zeros)
    assert (quantize(zeros, parameters).dequantize().numpy() == 0).all()
    low = power_of_two_parameters([2.0**-100], bits=8)
    assert list(dequantize([127, 102, 101, 1], low)) == [
        2.0**-100,
        2.0**-125,
        2.0**-126,
        0,
    ]


def test_huge_numbers_stay_finite():
    x = [3e38, -1.0]
    found = quantize(x, power_of_two_parameters(x, bits=4)).dequantize()
    assert np.isfinite(found).all()


@pytest.mark.parametrize("bits", [1, 9, 16])
def test_bits_outside_the_list(bits):
    with pytest.raises(ArgumentError, match="bits is one of"):
        power_of_two_parameters([1.0], bits=bits)


def test_gradient_is_one_for_every_weight_of_ordinary_size():
    x = tf.constant(np.random.default_rng(0).normal(size=(40, 8)), tf.float32)

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = fake_quantize(x, power_of_two_parameters(x, bits=4, axis=-1))
        return tape.gradient(y, x)

    assert (gradient(x).numpy() == 1).all()


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_values_that_are_none(values):
    with pytest.raises(DataError):
        power_of_two_parameters(values)
