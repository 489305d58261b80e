import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfcompress.errors import DataError
from tfcompress.measurement import TensorDetails

INT8 = TensorDetails("x", 0, (1, 1), np.dtype(np.int8), scale=0.5, zero_point=-10)


def test_halves_are_rounded_to_even():
    steps = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    expected = np.array([-2, -2, 0, 0, 2, 2]) - 10
    np.testing.assert_array_equal(INT8.quantize(steps * 0.5), expected)


def test_what_is_out_of_range_is_clipped():
    stored = INT8.quantize(np.array([-1e6, 1e6]))
    np.testing.assert_array_equal(stored, [-128, 127])
    assert stored.dtype == np.int8


def test_whole_numbers_are_real_numbers():
    np.testing.assert_array_equal(INT8.quantize(np.array([3], np.uint8)), [-4])


def test_dequantize_by_hand():
    real = INT8.dequantize(np.array([-10, -9, 127], np.int8))
    np.testing.assert_array_equal(real, np.array([0.0, 0.5, 68.5], np.float32))
    assert real.dtype == np.float32


@given(st.integers(-128, 127), st.floats(1e-6, 1e3), st.integers(-128, 127))
def test_stored_numbers_survive_the_way_there_and_back(stored, scale, zero_point):
    details = TensorDetails("x", 0, (1,), np.dtype(np.int8), scale, zero_point)
    array = np.array([stored], np.int8)
    np.testing.assert_array_equal(details.quantize(details.dequantize(array)), array)


def test_whole_number_inputs():
    tokens = TensorDetails("tokens", 0, (1, 1), np.dtype(np.int32))
    assert not tokens.quantized
    stored = tokens.quantize(np.array([[3.0]]))
    assert (stored.dtype, stored.tolist()) == (np.int32, [[3]])
    with pytest.raises(DataError, match=r"takes whole numbers.*Received: 0\.5"):
        tokens.quantize(np.array([[0.5]]))
    small = TensorDetails("tokens", 0, (1, 1), np.dtype(np.uint8))
    with pytest.raises(
        DataError, match=r"from 0 to 255.*Received: numbers from -1 to 3"
    ):
        small.quantize(np.array([[-1, 3]]))


def test_text_is_refused():
    with pytest.raises(DataError, match="Input 'x' takes numbers"):
        INT8.quantize(np.array(["a"]))


@pytest.mark.parametrize(("dtype", "value"), [("float32", -1e39), ("float16", 70000)])
def test_what_the_dtype_cannot_hold_is_refused(dtype, value):
    details = TensorDetails("x", 0, (None, 1), np.dtype(dtype))
    with pytest.raises(DataError, match=f"'x' takes numbers of dtype {dtype}"):
        details.quantize(np.array([[1.0], [value]]))


@pytest.mark.filterwarnings("error")
def test_what_float32_cannot_hold_is_clipped_too():
    details = TensorDetails("x", 0, (None, 2), np.dtype(np.int8), 0.5, -10)
    stored = details.quantize(np.array([[1e39, -1e39]]))
    np.testing.assert_array_equal(stored, [[127, -128]])
