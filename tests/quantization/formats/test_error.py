import numpy as np
import pytest

from tfcompress.quantization.formats import (
    choose_parameters,
    largest_error,
    mean_squared_error,
    quantize,
    sqnr,
)


def test_by_hand():
    x, rounded = [3.0, -4.0, 0.0], [3.0, -3.5, 0.5]
    assert float(mean_squared_error(x, rounded)) == pytest.approx(0.5 / 3)
    assert float(largest_error(x, rounded)) == 0.5
    # 25 / 0.5 = 50.
    assert float(sqnr(x, rounded)) == pytest.approx(10 * np.log10(50))


def test_ends():
    assert float(sqnr([1.0, 2.0], [1.0, 2.0])) == np.inf
    assert float(sqnr([0.0], [0.0])) == np.inf
    assert float(sqnr([0.0], [1.0])) == -np.inf


def test_small_differences_are_not_lost():
    x = np.full(1000, 1e6, np.float32)
    assert float(sqnr(x, x + 1)) == pytest.approx(120)


@pytest.mark.parametrize("bits", [4, 6, 8])
def test_of_even_numbers_follows_the_rule_of_six_decibels(bits):
    # A uniform signal of full range has 12 · x²/Δ² with x² = (2^b Δ)² / 12.
    x = np.random.default_rng(0).uniform(-1, 1, 200_000)
    quantized = quantize(x, choose_parameters(x, bits=bits))
    assert float(quantized.sqnr) == pytest.approx(6.0206 * bits, abs=0.6)


def test_errors_of_a_quantized_tensor():
    x = np.array([0.0, 0.4, 127.0])
    quantized = quantize(x, choose_parameters(x, symmetric=True))
    assert float(quantized.largest_error) == pytest.approx(0.4)
    assert float(quantized.mean_squared_error) == pytest.approx(0.16 / 3)
    assert float(quantized.sqnr) == pytest.approx(10 * np.log10((127**2 + 0.16) / 0.16))
