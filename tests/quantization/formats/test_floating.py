import numpy as np
import pytest
import tensorflow as tf

from tfcompress.quantization.formats import round_bfloat16, round_float16


def test_float16_equals_numpy():
    x = np.random.default_rng(0).normal(size=1000).astype(np.float32) * 100
    expected = x.astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(round_float16(x), expected)


def test_float16_by_hand():
    # From 2048 on even numbers only; ties to the even neighbour of these.
    assert list(round_float16([2049.0, 2051.0, 65504.0])) == [2048, 2052, 65504]
    assert np.isinf(round_float16(70_000.0))
    assert float(round_float16(2.0**-24)) == 2.0**-24
    assert float(round_float16(2.0**-26)) == 0


def test_bfloat16_equals_cutting_the_bits_of_float32():
    x = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    bits = x.view(np.uint32).astype(np.uint64)
    # Half of the last bit, or just less where the number below is even.
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    expected = bits.astype(np.uint32).view(np.float32)
    np.testing.assert_array_equal(round_bfloat16(x), expected)


def test_bfloat16_by_hand():
    assert list(round_bfloat16([257.0, 259.0])) == [256, 260]
    assert float(round_bfloat16(1e38)) == pytest.approx(1e38, rel=2**-8)


@pytest.mark.parametrize("round_", [round_float16, round_bfloat16])
def test_gradient_is_not_rounded(round_):
    x = tf.constant([0.1, 2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = round_(x) * 1.0001
    np.testing.assert_array_equal(tape.gradient(y, x), np.float32([1.0001] * 2))
