import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from tfcompress.errors import ArgumentError, DataError
from tfcompress.quantization.formats import (
    BITS,
    choose_parameters,
    dequantize,
    fake_quantize,
    integer_limits,
    linear_parameters,
    quantize,
)


@pytest.mark.parametrize(
    ("bits", "narrow", "limits"),
    [
        (2, False, (-2, 1)),
        (2, True, (-1, 1)),
        (4, False, (-8, 7)),
        (8, False, (-128, 127)),
        (8, True, (-127, 127)),
        (16, False, (-32768, 32767)),
    ],
)
def test_limits_of_integers(bits, narrow, limits):
    assert integer_limits(bits, narrow_range=narrow) == limits


def test_asymmetric_by_hand():
    # 255 steps from -1 to 3: scale 4 / 255, and -1 lies 63.75 steps below 0, so 0 is
    # integer -128 + 64 and the range is moved to -64 and 191 steps.
    parameters = linear_parameters(-1.0, 3.0)
    assert float(parameters.scale) == pytest.approx(4 / 255)
    assert int(parameters.zero_point) == -64
    assert float(parameters.low) == pytest.approx(-64 * 4 / 255)
    assert float(parameters.high) == pytest.approx(191 * 4 / 255)
    quantized = quantize([-5.0, -1.0, 0.0, 0.1, 3.0, 5.0], parameters)
    # 0.1 is 6.375 steps.
    assert list(quantized.integers) == [-128, -128, -64, -58, 127, 127]
    assert quantized.integers.dtype == tf.int8


def test_symmetric_by_hand():
    parameters = linear_parameters(-2.54, 1.0, symmetric=True)
    assert float(parameters.scale) == pytest.approx(0.02)
    assert int(parameters.zero_point) == 0
    quantized = quantize([-2.54, -3.0, 0.031, 0.029, 1.0], parameters)
    assert list(quantized.integers) == [-127, -127, 2, 1, 50]
    np.testing.assert_allclose(
        quantized.dequantize(), [-2.54, -2.54, 0.04, 0.02, 1.0], rtol=1e-6
    )


def test_symmetric_and_wide():
    parameters = linear_parameters(-12.7, 12.7, symmetric=True, narrow_range=False)
    assert list(quantize([-12.8, 12.8], parameters).integers) == [-128, 127]


def test_sixteen_bits():
    parameters = linear_parameters(-1.0, 1.0, bits=16, symmetric=True)
    quantized = quantize([-1.0, 0.5, 1.0], parameters)
    assert list(quantized.integers) == [-32767, 16384, 32767]
    assert quantized.integers.dtype == tf.int16


def test_range_without_zero_is_widened():
    above = linear_parameters(4.0, 5.0)
    assert int(above.zero_point) == -128
    assert float(above.scale) == pytest.approx(5 / 255)
    below = linear_parameters(-5.0, -4.0)
    assert int(below.zero_point) == 127
    assert float(below.low) == pytest.approx(-5)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", BITS)
def test_range_without_width_still_works(bits, symmetric):
    parameters = choose_parameters(np.zeros(5), bits=bits, symmetric=symmetric)
    assert float(parameters.scale) == 1
    assert list(quantize(np.zeros(5), parameters).dequantize()) == [0] * 5


def test_scale_never_underflows():
    parameters = linear_parameters(0.0, 1e-38)
    assert float(parameters.scale) > 0
    assert np.isfinite(quantize([0.0, 1e-38], parameters).dequantize()).all()


@pytest.mark.parametrize("narrow", [False, True])
@pytest.mark.parametrize("bits", [2, 3, 4, 5, 6, 7, 8])
class TestEqualsFakeQuantizationOfTensorFlow:
    RANGES = ((-1.3, 2.9), (-0.1, 6.0), (0.0, 1.0), (-7.0, 0.0), (-100.0, 0.01))

    def test_per_tensor(self, bits, narrow):
        x = np.random.default_rng(bits).normal(size=2000).astype(np.float32) * 3
        for low, high in self.RANGES:
            parameters = linear_parameters(low, high, bits=bits, narrow_range=narrow)
            expected = tf.quantization.fake_quant_with_min_max_vars(
                x, low, high, bits, narrow
            )
            np.testing.assert_allclose(
                fake_quantize(x, parameters), expected, rtol=1e-5, atol=1e-6
            )

    def test_per_channel(self, bits, narrow):
        low = np.array([-1.3, -0.1, 0.0, -7.0], np.float32)
        high = np.array([2.9, 6.0, 1.0, 0.0], np.float32)
        x = np.random.default_rng(bits).normal(size=(500, 4)).astype(np.float32) * 3
        parameters = linear_parameters(
            low[None], high[None], bits=bits, narrow_range=narrow
        )
        expected = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            x, low, high, bits, narrow
        )
        np.testing.assert_allclose(
            fake_quantize(x, parameters), expected, rtol=1e-5, atol=1e-6
        )

    def test_gradient(self, bits, narrow):
        x = tf.constant(np.random.default_rng(0).normal(size=500) * 2, tf.float32)
        parameters = linear_parameters(-1.3, 2.9, bits=bits, narrow_range=narrow)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            ours = fake_quantize(x, parameters) * x
            theirs = (
                tf.quantization.fake_quant_with_min_max_vars(x, -1.3, 2.9, bits, narrow)
                * x
            )
        expected = tape.gradient(theirs, x)
        np.testing.assert_allclose(tape.gradient(ours, x), expected, atol=1e-5)


