import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcompress.errors import ArgumentError, DataError
from tfcompress.quantization.formats import (
    BITS,
    choose_parameters,
    integer_limits,
    logarithmic_parameters,
    pack_bits,
    power_of_two_parameters,
    quantize,
    unpack_bits,
)


def test_by_hand():
    # Two bits, lowest first: 1 = 01, -1 = 11, -2 = 10, 0 = 00 makes 00101101.
    assert list(pack_bits([1, -1, -2, 0], bits=2)) == [0b00101101]
    # Three bits: -4 = 100, 3 = 011, -1 = 111 makes 1 11 011 100 across a byte.
    assert list(pack_bits([-4, 3, -1], bits=3)) == [0b11011100, 0b1]
    assert list(pack_bits([-2, 258], bits=16)) == [0xFE, 0xFF, 0x02, 0x01]


def test_eight_bits_are_int8_itself():
    x = np.arange(-128, 128, dtype=np.int8)
    np.testing.assert_array_equal(pack_bits(x, bits=8).view(np.int8), x)


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(BITS))
def test_there_and_back(data, bits):
    least, greatest = integer_limits(bits)
    numbers = data.draw(st.lists(st.integers(least, greatest), max_size=40))
    packed = pack_bits(np.array(numbers, np.int32), bits)
    assert len(packed) == -(-len(numbers) * bits // 8)
    assert list(unpack_bits(packed, bits, len(numbers))) == numbers


def test_shape_and_tensors():
    x = tf.constant([[1, -2, 3], [0, -4, 2]], tf.int8)
    packed = pack_bits(x, bits=3)
    assert packed.shape == (3,)
    unpacked = unpack_bits(packed, 3, (2, 3))
    assert unpacked.dtype == np.int8
    np.testing.assert_array_equal(unpacked, x)


def test_number_that_does_not_fit():
    with pytest.raises(DataError, match="from -8 to 7.*from 0 to 8"):
        pack_bits([0, 8], bits=4)


def test_floats():
    with pytest.raises(DataError, match="dtype=float64"):
        pack_bits([0.5], bits=4)


def test_too_few_bytes():
    with pytest.raises(DataError, match="take 2 bytes"):
        unpack_bits(np.zeros(1, np.uint8), 4, 3)


def test_bits_outside_the_list():
    with pytest.raises(ArgumentError, match="bits is one of"):
        unpack_bits(np.zeros(1, np.uint8), 1, 8)


@pytest.mark.parametrize(
    ("build", "own"),
    [(choose_parameters, 4), (logarithmic_parameters, 8), (power_of_two_parameters, 1)],
)
def test_size_of_what_is_stored(build, own):
    x = np.random.default_rng(0).normal(size=(10, 5)).astype(np.float32)
    options = {"symmetric": True} if build is choose_parameters else {}
    quantized = quantize(x, build(x, bits=3, axis=-1, **options))
    # 50 numbers of 3 bits are 19 bytes; five channels have parameters.
    assert quantized.size_in_bytes == 19 + 5 * own
    assert len(pack_bits(quantized.integers, 3)) == 19