def quantize_by_loop(x, *, bits, symmetric):
    """Jacob et al., equation 13, one number at a time."""
    low, high = min(x.min(), 0.0), max(x.max(), 0.0)
    if symmetric:
        high = max(-low, high)
        steps, first = 2 ** (bits - 1) - 1, -(2 ** (bits - 1) - 1)
        scale, zero = high / steps, 0
        last = steps
    else:
        scale = (high - low) / (2**bits - 1)
        first, last = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
        zero = first + int(np.floor(-low / scale + 0.5))
    found = []
    for value in x.ravel():
        steps = np.floor(abs(value) / scale + 0.5) * np.sign(value) + zero
        found.append((min(max(steps, first), last) - zero) * scale)
    return np.reshape(found, x.shape)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("bits", BITS)
class TestEqualsALoop:
    def check(self, x, expected, **options):
        parameters = choose_parameters(x, **options)
        found = quantize(x, parameters).dequantize()
        assert found.shape == x.shape
        # In float32 a number near the middle of two levels may take the other one.
        wrong = np.abs(found - expected) > 1e-4 * np.abs(expected) + 1e-6
        assert wrong.mean() < (0.01 if options["bits"] == 16 else 0.002)

    def test_per_tensor(self, bits, symmetric):
        x = np.random.default_rng(1).normal(0.3, 1, size=(40, 30))
        expected = quantize_by_loop(x, bits=bits, symmetric=symmetric)
        self.check(x, expected, bits=bits, symmetric=symmetric)

    @pytest.mark.parametrize("axis", [0, 1, -1])
    def test_per_channel(self, bits, symmetric, axis):
        x = np.random.default_rng(2).normal(0.3, 1, size=(5, 8, 6))
        x *= np.arange(1, 7) * np.arange(1, 9)[:, None]
        expected = np.empty_like(x)
        for index in range(x.shape[axis]):
            part = [slice(None)] * 3
            part[axis] = index
            expected[tuple(part)] = quantize_by_loop(
                x[tuple(part)], bits=bits, symmetric=symmetric
            )
        self.check(x, expected, bits=bits, symmetric=symmetric, axis=axis)

    def test_per_group(self, bits, symmetric):
        x = np.random.default_rng(3).normal(0.3, 1, size=(12, 7))
        expected = np.empty_like(x)
        for column in range(7):
            for start in (0, 4, 8):
                part = x[start : start + 4, column]
                expected[start : start + 4, column] = quantize_by_loop(
                    part, bits=bits, symmetric=symmetric
                )
        self.check(x, expected, bits=bits, symmetric=symmetric, axis=0, group_size=4)


NUMBERS = st.lists(
    st.floats(-1000, 1000, width=32, allow_subnormal=False), min_size=1, max_size=30
)


@settings(max_examples=60, deadline=None)
@given(NUMBERS, st.sampled_from(BITS[:-1]), st.booleans())
def test_properties(numbers, bits, symmetric):
    x = np.array(sorted(numbers), np.float32)
    parameters = choose_parameters(x, bits=bits, symmetric=symmetric)
    quantized = quantize(x, parameters)
    rounded = quantized.dequantize().numpy()
    scale = float(parameters.scale)
    # Zero is exact.
    assert dequantize(parameters.zero_point, parameters) == 0
    # Rounding keeps the order.
    assert (np.diff(rounded) >= 0).all()
    # Rounding again changes nothing.
    again = quantize(rounded, parameters).integers
    np.testing.assert_array_equal(again, quantized.integers)
    # The error is half a step; at the end that was moved to make 0 exact, up to one.
    inside = (x >= parameters.low) & (x <= parameters.high)
    error = np.abs(x - rounded)
    assert (error[inside] <= 0.5001 * scale + 1e-30).all()
    assert (error <= 1.0001 * scale + 1e-30).all()


def test_largest_weights_keep_their_gradient():
    x = tf.constant(np.random.default_rng(0).normal(size=(100, 64)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        parameters = choose_parameters(x, symmetric=True, axis=-1)
        y = fake_quantize(x, parameters)
    assert (tape.gradient(y, x).numpy() == 1).all()


@pytest.mark.parametrize("bits", [0, 1, 9, 15, 17, 32, 4.0, "8", None])
def test_bits_outside_the_list(bits):
    with pytest.raises(ArgumentError, match="bits is one of"):
        linear_parameters(-1.0, 1.0, bits=bits)


@pytest.mark.parametrize(
    ("low", "high"),
    [(1.0, -1.0), (0.0, float("nan")), (-float("inf"), 0.0), (-3e38, 3e38)],
)
def test_range_that_is_none(low, high):
    with pytest.raises(ArgumentError, match="both finite.*Received: low="):
        linear_parameters(low, high)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite(bad):
    with pytest.raises(DataError, match="NaN or infinite"):
        quantize([0.0, bad], linear_parameters(-1.0, 1.0))
